package storage

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"souffleur/internal/meeting"
	"souffleur/internal/seal"
)

// TranscriptVersion is the version of [Transcript]'s JSON form. It rises when a reader of the form before would read
// something wrong; fields that can be passed over are no new version. docs/transcript.md describes the form.
const TranscriptVersion = 1

// Transcript is the ordered segments of a meeting. `souffleur transcribe` makes one without a meeting: its room clock begins with
// the recording, at BeganUnixMS 0, and EndedUnixMS is the recording's length.
type Transcript struct {
	V           int               `json:"v"`
	Meeting     meeting.ID        `json:"meeting,omitempty"`
	Room        meeting.RoomID    `json:"room,omitempty"`
	RoomName    string            `json:"room_name,omitempty"`
	BeganUnixMS int64             `json:"began_unix_ms,omitempty"` // the room clock's zero
	EndedUnixMS int64             `json:"ended_unix_ms,omitempty"` // 0 while the meeting goes on
	People      []meeting.Person  `json:"people"`                  // by order of joining
	Names       []SpeakerName     `json:"names,omitempty"`         // given to speakers afterwards, by speaker
	Segments    []meeting.Segment `json:"segments"`                // by T0, then ID; one per ID, that of the highest revision
	Rev         int               `json:"rev"`                     // of the stored transcript; 0: built from what is there so far
	EditRev     int               `json:"edit_rev"`                // rises with everything that people change; 0: nothing so far
	Final       bool              `json:"final"`                   // no more segments will come
	Damaged     int               `json:"damaged,omitempty"`       // batches that do not open any more: what stood there is missing
}

// Transcripts reads transcripts. It is safe for concurrent use.
type Transcripts struct {
	store    *Store
	keys     *Keyring
	meetings *Meetings
	cache    batchCache
}

// NewTranscripts returns the transcripts kept in store.
func NewTranscripts(store *Store, keys *Keyring, meetings *Meetings) *Transcripts {
	return &Transcripts{store: store, keys: keys, meetings: meetings}
}

const (
	transcriptFile = "transcript.json"
	batchFolder    = "segments/"
	batchSuffix    = ".jsonl"
)

// Read returns the meeting's transcript with what people corrected in it: the stored one, else one built from the
// segments archived so far. Names are those that the meeting has now. ErrNotFound if there is no such meeting, ErrNoKey
// if its data was deleted.
func (t *Transcripts) Read(ctx context.Context, id meeting.ID) (*Transcript, error) {
	v, err := t.recognised(ctx, id)
	if err != nil {
		return nil, err
	}
	c, _, err := t.corrections(ctx, id)
	if err != nil {
		return nil, err
	}
	c.apply(v)
	return v, nil
}

// recognised returns the transcript as recognisers wrote it.
func (t *Transcripts) recognised(ctx context.Context, id meeting.ID) (*Transcript, error) {
	v, err := t.meetings.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	stored, _, err := t.stored(ctx, id)
	if errors.Is(err, ErrNotFound) {
		return t.build(ctx, v)
	}
	if err != nil {
		return nil, err
	}
	stored.describe(v)
	return stored, nil
}

// Mark returns a short text that differs whenever [Transcripts.Read] may return something else: it sums up the names and
// ETags of the objects that a transcript is made of. ErrNotFound if there is no such meeting, ErrNoKey if its data was
// deleted.
func (t *Transcripts) Mark(ctx context.Context, id meeting.ID) (string, error) {
	prefix, err := meetingPath(id, "")
	if err != nil {
		return "", err
	}
	objects, err := t.store.Files(ctx, prefix)
	if err != nil {
		return "", err
	}
	has := func(name string) bool {
		return slices.ContainsFunc(objects, func(o Object) bool { return o.Key == prefix+name })
	}
	switch {
	case !has(meetingFile):
		return "", fmt.Errorf("meeting %s: %w", id, ErrNotFound)
	case !has(archiveKeyFile):
		return "", fmt.Errorf("meeting %s: %w", id, ErrNoKey)
	case !has(transcriptFile):
		batches, err := t.store.List(ctx, prefix+batchFolder)
		if err != nil {
			return "", err
		}
		objects = append(objects, batches...)
	}
	sum := sha256.New()
	for _, o := range objects {
		if partOf(o.Key[len(prefix):]) == minutesPart {
			continue // they are made from the transcript
		}
		fmt.Fprintf(sum, "%s\x00%s\x00", o.Key, o.ETag)
	}
	return hex.EncodeToString(sum.Sum(nil)[:16]), nil
}

