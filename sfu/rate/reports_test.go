package rate

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/pion/rtcp"
)

// cameras is a page of one large camera and five thumbnails, each with three layers: what is sent is stepped.
func cameras(budget float64) float64 {
	ladder := []float64{0, 150e3, 500e3, 1700e3}
	level := make([]int, 6)
	total := 0.0
	for i := range level {
		if total+ladder[1] <= budget {
			level[i], total = 1, total+ladder[1]
		}
	}
	for i := range level {
		for level[i] > 0 && level[i] < 3 && total-ladder[level[i]]+ladder[level[i]+1] <= budget {
			total += ladder[level[i]+1] - ladder[level[i]]
			level[i]++
		}
	}
	return total
}

// smooth takes all the budget that there is, up to 8 Mb/s.
func smooth(budget float64) float64 { return min(budget, 8e6) }

// queueBits is 40 kB: 64 ms at 5 Mb/s, 640 ms at 500 kb/s.
const queueBits = 320e3

type scenario struct {
	rtt    time.Duration
	remb   bool
	demand func(float64) float64
	name   string
}

func scenarios() []scenario {
	var list []scenario
	for _, rtt := range []time.Duration{50 * time.Millisecond, 200 * time.Millisecond} {
		for _, remb := range []bool{true, false} {
			who := "a receiver that only reports losses"
			if remb {
				who = "a browser"
			}
			list = append(list,
				scenario{rtt, remb, cameras, fmt.Sprintf("layers to %s, %v away", who, rtt)},
				scenario{rtt, remb, smooth, fmt.Sprintf("any rate to %s, %v away", who, rtt)})
		}
	}
	return list
}

func TestFollowsALinkDownAndUp(t *testing.T) {
	for _, c := range scenarios() {
		t.Run(c.name, func(t *testing.T) {
			if testing.Short() && c.rtt > 100*time.Millisecond {
				t.Skip("played in the full tests")
			}
			l := &link{capacity: 5e6, queue: queueBits, oneWay: c.rtt / 2}
			s := newScene(l, c.remb, c.demand)
			s.play(40 * time.Second)
			before := mean(s.between(30*time.Second, 40*time.Second))
			if before < 0.75*5e6 {
				t.Errorf("only %.0f kb/s are sent on a free link after half a minute", before/1e3)
			}
			l.capacity = 500e3
			s.play(30 * time.Second)
			after := s.between(40*time.Second, 70*time.Second)
			settled := settling(after, func(x sample) bool { return x.rate < 500e3 })
			drained := settling(after, func(x sample) bool { return x.queue < 100*time.Millisecond })
			low := s.between(43*time.Second, 70*time.Second)
			l.capacity = 5e6
			s.play(60 * time.Second)
			recovered := recovery(s.between(70*time.Second, 130*time.Second), 0.8*before)
			t.Logf("before %.0f kb/s; settled after %v, queue empty after %v; then mean %.0f, highest %.0f kb/s, %d cuts, queue %v at the median; recovered after %v; audio lost %d of %d",
				before/1e3, settled, drained, mean(low)/1e3, highest(low)/1e3, cuts(low), medianQueue(low), recovered, lostAudio(s.samples), s.seq[audioSSRC])
			if settled > 3*time.Second {
				t.Errorf("it took %v to settle", settled)
			}
			if drained > 6*time.Second {
				t.Errorf("it took %v to empty the queue", drained)
			}
			if m := mean(low); m < 200e3 || m > 500e3 {
				t.Errorf("%.0f kb/s are sent on a link of 500", m/1e3)
			}
			if q := medianQueue(low); q > 150*time.Millisecond {
				t.Errorf("the queue holds %v", q)
			}
			if n := cuts(low); n > 5 {
				t.Errorf("the rate was cut %d times in half a minute", n)
			}
			if recovered > 45*time.Second {
				t.Errorf("it took %v to recover", recovered)
			}
		})
	}
}

func mean(part []sample) float64 {
	sum := 0.0
	for _, x := range part {
		sum += x.rate
	}
	return sum / float64(len(part))
}

func highest(part []sample) float64 {
	return slices.MaxFunc(part, func(a, b sample) int { return int(a.rate - b.rate) }).rate
}

// settling returns from when on ok held for a second.
func settling(part []sample, ok func(sample) bool) time.Duration {
	since := part[0].at
	for _, x := range part {
		if !ok(x) {
			since = x.at
		}
		if x.at-since >= time.Second {
			return since - part[0].at
		}
	}
	return time.Hour
}

