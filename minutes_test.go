package main

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"souffleur/internal/meeting"
	"souffleur/summarize/endpoint/endpointtest"
	"souffleur/summarize/minutes"
)

// silence keeps nothing.
type silence struct{}

func (silence) Load(context.Context, string) ([]byte, error) { return nil, nil }
func (silence) Save(context.Context, string, []byte) error   { return nil }

func TestALanguageModelIsAskedAsTheFlagsSay(t *testing.T) {
	busy := func(endpointtest.Request) endpointtest.Reply {
		return endpointtest.Reply{Status: http.StatusUnauthorized}
	}
	server := endpointtest.New(t, busy)
	f := minutesFlags{MinutesURL: server.URL, MinutesModel: "dull-1b", MinutesContext: 4096}
	model, err := f.languageModel()
	if err != nil {
		t.Fatal(err)
	}
	if about := model.About(); about.Model != "dull-1b" || !strings.Contains(server.URL, about.Host) || about.Name != minutes.Endpoint {
		t.Errorf("it is said to be %+v", about)
	}
	if fault := model.Check(t.Context()); fault != "" {
		t.Errorf("it is said not to work: %s", fault)
	}
	writer, err := model.Writer(silence{})
	if err != nil {
		t.Fatal(err)
	}
	job := &minutes.Job{Meeting: "m", Transcript: "1.0", Detail: minutes.Normal}
	for i := range 40 {
		job.Segments = append(job.Segments, meeting.Segment{Caption: meeting.Caption{
			Seg: meeting.NewSegmentID("m", "t", 0, uint64(i)), Spk: "p1", T0: int64(i) * 4000, T1: int64(i)*4000 + 3000, Lang: "en",
			Text: "We have to decide which of the two printers prints the plan of the new hall.", Final: true,
		}, Level: meeting.Minutes})
	}
	_, err = writer.Write(t.Context(), job, func(int, int) {})
	if code := model.Failure(err); err == nil || code != minutes.EndpointRefused || len(server.Asked()) == 0 {
		t.Errorf("a wrong key is %q, %v", code, err)
	}
}

func TestWrongSettingsOfMinutesAreNamed(t *testing.T) {
	for flag, f := range map[string]minutesFlags{
		"--minutes-url":    {MinutesURL: "http://localhost:11434", MinutesModel: "m", MinutesDetail: "normal"},
		"--minutes-model":  {MinutesURL: "http://localhost:11434/v1", MinutesDetail: "normal"},
		"--minutes-detail": {MinutesDetail: "endless"},
		"--smtp":           {SMTPServer: "nowhere", SMTPSecurity: "starttls", MinutesDetail: "normal"},
		"--public-url":     {SMTPServer: "smtp.example.org:587", MinutesDetail: "normal"},
	} {
		url := "https://meet.example.org"
		if flag == "--public-url" {
			url = ""
		}
		_, err := f.summarizer(&system{}, url, nil)
		var usage usageError
		if !errors.As(err, &usage) || !strings.Contains(err.Error(), flag) {
			t.Errorf("%s: %v", flag, err)
		}
	}
}
