package remote

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"souffleur/asr"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// asked is one request that a scripted service got.
type asked struct {
	path   string
	bearer string
	fields map[string][]string
	wav    []byte
}

// service plays a transcription service: play answers each request.
type service struct {
	http *httptest.Server
	mu   sync.Mutex // guards got
	got  []asked
}

func newService(t *testing.T, play func(w http.ResponseWriter, a asked)) *service {
	t.Helper()
	s := &service{}
	s.http = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a, err := readAsked(r)
		if err != nil {
			t.Errorf("request cannot be read: %v", err)
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		s.mu.Lock()
		s.got = append(s.got, a)
		s.mu.Unlock()
		play(w, a)
	}))
	t.Cleanup(s.http.Close)
	return s
}

func readAsked(r *http.Request) (asked, error) {
	a := asked{path: r.URL.Path, bearer: r.Header.Get("Authorization"), fields: map[string][]string{}}
	_, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		return a, err
	}
	form := multipart.NewReader(r.Body, params["boundary"])
	for {
		part, err := form.NextPart()
		if err == io.EOF {
			return a, nil
		}
		if err != nil {
			return a, err
		}
		b, err := io.ReadAll(part)
		if err != nil {
			return a, err
		}
		if part.FormName() == "file" {
			a.wav = b
			continue
		}
		a.fields[part.FormName()] = append(a.fields[part.FormName()], string(b))
	}
}

func (s *service) asked() []asked {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.got
}

// recognizer returns a recogniser of the service.
func (s *service) recognizer(t *testing.T, change ...func(*Config)) *Recognizer {
	t.Helper()
	cfg := Config{URL: s.http.URL, Token: "secret", Model: "big", Timeout: 20 * time.Second}
	for _, c := range change {
		c(&cfg)
	}
	e, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e.NewRecognizer()
}

// tone is d of a quiet tone.
func tone(d time.Duration) []float32 {
	pcm := make([]float32, int(d.Seconds()*asr.SampleRate))
	for i := range pcm {
		pcm[i] = float32(math.Sin(float64(i)/10) / 4)
	}
	return pcm
}

