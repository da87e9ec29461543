//go:build whisper

package asr_test

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"souffleur/asr"
	"souffleur/asr/eval"
	"souffleur/asr/whisper"
	"souffleur/internal/meeting"
	"souffleur/internal/models/modelstest"
	"souffleur/internal/ogg"
	"souffleur/internal/vad"
)

// engines loads the models of a local installation, or skips, as with -short. SOUFFLEUR_MODELS names their folder.
func engines(t *testing.T) (*whisper.Model, *vad.Model) {
	t.Helper()
	if testing.Short() {
		t.Skip("recognising speech takes its time")
	}
	m, err := whisper.Load(modelstest.Path(t, "whisper-base"), whisper.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	v, err := vad.Load(modelstest.Path(t, "silero-vad"))
	if err != nil {
		t.Fatal(err)
	}
	return m, v
}

// clip is a recording with its words.
type clip struct {
	name, lang, words string
	opus              [][]byte
	pcm               []float32
}

func load(t *testing.T, path, lang string) clip {
	t.Helper()
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(strings.TrimSuffix(path, ".ogg") + ".txt")
	if err != nil {
		t.Fatal(err)
	}
	c := clip{name: filepath.Base(path), lang: lang, words: string(text)}
	if c.pcm, err = ogg.Decode(bytes.NewReader(file), time.Minute); err != nil {
		t.Fatal(err)
	}
	r, err := ogg.NewReader(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	for {
		p, err := r.Next()
		if err == io.EOF {
			return c
		}
		if err != nil {
			t.Fatal(err)
		}
		if p.Samples != 960 {
			t.Fatalf("%s: packet of %d samples, the test paces 20 ms", path, p.Samples)
		}
		c.opus = append(c.opus, bytes.Clone(p.Opus))
	}
}

// speech returns the one clip of this repository and one each in French and English of the optional folder of speech data;
// with SOUFFLEUR_MEASURE set, all of them.
func speech(t *testing.T) []clip {
	t.Helper()
	clips := []clip{load(t, "../testdata/speech/jfk.ogg", "en")}
	dir := os.Getenv("SOUFFLEUR_SPEECH")
	if dir == "" {
		dir = "../../shared/audio"
	}
	for _, lang := range []string{"en", "fr"} {
		paths, err := filepath.Glob(filepath.Join(dir, "fleurs", "fleurs-"+lang+"-*.ogg"))
		if err != nil {
			t.Fatal(err)
		}
		if os.Getenv("SOUFFLEUR_MEASURE") == "" {
			paths = paths[:min(1, len(paths))]
		}
		for _, p := range paths {
			clips = append(clips, load(t, p, lang))
		}
	}
	return clips
}

// TestStreamingAgainstOffline speaks clips into a live meeting and compares the word errors of its finals with those of the
// same model that had the whole recording. The difference is what streaming costs; it is printed, not judged, because a
// handful of clips cannot tell systems apart.
func TestStreamingAgainstOffline(t *testing.T) {
	m, v := engines(t)
	rec, err := m.NewRecognizer()
	if err != nil {
		t.Fatal(err)
	}
	defer rec.Close()
	det, err := v.NewDetector()
	if err != nil {
		t.Fatal(err)
	}
	defer det.Close()
	var live, offline, shown = map[string]eval.Errors{}, map[string]eval.Errors{}, map[string]eval.Errors{}
	var calm eval.Calm
	for _, c := range speech(t) {
		segments, err := asr.Transcribe(t.Context(), c.pcm, rec, det, asr.TranscribeOptions{Lang: c.lang})
		if err != nil {
			t.Fatal(err)
		}
		got := asr.Stream(t, c.opus, []string{c.lang}, 200*time.Millisecond,
			func() (asr.Recognizer, error) { return m.NewRecognizer() },
			func() (asr.VoiceDetector, error) { return v.NewDetector() })
		whole, streamed := text(segments), text(got.Finals)
		reference := eval.Normalize(c.lang, c.words)
		a, b := eval.Score(reference, eval.Normalize(c.lang, whole)), eval.Score(reference, eval.Normalize(c.lang, streamed))
		p := eval.Score(reference, eval.Normalize(c.lang, lastPartials(got.Partials)))
		offline[c.lang], live[c.lang], shown[c.lang] = offline[c.lang].Add(a), live[c.lang].Add(b), shown[c.lang].Add(p)
		if testing.Verbose() && os.Getenv("SOUFFLEUR_TEXTS") != "" { // speech of a public corpus
			t.Logf("%s\nref  %s\nlive %s\nfile %s", c.name, strings.Join(reference, " "), streamed, whole)
		}
		calm = calm.Add(eval.Follow(updates(got)))
		t.Logf("%s: live %v, offline %v, %d finals, %d partials", c.name, b, a, len(got.Finals), len(got.Partials))
		if len(got.Finals) == 0 {
			t.Errorf("%s: nothing was recognised", c.name)
		}
	}
	t.Logf("%d stable code points changed, %.1f %% of the stable words rewritten by finals, normalised erasure %.2f",
		calm.StableChanged, 100*calm.RewrittenShare(), calm.Erasure())
	for lang := range live {
		t.Logf("%s: WER of live finals %v; of the same model offline %v; of the last partials %v", lang, live[lang], offline[lang], shown[lang])
	}
}

func text(segments []meeting.Segment) string {
	var parts []string
	for _, s := range segments {
		parts = append(parts, s.Text)
		if s.Quality == meeting.QualityFast {
			parts = append(parts, "(fast)") // not scored: the normaliser drops it
		}
	}
	return strings.Join(parts, " ")
}

// updates is what readers see: the partials of a segment, then its final.
func updates(got asr.Streamed) []eval.Update {
	update := func(c meeting.Caption) eval.Update {
		return eval.Update{Segment: string(c.Seg), Lang: c.Lang, Text: c.Text, Stable: c.Stable, Final: c.Final}
	}
	var all []eval.Update
	for _, c := range got.Partials {
		all = append(all, update(c))
	}
	for _, s := range got.Finals {
		all = append(all, update(s.Caption))
	}
	return all
}

// lastPartials joins what readers saw last of each segment before its final.
func lastPartials(partials []meeting.Caption) string {
	last := map[meeting.SegmentID]string{}
	var order []meeting.SegmentID
	for _, c := range partials {
		if last[c.Seg] == "" {
			order = append(order, c.Seg)
		}
		last[c.Seg] = c.Text
	}
	var parts []string
	for _, seg := range order {
		parts = append(parts, last[seg])
	}
	return strings.Join(parts, " ")
}
