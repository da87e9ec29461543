package storage

import "context"

// sealedObjects reads and writes documents of one kind that are sealed with the instance key as a whole.
type sealedObjects[T any] struct {
	store *Store
	keys  *Keyring
}

func (s sealedObjects[T]) get(ctx context.Context, object string) (v T, etag string, err error) {
	body, etag, err := s.store.Get(ctx, object)
	if err != nil {
		return v, "", err
	}
	key, err := s.keys.Instance(ctx)
	if err != nil {
		return v, "", err
	}
	return v, etag, openDocument(key, object, body, &v)
}

func (s sealedObjects[T]) seal(ctx context.Context, object string, v T) ([]byte, error) {
	key, err := s.keys.Instance(ctx)
	if err != nil {
		return nil, err
	}
	return sealDocument(key, object, v)
}

func (s sealedObjects[T]) create(ctx context.Context, object string, v T) error {
	body, err := s.seal(ctx, object, v)
	if err != nil {
		return err
	}
	return s.store.Create(ctx, object, body)
}

func (s sealedObjects[T]) put(ctx context.Context, object string, v T) error {
	body, err := s.seal(ctx, object, v)
	if err != nil {
		return err
	}
	return s.store.Put(ctx, object, body)
}

func (s sealedObjects[T]) update(ctx context.Context, object string, apply func(*T) error) (T, error) {
	expected := expectationOf(ctx, object)
	read := func(ctx context.Context) (T, string, error) {
		v, etag, err := s.get(ctx, object)
		if err == nil {
			err = expected.check(etag)
		}
		return v, etag, err
	}
	write := func(ctx context.Context, v T, etag string) error {
		body, err := s.seal(ctx, object, v)
		if err != nil {
			return err
		}
		if err := s.store.Update(ctx, object, body, etag); err != nil {
			return err
		}
		expected.meet()
		return nil
	}
	return change(ctx, read, write, apply)
}
