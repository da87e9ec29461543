package turn

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

// writeWithin is how long a client may take to read one packet. It is slower than that only if it does not read at all.
const writeWithin = 10 * time.Second

// streams is TURN over TLS on one listener. It shakes hands in the background, so that a slow client holds nobody up, and
// hands out connections that give whole frames.
type streams struct {
	net.Listener // guarded TCP
	s            *Server
	config       *tls.Config
	ready        chan net.Conn // unbuffered: connections whose handshake is done
	quit         chan struct{}
	once         sync.Once
	loops        sync.WaitGroup
}

func (s *Server) listenTLS(l net.Listener, certificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)) *streams {
	st := &streams{
		Listener: s.gate.Guard(l), s: s, ready: make(chan net.Conn), quit: make(chan struct{}),
		config: &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: certificate},
	}
	st.loops.Go(st.run)
	return st
}

func (st *streams) run() {
	for {
		conn, err := st.Listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // out of descriptors: some come back
			select {
			case <-time.After(100 * time.Millisecond):
				continue
			case <-st.quit:
				return
			}
		}
		st.loops.Go(func() { st.greet(conn) })
	}
}

// greet shakes hands. From the first byte on, the connection has AuthWithin to show good credentials.
func (st *streams) greet(conn net.Conn) {
	c := &stream{Conn: tls.Server(conn, st.config), s: st.s}
	c.in = bufio.NewReaderSize(c.Conn, 2*inboundMTU)
	st.s.suspect(c)
	ctx, cancel := context.WithTimeout(context.Background(), st.s.config.AuthWithin)
	defer cancel()
	if err := c.Conn.(*tls.Conn).HandshakeContext(ctx); err != nil {
		_ = c.Close() // it never began
		return
	}
	select {
	case st.ready <- c:
	case <-st.quit:
		_ = c.Close()
	}
}

// suspect closes a connection that does not authenticate in time.
func (s *Server) suspect(c *stream) {
	key := c.RemoteAddr().String()
	timer := time.AfterFunc(s.config.AuthWithin, func() { _ = c.Close() })
	s.mu.Lock()
	defer s.mu.Unlock()
	s.strangers[key] = timer
}

// Accept implements net.Listener.
func (st *streams) Accept() (net.Conn, error) {
	select {
	case c := <-st.ready:
		return c, nil
	case <-st.quit:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (st *streams) Close() error {
	st.once.Do(func() { close(st.quit) })
	return st.Listener.Close()
}

// wait waits for what Close ended. The gate must be closed, too: it holds the handshakes.
func (st *streams) wait() { st.loops.Wait() }

// stream is a client's connection. A read gives one whole frame: pion's own reader would gather 64 kB for one that says
// it is so long, one stack frame for each byte that comes alone.
type stream struct {
	net.Conn // TLS
	s        *Server
	in       *bufio.Reader
	once     sync.Once
}

// Read implements net.Conn.
func (c *stream) Read(b []byte) (int, error) { return readFrame(c.in, b) }

// Write implements net.Conn. A client that does not read is closed, not waited for.
func (c *stream) Write(b []byte) (int, error) {
	if err := c.Conn.SetWriteDeadline(time.Now().Add(writeWithin)); err != nil {
		return 0, err
	}
	n, err := c.Conn.Write(b)
	if err != nil {
		_ = c.Close() // half a record is sent: nothing that follows could be read
	}
	return n, err
}

// Close implements net.Conn. It may be called several times.
func (c *stream) Close() error {
	c.once.Do(func() {
		key := c.RemoteAddr().String()
		c.s.mu.Lock()
		defer c.s.mu.Unlock()
		if timer := c.s.strangers[key]; timer != nil {
			timer.Stop()
			delete(c.s.strangers, key)
		}
	})
	return c.Conn.Close()
}

// Sizes of TURN frames, RFC 8656 section 12.4 and RFC 8489 section 5.
const (
	stunHeader    = 20
	channelHeader = 4
	channelAlign  = 4
)

var errFrame = errors.New("not a TURN frame")

// readFrame reads one STUN message or one channel's data with its padding into b. Frames that do not fit end the stream.
func readFrame(in *bufio.Reader, b []byte) (int, error) {
	head, err := in.Peek(channelHeader)
	if err != nil {
		return 0, err
	}
	length := int(binary.BigEndian.Uint16(head[2:]))
	size := 0
	switch head[0] >> 6 {
	case 0b00:
		size = stunHeader + length
	case 0b01:
		size = channelHeader + (length+channelAlign-1)/channelAlign*channelAlign
	default:
		return 0, errFrame
	}
	if size > len(b) {
		return 0, fmt.Errorf("%w: %d bytes, at most %d", errFrame, size, len(b))
	}
	return io.ReadFull(in, b[:size])
}
