package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"

	"souffleur/internal/supervise"
	"souffleur/storage"
	"souffleur/web"
)

// childTranscriber transcribes each recording in a process of its own: this program's command transcribe. A crash of the engine,
// or of a decoder that reads a foreign file, ends that process only.
type childTranscriber struct {
	program string
	env     []string
	models  modelFlags
	own     ownVoiceFlags
	log     *slog.Logger
}

var _ web.Transcriber = (*childTranscriber)(nil)

// transcriptionPriority is the nice value of the child. Recognisers of meetings have 5: they come first.
const transcriptionPriority = 15

// newTranscriber returns a transcriber with the speech model of serve.
func newTranscriber(m modelFlags, a asrFlags, own ownVoiceFlags, log *slog.Logger) (*childTranscriber, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find own program: %w", err)
	}
	env := childEnv(struct {
		modelFlags
		asrFlags
		ownVoiceFlags
	}{m, a, own})
	return &childTranscriber{program: self, env: slices.DeleteFunc(env, foreignSecret), models: m, own: own, log: log}, nil
}

// foreignSecret says whether a variable is a secret that a process which reads foreign files should not know.
func foreignSecret(variable string) bool {
	name, _, _ := strings.Cut(variable, "=")
	return slices.Contains([]string{"SOUFFLEUR_MASTER_KEY", "SOUFFLEUR_MASTER_KEY_FILE", "SOUFFLEUR_TOKEN", "KAFKA_PASSWORD", "S3_SECRET_KEY"}, name)
}

// Bounds of what a child prints.
const (
	maxTranscript = 64 << 20 // bytes; 4 hours of speech with all words are about 10 MB
	maxComplaint  = 8 << 10
)

// Transcribe implements [web.Transcriber]. The prompt travels in the environment, because arguments can be read by everybody on
// the machine.
func (t *childTranscriber) Transcribe(ctx context.Context, r web.Recording) (*storage.Transcript, error) {
	args := []string{"transcribe", "--supervised", "--format=json"}
	if r.Lang != "" {
		args = append(args, "--lang="+r.Lang)
	}
	if r.Model != "" {
		args = append(args, "--model="+r.Model)
	}
	if r.Voices && t.tellsApart() {
		args = append(args, "--voices=auto")
	}
	out, complaint := &bounded{most: maxTranscript}, &bounded{most: maxComplaint, lossy: true}
	code, err := supervise.Child{
		Name: "transcribe", Path: t.program, Args: append(args, r.Path), Env: append(slices.Clip(t.env), "SOUFFLEUR_TRANSCRIBE_PROMPT="+r.Prompt),
		Log: t.log, Lower: transcriptionPriority, Output: out, Errors: complaint,
	}.RunOnce(ctx)
	if err != nil {
		return nil, err
	}
	switch {
	case code == exitBadRecording:
		return nil, web.ErrBadRecording
	case code == exitNoModel:
		return nil, web.ErrNoModel
	case code != 0:
		t.log.Warn("transcription failed", "exit_code", code, "stderr", complaint.String())
		return nil, fmt.Errorf("the transcribing process ended with status %d", code)
	}
	transcript := &storage.Transcript{}
	if err := json.Unmarshal(out.Bytes(), transcript); err != nil {
		return nil, fmt.Errorf("read the transcribing process's answer: %w", err)
	}
	return transcript, nil
}

// tellsApart says whether speakers can be told apart.
func (t *childTranscriber) tellsApart() bool {
	model, err := t.models.missingVoiceModel(t.own, t.log)
	if err != nil {
		t.log.Warn("speakers of recordings are not told apart: the model is not installed, or damaged", "model", model, "err", err)
	}
	return err == nil
}

// bounded keeps what is written to it, up to a limit. A lossy one then drops the rest; else writing fails.
type bounded struct {
	bytes.Buffer
	most  int
	lossy bool
}

var errTooMuch = errors.New("too much output")

// Write implements io.Writer.
func (b *bounded) Write(p []byte) (int, error) {
	room := max(b.most-b.Len(), 0)
	if len(p) <= room {
		return b.Buffer.Write(p)
	}
	if !b.lossy {
		return 0, errTooMuch
	}
	b.Buffer.Write(p[:room])
	return len(p), nil
}
