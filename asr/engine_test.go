package asr

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"souffleur/internal/meeting"
)

// named is an echo under another name.
type named struct {
	*echo
	name string
}

func (n named) Name() string { return n.name }

func TestEngineOfARole(t *testing.T) {
	e := newEngines([]Engine{{Name: "base"}, {Name: "quick"}, {Name: "parakeet", Langs: []string{"fr", "en"}}, {Name: "broken"}},
		meeting.Engines{Partials: "quick"})
	e.broke("broken")
	for _, c := range []struct {
		role   role
		choice meeting.Engines
		lang   string
		want   string
	}{
		{forPartials, meeting.Engines{}, "fr", "quick"},
		{forFinals, meeting.Engines{}, "fr", "base"},
		{forFinals, meeting.Engines{Finals: "parakeet"}, "fr", "parakeet"},
		{forFinals, meeting.Engines{Finals: "parakeet"}, "", "parakeet"},
		{forFinals, meeting.Engines{Finals: "parakeet"}, "ja", "base"},
		{forPartials, meeting.Engines{Finals: "parakeet"}, "fr", "quick"},
		{forPartials, meeting.Engines{Partials: "broken"}, "fr", "quick"},
		{forFinals, meeting.Engines{Finals: "gone"}, "fr", "base"},
	} {
		if got := e.of(c.role, c.choice, c.lang).Name; got != c.want {
			t.Errorf("role %d, choice %+v, language %q: %s, want %s", c.role, c.choice, c.lang, got, c.want)
		}
	}
}

func TestEnginesMustFit(t *testing.T) {
	none := func() (Recognizer, error) { return nil, errors.New("none") }
	for want, e := range map[string]*engines{
		"needs a speech model": newEngines(nil, meeting.Engines{}),
		"a name":               newEngines([]Engine{{New: none}}, meeting.Engines{}),
		"two engines":          newEngines([]Engine{{Name: "a", New: none}, {Name: "a", New: none}}, meeting.Engines{}),
		`no engine "b"`:        newEngines([]Engine{{Name: "a", New: none}}, meeting.Engines{Finals: "b"}),
	} {
		if err := e.validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

func TestARoomIsHeardByTheEnginesItChose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.announce("t0", "p0", 0)
		w := s.worker(1)
		w.engines = newEngines(append(w.cfg.Engines,
			Engine{Name: "better", New: func() (Recognizer, error) { return named{&echo{}, "better"}, nil }},
			Engine{Name: "broken", New: func() (Recognizer, error) { return nil, errors.New("out of memory") }}), meeting.Engines{})
		defer s.run(w)()
		choose := func(e meeting.Engines) {
			s.event(meeting.Event{Type: meeting.EventPolicy, Policy: &meeting.Policy{Level: meeting.Transcript, Langs: []string{"en"}, Engines: e}})
		}
		for i, c := range []struct {
			choice meeting.Engines
			want   string
		}{
			{meeting.Engines{}, "echo"},
			{meeting.Engines{Finals: "better"}, "better"},
			{meeting.Engines{Finals: "broken"}, "echo"},
			{meeting.Engines{Partials: "better"}, "echo"},
		} {
			choose(c.choice)
			s.speak("t0", uint64(10_000*(i+1)), act{"speech", 100}, act{"hush", 60})
			until(t, "the final", func() bool { return len(s.segments()) == i+1 })
			if got := s.segments()[i].Engine; got != c.want {
				t.Errorf("choice %+v: heard by %s, want %s", c.choice, got, c.want)
			}
		}
	})
}
