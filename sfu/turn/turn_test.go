package turn

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/pion/logging"
	"github.com/pion/stun/v4"
	"github.com/pion/turn/v5"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// relayed is a server with both ways in, and one media socket that answers everything with "re: …".
type relayed struct {
	t          *testing.T
	s          *Server
	media      *net.UDPConn
	udp, tls   string // where clients come in
	shown      netip.AddrPort
	logs       *logging.DefaultLoggerFactory
	background chan struct{}
}

func start(t *testing.T, change func(*Config)) *relayed {
	t.Helper()
	r := &relayed{t: t, logs: logging.NewDefaultLoggerFactory(), background: make(chan struct{})}
	r.logs.Writer = io.Discard
	r.media = listenUDP(t)
	local := r.media.LocalAddr().(*net.UDPAddr).AddrPort()
	r.shown = netip.AddrPortFrom(netip.MustParseAddr("203.0.113.7"), local.Port()) // nothing is ever sent there
	in := listenUDP(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r.udp, r.tls = in.LocalAddr().String(), l.Addr().String()
	config := DefaultConfig()
	config.Peers = []Peer{{Shown: r.shown, Local: local}}
	if change != nil {
		change(&config)
	}
	certificate := selfSigned(t)
	r.s, err = New(config, Sockets{
		UDP: []net.PacketConn{in}, TLS: []net.Listener{l},
		Certificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return certificate, nil },
	}, r.logs)
	if err != nil {
		t.Fatal(err)
	}
	go r.answer()
	t.Cleanup(func() {
		if err := errors.Join(r.s.Close(), r.media.Close()); err != nil {
			t.Error(err)
		}
		<-r.background
	})
	return r
}

func (r *relayed) answer() {
	defer close(r.background)
	b := make([]byte, 1500)
	for {
		n, from, err := r.media.ReadFromUDPAddrPort(b)
		if err != nil {
			return
		}
		if _, err := r.media.WriteToUDPAddrPort(append([]byte("re: "), b[:n]...), from); err != nil {
			return
		}
	}
}

func listenUDP(t *testing.T) *net.UDPConn {
	t.Helper()
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func selfSigned(t *testing.T) *tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// client opens a TURN client over UDP.
func (r *relayed) client(c Credentials) *turn.Client { return r.clientOn(listenUDP(r.t), r.udp, c) }

// overTLS opens a TURN client over TLS.
func (r *relayed) overTLS(c Credentials) *turn.Client {
	r.t.Helper()
	conn, err := tls.Dial("tcp", r.tls, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		r.t.Fatal(err)
	}
	return r.clientOn(turn.NewSTUNConn(conn), r.tls, c)
}

func (r *relayed) clientOn(conn net.PacketConn, server string, c Credentials) *turn.Client {
	r.t.Helper()
	client, err := turn.NewClient(&turn.ClientConfig{
		STUNServerAddr: server, TURNServerAddr: server, Conn: conn, Username: c.Username, Password: c.Password, LoggerFactory: r.logs,
	})
	if err == nil {
		err = client.Listen()
	}
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { client.Close(); conn.Close() })
	return client
}

func (r *relayed) allocate(c *turn.Client) net.PacketConn {
	r.t.Helper()
	conn, err := c.Allocate()
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { conn.Close() })
	return conn
}

// eventually waits until ok, and fails after a time that only a broken program needs.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("never happened: %s", what)
}

func TestMediaGoesThroughBothWaysIn(t *testing.T) {
	r := start(t, nil)
	good := r.s.Credentials("ada", time.Now())
	for way, client := range map[string]*turn.Client{"UDP": r.client(good), "TLS": r.overTLS(good)} {
		conn := r.allocate(client)
		if ip := conn.LocalAddr().(*net.UDPAddr).IP.String(); ip != "203.0.113.7" {
			t.Errorf("%s: the relay is said to be at %s", way, ip)
		}
		for _, said := range []string{"one packet", "another packet", strings.Repeat("long ", 240)} {
			if _, err := conn.WriteTo([]byte(said), net.UDPAddrFromAddrPort(r.shown)); err != nil {
				t.Fatalf("%s: %v", way, err)
			}
			b := make([]byte, 1500)
			n, from, err := conn.ReadFrom(b)
			if err != nil || string(b[:n]) != "re: "+said || from.String() != r.shown.String() {
				t.Errorf("%s: %q came from %v, %v", way, b[:n], from, err)
			}
		}
	}
	if c := r.s.Counts(); c.Allocations != 2 || c.Connections != 1 || c.Relayed != 2 || c.Bytes == 0 {
		t.Errorf("counted %+v", c)
	}
}

