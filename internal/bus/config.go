package bus

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"github.com/segmentio/kafka-go/sasl"
	"github.com/segmentio/kafka-go/sasl/plain"
	"github.com/segmentio/kafka-go/sasl/scram"
)

// Config says how to reach Kafka. The comments name the settings as an operator knows them; errors do the same.
type Config struct {
	// Brokers are the "host:port" addresses to begin with; one that answers is enough (KAFKA_BROKERS).
	Brokers []string
	// Prefix stands in front of every name of a topic or group, so that installations can share a cluster
	// (KAFKA_PREFIX).
	Prefix string
	// Replication is how many brokers keep each record: 1 for a single broker, 3 in production (KAFKA_REPLICATION).
	Replication int
	// Large makes topics with the partitions of a large installation; it counts only when topics are made (KAFKA_LARGE).
	Large bool

	// MemberDir is a folder of this process in which it notes the names it has in groups: after a crash its successor
	// takes them out of the groups at once. Empty: their partitions are free when their session ends.
	MemberDir string

	// TLS encrypts connections (KAFKA_TLS). CAFile names a PEM file of authorities to trust in place of the system's
	// (KAFKA_CA_FILE).
	TLS    bool
	CAFile string
	// SASL is "", "plain", "scram-sha-256" or "scram-sha-512" (KAFKA_SASL), with User and Password (KAFKA_USER,
	// KAFKA_PASSWORD).
	SASL           string
	User, Password string
}

// DefaultConfig returns the settings for one broker on this machine. Brokers is empty.
func DefaultConfig() Config { return Config{Prefix: "souffleur.", Replication: 1} }

// Validate says in a sentence which setting is wrong. It reads nothing and connects to nothing.
func (c Config) Validate() error {
	if len(c.Brokers) == 0 {
		return errors.New("KAFKA_BROKERS is empty: give at least one host:port")
	}
	for _, broker := range c.Brokers {
		if _, port, err := net.SplitHostPort(broker); err != nil || port == "" || port == "0" {
			return fmt.Errorf("KAFKA_BROKERS: %q is not host:port", broker)
		}
	}
	if strings.Trim(c.Prefix, topicLetters) != "" || len(c.Prefix) > 100 {
		return fmt.Errorf("KAFKA_PREFIX: %q must be at most 100 letters, digits, dots, hyphens and underscores", c.Prefix)
	}
	if c.Replication < 1 || c.Replication > 9 {
		return fmt.Errorf("KAFKA_REPLICATION is %d: use 1 for one broker, 3 in production", c.Replication)
	}
	if c.CAFile != "" && !c.TLS {
		return errors.New("KAFKA_CA_FILE is set but KAFKA_TLS is off")
	}
	_, err := c.mechanism()
	return err
}

// topicLetters may stand in a topic name.
const topicLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"

// mechanism returns nil if SASL is off.
func (c Config) mechanism() (sasl.Mechanism, error) {
	if c.SASL == "" {
		if c.User != "" || c.Password != "" {
			return nil, errors.New("KAFKA_USER or KAFKA_PASSWORD is set but KAFKA_SASL is not: use plain, scram-sha-256 or scram-sha-512")
		}
		return nil, nil
	}
	if c.User == "" || c.Password == "" {
		return nil, fmt.Errorf("KAFKA_SASL is %s, so KAFKA_USER and KAFKA_PASSWORD must be set", c.SASL)
	}
	switch c.SASL {
	case "plain":
		return plain.Mechanism{Username: c.User, Password: c.Password}, nil
	case "scram-sha-256":
		return scramMechanism(scram.SHA256, c)
	case "scram-sha-512":
		return scramMechanism(scram.SHA512, c)
	}
	return nil, fmt.Errorf("KAFKA_SASL is %q: use plain, scram-sha-256 or scram-sha-512", c.SASL)
}

func scramMechanism(algorithm scram.Algorithm, c Config) (sasl.Mechanism, error) {
	mechanism, err := scram.Mechanism(algorithm, c.User, c.Password)
	if err != nil {
		return nil, fmt.Errorf("KAFKA_USER or KAFKA_PASSWORD: %w", err)
	}
	return mechanism, nil
}

// tlsConfig returns nil if TLS is off.
func (c Config) tlsConfig() (*tls.Config, error) {
	if !c.TLS {
		return nil, nil
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.CAFile == "" {
		return config, nil
	}
	pem, err := os.ReadFile(c.CAFile)
	if err != nil {
		return nil, fmt.Errorf("KAFKA_CA_FILE: %w", err)
	}
	config.RootCAs = x509.NewCertPool()
	if !config.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("KAFKA_CA_FILE: %s has no PEM certificate", c.CAFile)
	}
	return config, nil
}

// tuning holds the times that the promises of the package depend on. Tests shorten them; production uses
// defaultTuning.
type tuning struct {
	// A member that has not sent a heartbeat for session is taken for dead and its partitions go to others, so session
	// is how long captions pause after a crash. Brokers refuse less than 6 s unless configured.
	session, heartbeat time.Duration
	// rebalance is how long the others wait for a member to come back when partitions are dealt out anew.
	rebalance time.Duration
	// joinBackoff is the wait after a failed attempt to join. The client's default of 5 s would turn a broker restart of
	// half a second into a gap of six.
	joinBackoff time.Duration
	// rejoin is the wait before a partition whose handler failed is dealt out again.
	rejoin time.Duration
	// maxWait is how long the broker holds a read without records. The broker answers at once when a record comes, so
	// this adds no latency, but closing a reader waits for it. Below 1 s the client polls busily or times out under load.
	maxWait time.Duration
	// backoffMin, backoffMax bound the wait between two attempts at anything.
	backoffMin, backoffMax time.Duration
	// openPatience is how long Open waits for a broker that is not up yet, as when both start together.
	openPatience time.Duration
	// metadataTTL bounds how long a dead leader is still believed in.
	metadataTTL time.Duration
	// tailCheck is how often Follow asks whether the records it still waits for exist at all.
	tailCheck time.Duration
	// retention overrides how long the records of a topic are kept.
	retention map[Topic]time.Duration
}

func defaultTuning() tuning {
	return tuning{
		session:      6 * time.Second,
		heartbeat:    time.Second,
		rebalance:    8 * time.Second,
		joinBackoff:  300 * time.Millisecond,
		rejoin:       time.Second,
		maxWait:      time.Second,
		backoffMin:   20 * time.Millisecond,
		backoffMax:   250 * time.Millisecond,
		openPatience: 10 * time.Second,
		metadataTTL:  5 * time.Second,
		tailCheck:    time.Second,
	}
}
