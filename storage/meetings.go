package storage

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"souffleur/internal/meeting"
)

// Meeting is what is known of one meeting besides its words, as stored in meetings/<id>/meeting.json. IDs and times
// stand there in clear; names are sealed with the meeting's archive key.
type Meeting struct {
	ID              meeting.ID
	Room            meeting.RoomID
	RoomName        string           // sealed
	BeganUnixMS     int64            // the room clock's zero
	EndedUnixMS     int64            // 0 while it goes on
	People          []meeting.Person // sealed
	Policies        []meeting.Policy // sealed; in the order in which they held
	Tracks          []meeting.Track  // sealed; audio tracks that were recorded for recognisers, with whose they are
	LiveKeyGone     bool             // the live key was deleted: the end is archived
	TranscriptRev   int              // revision of transcript.json; 0 if there is none
	TranscriptFinal bool             // no more segments will come
	ImportedUnixMS  int64            // when it came from elsewhere; 0: it was held here
	Kept            bool             // an organizer put off what the room's retention would delete
	Retention       Retention        // the room's when the meeting began; it holds once the room is gone
	Door            meeting.Door     // sealed; who may come in, while the meeting goes on

	Consents []meeting.Consent // sealed; what each participant knew of the AI, in the order of time
}

// meetingObject is the stored form.
type meetingObject struct {
	V               int            `json:"v"`
	ID              meeting.ID     `json:"id"`
	Room            meeting.RoomID `json:"room"`
	BeganUnixMS     int64          `json:"began_unix_ms"`
	EndedUnixMS     int64          `json:"ended_unix_ms,omitempty"`
	LiveKeyGone     bool           `json:"live_key_gone,omitempty"`
	TranscriptRev   int            `json:"transcript_rev,omitempty"`
	TranscriptFinal bool           `json:"transcript_final,omitempty"`
	ImportedUnixMS  int64          `json:"imported_unix_ms,omitempty"`
	Kept            bool           `json:"kept,omitempty"`
	Retention       Retention      `json:"retention,omitzero"`
	Sealed          []byte         `json:"sealed"` // meetingNames
}

// meetingNames is the sealed part.
type meetingNames struct {
	RoomName string           `json:"room_name"`
	People   []meeting.Person `json:"people"`
	Policies []meeting.Policy `json:"policies"`
	Tracks   []meeting.Track  `json:"tracks,omitempty"`
	Door     meeting.Door     `json:"door,omitzero"`

	Consents []meeting.Consent `json:"consents,omitempty"`
}

// Meetings keeps the meetings of the installation, past and present.
type Meetings struct {
	store *Store
	keys  *Keyring
}

// NewMeetings returns the meetings kept in store.
func NewMeetings(store *Store, keys *Keyring) *Meetings { return &Meetings{store: store, keys: keys} }

const meetingPrefix = "meetings/"

// meetingPath returns the name of one of the meeting's objects; a foreign ID is ErrNotFound.
func meetingPath(id meeting.ID, name string) (string, error) {
	if !id.Valid() {
		return "", fmt.Errorf("meeting %q: %w", id, ErrNotFound)
	}
	return meetingPrefix + string(id) + "/" + name, nil
}

const meetingFile = "meeting.json"

// Create stores a new meeting, whose keys must exist ([Keyring.Create]). One that is there is ErrExists.
func (m *Meetings) Create(ctx context.Context, v Meeting) error {
	object, err := meetingPath(v.ID, meetingFile)
	if err != nil {
		return err
	}
	body, err := m.encode(ctx, object, v)
	if err != nil {
		return err
	}
	return m.store.Create(ctx, object, body)
}

// Get returns a meeting; ErrNotFound if there is none, ErrNoKey if its data was deleted.
func (m *Meetings) Get(ctx context.Context, id meeting.ID) (Meeting, error) {
	v, _, err := m.get(ctx, id)
	return v, err
}

