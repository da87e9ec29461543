// Package proc reads what a process has used from /proc, for the benches that measure servers in processes of their own.
// It works on Linux only.
package proc

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// ticksPerSecond is the unit of times in /proc/PID/stat; the kernel's interface has had this value since ever (proc(5), USER_HZ).
const ticksPerSecond = 100

// Usage returns the processor time, user and system, that a process has used so far, and the bytes of memory that it holds.
func Usage(pid int) (cpu time.Duration, rss int64, err error) {
	dir := "/proc/" + strconv.Itoa(pid)
	stat, err := os.ReadFile(dir + "/stat")
	if err != nil {
		return 0, 0, err
	}
	// The name stands in parentheses and may have spaces; user and system time are the 12th and 13th field after it.
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	statm, err := os.ReadFile(dir + "/statm")
	if err != nil {
		return 0, 0, err
	}
	pages := strings.Fields(string(statm))
	if len(fields) < 13 || len(pages) < 2 {
		return 0, 0, fmt.Errorf("%s: not as expected", dir)
	}
	var n [3]int64
	for i, text := range []string{fields[11], fields[12], pages[1]} {
		if n[i], err = strconv.ParseInt(text, 10, 64); err != nil {
			return 0, 0, fmt.Errorf("%s: %w", dir, err)
		}
	}
	return time.Duration(n[0]+n[1]) * time.Second / ticksPerSecond, n[2] * int64(os.Getpagesize()), nil
}

// Peak returns the most bytes of memory that a process has held so far (VmHWM of proc(5)).
func Peak(pid int) (int64, error) {
	status, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kilobytes, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 10, 64)
			if err != nil {
				return 0, fmt.Errorf("/proc/%d/status: %w", pid, err)
			}
			return kilobytes * 1024, nil
		}
	}
	return 0, fmt.Errorf("/proc/%d/status has no VmHWM", pid)
}
