package asr

import (
	"context"
	"errors"
	"maps"
	"strings"
	"sync"
	"time"

	"souffleur/internal/bus"
	"souffleur/internal/listen"
	"souffleur/internal/meeting"
)

const (
	// maxFinals bounds the finals of a partition that wait for their text: at 12 s each, 25 MB. Past it nothing more is
	// read, so audio waits on the bus; no final is ever dropped.
	maxFinals = 32
	// maxRescores bounds the utterances of a partition whose partials became their final and that are to be decoded when there is
	// time: at 12 s each, 25 MB. Past it the text of the partials stays.
	maxRescores = 32
	// readAhead bounds the records read and not yet heard. The reader waits when it is full.
	readAhead = 16

	readRetry   = 500 * time.Millisecond // between attempts to read from a bus that is away
	tickEvery   = time.Second
	lateEvery   = 300 * time.Millisecond // between two looks for finals that come too late
	commitEvery = 2 * time.Second
	// stopWithin bounds the last commit of a stop, so that captions resume elsewhere within a second.
	stopWithin = 800 * time.Millisecond
	// awaitTrack is how long a track's announcement may come after its audio: they travel on different topics.
	awaitTrack = 3 * time.Second
	// deadSilence is how long a track may send nothing, not even a keep-alive, before its utterance ends. The recorder
	// writes one every second while a track is open.
	deadSilence = 5 * time.Second
	// quietAfter is how long nothing may come of a track that is open until the broker is asked whether it is there.
	quietAfter = 2 * time.Second
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

// rescored says whether it is the engine's own text of an utterance whose partials were published before.
func (f finished) rescored() bool { return f.u.fast && !f.out.late }

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
	putoffs  []*job     // finals that are decoded when there is time; some may be done or dropped; at most maxRescores

	next      int64 // offset of the next record
	tracks    map[trackHash]*track
	resume    map[trackHash]resumePoint // of the last commit, for tracks not seen since
	gone      map[meeting.ID]bool       // meetings whose key is gone; at most maxRemembered, then forgotten
	strangers map[trackHash]bool        // tracks nobody announced; at most maxRemembered, then forgotten
	hole      *hole                     // nil while the log has everything

	heard           int64 // capture time in Unix ms until which records were heard, by the last owner at first; 0: not known
	committed       int64
	committedPoints map[trackHash]resumePoint
	committedAt     time.Time // of the last attempt
	sure            time.Time // the partition was ours: the last commit that the broker took
	awayAt          time.Time // the last time the broker did not answer
}

