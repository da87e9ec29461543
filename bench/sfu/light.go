//go:build linux

package main

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/dtls/v3/pkg/crypto/selfsign"
	dtlsnet "github.com/pion/dtls/v3/pkg/net"
	"github.com/pion/ice/v4"
	"github.com/pion/rtcp"
	"github.com/pion/sctp"
	"github.com/pion/sdp/v3"
	"github.com/pion/srtp/v3"
	"github.com/pion/transport/v5/packetio"
)

// light is a receiver that does just enough to be sent media: ICE, DTLS, SCTP where it is offered, receiver reports and
// REMB once a second. It counts RTP packets by their clear headers and decrypts nothing, so a generator on one core can
// have hundreds of them.
type light struct {
	agent *ice.Agent
	conn  *ice.Conn
	ready chan struct{} // closed when media may come
	quit  chan struct{}
	loops sync.WaitGroup
	once  sync.Once

	packets atomic.Int64
	video   atomic.Int64 // Unix time of the first video packet, ns; 0: none yet

	mu      sync.Mutex // guards all below
	err     error
	tallies map[uint32]*tally // by SSRC
}

// tally counts one stream.
type tally struct {
	base, highest int // extended sequence numbers
	received      int
}

// note counts a packet.
func (t *tally) note(seq uint16) {
	extended := t.highest + int(int16(seq-uint16(t.highest)))
	t.highest = max(t.highest, extended)
	t.base = min(t.base, extended)
	t.received++
}

func (t *tally) lost() int { return t.highest - t.base + 1 - t.received }

// bandwidth is what receivers say they can take: so much that nothing is held back.
const bandwidth = 1e9

// certificate makes the one certificate of all light receivers.
var certificate = sync.OnceValues(selfsign.GenerateSelfSigned)

// newLight prepares a receiver for an offer and returns its answer. connect goes on when the answer has been sent.
func newLight(offer string) (*light, string, error) {
	var d sdp.SessionDescription
	if err := d.UnmarshalString(offer); err != nil {
		return nil, "", fmt.Errorf("parse offer: %w", err)
	}
	sockets, err := network()
	if err != nil {
		return nil, "", fmt.Errorf("list network interfaces: %w", err)
	}
	agent, err := ice.NewAgentWithOptions(ice.WithNet(sockets),
		ice.WithNetworkTypes([]ice.NetworkType{ice.NetworkTypeUDP4}), ice.WithIncludeLoopback(), ice.WithMulticastDNSMode(ice.MulticastDNSModeDisabled),
		ice.WithIPFilter(func(ip net.IP) bool { return ip.IsLoopback() }), ice.WithCheckInterval(checkInterval), ice.WithMaxBindingRequests(500),
		ice.WithLoggerFactory(silence{}))
	if err != nil {
		return nil, "", fmt.Errorf("make ICE agent: %w", err)
	}
	l := &light{agent: agent, ready: make(chan struct{}), quit: make(chan struct{}), tallies: make(map[uint32]*tally)}
	gathered := make(chan struct{})
	err = agent.OnCandidate(func(c ice.Candidate) {
		if c == nil {
			close(gathered)
		}
	})
	if err := errors.Join(err, agent.GatherCandidates()); err != nil {
		return nil, "", errors.Join(fmt.Errorf("gather candidates: %w", err), agent.Close())
	}
	<-gathered
	answer, err := l.answerTo(&d)
	if err != nil {
		return nil, "", errors.Join(err, agent.Close())
	}
	l.loops.Go(func() { l.fail(l.connect(&d)) })
	return l, answer, nil
}

// checkInterval is the time between two rounds of connectivity checks. Browsers begin with 50 ms.
const checkInterval = 20 * time.Millisecond

