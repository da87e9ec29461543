package sfu

import (
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"souffleur/internal/meeting"
	"souffleur/internal/signal"
	"souffleur/sfu/levels"
	"souffleur/sfu/load"
)

const (
	// roomMailbox bounds what waits for a room's goroutine: 150 people who all act at once. Members wait when it is full.
	roomMailbox = 1024
	// tick is how often the room looks at who talks, and at everything else that only time brings.
	tick = 100 * time.Millisecond
	// maxLeft bounds the roster entries of those who have left; the oldest are forgotten. A welcome must stay below
	// signal.MaxMessage.
	maxLeft = 100
)

// Room is the live side of a room, from the first join to the end of the meeting. Its methods may be called from any
// goroutine, but see Events and AudioListener for those that call back.
type Room struct {
	mailbox
	node   *Node // set once, as all down to quit
	config RoomConfig
	log    *slog.Logger
	quit   chan struct{}

	closing    sync.Once
	members    sync.WaitGroup // the members' goroutines
	background sync.WaitGroup // closing peer connections; a member adds before its goroutine ends

	audience atomic.Pointer[[]*member]     // those present, for the caption path
	roster   atomic.Pointer[[]signal.Peer] // as Peers returns it
	moved    atomic.Bool                   // a slot has gone over to another layer

	waitingCount atomic.Int32 // as Waiting returns it

	// Below: the room's goroutine only.
	entries map[meeting.ParticipantID]*entry
	order   []*entry // in order of joining, those who left included
	tracks  []*track // in order of starting
	mics    *levels.Seats[*track]
	ears    []AudioListener
	layout  layout
	shed    load.State // what is given up here; follows the node

	// How people live together: also of the room's goroutine only.
	rules        meeting.Rules
	door         meeting.Door
	known        map[meeting.PersonID]bool // who has been in this meeting; as many as came
	waiting      []*waiter                 // at the door, in order of coming
	refused      map[meeting.PersonID]time.Time
	organized    bool                  // an organizer is present
	sharer       meeting.ParticipantID // who shares a screen; empty: nobody
	hands        hands
	chat         *chat
	reactions    *reactions
	stateStale   bool // everybody must be told of the state at the next tick
	waitingStale bool // organizers must
}

// entry is a place in the roster.
type entry struct {
	person     meeting.PersonID
	peer       signal.Peer
	m          *member            // nil: left
	slots      []*slot            // of the present downlink; nil: none yet
	carried    []*track           // what each slot carries
	aims       []aim              // what each slot sends of it
	told       []signal.MediaSlot // what the client knows of each slot
	moved      bool               // slots send something else since the last distribute
	view       view
	nextView   view // waits for viewInterval to pass; nil: none
	viewedAt   time.Time
	media      string // name of the peer connections that the newest welcome announced
	detachedAt time.Time
}

func newRoom(n *Node, config RoomConfig) *Room {
	r := &Room{
		mailbox: newMailbox(roomMailbox), node: n, config: config, log: config.Log.With("meeting", config.Meeting),
		quit: make(chan struct{}), entries: make(map[meeting.ParticipantID]*entry),
		mics:  levels.NewSeats[*track](config.Slots.Mic),
		rules: config.Rules, door: config.Door, known: make(map[meeting.PersonID]bool),
		refused: make(map[meeting.PersonID]time.Time), chat: newChat(time.Now()), reactions: newReactions(),
	}
	for _, id := range config.Known {
		r.know(id)
	}
	r.audience.Store(&[]*member{})
	r.roster.Store(&[]signal.Peer{})
	return r
}

// run is the room's goroutine, until Close.
func (r *Room) run() {
	ticks := time.NewTimer(onBeat(tick))
	defer ticks.Stop()
	defer close(r.done)
	for {
		select {
		case <-r.quit:
			r.removeAll()
			return
		case f := <-r.posts:
			f()
		case <-ticks.C:
			ticks.Reset(onBeat(tick))
			r.tick(time.Now())
		}
	}
}

