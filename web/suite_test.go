package web

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/http/httputil"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"souffleur/internal/bus"
	"souffleur/internal/meeting"
	"souffleur/internal/s3test"
	"souffleur/internal/seal"
	"souffleur/internal/signal"
	"souffleur/storage"
	"souffleur/storage/archivetest"
	"souffleur/storage/search"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const apiToken = "a-token-of-more-than-twenty-bytes"

// site is a running server on a fresh object store, with meetings that are only played.
type site struct {
	t    testing.TB
	http *httptest.Server
	web  *Server
	live *fakeLive
	deps Deps
	keys *storage.Keyring
	log  *logBuffer

	later atomic.Int64 // how far the server's clock is ahead, ns

	archive archivetest.Archive
	index   *search.Index // follows only when a test says so
	store   *storage.Store

	records     *retracted
	loseStorage func() // makes every further call to the object store fail at once
}

// newSite starts a server; change may alter its configuration.
func newSite(t testing.TB, change ...func(*Config)) *site {
	t.Helper()
	s := newStores(t)
	s.start(change...)
	return s
}

// start starts the server on what newStores made.
func (s *site) start(change ...func(*Config)) {
	s.t.Helper()
	cfg := DefaultConfig()
	cfg.APIToken, cfg.Version = apiToken, "test"
	for _, c := range change {
		c(&cfg)
	}
	var err error
	if s.web, err = New(cfg, s.deps); err != nil {
		s.t.Fatal(err)
	}
	s.web.now = func() time.Time { return time.Now().Add(time.Duration(s.later.Load())) }
	s.http = httptest.NewServer(s.web.Handler())
	s.t.Cleanup(s.stop)
}

func (s *site) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := s.web.Shutdown(ctx); err != nil {
		s.t.Error(err)
	}
	s.http.Close()
}

// newStores makes everything but the server.
func newStores(t testing.TB) *site {
	t.Helper()
	server := s3test.Embedded(t)
	gate := newGate(t, server.Endpoint)
	config := storage.DefaultConfig()
	config.Endpoint, config.AccessKey, config.SecretKey = gate.endpoint(), server.AccessKey, server.SecretKey
	s := &site{t: t, log: &logBuffer{}, records: &retracted{}, loseStorage: gate.shut}
	log := slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	store, err := storage.Open(t.Context(), config, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	_, raw := seal.NewKey()
	master, err := seal.NewMaster(raw)
	if err != nil {
		t.Fatal(err)
	}
	s.store, s.keys = store, storage.NewKeyring(store, master)
	meetings := storage.NewMeetings(store, s.keys)
	rooms := storage.NewRooms(store, s.keys)
	instance := storage.NewInstance(store)
	s.live = &fakeLive{rooms: rooms, instance: instance, live: map[meeting.RoomID]LiveRoom{}, connect: refuseAll}
	s.deps = Deps{
		Live: s.live, Rooms: rooms, Meetings: meetings, Transcripts: storage.NewTranscripts(store, s.keys, meetings),
		Sessions: storage.NewSessions(store, s.keys), Links: storage.NewLinks(store, s.keys), Instance: instance,
		Audit: storage.NewAudit(store, s.keys), Audio: storage.NewAudio(store, s.keys, meetings), Log: log,
		People: storage.NewPeople(store, s.keys), Shares: storage.NewShares(store, s.keys), Tickets: storage.NewTickets(s.keys),
		Webhooks: storage.NewWebhooks(store, s.keys), Tokens: storage.NewTokens(store, s.keys),
		Summarizers: storage.NewSummarizers(store, s.keys), Records: s.records,
	}
	s.deps.Minutes = storage.NewMinutes(store, s.keys, s.deps.Transcripts)
	s.archive = archivetest.Archive{T: t, Store: store, Keys: s.keys, Meetings: meetings}
	s.index, err = search.Open(t.Context(), t.TempDir(), search.DefaultConfig(), search.Deps{
		Keys: s.keys, Meetings: meetings, Transcripts: s.deps.Transcripts, Log: log,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.index.Close(); err != nil {
			t.Error(err)
		}
	})
	s.deps.Search = s.index
	s.deps.Forgetter = storage.NewForgetter(s.records, store, s.keys, s.deps.Transcripts, log)
	return s
}

// retracted is a bus on which things are only retracted.
type retracted struct {
	mu      sync.Mutex // guards records
	records []bus.Message
}

func (r *retracted) Publish(_ context.Context, m bus.Message) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.records = append(r.records, m)
	return nil
}

