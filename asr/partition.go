package asr

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"time"

	"souffleur/internal/bus"
	"souffleur/internal/meeting"
)

const (
	// maxFinals bounds the finals of a partition that wait for their text: at 12 s each, 25 MB. Past it nothing more is
	// read, so audio waits on the bus; no final is ever dropped.
	maxFinals = 32
	// readAhead bounds the records read and not yet heard. The reader waits when it is full.
	readAhead = 16

	tickEvery   = time.Second
	commitEvery = 2 * time.Second
	// stopWithin bounds the last commit of a stop, so that captions resume elsewhere within a second.
	stopWithin = 800 * time.Millisecond
	// awaitTrack is how long a track's announcement may come after its audio: they travel on different topics.
	awaitTrack = 3 * time.Second
	// deadSilence is how long a track may send nothing, not even a keep-alive, before its utterance ends. The recorder
	// writes one every second while a track is open.
	deadSilence = 5 * time.Second
	// maxRemembered bounds what is remembered of meetings and tracks not recognised; forgetting costs one look each.
	maxRemembered = 4096
	// idleTrack is how long a silent track keeps its detector.
	idleTrack = time.Minute
)

// finished is the final of an utterance, ready to be published.
type finished struct {
	t   *track
	u   *utterance
	out outcome
}

// finishedBox takes finals from recognisers to their partition. It is bounded by the utterances of the partition.
type finishedBox struct {
	mu    sync.Mutex // guards items
	items []finished
	ready chan struct{} // holds a value while items may be there
}

func (b *finishedBox) put(f finished) {
	b.mu.Lock()
	b.items = append(b.items, f)
	b.mu.Unlock()
	select {
	case b.ready <- struct{}{}:
	default:
	}
}

func (b *finishedBox) take() []finished {
	b.mu.Lock()
	defer b.mu.Unlock()
	items := b.items
	b.items = nil
	return items
}

// partition recognises one partition of audio.v1 for one generation of the group. One goroutine, in run, owns it.
type partition struct {
	w    *Worker
	a    assignment
	at   position
	fail context.CancelCauseFunc // ends the worker: a model is broken

	ctx      context.Context // of the generation
	cancel   context.CancelFunc
	finished *finishedBox
	unsent   []finished // finals whose publication failed; tried again

	next      int64 // offset of the next record
	tracks    map[trackHash]*track
	resume    map[trackHash]resumePoint // of the last commit, for tracks not seen since
	gone      map[meeting.ID]bool       // meetings whose key is gone; at most maxRemembered, then forgotten
	strangers map[trackHash]bool        // tracks nobody announced; at most maxRemembered, then forgotten
	lost      int64

	committed     int64
	committedMeta string
	committedAt   time.Time
}

func newPartition(ctx context.Context, w *Worker, a assignment, fail context.CancelCauseFunc) *partition {
	p := &partition{
		w: w, a: a, at: a.position(), fail: fail,
		finished: &finishedBox{ready: make(chan struct{}, 1)},
		tracks:   make(map[trackHash]*track), gone: make(map[meeting.ID]bool), strangers: make(map[trackHash]bool),
	}
	p.ctx, p.cancel = context.WithCancel(ctx)
	p.next, p.committed, p.committedMeta = p.at.next, p.at.next, p.at.metadata
	var err error
	if p.resume, err = decodeResume(p.at.metadata); err != nil {
		// Without it at most one utterance a track is recognised twice, under the same ID.
		w.cfg.Log.Warn("resume points do not read, beginning at the commit", "partition", p.at.partition, "err", err)
		p.resume = make(map[trackHash]resumePoint)
	}
	return p
}

// run works until the generation ends. A single bad record, track or answer never ends it.
func (p *partition) run() error {
	defer p.stop()
	var reader sync.WaitGroup
	defer reader.Wait()
	defer p.cancel()
	records := make(chan bus.Message, readAhead)
	reader.Go(func() { p.read(records) })
	changed, unwatch := p.w.roster.watch()
	defer unwatch()
	ticker := time.NewTicker(tickEvery)
	defer ticker.Stop()
	for {
		more := records
		if p.finals() >= maxFinals {
			more = nil
		}
		var err error
		select {
		case <-p.ctx.Done():
			return p.ctx.Err()
		case m := <-more:
			err = p.take(m)
		case <-p.finished.ready:
			err = p.deliver(p.finished.take())
		case <-changed:
			p.obey()
		case <-ticker.C:
			err = p.tick()
		}
		if err != nil {
			return err
		}
	}
}

