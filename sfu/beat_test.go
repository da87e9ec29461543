package sfu

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/interceptor"
)

// told is an interceptor that notes when it was told where to write, and how often it was closed.
type told struct {
	interceptor.NoOp
	at     chan time.Time
	closed int
}

func (t *told) BindRTCPWriter(w interceptor.RTCPWriter) interceptor.RTCPWriter {
	t.at <- time.Now()
	return w
}

func (t *told) Close() error { t.closed++; return nil }

type makesTold struct{ made []*told }

func (m *makesTold) NewInterceptor(string) (interceptor.Interceptor, error) {
	t := &told{at: make(chan time.Time, 1)}
	m.made = append(m.made, t)
	return t, nil
}

func TestTimersOfFewUplinksBeginOnABeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		made, inner := &makesTold{}, &interceptor.Registry{}
		inner.Add(made)
		b := &beating{Registry: inner}
		uplink := func() interceptor.Interceptor {
			time.Sleep(7 * time.Millisecond)
			i, err := b.NewInterceptor("")
			if err != nil {
				t.Fatal(err)
			}
			i.BindRTCPWriter(nil)
			return i
		}
		var all []interceptor.Interceptor
		for range mostBeating {
			all = append(all, uplink())
			if at := <-made.made[len(all)-1].at; at.Sub(began)%beat != 0 {
				t.Fatalf("uplink %d begins %v behind a beat", len(all), at.Sub(began)%beat)
			}
		}
		all = append(all, uplink())
		before := time.Now()
		if at := <-made.made[len(all)-1].at; at.After(before) {
			t.Errorf("one of many uplinks waits %v", at.Sub(before))
		}
		for range 2 { // pion may close twice
			for _, i := range all {
				if err := i.Close(); err != nil {
					t.Fatal(err)
				}
			}
		}
		if n := b.uplinks.Load(); n != 0 {
			t.Errorf("%d uplinks are counted after all were closed", n)
		}
		if err := uplink().Close(); err != nil { // before its beat
			t.Fatal(err)
		}
		time.Sleep(2 * beat)
		select {
		case <-made.made[len(all)].at:
			t.Error("a closed uplink begins")
		default:
		}
	})
}
