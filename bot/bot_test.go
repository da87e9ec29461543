package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"souffleur/internal/bus"
	"souffleur/internal/meeting"
	"souffleur/internal/seal"
	"souffleur/sfu"
)

func seqs(packets []packet) []uint64 {
	var out []uint64
	for _, p := range packets {
		out = append(out, p.seq)
	}
	return out
}

func TestReorder(t *testing.T) {
	start := time.Now()
	cases := []struct {
		name  string
		input []uint64
		want  []uint64
		late  []uint64 // after repairWait
	}{
		{"in order", []uint64{5, 6, 7}, []uint64{5, 6, 7}, nil},
		{"swapped", []uint64{5, 7, 6, 8}, []uint64{5, 6, 7, 8}, nil},
		{"double", []uint64{5, 5, 6, 6}, []uint64{5, 6}, nil},
		{"lost", []uint64{5, 7, 8}, []uint64{5}, []uint64{7, 8}},
		{"older than the first", []uint64{5, 4, 6}, []uint64{5, 6}, nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var r reorder
			var got []uint64
			for _, s := range c.input {
				got = append(got, seqs(r.push(packet{seq: s, arrival: start}))...)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
			if early := r.expire(start.Add(repairWait / 2)); early != nil {
				t.Errorf("gave up early: %v", seqs(early))
			}
			if late := seqs(r.expire(start.Add(repairWait))); !slices.Equal(late, c.late) {
				t.Errorf("after the wait %v, want %v", late, c.late)
			}
		})
	}
}

func TestReorderIsBounded(t *testing.T) {
	var r reorder
	r.push(packet{seq: 0})
	for s := uint64(2); s < 2+3*maxHeld; s++ {
		r.push(packet{seq: s})
		if len(r.held) > maxHeld {
			t.Fatalf("%d packets held", len(r.held))
		}
	}
}

func TestUnwrapCrossesTheEdge(t *testing.T) {
	u := unwrap{bits: 16}
	var got []uint64
	for _, v := range []uint64{65534, 65535, 0, 65533, 1} {
		got = append(got, u.extend(v)-65536)
	}
	if want := []uint64{65534, 65535, 65536, 65533, 65537}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestUnwrapNeverGoesBelowZero(t *testing.T) {
	u := unwrap{bits: 16}
	v := u.extend(0)
	for range 100 { // each step claims to be 30,000 packets in the past
		next := u.extend(uint64(uint16(v - 30000)))
		if next > 1<<40 {
			t.Fatalf("extended to %d", next)
		}
	}
}

func TestEpochClock(t *testing.T) {
	start := time.Now()
	ms := func(n int) time.Time { return start.Add(time.Duration(n) * time.Millisecond) }
	cases := []struct {
		name    string
		arrival func(i int) int // ms at which packet i (20 ms of RTP each) arrives
		jumps   bool
	}{
		{"steady", func(i int) int { return 20 * i }, false},
		{"jitter of 100 ms", func(i int) int { return 20*i + 100*(i%2) }, false},
		{"a stall of 600 ms that catches up", func(i int) int {
			if i >= 50 && i < 80 {
				return 20 * 80
			}
			return 20 * i
		}, false},
		{"RTP stood still for two seconds", func(i int) int {
			if i >= 50 {
				return 20*i + 2000
			}
			return 20 * i
		}, true},
		{"0.5 % drift for a minute", func(i int) int { return 20*i + i/10 }, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			clock, jumped := newEpochClock(start), false
			for i := range 200 {
				jumped = clock.jumped(uint64(i*20*ticksPerMillisecond), ms(c.arrival(i))) || jumped
			}
			if jumped != c.jumps {
				t.Errorf("jumped: %v, want %v", jumped, c.jumps)
			}
		})
	}
}

// tape is a scripted Kafka that keeps what is published.
type tape struct {
	mu      sync.Mutex
	records []bus.Message
	at      []time.Time // when each was published
	refuse  bool
	tries   int
}

func (p *tape) AudioPartition(meeting.ID, int) int { return 3 }

