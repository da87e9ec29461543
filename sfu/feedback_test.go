package sfu_test

import (
	"fmt"
	"testing"

	"souffleur/internal/signal"
	"souffleur/sfu"
)

func TestCaptionsGoOtherWaysWhenTheClientClosesTheChannel(t *testing.T) {
	s := newStage(t, sfu.RoomConfig{})
	ben := s.join("Ben")
	say := func(text string) {
		t.Helper()
		if err := s.room.SendCaption(fmt.Appendf(nil, `{"v":1,"seg":"s1","text":%q}`, text), true); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "Ben's channel is open", func() bool { say("drei"); return len(ben.Texts(signal.CaptionsChannel)) > 0 })
	before := len(ben.Messages(signal.Caption)) // from before the channel was open
	if err := ben.CloseDataChannel(signal.CaptionsChannel); err != nil {
		t.Fatal(err)
	}
	eventually(t, "finals come by signalling", func() bool { say("vier"); return len(ben.Messages(signal.Caption)) > before })
}
