package embed

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	// saveAtLeast is how often ages are written down though nothing has expired: how much time a crash takes off them.
	saveAtLeast = time.Minute
	// defaultRetention is Kafka's, for topics that do not say.
	defaultRetention = 7 * 24 * time.Hour
)

// sweeper drops the records that have expired. It is owned by one goroutine at a time.
type sweeper struct {
	cluster *kfake.Cluster
	addr    string   // of the broker, to connect again
	conn    net.Conn // to ask which topics there are; nil: connect again
	path    string   // of the ages
	log     *slog.Logger

	ages   *ages     // nil until the first sweep
	seen   time.Time // when ages.Ran was counted last; its monotonic reading is what matters
	saved  time.Duration
	warned bool // the last sweep failed, and that was said
}

func newSweeper(cluster *kfake.Cluster, inside net.Conn, addr, path string, log *slog.Logger) *sweeper {
	return &sweeper{cluster: cluster, conn: inside, addr: addr, path: path, log: log}
}

// sweepOrWarn sweeps, and says once when that does not work.
func (s *sweeper) sweepOrWarn(ctx context.Context) {
	err := s.sweep(ctx)
	if err != nil && !s.warned && ctx.Err() == nil {
		s.log.Warn("embedded broker: expired records could not be dropped, trying again", "err", err)
	}
	s.warned = err != nil
}

// sweep drops what has expired and writes down how old the rest is.
func (s *sweeper) sweep(ctx context.Context) error {
	if err := s.count(time.Now()); err != nil {
		return err
	}
	topics, err := s.topics(ctx)
	if err != nil {
		return err
	}
	changed := false
	here := map[string]bool{}
	for _, topic := range topics {
		touched, err := s.sweepTopic(topic, here)
		if err != nil {
			return err
		}
		changed = changed || touched
	}
	changed = s.ages.keepOnly(here) || changed
	if !changed && s.ages.Ran-s.saved < saveAtLeast {
		return nil
	}
	return s.save()
}

func (s *sweeper) save() error {
	s.saved = s.ages.Ran
	return s.ages.save(s.path)
}

// count adds the time since it was last called, by the clock that nobody sets.
func (s *sweeper) count(now time.Time) error {
	if s.ages == nil {
		loaded, err := loadAges(s.path)
		if err != nil {
			return err
		}
		s.ages, s.saved, s.seen = loaded, loaded.Ran, now
	}
	s.ages.Ran += max(now.Sub(s.seen), 0)
	s.seen = now
	return nil
}

func (s *sweeper) sweepTopic(topic string, here map[string]bool) (changed bool, err error) {
	info := s.cluster.TopicInfo(topic)
	if info == nil {
		return false, nil // deleted meanwhile
	}
	kept, limited := retentionOf(info)
	if !limited {
		return false, nil
	}
	for _, p := range s.cluster.PartitionInfos(topic) {
		name := topic + "/" + strconv.Itoa(int(p.Partition))
		here[name] = true
		expired, touched := s.ages.observe(name, p.HighWatermark, kept)
		changed = changed || touched
		if expired <= p.LogStartOffset {
			continue
		}
		if err := s.cluster.DeleteRecords(topic, p.Partition, expired); err != nil {
			return changed, fmt.Errorf("drop records of %s: %w", name, err)
		}
		changed = true // a crash must not undo it: the log would begin where its first file does
	}
	return changed, nil
}

// retentionOf returns how long the records of a topic are kept; limited is false if for ever.
func retentionOf(topic *kfake.TopicInfo) (kept time.Duration, limited bool) {
	text := topic.Configs["retention.ms"]
	if text == nil {
		return defaultRetention, true
	}
	ms, err := strconv.ParseInt(*text, 10, 64)
	if err != nil {
		return defaultRetention, true
	}
	const most = int64(1<<63-1) / int64(time.Millisecond)
	return time.Duration(min(ms, most)) * time.Millisecond, ms >= 0
}

// topicsTimeout bounds the question which topics there are.
const topicsTimeout = 10 * time.Second

// topics asks the broker for its topics, as a client does: it has no other way to list them.
func (s *sweeper) topics(ctx context.Context) ([]string, error) {
	if s.conn == nil {
		conn, err := (&net.Dialer{Timeout: topicsTimeout}).DialContext(ctx, "tcp", s.addr)
		if err != nil {
			return nil, fmt.Errorf("connect to the embedded broker: %w", err)
		}
		s.conn = conn
	}
	defer context.AfterFunc(ctx, func() { s.conn.Close() })()
	req, resp := kmsg.NewPtrMetadataRequest(), kmsg.NewPtrMetadataResponse()
	req.Version = 1 // the first in which none means all
	err := s.conn.SetDeadline(time.Now().Add(topicsTimeout))
	if err == nil {
		err = exchange(s.conn, req, resp)
	}
	if err != nil {
		s.conn.Close()
		s.conn = nil
		return nil, fmt.Errorf("list topics: %w", err)
	}
	names := make([]string, 0, len(resp.Topics))
	for _, topic := range resp.Topics {
		if topic.Topic != nil {
			names = append(names, *topic.Topic)
		}
	}
	return names, nil
}

// close writes down the ages; the cluster must still run.
func (s *sweeper) close() {
	if s.ages != nil {
		s.ages.Ran += max(time.Since(s.seen), 0)
		s.seen = time.Now()
		if err := s.save(); err != nil {
			s.log.Warn("embedded broker: records will be kept a little longer", "err", err)
		}
	}
	if s.conn != nil {
		s.conn.Close()
	}
}
