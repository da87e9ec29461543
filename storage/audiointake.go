package storage

import (
	"context"
	"errors"
	"time"

	"souffleur/internal/bus"
	"souffleur/internal/meeting"
	"souffleur/internal/tape"
)

// audioGroup reads audio.v1 to keep what may be kept.
const audioGroup = "archive-audio"

// maxReels bounds the tracks of which a partition's reader remembers how far they are stored. Overflow: those with nothing
// in hand are forgotten, and the store is asked again.
const maxReels = 1000

// audioIntake gathers the kept audio of one partition into pieces, at most a minute of the room clock each. It is owned by
// one goroutine.
//
// In memory is at most AudioBytes and a record of each track that speaks, and AudioHeld of all together; while the store
// does not answer nothing more is read. A position is committed when everything before it is stored, or is not to be. What
// is read again after a crash is known by its epoch and sequence to be in the last stored piece, or before it.
type audioIntake struct {
	*Archiver
	part      partition
	reels     map[string]*reel // by record key
	held      int              // bytes of Opus in all reels
	next      int64            // offset after the last record taken
	committed int64
	due       time.Time // when the position is to be committed; zero if nothing was taken since the last time
	lost      int64     // records known to be lost
	ended     map[meeting.ID]struct{}
}

// reel is one track: where its audio goes, and what is in hand.
type reel struct {
	writer *AudioWriter
	id     meeting.ID
	mark   tape.Mark // behind the last packet taken
	pause  bool      // nothing more of this track can be stored

	packets []tape.Packet // in hand; of one minute
	bytes   int
	minute  int64
	first   int64     // offset of the record of the first packet in hand
	since   time.Time // when that was taken
	due     time.Time // when what is in hand is stored at the latest
}

// minuteOf returns the minute of the room clock in which a sample lies.
func minuteOf(pos int64) int64 { return pos / (60_000 * tape.SamplesPerMS) }

// archiveAudio works on one partition of audio.v1 until its ctx ends.
func (a *Archiver) archiveAudio(ctx context.Context, part partition) error {
	in := &audioIntake{Archiver: a, part: part, reels: map[string]*reel{}, next: -1, committed: -1, ended: map[meeting.ID]struct{}{}}
	return readPartition(ctx, part, in.run)
}

func (in *audioIntake) run(ctx context.Context, records <-chan bus.Message) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		var late <-chan time.Time // nil: never
		if at := in.wake(); !at.IsZero() {
			timer.Reset(time.Until(at))
			late = timer.C
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case m := <-records:
			if err := in.take(ctx, m); err != nil {
				return err
			}
		case <-late:
		}
		if err := in.settle(ctx, time.Now()); err != nil {
			return err
		}
	}
}

// wake returns when something is due, or zero.
func (in *audioIntake) wake() time.Time {
	at := in.due
	for _, r := range in.reels {
		if len(r.packets) > 0 && (at.IsZero() || r.due.Before(at)) {
			at = r.due
		}
	}
	return at
}

// settle stores what is due, and commits.
func (in *audioIntake) settle(ctx context.Context, now time.Time) error {
	full := in.held > in.config.AudioHeld
	for _, r := range in.reels {
		if len(r.packets) > 0 && (full || !now.Before(r.due)) {
			if err := in.keep(ctx, r); err != nil {
				return err
			}
		}
	}
	if in.due.IsZero() || now.Before(in.due) {
		return nil
	}
	in.due = time.Time{}
	at := in.next
	for _, r := range in.reels {
		if len(r.packets) > 0 {
			at = min(at, r.first)
		}
	}
	if at <= in.committed {
		return nil
	}
	err := in.persist(ctx, "commit", func() error { return in.part.Commit(ctx, at, "") })
	in.committed = at
	return err
}

// take puts the packets of a record that may be kept into its reel.
func (in *audioIntake) take(ctx context.Context, m bus.Message) error {
	in.next = m.Offset + 1
	if in.due.IsZero() {
		in.due = time.Now().Add(in.config.BatchAge)
	}
	if lost := in.part.Lost(); lost > in.lost {
		in.log.Error("audio was deleted from Kafka before it could be kept", "partition", m.Partition, "records", lost-in.lost)
		in.lost = lost
	}
	record, err := in.open(ctx, m)
	if err != nil || record == nil {
		return err
	}
	r := in.reels[m.Key]
	if r == nil {
		if !isKept(record) {
			return nil
		}
		if r, err = in.reel(m.Key, record); err != nil {
			return nil // no name for an object: not a track of ours
		}
	}
	if err := in.pass(ctx, r, position(record, record.RTP)); err != nil {
		return err
	}
	if record.Flags&bus.Muted != 0 {
		r.due = minTime(r.due, time.Now().Add(in.config.BatchAge)) // nobody knows whether more will come
	}
	if !isKept(record) {
		return nil
	}
	for _, p := range record.Packets {
		if err := in.add(ctx, r, tape.Packet{Epoch: record.Epoch, Seq: p.Seq, Pos: position(record, p.RTP), Opus: p.Opus}, m.Offset); err != nil {
			return err
		}
	}
	return nil
}

