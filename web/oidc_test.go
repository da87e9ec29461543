package web

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"souffleur/internal/meeting"
	"souffleur/internal/oidctest"
	"souffleur/storage"
)

const (
	clientID     = "souffleur"
	clientSecret = "what only the provider knows"
)

// staff are the people at the provider. Ada's claims are such as ProConnect's.
func staff() []oidctest.Person {
	person := func(name string, claims map[string]any) oidctest.Person {
		return oidctest.Person{Subject: "sub-" + name, Username: name, Password: "pw-" + name, Claims: claims}
	}
	return []oidctest.Person{
		person("ada", map[string]any{"given_name": "Ada", "usual_name": "Lovelace", "email": "Ada@Example.org"}),
		person("bob", map[string]any{"name": "Bob Builder", "email": "bob@example.org", "email_verified": true, "groups": []string{"staff", "masters"}}),
		person("eve", map[string]any{"name": "Eve", "email": "ada@example.org", "email_verified": false}),
	}
}

// door is a site whose people sign in at a real provider in this process.
type door struct {
	*site
	provider *oidctest.Provider
	down     atomic.Bool // the provider does not answer
	asked    atomic.Int64
	http     *httptest.Server
}

// newDoor starts both; change may alter what the server knows of the provider.
func newDoor(t *testing.T, signed bool, change ...func(*Config)) *door {
	t.Helper()
	d := &door{site: newStores(t)}
	d.http = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.asked.Add(1)
		if d.down.Load() {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		d.provider.ServeHTTP(w, r)
	}))
	d.http.Start()
	t.Cleanup(d.http.Close)
	d.start(append([]func(*Config){func(c *Config) {
		c.OIDC = OIDC{Issuer: d.http.URL, ClientID: clientID, ClientSecret: clientSecret, Scopes: []string{"profile", "email"}, Name: "House of Staff"}
	}}, change...)...)
	var err error
	d.provider, err = oidctest.New(oidctest.Config{
		Issuer: d.http.URL, People: staff(), ClientID: clientID, ClientSecret: clientSecret,
		Redirect: d.site.http.URL + CallbackPath, SignedOut: d.site.http.URL + "/", SignUserinfo: signed,
	})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// patient is a browser that follows no redirect by itself.
func (d *door) patient() *browser {
	d.t.Helper()
	b := d.browser()
	b.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return b
}

// open opens an address and returns where it leads to, "" if it is a page.
func (b *browser) open(address string) string {
	b.site.t.Helper()
	return b.fetch(http.MethodGet, address, nil)
}

