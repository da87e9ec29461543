package summarize

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"souffleur/internal/meeting"
	"souffleur/storage"
)

// desk decides what is to be done for the meetings of one partition. Its maps belong to the goroutine of run.
type desk struct {
	worker *Worker
	mine   func(meeting.ID) bool

	noted chan struct{} // sent to when news is not empty; holds one
	ended chan meeting.ID

	mu   sync.Mutex // guards news
	news map[meeting.ID]struct{}

	waiting map[meeting.ID]time.Time // meetings to be looked at again, and when at the earliest; no more than have ended
	running map[meeting.ID]*job      // no more than the worker has slots
	ending  map[meeting.ID]time.Time // meetings of which there was news, and until when their end is waited for
}

// job is work that goes on for one meeting.
type job struct {
	request int
	stop    context.CancelFunc
}

func newDesk(w *Worker, mine func(meeting.ID) bool) *desk {
	return &desk{
		worker: w, mine: mine, noted: make(chan struct{}, 1), ended: make(chan meeting.ID, w.config.Parallel),
		news: map[meeting.ID]struct{}{}, waiting: map[meeting.ID]time.Time{}, running: map[meeting.ID]*job{}, ending: map[meeting.ID]time.Time{},
	}
}

// note says that something happened to a meeting. Many records of one meeting are one look.
func (d *desk) note(id meeting.ID) {
	if !id.Valid() {
		return
	}
	d.mu.Lock()
	d.news[id] = struct{}{}
	d.mu.Unlock()
	select {
	case d.noted <- struct{}{}:
	default:
	}
}

func (d *desk) takeNews() []meeting.ID {
	d.mu.Lock()
	defer d.mu.Unlock()
	ids := make([]meeting.ID, 0, len(d.news))
	for id := range d.news {
		ids = append(ids, id)
	}
	clear(d.news)
	return ids
}

// run looks at meetings until ctx ends, then stops all work and waits for its end.
func (d *desk) run(ctx context.Context) error {
	poll, rescan := time.NewTicker(d.worker.config.Poll), time.NewTicker(d.worker.config.Rescan)
	defer poll.Stop()
	defer rescan.Stop()
	var works sync.WaitGroup
	defer works.Wait()
	d.lookAtAll(ctx, &works)
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-d.noted:
			for _, id := range d.takeNews() {
				d.ending[id] = d.worker.now().Add(endsWithin)
				d.look(ctx, &works, id)
			}
		case id := <-d.ended:
			delete(d.running, id)
			d.look(ctx, &works, id)
		case <-poll.C:
			for _, id := range d.due() {
				d.look(ctx, &works, id)
			}
		case <-rescan.C:
			d.lookAtAll(ctx, &works)
		}
	}
}

