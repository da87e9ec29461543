package sfu

import (
	"time"

	"souffleur/sfu/ring"
	"souffleur/sfu/seqnum"
	"souffleur/sfu/splice"
)

// A reader who comes between two key frames need not wait for the next: his slot replays what has come since the last one,
// out of the ring, until it has caught up with what comes.

// start helps a video slot that waits for its layer: it begins with the last key frame, if that has just passed, or asks
// for one. It sends, so it belongs on the goroutine of the reader or his connection and not on the room's.
func (s *slot) start(now time.Time) {
	wire := s.wire.Load()
	if wire == nil || s.audio || !s.open.Load() {
		return
	}
	s.mu.Lock()
	l := s.target
	if l == nil || s.layer == l || s.replaying {
		s.mu.Unlock()
		return
	}
	key, passed := s.beginningLocked(l, wire)
	s.replaying = passed
	s.mu.Unlock()
	if !passed || !s.replay(l, key, wire) {
		l.keyFrames.want(now)
	}
}

// beginningLocked returns the key frame that has passed and with which the slot can begin, if there is one. One from before
// the newest picture that was sent of the same camera would take the reader back in time.
func (s *slot) beginningLocked(l *layer, wire *wire) (key keyFrame, ok bool) {
	if s.layer != nil || wire.payloads[l.track.codec] == 0 {
		return keyFrame{}, false
	}
	if key, ok = l.recentKeyFrame(); !ok {
		return keyFrame{}, false
	}
	old, sent := s.stream.Source()
	return key, !sent || old.track != l.track || key.at.After(s.stream.SentAt())
}

// maxReplayed bounds how many packets a replay sends, those included that come while it runs.
const maxReplayed = 256

// replay sends what has come of l since a key frame, until it has caught up with what comes. It returns false if it could
// not. replaying has been set. The picture's time is that at which it came, so that the reader is not late from then on.
func (s *slot) replay(l *layer, key keyFrame, wire *wire) bool {
	var w writer
	seq := key.seq
	buf := make([]byte, ring.MaxPayload)
	for range maxReplayed {
		p, there := l.ring.Get(seq, buf)
		if !there {
			if s.caughtUp(l, seq) {
				return true
			}
			if p, there = l.ring.Get(seq, buf); !there { // it may have come a moment ago
				seq++ // lost; when it is repaired, write sends it late
				continue
			}
		}
		in := splice.In{Seq: p.Seq, TS: p.TS, Marker: p.Marker, Empty: len(p.Payload) == 0}
		if !l.describe(&in, &p) {
			break
		}
		out, ok, on := s.mapReplayed(l, in, key.at)
		if !on {
			break
		}
		if ok {
			s.send(wire, l.track.codec, &p, in.VP8, out, &w)
		}
		seq++
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.layer == l {
		s.layer = nil
	}
	s.replaying = false
	return false
}

// caughtUp ends a replay, unless packets from seq on have come. Those that come later find that write sends them.
func (s *slot) caughtUp(l *layer, seq uint16) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l.ring.Behind(seq) >= 0 {
		return false
	}
	s.replaying = false
	s.replayed, s.caughtUpAt = true, seq-1
	return true
}

// mapReplayed is mapLocked for replay. on is false when the room has taken the slot away meanwhile, or the packet to
// begin with is not that of a key frame any more.
func (s *slot) mapReplayed(l *layer, in splice.In, began time.Time) (out splice.Out, ok, on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.target != l {
		return splice.Out{}, false, false
	}
	if s.layer != l {
		if !in.KeyFrame {
			return splice.Out{}, false, false
		}
		s.switchLocked(l, in, began)
	}
	out, ok = s.nextLocked(in, time.Now())
	return out, ok, true
}

// wasReplayedLocked says whether seq is the packet with which a replay has just caught up: it stood in the ring while its
// intake was still on the way here.
func (s *slot) wasReplayedLocked(seq uint16) bool {
	if !s.replayed {
		return false
	}
	if seqnum.Older(s.caughtUpAt, seq) {
		s.replayed = false
	}
	return seq == s.caughtUpAt
}
