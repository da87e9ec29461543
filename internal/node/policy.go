package node

import (
	"context"
	"errors"
	"fmt"
	"time"

	"souffleur/internal/meeting"
	"souffleur/storage"
	"souffleur/web"
)

// SetLevel implements web.Live.
func (n *Node) SetLevel(ctx context.Context, room meeting.RoomID, level meeting.Level, by web.Actor) error {
	doc, err := n.deps.Rooms.Get(ctx, room)
	if err != nil {
		return fmt.Errorf("read room %s: %w", room, err)
	}
	settings, err := n.settings(ctx)
	if err != nil {
		return err
	}
	if level > meeting.Off && doc.E2EE {
		return fmt.Errorf("set AI of %s to %s: %w", room, level, web.ErrEncrypted)
	}
	if level > doc.CeilingIn(settings) {
		return fmt.Errorf("set AI of %s to %s: %w", room, level, web.ErrAboveCeiling)
	}
	if level == meeting.Off { // off takes effect even if storage does not answer
		n.silence(room, by)
	}
	doc, err = n.deps.Rooms.Update(ctx, room, func(r *storage.Room) error {
		if level > meeting.Off && r.E2EE { // switched on since
			return web.ErrEncrypted
		}
		r.Level = level
		return nil
	})
	if err != nil {
		return fmt.Errorf("store AI level of %s: %w", room, err)
	}
	n.audit(ctx, by, "ai.level."+level.String(), "rooms/"+string(room))
	return n.apply(ctx, doc, by)
}

// silence switches a live meeting off before anything else is done.
func (n *Node) silence(room meeting.RoomID, by web.Actor) {
	if l := n.of(room); l != nil {
		l.mu.Lock()
		p := l.policy
		l.mu.Unlock()
		p.Level, p.KeepAudio = meeting.Off, false
		l.setPolicy(l.attributed(p, by))
	}
}

// SetCeiling implements web.Live.
func (n *Node) SetCeiling(ctx context.Context, room meeting.RoomID, ceiling *meeting.Level, by web.Actor) error {
	doc, err := n.deps.Rooms.Update(ctx, room, func(r *storage.Room) error {
		r.Ceiling = ceiling
		return nil
	})
	if err != nil {
		return fmt.Errorf("store AI ceiling of %s: %w", room, err)
	}
	n.audit(ctx, by, "ai.ceiling."+ceilingName(ceiling), "rooms/"+string(room))
	return n.apply(ctx, doc, by)
}

func ceilingName(c *meeting.Level) string {
	if c == nil {
		return "inherit"
	}
	return c.String()
}

// SetInstanceCeiling implements web.Live.
func (n *Node) SetInstanceCeiling(ctx context.Context, level meeting.Level, by web.Actor) error {
	_, err := n.deps.Instance.Update(ctx, func(s *storage.Settings) error {
		s.Ceiling = level
		return nil
	})
	if err != nil {
		return fmt.Errorf("store the instance's AI ceiling: %w", err)
	}
	n.audit(ctx, by, "ai.ceiling."+level.String(), "instance")
	return n.applyToAll(ctx, by)
}

