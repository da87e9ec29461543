package asr

import (
	"context"
	"log/slog"
	"time"

	"souffleur/internal/bus"
	"souffleur/internal/meeting"
	"souffleur/internal/timeline"
)

// Deadlines of recognitions, in wall clock after the moment the audio was captured.
const (
	finalWithin = time.Second
	firstWithin = 1200 * time.Millisecond
)

// track is one track of a partition. The goroutine of the partition owns it; recognisers reach its utterances only.
type track struct {
	p       *partition // set once
	meeting meeting.ID // set once
	id      meeting.TrackID
	log     *slog.Logger

	resume  resumePoint // what lies before is done
	epoch   uint64
	level   meeting.Level // of the epoch
	speaker meeting.ParticipantID
	vad     VoiceDetector
	seg     *segmenter // nil until the first packet, and after a drop
	known   *foreknowledge

	guess   *guess       // of the open utterance, nil while it does not pause
	loss    *loss        // that goes on, nil if none does
	doubted *doubt       // whether audio before the next record was lost, nil if that is not in doubt
	pending []*utterance // opened and not done, oldest first; each holds the commit back at its mark
	finals  int          // of pending, closed and waiting for their text
	ctx     context.Context
	cancel  context.CancelFunc // interrupts the recognitions of pending

	lastOffset int64     // of its newest record
	lastRead   time.Time // when that was read
	deadAt     int64     // end of the log when the track seemed to have ended without a word; -1: it did not
	heardUntil int64     // room clock ms at which its newest record ends
	capturedAt time.Time // capture time of sample capturedOn
	capturedOn int64
	lag        time.Duration // age of the newest record when it was read
	lateBy     time.Duration // age of a final when it was published: the highest of late
	lateAt     time.Time     // when that was
}

// hear takes a record of the track. The record may be recognised: the caller has asked the roster.
func (t *track) hear(rec *bus.AudioRecord, offset int64) {
	t.lastOffset, t.lastRead, t.deadAt = offset, time.Now(), -1
	if t.seg != nil && rec.Epoch < t.epoch || t.resume.covers(rec.Epoch, rec.FirstSeq) && len(rec.Packets) == 0 {
		return
	}
	if rec.Flags&bus.Discontinuity != 0 && len(rec.Packets) == 0 {
		t.lose(rec, offset)
		return
	}
	t.weighDoubt(rec)
	t.endLoss(rec)
	if t.seg == nil || rec.Epoch > t.epoch {
		t.begin(rec, offset)
	}
	t.heardUntil = endOf(rec)
	t.noteCapture(rec)
	for _, p := range rec.Packets {
		if !t.resume.covers(rec.Epoch, p.Seq) {
			t.seg.add(timeline.Packet(p), offset)
		}
	}
	if rec.Flags&bus.KeepAlive != 0 {
		t.seg.silentUntil(rec.RTP, offset)
	}
	if rec.Flags&bus.Muted != 0 {
		t.seg.flush(offset)
	}
	t.offerPartial()
}

// begin starts a new time base.
func (t *track) begin(rec *bus.AudioRecord, offset int64) {
	if t.seg != nil {
		t.seg.flush(offset)
	}
	t.epoch, t.level = rec.Epoch, rec.Level
	t.seg = newSegmenter(t.meeting, t.id, rec.Epoch, t.vad, t)
}

func (t *track) noteCapture(rec *bus.AudioRecord) {
	t.capturedAt, t.capturedOn = time.Unix(0, rec.CaptureNS), int64(rec.RTP/3)
	t.lag = max(0, t.lastRead.Sub(t.capturedAt))
}

// noteLate takes the age of a final that was published. A high one is remembered until everybody was told.
func (t *track) noteLate(by time.Duration) {
	if by >= t.lateBy || time.Since(t.lateAt) >= 2*statusEvery {
		t.lateBy, t.lateAt = by, time.Now()
	}
}

// captured returns when the sample at position at was captured.
func (t *track) captured(at int64) time.Time { return t.capturedAt.Add(duration(at - t.capturedOn)) }

// roomClock converts a position to ms of the room clock.
func (u *utterance) roomClock(at int64) int64 { return int64(u.epoch) + at*1000/SampleRate }

// opened implements utteranceSink.
func (t *track) opened(u *utterance) {
	u.epoch = t.epoch
	t.pending = append(t.pending, u)
	t.recall(u)
}

// closed implements utteranceSink: the final is asked for.
func (t *track) closed(u *utterance) {
	if t.recall(u) {
		t.adopt(u)
		return
	}
	t.finals++
	u.level, u.spokenAt = t.level, t.captured(u.end)
	deliver := func(out outcome) {
		u.conclude(&out)
		t.known.learn(out.evidence, out.voice)
		t.known.remember(out, u.roomClock(u.end))
		t.p.finished.put(finished{t, u, out})
	}
	if t.guessed(u, deliver) {
		return
	}
	u.asked = &job{
		class: classFinal, meeting: t.meeting, ctx: t.ctx, deadline: u.spokenAt.Add(finalWithin),
		run: func(ctx context.Context, h *hand) {
			quick := t.p.w.jobs.pressure() >= hurried
			if out := u.finalOf(ctx, u.snapshot(), t.known.recognizer(h, forFinals), t.known, defaultEndpointing(), quick); ctx.Err() == nil {
				deliver(out)
			}
		},
	}
	t.p.w.jobs.add(u.asked)
}

