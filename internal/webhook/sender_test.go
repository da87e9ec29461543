package webhook

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"souffleur/storage"
)

// TestSignatureOfTheStandard compares with the example that implementations of Standard Webhooks test against.
func TestSignatureOfTheStandard(t *testing.T) {
	h := http.Header{}
	err := sign(h, "msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`), []string{"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"})
	if err != nil || h.Get("webhook-signature") != "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=" || h.Get("webhook-timestamp") != "1614265330" {
		t.Errorf("headers %v, %v", h, err)
	}
}

func TestDeliveriesAreSignedAndLogged(t *testing.T) {
	p, r := newPost(t), newReceiver(t)
	h := p.hook(r.URL+"/hook?key=1", storage.HookJoined)
	p.later(time.Second)
	p.happens(p.joined("panna"))
	p.happens(p.joined("panna")) // read twice from Kafka
	p.happens(storage.HookNews{Event: storage.HookLeft, AtUnixMS: p.now().UnixMilli()})
	p.delivers(p.sender(true))
	calls := r.got()
	if len(calls) != 1 {
		t.Fatalf("%d calls", len(calls))
	}
	c := calls[0]
	if typ, who := c.fields(t); typ != "participant.joined" || who != "panna" {
		t.Errorf("body %s", c.body)
	}
	secret := h.Secrets[0].Secret
	if !verified(c, secret) || verified(c, storage.NewHookSecret().Secret) {
		t.Errorf("signature of %v", c.header)
	}
	if c.header.Get("Webhook-Timestamp") != strconv.FormatInt(p.now().Unix(), 10) || c.header.Get("Content-Type") != "application/json" || c.header.Get("User-Agent") != "Souffleur/test" {
		t.Errorf("headers %v", c.header)
	}
	c.body = bytes.Replace(c.body, []byte("panna"), []byte("pbob"), 1)
	if verified(c, secret) {
		t.Error("a changed body is taken")
	}
	log := p.log(h)
	if len(log) != 1 || log[0].State != storage.DeliveryDone || log[0].ID != c.header.Get("Webhook-Id") || len(log[0].Attempts) != 1 || log[0].Attempts[0].Status != 204 {
		t.Errorf("log %+v", log)
	}
	if queue, err := p.hooks.Queue(t.Context()); err != nil || len(queue) != 0 {
		t.Errorf("still waiting: %v, %v", queue, err)
	}
}

func TestTwoSecretsSignWhileOneIsReplaced(t *testing.T) {
	p, r := newPost(t), newReceiver(t)
	h := p.hook(r.URL)
	old, fresh := h.Secrets[0].Secret, storage.NewHookSecret()
	_, err := p.hooks.Update(t.Context(), h.ID, func(h *storage.Webhook) error { h.Rotate(fresh, p.now()); return nil })
	if err != nil {
		t.Fatal(err)
	}
	s := p.sender(true)
	p.happens(p.joined("panna"))
	p.delivers(s)
	p.later(25 * time.Hour)
	p.happens(p.joined("pbob"))
	p.delivers(s)
	calls := r.got()
	if len(calls) != 2 {
		t.Fatalf("%d calls", len(calls))
	}
	if !verified(calls[0], old) || !verified(calls[0], fresh.Secret) {
		t.Error("one of two secrets does not sign")
	}
	if verified(calls[1], old) || !verified(calls[1], fresh.Secret) {
		t.Error("after a day the old secret signs, or the new one does not")
	}
}

func TestEightTriesInADay(t *testing.T) {
	p, r := newPost(t), newReceiver(t)
	h := p.hook(r.URL)
	begin := p.now()
	p.happens(p.joined("panna"))
	r.answers(http.StatusInternalServerError)
	s := p.sender(true)
	for try := range maxTries {
		p.delivers(s)
		p.delivers(s) // too early: nothing happens
		if n := len(r.got()); n != try+1 {
			t.Fatalf("%d calls after try %d", n, try+1)
		}
		if try < len(pauses) {
			p.later(pauses[try])
		}
		if try == 3 {
			s = p.sender(true) // a restart
		}
	}
	if took := p.now().Sub(begin); took < 23*time.Hour || took > 24*time.Hour {
		t.Errorf("tries took %v", took)
	}
	for _, c := range r.got() {
		if c.header.Get("Webhook-Id") != r.got()[0].header.Get("Webhook-Id") || !bytes.Equal(c.body, r.got()[0].body) || !verified(c, h.Secrets[0].Secret) {
			t.Errorf("a try differs: %v", c.header)
		}
	}
	log := p.log(h)
	if log[0].State != storage.DeliveryFailed || len(log[0].Attempts) != maxTries || log[0].Attempts[7].Failure != failStatus {
		t.Errorf("log %+v", log)
	}
	if h := p.stored(h); h.Stopped != storage.HookFailing || h.StoppedUnixMS != p.now().UnixMilli() {
		t.Errorf("a webhook that failed for a day is %+v", h)
	}
	entries, err := p.audit.Day(t.Context(), p.now())
	if err != nil || len(entries) != 1 || entries[0].Action != "webhook.stopped.failing" || entries[0].Object != "webhooks/"+h.ID {
		t.Errorf("audit %+v, %v", entries, err)
	}
	p.happens(p.joined("pbob"))
	if queue, err := p.hooks.Queue(t.Context()); err != nil || len(queue) != 0 {
		t.Errorf("a stopped webhook has waiting %v, %v", queue, err)
	}
}

func TestJitterOnlyShortens(t *testing.T) {
	s := newPost(t).sender(true)
	fresh := NewSender(s.hooks, s.audit, Config{}, s.log)
	spread := map[time.Duration]bool{}
	for range 50 {
		d := fresh.jitter(time.Hour)
		if d > time.Hour || d < 54*time.Minute {
			t.Fatalf("an hour became %v", d)
		}
		spread[d] = true
	}
	if len(spread) < 2 {
		t.Error("everything comes at once")
	}
}

func TestOneSuccessEndsTheFailing(t *testing.T) {
	p, r := newPost(t), newReceiver(t)
	h, s := p.hook(r.URL), p.sender(true)
	r.answers(http.StatusServiceUnavailable)
	p.happens(p.joined("panna"))
	p.delivers(s)
	if p.stored(h).FailingSinceUnixMS != p.now().UnixMilli() {
		t.Error("a failure is not noted")
	}
	r.answers(http.StatusOK)
	p.later(pauses[0])
	p.delivers(s)
	if h := p.stored(h); h.FailingSinceUnixMS != 0 || h.Stopped != storage.HookWorks {
		t.Errorf("after a success: %+v", h)
	}
	if log := p.log(h); log[0].State != storage.DeliveryDone || len(log[0].Attempts) != 2 {
		t.Errorf("log %+v", log)
	}
}

func TestReceiverThatIsGone(t *testing.T) {
	p, r := newPost(t), newReceiver(t)
	h, s := p.hook(r.URL), p.sender(true)
	r.answers(http.StatusGone)
	p.happens(p.joined("panna"))
	p.happens(p.joined("pbob"))
	p.delivers(s)
	p.delivers(s)
	if len(r.got()) != 1 || p.stored(h).Stopped != storage.HookGone {
		t.Errorf("%d calls, webhook %+v", len(r.got()), p.stored(h))
	}
	for _, d := range p.log(h) {
		if d.State != storage.DeliveryFailed {
			t.Errorf("delivery %+v", d)
		}
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	p, r := newPost(t), newReceiver(t)
	h := p.hook(r.URL)
	r.answers(http.StatusTemporaryRedirect)
	p.happens(p.joined("panna"))
	p.delivers(p.sender(true))
	if log := p.log(h); len(r.got()) != 1 || log[0].State != storage.DeliveryWaits || log[0].Attempts[0].Failure != failRedirect {
		t.Errorf("%d calls, log %+v", len(r.got()), log)
	}
}

func TestPrivateAddressesAreRefused(t *testing.T) {
	p, r := newPost(t), newReceiver(t)
	h := p.hook(strings.Replace(r.URL, "127.0.0.1", "localhost", 1)) // a name that leads inward
	direct := p.hook(r.URL)
	p.happens(p.joined("panna"))
	p.delivers(p.sender(false))
	if len(r.got()) != 0 {
		t.Fatal("a private address was called")
	}
	for _, h := range []storage.Webhook{h, direct} {
		if log := p.log(h); log[0].Attempts[0].Failure != failAddress {
			t.Errorf("log %+v", log)
		}
	}
	for address, public := range map[string]bool{
		"8.8.8.8": true, "2606:4700::1111": true, "127.0.0.1": false, "::1": false, "10.1.2.3": false, "172.16.0.1": false, "192.168.1.1": false,
		"169.254.169.254": false, "fe80::1": false, "fd00::1": false, "100.64.0.1": false, "0.0.0.0": false, "::": false, "224.0.0.1": false,
		"255.255.255.255": false, "::ffff:10.0.0.1": false, "::ffff:8.8.8.8": true, "64:ff9b::a00:1": false, "2002:a00:1::": false, "::127.0.0.1": false,
		"2001:0:1::": false, "198.18.0.1": false, "ff02::1": false, "fe80::1%eth0": false, "fec0::1": false,
	} {
		if got := outward(netip.MustParseAddr(address)); got != public {
			t.Errorf("%s counts as public: %v", address, got)
		}
	}
}

func TestHostileAnswersAreBounded(t *testing.T) {
	p := newPost(t)
	endless := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		for req.Context().Err() == nil {
			if _, err := w.Write(bytes.Repeat([]byte("x"), 32<<10)); err != nil {
				return
			}
		}
	}))
	defer endless.Close()
	h := p.hook(endless.URL)
	p.happens(p.joined("panna"))
	p.delivers(p.sender(true))
	if log := p.log(h); log[0].State != storage.DeliveryDone {
		t.Errorf("log %+v", log)
	}
}

