package embed

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

const (
	// portName is the file in a data directory that remembers the port.
	portName = "port"

	// Fresh ports are drawn from below the ranges that systems use for outgoing connections (Linux from 32768, others
	// from 49152). A port from those ranges could be taken by an outgoing connection while the server is down; worse, a
	// client that redials such a port on loopback may be given it as its own and connect to itself.
	freshPortMin, freshPortMax = 20000, 30000

	// portPatience is how long a remembered port may stay taken, which the last moments of a killed process can cause,
	// before another one is chosen.
	portPatience = 2 * time.Second
)

// listen opens the listener of the server whose data stand in dir. addr is "host:port" with a loopback host; these
// servers ask nobody for a password that would stop a stranger. With port 0 the port of the last run is used again, so
// that clients find the server after a restart; without one, or if another program has taken it, a fresh port is chosen
// and remembered in dir.
func listen(ctx context.Context, dir, addr string) (net.Listener, error) {
	host, port, err := splitLoopback(addr)
	if err != nil {
		return nil, err
	}
	if port != 0 {
		return listenOn(ctx, host, port)
	}
	if port = rememberedPort(dir); port != 0 {
		listener, err := listenPatiently(ctx, host, port)
		if err == nil || ctx.Err() != nil {
			return listener, err
		}
	}
	listener, err := listenFresh(ctx, host)
	if err != nil {
		return nil, err
	}
	if err := rememberPort(dir, listener); err != nil {
		listener.Close()
		return nil, err
	}
	return listener, nil
}

// splitLoopback splits addr and refuses every host but loopback. An empty addr means 127.0.0.1:0.
func splitLoopback(addr string) (host string, port int, err error) {
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	host, text, err := net.SplitHostPort(addr)
	if err != nil {
		return "", 0, fmt.Errorf("listen address %q: %w", addr, err)
	}
	if host == "localhost" {
		host = "127.0.0.1"
	}
	ip, err := netip.ParseAddr(host)
	if err != nil || !ip.IsLoopback() {
		return "", 0, fmt.Errorf("listen address %q: an embedded server listens on loopback only (127.0.0.1)", addr)
	}
	port, err = strconv.Atoi(text)
	if err != nil || port < 0 || port > 65535 {
		return "", 0, fmt.Errorf("listen address %q: the port must be a number from 0 to 65535", addr)
	}
	return host, port, nil
}

func listenOn(ctx context.Context, host string, port int) (net.Listener, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", net.JoinHostPort(host, strconv.Itoa(port)))
	if err != nil {
		return nil, fmt.Errorf("listen on %s port %d: %w", host, port, err)
	}
	return listener, nil
}

// listenPatiently retries for portPatience.
func listenPatiently(ctx context.Context, host string, port int) (net.Listener, error) {
	ctx, cancel := context.WithTimeout(ctx, portPatience)
	defer cancel()
	for {
		listener, err := listenOn(ctx, host, port)
		if err == nil {
			return listener, nil
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// listenFresh takes a free port of the range above, at random: two servers that start together rarely meet.
func listenFresh(ctx context.Context, host string) (net.Listener, error) {
	var errs error
	for range 50 {
		listener, err := listenOn(ctx, host, freshPortMin+rand.IntN(freshPortMax-freshPortMin))
		if err == nil {
			return listener, nil
		}
		errs = err
	}
	return nil, fmt.Errorf("find a free port: %w", errs)
}

// rememberedPort returns the port of the last run, or 0.
func rememberedPort(dir string) int {
	text, err := os.ReadFile(filepath.Join(dir, portName))
	if err != nil {
		return 0
	}
	port, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || port < 1 || port > 65535 {
		return 0
	}
	return port
}

// rememberPort replaces the file in one step, so that a crash leaves the old or the new port.
func rememberPort(dir string, listener net.Listener) error {
	addr, ok := listener.Addr().(*net.TCPAddr)
	if !ok {
		return errors.New("remember port: not a TCP listener")
	}
	path := filepath.Join(dir, portName)
	if err := os.WriteFile(path+".new", fmt.Appendf(nil, "%d\n", addr.Port), 0o600); err != nil {
		return fmt.Errorf("remember port: %w", err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return fmt.Errorf("remember port: %w", err)
	}
	return nil
}
