package bus

import "encoding/json"

// deadLetter is what dlq.v1 keeps of a record that could not be read: where it stands, never what it holds. It is not sealed: the
// key may be what is wrong.
type deadLetter struct {
	Topic     Topic  `json:"topic"`
	Partition int    `json:"partition"`
	Offset    int64  `json:"offset"`
	Reason    string `json:"reason"`
}

// DeadLetter returns the record for that partition of [DeadLetters] which says where m stands and why it was passed over. reason
// is a sentence of ours, never a part of m. The record's key is the meeting: that of m may be anything.
func DeadLetter(m Message, reason string, partition int) Message {
	letter := Message{Topic: DeadLetters, Partition: partition}
	if m.Meeting.Valid() {
		letter.Key, letter.Meeting = string(m.Meeting), m.Meeting
	}
	letter.Value, _ = json.Marshal(deadLetter{m.Topic, m.Partition, m.Offset, reason}) // four plain fields
	return letter
}
