package endpoint

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"text/template"
	"unicode"

	"souffleur/internal/meeting"
	"souffleur/summarize/verify"
)

//go:embed prompts/*.txt
var promptFiles embed.FS

var prompts = template.Must(template.ParseFS(promptFiles, "prompts/*.txt"))

// promptVersion stands in the keys of what is kept: results of other prompts are not used. Raise it with every change of a prompt.
const promptVersion = "1"

// Forms of answers. Their lists are bounded, because small models go on without end where a grammar lets them.
var (
	factForm = form{name: "facts", schema: json.RawMessage(`{"type":"object","additionalProperties":false,"required":["title","facts"],"properties":{` +
		`"title":{"type":"string"},"facts":{"type":"array","maxItems":24,"items":{"type":"object","additionalProperties":false,` +
		`"required":["kind","text","evidence","owner","due"],"properties":{"kind":{"type":"string","enum":["decision","action","question","point"]},` +
		`"text":{"type":"string"},"evidence":{"type":"array","maxItems":8,"items":{"type":"string"}},"owner":{"type":"string"},"due":{"type":"string"}}}}}}`)}
	lineForm = form{name: "lines", schema: json.RawMessage(`{"type":"object","additionalProperties":false,"required":["title","lines"],"properties":{` +
		`"title":{"type":"string"},"lines":{"type":"array","maxItems":8,"items":{"type":"object","additionalProperties":false,` +
		`"required":["text","facts"],"properties":{"text":{"type":"string"},"facts":{"type":"array","maxItems":8,"items":{"type":"string"}}}}}}}`)}
)

// Examples show the forms in the prompt; the schema itself is longer and no clearer to a model.
const (
	factExample = `{"title": "…", "facts": [{"kind": "action", "text": "…", "evidence": ["S12"], "owner": "…", "due": "…"}]}`
	lineExample = `{"title": "…", "lines": [{"text": "…", "facts": ["F3"]}]}`
)

// brief is what a prompt's text is filled with.
type brief struct {
	Language, Fence, Form string
	Least, Most           int
	Refused               []refused
}

// refused is a sentence that failed a check.
type refused struct{ Text, Reason string }

// fill returns a prompt in the language of the minutes: French, or English, which names the language.
func fill(name, lang string, b brief) string {
	file := name + ".en.txt"
	if lang == "fr" {
		file = name + ".fr.txt"
	}
	b.Language = languageName(lang)
	var out strings.Builder
	if err := prompts.ExecuteTemplate(&out, file, b); err != nil {
		panic(fmt.Sprintf("prompt %s: %v", file, err)) // the files are part of the program; a test fills all
	}
	return out.String()
}

func languageName(lang string) string {
	switch lang {
	case "", "en":
		return "English"
	case "de":
		return "German"
	case "es":
		return "Spanish"
	case "it":
		return "Italian"
	case "nl":
		return "Dutch"
	case "pt":
		return "Portuguese"
	case "fr":
		return "French"
	}
	return "the language with the code " + plain(lang, 20)
}

// conversation is a system prompt with data for it. The fence around the data is made from the data: nobody could say it in the meeting.
func conversation(name, lang string, b brief, data string) []message {
	sum := sha256.Sum256([]byte(data))
	b.Fence = "=== " + hex.EncodeToString(sum[:6]) + " ==="
	return []message{
		{Role: "system", Content: fill(name, lang, b)},
		{Role: "user", Content: b.Fence + "\n" + data + b.Fence},
	}
}

// mostRefused is how many refusals are told; the others are left out of the second answer, too.
const mostRefused = 12

// again goes on with a conversation after an answer of which something was refused.
func again(lang string, so []message, answer string, r []refused) []message {
	return append(append([]message{}, so...), message{Role: "assistant", Content: answer},
		message{Role: "user", Content: fill("again", lang, brief{Refused: r[:min(len(r), mostRefused)]})})
}

// transcript writes lines as a prompt has them.
func transcript(people []string, lines []line) string {
	var b strings.Builder
	b.WriteString(strings.Join(people, ", ") + "\n")
	for _, l := range lines {
		fmt.Fprintf(&b, "[S%d] %s: %s\n", l.number, l.name, l.text)
	}
	return b.String()
}

// plain makes foreign text safe to stand on one line of a prompt: no control characters, no brackets that look like a line's number or
// like a mark of a chat template, and at most so many characters.
func plain(text string, most int) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case r == '[', r == '{', r == '<':
			return '('
		case r == ']', r == '}', r == '>':
			return ')'
		case r == '|', r == '=', r == '#', r == '`':
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r):
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, " "))
	text = strings.Join(strings.Fields(text), " ")
	if r := []rune(text); len(r) > most {
		text = string(r[:most])
	}
	return text
}

// nameOf returns the name of a speaker as prompts have it.
func nameOf(names map[meeting.SpeakerID]string, people []meeting.Person, spk meeting.SpeakerID) string {
	name := names[spk]
	if name == "" {
		for _, p := range people {
			if p.Participant == spk.Participant() {
				name = p.Name
			}
		}
	}
	if name = plain(name, mostName); name == "" || verify.Instructs(name) {
		return "?"
	}
	return name
}

// reasons say to a model why something was refused.
var reasons = map[verify.Rule]struct{ en, fr string }{
	verify.Evidence:    {"its line numbers are missing, too many, or not of this transcript", "ses numéros de lignes manquent, sont trop nombreux ou ne sont pas de cette transcription"},
	verify.Instruction: {"its lines are not part of the meeting", "ses lignes ne font pas partie de la réunion"},
	verify.Numbers:     {"it has a number that these lines do not say", "elle contient un nombre que ces lignes ne disent pas"},
	verify.Dates:       {"it has a day or time that these lines do not say", "elle contient un jour ou une heure que ces lignes ne disent pas"},
	verify.Names:       {"it has a name that these lines do not say", "elle contient un nom que ces lignes ne disent pas"},
	verify.Owner:       {"its owner is not named in these lines", "son responsable n'est pas nommé dans ces lignes"},
	verify.Due:         {"its due date is not copied from these lines", "son délai n'est pas recopié de ces lignes"},
	verify.Negation:    {"it says the contrary of these lines: mind the negation", "elle dit le contraire de ces lignes : attention à la négation"},
	verify.Overlap:     {"it does not use the words of these lines", "elle n'emploie pas les mots de ces lignes"},
}

const (
	wrongLanguageEN = "it is not in the language that was asked for"
	wrongLanguageFR = "elle n'est pas dans la langue demandée"
)

// reason returns why a rule refused something, in the language of a prompt.
func reason(lang string, rule verify.Rule) string {
	if lang == "fr" {
		return reasons[rule].fr
	}
	return reasons[rule].en
}