// read hands records over, in order, until the generation ends.
func (p *partition) read(records chan<- bus.Message) {
	for {
		m, err := p.a.Next(p.ctx)
		if err != nil {
			if !sleep(p.ctx, keyRetry) {
				return
			}
			continue
		}
		select {
		case records <- m:
		case <-p.ctx.Done():
			return
		}
	}
}

// finals counts the finals that wait for their text or to be published.
func (p *partition) finals() int {
	n := len(p.unsent)
	for _, t := range p.tracks {
		n += t.finals
	}
	return n
}

// take hears one record. Its error ends the generation.
func (p *partition) take(m bus.Message) error {
	if m.Offset < p.next {
		return nil
	}
	err := p.hear(m)
	if errors.Is(err, errKeyGone) {
		remember(p.gone, m.Meeting)
		p.dropMeeting(m.Meeting)
		err = nil
	}
	if err != nil {
		return err // the record is heard again by whoever comes next
	}
	p.next = m.Offset + 1
	p.w.counts.add(func(n *Counts) { n.Records++ })
	return nil
}

// remember adds to a set of at most maxRemembered.
func remember[K comparable](set map[K]bool, k K) {
	if len(set) >= maxRemembered {
		clear(set)
	}
	set[k] = true
}

func (p *partition) hear(m bus.Message) error {
	if p.gone[m.Meeting] || len(m.Value) == 0 {
		return nil
	}
	key, err := p.w.key(p.ctx, m.Meeting)
	if err != nil {
		return err
	}
	rec, err := bus.OpenAudio(key, m)
	if err != nil || rec.Meeting != m.Meeting {
		p.w.deadLetter(p.ctx, m, "audio record does not open")
		return nil
	}
	hash := hashTrack(rec.Meeting, rec.Track)
	standing, err := p.standing(rec, hash)
	if err != nil {
		return err
	}
	t := p.tracks[hash]
	if !standing.may(int64(rec.Epoch) + int64(rec.RTP/48)) {
		p.w.counts.add(func(n *Counts) { n.Refused++ })
		if t != nil {
			t.lastOffset = m.Offset
			t.drop()
		}
		return nil
	}
	if t == nil {
		if t, err = p.newTrack(rec, hash); err != nil {
			p.fail(err)
			return err
		}
	}
	t.speaker = standing.speaker
	t.lang.allow(standing.langs)
	t.hear(rec, m.Offset)
	return nil
}

// standing asks the roster about the track of a record, and waits a little for a track not yet announced.
func (p *partition) standing(rec *bus.AudioRecord, hash trackHash) (standing, error) {
	s := p.w.roster.of(rec.Meeting, rec.Track)
	if s.known || p.strangers[hash] {
		return s, nil
	}
	changed, unwatch := p.w.roster.watch()
	defer unwatch()
	timer := time.NewTimer(awaitTrack)
	defer timer.Stop()
	for {
		if s = p.w.roster.of(rec.Meeting, rec.Track); s.known {
			return s, nil
		}
		select {
		case <-changed:
		case <-timer.C:
			p.w.cfg.Log.Warn("audio of a track that nobody announced is not recognised", "meeting", rec.Meeting, "track", rec.Track)
			remember(p.strangers, hash)
			return s, nil
		case <-p.ctx.Done():
			return s, p.ctx.Err()
		}
	}
}

func (p *partition) newTrack(rec *bus.AudioRecord, hash trackHash) (*track, error) {
	vad, err := p.w.cfg.NewDetector()
	if err != nil {
		return nil, err
	}
	t := &track{
		p: p, meeting: rec.Meeting, id: rec.Track, vad: vad, resume: p.resume[hash], lang: &trackLanguage{},
		log: p.w.cfg.Log.With("meeting", rec.Meeting, "track", rec.Track),
	}
	delete(p.resume, hash)
	t.ctx, t.cancel = context.WithCancel(p.ctx)
	p.tracks[hash] = t
	return t, nil
}

func (p *partition) dropMeeting(id meeting.ID) {
	for _, t := range p.tracks {
		if t.meeting == id {
			t.drop()
		}
	}
}

// obey drops what the policy no longer allows, at once.
func (p *partition) obey() {
	for _, t := range p.tracks {
		s := p.w.roster.of(t.meeting, t.id)
		if s.closed || !s.known {
			t.drop()
		}
	}
}

