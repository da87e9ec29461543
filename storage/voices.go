package storage

import (
	"context"
	"errors"

	"souffleur/internal/bus"
	"souffleur/internal/meeting"
	"souffleur/internal/seal"
	"souffleur/internal/voicebook"
)

// voicesOf are who spoke at each shared microphone of a meeting.
type voicesOf map[meeting.ParticipantID]*voicebook.Book

// awaitVoices waits until the voices of all shared microphones were judged at the end, and returns what is known of them. Where
// nobody has begun to tell any apart there is nothing to wait for; else not for ever: whoever began may not run any more.
func (a *Archiver) awaitVoices(ctx context.Context, id meeting.ID) (voicesOf, error) {
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
	voices, caughtUp := voicesOf{}, false
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

func (v voicesOf) apply(r *meeting.Voices) {
	if v[r.Participant] == nil {
		v[r.Participant] = voicebook.New(r.Participant)
	}
	v[r.Participant].Apply(r)
}

// done says whether nothing more will come.
func (v voicesOf) done() bool {
	for _, b := range v {
		if b.Rev() > 0 && !b.Done() {
			return false
		}
	}
	return true
}

// label cuts the segments of shared microphones where the voice changes. One voice that nobody has named needs no label: that is
// the participant.
func (v voicesOf) label(t *Transcript) {
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

// nameVoices keeps the names that organizers gave to voices in the meeting as if they had given them afterwards. A name that
// stands there already stays.
func (t *Transcripts) nameVoices(ctx context.Context, m Meeting, v voicesOf) error {
	given := map[meeting.SpeakerID]voicebook.Name{}
	for _, b := range v {
		for n, name := range b.Names() {
			given[b.Speaker(n)] = name
		}
	}
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
