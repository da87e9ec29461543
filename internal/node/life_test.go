package node

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"souffleur/internal/bus"
	"souffleur/internal/client"
	"souffleur/internal/embed"
	"souffleur/internal/meeting"
	"souffleur/internal/s3test"
	"souffleur/internal/seal"
	"souffleur/internal/signal"
	"souffleur/sfu"
	"souffleur/storage"
	"souffleur/web"
)

// venue is a whole server but for recognisers: HTTP and WebSockets, meetings, media, Kafka and S3. Its process can end
// and begin again.
type venue struct {
	t        *testing.T
	bus      *bus.Bus
	store    *storage.Store
	keys     *storage.Keyring
	rooms    *storage.Rooms
	meetings *storage.Meetings
	audit    *storage.Audit
	log      *keptLog

	node *Node
	http *httptest.Server
	addr string // of http, the same after a restart
	stop func()
}

// keptLog keeps what was logged.
type keptLog struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *keptLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *keptLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func openVenue(t *testing.T) *venue {
	t.Helper()
	v := &venue{t: t, log: &keptLog{}}
	log := v.logger()
	broker, err := embed.StartBroker(t.Context(), embed.BrokerConfig{Dir: t.TempDir()}, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = broker.Close() })
	config := bus.DefaultConfig()
	config.Brokers = []string{broker.Addr()}
	if v.bus, err = bus.Open(t.Context(), config, log); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = v.bus.Close() })
	server := s3test.Embedded(t)
	sc := storage.DefaultConfig()
	sc.Endpoint, sc.AccessKey, sc.SecretKey = server.Endpoint, server.AccessKey, server.SecretKey
	if v.store, err = storage.Open(t.Context(), sc, log); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(v.store.Close)
	_, raw := seal.NewKey()
	master, err := seal.NewMaster(raw)
	if err != nil {
		t.Fatal(err)
	}
	v.keys = storage.NewKeyring(v.store, master)
	v.rooms, v.meetings, v.audit = storage.NewRooms(v.store, v.keys), storage.NewMeetings(v.store, v.keys), storage.NewAudit(v.store, v.keys)
	v.start()
	t.Cleanup(func() { v.stop() })
	return v
}

func (v *venue) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(v.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// start begins the process.
func (v *venue) start() {
	v.t.Helper()
	log := v.logger()
	mediaConfig := sfu.DefaultConfig()
	mediaConfig.UDPPort, mediaConfig.Addresses = 0, []string{"127.0.0.1"}
	media, err := sfu.NewNode(mediaConfig, log)
	if err != nil {
		v.t.Fatal(err)
	}
	instance, transcripts := storage.NewInstance(v.store), storage.NewTranscripts(v.store, v.keys, v.meetings)
	v.node, err = New(v.t.Context(), DefaultConfig(), Deps{
		Bus: v.bus, Keys: v.keys, Rooms: v.rooms, Meetings: v.meetings, Instance: instance,
		Transcripts: transcripts, Audit: v.audit, SFU: media, Log: log,
	})
	if err != nil {
		v.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := v.node.Run(ctx); err != nil {
			v.t.Error(err)
		}
	})
	server, err := web.New(web.DefaultConfig(), web.Deps{
		Live: v.node, Rooms: v.rooms, Meetings: v.meetings, Transcripts: transcripts,
		Sessions: storage.NewSessions(v.store, v.keys), Links: storage.NewLinks(v.store, v.keys), Instance: instance, Audit: v.audit,
		Forgetter: storage.NewForgetter(v.bus, v.store, v.keys, transcripts, log),
		Audio:     storage.NewAudio(v.store, v.keys, v.meetings), Log: log,
		People: storage.NewPeople(v.store, v.keys), Shares: storage.NewShares(v.store, v.keys), Tickets: storage.NewTickets(v.keys),
		Webhooks: storage.NewWebhooks(v.store, v.keys), Tokens: storage.NewTokens(v.store, v.keys),
		Minutes: storage.NewMinutes(v.store, v.keys, transcripts), Summarizers: storage.NewSummarizers(v.store, v.keys), Records: v.bus,
	})
	if err != nil {
		v.t.Fatal(err)
	}
	v.http = httptest.NewUnstartedServer(server.Handler())
	if v.addr != "" { // after a restart clients look where the server was
		_ = v.http.Listener.Close()
		if v.http.Listener, err = net.Listen("tcp", v.addr); err != nil {
			v.t.Fatal(err)
		}
	}
	v.http.Start()
	v.addr = v.http.Listener.Addr().String()
	v.stop = sync.OnceFunc(func() {
		closing, done := context.WithTimeout(context.Background(), 20*time.Second)
		defer done()
		if err := server.Shutdown(closing); err != nil {
			v.t.Error(err)
		}
		v.http.Close()
		cancel()
		running.Wait()
		if err := media.Close(); err != nil {
			v.t.Error(err)
		}
	})
}

