package sfu

import (
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pion/sdp/v3"

	"souffleur/internal/meeting"
	"souffleur/internal/signal"
)

// browserFile reads a description as a browser sends it.
func browserFile(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(b), "\n", "\r\n")
}

func browserFiles(t *testing.T, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/sdp/" + pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("no files %s: %v", pattern, err)
	}
	return files
}

// said is a Signaller that hands on what the server says.
type said chan signal.ServerMessage

func (s said) Send(m signal.ServerMessage) error { s <- m; return nil }

func (s said) await(t *testing.T, kind string) signal.ServerMessage {
	t.Helper()
	for m := range s {
		if m.Type == kind {
			return m
		}
	}
	return signal.ServerMessage{}
}

// browserRoom returns a participant of a room of his own.
func browserRoom(t *testing.T) (*Participant, said) {
	t.Helper()
	config := DefaultConfig()
	config.UDPPort, config.Addresses = 0, []string{"127.0.0.1"}
	node, err := NewNode(config, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := node.Close(); err != nil {
			t.Error(err)
		}
	})
	client := make(said, 100)
	p, err := node.NewRoom(RoomConfig{Meeting: meeting.NewID()}).Join(meeting.Person{Participant: "p1", Name: "Ada"}, client)
	if err != nil {
		t.Fatal(err)
	}
	return p, client
}

// ours are the sections that the browsers' offers have, by MID.
var ours = []signal.Published{{MID: "0", Source: signal.Mic}, {MID: "1", Source: signal.Camera}, {MID: "2", Source: signal.Screen}, {MID: "3", Source: signal.ScreenAudio}}

func TestOffersOfBrowsersAreAnswered(t *testing.T) {
	for _, file := range browserFiles(t, "*-uplink*.sdp") {
		t.Run(filepath.Base(file), func(t *testing.T) {
			p, client := browserRoom(t)
			offer := browserFile(t, file)
			if err := p.Handle(signal.ClientMessage{Type: signal.Offer, SDP: offer, Tracks: ours}); err != nil {
				t.Fatal(err)
			}
			answer := client.await(t, signal.Answer).SDP
			var d, o sdp.SessionDescription
			if err := d.UnmarshalString(answer); err != nil {
				t.Fatal(err)
			}
			if err := o.UnmarshalString(offer); err != nil {
				t.Fatal(err)
			}
			if len(d.MediaDescriptions) != 4 {
				t.Fatalf("the answer has %d sections:\n%s", len(d.MediaDescriptions), answer)
			}
			for i, m := range d.MediaDescriptions {
				checkUplinkAnswer(t, i, m, o.MediaDescriptions[i])
			}
			if t.Failed() {
				t.Log(answer)
			}
		})
	}
}

// checkUplinkAnswer checks one section of an answer to the offer of a browser.
func checkUplinkAnswer(t *testing.T, i int, m, offered *sdp.MediaDescription) {
	t.Helper()
	if m.MediaName.Port.Value == 0 {
		t.Errorf("section %d is refused", i)
	}
	if _, ok := m.Attribute("recvonly"); !ok {
		t.Errorf("section %d is not received", i)
	}
	first := m.MediaName.Formats[0]
	if ours[i].Source == signal.Mic || ours[i].Source == signal.ScreenAudio {
		if !slices.Equal(m.MediaName.Formats, opusPayloads(m)) || !slices.Equal(m.MediaName.Formats, opusPayloads(offered)) {
			t.Errorf("section %d answers formats %v", i, m.MediaName.Formats)
		}
		if !hasAttribute(m, sdp.Attribute{Key: "rtcp-fb", Value: first + " nack"}) || !hasAttribute(m, sdp.Attribute{Key: "fmtp", Value: first + " " + opusFormat}) {
			t.Errorf("section %d does not ask for repairs, DTX and error correction", i)
		}
		return
	}
	if vp8 := payloads(offered, "vp8/90000"); !slices.Equal(payloads(m, "vp8/90000"), vp8) || first != vp8[0] {
		t.Errorf("section %d does not prefer VP8 of %v: %v", i, vp8, m.MediaName.Formats)
	}
	h264 := payloads(m, "h264/90000")
	if len(m.MediaName.Formats) != 2 || len(h264) != 1 {
		t.Fatalf("section %d answers formats %v", i, m.MediaName.Formats)
	}
	if format := formatOf(m, h264[0]); !strings.Contains(format, "42e01f") || !strings.Contains(format, "packetization-mode=1") {
		t.Errorf("section %d takes H.264 as %s", i, format)
	}
	for _, feedback := range []string{" nack", " nack pli", " ccm fir", " transport-cc"} {
		if !hasAttribute(m, sdp.Attribute{Key: "rtcp-fb", Value: first + feedback}) {
			t.Errorf("section %d lacks feedback %q", i, feedback)
		}
	}
	rids, err := offeredRIDs(offered)
	if err != nil {
		t.Fatal(err)
	}
	for _, rid := range rids {
		if !hasAttribute(m, sdp.Attribute{Key: "rid", Value: rid + " recv"}) {
			t.Errorf("section %d does not take layer %s", i, rid)
		}
	}
	if len(rids) == 0 {
		return
	}
	if s, _ := m.Attribute("simulcast"); !strings.HasPrefix(s, "recv ") || len(s) != len("recv q;h;f") {
		t.Errorf("section %d takes simulcast %q", i, s)
	}
	for _, uri := range []string{sdp.SDESMidURI, sdp.SDESRTPStreamIDURI} {
		if !slices.ContainsFunc(m.Attributes, func(a sdp.Attribute) bool { return a.Key == "extmap" && strings.HasSuffix(a.Value, uri) }) {
			t.Errorf("section %d lacks %s", i, uri)
		}
	}
}

