package score

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"souffleur/asr/eval"
	"souffleur/diarize/cluster"
)

// Utterance is words of one speaker, in the form that they are compared in.
type Utterance struct {
	Start   float64 // seconds; orders the words of a speaker
	Speaker string
	Words   []string
}

// Words counts the errors of words by speaker, cpWER (Watanabe et al. 2020, CHiME-6, https://arxiv.org/abs/2004.09249): the words of each speaker in a row are
// compared with those of one speaker of the hypothesis, mapped so that the sum of all errors is the smallest. Words given to the
// wrong person count twice: missing there and inserted here.
func Words(reference, hypothesis []Utterance) eval.Errors {
	ref, hyp := bySpeaker(reference), bySpeaker(hypothesis)
	if len(ref) == 0 {
		ref = [][]string{nil}
	}
	n := max(len(ref), len(hyp))
	for len(hyp) < n {
		hyp = append(hyp, nil)
	}
	for len(ref) < n {
		ref = append(ref, nil)
	}
	pairs, gain := make([][]eval.Errors, n), make([][]float64, n)
	for i := range ref {
		pairs[i], gain[i] = make([]eval.Errors, n), make([]float64, n)
		for j := range hyp {
			e := eval.Score(ref[i], hyp[j])
			pairs[i][j] = e
			// What is won over giving both to nobody: then all words are missing, and all are inserted. Never negative.
			gain[i][j] = float64(len(ref[i]) + len(hyp[j]) - e.Substitutions - e.Deletions - e.Insertions)
		}
	}
	var sum eval.Errors
	used := make([]bool, n)
	for i, j := range cluster.Assign(gain) {
		if j < 0 {
			sum = sum.Add(eval.Score(ref[i], nil))
			continue
		}
		used[j] = true
		sum = sum.Add(pairs[i][j])
	}
	for j := range hyp {
		if !used[j] {
			sum = sum.Add(eval.Score(nil, hyp[j]))
		}
	}
	return sum
}

// bySpeaker returns the words of each speaker in the order of time.
func bySpeaker(all []Utterance) [][]string {
	sorted := slices.Clone(all)
	slices.SortStableFunc(sorted, func(a, b Utterance) int {
		return cmp.Or(strings.Compare(a.Speaker, b.Speaker), cmp.Compare(a.Start, b.Start))
	})
	var out [][]string
	for i, u := range sorted {
		if i == 0 || u.Speaker != sorted[i-1].Speaker {
			out = append(out, nil)
		}
		out[len(out)-1] = append(out[len(out)-1], u.Words...)
	}
	return out
}

// Said is the utterances of one recording.
type Said struct {
	Name       string
	Utterances []Utterance
}

// ReadSTM reads an STM file (NIST SCTK): recording, channel, speaker, start, end, an optional label in angle brackets, words.
// Words are put into the form in which they are compared, by the rules of a language ("en").
func ReadSTM(r io.Reader, lang string) ([]Said, error) {
	var out []Said
	index, count := map[string]int{}, 0
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for n := 1; lines.Scan(); n++ {
		f := strings.Fields(lines.Text())
		if len(f) == 0 || strings.HasPrefix(f[0], ";") {
			continue
		}
		if len(f) < 5 {
			return nil, fmt.Errorf("%w: line %d has %d fields, a line of STM has at least 5", ErrFormat, n, len(f))
		}
		start, err := seconds(f[3])
		if err != nil {
			return nil, fmt.Errorf("%w: line %d: %w", ErrFormat, n, err)
		}
		if count++; count > maxSegments {
			return nil, fmt.Errorf("%w: more than %d utterances", ErrFormat, maxSegments)
		}
		words := f[5:]
		if len(words) > 0 && strings.HasPrefix(words[0], "<") {
			words = words[1:]
		}
		i, known := index[f[0]]
		if !known {
			i = len(out)
			index[f[0]] = i
			out = append(out, Said{Name: f[0]})
		}
		out[i].Utterances = append(out[i].Utterances, Utterance{start, f[2], eval.Normalize(lang, strings.Join(words, " "))})
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read STM: %w", err)
	}
	return out, nil
}
