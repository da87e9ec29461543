package storage

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"souffleur/internal/bus"
	"souffleur/internal/meeting"
)

// Why words cannot be forgotten now.
var (
	// ErrRunning says that the meeting has not ended.
	ErrRunning = errors.New("the meeting is going on")
	// ErrUnfinished says that the meeting has ended and its last words are still being written down.
	ErrUnfinished = errors.New("the transcript is being completed")
	// ErrNoPerson says that nobody of that ID took part.
	ErrNoPerson = errors.New("no such participant")
)

// Records is what forgetting needs of the bus.
type Records interface {
	Publish(ctx context.Context, m bus.Message) error
	PartitionOf(topic bus.Topic, id meeting.ID) int
	Follow(ctx context.Context, topic bus.Topic, opts bus.FollowOptions, fn func(bus.Message)) error
}

var _ Records = (*bus.Bus)(nil)

// Requester is who wants something forgotten, for the audit.
type Requester struct {
	Actor string // a person's ID, or which part of the system
	Role  meeting.Role
}

// Forgotten says what was forgotten. It holds opaque IDs only.
type Forgotten struct {
	Meeting      meeting.ID              `json:"meeting"`
	Participants []meeting.ParticipantID `json:"participants,omitempty"` // whose words; empty: the whole meeting
	Segments     []meeting.SegmentID     `json:"segments,omitempty"`     // what they said, as far as it is known
	Tracks       []meeting.TrackID       `json:"tracks,omitempty"`       // on which they said it
	Shares       []string                `json:"shares,omitempty"`       // of a whole meeting: IDs of those with whom it was shared
}

// Forgetter makes a meeting, or one person's words in it, unreadable for everybody, then removes what is left.
//
// A meeting: its keys go first, which makes everything unreadable at once; then the objects. A person in a meeting whose others stay:
// the name goes first, from then on no reader gets their words; then everything with their words is written anew without them. In
// both cases Kafka is told: an empty record on meetings.v1 lets every process drop what it has in memory, and the segments are
// retracted on segments.v1. The audit says what was done, without content.
//
// What is to be forgotten is written down before anything is done, so a crash at any point is made good by the next
// [Forgetter.Resume]. Several may work on the same.
type Forgetter struct {
	bus         Records
	store       *Store
	keys        *Keyring
	meetings    *Meetings
	transcripts *Transcripts
	audit       *Audit
	log         *slog.Logger

	hooks []func(context.Context, Forgotten) error // set before use
}

// NewForgetter returns a forgetter for what is kept in store and on b.
func NewForgetter(b Records, store *Store, keys *Keyring, transcripts *Transcripts, log *slog.Logger) *Forgetter {
	return &Forgetter{
		bus: b, store: store, keys: keys, meetings: NewMeetings(store, keys), transcripts: transcripts,
		audit: NewAudit(store, keys), log: log,
	}
}

// Also adds what else must forget: caches, indexes, whatever stands outside the meeting's folder, or in it and holds words of
// several people. It is called after the folder was dealt with, and again if it failed, so it must bear repetition. Call Also
// before the forgetter is used.
func (f *Forgetter) Also(forget func(context.Context, Forgotten) error) {
	f.hooks = append(f.hooks, forget)
}

// errand is something to be forgotten, as stored in forgetting/<meeting>[-<participant>].json until it is.
type errand struct {
	V int `json:"v"`
	Forgotten
	Actor string       `json:"actor"`
	Role  meeting.Role `json:"role"`
}

const forgettingPrefix = "forgetting/"

func (e *errand) object() string {
	if len(e.Participants) == 0 {
		return forgettingPrefix + string(e.Meeting) + ".json"
	}
	return forgettingPrefix + string(e.Meeting) + "-" + string(e.Participants[0]) + ".json"
}

// Meeting makes all that is stored of a meeting unreadable and removes it. When it returns nil nothing of it can be read from the
// store any more; if Kafka does not answer, retracting its records is left to Resume. A meeting that is going on is ErrRunning, one that
// is not there ErrNotFound.
func (f *Forgetter) Meeting(ctx context.Context, id meeting.ID, by Requester) error {
	m, err := f.meetings.readFacts(ctx, id)
	if err != nil && !errors.Is(err, ErrDamaged) {
		return fmt.Errorf("forget meeting: %w", err)
	}
	if err == nil && m.EndedUnixMS == 0 {
		return fmt.Errorf("forget meeting %s: %w", id, ErrRunning)
	}
	e := &errand{V: documentVersion, Forgotten: Forgotten{Meeting: id}, Actor: by.Actor, Role: by.Role}
	if e.Segments, _, err = f.said(ctx, id, nil); err != nil {
		return fmt.Errorf("forget meeting %s: %w", id, err)
	}
	if e.Shares, err = f.sharedWith(ctx, id); err != nil {
		return fmt.Errorf("forget meeting %s: %w", id, err)
	}
	return f.begin(ctx, e)
}

