package sfu

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"

	"souffleur/internal/signal"
)

const (
	// maxStrays is how many incoming streams may belong to no published source. Browsers have at most one or two, while
	// they renegotiate; each costs a receiver.
	maxStrays = 8
	// maxStreams is how many streams one uplink may begin in its life. A browser begins one a source, and another each
	// time it stops and shares a screen again.
	maxStreams = 256
)

// gatherTimeout bounds the wait for the server's own candidates. They are the mux's addresses, so it takes microseconds.
const gatherTimeout = 5 * time.Second

// uplink is the connection on which one participant publishes. The member's goroutine owns it; the intakes' goroutines
// only read.
type uplink struct {
	m  *member
	pc *webrtc.PeerConnection

	sources map[string]string   // published source of each MID
	rids    map[string][]string // of each MID with simulcast: its layers, lowest first
	intakes map[stream]*intake
	tracks  map[string]*track // by source; what the room knows of
	strays  int
	streams int // begun so far

	clock  senderClock
	closed chan struct{}
	loops  sync.WaitGroup
}

func (m *member) openUplink() (*uplink, error) {
	pc, err := m.room.node.up.connect(m.room.node.peers, m.newUplinkGuard())
	if err != nil {
		return nil, fmt.Errorf("open uplink: %w", err)
	}
	u := &uplink{
		m: m, pc: pc, closed: make(chan struct{}),
		sources: map[string]string{}, intakes: map[stream]*intake{}, tracks: map[string]*track{},
	}
	pc.OnTrack(func(remote *webrtc.TrackRemote, receiver *webrtc.RTPReceiver) {
		u.onOwner(func() { u.admit(remote, receiver) })
	})
	return u, nil
}

// onOwner runs f on the member's goroutine, unless the uplink has been closed before.
func (u *uplink) onOwner(f func()) {
	select {
	case <-u.closed:
	case <-u.m.done:
	case u.m.posts <- func() {
		if u.m.up == u {
			f()
		}
	}:
	}
}

// accept answers an offer of the client.
func (u *uplink) accept(text string, published []signal.Published) (string, error) {
	d, err := readOffer(text)
	if err != nil {
		return "", err
	}
	sources, err := readPublished(published)
	if err != nil {
		return "", err
	}
	for mid := range sources {
		if !hasMID(d, mid) {
			return "", fmt.Errorf("source %s is published on a section that the offer lacks", sources[mid])
		}
	}
	rids, err := readSimulcast(d, sources)
	if err != nil {
		return "", err
	}
	askAudioRepair(d)
	nameSimulcast(d)
	munged, err := d.Marshal()
	if err != nil {
		return "", fmt.Errorf("write offer: %w", err)
	}
	u.sources, u.rids = sources, rids
	return u.answer(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: string(munged)})
}

func readPublished(published []signal.Published) (map[string]string, error) {
	sources := make(map[string]string)
	used := make(map[string]bool)
	for _, p := range published {
		if _, twice := sources[p.MID]; twice || used[p.Source] {
			return nil, fmt.Errorf("source %s or its section is published twice", p.Source)
		}
		sources[p.MID], used[p.Source] = p.Source, true
	}
	return sources, nil
}

func (u *uplink) answer(offer webrtc.SessionDescription) (string, error) {
	if err := u.pc.SetRemoteDescription(offer); err != nil {
		return "", fmt.Errorf("accept offer: %w", err)
	}
	answer, err := u.pc.CreateAnswer(nil)
	if err != nil {
		return "", fmt.Errorf("make answer: %w", err)
	}
	gathered := webrtc.GatheringCompletePromise(u.pc)
	if err := u.pc.SetLocalDescription(answer); err != nil {
		return "", fmt.Errorf("use answer: %w", err)
	}
	if err := await(gathered, gatherTimeout); err != nil {
		return "", err
	}
	return finishAnswer(u.pc.LocalDescription().SDP)
}

// await waits for the server's candidates, so that they stand in the description and none need be sent after it.
func await(gathered <-chan struct{}, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	select {
	case <-gathered:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("gather candidates: %w", ctx.Err())
	}
}

