package sfu

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"sync"

	"github.com/pion/ice/v4"
	"github.com/pion/transport/v5/stdnet"
	"github.com/pion/webrtc/v4"

	"souffleur/sfu/turn"
)

// Node is the media side of one process: one UDP port, one certificate, many rooms.
type Node struct {
	config Config // set once, as all down to mu
	log    *slog.Logger
	mux    *ice.MultiUDPMuxDefault
	net    *stdnet.Net // the machine's interfaces as they were when the port was bound
	port   int
	tcp    *tcpMuxes    // nil: no media over TCP
	relay  *turn.Server // nil: no relay
	peers  webrtc.Configuration
	up     *engine
	down   *engine
	load   shedding

	mu     sync.Mutex // guards all below
	rooms  map[*Room]bool
	closed bool
}

// NewNode binds the UDP port and returns a node without rooms. Close it.
func NewNode(config Config, log *slog.Logger) (*Node, error) {
	if err := config.Validate(); err != nil {
		return nil, fmt.Errorf("start SFU: %w", err)
	}
	n := &Node{config: config, log: log, rooms: make(map[*Room]bool)}
	if err := n.listen(); err != nil {
		return nil, fmt.Errorf("start SFU: %w", err)
	}
	if err := n.openFallbacks(); err != nil {
		return nil, errors.Join(fmt.Errorf("start SFU: %w", err), n.closeSockets())
	}
	if err := n.configure(); err != nil {
		return nil, errors.Join(fmt.Errorf("start SFU: %w", err), n.closeSockets())
	}
	n.watchLoad()
	return n, nil
}

func (n *Node) configure() error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("make DTLS key: %w", err)
	}
	certificate, err := webrtc.GenerateCertificate(key)
	if err != nil {
		return fmt.Errorf("make DTLS certificate: %w", err)
	}
	n.peers = webrtc.Configuration{Certificates: []webrtc.Certificate{*certificate}}
	if n.net, err = stdnet.NewNet(); err != nil {
		return fmt.Errorf("list network interfaces: %w", err)
	}
	settings, err := n.settings()
	if err != nil {
		return err
	}
	if n.up, err = newUplinkEngine(settings); err != nil {
		return err
	}
	n.down, err = newDownlinkEngine(settings)
	return err
}

// portAttempts is how often a free port is looked for that is free on every address.
const portAttempts = 10

// listen binds the port, the same on all addresses.
func (n *Node) listen() error {
	if n.config.UDPPort != 0 {
		return n.listenOn(n.config.UDPPort)
	}
	var err error
	for range portAttempts {
		var port int
		if port, err = freePort(); err != nil {
			return err
		}
		if err = n.listenOn(port); err == nil {
			return nil
		}
	}
	return err
}

func (n *Node) listenOn(port int) error {
	mux, err := listenUDP(port, n.wantAddress, n.config.SocketBuffer, n.log)
	if err != nil {
		return fmt.Errorf("bind UDP port %d: %w", port, err)
	}
	if len(mux.GetListenAddresses()) == 0 {
		return errors.Join(fmt.Errorf("bind UDP port %d: none of the addresses %v is on this machine", port, n.config.Addresses), mux.Close())
	}
	n.mux, n.port = mux, port
	return nil
}

func (n *Node) wantAddress(ip net.IP) bool {
	if len(n.config.Addresses) == 0 {
		return !ip.IsLinkLocalUnicast()
	}
	return slices.ContainsFunc(n.config.Addresses, func(a string) bool { return net.ParseIP(a).Equal(ip) })
}

func freePort() (int, error) {
	probe, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return 0, fmt.Errorf("find a free UDP port: %w", err)
	}
	defer probe.Close()
	return probe.LocalAddr().(*net.UDPAddr).Port, nil
}

// UDPPort returns the port that all media uses.
func (n *Node) UDPPort() int { return n.port }

// NewRoom opens a room. Close it. After the node's Close it returns a room that is closed already.
func (n *Node) NewRoom(config RoomConfig) *Room {
	config.setDefaults(n.log)
	r := newRoom(n, config)
	n.mu.Lock()
	closed := n.closed
	if !closed {
		n.rooms[r] = true
	}
	n.mu.Unlock()
	go r.run()
	if closed {
		r.Close()
	}
	return r
}

func (n *Node) forget(r *Room) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.rooms, r)
}

// Close closes all rooms and the port, and waits for everything that runs in them.
func (n *Node) Close() error {
	n.mu.Lock()
	n.closed = true
	var rooms []*Room
	for r := range n.rooms {
		rooms = append(rooms, r)
	}
	n.mu.Unlock()
	for _, r := range rooms {
		r.Close()
	}
	n.load.close()
	return n.closeSockets()
}

func (n *Node) closeSockets() error {
	var errs []error
	if n.relay != nil {
		errs = append(errs, n.relay.Close())
	}
	if n.tcp != nil {
		if err := n.tcp.Close(); err != nil {
			errs = append(errs, fmt.Errorf("close TCP port %d: %w", n.config.TCPPort, err))
		}
	}
	if err := n.mux.Close(); err != nil {
		errs = append(errs, fmt.Errorf("close UDP port %d: %w", n.port, err))
	}
	return errors.Join(errs...)
}
