package node

import (
	"cmp"
	"slices"
	"strings"
	"sync"

	"souffleur/bot"
	"souffleur/internal/bus"
	"souffleur/internal/meeting"
	"souffleur/internal/signal"
	"souffleur/internal/voicebook"
	"souffleur/storage"
)

const (
	// maxLabelled bounds the finals of one shared microphone whose speakers may change; what was said before them stays as it is
	// until the end of the meeting.
	maxLabelled = 1024
	// maxUnshared is the same for a microphone at which nobody has said or heard that several people are: what is said in the minute
	// of speech that a probe takes. 32 kB of each who speaks.
	maxUnshared = 32
	// maxShownAgain bounds how many finals readers get again because their speakers have changed.
	maxShownAgain = 64
)

// voices says who speaks at the shared microphones of a meeting. It is safe for concurrent use.
type voices struct {
	mu    sync.Mutex                                  // guards what follows
	off   bool                                        // an admin does not want it
	books map[meeting.ParticipantID]*voicebook.Book   // of those with a shared microphone
	said  map[meeting.ParticipantID][]meeting.Segment // their finals as recognised, oldest first; see maxLabelled
	told  []signal.VoiceInfo                          // what readers know
}

func newVoices() *voices {
	return &voices{books: make(map[meeting.ParticipantID]*voicebook.Book), said: make(map[meeting.ParticipantID][]meeting.Segment)}
}

// partial returns the message of a partial with the voice that is heard; as it is where that is not known.
func (v *voices) partial(c meeting.Caption, message []byte) []byte {
	v.mu.Lock()
	defer v.mu.Unlock()
	b := v.books[c.Spk.Participant()]
	if b == nil || v.off || c.Spk.Captioner() {
		return message
	}
	c.Spk = b.Speaker(b.At(c.T0, c.T1))
	if messages := bot.Messages(c); len(messages) == 1 {
		return messages[0]
	}
	return message
}

// final returns a final as readers get it: cut where the voice changes. shared says that several people are at its microphone; of
// others the last finals are kept, too, because a probe may find later that there were two.
func (v *voices) final(s meeting.Segment, messages [][]byte, shared bool) (meeting.Segment, [][]byte) {
	p := s.Spk.Participant()
	v.mu.Lock()
	defer v.mu.Unlock()
	b := v.books[p]
	if v.off || s.Spk.Captioner() {
		return s, messages
	}
	most := maxLabelled
	if b == nil && !shared {
		most = maxUnshared
	}
	said := slices.DeleteFunc(v.said[p], func(old meeting.Segment) bool { return old.Seg == s.Seg && old.Rev < s.Rev })
	if !slices.ContainsFunc(said, func(old meeting.Segment) bool { return old.Seg == s.Seg }) {
		said = append(said, s)
	}
	v.said[p] = said[max(0, len(said)-most):]
	if b == nil {
		return s, messages
	}
	return labelled(b, s)
}

// labelled cuts a final by the voices of its microphone. Its revision rises with what is known of them, and with each version of
// its words: the same after a restart.
func labelled(b *voicebook.Book, s meeting.Segment) (meeting.Segment, [][]byte) {
	s.Rev += b.Rev() * meeting.FinalRev
	var messages [][]byte
	for _, part := range b.Divide(s) {
		messages = append(messages, bot.Messages(part.Caption)...)
	}
	return s, messages
}

// again is a final that may have other speakers than was thought.
type again struct {
	segment  meeting.Segment
	messages [][]byte
	send     bool
}

// take applies a record. It returns the finals that it is about, and what readers are to know of voices, nil if that is no news.
func (v *voices) take(r *meeting.Voices) (finals []again, tell []signal.VoiceInfo) {
	v.mu.Lock()
	defer v.mu.Unlock()
	b := v.books[r.Participant]
	if b == nil {
		b = voicebook.New(r.Participant)
		v.books[r.Participant] = b
	}
	from, changed := b.Apply(r)
	if !changed || v.off {
		return nil, nil
	}
	said := v.said[r.Participant]
	for i, s := range said {
		if r.Type == meeting.VoicesRenamed || s.T1 < from {
			continue
		}
		s, messages := labelled(b, s)
		finals = append(finals, again{s, messages, i >= len(said)-maxShownAgain})
	}
	if now := v.infoLocked(); !slices.Equal(now, v.told) {
		v.told, tell = now, now
		if tell == nil {
			tell = []signal.VoiceInfo{}
		}
	}
	return finals, tell
}

// known is what readers know of voices.
func (v *voices) known() []signal.VoiceInfo {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Clone(v.told)
}

