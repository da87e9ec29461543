package bus

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"

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

func TestTopicsAreMadeOnceWithTheirSettings(t *testing.T) {
	onEach(t, func(t *testing.T, s *site) {
		first, second := s.open(t), s.open(t) // the second finds them there
		want := map[Topic]int{Audio: 8, Meetings: 4, Captions: 8, Segments: 8, Speakers: 8, DeadLetters: 1}
		for topic, n := range want {
			if first.Partitions(topic) != n || second.Partitions(topic) != n {
				t.Errorf("%s has %d and %d partitions, want %d", topic, first.Partitions(topic), second.Partitions(topic), n)
			}
		}
		for topic, settings := range map[Topic]map[string]string{
			Audio: {"retention.ms": "600000", "segment.bytes": "1048576", "segment.ms": "60000",
				"cleanup.policy": "delete", "message.timestamp.type": "LogAppendTime"},
			Segments: {"cleanup.policy": "compact,delete", "retention.ms": "604800000", "delete.retention.ms": "86400000"},
			Meetings: {"cleanup.policy": "delete", "retention.ms": "604800000"},
		} {
			got := describe(t, first, topic)
			for name, value := range settings {
				if got[name] != value {
					t.Errorf("%s: %s is %q, want %q", topic, name, got[name], value)
				}
			}
		}
	})
}

