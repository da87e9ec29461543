package node

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"souffleur/internal/meeting"
	"souffleur/internal/signal"
	"souffleur/storage"
)

// spoken is a final of two sentences at a microphone, half of its two seconds each.
func spoken(seg meeting.SegmentID, t0 int64) meeting.Segment {
	s := meeting.Segment{
		Caption: meeting.Caption{V: 1, Seg: seg, Rev: meeting.FinalRev, Spk: "p1", T0: t0, T1: t0 + 2000, Text: "how are you? very well, thanks", Final: true},
		Track:   "t1", Level: meeting.Transcript,
	}
	for i, w := range meeting.Fields(s.Text) {
		at := t0 + int64(i)*2000/6
		s.Words = append(s.Words, meeting.Word{Text: w, T0: at, T1: at + 2000/6, P: 1})
	}
	return s
}

func record(rev int, kind meeting.VoicesType, change func(*meeting.Voices)) *meeting.Voices {
	v := &meeting.Voices{V: meeting.VoicesVersion, Type: kind, Track: "t1", Participant: "p1", Rev: rev}
	if change != nil {
		change(v)
	}
	return v
}

func turns(rev int, t ...meeting.VoiceTurn) *meeting.Voices {
	return record(rev, meeting.VoicesTurns, func(v *meeting.Voices) { v.Turns = t })
}

// lines are messages as readers see them.
func lines(t *testing.T, messages [][]byte) []string {
	t.Helper()
	var out []string
	for _, m := range messages {
		var c meeting.Caption
		if err := json.Unmarshal(m, &c); err != nil {
			t.Fatal(err)
		}
		out = append(out, fmt.Sprintf("%s %d %s %q", c.Seg, c.Rev, c.Spk, c.Text))
	}
	return out
}

func TestAFinalIsCutByTheVoicesThatAreKnownWhenItComes(t *testing.T) {
	v := newVoices()
	v.take(turns(7, meeting.VoiceTurn{T0: 0, T1: 1000, Voice: 1}, meeting.VoiceTurn{T0: 1000, T1: 2000, Voice: 2}))
	s, messages := v.final(spoken("a", 0), [][]byte{[]byte("{}")}, true)
	want := []string{`a 8000 p1/voice-1 "how are you?"`, `a-2 8000 p1/voice-2 "very well, thanks"`}
	if got := lines(t, messages); !slices.Equal(got, want) || s.Rev != 8000 {
		t.Errorf("shown %q in revision %d", got, s.Rev)
	}
	partial := v.partial(meeting.Caption{V: 1, Seg: "b", Rev: 12, Spk: "p1", T0: 1200, T1: 1900, Text: "well"}, []byte("{}"))
	if got := lines(t, [][]byte{partial}); got[0] != `b 12 p1/voice-2 "well"` {
		t.Errorf("partial %q", got)
	}
	typed := spoken("c", 0)
	typed.Spk = meeting.NewCaptionerID("p1")
	if _, messages := v.final(typed, [][]byte{[]byte("as it is")}, true); string(messages[0]) != "as it is" {
		t.Errorf("what was typed is cut: %q", messages)
	}
}

func TestAFinalIsShownAgainOnceAndOnlyWhenItsSpeakersChange(t *testing.T) {
	onStage(t, 10, func(t *testing.T, p *prompt, h *hall) {
		v := newVoices()
		show := func(r *meeting.Voices) []string {
			before := len(h.read())
			finals, _ := v.take(r)
			for _, f := range finals {
				p.relabel(f.segment, f.messages, f.send)
			}
			return h.read()[before:]
		}
		s, messages := v.final(spoken("a", 0), [][]byte{message(t, "a", "how are you? very well, thanks")}, true)
		p.final(s, messages)
		one := turns(1, meeting.VoiceTurn{T0: 0, T1: 2000, Voice: 1})
		if got := show(one); len(got) != 1 {
			t.Errorf("one voice: %q", got)
		}
		if got := show(one); len(got) != 0 {
			t.Errorf("the same record again: %q", got)
		}
		if got := show(turns(2, meeting.VoiceTurn{T0: 0, T1: 2400, Voice: 1})); len(got) != 0 {
			t.Errorf("a turn that goes on: %q", got)
		}
		two := show(turns(3, meeting.VoiceTurn{T0: 0, T1: 1000, Voice: 1}, meeting.VoiceTurn{T0: 1000, T1: 2000, Voice: 2}))
		if want := []string{`a "how are you?" reliable true`, `a-2 "very well, thanks" reliable true`}; !slices.Equal(two, want) {
			t.Errorf("two voices: %q", two)
		}
		back := show(turns(4, meeting.VoiceTurn{T0: 0, T1: 2000, Voice: 2}))
		if want := []string{`a "how are you? very well, thanks" reliable true`, `a-2 "" reliable true`}; !slices.Equal(back, want) {
			t.Errorf("one voice after all: %q", back)
		}
		page, _ := p.before("a-2", 0)
		if len(page) != 0 {
			t.Errorf("before a part of the first: %+v", page)
		}
		if late := p.recent(0); len(late) != 1 || late[0].Caption.Spk != "p1/voice-2" || late[0].Caption.Rev != 5000 {
			t.Errorf("late joiners get %+v", late)
		}
	})
}

