package turn

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/pion/stun/v4"
	"github.com/pion/turn/v5"
)

// Credentials let a user make allocations: the username is "expiry:user" and the password its HMAC under the server's
// secret, as in draft-uberti-behave-turn-rest-00. Nothing is stored for them.
type Credentials struct {
	Username, Password string
}

// Credentials returns fresh credentials for a user, whose name must not contain a colon.
func (s *Server) Credentials(user string, now time.Time) Credentials {
	username := strconv.FormatInt(now.Add(s.config.Life).Unix(), 10) + ":" + user
	return Credentials{Username: username, Password: s.password(username)}
}

func (s *Server) password(username string) string {
	mac := hmac.New(sha1.New, s.secret)
	mac.Write([]byte(username))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// maxUsername bounds what is hashed for a stranger, in bytes.
const maxUsername = 128

// authenticate is pion's AuthHandler: it returns the key that the request must have been signed with. Expired credentials
// make no allocations any more, but those that are there live on, so that nobody is cut off in a long meeting.
func (s *Server) authenticate(r *turn.RequestAttributes) (user string, key []byte, ok bool) {
	if len(r.Username) > maxUsername || r.Realm != s.config.Realm {
		return "", nil, false
	}
	expiry, user, found := strings.Cut(r.Username, ":")
	unix, err := strconv.ParseInt(expiry, 10, 64)
	if !found || err != nil || user == "" {
		return "", nil, false
	}
	until := time.Unix(unix, 0)
	if r.Method != stun.MethodAllocate {
		until = until.Add(s.config.Longest)
	}
	if time.Now().After(until) {
		return "", nil, false
	}
	return user, turn.GenerateAuthKey(r.Username, s.config.Realm, s.password(r.Username)), true
}

// authenticated is pion's OnAuth: a stranger's connection has shown good credentials and may stay.
func (s *Server) authenticated(from, _ net.Addr, _, _, _, _ string, good bool) {
	if !good {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if timer := s.strangers[from.String()]; timer != nil {
		timer.Stop()
		delete(s.strangers, from.String())
	}
}
