package storage

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"souffleur/internal/bus"
	"souffleur/internal/meeting"
	"souffleur/internal/ogg"
	"souffleur/internal/s3test"
	"souffleur/internal/seal"
)

const (
	annasTrack  meeting.TrackID = "tanna"
	brunosTrack meeting.TrackID = "tbruno"
	frameBytes                  = 60
	audioAt                     = 1 // the partition of audio.v1 that all tracks of these tests use
)

// numbered is a packet of 20 ms that says which it is.
func numbered(n int) []byte {
	b := bytes.Repeat([]byte{0x5a}, frameBytes)
	b[0] = 31 << 3
	binary.BigEndian.PutUint32(b[1:], uint32(n))
	return b
}

// mouth speaks numbered packets on a track.
type mouth struct {
	a     *archiving
	m     Meeting
	track meeting.TrackID
	epoch uint64 // ms
	rtp   uint64
	seq   uint64
	n     int // of the next packet
	level meeting.Level
	flags bus.AudioFlags
}

func (a *archiving) mouth(m Meeting, track meeting.TrackID) *mouth {
	a.event(m, meeting.Event{Type: meeting.EventTrack, Track: &meeting.Track{Track: track, Participant: "p" + meeting.ParticipantID(track[1:]), Partition: audioAt}})
	return &mouth{a: a, m: m, track: track, epoch: 1000, seq: 70_000, level: meeting.Transcript, flags: bus.Kept}
}

func (s *mouth) publish(r *bus.AudioRecord) bus.Message {
	s.a.t.Helper()
	key, err := s.a.keys.Live(context.Background(), s.m.ID)
	must(s.a.t, err)
	r.Meeting, r.Track, r.Epoch, r.Level = s.m.ID, s.track, s.epoch, s.level
	value, err := bus.SealAudio(key, r)
	must(s.a.t, err)
	message := bus.Message{Topic: bus.Audio, Partition: audioAt, Meeting: s.m.ID, Key: bus.AudioKey(s.m.ID, s.track), Value: value}
	s.a.bus.append(message)
	return message
}

// says publishes packets, five to a record, and returns the last record.
func (s *mouth) says(packets int) (last bus.Message) {
	for packets > 0 {
		r := &bus.AudioRecord{FirstSeq: s.seq, RTP: s.rtp, Flags: s.flags}
		for range min(packets, 5) {
			r.Packets = append(r.Packets, bus.AudioPacket{Seq: s.seq, RTP: s.rtp, Opus: numbered(s.n)})
			s.seq, s.rtp, s.n, packets = s.seq+1, s.rtp+960, s.n+1, packets-1
		}
		last = s.publish(r)
	}
	return last
}

// falls silent for so long; a keep-alive says so.
func (s *mouth) pauses(ms uint64) {
	s.rtp += ms * 48
	s.publish(&bus.AudioRecord{FirstSeq: s.seq, RTP: s.rtp, Flags: bus.KeepAlive})
}

// mutes ends the epoch; what follows begins at another time of the room clock.
func (s *mouth) mutes(next uint64) {
	s.publish(&bus.AudioRecord{FirstSeq: s.seq, RTP: s.rtp, Flags: bus.KeepAlive | bus.Muted})
	s.epoch, s.rtp = next, 0
}

// heard is one numbered packet of a stream.
type heard struct {
	n  int
	ms int64
}

func listen(t testing.TB, stream io.Reader) []heard {
	t.Helper()
	r, err := ogg.NewReader(stream)
	must(t, err)
	var all []heard
	for {
		p, err := r.Next()
		if err == io.EOF {
			return all
		}
		must(t, err)
		if len(p.Opus) == frameBytes {
			all = append(all, heard{int(binary.BigEndian.Uint32(p.Opus[1:])), (p.Pos + 24) / 48})
		}
	}
}

