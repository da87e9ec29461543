//go:build linux

package main

import (
	"errors"
	"fmt"
	"net"
	"sync"

	"github.com/pion/transport/v5"
	"github.com/pion/transport/v5/stdnet"
	"golang.org/x/sys/unix"
)

// receiveBuffer is the size of a receiver's socket buffer. Ours may be held up for a second by other programs; what is lost
// then would count as the server's loss.
const receiveBuffer = 4 << 20

// sockets makes the generator's sockets.
type sockets struct{ *stdnet.Net }

// network is shared by all participants.
var network = sync.OnceValues(func() (*sockets, error) {
	n, err := stdnet.NewNet()
	return &sockets{n}, err
})

// ListenUDP implements transport.Net.
func (s *sockets) ListenUDP(network string, address *net.UDPAddr) (transport.UDPConn, error) {
	conn, err := net.ListenUDP(network, address)
	if err != nil {
		return nil, err
	}
	raw, err := conn.SyscallConn()
	if err == nil {
		err = raw.Control(func(fd uintptr) { // without privileges the kernel's limit holds
			if unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, receiveBuffer) != nil {
				_ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, receiveBuffer)
			}
		})
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("enlarge a receive buffer: %w", err), conn.Close())
	}
	return conn, nil
}
