package diarize

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"souffleur/internal/bus"
	"souffleur/internal/listen"
	"souffleur/internal/meeting"
	"souffleur/internal/seal"
	"souffleur/internal/voicebook"
)

const (
	// readAhead bounds the records read and not looked at. The reader waits when it is full.
	readAhead   = 16
	tickEvery   = time.Second
	commitEvery = 2 * time.Second
	stopWithin  = 800 * time.Millisecond // bounds the last commit
	// awaitTrack is how long a track's announcement may come after its audio.
	awaitTrack = 3 * time.Second
	// maxMics is how many shared microphones a partition listens to at once: each is a voice model at work, up to a tenth of a core.
	// Past it a microphone keeps the single-speaker label, with a warning.
	maxMics = 32
	// maxRemembered bounds what is remembered of meetings and tracks that are passed over; forgetting costs one look each.
	maxRemembered = 4096
)

// partition listens to one partition of audio.v1 for one generation of the group. One goroutine, in run, owns it; each
// microphone has one of its own.
type partition struct {
	w      *Worker
	a      *bus.Assignment
	ctx    context.Context // of the generation
	cancel context.CancelFunc
	wg     sync.WaitGroup // of the microphones

	books     map[who]*voicebook.Book // what was published before this generation
	mics      map[who]*mic            // at most maxMics, and probes
	probed    map[who]time.Time       // those that are alone, and until when, by the clock of the bus, they are not asked again
	failed    map[who]bool            // those of which a tracker made nothing
	ends      map[meeting.ID]int64    // meetings that have ended: the end of the log when that was seen
	gone      map[meeting.ID]bool     // meetings whose key is gone
	strangers map[string]bool         // tracks that nobody announced

	next        int64 // offset of the next record
	committed   int64
	committedAt time.Time
}

func newPartition(ctx context.Context, w *Worker, a *bus.Assignment, books map[who]*voicebook.Book) *partition {
	p := &partition{
		w: w, a: a, books: books, mics: make(map[who]*mic), probed: make(map[who]time.Time), failed: make(map[who]bool), ends: make(map[meeting.ID]int64),
		gone: make(map[meeting.ID]bool), strangers: make(map[string]bool), next: max(a.Committed, a.First), committed: a.Committed,
	}
	p.ctx, p.cancel = context.WithCancel(ctx)
	return p
}

