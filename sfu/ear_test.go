package sfu_test

import (
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/pion/rtp"

	"souffleur/internal/meeting"
	"souffleur/internal/signal"
	"souffleur/sfu"
)

// ear is a hidden listener that writes down what it hears.
type ear struct {
	mu    sync.Mutex
	said  []string // "started", "packet", "muted", "unmuted", "ended"
	seqs  []uint16
	texts []string
}

func newEar() *ear { return &ear{} }

func (e *ear) note(what string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.said = append(e.said, what)
}

func (e *ear) AudioStarted(sfu.AudioTrack)   { e.note("started") }
func (e *ear) AudioEnded(id meeting.TrackID) { e.note("ended") }
func (e *ear) AudioMuted(_ meeting.TrackID, muted bool) {
	e.note(map[bool]string{true: "muted", false: "unmuted"}[muted])
}

func (e *ear) AudioPacket(_ meeting.TrackID, p sfu.AudioPacket) {
	e.note("packet")
	e.mu.Lock()
	defer e.mu.Unlock()
	e.seqs = append(e.seqs, p.Seq)
	e.texts = append(e.texts, string(p.Payload))
}

func (e *ear) log() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]string{""}[:0], e.said...)
}

func (e *ear) packets() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.seqs)
}

// heard says whether any packet began with what.
func (e *ear) heard(what string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.ContainsFunc(e.texts, func(text string) bool { return strings.HasPrefix(text, what) })
}

func (e *ear) wasMuted() bool { return slices.Contains(e.log(), "muted") }

// notebook is a Signaller whose client never answers.
type notebook struct {
	mu   sync.Mutex
	said []signal.ServerMessage
}

func (n *notebook) Send(m signal.ServerMessage) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.said = append(n.said, m)
	return nil
}

func (n *notebook) all() []signal.ServerMessage {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.said)
}

func (n *notebook) ofType(kind string) []signal.ServerMessage {
	return slices.DeleteFunc(n.all(), func(m signal.ServerMessage) bool { return m.Type != kind })
}

// continuous fails if the packets do not look like one encoder's, sent over a network that loses next to nothing. (On a
// machine under load loopback loses some; that switches leave no gap at all is tested where no network is.)
func continuous(t *testing.T, packets []*rtp.Packet) {
	t.Helper()
	sameStream(t, packets)
	seqs := numbers(packets)
	for i := 1; i < len(seqs); i++ {
		if seqs[i] == seqs[i-1] {
			t.Fatalf("packet %d came twice", seqs[i])
		}
	}
	if span := int(seqs[len(seqs)-1]-seqs[0]) + 1; len(seqs)*10 < span*9 {
		t.Fatalf("of %d numbers only %d packets came", span, len(seqs))
	}
}

// sameStream fails if the packets do not look like one encoder's: one SSRC, time that advances with the numbers.
func sameStream(t *testing.T, packets []*rtp.Packet) {
	t.Helper()
	packets = inOrder(packets)
	for i := 1; i < len(packets); i++ {
		a, b := packets[i-1], packets[i]
		if int32(b.Timestamp-a.Timestamp) < 0 {
			t.Fatalf("time goes back from %d to %d at packet %d", a.Timestamp, b.Timestamp, b.SequenceNumber)
		}
		if b.SSRC != a.SSRC || b.PayloadType != a.PayloadType {
			t.Fatalf("the stream changed its SSRC or payload type at packet %d", b.SequenceNumber)
		}
	}
}

// inOrder sorts a copy of the packets by number.
func inOrder(packets []*rtp.Packet) []*rtp.Packet {
	packets = slices.Clone(packets)
	slices.SortFunc(packets, func(a, b *rtp.Packet) int { return int(int16(a.SequenceNumber - b.SequenceNumber)) })
	return packets
}
