package asr

import (
	"context"
	"math"
	"strings"
	"sync"
	"time"

	"souffleur/internal/meeting"
)

// heard is what recognisers made of an utterance so far. It is guarded by the utterance's mutex.
type heard struct {
	text     agreement
	lang     string // of the last hypothesis with words; its partials keep to it
	length   int64  // samples the last partial heard
	partials int    // done
}

// foreknowledge is what is known of a track's speech before it is heard; recognisers of several of its utterances may ask at once.
type foreknowledge struct {
	mu       sync.Mutex // guards what follows
	l        language
	glossary string // of the room, as a prompt
	choice   meeting.Engines
	before   carried // the end of the last final
}

// carried is the end of what a speaker said last.
type carried struct {
	words string
	lang  string
	until int64 // room clock ms
}

// Bounds of what was said before as a prompt. Each token costs a CPU 1.2 to 1.8 ms; after a longer silence, in another language
// or behind words that the engine was not sure of it misleads more than it helps, and loops feed on it.
const (
	carriedWords   = 12
	carriedFor     = 10 * time.Second
	carriedLogProb = -0.6
)

// remember keeps the end of a final that ended at room clock ms until, as context of the next.
func (t *foreknowledge) remember(out outcome, until int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.before = carried{}
	if out.quality == meeting.QualityFull && out.evidence.LogProb >= carriedLogProb {
		t.before = carried{text(out.words[max(0, len(out.words)-carriedWords):]), out.lang, until}
	}
}

// recall takes a final that was published before, and whose audio has so much voice, as if it had been recognised here. How sure
// its engine was of the text is not published; how sure it was of the words stands in for it.
func (t *foreknowledge) recall(s *meeting.Segment, voice time.Duration, until int64) {
	r := Result{Lang: s.Lang, LogProb: math.Log(max(float64(s.Conf), 1e-3))}
	for _, w := range s.Words {
		r.Words = append(r.Words, RecognizedWord{Text: w.Text})
	}
	if s.Quality == meeting.QualityFull {
		t.learn(r, voice)
	}
	t.remember(outcome{words: r.Words, lang: s.Lang, quality: s.Quality, evidence: r}, until)
}

// context returns what was said right before room clock ms at in lang, "" if nothing that would help.
func (t *foreknowledge) context(at int64, lang string) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if lang == "" || lang != t.before.lang || at < t.before.until || at-t.before.until > carriedFor.Milliseconds() {
		return ""
	}
	return t.before.words
}

// expect takes the languages of the room, its glossary and its engines.
func (t *foreknowledge) expect(langs, terms []string, choice meeting.Engines) {
	glossary := prompt(terms)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.l.allow(langs)
	t.glossary, t.choice = glossary, choice
}

// recognizer returns the recogniser of h for a role.
func (t *foreknowledge) recognizer(h *hand, r role) Recognizer {
	t.mu.Lock()
	choice, lang := t.choice, t.l.known()
	t.mu.Unlock()
	return h.recognizer(r, choice, lang)
}

// prompt writes a glossary as something that may have been said before, because engines are trained on that.
func prompt(terms []string) string {
	if len(terms) == 0 {
		return ""
	}
	return strings.Join(terms, ", ") + "."
}

func (t *foreknowledge) learn(r Result, voice time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.l.learn(r, voice)
}

// request returns the request for s; provisional is the language to use while none is known.
func (t *foreknowledge) request(s speech, provisional string) Request {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := Request{PCM: s.pcm, VoiceEnd: s.voiceEnd(), Lang: t.l.known(), Langs: t.l.allowed, Prompt: t.glossary}
	if r.Lang == "" {
		r.Lang = provisional
	}
	return r
}

// A partial hears the whole utterance, not a window of its last seconds. An utterance has at most 12 s, which costs an
// encoder about half as much again as 8 s; in return hypotheses need no alignment between windows, the engine always has the
// whole context, and nothing committed can fall out of sight. refreshEvery pays for the difference.

