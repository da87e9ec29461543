//go:build whisper && cgo

package whisper

import (
	"context"
	"encoding/binary"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"souffleur/asr"
	"souffleur/asr/eval"
	"souffleur/internal/models/modelstest"
	"souffleur/internal/ogg"
	"souffleur/internal/whispercpp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// sharedModel is the default model, loaded once for all tests.
var sharedModel = sync.OnceValues(func() (*Model, error) { return Load(sharedPath, Options{}) })

var sharedPath string // set before the first use

func newRecognizer(t testing.TB) *Recognizer {
	t.Helper()
	sharedPath = modelstest.Path(t, "whisper-base")
	m, err := sharedModel()
	if err != nil {
		t.Fatal(err)
	}
	r, err := m.NewRecognizer()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// speech is 11 s of English.
func speech(t testing.TB) []float32 {
	return decode(t, filepath.Join("..", "..", "testdata", "speech", "jfk.ogg"))
}

func decode(t testing.TB, path string) []float32 {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	pcm, err := ogg.Decode(file, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	return pcm
}

func recognize(t *testing.T, r *Recognizer, req asr.Request) asr.Result {
	t.Helper()
	got, err := r.Recognize(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestSpeechIsRecognised(t *testing.T) {
	r := newRecognizer(t)
	got := recognize(t, r, asr.Request{PCM: speech(t), Lang: "en"})
	const want = "And so, my fellow Americans, ask not what your country can do for you, ask what you can do for your country."
	if errs := eval.Score(eval.Normalize("en", want), eval.Normalize("en", plain(got))); errs.WER() > 0.1 {
		t.Errorf("heard %q", plain(got))
	}
	if got.Lang != "en" || got.LogProb >= 0 || got.LogProb < -0.6 {
		t.Errorf("language %q, log probability %v", got.Lang, got.LogProb)
	}
	// "Americans" ends at 2.3 s, the last "country" begins at 10.0 s.
	country := got.Words[len(got.Words)-1]
	if country.Start < 9500*time.Millisecond || country.Start > 10500*time.Millisecond {
		t.Errorf("%q at %v to %v", country.Text, country.Start, country.End)
	}
	if r.Name() != "whisper-base-q8_0" {
		t.Errorf("name %q", r.Name())
	}
}

// telephone leaves of pcm what a line of 8 kHz carries: nothing above 4 kHz, eight bits of µ-law's coarseness.
func telephone(pcm []float32) []float32 {
	out := make([]float32, len(pcm))
	for i := 2; i+1 < len(pcm); i += 2 {
		heard := float32(math.Round(float64(pcm[i-2]+2*pcm[i-1]+2*pcm[i]+pcm[i+1])/6*256) / 256)
		out[i], out[i+1] = heard, heard
	}
	return out
}

func TestTelephonySpeechIsRecognised(t *testing.T) {
	got := recognize(t, newRecognizer(t), asr.Request{PCM: telephone(speech(t)), Lang: "en"})
	const want = "And so, my fellow Americans, ask not what your country can do for you, ask what you can do for your country."
	if errs := eval.Score(eval.Normalize("en", want), eval.Normalize("en", plain(got))); errs.WER() > 0.25 {
		t.Errorf("heard %q", plain(got))
	}
}

func plain(r asr.Result) string {
	texts := make([]string, len(r.Words))
	for i, w := range r.Words {
		texts[i] = w.Text
	}
	return strings.Join(texts, " ")
}

func TestPartialsHearTheBeginning(t *testing.T) {
	got := recognize(t, newRecognizer(t), asr.Request{PCM: speech(t)[:3*16000], Lang: "en", Partial: true})
	if text := strings.ToLower(plain(got)); !strings.Contains(text, "fellow americans") {
		t.Errorf("heard %q", text)
	}
}

// Each of these cuts of one sentence made the model say it two to eight times, where nothing kept it from going on behind the
// end of the voice. It depends on the audio to the millisecond, and on the processor.
func TestASentenceIsNotSaidAgain(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	folder := os.Getenv("SOUFFLEUR_SPEECH")
	if folder == "" {
		folder = filepath.Join("..", "..", "..", "shared", "audio")
	}
	clip := filepath.Join(folder, "fleurs", "fleurs-en-003.ogg")
	if _, err := os.Stat(clip); err != nil {
		t.Skipf("no speech in %s", folder)
	}
	const voice, voiceEnd, behind = 4800, 80160, 8000 // samples
	pcm := decode(t, clip)[:voiceEnd+behind]
	r := newRecognizer(t)
	for _, before := range []int{0, 480, 720, 960, 1200, 1920, 3600} {
		req := asr.Request{PCM: pcm[voice-before:], Lang: "en"}
		req.VoiceEnd = time.Duration(voiceEnd-voice+before) * time.Second / asr.SampleRate
		if got := recognize(t, r, req); len(got.Words) > 17 {
			t.Errorf("%d samples before the voice: %q", before, plain(got))
		}
	}
}

func TestShortAndEmptySpeechIsSafe(t *testing.T) {
	r := newRecognizer(t)
	if got := recognize(t, r, asr.Request{Lang: "en"}); len(got.Words) != 0 {
		t.Errorf("nothing became %q", plain(got))
	}
	for _, n := range []int{1, 100, 201, 8000, 15999} {
		got := recognize(t, r, asr.Request{PCM: speech(t)[:n], Lang: "en", Partial: true})
		for _, w := range got.Words {
			if w.End > time.Duration(n)*time.Second/asr.SampleRate {
				t.Errorf("%d samples: %q ends at %v", n, w.Text, w.End)
			}
		}
	}
}

func TestSpeechOutOfBoundsIsRefused(t *testing.T) {
	r := newRecognizer(t)
	broken := slices.Clone(speech(t)[:20_000])
	broken[19_999] = float32(math.NaN())
	infinite := slices.Clone(speech(t)[:20_000])
	infinite[0] = float32(math.Inf(1))
	for _, c := range []struct {
		req  asr.Request
		want error
	}{
		{asr.Request{PCM: make([]float32, 30*16000+1), Lang: "en"}, ErrTooLong},
		{asr.Request{PCM: broken, Lang: "en"}, ErrNotFinite},
		{asr.Request{PCM: infinite, Lang: "en"}, ErrNotFinite},
		{asr.Request{PCM: broken[:100], Lang: "klingon"}, ErrLanguage},
		{asr.Request{PCM: broken[:100], Lang: "e\x00n"}, ErrLanguage},
	} {
		if _, err := r.Recognize(t.Context(), c.req); !errors.Is(err, c.want) {
			t.Errorf("want %v, got %v", c.want, err)
		}
	}
}

func TestThirtySecondsAreHeardWhole(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	pcm := make([]float32, 30*16000)
	copy(pcm[copy(pcm, speech(t)):], speech(t))
	got := recognize(t, newRecognizer(t), asr.Request{PCM: pcm, Lang: "en", Partial: true})
	if n := strings.Count(plain(got), "Americans"); n != 2 {
		t.Errorf("heard %d of 2: %q", n, plain(got))
	}
}

func TestLanguageIsDetectedAmongThoseAllowed(t *testing.T) {
	r := newRecognizer(t)
	for _, c := range []struct {
		langs []string
		want  string
	}{
		{nil, "en"},
		{[]string{"fr", "en"}, "en"},
		{[]string{"fr"}, "fr"}, // the only one: nothing to detect
		{[]string{"xx", "en-GB"}, "en"},
	} {
		got := recognize(t, r, asr.Request{PCM: speech(t)[:3*16000], Langs: c.langs, Partial: true})
		if got.Lang != c.want {
			t.Errorf("among %v: %q", c.langs, got.Lang)
		}
	}
}

func TestAPromptGivesContextAndIsForgotten(t *testing.T) {
	r := newRecognizer(t)
	alone := plain(recognize(t, r, asr.Request{PCM: speech(t)[:4*16000], Lang: "en", Partial: true}))
	prompted := asr.Request{PCM: speech(t)[:4*16000], Lang: "en", Partial: true, Prompt: strings.Repeat("Kénnedy spoke: 'hé' \x00\xff ", 500)}
	recognize(t, r, prompted)
	if after := plain(recognize(t, r, asr.Request{PCM: speech(t)[:4*16000], Lang: "en", Partial: true})); after != alone {
		t.Errorf("without the prompt: %q before, %q after", alone, after)
	}
}

func TestACancelledContextEndsTheCall(t *testing.T) {
	r := newRecognizer(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Recognize(ctx, asr.Request{PCM: speech(t), Lang: "en"}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled before: %v", err)
	}
	ctx, cancel = context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	if _, err := r.Recognize(ctx, asr.Request{PCM: speech(t), Lang: "en"}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("cancelled within: %v", err)
	}
	if got := recognize(t, r, asr.Request{PCM: speech(t)[:3*16000], Lang: "en", Partial: true}); len(got.Words) == 0 {
		t.Error("deaf afterwards")
	}
}

func TestRecognisersOfOneModelRunSideBySide(t *testing.T) {
	r := newRecognizer(t)
	want := plain(recognize(t, r, asr.Request{PCM: speech(t)[:4*16000], Lang: "en", Partial: true}))
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			own, err := r.model.NewRecognizer()
			if err != nil {
				t.Error(err)
				return
			}
			defer own.Close()
			for range 2 {
				got, err := own.Recognize(t.Context(), asr.Request{PCM: speech(t)[:4*16000], Lang: "en", Partial: true})
				if err != nil || plain(got) != want {
					t.Errorf("heard %q, error %v", plain(got), err)
				}
			}
		})
	}
	wg.Wait()
}

func TestAModelOutlivesItsRecognisers(t *testing.T) {
	m, err := Load(modelstest.Path(t, "whisper-base"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	r, err := m.NewRecognizer()
	if err != nil {
		t.Fatal(err)
	}
	m.Close()
	if _, err := m.NewRecognizer(); !errors.Is(err, ErrClosed) {
		t.Errorf("a recogniser of a closed model: %v", err)
	}
	recognize(t, r, asr.Request{PCM: speech(t)[:16000], Lang: "en", Partial: true})
	for range 2 {
		if err := errors.Join(r.Close(), m.Close()); err != nil {
			t.Error(err)
		}
	}
	if _, err := r.Recognize(t.Context(), asr.Request{PCM: speech(t)}); !errors.Is(err, ErrClosed) {
		t.Errorf("after close: %v", err)
	}
}

func TestFilesThatAreNoModelAreRefused(t *testing.T) {
	header := func(values ...int32) []byte {
		b := binary.LittleEndian.AppendUint32(nil, whispercpp.FileMagic)
		for _, v := range values {
			b = binary.LittleEndian.AppendUint32(b, uint32(v))
		}
		return b
	}
	for name, content := range map[string][]byte{
		"empty":           nil,
		"text":            []byte(strings.Repeat("this is not a model ", 100)),
		"cut header":      header(51865, 1500),
		"without weights": append(header(51865, 1500, 512, 8, 6, 448, 512, 8, 6, 80, 1), make([]byte, 1000)...),
		"another context": append(header(51865, 9999, 512, 8, 6, 448, 512, 8, 6, 80, 1), make([]byte, 1000)...),
		// The library leaks what it has read of this one, which the address sanitizer reports: it is the engine's leak.
		"garbage behind": append(header(51865, 1500, 512, 8, 6, 448, 2, 8, 6, 80, 1), make([]byte, 200_000)...),
	} {
		path := filepath.Join(t.TempDir(), "model.bin")
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(path, Options{}); !errors.Is(err, ErrModel) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Load(filepath.Join(t.TempDir(), "nothing"), Options{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}