// deliver publishes finals. Its error ends the generation.
func (p *partition) deliver(finals []finished) error {
	for _, f := range finals {
		if !p.stillWanted(f) {
			continue
		}
		if err := p.publish(f); err != nil {
			if p.ctx.Err() != nil || errors.Is(err, bus.ErrFenced) {
				return err
			}
			if !errors.Is(err, errKeyGone) {
				f.t.log.Warn("a final could not be published, trying again", "err", err)
				p.unsent = append(p.unsent, f)
				continue
			}
		}
		f.t.finals--
		f.t.done(f.u)
	}
	return p.commit()
}

// stillWanted asks the policy once more: recognition takes time, and cannot be stopped inside.
func (p *partition) stillWanted(f finished) bool {
	pending := false
	for _, u := range f.t.pending {
		pending = pending || u == f.u
	}
	if !pending {
		return false // dropped
	}
	if s := p.w.roster.of(f.t.meeting, f.t.id); !s.may(f.u.roomClock(f.u.start)) {
		f.t.finals--
		f.t.done(f.u)
		return false
	}
	return true
}

// publish writes the final of an utterance. One without words takes its partials off the screens instead.
func (p *partition) publish(f finished) error {
	p.w.counts.add(func(n *Counts) { n.judge(f.out.refused, f.out.err) })
	if len(f.out.words) == 0 {
		p.w.counts.add(func(n *Counts) { n.Empty++ })
		p.w.show(f.t.meeting, f.t.id, f.u.withdrawn())
		return nil
	}
	key, err := p.w.key(p.ctx, f.t.meeting)
	if err != nil {
		return err
	}
	s := f.u.segment(f.out)
	s.Spk, s.Track = meeting.SpeakerID(f.t.speaker), f.t.id
	value, err := bus.SealJSON(key, bus.Segments, string(s.Seg), s)
	if err != nil {
		return err
	}
	err = p.w.bus.Publish(p.ctx, bus.Message{
		Topic: bus.Segments, Partition: p.w.bus.PartitionOf(bus.Segments, f.t.meeting), Key: string(s.Seg), Meeting: f.t.meeting, Value: value,
	})
	if err != nil {
		return err
	}
	p.w.counts.add(func(n *Counts) {
		n.Finals++
		if s.Quality == meeting.QualityFast {
			n.Fast++
		}
	})
	return nil
}

// withdrawn is the partial that empties what readers see of u.
func (u *utterance) withdrawn() *meeting.Caption {
	at := u.roomClock(u.start)
	return &meeting.Caption{V: meeting.CaptionVersion, Seg: u.id, Rev: meeting.FinalRev - 1, T0: at, T1: u.roomClock(u.end)}
}

// tick does what time asks for. Its error ends the generation.
func (p *partition) tick() error {
	if lost := p.a.Lost(); lost > p.lost {
		p.w.cfg.Log.Warn("audio was deleted before it was recognised", "partition", p.at.partition, "records", lost-p.lost)
		p.lost = lost
	}
	p.endDeadTracks()
	p.forgetIdleTracks()
	p.reportLag()
	if len(p.unsent) > 0 {
		unsent := p.unsent
		p.unsent = nil
		return p.deliver(unsent)
	}
	if time.Since(p.committedAt) >= commitEvery {
		return p.commit()
	}
	return nil
}

// endDeadTracks ends the utterances of tracks that will not send any more. Such an end is not in the media, so it must be
// certain: the broker answers, and everything it has was heard.
func (p *partition) endDeadTracks() {
	var dead []*track
	for _, t := range p.tracks {
		if t.seg == nil || t.seg.quiet() {
			continue
		}
		if p.w.roster.of(t.meeting, t.id).over || time.Since(t.lastRead) >= deadSilence {
			dead = append(dead, t)
		}
	}
	if len(dead) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(p.ctx, tickEvery)
	defer cancel()
	ends, err := p.w.bus.EndOffsets(ctx, bus.Audio)
	if err != nil || p.at.partition >= len(ends) || p.next < ends[p.at.partition] {
		return
	}
	for _, t := range dead {
		t.seg.flush(p.next)
	}
}

