// Package turn is the TURN relay (RFC 8656) of one media node, for people whose network lets nothing else through. It is
// pion's server behind rules of ours: credentials of some hours for each participant, relays to the node's own media
// addresses and nowhere else, and bounds on allocations, bandwidth and connections.
//
// Both ends of a relay are in this process, so relays use sockets on the node's own addresses: nothing but the TURN port
// must be reachable from outside, and nothing is sent back through the NAT in front of the machine.
//
// Start reading at [Server]. The rules: credentials.go, who may; relay.go, where to and how much; stream.go, TURN over TLS.
package turn

import (
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/pion/logging"
	"github.com/pion/turn/v5"

	"souffleur/sfu/gate"
)

// Peer is a media address of the node: the only kind of address that a relay may send to.
type Peer struct {
	Shown netip.AddrPort // as clients are told, also the public address of a NAT
	Local netip.AddrPort // where the node's socket is
}

// Config says what a server allows.
type Config struct {
	Realm string
	Peers []Peer
	// Life is how long credentials are good for new allocations. Allocations that are there may be refreshed for Longest.
	Life, Longest time.Duration
	PerUser       int // allocations of one user at once
	Total         int // allocations of all users at once
	// Bitrate bounds what one allocation sends and what it receives, in bits a second. What is above is dropped, as by a
	// network of that rate.
	Bitrate int
	// Connections bound those of TURN over TLS.
	Connections gate.Limits
	// AuthWithin is how long a connection may stay without a request that carries good credentials, the TLS handshake
	// included.
	AuthWithin time.Duration
}

// DefaultConfig returns working bounds. A participant has two peer connections, each with an allocation over UDP and one
// over TLS, and for a moment twice as many when ICE restarts.
func DefaultConfig() Config {
	return Config{
		Realm: "souffleur", Life: 6 * time.Hour, Longest: 24 * time.Hour,
		PerUser: 12, Total: 1200, Bitrate: 16_000_000,
		Connections: gate.Limits{Total: 1200, PerAddress: 400}, AuthWithin: 10 * time.Second,
	}
}

// Validate says what is wrong with c, naming the field.
func (c *Config) Validate() error {
	if len(c.Peers) == 0 {
		return errors.New("Peers: a relay needs an address to send to")
	}
	for _, n := range []struct {
		name  string
		value int64
	}{
		{"Life", int64(c.Life)}, {"Longest", int64(c.Longest)}, {"PerUser", int64(c.PerUser)}, {"Total", int64(c.Total)},
		{"Bitrate", int64(c.Bitrate)}, {"Connections.Total", int64(c.Connections.Total)},
		{"Connections.PerAddress", int64(c.Connections.PerAddress)}, {"AuthWithin", int64(c.AuthWithin)},
	} {
		if n.value <= 0 {
			return fmt.Errorf("%s is %d, must be positive", n.name, n.value)
		}
	}
	return nil
}

// Sockets are where clients come in. The server closes them.
type Sockets struct {
	UDP []net.PacketConn
	TLS []net.Listener // TCP; the handshake is the server's business
	// Certificate of TLS; needed with TLS.
	Certificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)
}

// Counts are a server's numbers: of now, and since it began.
type Counts struct {
	Allocations int
	Connections int    // over TLS
	Relayed     uint64 // allocations made so far
	Refused     uint64 // allocations above a bound
	Denied      uint64 // permissions asked for addresses that are not the node's
	Dropped     uint64 // packets above the bitrate, or to and from elsewhere
	Bytes       uint64 // relayed, both directions
}

// Server is a running relay. All methods may be called from any goroutine.
type Server struct {
	config  Config // set once, as all down to turn
	secret  []byte // of this process: credentials end with it, and each welcome brings fresh ones
	byShown map[netip.AddrPort]netip.AddrPort
	byLocal map[netip.AddrPort]netip.AddrPort
	shown   map[netip.Addr]bool
	gate    *gate.Gate
	streams []*streams
	turn    *turn.Server

	tally tally

	mu        sync.Mutex // guards all below; nothing is called while it is held
	relays    map[*relay]struct{}
	perUser   map[string]int
	strangers map[string]*time.Timer // by remote address: connections that have not shown credentials
	closed    bool
	open      sync.WaitGroup // relays
}

