package extract

import (
	"context"
	"fmt"
	"slices"
	"time"

	"souffleur/internal/meeting"
	"souffleur/summarize/cues"
	"souffleur/summarize/minutes"
	"souffleur/summarize/prose"
)

// Writer writes minutes of what was said, in the words that were used. It keeps nothing between calls.
type Writer struct{}

// New returns a writer.
func New() *Writer { return &Writer{} }

var _ minutes.Writer = (*Writer)(nil)

const (
	// steps are how many pieces of progress a call reports.
	steps = 5
	// fewWords is how little was said in a meeting of which there are no minutes.
	fewWords = 20
	// oneTongue is the share of its main language in the words of a meeting that counts as held in that language.
	oneTongue = 0.8
)

// amount is what a detail asks for.
type amount struct {
	points, overview Limits // of a topic, and of the whole meeting
	keyphrases       int
}

// amounts by detail. Two to five points a topic are what people read; a summary of 150 words is what the methods were compared by.
var amounts = map[minutes.Detail]amount{
	minutes.Brief:  {points: Limits{Least: 1, Most: 2, Words: 40}, overview: Limits{Least: 1, Most: 3, Words: 75}, keyphrases: 5},
	minutes.Normal: {points: Limits{Least: 2, Most: 4, Words: 90}, overview: Limits{Least: 2, Most: 5, Words: 150}, keyphrases: 8},
	minutes.Full:   {points: Limits{Least: 3, Most: 6, Words: 180}, overview: Limits{Least: 3, Most: 8, Words: 250}, keyphrases: 12},
}

// Write implements [minutes.Writer]. It fails only when the context ends. Settings is left to the caller, who knows what was asked for.
func (w *Writer) Write(ctx context.Context, job *minutes.Job, progress minutes.Progress) (*minutes.Document, error) {
	if progress == nil {
		progress = func(int, int) {}
	}
	done := 0
	step := func() error {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("write minutes of %s: %w", job.Meeting, err)
		}
		progress(done, steps)
		done++
		return nil
	}
	if err := step(); err != nil {
		return nil, err
	}
	sentences := prose.Of(job.Segments)
	if err := step(); err != nil {
		return nil, err
	}
	people := newPeople(job)
	doc := blank(job, sentences)
	if err := step(); err != nil {
		return nil, err
	}
	found := cues.Find(sentences, people.names)
	withoutNames(sentences, people.words())
	rank := Rank(sentences)
	if err := step(); err != nil {
		return nil, err
	}
	q := newQuoter(job, sentences)
	writeTopics(doc, q, rank, detailOf(job))
	if err := step(); err != nil {
		return nil, err
	}
	writeFindings(doc, q, people, job.Date, found)
	doc.Coverage.Cited = len(q.cited)
	if err := step(); err != nil {
		return nil, err
	}
	return doc, nil
}

func detailOf(job *minutes.Job) amount {
	if a, ok := amounts[job.Detail]; ok {
		return a
	}
	return amounts[minutes.Normal]
}

// blank returns a document that says nothing yet, with its warnings.
func blank(job *minutes.Job, sentences []prose.Sentence) *minutes.Document {
	doc := &minutes.Document{
		V: minutes.Version, Meeting: job.Meeting, Transcript: job.Transcript, MadeUnixMS: time.Now().UnixMilli(),
		Engine:   minutes.Engine{Name: minutes.Extractive},
		Overview: []minutes.Line{}, Topics: []minutes.Topic{}, Decisions: []minutes.Line{}, Actions: []minutes.Action{},
		Questions: []minutes.Line{}, Keyphrases: []string{}, Warnings: []minutes.Warning{},
	}
	gaps := false
	for i := range job.Segments {
		s := &job.Segments[i]
		gaps = gaps || s.Quality == meeting.QualityGap
		if s.Text != "" {
			doc.Coverage.Segments++
			doc.Coverage.Words += len(meeting.Fields(s.Text))
		}
	}
	said, speakers := 0, map[meeting.SpeakerID]bool{}
	for i := range sentences {
		said += sentences[i].Words
		speakers[sentences[i].Speaker] = true
	}
	lang, share := prose.Language(sentences)
	doc.Lang = job.Lang
	if doc.Lang == "" {
		doc.Lang = lang
	}
	for _, w := range []struct {
		code minutes.Warning
		is   bool
	}{
		{minutes.NothingSaid, said < fewWords},
		{minutes.OneSpeaker, len(speakers) == 1},
		{minutes.LanguageNeutral, said > 0 && !cues.Supported(lang)},
		{minutes.MixedLanguages, said > 0 && share < oneTongue},
		{minutes.PartOnly, job.PartOnly},
		{minutes.Gaps, gaps},
	} {
		if w.is {
			doc.Warnings = append(doc.Warnings, w.code)
		}
	}
	return doc
}

// writeTopics writes topics with their points, the overview of these, and keyphrases.
func writeTopics(doc *minutes.Document, q *quoter, rank []float64, a amount) {
	sentences := q.sentences
	if len(sentences) == 0 {
		return
	}
	picker := NewPicker(sentences, rank)
	about := newPhrases(sentences)
	doc.Keyphrases = about.best(0, len(sentences), a.keyphrases)
	var all []int
	for _, t := range Topics(sentences) {
		picked := picker.Pick(between(t.First, t.End), a.points)
		if len(picked) == 0 {
			continue
		}
		all = append(all, picked...)
		topic := minutes.Topic{T0: sentences[t.First].T0, T1: sentences[t.End-1].T1, Points: []minutes.Line{}}
		for _, i := range picked {
			topic.Points = append(topic.Points, q.line("point", i, slices.Contains(picked, i-1), nil, sureOfRank(rank[i])))
		}
		topic.Title = titleOf(about.best(t.First, t.End, titlePhrases), topic.Points)
		doc.Topics = append(doc.Topics, topic)
	}
	picker.Forget()
	best := picker.Pick(all, a.overview)
	for _, i := range best {
		doc.Overview = append(doc.Overview, q.line("overview", i, slices.Contains(best, i-1), nil, sureOfRank(rank[i])))
	}
}

func between(first, end int) []int {
	all := make([]int, 0, end-first)
	for i := first; i < end; i++ {
		all = append(all, i)
	}
	return all
}
