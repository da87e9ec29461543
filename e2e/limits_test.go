package e2e

import (
	"net/http"
	"path"
	"testing"
)

func TestMeetingsAboveTheLimitAreRefusedAndThoseThatGoOnAreNot(t *testing.T) {
	program(t)
	in := &installation{t: t, dir: t.TempDir(), listen: "127.0.0.1:0", env: []string{"SOUFFLEUR_MAX_MEETINGS=1"}}
	in.start()
	t.Cleanup(in.stop)
	first, second := in.room("off"), in.room("off")
	join(t, first, "Ada")
	enter := func(room string) int {
		return in.request(http.MethodPost, "/rooms/"+path.Base(room)+"/join", `{"name":"Ben"}`)
	}
	if status := enter(second); status != http.StatusServiceUnavailable {
		t.Errorf("a second meeting is answered %d", status)
	}
	join(t, first, "Ben")
	if status := enter(first); status != http.StatusOK {
		t.Errorf("a third person for the first meeting is answered %d", status)
	}
}