// Join takes a participant into the room: the others are told, the downlink is offered. p.Participant is a fresh ID, or
// the old one of somebody who comes back after a restart of the server. Someone who is in the room already is resumed.
// When there is a lobby, a newcomer waits: he gets no welcome but a signal.Waiting, what he sends has no effect until he is
// admitted, and RoomConfig.Seat and Events.Welcomed tell of that. MayEnter lists the errors.
func (r *Room) Join(p meeting.Person, s Signaller) (*Participant, error) {
	var joined *Participant
	err := ErrClosed
	r.do(func() { joined, err = r.join(p, s) })
	return joined, err
}

// Resume gives a participant a new signalling connection, after the old one was lost or in its place. All media starts
// anew: the client gets a downlink offer and publishes again. It returns ErrUnknownParticipant for one who has left.
func (r *Room) Resume(id meeting.ParticipantID, s Signaller) (*Participant, error) {
	return r.Keep(id, "", s)
}

// Keep is Resume for a client whose two peer connections are still there: those that the welcome with this
// signal.WelcomeInfo.Media began. The server's ends, slots, tracks and data channels go on if they are the same ones and
// not beyond repair; the new welcome says so. Connections that are not up wait for the client's ICE restart. Else it is Resume.
func (r *Room) Keep(id meeting.ParticipantID, media string, s Signaller) (*Participant, error) {
	var resumed *Participant
	err := ErrClosed
	r.do(func() {
		if e := r.entries[id]; e != nil && e.m != nil {
			resumed, err = r.resume(e, s, media), nil
		} else {
			err = ErrUnknownParticipant
		}
	})
	return resumed, err
}

// Peers returns the roster in order of joining, including those who have left. It may be called from anywhere.
func (r *Room) Peers() []signal.Peer { return slices.Clone(*r.roster.Load()) }

// Remove throws a participant out: his client gets a signal.Gone with code and message, and may not come back with its
// resume token as far as the room is concerned. It does not wait.
func (r *Room) Remove(id meeting.ParticipantID, code, message string) {
	r.post(func() {
		if e := r.entries[id]; e != nil && e.m != nil {
			e.m.tell(signal.ServerMessage{Type: signal.Gone, Code: code, Message: message})
			r.remove(e.m, code)
		}
	})
}

// SetRole changes a participant's role in the roster. It does not wait.
func (r *Room) SetRole(id meeting.ParticipantID, role meeting.Role) {
	r.post(func() {
		if e := r.entries[id]; e != nil && e.peer.Role != role {
			e.peer.Role, r.stateStale = role, true
			r.changed(e)
		}
	})
}

// Broadcast sends a message to everybody who is connected. It does not wait. What it says is either in a newcomer's
// welcome already or reaches him after it.
func (r *Room) Broadcast(message signal.ServerMessage) {
	if !r.post(func() { r.tellAll(message) }) {
		r.tellAll(message) // a room that busy loses the order, not the message
	}
}

func (r *Room) tellAll(message signal.ServerMessage) {
	for _, m := range *r.audience.Load() {
		m.tell(message)
	}
}

// Listen adds a hidden listener to all audio, present and future. When stop has returned, nothing is delivered any more;
// the tracks that had not ended get no AudioEnded. After Close both do nothing.
func (r *Room) Listen(l AudioListener) (stop func()) {
	r.do(func() {
		r.ears = append(slices.Clone(r.ears), l)
		for _, t := range r.tracks {
			r.introduce(t, l)
		}
		r.wire()
	})
	return func() {
		r.do(func() {
			r.ears = slices.DeleteFunc(slices.Clone(r.ears), func(e AudioListener) bool { return e == l })
			r.wire()
		})
	}
}

// introduce announces an audio track to one listener.
func (r *Room) introduce(t *track, l AudioListener) {
	if !t.audio {
		return
	}
	l.AudioStarted(t.description())
	if !t.active.Load() {
		l.AudioMuted(t.id, true)
	}
}

