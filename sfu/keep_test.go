package sfu_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"

	"souffleur/internal/meeting"
	"souffleur/internal/signal"
	"souffleur/sfu"
	"souffleur/sfu/sfutest"
)

// welcoming is a room whose welcomes say no more than the SFU adds.
func welcoming() sfu.RoomConfig {
	return sfu.RoomConfig{Welcome: func(id meeting.ParticipantID, peers []signal.Peer) *signal.WelcomeInfo {
		return &signal.WelcomeInfo{Participant: id, Peers: peers}
	}}
}

// impatient makes connections count as failed after some seconds of silence. Less would not let anybody join on a busy machine.
func impatient(c *sfu.Config) { c.ICETimeout = 3 * time.Second }

// keep comes back on a new signalling connection, with the media that the last welcome named, and returns the new welcome.
func (a *actor) keep(s *stage) *signal.WelcomeInfo {
	a.t.Helper()
	welcomes := len(a.Messages(signal.Welcome))
	media := a.Welcome().Media
	<-a.seat // whoever calls the server now waits for the new connection
	p, err := s.room.Keep(a.id, media, a.Peer)
	if err != nil {
		a.t.Fatal(err)
	}
	a.seat <- p
	eventually(a.t, "a welcome", func() bool { return len(a.Messages(signal.Welcome)) > welcomes })
	return a.Welcome()
}

// restart restarts ICE on both connections, as a client does whose network came back.
func (a *actor) restart() {
	a.t.Helper()
	if err := a.Negotiate(&webrtc.OfferOptions{ICERestart: true}); err != nil {
		a.t.Fatal(err)
	}
	a.handle(signal.ClientMessage{Type: signal.Restart})
}

// mend restarts ICE until it helps, as clients do: a node that gives up quickly may have done so again on a busy machine.
func (a *actor) mend(what string, ok func() bool) {
	a.t.Helper()
	var tried time.Time
	eventually(a.t, what, func() bool {
		if ok() {
			return true
		}
		if time.Since(tried) > 5*time.Second {
			a.restart()
			tried = time.Now()
		}
		return false
	})
}

func TestMediaGoesOnWhenSignallingBreaks(t *testing.T) {
	s := newStage(t, welcoming())
	ear := newEar()
	defer s.room.Listen(ear)()
	ada, ben := s.join("Ada"), s.join("Ben")
	stopAda := ada.openMic("ada").keepSaying(t)
	stopBen := ben.openMic("ben").keepSaying(t)
	atBen, atAda := ben.awaitSlot(ada, signal.Mic), ada.awaitSlot(ben, signal.Mic)
	eventually(t, "both are heard", func() bool { return len(ben.Packets(atBen)) > 20 && len(ada.Packets(atAda)) > 20 })
	for range 3 { // also when it breaks again and again
		before := len(ada.Messages(signal.Slot))
		ada.participant().Detach()
		if w := ada.keep(s); !w.Kept || len(w.Peers) != 2 {
			t.Fatalf("Ada was welcomed with %+v", w)
		}
		eventually(t, "Ada is told of all slots", func() bool { return len(ada.Messages(signal.Slot)) > before })
	}
	seenBen, seenAda := len(ben.Packets(atBen)), len(ada.Packets(atAda))
	eventually(t, "both are heard on", func() bool { return len(ben.Packets(atBen)) > seenBen+50 && len(ada.Packets(atAda)) > seenAda+50 })
	stopAda()
	stopBen()
	// Packets may be lost before a connection is up, none after that.
	for what, packets := range map[string][]uint16{"Ada's voice at Ben": numbersOf(ben, atBen), "Ben's voice at Ada": numbersOf(ada, atAda)} {
		if missing := gaps(packets[10:]); missing != 0 {
			t.Errorf("%s: %d of %d packets are missing", what, missing, len(packets))
		}
	}
	last := ada.Messages(signal.Slot)
	if all := last[len(last)-1].Slots; len(all) != sfu.AudioSlots+sfu.CameraSlots+sfu.ScreenSlots+sfu.ScreenAudioSlots {
		t.Errorf("after coming back, Ada was told of %d slots", len(all))
	}
	if n := len(ada.Messages(signal.Offer)); n != 1 {
		t.Errorf("Ada got %d offers", n)
	}
	sameTrack(t, ear)
	if len(ben.Messages(signal.Left)) > 0 || len(ben.Messages(signal.Joined)) > 0 {
		t.Error("Ben was told that Ada left or came")
	}
}

