package sfu

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// post hands batches to the kernel by sendmmsg(2). Several packets of equal size for one destination, as the parts of a
// video frame are, become one message that the kernel splits (udp(7), UDP_SEGMENT, Linux 4.18): it goes through the network
// stack once.
//
// The call does not block, and the runtime is not told of it: a goroutine that stays in the kernel for as long as a batch
// takes would lose its processor to another thread each time, which costs more than batches save.
type post struct {
	raw   syscall.RawConn
	call  func(fd uintptr) bool // p.write; kept, as each p.write would be an allocation
	ipv6  bool                  // the socket's family
	split bool                  // the kernel splits messages

	used     int // messages and parts of the present batch
	parts    int
	from, to int // what call sends next
	err      syscall.Errno
	messages [batchPackets]message
	iovecs   [batchPackets]unix.Iovec
	names    [batchPackets]unix.RawSockaddrInet6 // or RawSockaddrInet4, which is shorter
	controls [batchPackets][controlBytes]byte
	sizes    [batchPackets]messageSize
	open     map[netip.AddrPort]int // the message of each destination that can take more parts
	order    [batchPackets]int      // the message of each packet
}

// message is the kernel's struct mmsghdr.
type message struct {
	header unix.Msghdr
	_      uint32 // bytes sent; the kernel's
}

// messageSize is what decides whether a message takes another part.
type messageSize struct {
	parts, bytes int
	size, last   int // bytes of the first and of the last part
}

// take adds a part: all must be of the size of the first, but for the last, which may be shorter.
func (m *messageSize) take(size int) bool {
	if size == 0 || size > m.size || m.last < m.size || m.parts == maxParts || m.bytes+size > maxMessage {
		return false
	}
	m.parts, m.bytes, m.last = m.parts+1, m.bytes+size, size
	return true
}

// Limits of a message that the kernel splits: parts, of which older kernels take 64, and bytes, of which an IP packet has 64 K.
const (
	maxParts   = 64
	maxMessage = 60000
)

// atOnce is how many messages one call sends: 0.1 ms, for which the runtime cannot stop the goroutine.
const atOnce = 32

// controlBytes is the space of a control message that holds the size of parts.
const controlBytes = unix.SizeofCmsghdr + 8

func newPost(conn *net.UDPConn) (*post, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, fmt.Errorf("use socket %v: %w", conn.LocalAddr(), err)
	}
	p := &post{raw: raw, open: make(map[netip.AddrPort]int, batchPackets)}
	p.call = p.write
	err = raw.Control(func(fd uintptr) {
		_, missing := unix.GetsockoptInt(int(fd), unix.IPPROTO_UDP, unix.UDP_SEGMENT)
		p.split = missing == nil
		domain, _ := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_DOMAIN)
		p.ipv6 = domain == unix.AF_INET6
	})
	if err != nil {
		return nil, fmt.Errorf("use socket %v: %w", conn.LocalAddr(), err)
	}
	return p, nil
}

// send sends a batch. A message that the kernel refuses is left out: it is of one destination only.
func (p *post) send(b *batch) {
	p.arrange(b)
	for p.from = 0; p.from < p.used; {
		p.to = min(p.from+atOnce, p.used)
		if p.raw.Write(p.call) != nil {
			return // the socket is closed, or its deadline for writing has passed
		}
		if p.err == 0 {
			continue
		}
		if at := p.from; p.sizes[at].parts > 1 {
			p.divide(at)
			continue
		}
		p.from++
	}
}

// write is called by the runtime, again when it returns false and the socket can be written to.
func (p *post) write(fd uintptr) bool {
	n, _, err := syscall.RawSyscall6(unix.SYS_SENDMMSG, fd, uintptr(unsafe.Pointer(&p.messages[p.from])), uintptr(p.to-p.from), unix.MSG_DONTWAIT, 0, 0)
	p.err = err
	switch err {
	case 0:
		p.from += int(n)
	case unix.EAGAIN:
		return false
	case unix.EINTR:
		p.err = 0
	}
	return true
}

