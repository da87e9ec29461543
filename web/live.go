package web

import (
	"context"
	"errors"

	"souffleur/internal/meeting"
	"souffleur/internal/signal"
	"souffleur/storage"
)

// Why something about a live meeting was refused. Implementations of [Live] return these, wrapped with what was tried;
// every other error counts as a failure of the server.
var (
	// ErrBadToken: the token of a hello is not one of ours, or not for a participant of this server.
	ErrBadToken = errors.New("token is not valid")
	// ErrExpiredToken: the token was ours and is too old, or its participant has been gone too long to resume.
	ErrExpiredToken = errors.New("token has expired")
	// ErrMeetingEnded: the meeting of the token, or of the call, is over.
	ErrMeetingEnded = errors.New("meeting has ended")
	// ErrRefused: nobody more can come into the meeting, or onto the server, which may be shutting down.
	ErrRefused = errors.New("server takes no more participants")
	// ErrOverloaded: the server is at its limit and begins no new meeting; those that go on are not touched.
	ErrOverloaded = errors.New("server begins no new meeting")
	// ErrAboveCeiling: an organizer asked for more AI than an admin allows in the room.
	ErrAboveCeiling = errors.New("AI level is above the ceiling")
	// ErrAudioForbidden: an organizer asked for audio to be kept, and no admin has allowed that.
	ErrAudioForbidden = errors.New("audio must not be kept")
	// ErrEncrypted: AI, or keeping audio, was asked for in a room that is end-to-end encrypted.
	ErrEncrypted = errors.New("room is end-to-end encrypted")
	// ErrLive: what was asked for is fixed while a meeting is held in the room.
	ErrLive = errors.New("a meeting is live in the room")
	// ErrRoomChanged: the room is not any more what the caller took it for.
	ErrRoomChanged = errors.New("room has been changed meanwhile")
	// ErrRoomFull: as many people are in the meeting as may be.
	ErrRoomFull = errors.New("meeting is full")
	// ErrRemoved: an organizer has removed this person from the meeting.
	ErrRemoved = errors.New("person was removed from the meeting")
	// ErrLocked: the meeting takes nobody new.
	ErrLocked = errors.New("meeting is locked")
	// ErrLobbyFull: as many people wait to be let in as may.
	ErrLobbyFull = errors.New("too many people wait")
	// ErrNotAdmitted: an organizer has just refused to let this person in.
	ErrNotAdmitted = errors.New("person was not admitted")
	// ErrNoticeNeeded: the AI does more in the room than the person was told before joining.
	ErrNoticeNeeded = errors.New("notice of the AI was not shown")
	// ErrNotMember: the person is an outsider, and there is no lobby in which an organizer would see them.
	ErrNotMember = errors.New("person is no member of the room")
	// ErrNotLive: no meeting is held in the room now.
	ErrNotLive = errors.New("no meeting is live in the room")
)

// Actor is who changes something, as the audit and the other people in the room will read it. Package web has checked
// before that the actor's role allows it.
type Actor struct {
	Person meeting.PersonID // or TokenHolder, or one of its kind
	Name   string           // shown to everybody with the change; never empty
	Role   meeting.Role     // in the room concerned
}

// TokenHolder is the Person of an [Actor] who sent the API token: a program, and nobody's participant. One who sent a token that
// an admin made is called by it, a slash and the token's ID.
const TokenHolder meeting.PersonID = "api-token"

