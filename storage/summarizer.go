package storage

import (
	"context"
	"errors"

	"souffleur/summarize/minutes"
)

// Summarizer is what the worker that writes minutes last said of itself, as stored in summarizer.json, sealed with the instance key:
// it may run elsewhere, and pages must say where what was said is sent.
type Summarizer struct {
	Model         string          `json:"model,omitempty"` // of the endpoint
	Host          string          `json:"host,omitempty"`  // to which text is sent; "" if there is no endpoint
	Detail        minutes.Detail  `json:"detail"`
	Fault         minutes.Warning `json:"fault,omitempty"` // why the endpoint could not be used when it was asked last; "": it could
	CheckedUnixMS int64           `json:"checked_unix_ms"` // 0: no worker ever ran
}

// Endpoint says whether there is an endpoint that may be asked.
func (s Summarizer) Endpoint() bool { return s.Host != "" }

// Summarizers keeps what the worker says of itself.
type Summarizers struct {
	sealed sealedObjects[Summarizer]
}

// NewSummarizers returns what is kept in store.
func NewSummarizers(store *Store, keys *Keyring) *Summarizers {
	return &Summarizers{sealedObjects[Summarizer]{store: store, keys: keys}}
}

const summarizerObject = "summarizer.json"

// Get returns what was said last; the zero value if no worker ever ran.
func (s *Summarizers) Get(ctx context.Context) (Summarizer, error) {
	v, _, err := s.sealed.get(ctx, summarizerObject)
	if errors.Is(err, ErrNotFound) {
		return Summarizer{}, nil
	}
	return v, err
}

// Put says it. Of several workers the last one is heard: they have the same settings.
func (s *Summarizers) Put(ctx context.Context, v Summarizer) error {
	return s.sealed.put(ctx, summarizerObject, v)
}