// describe takes over what the meeting's document says.
func (t *Transcript) describe(v Meeting) {
	t.Meeting, t.Room, t.RoomName = v.ID, v.Room, v.RoomName
	t.BeganUnixMS, t.EndedUnixMS = v.BeganUnixMS, v.EndedUnixMS
	t.People = slices.Clone(v.People)
	slices.SortStableFunc(t.People, func(a, b meeting.Person) int { return cmp.Compare(a.Order, b.Order) })
	t.Segments = withoutWordsOf(forgottenIn(v.People), t.Segments)
}

// Forget drops what is in memory of a meeting.
func (t *Transcripts) Forget(id meeting.ID) { t.cache.drop(id) }

// stored returns transcript.json and its ETag, or ErrNotFound.
func (t *Transcripts) stored(ctx context.Context, id meeting.ID) (*Transcript, string, error) {
	object, err := meetingPath(id, transcriptFile)
	if err != nil {
		return nil, "", err
	}
	body, etag, err := t.store.Get(ctx, object)
	if err != nil {
		return nil, "", err
	}
	key, err := t.keys.Archive(ctx, id)
	if err != nil {
		return nil, "", err
	}
	v := new(Transcript)
	if err := openDocument(key, object, body, v); err != nil {
		return nil, "", err
	}
	if v.V != TranscriptVersion {
		return nil, "", fmt.Errorf("decode %s: %w", object, ErrVersion)
	}
	if v.Meeting != id {
		return nil, "", fmt.Errorf("%s: %w: it holds another meeting", object, ErrDamaged)
	}
	return v, etag, nil
}

// write stores a transcript, replacing the one with the given ETag; "" if there is none.
func (t *Transcripts) write(ctx context.Context, v *Transcript, etag string) error {
	object, err := meetingPath(v.Meeting, transcriptFile)
	if err != nil {
		return err
	}
	key, err := t.keys.Archive(ctx, v.Meeting)
	if err != nil {
		return err
	}
	body, err := sealDocument(key, object, v)
	if err != nil {
		return err
	}
	if etag == "" {
		return t.store.Create(ctx, object, body)
	}
	return t.store.Update(ctx, object, body, etag)
}

// build makes a transcript of the archived batches.
func (t *Transcripts) build(ctx context.Context, v Meeting) (*Transcript, error) {
	segments, damaged, err := t.archived(ctx, v.ID)
	if err != nil {
		return nil, err
	}
	built := &Transcript{V: TranscriptVersion, Segments: segments, Final: v.TranscriptFinal, Damaged: damaged}
	built.describe(v)
	return built, nil
}

// archived reads all batches of a meeting, in the order in which they were stored. After a crash a final may stand in two of them. A
// batch that will never open is left out and counted: five seconds that were damaged must not take a whole meeting with them.
func (t *Transcripts) archived(ctx context.Context, id meeting.ID) (segments []meeting.Segment, damaged int, err error) {
	key, err := t.keys.Archive(ctx, id)
	if err != nil {
		return nil, 0, err
	}
	prefix, err := meetingPath(id, batchFolder)
	if err != nil {
		return nil, 0, err
	}
	objects, err := t.store.List(ctx, prefix)
	if err != nil {
		return nil, 0, err
	}
	slices.SortStableFunc(objects, func(a, b Object) int { return strings.Compare(storedAt(a.Key), storedAt(b.Key)) })
	var bad atomic.Int64
	batches, err := fetchAll(ctx, objects, func(ctx context.Context, o Object) ([]meeting.Segment, error) {
		segments, err := t.batch(ctx, key, id, o)
		if isLost(err) {
			t.store.log.Error("a batch of segments is damaged and left out", "object", o.Key, "err", err)
			bad.Add(1)
			return nil, nil
		}
		return segments, err
	})
	if err != nil {
		return nil, 0, err
	}
	return orderSegments(slices.Concat(batches...)), int(bad.Load()), nil
}