// answerTo turns an offer around: what was to be sent is received, with credentials of our own.
func (l *light) answerTo(d *sdp.SessionDescription) (string, error) {
	ufrag, pwd, err := l.agent.GetLocalUserCredentials()
	if err != nil {
		return "", err
	}
	cert, err := certificate()
	if err != nil {
		return "", fmt.Errorf("make certificate: %w", err)
	}
	own := []sdp.Attribute{
		{Key: "ice-ufrag", Value: ufrag}, {Key: "ice-pwd", Value: pwd},
		{Key: "fingerprint", Value: "sha-256 " + fingerprint(cert.Certificate[0])}, {Key: "setup", Value: "active"},
	}
	answer := *d
	answer.Attributes = keep(d.Attributes, "group", "msid-semantic")
	answer.MediaDescriptions = nil
	for _, m := range d.MediaDescriptions {
		turned := *m
		turned.Attributes = append(keep(m.Attributes, "mid", "rtcp-mux", "rtcp-rsize", "rtpmap", "fmtp", "rtcp-fb", "sctp-port", "max-message-size"), own...)
		if m.MediaName.Media != "application" {
			turned.Attributes = append(turned.Attributes, sdp.Attribute{Key: "recvonly"})
		}
		answer.MediaDescriptions = append(answer.MediaDescriptions, &turned)
	}
	text, err := answer.Marshal()
	return string(text), err
}

func keep(all []sdp.Attribute, keys ...string) []sdp.Attribute {
	var kept []sdp.Attribute
	for _, a := range all {
		for _, k := range keys {
			if a.Key == k {
				kept = append(kept, a)
			}
		}
	}
	return kept
}

func fingerprint(der []byte) string {
	sum := sha256.Sum256(der)
	hex := make([]string, len(sum))
	for i, b := range sum {
		hex[i] = fmt.Sprintf("%02X", b)
	}
	return strings.Join(hex, ":")
}

// attribute finds an attribute of the first media section, or of the session.
func attribute(d *sdp.SessionDescription, key string) string {
	if v, ok := d.MediaDescriptions[0].Attribute(key); ok {
		return v
	}
	v, _ := d.Attribute(key)
	return v
}

// connect brings the connection up and receives until close.
func (l *light) connect(d *sdp.SessionDescription) error {
	for _, a := range d.MediaDescriptions[0].Attributes {
		if a.Key != "candidate" {
			continue
		}
		c, err := ice.UnmarshalCandidate(a.Value)
		if err != nil {
			return fmt.Errorf("read candidate: %w", err)
		}
		if err := l.agent.AddRemoteCandidate(c); err != nil {
			return fmt.Errorf("take candidate: %w", err)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), joinTimeout)
	defer cancel()
	conn, err := l.agent.Dial(ctx, attribute(d, "ice-ufrag"), attribute(d, "ice-pwd"))
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	l.conn = conn
	handshake := &branch{Conn: conn, buffer: packetio.NewBuffer()}
	l.loops.Go(func() { l.read(handshake.buffer) })
	secure, err := l.secure(ctx, handshake)
	if err != nil {
		return err
	}
	defer secure.Close()
	if hasApplication(d) {
		l.loops.Go(func() { l.associate(secure) })
	}
	out, err := reportContext(secure)
	if err != nil {
		return err
	}
	close(l.ready)
	l.report(out)
	return nil
}

// branch is the part of a connection that carries DTLS.
type branch struct {
	net.Conn
	buffer *packetio.Buffer
}

func (b *branch) Read(p []byte) (int, error) {
	n, _, err := b.buffer.Read(p, nil)
	return n, err
}
func (b *branch) SetReadDeadline(t time.Time) error { return b.buffer.SetReadDeadline(t) }
func (b *branch) SetDeadline(t time.Time) error     { return b.buffer.SetReadDeadline(t) }
func (b *branch) Close() error                      { return b.buffer.Close() }

func (l *light) secure(ctx context.Context, handshake *branch) (*dtls.Conn, error) {
	cert, err := certificate()
	if err != nil {
		return nil, fmt.Errorf("make certificate: %w", err)
	}
	conn, err := dtls.Client(dtlsnet.PacketConnFromConn(handshake), handshake.RemoteAddr(), &dtls.Config{
		Certificates: []tls.Certificate{cert}, SRTPProtectionProfiles: profiles, InsecureSkipVerify: true,
		ExtendedMasterSecret: dtls.RequireExtendedMasterSecret, FlightInterval: 100 * time.Millisecond, LoggerFactory: silence{},
	})
	if err != nil {
		return nil, fmt.Errorf("begin DTLS: %w", err)
	}
	if err := conn.HandshakeContext(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("DTLS handshake: %w", err), conn.Close())
	}
	return conn, nil
}

