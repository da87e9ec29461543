package rate

import (
	"math"
	"time"

	"github.com/pion/rtcp"
)

// A downlink on a virtual clock: a server that sends what its budget allows, a bottleneck with a queue, a receiver.

const (
	tick        = 10 * time.Millisecond
	packetBytes = 1100 // RTP payload
	overhead    = 54   // IP, UDP, RTP, SRTP
	videoSSRC   = 7
	audioSSRC   = 8
)

// link is a bottleneck: packets wait in a queue of so many bits, and what does not fit is dropped.
type link struct {
	capacity float64 // bits per second
	queue    float64 // bits that fit
	oneWay   time.Duration
	lossy    float64 // share lost beside the queue, evenly

	waiting []arrival
	filled  float64 // bits that wait
	credit  float64 // bits that may leave
	debt    float64
	now     time.Time
}

// send queues a packet. It returns false if it is dropped.
func (l *link) send(a arrival) bool {
	bits := float64(8 * (a.bytes + overhead))
	if l.debt += l.lossy; l.debt >= 1 {
		l.debt--
		return false
	}
	if l.filled+bits > l.queue {
		return false
	}
	a.sent = l.now
	l.filled += bits
	l.waiting = append(l.waiting, a)
	return true
}

// advance moves time and returns what has left the queue.
func (l *link) advance(now time.Time) []arrival {
	var left []arrival
	l.credit += l.capacity * now.Sub(l.now).Seconds()
	l.now = now
	for len(l.waiting) > 0 {
		a := l.waiting[0]
		bits := float64(8 * (a.bytes + overhead))
		if bits > l.credit {
			return left
		}
		l.credit -= bits
		l.filled -= bits
		a.delay, a.at = now.Sub(a.sent), now.Add(l.oneWay)
		left, l.waiting = append(left, a), l.waiting[1:]
	}
	l.credit = 0
	return left
}

// arrival is a packet on its way; a report on its way back.
type arrival struct {
	sent, at time.Time
	ssrc     uint32
	seq      uint32
	bytes    int
	delay    time.Duration
	report   []rtcp.Packet
}

// receiver counts as RFC 3550 says, and may estimate as Chrome does.
type receiver struct {
	remb     bool
	streams  map[uint32]*counted
	incoming meter

	waited    time.Duration // the newest packet, in the queue
	estimate  float64
	capacity  bool // congested once: rises slowly from then on
	delay     time.Duration
	delays    []time.Duration // newest delay of each tick, for the trend
	normal    time.Time       // since when the queue does not grow
	changed   time.Time
	reported  time.Time
	announced float64
	announce  time.Time
	started   time.Time

	next    uint32 // number of the video packet that should come
	missing []rtcp.NackPair
}

type counted struct{ highest, received, base uint32 }

func (r *receiver) take(a arrival) {
	c := r.streams[a.ssrc]
	if c == nil {
		c = &counted{base: a.seq}
		r.streams[a.ssrc] = c
	}
	c.highest = max(c.highest, a.seq)
	c.received++
	r.waited = a.delay
	if a.ssrc == videoSSRC {
		r.miss(a.seq)
		r.incoming.add(a.bytes, a.at)
		r.delay = a.delay
	}
}

// miss notes the packets that were skipped before seq, to be asked for.
func (r *receiver) miss(seq uint32) {
	for r.next != 0 && r.next < seq {
		r.missing = append(r.missing, rtcp.NackPair{PacketID: uint16(r.next)})
		r.next++
	}
	r.next = max(r.next, seq+1)
}

// step returns what the receiver reports at this tick.
func (r *receiver) step(now time.Time) []rtcp.Packet {
	var out []rtcp.Packet
	if len(r.missing) > 0 {
		out = append(out, &rtcp.TransportLayerNack{MediaSSRC: videoSSRC, Nacks: r.missing})
		r.missing = nil
	}
	if now.Sub(r.reported) >= time.Second {
		r.reported = now
		if report := r.report(); report != nil {
			out = append(out, report)
		}
	}
	if r.remb {
		if e := r.estimateAt(now); e != nil {
			out = append(out, e)
		}
	}
	return out
}

func (r *receiver) report() rtcp.Packet {
	rr := &rtcp.ReceiverReport{}
	for _, ssrc := range []uint32{audioSSRC, videoSSRC} {
		if c := r.streams[ssrc]; c != nil {
			rr.Reports = append(rr.Reports, rtcp.ReceptionReport{
				SSRC: ssrc, LastSequenceNumber: c.highest, TotalLost: (c.highest - c.base + 1 - c.received) & 0xFFFFFF,
			})
		}
	}
	if len(rr.Reports) == 0 {
		return nil
	}
	return rr
}

