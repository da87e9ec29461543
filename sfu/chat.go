package sfu

import (
	"encoding/json"
	"strings"
	"time"
	"unicode"

	"golang.org/x/time/rate"

	"souffleur/internal/meeting"
	"souffleur/internal/signal"
)

const (
	// maxChatMessages and maxChatBytes bound what is kept of the chat for those who come late, in messages and in bytes of
	// their JSON. Above either the oldest are forgotten: a long meeting of people who write a lot.
	maxChatMessages = 500
	maxChatBytes    = 256 << 10
	// chatPiece is how much of the history goes into one message, which must stay below signal.MaxMessage. The longest
	// text is 12 kB as JSON if all of it must be escaped.
	chatPiece = 40 << 10
	// chatBurst and chatEvery bound what one person writes: as fast as people type short answers, for a moment.
	chatBurst = 10
	chatEvery = 2 * time.Second
	// maxChatters bounds the people whose allowance is remembered; above it those with a full one are forgotten.
	maxChatters = 512
)

// chat is what was written in the room. It lives in memory and ends with the room: nothing of it is stored or logged.
type chat struct {
	kept       []keptChat // oldest first
	bytes      int        // of kept
	last       int64      // ID of the newest message, also if it is kept no more
	allowances map[meeting.PersonID]*rate.Limiter
}

type keptChat struct {
	message signal.ChatMessage
	size    int // of its JSON, in bytes
}

// newChat returns an empty chat. IDs go on from the clock, so they rise over a restart of the server.
func newChat(now time.Time) *chat {
	return &chat{last: now.UnixMilli(), allowances: map[meeting.PersonID]*rate.Limiter{}}
}

// allow takes one message from a person's allowance. Those without an ID have one in common.
func (c *chat) allow(p meeting.PersonID, now time.Time) bool {
	l := c.allowances[p]
	if l == nil {
		c.forgetCalm(now)
		l = rate.NewLimiter(rate.Every(chatEvery), chatBurst)
		c.allowances[p] = l
	}
	return l.AllowN(now, 1)
}

// forgetCalm drops allowances that are full again, once there are many.
func (c *chat) forgetCalm(now time.Time) {
	if len(c.allowances) < maxChatters {
		return
	}
	for p, l := range c.allowances {
		if l.TokensAt(now) >= chatBurst {
			delete(c.allowances, p)
		}
	}
}

// add gives a message its ID and keeps it.
func (c *chat) add(m signal.ChatMessage) (signal.ChatMessage, error) {
	c.last++
	m.ID = c.last
	b, err := json.Marshal(m)
	if err != nil {
		return m, err
	}
	c.kept = append(c.kept, keptChat{m, len(b)})
	c.bytes += len(b)
	for len(c.kept) > maxChatMessages || c.bytes > maxChatBytes {
		c.bytes -= c.kept[0].size
		c.kept[0] = keptChat{} // the array behind the slice must not hold its text
		c.kept = c.kept[1:]
	}
	return m, nil
}

// newest is the ID of the newest message that is kept; 0: there is none.
func (c *chat) newest() int64 {
	if len(c.kept) == 0 {
		return 0
	}
	return c.last
}

// pieces returns what is kept, oldest first, in lists that fit into one message each.
func (c *chat) pieces() [][]signal.ChatMessage {
	var all [][]signal.ChatMessage
	size := chatPiece
	for _, k := range c.kept {
		if size += k.size; size > chatPiece {
			all, size = append(all, nil), k.size
		}
		all[len(all)-1] = append(all[len(all)-1], k.message)
	}
	return all
}

// cleanChat returns text without what shows nothing and without what turns the text after it around (bidirectional
// embeddings, overrides and isolates), with which an address can be made to look like another one. Line ends and tabs
// stay.
func cleanChat(text string) string {
	clean := strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r) && r != '\u200e' && r != '\u200f' && r != '\u061c':
			return -1
		}
		return r
	}, strings.ReplaceAll(text, "\r\n", "\n"))
	return strings.TrimSpace(clean)
}

// say writes to everybody in the room, the writer included: so all see one order.
func (r *Room) say(m *member, text string) {
	text = cleanChat(text)
	r.do(func() {
		e := r.entries[m.id]
		if e == nil || e.m != m || text == "" {
			return
		}
		now := time.Now()
		if !r.chat.allow(e.person, now) {
			m.tell(signal.ServerMessage{Type: signal.Fault, Code: signal.CodeChatTooFast, Message: "You write too fast. Wait a few seconds."})
			return
		}
		said, err := r.chat.add(signal.ChatMessage{Participant: m.id, Name: e.peer.Name, Text: text, AtUnixMS: now.UnixMilli()})
		if err != nil {
			r.log.Error("chat message does not marshal", "err", err)
			return
		}
		r.tellAll(signal.ServerMessage{Type: signal.Chat, Chat: []signal.ChatMessage{said}})
	})
}
