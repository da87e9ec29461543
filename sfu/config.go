package sfu

import (
	"fmt"
	"log/slog"
	"net"
	"time"

	"souffleur/internal/meeting"
	"souffleur/internal/signal"
	"souffleur/sfu/load"
)

// Config says where a node's media enters and leaves.
type Config struct {
	UDPPort   int      // the one port for all media; 0: any free one
	Addresses []string // local IP addresses to bind; empty: all of this machine but link-local ones, loopback included
	PublicIPs []string // told to clients instead of the local addresses, for a machine behind one-to-one NAT
	// SocketBuffer is the size asked for each socket's kernel buffers, in bytes. A key frame for 150 readers is 5 MB.
	SocketBuffer int
	Load         load.Config // when video is given up; its zero value: never
	Person       PersonLimits
}

// DefaultConfig returns what suits a machine that clients reach at its own addresses.
func DefaultConfig() Config {
	return Config{UDPPort: 3480, SocketBuffer: 16 << 20, Person: DefaultPersonLimits()}
}

// Validate says what is wrong with c, naming the field.
func (c *Config) Validate() error {
	if c.UDPPort < 0 || c.UDPPort > 65535 {
		return fmt.Errorf("UDPPort %d: must be 0 to 65535", c.UDPPort)
	}
	if c.SocketBuffer < 0 {
		return fmt.Errorf("SocketBuffer %d: must not be negative", c.SocketBuffer)
	}
	if err := c.Load.Validate(); err != nil {
		return fmt.Errorf("Load: %w", err)
	}
	if err := c.Person.Validate(); err != nil {
		return fmt.Errorf("Person: %w", err)
	}
	for _, list := range [][]string{c.Addresses, c.PublicIPs} {
		for _, a := range list {
			if net.ParseIP(a) == nil {
				return fmt.Errorf("%q is not an IP address", a)
			}
		}
	}
	return nil
}

// Media slots of every downlink, unless RoomConfig.Slots says otherwise.
const (
	AudioSlots       = 3
	CameraSlots      = 12
	ScreenSlots      = 1
	ScreenAudioSlots = 1
)

// SlotCounts says how many media slots of each source a downlink has.
type SlotCounts struct{ Mic, ScreenAudio, Screen, Camera int }

// DefaultSlots returns what suits a meeting: three voices, a page of cameras, one shared screen.
func DefaultSlots() SlotCounts {
	return SlotCounts{Mic: AudioSlots, ScreenAudio: ScreenAudioSlots, Screen: ScreenSlots, Camera: CameraSlots}
}

// RoomConfig is what a room is made with.
type RoomConfig struct {
	Meeting meeting.ID
	Events  Events       // may be nil
	Log     *slog.Logger // nil: the node's

	// MaxParticipants bounds how many are in the room at once; 0 means 300.
	MaxParticipants int
	// ResumeWindow is how long a participant without signalling connection is kept; 0 means 60 s.
	ResumeWindow time.Duration
	// Welcome, if set, makes the first message of each connection, from the participant and the roster at that very
	// moment: nobody who joins is missed or told of twice. It is called on the room's goroutine. Without it the owner
	// sends the welcome himself.
	Welcome func(meeting.ParticipantID, []signal.Peer) *signal.WelcomeInfo
	// Slots is how many media slots each downlink has; its zero value means DefaultSlots.
	Slots SlotCounts
}

func (c *RoomConfig) setDefaults(log *slog.Logger) {
	if c.Log == nil {
		c.Log = log
	}
	if c.MaxParticipants == 0 {
		c.MaxParticipants = 300
	}
	if c.ResumeWindow == 0 {
		c.ResumeWindow = time.Minute
	}
	if c.Events == nil {
		c.Events = deafEvents{}
	}
	if c.Slots == (SlotCounts{}) {
		c.Slots = DefaultSlots()
	}
}

// Signaller carries messages to one client. Send must not block: it queues, and when the client does not read it drops
// the connection. Errors are the implementer's business; the room hears of a lost connection by Participant.Detach.
type Signaller interface {
	Send(signal.ServerMessage) error
}

// Events is told what happens in a room, on the room's goroutine and without locks. Its methods must not block, and must
// not call Join, Resume, Listen, its stop function or Close of the same room; Peers, Broadcast, SendCaption and Remove
// are fine.
type Events interface {
	// ParticipantLeft says that a participant is gone for good; reason is a short word for logs.
	ParticipantLeft(id meeting.ParticipantID, reason string)
	// OptOut says that a participant does not, or does again, want to be transcribed.
	OptOut(id meeting.ParticipantID, out bool)
	// RosterChanged says that a participant joined, left, or changed in the roster.
	RosterChanged([]signal.Peer)
}

type deafEvents struct{}

func (deafEvents) ParticipantLeft(meeting.ParticipantID, string) {}
func (deafEvents) OptOut(meeting.ParticipantID, bool)            {}
func (deafEvents) RosterChanged([]signal.Peer)                   {}