func recovery(part []sample, rate float64) time.Duration {
	for _, x := range part {
		if x.rate >= rate {
			return x.at - part[0].at
		}
	}
	return time.Hour
}

// cuts counts how often the rate fell by more than a tenth.
func cuts(part []sample) int {
	n := 0
	for i := 1; i < len(part); i++ {
		if part[i].rate < 0.9*part[i-1].rate {
			n++
		}
	}
	return n
}

func medianQueue(part []sample) time.Duration {
	var queues []time.Duration
	for _, x := range part {
		queues = append(queues, x.queue)
	}
	slices.Sort(queues)
	return queues[len(queues)/2]
}

func lostAudio(part []sample) int {
	n := 0
	for _, x := range part {
		n += x.audioLost
	}
	return n
}

func TestALittleLossIsNoCongestion(t *testing.T) {
	for _, remb := range []bool{true, false} {
		s := newScene(&link{capacity: 20e6, queue: queueBits, oneWay: 25 * time.Millisecond}, remb, cameras)
		s.play(40 * time.Second)
		before := s.rate
		s.lossy = 0.05
		s.play(30 * time.Second)
		if s.rate < before {
			t.Errorf("with 5 %% loss %.0f kb/s became %.0f (estimates: %v)", before/1e3, s.rate/1e3, remb)
		}
	}
}

func TestHeavyLossIsBackedOffFrom(t *testing.T) {
	s := newScene(&link{capacity: 20e6, queue: queueBits, oneWay: 25 * time.Millisecond}, true, smooth)
	s.play(20 * time.Second)
	before := s.rate
	s.lossy = 0.2
	s.play(10 * time.Second)
	if s.rate > 0.75*before {
		t.Errorf("with 20 %% loss %.0f kb/s are still sent, of %.0f", s.rate/1e3, before/1e3)
	}
}

func TestAnOutageIsForgottenSoon(t *testing.T) {
	for _, remb := range []bool{true, false} {
		s := newScene(&link{capacity: 10e6, queue: queueBits, oneWay: 25 * time.Millisecond}, remb, cameras)
		s.play(30 * time.Second)
		before := s.rate
		s.lossy = 1
		s.play(1500 * time.Millisecond)
		s.lossy = 0
		from := s.now.Sub(begin)
		s.play(40 * time.Second)
		if d := recovery(s.between(from, from+40*time.Second), 0.8*before); d > 30*time.Second {
			t.Errorf("%v after an outage there is still less (estimates: %v)", d, remb)
		}
	}
}

func TestSilenceNeitherStarvesNorFeeds(t *testing.T) {
	for _, remb := range []bool{true, false} {
		sending := 0.0
		s := newScene(&link{capacity: 5e6, queue: queueBits, oneWay: 25 * time.Millisecond}, remb, func(budget float64) float64 {
			return min(sending, budget)
		})
		s.play(20 * time.Second)
		if b := s.estimator.Budget(s.now); b < DefaultConfig().Start || b > DefaultConfig().Reach {
			t.Errorf("nothing was sent, and the budget is %d", b)
		}
		sending = 150e3 // the receiver's estimate is at most 235 kb/s now
		s.play(time.Minute)
		if b := s.estimator.Budget(s.now); b < DefaultConfig().Start || b > DefaultConfig().Reach {
			t.Errorf("one thumbnail was sent, and the budget is %d", b)
		}
		sending = 1700e3
		s.play(10 * time.Second)
		if s.rate < sending {
			t.Errorf("a large picture was wanted, and %.0f kb/s are sent (estimates: %v)", s.rate/1e3, remb)
		}
	}
}

func TestAQueueThatLosesNothingIsEmptied(t *testing.T) {
	s := newScene(&link{capacity: 5e6, queue: 20e6, oneWay: 25 * time.Millisecond}, true, cameras)
	s.play(40 * time.Second)
	s.capacity = 500e3
	s.play(40 * time.Second)
	after := s.between(40*time.Second, 80*time.Second)
	settled := settling(after, func(x sample) bool { return x.rate < 500e3 })
	drained := settling(after, func(x sample) bool { return x.queue < 100*time.Millisecond })
	t.Logf("settled after %v, empty after %v", settled, drained)
	if settled > 3*time.Second || drained > 30*time.Second {
		t.Errorf("it took %v to settle and %v until nothing waited", settled, drained)
	}
}

