package sfu_test

import (
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"souffleur/internal/meeting"
	"souffleur/internal/signal"
	"souffleur/sfu"
	"souffleur/sfu/sfutest"
	"souffleur/sfu/vp8"
)

func TestRetargetLooksLikeOneCamera(t *testing.T) {
	s := newStage(t, sfu.RoomConfig{Rules: meeting.Rules{ShareReplaces: true}})
	ada, ben, reader := s.join("Ada"), s.join("Ben"), s.join("Reader")
	stopAda := ada.openVideo(signal.Screen, 65000, 32700).film(t)
	mid := reader.awaitSlot(ada, signal.Screen)
	eventually(t, "Ada's screen is seen", func() bool { return len(reader.Packets(mid)) > 100 })

	defer ben.openVideo(signal.Screen, 17, 4).film(t)() // it takes the place of the first
	if again := reader.awaitSlot(ben, signal.Screen); again != mid {
		t.Fatalf("Ben's screen came in slot %s, not %s", again, mid)
	}
	seen := len(reader.Packets(mid))
	eventually(t, "Ben's screen is seen", func() bool { return len(reader.Packets(mid)) > seen+100 })

	stopAda()
	ada.participant().Leave("left")
	eventually(t, "Ben's screen is still seen", func() bool { return len(reader.Packets(mid)) > seen+200 })
	oneCamera(t, reader.Packets(mid))
}

// oneCamera fails unless the packets look like one camera's: every frame's number is one higher than that before, the
// index of the lowest layer too, and more than the first frame is a key frame.
func oneCamera(t *testing.T, packets []*rtp.Packet) {
	t.Helper()
	continuous(t, packets)
	packets = inOrder(packets)
	var last vp8.Descriptor
	keys := 0
	for i, p := range packets {
		d, err := vp8.Parse(p.Payload)
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 && !d.KeyFrame {
			t.Fatal("the first packet is not of a key frame")
		}
		if d.KeyFrame {
			keys++
		}
		switch {
		case i == 0 || p.SequenceNumber != packets[i-1].SequenceNumber+1: // one was lost between
		case d.Start && (d.PictureID != (last.PictureID+1)&0x7FFF || d.TL0 != last.TL0+1):
			t.Fatalf("frame %d/%d follows %d/%d at packet %d", d.PictureID, d.TL0, last.PictureID, last.TL0, i)
		case !d.Start && d.PictureID != last.PictureID:
			t.Fatalf("frame %d is broken off by %d", last.PictureID, d.PictureID)
		}
		last = d
	}
	if keys < 2 {
		t.Errorf("%d key frames: the switch did not begin with one", keys)
	}
}

// lose returns a network that loses one packet in twenty, by a fixed sequence.
func lose() func() bool {
	var mu sync.Mutex
	random := rand.New(rand.NewPCG(7, 11))
	return func() bool {
		mu.Lock()
		defer mu.Unlock()
		return random.IntN(20) == 0
	}
}

func TestLossOnTheWayInIsRepaired(t *testing.T) {
	s := newStage(t, sfu.RoomConfig{})
	ear := newEar()
	defer s.room.Listen(ear)()
	ada := s.joinWith("Ada", sfutest.Config{LoseUplink: lose()})
	mic := ada.openMic("ada")
	eventually(t, "the first packet comes", func() bool { mic.say(t, 1); return ear.packets() > 0 })
	mic.say(t, 200)
	stop := mic.keepSaying(t) // a packet is missed only when a later one comes
	defer stop()
	eventually(t, "nearly all packets are there", func() bool { return repaired(ear.sequence(), 195) })
}

// sequence returns the numbers heard, in order of the stream.
func (e *ear) sequence() []uint16 {
	e.mu.Lock()
	defer e.mu.Unlock()
	return sorted(e.seqs)
}

func sorted(seqs []uint16) []uint16 {
	seqs = slices.Clone(seqs)
	slices.SortFunc(seqs, func(a, b uint16) int { return int(int16(a - b)) })
	return seqs
}

// repaired says whether at least 99 of 100 numbers are there, of the first n from the first one. One in twenty was lost;
// a machine under load may give up a repair.
func repaired(seqs []uint16, n int) bool {
	there := make(map[uint16]bool, len(seqs))
	for _, seq := range seqs {
		there[seq] = true
	}
	gaps := 0
	for i := range n {
		if !there[seqs[0]+uint16(i)] {
			gaps++
		}
	}
	return gaps*100 <= n
}

func TestLossOnTheWayOutIsRepaired(t *testing.T) {
	s := newStage(t, sfu.RoomConfig{})
	ada := s.join("Ada")
	defer ada.openMic("ada").keepSaying(t)()
	defer ada.openCamera(65000, 0).film(t)()
	reader := s.joinWith("Reader", sfutest.Config{LoseDownlink: lose()})
	for source, n := range map[string]int{signal.Mic: 150, signal.Camera: 600} {
		mid := reader.awaitSlot(ada, source)
		eventually(t, "nearly all packets of "+source+" are there", func() bool {
			seqs := numbers(reader.Packets(mid))
			return len(seqs) > n+10 && repaired(seqs, n)
		})
	}
}