func (b *browser) fetch(method, address string, form url.Values) string {
	b.site.t.Helper()
	req, err := http.NewRequestWithContext(b.site.t.Context(), method, address, strings.NewReader(form.Encode()))
	if err != nil {
		b.site.t.Fatal(err)
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	res, err := b.client.Do(req)
	if err != nil {
		b.site.t.Fatal(err)
	}
	defer res.Body.Close()
	location, err := res.Location()
	if err != nil {
		return ""
	}
	return location.String()
}

// begin opens the sign-in and returns where the provider is asked.
func (d *door) begin(b *browser, back string) string {
	d.t.Helper()
	return b.open(d.site.http.URL + basePath + "/session/oidc?return=" + url.QueryEscape(back))
}

// atProvider signs somebody in there and returns where the provider sends the browser back to.
func (d *door) atProvider(b *browser, authURL, name string) string {
	d.t.Helper()
	login, err := url.Parse(b.open(authURL))
	if err != nil || login.Query().Get("authRequestID") == "" {
		d.t.Fatalf("the provider led to %v %v", login, err)
	}
	next := b.fetch(http.MethodPost, d.http.URL+"/login/username", url.Values{
		"id": {login.Query().Get("authRequestID")}, "username": {name}, "password": {"pw-" + name},
	})
	return b.open(next)
}

// signIn does all of it and returns the page where it ends.
func (d *door) signIn(b *browser, name, back string) string {
	d.t.Helper()
	return d.path(b.open(d.atProvider(b, d.begin(b, back), name)))
}

// path is an address below the server's.
func (d *door) path(address string) string {
	d.t.Helper()
	path, own := strings.CutPrefix(address, d.site.http.URL)
	if !own {
		d.t.Fatalf("led to %s, which is not ours", address)
	}
	return path
}

// why is the outcome that the page is told.
func why(path string) string {
	fragment, ok := strings.CutPrefix(path, "/sign-in#")
	if !ok {
		return ""
	}
	values, err := url.ParseQuery(fragment)
	if err != nil {
		return err.Error()
	}
	return values.Get("why")
}

func (b *browser) me() fields { return b.must(http.MethodGet, "/me", nil, http.StatusOK).fields }

func TestSignIn(t *testing.T) {
	for _, signed := range []bool{false, true} {
		d := newDoor(t, signed)
		b := d.patient()
		if in := b.me(); in.text("sign_in", "name") != "House of Staff" || in.text("sign_in", "url") != basePath+"/session/oidc" || in.at("signed_in") != false {
			t.Errorf("before signing in I am %v", in)
		}
		if to := d.signIn(b, "ada", "/r/kfm-rtqw-xzdp"); to != "/r/kfm-rtqw-xzdp" {
			t.Fatalf("came back to %s (signed userinfo: %v)\n%s", to, signed, d.log)
		}
		me := b.me()
		if me.text("name") != "Ada Lovelace" || me.text("email") != "ada@example.org" || me.at("signed_in") != true || me.at("admin") != false {
			t.Errorf("signed in as %v", me)
		}
		again := d.patient()
		d.signIn(again, "ada", "/")
		if again.me().text("person") != me.text("person") {
			t.Error("the same person has another ID on another browser")
		}
		other := d.patient()
		d.signIn(other, "bob", "/")
		if other.me().text("person") == me.text("person") {
			t.Error("two people have the same ID")
		}
		if strings.Contains(d.log.String(), "Lovelace") || strings.Contains(strings.ToLower(d.log.String()), "ada@") {
			t.Error("the log names people")
		}
	}
}

func TestSignInAsksTheProviderAsItShould(t *testing.T) {
	d := newDoor(t, false)
	b := d.patient()
	first, second := d.begin(b, "/"), d.begin(b, "/")
	var before url.Values
	for _, address := range []string{first, second} {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		q := u.Query()
		if q.Get("code_challenge_method") != "S256" || len(q.Get("code_challenge")) != 43 || q.Get("response_type") != "code" {
			t.Errorf("asked without PKCE: %s", address)
		}
		if q.Get("scope") != "openid profile email" || q.Get("redirect_uri") != d.site.http.URL+CallbackPath {
			t.Errorf("asked for %q, back to %q", q.Get("scope"), q.Get("redirect_uri"))
		}
		for _, name := range []string{"state", "nonce", "code_challenge"} {
			if len(q.Get(name)) < 43 || before != nil && q.Get(name) == before.Get(name) {
				t.Errorf("%s is short, or the same again", name)
			}
		}
		before = q
	}
}

// TestSignInIsBoundToItsBrowserAndMoment plays what goes wrong, by mistake or on purpose. Nobody is signed in by any of it.
func TestSignInIsBoundToItsBrowserAndMoment(t *testing.T) {
	d := newDoor(t, true)
	changed := func(address, name, value string) string {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		q := u.Query()
		q.Set(name, value)
		u.RawQuery = q.Encode()
		return u.String()
	}
	for _, c := range []struct {
		name, want string
		play       func(b *browser) string
	}{
		{"another state", signInStale, func(b *browser) string {
			return b.open(changed(d.atProvider(b, d.begin(b, "/"), "ada"), "state", strings.Repeat("a", 43)))
		}},
		{"no state", signInStale, func(b *browser) string {
			return b.open(changed(d.atProvider(b, d.begin(b, "/"), "ada"), "state", ""))
		}},
		{"another browser", signInStale, func(b *browser) string {
			stranger := d.patient()
			return b.open(d.atProvider(stranger, d.begin(stranger, "/"), "ada"))
		}},
		{"the sign-in of another browser", signInStale, func(b *browser) string {
			stranger := d.patient()
			d.begin(b, "/")
			return b.open(d.atProvider(stranger, d.begin(stranger, "/"), "ada"))
		}},
		{"another nonce", signInFailed, func(b *browser) string {
			return b.open(d.atProvider(b, changed(d.begin(b, "/"), "nonce", "mine"), "ada"))
		}},
		{"another challenge", signInStale, func(b *browser) string {
			return b.open(d.atProvider(b, changed(d.begin(b, "/"), "code_challenge", strings.Repeat("b", 43)), "ada"))
		}},
		{"a made-up code", signInStale, func(b *browser) string {
			return b.open(changed(d.atProvider(b, d.begin(b, "/"), "ada"), "code", "made-up"))
		}},
		{"another issuer", signInFailed, func(b *browser) string {
			return b.open(changed(d.atProvider(b, d.begin(b, "/"), "ada"), "iss", "https://evil.example"))
		}},
		{"the person says no", signInDenied, func(b *browser) string {
			return b.open(changed(d.atProvider(b, d.begin(b, "/"), "ada"), "error", "access_denied"))
		}},
		{"too late", signInStale, func(b *browser) string {
			back := d.atProvider(b, d.begin(b, "/"), "ada")
			d.later.Add(int64(ticketLife))
			defer d.later.Add(-int64(ticketLife))
			return b.open(back)
		}},
		{"an old ID token", signInFailed, func(b *browser) string {
			d.provider.TokenLife.Store(-int64(time.Hour))
			defer d.provider.TokenLife.Store(int64(time.Hour))
			return b.open(d.atProvider(b, d.begin(b, "/"), "ada"))
		}},
		{"userinfo of somebody else", signInFailed, func(b *browser) string {
			bob := "sub-bob"
			d.provider.Impostor.Store(&bob)
			defer d.provider.Impostor.Store(nil)
			return b.open(d.atProvider(b, d.begin(b, "/"), "ada"))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := d.patient()
			if got := d.path(c.play(b)); why(got) != c.want {
				t.Errorf("led to %s, want %s\n%s", got, c.want, d.log)
			}
			if b.me().at("signed_in") != false {
				t.Error("somebody is signed in")
			}
		})
	}
}

func TestCodeWorksOnce(t *testing.T) {
	d := newDoor(t, false)
	b := d.patient()
	auth := d.begin(b, "/")
	u, _ := url.Parse(d.site.http.URL)
	begun := slices.Clone(b.client.Jar.Cookies(u))
	back := d.atProvider(b, auth, "ada")
	if to := d.path(b.open(back)); to != "/" {
		t.Fatalf("led to %s", to)
	}
	if to := d.path(b.open(back)); why(to) != signInStale {
		t.Errorf("the same address again led to %s", to)
	}
	thief := d.patient()
	thief.client.Jar.SetCookies(u, begun) // even with the cookie, the provider takes the code once
	if to := d.path(thief.open(back)); why(to) != signInStale || thief.me().at("signed_in") != false {
		t.Errorf("the code again led to %s", to)
	}
}

func TestSignInRotatesTheSession(t *testing.T) {
	d := newDoor(t, false)
	b := d.patient()
	b.makeRoom("Hall")
	planted := b.cookie()
	d.signIn(b, "ada", "/")
	if b.cookie() == planted {
		t.Error("the session keeps its secret")
	}
	old := d.browser()
	if me := old.do(http.MethodGet, "/me", nil, "Cookie", plainCookie+"="+planted); me.fields.text("person") != "" {
		t.Errorf("the old session is still %s", me.body)
	}
	session, err := d.deps.Sessions.Get(t.Context(), hashOf(b.cookie()))
	if err != nil {
		t.Fatal(err)
	}
	if left := time.Until(time.UnixMilli(session.ExpiresUnixMS)); left > 12*time.Hour || left < 12*time.Hour-time.Minute {
		t.Errorf("the sign-in lasts %v", left)
	}
	b.must(http.MethodPost, "/session/link", fields{"token": d.adminLink()}, http.StatusOK)
	session, err = d.deps.Sessions.Get(t.Context(), hashOf(b.cookie()))
	if err != nil || time.Until(time.UnixMilli(session.ExpiresUnixMS)) > 12*time.Hour {
		t.Errorf("an admin link made it last longer: %v %v", session.ExpiresUnixMS, err)
	}
}

func TestWhatAGuestHadIsKept(t *testing.T) {
	d := newDoor(t, false)
	b := d.patient()
	room, secret := b.makeRoom("Hall")
	live, _ := b.makeRoom("Going on")
	b.must(http.MethodPost, "/rooms/"+live+"/join", fields{"name": "A"}, http.StatusOK)
	guest := meeting.PersonID(b.me().text("person"))
	m := d.storeMeeting(meeting.RoomID("bbb-bbbb-bbbb"), func(m *storage.Meeting) {
		m.People = []meeting.Person{{Participant: "p1", Person: guest, Name: "A"}}
	})
	theirs, _ := d.browser().makeRoom("Theirs")

	d.signIn(b, "ada", "/")
	elsewhere := d.patient()
	d.signIn(elsewhere, "ada", "/")
	for name, one := range map[string]*browser{"here": b, "on another browser": elsewhere} {
		if rooms := one.must(http.MethodGet, "/rooms", nil, http.StatusOK).fields.at("rooms").([]any); len(rooms) != 2 {
			t.Errorf("%s I have %d rooms, want 2", name, len(rooms))
		}
		if r := one.must(http.MethodGet, "/rooms/"+room, nil, http.StatusOK); r.fields.text("role") != "organizer" {
			t.Errorf("%s I am %s of my room", name, r.fields.text("role"))
		}
		if r := one.must(http.MethodGet, "/rooms/"+theirs, nil, http.StatusOK); r.fields.text("role") != "participant" {
			t.Errorf("%s I am %s of another's room", name, r.fields.text("role"))
		}
		one.must(http.MethodGet, "/meetings/"+string(m.ID)+"/mine", nil, http.StatusOK)
	}
	r, err := d.deps.Rooms.Get(t.Context(), meeting.RoomID(live))
	if err != nil || !slices.Contains(r.Organizers, guest) {
		t.Errorf("the window in the meeting lost its role: %v %v", r.Organizers, err)
	}
	if r, err := d.deps.Rooms.Get(t.Context(), meeting.RoomID(room)); err != nil || r.Owner == guest || slices.Contains(r.Organizers, guest) {
		t.Errorf("the guest is still an organizer: %+v %v", r, err)
	}

	// What is made, or gained by a link, after signing in follows as well.
	made, _ := elsewhere.makeRoom("Later")
	d.patient().must(http.MethodPost, "/rooms/"+room+"/organize", fields{"secret": secret}, http.StatusOK)
	if rooms := b.must(http.MethodGet, "/rooms", nil, http.StatusOK).fields.at("rooms").([]any); len(rooms) != 3 {
		t.Errorf("a room made on the other browser is not here: %d", len(rooms))
	}
	// Somebody else who signs in on this browser gets none of it.
	d.signIn(b, "bob", "/")
	if rooms := b.must(http.MethodGet, "/rooms", nil, http.StatusOK).fields.at("rooms").([]any); len(rooms) != 0 {
		t.Errorf("the next person on this browser has %d rooms", len(rooms))
	}
	if r := b.must(http.MethodGet, "/rooms/"+made, nil, http.StatusOK); r.fields.text("role") != "participant" {
		t.Errorf("the next person is %s", r.fields.text("role"))
	}
}

func TestReturnLeadsToOwnPagesOnly(t *testing.T) {
	d := newDoor(t, false)
	for back, want := range map[string]string{
		"/m/01K9QJ5X8T3Z0V6B7N4M2C1D0E": "/m/01K9QJ5X8T3Z0V6B7N4M2C1D0E",
		"https://evil.example/":         "/",
		"//evil.example":                "/",
		"/\\evil.example":               "/",
		"/\t/evil.example":              "/",
		"javascript:alert(1)":           "/",
		"":                              "/",
		"/api/v1/session/oidc":          "/",
	} {
		if to := d.signIn(d.patient(), "ada", back); to != want {
			t.Errorf("%q led to %s, want %s", back, to, want)
		}
	}
}

func FuzzCleanReturn(f *testing.F) {
	for _, seed := range []string{"/", "/r/x", "//e", "/\\e", "/%2f%2fe", "/a?b#c", "https://e", "/\x00", "/..//e"} {
		f.Add(seed)
	}
	base, _ := url.Parse("https://meet.example.org/api/v1/session/oidc/callback")
	f.Fuzz(func(t *testing.T, path string) {
		got := cleanReturn(path)
		u, err := base.Parse(got)
		if err != nil || u.Host != base.Host || u.Scheme != "https" || strings.HasPrefix(got, "//") || strings.ContainsAny(got, "\\\r\n\t") {
			t.Errorf("%q became %q, which leads to %v", path, got, u)
		}
	})
}

func TestAddressesThatNobodyCheckedAreNotTrusted(t *testing.T) {
	d := newDoor(t, false)
	b := d.patient()
	d.signIn(b, "eve", "/")
	if me := b.me(); me.at("signed_in") != true || me.text("email") != "" {
		t.Errorf("Eve is %v", me)
	}
}

func TestAdminsByAddressAndByClaim(t *testing.T) {
	for rule, admins := range map[string][]string{
		"ADA@example.org":  {"ada"}, // Eve says that it is hers, and nobody has checked
		"groups=masters":   {"bob"},
		"groups=master":    nil,
		"name=Bob Builder": {"bob"},
	} {
		d := newDoor(t, false, func(c *Config) { c.OIDC.Admins = []string{rule} })
		for _, name := range []string{"ada", "bob", "eve"} {
			b := d.patient()
			d.signIn(b, name, "/")
			if got := b.me().at("admin"); got != slices.Contains(admins, name) {
				t.Errorf("by %q, %s is an admin: %v", rule, name, got)
			}
		}
	}
}

func TestProviderThatIsDown(t *testing.T) {
	d := newDoor(t, false)
	d.down.Store(true)
	guest := d.patient()
	room, _ := guest.makeRoom("Hall")
	guest.must(http.MethodPost, "/rooms/"+room+"/join", fields{"name": "Guest"}, http.StatusOK)
	if d.asked.Load() != 0 {
		t.Error("the provider was asked though nobody signed in")
	}
	b := d.patient()
	if to := d.path(d.begin(b, "/r/"+room)); why(to) != signInUnreachable || !strings.Contains(to, url.QueryEscape("/r/"+room)) {
		t.Errorf("led to %s", to)
	}
	asked := d.asked.Load()
	if to := d.path(d.begin(b, "/")); why(to) != signInUnreachable || d.asked.Load() != asked {
		t.Errorf("the next attempt led to %s, and asked %d times more", to, d.asked.Load()-asked)
	}
	d.down.Store(false)
	d.later.Add(int64(discoverPause))
	if to := d.signIn(b, "ada", "/"); to != "/" {
		t.Errorf("when it is back, signing in led to %s", to)
	}
	back := d.atProvider(b, d.begin(b, "/"), "bob")
	d.down.Store(true)
	if to := d.path(b.open(back)); why(to) != signInUnreachable && why(to) != signInFailed {
		t.Errorf("when it went away meanwhile, it led to %s", to)
	}
	if b.me().text("name") != "Ada Lovelace" {
		t.Error("who was signed in is not any more")
	}
}

func TestSignOutEndsTheSignInAtTheProvider(t *testing.T) {
	d := newDoor(t, false)
	b := d.patient()
	d.signIn(b, "ada", "/")
	out := b.must(http.MethodDelete, "/session", nil, http.StatusOK)
	if b.me().text("person") != "" {
		t.Error("still signed in here")
	}
	if back := b.open(out.fields.text("url")); back != d.site.http.URL+"/" {
		t.Errorf("%s led to %s", out.body, back)
	}
	d.down.Store(true)
	other := d.patient()
	other.makeRoom("Hall")
	if out := other.must(http.MethodDelete, "/session", nil, http.StatusOK); out.fields.text("url") != "" {
		t.Errorf("a guest is sent to %s", out.body)
	}
}

func TestSignInWithoutProvider(t *testing.T) {
	s := newSite(t)
	b := s.browser()
	b.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	for _, path := range []string{"/session/oidc", "/session/oidc/callback?code=a&state=b"} {
		if to := strings.TrimPrefix(b.open(s.http.URL+basePath+path), s.http.URL); why(to) != signInOff {
			t.Errorf("%s led to %s", path, to)
		}
	}
	if me := b.me(); me.at("sign_in") != nil {
		t.Errorf("offers %v", me.at("sign_in"))
	}
}

func TestSignInIsLimited(t *testing.T) {
	d := newDoor(t, false, func(c *Config) { c.SignInsPerMinute = 2 })
	b := d.patient()
	d.begin(b, "/")
	d.begin(b, "/")
	if to := d.path(d.begin(b, "/")); why(to) != signInTooMany {
		t.Errorf("led to %s", to)
	}
}

func TestTicketCookieIsBoundToTheHost(t *testing.T) {
	for secure, name := range map[bool]string{true: "__Host-souffleur-sign-in", false: "souffleur-sign-in"} {
		c, err := http.ParseSetCookie(ticketCookie(secure, "x", ticketLife))
		if err != nil {
			t.Fatal(err)
		}
		if c.Name != name || c.Secure != secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" || c.MaxAge != 600 {
			t.Errorf("secure %v: %+v", secure, c)
		}
	}
}

