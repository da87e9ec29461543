package sfu_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"souffleur/internal/meeting"
	"souffleur/internal/signal"
	"souffleur/sfu"
	"souffleur/sfu/sfutest"
)

// writer is somebody in the room, or at its door, whose client only signals.
type writer struct {
	*notebook
	t    *testing.T
	id   meeting.ParticipantID
	seat *sfu.Participant
}

func (s *stage) enters(name string, role meeting.Role) *writer {
	s.t.Helper()
	w, err := s.tries(name, role)
	if err != nil {
		s.t.Fatalf("%s cannot join: %v", name, err)
	}
	return w
}

// tries joins as a person whose ID is the name.
func (s *stage) tries(name string, role meeting.Role) (*writer, error) {
	w := &writer{notebook: &notebook{}, t: s.t, id: meeting.NewParticipantID()}
	var err error
	w.seat, err = s.room.Join(meeting.Person{Participant: w.id, Person: meeting.PersonID(name), Name: name, Role: role}, w)
	return w, err
}

func (w *writer) says(m signal.ClientMessage) {
	w.t.Helper()
	if err := w.seat.Handle(m); err != nil {
		w.t.Fatalf("%s: %v", m.Type, err)
	}
}

func (w *writer) moderates(action string, id meeting.ParticipantID) {
	w.t.Helper()
	w.says(signal.ClientMessage{Type: signal.Moderate, Action: action, Participant: id})
}

func (w *writer) writes(text string) {
	w.t.Helper()
	w.says(signal.ClientMessage{Type: signal.Chat, Text: text})
}

// faults are the codes of what did not work.
func (n *notebook) faults() []string { return codes(n.ofType(signal.Fault)) }

// gone are the codes with which the server ended the connection.
func (n *notebook) gone() []string { return codes(n.ofType(signal.Gone)) }

func codes(messages []signal.ServerMessage) []string {
	var list []string
	for _, m := range messages {
		list = append(list, m.Code)
	}
	return list
}

// state is the newest state of the room that was told.
func (n *notebook) state() *signal.RoomState {
	for _, m := range slices.Backward(n.all()) {
		if m.Type == signal.Room {
			return m.Room
		}
		if m.Type == signal.Welcome {
			return m.Welcome.RoomState
		}
	}
	return &signal.RoomState{}
}

// read are the texts of the chat as they came.
func (n *notebook) read() []string {
	var texts []string
	for _, m := range n.ofType(signal.Chat) {
		for _, c := range m.Chat {
			texts = append(texts, c.Text)
		}
	}
	return texts
}

// welcomed makes rooms that send welcomes.
func welcomed(config sfu.RoomConfig) sfu.RoomConfig {
	config.Welcome = func(id meeting.ParticipantID, peers []signal.Peer) *signal.WelcomeInfo {
		return &signal.WelcomeInfo{Participant: id, Peers: peers}
	}
	return config
}

func TestModeratorMutesAtTheServer(t *testing.T) {
	s := newStage(t, sfu.RoomConfig{})
	ear := newEar()
	defer s.room.Listen(ear)()
	boss := s.enters("Boss", meeting.Organizer)
	ada, ben := s.join("Ada"), s.join("Ben")
	mic := ada.openMic("ada")
	stop := mic.keepSaying(t)
	mid := ben.awaitSlot(ada, signal.Mic)
	eventually(t, "Ben hears Ada", func() bool { return len(ben.Packets(mid)) > 5 })

	boss.moderates(signal.ModerateMute, ada.id)
	heard := ear.packets()
	if !ear.wasMuted() {
		t.Error("the listener was not told before the mute was over")
	}
	eventually(t, "the slot is empty", func() bool { return ben.Slots()[mid].Participant == "" })
	eventually(t, "Ada is told by whom", func() bool {
		told := ada.Messages(signal.Moderated)
		return len(told) == 1 && *told[0].Moderated == signal.Moderation{Action: signal.ModerateMute, Source: signal.Mic, ByName: "Boss"}
	})
	eventually(t, "the roster shows it", func() bool { return len(s.peer(ada.id).Sources) == 0 })
	stop() // her client went on sending, as a hostile one does
	mic.say(t, 20)
	if n := ear.packets() - heard; n > 1 { // one may have been on its way
		t.Errorf("%d packets of a muted microphone were listened to", n)
	}

	unmute := func() { ada.handle(signal.ClientMessage{Type: signal.TrackSet, Source: signal.Mic, Active: true}) }
	unmute() // before her client has said that it knows: it may not have read of the mute yet
	if got := s.peer(ada.id).Sources; len(got) > 0 {
		t.Errorf("a client that does not know of the mute is heard: %v", got)
	}
	ada.handle(signal.ClientMessage{Type: signal.TrackSet, Source: signal.Mic, Active: false})
	unmute()
	defer mic.keepSaying(t)()
	before := ear.packets()
	eventually(t, "Ada is heard once she has unmuted herself", func() bool { return ear.packets() > before+5 })
	continuous(t, ben.Packets(mid))
}