func TestPausedVideoComesBack(t *testing.T) {
	s := newScene(&link{capacity: 120e3, queue: queueBits, oneWay: 25 * time.Millisecond}, true, cameras)
	s.play(20 * time.Second)
	if s.rate > 150e3 {
		t.Errorf("%.0f kb/s of video are sent on a link of 120", s.rate/1e3)
	}
	s.capacity = 3e6
	from := s.now.Sub(begin)
	s.play(time.Minute)
	if d := recovery(s.between(from, from+time.Minute), 1e6); d > 45*time.Second {
		t.Errorf("video came back after %v", d)
	}
}

// feed is an estimator that sends at a rate and gets what a test says.
type feed struct {
	*Reports
	now  time.Time
	rate float64
	trip time.Duration
	seq  uint32
	lost uint32
}

func newFeed(rate float64) *feed {
	f := &feed{Reports: NewReports(DefaultConfig()), now: begin, rate: rate, trip: 50 * time.Millisecond}
	f.FollowVideo(videoSSRC)
	return f
}

// wait lets time pass and reports once a second; of the packets of that second so many are lost.
func (f *feed) wait(seconds int, lost float64, estimate func() float64) {
	for range seconds {
		for range 10 {
			f.now = f.now.Add(100 * time.Millisecond)
			f.Sent(int(f.rate/80), f.now)
			f.Budget(f.now)
		}
		packets := uint32(f.rate / 8 / packetBytes)
		f.seq += packets
		f.lost += uint32(lost * float64(packets))
		f.OnRTCP([]rtcp.Packet{&rtcp.ReceiverReport{Reports: []rtcp.ReceptionReport{{
			SSRC: videoSSRC, LastSequenceNumber: f.seq, TotalLost: f.lost, LastSenderReport: compactNTP(f.now.Add(-f.trip)),
		}}}}, f.now)
		if estimate != nil {
			f.say(estimate())
		}
	}
}

func (f *feed) say(estimate float64) {
	f.OnRTCP([]rtcp.Packet{&rtcp.ReceiverEstimatedMaximumBitrate{Bitrate: float32(estimate), SSRCs: []uint32{videoSSRC}}}, f.now)
}

func always(estimate float64) func() float64 { return func() float64 { return estimate } }

// rising is what Chrome says after a step up: it rises by 8 % a second, however much more arrives.
func rising(from float64) func() float64 {
	return func() float64 { from *= 1.08; return from }
}

func TestWhatAnEstimateMeans(t *testing.T) {
	for _, c := range []struct {
		what     string
		then     func(*feed)
		from, to float64 // of the budget afterwards, as shares of the 800 kb/s that are sent
	}{
		{"it lags behind a step up, and rises", func(f *feed) {
			f.rate = 150e3
			f.wait(5, 0, always(235e3))
			f.rate = 800e3
			f.wait(5, 0, rising(235e3))
		}, 1.2, 10},
		{"it falls, and less arrives: that is congestion", func(f *feed) { f.wait(1, 0.4, nil); f.say(400e3) }, 0, 0.61},
		{"it falls, and then less is said to arrive", func(f *feed) { f.say(420e3); f.wait(1, 0.45, nil) }, 0, 0.56},
		{"it falls, and packets begin to wait", func(f *feed) { f.say(420e3); f.trip = 300 * time.Millisecond; f.wait(1, 0, nil) }, 0, 0.9},
		{"it falls, and all arrives in time", func(f *feed) { f.say(420e3); f.wait(4, 0, rising(420e3)) }, 1, 10},
		{"it falls to next to nothing and stays there, and all arrives", func(f *feed) { f.say(100e3); f.wait(8, 0, always(8e3)) }, 1, 10},
		{"it falls, far above what is sent", func(f *feed) { f.say(3e6); f.say(1e6); f.wait(1, 0.03, nil) }, 1, 10},
		{"it is zero, and all arrives", func(f *feed) { f.say(0); f.wait(8, 0, always(0)) }, 1, 10},
		{"it is zero, and most is lost", func(f *feed) { f.say(0); f.wait(4, 0.8, always(0)) }, 0, 0.3},
		{"it is beyond all measure", func(f *feed) { f.say(1e19); f.wait(3, 0, always(1e19)) }, 1, 4},
	} {
		f := newFeed(800e3)
		f.wait(10, 0, always(1.2e6))
		c.then(f)
		if share := float64(f.Budget(f.now)) / f.rate; share < c.from || share > c.to {
			t.Errorf("%s: the budget is %.2f of what is sent, not %.2f to %.2f", c.what, share, c.from, c.to)
		}
	}
}

