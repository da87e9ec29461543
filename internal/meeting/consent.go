package meeting

import (
	"errors"
	"regexp"
	"strings"
)

// Notice names the text about the AI that somebody was shown before joining: its version, and what it said. It is written
// "1.transcript" or "1.transcript+sound"; the zero value is that nothing was shown.
type Notice struct {
	Version string // of the text, one for all languages; "script" if no person was asked
	Level   Level
	Sound   bool // that what is said is kept as sound was said, too
}

// ErrNotice says that a text is no notice.
var ErrNotice = errors.New("not a notice of the AI: it looks like 1.transcript or 1.transcript+sound")

// noticeSound marks a notice that told of sound.
const noticeSound = "+sound"

var noticeVersion = regexp.MustCompile(`^[0-9a-z-]{1,16}$`)

// ParseNotice reads a notice; "" is the zero value. Any version is taken: it is recorded, and a page that is older than the
// server showed what it showed.
func ParseNotice(text string) (Notice, error) {
	if text == "" {
		return Notice{}, nil
	}
	version, rest, found := strings.Cut(text, ".")
	rest, sound := strings.CutSuffix(rest, noticeSound)
	level, err := ParseLevel(rest)
	if !found || err != nil || !noticeVersion.MatchString(version) {
		return Notice{}, ErrNotice
	}
	return Notice{Version: version, Level: level, Sound: sound}, nil
}

// String returns what ParseNotice reads.
func (n Notice) String() string {
	if n.Version == "" {
		return ""
	}
	text := n.Version + "." + n.Level.String()
	if n.Sound {
		text += noticeSound
	}
	return text
}

// Covers says whether who was shown n knows what the AI does under a policy. Below level captions there is nothing to know.
func (n Notice) Covers(p Policy) bool {
	return p.Level == Off || n.Version != "" && n.Level >= p.Level && (n.Sound || !p.KeepAudio)
}

// Consent is what one participant knew of the AI: a notice that they were shown and joined with, or a change that everybody
// was told of while they were in the meeting.
type Consent struct {
	Participant ParticipantID `json:"participant"`
	Person      PersonID      `json:"person"`
	Notice      string        `json:"notice,omitempty"` // version of the text, as in Notice; empty if Told
	Level       Level         `json:"level"`
	Sound       bool          `json:"sound,omitempty"` // that what is said is kept as sound
	AtUnixMS    int64         `json:"at_unix_ms"`
	Told        bool          `json:"told,omitempty"` // announced in the meeting, with who switched it
}

// Covers says whether c is about all that a policy lets the AI do.
func (c Consent) Covers(p Policy) bool { return c.Level >= p.Level && (c.Sound || !p.KeepAudio) }
