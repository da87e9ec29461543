//go:build whisper && cgo

package whisper

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"souffleur/asr"
	"souffleur/asr/eval"
)

// TestWordErrorsOfTheDefaultModel measures the default model on the FLEURS clips of an optional folder of speech data,
// SOUFFLEUR_SPEECH. Its log is the source of the model table in the documentation. The bounds are wide: a hundred words
// cannot tell good engines apart, but show a broken one.
func TestWordErrorsOfTheDefaultModel(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a minute")
	}
	folder := os.Getenv("SOUFFLEUR_SPEECH")
	if folder == "" {
		folder = filepath.Join("..", "..", "..", "shared", "audio")
	}
	r := newRecognizer(t)
	for lang, most := range map[string]float64{"en": 0.20, "fr": 0.45} {
		clips, err := filepath.Glob(filepath.Join(folder, "fleurs", "fleurs-"+lang+"-*.ogg"))
		if err != nil || len(clips) == 0 {
			t.Skipf("no speech in %s", folder)
		}
		var errs eval.Errors
		var length, cost time.Duration
		for _, clip := range clips {
			text, err := os.ReadFile(strings.TrimSuffix(clip, ".ogg") + ".txt")
			if err != nil {
				t.Fatal(err)
			}
			pcm := decode(t, clip)
			before := processorTime()
			got := recognize(t, r, asr.Request{PCM: pcm, Lang: lang})
			cost += processorTime() - before
			length += time.Duration(len(pcm)) * time.Second / asr.SampleRate
			errs = errs.Add(eval.Score(eval.Normalize(lang, string(text)), eval.Normalize(lang, plain(got))))
		}
		t.Logf("%s, %s: %.1f %% of %d words wrong (%d substituted, %d missing, %d invented), %.2f processor seconds per second of speech",
			r.Name(), lang, 100*errs.WER(), errs.Words, errs.Substitutions, errs.Deletions, errs.Insertions, cost.Seconds()/length.Seconds())
		if errs.WER() > most {
			t.Errorf("%s: more than %.0f %% wrong", lang, 100*most)
		}
	}
}

// processorTime is what this process has used of the processors.
func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