// count returns the packets from n on, spoken from ms on.
func count(n, packets int, ms int64) (all []heard) {
	for i := range packets {
		all = append(all, heard{n + i, ms + 20*int64(i)})
	}
	return all
}

func (a *archiving) audio() *Audio { return NewAudio(a.store, a.keys, a.meetings) }

func (a *archiving) stream(m Meeting, track meeting.TrackID) *AudioStream {
	a.t.Helper()
	s, err := a.audio().Open(context.Background(), m.ID, track)
	must(a.t, err)
	return s
}

// awaitAudio waits until the kept audio of a track is exactly that.
func (a *archiving) awaitAudio(m Meeting, track meeting.TrackID, want []heard) {
	a.t.Helper()
	var got []heard
	ok := false
	for range 1000 {
		if s, err := a.audio().Open(context.Background(), m.ID, track); err == nil {
			if got = listen(a.t, s); slices.Equal(got, want) {
				ok = true
				break
			}
		} else if !errors.Is(err, ErrNotFound) {
			a.t.Fatal(err)
		}
		time.Sleep(10 * time.Millisecond)
	}
	if !ok {
		a.t.Fatalf("%d packets are kept of %s, want %d: %s", len(got), track, len(want), firstDifference(got, want))
	}
}

func firstDifference(got, want []heard) string {
	for i := range want {
		if i >= len(got) || got[i] != want[i] {
			return fmt.Sprintf("packet %d is %+v, want %+v", i, slices.Concat(got, make([]heard, len(want)))[i], want[i])
		}
	}
	return "there are more"
}

// awaitAudioRead waits until everything on the audio's partition is dealt with.
func (a *archiving) awaitAudioRead() {
	a.t.Helper()
	ends, err := a.bus.EndOffsets(context.Background(), bus.Audio)
	must(a.t, err)
	eventually(a.t, "the audio is read", func() bool { return a.bus.position(audioGroup, bus.Audio, audioAt) == ends[audioAt] })
}

// testAudioKept plays a meeting with two microphones.
func testAudioKept(t *testing.T, server s3test.Server) {
	a := newArchiving(t, server)
	m := hold(t, a.keys, a.meetings, meeting.Transcript)
	m, err := a.meetings.Update(t.Context(), m.ID, func(m *Meeting) error {
		m.Tracks = []meeting.Track{{Track: annasTrack, Participant: "panna"}, {Track: brunosTrack, Participant: "pbruno"}}
		return nil
	})
	must(t, err)
	a.run()
	anna, bruno := a.mouth(m, annasTrack), a.mouth(m, brunosTrack)
	anna.says(500) // 1 s to 11 s
	anna.pauses(55_000)
	anna.says(100) // 66 s to 68 s
	bruno.epoch = 2_005
	bruno.says(10)
	bruno.mutes(125_010)
	bruno.says(10)
	anna.mutes(200_000)
	bruno.mutes(200_000)
	a.awaitAudio(m, annasTrack, slices.Concat(count(0, 500, 1000), count(500, 100, 66_000)))
	a.awaitAudio(m, brunosTrack, slices.Concat(count(0, 10, 2005), count(10, 10, 125_010)))

	tracks, err := a.audio().Tracks(t.Context(), m.ID)
	must(t, err)
	want := []AudioTrack{
		{Track: annasTrack, Participant: "panna", FromMS: 1000, ToMS: 68_000, Bytes: a.stream(m, annasTrack).Size()},
		{Track: brunosTrack, Participant: "pbruno", FromMS: 2005, ToMS: 125_210, Bytes: a.stream(m, brunosTrack).Size()},
	}
	if !slices.Equal(tracks, want) {
		t.Errorf("tracks are %+v, want %+v", tracks, want)
	}
	pieces, err := a.store.List(t.Context(), meetingPrefix+string(m.ID)+"/audio/"+string(annasTrack)+"/")
	must(t, err)
	if len(pieces) != 2 {
		t.Errorf("two minutes are in %d pieces: %+v", len(pieces), pieces)
	}
	a.event(m, meeting.Event{Type: meeting.EventEnded, At: 9000})
	a.bus.commit(recogniseGroup, bus.Audio, audioAt, 1<<20)
	a.awaitClosed(m)
	a.awaitAudio(m, brunosTrack, slices.Concat(count(0, 10, 2005), count(10, 10, 125_010)))
	scanRaw(t, a.store, string(bytes.Repeat([]byte{0x5a}, 20)), "OggS", "OpusHead")
}

