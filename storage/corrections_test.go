package storage

import (
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"souffleur/internal/meeting"
	"souffleur/internal/s3test"
)

func ptr[T any](v T) *T { return &v }

// spoken is a closed meeting with these texts.
func spoken(t testing.TB, store *Store, keys *Keyring, said ...string) (*Transcripts, Meeting) {
	t.Helper()
	meetings := NewMeetings(store, keys)
	m := hold(t, keys, meetings, meeting.Transcript)
	storeWords(t, store, keys, m.ID, said...)
	m, err := meetings.Update(t.Context(), m.ID, func(m *Meeting) error {
		m.EndedUnixMS, m.TranscriptFinal, m.TranscriptRev = m.BeganUnixMS+60_000, true, 1
		return nil
	})
	must(t, err)
	transcripts := NewTranscripts(store, keys, meetings)
	v, err := transcripts.build(t.Context(), m)
	must(t, err)
	v.Rev = 1
	must(t, transcripts.write(t.Context(), v, ""))
	return transcripts, m
}

func read(t testing.TB, transcripts *Transcripts, id meeting.ID) *Transcript {
	t.Helper()
	v, err := transcripts.Read(t.Context(), id)
	must(t, err)
	return v
}

// seg returns the ID of the n-th segment of a meeting.
func seg(m Meeting, n int) meeting.SegmentID { return segment(m.ID, n, 0, 0, "").Seg }

func testCorrections(t *testing.T, server s3test.Server) {
	store, keys := keyring(t, server)
	transcripts, m := spoken(t, store, keys, "Der Zaubärberg ist hoch.", "Ja.")
	before := read(t, transcripts, m.ID)
	after, err := transcripts.Edit(t.Context(), m.ID, before.Version(), Edit{
		By: "uanna", AtUnixMS: 7, Texts: map[meeting.SegmentID]*string{seg(m, 0): ptr("Der Zauberberg ist hoch.")},
		Names: map[meeting.SpeakerID]*string{"pbruno": ptr("Bruno der Große")},
	})
	must(t, err)
	if now := read(t, transcripts, m.ID); !reflect.DeepEqual(now, after) {
		t.Errorf("the edit returned %+v, then read is %+v", after, now)
	}
	s := after.Segments[0]
	want := &meeting.Original{Text: "Der Zaubärberg ist hoch.", Words: before.Segments[0].Words, By: "uanna", AtUnixMS: 7}
	if s.Text != "Der Zauberberg ist hoch." || !reflect.DeepEqual(s.Original, want) || s.Stable != 24 {
		t.Errorf("corrected segment is %+v with original %+v", s, s.Original)
	}
	if !slices.Equal(after.Names, []SpeakerName{{"pbruno", "Bruno der Große", "uanna", 7}}) || after.People[1].Name != "Bruno Eichhorn" {
		t.Errorf("names are %+v, people %+v", after.Names, after.People)
	}
	if after.Version() == before.Version() || after.Segments[1].Original != nil {
		t.Errorf("version %s, other segment %+v", after.Version(), after.Segments[1])
	}
	scanRaw(t, store, "Zaub", "Große", "hoch")

	same, err := transcripts.Edit(t.Context(), m.ID, after.Version(), Edit{Texts: map[meeting.SegmentID]*string{seg(m, 0): ptr("Der Zauberberg ist hoch.")}})
	if err != nil || same.Version() != after.Version() || same.Segments[0].Original.By != "uanna" {
		t.Errorf("writing the same again made %+v, %v", same, err)
	}
	undone, err := transcripts.Edit(t.Context(), m.ID, after.Version(), Edit{
		Texts: map[meeting.SegmentID]*string{seg(m, 0): nil}, Names: map[meeting.SpeakerID]*string{"pbruno": nil},
	})
	if err != nil || !reflect.DeepEqual(undone.Segments, before.Segments) || len(undone.Names) != 0 || undone.EditRev != 2 {
		t.Errorf("undone is %+v, %v", undone, err)
	}
}