func TestNobodyRelaysWithoutGoodCredentials(t *testing.T) {
	r := start(t, nil)
	now := time.Now()
	good, expired := r.s.Credentials("ada", now), r.s.Credentials("ada", now.Add(-7*time.Hour))
	for name, c := range map[string]Credentials{
		"no credentials":       {},
		"no expiry":            {Username: "ada", Password: r.s.password("ada")},
		"no user":              {Username: "9999999999:", Password: r.s.password("9999999999:")},
		"an expiry of words":   {Username: "never:ada", Password: r.s.password("never:ada")},
		"an endless name":      {Username: "9999999999:" + strings.Repeat("a", 300), Password: "x"},
		"another password":     {Username: good.Username, Password: expired.Password},
		"a longer life":        {Username: "9999999999:ada", Password: good.Password},
		"somebody else's name": {Username: strings.Replace(good.Username, "ada", "ben", 1), Password: good.Password},
		"credentials expired":  expired,
	} {
		if conn, err := r.client(c).Allocate(); err == nil {
			conn.Close()
			t.Errorf("%s make a relay", name)
		}
	}
	if n := r.s.Counts().Relayed; n != 0 {
		t.Errorf("%d relays were made", n)
	}
}

func TestWhatIsThereLivesOnWhenCredentialsExpire(t *testing.T) {
	r := start(t, nil)
	old := r.s.Credentials("ada", time.Now().Add(-7*time.Hour))
	ask := func(m stun.Method) bool {
		_, _, ok := r.s.authenticate(&turn.RequestAttributes{Username: old.Username, Realm: "souffleur", Method: m})
		return ok
	}
	if ask(stun.MethodAllocate) || !ask(stun.MethodRefresh) || !ask(stun.MethodChannelBind) {
		t.Error("expired credentials must refresh what is there, and make nothing new")
	}
	old = r.s.Credentials("ada", time.Now().Add(-31*time.Hour))
	if ask(stun.MethodRefresh) {
		t.Error("credentials live for ever")
	}
}

func TestRelaysReachTheNodesMediaOnly(t *testing.T) {
	r := start(t, nil)
	conn := r.allocate(r.client(r.s.Credentials("ada", time.Now())))
	elsewhere := listenUDP(t)
	defer elsewhere.Close()
	port := elsewhere.LocalAddr().(*net.UDPAddr).Port
	for what, ip := range map[string]string{
		"loopback": "127.0.0.1", "another loopback": "127.8.8.8", "private 10/8": "10.0.0.1", "private 172.16/12": "172.16.0.1",
		"private 192.168/16": "192.168.1.1", "link-local, with a cloud's secrets": "169.254.169.254", "carrier NAT": "100.64.0.1",
		"this network": "0.0.0.0", "broadcast": "255.255.255.255", "multicast": "224.0.0.1", "the world": "198.51.100.1",
		"a neighbour of the node": "203.0.113.8",
	} {
		if _, err := conn.WriteTo([]byte("hello"), &net.UDPAddr{IP: net.ParseIP(ip), Port: port}); err == nil {
			t.Errorf("%s may be sent to", what)
		}
	}
	for _, ip := range []string{"::1", "fe80::1", "fc00::1", "::ffff:127.0.0.1", "2001:db8::1", "::"} {
		if r.s.permits(nil, net.ParseIP(ip)) {
			t.Errorf("%s may be sent to", ip)
		}
	}
	// Another port of the node's own address: permissions know no ports, the relay does.
	dropped := r.s.Counts().Dropped
	if _, err := conn.WriteTo([]byte("hello"), &net.UDPAddr{IP: net.ParseIP("203.0.113.7"), Port: port}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the packet is dropped", func() bool { return r.s.Counts().Dropped == dropped+1 })
	if r.s.Counts().Denied == 0 {
		t.Error("denied permissions are not counted")
	}
}

func TestStrangersPacketsToARelayAreDropped(t *testing.T) {
	r := start(t, nil)
	conn := r.allocate(r.client(r.s.Credentials("ada", time.Now())))
	at := &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: conn.LocalAddr().(*net.UDPAddr).Port}
	stranger := listenUDP(t)
	defer stranger.Close()
	if _, err := stranger.WriteTo([]byte("let me in"), at); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is dropped", func() bool { return r.s.Counts().Dropped == 1 })
}

