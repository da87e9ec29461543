package storage

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/oklog/ulid/v2"

	"souffleur/internal/meeting"
)

const (
	// signInsEvery is how often the janitor looks for sign-ins and links that have expired: they are refused at once, so their
	// objects may wait.
	signInsEvery = time.Hour
	// meetingsEvery is how often it looks for meetings whose time is over.
	meetingsEvery = 10 * time.Minute
	// leftoverAfter is how long after its end a meeting goes of which nothing was to be stored. With meetingsEvery that is within
	// the hour that users are promised.
	leftoverAfter = 45 * time.Minute
	// orphanAfter is how old objects of a meeting without a document must be to be removed: what a crash between two deletions
	// left, or what somebody wrote with a key from memory.
	orphanAfter = 24 * time.Hour
	// longestMeeting is what a meeting is taken to have lasted whose document does not open.
	longestMeeting = 24 * time.Hour
)

// janitorActor is how the janitor signs the audit.
const janitorActor = "janitor"

// Janitor deletes what has expired: sign-ins, one-time links, and meetings whose retention is over. It never touches a meeting that
// is going on. Several may work side by side, and each may be stopped anywhere.
type Janitor struct {
	store     *Store
	sessions  *Sessions
	links     *Links
	rooms     *Rooms
	meetings  *Meetings
	instance  *Instance
	audit     *Audit
	forgetter *Forgetter
	log       *slog.Logger
	now       func() time.Time // a clock of its own in tests
}

// NewJanitor returns a janitor that begins with Run.
func NewJanitor(store *Store, keys *Keyring, forgetter *Forgetter, log *slog.Logger) *Janitor {
	return &Janitor{
		store: store, sessions: NewSessions(store, keys), links: NewLinks(store, keys), rooms: NewRooms(store, keys),
		meetings: NewMeetings(store, keys), instance: NewInstance(store), audit: NewAudit(store, keys), forgetter: forgetter,
		log: log, now: time.Now,
	}
}

// Run sweeps at once and then now and then until ctx ends, whose error it returns.
func (j *Janitor) Run(ctx context.Context) error {
	signIns, meetings := time.NewTicker(signInsEvery), time.NewTicker(meetingsEvery)
	defer signIns.Stop()
	defer meetings.Stop()
	j.sweepSignIns(ctx)
	j.sweepMeetings(ctx)
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-signIns.C:
			j.sweepSignIns(ctx)
		case <-meetings.C:
			j.sweepMeetings(ctx)
		}
	}
}

func (j *Janitor) sweepSignIns(ctx context.Context) {
	for what, sweep := range map[string]func(context.Context) (int, error){"sessions": j.sessions.Sweep, "links": j.links.Sweep} {
		n, err := sweep(ctx)
		switch {
		case ctx.Err() != nil:
		case err != nil:
			j.log.Warn("what has expired could not be deleted, trying again later", "what", what, "err", err)
		case n > 0:
			j.log.Info("deleted what has expired", "what", what, "objects", n)
		}
	}
}

// sweepMeetings finishes what was begun, then deletes what is due. A meeting that cannot be dealt with does not stop the others.
func (j *Janitor) sweepMeetings(ctx context.Context) {
	if err := j.forgetter.Resume(ctx); err != nil && ctx.Err() == nil {
		j.log.Warn("something is not forgotten completely yet, trying again later", "err", err)
	}
	if err := j.sweepDue(ctx); err != nil && ctx.Err() == nil {
		j.log.Warn("meetings whose time is over could not be looked for, trying again later", "err", err)
	}
}

func (j *Janitor) sweepDue(ctx context.Context) error {
	settings, err := j.instance.Get(ctx)
	if err != nil {
		return err
	}
	ids, err := j.store.Folders(ctx, meetingPrefix)
	if err != nil {
		return err
	}
	r := round{Janitor: j, now: j.now(), instance: settings.Retention, rooms: map[meeting.RoomID]roomClocks{}}
	for some := range slices.Chunk(ids, keysAtOnce) {
		all, err := fetchAll(ctx, some, r.read)
		if err != nil {
			return err
		}
		for _, m := range all {
			if err := r.visit(ctx, m); err != nil && ctx.Err() == nil {
				j.log.Warn("a meeting could not be checked for deletion, trying again later", "meeting", m.ID, "err", err)
			}
		}
	}
	return ctx.Err()
}

// round is one look at all meetings.
type round struct {
	*Janitor
	now      time.Time
	instance Retention
	rooms    map[meeting.RoomID]roomClocks // as read in this round
}

type roomClocks struct {
	known bool // the room is there
	Retention
}

// visited is what can be known of a meeting without its key.
type visited struct {
	Meeting
	orphan bool // there is no document
}

func (r round) read(ctx context.Context, name string) (visited, error) {
	id := meeting.ID(name)
	if !id.Valid() {
		return visited{}, ErrNotFound // not ours
	}
	m, err := r.meetings.readFacts(ctx, id)
	switch {
	case errors.Is(err, ErrNotFound):
		return visited{Meeting: Meeting{ID: id}, orphan: true}, nil
	case isDamage(err):
		r.log.Warn("the document of a meeting does not open: its retention counts from its ID", "meeting", id, "err", err)
		return visited{Meeting: Meeting{ID: id, EndedUnixMS: beganMS(id) + longestMeeting.Milliseconds(), TranscriptRev: 1}}, nil
	}
	return visited{Meeting: m}, err
}

// beganMS is when a meeting began, by its ID.
func beganMS(id meeting.ID) int64 {
	u, err := ulid.ParseStrict(string(id))
	if err != nil {
		return 0
	}
	return int64(u.Time())
}

