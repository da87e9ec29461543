package web

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"testing"
)

// updateEnv names the environment variable that makes TestOpenAPI write openapi.json instead of comparing it.
const updateEnv = "SOUFFLEUR_UPDATE_OPENAPI"

func TestOpenAPIIsUpToDate(t *testing.T) {
	s := newSite(t)
	a := s.browser().must(http.MethodGet, "/openapi.json", nil, http.StatusOK)
	if got := a.header.Get("Content-Type"); got != "application/openapi+json" {
		t.Errorf("served as %s", got)
	}
	if os.Getenv(updateEnv) != "" {
		if err := os.WriteFile("openapi.json", a.body, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	committed, err := os.ReadFile("openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(committed, a.body) {
		t.Errorf("openapi.json is out of date: run %s=1 go test ./web -run OpenAPI", updateEnv)
	}
}

// spec is the part of an OpenAPI description that the tests look at.
type spec struct {
	OpenAPI string
	Paths   map[string]map[string]struct {
		OperationID string
		Summary     string
		Responses   map[string]struct {
			Content map[string]struct{ Schema json.RawMessage }
		}
	}
	Components struct {
		Schemas map[string]struct {
			Properties map[string]json.RawMessage
		}
	}
}

func readSpec(t *testing.T) spec {
	t.Helper()
	b, err := os.ReadFile("openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	var s spec
	if err := json.Unmarshal(b, &s); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestOpenAPIDescribesEveryOperation(t *testing.T) {
	s := readSpec(t)
	if s.OpenAPI != "3.1.0" {
		t.Errorf("OpenAPI %s", s.OpenAPI)
	}
	want := map[string][]string{
		"/me": {"get"}, "/session/link": {"post"}, "/session": {"delete"}, "/health": {"get"},
		"/rooms": {"get", "post"}, "/rooms/{room}": {"get", "patch", "delete"},
		"/rooms/{room}/ai": {"put"}, "/rooms/{room}/ceiling": {"put"}, "/rooms/{room}/engines": {"put"}, "/rooms/{room}/e2ee": {"put"}, "/rooms/{room}/organizer-link": {"post"},
		"/rooms/{room}/organize": {"post"}, "/rooms/{room}/end": {"post"}, "/rooms/{room}/join": {"post"}, "/rooms/{room}/meetings": {"post"},
		"/signal": {"get"}, "/meetings": {"get"}, "/meetings/{meeting}": {"get", "delete"},
		"/meetings/{meeting}/transcript": {"get", "patch"}, "/meetings/{meeting}/export": {"get"}, "/search": {"get"},
		"/meetings/{meeting}/audio": {"get"}, "/meetings/{meeting}/audio/{track}": {"get", "head"}, "/rooms/{room}/audio": {"put"},
		"/rooms/{room}/retention": {"put"}, "/meetings/{meeting}/kept": {"put"}, "/meetings/{meeting}/mine": {"get", "delete"},
		"/meetings/{meeting}/people/{participant}": {"delete"},
		"/instance": {"get", "patch"}, "/status": {"get"},
		"/session/oidc": {"get"}, "/session/oidc/callback": {"get"}, "/rooms/{room}/access": {"get", "put"},
		"/meetings/{meeting}/shares": {"get", "post"}, "/meetings/{meeting}/shares/{share}": {"delete"},
		"/webhooks": {"get", "post"}, "/webhooks/{webhook}": {"patch", "delete"}, "/webhooks/{webhook}/secret": {"post"}, "/webhooks/{webhook}/test": {"post"},
		"/webhooks/{webhook}/deliveries": {"get"}, "/webhooks/{webhook}/deliveries/{delivery}/replay": {"post"},
		"/tokens": {"get", "post"}, "/tokens/{token}": {"delete"}, "/audit": {"get"}, "/models": {"get"},
	}
	if len(s.Paths) != len(want) {
		t.Errorf("describes %d paths, want %d", len(s.Paths), len(want))
	}
	for path, methods := range want {
		for _, method := range methods {
			op, ok := s.Paths[path][method]
			if !ok || op.OperationID == "" || op.Summary == "" || len(op.Responses) == 0 {
				t.Errorf("%s %s is not described", method, path)
			}
			for status, r := range op.Responses {
				if _, isProblem := r.Content["application/problem+json"]; status >= "400" && len(r.Content) > 0 && !isProblem {
					t.Errorf("%s %s answers %s with something else than a problem", method, path, status)
				}
			}
		}
	}
}

// TestAnswersHaveTheDescribedFields compares names of fields in answers with the description, both ways.
func TestAnswersHaveTheDescribedFields(t *testing.T) {
	s := readSpec(t)
	site := newSite(t)
	b := site.admin()
	room, _ := b.makeRoom("Hall")
	b.must(http.MethodPost, "/rooms/"+room+"/join", fields{"name": "A"}, http.StatusOK)
	for _, c := range []struct{ path, schema string }{
		{"/me", "MeBody"}, {"/rooms/" + room, "RoomBody"}, {"/instance", "InstanceOutputBody"}, {"/status", "SystemStatus"},
	} {
		described := s.Components.Schemas[c.schema].Properties
		got := b.must(http.MethodGet, c.path, nil, http.StatusOK).fields
		for name := range got {
			if described[name] == nil {
				t.Errorf("%s answers %q, which %s lacks", c.path, name, c.schema)
			}
		}
		for name := range described {
			if _, ok := got[name]; !ok {
				t.Errorf("%s lacks %q of %s", c.path, name, c.schema)
			}
		}
	}
}
