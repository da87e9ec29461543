package whisper

import (
	"time"

	"souffleur/asr"
)

// positionSamples is how many samples one encoder position covers: 20 ms.
const positionSamples = 320

// maxPositions is the encoder's full context, 30 s.
const maxPositions = 1500

// audioContext says how many encoder positions to compute for n samples of speech. The encoder's cost grows with it, so
// that a full context for every partial would cost five times what the speech needs. But the stock weights were trained on
// 30 s windows only: with too little beyond the speech they repeat themselves without end, or lose its tail. slack is that
// "beyond", floor the least; both in positions. The result always covers the speech, else the engine drops its end.
func audioContext(n, slack, floor int) int {
	need := (n + positionSamples - 1) / positionSamples
	positions := max(need+slack, floor)
	positions = (positions + 63) / 64 * 64
	return min(positions, maxPositions)
}

// Of partials, finals and language detection. Partials that hear with less context than finals say other things: with 128,
// 384 for them 17 % of the words that two partials in a row agreed on were not in the final, with 256, 512 it was 11 %, at an
// eighth more time (ten FLEURS clips, en and fr, a partial every 0.75 s).
//
// Measured with whisper-base q8_0 and one thread on two cores with AVX512, 16 FLEURS
// clips of 4 to 23 s (196 s, 444 words; fr, en, de, es, pt), word errors and processor seconds per second of speech,
// failed decodes repeated as in [Recognizer]:
//
//	slack, floor  beams  errors  cost
//	128, 384      1      23.0 %  0.15
//	128, 384      5      22.3 %  0.23
//	256, 512      5      20.3 %  0.26
//	1500          1      20.7 %  0.28
//	1500          5      19.8 %  about 0.5
//
// The full context costs speech of 5 s twice as much as 256, 512 with five beams (2.5 against 1.2 s).
const (
	contextSlack = 256
	contextFloor = 512
)

// Bounds of tokens: a decode that loops ends there. Seven a second is fast speech in the scripts that the models know well;
// others take several tokens for a letter, which a final has time for.
func partialTokens(n int) int { return 10 + 7*n/minSamples }
func finalTokens(n int) int   { return 10 + 20*n/minSamples }

// finalBeams is how many hypotheses a final follows.
const finalBeams = 5

// lastSentence is the shortest speech in which a sentence may begin behind another.
const lastSentence = 500 * time.Millisecond

// voiceEnd says how many samples of req reach to the end of its voice.
func voiceEnd(req asr.Request) int {
	n := int(req.VoiceEnd * asr.SampleRate / time.Second)
	if n <= 0 || n > len(req.PCM) {
		return len(req.PCM)
	}
	return n
}
