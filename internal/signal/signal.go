// Package signal is the language between a client and the server on the signalling WebSocket: one JSON object a text
// frame, at most [MaxMessage] bytes, discriminated by "type". Package sfu produces and consumes most messages, package
// web carries them, and the browser client has the same types in web/ui/src/core/signal.ts; testdata/ holds golden
// messages that both sides' tests read.
//
// Order of a connection: client hello → server welcome → server offer (downlink, all media slots at once) → client
// answer; the client offers its uplink when it first publishes. Candidates flow both ways as they are found.
package signal

import "souffleur/internal/meeting"

// MaxMessage is the longest message either side accepts, in bytes.
const MaxMessage = 64 << 10

// Types of client messages.
const (
	Hello     = "hello"     // Token, Keep, Media
	Offer     = "offer"     // SDP, Tracks: uplink offer (also an ICE restart)
	Answer    = "answer"    // SDP: downlink answer
	Candidate = "candidate" // PC, Candidate
	TrackSet  = "track"     // Source, Active: a published source starts or stops sending (mute, camera off, share ended)
	Restart   = "restart"   // asks the server to restart ICE on the downlink
	OptOut    = "opt-out"   // OptOut: "do not transcribe me"
	Leave     = "leave"
	Ping      = "ping"
	View      = "view"     // Tiles: the video the client shows now; replaces the view before
	Hand      = "hand"     // Active: raises or lowers one's hand
	Chat      = "chat"     // Text: something written to everybody
	Moderate  = "moderate" // Action, Participant, Source: an organizer keeps order
	Type      = "type"     // Text, Final, Lang: what a captioner types, as it stands now; empty takes it back
	History   = "history"  // Before: asks for what was said before a caption, or before all that was sent at the welcome
	React     = "react"    // Emoji: one of Emojis, shown to everybody for a moment

	NameVoice = "name-voice" // Participant, Voice, Text: an organizer says who a voice at a shared microphone is; empty takes it back
)

// Types of server messages, beside Offer, Answer and Candidate.
const (
	Welcome = "welcome" // Welcome
	Joined  = "joined"  // Peer
	Left    = "left"    // Participant
	Changed = "changed" // Peer: its roster entry changed (sources, role, opt-out)
	Slot    = "slot"    // Slot: which source a media slot of the downlink now carries
	AI      = "ai"      // AI: policy and state of the captions
	Caption = "caption" // Caption: only while the client's data channel is not open
	Gone    = "gone"    // Code, Message: the server ends this connection; do not come back
	Fault   = "fault"   // Code, Message: something the client asked for did not work
	Pong    = "pong"
	Layers  = "layers" // Source, Layers: the simulcast layers of the source that somebody watches; none: nobody does
	Load    = "load"   // Load: how much video the server sheds

	// Room, Waiting, Moderated and Chat (which both sides send) are about how people live together in a room.
	Room      = "room"      // Room: its state, whenever that has changed
	Waiting   = "waiting"   // Waiting: instead of a welcome, to one who waits at the door
	Moderated = "moderated" // Moderated: what an organizer did to the one who is told. Muted sources stay so until TrackSet says that they are off

	// History, which both sides send, answers with Captions and More.

	Reaction = "reaction" // Participant, Emoji: somebody reacts to what is said; kept nowhere

	Voices = "voices" // Voices: all that is known of voices at shared microphones, beside their numbers; replaces what was said before
)

// What Moderate asks for: about one participant, but for those about the door.
const (
	ModerateMute      = "mute"       // Source: mic (if absent) or camera. Whose it is may switch it on again
	ModerateStopShare = "stop-share" // ends a shared screen, with its sound
	ModerateRemove    = "remove"     // out of the room, not to come back to this meeting
	ModerateLowerHand = "lower-hand" // without Participant: all hands
	ModerateAdmit     = "admit"      // lets in who waits; without Participant: all
	ModerateRefuse    = "refuse"     // sends away who waits; without Participant: all
	ModerateLock      = "lock"       // nobody new comes in
	ModerateUnlock    = "unlock"
	ModerateLobbyOn   = "lobby-on" // newcomers wait, in this meeting
	ModerateLobbyOff  = "lobby-off"

	ModerateCaptioner   = "captioner"    // lets somebody type captions
	ModerateNoCaptioner = "no-captioner" // takes that back
)

// MaxChat is the longest chat message, in Unicode code points.
const MaxChat = 2000

