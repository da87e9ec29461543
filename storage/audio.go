package storage

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"sort"

	"souffleur/internal/meeting"
	"souffleur/internal/ogg"
	"souffleur/internal/seal"
	"souffleur/internal/tape"
)

// Audio reads the sound that was kept of meetings. Each track is one Ogg Opus stream whose time is the room
// clock; see [tape]. It is safe for concurrent use.
type Audio struct {
	store    *Store
	keys     *Keyring
	meetings *Meetings
}

// NewAudio returns the audio kept in store.
func NewAudio(store *Store, keys *Keyring, meetings *Meetings) *Audio {
	return &Audio{store: store, keys: keys, meetings: meetings}
}

// AudioTrack is what was kept of one track.
type AudioTrack struct {
	Track       meeting.TrackID
	Participant meeting.ParticipantID // "" if it is not known any more
	FromMS      int64                 // room clock, of the first sound
	ToMS        int64                 // room clock, of the end of the last; the length of the stream
	Bytes       int64                 // of the stream
}

// Tracks returns what was kept of a meeting, so far, without that of people who were forgotten. A track that does not open is
// left out with a warning. ErrNotFound if there is no such meeting, ErrNoKey if its data was deleted.
func (a *Audio) Tracks(ctx context.Context, id meeting.ID) ([]AudioTrack, error) {
	m, err := a.meetings.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	folder, err := audioFolderOf(id, "")
	if err != nil {
		return nil, err
	}
	names, err := a.store.Folders(ctx, folder)
	if err != nil {
		return nil, err
	}
	key, err := a.keys.Archive(ctx, id)
	if err != nil {
		return nil, err
	}
	return fetchAll(ctx, names, func(ctx context.Context, name string) (AudioTrack, error) {
		track := meeting.TrackID(name)
		if isForgotten(m, track) {
			return AudioTrack{}, ErrNotFound
		}
		t, err := a.describe(ctx, key, id, track)
		if isDamaged(err) {
			a.store.log.Warn("audio left out of the list", "meeting", id, "track", track, "err", err)
			return t, ErrNotFound
		}
		t.Participant = participantOf(m, track)
		return t, err
	})
}

// participantOf returns whose track it is, "" if that is not known any more.
func participantOf(m Meeting, track meeting.TrackID) meeting.ParticipantID {
	for _, t := range m.Tracks {
		if t.Track == track {
			return t.Participant
		}
	}
	return ""
}

// isForgotten says whether a track is of somebody who was forgotten: nobody hears it, though it may not be removed yet.
func isForgotten(m Meeting, track meeting.TrackID) bool {
	return slices.Contains(forgottenIn(m.People), participantOf(m, track))
}

func (a *Audio) describe(ctx context.Context, key seal.Key, id meeting.ID, track meeting.TrackID) (AudioTrack, error) {
	log, err := openAudioLog(a.store, id, track)
	if err != nil {
		return AudioTrack{}, err
	}
	n, last, err := log.tail(ctx, key)
	if err != nil {
		return AudioTrack{}, err
	}
	if n == 0 {
		return AudioTrack{}, ErrNotFound // deleted since it was listed
	}
	first := last
	if n > 1 {
		if first, err = log.head(ctx, key, 0); err != nil {
			return AudioTrack{}, err
		}
	}
	return AudioTrack{
		Track: track, FromMS: first.Start / tape.SamplesPerMS, ToMS: last.End / tape.SamplesPerMS, Bytes: last.Size(),
	}, nil
}

