package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"

	"github.com/alecthomas/kong"

	"souffleur/internal/meeting"
	"souffleur/storage"
	"souffleur/storage/export"
)

type meetingsImportCmd struct {
	remoteFlags
	File string `arg:"" help:"Transcript exported as JSON; - is standard input." type:"path"`
	Room string `help:"Name or ID of the room." required:""`
}

// Run sends the file and prints the meeting's ID. What is wrong with a file is told before anything is sent.
func (c *meetingsImportCmd) Run(ctx context.Context, kctx *kong.Context) error {
	t, err := readFile(c.File, export.ReadJSON)
	if err != nil {
		return err
	}
	r, err := c.connect()
	if err != nil {
		return err
	}
	room, err := r.findRoom(ctx, c.Room)
	if err != nil {
		return err
	}
	var made pastMeeting
	if err := r.call(ctx, http.MethodPost, "/rooms/"+room+"/meetings", t, &made); err != nil {
		return fmt.Errorf("import %s: %w", c.File, err)
	}
	_, err = fmt.Fprintln(kctx.Stdout, made.ID)
	return err
}

// readFile reads a file that a user named.
func readFile[T any](path string, read func(io.Reader) (T, error)) (T, error) {
	var nothing T
	if path == "-" {
		return read(os.Stdin)
	}
	f, err := os.Open(path)
	if err != nil {
		return nothing, badUsage("cannot read %s: %w", path, err)
	}
	defer f.Close()
	v, err := read(f)
	if err != nil {
		return nothing, fmt.Errorf("%s: %w", path, err)
	}
	return v, nil
}

type meetingsCorrectCmd struct {
	remoteFlags
	File   string `arg:"" help:"VTT file that meetings export wrote, with words changed; - is standard input." type:"path"`
	ID     string `help:"Meeting ID, if the file does not say." name:"meeting" placeholder:"ID"`
	Force  bool   `help:"Also if the transcript was changed since the file was exported, or the file does not say. Other corrections of the same segments are lost."`
	Reason string `help:"Why an admin corrects a transcript; kept in the audit." default:"corrected on the command line"`
}

// Run finds out what was changed in the file and sends that. All is done or nothing.
func (c *meetingsCorrectCmd) Run(ctx context.Context, kctx *kong.Context) error {
	file, err := readFile(c.File, export.ReadVTT)
	if errors.Is(err, export.ErrUnnamedCues) {
		return fmt.Errorf("%w: export the transcript as vtt, and use a program that keeps the names of cues", err)
	}
	if err != nil {
		return err
	}
	id, err := c.meeting(file)
	if err != nil {
		return err
	}
	r, err := c.connect()
	if err != nil {
		return err
	}
	now, etag, err := r.transcript(ctx, id, c.Reason)
	if err != nil {
		return fmt.Errorf("read transcript of %s: %w", id, err)
	}
	if !c.Force && etag != `"`+file.Version+`"` {
		return fmt.Errorf("the transcript was changed since %s was exported: export it again, or say --force", c.File)
	}
	texts, err := file.Corrections(now)
	if err != nil {
		return fmt.Errorf("%s: %w", c.File, err)
	}
	if len(texts) > 0 {
		if err := r.correct(ctx, id, etag, c.Reason, texts); err != nil {
			return fmt.Errorf("correct %s: %w", id, err)
		}
	}
	_, err = fmt.Fprintln(kctx.Stdout, "segments corrected:", len(texts))
	return err
}

// meeting returns which meeting is meant.
func (c *meetingsCorrectCmd) meeting(file *export.Subtitles) (meeting.ID, error) {
	id := meeting.ID(c.ID)
	switch {
	case id == "" && file.Meeting == "":
		return "", badUsage("%s does not say which meeting it is of: give --meeting ID, and --force", c.File)
	case id == "":
		return file.Meeting, nil
	case file.Meeting != "" && id != file.Meeting:
		return "", badUsage("%s is of meeting %s", c.File, file.Meeting)
	case !id.Valid():
		return "", badUsage("%q is no meeting ID: souffleur meetings list shows them", c.ID)
	}
	return id, nil
}

// transcript returns the words of a meeting as they are now, and the ETag of this version.
func (r *remote) transcript(ctx context.Context, id meeting.ID, reason string) (*storage.Transcript, string, error) {
	// The export has the same version as the transcript that is edited, and all that is needed to compare.
	body, err := r.raw(ctx, http.MethodGet, "/meetings/"+string(id)+"/export?"+query("format", "json", "reason", reason), nil)
	if err != nil {
		return nil, "", err
	}
	defer body.Close()
	t := new(storage.Transcript)
	if err := json.NewDecoder(io.LimitReader(body, maxAnswer)).Decode(t); err != nil {
		return nil, "", fmt.Errorf("read the server's answer: %w", err)
	}
	return t, `"` + t.Version() + `"`, nil
}

// correct sends corrections of the version with this ETag.
func (r *remote) correct(ctx context.Context, id meeting.ID, etag, reason string, texts map[meeting.SegmentID]string) error {
	type edit struct {
		Seg  meeting.SegmentID `json:"seg"`
		Text string            `json:"text"`
	}
	var body struct {
		Segments []edit `json:"segments"`
	}
	for seg, text := range texts {
		body.Segments = append(body.Segments, edit{seg, text})
	}
	return r.call(ctx, http.MethodPatch, "/meetings/"+string(id)+"/transcript?"+query("reason", reason), body, nil, "If-Match", etag)
}
