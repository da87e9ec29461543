package sfu

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pion/sdp/v3"

	"souffleur/internal/signal"
)

// maxSections is the most m-lines an uplink may have: four sources, and room for a browser that does not reuse them.
const maxSections = 16

// readOffer parses a client's uplink offer and checks what pion would take without complaint but should not.
func readOffer(text string) (*sdp.SessionDescription, error) {
	var d sdp.SessionDescription
	if err := d.UnmarshalString(text); err != nil {
		return nil, fmt.Errorf("parse offer: %w", err)
	}
	if n := len(d.MediaDescriptions); n == 0 || n > maxSections {
		return nil, fmt.Errorf("offer has %d media sections, not 1 to %d", n, maxSections)
	}
	mids := make(map[string]bool)
	for _, m := range d.MediaDescriptions {
		if k := m.MediaName.Media; k != "audio" && k != "video" {
			return nil, errors.New("uplink offer with a section that is neither audio nor video")
		}
		mid, _ := m.Attribute("mid")
		if mid == "" || len(mid) > 32 || mids[mid] {
			return nil, errors.New("media section without an own mid")
		}
		mids[mid] = true
	}
	return &d, nil
}

// checkAnswer checks that a client answers all sections of an offer. pion would take fewer and leave slots half made.
func checkAnswer(text string, sections int) error {
	var d sdp.SessionDescription
	if err := d.UnmarshalString(text); err != nil {
		return fmt.Errorf("parse answer: %w", err)
	}
	if n := len(d.MediaDescriptions); n != sections {
		return fmt.Errorf("answer has %d media sections, the offer %d", n, sections)
	}
	return nil
}

func hasMID(d *sdp.SessionDescription, mid string) bool {
	for _, m := range d.MediaDescriptions {
		if got, _ := m.Attribute("mid"); got == mid {
			return true
		}
	}
	return false
}

func opusPayloads(m *sdp.MediaDescription) []string { return payloads(m, "opus/48000") }

// payloads returns the payload types that a section maps to a codec, whose name is in small letters.
func payloads(m *sdp.MediaDescription, codec string) []string {
	var types []string
	for _, a := range m.Attributes {
		if a.Key != "rtpmap" {
			continue
		}
		if payload, name, ok := strings.Cut(a.Value, " "); ok && strings.HasPrefix(strings.ToLower(name), codec) {
			types = append(types, payload)
		}
	}
	return types
}

// preferVP8 puts VP8 first: everybody can show it, so no reader is left without a picture.
func preferVP8(m *sdp.MediaDescription) {
	preferred := payloads(m, "vp8/90000")
	var first, others []string
	for _, f := range m.MediaName.Formats {
		if slices.Contains(preferred, f) {
			first = append(first, f)
		} else {
			others = append(others, f)
		}
	}
	m.MediaName.Formats = append(first, others...)
}

// askAudioRepair adds "rtcp-fb: nack" to every Opus of the offer, as if the browser had offered it. No browser does, but
// all keep packets to repair once it stands in the answer; without it a lost word stays lost to the captions.
func askAudioRepair(d *sdp.SessionDescription) {
	for _, m := range d.MediaDescriptions {
		if m.MediaName.Media != "audio" {
			continue
		}
		for _, payload := range opusPayloads(m) {
			line := sdp.Attribute{Key: "rtcp-fb", Value: payload + " nack"}
			if !hasAttribute(m, line) {
				m.Attributes = append(m.Attributes, line)
			}
		}
	}
}

func hasAttribute(m *sdp.MediaDescription, want sdp.Attribute) bool {
	for _, a := range m.Attributes {
		if a == want {
			return true
		}
	}
	return false
}

// simulcastRIDs are the names that layers may have, lowest first.
var simulcastRIDs = []string{"q", "h", "f"}

// readSimulcast returns the layers of each section that has several, lowest first whatever the offer's order. Only
// cameras may have them.
func readSimulcast(d *sdp.SessionDescription, sources map[string]string) (map[string][]string, error) {
	rids := make(map[string][]string)
	for _, m := range d.MediaDescriptions {
		offered, err := offeredRIDs(m)
		if err != nil {
			return nil, err
		}
		if len(offered) == 0 {
			continue
		}
		mid, _ := m.Attribute("mid")
		if source := sources[mid]; source != "" && source != signal.Camera {
			return nil, fmt.Errorf("source %s has simulcast layers", source)
		}
		rids[mid] = offered
	}
	return rids, nil
}

// offeredRIDs returns the layers that a section says it sends (RFC 8853), lowest first.
func offeredRIDs(m *sdp.MediaDescription) ([]string, error) {
	var rids []string
	for _, a := range m.Attributes {
		if a.Key != "rid" {
			continue
		}
		rid, direction, _ := strings.Cut(a.Value, " ")
		if direction, _, _ = strings.Cut(direction, " "); direction == "recv" {
			continue
		}
		if !slices.Contains(simulcastRIDs, rid) || slices.Contains(rids, rid) {
			return nil, errors.New("simulcast layer of an unknown name, or twice")
		}
		rids = append(rids, rid)
	}
	slices.SortFunc(rids, func(a, b string) int { return slices.Index(simulcastRIDs, a) - slices.Index(simulcastRIDs, b) })
	return rids, nil
}

// nameSimulcast gives sections with layers a full msid, without which pion knows nothing of their layers. A browser that
// sends no stream with the track writes only half of it, or none.
func nameSimulcast(d *sdp.SessionDescription) {
	for _, m := range d.MediaDescriptions {
		m.Attributes = slices.DeleteFunc(m.Attributes, func(a sdp.Attribute) bool {
			return a.Key == "rid" && strings.HasSuffix(a.Value, " recv") // of the last answer, which pion's clients repeat
		})
		if _, has := m.Attribute("rid"); !has {
			continue
		}
		if id, _ := m.Attribute("msid"); strings.Count(id, " ") == 1 {
			continue
		}
		mid, _ := m.Attribute("mid")
		m.Attributes = slices.DeleteFunc(m.Attributes, func(a sdp.Attribute) bool { return a.Key == "msid" })
		m.Attributes = append(m.Attributes, sdp.Attribute{Key: "msid", Value: "- " + mid})
	}
}

// finishAnswer makes an answer what the server wants: pion repeats the client's own parameters of Opus and order of
// codecs, and clients send the first one.
func finishAnswer(answer string) (string, error) {
	var d sdp.SessionDescription
	if err := d.UnmarshalString(answer); err != nil {
		return "", fmt.Errorf("parse own answer: %w", err)
	}
	for _, m := range d.MediaDescriptions {
		for _, payload := range opusPayloads(m) {
			m.Attributes = append(dropFormat(m.Attributes, payload), sdp.Attribute{Key: "fmtp", Value: payload + " " + opusFormat})
		}
		preferVP8(m)
	}
	text, err := d.Marshal()
	if err != nil {
		return "", fmt.Errorf("write own answer: %w", err)
	}
	return string(text), nil
}

func dropFormat(attributes []sdp.Attribute, payload string) []sdp.Attribute {
	var kept []sdp.Attribute
	for _, a := range attributes {
		if a.Key != "fmtp" || !strings.HasPrefix(a.Value, payload+" ") {
			kept = append(kept, a)
		}
	}
	return kept
}
