package asr

import (
	"context"
	"math"
	"slices"
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
	classRescore              // the final of an utterance whose partials were published as its final
	classes
)

// job is one call of a recogniser. What it hears is decided when it is picked: always the newest audio.
type job struct {
	class    class // after add: guarded by the scheduler
	meeting  meeting.ID
	deadline time.Time
	added    time.Time       // set by add
	ctx      context.Context // when it ends, the job is dropped or interrupted
	run      func(ctx context.Context, h *hand)
}

// scheduler hands jobs to recognisers: strictly by class, then earliest deadline first, then the meeting served longest
// ago. While another meeting waits, none has more than half of the recognisers. Calls are short and cannot be preempted.
type scheduler struct {
	mu      sync.Mutex                      // guards what follows
	ready   sync.Cond                       // a job came, or a waiter's context ended
	free    int                             // recognisers that wait for a job
	hands   int                             // recognisers
	open    map[meeting.SegmentID]time.Time // utterances that asked for partials lately, and when
	jobs    []*job                          // bounded by those who add: one partial a track, maxFinals and maxRescores a partition
	running map[meeting.ID]int              // jobs under way
	served  map[meeting.ID]uint64
	turn    uint64
	cost    [classes]time.Duration // moving average
	load    load
	lasting spent // on lasting texts, for those who look
	thinned bool  // partials wait longer than they would with recognisers to spare
}

// maxServed bounds the memory of who was served; past it, everybody counts as waiting equally long.
const maxServed = 4096

// newScheduler returns a scheduler for so many recognisers.
func newScheduler(hands int) *scheduler {
	s := &scheduler{
		hands: hands, load: load{hands: hands}, served: make(map[meeting.ID]uint64),
		running: make(map[meeting.ID]int), open: make(map[meeting.SegmentID]time.Time),
	}
	s.ready.L = &s.mu
	return s
}

func (s *scheduler) add(j *job) {
	j.added = time.Now()
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
	s.jobs = slices.DeleteFunc(s.jobs, func(j *job) bool { return j.ctx.Err() != nil })
	best := -1
	for i, j := range s.jobs {
		if (best < 0 || s.beforeLocked(j, s.jobs[best])) && !s.greedyLocked(j.meeting) {
			best = i
		}
	}
	if best < 0 {
		return nil
	}
	j := s.jobs[best]
	s.jobs = slices.Delete(s.jobs, best, best+1)
	s.running[j.meeting]++
	s.serveLocked(j.meeting)
	return j
}

// greedyLocked says whether one more recogniser for m would be more than half of them while a meeting with less waits.
func (s *scheduler) greedyLocked(m meeting.ID) bool {
	half := max(1, s.hands/2)
	return s.running[m] >= half &&
		slices.ContainsFunc(s.jobs, func(j *job) bool { return j.meeting != m && s.running[j.meeting] < half })
}

// waits says whether nobody has begun j, and it was not dropped.
func (s *scheduler) waits(j *job) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Contains(s.jobs, j) && j.ctx.Err() == nil
}

// demote gives a job that nobody has begun another class; false if it was begun, or dropped.
func (s *scheduler) demote(j *job, to class) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Contains(s.jobs, j) {
		return false
	}
	j.class = to
	return true
}

// withdraw drops a job that nobody has begun; false if it was begun, or dropped before.
func (s *scheduler) withdraw(j *job) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.jobs)
	s.jobs = slices.DeleteFunc(s.jobs, func(k *job) bool { return k == j })
	return len(s.jobs) < n
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

// done learns what a job cost.
func (s *scheduler) done(j *job, took time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running[j.meeting]--; s.running[j.meeting] <= 0 {
		delete(s.running, j.meeting)
	}
	s.learnLocked(j.class, took)
	s.ready.Broadcast() // a meeting that had its half may go on
}

func (s *scheduler) learnLocked(c class, took time.Duration) {
	if s.cost[c] == 0 {
		s.cost[c] = took
	}
	s.cost[c] += (took - s.cost[c]) / 8
	now := time.Now()
	if c == classFinal {
		s.load.took(now, took)
	}
	if c == classFinal || c == classGuess || c == classRescore { // most guesses become finals
		s.lasting.took(now, took)
	}
}

// weigh takes the pressure, once a second.
func (s *scheduler) weigh() pressure {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	oldest := time.Duration(0)
	for _, j := range s.jobs {
		if j.class == classFinal && j.ctx.Err() == nil {
			oldest = max(oldest, now.Sub(j.added))
		}
	}
	s.forgetSilentLocked(now)
	s.load.weigh(now, s.thinned && len(s.open) > 0, oldest)
	return s.load.now
}

// pressure is what weigh found last.
func (s *scheduler) pressure() pressure {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.load.now
}

// work says how many recognisers there are, and what waits for them.
func (s *scheduler) work(now time.Time) meeting.Work {
	s.mu.Lock()
	defer s.mu.Unlock()
	work := meeting.Work{Hands: s.hands, Share: int(math.Round(100 * s.lasting.share(now, s.hands)))}
	for _, n := range s.running {
		work.Busy += n
	}
	for _, j := range s.jobs {
		if j.ctx.Err() == nil {
			work.Queue++
		}
	}
	return work
}

// spentMemory is the time constant over which time that was spent is averaged for those who look: longer than for the load, which
// has to be answered at once.
const spentMemory = 30 * time.Second

// spent is recognisers' time, fading with spentMemory.
type spent struct {
	seconds float64
	at      time.Time
}

func (s *spent) took(at time.Time, d time.Duration) {
	s.fade(at)
	s.seconds += d.Seconds()
}

func (s *spent) fade(at time.Time) {
	if !s.at.IsZero() {
		s.seconds *= math.Exp(-at.Sub(s.at).Seconds() / spentMemory.Seconds())
	}
	s.at = at
}

// share is the part of so many recognisers' time, 0 to about 1.
func (s *spent) share(at time.Time, hands int) float64 {
	s.fade(at)
	return s.seconds / (spentMemory.Seconds() * float64(hands))
}

// Bounds of the time between two partials of an utterance, in new audio. People speak two or three words in minRefresh; more
// often, a hypothesis says little that is new.
const (
	firstPartial = 500 * time.Millisecond // speech before the first
	retryFirst   = 400 * time.Millisecond // new audio while readers see nothing
	minRefresh   = time.Second
	maxRefresh   = 3 * time.Second
)

const (
	// busyShare is the part of all recognisers that finals and partials may take together; more would let finals wait.
	busyShare = 0.85
	// mostForPartials and leastForPartials bound what is left to partials of it.
	mostForPartials  = 0.6
	leastForPartials = 0.1
	// talking is how long ago an utterance may have asked for a partial to count as one that goes on: each asks with every
	// record, ten times a second.
	talking = 2 * time.Second
)

// refreshEvery returns how much new audio the next partial of an utterance waits for: as little as lets the partials of
// all who talk share what finals leave of the recognisers.
func (s *scheduler) refreshEvery(seg meeting.SegmentID) time.Duration {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open[seg] = now
	s.forgetSilentLocked(now)
	cost := max(s.cost[classFirst], s.cost[classRefresh])
	share := min(max(busyShare-s.load.finalShare(now), leastForPartials), mostForPartials)
	all := time.Duration(float64(cost) * float64(len(s.open)) / (share * float64(s.hands)))
	s.thinned = all > minRefresh
	return min(max(all, minRefresh), maxRefresh)
}

func (s *scheduler) forgetSilentLocked(now time.Time) {
	for seg, at := range s.open {
		if now.Sub(at) > talking {
			delete(s.open, seg)
		}
	}
}