func TestABusyReceiverKeepsItsThumbnail(t *testing.T) {
	f := newFeed(200e3)
	f.wait(10, 0, always(285e3))
	for _, estimate := range []float64{230e3, 149e3, 38e3, 11e3, 11e3, 12e3, 13e3, 13e3, 13e3, 8e3, 8e3, 8e3} { // as Chromium said
		f.wait(1, 0, always(estimate))
		if b := f.Budget(f.now); float64(b) < f.rate {
			t.Fatalf("all arrives, and the budget is %d", b)
		}
	}
}

func TestALossCountsOnce(t *testing.T) {
	f := newFeed(800e3)
	f.wait(10, 0, nil)
	f.seq, f.lost = f.seq+90, f.lost+45
	report := []rtcp.Packet{&rtcp.ReceiverReport{Reports: []rtcp.ReceptionReport{
		{SSRC: videoSSRC, LastSequenceNumber: f.seq, TotalLost: f.lost, FractionLost: 128},
		{SSRC: 99, LastSequenceNumber: 1, TotalLost: 1, FractionLost: 255},
	}}}
	f.now = f.now.Add(time.Second)
	f.OnRTCP(report, f.now)
	once := f.Budget(f.now)
	for range 16 { // the other readers, and the same report for seconds while the stream is silent
		f.now = f.now.Add(300 * time.Millisecond)
		f.OnRTCP(report, f.now)
	}
	if again := f.Budget(f.now); again < once*9/10 || once > Mbps {
		t.Errorf("one report made the budget %d, repeated %d", once, again)
	}
}

func TestWhatThePublisherLostIsNoCongestion(t *testing.T) {
	f := newFeed(3e6)
	f.wait(10, 0, nil)
	before := f.Budget(f.now)
	skipped := uint32(0)
	for range 5 { // the receiver misses a fifth, and that was never sent
		skipped += uint32(f.rate/8/packetBytes) / 5
		f.Skipped(videoSSRC, skipped)
		f.wait(1, 0.2, nil)
	}
	if b := f.Budget(f.now); b < before {
		t.Errorf("the budget fell from %d to %d", before, b)
	}
	f.wait(2, 0.2, nil) // and now it is lost on the way to him
	if b := f.Budget(f.now); b >= before {
		t.Errorf("a fifth is lost, and the budget is %d", b)
	}
}

func TestABurstOfRequestsIsHeeded(t *testing.T) {
	for _, c := range []struct {
		what       string
		lost       func(n int) bool
		again      int // how often each packet is asked for
		congestion bool
	}{
		{"four of five packets are missed", func(n int) bool { return n%5 > 0 }, 1, true},
		{"one of five", func(n int) bool { return n%5 == 0 }, 1, false},
		{"one of five, and each is asked for ten times", func(n int) bool { return n%5 == 0 }, 10, false},
		{"ten in a row, once", func(n int) bool { return n >= 50 && n < 60 }, 1, false},
	} {
		f := newFeed(3e6)
		f.wait(10, 0, nil)
		before := f.Budget(f.now)
		for n := range 300 { // in a second
			f.now = f.now.Add(3 * time.Millisecond)
			for range c.again {
				if c.lost(n) {
					f.Asked(videoSSRC, uint16(65400+n), f.now)
				}
			}
		}
		if cut := f.Budget(f.now) < before/2; cut != c.congestion {
			t.Errorf("%s: the budget went from %d to %d", c.what, before, f.Budget(f.now))
		}
	}
}

func TestAQueueIsSeenInRoundTrips(t *testing.T) {
	var q queue
	now := begin
	for i, c := range []struct {
		trip, waits time.Duration
	}{
		{80, 0}, {50, 0}, {60, 0}, {400, 10}, {410, 350}, {60, 10}, {50, 0}, {20_000, 0}, {-5, 0},
	} {
		now = now.Add(time.Second)
		held := uint32(1 << 15) // half a second in the receiver
		q.note(compactNTP(now.Add(-500*time.Millisecond-c.trip*time.Millisecond)), held, now)
		if w := q.waits(now).Round(time.Millisecond); w != c.waits*time.Millisecond {
			t.Errorf("after round trip %d of %v packets wait %v, not %v", i, c.trip*time.Millisecond, w, c.waits*time.Millisecond)
		}
	}
	if q.waits(now.Add(time.Minute)) != 0 {
		t.Error("an old round trip counts")
	}
}

