package sfutest

import (
	"fmt"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"souffleur/internal/signal"
)

// answer takes the server's offer of the downlink: the first one opens the connection, a later one restarts ICE. After
// the server has replaced the connection (Resume), call Reset first.
func (p *Peer) answer(offer string) error {
	pc, err := p.downlink()
	if err != nil {
		return err
	}
	if err := pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: offer}); err != nil {
		return fmt.Errorf("take downlink offer: %w", err)
	}
	answer, err := pc.CreateAnswer(nil)
	if err != nil {
		return fmt.Errorf("answer downlink offer: %w", err)
	}
	if err := pc.SetLocalDescription(answer); err != nil {
		return fmt.Errorf("use downlink answer: %w", err)
	}
	return p.send(signal.ClientMessage{Type: signal.Answer, SDP: answer.SDP})
}

func (p *Peer) downlink() (*webrtc.PeerConnection, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.down != nil {
		return p.down, nil
	}
	pc, err := p.api.NewPeerConnection(p.connectionLocked())
	if err != nil {
		return nil, fmt.Errorf("open downlink: %w", err)
	}
	for label, id := range map[string]uint16{signal.CaptionsChannel: signal.CaptionsChannelID, signal.PartialsChannel: signal.PartialsChannelID} {
		negotiated := true
		c, err := pc.CreateDataChannel(label, &webrtc.DataChannelInit{Negotiated: &negotiated, ID: &id})
		if err != nil {
			return nil, fmt.Errorf("open data channel %s: %w", label, err)
		}
		p.channels[label] = c
		c.OnMessage(func(m webrtc.DataChannelMessage) {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.texts[label] = append(p.texts[label], string(m.Data))
		})
	}
	p.estimate = &estimate{}
	pc.OnTrack(p.receive)
	p.down = pc
	return pc, nil
}

// receive records what comes in one slot, until it ends, and tells the server how much video can come.
func (p *Peer) receive(remote *webrtc.TrackRemote, receiver *webrtc.RTPReceiver) {
	mid := receiver.RTPTransceiver().Mid()
	p.mu.Lock()
	pc, estimate := p.down, p.estimate
	p.mu.Unlock()
	estimated := remote.Kind() == webrtc.RTPCodecTypeVideo && wantsREMB(receiver)
	go p.receiveReports(mid, receiver)
	for {
		packet, _, err := remote.ReadRTP()
		if err != nil {
			return
		}
		now := time.Now()
		if p.config.OnPacket != nil {
			p.config.OnPacket(mid, packet)
		} else {
			p.record(mid, packet, now)
		}
		if !estimated || pc == nil {
			continue
		}
		if report := estimate.note(packet, now); report != nil {
			_ = pc.WriteRTCP([]rtcp.Packet{report}) // an error means that the connection is closing
		}
	}
}

func (p *Peer) record(mid string, packet *rtp.Packet, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	packets, arrivals := append(p.packets[mid], packet), append(p.arrivals[mid], now)
	if len(packets) > maxPackets {
		packets, arrivals = packets[1:], arrivals[1:]
	}
	p.packets[mid], p.arrivals[mid] = packets, arrivals
}

func (p *Peer) receiveReports(mid string, receiver *webrtc.RTPReceiver) {
	for {
		packets, _, err := receiver.ReadRTCP()
		if err != nil {
			return
		}
		for _, packet := range packets {
			if sr, ok := packet.(*rtcp.SenderReport); ok {
				p.mu.Lock()
				p.reports[mid] = append(p.reports[mid], sr)
				p.mu.Unlock()
			}
		}
	}
}

// AskKeyFrame sends a picture loss indication for a slot.
func (p *Peer) AskKeyFrame(mid string) error {
	p.mu.Lock()
	pc := p.down
	p.mu.Unlock()
	for _, t := range pc.GetTransceivers() {
		if t.Mid() == mid && t.Receiver().Track() != nil {
			return pc.WriteRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: uint32(t.Receiver().Track().SSRC())}})
		}
	}
	return fmt.Errorf("no slot %s", mid)
}

// WriteDownlinkRTCP sends any RTCP to the server on the downlink.
func (p *Peer) WriteDownlinkRTCP(packets ...rtcp.Packet) error {
	p.mu.Lock()
	pc := p.down
	p.mu.Unlock()
	if pc == nil {
		return errClosed
	}
	return pc.WriteRTCP(packets)
}

// SlotSSRCs returns the SSRCs of all slots that the server offered.
func (p *Peer) SlotSSRCs() []uint32 {
	p.mu.Lock()
	pc := p.down
	p.mu.Unlock()
	var list []uint32
	for _, t := range pc.GetTransceivers() {
		if t.Receiver() != nil && t.Receiver().Track() != nil {
			list = append(list, uint32(t.Receiver().Track().SSRC()))
		}
	}
	return list
}

// SendData sends a text on one of the server's data channels, which the server does not expect.
func (p *Peer) SendData(label, text string) error {
	p.mu.Lock()
	c := p.channels[label]
	p.mu.Unlock()
	if c == nil {
		return fmt.Errorf("no data channel %s yet", label)
	}
	return c.SendText(text)
}

// CloseDataChannel closes one of the server's data channels.
func (p *Peer) CloseDataChannel(label string) error {
	p.mu.Lock()
	c := p.channels[label]
	p.mu.Unlock()
	if c == nil {
		return fmt.Errorf("no data channel %s yet", label)
	}
	return c.Close()
}

// OpenDataChannel opens a data channel of the peer's own, which the server forbids.
func (p *Peer) OpenDataChannel(label string) error {
	p.mu.Lock()
	pc := p.down
	p.mu.Unlock()
	_, err := pc.CreateDataChannel(label, nil)
	return err
}

// Reset closes both connections and forgets the slots, before the participant is resumed. What was recorded stays.
func (p *Peer) Reset() error {
	p.mu.Lock()
	up, down := p.up, p.down
	p.up, p.down, p.sources = nil, nil, nil
	p.slots = map[string]signal.MediaSlot{}
	p.mu.Unlock()
	if err := closeConnection(up); err != nil {
		return err
	}
	return closeConnection(down)
}
