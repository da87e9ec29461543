package whispercpp

import (
	"context"
	"sync"
	"testing"
)

func TestNothingIsFreedUnderItsUsers(t *testing.T) {
	freed := 0
	l := NewLifetime(func() { freed++ })
	if !l.Acquire() || !l.Acquire() {
		t.Fatal("no users let in")
	}
	l.Close()
	if l.Acquire() {
		t.Error("a user let in after the end")
	}
	l.Release()
	if freed != 0 {
		t.Fatal("freed under its last user")
	}
	l.Release()
	l.Close()
	if freed != 1 {
		t.Errorf("freed %d times", freed)
	}
	unused := NewLifetime(func() { freed++ })
	unused.Close()
	if freed != 2 {
		t.Error("without users it stays")
	}
}

func TestUsersComeAndGoSideBySide(t *testing.T) {
	freed := make(chan struct{})
	l := NewLifetime(func() { close(freed) })
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 100 {
				if !l.Acquire() {
					return
				}
				select {
				case <-freed:
					t.Error("used after it was freed")
				default:
				}
				l.Release()
			}
		})
	}
	l.Close()
	wg.Wait()
	<-freed
}

func TestAnEndedContextCancelsOnceUntilStopped(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	calls := make(chan struct{}, 2)
	stop := WhenDone(ctx, func() { calls <- struct{}{} })
	cancel()
	stop()
	if len(calls) != 1 {
		t.Errorf("%d cancels by the time stop returned", len(calls))
	}
	ctx, cancel = context.WithCancel(t.Context())
	stop = WhenDone(ctx, func() { calls <- struct{}{} })
	stop()
	cancel()
	if len(calls) != 1 {
		t.Error("cancelled after stop")
	}
}
