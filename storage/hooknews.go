package storage

import (
	"context"
	"strconv"

	"souffleur/internal/bus"
	"souffleur/internal/meeting"
)

// The archiver is who tells webhooks that a meeting has ended and that its transcript is there: it learns of every end, also of
// one whose event was never published, and does again what a crash cut short. The time of an end never changes once it is
// written, so the news is the same each time and makes one delivery.

func endedNews(m Meeting) HookNews {
	return HookNews{Event: HookMeetingEnded, AtUnixMS: m.EndedUnixMS, Data: HookData{
		Meeting: m.ID, Room: m.Room, BeganUnixMS: m.BeganUnixMS, EndedUnixMS: m.EndedUnixMS,
	}}
}

// transcriptNews bears the time of the meeting's end: that of the archiver's work would differ after a crash.
func transcriptNews(m Meeting) HookNews {
	return HookNews{Event: HookTranscriptReady, AtUnixMS: m.EndedUnixMS, Data: HookData{
		Meeting: m.ID, Room: m.Room, BeganUnixMS: m.BeganUnixMS, EndedUnixMS: m.EndedUnixMS,
		Transcript: &HookTranscript{Revision: m.TranscriptRev, Path: "/api/v1/meetings/" + string(m.ID) + "/transcript"},
	}}
}

// MinutesNews is the news that minutes are there, or could not be made. It bears the time at which the work ended, which is stored, so
// it is the same each time.
func MinutesNews(m Meeting, job MinutesJob, engine string) HookNews {
	n := HookNews{Event: HookMinutesReady, AtUnixMS: job.AtUnixMS, Data: HookData{
		Meeting: m.ID, Room: m.Room, BeganUnixMS: m.BeganUnixMS, EndedUnixMS: m.EndedUnixMS,
		Minutes: &HookMinutes{Path: "/api/v1/meetings/" + string(m.ID) + "/minutes", Engine: engine, State: string(job.State), Reason: job.Reason},
	}}
	if job.State == MinutesFailed {
		n.Event = HookMinutesFailed
	}
	return n
}

// tell queues news for the webhooks, as long as it takes.
func (a *Archiver) tell(ctx context.Context, n HookNews) error {
	return a.persist(ctx, "queue "+strconv.Quote(string(n.Event)), func() error { return a.webhooks.Announce(ctx, n) })
}

// awaitWebhooks waits until whoever tells webhooks has read the meeting's events: without the live key it could not. Not for
// ever: it may not run. Without webhooks there is nothing to wait for.
func (a *Archiver) awaitWebhooks(ctx context.Context, id meeting.ID) error {
	var hooks []Webhook
	err := a.persist(ctx, "read webhooks", func() (err error) {
		hooks, err = a.webhooks.List(ctx)
		return err
	})
	if err != nil || len(hooks) == 0 {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, a.config.HookWait)
	defer cancel()
	used := map[int]struct{}{a.bus.PartitionOf(bus.Meetings, id): {}}
	err = a.awaitGroup(limited, HookGroup, bus.Meetings, used)
	if err != nil && ctx.Err() == nil {
		a.log.Warn("webhooks may not hear of all that happened in a meeting", "meeting", id, "waited", a.config.HookWait)
		return nil
	}
	return err
}
