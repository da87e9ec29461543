package meeting

import "fmt"

// Level is how far the AI goes in a room. Each level includes the one before.
type Level uint8

const (
	// Off: nobody listens. No audio leaves the SFU.
	Off Level = iota
	// Captions: speech is recognised and shown, and stored nowhere.
	Captions
	// Transcript: what was shown is also stored, sealed.
	Transcript
	// Minutes: the stored transcript is summarised when the meeting ends.
	Minutes
)

var levelNames = [...]string{"off", "captions", "transcript", "minutes"}

// ParseLevel reads "off", "captions", "transcript" or "minutes".
func ParseLevel(s string) (Level, error) {
	for i, name := range levelNames {
		if s == name {
			return Level(i), nil
		}
	}
	return Off, fmt.Errorf("unknown AI level %q: use off, captions, transcript or minutes", s)
}

// String returns the word used in the API and in the user interface.
func (l Level) String() string {
	if int(l) < len(levelNames) {
		return levelNames[l]
	}
	return fmt.Sprintf("level(%d)", uint8(l))
}

// MarshalText implements encoding.TextMarshaler.
func (l Level) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (l *Level) UnmarshalText(b []byte) error {
	v, err := ParseLevel(string(b))
	if err != nil {
		return err
	}
	*l = v
	return nil
}

// Role is what a person may do in one room.
type Role uint8

const (
	// Guest takes part: joins, speaks, reads captions.
	Guest Role = iota
	// Organizer runs the room: switches AI up to the ceiling, ends the meeting, downloads the transcript.
	Organizer
	// Admin runs the installation: sets every room's ceiling, sees load. Reads a transcript only with an audited reason.
	Admin
)

var roleNames = [...]string{"participant", "organizer", "admin"}

// String returns the word used in the API.
func (r Role) String() string {
	if int(r) < len(roleNames) {
		return roleNames[r]
	}
	return fmt.Sprintf("role(%d)", uint8(r))
}

// MarshalText implements encoding.TextMarshaler.
func (r Role) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (r *Role) UnmarshalText(b []byte) error {
	for i, name := range roleNames {
		if string(b) == name {
			*r = Role(i)
			return nil
		}
	}
	return fmt.Errorf("unknown role %q", b)
}