func TestHostileReportsKeepTheBudgetInItsBounds(t *testing.T) {
	config := DefaultConfig()
	for _, report := range []rtcp.ReceptionReport{
		{SSRC: videoSSRC, FractionLost: 255}, {SSRC: videoSSRC, LastSequenceNumber: 1<<32 - 1, TotalLost: 1<<24 - 1},
		{SSRC: 12345, FractionLost: 255, LastSequenceNumber: 4e9, TotalLost: 1 << 23}, {SSRC: videoSSRC, LastSequenceNumber: 5, TotalLost: 1 << 23},
	} {
		f := newFeed(500e3)
		for i := range 200 {
			report.LastSequenceNumber += uint32(i * i)
			report.TotalLost = (report.TotalLost + uint32(i)) & 0xFFFFFF
			f.now = f.now.Add(50 * time.Millisecond)
			f.OnRTCP([]rtcp.Packet{&rtcp.ReceiverReport{Reports: []rtcp.ReceptionReport{report}}}, f.now)
			if b := f.Budget(f.now); b < config.Min || b > config.Max {
				t.Fatalf("%+v: the budget is %d", report, b)
			}
		}
	}
	f := newFeed(500e3)
	for i := range uint32(1000) {
		f.FollowAudio(i) // more than there are slots
	}
	if n := f.losses.following; n != maxStreams {
		t.Errorf("%d streams are followed", n)
	}
}

// FuzzBudget plays any sequence of events: three bytes each, what it is, a value, the time that passes before it.
func FuzzBudget(f *testing.F) {
	f.Add([]byte{0, 200, 10, 1, 30, 50, 2, 255, 100, 3, 0, 0, 0, 255, 255, 1, 255, 1, 2, 0, 200})
	f.Fuzz(func(t *testing.T, script []byte) {
		config := Config{Min: 10 * Kbps, Start: 100 * Kbps, Reach: Mbps, Max: 5 * Mbps}
		r := NewReports(config)
		r.FollowVideo(1)
		now := begin
		var seq, lost uint32
		for ; len(script) >= 3; script = script[3:] {
			value := int(script[1])
			now = now.Add(time.Duration(int(script[2])-10) * 20 * time.Millisecond) // clocks may go back
			switch script[0] % 5 {
			case 4:
				r.Asked(1, uint16(value*97), now)
				r.Skipped(1, seq+uint32(value))
			case 0:
				r.Sent((value-10)*1000, now)
			case 1:
				r.OnRTCP([]rtcp.Packet{&rtcp.ReceiverEstimatedMaximumBitrate{Bitrate: float32(uint64(1) << (value % 64))}}, now)
			case 2:
				seq += uint32(value) << (value % 25)
				lost += uint32(value)
				r.OnRTCP([]rtcp.Packet{&rtcp.SenderReport{Reports: []rtcp.ReceptionReport{{SSRC: uint32(value % 2), LastSequenceNumber: seq, TotalLost: lost}}}}, now)
			case 3:
				seq -= uint32(value)
				r.OnRTCP([]rtcp.Packet{&rtcp.ReceiverReport{Reports: []rtcp.ReceptionReport{{SSRC: 1, LastSequenceNumber: seq, TotalLost: ^lost, LastSenderReport: uint32(value) << 20, Delay: lost}}}, nil}, now)
			}
			if b := r.Budget(now); b < config.Min || b > config.Max {
				t.Fatalf("the budget is %d", b)
			}
		}
	})
}

func TestConfigMustRise(t *testing.T) {
	for _, c := range []Config{{}, {Min: 2, Start: 1, Reach: 3, Max: 4}, {Min: 1, Start: 3, Reach: 2, Max: 4}, {Min: 1, Start: 2, Reach: 5, Max: 4}} {
		if c.Validate() == nil {
			t.Errorf("%+v is accepted", c)
		}
	}
	if c := DefaultConfig(); c.Validate() != nil {
		t.Error(c.Validate())
	}
}

func BenchmarkReports(b *testing.B) {
	f := newFeed(800e3)
	packets := []rtcp.Packet{
		&rtcp.ReceiverReport{Reports: []rtcp.ReceptionReport{{SSRC: videoSSRC}}},
		&rtcp.ReceiverEstimatedMaximumBitrate{Bitrate: 1e6},
	}
	b.ReportAllocs()
	for b.Loop() {
		f.now = f.now.Add(200 * time.Millisecond)
		f.Sent(20000, f.now)
		f.OnRTCP(packets, f.now)
		f.Budget(f.now)
	}
}
