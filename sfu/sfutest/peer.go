// Package sfutest is a participant without a browser: real pion peer connections that speak the signalling language, for
// tests and scripted participants. It sends RTP packets as they are given and records what it gets; it encodes and
// decodes nothing. It knows nothing of sfu itself: messages come in by [Peer.Send] and go out by the function given to
// [New], whatever carries them.
package sfutest

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/interceptor/pkg/nack"
	"github.com/pion/interceptor/pkg/report"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/sdp/v3"
	"github.com/pion/transport/v5"
	"github.com/pion/webrtc/v4"

	"souffleur/internal/signal"
)

const (
	inbox      = 1024 // server messages not yet acted on; Send fails beyond, as a connection to a client that does not read would
	maxPackets = 20000
	uriLevel   = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
)

// ErrSlow says that the peer has too many messages waiting.
var ErrSlow = errors.New("peer does not keep up")

var errClosed = errors.New("peer has no such connection")

// Config is what a peer is made with. Its zero value loses nothing.
type Config struct {
	LoseUplink   func() bool       // asked for each RTP packet sent, repeats included; true: it is lost
	LoseDownlink func() bool       // the same for each one received
	OnlyVP8      bool              // no H.264 is offered or answered
	Forge        func(*rtp.Header) // if set, changes the header of each RTP packet before it is sent

	Net      transport.Net // where its sockets are, for instance a Network; nil: the machine's own
	Loopback bool          // no addresses but this machine's own loopback ones: connections are up sooner
	OnlyTCP  bool          // as in a network without UDP
	// OnlyRelay, if set, is the beginning of the relay addresses to use ("turn:", "turns:") out of the welcome's: nothing
	// is sent to the server directly.
	OnlyRelay string
	// OnPacket, if set, gets what is received in each slot, by its MID, instead of its being recorded. The calls of one
	// slot do not overlap.
	OnPacket func(mid string, packet *rtp.Packet)
}

// Peer is one participant's client. All methods may be called from any goroutine.
type Peer struct {
	config Config // set once, as all down to once
	send   func(signal.ClientMessage) error
	api    *webrtc.API
	in     chan signal.ServerMessage // bounded by inbox: Send fails when it is full
	quit   chan struct{}
	once   sync.Once
	loop   sync.WaitGroup

	mu       sync.Mutex // guards all below
	err      error
	down, up *webrtc.PeerConnection
	estimate *estimate     // of the downlink
	answered chan struct{} // closed when the uplink's present offer is answered
	messages []signal.ServerMessage
	slots    map[string]signal.MediaSlot // by MID
	packets  map[string][]*rtp.Packet    // by MID
	arrivals map[string][]time.Time      // of packets
	reports  map[string][]*rtcp.SenderReport
	texts    map[string][]string // by data channel
	sources  []*Source
	channels map[string]*webrtc.DataChannel // of the downlink, by label
	relays   []signal.ICEServer             // of the newest welcome
}

// New returns a peer that sends its messages by send, which may be called from several goroutines. Close it.
func New(config Config, send func(signal.ClientMessage) error) (*Peer, error) {
	api, err := newAPI(config)
	if err != nil {
		return nil, err
	}
	p := &Peer{
		config: config, send: send, api: api, in: make(chan signal.ServerMessage, inbox), quit: make(chan struct{}),
		slots: map[string]signal.MediaSlot{}, packets: map[string][]*rtp.Packet{}, arrivals: map[string][]time.Time{},
		reports: map[string][]*rtcp.SenderReport{}, texts: map[string][]string{},
		channels: map[string]*webrtc.DataChannel{},
	}
	p.loop.Add(1)
	go p.run()
	return p, nil
}

// Codecs of video.
var (
	vp8  = webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8, ClockRate: 90000}
	h264 = webrtc.RTPCodecCapability{
		MimeType: webrtc.MimeTypeH264, ClockRate: 90000, SDPFmtpLine: "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
	}
)

