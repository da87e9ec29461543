package sfu

import (
	"errors"
	"fmt"
	"strings"

	"github.com/pion/sdp/v3"
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

// opusPayloads returns the payload types that a section maps to Opus.
func opusPayloads(m *sdp.MediaDescription) []string {
	var types []string
	for _, a := range m.Attributes {
		if a.Key != "rtpmap" {
			continue
		}
		if payload, codec, ok := strings.Cut(a.Value, " "); ok && strings.HasPrefix(strings.ToLower(codec), "opus/48000") {
			types = append(types, payload)
		}
	}
	return types
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

// setOpusFormat replaces the Opus parameters of an answer by the server's wishes. pion repeats the client's own.
func setOpusFormat(answer string) (string, error) {
	var d sdp.SessionDescription
	if err := d.UnmarshalString(answer); err != nil {
		return "", fmt.Errorf("parse own answer: %w", err)
	}
	for _, m := range d.MediaDescriptions {
		for _, payload := range opusPayloads(m) {
			m.Attributes = append(dropFormat(m.Attributes, payload), sdp.Attribute{Key: "fmtp", Value: payload + " " + opusFormat})
		}
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
