package diarize

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"souffleur/internal/bus"
	"souffleur/internal/listen"
	"souffleur/internal/meeting"
	"souffleur/internal/seal"
	"souffleur/internal/timeline"
	"souffleur/internal/voicebook"
)

const (
	// micQueue bounds the records that a microphone has not heard yet: a minute, 1 MB at most. When it is full the partition
	// waits, and so audio waits on the bus.
	micQueue = 600
	// revised is how far back a tracker may change its mind, in ms.
	revised = 5000
	// look is how often turns are looked at while somebody speaks.
	look = 250 * time.Millisecond
	// grown is by how much a turn that goes on must have grown to be announced again, in ms; words within a second and a half of it
	// count as its own ([voicebook.Book.Divide]).
	grown = 1000
)

// A microphone of somebody who did not join as a room is probed: a tracker hears it for a while. Several people are there when two
// voices have twoVoices each.
const (
	probeSpeech = 60_000 // ms of speech after which one voice is alone
	twoVoices   = 6_000  // ms of speech that each of two voices must have
	probeAgain  = 10 * time.Minute
)

// outcome is why nobody listens to a microphone any more.
type outcome string

const (
	meetingEnded outcome = "ended"   // the end pass is published
	switchedOff  outcome = "off"     // an admin does not want it
	dropped      outcome = "dropped" // what was heard must not be used: an opt-out, or a meeting that was forgotten
	failed       outcome = "failed"  // the tracker
	alone        outcome = "alone"   // a probe heard one voice
	stopped      outcome = ""        // the generation ended
)

// waiting is a record that a microphone has not heard yet.
type waiting struct {
	*bus.AudioRecord
	offset int64
}

// mic is one microphone. The fields of the partition are its goroutine's; those below belong to the goroutine that runs it, and
// to the partition once over is closed.
type mic struct {
	w         *Worker
	k         who
	headcount int
	key       seal.Key
	log       *slog.Logger
	first     atomic.Int64  // offset of the first record that would have to be heard again after a crash
	over      chan struct{} // closed when nobody listens any more

	queue     chan waiting    // see micQueue
	halt      chan struct{}   // closed where what waits must not be heard any more
	lastTrack meeting.TrackID // of the partition: of the newest record
	lastAt    time.Time       // of the partition: when the bus got it
	closed    bool            // of the partition
	verdict   outcome         // of the partition, set before queue is closed

	tracker Tracker
	book    *voicebook.Book // what is published
	probe   bool            // nothing is published yet: there may be one person only
	outcome outcome
	replay  int64       // ms of the room clock: until here it was heard before, and is published
	numbers map[int]int // from the tracker's voices to those published; nil until the replay is over

	meetingBegan time.Time   // zero: not known
	recalled     map[int]int // numbers that were saved before a crash
	saved        saved

	track   meeting.TrackID
	epoch   uint64
	lastSeq uint64
	line    *timeline.Timeline
	began   int64 // ms of the room clock of the first sample; -1: there was none
	heard   int64 // ms of the room clock up to which the tracker heard
	judged  int64 // heard at the last look
}

func newMic(w *Worker, k who, s listen.Standing, key seal.Key, b *voicebook.Book, offset int64, probe bool) *mic {
	t := &mic{
		w: w, k: k, headcount: s.Headcount, key: key, book: b, probe: probe, began: -1, meetingBegan: s.Began,
		log:  w.cfg.Log.With("meeting", k.meeting, "participant", k.participant),
		over: make(chan struct{}), queue: make(chan waiting, micQueue), halt: make(chan struct{}),
	}
	t.first.Store(offset)
	if turns := b.Turns(); len(turns) > 0 {
		t.replay = turns[len(turns)-1].T1
	} else {
		t.numbers = make(map[int]int)
	}
	return t
}

// offer hands a record over. It waits for room; its only error is that of ctx.
func (t *mic) offer(ctx context.Context, rec waiting) error {
	if t.closed {
		return nil
	}
	select {
	case t.queue <- rec:
	case <-t.over:
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

// finish says that nothing more is to be heard, and why. What waits is heard first where the meeting ended.
func (t *mic) finish(why outcome) {
	if !t.closed {
		t.closed, t.verdict = true, why
		if why != meetingEnded {
			close(t.halt)
		}
		close(t.queue)
	}
}

func (t *mic) isOver() bool {
	select {
	case <-t.over:
		return true
	default:
		return false
	}
}

// run listens until the microphone is finished or ctx ends. Whatever a tracker does, it ends in a warning.
func (t *mic) run(ctx context.Context) {
	err := guarded(func() error { return t.listen(ctx) })
	if ctx.Err() != nil {
		t.outcome = stopped
		return
	}
	defer t.discard(ctx)
	if err == nil {
		return
	}
	t.outcome = failed
	t.log.Warn("voices at a microphone are not told apart any more", "warning", meeting.VoicesFailed, "err", err)
	if known(t.book) {
		_ = t.publish(ctx, meeting.Voices{Type: meeting.VoicesDone, Warning: meeting.VoicesFailed}) // else the meeting's end waits in vain
	}
}

// guarded turns a panic into an error: what a tracker hears, strangers have made.
func guarded(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("tell voices apart: panic: %v", r)
		}
	}()
	return f()
}

