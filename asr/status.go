package asr

import (
	"context"
	"sync"
	"time"

	"souffleur/internal/bus"
	"souffleur/internal/meeting"
)

// lateAfter is the age of the audio being recognised from which captions count as late: what a final takes at most when all
// is well.
const lateAfter = 2500 * time.Millisecond

// draft is a record for captions.v1.
type draft struct {
	meeting meeting.ID
	track   meeting.TrackID // of a caption
	at      int64           // room clock ms at which a caption's words begin
	key     string
	meeting.Draft
}

// show queues a partial.
func (w *Worker) show(id meeting.ID, track meeting.TrackID, c *meeting.Caption) {
	w.queue(draft{meeting: id, track: track, at: c.T0, key: string(c.Seg), Draft: meeting.Draft{Caption: c}})
}

func (w *Worker) queue(d draft) {
	select {
	case w.drafts <- d:
	default:
		w.counts.shed()
	}
}

// publishDrafts writes drafts to the bus, in order, until ctx ends. The policy is asked once more right before: a partial
// may have waited, and nothing is shown after the switch.
func (w *Worker) publishDrafts(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case d := <-w.drafts:
			w.publishDraft(ctx, d)
		}
	}
}

func (w *Worker) publishDraft(ctx context.Context, d draft) {
	if c := d.Caption; c != nil {
		s := w.roster.Of(d.meeting, d.track)
		if !s.May(d.at) {
			return
		}
		c.Spk = meeting.SpeakerID(s.Speaker)
	}
	key, err := w.key(ctx, d.meeting)
	if err != nil {
		return
	}
	value, err := bus.SealJSON(key, bus.Captions, d.key, d.Draft)
	if err == nil {
		err = w.bus.Publish(ctx, bus.Message{
			Topic: bus.Captions, Partition: w.bus.PartitionOf(bus.Captions, d.meeting), Key: d.key, Meeting: d.meeting, Value: value,
		})
	}
	if err != nil && ctx.Err() == nil {
		w.counts.shed() // one attempt: the next partial replaces it
	}
}

// statusKey is the record key of a status.
const statusKey = "status"

// reportStatus tells each live meeting every two seconds how its captions do.
func (w *Worker) reportStatus(ctx context.Context) {
	ticker := time.NewTicker(statusEvery)
	defer ticker.Stop()
	for {
		for _, id := range w.roster.Live() {
			if s, ours := w.status(id); ours {
				w.queue(draft{meeting: id, key: statusKey, Draft: meeting.Draft{Status: &s}})
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// weighEvery spaces the looks at how busy recognisers are, countEvery the lines of the log with what was done.
const (
	weighEvery = 500 * time.Millisecond
	countEvery = time.Minute
)

// weighLoad follows the load until ctx ends, and logs changes of the pressure and, now and then, what was done.
func (w *Worker) weighLoad(ctx context.Context) {
	ticker, count := time.NewTicker(weighEvery), time.NewTicker(countEvery)
	defer ticker.Stop()
	defer count.Stop()
	var before pressure
	var logged Counts
	for {
		select {
		case <-ctx.Done():
			return
		case <-count.C:
			if n := w.Counts(); n != logged {
				w.cfg.Log.Info("recognised", "counts", n)
				logged = n
			}
		case <-ticker.C:
			if now := w.jobs.weigh(); now != before {
				w.cfg.Log.Info("load of the recognisers", "pressure", now)
				before = now
			}
		}
	}
}

// status says how a meeting's captions do, and whether this worker answers for them: it recognises some of its tracks, or
// would recognise its first one.
func (w *Worker) status(id meeting.ID) (s meeting.Status, ours bool) {
	s = meeting.Status{State: meeting.StateLive, Engine: w.engineFor(id, forFinals), Load: int(w.jobs.pressure()), Work: w.work()}
	if !w.ready.Load() {
		return s, false // the model is still being loaded
	}
	lag, ours := w.lags.of(id, w.bus.AudioPartition(id, 0))
	if lag > lateAfter {
		s.State, s.LagMS = meeting.StateCatchingUp, lag.Milliseconds()
	}
	return s, ours
}

// work says how busy the worker is.
func (w *Worker) work() meeting.Work {
	work := w.jobs.work(time.Now())
	work.Worker, work.Shed = w.name, w.Counts().Shed
	return work
}

// lags is how late the partitions of a worker are, by meeting.
type lags struct {
	mu          sync.Mutex // guards byPartition
	byPartition map[int]map[meeting.ID]time.Duration
}

func newLags() *lags { return &lags{byPartition: make(map[int]map[meeting.ID]time.Duration)} }

// set replaces what is known of a partition; nil when it is no longer ours.
func (l *lags) set(partition int, lag map[meeting.ID]time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if lag == nil {
		delete(l.byPartition, partition)
		return
	}
	l.byPartition[partition] = lag
}

// of returns how late a meeting is, and whether one of our partitions has a track of it, or is home.
func (l *lags) of(id meeting.ID, home int) (lag time.Duration, ours bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, ours = l.byPartition[home]
	for _, meetings := range l.byPartition {
		if d, has := meetings[id]; has {
			lag, ours = max(lag, d), true
		}
	}
	return lag, ours
}
