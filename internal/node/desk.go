package node

import (
	"context"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"golang.org/x/time/rate"

	"souffleur/internal/bus"
	"souffleur/internal/meeting"
	"souffleur/internal/signal"
)

const (
	// deskRecords bounds what captioners have typed and Kafka has not taken yet. In the second half of it only whole lines
	// wait, partials are dropped; when it is full a line is refused, and its captioner told.
	deskRecords = 128
	// typedPartials and typedLines bound what one captioner sends: a page sends a partial every quarter of a second, and fast
	// stenographers write a line in two seconds. Partials above it are dropped, lines are refused.
	typedPartials, partialsBurst = 8, 16
	typedLines, linesBurst       = 1, 10
)

// desk is where captioners type. What they type goes the way of what recognisers write, so it is shown, kept and forgotten
// like that: as partials on captions.v1 while a line is written, on segments.v1 when it is complete.
type desk struct {
	l      *live
	queue  chan deskRecord // bounded by deskRecords
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu      sync.Mutex // guards what follows, and sending to queue
	typists map[meeting.ParticipantID]*typist
	closed  bool
}

// deskRecord is a partial, a line, or the name of a voice.
type deskRecord struct {
	topic bus.Topic
	key   meeting.SegmentID
	value any
}

// typist is somebody who types captions. seg is empty between two lines.
type typist struct {
	seg      meeting.SegmentID
	beganMS  int64 // of the newest line, on the room clock
	rev      int
	lang     string
	level    meeting.Level // the lowest that held since the line began: it decides whether the line may be stored
	partials *rate.Limiter
	lines    *rate.Limiter
}

func newDesk(l *live) *desk {
	ctx, cancel := context.WithCancel(context.Background())
	d := &desk{l: l, queue: make(chan deskRecord, deskRecords), cancel: cancel, typists: make(map[meeting.ParticipantID]*typist)}
	d.wg.Go(func() { d.run(ctx) })
	return d
}

// take has what a captioner typed: a line as it stands now. It returns a code and a sentence for the captioner if the line
// does not count, which is told of whole lines only.
func (d *desk) take(id meeting.ParticipantID, m signal.ClientMessage) (code, message string) {
	text := strings.Join(meeting.Fields(m.Text), " ")
	level, nowMS, now := d.l.level(), d.l.now(), time.Now()
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return "", ""
	}
	t := d.typistLocked(id)
	switch {
	case level == meeting.Off:
		t.seg = ""
		if m.Final {
			return signal.CodeTypeOff, "The AI is off in this room: nobody would read what you type."
		}
		return "", ""
	case text == "":
		d.withdrawLocked(id, t)
		return "", ""
	case !m.Final && (!t.partials.AllowN(now, 1) || len(d.queue) > deskRecords/2):
		return "", ""
	case m.Final && (!t.lines.AllowN(now, 1) || len(d.queue) == deskRecords):
		return signal.CodeTypeTooFast, "That is more than can be passed on at the moment. Wait a few seconds, then send the line again."
	}
	t.follow(d.l.id, id, level, nowMS)
	t.lang = m.Lang
	c := t.caption(id, text, nowMS)
	if !m.Final {
		d.queue <- deskRecord{bus.Captions, c.Seg, meeting.Draft{Caption: &c}}
		return "", ""
	}
	c.Final, c.Rev, c.Stable = true, meeting.FinalRev, utf8.RuneCountInString(text)
	d.queue <- deskRecord{bus.Segments, c.Seg, meeting.Segment{Caption: c, Level: t.level, Quality: meeting.QualityTyped, Conf: 1}}
	t.seg = ""
	return "", ""
}

func (d *desk) typistLocked(id meeting.ParticipantID) *typist {
	t := d.typists[id]
	if t == nil {
		t = &typist{beganMS: -1, partials: rate.NewLimiter(typedPartials, partialsBurst), lines: rate.NewLimiter(typedLines, linesBurst)}
		d.typists[id] = t
	}
	return t
}

