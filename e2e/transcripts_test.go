package e2e

import (
	"encoding/json"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"souffleur/internal/meeting"
	"souffleur/storage"
	"souffleur/storage/export"
)

// TestATranscriptMovesAndIsCorrected brings a transcript from elsewhere, and corrects it with a subtitle file, as people do
// it on the command line.
func TestATranscriptMovesAndIsCorrected(t *testing.T) {
	in := install(t)
	room := path.Base(in.room("transcript"))
	from := &storage.Transcript{
		V: storage.TranscriptVersion, Meeting: meeting.NewID(), RoomName: "Séance", BeganUnixMS: 1_700_000_000_000, EndedUnixMS: 1_700_000_060_000,
		People: []meeting.Person{{Participant: "p1", Person: "u1", Name: "Ada"}}, Final: true,
		Segments: []meeting.Segment{
			{Caption: meeting.Caption{Seg: "s1", Spk: "p1", T0: 1000, T1: 3000, Lang: "fr", Text: "Bonjou à tous.", Final: true}, Quality: meeting.QualityFull},
			{Caption: meeting.Caption{Seg: "s2", Spk: "p1", T0: 3000, T1: 15_000, Final: true}, Quality: meeting.QualityGap},
		},
	}
	file := filepath.Join(t.TempDir(), "séance.json")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := export.Write(f, export.JSON, export.English, from); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	id := in.run("meetings", "import", file, "--room", room)
	if id != string(from.Meeting) {
		t.Fatalf("imported as %q", id)
	}

	vtt := filepath.Join(t.TempDir(), "seance.vtt")
	words := strings.Replace(in.run("meetings", "export", id, "--format", "vtt"), "Bonjou ", "Bonjour ", 1)
	if err := os.WriteFile(vtt, []byte(words), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := in.run("meetings", "correct", vtt); got != "segments corrected: 1" {
		t.Errorf("said %q", got)
	}
	var now storage.Transcript
	if err := json.Unmarshal([]byte(in.run("meetings", "export", id, "--format", "json")), &now); err != nil {
		t.Fatal(err)
	}
	s := now.Segments[0]
	if s.Text != "Bonjour à tous." || s.Original == nil || s.Original.Text != "Bonjou à tous." || s.Original.By != "api-token" {
		t.Errorf("corrected segment is %+v", s)
	}
	if text := in.run("meetings", "export", id, "--format", "txt", "--lang", "fr"); !strings.Contains(text, "Ada: Bonjour à tous. [12\u00a0s de son perdues]") {
		t.Errorf("exported as %q", text)
	}
}
