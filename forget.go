package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	"github.com/alecthomas/kong"

	"souffleur/internal/meeting"
)

// forgetCmd deletes a meeting, or one person's words in it.
type forgetCmd struct {
	remoteFlags
	ID          string `arg:"" help:"Meeting ID." name:"meeting"`
	Participant string `help:"Delete only what this participant said, and their name." placeholder:"ID"`
	Reason      string `help:"Why; kept in the audit." default:"deleted on the command line"`
	Yes         bool   `help:"Delete. Without it the command only shows what it would delete." short:"y"`
}

// describedMeeting is what the API says of one meeting.
type describedMeeting struct {
	pastMeeting
	Participants []describedParticipant `json:"participants"`
}

type describedParticipant struct {
	Participant string `json:"participant"`
	Name        string `json:"name"`
	Forgotten   bool   `json:"forgotten"`
}

// Run deletes, or shows what it would delete.
func (c *forgetCmd) Run(ctx context.Context, kctx *kong.Context) error {
	if !meeting.ID(c.ID).Valid() {
		return badUsage("%q is no meeting ID: souffleur meetings list shows them", c.ID)
	}
	r, err := c.connect()
	if err != nil {
		return err
	}
	var m describedMeeting
	if err := r.call(ctx, http.MethodGet, "/meetings/"+c.ID, nil, &m); err != nil {
		return fmt.Errorf("forget %s: %w", c.ID, err)
	}
	known := slices.ContainsFunc(m.Participants, func(p describedParticipant) bool { return p.Participant == c.Participant })
	if c.Participant != "" && !known {
		m.describe(kctx.Stdout)
		return badUsage("--participant %q did not take part in this meeting", c.Participant)
	}
	if !c.Yes {
		m.describe(kctx.Stdout)
		_, err := fmt.Fprintf(kctx.Stdout, "Nothing is deleted yet: %s. It cannot be undone.\n", c.would())
		return err
	}
	path := "/meetings/" + c.ID
	if c.Participant != "" {
		path += "/people/" + c.Participant
	}
	if err := r.call(ctx, http.MethodDelete, path+"?"+query("reason", c.Reason), nil, nil); err != nil {
		return fmt.Errorf("forget %s: %w", c.ID, err)
	}
	_, err = fmt.Fprintln(kctx.Stdout, "deleted")
	return err
}

func (c *forgetCmd) would() string {
	if c.Participant == "" {
		return "with --yes the whole meeting goes; with --participant ID, what one person said"
	}
	return "with --yes everything goes that " + c.Participant + " said, and the name"
}

// describe shows a meeting and who took part.
func (m *describedMeeting) describe(out io.Writer) {
	fmt.Fprintf(out, "%s, %s, %s\n", m.RoomName, time.UnixMilli(m.BeganUnixMS).Format(time.DateTime), m.length())
	for _, p := range m.Participants {
		fmt.Fprintf(out, "  %s  %s\n", p.Participant, p.Name)
	}
}
