package storage

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"souffleur/internal/meeting"
	"souffleur/internal/seal"
)

// Share lets whoever signs in with an address read a meeting.
type Share struct {
	ID       string           `json:"id"`      // opaque: stands for the address in object names and paths
	Address  string           `json:"address"` // in lower case
	By       meeting.PersonID `json:"by"`
	AtUnixMS int64            `json:"at_unix_ms"`
}

// storedShares is meetings/<id>/shares.json, sealed with the meeting's archive key: it cannot be read any more once the
// meeting is deleted.
type storedShares struct {
	Shares []Share `json:"shares"`
}

const (
	sharesFile = "shares.json"
	// MaxShares bounds with how many addresses a meeting is shared.
	MaxShares = 200
	// maxSharedWith bounds how many meetings are looked at that were shared with one address. Overflow: the oldest are not
	// listed; who has the link can read them all the same.
	maxSharedWith = 300
)

// ErrTooMany says that a list is full.
var ErrTooMany = errors.New("the list is full")

// Shares keeps with whom meetings are shared. What holds stands in the meeting; users/<address>/meetings/<id>.json is an index
// of it, so that nobody has to look through all meetings. It holds nothing but what its name says, and the name no address.
type Shares struct {
	store *Store
	keys  *Keyring
}

// NewShares returns the shares kept in store.
func NewShares(store *Store, keys *Keyring) *Shares { return &Shares{store: store, keys: keys} }

// idOf returns the opaque name of an address.
func (s *Shares) idOf(ctx context.Context, address string) (string, error) {
	key, err := s.keys.Instance(ctx)
	if err != nil {
		return "", fmt.Errorf("name an address: %w", err)
	}
	return addressID(key, address), nil
}

func addressID(key seal.Key, address string) string {
	return keyed(key, "address of a person v1", 20, address)
}

func sharedPrefix(share string) string { return userPrefix + share + "/meetings/" }

func sharedObject(share string, id meeting.ID) string {
	return sharedPrefix(share) + string(id) + ".json"
}

// sharedMark is what the index's objects hold.
var sharedMark = fmt.Appendf(nil, `{"v":%d}`, documentVersion)

// List returns with whom a meeting is shared, in the order in which it was. Nobody, if there is no such meeting.
func (s *Shares) List(ctx context.Context, id meeting.ID) ([]Share, error) {
	stored, _, err := s.read(ctx, id)
	if errors.Is(err, ErrNoKey) {
		err = nil
	}
	return stored.Shares, err
}

// read returns what is stored of a meeting, and its ETag: "" if it was never shared.
func (s *Shares) read(ctx context.Context, id meeting.ID) (storedShares, string, error) {
	object, err := meetingPath(id, sharesFile)
	if err != nil {
		return storedShares{}, "", err
	}
	body, etag, err := s.store.Get(ctx, object)
	if errors.Is(err, ErrNotFound) {
		return storedShares{}, "", nil
	}
	if err != nil {
		return storedShares{}, "", err
	}
	key, err := s.keys.Archive(ctx, id)
	if err != nil {
		return storedShares{}, "", err
	}
	var stored storedShares
	return stored, etag, openDocument(key, object, body, &stored)
}

func (s *Shares) change(ctx context.Context, id meeting.ID, apply func(*storedShares) error) ([]Share, error) {
	object, err := meetingPath(id, sharesFile)
	if err != nil {
		return nil, err
	}
	read := func(ctx context.Context) (storedShares, string, error) { return s.read(ctx, id) }
	write := func(ctx context.Context, stored storedShares, etag string) error {
		key, err := s.keys.Archive(ctx, id)
		if err != nil {
			return err
		}
		body, err := sealDocument(key, object, stored)
		if err != nil {
			return err
		}
		if etag == "" {
			return s.store.Create(ctx, object, body)
		}
		return s.store.Update(ctx, object, body, etag)
	}
	stored, err := change(ctx, read, write, apply)
	return stored.Shares, err
}

// Add shares a meeting with addresses, which are in lower case, and returns with whom it is shared now. Those that have it
// already keep it. More than MaxShares is ErrTooMany, and then nothing is changed.
func (s *Shares) Add(ctx context.Context, id meeting.ID, by meeting.PersonID, addresses []string, atUnixMS int64) ([]Share, error) {
	added := make([]Share, 0, len(addresses))
	for _, address := range addresses {
		share, err := s.idOf(ctx, address)
		if err != nil {
			return nil, err
		}
		added = append(added, Share{ID: share, Address: address, By: by, AtUnixMS: atUnixMS})
	}
	// The index first: without its line, somebody who may read would not find the meeting; a line too many is looked up and
	// leads nowhere.
	for _, a := range added {
		if err := s.store.Put(ctx, sharedObject(a.ID, id), sharedMark); err != nil {
			return nil, fmt.Errorf("share meeting %s: %w", id, err)
		}
	}
	shares, err := s.change(ctx, id, func(stored *storedShares) error {
		all := slices.Clone(stored.Shares)
		for _, a := range added {
			if !slices.ContainsFunc(all, func(have Share) bool { return have.ID == a.ID }) {
				all = append(all, a)
			}
		}
		if len(all) > MaxShares {
			return ErrTooMany
		}
		stored.Shares = all
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("share meeting %s: %w", id, err)
	}
	return shares, nil
}

// Withdraw ends a share, by its ID, and returns those that are left. One that is not there is ErrNotFound.
func (s *Shares) Withdraw(ctx context.Context, id meeting.ID, share string) ([]Share, error) {
	left, err := s.change(ctx, id, func(stored *storedShares) error {
		kept := slices.DeleteFunc(slices.Clone(stored.Shares), func(have Share) bool { return have.ID == share })
		if len(kept) == len(stored.Shares) {
			return ErrNotFound
		}
		stored.Shares = kept
		return nil
	})
	if err == nil {
		err = s.store.Delete(ctx, sharedObject(share, id))
	}
	if err != nil {
		return nil, fmt.Errorf("withdraw from meeting %s: %w", id, err)
	}
	return left, nil
}

// Has says whether a meeting is shared with an address.
func (s *Shares) Has(ctx context.Context, id meeting.ID, address string) (bool, error) {
	shares, err := s.List(ctx, id)
	if err != nil {
		return false, fmt.Errorf("look with whom meeting %s is shared: %w", id, err)
	}
	return address != "" && slices.ContainsFunc(shares, func(have Share) bool { return have.Address == address }), nil
}

// With returns the meetings that are shared with an address, newest first.
func (s *Shares) With(ctx context.Context, address string) ([]meeting.ID, error) {
	share, err := s.idOf(ctx, address)
	if err != nil {
		return nil, err
	}
	objects, err := s.store.List(ctx, sharedPrefix(share))
	if err != nil {
		return nil, fmt.Errorf("list shared meetings: %w", err)
	}
	slices.Reverse(objects) // ULIDs sort by time
	return fetchAll(ctx, objects[:min(len(objects), maxSharedWith)], func(ctx context.Context, o Object) (meeting.ID, error) {
		id := meeting.ID(strings.TrimSuffix(strings.TrimPrefix(o.Key, sharedPrefix(share)), ".json"))
		has, err := s.Has(ctx, id, address)
		switch {
		case isDamage(err):
			s.store.log.Warn("shared meeting left out of the list", "meeting", id, "err", err)
			return id, ErrNotFound
		case err == nil && !has:
			return id, ErrNotFound
		}
		return id, err
	})
}
