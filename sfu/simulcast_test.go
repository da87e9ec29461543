package sfu_test

import (
	"encoding/binary"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/pion/rtp"

	"souffleur/internal/meeting"
	"souffleur/internal/signal"
	"souffleur/sfu"
	"souffleur/sfu/load"
	"souffleur/sfu/sfutest"
	"souffleur/sfu/vp8"
)

// simulcast is a camera of several layers, like a browser's: all have one capture clock, each its own numbers. A layer
// sends a key frame when it is asked for and when it starts.
type simulcast struct {
	*sfutest.Source
	a   *actor
	mu  sync.Mutex
	off map[string]bool // layers that the network does not allow
	fat bool            // sends as much as a real one: 160 kb/s, 480 kb/s and 1.7 Mb/s
}

// simulcastHeights are the pictures' heights in pixels.
var simulcastHeights = map[string]int{"q": 180, "h": 360, "f": 720}

func (a *actor) openSimulcast(rids ...string) *simulcast {
	a.t.Helper()
	s, err := a.PublishAs(signal.Camera, sfutest.Encoding{RIDs: rids})
	if err != nil {
		a.t.Fatal(err)
	}
	return &simulcast{Source: s, a: a, off: map[string]bool{}}
}

func (c *simulcast) stop(rid string, off bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.off[rid] = off
}

// sends says whether the browser would send a layer: the network allows it, and the server asked for it.
func (c *simulcast) sends(rid string, asked []string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.off[rid] && slices.Contains(asked, rid)
}

// asked returns what the server has last asked for; before that everything.
func (c *simulcast) asked(rids []string) []string {
	said := c.a.Messages(signal.Layers)
	if len(said) == 0 {
		return rids
	}
	return said[len(said)-1].Layers
}

// film sends what the server asks for, until stop is called: 50 frames a second of one packet.
func (c *simulcast) film(t *testing.T, rids ...string) (stop func()) {
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		var layers []*simulcastLayer
		for i, rid := range rids {
			layers = append(layers, &simulcastLayer{rid: rid, seq: uint16(20000*i) - 20, base: uint32(i) * 1e9, picture: uint16(i * 10000)})
		}
		pace := time.NewTicker(20 * time.Millisecond)
		defer pace.Stop()
		for number := uint32(0); ; number++ {
			select {
			case <-quit:
				return
			case <-pace.C:
			}
			asked := c.asked(rids)
			for _, l := range layers {
				l.film(t, c, number, c.sends(l.rid, asked))
			}
		}
	}()
	return func() { close(quit); <-done }
}

type simulcastLayer struct {
	rid      string
	seq      uint16
	base     uint32
	picture  uint16
	requests int
	on       bool
}

func (l *simulcastLayer) film(t *testing.T, c *simulcast, number uint32, on bool) {
	requests := c.LayerRequests(l.rid)
	key := requests > l.requests || !l.on
	l.on = on
	if !on {
		return
	}
	l.requests = requests
	sizes := []int{0}
	if c.fat {
		sizes = map[string][]int{"q": {400}, "h": {1200}, "f": {1400, 1400, 1400}}[l.rid]
	}
	for i, size := range sizes {
		body := shot{rid: l.rid[0], number: number, key: key, more: i > 0}.payload(l.picture, size)
		packet := &rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: l.seq, Timestamp: l.base + number*1800, Marker: i == len(sizes)-1}, Payload: body}
		if err := c.WriteLayer(l.rid, packet); err != nil {
			t.Error(err)
		}
		l.seq++
	}
	l.picture++
}

// shot is a frame of a simulcast camera, as the tests read it.
type shot struct {
	rid    byte
	number uint32 // of the picture, the same in all layers
	key    bool
	more   bool // not the frame's first packet
}

func (s shot) payload(picture uint16, size int) []byte {
	b := []byte{0x90, 0xC0, 0x80 | byte(picture>>8&0x7F), byte(picture), byte(picture)}
	if s.more {
		b[0] = 0x80
	}
	if s.key && !s.more {
		height := simulcastHeights[string(s.rid)]
		b = append(b, 0x10, 0, 0, 0x9D, 1, 0x2A, byte(height*16/9), byte(height*16/9>>8), byte(height), byte(height>>8))
	} else {
		b = append(b, 0x11, 0, 0)
	}
	b = append(b, make([]byte, size)...)
	return binary.BigEndian.AppendUint32(append(b, s.rid), s.number)
}