func (p *tape) Publish(_ context.Context, m bus.Message) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tries++
	if p.refuse {
		return errors.New("scripted outage")
	}
	p.records = append(p.records, m)
	p.at = append(p.at, time.Now())
	return nil
}

func (p *tape) setRefuse(refuse bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refuse = refuse
}

func (p *tape) opened(t *testing.T, key seal.Key) []*bus.AudioRecord {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []*bus.AudioRecord
	for _, m := range p.records {
		r, err := bus.OpenAudio(key, m)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, r)
	}
	return out
}

// stage is a recorder with one track, on a virtual clock.
type stage struct {
	tape *tape
	key  seal.Key
	rec  *Recorder
	seq  uint16
	ts   uint32
}

const track = meeting.TrackID("t1")

func newStage(t *testing.T) *stage {
	t.Helper()
	key, _ := seal.NewKey()
	s := &stage{tape: &tape{}, key: key, seq: 65000, ts: 1 << 31}
	s.rec = NewRecorder(RecorderConfig{
		Meeting: "m1", Began: time.Now(), Key: key, Bus: s.tape, Log: slog.New(slog.DiscardHandler),
		Announce:  func(context.Context, meeting.Track) error { return nil },
		JoinIndex: func(meeting.ParticipantID) int { return 0 },
	})
	s.rec.AudioStarted(sfu.AudioTrack{Track: track, Participant: "p1"})
	return s
}

// talk sends n packets of 20 ms at real speed.
func (s *stage) talk(n int) {
	for range n {
		s.rec.AudioPacket(track, sfu.AudioPacket{Seq: s.seq, TS: s.ts, Payload: []byte{1, 2, 3}, Arrival: time.Now()})
		s.seq++
		s.ts += 960
		time.Sleep(20 * time.Millisecond)
	}
}

// Kafka takes what comes at one moment as one batch.
func TestRecordsOfAllTracksEndInStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.rec.SetLevel(meeting.Captions)
		other := meeting.TrackID("t2")
		s.rec.AudioStarted(sfu.AudioTrack{Track: other, Participant: "p2"})
		time.Sleep(33 * time.Millisecond)
		for i := range 100 {
			s.rec.AudioPacket(other, sfu.AudioPacket{Seq: uint16(i), TS: uint32(i) * 960, Payload: []byte{4}, Arrival: time.Now()})
			time.Sleep(7 * time.Millisecond)
			s.rec.AudioPacket(track, sfu.AudioPacket{Seq: uint16(i), TS: uint32(i) * 960, Payload: []byte{5}, Arrival: time.Now()})
			time.Sleep(13 * time.Millisecond)
		}
		s.tape.mu.Lock()
		published := slices.Clone(s.tape.at)
		s.tape.mu.Unlock()
		for i, at := range published {
			if at.Truncate(recordSpan) != at {
				t.Errorf("record %d was published at %v", i, at)
			}
		}
		if n := len(published); n < 2*19 || n > 2*22 {
			t.Errorf("%d records of two tracks in two seconds", n)
		}
		s.rec.Close()
	})
}

// flagged returns the records with a flag.
func flagged(records []*bus.AudioRecord, flag bus.AudioFlags) []*bus.AudioRecord {
	return slices.DeleteFunc(slices.Clone(records), func(r *bus.AudioRecord) bool { return r.Flags&flag == 0 })
}

func packetsIn(records []*bus.AudioRecord) int {
	n := 0
	for _, r := range records {
		n += len(r.Packets)
	}
	return n
}

func TestEveryPacketIsRecordedOnceInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.rec.SetLevel(meeting.Transcript)
		s.talk(1000) // crosses the edge of 16-bit sequences
		s.rec.Close()
		var next uint64
		for _, r := range s.tape.opened(t, s.key) {
			for _, p := range r.Packets {
				if next != 0 && p.Seq != next {
					t.Fatalf("sequence %d after %d", p.Seq, next-1)
				}
				next = p.Seq + 1
			}
			if r.Level != meeting.Transcript || r.Epoch != s.tape.opened(t, s.key)[0].Epoch {
				t.Fatalf("level %v, epoch %d", r.Level, r.Epoch)
			}
		}
		if n := packetsIn(s.tape.opened(t, s.key)); n != 1000 {
			t.Errorf("%d packets recorded", n)
		}
	})
}