func TestReplayKeepsTheID(t *testing.T) {
	p, r := newPost(t), newReceiver(t)
	h, s := p.hook(r.URL), p.sender(true)
	p.happens(p.joined("panna"))
	p.delivers(s)
	d := storage.Waiting{Hook: h.ID, Delivery: p.log(h)[0].ID}
	p.later(time.Hour)
	if _, err := p.hooks.Replay(t.Context(), d, p.now()); err != nil {
		t.Fatal(err)
	}
	if _, err := p.hooks.Replay(t.Context(), d, p.now()); err != storage.ErrHookQueued {
		t.Errorf("a second replay: %v", err)
	}
	p.delivers(s)
	calls := r.got()
	if len(calls) != 2 || calls[0].header.Get("Webhook-Id") != calls[1].header.Get("Webhook-Id") || len(p.log(h)[0].Attempts) != 2 {
		t.Errorf("%d calls, log %+v", len(calls), p.log(h))
	}
	if _, err := p.hooks.Test(t.Context(), h.ID, p.now()); err != nil {
		t.Fatal(err)
	}
	p.delivers(s)
	if typ, _ := r.got()[2].fields(t); typ != "webhook.test" {
		t.Errorf("a test is %s", typ)
	}
}

// TestTwoSendersMakeOneTry has two processes send at once; the claim decides.
func TestTwoSendersMakeOneTry(t *testing.T) {
	p, r := newPost(t), newReceiver(t)
	h := p.hook(r.URL)
	for i := range 10 {
		p.happens(p.joined(partID(i)))
	}
	a, b := p.sender(true), p.sender(true)
	a.round(t.Context())
	b.round(t.Context())
	a.sending.Wait()
	b.sending.Wait()
	p.delivers(a)
	if n := len(r.got()); n != 10 {
		t.Errorf("%d calls for 10 deliveries", n)
	}
	for _, d := range p.log(h) {
		if d.State != storage.DeliveryDone {
			t.Errorf("delivery %+v", d)
		}
	}
}

