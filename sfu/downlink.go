package sfu

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"

	"souffleur/internal/signal"
)

// sources lists the source of every slot of a downlink, in the order of the m-lines.
func (c SlotCounts) sources() []string {
	var list []string
	for _, of := range []struct {
		source string
		count  int
	}{
		{signal.Mic, c.Mic}, {signal.ScreenAudio, c.ScreenAudio}, {signal.Screen, c.Screen}, {signal.Camera, c.Camera},
	} {
		list = append(list, slices.Repeat([]string{of.source}, of.count)...)
	}
	return list
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
	answers  answers
	reports  int // due so far

	draining sync.Mutex // guards drained
	drained  bool       // no drain may begin any more
	drains   sync.WaitGroup
}

func (m *member) openDownlink() (*downlink, error) {
	d := &downlink{m: m, path: newPath(func() { m.room.rechoose(m) })}
	pc, err := m.room.node.down.connect(m.room.node.peers, m.newDownlinkGuard(d.listenTo))
	if err != nil {
		return nil, fmt.Errorf("open downlink: %w", err)
	}
	d.pc = pc
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
	for i, source := range d.m.room.config.Slots.sources() {
		s := newSlot(source, i, &d.open)
		s.path, s.moved = d.path, &d.m.room.moved
		if !s.audio { // who misses most of the video asks for so much of it that no sound would be repaired
			s.repairs = &d.repairs
		}
		init := webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly}
		if _, err := d.pc.AddTransceiverFromTrack(s, init); err != nil {
			return fmt.Errorf("add slot %s: %w", s.name, err)
		}
		d.slots = append(d.slots, s)
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

func (d *downlink) addChannel(label string, id uint16, init webrtc.DataChannelInit) (*captionChannel, error) {
	negotiated := true
	init.Negotiated, init.ID = &negotiated, &id
	c, err := d.pc.CreateDataChannel(label, &init)
	if err != nil {
		return nil, fmt.Errorf("add data channel %s: %w", label, err)
	}
	out := &captionChannel{DataChannel: c}
	c.OnOpen(func() { d.drain(out) })
	return out, nil
}

// captionChannel is a data channel on which the server only sends.
type captionChannel struct {
	*webrtc.DataChannel
	ended atomic.Bool // the client has closed it
}

// ReadyState returns the channel's state, also after the client has closed it.
func (c *captionChannel) ReadyState() webrtc.DataChannelState {
	if c.ended.Load() {
		return webrtc.DataChannelStateClosed
	}
	return c.DataChannel.ReadyState()
}

// drain waits until the client closes a channel, and throws him out if he sends something. pion's own reader would hold
// 64 kB for it, on each channel of each participant.
func (d *downlink) drain(c *captionChannel) {
	d.draining.Lock()
	defer d.draining.Unlock()
	in, err := c.Detach()
	if err != nil || d.drained {
		return
	}
	d.drains.Go(func() {
		_, err := in.Read(make([]byte, 16))
		if err == nil || errors.Is(err, io.ErrShortBuffer) {
			d.m.room.Remove(d.m.id, signal.CodeFlood, "data channels are for what the server sends")
			return
		}
		c.ended.Store(true)
	})
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

// audioReports is how many times less often reports are sent while there is only sound. Browsers send those every five
// seconds; 150 readers who only listen would cost more for their reports than for anything but their packets.
const audioReports = 4

// report sends the slots' sender reports in one packet.
func (d *downlink) report(now time.Time) {
	if !d.open.Load() {
		return
	}
	var reports []rtcp.Packet
	video := false
	for _, s := range d.slots {
		if r := s.senderReport(now); r != nil {
			reports = append(reports, r)
			video = video || !s.audio
		}
	}
	d.reports++
	if len(reports) > 0 && (video || d.reports%audioReports == 1) {
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
		d.draining.Lock()
		d.drained = true
		d.draining.Unlock()
		d.drains.Wait()
	}()
}