func TestOffMeansNothingMoreReachesKafka(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.talk(50)
		if s.tape.tries != 0 {
			t.Fatal("audio was published before the AI was switched on")
		}
		s.rec.SetLevel(meeting.Captions)
		s.talk(50)
		s.rec.SetLevel(meeting.Off)
		synctest.Wait()
		n := len(s.tape.opened(t, s.key))
		s.talk(100)
		if after := len(s.tape.opened(t, s.key)); after != n {
			t.Errorf("%d records after the switch to off", after-n)
		}
		s.rec.Close()
	})
}

func TestOffDuringAnOutageForgetsWhatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.rec.SetLevel(meeting.Captions)
		s.talk(20)
		synctest.Wait()
		s.tape.setRefuse(true)
		s.talk(100)
		if !s.rec.Stalled() {
			t.Error("the outage was not noticed")
		}
		before := packetsIn(s.tape.opened(t, s.key))
		s.rec.SetLevel(meeting.Off)
		s.tape.setRefuse(false)
		time.Sleep(5 * time.Second)
		if n := packetsIn(s.tape.opened(t, s.key)); n != before {
			t.Errorf("%d packets of before the switch were sent after it", n-before)
		}
		s.rec.Close()
	})
}

// TestSoundIsKeptOnlyWhileTheSwitchIsOn: record by record, to the packet, and only from level transcript on.
func TestSoundIsKeptOnlyWhileTheSwitchIsOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		phase := func(level meeting.Level, keep bool, packets int) {
			s.rec.SetLevel(level)
			s.rec.SetKeepAudio(keep)
			s.talk(packets)
			time.Sleep(time.Second) // what arrived has been taken
		}
		phase(meeting.Captions, true, 33) // too low a level
		phase(meeting.Transcript, false, 33)
		phase(meeting.Transcript, true, 33)
		phase(meeting.Transcript, false, 33)
		s.rec.SetKeepAudio(true)
		s.talk(7)
		s.rec.SetOptOut("p1", true)
		s.talk(50)
		s.rec.Close()

		kept := flagged(s.tape.opened(t, s.key), bus.Kept)
		if n := packetsIn(kept); n < 33 || n > 33+7 { // an opt-out drops what was not sent yet
			t.Errorf("%d packets may be stored, 33 and at most 7 more were said while they might", n)
		}
		for _, r := range kept {
			for _, p := range r.Packets {
				n := int(p.Seq - 65000 - 1<<16)
				if n < 66 || n >= 99 && n < 132 || n >= 139 {
					t.Errorf("packet %d may be stored, it was said while it must not", n)
				}
			}
			if r.Level != meeting.Transcript {
				t.Errorf("a record of level %v may be stored", r.Level)
			}
		}
		if n := packetsIn(s.tape.opened(t, s.key)); n < 132 {
			t.Errorf("%d packets for the recognisers: the switch must not touch captions", n)
		}
	})
}

// TestTheSwitchCutsNoUtterance: an epoch ends utterances, and whether sound is kept is no matter of captions.
func TestTheSwitchCutsNoUtterance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.rec.SetLevel(meeting.Transcript)
		s.talk(23)
		s.rec.SetKeepAudio(true)
		s.talk(23)
		s.rec.Close()
		records := s.tape.opened(t, s.key)
		for _, r := range records {
			if r.Epoch != records[0].Epoch {
				t.Errorf("epoch %d after %d", r.Epoch, records[0].Epoch)
			}
		}
		if n := packetsIn(flagged(records, bus.Kept)); n != 23 {
			t.Errorf("%d packets may be stored, 23 were said after the switch", n)
		}
	})
}

func TestAnOutageWithinTheRingLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.rec.SetLevel(meeting.Captions)
		s.talk(50)
		s.tape.setRefuse(true)
		s.talk(20 * 50) // 20 s
		s.tape.setRefuse(false)
		s.talk(50)
		time.Sleep(5 * time.Second)
		s.rec.Close()
		if n := packetsIn(s.tape.opened(t, s.key)); n != 1100 {
			t.Errorf("%d of 1100 packets arrived", n)
		}
		if s.rec.Dropped() != 0 {
			t.Errorf("%d dropped", s.rec.Dropped())
		}
	})
}