// newAPI makes connections like a browser's: Opus is offered without nack, yet what is lost of it is repeated when asked.
func newAPI(config Config) (*webrtc.API, error) {
	media := &webrtc.MediaEngine{}
	opus := webrtc.RTPCodecParameters{PayloadType: 111, RTPCodecCapability: webrtc.RTPCodecCapability{
		MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2, SDPFmtpLine: "minptime=10;useinbandfec=1",
	}}
	err := media.RegisterCodec(opus, webrtc.RTPCodecTypeAudio)
	for i, capability := range []webrtc.RTPCodecCapability{vp8, h264} {
		if i > 0 && config.OnlyVP8 {
			break
		}
		capability.RTCPFeedback = []webrtc.RTCPFeedback{{Type: typeREMB}, {Type: "nack"}, {Type: "nack", Parameter: "pli"}, {Type: "ccm", Parameter: "fir"}}
		video := webrtc.RTPCodecParameters{PayloadType: webrtc.PayloadType(96 + 10*i), RTPCodecCapability: capability}
		err = errors.Join(err, media.RegisterCodec(video, webrtc.RTPCodecTypeVideo))
	}
	for _, uri := range []string{sdp.SDESMidURI, sdp.SDESRTPStreamIDURI} {
		err = errors.Join(err, media.RegisterHeaderExtension(webrtc.RTPHeaderExtensionCapability{URI: uri}, webrtc.RTPCodecTypeVideo))
	}
	always := func(*interceptor.StreamInfo) bool { return true }
	responder, err1 := nack.NewResponderInterceptor(nack.ResponderStreamsFilter(always))
	generator, err2 := nack.NewGeneratorInterceptor(nack.GeneratorStreamsFilter(always), nack.GeneratorInterval(50e6), nack.GeneratorMaxNacksPerPacket(20))
	sender, err3 := report.NewSenderInterceptor()
	receiver, err4 := report.NewReceiverInterceptor()
	err = errors.Join(err, err1, err2, err3, err4,
		media.RegisterHeaderExtension(webrtc.RTPHeaderExtensionCapability{URI: uriLevel}, webrtc.RTPCodecTypeAudio))
	if err != nil {
		return nil, fmt.Errorf("make a peer: %w", err)
	}
	registry := &interceptor.Registry{}
	registry.Add(lossy{config}) // first, so it stands next to the network and loses repeats too
	registry.Add(responder)
	registry.Add(generator)
	registry.Add(sender)
	registry.Add(receiver)
	settings := webrtc.SettingEngine{}
	settings.SetIncludeLoopbackCandidate(true)
	settings.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled) // servers have addresses, not names
	if config.Loopback {
		settings.SetIPFilter(func(ip net.IP) bool { return ip.IsLoopback() && ip.To4() != nil })
	}
	// pion gives a pair up after 1.4 s without an answer and never asks again; browsers do not give up on a busy server.
	settings.SetICEMaxBindingRequests(100)
	// Packets are lost above SRTP, which therefore takes a repeat for a replay.
	settings.DisableSRTPReplayProtection(config.LoseDownlink != nil)
	if config.Net != nil {
		settings.SetNet(config.Net)
		// A peer that only listens shows that it is there by its connectivity checks: often, so that a node that gives up
		// quickly can tell absence from silence.
		settings.SetICETimeouts(5*time.Second, 25*time.Second, 250*time.Millisecond)
	}
	if config.OnlyTCP {
		settings.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeTCP4, webrtc.NetworkTypeTCP6})
	}
	return webrtc.NewAPI(webrtc.WithMediaEngine(media), webrtc.WithInterceptorRegistry(registry), webrtc.WithSettingEngine(settings)), nil
}

// Send takes a message of the server, without waiting. With it a Peer is what sfu calls a Signaller.
func (p *Peer) Send(m signal.ServerMessage) error {
	select {
	case p.in <- m:
		return nil
	default:
		return ErrSlow
	}
}

func (p *Peer) run() {
	defer p.loop.Done()
	for {
		select {
		case <-p.quit:
			return
		case m := <-p.in:
			if err := p.handle(m); err != nil {
				p.mu.Lock()
				p.err = errors.Join(p.err, err)
				p.mu.Unlock()
			}
		}
	}
}

