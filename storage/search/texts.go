package search

import (
	"context"
	"sync"
	"time"

	"souffleur/internal/meeting"
	"souffleur/storage"
)

const (
	// maxTexts bounds the cache of texts; an hour of speech without its words' times has some 75 kB. Overflow: the one that was
	// not used for longest goes.
	maxTexts = 128
	// textsLife is how long texts stay in memory, like the keys that opened them.
	textsLife = 5 * time.Minute
)

// texts is what an answer needs of a transcript, whose words with their times are most of the work of reading it.
type texts struct {
	room        meeting.RoomID
	roomName    string
	beganUnixMS int64
	names       map[meeting.SpeakerID]string
	segments    []text // by time
}

type text struct {
	id      meeting.SegmentID
	speaker meeting.SpeakerID
	t0      int64
	lang    string
	text    string
}

func textsOf(t *storage.Transcript) *texts {
	all := &texts{
		room: t.Room, roomName: t.RoomName, beganUnixMS: t.BeganUnixMS,
		names: make(map[meeting.SpeakerID]string, len(t.People)), segments: make([]text, len(t.Segments)),
	}
	for _, p := range t.People {
		all.names[meeting.SpeakerID(p.Participant)] = p.Name
	}
	for _, n := range t.Names { // given afterwards
		all.names[n.Spk] = n.Name
	}
	for i := range t.Segments {
		s := &t.Segments[i]
		all.segments[i] = text{s.Seg, s.Spk, s.T0, s.Lang, s.Text}
	}
	return all
}

// name returns the speaker's name, that of the participant if a voice on a shared microphone has none; "" if unknown.
func (t *texts) name(spk meeting.SpeakerID) string {
	if name, ok := t.names[spk]; ok {
		return name
	}
	return t.names[meeting.SpeakerID(spk.Participant())]
}

// textCache keeps the texts of meetings that were found lately. It is safe for concurrent use.
type textCache struct {
	mu   sync.Mutex // guards what follows
	kept map[meeting.ID]keptTexts
}

type keptTexts struct {
	mark  string // of the transcript
	until time.Time
	used  time.Time
	*texts
}

func (c *textCache) get(id meeting.ID, mark string, now time.Time) *texts {
	c.mu.Lock()
	defer c.mu.Unlock()
	kept, ok := c.kept[id]
	if !ok || kept.mark != mark || now.After(kept.until) {
		delete(c.kept, id)
		return nil
	}
	kept.used = now
	c.kept[id] = kept
	return kept.texts
}

func (c *textCache) put(id meeting.ID, mark string, t *texts, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.kept == nil {
		c.kept = map[meeting.ID]keptTexts{}
	}
	c.kept[id] = keptTexts{mark, now.Add(textsLife), now, t}
	for len(c.kept) > maxTexts {
		oldest := id
		for other, kept := range c.kept {
			if kept.used.Before(c.kept[oldest].used) {
				oldest = other
			}
		}
		delete(c.kept, oldest)
	}
}

// sweep drops what is too old.
func (c *textCache) sweep(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, kept := range c.kept {
		if now.After(kept.until) {
			delete(c.kept, id)
		}
	}
}

func (c *textCache) drop(id meeting.ID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.kept, id)
}

// read returns the texts of a meeting as the store has them now: its marks are looked at each time.
func (x *Index) read(ctx context.Context, id meeting.ID) (*texts, error) {
	mark, err := x.deps.Transcripts.Mark(ctx, id)
	if err != nil {
		return nil, err
	}
	if kept := x.texts.get(id, mark, x.now()); kept != nil {
		return kept, nil
	}
	t, err := x.deps.Transcripts.Read(ctx, id)
	if err != nil {
		return nil, err
	}
	fresh := textsOf(t)
	x.texts.put(id, mark, fresh, x.now())
	return fresh, nil
}