func TestALongOutageKeepsTheLastThirtySecondsAndMarksTheGap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.rec.SetLevel(meeting.Captions)
		s.talk(50)
		s.tape.setRefuse(true)
		s.talk(60 * 50)
		s.tape.setRefuse(false)
		time.Sleep(5 * time.Second)
		s.rec.Close()
		records := s.tape.opened(t, s.key)
		if n := packetsIn(records); n < 29*50 || n > 35*50 {
			t.Errorf("%d packets kept", n)
		}
		i := slices.IndexFunc(records, func(r *bus.AudioRecord) bool { return r.Flags&bus.Discontinuity != 0 })
		if i < 1 || i > len(records)-2 || len(flagged(records, bus.Discontinuity)) != 1 {
			t.Fatalf("%d losses marked, the first at record %d of %d", len(flagged(records, bus.Discontinuity)), i, len(records))
		}
		before, mark, after := records[i-1], records[i], records[i+1]
		last := before.Packets[len(before.Packets)-1]
		if len(mark.Packets) != 0 || mark.Epoch != after.Epoch || mark.FirstSeq != last.Seq+1 || mark.RTP != last.RTP+960 || mark.Level != meeting.Captions {
			t.Errorf("after packet %d the loss is said to begin at %+v", last.Seq, mark)
		}
		if missing := after.FirstSeq - mark.FirstSeq; int(missing) != 50+60*50-packetsIn(records) {
			t.Errorf("%d packets are missing, of %d", missing, 50+60*50-packetsIn(records))
		}
	})
}

func TestAnOutageInSilenceIsNoLoss(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.rec.SetLevel(meeting.Captions)
		s.talk(50)
		s.tape.setRefuse(true)
		time.Sleep(time.Hour) // a keep-alive each second: far more than the ring holds
		s.tape.setRefuse(false)
		s.talk(50)
		time.Sleep(5 * time.Second)
		s.rec.Close()
		records := s.tape.opened(t, s.key)
		if n := len(flagged(records, bus.Discontinuity)); n != 0 || packetsIn(records) != 100 {
			t.Errorf("%d losses marked, %d of 100 packets arrived", n, packetsIn(records))
		}
	})
}

func TestWhatTheRecorderCouldNotTakeIsMarked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.rec.SetLevel(meeting.Captions)
		s.talk(50)
		synctest.Wait()
		for range inboxPackets + 200 { // at once: the builder, which is not yet awake, gets no more than its inbox holds
			s.rec.AudioPacket(track, sfu.AudioPacket{Seq: s.seq, TS: s.ts, Payload: []byte{1, 2, 3}, Arrival: time.Now()})
			s.seq++
			s.ts += 960
		}
		time.Sleep(time.Second)
		s.talk(100)
		s.rec.Close()
		records := s.tape.opened(t, s.key)
		dropped := int(s.rec.Dropped())
		if dropped == 0 {
			t.Skip("the builder kept up with everything")
		}
		marks := flagged(records, bus.Discontinuity)
		if len(marks) == 0 || packetsIn(records) != 150+inboxPackets+200-dropped {
			t.Errorf("%d dropped, %d losses marked, %d packets recorded", dropped, len(marks), packetsIn(records))
		}
	})
}

func TestARingWithoutRoomKeepsTheMark(t *testing.T) {
	r := &Recorder{}
	r.cfg.Key, _ = seal.NewKey()
	q := newRing(3, r.sealer(meeting.Track{Track: track}))
	for seq := range uint64(10) {
		rec, err := q.seal(&bus.AudioRecord{Meeting: "m1", Track: track, Epoch: 1, FirstSeq: seq, RTP: seq * 960, Packets: []bus.AudioPacket{{Seq: seq, RTP: seq * 960}}})
		if err != nil {
			t.Fatal(err)
		}
		if dropped := q.push(rec); dropped != (seq >= 3) || len(q.records) > 3 {
			t.Fatalf("record %d: dropped %v, %d records", seq, dropped, len(q.records))
		}
	}
	var got []string
	for _, rec := range q.records {
		got = append(got, fmt.Sprintf("%d %v", rec.head.FirstSeq, rec.head.Flags&bus.Discontinuity != 0))
	}
	if want := []string{"0 true", "8 false", "9 false"}; !slices.Equal(got, want) {
		t.Errorf("ring holds %q, want %q", got, want)
	}
}

