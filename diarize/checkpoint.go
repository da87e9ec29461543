package diarize

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sort"
	"strings"
	"time"

	"souffleur/diarize/cluster"
	"souffleur/diarize/voices"
	"souffleur/internal/bus"
)

const (
	// saveEvery is how much may be heard until what is known of a microphone's voices is saved: what a crash loses is heard again
	// from the bus, so this bounds how long that takes, not what is lost. A save holds what is new, some 2 kB for a second of
	// speech, half of what the sound itself takes.
	saveEvery = 30 * time.Second
	// clockSlack is by how much the clock of a broker may differ from that of a node.
	clockSlack = time.Hour
	// maxLevels bounds the levels of a unit that are saved: of what goes on without a pause for 17 minutes the rest has none.
	maxLevels = 1 << 16
	// maxMarks bounds what is remembered of where sound stands on the bus: a second each, twice as long as audio is kept. The
	// oldest are dropped.
	maxMarks = 1200
)

// saved is what stands of a microphone on vectors.v1, so that nobody's number is lost when the worker dies. Vectors are biometric
// data: they are sealed with the meeting's key, and retracted as soon as nobody listens any more.
type saved struct {
	keys  []string  // of all records
	units int       // of the tracker, in them
	until int64     // ms of the room clock at which the last one ends
	heard int64     // what was heard when it was looked for news
	at    time.Time // when that was
	marks []mark    // where later sound stands; see maxMarks
}

// mark says that all sound before a moment stands before an offset.
type mark struct{ offset, heard int64 }

// due says whether it is time to save.
func (t *mic) due() bool {
	if t.probe || t.numbers == nil || t.heard <= t.saved.heard {
		return false
	}
	return t.heard-t.saved.heard >= saveEvery.Milliseconds() || time.Since(t.saved.at) >= saveEvery
}

// save publishes what was not saved yet of speech that has ended. Then older audio need not be heard again after a crash.
func (t *mic) save(ctx context.Context) error {
	s := t.tracker.State()
	t.saved.heard, t.saved.at = t.heard, time.Now()
	for _, v := range t.stretches(&s) {
		m, err := bus.SealVectors(t.key, v)
		if err != nil {
			return err
		}
		m.Partition = t.w.cfg.Bus.PartitionOf(bus.Vectors, t.k.meeting)
		t.saved.keys = append(t.saved.keys, m.Key)
		if err := t.put(ctx, m); err != nil {
			return fmt.Errorf("save what is known of voices: %w", err)
		}
		t.saved.until = v.Until
	}
	t.saved.units = len(s.Units)
	t.pass(s.Until)
	return nil
}

// stretches are the records of what is new in s.
func (t *mic) stretches(s *voices.State) []*bus.VoiceVectors {
	known := t.soFar(s)
	dim := 0
	for i := range known {
		dim = max(dim, len(known[i].Sum)/2)
	}
	var out []*bus.VoiceVectors
	w := sort.Search(len(s.Windows), func(i int) bool { return s.Windows[i].Unit >= t.saved.units })
	for u := t.saved.units; u < len(s.Units) && dim > 0; {
		v := &bus.VoiceVectors{
			Meeting: t.k.meeting, Participant: t.k.participant, Model: s.Model, Dim: dim, From: t.saved.until, Until: s.Until, Voices: known,
		}
		if len(out) > 0 {
			v.From = s.Units[u].Start
			out[len(out)-1].Until = v.From
		}
		for ; u < len(s.Units); u++ {
			end := w
			for end < len(s.Windows) && s.Windows[end].Unit == u {
				end++
			}
			if len(v.Units) > 0 && len(v.Windows)+end-w > bus.MaxVectorWindows || len(v.Units) == bus.MaxVectorWindows {
				break
			}
			v.Units = append(v.Units, packUnit(s.Units[u]))
			for _, one := range s.Windows[w:min(end, w+bus.MaxVectorWindows)] {
				v.Windows = append(v.Windows, bus.VoiceWindow{
					Start: one.Start, End: one.End, Unit: len(v.Units) - 1, Voice: one.Voice, Vec: bus.Pack(one.Vec),
				})
			}
			w = end
		}
		out = append(out, v)
	}
	return out
}

func packUnit(u voices.StateUnit) bus.VoiceUnit {
	return bus.VoiceUnit{Start: u.Start, End: u.End, Who: u.Who, Lead: u.Lead, Levels: u.Levels[:min(len(u.Levels), maxLevels)], Floor: u.Floor}
}

// soFar are the voices of s, with their published numbers.
func (t *mic) soFar(s *voices.State) []bus.VoiceSoFar {
	out := make([]bus.VoiceSoFar, len(s.Voices))
	for i, v := range s.Voices {
		out[i] = bus.VoiceSoFar{Published: t.numbers[v.Number], Into: v.Into, Seconds: v.Seconds}
		if v.Into == 0 {
			out[i].Size = float32(math.Sqrt(float64(cluster.Dot(v.Sum, v.Sum))))
			out[i].Sum = bus.Pack(cluster.Unit(v.Sum))
		}
	}
	return out
}

// mark remembers where sound stands on the bus.
func (t *mic) mark(offset int64) {
	m := &t.saved.marks
	if n := len(*m); n > 0 && t.heard-(*m)[n-1].heard < 1000 {
		return
	}
	*m = append(*m, mark{offset, t.heard})
	*m = (*m)[max(0, len(*m)-maxMarks):]
}

