package storage

import (
	"context"
	"errors"
	"maps"
	"time"

	"souffleur/internal/bus"
	"souffleur/internal/meeting"
)

// follow reads meetings.v1 from its start: which partitions a meeting's audio went to, and that it ended.
func (a *Archiver) follow(ctx context.Context, caughtUp func()) error {
	gone := map[meeting.ID]struct{}{} // meetings without a live key, of the last days that the topic keeps
	return a.bus.Follow(ctx, bus.Meetings, bus.FollowOptions{CaughtUp: caughtUp}, func(m bus.Message) {
		if _, skip := gone[m.Meeting]; skip || !m.Meeting.Valid() {
			return
		}
		if len(m.Value) == 0 { // something of the meeting was forgotten: keys may be gone, batches have changed
			a.keys.Drop(m.Meeting)
			a.transcripts.Forget(m.Meeting)
			return
		}
		event, err := a.event(ctx, m)
		if errors.Is(err, ErrNoKey) {
			gone[m.Meeting] = struct{}{}
			return
		}
		if err != nil {
			if ctx.Err() == nil {
				a.log.Warn("meeting event skipped", "meeting", m.Meeting, "err", err)
			}
			return
		}
		a.note(ctx, m.Meeting, event)
	})
}

// event opens a record of meetings.v1.
func (a *Archiver) event(ctx context.Context, m bus.Message) (meeting.Event, error) {
	var event meeting.Event
	err := a.persist(ctx, "read key", func() error {
		key, err := a.keys.Live(ctx, m.Meeting)
		if err != nil {
			return err
		}
		if err := bus.OpenJSON(key, m, &event); err != nil {
			return unreadable{err}
		}
		return nil
	})
	return event, err
}

// note keeps what the end of the meeting needs to know.
func (a *Archiver) note(ctx context.Context, id meeting.ID, event meeting.Event) {
	switch event.Type {
	case meeting.EventTrack:
		if event.Track == nil {
			return
		}
		a.mu.Lock()
		defer a.mu.Unlock()
		if a.audio[id] == nil {
			a.audio[id] = map[int]struct{}{}
		}
		a.audio[id][event.Track.Partition] = struct{}{}
	case meeting.EventEnded:
		a.finish(ctx, id, event.At)
	}
}

