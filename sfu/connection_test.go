package sfu_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"souffleur/internal/meeting"
	"souffleur/internal/signal"
	"souffleur/sfu"
)

func TestResumeStartsMediaAnewUnderTheSameID(t *testing.T) {
	s := newStage(t, sfu.RoomConfig{})
	ada, ben := s.join("Ada"), s.join("Ben")
	mic := ada.openMic("ada")
	stop := mic.keepSaying(t)
	mid := ben.awaitSlot(ada, signal.Mic)
	old := ada.participant()
	old.Detach()
	seen := len(ben.Packets(mid))
	eventually(t, "media flows on without signalling", func() bool { return len(ben.Packets(mid)) > seen+5 })
	stop()

	if err := ada.Reset(); err != nil {
		t.Fatal(err)
	}
	<-ada.seat // whoever calls the server now waits for the new connection
	resumed, err := s.room.Resume(ada.id, ada.Peer)
	if err != nil {
		t.Fatal(err)
	}
	ada.seat <- resumed
	defer ada.openMic("again").keepSaying(t)()
	eventually(t, "Ben hears Ada again", func() bool {
		packets := ben.Packets(ben.slotOf(ada, signal.Mic))
		return len(packets) > 0 && strings.HasPrefix(string(packets[len(packets)-1].Payload), "again ")
	})
	eventually(t, "Ada's new downlink is up", ada.Connected)
	if left := ben.Messages(signal.Left); len(left) > 0 {
		t.Error("Ben was told that Ada left")
	}
	old.Detach()
	old.Leave("left")
	var fault *sfu.Fault
	if err := old.Handle(signal.ClientMessage{Type: signal.Ping}); !errors.As(err, &fault) || fault.Code != signal.CodeReplaced {
		t.Errorf("the old connection may still speak: %v", err)
	}
	if !s.room.Peers()[0].Present {
		t.Error("the old connection took Ada out of the room")
	}
}

func TestSecondConnectionReplacesTheFirst(t *testing.T) {
	s := newStage(t, sfu.RoomConfig{})
	first, second := &notebook{}, &notebook{}
	person := meeting.Person{Participant: "p1", Name: "Ada"}
	for _, book := range []*notebook{first, second} {
		if _, err := s.room.Join(person, book); err != nil {
			t.Fatal(err)
		}
	}
	if gone := first.ofType(signal.Gone); len(gone) != 1 || gone[0].Code != signal.CodeReplaced {
		t.Errorf("the first connection was told %+v", gone)
	}
	eventually(t, "the second gets an offer", func() bool { return len(second.ofType(signal.Offer)) == 1 })
	if n := len(s.room.Peers()); n != 1 {
		t.Errorf("%d people are in the room", n)
	}
}

func TestWhoStaysAwayIsRemoved(t *testing.T) {
	left := make(chan string, 1)
	s := newStage(t, sfu.RoomConfig{ResumeWindow: time.Millisecond, Events: events{left: left}})
	ada := s.join("Ada")
	ada.participant().Detach()
	if reason := <-left; reason != "lost" {
		t.Errorf("Ada left for %q", reason)
	}
	if _, err := s.room.Resume(ada.id, ada.Peer); !errors.Is(err, sfu.ErrUnknownParticipant) {
		t.Errorf("Ada came back: %v", err)
	}
	if _, err := s.room.Join(meeting.Person{Participant: ada.id, Name: "Ada"}, ada.Peer); err != nil {
		t.Errorf("Ada cannot join under her old ID: %v", err)
	}
	if peers := s.room.Peers(); len(peers) != 1 || !peers[0].Present {
		t.Errorf("the roster: %+v", peers)
	}
}

// events forwards who left.
type events struct{ left chan string }

func (e events) ParticipantLeft(_ meeting.ParticipantID, reason string) { e.left <- reason }
func (e events) OptOut(meeting.ParticipantID, bool)                     {}
func (e events) RosterChanged([]signal.Peer)                            {}
func (e events) Welcomed(meeting.ParticipantID, sfu.Signaller)          {}
func (e events) DoorChanged(meeting.Door)                               {}
func (e events) Moderated(sfu.Moderation)                               {}

