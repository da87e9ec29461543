package main

import (
	"fmt"
	"math"
	"math/rand/v2"

	"souffleur/diarize/score"
)

// room is a recording whose turns are known exactly.
type room struct {
	name     string
	pcm      []float32
	turns    []score.Segment
	speakers int
}

// How rooms are laid.
const (
	shortest, longest = 1.5, 12.0 // seconds of a turn; most are short
	overlapPart       = 0.15      // of turns begin before the one before them has ended
	again             = 0.15      // of turns are of the one who spoke last
	hiss              = 0.0005    // RMS of the room's own noise: -66 dBFS
)

// lay builds a room of some length from speakers, who get distances of their own from the microphone.
func lay(name string, speakers []speaker, seconds float64, seed uint64) (room, error) {
	r := rand.New(rand.NewPCG(seed, uint64(len(speakers))))
	out := room{name: name, speakers: len(speakers), pcm: make([]float32, int(seconds*rate))}
	gains := make([]float64, len(speakers))
	for i := range gains {
		gains[i] = math.Pow(10, (r.Float64()*9-6)/20) // -6 to 3 dB
	}
	at, last := rate/2, -1
	for {
		who := r.IntN(len(speakers))
		for who == last && r.Float64() > again {
			who = r.IntN(len(speakers))
		}
		said := piece(r, speakers[who])
		if at+len(said) > len(out.pcm) {
			break
		}
		for i, s := range said {
			out.pcm[at+i] += float32(gains[who]) * s
		}
		for _, span := range active(said) {
			out.turns = append(out.turns, score.Segment{
				Start: float64(at+span[0]) / rate, End: float64(at+span[1]) / rate, Speaker: speakers[who].name,
			})
		}
		at, last = at+len(said)+gap(r, len(said), who == last), who
	}
	out.turns = bridged(out.turns)
	for i := range out.pcm {
		out.pcm[i] += float32(hiss * r.NormFloat64())
	}
	var err error
	if out.pcm, err = coded(out.pcm); err != nil {
		return room{}, fmt.Errorf("room %s: %w", name, err)
	}
	return out, nil
}

// bridged makes one turn of those of one person that no long pause parts, whether they are of one utterance or of two.
func bridged(turns []score.Segment) []score.Segment {
	var out []score.Segment
	last := map[string]int{} // where the last turn of each speaker stands
	for _, t := range turns {
		if i, ok := last[t.Speaker]; ok && t.Start-out[i].End < float64(pause)/rate {
			out[i].End = max(out[i].End, t.End)
			continue
		}
		last[t.Speaker] = len(out)
		out = append(out, t)
	}
	return out
}

// gap is how many samples lie between two turns; negative where they overlap.
func gap(r *rand.Rand, said int, same bool) int {
	if !same && r.Float64() < overlapPart {
		return -min(int((0.2+0.8*r.Float64())*rate), said/2)
	}
	return int((0.1 + 0.9*r.Float64()*r.Float64()) * rate)
}

// piece is a stretch of an utterance, cut where it is quiet.
func piece(r *rand.Rand, s speaker) []float32 {
	u := s.utterances[r.IntN(len(s.utterances))]
	want := int((shortest + (longest-shortest)*r.Float64()*r.Float64()) * rate)
	if len(u) <= want+rate/2 {
		return faded(u)
	}
	start := quiet(u, r.IntN(len(u)-want))
	return faded(trim(u[start:quiet(u, start+want)]))
}

// quiet is the quietest frame within 0.4 s of a place.
func quiet(pcm []float32, at int) int {
	from := max(0, at-4*rate/10)
	l := levels(pcm[from:min(len(pcm), at+4*rate/10)])
	best := 0
	for i := range l {
		if l[i] < l[best] {
			best = i
		}
	}
	return from + best*tick
}

// faded has no click at its ends.
func faded(pcm []float32) []float32 {
	out := append([]float32(nil), pcm...)
	for i := range min(tick, len(out)/2) {
		f := float32(i) / tick
		out[i] *= f
		out[len(out)-1-i] *= f
	}
	return out
}

// choose returns n of the speakers.
func choose(all []speaker, n int, seed uint64) []speaker {
	r := rand.New(rand.NewPCG(seed, 7))
	out := make([]speaker, 0, n)
	for _, i := range r.Perm(len(all))[:n] {
		out = append(out, all[i])
	}
	return out
}

// alone is one person for five minutes: all utterances over and over, with pauses, and a gain that moves by 12 dB.
func alone(s speaker, seconds float64, seed uint64) (room, error) {
	r := rand.New(rand.NewPCG(seed, 99))
	out := room{name: fmt.Sprintf("alone-%s-%d", s.name, seed), speakers: 1}
	gain, aim := 1.0, 1.0
	for len(out.pcm) < int(seconds*rate) {
		u := s.utterances[r.IntN(len(s.utterances))]
		aim = math.Pow(10, (r.Float64()*12-9)/20)
		at := len(out.pcm)
		for _, v := range u {
			gain += (aim - gain) / rate
			out.pcm = append(out.pcm, float32(gain)*v)
		}
		for _, span := range active(u) {
			out.turns = append(out.turns, score.Segment{Start: float64(at+span[0]) / rate, End: float64(at+span[1]) / rate, Speaker: s.name})
		}
		out.pcm = append(out.pcm, make([]float32, int((0.1+2*r.Float64())*rate))...)
	}
	for i := range out.pcm {
		out.pcm[i] += float32(hiss * r.NormFloat64())
	}
	var err error
	out.pcm, err = coded(out.pcm)
	return out, err
}
