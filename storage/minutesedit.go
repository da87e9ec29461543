package storage

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"slices"
	"strings"

	"souffleur/internal/meeting"
	"souffleur/summarize/minutes"
)

// Verdict is what somebody thinks of a line of minutes.
type Verdict string

// Verdicts. What no one has judged is a suggestion.
const (
	Unjudged  Verdict = ""
	Accepted  Verdict = "accepted"
	Dismissed Verdict = "dismissed"
)

// MaxMinutesChanges bounds what people change and add in the minutes of one meeting, in lines.
const MaxMinutesChanges = 2000

// LineEdit is all that somebody made of a line. The zero value is that they leave it as it was written.
type LineEdit struct {
	Verdict Verdict
	Text    *string // in place of what the engine wrote
	Owner   *string // of an action
	Due     *string // of an action
}

// NewLine is a line that somebody adds.
type NewLine struct {
	Kind     string
	Text     string
	Owner    string
	Due      string
	Evidence []meeting.SegmentID // may be empty
}

// MinutesEdit is what somebody changes in minutes at once.
type MinutesEdit struct {
	By       meeting.PersonID
	AtUnixMS int64
	Lines    map[string]LineEdit // by line ID
	Add      []NewLine
	Remove   []string // IDs of lines that were added
}

// minutesChanges is meetings/<id>/minutes/changes.json: what people made of the minutes. The document stays as its engine wrote it, so
// a change can be undone, and holds when minutes are made again.
type minutesChanges struct {
	Rev   int                   `json:"rev"`
	Lines map[string]lineChange `json:"lines,omitempty"` // by the ID of the line when it was changed
	Added []addedLine           `json:"added,omitempty"` // in the order in which they were added
}

// lineChange is what somebody made of a line.
type lineChange struct {
	Kind     string           `json:"kind"`
	Was      minutes.Action   `json:"was"` // as the engine wrote it: other minutes may say it in other words
	Verdict  Verdict          `json:"verdict,omitempty"`
	Text     *string          `json:"text,omitempty"`
	Owner    *string          `json:"owner,omitempty"`
	Due      *string          `json:"due,omitempty"`
	By       meeting.PersonID `json:"by,omitempty"`
	AtUnixMS int64            `json:"at_unix_ms"`

	Cited map[meeting.SegmentID]Cite `json:"cited,omitempty"` // what it rests on
}

// addedLine is a line that a person wrote.
type addedLine struct {
	ID       string              `json:"id"`
	Kind     string              `json:"kind"`
	Text     string              `json:"text"`
	Owner    string              `json:"owner,omitempty"`
	Due      string              `json:"due,omitempty"`
	Evidence []meeting.SegmentID `json:"evidence,omitempty"`
	By       meeting.PersonID    `json:"by,omitempty"`
	AtUnixMS int64               `json:"at_unix_ms"`

	Cited map[meeting.SegmentID]Cite `json:"cited,omitempty"`
}

// stays says whether a change is shown though nothing in the minutes is its line any more: what somebody accepted or wrote is not lost
// because an engine finds other words, or a correction changed those of the line.
func (c lineChange) stays() bool {
	return c.Verdict != Dismissed && (c.Verdict == Accepted || c.Text != nil || c.Owner != nil || c.Due != nil)
}

// Edit changes the minutes of a meeting for people, all or nothing, and returns them as they are then. version is that of the
// minutes which whoever edits has before them; if it is another by now, the error is ErrConflict and nothing was changed. Where there
// are no minutes it is ErrNoMinutes, for a line that they do not have ErrNoSegment, for too many changes ErrTooMany.
func (m *Minutes) Edit(ctx context.Context, id meeting.ID, version string, e MinutesEdit) (*MinutesRead, error) {
	now, changes, etag, err := m.read(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("edit minutes of %s: %w", id, err)
	}
	if now.Version != version {
		return nil, fmt.Errorf("edit minutes of %s: %w", id, ErrConflict)
	}
	changed, err := changes.edit(now, e)
	if err != nil {
		return nil, fmt.Errorf("edit minutes of %s: %w", id, err)
	}
	if !changed {
		return now, nil
	}
	changes.Rev++
	if err := m.put(ctx, id, minutesChangesFile, changes, etag); err != nil {
		return nil, fmt.Errorf("edit minutes of %s: %w", id, err)
	}
	return merged(now.written, changes, now.Transcript), nil
}

