package sfu

import (
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/pion/webrtc/v4"

	"souffleur/internal/meeting"
	"souffleur/internal/signal"
)

const (
	// memberMailbox bounds what waits for a member's goroutine. The room posts little to it; a member that lets it fill
	// up is thrown out.
	memberMailbox = 64
	// reportInterval is how often slots send sender reports. Once a second is what browsers do for video.
	reportInterval = time.Second
	// maxCandidates bounds the candidates a client may send for one connection. Browsers send a dozen.
	maxCandidates = 100
	// offerBudget bounds uplink offers and restarts in offerPeriod: each costs the server milliseconds. A user who toggles
	// his camera as fast as he can makes one or two a second.
	offerBudget = 30
	offerPeriod = 10 * time.Second
)

// line is a client's signalling connection. It is a struct so that it can be swapped atomically.
type line struct{ Signaller }

// member is the live side of one participant. Its goroutine owns the two peer connections; the room owns its place in
// the roster and its slots.
type member struct {
	mailbox
	id   meeting.ParticipantID // set once, as all down to quit
	room *Room
	log  *slog.Logger
	quit chan struct{} // closed by the room: the participant is gone

	line       atomic.Pointer[line] // nil while no signalling connection is there
	connection atomic.Int64         // number of the present signalling connection
	captions   atomic.Pointer[captionLine]
	standing   atomic.Pointer[standing] // nil until the client has answered the downlink offer
	waiting    atomic.Bool              // at the door: nothing of his counts, and the goroutine does not run

	// Below: the member's goroutine only.
	client     *line   // whose media this is: offers and answers go there and nowhere else
	up         *uplink // nil until something is published
	down       *downlink
	media      string                       // names up and down, as the welcome said
	muted      map[string]bool              // by source; kept over reconnects
	silenced   map[string]signal.Moderation // sources whose client has not said yet that it knows of a moderator's mute
	candidates int
	offers     int
	offersFrom time.Time
}

func newMember(r *Room, id meeting.ParticipantID) *member {
	return &member{
		mailbox: newMailbox(memberMailbox), id: id, room: r, log: r.log.With("participant", id),
		quit: make(chan struct{}), muted: make(map[string]bool), silenced: make(map[string]signal.Moderation),
	}
}

// tell sends a message to the client, if there is one. A failed connection is reported by its owner through Detach.
func (m *member) tell(message signal.ServerMessage) {
	if l := m.line.Load(); l != nil {
		_ = l.Send(message)
	}
}

// run is the member's goroutine, until the room closes quit.
func (m *member) run() {
	reports := time.NewTimer(onBeat(reportInterval))
	defer reports.Stop()
	defer m.disconnect()
	defer close(m.done)
	for {
		select {
		case <-m.quit:
			return
		case f := <-m.posts:
			f()
		case now := <-reports.C:
			reports.Reset(onBeat(reportInterval))
			if m.down != nil {
				m.down.report(now)
			}
		}
	}
}

// connect gives a new signalling connection its media. Kept media goes on; else it starts from nothing: what an earlier
// connection left is closed, its tracks end, and the client publishes anew.
func (m *member) connect(client *line, media string, kept bool) {
	if kept && m.media == media {
		m.client, m.candidates = client, 0
		m.repeatOffer()
		m.repeatModerations()
		return
	}
	if m.line.Load() != client {
		return // replaced or lost already
	}
	m.disconnect()
	m.client, m.media = client, media
	m.publishRoster()
	m.candidates = 0
	down, err := m.openDownlink()
	if err == nil {
		m.down = down
		err = m.offerDownlink(nil)
	}
	if err != nil {
		m.log.Error("participant cannot be served", "err", err)
		m.room.Remove(m.id, signal.CodeShutdown, "the server cannot open a media connection")
		return
	}
	m.room.seatSlots(m, down.slots)
	m.repeatModerations()
}

// repeatOffer sends a downlink offer again whose answer was lost with the signalling connection that it went out on. pion
// cannot take an offer back; if its credentials are void by now, a restart follows the answer.
func (m *member) repeatOffer() {
	if m.down.pc.SignalingState() != webrtc.SignalingStateHaveLocalOffer {
		return
	}
	m.down.restart = m.down.restart || m.down.pc.ICEConnectionState() == webrtc.ICEConnectionStateFailed
	_ = m.client.Send(signal.ServerMessage{Type: signal.Offer, PC: signal.Down, SDP: m.down.pc.LocalDescription().SDP})
}

// silence mutes a source for a moderator.
func (m *member) silence(source string, what signal.Moderation) {
	m.silenced[source] = what
	m.setActive(source, false)
}

// setByClient follows the client's word on a source. One that a moderator has muted stays muted until the client has said
// that it is off: a client that was away for a moment says what is on before it hears of the mute, and nobody should be
// heard without knowing it.
func (m *member) setByClient(source string, active bool) {
	if _, unknown := m.silenced[source]; unknown && active {
		return
	}
	delete(m.silenced, source)
	m.setActive(source, active)
}

// repeatModerations tells a new connection what the client may have missed.
func (m *member) repeatModerations() {
	var told signal.Moderation
	for _, source := range []string{signal.Mic, signal.Camera, signal.Screen, signal.ScreenAudio} {
		what, unknown := m.silenced[source]
		if !unknown || what == told { // a screen and its sound are one
			continue
		}
		told = what
		_ = m.client.Send(signal.ServerMessage{Type: signal.Moderated, Moderated: &what})
	}
}

