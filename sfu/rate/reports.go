package rate

import (
	"math"
	"sync"
	"time"

	"github.com/pion/rtcp"
)

// What the receiver's own estimate (REMB) means depends on where it comes from, and browsers' differ from what the name
// says. They all have libwebrtc's AimdRateControl, which lowers it only when packets are seen to queue up, to 0.85 of what
// arrives; otherwise it rises by some 8 % a second, and never above 1.5 of what arrives. So:
//
//   - A fall below what is sent is an alarm, and says what gets through.
//   - Any other value below what is sent means nothing: after a larger layer was switched on it lags for many seconds.
//   - A value above what is sent says only that little is sent. It is no limit, or a downlink on which thumbnails were
//     paused would be starved by its own silence. How far a budget may grow in silence is ours to bound.
//
// And alarms can be false. A receiver without processor time to read its packets takes that for a queue, and so does one
// whose publisher stutters: Chromium on a machine with thirteen times too much to do went down to 8 kb/s while 200 kb/s
// arrived, and stayed there for half a minute. So an alarm counts once something else confirms it: loss, requests for
// what was lost, a longer round trip, or less that arrives than is sent.
const (
	fell       = 0.97            // of the estimate before: less is a fall (Chrome reports a fall of 3 % at once)
	alarmTime  = 2 * time.Second // an alarm that nothing has confirmed by then was false
	allArrives = 0.5             // of what is sent: what arrives is known by packets of a mean size and by when reports come
)

// Loss is judged by the rule of Google congestion control (draft-ietf-rmcat-gcc-02, section 6), with one addition: what
// comes after our own growth is taken back at the lower threshold, so that a link is not kept at its edge for good.
const (
	lossGrow    = 0.02
	lossBackOff = 0.10
	lossHeavy   = 0.30                    // from here on the queue is plainly overrun, and what got through is known
	underLink   = 0.85                    // of what got through: the rest empties the queue
	stepLeast   = 0.6                     // of what was sent
	echoTime    = 1500 * time.Millisecond // after this time what was sent has been reported,
	burstEcho   = 500 * time.Millisecond  // and asked for again after this

	// A full queue, in which sound waits, too, is emptied by sending less than gets through for a while: after a cut to
	// less than half for drainTime, after any cut as long as packets are seen to wait, but no longer than drainMost.
	deepCut   = 0.5
	drain     = 0.6
	drainTime = 1500 * time.Millisecond
	drainMost = 6 * time.Second

	queueShort = 80 * time.Millisecond  // nothing grows while packets wait longer
	queueFull  = 200 * time.Millisecond // what is sent does not get through

	// A queue that our own growth did not make may be somebody else's, who downloads a file. It is a reason to send
	// little, not to send nothing: down to queueFloor at once, below that slowly.
	queueFloor    = 500_000
	queuePatience = 10 * time.Second
)

// Growth, for each second. After congestion it first waits.
const (
	growUnknown  = 1.5  // nothing is known of the link: ten times as much in six seconds
	growKnown    = 1.25 // congestion is long ago
	growRetry    = 1.15 // beyond the rate that congested last
	sendWindow   = time.Second
	silence      = 5 * time.Second // without reports, while video is sent, nothing grows
	overshoot    = 4               // the budget may be this multiple of what was sent: the next layer up costs 3.4 times as much
	halfLife     = 30 * time.Second
	beyond       = 1.25 // of the rate that congested: if that goes well for proofTime the link is better than then
	proofTime    = 4 * time.Second
	episode      = 3 * time.Second // cuts within this time are one congestion
	retryFirst   = 4 * time.Second // wait before the rate that congested is tried again, doubled each time it does
	retryLongest = 32 * time.Second
)

// Reports is the estimator that goes by what every receiver says anyway: its own estimate (REMB) and receiver reports.
// Make it with NewReports. It is safe for concurrent use.
type Reports struct {
	config Config // set once

	mu     sync.Mutex // guards all below; nothing is called or waited for with it held
	target float64    // the budget, bits per second
	grown  time.Time  // up to when target has grown
	sent   meter
	total  int64   // bytes sent so far
	peak   float64 // most that was sent of late, fading with halfLife
	faded  time.Time
	heard  time.Time // newest report

	remb   float64 // newest estimate of the receiver
	fellAt time.Time

	losses losses
	queue  queue
	share  float64   // lost, as last judged
	proven float64   // most that was sent for proofTime without complaint, fading with halfLife
	wrong  time.Time // newest complaint

	drained time.Time // until when less is sent than target

	ceiling float64 // the rate that congestion left; 0: none, or long ago
	cut     time.Time
	retryAt time.Time
	fails   int // times that growing beyond ceiling led back to it
}

var _ Estimator = (*Reports)(nil)

