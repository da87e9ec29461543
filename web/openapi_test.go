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
		t.Errorf("openapi.json is out of date: run make openapi")
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
	for path, operations := range s.Paths { // TestDescriptionHasEveryRoute looks whether all are there
		for method, op := range operations {
			if op.OperationID == "" || op.Summary == "" || len(op.Responses) == 0 {
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
