package endpoint

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"souffleur/summarize/minutes"
)

const (
	mostTries    = 5               // requests for one question
	mostTimeouts = 2               // of these that end without an answer in time: each may take ten minutes
	firstPause   = 2 * time.Second // doubled from try to try, and up to half more or less by chance
	trips        = 3               // questions in a row that a server does not answer, before it is left alone
	leftAlone    = 2 * time.Minute
)

var errLeftAlone = errors.New("the server failed several times in a row and is left alone for a while")

// ask asks a question until it is answered, or failing is certain. Errors are a [*Failure], that of the context, or [errTooLong] or
// [errTruncated], which smaller prompts help against.
func (s *service) ask(ctx context.Context, q question) (reply, error) {
	if !s.breaker.passes(s.now()) {
		return reply{}, &Failure{Code: minutes.EndpointDown, Err: errLeftAlone}
	}
	said, err := s.persist(ctx, q)
	if ctx.Err() != nil {
		return reply{}, ctx.Err()
	}
	code := minutes.Warning("")
	if err != nil {
		code = Code(err)
	}
	s.breaker.report(code == minutes.EndpointDown || code == minutes.EndpointTimeout || code == minutes.EndpointBusy, s.now())
	return said, err
}

// persist makes requests, down the ladder of answer forms and again after failures that may pass.
func (s *service) persist(ctx context.Context, q question) (reply, error) {
	timeouts := 0
	for try := 1; ; try++ {
		r := s.ladder.rung(q.down)
		said, err := s.once(ctx, q, r)
		if err == nil {
			return s.measured(q, said)
		}
		if ctx.Err() != nil {
			return reply{}, err
		}
		var no *refusal
		refused := errors.As(err, &no)
		if refused && no.tooLong {
			return reply{}, errTooLong
		}
		if refused && try < mostTries && no.blamesForm(try) && s.ladder.stepDown(r) {
			continue
		}
		if errors.Is(err, context.DeadlineExceeded) {
			timeouts++
		}
		wait := pauseAfter(no, try)
		if try >= mostTries || timeouts >= mostTimeouts || !passes(err) || wait > maxWait {
			return reply{}, failure(err)
		}
		if err := s.pause(ctx, wait); err != nil {
			return reply{}, err
		}
	}
}

// measured checks that the server saw the whole prompt.
func (s *service) measured(q question, said reply) (reply, error) {
	if s.gauge.truncated(q, said.prompt) {
		return reply{}, errTruncated
	}
	return said, nil
}

// blamesForm says whether a refusal may be one of the answer's form. Servers that do not know it say 400 or 422; one build of llama.cpp
// failed inside (ggml-org/llama.cpp issue 11847), so a second 500 counts too.
func (r *refusal) blamesForm(try int) bool {
	switch r.status {
	case http.StatusBadRequest, http.StatusUnprocessableEntity, http.StatusNotImplemented:
		return true
	case http.StatusInternalServerError:
		return try > 1
	}
	return false
}

// passes says whether a failure may be over at the next try.
func passes(err error) bool {
	var no *refusal
	if errors.As(err, &no) {
		return no.status == http.StatusRequestTimeout || no.status == http.StatusTooManyRequests || no.status >= 500 && no.status != http.StatusNotImplemented
	}
	return !errors.Is(err, errRedirect)
}

// pauseAfter returns how long to wait before the next try.
func pauseAfter(no *refusal, try int) time.Duration {
	if no != nil && no.wait >= 0 {
		return no.wait
	}
	pause := firstPause << (try - 1)
	return pause/2 + rand.N(pause)
}

// failure says by a code what went wrong for good.
func failure(err error) error {
	var no *refusal
	code := minutes.EndpointDown // no connection, or one that broke
	switch {
	case errors.As(err, &no) && no.status == http.StatusTooManyRequests:
		code = minutes.EndpointBusy
	case no != nil && (no.status == http.StatusUnauthorized || no.status == http.StatusPaymentRequired ||
		no.status == http.StatusForbidden || no.status == http.StatusNotFound || no.status == http.StatusMethodNotAllowed):
		code = minutes.EndpointRefused
	case no != nil && no.status < 500 && no.status != http.StatusRequestTimeout, errors.Is(err, errAnswer):
		code = minutes.EndpointBroken
	case errors.Is(err, errRedirect):
		code = minutes.EndpointRefused
	case errors.Is(err, context.DeadlineExceeded):
		code = minutes.EndpointTimeout
	}
	return &Failure{Code: code, Err: err}
}

// wait pauses, or ends with the context.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return fmt.Errorf("wait before asking again: %w", ctx.Err())
	case <-timer.C:
		return nil
	}
}

// breaker leaves a server alone that does not answer, so that many meetings that end at once do not each find out by themselves.
type breaker struct {
	mu     sync.Mutex // guards what follows
	failed int        // questions in a row
	until  time.Time  // from when on one is let through again
}

func (b *breaker) passes(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.failed < trips {
		return true
	}
	if now.Before(b.until) {
		return false
	}
	b.until = now.Add(leftAlone) // the others wait for what this one finds
	return true
}

func (b *breaker) report(failed bool, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !failed {
		b.failed = 0
		return
	}
	b.failed++
	b.until = now.Add(leftAlone)
}