// TestSendingEndsInTheMiddle stops a process while the receiver thinks; the next one sends again after the lease.
func TestSendingEndsInTheMiddle(t *testing.T) {
	p := newPost(t)
	asked := make(chan struct{}, 1)
	slow := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		_, _ = io.Copy(io.Discard, req.Body) // only then the server notices that the client goes
		asked <- struct{}{}
		<-req.Context().Done()
	}))
	defer slow.Close()
	h := p.hook(slow.URL)
	p.happens(p.joined("panna"))
	s := p.sender(true)
	stop := stopAfter(t, s.Run)
	<-asked
	stop()
	r := newReceiver(t)
	_, err := p.hooks.Update(t.Context(), h.ID, func(h *storage.Webhook) error { h.URL = r.URL; return nil })
	if err != nil {
		t.Fatal(err)
	}
	next := p.sender(true)
	p.delivers(next)
	if len(r.got()) != 0 {
		t.Error("tried again before the lease was over")
	}
	p.later(lease)
	p.delivers(next)
	if len(r.got()) != 1 || p.log(h)[0].State != storage.DeliveryDone {
		t.Errorf("%d calls, log %+v", len(r.got()), p.log(h))
	}
}

func TestRunSendsWhatIsQueued(t *testing.T) {
	p, r := newPost(t), newReceiver(t)
	p.hook(r.URL)
	s := p.sender(true)
	stopAfter(t, func(ctx context.Context) error { return s.Run(ctx) })
	p.happens(p.joined("panna"))
	eventually(t, "a delivery", func() bool { return len(r.got()) == 1 })
}