func TestMuteReachesWhoWasAwayForAMoment(t *testing.T) {
	s := newStage(t, sfu.RoomConfig{})
	boss, ada := s.enters("Boss", meeting.Organizer), s.join("Ada")
	ada.openMic("ada").say(t, 5)
	eventually(t, "the microphone is on", func() bool { return len(s.peer(ada.id).Sources) == 1 })
	ada.participant().Detach()
	boss.moderates(signal.ModerateMute, ada.id)
	boss.moderates(signal.ModerateStopShare, ada.id) // there is none: nothing to tell
	if told := ada.Messages(signal.Moderated); len(told) > 0 {
		t.Fatal("a lost connection was told")
	}
	if err := ada.Reset(); err != nil {
		t.Fatal(err)
	}
	<-ada.seat
	back, err := s.room.Resume(ada.id, ada.Peer)
	if err != nil {
		t.Fatal(err)
	}
	ada.seat <- back
	ada.handle(signal.ClientMessage{Type: signal.TrackSet, Source: signal.Mic, Active: true}) // as far as her client knows
	defer ada.openMic("again").keepSaying(t)()
	eventually(t, "Ada is told on her new connection", func() bool {
		told := ada.Messages(signal.Moderated)
		return len(told) == 1 && told[0].Moderated.ByName == "Boss"
	})
	if got := s.peer(ada.id).Sources; len(got) > 0 {
		t.Errorf("Ada came back with %v", got)
	}
	ada.handle(signal.ClientMessage{Type: signal.TrackSet, Source: signal.Mic, Active: false})
	ada.handle(signal.ClientMessage{Type: signal.TrackSet, Source: signal.Mic, Active: true})
	eventually(t, "Ada is heard", func() bool { return len(s.peer(ada.id).Sources) == 1 })
}

func (s *stage) peer(id meeting.ParticipantID) signal.Peer {
	for _, p := range s.room.Peers() {
		if p.Participant == id {
			return p
		}
	}
	return signal.Peer{}
}

func TestModeratorStopsACamera(t *testing.T) {
	s := newStage(t, sfu.RoomConfig{})
	boss := s.enters("Boss", meeting.Admin)
	ada, ben := s.join("Ada"), s.join("Ben")
	defer ada.openCamera(1, 1).film(t)()
	mid := ben.awaitSlot(ada, signal.Camera)
	boss.says(signal.ClientMessage{Type: signal.Moderate, Action: signal.ModerateMute, Participant: ada.id, Source: signal.Camera})
	eventually(t, "the camera is gone", func() bool { return ben.Slots()[mid].Participant == "" })
	eventually(t, "Ada is told", func() bool {
		told := ada.Messages(signal.Moderated)
		return len(told) == 1 && told[0].Moderated.Source == signal.Camera
	})
}

func TestGuestsDoNotModerate(t *testing.T) {
	s := newStage(t, welcomed(sfu.RoomConfig{}))
	ada, eve := s.join("Ada"), s.enters("Eve", meeting.Guest)
	defer ada.openMic("ada").keepSaying(t)()
	eventually(t, "Ada's microphone is on", func() bool { return len(s.peer(ada.id).Sources) == 1 })
	actions := []string{
		signal.ModerateMute, signal.ModerateStopShare, signal.ModerateRemove, signal.ModerateLowerHand, signal.ModerateAdmit,
		signal.ModerateRefuse, signal.ModerateLock, signal.ModerateUnlock, signal.ModerateLobbyOn, signal.ModerateLobbyOff,
	}
	for _, action := range actions {
		eve.moderates(action, ada.id)
	}
	if got := eve.faults(); len(got) != len(actions) || slices.ContainsFunc(got, func(c string) bool { return c != signal.CodeForbidden }) {
		t.Errorf("Eve was told %v", got)
	}
	if p := s.peer(ada.id); !p.Present || len(p.Sources) != 1 {
		t.Errorf("Ada is now %+v", p)
	}
	if d := s.room.Door(); d.Locked || d.Lobby || len(d.Removed) > 0 {
		t.Errorf("the door is now %+v", d)
	}

	s.room.SetRole(eve.id, meeting.Organizer)
	eve.moderates(signal.ModerateLock, "")
	if !s.room.Door().Locked {
		t.Error("an organizer of this moment may not lock")
	}
	s.room.SetRole(eve.id, meeting.Guest)
	eve.moderates(signal.ModerateUnlock, "")
	if !s.room.Door().Locked {
		t.Error("an organizer of an earlier moment unlocked")
	}
}