func TestReadersLearnNamesAndMergesOnce(t *testing.T) {
	v := newVoices()
	v.take(turns(1, meeting.VoiceTurn{T0: 0, T1: 1000, Voice: 1}, meeting.VoiceTurn{T0: 1000, T1: 2000, Voice: 2}))
	name := record(0, meeting.VoicesRenamed, func(v *meeting.Voices) { v.Voice, v.Name = 2, "Grace" })
	_, tell := v.take(name)
	if want := []signal.VoiceInfo{{Participant: "p1", Voice: 2, Name: "Grace"}}; !slices.Equal(tell, want) {
		t.Errorf("told %+v", tell)
	}
	if _, tell := v.take(name); tell != nil {
		t.Errorf("told twice: %+v", tell)
	}
	_, tell = v.take(record(2, meeting.VoicesMerged, func(v *meeting.Voices) { v.Voice, v.Into = 2, 1 }))
	want := []signal.VoiceInfo{{Participant: "p1", Voice: 1, Name: "Grace"}, {Participant: "p1", Voice: 2, SameAs: 1}}
	if !slices.Equal(tell, want) || !slices.Equal(v.known(), want) {
		t.Errorf("told %+v", tell)
	}
	if !v.heard("p1", 2) || v.heard("p1", 3) || v.heard("p2", 1) {
		t.Error("only a voice that was heard can be named")
	}
}

func TestSwitchedOffNothingIsLabelled(t *testing.T) {
	v := newVoices()
	v.take(turns(1, meeting.VoiceTurn{T0: 0, T1: 2000, Voice: 1}))
	v.set(true)
	if s, messages := v.final(spoken("a", 0), [][]byte{[]byte("as it is")}, true); string(messages[0]) != "as it is" || s.Rev != meeting.FinalRev {
		t.Errorf("%q in revision %d", messages, s.Rev)
	}
	if finals, tell := v.take(turns(2, meeting.VoiceTurn{T0: 0, T1: 2000, Voice: 2})); finals != nil || tell != nil {
		t.Errorf("told %+v, %+v", finals, tell)
	}
}

func TestWhatWasSaidBeforeAProbeHeardTwoPeopleIsShownAgain(t *testing.T) {
	onStage(t, 10, func(t *testing.T, p *prompt, h *hall) {
		v := newVoices()
		for i := range maxUnshared + 5 {
			seg := meeting.SegmentID(fmt.Sprint("s", i))
			s, messages := v.final(spoken(seg, int64(i)*3000), [][]byte{message(t, seg, "how are you? very well, thanks")}, false)
			p.final(s, messages)
		}
		if got := h.read(); len(got) != maxUnshared+5 || got[0] != `s0 "how are you? very well, thanks" reliable true` {
			t.Fatalf("at first %d lines, %q", len(got), got[0])
		}
		if n := len(v.said["p1"]); n != maxUnshared {
			t.Errorf("%d finals of an ordinary microphone are kept", n)
		}
		last := int64(maxUnshared+4) * 3000
		found := turns(1, meeting.VoiceTurn{T0: last - 3000, T1: last - 2000, Voice: 1}, meeting.VoiceTurn{T0: last - 2000, T1: last - 1000, Voice: 2},
			meeting.VoiceTurn{T0: last, T1: last + 1000, Voice: 1}, meeting.VoiceTurn{T0: last + 1000, T1: last + 2000, Voice: 2})
		found.From = last - 3000
		finals, _ := v.take(found)
		before := len(h.read())
		for _, f := range finals {
			p.relabel(f.segment, f.messages, f.send)
		}
		want := []string{
			`s35 "how are you?" reliable true`, `s35-2 "very well, thanks" reliable true`,
			`s36 "how are you?" reliable true`, `s36-2 "very well, thanks" reliable true`,
		}
		if got := h.read()[before:]; !slices.Equal(got, want) {
			t.Errorf("shown again: %q", got)
		}
	})
}

func TestTheTranscriptOfAMeetingThatGoesOnHasItsVoices(t *testing.T) {
	n := &Node{meetings: map[meeting.RoomID]*live{}}
	l := &live{id: "m1", room: "r1", voices: newVoices()}
	n.meetings["r1"] = l
	l.voices.take(turns(1, meeting.VoiceTurn{T0: 0, T1: 1000, Voice: 1}, meeting.VoiceTurn{T0: 1000, T1: 2000, Voice: 2}))
	l.voices.take(record(0, meeting.VoicesRenamed, func(v *meeting.Voices) { v.Voice, v.Name, v.By = 2, "Grace", "u1" }))
	read := func() *storage.Transcript {
		v := &storage.Transcript{Meeting: "m1", Room: "r1", Segments: []meeting.Segment{spoken("a", 0)}}
		n.TellVoices(v)
		return v
	}
	check := func(when string) {
		t.Helper()
		v := read()
		if len(v.Segments) != 2 || v.Segments[0].Spk != "p1/voice-1" || v.Segments[1].Spk != "p1/voice-2" || v.Segments[1].Seg != "a-2" {
			t.Errorf("%s: %+v", when, v.Segments)
		}
		if len(v.Names) != 1 || v.Names[0].Spk != "p1/voice-2" || v.Names[0].Name != "Grace" || v.Names[0].By != "u1" {
			t.Errorf("%s: names %+v", when, v.Names)
		}
	}
	check("while it goes on")
	delete(n.meetings, "r1")
	if v := read(); len(v.Segments) != 1 || v.Segments[0].Spk != "p1" {
		t.Errorf("of a meeting that nobody knows: %+v", v.Segments)
	}
	n.ended.keep("m1", l.voices)
	check("after its end")
	for i := range maxEnded {
		other := newVoices()
		other.take(turns(1, meeting.VoiceTurn{T0: 0, T1: 1000, Voice: 1}))
		n.ended.keep(meeting.ID(fmt.Sprint("x", i)), other)
	}
	if v := read(); len(v.Segments) != 1 {
		t.Errorf("remembered for ever: %+v", v.Segments)
	}
}