func numbers(packets []*rtp.Packet) []uint16 {
	var seqs []uint16
	for _, p := range packets {
		seqs = append(seqs, p.SequenceNumber)
	}
	return sorted(seqs)
}

func TestKeyFrameRequestsAreThrottled(t *testing.T) {
	s := newStage(t, sfu.RoomConfig{})
	ada, reader := s.join("Ada"), s.join("Reader")
	cam := ada.openCamera(1, 1)
	defer cam.film(t)()
	mid := reader.awaitSlot(ada, signal.Camera)
	eventually(t, "video flows", func() bool { return len(reader.Packets(mid)) > 10 })
	before, start := cam.KeyFrameRequests(), time.Now()
	for range 200 {
		if err := reader.AskKeyFrame(mid); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "a key frame is asked for", func() bool { return cam.KeyFrameRequests() > before })
	seen := len(reader.Packets(mid))
	eventually(t, "video flows on", func() bool { return len(reader.Packets(mid)) > seen+100 }) // half a second
	if n, most := cam.KeyFrameRequests()-before, 2+int(time.Since(start)/(500*time.Millisecond)); n > most {
		t.Errorf("200 requests within a moment were passed on %d times, want at most %d", n, most)
	}
}

func TestSenderReportsComeInTheTimeOfTheSlot(t *testing.T) {
	s := newStage(t, sfu.RoomConfig{})
	ada, reader := s.join("Ada"), s.join("Reader")
	defer ada.openMic("ada").keepSaying(t)()
	mid := reader.awaitSlot(ada, signal.Mic)
	eventually(t, "a sender report comes", func() bool { return len(reader.Reports(mid)) > 0 })
	sr := reader.Reports(mid)[0]
	packets := reader.Packets(mid)
	if d := int32(packets[len(packets)-1].Timestamp - sr.RTPTime); d < -48000*5 || d > 48000*30 {
		t.Errorf("the report's time %d is %d ticks from the newest packet's", sr.RTPTime, d)
	}
	if sr.SSRC != packets[0].SSRC || sr.PacketCount == 0 {
		t.Errorf("the report is of %d, not of the slot: %+v", sr.SSRC, sr)
	}
}

func TestLoudestThreeOfManyAreForwarded(t *testing.T) {
	s := newStage(t, sfu.RoomConfig{})
	reader := s.join("Reader")
	for _, name := range []string{"a", "b", "c", "d"} {
		defer s.join(name).openMic(name).keepSayingAt(t, 127)()
	}
	eventually(t, "all slots are taken by people who keep silent", func() bool { return reader.microphones() == sfu.AudioSlots })
	talker := s.join("e")
	defer talker.openMic("e").keepSaying(t)()
	reader.awaitSlot(talker, signal.Mic)
	if n := reader.microphones(); n != sfu.AudioSlots {
		t.Errorf("%d microphones are forwarded", n)
	}
	eventually(t, "the talker is told of his slots", func() bool { return talker.microphones() == sfu.AudioSlots })
	if talker.slotOf(talker, signal.Mic) != "" {
		t.Error("somebody hears himself")
	}
}

// microphones counts the audio slots that carry one.
func (a *actor) microphones() int {
	n := 0
	for _, slot := range a.Slots() {
		if slot.Source == signal.Mic {
			n++
		}
	}
	return n
}

func TestStrangersAskingForRepeatsGetNothing(t *testing.T) {
	s := newStage(t, sfu.RoomConfig{})
	ada, reader := s.join("Ada"), s.join("Reader")
	defer ada.openMic("ada").keepSaying(t)()
	mid := reader.awaitSlot(ada, signal.Mic)
	eventually(t, "audio flows", func() bool { return len(reader.Packets(mid)) > 5 })
	ssrc := reader.Packets(mid)[0].SSRC
	flood := []rtcp.NackPair{}
	for i := range 200 {
		flood = append(flood, rtcp.NackPair{PacketID: uint16(i * 17), LostPackets: 0xFFFF})
	}
	for _, packet := range []rtcp.Packet{
		&rtcp.TransportLayerNack{MediaSSRC: ssrc, Nacks: flood},
		&rtcp.TransportLayerNack{MediaSSRC: 12345, Nacks: flood},
		&rtcp.FullIntraRequest{MediaSSRC: ssrc, FIR: []rtcp.FIREntry{{SSRC: ssrc}}},
		&rtcp.ReceiverReport{Reports: []rtcp.ReceptionReport{{SSRC: ssrc, FractionLost: 255}}},
		&rtcp.Goodbye{Sources: []uint32{ssrc}},
	} {
		if err := reader.WriteDownlinkRTCP(packet); err != nil {
			t.Fatal(err)
		}
	}
	seen := len(reader.Packets(mid))
	eventually(t, "audio flows on", func() bool { return len(reader.Packets(mid)) > seen+20 })
	continuous(t, reader.Packets(mid))
}
