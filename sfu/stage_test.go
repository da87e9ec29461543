package sfu_test

import (
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/pion/rtp"
	"go.uber.org/goleak"

	"souffleur/internal/meeting"
	"souffleur/internal/signal"
	"souffleur/sfu"
	"souffleur/sfu/sfutest"
)

func TestMain(m *testing.M) {
	// The tests wait for media in real time, so some can share a core.
	if err := flag.Set("test.parallel", "6"); err != nil {
		panic(err)
	}
	remove, err := trustOwnCertificate()
	if err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) { remove(); os.Exit(code) }))
}

// stage is a node with one room, and everybody's client.
type stage struct {
	t      *testing.T
	node   *sfu.Node
	room   *sfu.Room
	people int
}

// newStage opens a stage beside others: they mostly wait for media, which comes in real time.
func newStage(t *testing.T, config sfu.RoomConfig) *stage {
	t.Parallel()
	return openStage(t, config)
}

func openStage(t *testing.T, config sfu.RoomConfig) *stage {
	t.Helper()
	return openStageOn(t, sfu.DefaultConfig(), config)
}

// openChanged opens a stage on a node whose configuration is changed.
func openChanged(t *testing.T, config sfu.RoomConfig, change func(*sfu.Config)) *stage {
	t.Helper()
	nodeConfig := sfu.DefaultConfig()
	if change != nil {
		change(&nodeConfig)
	}
	return openStageOn(t, nodeConfig, config)
}

// openStageOn opens a stage on a node of the given configuration, on this machine and any port.
func openStageOn(t *testing.T, nodeConfig sfu.Config, config sfu.RoomConfig) *stage {
	t.Helper()
	nodeConfig.UDPPort, nodeConfig.Addresses = 0, []string{"127.0.0.1"}
	node, err := sfu.NewNode(nodeConfig, testLog())
	if err != nil {
		t.Fatal(err)
	}
	config.Meeting = meeting.NewID()
	s := &stage{t: t, node: node, room: node.NewRoom(config)}
	t.Cleanup(func() {
		if err := node.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func testLog() *slog.Logger {
	if os.Getenv("SFU_TEST_LOG") != "" {
		return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	return slog.New(slog.NewTextHandler(io.Discard, nil))
}

// actor is somebody in the room, with a client.
type actor struct {
	*sfutest.Peer
	t    *testing.T
	id   meeting.ParticipantID
	seat chan *sfu.Participant // holds the present connection
}

func (s *stage) join(name string) *actor { return s.joinWith(name, sfutest.Config{}) }

func (s *stage) joinWith(name string, config sfutest.Config) *actor {
	s.t.Helper()
	a := s.newActor(config)
	person := meeting.Person{Participant: a.id, Name: name, Order: s.people}
	s.people++
	p, err := s.room.Join(person, a.Peer)
	if err != nil {
		s.t.Fatalf("%s cannot join: %v", name, err)
	}
	a.seat <- p
	return a
}

func (s *stage) newActor(config sfutest.Config) *actor {
	s.t.Helper()
	a := &actor{t: s.t, id: meeting.NewParticipantID(), seat: make(chan *sfu.Participant, 1)}
	peer, err := sfutest.New(config, func(m signal.ClientMessage) error { return a.participant().Handle(m) })
	if err != nil {
		s.t.Fatal(err)
	}
	a.Peer = peer
	s.t.Cleanup(func() {
		if err := peer.Close(); err != nil {
			s.t.Error(err)
		}
	})
	return a
}

func (a *actor) participant() *sfu.Participant {
	p := <-a.seat
	a.seat <- p
	return p
}

func (a *actor) handle(m signal.ClientMessage) {
	a.t.Helper()
	if err := a.participant().Handle(m); err != nil {
		a.t.Fatalf("%s: %v", m.Type, err)
	}
}

// eventually waits until ok, and fails after a time that only a broken program needs.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("never happened: %s", what)
}

// slotOf returns the MID of the slot that carries somebody's source, or "".
func (a *actor) slotOf(b *actor, source string) string {
	for mid, s := range a.Slots() {
		if s.Participant == b.id && s.Source == source {
			return mid
		}
	}
	return ""
}

// awaitSlot waits until a slot carries somebody's source.
func (a *actor) awaitSlot(b *actor, source string) string {
	a.t.Helper()
	eventually(a.t, "a slot carries "+source, func() bool { return a.slotOf(b, source) != "" })
	return a.slotOf(b, source)
}

// mic is somebody's microphone, which says numbers: payload "<name> <number>".
type mic struct {
	*sfutest.Source
	name string
	mu   sync.Mutex
	next int // number of the next packet
}

func (a *actor) openMic(name string) *mic {
	a.t.Helper()
	s, err := a.Publish(signal.Mic)
	if err != nil {
		a.t.Fatal(err)
	}
	return &mic{Source: s, name: name}
}

// say sends n packets of 20 ms at levels of a voice, -20 to -42 dBov, in real time.
func (m *mic) say(t *testing.T, n int) {
	t.Helper()
	m.send(t, n, func(i int) uint8 { return 20 + uint8(i*7%23) })
}

// sayAt sends them all at one level.
func (m *mic) sayAt(t *testing.T, n int, level uint8) {
	t.Helper()
	m.send(t, n, func(int) uint8 { return level })
}

func (m *mic) send(t *testing.T, n int, level func(number int) uint8) {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	pace := time.NewTicker(20 * time.Millisecond)
	defer pace.Stop()
	for range n {
		if err := m.WriteAudio(uint16(65500+m.next), uint32(m.next)*960, level(m.next), fmt.Appendf(nil, "%s %d", m.name, m.next)); err != nil {
			t.Fatal(err)
		}
		m.next++
		<-pace.C
	}
}

// keepSaying talks until stop is called.
func (m *mic) keepSaying(t *testing.T) (stop func()) { return keep(func() { m.say(t, 5) }) }

func (m *mic) keepSayingAt(t *testing.T, level uint8) (stop func()) {
	return keep(func() { m.sayAt(t, 5, level) })
}

// keep does something again and again until stop is called, which may be twice.
func keep(do func()) (stop func()) {
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-quit:
				return
			default:
				do()
			}
		}
	}()
	var once sync.Once
	return func() { once.Do(func() { close(quit) }); <-done }
}

