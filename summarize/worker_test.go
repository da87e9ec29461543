package summarize

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"souffleur/internal/bus"
	"souffleur/internal/meeting"
	"souffleur/storage"
	"souffleur/summarize/minutes"
)

func textsOf(lines []storage.MinutesLine) string {
	var all []string
	for _, l := range lines {
		all = append(all, l.Text)
	}
	return strings.Join(all, " | ")
}

func TestAMeetingAtLevelMinutesGetsMinutesOnceItsTranscriptIsComplete(t *testing.T) {
	h := newHouse(t)
	m := h.held(meeting.Minutes)
	d, _ := h.run()
	d.note(m.ID) // the news of its end comes before the end is written down
	eventually(t, "the news was read", func() bool {
		d.mu.Lock()
		defer d.mu.Unlock()
		return len(d.news) == 0
	})
	other := h.over()
	d.note(other.ID)
	h.await(other.ID, storage.MinutesDone) // so the meeting was looked at, too
	_, err := h.Meetings.Update(t.Context(), m.ID, func(m *storage.Meeting) error { m.EndedUnixMS = time.Now().UnixMilli(); return nil })
	must(t, err)
	h.End(m.ID, said("s1", 1000, "p1", meeting.Minutes, "I send the plan by Friday."), said("s2", 9000, "p2", meeting.Minutes, "I call the printer."))
	job := h.await(m.ID, storage.MinutesDone)
	r := h.read(m.ID)
	if got := textsOf(r.Actions); got != "I send the plan by Friday. | I call the printer." {
		t.Errorf("actions are %q", got)
	}
	if len(r.Questions) != 0 || r.Facts.Coverage.Dropped != 1 {
		t.Errorf("a line that rests on nothing stayed: %+v, %d dropped", r.Questions, r.Facts.Coverage.Dropped)
	}
	if r.Outdated || job.Transcript != r.Transcript.Version() || r.Facts.Transcript != job.Transcript || r.Facts.Settings != job.Settings {
		t.Errorf("job %+v, document %+v", job, r.Facts)
	}
	if r.Actions[1].Owner != "Bob" {
		t.Errorf("the owner is %q", r.Actions[1].Owner)
	}
}

func TestOnlyWhatWasSaidAtLevelMinutesIsRead(t *testing.T) {
	h := newHouse(t)
	m := h.held(0, meeting.Policy{Level: meeting.Transcript}, meeting.Policy{Level: meeting.Minutes, AtMS: 5000})
	gap := said("g", 12_000, "p1", meeting.Minutes, "")
	gap.Quality = meeting.QualityGap
	h.End(m.ID, said("s1", 1000, "p1", meeting.Transcript, "Not for minutes."), said("s2", 9000, "p1", meeting.Minutes, "For minutes."), gap)
	writer := &clerk{}
	h.run(func(d *Deps) { d.Extractive = writer })
	h.await(m.ID, storage.MinutesDone)
	job := writer.calls()[0]
	if len(job.Segments) != 1 || job.Segments[0].Seg != "s2" || !job.PartOnly || job.Date == "" {
		t.Errorf("the engine got %+v", job)
	}
	if r := h.read(m.ID); !slices.Contains(r.Facts.Warnings, minutes.Gaps) {
		t.Errorf("lost sound is not told of: %v", r.Facts.Warnings)
	}
}

func TestMeetingsBelowMinutesAndOldOnesGetNoneUnlessSomebodyAsks(t *testing.T) {
	h := newHouse(t)
	low := h.held(meeting.Transcript)
	h.End(low.ID, said("s1", 0, "p1", meeting.Transcript, "Words."))
	old := h.Meet(storage.Meeting{Policies: []meeting.Policy{{Level: meeting.Minutes}}})
	h.End(old.ID, said("s1", 0, "p1", meeting.Minutes, "Words of long ago."))
	fresh := h.over()
	d, _ := h.run()
	h.await(fresh.ID, storage.MinutesDone) // newest first, so the others were seen, too, after this
	d.note(low.ID)
	d.note(old.ID)
	_, err := h.minutes.Ask(t.Context(), old.ID, storage.MinutesWish{Detail: minutes.Full}, "u1", "1.0", time.Now())
	must(t, err)
	d.note(old.ID)
	h.await(old.ID, storage.MinutesDone)
	if s := h.state(low.ID).State; s != storage.MinutesNone {
		t.Errorf("a meeting at level transcript has minutes: %s", s)
	}
}

