package asrtest

import (
	"encoding/binary"
	"hash/fnv"
	"math/rand/v2"
	"strings"
	"time"

	"souffleur/asr/eval"
)

// Drummed speech is scripted speech that a program can hear without a model, from its samples alone: a word is two beats of
// voice with one packet of digital silence between, three packets part words, and which word it is follows from how long
// the beats are. So its words and their times are known, a recogniser of it may be handed any piece of the audio, and what it
// makes of a piece that ends inside a word is as wrong as with a real engine.
const (
	insideWord  = 1 // packets of silence between the beats of a word
	betweenWord = 3
	leastBeat   = 3 // packets of voice
	mostBeat    = 14
)

// drumWord names the word of two beats. Names are of random letters, so that nobody takes a text for a loop.
func drumWord(first, second int) string {
	h := fnv.New64a()
	h.Write([]byte{byte(first), byte(second)})
	r := rand.New(rand.NewPCG(h.Sum64(), 0))
	name := make([]byte, 3+r.IntN(6))
	for i := range name {
		name[i] = 'a' + byte(r.IntN(26))
	}
	return string(name)
}

// Drum is a way to speak.
type Drum struct {
	Voice   [][]byte      // packets of voice without a pause
	Longest time.Duration // of the pauses, which last 0.9 s at least. With 2 s a speaker talks two thirds of the time
	// Cut lets one of six utterances be longer than the longest that is recognised in one piece; without it each is one segment.
	Cut bool
}

// Drummer speaks for about length, in utterances of 1 to 14 s. Equal seeds say the same.
func (d Drum) Drummer(seed, speaker uint64, length time.Duration) Voice {
	r := rand.New(rand.NewPCG(seed, speaker))
	said := time.Duration(0)
	return func() (Spoken, bool) {
		if said >= length {
			return Spoken{}, false
		}
		words := 2 + r.IntN(14)
		if r.IntN(6) == 0 && d.Cut {
			words += 18
		}
		s := d.Say(r, words, 45+r.IntN(int(d.Longest/PacketTime)-45))
		said += time.Duration(len(s.Packets)) * PacketTime
		return s, true
	}
}

// Say speaks so many words, then pauses for so many packets.
func (d Drum) Say(r *rand.Rand, words, pause int) Spoken {
	var s Spoken
	now := func() time.Duration { return time.Duration(len(s.Packets)) * PacketTime }
	beat := func() int {
		n := leastBeat + r.IntN(mostBeat-leastBeat+1)
		for range n {
			s.Packets = append(s.Packets, d.Voice[r.IntN(len(d.Voice))])
		}
		return n
	}
	hush := func(n int) {
		for range n {
			s.Packets = append(s.Packets, SilentPacket)
		}
	}
	var texts []string
	for i := range words {
		if i > 0 {
			hush(betweenWord)
		}
		w := eval.Word{Span: eval.Span{From: now()}}
		first := beat()
		hush(insideWord)
		w.Text = drumWord(first, beat())
		w.To = now()
		texts, s.Speech.Words = append(texts, w.Text), append(s.Speech.Words, w)
	}
	s.Speech.Lang, s.Speech.Text = "en", strings.Join(texts, " ")
	s.Speech.Utterances = []eval.Span{{From: 0, To: now()}}
	hush(pause)
	s.Speech.Whole = eval.Span{From: 0, To: now()}
	return s
}

// beatOf is a stretch of voice, in samples.
type beatOf struct{ from, to int }

func (b beatOf) packets() int { return (b.to - b.from + packetSamples/2) / packetSamples }

// beats finds the stretches of voice between digital silences of about a packet.
func beats(pcm []float32) []beatOf {
	const silence = packetSamples * 3 / 4
	var found []beatOf
	for i, x := range pcm {
		if x == 0 {
			continue
		}
		if n := len(found); n > 0 && i-found[n-1].to < silence {
			found[n-1].to = i + 1
		} else {
			found = append(found, beatOf{i, i + 1})
		}
	}
	return found
}

// Hear returns the words of drummed speech, with their times from the first sample. A word whose second beat is missing or not
// over is another word.
func Hear(pcm []float32) []eval.Word {
	found := beats(pcm)
	at := func(sample int) time.Duration { return time.Duration(sample) * time.Second / SampleRate }
	var words []eval.Word
	for i := 0; i < len(found); i++ {
		first, last, second := found[i], found[i], 0
		if i+1 < len(found) && found[i+1].from-first.to < 2*packetSamples {
			i++
			last, second = found[i], found[i].packets()
		}
		words = append(words, eval.Word{Text: drumWord(first.packets(), second), Span: eval.Span{From: at(first.from), To: at(last.to)}})
	}
	return words
}

// HearBadly is Hear with an error in one of four words that end within the last 600 ms, as in a hypothesis of speech that goes on.
func HearBadly(pcm []float32) []eval.Word {
	words := Hear(pcm)
	end := time.Duration(len(pcm)) * time.Second / SampleRate
	for i, w := range words {
		if w.To > end-600*time.Millisecond && chance(w.Text, len(pcm))%4 == 0 {
			words[i].Text = drumWord(mostBeat+1, int(chance(w.Text, 0)%97))
		}
	}
	return words
}

// Scatter is up to a millisecond that follows from the audio. Added to a cost, it sees to it that no two things happen at the very
// same moment, whose order would be chance.
func Scatter(pcm []float32) time.Duration {
	h := fnv.New64a()
	var b [4]byte
	for i := 0; i < len(pcm); i += 101 {
		binary.LittleEndian.PutUint32(b[:], uint32(int32(pcm[i]*(1<<20))))
		h.Write(b[:])
	}
	binary.LittleEndian.PutUint32(b[:], uint32(len(pcm)))
	h.Write(b[:])
	return time.Duration(h.Sum64() % uint64(time.Millisecond))
}

func chance(word string, n int) uint32 {
	h := fnv.New32a()
	h.Write([]byte(word))
	h.Write(binary.LittleEndian.AppendUint32(nil, uint32(n)))
	return h.Sum32() >> 8
}
