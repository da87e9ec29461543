package main

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"souffleur/storage"
	"souffleur/storage/export"
)

// folder makes files in a new folder: their names by content; a content "jfk" is the recording of the tests.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		if content == "jfk" {
			b, err := os.ReadFile(filepath.Join("testdata", "speech", "jfk-1.ogg"))
			if err != nil {
				t.Fatal(err)
			}
			content = string(b)
		}
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(content), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func names(jobs []job) []string {
	var out []string
	for _, j := range jobs {
		out = append(out, j.name)
	}
	return out
}

func TestRecordingsOfAFolderAreFoundInOrder(t *testing.T) {
	dir := folder(t, map[string]string{
		"b/2.WAV": "", "b/10.mp3": "", "a.opus": "", "a.txt": "", ".hidden.ogg": "", ".git/x.ogg": "", "c/d/e.flac": "", "notes": "",
	})
	if err := os.Symlink(filepath.Join(dir, "a.opus"), filepath.Join(dir, "link.ogg")); err != nil {
		t.Fatal(err)
	}
	jobs, err := findRecordings([]string{dir, filepath.Join(dir, "notes"), filepath.Join(dir, "a.opus")})
	want := []string{"a.opus", "b/10.mp3", "b/2.WAV", "c/d/e.flac", "link.ogg", "notes"}
	if err != nil || !slices.Equal(names(jobs), want) {
		t.Errorf("found %v, want %v: %v", names(jobs), want, err)
	}
	var usage usageError
	for _, path := range []string{filepath.Join(dir, "nothing.ogg"), folder(t, map[string]string{"a.txt": ""})} {
		if _, err := findRecordings([]string{path}); !errors.As(err, &usage) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestTranscriptsAreNamedAfterTheirRecordings(t *testing.T) {
	jobs := []job{{path: "/r/a.ogg", name: "a.ogg"}, {path: "/r/b.wav", name: "b.wav"}, {path: "/r/b.mp3", name: "b.mp3"}, {path: "/r/x/a.ogg", name: "x/a.ogg"}, {path: "/r/c", name: "c"}}
	if err := nameOutputs(jobs, "/out", export.SRT); err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"/out/a.srt", "/out/b.wav.srt", "/out/b.mp3.srt", "/out/x/a.srt", "/out/c.srt"} {
		if jobs[i].output != want {
			t.Errorf("%s becomes %s, want %s", jobs[i].name, jobs[i].output, want)
		}
	}
	var usage usageError
	clash := []job{{path: "/r/a.ogg", name: "a.ogg"}, {path: "/s/a.ogg", name: "a.ogg"}}
	if err := nameOutputs(clash, "/out", export.SRT); !errors.As(err, &usage) {
		t.Errorf("two recordings of one name: %v", err)
	}
}

func TestATranscriptIsKeptWhileItIsNewer(t *testing.T) {
	dir := folder(t, map[string]string{"a.ogg": "", "a.txt": ""})
	j := job{path: filepath.Join(dir, "a.ogg"), output: filepath.Join(dir, "a.txt")}
	now := time.Now()
	for _, c := range []struct {
		recording, transcript time.Time
		done                  bool
	}{
		{now, now.Add(time.Second), true}, {now, now, false}, {now.Add(time.Second), now, false},
	} {
		if err := errors.Join(os.Chtimes(j.path, now, c.recording), os.Chtimes(j.output, now, c.transcript)); err != nil {
			t.Fatal(err)
		}
		if j.done() != c.done {
			t.Errorf("recording of %v, transcript of %v: done %v", c.recording, c.transcript, j.done())
		}
	}
	if (job{path: j.path, output: filepath.Join(dir, "b.txt")}).done() {
		t.Error("done without a transcript")
	}
}

func TestATranscriptIsWholeOrNotThere(t *testing.T) {
	dir := t.TempDir()
	j := job{output: filepath.Join(dir, "sub", "a.vtt")}
	as := func(f export.Format) func(io.Writer) error {
		return func(w io.Writer) error { return export.Write(w, f, export.English, &storage.Transcript{}) }
	}
	if err := j.write(as(export.VTT)); err != nil {
		t.Fatal(err)
	}
	if err := j.write(as("pdf")); err == nil {
		t.Error("no error")
	}
	left, err := os.ReadDir(filepath.Join(dir, "sub"))
	if err != nil || len(left) != 1 || left[0].Name() != "a.vtt" {
		t.Errorf("left %v, %v", left, err)
	}
	if b, err := os.ReadFile(j.output); err != nil || string(b) != "WEBVTT\n" {
		t.Errorf("the transcript that was there is %q, %v", b, err)
	}
}

func TestAFolderIsTranscribedAndResumed(t *testing.T) {
	needModel(t)
	dir := folder(t, map[string]string{"one.ogg": "jfk", "sub/two.ogg": "jfk", "broken.wav": "RIFF....WAVE"})
	out := t.TempDir()
	_, said, status := souffleur(t, "transcribe", "--lang", "en", "--format", "vtt", "--output", out, dir)
	if status != 1 || !strings.Contains(said, "broken.wav: failed: ") || !strings.Contains(said, "1 of 3 recordings could not be transcribed") ||
		!strings.Contains(said, "times real time") {
		t.Errorf("status %d:\n%s", status, said)
	}
	for _, name := range []string{"one.vtt", "sub/two.vtt"} {
		if b, err := os.ReadFile(filepath.Join(out, name)); err != nil || !strings.Contains(string(b), "fellow Americans") {
			t.Errorf("%s: %q, %v", name, b, err)
		}
	}
	if err := os.Remove(filepath.Join(dir, "broken.wav")); err != nil {
		t.Fatal(err)
	}
	_, said, status = souffleur(t, "transcribe", "--lang", "en", "--format", "vtt", "--output", out, dir)
	if status != 0 || strings.Count(said, ": skipped, ") != 2 {
		t.Errorf("again: status %d:\n%s", status, said)
	}
	_, said, status = souffleur(t, "transcribe", "--lang", "en", "--format", "vtt", "--force", "--output", out, filepath.Join(dir, "one.ogg"))
	if status != 0 || strings.Contains(said, "skipped") || !strings.Contains(said, "one.ogg: ") {
		t.Errorf("by force: status %d:\n%s", status, said)
	}
}

func TestASingleRecordingGoesToStandardOutput(t *testing.T) {
	needModel(t)
	dir := folder(t, map[string]string{"one.ogg": "jfk", "broken.wav": "RIFF....WAVE"})
	out, said, status := souffleur(t, "transcribe", "--lang", "en", "--format", "json", filepath.Join(dir, "one.ogg"))
	var transcript storage.Transcript
	if err := json.Unmarshal([]byte(out), &transcript); err != nil || status != 0 {
		t.Fatalf("status %d, %v:\n%s%s", status, err, out, said)
	}
	if len(transcript.Segments) == 0 || transcript.EndedUnixMS < 1000 || transcript.EndedUnixMS > 12_000 {
		t.Errorf("transcript %+v", transcript)
	}
	if _, said, status = souffleur(t, "transcribe", filepath.Join(dir, "broken.wav")); status != 1 || !strings.Contains(said, "broken.wav: read recording: not a recording") {
		t.Errorf("a broken one: status %d:\n%s", status, said)
	}
}