func TestEqualWorkIsDoneOnce(t *testing.T) {
	h := newHouse(t)
	m := h.over()
	writer := &clerk{}
	d, stop := h.run(func(d *Deps) { d.Extractive = writer })
	h.await(m.ID, storage.MinutesDone)
	etag := h.etag(m.ID, "minutes.json")
	for range 3 {
		d.note(m.ID)
	}
	stop()
	d, _ = h.run(func(d *Deps) { d.Extractive = writer }) // a second worker
	_, err := h.minutes.Ask(t.Context(), m.ID, storage.MinutesWish{}, "u1", "1.0", time.Now())
	must(t, err)
	d.note(m.ID)
	h.await(m.ID, storage.MinutesDone)
	if n := len(writer.calls()); n != 1 || h.etag(m.ID, "minutes.json") != etag {
		t.Errorf("the engine wrote %d times, stored anew %v", n, h.etag(m.ID, "minutes.json") != etag)
	}
	_, err = h.minutes.Ask(t.Context(), m.ID, storage.MinutesWish{Detail: minutes.Brief}, "u1", "1.0", time.Now())
	must(t, err)
	d.note(m.ID)
	eventually(t, "other settings are other minutes", func() bool { return h.etag(m.ID, "minutes.json") != etag })
}

func TestTwoWorkersOnOneMeetingWriteOnce(t *testing.T) {
	h := newHouse(t)
	m := h.over()
	first, second := &clerk{hold: make(chan struct{}), began: make(chan struct{})}, &clerk{hold: make(chan struct{}), began: make(chan struct{})}
	h.run(func(d *Deps) { d.Extractive = first })
	<-first.began
	h.run(func(d *Deps) { d.Extractive = second }) // its partition was taken away, and it does not know yet
	<-second.began
	close(second.hold)
	h.await(m.ID, storage.MinutesDone)
	etag := h.etag(m.ID, "minutes.json")
	close(first.hold)
	eventually(t, "the first looks again", func() bool { return h.state(m.ID).State == storage.MinutesDone })
	if h.etag(m.ID, "minutes.json") != etag {
		t.Error("two workers wrote")
	}
}

func TestAWorkerThatDiedIsFollowedByOneThatGoesOn(t *testing.T) {
	h := newHouse(t)
	m := h.over()
	dying := &model{clerk: clerk{hold: make(chan struct{}), began: make(chan struct{})}}
	_, kill := h.run(func(d *Deps) { d.Endpoint = dying })
	<-dying.began
	must(t, dying.kept.Save(t.Context(), "chunk 1", []byte("facts")))
	kill()
	if j := h.state(m.ID); j.State != storage.MinutesRunning {
		t.Fatalf("the state of a worker that died is %+v", j)
	}
	next := &model{}
	h.run(func(d *Deps) { d.Endpoint = next })
	h.await(m.ID, storage.MinutesDone)
	found, err := next.kept.Load(t.Context(), "chunk 1")
	must(t, err)
	if found != nil {
		t.Error("intermediate results are left")
	}
	objects, err := h.Store.List(t.Context(), "meetings/"+string(m.ID)+"/work/")
	must(t, err)
	if len(objects) > 0 {
		t.Errorf("%d intermediate results are left", len(objects))
	}
	if e := h.read(m.ID).Facts.Engine; e != (minutes.Engine{Name: minutes.Endpoint, Model: "tiny", Host: "llm.example.org"}) {
		t.Errorf("the engine is said to be %+v", e)
	}
}

// remembering finds out whether results of a worker that died come to the next one.
type remembering struct {
	model
	found []byte
}

