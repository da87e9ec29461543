package embed

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"souffleur/internal/dirlock"
	"souffleur/internal/disk"
)

// BrokerConfig says where the embedded broker keeps its log and where it listens. Only Dir is required.
type BrokerConfig struct {
	// Dir is the broker's own data directory, made if missing.
	Dir string

	// Addr is a loopback "host:port". Port 0, or an empty Addr, takes the port of the last run on Dir.
	Addr string

	// RetentionEvery is the time between two sweeps that drop expired records; 0 means 5 s.
	RetentionEvery time.Duration

	// MinSessionTimeout is the shortest session timeout that a consumer may ask for; 0 means Kafka's default of 6 s.
	MinSessionTimeout time.Duration
}

func (c BrokerConfig) withDefaults() BrokerConfig {
	if c.RetentionEvery == 0 {
		c.RetentionEvery = 5 * time.Second
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
	gate    *gate
	lock    *dirlock.Lock
	sweeper *sweeper

	stop    context.CancelFunc // ends the sweeps
	sweeps  sync.WaitGroup
	closing sync.Once
}

// StartBroker starts a broker with one node on cfg.Dir. When it returns, expired records are gone, committed offsets fit
// the log, and clients may come. If another process has the directory, the error wraps [dirlock.ErrInUse].
//
// Records are dropped after the broker has had them for the retention.ms of their topic while it ran: neither a clock
// that jumps nor a machine that was off for weeks makes them older. Compaction is left out, see [brokerSettings].
//
// When the disk is full, writing fails with "unknown server error" and works again once there is room.
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
	lock, err := dirlock.Take(dir)
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

// brokerSettings are the settings of the whole broker.
//
// Compaction is turned off for good, also the broker's own, which is due an hour after a compacted topic was made: it
// removes the files of a partition before it writes the new ones, so a kill or a full disk at that moment would lose
// finals that were acknowledged and not archived yet. Without it, what was said twice stays until retention takes it.
// Positions of groups stay for a year instead of a week: a clock that jumps must not make them forget how far they are.
func brokerSettings() map[string]string {
	return map[string]string{
		// A file goes only when everything in it has expired, so files must be small.
		"log.segment.bytes":         strconv.Itoa(1 << 20),
		"log.cleaner.backoff.ms":    strconv.FormatInt((100 * 365 * 24 * time.Hour).Milliseconds(), 10),
		"offsets.retention.minutes": strconv.Itoa(365 * 24 * 60),
	}
}

// minFresh is the room that a new data directory needs: what the broker writes down of its topics at the first start is
// acknowledged even if the disk is full, and then missing after the next start.
const minFresh = 8 << 20

// startLocked starts the broker on dir, which is locked.
func startLocked(ctx context.Context, dir string, cfg BrokerConfig, log *slog.Logger) (*Broker, error) {
	logDir := filepath.Join(dir, "log")
	if err := prepareLog(logDir, log); err != nil {
		return nil, err
	}
	listener, err := listen(ctx, dir, cfg.Addr)
	if err != nil {
		return nil, err
	}
	gate := newGate(listener)
	cluster, err := kfake.NewCluster(
		kfake.NumBrokers(1),
		kfake.ClusterID("souffleur-embedded"),
		kfake.DataDir(logDir),
		kfake.ListenFn(func(string, string) (net.Listener, error) { return gate, nil }),
		kfake.GroupMinSessionTimeout(cfg.MinSessionTimeout),
		kfake.BrokerConfigs(brokerSettings()),
		kfake.WithLogger(brokerLog{log}),
	)
	if err != nil {
		listener.Close()
		return nil, fmt.Errorf("open the log in %s: %w", dir, err)
	}
	broker := &Broker{addr: listener.Addr().String(), cluster: cluster, gate: gate}
	if err := broker.mend(ctx, dir, gate, log); err != nil {
		cluster.Close()
		return nil, err
	}
	gate.open()
	broker.startSweeps(cfg)
	return broker, nil
}

// prepareLog refuses a new log where there is no room for one, and mends what a crash may have left of the old.
func prepareLog(logDir string, log *slog.Logger) error {
	_, err := os.Stat(filepath.Join(logDir, "meta.json"))
	if !errors.Is(err, fs.ErrNotExist) {
		return mendGroupLog(filepath.Join(logDir, "groups.log"), log)
	}
	space, err := disk.Look(filepath.Dir(logDir))
	if err == nil && space.Free < minFresh {
		return fmt.Errorf("%s has %d MiB free, and a new log needs %d: free some space", filepath.Dir(logDir), space.Free>>20, minFresh>>20)
	}
	return nil
}

// mend makes the log what it was before the last end, while nobody else is connected.
func (b *Broker) mend(ctx context.Context, dir string, gate *gate, log *slog.Logger) error {
	inside, err := gate.enter()
	if err != nil {
		return err
	}
	b.sweeper = newSweeper(b.cluster, inside, b.addr, filepath.Join(dir, agesName), log)
	defer context.AfterFunc(ctx, func() { inside.Close() })()
	// After kill -9 the log begins at the first record still in a file: expired ones would be readable again.
	err = b.sweeper.sweep(ctx)
	if err == nil {
		err = repairOffsets(b.cluster, inside, log)
	}
	if err != nil {
		b.sweeper.close()
		return fmt.Errorf("mend the log: %w", err)
	}
	return nil
}

// startSweeps does by itself what the broker would do by the clock of the machine.
func (b *Broker) startSweeps(cfg BrokerConfig) {
	ctx, stop := context.WithCancel(context.Background())
	b.stop = stop
	b.sweeps.Go(func() { every(ctx, cfg.RetentionEvery, func() { b.sweeper.sweepOrWarn(ctx) }) })
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
		b.sweeper.close()
		b.gate.sendAway()
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
