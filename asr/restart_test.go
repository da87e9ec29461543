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
	text, fits := encodeResume(points)
	if !fits || len(text) > maxMetadata {
		t.Fatalf("200 tracks take %d bytes", len(text))
	}
	got, err := decodeResume(text)
	if err != nil || !maps.Equal(got, points) {
		t.Fatalf("read back %d points, %v", len(got), err)
	}
	for i := range 100 {
		points[trackHash{byte(i), 1}] = resumePoint{math.MaxUint64, math.MaxUint64}
	}
	if _, fits := encodeResume(points); fits {
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

func FuzzResumePoints(f *testing.F) {
	text, _ := encodeResume(map[trackHash]resumePoint{{1}: {2, 3}, {9}: {1 << 40, 1 << 50}})
	f.Add(text)
	f.Add("AQ")
	f.Add("not base64!")
	f.Fuzz(func(t *testing.T, text string) {
		points, err := decodeResume(text)
		if err != nil {
			return
		}
		again, fits := encodeResume(points)
		if !fits {
			return
		}
		if back, err := decodeResume(again); err != nil || !maps.Equal(back, points) {
			t.Fatalf("%v became %v, %v", points, back, err)
		}
	})
}