func (r *remembering) Writer(kept Kept) (minutes.Writer, error) {
	var err error
	if r.found, err = kept.Load(context.Background(), "chunk 1"); err != nil {
		return nil, err
	}
	return r.model.Writer(kept)
}

func TestResultsOfPiecesOutliveTheWorker(t *testing.T) {
	h := newHouse(t)
	m := h.over()
	dying := &model{clerk: clerk{hold: make(chan struct{}), began: make(chan struct{})}}
	_, kill := h.run(func(d *Deps) { d.Endpoint = dying })
	<-dying.began
	must(t, dying.kept.Save(t.Context(), "chunk 1", []byte("facts")))
	kill()
	next := &remembering{}
	h.run(func(d *Deps) { d.Endpoint = next })
	h.await(m.ID, storage.MinutesDone)
	if string(next.found) != "facts" {
		t.Errorf("the next worker found %q", next.found)
	}
}

func TestWhatKillsTheWorkerEachTimeDoesNotDoSoForEver(t *testing.T) {
	h := newHouse(t)
	m := h.over()
	_, err := h.minutes.UpdateJob(t.Context(), m.ID, func(j *storage.MinutesJob) bool {
		*j = storage.MinutesJob{State: storage.MinutesRunning, Request: 1, Tries: h.config.Tries}
		return true
	})
	must(t, err)
	writer := &clerk{}
	h.run(func(d *Deps) { d.Extractive = writer })
	if j := h.await(m.ID, storage.MinutesFailed); j.Reason != storage.MinutesReasonCrashed || len(writer.calls()) > 0 {
		t.Errorf("it ended as %+v", j)
	}
}

func TestAFailingEndpointIsReplacedAndThatIsSaid(t *testing.T) {
	h := newHouse(t)
	m := h.over()
	h.run(func(d *Deps) { d.Endpoint = &model{clerk: clerk{fail: errEndpoint}} })
	j := h.await(m.ID, storage.MinutesPartial)
	r := h.read(m.ID)
	if r.Facts.Engine.Name != minutes.Extractive || r.Facts.Engine.FellBack != string(minutes.EndpointBusy) || j.Reason != string(minutes.EndpointBusy) {
		t.Errorf("job %+v, engine %+v", j, r.Facts.Engine)
	}
	if !slices.Contains(r.Facts.Warnings, minutes.EndpointBusy) || r.Facts.Engine.Host != "llm.example.org" {
		t.Errorf("nobody learns where the text went and why: %+v", r.Facts)
	}
}

func TestAnEndpointIsAskedAgainAfterItFailed(t *testing.T) {
	h := newHouse(t)
	m := h.over()
	_, stop := h.run(func(d *Deps) { d.Endpoint = &model{clerk: clerk{fail: errEndpoint}} })
	h.await(m.ID, storage.MinutesPartial)
	stop()
	_, err := h.minutes.Ask(t.Context(), m.ID, storage.MinutesWish{}, "u1", "1.0", time.Now())
	must(t, err)
	h.run(func(d *Deps) { d.Endpoint = &model{} })
	h.await(m.ID, storage.MinutesDone)
	if e := h.read(m.ID).Facts.Engine; e.Name != minutes.Endpoint || e.FellBack != "" {
		t.Errorf("engine %+v", e)
	}
}

func TestAnEngineThatBreaksIsAFailureAndNotTheEnd(t *testing.T) {
	h := newHouse(t)
	bad := h.over()
	h.run(func(d *Deps) { d.Extractive = &clerk{panic: true} })
	if j := h.await(bad.ID, storage.MinutesFailed); j.Reason != storage.MinutesReasonEngine {
		t.Errorf("it ended as %+v", j)
	}
}