// testAudioRanges reads streams at every kind of place.
func testAudioRanges(t *testing.T, server s3test.Server) {
	a := newArchiving(t, server)
	m := hold(t, a.keys, a.meetings, meeting.Transcript)
	a.run()
	anna := a.mouth(m, annasTrack)
	for range 4 {
		anna.says(300)
		anna.pauses(60_000)
	}
	anna.mutes(0)
	a.awaitAudioRead()
	s := a.stream(m, annasTrack)
	whole, err := io.ReadAll(s)
	must(t, err)
	if int64(len(whole)) != s.Size() || len(s.ETag()) != 32 {
		t.Fatalf("%d bytes, size %d, ETag %q", len(whole), s.Size(), s.ETag())
	}
	var borders []int64
	for n := range s.pieces {
		h, err := s.head(n)
		must(t, err)
		borders = append(borders, h.Offset, h.Offset+h.Silence(), h.Offset+h.Silence()+int64(h.Last), h.Size())
	}
	for _, border := range append(borders, 0, 1, 47, 100) {
		for _, from := range []int64{border - 1, border, border + 1} {
			if from < 0 || from >= s.Size() {
				continue
			}
			part := make([]byte, min(3, s.Size()-from))
			fresh := a.stream(m, annasTrack)
			_, err := fresh.Seek(from, io.SeekStart)
			must(t, err)
			_, err = io.ReadFull(fresh, part)
			must(t, err)
			if !bytes.Equal(part, whole[from:from+int64(len(part))]) {
				t.Errorf("bytes from %d (border %d) are not those of the whole", from, border)
			}
			if len(fresh.heads) > s.pieces {
				t.Errorf("%d heads were read for one range", len(fresh.heads))
			}
		}
	}
	if n, err := s.Seek(-1, io.SeekStart); err == nil {
		t.Errorf("sought to %d", n)
	}
}

// testAudioForbidden says everything that must not be stored.
func testAudioForbidden(t *testing.T, server s3test.Server) {
	a := newArchiving(t, server)
	m := hold(t, a.keys, a.meetings, meeting.Transcript)
	a.run()
	anna := a.mouth(m, annasTrack)
	anna.flags = 0
	anna.says(50) // the switch is off
	anna.flags = bus.Kept
	anna.level = meeting.Captions
	anna.says(50) // as if a record contradicted itself
	anna.level = meeting.Minutes
	anna.says(50) // 100 to 149: kept
	anna.flags = 0
	anna.says(50)
	anna.mutes(0)
	a.awaitAudioRead()
	if got := listen(t, a.stream(m, annasTrack)); !slices.Equal(got, count(100, 50, 3000)) {
		t.Errorf("kept %d packets: %v…", len(got), got[:min(3, len(got))])
	}
	bruno := a.mouth(m, brunosTrack)
	bruno.flags = 0
	bruno.says(50)
	a.awaitAudioRead()
	if _, err := a.audio().Open(t.Context(), m.ID, brunosTrack); !errors.Is(err, ErrNotFound) {
		t.Errorf("something was kept of who was never to be: %v", err)
	}
}

