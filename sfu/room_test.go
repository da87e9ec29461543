package sfu_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"souffleur/internal/meeting"
	"souffleur/internal/signal"
	"souffleur/sfu"
)

func TestTwoPeopleHearEachOther(t *testing.T) {
	s := newStage(t, sfu.RoomConfig{})
	ada, ben := s.join("Ada"), s.join("Ben")
	adaMic, benMic := ada.openMic("ada"), ben.openMic("ben")
	defer adaMic.keepSaying(t)()
	defer benMic.keepSaying(t)()
	for _, c := range []struct {
		hears, speaks *actor
		name          string
	}{{ada, ben, "ben "}, {ben, ada, "ada "}} {
		mid := c.hears.awaitSlot(c.speaks, signal.Mic)
		eventually(t, "audio arrives of "+c.name, func() bool { return len(c.hears.Packets(mid)) > 20 })
		for _, p := range c.hears.Packets(mid) {
			if !bytes.HasPrefix(p.Payload, []byte(c.name)) {
				t.Fatalf("slot of %s carries %q", c.name, p.Payload)
			}
			if len(p.Extensions) > 0 || len(p.CSRC) > 0 {
				t.Fatal("a header extension of the publisher was forwarded")
			}
		}
	}
	for _, a := range []*actor{ada, ben} {
		if err := a.Err(); err != nil {
			t.Error(err)
		}
	}
}

func TestRosterFollowsEverybody(t *testing.T) {
	s := newStage(t, sfu.RoomConfig{})
	ada := s.join("Ada")
	ben := s.join("Ben")
	eventually(t, "Ada hears that Ben joined", func() bool { return len(ada.Messages(signal.Joined)) == 1 })
	if peer := ada.Messages(signal.Joined)[0].Peer; peer.Name != "Ben" || !peer.Present || peer.Order != 1 {
		t.Errorf("Ben was announced as %+v", peer)
	}
	if len(ben.Messages(signal.Joined)) != 0 {
		t.Error("Ben was told of his own coming")
	}
	ben.openMic("ben")
	ben.handle(signal.ClientMessage{Type: signal.TrackSet, Source: signal.Mic, Active: false})
	ben.handle(signal.ClientMessage{Type: signal.OptOut, OptOut: true})
	eventually(t, "Ada sees mute and opt-out", func() bool {
		changes := ada.Messages(signal.Changed)
		return len(changes) == 3 && slices.Equal(changes[0].Peer.Sources, []string{signal.Mic}) &&
			len(changes[1].Peer.Sources) == 0 && changes[2].Peer.OptOut
	})
	ben.participant().Leave("left")
	eventually(t, "Ada sees Ben leave", func() bool {
		left := ada.Messages(signal.Left)
		return len(left) == 1 && left[0].Participant == ben.id
	})
	peers := s.room.Peers()
	if len(peers) != 2 || !peers[0].Present || peers[1].Present || peers[1].Name != "Ben" {
		t.Errorf("roster after Ben left: %+v", peers)
	}
}

func TestLateJoinerIsToldOfAllSlots(t *testing.T) {
	s := newStage(t, sfu.RoomConfig{})
	ada := s.join("Ada")
	defer ada.openMic("ada").keepSaying(t)()
	defer ada.openCamera(100, 50).film(t)()
	eventually(t, "Ada's tracks are known", func() bool {
		ben := s.join("probe")
		defer ben.participant().Leave("left")
		ben.awaitSlots()
		return ben.slotOf(ada, signal.Mic) != "" && ben.slotOf(ada, signal.Camera) != ""
	})
	late := s.join("Late")
	late.awaitSlots()
	if n := len(late.Slots()); n != sfu.AudioSlots+sfu.CameraSlots+sfu.ScreenSlots+sfu.ScreenAudioSlots {
		t.Errorf("the first slot message names %d slots", n)
	}
	video := late.slotOf(ada, signal.Camera)
	eventually(t, "video arrives", func() bool { return len(late.Packets(video)) > 10 })
	if first := late.Packets(video)[0].Payload; first[5] != 0 {
		t.Errorf("the first packet is not of a key frame: % x", first)
	}
	if got := late.Slots()[video].Kind; got != "video" {
		t.Errorf("camera slot is of kind %q", got)
	}
}

func (a *actor) awaitSlots() {
	a.t.Helper()
	eventually(a.t, "slots are announced", func() bool { return len(a.Messages(signal.Slot)) > 0 })
}

