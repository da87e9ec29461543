package main

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"

	"souffleur/asr"
	"souffleur/asr/parakeet"
	asrremote "souffleur/asr/remote"
	"souffleur/asr/whisper"
	"souffleur/internal/meeting"
	"souffleur/internal/models"
	"souffleur/internal/vad"
)

// serviceEngine is the name under which rooms choose the transcription service of --asr-url.
const serviceEngine = "service"

// engines are a voice detector, and speech engines by name: models of this machine, each loaded when it is first needed,
// and a transcription service.
type engines struct {
	flags modelFlags
	gpu   bool
	log   *slog.Logger
	vad   *vad.Model
	names []string // the first is there for whoever no other suits

	mu     sync.Mutex // guards loaded
	loaded map[string]speechModel
}

// speechModel makes recognisers.
type speechModel interface {
	NewRecognizer() (asr.Recognizer, error)
	Name() string
	Close() error
}

// All engines make recognisers of their own types.
type (
	whisperModel  struct{ *whisper.Model }
	parakeetModel struct{ *parakeet.Model }
	service       struct{ *asrremote.Endpoint }
)

func (m whisperModel) NewRecognizer() (asr.Recognizer, error)  { return m.Model.NewRecognizer() }
func (m parakeetModel) NewRecognizer() (asr.Recognizer, error) { return m.Model.NewRecognizer() }
func (s service) NewRecognizer() (asr.Recognizer, error)       { return s.Endpoint.NewRecognizer(), nil }

// open finds the models and loads the first, and the voice detector. Without them the error says what to do, and carries
// exitNoModel.
func (f modelFlags) open(gpu bool, log *slog.Logger) (*engines, error) {
	e := &engines{flags: f, gpu: gpu, log: log, names: f.engineNames(), loaded: make(map[string]speechModel)}
	voice, err := f.store(log).Path(vadModel)
	if err != nil {
		return nil, noModel(vadModel, err)
	}
	for _, name := range e.names {
		if err := e.there(name); err != nil {
			return nil, err
		}
	}
	if e.vad, err = vad.Load(voice); err != nil {
		return nil, noModel(vadModel, err)
	}
	if _, err := e.model(e.names[0]); err != nil {
		return nil, err
	}
	return e, nil
}

const vadModel = "silero-vad"

func noModel(name string, err error) error {
	return exitStatus{fmt.Errorf("no speech model %q: %w; fetch it with: souffleur models pull %s", name, err, name), exitNoModel}
}

func (f modelFlags) store(log *slog.Logger) *models.Store { return models.NewStore(f.Models, log) }

// engineNames are all engines that the flags name, the one for whoever no other suits first.
func (f modelFlags) engineNames() []string {
	first := f.Model
	if f.ASRURL != "" {
		first = serviceEngine
	}
	var names []string
	for _, name := range append([]string{first, f.PartialsModel, f.FinalsModel}, f.Engines...) {
		if name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// there says what is missing of an engine, before anybody waits for it.
func (e *engines) there(name string) error {
	if name == serviceEngine {
		if e.flags.ASRURL == "" {
			return badUsage("the engine %q needs --asr-url", serviceEngine)
		}
		return nil
	}
	if _, err := e.flags.store(e.log).Path(name); err != nil {
		return noModel(name, err)
	}
	return nil
}

// model returns a loaded engine.
func (e *engines) model(name string) (speechModel, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if m := e.loaded[name]; m != nil {
		return m, nil
	}
	m, err := e.load(name)
	if err != nil {
		return nil, err
	}
	e.log.Info("speech engine ready", "engine", name)
	e.loaded[name] = m
	return m, nil
}

func (e *engines) load(name string) (speechModel, error) {
	if name == serviceEngine {
		s, err := asrremote.Open(e.flags.service())
		if err != nil {
			return nil, badUsage("--asr-url: %w", err)
		}
		return service{s}, nil
	}
	path, err := e.flags.store(e.log).Path(name)
	if err != nil {
		return nil, noModel(name, err)
	}
	if parakeet.Is(path) {
		m, err := parakeet.Load(path, parakeet.Options{GPU: e.gpu, Threads: 1})
		if err != nil {
			return nil, noModel(name, err)
		}
		return parakeetModel{m}, nil
	}
	m, err := whisper.Load(path, whisper.Options{GPU: e.gpu, Threads: 1})
	if err != nil {
		return nil, noModel(name, err)
	}
	return whisperModel{m}, nil
}

// forRecordings makes a recogniser of the engine for lasting text.
func (e *engines) forRecordings() (asr.Recognizer, error) {
	if e.flags.FinalsModel != "" {
		return e.recognizerOf(e.flags.FinalsModel)
	}
	return e.recognizerOf(e.names[0])
}

func (e *engines) recognizerOf(name string) (asr.Recognizer, error) {
	m, err := e.model(name)
	if err != nil {
		return nil, err
	}
	return m.NewRecognizer()
}

func (e *engines) detector() (asr.VoiceDetector, error) { return e.vad.NewDetector() }

// choices are the engines as recognition of meetings takes them.
func (e *engines) choices() []asr.Engine {
	var all []asr.Engine
	for _, name := range e.names {
		one := asr.Engine{Name: name, New: func() (asr.Recognizer, error) { return e.recognizerOf(name) }}
		if path, err := e.flags.store(e.log).Path(name); err == nil && parakeet.Is(path) {
			one.Langs = parakeet.Languages()
		}
		all = append(all, one)
	}
	return all
}

// standard names the engines of rooms that chose none.
func (f modelFlags) standard() meeting.Engines {
	return meeting.Engines{Partials: f.PartialsModel, Finals: f.FinalsModel}
}

func (e *engines) close() {
	e.mu.Lock()
	defer e.mu.Unlock()
	var errs []error
	for _, m := range e.loaded {
		errs = append(errs, m.Close())
	}
	if err := errors.Join(errs...); err != nil {
		e.log.Error("close speech engines", "err", err)
	}
}
