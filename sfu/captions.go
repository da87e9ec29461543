package sfu

import (
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/pion/webrtc/v4"

	"souffleur/internal/meeting"
	"souffleur/internal/signal"
)

const (
	// partialsMark is how much may lie unsent on the channel of partials before newer ones are skipped: about a second's
	// worth. A reader that slow is better off with the next partial than with an old one.
	partialsMark = 4 << 10
	// finalsMark is how much may lie unsent on the channel of finals before they wait here, where they can be counted.
	finalsMark = 64 << 10
	// maxWaiting bounds the finals that wait for one reader: several minutes of a lively meeting. On overflow the channel
	// is given up, and this and all later finals go by the signalling connection. No final is ever dropped.
	maxWaiting = 256
)

// channel is what is needed of a webrtc.DataChannel.
type channel interface {
	ReadyState() webrtc.DataChannelState
	BufferedAmount() uint64 // bytes not yet sent
	SendText(string) error  // queues without waiting
}

// captionLine is one reader's pair of data channels.
type captionLine struct {
	finals   channel
	partials channel
	skipped  atomic.Uint64 // partials that were dropped

	// mu guards all below. It is held while a final is handed to SCTP, which queues without waiting, because finals must
	// go out in order.
	mu      sync.Mutex
	waiting []string // oldest first
	givenUp bool
}

// partial sends a partial or skips it. It returns false if the channel is not open and the partial should go another way.
func (c *captionLine) partial(text string) bool {
	if c.partials.ReadyState() != webrtc.DataChannelStateOpen {
		return false
	}
	if c.partials.BufferedAmount() > partialsMark || c.partials.SendText(text) != nil {
		c.skipped.Add(1)
	}
	return true
}

// final sends a final or lets it wait. It returns the finals that must go another way, oldest first.
func (c *captionLine) final(text string) (others []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting = append(c.waiting, text)
	return c.flushLocked()
}

// flush sends what waits, as far as the channel takes it.
func (c *captionLine) flush() (others []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.flushLocked()
}

func (c *captionLine) flushLocked() (others []string) {
	if len(c.waiting) > maxWaiting {
		c.givenUp = true
	}
	for !c.givenUp && len(c.waiting) > 0 && c.finals.ReadyState() == webrtc.DataChannelStateOpen {
		if c.finals.BufferedAmount() > finalsMark {
			return nil
		}
		if c.finals.SendText(c.waiting[0]) != nil {
			break
		}
		c.waiting = c.waiting[1:]
	}
	others, c.waiting = c.waiting, nil
	return others
}

// SendCaption sends a caption, already marshalled, to everybody: by data channel where that is open, else by signalling.
// A slow reader loses partials, never finals. The same bytes go to all. It returns an error only if text is no caption.
// Calls for one meeting should come from one goroutine, which pays about 0.1 ms a reader.
func (r *Room) SendCaption(text []byte, final bool) error {
	return r.sendCaption(*r.audience.Load(), text, final)
}

// SendCaptionTo is SendCaption for one participant, such as one who came late.
func (r *Room) SendCaptionTo(id meeting.ParticipantID, text []byte, final bool) error {
	for _, m := range *r.audience.Load() {
		if m.id == id {
			return r.sendCaption([]*member{m}, text, final)
		}
	}
	return nil
}

func (r *Room) sendCaption(readers []*member, text []byte, final bool) error {
	shared := string(text)
	var fallback signal.ServerMessage // made when the first reader needs it
	for _, m := range readers {
		others := m.sendCaption(shared, final)
		for _, other := range others {
			if other != shared || fallback.Caption == nil {
				message, err := captionMessage(other)
				if err != nil {
					return err
				}
				if other != shared {
					m.tell(message)
					continue
				}
				fallback = message
			}
			m.tell(fallback)
		}
	}
	return nil
}

// sendCaption returns the captions that must go by signalling.
func (m *member) sendCaption(text string, final bool) []string {
	line := m.captions.Load()
	switch {
	case line == nil:
		return []string{text}
	case final:
		return line.final(text)
	case line.partial(text):
		return nil
	}
	return []string{text}
}

// flushCaptions sends finals that waited for the channel to drain.
func (m *member) flushCaptions(line *captionLine) {
	for _, text := range line.flush() {
		if message, err := captionMessage(text); err == nil {
			m.tell(message)
		}
	}
}

func captionMessage(text string) (signal.ServerMessage, error) {
	var c meeting.Caption
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		return signal.ServerMessage{}, fmt.Errorf("send caption by signalling: %w", err)
	}
	return signal.ServerMessage{Type: signal.Caption, Caption: &c}, nil
}