// recall looks up whether the final of u was published before, by whomever.
func (t *track) recall(u *utterance) bool {
	if u.final == nil {
		u.final = t.p.published(t.meeting, u.id)
	}
	return u.final != nil
}

// adopt takes the final of u as it was published, as if it had been recognised here.
func (t *track) adopt(u *utterance) {
	t.resumed()
	t.done(u)
	t.known.recall(u.final, voicedTime(u.snapshot()), u.roomClock(u.end))
	t.p.w.counts.add(func(n *Counts) { n.Adopted++ })
}

// late returns the finals of utterances that wait too long for a recogniser and whose partials heard them to their end: those
// become the finals, and the recogniser's own follow when there is time.
func (t *track) late(now time.Time) []finished {
	var out []finished
	for _, u := range t.pending {
		if u.asked == nil || u.fast || now.Sub(u.asked.added) < fastAfter || !u.heardToItsEnd() {
			continue
		}
		if t.p.putOff(u.asked) {
			u.fast = true
			fast := outcome{engine: t.p.w.engineFor(t.meeting, forPartials), late: true}
			u.fallBack(&fast)
			out = append(out, finished{t, u, fast})
		}
	}
	return out
}

// discarded implements utteranceSink.
func (t *track) discarded(u *utterance) {
	t.resumed()
	t.done(u)
}

// done forgets a pending utterance; false if it was not pending any more.
func (t *track) done(u *utterance) bool {
	for i, p := range t.pending {
		if p == u {
			t.pending = append(t.pending[:i], t.pending[i+1:]...)
			return true
		}
	}
	return false
}

// offerPartial asks for a partial of the open utterance if it is time. A track has at most one asked for or under way:
// the newest audio is taken when a recogniser is free, so nothing backs up.
func (t *track) offerPartial() {
	u := t.seg.u
	if u == nil || u.final != nil || !u.partialDue(t.p.w.jobs.refreshEvery(u.id)) {
		return
	}
	j := &job{class: classRefresh, meeting: t.meeting, ctx: t.ctx, deadline: t.captured(t.seg.hopAt)}
	if u.claim() {
		j.class, j.deadline = classFirst, t.captured(u.voice).Add(firstWithin)
	}
	j.run = func(ctx context.Context, h *hand) {
		caption, refused, err := u.partial(ctx, t.known.recognizer(h, forPartials), t.known, defaultEndpointing())
		t.p.w.counts.partial(refused, err)
		if caption != nil && ctx.Err() == nil {
			t.p.w.show(t.meeting, t.id, u.inRoomTime(caption))
		}
	}
	t.p.w.jobs.add(j)
}

// inRoomTime converts the times of a caption.
func (u *utterance) inRoomTime(c *meeting.Caption) *meeting.Caption {
	c.T0, c.T1 = u.roomClock(c.T0), u.roomClock(c.T1)
	return c
}

// drop forgets everything that has not become a final: captions were switched off.
func (t *track) drop() {
	t.cancel()
	t.ctx, t.cancel = context.WithCancel(t.p.ctx)
	t.pending, t.finals, t.guess, t.loss, t.doubted = nil, 0, nil, nil, nil
	if t.begun() {
		t.resume = resumePoint{t.epoch, t.seg.lastSeq + 1}
	}
	t.seg = nil
}

// begun says whether a packet was heard that no resume point covers.
func (t *track) begun() bool { return t.seg != nil && t.seg.begun }

// restart returns where replay must begin to find everything again that is not done, and whether that holds the commit
// back: false if the track sent nothing since.
func (t *track) restart() (p resumePoint, offset int64, holds bool) {
	switch {
	case len(t.pending) > 0:
		u := t.pending[0]
		return resumePoint{u.epoch, u.from.seq}, u.from.offset, true
	case t.begun():
		return resumePoint{t.epoch, t.seg.mark.seq}, t.seg.mark.offset, !t.seg.quiet()
	}
	return t.resume, 0, false
}

// segment builds the final of u in its revision rev. Speaker and track are left out.
func (u *utterance) segment(out outcome, rev int) *meeting.Segment {
	words := u.timed(out.words)
	sum := float32(0)
	for _, w := range words {
		sum += w.P
	}
	said := text(out.words)
	return &meeting.Segment{
		Caption: meeting.Caption{
			V: meeting.CaptionVersion, Seg: u.id, Rev: rev,
			T0: words[0].T0, T1: words[len(words)-1].T1, Lang: out.lang,
			Text: said, Stable: len([]rune(said)), Final: true,
		},
		Epoch: u.epoch, FirstSeq: u.firstSeq, EndSeq: u.endSeq, Level: u.level,
		Quality: out.quality, Conf: sum / float32(len(words)), Engine: out.engine, Words: words,
	}
}

// timed returns words in ms of the room clock, inside the utterance and in order.
func (u *utterance) timed(words []RecognizedWord) []meeting.Word {
	first, last := u.roomClock(u.start), u.roomClock(u.end)
	out := make([]meeting.Word, len(words))
	for i, w := range words {
		t0 := min(max(u.roomClock(u.start+samples(w.Start)), first), last)
		t1 := min(max(u.roomClock(u.start+samples(w.End)), t0), last)
		out[i] = meeting.Word{Text: w.Text, T0: t0, T1: t1, P: w.P}
		first = t0
	}
	return out
}