func newPartition(ctx context.Context, w *Worker, a assignment, fail context.CancelCauseFunc) *partition {
	p := &partition{
		w: w, a: a, at: a.position(), fail: fail,
		finished: &finishedBox{ready: make(chan struct{}, 1)},
		tracks:   make(map[trackHash]*track), gone: make(map[meeting.ID]bool), strangers: make(map[trackHash]bool),
	}
	p.ctx, p.cancel = context.WithCancel(ctx)
	// Where audio expired before anybody read it, next is ahead of what is committed: the first tick says so, because the
	// end of a meeting waits for us to be past its audio.
	p.next, p.committed = p.at.next, p.at.committed
	var err error
	if p.resume, p.heard, err = decodeResume(p.at.metadata); err != nil {
		// Without it at most one utterance a track is recognised twice, under the same ID.
		w.cfg.Log.Warn("resume points do not read, beginning at the commit", "partition", p.at.partition, "err", err)
		p.resume = make(map[trackHash]resumePoint)
	}
	p.committedPoints = maps.Clone(p.resume)
	if from := max(p.committed, 0); from < p.next {
		p.missed(from, p.next)
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
	reader.Go(func() { listen.Records(p.ctx, p.a, records) })
	changed, unwatch := p.w.roster.Watch()
	defer unwatch()
	ticker, late := time.NewTicker(tickEvery), time.NewTicker(lateEvery)
	defer ticker.Stop()
	defer late.Stop()
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
		case <-late.C:
			err = p.deliverLate()
		case <-ticker.C:
			err = p.tick()
		}
		if err != nil {
			return err
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
	if m.Offset > p.next {
		p.missed(p.next, m.Offset)
		p.next = m.Offset
	}
	err := p.hear(m)
	if errors.Is(err, listen.ErrKeyGone) {
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
		p.doubt(m)
		return nil
	}
	hash := hashTrack(rec.Meeting, rec.Track)
	standing, err := p.standing(rec, hash)
	if err != nil {
		return err
	}
	t := p.tracks[hash]
	if !standing.May(int64(rec.Epoch) + int64(rec.RTP/48)) {
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
	p.heard = max(p.heard, rec.CaptureNS/int64(time.Millisecond))
	t.speaker = standing.Speaker
	t.known.expect(standing.Langs, standing.Terms, standing.Engines)
	t.hear(rec, m.Offset)
	return nil
}

// doubt notes that a record of a track was lost.
func (p *partition) doubt(m bus.Message) {
	id, track, _ := strings.Cut(m.Key, "/")
	if t := p.tracks[hashTrack(meeting.ID(id), meeting.TrackID(track))]; t != nil && t.doubted == nil {
		t.doubted = &doubt{m.Offset, p.heard}
	}
}

// standing asks the roster about the track of a record, and waits a little for a track not yet announced.
func (p *partition) standing(rec *bus.AudioRecord, hash trackHash) (listen.Standing, error) {
	if p.strangers[hash] {
		return p.w.roster.Of(rec.Meeting, rec.Track), nil
	}
	s, err := p.w.roster.Await(p.ctx, rec.Meeting, rec.Track, awaitTrack)
	if err == nil && !s.Known {
		p.w.cfg.Log.Warn("audio of a track that nobody announced is not recognised", "meeting", rec.Meeting, "track", rec.Track)
		remember(p.strangers, hash)
	}
	return s, err
}

func (p *partition) newTrack(rec *bus.AudioRecord, hash trackHash) (*track, error) {
	vad, err := p.w.cfg.NewDetector()
	if err != nil {
		return nil, err
	}
	t := &track{
		p: p, meeting: rec.Meeting, id: rec.Track, vad: vad, resume: p.resume[hash], known: &foreknowledge{}, doubted: p.doubtsNew(rec),
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
		s := p.w.roster.Of(t.meeting, t.id)
		if s.Closed || !s.Known {
			t.drop()
		}
	}
}

// tick does what time asks for. Its error ends the generation.
func (p *partition) tick() error {
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
// certain: the broker answers, and everything that was on it when the track seemed dead was heard without a word of it.
//
// While the broker is away no track is dead: the recorder keeps what is said meanwhile, and brings it a little after the broker
// is back.
func (p *partition) endDeadTracks() {
	var quiet []*track
	for _, t := range p.tracks {
		if t.unfinished() && (t.over() || time.Since(t.lastRead) >= quietAfter) {
			quiet = append(quiet, t)
		}
	}
	if len(quiet) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(p.ctx, tickEvery)
	defer cancel()
	ends, err := p.w.bus.EndOffsets(ctx, bus.Audio)
	if err != nil || p.at.partition >= len(ends) {
		p.awayAt = time.Now()
		return
	}
	for _, t := range quiet {
		if time.Since(p.awayAt) < deadSilence || !t.over() && time.Since(t.lastRead) < deadSilence {
			continue
		}
		if t.deadAt < 0 {
			t.deadAt = ends[p.at.partition]
		}
		if p.next >= t.deadAt {
			t.abandonLoss()
			if t.seg != nil {
				t.seg.flush(p.next)
			}
		}
	}
}

// unfinished says whether t would end something if nothing more came of it.
func (t *track) unfinished() bool { return t.loss != nil || t.seg != nil && !t.seg.quiet() }

// over says whether nothing more of t will be recorded.
func (t *track) over() bool { return t.p.w.roster.Of(t.meeting, t.id).Over }

// forgetIdleTracks frees what silent tracks hold. A track that a replay from the last commit would meet again stays.
func (p *partition) forgetIdleTracks() {
	for hash, t := range p.tracks {
		r, _, holds := t.restart()
		if !holds && t.lastOffset < p.committed && time.Since(t.lastRead) >= idleTrack {
			if !t.begun() && p.committed < p.at.end {
				p.resume[hash] = r // the records it covers may still come
			}
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
		if time.Since(t.lateAt) < 2*statusEvery {
			d = max(d, t.lateBy)
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
