// Package score says how well it was told who spoke when: the diarization error rate with its parts ([Rate]), and words given to
// the wrong person ([Words]). It reads and writes RTTM ([ReadRTTM], [WriteRTTM]), the form of the NIST evaluations.
//
// Figures compare only where collar and overlap are the same. Here overlapped speech is always scored, and the collar, 0 unless
// somebody asks, is what is left out on each side of each edge of the reference, as in md-eval.pl; pyannote.metrics means both
// sides together.
package score
