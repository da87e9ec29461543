package node

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"souffleur/bot"
	"souffleur/internal/bus"
	"souffleur/internal/meeting"
	"souffleur/internal/seal"
	"souffleur/internal/signal"
	"souffleur/sfu"
	"souffleur/storage"
	"souffleur/web"
)

// live is one meeting that is going on. Its SFU room, recorder and outbox have goroutines of their own; what joins them
// is below mu.
type live struct {
	n        *Node          // set once
	id       meeting.ID     // set once
	room     meeting.RoomID // set once
	roomName string         // set once
	began    time.Time      // set once
	key      seal.Key       // set once
	media    *sfu.Room      // set once
	recorder *bot.Recorder  // set once
	outbox   *outbox        // set once; events to Kafka, in order
	keeper   *keeper        // set once; writes meeting.json
	scribe   *scribe        // set once; writes what organizers do to the audit
	prompt   *prompt        // set once; captions to readers
	desk     *desk          // set once; captions that people type
	voices   *voices        // set once; who speaks at shared microphones
	log      *slog.Logger   // set once
	unlisten func()         // set once
	labels   sync.Mutex     // guards nothing: a final and what is known of its speakers are shown one after the other. Taken first
	e2ee     bool           // set once; nobody listens here

	mu       sync.Mutex // guards what follows; nothing of another package is called while it is held
	policy   meeting.Policy
	policies []meeting.Policy
	people   []meeting.Person // everybody who has joined, in order
	tracks   []meeting.Track  // audio tracks that were announced, in order
	sessions map[meeting.ParticipantID]*session
	claims   map[meeting.ParticipantID]claims // of those present, for their resume tokens
	present  map[meeting.ParticipantID]bool   // joined and not yet left; also while their socket is lost
	empty    time.Time                        // since when nobody is present
	worker   meeting.Status                   // what a recogniser said last
	workerAt time.Time
	onSince  time.Time      // when captions were switched on
	shown    meeting.Status // what everybody sees
	// heard says when somebody's last caption came. Those of long ago go when capacity is asked for; there are no more than people.
	heard map[meeting.ParticipantID]time.Time

	organizers []meeting.PersonID // of the room, its owner included
	door       meeting.Door

	latePrivate bool // who comes late reads nothing of before; a rule of the room

	consents []meeting.Consent // what each participant knew of the AI; at most one for each of its levels
}

func newLive(n *Node, room storage.Room, doc storage.Meeting, policy meeting.Policy, key seal.Key) *live {
	l := &live{
		n: n, id: doc.ID, room: doc.Room, roomName: doc.RoomName, began: time.UnixMilli(doc.BeganUnixMS), key: key,
		log:    n.deps.Log.With("meeting", doc.ID, "room", doc.Room),
		policy: policy, e2ee: policy.E2EE, unlisten: func() {},
		policies: slices.Clone(doc.Policies), people: slices.Clone(doc.People), tracks: slices.Clone(doc.Tracks),
		sessions: make(map[meeting.ParticipantID]*session), present: make(map[meeting.ParticipantID]bool),
		claims: make(map[meeting.ParticipantID]claims), heard: make(map[meeting.ParticipantID]time.Time),
		empty: time.Now(), onSince: time.Now(), organizers: organizersOf(room), door: doc.Door,
		consents: slices.Clone(doc.Consents), latePrivate: room.Rules.LatePrivate,
	}
	l.shown = meeting.Status{State: meeting.StateOff}
	if policy.Level > meeting.Off {
		l.shown.State = meeting.StateStarting
	}
	l.media = n.deps.SFU.NewRoom(sfu.RoomConfig{
		Meeting: doc.ID, Events: l, Log: n.deps.Log.With("room", doc.Room), MaxParticipants: n.cfg.MaxPeople, Welcome: l.welcome,
		Rules: room.Rules, Door: doc.Door, Known: personsOf(doc.People), Seat: l.seat, Hold: l.hold,
	})
	l.scribe = newScribe(n.deps.Audit, l.log)
	l.outbox = newOutbox(n.deps.Bus, doc, key, l.log)
	l.keeper = newKeeper(n.deps.Meetings, l)
	l.prompt = newPrompt(l.media, n.cfg.History)
	l.desk = newDesk(l)
	l.voices = newVoices()
	l.voices.set(policy.OneVoice)
	l.recorder = bot.NewRecorder(bot.RecorderConfig{
		Meeting: doc.ID, Began: l.began, Key: key, Bus: n.deps.Bus, Log: l.log,
		Announce: l.announceTrack, JoinIndex: l.order,
	})
	if !l.e2ee {
		l.unlisten = l.media.Listen(l.recorder)
	}
	return l
}

