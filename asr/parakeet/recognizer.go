//go:build whisper && cgo

package parakeet

/*
#include "shim.h"
*/
import "C"

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"souffleur/asr"
	"souffleur/internal/whispercpp"
)

// Recognizer decodes speech with a [Model]. It has memory of its own: 8 MB, and what its last speech took to compute, 45 MB
// for 5 s, 80 MB for 10 s, 220 MB for 30 s. (Measured with random weights in the shapes of the published q8_0 file. They took
// 1.3 processor seconds for 5 s, 2.3 for 10 s, 10 for 30 s, on one thread of two busy cores with AVX512.)
type Recognizer struct {
	model *Model

	mu     sync.Mutex       // held for the length of a call, so that Close waits for it
	handle *C.px_recognizer // nil once closed
	short  whispercpp.Padding
	tokens [maxResultTokens]C.px_token
	text   [maxResultText]C.char
}

var _ asr.Recognizer = (*Recognizer)(nil)

// Room for one result. The published model says at most 10 tokens in each of the 376 frames of 30 s.
const (
	maxResultTokens = 4096
	maxResultText   = 64 << 10 // bytes
)

// NewRecognizer returns a recogniser of the model, for one goroutine.
func (m *Model) NewRecognizer() (*Recognizer, error) {
	if !m.life.Acquire() {
		return nil, fmt.Errorf("recogniser of %s: %w", m.name, ErrClosed)
	}
	handle := C.px_new(m.handle)
	if handle == nil {
		whispercpp.DrainLog(m.log)
		m.life.Release()
		return nil, fmt.Errorf("recogniser of %s: no memory for its state", m.name)
	}
	return &Recognizer{model: m, handle: handle}, nil
}

// Name returns the model's name.
func (r *Recognizer) Name() string { return r.model.name }

// SilentOnNoise is true: a transducer says nothing where it hears no words. It lets package asr believe what it says without
// the rules made for engines that invent text.
func (r *Recognizer) SilentOnNoise() bool { return true }

// Close frees the recogniser; it waits for a running call. Close is idempotent.
func (r *Recognizer) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.handle != nil {
		C.px_free(r.handle)
		r.handle = nil
		r.model.life.Release()
	}
	return nil
}

// Recognize returns the words of req; see [asr.Recognizer]. Prompt, Partial and VoiceEnd change nothing. The engine hears the
// language by itself: Lang and Langs only say what to call it. None of them within [Languages] gives [ErrLanguage]. When ctx
// ends it returns ctx's error: before the encoder pass, behind it, or at the next token.
func (r *Recognizer) Recognize(ctx context.Context, req asr.Request) (asr.Result, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.handle == nil {
		return asr.Result{}, ErrClosed
	}
	if err := whispercpp.CheckSpeech(req.PCM); err != nil {
		return asr.Result{}, err
	}
	among, err := candidates(req.Lang, req.Langs)
	if err != nil {
		return asr.Result{}, err
	}
	if len(req.PCM) == 0 {
		return asr.Result{Lang: spokenLanguage(nil, among)}, nil
	}
	C.px_arm(r.handle)
	stop := whispercpp.WhenDone(ctx, func() { C.px_cancel(r.handle) })
	defer stop()
	tokens, err := r.decode(req.PCM)
	if ctx.Err() != nil {
		return asr.Result{}, ctx.Err()
	}
	if err != nil {
		whispercpp.DrainLog(r.model.log)
		return asr.Result{}, fmt.Errorf("recognise %.1f s of speech: %w", float64(len(req.PCM))/asr.SampleRate, err)
	}
	words := whispercpp.WordsOf(tokens, time.Duration(len(req.PCM))*time.Second/asr.SampleRate)
	return asr.Result{Lang: spokenLanguage(words, among), Words: words, LogProb: whispercpp.MeanLogProb(tokens)}, nil
}

// decode is one call of the library.
func (r *Recognizer) decode(pcm []float32) ([]whispercpp.Token, error) {
	pcm = r.short.AtLeast(minSamples, pcm)
	var n C.int
	status := C.px_decode(r.handle, (*C.float)(&pcm[0]), C.int(len(pcm)), C.int(r.model.threads),
		&r.tokens[0], maxResultTokens, &n, &r.text[0], maxResultText)
	if err := statusError(status); err != nil {
		return nil, err
	}
	tokens := make([]whispercpp.Token, n)
	for i, t := range r.tokens[:n] {
		tokens[i] = whispercpp.Token{
			Text:  C.GoStringN(&r.text[t.text_at], t.text_len),
			LogP:  logOf(float64(t.p)),
			Start: time.Duration(t.t0) * 10 * time.Millisecond,
			End:   time.Duration(t.t1) * 10 * time.Millisecond,
		}
	}
	return timedByLetters(spokenTokens(tokens)), nil
}

func statusError(status C.int) error {
	switch status {
	case C.PX_OK:
		return nil
	case C.PX_CANCELLED:
		return context.Canceled
	case C.PX_SPACE:
		return fmt.Errorf("the result is longer than %d tokens", maxResultTokens)
	case C.PX_EXCEPTION:
		return errors.New("the engine threw an exception, probably for want of memory")
	default:
		return errors.New("the engine failed; its log says why")
	}
}