// edit applies e to what people changed so far, and says whether anything is different now.
func (c *minutesChanges) edit(now *MinutesRead, e MinutesEdit) (changed bool, err error) {
	lines := map[string]*MinutesLine{}
	for l := range now.All() {
		lines[l.ID] = l
	}
	for id, edit := range e.Lines {
		l := lines[id]
		if l == nil {
			return false, fmt.Errorf("line %q: %w", id, ErrNoSegment)
		}
		changed = c.editLine(now, l, edit, e) || changed
	}
	for _, id := range e.Remove {
		i := slices.IndexFunc(c.Added, func(a addedLine) bool { return a.ID == id })
		if i < 0 {
			return false, fmt.Errorf("added line %q: %w", id, ErrNoSegment)
		}
		c.Added, changed = slices.Delete(c.Added, i, i+1), true
	}
	for _, n := range e.Add {
		for _, seg := range n.Evidence {
			if _, there := now.Cited[seg]; !there {
				return false, fmt.Errorf("segment %q: %w", seg, ErrNoSegment)
			}
		}
		c.Added = append(c.Added, addedLine{
			ID: "a" + strings.ToLower(rand.Text()[:15]), Kind: n.Kind, Text: n.Text, Owner: n.Owner, Due: n.Due,
			Evidence: n.Evidence, By: e.By, AtUnixMS: e.AtUnixMS, Cited: now.citesOf(n.Evidence),
		})
		changed = true
	}
	if len(c.Lines)+len(c.Added) > MaxMinutesChanges {
		return false, ErrTooMany
	}
	return changed, nil
}

// editLine changes one line. A change that was made of the line under another ID is made of this one now.
func (c *minutesChanges) editLine(now *MinutesRead, l *MinutesLine, edit LineEdit, e MinutesEdit) bool {
	if l.Added {
		return c.editAdded(l.ID, edit, e)
	}
	old, was := c.Lines[l.changedAs]
	next := lineChange{Kind: l.Kind, Was: l.was, By: e.By, AtUnixMS: e.AtUnixMS,
		Verdict: edit.Verdict, Text: edit.Text, Owner: edit.Owner, Due: edit.Due, Cited: now.citesOf(l.was.Evidence)}
	if next.Text != nil && *next.Text == l.was.Text {
		next.Text = nil
	}
	// What equals the engine's is not kept: a name must follow when its speaker is renamed.
	if next.Owner != nil && *next.Owner == cmp.Or(now.Transcript.nameOf(l.was.OwnerID), l.was.Owner) {
		next.Owner = nil
	}
	if next.Due != nil && *next.Due == l.was.Due {
		next.Due = nil
	}
	if was && old.Verdict == next.Verdict && same(old.Text, next.Text) && same(old.Owner, next.Owner) && same(old.Due, next.Due) {
		return false
	}
	delete(c.Lines, l.changedAs)
	if next.Verdict == Unjudged && next.Text == nil && next.Owner == nil && next.Due == nil {
		return was
	}
	if c.Lines == nil {
		c.Lines = map[string]lineChange{}
	}
	c.Lines[l.ID] = next
	return true
}

// editAdded changes a line that a person wrote. It has no words of an engine to go back to.
func (c *minutesChanges) editAdded(id string, edit LineEdit, e MinutesEdit) bool {
	i := slices.IndexFunc(c.Added, func(a addedLine) bool { return a.ID == id })
	if i < 0 {
		return false
	}
	a, changed := &c.Added[i], false
	for to, from := range map[*string]*string{&a.Text: edit.Text, &a.Owner: edit.Owner, &a.Due: edit.Due} {
		if from != nil && *from != *to {
			*to, changed = *from, true
		}
	}
	if changed {
		a.By, a.AtUnixMS = e.By, e.AtUnixMS
	}
	return changed
}

func same(a, b *string) bool { return a == b || a != nil && b != nil && *a == *b }

// forgetChanges removes what was made of lines that rest on forgotten words.
func (m *Minutes) forgetChanges(ctx context.Context, what Forgotten) error {
	read := func(ctx context.Context) (minutesChanges, string, error) {
		c, etag, err := openMinutes[minutesChanges](ctx, m, what.Meeting, minutesChangesFile)
		if isLost(err) {
			object, _ := meetingPath(what.Meeting, minutesChangesFile) // its ID was valid
			return minutesChanges{}, "", m.store.Delete(ctx, object)
		}
		return c, etag, err
	}
	write := func(ctx context.Context, c minutesChanges, etag string) error {
		return m.put(ctx, what.Meeting, minutesChangesFile, c, etag)
	}
	_, err := change(ctx, read, write, func(c *minutesChanges) error {
		c.Rev++
		maps.DeleteFunc(c.Lines, func(_ string, k lineChange) bool { return what.restsOn(&k.Was, k.Cited) })
		c.Added = slices.DeleteFunc(c.Added, func(a addedLine) bool {
			return what.restsOn(&minutes.Action{Line: minutes.Line{Evidence: a.Evidence}}, a.Cited)
		})
		return nil
	})
	return err
}