// due lists the waiting meetings whose time has come, oldest first.
func (d *desk) due() []meeting.ID {
	var ids []meeting.ID
	for id, at := range d.waiting {
		if !d.worker.now().Before(at) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// lookAtAll looks at every meeting of the partition, newest first.
func (d *desk) lookAtAll(ctx context.Context, works *sync.WaitGroup) {
	ids, err := d.worker.Meetings.IDs(ctx)
	if err != nil {
		if ctx.Err() == nil {
			d.worker.Log.Warn("could not look for meetings that want minutes, trying again later", "err", err)
		}
		return
	}
	for _, id := range ids {
		if d.mine(id) && ctx.Err() == nil {
			d.look(ctx, works, id)
		}
	}
}

// look decides what is to be done for a meeting. A store that does not answer is asked again.
func (d *desk) look(ctx context.Context, works *sync.WaitGroup, id meeting.ID) {
	task, again, err := d.decide(ctx, id)
	switch {
	case ctx.Err() != nil:
		return
	case err != nil:
		d.worker.Log.Warn("could not look at a meeting's minutes, trying again", "meeting", id, "err", err)
		d.waiting[id] = d.worker.now().Add(d.worker.config.Retell)
		return
	case task == nil && !again:
		delete(d.waiting, id)
		delete(d.ending, id)
		return
	case task == nil:
		d.waiting[id] = d.worker.now().Add(d.worker.config.Poll)
		return
	}
	select {
	case d.worker.slots <- struct{}{}:
	default: // others are being worked on
		d.waiting[id] = d.worker.now()
		return
	}
	delete(d.waiting, id)
	working, stop := context.WithCancel(ctx)
	d.running[id] = &job{request: task.job.Request, stop: stop}
	works.Go(func() {
		defer stop()
		pause := task.do(working, d.worker)
		<-d.worker.slots
		_ = sleep(working, pause) // before another look, or it would begin at once
		select {
		case d.ended <- id:
		case <-ctx.Done():
		}
	})
}

// endsWithin is how long after the news of its end a meeting may still be without: the record comes before the document is written.
const endsWithin = time.Minute

// task is work for a meeting: minutes to be written, or people to be told of them.
type task struct {
	meeting storage.Meeting
	job     storage.MinutesJob
}

// decide returns what is to be done for a meeting now, and whether to look again soon.
func (d *desk) decide(ctx context.Context, id meeting.ID) (t *task, again bool, err error) {
	w := d.worker
	m, err := w.Meetings.Get(ctx, id)
	if errors.Is(err, storage.ErrNotFound) || errors.Is(err, storage.ErrNoKey) {
		d.stop(id)
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	if m.EndedUnixMS == 0 {
		return nil, w.now().Before(d.ending[id]), nil
	}
	j, err := w.Minutes.Job(ctx, id)
	if errors.Is(err, storage.ErrNoKey) {
		d.stop(id)
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	if at := d.running[id]; at != nil {
		if at.request != j.Request || !j.State.Working() && !j.Untold {
			at.stop() // and then it is looked at again
		}
		return nil, false, nil
	}
	switch {
	case j.State == storage.MinutesNone && !w.wanted(&m):
		return nil, false, nil
	case !m.TranscriptFinal:
		return nil, true, nil
	case j.State == storage.MinutesNone:
		j, err = w.begin(ctx, &m)
		if err != nil || !j.State.Working() {
			return nil, false, err
		}
	case j.State.Over() && j.Untold:
	case !j.State.Working():
		return nil, false, nil
	}
	return &task{meeting: m, job: j}, false, nil
}

func (d *desk) stop(id meeting.ID) {
	if at := d.running[id]; at != nil {
		at.stop()
	}
}

// wanted says whether minutes of a meeting are to be made though nobody asked: something in it was at level minutes.
func (w *Worker) wanted(m *storage.Meeting) bool {
	if m.ImportedUnixMS != 0 || w.now().Sub(time.UnixMilli(m.EndedUnixMS)) > w.config.Recent {
		return false
	}
	if m.TranscriptFinal && m.TranscriptRev == 0 {
		return false // nothing was stored
	}
	return slices.ContainsFunc(m.Policies, func(p meeting.Policy) bool { return p.Level >= meeting.Minutes })
}

// begin writes down that minutes are wanted, unless they would be deleted at once.
func (w *Worker) begin(ctx context.Context, m *storage.Meeting) (storage.MinutesJob, error) {
	due, err := w.Minutes.MinutesDue(ctx, *m)
	if err != nil || due != 0 && w.now().UnixMilli() >= due {
		return storage.MinutesJob{State: storage.MinutesNone}, err
	}
	return w.Minutes.UpdateJob(ctx, m.ID, func(j *storage.MinutesJob) bool {
		if j.State != storage.MinutesNone {
			return false
		}
		*j = storage.MinutesJob{State: storage.MinutesQueued, Request: j.Request + 1, AtUnixMS: w.now().UnixMilli()}
		return true
	})
}

// sleep waits, or returns the error of ctx.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
