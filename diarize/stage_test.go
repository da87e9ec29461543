package diarize_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"souffleur/diarize"
	"souffleur/internal/bus"
	"souffleur/internal/embed"
	"souffleur/internal/meeting"
	"souffleur/internal/seal"
	"souffleur/internal/voicebook"
)

func TestMain(m *testing.M) {
	code := m.Run()
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func quietLog() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

var errGone = errors.New("gone")

// keys has one key for all meetings.
type keys struct{ key seal.Key }

func (k *keys) Live(context.Context, meeting.ID) (seal.Key, error) { return k.key, nil }
func (k *keys) Drop(meeting.ID)                                    {}

// scripted hears voices where its script says so. It numbers them as it hears them, from first on.
type scripted struct {
	script []diarize.Turn
	first  int  // number of the voice that it hears first
	single bool // says that it heard one voice
	panics int64

	mu     sync.Mutex
	from   int64
	heard  int64
	ended  int
	merged []diarize.Merge
	final  []diarize.Turn // what End says; nil: the same as Turns
}

func (s *scripted) Push(at int64, pcm []float32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.heard == 0 {
		s.from = at
	}
	s.heard = at + int64(len(pcm))/16
	if s.panics > 0 && s.heard > s.panics {
		panic("the model is broken")
	}
}

func (s *scripted) Turns(from int64) []diarize.Turn {
	s.mu.Lock()
	defer s.mu.Unlock()
	numbers := map[int]int{}
	var out []diarize.Turn
	for _, t := range s.script {
		t.T0, t.T1 = max(t.T0, s.from), min(t.T1, s.heard)
		if t.T1 <= t.T0 {
			continue
		}
		if numbers[t.Voice] == 0 {
			numbers[t.Voice] = (s.first+len(numbers))%3 + 1
		}
		if t.Voice = numbers[t.Voice]; t.T1 > from {
			out = append(out, t)
		}
	}
	return out
}

func (s *scripted) Merges() []diarize.Merge {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.merged
	s.merged = nil
	return out
}

func (s *scripted) Alone() bool { return s.single }

func (s *scripted) End(int) []diarize.Turn {
	s.mu.Lock()
	s.ended++
	final := s.final
	s.mu.Unlock()
	if final != nil {
		return final
	}
	return s.Turns(0)
}

func (s *scripted) Warnings() []string { return nil }
func (s *scripted) Close() error       { return nil }

// stage is a meeting on a broker of its own.
type stage struct {
	t        *testing.T
	bus      *bus.Bus
	keys     *keys
	id       meeting.ID
	tracker  func() *scripted // for the next microphone
	mu       sync.Mutex       // guards trackers
	trackers []*scripted
	seq      uint64
}

func newStage(t *testing.T) *stage {
	if testing.Short() {
		t.Skip("a broker and its groups take their time")
	}
	broker, err := embed.StartBroker(t.Context(), embed.BrokerConfig{Dir: t.TempDir()}, quietLog())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { broker.Close() })
	cfg := bus.DefaultConfig()
	cfg.Brokers = []string{broker.Addr()}
	b, err := bus.Open(t.Context(), cfg, quietLog())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	key, _ := seal.NewKey()
	s := &stage{t: t, bus: b, keys: &keys{key}, id: meeting.NewID()}
	s.tracker = func() *scripted { return &scripted{script: twoPeople()} }
	s.event(meeting.Event{Type: meeting.EventStarted, Started: &meeting.Started{BeganUnixMS: time.Now().UnixMilli()}})
	s.policy(meeting.Policy{Level: meeting.Transcript})
	return s
}

// twoPeople take turns of four seconds.
func twoPeople() []diarize.Turn {
	var script []diarize.Turn
	for i := range int64(60) {
		script = append(script, diarize.Turn{T0: 4000*i + 1, T1: 4000*i + 3500, Voice: int(i%2) + 1})
	}
	return script
}