func readShot(p *rtp.Packet) shot {
	d, err := vp8.Parse(p.Payload)
	if n := len(p.Payload); err == nil && n > 10 {
		return shot{rid: p.Payload[n-5], number: binary.BigEndian.Uint32(p.Payload[n-4:]), key: d.KeyFrame}
	}
	return shot{}
}

// layerOf returns the layer of the newest packet in a slot, or 0.
func (a *actor) layerOf(mid string) byte {
	packets := a.Packets(mid)
	if len(packets) == 0 {
		return 0
	}
	return readShot(packets[len(packets)-1]).rid
}

func (a *actor) awaitLayer(mid string, rid byte) {
	a.t.Helper()
	eventually(a.t, "layer "+string(rid)+" comes", func() bool { return a.layerOf(mid) == rid })
}

func (a *actor) look(at *actor, height int) {
	a.t.Helper()
	if err := a.View(signal.Tile{Participant: at.id, Source: signal.Camera, Height: height}); err != nil {
		a.t.Fatal(err)
	}
}

// oneEncoder fails unless the packets of a slot look like those of one encoder: numbers go on, layers change at key
// frames only, and times are those at which the pictures were taken.
func oneEncoder(t *testing.T, packets []*rtp.Packet) {
	t.Helper()
	continuous(t, packets)
	packets = inOrder(packets)
	var last shot
	for i, p := range packets {
		s := readShot(p)
		if s.rid != last.rid && !s.key {
			t.Fatalf("packet %d changes from layer %c to %c without a key frame", i, last.rid, s.rid)
		}
		if i > 0 && s.rid == last.rid && p.SequenceNumber == packets[i-1].SequenceNumber+1 && s.number < last.number {
			t.Fatalf("picture %d follows %d", s.number, last.number)
		}
		if i > 0 && int32(p.Timestamp-packets[i-1].Timestamp) <= 0 {
			t.Fatalf("packet %d goes back in time", i)
		}
		last = s
	}
}

func TestLayerFollowsTheTile(t *testing.T) {
	s := newStage(t, sfu.RoomConfig{})
	ada, reader := s.join("Ada"), s.join("Reader")
	cam := ada.openSimulcast("q", "h", "f")
	defer cam.film(t, "q", "h", "f")()
	mid := reader.awaitSlot(ada, signal.Camera)
	reader.awaitLayer(mid, 'q')
	for _, step := range []struct {
		height int
		rid    byte
	}{{720, 'f'}, {360, 'h'}, {90, 'q'}, {720, 'f'}} {
		seen := len(reader.Packets(mid))
		reader.look(ada, step.height)
		reader.awaitLayer(mid, step.rid)
		eventually(t, "it stays", func() bool { return len(reader.Packets(mid)) > seen+60 })
		if got := reader.layerOf(mid); got != step.rid {
			t.Fatalf("a tile of %d pixels shows layer %c", step.height, got)
		}
	}
	oneEncoder(t, reader.Packets(mid))
	if again := reader.slotOf(ada, signal.Camera); again != mid {
		t.Errorf("the tile moved to slot %s", again)
	}
}

func TestUnwatchedLayersAreSwitchedOff(t *testing.T) {
	s := newStage(t, sfu.RoomConfig{})
	ada, reader, other := s.join("Ada"), s.join("Reader"), s.join("Other")
	told := func(want ...string) func() bool {
		return func() bool {
			said := ada.Messages(signal.Layers)
			return len(said) > 0 && said[len(said)-1].Source == signal.Camera && slices.Equal(said[len(said)-1].Layers, want)
		}
	}
	if err := reader.View(); err != nil {
		t.Fatal(err)
	}
	if err := other.View(); err != nil {
		t.Fatal(err)
	}
	cam := ada.openSimulcast("q", "h", "f")
	defer cam.film(t, "q", "h", "f")()
	eventually(t, "Ada is told that nobody watches", told())
	reader.look(ada, 180)
	eventually(t, "Ada is told that the smallest is watched", told("q"))
	mid := reader.awaitSlot(ada, signal.Camera)
	reader.awaitLayer(mid, 'q')
	other.look(ada, 720)
	eventually(t, "Ada is told of both", told("q", "f"))
	reader.look(ada, 720)
	reader.awaitLayer(mid, 'f')
	eventually(t, "the smallest is switched off after a while", told("f"))
	for _, a := range []*actor{reader, other} {
		if err := a.View(); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "all are switched off when nobody watches", told())
	eventually(t, "the slot is empty", func() bool { return reader.Slots()[mid].Participant == "" })
}

