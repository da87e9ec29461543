//go:build whisper && cgo

package whisper

/*
#include <stdlib.h>
#include "shim.h"
*/
import "C"

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"
	"unsafe"

	"souffleur/asr"
	"souffleur/internal/whispercpp"

	binding "github.com/ggerganov/whisper.cpp/bindings/go"
)

// Recognizer decodes speech with a [Model]. It has about 40 to 140 MB of memory of its own, by the model's size.
type Recognizer struct {
	model *Model

	mu     sync.Mutex       // held for the length of a call, so that Close waits for it
	handle *C.wx_recognizer // nil once closed
	short  whispercpp.Padding
	tokens [maxResultTokens]C.wx_token
	text   [maxResultText]C.char
	probs  []C.float // by language id
}

var _ asr.Recognizer = (*Recognizer)(nil)

// Room for one result. The model's own limit is 224 tokens for one pass over the audio.
const (
	maxResultTokens = 2048
	maxResultText   = 32 << 10 // bytes
)

// NewRecognizer returns a recogniser of the model, for one goroutine.
func (m *Model) NewRecognizer() (*Recognizer, error) {
	if !m.life.Acquire() {
		return nil, fmt.Errorf("recogniser of %s: %w", m.name, ErrClosed)
	}
	handle := C.wx_new(m.handle)
	if handle == nil {
		whispercpp.DrainLog(m.log)
		m.life.Release()
		return nil, fmt.Errorf("recogniser of %s: no memory for its state", m.name)
	}
	return &Recognizer{model: m, handle: handle, probs: make([]C.float, len(m.codes))}, nil
}

// Name returns the model's name.
func (r *Recognizer) Name() string { return r.model.name }

// Close frees the recogniser; it waits for a running call. Close is idempotent.
func (r *Recognizer) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.handle != nil {
		C.wx_free(r.handle)
		r.handle = nil
		r.model.life.Release()
	}
	return nil
}

// Recognize returns the words of req; see [asr.Recognizer]. The language is detected if req names none, which costs an
// encoder pass over the first seconds. When ctx ends it returns ctx's error.
func (r *Recognizer) Recognize(ctx context.Context, req asr.Request) (asr.Result, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.handle == nil {
		return asr.Result{}, ErrClosed
	}
	if err := whispercpp.CheckSpeech(req.PCM); err != nil {
		return asr.Result{}, err
	}
	if len(req.PCM) == 0 {
		return asr.Result{Lang: req.Lang}, nil
	}
	C.wx_arm(r.handle)
	stop := whispercpp.WhenDone(ctx, func() { C.wx_cancel(r.handle) })
	defer stop()
	lang, err := r.language(req)
	if err == nil {
		var result asr.Result
		if result, err = r.decode(req, lang); err == nil {
			return result, nil
		}
	}
	if ctx.Err() != nil {
		return asr.Result{}, ctx.Err()
	}
	whispercpp.DrainLog(r.model.log)
	return asr.Result{}, fmt.Errorf("recognise %.1f s of speech: %w", float64(len(req.PCM))/asr.SampleRate, err)
}

// decode recognises req in lang. A final that failed is decoded once more with more beams and, where nobody waits, at a higher
// temperature if that fails, too; the better result is kept.
func (r *Recognizer) decode(req asr.Request, lang string) (asr.Result, error) {
	pcm := r.short.AtLeast(minSamples, req.PCM)
	params := C.wx_params{audio_ctx: C.int(r.audioContext(len(pcm), finalLeeway)), max_tokens: C.int(finalTokens(len(pcm))), beams: C.int(liveBeams(len(pcm)))}
	prompt := r.promptTokens(req.Prompt)
	if req.Partial {
		params.audio_ctx, params.max_tokens, params.beams = C.int(r.audioContext(len(pcm), partialLeeway)), C.int(partialTokens(len(pcm))), 1
		partial, err := r.attempt(req, pcm, prompt, lang, params)
		return partial.Result, err
	}
	patient := req.Patient || r.model.gpu
	if patient {
		params.audio_ctx, params.beams = C.int(r.audioContext(len(pcm), patientLeeway)), patientBeams
	}
	first, err := r.attempt(req, pcm, prompt, lang, params)
	spoken := req.PCM[:voiceEnd(req)]
	if err != nil || !first.failed(spoken) {
		return first.Result, err
	}
	params.beams = patientBeams
	if patient {
		params.temperature_step = retryStep
	}
	second, err := r.attempt(req, pcm, nil, lang, params) // without the prompt: it is the usual cause of repetition
	if err != nil || !second.betterThan(first, spoken) {
		return first.Result, err
	}
	return second.Result, nil
}

