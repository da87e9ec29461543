package models

import "slices"

// Machine is what decides which speech models suit an installation.
type Machine struct {
	Cores  int
	Memory int64    // bytes
	GPU    bool     // one that the engine could use
	Langs  []string // spoken in the rooms, BCP 47 primary subtags; empty: not known
}

// Advice names speech models of the manifest by what they are for.
type Advice struct {
	Partials, Finals string
	Why              string // a sentence for the operator
}

// Cores and memory that larger models need, from their cost on one core per second of speech (docs/models.md): finals with
// Parakeet take 0.17, with Whisper small about 0.5; half of a machine is for partials and the meetings themselves.
const (
	coresForParakeet  = 4
	coresForSmall     = 6
	memoryForParakeet = 4 << 30
	memoryForSmall    = 3 << 30
)

// parakeetLangs are the languages of Parakeet-TDT-0.6b-v3, from its model card.
var parakeetLangs = []string{
	"bg", "hr", "cs", "da", "nl", "en", "et", "fi", "fr", "de", "el", "hu", "it", "lv", "lt", "mt", "pl", "pt", "ro", "sk", "sl", "es",
	"sv", "ru", "uk",
}

// Advise recommends speech models for a machine.
func Advise(m Machine) Advice {
	foreign := len(m.Langs) == 0 || slices.ContainsFunc(m.Langs, func(l string) bool { return l != "en" })
	european := !slices.ContainsFunc(m.Langs, func(l string) bool { return !slices.Contains(parakeetLangs, l) })
	switch {
	case m.GPU:
		return Advice{"ggml-large-v3-turbo-q8_0", "ggml-large-v3-turbo-q8_0",
			"With a GPU the largest model is quick enough for captions; build the engine for it and start with --gpu."}
	case european && m.Cores >= coresForParakeet && m.Memory >= memoryForParakeet:
		return Advice{"whisper-base", "parakeet-tdt-0.6b-v3-q8_0",
			"Parakeet writes the lasting text of 25 European languages far better than Whisper base, and this machine has the cores for it."}
	case m.Cores >= coresForSmall && m.Memory >= memoryForSmall:
		return Advice{"whisper-base", "ggml-small-q8_0", "This machine has the cores for a larger model for the lasting text."}
	case foreign:
		return Advice{"whisper-base", "whisper-base",
			"It is what this machine can do live. It makes many mistakes outside English (French: about three words in ten): for such rooms take a machine with four cores or more, or a GPU."}
	}
	return Advice{"whisper-base", "whisper-base", "It is what this machine can do live, and does well in English."}
}
