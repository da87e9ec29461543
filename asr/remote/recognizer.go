package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"souffleur/asr"
)

// Endpoint is a service that recognisers ask. It is safe for concurrent use.
type Endpoint struct {
	cfg    Config
	url    *url.URL
	client *http.Client
	detail atomic.Int32 // of type detail: the most that the service is known to take
}

// detail is how much a request asks for.
type detail int32

const (
	wantWords    detail = iota // verbose JSON with times of words and segments
	wantSegments               // verbose JSON as the service has it
	wantText                   // the text alone
)

// Open returns the service that cfg names. It asks the service nothing yet.
func Open(cfg Config) (*Endpoint, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("transcription service: %w", err)
	}
	u, err := endpoint(cfg.URL)
	if err != nil {
		return nil, fmt.Errorf("transcription service: %w", err)
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = DefaultTimeout
	}
	transport, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		return nil, errors.New("transcription service: the program's HTTP transport was replaced")
	}
	own := transport.Clone()
	own.MaxIdleConnsPerHost = maxIdle
	return &Endpoint{cfg: cfg, url: u, client: &http.Client{Transport: own, CheckRedirect: stayThere}}, nil
}

// maxIdle is how many connections are kept for the next request: about as many as there are recognisers.
const maxIdle = 16

// maxRedirects is how often a service may point elsewhere on itself.
const maxRedirects = 3

// stayThere lets a service redirect to itself only: nobody else may get the speech or the token.
func stayThere(req *http.Request, via []*http.Request) error {
	first := via[0]
	if req.URL.Scheme != first.URL.Scheme || req.URL.Host != first.URL.Host || req.Method != first.Method {
		return ErrRedirect
	}
	if len(via) > maxRedirects {
		return fmt.Errorf("%w more than %d times", ErrRedirect, maxRedirects)
	}
	return nil
}

// Name names the service's model.
func (e *Endpoint) Name() string { return e.cfg.Model }

// Close ends idle connections. Recognisers that are in use go on.
func (e *Endpoint) Close() error {
	e.client.CloseIdleConnections()
	return nil
}

// NewRecognizer returns a recogniser that asks the service.
func (e *Endpoint) NewRecognizer() *Recognizer { return &Recognizer{endpoint: e} }

// Recognizer asks an [Endpoint]. It has no state of its own, so closing is only a promise.
type Recognizer struct {
	endpoint *Endpoint
	closed   atomic.Bool
}

var _ asr.Recognizer = (*Recognizer)(nil)

// Name names the model, as the service knows it.
func (r *Recognizer) Name() string { return r.endpoint.Name() }

// Close makes further calls fail.
func (r *Recognizer) Close() error {
	r.closed.Store(true)
	return nil
}

// Recognize returns the words of req; see [asr.Recognizer]. A service that does not say how likely its text is gives a LogProb
// and confidences of 0. Services without a way to restrict detection may answer in a language outside req.Langs.
func (r *Recognizer) Recognize(ctx context.Context, req asr.Request) (asr.Result, error) {
	if r.closed.Load() {
		return asr.Result{}, ErrClosed
	}
	if err := checkSpeech(req.PCM); err != nil {
		return asr.Result{}, err
	}
	lang := primary(req.Lang)
	if lang == "" && len(req.Langs) == 1 {
		lang = primary(req.Langs[0])
	}
	if len(req.PCM) == 0 {
		return asr.Result{Lang: lang}, nil
	}
	limited, cancel := context.WithTimeout(ctx, r.endpoint.cfg.Timeout)
	defer cancel()
	said, err := r.endpoint.ask(limited, question{wav: encodeWAV(req.PCM), lang: lang, prompt: promptOf(req.Prompt), patient: !req.Partial})
	switch {
	case err == nil:
		return said.result(req, lang), nil
	case ctx.Err() != nil:
		return asr.Result{}, ctx.Err()
	}
	return asr.Result{}, fmt.Errorf("recognise %.1f s of speech: %w", float64(len(req.PCM))/asr.SampleRate, err)
}

// checkSpeech checks what a caller has promised.
func checkSpeech(pcm []float32) error {
	if len(pcm) > maxSamples {
		return ErrTooLong
	}
	for _, s := range pcm {
		if math.IsNaN(float64(s)) || math.IsInf(float64(s), 0) {
			return ErrNotFinite
		}
	}
	return nil
}

