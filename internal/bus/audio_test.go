package bus

import (
	"bytes"
	"errors"
	"math"
	"reflect"
	"slices"
	"testing"

	"souffleur/internal/meeting"
	"souffleur/internal/seal"
)

const track = meeting.TrackID("tabc")

// spurt is a record as the recorder writes it: five packets, one of them lost on the way.
func spurt() *AudioRecord {
	r := &AudioRecord{Meeting: room, Track: track, Epoch: 61_000, FirstSeq: 70_000, RTP: 960_000,
		CaptureNS: 1_795_000_000_000_000_000, Level: meeting.Transcript, Flags: EndOfSpurt | Discontinuity}
	for i := range uint64(6) {
		if i != 3 {
			r.Packets = append(r.Packets, AudioPacket{Seq: 70_000 + i, RTP: 960_000 + 960*i, Opus: bytes.Repeat([]byte{byte(i)}, 80)})
		}
	}
	return r
}

// sealed returns r as it would be read from the bus.
func sealed(t testing.TB, key seal.Key, r *AudioRecord) Message {
	t.Helper()
	value, err := SealAudio(key, r)
	if err != nil {
		t.Fatal(err)
	}
	return Message{Topic: Audio, Key: AudioKey(r.Meeting, r.Track), Meeting: r.Meeting, Value: value}
}

func TestAudioComesBackAsItWasSealed(t *testing.T) {
	key, _ := seal.NewKey()
	for name, r := range map[string]*AudioRecord{
		"a spurt":            spurt(),
		"silence":            {Meeting: room, Track: track, Epoch: 1, FirstSeq: 9, RTP: 48_000, CaptureNS: 5, Level: meeting.Captions, Flags: KeepAlive},
		"a muted microphone": {Meeting: room, Track: track, Flags: KeepAlive | Muted},
		"a word that is kept": {Meeting: room, Track: track, FirstSeq: 7, Level: meeting.Minutes, Flags: Kept | EndOfSpurt, Packets: []AudioPacket{
			{Seq: 7, Opus: []byte{1, 2, 3}}}},
		"the largest record": {Meeting: room, Track: track, FirstSeq: 1, RTP: 1, Packets: []AudioPacket{
			{Seq: 1, RTP: 1, Opus: []byte{}},
			{Seq: 1 + math.MaxUint16, RTP: 1 + math.MaxUint32, Opus: make([]byte, MaxOpusBytes)}}},
	} {
		got, err := OpenAudio(key, sealed(t, key, r))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !reflect.DeepEqual(got, r) {
			t.Errorf("%s:\n got %+v\nwant %+v", name, got, r)
		}
	}
}

func TestAudioOpensNowhereElse(t *testing.T) {
	key, _ := seal.NewKey()
	other, _ := seal.NewKey()
	good := sealed(t, key, spurt())
	if _, err := OpenAudio(other, good); !errors.Is(err, seal.ErrOpen) {
		t.Errorf("another meeting's key: %v", err)
	}
	for name, change := range map[string]func(*Message){
		"another track":          func(m *Message) { m.Key = AudioKey(room, "tother") },
		"another meeting":        func(m *Message) { m.Key = AudioKey("01JD1111111111111111111111", track) },
		"another epoch":          func(m *Message) { m.Value[1+seal.NonceSize+7]++ },
		"another first sequence": func(m *Message) { m.Value[1+seal.NonceSize+15]++ },
		"another nonce":          func(m *Message) { m.Value[1]++ },
		"a changed body":         func(m *Message) { m.Value[len(m.Value)-20]++ },
		"a cut body":             func(m *Message) { m.Value = m.Value[:len(m.Value)-1] },
	} {
		m := good
		m.Value = slices.Clone(good.Value)
		change(&m)
		if _, err := OpenAudio(key, m); !errors.Is(err, seal.ErrOpen) {
			t.Errorf("%s: %v, want ErrOpen", name, err)
		}
	}
}

