package embed_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"souffleur/internal/embed"
)

// brokerChildEnv makes the test binary run a broker with that configuration, so that a test can kill it.
const brokerChildEnv = "SOUFFLEUR_TEST_RUN_BROKER"

// TestBrokerChild is not a test but the process that others kill.
func TestBrokerChild(t *testing.T) {
	text := os.Getenv(brokerChildEnv)
	if text == "" {
		t.Skip("runs in a child process only")
	}
	var config embed.BrokerConfig
	must(t, json.Unmarshal([]byte(text), &config))
	broker, err := embed.StartBroker(context.Background(), config, slog.New(slog.DiscardHandler))
	must(t, err)
	fmt.Println(broker.Addr())
	io.Copy(io.Discard, os.Stdin) // until the parent is gone
	must(t, broker.Close())
}

// process is a server in a process of its own.
type process struct {
	command *exec.Cmd
	stdin   io.Closer
	line    []byte // what it printed first
}

// spawn starts a child and waits for its first line.
func spawn(t testing.TB, test, variable string) *process {
	t.Helper()
	p := &process{command: exec.Command(os.Args[0], "-test.run=^"+test+"$")}
	p.command.Env = append(os.Environ(), variable)
	p.command.Stderr = os.Stderr
	stdin, err := p.command.StdinPipe()
	must(t, err)
	p.stdin = stdin
	stdout, err := p.command.StdoutPipe()
	must(t, err)
	must(t, p.command.Start())
	t.Cleanup(p.kill)
	p.line, err = bufio.NewReader(stdout).ReadBytes('\n')
	must(t, err)
	return p
}

// kill ends the process at once; again does nothing.
func (p *process) kill() {
	if p.command.ProcessState == nil {
		_ = p.command.Process.Kill()
		_ = p.command.Wait()
	}
}

// quit lets the process close its server.
func (p *process) quit() {
	p.stdin.Close()
	_ = p.command.Wait()
}

func brokerChild(t testing.TB, config embed.BrokerConfig) (*process, string) {
	t.Helper()
	text, err := json.Marshal(config)
	must(t, err)
	p := spawn(t, "TestBrokerChild", brokerChildEnv+"="+string(text))
	return p, strings.TrimSpace(string(p.line))
}

// kafka returns a client that writes record by record and never tries again, so that what is acknowledged is there once.
func kafka(t testing.TB, addr string, more ...kgo.Opt) *kgo.Client {
	t.Helper()
	options := append([]kgo.Opt{kgo.SeedBrokers(addr), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.DisableIdempotentWrite(),
		kgo.RecordRetries(0), kgo.RetryTimeout(5 * time.Second), kgo.ProducerLinger(0),
		kgo.MaxVersions(kversion.V3_8_0())}, more...) // later ones name topics by ID in commits
	client, err := kgo.NewClient(options...)
	must(t, err)
	t.Cleanup(client.Close)
	return client
}

// createTopic makes a topic like segments.v1; one that is there stays.
func createTopic(t testing.TB, client *kgo.Client, name string, partitions int, configs map[string]string) {
	t.Helper()
	topic := kmsg.NewCreateTopicsRequestTopic()
	topic.Topic, topic.NumPartitions, topic.ReplicationFactor = name, int32(partitions), 1
	for key, value := range configs {
		config := kmsg.NewCreateTopicsRequestTopicConfig()
		config.Name, config.Value = key, kmsg.StringPtr(value)
		topic.Configs = append(topic.Configs, config)
	}
	request := kmsg.NewPtrCreateTopicsRequest()
	request.Topics = append(request.Topics, topic)
	response, err := request.RequestWith(t.Context(), client)
	must(t, err)
	if code := response.Topics[0].ErrorCode; code != 0 && code != kerr.TopicAlreadyExists.Code {
		t.Fatal(kerr.ErrorForCode(code))
	}
}

// position commits and reads where a group stands.
type position struct{ group, topic string }

func (p position) commit(ctx context.Context, client *kgo.Client, partition int32, offset int64) error {
	part := kmsg.NewOffsetCommitRequestTopicPartition()
	part.Partition, part.Offset, part.Metadata = partition, offset, kmsg.StringPtr(fmt.Sprintf("at %d", offset))
	topic := kmsg.NewOffsetCommitRequestTopic()
	topic.Topic, topic.Partitions = p.topic, append(topic.Partitions, part)
	request := kmsg.NewPtrOffsetCommitRequest()
	request.Group, request.Generation, request.Topics = p.group, -1, append(request.Topics, topic)
	response, err := request.RequestWith(ctx, client)
	if err != nil {
		return err
	}
	return kerr.ErrorForCode(response.Topics[0].Partitions[0].ErrorCode)
}

func (p position) read(t testing.TB, client *kgo.Client, partition int32) (offset int64, metadata string) {
	t.Helper()
	topic := kmsg.NewOffsetFetchRequestTopic()
	topic.Topic, topic.Partitions = p.topic, []int32{partition}
	request := kmsg.NewPtrOffsetFetchRequest()
	request.Group, request.Topics = p.group, append(request.Topics, topic)
	group := kmsg.NewOffsetFetchRequestGroup()
	group.Group = p.group
	inGroup := kmsg.NewOffsetFetchRequestGroupTopic()
	inGroup.Topic, inGroup.Partitions = p.topic, []int32{partition}
	group.Topics = append(group.Topics, inGroup)
	request.Groups = append(request.Groups, group)
	response, err := request.RequestWith(t.Context(), client)
	must(t, err)
	got := response.Groups[0].Topics[0].Partitions[0]
	if got.Metadata != nil {
		metadata = *got.Metadata
	}
	return got.Offset, metadata
}

