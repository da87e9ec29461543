package webhook

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"time"

	"souffleur/internal/meeting"
	"souffleur/storage"
)

// pauses are those between the tries of a delivery: eight tries within 24 h.
var pauses = [...]time.Duration{
	5 * time.Second, 2 * time.Minute, 15 * time.Minute, time.Hour, 3 * time.Hour, 8 * time.Hour, 11*time.Hour + 40*time.Minute,
}

const (
	maxTries = len(pauses) + 1
	// lease is how long a try may take with all its writes before another process may try, too.
	lease = tryTimeout + 45*time.Second
	// lookEvery is how often the queue is looked at for what other processes have put there.
	lookEvery = 5 * time.Second
	// pruneEvery is how often logs are cut.
	pruneEvery = 10 * time.Minute
	// roundMost bounds what is sent to one webhook in a row; the rest comes with the next look.
	roundMost = 50
	// failingFor is for how long every try must have failed before a delivery that is given up stops its webhook.
	failingFor = 20 * time.Hour
)

// Why a try failed, as the log of deliveries says it.
const (
	failAddress  = "private_address"
	failTimeout  = "timeout"
	failTLS      = "tls"
	failName     = "name"
	failConnect  = "connection"
	failRedirect = "redirect"
	failStatus   = "status"
)

// Config says how a sender works.
type Config struct {
	// AllowPrivate lets webhooks call this machine and private networks.
	AllowPrivate bool
	// Version of the program, for the User-Agent.
	Version string
}

// Sender delivers what waits. Several may run, in as many processes: a try is claimed first.
type Sender struct {
	hooks  *storage.Webhooks
	audit  *storage.Audit
	client *http.Client
	agent  string
	log    *slog.Logger

	now    func() time.Time                  // a clock of its own in tests
	jitter func(time.Duration) time.Duration // shortens a pause a little, so that receivers are not met by everything at once

	rested  chan struct{}  // capacity 1: a webhook is not busy any more
	sending sync.WaitGroup // one goroutine for each webhook that is sent to

	mu   sync.Mutex                    // guards what follows
	busy map[string]bool               // webhooks that are sent to
	due  map[storage.Waiting]time.Time // when what waits is tried next, as far as it is known
}

// NewSender returns a sender that begins with Run.
func NewSender(hooks *storage.Webhooks, audit *storage.Audit, cfg Config, log *slog.Logger) *Sender {
	return &Sender{
		hooks: hooks, audit: audit, client: newClient(cfg.AllowPrivate), agent: "Souffleur/" + cfg.Version, log: log,
		now:    time.Now,
		jitter: func(d time.Duration) time.Duration { return d - rand.N(d/10+1) },
		rested: make(chan struct{}, 1), busy: make(map[string]bool), due: make(map[storage.Waiting]time.Time),
	}
}

