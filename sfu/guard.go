package sfu

import (
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/transport/v5/packetio"

	"souffleur/internal/signal"
)

// PersonLimits bounds what one participant may send. What is above is dropped at once; who stays above is thrown out.
type PersonLimits struct {
	Bitrate int // of all media together, in bits/s
	Packets int // of all media together, a second; as many reports about what they get
}

// DefaultPersonLimits is far above what browsers send: a camera in three layers takes 2.5 Mb/s and 300 packets a second, a
// screen with much movement 3 Mb/s.
func DefaultPersonLimits() PersonLimits { return PersonLimits{Bitrate: 8_000_000, Packets: 3000} }

// Validate says what is wrong with l, naming the field.
func (l PersonLimits) Validate() error {
	if l.Bitrate < 100_000 || l.Packets < 100 {
		return fmt.Errorf("Bitrate is %d and Packets %d: below 100000 and 100 nobody can take part", l.Bitrate, l.Packets)
	}
	return nil
}

const (
	// maxStrikes is how long somebody may send too much: each second counts as often as it was above the limit. So who
	// sends a little too much has five seconds, who sends five times too much has one.
	maxStrikes = 5
	// bucket is how many seconds' worth may come at once: key frames of all layers together with a changed screen.
	bucket = 2

	// uplinkStreams bounds the streams of one uplink, of media and of reports alike. (count in uplink.go bounds those that
	// become something; pion keeps the others for the connection's life, and nothing else bounds them.)
	uplinkStreams = 2 * maxStreams
	// downlinkStreams is the same for a downlink, on which only reports come: one stream for each slot that they name.
	downlinkStreams = 64
	// reportSize bounds reports by size, with as many of them allowed as packets of media, in bytes. A report that names
	// all slots counts for each: browsers send twenty of those a second, and some hundred repair requests at heavy loss.
	reportSize = 200
)

// guard stands where packets of one connection come in, before anything is done with them but decryption. Beyond its
// limits it drops; who goes on is reported. Connections with so many streams that no browser begins them are reported, too.
type guard struct {
	limits guardLimits  // set once, as all down to start
	flood  func(string) // throws the participant out, with a sentence; must not wait. May be called again
	listen listen       // who takes reports; nil: they wait until they are read
	start  time.Time

	begun atomic.Int32 // streams

	mu      sync.Mutex // guards all below; nothing is called while it is held
	at      time.Duration
	level   amount // what is in the bucket
	came    amount // in this second, what was dropped included
	second  int64  // the present one, since start
	strikes int
	told    int64 // the second in which flood was called last; 0: never
}

// amount is of what a guard counts.
type amount struct{ bytes, packets float64 }

// guardLimits are what a guard lets pass.
type guardLimits struct {
	amount        // in a second
	streams int32 // in the connection's life
	deaf    bool  // no media is expected: it is dropped
}

// listen returns who takes the reports about a stream, on the goroutine that decrypts them; nil: nobody does.
type listen func(ssrc uint32) func([]byte)

// newUplinkGuard guards the media that a member sends.
func (m *member) newUplinkGuard() *guard {
	limits := m.room.node.config.Person
	return m.newGuard(guardLimits{amount{float64(limits.Bitrate) / 8, float64(limits.Packets)}, uplinkStreams, false})
}

// newDownlinkGuard guards the reports that a member sends about what he gets.
func (m *member) newDownlinkGuard(l listen) *guard {
	packets := float64(m.room.node.config.Person.Packets)
	g := m.newGuard(guardLimits{amount{packets * reportSize, packets}, downlinkStreams, true})
	g.listen = l
	return g
}

func (m *member) newGuard(limits guardLimits) *guard {
	flood := func(what string) { m.room.Remove(m.id, signal.CodeFlood, what) }
	return &guard{limits: limits, flood: flood, start: time.Now()}
}

// buffer is a webrtc.SettingEngine's BufferFactory: the place where the packets of one stream wait to be read.
func (g *guard) buffer(kind packetio.BufferPacketType, ssrc uint32) io.ReadWriteCloser {
	b := &guardedBuffer{Buffer: packetio.NewBuffer(), guard: g}
	switch {
	case kind == packetio.RTPBufferPacket:
		b.deaf = g.limits.deaf
		b.SetLimitSize(mediaBuffer)
	case g.listen != nil:
		b.taker = g.listen(ssrc)
		b.deaf = b.taker == nil
	default:
		b.SetLimitSize(reportBuffer)
	}
	if g.begun.Add(1) > g.limits.streams {
		b.deaf = true
		g.report("your client sent more media streams than a browser has")
	}
	return b
}

