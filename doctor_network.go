package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/pion/stun/v4"

	"souffleur/internal/meeting"
	"souffleur/internal/signal"
	"souffleur/sfu"
	"souffleur/sfu/sfutest"
)

// The doctor's checks of the network. What a firewall or a router in front of the machine does, no program on the machine
// can see: docs/network.md says how to look from outside.

// network checks ports, buffers, addresses, and whether a client gets through on each way.
func (c *doctorCmd) network(ctx context.Context) []finding {
	config, err := c.sfuConfig()
	if err != nil {
		return []finding{{what: "settings of the network", err: err, remedy: "Correct the setting; docs/network.md explains each."}}
	}
	running := c.serverRuns(ctx)
	ports, free := c.ports(config, running)
	out := append(ports, kernelBuffers("/proc/sys/net/core", config.SocketBuffer)...)
	out = append(out, c.publicAddresses()...)
	out = append(out, c.relayTrust(config)...)
	if running {
		out = append(out, askRelay(config)...)
	}
	return append(out, ways(ctx, config, free)...)
}

// serverRuns says whether the server of the data folder answers.
func (c *doctorCmd) serverRuns(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	r, err := (remoteFlags{Data: c.Data}).connect()
	return err == nil && r.call(ctx, http.MethodGet, "/health", nil, nil) == nil
}

// port is one that a server opens.
type port struct {
	what, network, flag string
	number              int
}

func mediaPorts(c sfu.Config) []port {
	return []port{
		{"media", "udp", "--udp-port", c.UDPPort}, {"media over TCP", "tcp", "--tcp-port", c.TCPPort},
		{"TURN", "udp", "--turn-port", c.TURNPort}, {"TURN over TLS", "tcp", "--turn-tls-port", c.TURNTLSPort},
	}
}

// ports looks which ports can be opened; free says whether all can.
func (c *doctorCmd) ports(config sfu.Config, running bool) (out []finding, free bool) {
	free = true
	for _, p := range mediaPorts(config) {
		if p.number == 0 {
			if p.flag == "--tcp-port" || p.flag == "--turn-port" { // relayTrust speaks of TLS
				out = append(out, finding{what: fmt.Sprintf("%s: none (%s)", p.what, p.flag)})
			}
			continue
		}
		f := finding{
			what:   fmt.Sprintf("%s port %d/%s", p.what, p.number, p.network),
			remedy: fmt.Sprintf("Stop the other program that has it, or choose another port with %s.", p.flag),
		}
		f.err = bindable(p)
		if f.err != nil {
			free = false
			if running {
				f.what, f.err = f.what+", held by the running souffleur", nil
			}
		}
		out = append(out, f)
	}
	return out, free
}

func bindable(p port) error {
	at := ":" + strconv.Itoa(p.number)
	var c io.Closer
	var err error
	if p.network == "tcp" {
		c, err = net.Listen("tcp", at)
	} else {
		c, err = net.ListenPacket("udp", at)
	}
	if err != nil {
		return err
	}
	return c.Close()
}

// kernelBuffers warns when the kernel gives sockets less than is asked. A key frame for 150 people is 5 MB at once; what
// does not fit is lost, and repaired late.
func kernelBuffers(dir string, want int) []finding {
	var out []finding
	for _, name := range []string{"rmem_max", "wmem_max"} {
		text, err := os.ReadFile(dir + "/" + name)
		if err != nil {
			continue // not Linux
		}
		f := finding{what: "socket buffers, net.core." + name, note: true}
		have, err := strconv.Atoi(strings.TrimSpace(string(text)))
		switch {
		case err != nil:
			f.err = err
		case have < want:
			f.err = fmt.Errorf("the kernel allows %d kB, %d kB are asked: in large meetings, video will stutter", have>>10, want>>10)
			f.remedy = fmt.Sprintf("As root: sysctl -w net.core.%s=%d ; and write net.core.%s=%d into /etc/sysctl.d/60-souffleur.conf, so that it stays.", name, want, name, want)
		}
		out = append(out, f)
	}
	return out
}