func (m *Meetings) get(ctx context.Context, id meeting.ID) (Meeting, string, error) {
	object, err := meetingPath(id, meetingFile)
	if err != nil {
		return Meeting{}, "", err
	}
	body, etag, err := m.store.Get(ctx, object)
	if err != nil {
		return Meeting{}, "", err
	}
	v, err := m.decode(ctx, id, object, body)
	return v, etag, err
}

// Update changes a meeting and returns the new one. apply may run several times; its error ends the change.
func (m *Meetings) Update(ctx context.Context, id meeting.ID, apply func(*Meeting) error) (Meeting, error) {
	object, err := meetingPath(id, meetingFile)
	if err != nil {
		return Meeting{}, err
	}
	read := func(ctx context.Context) (Meeting, string, error) { return m.get(ctx, id) }
	write := func(ctx context.Context, v Meeting, etag string) error {
		body, err := m.encode(ctx, object, v)
		if err != nil {
			return err
		}
		return m.store.Update(ctx, object, body, etag)
	}
	return change(ctx, read, write, apply)
}

// IDs returns the meetings that have objects in the store, newest first. It reads none of them.
func (m *Meetings) IDs(ctx context.Context) ([]meeting.ID, error) {
	names, err := m.store.Folders(ctx, meetingPrefix)
	if err != nil {
		return nil, err
	}
	ids := make([]meeting.ID, 0, len(names))
	for _, name := range names {
		if id := meeting.ID(name); id.Valid() {
			ids = append(ids, id)
		}
	}
	slices.Reverse(ids) // ULIDs sort by time
	return ids, nil
}

// List returns all meetings whose data was not deleted, newest first. It reads each meeting's document and, the first
// time, its key: hundreds take a fraction of a second. One that was damaged or moved, or whose key does not open, is left out
// with a warning: one bad object must not hide the others.
func (m *Meetings) List(ctx context.Context) ([]Meeting, error) {
	ids, err := m.store.Folders(ctx, meetingPrefix)
	if err != nil {
		return nil, err
	}
	slices.Reverse(ids) // ULIDs sort by time
	return fetchAll(ctx, ids, func(ctx context.Context, id string) (Meeting, error) { return m.listed(ctx, meeting.ID(id)) })
}

// listed is Get for a list: a meeting that was damaged is taken for one that is not there.
func (m *Meetings) listed(ctx context.Context, id meeting.ID) (Meeting, error) {
	v, err := m.Get(ctx, id)
	if isDamage(err) {
		m.store.log.Warn("meeting left out of the list", "meeting", id, "err", err)
		return v, ErrNotFound
	}
	return v, err
}

// pageStep is how many meetings a page reads at once before it looks how many are still missing.
const pageStep = 64

// Page returns the first of the meetings with these IDs that are wanted, up to limit and in the order of the IDs, and whether there
// are more. Unlike List it reads only what it passes.
func (m *Meetings) Page(ctx context.Context, ids []meeting.ID, limit int, wanted func(*Meeting) bool) (page []Meeting, more bool, err error) {
	for step := range slices.Chunk(ids, pageStep) {
		read, err := fetchAll(ctx, step, m.listed)
		if err != nil {
			return nil, false, err
		}
		for i := range read {
			if !wanted(&read[i]) {
				continue
			}
			if len(page) == limit {
				return page, true, nil
			}
			page = append(page, read[i])
		}
	}
	return page, false, nil
}

// Open returns the meetings that have not ended, newest first.
func (m *Meetings) Open(ctx context.Context) ([]Meeting, error) {
	all, err := m.List(ctx)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(v Meeting) bool { return v.EndedUnixMS != 0 }), nil
}

// Delete makes everything that is stored of a meeting unreadable, then removes it. It may be repeated. What stands elsewhere is
// deleted by [Forgetter.Meeting], which is what everybody should call.
func (m *Meetings) Delete(ctx context.Context, id meeting.ID) error {
	_, err := m.remove(ctx, id)
	return err
}

