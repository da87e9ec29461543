package sfu_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/rtp"
	"github.com/pion/stun/v4"
	"github.com/pion/transport/v5"
	"github.com/pion/webrtc/v4"

	"souffleur/internal/meeting"
	"souffleur/internal/signal"
	"souffleur/sfu"
	"souffleur/sfu/sfutest"
	"souffleur/sfu/vp8"
)

// Whole meetings over networks that lose, delay, shrink and move. They run in network namespaces, in real time, and say how
// long things took: so they are no part of the usual tests, but of make test-net.
//
// The server and everybody else are in one namespace, the person of whom it is told, Ada, is in another, at the end of a
// cable.
const (
	serverAddress = "10.90.0.1"
	adaAddress    = "10.90.0.2"
	adaElsewhere  = "10.90.0.3"
	relayAddress  = "10.90.0.254"
	serverPort    = 3480
)

// street is the two namespaces with a stage in one.
type street struct {
	*stage
	here, there *namespace // the server's, and Ada's
	nets        map[*namespace]*tappedNet
	relay       *relay // nil: none
}

// newStreet opens a street. With a relay all media passes through it.
func newStreet(t *testing.T, relayed bool) *street {
	t.Helper()
	if os.Getenv("SOUFFLEUR_TEST_NET") == "" {
		t.Skip("network tests run with make test-net")
	}
	if os.Getuid() != 0 {
		t.Skip("network namespaces need root")
	}
	s := &street{here: newNamespace(t), there: newNamespace(t), nets: map[*namespace]*tappedNet{}}
	s.here.join(t, serverAddress, s.there, adaAddress)
	config := sfu.DefaultConfig()
	config.UDPPort, config.Addresses = serverPort, []string{serverAddress}
	if relayed {
		s.here.ip(t, "address add "+relayAddress+"/24 dev wire")
		s.here.ip(t, "address add 10.91.0.1/24 dev lo")
		s.relay = newRelay(t, s.here, relayAddress, netip.MustParseAddrPort(fmt.Sprintf("%s:%d", serverAddress, serverPort)))
		config.PublicIPs = []string{relayAddress}
	}
	var node *sfu.Node
	err := s.here.do(func() (err error) { node, err = sfu.NewNode(config, testLog()); return err })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := node.Close(); err != nil {
			t.Error(err)
		}
	})
	s.stage = &stage{t: t, node: node, room: node.NewRoom(sfu.RoomConfig{Meeting: meeting.NewID()})}
	return s
}

// come lets somebody join from a namespace.
func (s *street) come(name string, from *namespace) *actor {
	s.t.Helper()
	network := s.nets[from]
	if network == nil {
		network = &tappedNet{namespaceNet: from.Net(s.t)}
		s.nets[from] = network
	}
	return s.joinWith(name, sfutest.Config{Net: network})
}

// voice is a microphone that remembers when it said what.
type voice struct {
	*sfutest.Source
	quit chan struct{}
	done chan struct{}

	mu   sync.Mutex
	sent []time.Time
}

// speak opens a microphone and sends a packet of 80 bytes every 20 ms until the test ends.
func (a *actor) speak() *voice {
	a.t.Helper()
	source, err := a.Publish(signal.Mic)
	if err != nil {
		a.t.Fatal(err)
	}
	v := &voice{Source: source, quit: make(chan struct{}), done: make(chan struct{})}
	go v.run(a.t)
	a.t.Cleanup(v.stop)
	return v
}

func (v *voice) run(t *testing.T) {
	defer close(v.done)
	every(20*time.Millisecond, v.quit, func() {
		v.mu.Lock()
		n := len(v.sent)
		v.sent = append(v.sent, time.Now())
		v.mu.Unlock()
		payload := make([]byte, 80)
		binary.BigEndian.PutUint32(payload[1:], uint32(n))
		if err := v.WriteAudio(uint16(n), uint32(n)*960, 20, payload); err != nil {
			t.Error(err)
		}
	})
}

