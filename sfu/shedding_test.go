package sfu_test

import (
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/rtp"

	"souffleur/internal/meeting"
	"souffleur/internal/signal"
	"souffleur/sfu"
	"souffleur/sfu/load"
)

// cameras counts the cameras that somebody sees moving.
func (a *actor) cameras() int {
	n := 0
	for _, s := range a.Slots() {
		if s.Source == signal.Camera && s.Paused == "" {
			n++
		}
	}
	return n
}

// loads returns what somebody was told of the load, in order.
func (a *actor) loads() []string {
	var list []string
	for _, m := range a.Messages(signal.Load) {
		list = append(list, m.Load.State)
	}
	return list
}

func TestUnderLoadVideoGoesStepByStepAndSoundStays(t *testing.T) {
	var welcomed atomic.Pointer[signal.WelcomeInfo]
	s := newStage(t, sfu.RoomConfig{Welcome: func(meeting.ParticipantID, []signal.Peer) *signal.WelcomeInfo {
		w := &signal.WelcomeInfo{}
		welcomed.Store(w)
		return w
	}})
	reader := s.join("Reader")
	if w := welcomed.Load(); w.Load == nil || w.Load.State != signal.LoadNormal {
		t.Errorf("welcomed to a load of %+v", w.Load)
	}
	people := []*actor{s.join("a"), s.join("b"), s.join("c")}
	for _, p := range people {
		defer p.openCamera(1, 1).film(t)()
	}
	defer people[0].openMic("a").keepSaying(t)()
	defer people[1].openVideo(signal.Screen, 1, 1).film(t)()
	mic := reader.awaitSlot(people[0], signal.Mic)
	screen := reader.awaitSlot(people[1], signal.Screen)
	eventually(t, "all cameras are seen", func() bool { return reader.cameras() == 3 })
	flows := func(what, mid string) {
		t.Helper()
		seen := len(reader.Packets(mid))
		eventually(t, what+" flows on", func() bool { return len(reader.Packets(mid)) > seen+20 })
	}

	s.node.SetLoad(load.Thumbnails)
	eventually(t, "one camera is left", func() bool { return reader.cameras() == 1 })
	for mid, slot := range reader.Slots() {
		if slot.Source == signal.Camera && slot.Paused == "" {
			flows("the largest picture", mid)
		}
	}

	s.node.SetLoad(load.Audio)
	eventually(t, "no camera is left", func() bool { return reader.cameras() == 0 })
	flows("sound", mic)
	flows("the shared screen", screen)
	late := s.join("Late")
	if w := welcomed.Load(); w.Load.State != signal.LoadAudio {
		t.Errorf("who comes late is welcomed to a load of %s", w.Load.State)
	}
	s.node.SetLoad(load.Refusing) // is nobody's business here

	flows("sound", mic)
	s.node.SetLoad(load.Thumbnails)
	eventually(t, "one camera is back", func() bool { return reader.cameras() == 1 })
	s.node.SetLoad(load.Normal)
	eventually(t, "all cameras are back", func() bool { return reader.cameras() == 3 && late.cameras() == 3 })
	flows("a camera that was paused", reader.slotOf(people[2], signal.Camera))
	want := []string{signal.LoadThumbnails, signal.LoadAudio, signal.LoadThumbnails, signal.LoadNormal}
	for _, a := range append(people, reader) {
		eventually(t, "everybody is told", func() bool { return len(a.loads()) == len(want) })
		if got := a.loads(); !slices.Equal(got, want) {
			t.Errorf("somebody was told %v", got)
		}
	}
	if got := late.loads(); !slices.Equal(got, want[2:]) {
		t.Errorf("who came late was told %v", got)
	}
	continuous(t, reader.Packets(mic))
}

// tap is a camera whose stream becomes wider the more it is opened.
type tap struct {
	camera
	size atomic.Int64 // of a packet's payload, in bytes
}

// pour sends 50 packets a second until stop is called, a key frame whenever the server asks.
func (c *tap) pour(t *testing.T) (stop func()) {
	return keep(func() {
		asked := c.KeyFrameRequests()
		payload := make([]byte, c.size.Load())
		payload[0], payload[1] = 0x10, 1
		if asked > c.asked {
			payload[1] = 0
		}
		c.asked = asked
		if err := c.Write(&rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: c.seq, Timestamp: c.ts, Marker: true}, Payload: payload}); err != nil {
			t.Error(err)
		}
		c.seq++
		c.ts += 1800
		time.Sleep(20 * time.Millisecond)
	})
}