// background runs a part of the server until the test ends.
func (v *venue) background(run func(context.Context) error) {
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = run(ctx) })
	v.t.Cleanup(func() { stop(); running.Wait() })
}

// restart ends the process and begins another on the same storage.
func (v *venue) restart() {
	v.stop()
	v.start()
}

// guest is somebody with a browser's cookies, and at most one signalling connection at a time.
type guest struct {
	v    *venue
	name string
	jar  http.CookieJar

	notice string // of the AI, that the page showed
	optOut bool   // do not transcribe me

	token string // of the newest welcome, or place at the door
	ws    *websocket.Conn
	reads sync.WaitGroup

	mu    sync.Mutex // guards the rest
	heard []signal.ServerMessage
	over  bool // the connection has ended
}

func (v *venue) guest(name string) *guest {
	v.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		v.t.Fatal(err)
	}
	g := &guest{v: v, name: name, jar: jar}
	v.t.Cleanup(g.hangUp)
	return g
}

// asks calls the API and returns status and answer.
func (g *guest) asks(method, path string, body any) (int, map[string]any) {
	g.v.t.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		g.v.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(g.v.t.Context(), method, g.v.http.URL+"/api/v1"+path, bytes.NewReader(raw))
	if err != nil {
		g.v.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	client := &http.Client{Jar: g.jar}
	res, err := client.Do(req)
	if err != nil {
		g.v.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		g.v.t.Fatal(err)
	}
	var answer map[string]any
	_ = json.Unmarshal(b, &answer) // not every answer has a body
	return res.StatusCode, answer
}

// makesRoom makes a room and returns its ID and the secret of its organizer link.
func (g *guest) makesRoom() (room, secret string) {
	g.v.t.Helper()
	status, a := g.asks(http.MethodPost, "/rooms", map[string]any{"name": "Tuesday"})
	if status != http.StatusCreated {
		g.v.t.Fatalf("making a room answers %d %v", status, a)
	}
	_, secret, _ = strings.Cut(a["organizer_url"].(string), "#organizer=")
	return a["room"].(map[string]any)["id"].(string), secret
}

// joins asks for a place and goes to it. It returns the word of the problem if there is none.
func (g *guest) joins(room string) string {
	g.v.t.Helper()
	status, a := g.asks(http.MethodPost, "/rooms/"+room+"/join", map[string]any{"name": g.name, "notice": g.notice, "opt_out": g.optOut})
	if status != http.StatusOK {
		return strings.TrimPrefix(a["type"].(string), "urn:souffleur:problem:")
	}
	g.token = a["token"].(string)
	g.comes()
	return ""
}

// comes opens a signalling connection with the newest token, and returns once the server has answered the hello.
func (g *guest) comes() {
	g.v.t.Helper()
	g.hangUp()
	ws, res, err := websocket.Dial(g.v.t.Context(), "ws"+strings.TrimPrefix(g.v.http.URL, "http")+"/api/v1/signal", nil)
	if res != nil && res.Body != nil {
		res.Body.Close()
	}
	if err != nil {
		g.v.t.Fatal(err)
	}
	ws.SetReadLimit(1 << 20)
	g.mu.Lock()
	g.ws, g.heard, g.over = ws, nil, false
	g.mu.Unlock()
	g.says(signal.ClientMessage{Type: signal.Hello, Token: g.token})
	g.reads.Go(func() { g.read(ws) })
	g.eventually("the hello is answered", func() bool { return len(g.messages("")) > 0 })
	for _, m := range g.messages("") {
		if m.Welcome != nil {
			g.token = m.Welcome.Token
		}
		if m.Waiting != nil {
			g.token = m.Waiting.Token
		}
	}
}

func (g *guest) read(ws *websocket.Conn) {
	for {
		_, b, err := ws.Read(context.Background())
		g.mu.Lock()
		if err != nil {
			g.over = true
			g.mu.Unlock()
			return
		}
		var m signal.ServerMessage
		if err := json.Unmarshal(b, &m); err != nil {
			g.v.t.Error(err)
		}
		g.heard = append(g.heard, m)
		g.mu.Unlock()
	}
}

// hangUp drops the connection without a word.
func (g *guest) hangUp() {
	if g.ws != nil {
		_ = g.ws.CloseNow()
		g.reads.Wait()
	}
}

func (g *guest) says(m signal.ClientMessage) {
	g.v.t.Helper()
	b, err := json.Marshal(m)
	if err != nil {
		g.v.t.Fatal(err)
	}
	if err := g.ws.Write(g.v.t.Context(), websocket.MessageText, b); err != nil {
		g.v.t.Fatalf("%s: %v", g.name, err)
	}
}

func (g *guest) moderates(action string, id meeting.ParticipantID) {
	g.v.t.Helper()
	g.says(signal.ClientMessage{Type: signal.Moderate, Action: action, Participant: id})
}

// messages returns what came of a type; "" means all.
func (g *guest) messages(kind string) []signal.ServerMessage {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(g.heard), func(m signal.ServerMessage) bool { return kind != "" && m.Type != kind })
}

