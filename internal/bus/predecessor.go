package bus

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/segmentio/kafka-go"
)

// dismissWithin bounds the farewell of a predecessor: after that it is cheaper to wait for its session to end.
const dismissWithin = 3 * time.Second

// dismissPredecessor takes out of a group the member that an earlier process left behind when it crashed, so that its
// partitions are free at once and not after its session. Nothing depends on its success.
func (b *Bus) dismissPredecessor(ctx context.Context, group string) {
	if b.cfg.MemberDir == "" {
		return
	}
	note, err := os.ReadFile(b.memberNote(group))
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			b.log.Warn("note of an earlier group member not read", "group", group, "err", err)
		}
		return
	}
	ctx, cancel := context.WithTimeout(ctx, dismissWithin)
	defer cancel()
	res, err := b.client.LeaveGroup(ctx, &kafka.LeaveGroupRequest{
		GroupID: b.groupName(group), Members: []kafka.LeaveGroupRequestMember{{ID: strings.TrimSpace(string(note))}},
	})
	if err == nil {
		err = res.Error
	}
	b.log.Debug("earlier group member dismissed", "group", group, "err", err) // unknown to the broker: its session is over
}

// noteMember writes down the name that this process has in a group, for its successor.
func (b *Bus) noteMember(group, member string) {
	if b.cfg.MemberDir == "" {
		return
	}
	err := os.MkdirAll(b.cfg.MemberDir, 0o700)
	if err == nil {
		err = os.WriteFile(b.memberNote(group), []byte(member+"\n"), 0o600)
	}
	if err != nil {
		b.log.Warn("group member not noted: after a crash its partitions are free only when its session ends", "group", group, "err", err)
	}
}

func (b *Bus) memberNote(group string) string { return filepath.Join(b.cfg.MemberDir, group+".member") }