func TestUnmuteBeginsANewEpochAtTheRightTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.rec.SetLevel(meeting.Captions)
		s.talk(100)
		s.rec.AudioMuted(track, true)
		time.Sleep(10 * time.Second) // the browser's RTP clock stands still meanwhile
		s.rec.AudioMuted(track, false)
		s.talk(100)
		s.rec.Close()
		var epochs []uint64
		for _, r := range s.tape.opened(t, s.key) {
			if !slices.Contains(epochs, r.Epoch) {
				epochs = append(epochs, r.Epoch)
			}
		}
		if n := len(flagged(s.tape.opened(t, s.key), bus.Muted)); n != 2 {
			t.Errorf("%d records end an epoch, want one for the mute and one for the end of the track", n)
		}
		if len(epochs) != 2 || epochs[1]-epochs[0] < 11_900 || epochs[1]-epochs[0] > 12_100 {
			t.Errorf("epochs %v, want two, 12 s apart", epochs)
		}
	})
}

func TestALevelNeverChangesInsideAnEpoch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		for _, l := range []meeting.Level{meeting.Captions, meeting.Transcript, meeting.Captions} {
			s.rec.SetLevel(l)
			s.talk(60)
		}
		s.rec.Close()
		levels := map[uint64]meeting.Level{}
		for _, r := range s.tape.opened(t, s.key) {
			if l, ok := levels[r.Epoch]; ok && l != r.Level {
				t.Fatalf("epoch %d has levels %v and %v", r.Epoch, l, r.Level)
			}
			levels[r.Epoch] = r.Level
		}
		if len(levels) != 3 {
			t.Errorf("%d epochs, want 3", len(levels))
		}
	})
}

func TestOptOutDropsTheTrackAndComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.rec.SetLevel(meeting.Captions)
		s.talk(50)
		s.rec.SetOptOut("p1", true)
		synctest.Wait()
		n := packetsIn(s.tape.opened(t, s.key))
		s.talk(100)
		if after := packetsIn(s.tape.opened(t, s.key)); after != n {
			t.Errorf("%d packets recorded of somebody who opted out", after-n)
		}
		s.rec.SetOptOut("p1", false)
		s.talk(50)
		s.rec.Close()
		if after := packetsIn(s.tape.opened(t, s.key)); after != n+50 {
			t.Errorf("%d packets after opting in again, want 50", after-n)
		}
	})
}

func TestSilenceIsKeptAliveOnceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.rec.SetLevel(meeting.Captions)
		s.talk(50)
		time.Sleep(10 * time.Second)
		s.rec.Close()
		alive := flagged(s.tape.opened(t, s.key), bus.KeepAlive)
		if len(alive) < 8 || len(alive) > 11 {
			t.Fatalf("%d keep-alives in 10 s", len(alive))
		}
		step := alive[5].RTP - alive[4].RTP
		if step < 47_000 || step > 52_000 {
			t.Errorf("the clock moved %d ticks in a second", step)
		}
	})
}

