package sfu_test

import (
	"errors"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"souffleur/internal/meeting"
	"souffleur/internal/signal"
	"souffleur/sfu"
	"souffleur/sfu/sfutest"
)

// flooded is a stage with small limits, on which Ada talks to Ben while somebody misbehaves.
type flooded struct {
	*stage
	ada, ben *actor
	stop     func()
	mid      string // where Ben hears Ada
	from     int    // packets heard when the trouble began
}

func newFlooded(t *testing.T) *flooded {
	t.Parallel()
	config := sfu.DefaultConfig()
	config.Person = sfu.PersonLimits{Bitrate: 1_000_000, Packets: 400} // a slow machine must be able to send too much
	f := &flooded{stage: openStageOn(t, config, sfu.RoomConfig{})}
	f.ada, f.ben = f.join("Ada"), f.join("Ben")
	f.stop = f.ada.openMic("ada").keepSaying(t)
	f.mid = f.ben.awaitSlot(f.ada, signal.Mic)
	eventually(t, "audio flows", func() bool { return len(f.ben.Packets(f.mid)) > 5 })
	f.from = len(f.ben.Packets(f.mid))
	return f
}

// unharmed ends the talk and fails unless Ben heard all of it since the trouble began.
func (f *flooded) unharmed() {
	f.t.Helper()
	seen := len(f.ben.Packets(f.mid))
	eventually(f.t, "audio flows on", func() bool { return len(f.ben.Packets(f.mid)) > seen+20 })
	defer f.stop()
	heard := f.ben.Packets(f.mid)[f.from:]
	n := len(heard) - 10 // the newest may still be repaired
	eventually(f.t, "nothing of Ada is lost", func() bool { return repaired(numbers(f.ben.Packets(f.mid)[f.from:]), n) })
	for _, a := range []*actor{f.ada, f.ben} {
		if len(a.Messages(signal.Gone)) > 0 {
			f.t.Error("somebody else was thrown out")
		}
	}
}

// thrownOut waits until the server has sent somebody away for flooding, and the others know.
func (f *flooded) thrownOut(who *actor) {
	f.t.Helper()
	eventually(f.t, "the flooder is thrown out", func() bool {
		gone := who.Messages(signal.Gone)
		return len(gone) == 1 && gone[0].Code == signal.CodeFlood
	})
	eventually(f.t, "Ada sees it", func() bool { return len(f.ada.Messages(signal.Left)) == 1 })
}

func TestAFloodOfMediaThrowsOutItsSender(t *testing.T) {
	f := newFlooded(t)
	mallory := f.join("Mallory")
	video := mallory.openCamera(1, 1)
	payload := make([]byte, 1100)
	payload[0] = 0x10
	seq := uint16(0)
	stop := keep(func() {
		seq++
		_ = video.Write(&rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: seq}, Payload: payload}) // fails once it is closed
	})
	defer stop()
	f.thrownOut(mallory)
	stop()
	f.unharmed()
}

func TestStreamsWithoutEndThrowOutTheirSender(t *testing.T) {
	f := newFlooded(t)
	var ssrc atomic.Uint32
	mallory := f.joinWith("Mallory", sfutest.Config{Forge: func(h *rtp.Header) { h.SSRC, h.SequenceNumber = ssrc.Add(1), 7 }})
	mic, err := mallory.Publish(signal.Mic)
	if err != nil {
		t.Fatal(err)
	}
	pace := seldom()
	stop := keep(func() {
		pace()
		_ = mic.WriteAudio(1, 1, 20, []byte("who am I"))
	})
	defer stop()
	f.thrownOut(mallory)
	stop()
	f.unharmed()
}

