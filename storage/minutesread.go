package storage

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"souffleur/internal/meeting"
	"souffleur/summarize/minutes"
)

// MinutesRead are the minutes of a meeting as people read them: what an engine wrote, with what people made of it.
type MinutesRead struct {
	Version    string      // of all that stands here, for [Minutes.Edit]
	Transcript *Transcript // as it is now
	Outdated   bool        // the transcript was changed since they were made
	TextGone   bool        // the transcript was kept for less time than the minutes

	// Cited is where everything was said that the lines may rest on: all of the transcript, or what is left of it.
	Cited map[meeting.SegmentID]Cite

	// Facts are what the document says beside its lines; their lists of lines are empty.
	Facts     minutes.Document
	Overview  []MinutesLine
	Topics    []MinutesTopic
	Decisions []MinutesLine
	Actions   []MinutesLine
	Questions []MinutesLine

	written storedMinutes
}

// MinutesTopic is a part of the meeting.
type MinutesTopic struct {
	Title  string
	T0, T1 int64 // room clock, ms
	Points []MinutesLine
}

// MinutesLine is one line as people read it.
type MinutesLine struct {
	Kind string
	minutes.Line
	Owner    string // of an action: the name that the participant has now, or what was said
	OwnerID  meeting.ParticipantID
	Due      string
	DueDate  string
	Verdict  Verdict
	Original string           // what the engine wrote, if somebody changed the words
	By       meeting.PersonID // who judged, changed or added it last
	AtUnixMS int64
	Added    bool // a person wrote it
	Kept     bool // stands in minutes from before only, and somebody had accepted or changed it

	was       minutes.Action // as the engine wrote it
	changedAs string         // under which ID it was changed; its own if it was not
}

// Read returns the minutes of a meeting: ErrNoMinutes if there are none, ErrNotFound if there is no such meeting, ErrNoKey if its
// data was deleted.
func (m *Minutes) Read(ctx context.Context, id meeting.ID) (*MinutesRead, error) {
	r, _, _, err := m.read(ctx, id)
	return r, err
}

// read also returns what people changed, with its ETag.
func (m *Minutes) read(ctx context.Context, id meeting.ID) (*MinutesRead, *minutesChanges, string, error) {
	v, _, err := m.stored(ctx, id)
	if err != nil && !isLost(err) {
		return nil, nil, "", err
	}
	if err != nil || v.Doc == nil {
		return nil, nil, "", fmt.Errorf("read minutes of %s: %w", id, ErrNoMinutes)
	}
	c, etag, err := openMinutes[minutesChanges](ctx, m, id, minutesChangesFile)
	if isLost(err) { // the next change replaces them
		m.store.log.Error("what people changed in minutes is damaged and left out", "meeting", id, "err", err)
		c, err = minutesChanges{}, nil
	}
	if err != nil {
		return nil, nil, "", err
	}
	// The transcript comes last: words that were forgotten since are in none of its segments, and their lines fall away.
	t, err := m.transcripts.Read(ctx, id)
	if err != nil {
		return nil, nil, "", err
	}
	return merged(v, &c, t), &c, etag, nil
}

// merged lays what people changed over a document. A line that rests on a segment which is no more is left out, unless the whole text
// is gone.
func merged(v storedMinutes, c *minutesChanges, t *Transcript) *MinutesRead {
	doc := v.Doc
	r := &MinutesRead{
		Version: fmt.Sprintf("%d.%d.%s", v.Rev, c.Rev, t.Version()), Transcript: t, TextGone: t.Rev == 0, Facts: *doc, written: v,
	}
	r.Outdated = !r.TextGone && doc.Transcript != t.Version()
	r.Facts.Overview, r.Facts.Topics, r.Facts.Decisions, r.Facts.Actions, r.Facts.Questions = nil, nil, nil, nil, nil
	r.Cited = t.cites()
	if r.TextGone {
		maps.Copy(r.Cited, v.Cited)
		for _, k := range c.Lines {
			maps.Copy(r.Cited, k.Cited)
		}
		for _, a := range c.Added {
			maps.Copy(r.Cited, a.Cited)
		}
	}
	l := newLayers(doc, c, r)
	r.Overview = l.lines(minutes.KindOverview, doc.Overview)
	for _, topic := range doc.Topics {
		points := l.lines(minutes.KindPoint, topic.Points)
		if len(points) > 0 {
			r.Topics = append(r.Topics, MinutesTopic{Title: topic.Title, T0: topic.T0, T1: topic.T1, Points: points})
		}
	}
	r.Decisions = l.lines(minutes.KindDecision, doc.Decisions)
	r.Actions = l.actions(minutes.KindAction, doc.Actions)
	r.Questions = l.lines(minutes.KindQuestion, doc.Questions)
	l.rest()
	return r
}

// layers lays changes over lines.
type layers struct {
	read    *MinutesRead
	changes *minutesChanges
	used    map[string]bool   // changes that were laid over a line
	moved   map[string]string // kind and evidence of changes whose line is in no document any more: their IDs
}

func newLayers(doc *minutes.Document, c *minutesChanges, r *MinutesRead) *layers {
	l := &layers{read: r, changes: c, used: map[string]bool{}, moved: map[string]string{}}
	written := map[string]bool{}
	all := *doc
	all.DeleteLines(func(_ string, a *minutes.Action) bool {
		written[a.ID] = true
		return false
	})
	for id, k := range c.Lines {
		if !written[id] {
			l.moved[placeOf(k.Kind, k.Was.Evidence)] = id
		}
	}
	return l
}