// personsOf are those who have been in the meeting.
func personsOf(people []meeting.Person) []meeting.PersonID {
	ids := make([]meeting.PersonID, len(people))
	for i, p := range people {
		ids[i] = p.Person
	}
	return ids
}

// now is the room clock.
func (l *live) now() int64 { return time.Since(l.began).Milliseconds() }

// post queues an event for meetings.v1; then is called once Kafka has it, and may be nil.
func (l *live) post(e meeting.Event, then func()) {
	e.V, e.Meeting, e.Room, e.At = meeting.EventVersion, l.id, l.room, l.now()
	l.outbox.post(e, then)
}

// announceTrack tells recognisers whose words a track carries, before its first audio. It waits for Kafka.
func (l *live) announceTrack(ctx context.Context, t meeting.Track) error {
	l.noteTrack(t)
	done := make(chan struct{})
	l.post(meeting.Event{Type: meeting.EventTrack, Participant: t.Participant, Track: &t}, func() { close(done) })
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// noteTrack writes down whose track it is, for who wants to hear it later, or wants it deleted.
func (l *live) noteTrack(t meeting.Track) {
	l.mu.Lock()
	known := slices.Contains(l.tracks, t) // announcing is tried until it works
	if !known {
		l.tracks = append(l.tracks, t)
	}
	l.mu.Unlock()
	if !known {
		l.keeper.save()
	}
}

// order returns a participant's join index, which spreads tracks over partitions and colours over speakers.
func (l *live) order(p meeting.ParticipantID) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	if i := l.indexLocked(p); i >= 0 {
		return l.people[i].Order
	}
	return 0
}

func (l *live) indexLocked(p meeting.ParticipantID) int {
	return slices.IndexFunc(l.people, func(q meeting.Person) bool { return q.Participant == p })
}

// setPolicy applies a policy. A lower level, and keeping no audio, act on the recorder at once; more is done after
// recognisers have been told, so that they never hear audio they believe forbidden.
func (l *live) setPolicy(p meeting.Policy) {
	p.AtMS = l.now()
	l.mu.Lock()
	old := l.policy
	if p.SameSettings(old) {
		l.mu.Unlock()
		return
	}
	if p.SameListening(old) { // only what is allowed has changed, not what is done
		p.By, p.ByName, p.AtMS = old.By, old.ByName, old.AtMS
	}
	l.policy = p
	l.policies = append(l.policies, p)
	for id := range l.present {
		l.tellLocked(id, p)
	}
	if old.Level == meeting.Off {
		l.onSince, l.worker, l.workerAt = time.Now(), meeting.Status{}, time.Time{}
	}
	l.mu.Unlock()

	if !p.KeepAudio {
		l.recorder.SetKeepAudio(false)
	}
	if p.Level < old.Level {
		l.recorder.SetLevel(p.Level)
	}
	if p.Level == meeting.Off {
		l.prompt.silence()
	}
	l.voices.set(p.OneVoice)
	l.showPolicy()
	l.announcePolicy(p)
	l.keeper.save()
	l.log.Info("AI level", "level", p.Level, "ceiling", p.Ceiling, "keep_audio", p.KeepAudio)
}

// announcePolicy tells recognisers and archiver what has changed, then lets the recorder follow.
func (l *live) announcePolicy(p meeting.Policy) {
	l.postPolicy(meeting.Event{Type: meeting.EventPolicy, Policy: &p})
}

// restatePolicy does the same with a policy that nobody has changed.
func (l *live) restatePolicy(p meeting.Policy) {
	l.postPolicy(meeting.Event{Type: meeting.EventPolicy, Policy: &p, Restated: true})
}

func (l *live) postPolicy(e meeting.Event) {
	p := *e.Policy
	l.post(e, func() {
		l.mu.Lock()
		now := l.policy // it may have changed again meanwhile
		l.mu.Unlock()
		if now.Level == p.Level {
			l.recorder.SetLevel(now.Level)
		}
		if now.SameListening(p) {
			l.recorder.SetKeepAudio(now.KeepAudio)
		}
	})
}

