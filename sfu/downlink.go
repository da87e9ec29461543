package sfu

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"

	"souffleur/internal/signal"
)

// slotCounts says how many slots of each source a downlink has, in the order of the m-lines.
var slotCounts = []struct {
	source string
	count  int
}{
	{signal.Mic, AudioSlots}, {signal.ScreenAudio, ScreenAudioSlots}, {signal.Screen, ScreenSlots}, {signal.Camera, CameraSlots},
}

// downlink is the connection on which one participant receives everything: media slots and two data channels, offered
// once. The member's goroutine owns it; the room fills its slots.
type downlink struct {
	m     *member
	pc    *webrtc.PeerConnection
	slots []*slot
	open  atomic.Bool // connected: slots may send
	path  *path

	repairs repairs

	restart  bool // an ICE restart is wanted as soon as the client has answered
	answered bool // the client has answered once: it has its end of the connection
	loops    sync.WaitGroup
}

func (m *member) openDownlink() (*downlink, error) {
	pc, err := m.room.node.down.connect(m.room.node.peers, m.newDownlinkGuard())
	if err != nil {
		return nil, fmt.Errorf("open downlink: %w", err)
	}
	d := &downlink{m: m, pc: pc, path: newPath(func() { m.room.rechoose(m) })}
	pc.OnConnectionStateChange(d.stateChanged)
	pc.OnDataChannel(func(*webrtc.DataChannel) {
		m.room.Remove(m.id, signal.CodeFlood, "data channels are opened by the server only")
	})
	if err := d.fill(); err != nil {
		_ = pc.Close()
		return nil, err
	}
	return d, nil
}

// fill adds the slots and the data channels.
func (d *downlink) fill() error {
	for _, c := range slotCounts {
		for i := range c.count {
			s := newSlot(c.source, i, &d.open, &d.loops)
			s.path, s.moved = d.path, &d.m.room.moved
			s.repairs = &d.repairs
			init := webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly}
			if _, err := d.pc.AddTransceiverFromTrack(s, init); err != nil {
				return fmt.Errorf("add slot %s: %w", s.name, err)
			}
			d.slots = append(d.slots, s)
		}
	}
	finals, err := d.addChannel(signal.CaptionsChannel, signal.CaptionsChannelID, webrtc.DataChannelInit{})
	if err != nil {
		return err
	}
	unordered, never := false, uint16(0)
	partials, err := d.addChannel(signal.PartialsChannel, signal.PartialsChannelID, webrtc.DataChannelInit{Ordered: &unordered, MaxRetransmits: &never})
	if err != nil {
		return err
	}
	line := &captionLine{finals: finals, partials: partials}
	finals.SetBufferedAmountLowThreshold(finalsMark / 2)
	// Called on SCTP's goroutine, with its lock held: sending there would deadlock.
	finals.OnBufferedAmountLow(func() { d.m.post(func() { d.m.flushCaptions(line) }) })
	d.m.captions.Store(line)
	return nil
}

func (d *downlink) addChannel(label string, id uint16, init webrtc.DataChannelInit) (*webrtc.DataChannel, error) {
	negotiated := true
	init.Negotiated, init.ID = &negotiated, &id
	c, err := d.pc.CreateDataChannel(label, &init)
	if err != nil {
		return nil, fmt.Errorf("add data channel %s: %w", label, err)
	}
	c.OnMessage(func(webrtc.DataChannelMessage) {
		d.m.room.Remove(d.m.id, signal.CodeFlood, "data channels are for what the server sends")
	})
	return c, nil
}

// offer makes the description that the client must answer.
func (d *downlink) offer(options *webrtc.OfferOptions) (string, error) {
	offer, err := d.pc.CreateOffer(options)
	if err != nil {
		return "", fmt.Errorf("make downlink offer: %w", err)
	}
	gathered := webrtc.GatheringCompletePromise(d.pc)
	if err := d.pc.SetLocalDescription(offer); err != nil {
		return "", fmt.Errorf("use downlink offer: %w", err)
	}
	if err := await(gathered, gatherTimeout); err != nil {
		return "", err
	}
	for i, t := range d.pc.GetTransceivers() { // in the order in which the slots were added
		if s := d.slots[i]; s.mid == "" { // the room reads it from now on; it never changes
			s.mid = t.Mid()
		}
	}
	return d.pc.LocalDescription().SDP, nil
}

// accept takes the client's answer. It is the client's fault if it cannot be used.
func (d *downlink) accept(text string) error {
	if d.pc.SignalingState() != webrtc.SignalingStateHaveLocalOffer {
		return errors.New("answer without an offer")
	}
	if err := checkAnswer(text, len(d.slots)+1); err != nil {
		return err
	}
	return d.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: text})
}

// stateChanged runs on pion's goroutine.
func (d *downlink) stateChanged(state webrtc.PeerConnectionState) {
	connected := state == webrtc.PeerConnectionStateConnected
	if d.open.Swap(connected) == connected || !connected {
		return
	}
	for _, s := range d.slots {
		s.begin(time.Now())
	}
}

// report sends the slots' sender reports in one packet.
func (d *downlink) report(now time.Time) {
	if !d.open.Load() {
		return
	}
	var reports []rtcp.Packet
	for _, s := range d.slots {
		if r := s.senderReport(now); r != nil {
			reports = append(reports, r)
		}
	}
	if len(reports) > 0 {
		_ = d.pc.WriteRTCP(reports) // an error means that the connection is closing
	}
}

// close stops sending at once and closes the connection in the background. The room has taken the slots away.
func (d *downlink) close() {
	d.open.Store(false)
	d.m.room.background.Add(1)
	go func() {
		defer d.m.room.background.Done()
		_ = d.pc.GracefulClose() // errors are of sockets that are gone already
		d.loops.Wait()
	}()
}