func TestCheckOIDC(t *testing.T) {
	d := newDoor(t, false)
	good := OIDC{Issuer: d.http.URL, ClientID: clientID}
	if err := CheckOIDC(t.Context(), good); err != nil {
		t.Error(err)
	}
	wrong := good
	wrong.Issuer += "/"
	if err := CheckOIDC(t.Context(), wrong); err == nil || !strings.Contains(err.Error(), "did not match") {
		t.Errorf("an issuer with another slash: %v", err)
	}
	d.down.Store(true)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := CheckOIDC(ctx, good); err == nil {
		t.Error("a provider that is down is found good")
	}
}

func TestOIDCConfigurationIsChecked(t *testing.T) {
	good := OIDC{Issuer: "https://id.example.org", ClientID: "c", Scopes: []string{"openid", "email"}, Admins: []string{"ada@example.org", "groups=a=b"}}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	if got := strings.Join(good.scopes(), " "); got != "openid email" {
		t.Errorf("asks for %q", got)
	}
	if err := (OIDC{}).Validate(); err != nil {
		t.Error(err)
	}
	for what, change := range map[string]func(*OIDC){
		"a client without an issuer": func(o *OIDC) { o.Issuer = "" },
		"an issuer in clear":         func(o *OIDC) { o.Issuer = "http://id.example.org" },
		"an issuer with a query":     func(o *OIDC) { o.Issuer += "?a=b" },
		"no client":                  func(o *OIDC) { o.ClientID = "" },
		"two scopes in one":          func(o *OIDC) { o.Scopes = []string{"a b"} },
		"an admin without a name":    func(o *OIDC) { o.Admins = []string{"masters"} },
		"a claim without a value":    func(o *OIDC) { o.Admins = []string{"groups="} },
	} {
		o := good
		change(&o)
		if o.Validate() == nil {
			t.Errorf("%s is taken", what)
		}
	}
}

