package asr

import (
	"context"
	"time"

	"souffleur/internal/bus"
	"souffleur/internal/meeting"
	"souffleur/internal/timeline"
)

// leastGap is how much audio must be lost for the transcript to say so. Shorter losses are filled with silence and heard as part
// of an utterance; from here on an utterance ends, and a sentence may be missing.
const leastGap = timeline.LongGap * time.Second / timeline.Rate

// What is a gap: audio that the recorder had and that no recogniser ever heard, because a ring was full, or because nobody
// recognised while the bus kept it. What the network lost before, silence without packets and muted microphones are none: they
// leave no mark, and their sequence numbers go on or their packets never existed.

// loss is audio of a track that was lost. How far it goes is told by the next record.
type loss struct {
	u     *utterance // stands for it among the pending, so that a replay finds it again
	epoch uint64
	seq   uint64 // the first packet lost, if that is known
	known bool   // it is
	at    int64  // room clock ms at which it begins
}

// doubt says that records of a track may be lost between what was heard of it and its next record.
type doubt struct {
	offset int64 // of the first record that may be lost
	heard  int64 // capture time in Unix ms until which everything was heard, or is named by the last commit; 0: not known
}

// lose notes that the recorder lost audio from a record on, which stands where that audio would.
func (t *track) lose(rec *bus.AudioRecord, offset int64) {
	if t.loss != nil || t.begun() && rec.Epoch == t.epoch && rec.FirstSeq <= t.seg.lastSeq {
		return // the bus may double a record
	}
	t.loseFrom(rec, offset, &loss{epoch: rec.Epoch, seq: rec.FirstSeq, known: true, at: roomClockOf(rec)})
}

func (t *track) loseFrom(rec *bus.AudioRecord, offset int64, l *loss) {
	l.u = &utterance{from: mark{l.seq, offset}, firstSeq: l.seq, epoch: l.epoch, level: rec.Level}
	t.loss, t.pending = l, append(t.pending, l.u)
}

// roomClockOf returns when a record begins, in ms of the room clock.
func roomClockOf(rec *bus.AudioRecord) int64 { return int64(rec.Epoch) + int64(rec.RTP/48) }

// weighDoubt decides whether audio before rec was lost that no record speaks of, because those records are lost, too.
func (t *track) weighDoubt(rec *bus.AudioRecord) {
	d := t.doubted
	t.doubted = nil
	if d == nil || t.loss != nil {
		return
	}
	l := &loss{epoch: rec.Epoch, at: d.roomClock(rec)}
	switch {
	case t.begun() && t.epoch == rec.Epoch:
		l.seq, l.known, l.at = t.seg.lastSeq+1, true, t.heardUntil
	case t.resume.epoch == rec.Epoch:
		l.seq, l.known = t.resume.seq, true
		l.at = min(l.at, roomClockOf(rec)-lostAudio(rec, l.seq).Milliseconds())
	case rec.RTP == 0:
		return // the epoch begins here
	}
	l.at = max(l.at, int64(rec.Epoch))
	t.loseFrom(rec, d.offset, l)
}

// endOf returns when a record ends, in ms of the room clock.
func endOf(rec *bus.AudioRecord) int64 {
	if len(rec.Packets) == 0 {
		return roomClockOf(rec)
	}
	last := rec.Packets[len(rec.Packets)-1]
	n, _ := timeline.Samples(last.Opus) // what is no Opus takes no time
	return int64(rec.Epoch) + int64((last.RTP+uint64(n))/48)
}

// lostAudio returns how long the packets from seq to rec sounded.
func lostAudio(rec *bus.AudioRecord, seq uint64) time.Duration {
	if rec.FirstSeq <= seq {
		return 0
	}
	each := 20 * time.Millisecond // what browsers send
	if len(rec.Packets) > 0 {
		if n, err := timeline.Samples(rec.Packets[0].Opus); err == nil {
			each = time.Duration(n) * time.Second / timeline.Rate48
		}
	}
	const most = 24 * 3600 * 50 // a day of packets: foreign numbers must not overflow
	return time.Duration(min(rec.FirstSeq-seq, most)) * each
}

// endLoss ends the loss that goes on, if any, where rec begins.
func (t *track) endLoss(rec *bus.AudioRecord) {
	l := t.loss
	if l == nil {
		return
	}
	t.loss = nil
	until := roomClockOf(rec)
	length := time.Duration(until-l.at) * time.Millisecond
	if l.known && l.epoch == rec.Epoch {
		lost := lostAudio(rec, l.seq)
		if len(rec.Packets) == 0 { // silence may have followed
			until = min(until, l.at+lost.Milliseconds())
		}
		length = min(length, lost)
	}
	u, from := l.u, max(l.at, t.p.w.roster.Of(t.meeting, t.id).Since)
	if length < leastGap || until-from < leastGap.Milliseconds() {
		t.done(u)
		return
	}
	u.id = meeting.NewGapID(t.meeting, t.id, rec.Epoch, rec.FirstSeq)
	u.endSeq = rec.FirstSeq
	u.start, u.end = (from-int64(u.epoch))*SampleRate/1000, (until-int64(u.epoch))*SampleRate/1000
	t.finals++
	t.p.finished.put(finished{t, u, outcome{quality: meeting.QualityGap}})
}

// abandonLoss forgets a loss of which nobody will tell how far it goes.
func (t *track) abandonLoss() {
	if t.loss != nil {
		t.done(t.loss.u)
		t.loss = nil
	}
}

// publishGap writes a segment that says that audio was lost.
func (p *partition) publishGap(ctx context.Context, f finished) error {
	u := f.u
	err := p.write(ctx, f.t, &meeting.Segment{
		Caption: meeting.Caption{
			V: meeting.CaptionVersion, Seg: u.id, Rev: meeting.FinalRev, T0: u.roomClock(u.start), T1: u.roomClock(u.end), Final: true,
		},
		Epoch: u.epoch, FirstSeq: u.firstSeq, EndSeq: u.endSeq, Level: u.level, Quality: meeting.QualityGap,
	})
	if err == nil {
		p.w.counts.add(func(n *Counts) { n.Gaps++ })
	}
	return err
}

// holeLasts is how long after records were lost from the log, in media time, a track that is new to us may have been among
// them: whoever is open writes a record every second.
const holeLasts = 10 * time.Second

// hole says that records of the partition were deleted before anybody read them.
type hole struct {
	doubt
	until int64 // capture time in ns until which tracks may come that it took records of; 0: not known yet
}

// missed notes that the records from offset from to before offset to are not in the log any more.
func (p *partition) missed(from, to int64) {
	p.w.cfg.Log.Warn("audio was deleted before it was recognised", "partition", p.at.partition, "records", to-from)
	p.hole = &hole{doubt: doubt{from, p.heard}}
	for _, t := range p.tracks {
		t.doubted = &p.hole.doubt
	}
}

// doubtsNew says whether records of a track that begins with rec may be lost.
func (p *partition) doubtsNew(rec *bus.AudioRecord) *doubt {
	if p.hole == nil {
		return nil
	}
	if p.hole.until == 0 {
		p.hole.until = rec.CaptureNS + int64(holeLasts)
	}
	if rec.CaptureNS > p.hole.until {
		p.hole = nil
		return nil
	}
	return &p.hole.doubt
}

// roomClock returns until when everything was heard, in ms of the room clock of rec's meeting; 0 if that is not known.
func (d *doubt) roomClock(rec *bus.AudioRecord) int64 {
	if d.heard == 0 {
		return 0
	}
	return roomClockOf(rec) - (rec.CaptureNS/int64(time.Millisecond) - d.heard)
}
