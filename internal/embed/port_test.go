package embed

import (
	"net"
	"os"
	"path/filepath"
	"testing"
)

func TestARestartListensOnThePortOfTheLastRun(t *testing.T) {
	dir := t.TempDir()
	first, err := listen(t.Context(), dir, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := first.Addr().(*net.TCPAddr).Port
	if port < freshPortMin || port >= freshPortMax {
		t.Errorf("fresh port %d lies outside %d to %d", port, freshPortMin, freshPortMax)
	}
	first.Close()
	second, err := listen(t.Context(), dir, "")
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	if got := second.Addr().(*net.TCPAddr).Port; got != port {
		t.Errorf("after a restart the port is %d, was %d", got, port)
	}
}

func TestAPortTakenBySomebodyElseIsReplacedAndTheNewOneRemembered(t *testing.T) {
	dir := t.TempDir()
	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if err := rememberPort(dir, other); err != nil {
		t.Fatal(err)
	}
	mine, err := listen(t.Context(), dir, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer mine.Close()
	if got := rememberedPort(dir); got != mine.Addr().(*net.TCPAddr).Port {
		t.Errorf("remembered %d, listens on %s", got, mine.Addr())
	}
}

func TestAForeignPortFileCountsAsNone(t *testing.T) {
	dir := t.TempDir()
	for _, text := range []string{"", "x", "-1", "70000", "80 81"} {
		if err := os.WriteFile(filepath.Join(dir, portName), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := rememberedPort(dir); got != 0 {
			t.Errorf("port file %q is read as %d", text, got)
		}
	}
}

func TestOnlyLoopbackIsAccepted(t *testing.T) {
	for addr, ok := range map[string]bool{
		"": true, "127.0.0.1:0": true, "localhost:0": true, "127.0.0.2:9092": true, "[::1]:0": true,
		"0.0.0.0:0": false, ":9092": false, "192.168.1.4:9092": false, "example.org:9092": false,
		"127.0.0.1": false, "127.0.0.1:x": false, "127.0.0.1:70000": false,
	} {
		if _, _, err := splitLoopback(addr); (err == nil) != ok {
			t.Errorf("%q: %v, accepted should be %v", addr, err, ok)
		}
	}
}
