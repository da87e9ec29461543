package verify

import (
	"slices"
	"strings"

	"souffleur/internal/meeting"
	"souffleur/summarize/deadline"
)

// owned says whether an action's owner speaks in the evidence or around it, or was named there. Nobody is a good owner, too: many
// actions are nobody's.
func (c *citation) owned(owner string, id meeting.ParticipantID) bool {
	if id != "" && !slices.ContainsFunc(c.source.people, func(p meeting.Person) bool { return p.Participant == id }) {
		return false
	}
	parts := bare(owner)
	if len(parts) == 0 {
		return owner == "" && id == ""
	}
	for i := range c.near {
		name := bare(c.source.nameOf(c.near[i].Spk))
		if covers(name, parts) || covers(bare(c.near[i].Text), parts) {
			return true
		}
		// "Aisha, could you" names Aisha Khan.
		if c.source.isPerson(parts) && len(parts[0]) > 1 && slices.Contains(bare(c.near[i].Text), parts[0]) {
			return true
		}
	}
	return false
}

// covers says whether all parts of a name are among words.
func covers(words, parts []string) bool {
	return !slices.ContainsFunc(parts, func(p string) bool { return !slices.ContainsFunc(words, func(w string) bool { return alike(w, p) }) })
}

// isPerson says whether the parts are those of a participant's name.
func (s *Source) isPerson(parts []string) bool {
	if slices.ContainsFunc(s.people, func(p meeting.Person) bool { return slices.Equal(bare(p.Name), parts) }) {
		return true
	}
	for _, name := range s.names {
		if slices.Equal(bare(name), parts) {
			return true
		}
	}
	return false
}

// dueBy says whether the words of a deadline were said in the evidence, as they are, and mean the date that is given with them.
func (c *citation) dueBy(due, date string) bool {
	if due == "" {
		return date == ""
	}
	want := strings.Join(bare(due), " ")
	if want == "" || date != "" && date != deadline.Resolve(c.lang, due, c.source.date) {
		return false
	}
	for i := range c.said {
		text := c.said[i].Text
		// A recogniser may have cut the sentence there.
		if i+1 < len(c.said) && c.said[i+1].Spk == c.said[i].Spk {
			text += " " + c.said[i+1].Text
		}
		if strings.Contains(" "+strings.Join(bare(text), " ")+" ", " "+want+" ") {
			return true
		}
	}
	return false
}