// follow begins a line, or goes on with one.
func (t *typist) follow(id meeting.ID, by meeting.ParticipantID, level meeting.Level, nowMS int64) {
	t.rev++
	if t.seg != "" {
		t.level = min(t.level, level)
		return
	}
	t.beganMS = max(nowMS, t.beganMS+1)
	t.seg, t.rev, t.level = meeting.NewTypedID(id, by, t.beganMS), 1, level
}

// caption is the line as it stands. Nothing of it is stable: whoever types may take it back.
func (t *typist) caption(by meeting.ParticipantID, text string, nowMS int64) meeting.Caption {
	return meeting.Caption{
		V: meeting.CaptionVersion, Seg: t.seg, Rev: t.rev, Spk: meeting.NewCaptionerID(by),
		T0: t.beganMS, T1: max(nowMS, t.beganMS), Lang: t.lang, Text: text,
	}
}

// withdrawLocked takes back a line that was not finished.
func (d *desk) withdrawLocked(id meeting.ParticipantID, t *typist) {
	if t.seg == "" {
		return
	}
	t.rev++
	c := t.caption(id, "", d.l.now())
	t.seg = ""
	select {
	case d.queue <- deskRecord{bus.Captions, c.Seg, meeting.Draft{Caption: &c}}:
	default: // its partial leaves the screens by itself
	}
}

// leave forgets somebody who types no more.
func (d *desk) leave(id meeting.ParticipantID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if t := d.typists[id]; t != nil && !d.closed {
		d.withdrawLocked(id, t)
		delete(d.typists, id)
	}
}

func (d *desk) run(ctx context.Context) {
	for r := range d.queue {
		d.publish(ctx, r)
	}
}

// publish sends one record. What waited until the AI was switched off is dropped, as audio is.
func (d *desk) publish(ctx context.Context, r deskRecord) {
	if d.l.level() == meeting.Off {
		return
	}
	value, err := bus.SealJSON(d.l.key, r.topic, string(r.key), r.value)
	if err != nil {
		d.l.log.Error("typed caption not sealed", "err", err)
		return
	}
	b := d.l.n.deps.Bus
	err = b.Publish(ctx, bus.Message{
		Topic: r.topic, Partition: b.PartitionOf(r.topic, d.l.id), Key: string(r.key), Meeting: d.l.id, Value: value,
	})
	if err != nil && r.topic != bus.Captions {
		d.l.log.Error("what somebody typed is not published", "topic", r.topic, "err", err)
	}
}

// close publishes what waits, as far as that takes no longer than the last events of the meeting may.
func (d *desk) close() {
	d.mu.Lock()
	d.closed = true
	close(d.queue)
	d.mu.Unlock()
	defer time.AfterFunc(lastEventsWait, d.cancel).Stop()
	d.wg.Wait()
	d.cancel()
}

// typed takes what a participant typed, if an organizer lets them.
func (l *live) typed(s *session, m signal.ClientMessage) {
	code, message := signal.CodeNoCaptioner, "Only captioners may type captions. Ask an organizer."
	if l.mayType(s.id) {
		code, message = l.desk.take(s.id, m)
	}
	if code != "" {
		sendTo(s.out, signal.ServerMessage{Type: signal.Fault, Code: code, Message: message})
	}
}

// mayType goes by the roster, which the captioner has seen.
func (l *live) mayType(id meeting.ParticipantID) bool {
	for _, p := range l.media.Peers() {
		if p.Participant == id {
			return p.Present && p.Captioner
		}
	}
	return false
}

// captionsLocked says whether somebody is a captioner by an earlier stay in this meeting.
func (l *live) captionsLocked(person meeting.PersonID) bool {
	for _, p := range l.people {
		if person != "" && p.Person == person && p.Captioner {
			return true
		}
	}
	return false
}

// setCaptioner remembers who may type, for all stays of the person.
func (l *live) setCaptioner(id meeting.ParticipantID, may bool) {
	l.mu.Lock()
	if i := l.indexLocked(id); i >= 0 {
		person := l.people[i].Person
		for k := range l.people {
			if k == i || person != "" && l.people[k].Person == person {
				l.people[k].Captioner = may
			}
		}
	}
	l.mu.Unlock()
	if !may {
		l.desk.leave(id)
	}
	l.keeper.save()
}
