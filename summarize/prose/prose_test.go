package prose

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"souffleur/internal/meeting"
)

// seg is a segment that lasts from t0 to t1, in seconds.
func seg(id, speaker, lang string, t0, t1 float64, text string) meeting.Segment {
	return meeting.Segment{Caption: meeting.Caption{
		Seg: meeting.SegmentID(id), Spk: meeting.SpeakerID(speaker), T0: int64(t0 * 1000), T1: int64(t1 * 1000), Lang: lang, Text: text,
	}}
}

func texts(sentences []Sentence) []string {
	var all []string
	for i := range sentences {
		all = append(all, sentences[i].Text)
	}
	return all
}

func TestSentencesEndAtFullStops(t *testing.T) {
	for _, c := range []struct {
		lang, text string
		want       []string
	}{
		{"en", "We start. Who is here? All of us!", []string{"We start.", "Who is here?", "All of us!"}},
		{"en", "Dr. Smith and M. Dupont came at 10. Then we left…", []string{"Dr. Smith and M. Dupont came at 10.", "Then we left…"}},
		{"fr", "On y va\u00a0? « Oui\u00a0!\u00a0» D'accord.", []string{"On y va\u00a0?", "« Oui\u00a0!\u00a0»", "D'accord."}},
		{"ja", "始めます。 いいですか？", []string{"始めます。", "いいですか？"}},
		{"en", "no full stop at all", []string{"no full stop at all"}},
		{"en", " \t\u0000\n ", nil},
	} {
		if got := texts(Of([]meeting.Segment{seg("s", "a", c.lang, 0, 1, c.text)})); !slices.Equal(got, c.want) {
			t.Errorf("%q: %q, want %q", c.text, got, c.want)
		}
	}
}

func TestASentenceGoesOnInTheNextSegment(t *testing.T) {
	got := Of([]meeting.Segment{
		seg("1", "a", "en", 0, 2, "The bridge that we want"),
		seg("2", "a", "en", 3, 5, "to build costs a million. And"),
		seg("3", "b", "en", 5, 6, "Really?"),
		seg("4", "a", "en", 6, 7, "yes"),
		seg("5", "a", "en", 12, 13, "after a pause"),
	})
	if want := []string{"The bridge that we want to build costs a million.", "And", "Really?", "yes", "after a pause"}; !slices.Equal(texts(got), want) {
		t.Fatalf("%q, want %q", texts(got), want)
	}
	if first := got[0]; !slices.Equal(first.Segments, []meeting.SegmentID{"1", "2"}) || first.T0 != 0 || first.T1 != 5000 || first.Asks {
		t.Errorf("%+v", first)
	}
	if !got[2].Asks || got[2].Turn == got[0].Turn || got[3].Turn != got[4].Turn {
		t.Errorf("turns %d %d %d %d", got[0].Turn, got[2].Turn, got[3].Turn, got[4].Turn)
	}
}

func TestSpeechWithoutFullStopsIsCut(t *testing.T) {
	long := strings.TrimSpace(strings.Repeat("word ", 40)) + " so " + strings.TrimSpace(strings.Repeat("more ", 90))
	for _, s := range Of([]meeting.Segment{seg("s", "a", "en", 0, 60, long)}) {
		if s.Words > longest {
			t.Errorf("%d words", s.Words)
		}
	}
	if got := Of([]meeting.Segment{seg("s", "a", "en", 0, 60, long)}); got[0].Words != 40 || !strings.HasPrefix(got[1].Text, "so ") {
		t.Errorf("cut after %d words, not before a new thought", got[0].Words)
	}
}

func TestCleanLeavesFillersOut(t *testing.T) {
	for _, c := range [][3]string{
		{"en", "Um, so the, uh, the plan is very very good.", "so the plan is very very good."},
		{"fr", "Euh, ben je je pense que, hein, non non, c'est bon.", "je pense que, non non, c'est bon."},
		{"fr", "C'est trois panneaux et un pot de peinture, hein.", "C'est trois panneaux et un pot de peinture."},
		{"en", "We go there, um, uh?", "We go there?"},
		{"en", "Uh.", ""},
		{"de", "Äh, das das geht.", "Äh, das das geht."},
	} {
		if got := Clean(c[0], c[1]); got != c[2] {
			t.Errorf("%q became %q, want %q", c[1], got, c[2])
		}
	}
}