func describe(t *testing.T, b *Bus, topic Topic) map[string]string {
	t.Helper()
	response, err := b.client.DescribeConfigs(t.Context(), &kafka.DescribeConfigsRequest{
		Resources: []kafka.DescribeConfigRequestResource{{ResourceType: kafka.ResourceTypeTopic, ResourceName: b.name(topic)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	settings := make(map[string]string)
	for _, entry := range response.Resources[0].ConfigEntries {
		settings[entry.ConfigName] = entry.ConfigValue
	}
	return settings
}

func TestMoreReplicasThanBrokersIsRefusedInASentence(t *testing.T) {
	onEach(t, func(t *testing.T, s *site) {
		s.cfg.Replication = 3
		_, err := open(t.Context(), s.cfg, quick(), quiet())
		if err == nil || !strings.Contains(err.Error(), "KAFKA_REPLICATION is 3") {
			t.Errorf("got %v", err)
		}
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

// worker consumes a topic and notes what it reads; it commits after every record.
type worker struct {
	notebook
	mu       sync.Mutex // guards assigned
	assigned map[int]*Assignment
}

func (w *worker) handle(ctx context.Context, a *Assignment) error {
	w.mu.Lock()
	if w.assigned == nil {
		w.assigned = make(map[int]*Assignment)
	}
	w.assigned[a.Partition] = a
	w.mu.Unlock()
	for {
		m, err := a.Next(ctx)
		if err != nil {
			return err
		}
		w.note(m)
		if err := a.Commit(ctx, m.Offset+1, "after "+string(m.Value)); err != nil && !errors.Is(err, ErrFenced) && ctx.Err() == nil {
			return err
		}
	}
}

// assignments counts the partitions that the worker has had.
func (w *worker) assignments() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.assigned)
}

// assignment waits until the partition is assigned.
func (w *worker) assignment(t *testing.T, partition int) *Assignment {
	t.Helper()
	var a *Assignment
	eventually(t, func() error {
		w.mu.Lock()
		defer w.mu.Unlock()
		if a = w.assigned[partition]; a == nil {
			return errors.New("not assigned")
		}
		return nil
	})
	return a
}

func TestAGroupResumesAtItsCommitWithMetadata(t *testing.T) {
	onEach(t, func(t *testing.T, s *site) {
		b := s.open(t)
		publish(t, b, Audio, 3, "a", "b")
		var first worker
		stop := running(t, func(ctx context.Context) error { return b.Consume(ctx, "asr", Audio, first.handle) })
		first.awaits(t, 3, []string{"a", "b"})
		if a := first.assignment(t, 3); a.Committed != -1 || a.First != 0 || a.End != 2 || a.Metadata != "" || a.Lost() != 0 {
			t.Errorf("a new group's assignment is %+v", a)
		}
		eventually(t, func() error {
			committed, err := b.CommittedOffsets(t.Context(), "asr", Audio)
			if err == nil && (committed[3] != 2 || committed[0] != -1) {
				err = fmt.Errorf("committed %v", committed)
			}
			return err
		})
		stop()

		publish(t, b, Audio, 3, "c")
		ends, err := b.EndOffsets(t.Context(), Audio)
		if err != nil || ends[3] != 3 || ends[0] != 0 {
			t.Errorf("ends %v, %v", ends, err)
		}
		var second worker
		running(t, func(ctx context.Context) error { return b.Consume(ctx, "asr", Audio, second.handle) })
		second.awaits(t, 3, []string{"c"})
		if a := second.assignment(t, 3); a.Committed != 2 || a.Metadata != "after b" {
			t.Errorf("resumed with %+v", a)
		}
	})
}

func TestTwoWorkersShareThePartitionsAndALeaverHandsHisOver(t *testing.T) {
	onEach(t, func(t *testing.T, s *site) {
		one, two := s.open(t), s.open(t)
		var a, b worker
		stop := running(t, func(ctx context.Context) error { return one.Consume(ctx, "asr", Audio, a.handle) })
		a.assignment(t, 7)
		running(t, func(ctx context.Context) error { return two.Consume(ctx, "asr", Audio, b.handle) })
		eventually(t, func() error {
			if n := b.assignments(); n != 4 {
				return fmt.Errorf("the second worker has %d of 8 partitions", n)
			}
			return nil
		})
		for p := range 8 {
			publish(t, one, Audio, p, "x")
		}
		eventually(t, func() error {
			for p := range 8 {
				if len(a.of(p))+len(b.of(p)) == 0 {
					return fmt.Errorf("nobody has read partition %d", p)
				}
			}
			return nil
		})
		stop()
		for p := range 8 {
			publish(t, two, Audio, p, "y")
		}
		eventually(t, func() error {
			for p := range 8 {
				if got := b.of(p); len(got) == 0 || got[len(got)-1] != "y" {
					return fmt.Errorf("partition %d was not handed over: %q", p, got)
				}
			}
			return nil
		})
	})
}

// A zombie is a worker whose group has given its partitions to others while it was not looking.
func TestACommitOfAZombieIsRefused(t *testing.T) {
	onEach(t, func(t *testing.T, s *site) {
		b := s.open(t)
		publish(t, b, Audio, 0, "a", "b")
		zombies := make(chan *Assignment, 8)
		stop := running(t, func(ctx context.Context) error {
			return b.Consume(ctx, "asr", Audio, func(ctx context.Context, a *Assignment) error {
				if a.Partition == 0 {
					if err := a.Commit(ctx, 1, "mine"); err != nil {
						t.Error(err)
					}
					zombies <- a
				}
				<-ctx.Done()
				return ctx.Err()
			})
		})
		zombie := <-zombies
		stop()
		if err := zombie.Commit(t.Context(), 2, "stale"); !errors.Is(err, ErrFenced) {
			t.Errorf("after leaving: %v, want ErrFenced", err)
		}
		var next worker
		running(t, func(ctx context.Context) error { return b.Consume(ctx, "asr", Audio, next.handle) })
		next.awaits(t, 0, []string{"b"})
		if err := zombie.Commit(t.Context(), 0, "stale"); !errors.Is(err, ErrFenced) {
			t.Errorf("under a new owner: %v, want ErrFenced", err)
		}
		if a := next.assignment(t, 0); a.Metadata != "mine" {
			t.Errorf("the new owner found %q", a.Metadata)
		}
	})
}

func TestMetadataHasTheSameLimitEverywhere(t *testing.T) {
	onEach(t, func(t *testing.T, s *site) {
		b := s.open(t)
		result := make(chan [2]error, 8)
		running(t, func(ctx context.Context) error {
			return b.Consume(ctx, "asr", DeadLetters, func(ctx context.Context, a *Assignment) error {
				fits := a.Commit(ctx, 0, strings.Repeat("m", MaxMetadata))
				result <- [2]error{fits, a.Commit(ctx, 0, strings.Repeat("m", MaxMetadata+1))}
				<-ctx.Done()
				return ctx.Err()
			})
		})
		got := <-result
		if got[0] != nil {
			t.Errorf("4096 bytes: %v", got[0])
		}
		if !errors.Is(got[1], ErrMetadata) {
			t.Errorf("4097 bytes: %v, want ErrMetadata", got[1])
		}
		_, metadata, err := b.committed(t.Context(), "asr", DeadLetters, 0)
		if err != nil || len(metadata) != MaxMetadata {
			t.Errorf("%d bytes came back, %v", len(metadata), err)
		}
	})
}

func TestAHandlerThatFailsIsGivenItsPartitionAgain(t *testing.T) {
	t.Parallel()
	s := newSite(t, startEmbedded(t))
	b := s.open(t)
	publish(t, b, DeadLetters, 0, "a", "b")
	var seen notebook
	running(t, func(ctx context.Context) error {
		return b.Consume(ctx, "asr", DeadLetters, func(ctx context.Context, a *Assignment) error {
			m, err := a.Next(ctx)
			if err != nil {
				return err
			}
			seen.note(m)
			if err := a.Commit(ctx, m.Offset+1, ""); err != nil {
				return err
			}
			return errors.New("broken")
		})
	})
	seen.awaits(t, 0, []string{"a", "b"})
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

// Retention is shortened to one second; a segment of audio is one file of 1 MiB.
func TestExpiredRecordsAreGoneAndCountedAsLost(t *testing.T) {
	onEach(t, func(t *testing.T, s *site) {
		tune := quick()
		tune.retention = map[Topic]time.Duration{Audio: time.Second}
		b := s.openTuned(t, tune)
		commitFirst := running(t, func(ctx context.Context) error {
			return b.Consume(ctx, "asr", Audio, func(ctx context.Context, a *Assignment) error {
				if a.Partition == 2 {
					if err := a.Commit(ctx, 1, "one"); err != nil {
						t.Error(err)
					}
				}
				<-ctx.Done()
				return ctx.Err()
			})
		})
		eventually(t, func() error { return hasCommitted(b, 2, 1) })
		commitFirst()
		publish(t, b, Audio, 2, numbered("", 10)...)
		awaitEmpty(t, b, 2, 10)
		publish(t, b, Audio, 2, "new")

		var w worker
		running(t, func(ctx context.Context) error { return b.Consume(ctx, "asr", Audio, w.handle) })
		w.awaits(t, 2, []string{"new"})
		if a := w.assignment(t, 2); a.Lost() != 9 || a.Committed != 1 || a.First != 10 {
			t.Errorf("lost %d: %+v", a.Lost(), a)
		}
	})
}

func hasCommitted(b *Bus, partition int, offset int64) error {
	committed, err := b.CommittedOffsets(context.Background(), "asr", Audio)
	if err == nil && committed[partition] != offset {
		err = fmt.Errorf("committed %v", committed)
	}
	return err
}

// awaitEmpty waits until everything before offset first has expired.
func awaitEmpty(t *testing.T, b *Bus, partition int, first int64) {
	t.Helper()
	eventually(t, func() error {
		spans, err := b.spans(t.Context(), Audio, partition)
		if err == nil && spans[0].first != first {
			err = fmt.Errorf("the log is %+v", spans[0])
		}
		return err
	})
}

// The embedded broker's log begins at 0 again if it was empty when the broker stopped; real logs do not.
func TestAGroupReadsOnAfterItsLogWasEmptiedAndTheBrokerRestarted(t *testing.T) {
	onEach(t, func(t *testing.T, s *site) {
		tune := quick()
		tune.retention = map[Topic]time.Duration{Audio: time.Second}
		b := s.openTuned(t, tune)
		publish(t, b, Audio, 2, numbered("", 30)...)
		var before worker
		stop := running(t, func(ctx context.Context) error { return b.Consume(ctx, "asr", Audio, before.handle) })
		eventually(t, func() error { return hasCommitted(b, 2, 30) })
		stop()
		awaitEmpty(t, b, 2, 30)
		s.Stop()
		if err := s.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
		again := s.openTuned(t, tune)
		want := numbered("again ", 40) // more than were committed: the old position lies inside the new log
		var after worker
		follower := &notebook{}
		running(t, func(ctx context.Context) error { return again.Follow(ctx, Audio, FollowOptions{}, follower.note) })
		running(t, func(ctx context.Context) error { return again.Consume(ctx, "asr", Audio, after.handle) })
		after.assignment(t, 2)
		publish(t, again, Audio, 2, want...)
		after.awaits(t, 2, want)
		follower.awaits(t, 2, want)
		if a := after.assignment(t, 2); a.Metadata != "after 29" {
			t.Errorf("metadata %q was not kept", a.Metadata)
		}
	})
}

// freePort returns a port where nobody listens.
func freePort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

func TestOpenSaysWhichSettingIsWrong(t *testing.T) {
	t.Parallel()
	tune := quick()
	tune.openPatience = 200 * time.Millisecond
	nobody := freePort(t)
	for name, c := range map[string]struct {
		change func(*Config)
		says   string
	}{
		"no brokers":          {func(c *Config) { c.Brokers = nil }, "KAFKA_BROKERS is empty"},
		"no port":             {func(c *Config) { c.Brokers = []string{"kafka"} }, `"kafka" is not host:port`},
		"nobody listens":      {func(c *Config) { c.Brokers = []string{nobody} }, "KAFKA_BROKERS (" + nobody + ")"},
		"strange prefix":      {func(c *Config) { c.Prefix = "a/b" }, "KAFKA_PREFIX"},
		"no replication":      {func(c *Config) { c.Replication = 0 }, "KAFKA_REPLICATION is 0"},
		"unknown mechanism":   {func(c *Config) { c.SASL, c.User, c.Password = "md5", "u", "p" }, `KAFKA_SASL is "md5"`},
		"no password":         {func(c *Config) { c.SASL, c.User = "plain", "u" }, "KAFKA_PASSWORD must be set"},
		"user without SASL":   {func(c *Config) { c.User = "u" }, "KAFKA_SASL is not"},
		"authority, no TLS":   {func(c *Config) { c.CAFile = "x" }, "KAFKA_TLS is off"},
		"authority not there": {func(c *Config) { c.TLS, c.CAFile = true, "/nowhere" }, "KAFKA_CA_FILE"},
	} {
		cfg := DefaultConfig()
		cfg.Brokers = []string{nobody}
		c.change(&cfg)
		_, err := open(t.Context(), cfg, tune, quiet())
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want a sentence with %q", name, err, c.says)
		}
	}
}

func TestAWrongTLSOrSASLSettingIsExplained(t *testing.T) {
	t.Parallel()
	s := newSite(t, startEmbedded(t))
	tune := quick()
	tune.openPatience = 200 * time.Millisecond
	for name, change := range map[string]func(*Config){
		"TLS against plain":  func(c *Config) { c.TLS = true },
		"SASL against plain": func(c *Config) { c.SASL, c.User, c.Password = "plain", "u", "p" },
	} {
		cfg := s.cfg
		change(&cfg)
		_, err := open(t.Context(), cfg, tune, quiet())
		if err == nil || !strings.Contains(err.Error(), "KAFKA_BROKERS") {
			t.Errorf("%s: %v", name, err)
		}
		t.Log(err)
	}
}