// take counts a packet and says whether there is room for it.
func (g *guard) take(size int, now time.Duration) bool {
	g.mu.Lock()
	g.countLocked(size, now)
	out := g.floodsLocked()
	fits := g.level.bytes+float64(size) <= bucket*g.limits.bytes && g.level.packets+1 <= bucket*g.limits.packets
	if fits {
		g.level.bytes += float64(size)
		g.level.packets++
	}
	g.mu.Unlock()
	if out {
		g.flood("your client sent far more than cameras and microphones do")
	}
	return fits
}

// countLocked drains the bucket for the time that has passed, closes seconds that are over, and counts the packet.
func (g *guard) countLocked(size int, now time.Duration) {
	passed := max(0, (now - g.at).Seconds())
	g.at = max(g.at, now)
	g.level.bytes = max(0, g.level.bytes-passed*g.limits.bytes)
	g.level.packets = max(0, g.level.packets-passed*g.limits.packets)
	if second := int64(now / time.Second); second > g.second {
		if over := g.overLocked(); over > 0 && second == g.second+1 {
			g.strikes += over
		} else {
			g.strikes = 0
		}
		g.second, g.came = second, amount{}
	}
	g.came.bytes += float64(size)
	g.came.packets++
}

// overLocked returns how many times the limit has come in this second; 0 if it is kept.
func (g *guard) overLocked() int {
	share := max(g.came.bytes/g.limits.bytes, g.came.packets/g.limits.packets)
	if share <= 1 {
		return 0
	}
	return int(share)
}

// floodsLocked says whether the participant must be thrown out now; at most once a second, until he is.
func (g *guard) floodsLocked() bool {
	if over := g.overLocked(); over == 0 || g.strikes+over < maxStrikes || g.told > g.second {
		return false
	}
	g.told = g.second + 1
	return true
}

// report throws the participant out for what no rate measures; at most once a second.
func (g *guard) report(what string) {
	g.mu.Lock()
	second := int64(time.Since(g.start) / time.Second)
	first := g.told <= second
	g.told = second + 1
	g.mu.Unlock()
	if first {
		g.flood(what)
	}
}

// Sizes of the buffers of one stream, in bytes, as pion has them: a second of 8 Mb/s, and plenty of reports.
const (
	mediaBuffer  = 1_000_000
	reportBuffer = 100_000
)

// guardedBuffer is pion's buffer behind a guard. What does not fit is lost, as it would be on the network.
type guardedBuffer struct {
	*packetio.Buffer
	guard *guard
	deaf  bool         // takes nothing
	taker func([]byte) // takes everything, so that nothing waits; nil: it waits here until it is read
}

// Read and Write implement io.ReadWriteCloser; the two below are what pion uses where it finds them.
func (b *guardedBuffer) Read(p []byte) (int, error) {
	n, _, err := b.Buffer.Read(p, nil)
	return n, err
}

func (b *guardedBuffer) Write(p []byte) (int, error) { return b.WriteWithAttributes(p, nil) }

func (b *guardedBuffer) ReadWithAttributes(p []byte, a packetio.Attributes) (int, packetio.Attributes, error) {
	return b.Buffer.Read(p, a)
}

func (b *guardedBuffer) WriteWithAttributes(p []byte, a packetio.Attributes) (int, error) {
	if !b.guard.take(len(p), time.Since(b.guard.start)) || b.deaf {
		return 0, packetio.ErrFull // pion takes it for a full buffer, and goes on
	}
	if b.taker != nil {
		b.taker(p)
		return len(p), nil
	}
	return b.Buffer.Write(p, a)
}

// maxRepairs bounds the packets that one reader may ask for again in a second, whether they are still there or not, so that
// a client cannot make the server flood it. At a tenth of loss a page of twelve cameras asks for 60.
const maxRepairs = 600

// repairs counts what one reader has asked for again. Any goroutine may use it; its zero value is ready.
type repairs struct {
	second atomic.Int64 // Unix time
	asked  atomic.Int32 // in it
}

// take says whether one packet more may be repeated. At the turn of a second it may let through a few too many.
func (r *repairs) take(now time.Time) bool {
	second := now.Unix()
	if last := r.second.Load(); second > last && r.second.CompareAndSwap(last, second) {
		r.asked.Store(0)
	}
	return r.asked.Add(1) <= maxRepairs
}