// NewReports returns an estimator that follows no streams yet. It panics on a Config that Validate refuses.
func NewReports(config Config) *Reports {
	if err := config.Validate(); err != nil {
		panic(err)
	}
	return &Reports{config: config, target: float64(config.Start)}
}

// FollowVideo makes reports of a video stream count. Reports of streams that are not followed are ignored. A downlink
// keeps its SSRCs, so there is no end to it; more than 32 streams in all are not followed.
func (r *Reports) FollowVideo(ssrc uint32) { r.follow(stream{ssrc: ssrc}) }

// FollowAudio makes reports of an audio stream count: its losses tell as much, and of a downlink without video all.
func (r *Reports) FollowAudio(ssrc uint32) { r.follow(stream{ssrc: ssrc, audio: true}) }

func (r *Reports) follow(s stream) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.losses.follow(s)
}

// Skipped says how many numbers of a stream were left out so far: the publisher's network lost the packets, and the
// receiver takes that for its own loss. It may become less, when they are repaired. Call it before OnRTCP.
func (r *Reports) Skipped(ssrc, packets uint32) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s := r.losses.find(ssrc); s != nil {
		s.skipped = packets
	}
}

// Asked says that the receiver asks for a packet of video that was sent to it: not one that the publisher's network lost.
func (r *Reports) Asked(ssrc uint32, seq uint16, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.losses.noteAsked(ssrc, seq, now)
	share, arriving, ok := r.losses.judgeBurst(now)
	if ok && share >= lossHeavy && now.Sub(r.cut) > burstEcho {
		r.share, r.wrong = share, now
		r.backOff(max(underLink*arriving, r.sent.rate(now, sendWindow, 0)/10), now)
	}
}

// Sent implements Estimator.
func (r *Reports) Sent(bytes int, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sent.add(bytes, now)
	r.total += int64(max(bytes, 0))
}

// OnRTCP implements Estimator.
func (r *Reports) OnRTCP(packets []rtcp.Packet, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, packet := range packets {
		switch p := packet.(type) {
		case *rtcp.ReceiverEstimatedMaximumBitrate:
			r.noteREMB(float64(p.Bitrate), now)
		case *rtcp.ReceiverReport:
			r.noteReports(p.Reports, now)
		case *rtcp.SenderReport:
			r.noteReports(p.Reports, now)
		}
	}
	if share, ok := r.losses.judge(now); ok {
		r.noteLoss(share, now)
	}
}

func (r *Reports) noteReports(reports []rtcp.ReceptionReport, now time.Time) {
	fresh := false
	for i := range reports {
		if r.losses.note(&reports[i], now) {
			r.queue.note(reports[i].LastSenderReport, reports[i].Delay, now)
			fresh = true
		}
	}
	if !fresh {
		return
	}
	r.heard = now
	r.losses.measure(r.total)
	r.heed(now)
	if r.queue.waits(now) > queueFull && now.Sub(r.cut) > echoTime {
		r.noteQueue(now)
	}
}

// noteQueue acts on packets that wait long. If the budget has just grown that made the queue.
func (r *Reports) noteQueue(now time.Time) {
	sent, arriving := r.sent.rate(now, sendWindow, 0), r.losses.arriving(now)
	if arriving == 0 {
		return
	}
	r.wrong = now
	to := r.stepBack(sent, arriving)
	if !r.untried(sent) && now.Sub(r.cut) < queuePatience {
		to = max(to, queueFloor)
	}
	r.backOff(to, now)
}

// stepBack returns the budget after a growth that went wrong: what went well before, or what gets through, but not too
// little at once, as streams that have just begun are not in the reports yet.
func (r *Reports) stepBack(sent, arriving float64) float64 {
	to := max(underLink*min(arriving, sent), stepLeast*sent)
	if r.untried(sent) {
		to = max(to, r.proven)
	}
	return to
}

// noteREMB acts on an estimate of the receiver. The same one again changes nothing.
func (r *Reports) noteREMB(estimate float64, now time.Time) {
	if math.IsNaN(estimate) || estimate < 0 {
		return
	}
	before := r.remb
	r.remb, r.heard = estimate, now
	if estimate < fell*before {
		r.fellAt = now
		r.heed(now)
	}
}

// heed lowers the budget to the receiver's estimate, if that has fallen below what is sent and something confirms it.
func (r *Reports) heed(now time.Time) {
	if now.Sub(r.fellAt) < alarmTime && r.remb < r.sent.rate(now, sendWindow, 0) && r.confirmed(now) {
		r.wrong = now
		r.backOff(max(r.remb, underLink*r.losses.arriving(now)), now)
	}
}

