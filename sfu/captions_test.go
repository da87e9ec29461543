package sfu

import (
	"fmt"
	"log/slog"
	"slices"
	"testing"

	"github.com/pion/webrtc/v4"

	"souffleur/internal/signal"
)

// pipe is a data channel whose client may stop reading.
type pipe struct {
	state    webrtc.DataChannelState
	buffered uint64
	sent     []string
	broken   bool
}

func (p *pipe) ReadyState() webrtc.DataChannelState { return p.state }
func (p *pipe) BufferedAmount() uint64              { return p.buffered }
func (p *pipe) SendText(s string) error {
	if p.broken {
		return fmt.Errorf("the channel is closed")
	}
	p.sent = append(p.sent, s)
	return nil
}

func openLine() (*captionLine, *pipe, *pipe) {
	finals, partials := &pipe{state: webrtc.DataChannelStateOpen}, &pipe{state: webrtc.DataChannelStateOpen}
	return &captionLine{finals: finals, partials: partials}, finals, partials
}

func TestSlowReaderLosesPartialsOnly(t *testing.T) {
	line, finals, partials := openLine()
	partials.buffered, finals.buffered = partialsMark+1, finalsMark+1
	if !line.partial("p1") || len(partials.sent) != 0 || line.skipped.Load() != 1 {
		t.Error("a partial was not skipped")
	}
	if others := line.final("f1"); len(others) != 0 || len(finals.sent) != 0 {
		t.Error("a final did not wait")
	}
	partials.buffered, finals.buffered = 0, 0
	if !line.partial("p2") || !slices.Equal(partials.sent, []string{"p2"}) {
		t.Error("the next partial was not sent")
	}
	if others := line.final("f2"); len(others) != 0 || !slices.Equal(finals.sent, []string{"f1", "f2"}) {
		t.Errorf("finals went out as %v", finals.sent)
	}
}

func TestFinalsGoAnotherWayWhenTooManyWait(t *testing.T) {
	line, finals, _ := openLine()
	finals.buffered = finalsMark + 1
	var want []string
	for i := range maxWaiting {
		want = append(want, fmt.Sprint(i))
		if others := line.final(want[i]); len(others) > 0 {
			t.Fatalf("final %d did not wait", i)
		}
	}
	if others := line.final("last"); !slices.Equal(others, append(want, "last")) {
		t.Errorf("%d finals went another way, want all %d in order", len(others), maxWaiting+1)
	}
	finals.buffered = 0
	if others := line.final("later"); !slices.Equal(others, []string{"later"}) || len(finals.sent) > 0 {
		t.Error("the channel was used again after it was given up")
	}
}

func TestFinalsGoAnotherWayWhileTheChannelIsNotOpen(t *testing.T) {
	line, finals, partials := openLine()
	finals.state, partials.state = webrtc.DataChannelStateConnecting, webrtc.DataChannelStateClosed
	if others := line.final("f"); !slices.Equal(others, []string{"f"}) {
		t.Error("a final waits for a channel that may never open")
	}
	if line.partial("p") {
		t.Error("a partial was sent on a closed channel")
	}
	finals.state, finals.broken = webrtc.DataChannelStateOpen, true
	if others := line.final("g"); !slices.Equal(others, []string{"g"}) {
		t.Error("a final was lost in a channel that fails")
	}
}

// inbox is a Signaller whose client reads later.
type inbox struct{ got []signal.ServerMessage }

func (i *inbox) Send(m signal.ServerMessage) error {
	i.got = append(i.got, m)
	return nil
}

func TestDrainedChannelTakesWhatWaited(t *testing.T) {
	captions, finals, _ := openLine()
	client := &inbox{}
	m := newMember(newRoom(&Node{}, RoomConfig{Log: slog.New(slog.DiscardHandler)}), "p1")
	m.line.Store(&line{client})
	finals.buffered = finalsMark + 1
	captions.final(`{"seg":"a"}`)
	finals.buffered = 0
	m.flushCaptions(captions)
	if !slices.Equal(finals.sent, []string{`{"seg":"a"}`}) || len(client.got) > 0 {
		t.Errorf("after draining, %v went by channel and %v by signalling", finals.sent, client.got)
	}
	finals.state = webrtc.DataChannelStateClosed
	captions.waiting = []string{`{"seg":"b"}`}
	m.flushCaptions(captions)
	if len(client.got) != 1 || client.got[0].Caption.Seg != "b" {
		t.Errorf("what waited for a channel that closed was sent as %+v", client.got)
	}
}
