package cues

import (
	"fmt"
	"strings"
	"testing"

	"souffleur/internal/meeting"
	"souffleur/summarize/prose"
)

// talk makes sentences of lines "Name: text".
func talk(lang string, lines ...string) []prose.Sentence {
	segments := make([]meeting.Segment, 0, len(lines))
	for i, line := range lines {
		name, text, _ := strings.Cut(line, ": ")
		segments = append(segments, meeting.Segment{Caption: meeting.Caption{
			Seg: meeting.SegmentID(fmt.Sprint(i)), Spk: meeting.SpeakerID(name), T0: int64(i) * 5000, T1: int64(i)*5000 + 4000, Lang: lang, Text: text,
		}})
	}
	return prose.Of(segments)
}

var names = []string{"Nora Weiss", "Omar", "Élise", "Jean-Luc Picard"}

// told writes a finding as a test reads it: kind, owner, due.
func told(sentences []prose.Sentence, f Finding) string {
	owner := f.Owner.Name
	switch {
	case f.Owner.Speaker:
		owner = string(sentences[f.At].Speaker)
	case f.Owner.Accepter:
		owner = string(sentences[f.Accepted].Speaker)
	}
	return strings.TrimRight(fmt.Sprintf("%s %s %s", f.Kind, owner, f.Due), " ")
}

func TestWhatIsSuggested(t *testing.T) {
	for _, c := range []struct {
		lang string
		want string // the first finding; "" for none
		talk []string
	}{
		// Promises.
		{"en", "action Nora by Friday", []string{"Nora: I'll send the updated budget to the board by Friday.", "Omar: Great."}},
		{"en", "action Nora", []string{"Nora: I'm happy to draft the letter to the insurance company.", "Omar: Thank you."}},
		{"en", "action Omar next week", []string{"Omar: I'm calling the electrician next week about the broken lights.", "Nora: Okay."}},
		{"fr", "action Nora demain matin", []string{"Nora: Je vais envoyer le devis au fournisseur demain matin.", "Omar: Parfait."}},
		{"fr", "action Nora avant vendredi", []string{"Nora: J'appellerai l'assurance avant vendredi pour le toit.", "Omar: D'accord."}},
		{"fr", "action Omar", []string{"Omar: Je m'occupe de la réservation de la salle des fêtes.", "Nora: Merci."}},
		// Requests and orders.
		{"en", "action Omar by Tuesday", []string{"Nora: Omar, could you check the figures of last quarter by Tuesday?", "Omar: Sure."}},
		{"en", "action Omar", []string{"Nora: Can you prepare the slides for the board?", "Omar: Yes, no problem."}},
		{"en", "action Nora Weiss on Monday", []string{"Omar: Weiss will collect the keys on Monday."}},
		{"fr", "action Jean-Luc Picard d'ici lundi", []string{"Nora: Jean-Luc, tu peux vérifier les chiffres d'ici lundi ?", "Omar: Oui."}},
		{"fr", "action Omar", []string{"Nora: Tu nous prépares une petite affiche pour la fête ?", "Omar: Pas de souci."}},
		{"fr", "action Élise fin mars", []string{"Nora: Élise doit rendre le rapport fin mars."}},
		// No actions: at once, imagined, past, nobody's, refused, without a second signal.
		{"en", "", []string{"Nora: I'll share my screen so that you see the budget.", "Omar: Okay."}},
		{"en", "", []string{"Nora: We could maybe write to the mayor about that.", "Omar: Yes."}},
		{"en", "", []string{"Nora: Last week I called the plumber about the leak.", "Omar: Good."}},
		{"en", "", []string{"Nora: Could you write the report for the board?", "Omar: No, I can't."}},
		{"en", "", []string{"Nora: I'll take this one if that's fine.", "Omar: Hm."}},
		{"en", "", []string{"Nora: Everybody should always check the door.", "Omar: Yes."}},
		{"fr", "", []string{"Nora: Je partage mon écran pour vous montrer le budget.", "Omar: Oui."}},
		{"fr", "", []string{"Nora: On pourrait imaginer une lettre au maire, un jour.", "Omar: Oui."}},
		{"fr", "", []string{"Nora: J'ai envoyé le devis au fournisseur la semaine dernière.", "Omar: Bien."}},
		{"fr", "", []string{"Nora: Tu pourrais écrire le rapport pour le bureau ?", "Omar: Non, je ne peux pas."}},
		// Decisions.
		{"en", "decision", []string{"Nora: Shall we vote on the red paint?", "Omar: Yes.", "Nora: It's decided, we take the red paint."}},
		{"en", "decision", []string{"Nora: Let's go with the second offer from the printer.", "Omar: Agreed."}},
		{"fr", "decision", []string{"Nora: Tout le monde est d'accord ?", "Omar: Oui.", "Nora: C'est décidé, on garde la salle du bas."}},
		{"fr", "decision", []string{"Nora: On reporte la fête au printemps.", "Omar: D'accord."}},
		{"en", "", []string{"Nora: We decided that back then, three years ago, and regretted it.", "Omar: Yes."}},
		{"en", "", []string{"Nora: Let's go with the second offer from the printer.", "Omar: No, I disagree."}},
		// Questions.
		{"en", "question", []string{"Nora: Who pays for the insurance of the hall this year?", "Omar: No idea, I have to ask them."}},
		{"fr", "question", []string{"Nora: Qui paie l'assurance de la salle cette année ?", "Omar: Je ne sais pas du tout."}},
		{"fr", "question", []string{"Nora: On ne sait toujours pas si le maire vient à la fête."}},
		{"en", "", []string{"Nora: Who pays for the insurance of the hall?", "Omar: The town does."}},
		{"en", "", []string{"Nora: Can everybody see my screen now please?", "Omar: I'm not sure."}},
		// No cues for the language.
		{"de", "", []string{"Nora: Ich schicke das Budget bis Freitag.", "Omar: Gut."}},
	} {
		sentences := talk(c.lang, c.talk...)
		got := ""
		if found := Find(sentences, names); len(found) > 0 {
			got = told(sentences, found[0])
		}
		if got != c.want {
			t.Errorf("%s: %q\n\tis %q, want %q", c.lang, c.talk, got, c.want)
		}
	}
}

