package listen

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"souffleur/internal/meeting"
)

// forgetAfter is how long after its end a meeting is remembered: longer than audio is kept on the bus.
const forgetAfter = 30 * time.Minute

// Roster is what the events of meetings say about who may be recognised. It is safe for concurrent use.
type Roster struct {
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
	tracks map[meeting.TrackID]meeting.Track
	heads  map[meeting.ParticipantID]int // of those who joined as a room: how many they are, 0: not known
	left   map[meeting.ParticipantID]bool
	optOut map[meeting.ParticipantID]optOut
}

// optOut is somebody's wish not to be transcribed.
type optOut struct {
	out bool
	at  int64 // room clock ms of the last time it began
}

// NewRoster returns one that has heard nothing yet.
func NewRoster() *Roster {
	return &Roster{meetings: make(map[meeting.ID]*attendance), watchers: make(map[chan struct{}]bool)}
}

// Watch returns a channel that gets a value after changes, and the function that ends it. Changes while a value waits
// are not told apart.
func (r *Roster) Watch() (<-chan struct{}, func()) {
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

// Apply takes the next event of a meeting.
func (r *Roster) Apply(e *meeting.Event, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	m := r.meetings[e.Meeting]
	if m == nil {
		m = &attendance{
			tracks: make(map[meeting.TrackID]meeting.Track),
			heads:  make(map[meeting.ParticipantID]int),
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
		m.tracks[e.Track.Track] = *e.Track
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
	case e.Type == meeting.EventHeadcount && e.RoomMic:
		m.heads[e.Participant] = min(max(e.Headcount, 0), meeting.MaxHeadcount)
	case e.Type == meeting.EventHeadcount:
		delete(m.heads, e.Participant)
	case e.Type == meeting.EventLeft:
		m.left[e.Participant] = true
	case e.Type == meeting.EventEnded:
		m.ended, m.endAt = true, m.began.Add(time.Duration(e.At)*time.Millisecond)
	}
}

// pruneLocked forgets meetings that ended long ago.
func (r *Roster) pruneLocked(now time.Time) {
	for id, m := range r.meetings {
		if m.ended && now.Sub(m.endAt) > forgetAfter {
			delete(r.meetings, id)
		}
	}
}

// Standing is what the roster says of a track.
type Standing struct {
	Known   bool // the track was announced
	Speaker meeting.ParticipantID
	Over    bool // nothing more will be recorded: the meeting ended, or the participant left
	Langs   []string
	Terms   []string // the room's glossary
	Engines meeting.Engines
	Closed  bool  // must not be recognised now
	Since   int64 // room clock ms: what was said before must not be recognised, however late it is read

	Began     time.Time // the meeting did; zero: not known
	Ended     bool      // the meeting did
	OptOut    bool      // the speaker does not want to be transcribed
	Screen    bool      // the sound of a shared screen
	RoomMic   bool      // several people share the speaker's microphone
	Headcount int       // how many, if RoomMic; 0: not known
	OneVoice  bool      // voices are not to be told apart
}

// May says whether speech at room clock ms at may become text.
func (s Standing) May(at int64) bool { return s.Known && !s.Closed && at >= s.Since }

// Of returns the standing of a track.
func (r *Roster) Of(id meeting.ID, track meeting.TrackID) Standing {
	r.mu.Lock()
	defer r.mu.Unlock()
	m := r.meetings[id]
	if m == nil {
		return Standing{}
	}
	t, known := m.tracks[track]
	speaker := t.Participant
	wish := m.optOut[speaker]
	s := Standing{Known: known, Speaker: speaker, Over: m.ended || m.left[speaker], Closed: wish.out, Since: max(m.offAt, wish.at)}
	s.Began, s.Ended, s.OptOut, s.Screen = m.began, m.ended, wish.out, t.Screen
	s.Headcount, s.RoomMic = m.headcount(speaker)
	if m.policy != nil {
		s.OneVoice = m.policy.OneVoice
		s.Langs, s.Terms = slices.Clone(m.policy.Langs), slices.Clone(m.policy.Glossary)
		s.Engines = m.policy.Engines
		s.Closed = s.Closed || m.policy.Level == meeting.Off
	}
	return s
}

// Microphones returns the tracks of a participant that are no shared screens, by their IDs.
func (r *Roster) Microphones(id meeting.ID, p meeting.ParticipantID) []meeting.Track {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []meeting.Track
	if m := r.meetings[id]; m != nil {
		for _, t := range m.tracks {
			if t.Participant == p && !t.Screen {
				out = append(out, t)
			}
		}
	}
	slices.SortFunc(out, func(a, b meeting.Track) int { return strings.Compare(string(a.Track), string(b.Track)) })
	return out
}

// Await returns the standing of a track, and waits a while for one that is not announced yet: events and audio travel on different
// topics. Its only error is that of ctx.
func (r *Roster) Await(ctx context.Context, id meeting.ID, track meeting.TrackID, atMost time.Duration) (Standing, error) {
	if s := r.Of(id, track); s.Known {
		return s, nil
	}
	changed, unwatch := r.Watch()
	defer unwatch()
	timer := time.NewTimer(atMost)
	defer timer.Stop()
	for {
		s := r.Of(id, track)
		if s.Known {
			return s, nil
		}
		select {
		case <-changed:
		case <-timer.C:
			return s, nil
		case <-ctx.Done():
			return s, ctx.Err()
		}
	}
}

// headcount returns how many people share a microphone, 0 if that is not known, and whether several do.
func (m *attendance) headcount(p meeting.ParticipantID) (n int, shared bool) {
	n, shared = m.heads[p]
	return n, shared
}

// Engines returns what was chosen for a meeting.
func (r *Roster) Engines(id meeting.ID) meeting.Engines {
	r.mu.Lock()
	defer r.mu.Unlock()
	if m := r.meetings[id]; m != nil && m.policy != nil {
		return m.policy.Engines
	}
	return meeting.Engines{}
}

// Live returns the meetings whose captions are on.
func (r *Roster) Live() []meeting.ID {
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
