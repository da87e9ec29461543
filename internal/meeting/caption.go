package meeting

// CaptionVersion is the version of [Caption]'s wire form.
const CaptionVersion = 1

// Caption is a partial or a segment as shown to a reader: the message on the data channels (at most 1 kB of JSON).
//
// A reader keeps one caption per Seg: a final beats every partial, else the higher Rev wins.
type Caption struct {
	V      int       `json:"v"`
	Seg    SegmentID `json:"seg"`
	Rev    int       `json:"rev"`    // rises with every version of this segment; finals start at FinalRev
	Spk    SpeakerID `json:"spk"`    // the name is in the roster, never in the caption
	T0     int64     `json:"t0"`     // start, ms of the room clock
	T1     int64     `json:"t1"`     // end, ms of the room clock
	Lang   string    `json:"lang"`   // BCP 47 primary subtag of the speech, "" if unknown
	Text   string    `json:"text"`   // what was said
	Stable int       `json:"stable"` // leading Unicode code points of Text that no later partial changes
	Final  bool      `json:"final"`
}

// FinalRev is the revision of a segment's first final. A partial's revision is the length of the audio it heard, in
// tenths of a second: it rises within an utterance, comes out equal after a restart, and stays far below FinalRev.
const FinalRev = 1000

// Supersedes says whether c replaces old on a reader's screen. Both must be of one segment.
func (c *Caption) Supersedes(old *Caption) bool {
	if c.Final != old.Final {
		return c.Final
	}
	return c.Rev > old.Rev
}

// Word is one recognised word with its time.
type Word struct {
	Text string  `json:"w"`
	T0   int64   `json:"t0"` // ms of the room clock
	T1   int64   `json:"t1"`
	P    float32 `json:"p"` // the engine's confidence, 0 to 1
}

// Segment is the final text of one utterance, as published on segments.v1 and kept in the transcript.
type Segment struct {
	Caption
	Track    TrackID `json:"track"`
	Epoch    uint64  `json:"epoch"`     // ms of the room clock
	FirstSeq uint64  `json:"first_seq"` // extended sequence of the first packet
	EndSeq   uint64  `json:"end_seq"`   // extended sequence of the first packet after the utterance
	Level    Level   `json:"level"`     // the AI level at which it was said: decides whether it may be stored
	Quality  string  `json:"quality"`   // QualityFull, QualityFast, QualityGap or QualityTyped
	Conf     float32 `json:"conf"`      // mean word confidence, 0 to 1
	Engine   string  `json:"engine"`    // model that wrote it; empty: a person
	Words    []Word  `json:"words,omitempty"`

	// Original is set when people corrected the text: Text and Words are theirs then. It never stands on segments.v1.
	Original *Original `json:"original,omitempty"`
	// Assigned is set when people said who speaks: Spk is theirs then. It never stands on segments.v1.
	Assigned *Assigned `json:"assigned,omitempty"`
}

// Original is what a recogniser wrote before somebody corrected a segment, and who did it when.
type Original struct {
	Text     string   `json:"text"`
	Words    []Word   `json:"words,omitempty"`
	Conf     float32  `json:"conf"`
	By       PersonID `json:"by,omitempty"` // who made the last correction
	AtUnixMS int64    `json:"at_unix_ms"`   // when
}

// Assigned is who was taken for the speaker of a segment before somebody said who it is, and who did when.
type Assigned struct {
	Spk      SpeakerID `json:"spk"`
	By       PersonID  `json:"by,omitempty"`
	AtUnixMS int64     `json:"at_unix_ms"`
}

// Quality of a segment.
const (
	QualityFull = "full" // the engine heard the whole utterance
	QualityFast = "fast" // the last partial, published because the full pass would have come too late
	QualityGap  = "gap"  // nothing was heard: audio from T0 to T1 was lost before it was recognised; Text is empty

	QualityTyped = "typed" // a person typed it: a captioner, whose speaker says so ([SpeakerID.Captioner])
)

// States of the captions of a meeting, as published by the recogniser and shown to everybody.
const (
	StateOff        = "off"
	StateStarting   = "starting"    // AI is on, no recogniser has reported yet
	StateLive       = "live"        // captions are on time
	StateCatchingUp = "catching_up" // captions are late by LagMS
	StatePaused     = "paused"      // captions stand still; Reason says why
)

// Reasons of StatePaused.
const (
	ReasonNoModel  = "no_model"  // no speech model is installed
	ReasonBus      = "bus"       // Kafka does not answer
	ReasonDisk     = "disk"      // the server's disk is full, so that its own Kafka takes nothing
	ReasonStorage  = "storage"   // S3 does not answer, so no key can be made
	ReasonNoWorker = "no_worker" // no recogniser has reported for a while
)

// Status is how the captions of one meeting are doing.
type Status struct {
	State  string `json:"state"`
	Reason string `json:"reason,omitempty"`
	LagMS  int64  `json:"lag_ms,omitempty"` // age of the audio now being recognised
	Engine string `json:"engine,omitempty"` // model in use
	// Load is how far recognisers fall short of what is said: 1: partials thin out, 2: finals are decoded the quick way too,
	// 3: partials become finals where those would come too late.
	Load int `json:"load,omitempty"`

	// Work is for admins: what the recogniser that reports has to do, for all meetings together. Participants do not get it.
	Work Work `json:"work,omitzero"`
}

// Work is how busy one recogniser is.
type Work struct {
	Worker string `json:"worker,omitempty"` // its name while it runs
	Hands  int    `json:"hands,omitempty"`  // decodes at once
	Busy   int    `json:"busy,omitempty"`   // of those, now
	Queue  int    `json:"queue,omitempty"`  // decodes that wait
	Share  int    `json:"share,omitempty"`  // percent of all hands' time that lasting texts took in about the last 30 s: from 75 on, partials starve
	Shed   int    `json:"shed,omitempty"`   // partials dropped so far because the bus was slower
}

// Draft is what a recogniser writes to captions.v1: a partial, or word of its own state. Exactly one is set.
type Draft struct {
	Caption *Caption `json:"caption,omitempty"`
	Status  *Status  `json:"status,omitempty"`
}
