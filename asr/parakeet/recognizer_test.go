//go:build whisper && cgo

package parakeet

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"log/slog"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
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

func load(t testing.TB, m modelFile) *Model {
	t.Helper()
	model, err := Load(write(t, m.bytes()), Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := model.Close(); err != nil {
			t.Error(err)
		}
	})
	return model
}

func newRecognizer(t testing.TB, m *Model) *Recognizer {
	t.Helper()
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

func recognize(t testing.TB, r *Recognizer, req asr.Request) asr.Result {
	t.Helper()
	got, err := r.Recognize(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func plain(r asr.Result) string {
	texts := make([]string, len(r.Words))
	for i, w := range r.Words {
		texts[i] = w.Text
	}
	return strings.Join(texts, " ")
}

// noise is n samples of it, the same for the same seed.
func noise(n int, seed uint64) []float32 {
	random := rand.New(rand.NewPCG(seed, seed))
	pcm := make([]float32, n)
	for i := range pcm {
		pcm[i] = float32(random.NormFloat64()) * 0.1
	}
	return pcm
}

func TestWordsHaveTheTimesAndConfidenceOfTheirTokens(t *testing.T) {
	m := saying(tokenBon, 2, 4)
	got := recognize(t, newRecognizer(t, load(t, m)), asr.Request{PCM: noise(2*asr.SampleRate, 1), Lang: "fr"})
	// 2 s are 26 frames of 80 ms: a token at each fourth.
	if len(got.Words) != 7 {
		t.Fatalf("heard %q", plain(got))
	}
	p := math.Exp(2) / (math.Exp(2) + float64(len(m.vocabulary))) // with the blank for itself: durations do not count
	for i, w := range got.Words {
		start, end := time.Duration(i)*320*time.Millisecond, min(time.Duration(i+1)*320*time.Millisecond, 2*time.Second)
		if w.Text != "bon" || w.Start != start || w.End != end || math.Abs(float64(w.P)-p) > 1e-4 {
			t.Errorf("word %d: %+v, want %v to %v, confidence %v", i, w, start, end, p)
		}
	}
	if math.Abs(got.LogProb-math.Log(p)) > 1e-4 || got.Lang != "fr" {
		t.Errorf("log probability %v, want %v; language %q", got.LogProb, math.Log(p), got.Lang)
	}
}

func TestWhatIsNoSpeechHasNoWords(t *testing.T) {
	for name, m := range map[string]modelFile{
		"blank":            silent(),
		"an unknown token": saying(tokenUnknown, 2, 4),
		"a special token":  saying(tokenNoSpeech, 2, 4),
	} {
		got := recognize(t, newRecognizer(t, load(t, m)), asr.Request{PCM: noise(asr.SampleRate, 1), Lang: "fr"})
		if len(got.Words) != 0 || got.LogProb != 0 {
			t.Errorf("%s became %q, log probability %v", name, plain(got), got.LogProb)
		}
	}
	got := recognize(t, newRecognizer(t, load(t, silent())), asr.Request{Langs: []string{"de", "fr"}})
	if len(got.Words) != 0 || got.Lang != "de" {
		t.Errorf("nothing became %+v", got)
	}
}

func TestTokensAreJoinedToWords(t *testing.T) {
	got := recognize(t, newRecognizer(t, load(t, saying(tokenJour, 2, 4))), asr.Request{PCM: noise(asr.SampleRate, 1)})
	if plain(got) != "jourjourjourjour" || got.Lang != "" {
		t.Errorf("tokens without a space in front: %q in %q", plain(got), got.Lang)
	}
	got = recognize(t, newRecognizer(t, load(t, saying(tokenComma, 2, 4))), asr.Request{PCM: noise(asr.SampleRate, 1)})
	if len(got.Words) != 0 {
		t.Errorf("punctuation alone: %q", plain(got))
	}
}

// checkWords checks what holds of any answer.
func checkWords(t *testing.T, r asr.Result, length time.Duration) {
	t.Helper()
	last := time.Duration(0)
	for _, w := range r.Words {
		if w.Text == "" || w.Start < last || w.End < w.Start || w.End > length || !(w.P >= 0 && w.P <= 1) {
			t.Errorf("word %+v after %v in %v of speech", w, last, length)
		}
		last = w.Start
	}
	if math.IsNaN(r.LogProb) || r.LogProb > 0 {
		t.Errorf("log probability %v", r.LogProb)
	}
}

func TestSpeechOfAnyLengthAndLoudnessIsSafe(t *testing.T) {
	for _, m := range []modelFile{tinyModel(), saying(tokenBon, 200, 0)} { // random; and logits beyond single precision
		r := newRecognizer(t, load(t, m))
		for _, n := range []int{1, 100, 319, 320, 3199, 3200, 8000, 16_001, 100_000, whispercpp.MaxSamples} {
			length := time.Duration(n) * time.Second / asr.SampleRate
			for _, volume := range []float32{0, 1e-30, 1, 1e30} {
				pcm := noise(n, 3)
				for i := range pcm {
					pcm[i] *= volume
				}
				checkWords(t, recognize(t, r, asr.Request{PCM: pcm, Lang: "en", Partial: n%2 == 0}), length)
			}
		}
	}
}

func TestSpeechOutOfBoundsIsRefused(t *testing.T) {
	r := newRecognizer(t, load(t, tinyModel()))
	broken, infinite := noise(20_000, 1), noise(20_000, 1)
	broken[19_999] = float32(math.NaN())
	infinite[0] = float32(math.Inf(-1))
	for _, c := range []struct {
		req  asr.Request
		want error
	}{
		{asr.Request{PCM: make([]float32, whispercpp.MaxSamples+1), Lang: "en"}, ErrTooLong},
		{asr.Request{PCM: broken, Lang: "en"}, ErrNotFinite},
		{asr.Request{PCM: infinite, Lang: "en"}, ErrNotFinite},
		{asr.Request{PCM: broken[:100], Lang: "ja"}, ErrLanguage},
		{asr.Request{PCM: broken[:100], Langs: []string{"ja", "klingon"}}, ErrLanguage},
	} {
		if _, err := r.Recognize(t.Context(), c.req); !errors.Is(err, c.want) {
			t.Errorf("want %v, got %v", c.want, err)
		}
	}
}

func TestAResultWithoutRoomIsAnError(t *testing.T) {
	m := saying(tokenBon, 2, 0) // no token ever moves on
	m.MaxTokens = 32
	r := newRecognizer(t, load(t, m))
	if got, err := r.Recognize(t.Context(), asr.Request{PCM: noise(whispercpp.MaxSamples, 1), Lang: "fr"}); err == nil {
		t.Errorf("%d words", len(got.Words))
	}
	if got := recognize(t, r, asr.Request{PCM: noise(asr.SampleRate, 1), Lang: "fr"}); len(got.Words) != 13*32 {
		t.Errorf("%d words afterwards", len(got.Words))
	}
}

func TestNothingOfOneCallReachesTheNext(t *testing.T) {
	r := newRecognizer(t, load(t, tinyModel()))
	req := asr.Request{PCM: noise(3*asr.SampleRate, 1), Lang: "en"}
	want := recognize(t, r, req)
	if len(want.Words) == 0 {
		t.Fatal("the random model hears nothing: choose another seed")
	}
	recognize(t, r, asr.Request{PCM: noise(7*asr.SampleRate, 2), Lang: "fr"})
	req.Prompt, req.Partial = "Ask not what your country can do for you.", true
	if got := recognize(t, r, req); !reflect.DeepEqual(got, want) {
		t.Errorf("%d words became %d, or others", len(want.Words), len(got.Words))
	}
}

// logged returns what the library has logged since the last call.
func logged() string {
	var b bytes.Buffer
	whispercpp.DrainLog(slog.New(slog.NewTextHandler(&b, nil)))
	return b.String()
}

func TestACancelledContextEndsTheCall(t *testing.T) {
	m := saying(tokenBon, 2, 0)
	m.MaxTokens = 32 // 12,000 steps for 30 s
	r := newRecognizer(t, load(t, m))
	req := asr.Request{PCM: noise(whispercpp.MaxSamples, 1), Lang: "fr"}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Recognize(ctx, req); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled before: %v", err)
	}
	// The library says when it stops early, and ends its work without a word. A cancel that comes before it has begun, as on
	// a busy machine, is followed by a later one.
	logged()
	for wait := 10 * time.Millisecond; ; wait *= 2 {
		ctx, cancel := context.WithTimeout(t.Context(), wait)
		_, err := r.Recognize(ctx, req)
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("it always went on to the end: %v", err)
		}
		if lines := logged(); strings.Contains(lines, "failed to") || strings.Contains(lines, "aborting") {
			break
		}
	}
	short := asr.Request{PCM: noise(asr.SampleRate, 1), Lang: "fr"}
	if got := recognize(t, r, short); len(got.Words) == 0 {
		t.Error("deaf afterwards")
	}
}

func TestRecognisersOfOneModelRunSideBySide(t *testing.T) {
	m := load(t, tinyModel())
	req := func(i int) asr.Request {
		return asr.Request{PCM: noise((i+1)*asr.SampleRate, uint64(i)), Lang: "en"}
	}
	var want [4]asr.Result
	first := newRecognizer(t, m)
	for i := range want {
		want[i] = recognize(t, first, req(i))
	}
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			r, err := m.NewRecognizer()
			if err != nil {
				t.Error(err)
				return
			}
			defer r.Close()
			for round := range 3 {
				for i := range want {
					got, err := r.Recognize(t.Context(), req(i))
					if err != nil || !reflect.DeepEqual(got, want[i]) {
						t.Errorf("round %d: %d words, error %v; alone there were %d, or others", round, len(got.Words), err, len(want[i].Words))
					}
				}
			}
		})
	}
	wg.Wait()
}

