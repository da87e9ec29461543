package asr

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"souffleur/asr/asrtest"
	"souffleur/asr/eval"
	"souffleur/internal/bus"
	"souffleur/internal/meeting"
	"souffleur/internal/seal"
)

// Flags of the benches that run on a virtual clock (bench/captions runs these tests with them).
var (
	figuresFile = flag.String("figures", "", "file for the figures of the test, as JSON")
	speakersAt  = flag.String("speakers", "1,2,4,8", "how many speak at once in TestRehearsal, one meeting each")
	eachSpeaks  = flag.Duration("speaks", 30*time.Second, "how long each speaks in TestRehearsal")
	scriptSeed  = flag.Uint64("script", 1, "seed of what is said in TestRehearsal and TestSoak")
)

// Speakers returns the wanted numbers of speakers.
func Speakers(t *testing.T) []int {
	var out []int
	for _, s := range strings.Split(*speakersAt, ",") {
		var n int
		if _, err := fmt.Sscan(s, &n); err != nil || n < 1 || n > 64 {
			t.Fatalf("-speakers %q: numbers from 1 to 64, with commas between", *speakersAt)
		}
		out = append(out, n)
	}
	return out
}

// Speaks is how long each speaks, and Script the seed of what they say.
func Speaks() time.Duration { return *eachSpeaks }
func Script() uint64        { return *scriptSeed }

// Measuring says whether figures are wanted, not only a verdict.
func Measuring() bool { return *figuresFile != "" }

