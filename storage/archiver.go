package storage

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"souffleur/internal/bus"
	"souffleur/internal/meeting"
)

// Groups on the bus whose positions say how far the work on a meeting has come.
const (
	archiveGroup   = "archive" // ours, on segments.v1
	recogniseGroup = "asr"     // the recognisers', on audio.v1

	// HookGroup is that of who tells webhooks, on meetings.v1.
	HookGroup = "webhooks"
)

// ArchiverConfig says how segments are gathered and how long the end of a meeting is waited for.
type ArchiverConfig struct {
	BatchAge        time.Duration // a batch is stored at the latest this long after its first segment came
	BatchBytes      int           // or as soon as it has this many sealed bytes
	RecognitionWait time.Duration // how long after the end recognisers may take for the rest of the audio
	AudioAge        time.Duration // kept audio is stored at the latest this long after the first of it came
	AudioBytes      int           // or as soon as there is this much of a track
	AudioHeld       int           // or as soon as there is this much of one partition
	AudioWait       time.Duration // how long after the end kept audio that is not stored yet is waited for
	VoicesWait      time.Duration // how long the end waits, where voices at a microphone are told apart, until they were judged once more
	HookWait        time.Duration // how long the end waits, where there are webhooks, until they were told what came before
	Poll            time.Duration // how often progress on the bus is looked at
	Rescan          time.Duration // how often all meetings are checked for an end that was missed
}

// DefaultArchiverConfig returns what suits everybody. Audio is on the bus for ten minutes, so waiting longer for it is
// of no use. AudioAge is more than the minute of a piece, so that it acts only on tracks that have fallen silent; a minute
// of speech in the best quality that browsers send has less than AudioBytes.
func DefaultArchiverConfig() ArchiverConfig {
	return ArchiverConfig{
		BatchAge: 5 * time.Second, BatchBytes: 64 << 10, RecognitionWait: 10 * time.Minute,
		AudioAge: 90 * time.Second, AudioBytes: 1 << 20, AudioHeld: 64 << 20, AudioWait: 10 * time.Minute, VoicesWait: 2 * time.Minute, HookWait: time.Minute,
		Poll: time.Second, Rescan: 10 * time.Minute,
	}
}

// Validate names the first wrong setting.
func (c ArchiverConfig) Validate() error {
	for name, d := range map[string]time.Duration{
		"audio age": c.AudioAge, "audio wait": c.AudioWait, "webhook wait": c.HookWait, "voices wait": c.VoicesWait,
		"batch age": c.BatchAge, "recognition wait": c.RecognitionWait, "poll interval": c.Poll, "rescan interval": c.Rescan,
	} {
		if d <= 0 {
			return fmt.Errorf("archiver: %s must be positive", name)
		}
	}
	if c.AudioBytes <= 0 || c.AudioHeld <= 0 {
		return errors.New("archiver: sizes of audio must be positive")
	}
	if c.BatchBytes <= 0 {
		return errors.New("archiver: batch size must be positive")
	}
	return nil
}

// archiveBus is what the archiver needs of the bus.
type archiveBus interface {
	Records
	consume(ctx context.Context, group string, topic bus.Topic, handle func(context.Context, partition) error) error
	EndOffsets(ctx context.Context, topic bus.Topic) ([]int64, error)
	CommittedOffsets(ctx context.Context, group string, topic bus.Topic) ([]int64, error)
}

// partition is an assigned partition; see [bus.Assignment].
type partition interface {
	Next(ctx context.Context) (bus.Message, error)
	Commit(ctx context.Context, offset int64, metadata string) error
	Lost() int64
}

// kafkaBus is the real archiveBus.
type kafkaBus struct{ *bus.Bus }

func (b kafkaBus) consume(ctx context.Context, group string, topic bus.Topic, handle func(context.Context, partition) error) error {
	return b.Consume(ctx, group, topic, func(ctx context.Context, a *bus.Assignment) error {
		// Records that expired unread would otherwise count as not archived, for ever: no record comes after which
		// a position could be committed.
		if a.Committed < a.First {
			if err := a.Commit(ctx, a.First, ""); err != nil {
				return err
			}
		}
		return handle(ctx, a)
	})
}

