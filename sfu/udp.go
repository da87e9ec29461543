package sfu

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"

	"github.com/pion/ice/v4"
)

// listenUDP binds the port on each address that want selects, and returns what ICE agents share. One socket for each
// address: a socket on the unspecified one could answer from another address than the one it was asked at.
func listenUDP(port int, want func(net.IP) bool, buffer int, log *slog.Logger) (*ice.MultiUDPMuxDefault, error) {
	addresses, err := localAddresses(want)
	if err != nil {
		return nil, err
	}
	var muxes []ice.UDPMux
	for _, a := range addresses {
		conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(a, uint16(port))))
		if err != nil {
			return nil, errors.Join(err, ice.NewMultiUDPMuxDefault(muxes...).Close())
		}
		// The kernel gives less if its limits are lower, without an error.
		_ = conn.SetReadBuffer(buffer)
		_ = conn.SetWriteBuffer(buffer)
		batches, err := newBatchConn(conn)
		if err != nil {
			return nil, errors.Join(err, conn.Close(), ice.NewMultiUDPMuxDefault(muxes...).Close())
		}
		muxes = append(muxes, ice.NewUDPMuxDefault(ice.UDPMuxParams{Logger: pionLogs{log}.NewLogger("mux"), UDPConn: batches}))
	}
	return ice.NewMultiUDPMuxDefault(muxes...), nil
}

// localAddresses lists the addresses of all interfaces that are up, as far as want selects them.
func localAddresses(want func(net.IP) bool) ([]netip.Addr, error) {
	interfaces, err := net.Interfaces()
	if err != nil {
		return nil, fmt.Errorf("find own addresses: %w", err)
	}
	var list []netip.Addr
	for _, i := range interfaces {
		if i.Flags&net.FlagUp == 0 {
			continue
		}
		addresses, err := i.Addrs()
		if err != nil {
			return nil, fmt.Errorf("find the addresses of %s: %w", i.Name, err)
		}
		for _, a := range addresses {
			network, ok := a.(*net.IPNet)
			if !ok || !want(network.IP) {
				continue
			}
			address, _ := netip.AddrFromSlice(network.IP)
			if address = address.Unmap(); address.IsLinkLocalUnicast() && address.Is6() {
				address = address.WithZone(i.Name)
			}
			list = append(list, address)
		}
	}
	return list, nil
}

// batchConn is a UDP socket that sends many packets with one system call. A packet for 150 readers is 150 packets, each
// encrypted for one of them, and the kernel's part is half of what that costs.
//
// Packets wait for nothing: a goroutine sends what there is as soon as it runs, and while it is in the kernel the next
// ones gather. When a batch is full, whoever adds to it sends it first, so nothing is dropped here and nobody runs ahead of
// the socket. The packets of one destination stay in order.
type batchConn struct {
	*net.UDPConn
	wake chan struct{} // holds one: there is something to send
	quit chan struct{}
	once sync.Once
	done sync.WaitGroup

	sending sync.Mutex // guards post and the batch that is being sent; taken before mu
	post    *post

	mu      sync.Mutex // guards below; held to copy one packet
	filling *batch
	spare   *batch // nil while it is being sent
}

var _ ice.AddrPortReaderWriter = (*batchConn)(nil)

func newBatchConn(conn *net.UDPConn) (*batchConn, error) {
	post, err := newPost(conn)
	if err != nil {
		return nil, err
	}
	c := &batchConn{
		UDPConn: conn, wake: make(chan struct{}, 1), quit: make(chan struct{}), post: post, filling: newBatch(), spare: newBatch(),
	}
	c.done.Go(c.run)
	return c, nil
}

func (c *batchConn) run() {
	for {
		select {
		case <-c.quit:
			return
		case <-c.wake:
			c.flush()
		}
	}
}

// ReadFromAddrPort implements ice.AddrPortReaderWriter.
func (c *batchConn) ReadFromAddrPort(b []byte) (int, netip.AddrPort, error) {
	return c.ReadFromUDPAddrPort(b)
}

// WriteTo is WriteToAddrPort.
func (c *batchConn) WriteTo(b []byte, to net.Addr) (int, error) {
	udp, ok := to.(*net.UDPAddr)
	if !ok {
		return 0, fmt.Errorf("send to %T: not a UDP address", to)
	}
	return c.WriteToAddrPort(b, udp.AddrPort())
}

// WriteToAddrPort queues a copy of b. What the network says to it is not known any more when it is sent: a packet that
// cannot be delivered is lost, as packets are.
func (c *batchConn) WriteToAddrPort(b []byte, to netip.AddrPort) (int, error) {
	if len(b) > batchBytes {
		return 0, fmt.Errorf("send %d bytes: too long", len(b))
	}
	c.mu.Lock()
	for !c.filling.add(b, to) {
		c.mu.Unlock()
		if c.closed() {
			return 0, net.ErrClosed
		}
		c.flush()
		c.mu.Lock()
	}
	first := len(c.filling.packets) == 1
	c.mu.Unlock()
	if first {
		select {
		case c.wake <- struct{}{}:
		default:
		}
	}
	return len(b), nil
}

func (c *batchConn) closed() bool {
	select {
	case <-c.quit:
		return true
	default:
		return false
	}
}

// flush sends what waits.
func (c *batchConn) flush() {
	c.sending.Lock()
	defer c.sending.Unlock()
	c.mu.Lock()
	b := c.filling
	c.filling, c.spare = c.spare, nil
	c.mu.Unlock()
	c.post.send(b)
	b.clear()
	c.mu.Lock()
	c.spare = b
	c.mu.Unlock()
}

// Close sends what waits and closes the socket.
func (c *batchConn) Close() error {
	c.once.Do(func() { close(c.quit) })
	c.done.Wait()
	c.flush()
	return c.UDPConn.Close()
}

const (
	// batchPackets is how many packets are sent together: a packet for 150 readers takes two batches.
	batchPackets = 128
	// batchBytes is their size together: no packet that SRTP makes has more than 1500.
	batchBytes = batchPackets * 1500
)

// batch is a list of packets that wait to be sent together.
type batch struct {
	bytes   []byte // all packets, one behind the other; its capacity is never exceeded
	packets []packet
}

// packet is a part of batch.bytes.
type packet struct {
	first, end int
	to         netip.AddrPort
}

func newBatch() *batch {
	return &batch{bytes: make([]byte, 0, batchBytes), packets: make([]packet, 0, batchPackets)}
}

// add copies a packet. It returns false when there is no room.
func (b *batch) add(p []byte, to netip.AddrPort) bool {
	if len(b.packets) == batchPackets || len(b.bytes)+len(p) > cap(b.bytes) {
		return false
	}
	first := len(b.bytes)
	b.bytes = append(b.bytes, p...)
	b.packets = append(b.packets, packet{first: first, end: len(b.bytes), to: to})
	return true
}

func (b *batch) clear() { b.bytes, b.packets = b.bytes[:0], b.packets[:0] }
