package e2e

import (
	"bytes"
	"encoding/json"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"souffleur/asr/eval"
)

// TestARecordingIsTranscribedOverHTTP sends a recording to a running server, as programs written for OpenAI's API do.
func TestARecordingIsTranscribedOverHTTP(t *testing.T) {
	in := install(t)
	sound, err := os.ReadFile(filepath.Join("..", "testdata", "speech", "jfk.ogg"))
	if err != nil {
		t.Fatal(err)
	}
	said := in.transcribe(sound, 200)
	const want = "And so, my fellow Americans, ask not what your country can do for you, ask what you can do for your country."
	if errs := eval.Score(eval.Normalize("en", want), eval.Normalize("en", said.Text)); errs.WER() > 0.1 {
		t.Errorf("heard %q", said.Text)
	}
	if said.Language != "en" || said.Duration < 10.9 || said.Duration > 11.1 || len(said.Segments) == 0 || len(said.Words) < 20 {
		t.Errorf("answer %+v", said)
	}
	in.transcribe([]byte("no recording"), 400)
	if left, err := os.ReadDir(filepath.Join(in.dir, "uploads")); err != nil || len(left) != 0 {
		t.Errorf("uploads left: %v, %v", left, err)
	}
}

type transcription struct {
	Text     string
	Language string
	Duration float64
	Segments []struct{ Start, End float64 }
	Words    []struct{ Word string }
}

// transcribe posts a recording with the server's API token and wants an answer of the given status.
func (in *installation) transcribe(sound []byte, status int) transcription {
	in.t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for _, f := range [][2]string{{"model", "whisper-1"}, {"response_format", "verbose_json"}, {"timestamp_granularities[]", "word"}, {"timestamp_granularities[]", "segment"}} {
		if err := form.WriteField(f[0], f[1]); err != nil {
			in.t.Fatal(err)
		}
	}
	part, err := form.CreateFormFile("file", "speech.ogg")
	if err != nil {
		in.t.Fatal(err)
	}
	part.Write(sound)
	form.Close()
	req, err := http.NewRequestWithContext(in.t.Context(), http.MethodPost, in.url()+"/v1/audio/transcriptions", &body)
	if err != nil {
		in.t.Fatal(err)
	}
	req.Header.Set("Content-Type", form.FormDataContentType())
	req.Header.Set("Authorization", "Bearer "+strings.TrimSpace(in.file("api-token")))
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		in.t.Fatal(err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		in.t.Fatal(err)
	}
	var said transcription
	if err := json.Unmarshal(answer, &said); err != nil || res.StatusCode != status {
		in.t.Fatalf("answered %d %s, want %d: %v", res.StatusCode, answer, status, err)
	}
	return said
}