// partialDue says whether u should be heard again: enough new audio, with voice in it, and nobody at it.
func (u *utterance) partialDue(every time.Duration) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.closed || u.deciding || len(u.voiced) == 0 {
		return false
	}
	length := int64(len(u.pcm))
	if u.heard.length == 0 {
		return u.start+length-u.voice >= samples(firstPartial)
	}
	if u.heard.unseen() {
		every = min(every, retryFirst)
	}
	return length-u.heard.length >= samples(every) && u.voiced[len(u.voiced)-1].to > u.start+u.heard.length
}

// claim marks that a partial of u is asked for, and says whether it would be the first that readers see.
func (u *utterance) claim() (first bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.deciding = true
	return u.heard.unseen()
}

// firstTries is how many partials hurry while readers see nothing: of one second of speech, engines make a text that is not
// believed half the time. What is still not believed then is hardly speech.
const firstTries = 5

// unseen says whether readers see nothing of the utterance yet, and its partials hurry to change that.
func (h *heard) unseen() bool {
	words, _ := h.text.words()
	return len(words) == 0 && h.partials < firstTries
}

// partial hears u again and returns the caption to show, nil if nothing changed. speaker and times are left out.
func (u *utterance) partial(ctx context.Context, rec Recognizer, known *foreknowledge, cfg endpointing) (*meeting.Caption, refusal, error) {
	s := u.snapshot()
	if s.closed {
		u.settle(func(*heard) {}) // its final is on the way
		return nil, "", nil
	}
	if tooSilent(s, cfg) {
		u.settle(func(h *heard) { h.length = int64(len(s.pcm)) })
		return nil, refusedSilence, nil
	}
	req := known.request(s, u.provisional())
	req.Partial = true
	r, err := recognize(ctx, rec, req)
	words, refused := believe(r, req.Prompt, s, u.leastFor(s))
	var caption *meeting.Caption
	u.settle(func(h *heard) {
		h.length = int64(len(s.pcm))
		h.partials++
		if err != nil || refused != "" {
			return
		}
		if len(words) > 0 {
			h.lang = r.Lang
		}
		if h.text.hear(words, duration(h.length), s.speaking()) && !u.closed {
			caption = u.captionLocked(h)
		}
	})
	return caption, refused, err
}

// eagerRatio is the share of voice from which something unsure is shown rather than nothing. From eagerVoice of it on, readers have
// waited long enough to see something even less sure.
const (
	eagerRatio = 0.75
	eagerVoice = time.Second
)

// leastFor returns the log probability from which a partial is believed. Of a first second of speech engines are unsure even where
// they are right: half of the FLEURS clips would show nothing for two seconds. What is wrong is replaced within a second.
func (u *utterance) leastFor(s speech) float64 {
	u.mu.Lock()
	defer u.mu.Unlock()
	switch {
	case !u.heard.unseen() || s.voicedRatio() < eagerRatio:
		return minLogProb
	case voicedTime(s) < eagerVoice:
		return firstLogProb
	}
	return overdueLogProb
}

// settle changes what was heard, and lets the next partial come.
func (u *utterance) settle(change func(*heard)) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.deciding = false
	change(&u.heard)
}

func (u *utterance) provisional() string {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.heard.lang
}

// speaking says whether the speech ends in voice.
func (s speech) speaking() bool {
	return len(s.voiced) > 0 && s.voiced[len(s.voiced)-1].to >= s.start+int64(len(s.pcm))-HopSize
}

// captionLocked returns a partial of what is to be shown, with times in samples since the start of the epoch.
func (u *utterance) captionLocked(h *heard) *meeting.Caption {
	words, _ := h.text.words()
	if len(words) == 0 {
		return nil
	}
	said, stable := h.text.text()
	return &meeting.Caption{
		V: meeting.CaptionVersion, Seg: u.id, Rev: tenths(h.length),
		T0: u.start + samples(words[0].Start), T1: u.start + samples(words[len(words)-1].End),
		Lang: h.lang, Text: said, Stable: stable,
	}
}

// tenths is the revision of a partial: the length of the audio it heard in tenths of a second, from 1.
func tenths(length int64) int { return int(min(max(length*10/SampleRate, 1), meeting.FinalRev-1)) }

