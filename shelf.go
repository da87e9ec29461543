package main

import (
	"cmp"
	"log/slog"
	"slices"

	"souffleur/internal/models"
	"souffleur/web"
)

// shelf is the models of this machine as admins see them: those that are installed, and those that serve needs.
type shelf struct {
	flags modelFlags
	log   *slog.Logger
}

var _ web.Models = shelf{}

func (f modelFlags) shelf(log *slog.Logger) shelf { return shelf{f, log} }

// Installed implements web.Models.
func (s shelf) Installed() ([]web.InstalledModel, error) {
	list, err := s.flags.store(s.log).List()
	if err != nil {
		return nil, err
	}
	var shown []web.InstalledModel
	for _, name := range s.flags.engineNames() {
		known := slices.ContainsFunc(list, func(m models.Listing) bool { return m.Name == name })
		switch {
		case name == serviceEngine:
			shown = append(shown, web.InstalledModel{Name: name, State: "service", Uses: s.uses(name)})
		case !known:
			shown = append(shown, web.InstalledModel{Name: name, State: "missing", Uses: s.uses(name)})
		}
	}
	for _, m := range list {
		uses, state := s.uses(m.Name), stateOf(m.State)
		if len(uses) == 0 && state == "missing" {
			continue
		}
		shown = append(shown, web.InstalledModel{
			Name: m.Name, State: state, Size: m.Result.Size, Uses: uses, Languages: m.Languages, Licence: m.Licence, Attribution: m.Attribution,
		})
	}
	slices.SortStableFunc(shown, func(a, b web.InstalledModel) int { return len(b.Uses) - len(a.Uses) })
	return shown, nil
}

func stateOf(s models.State) string {
	switch s {
	case models.Installed:
		return "verified"
	case models.Damaged:
		return "damaged"
	}
	return "missing"
}

// uses says what a model is for here.
func (s shelf) uses(name string) []string {
	uses := []string{}
	if name == vadModel {
		return append(uses, "voice")
	}
	standard, names := s.flags.standard(), s.flags.engineNames()
	for use, engine := range map[string]string{"partials": cmp.Or(standard.Partials, names[0]), "finals": cmp.Or(standard.Finals, names[0])} {
		if engine == name {
			uses = append(uses, use)
		}
	}
	slices.Sort(uses)
	slices.Reverse(uses) // partials come first
	if len(uses) == 0 && slices.Contains(names, name) {
		uses = append(uses, "choice")
	}
	return uses
}
