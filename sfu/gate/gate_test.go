package gate

import (
	"errors"
	"io"
	"net"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// door is a guarded listener on loopback that keeps what it let in.
type door struct {
	t *testing.T
	net.Listener
	let chan net.Conn
}

func open(t *testing.T, g *Gate) *door {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d := &door{t: t, Listener: g.Guard(l), let: make(chan net.Conn, 16)}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			c, err := d.Accept()
			if err != nil {
				return
			}
			d.let <- c
		}
	}()
	t.Cleanup(func() {
		g.Close()
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		<-ended
	})
	return d
}

// knock connects from an address of loopback.
func (d *door) knock(from string) net.Conn {
	d.t.Helper()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	c, err := dialer.Dial("tcp", d.Addr().String())
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { c.Close() })
	return c
}

// turnedAway waits until the other side has closed.
func (d *door) turnedAway(c net.Conn) {
	d.t.Helper()
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		var reset *net.OpError
		if !errors.As(err, &reset) {
			d.t.Errorf("read gives %v", err)
		}
	}
}

func TestOneAddressHasItsShareOnly(t *testing.T) {
	g := New(Limits{Total: 10, PerAddress: 2})
	d := open(t, g)
	d.knock("127.0.0.1")
	d.knock("127.0.0.1")
	first := <-d.let
	<-d.let
	d.turnedAway(d.knock("127.0.0.1"))
	d.knock("127.0.0.2")
	<-d.let
	if n, refused := g.Counts(); n != 3 || refused != 1 {
		t.Errorf("%d are open, %d were refused", n, refused)
	}
	first.Close()
	first.Close() // counts once
	d.knock("127.0.0.1")
	<-d.let
	d.turnedAway(d.knock("127.0.0.1"))
}

func TestAllListenersCountTogether(t *testing.T) {
	g := New(Limits{Total: 2, PerAddress: 2})
	one, two := open(t, g), open(t, g)
	one.knock("127.0.0.1")
	<-one.let
	two.knock("127.0.0.2")
	<-two.let
	one.turnedAway(one.knock("127.0.0.3"))
}

func TestCloseEndsAllConnectionsAndLetsNoneIn(t *testing.T) {
	g := New(Limits{Total: 9, PerAddress: 9})
	d := open(t, g)
	inside := d.knock("127.0.0.1")
	<-d.let
	g.Close()
	d.turnedAway(inside)
	d.turnedAway(d.knock("127.0.0.1"))
	if n, _ := g.Counts(); n != 0 {
		t.Errorf("%d are open", n)
	}
}

func TestAnIPv6ClientIsItsNetwork(t *testing.T) {
	for address, want := range map[string]string{
		"[2001:db8:1:2:3:4:5:6]:80": "2001:db8:1:2::",
		"[2001:db8:1:2::1]:9":       "2001:db8:1:2::",
		"[fe80::1%lo]:9":            "fe80::",
		"[::ffff:192.0.2.1]:9":      "192.0.2.1",
		"192.0.2.1:1":               "192.0.2.1",
	} {
		if got := network(text(address)).String(); got != want {
			t.Errorf("%s counts as %s, want %s", address, got, want)
		}
	}
}

type text string

func (text) Network() string  { return "tcp" }
func (a text) String() string { return string(a) }