// of returns what was published on a topic.
func (r *retracted) of(topic bus.Topic) []bus.Message {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(r.records), func(m bus.Message) bool { return m.Topic != topic })
}

func (r *retracted) PartitionOf(bus.Topic, meeting.ID) int { return 0 }

func (r *retracted) Follow(ctx context.Context, _ bus.Topic, _ bus.FollowOptions, _ func(bus.Message)) error {
	<-ctx.Done()
	return ctx.Err()
}

// gate stands before an object store and can be shut. Signatures cover the host, so it keeps the one it was asked for.
type gate struct {
	http   *httptest.Server
	closed atomic.Bool
}

func newGate(t testing.TB, endpoint string) *gate {
	t.Helper()
	g := &gate{}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host, r.Out.Host = "http", endpoint, r.In.Host
		},
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError),
	}
	transport := &http.Transport{}
	proxy.Transport = transport
	g.http = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if g.closed.Load() {
			w.WriteHeader(http.StatusForbidden) // not repeated by the client, unlike a lost connection
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(func() { g.http.Close(); transport.CloseIdleConnections() })
	return g
}

func (g *gate) endpoint() string { return strings.TrimPrefix(g.http.URL, "http://") }

func (g *gate) shut() { g.closed.Store(true) }

// logBuffer keeps what was logged.
type logBuffer struct {
	mu sync.Mutex // guards b
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// browser is one visitor with their own cookies.
type browser struct {
	site   *site
	client *http.Client
	bearer string
}

func (s *site) browser() *browser {
	s.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	client := s.http.Client()
	return &browser{site: s, client: &http.Client{Jar: jar, Transport: client.Transport}}
}

// program is a visitor that sends the API token.
func (s *site) program() *browser {
	b := s.browser()
	b.bearer = apiToken
	return b
}

// admin is a visitor who used an admin link.
func (s *site) admin() *browser {
	s.t.Helper()
	b := s.browser()
	secret := s.adminLink()
	b.must(http.MethodPost, "/session/link", fields{"token": secret}, http.StatusOK)
	return b
}

func (s *site) adminLink() string {
	s.t.Helper()
	secret, err := s.deps.Links.Create(s.t.Context(), storage.LinkAdmin, "", time.Hour)
	if err != nil {
		s.t.Fatal(err)
	}
	return secret
}

// fields is a JSON object.
type fields map[string]any

// at follows a path of names through nested objects.
func (f fields) at(path ...string) any {
	var v any = map[string]any(f)
	for _, name := range path {
		object, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = object[name]
	}
	return v
}

func (f fields) text(path ...string) string {
	s, _ := f.at(path...).(string)
	return s
}

// answer is what the server said.
type answer struct {
	status int
	header http.Header
	body   []byte
	fields fields // if the body is a JSON object
}

// problem is the code of a problem, "" if the answer is none.
func (a answer) problem() string {
	if a.header.Get("Content-Type") != "application/problem+json" {
		return ""
	}
	return strings.TrimPrefix(a.fields.text("type"), problemPrefix)
}

// do sends a request to the API; body may be nil. header are names and values.
func (b *browser) do(method, path string, body any, header ...string) answer {
	b.site.t.Helper()
	var r io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			b.site.t.Fatal(err)
		}
		r = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(b.site.t.Context(), method, b.site.http.URL+basePath+path, r)
	if err != nil {
		b.site.t.Fatal(err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if b.bearer != "" {
		req.Header.Set("Authorization", "Bearer "+b.bearer)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	return b.send(req)
}

func (b *browser) send(req *http.Request) answer {
	b.site.t.Helper()
	res, err := b.client.Do(req)
	if err != nil {
		b.site.t.Fatal(err)
	}
	defer res.Body.Close()
	a := answer{status: res.StatusCode, header: res.Header}
	if a.body, err = io.ReadAll(res.Body); err != nil {
		b.site.t.Fatal(err)
	}
	_ = json.Unmarshal(a.body, &a.fields) // not every answer is an object
	return a
}

// must is do with a status that the test cannot go on without.
func (b *browser) must(method, path string, body any, status int) answer {
	b.site.t.Helper()
	a := b.do(method, path, body)
	if a.status != status {
		b.site.t.Fatalf("%s %s answered %d %s, want %d", method, path, a.status, a.body, status)
	}
	return a
}

// makeRoom makes a room and returns its ID and the secret of its organizer link.
func (b *browser) makeRoom(name string) (room, secret string) {
	b.site.t.Helper()
	a := b.must(http.MethodPost, "/rooms", fields{"name": name}, http.StatusCreated)
	_, secret, _ = strings.Cut(a.fields.text("organizer_url"), "#organizer=")
	return a.fields.text("room", "id"), secret
}

// fakeLive plays the meetings.
type fakeLive struct {
	rooms    *storage.Rooms
	instance *storage.Instance

	mu       sync.Mutex // guards the rest
	live     map[meeting.RoomID]LiveRoom
	admitted []meeting.Person
	notices  []meeting.Notice // with which they came
	actors   []Actor          // of changes, in order
	changed  []storage.Room
	refuse   error // what Admit answers
	connect  connectFunc
	voices   storage.Voices // of all meetings
}

var _ Live = (*fakeLive)(nil)

func (f *fakeLive) TellVoices(t *storage.Transcript) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.voices.Label(t)
	f.voices.Name(t)
}

func refuseAll(context.Context, signal.ClientMessage, Outbox) (Session, error) {
	return nil, ErrBadToken
}

func (f *fakeLive) Admit(_ context.Context, room storage.Room, p meeting.Person, notice meeting.Notice) (Admission, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.refuse != nil {
		return Admission{}, f.refuse
	}
	l, ok := f.live[room.ID]
	if !ok {
		l = LiveRoom{Meeting: meeting.NewID(), SinceUnixMS: 1, Lobby: room.Rules.Lobby}
	}
	if p.Outsider && !l.Lobby {
		return Admission{}, fmt.Errorf("join: %w", ErrNotMember)
	}
	f.admitted, f.notices = append(f.admitted, p), append(f.notices, notice)
	l.People++
	f.live[room.ID] = l
	return Admission{Token: "place", Participant: meeting.NewParticipantID(), Meeting: l.Meeting}, nil
}

// setLobby switches the lobby of a meeting that goes on.
func (f *fakeLive) setLobby(room string, on bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	l := f.live[meeting.RoomID(room)]
	l.Lobby = on
	f.live[meeting.RoomID(room)] = l
}

func (f *fakeLive) Connect(ctx context.Context, hello signal.ClientMessage, out Outbox) (Session, error) {
	f.mu.Lock()
	connect := f.connect
	f.mu.Unlock()
	return connect(ctx, hello, out)
}

func (f *fakeLive) onConnect(c connectFunc) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.connect = c
}

func (f *fakeLive) by(a Actor) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.actors = append(f.actors, a)
}

