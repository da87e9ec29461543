// Package sfu forwards the media of live meetings: who speaks and shows sends once, and everybody gets a chosen few of
// those streams in a fixed set of media slots. It knows rooms and participants, WebRTC and RTP; it knows no HTTP, Kafka
// or Whisper. Signalling leaves through [Signaller], audio for hidden listeners through [AudioListener], and the owner
// of a room hears of it through [Events].
//
// Start reading at [Node] (one process, one UDP port), then [Room] and [Participant]. Behind them:
//
//   - room.go, roster.go, seating.go, view.go: the room's goroutine owns the roster and says which track is in which slot;
//   - choice.go, path.go, volume.go, dynacast.go: which layer of it is sent, from what the client shows, what the way to
//     him takes and what layers weigh; and what publishers need not send at all;
//   - member.go, uplink.go, downlink.go: each participant's goroutine owns his two peer connections;
//   - intake.go, track.go, layer.go, slot.go: the packet path, which has no mailbox, no allocation and no log. One goroutine
//     reads an incoming stream, keeps the packet in the layer's ring and writes it to the slots that send the layer;
//   - replay.go, feedback.go: how a slot begins for a reader who comes late, and answers what he says about it;
//   - captions.go: the two data channels;
//   - guard.go, shedding.go: what one person may send, and what rooms give up when the machine runs short;
//   - standing.go: whether a client that comes back goes on with the media that it has;
//   - fallback.go: media over TCP and the relay, for networks without UDP;
//   - door.go, lobby.go, share.go, moderate.go, hands.go, chat.go: how people live together. All of it belongs to the
//     room's goroutine, lasts as long as the room, and is in memory only.
//
// Small packages hold what can be understood alone: ring, splice, vp8, levels, load, seqnum, gate, turn; rate follows what a
// downlink can carry, layers shares that among its pictures.
//
// The server is an ICE-lite agent. It always has addresses that clients can reach, or no meeting is possible; and a lite
// agent sends no connectivity checks, so nobody can make it send packets to addresses of their choice, a connection
// costs no timers, and clients need not send their candidates at all.
//
// Locks, in the order in which they are taken: track.delivery, slot.mu, ring. None is held while a packet is sent. A guard's
// lock is taken alone, before all of these.
package sfu
