package bus

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
)

func TestTopicsAreMadeOnceWithTheirSettings(t *testing.T) {
	onEach(t, func(t *testing.T, s *site) {
		first, second := s.open(t), s.open(t) // the second finds them there
		want := map[Topic]int{Audio: 8, Meetings: 4, Captions: 8, Segments: 8, Speakers: 8, DeadLetters: 1}
		for topic, n := range want {
			if first.Partitions(topic) != n || second.Partitions(topic) != n {
				t.Errorf("%s has %d and %d partitions, want %d", topic, first.Partitions(topic), second.Partitions(topic), n)
			}
		}
		for topic, settings := range map[Topic]map[string]string{
			Audio: {"retention.ms": "600000", "segment.bytes": "1048576", "segment.ms": "60000",
				"cleanup.policy": "delete", "message.timestamp.type": "LogAppendTime"},
			Segments: {"cleanup.policy": "compact,delete", "retention.ms": "604800000", "delete.retention.ms": "86400000"},
			Meetings: {"cleanup.policy": "delete", "retention.ms": "604800000"},
		} {
			got := describe(t, first, topic)
			for name, value := range settings {
				if got[name] != value {
					t.Errorf("%s: %s is %q, want %q", topic, name, got[name], value)
				}
			}
		}
	})
}

func describe(t *testing.T, b *Bus, topic Topic) map[string]string {
	t.Helper()
	response, err := b.client.DescribeConfigs(t.Context(), &kafka.DescribeConfigsRequest{
		Resources: []kafka.DescribeConfigRequestResource{{ResourceType: kafka.ResourceTypeTopic, ResourceName: b.name(topic)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	settings := make(map[string]string)
	for _, entry := range response.Resources[0].ConfigEntries {
		settings[entry.ConfigName] = entry.ConfigValue
	}
	return settings
}

func TestMoreReplicasThanBrokersIsRefusedInASentence(t *testing.T) {
	onEach(t, func(t *testing.T, s *site) {
		s.cfg.Replication = 3
		_, err := open(t.Context(), s.cfg, quick(), quiet())
		if err == nil || !strings.Contains(err.Error(), "KAFKA_REPLICATION is 3") {
			t.Errorf("got %v", err)
		}
	})
}

// freePort returns a port where nobody listens.
func freePort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

func TestOpenSaysWhichSettingIsWrong(t *testing.T) {
	t.Parallel()
	tune := quick()
	tune.openPatience = 200 * time.Millisecond
	nobody := freePort(t)
	for name, c := range map[string]struct {
		change func(*Config)
		says   string
	}{
		"no brokers":          {func(c *Config) { c.Brokers = nil }, "KAFKA_BROKERS is empty"},
		"no port":             {func(c *Config) { c.Brokers = []string{"kafka"} }, `"kafka" is not host:port`},
		"nobody listens":      {func(c *Config) { c.Brokers = []string{nobody} }, "KAFKA_BROKERS (" + nobody + ")"},
		"strange prefix":      {func(c *Config) { c.Prefix = "a/b" }, "KAFKA_PREFIX"},
		"no replication":      {func(c *Config) { c.Replication = 0 }, "KAFKA_REPLICATION is 0"},
		"unknown mechanism":   {func(c *Config) { c.SASL, c.User, c.Password = "md5", "u", "p" }, `KAFKA_SASL is "md5"`},
		"no password":         {func(c *Config) { c.SASL, c.User = "plain", "u" }, "KAFKA_PASSWORD must be set"},
		"user without SASL":   {func(c *Config) { c.User = "u" }, "KAFKA_SASL is not"},
		"authority, no TLS":   {func(c *Config) { c.CAFile = "x" }, "KAFKA_TLS is off"},
		"authority not there": {func(c *Config) { c.TLS, c.CAFile = true, "/nowhere" }, "KAFKA_CA_FILE"},
	} {
		cfg := DefaultConfig()
		cfg.Brokers = []string{nobody}
		c.change(&cfg)
		_, err := open(t.Context(), cfg, tune, quiet())
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want a sentence with %q", name, err, c.says)
		}
	}
}

func TestAWrongTLSOrSASLSettingIsExplained(t *testing.T) {
	t.Parallel()
	s := newSite(t, startEmbedded(t))
	tune := quick()
	tune.openPatience = 200 * time.Millisecond
	for name, change := range map[string]func(*Config){
		"TLS against plain":  func(c *Config) { c.TLS = true },
		"SASL against plain": func(c *Config) { c.SASL, c.User, c.Password = "plain", "u", "p" },
	} {
		cfg := s.cfg
		change(&cfg)
		_, err := open(t.Context(), cfg, tune, quiet())
		if err == nil || !strings.Contains(err.Error(), "KAFKA_BROKERS") {
			t.Errorf("%s: %v", name, err)
		}
		t.Log(err)
	}
}
