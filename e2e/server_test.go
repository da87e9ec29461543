package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"souffleur/internal/bus"
	"souffleur/internal/kafkatest"
	"souffleur/internal/s3test"
	"souffleur/internal/seal"
	"souffleur/storage"
)

// installation is one `souffleur serve` with its data, and the Kafka and S3 servers it uses.
type installation struct {
	t      *testing.T
	dir    string
	env    []string // settings for real servers; empty: embedded ones
	listen string   // fixed after the first start
	cmd    *exec.Cmd
	log    *output
	done   chan struct{} // closed when cmd has ended
}

// output keeps what a running process prints.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// program is the built binary.
func program(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("whole meetings take a minute each")
	}
	path, err := filepath.Abs("../build/souffleur")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Skip("build/souffleur is not built: make build models")
	}
	if out, err := exec.Command(path, "models", "verify").CombinedOutput(); err != nil {
		t.Skipf("no speech models: make models (%s)", out)
	}
	return path
}

// install starts a fresh installation, on real servers if they are wanted.
func install(t *testing.T) *installation {
	t.Helper()
	program(t)
	in := &installation{t: t, dir: t.TempDir(), listen: "127.0.0.1:0"}
	if kafkatest.Wanted() {
		in.useRealServers()
	}
	in.start()
	t.Cleanup(in.stop)
	return in
}

func (in *installation) useRealServers() {
	in.t.Helper()
	kafkaDir := in.t.TempDir()
	broker, err := kafkatest.Start(in.t.Context(), kafkaDir)
	if err != nil {
		in.t.Fatal(err)
	}
	in.t.Cleanup(broker.Stop)
	s3 := s3test.MinIO(in.t)
	in.env = []string{
		"KAFKA_BROKERS=" + broker.Addr(), "S3_ENDPOINT=" + s3.Endpoint, "S3_ACCESS_KEY=" + s3.AccessKey,
		"S3_SECRET_KEY=" + s3.SecretKey,
	}
}

// start runs serve and waits until it answers.
func (in *installation) start() {
	in.t.Helper()
	in.log = &output{}
	in.cmd = exec.Command(program(in.t), "serve", "--data", in.dir, "--listen", in.listen, "--udp-port", "0", "--tcp-port", "0", "--turn-port", "0")
	in.cmd.Env = append(os.Environ(), in.env...)
	in.cmd.Stdout, in.cmd.Stderr = io.Discard, in.log
	if err := in.cmd.Start(); err != nil {
		in.t.Fatal(err)
	}
	in.done = make(chan struct{})
	go func(cmd *exec.Cmd, done chan struct{}) { _ = cmd.Wait(); close(done) }(in.cmd, in.done)
	in.await(60*time.Second, "the server answers", func() bool {
		select {
		case <-in.done:
			in.t.Fatalf("serve ended at once:\n%s", in.log)
		default:
		}
		res, err := http.Get(in.url() + "/api/v1/health")
		if err != nil {
			return false
		}
		res.Body.Close()
		return res.StatusCode == http.StatusOK
	})
	in.listen = strings.TrimPrefix(in.url(), "http://")
}

// url is where the server says it is.
func (in *installation) url() string {
	b, err := os.ReadFile(filepath.Join(in.dir, "url"))
	if err != nil {
		return "http://127.0.0.1:1" // not yet written
	}
	return strings.TrimSpace(string(b))
}

// stop ends serve in order.
func (in *installation) stop() {
	_ = in.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-in.done:
	case <-time.After(20 * time.Second):
		in.t.Error("serve did not stop within 20 s of SIGTERM")
		in.kill()
	}
	if in.t.Failed() {
		in.t.Logf("server log:\n%s", in.log)
	}
}

// kill ends serve as kill -9 does.
func (in *installation) kill() {
	_ = in.cmd.Process.Kill()
	<-in.done
}

// recogniser is the process ID of the asr child.
func (in *installation) recogniser() int { return in.child("asr") }

// child is the process ID of the child that plays a role.
func (in *installation) child(role string) int {
	in.t.Helper()
	var found int
	in.await(20*time.Second, "a child runs: "+role, func() bool {
		found = childOf(in.cmd.Process.Pid, role)
		return found != 0
	})
	return found
}

