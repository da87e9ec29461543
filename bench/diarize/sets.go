package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"souffleur/diarize/pyannet"
	"souffleur/diarize/score"
	"souffleur/diarize/voices"
	"souffleur/internal/recording"
)

func (b *bench) measure(set string) ([]figures, error) {
	switch set {
	case "rooms":
		return b.roomSet()
	case "ami":
		return b.clips(set, filepath.Join(b.speech, "ami"), filepath.Join(b.speech, "ami", "reference.rttm"))
	case "mine":
		return b.clips(set, b.wav, b.rttm)
	case "alone":
		return b.aloneSet()
	}
	return b.costSet()
}

// push is how much is given to a tracker at once: the worker gets 100 ms records.
const push = rate / 10

// hear returns a tracker that has heard a recording, with the turns as they stood 5 s after each was shown.
func (b *bench) hear(pcm []float32, e voices.Embedder, o voices.Options) (*voices.Tracker, *watcher) {
	o.Hop, o.Thresholds = b.hop, b.thresholds
	t := voices.NewTracker(b.segmenter, e, o)
	w := &watcher{tracker: t}
	for at := 0; at < len(pcm); at += push {
		t.Push(int64(at)*1000/rate, pcm[at:min(len(pcm), at+push)])
		w.look(int64(at+push) * 1000 / rate)
	}
	w.end(int64(len(pcm)) * 1000 / rate)
	return t, w
}

// watcher reads along as captions do: what a turn was when it could no longer be revised.
type watcher struct {
	tracker *voices.Tracker
	seen    []int // voice of each tenth of a second as last shown
	shown   []score.Segment
	changes int
	merged  map[int]int
	until   int64
}

// settled is how long after it a label stands.
const settled = 5000 // ms

// look once a second.
func (w *watcher) look(now int64) {
	if now%1000 != 0 {
		return
	}
	w.take(now, now-settled)
}

func (w *watcher) end(now int64) { w.take(now, now) }

// take keeps what lies before a time, and counts the labels that changed since they were shown.
func (w *watcher) take(now, until int64) {
	if w.merged == nil {
		w.merged = map[int]int{}
	}
	for _, m := range w.tracker.Merges() {
		w.merged[m.From] = m.Into
	}
	fresh := make([]int, now/100+1)
	for _, t := range w.tracker.Turns(w.until - 2000) {
		for at := max(0, t.T0/100); at < t.T1/100 && at < int64(len(fresh)); at++ {
			fresh[at] = t.Voice
		}
		if from, to := max(t.T0, w.until), min(t.T1, until); to > from {
			w.shown = append(w.shown, score.Segment{Start: float64(from) / 1000, End: float64(to) / 1000, Speaker: fmt.Sprint(t.Voice)})
		}
	}
	for at := max(0, w.until/100); at < int64(min(len(fresh), len(w.seen))); at++ {
		if a, b := w.seen[at], fresh[at]; a != 0 && b != 0 && w.name(a) != w.name(b) && (at == 0 || w.seen[at-1] == 0 || fresh[at-1] == 0 || w.seen[at-1] == fresh[at-1]) {
			w.changes++
		}
	}
	w.seen, w.until = fresh, max(w.until, until)
}

func (w *watcher) name(v int) int {
	for w.merged[v] != 0 {
		v = w.merged[v]
	}
	return v
}

// segments are what was shown, under the names that merges left.
func (w *watcher) segments() []score.Segment {
	out := make([]score.Segment, len(w.shown))
	for i, s := range w.shown {
		var v int
		_, _ = fmt.Sscan(s.Speaker, &v)
		s.Speaker = fmt.Sprint(w.name(v))
		out[i] = s
	}
	return out
}

func segments(turns []voices.Turn) []score.Segment {
	var out []score.Segment
	for _, t := range turns {
		out = append(out, score.Segment{Start: float64(t.T0) / 1000, End: float64(t.T1) / 1000, Speaker: fmt.Sprint(t.Voice)})
	}
	return out
}

