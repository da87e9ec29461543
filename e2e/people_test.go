package e2e

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"

	"souffleur/internal/client"
	"souffleur/internal/meeting"
	"souffleur/internal/ogg"
)

// person is a scripted participant who remembers every caption shown.
type person struct {
	t    *testing.T
	name string
	*client.Client

	mu    sync.Mutex
	shown []client.Received
	done  chan struct{}
}

func join(t *testing.T, link, name string) *person {
	t.Helper()
	return joinAs(t, client.Config{URL: link, Name: name})
}

func joinAs(t *testing.T, cfg client.Config) *person {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	c, err := client.Join(ctx, cfg)
	if err != nil {
		t.Fatalf("%s joins: %v", cfg.Name, err)
	}
	p := &person{t: t, name: cfg.Name, Client: c, done: make(chan struct{})}
	stop := make(chan struct{})
	go p.collect(stop)
	t.Cleanup(func() { close(stop); <-p.done; c.Close() })
	return p
}

func (p *person) collect(stop chan struct{}) {
	defer close(p.done)
	for {
		select {
		case <-stop:
			return
		case r := <-p.Captions():
			p.mu.Lock()
			p.shown = append(p.shown, r)
			p.mu.Unlock()
		}
	}
}

// captions returns everything shown so far.
func (p *person) captions() []client.Received {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.shown)
}

// finals returns the last final of each segment, by time.
func (p *person) finals() []client.Received {
	last := map[meeting.SegmentID]client.Received{}
	for _, r := range p.captions() {
		if old, ok := last[r.Caption.Seg]; r.Caption.Final && (!ok || r.Caption.Supersedes(&old.Caption)) {
			last[r.Caption.Seg] = r
		}
	}
	var out []client.Received
	for _, r := range last {
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b client.Received) int { return int(a.Caption.T0 - b.Caption.T0) })
	return out
}

// heard is what the finals of one speaker say.
func (p *person) heard(speaker string) string {
	var text []string
	for _, r := range p.finals() {
		if r.Speaker == speaker {
			text = append(text, r.Caption.Text)
		}
	}
	return strings.Join(text, " ")
}

// revisions is the most revisions of one segment of a speaker before its final.
func (p *person) revisions(speaker string) int {
	count, most := map[meeting.SegmentID]int{}, 0
	for _, r := range p.captions() {
		if r.Speaker == speaker && !r.Caption.Final {
			count[r.Caption.Seg]++
			most = max(most, count[r.Caption.Seg])
		}
	}
	return most
}

// say sends a recording from testdata/speech and returns when its last packet has been sent.
func (p *person) say(name string) {
	p.t.Helper()
	if err := p.saying(p.t.Context(), name); err != nil {
		p.t.Errorf("%s speaks: %v", p.name, err)
	}
}

func (p *person) saying(ctx context.Context, name string) error {
	f, err := os.Open("../testdata/speech/" + name + ".ogg")
	if err != nil {
		return err
	}
	defer f.Close()
	r, err := ogg.NewReader(f)
	if err != nil {
		return err
	}
	return p.Speak(ctx, client.Recording(r), func(time.Time) {})
}

// words of a text, without case and punctuation.
func words(text string) []string {
	return strings.FieldsFunc(strings.ToLower(text), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '\''
	})
}

// reference is what is said in a recording of testdata/speech.
func reference(t *testing.T, name string) string {
	t.Helper()
	f, err := os.Open("../testdata/speech/" + name + ".txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// wrongWords is the word error rate: edits over words of the reference.
func wrongWords(reference, hypothesis string) float64 {
	ref, hyp := words(reference), words(hypothesis)
	row := make([]int, len(hyp)+1)
	for j := range row {
		row[j] = j
	}
	for i, r := range ref {
		diagonal := row[0]
		row[0] = i + 1
		for j, h := range hyp {
			cost := diagonal
			if r != h {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, diagonal+1)
		}
	}
	return float64(row[len(hyp)]) / float64(max(len(ref), 1))
}

func (p *person) describe() string {
	var b strings.Builder
	for _, r := range p.captions() {
		fmt.Fprintf(&b, "  %s %s rev %d final %v: %s\n", r.Speaker, r.Caption.Seg[:6], r.Caption.Rev, r.Caption.Final, r.Caption.Text)
	}
	return b.String()
}
