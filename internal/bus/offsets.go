package bus

import (
	"context"
	"fmt"
	"time"

	"github.com/segmentio/kafka-go"
)

// span is what a partition's log holds: offsets from first up to, but not including, end.
type span struct {
	first, end int64
}

// EndOffsets returns, by partition, the offset that the next record of topic will have.
func (b *Bus) EndOffsets(ctx context.Context, topic Topic) ([]int64, error) {
	spans, err := b.spans(ctx, topic, allPartitions(b.Partitions(topic))...)
	if err != nil {
		return nil, err
	}
	ends := make([]int64, len(spans))
	for i, s := range spans {
		ends[i] = s.end
	}
	return ends, nil
}

// CommittedOffsets returns, by partition, the next offset that group wants to read from topic, or -1.
func (b *Bus) CommittedOffsets(ctx context.Context, group string, topic Topic) ([]int64, error) {
	offsets := make([]int64, b.Partitions(topic))
	for i := range offsets {
		committed, _, err := b.committed(ctx, group, topic, i)
		if err != nil {
			return nil, err
		}
		offsets[i] = committed
	}
	return offsets, nil
}

// committed returns offset and metadata of the last commit, or -1 and "".
func (b *Bus) committed(ctx context.Context, group string, topic Topic, partition int) (int64, string, error) {
	name := b.name(topic)
	response, err := b.client.OffsetFetch(ctx, &kafka.OffsetFetchRequest{
		GroupID: b.groupName(group), Topics: map[string][]int{name: {partition}},
	})
	if err == nil {
		err = response.Error
	}
	if err != nil {
		return 0, "", fmt.Errorf("read position of group %s in %s: %w", group, topic, err)
	}
	for _, p := range response.Topics[name] {
		if p.Partition != partition {
			continue
		}
		if p.Error != nil {
			return 0, "", fmt.Errorf("read position of group %s in %s partition %d: %w", group, topic, partition, p.Error)
		}
		return p.CommittedOffset, p.Metadata, nil
	}
	return 0, "", fmt.Errorf("read position of group %s in %s: the broker left out partition %d", group, topic, partition)
}

// spans returns what the given partitions hold, in the order asked for.
func (b *Bus) spans(ctx context.Context, topic Topic, partitions ...int) ([]span, error) {
	var requests []kafka.OffsetRequest
	for _, p := range partitions {
		requests = append(requests, kafka.FirstOffsetOf(p), kafka.LastOffsetOf(p))
	}
	answers, err := listOffsets(ctx, b.client, b.name(topic), requests)
	if err != nil {
		return nil, err
	}
	spans := make([]span, len(partitions))
	for i, p := range partitions {
		answer, ok := answers[p]
		if !ok || answer.FirstOffset < 0 || answer.LastOffset < 0 {
			return nil, fmt.Errorf("list offsets of %s: the broker left out partition %d", topic, p)
		}
		spans[i] = span{first: answer.FirstOffset, end: answer.LastOffset}
	}
	return spans, nil
}

// since returns, for each of the partitions, the offset of the first record that came at or after t; spans, in their order, supplies
// the end for those that have none.
func (b *Bus) since(ctx context.Context, topic Topic, t time.Time, partitions []int, spans []span) (map[int]int64, error) {
	var requests []kafka.OffsetRequest
	for _, p := range partitions {
		requests = append(requests, kafka.TimeOffsetOf(p, t))
	}
	answers, err := listOffsets(ctx, b.client, b.name(topic), requests)
	if err != nil {
		return nil, err
	}
	offsets := make(map[int]int64, len(partitions))
	for i, p := range partitions {
		offsets[p] = spans[i].end
		for offset := range answers[p].Offsets {
			if offset >= 0 {
				offsets[p] = offset
			}
		}
	}
	return offsets, nil
}

// listOffsets returns the answers by partition. The client reports success even if a partition failed.
func listOffsets(ctx context.Context, client *kafka.Client, name string, requests []kafka.OffsetRequest) (map[int]kafka.PartitionOffsets, error) {
	response, err := client.ListOffsets(ctx, &kafka.ListOffsetsRequest{
		Topics: map[string][]kafka.OffsetRequest{name: requests},
	})
	if err != nil {
		return nil, fmt.Errorf("list offsets of %s: %w", name, err)
	}
	answers := make(map[int]kafka.PartitionOffsets)
	for _, p := range response.Topics[name] {
		if p.Error != nil {
			return nil, fmt.Errorf("list offsets of %s partition %d: %w", name, p.Partition, p.Error)
		}
		answers[p.Partition] = p
	}
	return answers, nil
}

func allPartitions(n int) []int {
	partitions := make([]int, n)
	for i := range partitions {
		partitions[i] = i
	}
	return partitions
}
