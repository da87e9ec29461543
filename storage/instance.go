package storage

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"souffleur/internal/meeting"
)

// RoomCreation says who may create rooms.
type RoomCreation string

// Who may create rooms.
const (
	AnyoneCreates   RoomCreation = "anyone"
	SignedInCreates RoomCreation = "signed-in"
	AdminCreates    RoomCreation = "admin"
)

// Settings are those of the installation that an admin changes while it runs, as stored in instance.json. They hold no
// names, so they stand in clear.
type Settings struct {
	Ceiling      meeting.Level `json:"ceiling"` // how far the AI may go where a room has no ceiling of its own
	RoomCreation RoomCreation  `json:"room_creation"`
	Retention    Retention     `json:"retention,omitzero"` // how long what was said is kept at most, in every room

	// KeepAudio lets organizers store what is said in their rooms as sound. A voice says more about a person than their
	// words, so an admin has to allow it first.
	KeepAudio bool `json:"keep_audio,omitempty"`

	// OneVoice keeps voices at shared microphones from being told apart, in every room.
	OneVoice bool `json:"one_voice,omitempty"`
}

// DefaultSettings returns what holds until an admin changes it.
func DefaultSettings() Settings {
	return Settings{Ceiling: meeting.Minutes, RoomCreation: AnyoneCreates}
}

// Validate names the first wrong setting.
func (s Settings) Validate() error {
	if s.Ceiling > meeting.Minutes {
		return fmt.Errorf("ceiling %v is none of off, captions, transcript, minutes", s.Ceiling)
	}
	if err := s.Retention.Validate(); err != nil {
		return fmt.Errorf("retention: %w", err)
	}
	switch s.RoomCreation {
	case AnyoneCreates, SignedInCreates, AdminCreates:
		return nil
	}
	return fmt.Errorf("room_creation %q is none of anyone, signed-in, admin", s.RoomCreation)
}

// storedSettings is the stored form.
type storedSettings struct {
	V int `json:"v"`
	Settings
}

// Instance keeps the settings.
type Instance struct {
	store *Store
}

// NewInstance returns the settings kept in store.
func NewInstance(store *Store) *Instance { return &Instance{store: store} }

const instanceObject = "instance.json"

// Get returns the settings, the default ones if none were stored.
func (i *Instance) Get(ctx context.Context) (Settings, error) {
	s, _, err := i.get(ctx)
	return s, err
}

// noVersion is the version of settings that were never stored. No ETag looks like it.
const noVersion = "default"

// Version returns the settings and a word for their present state.
func (i *Instance) Version(ctx context.Context) (Settings, string, error) {
	s, etag, err := i.get(ctx)
	return s, cmp.Or(etag, noVersion), err
}

// Expect returns a context in which the next Update succeeds only if the settings are still in that version; else its error is
// [ErrOutdated]. Further ones in the same context belong to it.
func (i *Instance) Expect(ctx context.Context, version string) context.Context {
	if version == noVersion {
		version = ""
	}
	return expecting(ctx, instanceObject, version)
}

// get also returns the ETag, "" if nothing is stored yet.
func (i *Instance) get(ctx context.Context) (Settings, string, error) {
	body, etag, err := i.store.Get(ctx, instanceObject)
	if errors.Is(err, ErrNotFound) {
		return DefaultSettings(), "", nil
	}
	if err != nil {
		return Settings{}, "", err
	}
	var stored storedSettings
	if err := decode(instanceObject, body, &stored, func(s *storedSettings) int { return s.V }); err != nil {
		return Settings{}, "", err
	}
	return stored.Settings, etag, stored.Validate()
}

// Update changes the settings and returns the new ones. apply may run several times; its error ends the change, as do
// settings that are not valid.
func (i *Instance) Update(ctx context.Context, apply func(*Settings) error) (Settings, error) {
	expected := expectationOf(ctx, instanceObject)
	read := func(ctx context.Context) (Settings, string, error) {
		s, etag, err := i.get(ctx)
		if err == nil {
			err = expected.check(etag)
		}
		return s, etag, err
	}
	write := func(ctx context.Context, s Settings, etag string) error {
		err := i.put(ctx, s, etag)
		if err == nil {
			expected.meet()
		}
		return err
	}
	return change(ctx, read, write, func(s *Settings) error {
		if err := apply(s); err != nil {
			return err
		}
		return s.Validate()
	})
}

func (i *Instance) put(ctx context.Context, s Settings, etag string) error {
	body, err := encode(instanceObject, storedSettings{V: documentVersion, Settings: s})
	if err != nil {
		return err
	}
	if etag == "" {
		return i.store.Create(ctx, instanceObject, body)
	}
	return i.store.Update(ctx, instanceObject, body, etag)
}
