package endpoint

import (
	"context"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"souffleur/internal/meeting"
	"souffleur/summarize/endpoint/endpointtest"
	"souffleur/summarize/eval"
	"souffleur/summarize/minutes"
	"souffleur/summarize/verify"
)

// script returns a scripted meeting as a job.
func script(t testing.TB, name string) *minutes.Job {
	t.Helper()
	all, err := eval.ReadScripts(os.DirFS("../eval/testdata"), "meetings")
	if err != nil || all[name] == nil {
		t.Fatalf("script %s: %v", name, err)
	}
	return jobOf(all[name].Date, all[name].Segments, all[name].Names...)
}

// long is several scripted meetings in a row.
func long(t testing.TB, names ...string) *minutes.Job {
	t.Helper()
	all := &minutes.Job{Meeting: "m1", Date: "2026-01-20", Names: map[meeting.SpeakerID]string{}}
	at := int64(0)
	for _, name := range names {
		job := script(t, name)
		for _, s := range job.Segments {
			s.Seg = meeting.SegmentID(name) + "-" + s.Seg
			s.T0, s.T1 = s.T0+at, s.T1+at
			all.Segments = append(all.Segments, s)
		}
		at = all.Segments[len(all.Segments)-1].T1 + 60_000
		maps.Copy(all.Names, job.Names)
		all.People = append(all.People, job.People...)
	}
	return all
}

func jobOf(date string, segments []meeting.Segment, names ...string) *minutes.Job {
	job := &minutes.Job{Meeting: "m1", Date: date, Detail: minutes.Normal, Segments: segments, Names: map[meeting.SpeakerID]string{}}
	for _, n := range names {
		job.Names[meeting.SpeakerID(n)] = n
		job.People = append(job.People, meeting.Person{Participant: meeting.ParticipantID(n), Name: n})
	}
	return job
}

// talk makes a meeting of lines "Name: text", each five seconds long.
func talkOf(lang string, lines ...string) *minutes.Job {
	var segments []meeting.Segment
	var names []string
	for i, l := range lines {
		name, text, _ := strings.Cut(l, ": ")
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
		segments = append(segments, meeting.Segment{Caption: meeting.Caption{
			Seg: meeting.SegmentID("seg-" + string(rune('a'+i/26)) + string(rune('a'+i%26))), Spk: meeting.SpeakerID(name), Lang: lang, Text: text,
			T0: int64(i) * 5000, T1: int64(i)*5000 + 4000, Final: true,
		}})
	}
	return jobOf("2026-01-20", segments, names...)
}

// council is a short meeting in which every line matters.
func council() *minutes.Job {
	return talkOf("en",
		"Margaret: Item one is the zebra crossing on Mill Lane, which the county has not surveyed yet.",
		"Aisha: The cost they gave us was twenty-two thousand pounds, plus the lighting.",
		"Margaret: Aisha, could you chase the county by the end of the month and get a firm date?",
		"Aisha: Of course, yes, I'd be glad to.",
		"Robert: The traders do not want the car park, seven of nine told me so.",
		"Margaret: Carried then, the market stays in the square under layout A.",
		"Desmond: Do the stall fees stay at eighteen pounds or not, does anybody know that?",
	)
}

// testWriter returns a writer for a server whose pauses are noted and take no time.
func testWriter(t testing.TB, url string, change ...func(*Config)) (*Writer, *pauses) {
	t.Helper()
	cfg := Config{BaseURL: url, Model: "dull-1b", Timeout: 20 * time.Second}
	for _, c := range change {
		c(&cfg)
	}
	w, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	p := &pauses{}
	w.service.pause = p.pause
	return w, p
}

// pauses notes for how long a client meant to wait.
type pauses struct {
	mu  sync.Mutex
	all []time.Duration
}

func (p *pauses) pause(ctx context.Context, d time.Duration) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all = append(p.all, d)
	return ctx.Err()
}

func write(t testing.TB, w *Writer, job *minutes.Job) *minutes.Document {
	t.Helper()
	doc, err := w.Write(t.Context(), job, nil)
	if err != nil {
		t.Fatal(err)
	}
	if failed := verify.NewSource(job).Document(doc); len(failed) > 0 {
		t.Errorf("lines that fail their checks: %+v", failed)
	}
	return doc
}

// fails wants a failure with a code.
func fails(t testing.TB, w *Writer, job *minutes.Job, code minutes.Warning) error {
	t.Helper()
	doc, err := w.Write(t.Context(), job, nil)
	if err == nil || doc != nil || Code(err) != code {
		t.Errorf("got %v, want %s", err, code)
	}
	return err
}

// texts returns all that a document says.
func texts(doc *minutes.Document) []string {
	var all []string
	add := func(lines []minutes.Line) {
		for _, l := range lines {
			all = append(all, l.Text)
		}
	}
	add(doc.Overview)
	for _, t := range doc.Topics {
		all = append(all, t.Title)
		add(t.Points)
	}
	add(doc.Decisions)
	add(doc.Questions)
	for _, a := range doc.Actions {
		all = append(all, a.Text, a.Owner, a.Due)
	}
	return all
}

func says(doc *minutes.Document, part string) bool {
	return slices.ContainsFunc(texts(doc), func(s string) bool { return strings.Contains(s, part) })
}

// facts answers questions about blocks with these facts, and all others honestly.
func facts(f ...endpointtest.Fact) endpointtest.Model {
	return func(r endpointtest.Request) endpointtest.Reply {
		if r.Again() || len(r.Lines()) == 0 {
			return endpointtest.Honest(r)
		}
		return endpointtest.Reply{Content: endpointtest.Facts("", f...)}
	}
}

// shelf is a Kept in memory.
type shelf struct {
	mu   sync.Mutex
	data map[string][]byte
}

func (s *shelf) Load(_ context.Context, key string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.data[key], nil
}

func (s *shelf) Save(_ context.Context, key string, data []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.data == nil {
		s.data = map[string][]byte{}
	}
	s.data[key] = slices.Clone(data)
	return nil
}