// Live is what package web needs from the meetings that are going on. It is implemented by internal/node. All methods
// are safe for concurrent use. What they change they also record in the audit.
type Live interface {
	// Admit opens a meeting in room if none is live and prepares a place for p, of whom Person, Name, Role, OptOut and Outsider are
	// set. notice is what the person was told of the AI; it is recorded when they come in. The place is taken by [Live.Connect]
	// with the admission's token. ErrNoticeNeeded, ErrOverloaded, ErrRefused, ErrRoomFull, ErrRemoved, ErrLocked, ErrLobbyFull,
	// ErrNotAdmitted, ErrNotMember, ErrRoomChanged if the room's encryption is not what room says, or a failure of storage.
	Admit(ctx context.Context, room storage.Room, p meeting.Person, notice meeting.Notice) (Admission, error)

	// Connect takes a hello's token: a first join, or a participant who comes back, maybe with his media still there
	// (Keep, Media). It sends the welcome through out, before or after it returns, or lets the participant wait for it; ctx
	// ends with the connection. ErrBadToken, ErrExpiredToken, ErrMeetingEnded or one of Admit's tell why not.
	Connect(ctx context.Context, hello signal.ClientMessage, out Outbox) (Session, error)

	// SetLevel stores the organizer's choice of AI level for a room and applies it to the meeting, if one is live.
	// ErrAboveCeiling, ErrEncrypted.
	SetLevel(ctx context.Context, room meeting.RoomID, level meeting.Level, by Actor) error

	// SetCeiling stores an admin's ceiling for a room and applies it; nil inherits the instance's ceiling.
	SetCeiling(ctx context.Context, room meeting.RoomID, ceiling *meeting.Level, by Actor) error

	// SetInstanceCeiling stores the ceiling of all rooms without their own, and applies it.
	SetInstanceCeiling(ctx context.Context, level meeting.Level, by Actor) error

	// SetKeepAudio stores the organizers' choice whether what is said in a room is kept as sound, and applies it.
	// ErrAudioForbidden, ErrEncrypted.
	SetKeepAudio(ctx context.Context, room meeting.RoomID, keep bool, by Actor) error

	// SetInstanceKeepAudio stores whether audio may be kept at all, and applies it.
	SetInstanceKeepAudio(ctx context.Context, allowed bool, by Actor) error

	// SetInstanceOneVoice stores whether voices at shared microphones are taken for one everywhere, and applies it.
	SetInstanceOneVoice(ctx context.Context, one bool, by Actor) error

	// SetE2EE stores whether browsers encrypt end to end in a room. Switching it on switches AI and the keeping of audio
	// off in the room's settings, where they stay when it is switched off again. ErrLive.
	SetE2EE(ctx context.Context, room meeting.RoomID, on bool, by Actor) error

	// RoomChanged applies a room's new settings, such as its languages, rules and organizers, to the meeting, if one is
	// live.
	RoomChanged(ctx context.Context, room storage.Room, by Actor) error

	// End ends the meeting in a room for everybody. ErrNotLive.
	End(ctx context.Context, room meeting.RoomID, by Actor) error

	// TellVoices says in a transcript that is not complete which voices speak at shared microphones, as captions show it by now, and
	// what organizers called them. It leaves one alone of whose meeting it knows nothing.
	TellVoices(t *storage.Transcript)

	// Room returns what goes on in a room; false if no meeting is live there.
	Room(id meeting.RoomID) (LiveRoom, bool)

	// Status says how the parts of the installation are doing.
	Status(ctx context.Context) SystemStatus
}

// Session is one participant's signalling connection, as seen by package web.
type Session interface {
	// Handle acts on one checked message; web never passes hello or ping. It is called from one goroutine at a time, in
	// the order of arrival. An error closes the connection; a [CloseError] says with which code, any other error is
	// logged and told to the client as bad_message.
	Handle(ctx context.Context, m signal.ClientMessage) error

	// Detach says that the connection is gone. It is called exactly once, after the last Handle has returned, also when
	// the participant left or the session itself asked to close.
	Detach()
}

// Outbox takes messages for one client. It is implemented by package web and safe for concurrent use.
type Outbox interface {
	// Send queues m and never blocks. A message of type [signal.Gone] is the last: it is written, the connection is
	// closed, and later messages are dropped. ErrClosed when the connection is closing or gone; a client that lets the
	// queue fill up is closed with [signal.CodeSlow].
	Send(m signal.ServerMessage) error
}

// ErrClosed says that a message was not queued, because the connection to the client is closing or gone.
var ErrClosed = errors.New("signalling connection is closed")

// CloseError tells web to close a signalling connection with a Gone message.
type CloseError struct {
	Code    string // one of signal's codes
	Message string // a sentence for the person, in English, without names
}

// Error implements error.
func (e *CloseError) Error() string { return e.Code + ": " + e.Message }

// Admission is the place that [Live.Admit] prepared.
type Admission struct {
	Token       string // for hello; short-lived, bound to room and participant
	Participant meeting.ParticipantID
	Meeting     meeting.ID
	AI          signal.AIState // what the AI does in the room, to be shown before joining
}

// LiveRoom is what goes on in a room.
type LiveRoom struct {
	Meeting     meeting.ID
	People      int   // present participants
	SinceUnixMS int64 // when the meeting began
	Policy      meeting.Policy
	Status      meeting.Status
	Locked      bool // nobody new comes in
	Lobby       bool // newcomers wait until an organizer admits them
}

// SystemStatus is how the parts of the installation are doing.
type SystemStatus struct {
	ASR       PartStatus  `json:"asr" doc:"Speech recognition: state is live, starting, catching_up or paused"`
	Bus       PartStatus  `json:"bus" doc:"Kafka: state is up or down"`
	Storage   PartStatus  `json:"storage" doc:"S3: state is up or down"`
	Disk      *PartStatus `json:"disk,omitempty" doc:"Disk of the embedded Kafka and S3, if there are any: state is up, low or full"`
	RoomsLive int         `json:"rooms_live" doc:"Meetings going on"`
	People    int         `json:"people" doc:"People in them"`
	Load      LoadStatus  `json:"load" doc:"How loaded the server is, and what it gives up because of that"`
	Ways      Ways        `json:"ways" doc:"Media that does not come over UDP"`
	Capacity  Capacity    `json:"capacity" doc:"What recognisers have to do for the meetings of this server, and how they keep up"`
}