func TestReadersOfAStoppedLayerGetALowerOne(t *testing.T) {
	s := newStage(t, sfu.RoomConfig{})
	ada, reader := s.join("Ada"), s.join("Reader")
	cam := ada.openSimulcast("q", "h", "f")
	defer cam.film(t, "q", "h", "f")()
	reader.look(ada, 720)
	mid := reader.awaitSlot(ada, signal.Camera)
	reader.awaitLayer(mid, 'f')
	cam.stop("f", true) // the publisher's network has become narrow
	eventually(t, "the slot goes on with another layer", func() bool { return reader.layerOf(mid) != 'f' })
	eventually(t, "the best one that comes", func() bool { return reader.layerOf(mid) == 'h' })
	cam.stop("f", false)
	reader.awaitLayer(mid, 'f')
	oneEncoder(t, reader.Packets(mid))
}

func TestLayersThatStartLaterAreUsed(t *testing.T) {
	s := newStage(t, sfu.RoomConfig{})
	ada, reader := s.join("Ada"), s.join("Reader")
	cam := ada.openSimulcast("f", "h", "q") // in another order than they rise
	for _, rid := range []string{"h", "f"} {
		cam.stop(rid, true)
	}
	defer cam.film(t, "q", "h", "f")()
	reader.look(ada, 720)
	mid := reader.awaitSlot(ada, signal.Camera)
	reader.awaitLayer(mid, 'q')
	cam.stop("h", false)
	reader.awaitLayer(mid, 'h')
	cam.stop("f", false)
	reader.awaitLayer(mid, 'f')
	oneEncoder(t, reader.Packets(mid))
}

func TestOnlyWhatIsOnThePageIsSent(t *testing.T) {
	s := newStage(t, sfu.RoomConfig{})
	reader := s.join("Reader")
	var people []*actor
	for i, name := range []string{"Ada", "Ben", "Cleo"} {
		a := s.join(name)
		defer a.openCamera(uint16(100*i), 1).film(t)()
		people = append(people, a)
	}
	ada, ben, cleo := people[0], people[1], people[2]
	for _, a := range people {
		reader.awaitSlot(a, signal.Camera) // without a view, the first cameras
	}
	tile := func(a *actor) signal.Tile {
		return signal.Tile{Participant: a.id, Source: signal.Camera, Height: 180}
	}
	if err := reader.View(tile(cleo), tile(ada)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "Ben's slot is empty", func() bool { return reader.slotOf(ben, signal.Camera) == "" })
	adaMID, cleoMID := reader.slotOf(ada, signal.Camera), reader.slotOf(cleo, signal.Camera)
	if adaMID == "" || cleoMID == "" {
		t.Fatal("a tile of the page was taken away")
	}
	if err := reader.View(tile(ben), tile(cleo), signal.Tile{Participant: "stranger", Source: signal.Camera, Height: 1}); err != nil {
		t.Fatal(err)
	}
	benMID := reader.awaitSlot(ben, signal.Camera)
	eventually(t, "Ada's slot is used or empty", func() bool { return reader.slotOf(ada, signal.Camera) == "" })
	if reader.slotOf(cleo, signal.Camera) != cleoMID {
		t.Error("a tile that stays has moved")
	}
	before := len(reader.Packets(benMID))
	eventually(t, "Ben is seen", func() bool { return len(reader.Packets(benMID)) > before+20 })
	if err := reader.View(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "everything is empty", func() bool {
		return reader.slotOf(ben, signal.Camera) == "" && reader.slotOf(cleo, signal.Camera) == ""
	})
	defer ada.openMic("ada").keepSaying(t)()
	mic := reader.awaitSlot(ada, signal.Mic)
	sound := func(packets int) {
		seen := len(reader.Packets(mic))
		eventually(t, "sound comes", func() bool { return len(reader.Packets(mic)) > seen+packets })
	}
	sound(25) // what was on its way has come
	seen := map[string]int{}
	for _, slot := range []string{adaMID, benMID, cleoMID} {
		seen[slot] = len(reader.Packets(slot))
	}
	sound(50)
	for slot, n := range seen {
		if more := len(reader.Packets(slot)) - n; more > 0 {
			t.Errorf("%d packets of video came on a page of nobody", more)
		}
	}
}

