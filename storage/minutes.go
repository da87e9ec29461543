package storage

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"souffleur/internal/meeting"
	"souffleur/summarize/minutes"
)

// Objects of the minutes of a meeting, all sealed with its archive key. What an engine wrote, how far the work is and what people
// made of it stand apart: each has its own writer. Only [minutesFile] stands beside the transcript; the others are in a folder
// and in [workFolder], so that looking at a meeting does not list them.
const (
	minutesFolder      = "minutes/"
	minutesJobFile     = minutesFolder + "job.json"
	minutesChangesFile = minutesFolder + "changes.json"
)

// ErrNoMinutes says that there are no minutes of a meeting that could be changed.
var ErrNoMinutes = errors.New("there are no minutes of the meeting")

// Minutes keeps the minutes of meetings. It is safe for concurrent use.
type Minutes struct {
	store       *Store
	keys        *Keyring
	transcripts *Transcripts
}

// NewMinutes returns the minutes kept in store.
func NewMinutes(store *Store, keys *Keyring, transcripts *Transcripts) *Minutes {
	return &Minutes{store: store, keys: keys, transcripts: transcripts}
}

// storedMinutes is meetings/<id>/minutes.json. Doc is nil if a person was forgotten before there were any: then only Rev counts.
type storedMinutes struct {
	Rev   int                        `json:"rev"` // rises with every document
	Doc   *minutes.Document          `json:"doc,omitempty"`
	Cited map[meeting.SegmentID]Cite `json:"cited,omitempty"`
}

// Cite is where and by whom something was said that minutes rest on. It stands with them because they may be kept longer than the
// transcript: the times still say when, and whoever is forgotten can be found.
type Cite struct {
	Spk meeting.SpeakerID `json:"spk"`
	T0  int64             `json:"t0"` // room clock, ms
	T1  int64             `json:"t1"`
}

// MinutesDraft is the place of minutes that are about to be written.
type MinutesDraft struct {
	minutes *Minutes
	id      meeting.ID
	was     storedMinutes
	etag    string
}

