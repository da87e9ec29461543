package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// identity is who the provider says somebody is.
type identity struct {
	subject string
	name    string // "" if the provider gave none
	email   string // in lower case; "" if the provider gave none that can be trusted
	admin   bool
	idToken string // as it came; the provider wants it back at the sign-out
}

// claims is what a provider says of somebody, by name.
type claims map[string]any

// text returns a claim that is a text, else "".
func (c claims) text(name string) string {
	s, _ := c[name].(string)
	return strings.TrimSpace(s)
}

// has says whether a claim is the value, or a list with it.
func (c claims) has(name, value string) bool {
	switch v := c[name].(type) {
	case string:
		return v == value
	case bool:
		return fmt.Sprint(v) == value
	case []any:
		return slices.ContainsFunc(v, func(one any) bool { return one == value })
	}
	return false
}

// trustedEmail returns the address unless the provider says that nobody has checked it. Some say so as text.
func (c claims) trustedEmail() string {
	switch verified := c["email_verified"].(type) {
	case bool:
		if !verified {
			return ""
		}
	case string:
		if strings.EqualFold(verified, "false") {
			return ""
		}
	}
	address, ok := cleanAddress(c.text("email"))
	if !ok {
		return ""
	}
	return address
}

// maxPersonName is the longest name that a person may join with, in code points.
const maxPersonName = 60

// personName returns what the others should call somebody. ProConnect has usual_name where others have family_name.
func (c claims) personName() string {
	name := c.text("name")
	if usual := c.text("usual_name"); usual != "" || name == "" {
		if usual == "" {
			usual = c.text("family_name")
		}
		name = strings.TrimSpace(c.text("given_name") + " " + usual)
	}
	if name == "" {
		name, _, _ = strings.Cut(c.trustedEmail(), "@")
	}
	clean, err := cleanName(name)
	if err != nil {
		return ""
	}
	if utf8.RuneCountInString(clean) > maxPersonName {
		clean = string([]rune(clean)[:maxPersonName])
	}
	return clean
}

// merge returns the claims of the ID token with those of userinfo over them. An address and whether it was checked belong
// together: the one of a source must not be vouched for by the other.
func merge(token, userinfo claims) claims {
	all := claims{}
	for name, value := range token {
		all[name] = value
	}
	if userinfo.text("email") != "" {
		delete(all, "email_verified")
	}
	for name, value := range userinfo {
		all[name] = value
	}
	return all
}

// identityOf returns who somebody is by merged claims.
func (o OIDC) identityOf(subject string, all claims) identity {
	who := identity{subject: subject, name: all.personName(), email: all.trustedEmail()}
	for _, text := range o.Admins {
		rule, err := parseAdminRule(text)
		if err != nil {
			continue // validated before
		}
		who.admin = who.admin || rule.matches(who.email, all)
	}
	return who
}

func (r adminRule) matches(email string, all claims) bool {
	if r.claim != "" {
		return all.has(r.claim, r.value)
	}
	return email != "" && r.address == email
}

// checkUserinfo says what is wrong with the answer of a userinfo endpoint. Signed ones say whom they are from and for whom
// (OpenID Connect Core 1.0 §5.3.2); go-oidc checks the signature only.
func (o OIDC) checkUserinfo(subject string, u claims, now time.Time) error {
	if u.text("sub") != subject {
		return errors.New("userinfo is about somebody else than the ID token")
	}
	if issuer, ok := u["iss"]; ok && issuer != o.Issuer {
		return errors.New("userinfo comes from another issuer")
	}
	if _, ok := u["aud"]; ok && !u.has("aud", o.ClientID) {
		return errors.New("userinfo is for another client")
	}
	if expires, ok := u["exp"]; ok {
		seconds, isNumber := expires.(float64)
		if !isNumber || now.Add(-clockSkew).Unix() >= int64(seconds) {
			return errors.New("userinfo has expired")
		}
	}
	return nil
}

// clockSkew is how far the provider's clock may be from ours.
const clockSkew = time.Minute

// readClaims reads a JSON object.
func readClaims(raw []byte) (claims, error) {
	var c claims
	if err := json.Unmarshal(raw, &c); err != nil || c == nil {
		return nil, errors.New("claims are no JSON object") // not the error itself: it quotes them
	}
	return c, nil
}