func (v *voice) stop() {
	select {
	case <-v.quit:
	default:
		close(v.quit)
	}
	<-v.done
}

// every calls f at an even pace. After a pause of the machine it catches up, as an encoder would.
func every(interval time.Duration, quit <-chan struct{}, f func()) {
	pace := time.NewTicker(interval)
	defer pace.Stop()
	next := time.Now()
	for {
		select {
		case <-quit:
			return
		case now := <-pace.C:
			for ; !next.After(now); next = next.Add(interval) {
				f()
			}
		}
	}
}

// number returns which of a voice's packets this is.
func number(payload []byte) int { return int(binary.BigEndian.Uint32(payload[1:])) }

// hearing is when each packet of a voice arrived first.
type hearing map[int]time.Time

func (h hearing) note(payload []byte, at time.Time) {
	if first, ok := h[number(payload)]; !ok || at.Before(first) {
		h[number(payload)] = at
	}
}

// hear returns what arrived in a slot.
func (a *actor) hear(mid string) hearing {
	h := hearing{}
	arrivals := a.Arrivals(mid)
	for i, p := range a.Packets(mid)[:len(arrivals)] {
		h.note(p.Payload, arrivals[i])
	}
	return h
}

// stranger is a hidden listener of everybody, as bots are.
type stranger struct {
	mu     sync.Mutex
	owners map[meeting.TrackID]meeting.ParticipantID
	heard  map[meeting.ParticipantID]hearing
}

func newStranger() *stranger {
	return &stranger{owners: map[meeting.TrackID]meeting.ParticipantID{}, heard: map[meeting.ParticipantID]hearing{}}
}

func (s *stranger) AudioStarted(t sfu.AudioTrack) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.owners[t.Track] = t.Participant
	if s.heard[t.Participant] == nil {
		s.heard[t.Participant] = hearing{}
	}
}
func (s *stranger) AudioEnded(meeting.TrackID)       {}
func (s *stranger) AudioMuted(meeting.TrackID, bool) {}
func (s *stranger) AudioPacket(id meeting.TrackID, p sfu.AudioPacket) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.heard[s.owners[id]].note(p.Payload, p.Arrival)
}

func (s *stranger) hear(a *actor) hearing {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := hearing{}
	for n, at := range s.heard[a.id] {
		h[n] = at
	}
	return h
}

// continuity is what became of a voice's packets.
type continuity struct {
	packets, missing, late int
	worst                  time.Duration // later than the quickest packet
	gap                    time.Duration // the longest time in which nothing new arrived
}

// patientEar is how late a packet of audio may be before a browser's jitter buffer conceals it. The buffer grows to what the
// network needs; half a second is where talking gets hard.
const patientEar = 500 * time.Millisecond

// follow compares what was sent, from the first packet heard until 2 s ago, with what arrived.
func (v *voice) follow(h hearing) continuity {
	v.mu.Lock()
	sent := slices.Clone(v.sent)
	v.mu.Unlock()
	var c continuity
	first := len(sent)
	quickest := time.Hour
	var arrivals []time.Time
	for n, at := range h {
		first = min(first, n)
		quickest = min(quickest, at.Sub(sent[n]))
		arrivals = append(arrivals, at)
	}
	slices.SortFunc(arrivals, time.Time.Compare)
	for i := 1; i < len(arrivals); i++ {
		c.gap = max(c.gap, arrivals[i].Sub(arrivals[i-1]))
	}
	if len(arrivals) > 0 {
		c.gap = max(c.gap, time.Since(arrivals[len(arrivals)-1]))
	}
	until := time.Now().Add(-2 * time.Second)
	for n := first; n < len(sent) && sent[n].Before(until); n++ {
		c.packets++
		at, ok := h[n]
		if !ok {
			c.missing++
			continue
		}
		later := at.Sub(sent[n]) - quickest
		c.worst = max(c.worst, later)
		if later > patientEar {
			c.late++
		}
	}
	return c
}

