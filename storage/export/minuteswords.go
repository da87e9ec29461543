package export

import (
	"fmt"

	"souffleur/storage"
	"souffleur/summarize/minutes"
)

// minutesWords is what nobody wrote in minutes, in one language. It says the same as the page.
type minutesWords struct {
	excerpts, written             string // titles, by engine
	overview, topics              string
	decisions, actions, questions string
	owner, due                    string
	suggestion, unverified, added string
	colon, between                string
	byRules                       string
	byModel                       string // model, host
	fellBack                      string // host
	made                          string // when
	outdated                      string
	warnings                      map[minutes.Warning]string
}

func wordsFor(lang Lang) *minutesWords {
	if lang == French {
		return &frenchMinutes
	}
	return &englishMinutes
}

// title says what it is: excerpts are never called minutes.
func (words *minutesWords) title(r *storage.MinutesRead) string {
	if r.Facts.Engine.Name == minutes.Extractive {
		return words.excerpts
	}
	return words.written
}

// about says who wrote it when, where the text was sent, and what the reader must know.
func (words *minutesWords) about(r *storage.MinutesRead) []string {
	e := r.Facts.Engine
	var about []string
	switch {
	case e.Name != minutes.Extractive:
		about = append(about, fmt.Sprintf(words.byModel, oneLine(e.Model), oneLine(e.Host)))
	case e.FellBack != "":
		about = append(about, words.byRules+" "+fmt.Sprintf(words.fellBack, oneLine(e.Host)))
	default:
		about = append(about, words.byRules)
	}
	about[0] += " " + fmt.Sprintf(words.made, madeAt(r))
	if r.Outdated {
		about = append(about, words.outdated)
	}
	for _, w := range r.Facts.Warnings {
		if text := words.warnings[w]; text != "" {
			about = append(about, text)
		}
	}
	return about
}

var englishMinutes = minutesWords{
	excerpts: "Key excerpts", written: "Minutes", overview: "In short", topics: "Topics", decisions: "Decisions", actions: "To do",
	questions: "Open questions", owner: "who", due: "by when", suggestion: "suggestion", unverified: "not verified", added: "added by a person",
	colon: ": ", between: "; ",
	byRules:  "Quotes chosen from the transcript by rules, on this server. No language model wrote this, and no one has summarised it.",
	byModel:  "Written by the language model %s from the transcript, which was sent to %s. Programs checked each line against what was said; people should, too.",
	fellBack: "The language model at %s was asked first and did not answer as it should; parts of the transcript were sent there.",
	made:     "Made %s.",
	outdated: "Made from an older version of the transcript: it was corrected since.",
	warnings: map[minutes.Warning]string{
		minutes.NothingSaid:       "Too little was said for minutes.",
		minutes.OneSpeaker:        "Only one person spoke, so nobody could agree to anything.",
		minutes.LanguageNeutral:   "Decisions and tasks are looked for in French and English only; in this language there are excerpts.",
		minutes.MixedLanguages:    "Several languages were spoken; some of what was said may be missing.",
		minutes.PartOnly:          "Only a part of the meeting was at level minutes. The rest is not in here.",
		minutes.Gaps:              "Sound was lost during the meeting; what was said then is missing.",
		minutes.EndpointDown:      "The language model could not be reached.",
		minutes.EndpointTimeout:   "The language model took too long.",
		minutes.EndpointBusy:      "The language model was too busy.",
		minutes.EndpointTruncates: "The language model cuts long texts without saying so.",
		minutes.EndpointBroken:    "What the language model answered could not be used.",
		minutes.EndpointLanguage:  "The language model answered in another language.",
		minutes.EndpointRefused:   "The language model refused: its key or its name is wrong.",
		minutes.LinesDropped:      "Some lines of the language model were left out, because what was said does not bear them out.",
	},
}

var frenchMinutes = minutesWords{
	excerpts: "Extraits clés", written: "Compte rendu", overview: "En bref", topics: "Sujets", decisions: "Décisions", actions: "À faire",
	questions: "Questions ouvertes", owner: "qui", due: "pour quand", suggestion: "suggestion", unverified: "non vérifié", added: "ajouté par une personne",
	colon: "\u00a0: ", between: "\u00a0; ",
	byRules:  "Citations choisies dans la transcription par des règles, sur ce serveur. Aucun modèle de langue n’a écrit ce texte, et personne ne l’a résumé.",
	byModel:  "Écrit par le modèle de langue %s à partir de la transcription, qui a été envoyée à %s. Des programmes ont comparé chaque ligne à ce qui a été dit\u00a0; faites-le aussi.",
	fellBack: "Le modèle de langue de %s a été interrogé d’abord et n’a pas répondu comme il devait\u00a0; des parties de la transcription y ont été envoyées.",
	made:     "Fait le %s.",
	outdated: "Fait à partir d’une version plus ancienne de la transcription\u00a0: elle a été corrigée depuis.",
	warnings: map[minutes.Warning]string{
		minutes.NothingSaid:       "Trop peu a été dit pour un compte rendu.",
		minutes.OneSpeaker:        "Une seule personne a parlé\u00a0: personne n’a pu être d’accord avec quoi que ce soit.",
		minutes.LanguageNeutral:   "Les décisions et les tâches ne sont cherchées qu’en français et en anglais\u00a0; dans cette langue, il y a des extraits.",
		minutes.MixedLanguages:    "Plusieurs langues ont été parlées\u00a0; une partie de ce qui a été dit peut manquer.",
		minutes.PartOnly:          "Une partie seulement de la réunion était au niveau compte rendu. Le reste n’y est pas.",
		minutes.Gaps:              "Du son a été perdu pendant la réunion\u00a0; ce qui a été dit alors manque.",
		minutes.EndpointDown:      "Le modèle de langue n’a pas pu être joint.",
		minutes.EndpointTimeout:   "Le modèle de langue a mis trop de temps.",
		minutes.EndpointBusy:      "Le modèle de langue était trop occupé.",
		minutes.EndpointTruncates: "Le modèle de langue coupe les longs textes sans le dire.",
		minutes.EndpointBroken:    "La réponse du modèle de langue était inutilisable.",
		minutes.EndpointLanguage:  "Le modèle de langue a répondu dans une autre langue.",
		minutes.EndpointRefused:   "Le modèle de langue a refusé\u00a0: sa clé ou son nom est faux.",
		minutes.LinesDropped:      "Des lignes du modèle de langue ont été écartées, parce que ce qui a été dit ne les confirme pas.",
	},
}
