package storage

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"souffleur/internal/meeting"
	"souffleur/summarize/minutes"
)

// MinutesState is how far minutes have come.
type MinutesState string

// States of minutes.
const (
	MinutesNone      MinutesState = "none"      // nobody wanted any
	MinutesQueued    MinutesState = "queued"    // wanted; no worker has begun
	MinutesRunning   MinutesState = "running"   // Done of Of pieces are there
	MinutesPartial   MinutesState = "partial"   // written, with a reason why they are less than was asked for
	MinutesDone      MinutesState = "done"      // written
	MinutesFailed    MinutesState = "failed"    // not written; Reason says why
	MinutesCancelled MinutesState = "cancelled" // somebody stopped it; minutes from before stay
)

// Reasons of MinutesFailed and MinutesPartial, beside the warnings of [minutes.Warning].
const (
	MinutesReasonTranscript = "transcript" // it does not open, or is too long
	MinutesReasonDamaged    = "damaged"    // pieces of the transcript are missing
	MinutesReasonEngine     = "engine"     // the writer broke off
	MinutesReasonCrashed    = "crashed"    // the worker died over it, again and again
)

// Working says whether somebody works on it, or will.
func (s MinutesState) Working() bool { return s == MinutesQueued || s == MinutesRunning }

// Over says whether the work came to an end of itself.
func (s MinutesState) Over() bool {
	return s == MinutesDone || s == MinutesPartial || s == MinutesFailed
}

// MinutesWish is what somebody wants of minutes. Zero values leave the choice to the worker.
type MinutesWish struct {
	Detail minutes.Detail     `json:"detail,omitempty"`
	Engine minutes.EngineName `json:"engine,omitempty"`
	Lang   string             `json:"lang,omitempty"` // BCP 47 primary subtag
}

// MinutesJob is meetings/<id>/minutes/job.json: the request for minutes and how far it is.
type MinutesJob struct {
	State      MinutesState     `json:"state"`
	Request    int              `json:"request"` // rises with every request; whoever works for another one stops
	Wish       MinutesWish      `json:"wish,omitzero"`
	By         meeting.PersonID `json:"by,omitempty"`         // who asked; "": the end of the meeting
	Transcript string           `json:"transcript,omitempty"` // version it is made from
	Settings   string           `json:"settings,omitempty"`   // hash of what else decides
	Done       int              `json:"done,omitempty"`       // pieces
	Of         int              `json:"of,omitempty"`         // 0: not known yet
	Reason     string           `json:"reason,omitempty"`     // a code: of a failure, or of why something is missing
	Tries      int              `json:"tries,omitempty"`      // how often this request was begun
	AtUnixMS   int64            `json:"at_unix_ms"`           // when State changed
	Untold     bool             `json:"untold,omitempty"`     // webhooks and organizers were not told yet how it ended
	Quiet      bool             `json:"quiet,omitempty"`      // nobody is to be told: made again because somebody was forgotten
}

// Job returns how far the minutes of a meeting are; the state is MinutesNone if nobody wanted any.
func (m *Minutes) Job(ctx context.Context, id meeting.ID) (MinutesJob, error) {
	job, _, err := m.job(ctx, id)
	return job, err
}

func (m *Minutes) job(ctx context.Context, id meeting.ID) (MinutesJob, string, error) {
	job, etag, err := openMinutes[MinutesJob](ctx, m, id, minutesJobFile)
	if err == nil && etag == "" {
		job.State = MinutesNone
	}
	return job, etag, err
}

// Jobs returns the states of several meetings' minutes; those that do not open are left out.
func (m *Minutes) Jobs(ctx context.Context, ids []meeting.ID) (map[meeting.ID]MinutesJob, error) {
	type pair struct {
		id  meeting.ID
		job MinutesJob
	}
	all, err := fetchAll(ctx, ids, func(ctx context.Context, id meeting.ID) (pair, error) {
		job, err := m.Job(ctx, id)
		if isDamage(err) {
			m.store.log.Warn("the state of a meeting's minutes does not open", "meeting", id, "err", err)
			return pair{}, ErrNotFound
		}
		return pair{id, job}, err
	})
	jobs := make(map[meeting.ID]MinutesJob, len(all))
	for _, p := range all {
		jobs[p.id] = p.job
	}
	return jobs, err
}

// errUnchanged ends a change that would change nothing.
var errUnchanged = errors.New("nothing to change")

// UpdateJob changes the state of a meeting's minutes and returns the new one. apply may run several times; it returns false if nothing
// is to be written.
func (m *Minutes) UpdateJob(ctx context.Context, id meeting.ID, apply func(*MinutesJob) bool) (MinutesJob, error) {
	var now MinutesJob
	read := func(ctx context.Context) (MinutesJob, string, error) { return m.job(ctx, id) }
	write := func(ctx context.Context, job MinutesJob, etag string) error {
		return m.put(ctx, id, minutesJobFile, job, etag)
	}
	_, err := change(ctx, read, write, func(job *MinutesJob) error {
		changed := apply(job)
		if now = *job; !changed {
			return errUnchanged
		}
		return nil
	})
	if err != nil && !errors.Is(err, errUnchanged) {
		return MinutesJob{}, fmt.Errorf("change state of minutes of %s: %w", id, err)
	}
	return now, nil
}

