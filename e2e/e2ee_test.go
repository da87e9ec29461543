package e2e

import (
	"context"
	"net/http"
	"path"
	"strings"
	"sync"
	"testing"

	"souffleur/internal/bus"
	"souffleur/internal/client"
	"souffleur/internal/meeting"
)

// TestNobodyListensInAnEncryptedRoom: what is sent there reaches no recorder, whatever is asked for, also after a restart.
func TestNobodyListensInAnEncryptedRoom(t *testing.T) {
	in := install(t)
	in.order(http.MethodPatch, "/instance", `{"keep_audio":true}`, nil)
	link := in.room("transcript")
	room := "/rooms/" + path.Base(link)
	records := followAudio(t, in)

	open := join(t, link, "Ada")
	open.say("jfk-1")
	in.await(patience, "audio of a meeting that is not encrypted", func() bool { return records.of(open.Welcome().Meeting) > 0 })
	in.refused(http.MethodPut, room+"/e2ee", `{"on":true}`, http.StatusConflict) // a meeting is live
	endMeeting(t, in, link)
	in.order(http.MethodPut, room+"/e2ee", `{"on":true}`, nil)

	if _, err := client.Join(t.Context(), client.Config{URL: link, Name: "Clear"}); err == nil {
		t.Error("a client that does not encrypt was let in")
	}
	ada := joinAs(t, client.Config{URL: link, Name: "Ada", E2EE: true}) // what it sends is in clear: a recorder would keep it
	if ai, _ := ada.AI(); ai.Policy.Level != meeting.Off || !ai.Policy.E2EE {
		t.Errorf("the participant is told %+v", ai.Policy)
	}
	attempts := func() {
		t.Helper()
		in.refused(http.MethodPut, room+"/ai", `{"level":"transcript"}`, http.StatusConflict)
		in.refused(http.MethodPut, room+"/audio", `{"keep":true}`, http.StatusConflict)
		in.refused(http.MethodPut, room+"/e2ee", `{"on":false}`, http.StatusConflict)
		in.order(http.MethodPut, room+"/ceiling", `{"ceiling":"minutes"}`, nil)
		ada.say("jfk-2")
	}
	attempts()
	in.kill()
	in.start()
	in.await(patience, "Ada is back", func() bool { return ada.Connected() })
	attempts()
	endMeeting(t, in, link)
	in.order(http.MethodPut, room+"/e2ee", `{"on":false}`, nil)

	// Something that is heard tells that all before it would have been.
	in.run("rooms", "set", path.Base(link), "--ai", "transcript")
	grace := join(t, link, "Grace")
	grace.say("jfk-1")
	in.await(patience, "audio after the encrypted meeting", func() bool { return records.of(grace.Welcome().Meeting) > 0 })
	if n := records.of(ada.Welcome().Meeting); n != 0 {
		t.Errorf("%d audio records of the encrypted meeting reached Kafka", n)
	}
}

// audioRecords counts the audio records of each meeting.
type audioRecords struct {
	mu    sync.Mutex // guards count
	count map[meeting.ID]int
}

func (a *audioRecords) of(id meeting.ID) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.count[id]
}

// followAudio counts what reaches Kafka from now on, also while the server restarts.
func followAudio(t *testing.T, in *installation) *audioRecords {
	t.Helper()
	a := &audioRecords{count: map[meeting.ID]int{}}
	b := in.bus()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = b.Follow(ctx, bus.Audio, bus.FollowOptions{}, func(m bus.Message) {
			a.mu.Lock()
			defer a.mu.Unlock()
			a.count[m.Meeting]++
		})
	}()
	t.Cleanup(func() { cancel(); <-done })
	return a
}

// refused calls the API as the holder of the token and expects a status.
func (in *installation) refused(method, path, body string, want int) {
	in.t.Helper()
	req, err := http.NewRequestWithContext(in.t.Context(), method, in.url()+"/api/v1"+path, strings.NewReader(body))
	if err != nil {
		in.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+in.file("api-token"))
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		in.t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != want {
		in.t.Errorf("%s %s %s answered %d, want %d", method, path, body, res.StatusCode, want)
	}
}
