package bus

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"souffleur/internal/embed"
	"souffleur/internal/kafkatest"
)

// brokerVariable makes the test binary run an embedded broker instead of tests, so that tests can kill one.
const brokerVariable = "SOUFFLEUR_TEST_RUN_BROKER"

func TestMain(m *testing.M) {
	if text := os.Getenv(brokerVariable); text != "" {
		if err := runBroker(text); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if text := os.Getenv(workerVariable); text != "" {
		if err := runWorker(text); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	code := m.Run()
	if realKafka != nil {
		realKafka.Stop()
		os.RemoveAll(realKafkaDir)
	}
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// runBroker serves until standard input ends, which it does when the test process ends.
func runBroker(config string) error {
	var cfg embed.BrokerConfig
	if err := json.Unmarshal([]byte(config), &cfg); err != nil {
		return err
	}
	broker, err := embed.StartBroker(context.Background(), cfg, slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})))
	if err != nil {
		return err
	}
	fmt.Println(broker.Addr())
	io.Copy(io.Discard, os.Stdin)
	return broker.Close()
}

// server is a broker that a test can kill, stop and start again on its port and directory.
type server interface {
	Addr() string
	Kill()
	Stop()
	Restart(context.Context) error
}

// embeddedServer is an embedded broker in a process of its own.
type embeddedServer struct {
	cfg   embed.BrokerConfig
	addr  string
	cmd   *exec.Cmd
	stdin io.WriteCloser
}

func (s *embeddedServer) Addr() string { return s.addr }

func (s *embeddedServer) Restart(ctx context.Context) error {
	config, err := json.Marshal(s.cfg)
	if err != nil {
		return err
	}
	s.cmd = exec.Command(os.Args[0])
	s.cmd.Env = append(os.Environ(), brokerVariable+"="+string(config))
	s.cmd.Stderr = os.Stderr
	if s.stdin, err = s.cmd.StdinPipe(); err != nil {
		return err
	}
	stdout, err := s.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := s.cmd.Start(); err != nil {
		return err
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		s.cmd.Wait()
		return fmt.Errorf("embedded broker did not start: %w", err)
	}
	s.addr = strings.TrimSpace(line)
	return nil
}

func (s *embeddedServer) Kill() {
	if s.cmd != nil {
		s.cmd.Process.Kill()
		s.cmd.Wait()
		s.cmd = nil
	}
}

func (s *embeddedServer) Stop() {
	if s.cmd != nil {
		s.stdin.Close()
		s.cmd.Wait()
		s.cmd = nil
	}
}

// One Kafka serves all tests of a run, each with names of its own.
var (
	realKafka    *kafkatest.Broker
	realKafkaDir string
	installation atomic.Int64
)

// site is an installation on a broker, embedded or real.
type site struct {
	server
	cfg Config
}

// onEach runs test on the embedded broker and, if wanted, on Kafka.
func onEach(t *testing.T, test func(t *testing.T, s *site)) {
	if !kafkatest.Wanted() {
		t.Parallel() // each embedded broker is a test's own; the one Kafka is killed by some tests
	}
	t.Run("embedded", func(t *testing.T) { test(t, newSite(t, startEmbedded(t))) })
	t.Run("kafka", func(t *testing.T) {
		if !kafkatest.Wanted() {
			t.Skip("runs with SOUFFLEUR_TEST_REAL=1")
		}
		test(t, newSite(t, startKafka(t)))
	})
}

func startEmbedded(t *testing.T) server {
	t.Helper()
	s := &embeddedServer{cfg: embed.BrokerConfig{Dir: t.TempDir(), RetentionEvery: 100 * time.Millisecond,
		MinSessionTimeout: 500 * time.Millisecond}}
	if err := s.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	return s
}

func startKafka(t *testing.T) server {
	t.Helper()
	if realKafka != nil {
		return realKafka
	}
	dir, err := os.MkdirTemp("", "souffleur-kafka-")
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if realKafka, err = kafkatest.Start(context.Background(), dir); err != nil {
		t.Fatal(err)
	}
	realKafkaDir = dir
	t.Logf("kafka answered after %v", time.Since(began).Round(time.Millisecond))
	return realKafka
}

func newSite(t *testing.T, s server) *site {
	cfg := DefaultConfig()
	cfg.Brokers = []string{s.Addr()}
	cfg.Prefix = fmt.Sprintf("test%d.", installation.Add(1))
	return &site{server: s, cfg: cfg}
}

// quick is the tuning of production with a crash noticed sooner.
func quick() tuning {
	tune := defaultTuning()
	tune.session, tune.heartbeat, tune.rebalance = 1500*time.Millisecond, 300*time.Millisecond, 3*time.Second
	tune.rejoin, tune.joinBackoff = 100*time.Millisecond, 100*time.Millisecond
	tune.openPatience = 60 * time.Second
	return tune
}

func (s *site) open(t *testing.T) *Bus { return s.openTuned(t, quick()) }

func (s *site) openTuned(t *testing.T, tune tuning) *Bus {
	t.Helper()
	b, err := open(t.Context(), s.cfg, tune, quiet())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

func quiet() *slog.Logger {
	if testing.Verbose() {
		return slog.Default()
	}
	return slog.New(slog.DiscardHandler)
}

// patience bounds every wait of these tests; nothing is asserted about how long things take.
const patience = 60 * time.Second

// eventually waits until check returns nil.
func eventually(t *testing.T, check func() error) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("still after %v: %v", patience, err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// running starts do and stops it at the end of the test, or when the returned function is called.
func running(t *testing.T, do func(ctx context.Context) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- do(ctx) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("ended with %v", err)
		}
	}
	t.Cleanup(stop)
	return stop
}
