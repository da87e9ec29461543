package embed

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"souffleur/internal/dirlock"
)

func startBroker(t *testing.T, dir string) *Broker {
	t.Helper()
	b, err := StartBroker(t.Context(), BrokerConfig{Dir: dir}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

// dialBroker connects as a client does.
func dialBroker(t *testing.T, b *Broker) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", b.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(30 * time.Second))
	return conn
}

// answers says whether the broker answers a client.
func answers(t *testing.T, b *Broker) error {
	t.Helper()
	return exchange(dialBroker(t, b), kmsg.NewPtrMetadataRequest(), kmsg.NewPtrMetadataResponse())
}

func TestTheBrokerComesBackOnItsPortAndRefusesASecondOne(t *testing.T) {
	dir := t.TempDir()
	first := startBroker(t, dir)
	if err := answers(t, first); err != nil {
		t.Fatal(err)
	}
	if _, err := StartBroker(t.Context(), BrokerConfig{Dir: dir}, slog.New(slog.DiscardHandler)); !errors.Is(err, dirlock.ErrInUse) {
		t.Errorf("a second broker on the directory: %v, want ErrInUse", err)
	}
	for range 2 { // closing again does nothing
		if err := first.Close(); err != nil {
			t.Fatal(err)
		}
	}
	second := startBroker(t, dir)
	if second.Addr() != first.Addr() {
		t.Errorf("came back on %s, was on %s", second.Addr(), first.Addr())
	}
	if err := answers(t, second); err != nil {
		t.Error(err)
	}
}

func TestTheBrokerListensOnLoopbackOnly(t *testing.T) {
	dir := t.TempDir()
	cfg := BrokerConfig{Dir: dir, Addr: "0.0.0.0:0"}
	if _, err := StartBroker(t.Context(), cfg, slog.New(slog.DiscardHandler)); err == nil {
		t.Fatal("a broker that asks for no password listens to everybody")
	}
	startBroker(t, dir) // the refused one has not kept the lock
}

func TestTheBrokerDoesNotDependOnTheWorkingDirectory(t *testing.T) {
	t.Chdir(t.TempDir())
	b := startBroker(t, "data")
	elsewhere := t.TempDir()
	t.Chdir(elsewhere)
	if err := createTopic(dialBroker(t, b), "topic"); err != nil {
		t.Fatal(err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(elsewhere); err != nil || len(left) > 0 {
		t.Errorf("the new working directory holds %v, %v", left, err)
	}
}

func createTopic(conn net.Conn, name string) error {
	topic := kmsg.NewCreateTopicsRequestTopic()
	topic.Topic, topic.NumPartitions, topic.ReplicationFactor = name, 1, 1
	req := kmsg.NewPtrCreateTopicsRequest()
	req.Version, req.Topics = 2, append(req.Topics, topic)
	return exchange(conn, req, kmsg.NewPtrCreateTopicsResponse())
}

func TestAFolderThatCannotBeReadIsAnError(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "log"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := StartBroker(t.Context(), BrokerConfig{Dir: dir}, slog.New(slog.DiscardHandler)); err == nil {
		t.Error("started on a file")
	}
	if _, err := StartBroker(t.Context(), BrokerConfig{Dir: filepath.Join(dir, "log")}, slog.New(slog.DiscardHandler)); err == nil {
		t.Error("started in a file")
	}
}

// request returns the head of a request with the given length and API key, and body behind it.
func request(size uint32, key int16, body ...byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, size)
	b = binary.BigEndian.AppendUint16(b, uint16(key))
	return append(b, append([]byte{0, 0, 0, 0, 0, 0}, body...)...)
}

func TestForeignBytesCloseOnlyTheirConnection(t *testing.T) {
	b := startBroker(t, t.TempDir())
	for name, sent := range map[string][]byte{
		"a browser":          []byte("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
		"a TLS client":       {0x16, 3, 1, 0, 200, 1, 0, 0, 196, 3, 3, 0, 0},
		"a huge request":     request(1<<31-1, 3),
		"a tiny request":     request(3, 3),
		"an unknown API key": request(8, 999),
		"a negative API key": request(8, -1),
		"a body that lies":   request(12, 0, 0xff, 0xff, 0xff, 0xff),
	} {
		conn := dialBroker(t, b)
		if _, err := conn.Write(sent); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(conn); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s: the connection stays open", name)
		}
	}
	if err := answers(t, b); err != nil {
		t.Errorf("the broker has suffered: %v", err)
	}
}

// FuzzFramedConn checks that whatever comes, the broker sees only whole heads of known requests, unchanged.
func FuzzFramedConn(f *testing.F) {
	f.Add(append(request(10, 3, 1, 2), request(8, 18)...))
	f.Add([]byte("POST / HTTP/1.1"))
	f.Fuzz(func(t *testing.T, sent []byte) {
		mine, theirs := net.Pipe()
		go func() {
			mine.Write(sent)
			mine.Close()
		}()
		got, _ := io.ReadAll(&framedConn{Conn: theirs})
		theirs.Close()
		if !bytes.HasPrefix(sent, got) {
			t.Fatalf("the broker reads %x of %x", got, sent)
		}
		for rest := got; len(rest) > 0; {
			if len(rest) < frameHead {
				t.Fatalf("a cut head %x reaches the broker", rest)
			}
			size := int(binary.BigEndian.Uint32(rest))
			if key := int16(binary.BigEndian.Uint16(rest[4:])); kmsg.RequestForKey(key) == nil || size > maxFrame {
				t.Fatalf("key %d with %d bytes reaches the broker", key, size)
			}
			rest = rest[min(4+size, len(rest)):]
		}
	})
}

// While the gate is closed, clients wait: they are neither refused nor served.
func TestClientsWaitUntilOffsetsAreRepaired(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := newGate(listener)
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.DataDir(t.TempDir()),
		kfake.ListenFn(func(string, string) (net.Listener, error) { return g, nil }))
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	outside, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer outside.Close()
	outside.SetDeadline(time.Now().Add(30 * time.Second))
	answered := make(chan error, 1)
	go func() { answered <- createTopic(outside, "late") }()

	inside, err := g.enter()
	if err != nil {
		t.Fatal(err)
	}
	defer inside.Close()
	if names, err := groupNames(inside); err != nil || len(names) != 0 {
		t.Errorf("from inside: %v, %v", names, err)
	}
	if cluster.TopicInfo("late") != nil {
		t.Error("a client was served before the gate was opened")
	}
	g.open()
	if err := <-answered; err != nil {
		t.Errorf("after the gate was opened: %v", err)
	}
	if _, err := g.enter(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the inner door stays open: %v", err)
	}
}

func TestOffsetsBehindTheEndBeginAgainAndOthersStay(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := newGate(listener)
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(3, "audio"),
		kfake.ListenFn(func(string, string) (net.Listener, error) { return g, nil }))
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	fill(t, g, "audio", 2, 10)
	conn, err := g.enter()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	var partitions []kmsg.OffsetCommitRequestTopicPartition
	for p, offset := range []int64{30, 0, 7} {
		commit := kmsg.NewOffsetCommitRequestTopicPartition()
		commit.Partition, commit.Offset, commit.Metadata = int32(p), offset, kmsg.StringPtr("metadata")
		partitions = append(partitions, commit)
	}
	if err := commitRepairs(conn, "asr", map[string][]kmsg.OffsetCommitRequestTopicPartition{"audio": partitions}); err != nil {
		t.Fatal(err)
	}
	if err := repairOffsets(cluster, conn, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	for p, want := range []int64{0, 0, 7} {
		commit := cluster.GroupInfo("asr").Commits["audio"][int32(p)]
		if commit.Offset != want || commit.Metadata != "metadata" {
			t.Errorf("partition %d stands at %d (%q), want %d", p, commit.Offset, commit.Metadata, want)
		}
	}
}

// fill writes n records through the closed gate.
func fill(t *testing.T, g *gate, topic string, partition int32, n int) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers("inside:1"), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.Dialer(func(context.Context, string, string) (net.Conn, error) { return g.enter() }))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for range n {
		record := &kgo.Record{Topic: topic, Partition: partition, Value: []byte("x")}
		if err := client.ProduceSync(t.Context(), record).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
}
