package levels

import (
	"slices"
	"time"
)

const (
	// promoteAfter is how long somebody must have been talking to take another's seat. Short enough that little of a word
	// is lost, long enough that a cough is not a turn.
	promoteAfter = 200 * time.Millisecond
	// hold is how long a seat is kept after its holder's last word, so that pauses for thought do not cost it.
	hold = 1500 * time.Millisecond
	// pause is the silence after which somebody who talks again starts to count promoteAfter anew.
	pause = 300 * time.Millisecond
	// breath is how long nobody talks without a pause. Whoever does keeps a seat only until somebody else needs it: it is
	// an open microphone in a noisy place, or a client that claims to be loud.
	breath = time.Minute
)

// Microphone is one that could be forwarded now: neither muted nor gone.
type Microphone[K comparable] struct {
	Key      K
	Loudness int // as Meter.Loudness gives it
}

// Seats says which microphones are forwarded. There is one seat more than a listener has slots: who holds a seat does not
// hear himself, so he hears all the others; everybody else hears the first ones. Whoever talks never loses his seat, if he
// breathes.
// It is not safe for concurrent use. Make it with NewSeats.
type Seats[K comparable] struct {
	slots  int
	holder []K // at most slots+1; the last of a full row is the spare seat
	voices map[K]*voice
}

type voice struct {
	since time.Time // when the present talk began; zero while silent
	last  time.Time // when it was last heard; zero if never
}

// NewSeats returns seats for listeners with the given number of slots.
func NewSeats[K comparable](slots int) *Seats[K] {
	return &Seats[K]{slots: slots, voices: make(map[K]*voice)}
}

// Update takes the present state of all microphones, in order of their coming, and reports whether a seat changed hands.
func (s *Seats[K]) Update(now time.Time, microphones []Microphone[K]) bool {
	before := slices.Clone(s.holder)
	s.listen(now, microphones)
	s.holder = slices.DeleteFunc(s.holder, func(k K) bool { return s.voices[k] == nil })
	for _, m := range microphones {
		if len(s.holder) <= s.slots && !slices.Contains(s.holder, m.Key) {
			s.holder = append(s.holder, m.Key)
		}
	}
	for _, m := range s.claimants(now, microphones) {
		s.promote(m.Key, now)
	}
	return !slices.Equal(before, s.holder)
}

// listen updates when each was heard, and forgets those who are gone.
func (s *Seats[K]) listen(now time.Time, microphones []Microphone[K]) {
	present := make(map[K]bool, len(microphones))
	for _, m := range microphones {
		present[m.Key] = true
		v := s.voices[m.Key]
		if v == nil {
			v = &voice{}
			s.voices[m.Key] = v
		}
		v.hear(m.Loudness, now)
	}
	for k := range s.voices {
		if !present[k] {
			delete(s.voices, k)
		}
	}
}

func (v *voice) hear(loudness int, now time.Time) {
	if loudness > 0 {
		if v.since.IsZero() {
			v.since = now
		}
		v.last = now
		return
	}
	if now.Sub(v.last) > pause {
		v.since = time.Time{}
	}
}

// tireless says whether v has talked for longer than a voice can.
func (v *voice) tireless(now time.Time) bool {
	return !v.since.IsZero() && now.Sub(v.since) > breath
}

// claimants returns those who have talked long enough without a seat that everybody hears, the loudest first;
// those who never pause go last.
func (s *Seats[K]) claimants(now time.Time, microphones []Microphone[K]) []Microphone[K] {
	heard := s.heard()
	var claims []Microphone[K]
	for _, m := range microphones {
		v := s.voices[m.Key]
		if m.Loudness > 0 && now.Sub(v.since) >= promoteAfter && !slices.Contains(heard, m.Key) {
			claims = append(claims, m)
		}
	}
	slices.SortStableFunc(claims, func(a, b Microphone[K]) int {
		if ta, tb := s.voices[a.Key].tireless(now), s.voices[b.Key].tireless(now); ta != tb {
			if ta {
				return 1
			}
			return -1
		}
		return b.Loudness - a.Loudness
	})
	return claims
}

// promote gives k the seat of whoever has been silent longest, or else of one who never pauses. He takes the spare
// seat unless its holder was heard later. Nothing happens while all talk.
func (s *Seats[K]) promote(k K, now time.Time) {
	victim := s.silent(now)
	if victim < 0 && !s.voices[k].tireless(now) {
		victim = slices.IndexFunc(s.heard(), func(h K) bool { return s.voices[h].tireless(now) })
	}
	if victim < 0 {
		return
	}
	old := s.holder[victim]
	s.holder[victim] = k
	if len(s.holder) <= s.slots {
		return
	}
	if spare := s.holder[s.slots]; spare == k || !s.voices[spare].last.After(s.voices[old].last) {
		s.holder[s.slots] = old
	}
}

// heard returns those whom everybody hears.
func (s *Seats[K]) heard() []K { return s.holder[:min(s.slots, len(s.holder))] }

// silent returns the seat of whoever has been silent longest, and long enough to lose it; -1 if there is none.
func (s *Seats[K]) silent(now time.Time) int {
	victim := -1
	for i, h := range s.heard() {
		v := s.voices[h]
		if now.Sub(v.last) < hold {
			continue
		}
		if victim < 0 || v.last.Before(s.voices[s.holder[victim]].last) {
			victim = i
		}
	}
	return victim
}

// Heard returns the microphones that a listener gets whose own microphone is own: at most as many as there are slots.
func (s *Seats[K]) Heard(own K) []K {
	if i := slices.Index(s.holder, own); i >= 0 {
		return slices.Delete(slices.Clone(s.holder), i, i+1)
	}
	return slices.Clone(s.heard())
}