// judge scores one room: live as a room without headcount; at the end without a hint; and with the headcount from the beginning.
func (b *bench) judge(set string, r room) figures {
	t, w := b.hear(r.pcm, b.embedder, voices.Options{Room: true})
	offline := score.Rate(r.turns, segments(t.End(0)), b.collar)
	live := score.Rate(r.turns, w.segments(), b.collar)
	f := figures{Set: set, Name: r.name, Speakers: r.speakers, Offline: &offline, Live: &live}
	f.Changes = float64(w.changes) / (float64(len(r.pcm)) / rate / 60)
	for _, warning := range t.Warnings() {
		f.Warnings = append(f.Warnings, string(warning))
	}
	hinted := score.Rate(r.turns, segments(t.End(r.speakers)), b.collar)
	f.Hinted = &hinted
	return f
}

func (b *bench) roomSet() ([]figures, error) {
	speakers, err := loadSpeakers(b.speakers)
	if err != nil {
		return nil, err
	}
	var rows []figures
	for n := 2; n <= len(speakers); n++ {
		for i := range b.rooms {
			seed := 100_000*b.seed + uint64(1000*n+i) // no two runs have a room in common
			r, err := lay(fmt.Sprintf("%d-%d", n, i+1), choose(speakers, n, seed), b.seconds, seed)
			if err != nil {
				return nil, err
			}
			rows = append(rows, b.judge("rooms", r))
		}
	}
	if sixth, err := b.sixth(); err == nil {
		r, err := lay("with a sixth voice", append(speakers[:len(speakers):len(speakers)], sixth), b.seconds, 100_000*b.seed+9000)
		if err != nil {
			return nil, err
		}
		rows = append(rows, b.judge("rooms", r))
	}
	return append(rows, sum(rows)), nil
}

// sixth is a voice from the other clips.
func (b *bench) sixth() (speaker, error) {
	pcm, err := recording.Read(filepath.Join(b.speech, "fleurs", "fleurs-en-000.ogg"), time.Minute)
	if err != nil {
		return speaker{}, err
	}
	for i := range pcm { // recorded quietly
		pcm[i] = max(-1, min(1, 4*pcm[i]))
	}
	return speaker{name: "fleurs", utterances: [][]float32{trim(pcm)}}, nil
}

// sum is the row of all rooms together.
func sum(rows []figures) figures {
	out := figures{Name: "all", Offline: &score.Errors{}, Hinted: &score.Errors{}, Live: &score.Errors{}, rooms: len(rows)}
	for _, r := range rows {
		out.Set = r.Set
		*out.Offline, *out.Hinted, *out.Live = out.Offline.Add(*r.Offline), out.Hinted.Add(*r.Hinted), out.Live.Add(*r.Live)
		out.Changes += r.Changes / float64(len(rows))
		if r.Offline.SpeakerError == 0 {
			out.right++
		}
		if r.Live.SpeakerError == 0 {
			out.rightLive++
		}
	}
	return out
}

// clips judges the recordings of a folder that an RTTM file knows.
func (b *bench) clips(set, dir, rttm string) ([]figures, error) {
	file, err := os.Open(rttm)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %w", errNoSpeech, err)
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	references, err := score.ReadRTTM(file)
	if err != nil {
		return nil, err
	}
	var rows []figures
	for _, ref := range references {
		paths, _ := filepath.Glob(filepath.Join(dir, ref.Name+".*"))
		if len(paths) == 0 || strings.HasSuffix(paths[0], ".rttm") {
			continue
		}
		pcm, err := recording.Read(paths[0], 5*time.Hour)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", paths[0], err)
		}
		rows = append(rows, b.judge(set, room{name: ref.Name, pcm: pcm, turns: ref.Segments, speakers: len(ref.Speakers())}))
	}
	if len(rows) == 0 {
		return nil, fmt.Errorf("%w: no recording in %s that %s knows", errNoSpeech, dir, rttm)
	}
	return append(rows, sum(rows)), nil
}

