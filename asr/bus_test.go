package asr

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"souffleur/internal/bus"
	"souffleur/internal/meeting"
	"souffleur/internal/seal"
)

// memoryBus is a bus in memory with one partition a topic but for audio, which has two. It survives workers, so that they
// can be killed and replaced.
type memoryBus struct {
	mu        sync.Mutex // guards what follows
	log       map[bus.Topic][][]bus.Message
	news      chan struct{} // closed and replaced when a record comes
	committed [2]int64
	first     int64 // audio before it has expired
	metadata  [2]string
	commits   int
	crashed   bool                    // commits are lost, as from a process that was killed
	refuse    func(bus.Message) error // may fail a publication
	noCommit  error                   // of commits
	noAnswer  bool                    // to questions for the end of the log
	countdown int                     // records read, published or committed before kill is called; 0: never
	reads     bool                    // reads count, too
	kill      func()
}

// happenedLocked counts down to the kill, at the moment of a read, a publication or a commit, whose caller then never learns
// whether it happened.
func (b *memoryBus) happenedLocked() {
	if b.countdown > 0 {
		if b.countdown--; b.countdown == 0 {
			b.kill()
		}
	}
}

var errBroker = errors.New("the broker is away")

func newMemoryBus() *memoryBus {
	return &memoryBus{log: make(map[bus.Topic][][]bus.Message), news: make(chan struct{}), committed: [2]int64{-1, -1}}
}

func (b *memoryBus) partitions(t bus.Topic) [][]bus.Message {
	if b.log[t] == nil {
		b.log[t] = make([][]bus.Message, 2)
	}
	return b.log[t]
}

// Publish implements busPort.
func (b *memoryBus) Publish(ctx context.Context, m bus.Message) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if b.refuse != nil {
		if err := b.refuse(m); err != nil {
			return err
		}
	}
	log := b.partitions(m.Topic)
	m.Offset, m.Time = int64(len(log[m.Partition])), time.Now()
	log[m.Partition] = append(log[m.Partition], m)
	close(b.news)
	b.news = make(chan struct{})
	b.happenedLocked()
	return ctx.Err()
}

// next waits for the record at offset.
func (b *memoryBus) next(ctx context.Context, t bus.Topic, partition int, offset int64) (bus.Message, error) {
	for {
		b.mu.Lock()
		log, news := b.partitions(t)[partition], b.news
		if t == bus.Audio && b.reads {
			b.happenedLocked()
		}
		b.mu.Unlock()
		if offset < int64(len(log)) {
			return log[offset], nil
		}
		select {
		case <-news:
		case <-ctx.Done():
			return bus.Message{}, ctx.Err()
		}
	}
}

// Follow implements busPort; everything stands in partition 0.
func (b *memoryBus) Follow(ctx context.Context, t bus.Topic, o bus.FollowOptions, fn func(bus.Message)) error {
	end := b.end(t, 0)
	for at := int64(0); ; at++ {
		if at == end {
			o.CaughtUp()
		}
		m, err := b.next(ctx, t, 0, at)
		if err != nil {
			return err
		}
		fn(m)
	}
}

func (b *memoryBus) end(t bus.Topic, partition int) int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return int64(len(b.partitions(t)[partition]))
}

// EndOffsets implements busPort.
func (b *memoryBus) EndOffsets(_ context.Context, t bus.Topic) ([]int64, error) {
	b.mu.Lock()
	away := b.noAnswer
	b.mu.Unlock()
	if away {
		return nil, errBroker
	}
	return []int64{b.end(t, 0), b.end(t, 1)}, nil
}

func (b *memoryBus) PartitionOf(bus.Topic, meeting.ID) int      { return 0 }
func (b *memoryBus) AudioPartition(_ meeting.ID, index int) int { return index % 2 }

// Consume implements busPort: one generation, both partitions.
func (b *memoryBus) Consume(ctx context.Context, _ string, _ bus.Topic, handle func(context.Context, assignment) error) error {
	var wg sync.WaitGroup
	for p := range 2 {
		wg.Go(func() {
			b.mu.Lock()
			at := position{partition: p, committed: b.committed[p], next: max(b.committed[p], b.first), end: int64(len(b.partitions(bus.Audio)[p])), metadata: b.metadata[p]}
			b.mu.Unlock()
			handle(ctx, &memoryAssignment{b: b, at: at, next: at.next})
		})
	}
	wg.Wait()
	<-ctx.Done()
	return ctx.Err()
}

type memoryAssignment struct {
	b    *memoryBus
	at   position
	next int64
}

func (a *memoryAssignment) position() position { return a.at }

func (a *memoryAssignment) Next(ctx context.Context) (bus.Message, error) {
	m, err := a.b.next(ctx, bus.Audio, a.at.partition, a.next)
	if err == nil {
		a.next++
	}
	return m, err
}

func (a *memoryAssignment) Commit(ctx context.Context, offset int64, metadata string) error {
	a.b.mu.Lock()
	defer a.b.mu.Unlock()
	if a.b.crashed {
		return bus.ErrFenced
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if a.b.noCommit != nil {
		return a.b.noCommit
	}
	a.b.commits++
	a.b.committed[a.at.partition], a.b.metadata[a.at.partition] = offset, metadata
	return nil
}

func (b *memoryBus) refuseCommits(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.noCommit = err
}

func (b *memoryBus) away(away bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.noAnswer = away
}

// recordsOf returns the records of a topic, in order.
func (b *memoryBus) recordsOf(t bus.Topic) []bus.Message {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.partitions(t)[0]
}

// allCommitted says whether the group is done with all audio.
func (b *memoryBus) allCommitted() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for p, log := range b.partitions(bus.Audio) {
		if max(b.committed[p], 0) < int64(len(log)) {
			return false
		}
	}
	return true
}