func TestAUserHasAShareOfTheAllocations(t *testing.T) {
	r := start(t, func(c *Config) { c.PerUser, c.Total = 2, 3 })
	ada, ben := r.s.Credentials("ada", time.Now()), r.s.Credentials("ben", time.Now())
	first := r.allocate(r.client(ada))
	r.allocate(r.client(ada))
	if conn, err := r.client(ada).Allocate(); err == nil || !strings.Contains(err.Error(), "486") {
		t.Errorf("a third allocation gives %v, %v", conn, err)
	}
	r.allocate(r.overTLS(ben))
	if _, err := r.client(ben).Allocate(); err == nil {
		t.Error("the server has no bound of its own")
	}
	if n := r.s.Counts().Refused; n != 2 {
		t.Errorf("%d were refused", n)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a place is free again", func() bool { return r.s.Counts().Allocations == 2 })
	r.allocate(r.client(ada))
}

func TestAnAllocationHasABitrate(t *testing.T) {
	r := start(t, func(c *Config) { c.Bitrate = 8 * 4000 })
	conn := r.allocate(r.client(r.s.Credentials("ada", time.Now())))
	for range 20 {
		if _, err := conn.WriteTo(make([]byte, 1000), net.UDPAddrFromAddrPort(r.shown)); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "most is dropped", func() bool { return r.s.Counts().Dropped >= 10 })
}

func TestAConnectionMustShowCredentialsInTime(t *testing.T) {
	r := start(t, func(c *Config) { c.AuthWithin = 200 * time.Millisecond })
	silent, err := net.Dial("tcp", r.tls)
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	polite, err := tls.Dial("tcp", r.tls, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer polite.Close()
	for what, c := range map[string]net.Conn{"a silent connection": silent, "one that only shook hands": polite} {
		if _, err := io.ReadAll(c); err != nil && strings.Contains(err.Error(), "timeout") {
			t.Errorf("%s: %v", what, err)
		}
	}
	conn := r.allocate(r.overTLS(r.s.Credentials("ada", time.Now())))
	eventually(t, "the strangers are gone, Ada is not", func() bool { return r.s.Counts().Connections == 1 })
	if _, err := conn.WriteTo([]byte("still here"), net.UDPAddrFromAddrPort(r.shown)); err != nil {
		t.Error(err)
	}
}

func TestOneAddressHasAShareOfTheConnections(t *testing.T) {
	r := start(t, func(c *Config) { c.Connections.PerAddress = 1 })
	r.allocate(r.overTLS(r.s.Credentials("ada", time.Now())))
	if c, err := tls.Dial("tcp", r.tls, &tls.Config{InsecureSkipVerify: true}); err == nil {
		c.Close()
		t.Error("a second connection was let in")
	}
}

func TestFramesComeWholeOrNotAtAll(t *testing.T) {
	message := stun.MustBuild(stun.TransactionID, stun.BindingRequest).Raw
	channel := []byte{0x40, 0, 0, 5, 'h', 'e', 'l', 'l', 'o', 0, 0, 0}
	in := bufio.NewReader(bytes.NewReader(append(append([]byte{}, message...), channel...)))
	b := make([]byte, inboundMTU)
	for _, want := range [][]byte{message, channel} {
		if n, err := readFrame(in, b); err != nil || !bytes.Equal(b[:n], want) {
			t.Errorf("read %x, %v, want %x", b[:n], err, want)
		}
	}
	for name, bad := range map[string][]byte{
		"RTP": {0x80, 0, 0, 0, 1, 2, 3, 4}, "a huge message": {0, 1, 0xFF, 0xFC, 0, 0, 0, 0}, "a huge channel": {0x40, 0, 0xFF, 0xFF, 0, 0},
		"half a message": message[:19], "nothing": nil,
	} {
		if n, err := readFrame(bufio.NewReader(bytes.NewReader(bad)), b); err == nil {
			t.Errorf("%s: read %d bytes", name, n)
		}
	}
}

func FuzzReadFrame(f *testing.F) {
	f.Add(stun.MustBuild(stun.TransactionID, stun.BindingRequest).Raw)
	f.Add([]byte{0x40, 0, 0, 5, 'h', 'e', 'l', 'l', 'o', 0, 0, 0})
	f.Add([]byte{0x40, 0, 0xFF, 0xFF})
	f.Fuzz(func(t *testing.T, stream []byte) {
		in := bufio.NewReader(bytes.NewReader(stream))
		b := make([]byte, inboundMTU)
		read := 0
		for {
			n, err := readFrame(in, b)
			if err != nil {
				return
			}
			if n < channelHeader || n > len(b) || !bytes.Equal(b[:n], stream[read:read+n]) {
				t.Fatalf("frame of %d bytes at %d", n, read)
			}
			read += n
		}
	})
}

func TestConfigNamesWhatIsWrong(t *testing.T) {
	for field, change := range map[string]func(*Config){
		"Peers": func(c *Config) { c.Peers = nil }, "Bitrate": func(c *Config) { c.Bitrate = 0 },
		"PerUser": func(c *Config) { c.PerUser = -1 }, "AuthWithin": func(c *Config) { c.AuthWithin = 0 },
	} {
		c := DefaultConfig()
		c.Peers = []Peer{{}}
		change(&c)
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("a bad %s gives %v", field, err)
		}
	}
}