// rescan looks for ends that were not dealt with: at start, because of a crash, and now and then, because an event may
// never have been published. It waits until it is known where the audio of each meeting went.
func (a *Archiver) rescan(ctx context.Context, caughtUp <-chan struct{}) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-caughtUp:
	}
	tick := time.NewTicker(a.config.Rescan)
	defer tick.Stop()
	for {
		a.resume(ctx)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// resume finishes all meetings that have ended and still have a live key.
func (a *Archiver) resume(ctx context.Context) {
	all, err := a.meetings.List(ctx)
	if err != nil {
		if ctx.Err() == nil {
			a.log.Warn("could not look for meetings that have ended, trying again later", "err", err)
		}
		return
	}
	for _, m := range all {
		if m.EndedUnixMS != 0 && !m.LiveKeyGone {
			a.finish(ctx, m.ID, m.EndedUnixMS-m.BeganUnixMS)
		}
	}
}

// finish starts closing a meeting that ended at endMS of its room clock, unless that is going on already.
func (a *Archiver) finish(ctx context.Context, id meeting.ID, endMS int64) {
	a.mu.Lock()
	_, running := a.closed[id]
	a.closed[id] = struct{}{}
	a.mu.Unlock()
	if running {
		return
	}
	a.finishing.Go(func() {
		err := a.close(ctx, id, endMS)
		a.mu.Lock()
		delete(a.closed, id)
		delete(a.audio, id)
		a.mu.Unlock()
		switch {
		case err == nil:
			a.log.Info("meeting archived", "meeting", id)
		case errors.Is(err, ErrNotFound) || errors.Is(err, ErrNoKey):
			a.log.Info("meeting not archived: its data was deleted", "meeting", id)
		case ctx.Err() == nil:
			a.log.Error("meeting not archived, its live key stays", "meeting", id, "err", err)
		}
	})
}

// close writes the transcript and deletes the live key, once nothing more can come. Each step may be repeated.
func (a *Archiver) close(ctx context.Context, id meeting.ID, endMS int64) error {
	m, err := a.markEnded(ctx, id, endMS)
	if err != nil || m.LiveKeyGone {
		return err
	}
	if err := a.tell(ctx, endedNews(m)); err != nil {
		return err
	}
	if err := a.awaitRecognition(ctx, id); err != nil {
		return err
	}
	if err := a.awaitAudio(ctx, id); err != nil {
		return err
	}
	if err := a.awaitArchive(ctx, id); err != nil {
		return err
	}
	voices, err := a.awaitVoices(ctx, id)
	if err != nil {
		return err
	}
	rev, err := a.conclude(ctx, m, voices)
	if err != nil {
		return err
	}
	m, err = a.update(ctx, id, func(m *Meeting) { m.TranscriptRev, m.TranscriptFinal = rev, true })
	if err != nil {
		return err
	}
	if rev > 0 {
		if err := a.tell(ctx, transcriptNews(m)); err != nil {
			return err
		}
	}
	if err := a.awaitWebhooks(ctx, id); err != nil {
		return err
	}
	if err := a.persist(ctx, "delete live key", func() error { return a.keys.DeleteLive(ctx, id) }); err != nil {
		return err
	}
	_, err = a.update(ctx, id, func(m *Meeting) { m.LiveKeyGone = true })
	a.keys.Drop(id)
	return err
}

// update changes the meeting's document, as long as it takes.
func (a *Archiver) update(ctx context.Context, id meeting.ID, apply func(*Meeting)) (m Meeting, err error) {
	err = a.persist(ctx, "update meeting", func() error {
		m, err = a.meetings.Update(ctx, id, func(m *Meeting) error {
			apply(m)
			return nil
		})
		return err
	})
	return m, err
}

// markEnded sets the time of the end if whoever ended the meeting could not.
func (a *Archiver) markEnded(ctx context.Context, id meeting.ID, endMS int64) (m Meeting, err error) {
	err = a.persist(ctx, "read meeting", func() error {
		m, err = a.meetings.Get(ctx, id)
		return err
	})
	if err != nil || m.EndedUnixMS != 0 {
		return m, err
	}
	return a.update(ctx, id, func(m *Meeting) {
		if m.EndedUnixMS == 0 {
			m.EndedUnixMS = m.BeganUnixMS + max(endMS, 1)
		}
	})
}

// awaitRecognition waits until the recognisers are past the audio that was there at the end, but not for ever: there may
// be none.
func (a *Archiver) awaitRecognition(ctx context.Context, id meeting.ID) error {
	used := a.audioPartitions(id)
	if len(used) == 0 {
		return nil // nobody was recorded
	}
	limited, cancel := context.WithTimeout(ctx, a.config.RecognitionWait)
	defer cancel()
	err := a.awaitGroup(limited, recogniseGroup, bus.Audio, used)
	if err != nil && ctx.Err() == nil {
		a.log.Warn("the end of a meeting was not recognised in time", "meeting", id, "waited", a.config.RecognitionWait)
		return nil
	}
	return err
}

// audioPartitions returns where the meeting's audio went.
func (a *Archiver) audioPartitions(id meeting.ID) map[int]struct{} {
	a.mu.Lock()
	defer a.mu.Unlock()
	return maps.Clone(a.audio[id])
}

// awaitAudio waits until the audio that is there now is stored, where it is kept, or passed over. Not for ever: what is
// left on Kafka expires. But a store that is away is waited for, and then its writers get their time once more.
func (a *Archiver) awaitAudio(ctx context.Context, id meeting.ID) error {
	used := a.audioPartitions(id)
	if len(used) == 0 {
		return nil
	}
	for range 2 {
		limited, cancel := context.WithTimeout(ctx, a.config.AudioWait)
		err := a.awaitGroup(limited, audioGroup, bus.Audio, used)
		cancel()
		if err == nil || ctx.Err() != nil {
			return err
		}
		err = a.persist(ctx, "read meeting", func() error {
			_, err := a.meetings.Get(ctx, id)
			return err
		})
		if err != nil {
			return err
		}
	}
	a.log.Error("the end of a meeting's audio was not stored in time", "meeting", id, "waited", 2*a.config.AudioWait)
	return nil
}

// awaitArchive waits until the segments that are there now are stored, however long the store is away: without the live
// key they would be lost.
func (a *Archiver) awaitArchive(ctx context.Context, id meeting.ID) error {
	used := map[int]struct{}{a.bus.PartitionOf(bus.Segments, id): {}}
	return a.awaitGroup(ctx, archiveGroup, bus.Segments, used)
}

// awaitGroup waits until group has read the given partitions up to where they end now.
func (a *Archiver) awaitGroup(ctx context.Context, group string, topic bus.Topic, partitions map[int]struct{}) error {
	var ends []int64
	err := a.persist(ctx, "read end of topic", func() (err error) {
		ends, err = a.bus.EndOffsets(ctx, topic)
		return err
	})
	if err != nil {
		return err
	}
	for {
		var committed []int64
		err := a.persist(ctx, "read position of group", func() (err error) {
			committed, err = a.bus.CommittedOffsets(ctx, group, topic)
			return err
		})
		if err != nil {
			return err
		}
		if isPast(committed, ends, partitions) {
			return nil
		}
		if err := sleep(ctx, a.config.Poll); err != nil {
			return err
		}
	}
}

// isPast says whether each of the partitions was read to its end. One without a commit was not, unless it is empty.
func isPast(committed, ends []int64, partitions map[int]struct{}) bool {
	for p := range partitions {
		if p < 0 || p >= len(ends) || p >= len(committed) {
			continue // no such partition
		}
		if max(committed[p], 0) < ends[p] {
			return false
		}
	}
	return true
}

// conclude writes the final transcript and returns its revision. A meeting of which nothing was stored gets none: what
// was only shown leaves no trace. One that is final already, because of a crash or a second archiver, stays.
func (a *Archiver) conclude(ctx context.Context, m Meeting, v Voices) (rev int, err error) {
	err = a.persist(ctx, "write transcript", func() error {
		rev, err = a.concludeOnce(ctx, m.ID, v)
		return err
	})
	return rev, err
}

func (a *Archiver) concludeOnce(ctx context.Context, id meeting.ID, v Voices) (rev int, err error) {
	old, etag, err := a.transcripts.stored(ctx, id)
	switch {
	case errors.Is(err, ErrNotFound):
		old = new(Transcript)
	case err != nil:
		return 0, err
	case old.Final:
		return old.Rev, nil
	}
	m, err := a.meetings.Get(ctx, id)
	if err != nil {
		return 0, err
	}
	fresh, err := a.transcripts.build(ctx, m)
	if err != nil || len(fresh.Segments) == 0 {
		return 0, err
	}
	v.Label(fresh)
	if err := a.transcripts.nameVoices(ctx, m, v); err != nil {
		return 0, err
	}
	fresh.Rev, fresh.Final = old.Rev+1, true
	return fresh.Rev, a.transcripts.write(ctx, fresh, etag)
}
