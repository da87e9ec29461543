package client

import (
	"context"
	"fmt"
	"io"

	"github.com/pion/webrtc/v4"

	"souffleur/internal/signal"
)

// publish makes the uplink with one microphone and offers it.
func (n *connection) publish(ctx context.Context) error {
	pc, err := newPeerConnection()
	if err != nil {
		return err
	}
	n.mu.Lock()
	n.pcs.up = pc
	n.mu.Unlock()
	n.trickle(signal.Up, pc)
	n.watchUplink(pc)
	sender, err := pc.AddTrack(n.c.track)
	if err != nil {
		return fmt.Errorf("add microphone: %w", err)
	}
	n.wg.Add(1)
	go func() { defer n.wg.Done(); drain(sender.Read) }() // RTCP must be read for NACK to work
	offer, err := pc.CreateOffer(nil)
	if err != nil {
		return fmt.Errorf("make uplink offer: %w", err)
	}
	if err := pc.SetLocalDescription(offer); err != nil {
		return fmt.Errorf("apply uplink offer: %w", err)
	}
	mid := pc.GetTransceivers()[0].Mid()
	return n.write(ctx, signal.ClientMessage{
		Type: signal.Offer, SDP: offer.SDP, Tracks: []signal.Published{{MID: mid, Source: signal.Mic}},
	})
}

func (n *connection) watchUplink(pc *webrtc.PeerConnection) {
	connected := false
	pc.OnConnectionStateChange(func(s webrtc.PeerConnectionState) {
		if s == webrtc.PeerConnectionStateConnected && !connected {
			connected = true
			close(n.up)
		}
	})
}

// answer accepts the server's downlink offer: all media slots and the two caption channels at once.
func (n *connection) answer(sdp string) error {
	n.mu.Lock()
	pc := n.pcs.down
	n.mu.Unlock()
	if pc == nil {
		var err error
		if pc, err = n.newDownlink(); err != nil {
			return err
		}
	}
	if err := n.describe(signal.Down, webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: sdp}); err != nil {
		return err
	}
	answer, err := pc.CreateAnswer(nil)
	if err != nil {
		return fmt.Errorf("make downlink answer: %w", err)
	}
	if err := pc.SetLocalDescription(answer); err != nil {
		return fmt.Errorf("apply downlink answer: %w", err)
	}
	n.send(signal.ClientMessage{Type: signal.Answer, SDP: answer.SDP})
	return nil
}

func (n *connection) newDownlink() (*webrtc.PeerConnection, error) {
	pc, err := newPeerConnection()
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	n.pcs.down = pc
	n.mu.Unlock()
	n.trickle(signal.Down, pc)
	pc.OnTrack(func(t *webrtc.TrackRemote, _ *webrtc.RTPReceiver) { n.receiveMedia(t) })
	if err := n.openChannel(pc, signal.CaptionsChannel, signal.CaptionsChannelID, true); err != nil {
		return nil, err
	}
	return pc, n.openChannel(pc, signal.PartialsChannel, signal.PartialsChannelID, false)
}

func (n *connection) openChannel(pc *webrtc.PeerConnection, label string, id uint16, reliable bool) error {
	yes := true
	init := &webrtc.DataChannelInit{Negotiated: &yes, ID: &id, Ordered: &reliable}
	if !reliable {
		none := uint16(0)
		init.MaxRetransmits = &none
	}
	dc, err := pc.CreateDataChannel(label, init)
	if err != nil {
		return fmt.Errorf("open %s channel: %w", label, err)
	}
	dc.OnMessage(func(m webrtc.DataChannelMessage) { n.c.deliver(m.Data) })
	return nil
}

// describe applies a remote description and the candidates that came before it.
func (n *connection) describe(which string, d webrtc.SessionDescription) error {
	pc := n.peerConnection(which)
	if pc == nil {
		return fmt.Errorf("description for a peer connection that does not exist: %s", which)
	}
	if err := pc.SetRemoteDescription(d); err != nil {
		return fmt.Errorf("apply %s description: %w", which, err)
	}
	n.mu.Lock()
	waiting := n.candidates[which]
	delete(n.candidates, which)
	n.described[which] = true
	n.mu.Unlock()
	for _, c := range waiting {
		if err := pc.AddICECandidate(c); err != nil {
			return fmt.Errorf("add candidate: %w", err)
		}
	}
	return nil
}

func (n *connection) candidate(m signal.ServerMessage) error {
	if m.Candidate == nil {
		return nil
	}
	c := webrtc.ICECandidateInit{
		Candidate: m.Candidate.Candidate, SDPMid: m.Candidate.SDPMid, SDPMLineIndex: m.Candidate.SDPMLineIndex,
		UsernameFragment: m.Candidate.UsernameFragment,
	}
	n.mu.Lock()
	ready := n.described[m.PC]
	if !ready {
		n.candidates[m.PC] = append(n.candidates[m.PC], c)
	}
	n.mu.Unlock()
	if !ready {
		return nil
	}
	if err := n.peerConnection(m.PC).AddICECandidate(c); err != nil {
		return fmt.Errorf("add candidate: %w", err)
	}
	return nil
}

func (n *connection) peerConnection(which string) *webrtc.PeerConnection {
	n.mu.Lock()
	defer n.mu.Unlock()
	if which == signal.Up {
		return n.pcs.up
	}
	return n.pcs.down
}

func (n *connection) trickle(which string, pc *webrtc.PeerConnection) {
	pc.OnICECandidate(func(c *webrtc.ICECandidate) {
		if c == nil {
			return
		}
		i := c.ToJSON()
		n.send(signal.ClientMessage{Type: signal.Candidate, PC: which, Candidate: &signal.ICECandidate{
			Candidate: i.Candidate, SDPMid: i.SDPMid, SDPMLineIndex: i.SDPMLineIndex, UsernameFragment: i.UsernameFragment,
		}})
	})
}

// newPeerConnection returns one that also gathers loopback candidates, so that a machine without a network will do.
func newPeerConnection() (*webrtc.PeerConnection, error) {
	var s webrtc.SettingEngine
	s.SetIncludeLoopbackCandidate(true)
	m := &webrtc.MediaEngine{}
	if err := m.RegisterDefaultCodecs(); err != nil {
		return nil, fmt.Errorf("register codecs: %w", err)
	}
	pc, err := webrtc.NewAPI(webrtc.WithSettingEngine(s), webrtc.WithMediaEngine(m)).NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		return nil, fmt.Errorf("make peer connection: %w", err)
	}
	return pc, nil
}

// receiveMedia hands on what a slot brings, until the stream ends. Nothing is played.
func (n *connection) receiveMedia(t *webrtc.TrackRemote) {
	hand := n.c.cfg.Media
	if hand == nil {
		drain(t.Read)
		return
	}
	for {
		p, _, err := t.ReadRTP()
		if err != nil {
			return
		}
		hand(t.Kind(), p)
	}
}

// drain reads and forgets until the stream ends.
func drain[A any](read func([]byte) (int, A, error)) {
	buf := make([]byte, 1500)
	for {
		if _, _, err := read(buf); err != nil {
			if err == io.ErrShortBuffer {
				continue
			}
			return
		}
	}
}
