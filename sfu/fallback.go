package sfu

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"github.com/pion/ice/v4"

	"souffleur/internal/meeting"
	"souffleur/internal/signal"
	"souffleur/sfu/gate"
	"souffleur/sfu/turn"
)

// Ways for clients whose network lets no UDP through to the media port: media over TCP, and the relay. They stand on the
// same addresses as the UDP sockets.

const (
	// tcpSayWithin is how long a TCP connection may wait with its first connectivity check, and one that nobody expects
	// with a connection that does.
	tcpSayWithin = 5 * time.Second
	// tcpReads is how many packets wait for one ICE agent; then TCP itself slows the sender down.
	tcpReads = 64
	// tcpWrites is how much may wait for one client, in bytes: a second of all that a participant gets. What is above is
	// dropped packet by packet and repaired or skipped as on UDP, so a slow reader holds up nobody.
	tcpWrites = 1 << 20
)

// tcpLimits bound the media connections over TCP. A participant has two.
var tcpLimits = gate.Limits{Total: 2000, PerAddress: 400}

// openFallbacks opens what the config asks for. A port that another program has is a mistake of the config.
func (n *Node) openFallbacks() error {
	if n.config.TCPPort != 0 {
		if err := n.listenTCP(); err != nil {
			return err
		}
	}
	if n.config.TURNPort != 0 || n.config.TURNTLSPort != 0 {
		return n.startRelay()
	}
	return nil
}

// mediaAddresses returns where the UDP sockets are.
func (n *Node) mediaAddresses() []netip.AddrPort {
	var list []netip.AddrPort
	for _, a := range n.mux.GetListenAddresses() {
		if udp, ok := a.(*net.UDPAddr); ok {
			at := udp.AddrPort()
			list = append(list, netip.AddrPortFrom(at.Addr().Unmap(), at.Port()))
		}
	}
	slices.SortFunc(list, netip.AddrPort.Compare)
	return list
}

// tcpMuxes are the media's TCP listeners, one for each address, because pion's mux tells clients its own address only.
type tcpMuxes struct {
	gate *gate.Gate
	at   map[netip.Addr]*ice.TCPMuxDefault
}

var _ ice.TCPMux = (*tcpMuxes)(nil)

func (n *Node) listenTCP() error {
	muxes := &tcpMuxes{gate: gate.New(tcpLimits), at: map[netip.Addr]*ice.TCPMuxDefault{}}
	for _, at := range n.mediaAddresses() {
		listener, err := net.Listen("tcp", netip.AddrPortFrom(at.Addr(), uint16(n.config.TCPPort)).String())
		if err != nil {
			return errors.Join(fmt.Errorf("bind TCP port %d: %w", n.config.TCPPort, err), muxes.Close())
		}
		muxes.at[at.Addr()] = ice.NewTCPMuxDefault(ice.TCPMuxParams{
			Listener: muxes.gate.Guard(listener), Logger: pionLogs{n.log}.NewLogger("tcp"),
			ReadBufferSize: tcpReads, WriteBufferSize: tcpWrites,
			FirstStunBindTimeout: tcpSayWithin, AliveDurationForConnFromStun: tcpSayWithin,
		})
	}
	n.tcp = muxes
	return nil
}

func (m *tcpMuxes) has(ip net.IP) bool {
	a, ok := netip.AddrFromSlice(ip)
	return ok && m.at[a.Unmap()] != nil
}

// GetConnByUfrag implements ice.TCPMux.
func (m *tcpMuxes) GetConnByUfrag(ufrag string, isIPv6 bool, local net.IP) (net.PacketConn, error) {
	a, _ := netip.AddrFromSlice(local)
	mux := m.at[a.Unmap()]
	if mux == nil {
		return nil, fmt.Errorf("no media over TCP at %s", local)
	}
	return mux.GetConnByUfrag(ufrag, isIPv6, local)
}

// RemoveConnByUfrag implements ice.TCPMux.
func (m *tcpMuxes) RemoveConnByUfrag(ufrag string) {
	for _, mux := range m.at {
		mux.RemoveConnByUfrag(ufrag)
	}
}

// Close implements ice.TCPMux. The gate comes first: a mux waits for those who have not spoken yet.
func (m *tcpMuxes) Close() error {
	m.gate.Close()
	var errs []error
	for _, mux := range m.at {
		errs = append(errs, mux.Close())
	}
	return errors.Join(errs...)
}