// TestAnOverloadedUplinkLosesVideoAndNotSound drives a real node into its states: the cameras of four people grow until
// the uplink is short, and further, and then shrink.
func TestAnOverloadedUplinkLosesVideoAndNotSound(t *testing.T) {
	if testing.Short() {
		t.Skip("hysteresis takes its time: 10 s for each step back")
	}
	t.Parallel()
	const uplink = 1_500_000
	config := sfu.DefaultConfig()
	config.Load = load.Config{Uplink: uplink}
	s := openStageOn(t, config, sfu.RoomConfig{})
	people := []*actor{s.join("a"), s.join("b"), s.join("c"), s.join("d")}
	var taps []*tap
	for _, p := range people {
		c := &tap{camera: *p.openCamera(1, 1)}
		c.size.Store(200)
		taps = append(taps, c)
		defer c.pour(t)()
	}
	defer people[0].openMic("a").keepSaying(t)()
	reader := people[3]
	mic := reader.awaitSlot(people[0], signal.Mic)
	eventually(t, "all cameras are seen", func() bool { return reader.cameras() == 3 })
	// until opens or closes the taps by a twentieth a second until the node is in a state.
	until := func(state load.State, growth float64) {
		t.Helper()
		last := time.Now()
		eventually(t, "the load becomes "+state.String(), func() bool {
			if now := time.Now(); now.Sub(last) > time.Second {
				last = now
				for _, c := range taps {
					c.size.Store(int64(min(1150, max(20, float64(c.size.Load())*growth))))
				}
			}
			return s.node.Load().State == state
		})
	}
	for _, c := range taps {
		c.size.Store(220) // 12 streams of 50 packets of 276 bytes are 1.3 Mb/s
	}
	until(load.Thumbnails, 1.05)
	eventually(t, "one camera is left to each", func() bool { return reader.cameras() == 1 })
	for _, c := range taps {
		c.size.Store(900) // 4 streams are 1.5 Mb/s now
	}
	until(load.Audio, 1.03)
	eventually(t, "no camera is left", func() bool { return reader.cameras() == 0 })
	if why := s.node.Load().Cause; why.Kind != load.CauseUplink || why.Value < 0.9 {
		t.Errorf("because of %v", why)
	}
	seen := len(reader.Packets(mic))
	eventually(t, "sound flows on", func() bool { return len(reader.Packets(mic)) > seen+50 })
	for _, c := range taps {
		c.size.Store(50)
	}
	until(load.Normal, 1)
	eventually(t, "all cameras are back", func() bool { return reader.cameras() == 3 })
	heard := numbers(reader.Packets(mic))
	eventually(t, "no sound was lost", func() bool { return repaired(numbers(reader.Packets(mic)), len(heard)-10) })
	if told := reader.loads(); len(told) < 4 || told[0] != signal.LoadThumbnails || told[len(told)-1] != signal.LoadNormal {
		t.Errorf("people were told %v", told)
	}
}

func TestFiveTimesTheUplinkLeavesSoundOnlyWithinSeconds(t *testing.T) {
	t.Parallel()
	config := sfu.DefaultConfig()
	config.Load = load.Config{Uplink: 90_000}
	s := openStageOn(t, config, sfu.RoomConfig{})
	reader, talker := s.join("Reader"), s.join("Talker")
	c := &tap{camera: *talker.openCamera(1, 1)}
	c.size.Store(1100) // 0.46 Mb/s
	defer c.pour(t)()
	defer talker.openMic("talker").keepSaying(t)()
	mic := reader.awaitSlot(talker, signal.Mic)
	reader.awaitSlot(talker, signal.Camera)
	eventually(t, "cameras pause", func() bool { return s.node.Load().State == load.Audio && reader.cameras() == 0 })
	seen := len(reader.Packets(mic))
	eventually(t, "sound flows on", func() bool { return len(reader.Packets(mic)) > seen+20 })
	continuous(t, reader.Packets(mic))
	if told := reader.loads(); len(told) == 0 || told[len(told)-1] != signal.LoadAudio {
		t.Errorf("people were told %v", told)
	}
}
