package asr

import (
	"context"
	"errors"
	"maps"
	"time"

	"souffleur/internal/bus"
)

// commitPoint returns the offset from which a replay finds everything that is not done, and where each track goes on.
func (p *partition) commitPoint() (int64, map[trackHash]resumePoint) {
	offset := p.next
	for _, t := range p.tracks {
		if _, at, holds := t.restart(); holds {
			offset = min(offset, at)
		}
	}
	points := make(map[trackHash]resumePoint)
	inherited := offset < p.at.end // records the last owner had heard may still come
	if inherited {
		for hash, r := range p.resume {
			points[hash] = r
		}
	}
	for hash, t := range p.tracks {
		if r, _, _ := t.restart(); t.lastOffset >= offset || inherited && !t.begun() {
			points[hash] = r
		}
	}
	return offset, points
}

// position returns the commit point as it is stored. Tracks that wait in silence are named too, while there is room: should
// audio be lost, that tells what of it was theirs.
func (p *partition) position() (offset int64, points map[trackHash]resumePoint, fits bool) {
	offset, points = p.commitPoint()
	if _, fits := encodeResume(points, p.heard); !fits {
		return offset, points, false
	}
	all := maps.Clone(points)
	for hash, t := range p.tracks {
		if r, _, _ := t.restart(); r.epoch > 0 {
			all[hash] = r
		}
	}
	if _, fits := encodeResume(all, p.heard); fits {
		points = all
	}
	return offset, points, true
}

// commit stores how far the partition is done. Its error is that the partition is no longer ours.
func (p *partition) commit() error { return p.commitWith(p.ctx) }

func (p *partition) commitWith(ctx context.Context) error {
	offset, points, fits := p.position()
	if !fits || offset == p.committed && maps.Equal(points, p.committedPoints) {
		return nil // not fitting: the last commit still holds, and a later one will fit
	}
	return p.store(ctx, offset, points)
}

// store commits. Its error is that the partition is no longer ours.
func (p *partition) store(ctx context.Context, offset int64, points map[trackHash]resumePoint) error {
	p.committedAt = time.Now()
	metadata, _ := encodeResume(points, p.heard)
	err := p.a.Commit(ctx, offset, metadata)
	switch {
	case err == nil:
		p.committed, p.committedPoints = offset, points
		p.sure = p.committedAt
	case errors.Is(err, bus.ErrFenced):
		return err
	case ctx.Err() == nil:
		p.w.cfg.Log.Warn("recognised audio could not be committed, trying again", "partition", p.at.partition, "err", err)
	}
	return nil
}

const (
	// sureFor is how long a commit that the broker took proves that the partition is ours.
	sureFor = 2 * time.Second
	// publishWithin is how long after it something may still be published. A partition goes to another worker at the earliest
	// when the broker has heard nothing of its owner for 6 s, and heartbeats are a second apart.
	publishWithin = 4 * time.Second
)

// assure makes certain that the partition is ours, and returns until when that holds: a process that was held still does not
// know that its partitions have gone to another, and would publish what the other publishes, too. A time in the past means
// that the broker did not say. Its error is that the partition is no longer ours.
func (p *partition) assure() (until time.Time, err error) {
	if time.Since(p.sure) >= sureFor {
		offset, points, fits := p.position()
		if !fits {
			offset, points = p.committed, p.committedPoints
		}
		if err := p.store(p.ctx, max(offset, 0), points); err != nil {
			return time.Time{}, err
		}
	}
	return p.sure.Add(publishWithin), nil
}
