package sfu_test

import (
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"
)

// relay stands between clients and a node like a router with address translation: each client's packets leave from a
// socket of its own. It loses and delays the packets of those clients that it is told to.
type relay struct {
	t     *testing.T
	ns    *namespace
	node  netip.AddrPort
	front *net.UDPConn
	loops sync.WaitGroup

	mu     sync.Mutex // guards all below
	bad    netip.Addr // client whose packets are lost and delayed
	lose   func() bool
	delay  time.Duration
	flows  map[netip.AddrPort]*flow
	next   byte // last byte of the address that the next flow leaves from
	lost   int
	passed int
}

// flow is one client's way through the relay.
type flow struct {
	client   netip.AddrPort
	back     *net.UDPConn // to the node
	up, down *line
}

// line delays packets without changing their order. What does not fit is lost.
type line struct{ packets chan delayed }

type delayed struct {
	due  time.Time
	data []byte
	out  func([]byte)
}

const lineLength = 4096

// newRelay listens on address, for a node; both are in ns.
func newRelay(t *testing.T, ns *namespace, address string, node netip.AddrPort) *relay {
	t.Helper()
	front, err := ns.listen("udp4", &net.UDPAddr{IP: net.ParseIP(address), Port: int(node.Port())})
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{t: t, ns: ns, node: node, front: front, lose: func() bool { return false }, flows: map[netip.AddrPort]*flow{}, next: 1}
	r.loops.Add(1)
	go r.run()
	t.Cleanup(r.close)
	return r
}

func (r *relay) close() {
	r.front.Close()
	r.mu.Lock()
	for _, f := range r.flows {
		f.back.Close()
		close(f.up.packets)
		close(f.down.packets)
	}
	r.flows = map[netip.AddrPort]*flow{}
	r.mu.Unlock()
	r.loops.Wait()
}

// harm makes the network of one client lose packets, in either direction, and delay them by so much each way.
func (r *relay) harm(client string, lose func() bool, delay time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.bad, r.lose, r.delay = netip.MustParseAddr(client), lose, delay
}

// evenly loses the given share of packets, by a fixed sequence.
func evenly(share float64) func() bool {
	random := rand.New(rand.NewPCG(5, 13))
	return func() bool { return random.Float64() < share }
}

func (r *relay) run() {
	defer r.loops.Done()
	buf := make([]byte, 2048)
	for {
		n, client, err := r.front.ReadFromUDPAddrPort(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue
		}
		r.mu.Lock()
		f := r.flows[client]
		if f == nil {
			f = r.openLocked(client)
		}
		if f != nil {
			r.passLocked(f.up, client.Addr(), buf[:n], func(b []byte) { r.send(f, b) })
		}
		r.mu.Unlock()
	}
}

// send sends from whatever address the flow has by now.
func (r *relay) send(f *flow, b []byte) {
	r.mu.Lock()
	back := f.back
	r.mu.Unlock()
	_, _ = back.WriteToUDPAddrPort(b, r.node) // closed: it is lost
}

// openLocked begins a flow.
func (r *relay) openLocked(client netip.AddrPort) *flow {
	f := &flow{client: client, up: r.newLine(), down: r.newLine()}
	if f.back = r.leaveLocked(f); f.back == nil {
		return nil
	}
	r.flows[client] = f
	return f
}

// leaveLocked opens a socket on an address and port that the node has not seen.
func (r *relay) leaveLocked(f *flow) *net.UDPConn {
	r.next++
	back, err := r.ns.listen("udp4", &net.UDPAddr{IP: net.IPv4(10, 91, 0, r.next)})
	if err != nil {
		r.t.Error(err)
		return nil
	}
	r.loops.Add(1)
	go r.readBack(f, back)
	return back
}

func (r *relay) newLine() *line {
	l := &line{packets: make(chan delayed, lineLength)}
	r.loops.Add(1)
	go func() {
		defer r.loops.Done()
		for p := range l.packets {
			time.Sleep(time.Until(p.due))
			p.out(p.data)
		}
	}()
	return l
}

// readBack passes on what the node sends to one socket of a flow, until it is closed.
func (r *relay) readBack(f *flow, back *net.UDPConn) {
	defer r.loops.Done()
	buf := make([]byte, 2048)
	for {
		n, _, err := back.ReadFromUDPAddrPort(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue
		}
		r.mu.Lock()
		if f.back == back && r.flows[f.client] == f {
			r.passLocked(f.down, f.client.Addr(), buf[:n], func(b []byte) { _, _ = r.front.WriteToUDPAddrPort(b, f.client) })
		}
		r.mu.Unlock()
	}
}

func (r *relay) passLocked(l *line, client netip.Addr, data []byte, out func([]byte)) {
	p := delayed{due: time.Now(), data: append([]byte(nil), data...), out: out}
	if client == r.bad {
		if r.lose() {
			r.lost++
			return
		}
		p.due = p.due.Add(r.delay)
	}
	select {
	case l.packets <- p:
		r.passed++
	default:
		r.lost++
	}
}

// rebind gives the flows of a client other addresses and ports, as a router does that was restarted.
func (r *relay) rebind(client string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for from, f := range r.flows {
		if from.Addr() == netip.MustParseAddr(client) {
			old := f.back
			f.back = r.leaveLocked(f)
			old.Close()
		}
	}
}

func (r *relay) counts() (passed, lost int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.passed, r.lost
}
