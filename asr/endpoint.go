package asr

import "time"

// endpointing says where utterances begin and end. All lengths are in samples at 16 kHz unless they say otherwise. Only the
// media counts: no clock, no load, no hypothesis, so that the same audio always gives the same utterances.
type endpointing struct {
	onset     float32 // probability of voice at which an utterance begins
	exit      float32 // probability below which a hop counts as silence
	onsetHops int     // consecutive hops at onset or more
	preRoll   int64   // audio before the onset that belongs to the utterance: soft first consonants
	silence   int64   // silence that ends the utterance; see pause
	tail      int64   // audio after the last voiced hop that is still recognised
	minVoiced int64   // with less voice it was a click or a cough
	floor     float64 // RMS of the voiced part below which there is nothing to recognise, whatever the detector says
	longest   int64   // of an utterance, from its first sample; then it is cut
	cutSearch int64   // how far back the cut looks for the quietest hop
	settle    int64   // what a fresh decoder needs to sound right (RFC 7845 §4.6 asks for 80 ms)
	renewSeqs uint64  // packets without an utterance after which the detector begins afresh
}

// defaultEndpointing holds the values in use. The pause of 500 ms is that of SimulStreaming. The floor is that of a
// 16-bit recording with a few bits of signal. 0.0025, proposed for engines that hear windows without a voice detector,
// would drop four of ten FLEURS clips whole: people recorded at 0.0005 to 0.001, which the detector and the engine hear well.
func defaultEndpointing() endpointing {
	return endpointing{
		onset: 0.5, exit: 0.35, onsetHops: 3,
		preRoll: samples(300 * time.Millisecond), silence: samples(500 * time.Millisecond), tail: samples(160 * time.Millisecond),
		minVoiced: samples(200 * time.Millisecond), floor: 0.0002,
		longest: samples(12 * time.Second), cutSearch: samples(3 * time.Second),
		settle: samples(80 * time.Millisecond), renewSeqs: 500,
	}
}

// Pauses adapt to what was said: after a few words people search for the next ones, and a sentence cut there is recognised
// badly; in a long utterance any pause is a better end than the forced cut that comes soon, and readers wait for the final.
const (
	fewWords      = 2 * time.Second // utterances up to here end with a longer pause
	longSpeech    = 7 * time.Second // and from here on with a shorter one
	patience      = 150 * time.Millisecond
	maxImpatience = 200 * time.Millisecond // reached at longest
)

// pause returns the silence that ends an utterance of so many samples.
func (c endpointing) pause(length int64) int64 {
	switch {
	case length < samples(fewWords):
		return c.silence + samples(patience)
	case length < samples(longSpeech):
		return c.silence
	}
	span := max(1, c.longest-samples(longSpeech))
	return c.silence - samples(maxImpatience)*min(length-samples(longSpeech), span)/span
}

// samples converts a duration to samples.
func samples(d time.Duration) int64 { return int64(d) * SampleRate / int64(time.Second) }

// duration converts samples to a duration.
func duration(n int64) time.Duration { return time.Duration(n) * time.Second / SampleRate }

// endpointer follows the probabilities of voice of successive hops and finds utterances. Positions are samples on
// whatever line the caller counts on. The zero state is silence.
type endpointer struct {
	cfg endpointing

	onsetRun int // consecutive hops at onset or more
	open     bool
	start    int64     // first sample of the utterance, pre-roll included; set by the caller of begin
	voice    int64     // start of the first voiced hop
	voiceEnd int64     // end of the last voiced hop
	probs    []float32 // by hop from voice on; bounded by longest
}

// step is what one hop did.
type step int

const (
	stepNone   step = iota
	stepOnset       // an utterance begins; voice is set, the caller calls begin
	stepSpeech      // a voiced hop of the open utterance
	stepPause       // a silent hop of the open utterance
	stepEnd         // the utterance ended by silence
	stepCut         // the utterance became too long; quietest says where to cut
)

// hop takes the probability of the hop that begins at sample at.
func (e *endpointer) hop(at int64, p float32) step {
	if !e.open {
		return e.wait(at, p)
	}
	e.probs = append(e.probs, p)
	end := at + HopSize
	if p >= e.cfg.exit {
		e.voiceEnd = end
	}
	switch {
	case end-e.voiceEnd >= e.cfg.pause(e.voiceEnd-e.start):
		return stepEnd
	case end-e.start >= e.cfg.longest:
		return stepCut
	case p >= e.cfg.exit:
		return stepSpeech
	}
	return stepPause
}

// wait looks for the beginning of an utterance.
func (e *endpointer) wait(at int64, p float32) step {
	if p < e.cfg.onset {
		e.onsetRun, e.probs = 0, e.probs[:0]
		return stepNone
	}
	e.onsetRun++
	e.probs = append(e.probs, p)
	if e.onsetRun < e.cfg.onsetHops {
		return stepNone
	}
	e.voice = at - int64(e.onsetRun-1)*HopSize
	e.voiceEnd = at + HopSize
	return stepOnset
}

// begin opens the utterance that stepOnset announced; it begins at start.
func (e *endpointer) begin(start int64) { e.open, e.start = true, start }

// quietest returns the middle of the least voiced hop of the last cutSearch samples: the best place to cut speech that
// does not pause, because it is rarely inside a word.
func (e *endpointer) quietest() int64 {
	first := max(0, len(e.probs)-int(e.cfg.cutSearch/HopSize))
	best := first
	for i := first; i < len(e.probs); i++ {
		if e.probs[i] < e.probs[best] {
			best = i
		}
	}
	return e.voice + int64(best)*HopSize + HopSize/2
}

// reset returns to silence.
func (e *endpointer) reset() { *e = endpointer{cfg: e.cfg, probs: e.probs[:0]} }