// numbersOf returns the sequence numbers that came in a slot, in order, each once.
func numbersOf(a *actor, mid string) []uint16 {
	var list []uint16
	for _, p := range inOrder(a.Packets(mid)) {
		list = append(list, p.SequenceNumber)
	}
	return slices.Compact(list)
}

func gaps(numbers []uint16) int {
	missing := 0
	for i := 1; i < len(numbers); i++ {
		missing += int(numbers[i]-numbers[i-1]) - 1
	}
	return missing
}

// sameTrack fails if any track that an ear heard has ended or begun anew.
func sameTrack(t *testing.T, e *ear) {
	t.Helper()
	begun := 0
	for _, said := range e.log() {
		if said == "ended" {
			t.Error("a track ended")
		}
		if said == "started" {
			begun++
		}
	}
	if begun > 2 {
		t.Errorf("%d tracks began", begun)
	}
}

func TestMediaComesBackAfterAnAbsence(t *testing.T) {
	t.Parallel()
	comesBack(t, impatient, 6*time.Second)
}

// The promise is 60 s. Everything that has a timer of its own is in this test with its real one: ICE, DTLS, SCTP.
func TestMediaComesBackAfterFiftySeconds(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a minute")
	}
	t.Parallel()
	comesBack(t, nil, 50*time.Second)
}

// comesBack takes Ada's whole network away.
func comesBack(t *testing.T, node func(*sfu.Config), absence time.Duration) {
	s := openChanged(t, welcoming(), node)
	ear := newEar()
	defer s.room.Listen(ear)()
	network, bens := newNetwork(t), newNetwork(t)
	ada, ben := s.joinWith("Ada", sfutest.Config{Net: network}), s.joinWith("Ben", sfutest.Config{Net: bens})
	defer ada.openMic("ada").keepSaying(t)()
	defer ben.openMic("ben").keepSaying(t)()
	atBen, atAda := ben.awaitSlot(ada, signal.Mic), ada.awaitSlot(ben, signal.Mic)
	eventually(t, "both are heard", func() bool { return len(ben.Packets(atBen)) > 20 && len(ada.Packets(atAda)) > 20 })
	ada.awaitChannel(s)

	network.Cut()
	away := time.NewTimer(absence)
	ada.participant().Detach()
	say(t, s, "meanwhile", 1)
	<-away.C
	network.Mend()
	if w := ada.keep(s); !w.Kept {
		t.Fatal("Ada's media was not kept")
	}
	back := time.Now()
	seenBen, seenAda := len(ben.Packets(atBen)), len(ada.Packets(atAda))
	ada.mend("both are heard again", func() bool { return len(ben.Packets(atBen)) > seenBen+20 && len(ada.Packets(atAda)) > seenAda+20 })
	eventually(t, "the caption of meanwhile comes", func() bool { return ada.read("meanwhile") > 0 })
	t.Logf("audio and captions were back %v after the network", time.Since(back).Round(time.Millisecond))
	say(t, s, "after", 1)
	eventually(t, "captions go on", func() bool { return ada.read("after") > 0 })
	if ada.read("meanwhile") != 1 || ada.read("after") != 1 {
		t.Errorf("Ada read %q", ada.Texts(signal.CaptionsChannel))
	}
	sameTrack(t, ear)
	sameStream(t, ben.Packets(atBen))
	sameStream(t, ada.Packets(atAda))
	if atAda != ada.slotOf(ben, signal.Mic) {
		t.Error("Ben is in another slot")
	}
	if len(ben.Messages(signal.Left)) > 0 {
		t.Error("Ben was told that Ada left")
	}
}

// awaitChannel waits until captions come on the data channel; before that they come by signalling.
func (a *actor) awaitChannel(s *stage) {
	a.t.Helper()
	var said time.Time
	rev := 0
	eventually(a.t, "a caption comes on the channel", func() bool {
		if time.Since(said) > 200*time.Millisecond {
			said = time.Now()
			rev++
			say(a.t, s, "before", rev)
		}
		return a.read("before") > 0
	})
}

// read counts the captions with a text that came on the data channel.
func (a *actor) read(text string) int {
	n := 0
	for _, caption := range a.Texts(signal.CaptionsChannel) {
		if strings.Contains(caption, `"text":"`+text+`"`) {
			n++
		}
	}
	return n
}

