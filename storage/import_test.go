package storage

import (
	"errors"
	"reflect"
	"testing"

	"souffleur/internal/meeting"
	"souffleur/internal/s3test"
)

// testImport moves a corrected transcript from one installation to another.
func testImport(t *testing.T, server s3test.Server) {
	store, keys := keyring(t, server)
	transcripts, m := spoken(t, store, keys, "ains", "zwei")
	_, err := transcripts.Edit(t.Context(), m.ID, "1.0", Edit{
		By: "uanna", AtUnixMS: 9, Texts: map[meeting.SegmentID]*string{seg(m, 0): ptr("eins")}, Names: map[meeting.SpeakerID]*string{"pbruno": ptr("B")},
	})
	must(t, err)
	there := read(t, transcripts, m.ID)

	store2, keys2 := keyring(t, server)
	here := NewTranscripts(store2, keys2, NewMeetings(store2, keys2))
	got, err := here.Import(t.Context(), "bcd-fghj-kmn", there)
	must(t, err)
	if got.ID != m.ID || got.Room != "bcd-fghj-kmn" || !got.TranscriptFinal || !got.LiveKeyGone || got.BeganUnixMS != m.BeganUnixMS {
		t.Errorf("imported meeting is %+v", got)
	}
	v := read(t, here, m.ID)
	v.Room = there.Room
	if !reflect.DeepEqual(v, there) {
		t.Errorf("read is %+v\nwant %+v", v, there)
	}
	scanRaw(t, store2, "eins", "ains", "zwei", "Zauberberg", "Aussicht")
	if _, err := keys2.Live(t.Context(), m.ID); !errors.Is(err, ErrNoKey) {
		t.Errorf("an imported meeting has a key for Kafka: %v", err)
	}
	undone, err := here.Edit(t.Context(), m.ID, v.Version(), Edit{Texts: map[meeting.SegmentID]*string{seg(m, 0): nil}})
	if err != nil || undone.Segments[0].Text != "ains" || undone.Segments[0].Original != nil {
		t.Errorf("undone is %+v, %v", undone, err)
	}

	if _, err := here.Import(t.Context(), "bcd-fghj-kmn", there); !errors.Is(err, ErrExists) {
		t.Errorf("the same again: %v", err)
	}
	if now := read(t, here, m.ID); now.Segments[0].Text != "ains" {
		t.Errorf("a refused import changed the transcript: %+v", now.Segments[0])
	}
	must(t, here.meetings.Delete(t.Context(), m.ID))
	if _, err := here.Import(t.Context(), "bcd-fghj-kmn", there); err != nil {
		t.Errorf("after it was deleted: %v", err)
	}
}

// testImportOfARecording makes a meeting of a transcript that has none, after an import that broke off.
func testImportOfARecording(t *testing.T, server s3test.Server) {
	store, keys := keyring(t, server)
	here := NewTranscripts(store, keys, NewMeetings(store, keys))
	from := &Transcript{V: 1, RoomName: "interview", EndedUnixMS: 5000, Segments: []meeting.Segment{segment("", 1, 0, 0, "zwei"), segment("", 0, 0, 0, "eins")}}
	m, err := here.Import(t.Context(), "bcd-fghj-kmn", from)
	if err != nil || !m.ID.Valid() || texts(read(t, here, m.ID)) != "eins | zwei" || from.Meeting != "" {
		t.Errorf("imported %+v, %v", m, err)
	}
	from.Meeting = meeting.NewID()
	must(t, keys.createArchive(t.Context(), from.Meeting))
	must(t, here.write(t.Context(), &Transcript{V: 1, Meeting: from.Meeting}, ""))
	must(t, here.writeCorrections(t.Context(), from.Meeting, &corrections{Rev: 3, Segments: map[meeting.SegmentID]correction{from.Segments[0].Seg: {Text: "x"}}}, ""))
	if _, err := here.Import(t.Context(), "bcd-fghj-kmn", from); err != nil || texts(read(t, here, from.Meeting)) != "eins | zwei" {
		t.Errorf("after one that broke off: %q, %v", texts(read(t, here, from.Meeting)), err)
	}
}

func TestImportedMeetingsSortByTheirTime(t *testing.T) {
	old, older := meetingIDAt(1_700_000_000_000), meetingIDAt(1_600_000_000_000)
	if !old.Valid() || !older.Valid() || older >= old || old >= meeting.NewID() || !meetingIDAt(0).Valid() || meetingIDAt(5) == meetingIDAt(5) {
		t.Errorf("IDs are %s, %s", older, old)
	}
}