func TestStemsCarryMeaning(t *testing.T) {
	for _, c := range []struct {
		lang, text string
		want       string
	}{
		{"en", "We are, uh, going to send the reports in 2026.", "send report 2026"},
		{"fr", "Euh, on va envoyer les rapports à la mairie.", "envoy raport mair"},
	} {
		got := strings.Join(Stems(c.lang, c.text), " ")
		if got != c.want {
			t.Errorf("%q: %q, want %q", c.text, got, c.want)
		}
	}
}

func TestFrequentWordsOfUnknownLanguagesAreToldByCounting(t *testing.T) {
	var segments []meeting.Segment
	for i := range 50 {
		segments = append(segments, seg(fmt.Sprint(i), "a", "da", float64(5*i), float64(5*i+4), fmt.Sprintf("Det er ordnummer%d.", i)))
	}
	for _, s := range Of(segments) {
		if slices.Contains(s.Stems, "det") {
			t.Fatalf("%q", s.Stems)
		}
	}
}

func TestTheLanguageOfUntaggedSpeechIsTold(t *testing.T) {
	got := Of([]meeting.Segment{
		seg("1", "a", "", 0, 4, "Il faut que nous parlions de la salle des fêtes et de ce qu'elle coûte à la commune."),
		seg("2", "b", "", 5, 9, "We have to talk about the hall and about what it costs, and who pays for it."),
		seg("3", "c", "", 10, 14, "Hm. Oslo."),
		seg("4", "d", "de", 15, 19, "We have to talk about the hall and about what it costs."),
	})
	langs := map[meeting.SpeakerID]string{}
	for _, s := range got {
		langs[s.Speaker] = s.Lang
	}
	for speaker, want := range map[meeting.SpeakerID]string{"a": "fr", "b": "en", "c": "", "d": "de"} {
		if langs[speaker] != want {
			t.Errorf("%s speaks %q, want %q", speaker, langs[speaker], want)
		}
	}
}

func TestLanguageIsThatOfMostWords(t *testing.T) {
	lang, share := Language([]Sentence{{Lang: "en", Words: 3}, {Lang: "fr", Words: 6}, {Lang: "", Words: 1}})
	if lang != "fr" || share != 0.6 {
		t.Errorf("%s, %v", lang, share)
	}
	if lang, share := Language(nil); lang != "" || share != 0 {
		t.Errorf("%s, %v", lang, share)
	}
}

// FuzzOf: sentences are the words of the segments, each once and in order, whatever they are.
func FuzzOf(f *testing.F) {
	f.Add("en", "We start. Who is\u00a0here?", "a", "um", int64(700))
	f.Add("fr", "M. Dupont\u202f! « Oui »", "b", "\xff\x00", int64(-5))
	f.Add("", "始めます。", "a", "…", int64(90_000))
	f.Fuzz(func(t *testing.T, lang, first, speaker, second string, pause int64) {
		segments := []meeting.Segment{
			seg("1", "a", lang, 0, 1, first), seg("2", speaker, lang, 0, 0, second), seg("3", "a", "fr", 9, 12, first),
		}
		segments[1].T0, segments[1].T1 = 1000+pause%1_000_000, 2000+pause%1_000_000
		var want, got []string
		for i := range segments {
			want = append(want, meeting.Fields(segments[i].Text)...)
		}
		for _, s := range Of(segments) {
			got = append(got, meeting.Fields(s.Text)...)
			if len(s.Segments) == 0 || s.Words < 0 {
				t.Errorf("%+v", s)
			}
			for _, token := range s.Tokens {
				if token.Start < 0 || token.End > len(s.Text) || token.Start > token.End {
					t.Errorf("%+v of %q", token, s.Text)
				}
			}
			Clean(s.Lang, s.Text)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q became %q", want, got)
		}
	})
}
