package main

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"souffleur/internal/meeting"
	"souffleur/internal/recording"
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
	tr, err := newTranscriber(modelFlags{Models: dir, Model: "whisper-base"}, asrFlags{}, ownVoiceFlags{}, slog.New(slog.DiscardHandler))
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

func TestAChildTellsSpeakersApart(t *testing.T) {
	needModel(t)
	needVoices(t)
	path := filepath.Join(t.TempDir(), "upload-1")
	keepWAV(t, path, twoPeople(t))
	tr := newTestTranscriber(t)
	got, err := tr.Transcribe(t.Context(), web.Recording{Path: path, Lang: "en", Voices: true})
	if err != nil {
		t.Fatal(err)
	}
	names := map[meeting.SpeakerID]string{}
	for _, n := range got.Names {
		names[n.Spk] = n.Name
	}
	heard := map[string]int64{}
	for _, s := range got.Segments {
		heard[names[s.Spk]] += s.T1 - s.T0
	}
	if len(names) != 2 || heard["Voice 1"] < 1000 || heard["Voice 2"] < 1000 || heard[""] > 0 {
		t.Errorf("names %v, heard %v", names, heard)
	}

	keepWAV(t, path, speech(t, "jfk-1")[:recording.Rate]) // of a second nobody can say who speaks
	if got, err = tr.Transcribe(t.Context(), web.Recording{Path: path, Lang: "en", Voices: true}); err != nil || len(got.Names) != 0 {
		t.Errorf("a second: %+v, %v", got, err)
	}
}

func TestARecordingIsTranscribedThoughTheModelOfVoicesIsDamaged(t *testing.T) {
	needModel(t)
	needVoices(t)
	tr := newTestTranscriber(t)
	dir := t.TempDir()
	files, err := filepath.Glob(filepath.Join(tr.models.Models, "*.*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if err := os.Symlink(f, filepath.Join(dir, filepath.Base(f))); err != nil {
			t.Fatal(err)
		}
	}
	damaged := filepath.Join(dir, voiceModel+".bin")
	if err := errors.Join(os.Remove(damaged), os.WriteFile(damaged, make([]byte, 5_694_481), 0o600)); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	if tr, err = newTranscriber(modelFlags{Models: dir, Model: "whisper-base"}, asrFlags{}, ownVoiceFlags{}, slog.New(slog.NewTextHandler(&log, nil))); err != nil {
		t.Fatal(err)
	}
	got, err := tr.Transcribe(t.Context(), web.Recording{Path: jfk(t), Lang: "en", Voices: true})
	if err != nil || !strings.Contains(textOf(got), "country") || len(got.Names) != 0 || !strings.Contains(log.String(), "speakers of recordings are not told apart") {
		t.Errorf("%+v, %v, log %s", got, err, &log)
	}
	// The child that is asked all the same says so, too, and goes on.
	open, alive, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer alive.Close()
	defer open.Close()
	cmd := exec.Command(os.Args[0], "transcribe", "--supervised", "--models", dir, "--model", "whisper-base", "--voices", "auto", "--format", "json", "--lang", "en", jfk(t))
	var complaint bytes.Buffer
	cmd.Env, cmd.Stdin, cmd.Stderr = append(os.Environ(), asProgram+"=1"), open, &complaint
	out, err := cmd.Output()
	if err != nil || !strings.Contains(string(out), "country") || strings.Contains(string(out), "voice-1") || !strings.Contains(complaint.String(), "speakers are not told apart") {
		t.Errorf("%v, %s\n%s", err, out, &complaint)
	}
	if _, said, status := souffleur(t, "transcribe", "--models", dir, "--model", "whisper-base", "--voices", "auto", jfk(t)); status != exitNoModel || !strings.Contains(said, voiceModel) {
		t.Errorf("by hand: status %d, %s", status, said)
	}
}
