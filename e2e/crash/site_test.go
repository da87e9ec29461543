package crash

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"souffleur/internal/bus"
	"souffleur/internal/kafkatest"
	"souffleur/internal/s3test"
	"souffleur/internal/seal"
	"souffleur/storage"
)

// site is an installation: its servers and what its processes need to know of them.
type site struct {
	role   role // without a name
	broker interface {
		kill(t *testing.T, away time.Duration)
		restarts() int
	}
}

func newSite(t *testing.T, dir string, log *slog.Logger) *site {
	_, master := seal.NewKey()
	s := &site{role: role{Dir: dir, Bus: bus.DefaultConfig(), Storage: storage.DefaultConfig(), Master: master, Accents: *accents}}
	if *onReal {
		s.useReal(t)
	} else {
		s.useEmbedded(t)
	}
	return s
}

func (s *site) useReal(t *testing.T) {
	dir := filepath.Join(s.role.Dir, "kafka")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	broker, err := kafkatest.Start(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(broker.Stop)
	store := s3test.MinIO(t)
	s.broker = &realBroker{broker: broker}
	s.use(addresses{broker.Addr(), store.Endpoint, store.AccessKey, store.SecretKey})
}

// realBroker is a Kafka; the store beside it is not killed.
type realBroker struct {
	broker *kafkatest.Broker
	kills  int
}

func (b *realBroker) kill(t *testing.T, away time.Duration) {
	b.broker.Kill()
	b.kills++
	time.Sleep(away)
	if err := b.broker.Restart(context.Background()); err != nil {
		t.Error(err)
	}
}

func (b *realBroker) restarts() int { return b.kills }

func (s *site) useEmbedded(t *testing.T) {
	r := s.role
	r.Name = "servers"
	out, in := io.Pipe()
	p := start(t, "servers", r, in)
	t.Cleanup(func() { in.Close() })
	first := make(chan addresses, 1)
	go func() {
		lines := json.NewDecoder(out)
		for {
			var a addresses
			if lines.Decode(&a) != nil {
				return
			}
			select {
			case first <- a:
			default: // after a restart: the same
			}
		}
	}()
	s.broker = embeddedBroker{p}
	select {
	case a := <-first:
		s.use(a)
	case <-time.After(30 * time.Second):
		t.Fatal("the embedded servers do not start")
	}
}

// embeddedBroker is the process of the embedded servers.
type embeddedBroker struct{ *process }

func (b embeddedBroker) kill(t *testing.T, _ time.Duration) { b.signal(t, syscall.SIGKILL) }

func (s *site) use(a addresses) {
	s.role.Bus.Brokers = []string{a.Kafka}
	s.role.Storage.Endpoint, s.role.Storage.AccessKey, s.role.Storage.SecretKey = a.S3, a.AccessKey, a.SecretKey
}

// cast is the processes that may be killed.
type cast struct {
	recognisers []*process
	archiver    *process
}

// restarts says how often processes were started again.
func (c *cast) restarts() int {
	return c.archiver.restarts() + c.recognisers[0].restarts() + c.recognisers[1].restarts()
}

// start starts two recognisers and the archiver. One of the recognisers notes its names in the group, as below `souffleur serve`,
// so its successor takes over at once; the other's partitions wait for the end of its session.
func (s *site) start(t *testing.T, m *show) *cast {
	c := &cast{}
	for i := range 2 {
		r := s.role
		r.Name = "recogniser"
		if i == 0 {
			r.Bus.MemberDir = filepath.Join(s.role.Dir, "members")
		}
		c.recognisers = append(c.recognisers, start(t, fmt.Sprint("recogniser-", i), r, nil))
	}
	r := s.role
	r.Name = "archiver"
	c.archiver = start(t, "archiver", r, nil)
	return c
}

// deed is something bad that happens.
type deed struct {
	at   time.Duration // after the first word
	what string
	whom int // recogniser
	away time.Duration
}

func (d deed) String() string {
	s := fmt.Sprintf("%.1f s: %s", d.at.Seconds(), d.what)
	if d.what == killRecogniser || d.what == holdRecogniser {
		s += fmt.Sprint(" ", d.whom)
	}
	return s
}

const (
	killRecogniser = "kill -9 recogniser"
	killArchiver   = "kill -9 archiver"
	killBroker     = "kill -9 broker"
	holdRecogniser = "hold still recogniser"
	holdFor        = 9 * time.Second
)

// plan chooses the moments.
func plan(r *rand.Rand, length time.Duration) []deed {
	from, to := 4*time.Second, length-holdFor-2*time.Second
	var deeds []deed
	for _, what := range []string{killRecogniser, killArchiver, killBroker, holdRecogniser} {
		deeds = append(deeds, deed{
			at: from + time.Duration(r.Int64N(int64(to-from))), what: what, whom: r.IntN(2), away: time.Duration(r.IntN(2000)) * time.Millisecond,
		})
	}
	slices.SortFunc(deeds, func(a, b deed) int { return int(a.at - b.at) })
	return deeds
}

// commit does the deeds, and returns when all are over.
func (s *site) commit(t *testing.T, c *cast, deeds []deed, began time.Time) {
	var wg sync.WaitGroup
	for _, d := range deeds {
		wg.Go(func() {
			time.Sleep(time.Until(began.Add(d.at)))
			switch d.what {
			case killRecogniser:
				c.recognisers[d.whom].signal(t, syscall.SIGKILL)
			case killArchiver:
				c.archiver.signal(t, syscall.SIGKILL)
			case killBroker:
				s.broker.kill(t, d.away)
			case holdRecogniser:
				c.recognisers[d.whom].freeze(t, holdFor)
			}
		})
	}
	wg.Wait()
}
