package bus

import (
	"fmt"
	"testing"

	"souffleur/internal/meeting"
)

// Partitions are agreed between programs and outlive restarts, so these values must never change.
func TestPartitionsOfAMeetingNeverChange(t *testing.T) {
	for id, want := range map[meeting.ID]struct{ of8, of48 int }{
		"01JD0000000000000000000000": {7, 7},
		"01JD7ZKQ4Y3W9T8V6X5R2M1N0P": {6, 14},
	} {
		if got := spread(id, 0, 8); got != want.of8 {
			t.Errorf("%s is in partition %d of 8, was %d", id, got, want.of8)
		}
		if got := spread(id, 0, 48); got != want.of48 {
			t.Errorf("%s is in partition %d of 48, was %d", id, got, want.of48)
		}
	}
}

func TestTracksOfAMeetingTakePartitionsInTurn(t *testing.T) {
	first := spread("m", 0, 8)
	for index := range 20 {
		if got := spread("m", index, 8); got != (first+index)%8 {
			t.Errorf("track %d is in partition %d, the first one in %d", index, got, first)
		}
	}
}

func TestMeetingsSpreadEvenly(t *testing.T) {
	for _, n := range []int{4, 8, 16, 48} {
		count := make([]int, n)
		const meetings = 4800
		for range meetings {
			count[spread(meeting.NewID(), 0, n)]++
		}
		for p, c := range count {
			if c < meetings/n/2 || c > meetings/n*2 {
				t.Errorf("partition %d of %d holds %d of %d meetings", p, n, c, meetings)
			}
		}
	}
}

func TestAPartitionIsAlwaysOneThatExists(t *testing.T) {
	for _, index := range []int{-1, 0, 1 << 40} {
		for _, n := range []int{0, 1, 7} {
			if p := spread("m", index, n); p < 0 || p >= max(n, 1) {
				t.Errorf("index %d of %d partitions: %d", index, n, p)
			}
		}
	}
}

func TestALargeInstallationHasMorePartitionsAndLargerFiles(t *testing.T) {
	spec, ok := specOf(Audio)
	if !ok || spec.partitions(true) != 48 || spec.partitions(false) != 8 {
		t.Errorf("audio has %d and %d partitions", spec.partitions(false), spec.partitions(true))
	}
	configs := spec.configs(Config{Large: true, Replication: 3}, spec.kept)
	if configs["segment.bytes"] != fmt.Sprint(16<<20) || configs["min.insync.replicas"] != "2" {
		t.Errorf("audio is made with %v", configs)
	}
}