func TestRemovedPersonStaysOut(t *testing.T) {
	s := newStage(t, welcomed(sfu.RoomConfig{}))
	boss, admin := s.enters("Boss", meeting.Organizer), s.enters("Admin", meeting.Admin)
	eve, window := s.enters("Eve", meeting.Guest), s.enters("Eve", meeting.Guest)
	boss.moderates(signal.ModerateRemove, eve.id)
	for _, w := range []*writer{eve, window} {
		if got := w.gone(); !slices.Equal(got, []string{signal.CodeRemoved}) {
			t.Errorf("Eve was told %v", got)
		}
		if s.peer(w.id).Present {
			t.Error("Eve is still in the roster")
		}
		if err := w.seat.Handle(signal.ClientMessage{Type: signal.Chat, Text: "ha"}); err == nil {
			t.Error("a removed participant's connection still speaks")
		}
	}
	if _, err := s.room.Resume(eve.id, &notebook{}); !errors.Is(err, sfu.ErrUnknownParticipant) {
		t.Errorf("Eve resumed: %v", err)
	}
	if _, err := s.room.Join(meeting.Person{Participant: eve.id, Person: "Eve"}, &notebook{}); !errors.Is(err, sfu.ErrRemoved) {
		t.Errorf("Eve came back under her old ID: %v", err)
	}
	if _, err := s.tries("Eve", meeting.Organizer); !errors.Is(err, sfu.ErrRemoved) {
		t.Errorf("Eve joined anew: %v", err)
	}
	if err := s.room.MayEnter(meeting.Person{Person: "Eve"}); !errors.Is(err, sfu.ErrRemoved) {
		t.Errorf("Eve may enter: %v", err)
	}

	boss.moderates(signal.ModerateRemove, admin.id)
	boss.moderates(signal.ModerateRemove, boss.id)
	boss.moderates(signal.ModerateRemove, eve.id)
	if got := boss.faults(); !slices.Equal(got, []string{signal.CodeForbidden, signal.CodeForbidden, signal.CodeNobody}) {
		t.Errorf("removing an admin, himself and nobody is answered by %v", got)
	}
	if !s.peer(admin.id).Present || !s.peer(boss.id).Present {
		t.Error("an admin, or the organizer himself, was removed")
	}
}

func TestLockKeepsNewcomersOut(t *testing.T) {
	s := newStage(t, welcomed(sfu.RoomConfig{Known: []meeting.PersonID{"Before"}}))
	boss, ada := s.enters("Boss", meeting.Organizer), s.enters("Ada", meeting.Guest)
	boss.moderates(signal.ModerateLock, "")
	eventually(t, "everybody is told", func() bool { return ada.state().Locked && boss.state().Locked })
	if _, err := s.tries("Late", meeting.Guest); !errors.Is(err, sfu.ErrLocked) {
		t.Errorf("somebody new came in: %v", err)
	}
	if err := s.room.MayEnter(meeting.Person{Person: "Late"}); !errors.Is(err, sfu.ErrLocked) {
		t.Errorf("somebody new may enter: %v", err)
	}
	s.enters("Second", meeting.Organizer)
	ada.seat.Leave("left")
	s.enters("Ada", meeting.Guest) // after a reload of her page
	s.enters("Before", meeting.Guest)
	boss.moderates(signal.ModerateUnlock, "")
	s.enters("Late", meeting.Guest)
}