func TestLeavingFreesSlots(t *testing.T) {
	s := newStage(t, sfu.RoomConfig{})
	ada, ben := s.join("Ada"), s.join("Ben")
	stop := ben.openMic("ben").keepSaying(t)
	mid := ada.awaitSlot(ben, signal.Mic)
	stop()
	ben.participant().Leave("left")
	eventually(t, "the slot is empty", func() bool { return ada.Slots()[mid].Participant == "" })

	cleo := s.join("Cleo")
	defer cleo.openMic("cleo").keepSaying(t)()
	if got := ada.awaitSlot(cleo, signal.Mic); got != mid {
		t.Errorf("the freed slot %s was not used again, but %s", mid, got)
	}
	eventually(t, "Cleo is heard", func() bool {
		packets := ada.Packets(mid)
		return len(packets) > 0 && bytes.HasPrefix(packets[len(packets)-1].Payload, []byte("cleo "))
	})
	continuous(t, ada.Packets(mid))
}

func TestMuteIsEnforcedByTheServer(t *testing.T) {
	s := newStage(t, sfu.RoomConfig{})
	ear := newEar()
	defer s.room.Listen(ear)()
	ada, ben := s.join("Ada"), s.join("Ben")
	mic := ada.openMic("ada")
	stop := mic.keepSaying(t)
	mid := ben.awaitSlot(ada, signal.Mic)
	eventually(t, "Ben hears Ada", func() bool { return len(ben.Packets(mid)) > 5 })
	ada.handle(signal.ClientMessage{Type: signal.TrackSet, Source: signal.Mic, Active: false})
	heard := ear.packets()
	eventually(t, "the slot is empty", func() bool { return ben.Slots()[mid].Participant == "" })
	stop() // she went on talking while muted, as a broken or hostile client does
	mic.say(t, 20)
	if n := ear.packets() - heard; n > 1 { // one may have been on its way
		t.Errorf("%d packets of a muted microphone were listened to", n)
	}
	if !ear.wasMuted() {
		t.Error("the listener was not told of the mute")
	}
	ada.handle(signal.ClientMessage{Type: signal.TrackSet, Source: signal.Mic, Active: true})
	defer mic.keepSaying(t)()
	before := len(ben.Packets(mid))
	ben.awaitSlot(ada, signal.Mic)
	eventually(t, "Ben hears Ada again", func() bool { return len(ben.Packets(mid)) > before+5 })
	continuous(t, ben.Packets(mid))
}

func TestHiddenListenerHearsAllAndIsInvisible(t *testing.T) {
	s := newStage(t, sfu.RoomConfig{})
	ada := s.join("Ada")
	defer ada.openMic("ada").keepSaying(t)()
	ear := newEar()
	stop := s.room.Listen(ear)
	eventually(t, "the listener hears a track", func() bool { return ear.packets() > 10 })
	if order := ear.log(); order[0] != "started" || slices.Contains(order[1:], "started") {
		t.Errorf("the listener was told %v", order[:min(5, len(order))])
	}
	if peers := s.room.Peers(); len(peers) != 1 {
		t.Errorf("the roster has %d entries", len(peers))
	}
	stop()
	silent := ear.packets()
	another := newEar()
	defer s.room.Listen(another)()
	eventually(t, "another listener goes on hearing", func() bool { return another.packets() > 10 })
	if ear.packets() != silent {
		t.Error("packets were delivered after stop")
	}
	ada.participant().Leave("left")
	eventually(t, "the listener is told of the end", func() bool { log := another.log(); return log[len(log)-1] == "ended" })
}

