package embed

import (
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"net"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// repairOffsets moves every committed offset that lies behind the end of its log to the start of the log, and keeps its
// metadata. It happens when all records of a partition have expired: after a restart the log counts from 0 again, the
// committed offset stays, and the group would wait for records it has skipped. It must run before anybody writes: once
// the new log has grown past the old offset, the difference can no longer be seen.
func repairOffsets(cluster *kfake.Cluster, conn net.Conn, log *slog.Logger) error {
	groups, err := groupNames(conn)
	if err != nil {
		return fmt.Errorf("list groups: %w", err)
	}
	for _, group := range groups {
		repairs := repairsOf(cluster, group)
		if len(repairs) == 0 {
			continue
		}
		if err := commitRepairs(conn, group, repairs); err != nil {
			return fmt.Errorf("group %s: %w", group, err)
		}
		log.Info("embedded broker: the log was empty, committed offsets begin again", "group", group,
			"topics", len(repairs))
	}
	return nil
}

// repairsOf returns, by topic, what must be committed for group.
func repairsOf(cluster *kfake.Cluster, group string) map[string][]kmsg.OffsetCommitRequestTopicPartition {
	repairs := make(map[string][]kmsg.OffsetCommitRequestTopicPartition)
	committed := cluster.GroupInfo(group)
	if committed == nil {
		return nil
	}
	for topic, partitions := range committed.Commits {
		for partition, commit := range partitions {
			log := cluster.PartitionInfo(topic, partition)
			if log == nil || commit.Offset <= log.HighWatermark {
				continue
			}
			repair := kmsg.NewOffsetCommitRequestTopicPartition()
			repair.Partition = partition
			repair.Offset = log.LogStartOffset
			repair.Metadata = &commit.Metadata
			repairs[topic] = append(repairs[topic], repair)
		}
	}
	return repairs
}

// commitRepairs commits for a group without members: no generation, no member ID.
func commitRepairs(conn net.Conn, group string, repairs map[string][]kmsg.OffsetCommitRequestTopicPartition) error {
	req := kmsg.NewPtrOffsetCommitRequest()
	req.Version = 2
	req.Group = group
	req.Generation = -1
	for topic, partitions := range repairs {
		part := kmsg.NewOffsetCommitRequestTopic()
		part.Topic = topic
		part.Partitions = partitions
		req.Topics = append(req.Topics, part)
	}
	resp := kmsg.NewPtrOffsetCommitResponse()
	if err := exchange(conn, req, resp); err != nil {
		return err
	}
	for _, topic := range resp.Topics {
		for _, p := range topic.Partitions {
			if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
				return fmt.Errorf("commit %s partition %d: %w", topic.Topic, p.Partition, err)
			}
		}
	}
	return nil
}

// groupNames lists the consumer groups that the broker knows.
func groupNames(conn net.Conn) ([]string, error) {
	resp := kmsg.NewPtrListGroupsResponse()
	if err := exchange(conn, kmsg.NewPtrListGroupsRequest(), resp); err != nil {
		return nil, err
	}
	if err := kerr.ErrorForCode(resp.ErrorCode); err != nil {
		return nil, err
	}
	names := make([]string, 0, len(resp.Groups))
	for _, group := range resp.Groups {
		names = append(names, group.Group)
	}
	return names, nil
}

// exchange sends req, in a version without tagged fields, and reads the answer into resp.
func exchange(conn net.Conn, req kmsg.Request, resp kmsg.Response) error {
	if _, err := conn.Write(kmsg.NewRequestFormatter().AppendRequest(nil, req, 0)); err != nil {
		return fmt.Errorf("send %s: %w", kmsg.NameForKey(req.Key()), err)
	}
	var head [8]byte // length, correlation ID
	if _, err := io.ReadFull(conn, head[:]); err != nil {
		return fmt.Errorf("receive %s: %w", kmsg.NameForKey(req.Key()), err)
	}
	size := binary.BigEndian.Uint32(head[:])
	if size < 4 || size > maxFrame {
		return fmt.Errorf("receive %s: answer of %d bytes", kmsg.NameForKey(req.Key()), size)
	}
	body := make([]byte, size-4)
	if _, err := io.ReadFull(conn, body); err != nil {
		return fmt.Errorf("receive %s: %w", kmsg.NameForKey(req.Key()), err)
	}
	resp.SetVersion(req.GetVersion())
	return resp.ReadFrom(body)
}