func TestLobbyLetsNewcomersWait(t *testing.T) {
	s := newStage(t, welcomed(sfu.RoomConfig{
		Rules: meeting.Rules{Lobby: true}, Door: meeting.Door{Lobby: true},
		Hold: func(id meeting.ParticipantID) *signal.WaitingInfo {
			return &signal.WaitingInfo{RoomName: "Tuesday", Token: "place of " + string(id)}
		},
		Seat: func(p meeting.Person) meeting.Person { p.Order = 7; return p },
	}))
	ben := s.newActor(sfutest.Config{})
	seat, err := s.room.Join(meeting.Person{Participant: ben.id, Person: "Ben", Name: "Ben"}, ben.Peer)
	if err != nil {
		t.Fatal(err)
	}
	ben.seat <- seat
	eventually(t, "Ben is told that he waits, and that nobody can let him in", func() bool {
		told := ben.Messages(signal.Waiting)
		return len(told) == 1 && told[0].Waiting.RoomName == "Tuesday" && told[0].Waiting.Token == "place of "+string(ben.id) && !told[0].Waiting.Organizer
	})
	boss := s.enters("Boss", meeting.Organizer)
	eventually(t, "Ben is told that an organizer has come", func() bool {
		told := ben.Messages(signal.Waiting)
		return len(told) == 2 && told[1].Waiting.Organizer
	})
	eventually(t, "the organizer reads who waits", func() bool {
		w := boss.state().Waiting
		return len(w) == 1 && w[0].Name == "Ben" && w[0].Participant == ben.id
	})
	if s.room.Waiting() != 1 || len(s.room.Peers()) != 1 || len(boss.ofType(signal.Joined)) != 0 {
		t.Error("who waits is in the roster")
	}

	// What happens in the room is not for him, and what he sends has no effect there.
	boss.writes("among us")
	if err := s.room.SendCaption([]byte(`{"v":1,"seg":"s1","text":"secret"}`), true); err != nil {
		t.Fatal(err)
	}
	s.room.Broadcast(signal.ServerMessage{Type: signal.AI, AI: &signal.AIState{}})
	ben.handle(signal.ClientMessage{Type: signal.Chat, Text: "let me in"})
	ben.handle(signal.ClientMessage{Type: signal.Hand, Active: true})
	ben.handle(signal.ClientMessage{Type: signal.Offer, SDP: "v=0"})
	eventually(t, "the room has seen all that", func() bool { return slices.Equal(boss.read(), []string{"among us"}) && len(boss.state().Hands) == 0 })
	for _, kind := range []string{
		signal.Welcome, signal.Chat, signal.Caption, signal.AI, signal.Offer, signal.Slot, signal.Joined, signal.Room,
	} {
		if got := ben.Messages(kind); len(got) > 0 {
			t.Errorf("who waits was sent %s", kind)
		}
	}

	boss.moderates(signal.ModerateAdmit, ben.id)
	eventually(t, "Ben is welcomed on the same connection", func() bool { return len(ben.Messages(signal.Welcome)) == 1 })
	eventually(t, "Ben is connected", ben.Connected)
	eventually(t, "Ben reads what was written before", func() bool { return len(ben.Messages(signal.Chat)) == 1 })
	if p := s.peer(ben.id); !p.Present || p.Order != 7 {
		t.Errorf("Ben is in the roster as %+v", p)
	}
	ada := s.enters("Boss", meeting.Organizer)
	defer ben.openMic("ben").keepSaying(t)()
	eventually(t, "Ben's microphone is seen", func() bool { return len(s.peer(ben.id).Sources) == 1 })
	eventually(t, "nobody waits any more", func() bool { return len(ada.state().Waiting) == 0 && len(boss.state().Waiting) == 0 })

	ben.participant().Leave("left")
	s.enters("Ben", meeting.Guest) // once let in, he may come back
	if s.room.Waiting() != 0 {
		t.Error("who was let in before waits again")
	}
}

func TestPlaceInTheLobbyOutlivesConnections(t *testing.T) {
	s := newStage(t, welcomed(sfu.RoomConfig{Door: meeting.Door{Lobby: true}, ResumeWindow: 300 * time.Millisecond}))
	boss := s.enters("Boss", meeting.Organizer)
	first, second := s.enters("First", meeting.Guest), s.enters("Second", meeting.Guest)
	first.seat.Detach()
	back := &writer{notebook: &notebook{}, t: t, id: first.id}
	var err error
	back.seat, err = s.room.Join(meeting.Person{Participant: first.id, Person: "First", Name: "First"}, back)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the order is as it was", func() bool {
		w := boss.state().Waiting
		return len(w) == 2 && w[0].Participant == first.id && w[1].Participant == second.id
	})
	first.seat.Leave("left") // the old connection's word counts no more
	second.seat.Detach()
	eventually(t, "who stays away loses the place", func() bool { return s.room.Waiting() == 1 })
	back.says(signal.ClientMessage{Type: signal.Leave})
	eventually(t, "who goes does not wait", func() bool { return s.room.Waiting() == 0 && len(boss.state().Waiting) == 0 })
}

