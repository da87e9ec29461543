package bus

import (
	"hash/fnv"
	"strconv"
	"time"

	"souffleur/internal/meeting"
)

// Topic is the name of a topic without the installation's prefix. The version in the name changes when the records can
// no longer be read by old programs, or when the number of partitions must change.
type Topic string

// The topics. Every value but those of the dead letters is sealed; keys and headers hold opaque IDs only.
const (
	Audio       Topic = "audio.v1"    // key meeting/track: Opus packets of one track, see [AudioRecord]
	Meetings    Topic = "meetings.v1" // key meeting: [meeting.Event]; an empty value says that something of the meeting was forgotten
	Captions    Topic = "captions.v1" // key segment or "status": [meeting.Draft]; may be dropped
	Segments    Topic = "segments.v1" // key segment: [meeting.Segment]; an empty value retracts it
	Speakers    Topic = "speakers.v1" // key meeting/track, of a name meeting/participant: [meeting.Voices], see [OpenVoices]
	Vectors     Topic = "vectors.v1"  // key meeting/participant/ms: [VoiceVectors]; an empty value says that they are not needed any more
	DeadLetters Topic = "dlq.v1"      // key meeting: what could not be read, without its content, see [DeadLetter]
)

// Topics lists all of them.
func Topics() []Topic {
	topics := make([]Topic, 0, len(topicTable))
	for _, spec := range topicTable {
		topics = append(topics, spec.topic)
	}
	return topics
}

// topicSpec is one row of the table of topics.
type topicSpec struct {
	topic        Topic
	small, large int           // partitions
	kept         time.Duration // retention
	closes       time.Duration // where retention must be kept to: how old a file becomes, by the broker's clock; 0: until it is full
	compact      bool          // the newest record of each key is enough
	publish      delivery
}

// delivery is how hard Publish tries.
type delivery int

const (
	once      delivery = iota // one attempt, one broker: the caller decides whether to try again
	durable                   // all in-sync brokers, tried until the context ends
	droppable                 // one attempt, one broker: it will be replaced soon anyway
)

const day = 24 * time.Hour

var topicTable = [...]topicSpec{
	{topic: Audio, small: 8, large: 48, kept: 10 * time.Minute, closes: time.Minute, publish: once},
	{topic: Meetings, small: 4, large: 16, kept: 7 * day, publish: durable},
	{topic: Captions, small: 8, large: 16, kept: 10 * time.Minute, closes: time.Minute, publish: droppable},
	{topic: Segments, small: 8, large: 16, kept: 7 * day, compact: true, publish: durable},
	{topic: Speakers, small: 8, large: 16, kept: day, publish: durable},
	// Biometric data: 12 h are more than a meeting needs to be taken over, and with the age of a file and of the broker's looks far from 24 h.
	{topic: Vectors, small: 8, large: 16, kept: day / 2, closes: time.Hour, compact: true, publish: durable},
	{topic: DeadLetters, small: 1, large: 4, kept: 3 * day, publish: durable},
}

// specOf returns false if there is no such topic.
func specOf(topic Topic) (topicSpec, bool) {
	for _, spec := range topicTable {
		if spec.topic == topic {
			return spec, true
		}
	}
	return topicSpec{}, false
}

func (s topicSpec) partitions(large bool) int {
	if large {
		return s.large
	}
	return s.small
}

// configs returns the topic's settings on the broker.
func (s topicSpec) configs(cfg Config, kept time.Duration) map[string]string {
	// Records go file by file, so small files keep retention close to its word. 1 MiB is the least that Kafka accepts.
	segmentBytes := 1 << 20
	if cfg.Large {
		segmentBytes = 16 << 20
	}
	configs := map[string]string{
		"cleanup.policy": "delete",
		"retention.ms":   strconv.FormatInt(kept.Milliseconds(), 10),
		"segment.bytes":  strconv.Itoa(segmentBytes),
	}
	if s.closes > 0 {
		configs["segment.ms"] = strconv.FormatInt(s.closes.Milliseconds(), 10)
		configs["message.timestamp.type"] = "LogAppendTime"
	}
	if s.compact {
		configs["cleanup.policy"] = "compact,delete"
		configs["delete.retention.ms"] = strconv.FormatInt(day.Milliseconds(), 10)
		if s.closes > 0 {
			configs["max.compaction.lag.ms"] = configs["segment.ms"] // else what was retracted waits for much more to come
		}
	}
	if cfg.Replication >= 3 {
		configs["min.insync.replicas"] = "2"
	}
	return configs
}

// Partitions returns how many partitions topic has on the broker.
func (b *Bus) Partitions(topic Topic) int { return b.partitions[topic] }

// PartitionOf returns the partition of a meeting in every topic but [Audio]: one partition holds a whole meeting in
// order. Everybody who publishes must use it.
func (b *Bus) PartitionOf(topic Topic, id meeting.ID) int { return spread(id, 0, b.Partitions(topic)) }

// AudioPartition returns the partition of [Audio] for the track that was joinIndex-th in its meeting. Counting spreads
// a few tracks evenly where hashing would put many of them on one worker; the result is announced with the track and
// holds for its life.
func (b *Bus) AudioPartition(id meeting.ID, joinIndex int) int {
	return spread(id, joinIndex, b.Partitions(Audio))
}

// spread returns (hash(id) + index) mod n, or 0 if there are no partitions. It must never change: records of running
// meetings would move. Both halves of the hash are used, because the low bits of FNV depend on few bits of the text.
func spread(id meeting.ID, index, n int) int {
	if n <= 0 {
		return 0
	}
	h := fnv.New64a()
	h.Write([]byte(id))
	sum := h.Sum64()
	sum ^= sum >> 32
	return int((sum%uint64(n) + uint64(max(index, 0))%uint64(n)) % uint64(n))
}
