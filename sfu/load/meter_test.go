package load

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestWhatAProcessCouldGet(t *testing.T) {
	for _, c := range []struct {
		what              string
		cores, own, spare float64
		want              float64
	}{
		{"alone on the machine", 2, 0.5, 1.5, 2},
		{"beside recognisers, which yield", 2, 1.4, 0.6, 2},
		{"beside others", 2, 0.9, 0.3, 1.2},
		{"beside many others: half is ours", 2, 0.1, 0, 1},
		{"a quota of half a core on a large machine", 0.5, 0.4, 60, 0.5},
		{"a machine that tells nothing", 4, 1, math.Inf(1), 4},
	} {
		if got := available(c.cores, c.own, c.spare); math.Abs(got-c.want) > 1e-9 {
			t.Errorf("%s: %v, want %v", c.what, got, c.want)
		}
	}
}

// files writes files below a folder of their own and returns it.
func files(t *testing.T, content map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range content {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestQuotasOfControlGroups(t *testing.T) {
	for what, c := range map[string]struct {
		files map[string]string
		want  float64
	}{
		"no control groups": {nil, math.Inf(1)},
		"version 2": {map[string]string{
			"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/cpu.max": "max 100000\n", "sys/fs/cgroup/a/cpu.max": "150000 100000\n",
		}, 1.5},
		"version 2, in a container": {map[string]string{"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "20000 100000\n"}, 0.2},
		"version 1": {map[string]string{
			"proc/self/cgroup":                      "4:memory:/m\n3:cpu,cpuacct:/x\n0::/\n",
			"sys/fs/cgroup/cpu/x/cpu.cfs_quota_us":  "50000\n",
			"sys/fs/cgroup/cpu/x/cpu.cfs_period_us": "100000\n",
			"sys/fs/cgroup/cpu/cpu.cfs_quota_us":    "-1\n",
			"sys/fs/cgroup/cpu/cpu.cfs_period_us":   "100000\n",
		}, 0.5},
		"nonsense": {map[string]string{"proc/self/cgroup": "::\n\n0:\n0::/../..\nx", "sys/fs/cgroup/cpu.max": "NaN 0\n"}, math.Inf(1)},
	} {
		if got := cpuQuota(files(t, c.files)); got != c.want {
			t.Errorf("%s: %v cores, want %v", what, got, c.want)
		}
	}
	if got := usableCores("/"); !(got > 0) {
		t.Errorf("this machine has %v cores", got)
	}
}

func TestCountersOfTheMachine(t *testing.T) {
	root := files(t, map[string]string{
		"stat": "cpu  100 20 30 400 5 0 0 60 0 0\ncpu0 1 1 1 1\n",
		"snmp": "Ip: a b\nIp: 1 2\nUdp: InDatagrams RcvbufErrors SndbufErrors\nUdp: 7 8 9\nUdpLite: SndbufErrors\nUdpLite: 3\n",
		"odd":  "Udp: SndbufErrors\nUdp:\ncpu 1 2\n",
	})
	if got := spareTime(filepath.Join(root, "stat")); got != 4250*time.Millisecond {
		t.Errorf("spare time %v", got)
	}
	if got := fullSockets(filepath.Join(root, "snmp")); got != 9 {
		t.Errorf("%d full sockets", got)
	}
	for _, name := range []string{"odd", "none"} {
		path := filepath.Join(root, name)
		if spareTime(path) >= 0 || fullSockets(path) != 0 {
			t.Errorf("%s tells something", name)
		}
	}
}

func TestAMeterSeesItsOwnProcess(t *testing.T) {
	var sent atomic.Uint64
	m := newMeter(0, func() Traffic { return Traffic{Bytes: sent.Load(), Packets: sent.Load() / 100} }, time.Now())
	start := ownTime()
	for ownTime()-start < 50*time.Millisecond {
		strings.Repeat("x", 1000)
	}
	sent.Store(1_000_000)
	r := m.read(m.at.Add(time.Second))
	if r.Own <= 0 || r.CPU <= 0 || r.Egress != 8e6 || r.Packets != 10_000 {
		t.Errorf("read %+v", r)
	}
}

func TestRunTellsUntilItIsStopped(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	told, done := make(chan Status, 10), make(chan struct{})
	var sent atomic.Uint64
	go func() {
		defer close(done)
		Run(ctx, Config{Uplink: 1000}, func() Traffic { return Traffic{Bytes: sent.Add(10_000)} }, func(s Status, _ bool) { told <- s })
	}()
	for s := range told {
		if s.State == Audio { // ten times the uplink is an emergency
			break
		}
	}
	stop()
	<-done
}
