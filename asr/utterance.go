package asr

import (
	"math"
	"sync"
	"time"

	"souffleur/internal/meeting"
)

// mark is a place in a track's recording where the voice detector began, or will begin, afresh: replay from here hears the
// same utterances again.
type mark struct {
	seq    uint64 // extended sequence of the first packet
	offset int64  // of the record that holds it
}

// span is a stretch of samples.
type span struct{ from, to int64 }

// utterance is speech between two silences. The goroutine of its partition lets it grow and closes it; recognisers read
// it. Positions are samples since the start of the epoch.
type utterance struct {
	id       meeting.SegmentID // set once
	from     mark              // set once: replay from here finds this utterance again
	firstSeq uint64            // set once
	start    int64             // set once: position of the first sample
	voice    int64             // set once: where voice was first heard
	epoch    uint64            // set once, by the track
	level    meeting.Level     // set by the track when it closes
	spokenAt time.Time         // wall clock of its end; set by the track when it closes
	asked    *job              // for its final; set by the track when it closes, nil if it was guessed
	fast     bool              // its partials became its final, the engine's own comes later; the track's
	final    *meeting.Segment  // published before, by whomever; nil: it is to be recognised. The track's

	mu       sync.Mutex // guards what follows; the last lock taken, never held while recognising or publishing
	pcm      []float32  // samples once written never change, so a copy of the slice may be read without the lock
	voiced   []span     // stretches of voice, in order, apart
	voicedN  int64      // samples in voiced
	energy   float64    // sum of squares over voiced
	closed   bool       // no more samples; end and endSeq are set
	end      int64      // where the words end at the latest
	endSeq   uint64     // first packet after it
	heard    heard      // what the recognisers made of it
	deciding bool       // a recogniser works on it, or is asked to
}

// over says whether the packet seq lies behind the end that u had when its final was published. Then it ends there again, also
// where the end was none of the media: a track that was taken for dead.
func (u *utterance) over(seq uint64) bool {
	return u.final != nil && u.final.EndSeq > u.firstSeq && seq >= u.final.EndSeq
}

// append adds a hop at position at.
func (u *utterance) append(window []float32, at int64, voiced bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.pcm = append(u.pcm, window...)
	if voiced {
		u.addVoiceLocked(window, at)
	}
}

func (u *utterance) addVoiceLocked(window []float32, at int64) {
	end := at + int64(len(window))
	if n := len(u.voiced); n > 0 && u.voiced[n-1].to == at {
		u.voiced[n-1].to = end
	} else {
		u.voiced = append(u.voiced, span{at, end})
	}
	u.voicedN += int64(len(window))
	u.energy += energy(window)
}

// close ends the utterance: its samples end at position audioEnd, its words at end at the latest.
func (u *utterance) close(audioEnd, end int64, endSeq uint64) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.pcm = u.pcm[:max(0, min(audioEnd-u.start, int64(len(u.pcm))))]
	u.end, u.endSeq, u.closed = end, endSeq, true
}

// worthless says whether a closed utterance is a click, a breath or a far voice, by its audio alone.
func (u *utterance) worthless(cfg endpointing) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.voicedN < cfg.minVoiced || math.Sqrt(u.energy/float64(max(u.voicedN, 1))) < cfg.floor
}

// speech is what a recogniser gets of an utterance: a snapshot.
type speech struct {
	pcm    []float32
	start  int64
	voiced []span
	closed bool
}

func (u *utterance) snapshot() speech {
	u.mu.Lock()
	defer u.mu.Unlock()
	return speech{pcm: u.pcm[:len(u.pcm):len(u.pcm)], start: u.start, voiced: append([]span(nil), u.voiced...), closed: u.closed}
}

// voicedRatio is the share of voice in the speech, pre-roll and pause at the end left out.
func (s speech) voicedRatio() float64 {
	if len(s.voiced) == 0 {
		return 0
	}
	n := int64(0)
	for _, v := range s.voiced {
		n += v.to - v.from
	}
	return float64(n) / float64(s.voiced[len(s.voiced)-1].to-s.voiced[0].from)
}

// voiceEnd is where the last voice ends, from the first sample; 0 without voice.
func (s speech) voiceEnd() time.Duration {
	if len(s.voiced) == 0 {
		return 0
	}
	return duration(min(s.voiced[len(s.voiced)-1].to-s.start, int64(len(s.pcm))))
}

// fromVoice is how far the stretch from..to (positions) is from the nearest voice, in samples; 0 if it touches some.
func (s speech) fromVoice(from, to int64) int64 {
	nearest := int64(math.MaxInt64)
	for _, v := range s.voiced {
		nearest = min(nearest, max(0, v.from-to, from-v.to))
	}
	return nearest
}

// rms is the root mean square of the whole speech.
func (s speech) rms() float64 { return math.Sqrt(energy(s.pcm) / float64(max(len(s.pcm), 1))) }

func energy(pcm []float32) float64 {
	sum := 0.0
	for _, x := range pcm {
		sum += float64(x) * float64(x)
	}
	return sum
}
