package asr

import (
	"context"
	"time"
)

// SampleRate is the rate of all PCM in this package, in hertz.
const SampleRate = 16000

// HopSize is how many samples a [VoiceDetector] looks at: 32 ms at 16 kHz.
const HopSize = 512

// Request is one piece of speech to recognise.
type Request struct {
	PCM     []float32 // 16 kHz mono in [-1, 1], at most 30 s; the recogniser does not keep it
	Lang    string    // language to decode in, BCP 47 primary subtag; "" = detect
	Langs   []string  // languages allowed when detecting; empty: any
	Prompt  string    // what was said before, for context; may be empty
	Partial bool      // a quick hypothesis of speech that still goes on, not the final text
	Patient bool      // of a final: nobody waits for it, so the best text counts, not the soonest

	// VoiceEnd is where the last voice in PCM ends, 0 if that is not known.
	VoiceEnd time.Duration
}

// Result is what a [Recognizer] heard.
type Result struct {
	Lang    string           // language decoded in
	Words   []RecognizedWord // in order of time
	LogProb float64          // mean natural log of the probability of the text tokens; 0 without words

	sober bool // set by recognize: the recogniser is silentOnNoise
}

// RecognizedWord is one word and when it was said.
type RecognizedWord struct {
	Text  string        // with its punctuation, without surrounding space
	Start time.Duration // from the first sample of Request.PCM
	End   time.Duration
	P     float32 // the engine's confidence, 0 to 1
}

// Recognizer turns speech into words. One worker goroutine owns it: it is never called concurrently, and always from the
// same operating system thread.
type Recognizer interface {
	// Recognize returns the words of req. When ctx ends it returns an error soon, at the latest after one encoder pass.
	// No words and no error means that it heard none.
	Recognize(ctx context.Context, req Request) (Result, error)
	// Name names the model, as users see it.
	Name() string
	// Close frees the model's state. Close is idempotent.
	Close() error
}

// silentOnNoise is what a [Recognizer] may say of itself: that it has no words for noise and silence, as transducers have
// none. Then the rules against invented text, which cost true words too, are not needed. Others are taken to invent.
type silentOnNoise interface {
	SilentOnNoise() bool
}

// VoiceDetector says how likely a window of audio holds speech. It remembers what came before. One goroutine owns it.
type VoiceDetector interface {
	// Probability looks at exactly HopSize samples and moves the detector's memory. It returns a value in [0, 1].
	Probability(window []float32) (float32, error)
	// Reset forgets everything heard: the next window is judged as if it were the first.
	Reset()
	// Close frees the detector. Close is idempotent.
	Close() error
}
