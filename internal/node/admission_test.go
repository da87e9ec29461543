package node

import (
	"errors"
	"testing"
	"time"

	"souffleur/sfu/load"
	"souffleur/web"
)

func TestNewMeetingsAreRefusedLast(t *testing.T) {
	c := DefaultConfig()
	for s := load.Normal; s < load.Refusing; s++ {
		if err := c.admits(s, 1000, 10_000); err != nil {
			t.Errorf("%s: %v", s, err)
		}
	}
	if err := c.admits(load.Refusing, 0, 0); !errors.Is(err, web.ErrOverloaded) {
		t.Errorf("refusing: %v", err)
	}
}

func TestLimitsOfTheNode(t *testing.T) {
	c := DefaultConfig()
	c.MaxMeetings, c.MaxTotal = 3, 100
	for _, l := range []struct {
		meetings, people int
		admitted         bool
	}{{2, 99, true}, {3, 3, false}, {4, 3, false}, {1, 100, false}, {1, 101, false}} {
		if err := c.admits(load.Normal, l.meetings, l.people); errors.Is(err, web.ErrOverloaded) == l.admitted {
			t.Errorf("beside %d meetings with %d people: %v", l.meetings, l.people, err)
		}
		if full := l.people >= 100; c.crowded(l.people) != full {
			t.Errorf("%d people: crowded is %v", l.people, !full)
		}
	}
	c.MaxTotal = -1
	if c.Validate() == nil {
		t.Error("a negative limit is accepted")
	}
}

func TestAdminsSeeTheLoad(t *testing.T) {
	got := loadStatus(load.Status{
		State: load.Audio, Since: time.UnixMilli(77), Cause: load.Cause{Kind: load.CauseCPU, Value: 0.93},
		Reading: load.Reading{CPU: 0.614, Late: 4700 * time.Microsecond, Egress: 2_500_000},
	})
	if want := (web.LoadStatus{State: "audio", SinceUnixMS: 77, Cause: "cpu", Why: "CPU 93 %", CPU: 61, LateMS: 4, EgressKbps: 2500}); got != want {
		t.Errorf("they see %+v", got)
	}
	if got := loadStatus(load.Status{}); got != (web.LoadStatus{State: "normal"}) {
		t.Errorf("where nothing is watched they see %+v", got)
	}
}