func newNetwork(t *testing.T) *sfutest.Network {
	t.Helper()
	n, err := sfutest.NewNetwork()
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// say sends everybody a final caption.
func say(t *testing.T, s *stage, text string, rev int) {
	t.Helper()
	b, err := json.Marshal(meeting.Caption{V: 1, Seg: meeting.SegmentID("seg-" + text), Rev: rev, Spk: "p1", Text: text, Final: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.room.SendCaption(b, true); err != nil {
		t.Fatal(err)
	}
}

func TestMediaFollowsAClientToAnotherAddress(t *testing.T) {
	s := newStage(t, welcoming())
	ear := newEar()
	defer s.room.Listen(ear)()
	network := newNetwork(t)
	ada, ben := s.joinWith("Ada", sfutest.Config{Net: network}), s.join("Ben")
	defer ada.openMic("ada").keepSaying(t)()
	defer ben.openMic("ben").keepSaying(t)()
	atBen, atAda := ben.awaitSlot(ada, signal.Mic), ada.awaitSlot(ben, signal.Mic)
	eventually(t, "both are heard", func() bool { return len(ben.Packets(atBen)) > 20 && len(ada.Packets(atAda)) > 20 })
	if err := network.Move(); err != nil {
		t.Fatal(err)
	}
	moved := time.Now()
	seenBen, seenAda := len(ben.Packets(atBen)), len(ada.Packets(atAda))
	ada.mend("both are heard again", func() bool { return len(ben.Packets(atBen)) > seenBen+50 && len(ada.Packets(atAda)) > seenAda+50 })
	t.Logf("a second of audio came within %v of the move", time.Since(moved).Round(time.Millisecond))
	sameTrack(t, ear)
	sameStream(t, ben.Packets(atBen))
}

func TestAnOfferWhoseAnswerWasLostIsRepeated(t *testing.T) {
	s := newStage(t, welcoming())
	ada, ben := s.join("Ada"), s.join("Ben")
	defer ben.openMic("ben").keepSaying(t)()
	atAda := ada.awaitSlot(ben, signal.Mic)
	eventually(t, "Ben is heard", func() bool { return len(ada.Packets(atAda)) > 20 })
	lost := ada.participant()
	seat := <-ada.seat // Ada's answer waits, and then belongs to a connection that is gone
	if err := lost.Handle(signal.ClientMessage{Type: signal.Restart}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the offer of the restart", func() bool { return len(ada.Messages(signal.Offer)) == 2 })
	lost.Detach()
	p, err := s.room.Keep(ada.id, ada.Welcome().Media, ada.Peer)
	if err != nil {
		t.Fatal(err)
	}
	ada.seat <- seat // the old answer
	<-ada.seat
	ada.seat <- p
	eventually(t, "a third offer", func() bool { return len(ada.Messages(signal.Offer)) == 3 })
	if offers := ada.Messages(signal.Offer); !ada.Welcome().Kept || offers[2].SDP != offers[1].SDP {
		t.Error("the media was not kept, or it is another offer")
	}
	seen := len(ada.Packets(atAda))
	eventually(t, "Ben is heard on", func() bool { return len(ada.Packets(atAda)) > seen+50 })
	sameStream(t, ada.Packets(atAda))
}

func TestMediaIsKeptOnlyByTheClientThatHasIt(t *testing.T) {
	s := newStage(t, welcoming())
	book := &notebook{}
	keep := func(id meeting.ParticipantID, media string) *signal.WelcomeInfo {
		if _, err := s.room.Keep(id, media, book); err != nil {
			t.Fatal(err)
		}
		all := book.ofType(signal.Welcome)
		return all[len(all)-1].Welcome
	}

	early := s.newActor(sfutest.Config{})
	if _, err := s.room.Join(meeting.Person{Participant: early.id, Name: "Eve"}, book); err != nil {
		t.Fatal(err)
	}
	if keep(early.id, book.ofType(signal.Welcome)[0].Welcome.Media).Kept {
		t.Error("media that the client never answered was kept")
	}

	ada := s.join("Ada")
	eventually(t, "Ada is connected", ada.Connected)
	first := ada.Welcome().Media
	if w := keep(ada.id, ""); w.Kept || w.Media == first || w.Media == "" {
		t.Errorf("a window without media was welcomed with %+v", w)
	}
	if keep(ada.id, first).Kept {
		t.Error("the first window got the media of the second")
	}
	if keep(ada.id, "0123456789abcdef").Kept {
		t.Error("an invented name was believed")
	}

	ben := s.join("Ben")
	eventually(t, "Ben is connected", ben.Connected)
	mine := ben.Welcome().Media
	if err := ben.Reset(); err != nil { // says goodbye on DTLS
		t.Fatal(err)
	}
	eventually(t, "what the client closed is not kept", func() bool {
		<-ben.seat
		p, err := s.room.Keep(ben.id, mine, ben.Peer)
		if err != nil {
			t.Fatal(err)
		}
		ben.seat <- p
		mine = ben.Welcome().Media
		return !ben.Welcome().Kept
	})
}
