package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"souffleur/sfu"
)

// networkFlags say how people reach the media. docs/network.md explains them.
type networkFlags struct {
	UDPPort     int      `help:"UDP port for all media; 0: any." env:"SOUFFLEUR_UDP_PORT" name:"udp-port" default:"3480"`
	PublicIPs   []string `help:"Public addresses of this machine, if it is behind NAT." env:"SOUFFLEUR_PUBLIC_IPS" name:"public-ips" placeholder:"IP"`
	TCPPort     int      `help:"TCP port for media in networks without UDP; 0: none." env:"SOUFFLEUR_TCP_PORT" name:"tcp-port" default:"3480"`
	TURNPort    int      `help:"UDP port of the embedded TURN relay; 0: none." env:"SOUFFLEUR_TURN_PORT" name:"turn-port" default:"3478"`
	TURNTLSPort int      `help:"TCP port of the relay over TLS, if there is a certificate; 0: none." env:"SOUFFLEUR_TURN_TLS_PORT" name:"turn-tls-port" default:"5349"`
	TURNHost    string   `help:"Name of this machine for the relay; without it that of --public-url or of the certificate." env:"SOUFFLEUR_TURN_HOST" name:"turn-host" placeholder:"HOST"`
	TURNCert    string   `help:"Certificate file of the relay; without it --tls-cert." env:"SOUFFLEUR_TURN_CERT" name:"turn-cert" type:"existingfile" placeholder:"FILE"`
	TURNKey     string   `help:"Key file of the relay's certificate." env:"SOUFFLEUR_TURN_KEY" name:"turn-key" type:"existingfile" placeholder:"FILE"`
}

// sfuConfig returns the media's settings. The relay over TLS needs a certificate and a name; without them there is none.
func (f nodeFlags) sfuConfig() (sfu.Config, error) {
	c := sfu.DefaultConfig()
	c.UDPPort, c.PublicIPs, c.TCPPort, c.TURNPort = f.UDPPort, f.PublicIPs, f.TCPPort, f.TURNPort
	files, err := f.relayCertificate()
	if err != nil {
		return c, err
	}
	c.TURNHost = f.relayHost(files)
	if files != nil && c.TURNHost != "" {
		c.TURNTLSPort, c.TURNCertificate = f.TURNTLSPort, files.get
	}
	if err := f.overload(&c); err != nil {
		return c, err
	}
	if err := c.Validate(); err != nil {
		return c, usageError{err}
	}
	return c, nil
}

// relayCertificate returns the files of the relay's certificate, or nil.
func (f nodeFlags) relayCertificate() (*certificateFiles, error) {
	if (f.TURNCert == "") != (f.TURNKey == "") {
		return nil, badUsage("--turn-cert and --turn-key go together")
	}
	cert, key := f.TURNCert, f.TURNKey
	if cert == "" {
		cert, key = f.TLSCert, f.TLSKey
	}
	if cert == "" || key == "" || f.TURNTLSPort == 0 {
		return nil, nil
	}
	files := &certificateFiles{cert: cert, key: key}
	if _, err := files.get(nil); err != nil {
		return nil, usageError{err}
	}
	return files, nil
}

// relayHost returns the name under which browsers reach the relay, or "": its addresses will do.
func (f nodeFlags) relayHost(files *certificateFiles) string {
	if f.TURNHost != "" {
		return f.TURNHost
	}
	if u, err := url.Parse(f.PublicURL); err == nil && u.Hostname() != "" {
		return u.Hostname()
	}
	if files == nil {
		return ""
	}
	for _, name := range files.names() {
		if !strings.Contains(name, "*") {
			return name
		}
	}
	return ""
}

// certificateFiles is a certificate that may be renewed while the server runs.
type certificateFiles struct {
	cert, key string // set once

	mu      sync.Mutex // guards what follows
	loaded  *tls.Certificate
	written time.Time // of the certificate file that was loaded
	looked  time.Time
}

// lookEvery is how often the files are looked at, at most.
const lookEvery = time.Minute

// get returns the present certificate; it is tls.Config's GetCertificate. A renewed one that cannot be read leaves the
// old one in place.
func (f *certificateFiles) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.loaded != nil && time.Since(f.looked) < lookEvery {
		return f.loaded, nil
	}
	f.looked = time.Now()
	file, err := os.Stat(f.cert)
	if err == nil && f.loaded != nil && file.ModTime().Equal(f.written) {
		return f.loaded, nil
	}
	var fresh tls.Certificate
	if err == nil {
		fresh, err = tls.LoadX509KeyPair(f.cert, f.key)
	}
	switch {
	case err == nil:
		f.loaded, f.written = &fresh, file.ModTime()
	case f.loaded == nil:
		return nil, fmt.Errorf("read certificate %s: %w", f.cert, err)
	}
	return f.loaded, nil
}

// names returns the host names that the certificate is for.
func (f *certificateFiles) names() []string {
	leaf, _, err := f.chain()
	if err != nil {
		return nil
	}
	return leaf.DNSNames
}

func (f *certificateFiles) chain() (leaf *x509.Certificate, others *x509.CertPool, err error) {
	c, err := f.get(nil)
	if err != nil {
		return nil, nil, err
	}
	others = x509.NewCertPool()
	for i, der := range c.Certificate {
		parsed, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, nil, fmt.Errorf("read certificate %s: %w", f.cert, err)
		}
		if i == 0 {
			leaf = parsed
			continue
		}
		others.AddCert(parsed)
	}
	if leaf == nil {
		return nil, nil, errors.New("the file holds no certificate")
	}
	return leaf, others, nil
}

// trusted says why a browser would not accept the certificate for host, or nil.
func (f *certificateFiles) trusted(host string) error {
	leaf, others, err := f.chain()
	if err != nil {
		return err
	}
	_, err = leaf.Verify(x509.VerifyOptions{DNSName: host, Intermediates: others})
	return err
}
