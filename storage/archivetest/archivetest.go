// Package archivetest writes what the archiver writes, for tests that need transcripts and no meeting.
package archivetest

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"github.com/oklog/ulid/v2"

	"souffleur/internal/meeting"
	"souffleur/internal/seal"
	"souffleur/storage"
)

// Archive is a store with meetings.
type Archive struct {
	T        testing.TB
	Store    *storage.Store
	Keys     *storage.Keyring
	Meetings *storage.Meetings
}

// Meet stores a new meeting. What is zero in m gets a value: ID, Room, RoomName, BeganUnixMS, People (p1 Anna, p2 Bob).
func (a Archive) Meet(m storage.Meeting) storage.Meeting {
	a.T.Helper()
	if m.ID == "" {
		m.ID = meeting.NewID()
	}
	if m.Room == "" {
		m.Room = meeting.NewRoomID()
	}
	if m.RoomName == "" {
		m.RoomName = "Weekly"
	}
	if m.BeganUnixMS == 0 {
		m.BeganUnixMS = 1_700_000_000_000
	}
	if m.People == nil {
		m.People = []meeting.Person{{Participant: "p1", Person: "u1", Name: "Anna"}, {Participant: "p2", Person: "u2", Name: "Bob", Order: 1}}
	}
	if err := a.Keys.Create(a.T.Context(), m.ID); err != nil {
		a.T.Fatal(err)
	}
	if err := a.Meetings.Create(a.T.Context(), m); err != nil {
		a.T.Fatal(err)
	}
	return m
}

// Segment returns a final by p1.
func Segment(id meeting.SegmentID, t0 int64, lang, text string) meeting.Segment {
	return meeting.Segment{
		Caption: meeting.Caption{V: meeting.CaptionVersion, Seg: id, Rev: meeting.FinalRev, Spk: "p1", T0: t0, T1: t0 + 1000, Lang: lang, Text: text, Final: true},
		Level:   meeting.Transcript, Quality: meeting.QualityFull,
	}
}

// Batch stores segments as the archiver does while people talk.
func (a Archive) Batch(id meeting.ID, segments ...meeting.Segment) {
	a.T.Helper()
	object := fmt.Sprintf("meetings/%s/segments/%010d-%s.jsonl", id, 0, ulid.Make())
	var body []byte
	for i := range segments {
		body = append(append(body, a.sealed(id, fmt.Sprintf("%s#%d", object, i), segments[i])...), '\n')
	}
	if err := a.Store.Create(a.T.Context(), object, body); err != nil {
		a.T.Fatal(err)
	}
}

// End stores the final transcript, or a later revision of it, as the archiver does when a meeting is over.
func (a Archive) End(id meeting.ID, segments ...meeting.Segment) {
	a.T.Helper()
	m, err := a.Meetings.Get(a.T.Context(), id)
	if err != nil {
		a.T.Fatal(err)
	}
	object := "meetings/" + string(id) + "/transcript.json"
	v := storage.Transcript{V: 1, Meeting: id, Segments: segments, Rev: m.TranscriptRev + 1, Final: true}
	if err := a.Store.Put(a.T.Context(), object, a.sealed(id, object, v)); err != nil {
		a.T.Fatal(err)
	}
	_, err = a.Meetings.Update(a.T.Context(), id, func(m *storage.Meeting) error {
		m.TranscriptRev, m.TranscriptFinal, m.EndedUnixMS = v.Rev, true, m.BeganUnixMS+3_600_000
		return nil
	})
	if err != nil {
		a.T.Fatal(err)
	}
}

// sealed is v as a stored document.
func (a Archive) sealed(id meeting.ID, place string, v any) []byte {
	a.T.Helper()
	key, err := a.Keys.Archive(a.T.Context(), id)
	if err != nil {
		a.T.Fatal(err)
	}
	return a.document(key, place, v)
}

func (a Archive) document(key seal.Key, place string, v any) []byte {
	plain, err1 := json.Marshal(v)
	body, err2 := json.Marshal(map[string]any{"v": 1, "sealed": key.Seal(plain, place)})
	if err := errors.Join(err1, err2); err != nil {
		a.T.Fatal(err)
	}
	return body
}
