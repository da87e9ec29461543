// Package voices tells apart who speaks on one track: a room's microphone, or a recording.
//
// A [Tracker] takes samples as they come, finds speech, cuts it into windows, and has each window made a vector. While people
// speak, vectors go to the nearest of the voices known so far, or found a new one; the last seconds may still be revised. At the
// end all vectors are grouped again, which takes no second look at the sound, and the groups keep the numbers that people saw.
//
// Nobody is recognised: a voice is a number from 1, in the order in which voices came, and means nothing outside its track.
// Vectors are biometric data. They live in the Tracker and go with it.
//
// Start reading at [Tracker.Push]; scene.go hears who speaks when, tracker.go cuts windows, online.go numbers voices live, group.go
// does at the end, turns.go makes times of windows.
package voices

import "time"

// Embedder turns windows of 16 kHz speech into centred unit vectors; see package ge2e.
type Embedder interface {
	Model() string // vectors of different models do not compare
	Dim() int
	Embed(windows [][]float32) ([][]float32, error)
}

// Segmenter says who of up to three speakers is heard when in up to ten seconds of sound; see package pyannet.
type Segmenter interface {
	// Segment takes 1 to 10 s of 16 kHz samples and returns, for every 270 of them, the probabilities of seven classes:
	// nobody; 1; 2; 3; 1 and 2; 1 and 3; 2 and 3. A number means the same person within one call only.
	Segment(pcm []float32) ([][7]float32, error)
}

// Options say what is known of a track.
type Options struct {
	// Headcount is how many people share the microphone, 0 if nobody said. Live it is a bound, at the end it is the count.
	Headcount int
	// Room says that several people do, whatever their number: their voices count from their first seconds. Without it the
	// track has one voice until two are heard clearly, each for some seconds; a headcount above 1 implies it.
	Room bool
	// Recorded says that nobody waits for turns while the track is heard: they may come some seconds later, and are better.
	Recorded bool
	// Hop is the time between windows, 0: 0.5 s. Half of it costs twice as much and finds turns a little better.
	Hop time.Duration
	// Thresholds are the embedder's; nil: those of GE2E.
	Thresholds *Thresholds
}

// Turn is a stretch in which one voice speaks.
type Turn struct {
	T0, T1     int64   // ms on the clock of Push
	Voice      int     // from 1
	Confidence float64 // 0 to 1: how much nearer this voice is than the next
	Overlap    bool    // another voice speaks as well, and has a turn of its own
}

// Merged says that a voice was found to be another one: From is gone, its turns are Into's.
type Merged struct{ From, Into int }

// Warning names what was wrong with a track, so that it has one voice only.
type Warning string

// The warnings.
const (
	NoSpeech  Warning = "no-speech"       // nothing was taken for speech: silence, noise, music
	TooShort  Warning = "too-short"       // not enough speech to compare
	TooMany   Warning = "too-many-voices" // more voices than can be told apart
	NoVectors Warning = "no-vectors"      // the embedder failed
)

// Bounds.
const (
	// MaxVoices is how many voices a track can have. Further ones get the number of the nearest.
	MaxVoices = 12
	// DefaultVoices is the bound where no headcount is known.
	DefaultVoices = 8
	// MaxWindows bounds what a Tracker keeps: 4 hours of speech at 0.4 s, 37 MB. What comes later is not told
	// apart any more: it belongs to the last voice.
	MaxWindows = 36_000
	// maxUnits bounds the stretches of speech that are remembered, for 4 hours of the quickest talk.
	maxUnits = 60_000
)
