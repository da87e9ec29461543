package web

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"souffleur/internal/meeting"
	"souffleur/storage"
)

func TestOnlyAdminsRunWebhooksTokensAndAudit(t *testing.T) {
	s := newSite(t)
	admin, owner := s.admin(), s.browser()
	owner.makeRoom("Hall")
	made := admin.must(http.MethodPost, "/webhooks", fields{"url": "https://example.org/hook"}, http.StatusCreated)
	hook := "/webhooks/" + made.fields.text("webhook", "id")
	token := "/tokens/" + admin.must(http.MethodPost, "/tokens", fields{"name": "CI", "scope": "read"}, http.StatusCreated).fields.text("token", "id")
	delivery := hook + "/deliveries/" + admin.must(http.MethodPost, hook+"/test", nil, http.StatusAccepted).fields.text("id")
	for _, c := range []struct {
		method, path string
		body         any
	}{
		{"GET", "/webhooks", nil}, {"POST", "/webhooks", fields{"url": "https://example.org"}}, {"PATCH", hook, fields{"active": false}},
		{"POST", hook + "/secret", nil}, {"POST", hook + "/test", nil}, {"GET", hook + "/deliveries", nil}, {"POST", delivery + "/replay", nil},
		{"DELETE", hook, nil}, {"GET", "/tokens", nil}, {"POST", "/tokens", fields{"name": "x", "scope": "admin"}}, {"DELETE", token, nil}, {"GET", "/audit", nil},
	} {
		for _, b := range []*browser{s.browser(), owner} {
			if a := b.do(c.method, c.path, c.body); a.status != http.StatusForbidden || a.problem() != "forbidden" {
				t.Errorf("%s %s by no admin answers %d %s", c.method, c.path, a.status, a.body)
			}
		}
	}
}

func TestWebhooksOfAdmins(t *testing.T) {
	s := newSite(t)
	b := s.admin()
	for _, bad := range []fields{
		{"url": "ftp://example.org/x"}, {"url": "https://user:pass@example.org"}, {"url": "https:///nothing"}, {"url": "https://example.org/#part"}, {"url": "//example.org"},
		{"url": "https://example.org", "events": []string{"meeting.exploded"}}, {"url": ""}, {}, {"url": "https://example.org/" + strings.Repeat("a", 2000)},
	} {
		b.must(http.MethodPost, "/webhooks", bad, http.StatusUnprocessableEntity)
	}
	a := b.must(http.MethodPost, "/webhooks", fields{"url": "https://example.org/hook?key=secret", "events": []string{"meeting.ended", "meeting.ended"}}, http.StatusCreated)
	id, secret := a.fields.text("webhook", "id"), a.fields.text("secret")
	if !strings.HasPrefix(secret, "whsec_") || len(a.fields.at("webhook", "events").([]any)) != 1 {
		t.Fatalf("made %s", a.body)
	}
	path := "/webhooks/" + id
	if a := b.must(http.MethodGet, "/webhooks", nil, http.StatusOK); strings.Contains(string(a.body), "whsec_") || !strings.Contains(string(a.body), "transcript.ready") {
		t.Errorf("the list is %s", a.body)
	}
	a = b.must(http.MethodPost, path+"/secret", nil, http.StatusOK)
	if a.fields.text("secret") == secret || a.fields.at("webhook", "secrets") != 2.0 {
		t.Errorf("a new secret: %s", a.body)
	}
	a = b.must(http.MethodPatch, path, fields{"events": []string{}, "url": "https://example.org/other"}, http.StatusOK)
	if len(a.fields.at("events").([]any)) != 0 || a.fields.text("url") != "https://example.org/other" {
		t.Errorf("changed to %s", a.body)
	}
	d := b.must(http.MethodPost, path+"/test", nil, http.StatusAccepted).fields.text("id")
	if a := b.do(http.MethodPost, path+"/deliveries/"+d+"/replay", nil); a.problem() != "delivery-waiting" || a.status != http.StatusConflict {
		t.Errorf("what waits is sent again: %d %s", a.status, a.body)
	}
	a = b.must(http.MethodGet, path+"/deliveries?limit=1", nil, http.StatusOK)
	if log := a.fields.at("deliveries").([]any); len(log) != 1 || !strings.Contains(string(a.body), `"webhook.test"`) || a.fields.text("next") != "" {
		t.Errorf("the log is %s", a.body)
	}
	if a := b.must(http.MethodPatch, path, fields{"active": false}, http.StatusOK); a.fields.text("stopped") != "paused" {
		t.Errorf("paused: %s", a.body)
	}
	if a := b.do(http.MethodPost, path+"/test", nil); a.problem() != "webhook-stopped" {
		t.Errorf("a test of a paused webhook: %d %s", a.status, a.body)
	}
	if a := b.must(http.MethodPatch, path, fields{"active": true}, http.StatusOK); a.fields.text("stopped") != "" {
		t.Errorf("goes on: %s", a.body)
	}
	b.must(http.MethodDelete, path, nil, http.StatusNoContent)
	for _, c := range [][2]string{{"DELETE", path}, {"PATCH", path}, {"GET", path + "/deliveries"}, {"POST", path + "/test"}, {"POST", path + "/secret"}, {"POST", path + "/deliveries/" + d + "/replay"}, {"GET", "/webhooks/..%2Fx/deliveries"}} {
		var body any
		if c[0] == "PATCH" {
			body = fields{"active": true}
		}
		if a := b.do(c[0], c[1], body); a.status != http.StatusNotFound {
			t.Errorf("%s %s answers %d", c[0], c[1], a.status)
		}
	}
	for _, action := range []string{"webhook.create", "webhook.secret", "webhook.test", "webhook.delete"} {
		if e := s.audited(action); e.Object != "webhooks/"+id {
			t.Errorf("the audit says %+v", e)
		}
	}
	for _, private := range []string{"whsec_", "key=secret"} {
		if strings.Contains(s.log.String(), private) {
			t.Errorf("the log has %q", private)
		}
	}
}

