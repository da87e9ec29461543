package bot

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"souffleur/internal/bus"
	"souffleur/internal/meeting"
	"souffleur/sfu"
)

const (
	// recordSpan is how often records end: those of all tracks of a server at one moment, so that Kafka takes what stands in one
	// partition as one batch. Brokers work for each batch, and the embedded one keeps 72 bytes of each in memory.
	recordSpan     = 100 * time.Millisecond
	maxSpan        = 2 * recordSpan        // audio in one record, where packets come late and then all together
	maxPackets     = 50                    // in one record, whatever their length
	tick           = 50 * time.Millisecond // how often a recording looks at its clock
	keepAliveEvery = time.Second           // while an open track sends nothing (DTX)
	inboxPackets   = 256                   // about 5 s of 20 ms packets
)

// recording is one track on its way to Kafka: offer → inbox → build → ring → send.
type recording struct {
	r     *Recorder     // set once
	track meeting.Track // set once
	ring  *ring         // set once

	// inbox takes packets from the packet path. When it is full the newest packet is dropped and counted, and the next one says
	// that packets are missing before it: the builder is a few microseconds of work per packet, so a full inbox means that the
	// machine stands still.
	inbox chan packet
	ended chan struct{} // closed by end
	once  sync.Once
	built chan struct{} // closed when the builder is done

	optOut  atomic.Bool
	cuts    atomic.Uint64 // rises at each cut; the builder begins a new epoch when it sees it
	discard atomic.Uint64 // the latest cut whose earlier audio must never be sent

	mu      sync.Mutex // guards what offer needs
	seq     unwrap
	rtp     unwrap
	skipped bool // packets were dropped since the last that was queued
}

func newRecording(r *Recorder, t meeting.Track) *recording {
	perSecond := int(time.Second / recordSpan)
	return &recording{
		r: r, track: t,
		ring:  newRing(r.cfg.RingSeconds*perSecond, r.sealer(t)),
		inbox: make(chan packet, inboxPackets),
		ended: make(chan struct{}), built: make(chan struct{}),
		seq: unwrap{bits: 16}, rtp: unwrap{bits: 32},
	}
}

// offer queues a copy of p.
func (t *recording) offer(p sfu.AudioPacket) {
	opus := append([]byte(nil), p.Payload...)
	t.mu.Lock()
	defer t.mu.Unlock()
	seq, rtp := t.seq.extend(uint64(p.Seq)), t.rtp.extend(uint64(p.TS))
	select {
	case t.inbox <- packet{seq: seq, rtp: rtp, arrival: p.Arrival, kept: t.r.keeps(), opus: opus, skipped: t.skipped}:
		t.skipped = false
	default:
		t.skipped = true
		t.r.dropped.Add(1)
	}
}

// cut ends the epoch. With forget, what was recorded before it and not yet sent is dropped.
func (t *recording) cut(forget bool) {
	n := t.cuts.Add(1)
	if forget {
		t.discard.Store(n)
		t.ring.clear()
	}
}

func (t *recording) end() { t.once.Do(func() { close(t.ended) }) }

// build turns packets into sealed records until the track ends.
func (t *recording) build(ctx context.Context) {
	defer close(t.built)
	b := builder{t: t, span: t.r.cfg.Now().Truncate(recordSpan)}
	clock := time.NewTimer(t.untilTick())
	defer clock.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case p := <-t.inbox:
			b.notice(t.cuts.Load())
			b.take(b.order.push(p))
		case <-clock.C:
			clock.Reset(t.untilTick())
			b.notice(t.cuts.Load())
			b.pass(t.r.cfg.Now())
		case <-t.ended:
			b.notice(t.cuts.Load())
			b.drain()
			return
		}
	}
}

// untilTick returns how long it is to the next tick, which all recordings have at one moment.
func (t *recording) untilTick() time.Duration {
	now := t.r.cfg.Now().Round(0) // by the clock on the wall
	return now.Truncate(tick).Add(tick).Sub(now)
}

// builder is the state of the build goroutine.
type builder struct {
	t     *recording
	order reorder
	cut   uint64 // the last cut it has seen

	clock    *epochClock // nil: the next packet begins an epoch
	epoch    uint64      // ms of the room clock, rising
	firstRTP uint64      // extended RTP of the epoch's first packet
	level    meeting.Level

	open        *bus.AudioRecord // record in the making
	lastArrival time.Time        // of the last packet taken
	lastRTP     uint64           // ticks since the epoch's start, of the last packet
	nextSeq     uint64
	lastSent    time.Time
	span        time.Time // when the present recordSpan began, at the last tick
}

// notice applies a cut made by somebody else.
func (b *builder) notice(cut uint64) {
	if cut == b.cut {
		return
	}
	if b.t.discard.Load() > b.cut {
		b.open = nil
		b.order = reorder{}
		b.emptyInbox()
	} else {
		b.endEpoch()
	}
	b.cut = cut
	b.clock = nil
}

// emptyInbox forgets packets that came before a cut that forgets.
func (b *builder) emptyInbox() {
	for {
		select {
		case <-b.t.inbox:
		default:
			return
		}
	}
}

func (b *builder) take(packets []packet) {
	for _, p := range packets {
		b.add(p)
	}
}

