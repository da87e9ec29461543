package turn

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/turn/v5"
	"golang.org/x/time/rate"
)

// tally is what is counted since the server began.
type tally struct{ relayed, refused, denied, dropped, bytes atomic.Uint64 }

// permits is pion's PermissionHandler. Only addresses of the node's media may be peers: no other machine, inside or
// outside, and nothing else on this one.
func (s *Server) permits(_ net.Addr, peer net.IP) bool {
	ip, ok := netip.AddrFromSlice(peer)
	if ok && s.shown[ip.Unmap()] {
		return true
	}
	s.tally.denied.Add(1)
	return false
}

// hasQuota is pion's QuotaHandler: it only tells the client why; the bound is kept where relays are made.
func (s *Server) hasQuota(user, _ string, _ net.Addr) bool {
	s.mu.Lock()
	room := !s.closed && s.perUser[user] < s.config.PerUser && len(s.relays) < s.config.Total
	s.mu.Unlock()
	if !room {
		s.tally.refused.Add(1)
	}
	return room
}

// generator makes the relays. It has UDP only: nobody needs TCP to reach the node, nor a port of his choice.
type generator struct{ s *Server }

var _ turn.RelayAddressGenerator = generator{}

var (
	errNoTCP     = errors.New("relays are UDP only")
	errNoPort    = errors.New("ports cannot be chosen")
	errFull      = errors.New("too many allocations")
	errNoAddress = errors.New("the node has no media address of this family")
	errNotOpen   = errors.New("the server is closed")
)

// Validate implements turn.RelayAddressGenerator.
func (generator) Validate() error { return nil }

// AllocateListener implements turn.RelayAddressGenerator.
func (generator) AllocateListener(turn.AllocateListenerConfig) (net.Listener, net.Addr, error) {
	return nil, nil, errNoTCP
}

// AllocateConn implements turn.RelayAddressGenerator.
func (generator) AllocateConn(turn.AllocateConnConfig) (net.Conn, error) { return nil, errNoTCP }

// AllocatePacketConn implements turn.RelayAddressGenerator. pion also calls it, without a user, to find an even port.
func (g generator) AllocatePacketConn(c turn.AllocateListenerConfig) (net.PacketConn, net.Addr, error) {
	if c.RequestedPort != 0 || c.UserID == "" {
		return nil, nil, errNoPort
	}
	at, ok := g.s.home(strings.HasSuffix(c.Network, "6"))
	if !ok {
		return nil, nil, errNoAddress
	}
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(at.Local.Addr(), 0)))
	if err != nil {
		return nil, nil, fmt.Errorf("open relay: %w", err)
	}
	r := &relay{UDPConn: conn, s: g.s, user: c.UserID, up: g.s.limiter(), down: g.s.limiter()}
	if err := g.s.count(r); err != nil {
		return nil, nil, errors.Join(err, conn.Close())
	}
	port := conn.LocalAddr().(*net.UDPAddr).Port
	return r, &net.UDPAddr{IP: at.Shown.Addr().AsSlice(), Port: port}, nil
}

// home returns the media address next to which relays of a family live.
func (s *Server) home(v6 bool) (Peer, bool) {
	for _, p := range s.config.Peers {
		if p.Local.Addr().Is6() == v6 {
			return p, true
		}
	}
	return Peer{}, false
}

// limiter lets half a second's worth through at once: key frames come in bursts.
func (s *Server) limiter() *rate.Limiter {
	bytes := s.config.Bitrate / 8
	return rate.NewLimiter(rate.Limit(bytes), max(bytes/2, inboundMTU))
}

// count takes a place for a relay.
func (s *Server) count(r *relay) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return errNotOpen
	case s.perUser[r.user] >= s.config.PerUser || len(s.relays) >= s.config.Total:
		return errFull
	}
	s.relays[r] = struct{}{}
	s.perUser[r.user]++
	s.open.Add(1)
	s.tally.relayed.Add(1)
	return nil
}

func (s *Server) uncount(r *relay) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.relays, r)
	if s.perUser[r.user]--; s.perUser[r.user] <= 0 {
		delete(s.perUser, r.user)
	}
	s.open.Done()
}

// relay is the socket of one allocation: it knows the node's media sockets and nobody else. Permissions are by address; it
// looks at the port, too, so that other services of the machine get nothing.
type relay struct {
	*net.UDPConn
	s        *Server
	user     string
	up, down *rate.Limiter
	once     sync.Once
}

// WriteTo sends from the client to the node. What may not pass is dropped: a client must not learn more from an error.
func (r *relay) WriteTo(b []byte, to net.Addr) (int, error) {
	local, ok := r.s.byShown[addrPort(to)]
	if !ok || !r.up.AllowN(time.Now(), len(b)) {
		r.s.tally.dropped.Add(1)
		return len(b), nil
	}
	r.s.tally.bytes.Add(uint64(len(b)))
	return r.WriteToUDPAddrPort(b, local)
}

// ReadFrom receives from the node, under the address that the client knows.
func (r *relay) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		n, from, err := r.ReadFromUDPAddrPort(b)
		if err != nil {
			return n, nil, err
		}
		shown, ok := r.s.byLocal[unmapped(from)]
		if !ok || !r.down.AllowN(time.Now(), n) {
			r.s.tally.dropped.Add(1)
			continue
		}
		r.s.tally.bytes.Add(uint64(n))
		return n, net.UDPAddrFromAddrPort(shown), nil
	}
}

// Close ends the relay. It may be called several times.
func (r *relay) Close() error {
	err := net.ErrClosed
	r.once.Do(func() {
		err = r.UDPConn.Close()
		r.s.uncount(r)
	})
	return err
}

func addrPort(a net.Addr) netip.AddrPort {
	if udp, ok := a.(*net.UDPAddr); ok {
		return unmapped(udp.AddrPort())
	}
	return netip.AddrPort{}
}

func unmapped(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap().WithZone(""), a.Port())
}
