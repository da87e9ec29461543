package e2e

import (
	"bytes"
	"net/http"
	"path"
	"strings"
	"syscall"
	"testing"

	"souffleur/internal/client"
	"souffleur/internal/meeting"
)

// speakersAt are those whose finals somebody has, without doubles.
func speakersAt(p *person) map[meeting.SpeakerID]bool {
	spoken := map[meeting.SpeakerID]bool{}
	for _, r := range p.finals() {
		if r.Caption.Text != "" {
			spoken[r.Caption.Spk] = true
		}
	}
	return spoken
}

func TestCaptionsDoNotWaitForVoices(t *testing.T) {
	in := install(t)
	link := in.room("captions")
	ada := join(t, link, "Ada")
	hall := joinAs(t, client.Config{URL: link, Name: "Hall", RoomMic: true, Headcount: 2})
	participant := hall.Welcome().Participant
	child := in.child("diarize")
	if err := syscall.Kill(child, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	defer syscall.Kill(child, syscall.SIGCONT) // a stopped process would not end with the server
	hall.say("jfk-1")
	in.await(patience, "captions of the participant while nobody tells voices apart", func() bool {
		return speakersAt(ada)[meeting.SpeakerID(participant)] && wrongWords(reference(t, "jfk-1"), ada.heard("Hall")) <= maxWrong
	})
	if err := syscall.Kill(child, syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	in.await(patience, "the voice of what was said before", func() bool {
		s := speakersAt(ada)
		return len(s) == 1 && s[meeting.NewVoiceID(participant, 1)]
	})
}

func TestARoomsVoiceIsLabelledAcrossAKillAndUntilAnAdminSwitchesItOff(t *testing.T) {
	in := install(t)
	link := in.room("transcript")
	ada := join(t, link, "Ada")
	hall := joinAs(t, client.Config{URL: link, Name: "Hall", RoomMic: true, Headcount: 2})
	voice := meeting.NewVoiceID(hall.Welcome().Participant, 1)
	in.child("diarize") // it has begun, so that the first words have a label

	hall.say("jfk-1")
	in.await(patience, "the first voice", func() bool {
		return speakersAt(ada)[voice] && wrongWords(reference(t, "jfk-1"), ada.heard("Hall")) <= maxWrong
	})
	if err := syscall.Kill(in.child("diarize"), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	hall.say("jfk-2")
	both := reference(t, "jfk-1") + " " + reference(t, "jfk-2")
	in.await(patience, "captions go on, under the same voice", func() bool {
		s := speakersAt(ada)
		return wrongWords(both, ada.heard("Hall")) <= maxWrong && len(s) == 1 && s[voice]
	})
	said := len(ada.finals())

	req, err := http.NewRequest(http.MethodPut, in.url()+"/api/v1/rooms/"+path.Base(link)+"/voices", strings.NewReader(`{"apart":false}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+in.file("api-token"))
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	var answer bytes.Buffer
	answer.ReadFrom(res.Body)
	res.Body.Close()
	if res.StatusCode != http.StatusOK || !strings.Contains(answer.String(), `"voices_apart":false`) {
		t.Fatalf("switch off: %s %s", res.Status, &answer)
	}
	hall.say("jfk-1")
	in.await(patience, "words after the switch", func() bool { return len(ada.finals()) > said })
	if !speakersAt(ada)[meeting.SpeakerID(hall.Welcome().Participant)] {
		t.Errorf("after the switch to off speakers are %v", speakersAt(ada))
	}
	in.settled(ada)
	endMeeting(t, in, link)
	for _, s := range in.finalTranscript(ada.Welcome().Meeting).Segments {
		if s.Spk != meeting.SpeakerID(hall.Welcome().Participant) { // one voice is the participant
			t.Errorf("in the transcript %s says %q", s.Spk, s.Text)
		}
	}
}