func (f *fakeLive) SetLevel(ctx context.Context, room meeting.RoomID, level meeting.Level, by Actor) error {
	f.by(by)
	settings, err := f.instance.Get(ctx)
	if err != nil {
		return err
	}
	_, err = f.rooms.Update(ctx, room, func(r *storage.Room) error {
		if r.E2EE && level > meeting.Off {
			return ErrEncrypted
		}
		ceiling := settings.Ceiling
		if r.Ceiling != nil {
			ceiling = *r.Ceiling
		}
		if level > ceiling {
			return fmt.Errorf("level %v: %w", level, ErrAboveCeiling)
		}
		r.Level = level
		return nil
	})
	return err
}

func (f *fakeLive) SetCeiling(ctx context.Context, room meeting.RoomID, ceiling *meeting.Level, by Actor) error {
	f.by(by)
	_, err := f.rooms.Update(ctx, room, func(r *storage.Room) error { r.Ceiling = ceiling; return nil })
	return err
}

func (f *fakeLive) SetInstanceCeiling(ctx context.Context, level meeting.Level, by Actor) error {
	f.by(by)
	_, err := f.instance.Update(ctx, func(s *storage.Settings) error { s.Ceiling = level; return nil })
	return err
}

func (f *fakeLive) SetKeepAudio(ctx context.Context, room meeting.RoomID, keep bool, by Actor) error {
	f.by(by)
	settings, err := f.instance.Get(ctx)
	if err != nil {
		return err
	}
	if keep && !settings.KeepAudio {
		return fmt.Errorf("keep audio: %w", ErrAudioForbidden)
	}
	_, err = f.rooms.Update(ctx, room, func(r *storage.Room) error {
		if keep && r.E2EE {
			return ErrEncrypted
		}
		r.KeepAudio = keep
		return nil
	})
	return err
}