// aloneSet lets each person talk alone, twice: nobody may become two, live or at the end, neither on a track that nobody said
// anything of nor in a room.
func (b *bench) aloneSet() ([]figures, error) {
	speakers, err := loadSpeakers(b.speakers)
	if err != nil {
		return nil, err
	}
	var rows []figures
	for _, s := range speakers {
		for i := range 2 {
			r, err := alone(s, b.aloneSeconds, b.seed+uint64(i))
			if err != nil {
				return nil, err
			}
			e := &replay{Embedder: b.embedder}
			for _, asRoom := range []bool{false, true} {
				e.at = 0
				t, w := b.hear(r.pcm, e, voices.Options{Room: asRoom})
				ended := segments(t.End(0))
				offline, live := score.Rate(r.turns, ended, b.collar), score.Rate(r.turns, w.segments(), b.collar)
				split := offline.SpeakerError > 0 || live.SpeakerError > 0
				name := r.name
				if asRoom {
					name += ", in a room"
				}
				rows = append(rows, figures{Set: "alone", Name: name, Speakers: 1, Offline: &offline, Live: &live, Split: &split})
			}
		}
	}
	return rows, nil
}

// replay embeds the windows of a recording once: a second tracker cuts the same.
type replay struct {
	voices.Embedder
	vectors [][]float32
	at      int
}

// Embed implements voices.Embedder.
func (r *replay) Embed(windows [][]float32) ([][]float32, error) {
	if r.at == len(r.vectors) {
		more, err := r.Embedder.Embed(windows)
		if err != nil {
			return nil, err
		}
		r.vectors = append(r.vectors, more...)
	}
	r.at += len(windows)
	return r.vectors[r.at-len(windows) : r.at], nil
}

// cost is what one live track takes.
type cost struct {
	Core     float64 // of one processor core, at real time
	End      float64 // seconds of the pass at the end of an hour
	MemoryMB float64 // of Go's heap that one track takes after an hour
	EndMB    float64 // the same with what the pass at the end allocated
	Window   float64 // seconds that the segmentation of ten seconds takes
}

func (c cost) String() string {
	return fmt.Sprintf("live %.3f core (segmentation of 10 s %.3f s), %.0f MB after 1 h, end pass %.1f s, %.0f MB", c.Core, c.Window, c.MemoryMB, c.End, c.EndMB)
}

// costSet follows a room of five for an hour.
func (b *bench) costSet() ([]figures, error) {
	speakers, err := loadSpeakers(b.speakers)
	if err != nil {
		return nil, err
	}
	r, err := lay("cost", speakers, 600, b.seed)
	if err != nil {
		return nil, err
	}
	const hours = 3600 * rate
	c := cost{}
	began := processor()
	for at := 0; at+pyannet.Window <= len(r.pcm); at += pyannet.Window {
		if _, err := b.segmenter.Segment(r.pcm[at : at+pyannet.Window]); err != nil {
			return nil, err
		}
	}
	c.Window = (processor() - began).Seconds() / float64(len(r.pcm)/pyannet.Window)
	t := voices.NewTracker(b.segmenter, b.embedder, voices.Options{Room: true, Hop: b.hop, Thresholds: b.thresholds})
	before := heap(true)
	began = processor()
	for at := 0; at < hours; at += push {
		from := at % (len(r.pcm) - push)
		t.Push(int64(at)*1000/rate, r.pcm[from:from+push])
		if at/push%2 == 0 { // about as often as the worker does
			t.Turns(int64(at)*1000/rate - settled)
		}
	}
	c.Core = (processor() - began).Seconds() / 3600
	c.MemoryMB = (heap(true) - before) / 1e6
	began = processor()
	t.End(0)
	c.End = (processor() - began).Seconds()
	c.EndMB = (heap(false) - before) / 1e6
	runtime.KeepAlive(r) // what was there before is there to the end
	runtime.KeepAlive(speakers)
	runtime.KeepAlive(t)
	return []figures{{Set: "cost", Name: "an hour of five voices", Speakers: 5, Cost: &c}}, nil
}

// processor is the time this process has had so far.
func processor() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// heap is what Go holds, in bytes.
func heap(collected bool) float64 {
	if collected {
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}
