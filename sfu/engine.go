package sfu

import (
	"fmt"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/interceptor/pkg/nack"
	"github.com/pion/interceptor/pkg/report"
	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"
)

// Payload types of what the server offers. They are the usual ones of browsers, so answers need no remapping.
const (
	payloadOpus = 111
	payloadVP8  = 96
	payloadH264 = 106
)

const (
	uriAudioLevel = "urn:ietf:params:rtp-hdrext:ssrc-audio-level" // RFC 6464

	// opusFormat asks for forward error correction and for silence to cost nothing. DTX is off in browsers unless asked for.
	opusFormat = "minptime=10;useinbandfec=1;usedtx=1;stereo=0"

	// h264Format is constrained baseline at level 3.1, which every browser encodes and decodes; with level asymmetry a
	// publisher may send more (RFC 6184, section 8.1).
	h264Format = "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"

	// Repair requests go out every nackInterval, nackTimes for each packet: 300 ms, about two round trips across an
	// ocean. Packets only just overtaken (nackSkip) get time to arrive on their own.
	nackInterval = beat
	nackTimes    = 6
	nackSkip     = 1
)

const (
	// iceTimeout is LiveKit's, too: shorter would take a busy browser for a lost one.
	iceTimeout = 10 * time.Second
	// sctpRTOMax bounds the pauses between repeats on the data channels. They double with each repeat up to a minute by
	// default, so after ten seconds without network captions would wait another five.
	sctpRTOMax = 2 * time.Second
)

var (
	feedbackNACK = webrtc.RTCPFeedback{Type: "nack"}
	feedbackPLI  = webrtc.RTCPFeedback{Type: "nack", Parameter: "pli"}
	feedbackFIR  = webrtc.RTCPFeedback{Type: "ccm", Parameter: "fir"}
	// feedbackREMB asks receivers for their own estimate of what they can take (draft-alvestrand-rmcat-remb). Browsers
	// send it only if no transport-wide feedback is offered beside it.
	feedbackREMB = webrtc.RTCPFeedback{Type: "goog-remb"}
)

// engine makes peer connections of one kind, each behind a guard of its own.
type engine struct {
	media        *webrtc.MediaEngine
	interceptors *interceptor.Registry
	settings     webrtc.SettingEngine
}

// connect opens a connection whose packets come in through g.
func (e *engine) connect(config webrtc.Configuration, g *guard) (*webrtc.PeerConnection, error) {
	settings := e.settings
	settings.BufferFactory = g.buffer
	return webrtc.NewAPI(webrtc.WithMediaEngine(e.media), webrtc.WithInterceptorRegistry(e.interceptors), webrtc.WithSettingEngine(settings)).
		NewPeerConnection(config)
}

// newUplinkEngine makes the connections that receive: repair requests, transport-wide feedback so that the browser's own
// congestion control works, receiver reports. No RTX: repaired packets come on the stream they belong to (webrtc issue 3063).
func newUplinkEngine(settings webrtc.SettingEngine) (*engine, error) {
	media := &webrtc.MediaEngine{}
	if err := registerCodecs(media, feedbackNACK, feedbackPLI, feedbackFIR); err != nil {
		return nil, err
	}
	for _, e := range []struct {
		uri  string
		kind webrtc.RTPCodecType
	}{{uriAudioLevel, webrtc.RTPCodecTypeAudio}, {sdp.SDESMidURI, webrtc.RTPCodecTypeAudio}} {
		if err := media.RegisterHeaderExtension(webrtc.RTPHeaderExtensionCapability{URI: e.uri}, e.kind); err != nil {
			return nil, fmt.Errorf("register header extension %s: %w", e.uri, err)
		}
	}
	if err := webrtc.ConfigureSimulcastExtensionHeaders(media); err != nil {
		return nil, fmt.Errorf("register header extensions of simulcast: %w", err)
	}
	timed := &interceptor.Registry{}
	generator, err := nack.NewGeneratorInterceptor(
		nack.GeneratorInterval(nackInterval), nack.GeneratorMaxNacksPerPacket(nackTimes), nack.GeneratorSkipLastN(nackSkip))
	if err != nil {
		return nil, fmt.Errorf("make NACK generator: %w", err)
	}
	reports, err := report.NewReceiverInterceptor()
	if err != nil {
		return nil, fmt.Errorf("make receiver reports: %w", err)
	}
	timed.Add(generator)
	timed.Add(reports)
	if err := webrtc.ConfigureTWCCSender(media, timed); err != nil {
		return nil, fmt.Errorf("make transport-wide feedback: %w", err)
	}
	registry := &interceptor.Registry{}
	registry.Add(&beating{Registry: timed})
	return &engine{media: media, interceptors: registry, settings: settings}, nil
}