// ParticipantLeft implements the SFU's events: a participant is gone for good, or waits no more.
func (l *live) ParticipantLeft(id meeting.ParticipantID, _ string) {
	l.mu.Lock()
	was := l.present[id]
	delete(l.present, id)
	delete(l.sessions, id)
	delete(l.claims, id)
	if len(l.present) == 0 {
		l.empty = time.Now()
	}
	l.mu.Unlock()
	if !was {
		return
	}
	l.desk.leave(id)
	l.post(meeting.Event{Type: meeting.EventLeft, Participant: id}, nil)
}

// OptOut implements the SFU's events: a participant does not want to be transcribed, or wants it again.
func (l *live) OptOut(id meeting.ParticipantID, out bool) {
	l.recorder.SetOptOut(id, out)
	l.post(meeting.Event{Type: meeting.EventOptOut, Participant: id, OptOut: out}, nil)
	l.mu.Lock()
	if i := l.indexLocked(id); i >= 0 {
		l.people[i].OptOut = out
	}
	l.mu.Unlock()
	l.keeper.save()
}

// RosterChanged implements the SFU's events; the SFU has told the participants already.
func (l *live) RosterChanged([]signal.Peer) {}

// deserted says whether nobody has been in the meeting, nor waited at its door, for the grace period.
func (l *live) deserted(now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.present) == 0 && l.media.Waiting() == 0 && now.Sub(l.empty) > l.n.cfg.Grace
}

// end closes the meeting for good.
func (l *live) end(ctx context.Context) {
	l.unlisten()
	l.recorder.Close()
	l.desk.close()
	l.post(meeting.Event{Type: meeting.EventEnded}, nil)
	l.tellGone(signal.CodeEnded, "The meeting has ended.")
	l.media.Close()
	l.prompt.close()
	l.scribe.close()
	l.keeper.end(ctx, time.Now())
	l.outbox.close()
}

// suspend closes this process's side of the meeting: it goes on after a restart.
func (l *live) suspend() {
	l.unlisten()
	l.recorder.Close()
	l.desk.close()
	l.tellGone(signal.CodeShutdown, "The server restarts. You will be back in a moment.")
	l.media.Close()
	l.prompt.close()
	l.scribe.close()
	l.keeper.close()
	l.outbox.close()
}

func (l *live) tellGone(code, message string) {
	l.mu.Lock()
	outs := make([]web.Outbox, 0, len(l.sessions))
	for _, s := range l.sessions {
		outs = append(outs, s.out)
	}
	l.mu.Unlock()
	for _, out := range outs {
		sendTo(out, signal.ServerMessage{Type: signal.Gone, Code: code, Message: message})
	}
}

// sendTo ignores a closed connection: its end is told by Detach.
func sendTo(out web.Outbox, m signal.ServerMessage) { _ = out.Send(m) }

// LiveKey implements bot.Audience.
func (l *live) LiveKey() seal.Key { return l.key }

// level is the policy at this moment.
func (l *live) level() meeting.Level {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.policy.Level
}

// ShowPartial implements bot.Audience.
func (l *live) ShowPartial(c meeting.Caption, message []byte) {
	switch {
	case l.level() == meeting.Off:
	case c.Text == "":
		l.prompt.withdraw(c.Seg, message)
	default:
		l.hear(c.Spk, time.Now())
		l.prompt.partial(c.Seg, l.voices.partial(c, message))
	}
}

// ShowFinal implements bot.Audience. Finals that come after the AI was switched off are not shown.
func (l *live) ShowFinal(s meeting.Segment, messages [][]byte) {
	if l.level() != meeting.Off {
		l.hear(s.Spk, time.Now())
		l.n.delays.add(time.Now(), max(0, l.now()-s.T1))
		l.labels.Lock()
		defer l.labels.Unlock()
		s, messages = l.voices.final(s, messages, l.sharesMic(s.Spk.Participant()))
		l.prompt.final(s, messages)
	}
}

// remember takes up what was said before a restart, for late joiners.
func (l *live) remember(segments []meeting.Segment) {
	for _, s := range segments {
		if s.Quality != meeting.QualityGap {
			l.voices.final(s, nil, l.sharesMic(s.Spk.Participant())) // its speakers are known a moment later
			l.prompt.remember(s)
		}
	}
}

// WorkerStatus implements bot.Audience.
func (l *live) WorkerStatus(s meeting.Status) {
	l.mu.Lock()
	l.worker, l.workerAt = s, time.Now()
	l.mu.Unlock()
}

var (
	_ bot.Audience = (*live)(nil)
	_ bot.Follower = (*bus.Bus)(nil)
	_ sfu.Events   = (*live)(nil)
)
