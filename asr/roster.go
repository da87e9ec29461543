package asr

import (
	"slices"
	"sync"
	"time"

	"souffleur/internal/meeting"
)

// forgetAfter is how long after its end a meeting is remembered: longer than audio is kept on the bus.
const forgetAfter = 30 * time.Minute

// roster is what the events of meetings say about who may be recognised. It is safe for concurrent use.
type roster struct {
	mu       sync.Mutex // guards what follows
	meetings map[meeting.ID]*attendance
	watchers map[chan struct{}]bool
}

// attendance is one meeting of the roster.
type attendance struct {
	began  time.Time
	policy *meeting.Policy
	offAt  int64 // room clock ms of the last switch to off: what was said before and not yet written stays unwritten
	ended  bool
	endAt  time.Time
	tracks map[meeting.TrackID]meeting.ParticipantID
	left   map[meeting.ParticipantID]bool
	optOut map[meeting.ParticipantID]optOut
}

// optOut is somebody's wish not to be transcribed.
type optOut struct {
	out bool
	at  int64 // room clock ms of the last time it began
}

func newRoster() *roster {
	return &roster{meetings: make(map[meeting.ID]*attendance), watchers: make(map[chan struct{}]bool)}
}

// watch returns a channel that gets a value after changes, and the function that ends it. Changes while a value waits
// are not told apart.
func (r *roster) watch() (<-chan struct{}, func()) {
	c := make(chan struct{}, 1)
	r.mu.Lock()
	r.watchers[c] = true
	r.mu.Unlock()
	return c, func() {
		r.mu.Lock()
		delete(r.watchers, c)
		r.mu.Unlock()
	}
}

// apply takes the next event of a meeting.
func (r *roster) apply(e *meeting.Event, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	m := r.meetings[e.Meeting]
	if m == nil {
		m = &attendance{
			tracks: make(map[meeting.TrackID]meeting.ParticipantID),
			left:   make(map[meeting.ParticipantID]bool),
			optOut: make(map[meeting.ParticipantID]optOut),
		}
		r.meetings[e.Meeting] = m
	}
	m.apply(e)
	if e.Type == meeting.EventForget {
		delete(r.meetings, e.Meeting)
	}
	r.pruneLocked(now)
	for c := range r.watchers {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}

func (m *attendance) apply(e *meeting.Event) {
	switch {
	case e.Type == meeting.EventStarted && e.Started != nil:
		m.began = time.UnixMilli(e.Started.BeganUnixMS)
	case e.Type == meeting.EventTrack && e.Track != nil:
		m.tracks[e.Track.Track] = e.Track.Participant
	case e.Type == meeting.EventPolicy && e.Policy != nil:
		if m.policy = e.Policy; e.Policy.Level == meeting.Off {
			m.offAt = max(m.offAt, e.At, e.Policy.AtMS)
		}
	case e.Type == meeting.EventOptOut:
		o := optOut{out: e.OptOut, at: m.optOut[e.Participant].at}
		if e.OptOut {
			o.at = e.At
		}
		m.optOut[e.Participant] = o
	case e.Type == meeting.EventJoined && e.Person != nil:
		delete(m.left, e.Person.Participant)
	case e.Type == meeting.EventLeft:
		m.left[e.Participant] = true
	case e.Type == meeting.EventEnded:
		m.ended, m.endAt = true, m.began.Add(time.Duration(e.At)*time.Millisecond)
	}
}

// pruneLocked forgets meetings that ended long ago.
func (r *roster) pruneLocked(now time.Time) {
	for id, m := range r.meetings {
		if m.ended && now.Sub(m.endAt) > forgetAfter {
			delete(r.meetings, id)
		}
	}
}

// standing is what the roster says of a track.
type standing struct {
	known   bool // the track was announced
	speaker meeting.ParticipantID
	over    bool // nothing more will be recorded: the meeting ended, or the participant left
	langs   []string
	terms   []string // the room's glossary
	engines meeting.Engines
	closed  bool  // must not be recognised now
	since   int64 // room clock ms: what was said before must not be recognised, however late it is read
}

// may says whether speech at room clock ms at may become text.
func (s standing) may(at int64) bool { return s.known && !s.closed && at >= s.since }

// of returns the standing of a track.
func (r *roster) of(id meeting.ID, track meeting.TrackID) standing {
	r.mu.Lock()
	defer r.mu.Unlock()
	m := r.meetings[id]
	if m == nil {
		return standing{}
	}
	speaker, known := m.tracks[track]
	wish := m.optOut[speaker]
	s := standing{known: known, speaker: speaker, over: m.ended || m.left[speaker], closed: wish.out, since: max(m.offAt, wish.at)}
	if m.policy != nil {
		s.langs, s.terms = slices.Clone(m.policy.Langs), slices.Clone(m.policy.Glossary)
		s.engines = m.policy.Engines
		s.closed = s.closed || m.policy.Level == meeting.Off
	}
	return s
}

// engines returns what was chosen for a meeting.
func (r *roster) engines(id meeting.ID) meeting.Engines {
	r.mu.Lock()
	defer r.mu.Unlock()
	if m := r.meetings[id]; m != nil && m.policy != nil {
		return m.policy.Engines
	}
	return meeting.Engines{}
}

// live returns the meetings whose captions are on.
func (r *roster) live() []meeting.ID {
	r.mu.Lock()
	defer r.mu.Unlock()
	var ids []meeting.ID
	for id, m := range r.meetings {
		if !m.ended && m.policy != nil && m.policy.Level != meeting.Off {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}
