package sfu

import (
	"log/slog"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"

	"souffleur/internal/meeting"
	"souffleur/internal/signal"
	"souffleur/sfu/ring"
)

// stranger returns a member of a room that is not run: what it does happens on the caller's goroutine.
func stranger(f *testing.F) *member {
	f.Helper()
	config := DefaultConfig()
	config.UDPPort, config.Addresses = 0, []string{"127.0.0.1"}
	node, err := NewNode(config, slog.New(slog.DiscardHandler))
	if err != nil {
		f.Fatal(err)
	}
	room := node.NewRoom(RoomConfig{Meeting: meeting.NewID()})
	f.Cleanup(func() {
		if err := node.Close(); err != nil {
			f.Error(err)
		}
	})
	return newMember(room, meeting.NewParticipantID())
}

// FuzzUplink gives any offer to a real connection: it must be refused or answered, and a good one must still be answered
// by the next connection.
func FuzzUplink(f *testing.F) {
	good := offerOf(f, webrtc.RTPCodecTypeAudio, webrtc.RTPCodecTypeVideo)
	f.Add(good, "0", "mic", "1", "camera")
	f.Add(browserOffer, "0", "mic", "1", "screen")
	f.Add(good, "0", "camera", "0", "mic")
	f.Add("v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=audio 9 RTP 1\r\na=mid:0\r\n", "0", "mic", "", "")
	m := stranger(f)
	f.Fuzz(func(t *testing.T, text, mid1, source1, mid2, source2 string) {
		u, err := m.openUplink()
		if err != nil {
			t.Fatal(err)
		}
		defer m.room.background.Wait()
		defer u.close()
		published := []signal.Published{{MID: mid1, Source: source1}, {MID: mid2, Source: source2}}
		for range 2 { // the second offer of a connection goes another way through pion
			answer, err := u.accept(text, published)
			if err == nil && answer == "" {
				t.Error("accepted without an answer")
			}
		}
	})
}

// offerOf returns the offer of a client that sends the given kinds.
func offerOf(f *testing.F, kinds ...webrtc.RTPCodecType) string {
	f.Helper()
	pc, err := webrtc.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		f.Fatal(err)
	}
	defer pc.GracefulClose()
	for _, kind := range kinds {
		init := webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly}
		if _, err := pc.AddTransceiverFromKind(kind, init); err != nil {
			f.Fatal(err)
		}
	}
	offer, err := pc.CreateOffer(nil)
	if err != nil {
		f.Fatal(err)
	}
	return offer.SDP
}

// FuzzDownlink gives any answer to a real connection.
func FuzzDownlink(f *testing.F) {
	m := stranger(f)
	open := func() *downlink {
		d, err := m.openDownlink()
		if err != nil {
			f.Fatal(err)
		}
		return d
	}
	d := open()
	offer, err := d.offer(nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(answerTo(f, offer))
	f.Add(offer)
	f.Add("v=0")
	d.close()
	f.Fuzz(func(t *testing.T, text string) {
		d := open()
		defer m.room.background.Wait()
		defer d.close()
		if _, err := d.offer(nil); err != nil {
			t.Fatal(err)
		}
		if d.accept(text) != nil {
			return
		}
		if err := d.accept(text); err == nil {
			t.Error("one offer was answered twice")
		}
	})
}

func answerTo(f *testing.F, offer string) string {
	f.Helper()
	pc, err := webrtc.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		f.Fatal(err)
	}
	defer pc.GracefulClose()
	if err := pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: offer}); err != nil {
		f.Fatal(err)
	}
	answer, err := pc.CreateAnswer(nil)
	if err != nil {
		f.Fatal(err)
	}
	return answer.SDP
}

// FuzzFeedback gives any RTCP of a reader to a slot that has sent something: it repeats no more than it may, and the slot
// goes on.
func FuzzFeedback(f *testing.F) {
	for _, p := range []rtcp.Packet{
		&rtcp.TransportLayerNack{MediaSSRC: 77, Nacks: []rtcp.NackPair{{PacketID: 3, LostPackets: 0xFFFF}, {PacketID: 65530, LostPackets: 1}}},
		&rtcp.PictureLossIndication{MediaSSRC: 77},
		&rtcp.FullIntraRequest{MediaSSRC: 77, FIR: []rtcp.FIREntry{{SSRC: 77}}},
		&rtcp.ReceiverReport{Reports: []rtcp.ReceptionReport{{SSRC: 77, FractionLost: 128}}},
		&rtcp.ReceiverEstimatedMaximumBitrate{Bitrate: 1e6, SSRCs: []uint32{77}},
	} {
		raw, err := p.Marshal()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
		f.Add(append(raw, raw...))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		out, cam := &outlet{}, activeTrack(signal.Camera)
		s := boundSlot(cam, out)
		cam.layers[0].slots.Store(&[]*slot{s})
		write := func(seq uint16) { cam.layers[0].accept(frame(seq, seq == 0, 100), 0, time.Now(), &writer{}) }
		for seq := range uint16(20) {
			write(seq)
		}
		before := out.sent
		packets, err := rtcp.Unmarshal(raw)
		if err != nil {
			return
		}
		now := time.Now()
		const left = 7
		for range maxRepairs - left {
			s.repairs.take(now)
		}
		for _, p := range packets {
			s.answer(p, s.wire.Load(), now, make([]byte, 2000), &writer{})
		}
		if repeats := out.sent - before; repeats > left {
			t.Errorf("%d repeats, allowed %d", repeats, left)
		}
		sent := out.sent
		if write(20); out.sent != sent+1 {
			t.Error("the slot stopped sending")
		}
	})
}

// FuzzReports gives any RTCP of a publisher to an intake.
func FuzzReports(f *testing.F) {
	sr := &rtcp.SenderReport{SSRC: 1, NTPTime: toNTP(time.Unix(1e9, 0)), RTPTime: 960}
	raw, err := sr.Marshal()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Add(append(raw, raw...))
	f.Fuzz(func(t *testing.T, raw []byte) {
		packets, err := rtcp.Unmarshal(raw)
		if err != nil {
			return
		}
		mic := activeTrack(signal.Mic)
		mic.layers[0].begin(1, time.Now())
		in := &intake{ssrc: 1, clock: &senderClock{}}
		in.target.Store(mic.layers[0])
		s := boundSlot(mic, &outlet{})
		mic.layers[0].slots.Store(&[]*slot{s})
		mic.layers[0].accept(&ring.Packet{Payload: []byte("opus")}, 20, time.Now(), &writer{})
		for _, p := range packets {
			in.note(p, time.Now())
			s.senderReport(time.Now())
		}
	})
}
