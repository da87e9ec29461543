package webhook

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"
)

// errForbidden says that an address is not one of the Internet.
var errForbidden = errors.New("address is private")

// inward are the networks that a server must not be made to call: its own machine, its neighbours, and what is no address of
// one host (IANA special-purpose registries, RFC 6890). Go's own words cover loopback, private, link-local and multicast.
var inward = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),       // this network
	netip.MustParsePrefix("100.64.0.0/10"),   // behind a carrier's NAT, RFC 6598
	netip.MustParsePrefix("192.0.0.0/24"),    // IETF protocols
	netip.MustParsePrefix("192.0.2.0/24"),    // documentation
	netip.MustParsePrefix("198.18.0.0/15"),   // benchmarks, RFC 2544
	netip.MustParsePrefix("198.51.100.0/24"), // documentation
	netip.MustParsePrefix("203.0.113.0/24"),  // documentation
	netip.MustParsePrefix("240.0.0.0/4"),     // reserved, and broadcast
	netip.MustParsePrefix("::/96"),           // IPv4 in old clothes
	netip.MustParsePrefix("64:ff9b::/96"),    // NAT64: may lead to a private IPv4 address
	netip.MustParsePrefix("64:ff9b:1::/48"),
	netip.MustParsePrefix("100::/64"),      // discard
	netip.MustParsePrefix("2001::/23"),     // IETF protocols, Teredo among them
	netip.MustParsePrefix("2001:db8::/32"), // documentation
	netip.MustParsePrefix("2002::/16"),     // 6to4: may lead to a private IPv4 address
	netip.MustParsePrefix("fec0::/10"),     // site-local, RFC 3879
}

// outward says whether an address is one of the Internet.
func outward(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	if !a.IsValid() || !a.IsGlobalUnicast() || a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() {
		return false
	}
	for _, p := range inward {
		if p.Contains(a) {
			return false
		}
	}
	return true
}

// onlyOutward is a net.Dialer's Control: it sees the address that a name was resolved to, right before the connection, so a name
// whose answer changes gains nothing.
func onlyOutward(_, address string, _ syscall.RawConn) error {
	a, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("address of a receiver: %w", err)
	}
	if !outward(a.Addr()) {
		return errForbidden
	}
	return nil
}

const (
	dialTimeout = 5 * time.Second
	// tryTimeout bounds a whole try: Standard Webhooks asks receivers to answer within 15 to 30 s; ours only have to take note.
	tryTimeout = 15 * time.Second
	// maxAnswer bounds what is read of an answer, in bytes. Nothing of it is kept.
	maxAnswer = 64 << 10
)

// newClient returns what calls receivers: no proxy and no redirect, which would both lead past the guard; a connection for each
// try, so that each is checked. allowPrivate leaves the guard out.
func newClient(allowPrivate bool) *http.Client {
	dialer := &net.Dialer{Timeout: dialTimeout}
	if !allowPrivate {
		dialer.Control = onlyOutward
	}
	return &http.Client{
		Timeout: tryTimeout,
		Transport: &http.Transport{
			DialContext: dialer.DialContext, TLSHandshakeTimeout: dialTimeout, DisableKeepAlives: true,
			MaxResponseHeaderBytes: maxAnswer,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