// forgetIdleTracks frees what silent tracks hold. A track that a replay from the last commit would meet again stays.
func (p *partition) forgetIdleTracks() {
	for hash, t := range p.tracks {
		_, _, holds := t.restart()
		if !holds && t.lastOffset < p.committed && time.Since(t.lastRead) >= idleTrack {
			t.close()
			delete(p.tracks, hash)
		}
	}
}

func (t *track) close() {
	t.cancel()
	if err := t.vad.Close(); err != nil {
		t.log.Warn("closing a voice detector", "err", err)
	}
}

// reportLag tells how late each meeting of the partition is.
func (p *partition) reportLag() {
	lag := make(map[meeting.ID]time.Duration)
	for _, t := range p.tracks {
		d := time.Duration(0)
		if time.Since(t.lastRead) < 2*tickEvery {
			d = t.lag
		}
		for _, u := range t.pending {
			if !u.spokenAt.IsZero() {
				d = max(d, time.Since(u.spokenAt))
			}
		}
		lag[t.meeting] = max(lag[t.meeting], d)
	}
	p.w.lags.set(p.at.partition, lag)
}

// commitPoint returns the offset from which a replay finds everything that is not done, and where each track goes on.
func (p *partition) commitPoint() (int64, map[trackHash]resumePoint) {
	offset := p.next
	for _, t := range p.tracks {
		if _, at, holds := t.restart(); holds {
			offset = min(offset, at)
		}
	}
	points := make(map[trackHash]resumePoint)
	if offset < p.at.end { // records the last owner had heard may still come
		for hash, r := range p.resume {
			points[hash] = r
		}
	}
	for hash, t := range p.tracks {
		if r, _, _ := t.restart(); t.lastOffset >= offset {
			points[hash] = r
		}
	}
	return offset, points
}

// commit stores how far the partition is done. Its error is that the partition is no longer ours.
func (p *partition) commit() error { return p.commitWith(p.ctx) }

func (p *partition) commitWith(ctx context.Context) error {
	offset, points := p.commitPoint()
	metadata, fits := encodeResume(points)
	if !fits || offset == p.committed && metadata == p.committedMeta {
		return nil // not fitting: the last commit still holds, and a later one will fit
	}
	p.committedAt = time.Now()
	err := p.a.Commit(ctx, offset, metadata)
	switch {
	case err == nil:
		p.committed, p.committedMeta = offset, metadata
	case errors.Is(err, bus.ErrFenced):
		return err
	case ctx.Err() == nil:
		p.w.cfg.Log.Warn("recognised audio could not be committed, trying again", "partition", p.at.partition, "err", err)
	}
	return nil
}

// stop hands over: what is done is committed, everything else is left to the next owner.
func (p *partition) stop() {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(p.ctx), stopWithin)
	defer cancel()
	if err := p.commitWith(ctx); err != nil && !errors.Is(err, bus.ErrFenced) {
		p.w.cfg.Log.Warn("last commit", "partition", p.at.partition, "err", err)
	}
	for _, t := range p.tracks {
		t.close()
	}
	p.w.lags.set(p.at.partition, nil)
}

// deadLetter is what dlq.v1 keeps of a record that could not be read: where it stands, never what it holds.
type deadLetter struct {
	Topic     bus.Topic `json:"topic"`
	Partition int       `json:"partition"`
	Offset    int64     `json:"offset"`
	Reason    string    `json:"reason"`
}

// deadLetterWithin bounds the attempt to publish one: it must not hold up speech.
const deadLetterWithin = 3 * time.Second

func (w *Worker) deadLetter(ctx context.Context, m bus.Message, reason string) {
	w.counts.add(func(n *Counts) { n.DeadLetters++ })
	w.cfg.Log.Warn(reason, "topic", m.Topic, "partition", m.Partition, "offset", m.Offset, "meeting", m.Meeting)
	value, err := json.Marshal(deadLetter{m.Topic, m.Partition, m.Offset, reason})
	if err != nil {
		return // four plain fields
	}
	ctx, cancel := context.WithTimeout(ctx, deadLetterWithin)
	defer cancel()
	key, _, _ := strings.Cut(m.Key, "/")
	err = w.bus.Publish(ctx, bus.Message{
		Topic: bus.DeadLetters, Partition: w.bus.PartitionOf(bus.DeadLetters, m.Meeting), Key: key, Meeting: m.Meeting, Value: value,
	})
	if err != nil && ctx.Err() == nil {
		w.cfg.Log.Warn("publish dead letter", "err", err)
	}
}
