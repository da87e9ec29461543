package asr

import (
	"slices"
	"testing"
	"time"

	"souffleur/internal/meeting"
)

const room = meeting.ID("01JD0000000000000000000000")

// told is a roster that heard these events of one meeting, which began just now.
func told(events ...meeting.Event) *roster {
	r := newRoster()
	begun := meeting.Event{Type: meeting.EventStarted, Started: &meeting.Started{BeganUnixMS: time.Now().UnixMilli()}}
	track := meeting.Event{Type: meeting.EventTrack, Track: &meeting.Track{Track: "t0", Participant: "p0"}}
	for _, e := range append([]meeting.Event{begun, track}, events...) {
		e.Meeting = room
		r.apply(&e, time.Now())
	}
	return r
}

func level(l meeting.Level, at int64) meeting.Event {
	return meeting.Event{Type: meeting.EventPolicy, At: at, Policy: &meeting.Policy{Level: l, AtMS: at, Langs: []string{"fr", "en"}, Glossary: []string{"USOC"}}}
}

func optedOut(out bool, at int64) meeting.Event {
	return meeting.Event{Type: meeting.EventOptOut, Participant: "p0", OptOut: out, At: at}
}

func TestWhoMayBeRecognised(t *testing.T) {
	for name, c := range map[string]struct {
		events []meeting.Event
		at     int64
		want   bool
	}{
		"captions on":                     {[]meeting.Event{level(meeting.Captions, 0)}, 100, true},
		"off":                             {[]meeting.Event{level(meeting.Captions, 0), level(meeting.Off, 50)}, 100, false},
		"off, said before":                {[]meeting.Event{level(meeting.Captions, 0), level(meeting.Off, 50)}, 10, false},
		"on again":                        {[]meeting.Event{level(meeting.Off, 50), level(meeting.Captions, 80)}, 100, true},
		"on again, said before the off":   {[]meeting.Event{level(meeting.Captions, 0), level(meeting.Off, 50), level(meeting.Captions, 80)}, 10, false},
		"raised to minutes":               {[]meeting.Event{level(meeting.Captions, 0), level(meeting.Minutes, 50)}, 10, true},
		"opted out":                       {[]meeting.Event{level(meeting.Captions, 0), optedOut(true, 50)}, 100, false},
		"opted in again":                  {[]meeting.Event{level(meeting.Captions, 0), optedOut(true, 50), optedOut(false, 80)}, 100, true},
		"opted in again, said before":     {[]meeting.Event{level(meeting.Captions, 0), optedOut(true, 50), optedOut(false, 80)}, 10, false},
		"somebody else opted out":         {[]meeting.Event{{Type: meeting.EventOptOut, Participant: "p1", OptOut: true, At: 50}}, 100, true},
		"the meeting ended":               {[]meeting.Event{level(meeting.Captions, 0), {Type: meeting.EventEnded, At: 100}}, 90, true},
		"forgotten":                       {[]meeting.Event{{Type: meeting.EventForget}}, 10, false},
		"events with nothing in them":     {[]meeting.Event{{Type: meeting.EventPolicy}, {Type: meeting.EventTrack}, {Type: meeting.EventJoined}}, 10, true},
		"before any policy: the record's": {nil, 10, true},
	} {
		if got := told(c.events...).of(room, "t0").may(c.at); got != c.want {
			t.Errorf("%s: may %v", name, got)
		}
	}
	if told().of(room, "t9").may(0) || told().of("another", "t0").may(0) {
		t.Error("an unknown track may be recognised")
	}
}

func TestTracksThatWillSendNothingMore(t *testing.T) {
	left := meeting.Event{Type: meeting.EventLeft, Participant: "p0"}
	back := meeting.Event{Type: meeting.EventJoined, Person: &meeting.Person{Participant: "p0"}}
	if !told(left).of(room, "t0").over || told(left, back).of(room, "t0").over || !told(meeting.Event{Type: meeting.EventEnded}).of(room, "t0").over {
		t.Error("over is: left and not come back, or the meeting ended")
	}
}

func TestRoomsGlossaryIsKnown(t *testing.T) {
	if got := told(level(meeting.Captions, 0)).of(room, "t0").terms; !slices.Equal(got, []string{"USOC"}) {
		t.Errorf("terms %v", got)
	}
}

func TestLiveMeetingsAndTheirLanguages(t *testing.T) {
	if got := told(level(meeting.Captions, 0)); !slices.Equal(got.live(), []meeting.ID{room}) || !slices.Equal(got.of(room, "t0").langs, []string{"fr", "en"}) {
		t.Errorf("live %v", got.live())
	}
	for _, r := range []*roster{told(), told(level(meeting.Off, 0)), told(level(meeting.Captions, 0), meeting.Event{Type: meeting.EventEnded})} {
		if len(r.live()) != 0 {
			t.Errorf("live %v", r.live())
		}
	}
}

func TestEndedMeetingsAreForgotten(t *testing.T) {
	r := told(meeting.Event{Type: meeting.EventEnded, At: 1000})
	other := meeting.Event{Type: meeting.EventStarted, Meeting: "another", Started: &meeting.Started{}}
	r.apply(&other, time.Now().Add(forgetAfter))
	if !r.of(room, "t0").known {
		t.Error("forgotten while its audio may still be on the bus")
	}
	r.apply(&other, time.Now().Add(forgetAfter+2*time.Second))
	if r.of(room, "t0").known {
		t.Error("remembered for ever")
	}
}

func TestWatchersHearOfChanges(t *testing.T) {
	r := told()
	changed, stop := r.watch()
	for range 3 {
		e := level(meeting.Off, 0)
		e.Meeting = room
		r.apply(&e, time.Now())
	}
	select {
	case <-changed:
	default:
		t.Error("not told")
	}
	stop()
}