func TestICERestartKeepsTheStreams(t *testing.T) {
	s := newStage(t, sfu.RoomConfig{})
	ear := newEar()
	defer s.room.Listen(ear)()
	ada, ben := s.join("Ada"), s.join("Ben")
	defer ada.openMic("ada").keepSaying(t)()
	mid := ben.awaitSlot(ada, signal.Mic)
	eventually(t, "audio flows", func() bool { return len(ben.Packets(mid)) > 5 })
	if err := ada.Negotiate(&webrtc.OfferOptions{ICERestart: true}); err != nil {
		t.Fatal(err)
	}
	ben.handle(signal.ClientMessage{Type: signal.Restart})
	eventually(t, "a second downlink offer", func() bool { return len(ben.Messages(signal.Offer)) == 2 })
	seen := len(ben.Packets(mid))
	eventually(t, "audio flows on", func() bool { return len(ben.Packets(mid)) > seen+100 })
	sameStream(t, ben.Packets(mid)) // what was sent between the old path and the new one may be lost
	for _, said := range ear.log()[1:] {
		if said == "started" || said == "ended" {
			t.Error("the track did not survive")
		}
	}
}

func TestUnpublishingEndsTheTrack(t *testing.T) {
	s := newStage(t, sfu.RoomConfig{})
	ada, ben := s.join("Ada"), s.join("Ben")
	defer ada.openMic("ada").keepSaying(t)()
	defer ada.openCamera(1, 1).film(t)()
	mid := ben.awaitSlot(ada, signal.Camera)
	ben.awaitSlot(ada, signal.Mic)
	ada.Unpublish(signal.Camera)
	if err := ada.Negotiate(nil); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the slot is empty", func() bool { return ben.Slots()[mid].Participant == "" })
	if ben.slotOf(ada, signal.Mic) == "" {
		t.Error("the microphone went with the camera")
	}
	if sources := s.room.Peers()[0].Sources; len(sources) != 1 || sources[0] != signal.Mic {
		t.Errorf("Ada sends %v", sources)
	}
}

func TestHostileSignallingClosesOnlyItsSender(t *testing.T) {
	s := newStage(t, sfu.RoomConfig{})
	ada, ben := s.join("Ada"), s.join("Ben")
	mic := ada.openMic("ada")
	defer mic.keepSaying(t)()
	mid := ben.awaitSlot(ada, signal.Mic)
	good := uplinkOffer(t)
	publish := []signal.Published{{MID: "0", Source: signal.Mic}}
	candidate := signal.ClientMessage{Type: signal.Candidate, PC: signal.Up, Candidate: &signal.ICECandidate{Candidate: "candidate:1 1 UDP nonsense"}}
	for _, c := range []struct {
		what    string
		message signal.ClientMessage
		times   int
		code    string
	}{
		{"no SDP at all", signal.ClientMessage{Type: signal.Offer, SDP: "hello"}, 1, signal.CodeBadSDP},
		{"an offer without media", signal.ClientMessage{Type: signal.Offer, SDP: "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n"}, 1, signal.CodeBadSDP},
		{"an offer without ICE credentials", signal.ClientMessage{Type: signal.Offer, SDP: strings.ReplaceAll(good, "a=ice-", "a=nice-"), Tracks: publish}, 1, signal.CodeBadSDP},
		{"an offer without mid", signal.ClientMessage{Type: signal.Offer, SDP: strings.ReplaceAll(good, "a=mid:", "a=dim:"), Tracks: publish}, 1, signal.CodeBadSDP},
		{"a data channel on the uplink", signal.ClientMessage{Type: signal.Offer, SDP: strings.Replace(good, "m=audio 9 UDP/TLS/RTP/SAVPF", "m=application 9 UDP/DTLS/SCTP", 1)}, 1, signal.CodeBadSDP},
		{"a hundred sections", signal.ClientMessage{Type: signal.Offer, SDP: good + strings.Repeat(good[strings.Index(good, "m=audio"):], 100)}, 1, signal.CodeBadSDP},
		{"a source on a section that is not there", signal.ClientMessage{Type: signal.Offer, SDP: good, Tracks: []signal.Published{{MID: "7", Source: signal.Mic}}}, 1, signal.CodeBadSDP},
		{"a source twice", signal.ClientMessage{Type: signal.Offer, SDP: good, Tracks: append(publish, signal.Published{MID: "1", Source: signal.Mic})}, 1, signal.CodeBadSDP},
		{"a nonsense answer", signal.ClientMessage{Type: signal.Answer, SDP: "v=0"}, 1, signal.CodeBadSDP},
		{"an answer of the wrong shape", signal.ClientMessage{Type: signal.Answer, SDP: good}, 1, signal.CodeBadSDP},
		{"a flood of candidates", candidate, 101, signal.CodeFlood},
		{"a flood of restarts", signal.ClientMessage{Type: signal.Restart}, 31, signal.CodeFlood},
		{"a hello too late", signal.ClientMessage{Type: signal.Hello}, 1, signal.CodeBadMessage},
	} {
		book := &notebook{}
		p, err := s.room.Join(meeting.Person{Participant: meeting.NewParticipantID(), Name: "Mallory"}, book)
		if err != nil {
			t.Fatal(err)
		}
		for range c.times {
			err = p.Handle(c.message)
		}
		var fault *sfu.Fault
		if !errors.As(err, &fault) || fault.Code != c.code {
			t.Errorf("%s: %v, want %s", c.what, err, c.code)
		}
		p.Leave("hostile")
	}
	seen := len(ben.Packets(mid))
	eventually(t, "the others hear each other", func() bool { return len(ben.Packets(mid)) > seen+5 })
}

