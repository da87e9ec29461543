package summarize

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"souffleur/internal/meeting"
	"souffleur/storage"
	"souffleur/summarize/minutes"
)

var (
	// errSuperseded says that the request which is worked on was cancelled or replaced.
	errSuperseded = errors.New("the request is not the present one any more")
	// errBroke says that an engine broke off.
	errBroke = errors.New("the engine broke off")
)

// do does the work, and says how long to wait before the meeting is looked at again: what failed is tried again then.
func (t *task) do(ctx context.Context, w *Worker) (pause time.Duration) {
	log := w.Log.With("meeting", t.meeting.ID)
	if t.job.State.Working() {
		job, err := w.write(ctx, t)
		switch {
		case err == nil:
			t.job = job
		case ctx.Err() != nil, errors.Is(err, errSuperseded), errors.Is(err, storage.ErrNotFound), errors.Is(err, storage.ErrNoKey):
			return 0 // cancelled, or forgotten, or somebody else goes on
		case errors.Is(err, storage.ErrConflict):
			log.Info("what minutes are made from was changed meanwhile, beginning again")
			return 0
		default:
			log.Warn("minutes are held up, trying again", "err", err)
			return w.config.Retell
		}
		log.Info("minutes are over", "state", t.job.State, "reason", t.job.Reason)
	}
	if !t.job.Untold {
		return 0
	}
	if err := w.tell(ctx, t.meeting, t.job); err != nil && ctx.Err() == nil {
		log.Warn("that minutes are there could not be told, trying again", "err", err)
		return w.config.Retell
	}
	return 0
}

// write writes the minutes of a meeting, and returns how that ended.
func (w *Worker) write(ctx context.Context, t *task) (storage.MinutesJob, error) {
	id := t.meeting.ID
	draft, err := w.Minutes.Begin(ctx, id) // before the transcript is read
	if err != nil && !errors.Is(err, storage.ErrVersion) {
		return storage.MinutesJob{}, err
	}
	if err != nil {
		return w.end(ctx, t, storage.MinutesFailed, storage.MinutesReasonTranscript)
	}
	transcript, err := w.Transcripts.Read(ctx, id)
	switch {
	case errors.Is(err, storage.ErrDamaged), errors.Is(err, storage.ErrVersion), errors.Is(err, storage.ErrTooLarge):
		return w.end(ctx, t, storage.MinutesFailed, storage.MinutesReasonTranscript)
	case err != nil:
		return storage.MinutesJob{}, err
	}
	if transcript.Rev == 0 { // deleted since: minutes may be kept longer
		return w.end(ctx, t, storage.MinutesFailed, storage.MinutesReasonTranscript)
	}
	engine := w.engineFor(t.job.Wish)
	detail := cmp.Or(t.job.Wish.Detail, w.config.Detail)
	settings := settingsHash(engine, detail, t.job.Wish.Lang)
	started, err := w.start(ctx, t, transcript.Version(), settings)
	if err != nil || !started.State.Working() {
		return started, err
	}
	if d := draft.Doc(); d != nil && d.Transcript == transcript.Version() && d.Settings == settings && d.Engine.FellBack == "" {
		return w.end(ctx, t, storage.MinutesDone, "") // these were written before
	}
	kept := w.Minutes.Work(id, transcript.Version(), settings)
	if err := kept.Keep(ctx); err != nil {
		return storage.MinutesJob{}, err
	}
	doc, err := w.compose(ctx, t, jobFor(transcript, detail, t.job.Wish.Lang), engine, kept)
	if errors.Is(err, errBroke) {
		return w.end(ctx, t, storage.MinutesFailed, storage.MinutesReasonEngine)
	}
	if err != nil {
		return storage.MinutesJob{}, err
	}
	doc.Settings, doc.MadeUnixMS = settings, w.now().UnixMilli()
	if hasGaps(transcript) && !slices.Contains(doc.Warnings, minutes.Gaps) {
		doc.Warnings = append(doc.Warnings, minutes.Gaps)
	}
	if err := draft.Put(ctx, doc, transcript); err != nil {
		return storage.MinutesJob{}, err
	}
	if err := kept.Drop(ctx); err != nil {
		w.Log.Warn("intermediate results of minutes are left", "meeting", id, "err", err)
	}
	switch {
	case doc.Engine.FellBack != "":
		return w.end(ctx, t, storage.MinutesPartial, doc.Engine.FellBack)
	case transcript.Damaged > 0:
		return w.end(ctx, t, storage.MinutesPartial, storage.MinutesReasonDamaged)
	}
	return w.end(ctx, t, storage.MinutesDone, "")
}

