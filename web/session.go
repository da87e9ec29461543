package web

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"souffleur/internal/meeting"
	"souffleur/storage"
)

// Names of the session cookie. The __Host- prefix makes browsers refuse one that is not Secure or was set for another
// path or domain; on plain HTTP, which is for localhost, browsers would refuse the prefix itself.
const (
	secureCookie = "__Host-souffleur"
	plainCookie  = "souffleur"
)

// secretSize is the length of session cookies and organizer links: 256 bits cannot be guessed, so a fast hash will do.
const secretSize = 32

// newSecret returns a fresh secret for a URL or a cookie, and the hash to keep of it.
func newSecret() (secret, hash string) {
	b := make([]byte, secretSize)
	rand.Read(b) // never fails since Go 1.24
	secret = base64.RawURLEncoding.EncodeToString(b)
	return secret, hashOf(secret)
}

func hashOf(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// visitor is who makes a request, and by which way it came. The zero visitor is a stranger.
type visitor struct {
	session storage.Session // zero if there is none
	hash    string          // names session in storage; "" if there is none
	token   bool            // an API token was sent: admin, and nobody in person
	tokenID string          // of one that an admin made; "" of the server's own

	secure bool       // the browser's connection is encrypted
	origin string     // scheme and host of links
	addr   netip.Addr // rate limits count it
}

type visitorKey struct{}

func visitorOf(ctx context.Context) *visitor {
	if v, ok := ctx.Value(visitorKey{}).(*visitor); ok {
		return v
	}
	return &visitor{}
}

// identify finds out who makes the request and hands it on in its context. A cookie that is unknown or too old makes a
// stranger; a wrong API token is refused, because a program that sends one must not carry on as somebody else.
func (s *Server) identify(c *gin.Context) {
	v := &visitor{secure: s.secure(c.Request), origin: s.origin(c.Request), addr: clientAddr(c)}
	if bearer, ok := bearerOf(c); ok {
		if p := s.bearer(c, v, bearer); p != nil {
			writeProblem(c, p)
			return
		}
	} else if cookie, err := c.Cookie(cookieName(v.secure)); err == nil {
		if err := s.findSession(c.Request.Context(), v, cookie); err != nil {
			p := s.answerFor(c.Request.Context(), "read session", err)
			writeProblem(c, asProblem(p))
			return
		}
	}
	c.Request = c.Request.WithContext(context.WithValue(c.Request.Context(), visitorKey{}, v))
	c.Next()
}

// bearerOf returns the token that a program sent.
func bearerOf(c *gin.Context) (token string, ok bool) {
	return strings.CutPrefix(c.GetHeader("Authorization"), "Bearer ")
}

func (s *Server) isAPIToken(bearer string) bool {
	if s.tokenHash == "" {
		return false
	}
	return subtle.ConstantTimeCompare([]byte(hashOf(bearer)), []byte(s.tokenHash)) == 1
}

func (s *Server) findSession(ctx context.Context, v *visitor, cookie string) error {
	hash := hashOf(cookie)
	session, err := s.sessions.Get(ctx, hash)
	if errors.Is(err, storage.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	v.session, v.hash = session, hash
	return nil
}

func cookieName(secure bool) string {
	if secure {
		return secureCookie
	}
	return plainCookie
}

// admin says whether the visitor runs the installation.
func (v *visitor) admin() bool { return v.token || v.session.Admin }

// organizes says whether the visitor is an owner or organizer of the room. The room decides and not the session, so
// whoever is taken off the room's list loses the right at once.
func (v *visitor) organizes(r *storage.Room) bool {
	p := v.session.Person
	return p != "" && (r.Owner == p || slices.Contains(r.Organizers, p))
}

// role returns the highest role of the visitor in the room.
func (v *visitor) role(r *storage.Room) meeting.Role {
	switch {
	case v.admin():
		return meeting.Admin
	case v.organizes(r):
		return meeting.Organizer
	}
	return meeting.Guest
}

// person returns who the visitor is, making a person of a stranger; it is stored when the visitor signs in.
func (v *visitor) person() meeting.PersonID {
	if v.session.Person == "" {
		v.session.Person = meeting.NewPersonID()
	}
	return v.session.Person
}

// actor returns the visitor as others will read who did something in the room. Who has given no name yet is called by
// the role.
func (v *visitor) actor(role meeting.Role) Actor {
	name := v.session.Name
	switch {
	case name != "":
	case role == meeting.Admin:
		name = "Admin"
	default:
		name = "Organizer"
	}
	return Actor{Person: v.auditName(), Name: name, Role: role}
}

// signIn gives the visitor a fresh session with what change makes of the present one, and returns its cookie. The secret
// is new each time somebody gains rights, so that a cookie planted beforehand gains nothing.
func (s *Server) signIn(ctx context.Context, v *visitor, life time.Duration, change func(*storage.Session)) (cookie string, err error) {
	v.person()
	session := v.session
	session.Rooms = slices.Clone(session.Rooms)
	change(&session)
	session.ExpiresUnixMS = s.now().Add(life).UnixMilli()
	secret, hash := newSecret()
	if err := s.sessions.Put(ctx, hash, session); err != nil {
		return "", err
	}
	if v.hash != "" {
		if err := s.sessions.Delete(ctx, v.hash); err != nil {
			s.log.WarnContext(ctx, "old session stays until it expires", "error", err)
		}
	}
	v.session, v.hash = session, hash
	return sessionCookie(v.secure, secret, life), nil
}

// remember changes what the visitor's session says without giving it more rights; somebody without a session gets one.
// The cookie is empty if the visitor has it already.
func (s *Server) remember(ctx context.Context, v *visitor, change func(*storage.Session)) (cookie string, err error) {
	if v.hash == "" {
		return s.signIn(ctx, v, s.cfg.SessionLife, change)
	}
	session, err := s.sessions.Update(ctx, v.hash, func(old *storage.Session) error {
		change(old)
		return nil
	})
	if err != nil {
		return "", err
	}
	v.session = session
	return "", nil
}

// sessionCookie returns the Set-Cookie header of a session; a life of zero removes it from the browser.
func sessionCookie(secure bool, secret string, life time.Duration) string {
	c := http.Cookie{
		Name: cookieName(secure), Value: secret, Path: "/", HttpOnly: true, Secure: secure,
		SameSite: http.SameSiteLaxMode, MaxAge: int(life / time.Second),
	}
	if life == 0 {
		c.MaxAge = -1
	}
	return c.String()
}

// maxSessionRooms bounds the list of rooms in a session. It is only an index for "my rooms": who may do what stands in
// the room.
const maxSessionRooms = 200

// addRoom puts a room at the front of the session's list; the oldest falls off at maxSessionRooms.
func addRoom(session *storage.Session, room meeting.RoomID) {
	rooms := slices.DeleteFunc(session.Rooms, func(r meeting.RoomID) bool { return r == room })
	rooms = slices.Insert(rooms, 0, room)
	session.Rooms = rooms[:min(len(rooms), maxSessionRooms)]
}