func (c continuity) String() string {
	return fmt.Sprintf("of %d packets %d are missing, %d late, the latest by %v; longest gap %v",
		c.packets, c.missing, c.late, c.worst.Round(time.Millisecond), c.gap.Round(time.Millisecond))
}

// concealed returns the share that a listener would not hear.
func (c continuity) concealed() float64 { return float64(c.missing+c.late) / float64(c.packets) }

// reel is a camera of 25 frames a second and some 500 kb/s: frames of three packets, key frames of thirty.
type reel struct {
	*sfutest.Source
	seq, picture uint16
	ts           uint32
	tl0          byte
	asked        int
}

const reelPacket = 830 // bytes

// show opens a camera that films until the test ends.
func (a *actor) show() {
	a.t.Helper()
	source, err := a.Publish(signal.Camera)
	if err != nil {
		a.t.Fatal(err)
	}
	r := &reel{Source: source, seq: 64000, picture: 32000}
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		every(40*time.Millisecond, quit, func() { r.frame(a.t) })
	}()
	a.t.Cleanup(func() { close(quit); <-done })
}

func (r *reel) frame(t *testing.T) {
	parts, delta := 3, byte(1)
	if asked := r.KeyFrameRequests(); asked > r.asked {
		parts, delta, r.asked = 30, 0, asked
	}
	for part := range parts {
		start := byte(0x80)
		if part == 0 {
			start = 0x90
		}
		payload := make([]byte, reelPacket)
		copy(payload, []byte{start, 0xC0, 0x80 | byte(r.picture>>8&0x7F), byte(r.picture), r.tl0, delta})
		p := &rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: r.seq, Timestamp: r.ts, Marker: part == parts-1}, Payload: payload}
		if err := r.Write(p); err != nil {
			t.Error(err)
		}
		r.seq++
	}
	r.picture, r.tl0, r.ts = (r.picture+1)&0x7FFF, r.tl0+1, r.ts+3600
}

// film is what a viewer could show of what arrived.
type film struct {
	frames, shown int           // from the first that was shown
	blank         time.Duration // from the first packet to that
	freeze        time.Duration // longest time without a new picture
	intact        bool          // the newest frame is shown
}

func (f film) String() string {
	return fmt.Sprintf("the first picture came after %v; of %d frames %d can be decoded; longest freeze %v",
		f.blank.Round(time.Millisecond), f.frames, f.shown, f.freeze.Round(time.Millisecond))
}

// watch decodes a slot's packets as far as that needs no codec: a frame can be shown when it is complete and it is a key
// frame or the one before could be shown. Frames that were complete after until are left out: they may still be repaired.
func (a *actor) watch(mid string, until time.Time) film {
	arrivals := a.Arrivals(mid)
	if len(arrivals) == 0 {
		return film{intact: true}
	}
	packets := map[int]*rtp.Packet{} // by number, counted on across the wrap
	at := map[int]time.Time{}
	newest, oldest := 0, 0
	var base uint16
	for i, p := range a.Packets(mid)[:len(arrivals)] {
		if i == 0 {
			base = p.SequenceNumber
		}
		n := newest + int(int16(p.SequenceNumber-base-uint16(newest)))
		newest, oldest = max(newest, n), min(oldest, n)
		if packets[n] == nil {
			packets[n], at[n] = p, arrivals[i]
		}
	}
	var f film
	var last time.Time // when the newest frame was shown
	ready := time.Time{}
	for n := oldest; n <= newest; {
		end, complete, key, done := frameAt(packets, at, n)
		if done.After(until) {
			break
		}
		f.intact = complete && (key || f.intact)
		if f.intact && f.shown == 0 {
			f.blank = done.Sub(arrivals[0])
		}
		if f.shown > 0 || f.intact {
			f.frames++
		}
		if f.intact {
			f.shown++
			if done.After(ready) {
				ready = done
			}
			if !last.IsZero() {
				f.freeze = max(f.freeze, ready.Sub(last))
			}
			last = ready
		}
		n = end
	}
	return f
}

