package bus

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"souffleur/internal/seal"
)

func vectorsOf() *VoiceVectors {
	v := Pack([]float32{0.6, -0.8})
	return &VoiceVectors{
		V: vectorsVersion, Meeting: room, Participant: "p0", Model: "m/1", Dim: 2, From: 1000, Until: 9000,
		Voices:  []VoiceSoFar{{Published: 3, Seconds: 2, Size: 7, Sum: v}, {Into: 1}},
		Units:   []VoiceUnit{{Start: 1000, End: 4000, Who: [2]int32{1, 2}, Levels: []byte{1, 2}, Floor: 3}},
		Windows: []VoiceWindow{{Start: 1000, End: 2600, Unit: 0, Voice: 1, Vec: v}},
	}
}

func TestVectorsComeBackAndAreReadByNobodyElse(t *testing.T) {
	key, _ := seal.NewKey()
	m, err := SealVectors(key, vectorsOf())
	if err != nil {
		t.Fatal(err)
	}
	if m.Key != string(room)+"/p0/1000" || bytes.Contains(m.Value, []byte("levels")) {
		t.Errorf("key %q", m.Key)
	}
	v, err := OpenVectors(key, m)
	if err != nil {
		t.Fatal(err)
	}
	got := v.Windows[0].Vec.Unpack()
	if math.Abs(float64(got[0])-0.6) > 1e-4 || math.Abs(float64(got[1])+0.8) > 1e-4 || v.Voices[0].Published != 3 || v.Units[0].Floor != 3 {
		t.Errorf("%+v", v)
	}
	m.Key = string(room) + "/p1/1000"
	if _, err := OpenVectors(key, m); !errors.Is(err, seal.ErrOpen) {
		t.Errorf("as another's: %v", err)
	}
}

func TestPackedNumbersAreFinite(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(-1))
	for _, x := range Pack([]float32{nan, inf, 5, -5, 0, 1}).Unpack() {
		if x-x != 0 || x > 1.001 || x < -1.001 {
			t.Errorf("%v", x)
		}
	}
}

func TestVectorsThatCannotBeAreRefused(t *testing.T) {
	key, _ := seal.NewKey()
	for name, spoil := range map[string]func(v *VoiceVectors){
		"nobody's":                  func(v *VoiceVectors) { v.Participant = "" },
		"of no model":               func(v *VoiceVectors) { v.Model = "" },
		"an end before the start":   func(v *VoiceVectors) { v.Until = 0 },
		"a vector cut off":          func(v *VoiceVectors) { v.Windows[0].Vec = v.Windows[0].Vec[:3] },
		"a unit that is not there":  func(v *VoiceVectors) { v.Windows[0].Unit = 1 },
		"a voice that is not there": func(v *VoiceVectors) { v.Windows[0].Voice = 3 },
		"a voice without a sum":     func(v *VoiceVectors) { v.Voices[0].Sum = nil },
		"voice 100":                 func(v *VoiceVectors) { v.Voices[0].Published = 100 },
		"too many windows":          func(v *VoiceVectors) { v.Windows = slices.Repeat(v.Windows, MaxVectorWindows+1) },
		"a vector too long":         func(v *VoiceVectors) { v.Dim = maxVectorDim + 1 },
	} {
		v := vectorsOf()
		spoil(v)
		if _, err := SealVectors(key, v); !errors.Is(err, ErrVectors) {
			t.Errorf("%s is sealed: %v", name, err)
		}
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		m := Message{Topic: Vectors, Key: VectorsKey(room, v.Participant, v.From), Meeting: room}
		m.Value = append([]byte{jsonVersion}, key.Seal(text, jsonPlace(Vectors, m.Key))...)
		if _, err := OpenVectors(key, m); !errors.Is(err, ErrVectors) {
			t.Errorf("%s is opened: %v", name, err)
		}
	}
}

// The most that a record may hold is less than a broker takes.
func TestTheLargestVectorsFitIntoARecord(t *testing.T) {
	key, _ := seal.NewKey()
	v := vectorsOf()
	v.Dim = 256
	p := Pack(slices.Repeat([]float32{0.0625}, 256))
	v.Windows = slices.Repeat([]VoiceWindow{{Start: 1 << 31, End: 1 << 31, Unit: 1, Voice: 10, Vec: p}}, MaxVectorWindows)
	v.Voices = slices.Repeat([]VoiceSoFar{{Published: 10, Seconds: 1e4, Size: 1e4, Sum: p}}, MaxVectorVoices)
	v.Units = slices.Repeat([]VoiceUnit{{Start: 1 << 31, End: 1 << 31, Who: [2]int32{1 << 30, 1 << 30}, Levels: make([]byte, 33)}}, maxVectorUnits)
	m, err := SealVectors(key, v)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d bytes", len(m.Value))
}

func FuzzOpenVectors(f *testing.F) {
	key, _ := seal.NewKey()
	text, err := json.Marshal(vectorsOf())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	recordKey := VectorsKey(room, "p0", 1000)
	f.Fuzz(func(t *testing.T, text []byte) {
		value := append([]byte{jsonVersion}, key.Seal(text, jsonPlace(Vectors, recordKey))...)
		v, err := OpenVectors(key, Message{Topic: Vectors, Key: recordKey, Meeting: room, Value: value})
		if err == nil && (v.Check() != nil || v.From != 1000) {
			t.Fatalf("accepted: %+v", v)
		}
	})
}

func TestFollowCanReadSomePartitionsOnly(t *testing.T) {
	onEach(t, func(t *testing.T, s *site) {
		b := s.open(t)
		for p := range b.Partitions(Vectors) {
			publish(t, b, Vectors, p, fmt.Sprint("p", p))
		}
		var got notebook
		caughtUp := make(chan struct{})
		running(t, func(ctx context.Context) error {
			return b.Follow(ctx, Vectors, FollowOptions{Partitions: []int{5, 2}, CaughtUp: func() { close(caughtUp) }}, got.note)
		})
		<-caughtUp
		for p := range b.Partitions(Vectors) {
			if n := len(got.of(p)); n != map[int]int{2: 1, 5: 1}[p] {
				t.Errorf("%d records of partition %d", n, p)
			}
		}
		if err := b.Follow(t.Context(), Vectors, FollowOptions{Partitions: []int{b.Partitions(Vectors)}}, got.note); err == nil {
			t.Error("a partition that is not there is followed")
		}
		var late notebook
		running(t, func(ctx context.Context) error {
			return b.Follow(ctx, Vectors, FollowOptions{Partitions: []int{2}, Since: time.Now().Add(-time.Hour)}, late.note)
		})
		late.awaits(t, 2, []string{"p2"})
	})
}

// Vectors are biometric data: nothing may keep them for longer than a day, however little comes after them.
func TestVectorsAreKeptForLessThanADay(t *testing.T) {
	spec, _ := specOf(Vectors)
	configs := spec.configs(Config{}, spec.kept)
	if configs["cleanup.policy"] != "compact,delete" || configs["segment.ms"] != "3600000" || configs["max.compaction.lag.ms"] != "3600000" ||
		configs["message.timestamp.type"] != "LogAppendTime" || spec.kept+spec.closes > 20*time.Hour {
		t.Errorf("made with %v, kept %v", configs, spec.kept)
	}
}