// engineFor returns who is to write.
func (w *Worker) engineFor(wish storage.MinutesWish) minutes.Engine {
	if w.Endpoint == nil || wish.Engine == minutes.Extractive {
		return minutes.Engine{Name: minutes.Extractive}
	}
	about := w.Endpoint.About()
	about.Name = minutes.Endpoint
	return about
}

// settingsHash names what decides beside the transcript. Who only changes a key of an endpoint gets no other minutes.
func settingsHash(e minutes.Engine, detail minutes.Detail, lang string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "minutes.v%d\x00%s\x00%s\x00%s\x00%s\x00%s", minutes.Version, e.Name, e.Model, e.Host, detail, lang))
	return hex.EncodeToString(sum[:12])
}

// start writes down that the work begins, or ends it if it was begun too often.
func (w *Worker) start(ctx context.Context, t *task, version, settings string) (storage.MinutesJob, error) {
	now, err := w.Minutes.UpdateJob(ctx, t.meeting.ID, func(j *storage.MinutesJob) bool {
		if j.Request != t.job.Request || !j.State.Working() {
			return false
		}
		if j.Tries >= w.config.Tries {
			j.State, j.Reason, j.AtUnixMS, j.Untold = storage.MinutesFailed, storage.MinutesReasonCrashed, w.now().UnixMilli(), !j.Quiet
			return true
		}
		if j.State == storage.MinutesQueued {
			j.AtUnixMS = w.now().UnixMilli()
		}
		j.State, j.Transcript, j.Settings, j.Tries = storage.MinutesRunning, version, settings, j.Tries+1
		return true
	})
	if err == nil && now.Request != t.job.Request {
		err = errSuperseded
	}
	return now, err
}

// end writes down how the work ended.
func (w *Worker) end(ctx context.Context, t *task, state storage.MinutesState, reason string) (storage.MinutesJob, error) {
	now, err := w.Minutes.UpdateJob(ctx, t.meeting.ID, func(j *storage.MinutesJob) bool {
		if j.Request != t.job.Request || !j.State.Working() {
			return false
		}
		j.State, j.Reason, j.Done, j.Of, j.Tries = state, reason, 0, 0, 0
		j.AtUnixMS, j.Untold = w.now().UnixMilli(), !j.Quiet
		return true
	})
	if err == nil && now.Request != t.job.Request {
		err = errSuperseded
	}
	return now, err
}

// jobFor returns what an engine gets: what was said at level minutes, and the names that people have now.
func jobFor(t *storage.Transcript, detail minutes.Detail, lang string) *minutes.Job {
	j := &minutes.Job{Meeting: t.Meeting, Transcript: t.Version(), Lang: lang, Detail: detail, People: t.People, Names: map[meeting.SpeakerID]string{}}
	if t.BeganUnixMS > 0 {
		j.Date = time.UnixMilli(t.BeganUnixMS).Format(time.DateOnly)
	}
	for _, n := range t.Names {
		j.Names[n.Spk] = n.Name
	}
	for i := range t.Segments {
		switch s := &t.Segments[i]; {
		case s.Quality == meeting.QualityGap:
		case s.Level >= meeting.Minutes:
			j.Segments = append(j.Segments, *s)
		case s.Text != "":
			j.PartOnly = true
		}
	}
	return j
}

// hasGaps says whether sound was lost while the meeting was at level minutes.
func hasGaps(t *storage.Transcript) bool {
	return slices.ContainsFunc(t.Segments, func(s meeting.Segment) bool { return s.Quality == meeting.QualityGap && s.Level >= meeting.Minutes })
}