// outcome is the lasting text of an utterance.
type outcome struct {
	words   []RecognizedWord // none: nothing was said
	lang    string
	quality string
	engine  string
	refused refusal
	err     error // of the recogniser; the words are then those of the partials
	late    bool  // no recogniser was free in time; the words are then those of the partials

	evidence Result // of the language spoken, if voice is not 0
	voice    time.Duration
}

// finalOf hears s, the whole utterance, once more and decides on its text. A text that is not believed is asked for again in the
// way of partials, which computes differently and often hears what the first pass lost. When that fails, too, or the engine
// itself, the text of the partials stays. quick asks in the way of partials at once: it takes half the time.
func (u *utterance) finalOf(ctx context.Context, s speech, rec Recognizer, known *foreknowledge, cfg endpointing, quick bool) outcome {
	out := outcome{engine: rec.Name(), quality: meeting.QualityFull}
	if tooSilent(s, cfg) {
		out.refused = refusedSilence
		u.fallBack(&out)
		return out
	}
	req := known.request(s, "")
	glossary := req.Prompt
	req.Prompt = strings.TrimSpace(glossary + " " + known.context(u.roomClock(u.start), req.Lang))
	ways := []bool{false, true}
	if quick {
		ways = ways[1:]
	}
	for _, req.Partial = range ways {
		var r Result
		if r, out.err = recognize(ctx, rec, req); out.err != nil {
			break
		}
		out.lang = r.Lang
		if out.words, out.refused = believe(r, glossary, s, minLogProb); out.refused == "" && u.lostWords(out.words) {
			out.words, out.refused = nil, refusedShort
		}
		if out.refused == "" {
			out.evidence, out.voice = r, voicedTime(s)
			break
		}
		req.Prompt = glossary
	}
	if len(out.words) == 0 {
		u.fallBack(&out)
	}
	return out
}

// Bounds of a final that lost part of the utterance: an engine may skip the beginning of a long window.
const (
	lostShare   = 0.75 // of the committed words; with fewer, words were lost
	lostAtLeast = 5    // committed words below which the final is believed
)

// lostWords says whether a final has far fewer words than two hypotheses in a row agreed on.
func (u *utterance) lostWords(words []RecognizedWord) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	committed := len(u.heard.text.committed)
	return committed >= lostAtLeast && float64(len(words)) < lostShare*float64(committed)
}

// missable is how much voice at the end of an utterance the last partial may not have heard to count as complete: less
// than a word.
const missable = 200 * time.Millisecond

// heardToItsEnd says whether the partials of a closed utterance have words, and heard all of it.
func (u *utterance) heardToItsEnd() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	words, _ := u.heard.text.words()
	return len(words) > 0 && len(u.voiced) > 0 &&
		u.start+u.heard.length >= min(u.voiced[len(u.voiced)-1].to, u.end)-samples(missable)
}

// conclude decides on the words of the lasting text: the engine's, reconciled with what was committed, or those of the partials.
func (u *utterance) conclude(out *outcome) {
	if out.quality == meeting.QualityFast {
		u.fallBack(out) // partials may have come since
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	out.words = reconcile(u.committedLocked(), out.words)
}

// committedLocked returns the committed words that lie in the audio of the utterance: before it was closed, partials heard the
// silence behind it, too.
func (u *utterance) committedLocked() []RecognizedWord {
	words := u.heard.text.committed
	for len(words) > 0 && words[len(words)-1].End > duration(int64(len(u.pcm))) {
		words = words[:len(words)-1]
	}
	return words
}

// fallBack takes the text of the partials: all of it if the final failed or was not believed, because the last partial was;
// only what was committed if the final heard nothing.
func (u *utterance) fallBack(out *outcome) {
	u.mu.Lock()
	defer u.mu.Unlock()
	words := u.heard.text.committed
	failed := out.late || out.err != nil || out.refused != "" && out.refused != refusedSilence && out.refused != refusedPhrase
	if failed {
		words = append(words[:len(words):len(words)], u.heard.text.previous...)
	}
	out.words, out.quality = words, meeting.QualityFast
	if u.heard.lang != "" {
		out.lang = u.heard.lang
	}
}
