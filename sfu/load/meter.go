package load

import (
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// meter turns the counters of the process and the machine into readings. What the system does not tell is left out.
type meter struct {
	cores   float64 // set once, as traffic
	traffic func() Traffic

	at    time.Time // of the last reading, as all below
	own   time.Duration
	spare time.Duration // processor time of the machine that was there to be had; negative: not known
	sent  Traffic
	full  uint64
}

func newMeter(cores float64, traffic func() Traffic, now time.Time) *meter {
	if cores == 0 {
		cores = usableCores("/")
	}
	m := &meter{cores: cores, traffic: traffic}
	m.read(now)
	return m
}

// read returns what has happened since the last read. Late is left zero.
func (m *meter) read(now time.Time) Reading {
	before := *m
	m.at, m.own, m.spare = now, ownTime(), spareTime("/proc/stat")
	m.sent, m.full = m.traffic(), fullSockets("/proc/net/snmp")
	passed := m.at.Sub(before.at).Seconds()
	if passed <= 0 || before.at.IsZero() {
		return Reading{}
	}
	own := (m.own - before.own).Seconds() / passed
	spare := math.Inf(1)
	if m.spare >= 0 && before.spare >= 0 {
		spare = max(0, (m.spare-before.spare).Seconds()/passed)
	}
	return Reading{
		CPU:     own / available(m.cores, own, spare),
		Own:     own / m.cores,
		Egress:  float64(m.sent.Bytes-before.sent.Bytes) * 8 / passed,
		Packets: float64(m.sent.Packets - before.sent.Packets),
		Dropped: float64(m.full - before.full),
	}
}

// available returns how many cores a process could get that uses own and finds spare more: what others leave of its
// cores, and half of them at least, since a scheduler gives nobody everything.
func available(cores, own, spare float64) float64 {
	return max(min(cores, own+spare), cores/2)
}

// ownTime is the processor time of this process, without its children: those yield, and shedding video helps them not.
func ownTime() time.Duration {
	var usage syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &usage) != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// jiffy is the unit of /proc/stat: USER_HZ is 100 on every architecture that Go runs on.
const jiffy = 10 * time.Millisecond

// spareTime reads how much of the machine's processor time was idle, or went to processes of lower priority such as our
// recognisers, which yield to us. Time stolen by a host is not spare. It returns -1 when the file does not tell. (Not
// /proc/pressure/cpu: that counts the waiting of processes of lower priority, too, so it is high whenever recognisers work.)
func spareTime(stat string) time.Duration {
	b, err := os.ReadFile(stat)
	if err != nil {
		return -1
	}
	line, _, _ := strings.Cut(string(b), "\n")
	f := strings.Fields(line) // cpu user nice system idle iowait …
	if len(f) < 6 || f[0] != "cpu" {
		return -1
	}
	var sum uint64
	for _, i := range []int{2, 4, 5} {
		n, err := strconv.ParseUint(f[i], 10, 64)
		if err != nil {
			return -1
		}
		sum += n
	}
	return time.Duration(sum) * jiffy
}

// fullSockets reads how often a UDP packet of this network namespace found its socket full. 0 when it is not told.
func fullSockets(snmp string) uint64 {
	b, err := os.ReadFile(snmp)
	if err != nil {
		return 0
	}
	var names []string
	for line := range strings.Lines(string(b)) {
		f := strings.Fields(line)
		if len(f) == 0 || f[0] != "Udp:" {
			continue
		}
		if names == nil {
			names = f
			continue
		}
		for i, name := range names {
			if name == "SndbufErrors" && i < len(f) {
				n, _ := strconv.ParseUint(f[i], 10, 64)
				return n
			}
		}
	}
	return 0
}

// usableCores returns how many cores this process may use: GOMAXPROCS, or the quota of its control group if that is
// less. GOMAXPROCS follows the quota, but in whole numbers and never below 2. root is "/" but in tests.
func usableCores(root string) float64 {
	return min(float64(runtime.GOMAXPROCS(0)), cpuQuota(root))
}

// cpuQuota returns the quota of the process's control group and of those above it, in cores; +Inf if there is none.
func cpuQuota(root string) float64 {
	quota := math.Inf(1)
	b, err := os.ReadFile(filepath.Join(root, "proc/self/cgroup"))
	if err != nil {
		return quota
	}
	for line := range strings.Lines(string(b)) {
		hierarchy, path, ok := cutControllers(strings.TrimSpace(line))
		if !ok {
			continue
		}
		for dir := filepath.Join("/", path); ; dir = filepath.Dir(dir) {
			quota = min(quota, quotaIn(filepath.Join(root, "sys/fs/cgroup", hierarchy, dir)))
			if dir == "/" {
				break
			}
		}
	}
	return quota
}

// cutControllers reads a line of /proc/self/cgroup, "hierarchy:controllers:path" (cgroups(7)), and returns where the
// processor's controller is mounted: at the root in version 2.
func cutControllers(line string) (hierarchy, path string, ok bool) {
	f := strings.SplitN(line, ":", 3)
	if len(f) != 3 {
		return "", "", false
	}
	if f[0] == "0" && f[1] == "" {
		return "", f[2], true
	}
	for c := range strings.SplitSeq(f[1], ",") {
		if c == "cpu" {
			return "cpu", f[2], true // "cpu,cpuacct" has a link of this name
		}
	}
	return "", "", false
}

// quotaIn reads the quota of one control group, of version 2 or 1.
func quotaIn(dir string) float64 {
	if b, err := os.ReadFile(filepath.Join(dir, "cpu.max")); err == nil {
		if f := strings.Fields(string(b)); len(f) == 2 {
			return ratio(f[0], f[1]) // "max 100000": no number, no quota
		}
	}
	quota, err1 := os.ReadFile(filepath.Join(dir, "cpu.cfs_quota_us"))
	period, err2 := os.ReadFile(filepath.Join(dir, "cpu.cfs_period_us"))
	if err1 != nil || err2 != nil {
		return math.Inf(1)
	}
	return ratio(strings.TrimSpace(string(quota)), strings.TrimSpace(string(period)))
}

func ratio(quota, period string) float64 {
	q, err1 := strconv.ParseFloat(quota, 64)
	p, err2 := strconv.ParseFloat(period, 64)
	if err1 != nil || err2 != nil || !(q > 0) || !(p > 0) { // -1: no quota
		return math.Inf(1)
	}
	return q / p
}