// add puts one packet, in sequence, into the record in the making.
func (b *builder) add(p packet) {
	if p.skipped && b.clock != nil {
		b.lose()
	}
	if b.clock != nil && (p.rtp < b.firstRTP || b.clock.jumped(p.rtp-b.firstRTP, p.arrival)) {
		b.flush(0)
		b.clock = nil
	}
	if b.clock == nil {
		b.begin(p)
	}
	rtp := p.rtp - b.firstRTP
	if b.open != nil && (b.open.Flags&bus.Kept != 0) != p.kept { // a record is kept as a whole, or not
		b.flush(0)
	}
	if b.open == nil {
		b.open = &bus.AudioRecord{
			Meeting: b.t.r.cfg.Meeting, Track: b.t.track.Track, Epoch: b.epoch, FirstSeq: p.seq, RTP: rtp,
			CaptureNS: p.arrival.UnixNano(), Level: b.level,
		}
		if p.kept {
			b.open.Flags = bus.Kept
		}
	}
	b.open.Packets = append(b.open.Packets, bus.AudioPacket{Seq: p.seq, RTP: rtp, Opus: p.opus})
	b.lastArrival, b.lastRTP, b.nextSeq = p.arrival, rtp, p.seq+1
	if len(b.open.Packets) >= maxPackets || rtp-b.open.RTP >= ticks(maxSpan) {
		b.flush(0)
	}
}

// lose says that packets were lost after the last one.
func (b *builder) lose() {
	b.flush(0)
	b.emit(&bus.AudioRecord{
		Meeting: b.t.r.cfg.Meeting, Track: b.t.track.Track, Epoch: b.epoch, FirstSeq: b.nextSeq, RTP: b.lastRTP,
		CaptureNS: b.lastArrival.UnixNano(), Level: b.level, Flags: bus.Discontinuity,
	})
}

// begin starts an epoch at p. Epochs rise even if two begin within a millisecond.
func (b *builder) begin(p packet) {
	at := p.arrival.Sub(b.t.r.cfg.Began).Milliseconds()
	b.epoch = max(b.epoch+1, uint64(max(at, 1)))
	b.firstRTP = p.rtp
	b.clock = newEpochClock(p.arrival)
	b.level = meeting.Level(b.t.r.level.Load())
}

func ticks(d time.Duration) uint64 { return uint64(d.Milliseconds()) * ticksPerMillisecond }

// pass follows the clock: it ends records in step with those of other tracks, and keeps the track alive in silence.
func (b *builder) pass(now time.Time) {
	b.take(b.order.expire(now))
	if span := now.Truncate(recordSpan); !span.Equal(b.span) {
		b.span = span
		b.flush(0)
	}
	if b.clock != nil && b.open == nil && now.Sub(b.lastSent) >= keepAliveEvery {
		b.keepAlive(now, 0)
	}
}

// keepAlive tells readers how far the track's silent clock has come.
func (b *builder) keepAlive(now time.Time, flags bus.AudioFlags) {
	silence := ticks(max(now.Sub(b.lastArrival), 0))
	b.emit(&bus.AudioRecord{
		Meeting: b.t.r.cfg.Meeting, Track: b.t.track.Track, Epoch: b.epoch, FirstSeq: b.nextSeq,
		RTP: b.lastRTP + silence, CaptureNS: now.UnixNano(), Level: b.level, Flags: bus.KeepAlive | flags,
	})
}

// drain writes everything that has arrived.
func (b *builder) drain() {
	for {
		select {
		case p := <-b.t.inbox:
			b.take(b.order.push(p))
			continue
		default:
		}
		break
	}
	b.endEpoch()
}

// endEpoch writes what is left and says that nothing follows, so that the last utterance becomes a final at once.
func (b *builder) endEpoch() {
	b.take(b.order.flush())
	b.flush(bus.EndOfSpurt)
	if b.clock != nil {
		b.keepAlive(b.t.r.cfg.Now(), bus.Muted)
	}
}

// flush finishes the record in the making.
func (b *builder) flush(flags bus.AudioFlags) {
	if b.open == nil {
		return
	}
	rec := b.open
	b.open = nil
	rec.Flags |= flags
	b.emit(rec)
}

// emit seals a record and puts it into the ring, unless the AI was switched off meanwhile.
func (b *builder) emit(rec *bus.AudioRecord) {
	if meeting.Level(b.t.r.level.Load()) == meeting.Off || b.t.optOut.Load() {
		return
	}
	r, err := b.t.ring.seal(rec)
	if err != nil { // over the format's bounds: a hostile sender; its audio is lost
		b.t.r.dropped.Add(1)
		if r, err = b.t.ring.seal(record{head: *rec}.loss()); err != nil {
			return
		}
	}
	b.lastSent = b.t.r.cfg.Now()
	if b.t.ring.push(r) {
		b.t.r.dropped.Add(1)
	}
}

// sealer returns the function that seals the records of a track.
func (r *Recorder) sealer(t meeting.Track) func(*bus.AudioRecord) (record, error) {
	return func(rec *bus.AudioRecord) (record, error) {
		value, err := bus.SealAudio(r.cfg.Key, rec)
		if err != nil {
			return record{}, err
		}
		head := *rec
		head.Packets = nil
		return record{head: head, packets: len(rec.Packets), message: bus.Message{
			Topic: bus.Audio, Partition: t.Partition, Meeting: rec.Meeting, Key: bus.AudioKey(rec.Meeting, rec.Track), Value: value,
		}}, nil
	}
}
