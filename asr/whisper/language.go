//go:build whisper && cgo

package whisper

/*
#include "shim.h"
*/
import "C"

import (
	"fmt"
	"strings"

	"souffleur/asr"
)

// detectSamples is how much of the speech language detection hears: the first 4 s. It costs an encoder pass of 512
// positions, about 0.5 s with whisper-base on one core, so callers keep what was found. Measured on first seconds of FLEURS
// and LibriSpeech: French or English 60 of 60 clips right; among fr, en, de, es, pt 15 of 16.
const detectSamples = 4 * asr.SampleRate

// language returns what to decode req in: its language, the only one allowed, or the likeliest of those allowed.
func (r *Recognizer) language(req asr.Request) (string, error) {
	if req.Lang != "" {
		return r.known(req.Lang)
	}
	if !r.model.multilingual {
		return "en", nil
	}
	allowed := r.allowed(req.Langs)
	if len(allowed) == 1 {
		return r.model.codes[allowed[0]], nil
	}
	return r.detect(req.PCM, allowed)
}

// known returns the library's name of a language: "fr" for "fr-CA".
func (r *Recognizer) known(lang string) (string, error) {
	code, _, _ := strings.Cut(strings.ToLower(lang), "-")
	if _, ok := r.model.languages[code]; !ok || (!r.model.multilingual && code != "en") {
		return "", fmt.Errorf("%w: %q", ErrLanguage, lang)
	}
	return code, nil
}

// allowed returns the ids of langs without those the model does not know; all ids if none is left.
func (r *Recognizer) allowed(langs []string) []int {
	var ids []int
	for _, lang := range langs {
		if code, err := r.known(lang); err == nil {
			ids = append(ids, r.model.languages[code])
		}
	}
	if len(ids) > 0 {
		return ids
	}
	for id := range r.model.codes {
		ids = append(ids, id)
	}
	return ids
}

// detect returns the likeliest of the allowed languages.
func (r *Recognizer) detect(pcm []float32, allowed []int) (string, error) {
	pcm = r.short.AtLeast(minSamples, pcm[:min(len(pcm), detectSamples)])
	status := C.wx_detect(r.handle, (*C.float)(&pcm[0]), C.int(len(pcm)),
		C.int(r.audioContext(len(pcm), finalLeeway)), C.int(r.model.threads), &r.probs[0], C.int(len(r.probs)))
	if err := statusError(status); err != nil {
		return "", fmt.Errorf("detect the language: %w", err)
	}
	best := allowed[0]
	for _, id := range allowed {
		if r.probs[id] > r.probs[best] {
			best = id
		}
	}
	return r.model.codes[best], nil
}
