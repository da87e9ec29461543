package web

import (
	"context"

	"souffleur/internal/meeting"
	"souffleur/storage"
)

// maxReason bounds the reason an admin gives, in bytes.
const maxReason = 500

// record writes down who did what to which object; what [Live] changes, it records itself. It is called after the change:
// an audit that cannot be written must not undo it, so failing is logged.
func (s *Server) record(ctx context.Context, v *visitor, action, object string) {
	if err := s.recordReason(ctx, v, action, object, ""); err != nil {
		s.log.ErrorContext(ctx, "audit entry lost", "action", action, "object", object, "error", err)
	}
}

// recordReason writes down who is about to do what to which object, and why.
func (s *Server) recordReason(ctx context.Context, v *visitor, action, object, reason string) error {
	return s.audit.Append(ctx, storage.AuditEntry{
		AtUnixMS: s.now().UnixMilli(), Actor: string(v.auditName()), Role: v.auditRole(), Action: action, Object: object, Reason: reason,
	})
}

// auditRole returns the role in which the visitor acts. What goes into the audit is done by organizers and admins only.
func (v *visitor) auditRole() meeting.Role {
	if v.admin() {
		return meeting.Admin
	}
	return meeting.Organizer
}

// auditName names the visitor without their name.
func (v *visitor) auditName() meeting.PersonID {
	if v.token {
		return tokenHolder(v.tokenID)
	}
	return v.session.Person
}

// roomObject and meetingObject are how objects are called in the audit.
func roomObject(id meeting.RoomID) string {
	if id == "" {
		return ""
	}
	return "rooms/" + string(id)
}

func meetingObject(id meeting.ID) string { return "meetings/" + string(id) }