// remove is Delete and says how many objects went, beside the keys.
func (m *Meetings) remove(ctx context.Context, id meeting.ID) (objects int, err error) {
	prefix, err := meetingPath(id, "")
	if err != nil {
		return 0, err
	}
	if err := errors.Join(m.keys.DeleteArchive(ctx, id), m.keys.DeleteLive(ctx, id)); err != nil {
		return 0, fmt.Errorf("delete meeting %s: %w", id, err)
	}
	all, err := m.store.List(ctx, prefix)
	if err != nil {
		return 0, fmt.Errorf("delete meeting %s: %w", id, err)
	}
	if err := m.store.deleteAll(ctx, all); err != nil {
		return 0, fmt.Errorf("delete meeting %s: %w", id, err)
	}
	return len(all), nil
}

func (m *Meetings) encode(ctx context.Context, object string, v Meeting) ([]byte, error) {
	key, err := m.keys.Archive(ctx, v.ID)
	if err != nil {
		return nil, err
	}
	sealed, err := sealJSON(key, object, meetingNames{
		RoomName: v.RoomName, People: v.People, Policies: v.Policies, Tracks: v.Tracks, Door: v.Door,
		Consents: v.Consents,
	})
	if err != nil {
		return nil, err
	}
	return encode(object, meetingObject{
		V: documentVersion, ID: v.ID, Room: v.Room, BeganUnixMS: v.BeganUnixMS, EndedUnixMS: v.EndedUnixMS,
		LiveKeyGone: v.LiveKeyGone, TranscriptRev: v.TranscriptRev, TranscriptFinal: v.TranscriptFinal,
		ImportedUnixMS: v.ImportedUnixMS, Kept: v.Kept, Retention: v.Retention, Sealed: sealed,
	})
}

func (m *Meetings) decode(ctx context.Context, id meeting.ID, object string, body []byte) (Meeting, error) {
	var o meetingObject
	if err := decode(object, body, &o, func(o *meetingObject) int { return o.V }); err != nil {
		return Meeting{}, err
	}
	if o.ID != id {
		return Meeting{}, fmt.Errorf("%s: %w: it holds another meeting", object, ErrDamaged)
	}
	key, err := m.keys.Archive(ctx, id)
	if err != nil {
		return Meeting{}, err
	}
	var names meetingNames
	if err := openJSON(key, object, o.Sealed, &names); err != nil {
		return Meeting{}, err
	}
	v := o.facts()
	v.RoomName, v.People, v.Policies, v.Tracks, v.Door = names.RoomName, names.People, names.Policies, names.Tracks, names.Door
	v.Consents = names.Consents
	return v, nil
}

// facts is what stands in clear.
func (o *meetingObject) facts() Meeting {
	return Meeting{
		ID: o.ID, Room: o.Room, BeganUnixMS: o.BeganUnixMS, EndedUnixMS: o.EndedUnixMS, LiveKeyGone: o.LiveKeyGone,
		TranscriptRev: o.TranscriptRev, TranscriptFinal: o.TranscriptFinal,
		ImportedUnixMS: o.ImportedUnixMS, Kept: o.Kept, Retention: o.Retention,
	}
}

// readFacts returns a meeting without what is sealed; it needs no key.
func (m *Meetings) readFacts(ctx context.Context, id meeting.ID) (Meeting, error) {
	object, err := meetingPath(id, meetingFile)
	if err != nil {
		return Meeting{}, err
	}
	body, _, err := m.store.Get(ctx, object)
	if err != nil {
		return Meeting{}, err
	}
	var o meetingObject
	if err := decode(object, body, &o, func(o *meetingObject) int { return o.V }); err != nil {
		return Meeting{}, err
	}
	if o.ID != id {
		return Meeting{}, fmt.Errorf("%s: %w: it holds another meeting", object, ErrDamaged)
	}
	return o.facts(), nil
}
