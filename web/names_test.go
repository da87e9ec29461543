package web

import "testing"

func TestCleanName(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"plain", "Zoë Ångström", "Zoë Ångström"},
		{"surrounding and repeated space", "  Anna \t Berg\n", "Anna Berg"},
		{"direction override", "Anna\u202egreB", "AnnagreB"},
		{"zero width space", "Ad\u200bmin", "Admin"},
		{"bell", "An\ana", "Anna"},
		{"Persian with its joiner", "می\u200cخواهم", "می\u200cخواهم"},
		{"composed emoji", "👩\u200d🚀", "👩\u200d🚀"},
		{"damaged UTF-8", "An\xffna", "Anna"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := cleanName(c.in)
			if err != nil || got != c.want {
				t.Errorf("got %q, %v; want %q", got, err, c.want)
			}
		})
	}
	for _, empty := range []string{"", "   ", "\u200b", "\u202e\u202c", "\u200d \u200c"} {
		if got, err := cleanName(empty); err == nil {
			t.Errorf("%q became the name %q", empty, got)
		}
	}
}
