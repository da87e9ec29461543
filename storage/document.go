package storage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"souffleur/internal/seal"
)

// documentVersion is the version of every JSON object that this package writes.
const documentVersion = 1

// ErrVersion says that an object was written by a newer Souffleur.
var ErrVersion = errors.New("object has an unknown version: it was written by a newer Souffleur")

// ErrDamaged says that an object is cut off, or is not what its name says.
var ErrDamaged = errors.New("object is damaged")

// isDamage says whether an error is about one object and not about the store: what else is there can still be read.
func isDamage(err error) bool {
	return errors.Is(err, ErrDamaged) || errors.Is(err, ErrVersion) || errors.Is(err, seal.ErrOpen) || errors.Is(err, seal.ErrMaster)
}

// isLost says whether an object will never open. What a newer program wrote, or another master key wrapped, may: the operator can
// mend that.
func isLost(err error) bool { return errors.Is(err, ErrDamaged) || errors.Is(err, seal.ErrOpen) }

// notJSON keeps what was said out of errors and so out of logs: messages of the JSON package quote their input.
func notJSON(err error) error { return fmt.Errorf("%w: not the expected JSON (%T)", ErrDamaged, err) }

// sealedDocument is the stored form of a document of which nothing stands in clear.
type sealedDocument struct {
	V      int    `json:"v"`
	Sealed []byte `json:"sealed"`
}

// sealJSON returns v as sealed JSON that opens at place only. Places are object keys, or parts of them.
func sealJSON(key seal.Key, place string, v any) ([]byte, error) {
	plain, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", place, err)
	}
	return key.Seal(plain, place), nil
}

// openJSON opens what sealJSON made for the same place.
func openJSON(key seal.Key, place string, sealed []byte, v any) error {
	plain, err := key.Open(sealed, place)
	if err != nil {
		return fmt.Errorf("open %s: %w", place, err)
	}
	if err := json.Unmarshal(plain, v); err != nil {
		return fmt.Errorf("decode %s: %w", place, notJSON(err))
	}
	return nil
}

// decode reads a stored JSON object whose version is in version(v).
func decode[T any](object string, body []byte, v *T, version func(*T) int) error {
	if err := json.Unmarshal(body, v); err != nil {
		return fmt.Errorf("decode %s: %w", object, notJSON(err))
	}
	if version(v) != documentVersion {
		return fmt.Errorf("decode %s: %w", object, ErrVersion)
	}
	return nil
}

// encode is json.Marshal with the object's name in the error.
func encode(object string, v any) ([]byte, error) {
	body, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", object, err)
	}
	return body, nil
}

// sealDocument returns the stored form of v for an object of which nothing stands in clear.
func sealDocument(key seal.Key, object string, v any) ([]byte, error) {
	sealed, err := sealJSON(key, object, v)
	if err != nil {
		return nil, err
	}
	return encode(object, sealedDocument{V: documentVersion, Sealed: sealed})
}

// openDocument reads what sealDocument wrote.
func openDocument(key seal.Key, object string, body []byte, v any) error {
	var outer sealedDocument
	if err := decode(object, body, &outer, func(d *sealedDocument) int { return d.V }); err != nil {
		return err
	}
	return openJSON(key, object, outer.Sealed, v)
}

const (
	// maxChanges bounds how often a change is tried again because somebody else was quicker. Documents are small and
	// few people change one, so more than a handful never happens without a fault.
	maxChanges = 20
	// changePause is the longest wait before the first repetition; it grows with each.
	changePause = 5 * time.Millisecond
)

// change reads a document, applies a change and writes it if nobody else did meanwhile, else begins again. An error of
// apply ends it unchanged. apply may run several times.
func change[T any](ctx context.Context, read func(context.Context) (T, string, error), write func(context.Context, T, string) error, apply func(*T) error) (T, error) {
	var zero T
	for try := 1; ; try++ {
		v, etag, err := read(ctx)
		if err != nil {
			return zero, err
		}
		if err := apply(&v); err != nil {
			return zero, err
		}
		err = write(ctx, v, etag)
		if err == nil {
			return v, nil
		}
		if !errors.Is(err, ErrConflict) && !errors.Is(err, ErrExists) || try == maxChanges {
			return zero, err
		}
		if err := sleep(ctx, rand.N(time.Duration(try)*changePause)); err != nil {
			return zero, err
		}
	}
}

// sleep waits, or returns the error of ctx.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
