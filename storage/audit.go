package storage

import (
	"context"
	"fmt"
	"slices"
	"strings"
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

const auditRoot = "audit/"

// auditPrefix returns the folder of the day (UTC) of a time.
func auditPrefix(at time.Time) string { return auditRoot + at.UTC().Format("2006-01-02") + "/" }

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

// AuditQuery chooses entries of the audit; what is empty chooses all.
type AuditQuery struct {
	From, To string // days (UTC), such as "2026-11-26", both included
	Action   string // an action, or its beginning up to a dot: "webhook" finds "webhook.create"
	Object   string // an object, or its beginning up to a slash: "rooms" finds all rooms
	Actor    string
	After    string // AuditPage.Next of the page before
	Most     int    // entries of a page
}

// AuditPage is a part of the audit, newest first.
type AuditPage struct {
	Entries []AuditEntry
	// Next is where the next page begins, "" at the end. A page may have few entries, or none, and a next one: auditScan bounds what
	// is read for it.
	Next string
}

// auditScan is how many entries are read for one page at most: each is an object of its own.
const auditScan = 1000

// auditChunk is how many of them are read together.
const auditChunk = 100

// Search returns a page of the audit.
func (a *Audit) Search(ctx context.Context, q AuditQuery) (AuditPage, error) {
	days, err := a.store.Folders(ctx, auditRoot)
	if err != nil {
		return AuditPage{}, err
	}
	slices.Reverse(days)
	w := auditWalk{audit: a, query: q, left: auditScan}
	for _, day := range days {
		if !q.hasDay(day) {
			continue
		}
		objects, err := a.store.List(ctx, auditRoot+day+"/")
		if err != nil {
			return AuditPage{}, err
		}
		slices.Reverse(objects)
		if err := w.day(ctx, objects); err != nil {
			return AuditPage{}, err
		}
		if w.page.Next != "" {
			break
		}
	}
	return w.page, nil
}

// auditWalk fills a page.
type auditWalk struct {
	audit *Audit
	query AuditQuery
	left  int    // entries that may still be read
	last  string // place of the entry that was looked at last
	page  AuditPage
}

// day adds the entries of one day, newest first, and sets the page's Next where it must stop.
func (w *auditWalk) day(ctx context.Context, objects []Object) error {
	if w.query.After != "" {
		objects = slices.DeleteFunc(objects, func(o Object) bool { return auditPlace(o) >= w.query.After })
	}
	for some := range slices.Chunk(objects, auditChunk) {
		if w.left <= 0 {
			w.page.Next = w.last
			return nil
		}
		w.left -= len(some)
		entries, err := fetchAll(ctx, some, w.audit.readable)
		if err != nil {
			return err
		}
		for _, e := range entries {
			if len(w.page.Entries) == w.query.Most {
				w.page.Next = w.last
				return nil
			}
			w.last = e.place
			if w.query.chooses(e.AuditEntry) {
				w.page.Entries = append(w.page.Entries, e.AuditEntry)
			}
		}
	}
	return nil
}

// placedEntry is an entry and where it stands.
type placedEntry struct {
	AuditEntry
	place string
}

// auditPlace is what [AuditQuery.After] calls an entry's object: "2026-11-26/01ARZ…".
func auditPlace(o Object) string {
	return strings.TrimSuffix(strings.TrimPrefix(o.Key, auditRoot), ".json")
}

// readable reads an entry; one that is damaged is left out with a warning.
func (a *Audit) readable(ctx context.Context, o Object) (placedEntry, error) {
	e, err := a.get(ctx, o.Key)
	if isDamage(err) {
		a.store.log.Warn("audit entry left out", "object", o.Key, "err", err)
		return placedEntry{}, ErrNotFound
	}
	return placedEntry{e, auditPlace(o)}, err
}

func (q AuditQuery) hasDay(day string) bool {
	return (q.From == "" || day >= q.From) && (q.To == "" || day <= q.To) && (q.After == "" || day <= q.After[:min(len(day), len(q.After))])
}

func (q AuditQuery) chooses(e AuditEntry) bool {
	return begins(e.Action, q.Action, ".") && begins(e.Object, q.Object, "/") && (q.Actor == "" || e.Actor == q.Actor)
}

// begins says whether s is wanted, or begins with it up to a separator.
func begins(s, wanted, separator string) bool {
	rest, ok := strings.CutPrefix(s, wanted)
	return ok && (wanted == "" || rest == "" || strings.HasPrefix(rest, separator))
}
