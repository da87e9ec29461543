// Package kafkatest runs a real Apache Kafka for tests. It is support for tests only; nothing else imports it.
//
// The embedded broker is kinder than Kafka: it has no start-up errors, no metadata limit, no slow restarts. Tests that
// should hold on both run against Kafka when SOUFFLEUR_TEST_REAL=1; see [Wanted]. The jars come from
// scripts/real-kafka.sh, which needs mvn and Java 17.
//
// Start reading at [Start].
package kafkatest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/segmentio/kafka-go"
)

// Wanted says whether tests should run against real servers, too.
func Wanted() bool { return os.Getenv("SOUFFLEUR_TEST_REAL") == "1" }

// startPatience is how long Kafka may take to answer; 3 s is usual, a busy machine needs more.
const startPatience = 60 * time.Second

// Broker is a Kafka of one node, in a process of its own.
type Broker struct {
	jars        string // class path
	dir         string
	port, cport int // for clients, for the controller

	process  *exec.Cmd // nil when stopped
	watchdog *exec.Cmd
	lifeline io.Closer // the watchdog reads the other end; it ends when this process ends
}

// Start fetches Kafka if need be, formats dir, which must be empty and absolute, and starts a broker on free ports. It
// returns when the broker answers. The caller must Stop it; if this process dies, the broker does, too.
func Start(ctx context.Context, dir string) (*Broker, error) {
	lib, err := fetch(ctx)
	if err != nil {
		return nil, fmt.Errorf("fetch kafka: %w", err)
	}
	b := &Broker{jars: lib + "/*", dir: dir}
	if b.port, b.cport, err = freePorts(); err != nil {
		return nil, fmt.Errorf("find ports for kafka: %w", err)
	}
	if err := b.format(ctx); err != nil {
		return nil, fmt.Errorf("format kafka's log: %w", err)
	}
	if err := b.Restart(ctx); err != nil {
		return nil, err
	}
	return b, nil
}

// Addr returns the "host:port" for clients. It stays the same after Restart.
func (b *Broker) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(b.port)) }

// Restart starts the broker again after Kill or Stop, on the same ports and log.
func (b *Broker) Restart(ctx context.Context) error {
	output, err := os.OpenFile(filepath.Join(b.dir, "output"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("start kafka: %w", err)
	}
	defer output.Close()
	b.process = exec.Command("java", "-Xms128m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
		"-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", b.jars, "kafka.Kafka", b.properties())
	b.process.Stdout, b.process.Stderr = output, output
	if err := b.process.Start(); err != nil {
		b.process = nil
		return fmt.Errorf("start kafka: %w", err)
	}
	if err := b.startWatchdog(); err != nil {
		b.Kill()
		return fmt.Errorf("start kafka's watchdog: %w", err)
	}
	if err := b.waitReady(ctx); err != nil {
		b.Kill()
		return fmt.Errorf("start kafka: %w\n%s", err, b.tail())
	}
	return nil
}

// startWatchdog kills the broker when this process ends without stopping it.
func (b *Broker) startWatchdog() error {
	b.watchdog = exec.Command("sh", "-c", "cat; kill -9 "+strconv.Itoa(b.process.Process.Pid))
	lifeline, err := b.watchdog.StdinPipe()
	if err != nil {
		return err
	}
	b.lifeline = lifeline
	return b.watchdog.Start()
}

// Kill ends the broker as kill -9 does, and waits until it is gone.
func (b *Broker) Kill() { b.end(os.Kill) }

// Stop ends the broker in order, and waits until it is gone.
func (b *Broker) Stop() { b.end(os.Interrupt) }

func (b *Broker) end(signal os.Signal) {
	if b.process == nil {
		return
	}
	if b.watchdog != nil && b.watchdog.Process != nil { // before the process ID is free for others
		b.watchdog.Process.Kill()
		b.watchdog.Wait()
		b.lifeline.Close()
	}
	b.process.Process.Signal(signal)
	slow := time.AfterFunc(20*time.Second, func() { b.process.Process.Kill() })
	b.process.Wait()
	slow.Stop()
	b.process, b.watchdog = nil, nil
}

// waitReady waits until a client is told of a broker; an open port means nothing yet.
func (b *Broker) waitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	for {
		err := ask(ctx, b.Addr())
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("no answer: %w", err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func ask(ctx context.Context, addr string) error {
	conn, err := kafka.DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(2 * time.Second))
	brokers, err := conn.Brokers()
	if err == nil && len(brokers) == 0 {
		err = errors.New("no broker in the cluster yet")
	}
	return err
}

// tail returns the last words of the broker.
func (b *Broker) tail() string {
	text, err := os.ReadFile(filepath.Join(b.dir, "output"))
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-4000):])
}

