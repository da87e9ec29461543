package storage

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// ErrOutdated says that a document is not in the version any more that a change was meant for; nothing was changed.
var ErrOutdated = errors.New("document is not in the expected version any more")

// expectation is the version of one document on which changes depend.
//
// It travels in the context of a request, as If-Match does in its header, because some changes go through live meetings, which
// have to act in between.
type expectation struct {
	object string
	etag   string // "" expects that nothing is stored

	mu  sync.Mutex // guards met
	met bool       // a change was made: further ones of the same request belong to it
}

type expectationKey struct{}

// expecting returns a context in which the next change of object succeeds only if the object still has that ETag.
func expecting(ctx context.Context, object, etag string) context.Context {
	return context.WithValue(ctx, expectationKey{}, &expectation{object: object, etag: etag})
}

// expectationOf returns what is expected of an object; nil if nothing is.
func expectationOf(ctx context.Context, object string) *expectation {
	e, ok := ctx.Value(expectationKey{}).(*expectation)
	if !ok || e.object != object {
		return nil
	}
	return e
}

// check compares the ETag that a change has read. Written is only what was read, so this holds until it is written.
func (e *expectation) check(etag string) error {
	if e == nil {
		return nil
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.met || e.etag == etag {
		return nil
	}
	return fmt.Errorf("change %s: %w", e.object, ErrOutdated)
}

// meet says that a change was written.
func (e *expectation) meet() {
	if e == nil {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.met = true
}
