package summarize

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"souffleur/internal/bus"
	"souffleur/internal/meeting"
	"souffleur/storage"
	"souffleur/summarize/minutes"
)

// Group is the workers' on meetings.v1.
const Group = "minutes"

// Config says how the worker works.
type Config struct {
	Detail   minutes.Detail // where nobody chose
	Parallel int            // meetings at once
	Poll     time.Duration  // how often meetings are looked at whose transcript is about to be complete
	Rescan   time.Duration  // how often all meetings are looked at: a record may have been lost
	Pace     time.Duration  // progress is written at most this often
	Check    time.Duration  // how often the endpoint is asked whether it works
	Recent   time.Duration  // minutes of a meeting that ended earlier are made only if somebody asks
	Retell   time.Duration  // pause before people are told again, if they could not be
	Tries    int            // how often the work on one request is begun: what kills the worker each time must not do so for ever
}

// DefaultConfig returns what suits everybody.
func DefaultConfig() Config {
	return Config{
		Detail: minutes.Normal, Parallel: 1, Poll: 2 * time.Second, Rescan: 10 * time.Minute, Pace: time.Second, Check: 5 * time.Minute,
		Recent: 7 * 24 * time.Hour, Retell: time.Minute, Tries: 5,
	}
}

// Validate names the first wrong setting.
func (c Config) Validate() error {
	for _, d := range []struct {
		name  string
		value time.Duration
	}{{"poll interval", c.Poll}, {"rescan interval", c.Rescan}, {"check interval", c.Check}, {"pause before telling again", c.Retell}, {"age", c.Recent}} {
		if d.value <= 0 {
			return fmt.Errorf("minutes: %s must be positive", d.name)
		}
	}
	switch c.Detail {
	case minutes.Brief, minutes.Normal, minutes.Full:
	default:
		return fmt.Errorf("minutes: detail %q is none of brief, normal, full", c.Detail)
	}
	if c.Parallel < 1 || c.Tries < 1 {
		return errors.New("minutes: meetings at once and tries must be at least 1")
	}
	return nil
}

// Kept keeps results of pieces of a job, so that an endpoint need not be asked again after a restart. Load returns nil for what was
// never kept.
type Kept interface {
	Load(ctx context.Context, key string) ([]byte, error)
	Save(ctx context.Context, key string, data []byte) error
}

// Endpoint is a language model that the operator configured.
type Endpoint interface {
	// Writer returns a writer for one job.
	Writer(kept Kept) (minutes.Writer, error)
	// About says which model on which host it is.
	About() minutes.Engine
	// Check asks whether it works. "" says that it does.
	Check(ctx context.Context) minutes.Warning
	// Failure returns why a writer of this endpoint failed.
	Failure(err error) minutes.Warning
}

// Post tells organizers that minutes are there.
type Post interface {
	MinutesReady(ctx context.Context, m storage.Meeting) error
}

// Deps are what the worker works with. Endpoint and Post may be nil.
type Deps struct {
	Bus         *bus.Bus
	Keys        *storage.Keyring
	Meetings    *storage.Meetings
	Transcripts *storage.Transcripts
	Minutes     *storage.Minutes
	Summarizers *storage.Summarizers
	Webhooks    *storage.Webhooks
	Extractive  minutes.Writer
	Endpoint    Endpoint
	Post        Post
	Log         *slog.Logger
}

// Worker writes minutes.
type Worker struct {
	Deps
	config Config
	slots  chan struct{} // one for each meeting being worked on
	now    func() time.Time
}

// NewWorker returns a worker that begins with Run.
func NewWorker(config Config, deps Deps) (*Worker, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	if deps.Extractive == nil {
		return nil, errors.New("minutes: there is no engine")
	}
	return &Worker{Deps: deps, config: config, slots: make(chan struct{}, config.Parallel), now: time.Now}, nil
}

// Run works until ctx ends, whose error it returns. It waits out a bus or a store that is away.
func (w *Worker) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return w.Bus.Consume(ctx, Group, bus.Meetings, w.serve) })
	g.Go(func() error { return w.introduce(ctx) })
	return g.Wait()
}

// serve works on the meetings of one partition until it goes to another worker.
func (w *Worker) serve(ctx context.Context, a *bus.Assignment) error {
	d := newDesk(w, func(id meeting.ID) bool { return w.Bus.PartitionOf(bus.Meetings, id) == a.Partition })
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return d.run(ctx) })
	g.Go(func() error { return d.read(ctx, a) })
	return g.Wait()
}

// read passes on which meetings something happened to. Nothing is lost if a worker dies after a commit: the next one looks at all.
func (d *desk) read(ctx context.Context, a *bus.Assignment) error {
	if a.Committed < a.First { // records that expired unread
		if err := a.Commit(ctx, a.First, ""); err != nil {
			return err
		}
	}
	for {
		m, err := a.Next(ctx)
		if err != nil {
			return err
		}
		if len(m.Value) == 0 && m.Meeting.Valid() { // something was forgotten or asked for: keys may be gone
			d.worker.Keys.Drop(m.Meeting)
			d.worker.Transcripts.Forget(m.Meeting)
		}
		if d.worker.matters(ctx, m) {
			d.note(m.Meeting)
		}
		if err := a.Commit(ctx, m.Offset+1, ""); err != nil {
			return err
		}
	}
}

// matters says whether a record may be about the end of a meeting, or about a request. Most say that somebody came or spoke.
func (w *Worker) matters(ctx context.Context, m bus.Message) bool {
	if len(m.Value) == 0 {
		return true
	}
	key, err := w.Keys.Live(ctx, m.Meeting)
	if err != nil {
		return true // archived, so the record cannot be read any more
	}
	var e meeting.Event
	return bus.OpenJSON(key, m, &e) != nil || e.Type == meeting.EventEnded
}

// introduce says now and then what this worker is, and whether its endpoint works.
func (w *Worker) introduce(ctx context.Context) error {
	tick := time.NewTicker(w.config.Check)
	defer tick.Stop()
	for {
		me := storage.Summarizer{Detail: w.config.Detail, CheckedUnixMS: w.now().UnixMilli()}
		if w.Endpoint != nil {
			about := w.Endpoint.About()
			me.Model, me.Host, me.Fault = about.Model, about.Host, w.Endpoint.Check(ctx)
		}
		if err := w.Summarizers.Put(ctx, me); err != nil && ctx.Err() == nil {
			w.Log.Warn("settings of minutes could not be shown to admins, trying again later", "err", err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}
