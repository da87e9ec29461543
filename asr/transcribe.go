package asr

import (
	"context"
	"fmt"
	"strings"
	"time"

	"souffleur/internal/meeting"
)

// TranscribeOptions say how a recording is transcribed.
type TranscribeOptions struct {
	Lang  string   // language spoken, "" = detect
	Langs []string // languages allowed when detecting; empty: any
	// Glossary holds names and acronyms to expect, the most frequent first.
	Glossary []string
	// Prompt is text that could have been said before, in the spelling that is wanted; may be empty.
	Prompt string
	// Progress is called after each piece with how much of the recording is done. It may be nil.
	Progress func(done, total time.Duration)
}

// maxChunk is the longest piece of a recording given to a recogniser at once: its window is 30 s, and a piece near that gives
// it the most context.
const maxChunk = 28 * time.Second

// Transcribe returns the segments of a recording: pcm is 16 kHz mono in [-1, 1], times are ms since its start. Speech is cut
// at silences like live speech; utterances are then recognised together, up to 28 s at once, because context helps more
// than haste. A piece that the recogniser fails on ends it with an error and what was done so far.
func Transcribe(ctx context.Context, pcm []float32, rec Recognizer, vad VoiceDetector, opts TranscribeOptions) ([]meeting.Segment, error) {
	spoken, err := findSpeech(ctx, pcm, vad)
	if err != nil {
		return nil, fmt.Errorf("find speech: %w", err)
	}
	t := transcriber{pcm: pcm, rec: rec, prompt: opts.Prompt}
	if opts.Lang != "" {
		opts.Langs = []string{opts.Lang}
	}
	t.known.expect(opts.Langs, opts.Glossary, meeting.Engines{})
	total := duration(int64(len(pcm)))
	for _, chunk := range chunks(spoken) {
		if err := t.chunk(ctx, chunk); err != nil {
			return t.segments, fmt.Errorf("recognise at %v: %w", duration(chunk[0].start).Round(time.Second), err)
		}
		if opts.Progress != nil {
			opts.Progress(duration(chunk[len(chunk)-1].end), total)
		}
	}
	if opts.Progress != nil {
		opts.Progress(total, total)
	}
	return t.segments, nil
}

// stretch is an utterance of a recording.
type stretch struct {
	start, end int64
	voiced     []span
}

// findSpeech cuts a recording into utterances by the same rules as live speech.
func findSpeech(ctx context.Context, pcm []float32, vad VoiceDetector) ([]stretch, error) {
	probs, err := probabilities(ctx, pcm, vad)
	if err != nil {
		return nil, err
	}
	ends := endpointer{cfg: defaultEndpointing()}
	var found []stretch
	var u *utterance
	last := int64(0) // what lies before belongs to an earlier utterance
	for i := 0; i < len(probs); i++ {
		at := int64(i) * HopSize
		window := pcm[at : at+HopSize]
		end := int64(-1)
		switch ends.hop(at, probs[i]) {
		case stepOnset:
			ends.begin(max(last, ends.voice-ends.cfg.preRoll))
			u = &utterance{start: ends.start}
			u.append(pcm[ends.voice:at+HopSize], ends.voice, true)
		case stepSpeech, stepPause:
			u.append(window, at, ends.voiceEnd == at+HopSize)
		case stepEnd:
			end = min(ends.voiceEnd+ends.cfg.tail, at+HopSize)
		case stepCut:
			end = ends.quietest()
			i = int((end+HopSize-1)/HopSize) - 1 // what follows the cut is judged again
		}
		if end >= 0 {
			found, last = appendStretch(found, u, end, ends.cfg), end
			ends.reset()
		}
	}
	if ends.open {
		found = appendStretch(found, u, int64(len(pcm)), ends.cfg)
	}
	return found, nil
}

// probabilities returns the probability of voice of each whole hop.
func probabilities(ctx context.Context, pcm []float32, vad VoiceDetector) ([]float32, error) {
	vad.Reset()
	probs := make([]float32, len(pcm)/HopSize)
	for i := range probs {
		if i%64 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		p, err := vad.Probability(pcm[i*HopSize : (i+1)*HopSize])
		if err != nil {
			return nil, fmt.Errorf("at %v: %w", duration(int64(i*HopSize)), err)
		}
		probs[i] = p
	}
	return probs, nil
}

// appendStretch adds u, which ends at end, unless it is no speech.
func appendStretch(found []stretch, u *utterance, end int64, cfg endpointing) []stretch {
	if u.worthless(cfg) {
		return found
	}
	return append(found, stretch{u.start, end, clip(u.voiced, end)})
}

// clip cuts off what lies after end.
func clip(voiced []span, end int64) []span {
	var out []span
	for _, v := range voiced {
		if v.from < end {
			out = append(out, span{v.from, min(v.to, end)})
		}
	}
	return out
}

// chunks groups utterances into pieces of at most maxChunk from the first sample to the last, silences included.
func chunks(spoken []stretch) [][]stretch {
	var out [][]stretch
	for i, s := range spoken {
		if n := len(out) - 1; i > 0 && s.end-out[n][0].start <= samples(maxChunk) {
			out[n] = append(out[n], s)
			continue
		}
		out = append(out, []stretch{s})
	}
	return out
}

// transcriber is a transcription under way.
type transcriber struct {
	pcm      []float32
	rec      Recognizer
	known    foreknowledge
	prompt   string
	segments []meeting.Segment
}

// chunk recognises utterances together, and makes each a segment of its own.
func (t *transcriber) chunk(ctx context.Context, chunk []stretch) error {
	whole := speech{start: chunk[0].start, closed: true}
	whole.pcm = t.pcm[whole.start:chunk[len(chunk)-1].end]
	for _, s := range chunk {
		whole.voiced = append(whole.voiced, s.voiced...)
	}
	req := t.known.request(whole, "")
	req.Patient = true
	req.Prompt = strings.TrimSpace(req.Prompt + " " + t.prompt)
	r, err := recognize(ctx, t.rec, req)
	if err != nil {
		return err
	}
	words, refused := believe(r, req.Prompt, whole, minLogProb)
	if refused == "" {
		t.known.learn(r, voicedTime(whole))
	}
	for i, said := range deal(words, whole.start, chunk) {
		if len(said) > 0 {
			t.segments = append(t.segments, t.segment(chunk[i], whole.start, said, r.Lang))
		}
	}
	return nil
}

// deal gives each utterance its words: those whose middle lies before the end of the silence after it. start is the position
// of time zero of the words. The order of the words is kept.
func deal(words []RecognizedWord, start int64, chunk []stretch) [][]RecognizedWord {
	out := make([][]RecognizedWord, len(chunk))
	i := 0
	for _, w := range words {
		middle := start + samples((w.Start+w.End)/2)
		for i+1 < len(chunk) && middle >= (chunk[i].end+chunk[i+1].start)/2 {
			i++
		}
		out[i] = append(out[i], w)
	}
	return out
}

// segment builds the segment of an utterance. Its ID comes from its place in the recording alone.
func (t *transcriber) segment(s stretch, start int64, words []RecognizedWord, lang string) meeting.Segment {
	u := utterance{
		id: meeting.NewSegmentID("", "", 0, uint64(s.start)), firstSeq: uint64(s.start),
		start: start, end: s.end, endSeq: uint64(s.end), level: meeting.Transcript,
	}
	return *u.segment(outcome{words: words, lang: lang, quality: meeting.QualityFull, engine: t.rec.Name()}, meeting.FinalRev)
}
