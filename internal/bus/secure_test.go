package bus

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// fakeCluster is a broker with options that the embedded one does not offer.
func fakeCluster(t *testing.T, opts ...kfake.Opt) (*kfake.Cluster, Config) {
	t.Helper()
	cluster, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(1)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	cfg := DefaultConfig()
	cfg.Brokers = cluster.ListenAddrs()
	return cluster, cfg
}

// shortSighted opens with little patience: the tests below expect refusals.
func shortSighted() tuning {
	tune := quick()
	tune.openPatience = 2 * time.Second
	return tune
}

func opens(t *testing.T, cfg Config) error {
	t.Helper()
	b, err := open(t.Context(), cfg, shortSighted(), quiet())
	if err != nil {
		return err
	}
	defer b.Close()
	publish(t, b, Meetings, 0, "x")
	ends, err := b.EndOffsets(t.Context(), Meetings)
	if err != nil || ends[0] < 1 {
		t.Errorf("end offsets %v, %v", ends, err)
	}
	return nil
}

func TestSASLWithTheRightAndTheWrongPassword(t *testing.T) {
	t.Parallel()
	_, cfg := fakeCluster(t, kfake.EnableSASL(),
		kfake.Superuser("PLAIN", "ada", "secret"),
		kfake.Superuser("SCRAM-SHA-256", "ada", "secret"), kfake.Superuser("SCRAM-SHA-512", "ada", "secret"))
	for _, mechanism := range []string{"plain", "scram-sha-256", "scram-sha-512"} {
		cfg.SASL, cfg.User, cfg.Password = mechanism, "ada", "secret"
		if err := opens(t, cfg); err != nil {
			t.Errorf("%s: %v", mechanism, err)
		}
		cfg.Password = "wrong"
		if err := opens(t, cfg); err == nil || !strings.Contains(err.Error(), "SASL Authentication Failed") {
			t.Errorf("%s with a wrong password: %v", mechanism, err)
		}
	}
	cfg.SASL, cfg.User, cfg.Password = "", "", ""
	if err := opens(t, cfg); err == nil {
		t.Error("opened without a password")
	}
}

func TestTLSWithTheRightAndTheWrongAuthority(t *testing.T) {
	t.Parallel()
	certificate, file := selfSigned(t)
	_, stranger := selfSigned(t)
	_, cfg := fakeCluster(t, kfake.TLS(&tls.Config{Certificates: []tls.Certificate{certificate}}))
	cfg.TLS, cfg.CAFile = true, file
	if err := opens(t, cfg); err != nil {
		t.Errorf("right authority: %v", err)
	}
	for name, ca := range map[string]string{"another authority": stranger, "the system's authorities": ""} {
		cfg.CAFile = ca
		if err := opens(t, cfg); err == nil || !strings.Contains(err.Error(), "x509") {
			t.Errorf("%s: %v", name, err)
		}
	}
	cfg.TLS, cfg.CAFile = false, ""
	if err := opens(t, cfg); err == nil || !strings.Contains(err.Error(), "KAFKA_TLS") {
		t.Errorf("without TLS: %v", err)
	}
}

// selfSigned makes a certificate for 127.0.0.1 and a file with which clients trust it.
func selfSigned(t *testing.T) (tls.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true,
		BasicConstraintsValid: true, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, file
}

// The broker stores the record but says that it failed, as when the answer is lost.
func TestAfterALostAnswerADurableRecordMayStandTwiceAndAudioIsAnError(t *testing.T) {
	t.Parallel()
	cluster, cfg := fakeCluster(t)
	b, err := open(t.Context(), cfg, quick(), quiet())
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	lost := kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.NotEnoughReplicasAfterAppend, Count: 1}

	cluster.Fault(lost)
	publish(t, b, Segments, 0, "final")
	ends, err := b.EndOffsets(t.Context(), Segments)
	if err != nil || ends[0] != 2 {
		t.Errorf("segments end at %v, %v; want the record twice", ends, err)
	}

	cluster.Fault(lost)
	if err := b.Publish(t.Context(), Message{Topic: Audio, Value: []byte("audio")}); err == nil {
		t.Error("audio was tried again behind the caller's back")
	}
}

// A full disk answers "unknown", which the client takes for final.
func TestADurableRecordOutlastsAFullDisk(t *testing.T) {
	t.Parallel()
	cluster, cfg := fakeCluster(t)
	b, err := open(t.Context(), cfg, quick(), quiet())
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.UnknownServerError, Count: 3})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := b.Publish(ctx, Message{Topic: Meetings, Value: []byte("event")}); err != nil {
		t.Error(err)
	}
}
