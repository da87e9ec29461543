package embed

import (
	"encoding/binary"
	"errors"
	"io"
	"maps"
	"net"
	"slices"
	"sync"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// gate is the broker's listener. Until it is opened, only connections made with enter come in; clients that dial
// already wait in the system's queue. So nobody writes before the committed offsets are repaired.
type gate struct {
	net.Listener
	inside chan net.Conn

	opened, closed chan struct{}
	opening        sync.Once
	closing        sync.Once

	mu    sync.Mutex // guards what follows
	conns map[*framedConn]struct{}
	shut  bool // clients that come now are turned away
}

func newGate(listener net.Listener) *gate {
	return &gate{
		Listener: listener,
		inside:   make(chan net.Conn),
		opened:   make(chan struct{}),
		closed:   make(chan struct{}),
		conns:    make(map[*framedConn]struct{}),
	}
}

// open lets clients in.
func (g *gate) open() { g.opening.Do(func() { close(g.opened) }) }

// enter returns a connection to the broker from inside the process. It works only before open.
func (g *gate) enter() (net.Conn, error) {
	mine, theirs := net.Pipe()
	select {
	case g.inside <- theirs:
		return mine, nil
	case <-g.opened:
	case <-g.closed:
	}
	mine.Close()
	theirs.Close()
	return nil, net.ErrClosed
}

// Accept implements net.Listener.
func (g *gate) Accept() (net.Conn, error) {
	select {
	case conn := <-g.inside:
		return conn, nil
	case <-g.closed:
		return nil, net.ErrClosed
	case <-g.opened:
	}
	conn, err := g.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return g.admit(conn), nil
}

// admit keeps the connection in mind until it is closed.
func (g *gate) admit(conn net.Conn) *framedConn {
	c := &framedConn{Conn: conn, gate: g}
	g.mu.Lock()
	g.conns[c] = struct{}{}
	shut := g.shut
	g.mu.Unlock()
	if shut {
		c.Close()
	}
	return c
}

func (g *gate) forget(c *framedConn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.conns, c)
}

// sendAway closes the connections of all clients. It must come before the broker is closed: from then on the broker
// still acknowledges positions, but writes them down only at the very end, and a process that is told to end is often
// killed soon after.
func (g *gate) sendAway() {
	g.mu.Lock()
	g.shut = true
	conns := slices.Collect(maps.Keys(g.conns))
	g.mu.Unlock()
	for _, c := range conns {
		c.Close()
	}
}

// Close implements net.Listener.
func (g *gate) Close() error {
	g.closing.Do(func() { close(g.closed) })
	return g.Listener.Close()
}

const (
	// maxFrame bounds one request. A record batch has at most 1 MiB; the rest is room for requests that carry several.
	maxFrame = 16 << 20

	// frameHead is the part of a request that is looked at: length, API key, API version, correlation ID.
	frameHead = 12
)

// errNotKafka closes connections that speak something else.
var errNotKafka = errors.New("not a Kafka request")

// framedConn reads Kafka requests and ends the stream at the first one that the broker could not survive: it makes room
// for whatever length a request claims, and panics on an API key that does not exist. A browser or a port scanner on the
// same machine is enough for that.
type framedConn struct {
	net.Conn
	gate *gate           // nil: of none
	buf  [frameHead]byte // the head that Read has checked
	head []byte          // what of it the broker has not read yet
	left int             // bytes of the request behind the head
}

// Read implements net.Conn. Only one goroutine may read.
func (c *framedConn) Read(p []byte) (int, error) {
	if len(c.head) == 0 && c.left == 0 {
		if err := c.next(); err != nil {
			return 0, err
		}
	}
	if len(c.head) > 0 {
		n := copy(p, c.head)
		c.head = c.head[n:]
		return n, nil
	}
	n, err := c.Conn.Read(p[:min(len(p), c.left)])
	c.left -= n
	return n, err
}

// Close implements net.Conn.
func (c *framedConn) Close() error {
	if c.gate != nil {
		c.gate.forget(c)
	}
	return c.Conn.Close()
}

// next reads and checks the head of the next request.
func (c *framedConn) next() error {
	if _, err := io.ReadFull(c.Conn, c.buf[:]); err != nil {
		return err
	}
	size := binary.BigEndian.Uint32(c.buf[:])
	key := int16(binary.BigEndian.Uint16(c.buf[4:]))
	if size < frameHead-4 || size > maxFrame || kmsg.RequestForKey(key) == nil {
		return errNotKafka
	}
	c.head, c.left = c.buf[:], int(size)-(frameHead-4)
	return nil
}