func TestWaitingEndsInEveryWay(t *testing.T) {
	s := newStage(t, welcomed(sfu.RoomConfig{Door: meeting.Door{Lobby: true}}))
	boss := s.enters("Boss", meeting.Organizer)
	eve := s.enters("Eve", meeting.Guest)
	boss.moderates(signal.ModerateRefuse, eve.id)
	if got := eve.gone(); !slices.Equal(got, []string{signal.CodeNotAdmitted}) {
		t.Errorf("who was refused was told %v", got)
	}
	if _, err := s.tries("Eve", meeting.Guest); !errors.Is(err, sfu.ErrNotAdmitted) {
		t.Errorf("who was refused asks again at once: %v", err)
	}
	some := []*writer{s.enters("A", meeting.Guest), s.enters("B", meeting.Guest)}
	boss.moderates(signal.ModerateAdmit, "")
	for _, w := range some {
		if len(w.ofType(signal.Welcome)) != 1 {
			t.Error("not everybody was let in")
		}
	}
	c := s.enters("C", meeting.Guest)
	boss.moderates(signal.ModerateLobbyOff, "")
	if len(c.ofType(signal.Welcome)) != 1 {
		t.Error("who waited was not let in when the lobby was switched off")
	}
	s.room.SetRules(meeting.Rules{Lobby: true})
	d := s.enters("D", meeting.Guest)
	s.room.Close()
	if len(d.ofType(signal.Waiting)) == 0 || s.room.Waiting() != 0 {
		t.Error("somebody waits for a closed room")
	}
}

// TestOutsidersNeedAnOrganizer: whom the room's access does not let in waits at the door as long as the lobby is on, and is let in
// by a person only.
func TestOutsidersNeedAnOrganizer(t *testing.T) {
	s := newStage(t, welcomed(sfu.RoomConfig{}))
	tries := func(name string) (*writer, error) {
		w := &writer{notebook: &notebook{}, t: t, id: meeting.NewParticipantID()}
		var err error
		w.seat, err = s.room.Join(meeting.Person{Participant: w.id, Person: meeting.PersonID(name), Name: name, Outsider: true}, w)
		return w, err
	}
	boss := s.enters("Boss", meeting.Organizer)
	if _, err := tries("Eve"); !errors.Is(err, sfu.ErrOutsider) {
		t.Errorf("an outsider came to an open door: %v", err)
	}
	if err := s.room.MayEnter(meeting.Person{Person: "Eve", Outsider: true}); !errors.Is(err, sfu.ErrOutsider) {
		t.Errorf("an outsider may enter: %v", err)
	}
	boss.moderates(signal.ModerateLobbyOn, "")
	eve, err := tries("Eve")
	if err != nil {
		t.Fatal(err)
	}
	member := s.enters("Member", meeting.Guest)
	boss.moderates(signal.ModerateLobbyOff, "")
	if len(member.ofType(signal.Welcome)) != 1 || len(eve.ofType(signal.Welcome)) != 0 || s.room.Waiting() != 1 {
		t.Fatal("an outsider came in because the lobby was switched off")
	}
	boss.moderates(signal.ModerateAdmit, eve.id)
	if len(eve.ofType(signal.Welcome)) != 1 {
		t.Error("an outsider whom an organizer admits is not in")
	}
	eve.says(signal.ClientMessage{Type: signal.Leave})
	if _, err := tries("Eve"); err != nil {
		t.Errorf("who was let in may not come back: %v", err)
	}
}

func TestNobodyWaitsForever(t *testing.T) {
	s := newStage(t, sfu.RoomConfig{Door: meeting.Door{Lobby: true}, WaitLimit: time.Millisecond})
	ada := s.enters("Ada", meeting.Guest)
	eventually(t, "Ada is sent away", func() bool { return slices.Equal(ada.gone(), []string{signal.CodeWaited}) })
}

func TestLobbyHoldsAHundred(t *testing.T) {
	s := newStage(t, sfu.RoomConfig{Door: meeting.Door{Lobby: true}})
	for i := range 100 {
		s.enters(fmt.Sprint("Guest ", i), meeting.Guest)
	}
	if _, err := s.tries("One more", meeting.Guest); !errors.Is(err, sfu.ErrLobbyFull) {
		t.Errorf("a hundred and one wait: %v", err)
	}
}

func TestCapHoldsButForAFewOrganizers(t *testing.T) {
	s := newStage(t, sfu.RoomConfig{MaxParticipants: 10, Rules: meeting.Rules{MaxPeople: 2}})
	ear := newEar()
	defer s.room.Listen(ear)() // a hidden listener takes no place
	s.enters("A", meeting.Guest)
	b := s.enters("B", meeting.Guest)
	if _, err := s.tries("C", meeting.Guest); !errors.Is(err, sfu.ErrFull) {
		t.Errorf("a third of two came in: %v", err)
	}
	for i := range 5 {
		s.enters(fmt.Sprint("Organizer ", i), meeting.Organizer)
	}
	if _, err := s.tries("Organizer 6", meeting.Organizer); !errors.Is(err, sfu.ErrFull) {
		t.Errorf("a sixth organizer came into a full room: %v", err)
	}
	if got := b.state().MaxPeople; got != 0 && got != 2 {
		t.Errorf("people are told of %d places", got)
	}
	s.room.SetRules(meeting.Rules{MaxPeople: 1000})
	for i := range 3 {
		s.enters(fmt.Sprint("Guest ", i), meeting.Guest)
	}
	if _, err := s.tries("Eleventh", meeting.Guest); !errors.Is(err, sfu.ErrFull) {
		t.Errorf("a room may be larger than the installation allows: %v", err)
	}
}

