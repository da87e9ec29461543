package bus

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/segmentio/kafka-go"
)

// clientID is what brokers log about us.
const clientID = "souffleur"

// Bus is a connection to Kafka. It is safe for concurrent use.
type Bus struct {
	cfg        Config
	tune       tuning
	log        *slog.Logger
	dialer     *kafka.Dialer    // for readers and groups
	transport  *kafka.Transport // for writers and requests
	client     *kafka.Client
	partitions map[Topic]int // as the broker has them
	writers    map[delivery]*kafka.Writer
	publishing outage

	closers sync.WaitGroup // readers that close in the background
}

// Open connects to Kafka and makes the topics that are missing. It waits some seconds for a broker that is not up yet.
// Errors are sentences for the operator and name the setting to look at.
func Open(ctx context.Context, cfg Config, log *slog.Logger) (*Bus, error) {
	return open(ctx, cfg, defaultTuning(), log)
}

func open(ctx context.Context, cfg Config, tune tuning, log *slog.Logger) (*Bus, error) {
	b, err := newBus(cfg, tune, log)
	if err != nil {
		return nil, err
	}
	patient, cancel := context.WithTimeout(ctx, tune.openPatience)
	defer cancel()
	err = b.retry(patient, func() error {
		if err := b.probe(patient); err != nil {
			return err
		}
		return b.ensureTopics(patient)
	})
	if err != nil {
		b.transport.CloseIdleConnections()
		return nil, fmt.Errorf("KAFKA_BROKERS (%s): %w", strings.Join(cfg.Brokers, ","), err)
	}
	b.openWriters()
	return b, nil
}

// newBus checks cfg and connects to nothing.
func newBus(cfg Config, tune tuning, log *slog.Logger) (*Bus, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	mechanism, err := cfg.mechanism()
	if err != nil {
		return nil, err
	}
	tlsConfig, err := cfg.tlsConfig()
	if err != nil {
		return nil, err
	}
	b := &Bus{cfg: cfg, tune: tune, log: log, publishing: outage{log: log, what: "publishing"}}
	// TLS and SASL are told twice: the client has two ways to connect.
	b.dialer = &kafka.Dialer{ClientID: clientID, Timeout: 5 * time.Second, DualStack: true,
		TLS: tlsConfig, SASLMechanism: mechanism}
	b.transport = &kafka.Transport{ClientID: clientID, TLS: tlsConfig, SASL: mechanism,
		Dial: (&net.Dialer{Timeout: 3 * time.Second}).DialContext,
		// A quiet track must not pay a new handshake for its next word.
		IdleTimeout: 10 * time.Minute,
		MetadataTTL: tune.metadataTTL,
	}
	b.client = &kafka.Client{Addr: kafka.TCP(cfg.Brokers...), Transport: b.transport, Timeout: 10 * time.Second}
	return b, nil
}

// probe asks one broker something. Only the dialer tells wrong passwords and certificates apart, and only a request
// tells a port that wants a password from one that does not.
func (b *Bus) probe(ctx context.Context) error {
	var errs error
	for _, broker := range b.cfg.Brokers {
		conn, err := b.dialer.DialContext(ctx, "tcp", broker)
		if err == nil {
			conn.SetDeadline(time.Now().Add(5 * time.Second))
			_, err = conn.Brokers()
			conn.Close()
		}
		if err == nil {
			return nil
		}
		errs = fmt.Errorf("%s does not answer as a Kafka broker: %w%s", broker, err, hint(err))
	}
	return errs
}

// hint explains the one error that says nothing: a broker that closes the connection.
func hint(err error) string {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) {
		return " (it closed the connection: do KAFKA_TLS and KAFKA_SASL fit its listener?)"
	}
	return ""
}

// Close waits for writes in progress and closes the connections. Follow and Consume must have returned.
func (b *Bus) Close() error {
	var errs error
	for _, w := range b.writers {
		errs = errors.Join(errs, w.Close())
	}
	b.closers.Wait()
	b.transport.CloseIdleConnections()
	if errs != nil {
		return fmt.Errorf("close bus: %w", errs)
	}
	return nil
}

// name returns the topic's name on the broker.
func (b *Bus) name(topic Topic) string { return b.cfg.Prefix + string(topic) }

// groupName returns the group's name on the broker.
func (b *Bus) groupName(group string) string { return b.cfg.Prefix + group }

// retry calls try until it succeeds, fails for good, or ctx ends; then it returns the last error.
func (b *Bus) retry(ctx context.Context, try func() error) error {
	wait := b.tune.backoffMin
	for {
		err := try()
		if err == nil || permanent(err) || !sleep(ctx, wait) {
			return err
		}
		wait = min(2*wait, b.tune.backoffMax)
	}
}

// sleep says whether ctx is still alive after d.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// lasting are the broker's answers that trying again does not change. All others are tried again, also those that the
// client does not call temporary: [8] while a cluster is being found, and [-1] from a broker whose disk is full.
var lasting = []kafka.Error{
	kafka.MessageSizeTooLarge, kafka.OffsetMetadataTooLarge, kafka.InvalidTopic, kafka.RecordListTooLarge,
	kafka.InvalidRequiredAcks, kafka.InvalidGroupId, kafka.InvalidSessionTimeout, kafka.InvalidCommitOffsetSize,
	kafka.TopicAuthorizationFailed, kafka.GroupAuthorizationFailed, kafka.ClusterAuthorizationFailed,
	kafka.UnsupportedSASLMechanism, kafka.IllegalSASLState, kafka.UnsupportedVersion, kafka.InvalidPartitionNumber,
	kafka.InvalidReplicationFactor, kafka.InvalidConfiguration, kafka.InvalidRequest,
	kafka.UnsupportedForMessageFormat, kafka.PolicyViolation, kafka.SecurityDisabled, kafka.SASLAuthenticationFailed,
}

// permanent says that trying again will not help.
func permanent(err error) bool {
	var tooLarge kafka.MessageTooLargeError
	if errors.As(err, &tooLarge) || errors.Is(err, errSetting) {
		return true
	}
	var code kafka.Error
	if errors.As(err, &code) {
		return slices.Contains(lasting, code)
	}
	// What is left comes from the network or from the handshake. Of the latter a certificate does not mend itself.
	return certificateRefused(err)
}

// outage logs the first failure of a series and the success that ends it.
type outage struct {
	log  *slog.Logger
	what string
	down atomic.Bool
}

func (o *outage) failed(err error) {
	if !o.down.Swap(true) {
		o.log.Warn("kafka does not answer, trying on", "what", o.what, "err", err)
	}
}

func (o *outage) ended() {
	if o.down.Load() && o.down.Swap(false) {
		o.log.Info("kafka answers again", "what", o.what)
	}
}
