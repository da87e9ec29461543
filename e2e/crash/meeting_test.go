package crash

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"souffleur/asr/asrtest"
	"souffleur/asr/eval"
	"souffleur/bot"
	"souffleur/internal/bus"
	"souffleur/internal/meeting"
	"souffleur/internal/seal"
	"souffleur/sfu"
	"souffleur/storage"
)

// show is a meeting and who speaks in it.
type show struct {
	bus         *bus.Bus
	keys        *storage.Keyring
	meetings    *storage.Meetings
	transcripts *storage.Transcripts
	log         *slog.Logger

	id    meeting.ID
	room  meeting.RoomID
	key   seal.Key
	began time.Time
	said  [speakers][]eval.Speech
}

func participant(i int) meeting.ParticipantID { return meeting.ParticipantID(fmt.Sprint("p", i)) }
func track(i int) meeting.TrackID             { return meeting.TrackID(fmt.Sprint("t", i)) }

// openMeeting makes the documents of a meeting and announces it.
func (s *site) openMeeting(t *testing.T, log *slog.Logger) *show {
	t.Helper()
	b, err := bus.Open(t.Context(), s.role.Bus, log)
	must(t, err)
	t.Cleanup(func() { b.Close() }) // a writer may still hold what the end of the test cancelled
	store, err := storage.Open(t.Context(), s.role.Storage, log)
	must(t, err)
	t.Cleanup(store.Close)
	master, err := seal.NewMaster(s.role.Master)
	must(t, err)
	m := &show{bus: b, keys: storage.NewKeyring(store, master), log: log, id: meeting.NewID(), room: meeting.NewRoomID(), began: time.Now()}
	m.meetings = storage.NewMeetings(store, m.keys)
	m.transcripts = storage.NewTranscripts(store, m.keys, m.meetings)
	must(t, m.keys.Create(t.Context(), m.id))
	policy := meeting.Policy{Level: meeting.Transcript, Ceiling: meeting.Transcript, Langs: []string{"en"}}
	must(t, m.meetings.Create(t.Context(), storage.Meeting{
		ID: m.id, Room: m.room, RoomName: "crash", BeganUnixMS: m.began.UnixMilli(), Policies: []meeting.Policy{policy},
	}))
	m.key, err = m.keys.Live(t.Context(), m.id)
	must(t, err)
	must(t, m.event(t.Context(), meeting.Event{Type: meeting.EventStarted, Started: &meeting.Started{BeganUnixMS: m.began.UnixMilli()}}))
	must(t, m.event(t.Context(), meeting.Event{Type: meeting.EventPolicy, Policy: &policy}))
	return m
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (m *show) event(ctx context.Context, e meeting.Event) error {
	e.V, e.Meeting, e.Room = meeting.EventVersion, m.id, m.room
	value, err := bus.SealJSON(m.key, bus.Meetings, string(m.id), e)
	if err != nil {
		return err
	}
	return m.bus.Publish(ctx, bus.Message{
		Topic: bus.Meetings, Partition: m.bus.PartitionOf(bus.Meetings, m.id), Key: string(m.id), Meeting: m.id, Value: value,
	})
}

// perform lets everybody speak for so long, at real speed, and returns when the recorder has handed over everything.
func (m *show) perform(t *testing.T, seed uint64, length time.Duration) {
	voice, err := asrtest.Recording("jfk.ogg")
	must(t, err)
	rec := bot.NewRecorder(bot.RecorderConfig{
		Meeting: m.id, Began: m.began, Key: m.key, Bus: m.bus, Log: m.log,
		Announce: func(ctx context.Context, tr meeting.Track) error {
			return m.event(ctx, meeting.Event{Type: meeting.EventTrack, Participant: tr.Participant, Track: &tr})
		},
		JoinIndex: func(p meeting.ParticipantID) int {
			var i int
			fmt.Sscanf(string(p), "p%d", &i)
			return i
		},
	})
	rec.SetLevel(meeting.Transcript)
	var wg sync.WaitGroup
	for i := range speakers {
		wg.Go(func() {
			d := asrtest.Drum{Voice: voice[15:105], Longest: 2 * time.Second}
			m.speak(rec, i, d.Drummer(seed, uint64(i), length))
		})
	}
	wg.Wait()
	rec.Close()
	if n := rec.Dropped(); n > 0 {
		t.Errorf("the recorder dropped %d records", n)
	}
}

// speak sends a voice to the recorder, as an SFU would.
func (m *show) speak(rec *bot.Recorder, i int, voice asrtest.Voice) {
	r := rand.New(rand.NewPCG(uint64(i), 99))
	time.Sleep(time.Duration(r.IntN(1000)) * time.Millisecond)
	rec.AudioStarted(sfu.AudioTrack{Track: track(i), Participant: participant(i)})
	began, seq, ts := time.Now(), uint16(r.Uint32()), r.Uint32()
	sent := 0
	for s, more := voice(); more; s, more = voice() {
		m.said[i] = append(m.said[i], s.Speech)
		for _, p := range s.Packets {
			time.Sleep(time.Until(began.Add(time.Duration(sent) * asrtest.PacketTime)))
			rec.AudioPacket(track(i), sfu.AudioPacket{Seq: seq, TS: ts, Payload: p, Arrival: time.Now()})
			seq, ts, sent = seq+1, ts+960, sent+1
		}
	}
	rec.AudioEnded(track(i))
}

// closeWithin bounds how long it may take until the books of the meeting are closed.
const closeWithin = 2 * time.Minute

// end ends the meeting and waits until its transcript is final.
func (m *show) end(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), closeWithin)
	defer cancel()
	must(t, m.event(ctx, meeting.Event{Type: meeting.EventEnded, At: time.Since(m.began).Milliseconds()}))
	for {
		doc, err := m.meetings.Get(ctx, m.id)
		if err == nil && doc.TranscriptFinal && doc.LiveKeyGone {
			return
		}
		select {
		case <-ctx.Done():
			t.Errorf("the meeting is not closed after %v: %v", closeWithin, err)
			return
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// published is a record on segments.v1.
type published struct {
	meeting.Segment
	at time.Time // when the broker got it
}

// published returns every record on segments.v1 of the meeting, in order.
func (m *show) published(t *testing.T) []published {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var all []published
	err := m.bus.Follow(ctx, bus.Segments, bus.FollowOptions{CaughtUp: cancel}, func(r bus.Message) {
		var s meeting.Segment
		if r.Meeting != m.id {
			return
		}
		if err := bus.OpenJSON(m.key, r, &s); err != nil {
			t.Error(err)
			return
		}
		all = append(all, published{s, r.Time})
	})
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	return all
}
