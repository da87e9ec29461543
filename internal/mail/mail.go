// Package mail sends short letters through the operator's mail server. It knows nothing of who writes to whom about what, and holds
// no queue: whoever sends tries again.
//
// Start reading at [Sender.Send].
package mail

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"mime"
	"mime/quotedprintable"
	"net"
	netmail "net/mail"
	"net/smtp"
	"os"
	"strings"
	"time"
)

// Security is how the way to the mail server is protected.
type Security string

// Securities.
const (
	StartTLS Security = "starttls" // RFC 3207; refused where the server does not offer it
	TLS      Security = "tls"      // from the first byte (RFC 8314)
	Plain    Security = "none"     // not at all, without a password: for a server on the same machine
)

// Config names the mail server.
type Config struct {
	Server   string // host:port
	Security Security
	User     string // "": none is needed
	Password string
	From     string // address, perhaps with a name
	CAFile   string // PEM certificates that are trusted beside those of the system; "": none
}

// Validate names the first wrong setting.
func (c Config) Validate() error {
	host, port, err := net.SplitHostPort(c.Server)
	if err != nil || host == "" || port == "" {
		return errors.New("mail: the server must be HOST:PORT, such as smtp.example.org:587")
	}
	switch c.Security {
	case StartTLS, TLS:
	case Plain:
		if c.User != "" {
			return errors.New("mail: a password is not sent without TLS; choose starttls or tls, or leave out the user")
		}
	default:
		return fmt.Errorf("mail: security %q is none of starttls, tls, none", c.Security)
	}
	if _, err := netmail.ParseAddress(c.From); err != nil {
		return errors.New("mail: the sender must be an address, such as souffleur@example.org")
	}
	return nil
}

// Letter is a text for several people, none of whom sees the others.
type Letter struct {
	ID      string // the same when it is sent again, so that mail programs show it once: letters, digits, dots, hyphens
	To      []string
	Subject string
	Body    string // lines end with "\n"
}

// within bounds one letter, with the wait for the server.
const within = 30 * time.Second

// Sender sends letters. It is safe for concurrent use.
type Sender struct {
	config Config
	from   *netmail.Address
	roots  *x509.CertPool // nil: the system's
}

// New returns a sender. It connects when it sends.
func New(config Config) (*Sender, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	from, err := netmail.ParseAddress(config.From)
	if err != nil {
		return nil, fmt.Errorf("mail: sender: %w", err)
	}
	s := &Sender{config: config, from: from}
	if config.CAFile != "" {
		pem, err := os.ReadFile(config.CAFile)
		if err != nil {
			return nil, fmt.Errorf("mail: certificates: %w", err)
		}
		if s.roots, err = x509.SystemCertPool(); err != nil {
			s.roots = x509.NewCertPool()
		}
		if !s.roots.AppendCertsFromPEM(pem) {
			return nil, errors.New("mail: the file of certificates has none in PEM form")
		}
	}
	return s, nil
}

// Send gives a letter to the mail server, once for each person: an address that the server refuses keeps it from nobody else. The error
// names no address.
func (s *Sender) Send(ctx context.Context, l Letter) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	client, err := s.connect(ctx)
	if err != nil {
		return fmt.Errorf("reach the mail server %s: %w", s.config.Server, err)
	}
	defer client.Close()
	refused := 0
	for i, to := range l.To {
		if err := s.deliver(client, l, i, to); err != nil {
			refused++
			if err := client.Reset(); err != nil {
				return fmt.Errorf("the mail server broke off: %w", withoutText(err))
			}
		}
	}
	if refused > 0 && refused == len(l.To) {
		return fmt.Errorf("the mail server took a letter for none of %d people", refused)
	}
	_ = client.Quit() // the letters are delivered
	return nil
}

// connect greets the server, protects the way and signs in.
func (s *Sender) connect(ctx context.Context) (*smtp.Client, error) {
	host, _, _ := net.SplitHostPort(s.config.Server) // was checked
	secure := &tls.Config{ServerName: host, RootCAs: s.roots, MinVersion: tls.VersionTLS12}
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", s.config.Server)
	if err != nil {
		return nil, err
	}
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			return nil, errors.Join(err, conn.Close())
		}
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) }) // who gives up waits for no answer
	defer stop()
	if s.config.Security == TLS {
		conn = tls.Client(conn, secure)
	}
	client, err := smtp.NewClient(conn, host)
	if err != nil {
		return nil, errors.Join(withoutText(err), conn.Close())
	}
	if err := s.introduce(client, host, secure); err != nil {
		return nil, errors.Join(err, client.Close())
	}
	return client, nil
}

func (s *Sender) introduce(client *smtp.Client, host string, secure *tls.Config) error {
	if s.config.Security == StartTLS {
		if offered, _ := client.Extension("STARTTLS"); !offered {
			return errors.New("it does not offer STARTTLS")
		}
		if err := client.StartTLS(secure); err != nil {
			return fmt.Errorf("start TLS: %w", err)
		}
	}
	if s.config.User == "" {
		return nil
	}
	if err := client.Auth(smtp.PlainAuth("", s.config.User, s.config.Password, host)); err != nil {
		return fmt.Errorf("sign in: %w", withoutText(err))
	}
	return nil
}

// withoutText keeps what a server says out of logs, but for its code: it may quote addresses.
func withoutText(err error) error {
	code, _, found := strings.Cut(err.Error(), " ")
	if found && len(code) == 3 && code[0] >= '4' && code[0] <= '5' {
		return fmt.Errorf("it answers %s", code)
	}
	return err
}

func (s *Sender) deliver(client *smtp.Client, l Letter, n int, to string) error {
	address, err := netmail.ParseAddress(to)
	if err != nil {
		return err
	}
	if err := client.Mail(s.from.Address); err != nil {
		return err
	}
	if err := client.Rcpt(address.Address); err != nil {
		return err
	}
	body, err := s.message(l, n, address)
	if err != nil {
		return err
	}
	w, err := client.Data()
	if err != nil {
		return err
	}
	if _, err := w.Write(body); err != nil {
		return errors.Join(err, w.Close())
	}
	return w.Close()
}

// message writes a letter (RFC 5322, RFC 2045). Header values come from ParseAddress and from encodings, so none holds a line break.
func (s *Sender) message(l Letter, n int, to *netmail.Address) ([]byte, error) {
	_, domain, _ := strings.Cut(s.from.Address, "@")
	id := l.ID
	if id == "" {
		id = rand.Text()
	}
	var b bytes.Buffer
	for _, h := range [][2]string{
		{"From", s.from.String()}, {"To", to.String()}, {"Subject", mime.QEncoding.Encode("utf-8", l.Subject)},
		{"Date", time.Now().Format(time.RFC1123Z)}, {"Message-ID", fmt.Sprintf("<%s.%d@%s>", id, n, domain)},
		{"Auto-Submitted", "auto-generated"}, // RFC 3834: nobody's holiday answers it
		{"MIME-Version", "1.0"}, {"Content-Type", "text/plain; charset=utf-8"}, {"Content-Transfer-Encoding", "quoted-printable"},
	} {
		b.WriteString(h[0] + ": " + h[1] + "\r\n")
	}
	b.WriteString("\r\n")
	w := quotedprintable.NewWriter(&b)
	if _, err := w.Write([]byte(strings.ReplaceAll(l.Body, "\n", "\r\n"))); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