// admit takes a stream that has begun to arrive.
func (u *uplink) admit(remote *webrtc.TrackRemote, receiver *webrtc.RTPReceiver) {
	mid := ""
	if tr := receiver.RTPTransceiver(); tr != nil {
		mid = tr.Mid()
	}
	if mid == "" {
		mid = u.loneSection(remote.Kind())
	}
	u.count(mid)
	id := stream{mid, remote.RID()}
	if old := u.intakes[id]; old != nil {
		u.release(old)
		old.ended.Store(true)
		if old.reports != receiver {
			_ = old.reports.Stop() // it may be stopped already
		}
	}
	in := newIntake(id, remote, receiver, &u.clock, u.changeCodec)
	u.intakes[id] = in
	u.refresh()
	u.loops.Add(2)
	go func() {
		defer u.loops.Done()
		in.readMedia()
		u.onOwner(func() { u.ended(in) })
	}()
	go func() {
		defer u.loops.Done()
		in.readReports()
	}()
}

// loneSection finds the section of a stream that says nothing of itself (no a=ssrc line, no MID extension), which pion
// gives a transceiver of its own: the only published section of its kind.
func (u *uplink) loneSection(kind webrtc.RTPCodecType) string {
	found := ""
	for mid, source := range u.sources {
		if isAudio(source) != (kind == webrtc.RTPCodecTypeAudio) {
			continue
		}
		if found != "" {
			return ""
		}
		found = mid
	}
	return found
}

// count throws out a client that sends more streams than it can have sources.
func (u *uplink) count(mid string) {
	u.streams++
	if u.sources[mid] == "" {
		u.strays++
	}
	if u.strays > maxStrays || u.streams > maxStreams {
		u.m.room.Remove(u.m.id, signal.CodeFlood, "more media streams than published sources")
	}
}

// changeCodec ends a track whose stream goes on in another codec, as browsers do when an encoder fails them, and begins a
// new one. It counts as a stream: each costs the room as much. It runs on the intake's goroutine.
func (u *uplink) changeCodec(in *intake, c codec) {
	u.onOwner(func() {
		if u.intakes[in.stream] == in && in.codec != c {
			u.count(in.stream.mid)
			in.codec = c
			u.release(in)
			u.refresh()
		}
	})
}

// ended forgets an intake whose stream is over.
func (u *uplink) ended(in *intake) {
	if u.intakes[in.stream] == in {
		u.release(in)
		delete(u.intakes, in.stream)
	}
}

// release takes the layer away from an intake. The track ends with its last one.
func (u *uplink) release(in *intake) {
	l := in.target.Swap(nil)
	if l == nil || u.feeds(l.track) {
		return
	}
	if u.tracks[l.track.source] == l.track {
		delete(u.tracks, l.track.source)
	}
	u.m.room.endTrack(l.track)
}

// feeds says whether any stream still comes for a track.
func (u *uplink) feeds(t *track) bool {
	for _, in := range u.intakes {
		if l := in.target.Load(); l != nil && l.track == t {
			return true
		}
	}
	return false
}

// refresh makes tracks and intakes what sources says: after an offer, and when a stream arrives.
func (u *uplink) refresh() {
	for id, in := range u.intakes {
		if l := in.target.Load(); l != nil && l.track.source != u.sources[id.mid] {
			u.release(in)
		}
	}
	for id, in := range u.intakes {
		source := u.sources[id.mid]
		if source == "" || in.target.Load() != nil || isAudio(source) != (in.codec == codecOpus) || in.codec == codecNone {
			continue
		}
		u.start(in, source)
	}
}

// start gives an intake its layer: of the source's track, or of a new one. Listeners and slots hear of a track before its
// first packet: the room is asked before packets flow.
func (u *uplink) start(in *intake, source string) {
	t := u.tracks[source]
	if t == nil {
		t = newTrack(u.m.id, source, in.codec, u.rids[in.stream.mid], u.requestKeyFrame)
		t.active.Store(!u.m.muted[source])
	}
	l := t.layer(in.stream.rid)
	if l == nil || t.codec != in.codec {
		return // a stream that the offer does not have
	}
	l.begin(in.ssrc, time.Now())
	if u.tracks[source] == nil {
		u.tracks[source] = t
		if !u.m.room.startTrack(t) {
			return
		}
	}
	in.target.Store(l)
}

func (u *uplink) requestKeyFrame(ssrc uint32) {
	// An error means that the connection is closing.
	_ = u.pc.WriteRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: ssrc}})
}

// publishes says whether source is among the published ones.
func (u *uplink) publishes(source string) bool {
	for _, s := range u.sources {
		if s == source {
			return true
		}
	}
	return false
}

// close ends the tracks at once and the connection in the background.
func (u *uplink) close() {
	close(u.closed)
	for _, in := range u.intakes {
		u.release(in)
	}
	u.m.room.background.Add(1)
	go func() {
		defer u.m.room.background.Done()
		_ = u.pc.GracefulClose() // errors are of sockets that are gone already
		u.loops.Wait()
	}()
}