// sharedWith lists with whom a meeting is shared. A list that does not open lets nobody read; its lines in the index lead nowhere.
func (f *Forgetter) sharedWith(ctx context.Context, id meeting.ID) ([]string, error) {
	shares, err := NewShares(f.store, f.keys).List(ctx, id)
	if err != nil && !isDamage(err) {
		return nil, err
	}
	ids := make([]string, 0, len(shares))
	for _, s := range shares {
		ids = append(ids, s.ID)
	}
	return ids, nil
}

// dropShares takes a meeting out of the index of those with whom it was shared. It may be repeated.
func (f *Forgetter) dropShares(ctx context.Context, what Forgotten) error {
	_, err := fetchAll(ctx, what.Shares, func(ctx context.Context, share string) (struct{}, error) {
		if !opaque(share) {
			return struct{}{}, fmt.Errorf("share with a foreign name: %w", ErrDamaged)
		}
		return struct{}{}, f.store.Delete(ctx, sharedObject(share, what.Meeting))
	})
	return err
}

// Person makes everything that a participant said in a meeting, and their name, unreadable and removes it; all stays of the same
// person are meant. A meeting that is going on is ErrRunning, one whose transcript is not complete yet ErrUnfinished: until then
// words may still arrive.
func (f *Forgetter) Person(ctx context.Context, id meeting.ID, participant meeting.ParticipantID, by Requester) error {
	m, err := f.meetings.Get(ctx, id)
	if err != nil {
		return fmt.Errorf("forget participant: %w", err)
	}
	switch {
	case m.EndedUnixMS == 0:
		return fmt.Errorf("forget participant in meeting %s: %w", id, ErrRunning)
	case !m.LiveKeyGone:
		return fmt.Errorf("forget participant in meeting %s: %w", id, ErrUnfinished)
	}
	stays := staysOf(m.People, participant)
	if len(stays) == 0 {
		return fmt.Errorf("forget participant in meeting %s: %w", id, ErrNoPerson)
	}
	e := &errand{V: documentVersion, Forgotten: Forgotten{Meeting: id, Participants: stays}, Actor: by.Actor, Role: by.Role}
	if e.Segments, e.Tracks, err = f.said(ctx, id, stays); err != nil {
		return fmt.Errorf("forget participant in meeting %s: %w", id, err)
	}
	for _, t := range m.Tracks { // also sound of which nothing was recognised
		if slices.Contains(stays, t.Participant) && !slices.Contains(e.Tracks, t.Track) {
			e.Tracks = append(e.Tracks, t.Track)
		}
	}
	return f.begin(ctx, e)
}

// staysOf returns every stay of the person behind a participant, theirs first.
func staysOf(people []meeting.Person, participant meeting.ParticipantID) []meeting.ParticipantID {
	i := slices.IndexFunc(people, func(p meeting.Person) bool { return p.Participant == participant })
	if i < 0 {
		return nil
	}
	stays := []meeting.ParticipantID{participant}
	for _, p := range people {
		if p.Person != "" && p.Person == people[i].Person && p.Participant != participant {
			stays = append(stays, p.Participant)
		}
	}
	return stays
}

// said lists what people said in a meeting; nil means everybody. What does not open cannot be listed, and nobody can read it.
func (f *Forgetter) said(ctx context.Context, id meeting.ID, people []meeting.ParticipantID) ([]meeting.SegmentID, []meeting.TrackID, error) {
	segments, _, err := f.transcripts.archived(ctx, id)
	if err == nil {
		var kept *Transcript
		if kept, _, err = f.transcripts.stored(ctx, id); err == nil {
			segments = orderSegments(slices.Concat(segments, kept.Segments))
		}
	}
	if err != nil && !errors.Is(err, ErrNotFound) && !errors.Is(err, ErrNoKey) && !isDamage(err) {
		return nil, nil, err
	}
	var ids []meeting.SegmentID
	var tracks []meeting.TrackID
	for _, s := range segments {
		if people != nil && !slices.Contains(people, s.Spk.Participant()) {
			continue
		}
		ids = append(ids, s.Seg)
		if !slices.Contains(tracks, s.Track) {
			tracks = append(tracks, s.Track)
		}
	}
	return ids, tracks, nil
}

// begin writes an errand down and runs it. One that was begun before knows best what there was.
func (f *Forgetter) begin(ctx context.Context, e *errand) error {
	body, err := encode(e.object(), e)
	if err != nil {
		return err
	}
	err = f.store.Create(ctx, e.object(), body)
	if errors.Is(err, ErrExists) {
		if e, err = f.errand(ctx, e.object()); errors.Is(err, ErrNotFound) {
			return nil // somebody has finished it meanwhile
		}
	}
	if err != nil {
		return fmt.Errorf("forget: %w", err)
	}
	return f.run(ctx, e)
}

