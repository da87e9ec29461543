package bus

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"souffleur/internal/meeting"
)

const room = meeting.ID("01JD0000000000000000000000")

// publish writes values to one partition and fails the test if it cannot.
func publish(t *testing.T, b *Bus, topic Topic, partition int, values ...string) {
	t.Helper()
	for _, v := range values {
		err := b.Publish(t.Context(), Message{Topic: topic, Partition: partition, Key: "k", Meeting: room, Value: []byte(v)})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// numbered returns "0" to "n-1", each behind prefix.
func numbered(prefix string, n int) []string {
	values := make([]string, n)
	for i := range values {
		values[i] = prefix + strconv.Itoa(i)
	}
	return values
}

// notebook collects values, by partition, from any goroutine.
type notebook struct {
	mu     sync.Mutex // guards values
	values map[int][]string
}

func (n *notebook) note(m Message) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.values == nil {
		n.values = make(map[int][]string)
	}
	n.values[m.Partition] = append(n.values[m.Partition], string(m.Value))
}

func (n *notebook) of(partition int) []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.values[partition])
}

// awaits waits until the partition's values are exactly want.
func (n *notebook) awaits(t *testing.T, partition int, want []string) {
	t.Helper()
	eventually(t, func() error {
		if got := n.of(partition); !slices.Equal(got, want) {
			return fmt.Errorf("partition %d has %q, want %q", partition, got, want)
		}
		return nil
	})
}

func TestRecordsOfAPartitionComeInOrderWithKeyAndMeeting(t *testing.T) {
	onEach(t, func(t *testing.T, s *site) {
		b := s.open(t)
		var writers sync.WaitGroup
		for p := range 4 {
			writers.Go(func() { publish(t, b, Audio, p, numbered(fmt.Sprintf("p%d-", p), 50)...) })
		}
		writers.Wait()

		var got notebook
		running(t, func(ctx context.Context) error {
			return b.Follow(ctx, Audio, FollowOptions{}, func(m Message) {
				if m.Key != "k" || m.Meeting != room || m.Topic != Audio || m.Time.IsZero() {
					t.Errorf("got %+v", m)
				}
				got.note(m)
			})
		})
		for p := range 4 {
			got.awaits(t, p, numbered(fmt.Sprintf("p%d-", p), 50))
		}
	})
}

func TestPublishRefusesWhatHasNoPlace(t *testing.T) {
	t.Parallel()
	s := newSite(t, startEmbedded(t))
	b := s.open(t)
	for name, m := range map[string]Message{
		"unknown topic":       {Topic: "other.v1"},
		"partition too high":  {Topic: Meetings, Partition: 4},
		"negative partition":  {Topic: Meetings, Partition: -1},
		"larger than a batch": {Topic: Segments, Value: make([]byte, 2<<20)},
	} {
		if err := b.Publish(t.Context(), m); err == nil {
			t.Errorf("%s: published", name)
		}
	}
}

func TestFollowTellsWhenItHasCaughtUp(t *testing.T) {
	onEach(t, func(t *testing.T, s *site) {
		b := s.open(t)
		caughtUp := make(chan int, 1)
		count := 0
		follow := func(topic Topic) func() {
			count = 0
			return running(t, func(ctx context.Context) error {
				return b.Follow(ctx, topic, FollowOptions{CaughtUp: func() { caughtUp <- count }}, func(Message) { count++ })
			})
		}
		stop := follow(Meetings)
		if n := <-caughtUp; n != 0 {
			t.Errorf("caught up with an empty topic after %d records", n)
		}
		stop()
		for p := range b.Partitions(Meetings) {
			publish(t, b, Meetings, p, numbered("", 3)...)
		}
		stop = follow(Meetings)
		if n := <-caughtUp; n != 12 {
			t.Errorf("caught up after %d of 12 records", n)
		}
		stop()
	})
}

func TestFollowCanBeginAtATime(t *testing.T) {
	onEach(t, func(t *testing.T, s *site) {
		b := s.open(t)
		publish(t, b, Segments, 1, "old")
		time.Sleep(20 * time.Millisecond) // brokers count in milliseconds
		since := time.Now()
		time.Sleep(20 * time.Millisecond)
		publish(t, b, Segments, 1, "new")
		publish(t, b, Segments, 2, "other")

		var got notebook
		caughtUp := make(chan struct{})
		running(t, func(ctx context.Context) error {
			return b.Follow(ctx, Segments, FollowOptions{Since: since, CaughtUp: func() { close(caughtUp) }}, got.note)
		})
		<-caughtUp
		if !slices.Equal(got.of(1), []string{"new"}) || !slices.Equal(got.of(2), []string{"other"}) {
			t.Errorf("got %q and %q", got.of(1), got.of(2))
		}
		publish(t, b, Segments, 3, "later")
		got.awaits(t, 3, []string{"later"})
	})
}

func TestReadersAndWritersSurviveABrokerThatIsKilled(t *testing.T) {
	onEach(t, func(t *testing.T, s *site) {
		b := s.open(t)
		publish(t, b, Segments, 5, "before")
		var followed notebook
		var w worker
		running(t, func(ctx context.Context) error {
			return b.Follow(ctx, Segments, FollowOptions{}, followed.note)
		})
		running(t, func(ctx context.Context) error { return b.Consume(ctx, "archive", Segments, w.handle) })
		followed.awaits(t, 5, []string{"before"})
		w.awaits(t, 5, []string{"before"})

		s.Kill()
		written := make(chan error, 1)
		go func() { // tries until the broker is back
			written <- b.Publish(context.Background(), Message{Topic: Segments, Partition: 5, Key: "k", Value: []byte("meanwhile")})
		}()
		if err := b.Publish(t.Context(), Message{Topic: Audio, Value: []byte("audio")}); err == nil {
			t.Error("audio was published to a dead broker")
		}
		if err := s.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := <-written; err != nil {
			t.Fatal(err)
		}
		publish(t, b, Segments, 5, "after")
		want := []string{"before", "meanwhile", "after"}
		followed.awaits(t, 5, want)
		eventually(t, func() error { // a commit may have been lost with the broker, so doubles are allowed
			if got := slices.Compact(w.of(5)); !slices.Equal(got, want) {
				return fmt.Errorf("the group read %q, want %q", got, want)
			}
			return nil
		})
	})
}

func TestPublishEndsWithItsContextWhileTheBrokerIsAway(t *testing.T) {
	t.Parallel()
	s := newSite(t, startEmbedded(t))
	b := s.open(t)
	s.Kill()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	err := b.Publish(ctx, Message{Topic: Meetings, Value: []byte("x")})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}
