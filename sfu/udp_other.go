//go:build !linux

package sfu

import "net"

// post hands batches to the kernel, packet by packet.
type post struct{ conn *net.UDPConn }

func newPost(conn *net.UDPConn) (*post, error) { return &post{conn}, nil }

func (p *post) send(b *batch) {
	for i := range b.packets {
		q := &b.packets[i]
		_, _ = p.conn.WriteToUDPAddrPort(b.bytes[q.first:q.end], q.to) // what is refused is lost
	}
}