// wire gives all audio tracks the present listeners.
func (r *Room) wire() {
	for _, t := range r.tracks {
		if t.audio {
			t.listenWith(r.ears)
		}
	}
}

// Close ends the room: everybody is removed, listeners get their AudioEnded, and all goroutines have ended when it
// returns. Clients are not told why; Broadcast a signal.Gone before.
func (r *Room) Close() {
	r.closing.Do(func() { close(r.quit) })
	<-r.done
	r.members.Wait()
	r.background.Wait()
	r.node.forget(r)
}

func (r *Room) removeAll() {
	for _, e := range slices.Clone(r.order) { // remove changes it
		if e.m != nil {
			r.remove(e.m, "closed")
		}
	}
	for _, w := range slices.Clone(r.waiting) { // dropWaiter changes it
		r.dropWaiter(w, "closed")
	}
}

// tick does what time brings.
func (r *Room) tick(now time.Time) {
	for _, e := range slices.Clone(r.order) { // remove changes it
		if e.m != nil && !e.detachedAt.IsZero() && now.Sub(e.detachedAt) > r.config.ResumeWindow {
			r.remove(e.m, "lost")
		}
	}
	r.tickLobby(now)
	r.showState()
	for _, e := range r.order {
		r.turnPage(e, now)
	}
	r.follow(now)
	r.followLoad()
	if r.mics.Update(now, r.microphones(now)) {
		r.seat()
	}
}

func (r *Room) microphones(now time.Time) []levels.Microphone[*track] {
	var list []levels.Microphone[*track]
	for _, t := range r.tracks {
		if t.source == signal.Mic && t.active.Load() {
			list = append(list, levels.Microphone[*track]{Key: t, Loudness: t.meter.Loudness(now)})
		}
	}
	return list
}

// startTrack makes a track known and returns when listeners and slots are ready for it. It returns false if its
// participant is gone.
func (r *Room) startTrack(t *track) bool {
	started := false
	r.do(func() {
		if e := r.entries[t.owner]; e == nil || e.m == nil {
			return
		}
		started = true
		r.tracks = append(r.tracks, t)
		if t.audio {
			for _, l := range r.ears {
				r.introduce(t, l)
			}
			t.listenWith(r.ears)
		}
		r.reseat()
	})
	return started
}

// endTrack takes a track out of the room.
func (r *Room) endTrack(t *track) {
	r.do(func() { r.dropTracks(func(o *track) bool { return o == t }) })
}

// dropTracks ends the tracks that gone selects.
func (r *Room) dropTracks(gone func(*track) bool) {
	var ended []*track
	r.tracks = slices.DeleteFunc(slices.Clone(r.tracks), func(t *track) bool {
		if !gone(t) {
			return false
		}
		ended = append(ended, t)
		return true
	})
	if len(ended) == 0 {
		return
	}
	r.reseat()
	for _, t := range ended {
		t.retire()
		r.forgetTrack(t)
		if !t.audio {
			continue
		}
		t.listenWith(nil)
		for _, l := range r.ears {
			l.AudioEnded(t.id)
		}
	}
}

// forgetTrack frees the memory that slots hold for repairs.
func (r *Room) forgetTrack(t *track) {
	for _, e := range r.order {
		for _, s := range e.slots {
			s.forget(t)
		}
	}
}

// trackActive follows a mute or unmute, which the packet path knows already. A moderator's mute may have come between.
func (r *Room) trackActive(t *track) {
	r.do(func() {
		if slices.Contains(r.tracks, t) {
			if t.audio {
				t.noteMuted(!t.active.Load())
			}
			r.reseat()
		}
	})
}

// reseat is seat after a change of the tracks.
func (r *Room) reseat() {
	now := time.Now()
	r.mics.Update(now, r.microphones(now))
	r.seat()
}
