package storage

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/oklog/ulid/v2"

	"souffleur/internal/meeting"
)

// Import stores a transcript that was exported, perhaps by another installation, as an ended meeting of a room, with its
// corrections and their originals. It keeps the meeting's ID, so that the same file cannot come in twice: one that is here
// already is ErrExists. A transcript without meeting gets a new ID. The caller has checked what the transcript holds.
func (t *Transcripts) Import(ctx context.Context, room meeting.RoomID, from *Transcript) (Meeting, error) {
	v := *from
	if !v.Meeting.Valid() {
		v.Meeting = meetingIDAt(v.BeganUnixMS)
	}
	if _, err := t.meetings.Get(ctx, v.Meeting); !errors.Is(err, ErrNotFound) {
		if err == nil || errors.Is(err, ErrNoKey) {
			err = fmt.Errorf("import meeting %s: %w", v.Meeting, ErrExists)
		}
		return Meeting{}, err
	}
	if err := t.keys.createArchive(ctx, v.Meeting); err != nil {
		return Meeting{}, err
	}
	m := Meeting{
		ID: v.Meeting, Room: room, RoomName: v.RoomName, BeganUnixMS: v.BeganUnixMS, EndedUnixMS: max(v.EndedUnixMS, v.BeganUnixMS+1),
		People: v.People, LiveKeyGone: true, TranscriptRev: 1, TranscriptFinal: true,
		ImportedUnixMS: time.Now().UnixMilli(),
	}
	c := v.split()
	v.describe(m)
	v.V, v.Rev, v.Final = TranscriptVersion, m.TranscriptRev, true
	v.Segments = orderSegments(v.Segments)
	// The document comes last: only with it there is a meeting. What an import that broke off has left, the next replaces.
	if err := t.replace(ctx, &v, c); err != nil {
		return Meeting{}, err
	}
	return m, t.meetings.Create(ctx, m)
}

// replace writes transcript and corrections, whatever is there.
func (t *Transcripts) replace(ctx context.Context, v *Transcript, c *corrections) error {
	_, etag, err := t.stored(ctx, v.Meeting)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	if err := t.write(ctx, v, etag); err != nil {
		return err
	}
	if _, etag, err = t.corrections(ctx, v.Meeting); err != nil {
		return err
	}
	if c.Rev == 0 && etag == "" {
		return nil
	}
	return t.writeCorrections(ctx, v.Meeting, c, etag)
}

// split takes what people changed out of a transcript, which is then as it was recognised.
func (t *Transcript) split() *corrections {
	c := &corrections{}
	t.Segments = slices.Clone(t.Segments)
	for i := range t.Segments {
		s := &t.Segments[i]
		if a := s.Assigned; a != nil {
			spk := s.Spk
			s.Spk, s.Assigned = a.Spk, nil
			c.setSpeaker(s, &spk, Edit{By: a.By, AtUnixMS: a.AtUnixMS})
		}
		o := s.Original
		if o == nil {
			continue
		}
		text := s.Text
		s.Text, s.Words, s.Conf, s.Original = o.Text, o.Words, o.Conf, nil
		c.setText(s, &text, Edit{By: o.By, AtUnixMS: o.AtUnixMS})
	}
	for _, n := range t.Names {
		joined, _ := t.joinedName(n.Spk)
		c.setName(n.Spk, joined, &n.Name, Edit{By: n.By, AtUnixMS: n.AtUnixMS})
	}
	if len(c.Segments)+len(c.Names)+len(c.Speakers) > 0 {
		c.Rev = max(t.EditRev, 1)
	}
	t.Names, t.EditRev = nil, 0
	return c
}

// meetingIDAt returns a fresh meeting ID that sorts where the meeting belongs.
func meetingIDAt(unixMS int64) meeting.ID {
	id := ulid.Make()
	if unixMS > 0 && uint64(unixMS) <= ulid.MaxTime() {
		_ = id.SetTime(uint64(unixMS)) // within its bounds
	}
	return meeting.ID(id.String())
}
