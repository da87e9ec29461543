package asr

import (
	"fmt"
	"maps"
	"math"
	"testing"

	"souffleur/internal/meeting"
)

func TestResumePointsOfAFullPartitionFit(t *testing.T) {
	points := map[trackHash]resumePoint{}
	for i := range 200 {
		hash := hashTrack("01JD0000000000000000000000", meeting.TrackID(fmt.Sprint("t", i)))
		points[hash] = resumePoint{epoch: uint64(3_600_000 + i), seq: uint64(180_000 + i)}
	}
	text, fits := encodeResume(points, 1_795_000_000_000)
	if !fits || len(text) > maxMetadata {
		t.Fatalf("200 tracks take %d bytes", len(text))
	}
	got, heard, err := decodeResume(text)
	if err != nil || heard != 1_795_000_000_000 || !maps.Equal(got, points) {
		t.Fatalf("read back %d points, heard until %d, %v", len(got), heard, err)
	}
	for i := range 100 {
		points[trackHash{byte(i), 1}] = resumePoint{math.MaxUint64, math.MaxUint64}
	}
	if _, fits := encodeResume(points, 0); fits {
		t.Error("too many points are said to fit")
	}
}

func TestResumePointCoversWhatLiesBefore(t *testing.T) {
	p := resumePoint{epoch: 5000, seq: 100}
	for _, c := range []struct {
		epoch, seq uint64
		want       bool
	}{{4000, 900, true}, {5000, 99, true}, {5000, 100, false}, {6000, 0, false}} {
		if p.covers(c.epoch, c.seq) != c.want {
			t.Errorf("epoch %d packet %d: covered %v", c.epoch, c.seq, !c.want)
		}
	}
}

// What a worker of before wrote must be read: workers are replaced one by one.
func TestResumePointsOfTheFirstVersion(t *testing.T) {
	points, heard, err := decodeResume("AQECAwQFBogniAE") // version 1, hash 1 2 3 4 5 6, epoch 5000, packet 136
	if err != nil || heard != 0 || points[trackHash{1, 2, 3, 4, 5, 6}] != (resumePoint{5000, 136}) {
		t.Errorf("%v, heard until %d, %v", points, heard, err)
	}
}

func FuzzResumePoints(f *testing.F) {
	text, _ := encodeResume(map[trackHash]resumePoint{{1}: {2, 3}, {9}: {1 << 40, 1 << 50}}, 1<<41)
	f.Add(text)
	f.Add("AQ")
	f.Add("Ag")
	f.Add("not base64!")
	f.Fuzz(func(t *testing.T, text string) {
		points, heard, err := decodeResume(text)
		if err != nil {
			return
		}
		again, fits := encodeResume(points, heard)
		if !fits {
			return
		}
		if back, until, err := decodeResume(again); err != nil || until != heard || !maps.Equal(back, points) {
			t.Fatalf("%v heard until %d became %v until %d, %v", points, heard, back, until, err)
		}
	})
}