// Run sends until ctx ends, whose error it returns, after all tries have ended.
func (s *Sender) Run(ctx context.Context) error {
	look, prune := time.NewTicker(lookEvery), time.NewTicker(pruneEvery)
	defer look.Stop()
	defer prune.Stop()
	defer s.sending.Wait()
	s.prune(ctx)
	for {
		s.round(ctx)
		next := time.NewTimer(s.pause())
		select {
		case <-ctx.Done():
		case <-look.C:
		case <-next.C:
		case <-s.hooks.Queued():
		case <-s.rested:
		case <-prune.C:
			s.prune(ctx)
		}
		next.Stop()
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// pause is how long nothing is due.
func (s *Sender) pause() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	pause := lookEvery
	for d, at := range s.due {
		if !s.busy[d.Hook] {
			pause = min(pause, at.Sub(s.now()))
		}
	}
	return max(pause, 100*time.Millisecond)
}

func (s *Sender) prune(ctx context.Context) {
	if err := s.hooks.Prune(ctx, s.now()); err != nil && ctx.Err() == nil {
		s.log.Warn("logs of webhooks could not be cut, trying again later", "err", err)
	}
}

// round begins to send what is due.
func (s *Sender) round(ctx context.Context) {
	queue, err := s.hooks.Queue(ctx)
	if err != nil {
		if ctx.Err() == nil {
			s.log.Warn("webhooks are held up, trying again", "err", err)
		}
		return
	}
	for hook, some := range s.dueOf(queue) {
		s.sending.Go(func() { s.send(ctx, hook, some) })
	}
}

// dueOf returns what is to be sent now, by webhook, and marks those as busy.
func (s *Sender) dueOf(queue []storage.Waiting) map[string][]storage.Waiting {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	known := make(map[storage.Waiting]time.Time, len(queue))
	found := make(map[string][]storage.Waiting)
	for _, d := range queue {
		at, ok := s.due[d]
		if ok {
			known[d] = at
		}
		if s.busy[d.Hook] || at.After(now) || len(found[d.Hook]) >= roundMost {
			continue
		}
		found[d.Hook] = append(found[d.Hook], d)
	}
	s.due = known // what is not in the queue any more is forgotten
	for hook := range found {
		s.busy[hook] = true
	}
	return found
}

// noteDue remembers when a delivery is due; zero: it waits no more.
func (s *Sender) noteDue(d storage.Waiting, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if at.IsZero() {
		delete(s.due, d)
		return
	}
	s.due[d] = at
}

// send delivers one after the other to one webhook.
func (s *Sender) send(ctx context.Context, id string, deliveries []storage.Waiting) {
	defer func() {
		s.mu.Lock()
		delete(s.busy, id)
		s.mu.Unlock()
		select {
		case s.rested <- struct{}{}:
		default:
		}
	}()
	for _, d := range deliveries {
		if err := s.sendOne(ctx, d); err != nil {
			if ctx.Err() == nil {
				s.log.Warn("a webhook's delivery is held up, trying again", "webhook", id, "delivery", d.Delivery, "err", err)
			}
			s.noteDue(d, s.now().Add(lookEvery))
			return
		}
	}
}

// sendOne makes one try. Its errors are those of the store.
func (s *Sender) sendOne(ctx context.Context, d storage.Waiting) error {
	hook, err := s.hooks.Get(ctx, d.Hook)
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return s.hooks.Unqueue(ctx, d)
	case err != nil:
		return err
	case hook.Stopped != storage.HookWorks:
		return s.hooks.Abandon(ctx, d)
	}
	v, err := s.hooks.Claim(ctx, d, s.now(), lease)
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return s.hooks.Unqueue(ctx, d)
	case errors.Is(err, storage.ErrNotDue) && v.State != storage.DeliveryWaits:
		return s.hooks.Unqueue(ctx, d)
	case errors.Is(err, storage.ErrNotDue):
		s.noteDue(d, time.UnixMilli(v.NextUnixMS))
		return nil
	case errors.Is(err, storage.ErrConflict):
		return nil
	case err != nil:
		return err
	}
	attempt := s.try(ctx, hook, v)
	if ctx.Err() != nil && attempt.Status == 0 { // we stop: the try does not count, and comes again after the lease
		return ctx.Err()
	}
	return s.settle(ctx, d, v, attempt)
}

// settle writes down a try and draws the conclusions. A result that is known is written although we stop.
func (s *Sender) settle(ctx context.Context, d storage.Waiting, v storage.Delivery, a storage.Attempt) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	state, next := storage.DeliveryDone, time.Time{}
	switch {
	case a.Failure == "":
	case a.Status == http.StatusGone || v.Tries >= maxTries:
		state = storage.DeliveryFailed
	default:
		state, next = storage.DeliveryWaits, s.now().Add(s.jitter(pauses[v.Tries-1]))
	}
	err := s.hooks.Tried(ctx, d, a, state, next)
	if errors.Is(err, storage.ErrNotFound) { // the webhook was deleted meanwhile
		return s.hooks.Unqueue(ctx, d)
	}
	if err != nil {
		return err
	}
	s.noteDue(d, next)
	return s.judge(ctx, d.Hook, a, state)
}

