package bus

import (
	"errors"
	"strings"
	"testing"

	"souffleur/internal/meeting"
	"souffleur/internal/seal"
)

func TestASealedEventComesBack(t *testing.T) {
	key, _ := seal.NewKey()
	event := meeting.Event{V: 1, Type: meeting.EventJoined, Meeting: room, Person: &meeting.Person{Name: "Ada"}}
	value, err := SealJSON(key, Meetings, string(room), event)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(value), "Ada") {
		t.Error("the name can be read in the record")
	}
	var got meeting.Event
	if err := OpenJSON(key, Message{Topic: Meetings, Key: string(room), Value: value}, &got); err != nil {
		t.Fatal(err)
	}
	if got.Person == nil || got.Person.Name != "Ada" || got.Type != meeting.EventJoined {
		t.Errorf("got %+v", got)
	}
}

func TestASealedRecordOpensNowhereElse(t *testing.T) {
	key, _ := seal.NewKey()
	other, _ := seal.NewKey()
	value, err := SealJSON(key, Segments, "seg", meeting.Segment{})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		key  seal.Key
		m    Message
		want error
	}{
		"another key":        {other, Message{Topic: Segments, Key: "seg", Value: value}, seal.ErrOpen},
		"another topic":      {key, Message{Topic: Captions, Key: "seg", Value: value}, seal.ErrOpen},
		"another record key": {key, Message{Topic: Segments, Key: "other", Value: value}, seal.ErrOpen},
		"a cut value":        {key, Message{Topic: Segments, Key: "seg", Value: value[:len(value)-1]}, seal.ErrOpen},
		"a newer version":    {key, Message{Topic: Segments, Key: "seg", Value: append([]byte{9}, value[1:]...)}, ErrVersion},
		"a retracted record": {key, Message{Topic: Segments, Key: "seg"}, ErrMalformed},
	} {
		if err := OpenJSON(c.key, c.m, new(meeting.Segment)); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

func TestAnErrorDoesNotRepeatWhatWasSaid(t *testing.T) {
	key, _ := seal.NewKey()
	value, err := SealJSON(key, Captions, "seg", map[string]string{"caption": "geheim"})
	if err != nil {
		t.Fatal(err)
	}
	err = OpenJSON(key, Message{Topic: Captions, Key: "seg", Value: value}, new(meeting.Draft))
	if !errors.Is(err, ErrMalformed) || strings.Contains(err.Error(), "geheim") {
		t.Errorf("got %v", err)
	}
}

func TestWhatIsNoJSONIsNotSealed(t *testing.T) {
	key, _ := seal.NewKey()
	if _, err := SealJSON(key, Captions, "seg", func() {}); err == nil {
		t.Error("a function was sealed")
	}
}

// FuzzOpenJSON feeds the reader what anybody could have written to a topic.
func FuzzOpenJSON(f *testing.F) {
	key, _ := seal.NewKey()
	good, err := SealJSON(key, Segments, "seg", meeting.Segment{Caption: meeting.Caption{Text: "words"}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add("seg", good)
	f.Add("", []byte{})
	f.Add("seg", []byte{jsonVersion})
	f.Fuzz(func(t *testing.T, recordKey string, value []byte) {
		var s meeting.Segment
		err := OpenJSON(key, Message{Topic: Segments, Key: recordKey, Value: value}, &s)
		switch {
		case err == nil && (recordKey != "seg" || string(value) != string(good)):
			t.Fatal("forged")
		case err != nil && !errors.Is(err, seal.ErrOpen) && !errors.Is(err, ErrVersion) && !errors.Is(err, ErrMalformed):
			t.Fatalf("unexpected error %v", err)
		}
	})
}
