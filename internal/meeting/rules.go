package meeting

import "fmt"

// Sharing is who may share a screen in a room.
type Sharing uint8

const (
	// EverybodyShares lets everybody in the room share a screen.
	EverybodyShares Sharing = iota
	// OrganizersShare lets organizers and admins only.
	OrganizersShare
)

var sharingNames = [...]string{"everybody", "organizers"}

// String returns the word used in the API.
func (s Sharing) String() string {
	if int(s) < len(sharingNames) {
		return sharingNames[s]
	}
	return fmt.Sprintf("sharing(%d)", uint8(s))
}

// MarshalText implements encoding.TextMarshaler.
func (s Sharing) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *Sharing) UnmarshalText(b []byte) error {
	for i, name := range sharingNames {
		if string(b) == name {
			*s = Sharing(i)
			return nil
		}
	}
	return fmt.Errorf("unknown rule of sharing %q: use everybody or organizers", b)
}

// Rules are how people live together in a room, as its organizers have chosen. The zero value is a room that everybody
// with the link may enter and share a screen in.
type Rules struct {
	// Lobby lets newcomers wait until an organizer admits them, in each new meeting.
	Lobby bool `json:"lobby,omitempty"`
	// MaxPeople is how many may be in a meeting at once; 0: as many as the installation allows.
	MaxPeople int `json:"max_people,omitempty"`
	// Share is who may share a screen.
	Share Sharing `json:"share,omitempty"`
	// ShareReplaces lets whoever may share take the place of the screen that is shared. Else a second one is refused,
	// but to organizers.
	ShareReplaces bool `json:"share_replaces,omitempty"`
	// LatePrivate keeps what was said before somebody came from those who are no organizers.
	LatePrivate bool `json:"late_private,omitempty"`
}