// storedAt returns what of a batch's name rises with the time at which it was stored: its ULID. The names themselves rise with
// what was said, so a final that came late would come first.
func storedAt(key string) string { return key[strings.LastIndexByte(key, '-')+1:] }

// batch returns the segments of one batch, which must not be changed.
func (t *Transcripts) batch(ctx context.Context, key seal.Key, id meeting.ID, o Object) ([]meeting.Segment, error) {
	if segments, ok := t.cache.get(id, o, time.Now()); ok {
		return segments, nil
	}
	body, _, err := t.store.Get(ctx, o.Key)
	if err != nil {
		return nil, err
	}
	segments, err := openBatch(key, o.Key, body)
	if err != nil {
		return nil, err
	}
	t.cache.put(id, o, segments, time.Now())
	return segments, nil
}

// orderSegments keeps one segment per ID, that of the highest revision (at equal revision the first), and sorts them.
func orderSegments(segments []meeting.Segment) []meeting.Segment {
	best := make(map[meeting.SegmentID]meeting.Segment, len(segments))
	for _, s := range segments {
		if old, ok := best[s.Seg]; !ok || s.Rev > old.Rev {
			best[s.Seg] = s
		}
	}
	ordered := make([]meeting.Segment, 0, len(best))
	for _, s := range best {
		ordered = append(ordered, s)
	}
	slices.SortFunc(ordered, func(a, b meeting.Segment) int {
		return cmp.Or(cmp.Compare(a.T0, b.T0), strings.Compare(string(a.Seg), string(b.Seg)))
	})
	return ordered
}

// batchPlace is the place of one line, so that lines cannot be moved within or between batches.
func batchPlace(object string, line int) string { return fmt.Sprintf("%s#%d", object, line) }

// sealBatch returns the body of a batch object: one sealed JSON line per segment.
func sealBatch(key seal.Key, object string, segments []meeting.Segment) ([]byte, error) {
	var out bytes.Buffer
	for i := range segments {
		line, err := sealDocument(key, batchPlace(object, i), &segments[i])
		if err != nil {
			return nil, err
		}
		out.Write(line)
		out.WriteByte('\n')
	}
	return out.Bytes(), nil
}

// openBatch reads what sealBatch wrote.
func openBatch(key seal.Key, object string, body []byte) ([]meeting.Segment, error) {
	var segments []meeting.Segment
	lines := bufio.NewScanner(bytes.NewReader(body))
	lines.Buffer(nil, maxObject)
	for lines.Scan() {
		var s meeting.Segment
		if err := openDocument(key, batchPlace(object, len(segments)), lines.Bytes(), &s); err != nil {
			return nil, err
		}
		segments = append(segments, s)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read %s: %w", object, err)
	}
	return segments, nil
}

// Langs returns the languages that are spoken, BCP 47 primary subtags, that in which most is written first.
func (t *Transcript) Langs() []string {
	length := map[string]int{}
	for i := range t.Segments {
		if s := &t.Segments[i]; s.Lang != "" && s.Text != "" {
			length[s.Lang] += len(s.Text)
		}
	}
	langs := slices.AppendSeq([]string{}, maps.Keys(length))
	slices.SortFunc(langs, func(a, b string) int {
		return cmp.Or(cmp.Compare(length[b], length[a]), strings.Compare(a, b))
	})
	return langs
}
