package search

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	"souffleur/internal/meeting"
	"souffleur/internal/words"
	"souffleur/storage"
)

// prints are what the segments of a meeting were when they were indexed. They stay in memory, and only while the meeting
// goes on; nil: not known.
type prints map[meeting.SegmentID]print

// print tells versions of a segment apart.
type print struct {
	rev  int
	lang string
	text string
}

// printsOf returns the segments that can be found. Gaps have no words.
func printsOf(t *storage.Transcript) prints {
	all := make(prints, len(t.Segments))
	for i := range t.Segments {
		if s := &t.Segments[i]; s.Text != "" && s.Quality != meeting.QualityGap {
			all[s.Seg] = print{s.Rev, words.Language(s.Lang), s.Text}
		}
	}
	return all
}

// langs returns the languages of the segments.
func (all prints) langs() []string {
	var langs []string
	for _, p := range all {
		if !slices.Contains(langs, p.lang) {
			langs = append(langs, p.lang)
		}
	}
	slices.Sort(langs)
	return langs
}

// sum returns a text that differs when a segment differs. It is keyed, so it confirms no guess.
func (all prints) sum(b blinder) string {
	ids := make([]meeting.SegmentID, 0, len(all))
	for id := range all {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	mac := hmac.New(sha256.New, b.key)
	for _, id := range ids {
		fmt.Fprintf(mac, "%q %d %q %q\n", id, all[id].rev, all[id].lang, all[id].text)
	}
	return hex.EncodeToString(mac.Sum(nil)[:16])
}

// take brings a meeting's entries up to its transcript, whose mark was read before it. was is the entry before that: if
// segments were removed since, or the whole meeting, the transcript is too old and nothing happens.
func (x *Index) take(ctx context.Context, t *storage.Transcript, mark string, was entry) error {
	archive, err := x.deps.Keys.Archive(ctx, t.Meeting)
	if err != nil {
		return err
	}
	b, all := newBlinder(archive), printsOf(t)
	x.writing.Lock()
	defer x.writing.Unlock()
	old, ok := x.current(t.Meeting, was.cuts)
	if !ok {
		return nil
	}
	fresh := entry{cuts: was.cuts, read: was.touches, prints: all, state: state{Room: t.Room, Mark: mark, Sum: all.sum(b), Final: t.Final, Langs: all.langs()}}
	c := newChange()
	obsolete := false
	if fresh.Sum != old.Sum {
		gone, err := x.gone(ctx, t.Meeting, old, all)
		if err != nil {
			return err
		}
		for _, key := range gone {
			c.remove(key)
		}
		if c, err = x.putAll(ctx, c, t.Meeting, fresh, old.prints, b); err != nil {
			return err
		}
		// While people talk a better final replaces a fast one: those are left to the engine's own merging. A change
		// after the end is a correction, and what it took away should not linger.
		obsolete = len(gone) > 0 || old.Final
	}
	if err := c.putState(t.Meeting, fresh.state); err != nil {
		return err
	}
	if err := x.engine.apply(c); err != nil {
		return engineError{err}
	}
	if fresh.Final {
		fresh.prints = nil // it will hardly change again
	}
	x.remember(t.Meeting, fresh, obsolete)
	return nil
}

// maxChange is how many segments are written at once: an imported transcript may have a hundred thousand.
const maxChange = 2000

// putAll adds the segments that are not as before. What is more than one change is written part by part, with a state that says
// that it is to be read again; the last part is returned.
func (x *Index) putAll(ctx context.Context, c change, id meeting.ID, e entry, before prints, b blinder) (change, error) {
	for segment, p := range e.prints {
		if old, ok := before[segment]; ok && old == p {
			continue
		}
		if c.size() >= maxChange {
			unfinished := state{Room: e.Room, Langs: e.Langs}
			if err := c.putState(id, unfinished); err != nil {
				return c, err
			}
			if err := x.engine.apply(c); err != nil {
				return c, engineError{err}
			}
			if err := ctx.Err(); err != nil {
				return c, err
			}
			c = newChange()
		}
		c.put(id, segment, p.text, words.Analyzer(p.lang, blind{b, p.lang}))
	}
	return c, nil
}

// current returns the entry of a meeting, a zero one if it is new; false if a transcript read after that many cuts is too old.
func (x *Index) current(id meeting.ID, cuts int) (entry, bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.removed[id] {
		return entry{}, false
	}
	e := x.known[id]
	return e, e.cuts == cuts
}

func (x *Index) remember(id meeting.ID, e entry, obsolete bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if obsolete && x.obsolete.IsZero() {
		x.obsolete = x.now()
	}
	if !x.removed[id] {
		e.touches = x.known[id].touches // one that came meanwhile counts
		x.known[id] = e
	}
}

// gone returns the keys of segments that are in the index and not among all.
func (x *Index) gone(ctx context.Context, id meeting.ID, old entry, all prints) ([]string, error) {
	var gone []string
	if old.prints != nil {
		for segment := range old.prints {
			if _, ok := all[segment]; !ok {
				gone = append(gone, segmentKey(id, segment))
			}
		}
		return gone, nil
	}
	keys, err := x.keysOf(ctx, id)
	if err != nil {
		return nil, engineError{err}
	}
	for _, key := range keys {
		if _, ok := all[meeting.SegmentID(key[len(id)+1:])]; !ok {
			gone = append(gone, key)
		}
	}
	return gone, nil
}

// engineError is a fault of the index itself, not of the store: it is made anew.
type engineError struct{ error }

func (e engineError) Unwrap() error { return e.error }
