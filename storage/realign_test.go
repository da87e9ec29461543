package storage

import (
	"fmt"
	"strings"
	"testing"

	"souffleur/internal/meeting"
)

// recognised is a segment of words that last 400 ms each, 500 ms apart.
func recognised(words ...string) *meeting.Segment {
	s := &meeting.Segment{Caption: meeting.Caption{Text: strings.Join(words, " ")}, Conf: 0.5}
	for i, w := range words {
		at := 1000 + int64(i)*500
		s.Words = append(s.Words, meeting.Word{Text: w, T0: at, T1: at + 400, P: 0.5})
		s.T0, s.T1 = s.Words[0].T0, at+400
	}
	return s
}

func timesOf(words []meeting.Word) string {
	var b strings.Builder
	for _, w := range words {
		fmt.Fprintf(&b, "%s %d-%d %.1f; ", w.Text, w.T0, w.T1, w.P)
	}
	return b.String()
}

func TestCorrectedWordsKeepTheirTimes(t *testing.T) {
	glued := recognised("venue.")
	glued.Text = "l'heure venue."
	glued.Words = append([]meeting.Word{{Text: "l'", T0: 100, T1: 200, P: 0.9}, {Text: "heure", T0: 200, T1: 500, P: 0.4}}, glued.Words...)
	glued.T0 = 100
	other := recognised("was", "ganz", "anderes")
	other.Text = "zwei Worte"
	for _, c := range []struct {
		name, text, want string
		segment          *meeting.Segment
	}{
		{"one word replaced", "der große Berg", "der 1000-1400 0.5; große 1500-1900 1.0; Berg 2000-2400 0.5; ", recognised("der", "grosse", "Berg")},
		{"punctuation and case stay the word", "Der große, Berg!", "Der 1000-1400 0.5; große, 1500-1900 0.5; Berg! 2000-2400 0.5; ", recognised("der", "große", "Berg")},
		{"two for one share its time", "im Zauber Berg", "im 1000-1400 0.5; Zauber 1500-1740 1.0; Berg 1740-1900 1.0; ", recognised("im", "Zauberberg")},
		{"one for two takes theirs", "im Zauberberg", "im 1000-1400 0.5; Zauberberg 1500-2400 1.0; ", recognised("im", "Zauber", "Berg")},
		{"a word put in takes the pause", "ja so nein", "ja 1000-1400 0.5; so 1400-1500 1.0; nein 1500-1900 0.5; ", recognised("ja", "nein")},
		{"put in front", "also ja", "also 1000-1000 1.0; ja 1000-1400 0.5; ", recognised("ja")},
		{"put behind", "ja also", "ja 1000-1400 0.5; also 1400-1400 1.0; ", recognised("ja")},
		{"a word taken out", "ja nein", "ja 1000-1400 0.5; nein 2000-2400 0.5; ", recognised("ja", "doch", "nein")},
		{"words in another order", "b a", "b 1500-1900 0.5; a 1900-1900 1.0; ", recognised("a", "b")},
		{"everything else", "x yyy", "x 1000-1225 1.0; yyy 1225-1900 1.0; ", recognised("ja", "nein")},
		{"nothing", "", "", recognised("ja", "nein")},
		{"recognised words finer than the text's", "L'heure est venue.", "L'heure 100-500 0.4; est 500-1000 1.0; venue. 1000-1400 0.5; ", glued},
		{"recognised words of another text", "zwei Orte", "zwei 1000-1622 0.5; Orte 1622-2400 1.0; ", other},
		{"no words", "ja", "", &meeting.Segment{Caption: meeting.Caption{Text: "nein", T1: 500}}},
	} {
		if got := timesOf(realign(c.segment, c.text)); got != c.want {
			t.Errorf("%s: got  %s\nwant %s", c.name, got, c.want)
		}
	}
}

func TestAVeryLongCorrectionSharesOutItsTime(t *testing.T) {
	var many []string
	for i := range 2000 {
		many = append(many, fmt.Sprint("w", i))
	}
	s := recognised(many...)
	words := realign(s, strings.Repeat("neu ", 2000))
	if len(words) != 2000 || words[0].T0 != s.T0 || words[1999].T1 != s.T1 {
		t.Errorf("%d words from %d to %d", len(words), words[0].T0, words[1999].T1)
	}
}

func FuzzRealign(f *testing.F) {
	f.Add("der große Berg", "der Berg", int64(0), int64(500))
	f.Add("a b c", "c b a", int64(1)<<62, -int64(1)<<62)
	f.Add("", "  ", int64(-1), int64(9))
	f.Fuzz(func(t *testing.T, old, fresh string, t0, t1 int64) {
		s := recognised(meeting.Fields(old)...)
		s.T0, s.T1 = t0, t1
		if len(s.Words) > 0 {
			s.Words[len(s.Words)/2].T0, s.Words[0].T1 = t0, t1
		}
		words := realign(s, fresh)
		if len(s.Words) == 0 {
			if words != nil {
				t.Errorf("words came from nowhere: %v", words)
			}
			return
		}
		fields := meeting.Fields(fresh)
		if len(words) != len(fields) {
			t.Fatalf("%d words of a text with %d", len(words), len(fields))
		}
		for i, w := range words {
			if w.Text != fields[i] || w.T1 < w.T0 || i > 0 && w.T0 < words[i-1].T0 {
				t.Errorf("word %d is %+v after %+v", i, w, words[max(i-1, 0)])
			}
		}
	})
}