// relayPeers says where relays may send: to the addresses that clients are told, and thence to the sockets. Loopback is
// among them only where there is nothing else: no relay is needed to reach it.
func (n *Node) relayPeers() []turn.Peer {
	locals := n.mediaAddresses()
	if slices.ContainsFunc(locals, func(a netip.AddrPort) bool { return !a.Addr().IsLoopback() }) {
		locals = slices.DeleteFunc(locals, func(a netip.AddrPort) bool { return a.Addr().IsLoopback() })
	}
	var peers []turn.Peer
	for _, local := range locals {
		shown := n.publicAddresses(local.Addr().Is6())
		if len(shown) == 0 { // of this family the local addresses are told
			shown = []netip.Addr{local.Addr()}
		}
		for _, s := range shown {
			known := slices.ContainsFunc(peers, func(p turn.Peer) bool { return p.Shown.Addr() == s })
			if !known {
				peers = append(peers, turn.Peer{Shown: netip.AddrPortFrom(s, local.Port()), Local: local})
			}
		}
	}
	return peers
}

// publicAddresses returns the configured public addresses of a family.
func (n *Node) publicAddresses(v6 bool) []netip.Addr {
	var list []netip.Addr
	for _, text := range n.config.PublicIPs {
		if a, err := netip.ParseAddr(text); err == nil && a.Unmap().Is6() == v6 {
			list = append(list, a.Unmap())
		}
	}
	return list
}

// relayBuffer is the size asked for the kernel buffers of the relay's sockets, in bytes. A relay carries a few people.
const relayBuffer = 1 << 20

func (n *Node) startRelay() error {
	var sockets turn.Sockets
	sockets.Certificate = n.config.TURNCertificate
	abandon := func(err error) error {
		for _, c := range sockets.UDP {
			err = errors.Join(err, c.Close())
		}
		for _, l := range sockets.TLS {
			err = errors.Join(err, l.Close())
		}
		return err
	}
	for _, at := range n.mediaAddresses() {
		if port := n.config.TURNPort; port != 0 {
			conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(at.Addr(), uint16(port))))
			if err != nil {
				return abandon(fmt.Errorf("bind TURN port %d/udp: %w", port, err))
			}
			sockets.UDP = append(sockets.UDP, conn)
			if err := errors.Join(conn.SetReadBuffer(relayBuffer), conn.SetWriteBuffer(relayBuffer)); err != nil {
				return abandon(fmt.Errorf("size buffers of TURN port %d/udp: %w", port, err))
			}
		}
		if port := n.config.TURNTLSPort; port != 0 {
			l, err := net.Listen("tcp", netip.AddrPortFrom(at.Addr(), uint16(port)).String())
			if err != nil {
				return abandon(fmt.Errorf("bind TURN port %d/tcp: %w", port, err))
			}
			sockets.TLS = append(sockets.TLS, l)
		}
	}
	config := turn.DefaultConfig()
	config.Peers = n.relayPeers()
	var err error
	n.relay, err = turn.New(config, sockets, pionLogs{n.log})
	return err
}

// maxRelayHosts bounds the addresses under which a client is told of the relay when it has no name: each costs the client
// an allocation.
const maxRelayHosts = 2

// iceServers returns what relays a participant's media, with fresh credentials; nil if there is no relay.
func (n *Node) iceServers(id meeting.ParticipantID) []signal.ICEServer {
	if n.relay == nil {
		return nil
	}
	var urls []string
	for _, host := range n.relayHosts() {
		if n.config.TURNPort != 0 {
			urls = append(urls, "turn:"+net.JoinHostPort(host, strconv.Itoa(n.config.TURNPort))+"?transport=udp")
		}
		if n.config.TURNTLSPort != 0 && n.config.TURNHost != "" {
			urls = append(urls, "turns:"+net.JoinHostPort(host, strconv.Itoa(n.config.TURNTLSPort))+"?transport=tcp")
		}
	}
	if len(urls) == 0 {
		return nil
	}
	c := n.relay.Credentials(string(id), time.Now())
	return []signal.ICEServer{{URLs: urls, Username: c.Username, Credential: c.Password}}
}

func (n *Node) relayHosts() []string {
	if n.config.TURNHost != "" {
		return []string{n.config.TURNHost}
	}
	var hosts []string
	for _, p := range n.relayPeers() {
		if len(hosts) < maxRelayHosts {
			hosts = append(hosts, p.Shown.Addr().String())
		}
	}
	return hosts
}

// Reach is how people reach the node beside UDP: its numbers, of now and since it began.
type Reach struct {
	TCP        int    // media connections over TCP
	TCPRefused uint64 // above a bound
	Relay      turn.Counts
}

// Reach returns the present numbers. It may be called from anywhere.
func (n *Node) Reach() Reach {
	var r Reach
	if n.tcp != nil {
		r.TCP, r.TCPRefused = n.tcp.gate.Counts()
	}
	if n.relay != nil {
		r.Relay = n.relay.Counts()
	}
	return r
}
