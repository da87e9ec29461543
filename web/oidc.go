package web

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"
	"golang.org/x/oauth2"

	"souffleur/internal/meeting"
	"souffleur/storage"
)

// Names of the cookie that binds a sign-in to the browser that began it; see secureCookie.
const (
	secureTicketCookie = "__Host-souffleur-sign-in"
	plainTicketCookie  = "souffleur-sign-in"
)

// ticketLife is how long signing in at the provider may take.
const ticketLife = 10 * time.Minute

// ticketKind tells these tickets from others.
const ticketKind = "sign-in v1"

// ticket is a sign-in that somebody has begun, as the cookie carries it.
type ticket struct {
	State         string `json:"state"`    // comes back with the code: it is this browser's
	Nonce         string `json:"nonce"`    // comes back in the ID token: it is for this sign-in
	Verifier      string `json:"verifier"` // of PKCE: the code is good for nobody else
	Return        string `json:"return"`   // own path to go to then
	ExpiresUnixMS int64  `json:"expires_unix_ms"`
}

// Outcomes of a sign-in that failed, as the page is told them.
const (
	signInOff         = "off"         // there is no provider
	signInTooMany     = "too-many"    // too many attempts from one network
	signInStale       = "stale"       // begun too long ago, in another browser, or used already
	signInDenied      = "denied"      // the person or the provider said no
	signInUnreachable = "unreachable" // the provider does not answer
	signInFailed      = "failed"      // the provider's answer is not as it must be
	signInUnavailable = "unavailable" // our own storage does not answer
)

// describeSignIn describes the two addresses of the sign-in, which browsers are sent to: they answer with the next one.
func (s *Server) describeSignIn(api huma.API) {
	begin := operation(tagSession, "begin-sign-in", http.MethodGet, "/session/oidc", http.StatusSeeOther,
		"Sign in with the identity provider: a browser that opens this goes there")
	begin.Parameters = []*huma.Param{{
		Name: "return", In: "query", Schema: &huma.Schema{Type: huma.TypeString},
		Description: "Path of this server to go to when that is done; anything else leads to the home page",
	}}
	begin.Responses = map[string]*huma.Response{"303": {Description: "To the provider, or to /sign-in, which says what is wrong"}}
	api.OpenAPI().AddOperation(&begin)

	finish := operation(tagSession, "finish-sign-in", http.MethodGet, "/session/oidc/callback", http.StatusSeeOther,
		"Where the identity provider sends browsers back to")
	for _, name := range []string{"code", "state", "iss", "error"} {
		finish.Parameters = append(finish.Parameters, &huma.Param{
			Name: name, In: "query", Schema: &huma.Schema{Type: huma.TypeString}, Description: "As OpenID Connect has it",
		})
	}
	finish.Responses = map[string]*huma.Response{"303": {Description: "To the page where the sign-in began, or to /sign-in, which says what is wrong"}}
	api.OpenAPI().AddOperation(&finish)
}

// beginSignIn sends the browser to the provider.
func (s *Server) beginSignIn(c *gin.Context) {
	ctx, v := c.Request.Context(), visitorOf(c.Request.Context())
	back := cleanReturn(c.Query("return"))
	switch {
	case s.provider == nil:
		signInProblem(c, signInOff, back)
		return
	case !s.signInLimit.allow(v.addr):
		signInProblem(c, signInTooMany, back)
		return
	}
	e, err := s.provider.endpoints(ctx)
	if err != nil {
		s.signInFailed(ctx, c, err, back)
		return
	}
	t := &ticket{Return: back, Verifier: oauth2.GenerateVerifier(), ExpiresUnixMS: s.now().Add(ticketLife).UnixMilli()}
	t.State, _ = newSecret()
	t.Nonce, _ = newSecret()
	sealed, err := s.tickets.Seal(ctx, ticketKind, t)
	if err != nil {
		s.log.ErrorContext(ctx, "sign-in could not begin", "error", err)
		signInProblem(c, signInUnavailable, back)
		return
	}
	c.Header("Set-Cookie", ticketCookie(v.secure, sealed, ticketLife))
	c.Redirect(http.StatusSeeOther, e.authURL(t, callbackURL(v)))
}

func callbackURL(v *visitor) string { return v.origin + CallbackPath }

