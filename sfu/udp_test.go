package sfu

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/srtp/v3"

	"souffleur/internal/signal"
)

// mailboxSocket receives what is sent to it.
type mailboxSocket struct {
	*net.UDPConn
	address netip.AddrPort
}

func openSocket(t testing.TB) *mailboxSocket {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.SetReadBuffer(4 << 20)
	t.Cleanup(func() { conn.Close() })
	return &mailboxSocket{UDPConn: conn, address: conn.LocalAddr().(*net.UDPAddr).AddrPort()}
}

// next returns the next packet, or nil when none comes any more.
func (s *mailboxSocket) next(t testing.TB) []byte {
	t.Helper()
	buf := make([]byte, 1<<16)
	if err := s.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	n, err := s.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	return buf[:n]
}

func openBatch(t testing.TB) *batchConn {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	c, err := newBatchConn(conn)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestBatchesArriveWholeAndInOrder writes packets of the sizes of video frames to several destinations, from several
// goroutines.
func TestBatchesArriveWholeAndInOrder(t *testing.T) {
	c := openBatch(t)
	arriveInOrder(t, c)
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

func arriveInOrder(t *testing.T, c *batchConn) {
	t.Helper()
	const packets, readers, writers = 100, 6, 2
	var sockets []*mailboxSocket
	for range readers {
		sockets = append(sockets, openSocket(t))
	}
	var work sync.WaitGroup
	for w := range writers { // each has readers of its own, as a participant's packets come from few goroutines
		work.Go(func() {
			for n := range packets {
				for i := w; i < readers; i += writers {
					if _, err := c.WriteToAddrPort(numbered(n, i), sockets[i].address); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	work.Wait()
	for i, s := range sockets {
		for n := range packets {
			if got := s.next(t); !bytes.Equal(got, numbered(n, i)) {
				t.Fatalf("reader %d got %d bytes that begin with % x instead of packet %d", i, len(got), got[:4], n)
			}
		}
	}
}

// numbered is packet n for reader i: frames of four packets of which the last is shorter, now and then a tiny one.
func numbered(n, i int) []byte {
	size := 1100
	switch n % 8 {
	case 3, 7:
		size = 200 + 7*n
	case 4:
		size = 4
	}
	b := bytes.Repeat([]byte{byte(n), byte(i)}, size/2)
	binary.BigEndian.PutUint16(b, uint16(n))
	return b
}

// TestRefusedMessageHarmsNoOtherDestination writes to a destination that the kernel refuses, among others.
func TestRefusedMessageHarmsNoOtherDestination(t *testing.T) {
	c := openBatch(t)
	defer c.Close()
	good := openSocket(t)
	nowhere := netip.MustParseAddrPort("[2001:db8::1]:9") // an IPv4 socket cannot send there
	for n := range 10 {
		for _, to := range []netip.AddrPort{nowhere, good.address} {
			if _, err := c.WriteToAddrPort(numbered(n, 0), to); err != nil {
				t.Fatal(err)
			}
		}
	}
	for n := range 10 {
		if got := good.next(t); !bytes.Equal(got, numbered(n, 0)) {
			t.Fatalf("packet %d came out wrong", n)
		}
	}
}

func TestBatchSocketClosedUnderWriters(t *testing.T) {
	c := openBatch(t)
	to := openSocket(t).address
	var work sync.WaitGroup
	for range 3 {
		work.Go(func() {
			for {
				if _, err := c.WriteToAddrPort(make([]byte, 1000), to); err != nil {
					if !errors.Is(err, net.ErrClosed) {
						t.Error(err)
					}
					return
				}
			}
		})
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	work.Wait()
}

// ray is a connection over the batch socket to one reader, as ICE would make it.
type ray struct {
	net.Conn // nil: nothing else is asked of it
	socket   *batchConn
	to       netip.AddrPort
	closed   chan struct{}
}

func (r *ray) Write(b []byte) (int, error) { return r.socket.WriteToAddrPort(b, r.to) }
func (r *ray) Read([]byte) (int, error) {
	<-r.closed
	return 0, io.EOF
}
func (r *ray) SetReadDeadline(time.Time) error { return nil }
func (r *ray) Close() error {
	close(r.closed)
	return nil
}

// encryptedSlot returns a slot that carries t to a socket of its own.
func encryptedSlot(b *testing.B, t *track, socket *batchConn) *slot {
	b.Helper()
	config := &srtp.Config{Profile: srtp.ProtectionProfileAeadAes128Gcm, Keys: srtp.SessionKeys{
		LocalMasterKey: make([]byte, 16), LocalMasterSalt: make([]byte, 12), RemoteMasterKey: make([]byte, 16), RemoteMasterSalt: make([]byte, 12),
	}}
	session, err := srtp.NewSessionSRTP(&ray{socket: socket, to: openSocket(b).address, closed: make(chan struct{})}, config)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { session.Close() })
	out, err := session.OpenWriteStream()
	if err != nil {
		b.Fatal(err)
	}
	var open atomic.Bool
	open.Store(true)
	s := newSlot(t.source, 0, &open)
	s.wire.Store(&wire{ssrc: 77, payloads: [codecs]uint8{codecOpus: payloadOpus, codecVP8: payloadVP8}, out: out})
	s.aim(t.layers[0])
	return s
}

// BenchmarkFanout150Sent is what one packet to 150 readers costs: rewritten, encrypted, and handed to the kernel. Nobody reads
// their sockets, so the kernel's part ends at full buffers; ICE's part is missing. An operation is one reader's packet.
func BenchmarkFanout150Sent(b *testing.B) {
	for _, source := range []string{signal.Mic, signal.Camera} {
		b.Run(source, func(b *testing.B) {
			socket := openBatch(b)
			defer socket.Close()
			t := activeTrack(source)
			slots := make([]*slot, 150)
			for i := range slots {
				slots[i] = encryptedSlot(b, t, socket)
			}
			t.layers[0].slots.Store(&slots)
			size := 120
			if source == signal.Camera {
				size = 1100
			}
			p, w := frame(0, true, size), &writer{}
			now := time.Now()
			b.ReportAllocs()
			b.ResetTimer()
			for i := 0; i < b.N; i += len(slots) {
				p.Seq++
				p.TS += 960
				t.layers[0].accept(p, 30, now, w)
			}
			socket.flush()
			b.StopTimer()
			if sent := slots[0].count.packets.Load(); int(sent) < b.N/len(slots) {
				b.Fatalf("%d packets were sent", sent)
			}
		})
	}
}
