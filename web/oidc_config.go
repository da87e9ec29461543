package web

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// OIDC says at which identity provider people sign in (OpenID Connect). The zero value: at none.
type OIDC struct {
	// Issuer is the provider's address, exactly as it names itself ("https://id.example.org/realms/staff").
	Issuer string
	// ClientID and ClientSecret are what the provider knows this installation by. Without a secret it is a public client.
	// The provider has to allow the addresses [CallbackPath], to come back to, and "/", after signing out.
	ClientID, ClientSecret string
	// Scopes are asked for beside "openid". ProConnect names them by claim: given_name, usual_name, email.
	Scopes []string
	// Name is what people call the provider; the button to sign in shows it. Empty: its host.
	Name string
	// Admins says who runs the installation: addresses ("ada@example.org"), and claims with a value that they have or
	// contain ("groups=souffleur-admins").
	Admins []string
}

// CallbackPath is where the provider sends people back to, below the address of the installation.
const CallbackPath = basePath + "/session/oidc/callback"

// on says whether people can sign in.
func (o OIDC) on() bool { return o.Issuer != "" }

// name is what people call the provider.
func (o OIDC) name() string {
	if o.Name != "" {
		return o.Name
	}
	u, err := url.Parse(o.Issuer)
	if err != nil {
		return o.Issuer
	}
	return cmp.Or(u.Hostname(), o.Issuer)
}

// scopes are all that is asked for.
func (o OIDC) scopes() []string {
	rest := slices.DeleteFunc(slices.Clone(o.Scopes), func(s string) bool { return s == "openid" })
	return append([]string{"openid"}, rest...)
}

// Validate says what is wrong with o, naming the field.
func (o OIDC) Validate() error {
	if !o.on() {
		if o.ClientID != "" || o.ClientSecret != "" || len(o.Admins) > 0 {
			return errors.New("Issuer is missing: without it nobody can sign in")
		}
		return nil
	}
	if err := validateIssuer(o.Issuer); err != nil {
		return fmt.Errorf("Issuer %q: %w", o.Issuer, err)
	}
	if o.ClientID == "" {
		return errors.New("ClientID is missing: register this server at the provider")
	}
	for _, s := range o.Scopes {
		if s == "" || strings.ContainsAny(s, " \"\\") {
			return fmt.Errorf("scope %q is not one word", s)
		}
	}
	for _, a := range o.Admins {
		if _, err := parseAdminRule(a); err != nil {
			return fmt.Errorf("admin %q: %w", a, err)
		}
	}
	return nil
}

// validateIssuer wants encryption on the way to the provider, but for trials on one machine.
func validateIssuer(issuer string) error {
	u, err := url.Parse(issuer)
	if err != nil {
		return err
	}
	if u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return errors.New("must be an address such as https://id.example.org")
	}
	if u.Scheme == "https" || u.Scheme == "http" && isLoopback(u.Hostname()) {
		return nil
	}
	return errors.New("must begin with https:// (http:// is for a provider on this machine)")
}

func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

// adminRule says whom it makes an admin: somebody with an address, or with a claim of a value.
type adminRule struct {
	address      string
	claim, value string
}

// parseAdminRule reads "ada@example.org" or "groups=souffleur-admins".
func parseAdminRule(text string) (adminRule, error) {
	claim, value, isClaim := strings.Cut(text, "=")
	if isClaim && !strings.Contains(claim, "@") {
		if claim == "" || value == "" {
			return adminRule{}, errors.New("must be an address, or a claim and its value such as groups=souffleur-admins")
		}
		return adminRule{claim: claim, value: value}, nil
	}
	address, ok := cleanAddress(text)
	if !ok {
		return adminRule{}, errors.New("must be an address, or a claim and its value such as groups=souffleur-admins")
	}
	return adminRule{address: address}, nil
}