func TestH264ReachesThoseWhoTakeIt(t *testing.T) {
	s := newStage(t, sfu.RoomConfig{Rules: meeting.Rules{ShareReplaces: true}})
	ada, ben := s.join("Ada"), s.join("Ben")
	reader, old := s.join("Reader"), s.joinWith("Old", sfutest.Config{OnlyVP8: true})
	eventually(t, "all are connected", func() bool { return reader.Connected() && old.Connected() })
	stopBen := ben.openVideo(signal.Screen, 5, 5).film(t)
	mid := reader.awaitSlot(ben, signal.Screen)
	eventually(t, "VP8 comes", func() bool { return len(reader.Packets(mid)) > 20 })
	oldMID := old.awaitSlot(ben, signal.Screen)
	eventually(t, "VP8 comes to both", func() bool { return len(old.Packets(oldMID)) > 20 })

	cam, err := ada.PublishAs(signal.Screen, sfutest.Encoding{H264: true})
	if err != nil {
		t.Fatal(err)
	}
	defer filmH264(t, cam)()
	reader.awaitSlot(ada, signal.Screen)
	last := func(a *actor, mid string) *rtp.Packet {
		packets := a.Packets(mid)
		return packets[len(packets)-1]
	}
	vp8Type := last(old, oldMID).PayloadType
	eventually(t, "H.264 comes under its payload type", func() bool { return last(reader, mid).PayloadType != vp8Type })
	seen := len(reader.Packets(mid))
	eventually(t, "it flows", func() bool { return len(reader.Packets(mid)) > seen+30 })
	packets := reader.Packets(mid)
	begin := slices.IndexFunc(packets, func(p *rtp.Packet) bool { return p.PayloadType != vp8Type })
	if first := packets[begin].Payload; first[0]&0x1F != 24 {
		t.Errorf("H.264 begins with % x", first)
	}
	for i, p := range packets {
		if i >= begin && p.PayloadType == vp8Type {
			t.Fatal("VP8 came among H.264")
		}
		masked := *p
		masked.PayloadType = vp8Type
		packets[i] = &masked
	}
	continuous(t, packets)
	eventually(t, "who cannot decode it is told", func() bool {
		slot := old.Slots()[oldMID]
		return slot.Participant == ada.id && slot.Paused == signal.PausedCodec
	})
	for _, p := range old.Packets(oldMID) {
		if p.PayloadType != vp8Type {
			t.Fatal("H.264 was sent to somebody who does not take it")
		}
	}
	stopBen()
}

func TestCodecMayChangeOnTheWay(t *testing.T) {
	s := newStage(t, sfu.RoomConfig{})
	ada, reader := s.join("Ada"), s.join("Reader")
	cam := ada.openCamera(1, 1)
	stop := cam.film(t)
	mid := reader.awaitSlot(ada, signal.Camera)
	eventually(t, "VP8 comes", func() bool { return len(reader.Packets(mid)) > 20 })
	stop()
	vp8Type := reader.Packets(mid)[0].PayloadType
	if err := cam.TurnToH264(); err != nil {
		t.Fatal(err)
	}
	defer filmH264(t, cam.Source)()
	eventually(t, "H.264 comes, in whatever slot", func() bool {
		packets := reader.Packets(reader.slotOf(ada, signal.Camera))
		return len(packets) > 0 && packets[len(packets)-1].PayloadType != vp8Type
	})
}

