package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"souffleur/bot"
	"souffleur/internal/bus"
	"souffleur/internal/disk"
	"souffleur/internal/meeting"
	"souffleur/internal/seal"
	"souffleur/sfu"
	"souffleur/storage"
	"souffleur/web"
)

// Config says how meetings behave.
type Config struct {
	// Grace is how long a meeting waits for somebody to come (back) before it ends.
	Grace time.Duration
	// AdmissionLife is how long a join token may wait for its hello.
	AdmissionLife time.Duration
	// ResumeLife is how long a participant's token lets them come back while the meeting goes on.
	ResumeLife time.Duration
	// History is how many finals a late joiner is sent at once.
	History int
	// MaxPeople is how many may be in one meeting.
	MaxPeople int
	// MaxMeetings and MaxTotal are how many meetings there may be at once, and how many people in all of them; 0: any.
	MaxMeetings int
	MaxTotal    int
}

// DefaultConfig returns the values of an ordinary installation.
func DefaultConfig() Config {
	return Config{
		Grace: 2 * time.Minute, AdmissionLife: 10 * time.Minute, ResumeLife: 12 * time.Hour, History: 50, MaxPeople: 150,
	}
}

// Validate says what is wrong with c, naming the field.
func (c Config) Validate() error {
	for _, d := range []struct {
		name  string
		value time.Duration
	}{{"Grace", c.Grace}, {"AdmissionLife", c.AdmissionLife}, {"ResumeLife", c.ResumeLife}} {
		if d.value <= 0 {
			return fmt.Errorf("%s is %v, must be positive", d.name, d.value)
		}
	}
	if c.History < 0 || c.MaxPeople < 1 {
		return fmt.Errorf("History is %d and MaxPeople %d: must be at least 0 and 1", c.History, c.MaxPeople)
	}
	if c.MaxMeetings < 0 || c.MaxTotal < 0 {
		return fmt.Errorf("MaxMeetings is %d and MaxTotal %d: must not be negative", c.MaxMeetings, c.MaxTotal)
	}
	return nil
}

// Deps are the parts a node joins together. All are required.
type Deps struct {
	Bus         *bus.Bus
	Keys        *storage.Keyring
	Rooms       *storage.Rooms
	Meetings    *storage.Meetings
	Instance    *storage.Instance
	Transcripts *storage.Transcripts
	Audit       *storage.Audit
	SFU         *sfu.Node
	Log         *slog.Logger
}

// Node holds the live meetings of this process. It implements web.Live.
type Node struct {
	cfg      Config
	deps     Deps
	prompter *bot.Prompter
	instance seal.Key // seals participants' tokens

	space   atomic.Pointer[disk.Space] // of the embedded servers; nil: there are none, or it is not known
	delays  delays                     // of finals
	ended   ended                      // whose transcripts are not complete
	problem atomic.Pointer[string]     // what the supervisor knows of missing recognisers: a meeting.Reason…

	opening sync.Mutex // one meeting is opened at a time; taken before mu, held across storage calls

	mu       sync.Mutex // guards what follows; held only for map access
	meetings map[meeting.RoomID]*live
	closed   bool
}

var _ web.Live = (*Node)(nil)

// New returns a node and takes up again the meetings that were going on when the last process ended: their people come
// back by themselves. Run must be called to serve captions.
func New(ctx context.Context, cfg Config, deps Deps) (*Node, error) {
	key, err := deps.Keys.Instance(ctx)
	if err != nil {
		return nil, fmt.Errorf("get instance key: %w", err)
	}
	n := &Node{
		cfg: cfg, deps: deps, instance: key,
		prompter: bot.NewPrompter(deps.Bus, deps.Log), meetings: make(map[meeting.RoomID]*live),
	}
	open, err := deps.Meetings.Open(ctx)
	if err != nil {
		return nil, fmt.Errorf("list open meetings: %w", err)
	}
	for _, m := range open {
		if err := n.resume(ctx, m); err != nil {
			deps.Log.Error("a meeting could not be taken up again", "meeting", m.ID, "err", err)
		}
	}
	return n, nil
}

// captionsBefore is how far back the prompter reads at its start: what was recognised while the last process was down.
const captionsBefore = 5 * time.Minute

// Run serves captions until ctx ends, then closes the meetings of this process without ending them: after a restart
// their people come back.
func (n *Node) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return n.prompter.Run(ctx, time.Now().Add(-captionsBefore)) })
	g.Go(func() error { n.watch(ctx); return nil })
	err := g.Wait()
	n.shutdown()
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// watchEvery is how often meetings are looked at: states of the captions, and meetings nobody is in.
const watchEvery = 500 * time.Millisecond

func (n *Node) watch(ctx context.Context) {
	ticker := time.NewTicker(watchEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		for _, l := range n.all() {
			l.showStatus(time.Now())
			if l.deserted(time.Now()) {
				n.finish(ctx, l, "")
			}
		}
	}
}

func (n *Node) shutdown() {
	n.mu.Lock()
	n.closed = true
	meetings := n.meetings
	n.meetings = make(map[meeting.RoomID]*live)
	n.mu.Unlock()
	var wg sync.WaitGroup
	for _, l := range meetings {
		wg.Go(func() { n.prompter.Remove(l.id); l.suspend() })
	}
	wg.Wait()
}

func (n *Node) all() []*live {
	n.mu.Lock()
	defer n.mu.Unlock()
	out := make([]*live, 0, len(n.meetings))
	for _, l := range n.meetings {
		out = append(out, l)
	}
	return out
}

