//go:build linux

package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/logging"
	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"

	"souffleur/internal/signal"
	"souffleur/sfu"
)

// bare is the least that forwards media with pion: one TrackLocalStaticRTP for each published track, shared by all that
// receive it; no interceptors, no rewriting, no repairs, no choice. Connections are set up as Souffleur's are.
type bare struct {
	mux *ice.MultiUDPMuxDefault
	api *webrtc.API

	mu     sync.Mutex // guards below
	shared []*shared
}

// shared is one published track.
type shared struct {
	owner   *guest
	local   *webrtc.TrackLocalStaticRTP
	refresh func() // asks for a key frame
}

// guest is one participant.
type guest struct {
	bare     *bare
	post     *postman
	up, down *webrtc.PeerConnection
}

func openBare() (*bare, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	buffer := sfu.DefaultConfig().SocketBuffer
	mux, err := ice.NewMultiUDPMuxFromPort(port, ice.UDPMuxFromPortWithLoopback(),
		ice.UDPMuxFromPortWithIPFilter(func(ip net.IP) bool { return ip.Equal(net.IPv4(127, 0, 0, 1)) }),
		ice.UDPMuxFromPortWithReadBufferSize(buffer), ice.UDPMuxFromPortWithWriteBufferSize(buffer))
	if err != nil {
		return nil, fmt.Errorf("bind a port: %w", err)
	}
	media := &webrtc.MediaEngine{}
	if err := errors.Join(media.RegisterCodec(opusCodec, webrtc.RTPCodecTypeAudio), media.RegisterCodec(vp8Codec, webrtc.RTPCodecTypeVideo)); err != nil {
		return nil, fmt.Errorf("register codecs: %w", err)
	}
	s := webrtc.SettingEngine{LoggerFactory: silence{}}
	s.SetLite(true)
	s.SetICEUDPMux(mux)
	s.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	s.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	s.SetIncludeLoopbackCandidate(true)
	s.SetICETimeouts(10*time.Second, 5*time.Second, 2*time.Second)
	s.SetDTLSRetransmissionInterval(100 * time.Millisecond)
	s.SetSRTPProtectionProfiles(profiles...)
	return &bare{mux: mux, api: webrtc.NewAPI(webrtc.WithMediaEngine(media), webrtc.WithInterceptorRegistry(&interceptor.Registry{}), webrtc.WithSettingEngine(s))}, nil
}

func freePort() (int, error) {
	probe, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return 0, fmt.Errorf("find a free UDP port: %w", err)
	}
	defer probe.Close()
	return probe.LocalAddr().(*net.UDPAddr).Port, nil
}

func (b *bare) serve(w *wire, _ hello) {
	g := &guest{bare: b, post: newPostman(w)}
	defer g.leave()
	for {
		var m signal.ClientMessage
		if w.receive(&m) != nil {
			return
		}
		if err := g.handle(m); err != nil {
			fmt.Fprintln(os.Stderr, "bare:", err)
			return
		}
	}
}

func (g *guest) handle(m signal.ClientMessage) error {
	switch m.Type {
	case receive:
		return g.openDownlink()
	case signal.Answer:
		return g.down.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: m.SDP})
	case signal.Offer:
		return g.answer(m.SDP)
	}
	return nil
}

// answer takes the uplink.
func (g *guest) answer(offer string) error {
	if g.up == nil {
		up, err := g.bare.api.NewPeerConnection(webrtc.Configuration{})
		if err != nil {
			return err
		}
		g.up = up
		up.OnTrack(func(remote *webrtc.TrackRemote, _ *webrtc.RTPReceiver) { g.publish(remote) })
	}
	if err := g.up.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: offer}); err != nil {
		return err
	}
	answer, err := g.up.CreateAnswer(nil)
	if err != nil {
		return err
	}
	text, err := describe(g.up, answer)
	if err != nil {
		return err
	}
	return g.post.Send(signal.ServerMessage{Type: signal.Answer, PC: signal.Up, SDP: text})
}

// describe makes d the local description and returns it with all candidates.
func describe(pc *webrtc.PeerConnection, d webrtc.SessionDescription) (string, error) {
	gathered := webrtc.GatheringCompletePromise(pc)
	if err := pc.SetLocalDescription(d); err != nil {
		return "", err
	}
	<-gathered
	return pc.LocalDescription().SDP, nil
}

// publish forwards one track until it ends.
func (g *guest) publish(remote *webrtc.TrackRemote) {
	local, err := webrtc.NewTrackLocalStaticRTP(remote.Codec().RTPCodecCapability, fmt.Sprint(remote.SSRC()), fmt.Sprint(remote.SSRC()))
	if err != nil {
		fmt.Fprintln(os.Stderr, "bare:", err)
		return
	}
	s := &shared{owner: g, local: local, refresh: func() {}}
	if remote.Kind() == webrtc.RTPCodecTypeVideo {
		s.refresh = func() {
			_ = g.up.WriteRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: uint32(remote.SSRC())}})
		}
	}
	g.bare.mu.Lock()
	g.bare.shared = append(g.bare.shared, s)
	g.bare.mu.Unlock()
	buf := make([]byte, 1500)
	for {
		n, _, err := remote.Read(buf)
		if err != nil {
			return
		}
		if _, err := local.Write(buf[:n]); err != nil && !errors.Is(err, io.ErrClosedPipe) {
			return
		}
	}
}

// openDownlink offers everything that others publish now.
func (g *guest) openDownlink() error {
	down, err := g.bare.api.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		return err
	}
	g.down = down
	tracks := g.bare.others(g)
	for _, s := range tracks {
		t, err := down.AddTransceiverFromTrack(s.local, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
		if err != nil {
			return err
		}
		go readFeedback(t.Sender(), s)
	}
	down.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
		if state == webrtc.PeerConnectionStateConnected {
			for _, s := range tracks {
				s.refresh()
			}
		}
	})
	offer, err := down.CreateOffer(nil)
	if err != nil {
		return err
	}
	text, err := describe(down, offer)
	if err != nil {
		return err
	}
	return g.post.Send(signal.ServerMessage{Type: signal.Offer, PC: signal.Down, SDP: text})
}

// readFeedback passes requests for key frames on.
func readFeedback(sender *webrtc.RTPSender, s *shared) {
	buf := make([]byte, 1500)
	for {
		n, _, err := sender.Read(buf)
		if err != nil {
			return
		}
		packets, err := rtcp.Unmarshal(buf[:n])
		if err != nil {
			continue
		}
		for _, p := range packets {
			if _, ok := p.(*rtcp.PictureLossIndication); ok {
				s.refresh()
			}
		}
	}
}

func (b *bare) others(g *guest) []*shared {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(b.shared), func(s *shared) bool { return s.owner == g })
}

func (b *bare) tracks() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.shared)
}

func (g *guest) leave() {
	g.bare.mu.Lock()
	g.bare.shared = slices.DeleteFunc(g.bare.shared, func(s *shared) bool { return s.owner == g })
	g.bare.mu.Unlock()
	for _, pc := range []*webrtc.PeerConnection{g.up, g.down} {
		if pc != nil {
			_ = pc.GracefulClose() // errors are of sockets that are gone already
		}
	}
	g.post.stop()
}

func (b *bare) close() error { return b.mux.Close() }

// silence drops what pion logs.
type silence struct{}

func (silence) NewLogger(string) logging.LeveledLogger {
	return logging.NewDefaultLeveledLoggerForScope("", logging.LogLevelDisabled, io.Discard)
}