// compose lets an engine write; if the endpoint fails, the extractive engine does, and the document says so.
func (w *Worker) compose(ctx context.Context, t *task, j *minutes.Job, engine minutes.Engine, kept Kept) (*minutes.Document, error) {
	ctx, giveUp := context.WithCancelCause(ctx)
	defer giveUp(nil)
	progress := w.progress(ctx, t, giveUp)
	fellBack := minutes.Warning("")
	if engine.Name == minutes.Endpoint {
		writer, err := w.Endpoint.Writer(kept)
		var doc *minutes.Document
		if err == nil {
			doc, err = guarded(ctx, writer, j, progress)
		}
		if err == nil {
			doc.Engine = minutes.Engine{Name: minutes.Endpoint, Model: engine.Model, Host: engine.Host, FellBack: doc.Engine.FellBack}
			return tidy(doc, j), nil
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		fellBack = w.Endpoint.Failure(err)
		w.Log.Warn("the endpoint did not write minutes, the extractive engine does", "meeting", j.Meeting, "why", fellBack)
	}
	doc, err := guarded(ctx, w.Extractive, j, progress)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err != nil {
		w.Log.Error("the extractive engine failed", "meeting", j.Meeting, "kind", fmt.Sprintf("%T", err))
		return nil, errBroke
	}
	doc.Engine = minutes.Engine{Name: minutes.Extractive, FellBack: string(fellBack)}
	if fellBack != "" {
		// What was sent before it failed was sent: who reads these minutes must know.
		doc.Engine.Host, doc.Engine.Model = engine.Host, engine.Model
		doc.Warnings = append(doc.Warnings, fellBack)
	}
	return tidy(doc, j), nil
}

// guarded is Write with a panic as an error: transcripts are foreign data.
func guarded(ctx context.Context, writer minutes.Writer, j *minutes.Job, p minutes.Progress) (doc *minutes.Document, err error) {
	defer func() {
		if r := recover(); r != nil {
			doc, err = nil, errBroke // what it says may quote the transcript
		}
	}()
	doc, err = writer.Write(ctx, j, p)
	if err == nil && doc == nil {
		err = errBroke
	}
	return doc, err
}

// progress returns what writes down how far an engine is, now and then. It gives up if the request is not the present one any more.
func (w *Worker) progress(ctx context.Context, t *task, giveUp context.CancelCauseFunc) minutes.Progress {
	var last time.Time
	return func(done, of int) {
		if w.now().Sub(last) < w.config.Pace && done < of {
			return
		}
		last = w.now()
		now, err := w.Minutes.UpdateJob(ctx, t.meeting.ID, func(j *storage.MinutesJob) bool {
			if j.Request != t.job.Request || j.State != storage.MinutesRunning || j.Done == done && j.Of == of {
				return false
			}
			if done > 0 {
				j.Tries = 1 // it does not die over the same piece again and again
			}
			j.Done, j.Of = done, of
			return true
		})
		switch {
		case err == nil && (now.Request != t.job.Request || now.State != storage.MinutesRunning):
			giveUp(errSuperseded)
		case errors.Is(err, storage.ErrNoKey), errors.Is(err, storage.ErrNotFound):
			giveUp(err)
		}
	}
}

// tidy makes a document complete, whoever wrote it: every line rests on segments of the job, and lists are lists.
func tidy(d *minutes.Document, j *minutes.Job) *minutes.Document {
	d.V, d.Meeting, d.Transcript = minutes.Version, j.Meeting, j.Transcript
	there := make(map[meeting.SegmentID]bool, len(j.Segments))
	for i := range j.Segments {
		there[j.Segments[i].Seg] = true
	}
	d.DeleteLines(func(_ string, a *minutes.Action) bool {
		if len(a.Evidence) > 0 && strings.TrimSpace(a.Text) != "" &&
			!slices.ContainsFunc(a.Evidence, func(s meeting.SegmentID) bool { return !there[s] }) {
			return false
		}
		d.Coverage.Dropped++
		return true
	})
	for _, list := range []*[]minutes.Line{&d.Overview, &d.Decisions, &d.Questions} {
		if *list == nil {
			*list = []minutes.Line{}
		}
	}
	if d.Actions == nil {
		d.Actions = []minutes.Action{}
	}
	if d.Topics == nil {
		d.Topics = []minutes.Topic{}
	}
	if d.Keyphrases == nil {
		d.Keyphrases = []string{}
	}
	if d.Warnings == nil {
		d.Warnings = []minutes.Warning{}
	}
	return d
}
