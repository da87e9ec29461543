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
	said    map[meeting.SegmentID]shownCaptions // what they say
}

type waitingPartial struct {
	seg     meeting.SegmentID
	message []byte
}

// shownCaptions is a final as readers got it: in one message, or in several.
type shownCaptions struct {
	captions []meeting.Caption
	level    meeting.Level // at which it was said
}

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
	left, news := p.keep(s.Seg, s.Rev, shownCaptions{captions, s.Level})
	if !news {
		return
	}
	for _, m := range append(messages[:len(messages):len(messages)], left...) {
		p.media.SendCaption(m, true)
	}
}

// relabel shows a final again, whose parts are of other speakers than was thought, unless readers have it like that. It never shows
// what was not shown. send is false for what was said too long ago to be on anybody's screen: whoever asks for it gets it so.
func (p *prompt) relabel(s meeting.Segment, messages [][]byte, send bool) {
	captions := make([]meeting.Caption, 0, len(messages))
	for _, m := range messages {
		var c meeting.Caption
		if json.Unmarshal(m, &c) == nil {
			captions = append(captions, c)
		}
	}
	p.mu.Lock()
	_, shown := p.done[s.Seg]
	same := shown && slices.EqualFunc(p.said[s.Seg].captions, captions, func(a, b meeting.Caption) bool {
		return a.Seg == b.Seg && a.Spk == b.Spk && a.Text == b.Text
	})
	p.mu.Unlock()
	if !shown || same {
		return
	}
	left, news := p.keep(s.Seg, s.Rev, shownCaptions{captions, s.Level})
	if !news || !send {
		return
	}
	for _, m := range append(messages[:len(messages):len(messages)], left...) {
		p.media.SendCaption(m, true)
	}
}

// remember keeps a final of before a restart.
func (p *prompt) remember(s meeting.Segment) {
	p.keep(s.Seg, s.Rev, shownCaptions{[]meeting.Caption{s.Caption}, s.Level})
}

// keep notes a final; false if it is not news. It returns messages that empty those parts of the final before that it has no more.
func (p *prompt) keep(seg meeting.SegmentID, rev int, said shownCaptions) (left [][]byte, news bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dropWaitingLocked(seg)
	old, known := p.done[seg]
	if known && old >= rev {
		return nil, false
	}
	for _, c := range p.said[seg].captions {
		if !slices.ContainsFunc(said.captions, func(n meeting.Caption) bool { return n.Seg == c.Seg }) {
			c.Rev, c.Text, c.Stable = rev, "", 0
			if m, err := json.Marshal(c); err == nil {
				left = append(left, m)
			}
		}
	}
	p.done[seg] = rev
	p.said[seg] = said
	if !known {
		p.order = append(p.order, seg)
	}
	if len(p.order) > maxDone {
		delete(p.done, p.order[0])
		delete(p.said, p.order[0])
		p.order = p.order[1:]
	}
	return left, true
}

// maxDone bounds the memory of finals shown: what six people say in about three hours, some 2 MB. What is older is in the
// transcript.
const maxDone = 4096

// recent returns the last finals that end at fromMS of the room clock or later, oldest first, as messages for one late joiner.
func (p *prompt) recent(fromMS int64) []signal.ServerMessage {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []signal.ServerMessage
	for _, seg := range p.order[max(0, len(p.order)-p.history):] {
		for _, c := range p.said[seg].captions {
			if c.T1 >= fromMS {
				out = append(out, signal.ServerMessage{Type: signal.Caption, Caption: &c})
			}
		}
	}
	return out
}

// historyPage and historyCaptions bound one page of what was said before, in bytes of text and in captions. JSON makes a byte
// six at most, and a caption has 200 bytes beside its text: that stays below signal.MaxMessage.
const historyPage, historyCaptions = 7 << 10, 64

// before returns the page of stored finals that came before one, oldest first, and whether there are older ones; "" means before
// those that recent returns. One that is not known any more has none before it.
func (p *prompt) before(seg meeting.SegmentID, fromMS int64) (page []meeting.Caption, more bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	at := max(0, len(p.order)-p.history)
	if seg != "" {
		at = slices.Index(p.order, seg.Whole()) // of a final in several messages
	}
	for size := 0; at > 0; at-- {
		said := p.said[p.order[at-1]]
		if said.level < meeting.Transcript || len(said.captions) == 0 || said.captions[0].T1 < fromMS {
			continue
		}
		for _, c := range said.captions {
			size += len(c.Text)
		}
		if len(page) > 0 && (size > historyPage || len(page)+len(said.captions) > historyCaptions) {
			return page, true
		}
		page = slices.Insert(page, 0, said.captions...)
	}
	return page, false
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