func TestForeignAudioValuesAreErrors(t *testing.T) {
	key, _ := seal.NewKey()
	good := sealed(t, key, spurt())
	newer := slices.Clone(good.Value)
	newer[0] = audioVersion + 1
	for name, c := range map[string]struct {
		m    Message
		want error
	}{
		"no value":        {Message{Topic: Audio, Key: good.Key}, ErrMalformed},
		"no track in key": {Message{Topic: Audio, Key: "meeting", Value: good.Value}, ErrMalformed},
		"a newer version": {Message{Topic: Audio, Key: good.Key, Value: newer}, ErrVersion},
		"a cut prefix":    {Message{Topic: Audio, Key: good.Key, Value: good.Value[:audioClear-1]}, ErrMalformed},
		"only a prefix":   {Message{Topic: Audio, Key: good.Key, Value: good.Value[:audioClear]}, seal.ErrOpen},
	} {
		if _, err := OpenAudio(key, c.m); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

func TestAudioThatBreaksTheBoundsIsNotSealed(t *testing.T) {
	key, _ := seal.NewKey()
	for name, change := range map[string]func(*AudioRecord){
		"too many packets":          func(r *AudioRecord) { r.Packets = make([]AudioPacket, MaxAudioPackets+1) },
		"too large a packet":        func(r *AudioRecord) { r.Packets[0].Opus = make([]byte, MaxOpusBytes+1) },
		"a packet before the first": func(r *AudioRecord) { r.Packets[0].Seq = r.FirstSeq - 1 },
		"a packet too far on":       func(r *AudioRecord) { r.Packets[4].Seq = r.FirstSeq + 1<<16 },
		"a time before the first":   func(r *AudioRecord) { r.Packets[0].RTP = r.RTP - 1 },
		"a time too far on":         func(r *AudioRecord) { r.Packets[4].RTP = r.RTP + 1<<32 },
		"a packet twice":            func(r *AudioRecord) { r.Packets[1].Seq = r.Packets[0].Seq },
		"time running backwards":    func(r *AudioRecord) { r.Packets[1].RTP = r.Packets[2].RTP + 1 },
		"a keep-alive with packets": func(r *AudioRecord) { r.Flags |= KeepAlive },
		"an unknown flag":           func(r *AudioRecord) { r.Flags |= audioFlagsEnd },
		"an unknown level":          func(r *AudioRecord) { r.Level = meeting.Minutes + 1 },
	} {
		r := spurt()
		change(r)
		if _, err := SealAudio(key, r); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v, want ErrMalformed", name, err)
		}
	}
}

func TestARecordOfTenPacketsIsNotMuchLargerThanItsAudio(t *testing.T) {
	key, _ := seal.NewKey()
	r := spurt()
	size, opus := len(sealed(t, key, r).Value), 0
	for _, p := range r.Packets {
		opus += len(p.Opus)
	}
	if over := size - opus; over > 110 {
		t.Errorf("%d bytes around %d bytes of audio", over, opus)
	}
}

// FuzzAudioBody feeds the decoder what a holder of the key could have sealed. What it takes must encode to the same
// bytes, so nothing is read that was not written.
func FuzzAudioBody(f *testing.F) {
	body, err := encodeAudio(spurt())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(body, uint64(70_000))
	f.Add(body[:audioBodyHead], uint64(0))
	f.Add([]byte{}, uint64(math.MaxUint64))
	f.Fuzz(func(t *testing.T, body []byte, firstSeq uint64) {
		r := &AudioRecord{FirstSeq: firstSeq}
		if err := decodeAudio(body, r); err != nil {
			if !errors.Is(err, ErrMalformed) {
				t.Fatalf("unexpected error %v", err)
			}
			return
		}
		again, err := encodeAudio(r)
		if err != nil || !bytes.Equal(again, body) {
			t.Fatalf("encodes to %x, %v; was %x", again, err, body)
		}
	})
}

// FuzzOpenAudio feeds the decoder what anybody could have written to the topic.
func FuzzOpenAudio(f *testing.F) {
	key, _ := seal.NewKey()
	good := sealed(f, key, spurt())
	f.Add(good.Key, good.Value)
	f.Add("", []byte{})
	f.Fuzz(func(t *testing.T, recordKey string, value []byte) {
		before := slices.Clone(value)
		r, err := OpenAudio(key, Message{Topic: Audio, Key: recordKey, Value: value})
		if err == nil && !bytes.Equal(value, good.Value) {
			t.Fatalf("forged: %+v", r)
		}
		if !bytes.Equal(before, value) {
			t.Fatal("the message was changed by reading it")
		}
	})
}

func BenchmarkSealAudio(b *testing.B) {
	key, _ := seal.NewKey()
	r := spurt()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := SealAudio(key, r); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpenAudio(b *testing.B) {
	key, _ := seal.NewKey()
	m := sealed(b, key, spurt())
	b.ReportAllocs()
	for b.Loop() {
		if _, err := OpenAudio(key, m); err != nil {
			b.Fatal(err)
		}
	}
}