// Capacity is what recognisers have to do, and how they keep up.
type Capacity struct {
	Speakers      int        `json:"speakers" doc:"People whose words were recognised in the last 10 seconds"`
	SpeakersLimit int        `json:"speakers_limit" doc:"About how many could speak at once before captions thin out, estimated from what those cost; 0: nobody speaks, or too little is known"`
	Workers       int        `json:"workers" doc:"Processes that recognise for meetings of this server"`
	Recognisers   int        `json:"recognisers" doc:"Decodes that they can do at once"`
	Busy          int        `json:"busy" doc:"Decodes under way"`
	Queue         int        `json:"queue" doc:"Decodes that wait"`
	Share         int        `json:"share" doc:"Percent of the recognisers' time that lasting texts took lately; from 75 on, captions while people speak thin out"`
	BehindP50MS   int64      `json:"behind_p50_ms" doc:"How long after its last word the lasting text of an utterance came, median of the last 5 minutes"`
	BehindP95MS   int64      `json:"behind_p95_ms" doc:"The same, 95th percentile"`
	Finals        int        `json:"finals" doc:"From how many texts that is; 512 at most"`
	Dropped       int        `json:"dropped" doc:"Records of 100 ms and packets of sound that were lost before recognition in meetings that go on, because Kafka or the processor was too slow"`
	Shed          int        `json:"shed" doc:"Captions while people speak that were left out because Kafka was too slow, since the recognisers started"`
	Rooms         []RoomLoad `json:"rooms" nullable:"false" doc:"Meetings that go on, the fullest first; 200 at most"`
}

// RoomLoad is one meeting that goes on.
type RoomLoad struct {
	Room        meeting.RoomID `json:"room"`
	Name        string         `json:"name"`
	People      int            `json:"people"`
	Speakers    int            `json:"speakers" doc:"As above"`
	SinceUnixMS int64          `json:"since_unix_ms"`
	Level       string         `json:"level" enum:"off,captions,transcript,minutes"`
	State       string         `json:"state" doc:"Of the captions: off, starting, live, catching_up or paused"`
	LagMS       int64          `json:"lag_ms,omitempty"`
}

// LoadStatus is how loaded the machine of the rooms is.
type LoadStatus struct {
	State       string `json:"state" enum:"normal,thumbnails,audio,refusing" doc:"normal; thumbnails: all cameras but the largest pause; audio: all cameras pause; refusing: and no new meeting begins"`
	SinceUnixMS int64  `json:"since_unix_ms,omitempty" doc:"When that began; absent if nothing is watched"`
	Cause       string `json:"cause,omitempty" enum:"cpu,late,uplink,socket" doc:"What ran short: processor time, the timers, the uplink, or room in the sockets"`
	Why         string `json:"why,omitempty" doc:"The same with its figure then, such as \"CPU 93 %\""`
	CPU         int    `json:"cpu" doc:"Processor time used, in percent of what the process could get"`
	LateMS      int    `json:"late_ms" doc:"How late timers fire, in milliseconds"`
	EgressKbps  int    `json:"egress_kbps" doc:"Media sent, in kb/s"`
}

// Ways counts what people use who get no UDP through.
type Ways struct {
	TCP          int    `json:"tcp" doc:"Media connections over TCP now"`
	TCPRefused   uint64 `json:"tcp_refused" doc:"Those refused so far because there were too many"`
	Relays       int    `json:"relays" doc:"TURN allocations now"`
	Refused      uint64 `json:"relays_refused" doc:"Those refused so far because there were too many"`
	Denied       uint64 `json:"relays_denied" doc:"Attempts so far to reach something else than this server's media through the relay"`
	RelayedBytes uint64 `json:"relayed_bytes" doc:"Relayed so far, both directions"`
}

// PartStatus is how one part is doing.
type PartStatus struct {
	State   string `json:"state" doc:"One word"`
	Message string `json:"message,omitempty" doc:"What is wrong and what to do about it"`
	Engine  string `json:"engine,omitempty" doc:"Speech model in use"`
	Workers int    `json:"workers,omitempty" doc:"Recognisers that have reported lately"`
	LagMS   int64  `json:"lag_ms,omitempty" doc:"How late captions are, in milliseconds"`
}
