package asr

import (
	"context"
	"encoding/binary"
	"hash/fnv"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"souffleur/asr/eval"
	"souffleur/internal/timeline"
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

// packetTime is how long a packet of these tests sounds.
const packetTime = 20 * time.Millisecond

// silentPacket is one of discontinuous transmission: it is written as digital silence.
var silentPacket = []byte{0x78}

// drumWord names the word of two beats. Names are of random letters, so that the filter takes no text for a loop.
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

// Spoken is a stretch of packets of 20 ms, and what is said in it. Times of Speech count from the first packet.
type Spoken struct {
	Packets [][]byte
	Speech  eval.Speech
}

// Voice gives what a speaker says next; false when that was all.
type Voice func() (Spoken, bool)

// drummer speaks for about length: utterances of 1 to 14 s, pauses of 0.9 s to longest. With 2 s a speaker talks two thirds
// of the time.
func drummer(t testing.TB, seed, speaker uint64, length, longest time.Duration) Voice {
	r := rand.New(rand.NewPCG(seed, speaker))
	voice := recording(t, "jfk.ogg")[15:105] // words without a pause
	said := time.Duration(0)
	return func() (Spoken, bool) {
		if said >= length {
			return Spoken{}, false
		}
		words := 2 + r.IntN(14)
		if r.IntN(6) == 0 {
			words += 18 // longer than the longest utterance: it is cut
		}
		s := drum(r, voice, words, 45+r.IntN(int(longest/packetTime)-45))
		said += time.Duration(len(s.Packets)) * packetTime
		return s, true
	}
}

// drum speaks so many words, then pauses for so many packets.
func drum(r *rand.Rand, voice [][]byte, words, pause int) Spoken {
	var s Spoken
	now := func() time.Duration { return time.Duration(len(s.Packets)) * packetTime }
	beat := func() int {
		n := leastBeat + r.IntN(mostBeat-leastBeat+1)
		for range n {
			s.Packets = append(s.Packets, voice[r.IntN(len(voice))])
		}
		return n
	}
	hush := func(n int) {
		for range n {
			s.Packets = append(s.Packets, silentPacket)
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

const packetSamples = 320

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

// hearDrum returns the words of drummed speech. A word whose second beat is missing or not over is another word.
func hearDrum(pcm []float32) []RecognizedWord {
	found := beats(pcm)
	var words []RecognizedWord
	for i := 0; i < len(found); i++ {
		first, last, second := found[i], found[i], 0
		if i+1 < len(found) && found[i+1].from-first.to < 2*packetSamples {
			i++
			last, second = found[i], found[i].packets()
		}
		words = append(words, RecognizedWord{
			Text: drumWord(first.packets(), second), P: 0.9,
			Start: duration(int64(first.from)), End: duration(int64(last.to)),
		})
	}
	return words
}

// Costs say how long a recognition takes: a base, and a part for each second of speech.
type Costs struct{ Partial, PartialSecond, Final, FinalSecond time.Duration }

// BaseCosts is what whisper-base q8_0 takes on one core of a 2-core x86 server with AVX512 (go test -bench Recognize
// ./asr/whisper), rounded: 0.16 to 0.3 s for a partial, 0.44 to 1 s for a final of 1 to 12 s.
var BaseCosts = Costs{150 * time.Millisecond, 12 * time.Millisecond, 400 * time.Millisecond, 50 * time.Millisecond}

func (c Costs) of(req Request) time.Duration {
	seconds := float64(len(req.PCM)) / SampleRate
	if req.Partial {
		return c.Partial + time.Duration(seconds*float64(c.PartialSecond))
	}
	return c.Final + time.Duration(seconds*float64(c.FinalSecond))
}

// scripted recognises drummed speech. In a partial it errs in one of four words that end within the last 600 ms.
type scripted struct{ costs Costs }

// Recognize implements Recognizer.
func (s scripted) Recognize(ctx context.Context, req Request) (Result, error) {
	if !sleep(ctx, s.costs.of(req)+scatter(req.PCM)) {
		return Result{}, ctx.Err()
	}
	words := hearDrum(req.PCM)
	for i, w := range words {
		if req.Partial && w.End > duration(int64(len(req.PCM)))-600*time.Millisecond && chance(w.Text, len(req.PCM))%4 == 0 {
			words[i].Text = drumWord(mostBeat+1, int(chance(w.Text, 0)%97))
		}
	}
	return Result{Lang: "en", LogProb: -0.2, Words: words}, nil
}

// Name implements Recognizer.
func (scripted) Name() string { return "scripted" }

// Close implements Recognizer.
func (scripted) Close() error { return nil }

// scatter adds up to a millisecond that follows from the audio, so that no two things happen at the very same moment, whose
// order would be chance.
func scatter(pcm []float32) time.Duration {
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

func TestDrummedSpeechIsHeardWordForWord(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	said := drum(r, recording(t, "jfk.ogg")[15:105], 20, 40)
	pcm := decodePackets(said.Packets)
	got := hearDrum(pcm)
	if text(got) != said.Speech.Text {
		t.Fatalf("heard %q\nsaid  %q", text(got), said.Speech.Text)
	}
	for i, w := range said.Speech.Words {
		if d := got[i].End - w.To; d < -5*time.Millisecond || d > 5*time.Millisecond {
			t.Errorf("%q ends at %v, heard until %v", w.Text, w.To, got[i].End)
		}
	}
	early := hearDrum(pcm[:len(pcm)/2])
	if n := commonPrefix(got, early); n < len(early)-1 || n < 8 {
		t.Errorf("of half the speech %d words are right of %d", n, len(early))
	}
}

// Charge makes every recognition of rec take what c says, in virtual time.
func (c Costs) Charge(rec Recognizer) Recognizer { return charged{rec, c} }

type charged struct {
	Recognizer
	costs Costs
}

// Recognize implements Recognizer.
func (c charged) Recognize(ctx context.Context, req Request) (Result, error) {
	r, err := c.Recognizer.Recognize(ctx, req)
	if !sleep(ctx, c.costs.of(req)+scatter(req.PCM)) {
		return Result{}, ctx.Err()
	}
	return r, err
}

// SpeechIn returns where a recording speaks, by the rules of live endpoints but without a cut of long speech.
func SpeechIn(t *testing.T, pcm []float32, newDetector func() (VoiceDetector, error)) []eval.Span {
	t.Helper()
	v, err := newDetector()
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	probs, err := probabilities(t.Context(), pcm, v)
	if err != nil {
		t.Fatal(err)
	}
	cfg := defaultEndpointing()
	cfg.longest = int64(len(pcm)) + cfg.silence
	ends := endpointer{cfg: cfg}
	var found []eval.Span
	for i, p := range probs {
		at := int64(i) * HopSize
		switch ends.hop(at, p) {
		case stepOnset:
			ends.begin(ends.voice)
		case stepEnd:
			found = append(found, eval.Span{From: duration(ends.voice), To: duration(ends.voiceEnd)})
			ends.reset()
		}
	}
	if ends.open {
		found = append(found, eval.Span{From: duration(ends.voice), To: duration(ends.voiceEnd)})
	}
	return found
}

// decodePackets returns the samples of packets of 20 ms.
func decodePackets(packets [][]byte) []float32 {
	line := timeline.New()
	var pcm []float32
	for i, p := range packets {
		pcm = append(pcm, line.Append(timeline.Packet{Seq: uint64(i), RTP: uint64(i) * 960, Opus: p}).PCM...)
	}
	return pcm
}
