package asr

import (
	"context"
	"errors"
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

// commit stores how far the partition is done. Its error is that the partition is no longer ours.
func (p *partition) commit() error { return p.commitWith(p.ctx) }

func (p *partition) commitWith(ctx context.Context) error {
	offset, points := p.commitPoint()
	metadata, fits := encodeResume(points)
	if !fits || offset == p.committed && metadata == p.committedMeta {
		return nil // not fitting: the last commit still holds, and a later one will fit
	}
	p.committedAt = time.Now()
	err := p.a.Commit(ctx, offset, metadata)
	switch {
	case err == nil:
		p.committed, p.committedMeta = offset, metadata
	case errors.Is(err, bus.ErrFenced):
		return err
	case ctx.Err() == nil:
		p.w.cfg.Log.Warn("recognised audio could not be committed, trying again", "partition", p.at.partition, "err", err)
	}
	return nil
}
