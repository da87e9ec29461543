package whisper

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

// Of partials: a wrong one is replaced within a second.
const (
	partialSlack = 128
	partialFloor = 384
)

// Of finals and of language detection.
const (
	finalSlack = 256
	finalFloor = 512
)

// maxTokens bounds the tokens of a partial of n samples: nobody says more than seven a second, a decode that loops does.
func maxTokens(n int) int { return 10 + 7*n/minSamples }