func (f *Forgetter) errand(ctx context.Context, object string) (*errand, error) {
	body, _, err := f.store.Get(ctx, object)
	if err != nil {
		return nil, err
	}
	e := new(errand)
	if err := decode(object, body, e, func(e *errand) int { return e.V }); err != nil {
		return nil, err
	}
	if !e.Meeting.Valid() || e.object() != object {
		return nil, fmt.Errorf("%s: %w: it is about something else", object, ErrDamaged)
	}
	return e, nil
}

// Resume finishes what a crash, or a Kafka that was away, left unfinished.
func (f *Forgetter) Resume(ctx context.Context) error {
	objects, err := f.store.List(ctx, forgettingPrefix)
	if err != nil {
		return err
	}
	var errs error
	for _, o := range objects {
		e, err := f.errand(ctx, o.Key)
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err == nil {
			err = f.run(ctx, e)
		}
		errs = errors.Join(errs, err)
	}
	return errs
}

// tellWithin bounds telling Kafka, for which people may be waiting. Resume goes on with it.
const tellWithin = 20 * time.Second

// run does an errand, from the beginning.
func (f *Forgetter) run(ctx context.Context, e *errand) error {
	proof := AuditEntry{Actor: e.Actor, Role: e.Role, Action: "meeting.forgotten", Object: meetingPrefix + string(e.Meeting), Records: len(e.Segments)}
	var err error
	if len(e.Participants) == 0 {
		proof.Objects, err = f.meetings.remove(ctx, e.Meeting)
	} else {
		proof.Action, proof.Object = "participant.forgotten", proof.Object+"/people/"+string(e.Participants[0])
		proof.Objects, err = f.strike(ctx, e.Forgotten)
	}
	if err != nil {
		return err
	}
	f.keys.Drop(e.Meeting)
	f.transcripts.Forget(e.Meeting)
	if err := f.dropShares(ctx, e.Forgotten); err != nil {
		return err
	}
	for _, hook := range f.hooks {
		if err := hook(ctx, e.Forgotten); err != nil {
			return fmt.Errorf("forget what was said in meeting %s: %w", e.Meeting, err)
		}
	}
	if err := f.gone(ctx, e.Forgotten); err != nil {
		return err
	}
	if err := f.tell(ctx, e.Forgotten); err != nil {
		f.log.Warn("what was forgotten is not retracted on Kafka yet, trying again later", "meeting", e.Meeting, "err", err)
		return nil
	}
	if err := f.audit.Append(ctx, proof); err != nil {
		return err
	}
	return f.store.Delete(ctx, e.object())
}

// gone looks whether what was forgotten can still be read, with nothing but the store to go by: the proof in the audit is about this.
func (f *Forgetter) gone(ctx context.Context, what Forgotten) error {
	if len(what.Participants) > 0 {
		left, _, err := f.said(ctx, what.Meeting, what.Participants)
		if err == nil && len(left) > 0 {
			err = fmt.Errorf("%d segments of a forgotten participant of meeting %s are still there", len(left), what.Meeting)
		}
		return err
	}
	left, err := f.store.List(ctx, meetingPrefix+string(what.Meeting)+"/")
	if err == nil && len(left) > 0 {
		err = fmt.Errorf("%d objects of forgotten meeting %s are still there", len(left), what.Meeting)
	}
	return err
}

// tell lets every process drop what it has in memory, and retracts the segments.
func (f *Forgetter) tell(ctx context.Context, what Forgotten) error {
	ctx, cancel := context.WithTimeout(ctx, tellWithin)
	defer cancel()
	if err := Nudge(ctx, f.bus, what.Meeting); err != nil {
		return err
	}
	_, err := fetchAll(ctx, what.Segments, func(ctx context.Context, seg meeting.SegmentID) (struct{}, error) {
		return struct{}{}, f.bus.Publish(ctx, bus.Message{
			Topic: bus.Segments, Partition: f.bus.PartitionOf(bus.Segments, what.Meeting), Key: string(seg), Meeting: what.Meeting,
		})
	})
	return err
}

// Follow drops from memory what is forgotten anywhere, until ctx ends, whose error it returns. An empty record can be written by
// anybody who may write to Kafka; all it does is that keys are read again.
func (f *Forgetter) Follow(ctx context.Context) error {
	return f.bus.Follow(ctx, bus.Meetings, bus.FollowOptions{Since: time.Now()}, func(m bus.Message) {
		if len(m.Value) == 0 && m.Meeting.Valid() {
			f.keys.Drop(m.Meeting)
			f.transcripts.Forget(m.Meeting)
		}
	})
}