func (t *mic) listen(ctx context.Context) error {
	var err error
	if t.tracker, err = t.w.cfg.NewTracker(!t.probe, t.headcount); err != nil {
		return fmt.Errorf("make a tracker: %w", err)
	}
	defer func() {
		if err := t.tracker.Close(); err != nil {
			t.log.Warn("closing a tracker of voices", "err", err)
		}
	}()
	if known(t.book) {
		if err := t.recall(ctx); err != nil {
			return err
		}
	}
	ticker := time.NewTicker(look)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-t.halt:
			return t.conclude(ctx)
		case rec, more := <-t.queue:
			if !more {
				return t.conclude(ctx)
			}
			if err := t.hear(ctx, rec.AudioRecord); err != nil {
				return err
			}
			t.mark(rec.offset)
		case <-ticker.C:
		}
		if t.due() {
			if err := t.save(ctx); err != nil {
				return err
			}
		}
		if t.heard-t.judged < look.Milliseconds() {
			continue
		}
		t.judged = t.heard
		if err := t.judge(ctx); err != nil || t.outcome == alone {
			return err
		}
	}
}

// hear takes a record in order. What the bus doubled, and what lies before what was heard, is passed over.
func (t *mic) hear(ctx context.Context, rec *bus.AudioRecord) error {
	if rec.Track == t.track && rec.Epoch < t.epoch {
		return nil
	}
	if rec.Track != t.track || rec.Epoch != t.epoch || t.line == nil {
		t.track, t.epoch, t.line, t.lastSeq = rec.Track, rec.Epoch, timeline.New(), 0
		if t.began < 0 && !t.probe && !known(t.book) { // whoever waits for the end of the meeting knows that there is somebody to wait for
			if err := t.publish(ctx, meeting.Voices{Type: meeting.VoicesTurns}); err != nil {
				return err
			}
		}
	}
	for _, p := range rec.Packets {
		if p.Seq <= t.lastSeq && t.lastSeq > 0 {
			continue
		}
		t.lastSeq = p.Seq
		chunk := t.line.Append(timeline.Packet(p))
		t.push(int64(t.epoch)+chunk.Start*1000/timeline.Rate, chunk.PCM)
	}
	return nil
}

// push hands samples to the tracker, without what lies before those it has.
func (t *mic) push(at int64, pcm []float32) {
	const perMS = timeline.Rate / 1000
	if skip := (t.heard - at) * perMS; t.began >= 0 && skip > 0 {
		if skip >= int64(len(pcm)) {
			return
		}
		at, pcm = t.heard, pcm[skip:]
	}
	if len(pcm) == 0 {
		return
	}
	if t.began < 0 {
		t.began = at
	}
	t.tracker.Push(at, pcm)
	t.heard = at + int64(len(pcm))/perMS
}

// judge publishes what has changed. A probe decides whether there is anything to publish.
func (t *mic) judge(ctx context.Context) error {
	if t.probe {
		t.decide()
		if t.probe || t.outcome == alone {
			return nil
		}
		return t.announce(ctx, t.began)
	}
	if t.numbers == nil {
		if t.heard < t.replay {
			return nil
		}
		t.match()
	}
	if err := t.announceMerges(ctx); err != nil {
		return err
	}
	return t.announce(ctx, max(t.began, t.heard-revised-grown))
}

// decide says whether a probe hears several people, or one, or must hear more.
func (t *mic) decide() {
	var sum int64
	share := make(map[int]int64)
	for _, turn := range t.tracker.Turns(t.began) {
		share[turn.Voice] += turn.T1 - turn.T0
		sum += turn.T1 - turn.T0
	}
	voices := 0
	for _, d := range share {
		if d >= twoVoices {
			voices++
		}
	}
	switch {
	case voices >= 2 && !t.tracker.Alone():
		t.probe = false
		t.log.Info("several voices are heard at the microphone of one participant")
	case sum >= probeSpeech:
		t.outcome = alone
	}
}

// announceMerges publishes which numbers turned out to be one voice.
func (t *mic) announceMerges(ctx context.Context) error {
	for _, m := range t.tracker.Merges() {
		from, into := t.number(m.From), t.number(m.Into)
		if from == 0 || into == 0 || t.book.Resolve(from) == t.book.Resolve(into) {
			continue
		}
		if err := t.publish(ctx, meeting.Voices{Type: meeting.VoicesMerged, Voice: from, Into: into}); err != nil {
			return err
		}
	}
	return nil
}

