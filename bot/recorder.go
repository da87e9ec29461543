package bot

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"souffleur/internal/bus"
	"souffleur/internal/meeting"
	"souffleur/internal/seal"
	"souffleur/internal/signal"
	"souffleur/sfu"
)

// Publisher is what the recorder needs of the bus.
type Publisher interface {
	Publish(ctx context.Context, m bus.Message) error
	AudioPartition(m meeting.ID, joinIndex int) int
}

// RecorderConfig is what a recorder is made of.
type RecorderConfig struct {
	Meeting meeting.ID
	Began   time.Time // zero of the room clock
	Key     seal.Key  // the meeting's live key
	Bus     Publisher
	Log     *slog.Logger
	// Announce publishes that a track is about to be recorded, so that recognisers know whose words they hear. It may
	// block; audio of the track waits in its ring until it returns. An error is retried.
	Announce func(ctx context.Context, t meeting.Track) error
	// JoinIndex spreads the tracks of a meeting over the partitions of audio.v1.
	JoinIndex func(meeting.ParticipantID) int
	// RingSeconds is how much audio per track survives an absent Kafka; 0 means 30, which outlasts a broker's restart.
	RingSeconds int
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Recorder writes the audio of one meeting to Kafka while its level is above off. It implements sfu.AudioListener; its
// listener methods are called from the packet path and never block.
type Recorder struct {
	cfg    RecorderConfig
	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup

	level   atomic.Uint32 // meeting.Level; read by the packet path
	keep    atomic.Bool   // what is said may be stored as sound; read by the packet path
	stalled atomic.Int64  // tracks whose last publish failed
	dropped atomic.Int64  // records lost to full rings, packets to full inboxes

	mu     sync.Mutex // guards what follows; held only for map access
	tracks map[meeting.TrackID]*recording
	optOut map[meeting.ParticipantID]bool
}

var _ sfu.AudioListener = (*Recorder)(nil)

// NewRecorder returns a recorder at level off. Register it with a room, then set its level. Close it when the meeting
// ends.
func NewRecorder(cfg RecorderConfig) *Recorder {
	if cfg.RingSeconds == 0 {
		cfg.RingSeconds = 30
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	ctx, cancel := context.WithCancel(context.Background())
	return &Recorder{
		cfg: cfg, ctx: ctx, cancel: cancel,
		tracks: make(map[meeting.TrackID]*recording),
		optOut: make(map[meeting.ParticipantID]bool),
	}
}

// SetLevel applies the AI level. Off drops what was not yet sent: records in the rings and in the making. Another level
// begins a new epoch on every track, so that no utterance spans two levels.
func (r *Recorder) SetLevel(level meeting.Level) {
	old := meeting.Level(r.level.Swap(uint32(level)))
	if old == level {
		return
	}
	for _, t := range r.recordings() {
		t.cut(level == meeting.Off)
	}
}

// SetKeepAudio says whether what arrives from now on may be stored as sound. What is on its way keeps the word that held
// when it was said.
func (r *Recorder) SetKeepAudio(keep bool) { r.keep.Store(keep) }

// keeps says whether a packet that arrives now may be stored as sound.
func (r *Recorder) keeps() bool {
	return r.keep.Load() && meeting.Level(r.level.Load()) >= meeting.Transcript
}

// SetOptOut drops the audio of a participant from now on, or takes it up again.
func (r *Recorder) SetOptOut(p meeting.ParticipantID, out bool) {
	r.mu.Lock()
	if out {
		r.optOut[p] = true
	} else {
		delete(r.optOut, p)
	}
	r.mu.Unlock()
	for _, t := range r.recordings() {
		if t.track.Participant == p {
			t.optOut.Store(out)
			t.cut(out)
		}
	}
}

// Stalled says whether Kafka refuses audio at present.
func (r *Recorder) Stalled() bool { return r.stalled.Load() > 0 }

// Dropped counts records and packets lost because Kafka or the processor could not keep up.
func (r *Recorder) Dropped() int64 { return r.dropped.Load() }

// Close ends all recordings and waits for them. Records still in the rings get a moment to leave.
func (r *Recorder) Close() {
	for _, t := range r.recordings() {
		t.end()
	}
	done := make(chan struct{})
	go func() { r.wg.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(lastRecordsWait):
	}
	r.cancel()
	<-done
}

// lastRecordsWait is how long Close waits for Kafka to take what was recorded before the end.
const lastRecordsWait = 3 * time.Second

// AudioStarted begins to follow a track.
func (r *Recorder) AudioStarted(t sfu.AudioTrack) {
	rec := newRecording(r, meeting.Track{
		Track: t.Track, Participant: t.Participant,
		Partition: r.cfg.Bus.AudioPartition(r.cfg.Meeting, r.cfg.JoinIndex(t.Participant)), Screen: t.Source == signal.ScreenAudio,
	})
	r.mu.Lock()
	_, known := r.tracks[t.Track]
	if !known {
		r.tracks[t.Track] = rec
		rec.optOut.Store(r.optOut[t.Participant])
	}
	r.mu.Unlock()
	if known {
		return
	}
	r.wg.Add(2)
	go func() { defer r.wg.Done(); rec.build(r.ctx) }()
	go func() { defer r.wg.Done(); rec.send() }()
}

// AudioPacket takes one packet. It copies the payload and returns at once.
func (r *Recorder) AudioPacket(track meeting.TrackID, p sfu.AudioPacket) {
	if meeting.Level(r.level.Load()) == meeting.Off {
		return
	}
	if t := r.recording(track); t != nil && !t.optOut.Load() {
		t.offer(p)
	}
}

// AudioMuted ends the epoch: browsers do not advance the RTP clock of a muted track.
func (r *Recorder) AudioMuted(track meeting.TrackID, _ bool) {
	if t := r.recording(track); t != nil {
		t.cut(false)
	}
}

// AudioEnded sends what is left of the track and forgets it.
func (r *Recorder) AudioEnded(track meeting.TrackID) {
	r.mu.Lock()
	t := r.tracks[track]
	delete(r.tracks, track)
	r.mu.Unlock()
	if t != nil {
		t.end()
	}
}

func (r *Recorder) recording(id meeting.TrackID) *recording {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.tracks[id]
}

func (r *Recorder) recordings() []*recording {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := make([]*recording, 0, len(r.tracks))
	for _, t := range r.tracks {
		all = append(all, t)
	}
	return all
}