func childOf(parent int, role string) int {
	dirs, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return 0
	}
	for _, path := range dirs {
		b, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		_, rest, ok := strings.Cut(string(b), ") ") // after the program's name
		fields := strings.Fields(rest)
		if !ok || len(fields) < 2 || fields[0] == "Z" || fields[1] != strconv.Itoa(parent) {
			continue
		}
		command, err := os.ReadFile(filepath.Join(filepath.Dir(path), "cmdline"))
		if words := strings.Split(string(command), "\x00"); err != nil || len(words) < 2 || words[1] != role {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path))); err == nil {
			return pid
		}
	}
	return 0
}

// await polls until ok, and fails the test if it never is.
func (in *installation) await(limit time.Duration, what string, ok func() bool) {
	in.t.Helper()
	deadline := time.Now().Add(limit)
	for !ok() {
		if time.Now().After(deadline) {
			in.t.Fatalf("not within %v: %s\nserver log:\n%s", limit, what, in.log)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// run calls the command line with --data and returns what it prints.
func (in *installation) run(args ...string) string {
	in.t.Helper()
	cmd := exec.Command(program(in.t), append(args, "--data", in.dir)...)
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if err := cmd.Run(); err != nil {
		in.t.Fatalf("souffleur %s: %v\n%s", strings.Join(args, " "), err, &complaint)
	}
	return strings.TrimSpace(out.String())
}

// request calls the API as a stranger, with no token, and returns the status.
func (in *installation) request(method, path, body string) int {
	in.t.Helper()
	req, err := http.NewRequest(method, in.url()+"/api/v1"+path, strings.NewReader(body))
	if err != nil {
		in.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		in.t.Fatal(err)
	}
	res.Body.Close()
	return res.StatusCode
}

// setting is a setting of the real servers, "" with embedded ones.
func (in *installation) setting(name string) string {
	for _, e := range in.env {
		if value, ok := strings.CutPrefix(e, name+"="); ok {
			return value
		}
	}
	return ""
}

// bus opens the installation's Kafka beside the server.
func (in *installation) bus() *bus.Bus {
	in.t.Helper()
	c := bus.DefaultConfig()
	c.Brokers = []string{in.setting("KAFKA_BROKERS")}
	if c.Brokers[0] == "" {
		c.Brokers[0] = "127.0.0.1:" + in.file("kafka/port")
	}
	b, err := bus.Open(in.t.Context(), c, slog.New(slog.DiscardHandler))
	if err != nil {
		in.t.Fatal(err)
	}
	in.t.Cleanup(func() { b.Close() })
	return b
}

func (in *installation) file(name string) string {
	in.t.Helper()
	b, err := os.ReadFile(filepath.Join(in.dir, name))
	if err != nil {
		in.t.Fatal(err)
	}
	return strings.TrimSpace(string(b))
}

// transcripts are those of the installation, beside the server.
func (in *installation) transcripts() *storage.Transcripts {
	in.t.Helper()
	store, keys := in.store()
	return storage.NewTranscripts(store, keys, storage.NewMeetings(store, keys))
}

// store opens the installation's S3 through minio-go, beside the server, and its keys.
func (in *installation) store() (*storage.Store, *storage.Keyring) {
	in.t.Helper()
	c := storage.DefaultConfig()
	c.Endpoint, c.AccessKey, c.SecretKey = in.setting("S3_ENDPOINT"), in.setting("S3_ACCESS_KEY"), in.setting("S3_SECRET_KEY")
	if c.Endpoint == "" {
		var keys struct {
			Access string `json:"access_key"`
			Secret string `json:"secret_key"`
		}
		if err := json.Unmarshal([]byte(in.file("s3/keys.json")), &keys); err != nil {
			in.t.Fatal(err)
		}
		c.Endpoint, c.AccessKey, c.SecretKey = "127.0.0.1:"+in.file("s3/port"), keys.Access, keys.Secret
	}
	store, err := storage.Open(in.t.Context(), c, slog.New(slog.DiscardHandler))
	if err != nil {
		in.t.Fatal(err)
	}
	in.t.Cleanup(store.Close)
	master, err := seal.LoadMaster(filepath.Join(in.dir, "master.key"), false)
	if err != nil {
		in.t.Fatal(err)
	}
	return store, storage.NewKeyring(store, master)
}

// room makes a room and returns its link.
func (in *installation) room(level string) string {
	in.t.Helper()
	return in.run("rooms", "create", fmt.Sprintf("Room %d", time.Now().UnixNano()), "--ai", level, "--lang", "en")
}