// confirmed says whether packets are lost or wait, or less arrives than is sent. A stream that began to flow is in reports
// after two of them, so only what is sent for three seconds counts.
func (r *Reports) confirmed(now time.Time) bool {
	arriving := r.losses.arriving(now)
	if arriving == 0 || r.share >= lossBackOff || r.queue.wait > queueShort && now.Sub(r.queue.at) < alarmTime {
		return arriving > 0
	}
	steady := math.Inf(1)
	for ago := range 3 {
		steady = min(steady, r.sent.rate(now, sendWindow, time.Duration(ago)*sendWindow))
	}
	return arriving < allArrives*steady
}

// untried says whether sent is more than went well before: then growth is what went wrong.
func (r *Reports) untried(sent float64) bool { return sent > 1.05*r.proven }

// noteLoss acts on the share of packets that was lost lately. For a while after a cut reports tell of the time before it.
func (r *Reports) noteLoss(share float64, now time.Time) {
	r.share = share
	sent := r.sent.rate(now, sendWindow, 0)
	echo := now.Sub(r.cut) < echoTime
	if share >= lossGrow {
		r.wrong = now
	}
	switch arriving := r.losses.arriving(now); {
	case share < lossGrow || arriving == 0: // all is well, or nobody knows yet
	case echo:
	case share >= lossHeavy:
		r.backOff(max(underLink*arriving, sent/10), now) // no more at once: it may have been an outage
	case r.proven > 0 && r.untried(sent):
		r.backOff(r.stepBack(sent, arriving), now)
	case share >= lossBackOff:
		r.backOff((1-share/2)*min(sent, r.target), now)
	}
}

// backOff lowers the budget to what gets through. It never raises it.
func (r *Reports) backOff(to float64, now time.Time) {
	to = max(to, float64(r.config.Min))
	if to >= r.target {
		return
	}
	if now.Sub(r.cut) > episode && r.ceiling > 0 && r.target > r.ceiling {
		r.fails++
	}
	if to < deepCut*r.sent.rate(now, sendWindow, 0) {
		r.drained = now.Add(drainTime)
	}
	r.target, r.ceiling, r.cut, r.grown, r.wrong = to, to, now, now, now
	r.retryAt = now.Add(min(retryFirst<<min(r.fails, 10), retryLongest))
	r.proven = min(r.proven, to)
}

// Budget implements Estimator.
func (r *Reports) Budget(now time.Time) Bitrate {
	r.mu.Lock()
	defer r.mu.Unlock()
	sent := r.sent.rate(now, sendWindow, 0)
	r.fade(sent, now)
	r.prove(now)
	r.grow(sent, now)
	if now.Before(r.drained) || now.Sub(r.cut) < drainMost && r.queue.waits(now) > queueShort {
		return Bitrate(max(drain*r.target, float64(r.config.Min)))
	}
	return Bitrate(r.target)
}

// fade keeps the peak of what was sent, and of what went well. While something goes wrong nothing is learned of it.
func (r *Reports) fade(sent float64, now time.Time) {
	passed := max(now.Sub(r.faded), 0)
	if r.faded.IsZero() {
		passed = 0
	}
	r.faded = now
	left := math.Exp2(-passed.Seconds() / halfLife.Seconds())
	r.peak = max(left*r.peak, sent)
	if now.Sub(r.wrong) >= proofTime+echoTime {
		r.proven = max(left*r.proven, r.sent.rate(now, proofTime, echoTime))
	}
}

// prove forgets an old congestion once clearly more than then gets through.
func (r *Reports) prove(now time.Time) {
	if r.ceiling > 0 && r.proven > beyond*r.ceiling {
		r.ceiling, r.fails = 0, 0
	}
}

// grow raises the budget by what has passed since the last time, if nothing speaks against it.
func (r *Reports) grow(sent float64, now time.Time) {
	passed := min(now.Sub(r.grown), time.Second)
	if r.grown.IsZero() {
		passed = 0
	}
	r.grown = now
	bound := min(max(float64(r.config.Reach), overshoot*r.peak), float64(r.config.Max))
	if passed > 0 && r.mayGrow(sent, now) {
		r.target *= math.Pow(r.growth(), passed.Seconds())
	}
	r.target = max(min(r.target, bound), float64(r.config.Min))
}

func (r *Reports) growth() float64 {
	switch {
	case r.cut.IsZero():
		return growUnknown
	case r.ceiling == 0:
		return growKnown
	}
	return growRetry
}

func (r *Reports) mayGrow(sent float64, now time.Time) bool {
	switch {
	case r.ceiling > 0 && now.Before(r.retryAt):
		return false
	case sent == 0:
		return true // nothing is sent, so nobody says anything
	case now.Sub(r.heard) > silence || r.queue.waits(now) > queueShort:
		return false
	case now.Sub(r.fellAt) < alarmTime && r.remb < sent:
		return false // it may be confirmed
	}
	return r.share < lossGrow
}