// MaxTyped is the longest line of a captioner, in Unicode code points: five lines of captions.
const MaxTyped = 210

// Emojis are the reactions there are: thumbs up, applause, heart, laughter, surprise, celebration.
var Emojis = [...]string{"👍", "👏", "❤️", "😂", "😮", "🎉"}

// maxID bounds an identifier that a client names.
const maxID = 128

// Peer connections of a participant.
const (
	Up   = "up"   // client to server; the client offers
	Down = "down" // server to client; the server offers
)

// Sources a participant publishes.
const (
	Mic         = "mic"
	Camera      = "camera"
	Screen      = "screen"
	ScreenAudio = "screen-audio"
)

// Simulcast layers of a camera, as RIDs; lowest first. A screen has one layer and no RID.
const (
	Quarter = "q" // a quarter of the height
	Half    = "h"
	Full    = "f" // 720 lines from most cameras
)

// MaxTiles is the most tiles that a view may have: more than a page shows and a downlink has slots.
const MaxTiles = 32

// maxTileHeight bounds the height of a tile, in pixels: more than the largest screens have.
const maxTileHeight = 16384

// Why a slot is paused.
const (
	PausedBandwidth = "bandwidth" // the reader's connection
	PausedOverload  = "overload"  // the server
)

// What the server sheds when it runs short.
const (
	LoadNormal     = "normal"
	LoadThumbnails = "thumbnails" // thumbnails pause
	LoadAudio      = "audio"      // all cameras pause
)

// Labels and IDs of the two pre-negotiated data channels of the downlink.
const (
	CaptionsChannel   = "captions" // ordered, reliable: finals and AI states
	CaptionsChannelID = 1
	PartialsChannel   = "partials" // unordered, no retransmission
	PartialsChannelID = 2
)

// ICECandidate is RTCIceCandidateInit.
type ICECandidate struct {
	Candidate        string  `json:"candidate"`
	SDPMid           *string `json:"sdpMid,omitempty"`
	SDPMLineIndex    *uint16 `json:"sdpMLineIndex,omitempty"`
	UsernameFragment *string `json:"usernameFragment,omitempty"`
}

// Published says which source an m-line of the uplink offer carries.
type Published struct {
	MID    string `json:"mid"`
	Source string `json:"source"`
}

// ClientMessage is what a client sends.
type ClientMessage struct {
	Type      string        `json:"type"`
	Token     string        `json:"token,omitempty"`
	SDP       string        `json:"sdp,omitempty"`
	Tracks    []Published   `json:"tracks,omitempty"`
	PC        string        `json:"pc,omitempty"`
	Candidate *ICECandidate `json:"candidate,omitempty"`
	Source    string        `json:"source,omitempty"`
	Active    bool          `json:"active,omitempty"`
	OptOut    bool          `json:"opt_out,omitempty"`
	Tiles     []Tile        `json:"tiles,omitempty"`

	// Keep says that both peer connections of the welcome that gave Media are still there at the client: the server
	// keeps its ends, too, if it can (WelcomeInfo.Kept).
	Keep  bool   `json:"keep,omitempty"`
	Media string `json:"media,omitempty"`

	Text        string                `json:"text,omitempty"`
	Action      string                `json:"action,omitempty"`
	Participant meeting.ParticipantID `json:"participant,omitempty"`

	Final  bool              `json:"final,omitempty"`  // of Type: the line is complete
	Lang   string            `json:"lang,omitempty"`   // of Type: BCP 47 primary subtag, empty if unknown
	Before meeting.SegmentID `json:"before,omitempty"` // of History: the oldest caption that the client has; empty: of those sent at the welcome
	Emoji  string            `json:"emoji,omitempty"`

	Voice int `json:"voice,omitempty"` // of NameVoice
}

// Tile is a video that a client shows. Tiles come in the order of their importance.
type Tile struct {
	Participant meeting.ParticipantID `json:"participant"`
	Source      string                `json:"source"` // Camera or Screen
	Height      int                   `json:"height"` // in device pixels
}

// LoadState says what the server sheds: LoadNormal, LoadThumbnails or LoadAudio.
type LoadState struct {
	State string `json:"state"`
}