// testAudioCrash stops archivers at every moment: between storing and committing, and with two of them at once. Nothing
// is missing and nothing comes twice.
func testAudioCrash(t *testing.T, server s3test.Server) {
	a := newArchiving(t, server)
	m := hold(t, a.keys, a.meetings, meeting.Transcript)
	random := rand.New(rand.NewPCG(1, 9))
	var refused atomic.Int64
	a.config.AudioAge = 5 * time.Millisecond // pieces end anywhere
	anna, bruno := a.mouth(m, annasTrack), a.mouth(m, brunosTrack)
	var wantAnna, wantBruno []heard
	for round := range 12 {
		broken := round%2 == 0
		a.bus.refuseCommits(func(string) error {
			if broken && refused.Add(1) > 0 {
				return bus.ErrFenced
			}
			return nil
		})
		stop := a.run()
		other := func() {}
		if round%3 == 0 {
			other = a.run() // a second one that believes it owns the partition
		}
		for range 6 {
			n := 1 + random.IntN(200)
			wantAnna = append(wantAnna, count(anna.n, n, int64(anna.epoch)+int64(anna.rtp/48))...)
			last := anna.says(n)
			if random.IntN(2) == 0 {
				a.bus.append(last) // the recorder's acknowledgement was lost
			}
			wantBruno = append(wantBruno, count(bruno.n, 7, int64(bruno.epoch)+int64(bruno.rtp/48))...)
			bruno.says(7)
			if random.IntN(3) == 0 {
				next := anna.epoch + anna.rtp/48 + 10_000
				anna.mutes(next)
				bruno.mutes(next + 500)
			}
			time.Sleep(time.Duration(random.IntN(8)) * time.Millisecond)
		}
		stop()
		other()
	}
	if refused.Load() == 0 {
		t.Error("no commit was refused, so nothing was tested")
	}
	a.bus.refuseCommits(nil)
	a.run()
	a.awaitAudio(m, annasTrack, wantAnna)
	a.awaitAudio(m, brunosTrack, wantBruno)
	a.awaitAudioRead()
}

// testAudioDeleted forgets people and deletes meetings.
func testAudioDeleted(t *testing.T, server s3test.Server) {
	a := newArchiving(t, server)
	m := hold(t, a.keys, a.meetings, meeting.Transcript)
	change := func(apply func(*Meeting)) {
		t.Helper()
		_, err := a.meetings.Update(t.Context(), m.ID, func(m *Meeting) error { apply(m); return nil })
		must(t, err)
	}
	change(func(m *Meeting) {
		m.Tracks = []meeting.Track{{Track: annasTrack, Participant: "panna"}, {Track: "tanna2", Participant: "panna"}, {Track: brunosTrack, Participant: "pbruno"}}
	})
	stop := a.run()
	for _, track := range []meeting.TrackID{annasTrack, "tanna2", brunosTrack} {
		s := a.mouth(m, track)
		s.says(10)
		s.mutes(0)
	}
	a.awaitAudioRead()
	stop()
	audio := a.audio()
	kept := func() (tracks []meeting.TrackID) {
		all, err := audio.Tracks(t.Context(), m.ID)
		must(t, err)
		for _, k := range all {
			tracks = append(tracks, k.Track)
		}
		return tracks
	}
	if got := kept(); len(got) != 3 {
		t.Fatalf("kept %v", got)
	}
	change(func(m *Meeting) { m.People[0].Forgotten = true }) // its sound is still there
	if got := kept(); !slices.Equal(got, []meeting.TrackID{brunosTrack}) {
		t.Errorf("without Anna: %v", got)
	}
	for _, foreign := range []meeting.TrackID{annasTrack, "tanna2", "", "..", "../../rooms", "T"} {
		if _, err := audio.Open(t.Context(), m.ID, foreign); !errors.Is(err, ErrNotFound) {
			t.Errorf("opening %q: %v", foreign, err)
		}
	}

	other := hold(t, a.keys, a.meetings, meeting.Transcript)
	a.run()
	s := a.mouth(other, annasTrack)
	s.says(10)
	s.mutes(0)
	a.awaitAudioRead()
	stream := a.stream(other, annasTrack)
	must(t, a.meetings.Delete(t.Context(), other.ID))
	if left, err := a.store.List(t.Context(), meetingPrefix+string(other.ID)+"/"); err != nil || len(left) != 0 {
		t.Errorf("a deleted meeting has %+v, %v", left, err)
	}
	if _, err := io.ReadAll(stream); !errors.Is(err, ErrNotFound) {
		t.Errorf("a stream of a deleted meeting: %v", err)
	}
}

