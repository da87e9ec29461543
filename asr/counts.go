package asr

import "sync"

// Counts says what a worker has done since it began. Nothing in it tells what was said or by whom.
type Counts struct {
	Records     int // audio records read
	Refused     int // audio records not recognised: captions off, opted out, or of an unknown track
	DeadLetters int // records that did not open
	Partials    int // partials recognised
	Finals      int // segments published
	Fast        int // of those, with the text of the partials
	Rescored    int // of those, replaced later by what the engine heard
	Adopted     int // utterances heard again whose finals were published before
	Gaps        int // stretches of lost audio published
	Guesses     int // finals decoded at a pause, in case it was the end
	Empty       int // utterances without words
	Shed        int // partials dropped because the bus was slower
	Failures    int // calls of a recogniser that failed
	Silence     int // texts refused, by reason
	Doubt       int
	Repetition  int
	Phrase      int
	Short       int
	Prompt      int
}

// counts is Counts, shared.
type counts struct {
	mu sync.Mutex // guards n
	n  Counts
}

func (c *counts) add(change func(n *Counts)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change(&c.n)
}

func (c *counts) shed() { c.add(func(n *Counts) { n.Shed++ }) }

func (c *counts) partial(r refusal, err error) {
	c.add(func(n *Counts) {
		n.Partials++
		n.judge(r, err)
	})
}

func (n *Counts) judge(r refusal, err error) {
	if err != nil {
		n.Failures++
	}
	switch r {
	case refusedSilence:
		n.Silence++
	case refusedDoubt:
		n.Doubt++
	case refusedRepetition:
		n.Repetition++
	case refusedPhrase:
		n.Phrase++
	case refusedShort:
		n.Short++
	case refusedPrompt:
		n.Prompt++
	}
}

// Counts returns what the worker has done so far. It is safe for concurrent use.
func (w *Worker) Counts() Counts {
	w.counts.mu.Lock()
	defer w.counts.mu.Unlock()
	return w.counts.n
}