func TestAdmittingIntoAFullRoomSaysSo(t *testing.T) {
	s := newStage(t, sfu.RoomConfig{Door: meeting.Door{Lobby: true}, Rules: meeting.Rules{MaxPeople: 2}})
	boss := s.enters("Boss", meeting.Organizer)
	a, b := s.enters("A", meeting.Guest), s.enters("B", meeting.Guest)
	boss.moderates(signal.ModerateAdmit, "")
	if got := boss.faults(); !slices.Equal(got, []string{signal.CodeFull}) {
		t.Errorf("the organizer was told %v", got)
	}
	if !s.peer(a.id).Present || s.room.Waiting() != 1 || len(b.gone()) > 0 {
		t.Error("the second does not go on waiting")
	}
}

func TestOneScreenAtATime(t *testing.T) {
	s := newStage(t, sfu.RoomConfig{})
	ada, ben := s.join("Ada"), s.join("Ben")
	defer ada.openVideo(signal.Screen, 1, 1).film(t)()
	mid := ben.awaitSlot(ada, signal.Screen)

	defer ben.openVideo(signal.Screen, 1, 1).film(t)()
	eventually(t, "Ben is told that a screen is shared", func() bool { return slices.Equal(codes(ben.Messages(signal.Fault)), []string{signal.CodeShareTaken}) })
	if got := s.peer(ben.id).Sources; len(got) > 0 {
		t.Errorf("Ben shares %v", got)
	}
	if ben.Slots()[mid].Participant != ada.id || ada.slotOf(ben, signal.Screen) != "" {
		t.Error("Ada's screen was replaced")
	}
	ben.handle(signal.ClientMessage{Type: signal.TrackSet, Source: signal.Screen, Active: true})
	ben.handle(signal.ClientMessage{Type: signal.TrackSet, Source: signal.ScreenAudio, Active: true})
	if got := s.peer(ben.id).Sources; len(got) > 0 {
		t.Errorf("Ben unmuted %v", got)
	}

	// An organizer takes over, with the track he could not use before.
	s.room.SetRole(ben.id, meeting.Organizer)
	ben.handle(signal.ClientMessage{Type: signal.TrackSet, Source: signal.Screen, Active: true})
	ada.awaitSlot(ben, signal.Screen)
	eventually(t, "Ada's screen ends, and she is told by whom", func() bool {
		told := ada.Messages(signal.Moderated)
		return ben.Slots()[mid].Participant == "" && len(s.peer(ada.id).Sources) == 0 && len(told) == 1 &&
			*told[0].Moderated == signal.Moderation{Action: signal.ModerateStopShare, ByName: "Ben"}
	})
	ben.handle(signal.ClientMessage{Type: signal.TrackSet, Source: signal.Screen, Active: false})
	ada.handle(signal.ClientMessage{Type: signal.TrackSet, Source: signal.Screen, Active: false})
	ada.handle(signal.ClientMessage{Type: signal.TrackSet, Source: signal.Screen, Active: true})
	ben.awaitSlot(ada, signal.Screen) // the share is free again
}

func TestShareRules(t *testing.T) {
	s := newStage(t, sfu.RoomConfig{Rules: meeting.Rules{Share: meeting.OrganizersShare}})
	ada, ben := s.join("Ada"), s.join("Ben")
	defer ada.openVideo(signal.Screen, 1, 1).film(t)()
	defer ben.openVideo(signal.Screen, 1, 1).film(t)()
	for _, a := range []*actor{ada, ben} {
		eventually(t, "a guest may not share", func() bool { return slices.Equal(codes(a.Messages(signal.Fault)), []string{signal.CodeShareRule}) })
	}
	share := func(a *actor) {
		t.Helper()
		a.handle(signal.ClientMessage{Type: signal.TrackSet, Source: signal.Screen, Active: true})
	}
	s.room.SetRules(meeting.Rules{ShareReplaces: true})
	share(ada)
	mid := ben.awaitSlot(ada, signal.Screen)
	share(ben)
	ada.awaitSlot(ben, signal.Screen)
	eventually(t, "Ada's screen was replaced", func() bool { return ben.Slots()[mid].Participant == "" })
	s.room.SetRules(meeting.Rules{Share: meeting.OrganizersShare})
	eventually(t, "the rule ends the share of a guest", func() bool { return ada.slotOf(ben, signal.Screen) == "" && len(s.peer(ben.id).Sources) == 0 })
	eventually(t, "Ben is told that it was a rule", func() bool {
		told := ben.Messages(signal.Moderated)
		return len(told) == 1 && told[0].Moderated.ByName == ""
	})
}