func TestReportsOfStreamsWithoutEndThrowOutTheirSender(t *testing.T) {
	f := newFlooded(t)
	mallory := f.join("Mallory")
	defer mallory.openMic("mallory").keepSaying(t)()
	eventually(t, "Mallory is connected", func() bool { return f.ben.slotOf(mallory, signal.Mic) != "" })
	ssrc := uint32(0)
	pace := seldom()
	stop := keep(func() {
		pace()
		ssrc++
		_ = mallory.WriteUplinkRTCP(&rtcp.PictureLossIndication{MediaSSRC: ssrc})
	})
	defer stop()
	f.thrownOut(mallory)
	stop()
	f.unharmed()
}

// seldom returns a pause that keeps a client below the limit of packets.
func seldom() func() {
	n := 0
	return func() {
		if n++; n%3 == 0 {
			pause()
		}
	}
}

func TestAFloodOfRepairRequestsThrowsOutItsSender(t *testing.T) {
	f := newFlooded(t)
	mallory := f.join("Mallory")
	eventually(t, "Mallory is connected", mallory.Connected)
	everything := []rtcp.NackPair{}
	for i := range 8 {
		everything = append(everything, rtcp.NackPair{PacketID: uint16(i * 17), LostPackets: 0xFFFF})
	}
	ssrcs := mallory.SlotSSRCs()
	stop := keep(func() {
		var all []rtcp.Packet
		for _, ssrc := range ssrcs {
			all = append(all, &rtcp.TransportLayerNack{MediaSSRC: ssrc, Nacks: everything})
		}
		_ = mallory.WriteDownlinkRTCP(all...)
	})
	defer stop()
	f.thrownOut(mallory)
	stop()
	f.unharmed()
}

func TestAFloodOfPictureLossesThrowsOutItsSender(t *testing.T) {
	f := newFlooded(t)
	mallory := f.join("Mallory")
	film := f.ada.openCamera(1, 1)
	defer film.film(t)()
	mid := mallory.awaitSlot(f.ada, signal.Camera)
	eventually(t, "Mallory sees Ada", func() bool { return len(mallory.Packets(mid)) > 0 })
	ssrcs := mallory.SlotSSRCs()
	before := film.KeyFrameRequests()
	stop := keep(func() {
		var all []rtcp.Packet
		for _, ssrc := range ssrcs {
			all = append(all, &rtcp.PictureLossIndication{MediaSSRC: ssrc})
		}
		_ = mallory.WriteDownlinkRTCP(all...)
	})
	defer stop()
	f.thrownOut(mallory)
	stop()
	if n := film.KeyFrameRequests() - before; n > 60 { // two a second, for the time that a slow machine takes
		t.Errorf("Ada was asked for %d key frames", n)
	}
	f.unharmed()
}

func TestNonsenseAfterTheHandshakeHurtsNobodyElse(t *testing.T) {
	f := newFlooded(t)
	mallory := f.join("Mallory")
	defer mallory.openMic("mallory").keepSaying(t)()
	defer mallory.openCamera(1, 1).film(t)()
	eventually(t, "Mallory is connected", func() bool { return mallory.Connected() && f.ben.slotOf(mallory, signal.Camera) != "" })
	ssrcs := mallory.SlotSSRCs()
	random := rand.New(rand.NewPCG(3, 5))
	for range 300 {
		raw := make(rtcp.RawPacket, 4*(2+random.IntN(60)))
		for i := range raw {
			raw[i] = byte(random.Uint32())
		}
		raw[0], raw[1] = 0x80|raw[0]&0x1F, byte(200+random.IntN(8)) // every type that there is, with every count
		raw[2], raw[3] = 0, byte(len(raw)/4-1)
		if ssrc := ssrcs[random.IntN(len(ssrcs))]; len(raw) >= 12 {
			raw[8], raw[9], raw[10], raw[11] = byte(ssrc>>24), byte(ssrc>>16), byte(ssrc>>8), byte(ssrc)
		}
		for _, write := range []func(...rtcp.Packet) error{mallory.WriteDownlinkRTCP, mallory.WriteUplinkRTCP} {
			_ = write(&raw) // it fails once the server has had enough
		}
		pause()
	}
	f.unharmed()
}

