package sfu

import (
	"fmt"
	"testing"
	"time"

	"souffleur/internal/meeting"
)

func TestReactionsOfARoomAreBounded(t *testing.T) {
	a, now := newReactions(), time.Now()
	through := 0
	for i := range 150 { // everybody applauds at once
		for range 2 {
			if a.allow(meeting.PersonID(fmt.Sprint(i)), now) {
				through++
			}
		}
	}
	if through != roomReactBurst {
		t.Errorf("%d reactions of 300 at one moment came through, want %d", through, roomReactBurst)
	}
	if !a.allow("late", now.Add(time.Second)) {
		t.Error("a second later nobody may react")
	}
}

func TestReactionsForgetCalmPeople(t *testing.T) {
	a, now := newReactions(), time.Now()
	for i := range 5 * maxReacters {
		if !a.allow(meeting.PersonID(fmt.Sprint(i)), now.Add(time.Duration(i)*time.Second)) {
			t.Fatal("a first reaction is too many")
		}
	}
	if n := len(a.people); n > maxReacters {
		t.Errorf("the allowances of %d people are remembered", n)
	}
}
