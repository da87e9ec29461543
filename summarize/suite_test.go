package summarize

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"souffleur/internal/bus"
	"souffleur/internal/embed"
	"souffleur/internal/meeting"
	"souffleur/internal/s3test"
	"souffleur/internal/seal"
	"souffleur/storage"
	"souffleur/storage/archivetest"
	"souffleur/summarize/minutes"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for !condition() {
		select {
		case <-ctx.Done():
			t.Fatalf("waited in vain for: %s", what)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// clerk is a writer that a test plays. It makes one line of each kind for each segment.
type clerk struct {
	mu    sync.Mutex // guards jobs
	jobs  []minutes.Job
	hold  chan struct{} // if set, Write waits until it is closed
	began chan struct{} // if set, sent to when Write begins
	fail  error
	panic bool
}

func (c *clerk) calls() []minutes.Job {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]minutes.Job(nil), c.jobs...)
}

func (c *clerk) Write(ctx context.Context, j *minutes.Job, progress minutes.Progress) (*minutes.Document, error) {
	c.mu.Lock()
	c.jobs = append(c.jobs, *j)
	c.mu.Unlock()
	if c.began != nil {
		select {
		case c.began <- struct{}{}:
		case <-ctx.Done():
		}
	}
	if c.panic {
		panic("on purpose")
	}
	progress(1, 2)
	if c.hold != nil {
		select {
		case <-c.hold:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if c.fail != nil {
		return nil, c.fail
	}
	progress(2, 2)
	d := &minutes.Document{Lang: "en", Engine: minutes.Engine{Name: minutes.Extractive}}
	for _, s := range j.Segments {
		line := minutes.Line{Text: s.Text, Evidence: []meeting.SegmentID{s.Seg}, Confidence: 0.5, Quote: true}
		line.ID = minutes.LineID(minutes.KindAction, line.Text, line.Evidence)
		d.Actions = append(d.Actions, minutes.Action{Line: line, OwnerID: s.Spk.Participant()})
	}
	d.Questions = []minutes.Line{{ID: "q", Text: "From nowhere?", Evidence: []meeting.SegmentID{"no-such"}}}
	return d, nil
}

var errEndpoint = errors.New("the endpoint is busy")

// model is an endpoint that a test plays.
type model struct {
	clerk
	kept Kept
}

func (m *model) Writer(kept Kept) (minutes.Writer, error) { m.kept = kept; return &m.clerk, nil }
func (m *model) About() minutes.Engine                    { return minutes.Engine{Model: "tiny", Host: "llm.example.org"} }
func (m *model) Check(context.Context) minutes.Warning    { return "" }
func (m *model) Failure(err error) minutes.Warning {
	if errors.Is(err, errEndpoint) {
		return minutes.EndpointBusy
	}
	return minutes.EndpointBroken
}

// house is a store with meetings, and perhaps a bus.
type house struct {
	archivetest.Archive
	master  *seal.Master
	minutes *storage.Minutes
	worker  Deps
	config  Config
}

func newHouse(t *testing.T) *house {
	t.Helper()
	server := s3test.Embedded(t)
	config := storage.DefaultConfig()
	config.Endpoint, config.AccessKey, config.SecretKey = server.Endpoint, server.AccessKey, server.SecretKey
	log := slog.New(slog.DiscardHandler)
	store, err := storage.Open(t.Context(), config, log)
	must(t, err)
	t.Cleanup(store.Close)
	_, raw := seal.NewKey()
	master, err := seal.NewMaster(raw)
	must(t, err)
	keys := storage.NewKeyring(store, master)
	h := &house{Archive: archivetest.Archive{T: t, Store: store, Keys: keys, Meetings: storage.NewMeetings(store, keys)}, master: master}
	transcripts := storage.NewTranscripts(store, keys, h.Meetings)
	h.minutes = storage.NewMinutes(store, keys, transcripts)
	h.worker = Deps{
		Keys: keys, Meetings: h.Meetings, Transcripts: transcripts, Minutes: h.minutes, Summarizers: storage.NewSummarizers(store, keys),
		Webhooks: storage.NewWebhooks(store, keys), Extractive: &clerk{}, Log: log,
	}
	h.config = DefaultConfig()
	h.config.Poll, h.config.Retell, h.config.Pace = 5*time.Millisecond, 20*time.Millisecond, time.Millisecond
	return h
}

// openBus starts a broker.
func openBus(t *testing.T) *bus.Bus {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	broker, err := embed.StartBroker(t.Context(), embed.BrokerConfig{Dir: t.TempDir()}, log)
	must(t, err)
	t.Cleanup(func() { must(t, broker.Close()) })
	config := bus.DefaultConfig()
	config.Brokers = []string{broker.Addr()}
	b, err := bus.Open(t.Context(), config, log)
	must(t, err)
	t.Cleanup(func() { must(t, b.Close()) })
	return b
}

// run runs a desk for all meetings, without a bus, until the test or stop ends it.
func (h *house) run(change ...func(*Deps)) (d *desk, stop func()) {
	t := h.T
	t.Helper()
	deps := h.worker
	for _, c := range change {
		c(&deps)
	}
	w, err := NewWorker(h.config, deps)
	must(t, err)
	d = newDesk(w, func(meeting.ID) bool { return true })
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = d.run(ctx)
	}()
	stop = func() { cancel(); <-done }
	t.Cleanup(stop)
	return d, stop
}

// held is a meeting at a level, not archived yet.
func (h *house) held(level meeting.Level, policies ...meeting.Policy) storage.Meeting {
	h.T.Helper()
	if policies == nil {
		policies = []meeting.Policy{{Level: level, Ceiling: meeting.Minutes}}
	}
	began := time.Now().Add(-2 * time.Hour).UnixMilli()
	return h.Meet(storage.Meeting{BeganUnixMS: began, Policies: policies})
}

// said is what somebody said at a level.
func said(id meeting.SegmentID, t0 int64, spk meeting.SpeakerID, level meeting.Level, text string) meeting.Segment {
	s := archivetest.Segment(id, t0, "en", text)
	s.Level, s.Spk = level, spk
	return s
}

// over is a meeting of two people at level minutes that is archived.
func (h *house) over() storage.Meeting {
	h.T.Helper()
	m := h.held(meeting.Minutes)
	h.End(m.ID, said("s1", 1000, "p1", meeting.Minutes, "I send the plan by Friday."), said("s2", 9000, "p2", meeting.Minutes, "I call the printer."))
	return m
}

// state returns how far the minutes of a meeting are.
func (h *house) state(id meeting.ID) storage.MinutesJob {
	h.T.Helper()
	j, err := h.minutes.Job(h.T.Context(), id)
	must(h.T, err)
	return j
}

// await waits for a state.
func (h *house) await(id meeting.ID, state storage.MinutesState) storage.MinutesJob {
	h.T.Helper()
	var j storage.MinutesJob
	eventually(h.T, "minutes are "+string(state), func() bool {
		j = h.state(id)
		return j.State == state && !j.Untold
	})
	return j
}

// read returns the minutes of a meeting.
func (h *house) read(id meeting.ID) *storage.MinutesRead {
	h.T.Helper()
	r, err := h.minutes.Read(h.T.Context(), id)
	must(h.T, err)
	return r
}

// etag names what is stored as an object; "" if nothing is.
func (h *house) etag(id meeting.ID, name string) string {
	h.T.Helper()
	_, etag, err := h.Store.Get(h.T.Context(), "meetings/"+string(id)+"/"+name)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		h.T.Fatal(err)
	}
	return etag
}