// estimateAt is the remote rate control of libwebrtc in outline: over-use when delay grows, 0.85 of what arrives then,
// else 8 % a second (one packet each response time once a capacity is known), at most 1.5 of what arrives.
func (r *receiver) estimateAt(now time.Time) rtcp.Packet {
	arriving := r.incoming.rate(now, time.Second, 0)
	if arriving == 0 {
		r.delays = nil
		return nil // streams that are silent for two seconds are forgotten
	}
	if r.started.IsZero() {
		r.started, r.changed = now, now
	}
	r.delays = append(r.delays, r.delay)
	trend := time.Duration(0)
	if n := len(r.delays); n > 20 {
		trend = r.delay - r.delays[n-21]
	}
	switch passed := now.Sub(r.changed).Seconds(); {
	case trend > 12*time.Millisecond:
		if lower := 0.85 * arriving; r.estimate == 0 || lower < r.estimate {
			r.estimate = lower
		}
		r.capacity, r.normal, r.changed = true, now.Add(300*time.Millisecond), now
	case r.estimate == 0:
		if now.Sub(r.started) > 2*time.Second {
			r.estimate = arriving
		}
	case arriving > 1.3*r.estimate && r.capacity:
		r.capacity = false // more than was thought possible: it rises quickly again
	case now.Before(r.normal) || trend < -12*time.Millisecond:
		r.changed = now // hold
	default:
		if r.estimate < 1.5*arriving+10000 {
			more := r.estimate*math.Pow(1.08, passed) - r.estimate
			if r.capacity {
				more = passed * 8 * packetBytes / 0.3
			}
			r.estimate = min(r.estimate+more, 1.5*arriving+10000)
		}
		r.changed = now
	}
	if r.estimate == 0 || now.Sub(r.announce) < time.Second && r.estimate >= 0.97*r.announced {
		return nil
	}
	r.announced, r.announce = r.estimate, now
	return &rtcp.ReceiverEstimatedMaximumBitrate{Bitrate: float32(r.estimate), SSRCs: []uint32{videoSSRC}}
}

// scene is a whole downlink and what was seen of it.
type scene struct {
	*link
	estimator *Reports
	receiver  *receiver
	demand    func(budget float64) float64 // what is sent of video for a budget
	way, back []arrival
	seq       map[uint32]uint32
	debt      map[uint32]float64
	asked     int
	rate      float64
	samples   []sample // one each tick
}

type sample struct {
	at        time.Duration
	budget    float64
	rate      float64
	queue     time.Duration
	audioLost int
}

var begin = time.Unix(1_800_000_000, 0)

func newScene(l *link, remb bool, demand func(float64) float64) *scene {
	s := &scene{
		link: l, estimator: NewReports(DefaultConfig()), demand: demand,
		receiver: &receiver{remb: remb, streams: map[uint32]*counted{}},
		seq:      map[uint32]uint32{}, debt: map[uint32]float64{},
	}
	l.now = begin
	s.estimator.FollowVideo(videoSSRC)
	s.estimator.FollowAudio(audioSSRC)
	return s
}

// play runs the scene for a while.
func (s *scene) play(d time.Duration) {
	for end := s.now.Add(d); s.now.Before(end); {
		s.way = append(s.way, s.advance(s.now.Add(tick))...)
		if s.asked++; s.asked%20 == 1 {
			s.rate = s.demand(float64(s.estimator.Budget(s.now)))
		}
		lost := s.emit(audioSSRC, 40000, 100)
		s.emit(videoSSRC, s.rate, packetBytes)
		s.deliver()
		s.samples = append(s.samples, sample{
			at: s.now.Sub(begin), budget: float64(s.estimator.Budget(s.now)), rate: s.rate,
			queue: time.Duration(s.filled / s.capacity * float64(time.Second)), audioLost: lost,
		})
	}
}

// emit sends a tick's packets of a stream and returns how many were lost.
func (s *scene) emit(ssrc uint32, rate float64, bytes int) (lost int) {
	s.debt[ssrc] += rate * tick.Seconds()
	for ; s.debt[ssrc] >= float64(8*bytes); s.debt[ssrc] -= float64(8 * bytes) {
		s.seq[ssrc]++
		if ssrc == videoSSRC {
			s.estimator.Sent(bytes, s.now)
		}
		if !s.send(arrival{ssrc: ssrc, seq: s.seq[ssrc], bytes: bytes}) {
			lost++
		}
	}
	return lost
}

func (s *scene) deliver() {
	for len(s.way) > 0 && !s.way[0].at.After(s.now) {
		s.receiver.take(s.way[0])
		s.way = s.way[1:]
	}
	if out := s.receiver.step(s.now); out != nil {
		s.back = append(s.back, arrival{at: s.now.Add(s.oneWay), report: out})
	}
	for len(s.back) > 0 && !s.back[0].at.After(s.now) {
		for _, packet := range s.back[0].report {
			if nack, ok := packet.(*rtcp.TransportLayerNack); ok {
				for _, pair := range nack.Nacks {
					s.estimator.Asked(videoSSRC, pair.PacketID, s.now)
				}
			}
			if rr, ok := packet.(*rtcp.ReceiverReport); ok {
				for i := range rr.Reports {
					rr.Reports[i].LastSenderReport = compactNTP(s.now.Add(-2*s.oneWay - s.receiver.waited))
				}
			}
		}
		// It reaches the readers of both streams.
		s.estimator.OnRTCP(s.back[0].report, s.now)
		s.estimator.OnRTCP(s.back[0].report, s.now)
		s.back = s.back[1:]
	}
}

// between returns the samples of a part of the scene.
func (s *scene) between(from, to time.Duration) []sample {
	var part []sample
	for _, x := range s.samples {
		if x.at >= from && x.at < to {
			part = append(part, x)
		}
	}
	return part
}
