package sfu

import (
	"testing"

	"github.com/pion/rtcp"
)

func TestAReportIsReadOnceForAllSlotsThatItNames(t *testing.T) {
	marshal := func(media uint32) []byte {
		b, err := rtcp.Marshal([]rtcp.Packet{
			&rtcp.ReceiverReport{SSRC: 1, Reports: []rtcp.ReceptionReport{{SSRC: media}}},
			&rtcp.PictureLossIndication{SenderSSRC: 1, MediaSSRC: media},
		})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	var a answers
	for _, step := range []struct {
		what   string
		report []byte
		again  bool
		count  int
	}{
		{"the first", marshal(7), false, 2},
		{"the same for another slot", marshal(7), true, 2},
		{"another", marshal(8), false, 2},
		{"one that cannot be read", []byte{0x80, 0xFF, 0, 9}, false, 0},
		{"nothing", nil, false, 0},
		{"the first once more", marshal(7), false, 2},
	} {
		packets, again := a.read(step.report)
		if again != step.again || len(packets) != step.count {
			t.Errorf("%s: %d packets, again %v", step.what, len(packets), again)
		}
		clear(step.report) // it is valid during the call only
	}
}
