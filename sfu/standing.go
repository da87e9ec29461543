package sfu

import (
	"crypto/rand"
	"encoding/hex"

	"github.com/pion/webrtc/v4"
)

// standing is the media of a member as the room may judge it: whether a client that comes back can go on with it. The
// member's goroutine replaces it whenever one of the connections is another.
type standing struct {
	media    string
	down, up *webrtc.PeerConnection // up is nil before the first publication
}

// stand tells the room of the present connections, once the client has its end of both.
func (m *member) stand() {
	if m.down == nil || !m.down.answered {
		return
	}
	s := &standing{media: m.media, down: m.down.pc}
	if m.up != nil {
		s.up = m.up.pc
	}
	m.standing.Store(s)
}

// holds says whether the member's media is the one of that name and can go on. It may be called from anywhere.
func (m *member) holds(media string) bool {
	s := m.standing.Load()
	return s != nil && s.media == media && mendable(s.down) && (s.up == nil || mendable(s.up))
}

// mendable says whether an ICE restart can bring a connection up again, if it is down at all. After ICE itself failed it
// can: pion's agent waits for new credentials, and DTLS, SRTP and SCTP above it notice nothing but silence. What ends a
// connection for good is DTLS: a handshake that failed, or a client that said goodbye.
func mendable(pc *webrtc.PeerConnection) bool {
	if pc.ConnectionState() == webrtc.PeerConnectionStateClosed {
		return false
	}
	switch pc.SCTP().Transport().State() {
	case webrtc.DTLSTransportStateFailed, webrtc.DTLSTransportStateClosed:
		return false
	}
	return true
}

// newMediaName names one pair of peer connections. It is unique, so that a client whose window was replaced by another, or
// whose server was another process, never claims connections that are not its own.
func newMediaName() string {
	var b [8]byte
	rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}
