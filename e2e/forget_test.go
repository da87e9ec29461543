package e2e

import (
	"slices"
	"strings"
	"testing"
	"time"

	"souffleur/internal/meeting"
)

// TestForgottenFromTheCommandLine holds a meeting, forgets what one of two said in it, then the whole of it.
func TestForgottenFromTheCommandLine(t *testing.T) {
	in := install(t)
	link := in.room("transcript")
	ada, grace := join(t, link, "Ada"), join(t, link, "Grace")
	id := ada.Welcome().Meeting
	ada.say("jfk-1")
	grace.say("jfk-2")
	in.await(patience, "finals of both speakers", func() bool {
		return wrongWords(reference(t, "jfk-1"), grace.heard("Ada")) <= maxWrong && wrongWords(reference(t, "jfk-2"), grace.heard("Grace")) <= maxWrong
	})
	in.settled(grace)
	endMeeting(t, in, link)
	kept := in.finalTranscript(id)
	said := func(who meeting.ParticipantID) bool {
		v, err := in.transcripts().Read(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		return slices.ContainsFunc(v.Segments, func(s meeting.Segment) bool { return s.Spk.Participant() == who })
	}
	if len(kept.Segments) == 0 || !said(grace.Welcome().Participant) {
		t.Fatal("Grace said nothing")
	}
	if out := in.run("forget", string(id)); !strings.Contains(out, "Nothing is deleted yet") || !strings.Contains(out, string(grace.Welcome().Participant)) {
		t.Errorf("forget without --yes answered %q", out)
	}
	in.await(30*time.Second, "the live key is gone", func() bool {
		_, keys := in.store()
		_, err := keys.Live(t.Context(), id)
		return err != nil
	})
	in.run("forget", string(id), "--participant", string(grace.Welcome().Participant), "--yes")
	if said(grace.Welcome().Participant) || !said(ada.Welcome().Participant) {
		t.Error("what is left is not what Ada said")
	}
	if text := in.run("meetings", "export", string(id)); strings.Contains(text, "Grace") || !strings.Contains(text, "Ada") {
		t.Errorf("the export names %q", text)
	}
	in.run("forget", string(id), "--yes")
	if out := in.run("meetings", "list"); strings.Contains(out, string(id)) {
		t.Errorf("a forgotten meeting is listed: %s", out)
	}
	if _, err := in.transcripts().Read(t.Context(), id); err == nil {
		t.Error("a forgotten meeting can be read")
	}
}
