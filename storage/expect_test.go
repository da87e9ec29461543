package storage

import (
	"context"
	"errors"
	"sync"
	"testing"

	"souffleur/internal/meeting"
	"souffleur/internal/s3test"
)

func TestAChangeOfAnOutdatedRoomIsRefused(t *testing.T) {
	store := bucket(t, s3test.Embedded(t))
	rooms, id := NewRooms(store, NewKeyring(store, master(t))), meeting.NewRoomID()
	if err := rooms.Create(t.Context(), Room{ID: id, Name: "Weekly"}); err != nil {
		t.Fatal(err)
	}
	_, version, err := rooms.Version(t.Context(), id)
	if err != nil || version == "" {
		t.Fatalf("version %q, %v", version, err)
	}
	rename := func(ctx context.Context, name string) error {
		_, err := rooms.Update(ctx, id, func(r *Room) error { r.Name = name; return nil })
		return err
	}
	ctx := rooms.Expect(t.Context(), id, version)
	if err := errors.Join(rename(ctx, "First"), rename(ctx, "Still the same request")); err != nil {
		t.Errorf("the expected version was refused: %v", err)
	}
	if err := rename(rooms.Expect(t.Context(), id, version), "Late"); !errors.Is(err, ErrOutdated) {
		t.Errorf("an outdated change gave %v", err)
	}
	if err := rename(t.Context(), "Whatever is there"); err != nil {
		t.Errorf("a change that expects nothing: %v", err)
	}
	if err := rename(rooms.Expect(t.Context(), meeting.NewRoomID(), "x"), "Another room was meant"); err != nil {
		t.Errorf("what is expected of another room: %v", err)
	}
}

func TestOfManyWhoExpectTheSameVersionOneIsFirst(t *testing.T) {
	instance := NewInstance(bucket(t, s3test.Embedded(t)))
	for _, state := range []string{"never stored", "stored"} {
		_, version, err := instance.Version(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var group sync.WaitGroup
		errs := make([]error, 8)
		for i := range errs {
			group.Go(func() {
				_, errs[i] = instance.Update(instance.Expect(t.Context(), version), func(s *Settings) error { s.KeepAudio = !s.KeepAudio; return nil })
			})
		}
		group.Wait()
		done := 0
		for _, err := range errs {
			if err == nil {
				done++
			} else if !errors.Is(err, ErrOutdated) {
				t.Errorf("%s: %v", state, err)
			}
		}
		if done != 1 {
			t.Errorf("%s: %d changes of the same version were made", state, done)
		}
	}
}