// Peer is a roster entry.
type Peer struct {
	Participant meeting.ParticipantID `json:"participant"`
	Name        string                `json:"name"`
	Role        meeting.Role          `json:"role"`
	Order       int                   `json:"order"`   // join order; colours follow it
	Sources     []string              `json:"sources"` // what it sends now: "mic" absent means muted
	OptOut      bool                  `json:"opt_out"`
	Present     bool                  `json:"present"` // false: left, kept so that late captions have a name

	Captioner bool `json:"captioner,omitempty"` // may type captions
	RoomMic   bool `json:"room_mic,omitempty"`  // several people are at this microphone
	Headcount int  `json:"headcount,omitempty"` // how many, if RoomMic; 0: not known
}

// MediaSlot says what one m-line of the downlink carries. An empty Participant empties the slot.
type MediaSlot struct {
	MID         string                `json:"mid"`
	Kind        string                `json:"kind"` // "audio" or "video"
	Participant meeting.ParticipantID `json:"participant,omitempty"`
	Source      string                `json:"source,omitempty"`
	Paused      string                `json:"paused,omitempty"` // PausedBandwidth or PausedOverload; empty: it flows
}

// AIState is what everybody sees of the AI: the policy and how the captions do.
type AIState struct {
	Policy meeting.Policy `json:"policy"`
	Status meeting.Status `json:"status"`
}

// WelcomeInfo is the state a client starts from.
type WelcomeInfo struct {
	Participant meeting.ParticipantID `json:"participant"`
	Meeting     meeting.ID            `json:"meeting"`
	Room        meeting.RoomID        `json:"room"`
	RoomName    string                `json:"room_name"`
	Role        meeting.Role          `json:"role"`
	BeganUnixMS int64                 `json:"began_unix_ms"` // zero of the room clock
	Token       string                `json:"token"`         // presented in hello to resume this participant, also after a server restart
	Peers       []Peer                `json:"peers"`         // including oneself and those who left
	AI          AIState               `json:"ai"`
	Load        *LoadState            `json:"load,omitempty"` // absent: LoadNormal

	// Kept answers a hello's Keep: the peer connections, slots and data channels of before go on, and no offer follows. The
	// client restarts ICE where it is not connected. Without it everything begins anew.
	Kept bool `json:"kept,omitempty"`
	// Media names these peer connections, for the Keep of the next hello: another window of the same participant has others.
	Media string `json:"media,omitempty"`
	// ICEServers relay media where no direct way works. Credentials last some hours; each welcome brings fresh ones.
	ICEServers []ICEServer `json:"ice_servers,omitempty"`

	RoomState *RoomState `json:"room_state,omitempty"`
	Chat      int64      `json:"chat,omitempty"` // ID of the newest message of the history that follows; 0: none was written

	Voices []VoiceInfo `json:"voices,omitempty"` // as in Voices
}

// VoiceInfo is what is known of a voice at a shared microphone, beside its number: its name, or that it turned out to be another
// one. Captions keep the number with which they came.
type VoiceInfo struct {
	Participant meeting.ParticipantID `json:"participant"`
	Voice       int                   `json:"voice"`
	Name        string                `json:"name,omitempty"`
	SameAs      int                   `json:"same_as,omitempty"` // the number under which it is known now
}

// MaxVoices is how many entries Voices has at most; what is above it is left out.
const MaxVoices = 400

// ICEServer is RTCIceServer.
type ICEServer struct {
	URLs       []string `json:"urls"`
	Username   string   `json:"username,omitempty"`
	Credential string   `json:"credential,omitempty"`
}

// RoomState is how people live together in the room at this moment.
type RoomState struct {
	Locked        bool                    `json:"locked"`         // nobody new comes in
	Lobby         bool                    `json:"lobby"`          // newcomers wait until an organizer admits them
	Share         meeting.Sharing         `json:"share"`          // who may share a screen
	ShareReplaces bool                    `json:"share_replaces"` // a second shared screen takes the place of the first
	MaxPeople     int                     `json:"max_people"`
	Hands         []meeting.ParticipantID `json:"hands"`             // in the order in which they were raised
	Waiting       []Waiter                `json:"waiting,omitempty"` // who waits at the door, in order of coming; told to organizers only
}

// Waiter is somebody who waits at the door.
type Waiter struct {
	Participant meeting.ParticipantID `json:"participant"`
	Name        string                `json:"name"`
	SinceUnixMS int64                 `json:"since_unix_ms"`
}

// WaitingInfo is all that somebody who waits at the door is told.
type WaitingInfo struct {
	Room      meeting.RoomID `json:"room"`
	RoomName  string         `json:"room_name"`
	Token     string         `json:"token"`     // for the hello of a new connection, which keeps the place
	Organizer bool           `json:"organizer"` // somebody is there who can let people in
}

