package web

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"souffleur/internal/meeting"
	"souffleur/storage"
)

// scriptedTranscriber plays the engine.
type scriptedTranscriber struct {
	answer func(ctx context.Context, r Recording) (*storage.Transcript, error)

	mu      sync.Mutex // guards the rest
	got     []Recording
	content []string // of the files
	running int
	most    int // at the same time
}

func (s *scriptedTranscriber) Transcribe(ctx context.Context, r Recording) (*storage.Transcript, error) {
	content, err := os.ReadFile(r.Path)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.got, s.content = append(s.got, r), append(s.content, string(content))
	s.running++
	s.most = max(s.most, s.running)
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.running--
		s.mu.Unlock()
	}()
	return s.answer(ctx, r)
}

func (s *scriptedTranscriber) calls() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.got)
}

// spoken is a transcript of two sentences in 4.5 s.
func spoken(context.Context, Recording) (*storage.Transcript, error) {
	segment := func(id string, t0, t1 int64, text, lang string, conf float32, words ...meeting.Word) meeting.Segment {
		return meeting.Segment{
			Caption: meeting.Caption{Seg: meeting.SegmentID(id), T0: t0, T1: t1, Text: text, Lang: lang, Final: true}, Conf: conf, Words: words,
		}
	}
	return &storage.Transcript{V: 1, EndedUnixMS: 4500, Segments: []meeting.Segment{
		segment("a", 250, 1250, "Bonjour <tous> !", "fr", 0.5, meeting.Word{Text: "Bonjour", T0: 250, T1: 750, P: 0.5}, meeting.Word{Text: "<tous> !", T0: 750, T1: 1250, P: 0.5}),
		segment("b", 2000, 4000, "OK.", "en", 1, meeting.Word{Text: "OK.", T0: 2000, T1: 4000, P: 1}),
	}}, nil
}

// transcribing is a site with a scripted engine.
type transcribing struct {
	*site
	engine *scriptedTranscriber
	dir    string
}

func newTranscribing(t *testing.T, answer func(context.Context, Recording) (*storage.Transcript, error), change ...func(*Config)) *transcribing {
	t.Helper()
	s := &transcribing{site: newStores(t), engine: &scriptedTranscriber{answer: answer}, dir: filepath.Join(t.TempDir(), "uploads")}
	s.deps.Transcriber = s.engine
	s.start(append([]func(*Config){func(c *Config) { c.UploadDir = s.dir }}, change...)...)
	return s
}

// sent is a multipart body; "file" is the recording.
type sent [][2]string