func (p *Peer) handle(m signal.ServerMessage) error {
	p.mu.Lock()
	p.messages = append(p.messages, m)
	for _, s := range m.Slots {
		p.slots[s.MID] = s
	}
	if m.Type == signal.Welcome {
		p.relays = m.Welcome.ICEServers
	}
	p.mu.Unlock()
	switch m.Type {
	case signal.Offer:
		return p.answer(m.SDP)
	case signal.Answer:
		return p.takeAnswer(m.SDP)
	}
	return nil
}

// Close hangs up, without a word to the server.
func (p *Peer) Close() error {
	p.once.Do(func() { close(p.quit) })
	p.loop.Wait()
	p.mu.Lock()
	up, down := p.up, p.down
	p.up, p.down = nil, nil
	p.mu.Unlock()
	return errors.Join(closeConnection(up), closeConnection(down))
}

// connectionLocked is how peer connections are made.
func (p *Peer) connectionLocked() webrtc.Configuration {
	var c webrtc.Configuration
	if p.config.OnlyRelay == "" {
		return c
	}
	c.ICETransportPolicy = webrtc.ICETransportPolicyRelay
	for _, s := range p.relays {
		for _, url := range s.URLs {
			if strings.HasPrefix(url, p.config.OnlyRelay) {
				c.ICEServers = append(c.ICEServers, webrtc.ICEServer{URLs: []string{url}, Username: s.Username, Credential: s.Credential})
			}
		}
	}
	return c
}

// Welcome returns the newest welcome, or nil.
func (p *Peer) Welcome() *signal.WelcomeInfo {
	all := p.Messages(signal.Welcome)
	if len(all) == 0 {
		return nil
	}
	return all[len(all)-1].Welcome
}

func closeConnection(pc *webrtc.PeerConnection) error {
	if pc == nil {
		return nil
	}
	return pc.GracefulClose()
}

// Err returns what went wrong so far.
func (p *Peer) Err() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

// Messages returns the server's messages of one type, in order.
func (p *Peer) Messages(kind string) []signal.ServerMessage {
	p.mu.Lock()
	defer p.mu.Unlock()
	var list []signal.ServerMessage
	for _, m := range p.messages {
		if m.Type == kind {
			list = append(list, m)
		}
	}
	return list
}

// Slots returns what every media slot carries, by MID.
func (p *Peer) Slots() map[string]signal.MediaSlot {
	p.mu.Lock()
	defer p.mu.Unlock()
	slots := make(map[string]signal.MediaSlot, len(p.slots))
	for mid, s := range p.slots {
		slots[mid] = s
	}
	return slots
}

// Packets returns what was received in a slot, in order of arrival; the newest 20,000.
func (p *Peer) Packets(mid string) []*rtp.Packet {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.packets[mid])
}

// Arrivals returns when each of Packets arrived.
func (p *Peer) Arrivals(mid string) []time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.arrivals[mid])
}

// Reports returns the sender reports of a slot.
func (p *Peer) Reports(mid string) []*rtcp.SenderReport {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.reports[mid])
}

// Texts returns what came on a data channel, by its label.
func (p *Peer) Texts(channel string) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.texts[channel])
}

// Description is what was agreed on one connection.
type Description struct{ Own, Server string } // SDP; empty: not yet

// Descriptions returns those of the open connections, the downlink first.
func (p *Peer) Descriptions() []Description {
	p.mu.Lock()
	defer p.mu.Unlock()
	var list []Description
	for _, pc := range []*webrtc.PeerConnection{p.down, p.up} {
		if pc == nil {
			continue
		}
		var d Description
		if own := pc.LocalDescription(); own != nil {
			d.Own = own.SDP
		}
		if server := pc.RemoteDescription(); server != nil {
			d.Server = server.SDP
		}
		list = append(list, d)
	}
	return list
}

// Connected says whether the downlink is up.
func (p *Peer) Connected() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.down != nil && p.down.ConnectionState() == webrtc.PeerConnectionStateConnected
}
