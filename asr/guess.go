package asr

import (
	"context"
	"sync"
)

// guess is the final of an utterance, decoded at a pause that is long enough for its audio to be complete, in case the
// pause turns out to be the end. Then the final is ready about 300 ms earlier, with the same audio and so the same text.
// If the voice comes back it is interrupted and forgotten.
type guess struct {
	length int             // samples of the utterance it heard
	ctx    context.Context // of its recognition
	cancel context.CancelFunc

	mu      sync.Mutex // guards what follows; no other lock is taken while it is held
	started bool
	out     *outcome      // nil until decoded
	then    func(outcome) // what to do with it, once the utterance has closed meanwhile
}

// start says whether the guess is still wanted by the time a recogniser picks it.
func (g *guess) start() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.started = g.ctx.Err() == nil
	return g.started
}

func (g *guess) decoded(out outcome) {
	g.mu.Lock()
	g.out = &out
	then := g.then
	g.mu.Unlock()
	g.cancel() // frees the context
	if then != nil {
		then(out)
	}
}

// claim asks for the outcome, now or when it is there. It is false if no recogniser has begun: then it is cancelled.
func (g *guess) claim(then func(outcome)) bool {
	g.mu.Lock()
	started, out := g.started, g.out
	if started && out == nil {
		g.then = then
	}
	g.mu.Unlock()
	if !started {
		g.cancel()
		return false
	}
	if out != nil {
		then(*out)
	}
	return true
}

// paused implements utteranceSink: if a recogniser is free, it decodes what would be the final if nothing more came.
func (t *track) paused(u *utterance, audioEnd int64) {
	if t.guess != nil {
		t.guess.cancel()
	}
	t.guess = nil
	if u.final != nil || !t.p.w.jobs.idle() || t.p.w.jobs.pressure() >= hurried {
		return
	}
	s := u.snapshotUntil(audioEnd)
	g := &guess{length: len(s.pcm)}
	g.ctx, g.cancel = context.WithCancel(t.ctx)
	t.guess = g
	t.p.w.jobs.add(&job{
		class: classGuess, meeting: t.meeting, ctx: g.ctx, deadline: t.captured(audioEnd).Add(finalWithin),
		run: func(ctx context.Context, h *hand) {
			if !g.start() {
				return
			}
			out := u.finalOf(ctx, s, t.known.recognizer(h, forFinals), t.known, defaultEndpointing(), false)
			if ctx.Err() == nil {
				t.p.w.counts.add(func(n *Counts) { n.Guesses++ })
				g.decoded(out)
			}
		},
	})
}

// resumed implements utteranceSink: the pause was none.
func (t *track) resumed() {
	if t.guess != nil {
		t.guess.cancel()
		t.guess = nil
	}
}

// guessed hands the guess over as the final of u, if it heard all of it; false if u must be decoded.
func (t *track) guessed(u *utterance, deliver func(outcome)) bool {
	g := t.guess
	t.guess = nil
	if g == nil {
		return false
	}
	if g.length != u.length() {
		g.cancel()
		return false
	}
	return g.claim(deliver)
}

// snapshotUntil is the snapshot of u if it ended at position audioEnd.
func (u *utterance) snapshotUntil(audioEnd int64) speech {
	s := u.snapshot()
	s.pcm, s.closed = s.pcm[:min(audioEnd-u.start, int64(len(s.pcm)))], true
	return s
}

func (u *utterance) length() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return len(u.pcm)
}