func (n *Node) of(room meeting.RoomID) *live {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.meetings[room]
}

// add makes l known; false if the node is shutting down.
func (n *Node) add(l *live) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return false
	}
	n.meetings[l.room] = l
	return true
}

// SetRecognisers tells the node what its supervisor knows: "" while recognisers run, else one of meeting's reasons.
func (n *Node) SetRecognisers(problem string) { n.problem.Store(&problem) }

func (n *Node) recognisersProblem() string {
	if p := n.problem.Load(); p != nil {
		return *p
	}
	return ""
}

// SetSpace tells the node how much room the disk of the embedded servers has.
func (n *Node) SetSpace(s disk.Space) { n.space.Store(&s) }

// stallReason says why Kafka takes nothing.
func (n *Node) stallReason() string {
	if s := n.space.Load(); s != nil && s.State() == disk.Full {
		return meeting.ReasonDisk
	}
	return meeting.ReasonBus
}

// effective returns the policy of a room under the instance's settings.
func (n *Node) effective(ctx context.Context, room storage.Room) (meeting.Policy, error) {
	settings, err := n.settings(ctx)
	if err != nil {
		return meeting.Policy{}, err
	}
	return room.Policy(settings), nil
}

func (n *Node) settings(ctx context.Context) (storage.Settings, error) {
	settings, err := n.deps.Instance.Get(ctx)
	if err != nil {
		return storage.Settings{}, fmt.Errorf("read instance settings: %w", err)
	}
	return settings, nil
}

// open returns the room's live meeting and makes one if there is none.
func (n *Node) open(ctx context.Context, id meeting.RoomID) (*live, error) {
	if l := n.of(id); l != nil {
		return l, nil
	}
	n.opening.Lock()
	defer n.opening.Unlock()
	if l := n.of(id); l != nil {
		return l, nil
	}
	if err := n.mayBegin(); err != nil {
		return nil, err
	}
	room, err := n.deps.Rooms.Get(ctx, id) // what is fixed while a meeting is live does not change from here on
	if err != nil {
		return nil, fmt.Errorf("read room: %w", err)
	}
	policy, err := n.effective(ctx, room)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	doc := storage.Meeting{
		ID: meeting.NewID(), Room: room.ID, RoomName: room.Name, BeganUnixMS: now.UnixMilli(),
		Policies: []meeting.Policy{policy}, Retention: room.Retention, Door: meeting.Door{Lobby: room.Rules.Lobby},
	}
	if err := n.deps.Keys.Create(ctx, doc.ID); err != nil {
		return nil, fmt.Errorf("make the meeting's keys: %w", err)
	}
	if err := n.deps.Meetings.Create(ctx, doc); err != nil {
		return nil, fmt.Errorf("store the meeting: %w", err)
	}
	l, err := n.start(ctx, room, doc, policy)
	if err != nil {
		return nil, err
	}
	l.post(meeting.Event{Type: meeting.EventStarted, Started: &meeting.Started{BeganUnixMS: doc.BeganUnixMS}}, nil)
	l.restatePolicy(policy)
	return l, nil
}

// resume takes up a meeting of the last process.
func (n *Node) resume(ctx context.Context, doc storage.Meeting) error {
	room, err := n.deps.Rooms.Get(ctx, doc.Room)
	if errors.Is(err, storage.ErrNotFound) {
		_, err := n.deps.Meetings.Update(ctx, doc.ID, func(m *storage.Meeting) error {
			m.EndedUnixMS = time.Now().UnixMilli()
			return nil
		})
		return err
	}
	if err != nil {
		return err
	}
	policy, err := n.effective(ctx, room)
	if err != nil {
		return err
	}
	announce := (*live).announcePolicy
	if len(doc.Policies) > 0 { // who switched it last stays known
		last := doc.Policies[len(doc.Policies)-1]
		policy.By, policy.ByName, policy.AtMS = last.By, last.ByName, last.AtMS
		if policy.SameSettings(last) {
			announce = (*live).restatePolicy
		}
	}
	l, err := n.start(ctx, room, doc, policy)
	if err != nil {
		return err
	}
	said, err := n.deps.Transcripts.Read(ctx, doc.ID)
	if err != nil {
		n.deps.Log.Warn("what was said before the restart is not shown again", "meeting", doc.ID, "err", err)
	} else {
		l.remember(said.Segments)
	}
	announce(l, policy)
	return nil
}

// start makes the live side of a meeting whose documents exist.
func (n *Node) start(ctx context.Context, room storage.Room, doc storage.Meeting, policy meeting.Policy) (*live, error) {
	key, err := n.deps.Keys.Live(ctx, doc.ID)
	if err != nil {
		return nil, fmt.Errorf("get the meeting's live key: %w", err)
	}
	l := newLive(n, room, doc, policy, key)
	if !n.add(l) {
		l.suspend()
		return nil, web.ErrRefused
	}
	n.prompter.Add(l.id, l)
	return l, nil
}

// finish ends a meeting for everybody.
func (n *Node) finish(ctx context.Context, l *live, by string) {
	n.mu.Lock()
	known := n.meetings[l.room] == l
	if known {
		delete(n.meetings, l.room)
	}
	n.mu.Unlock()
	if !known {
		return
	}
	n.ended.keep(l.id, l.voices)
	l.end(ctx)
	n.prompter.Remove(l.id)
	l.voices.close()
	l.log.Info("meeting ended", "by", by)
}