func TestTalkingIntoTheServersDataChannelIsForbidden(t *testing.T) {
	f := newFlooded(t)
	mallory := f.join("Mallory")
	eventually(t, "Mallory's channel is open", func() bool { return mallory.SendData(signal.CaptionsChannel, strings.Repeat("x", 60_000)) == nil })
	f.thrownOut(mallory)
	f.unharmed()
}

func TestHostileSignallingHurtsNoTalk(t *testing.T) {
	f := newFlooded(t)
	offer := uplinkOffer(t)
	candidate := signal.ClientMessage{Type: signal.Candidate, PC: signal.Up, Candidate: &signal.ICECandidate{Candidate: "candidate:1 1 udp 1 192.0.2.1 9 typ host"}}
	giant := offer + strings.Repeat("a=candidate:1 1 udp 2130706431 192.0.2.7 40000 typ host\r\n", (signal.MaxMessage-len(offer))/60)
	many := offer
	for i := range 15 {
		many += strings.ReplaceAll(offer[strings.Index(offer, "m=audio"):], "a=mid:0", "a=mid:"+string(rune('a'+i)))
	}
	for what, c := range map[string]struct {
		message signal.ClientMessage
		times   int
		code    string // "": may be fine
	}{
		"10,000 candidates":     {candidate, 10_000, signal.CodeFlood},
		"10,000 restarts":       {signal.ClientMessage{Type: signal.Restart}, 10_000, signal.CodeFlood},
		"an offer of 64 kB":     {signal.ClientMessage{Type: signal.Offer, SDP: giant, Tracks: []signal.Published{{MID: "0", Source: signal.Mic}}}, 1, ""},
		"16 sections, 40 times": {signal.ClientMessage{Type: signal.Offer, SDP: many, Tracks: []signal.Published{{MID: "0", Source: signal.Mic}}}, 40, ""},
	} {
		p, err := f.room.Join(meeting.Person{Participant: meeting.NewParticipantID(), Name: "Mallory"}, deafClient{})
		if err != nil {
			t.Fatal(err)
		}
		var refused error
		for range c.times {
			if err := p.Handle(c.message); err != nil && refused == nil {
				refused = err
			}
		}
		var fault *sfu.Fault
		if c.code != "" && (!errors.As(refused, &fault) || fault.Code != c.code) {
			t.Errorf("%s: %v, want %s", what, refused, c.code)
		}
		p.Leave("hostile")
	}
	f.unharmed()
}

// deafClient never reads what it is told.
type deafClient struct{}

var errDeaf = errors.New("the client does not read")

func (deafClient) Send(signal.ServerMessage) error { return errDeaf }

func TestWhoNeverReadsHarmsNobody(t *testing.T) {
	f := newFlooded(t)
	for range 5 {
		if _, err := f.room.Join(meeting.Person{Participant: meeting.NewParticipantID(), Name: "Mallory"}, deafClient{}); err != nil {
			t.Fatal(err)
		}
	}
	final := []byte(`{"v":1,"seg":"s","text":"` + strings.Repeat("x", 2000) + `","final":true}`)
	for range 300 { // more than one reader may have waiting
		if err := f.room.SendCaption(final, true); err != nil {
			t.Fatal(err)
		}
	}
	f.unharmed()
}

func TestClaimsOfLoudnessKeepNobodyFromBeingHeard(t *testing.T) {
	f := newFlooded(t)
	for _, name := range []string{"x", "y", "z", "w"} {
		defer f.join(name).openMic(name).keepSayingAt(t, 0)() // the loudest that can be claimed
	}
	eventually(t, "who claims to be loud has seats", func() bool { return f.ben.microphones() == sfu.AudioSlots })
	carla := f.join("Carla")
	defer carla.openMic("carla").keepSaying(t)()
	mid := f.ben.awaitSlot(carla, signal.Mic)
	eventually(t, "Carla is heard", func() bool { return len(f.ben.Packets(mid)) > 20 })
	f.stop()
}
