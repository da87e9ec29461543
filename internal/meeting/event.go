package meeting

import "slices"

// EventType says what happened in a meeting.
type EventType string

// What meetings.v1 carries.
const (
	EventStarted EventType = "started" // Started is set
	EventJoined  EventType = "joined"  // Person is set
	EventLeft    EventType = "left"    // Participant is set
	EventTrack   EventType = "track"   // Track is set: an audio track is about to be recorded
	EventMute    EventType = "mute"    // Participant, Muted
	EventPolicy  EventType = "policy"  // Policy is set
	EventOptOut  EventType = "opt-out" // Participant, OptOut
	EventEnded   EventType = "ended"
	EventForget  EventType = "forget"

	EventHeadcount EventType = "headcount" // Participant, RoomMic, Headcount: several people are at one microphone
)

// EventVersion is the version of [Event]'s wire form.
const EventVersion = 1

// Event is one record of meetings.v1. Events of one meeting stand in one partition, in order.
type Event struct {
	V       int       `json:"v"`
	Type    EventType `json:"type"`
	Meeting ID        `json:"meeting"`
	Room    RoomID    `json:"room"`
	At      int64     `json:"at"` // ms of the room clock

	Participant ParticipantID `json:"participant,omitempty"`
	Started     *Started      `json:"started,omitempty"`
	Person      *Person       `json:"person,omitempty"`
	Track       *Track        `json:"track,omitempty"`
	Policy      *Policy       `json:"policy,omitempty"`
	Muted       bool          `json:"muted,omitempty"`
	OptOut      bool          `json:"opt_out,omitempty"`

	// Restated says that Policy is what held before: a meeting begins with it, or is taken up again with it.
	Restated bool `json:"restated,omitempty"`

	RoomMic   bool `json:"room_mic,omitempty"`
	Headcount int  `json:"headcount,omitempty"` // 0: not known
}

// Started fixes the room clock of a meeting.
type Started struct {
	BeganUnixMS int64 `json:"began_unix_ms"` // the room clock's zero
}

// Person is one stay of somebody in a meeting.
type Person struct {
	Participant ParticipantID `json:"participant"`
	Person      PersonID      `json:"person"`
	Name        string        `json:"name"`
	Role        Role          `json:"role"`
	JoinedMS    int64         `json:"joined_ms"` // room clock
	Order       int           `json:"order"`     // 0 for the first to join; readers colour speakers by it

	// Forgotten says that this person's name and words were deleted. Person is empty then, and Name is [ForgottenName].
	Forgotten bool `json:"forgotten,omitempty"`

	// OptOut says that this person does not want to be transcribed: as chosen before joining, or since.
	OptOut bool `json:"opt_out,omitempty"`
	// Captioner says that an organizer lets this person type captions.
	Captioner bool `json:"captioner,omitempty"`
	// Outsider says that the room's access does not let this person in: an organizer may, who looks at each one at the door.
	// It ends there, so it is stored nowhere.
	Outsider bool `json:"-"`

	// RoomMic says that several people share this microphone: voices on its track are not one person's. Headcount is how
	// many they said they are; 0: they did not.
	RoomMic   bool `json:"room_mic,omitempty"`
	Headcount int  `json:"headcount,omitempty"`
}

// Bounds of a headcount that is given.
const (
	MinHeadcount = 2
	MaxHeadcount = 40
)

// ForgottenName stands where the name of somebody stood who was forgotten.
const ForgottenName = "deleted participant"

// Track is an audio track that the recorder writes to audio.v1.
type Track struct {
	Track       TrackID       `json:"track"`
	Participant ParticipantID `json:"participant"`
	Partition   int           `json:"partition"` // of audio.v1, for the track's life

	Screen bool `json:"screen,omitempty"` // the sound of a shared screen, not of a microphone
}

// Policy is the AI policy of a meeting at one moment.
type Policy struct {
	Level   Level         `json:"level"`   // effective: the lower of the ceiling and the organizer's choice
	Ceiling Level         `json:"ceiling"` // set by an admin
	By      ParticipantID `json:"by,omitempty"`
	ByName  string        `json:"by_name,omitempty"` // who switched it, shown to everybody
	AtMS    int64         `json:"at_ms"`             // room clock
	Langs   []string      `json:"langs,omitempty"`   // languages spoken in the room; empty: any ("auto")

	// KeepAudio says that what is said is stored as sound, too. It needs level transcript, the room's own switch, and an
	// admin who allows it on the instance.
	KeepAudio bool `json:"keep_audio,omitempty"`

	// Glossary holds names and acronyms that recognisers should expect, the most frequent first. Participants do not get it.
	Glossary []string `json:"glossary,omitempty"`

	// Engines names the engines that an admin chose for the room.
	Engines Engines `json:"engines,omitzero"`

	// E2EE says why the level is off: browsers encrypt for one another, and the server cannot hear.
	E2EE bool `json:"e2ee,omitempty"`

	// OneVoice says that voices at a shared microphone are not told apart: an admin switched it off here, or everywhere.
	OneVoice bool `json:"one_voice,omitempty"`
}

// Engines names speech engines by what they are asked for; "" leaves it to the recogniser.
type Engines struct {
	Partials string `json:"partials,omitempty"`
	Finals   string `json:"finals,omitempty"`
}

// SameListening says whether p and o let the AI listen and keep the same: what everybody in the room is told about.
func (p Policy) SameListening(o Policy) bool { return p.Level == o.Level && p.KeepAudio == o.KeepAudio }

// SameSettings says whether p and o let recognisers do the same, whoever set it and when.
func (p Policy) SameSettings(o Policy) bool {
	return p.Level == o.Level && p.Ceiling == o.Ceiling && p.KeepAudio == o.KeepAudio && slices.Equal(p.Langs, o.Langs) && slices.Equal(p.Glossary, o.Glossary) && p.Engines == o.Engines && p.E2EE == o.E2EE &&
		p.OneVoice == o.OneVoice
}
