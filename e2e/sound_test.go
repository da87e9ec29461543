package e2e

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path"
	"slices"
	"strings"
	"testing"

	"souffleur/internal/meeting"
	"souffleur/internal/ogg"
)

// TestKeptSoundIsWhatWasSaidWhileTheSwitchWasOn: every packet of it, once, over a kill -9 of the server; nothing of
// before and after, and nothing of who does not want to be transcribed.
func TestKeptSoundIsWhatWasSaidWhileTheSwitchWasOn(t *testing.T) {
	in := install(t)
	link := in.room("transcript")
	room := "/rooms/" + path.Base(link)
	ada, grace := join(t, link, "Ada"), join(t, link, "Grace")
	id := ada.Welcome().Meeting
	keep := func(on string, want bool) {
		t.Helper()
		in.order(http.MethodPut, room+"/audio", `{"keep":`+on+`}`, nil)
		for _, p := range []*person{ada, grace} {
			in.await(patience, p.name+" is told", func() bool {
				ai, _ := p.AI()
				return ai.Policy.KeepAudio == want && ai.Policy.ByName != ""
			})
		}
	}
	in.order(http.MethodPatch, "/instance", `{"keep_audio":true}`, nil)

	ada.say("jfk-2") // before
	keep("true", true)
	grace.OptOut(true)
	ada.say("jfk-1")
	grace.say("jfk-2")
	in.settled(ada)
	in.kill()
	in.start()
	in.await(patience, "Ada is back", func() bool { return ada.Connected() && ada.Welcome().Meeting == id })
	in.await(patience, "the switch is still on", func() bool { ai, _ := ada.AI(); return ai.Policy.KeepAudio })
	ada.say("jfk-2")
	keep("false", false)
	ada.say("jfk-1") // after
	in.settled(ada)
	endMeeting(t, in, link)
	in.finalTranscript(id)

	var list struct{ Tracks []keptTrack }
	sounds := "/meetings/" + string(id) + "/audio"
	in.order(http.MethodGet, sounds+"?reason=test", "", &list)
	slices.SortFunc(list.Tracks, func(a, b keptTrack) int { return int(a.FromMS - b.FromMS) })
	var kept [][]byte
	for _, k := range list.Tracks {
		if k.Participant != ada.Welcome().Participant {
			t.Errorf("something of %s was kept, who is not Ada", k.Participant)
		}
		kept = append(kept, packetsOf(t, bytes.NewReader(in.order(http.MethodGet, sounds+"/"+string(k.Track)+"?reason=test", "", nil)))...)
	}
	first, second := packetsOf(t, bytes.NewReader(recorded(t, "jfk-1"))), packetsOf(t, bytes.NewReader(recorded(t, "jfk-2")))
	said := slices.Concat(first, second)
	if len(kept) == len(said)-1 { // a packet that overtakes the word that the microphone is open is heard by nobody
		said = said[1:]
	}
	if !slices.EqualFunc(kept, said, bytes.Equal) {
		t.Errorf("%d packets are kept, and not the %d that were said while the switch was on", len(kept), len(said))
	}
}

// keptTrack is how the API lists what was kept.
type keptTrack struct {
	Track       meeting.TrackID       `json:"track"`
	Participant meeting.ParticipantID `json:"participant"`
	FromMS      int64                 `json:"from_ms"`
}

// order calls the API as the holder of the token, reads the answer into v unless that is nil, and returns it.
func (in *installation) order(method, path, body string, v any) []byte {
	in.t.Helper()
	req, err := http.NewRequestWithContext(in.t.Context(), method, in.url()+"/api/v1"+path, strings.NewReader(body))
	if err != nil {
		in.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+in.file("api-token"))
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		in.t.Fatal(err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode >= 300 {
		in.t.Fatalf("%s %s: %s, %v", method, path, res.Status, err)
	}
	if v != nil {
		if err := json.Unmarshal(answer, v); err != nil {
			in.t.Fatal(err)
		}
	}
	return answer
}

func recorded(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile("../testdata/speech/" + name + ".ogg")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// packetsOf returns the packets of a stream in which somebody is heard: those of digital silence are short.
func packetsOf(t *testing.T, stream io.Reader) (all [][]byte) {
	t.Helper()
	r, err := ogg.NewReader(stream)
	if err != nil {
		t.Fatal(err)
	}
	for {
		p, err := r.Next()
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		if len(p.Opus) > 14 {
			all = append(all, bytes.Clone(p.Opus))
		}
	}
}
