package meeting

import (
	"errors"
	"testing"
)

func TestANoticeIsWrittenAndRead(t *testing.T) {
	for _, text := range []string{"", "1.captions", "12.minutes+sound", "script.off"} {
		n, err := ParseNotice(text)
		if err != nil || n.String() != text {
			t.Errorf("%q is read as %+v (%v), written %q", text, n, err, n.String())
		}
	}
	for _, text := range []string{"1", "1.", ".captions", "1.everything", "1.captions+sound+sound", "A.captions", "1.captions ", "12345678901234567.off"} {
		if n, err := ParseNotice(text); !errors.Is(err, ErrNotice) {
			t.Errorf("%q is read as %+v (%v)", text, n, err)
		}
	}
}

func FuzzParseNotice(f *testing.F) {
	f.Add("1.transcript+sound")
	f.Fuzz(func(t *testing.T, text string) {
		n, err := ParseNotice(text)
		if err == nil && n.String() != text {
			t.Errorf("%q is read as %+v", text, n)
		}
	})
}

func TestANoticeCoversWhatItTold(t *testing.T) {
	transcript := Policy{Level: Transcript}
	sound := Policy{Level: Transcript, KeepAudio: true}
	for text, want := range map[string][3]bool{ // nothing on, a transcript, a transcript and sound
		"":                   {true, false, false},
		"1.captions":         {true, false, false},
		"1.transcript":       {true, true, false},
		"1.minutes":          {true, true, false},
		"1.transcript+sound": {true, true, true},
		"1.captions+sound":   {true, false, false},
	} {
		n, err := ParseNotice(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := [3]bool{n.Covers(Policy{}), n.Covers(transcript), n.Covers(sound)}; got != want {
			t.Errorf("%q covers %v, want %v", text, got, want)
		}
	}
}