func TestWhoAcceptsIsEvidence(t *testing.T) {
	sentences := talk("en", "Nora: Omar, could you check the figures by Tuesday?", "Élise: Um.", "Omar: Yes, of course.")
	found := Find(sentences, names)
	if len(found) != 1 || found[0].Accepted != 2 {
		t.Errorf("%+v", found)
	}
}

func TestARequestAndItsPromiseAreOneAction(t *testing.T) {
	sentences := talk("fr", "Nora: Omar, tu peux envoyer la lettre au maire ?", "Omar: Oui, je vais envoyer la lettre au maire demain.")
	if found := Find(sentences, names); len(found) != 1 {
		t.Errorf("%+v", found)
	}
}

func TestANameThatTwoShareIsNobodysForSure(t *testing.T) {
	known := namesByWord([]string{"Marie Curie", "Marie Laurencin", "Jo van der Berg", "Q"})
	for word, want := range map[string]string{"marie": "Marie", "curie": "Marie Curie", "jo": "Jo van der Berg", "berg": "Jo van der Berg", "van": "", "q": ""} {
		if known[word] != want {
			t.Errorf("%s is %q, want %q", word, known[word], want)
		}
	}
}

func TestFoldKeepsTheNumberOfWords(t *testing.T) {
	for _, text := range []string{"Élise, l’été ¨ prochain !", "a_b _ ´ x", "OMAR's", "½ Jean-Luc"} {
		folded, named := fold(text, namesByWord(names))
		if len(strings.Fields(folded)) != len(splitWords(text)) {
			t.Errorf("%q became %q", text, folded)
		}
		if strings.Count(folded, somebody) != len(named) {
			t.Errorf("%q: %d names in %q", text, len(named), folded)
		}
	}
}

func TestAPatternIsTriedWhereItCanMatch(t *testing.T) {
	for _, tongue := range tongues {
		for _, f := range []forms{tongue.wills, tongue.asks, tongue.assigns, tongue.needs, tongue.together} {
			for i := range f {
				if f[i].need == nil {
					t.Errorf("%s is tried on every sentence", f[i].form)
				}
			}
		}
	}
	p := compile(`\b(?:foo|bar[a-z]+) (?:x )?baz`)
	for text, want := range map[string]bool{"a foo baz": true, "a foo x baz": true, "a barn baz": true, "a bazaar": false, "nothing": false} {
		if p.possible(text) != want {
			t.Errorf("%q: %v", text, !want)
		}
	}
}

func FuzzFind(f *testing.F) {
	f.Add("en", "Omar, could you send it by Friday?", "Yes, I'll do it.", "Omar Sharif")
	f.Add("fr", "C'est décidé ’ _ @ \u00a0 ?", "d'accord", "É _ @")
	f.Fuzz(func(t *testing.T, lang, first, second, name string) {
		sentences := talk(lang, "a: "+first, "b: "+second)
		for _, found := range Find(sentences, []string{name, "b"}) {
			if found.At < 0 || found.At >= len(sentences) || found.Accepted >= len(sentences) {
				t.Errorf("%+v", found)
			}
			if all := strings.Join(splitWords(sentences[found.At].Text), " "); !strings.Contains(all, found.Due) {
				t.Errorf("due %q is not in %q", found.Due, all)
			}
		}
	})
}