// ledger is what a broker has acknowledged.
type ledger struct {
	mu        sync.Mutex
	acked     map[string]int32 // key to partition
	committed map[int32]int64
}

const crashTopic = "finals"

// write produces to its own partition until the broker is gone, and commits now and then. enough is called after every
// acknowledged record.
func (l *ledger) write(ctx context.Context, client *kgo.Client, partition int32, round int, enough func(acked int)) {
	for n := 0; ; n++ {
		key := fmt.Sprintf("round-%d/partition-%d/%06d", round, partition, n)
		record := &kgo.Record{Topic: crashTopic, Partition: partition, Key: []byte(key), Value: bodyOf(key, n)}
		if client.ProduceSync(ctx, record).FirstErr() != nil {
			return
		}
		if n%5 == 0 {
			if (position{"archive", crashTopic}).commit(ctx, client, partition, record.Offset+1) != nil {
				return
			}
		}
		l.mu.Lock()
		l.acked[key] = partition
		if n%5 == 0 {
			l.committed[partition] = record.Offset + 1
		}
		acked := len(l.acked)
		l.mu.Unlock()
		enough(acked)
	}
}

// check reads everything back: all that was acknowledged is there, in order, whole, and once.
func (l *ledger) check(t *testing.T, addr string, partitions int) {
	t.Helper()
	from := map[int32]kgo.Offset{}
	for p := range partitions {
		from[int32(p)] = kgo.NewOffset().AtStart()
	}
	client := kafka(t, addr, kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{crashTopic: from}))
	defer client.Close()
	missing := map[string]int32{}
	for key, partition := range l.acked {
		missing[key] = partition
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	last := map[int32]string{}
	for len(missing) > 0 {
		fetched := client.PollFetches(ctx)
		if err := fetched.Err0(); err != nil {
			t.Fatalf("%d acknowledged records are missing, such as %v: %v", len(missing), first(missing), err)
		}
		fetched.EachRecord(func(r *kgo.Record) {
			var round, partition, n int
			_, err := fmt.Sscanf(string(r.Key), "round-%d/partition-%d/%d", &round, &partition, &n)
			if err != nil || !bytes.Equal(r.Value, bodyOf(string(r.Key), n)) {
				t.Fatalf("partition %d offset %d is torn: %q with %d bytes", r.Partition, r.Offset, r.Key, len(r.Value))
			}
			if string(r.Key) <= last[r.Partition] {
				t.Fatalf("%q comes after %q", r.Key, last[r.Partition])
			}
			last[r.Partition] = string(r.Key)
			delete(missing, string(r.Key))
		})
	}
	for p, want := range l.committed {
		got, metadata := position{"archive", crashTopic}.read(t, client, p)
		if got < want || metadata != fmt.Sprintf("at %d", got) {
			t.Errorf("the group stands at %d (%q) of partition %d, and %d was acknowledged", got, metadata, p, want)
		}
	}
}

func first(m map[string]int32) string {
	for k := range m {
		return k
	}
	return ""
}

// Records are kept whether the broker was killed while it wrote, swept, rolled a file, or had just begun.
func TestAKilledBrokerKeepsWhatItAcknowledged(t *testing.T) {
	const partitions = 4
	rounds, perRound := 6, 400
	if testing.Short() {
		rounds, perRound = 2, 60
	}
	l := &ledger{acked: map[string]int32{}, committed: map[int32]int64{}}
	config := embed.BrokerConfig{Dir: t.TempDir(), RetentionEvery: 2 * time.Millisecond}
	for round := range rounds {
		p, addr := brokerChild(t, config)
		client := kafka(t, addr)
		createTopic(t, client, crashTopic, partitions, map[string]string{"cleanup.policy": "compact,delete", "segment.bytes": "1048576"})
		l.check(t, addr, partitions)
		before := len(l.acked)
		var killed sync.Once
		var work sync.WaitGroup
		for partition := range int32(partitions) {
			work.Go(func() {
				l.write(t.Context(), client, partition, round, func(acked int) {
					if acked-before >= perRound {
						// Right after an answer the broker is idle; a moment later it may be doing anything.
						killed.Do(func() {
							if round%2 == 1 {
								p.stdin.Close() // it is killed while it writes its last state
							}
							time.AfterFunc(rand.N(30*time.Millisecond), func() { _ = p.command.Process.Kill() })
						})
					}
				})
			})
		}
		work.Wait()
		client.Close()
		p.kill()
		if len(l.acked)-before < perRound {
			t.Fatalf("only %d records were acknowledged", len(l.acked)-before)
		}
	}
	p, addr := brokerChild(t, config)
	l.check(t, addr, partitions)
	p.quit()
	_, addr = brokerChild(t, config)
	l.check(t, addr, partitions)
	t.Logf("%d kills, %d acknowledged records, none lost", rounds, len(l.acked))
}
