package sfutest

import (
	"math"
	"slices"
	"sync"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
)

// What a browser's receiver does with video that arrives without transport-wide feedback, in outline (libwebrtc's
// RemoteBitrateEstimatorSingleStream and AimdRateControl): when packets begin to queue up it estimates 0.85 of what
// arrives; otherwise the estimate rises, by 8 % a second or, once a limit is known, by a packet each response time, and
// never above 1.5 of what arrives. It is told once a second, and at once when it falls.
const (
	estimateBin    = 100 * time.Millisecond
	estimateBins   = 10 // of which the rate that arrives is the mean
	estimateEvery  = time.Second
	queueJump      = 60 * time.Millisecond // in two bins: congestion
	queueRise      = 3 * time.Millisecond  // in each of two bins and queueClimb in three: congestion, too
	queueClimb     = 15 * time.Millisecond
	afterFall      = 0.85
	risePerSecond  = 1.08
	riseKnown      = 30_000 // bits per second, each second
	riseAtMost     = 1.5
	typeREMB       = "goog-remb"
	videoClockRate = 90_000
)

// estimate is a downlink's receiver-side estimate.
type estimate struct {
	mu      sync.Mutex // guards all below; not held while sending
	ssrcs   []uint32
	streams map[uint32]*inflow
	started time.Time
	bin     int64 // number of the present bin
	bytes   [estimateBins]int
	queue   [4]time.Duration // least time that packets waited in each of the last bins, the present one first
	fresh   bool             // the present bin has a packet

	bitrate float64
	limited bool // congested once
	told    float64
	toldAt  time.Time
}

// inflow is what is known of one stream.
type inflow struct {
	begun     bool
	timestamp uint32
	media     time.Duration // of the newest frame, by its timestamps
	least     time.Duration // least difference of arrival and media: the way without a queue
}

// note counts a packet and returns what to tell the sender, if it is time to.
func (e *estimate) note(p *rtp.Packet, now time.Time) rtcp.Packet {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.streams == nil {
		e.streams, e.started, e.bin = map[uint32]*inflow{}, now, 0
	}
	var report rtcp.Packet
	if bin := int64(now.Sub(e.started) / estimateBin); bin > e.bin {
		report = e.judge(now)
		e.turn(bin)
	}
	e.bytes[e.bin%estimateBins] += len(p.Payload)
	if waited, ok := e.waited(p, now); ok && (!e.fresh || waited < e.queue[0]) {
		e.queue[0], e.fresh = waited, true
	}
	return report
}

// turn begins a new bin.
func (e *estimate) turn(bin int64) {
	for ; e.bin < bin; e.bin++ {
		e.bytes[(e.bin+1)%estimateBins] = 0
	}
	if e.fresh {
		copy(e.queue[1:], e.queue[:3])
		e.fresh = false
	}
}

// waited returns how long the first packet of a frame waited in a queue.
func (e *estimate) waited(p *rtp.Packet, now time.Time) (time.Duration, bool) {
	s := e.streams[p.SSRC]
	if s == nil {
		s = &inflow{}
		e.streams[p.SSRC] = s
		e.ssrcs = append(e.ssrcs, p.SSRC)
	}
	advance := int32(p.Timestamp - s.timestamp)
	if s.begun && advance <= 0 {
		return 0, false
	}
	if s.begun {
		s.media += time.Duration(advance) * time.Second / videoClockRate
	}
	way := now.Sub(e.started) - s.media
	if !s.begun || way < s.least {
		s.least = way
	}
	s.begun, s.timestamp = true, p.Timestamp
	return way - s.least, true
}

// judge ends a bin: it moves the estimate and returns a report if one is due.
func (e *estimate) judge(now time.Time) rtcp.Packet {
	if now.Sub(e.started) < time.Second {
		return nil
	}
	total := 0
	for _, n := range e.bytes {
		total += n
	}
	arriving := 8 * float64(total) / (estimateBins * estimateBin).Seconds()
	switch {
	case e.congested():
		if lower := afterFall * arriving; e.bitrate == 0 || lower < e.bitrate {
			e.bitrate = lower
		}
		e.limited = true
	case e.bitrate == 0:
		e.bitrate = arriving
	default:
		e.rise(arriving)
	}
	if now.Sub(e.toldAt) < estimateEvery && e.bitrate > 0.97*e.told {
		return nil
	}
	e.told, e.toldAt = e.bitrate, now
	return &rtcp.ReceiverEstimatedMaximumBitrate{Bitrate: float32(e.bitrate), SSRCs: slices.Clone(e.ssrcs)}
}

func (e *estimate) congested() bool {
	q := &e.queue
	return q[0] > q[2]+queueJump || q[0] > q[1]+queueRise && q[1] > q[2]+queueRise && q[0] > q[3]+queueClimb
}

func (e *estimate) rise(arriving float64) {
	most := riseAtMost*arriving + 10_000
	if e.bitrate >= most {
		return
	}
	if e.limited = e.limited && arriving < 1.3*e.bitrate; e.limited {
		e.bitrate += riseKnown * estimateBin.Seconds()
	} else {
		e.bitrate *= math.Pow(risePerSecond, estimateBin.Seconds())
	}
	e.bitrate = min(e.bitrate, most)
}

// wantsREMB says whether the server asks for estimates of a stream.
func wantsREMB(receiver *webrtc.RTPReceiver) bool {
	for _, codec := range receiver.GetParameters().Codecs {
		if slices.ContainsFunc(codec.RTCPFeedback, func(f webrtc.RTCPFeedback) bool { return f.Type == typeREMB }) {
			return true
		}
	}
	return false
}
