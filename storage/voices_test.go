package storage

import (
	"errors"
	"strings"
	"testing"
	"time"

	"souffleur/internal/bus"
	"souffleur/internal/meeting"
	"souffleur/internal/s3test"
)

// heard publishes a record about Anna's microphone.
func (a *archiving) heard(m Meeting, v meeting.Voices) {
	a.t.Helper()
	key, err := a.keys.Live(a.t.Context(), m.ID)
	must(a.t, err)
	v.V, v.Meeting, v.Track, v.Participant = meeting.VoicesVersion, m.ID, "tanna", "panna"
	r, err := bus.SealVoices(key, &v)
	must(a.t, err)
	r.Partition = a.bus.PartitionOf(bus.Speakers, m.ID)
	a.bus.append(r)
}

// atAnnas is a segment of two people at Anna's microphone: a second each.
func atAnnas(m Meeting, n int, text string) meeting.Segment {
	s := segment(m.ID, n, meeting.FinalRev, meeting.Transcript, text)
	s.Spk, s.Track, s.T0, s.T1 = "panna", "tanna", int64(n)*10_000, int64(n)*10_000+2000
	s.Words = nil
	words := strings.Fields(text)
	for i, w := range words {
		at := s.T0 + int64(i)*2000/int64(len(words))
		s.Words = append(s.Words, meeting.Word{Text: w, T0: at, T1: at + 2000/int64(len(words)), P: 1})
	}
	return s
}

func turnsAt(rev int, n int64, first, second int) meeting.Voices {
	at := n * 10_000
	return meeting.Voices{Type: meeting.VoicesTurns, Rev: rev, From: at, Turns: []meeting.VoiceTurn{
		{T0: at, T1: at + 1000, Voice: first}, {T0: at + 1000, T1: at + 2000, Voice: second},
	}}
}

// speakers is who said what.
func speakers(v *Transcript) string {
	var all []string
	for _, s := range v.Segments {
		all = append(all, string(s.Spk)+": "+s.Text)
	}
	return strings.Join(all, " | ")
}

func TestTheTranscriptWaitsForTheVoicesOfASharedMicrophone(t *testing.T) {
	a := newArchiving(t, s3test.Embedded(t))
	m := hold(t, a.keys, a.meetings, meeting.Transcript)
	a.run()
	a.record(m, 1)
	a.bus.commit(recogniseGroup, bus.Audio, 1, 1)
	a.say(m, atAnnas(m, 1, "how are you? very well, thanks"))
	a.heard(m, turnsAt(1, 1, 1, 1))
	a.heard(m, meeting.Voices{Type: meeting.VoicesRenamed, Voice: 3, Name: "Clara", By: "uanna"})
	a.event(m, meeting.Event{Type: meeting.EventEnded, At: 20_000})
	eventually(t, "the segments are stored", func() bool {
		return a.bus.position(archiveGroup, bus.Segments, a.bus.PartitionOf(bus.Segments, m.ID)) == 1
	})
	time.Sleep(50 * time.Millisecond)
	if got, err := a.meetings.Get(t.Context(), m.ID); err != nil || got.TranscriptFinal {
		t.Errorf("the transcript did not wait: %+v, %v", got, err)
	}
	a.heard(m, turnsAt(2, 1, 1, 2))
	a.heard(m, meeting.Voices{Type: meeting.VoicesMerged, Rev: 3, Voice: 2, Into: 3})
	a.heard(m, meeting.Voices{Type: meeting.VoicesDone, Rev: 4})
	a.awaitClosed(m)
	v := a.read(m)
	if got := speakers(v); got != "panna/voice-1: how are you? | panna/voice-3: very well, thanks" {
		t.Errorf("transcript %q", got)
	}
	if len(v.Names) != 1 || v.Names[0].Spk != "panna/voice-3" || v.Names[0].Name != "Clara" || v.Names[0].By != "uanna" || !v.Final {
		t.Errorf("names %+v", v.Names)
	}
}