// placeOf names what a line of a kind rests on.
func placeOf(kind string, evidence []meeting.SegmentID) string {
	var b strings.Builder
	b.WriteString(kind)
	for _, e := range evidence {
		b.WriteString("\x00" + string(e))
	}
	return b.String()
}

func (l *layers) lines(kind string, lines []minutes.Line) []MinutesLine {
	actions := make([]minutes.Action, 0, len(lines))
	for _, one := range lines {
		actions = append(actions, minutes.Action{Line: one})
	}
	return l.actions(kind, actions)
}

func (l *layers) actions(kind string, actions []minutes.Action) []MinutesLine {
	lines := make([]MinutesLine, 0, len(actions))
	for _, a := range actions {
		if len(a.Evidence) == 0 || !l.rests(a.Evidence) {
			continue
		}
		lines = append(lines, l.line(kind, a))
	}
	return lines
}

// rests says whether all segments are still there.
func (l *layers) rests(on []meeting.SegmentID) bool {
	return !slices.ContainsFunc(on, func(s meeting.SegmentID) bool {
		_, there := l.read.Cited[s]
		return !there
	})
}

// line lays the change of a line over it: that of its ID, else that of a line which is no more and rested on the same words.
func (l *layers) line(kind string, a minutes.Action) MinutesLine {
	line := MinutesLine{Kind: kind, Line: a.Line, Owner: a.Owner, OwnerID: a.OwnerID, Due: a.Due, DueDate: a.DueDate, was: a, changedAs: a.ID}
	if name := l.read.Transcript.nameOf(a.OwnerID); name != "" {
		line.Owner = name
	}
	id := a.ID
	k, ok := l.changes.Lines[id]
	if !ok {
		if id, ok = l.moved[placeOf(kind, a.Evidence)]; ok && !l.used[id] {
			k = l.changes.Lines[id]
		} else {
			ok = false
		}
	}
	if ok {
		l.used[id], line.changedAs = true, id
		line.apply(k)
	}
	return line
}

func (line *MinutesLine) apply(k lineChange) {
	line.Verdict, line.By, line.AtUnixMS = k.Verdict, k.By, k.AtUnixMS
	if k.Text != nil && *k.Text != line.Text {
		line.Original, line.Text, line.Quote, line.Unverified = line.Text, *k.Text, false, ""
	}
	if k.Owner != nil {
		line.Owner, line.OwnerID = *k.Owner, ""
	}
	if k.Due != nil {
		line.Due, line.DueDate = *k.Due, ""
	}
}

// rest adds what people wrote, and what they made of lines that are in no document any more.
func (l *layers) rest() {
	for _, id := range slices.Sorted(maps.Keys(l.changes.Lines)) {
		k := l.changes.Lines[id]
		if l.used[id] || !k.stays() || !l.rests(k.Was.Evidence) {
			continue
		}
		line := l.line(k.Kind, k.Was)
		line.Kept = true
		l.add(line)
	}
	for _, a := range l.changes.Added {
		if !l.rests(a.Evidence) {
			continue
		}
		l.add(MinutesLine{
			Kind: a.Kind, Line: minutes.Line{ID: a.ID, Text: a.Text, Evidence: a.Evidence, Confidence: 1}, Owner: a.Owner, Due: a.Due,
			Verdict: Accepted, By: a.By, AtUnixMS: a.AtUnixMS, Added: true, changedAs: a.ID,
		})
	}
}

// add puts a line at the end of the lines of its kind. Points have lost their topic, so they stand in the overview.
func (l *layers) add(line MinutesLine) {
	to := &l.read.Overview
	switch line.Kind {
	case minutes.KindDecision:
		to = &l.read.Decisions
	case minutes.KindAction:
		to = &l.read.Actions
	case minutes.KindQuestion:
		to = &l.read.Questions
	}
	*to = append(*to, line)
}

// citesOf returns where segments were said.
func (r *MinutesRead) citesOf(segments []meeting.SegmentID) map[meeting.SegmentID]Cite {
	cited := make(map[meeting.SegmentID]Cite, len(segments))
	for _, s := range segments {
		cited[s] = r.Cited[s]
	}
	return cited
}

// All goes through all lines in order.
func (r *MinutesRead) All() iter.Seq[*MinutesLine] {
	lists := [][]MinutesLine{r.Overview}
	for _, t := range r.Topics {
		lists = append(lists, t.Points)
	}
	lists = append(lists, r.Decisions, r.Actions, r.Questions)
	return func(yield func(*MinutesLine) bool) {
		for _, list := range lists {
			for i := range list {
				if !yield(&list[i]) {
					return
				}
			}
		}
	}
}

// nameOf returns the name that a participant has in the transcript now; "" if there is no such participant.
func (t *Transcript) nameOf(p meeting.ParticipantID) string {
	if p == "" {
		return ""
	}
	for _, n := range t.Names {
		if n.Spk == meeting.SpeakerID(p) {
			return n.Name
		}
	}
	for _, person := range t.People {
		if person.Participant == p {
			return person.Name
		}
	}
	return ""
}
