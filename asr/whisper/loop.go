package whisper

import (
	"strings"

	"souffleur/asr"
)

// minLogProb is the mean log probability below which a final is decoded again; OpenAI's value for the same rule.
const minLogProb = -1.0

// failed says whether a final should be decoded again: the model was unsure of it, or it repeats itself.
func failed(r asr.Result) bool {
	return r.LogProb < minLogProb || loops(r.Words)
}

// better says whether a is to be kept rather than b.
func better(a, b asr.Result) bool {
	if la, lb := loops(a.Words), loops(b.Words); la != lb {
		return lb
	}
	if (len(a.Words) == 0) != (len(b.Words) == 0) {
		return len(b.Words) == 0
	}
	return a.LogProb > b.LogProb
}

// maxRepeats is how often a run of one to four words may follow itself: people say "non, non, non", decoders that have
// lost the thread go on.
const maxRepeats = 4

// loops says whether one to four words come maxRepeats times in a row, or more.
func loops(words []asr.RecognizedWord) bool {
	text := make([]string, len(words))
	for i, w := range words {
		text[i] = strings.ToLower(w.Text)
	}
	for size := 1; size <= 4; size++ {
		for run, i := 0, size; i < len(text); i++ {
			if text[i] != text[i-size] {
				run = 0
				continue
			}
			run++
			if run >= size*(maxRepeats-1) {
				return true
			}
		}
	}
	return false
}
