package models

import (
	"slices"
	"testing"
)

func TestAdviceFitsTheMachine(t *testing.T) {
	const gib = 1 << 30
	for name, c := range map[string]struct {
		machine          Machine
		partials, finals string
	}{
		"small, English":          {Machine{Cores: 2, Memory: 8 * gib, Langs: []string{"en"}}, "whisper-base", "whisper-base"},
		"small, French":           {Machine{Cores: 2, Memory: 8 * gib, Langs: []string{"fr"}}, "whisper-base", "whisper-base"},
		"four cores, French":      {Machine{Cores: 4, Memory: 8 * gib, Langs: []string{"fr", "en"}}, "whisper-base", "parakeet-tdt-0.6b-v3-q8_0"},
		"four cores, Japanese":    {Machine{Cores: 4, Memory: 8 * gib, Langs: []string{"ja"}}, "whisper-base", "whisper-base"},
		"eight cores, Japanese":   {Machine{Cores: 8, Memory: 8 * gib, Langs: []string{"ja", "fr"}}, "whisper-base", "ggml-small-q8_0"},
		"cores, hardly a memory":  {Machine{Cores: 8, Memory: gib}, "whisper-base", "whisper-base"},
		"a GPU":                   {Machine{Cores: 8, Memory: 32 * gib, GPU: true}, "ggml-large-v3-turbo-q8_0", "ggml-large-v3-turbo-q8_0"},
		"languages are not known": {Machine{Cores: 4, Memory: 8 * gib}, "whisper-base", "parakeet-tdt-0.6b-v3-q8_0"},
	} {
		got := Advise(c.machine)
		if got.Partials != c.partials || got.Finals != c.finals || got.Why == "" {
			t.Errorf("%s: %+v, want %s and %s", name, got, c.partials, c.finals)
		}
	}
}

func TestAdviceNamesModelsOfTheManifest(t *testing.T) {
	m, err := parseManifest(embedded)
	if err != nil {
		t.Fatal(err)
	}
	for _, gpu := range []bool{false, true} {
		for _, cores := range []int{1, 2, 4, 6, 16} {
			for _, langs := range [][]string{nil, {"en"}, {"fr"}, {"ja"}} {
				a := Advise(Machine{Cores: cores, Memory: 16 << 30, GPU: gpu, Langs: langs})
				for role, name := range map[string]string{"asr-partial": a.Partials, "asr-final": a.Finals} {
					i := slices.IndexFunc(m.Models, func(m Model) bool { return m.Name == name })
					if i < 0 || !slices.Contains(m.Models[i].Roles, role) {
						t.Errorf("%s is no model for %s", name, role)
					}
				}
			}
		}
	}
}