// testAudioMoved puts pieces where they do not belong.
func testAudioMoved(t *testing.T, server s3test.Server) {
	a := newArchiving(t, server)
	m := hold(t, a.keys, a.meetings, meeting.Transcript)
	stop := a.run()
	anna := a.mouth(m, annasTrack)
	anna.says(100)
	anna.pauses(60_000)
	anna.says(100)
	anna.mutes(0)
	a.awaitAudioRead()
	stop()
	folder := meetingPrefix + string(m.ID) + "/audio/"
	first, _, err := a.store.Get(t.Context(), folder+"tanna/000000.opus")
	must(t, err)
	second, _, err := a.store.Get(t.Context(), folder+"tanna/000001.opus")
	must(t, err)
	audio := a.audio()
	must(t, a.store.Create(t.Context(), folder+"tbruno/000000.opus", first))
	if _, err := audio.Open(t.Context(), m.ID, brunosTrack); !errors.Is(err, seal.ErrOpen) {
		t.Errorf("another track's piece: %v", err)
	}
	if tracks, err := audio.Tracks(t.Context(), m.ID); err != nil || len(tracks) != 1 || tracks[0].Track != annasTrack {
		t.Errorf("one damaged track hides others: %+v, %v", tracks, err)
	}
	mixed := slices.Concat(first[:audioPieceClear+sealedHeadSize], second[audioPieceClear+sealedHeadSize:])
	must(t, a.store.Put(t.Context(), folder+"tanna/000000.opus", mixed))
	s, err := audio.Open(t.Context(), m.ID, annasTrack)
	must(t, err)
	if _, err := io.ReadAll(s); !errors.Is(err, seal.ErrOpen) {
		t.Errorf("another piece's pages: %v", err)
	}
	must(t, a.store.Delete(t.Context(), folder+"tanna/000000.opus"))
	if _, err := audio.Open(t.Context(), m.ID, annasTrack); !errors.Is(err, errPieceMissing) {
		t.Errorf("a stream with a hole: %v", err)
	}
	for name, body := range map[string][]byte{"empty": {}, "short": first[:20], "newer": append([]byte{9}, first[1:]...)} {
		if _, _, err := openPiece(seal.Key{}, "x", body); err == nil {
			t.Errorf("an object that is %s was opened", name)
		}
	}

	// What is damaged stops its track and nobody else.
	a.run()
	anna.says(10)
	anna.mutes(0)
	cleo := a.mouth(m, "tcleo")
	cleo.says(10)
	cleo.mutes(0)
	a.awaitAudio(m, "tcleo", count(0, 10, 1000))
	a.awaitAudioRead()
}