// Ask wants minutes of a meeting. version is that of the transcript now. What is being done already is not begun again.
func (m *Minutes) Ask(ctx context.Context, id meeting.ID, wish MinutesWish, by meeting.PersonID, version string, at time.Time) (MinutesJob, error) {
	return m.UpdateJob(ctx, id, func(job *MinutesJob) bool {
		if job.State.Working() && job.Wish == wish && (job.Transcript == "" || job.Transcript == version) {
			return false
		}
		*job = MinutesJob{State: MinutesQueued, Request: job.Request + 1, Wish: wish, By: by, AtUnixMS: at.UnixMilli()}
		return true
	})
}

// Cancel stops what is being done, or is about to be.
func (m *Minutes) Cancel(ctx context.Context, id meeting.ID, at time.Time) (MinutesJob, error) {
	return m.UpdateJob(ctx, id, func(job *MinutesJob) bool {
		if !job.State.Working() {
			return false
		}
		job.State, job.Request, job.AtUnixMS, job.Untold = MinutesCancelled, job.Request+1, at.UnixMilli(), false
		return true
	})
}

// makeAgain lets minutes be made again once somebody was forgotten, quietly. Where there are none and nobody works on any, nothing
// happens, but whoever is about to begin begins anew.
func (m *Minutes) makeAgain(ctx context.Context, what Forgotten) error {
	_, err := m.UpdateJob(ctx, what.Meeting, func(job *MinutesJob) bool {
		again := job.State.Working() || job.State == MinutesDone || job.State == MinutesPartial
		job.Request++
		job.Transcript, job.Settings, job.Untold = "", "", job.Untold && !again
		if again {
			quiet := job.Quiet || !job.State.Working()
			job.State, job.Done, job.Of, job.Tries, job.Reason, job.Quiet = MinutesQueued, 0, 0, 0, "", quiet
		}
		return true
	})
	return err
}

// MinutesDue returns when the minutes of a meeting are deleted by themselves, as Unix time in ms; 0: not by themselves.
func (m *Minutes) MinutesDue(ctx context.Context, v Meeting) (int64, error) {
	settings, err := NewInstance(m.store).Get(ctx)
	if err != nil {
		return 0, err
	}
	clocks := v.Retention
	room, err := NewRooms(m.store, m.keys).Get(ctx, v.Room)
	switch {
	case err == nil:
		clocks = room.Retention
	case !errors.Is(err, ErrNotFound) && !isDamage(err):
		return 0, err
	}
	due := DueOf(v, settings.Retention, clocks)
	return earlier(due.Minutes, due.Text), nil
}

// MinutesWork keeps results of pieces of one run, so that a worker that was stopped goes on where it was. A run is one version of
// the transcript and one hash of settings.
type MinutesWork struct {
	minutes *Minutes
	id      meeting.ID
	run     string
}

// Work returns where the results of a run are kept.
func (m *Minutes) Work(id meeting.ID, transcript, settings string) *MinutesWork {
	return &MinutesWork{minutes: m, id: id, run: shortHash(transcript, settings)}
}

// shortHash names something in objects.
func shortHash(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:12])
}

func (w *MinutesWork) object(key string) string {
	return workFolder + w.run + "/" + shortHash(key) + ".json"
}

// workPiece is a sealed result. Key says whose it is.
type workPiece struct {
	Key  string `json:"key"`
	Data []byte `json:"data"`
}

// Load returns a result that was kept; nil if there is none, or none that opens.
func (w *MinutesWork) Load(ctx context.Context, key string) ([]byte, error) {
	p, _, err := openMinutes[workPiece](ctx, w.minutes, w.id, w.object(key))
	if isLost(err) || p.Key != key {
		return nil, nil
	}
	return p.Data, err
}

// Save keeps a result, in place of one that was kept before.
func (w *MinutesWork) Save(ctx context.Context, key string, data []byte) error {
	_, etag, err := openMinutes[workPiece](ctx, w.minutes, w.id, w.object(key))
	if err != nil && !isLost(err) {
		return err
	}
	return w.minutes.put(ctx, w.id, w.object(key), workPiece{Key: key, Data: data}, etag)
}

// Keep removes the results of other runs of the meeting.
func (w *MinutesWork) Keep(ctx context.Context) error {
	_, err := w.minutes.dropWork(ctx, w.id, w.run)
	return err
}

// Drop removes all results.
func (w *MinutesWork) Drop(ctx context.Context) error {
	_, err := w.minutes.dropWork(ctx, w.id, "")
	return err
}

// dropWork removes the results of all runs but one, and returns how many.
func (m *Minutes) dropWork(ctx context.Context, id meeting.ID, but string) (int, error) {
	prefix, err := meetingPath(id, workFolder)
	if err != nil {
		return 0, err
	}
	objects, err := m.store.List(ctx, prefix)
	if err != nil {
		return 0, err
	}
	var others []Object
	for _, o := range objects {
		if but == "" || !strings.HasPrefix(o.Key, prefix+but+"/") {
			others = append(others, o)
		}
	}
	return len(others), m.store.deleteAll(ctx, others)
}