// keys is a key ring of one meeting.
type keys struct {
	mu    sync.Mutex
	key   seal.Key
	err   error // instead of the key
	asks  int
	drops int
}

// Drop implements LiveKeys.
func (k *keys) Drop(meeting.ID) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.drops++
}

func (k *keys) dropped() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.drops
}

var errGone = errors.New("no key")

func (k *keys) Live(context.Context, meeting.ID) (seal.Key, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.asks++
	return k.key, k.err
}

func (k *keys) set(err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.err = err
}

// stage is a meeting in progress on a memoryBus.
type stage struct {
	t    *testing.T
	bus  *memoryBus
	keys *keys
	id   meeting.ID
	echo *echo
	vads []*loudness
	mu   sync.Mutex // guards vads
}

func newStage(t *testing.T) *stage {
	key, _ := seal.NewKey()
	s := &stage{t: t, bus: newMemoryBus(), keys: &keys{key: key}, id: meeting.NewID(), echo: &echo{}}
	s.event(meeting.Event{Type: meeting.EventStarted, Started: &meeting.Started{BeganUnixMS: time.Now().UnixMilli()}})
	s.policy(meeting.Transcript, 0)
	return s
}

func (s *stage) event(e meeting.Event) {
	s.t.Helper()
	e.V, e.Meeting = meeting.EventVersion, s.id
	value, err := bus.SealJSON(s.keys.key, bus.Meetings, string(s.id), e)
	if err != nil {
		s.t.Fatal(err)
	}
	s.put(bus.Message{Topic: bus.Meetings, Key: string(s.id), Meeting: s.id, Value: value})
}

func (s *stage) policy(level meeting.Level, at int64) {
	s.event(meeting.Event{Type: meeting.EventPolicy, At: at, Policy: &meeting.Policy{Level: level, AtMS: at, Langs: []string{"en"}}})
}

func (s *stage) announce(track meeting.TrackID, p meeting.ParticipantID, partition int) {
	s.event(meeting.Event{Type: meeting.EventTrack, Participant: p, Track: &meeting.Track{Track: track, Participant: p, Partition: partition}})
}

func (s *stage) put(m bus.Message) {
	s.t.Helper()
	if err := s.bus.Publish(s.t.Context(), m); err != nil {
		s.t.Fatal(err)
	}
}

// records turns a played script into audio records of five packets, and keep-alives.
func (s *stage) records(track meeting.TrackID, epoch uint64, packets []played) []*bus.AudioRecord {
	var out []*bus.AudioRecord
	var open *bus.AudioRecord
	for _, p := range packets {
		if open == nil || p.alive || len(open.Packets) == 5 || p.Seq != open.Packets[len(open.Packets)-1].Seq+1 {
			open = &bus.AudioRecord{Meeting: s.id, Track: track, Epoch: epoch, FirstSeq: p.Seq, RTP: p.RTP, Level: meeting.Transcript}
			out = append(out, open)
		}
		if p.alive {
			open.Flags, open = bus.KeepAlive, nil
			continue
		}
		open.Packets = append(open.Packets, bus.AudioPacket(p.Packet))
	}
	return out
}

func (s *stage) record(partition int, r *bus.AudioRecord) {
	s.t.Helper()
	r.CaptureNS = time.Now().UnixNano()
	value, err := bus.SealAudio(s.keys.key, r)
	if err != nil {
		s.t.Fatal(err)
	}
	s.put(bus.Message{Topic: bus.Audio, Partition: partition, Key: bus.AudioKey(r.Meeting, r.Track), Meeting: s.id, Value: value})
}

// worker returns a worker on the stage.
func (s *stage) worker(workers int) *Worker {
	return newWorker(WorkerConfig{
		Keys:    s.keys,
		KeyGone: func(err error) bool { return errors.Is(err, errGone) },
		Engines: []Engine{{Name: "echo", New: func() (Recognizer, error) { return &echo{fail: s.echo.fail, cost: s.echo.cost}, nil }}},
		NewDetector: func() (VoiceDetector, error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			v := &loudness{}
			s.vads = append(s.vads, v)
			return v, nil
		},
		Workers: workers, Log: quietLog(),
	}, s.bus)
}

// run starts a worker; the function returned stops it and waits.
func (s *stage) run(w *Worker) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			s.t.Errorf("worker: %v", err)
		}
	}
}

// segments returns the finals published so far, in order, with repeats.
func (s *stage) segments() []meeting.Segment {
	s.t.Helper()
	var out []meeting.Segment
	for _, m := range s.bus.recordsOf(bus.Segments) {
		var seg meeting.Segment
		if err := bus.OpenJSON(s.keys.key, m, &seg); err != nil {
			s.t.Fatal(err)
		}
		if m.Key != string(seg.Seg) || m.Meeting != s.id {
			s.t.Fatalf("segment %s under key %s of meeting %s", seg.Seg, m.Key, m.Meeting)
		}
		out = append(out, seg)
	}
	return out
}

// drafts returns the partials and states published so far, in order.
func (s *stage) drafts() (partials []meeting.Caption, states []meeting.Status) {
	s.t.Helper()
	for _, m := range s.bus.recordsOf(bus.Captions) {
		var d meeting.Draft
		if err := bus.OpenJSON(s.keys.key, m, &d); err != nil {
			s.t.Fatal(err)
		}
		if d.Caption != nil {
			partials = append(partials, *d.Caption)
		}
		if d.Status != nil {
			states = append(states, *d.Status)
		}
	}
	return partials, states
}
