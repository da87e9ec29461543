package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/alecthomas/kong"

	"souffleur/asr/eval"
	"souffleur/diarize"
	"souffleur/diarize/score"
	"souffleur/diarize/voices"
	"souffleur/internal/meeting"
	"souffleur/internal/recording"
	"souffleur/internal/voicebook"
	"souffleur/storage"
	"souffleur/storage/export"
)

// formatRTTM is who speaks when, without words: of a recording it needs none.
const formatRTTM = export.RTTM

// voicesWanted is what --voices says.
type voicesWanted struct {
	wanted bool
	count  int // 0: not known
}

func parseVoices(s string) (voicesWanted, error) {
	switch s {
	case "":
		return voicesWanted{}, nil
	case "auto":
		return voicesWanted{wanted: true}, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > voices.MaxVoices {
		return voicesWanted{}, badUsage("--voices %q: auto, or a number from 1 to %d", s, voices.MaxVoices)
	}
	return voicesWanted{true, n}, nil
}

// fileHop is the time between windows of a recording: nobody waits, so turns are looked for more closely than live.
const fileHop = 400 * time.Millisecond

// tell returns who speaks when in a recording, and whether that could be told; if not it says why, and one label for all would be taken
// for one person.
func (b *batch) tell(ctx context.Context, j job, pcm []float32) (turns []diarize.Turn, told bool, err error) {
	t := b.trackers.track(voices.Options{Headcount: b.voices.count, Room: true, Recorded: true, Hop: fileHop})
	const step = 10 * recording.Rate
	for at := 0; at < len(pcm); at += step {
		if ctx.Err() != nil {
			return nil, false, ctx.Err()
		}
		t.Push(int64(at)*1000/recording.Rate, pcm[at:min(at+step, len(pcm))])
	}
	turns = turnsOf(t.End(b.voices.count))
	warnings := t.Warnings()
	for _, w := range warnings {
		fmt.Fprintf(b.progress, "%s: speakers are not told apart: %s\n", j.name, w)
	}
	return turns, len(warnings) == 0, nil
}

// recorded is the one microphone of a recording.
const recorded meeting.ParticipantID = "recording"

// divide gives each word of a recording to a voice, and names the voices.
func divide(t *storage.Transcript, turns []diarize.Turn) {
	book, record := voicebook.New(recorded), meeting.Voices{Type: meeting.VoicesTurns, Rev: 1}
	named := map[int]bool{}
	for _, v := range turns {
		record.Turns = append(record.Turns, meeting.VoiceTurn{T0: v.T0, T1: v.T1, Voice: v.Voice})
		if !named[v.Voice] {
			named[v.Voice] = true
			t.Names = append(t.Names, storage.SpeakerName{Spk: meeting.NewVoiceID(recorded, v.Voice), Name: voiceName(v.Voice)})
		}
	}
	book.Apply(&record)
	slices.SortFunc(t.Names, func(a, b storage.SpeakerName) int { return cmp.Compare(a.Spk.Voice(), b.Spk.Voice()) })
	var parts []meeting.Segment
	for _, s := range t.Segments {
		parts = append(parts, book.Divide(s)...)
	}
	t.Segments = parts
}

func voiceName(n int) string { return fmt.Sprintf("Voice %d", n) }

// turnsRecording is turns in the form of RTTM.
func turnsRecording(path string, turns []diarize.Turn) score.Recording {
	r := score.Recording{Name: strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))}
	for _, t := range turns {
		r.Segments = append(r.Segments, score.Segment{
			Start: float64(t.T0) / 1000, End: float64(t.T1) / 1000, Speaker: fmt.Sprintf("voice-%d", t.Voice),
		})
	}
	return r
}

// diarizeScoreCmd compares who was said to speak with who did.
type diarizeScoreCmd struct {
	Collar float64 `help:"Seconds left out on each side of each edge of the reference." default:"0"`
	Lang   string  `help:"Language of the words of STM files, by whose rules they are compared." default:"en"`
	Ref    string  `arg:"" help:"What is true: RTTM, or STM with words." type:"existingfile"`
	Hyp    string  `arg:"" help:"What is compared with it, in the same format." type:"existingfile"`
}

// Run prints the rates of each recording, and of all.
func (c *diarizeScoreCmd) Run(kctx *kong.Context) error {
	if !(c.Collar >= 0 && c.Collar <= 10) {
		return badUsage("--collar: 0 to 10 seconds")
	}
	if strings.EqualFold(filepath.Ext(c.Ref), ".stm") {
		return c.words(kctx.Stdout)
	}
	ref, err := readScored(c.Ref, score.ReadRTTM)
	hyp, err2 := readScored(c.Hyp, score.ReadRTTM)
	if err := errors.Join(err, err2); err != nil {
		return err
	}
	w := tabwriter.NewWriter(kctx.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "RECORDING\tDER %\tMISS %\tFALSE ALARM %\tCONFUSION %\tSPEECH s\tSPEAKERS\tTOO MANY")
	var all score.Errors
	for _, r := range ref {
		var said []score.Segment
		if i := slices.IndexFunc(hyp, func(h score.Recording) bool { return h.Name == r.Name }); i >= 0 {
			said = hyp[i].Segments
		}
		e := score.Rate(r.Segments, said, c.Collar)
		all = all.Add(e)
		printRate(w, r.Name, e)
	}
	printRate(w, "all", all)
	return w.Flush()
}

func printRate(w io.Writer, name string, e score.Errors) {
	miss, falseAlarm, confusion := e.Parts()
	fmt.Fprintf(w, "%s\t%.2f\t%.2f\t%.2f\t%.2f\t%.2f\t%d\t%+d\n", name, 100*e.DER(), 100*miss, 100*falseAlarm, 100*confusion, e.Speech,
		e.Speakers, e.SpeakerError)
}

// words prints the rates of words given to speakers.
func (c *diarizeScoreCmd) words(out io.Writer) error {
	read := func(r io.Reader) ([]score.Said, error) { return score.ReadSTM(r, c.Lang) }
	ref, err := readScored(c.Ref, read)
	hyp, err2 := readScored(c.Hyp, read)
	if err := errors.Join(err, err2); err != nil {
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "RECORDING\tCPWER %\tSUBSTITUTED\tMISSING\tINSERTED\tWORDS")
	row := func(name string, e eval.Errors) {
		fmt.Fprintf(w, "%s\t%.2f\t%d\t%d\t%d\t%d\n", name, 100*e.WER(), e.Substitutions, e.Deletions, e.Insertions, e.Words)
	}
	var all eval.Errors
	for _, r := range ref {
		var said []score.Utterance
		if i := slices.IndexFunc(hyp, func(h score.Said) bool { return h.Name == r.Name }); i >= 0 {
			said = hyp[i].Utterances
		}
		e := score.Words(r.Utterances, said)
		all = all.Add(e)
		row(r.Name, e)
	}
	row("all", all)
	return w.Flush()
}

// readScored reads a file in some format; the error names it.
func readScored[T any](path string, read func(io.Reader) (T, error)) (T, error) {
	var none T
	file, err := os.Open(path)
	if err != nil {
		return none, err
	}
	defer file.Close()
	v, err := read(file)
	if err != nil {
		return none, fmt.Errorf("%s: %w", path, err)
	}
	return v, nil
}
