package bus

import (
	"encoding/json"
	"strings"
	"testing"

	"souffleur/internal/meeting"
)

func TestADeadLetterSaysWhereAndNotWhat(t *testing.T) {
	m := Message{Topic: Segments, Partition: 3, Offset: 41, Key: "geheim-key", Meeting: "01JD1111111111111111111111", Value: []byte("geheim")}
	letter := DeadLetter(m, "segment does not open", 2)
	var got deadLetter
	if err := json.Unmarshal(letter.Value, &got); err != nil || got != (deadLetter{Segments, 3, 41, "segment does not open"}) {
		t.Errorf("got %s, %v", letter.Value, err)
	}
	if letter.Topic != DeadLetters || letter.Partition != 2 || letter.Key != string(m.Meeting) || letter.Meeting != m.Meeting {
		t.Errorf("got %+v", letter)
	}
	m.Meeting = meeting.ID("../geheim")
	letter = DeadLetter(m, "segment does not open", 0)
	if all := letter.Key + string(letter.Meeting) + string(letter.Value); strings.Contains(all, "geheim") {
		t.Errorf("a dead letter repeats the record: %s", all)
	}
}
