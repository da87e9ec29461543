package web

import (
	"crypto/tls"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"souffleur/internal/meeting"
	"souffleur/internal/signal"
	"souffleur/storage"
)

func TestAdminLinkWorksOnce(t *testing.T) {
	s := newSite(t)
	secret := s.adminLink()
	first, second := s.browser(), s.browser()
	a := first.must(http.MethodPost, "/session/link", fields{"token": secret}, http.StatusOK)
	if a.fields.at("admin") != true {
		t.Errorf("got %s", a.body)
	}
	if me := first.must(http.MethodGet, "/me", nil, http.StatusOK); me.fields.at("admin") != true || me.fields.text("version") != "test" {
		t.Errorf("the admin is %s", me.body)
	}
	again := second.do(http.MethodPost, "/session/link", fields{"token": secret})
	if again.status != http.StatusGone || again.problem() != "link-used" {
		t.Errorf("the second use answered %d %s", again.status, again.body)
	}
	if me := second.must(http.MethodGet, "/me", nil, http.StatusOK); me.fields.at("admin") != false {
		t.Error("the second user became admin")
	}
}

func TestLinkThatDoesNotWork(t *testing.T) {
	s := newSite(t)
	old, err := s.deps.Links.Create(t.Context(), storage.LinkAdmin, "", -time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if a := s.browser().do(http.MethodPost, "/session/link", fields{"token": old}); a.status != http.StatusGone || a.problem() != "link-expired" {
		t.Errorf("an old link answered %d %s", a.status, a.body)
	}
	a := s.browser().do(http.MethodPost, "/session/link", fields{"token": "made-up"})
	if a.status != http.StatusNotFound || a.problem() != "no-link" {
		t.Errorf("an unknown link answered %d %s", a.status, a.body)
	}
	long := s.browser().do(http.MethodPost, "/session/link", fields{"token": strings.Repeat("s3cret", 100)})
	if long.status != 422 || strings.Contains(string(long.body), "s3cret") {
		t.Errorf("an overlong secret answered %d and must not be repeated: %s", long.status, long.body)
	}
}

func TestOneTimeOrganizerLink(t *testing.T) {
	s := newSite(t)
	room, _ := s.browser().makeRoom("Hall")
	secret, err := s.deps.Links.Create(t.Context(), storage.LinkOrganizer, room, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	b := s.browser()
	a := b.must(http.MethodPost, "/session/link", fields{"token": secret}, http.StatusOK)
	if a.fields.at("admin") != false || a.fields.text("room") != room {
		t.Errorf("got %s", a.body)
	}
	if r := b.must(http.MethodGet, "/rooms/"+room, nil, http.StatusOK); r.fields.text("role") != "organizer" {
		t.Errorf("became %s", r.fields.text("role"))
	}
}

func TestOrganizerLink(t *testing.T) {
	s := newSite(t)
	owner, helper := s.browser(), s.browser()
	room, secret := owner.makeRoom("Hall")
	helper.must(http.MethodPost, "/rooms/"+room+"/join", fields{"name": "Hel"}, http.StatusOK)
	a := helper.must(http.MethodPost, "/rooms/"+room+"/organize", fields{"secret": secret}, http.StatusOK)
	if a.fields.text("role") != "organizer" {
		t.Errorf("got %s", a.body)
	}
	if me := helper.must(http.MethodGet, "/me", nil, http.StatusOK); me.fields.text("name") != "Hel" {
		t.Error("becoming an organizer must keep the name")
	}
	if rooms := helper.must(http.MethodGet, "/rooms", nil, http.StatusOK).fields.at("rooms").([]any); len(rooms) != 1 {
		t.Errorf("the new organizer sees %d rooms", len(rooms))
	}
	wrong := s.browser().do(http.MethodPost, "/rooms/"+room+"/organize", fields{"secret": secret + "x"})
	if wrong.status != http.StatusGone || wrong.problem() != "link-revoked" {
		t.Errorf("a wrong secret answered %d %s", wrong.status, wrong.body)
	}
}

func TestRenewedLinkTakesRightsAway(t *testing.T) {
	s := newSite(t)
	owner, helper, second := s.browser(), s.browser(), s.browser()
	room, old := owner.makeRoom("Hall")
	path := "/rooms/" + room
	helper.must(http.MethodPost, path+"/organize", fields{"secret": old}, http.StatusOK)
	second.must(http.MethodPost, path+"/organize", fields{"secret": old}, http.StatusOK)

	a := helper.must(http.MethodPost, path+"/organizer-link", nil, http.StatusOK)
	_, fresh, _ := strings.Cut(a.fields.text("organizer_url"), "#organizer=")
	for name, b := range map[string]struct {
		b    *browser
		role string
	}{
		"the owner": {owner, "organizer"}, "who renewed": {helper, "organizer"}, "the other": {second, "participant"},
	} {
		if r := b.b.must(http.MethodGet, path, nil, http.StatusOK); r.fields.text("role") != b.role {
			t.Errorf("%s is %s, want %s", name, r.fields.text("role"), b.role)
		}
	}
	second.must(http.MethodPut, path+"/ai", fields{"level": "captions"}, http.StatusForbidden)
	if a := second.do(http.MethodPost, path+"/organize", fields{"secret": old}); a.status != http.StatusGone {
		t.Errorf("the old link answered %d", a.status)
	}
	second.must(http.MethodPost, path+"/organize", fields{"secret": fresh}, http.StatusOK)
}

func TestRoomWithTooManyOrganizers(t *testing.T) {
	s := newSite(t)
	room, secret := s.browser().makeRoom("Posted in public")
	_, err := s.deps.Rooms.Update(t.Context(), meeting.RoomID(room), func(r *storage.Room) error {
		for range maxOrganizers {
			r.Organizers = append(r.Organizers, meeting.NewPersonID())
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	b := s.admin()
	if a := b.do(http.MethodPost, "/rooms/"+room+"/organize", fields{"secret": secret}); a.status != http.StatusConflict || a.problem() != "too-many-organizers" {
		t.Errorf("got %d %s", a.status, a.body)
	}
	if me := b.must(http.MethodGet, "/me", nil, http.StatusOK); me.fields.at("admin") != true {
		t.Error("being refused cost the visitor their session")
	}
}

func TestAdminRenewsALinkWithoutBecomingOrganizer(t *testing.T) {
	s := newSite(t)
	owner, admin := s.browser(), s.admin()
	room, _ := owner.makeRoom("Hall")
	admin.must(http.MethodPost, "/rooms/"+room+"/organizer-link", nil, http.StatusOK)
	m := s.storeMeeting(meeting.RoomID(room))
	admin.must(http.MethodGet, "/meetings/"+string(m.ID)+"/transcript", nil, http.StatusForbidden)
	owner.must(http.MethodGet, "/meetings/"+string(m.ID)+"/transcript", nil, http.StatusOK)
}

func TestSessionRemembersOnlySoManyRooms(t *testing.T) {
	var session storage.Session
	for range 2 * maxSessionRooms {
		addRoom(&session, meeting.NewRoomID())
	}
	newest := meeting.NewRoomID()
	addRoom(&session, newest)
	addRoom(&session, newest)
	if len(session.Rooms) != maxSessionRooms || session.Rooms[0] != newest || session.Rooms[1] == newest {
		t.Errorf("remembers %d rooms, %v first", len(session.Rooms), session.Rooms[:2])
	}
}

func TestSignOut(t *testing.T) {
	s := newSite(t)
	b := s.admin()
	cookie := b.cookie()
	b.must(http.MethodDelete, "/session", nil, http.StatusOK)
	if me := b.must(http.MethodGet, "/me", nil, http.StatusOK); me.fields.at("admin") != false || me.fields.text("person") != "" {
		t.Errorf("after signing out I am %s", me.body)
	}
	thief := s.browser()
	if me := thief.do(http.MethodGet, "/me", nil, "Cookie", plainCookie+"="+cookie); me.fields.at("admin") != false {
		t.Error("the cookie still works after signing out")
	}
	s.browser().must(http.MethodDelete, "/session", nil, http.StatusOK)
}

// cookie returns the browser's session secret.
func (b *browser) cookie() string {
	b.site.t.Helper()
	u, err := url.Parse(b.site.http.URL)
	if err != nil {
		b.site.t.Fatal(err)
	}
	for _, c := range b.client.Jar.Cookies(u) {
		if c.Name == plainCookie || c.Name == secureCookie {
			return c.Value
		}
	}
	b.site.t.Fatal("no session cookie")
	return ""
}

func TestSessionIsNewWhenRightsGrow(t *testing.T) {
	s := newSite(t)
	owner := s.browser()
	room, secret := owner.makeRoom("Hall")
	b := s.browser()
	b.must(http.MethodPost, "/rooms/"+room+"/join", fields{"name": "Gus"}, http.StatusOK)
	planted := b.cookie()
	b.must(http.MethodPost, "/rooms/"+room+"/organize", fields{"secret": secret}, http.StatusOK)
	if b.cookie() == planted {
		t.Fatal("the cookie stayed the same")
	}
	other := s.browser()
	if me := other.do(http.MethodGet, "/me", nil, "Cookie", plainCookie+"="+planted); me.fields.text("person") != "" {
		t.Errorf("the old cookie still belongs to %s", me.body)
	}
	if _, err := s.deps.Sessions.Get(t.Context(), b.cookie()); !errors.Is(err, storage.ErrNotFound) {
		t.Error("sessions must be stored under the hash of the cookie, not the cookie")
	}
}

func TestSessionEnds(t *testing.T) {
	s := newSite(t, func(c *Config) { c.AdminLife = time.Second })
	b := s.admin()
	stored, err := s.deps.Sessions.Get(t.Context(), hashOf(b.cookie()))
	if err != nil {
		t.Fatal(err)
	}
	if life := time.Until(time.UnixMilli(stored.ExpiresUnixMS)); life > time.Second {
		t.Errorf("the admin's session lasts %v", life)
	}
	stored.ExpiresUnixMS = 1
	if err := s.deps.Sessions.Put(t.Context(), hashOf(b.cookie()), stored); err != nil {
		t.Fatal(err)
	}
	if me := b.must(http.MethodGet, "/me", nil, http.StatusOK); me.fields.at("admin") != false {
		t.Error("an expired session still makes an admin")
	}
}

func TestCookieAttributes(t *testing.T) {
	s := newSite(t)
	secret := s.adminLink()
	a := s.browser().do(http.MethodPost, "/session/link", fields{"token": secret})
	cookie := a.header.Get("Set-Cookie")
	for _, want := range []string{plainCookie + "=", "HttpOnly", "SameSite=Lax", "Path=/"} {
		if !strings.Contains(cookie, want) {
			t.Errorf("on plain HTTP the cookie %q lacks %s", cookie, want)
		}
	}
	if strings.Contains(cookie, "Secure") || strings.Contains(cookie, "__Host-") {
		t.Errorf("on plain HTTP browsers would refuse %q", cookie)
	}
}

func TestCookieOverTLS(t *testing.T) {
	s := newStores(t)
	var err error
	if s.web, err = New(DefaultConfig(), s.deps); err != nil {
		t.Fatal(err)
	}
	s.http = httptest.NewUnstartedServer(s.web.Handler())
	s.http.EnableHTTP2 = true
	s.http.StartTLS()
	t.Cleanup(s.stop)
	b := s.browser()
	a := b.must(http.MethodPost, "/session/link", fields{"token": s.adminLink()}, http.StatusOK)
	cookie := a.header.Get("Set-Cookie")
	if !strings.HasPrefix(cookie, secureCookie+"=") || !strings.Contains(cookie, "Secure") || strings.Contains(cookie, "Domain") {
		t.Errorf("the cookie is %q", cookie)
	}
	if me := b.must(http.MethodGet, "/me", nil, http.StatusOK); me.fields.at("admin") != true {
		t.Error("the cookie does not come back")
	}
	if room, _ := b.makeRoom("TLS"); room == "" {
		t.Error("no room")
	}
	// The WebSocket is HTTP/1.1, beside the HTTP/2 of everything else.
	s.play()
	conn, _, err := websocket.Dial(t.Context(), s.http.URL+basePath+"/signal", &websocket.DialOptions{HTTPClient: plainHTTP1(s.http)})
	if err != nil {
		t.Fatal(err)
	}
	p := &peer{t: t, conn: conn}
	p.say(`{"type":"hello","token":"place"}`)
	if m := p.hear(); m.Type != signal.Welcome {
		t.Errorf("heard %+v", m)
	}
	_ = conn.CloseNow()
}

// plainHTTP1 returns a client of the server that speaks HTTP/1.1, as browsers do for WebSockets.
func plainHTTP1(server *httptest.Server) *http.Client {
	transport := server.Client().Transport.(*http.Transport).Clone()
	transport.TLSClientConfig.NextProtos = []string{"http/1.1"}
	transport.ForceAttemptHTTP2 = false
	transport.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
	return &http.Client{Transport: transport}
}

func TestBehindAProxy(t *testing.T) {
	proxied := func(c *Config) { c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} }
	for _, c := range []struct {
		name   string
		change func(*Config)
		secure bool
	}{
		{"trusted", proxied, true},
		{"a client that claims to be one", func(*Config) {}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t, c.change, func(c *Config) { c.RoomsPerHour = 1 })
			first := s.browser().do(http.MethodPost, "/rooms", fields{"name": "A"}, "X-Forwarded-Proto", "https", "X-Forwarded-For", "192.0.2.1")
			if got := strings.HasPrefix(first.header.Get("Set-Cookie"), secureCookie); got != c.secure {
				t.Errorf("cookie is %q", first.header.Get("Set-Cookie"))
			}
			if got := strings.HasPrefix(first.fields.text("join_url"), "https://"); got != c.secure {
				t.Errorf("link is %q", first.fields.text("join_url"))
			}
			second := s.browser().do(http.MethodPost, "/rooms", fields{"name": "B"}, "X-Forwarded-For", "192.0.2.2")
			if got := second.status == http.StatusCreated; got != c.secure {
				t.Errorf("another client behind the proxy got %d", second.status)
			}
		})
	}
}

func TestPublicURLIsInLinks(t *testing.T) {
	s := newSite(t, func(c *Config) { c.PublicURL = "https://meet.example.org/" })
	a := s.browser().must(http.MethodPost, "/rooms", fields{"name": "A"}, http.StatusCreated)
	if got := a.fields.text("join_url"); !strings.HasPrefix(got, "https://meet.example.org/r/") {
		t.Errorf("link is %q", got)
	}
}

func TestAPIToken(t *testing.T) {
	s := newSite(t)
	if me := s.program().must(http.MethodGet, "/me", nil, http.StatusOK); me.fields.at("admin") != true || me.fields.text("person") != "" {
		t.Errorf("the program is %s", me.body)
	}
	wrong := s.browser()
	wrong.bearer = apiToken + "x"
	if a := wrong.do(http.MethodGet, "/me", nil); a.status != http.StatusUnauthorized || a.problem() != "bad-token" {
		t.Errorf("a wrong token answered %d %s", a.status, a.body)
	}
	room, _ := s.program().makeRoom("By a program")
	stored, err := s.deps.Rooms.Get(t.Context(), meeting.RoomID(room))
	if err != nil || stored.Owner != "" {
		t.Errorf("the room belongs to %q, %v", stored.Owner, err)
	}
	if r := s.browser().must(http.MethodGet, "/rooms/"+room, nil, http.StatusOK); r.fields.text("role") != "participant" {
		t.Error("a stranger runs a room without owner")
	}
	s.program().must(http.MethodPost, "/rooms/"+room+"/join", fields{"name": "Robot"}, http.StatusOK)

	without := newSite(t, func(c *Config) { c.APIToken = "" })
	empty := without.browser()
	if a := empty.do(http.MethodGet, "/me", nil, "Authorization", "Bearer anything"); a.status != http.StatusUnauthorized {
		t.Errorf("without a token configured, one answered %d", a.status)
	}
}