// missKeyFrames asks for a key frame, as browsers do, when a slot has frames of which none can be shown: what was lost before
// the first packet that arrived is not missed by its number. It runs until the test ends.
func (a *actor) missKeyFrames(mid string) {
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		every(300*time.Millisecond, quit, func() {
			if f := a.watch(mid, time.Now().Add(-300*time.Millisecond)); !f.intact {
				if err := a.AskKeyFrame(mid); err != nil {
					a.t.Error(err)
				}
			}
		})
	}()
	a.t.Cleanup(func() { close(quit); <-done })
}

// frameAt reads the frame that begins with packet n: where the next one begins, whether all of it is there and when it was.
// A missing packet counts as a frame of its own, or as the end of the one before.
func frameAt(packets map[int]*rtp.Packet, at map[int]time.Time, n int) (end int, complete, key bool, done time.Time) {
	p := packets[n]
	if p == nil {
		return n + 1, false, false, time.Time{}
	}
	d, err := vp8.Parse(p.Payload)
	complete, key = err == nil && d.Start, err == nil && d.KeyFrame
	for ; packets[n] != nil && packets[n].Timestamp == p.Timestamp; n++ {
		if at[n].After(done) {
			done = at[n]
		}
		if packets[n].Marker {
			return n + 1, complete, key, done
		}
	}
	return n, false, key, done
}

func TestNetworkThatLosesOneInTwenty(t *testing.T) {
	s := newStreet(t, true)
	bot := newStranger()
	defer s.room.Listen(bot)()
	s.relay.harm(adaAddress, evenly(0.05), 20*time.Millisecond)
	ada, ben := s.come("Ada", s.there), s.come("Ben", s.here)
	adaVoice, benVoice := ada.speak(), ben.speak()
	ada.show()
	ben.show()
	adaAtBen, benAtAda := ben.awaitSlot(ada, signal.Mic), ada.awaitSlot(ben, signal.Mic)
	adaSeen, benSeen := ben.awaitSlot(ada, signal.Camera), ada.awaitSlot(ben, signal.Camera)
	ben.missKeyFrames(adaSeen)
	ada.missKeyFrames(benSeen)
	time.Sleep(17 * time.Second) // of meeting: what is measured

	passed, lost := s.relay.counts()
	t.Logf("the relay passed %d packets and lost %d", passed, lost)
	for what, c := range map[string]continuity{
		"Ada as bots hear her": adaVoice.follow(bot.hear(ada)),
		"Ada as Ben hears her": adaVoice.follow(ben.hear(adaAtBen)),
		"Ben as Ada hears him": benVoice.follow(ada.hear(benAtAda)),
		"Ben as bots hear him": benVoice.follow(bot.hear(ben)),
	} {
		t.Logf("%s: %v", what, c)
		if c.packets < 700 || c.concealed() > 0.01 {
			t.Errorf("%s: %.1f %% of %d packets cannot be heard", what, 100*c.concealed(), c.packets)
		}
	}
	until := time.Now().Add(-2 * time.Second)
	for what, f := range map[string]film{"Ada as Ben sees her": ben.watch(adaSeen, until), "Ben as Ada sees him": ada.watch(benSeen, until)} {
		t.Logf("%s: %v", what, f)
		if f.frames < 300 || f.shown*100 < f.frames*99 || max(f.blank, f.freeze) > 2*time.Second {
			t.Errorf("%s: %v", what, f)
		}
	}
}

// tappedNet remembers the sockets that were opened, so that a test can send from them, too.
type tappedNet struct {
	*namespaceNet
	mu    sync.Mutex
	conns []*net.UDPConn
}

func (n *tappedNet) ListenUDP(network string, address *net.UDPAddr) (transport.UDPConn, error) {
	conn, err := n.namespace.listen(network, address)
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.conns = append(n.conns, conn)
	return conn, nil
}

// resumeLimit is how soon media must flow again from a new address.
const resumeLimit = 3 * time.Second

