package web

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"souffleur/internal/meeting"
	"souffleur/storage"
	"souffleur/storage/archivetest"
)

// permission is a row of the authorisation matrix: the statuses with which one request is answered in each role.
//
// A new route needs a row, or TestEveryRouteHasARow fails. Placeholders of the route are filled in from scene.ids; a new kind
// of placeholder is added there.
type permission struct {
	route string // method, path as gin registers it, and perhaps a query
	body  any    // JSON; nil; sent (a form); or func(*scene) any, which may also prepare the scene

	stranger  int // nobody knows them
	guest     int // has a session, and took part in the meeting
	neighbour int // organizes another room
	member    int // has signed in, and the meeting was shared with them
	organizer int // organizes the room
	admin     int // used an admin link
	token     int // a program with the API token
	reader    int // a program with a token that an admin made for reading
	wrong     int // a program with a token that nobody made
}

// roles are the columns, by their names.
var roles = []string{"stranger", "guest", "neighbour", "member", "organizer", "admin", "token", "reader", "wrong"}

func (p permission) statuses() []int {
	return []int{p.stranger, p.guest, p.neighbour, p.member, p.organizer, p.admin, p.token, p.reader, p.wrong}
}

// matrix says who may do what. What a request changes, no other row or role sees.
var matrix = []permission{
	//                                                                 stranger guest neighbour member organizer admin token reader wrong
	{"GET /api/v1/me", nil, 200, 200, 200, 200, 200, 200, 200, 200, 401},
	{"POST /api/v1/session/link", adminLink, 200, 200, 200, 200, 200, 200, 200, 403, 401},
	{"POST /api/v1/session/link", fields{"token": "guessed"}, 404, 404, 404, 404, 404, 404, 404, 403, 401},
	{"DELETE /api/v1/session", nil, 200, 200, 200, 200, 200, 200, 200, 403, 401},
	{"GET /api/v1/session/oidc", nil, 303, 303, 303, 303, 303, 303, 303, 303, 401},
	{"GET /api/v1/session/oidc/callback?code=c&state=s", nil, 303, 303, 303, 303, 303, 303, 303, 303, 401},
	{"GET /api/v1/health", nil, 200, 200, 200, 200, 200, 200, 200, 200, 401},
	{"GET /api/v1/openapi.json", nil, 200, 200, 200, 200, 200, 200, 200, 200, 401},

	{"POST /api/v1/rooms", fields{"name": "New"}, 201, 201, 201, 201, 201, 201, 201, 403, 401},
	{"POST /api/v1/rooms", onlyAdminsCreate, 403, 403, 403, 403, 403, 201, 201, 403, 401},
	{"GET /api/v1/rooms", nil, 200, 200, 200, 200, 200, 200, 200, 200, 401},
	{"GET /api/v1/rooms/:room", nil, 200, 200, 200, 200, 200, 200, 200, 200, 401},
	{"PATCH /api/v1/rooms/:room", fields{"name": "Other"}, 403, 403, 403, 403, 200, 200, 200, 403, 401},
	{"DELETE /api/v1/rooms/:room", nil, 403, 403, 403, 403, 204, 204, 204, 403, 401},
	{"GET /api/v1/rooms/:room/access", nil, 403, 403, 403, 403, 200, 200, 200, 200, 401},
	{"PUT /api/v1/rooms/:room/access", fields{"access": "public", "members": []string{}}, 403, 403, 403, 403, 200, 200, 200, 403, 401},
	{"PUT /api/v1/rooms/:room/ai", fields{"level": "captions"}, 403, 403, 403, 403, 200, 200, 200, 403, 401},
	{"PUT /api/v1/rooms/:room/audio", fields{"keep": false}, 403, 403, 403, 403, 200, 200, 200, 403, 401},
	{"PUT /api/v1/rooms/:room/e2ee", fields{"on": true}, 403, 403, 403, 403, 200, 200, 200, 403, 401},
	{"PUT /api/v1/rooms/:room/retention", noRetention, 403, 403, 403, 403, 200, 200, 200, 403, 401},
	{"PUT /api/v1/rooms/:room/ceiling", fields{"ceiling": "off"}, 403, 403, 403, 403, 403, 200, 200, 403, 401},
	{"PUT /api/v1/rooms/:room/engines", fields{"partials": "", "finals": ""}, 403, 403, 403, 403, 403, 200, 200, 403, 401},
	{"PUT /api/v1/rooms/:room/voices", fields{"apart": false}, 403, 403, 403, 403, 403, 200, 200, 403, 401},
	{"POST /api/v1/rooms/:room/organizer-link", nil, 403, 403, 403, 403, 200, 200, 200, 403, 401},
	{"POST /api/v1/rooms/:room/organize", fields{"secret": roomSecret}, 200, 200, 200, 200, 200, 200, 200, 403, 401},
	{"POST /api/v1/rooms/:room/organize", fields{"secret": "guessed"}, 410, 410, 410, 410, 410, 410, 410, 403, 401},
	{"POST /api/v1/rooms/:room/join", fields{"name": "Zoé"}, 200, 200, 200, 200, 200, 200, 200, 403, 401},
	{"POST /api/v1/rooms/:room/end", live, 403, 403, 403, 403, 204, 204, 204, 403, 401},
	{"GET /api/v1/signal", nil, 426, 426, 426, 426, 426, 426, 426, 426, 426}, // the first message has the token that counts

	{"POST /api/v1/rooms/:room/meetings", anExport, 403, 403, 403, 403, 201, 201, 201, 403, 401},
	{"GET /api/v1/meetings", nil, 200, 200, 200, 200, 200, 200, 200, 200, 401},
	{"GET /api/v1/search?q=word", nil, 200, 200, 200, 200, 200, 200, 200, 200, 401},
	{"GET /api/v1/meetings/:meeting", nil, 403, 403, 403, 200, 200, 200, 200, 200, 401},
	{"DELETE /api/v1/meetings/:meeting", nil, 403, 403, 403, 403, 204, 403, 403, 403, 401}, // admins say why
	{"DELETE /api/v1/meetings/:meeting?reason=why", nil, 403, 403, 403, 403, 204, 204, 204, 403, 401},
	{"GET /api/v1/meetings/:meeting/shares", nil, 403, 403, 403, 403, 200, 403, 403, 403, 401}, // what was said is the organizers' to hand on
	{"POST /api/v1/meetings/:meeting/shares", fields{"addresses": []string{"bob@example.org"}}, 403, 403, 403, 403, 200, 403, 403, 403, 401},
	{"DELETE /api/v1/meetings/:meeting/shares/:share", nil, 403, 403, 403, 403, 200, 403, 403, 403, 401},
	{"PUT /api/v1/meetings/:meeting/kept", fields{"kept": true}, 403, 403, 403, 403, 200, 200, 200, 403, 401},
	{"DELETE /api/v1/meetings/:meeting/people/:participant", nil, 403, 403, 403, 403, 204, 403, 403, 403, 401},
	{"DELETE /api/v1/meetings/:meeting/people/:participant?reason=why", nil, 403, 403, 403, 403, 204, 204, 204, 403, 401},
	{"GET /api/v1/meetings/:meeting/mine", nil, 404, 200, 404, 404, 404, 404, 404, 404, 401},
	{"DELETE /api/v1/meetings/:meeting/mine", nil, 404, 204, 404, 404, 404, 404, 404, 403, 401},
	{"GET /api/v1/meetings/:meeting/transcript", nil, 403, 403, 403, 200, 200, 403, 403, 403, 401},
	{"GET /api/v1/meetings/:meeting/transcript?reason=why", nil, 403, 403, 403, 200, 200, 200, 200, 200, 401},
	{"PATCH /api/v1/meetings/:meeting/transcript", anEdit, 403, 403, 403, 403, 200, 403, 403, 403, 401},
	{"PATCH /api/v1/meetings/:meeting/transcript?reason=why", anEdit, 403, 403, 403, 403, 200, 200, 200, 403, 401},
	{"GET /api/v1/meetings/:meeting/export?format=txt", nil, 403, 403, 403, 200, 200, 403, 403, 403, 401},
	{"GET /api/v1/meetings/:meeting/export?format=txt&reason=why", nil, 403, 403, 403, 200, 200, 200, 200, 200, 401},
	{"GET /api/v1/meetings/:meeting/audio", nil, 403, 403, 403, 403, 200, 403, 403, 403, 401},
	{"GET /api/v1/meetings/:meeting/audio?reason=why", nil, 403, 403, 403, 403, 200, 200, 200, 200, 401},
	{"GET /api/v1/meetings/:meeting/audio/:track", nil, 403, 403, 403, 403, 200, 403, 403, 403, 401},
	{"GET /api/v1/meetings/:meeting/audio/:track?reason=why", nil, 403, 403, 403, 403, 200, 200, 200, 200, 401},
	{"HEAD /api/v1/meetings/:meeting/audio/:track", nil, 403, 403, 403, 403, 200, 403, 403, 403, 401},
	{"HEAD /api/v1/meetings/:meeting/audio/:track?reason=why", nil, 403, 403, 403, 403, 200, 200, 200, 200, 401},

	{"GET /api/v1/meetings/:meeting/minutes", nil, 403, 403, 403, 200, 200, 403, 403, 403, 401},
	{"GET /api/v1/meetings/:meeting/minutes?reason=why", nil, 403, 403, 403, 200, 200, 200, 200, 200, 401},
	{"PATCH /api/v1/meetings/:meeting/minutes", aMinutesEdit, 403, 403, 403, 403, 200, 403, 403, 403, 401},
	{"PATCH /api/v1/meetings/:meeting/minutes?reason=why", aMinutesEdit, 403, 403, 403, 403, 200, 200, 200, 403, 401},
	{"GET /api/v1/meetings/:meeting/minutes/export?format=md", someMinutes, 403, 403, 403, 200, 200, 403, 403, 403, 401},
	{"GET /api/v1/meetings/:meeting/minutes/export?format=md&reason=why", someMinutes, 403, 403, 403, 200, 200, 200, 200, 200, 401},
	{"GET /api/v1/meetings/:meeting/minutes/job", nil, 403, 403, 403, 200, 200, 200, 200, 200, 401},
	{"POST /api/v1/meetings/:meeting/minutes/job", saidForMinutes, 403, 403, 403, 403, 202, 403, 403, 403, 401},
	{"POST /api/v1/meetings/:meeting/minutes/job?reason=why", saidForMinutes, 403, 403, 403, 403, 202, 202, 202, 403, 401},
	{"DELETE /api/v1/meetings/:meeting/minutes/job", nil, 403, 403, 403, 403, 200, 403, 403, 403, 401},
	{"DELETE /api/v1/meetings/:meeting/minutes/job?reason=why", nil, 403, 403, 403, 403, 200, 200, 200, 403, 401},
	{"GET /api/v1/summarizer", nil, 403, 403, 403, 403, 403, 200, 200, 200, 401},

	{"GET /api/v1/instance", nil, 403, 403, 403, 403, 403, 200, 200, 200, 401},
	{"PATCH /api/v1/instance", fields{"ceiling": "minutes"}, 403, 403, 403, 403, 403, 200, 200, 403, 401},
	{"GET /api/v1/status", nil, 403, 403, 403, 403, 403, 200, 200, 200, 401},
	{"GET /api/v1/models", nil, 403, 403, 403, 403, 403, 200, 200, 200, 401},
	{"GET /api/v1/audit", nil, 403, 403, 403, 403, 403, 200, 200, 200, 401},
	{"GET /api/v1/tokens", nil, 403, 403, 403, 403, 403, 200, 200, 200, 401},
	{"POST /api/v1/tokens", fields{"name": "CI", "scope": "read"}, 403, 403, 403, 403, 403, 201, 201, 403, 401},
	{"DELETE /api/v1/tokens/:token", nil, 403, 403, 403, 403, 403, 204, 204, 403, 401},
	{"GET /api/v1/webhooks", nil, 403, 403, 403, 403, 403, 200, 200, 200, 401},
	{"POST /api/v1/webhooks", fields{"url": "https://example.org"}, 403, 403, 403, 403, 403, 201, 201, 403, 401},
	{"PATCH /api/v1/webhooks/:webhook", fields{"active": false}, 403, 403, 403, 403, 403, 200, 200, 403, 401},
	{"DELETE /api/v1/webhooks/:webhook", nil, 403, 403, 403, 403, 403, 204, 204, 403, 401},
	{"POST /api/v1/webhooks/:webhook/secret", nil, 403, 403, 403, 403, 403, 200, 200, 403, 401},
	{"POST /api/v1/webhooks/:webhook/test", nil, 403, 403, 403, 403, 403, 202, 202, 403, 401},
	{"GET /api/v1/webhooks/:webhook/deliveries", nil, 403, 403, 403, 403, 403, 200, 200, 200, 401},
	{"POST /api/v1/webhooks/:webhook/deliveries/:delivery/replay", nil, 403, 403, 403, 403, 403, 202, 202, 403, 401},

	{"POST /v1/audio/transcriptions", sent{{"file", "sound"}}, 401, 401, 401, 401, 401, 401, 200, 401, 401},

	{"GET /", nil, 200, 200, 200, 200, 200, 200, 200, 200, 200}, // no route, but the browser client
}