func (b *Broker) properties() string { return filepath.Join(b.dir, "server.properties") }

// format writes the settings and prepares the log.
func (b *Broker) format(ctx context.Context) error {
	text := settings(b.dir, b.port, b.cport)
	if err := os.WriteFile(b.properties(), []byte(text), 0o600); err != nil {
		return err
	}
	id, err := exec.CommandContext(ctx, "java", "-cp", b.jars, "kafka.tools.StorageTool", "random-uuid").Output()
	if err != nil {
		return fmt.Errorf("make a cluster ID: %w", err)
	}
	out, err := exec.CommandContext(ctx, "java", "-cp", b.jars, "kafka.tools.StorageTool", "format", "--standalone",
		"-t", strings.TrimSpace(string(id)), "-c", b.properties()).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

// settings are those of one small broker that starts and restarts quickly.
func settings(dir string, port, cport int) string {
	lines := []string{
		"process.roles=broker,controller",
		"node.id=1",
		fmt.Sprintf("controller.quorum.bootstrap.servers=127.0.0.1:%d", cport),
		"controller.listener.names=CONTROLLER",
		"log.dirs=" + filepath.Join(dir, "log"),
		fmt.Sprintf("listeners=PLAINTEXT://127.0.0.1:%d,CONTROLLER://127.0.0.1:%d", port, cport),
		fmt.Sprintf("advertised.listeners=PLAINTEXT://127.0.0.1:%d", port),
		"auto.create.topics.enable=false",
		"group.initial.rebalance.delay.ms=0",
		"group.min.session.timeout.ms=500",
		// The controller notices a killed broker after the session timeout, and only then lets it come back.
		"broker.session.timeout.ms=2000",
		"broker.heartbeat.interval.ms=500",
		"log.retention.check.interval.ms=1000",
	}
	for _, internal := range []string{"offsets.topic", "transaction.state.log", "share.coordinator.state.topic"} {
		lines = append(lines, internal+".replication.factor=1", internal+".num.partitions=4")
	}
	for _, internal := range []string{"transaction.state.log", "share.coordinator.state.topic"} {
		lines = append(lines, internal+".min.isr=1")
	}
	return strings.Join(lines, "\n") + "\n"
}

// freePorts returns two ports that nobody listens on now. They lie below the range of outgoing connections: clients that
// redial a port of that range while the broker is down may be given it as their own.
func freePorts() (a, b int, err error) {
	for range 50 {
		a = 15000 + rand.IntN(4999)
		b = a + 1
		if err = errors.Join(free(a), free(b)); err == nil {
			return a, b, nil
		}
	}
	return 0, 0, err
}

func free(port int) error {
	listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return err
	}
	return listener.Close()
}

// fetch returns the folder with the jars, which stays between runs.
func fetch(ctx context.Context) (string, error) {
	root, err := moduleRoot()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(root, "build", "real", "kafka")
	out, err := exec.CommandContext(ctx, "sh", filepath.Join(root, "scripts", "real-kafka.sh"), dir).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return filepath.Join(dir, "lib"), nil
}

// moduleRoot looks upwards from the working directory, which is that of the package under test.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("no go.mod above the working directory")
		}
		dir = parent
	}
}
