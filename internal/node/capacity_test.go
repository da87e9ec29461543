package node

import (
	"fmt"
	"testing"
	"time"

	"souffleur/internal/meeting"
)

func TestPercentilesOfDelays(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	var d delays
	if _, _, n := d.percentiles(now); n != 0 {
		t.Error("nothing was said, and something is known")
	}
	d.add(now.Add(-time.Hour), 90_000) // long ago
	for i := 1; i <= 100; i++ {
		d.add(now, int64(i*10))
	}
	if p50, p95, n := d.percentiles(now); p50 != 500 || p95 != 950 || n != 100 {
		t.Errorf("p50 %d, p95 %d of %d", p50, p95, n)
	}
	for range 2 * maxDelays {
		d.add(now, 7)
	}
	if p50, p95, n := d.percentiles(now); p50 != 7 || p95 != 7 || n != maxDelays {
		t.Errorf("p50 %d, p95 %d of %d: what is old did not go", p50, p95, n)
	}
}

// TestCapacityOfTheRecognisers has two meetings with one recogniser each that reports.
func TestCapacityOfTheRecognisers(t *testing.T) {
	v := openVenue(t)
	var first string
	for i := range 2 {
		g := v.guest(fmt.Sprint("Anna ", i))
		room, _ := g.makesRoom()
		if i == 0 {
			first = room
		}
		if problem := g.joins(room); problem != "" {
			t.Fatal(problem)
		}
		if status, _ := g.asks("PUT", "/rooms/"+room+"/ai", map[string]any{"level": "captions"}); status != 200 {
			t.Fatalf("captions: %d", status)
		}
		l := v.node.of(meeting.RoomID(room))
		l.WorkerStatus(meeting.Status{State: meeting.StateLive, Engine: "echo", Work: meeting.Work{Worker: fmt.Sprint("w", i), Hands: 2, Busy: 1, Queue: 3 * i, Share: 30, Shed: 1}})
		l.ShowPartial(meeting.Caption{Seg: "s", Spk: "panna", Text: "hello"}, []byte("{}"))
		l.ShowFinal(meeting.Segment{Caption: meeting.Caption{Seg: "s", Spk: "pbob/voice-1", T1: l.now() - 1500, Text: "hello"}}, nil)
	}
	c := v.node.Status(t.Context()).Capacity
	if c.Speakers != 4 || c.Workers != 2 || c.Recognisers != 4 || c.Busy != 2 || c.Queue != 3 || c.Share != 30 || c.SpeakersLimit != 10 || c.Shed != 2 || c.Finals != 2 || c.BehindP50MS < 1500 || len(c.Rooms) != 2 {
		t.Errorf("capacity %+v", c)
	}
	for _, r := range c.Rooms {
		if r.People != 1 || r.Speakers != 2 || r.Level != "captions" || r.Name != "Tuesday" {
			t.Errorf("room %+v", r)
		}
	}
	if s := v.node.Status(t.Context()); s.ASR.Workers != 2 {
		t.Errorf("recognisers %+v", s.ASR)
	}
	l := v.node.of(meeting.RoomID(first))
	l.showStatus(time.Now())
	if shown := l.ai().Status; shown.Work != (meeting.Work{}) || shown.State != meeting.StateLive {
		t.Errorf("everybody is told %+v", shown)
	}
	if later := v.node.capacity(time.Now().Add(time.Minute)); later.Speakers != 0 || later.Workers != 0 || later.SpeakersLimit != 0 {
		t.Errorf("a minute later %+v", later)
	}
}

// TestPoliciesAreRestatedAfterARestart: whoever tells webhooks must not take what held before for a change.
func TestPoliciesAreRestatedAfterARestart(t *testing.T) {
	l := &live{outbox: &outbox{queue: make(chan posted, 4)}}
	l.restatePolicy(meeting.Policy{Level: meeting.Captions})
	l.announcePolicy(meeting.Policy{Level: meeting.Off})
	if a, b := (<-l.outbox.queue).event, (<-l.outbox.queue).event; !a.Restated || b.Restated || b.Policy.Level != meeting.Off {
		t.Errorf("posted %+v and %+v", a, b)
	}
}
