// Package ring keeps the last packets of one incoming stream, so that every subscriber's losses can be repaired from
// one copy. Memory is spent once per source and allocated once; reading and writing allocate nothing.
package ring

import (
	"sync"

	"souffleur/sfu/seqnum"
)

// MaxPayload is the longest RTP payload kept, in bytes. It equals pion's receive buffer: nothing longer arrives.
const MaxPayload = 1460

// Packet is what is left of an RTP packet after ingest: header extensions, contributing sources and padding are gone.
type Packet struct {
	Seq     uint16
	TS      uint32
	Marker  bool
	Payload []byte // empty: the packet was only padding
}

// Ring holds the last packets of one stream. It overwrites the oldest. Safe for one writer and many readers.
type Ring struct {
	mu      sync.Mutex // guards all below; held only to copy one packet
	entries []entry
	bytes   []byte // MaxPayload bytes an entry
	newest  uint16
	started bool
}

type entry struct {
	used   bool
	marker bool
	seq    uint16
	length uint16
	ts     uint32
}

// New returns a ring for the given number of packets, rounded up to a power of two so that sequence numbers wrap evenly.
func New(packets int) *Ring {
	size := 1
	for size < packets && size < 1<<15 {
		size *= 2
	}
	return &Ring{entries: make([]entry, size), bytes: make([]byte, size*MaxPayload)}
}

// Put copies p into the ring. It returns false, and keeps nothing, when p is a duplicate, is older than everything the
// ring can hold, or has more than MaxPayload bytes: such a packet must not be forwarded either.
func (r *Ring) Put(p *Packet) bool {
	if len(p.Payload) > MaxPayload {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.started && seqnum.Ahead(p.Seq, r.newest) >= len(r.entries) {
		return false
	}
	i := int(p.Seq) & (len(r.entries) - 1)
	e := &r.entries[i]
	if e.used && e.seq == p.Seq {
		return false
	}
	*e = entry{used: true, marker: p.Marker, seq: p.Seq, length: uint16(len(p.Payload)), ts: p.TS}
	copy(r.bytes[i*MaxPayload:], p.Payload)
	if !r.started || seqnum.Older(r.newest, p.Seq) {
		r.newest, r.started = p.Seq, true
	}
	return true
}

// Get finds the packet with the given sequence number and copies its payload into buf, which must hold MaxPayload
// bytes; the returned Packet's payload is a part of buf.
func (r *Ring) Get(seq uint16, buf []byte) (Packet, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	i := int(seq) & (len(r.entries) - 1)
	e := &r.entries[i]
	if !e.used || e.seq != seq {
		return Packet{}, false
	}
	n := copy(buf, r.bytes[i*MaxPayload:i*MaxPayload+int(e.length)])
	return Packet{Seq: e.seq, TS: e.ts, Marker: e.marker, Payload: buf[:n]}, true
}

// Behind returns how many packets before the newest one seq is: negative if it is newer, or if nothing was put yet.
func (r *Ring) Behind(seq uint16) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.started {
		return -1
	}
	return seqnum.Ahead(seq, r.newest)
}