// judge keeps in the webhook since when nothing succeeds, and stops it when that is lasting.
func (s *Sender) judge(ctx context.Context, id string, a storage.Attempt, state storage.DeliveryState) error {
	errSame := errors.New("nothing to change")
	stopped := storage.HookWorks
	_, err := s.hooks.Update(ctx, id, func(h *storage.Webhook) error {
		before := *h
		stopped = storage.HookWorks
		if a.Failure == "" {
			h.FailingSinceUnixMS = 0
		} else if h.FailingSinceUnixMS == 0 {
			h.FailingSinceUnixMS = a.AtUnixMS
		}
		lasting := h.FailingSinceUnixMS != 0 && s.now().Sub(time.UnixMilli(h.FailingSinceUnixMS)) >= failingFor
		switch {
		case h.Stopped != storage.HookWorks:
		case a.Status == http.StatusGone:
			stopped = storage.HookGone
		case state == storage.DeliveryFailed && lasting:
			stopped = storage.HookFailing
		}
		if stopped != storage.HookWorks {
			h.Stopped, h.StoppedUnixMS = stopped, s.now().UnixMilli()
		}
		if h.FailingSinceUnixMS == before.FailingSinceUnixMS && h.Stopped == before.Stopped {
			return errSame
		}
		return nil
	})
	if errors.Is(err, errSame) || errors.Is(err, storage.ErrNotFound) {
		return nil
	}
	if err != nil || stopped == storage.HookWorks {
		return err
	}
	s.log.Warn("nothing is sent to a webhook any more", "webhook", id, "why", stopped)
	err = s.audit.Append(ctx, storage.AuditEntry{
		AtUnixMS: s.now().UnixMilli(), Actor: "webhooks", Role: meeting.Admin, Action: "webhook.stopped." + string(stopped), Object: "webhooks/" + id,
	})
	if err != nil {
		s.log.Error("audit entry not stored", "action", "webhook.stopped", "err", err)
	}
	return nil
}

// try sends a delivery once.
func (s *Sender) try(ctx context.Context, hook storage.Webhook, v storage.Delivery) storage.Attempt {
	begin, at := time.Now(), s.now()
	a := storage.Attempt{AtUnixMS: at.UnixMilli()}
	status, err := s.post(ctx, hook, v, at)
	a.TookMS = time.Since(begin).Milliseconds()
	a.Status = status
	switch {
	case err != nil:
		a.Failure = failureOf(err)
	case status >= 300 && status < 400:
		a.Failure = failRedirect
	case status < 200 || status >= 400:
		a.Failure = failStatus
	}
	return a
}

func (s *Sender) post(ctx context.Context, hook storage.Webhook, v storage.Delivery, at time.Time) (status int, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, hook.URL, bytes.NewReader(v.Body))
	if err != nil {
		return 0, fmt.Errorf("call webhook: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", s.agent)
	if err := sign(req.Header, v.ID, at, v.Body, hook.Active(at)); err != nil {
		return 0, err
	}
	res, err := s.client.Do(req)
	if err != nil {
		return 0, fmt.Errorf("call webhook: %w", err)
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, maxAnswer)) // the status is the answer
	return res.StatusCode, nil
}

// failureOf names why there is no answer. The errors themselves name addresses and are not kept.
func failureOf(err error) string {
	var timeout net.Error
	var name *net.DNSError
	var certificate *tls.CertificateVerificationError
	var authority x509.UnknownAuthorityError
	var record tls.RecordHeaderError
	switch {
	case errors.Is(err, errForbidden):
		return failAddress
	case errors.As(err, &certificate), errors.As(err, &authority), errors.As(err, &record):
		return failTLS
	case errors.As(err, &name):
		return failName
	case errors.As(err, &timeout) && timeout.Timeout():
		return failTimeout
	}
	return failConnect
}
