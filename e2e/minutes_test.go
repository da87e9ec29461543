package e2e

import (
	"testing"

	"souffleur/internal/meeting"
	"souffleur/storage"
	"souffleur/summarize/minutes"
)

// TestMinutesComeThoughTheServerIsKilledAtTheEnd: whoever ended a meeting finds its minutes, whatever happened to the server in between.
func TestMinutesComeThoughTheServerIsKilledAtTheEnd(t *testing.T) {
	in := install(t)
	link := in.room("minutes")
	ada, grace := join(t, link, "Ada"), join(t, link, "Grace")
	id := ada.Welcome().Meeting
	ada.say("jfk-1")
	grace.say("jfk-2")
	in.await(patience, "finals of both speakers", func() bool {
		return wrongWords(reference(t, "jfk-1"), grace.heard("Ada")) <= maxWrong && wrongWords(reference(t, "jfk-2"), ada.heard("Grace")) <= maxWrong
	})
	in.settled(grace)
	endMeeting(t, in, link)
	in.kill()
	in.start()

	store, keys := in.store()
	transcripts := in.transcripts()
	kept := storage.NewMinutes(store, keys, transcripts)
	var read *storage.MinutesRead
	in.await(patience, "minutes", func() bool {
		job, err := kept.Job(t.Context(), id)
		if err != nil || job.State != storage.MinutesDone {
			return false
		}
		read, err = kept.Read(t.Context(), id)
		return err == nil
	})
	there := map[meeting.SegmentID]bool{}
	for _, s := range read.Transcript.Segments {
		there[s.Seg] = s.Level == meeting.Minutes
	}
	lines := 0
	for l := range read.All() {
		lines++
		for _, e := range l.Evidence {
			if !there[e] {
				t.Errorf("a line rests on %s, which was not said at level minutes", e)
			}
		}
	}
	if read.Facts.Engine.Name != minutes.Extractive || read.Outdated {
		t.Errorf("minutes are %+v", read.Facts)
	}
	t.Logf("%d lines, warnings %v", lines, read.Facts.Warnings)
	if lines == 0 {
		t.Error("there is no line")
	}
}
