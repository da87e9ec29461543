package listen

import (
	"slices"
	"testing"
	"time"

	"souffleur/internal/meeting"
)

const room = meeting.ID("01JD0000000000000000000000")

// told is a roster that heard these events of one meeting, which began just now.
func told(events ...meeting.Event) *Roster {
	r := NewRoster()
	begun := meeting.Event{Type: meeting.EventStarted, Started: &meeting.Started{BeganUnixMS: time.Now().UnixMilli()}}
	track := meeting.Event{Type: meeting.EventTrack, Track: &meeting.Track{Track: "t0", Participant: "p0"}}
	for _, e := range append([]meeting.Event{begun, track}, events...) {
		e.Meeting = room
		r.Apply(&e, time.Now())
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
		if got := told(c.events...).Of(room, "t0").May(c.at); got != c.want {
			t.Errorf("%s: may %v", name, got)
		}
	}
	if told().Of(room, "t9").May(0) || told().Of("another", "t0").May(0) {
		t.Error("an unknown track may be recognised")
	}
}

func TestTracksThatWillSendNothingMore(t *testing.T) {
	left := meeting.Event{Type: meeting.EventLeft, Participant: "p0"}
	back := meeting.Event{Type: meeting.EventJoined, Person: &meeting.Person{Participant: "p0"}}
	if !told(left).Of(room, "t0").Over || told(left, back).Of(room, "t0").Over || !told(meeting.Event{Type: meeting.EventEnded}).Of(room, "t0").Over {
		t.Error("over is: left and not come back, or the meeting ended")
	}
}

func TestRoomsGlossaryIsKnown(t *testing.T) {
	if got := told(level(meeting.Captions, 0)).Of(room, "t0").Terms; !slices.Equal(got, []string{"USOC"}) {
		t.Errorf("terms %v", got)
	}
}

func TestLiveMeetingsAndTheirLanguages(t *testing.T) {
	if got := told(level(meeting.Captions, 0)); !slices.Equal(got.Live(), []meeting.ID{room}) || !slices.Equal(got.Of(room, "t0").Langs, []string{"fr", "en"}) {
		t.Errorf("live %v", got.Live())
	}
	for _, r := range []*Roster{told(), told(level(meeting.Off, 0)), told(level(meeting.Captions, 0), meeting.Event{Type: meeting.EventEnded})} {
		if len(r.Live()) != 0 {
			t.Errorf("live %v", r.Live())
		}
	}
}

func TestEndedMeetingsAreForgotten(t *testing.T) {
	r := told(meeting.Event{Type: meeting.EventEnded, At: 1000})
	other := meeting.Event{Type: meeting.EventStarted, Meeting: "another", Started: &meeting.Started{}}
	r.Apply(&other, time.Now().Add(forgetAfter))
	if !r.Of(room, "t0").Known {
		t.Error("forgotten while its audio may still be on the bus")
	}
	r.Apply(&other, time.Now().Add(forgetAfter+2*time.Second))
	if r.Of(room, "t0").Known {
		t.Error("remembered for ever")
	}
}

func TestWatchersHearOfChanges(t *testing.T) {
	r := told()
	changed, stop := r.Watch()
	for range 3 {
		e := level(meeting.Off, 0)
		e.Meeting = room
		r.Apply(&e, time.Now())
	}
	select {
	case <-changed:
	default:
		t.Error("not told")
	}
	stop()
}