// announce publishes the turns since a moment, from the first that differs from what is published.
func (t *mic) announce(ctx context.Context, since int64) error {
	now, before := t.turns(since), t.book.Since(since)
	if len(now) > 0 && len(before) > 0 && now[0].T0 == since && before[0].T0 < since && t.same(now[0].Voice, before[0].Voice) {
		now[0].T0 = before[0].T0 // it began before, and only its end is asked for
	}
	same := 0
	for same < len(now) && same < len(before) && now[same].T0 == before[same].T0 && now[same].T1 == before[same].T1 && t.same(now[same].Voice, before[same].Voice) {
		same++
	}
	now, before = now[same:], before[same:]
	if len(now) == 0 && len(before) == 0 || t.growing(now, before) {
		return nil
	}
	from := since
	switch {
	case len(now) > 0 && len(before) > 0:
		from = min(now[0].T0, before[0].T0)
	case len(now) > 0:
		from = now[0].T0
	default:
		from = before[0].T0
	}
	return t.publishTurns(ctx, from, now)
}

// same says whether two published numbers are one voice.
func (t *mic) same(a, b int) bool { return t.book.Resolve(a) == t.book.Resolve(b) }

// growing says whether the only news is that the newest turn goes on, and not by enough.
func (t *mic) growing(now, before []meeting.VoiceTurn) bool {
	if len(now) != 1 || len(before) != 1 || now[0].T0 != before[0].T0 || !t.same(now[0].Voice, before[0].Voice) {
		return false
	}
	by := now[0].T1 - before[0].T1
	return by > 0 && by < grown
}

// turns returns the tracker's turns that end after a moment, under the published numbers: in order, none over another.
func (t *mic) turns(since int64) []meeting.VoiceTurn { return t.published(t.tracker.Turns(since)) }

func (t *mic) published(turns []Turn) []meeting.VoiceTurn {
	out := make([]meeting.VoiceTurn, 0, len(turns))
	last := int64(0)
	for _, turn := range turns {
		voice := t.number(turn.Voice)
		t0, t1 := max(turn.T0, last, 0), turn.T1
		if voice == 0 || t1 <= t0 {
			continue
		}
		out = append(out, meeting.VoiceTurn{T0: t0, T1: t1, Voice: voice})
		last = t1
	}
	return out
}

// conclude ends the microphone as the partition decided.
func (t *mic) conclude(ctx context.Context) error {
	t.outcome = t.verdict
	switch {
	case t.verdict == dropped, t.probe:
		return nil
	case t.verdict == switchedOff:
		t.log.Info("voices at a microphone are not told apart any more", "warning", meeting.VoicesOff)
		return t.publish(ctx, meeting.Voices{Type: meeting.VoicesDone, Warning: meeting.VoicesOff})
	case t.began < 0:
		return t.publish(ctx, meeting.Voices{Type: meeting.VoicesDone})
	}
	if t.numbers == nil {
		t.match()
	}
	if err := t.announceMerges(ctx); err != nil {
		return err
	}
	turns := t.published(t.tracker.End(t.headcount))
	for _, warning := range t.tracker.Warnings() {
		t.log.Warn("voices at a microphone were not told apart as they should be", "warning", warning)
	}
	if len(turns) > 0 {
		if err := t.publishTurns(ctx, min(t.began, turns[0].T0), turns); err != nil {
			return err
		}
	}
	return t.publish(ctx, meeting.Voices{Type: meeting.VoicesDone})
}

// publishTurns replaces what was published from a moment on, in as many records as it needs.
func (t *mic) publishTurns(ctx context.Context, from int64, turns []meeting.VoiceTurn) error {
	for {
		n := min(len(turns), meeting.MaxVoiceTurns)
		if err := t.publish(ctx, meeting.Voices{Type: meeting.VoicesTurns, From: from, Turns: turns[:n]}); err != nil {
			return err
		}
		if turns = turns[n:]; len(turns) == 0 {
			return nil
		}
		from = turns[0].T0
	}
}

// publish puts the next record on the bus, as long as that takes.
func (t *mic) publish(ctx context.Context, v meeting.Voices) error {
	v.V, v.Meeting, v.Participant = meeting.VoicesVersion, t.k.meeting, t.k.participant
	v.Track, v.Rev = t.track, t.book.Rev()+1
	m, err := bus.SealVoices(t.key, &v)
	if err != nil {
		return err
	}
	m.Partition = t.w.cfg.Bus.PartitionOf(bus.Speakers, t.k.meeting)
	if err := t.put(ctx, m); err != nil {
		return fmt.Errorf("publish voices: %w", err)
	}
	t.book.Apply(&v)
	return nil
}

// put publishes a record. One that is on its way when ctx ends is awaited for a moment: the broker may take it all the same, and whoever
// listens next must find it, or would give its revision to another record.
func (t *mic) put(ctx context.Context, m bus.Message) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	last, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(stopWithin, cancel) })()
	return t.w.cfg.Bus.Publish(last, m)
}
