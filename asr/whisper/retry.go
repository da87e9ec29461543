package whisper

import (
	"strings"

	"souffleur/asr"
)

// attempt is what one decode gave.
type attempt struct {
	asr.Result
	end int // up to where the model says it heard, in samples; negative if it does not say
}

// minLogProb is the mean log probability below which a final is decoded again; OpenAI's value for the same rule.
const minLogProb = -1.0

// failed says whether a final of pcm should be decoded again: the model was unsure of it, repeats itself, or left out its end.
func (a attempt) failed(pcm []float32) bool {
	return a.LogProb < minLogProb || loops(a.Words) || a.lostTail(pcm)
}

// betterThan says whether a is to be kept rather than b.
func (a attempt) betterThan(b attempt, pcm []float32) bool {
	if la, lb := loops(a.Words), loops(b.Words); la != lb {
		return lb
	}
	if la, lb := a.lostTail(pcm), b.lostTail(pcm); la != lb {
		return lb
	}
	if (len(a.Words) == 0) != (len(b.Words) == 0) {
		return len(b.Words) == 0
	}
	return a.LogProb > b.LogProb
}

// Speech behind the model's last timestamp.
const (
	tailSamples = asr.SampleRate // shorter ends may be breath
	tailShare   = 0.25           // of the speech: with a short context timestamps come early, by up to a sixth
	tailPower   = 0.25           // of the mean power: -6 dB. Pauses are far below
)

// lostTail says whether the model stopped before the end of the speech, which the encoder's short context makes it do: much
// is left, as loud as the rest.
func (a attempt) lostTail(pcm []float32) bool {
	left := len(pcm) - a.end
	if a.end < 0 || left < tailSamples || float64(left) < tailShare*float64(len(pcm)) {
		return false
	}
	return power(pcm[a.end:]) > tailPower*power(pcm)
}

// power returns the mean square of pcm.
func power(pcm []float32) float64 {
	sum := 0.0
	for _, s := range pcm {
		sum += float64(s) * float64(s)
	}
	return sum / float64(max(len(pcm), 1))
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
