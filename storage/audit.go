package storage

import (
	"context"
	"fmt"
	"time"

	"github.com/oklog/ulid/v2"

	"souffleur/internal/meeting"
)

// AuditEntry is one line of the audit: who did what to which object. Only opaque IDs stand in it; the reason, which
// somebody typed, is sealed.
type AuditEntry struct {
	AtUnixMS int64        // 0 when appending: now
	Actor    string       // a person's ID, or which part of the system
	Role     meeting.Role // in which they acted
	Action   string       // such as "transcript.export"
	Object   string       // ID of the room or meeting
	Reason   string       // why, in the actor's words; may be empty
	Objects  int          // of a deletion: how many objects went or were written anew
	Records  int          // of a deletion: how many records on Kafka were retracted
}

// storedAuditEntry is audit/<day>/<ulid>.json.
type storedAuditEntry struct {
	V        int          `json:"v"`
	AtUnixMS int64        `json:"at_unix_ms"`
	Actor    string       `json:"actor"`
	Role     meeting.Role `json:"role"`
	Action   string       `json:"action"`
	Object   string       `json:"object,omitempty"`
	Reason   []byte       `json:"reason,omitempty"` // sealed JSON string, instance key
	Objects  int          `json:"objects,omitempty"`
	Records  int          `json:"records,omitempty"`
}

// Audit keeps the audit entries. They are never changed.
type Audit struct {
	store *Store
	keys  *Keyring
}

// NewAudit returns the audit kept in store.
func NewAudit(store *Store, keys *Keyring) *Audit { return &Audit{store: store, keys: keys} }

// auditPrefix returns the folder of the day (UTC) of a time.
func auditPrefix(at time.Time) string { return "audit/" + at.UTC().Format("2006-01-02") + "/" }

// Append stores an entry.
func (a *Audit) Append(ctx context.Context, entry AuditEntry) error {
	if entry.AtUnixMS == 0 {
		entry.AtUnixMS = time.Now().UnixMilli()
	}
	object := auditPrefix(time.UnixMilli(entry.AtUnixMS)) + ulid.Make().String() + ".json"
	stored := storedAuditEntry{
		V: documentVersion, AtUnixMS: entry.AtUnixMS, Actor: entry.Actor, Role: entry.Role, Action: entry.Action, Object: entry.Object,
		Objects: entry.Objects, Records: entry.Records,
	}
	if entry.Reason != "" {
		key, err := a.keys.Instance(ctx)
		if err != nil {
			return fmt.Errorf("append to audit: %w", err)
		}
		if stored.Reason, err = sealJSON(key, object, entry.Reason); err != nil {
			return err
		}
	}
	body, err := encode(object, stored)
	if err != nil {
		return err
	}
	if err := a.store.Create(ctx, object, body); err != nil {
		return fmt.Errorf("append to audit: %w", err)
	}
	return nil
}

// Day returns the entries of the day (UTC) in which at lies, oldest first.
func (a *Audit) Day(ctx context.Context, at time.Time) ([]AuditEntry, error) {
	objects, err := a.store.List(ctx, auditPrefix(at))
	if err != nil {
		return nil, err
	}
	return fetchAll(ctx, objects, func(ctx context.Context, o Object) (AuditEntry, error) { return a.get(ctx, o.Key) })
}

func (a *Audit) get(ctx context.Context, object string) (AuditEntry, error) {
	body, _, err := a.store.Get(ctx, object)
	if err != nil {
		return AuditEntry{}, err
	}
	var stored storedAuditEntry
	if err := decode(object, body, &stored, func(e *storedAuditEntry) int { return e.V }); err != nil {
		return AuditEntry{}, err
	}
	entry := AuditEntry{AtUnixMS: stored.AtUnixMS, Actor: stored.Actor, Role: stored.Role, Action: stored.Action, Object: stored.Object, Objects: stored.Objects, Records: stored.Records}
	if len(stored.Reason) == 0 {
		return entry, nil
	}
	key, err := a.keys.Instance(ctx)
	if err != nil {
		return AuditEntry{}, err
	}
	return entry, openJSON(key, object, stored.Reason, &entry.Reason)
}
