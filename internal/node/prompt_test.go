package node

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"souffleur/internal/meeting"
)

// hall notes what its readers are sent.
type hall struct {
	mu   sync.Mutex
	sent []string
}

func (h *hall) SendCaption(text []byte, final bool) error {
	var c meeting.Caption
	if err := json.Unmarshal(text, &c); err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.sent = append(h.sent, fmt.Sprintf("%s %q reliable %v", c.Seg, c.Text, final))
	return nil
}

func (h *hall) read() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.sent)
}

// onStage runs a prompt on a virtual clock.
func onStage(t *testing.T, history int, play func(t *testing.T, p *prompt, h *hall)) {
	synctest.Test(t, func(t *testing.T) {
		h := &hall{}
		p := newPrompt(h, history)
		defer p.close()
		play(t, p, h)
	})
}

func message(t *testing.T, seg meeting.SegmentID, text string) []byte {
	t.Helper()
	b, err := json.Marshal(meeting.Caption{V: meeting.CaptionVersion, Seg: seg, Text: text})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func final(t *testing.T, p *prompt, seg meeting.SegmentID, rev int, text string) {
	t.Helper()
	p.final(meeting.Segment{Caption: meeting.Caption{Seg: seg, Rev: rev}}, [][]byte{message(t, seg, text)})
}

func TestPartialsComeAtMostFiveTimesASecondAndTheNewestOfEach(t *testing.T) {
	onStage(t, 10, func(t *testing.T, p *prompt, h *hall) {
		for i := range 50 { // two speakers, 2.5 s
			p.partial("a", message(t, "a", fmt.Sprint("a", i)))
			p.partial("b", message(t, "b", fmt.Sprint("b", i)))
			time.Sleep(50 * time.Millisecond)
		}
		time.Sleep(time.Second)
		sent := h.read()
		if len(sent) < 10 || len(sent) > 16 {
			t.Errorf("%d partials in 2.5 s", len(sent))
		}
		last := map[byte]string{}
		for _, s := range sent {
			last[s[0]] = s
		}
		if last['a'] != `a "a49" reliable false` || last['b'] != `b "b49" reliable false` {
			t.Errorf("last shown %v", last)
		}
	})
}

func TestAFinalReplacesItsPartialsForGood(t *testing.T) {
	onStage(t, 10, func(t *testing.T, p *prompt, h *hall) {
		p.partial("other", message(t, "other", "x")) // takes the turn
		p.partial("a", message(t, "a", "and sew"))
		final(t, p, "a", 1000, "And so")
		final(t, p, "a", 1000, "And so") // a record may come twice
		p.partial("a", message(t, "a", "and sew"))
		time.Sleep(time.Second)
		want := []string{`other "x" reliable false`, `a "And so" reliable true`}
		if got := h.read(); !slices.Equal(got, want) {
			t.Errorf("sent %q, want %q", got, want)
		}
	})
}

func TestAWithdrawnPartialIsTakenBackForCertain(t *testing.T) {
	onStage(t, 10, func(t *testing.T, p *prompt, h *hall) {
		p.partial("a", message(t, "a", "thank you"))
		p.partial("a", message(t, "a", "thank you for"))
		p.withdraw("a", message(t, "a", ""))
		time.Sleep(time.Second)
		want := []string{`a "thank you" reliable false`, `a "" reliable true`}
		if got := h.read(); !slices.Equal(got, want) {
			t.Errorf("sent %q, want %q", got, want)
		}
	})
}

func TestWhoComesLateGetsTheLastFinals(t *testing.T) {
	onStage(t, 2, func(t *testing.T, p *prompt, _ *hall) {
		p.remember(meeting.Segment{Caption: meeting.Caption{Seg: "a", Text: "before the restart", Rev: 1000}})
		final(t, p, "b", 1000, "one")
		final(t, p, "c", 1000, "two")
		final(t, p, "c", 1001, "two, rescored")
		var got []string
		for _, m := range p.recent(0) {
			got = append(got, m.Caption.Text)
		}
		if want := []string{"one", "two, rescored"}; !slices.Equal(got, want) {
			t.Errorf("late joiner gets %q, want %q", got, want)
		}
	})
}

func TestLostAudioIsNoCaptionForWhoComesLate(t *testing.T) {
	onStage(t, 2, func(t *testing.T, p *prompt, _ *hall) {
		l := &live{voices: newVoices(), prompt: p}
		l.remember([]meeting.Segment{
			{Caption: meeting.Caption{Seg: "a", Text: "before", Rev: 1000}}, {Caption: meeting.Caption{Seg: "g", Rev: 1000}, Quality: meeting.QualityGap},
		})
		if got := p.recent(0); len(got) != 1 || got[0].Caption.Text != "before" {
			t.Errorf("late joiner gets %+v", got)
		}
	})
}

func TestOffDropsWhatWaits(t *testing.T) {
	onStage(t, 10, func(t *testing.T, p *prompt, h *hall) {
		p.partial("a", message(t, "a", "one"))
		p.partial("b", message(t, "b", "two"))
		p.silence()
		time.Sleep(time.Second)
		if got := h.read(); len(got) != 1 {
			t.Errorf("sent %q after the AI was switched off", got)
		}
	})
}

func TestWhatWasSaidBeforeIsReadInPages(t *testing.T) {
	onStage(t, 2, func(t *testing.T, p *prompt, _ *hall) {
		said := func(i int, level meeting.Level) {
			c := meeting.Caption{Seg: meeting.SegmentID(fmt.Sprint("s", i)), Rev: 1000, T1: int64(i), Text: fmt.Sprintf("%d %s", i, strings.Repeat("x", 400))}
			p.remember(meeting.Segment{Caption: c, Level: level})
		}
		for i := range 50 {
			said(i, meeting.Transcript)
		}
		said(50, meeting.Captions) // was shown, and is no transcript
		said(51, meeting.Minutes)
		read := func(fromMS int64) (got []string, pages int) {
			var before meeting.SegmentID
			for more := true; more; pages++ {
				var page []meeting.Caption
				page, more = p.before(before, fromMS)
				texts := []string{}
				size := 0
				for _, c := range page {
					texts = append(texts, strings.Fields(c.Text)[0])
					size += len(c.Text)
				}
				if size > historyPage {
					t.Errorf("a page has %d bytes", size)
				}
				got = append(texts, got...)
				if len(page) > 0 {
					before = page[0].Seg
				}
			}
			return got, pages
		}
		got, pages := read(0)
		if len(got) != 50 || got[0] != "0" || got[49] != "49" || !slices.IsSortedFunc(got, func(a, b string) int { return len(a) - len(b) }) || pages < 3 {
			t.Errorf("%d pages tell %q", pages, got)
		}
		if got, _ := read(47); !slices.Equal(got, []string{"47", "48", "49"}) {
			t.Errorf("who came at 47 ms reads %q", got)
		}
		if page, more := p.before("unknown", 0); len(page) > 0 || more {
			t.Errorf("before what is not known there is %v", page)
		}
		if page, _ := p.before("s3/2", 0); len(page) != 3 {
			t.Errorf("before the second part of the fourth final there are %d", len(page))
		}
	})
}

func TestFinalsInMemoryAreBounded(t *testing.T) {
	onStage(t, 2, func(t *testing.T, p *prompt, _ *hall) {
		for i := range maxDone + 100 {
			p.remember(meeting.Segment{Caption: meeting.Caption{Seg: meeting.SegmentID(fmt.Sprint("s", i)), Rev: 1000, Text: "x"}, Level: meeting.Transcript})
		}
		if len(p.done) != maxDone || len(p.said) != maxDone || len(p.order) != maxDone {
			t.Errorf("%d, %d and %d are kept", len(p.done), len(p.said), len(p.order))
		}
	})
}
