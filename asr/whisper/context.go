package whisper

import (
	"time"

	"souffleur/asr"
)

// positionSamples is how many samples one encoder position covers: 20 ms.
const positionSamples = 320

// maxPositions is the encoder's full context, 30 s.
const maxPositions = 1500

// audioContext says how many encoder positions to compute for n samples of speech: those of the speech, and a little more,
// because the model learnt with silence behind it. The result always covers the speech, else the engine drops its end.
//
// That a short context makes Whisper loop and lose words, as whisper.cpp's users report (issues #1855, #1951), comes from the
// padding of flash attention, which is off here; see wx_load. Measured with whisper-base q8_0, greedy, one thread, on 16
// utterances of 1.6 to 11 s of ten FLEURS clips (en, fr) and one of Kennedy (290 words), word errors and processor
// milliseconds per second of speech:
//
//	positions               flash attention   without
//	speech + 16, 64 least                     22.7 %   95
//	speech + 32, 64 least                     22.7 %   93
//	speech + 64, 128 least                    22.7 %  101
//	speech + 128, 128 least                   22.4 %  112
//	384 least               37.4 %   98       21.7 %  116
//	512 least               22.4 %  109       22.0 %  131
//	576 least               54.2 %  160
//	640 least               44.1 %  133       23.8 %  153
//	768 least               23.8 %  155       23.8 %  183
//	896 least               51.4 %  198
//	1500                    20.6 %  390       22.7 %  434
func audioContext(n int, c leeway) int {
	need := (n + positionSamples - 1) / positionSamples
	positions := max(need+c.slack, c.floor)
	return min((positions+63)/64*64, maxPositions)
}

// leeway is how many encoder positions are computed besides those of the speech, and how many at least.
type leeway struct{ slack, floor int }

var (
	partialLeeway = leeway{64, 128} // soonest
	finalLeeway   = leeway{128, 384}
	patientLeeway = leeway{maxPositions, maxPositions} // as the model was trained
)

// Bounds of tokens: a decode that loops ends there. Seven a second is fast speech in the scripts that the models know well;
// others take several tokens for a letter, which a final has time for.
func partialTokens(n int) int { return 10 + 7*n/minSamples }
func finalTokens(n int) int   { return 10 + 20*n/minSamples }

// patientBeams is how many hypotheses are followed where nobody waits. They double the time: on the utterances above, 199
// instead of 93 ms a second of speech, for 21.3 instead of 22.7 % of word errors; three took 153 ms for 23.4 %.
const patientBeams = 5

// Beams of live finals. In a short utterance there is little context, and more beams tell more: of the English clips, whose
// utterances are short, 10.4 % of words were wrong with three, 15.2 % with one. A long one must come in time, and gains from the
// partials before it.
const (
	shortUtterance = 5 * asr.SampleRate
	shortBeams     = 3
)

// liveBeams is how many hypotheses the final of n samples of live speech follows.
func liveBeams(n int) int {
	if n <= shortUtterance {
		return shortBeams
	}
	return 1
}

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