func TestAModelOutlivesItsRecognisers(t *testing.T) {
	m, err := Load(write(t, saying(tokenBon, 2, 4).bytes()), Options{Threads: 2})
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
	if got := recognize(t, r, asr.Request{PCM: noise(asr.SampleRate, 1), Lang: "fr"}); len(got.Words) != 4 {
		t.Errorf("heard %q", plain(got))
	}
	if r.Name() != "tiny-parakeet" {
		t.Errorf("name %q", r.Name())
	}
	for range 2 {
		if err := errors.Join(r.Close(), m.Close()); err != nil {
			t.Error(err)
		}
	}
	if _, err := r.Recognize(t.Context(), asr.Request{PCM: noise(asr.SampleRate, 1)}); !errors.Is(err, ErrClosed) {
		t.Errorf("after close: %v", err)
	}
}

func TestWeightsOfEveryKindAreLoaded(t *testing.T) {
	for fileType := range weightKinds {
		m := tinyModel()
		m.FileType = fileType + 2*quantizationFactor
		r := newRecognizer(t, load(t, m))
		checkWords(t, recognize(t, r, asr.Request{PCM: noise(asr.SampleRate, 1), Lang: "en"}), time.Second)
	}
}

func TestFilesThatAreNoModelAreRefused(t *testing.T) {
	whole := tinyModel().bytes()
	for name, content := range map[string][]byte{
		"empty":           nil,
		"text":            []byte(strings.Repeat("this is not a model ", 100)),
		"a header alone":  whole[:headerBytes],
		"cut in the last": whole[:len(whole)-1],
	} {
		if _, err := Load(write(t, content), Options{}); !errors.Is(err, ErrModel) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Load(filepath.Join(t.TempDir(), "nothing"), Options{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

// try loads a damaged file and, if that is possible, uses it: what is accepted must work, and what does not work must be
// refused.
func try(t *testing.T, name string, content []byte) {
	t.Helper()
	m, err := Load(write(t, content), Options{})
	if err != nil {
		if !errors.Is(err, ErrModel) {
			t.Errorf("%s: %v", name, err)
		}
		return
	}
	defer m.Close()
	r, err := m.NewRecognizer()
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	defer r.Close()
	checkWords(t, recognize(t, r, asr.Request{PCM: noise(asr.SampleRate, 1), Lang: "en"}), time.Second)
}

func TestDamagedHeadersNeverCrash(t *testing.T) {
	whole := tinyModel().bytes()
	for field := range headerBytes / 4 {
		is := int32(binary.LittleEndian.Uint32(whole[4*field:]))
		for _, value := range []int32{math.MinInt32, -1, 0, 1, is - 1, is + 1, is * 2, 255, 4096, 5001, 1 << 20, 1 << 30, math.MaxInt32} {
			content := slices.Clone(whole)
			binary.LittleEndian.PutUint32(content[4*field:], uint32(value))
			try(t, "a header", content)
		}
	}
}

func TestDamageAnywhereNeverCrashes(t *testing.T) {
	whole := tinyModel().bytes()
	random := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		content := slices.Clone(whole)
		for range 1 + random.IntN(4) {
			binary.LittleEndian.PutUint32(content[random.IntN(len(content)-4):], random.Uint32())
		}
		try(t, "damage", content)
	}
}

// TestSpeechIsRecognised needs the published weights, which no test has unless somebody has fetched them.
func TestSpeechIsRecognised(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	const name = "parakeet-tdt-0.6b-v3-q8_0"
	m, err := Load(modelstest.Path(t, name), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	file, err := os.Open(filepath.Join("..", "..", "testdata", "speech", "jfk.ogg"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	pcm, err := ogg.Decode(file, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	got := recognize(t, newRecognizer(t, m), asr.Request{PCM: pcm, Langs: []string{"fr", "en"}})
	const want = "And so, my fellow Americans, ask not what your country can do for you, ask what you can do for your country."
	if errs := eval.Score(eval.Normalize("en", want), eval.Normalize("en", plain(got))); errs.WER() > 0.1 {
		t.Errorf("heard %q", plain(got))
	}
	if got.Lang != "en" || got.LogProb >= 0 || got.LogProb < -0.6 {
		t.Errorf("language %q, log probability %v", got.Lang, got.LogProb)
	}
	// The last "country" begins at 10.0 s.
	if last := got.Words[len(got.Words)-1]; last.Start < 9500*time.Millisecond || last.Start > 10500*time.Millisecond {
		t.Errorf("%q at %v to %v", last.Text, last.Start, last.End)
	}
}