// Begin returns where the minutes of a meeting will be written. Whoever writes minutes begins before they read the transcript: what
// was forgotten in between is in no document, because [MinutesDraft.Put] meets a conflict then.
func (m *Minutes) Begin(ctx context.Context, id meeting.ID) (*MinutesDraft, error) {
	was, etag, err := m.stored(ctx, id)
	if isLost(err) { // what nobody can read any more is replaced
		was, err = storedMinutes{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("begin minutes of %s: %w", id, err)
	}
	return &MinutesDraft{minutes: m, id: id, was: was, etag: etag}, nil
}

// Doc is the document that stands there; nil if there is none.
func (d *MinutesDraft) Doc() *minutes.Document { return d.was.Doc }

// Put writes the minutes, made from transcript. If they were written, or somebody was forgotten, since [Minutes.Begin], the error is
// ErrConflict.
func (d *MinutesDraft) Put(ctx context.Context, doc *minutes.Document, transcript *Transcript) error {
	v := storedMinutes{Rev: d.was.Rev + 1, Doc: doc, Cited: map[meeting.SegmentID]Cite{}}
	all := transcript.cites()
	each := *doc
	each.DeleteLines(func(_ string, a *minutes.Action) bool {
		for _, seg := range a.Evidence {
			v.Cited[seg] = all[seg]
		}
		return false
	})
	return d.minutes.write(ctx, d.id, v, d.etag)
}

// cites returns what can be cited of a transcript.
func (t *Transcript) cites() map[meeting.SegmentID]Cite {
	all := make(map[meeting.SegmentID]Cite, len(t.Segments))
	for i := range t.Segments {
		if s := &t.Segments[i]; s.Quality != meeting.QualityGap {
			all[s.Seg] = Cite{Spk: s.Spk, T0: s.T0, T1: s.T1}
		}
	}
	return all
}

// stored reads minutes.json and its ETag; nothing and "" if there is none.
func (m *Minutes) stored(ctx context.Context, id meeting.ID) (storedMinutes, string, error) {
	v, etag, err := openMinutes[storedMinutes](ctx, m, id, minutesFile)
	if err == nil && v.Doc != nil && v.Doc.V != minutes.Version {
		err = fmt.Errorf("decode %s of meeting %s: %w", minutesFile, id, ErrVersion)
	}
	return v, etag, err
}

func (m *Minutes) write(ctx context.Context, id meeting.ID, v storedMinutes, etag string) error {
	return m.put(ctx, id, minutesFile, v, etag)
}

// openMinutes reads one of the objects and its ETag; the zero value and "" if there is none.
func openMinutes[T any](ctx context.Context, m *Minutes, id meeting.ID, name string) (v T, etag string, err error) {
	object, err := meetingPath(id, name)
	if err != nil {
		return v, "", err
	}
	body, etag, err := m.store.Get(ctx, object)
	if errors.Is(err, ErrNotFound) {
		return v, "", nil
	}
	if err != nil {
		return v, "", err
	}
	key, err := m.keys.Archive(ctx, id)
	if err != nil {
		return v, "", err
	}
	return v, etag, openDocument(key, object, body, &v)
}

// put seals v in place of the object with the given ETag; "" if there is none. ErrConflict if somebody else was first.
func (m *Minutes) put(ctx context.Context, id meeting.ID, name string, v any, etag string) error {
	object, err := meetingPath(id, name)
	if err != nil {
		return err
	}
	key, err := m.keys.Archive(ctx, id)
	if err != nil {
		return err
	}
	body, err := sealDocument(key, object, v)
	if err != nil {
		return err
	}
	if len(body) > maxObject {
		return fmt.Errorf("write %s: %w", object, ErrTooLarge)
	}
	if etag != "" {
		return m.store.Update(ctx, object, body, etag)
	}
	err = m.store.Create(ctx, object, body)
	if errors.Is(err, ErrExists) {
		return fmt.Errorf("write %s: %w", object, ErrConflict)
	}
	return err
}

// forget takes people's words out of the minutes of a meeting, and lets minutes be made again of what is left: topics and key phrases
// are made of everybody's words. It comes after the words and always writes: minutes and changes that are being made of those meet a
// conflict. It returns how many objects it changed or removed.
func (m *Minutes) forget(ctx context.Context, what Forgotten) (changed int, err error) {
	job, err := m.Job(ctx, what.Meeting)
	if err != nil {
		return 0, err
	}
	was, _, err := m.stored(ctx, what.Meeting)
	if err != nil && !isLost(err) {
		return 0, err
	}
	if job.State == MinutesNone && was.Doc == nil {
		return 0, nil
	}
	steps := []func(context.Context, Forgotten) error{m.forgetLines, m.forgetChanges}
	_, _, err = m.transcripts.stored(ctx, what.Meeting)
	switch {
	case err == nil:
		steps = append(steps, m.makeAgain)
	case !errors.Is(err, ErrNotFound): // else the text was kept for less time than the minutes: there is nothing to make any of
		return 0, err
	}
	for _, step := range steps {
		if err := step(ctx, what); err != nil {
			return changed, err
		}
		changed++
	}
	removed, err := m.dropWork(ctx, what.Meeting, "")
	return changed + removed, err
}

// restsOn says whether a line says what forgotten people said, or what they are to do. cited are the segments that it may rest on.
func (what Forgotten) restsOn(a *minutes.Action, cited map[meeting.SegmentID]Cite) bool {
	return a.OwnerID != "" && slices.Contains(what.Participants, a.OwnerID) ||
		slices.ContainsFunc(a.Evidence, func(s meeting.SegmentID) bool {
			c, known := cited[s]
			return slices.Contains(what.Segments, s) || known && slices.Contains(what.Participants, c.Spk.Participant())
		})
}

// forgetLines writes the document without the lines that rest on forgotten words. One that will never open is removed.
func (m *Minutes) forgetLines(ctx context.Context, what Forgotten) error {
	read := func(ctx context.Context) (storedMinutes, string, error) {
		v, etag, err := m.stored(ctx, what.Meeting)
		if isLost(err) {
			object, _ := meetingPath(what.Meeting, minutesFile) // its ID was valid
			return storedMinutes{}, "", m.store.Delete(ctx, object)
		}
		return v, etag, err
	}
	write := func(ctx context.Context, v storedMinutes, etag string) error {
		return m.write(ctx, what.Meeting, v, etag)
	}
	_, err := change(ctx, read, write, func(v *storedMinutes) error {
		v.Rev++
		if v.Doc == nil {
			return nil
		}
		v.Doc.DeleteLines(func(_ string, a *minutes.Action) bool { return what.restsOn(a, v.Cited) })
		maps.DeleteFunc(v.Cited, func(_ meeting.SegmentID, c Cite) bool { return slices.Contains(what.Participants, c.Spk.Participant()) })
		v.Doc.Keyphrases = []string{}
		for i := range v.Doc.Topics {
			v.Doc.Topics[i].Title = ""
		}
		return nil
	})
	return err
}