func hasApplication(d *sdp.SessionDescription) bool {
	for _, m := range d.MediaDescriptions {
		if m.MediaName.Media == "application" {
			return true
		}
	}
	return false
}

// associate keeps an SCTP association, for the data channels, until the connection ends.
func (l *light) associate(conn net.Conn) {
	a, err := sctp.Client(sctp.Config{NetConn: conn, LoggerFactory: silence{}})
	if err != nil {
		return // the connection ended
	}
	<-l.quit
	_ = a.Close()
}

// reportContext returns what protects our reports.
func reportContext(conn *dtls.Conn) (*srtp.Context, error) {
	state, ok := conn.ConnectionState()
	profile, has := conn.SelectedSRTPProtectionProfile()
	if !ok || !has {
		return nil, errors.New("DTLS gave no SRTP keys")
	}
	config := &srtp.Config{Profile: srtp.ProtectionProfile(profile)}
	if err := config.ExtractSessionKeysFromDTLS(&state, true); err != nil {
		return nil, fmt.Errorf("derive SRTP keys: %w", err)
	}
	return srtp.CreateContext(config.Keys.LocalMasterKey, config.Keys.LocalMasterSalt, config.Profile)
}

// read sorts what arrives, until the connection ends (RFC 7983, section 7).
func (l *light) read(handshake *packetio.Buffer) {
	defer handshake.Close()
	buf := make([]byte, 1500)
	for {
		n, err := l.conn.Read(buf)
		if err != nil {
			return
		}
		switch {
		case n < 12:
		case buf[0] >= 20 && buf[0] <= 63:
			_, _ = handshake.Write(buf[:n], nil) // when it is full, DTLS repeats
		case buf[0] >= 128 && buf[0] <= 191 && (buf[1] < 192 || buf[1] > 223):
			l.count(buf[:n])
		}
	}
}

func (l *light) count(packet []byte) {
	seq, ssrc := uint16(packet[2])<<8|uint16(packet[3]), uint32(packet[8])<<24|uint32(packet[9])<<16|uint32(packet[10])<<8|uint32(packet[11])
	if packet[1]&0x7F == uint8(vp8Codec.PayloadType) && l.video.Load() == 0 {
		l.video.Store(time.Now().UnixNano())
	}
	l.packets.Add(1)
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.tallies[ssrc]
	if t == nil {
		t = &tally{base: int(seq), highest: int(seq)}
		l.tallies[ssrc] = t
	}
	t.note(seq)
}

// report sends receiver reports and REMB once a second, until close.
func (l *light) report(out *srtp.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-l.quit:
			return
		case <-tick.C:
		}
		raw, err := rtcp.Marshal(l.reports())
		if err != nil {
			l.fail(fmt.Errorf("write reports: %w", err))
			return
		}
		if raw, err = out.EncryptRTCP(nil, raw, nil); err == nil {
			_, err = l.conn.Write(raw)
		}
		if err != nil {
			return // the connection ended
		}
	}
}

func (l *light) reports() []rtcp.Packet {
	l.mu.Lock()
	defer l.mu.Unlock()
	rr := &rtcp.ReceiverReport{SSRC: 1}
	remb := &rtcp.ReceiverEstimatedMaximumBitrate{SenderSSRC: 1, Bitrate: bandwidth}
	for ssrc, t := range l.tallies {
		rr.Reports = append(rr.Reports, rtcp.ReceptionReport{SSRC: ssrc, LastSequenceNumber: uint32(t.highest), TotalLost: uint32(max(t.lost(), 0))})
		remb.SSRCs = append(remb.SSRCs, ssrc)
	}
	return []rtcp.Packet{rr, remb}
}

// tallied returns packets received and lost so far.
func (l *light) tallied() (received, lost int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, t := range l.tallies {
		received += t.received
		lost += t.lost()
	}
	return received, lost
}

func (l *light) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.err = errors.Join(l.err, err)
}

func (l *light) failure() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

// close hangs up and waits.
func (l *light) close() error {
	var err error
	l.once.Do(func() {
		close(l.quit)
		err = l.agent.Close()
		l.loops.Wait()
	})
	return err
}