// checkInterval is how often Chrome checks a connection that works (STABLE_WRITABLE_CONNECTION_PING_INTERVAL). Towards a lite
// agent each check says again that the pair is the chosen one (P2PTransportChannel::GetUseCandidateAttr).
const checkInterval = 2500 * time.Millisecond

// checkLikeChrome sends such checks beside pion's own, which never name the pair again, until the test ends.
func (s *street) checkLikeChrome(a *actor, from *namespace) {
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		every(checkInterval, quit, func() {
			for _, d := range a.Descriptions() {
				if err := s.nets[from].check(d); err != nil {
					s.t.Error(err)
				}
			}
		})
	}()
	s.t.Cleanup(func() { close(quit); <-done })
}

var (
	sdpUfrag     = regexp.MustCompile(`a=ice-ufrag:(\S+)`)
	sdpPwd       = regexp.MustCompile(`a=ice-pwd:(\S+)`)
	sdpCandidate = regexp.MustCompile(`a=candidate:\S+ 1 udp \d+ (\S+) (\d+) typ host`)
)

// check sends a check of one connection from its own socket.
func (n *tappedNet) check(d sfutest.Description) error {
	server := sdpCandidate.FindStringSubmatch(d.Server)
	if server == nil || d.Own == "" {
		return nil // not connected yet
	}
	pwd := sdpPwd.FindStringSubmatch(d.Server)[1]
	m, err := stun.Build(stun.BindingRequest, stun.TransactionID,
		stun.NewUsername(sdpUfrag.FindStringSubmatch(d.Server)[1]+":"+sdpUfrag.FindStringSubmatch(d.Own)[1]),
		ice.UseCandidate(), ice.AttrControlling(1), ice.PriorityAttr(1), stun.NewShortTermIntegrity(pwd), stun.Fingerprint)
	if err != nil {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, own := range sdpCandidate.FindAllStringSubmatch(d.Own, -1) {
		for _, conn := range n.conns {
			if address := own[1] + ":" + own[2]; !strings.HasPrefix(address, "127.") && conn.LocalAddr().String() == address {
				_, err = conn.WriteToUDPAddrPort(m.Raw, netip.MustParseAddrPort(server[1]+":"+server[2]))
			}
		}
	}
	return err
}

// underWay returns Ada and Ben, who talk, with what each and a bot hear of the other.
func (s *street) underWay(bot *stranger) (ada *actor, heard func() map[string]continuity) {
	s.t.Helper()
	ada, ben := s.come("Ada", s.there), s.come("Ben", s.here)
	adaVoice, benVoice := ada.speak(), ben.speak()
	adaAtBen, benAtAda := ben.awaitSlot(ada, signal.Mic), ada.awaitSlot(ben, signal.Mic)
	eventually(s.t, "both are heard", func() bool { return len(ben.hear(adaAtBen)) > 100 && len(ada.hear(benAtAda)) > 100 })
	return ada, func() map[string]continuity {
		return map[string]continuity{
			"Ada as bots hear her": adaVoice.follow(bot.hear(ada)),
			"Ada as Ben hears her": adaVoice.follow(ben.hear(adaAtBen)),
			"Ben as Ada hears him": benVoice.follow(ada.hear(benAtAda)),
		}
	}
}

// resumed fails if somebody could not be heard for longer than resumeLimit, or ended for good.
func (s *street) resumed(heard map[string]continuity) {
	s.t.Helper()
	for what, c := range heard {
		s.t.Logf("%s: %v", what, c)
		if c.gap > resumeLimit {
			s.t.Errorf("%s: nothing for %v", what, c.gap)
		}
		if most := int(resumeLimit / (20 * time.Millisecond)); c.missing > most {
			s.t.Errorf("%s: %d packets are missing", what, c.missing)
		}
	}
}

func TestNetworkWhoseRouterIsRestarted(t *testing.T) {
	s := newStreet(t, true)
	bot := newStranger()
	defer s.room.Listen(bot)()
	ada, heard := s.underWay(bot)
	s.checkLikeChrome(ada, s.there)
	time.Sleep(checkInterval / 5) // soon after a check: the next one is far
	s.relay.rebind(adaAddress)
	time.Sleep(8 * time.Second) // of meeting
	s.resumed(heard())
}

// noticeAfter is how soon a client that hears nothing asks for new paths. (Chrome says "disconnected" after about as long.)
const noticeAfter = time.Second

func TestNetworkInWhichAdaMoves(t *testing.T) {
	s := newStreet(t, false)
	bot := newStranger()
	defer s.room.Listen(bot)()
	ada, heard := s.underWay(bot)
	s.there.ip(t, "address del "+adaAddress+"/24 dev wire")
	s.there.ip(t, "address add "+adaElsewhere+"/24 dev wire")
	time.Sleep(noticeAfter)
	ada.handle(signal.ClientMessage{Type: signal.Restart})
	if err := ada.Negotiate(&webrtc.OfferOptions{ICERestart: true}); err != nil {
		t.Fatal(err)
	}
	time.Sleep(7 * time.Second) // of meeting
	s.resumed(heard())
	if own := ada.Descriptions()[0].Own; !strings.Contains(own, adaElsewhere) {
		t.Errorf("Ada has not moved: %q", sdpCandidate.FindAllString(own, -1))
	}
}

// Limits of Ada's line in TestNetworkThatShrinks, in kb/s, and how long a packet waits in the full queue at most.
const (
	wideKbps, wideQueueMS     = 5000, 60
	narrowKbps, narrowQueueMS = 500, 200
)

// settleLimit is how soon after the line has shrunk nothing waits any more.
const settleLimit = 3 * time.Second

// recoverLimit is how soon after it is wide again nearly as much is sent as before: the estimator waits up to 32 s before
// it tries more, and then a little more each second.
const recoverLimit = 50 * time.Second

func TestNetworkThatShrinks(t *testing.T) {
	s := newStreet(t, false)
	s.here.limit(t, wideKbps, wideQueueMS)
	ada, ben := s.come("Ada", s.there), s.come("Ben", s.here)
	voice := ben.speak()
	others := []*actor{ben}
	for _, name := range []string{"Cleo", "Dan", "Eve"} {
		others = append(others, s.come(name, s.here))
	}
	var tiles []signal.Tile
	for i, a := range others {
		camera := a.openSimulcast("q", "h", "f")
		camera.fat = true
		t.Cleanup(camera.film(t, "q", "h", "f"))
		tiles = append(tiles, signal.Tile{Participant: a.id, Source: signal.Camera, Height: []int{720, 360, 360, 360}[i]})
	}
	if err := ada.View(tiles...); err != nil {
		t.Fatal(err)
	}
	mid := ada.awaitSlot(ben, signal.Mic)
	eventually(t, "everything is sent that Ada wants", func() bool { return ada.receiving() > 2_500_000 })
	time.Sleep(3 * time.Second) // of a good meeting
	before := ada.receiving()

	s.here.limit(t, narrowKbps, narrowQueueMS)
	shrunk := time.Now()
	time.Sleep(15 * time.Second) // of meeting
	s.here.limit(t, wideKbps, wideQueueMS)
	widened := time.Now()
	low := ada.receivedBetween(shrunk.Add(5*time.Second), widened)
	waits := voice.waits(ada.hear(mid))
	settled := waits.settled(shrunk, widened)
	t.Logf("%d kb/s before; settled after %v; then %d kb/s", before/1000, settled.Round(10*time.Millisecond), low/1000)
	if settled > settleLimit {
		t.Errorf("the queue was empty after %v", settled)
	}
	if low < 100_000 {
		t.Errorf("only %d b/s of video came over a line of %d kb/s", low, narrowKbps)
	}
	back, free := 0, widened
	for machine := watchMachine(t); back <= before*8/10 && time.Since(free) <= recoverLimit; time.Sleep(20 * time.Millisecond) {
		back = ada.receiving()
		// A machine that stands still looks to the estimator like a line that is narrow again.
		if late := machine.lastLate(); late.After(free) && late.Before(widened.Add(recoverLimit)) {
			free = late
		}
	}
	t.Logf("recovered after %v, %v after the machine last stood still", time.Since(widened).Round(100*time.Millisecond), time.Since(free).Round(100*time.Millisecond))
	if back <= before*8/10 {
		t.Errorf("%v after the line is wide again %d kb/s are received, of %d", recoverLimit, back/1000, before/1000)
	}
	missing, late, all := voice.waits(ada.hear(mid)).lost(shrunk, widened)
	t.Logf("of %d packets of audio %d are missing, %d late", all, missing, late)
	if missing*100 > all || (missing+late)*100 > 2*all {
		t.Error("audio is lost")
	}
}

// machine notes when goroutines that should run do not.
type machine struct{ late atomic.Int64 } // UnixNano of the newest time; 0: never

// stoodStill is how late a goroutine runs that counts: packets that wait as long look like a queue.
const stoodStill = 80 * time.Millisecond

// watchMachine watches until the test ends.
func watchMachine(t *testing.T) *machine {
	m := &machine{}
	ctx, stop := context.WithCancel(t.Context())
	var watching sync.WaitGroup
	watching.Go(func() { m.watch(ctx) })
	t.Cleanup(func() {
		stop()
		watching.Wait()
	})
	return m
}

func (m *machine) watch(ctx context.Context) {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for before := time.Now(); ; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			now := time.Now()
			if now.Sub(before) > stoodStill {
				m.late.Store(now.UnixNano())
			}
			before = now
		}
	}
}

