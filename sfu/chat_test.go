package sfu

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"souffleur/internal/meeting"
	"souffleur/internal/signal"
)

func TestChatHistoryIsBoundedAndFitsIntoMessages(t *testing.T) {
	for name, text := range map[string]string{
		"short":   "ok",
		"longest": strings.Repeat("é", signal.MaxChat),
		"escaped": strings.Repeat("<", signal.MaxChat), // six bytes each
		"emoji":   strings.Repeat("🎭", signal.MaxChat),
	} {
		t.Run(name, func(t *testing.T) {
			c := newChat(time.Now())
			var last int64
			for range 700 {
				m, err := c.add(signal.ChatMessage{Participant: meeting.NewParticipantID(), Name: strings.Repeat("N", 80), Text: text})
				if err != nil {
					t.Fatal(err)
				}
				if m.ID <= last {
					t.Fatalf("ID %d comes after %d", m.ID, last)
				}
				last = m.ID
			}
			kept, bytes := 0, 0
			for _, piece := range c.pieces() {
				b, err := json.Marshal(signal.ServerMessage{Type: signal.Chat, Chat: piece})
				if err != nil {
					t.Fatal(err)
				}
				if len(b) > signal.MaxMessage {
					t.Errorf("a piece of the history has %d bytes", len(b))
				}
				kept, bytes = kept+len(piece), bytes+len(b)
			}
			if kept == 0 || kept > maxChatMessages || bytes > maxChatBytes+10*kept {
				t.Errorf("%d messages of %d bytes are kept", kept, bytes)
			}
			all := c.pieces()
			newest := all[len(all)-1]
			if newest[len(newest)-1].ID != c.newest() {
				t.Error("the newest message is not kept")
			}
		})
	}
}

func TestChatForgetsCalmPeople(t *testing.T) {
	c, now := newChat(time.Now()), time.Now()
	for i := range 5 * maxChatters {
		if !c.allow(meeting.PersonID(fmt.Sprint(i)), now.Add(time.Duration(i)*time.Second)) {
			t.Fatal("a first message is too many")
		}
	}
	if n := len(c.allowances); n > maxChatters {
		t.Errorf("the allowances of %d people are remembered", n)
	}
}

func TestCleanChat(t *testing.T) {
	for text, want := range map[string]string{
		"  deux\r\nlignes\t \n":        "deux\nlignes",
		"\u202eexe.txt\u202c":          "exe.txt",
		"\u2066a\u2069\u0000\u001b[1m": "a[1m",
		"\u200fשלום\u200e":             "\u200fשלום\u200e",
		"👩\u200d💻 é \u200c":            "👩\u200d💻 é \u200c",
		"\u0007":                       "",
	} {
		if got := cleanChat(text); got != want {
			t.Errorf("%q is cleaned to %q, want %q", text, got, want)
		}
	}
}
