package storage

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"souffleur/internal/meeting"
	"souffleur/internal/seal"
	"souffleur/internal/tape"
)

const audioFolder = "audio/"

// audioFolderOf returns the folder of a track's audio, or of the whole meeting's for an empty track. A foreign name is
// ErrNotFound.
func audioFolderOf(id meeting.ID, track meeting.TrackID) (string, error) {
	if track == "" {
		return meetingPath(id, audioFolder)
	}
	if !track.Valid() {
		return "", fmt.Errorf("track %q: %w", track, ErrNotFound)
	}
	return meetingPath(id, audioFolder+string(track)+"/")
}

// audioLog is the kept audio of one track: pieces of a [tape], numbered from 0, each created once and never changed. Whoever
// appends says which number the piece has; of two who append at once, one is refused, and reads what the other wrote.
type audioLog struct {
	store  *Store
	folder string
	serial uint32
}

func openAudioLog(store *Store, id meeting.ID, track meeting.TrackID) (*audioLog, error) {
	if track == "" {
		return nil, fmt.Errorf("no track: %w", ErrNotFound)
	}
	folder, err := audioFolderOf(id, track)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256([]byte(folder))
	return &audioLog{store: store, folder: folder, serial: binary.BigEndian.Uint32(sum[:])}, nil
}

// AudioWriter appends to the kept audio of one track. Several may write to one track: what another has written is not
// written again. One goroutine owns it.
type AudioWriter struct {
	log  *audioLog
	keys *Keyring
	id   meeting.ID

	known  bool // the rest is what the store has
	stored int  // pieces
	tail   tape.Head
}

// NewAudioWriter returns a writer. A foreign name is ErrNotFound.
func NewAudioWriter(store *Store, keys *Keyring, id meeting.ID, track meeting.TrackID) (*AudioWriter, error) {
	log, err := openAudioLog(store, id, track)
	if err != nil {
		return nil, err
	}
	return &AudioWriter{log: log, keys: keys, id: id}, nil
}

// Append writes packets, which must be playable and in order, as the track's next piece; those that are stored already are
// left out. ErrNoKey if the meeting's data was deleted; after any other error it may be repeated.
func (w *AudioWriter) Append(ctx context.Context, packets []tape.Packet) error {
	for {
		err := w.appendOnce(ctx, packets)
		if !errors.Is(err, ErrExists) {
			return err
		}
		w.known = false // somebody was first, or we were, before a crash: what is missing is appended
	}
}

func (w *AudioWriter) appendOnce(ctx context.Context, packets []tape.Packet) error {
	key, err := w.keys.Archive(ctx, w.id)
	if err != nil {
		return err
	}
	if !w.known {
		if w.stored, w.tail, err = w.log.tail(ctx, key); err != nil {
			return err
		}
		w.known = true
	}
	for len(packets) > 0 && w.tail.Mark.Passed(packets[0]) {
		packets = packets[1:]
	}
	head, pages := tape.Write(w.log.serial, w.tail, packets)
	if len(pages) == 0 {
		return nil
	}
	if err := w.log.store.Create(ctx, w.log.object(w.stored), w.log.seal(key, w.stored, head, pages)); err != nil {
		return err
	}
	w.stored, w.tail = w.stored+1, head
	return nil
}

// isDamaged says whether err is what no repetition mends: a piece that does not open, or is missing.
func isDamaged(err error) bool {
	return errors.Is(err, seal.ErrOpen) || errors.Is(err, tape.ErrHead) || errors.Is(err, ErrVersion) || errors.Is(err, errPieceMissing)
}

// A piece is stored as
//
//	version u8 · sealed head · sealed pages
//
// with the archive key, each bound to the object and to its part. So the head is read without the pages.
const (
	audioPieceVersion = 1
	sealedHeadSize    = tape.HeadSize + seal.Overhead
	audioPieceClear   = 1
)

func (l *audioLog) object(n int) string { return fmt.Sprintf("%s%06d.opus", l.folder, n) }

func headPlace(object string) string  { return object + "#head" }
func pagesPlace(object string) string { return object + "#pages" }

// errPieceMissing says that a track's pieces are not numbered without gap.
var errPieceMissing = errors.New("a piece of kept audio is missing")

// list returns the pieces by number.
func (l *audioLog) list(ctx context.Context) ([]Object, error) {
	pieces, err := l.store.List(ctx, l.folder)
	if err != nil {
		return nil, err
	}
	for n, o := range pieces {
		if o.Key != l.object(n) {
			return nil, fmt.Errorf("%s: %w", l.object(n), errPieceMissing)
		}
	}
	return pieces, nil
}

// tail returns how many pieces there are, and the head of the last; the zero head if there are none.
func (l *audioLog) tail(ctx context.Context, key seal.Key) (n int, head tape.Head, err error) {
	pieces, err := l.list(ctx)
	if err != nil || len(pieces) == 0 {
		return 0, tape.Head{}, err
	}
	n = len(pieces)
	head, err = l.head(ctx, key, n-1)
	return n, head, err
}

// seal returns the stored form of piece n.
func (l *audioLog) seal(key seal.Key, n int, head tape.Head, pages []byte) []byte {
	object := l.object(n)
	body := append([]byte{audioPieceVersion}, key.Seal(head.Append(nil), headPlace(object))...)
	return append(body, key.Seal(pages, pagesPlace(object))...)
}

// head reads the head of piece n.
func (l *audioLog) head(ctx context.Context, key seal.Key, n int) (tape.Head, error) {
	object := l.object(n)
	b, err := l.store.GetRange(ctx, object, 0, audioPieceClear+sealedHeadSize)
	if err != nil {
		return tape.Head{}, err
	}
	head, _, err := openPiece(key, object, b)
	return head, err
}

// piece reads piece n.
func (l *audioLog) piece(ctx context.Context, key seal.Key, n int) (tape.Head, []byte, error) {
	object := l.object(n)
	b, _, err := l.store.Get(ctx, object)
	if err != nil {
		return tape.Head{}, nil, err
	}
	head, rest, err := openPiece(key, object, b)
	if err != nil {
		return tape.Head{}, nil, err
	}
	pages, err := key.Open(rest, pagesPlace(object))
	if err == nil && len(pages) != int(head.Bytes) {
		err = errors.New("its head is of other pages")
	}
	if err != nil {
		return tape.Head{}, nil, fmt.Errorf("open %s: %w", object, err)
	}
	return head, pages, nil
}

// openPiece reads the head of a stored piece, and returns what follows it.
func openPiece(key seal.Key, object string, b []byte) (head tape.Head, rest []byte, err error) {
	switch {
	case len(b) < audioPieceClear+sealedHeadSize:
		return head, nil, fmt.Errorf("open %s: %w", object, seal.ErrOpen)
	case b[0] != audioPieceVersion:
		return head, nil, fmt.Errorf("open %s: %w", object, ErrVersion)
	}
	plain, err := key.Open(b[audioPieceClear:audioPieceClear+sealedHeadSize], headPlace(object))
	if err != nil {
		return head, nil, fmt.Errorf("open %s: %w", object, err)
	}
	if head, err = tape.ParseHead(plain); err != nil {
		return head, nil, fmt.Errorf("open %s: %w", object, err)
	}
	return head, b[audioPieceClear+sealedHeadSize:], nil
}