// isKept decides record by record, by what held when it was said.
func isKept(r *bus.AudioRecord) bool {
	return r.Flags&bus.Kept != 0 && r.Level >= meeting.Transcript
}

// position returns where an RTP time of a record lies on the room clock, in samples; -1 if it cannot be.
func position(r *bus.AudioRecord, rtp uint64) int64 {
	const most = 1 << 50 // far beyond what a tape takes
	if r.Epoch > most/tape.SamplesPerMS || rtp > most {
		return -1
	}
	return int64(r.Epoch)*tape.SamplesPerMS + int64(rtp)
}

func minTime(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// open opens a record. It returns nil for what is of a meeting whose key is gone, or not readable. The only error is that
// of ctx.
func (in *audioIntake) open(ctx context.Context, m bus.Message) (*bus.AudioRecord, error) {
	if _, gone := in.ended[m.Meeting]; gone || !m.Meeting.Valid() {
		return nil, nil
	}
	var record *bus.AudioRecord
	err := in.persist(ctx, "read key", func() error {
		key, err := in.keys.Live(ctx, m.Meeting)
		if err != nil {
			return err
		}
		if record, err = bus.OpenAudio(key, m); err != nil {
			return unreadable{err}
		}
		return nil
	})
	var bad unreadable
	switch {
	case errors.Is(err, ErrNoKey):
		if len(in.ended) >= maxEnded {
			clear(in.ended)
		}
		in.ended[m.Meeting] = struct{}{}
		return nil, nil
	case errors.As(err, &bad):
		in.log.Warn("audio skipped", "meeting", m.Meeting, "err", bad)
		return nil, nil
	case err != nil:
		return nil, err
	case record.Meeting != m.Meeting:
		in.log.Warn("audio skipped: its key is of another meeting", "meeting", m.Meeting, "partition", m.Partition, "offset", m.Offset)
		return nil, nil
	}
	return record, nil
}

// reel makes the reel of a track.
func (in *audioIntake) reel(recordKey string, record *bus.AudioRecord) (*reel, error) {
	writer, err := NewAudioWriter(in.store, in.keys, record.Meeting, record.Track)
	if err != nil {
		return nil, err
	}
	if len(in.reels) >= maxReels {
		for k, r := range in.reels {
			if len(r.packets) == 0 {
				delete(in.reels, k)
			}
		}
	}
	r := &reel{writer: writer, id: record.Meeting}
	in.reels[recordKey] = r
	return r, nil
}

// pass stores what is in hand if the track has come to another minute.
func (in *audioIntake) pass(ctx context.Context, r *reel, pos int64) error {
	if len(r.packets) == 0 || minuteOf(pos) <= r.minute {
		return nil
	}
	return in.keep(ctx, r)
}

// add takes a packet into hand, after storing what is there if it is full or of another minute.
func (in *audioIntake) add(ctx context.Context, r *reel, p tape.Packet, offset int64) error {
	if r.pause || r.mark.Passed(p) || !p.Playable() {
		return nil
	}
	if err := in.pass(ctx, r, p.Pos); err != nil {
		return err
	}
	if r.bytes+len(p.Opus) > in.config.AudioBytes && len(r.packets) > 0 {
		if err := in.keep(ctx, r); err != nil {
			return err
		}
	}
	now := time.Now()
	if len(r.packets) == 0 {
		r.minute, r.first, r.since = minuteOf(p.Pos), offset, now
	}
	r.due = r.since.Add(in.config.AudioAge)
	r.packets = append(r.packets, p)
	r.mark = tape.After(p)
	r.bytes += len(p.Opus)
	in.held += len(p.Opus)
	return nil
}

// keep writes what is in hand as the next piece. It tries until that is done, the meeting's data was deleted, or ctx ends.
func (in *audioIntake) keep(ctx context.Context, r *reel) error {
	err := in.persist(ctx, "store audio", func() error {
		err := r.writer.Append(ctx, r.packets)
		if isDamaged(err) {
			return unreadable{err}
		}
		return err
	})
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, ErrNoKey):
		in.log.Info("audio dropped: the meeting's data was deleted", "meeting", r.id)
		r.pause = true
	case err != nil:
		in.log.Error("audio of a track is not kept any more: what is stored of it cannot be read", "meeting", r.id, "err", err)
		r.pause = true
	}
	in.held -= r.bytes
	r.packets, r.bytes = nil, 0
	if in.due.IsZero() { // what held the position back is gone
		in.due = time.Now()
	}
	return nil
}