// uplinkOffer returns an offer of one microphone.
func uplinkOffer(t *testing.T) string {
	t.Helper()
	pc, err := webrtc.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	defer pc.GracefulClose()
	if _, err := pc.AddTransceiverFromKind(webrtc.RTPCodecTypeAudio, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly}); err != nil {
		t.Fatal(err)
	}
	offer, err := pc.CreateOffer(nil)
	if err != nil {
		t.Fatal(err)
	}
	return offer.SDP
}

func TestHostileMediaHurtsOnlyItsSender(t *testing.T) {
	s := newStage(t, sfu.RoomConfig{})
	ada, mallory, ben := s.join("Ada"), s.join("Mallory"), s.join("Ben")
	defer ada.openMic("ada").keepSaying(t)()
	mid := ben.awaitSlot(ada, signal.Mic)
	video := mallory.openCamera(1, 1)
	for i, payload := range [][]byte{nil, {}, {0x90}, {0x90, 0xFF}, {0x90, 0xFF, 0xFF, 0xFF, 0xFF}, make([]byte, 1400)} {
		for _, seq := range []uint16{uint16(i), uint16(i), 40000, 3, uint16(65000 + i)} {
			packet := &rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: seq, Timestamp: uint32(i) << 28, CSRC: []uint32{1, 2, 3}}, Payload: payload}
			if err := video.Write(packet); err != nil {
				t.Fatal(err)
			}
		}
	}
	seen := len(ben.Packets(mid))
	eventually(t, "the others hear each other", func() bool { return len(ben.Packets(mid)) > seen+20 })
	continuous(t, ben.Packets(mid))
}

func TestOpeningADataChannelIsForbidden(t *testing.T) {
	s := newStage(t, sfu.RoomConfig{})
	ada, mallory := s.join("Ada"), s.join("Mallory")
	eventually(t, "both are connected", func() bool { return ada.Connected() && mallory.Connected() })
	if err := mallory.OpenDataChannel("mine"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "Mallory is thrown out", func() bool {
		gone := mallory.Messages(signal.Gone)
		return len(gone) == 1 && gone[0].Code == signal.CodeFlood
	})
	eventually(t, "Ada sees it", func() bool { return len(ada.Messages(signal.Left)) == 1 })
	if len(ada.Messages(signal.Gone)) > 0 {
		t.Error("Ada was thrown out too")
	}
}
