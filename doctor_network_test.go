package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"souffleur/sfu"
)

func TestDoctorLetsAClientConnectOnEveryWay(t *testing.T) {
	config := sfu.DefaultConfig()
	config.UDPPort, config.TCPPort, config.TURNPort = 0, 1, 1 // others are taken
	found := ways(t.Context(), config, false)
	if len(found) != 3 {
		t.Fatalf("%d ways were tried", len(found))
	}
	for _, f := range found {
		if f.err != nil {
			t.Errorf("%s: %v", f.what, f.err)
		}
	}
}

func TestDoctorSaysThatAPublicAddressDoesNotLeadBack(t *testing.T) {
	if testing.Short() {
		t.Skip("waits ten seconds")
	}
	config := sfu.DefaultConfig()
	config.UDPPort, config.PublicIPs = 0, []string{"203.0.113.7"} // for documentation: leads nowhere
	found := ways(t.Context(), config, false)
	last := found[len(found)-1]
	if last.err == nil || !last.note || found[0].err != nil {
		t.Errorf("the doctor says %+v", found)
	}
	var out bytes.Buffer
	if err := report(&out, []finding{last}); err != nil || !strings.Contains(out.String(), "note") {
		t.Errorf("a note is reported as %q, %v", out.String(), err)
	}
}

func TestDoctorNamesAPortThatIsTaken(t *testing.T) {
	l, err := net.Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	config := sfu.DefaultConfig()
	config.UDPPort, config.TCPPort = 0, l.Addr().(*net.TCPAddr).Port
	c := &doctorCmd{}
	found, free := c.ports(config, false)
	if free || found[0].err == nil || !strings.Contains(found[0].remedy, "--tcp-port") {
		t.Errorf("the doctor says %+v", found)
	}
	if found, _ := c.ports(config, true); found[0].err != nil || !strings.Contains(found[0].what, "running") {
		t.Errorf("of a running server it says %+v", found)
	}
}

func TestDoctorKnowsHowToEnlargeSocketBuffers(t *testing.T) {
	dir := t.TempDir()
	for name, value := range map[string]string{"rmem_max": "212992\n", "wmem_max": "33554432\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(value), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	found := kernelBuffers(dir, 16<<20)
	if len(found) != 2 || found[0].err == nil || !strings.Contains(found[0].remedy, "sysctl -w net.core.rmem_max=16777216") || !found[0].note {
		t.Errorf("of small buffers the doctor says %+v", found)
	}
	if found[1].err != nil {
		t.Errorf("of large ones: %v", found[1].err)
	}
	if found := kernelBuffers(filepath.Join(dir, "elsewhere"), 1); len(found) != 0 {
		t.Errorf("of another kernel: %+v", found)
	}
}

func TestPublicAddressesArePublic(t *testing.T) {
	for text, want := range map[string]bool{
		"203.0.113.7": true, "2001:db8::1": true, "10.1.2.3": false, "172.20.0.1": false, "192.168.0.1": false, "100.64.1.1": false,
		"127.0.0.1": false, "::1": false, "fe80::1": false, "fd00::1": false, "0.0.0.0": false, "224.0.0.1": false, "::ffff:10.0.0.1": false,
	} {
		if public(netip.MustParseAddr(text)) != want {
			t.Errorf("%s: public is not %v", text, want)
		}
	}
	c := &doctorCmd{}
	c.PublicIPs = []string{"192.168.0.1", "example.org", "203.0.113.7"}
	found := c.publicAddresses()
	if found[0].err == nil || found[1].err == nil || found[2].err != nil {
		t.Errorf("the doctor says %+v", found)
	}
}

// pemFiles writes a self-signed certificate.
func pemFiles(t *testing.T, names ...string) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: names}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	writePEM(t, cert, "CERTIFICATE", der)
	writePEM(t, key, "PRIVATE KEY", secret)
	return cert, key
}

func writePEM(t *testing.T, path, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestTheRelayHasANameAndACertificateOrNoTLS(t *testing.T) {
	cert, key := pemFiles(t, "*.example.org", "meet.example.org")
	wild, wildKey := pemFiles(t, "*.example.org")
	for i, c := range []struct {
		change func(*nodeFlags)
		port   int
		host   string
	}{
		{func(*nodeFlags) {}, 0, ""},
		{func(f *nodeFlags) { f.PublicURL = "https://talk.example.org:8443" }, 0, "talk.example.org"},
		{func(f *nodeFlags) { f.TLSCert, f.TLSKey = cert, key }, 5349, "meet.example.org"},
		{func(f *nodeFlags) { f.TLSCert, f.TLSKey = wild, wildKey }, 0, ""},
		{func(f *nodeFlags) { f.TURNCert, f.TURNKey, f.TURNHost = wild, wildKey, "turn.example.org" }, 5349, "turn.example.org"},
		{func(f *nodeFlags) { f.TLSCert, f.TLSKey, f.TURNTLSPort = cert, key, 0 }, 0, ""},
	} {
		f := nodeFlags{MaxPersonMbps: 8, MaxPersonPackets: 3000}
		f.networkFlags = networkFlags{UDPPort: 3480, TCPPort: 3480, TURNPort: 3478, TURNTLSPort: 5349}
		c.change(&f)
		got, err := f.sfuConfig()
		if err != nil || got.TURNTLSPort != c.port || got.TURNHost != c.host {
			t.Errorf("case %d: port %d, host %q, %v", i, got.TURNTLSPort, got.TURNHost, err)
		}
	}
	f := nodeFlags{networkFlags: networkFlags{TURNCert: cert}}
	if _, err := f.sfuConfig(); err == nil {
		t.Error("a certificate without its key is taken")
	}
	f = nodeFlags{networkFlags: networkFlags{UDPPort: 3478, TURNPort: 3478}}
	if _, err := f.sfuConfig(); err == nil {
		t.Error("one port is given twice")
	}
}

func TestARenewedCertificateIsTaken(t *testing.T) {
	cert, key := pemFiles(t, "old.example.org")
	files := &certificateFiles{cert: cert, key: key}
	if fmt.Sprint(files.names()) != "[old.example.org]" {
		t.Fatalf("names are %v", files.names())
	}
	if err := files.trusted("old.example.org"); err == nil {
		t.Error("a self-signed certificate is trusted")
	}
	if err := os.WriteFile(cert, []byte("half written"), 0o600); err != nil {
		t.Fatal(err)
	}
	files.looked = time.Time{}
	if fmt.Sprint(files.names()) != "[old.example.org]" {
		t.Errorf("a file that cannot be read gives %v", files.names())
	}
	fresh, freshKey := pemFiles(t, "new.example.org")
	for from, to := range map[string]string{fresh: cert, freshKey: key} {
		b, err := os.ReadFile(from)
		if err == nil {
			err = os.WriteFile(to, b, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	files.looked = time.Time{}
	if fmt.Sprint(files.names()) != "[new.example.org]" {
		t.Errorf("after the renewal it is for %v", files.names())
	}
}