// SaveFigures writes figures to the file that was asked for, if any.
func SaveFigures(t *testing.T, figures any) {
	t.Helper()
	if !Measuring() {
		return
	}
	b, err := json.MarshalIndent(figures, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(*figuresFile, b, 0o644); err != nil {
		t.Fatal(err)
	}
}

// Rehearsal is a meeting on a virtual clock: everything from the audio on the bus to the captions on the bus is real, but for
// the time that a recognition takes.
type Rehearsal struct {
	Voices        []asrtest.Voice
	Langs         []string
	Workers       int
	NewRecognizer func() (Recognizer, error)
	NewDetector   func() (VoiceDetector, error)

	// look is called every so often while everything stands still, and once at the end; nil: captions are kept and judged.
	look  func(at time.Duration, w *Worker)
	every time.Duration
}

// Rehearse plays a meeting and judges its captions as readers on the bus get them. Without anything random in the recogniser,
// equal rehearsals give equal figures.
func Rehearse(t *testing.T, r Rehearsal) (f eval.Figures) {
	// Two recognitions may be asked for at one moment, a guess and then a partial. On one processor a free recogniser looks
	// when both are there, and takes the more urgent; on several, chance decides.
	before := runtime.GOMAXPROCS(1)
	defer runtime.GOMAXPROCS(before)
	synctest.Test(t, func(t *testing.T) {
		h := newHall(t, r)
		h.play()
		f = h.figures()
	})
	return f
}

// hall is a rehearsal under way.
type hall struct {
	t      *testing.T
	r      Rehearsal
	id     meeting.ID
	key    seal.Key
	began  time.Time // zero of the room clock
	bus    *tape
	worker *Worker
	said   [][]eval.Speech // by speaker; each is written by its own goroutine
	ended  time.Duration   // of all speech

	// What follows is written by the bus, one call at a time, and read when the worker has stopped.
	shown  [][]eval.Shown // by speaker
	stable map[meeting.SegmentID]string
	broken int // partials that changed stable text
	finals int
	late   time.Duration // the largest delay published
	isLate bool
	live   time.Duration // when captions were called live again
}

func newHall(t *testing.T, r Rehearsal) *hall {
	key, _ := seal.NewKey()
	h := &hall{
		t: t, r: r, id: meeting.NewID(), key: key, began: time.Now(), stable: make(map[meeting.SegmentID]string),
		said: make([][]eval.Speech, len(r.Voices)), shown: make([][]eval.Shown, len(r.Voices)),
	}
	h.bus = newTape(h.hear)
	h.event(meeting.Event{Type: meeting.EventStarted, Started: &meeting.Started{BeganUnixMS: h.began.UnixMilli()}})
	h.event(meeting.Event{Type: meeting.EventPolicy, Policy: &meeting.Policy{Level: meeting.Transcript, Langs: r.Langs}})
	for i := range r.Voices {
		who := participant(i)
		h.event(meeting.Event{Type: meeting.EventTrack, Participant: who, Track: &meeting.Track{Track: trackOf(i), Participant: who, Partition: i % 2}})
	}
	h.worker = newWorker(WorkerConfig{
		Keys: &keys{key: key}, KeyGone: func(error) bool { return false },
		Engines: []Engine{{Name: "scripted", New: r.NewRecognizer}}, Workers: r.Workers, Log: quietLog(),
		NewDetector: func() (VoiceDetector, error) {
			v, err := r.NewDetector()
			return yielding{v}, err
		},
	}, h.bus)
	return h
}

// yielding lets everybody else act before each window is judged, so that what is done at one moment is done in short steps
// that are rarely interrupted.
type yielding struct{ VoiceDetector }

// Probability implements VoiceDetector.
func (y yielding) Probability(window []float32) (float32, error) {
	time.Sleep(time.Microsecond)
	return y.VoiceDetector.Probability(window)
}

func participant(i int) meeting.ParticipantID { return meeting.ParticipantID(fmt.Sprintf("p%d", i)) }
func trackOf(i int) meeting.TrackID           { return meeting.TrackID(fmt.Sprintf("t%d", i)) }

func (h *hall) event(e meeting.Event) {
	e.V, e.Meeting = meeting.EventVersion, h.id
	value, err := bus.SealJSON(h.key, bus.Meetings, string(h.id), e)
	if err != nil {
		h.t.Fatal(err)
	}
	h.put(bus.Message{Topic: bus.Meetings, Key: string(h.id), Meeting: h.id, Value: value})
}

func (h *hall) put(m bus.Message) {
	if err := h.bus.Publish(h.t.Context(), m); err != nil {
		h.t.Error(err)
	}
}

// play runs a worker while everybody speaks.
func (h *hall) play() {
	s := &stage{t: h.t}
	stop := s.run(h.worker)
	h.perform()
	stop()
}

// perform lets everybody speak, and waits for the last final.
func (h *hall) perform() {
	var speakers sync.WaitGroup
	for i, v := range h.r.Voices {
		speakers.Go(func() { h.speak(i, v) })
	}
	done := make(chan struct{})
	go func() { speakers.Wait(); close(done) }()
	every := h.r.every
	if every == 0 {
		every = time.Minute
	}
	for speaking := true; speaking; {
		select {
		case <-done:
			speaking = false
		case <-time.After(every):
			h.look()
		}
	}
	h.ended = time.Since(h.began)
	for range 3600 {
		if h.bus.allCommitted() {
			time.Sleep(2 * statusEvery) // word of it has gone out
			synctest.Wait()
			h.look()
			return
		}
		time.Sleep(time.Second)
	}
	h.t.Error("an hour after all speech, something said has no final")
}

func (h *hall) look() {
	if h.r.look != nil {
		synctest.Wait()
		h.r.look(time.Since(h.began), h.worker)
	}
}

// Speakers begin one after the other. No two of them, and no timer of the worker, which fire on whole seconds, ever do
// something at the same moment: records are sent every 20 ms or multiples of it, and these differ modulo 20 ms.
const (
	firstSpeaks = 2001 * time.Millisecond
	nextSpeaks  = 1303 * time.Millisecond
)

// speak sends a voice at the pace of speech.
func (h *hall) speak(i int, v asrtest.Voice) {
	began := firstSpeaks + time.Duration(i)*nextSpeaks
	seq := uint64(0)
	at := func() time.Duration { return began + time.Duration(seq)*asrtest.PacketTime }
	for s, more := v(); more; s, more = v() {
		if h.r.look == nil {
			h.said[i] = append(h.said[i], later(s.Speech, at()))
		}
		for packets := s.Packets; len(packets) > 0; {
			n := min(len(packets), 5)
			rec := h.record(i, began, seq, packets[:n])
			seq, packets = seq+uint64(n), packets[n:]
			time.Sleep(time.Until(h.began.Add(at())))
			h.send(i, rec)
		}
	}
	rec := h.record(i, began, seq, nil)
	rec.Flags = bus.Muted
	h.send(i, rec)
}

// record is a record of packets from number seq on. What is captured first was captured when it was said.
func (h *hall) record(i int, began time.Duration, seq uint64, packets [][]byte) *bus.AudioRecord {
	rec := &bus.AudioRecord{
		Meeting: h.id, Track: trackOf(i), Epoch: uint64(began.Milliseconds()), FirstSeq: seq, RTP: seq * 960, Level: meeting.Transcript,
		CaptureNS: h.began.Add(began + time.Duration(seq)*asrtest.PacketTime).UnixNano(),
	}
	for k, p := range packets {
		rec.Packets = append(rec.Packets, bus.AudioPacket{Seq: seq + uint64(k), RTP: (seq + uint64(k)) * 960, Opus: p})
	}
	return rec
}

func (h *hall) send(i int, rec *bus.AudioRecord) {
	value, err := bus.SealAudio(h.key, rec)
	if err != nil {
		h.t.Error(err)
		return
	}
	h.put(bus.Message{Topic: bus.Audio, Partition: i % 2, Key: bus.AudioKey(h.id, rec.Track), Meeting: h.id, Value: value})
}

// later moves a speech in time.
func later(s eval.Speech, by time.Duration) eval.Speech {
	move := func(x eval.Span) eval.Span { return eval.Span{From: x.From + by, To: x.To + by} }
	out := eval.Speech{Lang: s.Lang, Text: s.Text, Whole: move(s.Whole)}
	for _, u := range s.Utterances {
		out.Utterances = append(out.Utterances, move(u))
	}
	for _, w := range s.Words {
		out.Words = append(out.Words, eval.Word{Text: w.Text, Span: move(w.Span)})
	}
	return out
}

// hear takes what the worker publishes.
func (h *hall) hear(m bus.Message) {
	at := time.Since(h.began)
	if m.Topic == bus.Segments {
		var s meeting.Segment
		if err := bus.OpenJSON(h.key, m, &s); err != nil {
			h.t.Error(err)
			return
		}
		h.finals++
		h.show(at, s.Caption)
		return
	}
	var d meeting.Draft
	if err := bus.OpenJSON(h.key, m, &d); err != nil {
		h.t.Error(err)
		return
	}
	if d.Caption != nil {
		h.show(at, *d.Caption)
	}
	if d.Status != nil {
		h.report(at, *d.Status)
	}
}

func (h *hall) show(at time.Duration, c meeting.Caption) {
	if before, ok := h.stable[c.Seg]; ok && !c.Final && c.Text != "" && !strings.HasPrefix(c.Text, before) {
		h.broken++
	}
	h.stable[c.Seg] = string([]rune(c.Text)[:c.Stable])
	if c.Final || c.Text == "" {
		delete(h.stable, c.Seg)
	}
	if h.r.look != nil {
		return // a long meeting: nothing is kept
	}
	var i int
	if _, err := fmt.Sscanf(string(c.Spk.Participant()), "p%d", &i); err != nil || i >= len(h.shown) {
		h.t.Errorf("a caption of %q", c.Spk)
		return
	}
	h.shown[i] = append(h.shown[i], eval.Shown{
		Update: eval.Update{Segment: string(c.Seg), Lang: c.Lang, Text: c.Text, Stable: c.Stable, Final: c.Final}, At: at,
		Says: eval.Span{From: time.Duration(c.T0) * time.Millisecond, To: time.Duration(c.T1) * time.Millisecond},
	})
}

func (h *hall) report(at time.Duration, s meeting.Status) {
	late := s.State != meeting.StateLive
	if h.isLate && !late {
		h.live = at
	}
	h.isLate = late
	h.late = max(h.late, time.Duration(s.LagMS)*time.Millisecond)
}

// figures judges what was shown.
func (h *hall) figures() eval.Figures {
	f := eval.Figures{Speakers: len(h.r.Voices), ShownLate: h.late, Recovered: max(0, h.live-h.ended), Counts: counted(h.worker.Counts())}
	for i := range h.r.Voices {
		f.Add(eval.Judge(h.said[i], h.shown[i]).Place(i))
	}
	return f
}

// counted returns what a worker counted, by name.
func counted(c Counts) map[string]int {
	b, _ := json.Marshal(c) // plain numbers
	counts := make(map[string]int)
	_ = json.Unmarshal(b, &counts)
	for name, n := range counts {
		if n == 0 {
			delete(counts, name)
		}
	}
	return counts
}

// drumming is a rehearsal with the scripted recogniser on two cores. Pauses last 0.9 s to longest.
func drumming(t *testing.T, seed uint64, speakers int, length, longest time.Duration) Rehearsal {
	r := Rehearsal{
		Langs: []string{"en"}, Workers: 2,
		NewRecognizer: func() (Recognizer, error) { return scripted{asrtest.BaseCosts}, nil },
		NewDetector:   func() (VoiceDetector, error) { return &loudness{}, nil },
	}
	for i := range speakers {
		r.Voices = append(r.Voices, drummer(t, seed, uint64(i), length, longest))
	}
	return r
}

func TestRehearsal(t *testing.T) {
	length := Speaks()
	if testing.Short() {
		length = min(length, 10*time.Second)
	}
	var rows []eval.Figures
	for _, n := range Speakers(t) {
		f := Rehearse(t, drumming(t, Script(), n, length, 2*time.Second))
		rows = append(rows, f)
		r := f.Report()
		t.Logf("%d speaking: first %d/%d ms, final %d/%d ms, erasure %.2f, fairness %.2f/%.2f, %v missed, %v", n, r.FirstP50, r.FirstP95,
			r.FinalP50, r.FinalP95, r.Erasure, r.FairFirst, r.FairFinal, f.Words.Missed, r.Counts)
		if r.StableChanged != 0 {
			t.Errorf("%d speaking: %d stable characters changed", n, r.StableChanged)
		}
		if r.Untranscribed != 0 || r.Utterances < n {
			t.Errorf("%d speaking: %d of %d utterances have no final", n, r.Untranscribed, r.Utterances)
		}
		if r.Starved != 0 || r.FairFirst > 3 || r.FairFinal > 3 {
			t.Errorf("%d speaking: %d starved, fairness %.2f of first captions, %.2f of finals", n, r.Starved, r.FairFirst, r.FairFinal)
		}
		if r.Erasure > 0.6 {
			t.Errorf("%d speaking: %.2f words taken back for each that stayed", n, r.Erasure)
		}
		if words := len(f.Words.Final) + f.Words.Missed; f.Words.Missed*50 > words {
			t.Errorf("%d speaking: finals lack %d of %d words", n, f.Words.Missed, words)
		}
	}
	SaveFigures(t, rows)
}

func TestRehearsalsOfOneScriptAreEqual(t *testing.T) {
	var reports []string
	for range 2 {
		b, err := json.Marshal(Rehearse(t, drumming(t, 3, 3, 12*time.Second, 2*time.Second)))
		if err != nil {
			t.Fatal(err)
		}
		reports = append(reports, string(b))
	}
	if reports[0] != reports[1] {
		t.Errorf("first  %s\nsecond %s", reports[0], reports[1])
	}
	other, err := json.Marshal(Rehearse(t, drumming(t, 4, 3, 12*time.Second, 2*time.Second)))
	if err != nil {
		t.Fatal(err)
	}
	if string(other) == reports[0] {
		t.Error("another script gives the same figures")
	}
}