const membersAddress = "member@example.org"

const roomSecret = "the-secret-of-the-organizer-link"

var noRetention = fields{"audio_days": 0, "text_days": 0, "minutes_days": 0}

// adminLink is a fresh one-time link.
func adminLink(c *scene) any { return fields{"token": c.site.adminLink()} }

// live lets a meeting go on in the room.
func live(c *scene) any {
	c.site.live.mu.Lock()
	defer c.site.live.mu.Unlock()
	c.site.live.live[meeting.RoomID(c.ids["room"])] = LiveRoom{Meeting: meeting.NewID(), People: 1}
	return nil
}

// onlyAdminsCreate makes a room on an installation where that is for admins. It leaves rooms to everybody when the cell ends.
func onlyAdminsCreate(c *scene) any {
	who := func(w storage.RoomCreation) {
		_, err := c.site.deps.Instance.Update(c.site.t.Context(), func(s *storage.Settings) error { s.RoomCreation = w; return nil })
		if err != nil {
			c.site.t.Fatal(err)
		}
	}
	who(storage.AdminCreates)
	c.after = func() { who(storage.AnyoneCreates) }
	return fields{"name": "New"}
}

// anExport is a transcript that this installation does not have.
func anExport(c *scene) any { return exported(c.site.t, talked("Bonjour")) }

