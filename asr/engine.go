package asr

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"runtime"
	"slices"
	"sync"
	"time"

	"souffleur/internal/meeting"
)

// Engine is one that rooms may choose.
type Engine struct {
	Name  string   // as in a room's choice and in its captions' state
	Langs []string // languages it recognises, BCP 47 primary subtags; empty: any
	// New makes a recogniser. It is called at most once for each of the worker's threads, on that thread, when the engine is
	// first needed there.
	New func() (Recognizer, error)
}

// speaks says whether the engine recognises lang; "" is a language not yet known.
func (e Engine) speaks(lang string) bool {
	return lang == "" || len(e.Langs) == 0 || slices.Contains(e.Langs, lang)
}

// role is what a recogniser is asked for.
type role int

const (
	forPartials role = iota
	forFinals
)

// engines is what a worker chooses from.
type engines struct {
	all      []Engine // set once; the first is there for whoever no other suits
	standard meeting.Engines

	mu     sync.Mutex // guards broken
	broken map[string]bool
}

func newEngines(all []Engine, standard meeting.Engines) *engines {
	return &engines{all: all, standard: standard, broken: make(map[string]bool)}
}

// validate checks the names.
func (e *engines) validate() error {
	if len(e.all) == 0 {
		return errors.New("recognition needs a speech model")
	}
	for i, one := range e.all {
		if one.Name == "" || one.New == nil {
			return errors.New("an engine needs a name and a way to make its recognisers")
		}
		if slices.ContainsFunc(e.all[:i], func(o Engine) bool { return o.Name == one.Name }) {
			return fmt.Errorf("two engines are named %q", one.Name)
		}
	}
	for _, name := range []string{e.standard.Partials, e.standard.Finals} {
		if name != "" && !slices.ContainsFunc(e.all, func(o Engine) bool { return o.Name == name }) {
			return fmt.Errorf("there is no engine %q to use by default", name)
		}
	}
	return nil
}

// of returns the engine for a role: what the room chose, else the standard, else the first, of those that are not broken
// and recognise lang.
func (e *engines) of(r role, choice meeting.Engines, lang string) Engine {
	names := []string{choice.Finals, e.standard.Finals}
	if r == forPartials {
		names = []string{choice.Partials, e.standard.Partials}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, name := range names {
		for _, one := range e.all {
			if one.Name == name && !e.broken[name] && one.speaks(lang) {
				return one
			}
		}
	}
	return e.all[0]
}

// broke notes that recognisers of an engine cannot be made; true the first time.
func (e *engines) broke(name string) (news bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	news = !e.broken[name]
	e.broken[name] = true
	return news
}

// hand is one thread of a worker with the recognisers it has made so far. It is used by that thread only.
type hand struct {
	engines *engines
	made    map[string]Recognizer
	log     *slog.Logger
}

// ready makes the recognisers that are used unless a room chooses. Its error is that one could not be made.
func (h *hand) ready() error {
	for _, r := range []role{forPartials, forFinals} {
		if _, err := h.make(h.engines.of(r, meeting.Engines{}, "")); err != nil {
			return err
		}
	}
	_, err := h.make(h.engines.all[0])
	return err
}

func (h *hand) make(e Engine) (Recognizer, error) {
	if rec := h.made[e.Name]; rec != nil {
		return rec, nil
	}
	rec, err := e.New()
	if err != nil {
		return nil, fmt.Errorf("make recogniser %s: %w", e.Name, err)
	}
	h.made[e.Name] = rec
	return rec, nil
}

// recognizer returns that for a role. An engine that cannot be had is replaced by the first.
func (h *hand) recognizer(r role, choice meeting.Engines, lang string) Recognizer {
	for {
		e := h.engines.of(r, choice, lang)
		rec, err := h.make(e)
		if err == nil {
			return rec
		}
		if h.engines.broke(e.Name) {
			h.log.Error("an engine that a room chose cannot be used", "engine", e.Name, "err", err)
		}
		if e.Name == h.engines.all[0].Name {
			return broken{e.Name, err} // ready made it: only a hand that was never ready comes here
		}
	}
}

func (h *hand) close() {
	for _, rec := range h.made {
		rec.Close()
	}
}

// broken is the recogniser that could not be made.
type broken struct {
	name string
	err  error
}

func (b broken) Recognize(context.Context, Request) (Result, error) { return Result{}, b.err }
func (b broken) Name() string                                       { return b.name }
func (b broken) Close() error                                       { return nil }

// serve does the jobs of s until ctx ends. It stays on one operating system thread, as engines want, and calls ready when
// its recognisers are made. Its error is that they could not be.
func serve(ctx context.Context, s *scheduler, h *hand, ready func()) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer h.close()
	if err := h.ready(); err != nil {
		return err
	}
	ready()
	for {
		j, err := s.next(ctx)
		if err != nil {
			return nil
		}
		begun := time.Now()
		j.run(j.ctx, h)
		s.done(j, time.Since(begun))
	}
}

// errUnusable says that a recogniser's answer cannot be used.
var errUnusable = errors.New("recogniser gave no usable answer")

// recognize asks rec, and turns panics and numbers that are none into errors: a bad answer costs one text, not the track.
func recognize(ctx context.Context, rec Recognizer, req Request) (r Result, err error) {
	defer func() {
		if p := recover(); p != nil {
			r, err = Result{}, fmt.Errorf("%w: panic", errUnusable)
		}
	}()
	r, err = rec.Recognize(ctx, req)
	if err == nil && (math.IsNaN(r.LogProb) || math.IsInf(r.LogProb, 0)) {
		return Result{}, fmt.Errorf("%w: probability is not a number", errUnusable)
	}
	if e, ok := rec.(silentOnNoise); ok {
		r.sober = e.SilentOnNoise()
	}
	return r, err
}