// filmH264 sends parameter sets and a key frame whenever the server asks, else other slices.
func filmH264(t *testing.T, cam *sfutest.Source) (stop func()) {
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		pace := time.NewTicker(10 * time.Millisecond)
		defer pace.Stop()
		asked, seq, ts := -1, uint16(65500), uint32(0)
		write := func(marker bool, payload ...byte) {
			p := &rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: seq, Timestamp: ts, Marker: marker}, Payload: payload}
			if err := cam.Write(p); err != nil {
				t.Error(err)
			}
			seq++
		}
		for {
			select {
			case <-quit:
				return
			case <-pace.C:
			}
			if n := cam.KeyFrameRequests(); n > asked {
				asked = n
				write(false, 0x78, 0, 4, 0x67, 0x42, 0xE0, 0x1F, 0, 2, 0x68, 0xCE)
				write(false, 0x7C, 0x85, 1, 2, 3)
				write(true, 0x7C, 0x45, 4, 5, 6)
			} else {
				write(true, 0x41, 1, 2, 3)
			}
			ts += 900
		}
	}()
	return func() { close(quit); <-done }
}

func TestNarrowNetworkGetsALowerLayerThenNone(t *testing.T) {
	s := newStage(t, sfu.RoomConfig{})
	network := newNetwork(t)
	ada, reader := s.join("Ada"), s.joinWith("Reader", sfutest.Config{Net: network})
	cam := ada.openSimulcast("q", "h", "f")
	cam.fat = true
	defer cam.film(t, "q", "h", "f")()
	defer ada.openMic("ada").keepSaying(t)()
	reader.look(ada, 720)
	mid := reader.awaitSlot(ada, signal.Camera)
	reader.awaitLayer(mid, 'f')
	for _, step := range []struct {
		bitrate int
		done    func() bool
	}{
		{300_000, func() bool { return reader.layerOf(mid) == 'q' }},
		{60_000, func() bool { return reader.Slots()[mid].Paused == signal.PausedBandwidth }},
	} {
		network.Narrow(step.bitrate)
		eventually(t, "less is sent than before", step.done)
	}
	if slot := reader.Slots()[mid]; slot.Participant != ada.id {
		t.Error("a paused slot does not say whose it is")
	}
	mic := reader.awaitSlot(ada, signal.Mic)
	heard := len(reader.Packets(mic))
	eventually(t, "sound flows on", func() bool { return len(reader.Packets(mic)) > heard+50 })
	continuous(t, reader.Packets(mic))
	seen := len(reader.Packets(mid))
	network.Narrow(0)
	eventually(t, "the picture comes back when the network does", func() bool {
		return reader.Slots()[mid].Paused == "" && len(reader.Packets(mid)) > seen+20
	})
	if first := readShot(reader.Packets(mid)[seen]); !first.key {
		t.Error("it does not begin with a key frame")
	}
}

func TestShedPausesVideoAndSaysSo(t *testing.T) {
	s := newStage(t, sfu.RoomConfig{})
	ada, ben, reader := s.join("Ada"), s.join("Ben"), s.join("Reader")
	defer ada.openCamera(1, 1).film(t)()
	defer ben.openCamera(9, 9).film(t)()
	defer ben.openVideo(signal.Screen, 99, 9).film(t)()
	tile := func(a *actor, height int) signal.Tile {
		return signal.Tile{Participant: a.id, Source: signal.Camera, Height: height}
	}
	if err := reader.View(tile(ben, 720), tile(ada, 180), signal.Tile{Participant: ben.id, Source: signal.Screen, Height: 1080}); err != nil {
		t.Fatal(err)
	}
	adaMID, benMID, screen := reader.awaitSlot(ada, signal.Camera), reader.awaitSlot(ben, signal.Camera), reader.awaitSlot(ben, signal.Screen)
	paused := func(mid string) string { return reader.Slots()[mid].Paused }
	flows := func(mid string) {
		t.Helper()
		seen := len(reader.Packets(mid))
		eventually(t, "video flows", func() bool { return len(reader.Packets(mid)) > seen+20 })
	}
	flows(adaMID)
	s.node.SetLoad(load.Thumbnails)
	eventually(t, "the thumbnail is paused", func() bool { return paused(adaMID) == signal.PausedOverload && paused(benMID) == "" })
	flows(benMID)
	s.node.SetLoad(load.Audio)
	eventually(t, "all cameras are paused", func() bool { return paused(adaMID) == signal.PausedOverload && paused(benMID) == signal.PausedOverload })
	flows(screen)
	if paused(screen) != "" {
		t.Error("the screen was paused")
	}
	s.node.SetLoad(load.Normal)
	eventually(t, "everything is back", func() bool { return paused(adaMID) == "" && paused(benMID) == "" })
	flows(adaMID)
	flows(benMID)
}

