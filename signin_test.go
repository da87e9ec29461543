package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"souffleur/internal/oidctest"
)

func TestDoctorAsksTheIdentityProvider(t *testing.T) {
	var provider http.Handler
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { provider.ServeHTTP(w, r) }))
	defer server.Close()
	var err error
	if provider, err = oidctest.New(oidctest.Config{Issuer: server.URL, ClientID: "c", ClientSecret: "s"}); err != nil {
		t.Fatal(err)
	}
	doctor := func(issuer string) []finding {
		c := &doctorCmd{}
		c.OIDCIssuer = issuer
		if issuer != "" {
			c.OIDCClientID = "c"
		}
		return c.signIn(t.Context())
	}
	if found := doctor(""); len(found) != 0 {
		t.Errorf("without a provider it finds %+v", found)
	}
	if found := doctor(server.URL); len(found) != 1 || found[0].err != nil {
		t.Errorf("finds %+v", found)
	}
	if found := doctor(server.URL + "/elsewhere"); len(found) != 1 || found[0].err == nil || !strings.Contains(found[0].what, "/elsewhere") {
		t.Errorf("finds %+v", found)
	}
}