func TestCaptionsReachAllWithTheSameBytes(t *testing.T) {
	s := newStage(t, sfu.RoomConfig{})
	ada, ben := s.join("Ada"), s.join("Ben")
	eventually(t, "both are connected", func() bool { return ada.Connected() && ben.Connected() })
	caption := func(text string, final bool) []byte {
		b, err := json.Marshal(meeting.Caption{V: meeting.CaptionVersion, Seg: "s1", Text: text, Final: final})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	partial, final := caption("ouvrez la", false), caption("ouvrez la porte", true)
	eventually(t, "both got a partial on the channel", func() bool {
		if err := s.room.SendCaption(partial, false); err != nil {
			t.Fatal(err)
		}
		return slices.Contains(ada.Texts(signal.PartialsChannel), string(partial)) && slices.Contains(ben.Texts(signal.PartialsChannel), string(partial))
	})
	if err := s.room.SendCaption(final, true); err != nil {
		t.Fatal(err)
	}
	for _, a := range []*actor{ada, ben} {
		eventually(t, "the final came on the channel", func() bool { return slices.Contains(a.Texts(signal.CaptionsChannel), string(final)) })
	}
	if err := s.room.SendCaptionTo(ben.id, caption("nur für Ben", true), true); err != nil {
		t.Fatal(err)
	}
	eventually(t, "Ben got his own", func() bool { return len(ben.Texts(signal.CaptionsChannel)) > 1 })
	if n := len(ada.Texts(signal.CaptionsChannel)); n != 1 {
		t.Errorf("Ada got %d finals, want 1", n)
	}
}

func TestCaptionsGoBySignallingUntilTheChannelIsOpen(t *testing.T) {
	s := newStage(t, sfu.RoomConfig{})
	mute := &notebook{}
	if _, err := s.room.Join(meeting.Person{Participant: "p1", Name: "Ada"}, mute); err != nil {
		t.Fatal(err)
	}
	for _, final := range []bool{false, true} {
		if err := s.room.SendCaption([]byte(`{"v":1,"seg":"s1","text":"bonjour"}`), final); err != nil {
			t.Fatal(err)
		}
	}
	if got := mute.ofType(signal.Caption); len(got) != 2 || got[0].Caption.Text != "bonjour" {
		t.Errorf("captions by signalling: %+v", got)
	}
	if err := s.room.SendCaption([]byte("no caption"), true); err == nil {
		t.Error("something that is no caption was sent by signalling")
	}
}

func TestWelcomeComesFirstAndMissesNobody(t *testing.T) {
	s := newStage(t, sfu.RoomConfig{Welcome: func(id meeting.ParticipantID, peers []signal.Peer) *signal.WelcomeInfo {
		return &signal.WelcomeInfo{Participant: id, Peers: peers}
	}})
	book := &notebook{}
	if _, err := s.room.Join(meeting.Person{Participant: "p1", Name: "Ada"}, book); err != nil {
		t.Fatal(err)
	}
	first := book.all()[0]
	if first.Type != signal.Welcome || first.Welcome.Participant != "p1" || len(first.Welcome.Peers) != 1 {
		t.Errorf("the first message is %+v", first)
	}
}

func TestRoomRefusesMoreThanItHolds(t *testing.T) {
	s := newStage(t, sfu.RoomConfig{MaxParticipants: 2})
	for _, id := range []meeting.ParticipantID{"p1", "p2"} {
		if _, err := s.room.Join(meeting.Person{Participant: id}, &notebook{}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.room.Join(meeting.Person{Participant: "p3"}, &notebook{}); !errors.Is(err, sfu.ErrFull) {
		t.Errorf("a third of two joined: %v", err)
	}
}

func TestClosedRoomAnswersNobody(t *testing.T) {
	s := newStage(t, sfu.RoomConfig{})
	ada := s.join("Ada")
	s.room.Close()
	if err := ada.participant().Handle(signal.ClientMessage{Type: signal.TrackSet, Source: signal.Mic}); err == nil {
		t.Error("a closed room took a message")
	}
	if _, err := s.room.Join(meeting.Person{Participant: "p9"}, &notebook{}); !errors.Is(err, sfu.ErrClosed) {
		t.Errorf("a closed room let somebody in: %v", err)
	}
	if _, err := s.room.Resume(ada.id, &notebook{}); !errors.Is(err, sfu.ErrClosed) {
		t.Errorf("a closed room resumed somebody: %v", err)
	}
	s.room.Listen(newEar())()
	s.room.Broadcast(signal.ServerMessage{Type: signal.AI})
	s.room.Close()
}

func TestDownlinkOfferFitsOneMessage(t *testing.T) {
	s := newStage(t, sfu.RoomConfig{})
	ada := s.join("Ada")
	eventually(t, "the downlink is offered", func() bool { return len(ada.Messages(signal.Offer)) == 1 })
	offer := ada.Messages(signal.Offer)[0]
	if len(offer.SDP) > signal.MaxMessage/2 || offer.PC != signal.Down {
		t.Errorf("the offer has %d bytes, for %q", len(offer.SDP), offer.PC)
	}
	t.Logf("downlink offer: %d bytes", len(offer.SDP))
	for _, want := range []string{"a=ice-lite", "a=candidate:", "typ host"} {
		if !strings.Contains(offer.SDP, want) {
			t.Errorf("the offer has no %q", want)
		}
	}
	for _, never := range []string{"a=extmap:", "recvonly", "sendrecv\r\nm", "rtx"} {
		if strings.Contains(offer.SDP, never) {
			t.Errorf("the offer has %q", never)
		}
	}
}