// Open returns the stream of one track, as far as it is stored now. ErrNotFound if nothing was kept of it, or its speaker was
// forgotten; ErrNoKey if the meeting's data was deleted.
func (a *Audio) Open(ctx context.Context, id meeting.ID, track meeting.TrackID) (*AudioStream, error) {
	m, err := a.meetings.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	if isForgotten(m, track) {
		return nil, fmt.Errorf("audio of track %s: %w", track, ErrNotFound)
	}
	log, err := openAudioLog(a.store, id, track)
	if err != nil {
		return nil, err
	}
	pieces, err := log.list(ctx)
	if err != nil {
		return nil, err
	}
	if len(pieces) == 0 {
		return nil, fmt.Errorf("audio of track %s: %w", track, ErrNotFound)
	}
	key, err := a.keys.Archive(ctx, id)
	if err != nil {
		return nil, err
	}
	s := &AudioStream{ctx: ctx, log: log, key: key, pieces: len(pieces), heads: map[int]tape.Head{}, piece: -1}
	last, err := s.head(s.pieces - 1)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256([]byte(pieces[s.pieces-1].Key + "\x00" + pieces[s.pieces-1].ETag))
	s.size, s.etag = last.Size(), hex.EncodeToString(sum[:16])
	return s, nil
}

// AudioStream is the Ogg Opus stream of one track: an io.ReadSeeker that opens only the pieces it is read from, and holds
// one at a time. It does not change while it is open. One goroutine owns it.
type AudioStream struct {
	ctx    context.Context // of the request that reads it
	log    *audioLog
	key    seal.Key
	pieces int
	size   int64
	etag   string

	at    int64             // where it is read next
	heads map[int]tape.Head // those that were looked at
	piece int               // whose pages are in hand; -1: none
	pages []byte
}

// Size returns its length in bytes.
func (s *AudioStream) Size() int64 { return s.size }

// ETag names its content: one that has grown since has another. It has no quotes.
func (s *AudioStream) ETag() string { return s.etag }

// Seek implements io.Seeker.
func (s *AudioStream) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += s.at
	case io.SeekEnd:
		offset += s.size
	}
	if offset < 0 {
		return 0, errors.New("seek before the beginning of a stream")
	}
	s.at = offset
	return offset, nil
}

// Read implements io.Reader. A piece that was deleted meanwhile is ErrNotFound.
func (s *AudioStream) Read(p []byte) (int, error) {
	if s.at >= s.size {
		return 0, io.EOF
	}
	chunk, err := s.chunk()
	if err != nil {
		return 0, fmt.Errorf("read kept audio: %w", err)
	}
	n := copy(p, chunk)
	s.at += int64(n)
	return n, nil
}

// chunk returns what stands at the reading place: at least one byte.
func (s *AudioStream) chunk() ([]byte, error) {
	if headers := tape.Headers(s.log.serial); s.at < int64(len(headers)) {
		return headers[s.at:], nil
	}
	n, err := s.find()
	if err != nil {
		return nil, err
	}
	head, err := s.head(n)
	if err != nil {
		return nil, err
	}
	at := s.at - head.Offset
	if at < head.Silence() {
		return head.SilenceFrom(s.log.serial, at), nil
	}
	if err := s.load(n); err != nil {
		return nil, err
	}
	at -= head.Silence()
	if at >= int64(len(s.pages)) {
		return nil, fmt.Errorf("%s: %w", s.log.object(n), errPieceMissing)
	}
	return s.pages[at:], nil
}

// find returns the piece that the reading place is in: the last that begins at it or before.
func (s *AudioStream) find() (int, error) {
	if s.piece >= 0 {
		if h := s.heads[s.piece]; s.at >= h.Offset && s.at < h.Size() {
			return s.piece, nil
		}
	}
	var failed error
	after := sort.Search(s.pieces, func(n int) bool {
		h, err := s.head(n)
		failed = errors.Join(failed, err)
		return h.Offset > s.at
	})
	if failed != nil {
		return 0, failed
	}
	return max(after-1, 0), nil
}

func (s *AudioStream) head(n int) (tape.Head, error) {
	if h, ok := s.heads[n]; ok {
		return h, nil
	}
	h, err := s.log.head(s.ctx, s.key, n)
	if err == nil {
		s.heads[n] = h
	}
	return h, err
}

// load takes the pages of piece n into hand.
func (s *AudioStream) load(n int) error {
	if s.piece == n {
		return nil
	}
	head, pages, err := s.log.piece(s.ctx, s.key, n)
	if err != nil {
		return err
	}
	if n == s.pieces-1 {
		ogg.MarkLast(pages[head.Last:])
	}
	s.heads[n], s.piece, s.pages = head, n, pages
	return nil
}