// publicAddresses says whether people outside can be told an address that leads here.
func (c *doctorCmd) publicAddresses() []finding {
	if len(c.PublicIPs) == 0 {
		return []finding{localAddresses()}
	}
	var out []finding
	for _, text := range c.PublicIPs {
		f := finding{what: "public address " + text, remedy: "Give the address that the outside sees (your provider or router shows it) with --public-ips."}
		if a, err := netip.ParseAddr(text); err != nil {
			f.err = err
		} else if !public(a) {
			f.err = errors.New("it is an address of a private network or of this machine alone: nobody outside can reach it")
		}
		out = append(out, f)
	}
	return out
}

// carrierNAT is RFC 6598.
var carrierNAT = netip.MustParsePrefix("100.64.0.0/10")

func public(a netip.Addr) bool {
	a = a.Unmap()
	return a.IsGlobalUnicast() && !a.IsPrivate() && !carrierNAT.Contains(a)
}

// localAddresses looks whether this machine itself has a public address.
func localAddresses() finding {
	f := finding{what: "addresses of this machine", note: true}
	all, err := net.InterfaceAddrs()
	if err != nil {
		f.err = err
		return f
	}
	for _, a := range all {
		if p, err := netip.ParsePrefix(a.String()); err == nil && public(p.Addr()) {
			f.what += ": " + p.Addr().String() + " is public"
			return f
		}
	}
	f.err = errors.New("none is public: only people in this network, or in a VPN that leads here, can join with sound")
	f.remedy = "If people come from elsewhere, give the address that they reach with --public-ips, and forward the media ports to this machine."
	return f
}

// relayTrust says whether browsers accept the relay over TLS.
func (c *doctorCmd) relayTrust(config sfu.Config) []finding {
	files, err := c.relayCertificate()
	if err != nil || files == nil {
		return []finding{{what: "TURN over TLS: not offered, because there is no certificate (--tls-cert or --turn-cert)"}}
	}
	if config.TURNHost == "" {
		return []finding{{
			what: "TURN over TLS", err: errors.New("the certificate names no host, so it is not offered"), note: true,
			remedy: "Give the name with --turn-host, and a certificate for it with --turn-cert and --turn-key.",
		}}
	}
	return []finding{{
		what: "TURN over TLS as " + config.TURNHost, err: files.trusted(config.TURNHost),
		remedy: "Browsers use the relay only with a certificate that they trust, for exactly this name. Give another with --turn-cert and --turn-key, or the right name with --turn-host.",
	}}
}

// askRelay asks the running server's relay for our own address, as any client may.
func askRelay(config sfu.Config) []finding {
	if config.TURNPort == 0 {
		return nil
	}
	f := finding{what: fmt.Sprintf("the running relay answers on port %d/udp", config.TURNPort), remedy: "Is --turn-port the running server's? Restart the server; if it stays, its log says why."}
	f.err = stunBinding(fmt.Sprintf("127.0.0.1:%d", config.TURNPort))
	return []finding{f}
}

// stunWait bounds the question to a relay on the same machine.
const stunWait = 2 * time.Second

func stunBinding(at string) error {
	conn, err := net.Dial("udp", at)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(stunWait)); err != nil {
		return err
	}
	if _, err := conn.Write(stun.MustBuild(stun.TransactionID, stun.BindingRequest).Raw); err != nil {
		return err
	}
	b := make([]byte, 1500)
	n, err := conn.Read(b)
	if err != nil {
		return err
	}
	m := &stun.Message{Raw: b[:n]}
	return m.Decode()
}

// wayWait is how long a client may take to get through. On one machine it takes less than a second.
const wayWait = 10 * time.Second

