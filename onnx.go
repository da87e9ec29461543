package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/alecthomas/kong"

	"souffleur/diarize/onnx"
	"souffleur/internal/supervise"
)

// ownVoiceFlags name an operator's own models for telling voices apart.
type ownVoiceFlags struct {
	DiarizeModels string `help:"Folder with ONNX models of your own that tell voices at a shared microphone apart (docs/diarization-models.md); without it the built-in ones do." env:"SOUFFLEUR_DIARIZE_MODELS" type:"path" placeholder:"DIR"`
	ONNXRuntime   string `help:"ONNX Runtime's shared library, 1.24 or newer, which runs the models of --diarize-models." env:"SOUFFLEUR_ONNX_RUNTIME" name:"onnx-runtime" type:"path" placeholder:"FILE"`
}

// config runs one network at a time: voices give way to recognisers.
func (f ownVoiceFlags) config() onnx.Config {
	return onnx.Config{Library: f.ONNXRuntime, Models: f.DiarizeModels, Threads: 1}
}

// open opens the models, or says in the log by a name why they are not used, and returns nil. It also returns nil where none are
// named.
func (f ownVoiceFlags) open(ctx context.Context, log *slog.Logger) *onnx.Models {
	if f.DiarizeModels == "" {
		return nil
	}
	t, err := f.try(ctx, log)
	var m *onnx.Models
	if err == nil {
		m, err = onnx.Open(f.config())
	}
	if err != nil {
		p := problemOf(err)
		log.Warn("your own models that tell voices apart are not used; the built-in ones are", "warning", p.Name, "err", p.Err, "remedy", p.Remedy)
		return nil
	}
	log.Info("your own models tell voices apart", "embedder", t.Embedder, "segmenter", t.Segmenter)
	if t.unmeasured() {
		log.Warn("the thresholds of the built-in embedder hold for yours", "warning", onnx.NoThresholds, "remedy", noThresholds)
	}
	return m
}

// noThresholds says what to do about an embedder that nobody measured.
const noThresholds = "Put \"thresholds\" into models.json that you measured with bench-diarize: docs/diarization-models.md says how."

func problemOf(err error) *onnx.Problem {
	var p *onnx.Problem
	if errors.As(err, &p) {
		return &onnx.Problem{Name: p.Name, Err: err, Remedy: p.Remedy}
	}
	return &onnx.Problem{Name: onnx.BadLibrary, Err: err, Remedy: "Run: souffleur doctor"}
}

// bring names the models of this program in whose place an operator's could be used. It opens no library.
func (f ownVoiceFlags) bring() []string {
	if f.DiarizeModels == "" || onnx.CheckLibrary(f.ONNXRuntime) != nil {
		return nil
	}
	folder, err := onnx.ReadFolder(f.DiarizeModels)
	if err != nil {
		return nil
	}
	var names []string
	if folder.Embedding != nil {
		names = append(names, voiceModel)
	}
	if folder.Segmentation != nil {
		names = append(names, segmentationModel)
	}
	return names
}

// tried is what a process that opened the models once has to say.
type tried struct {
	Embedder  string    `json:"embedder,omitempty"` // its model ID
	Segmenter string    `json:"segmenter,omitempty"`
	Measured  bool      `json:"measured,omitempty"` // there are thresholds for the embedder
	Name      onnx.Name `json:"name,omitempty"`     // of what is wrong; empty: nothing is
	Err       string    `json:"err,omitempty"`
	Remedy    string    `json:"remedy,omitempty"`
}

// unmeasured says that nobody knows what the embedder's cosines should be compared with.
func (t *tried) unmeasured() bool { return t.Embedder != "" && !t.Measured }

// Bounds of a trial.
const (
	trialWait = time.Minute
	maxTrial  = 64 << 10 // bytes of its answer
)

// try lets another process open the models once: a fault in a foreign library ends that process and not this one. Its answer comes
// with a [*onnx.Problem] if it is not good.
func (f ownVoiceFlags) try(ctx context.Context, log *slog.Logger) (*tried, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find own program: %w", err)
	}
	ctx, stop := context.WithTimeout(ctx, trialWait)
	defer stop()
	answer := &bounded{most: maxTrial}
	code, err := supervise.Child{
		Name: "diarize try", Path: self, Args: []string{"diarize", "try"}, Env: childEnv(f), Log: log, Output: answer, Errors: io.Discard,
	}.RunOnce(ctx)
	t := &tried{}
	if err == nil && code == 0 {
		err = json.Unmarshal(answer.Bytes(), t)
	} else if err == nil {
		err = fmt.Errorf("the process that opened them first ended with status %d", code)
	}
	if err != nil {
		return nil, &onnx.Problem{Name: onnx.Crashed, Err: err, Remedy: "Take another release of ONNX Runtime, or other networks: these do not run together on this machine."}
	}
	if t.Name != "" {
		return t, &onnx.Problem{Name: t.Name, Err: errors.New(t.Err), Remedy: t.Remedy}
	}
	return t, nil
}

// diarizeTryCmd is that other process.
type diarizeTryCmd struct{ ownVoiceFlags }

// Run opens the models and prints what came of it.
func (c *diarizeTryCmd) Run(kctx *kong.Context) error {
	var t tried
	m, err := onnx.Open(c.config())
	if err != nil {
		p := problemOf(err)
		t = tried{Name: p.Name, Err: p.Err.Error(), Remedy: p.Remedy}
	} else {
		if m.Embedder != nil {
			t.Embedder, t.Measured = m.Embedder.Model(), m.Embedder.Thresholds() != nil
		}
		if m.Segmenter != nil {
			t.Segmenter = m.Segmenter.Model()
		}
		if err := m.Close(); err != nil {
			return err
		}
	}
	return json.NewEncoder(kctx.Stdout).Encode(t)
}

// ownVoiceModels opens the operator's models once.
func (c *doctorCmd) ownVoiceModels(ctx context.Context, log *slog.Logger) finding {
	f := finding{what: "ONNX models in " + c.DiarizeModels + ", which tell voices at shared microphones apart"}
	t, err := c.ownVoiceFlags.try(ctx, log)
	if err != nil {
		p := problemOf(err)
		f.err, f.remedy = err, p.Remedy+" Until then the built-in model tells them apart."
		return f
	}
	if t.unmeasured() {
		f.note, f.err, f.remedy = true, errors.New("nobody measured thresholds for this embedder; those of the built-in one hold"), noThresholds
	}
	return f
}