func testCorrectionsRefused(t *testing.T, server s3test.Server) {
	store, keys := keyring(t, server)
	transcripts, m := spoken(t, store, keys, "eins", "zwei")
	v := read(t, transcripts, m.ID)
	texts := func(seg meeting.SegmentID) Edit {
		return Edit{Texts: map[meeting.SegmentID]*string{seg: ptr("anders")}}
	}
	both := texts(seg(m, 0))
	both.Texts["none"] = ptr("x")
	for name, c := range map[string]struct {
		version string
		edit    Edit
		want    error
	}{
		"an older version":         {"1.7", texts(seg(m, 0)), ErrConflict},
		"no version":               {"", texts(seg(m, 0)), ErrConflict},
		"a segment it has not":     {v.Version(), texts("none"), ErrNoSegment},
		"one it has, one it lacks": {v.Version(), both, ErrNoSegment},
		"a speaker it has not":     {v.Version(), Edit{Names: map[meeting.SpeakerID]*string{"pnobody": ptr("X")}}, ErrNoSpeaker},
	} {
		if _, err := transcripts.Edit(t.Context(), m.ID, c.version, c.edit); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if now := read(t, transcripts, m.ID); !reflect.DeepEqual(now, v) {
		t.Errorf("refused edits left %+v", now)
	}
	running := hold(t, keys, transcripts.meetings, meeting.Transcript)
	storeWords(t, store, keys, running.ID, "noch nicht")
	if _, err := transcripts.Edit(t.Context(), running.ID, "0.0", texts(seg(running, 0))); !errors.Is(err, ErrNotFinal) {
		t.Errorf("a running meeting: %v", err)
	}
	if _, err := transcripts.Edit(t.Context(), meeting.NewID(), "0.0", Edit{}); !errors.Is(err, ErrNotFound) {
		t.Errorf("no meeting: %v", err)
	}
}

// testTwoEditors lets many people correct the same version at once: one of them wins, the others are told.
func testTwoEditors(t *testing.T, server s3test.Server) {
	store, keys := keyring(t, server)
	transcripts, m := spoken(t, store, keys, "eins", "zwei")
	version := read(t, transcripts, m.ID).Version()
	for round := range 2 { // the first makes the object, the second changes it
		var won, lost atomic.Int64
		var work sync.WaitGroup
		for i := range 8 {
			work.Go(func() {
				_, err := transcripts.Edit(t.Context(), m.ID, version, Edit{
					Texts: map[meeting.SegmentID]*string{seg(m, i%2): ptr(fmt.Sprint(round, i))},
				})
				switch {
				case err == nil:
					won.Add(1)
				case errors.Is(err, ErrConflict):
					lost.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		work.Wait()
		if won.Load() != 1 || lost.Load() != 7 {
			t.Errorf("round %d: %d won, %d lost", round, won.Load(), lost.Load())
		}
		version = read(t, transcripts, m.ID).Version()
	}
	if version != "1.2" {
		t.Errorf("version is %s", version)
	}
}

// testCorrectionsSurviveRebuild builds the transcript again, with a better version of the corrected segment.
func testCorrectionsSurviveRebuild(t *testing.T, server s3test.Server) {
	a := newArchiving(t, server)
	transcripts, m := spoken(t, a.store, a.keys, "ains", "zwei")
	_, err := transcripts.Edit(t.Context(), m.ID, "1.0", Edit{Texts: map[meeting.SegmentID]*string{seg(m, 0): ptr("eins")}})
	must(t, err)
	archiver, err := newArchiver(a.bus, a.store, a.keys, a.config, slog.New(slog.DiscardHandler))
	must(t, err)
	if _, err := archiver.concludeOnce(t.Context(), m.ID, nil); err != nil { // a second archiver closes the meeting again
		t.Fatal(err)
	}
	if got := texts(read(t, transcripts, m.ID)); got != "eins | zwei" {
		t.Errorf("after a second end: %q", got)
	}
	key, err := a.keys.Archive(t.Context(), m.ID)
	must(t, err)
	better := meetingPrefix + string(m.ID) + "/" + batchFolder + "0000000001-y" + batchSuffix
	body, err := sealBatch(key, better, []meeting.Segment{segment(m.ID, 0, meeting.FinalRev+1, meeting.Transcript, "Eins?")})
	must(t, err)
	must(t, a.store.Create(t.Context(), better, body))
	must(t, a.store.Delete(t.Context(), meetingPrefix+string(m.ID)+"/"+transcriptFile))
	if _, err := archiver.concludeOnce(t.Context(), m.ID, nil); err != nil {
		t.Fatal(err)
	}
	v := read(t, transcripts, m.ID)
	if texts(v) != "eins | zwei" || v.Segments[0].Original.Text != "Eins?" || !v.Final {
		t.Errorf("rebuilt: %q, original %+v", texts(v), v.Segments[0].Original)
	}
}

func testCorrectionsForgotten(t *testing.T, server s3test.Server) {
	store, keys := keyring(t, server)
	transcripts, m := spoken(t, store, keys, "eins", "zwei")
	v, err := transcripts.Edit(t.Context(), m.ID, "1.0", Edit{
		Texts: map[meeting.SegmentID]*string{seg(m, 0): ptr("anders")},
		Names: map[meeting.SpeakerID]*string{"panna": ptr("A"), "pbruno": ptr("B")},
	})
	must(t, err)
	must(t, transcripts.ForgetCorrections(t.Context(), m.ID, "panna"))
	left, _, err := transcripts.corrections(t.Context(), m.ID)
	if err != nil || len(left.Segments) != 0 || len(left.Names) != 1 {
		t.Errorf("left are %+v, %v", left, err)
	}
	if _, err := transcripts.Edit(t.Context(), m.ID, v.Version(), Edit{Texts: map[meeting.SegmentID]*string{seg(m, 1): ptr("x")}}); !errors.Is(err, ErrConflict) {
		t.Errorf("an edit of what was read before: %v", err)
	}
}

// TestALargeCorrectionIsRefused: what could not be read again is not written.
func TestALargeCorrectionIsRefused(t *testing.T) {
	store, keys := keyring(t, s3test.Embedded(t))
	transcripts, m := spoken(t, store, keys, "eins")
	_, err := transcripts.Edit(t.Context(), m.ID, "1.0", Edit{Texts: map[meeting.SegmentID]*string{seg(m, 0): ptr(strings.Repeat("x", maxObject))}})
	if !errors.Is(err, ErrTooLarge) {
		t.Errorf("got %v", err)
	}
}

func TestNewerObjectsAreNamed(t *testing.T) {
	store, keys := keyring(t, s3test.Embedded(t))
	transcripts, m := spoken(t, store, keys, "eins")
	v, etag, err := transcripts.stored(t.Context(), m.ID)
	must(t, err)
	v.V = TranscriptVersion + 1
	must(t, transcripts.write(t.Context(), v, etag))
	if _, err := transcripts.Read(t.Context(), m.ID); !errors.Is(err, ErrVersion) {
		t.Errorf("a transcript of a newer version: %v", err)
	}
}