// ways opens a node with the same settings for a moment and lets a client connect on each way. Where a server has the
// ports, the node takes others: then it shows what the machine can do.
func ways(ctx context.Context, config sfu.Config, free bool) []finding {
	config.TURNHost, config.TURNTLSPort, config.TURNCertificate = "", 0, nil // relayTrust looks at TLS
	public := config.PublicIPs
	config.PublicIPs = nil
	where := ""
	if !free {
		where = " (on other ports, for the moment of this check)"
		if err := otherPorts(&config); err != nil {
			return []finding{{what: "a test of all ways", err: err, remedy: "Free some ports, then try again."}}
		}
	}
	out := []finding{
		way(ctx, config, "a client connects over UDP"+where, sfutest.Config{}, "A firewall on this machine blocks UDP between its own addresses. Allow the media port."),
	}
	if config.TCPPort != 0 {
		out = append(out, way(ctx, config, "a client connects over TCP"+where, sfutest.Config{OnlyTCP: true}, "A firewall on this machine blocks the port of --tcp-port. Allow it."))
	}
	if config.TURNPort != 0 {
		out = append(out, way(ctx, config, "a client connects through TURN over UDP"+where, sfutest.Config{OnlyRelay: "turn:"}, "A firewall on this machine blocks the port of --turn-port. Allow it."))
	}
	if len(public) == 0 {
		return out
	}
	config.PublicIPs, config.TCPPort, config.TURNPort = public, 0, 0
	config.Addresses = behind(public)
	f := way(ctx, config, "a client on this machine connects by the public address", sfutest.Config{},
		"Many routers do not lead back inside; that alone is no fault. Join from outside (a phone without Wi-Fi), and if that fails, forward the media port to this machine.")
	f.note = true
	return append(out, f)
}

// behind returns this machine's addresses that the public ones are told instead of: those of their families.
func behind(public []string) []string {
	families := map[bool]bool{}
	for _, text := range public {
		if a, err := netip.ParseAddr(text); err == nil {
			families[a.Unmap().Is6()] = true
		}
	}
	all, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	var out []string
	for _, a := range all {
		p, err := netip.ParsePrefix(a.String())
		if err == nil && families[p.Addr().Is6()] && !p.Addr().IsLinkLocalUnicast() {
			out = append(out, p.Addr().String())
		}
	}
	return out
}

// otherPorts replaces the ports by free ones.
func otherPorts(config *sfu.Config) error {
	config.UDPPort = 0
	for _, p := range []*int{&config.TCPPort, &config.TURNPort} {
		if *p == 0 {
			continue
		}
		l, err := net.Listen("tcp", ":0")
		if err != nil {
			return fmt.Errorf("find a free port: %w", err)
		}
		*p = l.Addr().(*net.TCPAddr).Port
		if err := l.Close(); err != nil {
			return err
		}
	}
	return nil
}

// way lets one client connect.
func way(ctx context.Context, config sfu.Config, what string, client sfutest.Config, remedy string) finding {
	return finding{what: what, err: connects(ctx, config, client), remedy: remedy}
}

func connects(ctx context.Context, config sfu.Config, client sfutest.Config) (err error) {
	node, err := sfu.NewNode(config, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, node.Close()) }()
	room := node.NewRoom(sfu.RoomConfig{
		Meeting: meeting.NewID(),
		Welcome: func(id meeting.ParticipantID, peers []signal.Peer) *signal.WelcomeInfo {
			return &signal.WelcomeInfo{Participant: id, Peers: peers}
		},
	})
	seat := make(chan *sfu.Participant, 1)
	peer, err := sfutest.New(client, func(m signal.ClientMessage) error {
		p := <-seat
		seat <- p
		return p.Handle(m)
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, peer.Close()) }()
	participant, err := room.Join(meeting.Person{Participant: meeting.NewParticipantID(), Name: "doctor"}, peer)
	if err != nil {
		return err
	}
	seat <- participant
	return awaitConnected(ctx, peer)
}

func awaitConnected(ctx context.Context, peer *sfutest.Peer) error {
	ctx, cancel := context.WithTimeout(ctx, wayWait)
	defer cancel()
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for !peer.Connected() {
		if err := peer.Err(); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("no connection within %v", wayWait)
		case <-look.C:
		}
	}
	return nil
}