func formatOf(m *sdp.MediaDescription, payload string) string {
	for _, a := range m.Attributes {
		if format, ok := strings.CutPrefix(a.Value, payload+" "); ok && a.Key == "fmtp" {
			return format
		}
	}
	return ""
}

func TestAnswersOfBrowsersAreTaken(t *testing.T) {
	for _, file := range browserFiles(t, "*-downlink*.sdp") {
		t.Run(filepath.Base(file), func(t *testing.T) {
			p, client := browserRoom(t)
			offer := client.await(t, signal.Offer).SDP
			if strings.Contains(offer, "transport-cc") || strings.Count(offer, " goog-remb") != 2*(CameraSlots+ScreenSlots) {
				t.Error("the offer does not ask for the receiver's estimate alone")
			}
			if err := p.Handle(signal.ClientMessage{Type: signal.Answer, SDP: browserFile(t, file)}); err != nil {
				t.Fatal(err)
			}
			var slots []*slot
			p.m.do(func() { slots = p.m.down.slots })
			for _, s := range slots {
				switch {
				case s.audio && !s.takes(codecOpus), !s.audio && !s.takes(codecVP8):
					t.Errorf("slot %s takes nothing", s.name)
				case !s.audio && s.takes(codecH264) == strings.Contains(file, "only-vp8"):
					t.Errorf("slot %s takes H.264: %v", s.name, s.takes(codecH264))
				}
				if s.wire.Load() == nil {
					t.Errorf("slot %s has nothing to send on", s.name)
				}
			}
		})
	}
}

func TestUnknownLayersAreRefused(t *testing.T) {
	offer := browserFile(t, "testdata/sdp/chromium-156-uplink.sdp")
	for what, change := range map[string][2]string{
		"a layer of another name":  {"a=rid:h send", "a=rid:hd send"},
		"a layer twice":            {"a=rid:h send", "a=rid:q send"},
		"a layer without a name":   {"a=rid:h send", "a=rid: send"},
		"a fourth layer":           {"a=rid:f send", "a=rid:f send\r\na=rid:x send"},
		"layers of the microphone": {"a=mid:0\r\n", "a=mid:0\r\na=rid:q send\r\na=simulcast:send q\r\n"},
		"layers of the screen":     {"a=mid:2\r\n", "a=mid:2\r\na=rid:q send\r\na=simulcast:send q\r\n"},
	} {
		p, _ := browserRoom(t)
		changed := strings.Replace(offer, change[0], change[1], 1)
		if changed == offer {
			t.Fatalf("%s: nothing was changed", what)
		}
		if err := p.Handle(signal.ClientMessage{Type: signal.Offer, SDP: changed, Tracks: ours}); err == nil {
			t.Errorf("%s was accepted", what)
		}
	}
}
