package node

import (
	"encoding/json"
	"slices"
	"sync"
	"time"

	"souffleur/internal/meeting"
	"souffleur/internal/signal"
)

// partialEvery spaces the partials to one reader: at most five a second, shared out among those who talk.
const partialEvery = 200 * time.Millisecond

// maxWaiting bounds the partials that wait for their turn, one per segment; when it is full the oldest is dropped: its
// segment will have a newer one, or its final.
const maxWaiting = 64

// prompt hands captions to the readers of one meeting: finals at once, partials at a bounded rate with the newest of
// each segment. It keeps the last finals for those who come late.
type prompt struct {
	media   readers
	history int

	stop chan struct{}
	wg   sync.WaitGroup

	mu      sync.Mutex // guards what follows; nothing is sent while it is held
	waiting []waitingPartial
	last    time.Time                           // when a partial was sent
	done    map[meeting.SegmentID]int           // finals shown, with their revision: late partials are dropped
	order   []meeting.SegmentID                 // of done, oldest first
	said    map[meeting.SegmentID]shownCaptions // the last finals
}

type waitingPartial struct {
	seg     meeting.SegmentID
	message []byte
}

type shownCaptions struct{ captions []meeting.Caption }

// readers are everybody in the meeting; sfu.Room implements it.
type readers interface {
	SendCaption(text []byte, final bool) error
}

func newPrompt(media readers, history int) *prompt {
	p := &prompt{
		media: media, history: history, stop: make(chan struct{}),
		done: make(map[meeting.SegmentID]int), said: make(map[meeting.SegmentID]shownCaptions),
	}
	p.wg.Go(p.run)
	return p
}

func (p *prompt) run() {
	ticker := time.NewTicker(partialEvery)
	defer ticker.Stop()
	for {
		select {
		case <-p.stop:
			return
		case <-ticker.C:
			if m := p.due(time.Now()); m != nil {
				p.media.SendCaption(m, false)
			}
		}
	}
}

// due returns the oldest waiting partial if one may be sent at now.
func (p *prompt) due(now time.Time) []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.waiting) == 0 || now.Sub(p.last) < partialEvery {
		return nil
	}
	m := p.waiting[0].message
	p.waiting = p.waiting[1:]
	p.last = now
	return m
}

func (p *prompt) partial(seg meeting.SegmentID, message []byte) {
	p.mu.Lock()
	if _, final := p.done[seg]; final {
		p.mu.Unlock()
		return
	}
	p.dropWaitingLocked(seg)
	if len(p.waiting) >= maxWaiting {
		p.waiting = p.waiting[1:]
	}
	p.waiting = append(p.waiting, waitingPartial{seg: seg, message: message})
	p.mu.Unlock()
	if m := p.due(time.Now()); m != nil {
		p.media.SendCaption(m, false)
	}
}

// withdraw takes back a partial of which nothing became final. It goes to everybody for certain: nothing follows it.
func (p *prompt) withdraw(seg meeting.SegmentID, message []byte) {
	p.mu.Lock()
	p.dropWaitingLocked(seg)
	_, final := p.done[seg]
	p.mu.Unlock()
	if !final {
		p.media.SendCaption(message, true)
	}
}

func (p *prompt) dropWaitingLocked(seg meeting.SegmentID) {
	p.waiting = slices.DeleteFunc(p.waiting, func(w waitingPartial) bool { return w.seg == seg })
}

// final shows a final unless this revision of it was shown before (a record may come twice).
func (p *prompt) final(s meeting.Segment, messages [][]byte) {
	captions := make([]meeting.Caption, 0, len(messages))
	for _, m := range messages {
		var c meeting.Caption
		if json.Unmarshal(m, &c) == nil {
			captions = append(captions, c)
		}
	}
	if !p.keep(s.Seg, s.Rev, captions) {
		return
	}
	for _, m := range messages {
		p.media.SendCaption(m, true)
	}
}

// remember keeps a final of before a restart.
func (p *prompt) remember(c meeting.Caption) { p.keep(c.Seg, c.Rev, []meeting.Caption{c}) }

// keep notes a final; false if it is not news.
func (p *prompt) keep(seg meeting.SegmentID, rev int, captions []meeting.Caption) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dropWaitingLocked(seg)
	old, known := p.done[seg]
	if known && old >= rev {
		return false
	}
	p.done[seg] = rev
	p.said[seg] = shownCaptions{captions}
	if !known {
		p.order = append(p.order, seg)
	}
	if len(p.order) > p.history { // what is older is in the transcript
		delete(p.said, p.order[len(p.order)-1-p.history])
	}
	if len(p.order) > maxDone {
		delete(p.done, p.order[0])
		p.order = p.order[1:]
	}
	return true
}

// maxDone bounds the memory of finals shown: far more than can still get a late partial.
const maxDone = 4096

// recent returns the last finals, oldest first, as messages for one late joiner.
func (p *prompt) recent() []signal.ServerMessage {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []signal.ServerMessage
	for _, seg := range p.order[max(0, len(p.order)-p.history):] {
		for _, c := range p.said[seg].captions {
			out = append(out, signal.ServerMessage{Type: signal.Caption, Caption: &c})
		}
	}
	return out
}

// silence drops what waits: the AI was switched off.
func (p *prompt) silence() {
	p.mu.Lock()
	p.waiting = nil
	p.mu.Unlock()
}

func (p *prompt) close() {
	close(p.stop)
	p.wg.Wait()
}