// applyToAll brings all live meetings in line with their rooms.
func (n *Node) applyToAll(ctx context.Context, by web.Actor) error {
	var errs []error
	for _, l := range n.all() {
		doc, err := n.deps.Rooms.Get(ctx, l.room)
		if err == nil {
			err = n.apply(ctx, doc, by)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// SetKeepAudio implements web.Live.
func (n *Node) SetKeepAudio(ctx context.Context, room meeting.RoomID, keep bool, by web.Actor) error {
	if keep {
		doc, err := n.deps.Rooms.Get(ctx, room)
		if err != nil {
			return fmt.Errorf("read room %s: %w", room, err)
		}
		if doc.E2EE {
			return fmt.Errorf("keep audio of %s: %w", room, web.ErrEncrypted)
		}
		settings, err := n.settings(ctx)
		if err != nil {
			return err
		}
		if !settings.KeepAudio {
			return fmt.Errorf("keep audio of %s: %w", room, web.ErrAudioForbidden)
		}
	} else { // takes effect even if storage does not answer
		n.stopKeeping(room, by)
	}
	doc, err := n.deps.Rooms.Update(ctx, room, func(r *storage.Room) error {
		if keep && r.E2EE {
			return web.ErrEncrypted
		}
		r.KeepAudio = keep
		return nil
	})
	if err != nil {
		return fmt.Errorf("store whether audio of %s is kept: %w", room, err)
	}
	n.audit(ctx, by, "audio.keep."+onOff(keep), "rooms/"+string(room))
	return n.apply(ctx, doc, by)
}

// SetInstanceKeepAudio implements web.Live.
func (n *Node) SetInstanceKeepAudio(ctx context.Context, allowed bool, by web.Actor) error {
	if !allowed {
		for _, l := range n.all() {
			n.stopKeeping(l.room, by)
		}
	}
	_, err := n.deps.Instance.Update(ctx, func(s *storage.Settings) error {
		s.KeepAudio = allowed
		return nil
	})
	if err != nil {
		return fmt.Errorf("store whether audio may be kept: %w", err)
	}
	n.audit(ctx, by, "audio.allow."+onOff(allowed), "instance")
	return n.applyToAll(ctx, by)
}

// SetInstanceOneVoice implements web.Live.
func (n *Node) SetInstanceOneVoice(ctx context.Context, one bool, by web.Actor) error {
	_, err := n.deps.Instance.Update(ctx, func(s *storage.Settings) error {
		s.OneVoice = one
		return nil
	})
	if err != nil {
		return fmt.Errorf("store whether voices are told apart: %w", err)
	}
	n.audit(ctx, by, "voices.apart."+onOff(!one), "instance")
	return n.applyToAll(ctx, by)
}

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}

// stopKeeping ends the keeping of audio in a live meeting before anything else is done.
func (n *Node) stopKeeping(room meeting.RoomID, by web.Actor) {
	l := n.of(room)
	if l == nil {
		return
	}
	l.mu.Lock()
	p := l.policy
	l.mu.Unlock()
	if p.KeepAudio {
		p.KeepAudio = false
		l.setPolicy(l.attributed(p, by))
	}
}

// SetE2EE implements web.Live. No meeting begins while it works, so none ever sees the setting change.
func (n *Node) SetE2EE(ctx context.Context, room meeting.RoomID, on bool, by web.Actor) error {
	n.opening.Lock()
	defer n.opening.Unlock()
	if n.of(room) != nil {
		return fmt.Errorf("set encryption of %s: %w", room, web.ErrLive)
	}
	_, err := n.deps.Rooms.Update(ctx, room, func(r *storage.Room) error {
		r.E2EE = on
		if on {
			r.Level, r.KeepAudio = meeting.Off, false
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("store encryption of %s: %w", room, err)
	}
	n.audit(ctx, by, "room.e2ee."+onOff(on), "rooms/"+string(room))
	return nil
}

// RoomChanged implements web.Live.
func (n *Node) RoomChanged(ctx context.Context, room storage.Room, by web.Actor) error {
	return n.apply(ctx, room, by)
}

// apply brings a live meeting in line with its room.
func (n *Node) apply(ctx context.Context, room storage.Room, by web.Actor) error {
	l := n.of(room.ID)
	if l == nil {
		return nil
	}
	p, err := n.effective(ctx, room)
	if err != nil {
		return err
	}
	l.setPolicy(l.attributed(p, by))
	l.follow(room)
	return nil
}

// attributed notes who made a policy, by the participant if they are in the meeting.
func (l *live) attributed(p meeting.Policy, by web.Actor) meeting.Policy {
	p.ByName, p.By = by.Name, ""
	if by.Person == "" {
		return p
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, q := range l.people {
		if q.Person == by.Person && l.present[q.Participant] {
			p.By, p.ByName = q.Participant, q.Name
		}
	}
	return p
}

func (n *Node) audit(ctx context.Context, by web.Actor, action, object string) {
	err := n.deps.Audit.Append(ctx, storage.AuditEntry{
		AtUnixMS: time.Now().UnixMilli(), Actor: string(by.Person), Role: by.Role, Action: action, Object: object,
	})
	if err != nil {
		n.deps.Log.Error("audit entry not stored", "action", action, "object", object, "err", err)
	}
}

// End implements web.Live.
func (n *Node) End(ctx context.Context, room meeting.RoomID, by web.Actor) error {
	l := n.of(room)
	if l == nil {
		return fmt.Errorf("end meeting in %s: %w", room, web.ErrNotLive)
	}
	n.audit(ctx, by, "meeting.end", "meetings/"+string(l.id))
	n.finish(ctx, l, string(by.Person))
	return nil
}

// Room implements web.Live.
func (n *Node) Room(id meeting.RoomID) (web.LiveRoom, bool) {
	l := n.of(id)
	if l == nil {
		return web.LiveRoom{}, false
	}
	ai := l.ai()
	l.mu.Lock()
	people, door := len(l.present), l.door
	l.mu.Unlock()
	return web.LiveRoom{
		Meeting: l.id, People: people, SinceUnixMS: l.began.UnixMilli(), Policy: ai.Policy, Status: ai.Status,
		Locked: door.Locked, Lobby: door.Lobby,
	}, true
}
