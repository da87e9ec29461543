package asr

import (
	"context"
	"errors"
	"slices"
	"time"

	"souffleur/internal/bus"
	"souffleur/internal/listen"
	"souffleur/internal/meeting"
)

// deliver publishes finals. Its error ends the generation.
func (p *partition) deliver(finals []finished) error {
	until, err := p.assure()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithDeadline(p.ctx, until)
	defer cancel()
	for _, f := range finals {
		if !p.stillWanted(f) {
			continue
		}
		if p.isPublished(f) {
			p.settled(f)
			continue
		}
		if err := p.publish(ctx, f); err != nil {
			if p.ctx.Err() != nil || errors.Is(err, bus.ErrFenced) {
				return err
			}
			if !errors.Is(err, listen.ErrKeyGone) {
				f.t.log.Warn("a final could not be published, trying again", "err", err)
				p.unsent = append(p.unsent, f)
				continue
			}
		}
		p.settled(f)
	}
	return p.commit()
}

// settled forgets an utterance whose final is published. Rescoring changes nothing: the text of the partials settled it.
func (p *partition) settled(f finished) {
	if f.rescored() {
		return
	}
	f.t.finals--
	f.t.done(f.u)
	if !f.u.spokenAt.IsZero() {
		f.t.noteLate(time.Since(f.u.spokenAt))
	}
}

// published returns what readers have under id, nil if there is nothing.
func (p *partition) published(m meeting.ID, id meeting.SegmentID) *meeting.Segment {
	if !p.w.ledger.has(id) {
		return nil
	}
	key, err := p.w.key(p.ctx, m)
	if err != nil {
		return nil
	}
	return p.w.ledger.final(key, id)
}

// isPublished says whether a final, or a better one, was published meanwhile: by the last owner of the partition, whose record
// was still on its way, or by us, and the broker's answer was lost. Only the text of partials is ever replaced.
func (p *partition) isPublished(f finished) bool {
	old := p.published(f.t.meeting, f.u.id)
	return old != nil && (!f.rescored() || old.Rev > meeting.FinalRev || old.Quality != meeting.QualityFast)
}

// deliverLate publishes the partials' text of utterances whose final comes too late.
func (p *partition) deliverLate() error {
	if p.w.jobs.pressure() < overloaded {
		return nil
	}
	var late []finished
	now := time.Now()
	for _, t := range p.tracks {
		late = append(late, t.late(now)...)
	}
	if len(late) == 0 {
		return nil
	}
	return p.deliver(late)
}

// putOff lets a final that nobody has begun be decoded when there is time, or, with too many of them, not at all; false if
// it is being decoded.
func (p *partition) putOff(j *job) bool {
	p.putoffs = slices.DeleteFunc(p.putoffs, func(j *job) bool { return !p.w.jobs.waits(j) })
	if len(p.putoffs) >= maxRescores {
		return p.w.jobs.withdraw(j)
	}
	if !p.w.jobs.demote(j, classRescore) {
		return false
	}
	p.putoffs = append(p.putoffs, j)
	return true
}

// stillWanted asks the policy once more: recognition takes time, and cannot be stopped inside.
func (p *partition) stillWanted(f finished) bool {
	if f.rescored() {
		s := p.w.roster.Of(f.t.meeting, f.t.id)
		return f.out.quality == meeting.QualityFull && len(f.out.words) > 0 && !s.Over && s.May(f.u.roomClock(f.u.start))
	}
	pending := false
	for _, u := range f.t.pending {
		pending = pending || u == f.u
	}
	if !pending {
		return false // dropped
	}
	if s := p.w.roster.Of(f.t.meeting, f.t.id); !s.May(f.u.roomClock(f.u.start)) {
		f.t.finals--
		f.t.done(f.u)
		return false
	}
	return true
}

// publish writes the final of an utterance. One without words takes its partials off the screens instead.
func (p *partition) publish(ctx context.Context, f finished) error {
	p.w.counts.add(func(n *Counts) { n.judge(f.out.refused, f.out.err) })
	if f.out.quality == meeting.QualityGap {
		return p.publishGap(ctx, f)
	}
	if len(f.out.words) == 0 {
		p.w.counts.add(func(n *Counts) { n.Empty++ })
		p.w.show(f.t.meeting, f.t.id, f.u.withdrawn())
		return nil
	}
	rev := meeting.FinalRev
	if f.rescored() {
		rev++
	}
	s := f.u.segment(f.out, rev)
	if err := p.write(ctx, f.t, s); err != nil {
		return err
	}
	p.w.counts.add(func(n *Counts) {
		if f.rescored() {
			n.Rescored++
			return
		}
		n.Finals++
		if s.Quality == meeting.QualityFast {
			n.Fast++
		}
	})
	return nil
}

// write puts a segment of t on the bus.
func (p *partition) write(ctx context.Context, t *track, s *meeting.Segment) error {
	s.Spk, s.Track = meeting.SpeakerID(t.speaker), t.id
	key, err := p.w.key(ctx, t.meeting)
	if err != nil {
		return err
	}
	value, err := bus.SealJSON(key, bus.Segments, string(s.Seg), s)
	if err != nil {
		return err
	}
	return p.w.bus.Publish(ctx, bus.Message{
		Topic: bus.Segments, Partition: p.w.bus.PartitionOf(bus.Segments, t.meeting), Key: string(s.Seg), Meeting: t.meeting, Value: value,
	})
}

// withdrawn is the partial that empties what readers see of u.
func (u *utterance) withdrawn() *meeting.Caption {
	at := u.roomClock(u.start)
	return &meeting.Caption{V: meeting.CaptionVersion, Seg: u.id, Rev: meeting.FinalRev - 1, T0: at, T1: u.roomClock(u.end)}
}
