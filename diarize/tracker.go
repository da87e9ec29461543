package diarize

import "souffleur/diarize/voices"

// Turn is what one voice said in a row, in ms of the room clock.
type Turn struct {
	T0, T1 int64
	Voice  int // from 1, by first appearance
}

// Merge says that two numbers turned out to be one voice: From is not used any more.
type Merge struct{ From, Into int }

// Tracker tells the voices of one microphone apart. One goroutine owns it.
type Tracker interface {
	// Push hears samples, 16 kHz mono in [-1, 1], that begin at a moment of the room clock in ms. Moments rise; pcm is the
	// caller's again afterwards.
	Push(at int64, pcm []float32)
	// Turns returns the turns that end after a moment, by their beginnings. Those of the last 5 s may still change. Of two over
	// one another the first has the words.
	Turns(from int64) []Turn
	// Merges returns the merges since it was last asked.
	Merges() []Merge
	// Alone says whether only one voice was heard.
	Alone() bool
	// End judges everything that was heard once more and returns all turns, under the numbers given so far where the voice is the
	// same. headcount is how many people there are, 0 if that is not known. Nothing may be pushed afterwards.
	End(headcount int) []Turn
	// Warnings names what was wrong with what was heard, for the log.
	Warnings() []string
	// State returns what is known of speech that has ended, without its sound; Restore makes a tracker that has heard nothing go on
	// there, and fails for a state that is not of its model or contradicts itself. See [voices.State].
	State() voices.State
	Restore(s voices.State) error
	// Close forgets everything.
	Close() error
}