// camera is somebody's camera: frames of two packets, with VP8 descriptors of 15-bit picture IDs.
type camera struct {
	*sfutest.Source
	seq     uint16
	ts      uint32
	picture uint16
	tl0     uint8
	asked   int
}

func (a *actor) openCamera(seq, picture uint16) *camera {
	return a.openVideo(signal.Camera, seq, picture)
}

func (a *actor) openVideo(source string, seq, picture uint16) *camera {
	a.t.Helper()
	s, err := a.Publish(source)
	if err != nil {
		a.t.Fatal(err)
	}
	return &camera{Source: s, seq: seq, picture: picture}
}

// film sends frames until stop is called: a key frame whenever the server asks, else delta frames.
func (c *camera) film(t *testing.T) (stop func()) {
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		pace := time.NewTicker(10 * time.Millisecond)
		defer pace.Stop()
		for {
			select {
			case <-quit:
				return
			case <-pace.C:
				asked := c.KeyFrameRequests()
				c.frame(t, asked > c.asked)
				c.asked = asked
			}
		}
	}()
	return func() { close(quit); <-done }
}

func (c *camera) frame(t *testing.T, key bool) {
	first := byte(1)
	if key {
		first = 0
	}
	for part := range 2 {
		start := byte(0x90)
		if part > 0 {
			start = 0x80
		}
		payload := []byte{start, 0xC0, 0x80 | byte(c.picture>>8&0x7F), byte(c.picture), c.tl0, first, 'v', byte(part)}
		p := &rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: c.seq, Timestamp: c.ts, Marker: part == 1}, Payload: payload}
		if err := c.Write(p); err != nil {
			t.Error(err)
		}
		c.seq++
	}
	c.picture++
	c.tl0++
	c.ts += 900
}

// pause lets others go first for a moment: who sends as fast as he can would fill the machine.
func pause() { time.Sleep(time.Millisecond) }
