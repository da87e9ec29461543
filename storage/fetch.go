package storage

import (
	"context"
	"errors"

	"golang.org/x/sync/errgroup"
)

// maxFetches is how many objects are read at once when many are needed: enough to hide the network, few enough to leave
// the store to others.
const maxFetches = 16

// fetchAll calls read for every item, several at once, and returns the results in the order of the items. Items for
// which read returns ErrNotFound or ErrNoKey are left out: they were deleted since they were listed.
func fetchAll[I, T any](ctx context.Context, items []I, read func(context.Context, I) (T, error)) ([]T, error) {
	results := make([]T, len(items))
	found := make([]bool, len(items))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(maxFetches)
	for i, item := range items {
		group.Go(func() error {
			v, err := read(ctx, item)
			if errors.Is(err, ErrNotFound) || errors.Is(err, ErrNoKey) {
				return nil
			}
			results[i], found[i] = v, err == nil
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	kept := results[:0]
	for i, ok := range found {
		if ok {
			kept = append(kept, results[i])
		}
	}
	return kept, nil
}

// deleteAll removes objects, several at once.
func (s *Store) deleteAll(ctx context.Context, objects []Object) error {
	_, err := fetchAll(ctx, objects, func(ctx context.Context, o Object) (struct{}, error) {
		return struct{}{}, s.Delete(ctx, o.Key)
	})
	return err
}
