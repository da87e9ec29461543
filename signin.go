package main

import (
	"context"

	"souffleur/web"
)

// signInFlags say at which identity provider people sign in.
type signInFlags struct {
	OIDCIssuer       string   `help:"Address of the OpenID Connect provider at which people sign in, exactly as it names itself; without it there are guests, and links for admins and organizers." env:"SOUFFLEUR_OIDC_ISSUER" name:"oidc-issuer" placeholder:"URL"`
	OIDCClientID     string   `help:"What the provider knows this server by. It has to send people back to PUBLIC-URL/api/v1/session/oidc/callback, and after signing out to PUBLIC-URL/." env:"SOUFFLEUR_OIDC_CLIENT_ID" name:"oidc-client-id" placeholder:"ID"`
	OIDCClientSecret string   `help:"The client's secret; without one it is a public client." env:"SOUFFLEUR_OIDC_CLIENT_SECRET" name:"oidc-client-secret" placeholder:"SECRET" secret:""`
	OIDCScopes       []string `help:"Scopes to ask for beside openid." env:"SOUFFLEUR_OIDC_SCOPES" name:"oidc-scopes" default:"profile,email" placeholder:"SCOPE,…"`
	OIDCName         string   `help:"What people call the provider; the button to sign in shows it. Default: its host." env:"SOUFFLEUR_OIDC_NAME" name:"oidc-name" placeholder:"NAME"`
	OIDCAdmins       []string `help:"Who runs this server: e-mail addresses, or a claim and its value such as groups=souffleur-admins." env:"SOUFFLEUR_OIDC_ADMINS" name:"oidc-admins" placeholder:"ADDRESS,…"`
}

func (f signInFlags) config() web.OIDC {
	return web.OIDC{
		Issuer: f.OIDCIssuer, ClientID: f.OIDCClientID, ClientSecret: f.OIDCClientSecret, Scopes: f.OIDCScopes,
		Name: f.OIDCName, Admins: f.OIDCAdmins,
	}
}

// signIn asks the identity provider what it says of itself; nothing if people do not sign in with one.
func (c *doctorCmd) signIn(ctx context.Context) []finding {
	cfg := c.signInFlags.config()
	if cfg.Issuer == "" && cfg.ClientID == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, doctorWait)
	defer cancel()
	return []finding{{
		what: "identity provider " + cfg.Issuer, err: web.CheckOIDC(ctx, cfg),
		remedy: "Check SOUFFLEUR_OIDC_ISSUER, and that this machine reaches it. Until it answers nobody can sign in; guests can join.",
	}}
}
