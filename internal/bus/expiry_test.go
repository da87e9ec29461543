package bus

import (
	"context"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// briefAudio keeps audio for a second.
func briefAudio() tuning {
	tune := quick()
	tune.retention = map[Topic]time.Duration{Audio: time.Second}
	return tune
}

func TestRetentionFreesTheDisk(t *testing.T) {
	t.Parallel()
	server := startEmbedded(t).(*embeddedServer)
	b := newSite(t, server).openTuned(t, briefAudio())
	big := strings.Repeat("x", 500_000)
	publish(t, b, Audio, 0, big, big, big, big, big, big)
	if size := audioBytes(t, server); size < 1<<20 {
		t.Fatalf("3 MB of records take %d bytes", size)
	}
	eventually(t, func() error {
		if size := audioBytes(t, server); size > 100_000 {
			return fmt.Errorf("expired records still take %d bytes", size)
		}
		return nil
	})
}

// audioBytes adds up the files of the audio topic.
func audioBytes(t *testing.T, s *embeddedServer) int64 {
	t.Helper()
	var size int64
	err := filepath.WalkDir(s.cfg.Dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.Contains(path, string(Audio)) {
			return nil // files may go while we look
		}
		if file, err := entry.Info(); err == nil {
			size += file.Size()
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return size
}

// After kill -9 the log begins with the first record that still stands in a file, and a fresh record keeps the file of
// its elders.
func TestExpiredRecordsStayGoneWhenTheBrokerIsKilled(t *testing.T) {
	t.Parallel()
	tune := quick()
	tune.retention = map[Topic]time.Duration{Audio: 2 * time.Second}
	server := startEmbedded(t).(*embeddedServer)
	s := newSite(t, server)
	b := s.openTuned(t, tune)
	publish(t, b, Audio, 2, numbered("expires ", 10)...)
	time.Sleep(time.Second) // the difference in age
	publish(t, b, Audio, 2, "fresh")
	eventually(t, func() error {
		spans, err := b.spans(t.Context(), Audio, 2)
		if err == nil && spans[0].first < 10 {
			err = fmt.Errorf("the log is %+v", spans[0])
		}
		return err
	})
	s.Kill()
	server.cfg.RetentionEvery = time.Hour
	if err := s.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	spans, err := s.openTuned(t, tune).spans(t.Context(), Audio, 2)
	if err != nil || spans[0].end > 0 && spans[0].first < 10 {
		t.Errorf("the log is %+v, %v; its first ten records have expired", spans, err)
	}
}

func TestFollowDoesNotWaitForRecordsThatAreGone(t *testing.T) {
	onEach(t, func(t *testing.T, s *site) {
		b := s.openTuned(t, briefAudio())
		publish(t, b, Audio, 1, "a", "b")
		publish(t, b, Meetings, 1, "a", "b")
		waiting := func(topic Topic, at, end int64) bool {
			f := &follower{bus: b, topic: topic, at: map[int]int64{1: at}, missing: map[int]int64{1: end}}
			f.dropVanished(t.Context())
			return len(f.missing) > 0
		}
		if !waiting(Meetings, 0, 2) || !waiting(Meetings, 1, 2) {
			t.Error("records that are there are not waited for")
		}
		if waiting(Meetings, 2, 3) { // as if the third had been compacted away
			t.Error("still waiting at the end of the log")
		}
		if waiting(Meetings, 5, 9) != true { // the log has begun anew and holds two records
			t.Error("the records of a log that has begun anew are not waited for")
		}
		awaitEmpty(t, b, 1, 2)
		if waiting(Audio, 0, 2) {
			t.Error("still waiting for records that have expired")
		}
	})
}

func TestAReaderThatIsOvertakenByRetentionCountsItsLoss(t *testing.T) {
	t.Parallel()
	s := newSite(t, startEmbedded(t))
	b := s.openTuned(t, briefAudio())
	publish(t, b, Audio, 2, numbered("", 10)...)
	c := b.newCursor(Audio, 2, 0)
	defer c.close()
	awaitEmpty(t, b, 2, 10)
	publish(t, b, Audio, 2, "new")
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	m, err := c.next(ctx)
	if err != nil || string(m.Value) != "new" || c.lost.Load() != 10 {
		t.Errorf("read %q with %d lost, %v", m.Value, c.lost.Load(), err)
	}
}

// The log of the embedded broker begins anew while somebody stands behind its end.
func TestAReaderBehindTheEndOfTheLogBeginsAnew(t *testing.T) {
	onEach(t, func(t *testing.T, s *site) {
		b := s.open(t)
		publish(t, b, Audio, 2, "a", "b")
		c := b.newCursor(Audio, 2, 50)
		defer c.close()
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		m, err := c.next(ctx)
		if err != nil || string(m.Value) != "a" {
			t.Errorf("read %q, %v", m.Value, err)
		}
	})
}

func TestAGroupBehindTheEndOfTheLogBeginsAnewAndWritesThatDown(t *testing.T) {
	onEach(t, func(t *testing.T, s *site) {
		b := s.open(t)
		publish(t, b, DeadLetters, 0, "a", "b")
		first := make(chan struct{})
		stop := running(t, func(ctx context.Context) error {
			return b.Consume(ctx, "asr", DeadLetters, func(ctx context.Context, a *Assignment) error {
				if err := a.Commit(ctx, 50, "kept"); err != nil {
					t.Error(err)
				}
				close(first)
				<-ctx.Done()
				return ctx.Err()
			})
		})
		<-first
		stop()
		found := make(chan *Assignment, 1)
		running(t, func(ctx context.Context) error {
			return b.Consume(ctx, "asr", DeadLetters, func(ctx context.Context, a *Assignment) error {
				found <- a
				<-ctx.Done()
				return ctx.Err()
			})
		})
		a := <-found
		if a.Committed != 0 || a.Metadata != "kept" || a.Lost() != 0 {
			t.Errorf("assigned %+v", a)
		}
		if offset, metadata, err := b.committed(t.Context(), "asr", DeadLetters, 0); offset != 0 || metadata != "kept" || err != nil {
			t.Errorf("committed %d, %q, %v", offset, metadata, err)
		}
	})
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
		publish(t, again, Audio, 2, want...) // before the group comes back, so only the broker itself can have noticed
		running(t, func(ctx context.Context) error { return again.Follow(ctx, Audio, FollowOptions{}, follower.note) })
		running(t, func(ctx context.Context) error { return again.Consume(ctx, "asr", Audio, after.handle) })
		after.awaits(t, 2, want)
		follower.awaits(t, 2, want)
		if a := after.assignment(t, 2); a.Metadata != "after 29" {
			t.Errorf("metadata %q was not kept", a.Metadata)
		}
	})
}