// anEdit names the version that a scene's transcript has.
func anEdit(c *scene) any {
	c.header = []string{"If-Match", `"1.0"`}
	return fields{"names": edits{{"spk": "p1", "name": "Anne"}}}
}

// cast is somebody in each role.
type cast struct {
	cookies map[string]string           // sessions by role
	persons map[string]meeting.PersonID // by role
	reader  string                      // token of a program
}

func newCast(s *site) cast {
	s.t.Helper()
	c := cast{cookies: map[string]string{}, persons: map[string]meeting.PersonID{}}
	var err error
	if _, c.reader, err = s.deps.Tokens.Create(s.t.Context(), storage.APIToken{Name: "Dashboard", Scope: storage.TokenReads}); err != nil {
		s.t.Fatal(err)
	}
	for role, session := range map[string]storage.Session{
		"guest": {Name: "Guest"}, "neighbour": {Name: "Neighbour"}, "member": {Name: "Member", SignedIn: true, Email: membersAddress},
		"organizer": {Name: "Organizer"}, "admin": {Name: "Admin", Admin: true},
	} {
		secret, hash := newSecret()
		session.Person = meeting.NewPersonID()
		session.ExpiresUnixMS = s.web.now().Add(s.web.cfg.SessionLife).UnixMilli()
		if err := s.deps.Sessions.Put(s.t.Context(), hash, session); err != nil {
			s.t.Fatal(err)
		}
		c.cookies[role], c.persons[role] = secret, session.Person
	}
	if err := s.deps.Rooms.Create(s.t.Context(), storage.Room{ID: meeting.NewRoomID(), Name: "Next door", Owner: c.persons["neighbour"]}); err != nil {
		s.t.Fatal(err)
	}
	return c
}