// promptOf returns the end of a prompt, as much as a request may have.
func promptOf(text string) string {
	text = strings.ToValidUTF8(strings.ReplaceAll(text, "\x00", ""), "")
	if len(text) > maxPrompt {
		text = strings.ToValidUTF8(text[len(text)-maxPrompt:], "")
	}
	return strings.TrimSpace(text)
}

// question is what a service is asked.
type question struct {
	wav     []byte
	lang    string // "" = detect
	prompt  string
	patient bool // wait when the service is busy: what is asked will still be wanted
}

// ask asks with less and less detail until the service takes it, and remembers what it took.
func (e *Endpoint) ask(ctx context.Context, q question) (answer, error) {
	known := detail(e.detail.Load())
	for want := known; ; want++ {
		said, err := e.askPatiently(ctx, q, want)
		var refused *StatusError
		if want < wantText && errors.As(err, &refused) && refused.badRequest() {
			continue
		}
		if err == nil && want > known {
			e.detail.Store(int32(want))
		}
		return said, err
	}
}

// badRequest says whether the service may take the same speech if it is asked for less.
func (e *StatusError) badRequest() bool {
	return e.Status == http.StatusBadRequest || e.Status == http.StatusUnprocessableEntity
}

// Waiting for a busy service.
const (
	maxBusy  = 2               // times a busy service is asked again
	busyWait = time.Second     // if it does not say how long
	maxWait  = 5 * time.Second // whatever it says: later the speech is of no use
)

// askPatiently asks again when the service is busy. It never waits beyond the end of ctx: it fails at once instead.
func (e *Endpoint) askPatiently(ctx context.Context, q question, want detail) (answer, error) {
	for again := 0; ; again++ {
		said, wait, err := e.askOnce(ctx, q, want)
		if wait < 0 || again == maxBusy || !q.patient {
			return said, err
		}
		if end, ok := ctx.Deadline(); ok && time.Until(end) <= wait {
			return said, err
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return said, err
		case <-timer.C:
		}
	}
}

// askOnce makes one request. wait is how long to wait before asking again, negative if that is useless.
func (e *Endpoint) askOnce(ctx context.Context, q question, want detail) (said answer, wait time.Duration, err error) {
	req, err := e.request(ctx, q, want)
	if err != nil {
		return answer{}, -1, err
	}
	res, err := e.client.Do(req)
	if err != nil {
		return answer{}, -1, e.withoutAddress(ctx, err)
	}
	defer res.Body.Close()
	if res.StatusCode < 200 || res.StatusCode > 299 {
		_, _ = io.CopyN(io.Discard, res.Body, maxRefusal) // so that the connection can be used again; what it says is not read
		return answer{}, retryAfter(res), &StatusError{Status: res.StatusCode}
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	if err != nil {
		return answer{}, -1, fmt.Errorf("read the transcription service's answer: %w", err)
	}
	if len(body) > maxAnswer {
		return answer{}, -1, fmt.Errorf("%w: it has more than %d bytes", ErrAnswer, maxAnswer)
	}
	said, err = parseAnswer(body, res.Header.Get("Content-Type"))
	return said, -1, err
}

// maxRefusal is how much of a refusal is skipped to keep its connection.
const maxRefusal = 64 << 10

// withoutAddress says what went wrong with a request but not with its address, which may hold a key.
func (e *Endpoint) withoutAddress(ctx context.Context, err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fmt.Errorf("no answer of the transcription service at %s: %w", e.url.Host, context.DeadlineExceeded)
	}
	return fmt.Errorf("ask the transcription service at %s: %w", e.url.Host, err)
}

// retryAfter returns how long a busy service wants to be left alone (RFC 9110 §10.2.3), at most maxWait; negative if it is
// not busy.
func retryAfter(res *http.Response) time.Duration {
	if res.StatusCode != http.StatusTooManyRequests && res.StatusCode != http.StatusServiceUnavailable {
		return -1
	}
	said := res.Header.Get("Retry-After")
	if seconds, err := strconv.Atoi(said); err == nil {
		return time.Duration(min(max(seconds, 0), int(maxWait/time.Second))) * time.Second
	}
	if at, err := http.ParseTime(said); err == nil {
		return min(max(time.Until(at), 0), maxWait)
	}
	return busyWait
}