// pass says that sound before a moment need not be heard again.
func (t *mic) pass(until int64) {
	m := t.saved.marks
	i := sort.Search(len(m), func(i int) bool { return m[i].heard > until-1000 }) // a second early: decoders warm up
	if i > 0 {
		t.first.Store(m[i-1].offset)
		t.saved.marks = slices.Clone(m[i-1:])
	}
}

// recall takes up what another worker saved of this microphone. Whatever does not fit is passed over: then a voice has a new number.
func (t *mic) recall(ctx context.Context) error {
	stretches, err := t.stored(ctx)
	if err != nil || len(stretches) == 0 {
		return err
	}
	s := assemble(t.tracker.State().Model, stretches)
	if len(s.Windows) == 0 {
		return nil
	}
	if err := t.tracker.Restore(s); err != nil {
		t.log.Warn("what was known of voices before cannot be taken up", "err", err)
		return nil
	}
	t.recalled = make(map[int]int)
	for i, v := range stretches[len(stretches)-1].Voices {
		if v.Published > 0 && i < len(s.Voices) {
			t.recalled[i+1] = v.Published
		}
	}
	t.began, t.heard, t.judged = s.Until, s.Until, s.Until
	t.saved.units, t.saved.until, t.saved.heard, t.saved.at = len(s.Units), s.Until, s.Until, time.Now()
	return nil
}

// stored reads the stretches of this microphone, by time, and what does not belong together left out. It remembers the keys of all.
// Its only error is that of ctx.
func (t *mic) stored(ctx context.Context) ([]*bus.VoiceVectors, error) {
	reading, caughtUp := context.WithCancel(ctx)
	defer caughtUp()
	model := t.tracker.State().Model
	byKey := make(map[string]*bus.VoiceVectors) // bounded by what is kept: a record for each half minute
	prefix := bus.VectorsPrefix(t.k.meeting, t.k.participant)
	o := bus.FollowOptions{CaughtUp: caughtUp, Partitions: []int{t.w.cfg.Bus.PartitionOf(bus.Vectors, t.k.meeting)}}
	if !t.meetingBegan.IsZero() {
		o.Since = t.meetingBegan.Add(-clockSlack)
	}
	err := t.w.cfg.Bus.Follow(reading, bus.Vectors, o, func(m bus.Message) {
		if m.Meeting != t.k.meeting || !strings.HasPrefix(m.Key, prefix) {
			return
		}
		delete(byKey, m.Key)
		if len(m.Value) == 0 {
			return
		}
		v, err := bus.OpenVectors(t.key, m)
		if err != nil {
			t.log.Warn("a record of voices' vectors does not open", "offset", m.Offset, "err", err)
		}
		byKey[m.Key] = v // nil: it is to be retracted all the same
	})
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case reading.Err() == nil:
		t.log.Warn("what was known of voices before could not be read", "err", err)
	}
	var out []*bus.VoiceVectors
	for key, v := range byKey {
		t.saved.keys = append(t.saved.keys, key)
		if v != nil && v.Model == model {
			out = append(out, v)
		}
	}
	return inARow(out), nil
}

// inARow sorts stretches and leaves out what lies over another: a worker that was held still has written it, and its numbers are not
// those of the others.
func inARow(stretches []*bus.VoiceVectors) []*bus.VoiceVectors {
	slices.SortFunc(stretches, func(a, b *bus.VoiceVectors) int { return int(a.From - b.From) })
	until := int64(0)
	return slices.DeleteFunc(stretches, func(v *bus.VoiceVectors) bool {
		if v.From < until {
			return true
		}
		until = v.Until
		return false
	})
}

// assemble makes one state of stretches in a row.
func assemble(model string, stretches []*bus.VoiceVectors) voices.State {
	newest := stretches[len(stretches)-1]
	s := voices.State{Model: model, Until: newest.Until}
	for i, v := range newest.Voices {
		known := voices.StateVoice{Number: i + 1, Into: v.Into, Seconds: v.Seconds}
		if v.Into == 0 {
			known.Sum = v.Sum.Unpack()
			for k := range known.Sum {
				known.Sum[k] *= v.Size
			}
		}
		s.Voices = append(s.Voices, known)
	}
	for _, v := range stretches {
		if len(s.Windows)+len(v.Windows) > voices.MaxWindows {
			break
		}
		first := len(s.Units)
		for _, u := range v.Units {
			s.Units = append(s.Units, voices.StateUnit(u))
		}
		for _, w := range v.Windows {
			if w.Voice > len(s.Voices) {
				w.Voice = 0
			}
			s.Windows = append(s.Windows, voices.StateWindow{Start: w.Start, End: w.End, Unit: first + w.Unit, Voice: w.Voice, Vec: w.Vec.Unpack()})
		}
	}
	return s
}

// discard retracts what was saved: nobody needs it any more. Without the meeting's key, which goes when its transcript is complete,
// nobody can read it either.
func (t *mic) discard(ctx context.Context) {
	for _, key := range t.saved.keys {
		m := bus.Message{Topic: bus.Vectors, Key: key, Meeting: t.k.meeting, Partition: t.w.cfg.Bus.PartitionOf(bus.Vectors, t.k.meeting)}
		if err := t.w.cfg.Bus.Publish(ctx, m); err != nil {
			if !errors.Is(err, context.Canceled) {
				t.log.Warn("saved vectors were not retracted", "err", err)
			}
			return
		}
	}
	t.saved.keys = nil
}