func TestLateJoinerBeginsWithAKeyFrame(t *testing.T) {
	s := newStage(t, sfu.RoomConfig{})
	ada, reader := s.join("Ada"), s.join("Reader")
	cam := ada.openSimulcast("q", "h")
	defer cam.film(t, "q", "h")()
	mid := reader.awaitSlot(ada, signal.Camera)
	reader.awaitLayer(mid, 'q')
	late := s.join("Late")
	eventually(t, "Late is connected", late.Connected)
	lateMID := late.awaitSlot(ada, signal.Camera)
	eventually(t, "Late sees Ada", func() bool { return len(late.Packets(lateMID)) > 60 })
	packets := late.Packets(lateMID)
	if !readShot(packets[0]).key {
		t.Error("Late's first packet is not of a key frame")
	}
	oneEncoder(t, append([]*rtp.Packet{}, packets...))
}

func TestFirstWordAfterAnUnmuteIsHeard(t *testing.T) {
	s := newStage(t, sfu.RoomConfig{})
	ear := newEar()
	defer s.room.Listen(ear)()
	ada := s.join("Ada")
	mic := ada.openMic("ada")
	eventually(t, "Ada is heard", func() bool { mic.say(t, 1); return ear.packets() > 0 })
	ada.handle(signal.ClientMessage{Type: signal.TrackSet, Source: signal.Mic, Active: false})
	muted := time.Now()
	eventually(t, "she is silent for a while", func() bool { return time.Since(muted) > 700*time.Millisecond })
	first := mic.next
	mic.say(t, 2) // they overtake the message
	ada.handle(signal.ClientMessage{Type: signal.TrackSet, Source: signal.Mic, Active: true})
	mic.say(t, 30)
	eventually(t, "she is heard again", func() bool { return slices.Contains(ear.sequence(), uint16(65500+first+25)) })
	for i := range 20 {
		if !slices.Contains(ear.sequence(), uint16(65500+first+i)) {
			t.Errorf("packet %d after the unmute was not heard", i)
		}
	}
}

func TestStrangeStreamsHurtNobody(t *testing.T) {
	s := newStage(t, sfu.RoomConfig{})
	ada, mallory, reader := s.join("Ada"), s.join("Mallory"), s.join("Reader")
	cam := ada.openSimulcast("q", "h", "f")
	defer cam.film(t, "q", "h", "f")()
	mid := reader.awaitSlot(ada, signal.Camera)
	evil := mallory.openSimulcast("q", "h")
	flood := func(i int) {
		for _, rid := range []string{"q", "h"} {
			for _, payload := range [][]byte{nil, {0x90}, {0x90, 0xFF, 0xFF}, {0x10, 0x00, 0, 0, 0x9D, 1, 0x2A, 0xFF, 0xFF, 0xFF, 0xFF, 0}, make([]byte, 1400)} {
				packet := &rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: uint16(i * 7919), Timestamp: uint32(i) << 25}, Payload: payload}
				if err := evil.WriteLayer(rid, packet); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	i := 0
	eventually(t, "Mallory's stream is known", func() bool { i++; flood(i); return reader.slotOf(mallory, signal.Camera) != "" })
	for range 200 {
		i++
		flood(i)
	}
	seen := len(reader.Packets(mid))
	eventually(t, "Ada is seen", func() bool { return len(reader.Packets(mid)) > seen+50 })
	oneEncoder(t, reader.Packets(mid))
	if err := reader.View(slices.Repeat([]signal.Tile{{Participant: mallory.id, Source: signal.Camera, Height: 99}}, signal.MaxTiles)...); err != nil {
		t.Fatal(err)
	}
	eventually(t, "only Mallory's slot is left", func() bool {
		return reader.slotOf(ada, signal.Camera) == "" && reader.slotOf(mallory, signal.Camera) != ""
	})
}
