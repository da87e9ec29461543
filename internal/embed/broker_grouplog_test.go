package embed

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// groupEntry frames text as the broker does.
func groupEntry(text string) []byte {
	body := append([]byte{1, 0}, text...)
	entry := binary.LittleEndian.AppendUint32(nil, uint32(len(body)))
	entry = binary.LittleEndian.AppendUint32(entry, crc32.Checksum(body, castagnoli))
	return append(entry, body...)
}

func TestBrokenEntriesAreTakenOutOfTheGroupLog(t *testing.T) {
	first, second := groupEntry(`{"t":"one"}`), groupEntry(`{"t":"two"}`)
	for name, text := range map[string][]byte{
		"half an entry at the end":    bytes.Join([][]byte{first, second, first[:9]}, nil),
		"half an entry in the middle": bytes.Join([][]byte{first, second[:7], second}, nil),
		"zeros":                       bytes.Join([][]byte{first, make([]byte, 4096), second}, nil),
		"a huge length":               bytes.Join([][]byte{{0xff, 0xff, 0xff, 0xff}, first, second}, nil),
	} {
		path := filepath.Join(t.TempDir(), "groups.log")
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := mendGroupLog(path, slog.New(slog.DiscardHandler)); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, append(bytes.Clone(first), second...)) {
			t.Errorf("%s: left %q, %v", name, got, err)
		}
	}
}

func FuzzGroupLog(f *testing.F) {
	f.Add(append(groupEntry("a"), groupEntry("b")[:9]...))
	f.Fuzz(func(t *testing.T, text []byte) {
		whole := wholeEntries(text)
		if len(whole) > len(text) || !bytes.Equal(wholeEntries(whole), whole) {
			t.Errorf("%q is mended to %q", text, whole)
		}
	})
}

// What is committed after an entry was torn is still there after a crash: the broker itself would forget it.
func TestPositionsWrittenBehindATornEntryOutliveACrash(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "log", "groups.log")
	first := startBroker(t, dir)
	if err := createTopic(dialBroker(t, first), "topic"); err != nil {
		t.Fatal(err)
	}
	commit(t, first, 3)
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	file.Write([]byte{40, 0, 0, 0, 1, 2})
	file.Close()

	second := startBroker(t, dir)
	fillOutside(t, second, "topic", 9) // a position behind the end would be repaired
	commit(t, second, 7)
	left, err := os.ReadFile(path) // as kill -9 leaves it
	if err != nil {
		t.Fatal(err)
	}
	if err := second.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, left, 0o600); err != nil {
		t.Fatal(err)
	}
	third := startBroker(t, dir)
	if got := third.cluster.GroupInfo("group").Commits["topic"][0].Offset; got != 7 {
		t.Errorf("the group stands at %d, committed 7", got)
	}
}

// commit commits for a group without members.
func commit(t *testing.T, b *Broker, offset int64) {
	t.Helper()
	partition := kmsg.NewOffsetCommitRequestTopicPartition()
	partition.Offset, partition.Metadata = offset, kmsg.StringPtr("")
	err := commitRepairs(dialBroker(t, b), "group", map[string][]kmsg.OffsetCommitRequestTopicPartition{"topic": {partition}})
	if err != nil {
		t.Fatal(err)
	}
}

// fillOutside writes n records, one by one, as clients do.
func fillOutside(t *testing.T, b *Broker, topic string, n int) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(b.Addr()), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.DisableIdempotentWrite())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for range n {
		if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Value: []byte("x")}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
}
