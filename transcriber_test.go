package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"souffleur/storage"
	"souffleur/web"
)

// newTestTranscriber is a transcriber whose child is the test binary.
func newTestTranscriber(t *testing.T) *childTranscriber {
	t.Helper()
	t.Setenv(asProgram, "1")
	t.Setenv("S3_SECRET_KEY", "secret")
	dir := os.Getenv("SOUFFLEUR_MODELS")
	if dir == "" {
		dir = defaultModelsDir()
	}
	tr, err := newTranscriber(modelFlags{Models: dir, Model: "whisper-base"}, asrFlags{}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

func jfk(t *testing.T) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("testdata", "speech", "jfk.ogg"))
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func textOf(t *storage.Transcript) string {
	var texts []string
	for _, s := range t.Segments {
		texts = append(texts, s.Text)
	}
	return strings.Join(texts, " ")
}

func TestAChildTranscribes(t *testing.T) {
	needModel(t)
	got, err := newTestTranscriber(t).Transcribe(t.Context(), web.Recording{Path: jfk(t), Prompt: "Kennedy spoke."})
	if err != nil {
		t.Fatal(err)
	}
	if said := textOf(got); !strings.Contains(said, "what your country can do for you") || got.EndedUnixMS < 10_900 || got.EndedUnixMS > 11_100 {
		t.Errorf("heard %q in %d ms", said, got.EndedUnixMS)
	}
	if s := got.Segments[0]; s.Lang != "en" || len(s.Words) == 0 || s.Conf <= 0 {
		t.Errorf("segment %+v", s)
	}
}

func TestAChildSaysWhatIsWrong(t *testing.T) {
	needModel(t)
	tr := newTestTranscriber(t)
	broken := filepath.Join(t.TempDir(), "upload-1")
	if err := os.WriteFile(broken, []byte("no recording"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := tr.Transcribe(t.Context(), web.Recording{Path: broken}); !errors.Is(err, web.ErrBadRecording) {
		t.Errorf("no recording: %v", err)
	}
	if _, err := tr.Transcribe(t.Context(), web.Recording{Path: jfk(t), Model: "gpt-4o-transcribe"}); !errors.Is(err, web.ErrNoModel) {
		t.Errorf("no model: %v", err)
	}
	if _, err := tr.Transcribe(t.Context(), web.Recording{Path: jfk(t), Lang: "xx"}); err == nil || errors.Is(err, web.ErrBadRecording) {
		t.Errorf("no language: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := tr.Transcribe(ctx, web.Recording{Path: jfk(t)}); err != context.Canceled {
		t.Errorf("given up: %v", err)
	}
}

func TestAChildGetsTheModelAndNoForeignSecrets(t *testing.T) {
	tr := newTestTranscriber(t)
	env := strings.Join(tr.env, "\n")
	if !strings.Contains(env, "SOUFFLEUR_MODEL=whisper-base") || strings.Contains(env, "secret") {
		t.Errorf("environment:\n%s", env)
	}
}

func TestOutputOfAChildIsBounded(t *testing.T) {
	strict, lossy := &bounded{most: 4}, &bounded{most: 4, lossy: true}
	if _, err := strict.Write([]byte("1234")); err != nil {
		t.Error(err)
	}
	if _, err := strict.Write([]byte("5")); !errors.Is(err, errTooMuch) {
		t.Errorf("one byte more: %v", err)
	}
	for range 3 {
		if n, err := lossy.Write([]byte("abc")); n != 3 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
	}
	if lossy.String() != "abca" {
		t.Errorf("kept %q", lossy.String())
	}
}