func always(status int, kind, body string) func(http.ResponseWriter, asked) {
	return func(w http.ResponseWriter, _ asked) {
		w.Header().Set("Content-Type", kind)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

const isJSON = "application/json"

func TestARequestHasTheFieldsOfTheAPI(t *testing.T) {
	s := newService(t, always(200, isJSON, `{"text":"oui"}`))
	rec := s.recognizer(t)
	prompt := strings.Repeat("é", 600) + " USOC, Ferré.\x00"
	if _, err := rec.Recognize(t.Context(), asr.Request{PCM: tone(2 * time.Second), Lang: "fr-CA", Prompt: prompt}); err != nil {
		t.Fatal(err)
	}
	got := s.asked()[0]
	if got.path != "/v1/audio/transcriptions" || got.bearer != "Bearer secret" {
		t.Errorf("asked %s with %q", got.path, got.bearer)
	}
	for name, want := range map[string]string{
		"model": "big", "language": "fr", "response_format": "verbose_json", "timestamp_granularities[]": "word segment", "temperature": "0",
	} {
		if said := strings.Join(got.fields[name], " "); said != want {
			t.Errorf("%s is %q, want %q", name, said, want)
		}
	}
	if p := got.fields["prompt"][0]; len(p) > maxPrompt || !strings.HasSuffix(p, "é USOC, Ferré.") {
		t.Errorf("prompt has %d bytes and ends in %q", len(p), p[len(p)-20:])
	}
	if rec.Name() != "big" {
		t.Errorf("name %q", rec.Name())
	}
}

func TestSpeechTravelsAsWAV(t *testing.T) {
	s := newService(t, always(200, isJSON, `{"text":""}`))
	pcm := []float32{0, 0.5, -0.5, 1, -1, 7, -7}
	if _, err := s.recognizer(t).Recognize(t.Context(), asr.Request{PCM: pcm}); err != nil {
		t.Fatal(err)
	}
	wav := s.asked()[0].wav
	if string(wav[:4]) != "RIFF" || string(wav[8:16]) != "WAVEfmt " || string(wav[36:40]) != "data" {
		t.Fatalf("header %q", wav[:44])
	}
	le := binary.LittleEndian
	if le.Uint16(wav[20:]) != 1 || le.Uint16(wav[22:]) != 1 || le.Uint32(wav[24:]) != 16000 || le.Uint16(wav[34:]) != 16 {
		t.Errorf("format %v", wav[20:36])
	}
	if n := le.Uint32(wav[40:]); n != 2*minSamples || len(wav) != 44+2*minSamples || le.Uint32(wav[4:]) != uint32(len(wav)-8) {
		t.Errorf("%d bytes of samples in %d, want a whole second", n, len(wav))
	}
	for i, want := range []int16{0, 16384, -16384, 32767, -32767, 32767, -32767, 0} {
		if got := int16(le.Uint16(wav[44+2*i:])); got != want {
			t.Errorf("sample %d is %d, want %d", i, got, want)
		}
	}
}

func TestTheOnlyLanguageAllowedIsAskedFor(t *testing.T) {
	s := newService(t, always(200, isJSON, `{"text":"ja","language":"german"}`))
	for _, c := range []struct {
		req         asr.Request
		asked, told string
	}{
		{asr.Request{Langs: []string{"de"}}, "de", "de"},
		{asr.Request{Langs: []string{"de", "fr"}}, "", "de"},
		{asr.Request{Lang: "fr"}, "fr", "fr"},
	} {
		c.req.PCM = tone(time.Second)
		got, err := s.recognizer(t).Recognize(t.Context(), c.req)
		all := s.asked()
		if asked := strings.Join(all[len(all)-1].fields["language"], ""); err != nil || asked != c.asked || got.Lang != c.told {
			t.Errorf("%+v: asked for %q, told %q, %v", c.req.Langs, asked, got.Lang, err)
		}
	}
}

// strict plays a service that refuses what it does not offer.
func strict(offered detail) func(http.ResponseWriter, asked) {
	return func(w http.ResponseWriter, a asked) {
		verbose, words := a.fields["response_format"][0] == "verbose_json", len(a.fields["timestamp_granularities[]"]) > 0
		if words && offered > wantWords || verbose && offered > wantSegments {
			always(400, isJSON, `{"error":{"message":"not supported by this model"}}`)(w, a)
			return
		}
		always(200, isJSON, `{"text":"one two"}`)(w, a)
	}
}

func TestAServiceIsAskedForWhatItOffers(t *testing.T) {
	for _, offered := range []detail{wantWords, wantSegments, wantText} {
		s := newService(t, strict(offered))
		rec := s.recognizer(t)
		for range 2 {
			got, err := rec.Recognize(t.Context(), asr.Request{PCM: tone(time.Second)})
			if err != nil || len(got.Words) != 2 {
				t.Errorf("offered %d: %+v, %v", offered, got, err)
			}
		}
		if n := len(s.asked()); n != int(offered)+2 {
			t.Errorf("offered %d: %d requests, want that it is remembered", offered, n)
		}
	}
}

func TestABadRequestDoesNotTeachAnything(t *testing.T) {
	var kind atomic.Bool
	s := newService(t, func(w http.ResponseWriter, a asked) {
		if !kind.Load() {
			always(400, isJSON, `{}`)(w, a)
			return
		}
		always(200, isJSON, `{"text":"one"}`)(w, a)
	})
	rec := s.recognizer(t)
	if _, err := rec.Recognize(t.Context(), asr.Request{PCM: tone(time.Second)}); err == nil {
		t.Fatal("no error")
	}
	kind.Store(true)
	if _, err := rec.Recognize(t.Context(), asr.Request{PCM: tone(time.Second)}); err != nil {
		t.Fatal(err)
	}
	all := s.asked()
	if last := all[len(all)-1]; len(last.fields["timestamp_granularities[]"]) != 2 {
		t.Errorf("asked for %v", last.fields)
	}
}

func TestFailuresNameTheStatusAndNotTheText(t *testing.T) {
	const private = "what was said"
	for _, status := range []int{400, 401, 404, 413, 418, 500, 502} {
		s := newService(t, always(status, "text/plain", private))
		_, err := s.recognizer(t).Recognize(t.Context(), asr.Request{PCM: tone(time.Second), Prompt: private})
		var refused *StatusError
		if !errors.As(err, &refused) || refused.Status != status || !strings.Contains(err.Error(), fmt.Sprint(status)) {
			t.Errorf("%d: %v", status, err)
		}
		if strings.Contains(err.Error(), private) {
			t.Errorf("%d: the error holds what was said: %v", status, err)
		}
		if status >= 500 && len(s.asked()) != 1 {
			t.Errorf("%d: asked %d times", status, len(s.asked()))
		}
	}
}

func TestAnswersThatAreNoneAreErrors(t *testing.T) {
	for name, c := range map[string]struct{ kind, body string }{
		"broken JSON":        {isJSON, `{"text":"what was sa`},
		"nothing":            {isJSON, ``},
		"null":               {isJSON, `null`},
		"a list":             {isJSON, `["what was said"]`},
		"a page":             {"text/html", `<html>what was said</html>`},
		"an error with 200":  {isJSON, `{"error":"what was said"}`},
		"some other service": {isJSON, `{"status":"ok"}`},
		"too much":           {isJSON, `{"text":"` + strings.Repeat("a", maxAnswer) + `"}`},
	} {
		s := newService(t, always(200, c.kind, c.body))
		_, err := s.recognizer(t).Recognize(t.Context(), asr.Request{PCM: tone(time.Second)})
		if !errors.Is(err, ErrAnswer) || strings.Contains(err.Error(), "what was") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// busy plays a service that refuses the first n requests.
func busy(n, status int, retryAfter string) func(http.ResponseWriter, asked) {
	var mu sync.Mutex
	return func(w http.ResponseWriter, a asked) {
		mu.Lock()
		defer mu.Unlock()
		if n--; n >= 0 {
			w.Header().Set("Retry-After", retryAfter)
			w.WriteHeader(status)
			return
		}
		always(200, isJSON, `{"text":"one"}`)(w, a)
	}
}

func TestABusyServiceIsAskedAgain(t *testing.T) {
	for _, c := range []struct {
		refusals, status int
		retryAfter       string
		partial, works   bool
		requests         int
	}{
		{2, 429, "0", false, true, 3},
		{2, 503, "Thu, 01 Jan 1970 00:00:00 GMT", false, true, 3},
		{3, 429, "0", false, false, 3},  // it stays busy
		{1, 429, "0", true, false, 1},   // a partial is of no use later
		{1, 500, "0", false, false, 1},  // not busy, but broken
		{1, 429, "30", false, false, 1}, // longer than the request may last
	} {
		s := newService(t, busy(c.refusals, c.status, c.retryAfter))
		ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
		_, err := s.recognizer(t).Recognize(ctx, asr.Request{PCM: tone(time.Second), Partial: c.partial})
		cancel()
		if (err == nil) != c.works || len(s.asked()) != c.requests {
			t.Errorf("%+v: %d requests, %v", c, len(s.asked()), err)
		}
	}
}

func TestWaitsAreBounded(t *testing.T) {
	for said, want := range map[string]time.Duration{
		"": busyWait, "soon": busyWait, "-3": 0, "2": 2 * time.Second, "86400": maxWait, "99999999999999999999": busyWait,
		"Fri, 31 Dec 9999 23:59:59 GMT": maxWait,
	} {
		res := &http.Response{StatusCode: 429, Header: http.Header{"Retry-After": {said}}}
		if got := retryAfter(res); got != want {
			t.Errorf("Retry-After %q: %v, want %v", said, got, want)
		}
	}
}

func TestAServiceThatHangsIsGivenUp(t *testing.T) {
	release, arrived := make(chan struct{}), make(chan struct{}, 2)
	hang := newService(t, func(http.ResponseWriter, asked) {
		arrived <- struct{}{}
		<-release
	})
	defer close(release)
	_, err := hang.recognizer(t, func(c *Config) { c.Timeout = 50 * time.Millisecond }).Recognize(t.Context(), asr.Request{PCM: tone(time.Second)})
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "no answer") {
		t.Errorf("its own limit: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-arrived
		<-arrived
		cancel()
	}()
	if _, err := hang.recognizer(t).Recognize(ctx, asr.Request{PCM: tone(time.Second)}); err != context.Canceled {
		t.Errorf("given up by the caller: %v", err)
	}
}

func TestAnAnswerThatStopsHalfWayIsAnError(t *testing.T) {
	s := newService(t, func(w http.ResponseWriter, _ asked) {
		w.Header().Set("Content-Length", "1000")
		_, _ = io.WriteString(w, `{"text":`)
	})
	if _, err := s.recognizer(t).Recognize(t.Context(), asr.Request{PCM: tone(time.Second)}); err == nil {
		t.Error("no error")
	}
}

func TestSpeechIsNotSentElsewhere(t *testing.T) {
	stranger := newService(t, always(200, isJSON, `{"text":"got it"}`))
	for _, status := range []int{301, 302, 303, 307, 308} {
		s := newService(t, func(w http.ResponseWriter, _ asked) {
			w.Header().Set("Location", stranger.http.URL+"/v1/audio/transcriptions")
			w.WriteHeader(status)
		})
		if _, err := s.recognizer(t).Recognize(t.Context(), asr.Request{PCM: tone(time.Second)}); !errors.Is(err, ErrRedirect) {
			t.Errorf("%d: %v", status, err)
		}
	}
	if n := len(stranger.asked()); n != 0 {
		t.Errorf("a stranger got speech %d times", n)
	}
	there := newService(t, func(w http.ResponseWriter, a asked) {
		if a.path != "/moved" {
			w.Header().Set("Location", "/moved")
			w.WriteHeader(http.StatusTemporaryRedirect)
			return
		}
		always(200, isJSON, `{"text":"one"}`)(w, a)
	})
	if got, err := there.recognizer(t).Recognize(t.Context(), asr.Request{PCM: tone(time.Second)}); err != nil || len(got.Words) != 1 {
		t.Errorf("a redirect on the same service: %+v, %v", got, err)
	}
}

func TestSpeechOutOfBoundsIsRefused(t *testing.T) {
	s := newService(t, always(200, isJSON, `{"text":"one"}`))
	rec := s.recognizer(t)
	broken := tone(time.Second)
	broken[5] = float32(math.NaN())
	if _, err := rec.Recognize(t.Context(), asr.Request{PCM: broken}); !errors.Is(err, ErrNotFinite) {
		t.Errorf("not a number: %v", err)
	}
	if _, err := rec.Recognize(t.Context(), asr.Request{PCM: tone(30*time.Second + time.Millisecond)}); !errors.Is(err, ErrTooLong) {
		t.Errorf("too long: %v", err)
	}
	if got, err := rec.Recognize(t.Context(), asr.Request{Lang: "fr"}); err != nil || len(got.Words) != 0 || got.Lang != "fr" {
		t.Errorf("nothing became %+v, %v", got, err)
	}
	if err := errors.Join(rec.Close(), rec.Close()); err != nil {
		t.Error(err)
	}
	if _, err := rec.Recognize(t.Context(), asr.Request{PCM: tone(time.Second)}); !errors.Is(err, ErrClosed) {
		t.Errorf("after close: %v", err)
	}
	if n := len(s.asked()); n != 0 {
		t.Errorf("the service was asked %d times", n)
	}
}

func TestAddresses(t *testing.T) {
	for address, want := range map[string]string{
		"http://localhost:8000":                                 "http://localhost:8000/v1/audio/transcriptions",
		"http://localhost:8000/":                                "http://localhost:8000/v1/audio/transcriptions",
		"https://asr.example.org/v1":                            "https://asr.example.org/v1/audio/transcriptions",
		"https://asr.example.org/team/v1/":                      "https://asr.example.org/team/v1/audio/transcriptions",
		"http://10.0.0.2:8080/inference":                        "http://10.0.0.2:8080/inference",
		"https://asr.example.org/v1/audio/transcriptions":       "https://asr.example.org/v1/audio/transcriptions",
		"https://asr.example.org/openai/audio/x?api-version=24": "https://asr.example.org/openai/audio/x?api-version=24",
	} {
		if u, err := endpoint(address); err != nil || u.String() != want {
			t.Errorf("%s: %v, %v", address, u, err)
		}
	}
	for _, address := range []string{"", "localhost:8000", "ftp://host/", "http://", "http://me:secret@host/", "http://host/#x", "http://ho st"} {
		if _, err := Open(Config{URL: address, Model: "m"}); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", address, err)
		}
	}
	for _, c := range []Config{
		{URL: "http://h", Model: ""}, {URL: "http://h", Model: "m", Token: "a\nb"}, {URL: "http://h", Model: "m", Timeout: -1},
	} {
		if _, err := Open(c); err == nil {
			t.Errorf("%+v was accepted", c)
		}
	}
}

func TestAnUnreachableServiceIsNamedWithoutItsKey(t *testing.T) {
	s := newService(t, always(200, isJSON, ``))
	address := s.http.URL + "/x?key=secret"
	s.http.Close()
	_, err := s.recognizer(t, func(c *Config) { c.URL = address }).Recognize(t.Context(), asr.Request{PCM: tone(time.Second)})
	if err == nil || strings.Contains(err.Error(), "secret") || !strings.Contains(err.Error(), strings.TrimPrefix(s.http.URL, "http://")) {
		t.Errorf("got %v", err)
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add([]byte(`{"text":"a b","words":[{"word":" a","start":0.1,"end":0.2}],"segments":[{"text":" a b","start":0,"end":1,"avg_logprob":-0.2}]}`), int64(time.Second))
	f.Add([]byte(`{"segments":[{"start":"9e99","end":-1,"text":"«\u00a0a"}]}`), int64(0))
	f.Fuzz(func(t *testing.T, body []byte, voiceEnd int64) {
		said, err := parseAnswer(body, isJSON)
		if err != nil {
			return
		}
		req := asr.Request{PCM: make([]float32, 3*asr.SampleRate), VoiceEnd: time.Duration(voiceEnd)}
		got := said.result(req, "")
		if math.IsNaN(got.LogProb) || got.LogProb > 0 {
			t.Errorf("log probability %v", got.LogProb)
		}
		last := time.Duration(0)
		for _, w := range got.Words {
			if w.Start < last || w.End < w.Start || w.End > 3*time.Second || !(w.P >= 0 && w.P <= 1) || strings.Contains(w.Text, " ") {
				t.Errorf("word %+v after %v", w, last)
			}
			last = w.Start
		}
	})
}