// retryStep gives the library two attempts, at temperatures 0 and 0.51: it counts up to 1 in even steps.
const retryStep = 0.51

// audioContext says how many positions the encoder computes for n samples.
func (r *Recognizer) audioContext(n int, c leeway) int {
	if r.model.gpu {
		return maxPositions // costs a GPU next to nothing
	}
	return audioContext(n, c)
}

// attempt is one call of the library.
func (r *Recognizer) attempt(req asr.Request, pcm []float32, prompt []binding.Token, lang string, params C.wx_params) (attempt, error) {
	params.speech_end = C.int(max(0, voiceEnd(req)-int(lastSentence*asr.SampleRate/time.Second)) / (asr.SampleRate / 100))
	params.lang = C.CString(lang)
	defer C.free(unsafe.Pointer(params.lang))
	params.threads = C.int(r.model.threads)
	var n C.int
	var end C.int64_t
	status := C.wx_decode(r.handle, (*C.float)(&pcm[0]), C.int(len(pcm)), &params,
		(*C.int32_t)(unsafe.SliceData(prompt)), C.int(len(prompt)),
		&r.tokens[0], maxResultTokens, &n, &r.text[0], maxResultText, &end)
	if err := statusError(status); err != nil {
		return attempt{}, err
	}
	length := time.Duration(len(req.PCM)) * time.Second / asr.SampleRate
	tokens := withoutEcho(r.readTokens(int(n)), length)
	return attempt{
		Result: asr.Result{Lang: lang, Words: whispercpp.WordsOf(tokens, length), LogProb: whispercpp.MeanLogProb(tokens)},
		end:    int(end) * asr.SampleRate / 100,
	}, nil
}

func (r *Recognizer) readTokens(n int) []whispercpp.Token {
	tokens := make([]whispercpp.Token, n)
	for i, t := range r.tokens[:n] {
		tokens[i] = whispercpp.Token{
			Text:  C.GoStringN(&r.text[t.text_at], t.text_len),
			LogP:  float64(t.log_p),
			Start: time.Duration(t.t0) * 10 * time.Millisecond,
			End:   time.Duration(t.t1) * 10 * time.Millisecond,
		}
	}
	return tokens
}

func statusError(status C.int) error {
	switch status {
	case C.WX_OK:
		return nil
	case C.WX_CANCELLED:
		return context.Canceled
	case C.WX_SPACE:
		return fmt.Errorf("the result is longer than %d tokens", maxResultTokens)
	case C.WX_EXCEPTION:
		return fmt.Errorf("the engine threw an exception, probably for want of memory")
	default:
		return fmt.Errorf("the engine failed; its log says why")
	}
}

// Bounds of a prompt. Each token costs 1.2 to 1.8 ms on a CPU with the base model.
const (
	maxPromptText      = 1000 // bytes: the tokeniser's regular expressions recurse
	maxPromptTokens    = 64
	maxPromptTokensGPU = 140
)

// promptTokens returns the last tokens of text, as many as a prompt may have.
func (r *Recognizer) promptTokens(text string) []binding.Token {
	if len(text) > maxPromptText {
		text = strings.ToValidUTF8(text[len(text)-maxPromptText:], "")
	}
	text = strings.ReplaceAll(strings.TrimSpace(text), "\x00", "")
	if text == "" {
		return nil
	}
	tokens := make([]binding.Token, maxPromptText+1) // a token has one byte at least
	n, err := r.model.binding().Whisper_tokenize(" "+text, tokens)
	if err != nil {
		return nil // a decode without a prompt is better than none
	}
	limit := maxPromptTokens
	if r.model.gpu {
		limit = maxPromptTokensGPU
	}
	return tokens[max(0, n-limit):n]
}