// TestTheEndWaitsForKeptAudio: without the live key, what is on Kafka would be lost.
func TestTheEndWaitsForKeptAudio(t *testing.T) {
	server := s3test.Embedded(t)
	a := newArchiving(t, server)
	m := hold(t, a.keys, a.meetings, meeting.Transcript)
	a.bus.commit(recogniseGroup, bus.Audio, audioAt, 1<<20)
	var refused atomic.Int64
	a.bus.refuseCommits(func(group string) error {
		if group == audioGroup {
			refused.Add(1)
			return errors.New("scripted trouble")
		}
		return nil
	})
	a.run()
	anna := a.mouth(m, annasTrack)
	anna.says(10)
	a.event(m, meeting.Event{Type: meeting.EventEnded, At: 9000})
	eventually(t, "the end is noted", func() bool {
		got, err := a.meetings.Get(t.Context(), m.ID)
		return err == nil && got.EndedUnixMS != 0
	})
	anna.mutes(0)
	eventually(t, "the group is held up", func() bool { return refused.Load() > 1 })
	got, err := a.meetings.Get(t.Context(), m.ID)
	must(t, err)
	if got.LiveKeyGone {
		t.Error("the live key went before the audio was dealt with")
	}
	a.bus.refuseCommits(nil)
	a.awaitClosed(m)
	if got := listen(t, a.stream(m, annasTrack)); !slices.Equal(got, count(0, 10, 1000)) {
		t.Errorf("%d packets are kept when the live key goes, want 10", len(got))
	}
}

// TestTheEndDoesNotWaitForAudioForEver: a reader that stands still must not keep keys alive.
func TestTheEndDoesNotWaitForAudioForEver(t *testing.T) {
	a := newArchiving(t, s3test.Embedded(t))
	a.config.AudioWait = 30 * time.Millisecond
	m := hold(t, a.keys, a.meetings, meeting.Transcript)
	a.bus.commit(recogniseGroup, bus.Audio, audioAt, 1<<20)
	a.bus.refuseCommits(func(group string) error {
		if group == audioGroup {
			return errors.New("scripted trouble")
		}
		return nil
	})
	a.record(m, 3)
	a.event(m, meeting.Event{Type: meeting.EventEnded, At: 5000})
	a.run()
	a.awaitClosed(m)
}

// TestAudioWaitsForAStoreThatIsAway: nothing is committed, no more is read than is held, and nothing is lost.
func TestAudioWaitsForAStoreThatIsAway(t *testing.T) {
	server := s3test.Embedded(t)
	a := newArchiving(t, server)
	a.config.AudioHeld, a.config.AudioBytes = 10*frameBytes, 8*frameBytes
	m := hold(t, a.keys, a.meetings, meeting.Transcript)
	gate := newGate(t, server.Endpoint)
	lossy := DefaultConfig()
	lossy.Endpoint, lossy.AccessKey, lossy.SecretKey, lossy.Bucket = gate.addr(), server.AccessKey, server.SecretKey, a.store.bucket
	store, err := Open(t.Context(), lossy, slog.New(slog.DiscardHandler))
	must(t, err)
	t.Cleanup(store.Close)
	direct := a.store
	a.store = store // the archiver's only
	gate.close()
	a.run()
	a.store = direct
	anna := a.mouth(m, annasTrack)
	anna.says(300)
	anna.mutes(0)
	gate.awaitAttempt()
	if at := a.bus.position(audioGroup, bus.Audio, audioAt); at != -1 {
		t.Errorf("position %d was committed while the store was away", at)
	}
	gate.open()
	a.awaitAudio(m, annasTrack, count(0, 300, 1000))
	a.awaitAudioRead()
	pieces, err := a.store.List(t.Context(), meetingPrefix+string(m.ID)+"/audio/")
	must(t, err)
	if len(pieces) < 300/8 {
		t.Errorf("%d pieces: more was in memory than the bound", len(pieces))
	}
}

// TestPiecesHaveNoNames: what stands in clear are opaque IDs and numbers.
func TestPiecesHaveNoNames(t *testing.T) {
	log, err := openAudioLog(nil, "01K9QJ5X8T3Z0V6B7N4M2C1D0E", annasTrack)
	must(t, err)
	if got := log.object(12); got != "meetings/01K9QJ5X8T3Z0V6B7N4M2C1D0E/audio/tanna/000012.opus" {
		t.Errorf("a piece is called %s", got)
	}
	if !strings.HasSuffix(headPlace(log.object(1)), "000001.opus#head") {
		t.Error("a head is not bound to its piece")
	}
}
