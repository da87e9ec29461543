package storage

import (
	"context"
	"errors"
	"slices"
	"strings"

	"souffleur/internal/bus"
	"souffleur/internal/meeting"
	"souffleur/internal/seal"
	"souffleur/internal/voicebook"
)

// Voices are who spoke at each shared microphone of a meeting, as far as that is known.
type Voices map[meeting.ParticipantID]*voicebook.Book

// awaitVoices waits until the voices of all shared microphones were judged at the end, and returns what is known of them. Where
// nobody has begun to tell any apart there is nothing to wait for; else not for ever: whoever began may not run any more.
func (a *Archiver) awaitVoices(ctx context.Context, id meeting.ID) (Voices, error) {
	if len(a.audioPartitions(id)) == 0 {
		return nil, nil
	}
	key, err := a.liveKey(ctx, id)
	if err != nil {
		return nil, err
	}
	limited, cancel := context.WithTimeout(ctx, a.config.VoicesWait)
	defer cancel()
	reading, complete := context.WithCancel(limited)
	defer complete()
	voices, caughtUp := Voices{}, false
	look := func() {
		if caughtUp && voices.done() {
			complete()
		}
	}
	err = a.bus.Follow(reading, bus.Speakers, bus.FollowOptions{CaughtUp: func() { caughtUp = true; look() }}, func(m bus.Message) {
		if m.Meeting != id {
			return
		}
		v, err := bus.OpenVoices(key, m)
		if err != nil {
			a.log.Warn("record of voices skipped", "meeting", id, "offset", m.Offset, "err", err)
			return
		}
		voices.apply(v)
		look()
	})
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case errors.Is(limited.Err(), context.DeadlineExceeded):
		a.log.Warn("voices at a shared microphone were not judged in time, they stay as they were shown", "meeting", id, "waited", a.config.VoicesWait)
	case reading.Err() == nil:
		a.log.Warn("what is known of voices could not be read", "meeting", id, "err", err)
	}
	return voices, nil
}

// liveKey returns the meeting's live key, as long as it takes.
func (a *Archiver) liveKey(ctx context.Context, id meeting.ID) (key seal.Key, err error) {
	err = a.persist(ctx, "read key", func() (err error) {
		key, err = a.keys.Live(ctx, id)
		return err
	})
	return key, err
}

func (v Voices) apply(r *meeting.Voices) {
	if v[r.Participant] == nil {
		v[r.Participant] = voicebook.New(r.Participant)
	}
	v[r.Participant].Apply(r)
}

// done says whether nothing more will come.
func (v Voices) done() bool {
	for _, b := range v {
		if b.Rev() > 0 && !b.Done() {
			return false
		}
	}
	return true
}

// Label cuts the segments of shared microphones where the voice changes. One voice that nobody has named needs no label: that is
// the participant.
func (v Voices) Label(t *Transcript) {
	var segments []meeting.Segment
	for _, s := range t.Segments {
		b := v[s.Spk.Participant()]
		if b == nil || s.Spk.Captioner() || len(b.Voices()) < 2 && len(b.Names()) == 0 {
			segments = append(segments, s)
			continue
		}
		segments = append(segments, b.Divide(s)...)
	}
	t.Segments = orderSegments(segments)
}

// Name adds the names that organizers gave to voices while the meeting goes on. A name that stands there already stays.
func (v Voices) Name(t *Transcript) {
	for spk, name := range v.names() {
		if !slices.ContainsFunc(t.Names, func(n SpeakerName) bool { return n.Spk == spk }) {
			t.Names = append(t.Names, SpeakerName{Spk: spk, Name: name.Name, By: name.By})
		}
	}
	slices.SortFunc(t.Names, func(a, b SpeakerName) int { return strings.Compare(string(a.Spk), string(b.Spk)) })
}

func (v Voices) names() map[meeting.SpeakerID]voicebook.Name {
	given := map[meeting.SpeakerID]voicebook.Name{}
	for _, b := range v {
		for n, name := range b.Names() {
			given[b.Speaker(n)] = name
		}
	}
	return given
}

// nameVoices keeps the names that organizers gave to voices in the meeting as if they had given them afterwards. A name that
// stands there already stays.
func (t *Transcripts) nameVoices(ctx context.Context, m Meeting, v Voices) error {
	given := v.names()
	if len(given) == 0 {
		return nil
	}
	c, etag, err := t.corrections(ctx, m.ID)
	if err != nil {
		return err
	}
	changed := false
	for spk, name := range given {
		if _, named := c.Names[spk]; !named {
			changed = c.setName(spk, "", &name.Name, Edit{By: name.By, AtUnixMS: m.EndedUnixMS}) || changed
		}
	}
	if !changed {
		return nil
	}
	c.Rev++
	return t.writeCorrections(ctx, m.ID, c, etag)
}