func TestWorkIsCancelledAndReplaced(t *testing.T) {
	h := newHouse(t)
	m := h.over()
	writer := &clerk{hold: make(chan struct{}), began: make(chan struct{}, 10)}
	d, _ := h.run(func(d *Deps) { d.Extractive = writer })
	<-writer.began
	eventually(t, "progress is seen", func() bool { j := h.state(m.ID); return j.Done == 1 && j.Of == 2 })
	_, err := h.minutes.Ask(t.Context(), m.ID, storage.MinutesWish{Detail: minutes.Brief}, "u1", "1.0", time.Now())
	must(t, err)
	d.note(m.ID)
	<-writer.began
	if got := writer.calls(); got[1].Detail != minutes.Brief {
		t.Errorf("the second request asked for %q", got[1].Detail)
	}
	_, err = h.minutes.Cancel(t.Context(), m.ID, time.Now())
	must(t, err)
	d.note(m.ID)
	h.await(m.ID, storage.MinutesCancelled)
	close(writer.hold)
	if _, err := h.minutes.Read(t.Context(), m.ID); !errors.Is(err, storage.ErrNoMinutes) {
		t.Errorf("what was cancelled was written: %v", err)
	}
}

func TestWordsForgottenWhileAnEngineWritesAreInNoMinutes(t *testing.T) {
	h := newHouse(t)
	m := h.over()
	_, err := h.Meetings.Update(t.Context(), m.ID, func(m *storage.Meeting) error { m.LiveKeyGone = true; return nil })
	must(t, err)
	writer := &clerk{hold: make(chan struct{}), began: make(chan struct{}, 10)}
	h.run(func(d *Deps) { d.Extractive = writer })
	<-writer.began
	forgetter := storage.NewForgetter(silent{}, h.Store, h.Keys, h.worker.Transcripts, slog.New(slog.DiscardHandler))
	must(t, forgetter.Person(t.Context(), m.ID, "p2", storage.Requester{Actor: "u1"}))
	close(writer.hold)
	h.await(m.ID, storage.MinutesDone)
	if got := textsOf(h.read(m.ID).Actions); got != "I send the plan by Friday." {
		t.Errorf("actions are %q", got)
	}
	draft, err := h.minutes.Begin(t.Context(), m.ID)
	must(t, err)
	if len(draft.Doc().Actions) != 1 {
		t.Errorf("forgotten words are stored: %+v", draft.Doc().Actions)
	}
}

// silent is a bus on which things are only retracted.
type silent struct{}

func (silent) Publish(context.Context, bus.Message) error { return nil }
func (silent) PartitionOf(bus.Topic, meeting.ID) int      { return 0 }
func (silent) Follow(ctx context.Context, _ bus.Topic, _ bus.FollowOptions, _ func(bus.Message)) error {
	<-ctx.Done()
	return ctx.Err()
}

// letterbox counts letters, and fails as often as it is told to.
type letterbox struct {
	mu    sync.Mutex // guards what follows
	fails int
	got   []meeting.ID
}

func (l *letterbox) MinutesReady(_ context.Context, m storage.Meeting) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fails > 0 {
		l.fails--
		return errors.New("no mail today")
	}
	l.got = append(l.got, m.ID)
	return nil
}

func TestWebhooksAndOrganizersAreToldOnce(t *testing.T) {
	h := newHouse(t)
	hook, err := h.worker.Webhooks.Create(t.Context(), storage.Webhook{URL: "https://example.org"}, time.Now().Add(-time.Hour))
	must(t, err)
	m := h.over()
	post := &letterbox{fails: 2}
	d, _ := h.run(func(d *Deps) { d.Post = post })
	h.await(m.ID, storage.MinutesDone)
	_, err = h.minutes.Ask(t.Context(), m.ID, storage.MinutesWish{Detail: minutes.Full}, "u1", "1.0", time.Now())
	must(t, err)
	d.note(m.ID)
	eventually(t, "full minutes", func() bool { j := h.state(m.ID); return j.Request == 2 && j.State == storage.MinutesDone && !j.Untold })
	deliveries, _, err := h.worker.Webhooks.Deliveries(t.Context(), hook.ID, "", 10)
	must(t, err)
	var events []storage.HookEvent
	for _, delivery := range deliveries {
		events = append(events, delivery.Event)
		if strings.Contains(string(delivery.Body), "plan") || !strings.Contains(string(delivery.Body), "/minutes") {
			t.Errorf("the webhook is told %s", delivery.Body)
		}
	}
	if !slices.Equal(events, []storage.HookEvent{storage.HookMinutesReady, storage.HookMinutesReady}) {
		t.Errorf("webhooks are told %v", events)
	}
	if len(post.got) != 1 { // who asked for the second knows
		t.Errorf("organizers got %d letters", len(post.got))
	}
}

