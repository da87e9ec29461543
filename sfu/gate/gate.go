// Package gate stands in front of TCP listeners that strangers reach before anybody knows who they are. It bounds how many
// connections there are, in all and from one address, and can close them all. What a connection says is the business of
// whoever accepted it.
package gate

import (
	"net"
	"net/netip"
	"sync"
)

// Limits say how many connections may be open at once.
type Limits struct {
	Total int
	// PerAddress counts IPv6 clients by their /64, which is one household or one office. People behind one NAT count
	// together: 150 people in one building who all need TCP have 300 connections.
	PerAddress int
}

// Gate counts the connections of its listeners together. All methods may be called from any goroutine.
type Gate struct {
	limits Limits // set once

	mu      sync.Mutex // guards all below; nothing is called while it is held
	open    map[*conn]struct{}
	from    map[netip.Addr]int
	refused uint64
	closed  bool
}

// New returns a gate. Close it.
func New(limits Limits) *Gate {
	return &Gate{limits: limits, open: make(map[*conn]struct{}), from: make(map[netip.Addr]int)}
}

// Guard returns l without the connections that are too many: those are closed at once, unread.
func (g *Gate) Guard(l net.Listener) net.Listener { return &listener{Listener: l, gate: g} }

// Counts returns how many connections are open, and how many were refused so far.
func (g *Gate) Counts() (open int, refused uint64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.open), g.refused
}

// Close closes all connections and lets none in any more. The listeners belong to their makers.
func (g *Gate) Close() {
	g.mu.Lock()
	g.closed = true
	var open []*conn
	for c := range g.open {
		open = append(open, c)
	}
	g.mu.Unlock()
	for _, c := range open {
		_ = c.Close() // it is given up
	}
}

type listener struct {
	net.Listener
	gate *Gate
}

// Accept implements net.Listener.
func (l *listener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if let := l.gate.admit(c); let != nil {
			return let, nil
		}
		_ = c.Close() // nothing was said on it
	}
}

// admit counts a connection in; nil if it is too many.
func (g *Gate) admit(c net.Conn) net.Conn {
	from := network(c.RemoteAddr())
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed || len(g.open) >= g.limits.Total || g.from[from] >= g.limits.PerAddress {
		g.refused++
		return nil
	}
	counted := &conn{Conn: c, gate: g, from: from}
	g.open[counted] = struct{}{}
	g.from[from]++
	return counted
}

func (g *Gate) leave(c *conn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.open, c)
	if g.from[c.from]--; g.from[c.from] <= 0 {
		delete(g.from, c.from)
	}
}

// network returns what counts as one client: an IPv4 address, or the /64 of an IPv6 one.
func network(a net.Addr) netip.Addr {
	at, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return netip.Addr{}
	}
	ip := at.Addr().Unmap().WithZone("")
	if ip.Is6() {
		if p, err := ip.Prefix(64); err == nil {
			return p.Addr()
		}
	}
	return ip
}

// conn is a connection that was let in.
type conn struct {
	net.Conn
	gate *Gate
	from netip.Addr
	once sync.Once
}

// Close implements net.Conn. It may be called several times.
func (c *conn) Close() error {
	c.once.Do(func() { c.gate.leave(c) })
	return c.Conn.Close()
}