// New starts a server on the sockets; they are closed if it fails. Close it.
func New(config Config, sockets Sockets, logs logging.LoggerFactory) (*Server, error) {
	if err := config.Validate(); err != nil {
		sockets.close()
		return nil, fmt.Errorf("start TURN: %w", err)
	}
	s := &Server{
		config: config, secret: make([]byte, 32), gate: gate.New(config.Connections),
		byShown: map[netip.AddrPort]netip.AddrPort{}, byLocal: map[netip.AddrPort]netip.AddrPort{}, shown: map[netip.Addr]bool{},
		relays: map[*relay]struct{}{}, perUser: map[string]int{}, strangers: map[string]*time.Timer{},
	}
	rand.Read(s.secret) // never fails
	for _, p := range config.Peers {
		s.byShown[p.Shown], s.shown[p.Shown.Addr()] = p.Local, true
		if _, known := s.byLocal[p.Local]; !known {
			s.byLocal[p.Local] = p.Shown
		}
	}
	var err error
	if s.turn, err = turn.NewServer(s.serverConfig(sockets, logs)); err != nil {
		s.gate.Close()
		sockets.close()
		for _, st := range s.streams {
			_ = st.Close() // nothing came in
		}
		return nil, fmt.Errorf("start TURN: %w", err)
	}
	return s, nil
}

func (s *Sockets) close() {
	for _, c := range s.UDP {
		_ = c.Close() // unused
	}
	for _, l := range s.TLS {
		_ = l.Close() // unused
	}
}

// inboundMTU bounds what one datagram or frame of a client may be, in bytes.
const inboundMTU = 1600

func (s *Server) serverConfig(sockets Sockets, logs logging.LoggerFactory) turn.ServerConfig {
	c := turn.ServerConfig{
		LoggerFactory: logs, Realm: s.config.Realm, InboundMTU: inboundMTU,
		AuthHandler: s.authenticate, QuotaHandler: s.hasQuota, EventHandler: turn.EventHandler{OnAuth: s.authenticated},
	}
	for _, conn := range sockets.UDP {
		c.PacketConnConfigs = append(c.PacketConnConfigs, turn.PacketConnConfig{
			PacketConn: conn, RelayAddressGenerator: generator{s}, PermissionHandler: s.permits,
		})
	}
	for _, l := range sockets.TLS {
		st := s.listenTLS(l, sockets.Certificate)
		s.streams = append(s.streams, st)
		c.ListenerConfigs = append(c.ListenerConfigs, turn.ListenerConfig{
			Listener: st, RelayAddressGenerator: generator{s}, PermissionHandler: s.permits,
		})
	}
	return c
}

// Counts returns the server's numbers.
func (s *Server) Counts() Counts {
	s.mu.Lock()
	n := len(s.relays)
	s.mu.Unlock()
	connections, _ := s.gate.Counts()
	return Counts{
		Allocations: n, Connections: connections, Relayed: s.tally.relayed.Load(), Refused: s.tally.refused.Load(),
		Denied: s.tally.denied.Load(), Dropped: s.tally.dropped.Load(), Bytes: s.tally.bytes.Load(),
	}
}

// Close ends all allocations and connections, and waits for them.
func (s *Server) Close() error {
	s.mu.Lock()
	s.closed = true
	var relays []*relay
	for r := range s.relays {
		relays = append(relays, r)
	}
	s.mu.Unlock()
	err := s.turn.Close()
	s.gate.Close()
	for _, r := range relays {
		_ = r.Close() // it is given up
	}
	s.open.Wait()
	for _, st := range s.streams {
		st.wait()
	}
	if err != nil {
		return fmt.Errorf("close TURN: %w", err)
	}
	return nil
}
