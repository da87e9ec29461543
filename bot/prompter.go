package bot

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strconv"
	"sync"
	"time"
	"unicode/utf8"

	"golang.org/x/sync/errgroup"

	"souffleur/internal/bus"
	"souffleur/internal/meeting"
	"souffleur/internal/seal"
)

// Follower is what the prompter needs of the bus.
type Follower interface {
	Follow(ctx context.Context, t bus.Topic, o bus.FollowOptions, fn func(bus.Message)) error
}

// Audience is a live meeting as the prompter sees it. Its methods must not block.
type Audience interface {
	// LiveKey opens what belongs to the meeting.
	LiveKey() seal.Key
	// ShowPartial takes a partial, as it is and as the JSON that goes to every reader.
	ShowPartial(c meeting.Caption, message []byte)
	// ShowFinal takes a final, as stored and as the JSON messages that go to every reader (one, or several of one
	// kilobyte each for a very long utterance).
	ShowFinal(s meeting.Segment, messages [][]byte)
	// WorkerStatus takes what a recogniser says of itself.
	WorkerStatus(s meeting.Status)
	// ShowVoices takes what is known of who speaks at a shared microphone.
	ShowVoices(v meeting.Voices)
}

// MaxMessage is the longest caption message, in bytes of JSON.
const MaxMessage = 1000

// Prompter reads captions.v1, segments.v1 and speakers.v1 and hands what belongs to this node's meetings to them. Meetings held on
// other nodes are passed over without being opened.
type Prompter struct {
	bus Follower
	log *slog.Logger

	mu       sync.RWMutex // guards audience; held only for map access
	audience map[meeting.ID]Audience
}

// NewPrompter returns a prompter without meetings.
func NewPrompter(b Follower, log *slog.Logger) *Prompter {
	return &Prompter{bus: b, log: log, audience: make(map[meeting.ID]Audience)}
}

// Add begins to serve a meeting.
func (p *Prompter) Add(id meeting.ID, a Audience) {
	p.mu.Lock()
	p.audience[id] = a
	p.mu.Unlock()
}

// Remove ends the service of a meeting.
func (p *Prompter) Remove(id meeting.ID) {
	p.mu.Lock()
	delete(p.audience, id)
	p.mu.Unlock()
}

// Run follows its topics from since until ctx ends; what is known of voices, from the beginning of what is kept.
func (p *Prompter) Run(ctx context.Context, since time.Time) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return p.bus.Follow(ctx, bus.Captions, bus.FollowOptions{Since: since}, p.draft) })
	g.Go(func() error { return p.bus.Follow(ctx, bus.Segments, bus.FollowOptions{Since: since}, p.segment) })
	g.Go(func() error { return p.bus.Follow(ctx, bus.Speakers, bus.FollowOptions{}, p.voices) })
	if err := g.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

func (p *Prompter) of(id meeting.ID) Audience {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.audience[id]
}

func (p *Prompter) draft(m bus.Message) {
	a := p.of(m.Meeting)
	if a == nil {
		return
	}
	var d meeting.Draft
	if err := bus.OpenJSON(a.LiveKey(), m, &d); err != nil {
		p.log.Warn("a caption record does not open", "meeting", m.Meeting, "offset", m.Offset, "err", err)
		return
	}
	if d.Status != nil {
		a.WorkerStatus(*d.Status)
	}
	if d.Caption != nil {
		c := *d.Caption
		c.Final = false
		// A partial over the limit is not shown: it would come in parts that move. Its final follows soon.
		if messages := Messages(c); len(messages) == 1 {
			a.ShowPartial(c, messages[0])
		}
	}
}

func (p *Prompter) segment(m bus.Message) {
	a := p.of(m.Meeting)
	if a == nil || len(m.Value) == 0 { // a tombstone
		return
	}
	var s meeting.Segment
	if err := bus.OpenJSON(a.LiveKey(), m, &s); err != nil {
		p.log.Warn("a segment record does not open", "meeting", m.Meeting, "offset", m.Offset, "err", err)
		return
	}
	if s.Quality == meeting.QualityGap {
		return // for the transcript: there is nothing to read
	}
	s.Final = true
	a.ShowFinal(s, Messages(s.Caption))
}

func (p *Prompter) voices(m bus.Message) {
	a := p.of(m.Meeting)
	if a == nil {
		return
	}
	v, err := bus.OpenVoices(a.LiveKey(), m)
	if err != nil {
		p.log.Warn("a record of voices does not open", "meeting", m.Meeting, "offset", m.Offset, "err", err)
		return
	}
	a.ShowVoices(*v)
}

// Messages marshals a caption into messages of at most MaxMessage bytes. A longer text is cut at words, or inside a word
// that is itself too long, never inside a code point; the parts are segments of their own, "…/2", "…/3", in time order.
func Messages(c meeting.Caption) [][]byte {
	whole := marshal(c)
	if len(whole) <= MaxMessage {
		return [][]byte{whole}
	}
	room := MaxMessage - (len(whole) - jsonLen(c.Text)) - 12 // the part's suffix and wider numbers
	texts := cutText(c.Text, max(room, 64))
	out := make([][]byte, len(texts))
	span := c.T1 - c.T0
	for i, text := range texts {
		part := c
		part.Text, part.Stable = text, utf8.RuneCountInString(text)
		part.T0 = c.T0 + span*int64(i)/int64(len(texts))
		part.T1 = c.T0 + span*int64(i+1)/int64(len(texts))
		if i > 0 {
			part.Seg = meeting.SegmentID(string(c.Seg) + "/" + strconv.Itoa(i+1))
		}
		out[i] = marshal(part)
	}
	return out
}

// cutText cuts text into pieces of at most limit bytes of JSON each, preferably after spaces.
func cutText(text string, limit int) []string {
	var pieces []string
	for text != "" {
		size, space := 0, 0
		end := len(text)
		for i, r := range text {
			size += jsonLen(string(r))
			if size > limit {
				end = i
				break
			}
			if r == ' ' {
				space = i + 1
			}
		}
		if end < len(text) && space > 0 {
			end = space
		}
		pieces = append(pieces, text[:end])
		text = text[end:]
	}
	return pieces
}

// jsonLen is the length of s inside a JSON string, without its quotes.
func jsonLen(s string) int {
	b, err := json.Marshal(s)
	if err != nil {
		return len(s)
	}
	return len(b) - 2
}

// marshal cannot fail: a caption has only strings, numbers and a bool.
func marshal(c meeting.Caption) []byte {
	b, err := json.Marshal(c)
	if err != nil {
		return nil
	}
	return b
}