func TestNamesAndAddressesInClaims(t *testing.T) {
	for _, c := range []struct {
		claims      claims
		name, email string
	}{
		{claims{"given_name": "Angela Claire", "usual_name": "Dubois", "name": "X"}, "Angela Claire Dubois", ""},
		{claims{"name": "Ada  L.\u202e", "given_name": "A"}, "Ada L.", ""},
		{claims{"given_name": "Ada", "family_name": "King"}, "Ada King", ""},
		{claims{"email": " Ada@Example.ORG "}, "ada", "ada@example.org"},
		{claims{"email": "ada@example.org", "email_verified": "False"}, "", ""},
		{claims{"email": "Ada <ada@example.org>"}, "", ""},
		{claims{"email": 7, "name": []any{"a"}}, "", ""},
		{claims{"name": strings.Repeat("é", 100)}, strings.Repeat("é", 60), ""},
	} {
		if name, email := c.claims.personName(), c.claims.trustedEmail(); name != c.name || email != c.email {
			t.Errorf("%v is %q, %q", c.claims, name, email)
		}
	}
	// What one source says of its address does not hold for the other's.
	all := merge(claims{"email": "a@example.org", "email_verified": false, "name": "A"}, claims{"email": "b@example.org"})
	if all.trustedEmail() != "b@example.org" || all.text("name") != "A" {
		t.Errorf("merged %v", all)
	}
}

func TestSignedUserinfoIsForUs(t *testing.T) {
	o := OIDC{Issuer: "https://id.example.org", ClientID: "c"}
	now := time.Unix(1_000_000, 0)
	good := claims{"sub": "s", "iss": o.Issuer, "aud": []any{"x", "c"}, "exp": float64(1_000_010)}
	if err := o.checkUserinfo("s", good, now); err != nil {
		t.Error(err)
	}
	for name, value := range map[string]any{"sub": "t", "iss": "https://evil.example", "aud": "x", "exp": float64(999_000)} {
		bad := merge(good, claims{name: value})
		if o.checkUserinfo("s", bad, now) == nil {
			t.Errorf("%s %v is taken", name, value)
		}
	}
}