func TestModeratorStopsAShare(t *testing.T) {
	s := newStage(t, sfu.RoomConfig{})
	boss, ada, ben := s.enters("Boss", meeting.Organizer), s.join("Ada"), s.join("Ben")
	defer ada.openVideo(signal.Screen, 1, 1).film(t)()
	mid := ben.awaitSlot(ada, signal.Screen)
	boss.moderates(signal.ModerateStopShare, ada.id)
	eventually(t, "the screen is gone", func() bool { return ben.Slots()[mid].Participant == "" })
}

func TestHandsKeepTheirOrder(t *testing.T) {
	s := newStage(t, welcomed(sfu.RoomConfig{}))
	boss, ada, ben := s.enters("Boss", meeting.Organizer), s.enters("Ada", meeting.Guest), s.enters("Ben", meeting.Guest)
	raise := func(w *writer, up bool) { w.says(signal.ClientMessage{Type: signal.Hand, Active: up}) }
	raise(ben, true)
	raise(ada, true)
	raise(ben, true) // it is up already, and keeps its place
	raise(boss, true)
	hands := func(want ...*writer) func() bool {
		ids := []meeting.ParticipantID{}
		for _, w := range want {
			ids = append(ids, w.id)
		}
		return func() bool { return slices.Equal(ada.state().Hands, ids) }
	}
	eventually(t, "the hands are in order", hands(ben, ada, boss))
	if late := s.enters("Late", meeting.Guest); len(late.ofType(signal.Welcome)[0].Welcome.RoomState.Hands) != 3 {
		t.Error("a late joiner is not told of the hands")
	}
	boss.moderates(signal.ModerateLowerHand, ben.id)
	eventually(t, "Ben's hand is lowered", hands(ada, boss))
	if told := ben.ofType(signal.Moderated); len(told) != 1 || told[0].Moderated.ByName != "Boss" {
		t.Errorf("Ben was told %+v", told)
	}
	boss.seat.Leave("left")
	eventually(t, "who leaves has no hand up", hands(ada))
	raise(ada, false)
	eventually(t, "Ada lowered hers", hands())
}

func TestManyHandsAreOneMessage(t *testing.T) {
	s := newStage(t, welcomed(sfu.RoomConfig{}))
	ada := s.enters("Ada", meeting.Guest)
	for i := range 2000 {
		ada.says(signal.ClientMessage{Type: signal.Hand, Active: i%2 == 0})
	}
	ada.says(signal.ClientMessage{Type: signal.Hand, Active: true})
	eventually(t, "the hand is up", func() bool { return len(ada.state().Hands) == 1 })
	if n := len(ada.ofType(signal.Room)); n > 200 { // one in 100 ms
		t.Errorf("a flood of hands was told in %d messages", n)
	}
}

func TestChatReachesAllAndThoseWhoComeLate(t *testing.T) {
	s := newStage(t, welcomed(sfu.RoomConfig{}))
	ada, ben := s.enters("Ada", meeting.Guest), s.enters("Ben", meeting.Guest)
	if n := ada.ofType(signal.Welcome)[0].Welcome.Chat; n != 0 {
		t.Errorf("an empty chat begins with %d", n)
	}
	ada.writes("bonjour\r\n<b>à tous</b>")
	ben.writes("salut\u202e\u0007")
	want := []string{"bonjour\n<b>à tous</b>", "salut"}
	for _, w := range []*writer{ada, ben} {
		if got := w.read(); !slices.Equal(got, want) {
			t.Errorf("somebody read %q", got)
		}
	}
	said := ben.ofType(signal.Chat)[0].Chat[0]
	if said.Participant != ada.id || said.Name != "Ada" || said.AtUnixMS == 0 || said.ID == 0 {
		t.Errorf("Ada's message is %+v", said)
	}
	ada.seat.Leave("left")
	late := s.enters("Late", meeting.Guest)
	if got := late.read(); !slices.Equal(got, want) {
		t.Errorf("who came late read %q", got)
	}
	if last := ben.ofType(signal.Chat)[1].Chat[0].ID; late.ofType(signal.Welcome)[0].Welcome.Chat != last {
		t.Error("the welcome does not say where the history ends")
	}
	if all := late.all(); all[0].Type != signal.Welcome {
		t.Errorf("the first message is %s", all[0].Type)
	}
}

