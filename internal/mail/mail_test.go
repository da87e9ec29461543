package mail

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"mime"
	"net"
	netmail "net/mail"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"mime/quotedprintable"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// postOffice is a real mail server of this process.
type postOffice struct {
	addr, caFile string
	config       *tls.Config

	mu      sync.Mutex // guards letters
	letters []received
}

type received struct{ user, from, to, text string }

func (o *postOffice) NewSession(*smtp.Conn) (smtp.Session, error) { return &visit{office: o}, nil }

type visit struct {
	office   *postOffice
	received received
}

func (v *visit) AuthMechanisms() []string { return []string{sasl.Plain} }

func (v *visit) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != "souffleur" || password != "secret" {
			return smtp.ErrAuthFailed
		}
		v.received.user = user
		return nil
	}), nil
}

func (v *visit) Mail(from string, _ *smtp.MailOptions) error {
	v.received.from = from
	return nil
}

func (v *visit) Rcpt(to string, _ *smtp.RcptOptions) error {
	if strings.HasPrefix(to, "nobody@") {
		return &smtp.SMTPError{Code: 550, Message: "there is no " + to}
	}
	v.received.to = to
	return nil
}

func (v *visit) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	v.received.text = string(text)
	v.office.mu.Lock()
	defer v.office.mu.Unlock()
	v.office.letters = append(v.office.letters, v.received)
	return nil
}

func (v *visit) Reset()        {}
func (v *visit) Logout() error { return nil }

// certificate makes one for 127.0.0.1 and returns its file, too.
func certificate(t *testing.T) (tls.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	about := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "post"}, NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, about, about, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, file
}

// open starts a post office.
func open(t *testing.T, security Security) *postOffice {
	t.Helper()
	cert, file := certificate(t)
	o := &postOffice{caFile: file, config: &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}}
	server := smtp.NewServer(o)
	server.Domain = "post.example.org"
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	switch security {
	case StartTLS:
		server.TLSConfig = o.config
	case TLS:
		listener = tls.NewListener(listener, o.config)
	case Plain:
	}
	o.addr = listener.Addr().String()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(listener)
	}()
	t.Cleanup(func() {
		_ = server.Close()
		<-done
	})
	return o
}

func (o *postOffice) sender(t *testing.T, security Security, change ...func(*Config)) *Sender {
	t.Helper()
	c := Config{Server: o.addr, Security: security, From: "Souffleur <souffleur@example.org>", CAFile: o.caFile}
	if security != Plain {
		c.User, c.Password = "souffleur", "secret"
	}
	for _, f := range change {
		f(&c)
	}
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestALetterArrives(t *testing.T) {
	for _, security := range []Security{StartTLS, TLS, Plain} {
		t.Run(string(security), func(t *testing.T) {
			o := open(t, security)
			letter := Letter{ID: "m1", To: []string{"ada@example.org", "nobody@example.org", "bob@example.org"}, Subject: "Compte rendu prêt", Body: "Bonjour à tous.\n.\nhttps://meet.example.org/é\n"}
			if err := o.sender(t, security).Send(t.Context(), letter); err != nil {
				t.Fatal(err)
			}
			if len(o.letters) != 2 || o.letters[0].to != "ada@example.org" || o.letters[1].to != "bob@example.org" || strings.Contains(o.letters[0].text, "bob@") {
				t.Fatalf("arrived: %+v", o.letters)
			}
			if security != Plain && o.letters[0].user != "souffleur" {
				t.Error("nobody signed in")
			}
			m, err := netmail.ReadMessage(strings.NewReader(o.letters[0].text))
			if err != nil {
				t.Fatal(err)
			}
			subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
			if err != nil || subject != "Compte rendu prêt" || m.Header.Get("Message-ID") != "<m1.0@example.org>" {
				t.Errorf("headers are %v", m.Header)
			}
			body, err := io.ReadAll(quotedprintable.NewReader(m.Body))
			if err != nil || strings.ReplaceAll(string(body), "\r\n", "\n") != letter.Body {
				t.Errorf("the text is %q, %v", body, err)
			}
		})
	}
}

func TestALetterIsNotSentWhereOthersCouldReadIt(t *testing.T) {
	o := open(t, Plain)
	if err := o.sender(t, StartTLS).Send(t.Context(), Letter{To: []string{"ada@example.org"}}); err == nil || !strings.Contains(err.Error(), "STARTTLS") {
		t.Errorf("a server without TLS: %v", err)
	}
	secure := open(t, StartTLS)
	if err := secure.sender(t, StartTLS, func(c *Config) { c.CAFile = "" }).Send(t.Context(), Letter{To: []string{"ada@example.org"}}); err == nil {
		t.Error("a certificate of nobody is trusted")
	}
	if len(o.letters)+len(secure.letters) != 0 {
		t.Error("letters were sent")
	}
}

func TestRefusalsNameNoAddress(t *testing.T) {
	o := open(t, StartTLS)
	err := o.sender(t, StartTLS).Send(t.Context(), Letter{To: []string{"nobody@example.org"}})
	if err == nil || strings.Contains(err.Error(), "nobody") {
		t.Errorf("refused: %v", err)
	}
	err = o.sender(t, StartTLS, func(c *Config) { c.Password = "wrong" }).Send(t.Context(), Letter{To: []string{"ada@example.org"}})
	if err == nil || !strings.Contains(err.Error(), "sign in") {
		t.Errorf("a wrong password: %v", err)
	}
	if err := o.sender(t, StartTLS).Send(t.Context(), Letter{To: []string{"ada@example.org\r\nBcc: eve@example.org"}}); err == nil {
		t.Error("an address with a line break is taken")
	}
}

func TestASilentServerIsGivenUp(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	s, err := New(Config{Server: listener.Addr().String(), Security: Plain, From: "a@example.org"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := s.Send(ctx, Letter{To: []string{"ada@example.org"}}); err == nil {
		t.Error("a letter was sent to nobody")
	}
}

func TestWrongSettingsOfMailAreNamed(t *testing.T) {
	good := Config{Server: "smtp.example.org:587", Security: StartTLS, From: "a@example.org"}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	for what, wrong := range map[string]func(*Config){
		"HOST:PORT": func(c *Config) { c.Server = "smtp.example.org" }, "security": func(c *Config) { c.Security = "ssl" },
		"sender": func(c *Config) { c.From = "souffleur" }, "password": func(c *Config) { c.Security, c.User = Plain, "u" },
	} {
		c := good
		wrong(&c)
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%s: %v", what, err)
		}
	}
}
