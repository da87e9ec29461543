package eval

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// Report is what is published of [Figures]. Times are in milliseconds, rates are shares.
type Report struct {
	Version         int                `json:"eval_version"`
	Speakers        int                `json:"speakers"` // 0: offline
	Utterances      int                `json:"utterances"`
	FirstP50        int64              `json:"first_ms_p50"`
	FirstP95        int64              `json:"first_ms_p95"`
	FinalP50        int64              `json:"final_ms_p50"`
	FinalP95        int64              `json:"final_ms_p95"`
	Untranscribed   int                `json:"never_transcribed"`
	FairFirst       float64            `json:"fairness_first"`
	FairFinal       float64            `json:"fairness_final"`
	Starved         int                `json:"starved"` // speakers without any caption
	WordFirst       Percentiles        `json:"word_first_ms"`
	WordCommitted   Percentiles        `json:"word_committed_ms"`
	WordFinal       Percentiles        `json:"word_final_ms"`
	StableChanged   int                `json:"stable_changed"`
	StableRewritten float64            `json:"stable_rewritten"`
	Erasure         float64            `json:"erasure"`
	WER             map[string]float64 `json:"wer"` // by language; "all" is the pooled rate
	Gap             map[string]float64 `json:"wer_gap,omitempty"`
	ShownLate       int64              `json:"shown_late_ms"`
	Recovered       int64              `json:"recovered_ms"`
	Counts          map[string]int     `json:"counts,omitempty"`
	Cores           float64            `json:"cores,omitempty"`
	Pace            float64            `json:"pace,omitempty"`
}

// Percentiles of delays, in milliseconds.
type Percentiles struct {
	Mean int64 `json:"mean"`
	P50  int64 `json:"p50"`
	P95  int64 `json:"p95"`
}

func percentiles(l Lags) Percentiles {
	return Percentiles{l.Mean().Milliseconds(), l.At(50).Milliseconds(), l.At(95).Milliseconds()}
}

// Report returns the figures as they are published.
func (f Figures) Report() Report {
	first, final := percentiles(all(f.First)), percentiles(all(f.Final))
	r := Report{
		Version: Version, Speakers: f.Speakers, Utterances: f.Utterances,
		FirstP50: first.P50, FirstP95: first.P95, FinalP50: final.P50, FinalP95: final.P95, Untranscribed: f.Untranscribed,
		WordFirst: percentiles(f.Words.First), WordCommitted: percentiles(f.Words.Committed), WordFinal: percentiles(f.Words.Final),
		StableChanged: f.Calm.StableChanged, StableRewritten: f.Calm.RewrittenShare(), Erasure: f.Calm.Erasure(),
		WER: rates(f.WER), ShownLate: f.ShownLate.Milliseconds(), Recovered: f.Recovered.Milliseconds(),
		Counts: f.Counts, Cores: f.Cores, Pace: f.Pace,
	}
	var withoutFinal int
	r.FairFirst, r.Starved = Fairness(f.First)
	r.FairFinal, withoutFinal = Fairness(f.Final)
	r.Starved = max(r.Starved, withoutFinal)
	if f.Offline != nil {
		r.Gap = make(map[string]float64)
		for lang, offline := range rates(f.Offline) {
			r.Gap[lang] = r.WER[lang] - offline
		}
	}
	return r
}

func rates(byLang map[string]Errors) map[string]float64 {
	out := map[string]float64{"all": Pooled(byLang).WER()}
	for lang, e := range byLang {
		out[lang] = e.WER()
	}
	return out
}

// Table writes reports as two tables and a line of counts for each: delays and losses, then words and calm.
func Table(out io.Writer, rows []Report) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "speaking\tutterances\tfirst p50\tp95\tfinal p50\tp95\tword seen mean\tp50\tp95\tstable mean\tp50\tp95\tnever transcribed\tstarved\tfairness first\tfinal")
	for _, r := range rows {
		if r.Speakers == 0 {
			continue
		}
		fmt.Fprintf(w, "%d\t%d\t%d ms\t%d\t%d ms\t%d\t%d ms\t%d\t%d\t%d ms\t%d\t%d\t%d\t%d\t%.2f\t%.2f\n", r.Speakers, r.Utterances,
			r.FirstP50, r.FirstP95, r.FinalP50, r.FinalP95, r.WordFirst.Mean, r.WordFirst.P50, r.WordFirst.P95,
			r.WordCommitted.Mean, r.WordCommitted.P50, r.WordCommitted.P95, r.Untranscribed, r.Starved, r.FairFirst, r.FairFinal)
	}
	fmt.Fprintln(w, "\nspeaking\tWER\tless offline, points\tstable changed\trewritten\terasure\tlateness shown\tlive again after\tcost")
	for _, r := range rows {
		if r.Speakers == 0 {
			fmt.Fprintf(w, "offline\t%s\t\t\t\t\t\t\t%.2f × real time\n", percent(r.WER, "%.1f"), r.Pace)
			continue
		}
		fmt.Fprintf(w, "%d\t%s\t%s\t%d\t%.1f %%\t%.2f\t%s\t%s\t%s\n", r.Speakers, percent(r.WER, "%.1f"), percent(r.Gap, "%+.1f"),
			r.StableChanged, 100*r.StableRewritten, r.Erasure, seconds(r.ShownLate), seconds(r.Recovered), cores(r.Cores))
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("write table: %w", err)
	}
	for _, r := range rows {
		if len(r.Counts) == 0 {
			continue
		}
		if _, err := fmt.Fprintf(out, "\n%d speaking: %s", r.Speakers, counted(r.Counts)); err != nil {
			return fmt.Errorf("write counts: %w", err)
		}
	}
	_, err := fmt.Fprintln(out)
	return err
}

// percent writes the pooled rate, then that of each language.
func percent(rates map[string]float64, format string) string {
	if rates == nil {
		return "–"
	}
	text := fmt.Sprintf(format, 100*rates["all"])
	for _, lang := range slices.Sorted(maps.Keys(rates)) {
		if lang != "all" {
			text += fmt.Sprintf(" %s "+format, lang, 100*rates[lang])
		}
	}
	return text
}

func seconds(ms int64) string {
	if ms == 0 {
		return "–"
	}
	return fmt.Sprintf("%.1f s", (time.Duration(ms) * time.Millisecond).Seconds())
}

func cores(n float64) string {
	if n == 0 {
		return "–"
	}
	return fmt.Sprintf("%.2f cores", n)
}

func counted(counts map[string]int) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		parts = append(parts, fmt.Sprintf("%s %d", name, counts[name]))
	}
	return strings.Join(parts, ", ")
}