func (f sent) encode(t testing.TB) (body *bytes.Buffer, kind string) {
	t.Helper()
	body = &bytes.Buffer{}
	w := multipart.NewWriter(body)
	for _, field := range f {
		if field[0] != "file" {
			if err := w.WriteField(field[0], field[1]); err != nil {
				t.Fatal(err)
			}
			continue
		}
		part, err := w.CreateFormFile("file", "recording.ogg")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(part, field[1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return body, w.FormDataContentType()
}

func (s *transcribing) request(ctx context.Context, body io.Reader, kind string) *http.Request {
	s.t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.http.URL+transcriptionsPath, body)
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Content-Type", kind)
	req.Header.Set("Authorization", "Bearer "+apiToken)
	return req
}

// post sends a form as a program with the API token.
func (s *transcribing) post(f sent) answer {
	s.t.Helper()
	body, kind := f.encode(s.t)
	return s.browser().send(s.request(s.t.Context(), body, kind))
}

// empty checks that no upload is left. One is removed when its handler ends, which may be just after its answer.
func (s *transcribing) empty() {
	s.t.Helper()
	var left []os.DirEntry
	for range 500 {
		var err error
		if left, err = os.ReadDir(s.dir); err != nil {
			s.t.Fatal(err)
		}
		if len(left) == 0 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	s.t.Errorf("uploads left: %v", left)
}

func TestOnlyTheAPITokenMayHaveRecordingsTranscribed(t *testing.T) {
	s := newTranscribing(t, spoken)
	admin := s.admin() // by cookie, as a browser
	for name, c := range map[string]struct {
		browser *browser
		header  string
	}{
		"nobody":         {s.browser(), ""},
		"a wrong token":  {s.browser(), "Bearer " + apiToken + "x"},
		"another scheme": {s.browser(), "Basic " + apiToken},
		"an empty token": {s.browser(), "Bearer "},
		"an admin's browser, which another page may have sent": {admin, ""},
	} {
		body, kind := sent{{"file", "sound"}}.encode(t)
		req := s.request(t.Context(), body, kind)
		req.Header.Set("Authorization", c.header)
		a := c.browser.send(req)
		if a.status != 401 || a.fields.text("error", "code") != "invalid_api_key" || a.fields.text("error", "type") != "invalid_request_error" || a.fields.text("error", "message") == "" {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	body, kind := sent{{"file", "sound"}}.encode(t)
	req := s.request(t.Context(), body, kind)
	req.Header.Set("Sec-Fetch-Site", "cross-site")
	if a := s.browser().send(req); a.status != 403 {
		t.Errorf("another page with the token: %d", a.status)
	}
	if s.engine.calls() != 0 {
		t.Error("something was transcribed")
	}
	s.empty()
}

func TestThereIsNoSuchAddressWithoutAnEngine(t *testing.T) {
	s := newSite(t)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.http.URL+transcriptionsPath, nil)
	if err != nil {
		t.Fatal(err)
	}
	if a := s.program().send(req); a.status != 404 {
		t.Errorf("%d %s", a.status, a.body)
	}
}

func TestTheEngineGetsWhatWasAskedFor(t *testing.T) {
	s := newTranscribing(t, spoken)
	for _, c := range []struct {
		fields sent
		want   Recording
	}{
		{sent{{"file", "sound"}}, Recording{}},
		{sent{{"model", "whisper-1"}, {"file", "sound"}, {"language", "auto"}, {"temperature", "0.2"}, {"stream", "false"}}, Recording{}},
		{
			sent{{"model", "whisper-large-v3-turbo"}, {"language", "fr"}, {"prompt", "USOC, Ferré\x00"}, {"file", "sound"}},
			Recording{Model: "whisper-large-v3-turbo", Lang: "fr", Prompt: "USOC, Ferré"},
		},
		{sent{{"model", "gpt-4o-transcribe-diarize"}, {"file", "sound"}, {"response_format", "diarized_json"}}, Recording{Voices: true}},
		{sent{{"file", "sound"}, {"response_format", "verbose_json"}}, Recording{}},
	} {
		if a := s.post(c.fields); a.status != 200 {
			t.Fatalf("%d %s", a.status, a.body)
		}
		last := len(s.engine.got) - 1
		got := s.engine.got[last]
		if filepath.Dir(got.Path) != s.dir {
			t.Errorf("the recording was kept in %s", got.Path)
		}
		if got.Path = ""; got != c.want || s.engine.content[last] != "sound" {
			t.Errorf("%v: got %+v with %q", c.fields, got, s.engine.content[last])
		}
		s.empty()
	}
}

func TestForms(t *testing.T) {
	s := newTranscribing(t, spoken)
	for _, c := range []struct {
		fields     sent
		kind, want string
	}{
		{sent{}, "application/json", `{"text":"Bonjour <tous> ! OK."}` + "\n"},
		{sent{{"response_format", "json"}}, "application/json", `{"text":"Bonjour <tous> ! OK."}` + "\n"},
		{sent{{"response_format", "text"}}, "text/plain; charset=utf-8", "Bonjour <tous> ! OK.\n"},
		{
			sent{{"response_format", "srt"}}, "application/x-subrip; charset=utf-8",
			"1\n00:00:00,250 --> 00:00:01,250\nBonjour <tous> !\n\n2\n00:00:02,000 --> 00:00:04,000\nOK.\n",
		},
		{
			sent{{"response_format", "vtt"}}, "text/vtt; charset=utf-8",
			"WEBVTT\n\n00:00:00.250 --> 00:00:01.250\nBonjour &lt;tous&gt; !\n\n00:00:02.000 --> 00:00:04.000\nOK.\n",
		},
		{
			sent{{"response_format", "verbose_json"}}, "application/json",
			`{"task":"transcribe","language":"fr","duration":4.5,"text":"Bonjour <tous> ! OK.","segments":[` +
				`{"id":0,"seek":0,"start":0.25,"end":1.25,"text":"Bonjour <tous> !","tokens":[],"temperature":0,"avg_logprob":-0.6931471805599453,"compression_ratio":0.571,"no_speech_prob":0},` +
				`{"id":1,"seek":0,"start":2,"end":4,"text":"OK.","tokens":[],"temperature":0,"avg_logprob":0,"compression_ratio":0.2,"no_speech_prob":0}]}` + "\n",
		},
		{
			sent{{"response_format", "verbose_json"}, {"timestamp_granularities[]", "word"}}, "application/json",
			`{"task":"transcribe","language":"fr","duration":4.5,"text":"Bonjour <tous> ! OK.","words":[` +
				`{"word":"Bonjour","start":0.25,"end":0.75,"probability":0.5},{"word":"<tous> !","start":0.75,"end":1.25,"probability":0.5},` +
				`{"word":"OK.","start":2,"end":4,"probability":1}]}` + "\n",
		},
		{
			sent{{"response_format", "diarized_json"}}, "application/json",
			`{"task":"transcribe","language":"fr","duration":4.5,"text":"Bonjour <tous> ! OK.","segments":[` +
				`{"type":"transcript.text.segment","id":"a","start":0.25,"end":1.25,"text":"Bonjour <tous> !","speaker":null,"words":[` +
				`{"word":"Bonjour","start":0.25,"end":0.75,"score":0.5,"speaker":null},{"word":"<tous> !","start":0.75,"end":1.25,"score":0.5,"speaker":null}]},` +
				`{"type":"transcript.text.segment","id":"b","start":2,"end":4,"text":"OK.","speaker":null,"words":[{"word":"OK.","start":2,"end":4,"score":1,"speaker":null}]}],` +
				`"word_segments":[{"word":"Bonjour","start":0.25,"end":0.75,"score":0.5,"speaker":null},{"word":"<tous> !","start":0.75,"end":1.25,"score":0.5,"speaker":null},` +
				`{"word":"OK.","start":2,"end":4,"score":1,"speaker":null}]}` + "\n",
		},
	} {
		a := s.post(append(c.fields, [2]string{"file", "sound"}))
		if a.status != 200 || a.header.Get("Content-Type") != c.kind || string(a.body) != c.want {
			t.Errorf("%v: %d %s\n got %s\nwant %s", c.fields, a.status, a.header.Get("Content-Type"), a.body, c.want)
		}
		if a.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%v: Cache-Control %q", c.fields, a.header.Get("Cache-Control"))
		}
	}
}

func TestDiarizedJSONHasTheNamesOfSpeakers(t *testing.T) {
	s := newTranscribing(t, func(ctx context.Context, r Recording) (*storage.Transcript, error) {
		v, err := spoken(ctx, r)
		v.Segments[0].Spk, v.Segments[1].Spk = "recording/voice-1", "recording/voice-2"
		v.Names = []storage.SpeakerName{{Spk: "recording/voice-1", Name: "Voice 1"}, {Spk: "recording/voice-2", Name: "Voice 2"}}
		return v, err
	})
	a := s.post(sent{{"file", "sound"}, {"response_format", "diarized_json"}})
	var read struct {
		Segments []struct {
			Speaker *string
			Words   []struct{ Speaker *string }
		}
		Words []struct{ Speaker *string } `json:"word_segments"`
	}
	if err := json.Unmarshal(a.body, &read); err != nil || len(read.Segments) != 2 {
		t.Fatalf("%s, %v", a.body, err)
	}
	for i, want := range []string{"Voice 1", "Voice 2"} {
		if got := read.Segments[i]; got.Speaker == nil || *got.Speaker != want || got.Words[0].Speaker == nil || *got.Words[0].Speaker != want {
			t.Errorf("segment %d: %s", i, a.body)
		}
	}
	if last := read.Words[len(read.Words)-1].Speaker; last == nil || *last != "Voice 2" {
		t.Errorf("words: %s", a.body)
	}
}

func TestSilenceIsAnEmptyTranscript(t *testing.T) {
	s := newTranscribing(t, func(context.Context, Recording) (*storage.Transcript, error) {
		return &storage.Transcript{V: 1, EndedUnixMS: 1000}, nil
	})
	for format, want := range map[string]string{
		"json": `{"text":""}` + "\n", "text": "\n", "srt": "", "vtt": "WEBVTT\n",
		"verbose_json":  `{"task":"transcribe","language":"","duration":1,"text":""}` + "\n",
		"diarized_json": `{"task":"transcribe","language":"","duration":1,"text":"","segments":[],"word_segments":[]}` + "\n",
	} {
		if a := s.post(sent{{"file", "sound"}, {"response_format", format}}); a.status != 200 || string(a.body) != want {
			t.Errorf("%s: %d %q", format, a.status, a.body)
		}
	}
}

// The summary service of La Suite Meet posts with Python's requests, which repeats the names of lists without brackets, and reads the
// answer with these models (src/summary/summary/core/shared_models.py): a key that is missing fails the whole task.
func TestTheSummaryServiceOfLaSuiteMeetReadsTheAnswer(t *testing.T) {
	s := newTranscribing(t, spoken)
	a := s.post(sent{
		{"model", "whisper-1"}, {"language", "fr"}, {"timestamp_granularities", "word"}, {"timestamp_granularities", "segment"},
		{"response_format", "diarized_json"}, {"file", "sound"},
	})
	type word struct {
		Word       *string
		Start, End *float64
		Score      *float64
		Speaker    json.RawMessage
	}
	var read struct {
		Text     *string
		Segments []struct {
			Start, End *float64
			Text       *string
			Words      []word
			Speaker    json.RawMessage
		}
		WordSegments []word `json:"word_segments"`
	}
	if err := json.Unmarshal(a.body, &read); err != nil || a.status != 200 {
		t.Fatalf("%d %s: %v", a.status, a.body, err)
	}
	words := read.WordSegments
	for _, seg := range read.Segments {
		if seg.Start == nil || seg.End == nil || seg.Text == nil || seg.Words == nil || string(seg.Speaker) != "null" {
			t.Errorf("segment %+v", seg)
		}
		words = append(words, seg.Words...)
	}
	for _, w := range words {
		if w.Word == nil || w.Start == nil || w.End == nil || w.Score == nil || string(w.Speaker) != "null" {
			t.Errorf("word %+v", w)
		}
	}
	if len(read.Segments) != 2 || len(words) != 6 || read.Text == nil {
		t.Errorf("read %s", a.body)
	}
}

func TestRequestsThatCannotBeRead(t *testing.T) {
	s := newTranscribing(t, spoken, func(c *Config) { c.MaxUpload = 1000 })
	many := sent{}
	for range maxParts + 1 {
		many = append(many, [2]string{"x", "y"})
	}
	for name, c := range map[string]struct {
		fields sent
		status int
	}{
		"no recording":         {sent{{"model", "whisper-1"}}, 400},
		"two recordings":       {sent{{"file", "a"}, {"file", "b"}}, 400},
		"too many fields":      {append(sent{{"file", "a"}}, many...), 400},
		"a long field":         {sent{{"file", "a"}, {"prompt", strings.Repeat("x", maxField+1)}}, 400},
		"a language":           {sent{{"file", "a"}, {"language", "--model=x"}}, 400},
		"a model":              {sent{{"file", "a"}, {"model", "../../etc/passwd"}}, 400},
		"a format":             {sent{{"file", "a"}, {"response_format", "docx"}}, 400},
		"a granularity":        {sent{{"file", "a"}, {"timestamp_granularities[]", "sentence"}}, 400},
		"the longest allowed":  {sent{{"file", strings.Repeat("x", 1000)}}, 200},
		"one byte more":        {sent{{"file", strings.Repeat("x", 1001)}}, 413},
		"far more":             {sent{{"file", strings.Repeat("x", 2*maxFields)}}, 413},
		"all of it in a field": {sent{{"prompt", strings.Repeat("x", 2*maxFields)}, {"file", "a"}}, 400},
	} {
		a := s.post(c.fields)
		if a.status != c.status || c.status >= 400 && a.fields.text("error", "message") == "" {
			t.Errorf("%s: %d %s, want %d", name, a.status, a.body, c.status)
		}
		s.empty()
	}
	body, kind := sent{{"file", strings.Repeat("x", 100)}}.encode(t)
	whole := body.String()
	for name, c := range map[string]struct{ body, kind string }{
		"cut off":      {whole[:len(whole)-60], kind},
		"another type": {`{"file":"x"}`, "application/json"},
		"no boundary":  {whole, "multipart/form-data"},
		"nothing":      {"", kind},
	} {
		if a := s.browser().send(s.request(t.Context(), strings.NewReader(c.body), c.kind)); a.status != 400 || a.fields.text("error", "type") != "invalid_request_error" {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
		s.empty()
	}
	if s.engine.calls() != 1 {
		t.Errorf("%d recordings were transcribed, want the one that is allowed", s.engine.calls())
	}
}

func TestFailuresOfTheEngine(t *testing.T) {
	var failure error
	s := newTranscribing(t, func(context.Context, Recording) (*storage.Transcript, error) { return nil, failure })
	for _, c := range []struct {
		err    error
		model  string
		status int
		code   string
	}{
		{ErrBadRecording, "", 400, "invalid_file"}, {ErrNoModel, "", 503, "no_model"}, {ErrNoModel, "whisper-1", 503, "no_model"},
		{ErrNoModel, "big", 404, "model_not_found"}, {errors.New("what was said"), "", 500, "server_error"},
	} {
		failure = c.err
		a := s.post(sent{{"file", "a"}, {"model", c.model}})
		if a.status != c.status || a.fields.text("error", "code") != c.code || strings.Contains(string(a.body), "what was said") {
			t.Errorf("%v: %d %s", c.err, a.status, a.body)
		}
		s.empty()
	}
}

// held is an engine that works until it is released or given up.
type held struct {
	began   chan struct{}
	release chan struct{}
	gaveUp  chan error
}

func newHeld() *held {
	return &held{began: make(chan struct{}, 10), release: make(chan struct{}), gaveUp: make(chan error, 10)}
}

func (h *held) transcribe(ctx context.Context, r Recording) (*storage.Transcript, error) {
	h.began <- struct{}{}
	select {
	case <-h.release:
		return spoken(ctx, r)
	case <-ctx.Done():
		h.gaveUp <- ctx.Err()
		return nil, ctx.Err()
	}
}

// awaitPlaces waits until n requests are in.
func (s *transcribing) awaitPlaces(n int) {
	for len(s.web.transcriptions.places) < n {
		runtime.Gosched()
	}
}

func TestOneRecordingAtATimeAndABoundedQueue(t *testing.T) {
	h := newHeld()
	s := newTranscribing(t, h.transcribe, func(c *Config) { c.TranscriptionsWaiting = 2 })
	answers := make(chan int, 3)
	for range 3 {
		go func() { answers <- s.post(sent{{"file", "a"}}).status }()
	}
	<-h.began
	s.awaitPlaces(3) // one has the turn, two wait
	a := s.post(sent{{"file", strings.Repeat("x", 1<<20)}})
	if a.status != 429 || a.header.Get("Retry-After") != "30" || a.fields.text("error", "code") != "rate_limit_exceeded" {
		t.Errorf("a fourth: %d %s", a.status, a.body)
	}
	close(h.release)
	for range 3 {
		if status := <-answers; status != 200 {
			t.Errorf("one who waited got %d", status)
		}
	}
	if s.engine.most != 1 || s.engine.calls() != 3 {
		t.Errorf("%d of %d at the same time", s.engine.most, s.engine.calls())
	}
	if a := s.post(sent{{"file", "a"}}); a.status != 200 {
		t.Errorf("afterwards: %d", a.status)
	}
	s.empty()
}

func TestAClientThatHasGoneIsNotTranscribedFor(t *testing.T) {
	h := newHeld()
	s := newTranscribing(t, h.transcribe)
	ctx, cancel := context.WithCancel(t.Context())
	body, kind := sent{{"file", "a"}}.encode(t)
	gone := make(chan error, 1)
	go func() {
		res, err := s.http.Client().Do(s.request(ctx, body, kind))
		if err == nil {
			res.Body.Close()
		}
		gone <- err
	}()
	<-h.began
	cancel()
	if err := <-h.gaveUp; err != context.Canceled {
		t.Error(err)
	}
	if err := <-gone; err == nil {
		t.Error("the request was answered")
	}
	close(h.release)
	if a := s.post(sent{{"file", "a"}}); a.status != 200 { // the turn is free again
		t.Errorf("the next one: %d", a.status)
	}
	s.empty()
}

func TestTranscriptionsEndWithTheServer(t *testing.T) {
	h := newHeld()
	s := newTranscribing(t, h.transcribe)
	answers := make(chan answer, 1)
	go func() { answers <- s.post(sent{{"file", "a"}}) }()
	<-h.began
	if err := s.web.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if a := <-answers; a.status != 503 || a.fields.text("error", "code") != "restarting" {
		t.Errorf("%d %s", a.status, a.body)
	}
	s.empty()
}

func TestUploadsOfAKilledServerAreRemoved(t *testing.T) {
	dir := t.TempDir()
	old, other := filepath.Join(dir, uploadPrefix+"123"), filepath.Join(dir, "notes.txt")
	for _, path := range []string{old, other} {
		if err := os.WriteFile(path, []byte("speech"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	newTranscribing(t, spoken, func(c *Config) { c.UploadDir = dir })
	if _, err := os.Stat(old); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the old upload is still there: %v", err)
	}
	if _, err := os.Stat(other); err != nil {
		t.Errorf("a file that is no upload: %v", err)
	}
}

func TestNothingOfARecordingIsLogged(t *testing.T) {
	s := newTranscribing(t, func(context.Context, Recording) (*storage.Transcript, error) { return nil, errors.New("broken") })
	s.post(sent{{"file", "a"}, {"prompt", "Ferré"}, {"language", "fr"}})
	if log := s.log.String(); strings.Contains(log, "Ferré") || !strings.Contains(log, "recording not transcribed") {
		t.Errorf("log:\n%s", log)
	}
}
