package sfu

import (
	"fmt"
	"net/netip"
	"runtime"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

func TestPartsOfOneDestinationBecomeOneMessage(t *testing.T) {
	c := openBatch(t)
	defer c.Close()
	a, z := netip.MustParseAddrPort("192.0.2.1:1000"), netip.MustParseAddrPort("192.0.2.2:2000")
	b := newBatch()
	for _, p := range []struct {
		size int
		to   netip.AddrPort
	}{{100, a}, {100, z}, {100, a}, {60, a}, {100, a}, {60, z}, {100, a}, {120, a}} {
		if !b.add(make([]byte, p.size), p.to) {
			t.Fatal("no room in an empty batch")
		}
	}
	want := map[bool]string{
		true:  "1:[100 100 60]/100 2:[100 60]/100 1:[100 100]/100 1:[120]/0 ",
		false: "1:[100]/0 2:[100]/0 1:[100]/0 1:[60]/0 1:[100]/0 2:[60]/0 1:[100]/0 1:[120]/0 ",
	}
	for _, split := range []bool{true, false, true} {
		c.post.split = split
		c.post.arrange(b)
		if got := c.post.describeAll(); got != want[split] {
			t.Errorf("split %v: messages %s\nwant %s", split, got, want[split])
		}
	}
}

// describeAll writes each message as the last byte of its destination, the sizes of its parts and where it is to be split.
func (p *post) describeAll() string {
	text := ""
	for i := range p.used {
		h := &p.messages[i].header
		var sizes []uint64
		for _, part := range unsafe.Slice(h.Iov, h.Iovlen) {
			sizes = append(sizes, uint64(part.Len))
		}
		at := uint16(0)
		if h.Control != nil {
			at = *(*uint16)(unsafe.Add(unsafe.Pointer(h.Control), unix.SizeofCmsghdr))
		}
		text += fmt.Sprintf("%d:%v/%d ", (*unix.RawSockaddrInet4)(unsafe.Pointer(h.Name)).Addr[3], sizes, at)
	}
	return text
}

func TestBatchesThatTheKernelDoesNotSplit(t *testing.T) {
	c := openBatch(t)
	defer c.Close()
	c.post.split = false
	arriveInOrder(t, c)
}

// TestMessageThatCannotBeSplitIsSentInParts asks the kernel for what it refuses: parts that do not fit the way.
func TestMessageThatCannotBeSplitIsSentInParts(t *testing.T) {
	c := openBatch(t)
	defer c.Close()
	if !c.post.split {
		t.Skip("this kernel does not split messages")
	}
	err := c.post.raw.Control(func(fd uintptr) { // checksums off, which is what makes the kernel refuse
		if err := unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_NO_CHECK, 1); err != nil {
			t.Fatal(err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	arriveInOrder(t, c)
	if c.post.split {
		t.Error("it goes on asking")
	}
}

// BenchmarkBatchWrite is the processor time of the thread that hands packets for 50 readers to the kernel, frames of three
// packets each: one by one, in batches, and in batches that the kernel splits.
func BenchmarkBatchWrite(b *testing.B) {
	for _, size := range []int{140, 1120} {
		for _, way := range []string{"single", "batch", "split"} {
			b.Run(fmt.Sprint(way, " ", size), func(b *testing.B) { benchmarkWrite(b, way, size) })
		}
	}
}

func benchmarkWrite(b *testing.B, way string, size int) {
	c := openBatch(b)
	defer c.Close()
	c.post.split = way == "split" && c.post.split
	var to []netip.AddrPort
	for range 50 {
		s := openSocket(b)
		to = append(to, s.address)
		go func() {
			buf := make([]byte, 2048)
			for {
				if _, err := s.Read(buf); err != nil {
					return
				}
			}
		}()
	}
	packets, payload := newBatch(), make([]byte, size)
	send := func() {
		c.post.send(packets)
		packets.clear()
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	b.ReportAllocs()
	b.ResetTimer()
	begun, n := threadTime(), 0
	for n < b.N {
		for range 3 {
			for _, a := range to {
				if n++; way == "single" {
					_, _ = c.UDPConn.WriteToUDPAddrPort(payload, a)
					continue
				}
				for !packets.add(payload, a) {
					send()
				}
			}
			if way == "batch" {
				send()
			}
		}
		send()
	}
	b.ReportMetric(float64((threadTime()-begun).Nanoseconds())/float64(n), "cpu-ns/packet")
}

// threadTime is the processor time of this thread.
func threadTime() time.Duration {
	const thread = 1 // RUSAGE_THREAD
	var usage unix.Rusage
	_ = unix.Getrusage(thread, &usage)
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
