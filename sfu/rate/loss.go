package rate

import (
	"time"

	"github.com/pion/rtcp"
)

const (
	// maxStreams bounds the streams that are followed: a downlink has seventeen.
	maxStreams = 32
	// maxReported is the most packets that one report may cover: more than a second of anything, so that a receiver that
	// jumps ahead says nothing.
	maxReported = 1 << 14
	// Loss is judged every lossInterval, by at least lossPackets: one packet lost of twenty means nothing.
	lossInterval = 400 * time.Millisecond
	lossPackets  = 60

	reportExpires = 2500 * time.Millisecond
)

// losses gathers what receiver reports say. They are counted by the growth of their cumulative numbers (RFC 3550, section
// 6.4.1), not by their fraction: so a report that comes twice counts once, a lost report's losses come with the next, and
// reports of a stream that is silent count nothing.
type losses struct {
	streams        [maxStreams]stream
	following      int
	expected, lost int // since judged
	judged         time.Time
	video          int     // packets of video expected since told
	told           int64   // bytes of video sent, when video was last 0
	size           float64 // bytes of a packet of video, on the mean
	burst          burst
}

// stream is what was last reported of one.
type stream struct {
	ssrc    uint32
	audio   bool
	at      time.Time // of the report; zero: none yet
	highest uint32
	lost    int32   // 24 bits with sign
	rate    float64 // packets that arrived in a second, by the newest report
	skipped uint32  // numbers that were never sent, so far
	known   uint32  // of them when the newest report came
	asked   asked
}

func (l *losses) follow(s stream) {
	if l.find(s.ssrc) == nil && l.following < maxStreams {
		l.streams[l.following] = s
		l.following++
	}
}

func (l *losses) find(ssrc uint32) *stream {
	for i := range l.following {
		if l.streams[i].ssrc == ssrc {
			return &l.streams[i]
		}
	}
	return nil
}

// note counts one report. It returns false if it says nothing new.
func (l *losses) note(report *rtcp.ReceptionReport, now time.Time) bool {
	s := l.find(report.SSRC)
	if s == nil {
		return false
	}
	lost := int32(report.TotalLost<<8) >> 8
	passed := report.LastSequenceNumber - s.highest
	before := *s
	if !s.at.IsZero() && (passed == 0 || passed > 1<<31) {
		return false // the same again, or one that was overtaken
	}
	s.at, s.highest, s.lost, s.known = now, report.LastSequenceNumber, lost, s.skipped
	if before.at.IsZero() || passed > maxReported {
		return false
	}
	// Duplicates and repeats may make the sum of losses fall. What was skipped and comes later does the same to that sum.
	sent := max(int(passed)-max(int(int32(s.skipped-before.known)), 0), 0)
	missing := min(max(int(lost-before.lost)-(int(passed)-sent), 0), sent)
	l.expected += sent
	l.lost += missing
	s.rate = float64(sent-missing) / max(now.Sub(before.at).Seconds(), 0.1)
	if !s.audio {
		l.video += sent
	}
	return true
}

// sizePackets is how many packets the size of one is the mean of.
const sizePackets = 200

// measure learns the size of packets from the bytes of video that were sent in all.
func (l *losses) measure(sent int64) {
	if l.told == 0 {
		l.video, l.told = 0, sent // from the first report on
	}
	if l.video < sizePackets {
		return
	}
	size := float64(sent-l.told) / float64(l.video)
	l.video, l.told = 0, sent
	if size = min(max(size, 100), 1500); l.size == 0 {
		l.size = size
	}
	l.size += (size - l.size) / 4
}

// arriving returns how much video arrives, in bits per second, by the newest report of each stream: what gets through a
// link whose queue is overrun. Reports come some once a second, so older ones are of streams that are silent.
func (l *losses) arriving(now time.Time) float64 {
	packets := 0.0
	for i := range l.following {
		if s := &l.streams[i]; !s.audio && now.Sub(s.at) < reportExpires {
			packets += s.rate
		}
	}
	return 8 * l.size * packets
}

// judge returns the share that was lost, if there is enough to tell.
func (l *losses) judge(now time.Time) (share float64, ok bool) {
	if l.expected < lossPackets || now.Sub(l.judged) < lossInterval {
		return 0, false
	}
	share = float64(l.lost) / float64(l.expected)
	l.expected, l.lost, l.judged = 0, 0, now
	return share, true
}