func TestAPITokensOfAdmins(t *testing.T) {
	s := newSite(t)
	admin := s.admin()
	room, _ := admin.makeRoom("Hall")
	make := func(scope string, days int) (b *browser, id string) {
		a := admin.must(http.MethodPost, "/tokens", fields{"name": "Robot", "scope": scope, "days": days}, http.StatusCreated)
		b = s.browser()
		b.bearer = a.fields.text("secret")
		return b, a.fields.text("token", "id")
	}
	reader, readerID := make("read", 1)
	writer, writerID := make("admin", 0)
	for _, path := range []string{"/status", "/rooms", "/instance", "/audit", "/tokens"} {
		reader.must(http.MethodGet, path, nil, http.StatusOK)
	}
	for _, c := range []struct {
		method, path string
		body         any
	}{
		{"PATCH", "/instance", fields{"ceiling": "off"}}, {"POST", "/rooms", fields{"name": "x"}}, {"PUT", "/rooms/" + room + "/ceiling", fields{"ceiling": "off"}},
		{"DELETE", "/rooms/" + room, nil}, {"POST", "/tokens", fields{"name": "more", "scope": "admin"}}, {"DELETE", "/tokens/" + writerID, nil},
	} {
		if a := reader.do(c.method, c.path, c.body); a.status != http.StatusForbidden || a.problem() != "read-only-token" {
			t.Errorf("%s %s with a token that reads: %d %s", c.method, c.path, a.status, a.body)
		}
	}
	writer.must(http.MethodPatch, "/instance", fields{"room_creation": "admin"}, http.StatusOK)
	if e := s.audited("room-creation.admin"); e.Actor != "api-token/"+writerID || e.Role != meeting.Admin {
		t.Errorf("the audit says %+v", e)
	}
	list := admin.must(http.MethodGet, "/tokens", nil, http.StatusOK)
	if strings.Contains(string(list.body), reader.bearer) || strings.Count(string(list.body), "last_used_unix_ms") != 2 {
		t.Errorf("tokens are %s", list.body)
	}
	s.later.Store(int64(25 * time.Hour))
	if a := reader.do(http.MethodGet, "/status", nil); a.status != http.StatusUnauthorized || a.problem() != "bad-token" {
		t.Errorf("an expired token: %d %s", a.status, a.body)
	}
	admin.must(http.MethodDelete, "/tokens/"+writerID, nil, http.StatusNoContent)
	if a := writer.do(http.MethodGet, "/status", nil); a.status != http.StatusUnauthorized {
		t.Errorf("a revoked token: %d", a.status)
	}
	admin.must(http.MethodDelete, "/tokens/"+writerID, nil, http.StatusNotFound)
	admin.must(http.MethodDelete, "/tokens/"+readerID[:5], nil, http.StatusNotFound)
	s.program().must(http.MethodGet, "/status", nil, http.StatusOK) // that of the start works on
	for _, bad := range []fields{{"name": "", "scope": "read"}, {"name": "  ", "scope": "read"}, {"name": "x", "scope": "root"}, {"name": "x", "scope": "read", "days": 4000}, {"scope": "read"}} {
		admin.must(http.MethodPost, "/tokens", bad, http.StatusUnprocessableEntity)
	}
	if strings.Contains(s.log.String(), reader.bearer) {
		t.Error("the log has a token")
	}
}