func (v *voices) infoLocked() []signal.VoiceInfo {
	var out []signal.VoiceInfo
	for p, b := range v.books {
		for n, name := range b.Names() {
			out = append(out, signal.VoiceInfo{Participant: p, Voice: n, Name: name.Name})
		}
		for n, into := range b.Merged() {
			out = append(out, signal.VoiceInfo{Participant: p, Voice: n, SameAs: into})
		}
	}
	slices.SortFunc(out, func(a, b signal.VoiceInfo) int {
		return cmp.Or(strings.Compare(string(a.Participant), string(b.Participant)), cmp.Compare(a.Voice, b.Voice))
	})
	return out[:min(len(out), signal.MaxVoices)]
}

// heard says whether a voice was heard at a microphone.
func (v *voices) heard(p meeting.ParticipantID, voice int) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	b := v.books[p]
	return b != nil && slices.Contains(b.Voices(), b.Resolve(voice))
}

// tell says in a transcript who speaks.
func (v *voices) tell(t *storage.Transcript) {
	v.mu.Lock()
	defer v.mu.Unlock()
	books := storage.Voices(v.books)
	books.Label(t)
	books.Name(t)
}

// ended are the voices of meetings that have ended, until their transcripts are complete. It is safe for concurrent use.
type ended struct {
	mu   sync.Mutex // guards last
	last []endedVoices
}

type endedVoices struct {
	id     meeting.ID
	voices *voices
}

// maxEnded bounds the meetings whose transcripts are not complete yet. Past it the oldest is forgotten: its page shows no voices until
// it is complete.
const maxEnded = 32

// keep takes the voices of a meeting that ends.
func (e *ended) keep(id meeting.ID, v *voices) {
	v.mu.Lock()
	empty := len(v.books) == 0
	v.mu.Unlock()
	if empty {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.last = append(e.last, endedVoices{id, v})
	if len(e.last) > maxEnded {
		e.last = slices.Clone(e.last[1:])
	}
}

// close forgets what was said: nobody is shown it again.
func (v *voices) close() {
	v.mu.Lock()
	clear(v.said)
	v.mu.Unlock()
}

// of returns the voices of a meeting that has ended, nil if they are not known.
func (e *ended) of(id meeting.ID) *voices {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, one := range e.last {
		if one.id == id {
			return one.voices
		}
	}
	return nil
}

// TellVoices implements web.Live.
func (n *Node) TellVoices(t *storage.Transcript) {
	v := n.ended.of(t.Meeting)
	n.mu.Lock()
	if l := n.meetings[t.Room]; l != nil && l.id == t.Meeting {
		v = l.voices
	}
	n.mu.Unlock()
	if v != nil {
		v.tell(t)
	}
}

// set says whether voices are told apart at all. What was shown stays as it is.
func (v *voices) set(off bool) {
	v.mu.Lock()
	v.off = off
	v.mu.Unlock()
}

// ShowVoices implements bot.Audience.
func (l *live) ShowVoices(r meeting.Voices) {
	l.labels.Lock()
	defer l.labels.Unlock()
	finals, tell := l.voices.take(&r)
	if l.level() != meeting.Off {
		for _, f := range finals {
			l.prompt.relabel(f.segment, f.messages, f.send)
		}
	}
	if tell != nil {
		l.media.Broadcast(signal.ServerMessage{Type: signal.Voices, Voices: tell})
	}
}

// sharesMic says whether somebody joined as a room.
func (l *live) sharesMic(p meeting.ParticipantID) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := l.indexLocked(p)
	return i >= 0 && l.people[i].RoomMic
}

// nameVoice lets an organizer say who a voice is. The name goes the way of the voices themselves, so that it outlives a restart
// and reaches the transcript.
func (l *live) nameVoice(s *session, m signal.ClientMessage) {
	l.mu.Lock()
	i := l.indexLocked(s.id)
	organizer := i >= 0 && l.roleLocked(l.people[i].Person, l.people[i].Role) >= meeting.Organizer
	var by meeting.PersonID
	if i >= 0 {
		by = l.people[i].Person
	}
	l.mu.Unlock()
	code, message := "", ""
	switch {
	case !organizer:
		code, message = signal.CodeForbidden, "Only organizers may say who a voice is."
	case !l.voices.heard(m.Participant, m.Voice):
		code, message = signal.CodeNoVoice, "Nobody has heard that voice. Wait until it speaks."
	case !l.desk.name(meeting.Voices{
		V: meeting.VoicesVersion, Type: meeting.VoicesRenamed, Meeting: l.id, Participant: m.Participant, Voice: m.Voice,
		Name: strings.Join(meeting.Fields(m.Text), " "), By: by,
	}):
		code, message = signal.CodeTypeTooFast, "That is more than can be passed on at the moment. Wait a few seconds, then try again."
	}
	if code != "" {
		sendTo(s.out, signal.ServerMessage{Type: signal.Fault, Code: code, Message: message})
	}
}

// name publishes the name of a voice; false if too much waits.
func (d *desk) name(v meeting.Voices) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed || len(d.queue) == deskRecords {
		return false
	}
	d.queue <- deskRecord{bus.Speakers, meeting.SegmentID(bus.VoicesKey(&v)), v}
	return true
}