// finishSignIn takes what the provider sends along, and signs the person in.
func (s *Server) finishSignIn(c *gin.Context) {
	ctx, v := c.Request.Context(), visitorOf(c.Request.Context())
	c.Writer.Header().Add("Set-Cookie", ticketCookie(v.secure, "", 0)) // it works once
	switch {
	case s.provider == nil:
		signInProblem(c, signInOff, "/")
		return
	case !s.signInLimit.allow(v.addr):
		signInProblem(c, signInTooMany, "/")
		return
	}
	t, err := s.ticketOf(ctx, c, v)
	if err != nil {
		s.signInFailed(ctx, c, err, "/")
		return
	}
	if code := c.Query("error"); code != "" {
		s.log.InfoContext(ctx, "the identity provider signed nobody in", "code", fmt.Sprintf("%.40q", code))
		signInProblem(c, signInDenied, t.Return)
		return
	}
	if issuer := c.Query("iss"); issuer != "" && issuer != s.cfg.OIDC.Issuer { // RFC 9207
		s.signInFailed(ctx, c, errors.New("the answer comes from another issuer"), t.Return)
		return
	}
	who, err := s.provider.identify(ctx, c.Query("code"), callbackURL(v), t)
	if err != nil {
		s.signInFailed(ctx, c, err, t.Return)
		return
	}
	cookie, err := s.welcome(ctx, v, who)
	if err != nil {
		s.log.ErrorContext(ctx, "somebody could not be signed in", "error", err)
		signInProblem(c, signInUnavailable, t.Return)
		return
	}
	c.Writer.Header().Add("Set-Cookie", cookie)
	c.Redirect(http.StatusSeeOther, t.Return)
}

// ticketOf returns the sign-in that this browser has begun and that the provider answers. errStale if it has not.
func (s *Server) ticketOf(ctx context.Context, c *gin.Context, v *visitor) (*ticket, error) {
	cookie, err := c.Cookie(ticketCookieName(v.secure))
	if err != nil {
		return nil, fmt.Errorf("no sign-in was begun here: %w", errStale)
	}
	t := new(ticket)
	err = s.tickets.Open(ctx, ticketKind, cookie, t)
	if errors.Is(err, storage.ErrNotFound) {
		return nil, fmt.Errorf("the cookie is not ours: %w", errStale)
	}
	if err != nil {
		return nil, err
	}
	if s.now().UnixMilli() >= t.ExpiresUnixMS {
		return nil, fmt.Errorf("it was begun too long ago: %w", errStale)
	}
	if state := c.Query("state"); subtle.ConstantTimeCompare([]byte(state), []byte(t.State)) != 1 {
		return nil, fmt.Errorf("the answer is for another sign-in: %w", errStale)
	}
	return t, nil
}

// signInFailed tells the person what to do, and the log why.
func (s *Server) signInFailed(ctx context.Context, c *gin.Context, err error, back string) {
	switch {
	case errors.Is(err, errStale):
		s.log.InfoContext(ctx, "sign-in refused", "error", err)
		signInProblem(c, signInStale, back)
	case errors.Is(err, errUnreachable):
		s.log.WarnContext(ctx, "nobody can sign in", "error", shortened(err))
		signInProblem(c, signInUnreachable, back)
	default:
		s.log.WarnContext(ctx, "sign-in refused", "error", shortened(err))
		signInProblem(c, signInFailed, back)
	}
}

// shortened is an error as it is logged: providers answer with whole pages.
func shortened(err error) string { return fmt.Sprintf("%.300s", strings.ToValidUTF8(err.Error(), "?")) }

// signInProblem leads to the page that says what is wrong. It stands in the fragment, which goes to no server and no log.
func signInProblem(c *gin.Context, outcome, back string) {
	c.Redirect(http.StatusSeeOther, "/sign-in#"+url.Values{"why": {outcome}, "return": {back}}.Encode())
}

// maxReturn is the longest path to go back to, in bytes.
const maxReturn = 500

// cleanReturn returns the path of our own pages to go to after the sign-in, or "/" for everything else: whoever makes a link to
// the sign-in must not choose where people end up who trust us.
func cleanReturn(path string) string {
	if len(path) > maxReturn || !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") ||
		strings.HasPrefix(path, "/api/") || strings.HasPrefix(path, "/sign-in") {
		return "/"
	}
	for _, c := range []byte(path) { // browsers take "/\" for "//", and skip tabs and line breaks
		if c <= ' ' || c > '~' || c == '\\' {
			return "/"
		}
	}
	u, err := url.Parse(path)
	if err != nil || u.IsAbs() || u.Host != "" || u.User != nil || u.Path == "" || strings.HasPrefix(u.Path, "//") {
		return "/"
	}
	return u.EscapedPath()
}

func ticketCookieName(secure bool) string {
	if secure {
		return secureTicketCookie
	}
	return plainTicketCookie
}

// ticketCookie returns the Set-Cookie header of a ticket; a life of zero removes it. Lax, because the provider's site sends the
// browser back.
func ticketCookie(secure bool, sealed string, life time.Duration) string {
	c := http.Cookie{
		Name: ticketCookieName(secure), Value: sealed, Path: "/", HttpOnly: true, Secure: secure,
		SameSite: http.SameSiteLaxMode, MaxAge: int(life / time.Second),
	}
	if life == 0 {
		c.MaxAge = -1
	}
	return c.String()
}

// maxIDToken is the longest ID token that is kept for the sign-out, in bytes. A longer one would not fit into an address anyway.
const maxIDToken = 6 << 10