// ChatMessage is what somebody wrote to everybody.
type ChatMessage struct {
	ID          int64                 `json:"id"` // rises, in one meeting and over restarts of the server
	Participant meeting.ParticipantID `json:"participant"`
	Name        string                `json:"name"`
	Text        string                `json:"text"` // plain text, at most MaxChat code points
	AtUnixMS    int64                 `json:"at_unix_ms"`
}

// Moderation is what was done to somebody.
type Moderation struct {
	Action string `json:"action"`           // ModerateMute, ModerateStopShare, ModerateLowerHand, ModerateCaptioner or ModerateNoCaptioner
	Source string `json:"source,omitempty"` // of ModerateMute
	ByName string `json:"by_name"`          // who did it; empty: a rule of the room
}

// ServerMessage is what the server sends.
type ServerMessage struct {
	Type        string                `json:"type"`
	SDP         string                `json:"sdp,omitempty"`
	PC          string                `json:"pc,omitempty"`
	Candidate   *ICECandidate         `json:"candidate,omitempty"`
	Welcome     *WelcomeInfo          `json:"welcome,omitempty"`
	Peer        *Peer                 `json:"peer,omitempty"`
	Participant meeting.ParticipantID `json:"participant,omitempty"`
	Slots       []MediaSlot           `json:"slots,omitempty"`
	AI          *AIState              `json:"ai,omitempty"`
	Caption     *meeting.Caption      `json:"caption,omitempty"`
	Code        string                `json:"code,omitempty"`    // stable, for programs and translation
	Message     string                `json:"message,omitempty"` // a sentence, in English
	Source      string                `json:"source,omitempty"`
	Layers      []string              `json:"layers,omitempty"`
	Load        *LoadState            `json:"load,omitempty"`
	Room        *RoomState            `json:"room,omitempty"`
	Waiting     *WaitingInfo          `json:"waiting,omitempty"`
	Moderated   *Moderation           `json:"moderated,omitempty"`
	Chat        []ChatMessage         `json:"chat,omitempty"` // oldest first

	Captions []meeting.Caption `json:"captions,omitempty"` // of History: finals, oldest first
	More     bool              `json:"more,omitempty"`     // of History: there are older ones
	Emoji    string            `json:"emoji,omitempty"`

	Voices []VoiceInfo `json:"voices,omitempty"`
}

// Codes of Gone and Fault.
const (
	CodeBadMessage = "bad_message" // malformed JSON, unknown type, over MaxMessage
	CodeBadSDP     = "bad_sdp"
	CodeBadToken   = "bad_token"
	CodeExpired    = "expired"
	CodeEnded      = "ended"    // the meeting was ended by an organizer
	CodeReplaced   = "replaced" // the same participant connected elsewhere
	CodeSlow       = "slow"     // the client does not read
	CodeFlood      = "flood"    // the client sends too much
	CodeRefused    = "refused"  // the server takes nobody more
	CodeShutdown   = "shutdown" // the server restarts: come back

	CodeRemoved     = "removed"      // an organizer removed this person from the meeting
	CodeLocked      = "locked"       // the meeting takes nobody new
	CodeFull        = "full"         // as many are in the meeting as may be
	CodeNotAdmitted = "not_admitted" // an organizer did not let this person in
	CodeWaited      = "waited"       // nobody let this person in for a long time
	CodeLobbyFull   = "lobby_full"   // as many wait already as may wait

	CodeForbidden   = "forbidden"   // the participant's role does not allow it
	CodeNobody      = "nobody"      // whom it is about is not there (any more)
	CodeShareRule   = "share_rule"  // only organizers share their screen here
	CodeShareTaken  = "share_taken" // somebody shares a screen already
	CodeChatTooFast = "chat_rate"   // too many chat messages in a short time

	CodeNoCaptioner = "no_captioner" // who typed a caption is no captioner (any more)
	CodeTypeOff     = "type_off"     // the AI is off: typed captions would go to nobody
	CodeTypeTooFast = "type_rate"    // too many lines in a short time

	CodeNoVoice = "no_voice" // nobody heard the voice that is to be named
)

// PausedCodec is another word of MediaSlot.Paused: the reader's browser cannot decode what the publisher's sends.
const PausedCodec = "codec"
