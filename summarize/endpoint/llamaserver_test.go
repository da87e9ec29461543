package endpoint

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"souffleur/summarize/minutes"
	"souffleur/summarize/verify"
)

// Of the real server and its model.
const (
	llamaKey     = "a key for tests"
	llamaModel   = "smollm2-135m"
	llamaContext = 3072
)

// llamaServer runs llama.cpp's own server with a model of 135 million parameters and returns its address. Such a model writes English that
// is rarely of use: what is tested is the way there and back.
func llamaServer(t *testing.T) string {
	t.Helper()
	if os.Getenv("SOUFFLEUR_TEST_REAL") != "1" {
		t.Skip("SOUFFLEUR_TEST_REAL=1 runs it: a language model on a processor takes minutes")
	}
	folder := filepath.Join("..", "..", "build", "real", "llama")
	weights := filepath.Join(folder, "SmolLM2-135M-Instruct.Q4_1.gguf")
	if _, err := os.Stat(weights); err != nil {
		t.Fatal("llama.cpp's server is not here: get it with scripts/real-llama-server.sh")
	}
	port := freePort(t)
	cmd := exec.Command(filepath.Join(folder, "venv", "bin", "python"), filepath.Join("..", "..", "scripts", "llama", "serve.py"),
		weights, port, strconv.Itoa(llamaContext), llamaKey)
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
	return address + "/v1"
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

func TestLlamaServerIsUnderstood(t *testing.T) {
	url := llamaServer(t)
	cfg := Config{BaseURL: url, APIKey: llamaKey, Model: llamaModel, ContextTokens: llamaContext, MaxOutput: leastOutput, Timeout: 15 * time.Minute}

	t.Run("its models", func(t *testing.T) {
		models, err := Check(t.Context(), cfg)
		if err != nil || len(models) != 1 || models[0] != llamaModel {
			t.Errorf("models %q, %v", models, err)
		}
	})
	t.Run("a wrong key", func(t *testing.T) {
		wrong := cfg
		wrong.APIKey = "another"
		w, _ := testWriter(t, url, func(c *Config) { *c = wrong })
		fails(t, w, council(), minutes.EndpointRefused)
	})
	t.Run("a prompt that does not fit", func(t *testing.T) {
		w, _ := testWriter(t, url, func(c *Config) { *c = cfg })
		_, err := w.service.ask(t.Context(), question{lang: "en", form: lineForm, messages: []message{{"user", strings.Repeat("market square ", 4000)}}})
		if !errors.Is(err, errTooLong) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("an answer by schema", func(t *testing.T) {
		w, _ := testWriter(t, url, func(c *Config) { *c = cfg })
		said, err := w.service.ask(t.Context(), question{lang: "en", form: lineForm, messages: conversation("overview", "en",
			brief{Form: lineExample, Least: 1, Most: 2}, "[F1] The market stays in the square.\n")})
		if err != nil {
			t.Fatal(err)
		}
		if said.rung != schemaRung || said.prompt < 100 {
			t.Errorf("%d tokens, rung %d", said.prompt, said.rung)
		}
		if _, ok := readLines(said.text); !ok {
			t.Errorf("it does not follow the schema: %q", said.text)
		}
		estimated := w.service.gauge.known()
		if estimated < 0.6 || estimated > 1.6 {
			t.Errorf("the server counts %.2f tokens for one that is estimated", estimated)
		}
		t.Logf("%d tokens of prompt, %.2f for one that is estimated; it wrote %q", said.prompt, estimated, said.text)
	})
	t.Run("giving up", func(t *testing.T) {
		w, _ := testWriter(t, url, func(c *Config) { *c = cfg })
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		if _, err := w.Write(ctx, council(), nil); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("minutes", func(t *testing.T) {
		w, _ := testWriter(t, url, func(c *Config) { *c = cfg })
		job := talkOf("en",
			"Margaret: The market stays in the square, that is decided.",
			"Aisha: The crossing on Mill Lane costs twenty-two thousand pounds.",
			"Robert: I will tell the traders tomorrow that the market stays.",
			"Aisha: Thank you, the county answers on Friday.",
		)
		doc, err := w.Write(t.Context(), job, nil)
		switch code := Code(err); {
		case err == nil:
			if failed := verify.NewSource(job).Document(doc); len(failed) > 0 {
				t.Errorf("lines that fail their checks: %+v", failed)
			}
			t.Logf("%d lines dropped; the document says %q", doc.Coverage.Dropped, texts(doc))
		case code == minutes.EndpointBroken || code == minutes.EndpointTruncates || code == minutes.EndpointLanguage:
			t.Logf("nothing of use, and that was noticed: %v", err)
		default:
			t.Error(err)
		}
	})
}