// visit deletes what is due of one meeting.
func (r round) visit(ctx context.Context, m visited) error {
	if m.orphan {
		return r.removeOrphan(ctx, m.ID)
	}
	if m.EndedUnixMS == 0 || r.now.UnixMilli()-m.EndedUnixMS < leftoverAfter.Milliseconds() {
		return nil
	}
	leftover, err := r.leftover(ctx, m.Meeting)
	if err != nil {
		return err
	}
	if leftover {
		return r.forget(ctx, m.ID)
	}
	room, err := r.clocks(ctx, m.Meeting)
	if err != nil {
		return err
	}
	return r.deleteDue(ctx, m.Meeting, DueOf(m.Meeting, r.instance, room))
}

// removeOrphan removes objects of a meeting without a document, unless some are fresh: it may be about to begin.
func (r round) removeOrphan(ctx context.Context, id meeting.ID) error {
	parts, err := r.objects(ctx, id)
	if err != nil {
		return err
	}
	for _, objects := range parts {
		for _, o := range objects {
			if r.now.Sub(o.Modified) < orphanAfter {
				return nil
			}
		}
	}
	n, err := r.meetings.remove(ctx, id)
	if err == nil {
		r.log.Info("removed what was left of a deleted meeting", "meeting", id, "objects", n)
	}
	return err
}

// leftover says whether nothing was to be stored of a meeting, or nothing was said that was: then its names go, too. It also makes sure
// that what was only shown is unreadable within the hour, whatever holds up the archiver.
func (r round) leftover(ctx context.Context, m Meeting) (bool, error) {
	if m.TranscriptRev != 0 {
		return false, nil
	}
	if !m.TranscriptFinal {
		full, err := r.meetings.Get(ctx, m.ID)
		if errors.Is(err, ErrNoKey) {
			return true, nil // half deleted
		}
		if err != nil {
			return false, err
		}
		if slices.ContainsFunc(full.Policies, func(p meeting.Policy) bool { return p.Level > meeting.Captions }) {
			return false, nil
		}
	}
	objects, err := r.objects(ctx, m.ID)
	return err == nil && len(objects[textPart])+len(objects[audioPart])+len(objects[minutesPart]) == 0, err
}

// objects lists what is stored of a meeting, by the clock that it goes by.
func (r round) objects(ctx context.Context, id meeting.ID) (map[part][]Object, error) {
	prefix, err := meetingPath(id, "")
	if err != nil {
		return nil, err
	}
	all, err := r.store.List(ctx, prefix)
	if err != nil {
		return nil, err
	}
	parts := map[part][]Object{}
	for _, o := range all {
		p := partOf(o.Key[len(prefix):])
		parts[p] = append(parts[p], o)
	}
	return parts, nil
}

// clocks returns those of the meeting's room: as they are now, or as they were when the meeting began if the room is gone.
func (r round) clocks(ctx context.Context, m Meeting) (Retention, error) {
	c, asked := r.rooms[m.Room]
	if !asked {
		room, err := r.Janitor.rooms.Get(ctx, m.Room)
		switch {
		case err == nil:
			c = roomClocks{known: true, Retention: room.Retention}
		case !errors.Is(err, ErrNotFound) && !isDamage(err):
			return Retention{}, fmt.Errorf("read retention of room: %w", err)
		}
		r.rooms[m.Room] = c
	}
	if c.known {
		return c.Retention, nil
	}
	return m.Retention, nil
}

// deleteDue deletes the parts whose time is over, and with the last of them everything.
func (r round) deleteDue(ctx context.Context, m Meeting, due Due) error {
	over := map[part]bool{}
	for _, p := range []part{textPart, audioPart, minutesPart} {
		over[p] = due.over(p, r.now)
	}
	if !over[textPart] && !over[audioPart] && !over[minutesPart] {
		return nil
	}
	objects, err := r.objects(ctx, m.ID)
	if err != nil {
		return err
	}
	left := false
	for p, some := range objects {
		left = left || p != factsPart && len(some) > 0 && !over[p]
	}
	if !left && over[textPart] {
		return r.forget(ctx, m.ID)
	}
	for p, action := range map[part]string{textPart: "retention.text", audioPart: "retention.audio", minutesPart: "retention.minutes"} {
		if over[p] && len(objects[p]) > 0 {
			if err := r.deletePart(ctx, m, objects[p], action); err != nil {
				return err
			}
		}
	}
	return nil
}

// deletePart removes objects whose key must stay, because it seals other parts.
func (r round) deletePart(ctx context.Context, m Meeting, objects []Object, action string) error {
	if action == "retention.text" && !m.LiveKeyGone { // an archiver that was held up must not write it again
		if err := r.meetings.keys.DeleteLive(ctx, m.ID); err != nil {
			return err
		}
	}
	if err := r.store.deleteAll(ctx, objects); err != nil {
		return err
	}
	r.forgetter.transcripts.Forget(m.ID)
	r.log.Info("deleted what was kept long enough", "meeting", m.ID, "what", action, "objects", len(objects))
	return r.audit.Append(ctx, AuditEntry{
		AtUnixMS: r.now.UnixMilli(), Actor: janitorActor, Role: meeting.Admin, Action: action,
		Object: meetingPrefix + string(m.ID), Objects: len(objects),
	})
}

func (r round) forget(ctx context.Context, id meeting.ID) error {
	err := r.forgetter.Meeting(ctx, id, Requester{Actor: janitorActor, Role: meeting.Admin})
	if errors.Is(err, ErrNotFound) { // another janitor was quicker
		return nil
	}
	if err == nil {
		r.log.Info("deleted a meeting whose time was over", "meeting", id)
	}
	return err
}
