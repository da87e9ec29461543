package sfu

import (
	"sync"
	"sync/atomic"
	"time"

	"souffleur/internal/meeting"
	"souffleur/internal/signal"
	"souffleur/sfu/levels"
	"souffleur/sfu/ring"
)

// track is one published stream, in one to three layers. The room owns who gets it.
type track struct {
	id        meeting.TrackID // set once, as all down to requestKeyFrame
	owner     meeting.ParticipantID
	source    string
	codec     codec
	audio     bool
	clockRate uint32
	layers    []*layer // lowest first; at least one
	meter     levels.Meter

	requestKeyFrame func(ssrc uint32)

	active atomic.Bool // false: muted, what arrives is not forwarded

	// delivery guards ears and is held while they are called, so that none is called any more once the room has taken
	// it away: "off" must mean off. Listeners do not block.
	delivery sync.Mutex
	ears     []AudioListener

	cast cast // the room's goroutine only
}

// newTrack makes a track with a layer for each RID, which stand lowest first; none for a stream without RIDs.
func newTrack(owner meeting.ParticipantID, source string, codec codec, rids []string, requestKeyFrame func(ssrc uint32)) *track {
	t := &track{
		id: meeting.NewTrackID(), owner: owner, source: source, codec: codec, audio: isAudio(source), clockRate: 90000,
		requestKeyFrame: requestKeyFrame,
	}
	switch {
	case t.audio:
		t.clockRate = 48000
		t.layers = []*layer{newLayer(t, "", audioRing)}
	case len(rids) == 0:
		t.layers = []*layer{newLayer(t, "", videoRing)}
	}
	for i, rid := range rids {
		t.layers = append(t.layers, newLayer(t, rid, simulcastRings[i+len(simulcastRings)-len(rids)]))
	}
	return t
}

func isAudio(source string) bool { return source == signal.Mic || source == signal.ScreenAudio }

// layer returns the layer with a RID, or nil.
func (t *track) layer(rid string) *layer {
	for _, l := range t.layers {
		if l.rid == rid {
			return l
		}
	}
	return nil
}

func (t *track) deliver(p *ring.Packet, now time.Time) {
	t.delivery.Lock()
	defer t.delivery.Unlock()
	for _, ear := range t.ears {
		ear.AudioPacket(t.id, AudioPacket{Seq: p.Seq, TS: p.TS, Payload: p.Payload, Arrival: now})
	}
}

// listenWith replaces the listeners. When it returns, no packet goes to those left out.
func (t *track) listenWith(ears []AudioListener) {
	t.delivery.Lock()
	defer t.delivery.Unlock()
	t.ears = ears
}

// noteMuted tells the listeners, between packets.
func (t *track) noteMuted(muted bool) {
	t.delivery.Lock()
	defer t.delivery.Unlock()
	for _, ear := range t.ears {
		ear.AudioMuted(t.id, muted)
	}
}

// retire takes a track that has ended from the packet path.
func (t *track) retire() {
	t.active.Store(false)
	for _, l := range t.layers {
		l.slots.Store(&[]*slot{})
	}
}

// retryKeyFrames asks again for the key frames that have not come. One of a layer that has stopped would never come.
func (t *track) retryKeyFrames(now time.Time) {
	for _, l := range t.layers {
		if l.live(now) {
			l.keyFrames.retry(now)
		}
	}
}

func (t *track) description() AudioTrack {
	return AudioTrack{Track: t.id, Participant: t.owner, Source: t.source, SSRC: t.layers[0].ssrc.Load()}
}