func (f *fakeLive) SetInstanceKeepAudio(ctx context.Context, allowed bool, by Actor) error {
	f.by(by)
	_, err := f.instance.Update(ctx, func(s *storage.Settings) error { s.KeepAudio = allowed; return nil })
	return err
}

func (f *fakeLive) SetInstanceOneVoice(ctx context.Context, one bool, by Actor) error {
	f.by(by)
	_, err := f.instance.Update(ctx, func(s *storage.Settings) error { s.OneVoice = one; return nil })
	return err
}

func (f *fakeLive) SetE2EE(ctx context.Context, room meeting.RoomID, on bool, by Actor) error {
	f.by(by)
	if _, live := f.Room(room); live {
		return fmt.Errorf("encrypt: %w", ErrLive)
	}
	_, err := f.rooms.Update(ctx, room, func(r *storage.Room) error {
		r.E2EE = on
		if on {
			r.Level, r.KeepAudio = meeting.Off, false
		}
		return nil
	})
	return err
}

func (f *fakeLive) RoomChanged(_ context.Context, room storage.Room, by Actor) error {
	f.by(by)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.changed = append(f.changed, room)
	return nil
}

func (f *fakeLive) End(_ context.Context, room meeting.RoomID, by Actor) error {
	f.by(by)
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, ok := f.live[room]; !ok {
		return ErrNotLive
	}
	delete(f.live, room)
	return nil
}

func (f *fakeLive) Room(id meeting.RoomID) (LiveRoom, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	l, ok := f.live[id]
	return l, ok
}

func (f *fakeLive) Status(context.Context) SystemStatus {
	return SystemStatus{ASR: PartStatus{State: "live"}, Bus: PartStatus{State: "up"}, Storage: PartStatus{State: "up"}, Disk: &PartStatus{State: "up"}, RoomsLive: 1, People: 2, Load: LoadStatus{State: "normal"}, Capacity: Capacity{Rooms: []RoomLoad{}}}
}

// fakeSession plays a participant's connection.
type fakeSession struct {
	out      Outbox
	handled  chan signal.ClientMessage
	answer   func(signal.ClientMessage) error
	detached chan struct{} // closed by Detach
}

func newFakeSession(out Outbox) *fakeSession {
	return &fakeSession{
		out: out, handled: make(chan signal.ClientMessage, 1000),
		answer: func(signal.ClientMessage) error { return nil }, detached: make(chan struct{}),
	}
}

func (s *fakeSession) Handle(_ context.Context, m signal.ClientMessage) error {
	s.handled <- m
	return s.answer(m)
}

func (s *fakeSession) Detach() { close(s.detached) }

// storeMeeting stores an ended meeting of a room, whose text is in no segment yet.
func (s *site) storeMeeting(room meeting.RoomID, change ...func(*storage.Meeting)) storage.Meeting {
	s.t.Helper()
	m := storage.Meeting{
		ID: meeting.NewID(), Room: room, RoomName: "Weekly", BeganUnixMS: 1_700_000_000_000, EndedUnixMS: 1_700_000_600_000,
		People: []meeting.Person{
			{Participant: "p1", Person: "u1", Name: "Anna", Role: meeting.Organizer},
			{Participant: "p2", Person: "u2", Name: "Bob", Order: 1},
			{Participant: "p3", Person: "u1", Name: "Anna", Order: 2},
		},
		Policies:        []meeting.Policy{{Level: meeting.Transcript, Ceiling: meeting.Minutes}},
		TranscriptFinal: true,
	}
	for _, c := range change {
		c(&m)
	}
	if err := s.keys.Create(s.t.Context(), m.ID); err != nil {
		s.t.Fatal(err)
	}
	if err := s.deps.Meetings.Create(s.t.Context(), m); err != nil {
		s.t.Fatal(err)
	}
	return m
}
