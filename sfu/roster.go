package sfu

import (
	"slices"
	"time"

	"souffleur/internal/meeting"
	"souffleur/internal/signal"
)

// join runs on the room's goroutine, as all in this file but the three setters.
func (r *Room) join(p meeting.Person, s Signaller) (*Participant, error) {
	if e := r.entries[p.Participant]; e != nil && e.m != nil {
		return r.resume(e, s, ""), nil
	}
	if w := r.waiterOf(p.Participant); w != nil {
		return r.waitAgain(w, s), nil
	}
	if err := r.mayEnter(p); err != nil {
		return nil, err
	}
	if r.mustWait(p) {
		return r.wait(p, s)
	}
	return r.attach(r.seatPerson(p, newMember(r, p.Participant)), s, ""), nil
}

// seatPerson gives somebody a place in the roster and starts the member's goroutine.
func (r *Room) seatPerson(p meeting.Person, m *member) *entry {
	if r.config.Seat != nil {
		p = r.config.Seat(p)
	}
	r.know(p.Person)
	e := r.entries[p.Participant]
	if e == nil {
		e = &entry{}
		r.entries[p.Participant] = e
		r.order = append(r.order, e)
	}
	e.peer = signal.Peer{
		Participant: p.Participant, Name: p.Name, Role: p.Role, Order: p.Order, Sources: []string{}, OptOut: e.peer.OptOut || p.OptOut, Present: true,
		Captioner: p.Captioner, RoomMic: p.RoomMic, Headcount: p.Headcount,
	}
	e.m, e.person = m, p.Person
	e.detachedAt = time.Time{}
	r.publish()
	r.tellOthers(e, signal.ServerMessage{Type: signal.Joined, Peer: clonePeer(&e.peer)})
	r.members.Add(1)
	go func(m *member) {
		defer r.members.Done()
		m.run()
	}(e.m)
	r.log.Info("participant joined", "participant", p.Participant, "present", len(*r.audience.Load()))
	return e
}

// resume replaces the signalling connection of someone who is in the room. keep is as for Room.Keep; "": nothing is kept.
func (r *Room) resume(e *entry, s Signaller, keep string) *Participant {
	e.m.tell(signal.ServerMessage{Type: signal.Gone, Code: signal.CodeReplaced, Message: "this participant is connected elsewhere"})
	e.detachedAt = time.Time{}
	p := r.attach(e, s, keep)
	r.log.Info("participant resumed", "participant", e.m.id, "media_kept", keep != "" && e.media == keep)
	return p
}

// attach gives a participant a signalling connection. Its media goes on if keep names it and it can, else it starts anew.
func (r *Room) attach(e *entry, s Signaller, keep string) *Participant {
	p := &Participant{m: e.m, connection: e.m.connection.Add(1)}
	r.begin(e, &line{s}, keep)
	return p
}

// begin welcomes a participant on a signalling connection and goes on with his media, or starts it.
func (r *Room) begin(e *entry, client *line, keep string) {
	m := e.m
	kept := keep != "" && keep == e.media && m.holds(keep)
	if !kept {
		e.media = newMediaName()
	}
	media := e.media
	if r.config.Welcome != nil {
		w := r.config.Welcome(m.id, r.Peers())
		w.RoomState, w.Chat = r.stateNow(), r.chat.newest()
		w.Load = loadState(r.shed)
		w.Kept, w.Media, w.ICEServers = kept, media, r.node.iceServers(m.id)
		_ = client.Send(signal.ServerMessage{Type: signal.Welcome, Welcome: w})
	}
	m.line.Store(client)
	for _, piece := range r.chat.pieces() {
		m.tell(signal.ServerMessage{Type: signal.Chat, Chat: piece})
	}
	if len(r.waiting) > 0 && e.peer.Role >= meeting.Organizer {
		m.tell(signal.ServerMessage{Type: signal.Room, Room: r.stateFor(e, r.stateNow())})
	}
	r.config.Events.Welcomed(m.id, client.Signaller)
	if kept {
		r.introduceSlots(e)
	}
	if !m.post(func() { m.connect(client, media, kept) }) {
		r.log.Error("participant does not take its messages", "participant", m.id)
		r.remove(m, signal.CodeSlow)
	}
}

