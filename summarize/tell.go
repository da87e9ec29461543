package summarize

import (
	"context"
	"time"

	"souffleur/storage"
)

// tellWithin is how long organizers and webhooks are tried to be told. Later the minutes are no news any more.
const tellWithin = 24 * time.Hour

// tell lets webhooks and organizers know how the work on minutes ended. It may be repeated: webhooks are told once, and so are
// organizers unless the worker dies over it.
func (w *Worker) tell(ctx context.Context, m storage.Meeting, job storage.MinutesJob) error {
	if w.now().Sub(time.UnixMilli(job.AtUnixMS)) < tellWithin {
		if err := w.tellOnce(ctx, m, job); err != nil {
			return err
		}
	}
	_, err := w.Minutes.UpdateJob(ctx, m.ID, func(j *storage.MinutesJob) bool {
		if j.Request != job.Request || !j.Untold {
			return false
		}
		j.Untold = false
		return true
	})
	return err
}

func (w *Worker) tellOnce(ctx context.Context, m storage.Meeting, job storage.MinutesJob) error {
	engine := ""
	draft, err := w.Minutes.Begin(ctx, m.ID)
	if err != nil {
		return err
	}
	if doc := draft.Doc(); doc != nil && job.State != storage.MinutesFailed {
		engine = string(doc.Engine.Name)
	}
	if err := w.Webhooks.Announce(ctx, storage.MinutesNews(m, job, engine)); err != nil {
		return err
	}
	// Who asked for them waits for them on the page.
	if w.Post == nil || job.By != "" || job.State == storage.MinutesFailed {
		return nil
	}
	return w.Post.MinutesReady(ctx, m)
}
