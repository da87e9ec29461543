package node

import (
	"context"
	"log/slog"
	"sync"

	"souffleur/internal/meeting"
	"souffleur/internal/signal"
	"souffleur/sfu"
	"souffleur/storage"
)

// scribeEntries bounds the audit entries that wait for storage. Each is a click of an organizer; when it is full the newest
// is dropped and the log says so.
const scribeEntries = 256

// scribe writes what organizers do in one meeting to the audit, in the background: the room must not wait for storage.
type scribe struct {
	audit  *storage.Audit
	log    *slog.Logger
	queue  chan storage.AuditEntry
	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup
}

func newScribe(audit *storage.Audit, log *slog.Logger) *scribe {
	s := &scribe{audit: audit, log: log, queue: make(chan storage.AuditEntry, scribeEntries)}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.wg.Go(s.run)
	return s
}

func (s *scribe) run() {
	for e := range s.queue {
		if err := s.audit.Append(s.ctx, e); err != nil {
			s.log.Error("audit entry not stored", "action", e.Action, "object", e.Object, "err", err)
		}
	}
}

// note queues an entry. It must not be called after close.
func (s *scribe) note(e storage.AuditEntry) {
	select {
	case s.queue <- e:
	default:
		s.log.Error("audit entry dropped: storage has been away too long", "action", e.Action, "object", e.Object)
	}
}

// close writes what is queued, as far as that takes no longer than the last write of the meeting may.
func (s *scribe) close() {
	close(s.queue)
	limit, stop := context.WithTimeout(context.Background(), lastWriteWait)
	defer stop()
	defer context.AfterFunc(limit, s.cancel)()
	s.wg.Wait()
	s.cancel()
}

// Moderated implements the SFU's events: who did it, in which role, and to whom go to the audit, by their IDs.
func (l *live) Moderated(m sfu.Moderation) {
	if m.Action == signal.ModerateCaptioner || m.Action == signal.ModerateNoCaptioner {
		l.setCaptioner(m.Participant, m.Action == signal.ModerateCaptioner)
	}
	action := "meeting." + m.Action
	if m.Source != "" {
		action += "." + m.Source
	}
	object := "meetings/" + string(l.id)
	if m.Participant != "" {
		object += "/participants/" + string(m.Participant)
	}
	l.mu.Lock()
	by := meeting.Person{}
	if i := l.indexLocked(m.By); i >= 0 {
		by = l.people[i]
	}
	l.mu.Unlock()
	l.scribe.note(storage.AuditEntry{Actor: string(by.Person), Role: by.Role, Action: action, Object: object})
}