// run starts a worker; the function that it returns stops it.
func (s *stage) run() func() {
	s.t.Helper()
	w, err := diarize.NewWorker(diarize.WorkerConfig{
		Bus: s.bus, Keys: s.keys, KeyGone: func(err error) bool { return errors.Is(err, errGone) }, Log: quietLog(),
		NewTracker: func(bool, int) (diarize.Tracker, error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.trackers = append(s.trackers, s.tracker())
			return s.trackers[len(s.trackers)-1], nil
		},
	})
	if err != nil {
		s.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	var once sync.Once
	stop := func() {
		once.Do(func() {
			cancel()
			if err := <-done; err != nil {
				s.t.Errorf("the worker ended with %v", err)
			}
		})
	}
	s.t.Cleanup(stop)
	return stop
}

func (s *stage) event(e meeting.Event) {
	s.t.Helper()
	e.V, e.Meeting = meeting.EventVersion, s.id
	value, err := bus.SealJSON(s.keys.key, bus.Meetings, string(s.id), e)
	if err != nil {
		s.t.Fatal(err)
	}
	s.publish(bus.Message{Topic: bus.Meetings, Partition: s.bus.PartitionOf(bus.Meetings, s.id), Key: string(s.id), Value: value})
}

func (s *stage) policy(p meeting.Policy) {
	s.event(meeting.Event{Type: meeting.EventPolicy, Policy: &p})
}

func (s *stage) publish(m bus.Message) {
	s.t.Helper()
	m.Meeting = s.id
	if err := s.bus.Publish(s.t.Context(), m); err != nil {
		s.t.Fatal(err)
	}
}

// join lets somebody in with a microphone; room says that several people are at it.
func (s *stage) join(p meeting.ParticipantID, track meeting.Track, room bool) {
	s.t.Helper()
	s.event(meeting.Event{Type: meeting.EventJoined, Participant: p, Person: &meeting.Person{Participant: p, RoomMic: room}})
	if room {
		s.event(meeting.Event{Type: meeting.EventHeadcount, Participant: p, RoomMic: true})
	}
	track.Participant = p
	s.event(meeting.Event{Type: meeting.EventTrack, Participant: p, Track: &track})
}

// speak records sound of a track from one moment to another, in ms.
func (s *stage) speak(track meeting.TrackID, from, to int64) {
	s.t.Helper()
	for at := from; at < to; at += 200 {
		r := &bus.AudioRecord{
			Meeting: s.id, Track: track, Epoch: 1, FirstSeq: s.seq + 1, RTP: uint64(at) * 48, CaptureNS: at * 1e6, Level: meeting.Transcript,
		}
		for i := range uint64(10) {
			s.seq++
			r.Packets = append(r.Packets, bus.AudioPacket{Seq: s.seq, RTP: r.RTP + i*960, Opus: []byte{31 << 3}})
		}
		value, err := bus.SealAudio(s.keys.key, r)
		if err != nil {
			s.t.Fatal(err)
		}
		s.publish(bus.Message{Topic: bus.Audio, Partition: s.bus.AudioPartition(s.id, 0), Key: bus.AudioKey(s.id, track), Value: value})
	}
}

// voices returns all records of speakers.v1 so far.
func (s *stage) voices() []meeting.Voices {
	s.t.Helper()
	ctx, cancel := context.WithCancel(s.t.Context())
	defer cancel()
	var out []meeting.Voices
	_ = s.bus.Follow(ctx, bus.Speakers, bus.FollowOptions{CaughtUp: cancel}, func(m bus.Message) {
		v, err := bus.OpenVoices(s.keys.key, m)
		if err != nil {
			s.t.Error(err)
			return
		}
		out = append(out, *v)
	})
	return out
}

// book is what the records say.
func (s *stage) book() *voicebook.Book {
	s.t.Helper()
	b := voicebook.New("p0")
	for _, v := range s.voices() {
		b.Apply(&v)
	}
	return b
}

func (s *stage) heard() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	most := int64(0)
	for _, t := range s.trackers {
		t.mu.Lock()
		most = max(most, t.heard)
		t.mu.Unlock()
	}
	return most
}

func (s *stage) until(what string, ok func() bool) {
	s.t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			s.t.Fatalf("never: %s; records %+v", what, s.voices())
		}
	}
}

// said are the turns that a book has, with voices by letters in the order in which they came.
func said(b *voicebook.Book) []string {
	letters := map[int]string{}
	var out []string
	for _, t := range b.Turns() {
		v := b.Resolve(t.Voice)
		if letters[v] == "" {
			letters[v] = string(rune('a' + len(letters)))
		}
		out = append(out, fmt.Sprintf("%s %d..%d", letters[v], t.T0, t.T1))
	}
	return out
}

// alternating is what a book has of twoPeople until a moment.
func alternating(until int64) []string {
	var out []string
	for _, t := range twoPeople() {
		if t.T0 < until {
			out = append(out, fmt.Sprintf("%c %d..%d", 'a'+t.Voice-1, t.T0, min(t.T1, until)))
		}
	}
	return slices.Clip(out)
}