func (g *guest) welcome() *signal.WelcomeInfo {
	g.v.t.Helper()
	g.eventually("a welcome", func() bool { return len(g.messages(signal.Welcome)) > 0 })
	return g.messages(signal.Welcome)[0].Welcome
}

func (g *guest) id() meeting.ParticipantID { return g.welcome().Participant }

func (g *guest) gone(code string) {
	g.v.t.Helper()
	g.eventually("gone: "+code, func() bool {
		all := g.messages(signal.Gone)
		return len(all) == 1 && all[0].Code == code
	})
}

func (g *guest) chatIs(texts ...string) {
	g.v.t.Helper()
	g.eventually("the chat", func() bool {
		var got []string
		for _, m := range g.messages(signal.Chat) {
			for _, c := range m.Chat {
				got = append(got, c.Text)
			}
		}
		return slices.Equal(got, texts)
	})
}

// state is the newest state of the room that was told.
func (g *guest) state() signal.RoomState {
	s := signal.RoomState{}
	for _, m := range g.messages("") {
		switch {
		case m.Room != nil:
			s = *m.Room
		case m.Welcome != nil && m.Welcome.RoomState != nil:
			s = *m.Welcome.RoomState
		}
	}
	return s
}

func (g *guest) eventually(what string, ok func() bool) {
	g.v.t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if ok() {
			return
		}
	}
	g.v.t.Fatalf("%s: never happened: %s; heard %+v", g.name, what, g.messages(""))
}

