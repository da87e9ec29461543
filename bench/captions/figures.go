//go:build whisper

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"souffleur/asr/eval"
	"souffleur/internal/client"
	vocabulary "souffleur/internal/meeting"
)

// lags are delays in milliseconds.
type lags []int64

// at returns the p-th percentile by nearest rank.
func (l lags) at(p int) int64 {
	if len(l) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(l))
	return sorted[max(0, (p*len(sorted)+99)/100-1)]
}

// figures are the result of one run. Speakers is 0 for the offline run.
type figures struct {
	Speakers       int
	Utterances     int
	First          lags // from the onset of an utterance to the first caption of it
	Settled        lags // from the end of an utterance to its final
	Unheard        int  // utterances without any caption
	Calm           eval.Calm
	WER            map[string]eval.Errors
	Cores          float64 // CPU time by wall time, of server and recogniser
	RealTimeFactor float64 // offline only: time by length of the recordings
}

func (f *figures) add(g figures) {
	f.Utterances += g.Utterances
	f.Unheard += g.Unheard
	f.First = append(f.First, g.First...)
	f.Settled = append(f.Settled, g.Settled...)
	f.Calm = f.Calm.Add(g.Calm)
	if f.WER == nil {
		f.WER = map[string]eval.Errors{}
	}
	for lang, e := range g.WER {
		f.WER[lang] = f.WER[lang].Add(e)
	}
}

// MarshalJSON gives the percentiles and rates that the table shows.
func (f figures) MarshalJSON() ([]byte, error) {
	wer := map[string]float64{}
	for lang, e := range f.WER {
		wer[lang] = e.WER()
	}
	return json.Marshal(map[string]any{
		"speakers": f.Speakers, "utterances": f.Utterances, "unheard": f.Unheard,
		"first_ms_p50": f.First.at(50), "first_ms_p95": f.First.at(95),
		"final_ms_p50": f.Settled.at(50), "final_ms_p95": f.Settled.at(95),
		"stable_changed": f.Calm.StableChanged, "stable_rewritten": f.Calm.RewrittenShare(), "erasure": f.Calm.Erasure(),
		"wer": wer, "wer_all": f.pooled().WER(), "cores": f.Cores, "rtf": f.RealTimeFactor, "normaliser": eval.Version,
	})
}

func (f figures) pooled() eval.Errors {
	var all eval.Errors
	for _, e := range f.WER {
		all = all.Add(e)
	}
	return all
}

// score compares what the reader was shown with what was said.
func (m *meeting) score() figures {
	f := figures{WER: map[string]eval.Errors{}}
	for _, s := range m.speakers {
		mine := slices.DeleteFunc(slices.Clone(m.shown), func(r client.Received) bool { return r.Speaker != s.name })
		f.Calm = f.Calm.Add(eval.Follow(updates(mine)))
		for i, said := range s.said {
			until := time.Now()
			if i+1 < len(s.said) {
				until = s.said[i+1].began
			}
			f.add(m.scoreClip(said, between(mine, m.opened, said.began, until)))
		}
	}
	return f
}

func updates(shown []client.Received) []eval.Update {
	out := make([]eval.Update, len(shown))
	for i, r := range shown {
		c := r.Caption
		out[i] = eval.Update{Segment: string(c.Seg), Lang: c.Lang, Text: c.Text, Stable: c.Stable, Final: c.Final}
	}
	return out
}

// early is how long before a voice a caption may claim to begin: recognisers time words loosely.
const early = 700 * time.Millisecond

// between returns the captions of speech between two moments.
func between(shown []client.Received, opened, from, to time.Time) []client.Received {
	return slices.DeleteFunc(slices.Clone(shown), func(r client.Received) bool {
		at := spokenAt(opened, r.Caption.T0)
		return at.Before(from.Add(-early)) || !at.Before(to.Add(-early))
	})
}

func spokenAt(opened time.Time, ms int64) time.Time {
	return opened.Add(time.Duration(ms) * time.Millisecond)
}

// scoreClip scores the captions of one recording.
func (m *meeting) scoreClip(said saying, shown []client.Received) figures {
	f := figures{Utterances: len(said.clip.utterances)}
	var text []string
	for _, r := range finals(shown) {
		text = append(text, r.Caption.Text)
	}
	errors := eval.Score(eval.Normalize(said.clip.lang, said.clip.words), eval.Normalize(said.clip.lang, strings.Join(text, " ")))
	f.WER = map[string]eval.Errors{said.clip.lang: errors}
	for _, u := range said.clip.utterances {
		f.scoreUtterance(said.began.Add(u.from), said.began.Add(u.to), m.opened, shown)
	}
	return f
}

// finals returns the last final of each segment, by time.
func finals(shown []client.Received) []client.Received {
	last := map[vocabulary.SegmentID]client.Received{}
	for _, r := range shown {
		if r.Caption.Final {
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

// scoreUtterance finds when an utterance was first seen, and when its end became final.
func (f *figures) scoreUtterance(from, to, opened time.Time, shown []client.Received) {
	heard := false
	var first, settled time.Time
	for _, r := range shown {
		begins, ends := spokenAt(opened, r.Caption.T0), spokenAt(opened, r.Caption.T1)
		if r.Caption.Text == "" || ends.Before(from) || begins.After(to) {
			continue
		}
		heard = true
		if first.IsZero() && begins.After(from.Add(-early)) && r.At.After(from) {
			first = r.At
		}
		if r.Caption.Final && (settled.IsZero() || r.At.After(settled)) {
			settled = r.At
		}
	}
	if !heard {
		f.Unheard++
	}
	if !first.IsZero() {
		f.First = append(f.First, first.Sub(from).Milliseconds())
	}
	if !settled.IsZero() {
		f.Settled = append(f.Settled, settled.Sub(to).Milliseconds())
	}
}

func printTable(out io.Writer, rows []figures) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "speaking\tutterances\tfirst p50\tp95\tfinal p50\tp95\tunheard\tstable changed\trewritten\terasure\tWER\tcores")
	for _, r := range rows {
		if r.Speakers == 0 {
			fmt.Fprintf(w, "offline\t\t\t\t\t\t\t\t\t\t%s\t%.2f × real time\n", rates(r), r.RealTimeFactor)
			continue
		}
		fmt.Fprintf(w, "%d\t%d\t%d ms\t%d\t%d ms\t%d\t%d\t%d\t%.1f %%\t%.2f\t%s\t%.2f\n", r.Speakers, r.Utterances,
			r.First.at(50), r.First.at(95), r.Settled.at(50), r.Settled.at(95), r.Unheard, r.Calm.StableChanged,
			100*r.Calm.RewrittenShare(), r.Calm.Erasure(), rates(r), r.Cores)
	}
	w.Flush()
}

// rates gives the word error rate of all languages together and of each.
func rates(f figures) string {
	text := fmt.Sprintf("%.1f %%", 100*f.pooled().WER())
	for _, lang := range slices.Sorted(maps.Keys(f.WER)) {
		text += fmt.Sprintf(" %s %.1f", lang, 100*f.WER[lang].WER())
	}
	return text
}