// scene is what a cell of the matrix works on: a room, and a meeting that was held in it.
type scene struct {
	site   *site
	cast   cast
	ids    map[string]string // for placeholders of routes
	header []string          // names and values, sent with the request
	after  func()            // undoes what others would notice
}

// newScene has what a route needs.
func newScene(s *site, people cast, route string) *scene {
	s.t.Helper()
	c := &scene{site: s, cast: people, ids: map[string]string{}, after: func() {}}
	room := storage.Room{ID: meeting.NewRoomID(), Name: "Weekly", Owner: people.persons["organizer"], LinkHash: hashOf(roomSecret), Level: meeting.Off}
	if err := s.deps.Rooms.Create(s.t.Context(), room); err != nil {
		s.t.Fatal(err)
	}
	c.ids["room"] = string(room.ID)
	if strings.Contains(route, "/:meeting") {
		c.meet(room.ID, people.persons["guest"])
	}
	if strings.Contains(route, "/:webhook") {
		c.hook()
	}
	if strings.Contains(route, "/:token") {
		token, _, err := s.deps.Tokens.Create(s.t.Context(), storage.APIToken{Name: "CI", Scope: storage.TokenReads})
		if err != nil {
			s.t.Fatal(err)
		}
		c.ids["token"] = token.ID
	}
	return c
}