func TestRemovedGuestStaysOutAlsoAfterARestart(t *testing.T) {
	v := openVenue(t)
	ada, eve, ben := v.guest("Ada"), v.guest("Eve"), v.guest("Ben")
	room, _ := ada.makesRoom()
	for _, g := range []*guest{ada, eve, ben} {
		if problem := g.joins(room); problem != "" {
			t.Fatal(problem)
		}
		g.welcome()
	}
	live := ada.welcome().Meeting
	eve.moderates(signal.ModerateRemove, ada.id())
	eve.eventually("a guest may not", func() bool {
		all := eve.messages(signal.Fault)
		return len(all) == 1 && all[0].Code == signal.CodeForbidden
	})
	token, victim := eve.token, eve.id()
	ada.moderates(signal.ModerateRemove, victim)
	eve.gone(signal.CodeRemoved)
	ben.eventually("Ben sees her leave", func() bool { return len(ben.messages(signal.Left)) == 1 })

	staysOut := func() {
		t.Helper()
		eve.token = token
		eve.comes()
		eve.gone(signal.CodeRemoved)
		if problem := eve.joins(room); problem != "removed" {
			t.Errorf("joining anew is answered %q", problem)
		}
	}
	staysOut()
	ada.moderates(signal.ModerateLock, "")
	ben.eventually("the meeting is locked", func() bool { return ben.state().Locked })
	stored := func() storage.Meeting {
		m, err := v.meetings.Get(t.Context(), live)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	ada.eventually("the door is stored", func() bool { d := stored().Door; return d.Locked && len(d.Removed) == 1 })

	v.restart()
	staysOut()
	ben.comes()
	if w := ben.welcome(); w.Meeting != live || !w.RoomState.Locked {
		t.Errorf("after the restart Ben is in %s, locked %v", w.Meeting, w.RoomState.Locked)
	}
	if problem := v.guest("Late").joins(room); problem != "locked" {
		t.Errorf("somebody new is answered %q", problem)
	}
	ada.comes()
	if w := ada.welcome(); w.Role != meeting.Organizer {
		t.Errorf("Ada is now %v", w.Role)
	}
	if status, _ := ada.asks(http.MethodPost, "/rooms/"+room+"/end", nil); status != http.StatusNoContent {
		t.Errorf("ending answers %d", status)
	}
	if d := stored().Door; d.Locked || len(d.Removed) > 0 {
		t.Errorf("the ended meeting keeps %+v", d)
	}
	ada.audited("meeting.remove", "meetings/"+string(live)+"/participants/"+string(victim), meeting.Organizer)
	ada.audited("meeting.lock", "meetings/"+string(live), meeting.Organizer)
	if status := eve.joins(room); status != "" {
		t.Errorf("the next meeting answers %q", status)
	}
}

// audited waits until an entry is stored.
func (g *guest) audited(action, object string, role meeting.Role) {
	g.v.t.Helper()
	g.eventually("an audit entry "+action, func() bool {
		entries, err := g.v.audit.Day(g.v.t.Context(), time.Now())
		if err != nil {
			g.v.t.Fatal(err)
		}
		return slices.ContainsFunc(entries, func(e storage.AuditEntry) bool {
			return e.Action == action && e.Object == object && e.Role == role && strings.HasPrefix(e.Actor, "u") && e.Reason == ""
		})
	})
}

func TestLobbyOfARoomOverWebSockets(t *testing.T) {
	v := openVenue(t)
	ada, ben, cleo := v.guest("Ada"), v.guest("Ben"), v.guest("Cleo")
	room, _ := ada.makesRoom()
	rules := map[string]any{"lobby": true, "max_people": 0, "share": "everybody", "share_replaces": false}
	if status, a := ada.asks(http.MethodPatch, "/rooms/"+room, map[string]any{"rules": rules}); status != http.StatusOK {
		t.Fatalf("setting the lobby answers %d %v", status, a)
	}
	if problem := ben.joins(room); problem != "" {
		t.Fatal(problem)
	}
	if m := ben.messages("")[0]; m.Type != signal.Waiting || m.Waiting.RoomName != "Tuesday" || m.Waiting.Organizer {
		t.Fatalf("Ben is answered %+v", m)
	}
	if problem := cleo.joins(room); problem != "" {
		t.Fatal(problem)
	}
	if problem := ada.joins(room); problem != "" {
		t.Fatal(problem)
	}
	if peers := ada.welcome().Peers; len(peers) != 1 {
		t.Errorf("Ada finds %+v", peers)
	}
	ada.says(signal.ClientMessage{Type: signal.Chat, Text: "only us"})
	ada.chatIs("only us")
	place := func() meeting.ParticipantID {
		for _, w := range ada.state().Waiting {
			if w.Name == "Ben" {
				return w.Participant
			}
		}
		return ""
	}
	ada.eventually("both wait", func() bool { return len(ada.state().Waiting) == 2 && place() != "" })
	first := place()

	ben.comes() // his network was away for a moment
	if got := ada.state().Waiting; len(got) != 2 || got[0].Participant != first {
		t.Errorf("after his return %+v wait", got)
	}
	for _, m := range ben.messages("") {
		if m.Type != signal.Waiting {
			t.Errorf("who waits was sent %s", m.Type)
		}
	}
	if status, a := cleo.asks(http.MethodGet, "/rooms/"+room, nil); status != http.StatusOK || a["live"].(map[string]any)["people"] != 1.0 {
		t.Errorf("those who wait count: %v", a["live"])
	}
	live, err := v.meetings.Get(t.Context(), ada.welcome().Meeting)
	if err != nil {
		t.Fatal(err)
	}
	if slices.ContainsFunc(live.People, func(p meeting.Person) bool { return p.Name != "Ada" }) {
		t.Error("who waits is stored among the people of the meeting")
	}

	ada.moderates(signal.ModerateAdmit, first)
	w := ben.welcome()
	if w.Participant != first || w.Role != meeting.Guest || len(w.Peers) != 2 {
		t.Errorf("Ben is welcomed with %+v", w)
	}
	ben.chatIs("only us")
	ada.eventually("Ben joined", func() bool { return len(ada.messages(signal.Joined)) == 1 })
	ada.moderates(signal.ModerateRefuse, "")
	cleo.gone(signal.CodeNotAdmitted)
	if problem := cleo.joins(room); problem != "not-admitted" {
		t.Errorf("Cleo asks again and is answered %q", problem)
	}
	ben.token = w.Token
	ben.comes()
	if got := ben.welcome().Participant; got != first {
		t.Errorf("Ben came back as %s", got)
	}
	ada.audited("meeting.admit", "meetings/"+string(w.Meeting)+"/participants/"+string(first), meeting.Organizer)
	if log := v.log.String(); strings.Contains(log, "only us") || strings.Contains(log, "Cleo") {
		t.Error("the log holds what was written, or a name")
	}
}

// TestRestrictedRoomKnowsWhomItLetIn: whoever is no member comes in by the lobby only, and back again without it.
func TestRestrictedRoomKnowsWhomItLetIn(t *testing.T) {
	v := openVenue(t)
	ada, ben, cleo := v.guest("Ada"), v.guest("Ben"), v.guest("Cleo")
	room, _ := ada.makesRoom()
	_, err := v.rooms.Update(t.Context(), meeting.RoomID(room), func(r *storage.Room) error {
		r.Access, r.Members = storage.Restricted, []string{"dora@example.org"}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if problem := ben.joins(room); problem != "sign-in-needed" {
		t.Errorf("before anybody came Ben is answered %q", problem)
	}
	if problem := ada.joins(room); problem != "" { // she organizes it
		t.Fatal(problem)
	}
	ada.welcome()
	if problem := ben.joins(room); problem != "sign-in-needed" {
		t.Errorf("without a lobby Ben is answered %q", problem)
	}
	ada.moderates(signal.ModerateLobbyOn, "")
	ada.eventually("the lobby is on", func() bool { return ada.state().Lobby })
	if problem := ben.joins(room); problem != "" {
		t.Fatal(problem)
	}
	ada.eventually("Ben waits", func() bool { return len(ada.state().Waiting) == 1 })
	ada.moderates(signal.ModerateLobbyOff, "")
	ada.eventually("the lobby is off", func() bool { return !ada.state().Lobby })
	ben.comes() // his network was away for a moment
	if got := ada.state().Waiting; len(got) != 1 || len(ben.messages(signal.Welcome)) != 0 {
		t.Fatalf("with the lobby off %+v wait, and Ben was let in: %v", got, len(ben.messages(signal.Welcome)) != 0)
	}
	ada.moderates(signal.ModerateAdmit, ada.state().Waiting[0].Participant)
	ben.welcome()
	ben.says(signal.ClientMessage{Type: signal.Leave})
	ada.eventually("Ben has left", func() bool { return len(ada.messages(signal.Left)) == 1 })
	if problem := ben.joins(room); problem != "" {
		t.Errorf("Ben was let in before and is answered %q", problem)
	}
	ben.welcome()
	if problem := cleo.joins(room); problem != "sign-in-needed" {
		t.Errorf("Cleo is answered %q", problem)
	}
}

func TestScriptedParticipantWaitsToo(t *testing.T) {
	v := openVenue(t)
	ada := v.guest("Ada")
	room, _ := ada.makesRoom()
	if problem := ada.joins(room); problem != "" {
		t.Fatal(problem)
	}
	ada.welcome()
	ada.moderates(signal.ModerateLobbyOn, "")
	ada.eventually("the lobby is on", func() bool { return ada.state().Lobby })
	joined := make(chan error, 1)
	go func() {
		c, err := client.Join(t.Context(), client.Config{URL: v.http.URL + "/r/" + room, Name: "Script"})
		if err == nil {
			c.Close()
		}
		joined <- err
	}()
	ada.eventually("the script waits", func() bool { return len(ada.state().Waiting) == 1 })
	ada.moderates(signal.ModerateAdmit, "")
	if err := <-joined; err != nil {
		t.Error(err)
	}
	ada.eventually("the script has left", func() bool { return len(ada.messages(signal.Left)) == 1 })
}

func TestRoleOfThisMomentCounts(t *testing.T) {
	v := openVenue(t)
	ada, ben := v.guest("Ada"), v.guest("Ben")
	room, secret := ada.makesRoom()
	for _, g := range []*guest{ada, ben} {
		if problem := g.joins(room); problem != "" {
			t.Fatal(problem)
		}
		g.welcome()
	}
	role := func() meeting.Role {
		for _, m := range slices.Backward(ada.messages(signal.Changed)) {
			if m.Peer.Participant == ben.id() {
				return m.Peer.Role
			}
		}
		return meeting.Guest
	}
	if status, a := ben.asks(http.MethodPost, "/rooms/"+room+"/organize", map[string]any{"secret": secret}); status != http.StatusOK {
		t.Fatalf("the organizer link answers %d %v", status, a)
	}
	ada.eventually("Ben is an organizer while he is here", func() bool { return role() == meeting.Organizer })
	ben.moderates(signal.ModerateLock, "")
	ada.eventually("Ben locks", func() bool { return ada.state().Locked })
	if status, a := ada.asks(http.MethodPost, "/rooms/"+room+"/organizer-link", nil); status != http.StatusOK {
		t.Fatalf("a new link answers %d %v", status, a)
	}
	ada.eventually("Ben is one no more", func() bool { return role() == meeting.Guest })
	ben.moderates(signal.ModerateUnlock, "")
	ben.eventually("Ben may not unlock", func() bool { return len(ben.messages(signal.Fault)) == 1 })
	ben.comes()
	if got := ben.welcome().Role; got != meeting.Guest {
		t.Errorf("with his old token Ben came back as %v", got)
	}
	if !ada.state().Locked {
		t.Error("the meeting is open")
	}
}

func TestRulesHoldAtOnce(t *testing.T) {
	v := openVenue(t)
	ada := v.guest("Ada")
	room, _ := ada.makesRoom()
	set := func(rules map[string]any) {
		t.Helper()
		if status, a := ada.asks(http.MethodPatch, "/rooms/"+room, map[string]any{"rules": rules}); status != http.StatusOK {
			t.Fatalf("%d %v", status, a)
		}
	}
	if problem := ada.joins(room); problem != "" {
		t.Fatal(problem)
	}
	ada.welcome()
	set(map[string]any{"lobby": false, "max_people": 2, "share": "organizers", "share_replaces": true})
	ada.eventually("the rules are told", func() bool {
		s := ada.state()
		return s.MaxPeople == 2 && s.Share == meeting.OrganizersShare && s.ShareReplaces && !s.Lobby
	})
	ben := v.guest("Ben")
	if problem := ben.joins(room); problem != "" {
		t.Fatal(problem)
	}
	ben.welcome()
	if problem := v.guest("Cleo").joins(room); problem != "room-full" {
		t.Errorf("a third of two is answered %q", problem)
	}
	set(map[string]any{"lobby": true, "max_people": 0, "share": "everybody", "share_replaces": false})
	cleo := v.guest("Cleo")
	if problem := cleo.joins(room); problem != "" {
		t.Fatal(problem)
	}
	if m := cleo.messages("")[0]; m.Type != signal.Waiting || !m.Waiting.Organizer {
		t.Errorf("Cleo is answered %+v", m)
	}
	ada.moderates(signal.ModerateLobbyOff, "")
	cleo.welcome()
	if status, a := ada.asks(http.MethodPatch, "/rooms/"+room, map[string]any{"rules": map[string]any{"lobby": true, "max_people": -1, "share": "nobody", "share_replaces": false}}); status != http.StatusUnprocessableEntity {
		t.Errorf("nonsense is answered %d %v", status, a)
	}
	if status, _ := ben.asks(http.MethodPatch, "/rooms/"+room, map[string]any{"rules": map[string]any{"lobby": false, "max_people": 0, "share": "everybody", "share_replaces": false}}); status != http.StatusForbidden {
		t.Errorf("a guest's rules are answered %d", status)
	}
}

func TestChatEndsWithTheMeeting(t *testing.T) {
	v := openVenue(t)
	ada := v.guest("Ada")
	room, _ := ada.makesRoom()
	if problem := ada.joins(room); problem != "" {
		t.Fatal(problem)
	}
	ada.welcome()
	ada.says(signal.ClientMessage{Type: signal.Chat, Text: "a secret"})
	ada.chatIs("a secret")
	ada.comes()
	if ada.welcome().Chat == 0 {
		t.Error("the welcome does not announce the history")
	}
	ada.chatIs("a secret")
	v.restart()
	ada.comes()
	if n := ada.welcome().Chat; n != 0 {
		t.Errorf("after a restart the chat begins with %d", n)
	}
	ada.says(signal.ClientMessage{Type: signal.Chat, Text: "another"})
	ada.chatIs("another")
	ada.asks(http.MethodPost, "/rooms/"+room+"/end", nil)
	ada.gone(signal.CodeEnded)
	if problem := ada.joins(room); problem != "" {
		t.Fatal(problem)
	}
	if ada.welcome().Chat != 0 || len(ada.messages(signal.Chat)) > 0 {
		t.Error("the next meeting reads the chat of the last one")
	}
	if strings.Contains(v.log.String(), "a secret") {
		t.Error("the chat is in the log")
	}
}

func TestSeveralAtOneMicrophone(t *testing.T) {
	v := openVenue(t)
	hall, ada := v.guest("Hall 3"), v.guest("Ada")
	room, _ := ada.makesRoom()
	if problem := ada.joins(room); problem != "" {
		t.Fatal(problem)
	}
	status, a := hall.asks(http.MethodPost, "/rooms/"+room+"/join", map[string]any{"name": hall.name, "room_mic": true, "headcount": 12})
	if status != http.StatusOK {
		t.Fatalf("joining answered %d %v", status, a)
	}
	hall.token = a["token"].(string)
	hall.comes()
	seen := func(g *guest, p *signal.Peer) {
		if p == nil || !p.RoomMic || p.Headcount != 12 {
			t.Errorf("%s sees %+v", g.name, p)
		}
	}
	ada.eventually("Ada sees who came", func() bool { return len(ada.messages(signal.Joined)) == 1 })
	seen(ada, ada.messages(signal.Joined)[0].Peer)
	v.restart() // the token says it, too
	for _, g := range []*guest{ada, hall} {
		g.comes()
		peers := g.welcome().Peers
		seen(g, &peers[slices.IndexFunc(peers, func(p signal.Peer) bool { return p.Name == hall.name })])
	}
	v.eventOf(hall, meeting.EventHeadcount, func(e meeting.Event) bool { return e.RoomMic && e.Headcount == 12 })
}

// eventOf waits until meetings.v1 has an event about g.
func (v *venue) eventOf(g *guest, kind meeting.EventType, is func(meeting.Event) bool) {
	v.t.Helper()
	w := g.welcome()
	key, err := v.keys.Live(v.t.Context(), w.Meeting)
	if err != nil {
		v.t.Fatal(err)
	}
	ctx, done := context.WithTimeout(v.t.Context(), 20*time.Second)
	defer done()
	found := false
	err = v.bus.Follow(ctx, bus.Meetings, bus.FollowOptions{Since: time.Now().Add(-time.Hour)}, func(m bus.Message) {
		var e meeting.Event
		if bus.OpenJSON(key, m, &e) == nil && e.Type == kind && e.Participant == w.Participant && is(e) {
			found = true
			done()
		}
	})
	if !found {
		v.t.Errorf("meetings.v1 has no %s of %s: %v", kind, g.name, err)
	}
}
