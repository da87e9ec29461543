package asrtest

import (
	"math/rand/v2"
	"testing"
	"time"

	"souffleur/asr/eval"
	"souffleur/internal/timeline"
)

func TestDrummedSpeechIsHeardWordForWord(t *testing.T) {
	voice, err := Recording("jfk.ogg")
	if err != nil {
		t.Fatal(err)
	}
	said := Drum{Voice: voice[15:105]}.Say(rand.New(rand.NewPCG(1, 1)), 20, 40)
	pcm := decode(said.Packets)
	got := Hear(pcm)
	if len(got) != len(said.Speech.Words) {
		t.Fatalf("heard %v\nsaid  %q", got, said.Speech.Text)
	}
	for i, w := range said.Speech.Words {
		if d := got[i].To - w.To; got[i].Text != w.Text || d < -5*time.Millisecond || d > 5*time.Millisecond {
			t.Errorf("%q ends at %v, heard %q until %v", w.Text, w.To, got[i].Text, got[i].To)
		}
	}
	early := Hear(pcm[:len(pcm)/2])
	if n := common(got, early); n < len(early)-1 || n < 8 {
		t.Errorf("of half the speech %d words are right of %d", n, len(early))
	}
}

// decode returns the samples of packets of 20 ms.
func decode(packets [][]byte) []float32 {
	line := timeline.New()
	var pcm []float32
	for i, p := range packets {
		pcm = append(pcm, line.Append(timeline.Packet{Seq: uint64(i), RTP: uint64(i) * 960, Opus: p}).PCM...)
	}
	return pcm
}

func common(a, b []eval.Word) int {
	n := 0
	for n < len(a) && n < len(b) && a[n].Text == b[n].Text {
		n++
	}
	return n
}
