package main

import (
	"log/slog"
	"reflect"
	"testing"
)

func TestModelsThatAreNeededAreShown(t *testing.T) {
	flags := modelFlags{Models: t.TempDir(), Model: "whisper-base", FinalsModel: "parakeet-tdt-0.6b-v3-q8_0", Engines: []string{"brought-along"}}
	shown, err := flags.shelf(slog.New(slog.DiscardHandler)).Installed()
	if err != nil {
		t.Fatal(err)
	}
	uses := map[string][]string{}
	for _, m := range shown {
		if m.State != "missing" {
			t.Errorf("%+v in an empty folder", m)
		}
		uses[m.Name] = m.Uses
	}
	want := map[string][]string{
		"whisper-base": {"partials"}, "parakeet-tdt-0.6b-v3-q8_0": {"finals"}, "brought-along": {"choice"}, "silero-vad": {"voice"},
	}
	if !reflect.DeepEqual(uses, want) {
		t.Errorf("shown %v, want %v", uses, want)
	}
	flags = modelFlags{Models: flags.Models, ASRURL: "https://example.org", Model: "whisper-base"}
	shown, err = flags.shelf(slog.New(slog.DiscardHandler)).Installed()
	if err != nil || shown[0].State != "service" || !reflect.DeepEqual(shown[0].Uses, []string{"partials", "finals"}) {
		t.Errorf("with a service: %+v, %v", shown, err)
	}
}
