package sfutest

import (
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"

	"souffleur/internal/signal"
)

// answerTimeout bounds the wait for the server's answer.
const answerTimeout = time.Minute

// Source is something a peer publishes. Packets given to it before the connection is up are lost.
type Source struct {
	name   string
	locals map[string]*webrtc.TrackLocalStaticRTP // by RID; "": the only one
	sender *webrtc.RTPSender
	mid    string
	asked  map[string]*atomic.Int32 // by RID
}

// Encoding says how a video is published.
type Encoding struct {
	RIDs []string // of its simulcast layers; none: one stream without a RID
	H264 bool     // instead of VP8
}

// Publish adds a source to the uplink, opening it if this is the first, and waits for the server's answer.
func (p *Peer) Publish(source string) (*Source, error) { return p.PublishAs(source, Encoding{}) }

// PublishAs is Publish for video that is encoded in a certain way.
func (p *Peer) PublishAs(source string, encoding Encoding) (*Source, error) {
	pc, err := p.uplink()
	if err != nil {
		return nil, err
	}
	s := &Source{name: source, locals: map[string]*webrtc.TrackLocalStaticRTP{}, asked: map[string]*atomic.Int32{}}
	rids := encoding.RIDs
	if len(rids) == 0 {
		rids = []string{""}
	}
	for _, rid := range rids {
		if err := s.addEncoding(pc, rid, encoding.H264); err != nil {
			return nil, fmt.Errorf("publish %s: %w", source, err)
		}
	}
	for rid := range s.locals {
		go s.readFeedback(rid)
	}
	p.mu.Lock()
	p.sources = append(p.sources, s)
	p.mu.Unlock()
	return s, p.Negotiate(nil)
}

func (s *Source) addEncoding(pc *webrtc.PeerConnection, rid string, isH264 bool) error {
	capability := vp8
	switch {
	case s.name == signal.Mic || s.name == signal.ScreenAudio:
		capability = webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2}
	case isH264:
		capability = h264
	}
	local, err := webrtc.NewTrackLocalStaticRTP(capability, s.name, "peer", webrtc.WithRTPStreamID(rid))
	if err != nil {
		return err
	}
	s.locals[rid], s.asked[rid] = local, &atomic.Int32{}
	if s.sender != nil {
		return s.sender.AddEncoding(local)
	}
	t, err := pc.AddTransceiverFromTrack(local, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
	if err == nil {
		s.sender = t.Sender()
	}
	return err
}

func (p *Peer) uplink() (*webrtc.PeerConnection, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.up != nil {
		return p.up, nil
	}
	pc, err := p.api.NewPeerConnection(p.connectionLocked())
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
				if s.mid == "" { // it never changes, and is read while packets are written
					s.mid = t.Mid()
				}
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

// TurnToH264 makes a source that was published in VP8 go on in H.264, on the same stream.
func (s *Source) TurnToH264() error {
	local, err := webrtc.NewTrackLocalStaticRTP(h264, s.name, "peer")
	if err != nil {
		return fmt.Errorf("turn %s to H.264: %w", s.name, err)
	}
	s.locals[""] = local
	return s.sender.ReplaceTrack(local)
}

// Write sends one packet. SSRC and payload type are filled in.
func (s *Source) Write(packet *rtp.Packet) error { return s.locals[""].WriteRTP(packet) }

// WriteLayer sends one packet of a simulcast layer, with the header extensions that say which.
func (s *Source) WriteLayer(rid string, packet *rtp.Packet) error {
	for _, e := range s.sender.GetParameters().HeaderExtensions {
		text := map[string]string{sdp.SDESMidURI: s.mid, sdp.SDESRTPStreamIDURI: rid}[e.URI]
		if text == "" {
			continue
		}
		if err := packet.SetExtension(uint8(e.ID), []byte(text)); err != nil {
			return fmt.Errorf("name layer %s: %w", rid, err)
		}
	}
	return s.locals[rid].WriteRTP(packet)
}

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

// WriteUplinkRTCP sends any RTCP to the server on the uplink.
func (p *Peer) WriteUplinkRTCP(packets ...rtcp.Packet) error {
	p.mu.Lock()
	pc := p.up
	p.mu.Unlock()
	if pc == nil {
		return errClosed
	}
	return pc.WriteRTCP(packets)
}

// KeyFrameRequests returns how often the server has asked for a key frame.
func (s *Source) KeyFrameRequests() int { return s.LayerRequests("") }

// LayerRequests is KeyFrameRequests of a simulcast layer.
func (s *Source) LayerRequests(rid string) int { return int(s.asked[rid].Load()) }

func (s *Source) readFeedback(rid string) {
	for {
		packets, err := s.readRTCP(rid)
		if err != nil {
			return
		}
		for _, packet := range packets {
			if _, ok := packet.(*rtcp.PictureLossIndication); ok {
				s.asked[rid].Add(1)
			}
		}
	}
}

func (s *Source) readRTCP(rid string) (packets []rtcp.Packet, err error) {
	if rid == "" {
		packets, _, err = s.sender.ReadRTCP()
		return packets, err
	}
	packets, _, err = s.sender.ReadSimulcastRTCP(rid)
	return packets, err
}

// Unpublish leaves a source out of the next Negotiate. Its packets are sent on, as by a client that forgot to stop.
func (p *Peer) Unpublish(source string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sources = slices.DeleteFunc(slices.Clone(p.sources), func(s *Source) bool { return s.name == source })
}

// View says which video the client shows.
func (p *Peer) View(tiles ...signal.Tile) error {
	return p.send(signal.ClientMessage{Type: signal.View, Tiles: tiles})
}
