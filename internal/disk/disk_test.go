package disk

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestTheRoomOfAFolderIsSeen(t *testing.T) {
	space, err := Look(t.TempDir())
	if err != nil || space.Total <= 0 || space.Free < 0 || space.Free > space.Total {
		t.Errorf("looked and saw %+v, %v", space, err)
	}
	if _, err := Look(t.TempDir() + "/nothing"); err == nil {
		t.Error("a folder that is not there has room")
	}
}

func TestHowMuchRoomIsEnough(t *testing.T) {
	for name, c := range map[string]struct {
		space Space
		want  State
	}{
		"small disk, empty":         {Space{7 * gib, 8 * gib}, Enough},
		"small disk, below a GiB":   {Space{gib - 1, 8 * gib}, Low},
		"disk of 100 GiB, 4 %":      {Space{4 * gib, 100 * gib}, Low},
		"disk of 100 GiB, 6 %":      {Space{6 * gib, 100 * gib}, Enough},
		"large disk, below a tenth": {Space{9 * gib, 2000 * gib}, Low},
		"large disk, 1 % is a lot":  {Space{20 * gib, 2000 * gib}, Enough},
		"minutes of a meeting left": {Space{60 << 20, 100 * gib}, Full},
		"nothing":                   {Space{0, 100 * gib}, Full},
		"a tenth of a GiB":          {Space{100 << 20, 8 * gib}, Low},
	} {
		if got := c.space.State(); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func TestAWatcherTellsOfChangesAndRepeatsBadNews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex // guards what follows
		room := Space{100 * gib, 1000 * gib}
		broken := false
		var told []State
		locked := func(do func()) {
			mu.Lock()
			defer mu.Unlock()
			do()
		}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			Watch(ctx, time.Minute, time.Hour, func() (Space, error) {
				mu.Lock()
				defer mu.Unlock()
				if broken {
					return Space{}, errors.New("no answer")
				}
				return room, nil
			}, func(s Space) { locked(func() { told = append(told, s.State()) }) })
		}()
		pass := func(d time.Duration, want ...State) {
			t.Helper()
			locked(func() { told = nil })
			time.Sleep(d)
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			if len(told) != len(want) {
				t.Fatalf("told %v, want %v", told, want)
			}
			for i := range want {
				if told[i] != want[i] {
					t.Fatalf("told %v, want %v", told, want)
				}
			}
		}
		pass(3 * time.Hour)
		locked(func() { room.Free = gib })
		pass(2*time.Minute, Low)
		pass(30 * time.Minute)
		pass(40*time.Minute, Low)
		locked(func() { room.Free = 0 })
		pass(2*time.Minute, Full)
		locked(func() { broken = true })
		pass(3 * time.Hour)
		locked(func() { broken = false })
		locked(func() { room.Free = 100 * gib })
		pass(2*time.Minute, Enough)
		pass(3 * time.Hour)
		stop()
		<-done
	})
}
