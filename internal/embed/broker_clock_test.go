package embed

import (
	"log/slog"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// The broker stamps nothing itself: to it a clock that was set back or forward looks like records from the future or
// from the past.
func TestRetentionDoesNotBelieveClocks(t *testing.T) {
	b, err := StartBroker(t.Context(), BrokerConfig{Dir: t.TempDir(), RetentionEvery: time.Hour}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	const kept = 10 * time.Minute
	if err := createKept(dialBroker(t, b), "topic", kept); err != nil {
		t.Fatal(err)
	}
	const year = 365 * 24 * time.Hour
	for _, clock := range []time.Duration{0, -year, 0, year, 0} {
		produceAt(t, b, "topic", time.Now().Add(clock))
	}
	start := func() int64 { return b.cluster.PartitionInfo("topic", 0).LogStartOffset }
	pass(t, b, 0) // the records are seen
	pass(t, b, kept-time.Minute)
	if got := start(); got != 0 {
		t.Errorf("the log begins at %d before anything has expired", got)
	}
	pass(t, b, 2*time.Minute)
	if got := start(); got != 5 {
		t.Errorf("the log begins at %d, all 5 records have expired", got)
	}
}

// A week without the machine does not make finals older: nobody could have archived them meanwhile.
func TestAMachineThatWasOffLosesNothing(t *testing.T) {
	dir := t.TempDir()
	b := startBroker(t, dir)
	if err := createKept(dialBroker(t, b), "topic", time.Hour); err != nil {
		t.Fatal(err)
	}
	produceAt(t, b, "topic", time.Now().Add(-8*24*time.Hour))
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	again := startBroker(t, dir)
	if p := again.cluster.PartitionInfo("topic", 0); p.LogStartOffset != 0 || p.HighWatermark != 1 {
		t.Errorf("after a week the log is %+v", p)
	}
}

// What has expired is off the disk within a minute: ages are known this finely, sweeps are this frequent, and a file
// that still holds a younger record is this small.
func TestProductionSettingsFreeTheDiskWithinAMinute(t *testing.T) {
	const audio = 10 * time.Minute
	if late := audio/marksPerRetention + (BrokerConfig{}).withDefaults().RetentionEvery; late > time.Minute {
		t.Errorf("audio is swept up to %v late", late)
	}
	if size := brokerSettings()["log.segment.bytes"]; size != "1048576" {
		t.Errorf("files have %s bytes", size)
	}
}

// pass lets the broker think that it has run for longer, and sweeps.
func pass(t *testing.T, b *Broker, ran time.Duration) {
	t.Helper()
	b.sweeper.seen = b.sweeper.seen.Add(-ran)
	if err := b.sweeper.sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// createKept makes a topic of one partition whose records are kept for a time.
func createKept(conn net.Conn, name string, kept time.Duration) error {
	config := kmsg.NewCreateTopicsRequestTopicConfig()
	config.Name, config.Value = "retention.ms", kmsg.StringPtr(strconv.FormatInt(kept.Milliseconds(), 10))
	topic := kmsg.NewCreateTopicsRequestTopic()
	topic.Topic, topic.NumPartitions, topic.ReplicationFactor, topic.Configs = name, 1, 1, append(topic.Configs, config)
	req := kmsg.NewPtrCreateTopicsRequest()
	req.Version, req.Topics = 2, append(req.Topics, topic)
	return exchange(conn, req, kmsg.NewPtrCreateTopicsResponse())
}

func produceAt(t *testing.T, b *Broker, topic string, stamp time.Time) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(b.Addr()), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.DisableIdempotentWrite())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	record := &kgo.Record{Topic: topic, Timestamp: stamp, Value: []byte("x")}
	if err := client.ProduceSync(t.Context(), record).FirstErr(); err != nil {
		t.Fatal(err)
	}
}