func TestLongCaptionsAreSplitAtWords(t *testing.T) {
	text := strings.TrimSpace(strings.Repeat("sous-titrage «été» <b> ", 120))
	c := meeting.Caption{V: 1, Seg: "s1", Rev: 1000, Spk: "p1", T0: 0, T1: 9000, Lang: "fr", Text: text, Final: true}
	messages := Messages(c)
	var joined strings.Builder
	seen := map[meeting.SegmentID]bool{}
	for _, m := range messages {
		if len(m) > MaxMessage {
			t.Errorf("message of %d bytes", len(m))
		}
		var part meeting.Caption
		if err := json.Unmarshal(m, &part); err != nil {
			t.Fatal(err)
		}
		if seen[part.Seg] || !utf8.ValidString(part.Text) {
			t.Errorf("part %s: doubled or broken", part.Seg)
		}
		seen[part.Seg] = true
		joined.WriteString(part.Text)
	}
	if joined.String() != text {
		t.Error("the parts are not the text")
	}
	if one := Messages(meeting.Caption{Text: "court"}); len(one) != 1 {
		t.Errorf("%d messages for a short caption", len(one))
	}
	endless := Messages(meeting.Caption{Text: strings.Repeat("é", 3000)})
	for _, m := range endless {
		if len(m) > MaxMessage || !utf8.Valid(m) {
			t.Errorf("one endless word: %d bytes", len(m))
		}
	}
}

// hall is an audience that writes down what it is shown.
type hall struct {
	key    seal.Key
	events []string
}

func (h *hall) LiveKey() seal.Key { return h.key }
func (h *hall) ShowPartial(c meeting.Caption, _ []byte) {
	h.events = append(h.events, "partial "+c.Text)
}
func (h *hall) ShowFinal(s meeting.Segment, m [][]byte) {
	h.events = append(h.events, fmt.Sprintf("final %s in %d", s.Text, len(m)))
}
func (h *hall) WorkerStatus(s meeting.Status) { h.events = append(h.events, "status "+s.State) }
func (h *hall) ShowVoices(v meeting.Voices)   { h.events = append(h.events, "voices "+string(v.Type)) }

func TestThePrompterServesOnlyItsMeetings(t *testing.T) {
	key, _ := seal.NewKey()
	p := NewPrompter(nil, slog.New(slog.DiscardHandler))
	h := &hall{key: key}
	p.Add("m1", h)
	draft := func(m meeting.ID, k seal.Key, d meeting.Draft) bus.Message {
		value, err := bus.SealJSON(k, bus.Captions, "k", d)
		if err != nil {
			t.Fatal(err)
		}
		return bus.Message{Topic: bus.Captions, Key: "k", Meeting: m, Value: value}
	}
	other, _ := seal.NewKey()
	p.draft(draft("m1", key, meeting.Draft{Caption: &meeting.Caption{Text: "bon"}}))
	p.draft(draft("m2", key, meeting.Draft{Caption: &meeting.Caption{Text: "elsewhere"}}))
	p.draft(draft("m1", other, meeting.Draft{Caption: &meeting.Caption{Text: "sealed by another"}}))
	p.draft(draft("m1", key, meeting.Draft{Status: &meeting.Status{State: meeting.StateLive}}))
	value, err := bus.SealJSON(key, bus.Segments, "s", meeting.Segment{Caption: meeting.Caption{Text: "bonjour"}})
	if err != nil {
		t.Fatal(err)
	}
	p.segment(bus.Message{Topic: bus.Segments, Key: "s", Meeting: "m1", Value: value})
	p.segment(bus.Message{Topic: bus.Segments, Key: "s", Meeting: "m1"}) // a tombstone
	if value, err = bus.SealJSON(key, bus.Segments, "g", meeting.Segment{Quality: meeting.QualityGap}); err != nil {
		t.Fatal(err)
	}
	p.segment(bus.Message{Topic: bus.Segments, Key: "g", Meeting: "m1", Value: value}) // lost audio: nothing to read
	for id, k := range map[meeting.ID]seal.Key{"m1": key, "m2": key} {
		m, err := bus.SealVoices(k, &meeting.Voices{V: meeting.VoicesVersion, Type: meeting.VoicesDone, Meeting: id, Track: "t1", Participant: "p1"})
		if err != nil {
			t.Fatal(err)
		}
		p.voices(m)
	}
	p.Remove("m1")
	p.draft(draft("m1", key, meeting.Draft{Caption: &meeting.Caption{Text: "too late"}}))
	want := []string{"partial bon", "status live", "final bonjour in 1", "voices done"}
	if !slices.Equal(h.events, want) {
		t.Errorf("shown %v, want %v", h.events, want)
	}
}
