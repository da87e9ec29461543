package node

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"souffleur/internal/meeting"
	"souffleur/internal/seal"
	"souffleur/web"
)

func TestTokens(t *testing.T) {
	key, _ := seal.NewKey()
	other, _ := seal.NewKey()
	now := time.Unix(1_800_000_000, 0)
	want := claims{Room: "bcd-fghj-kmnp", Participant: "p1", Name: "Zoé", Role: meeting.Organizer, ExpiresUnix: now.Add(time.Hour).Unix()}
	token, err := want.token(key)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := parseToken(key, token, now); err != nil || got != want {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
	for name, c := range map[string]struct {
		key   seal.Key
		token string
		at    time.Time
		want  error
	}{
		"too late":             {key, token, now.Add(2 * time.Hour), web.ErrExpiredToken},
		"of another server":    {other, token, now, web.ErrBadToken},
		"changed":              {key, changed(token), now, web.ErrBadToken},
		"cut":                  {key, token[:20], now, web.ErrBadToken},
		"no token":             {key, "", now, web.ErrBadToken},
		"no base64":            {key, "<script>", now, web.ErrBadToken},
		"longer than any":      {key, strings.Repeat("A", maxToken+1), now, web.ErrBadToken},
		"sealed for elsewhere": {key, seal64(key), now, web.ErrBadToken},
	} {
		if _, err := parseToken(c.key, c.token, c.at); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

// seal64 is something else that was sealed with the instance key.
func seal64(key seal.Key) string {
	return base64.RawURLEncoding.EncodeToString(key.Seal([]byte(`{"role":"admin"}`), "rooms/bcd-fghj-kmnp.json"))
}

// changed is token with another character in its middle.
func changed(token string) string {
	other := "A"
	if token[20] == 'A' {
		other = "B"
	}
	return token[:20] + other + token[21:]
}

// FuzzParseToken gives any token of a hello: only those that were made here are taken, and nothing panics.
func FuzzParseToken(f *testing.F) {
	key, _ := seal.NewKey()
	now := time.Unix(1_800_000_000, 0)
	good, err := claims{Participant: "p1", ExpiresUnix: now.Add(time.Hour).Unix()}.token(key)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(good[:len(good)-2])
	f.Add("")
	f.Add("!")
	f.Fuzz(func(t *testing.T, token string) {
		c, err := parseToken(key, token, now)
		if err == nil && (token != good || c.Participant != "p1") {
			t.Fatalf("a foreign token is taken for %+v", c)
		}
		if err != nil && !errors.Is(err, web.ErrBadToken) && !errors.Is(err, web.ErrExpiredToken) {
			t.Fatalf("refused with %v", err)
		}
	})
}
