package embed

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
)

// BrokerConfig says where the embedded broker keeps its log and where it listens. Only Dir is required.
type BrokerConfig struct {
	// Dir is the broker's own data directory, made if missing.
	Dir string

	// Addr is a loopback "host:port". Port 0, or an empty Addr, takes the port of the last run on Dir.
	Addr string

	// RetentionEvery is the time between two sweeps that drop expired records; 0 means 5 s.
	RetentionEvery time.Duration

	// CompactEvery is the time between two compactions of the topics that are compacted; 0 means 5 min.
	CompactEvery time.Duration

	// MinSessionTimeout is the shortest session timeout that a consumer may ask for; 0 means Kafka's default of 6 s.
	MinSessionTimeout time.Duration
}

func (c BrokerConfig) withDefaults() BrokerConfig {
	if c.RetentionEvery == 0 {
		c.RetentionEvery = 5 * time.Second
	}
	if c.CompactEvery == 0 {
		c.CompactEvery = 5 * time.Minute
	}
	if c.MinSessionTimeout == 0 {
		c.MinSessionTimeout = 6 * time.Second
	}
	return c
}

// Broker is a running embedded broker.
type Broker struct {
	addr    string
	cluster *kfake.Cluster
	lock    *dirLock

	stop    context.CancelFunc // ends the sweeps
	sweeps  sync.WaitGroup
	closing sync.Once
}

// StartBroker starts a broker with one node on cfg.Dir. When it returns, expired records are gone, committed offsets fit
// the log, and clients may come. If another process has the directory, the error wraps [ErrInUse].
//
// Acknowledged records survive the end of the process, kill -9 included: they are in the page cache. They are not
// flushed to disk one by one, so a power failure may take the last seconds. What must survive that belongs in the store.
func StartBroker(ctx context.Context, cfg BrokerConfig, log *slog.Logger) (*Broker, error) {
	cfg = cfg.withDefaults()
	// The broker opens files late and by path, so the path must not depend on the working directory.
	dir, err := filepath.Abs(cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("embedded broker: %w", err)
	}
	lock, err := lockDir(dir)
	if err != nil {
		return nil, fmt.Errorf("embedded broker: %w", err)
	}
	broker, err := startLocked(ctx, dir, cfg, log)
	if err != nil {
		lock.Close()
		return nil, fmt.Errorf("embedded broker: %w", err)
	}
	broker.lock = lock
	return broker, nil
}

// startLocked starts the broker on dir, which is locked.
func startLocked(ctx context.Context, dir string, cfg BrokerConfig, log *slog.Logger) (*Broker, error) {
	listener, err := listen(ctx, dir, cfg.Addr)
	if err != nil {
		return nil, err
	}
	gate := newGate(listener)
	cluster, err := kfake.NewCluster(
		kfake.NumBrokers(1),
		kfake.ClusterID("souffleur-embedded"),
		kfake.DataDir(filepath.Join(dir, "log")),
		kfake.ListenFn(func(string, string) (net.Listener, error) { return gate, nil }),
		kfake.GroupMinSessionTimeout(cfg.MinSessionTimeout),
		// A file goes only when everything in it has expired, so files must be small.
		kfake.BrokerConfigs(map[string]string{"log.segment.bytes": strconv.Itoa(1 << 20)}),
		kfake.WithLogger(brokerLog{log}),
	)
	if err != nil {
		listener.Close()
		return nil, fmt.Errorf("open the log in %s: %w", dir, err)
	}

	// After kill -9 the log begins at the first record still in a file: expired ones would be readable again.
	cluster.ApplyRetention()
	if err := repairOffsets(ctx, cluster, gate, log); err != nil {
		cluster.Close()
		return nil, fmt.Errorf("repair committed offsets: %w", err)
	}
	gate.open()

	broker := &Broker{addr: listener.Addr().String(), cluster: cluster}
	broker.startSweeps(cfg)
	return broker, nil
}

// startSweeps does by itself what the broker does once an hour, and after a restart not at all.
func (b *Broker) startSweeps(cfg BrokerConfig) {
	ctx, stop := context.WithCancel(context.Background())
	b.stop = stop
	b.sweeps.Go(func() { every(ctx, cfg.RetentionEvery, b.cluster.ApplyRetention) })
	b.sweeps.Go(func() { every(ctx, cfg.CompactEvery, b.cluster.Compact) })
}

// every calls do after each period until ctx ends.
func every(ctx context.Context, period time.Duration, do func()) {
	ticker := time.NewTicker(period)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			do()
		}
	}
}

// Addr returns the "host:port" where the broker listens.
func (b *Broker) Addr() string { return b.addr }

// Close stops the broker, writes its state and gives the directory back. Calling it again does nothing.
func (b *Broker) Close() error {
	var err error
	b.closing.Do(func() {
		b.stop()
		b.sweeps.Wait()
		b.cluster.Close()
		if err = b.lock.Close(); err != nil {
			err = fmt.Errorf("close embedded broker: %w", err)
		}
	})
	return err
}

// brokerLog passes the broker's warnings on. What it says about single requests is dropped.
type brokerLog struct {
	log *slog.Logger
}

// Logf implements kfake.Logger.
func (l brokerLog) Logf(level kfake.LogLevel, format string, args ...any) {
	switch level {
	case kfake.LogLevelError:
		l.log.Error("embedded broker", "message", fmt.Sprintf(format, args...))
	case kfake.LogLevelWarn:
		l.log.Warn("embedded broker", "message", fmt.Sprintf(format, args...))
	}
}
