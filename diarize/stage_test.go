package diarize_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"souffleur/diarize"
	"souffleur/diarize/voices"
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
	model  string
	mute   bool           // its state holds nothing
	given  []voices.State // to Restore
	before map[int]int    // numbers that it was given so
	refuse error          // by Restore
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
	numbers := s.numbersLocked()
	var out []diarize.Turn
	for _, t := range s.script {
		t.T0, t.T1 = max(t.T0, s.from), min(t.T1, s.heard)
		if t.T1 <= t.T0 {
			continue
		}
		if t.Voice = numbers[t.Voice]; t.T1 > from {
			out = append(out, t)
		}
	}
	return out
}

// numbersLocked gives the voices that were heard numbers.
func (s *scripted) numbersLocked() map[int]int {
	numbers := maps.Clone(s.before)
	if numbers == nil {
		numbers = map[int]int{}
	}
	for _, t := range s.script {
		if min(t.T1, s.heard) > max(t.T0, s.from) && numbers[t.Voice] == 0 {
			numbers[t.Voice] = (s.first+len(numbers))%3 + 1
			if s.before != nil {
				numbers[t.Voice] = len(numbers)
			}
		}
	}
	return numbers
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

// scriptedDim is how many voices a script may have: the vector of each is another axis.
const scriptedDim = 4

func axis(voice int) []float32 {
	v := make([]float32, scriptedDim)
	v[voice] = 1
	return v
}

// State knows the turns that have ended, one window each.
func (s *scripted) State() voices.State {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := voices.State{Model: s.model, Until: s.from}
	numbers := s.numbersLocked()
	for _, t := range s.script {
		if t.T0 < s.from || t.T1 > s.heard || s.mute {
			continue
		}
		out.Until = t.T1
		out.Units = append(out.Units, voices.StateUnit{Start: t.T0, End: t.T1, Who: [2]int32{int32(t.Voice)}})
		out.Windows = append(out.Windows, voices.StateWindow{Start: t.T0, End: t.T1, Unit: len(out.Units) - 1, Voice: numbers[t.Voice], Vec: axis(t.Voice)})
	}
	for _, n := range numbers {
		for len(out.Voices) < n {
			out.Voices = append(out.Voices, voices.StateVoice{Number: len(out.Voices) + 1, Sum: axis(0)})
		}
	}
	for voice, n := range numbers {
		out.Voices[n-1].Sum = axis(voice)
	}
	return out
}

func (s *scripted) Restore(v voices.State) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.given = append(s.given, v)
	if s.refuse != nil {
		return s.refuse
	}
	s.before = map[int]int{}
	for _, known := range v.Voices {
		for voice, x := range known.Sum {
			if voice > 0 && x > 0.5 {
				s.before[voice] = known.Number
			}
		}
	}
	return nil
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
	key, _ := seal.NewKey()
	s := &stage{t: t, bus: newBus(t), keys: &keys{key}, id: meeting.NewID()}
	s.tracker = func() *scripted { return &scripted{script: twoPeople()} }
	s.event(meeting.Event{Type: meeting.EventStarted, Started: &meeting.Started{BeganUnixMS: time.Now().UnixMilli()}})
	s.policy(meeting.Policy{Level: meeting.Transcript})
	return s
}

// newBus is a bus on a broker of its own.
func newBus(t *testing.T) *bus.Bus {
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
	return b
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
			tracker := s.tracker()
			tracker.model = cmp.Or(tracker.model, "scripted")
			s.trackers = append(s.trackers, tracker)
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
	track.Participant, track.Partition = p, s.bus.AudioPartition(s.id, 0)
	s.event(meeting.Event{Type: meeting.EventTrack, Participant: p, Track: &track})
}

// expire moves the meeting to another broker, which has everything but the sound: as if that were older than ten minutes.
func (s *stage) expire() {
	s.t.Helper()
	fresh := newBus(s.t)
	for _, topic := range []bus.Topic{bus.Meetings, bus.Speakers, bus.Vectors} {
		for _, m := range s.records(topic) {
			if err := fresh.Publish(s.t.Context(), m); err != nil {
				s.t.Fatal(err)
			}
		}
	}
	s.bus = fresh
}

// records are those of a topic so far.
func (s *stage) records(topic bus.Topic) []bus.Message {
	s.t.Helper()
	ctx, cancel := context.WithCancel(s.t.Context())
	defer cancel()
	var out []bus.Message
	_ = s.bus.Follow(ctx, topic, bus.FollowOptions{CaughtUp: cancel}, func(m bus.Message) { out = append(out, m) })
	return out
}

// stands are the records of vectors that were not retracted.
func (s *stage) stands() map[string]bus.Message {
	s.t.Helper()
	out := map[string]bus.Message{}
	for _, m := range s.records(bus.Vectors) {
		if out[m.Key] = m; len(m.Value) == 0 {
			delete(out, m.Key)
		}
	}
	return out
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
	var out []meeting.Voices
	for _, m := range s.records(bus.Speakers) {
		v, err := bus.OpenVoices(s.keys.key, m)
		if err != nil {
			s.t.Fatal(err)
		}
		out = append(out, *v)
	}
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
