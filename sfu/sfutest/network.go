package sfutest

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/pion/transport/v5"
	"github.com/pion/transport/v5/stdnet"
)

// Network is what lies between a peer and the server for UDP: it can be cut and mended, and the peer can move to another
// address. Sockets notice nothing but silence.
type Network struct {
	*stdnet.Net

	mu    sync.Mutex // guards all below
	cut   bool
	width int       // bits per second of large packets that come through to the peer; 0: all of them
	spare float64   // bits that may come now
	at    time.Time // when spare was reckoned
	conns []*networkConn
}

// NewNetwork returns a network that lets everything through.
func NewNetwork() (*Network, error) {
	n, err := stdnet.NewNet()
	if err != nil {
		return nil, fmt.Errorf("make a network: %w", err)
	}
	return &Network{Net: n}, nil
}

// Cut loses every packet in both directions until Mend.
func (n *Network) Cut() { n.set(true) }

// Mend ends Cut.
func (n *Network) Mend() { n.set(false) }

func (n *Network) set(cut bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.cut = cut
}

// Narrow lets so many bits per second of video through to the peer and loses the rest, as a router does that favours small
// packets; 0: all. What is smaller than largePacket is never lost.
func (n *Network) Narrow(bitsPerSecond int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.width, n.spare, n.at = bitsPerSecond, 0, time.Now()
}

// largePacket is larger than sound is, in bytes.
const largePacket = 300

// overrun says whether a packet of so many bytes to the peer is lost.
func (n *Network) overrun(bytes int) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.width == 0 || bytes < largePacket {
		return false
	}
	now := time.Now()
	queue := float64(n.width) / 5 // a fifth of a second of it
	n.spare = min(n.spare+float64(n.width)*now.Sub(n.at).Seconds(), queue)
	n.at = now
	if n.spare < float64(8*bytes) {
		return true
	}
	n.spare -= float64(8 * bytes)
	return false
}

func (n *Network) isCut() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.cut
}

// Move gives every socket another port, as a change of the network does.
func (n *Network) Move() error {
	n.mu.Lock()
	conns := n.conns
	n.mu.Unlock()
	var errs []error
	for _, c := range conns {
		errs = append(errs, c.move())
	}
	return errors.Join(errs...)
}

// ListenUDP implements transport.Net.
func (n *Network) ListenUDP(network string, at *net.UDPAddr) (transport.UDPConn, error) {
	conn, err := net.ListenUDP(network, at)
	if err != nil {
		return nil, err
	}
	c := &networkConn{n: n, UDPConn: conn}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.conns = append(n.conns, c)
	return c, nil
}

// networkConn is a socket on the network. ICE reads and writes packets with addresses only.
type networkConn struct {
	transport.UDPConn // the first one; what is not below is asked of it
	n                 *Network

	mu     sync.Mutex   // guards all below
	moved  *net.UDPConn // the present one, if it has moved
	closed bool
}

func (c *networkConn) present() transport.UDPConn {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.moved != nil {
		return c.moved
	}
	return c.UDPConn
}

func (c *networkConn) move() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil
	}
	old := c.UDPConn
	if c.moved != nil {
		old = c.moved
	}
	at := old.LocalAddr().(*net.UDPAddr)
	fresh, err := net.ListenUDP("udp", &net.UDPAddr{IP: at.IP, Zone: at.Zone})
	if err != nil {
		return fmt.Errorf("move: %w", err)
	}
	c.moved = fresh
	return old.Close()
}

// ReadFrom implements net.PacketConn.
func (c *networkConn) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		conn := c.present()
		n, from, err := conn.ReadFrom(b)
		if errors.Is(err, net.ErrClosed) && conn != c.present() {
			continue
		}
		if err == nil && (c.n.isCut() || c.n.overrun(n)) {
			continue
		}
		return n, from, err
	}
}

// WriteTo implements net.PacketConn.
func (c *networkConn) WriteTo(b []byte, to net.Addr) (int, error) {
	if c.n.isCut() {
		return len(b), nil
	}
	return c.present().WriteTo(b, to)
}

// Close implements net.Conn.
func (c *networkConn) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	if c.moved != nil {
		return c.moved.Close() // the first one was closed by move
	}
	return c.UDPConn.Close()
}
