package webhook

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"souffleur/internal/bus"
	"souffleur/internal/embed"
	"souffleur/internal/meeting"
	"souffleur/storage"
)

// hall is a meeting whose events are on a real broker.
type hall struct {
	*post
	bus      *bus.Bus
	meetings *storage.Meetings
	doc      storage.Meeting
}

func newHall(t *testing.T) *hall {
	t.Helper()
	h := &hall{post: newPost(t)}
	h.meetings = storage.NewMeetings(h.store, h.keys)
	broker, err := embed.StartBroker(t.Context(), embed.BrokerConfig{Dir: t.TempDir()}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = broker.Close() })
	config := bus.DefaultConfig()
	config.Brokers = []string{broker.Addr()}
	if h.bus, err = bus.Open(t.Context(), config, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.bus.Close() })
	h.doc = storage.Meeting{ID: meeting.NewID(), Room: meeting.NewRoomID(), RoomName: "Hall", BeganUnixMS: h.now().Add(time.Minute).UnixMilli()}
	if err := h.keys.Create(t.Context(), h.doc.ID); err != nil {
		t.Fatal(err)
	}
	if err := h.meetings.Create(t.Context(), h.doc); err != nil {
		t.Fatal(err)
	}
	return h
}

// publishes puts an event on meetings.v1, as the live meeting does.
func (h *hall) publishes(e meeting.Event) {
	h.t.Helper()
	key, err := h.keys.Live(h.t.Context(), h.doc.ID)
	if err != nil {
		h.t.Fatal(err)
	}
	e.V, e.Meeting, e.Room = meeting.EventVersion, h.doc.ID, h.doc.Room
	value, err := bus.SealJSON(key, bus.Meetings, string(h.doc.ID), e)
	if err != nil {
		h.t.Fatal(err)
	}
	h.raw(value)
}

func (h *hall) raw(value []byte) {
	h.t.Helper()
	err := h.bus.Publish(h.t.Context(), bus.Message{
		Topic: bus.Meetings, Partition: h.bus.PartitionOf(bus.Meetings, h.doc.ID), Key: string(h.doc.ID), Meeting: h.doc.ID, Value: value,
	})
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *hall) listens() (stop func()) {
	l := NewListener(h.bus, h.keys, h.meetings, h.hooks, slog.New(slog.DiscardHandler))
	return stopAfter(h.t, func(ctx context.Context) error { return l.Run(ctx) })
}

// TestWhatHappensIsToldOnce has each event read, some twice, by two processes one after the other.
func TestWhatHappensIsToldOnce(t *testing.T) {
	if testing.Short() {
		t.Skip("two members of a group, one after the other, take some seconds")
	}
	h := newHall(t)
	r := newReceiver(t)
	hook := h.hook(r.URL)
	joined := meeting.Event{Type: meeting.EventJoined, At: 20, Participant: "panna", Person: &meeting.Person{Participant: "panna", Name: "Anna", Role: meeting.Organizer}}
	h.publishes(meeting.Event{Type: meeting.EventStarted, At: 1, Started: &meeting.Started{BeganUnixMS: h.doc.BeganUnixMS}})
	h.publishes(meeting.Event{Type: meeting.EventPolicy, At: 2, Policy: &meeting.Policy{Level: meeting.Captions}, Restated: true})
	h.raw([]byte("not sealed"))
	h.raw(nil) // something was forgotten
	h.publishes(joined)
	h.publishes(joined) // its publisher tried twice
	stop := h.listens()
	events := func() []storage.HookEvent {
		var all []storage.HookEvent
		for _, d := range h.log(hook) {
			all = append(all, d.Event)
		}
		slices.Reverse(all)
		return all
	}
	eventually(t, "two events", func() bool { return len(events()) == 2 })
	stop()
	h.publishes(meeting.Event{Type: meeting.EventPolicy, At: 30, Policy: &meeting.Policy{Level: meeting.Transcript, Ceiling: meeting.Minutes, By: "panna", ByName: "Anna"}})
	h.publishes(meeting.Event{Type: meeting.EventMute, At: 31, Participant: "panna"})
	h.publishes(meeting.Event{Type: meeting.EventLeft, At: 40, Participant: "panna"})
	h.publishes(meeting.Event{Type: meeting.EventEnded, At: 50})
	h.listens()
	eventually(t, "four events", func() bool { return len(events()) >= 4 })
	want := []storage.HookEvent{storage.HookMeetingStarted, storage.HookJoined, storage.HookPolicyChanged, storage.HookLeft}
	if got := events(); !slices.Equal(got, want) {
		t.Errorf("told %v, want %v", got, want)
	}
	h.later(time.Hour)
	h.delivers(h.sender(true))
	for i, want := range []string{
		`{"type":"meeting.started","timestamp":"2026-11-26T08:01:00.001Z","data":{"meeting":"M","room":"R","began_unix_ms":1795680060000}}`,
		`{"type":"participant.joined","timestamp":"2026-11-26T08:01:00.020Z","data":{"meeting":"M","room":"R","participant":"panna","role":"organizer"}}`,
		`{"type":"policy.changed","timestamp":"2026-11-26T08:01:00.030Z","data":{"meeting":"M","room":"R","policy":{"level":"transcript","ceiling":"minutes","keep_audio":false,"by":"panna"}}}`,
		`{"type":"participant.left","timestamp":"2026-11-26T08:01:00.040Z","data":{"meeting":"M","room":"R","participant":"panna"}}`,
	} {
		calls := r.got()
		if len(calls) != 4 {
			t.Fatalf("%d calls", len(calls))
		}
		if got := h.blank(calls[i].body); got != want {
			t.Errorf("told\n%s, want\n%s", got, want)
		}
	}
}

// blank puts letters for IDs that differ each time.
func (h *hall) blank(body []byte) string {
	s := string(body)
	for id, letter := range map[string]string{string(h.doc.ID): "M", string(h.doc.Room): "R"} {
		s = strings.ReplaceAll(s, id, letter)
	}
	return s
}
