//go:build linux

package main

import (
	"sync"
	"time"

	"github.com/pion/rtp"

	"souffleur/sfu/vp8"
)

// viewer checks what a full receiver gets: nothing may be missing, video must be decodable, and it notes how long each
// packet took.
type viewer struct {
	mu     sync.Mutex // guards all below
	lines  map[string]*strip
	window bool // delays are noted
	delays []time.Duration
}

func newViewer() *viewer { return &viewer{lines: make(map[string]*strip)} }

// receive takes a packet of one slot.
func (v *viewer) receive(mid string, p *rtp.Packet) {
	now := time.Now()
	v.mu.Lock()
	defer v.mu.Unlock()
	s := v.lines[mid]
	if s == nil {
		s = &strip{waiting: make(map[int]*rtp.Packet), next: int(p.SequenceNumber), newest: int(p.SequenceNumber)}
		v.lines[mid] = s
	}
	if sent, ok := sentAt(p.Payload); ok && v.window {
		v.delays = append(v.delays, now.Sub(sent))
	}
	s.receive(p)
}

// open begins or ends the time in which delays are noted.
func (v *viewer) open(window bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.window = window
}

// verdict is what a viewer found.
type verdict struct {
	Packets     int
	Lost        int
	Frames      int
	Undecodable int
	Delays      []time.Duration
}

func (v *viewer) verdict() verdict {
	v.mu.Lock()
	defer v.mu.Unlock()
	all := verdict{Delays: v.delays}
	for _, s := range v.lines {
		s.finish()
		all.Packets += s.packets
		all.Lost += s.lost
		all.Frames += s.frames
		all.Undecodable += s.undecodable
	}
	return all
}

// received counts the packets so far.
func (v *viewer) received() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	n := 0
	for _, s := range v.lines {
		n += s.packets
	}
	return n
}

// patience is how many packets may overtake one that is missing before it counts as lost: a repair takes 100 ms at most.
const patience = 512

// strip is one stream put into order.
type strip struct {
	waiting map[int]*rtp.Packet // by extended sequence number
	next    int                 // the number that must come next
	newest  int
	packets int
	lost    int

	frames, undecodable int
	inFrame             bool // a frame has begun and has not ended
	whole               bool // nothing of the present frame is missing
	chain               bool // all that the present frame is predicted from was whole
	picture             uint16
}

func (s *strip) receive(p *rtp.Packet) {
	n := s.newest + int(int16(p.SequenceNumber-uint16(s.newest)))
	if n < s.next || s.waiting[n] != nil {
		return // a repeat
	}
	s.packets++
	s.newest = max(s.newest, n)
	s.waiting[n] = p
	for s.waiting[s.next] != nil || s.newest-s.next > patience {
		s.advance()
	}
}

// finish gives up what is missing at the end.
func (s *strip) finish() {
	for len(s.waiting) > 0 {
		s.advance()
	}
}

func (s *strip) advance() {
	p := s.waiting[s.next]
	delete(s.waiting, s.next)
	s.next++
	if p == nil {
		s.lost++
		s.whole, s.chain = false, false
		return
	}
	if p.PayloadType == uint8(vp8Codec.PayloadType) {
		s.watch(p)
	}
}

// watch follows frames as a decoder does: each is whole and continues the one before, or is a key frame.
func (s *strip) watch(p *rtp.Packet) {
	d, err := vp8.Parse(p.Payload)
	if err != nil {
		s.whole, s.chain = false, false
		return
	}
	if d.Start {
		s.begin(d)
	}
	if d.PictureID != s.picture {
		s.whole = false
	}
	if p.Marker {
		s.end()
	}
}

func (s *strip) begin(d vp8.Descriptor) {
	if s.inFrame { // the one before never ended
		s.whole = false
		s.end()
	}
	continued := s.chain && d.PictureID == (s.picture+1)&0x7FFF
	s.inFrame, s.whole, s.chain, s.picture = true, true, d.KeyFrame || continued, d.PictureID
}

func (s *strip) end() {
	s.frames++
	if !s.inFrame || !s.whole || !s.chain {
		s.undecodable++
		s.chain = false
	}
	s.inFrame = false
}