// divide replaces a message that the kernel does not split by its parts, and splits no more: a network interface without
// checksum offload refuses all such messages (EIO).
func (p *post) divide(at int) {
	p.split = false
	header := p.messages[at].header
	parts := unsafe.Slice(header.Iov, p.sizes[at].parts)
	for i := range parts {
		p.messages[at].header = header
		p.messages[at].header.Iov = &parts[i]
		p.messages[at].header.Iovlen = 1
		p.messages[at].header.Control, p.messages[at].header.Controllen = nil, 0
		p.from, p.to = at, at+1
		if p.raw.Write(p.call) != nil {
			break
		}
	}
	p.from = at + 1
}

// arrange makes the kernel's messages of a batch: first it finds the message of each packet, then it gives the parts of
// each message their place behind each other.
func (p *post) arrange(b *batch) {
	p.used, p.parts = 0, 0
	for i := range b.packets {
		q := &b.packets[i]
		p.order[i] = p.find(q.end-q.first, q.to)
	}
	clear(p.open)
	for i := range p.used {
		h := &p.messages[i].header
		h.Iov = &p.iovecs[p.parts]
		p.parts += p.sizes[i].parts
		h.Iovlen = 0
		p.describe(h, i)
	}
	for i := range b.packets {
		q := &b.packets[i]
		h := &p.messages[p.order[i]].header
		part := (*unix.Iovec)(unsafe.Add(unsafe.Pointer(h.Iov), uintptr(h.Iovlen)*unsafe.Sizeof(unix.Iovec{})))
		part.Base = unsafe.SliceData(b.bytes[q.first:])
		part.SetLen(q.end - q.first)
		h.Iovlen++
		if h.Iovlen == 1 {
			p.address(h, p.order[i], q.to)
		}
	}
}

// find returns the message that takes a packet of size bytes.
func (p *post) find(size int, to netip.AddrPort) int {
	if p.split {
		if at, ok := p.open[to]; ok && p.sizes[at].take(size) {
			return at
		}
		p.open[to] = p.used
	}
	at := p.used
	p.used++
	p.sizes[at] = messageSize{parts: 1, bytes: size, size: size, last: size}
	return at
}

// describe tells the kernel where to split message i.
func (p *post) describe(h *unix.Msghdr, i int) {
	if p.sizes[i].parts == 1 {
		h.Control, h.Controllen = nil, 0
		return
	}
	control := &p.controls[i]
	c := (*unix.Cmsghdr)(unsafe.Pointer(control))
	c.Level, c.Type = unix.IPPROTO_UDP, unix.UDP_SEGMENT
	c.SetLen(unix.CmsgLen(2))
	binary.NativeEndian.PutUint16(control[unix.SizeofCmsghdr:], uint16(p.sizes[i].size))
	h.Control = &control[0]
	h.SetControllen(unix.CmsgSpace(2))
}

// address writes the destination of message i.
func (p *post) address(h *unix.Msghdr, i int, to netip.AddrPort) {
	name := &p.names[i]
	h.Name = (*byte)(unsafe.Pointer(name))
	port := (*[2]byte)(unsafe.Pointer(&name.Port))
	if !p.ipv6 {
		v4 := (*unix.RawSockaddrInet4)(unsafe.Pointer(name))
		v4.Family, h.Namelen = unix.AF_INET, unix.SizeofSockaddrInet4
		if a := to.Addr().Unmap(); a.Is4() {
			v4.Addr = a.As4()
		} else {
			v4.Family = unix.AF_INET6 // which the kernel refuses, as it should
		}
	} else {
		name.Family, h.Namelen = unix.AF_INET6, unix.SizeofSockaddrInet6
		name.Addr, name.Scope_id = to.Addr().As16(), zoneIndex(to.Addr().Zone())
	}
	binary.BigEndian.PutUint16(port[:], to.Port())
}

// zoneIndex returns the number of a network interface; 0 for none. Only link-local addresses have a zone.
func zoneIndex(zone string) uint32 {
	if zone == "" {
		return 0
	}
	i, err := net.InterfaceByName(zone)
	if err != nil {
		return 0
	}
	return uint32(i.Index)
}