func TestChatIsLimited(t *testing.T) {
	s := newStage(t, sfu.RoomConfig{})
	eve, window, ada := s.enters("Eve", meeting.Guest), s.enters("Eve", meeting.Guest), s.enters("Ada", meeting.Guest)
	for range 40 {
		eve.writes("flood")
		window.writes("flood")
	}
	if n := len(ada.read()); n < 10 || n > 20 {
		t.Errorf("%d messages of a flood of 80 came through", n)
	}
	if got := eve.faults(); len(got) == 0 || got[0] != signal.CodeChatTooFast {
		t.Errorf("who floods was told %v", got)
	}
	ada.writes("still here")
	if got := eve.read(); got[len(got)-1] != "still here" {
		t.Error("a flood silenced somebody else")
	}
	if len(eve.gone()) > 0 {
		t.Error("who writes too fast was thrown out")
	}
}

func TestReactionsReachAllForAMomentOnly(t *testing.T) {
	s := newStage(t, welcomed(sfu.RoomConfig{}))
	ada, ben := s.enters("Ada", meeting.Guest), s.enters("Ben", meeting.Guest)
	for range 20 {
		ada.says(signal.ClientMessage{Type: signal.React, Emoji: signal.Emojis[0]})
	}
	ben.says(signal.ClientMessage{Type: signal.React, Emoji: signal.Emojis[5]})
	for _, w := range []*writer{ada, ben} {
		all := w.ofType(signal.Reaction)
		if n := len(all); n < 2 || n > 5 { // three of Ada's twenty at one moment, and perhaps one of the next second
			t.Fatalf("somebody saw %d reactions", n)
		}
		if first, last := all[0], all[len(all)-1]; first.Participant != ada.id || first.Emoji != "👍" || last.Participant != ben.id || last.Emoji != "🎉" {
			t.Errorf("somebody saw %+v", all)
		}
	}
	if late := s.enters("Late", meeting.Guest).ofType(signal.Reaction); len(late) > 0 {
		t.Errorf("who came late saw %+v", late)
	}
	if len(ada.gone())+len(ada.faults()) > 0 {
		t.Error("who claps too fast is bothered")
	}
}

func TestMeetingThatEndsForgetsItsChat(t *testing.T) {
	s := newStage(t, welcomed(sfu.RoomConfig{}))
	s.enters("Ada", meeting.Guest).writes("between us")
	s.room.Close()
	room := s.node.NewRoom(welcomed(sfu.RoomConfig{Meeting: meeting.NewID()}))
	book := &notebook{}
	if _, err := room.Join(meeting.Person{Participant: "p1", Person: "Ada"}, book); err != nil {
		t.Fatal(err)
	}
	if got := book.read(); len(got) > 0 {
		t.Errorf("the next meeting reads %q", got)
	}
}

// notes are the events of a room's life.
type notes struct {
	events
	mu    sync.Mutex
	done  []sfu.Moderation
	doors []meeting.Door
}

func (n *notes) Moderated(m sfu.Moderation) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.done = append(n.done, m)
}

func (n *notes) DoorChanged(d meeting.Door) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.doors = append(n.doors, d)
}

func TestOwnerIsToldWhatModeratorsDo(t *testing.T) {
	told := &notes{events: events{left: make(chan string, 10)}}
	s := newStage(t, sfu.RoomConfig{Events: told})
	boss, eve := s.enters("Boss", meeting.Organizer), s.enters("Eve", meeting.Guest)
	boss.moderates(signal.ModerateLock, "")
	boss.moderates(signal.ModerateRemove, eve.id)
	boss.moderates(signal.ModerateRemove, eve.id) // fails
	told.mu.Lock()
	defer told.mu.Unlock()
	want := []sfu.Moderation{
		{By: boss.id, Action: signal.ModerateLock}, {By: boss.id, Action: signal.ModerateRemove, Participant: eve.id},
	}
	if !slices.Equal(told.done, want) {
		t.Errorf("the owner heard %+v", told.done)
	}
	if len(told.doors) != 2 || !told.doors[1].Locked || !slices.Equal(told.doors[1].Removed, []meeting.PersonID{"Eve"}) {
		t.Errorf("the door was %+v", told.doors)
	}
	if strings.Contains(fmt.Sprint(told.done), "Boss") {
		t.Error("a name is in what goes to the audit")
	}
}
