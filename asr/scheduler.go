package asr

import (
	"context"
	"sync"
	"time"

	"souffleur/internal/meeting"
)

// class is the value of a recognition; a lower one is always served first.
type class int

const (
	classFinal   class = iota // the lasting text of an utterance
	classFirst                // the first partial of an utterance
	classRefresh              // a newer partial
	classGuess                // the final of an utterance that may go on
	classes
)

// job is one call of a recogniser. What it hears is decided when it is picked: always the newest audio.
type job struct {
	class    class
	meeting  meeting.ID
	deadline time.Time
	ctx      context.Context // when it ends, the job is dropped or interrupted
	run      func(ctx context.Context, rec Recognizer)
}

// scheduler hands jobs to recognisers: strictly by class, then earliest deadline first, then the meeting served longest
// ago. Calls are short and cannot be preempted.
type scheduler struct {
	mu     sync.Mutex                      // guards what follows
	ready  sync.Cond                       // a job came, or a waiter's context ended
	free   int                             // recognisers that wait for a job
	hands  int                             // recognisers
	open   map[meeting.SegmentID]time.Time // utterances that asked for partials lately, and when
	jobs   []*job                          // bounded by those who add: one partial a track, maxFinals a partition and its tracks
	served map[meeting.ID]uint64
	turn   uint64
	cost   [classes]time.Duration // moving average
}

// maxServed bounds the memory of who was served; past it, everybody counts as waiting equally long.
const maxServed = 4096

// newScheduler returns a scheduler for so many recognisers.
func newScheduler(hands int) *scheduler {
	s := &scheduler{hands: hands, served: make(map[meeting.ID]uint64), open: make(map[meeting.SegmentID]time.Time)}
	s.ready.L = &s.mu
	return s
}

func (s *scheduler) add(j *job) {
	s.mu.Lock()
	s.jobs = append(s.jobs, j)
	s.mu.Unlock()
	s.ready.Signal()
}

// next waits for the job to do now. Its only error is that of ctx.
func (s *scheduler) next(ctx context.Context) (*job, error) {
	defer context.AfterFunc(ctx, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.ready.Broadcast()
	})()
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if j := s.pickLocked(); j != nil {
			return j, nil
		}
		s.free++
		s.ready.Wait()
		s.free--
	}
}

// idle says whether a recogniser has nothing to do.
func (s *scheduler) idle() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.free > len(s.jobs)
}

// pickLocked takes the best job out, and drops the cancelled ones.
func (s *scheduler) pickLocked() *job {
	live := s.jobs[:0]
	best := -1
	for _, j := range s.jobs {
		if j.ctx.Err() != nil {
			continue
		}
		live = append(live, j)
		if best < 0 || s.beforeLocked(j, live[best]) {
			best = len(live) - 1
		}
	}
	clear(s.jobs[len(live):])
	s.jobs = live
	if best < 0 {
		return nil
	}
	j := live[best]
	s.jobs = append(live[:best], live[best+1:]...)
	s.serveLocked(j.meeting)
	return j
}

func (s *scheduler) beforeLocked(a, b *job) bool {
	if a.class != b.class {
		return a.class < b.class
	}
	if !a.deadline.Equal(b.deadline) {
		return a.deadline.Before(b.deadline)
	}
	return s.served[a.meeting] < s.served[b.meeting]
}

func (s *scheduler) serveLocked(m meeting.ID) {
	if len(s.served) >= maxServed {
		clear(s.served)
	}
	s.turn++
	s.served[m] = s.turn
}

// done learns what a job of class c cost.
func (s *scheduler) done(c class, took time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cost[c] == 0 {
		s.cost[c] = took
	}
	s.cost[c] += (took - s.cost[c]) / 8
}

// Bounds of the time between two partials of an utterance, in new audio. More often than minRefresh makes captions
// restless: with whisper-base and ten FLEURS clips (fr, en), readers saw 1.2 words taken back for each that stayed at 0.8 s,
// 0.5 at 2 s.
const (
	firstPartial = 700 * time.Millisecond // speech before the first
	minRefresh   = 1500 * time.Millisecond
	maxRefresh   = 3 * time.Second
)

const (
	// partialShare is the part of all recognisers that partials may take; the rest is for finals.
	partialShare = 0.6
	// talking is how long ago an utterance may have asked for a partial to count as one that goes on: each asks with every
	// record, ten times a second.
	talking = 2 * time.Second
)

// refreshEvery returns how much new audio the next partial of an utterance waits for: as little as lets the partials of
// all who talk share partialShare of the recognisers.
func (s *scheduler) refreshEvery(seg meeting.SegmentID) time.Duration {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open[seg] = now
	for other, at := range s.open {
		if now.Sub(at) > talking {
			delete(s.open, other)
		}
	}
	cost := max(s.cost[classFirst], s.cost[classRefresh])
	all := time.Duration(float64(cost) * float64(len(s.open)) / (partialShare * float64(s.hands)))
	return min(max(all, minRefresh), maxRefresh)
}
