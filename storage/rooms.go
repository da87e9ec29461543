package storage

import (
	"context"
	"fmt"
	"strings"

	"souffleur/internal/meeting"
)

// Room is a lasting, named place with an AI policy, as stored in rooms/<room>.json, sealed with the instance key.
type Room struct {
	ID            meeting.RoomID     `json:"id"`
	Name          string             `json:"name"`
	Owner         meeting.PersonID   `json:"owner,omitempty"`
	Organizers    []meeting.PersonID `json:"organizers,omitempty"`
	LinkHash      string             `json:"link_hash,omitempty"`  // SHA-256 in hexadecimal of the organizer link's secret; "" if there is no link
	Level         meeting.Level      `json:"level"`                // the organizers' choice
	Ceiling       *meeting.Level     `json:"ceiling,omitempty"`    // an admin's limit for this room; nil: the instance's
	KeepAudio     bool               `json:"keep_audio,omitempty"` // the organizers' choice: what is said is stored as sound from level transcript on
	Langs         []string           `json:"langs,omitempty"`      // spoken languages, BCP 47 primary subtags; empty: any
	Glossary      []string           `json:"glossary,omitempty"`   // names and acronyms that recognisers should expect
	Engines       meeting.Engines    `json:"engines,omitzero"`     // an admin's choice
	Retention     Retention          `json:"retention,omitzero"`   // how long what is said here is kept; never longer than on the instance
	CreatedUnixMS int64              `json:"created_unix_ms"`
	E2EE          bool               `json:"e2ee,omitempty"` // browsers encrypt for one another: the server hears nothing, so there is no AI
	Rules         meeting.Rules      `json:"rules,omitzero"` // how people live together in its meetings

	Access  Access   `json:"access,omitempty"`  // who may join; "": Public
	Members []string `json:"members,omitempty"` // e-mail addresses, in lower case; who may join if access is Restricted

	OneVoice bool `json:"one_voice,omitempty"` // an admin's choice: voices at a shared microphone are not told apart
}

// Access says who may join a room. Organizers and admins always may.
type Access string

// Who may join.
const (
	// Public rooms are for everybody who has the link.
	Public Access = "public"
	// SignedIn rooms are for everybody who has signed in.
	SignedIn Access = "signed-in"
	// Restricted rooms are for those who have signed in with an address that is among the room's members.
	Restricted Access = "restricted"
)

// MaxMembers bounds the members of a room.
const MaxMembers = 500

// AccessNow returns who may join the room.
func (r *Room) AccessNow() Access {
	if r.Access == "" {
		return Public
	}
	return r.Access
}

// CeilingIn returns how far the AI may go in the room: its own ceiling, else the instance's. Where the server cannot hear,
// it is Off whatever they say.
func (r *Room) CeilingIn(instance Settings) meeting.Level {
	if r.E2EE {
		return meeting.Off
	}
	if r.Ceiling != nil {
		return *r.Ceiling
	}
	return instance.Ceiling
}

// Policy returns what the AI does in the room under the instance's settings: at most what the organizers chose, and at
// most what admins allow.
func (r *Room) Policy(instance Settings) meeting.Policy {
	ceiling := r.CeilingIn(instance)
	level := min(r.Level, ceiling)
	return meeting.Policy{
		Level: level, Ceiling: ceiling, Langs: r.Langs, Glossary: r.Glossary, Engines: r.Engines,
		KeepAudio: r.KeepAudio && instance.KeepAudio && level >= meeting.Transcript, E2EE: r.E2EE,
		OneVoice: r.OneVoice || instance.OneVoice,
	}
}

// Rooms keeps the rooms of the installation.
type Rooms struct {
	sealed sealedObjects[Room]
}

// NewRooms returns the rooms kept in store.
func NewRooms(store *Store, keys *Keyring) *Rooms {
	return &Rooms{sealedObjects[Room]{store: store, keys: keys}}
}

const roomPrefix = "rooms/"

func roomObject(id meeting.RoomID) (string, error) {
	if !id.Valid() {
		return "", fmt.Errorf("room %q: %w", id, ErrNotFound)
	}
	return roomPrefix + string(id) + ".json", nil
}

// Create stores a new room; an ID that is taken is ErrExists.
func (r *Rooms) Create(ctx context.Context, room Room) error {
	object, err := roomObject(room.ID)
	if err != nil {
		return err
	}
	return r.sealed.create(ctx, object, room)
}

// Get returns a room, or ErrNotFound.
func (r *Rooms) Get(ctx context.Context, id meeting.RoomID) (Room, error) {
	room, _, err := r.Version(ctx, id)
	return room, err
}

// Version returns a room and a word for its present state, which each change replaces; or ErrNotFound.
func (r *Rooms) Version(ctx context.Context, id meeting.RoomID) (Room, string, error) {
	object, err := roomObject(id)
	if err != nil {
		return Room{}, "", err
	}
	return r.sealed.get(ctx, object)
}

// Expect returns a context in which the next Update of the room succeeds only if the room is still in that version; else its
// error is [ErrOutdated]. Further ones in the same context belong to it.
func (r *Rooms) Expect(ctx context.Context, id meeting.RoomID, version string) context.Context {
	return expecting(ctx, roomPrefix+string(id)+".json", version)
}

// Update changes a room and returns the new one. apply may run several times; its error ends the change.
func (r *Rooms) Update(ctx context.Context, id meeting.RoomID, apply func(*Room) error) (Room, error) {
	object, err := roomObject(id)
	if err != nil {
		return Room{}, err
	}
	return r.sealed.update(ctx, object, apply)
}

// List returns all rooms, by ID. A damaged one is left out with a warning.
func (r *Rooms) List(ctx context.Context) ([]Room, error) {
	objects, err := r.sealed.store.List(ctx, roomPrefix)
	if err != nil {
		return nil, err
	}
	return fetchAll(ctx, objects, func(ctx context.Context, o Object) (Room, error) {
		room, err := r.Get(ctx, meeting.RoomID(strings.TrimSuffix(strings.TrimPrefix(o.Key, roomPrefix), ".json")))
		if isDamage(err) {
			r.sealed.store.log.Warn("room left out of the list", "object", o.Key, "err", err)
			return room, ErrNotFound
		}
		return room, err
	})
}

// Delete removes a room. Its meetings stay.
func (r *Rooms) Delete(ctx context.Context, id meeting.RoomID) error {
	object, err := roomObject(id)
	if err != nil {
		return err
	}
	return r.sealed.store.Delete(ctx, object)
}
