package sfu_test

import (
	"fmt"
	"testing"

	"souffleur/internal/signal"
	"souffleur/sfu"
)

// handshakes is how many people connect at the same time.
const handshakes = 10

func TestHundredFiftyJoinAndHearOneSpeaker(t *testing.T) {
	if testing.Short() {
		t.Skip("150 peer connections at both ends cost several seconds of CPU")
	}
	s := openStage(t, sfu.RoomConfig{}) // alone, as it keeps all cores busy
	speaker := s.join("Speaker")
	defer speaker.openMic("speaker").keepSaying(t)()
	readers := make([]*actor, 149)
	for i := range readers {
		readers[i] = s.join(fmt.Sprint("Reader ", i))
		if i >= handshakes { // a machine that computes both ends of all at once lets some of them time out
			eventually(t, "a reader is connected", readers[i-handshakes].Connected)
		}
	}
	for _, r := range readers {
		mid := r.awaitSlot(speaker, signal.Mic)
		eventually(t, "a reader hears the speaker", func() bool { return len(r.Packets(mid)) > 20 })
	}
	if n := len(s.room.Peers()); n != 150 {
		t.Errorf("%d people are in the room", n)
	}
}
