package sfu

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
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

	// TCPPort is for clients whose network lets no UDP through: media over TCP (RFC 6544), on the addresses of UDP. 0: none.
	TCPPort int
	// TURNPort is the UDP port of the embedded relay, for networks that let only well-known services through. 0: none.
	TURNPort int
	// TURNTLSPort is the TCP port of the relay over TLS, and TURNCertificate what it shows. 0 or nil: none.
	TURNTLSPort     int
	TURNCertificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)
	// TURNHost is the name of this machine in the relay's addresses: TLS needs the one that the certificate is for. Empty:
	// its addresses, over UDP only.
	TURNHost string
	// ICETimeout is how long a connection may be silent before it counts as disconnected, and half of that again before
	// it counts as failed. Failed connections stay for an ICE restart as long as their participant does. 0: 10 s.
	ICETimeout time.Duration
}

// GCPercent is the garbage collector's target (GOGC) that suits a process which forwards media. The packet path allocates
// nothing, so there is little to collect; but what collections leave room for is paid for by each participant.
const GCPercent = 50

// DefaultConfig returns what suits a machine that clients reach at its own addresses.
// Fallbacks for networks without UDP are the caller's choice.
func DefaultConfig() Config {
	return Config{UDPPort: 3480, SocketBuffer: 16 << 20, Person: DefaultPersonLimits()}
}

// Validate says what is wrong with c, naming the field.
func (c *Config) Validate() error {
	for _, p := range []struct {
		name string
		port int
	}{{"UDPPort", c.UDPPort}, {"TCPPort", c.TCPPort}, {"TURNPort", c.TURNPort}, {"TURNTLSPort", c.TURNTLSPort}} {
		if p.port < 0 || p.port > 65535 {
			return fmt.Errorf("%s %d: must be 0 to 65535", p.name, p.port)
		}
	}
	if c.TURNTLSPort != 0 && c.TURNCertificate == nil {
		return errors.New("TURNTLSPort: TLS needs a certificate")
	}
	if c.TURNPort != 0 && c.TURNPort == c.UDPPort {
		return fmt.Errorf("TURNPort %d: the media has it already", c.TURNPort)
	}
	if c.TURNTLSPort != 0 && c.TURNTLSPort == c.TCPPort {
		return fmt.Errorf("TURNTLSPort %d: the media has it already", c.TURNTLSPort)
	}
	if strings.ContainsAny(c.TURNHost, " /?#@[]\"") || net.ParseIP(c.TURNHost) == nil && strings.Contains(c.TURNHost, ":") {
		return fmt.Errorf("TURNHost %q: must be a host name or an IP address, without a port", c.TURNHost)
	}
	if c.ICETimeout < 0 {
		return fmt.Errorf("ICETimeout %v: must not be negative", c.ICETimeout)
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

	// Rules are how people live together in the room; SetRules changes them.
	Rules meeting.Rules
	// Door is how the door stands at first; Known are those who have been in the meeting before, in an earlier process.
	Door  meeting.Door
	Known []meeting.PersonID
	// WaitLimit is how long somebody may wait at the door; 0 means 30 minutes.
	WaitLimit time.Duration
	// Seat, if set, is asked on the room's goroutine when somebody comes in, before everybody is told, and returns the
	// person as the roster shows it. Who waits is seated when admitted.
	Seat func(meeting.Person) meeting.Person
	// Hold, if set, makes what somebody who waits is told, but for WaitingInfo.Organizer, which the room knows. It is
	// called on the room's goroutine.
	Hold func(meeting.ParticipantID) *signal.WaitingInfo

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
	if c.WaitLimit == 0 {
		c.WaitLimit = 30 * time.Minute
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
	// ParticipantLeft says that a participant is gone for good, or waits at the door no more without having been let in;
	// reason is a short word for logs.
	ParticipantLeft(id meeting.ParticipantID, reason string)
	// OptOut says that a participant does not, or does again, want to be transcribed.
	OptOut(id meeting.ParticipantID, out bool)
	// RosterChanged says that a participant joined, left, or changed in the roster.
	RosterChanged([]signal.Peer)
	// Welcomed says that a participant has been welcomed on a signalling connection.
	Welcomed(meeting.ParticipantID, Signaller)
	// DoorChanged says how the door stands now.
	DoorChanged(meeting.Door)
	// Moderated says what an organizer has done.
	Moderated(Moderation)
}

type deafEvents struct{}

func (deafEvents) ParticipantLeft(meeting.ParticipantID, string) {}
func (deafEvents) OptOut(meeting.ParticipantID, bool)            {}
func (deafEvents) RosterChanged([]signal.Peer)                   {}
func (deafEvents) Welcomed(meeting.ParticipantID, Signaller)     {}
func (deafEvents) DoorChanged(meeting.Door)                      {}
func (deafEvents) Moderated(Moderation)                          {}
