package ring

import (
	"bytes"
	"testing"
)

func TestKeepsTheLastPackets(t *testing.T) {
	r := New(64)
	at := func(i int) uint16 { return uint16(65500 + i) }
	for i := range 200 {
		if !r.Put(&Packet{Seq: at(i), TS: uint32(i), Payload: []byte{byte(i)}}) {
			t.Fatalf("packet %d was refused", i)
		}
	}
	buf := make([]byte, MaxPayload)
	if _, ok := r.Get(at(135), buf); ok {
		t.Error("a packet older than the ring was found")
	}
	for i := 136; i < 200; i++ {
		p, ok := r.Get(at(i), buf)
		if !ok || p.TS != uint32(i) || !bytes.Equal(p.Payload, []byte{byte(i)}) {
			t.Fatalf("packet %d came back as %v %v", i, p, ok)
		}
	}
}

func TestRefusesWhatMustNotBeForwarded(t *testing.T) {
	r := New(16)
	r.Put(&Packet{Seq: 100})
	for _, c := range []struct {
		what string
		p    Packet
		want bool
	}{
		{"a duplicate", Packet{Seq: 100}, false},
		{"a late packet", Packet{Seq: 90}, true},
		{"the same late packet again", Packet{Seq: 90}, false},
		{"a packet too old for the ring", Packet{Seq: 84}, false},
		{"a packet too long", Packet{Seq: 101, Payload: make([]byte, MaxPayload+1)}, false},
		{"the next packet", Packet{Seq: 101, Payload: make([]byte, MaxPayload)}, true},
	} {
		if got := r.Put(&c.p); got != c.want {
			t.Errorf("%s: Put returned %v", c.what, got)
		}
	}
}

func TestLatePacketDoesNotMoveTheWindow(t *testing.T) {
	r := New(8)
	r.Put(&Packet{Seq: 20})
	r.Put(&Packet{Seq: 15})
	if !r.Put(&Packet{Seq: 13}) {
		t.Error("a late packet inside the window was refused after another late one")
	}
}

func BenchmarkPutGet(b *testing.B) {
	r := New(512)
	payload := make([]byte, 1100)
	buf := make([]byte, MaxPayload)
	b.ReportAllocs()
	for i := range b.N {
		r.Put(&Packet{Seq: uint16(i), Payload: payload})
		r.Get(uint16(i), buf)
	}
}