// hook stores a webhook, and a delivery that was made.
func (c *scene) hook() {
	s, hooks := c.site, c.site.deps.Webhooks
	s.t.Helper()
	hook, err := hooks.Create(s.t.Context(), storage.Webhook{URL: "https://example.org"}, s.web.now())
	if err != nil {
		s.t.Fatal(err)
	}
	d, err := hooks.Test(s.t.Context(), hook.ID, s.web.now())
	if err != nil {
		s.t.Fatal(err)
	}
	made := storage.Waiting{Hook: hook.ID, Delivery: d.ID}
	if err := hooks.Tried(s.t.Context(), made, storage.Attempt{Status: http.StatusOK}, storage.DeliveryDone, time.Time{}); err != nil {
		s.t.Fatal(err)
	}
	c.ids["webhook"], c.ids["delivery"] = hook.ID, d.ID
}

// meet stores a meeting in which the guest took part.
func (c *scene) meet(room meeting.RoomID, guest meeting.PersonID) {
	s := c.site
	s.t.Helper()
	m := s.archive.Meet(storage.Meeting{
		Room: room, LiveKeyGone: true,
		People: []meeting.Person{{Participant: "p1", Person: "u1", Name: "Anna"}, {Participant: "p2", Person: guest, Name: "Guest", Order: 1}},
		Tracks: []meeting.Track{{Track: annasTrack, Participant: "p1"}},
	})
	s.archive.End(m.ID, archivetest.Segment("s1", 0, "en", "A word."))
	s.storeAudio(m, annasTrack, speech(s.t, 0)[:5])
	shares, err := s.deps.Shares.Add(s.t.Context(), m.ID, c.cast.persons["organizer"], []string{membersAddress}, 1)
	if err != nil {
		s.t.Fatal(err)
	}
	c.ids["meeting"], c.ids["track"], c.ids["participant"], c.ids["share"] = string(m.ID), annasTrack, "p1", shares[0].ID
}

var placeholder = regexp.MustCompile(`:[a-z_]+`)

// ask sends the row's request in a role.
func (c *scene) ask(p permission, role string) answer {
	t := c.site.t
	t.Helper()
	content := p.body
	if prepare, ok := content.(func(*scene) any); ok {
		content = prepare(c)
	}
	defer func() { c.after() }()
	var body bytes.Buffer
	kind := "application/json"
	switch content := content.(type) {
	case nil:
		kind = ""
	case sent:
		filled, formKind := content.encode(t)
		body, kind = *filled, formKind
	default:
		if err := json.NewEncoder(&body).Encode(content); err != nil {
			t.Fatal(err)
		}
	}
	method, path, _ := strings.Cut(p.route, " ")
	path = placeholder.ReplaceAllStringFunc(path, func(name string) string {
		id, ok := c.ids[name[1:]]
		if !ok {
			t.Fatalf("%s: a scene has no %q yet; add it to newScene", p.route, name[1:])
		}
		return id
	})
	req, err := http.NewRequestWithContext(t.Context(), method, c.site.http.URL+path, &body)
	if err != nil {
		t.Fatal(err)
	}
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	for i := 0; i < len(c.header); i += 2 {
		req.Header.Set(c.header[i], c.header[i+1])
	}
	switch role {
	case "token":
		req.Header.Set("Authorization", "Bearer "+apiToken)
	case "reader":
		req.Header.Set("Authorization", "Bearer "+c.cast.reader)
	case "wrong":
		req.Header.Set("Authorization", "Bearer not-"+apiToken)
	}
	if secret := c.cast.cookies[role]; secret != "" {
		req.Header.Set("Cookie", plainCookie+"="+secret)
	}
	b := c.site.browser()
	b.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return b.send(req)
}

