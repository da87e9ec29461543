package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"souffleur/internal/meeting"
	"souffleur/summarize/eval"
	"souffleur/summarize/extract"
	"souffleur/summarize/minutes"
	"souffleur/summarize/prose"
)

// rougeRow is what one kind of text has in common with references.
type rougeRow struct {
	Of       string  `json:"of"`
	Meetings int     `json:"meetings"`
	Words    float64 `json:"words"` // of a text, on average
	R1       spread  `json:"rouge_1"`
	R2       spread  `json:"rouge_2"`
	RL       spread  `json:"rouge_l"`
}

// spread is a mean with its standard error, in percent.
type spread struct {
	Mean  float64 `json:"mean"`
	Error float64 `json:"error"`
}

func (s spread) String() string { return fmt.Sprintf("%.1f±%.1f", s.Mean, s.Error) }

func spreadOf(values []float64) spread {
	n := float64(len(values))
	mean, square := 0.0, 0.0
	for _, v := range values {
		mean += v / n
	}
	for _, v := range values {
		square += (v - mean) * (v - mean)
	}
	if n < 2 {
		return spread{Mean: 100 * mean}
	}
	return spread{Mean: 100 * mean, Error: 100 * math.Sqrt(square/(n-1)/n)}
}

// scores gathers the scores of one kind of text.
type scores struct {
	of         string
	words      []float64
	r1, r2, rl []float64
}

func (s *scores) add(text, reference string) {
	r := eval.RougeOf(text, reference)
	s.words = append(s.words, float64(len(meeting.Fields(text)))/100)
	s.r1, s.r2, s.rl = append(s.r1, r.R1.F1), append(s.r2, r.R2.F1), append(s.rl, r.RL.F1)
}

func (s *scores) row() rougeRow {
	return rougeRow{Of: s.of, Meetings: len(s.r1), Words: spreadOf(s.words).Mean, R1: spreadOf(s.r1), R2: spreadOf(s.r2), RL: spreadOf(s.rl)}
}

// overlaps compares overviews with the summaries of the scripts that have one, by language.
func overlaps(ctx context.Context, scripts map[string]*eval.Script) ([]rougeRow, error) {
	var rows []rougeRow
	for _, lang := range slices.Sorted(maps.Keys(vocabularies(scripts))) {
		overview, lead := scores{of: "overview, " + lang}, scores{of: "first words, " + lang}
		for _, name := range slices.Sorted(maps.Keys(scripts)) {
			s := scripts[name]
			if s.Lang != lang || s.Summary == "" {
				continue
			}
			text, err := overviewOf(ctx, s.Job(minutes.Normal))
			if err != nil {
				return nil, err
			}
			overview.add(text, s.Summary)
			lead.add(firstWords(s.Segments, len(meeting.Fields(text))), s.Summary)
		}
		if len(overview.r1) > 0 {
			rows = append(rows, overview.row(), lead.row())
		}
	}
	return rows, nil
}

func overviewOf(ctx context.Context, job *minutes.Job) (string, error) {
	doc, err := extract.New().Write(ctx, job, nil)
	if err != nil {
		return "", err
	}
	var all []string
	for _, l := range doc.Overview {
		all = append(all, l.Text)
	}
	return strings.Join(all, " "), nil
}

// firstWords returns the first n words of a transcript.
func firstWords(segments []meeting.Segment, n int) string {
	var all []string
	for i := range segments {
		if len(all) >= n {
			break
		}
		all = append(all, meeting.Fields(segments[i].Text)...)
	}
	return strings.Join(all[:min(n, len(all))], " ")
}

// qmsumBudget are the words that methods were compared at: see the package comment of summarize/extract.
const qmsumBudget = 150

// qmsum compares with the whole-meeting summaries of QMSum (Zhong et al. 2021): the overview of minutes, what the picker takes of the whole
// meeting, and its first words.
func qmsum(ctx context.Context, folder string) ([]rougeRow, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*.json"))
	if err != nil || len(files) == 0 {
		return nil, errors.Join(err, fmt.Errorf("no .json in %s", folder))
	}
	overview, picked, lead := scores{of: "overview, QMSum"}, scores{of: fmt.Sprintf("%d words picked, QMSum", qmsumBudget)}, scores{of: "first words, QMSum"}
	for _, file := range files {
		segments, reference, err := readQMSum(file)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", file, err)
		}
		if reference == "" {
			continue
		}
		text, err := overviewOf(ctx, &minutes.Job{Segments: segments, Detail: minutes.Normal})
		if err != nil {
			return nil, err
		}
		overview.add(text, reference)
		picked.add(pick(segments, qmsumBudget), reference)
		lead.add(firstWords(segments, qmsumBudget), reference)
	}
	return []rougeRow{overview.row(), picked.row(), lead.row()}, nil
}

// readQMSum reads a meeting of QMSum, and the answer to the first query about all of it.
func readQMSum(file string) ([]meeting.Segment, string, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, "", err
	}
	var m struct {
		General []struct {
			Answer string `json:"answer"`
		} `json:"general_query_list"`
		Turns []struct {
			Speaker string `json:"speaker"`
			Content string `json:"content"`
		} `json:"meeting_transcripts"`
	}
	if err := json.Unmarshal(b, &m); err != nil {
		return nil, "", err
	}
	const wordMS, pauseMS = 350, 700
	var segments []meeting.Segment
	at := int64(0)
	for i, turn := range m.Turns {
		text := marks.Replace(turn.Content)
		length := int64(len(meeting.Fields(text)) * wordMS)
		segments = append(segments, meeting.Segment{Caption: meeting.Caption{
			Seg: meeting.SegmentID(fmt.Sprintf("q%05d", i)), Spk: meeting.SpeakerID(turn.Speaker), T0: at, T1: at + length, Lang: "en", Text: text,
		}})
		at += length + pauseMS
	}
	if len(m.General) == 0 {
		return segments, "", nil
	}
	return segments, m.General[0].Answer, nil
}

// marks are notes of the transcribers, which no recogniser writes.
var marks = strings.NewReplacer("{vocalsound}", "", "{disfmarker}", "", "{pause}", "", "{gap}", "", "{nonvocalsound}", "", "{comment}", "", " .", ".", " ,", ",", " ?", "?")

// pick returns what the picker takes of a whole meeting.
func pick(segments []meeting.Segment, budget int) string {
	sentences := prose.Of(segments)
	all := make([]int, len(sentences))
	for i := range all {
		all[i] = i
	}
	var text []string
	for _, i := range extract.NewPicker(sentences, extract.Rank(sentences)).Pick(all, extract.Limits{Most: budget, Words: budget}) {
		text = append(text, prose.Clean(sentences[i].Lang, sentences[i].Text))
	}
	return strings.Join(text, " ")
}
