package sfutest

import (
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"souffleur/internal/signal"
)

// answerTimeout bounds the wait for the server's answer.
const answerTimeout = time.Minute

// Source is something a peer publishes. Packets given to it before the connection is up are lost.
type Source struct {
	name   string
	local  *webrtc.TrackLocalStaticRTP
	sender *webrtc.RTPSender
	mid    string
	asked  atomic.Int32
}

// Publish adds a source to the uplink, opening it if this is the first, and waits for the server's answer.
func (p *Peer) Publish(source string) (*Source, error) {
	pc, err := p.uplink()
	if err != nil {
		return nil, err
	}
	capability := webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8, ClockRate: 90000}
	if source == signal.Mic || source == signal.ScreenAudio {
		capability = webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2}
	}
	local, err := webrtc.NewTrackLocalStaticRTP(capability, source, "peer")
	if err != nil {
		return nil, fmt.Errorf("publish %s: %w", source, err)
	}
	t, err := pc.AddTransceiverFromTrack(local, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
	if err != nil {
		return nil, fmt.Errorf("publish %s: %w", source, err)
	}
	s := &Source{name: source, local: local, sender: t.Sender()}
	go s.readFeedback()
	p.mu.Lock()
	p.sources = append(p.sources, s)
	p.mu.Unlock()
	return s, p.Negotiate(nil)
}

func (p *Peer) uplink() (*webrtc.PeerConnection, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.up != nil {
		return p.up, nil
	}
	pc, err := p.api.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		return nil, fmt.Errorf("open uplink: %w", err)
	}
	p.up = pc
	return pc, nil
}

// Negotiate offers the uplink and waits for the answer. With ICERestart in options it makes a new connection of it.
func (p *Peer) Negotiate(options *webrtc.OfferOptions) error {
	p.mu.Lock()
	pc, sources := p.up, p.sources
	p.answered = make(chan struct{})
	answered := p.answered
	p.mu.Unlock()
	offer, err := pc.CreateOffer(options)
	if err != nil {
		return fmt.Errorf("offer uplink: %w", err)
	}
	if err := pc.SetLocalDescription(offer); err != nil {
		return fmt.Errorf("use uplink offer: %w", err)
	}
	if err := p.send(signal.ClientMessage{Type: signal.Offer, SDP: offer.SDP, Tracks: published(pc, sources)}); err != nil {
		return fmt.Errorf("offer uplink: %w", err)
	}
	select {
	case <-answered:
		return nil
	case <-time.After(answerTimeout):
		return errors.New("the uplink offer was not answered")
	}
}

func published(pc *webrtc.PeerConnection, sources []*Source) []signal.Published {
	var list []signal.Published
	for _, s := range sources {
		for _, t := range pc.GetTransceivers() {
			if t.Sender() == s.sender {
				s.mid = t.Mid()
				list = append(list, signal.Published{MID: s.mid, Source: s.name})
			}
		}
	}
	return list
}

func (p *Peer) takeAnswer(answer string) error {
	p.mu.Lock()
	pc, answered := p.up, p.answered
	p.mu.Unlock()
	if pc == nil {
		return errors.New("answer without an uplink")
	}
	defer close(answered)
	if err := pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}); err != nil {
		return fmt.Errorf("take uplink answer: %w", err)
	}
	return nil
}

// Write sends one packet. SSRC and payload type are filled in.
func (s *Source) Write(packet *rtp.Packet) error { return s.local.WriteRTP(packet) }

// WriteAudio sends one Opus packet with its level in minus dBov, 127 for silence.
func (s *Source) WriteAudio(seq uint16, ts uint32, level uint8, payload []byte) error {
	packet := &rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: seq, Timestamp: ts}, Payload: payload}
	for _, e := range s.sender.GetParameters().HeaderExtensions {
		if e.URI == uriLevel {
			if err := packet.SetExtension(uint8(e.ID), []byte{level & 0x7F}); err != nil {
				return fmt.Errorf("write audio level: %w", err)
			}
		}
	}
	return s.Write(packet)
}

// KeyFrameRequests returns how often the server has asked for a key frame.
func (s *Source) KeyFrameRequests() int { return int(s.asked.Load()) }

func (s *Source) readFeedback() {
	for {
		packets, _, err := s.sender.ReadRTCP()
		if err != nil {
			return
		}
		for _, packet := range packets {
			if _, ok := packet.(*rtcp.PictureLossIndication); ok {
				s.asked.Add(1)
			}
		}
	}
}

// Unpublish leaves a source out of the next Negotiate. Its packets are sent on, as by a client that forgot to stop.
func (p *Peer) Unpublish(source string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sources = slices.DeleteFunc(slices.Clone(p.sources), func(s *Source) bool { return s.name == source })
}