// run works until the generation ends. A single bad record or model never ends it.
func (p *partition) run() error {
	defer p.stop()
	records := make(chan bus.Message, readAhead)
	p.wg.Go(func() { listen.Records(p.ctx, p.a, records) })
	changed, unwatch := p.w.roster.Watch()
	defer unwatch()
	ticker := time.NewTicker(tickEvery)
	defer ticker.Stop()
	for {
		var err error
		select {
		case <-p.ctx.Done():
			return p.ctx.Err()
		case m := <-records:
			err = p.take(m)
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

// take looks at one record. Its error ends the generation.
func (p *partition) take(m bus.Message) error {
	err := p.pass(m)
	if errors.Is(err, listen.ErrKeyGone) {
		remember(p.gone, m.Meeting)
		p.dismiss(m.Meeting)
		err = nil
	}
	p.next = max(p.next, m.Offset+1)
	return err
}

// pass hands a record to its microphone, if anybody listens to that. Most records are not even opened.
func (p *partition) pass(m bus.Message) error {
	id, track, _ := strings.Cut(m.Key, "/")
	if meeting.ID(id) != m.Meeting || p.gone[m.Meeting] || p.strangers[m.Key] {
		return nil
	}
	s, err := p.w.roster.Await(p.ctx, m.Meeting, meeting.TrackID(track), awaitTrack)
	if err != nil {
		return err
	}
	if !s.Known {
		remember(p.strangers, m.Key)
		return nil
	}
	if s.Screen || s.OneVoice || s.Closed {
		return nil
	}
	k := who{m.Meeting, s.Speaker}
	if p.mics[k] == nil && !p.wanted(k, s, m.Time) {
		return nil
	}
	key, err := p.w.keys.Wait(p.ctx, m.Meeting)
	if err != nil {
		return err
	}
	rec, err := bus.OpenAudio(key, m)
	if err != nil {
		return nil // recognisers have told of it
	}
	if !s.May(int64(rec.Epoch) + int64(rec.RTP/48)) {
		return nil
	}
	t := p.mics[k]
	if t == nil {
		if t = p.begin(k, s, rec.Track, key, m.Offset); t == nil {
			return nil
		}
	}
	t.lastTrack, t.lastAt = rec.Track, m.Time
	return t.offer(p.ctx, waiting{rec, m.Offset})
}

// wanted says whether somebody should begin to listen to a microphone of which a record came at a time of the bus.
func (p *partition) wanted(k who, s listen.Standing, at time.Time) bool {
	b := p.books[k]
	switch {
	case p.failed[k], b != nil && b.Done() && s.Ended: // the latter: heard again after a crash, and complete
		return false
	case !s.RoomMic && !known(b):
		return len(p.w.probes) < maxProbes && !s.Ended && !at.Before(p.probed[k])
	case len(p.mics) >= maxMics+maxProbes:
		remember(p.failed, k)
		p.w.cfg.Log.Warn("voices at a shared microphone are not told apart: there are too many such microphones",
			"meeting", k.meeting, "participant", k.participant, "most", maxMics)
		return false
	}
	return true
}

// known says whether several voices were told apart before.
func known(b *voicebook.Book) bool { return b != nil && b.Rev() > 0 }

// begin listens to a microphone; nil if that cannot be done now.
func (p *partition) begin(k who, s listen.Standing, track meeting.TrackID, key seal.Key, offset int64) *mic {
	b := p.books[k]
	probe := !s.RoomMic && !known(b)
	if probe {
		select {
		case p.w.probes <- struct{}{}:
		default:
			return nil
		}
	}
	if b == nil {
		b = voicebook.New(k.participant)
	}
	delete(p.books, k) // it is the microphone's
	t := newMic(p.w, k, s, key, b, offset, probe)
	t.track, t.lastTrack = track, track
	p.mics[k] = t
	p.wg.Go(func() {
		defer close(t.over)
		if probe {
			defer func() { <-p.w.probes }()
		}
		t.run(p.ctx)
	})
	return t
}

// obey ends at once what is no longer allowed.
func (p *partition) obey() {
	for k, t := range p.mics {
		s := p.w.roster.Of(k.meeting, t.lastTrack)
		switch {
		case t.lastTrack == "":
		case !s.Known || s.OptOut:
			t.finish(dropped)
		case s.OneVoice:
			t.finish(switchedOff)
		}
	}
}

// dismiss ends the microphones of a meeting that is gone.
func (p *partition) dismiss(id meeting.ID) {
	for k, t := range p.mics {
		if k.meeting == id {
			t.finish(dropped)
		}
	}
}

// tick does what time asks for. Its error ends the generation.
func (p *partition) tick() error {
	p.obey()
	p.endMeetings()
	for k, t := range p.mics {
		if t.isOver() {
			p.release(k, t)
		}
	}
	if time.Since(p.committedAt) >= commitEvery {
		return p.commit(p.ctx)
	}
	return nil
}

// release forgets a microphone to which nobody listens any more.
func (p *partition) release(k who, t *mic) {
	delete(p.mics, k)
	if t.outcome != dropped || p.w.roster.Of(k.meeting, t.lastTrack).Known {
		p.books[k] = t.book // whoever opts in again goes on with its revisions, or readers pass them over
	}
	switch t.outcome {
	case failed:
		remember(p.failed, k)
	case alone:
		if len(p.probed) >= maxRemembered {
			clear(p.probed)
		}
		p.probed[k] = t.lastAt.Add(probeAgain)
	}
}

// endMeetings ends the microphones of meetings that have ended, once all their audio was heard: everything that was on the broker
// when the end was seen. Those of which a worker that died had heard all that there was are judged, too.
func (p *partition) endMeetings() {
	ended := make(map[meeting.ID]bool)
	for k, t := range p.mics {
		if t.lastTrack != "" && p.w.roster.Of(k.meeting, t.lastTrack).Ended {
			ended[k.meeting] = true
		}
	}
	left := make(map[who]meeting.TrackID)
	for k, b := range p.books {
		if track, ok := p.left(k, b); ok {
			left[k], ended[k.meeting] = track, true
		}
	}
	for id := range p.ends {
		if !ended[id] {
			delete(p.ends, id)
		}
	}
	for id := range ended {
		if !p.allHeard(id) {
			continue
		}
		for k, track := range left {
			if k.meeting == id {
				p.adopt(k, track)
			}
		}
		for k, t := range p.mics {
			if k.meeting == id {
				t.finish(meetingEnded)
			}
		}
	}
}

// allHeard says whether everything of a meeting that has ended was read.
func (p *partition) allHeard(id meeting.ID) bool {
	if _, known := p.ends[id]; !known {
		ctx, cancel := context.WithTimeout(p.ctx, tickEvery)
		ends, err := p.w.cfg.Bus.EndOffsets(ctx, bus.Audio)
		cancel()
		if err != nil || p.a.Partition >= len(ends) {
			return false
		}
		p.ends[id] = ends[p.a.Partition]
	}
	return p.next >= p.ends[id]
}

// left returns the track of a microphone of this partition of which nothing comes any more and that nobody has judged at the end.
func (p *partition) left(k who, b *voicebook.Book) (meeting.TrackID, bool) {
	if !known(b) || b.Done() || p.mics[k] != nil || p.failed[k] || p.gone[k.meeting] {
		return "", false
	}
	for _, t := range p.w.roster.Microphones(k.meeting, k.participant) {
		if b.Hears(t.Track) { // the first one decides, so that one partition has it
			s := p.w.roster.Of(k.meeting, t.Track)
			return t.Track, t.Partition == p.a.Partition && s.Ended && !s.OptOut && !s.OneVoice
		}
	}
	return "", false
}

// adopt begins to listen where nothing is to be heard: what was saved is judged at the end.
func (p *partition) adopt(k who, track meeting.TrackID) {
	ctx, cancel := context.WithTimeout(p.ctx, tickEvery)
	defer cancel()
	key, err := p.w.keys.Wait(ctx, k.meeting)
	switch {
	case errors.Is(err, listen.ErrKeyGone):
		remember(p.gone, k.meeting)
		delete(p.books, k)
	case err == nil:
		p.begin(k, p.w.roster.Of(k.meeting, track), track, key, p.next)
	}
}

// commit stores how far audio was heard that nobody needs again. Its error is that the partition is no longer ours.
func (p *partition) commit(ctx context.Context) error {
	offset := p.next
	for _, t := range p.mics {
		if !t.isOver() || t.outcome == stopped {
			offset = min(offset, t.first.Load())
		}
	}
	p.committedAt = time.Now()
	if offset <= p.committed {
		return nil
	}
	err := p.a.Commit(ctx, offset, "")
	switch {
	case err == nil:
		p.committed = offset
	case errors.Is(err, bus.ErrFenced):
		return err
	case ctx.Err() == nil:
		p.w.cfg.Log.Warn("how far voices were told apart could not be committed, trying again", "partition", p.a.Partition, "err", err)
	}
	return nil
}

// stop hands over. What microphones have heard is forgotten here, and heard again by the next owner.
func (p *partition) stop() {
	p.cancel()
	p.wg.Wait()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(p.ctx), stopWithin)
	defer cancel()
	if err := p.commit(ctx); err != nil && !errors.Is(err, bus.ErrFenced) {
		p.w.cfg.Log.Warn("last commit", "partition", p.a.Partition, "err", err)
	}
}

// remember adds to a bounded set: when it is full it begins anew.
func remember[K comparable](set map[K]bool, k K) {
	if len(set) >= maxRemembered {
		clear(set)
	}
	set[k] = true
}
