package export

import (
	"unicode/utf8"

	"souffleur/internal/meeting"
)

// Limits of a cue. They are those of most subtitling guides (BBC, Netflix): two lines of 42 characters can be read at a
// glance, and nothing stands longer than seven seconds.
const (
	maxLines  = 2
	maxColumn = 42   // code points
	maxCueMS  = 7000 // ms
)

// cue is one subtitle: at most maxLines lines of at most maxColumn code points, shown for at most maxCueMS.
type cue struct {
	start, end int64 // ms of the room clock; end > start
	speaker    meeting.SpeakerID
	segment    meeting.SegmentID
	part       int // 1 for the first of its segment
	lines      []string
}

// token is a piece of text that is not broken, with its time.
type token struct {
	text       string
	start, end int64
}

// cuesOf cuts a segment into cues that follow each other without overlap. lead is put before the first words, such as
// the speaker's name; it takes no time.
func cuesOf(s *meeting.Segment, lead string) []cue {
	c := cutter{speaker: s.Spk, segment: s.Seg}
	tokens := tokensOf(s)
	if len(tokens) == 0 {
		return nil
	}
	start := tokens[0].start
	for _, word := range meeting.Fields(lead) {
		for _, t := range split([]token{{word, start, start}}) {
			c.add(t)
		}
	}
	for _, t := range tokens {
		c.add(t)
	}
	c.close()
	return c.cues
}

// tokensOf returns the words of a segment with their times.
func tokensOf(s *meeting.Segment) []token {
	within := *s
	within.T0 = bounded(s.T0)
	within.T1 = max(within.T0, bounded(s.T1))
	words := within.TextWords()
	tokens := make([]token, len(words))
	for i, w := range words {
		tokens[i] = token{w.Text, w.T0, w.T1}
	}
	return split(inOrder(tokens))
}

// bounded keeps a time within what can be computed with: from 0 to 34 years.
func bounded(ms int64) int64 { return min(max(ms, 0), 1<<40) }

// inOrder lets no token begin before the one before it, nor end before it begins.
func inOrder(tokens []token) []token {
	var last int64
	for i := range tokens {
		t := &tokens[i]
		t.start = max(bounded(t.start), last)
		t.end = max(bounded(t.end), t.start)
		last = t.start
	}
	return tokens
}

// split cuts tokens longer than a line, as writing without spaces has them.
func split(tokens []token) []token {
	out := make([]token, 0, len(tokens))
	for _, t := range tokens {
		n := int64(utf8.RuneCountInString(t.text))
		start, span, done := t.start, t.end-t.start, int64(0)
		for text := t.text; text != ""; {
			head := truncate(text, maxColumn)
			text = text[len(head):]
			done += int64(utf8.RuneCountInString(head))
			piece := token{head, start, t.start + span*done/n}
			start = piece.end
			out = append(out, piece)
		}
	}
	return out
}

// cutter fills cues with tokens.
type cutter struct {
	speaker meeting.SpeakerID
	segment meeting.SegmentID
	cues    []cue
	current cue // empty if it has no lines
}

// add puts a token into the current cue, or begins a new one if it does not fit in space or time.
func (c *cutter) add(t token) {
	if len(c.current.lines) > 0 && (t.end-c.current.start > maxCueMS || !c.fits(t.text)) {
		c.close()
	}
	if len(c.current.lines) == 0 {
		c.current = cue{start: t.start, end: t.end, speaker: c.speaker, lines: []string{t.text}}
		return
	}
	last := len(c.current.lines) - 1
	if joined := c.current.lines[last] + " " + t.text; utf8.RuneCountInString(joined) <= maxColumn {
		c.current.lines[last] = joined
	} else {
		c.current.lines = append(c.current.lines, t.text)
	}
	c.current.end = max(c.current.end, t.end)
}

func (c *cutter) fits(text string) bool {
	lines := c.current.lines
	if len(lines) < maxLines {
		return true
	}
	return utf8.RuneCountInString(lines[len(lines)-1])+1+utf8.RuneCountInString(text) <= maxColumn
}

// close ends the current cue. Players drop cues without a length; the next one begins no earlier than this one ends.
func (c *cutter) close() {
	if len(c.current.lines) == 0 {
		return
	}
	cue := c.current
	c.current.lines = nil
	if n := len(c.cues); n > 0 {
		cue.start = max(cue.start, c.cues[n-1].end)
	}
	cue.end = min(max(cue.end, cue.start+1), cue.start+maxCueMS)
	cue.segment, cue.part = c.segment, len(c.cues)+1
	c.cues = append(c.cues, cue)
}
