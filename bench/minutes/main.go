// Command minutes measures what the engine without a language model finds in meetings, and what that costs.
//
//	make bench-minutes
//	make bench-minutes BENCH='-json FILE'
//	make bench-minutes BENCH='-qmsum DIR'      ROUGE on your copy of QMSum too, such as data/ALL/test of github.com/Yale-LILY/QMSum
//	make bench-minutes BENCH='-scripts DIR'    on meetings of your own, in the form of summarize/eval/testdata/meetings
//
// It tells, for the scripted meetings of summarize/eval: precision and recall of actions, decisions and open questions, for the half whose
// lines the cues were written by and for the other half, from clean text and as recognisers write it; the share of lines whose citations
// hold and whose numbers, dates and names were said, by the rules of summarize/verify; ROUGE F1 of the overview against what a person
// wrote, beside that of as many words from the beginning. Then the time and the memory that three and eight hours of transcript take, in a
// process of their own, on Linux: wall time, and time of processors, as a busy machine stretches the first.
//
// Goals: actions at a precision of 0.8 and a recall of 0.5 on the other half; all citations, numbers and names hold; three hours in 3 s and
// 150 MB.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"text/tabwriter"

	"souffleur/summarize/eval"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	run := measure
	if os.Getenv(costVariable) != "" {
		run = serveCost
	}
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// options are the command's flags.
type options struct {
	scripts, qmsum, jsonFile string
}

func parse() (options, error) {
	var o options
	flag.StringVar(&o.scripts, "scripts", "summarize/eval/testdata/meetings", "folder of scripted meetings")
	flag.StringVar(&o.qmsum, "qmsum", "", "folder of meetings of QMSum, as JSON")
	flag.StringVar(&o.jsonFile, "json", "", "file for the figures")
	flag.Parse()
	if flag.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q", flag.Arg(0))
	}
	return o, nil
}

// figures are the result.
type figures struct {
	Found  []foundRow `json:"found"`
	Held   []heldRow  `json:"held"`
	Rouge  []rougeRow `json:"rouge"`
	Cost   []costRow  `json:"cost"`
	Goals  []goal     `json:"goals"`
	Script string     `json:"scripts"`
}

// goal is one of the goals, with what was reached.
type goal struct {
	What string `json:"what"`
	Met  bool   `json:"met"`
}

func measure(ctx context.Context) error {
	o, err := parse()
	if err != nil {
		return err
	}
	scripts, err := eval.ReadScripts(os.DirFS(o.scripts), ".")
	if err != nil {
		return fmt.Errorf("read scripts of %s: %w", o.scripts, err)
	}
	if len(scripts) == 0 {
		return fmt.Errorf("no scripts in %s", o.scripts)
	}
	f := figures{Script: o.scripts, Found: findings(scripts)}
	if f.Held, err = hold(ctx, scripts); err != nil {
		return err
	}
	if f.Rouge, err = overlaps(ctx, scripts); err != nil {
		return err
	}
	if o.qmsum != "" {
		row, err := qmsum(ctx, o.qmsum)
		if err != nil {
			return err
		}
		f.Rouge = append(f.Rouge, row...)
	}
	if f.Cost, err = costs(ctx, o); err != nil {
		return err
	}
	f.Goals = goals(&f)
	return errors.Join(printTables(&f), save(o.jsonFile, &f))
}

func goals(f *figures) []goal {
	var all []goal
	for _, r := range f.Found {
		if r.Half == heldOut && r.Noise == clean && r.Kind == "action" {
			all = append(all, goal{"actions: precision 0.8 at recall 0.5", r.Precision >= 0.8 && r.Recall >= 0.5})
		}
	}
	held := true
	for _, r := range f.Held {
		held = held && r.Citations == r.Lines && r.Numbers == r.Lines && r.Names == r.Lines
	}
	all = append(all, goal{"all citations, numbers and names hold", held})
	for _, r := range f.Cost {
		if r.Hours == shortHours {
			all = append(all, goal{fmt.Sprintf("three hours (%s) in 3 s and 150 MB", r.Lang), r.Seconds <= 3 && r.PeakMB <= 150})
		}
	}
	return all
}

func printTables(f *figures) error {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "text\thalf\t\tright\tfound\twanted\tprecision\trecall\t")
	for _, r := range f.Found {
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%d\t%d\t%.2f\t%.2f\t\n", r.Noise, r.Half, r.Kind, r.Right, r.Found, r.Wanted, r.Precision, r.Recall)
	}
	fmt.Fprintln(w, "\t\t\t\t\t\t\t\t")
	fmt.Fprintln(w, "text\tlines\tcitations hold\tnumbers hold\tnames hold\t")
	for _, r := range f.Held {
		fmt.Fprintf(w, "%s\t%d\t%.1f %%\t%.1f %%\t%.1f %%\t\n", r.Noise, r.Lines, percent(r.Citations, r.Lines), percent(r.Numbers, r.Lines), percent(r.Names, r.Lines))
	}
	fmt.Fprintln(w, "\t\t\t\t\t")
	fmt.Fprintln(w, "ROUGE F1 of\tmeetings\twords\tROUGE-1\tROUGE-2\tROUGE-L\t")
	for _, r := range f.Rouge {
		fmt.Fprintf(w, "%s\t%d\t%.0f\t%s\t%s\t%s\t\n", r.Of, r.Meetings, r.Words, r.R1, r.R2, r.RL)
	}
	fmt.Fprintln(w, "\t\t\t\t\t\t")
	fmt.Fprintln(w, "hours\tlanguage\twords\tsegments\tlines\tseconds\tprocessor s\tpeak MB\t")
	for _, r := range f.Cost {
		fmt.Fprintf(w, "%d\t%s\t%d\t%d\t%d\t%.2f\t%.2f\t%.0f\t\n", r.Hours, r.Lang, r.Words, r.Segments, r.Lines, r.Seconds, r.CPU, r.PeakMB)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, g := range f.Goals {
		fmt.Printf("%s: %s\n", map[bool]string{true: "met", false: "MISSED"}[g.Met], g.What)
	}
	return nil
}

func percent(part, of int) float64 {
	if of == 0 {
		return 100
	}
	return 100 * float64(part) / float64(of)
}

func save(file string, f *figures) error {
	if file == "" {
		return nil
	}
	b, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, b, 0o644)
}
