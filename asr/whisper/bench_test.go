//go:build whisper

package whisper

import (
	"fmt"
	"testing"
	"time"

	"souffleur/asr"
)

// BenchmarkRecognize measures what one call costs on one thread: the numbers behind the choice of contexts and beams.
func BenchmarkRecognize(b *testing.B) {
	pcm := speech(b)
	for _, partial := range []bool{true, false} {
		for _, length := range []time.Duration{time.Second, 3 * time.Second, 6 * time.Second, 11 * time.Second} {
			b.Run(fmt.Sprintf("partial=%v/%v", partial, length), func(b *testing.B) {
				r := newRecognizer(b)
				n := min(len(pcm), int(length.Seconds()*asr.SampleRate))
				for b.Loop() {
					if _, err := r.Recognize(b.Context(), asr.Request{PCM: pcm[:n], Lang: "en", Partial: partial}); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
