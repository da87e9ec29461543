package sfu_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	mathrand "math/rand/v2"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"souffleur/internal/meeting"
	"souffleur/internal/signal"
	"souffleur/sfu"
	"souffleur/sfu/sfutest"
)

// relayCertificate is the certificate of every relay of these tests, for 127.0.0.1.
var relayCertificate *tls.Certificate

// trustOwnCertificate makes this process trust relayCertificate: pion's ICE agent trusts what the system does.
func trustOwnCertificate() (remove func(), err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	relayCertificate = &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
	file, err := os.CreateTemp("", "sfu-test-*.pem")
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if err := pem.Encode(file, &pem.Block{Type: "CERTIFICATE", Bytes: der}); err != nil {
		return nil, err
	}
	return func() { os.Remove(file.Name()) }, os.Setenv("SSL_CERT_FILE", file.Name())
}

// freePort returns a port that was free a moment ago.
func freePort(t *testing.T) int {
	t.Helper()
	// Not from the range of which sockets that ask for any port get theirs: other tests hold hundreds of those.
	for range 100 {
		port := 20_000 + mathrand.IntN(12_000)
		address := fmt.Sprintf("127.0.0.1:%d", port)
		l, err := net.Listen("tcp", address)
		if err != nil {
			continue
		}
		c, err := net.ListenPacket("udp", address)
		_ = l.Close()
		if err != nil {
			continue
		}
		_ = c.Close()
		return port
	}
	t.Fatal("no free port found")
	return 0
}

func TestEveryWayCarriesAMeeting(t *testing.T) {
	t.Parallel()
	tcp, turn, turnTLS := freePort(t), freePort(t), freePort(t)
	s := openChanged(t, welcoming(), func(c *sfu.Config) {
		c.TCPPort, c.TURNPort, c.TURNTLSPort, c.TURNHost = tcp, turn, turnTLS, "127.0.0.1"
		c.TURNCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return relayCertificate, nil }
	})
	ways := map[string]sfutest.Config{
		"udp": {}, "tcp": {OnlyTCP: true}, "turn over udp": {OnlyRelay: "turn:"}, "turn over tls": {OnlyRelay: "turns:"},
	}
	people := map[string]*actor{}
	for way, config := range ways {
		people[way] = s.joinWith(way, config)
	}
	for way, a := range people {
		defer a.openMic(way).keepSaying(t)()
	}
	// Four speak, and three are forwarded: whoever is among the loudest changes. Each hears somebody, and is heard.
	for way, a := range people {
		eventually(t, way+": captions can come and others are heard", func() bool {
			heard := 0
			for mid, slot := range a.Slots() {
				if slot.Kind == "audio" && len(a.Packets(mid)) > 20 {
					heard++
				}
			}
			return a.Connected() && heard >= 2
		})
	}
	ear := newEar()
	defer s.room.Listen(ear)()
	for way := range people {
		eventually(t, way+" is heard by the server", func() bool { return ear.heard(way + " ") })
	}
	for _, a := range people {
		a.awaitChannel(s)
	}
	if r := s.node.Reach(); r.TCP < 2 || r.Relay.Allocations < 4 || r.Relay.Connections < 2 || r.Relay.Bytes == 0 {
		t.Errorf("the node counts %+v", r)
	}
}

func TestTheRelayIsToldWithFreshCredentials(t *testing.T) {
	t.Parallel()
	turn := freePort(t)
	s := openChanged(t, welcoming(), func(c *sfu.Config) { c.TURNPort = turn })
	ada := s.join("Ada")
	eventually(t, "Ada is connected", ada.Connected)
	servers := ada.Welcome().ICEServers
	want := fmt.Sprintf("turn:127.0.0.1:%d?transport=udp", turn)
	if len(servers) != 1 || len(servers[0].URLs) != 1 || servers[0].URLs[0] != want ||
		!strings.HasSuffix(servers[0].Username, ":"+string(ada.id)) || servers[0].Credential == "" {
		t.Errorf("Ada is told of %+v, want %s", servers, want)
	}
	if again := ada.keep(s).ICEServers; len(again) != 1 {
		t.Errorf("coming back, Ada is told of %+v", again)
	}
}

func TestNoRelayIsToldWhereThereIsNone(t *testing.T) {
	s := newStage(t, welcoming())
	ada := s.join("Ada")
	eventually(t, "a welcome", func() bool { return ada.Welcome() != nil })
	if servers := ada.Welcome().ICEServers; len(servers) != 0 {
		t.Errorf("Ada is told of %+v", servers)
	}
}

func TestTheRelaySendsToThePublicAddressByTheLocalOne(t *testing.T) {
	t.Parallel()
	turn := freePort(t)
	s := openChanged(t, welcoming(), func(c *sfu.Config) { c.TURNPort, c.PublicIPs, c.TURNHost = turn, []string{"203.0.113.7"}, "127.0.0.1" })
	ada := s.joinWith("Ada", sfutest.Config{OnlyRelay: "turn:"})
	eventually(t, "Ada is connected, though 203.0.113.7 is nowhere", ada.Connected)
}

func TestASilentTCPConnectionIsDropped(t *testing.T) {
	if testing.Short() {
		t.Skip("waits five seconds")
	}
	t.Parallel()
	tcp := freePort(t)
	s := openChanged(t, sfu.RoomConfig{}, func(c *sfu.Config) { c.TCPPort = tcp })
	for what, said := range map[string]string{"nothing": "", "half a word": "\x00", "no STUN": "\x00\x04GET ", "a long word": "\xFF\xFFx"} {
		conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", tcp))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := io.WriteString(conn, said); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(conn); err != nil && strings.Contains(err.Error(), "timeout") {
			t.Errorf("%s: %v", what, err)
		}
	}
	eventually(t, "none is left", func() bool { return s.node.Reach().TCP == 0 })
}

func TestAPortThatIsTakenIsNamed(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	taken := l.Addr().(*net.TCPAddr).Port
	socket, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	for _, change := range []func(*sfu.Config){
		func(c *sfu.Config) { c.TCPPort = taken },
		func(c *sfu.Config) { c.TURNPort = socket.LocalAddr().(*net.UDPAddr).Port },
		func(c *sfu.Config) {
			c.TURNTLSPort, c.TURNCertificate = taken, func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return relayCertificate, nil }
		},
	} {
		config := sfu.DefaultConfig()
		config.UDPPort, config.Addresses = 0, []string{"127.0.0.1"}
		change(&config)
		node, err := sfu.NewNode(config, testLog())
		if err == nil {
			node.Close()
			t.Error("a node began without its port")
		} else if !strings.Contains(err.Error(), fmt.Sprint(max(config.TCPPort, config.TURNPort, config.TURNTLSPort))) {
			t.Errorf("the error names no port: %v", err)
		}
	}
}

func TestTCPCandidatesAreToldWithThePublicAddress(t *testing.T) {
	t.Parallel()
	tcp := freePort(t)
	s := openChanged(t, sfu.RoomConfig{}, func(c *sfu.Config) { c.TCPPort, c.PublicIPs = tcp, []string{"203.0.113.7"} })
	book := &notebook{}
	if _, err := s.room.Join(meeting.Person{Participant: "p1"}, book); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the downlink is offered", func() bool { return len(book.ofType(signal.Offer)) == 1 })
	offer := book.ofType(signal.Offer)[0].SDP
	if !strings.Contains(offer, fmt.Sprintf("203.0.113.7 %d typ host tcptype passive", tcp)) || strings.Contains(candidates(offer), "127.0.0.1") {
		t.Errorf("the offer:\n%s", candidates(offer))
	}
}