// disconnect closes both peer connections.
func (m *member) disconnect() {
	m.captions.Store(nil)
	m.standing.Store(nil)
	if m.up != nil {
		m.up.close()
		m.up = nil
	}
	if m.down != nil {
		m.room.seatSlots(m, nil)
		m.down.close()
		m.down = nil
	}
}

func (m *member) offerDownlink(options *webrtc.OfferOptions) error {
	text, err := m.down.offer(options)
	if err != nil {
		return err
	}
	_ = m.client.Send(signal.ServerMessage{Type: signal.Offer, PC: signal.Down, SDP: text})
	return nil
}

// handle acts on a message about media. An error closes the client's connection.
func (m *member) handle(msg signal.ClientMessage) error {
	switch msg.Type {
	case signal.Offer:
		return m.acceptOffer(msg)
	case signal.Answer:
		return m.acceptAnswer(msg.SDP)
	case signal.Candidate:
		return m.countCandidate()
	case signal.TrackSet:
		m.setByClient(msg.Source, msg.Active)
		return nil
	case signal.Restart:
		return m.restart()
	case signal.View:
		m.room.setView(m, msg.Tiles)
		return nil
	}
	return faultf(signal.CodeBadMessage, "a message of type %q is not expected here", msg.Type)
}

func (m *member) acceptOffer(msg signal.ClientMessage) error {
	if err := m.spendOffer(); err != nil {
		return err
	}
	if m.up == nil {
		up, err := m.openUplink()
		if err != nil {
			m.log.Error("participant cannot publish", "err", err)
			return faultf(signal.CodeShutdown, "the server cannot open a media connection")
		}
		m.up = up
		m.stand()
	}
	answer, err := m.up.accept(msg.SDP, msg.Tracks)
	if err != nil {
		m.log.Debug("uplink offer refused", "err", err)
		return faultf(signal.CodeBadSDP, "the uplink offer cannot be used")
	}
	m.claimShare()
	_ = m.client.Send(signal.ServerMessage{Type: signal.Answer, PC: signal.Up, SDP: answer})
	m.up.refresh()
	m.publishRoster()
	return nil
}

// claimShare asks for the share if a screen is published; without it, the screen is muted before its first packet.
func (m *member) claimShare() {
	wanted := func(source string) bool { return m.up.publishes(source) && !m.muted[source] }
	if (wanted(signal.Screen) || wanted(signal.ScreenAudio)) && !m.room.claimShare(m) {
		m.muted[signal.Screen], m.muted[signal.ScreenAudio] = true, true
	}
}

// spendOffer counts a negotiation against the client's budget.
func (m *member) spendOffer() error {
	now := time.Now()
	if now.Sub(m.offersFrom) > offerPeriod {
		m.offersFrom, m.offers = now, 0
	}
	if m.offers++; m.offers > offerBudget {
		return faultf(signal.CodeFlood, "more than %d negotiations in %v", offerBudget, offerPeriod)
	}
	return nil
}

func (m *member) acceptAnswer(text string) error {
	if m.down == nil {
		return faultf(signal.CodeBadSDP, "there is no offer to answer")
	}
	if err := m.down.accept(text); err != nil {
		m.log.Debug("downlink answer refused", "err", err)
		return faultf(signal.CodeBadSDP, "the downlink answer cannot be used")
	}
	m.down.answered = true
	m.stand()
	if m.down.restart {
		m.down.restart = false
		return m.restart()
	}
	return nil
}

// countCandidate lets a candidate pass unread: a lite agent never sends to an address it was told, only to those that
// checks have come from.
func (m *member) countCandidate() error {
	if m.candidates++; m.candidates > maxCandidates {
		return faultf(signal.CodeFlood, "more than %d candidates", maxCandidates)
	}
	return nil
}

// restart offers new ICE credentials on the downlink; slots and data channels live on.
func (m *member) restart() error {
	if err := m.spendOffer(); err != nil {
		return err
	}
	if m.down == nil {
		return nil
	}
	if m.down.pc.SignalingState() != webrtc.SignalingStateStable {
		m.down.restart = true
		return nil
	}
	if err := m.offerDownlink(&webrtc.OfferOptions{ICERestart: true}); err != nil {
		m.log.Error("downlink cannot be restarted", "err", err)
		return faultf(signal.CodeShutdown, "the media connection cannot be restarted")
	}
	return nil
}

// setActive mutes or unmutes a source: at once on the packet path, then in the roster. A screen stays muted while the
// room does not let it be shared.
func (m *member) setActive(source string, active bool) {
	if active && isShare(source) && m.up != nil && m.up.publishes(source) && !m.room.claimShare(m) {
		active = false
	}
	m.muted[source] = !active
	if m.up != nil {
		if t := m.up.tracks[source]; t != nil && t.active.Swap(active) != active {
			m.room.trackActive(t)
		}
	}
	m.publishRoster()
}

// sources lists what the participant sends now, in a fixed order.
func (m *member) sources() []string {
	list := []string{}
	for _, s := range []string{signal.Mic, signal.Camera, signal.Screen, signal.ScreenAudio} {
		if m.up != nil && m.up.publishes(s) && !m.muted[s] {
			list = append(list, s)
		}
	}
	return list
}

func (m *member) publishRoster() { m.room.setSources(m, m.sources()) }