// detach notes that the signalling connection is gone; the tick removes the participant if it stays away.
func (r *Room) detach(m *member) {
	m.line.Store(nil)
	if e := r.entries[m.id]; e != nil && e.m == m {
		e.detachedAt = time.Now()
	}
	if w := r.waiterOf(m.id); w != nil && w.m == m {
		w.detachedAt = time.Now()
	}
}

// remove takes a participant out of the room for good. Its entry stays, so that late captions have a name.
func (r *Room) remove(m *member, reason string) {
	if w := r.waiterOf(m.id); w != nil && w.m == m {
		r.dropWaiter(w, reason)
		return
	}
	e := r.entries[m.id]
	if e == nil || e.m != m {
		return
	}
	e.m = nil
	e.take(nil)
	e.view, e.nextView = nil, nil
	e.peer.Present, e.peer.Sources = false, []string{}
	m.connection.Add(1)
	m.line.Store(nil)
	close(m.quit)
	r.dropTracks(func(t *track) bool { return t.owner == m.id })
	r.noteShare(m.id, nil)
	if r.hands.set(m.id, false) {
		r.stateStale = true
	}
	r.distribute()
	r.forgetOldest()
	r.publish()
	r.tellAll(signal.ServerMessage{Type: signal.Left, Participant: m.id})
	r.log.Info("participant left", "participant", m.id, "reason", reason, "present", len(*r.audience.Load()))
	r.config.Events.ParticipantLeft(m.id, reason)
}

// forgetOldest drops the oldest entries of those who left, above maxLeft.
func (r *Room) forgetOldest() {
	left := 0
	for _, e := range r.order {
		if e.m == nil {
			left++
		}
	}
	r.order = slices.DeleteFunc(r.order, func(e *entry) bool {
		if e.m != nil || left <= maxLeft {
			return false
		}
		left--
		delete(r.entries, e.peer.Participant)
		return true
	})
}

// publish renews what Peers and the caption path read.
func (r *Room) publish() {
	peers := make([]signal.Peer, 0, len(r.order))
	audience := make([]*member, 0, len(r.order))
	for _, e := range r.order {
		peers = append(peers, *clonePeer(&e.peer))
		if e.m != nil {
			audience = append(audience, e.m)
		}
	}
	r.roster.Store(&peers)
	r.audience.Store(&audience)
	r.noteOrganizers()
	r.config.Events.RosterChanged(peers)
}

// changed tells everybody of a changed entry.
func (r *Room) changed(e *entry) {
	r.publish()
	r.tellAll(signal.ServerMessage{Type: signal.Changed, Peer: clonePeer(&e.peer)})
}

func (r *Room) tellOthers(but *entry, message signal.ServerMessage) {
	for _, e := range r.order {
		if e != but && e.m != nil {
			e.m.tell(message)
		}
	}
}

// clonePeer copies an entry for other goroutines. Its list of sources is replaced, never changed.
func clonePeer(p *signal.Peer) *signal.Peer {
	c := *p
	return &c
}

// setSources notes what a participant sends now.
func (r *Room) setSources(m *member, sources []string) {
	r.do(func() {
		e := r.entries[m.id]
		if e == nil || e.m != m {
			return
		}
		r.noteShare(m.id, sources)
		if !slices.Equal(e.peer.Sources, sources) {
			e.peer.Sources = sources
			r.changed(e)
		}
	})
}

// setOptOut notes whether a participant wants to be transcribed. What follows from it is the business of Events.
func (r *Room) setOptOut(m *member, out bool) {
	r.do(func() {
		e := r.entries[m.id]
		if e != nil && e.m == m && e.peer.OptOut != out {
			e.peer.OptOut = out
			r.config.Events.OptOut(m.id, out)
			r.changed(e)
		}
	})
}

// seatSlots gives the room a participant's slots to fill, or takes them away with nil.
func (r *Room) seatSlots(m *member, slots []*slot) {
	r.do(func() {
		e := r.entries[m.id]
		if e == nil || e.m != m {
			return
		}
		e.take(slots)
		r.introduceSlots(e)
	})
}