func TestTheEndDoesNotWaitForEverForVoices(t *testing.T) {
	for name, c := range map[string]struct {
		wait    time.Duration
		records []meeting.Voices
		want    string
	}{
		"nobody tells any apart":  {time.Hour, nil, "panna: how are you? very well, thanks"},
		"whoever did was killed":  {100 * time.Millisecond, []meeting.Voices{turnsAt(1, 1, 1, 2)}, "panna/voice-1: how are you? | panna/voice-2: very well, thanks"},
		"one voice needs no name": {time.Hour, []meeting.Voices{turnsAt(1, 1, 1, 1), {Type: meeting.VoicesDone, Rev: 2}}, "panna: how are you? very well, thanks"},
	} {
		t.Run(name, func(t *testing.T) {
			a := newArchiving(t, s3test.Embedded(t))
			a.config.VoicesWait = c.wait
			m := hold(t, a.keys, a.meetings, meeting.Transcript)
			a.record(m, 1)
			a.bus.commit(recogniseGroup, bus.Audio, 1, 1)
			a.say(m, atAnnas(m, 1, "how are you? very well, thanks"))
			for _, v := range c.records {
				a.heard(m, v)
			}
			a.event(m, meeting.Event{Type: meeting.EventEnded, At: 20_000})
			a.run()
			a.awaitClosed(m)
			if got := speakers(a.read(m)); got != c.want {
				t.Errorf("transcript %q", got)
			}
		})
	}
}

func TestALineIsGivenToAnotherVoice(t *testing.T) {
	a := newArchiving(t, s3test.Embedded(t))
	m := hold(t, a.keys, a.meetings, meeting.Transcript)
	a.run()
	a.record(m, 1)
	a.bus.commit(recogniseGroup, bus.Audio, 1, 1)
	a.say(m, atAnnas(m, 1, "how are you? very well, thanks"))
	a.heard(m, turnsAt(1, 1, 1, 2))
	a.heard(m, meeting.Voices{Type: meeting.VoicesDone, Rev: 2})
	a.event(m, meeting.Event{Type: meeting.EventEnded, At: 20_000})
	a.awaitClosed(m)
	v := a.read(m)
	second := v.Segments[1].Seg
	give := func(version string, spk *meeting.SpeakerID) (*Transcript, error) {
		return a.transcripts.Edit(t.Context(), m.ID, version, Edit{
			By: "uanna", AtUnixMS: 7, Speakers: map[meeting.SegmentID]*meeting.SpeakerID{second: spk},
		})
	}
	third := meeting.SpeakerID("panna/voice-3") // two people were taken for one
	v, err := give(v.Version(), &third)
	must(t, err)
	if s := v.Segments[1]; s.Spk != third || s.Assigned == nil || s.Assigned.Spk != "panna/voice-2" || s.Assigned.By != "uanna" {
		t.Errorf("given: %+v", s)
	}
	if v, err = a.transcripts.Edit(t.Context(), m.ID, v.Version(), Edit{Names: map[meeting.SpeakerID]*string{third: ptr("Clara")}}); err != nil || len(v.Names) != 1 {
		t.Errorf("a voice that only people heard cannot be named: %v", err)
	}
	for _, wrong := range []meeting.SpeakerID{"pbruno", "pbruno/voice-1", "panna/voice-4", "panna/captioner", "panna/voice-0", ""} {
		if _, err := give(v.Version(), &wrong); !errors.Is(err, ErrNoSpeaker) {
			t.Errorf("given to %q: %v", wrong, err)
		}
	}
	if v, err = give(v.Version(), nil); err != nil || v.Segments[1].Spk != "panna/voice-2" || v.Segments[1].Assigned != nil {
		t.Errorf("taken back: %+v, %v", v.Segments[1], err)
	}
	again, err := give(v.Version(), &third)
	must(t, err)
	must(t, a.transcripts.ForgetCorrections(t.Context(), m.ID, "panna"))
	if left, _, err := a.transcripts.corrections(t.Context(), m.ID); err != nil || len(left.Speakers) != 0 {
		t.Errorf("left of %s: %+v, %v", again.Version(), left.Speakers, err)
	}
}
