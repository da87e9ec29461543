package sfu_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/pion/transport/v5"
	"github.com/pion/transport/v5/stdnet"
	"golang.org/x/sys/unix"
)

// namespace is a network of its own on this machine: its own interfaces, addresses and queues.
type namespace struct {
	name string
	file *os.File
}

var namespaces atomic.Int32 // made by this process

func newNamespace(t *testing.T) *namespace {
	t.Helper()
	n := &namespace{name: fmt.Sprintf("souffleur-%d-%d", os.Getpid(), namespaces.Add(1))}
	command(t, "ip", "netns", "add", n.name)
	t.Cleanup(func() { command(t, "ip", "netns", "del", n.name) })
	file, err := os.Open("/run/netns/" + n.name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	n.file = file
	n.ip(t, "link set lo up")
	return n
}

func command(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v: %s", name, strings.Join(args, " "), err, out)
	}
}

// ip runs the ip command in the namespace, tc that for queues.
func (n *namespace) ip(t *testing.T, args string) {
	t.Helper()
	command(t, "ip", append([]string{"-n", n.name}, strings.Fields(args)...)...)
}

func (n *namespace) tc(t *testing.T, args string) {
	t.Helper()
	command(t, "tc", append([]string{"-n", n.name}, strings.Fields(args)...)...)
}

// join lays a cable between two namespaces: interface "wire" in each, with these addresses.
func (n *namespace) join(t *testing.T, address string, other *namespace, otherAddress string) {
	t.Helper()
	command(t, "ip", "link", "add", "wire", "netns", n.name, "type", "veth", "peer", "name", "wire", "netns", other.name)
	for ns, address := range map[*namespace]string{n: address, other: otherAddress} {
		ns.ip(t, "address add "+address+"/24 dev wire")
		ns.ip(t, "link set wire up")
	}
}

// limit makes the namespace's end of the cable send at most so much, with a queue of so many milliseconds.
func (n *namespace) limit(t *testing.T, kbps, queueMS int) {
	t.Helper()
	n.tc(t, fmt.Sprintf("qdisc replace dev wire root tbf rate %dkbit burst 4kb latency %dms", kbps, queueMS))
}

// do runs f on a thread that is in the namespace. Sockets that f opens stay there. The thread ends with f.
func (n *namespace) do(f func() error) error {
	result := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread is not fit for anything else afterwards
		if err := unix.Setns(int(n.file.Fd()), unix.CLONE_NEWNET); err != nil {
			result <- fmt.Errorf("enter network namespace %s: %w", n.name, err)
			return
		}
		result <- f()
	}()
	return <-result
}

// Net is the namespace as pion sees a network.
func (n *namespace) Net(t *testing.T) *namespaceNet {
	t.Helper()
	std, err := stdnet.NewNet()
	if err != nil {
		t.Fatal(err)
	}
	return &namespaceNet{Net: std, namespace: n}
}

// namespaceNet opens UDP sockets in its namespace. Nothing else of it is used here.
type namespaceNet struct {
	*stdnet.Net
	namespace *namespace
}

func (n *namespaceNet) ListenPacket(network, address string) (conn net.PacketConn, err error) {
	err = n.namespace.do(func() (err error) { conn, err = net.ListenPacket(network, address); return err })
	return conn, err
}

func (n *namespaceNet) ListenUDP(network string, address *net.UDPAddr) (transport.UDPConn, error) {
	return n.namespace.listen(network, address)
}

func (n *namespace) listen(network string, address *net.UDPAddr) (conn *net.UDPConn, err error) {
	err = n.do(func() (err error) { conn, err = net.ListenUDP(network, address); return err })
	return conn, err
}

// Interfaces lists those of this moment: addresses change.
func (n *namespaceNet) Interfaces() (list []*transport.Interface, err error) {
	err = n.namespace.do(func() error {
		std, err := stdnet.NewNet()
		if err == nil {
			list, err = std.Interfaces()
		}
		return err
	})
	return list, err
}

var _ transport.Net = (*namespaceNet)(nil)