// newMatrixSite is a server with all its routes and generous limits.
func newMatrixSite(t *testing.T) *site {
	t.Helper()
	return newTranscribing(t, spoken, func(c *Config) {
		c.RoomsPerHour, c.SignInsPerMinute, c.SearchesPerMinute = 1000, 1000, 1000
		c.OIDC = OIDC{Issuer: "http://127.0.0.1:1", ClientID: clientID, ClientSecret: clientSecret} // never answers
	}).site
}

func TestEveryRoleGetsWhatItMayHave(t *testing.T) {
	s := newMatrixSite(t)
	people := newCast(s)
	for _, row := range matrix {
		c := newScene(s, people, row.route)
		for i, role := range roles {
			a := c.ask(row, role)
			if want := row.statuses()[i]; a.status != want {
				t.Errorf("%s as %s answered %d %s, want %d", row.route, role, a.status, a.body, want)
			}
			if a.status >= 400 && !row.explains(a) {
				t.Errorf("%s as %s is refused without a sentence: %s", row.route, role, a.body)
			}
			if a.header.Get("Set-Cookie") != "" {
				people = newCast(s) // somebody's session is another now
			}
			if a.status < 400 && !row.safe() { // what was refused has changed nothing, or the next role notices
				c = newScene(s, people, row.route)
			}
		}
	}
}

// safe says whether the request changes nothing.
func (p permission) safe() bool {
	return strings.HasPrefix(p.route, "GET ") || strings.HasPrefix(p.route, "HEAD ")
}

// explains says whether a refusal tells a person what to do.
func (p permission) explains(a answer) bool {
	told := a.fields.text("detail")
	switch {
	case strings.HasPrefix(p.route, "HEAD "), a.status == http.StatusUpgradeRequired: // no body; and the WebSocket library's
		return true
	case strings.HasSuffix(p.route, transcriptionsPath): // errors of OpenAI's form
		told = a.fields.text("error", "message")
	case a.problem() == "":
		return false
	}
	return strings.HasSuffix(told, ".")
}

// routes returns what gin answers, as the matrix names it.
func routes(t *testing.T, s *site) []string {
	t.Helper()
	engine, ok := s.web.handler.(*gin.Engine)
	if !ok {
		t.Fatalf("the handler is a %T", s.web.handler)
	}
	var all []string
	for _, r := range engine.Routes() {
		all = append(all, r.Method+" "+r.Path)
	}
	return all
}

func TestEveryRouteHasARow(t *testing.T) {
	s := newMatrixSite(t)
	real := routes(t, s)
	rows := map[string]bool{}
	for _, row := range matrix {
		route, _, _ := strings.Cut(row.route, "?")
		rows[route] = true
		if route != "GET /" && !slices.Contains(real, route) {
			t.Errorf("the matrix has a row for %s, which is no route", route)
		}
		if slices.Contains(row.statuses(), 0) {
			t.Errorf("the row of %s lacks a role", row.route)
		}
	}
	for _, route := range real {
		if !rows[route] {
			t.Errorf("%s has no row in the authorisation matrix: say in web/matrix_test.go who may call it", route)
		}
	}
}

// TestDescriptionHasEveryRoute compares openapi.json with the routes, both ways.
func TestDescriptionHasEveryRoute(t *testing.T) {
	described := map[string]bool{
		"GET " + basePath + "/openapi.json": true, // is the description
		"POST " + transcriptionsPath:        true, // others describe it
	}
	for path, operations := range readSpec(t).Paths {
		for method := range operations {
			described[fmt.Sprintf("%s %s%s", strings.ToUpper(method), basePath, ginPath(path))] = true
		}
	}
	real := routes(t, newMatrixSite(t))
	for _, route := range real {
		if !described[route] {
			t.Errorf("openapi.json lacks %s", route)
		}
	}
	for route := range described {
		if !slices.Contains(real, route) {
			t.Errorf("openapi.json describes %s, which is no route", route)
		}
	}
}

// ginPath writes a path of a description as gin does: /rooms/{room} as /rooms/:room.
func ginPath(path string) string {
	return strings.NewReplacer("{", ":", "}", "").Replace(path)
}