// maxInbox bounds what a client can send on data channels before he is thrown out for it, in bytes; pion takes 1 MB.
const maxInbox = 64 << 10

// newDownlinkEngine makes the connections that send. They have no interceptor at all: slots answer NACKs from the tracks'
// rings and write their own sender reports. (600 forwarded videos took 45 MB instead of 1,177 MB.)
func newDownlinkEngine(settings webrtc.SettingEngine) (*engine, error) {
	settings.DetachDataChannels() // see drain
	settings.SetSCTPMaxReceiveBufferSize(maxInbox)
	// All sections have the codecs of the first of their kind; to match them for each is a sixth of what a join allocates.
	settings.DisableMediaEngineMultipleCodecs(true)
	media := &webrtc.MediaEngine{}
	if err := registerCodecs(media, feedbackNACK, feedbackPLI, feedbackFIR, feedbackREMB); err != nil {
		return nil, err
	}
	return &engine{media: media, interceptors: &interceptor.Registry{}, settings: settings}, nil
}

// registerCodecs registers what tracks come in. feedback is what is asked for about video.
func registerCodecs(media *webrtc.MediaEngine, feedback ...webrtc.RTCPFeedback) error {
	opus := webrtc.RTPCodecParameters{PayloadType: payloadOpus, RTPCodecCapability: webrtc.RTPCodecCapability{
		MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2, SDPFmtpLine: opusFormat,
		RTCPFeedback: []webrtc.RTCPFeedback{feedbackNACK},
	}}
	if err := media.RegisterCodec(opus, webrtc.RTPCodecTypeAudio); err != nil {
		return fmt.Errorf("register Opus: %w", err)
	}
	// In order of preference: VP8 is what every reader can show.
	for _, c := range []struct {
		payload      webrtc.PayloadType
		mime, format string
	}{{payloadVP8, webrtc.MimeTypeVP8, ""}, {payloadH264, webrtc.MimeTypeH264, h264Format}} {
		video := webrtc.RTPCodecParameters{PayloadType: c.payload, RTPCodecCapability: webrtc.RTPCodecCapability{
			MimeType: c.mime, ClockRate: 90000, SDPFmtpLine: c.format,
			RTCPFeedback: feedback,
		}}
		if err := media.RegisterCodec(video, webrtc.RTPCodecTypeVideo); err != nil {
			return fmt.Errorf("register %s: %w", c.mime, err)
		}
	}
	return nil
}

// settings are common to both kinds of connections.
func (n *Node) settings() (webrtc.SettingEngine, error) {
	s := webrtc.SettingEngine{LoggerFactory: pionLogs{n.log}}
	s.SetLite(true)
	s.SetICEUDPMux(n.mux)
	s.SetNet(n.net) // each agent would list the machine's interfaces for itself, though the mux has the addresses
	s.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4, webrtc.NetworkTypeUDP6})
	if n.tcp != nil {
		s.SetICETCPMux(n.tcp)
		s.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4, webrtc.NetworkTypeUDP6, webrtc.NetworkTypeTCP4, webrtc.NetworkTypeTCP6})
		s.SetIPFilter(n.tcp.has)
	}
	s.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	s.SetIncludeLoopbackCandidate(true) // the mux decides which addresses there are
	silence := n.config.ICETimeout
	if silence == 0 {
		silence = iceTimeout
	}
	s.SetICETimeouts(silence, silence/2, 2*time.Second)
	s.SetSCTPRTOMax(sctpRTOMax)
	s.SetDTLSRetransmissionInterval(100 * time.Millisecond) // pion waits 1 s, which a lost packet would add to a join
	// The cheapest first; browsers have all three.
	s.SetSRTPProtectionProfiles(dtls.SRTP_AEAD_AES_128_GCM, dtls.SRTP_AEAD_AES_256_GCM, dtls.SRTP_AES128_CM_HMAC_SHA1_80)
	s.SetSRTPReplayProtectionWindow(512) // browsers probe with old packets
	s.SetSRTCPReplayProtectionWindow(512)
	if len(n.config.PublicIPs) == 0 {
		return s, nil
	}
	err := s.SetICEAddressRewriteRules(webrtc.ICEAddressRewriteRule{
		External: n.config.PublicIPs, AsCandidateType: webrtc.ICECandidateTypeHost, Mode: webrtc.ICEAddressRewriteReplace,
	})
	if err != nil {
		return s, fmt.Errorf("announce PublicIPs: %w", err)
	}
	return s, nil
}