// lastLate returns when a goroutine was late last; long ago if none was.
func (m *machine) lastLate() time.Time { return time.Unix(0, m.late.Load()) }

// receiving returns the bits of video that came in the last second.
func (a *actor) receiving() int {
	now := time.Now()
	return a.receivedBetween(now.Add(-time.Second), now)
}

// receivedBetween returns the bits of video a second that came in a time.
func (a *actor) receivedBetween(from, to time.Time) int {
	octets := 0
	for mid, slot := range a.Slots() {
		if slot.Kind != "video" {
			continue
		}
		arrivals := a.Arrivals(mid)
		for i, p := range a.Packets(mid)[:len(arrivals)] {
			if arrivals[i].After(from) && !arrivals[i].After(to) {
				octets += len(p.Payload)
			}
		}
	}
	return int(float64(8*octets) / to.Sub(from).Seconds())
}

// waits says of each packet of a voice when it was sent and how much later than the quickest it arrived.
type waits []wait

type wait struct {
	sent  time.Time
	later time.Duration // -1: it is missing
}

func (v *voice) waits(h hearing) waits {
	v.mu.Lock()
	sent := slices.Clone(v.sent)
	v.mu.Unlock()
	quickest := time.Hour
	for n, at := range h {
		quickest = min(quickest, at.Sub(sent[n]))
	}
	var list waits
	for n, when := range sent {
		w := wait{sent: when, later: -1}
		if at, ok := h[n]; ok {
			w.later = at.Sub(when) - quickest
		}
		list = append(list, w)
	}
	return list
}

// emptyQueue is what a packet may wait where no queue is to speak of: a few packets of video before it, on a narrow line.
const emptyQueue = 150 * time.Millisecond

// settled returns how long after from the queue was empty for two seconds.
func (w waits) settled(from, to time.Time) time.Duration {
	since := from
	for _, x := range w {
		switch {
		case x.sent.Before(from):
		case x.later < 0 || x.later > emptyQueue:
			since = x.sent
		case x.sent.Sub(since) > 2*time.Second:
			return since.Sub(from)
		}
	}
	return to.Sub(from)
}

// lost counts the packets that a listener would not hear, of those sent in a time.
func (w waits) lost(from, to time.Time) (missing, late, all int) {
	for _, x := range w {
		switch {
		case x.sent.Before(from) || x.sent.After(to):
			continue
		case x.later < 0:
			missing++
		case x.later > patientEar:
			late++
		}
		all++
	}
	return missing, late, all
}