func TestMinutesThatWouldBeDeletedAtOnceAreNotMade(t *testing.T) {
	h := newHouse(t)
	_, err := storage.NewInstance(h.Store).Update(t.Context(), func(s *storage.Settings) error {
		s.Retention.Minutes = storage.Clock{Days: 1}
		return nil
	})
	must(t, err)
	m := h.Meet(storage.Meeting{BeganUnixMS: time.Now().Add(-3 * 24 * time.Hour).UnixMilli(), Policies: []meeting.Policy{{Level: meeting.Minutes}}})
	h.End(m.ID, said("s1", 0, "p1", meeting.Minutes, "Words."))
	fresh := h.over()
	d, _ := h.run()
	d.note(m.ID)
	h.await(fresh.ID, storage.MinutesDone)
	if s := h.state(m.ID).State; s != storage.MinutesNone {
		t.Errorf("minutes whose time is over are %s", s)
	}
}

func TestTheWorkerSaysWhatItIs(t *testing.T) {
	h := newHouse(t)
	w, err := NewWorker(h.config, func() Deps { d := h.worker; d.Endpoint = &model{}; return d }())
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- w.introduce(ctx) }()
	eventually(t, "it is known", func() bool {
		s, err := h.worker.Summarizers.Get(t.Context())
		return err == nil && s.Host == "llm.example.org" && s.Model == "tiny" && s.CheckedUnixMS > 0
	})
	cancel()
	<-done
}

func TestWrongSettingsAreNamed(t *testing.T) {
	for what, wrong := range map[string]func(*Config){
		"detail": func(c *Config) { c.Detail = "long" }, "at once": func(c *Config) { c.Parallel = 0 }, "poll": func(c *Config) { c.Poll = 0 },
	} {
		c := DefaultConfig()
		wrong(&c)
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestMinutesOverKafka: a request is announced by an empty record, and a worker that takes over goes on.
func TestMinutesOverKafka(t *testing.T) {
	if testing.Short() {
		t.Skip("joining groups takes seconds")
	}
	h := newHouse(t)
	h.config.Rescan = time.Hour // what happens, records make happen
	b := openBus(t)
	m := h.over()
	start := func(writer *clerk) (stop func()) {
		deps := h.worker
		deps.Bus, deps.Extractive = b, writer
		w, err := NewWorker(h.config, deps)
		must(t, err)
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan struct{})
		go func() {
			defer close(done)
			_ = w.Run(ctx)
		}()
		stop = func() { cancel(); <-done }
		t.Cleanup(stop)
		return stop
	}
	dying := &clerk{hold: make(chan struct{}), began: make(chan struct{})}
	kill := start(dying)
	<-dying.began
	kill()
	next := &clerk{}
	start(next)
	h.await(m.ID, storage.MinutesDone)
	_, err := h.minutes.Ask(t.Context(), m.ID, storage.MinutesWish{Detail: minutes.Full}, "u1", "1.0", time.Now())
	must(t, err)
	must(t, b.Publish(t.Context(), bus.Message{Topic: bus.Meetings, Partition: b.PartitionOf(bus.Meetings, m.ID), Key: string(m.ID), Meeting: m.ID}))
	eventually(t, "the request is done", func() bool { j := h.state(m.ID); return j.Request == 2 && j.State == storage.MinutesDone })
	if calls := next.calls(); calls[len(calls)-1].Detail != minutes.Full {
		t.Errorf("the engine was asked for %q", calls[len(calls)-1].Detail)
	}
}