// Archiver moves finals from segments.v1 into the store while a meeting goes on, and audio from audio.v1 where it is kept,
// and closes the books at its end: it writes the transcript and deletes the live key, so that nothing on Kafka outlives the
// meeting in readable form.
//
// Several may run: the groups share the partitions, and closing a meeting may be done twice. Segments said below level
// transcript are never written; audio only if its record says that it may be.
type Archiver struct {
	bus         archiveBus
	store       *Store
	keys        *Keyring
	meetings    *Meetings
	transcripts *Transcripts
	webhooks    *Webhooks
	config      ArchiverConfig
	log         *slog.Logger

	finishing sync.WaitGroup // one goroutine per meeting being closed

	mu     sync.Mutex                      // guards what follows
	audio  map[meeting.ID]map[int]struct{} // partitions of audio.v1 that a running meeting used
	closed map[meeting.ID]struct{}         // meetings being closed
}

// NewArchiver returns an archiver; [Archiver.Run] does the work.
func NewArchiver(b *bus.Bus, store *Store, keys *Keyring, config ArchiverConfig, log *slog.Logger) (*Archiver, error) {
	return newArchiver(kafkaBus{b}, store, keys, config, log)
}

func newArchiver(b archiveBus, store *Store, keys *Keyring, config ArchiverConfig, log *slog.Logger) (*Archiver, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	meetings := NewMeetings(store, keys)
	return &Archiver{
		bus: b, store: store, keys: keys, meetings: meetings, transcripts: NewTranscripts(store, keys, meetings),
		webhooks: NewWebhooks(store, keys), config: config, log: log,
		audio: map[meeting.ID]map[int]struct{}{}, closed: map[meeting.ID]struct{}{},
	}, nil
}

// Run archives until ctx ends, then returns nil. It waits out a bus or a store that is away. What was not stored is not
// committed, so it comes again at the next start.
func (a *Archiver) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	caughtUp := make(chan struct{})
	group.Go(func() error { return a.bus.consume(ctx, archiveGroup, bus.Segments, a.archive) })
	group.Go(func() error { return a.bus.consume(ctx, audioGroup, bus.Audio, a.archiveAudio) })
	group.Go(func() error { return a.follow(ctx, func() { close(caughtUp) }) })
	group.Go(func() error { return a.rescan(ctx, caughtUp) })
	err := group.Wait()
	a.finishing.Wait()
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

const (
	retryFirst = 100 * time.Millisecond
	retryMost  = 10 * time.Second
)

// persist tries until it works, until it cannot work any more, or until ctx ends.
func (a *Archiver) persist(ctx context.Context, what string, try func() error) error {
	for pause := retryFirst; ; pause = min(2*pause, retryMost) {
		err := try()
		if err == nil || isLasting(err) {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		a.log.Warn("archiving is held up, trying again", "doing", what, "pause", pause, "err", err)
		if err := sleep(ctx, pause); err != nil {
			return err
		}
	}
}

// isLasting says whether trying again is of no use.
func isLasting(err error) bool {
	var bad unreadable
	return errors.Is(err, ErrNoKey) || errors.Is(err, ErrNotFound) || errors.Is(err, bus.ErrFenced) || errors.As(err, &bad) || isLost(err)
}

// deadLetterWithin bounds the attempt to note a record that cannot be read: it must not hold up the others.
const deadLetterWithin = 3 * time.Second

// deadLetter notes a record that cannot be read, without what it holds.
func (a *Archiver) deadLetter(ctx context.Context, m bus.Message, reason string) {
	ctx, cancel := context.WithTimeout(ctx, deadLetterWithin)
	defer cancel()
	err := a.bus.Publish(ctx, bus.DeadLetter(m, reason, a.bus.PartitionOf(bus.DeadLetters, m.Meeting)))
	if err != nil && ctx.Err() == nil {
		a.log.Warn("publish dead letter", "err", err)
	}
}

// unreadable marks a record that will never open.
type unreadable struct{ err error }

func (u unreadable) Error() string { return u.err.Error() }
func (u unreadable) Unwrap() error { return u.err }
