package bus

import (
	"encoding/json"
	"fmt"

	"souffleur/internal/seal"
)

// jsonVersion is the first byte of a sealed JSON value; the rest is the seal of the JSON text. The version inside the
// JSON is about the meaning, this one about the wrapping.
const jsonVersion = 1

// jsonPlace binds a sealed value to its topic and record key: it opens nowhere else.
func jsonPlace(topic Topic, recordKey string) string {
	return fmt.Sprintf("%s\x00%s\x00%d", topic, recordKey, jsonVersion)
}

// SealJSON returns v as JSON, sealed for a record of topic with recordKey.
func SealJSON(key seal.Key, topic Topic, recordKey string, v any) ([]byte, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("seal record of %s: %w", topic, err)
	}
	return append([]byte{jsonVersion}, key.Seal(text, jsonPlace(topic, recordKey))...), nil
}

// OpenJSON opens m and reads its JSON into v. The errors are ErrVersion, ErrMalformed (which a retracted record, without
// a value, is too) and [seal.ErrOpen].
func OpenJSON(key seal.Key, m Message, v any) error {
	if err := openJSON(key, m, v); err != nil {
		return fmt.Errorf("open record at %s partition %d offset %d: %w", m.Topic, m.Partition, m.Offset, err)
	}
	return nil
}

func openJSON(key seal.Key, m Message, v any) error {
	if len(m.Value) == 0 {
		return ErrMalformed
	}
	if m.Value[0] != jsonVersion {
		return fmt.Errorf("%w: %d", ErrVersion, m.Value[0])
	}
	text, err := key.Open(m.Value[1:], jsonPlace(m.Topic, m.Key))
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, v); err != nil {
		return fmt.Errorf("%w: %w", ErrMalformed, withoutContent(err))
	}
	return nil
}

// withoutContent keeps what was said out of errors and so out of logs: messages of the JSON package quote their input.
func withoutContent(err error) error { return fmt.Errorf("not the expected JSON (%T)", err) }
