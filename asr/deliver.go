package asr

import (
	"errors"

	"souffleur/internal/bus"
	"souffleur/internal/meeting"
)

// deliver publishes finals. Its error ends the generation.
func (p *partition) deliver(finals []finished) error {
	for _, f := range finals {
		if !p.stillWanted(f) {
			continue
		}
		if err := p.publish(f); err != nil {
			if p.ctx.Err() != nil || errors.Is(err, bus.ErrFenced) {
				return err
			}
			if !errors.Is(err, errKeyGone) {
				f.t.log.Warn("a final could not be published, trying again", "err", err)
				p.unsent = append(p.unsent, f)
				continue
			}
		}
		f.t.finals--
		f.t.done(f.u)
	}
	return p.commit()
}

// stillWanted asks the policy once more: recognition takes time, and cannot be stopped inside.
func (p *partition) stillWanted(f finished) bool {
	pending := false
	for _, u := range f.t.pending {
		pending = pending || u == f.u
	}
	if !pending {
		return false // dropped
	}
	if s := p.w.roster.of(f.t.meeting, f.t.id); !s.may(f.u.roomClock(f.u.start)) {
		f.t.finals--
		f.t.done(f.u)
		return false
	}
	return true
}

// publish writes the final of an utterance. One without words takes its partials off the screens instead.
func (p *partition) publish(f finished) error {
	p.w.counts.add(func(n *Counts) { n.judge(f.out.refused, f.out.err) })
	if len(f.out.words) == 0 {
		p.w.counts.add(func(n *Counts) { n.Empty++ })
		p.w.show(f.t.meeting, f.t.id, f.u.withdrawn())
		return nil
	}
	key, err := p.w.key(p.ctx, f.t.meeting)
	if err != nil {
		return err
	}
	s := f.u.segment(f.out)
	s.Spk, s.Track = meeting.SpeakerID(f.t.speaker), f.t.id
	value, err := bus.SealJSON(key, bus.Segments, string(s.Seg), s)
	if err != nil {
		return err
	}
	err = p.w.bus.Publish(p.ctx, bus.Message{
		Topic: bus.Segments, Partition: p.w.bus.PartitionOf(bus.Segments, f.t.meeting), Key: string(s.Seg), Meeting: f.t.meeting, Value: value,
	})
	if err != nil {
		return err
	}
	p.w.counts.add(func(n *Counts) {
		n.Finals++
		if s.Quality == meeting.QualityFast {
			n.Fast++
		}
	})
	return nil
}

// withdrawn is the partial that empties what readers see of u.
func (u *utterance) withdrawn() *meeting.Caption {
	at := u.roomClock(u.start)
	return &meeting.Caption{V: meeting.CaptionVersion, Seg: u.id, Rev: meeting.FinalRev - 1, T0: at, T1: u.roomClock(u.end)}
}
