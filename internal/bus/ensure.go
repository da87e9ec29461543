package bus

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"github.com/segmentio/kafka-go"
)

// errSetting marks errors that a setting causes.
var errSetting = errors.New("check the settings")

// certificateRefused says that the other side's certificate was not accepted.
func certificateRefused(err error) bool {
	var verification *tls.CertificateVerificationError
	var authority x509.UnknownAuthorityError
	var host x509.HostnameError
	var header tls.RecordHeaderError
	return errors.As(err, &verification) || errors.As(err, &authority) || errors.As(err, &host) || errors.As(err, &header)
}

// ensureTopics makes the missing topics and waits until every partition has a leader. It must come before everything
// else: a group that joins before its topic exists is given no partition, forever and without an error.
func (b *Bus) ensureTopics(ctx context.Context) error {
	// A transport of its own: it caches which topics exist, and would hide for a while those that another process makes.
	transport := &kafka.Transport{ClientID: clientID, TLS: b.transport.TLS, SASL: b.transport.SASL,
		Dial: b.transport.Dial, MetadataTTL: time.Second}
	defer transport.CloseIdleConnections()
	client := &kafka.Client{Addr: b.client.Addr, Transport: transport, Timeout: b.client.Timeout}

	if err := b.createTopics(ctx, client); err != nil {
		return err
	}
	partitions, err := b.readPartitions(ctx)
	if err != nil {
		return err
	}
	b.partitions = partitions
	if err := b.awaitLeaders(ctx, client); err != nil {
		return err
	}
	b.warnOfOtherSettings(ctx, client)
	return nil
}

// awaitLeaders fails, for a retry, while a leader does not know yet that it is one: brokers list the leaders of a fresh
// topic some milliseconds before those take records, and audio is tried only once.
func (b *Bus) awaitLeaders(ctx context.Context, client *kafka.Client) error {
	for _, topic := range Topics() {
		var requests []kafka.OffsetRequest
		for p := range b.partitions[topic] {
			requests = append(requests, kafka.LastOffsetOf(p))
		}
		if _, err := listOffsets(ctx, client, b.name(topic), requests); err != nil {
			return err
		}
	}
	return nil
}

// createTopics takes a topic that exists for made.
func (b *Bus) createTopics(ctx context.Context, client *kafka.Client) error {
	request := &kafka.CreateTopicsRequest{}
	for _, spec := range topicTable {
		topic := kafka.TopicConfig{
			Topic:             b.name(spec.topic),
			NumPartitions:     spec.partitions(b.cfg.Large),
			ReplicationFactor: b.cfg.Replication,
		}
		for name, value := range spec.configs(b.cfg, b.kept(spec)) {
			topic.ConfigEntries = append(topic.ConfigEntries, kafka.ConfigEntry{ConfigName: name, ConfigValue: value})
		}
		request.Topics = append(request.Topics, topic)
	}
	response, err := client.CreateTopics(ctx, request)
	if err != nil {
		return fmt.Errorf("create topics: %w", err)
	}
	for topic, err := range response.Errors {
		switch {
		case err == nil, errors.Is(err, kafka.TopicAlreadyExists):
		case errors.Is(err, kafka.InvalidReplicationFactor):
			return fmt.Errorf("create topic %s: %w: KAFKA_REPLICATION is %d, more than the cluster has brokers: %w",
				topic, errSetting, b.cfg.Replication, err)
		default:
			return fmt.Errorf("create topic %s: %w", topic, err)
		}
	}
	return nil
}

// kept returns how long the records of a topic are kept.
func (b *Bus) kept(spec topicSpec) time.Duration {
	if kept, ok := b.tune.retention[spec.topic]; ok {
		return kept
	}
	return spec.kept
}

// readPartitions counts the partitions of every topic. It fails, for a retry, while one of them has no leader.
func (b *Bus) readPartitions(ctx context.Context) (map[Topic]int, error) {
	conn, err := b.dialAny(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(5 * time.Second))
	counts := make(map[Topic]int)
	for _, spec := range topicTable {
		partitions, err := conn.ReadPartitions(b.name(spec.topic))
		if err != nil {
			return nil, fmt.Errorf("read partitions of %s: %w", b.name(spec.topic), err)
		}
		for _, p := range partitions {
			if p.Error != nil || p.Leader.Host == "" {
				return nil, fmt.Errorf("%s partition %d: %w", p.Topic, p.ID, kafka.LeaderNotAvailable)
			}
		}
		counts[spec.topic] = len(partitions)
	}
	return counts, nil
}

// dialAny connects to the first broker that answers.
func (b *Bus) dialAny(ctx context.Context) (*kafka.Conn, error) {
	var errs error
	for _, broker := range b.cfg.Brokers {
		conn, err := b.dialer.DialContext(ctx, "tcp", broker)
		if err == nil {
			return conn, nil
		}
		errs = fmt.Errorf("connect to %s: %w", broker, err)
	}
	return nil, errs
}

// warnOfOtherSettings compares the topics with the table. Souffleur never changes a topic that exists: an operator may
// have good reasons, and a changed number of partitions would move the records of running meetings.
func (b *Bus) warnOfOtherSettings(ctx context.Context, client *kafka.Client) {
	request := &kafka.DescribeConfigsRequest{}
	want := make(map[string]map[string]string)
	for _, spec := range topicTable {
		name := b.name(spec.topic)
		if n := spec.partitions(b.cfg.Large); b.partitions[spec.topic] != n {
			b.log.Warn("topic has another number of partitions", "topic", name, "has", b.partitions[spec.topic], "want", n)
		}
		want[name] = spec.configs(b.cfg, b.kept(spec))
		request.Resources = append(request.Resources, kafka.DescribeConfigRequestResource{
			ResourceType: kafka.ResourceTypeTopic, ResourceName: name,
		})
	}
	response, err := client.DescribeConfigs(ctx, request)
	if err != nil {
		b.log.Warn("cannot compare the settings of topics", "err", err)
		return
	}
	for _, resource := range response.Resources {
		for _, entry := range resource.ConfigEntries {
			value, ok := want[resource.ResourceName][entry.ConfigName]
			if ok && value != entry.ConfigValue {
				b.log.Warn("topic has another setting", "topic", resource.ResourceName, "setting", entry.ConfigName,
					"has", entry.ConfigValue, "want", value)
			}
		}
	}
}