func TestAuditIsReadInPages(t *testing.T) {
	s := newSite(t)
	b := s.admin()
	day := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for i := range 25 {
		e := storage.AuditEntry{AtUnixMS: day.Add(time.Duration(i) * time.Hour).UnixMilli(), Actor: "upaul", Role: meeting.Organizer, Action: "ai.level.off", Object: "rooms/kfm-rtqw-xzdp"}
		if i%5 == 0 {
			e.Actor, e.Action, e.Object, e.Reason = "uanna", "transcript.read", "meetings/01ARZ3NDEKTSV4RRFFQ69G5FAV", "Because I must"
		}
		if err := s.deps.Audit.Append(context.Background(), e); err != nil {
			t.Fatal(err)
		}
	}
	var seen int
	last, next := int64(1)<<62, ""
	for pages := 1; ; pages++ {
		path := "/audit?from=2026-03-01&to=2026-03-02&limit=10"
		if next != "" {
			path += "&after=" + next
		}
		a := b.must(http.MethodGet, path, nil, http.StatusOK)
		for _, e := range a.fields.at("entries").([]any) {
			at := int64(e.(map[string]any)["at_unix_ms"].(float64))
			if at >= last {
				t.Error("not newest first")
			}
			last = at
			seen++
		}
		if next = a.fields.text("next"); next == "" {
			if pages != 3 {
				t.Errorf("%d pages", pages)
			}
			break
		}
	}
	if seen != 25 {
		t.Errorf("%d of 25 entries", seen)
	}
	for query, want := range map[string]int{
		"actor=uanna": 5, "action=transcript": 5, "action=transcript.read": 5, "action=trans": 0, "object=meetings": 5, "object=rooms/kfm-rtqw-xzdp": 20,
		"object=rooms": 20, "from=2026-03-02&to=2026-03-02": 13, "to=2026-03-01": 12, "actor=uanna&object=rooms": 0, "from=2026-03-03&to=2026-03-09": 0,
	} {
		if !strings.Contains(query, "to=") {
			query += "&to=2026-03-31"
		}
		a := b.must(http.MethodGet, "/audit?"+query, nil, http.StatusOK)
		if got := len(a.fields.at("entries").([]any)); got != want {
			t.Errorf("%s finds %d, want %d", query, got, want)
		}
	}
	if a := b.must(http.MethodGet, "/audit?actor=uanna", nil, http.StatusOK); !strings.Contains(string(a.body), "Because I must") {
		t.Errorf("reasons are missing: %s", a.body)
	}
	for _, bad := range []string{"from=yesterday", "after=../x", "after=2026-03-01/x", "limit=0", "to=", "limit=201", "limit=x"} {
		b.must(http.MethodGet, "/audit?"+bad, nil, http.StatusUnprocessableEntity)
	}
}