// welcome signs somebody in, under a fresh session, and returns its cookie. What they had as a guest of this browser is theirs.
func (s *Server) welcome(ctx context.Context, v *visitor, who identity) (cookie string, err error) {
	person, err := s.people.ID(ctx, s.cfg.OIDC.Issuer, who.subject)
	if err != nil {
		return "", err
	}
	guest := v.session
	if guest.SignedIn { // somebody else, or the same once more: what they have is in their own account
		guest = storage.Session{}
	}
	if err := s.handOver(ctx, guest, person); err != nil {
		return "", err
	}
	account, err := s.people.Update(ctx, person, func(a *storage.Account) {
		a.Email, a.Name, a.SeenUnixMS = who.email, who.name, s.now().UnixMilli()
		a.AddRooms(guest.Rooms...)
		a.AddGuest(guest.Person)
	})
	if err != nil {
		return "", err
	}
	if len(who.idToken) > maxIDToken {
		who.idToken = ""
	}
	cookie, err = s.signIn(ctx, v, s.cfg.SignInLife, func(session *storage.Session) {
		*session = storage.Session{
			Person: person, Name: who.name, Admin: who.admin || guest.Admin,
			SignedIn: true, Email: who.email, IDToken: who.idToken, Was: account.Was,
		}
	})
	if err != nil {
		return "", err
	}
	s.record(ctx, v, "sign-in.oidc", "")
	return cookie, nil
}

// handOver gives a guest's rooms to the person they turned out to be. In a meeting that goes on, the guest keeps the role: the
// window that is open there does not change who it is.
func (s *Server) handOver(ctx context.Context, guest storage.Session, person meeting.PersonID) error {
	if guest.Person == "" || guest.Person == person {
		return nil
	}
	for _, id := range guest.Rooms {
		live, goesOn := s.live.Room(id)
		r, err := s.rooms.Update(ctx, id, func(r *storage.Room) error {
			giveRoom(r, guest.Person, person, goesOn)
			return nil
		})
		if errors.Is(err, storage.ErrNotFound) {
			continue
		}
		if err != nil {
			return fmt.Errorf("hand room over: %w", err)
		}
		if goesOn && live.Meeting != "" {
			if err := s.live.RoomChanged(ctx, r, Actor{Person: person, Name: guest.Name, Role: meeting.Organizer}); err != nil {
				return fmt.Errorf("hand room over: %w", err)
			}
		}
	}
	return nil
}

// giveRoom puts to in the place of from. If both are to be organizers, from stays beside.
func giveRoom(r *storage.Room, from, to meeting.PersonID, both bool) {
	owner, i := r.Owner == from, slices.Index(r.Organizers, from)
	if !owner && i < 0 {
		return
	}
	organizers := slices.DeleteFunc(slices.Clone(r.Organizers), func(p meeting.PersonID) bool { return p == from || p == to })
	if owner {
		r.Owner = to
	} else if r.Owner != to {
		organizers = append(organizers, to)
	}
	if both {
		organizers = append(organizers, from)
	}
	r.Organizers = organizers
}

// noteRoom remembers a room as one that the visitor runs, on whatever browser they sign in.
func (s *Server) noteRoom(ctx context.Context, v *visitor, room meeting.RoomID) error {
	if !v.session.SignedIn {
		return nil
	}
	_, err := s.people.Update(ctx, v.session.Person, func(a *storage.Account) { a.AddRooms(room) })
	return err
}

// listedRooms returns the rooms that the visitor may be running, newest first.
func (s *Server) listedRooms(ctx context.Context, v *visitor) ([]meeting.RoomID, error) {
	if !v.session.SignedIn {
		return v.session.Rooms, nil
	}
	account, err := s.people.Get(ctx, v.session.Person)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return nil, err
	}
	rooms := slices.Clone(account.Rooms)
	for _, room := range v.session.Rooms {
		if !slices.Contains(rooms, room) {
			rooms = append(rooms, room)
		}
	}
	return rooms, nil
}

// is says whether the visitor is, or was as a guest, the person.
func (v *visitor) is(p meeting.PersonID) bool {
	return p != "" && (p == v.session.Person || slices.Contains(v.session.Was, p))
}

// signInBody says where people sign in.
type signInBody struct {
	Name string `json:"name" doc:"Of the identity provider, for the button"`
	URL  string `json:"url" doc:"Path to open in the browser; ?return= takes the path to come back to"`
}

func (s *Server) signInView() *signInBody {
	if s.provider == nil {
		return nil
	}
	return &signInBody{Name: s.cfg.OIDC.name(), URL: basePath + "/session/oidc"}
}

// TransformSchema says that sign_in may be null, which struct tags cannot.
func (meBody) TransformSchema(_ huma.Registry, schema *huma.Schema) *huma.Schema {
	in := schema.Properties["sign_in"]
	schema.Properties["sign_in"] = &huma.Schema{
		OneOf:       []*huma.Schema{{Ref: in.Ref}, {Type: "null"}},
		Description: in.Description,
	}
	return schema
}
