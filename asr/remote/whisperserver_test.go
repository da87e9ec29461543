package remote

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"souffleur/asr"
	"souffleur/asr/eval"
	"souffleur/internal/models"
	"souffleur/internal/ogg"
)

// missing skips a test for want of something, unless real servers were asked for.
func missing(t *testing.T, format string, args ...any) {
	t.Helper()
	if os.Getenv("SOUFFLEUR_TEST_REAL") == "1" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

// whisperServer runs whisper.cpp's own server with the default model and returns its address.
func whisperServer(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("recognising speech takes its time")
	}
	program := filepath.Join("..", "..", "build", "real", "whisper-server")
	if _, err := os.Stat(program); err != nil {
		missing(t, "whisper.cpp's server is not here: build it with scripts/real-whisper-server.sh")
	}
	port := freePort(t)
	cmd := exec.Command(program, "--model", model(t), "--host", "127.0.0.1", "--port", port, "--language", "auto",
		"--inference-path", "/v1/audio/transcriptions", "--threads", "2", "--no-gpu")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-ended
	})
	address := "http://127.0.0.1:" + port
	awaitHealth(t, address, ended)
	return address
}

// model returns the file of the default model. SOUFFLEUR_MODELS names the folder of models.
func model(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("SOUFFLEUR_MODELS")
	if dir == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			missing(t, "no folder of models")
		}
		dir = filepath.Join(cache, "souffleur", "models")
	}
	path, err := models.NewStore(dir, slog.New(slog.DiscardHandler)).Path("whisper-base")
	if err != nil {
		missing(t, "fetch it with souffleur models pull whisper-base: %v", err)
	}
	return path
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}

// awaitHealth waits until the server answers that it is ready, or has ended.
func awaitHealth(t *testing.T, address string, ended chan error) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(2 * time.Minute) // loading a model on a busy machine
	for {
		select {
		case err := <-ended:
			ended <- err // for the cleanup
			t.Fatalf("the server ended at once: %v", err)
		case <-deadline:
			t.Fatal("the server is not ready after two minutes")
		case <-tick.C:
		}
		res, err := http.Get(address + "/health")
		if err != nil {
			continue
		}
		res.Body.Close()
		if res.StatusCode == http.StatusOK {
			http.DefaultClient.CloseIdleConnections()
			return
		}
	}
}

func speech(t *testing.T) []float32 {
	t.Helper()
	file, err := os.Open(filepath.Join("..", "..", "testdata", "speech", "jfk.ogg"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	pcm, err := ogg.Decode(file, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	return pcm
}

func TestWhisperServerIsUnderstood(t *testing.T) {
	e, err := Open(Config{URL: whisperServer(t), Model: "whisper-base", Timeout: 3 * time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	rec := e.NewRecognizer()
	got, err := rec.Recognize(t.Context(), asr.Request{PCM: speech(t), Prompt: "Kennedy."})
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, w := range got.Words {
		texts = append(texts, w.Text)
	}
	const want = "And so, my fellow Americans, ask not what your country can do for you, ask what you can do for your country."
	said := strings.Join(texts, " ")
	if errs := eval.Score(eval.Normalize("en", want), eval.Normalize("en", said)); errs.WER() > 0.1 {
		t.Errorf("heard %q", said)
	}
	if !strings.Contains(said, "for you, ask") || !strings.HasSuffix(said, "your country.") {
		t.Errorf("tokens were not joined to words: %q", said)
	}
	if got.Lang != "en" || got.LogProb >= 0 || got.LogProb < -0.6 {
		t.Errorf("language %q, log probability %v", got.Lang, got.LogProb)
	}
	// "Americans" ends at 2.3 s, the last "country" begins at 10.0 s.
	last := got.Words[len(got.Words)-1]
	if last.Start < 9*time.Second || last.End > 11*time.Second || last.P <= 0.1 {
		t.Errorf("the last word is %+v", last)
	}
	if detail(e.detail.Load()) != wantWords {
		t.Errorf("whisper.cpp's server gives words, but it is asked for detail %d now", e.detail.Load())
	}
}

func TestWhisperServerSurvivesShortAndGivenUpSpeech(t *testing.T) {
	e, err := Open(Config{URL: whisperServer(t), Model: "whisper-base", Timeout: 3 * time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	rec := e.NewRecognizer()
	if _, err := rec.Recognize(t.Context(), asr.Request{PCM: make([]float32, 100), Lang: "en"}); err != nil {
		t.Errorf("a hundred samples: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := rec.Recognize(ctx, asr.Request{PCM: speech(t), Lang: "en"}); err != context.DeadlineExceeded {
		t.Errorf("given up: %v", err)
	}
	if got, err := rec.Recognize(t.Context(), asr.Request{PCM: speech(t)[:3*asr.SampleRate], Lang: "en", Partial: true}); err != nil || len(got.Words) < 3 {
		t.Errorf("afterwards: %+v, %v", got.Words, err)
	}
}
