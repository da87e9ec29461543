package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"text/tabwriter"
	"time"

	"github.com/alecthomas/kong"

	"souffleur/internal/meeting"
)

// roomsCmd manages rooms.
type roomsCmd struct {
	Create roomsCreateCmd `cmd:"" help:"Create a room and print its join URL."`
	List   roomsListCmd   `cmd:"" help:"List all rooms."`
	Set    roomsSetCmd    `cmd:"" help:"Set the AI level, the language or the glossary of a room, also while a meeting is held in it."`
}

// room is what the API says of one.
type room struct {
	ID             string   `json:"id"`
	Name           string   `json:"name"`
	Level          string   `json:"level"`
	EffectiveLevel string   `json:"effective_level"`
	Langs          []string `json:"langs"`
	JoinURL        string   `json:"join_url"`
	Live           *struct {
		People int `json:"people"`
	} `json:"live"`
}

type roomsCreateCmd struct {
	remoteFlags
	Name string `arg:"" help:"Name of the room."`
	AI   string `help:"AI level: off, captions, transcript or minutes." name:"ai" default:"off"`
	Lang string `help:"Language spoken: en, fr, …, or auto." default:"auto"`
}

// languages is the API's form of --lang.
func languages(lang string) []string {
	if lang == "" || lang == "auto" {
		return []string{}
	}
	return []string{lang}
}

// Run creates the room.
func (c *roomsCreateCmd) Run(ctx context.Context, kctx *kong.Context) error {
	if _, err := meeting.ParseLevel(c.AI); err != nil {
		return badUsage("--ai: %w", err)
	}
	r, err := c.connect()
	if err != nil {
		return err
	}
	var made struct {
		JoinURL      string `json:"join_url"`
		OrganizerURL string `json:"organizer_url"`
	}
	err = r.call(ctx, http.MethodPost, "/rooms", map[string]any{"name": c.Name, "level": c.AI, "langs": languages(c.Lang)}, &made)
	if err != nil {
		return fmt.Errorf("create room: %w", err)
	}
	fmt.Fprintln(kctx.Stderr, "organizer link:", made.OrganizerURL)
	_, err = fmt.Fprintln(kctx.Stdout, made.JoinURL)
	return err
}

type roomsListCmd struct {
	remoteFlags
	JSON bool `help:"Print JSON." name:"json"`
}

// Run lists the rooms.
func (c *roomsListCmd) Run(ctx context.Context, kctx *kong.Context) error {
	r, err := c.connect()
	if err != nil {
		return err
	}
	rooms, err := r.rooms(ctx)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(kctx.Stdout, rooms)
	}
	w := tabwriter.NewWriter(kctx.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tAI\tPEOPLE\tURL")
	for _, room := range rooms {
		people := 0
		if room.Live != nil {
			people = room.Live.People
		}
		fmt.Fprintf(w, "%s\t%s\t%d\t%s\n", room.Name, room.EffectiveLevel, people, room.JoinURL)
	}
	return w.Flush()
}

func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

func (r *remote) rooms(ctx context.Context) ([]room, error) {
	return listed[room](ctx, r, "rooms")
}

// listed returns what T has of each entry of a list of this name, page by page.
func listed[T any](ctx context.Context, r *remote, name string) ([]T, error) {
	var all []T
	query := url.Values{"limit": {"200"}}
	for {
		var page map[string]json.RawMessage
		if err := r.call(ctx, http.MethodGet, "/"+name+"?"+query.Encode(), nil, &page); err != nil {
			return nil, fmt.Errorf("list %s: %w", name, err)
		}
		var entries []T
		var next string
		if err := errors.Join(json.Unmarshal(page[name], &entries), json.Unmarshal(page["next"], &next)); err != nil {
			return nil, fmt.Errorf("read list of %s: %w", name, err)
		}
		all = append(all, entries...)
		if next == "" {
			return all, nil
		}
		query.Set("after", next)
	}
}

type roomsSetCmd struct {
	remoteFlags
	Name     string    `arg:"" help:"Name or ID of the room."`
	AI       *string   `help:"AI level: off, captions, transcript or minutes." name:"ai"`
	Lang     *string   `help:"Language spoken: en, fr, …, or auto."`
	Glossary *[]string `help:"Names and acronyms that captions should expect, separated by commas, the most frequent first." placeholder:"TERM,…"`
}

// Run changes the room.
func (c *roomsSetCmd) Run(ctx context.Context) error {
	if c.AI == nil && c.Lang == nil && c.Glossary == nil {
		return badUsage("nothing to set: give --ai LEVEL, --lang LANGUAGE or --glossary TERMS")
	}
	if c.AI != nil {
		if _, err := meeting.ParseLevel(*c.AI); err != nil {
			return badUsage("--ai: %w", err)
		}
	}
	r, err := c.connect()
	if err != nil {
		return err
	}
	id, err := r.findRoom(ctx, c.Name)
	if err != nil {
		return err
	}
	changes := map[string]any{}
	if c.Lang != nil {
		changes["langs"] = languages(*c.Lang)
	}
	if c.Glossary != nil {
		changes["glossary"] = append([]string{}, *c.Glossary...)
	}
	if len(changes) > 0 {
		if err := r.call(ctx, http.MethodPatch, "/rooms/"+id, changes, nil); err != nil {
			return fmt.Errorf("change room: %w", err)
		}
	}
	if c.AI != nil {
		if err := r.call(ctx, http.MethodPut, "/rooms/"+id+"/ai", map[string]any{"level": *c.AI}, nil); err != nil {
			return fmt.Errorf("set AI level: %w", err)
		}
	}
	return nil
}

// findRoom returns the ID of the room with this ID or name. Two rooms of one name must be told apart by ID.
func (r *remote) findRoom(ctx context.Context, name string) (string, error) {
	rooms, err := r.rooms(ctx)
	if err != nil {
		return "", err
	}
	var found []string
	for _, room := range rooms {
		if room.ID == name {
			return name, nil
		}
		if room.Name == name {
			found = append(found, room.ID)
		}
	}
	switch len(found) {
	case 0:
		return "", fmt.Errorf("no room is named %q: souffleur rooms list shows them", name)
	case 1:
		return found[0], nil
	}
	return "", fmt.Errorf("%d rooms are named %q: give the ID, the last part of the URL in souffleur rooms list", len(found), name)
}

// meetingsCmd shows meetings.
type meetingsCmd struct {
	List    meetingsListCmd    `cmd:"" help:"List meetings, newest first."`
	Export  meetingsExportCmd  `cmd:"" help:"Print the transcript of a meeting."`
	Import  meetingsImportCmd  `cmd:"" help:"Store a transcript that was exported as JSON, by this server or another, as an ended meeting of a room."`
	Correct meetingsCorrectCmd `cmd:"" help:"Take over what was changed in an exported VTT file as corrections of the transcript."`
}

type meetingsListCmd struct {
	remoteFlags
	JSON bool `help:"Print JSON." name:"json"`
}

// pastMeeting is what the API says of one.
type pastMeeting struct {
	ID          string   `json:"id"`
	Room        string   `json:"room"`
	RoomName    string   `json:"room_name"`
	BeganUnixMS int64    `json:"began_unix_ms"`
	EndedUnixMS int64    `json:"ended_unix_ms"`
	People      []string `json:"people"`
	Final       bool     `json:"final"`
}

// Run lists the meetings.
func (c *meetingsListCmd) Run(ctx context.Context, kctx *kong.Context) error {
	r, err := c.connect()
	if err != nil {
		return err
	}
	meetings, err := listed[pastMeeting](ctx, r, "meetings")
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(kctx.Stdout, meetings)
	}
	w := tabwriter.NewWriter(kctx.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tROOM\tBEGAN\tLENGTH\tPEOPLE\tTRANSCRIPT")
	for _, m := range meetings {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%s\n", m.ID, m.RoomName, time.UnixMilli(m.BeganUnixMS).Format(time.DateTime),
			m.length(), len(m.People), m.transcript())
	}
	return w.Flush()
}

func (m pastMeeting) length() string {
	if m.EndedUnixMS == 0 {
		return "going on"
	}
	return (time.Duration(m.EndedUnixMS-m.BeganUnixMS) * time.Millisecond).Round(time.Second).String()
}

func (m pastMeeting) transcript() string {
	if m.Final {
		return "final"
	}
	return "in the making"
}

type meetingsExportCmd struct {
	remoteFlags
	ID     string `arg:"" help:"Meeting ID."`
	Format string `help:"vtt, srt, txt, md, docx, json, or rttm: who speaks when." default:"txt" enum:"vtt,srt,txt,md,docx,json,rttm"`
	Lang   string `help:"Language of what nobody in the meeting said, such as that sound was lost." default:"en" enum:"en,fr"`
	Reason string `help:"Why an admin reads a transcript; kept in the audit." default:"exported on the command line"`
	Out    string `help:"File to write; - is standard output." short:"o" default:"-" placeholder:"FILE"`
}

// Run writes the transcript.
func (c *meetingsExportCmd) Run(ctx context.Context, kctx *kong.Context) (err error) {
	if !meeting.ID(c.ID).Valid() {
		return badUsage("%q is no meeting ID: souffleur meetings list shows them", c.ID)
	}
	r, err := c.connect()
	if err != nil {
		return err
	}
	body, err := r.raw(ctx, http.MethodGet, "/meetings/"+c.ID+"/export?"+query("format", c.Format, "lang", c.Lang, "reason", c.Reason), nil)
	if err != nil {
		return fmt.Errorf("export %s: %w", c.ID, err)
	}
	defer body.Close()
	out, done, err := create(c.Out, kctx.Stdout)
	if err != nil {
		return err
	}
	defer func() { err = firstError(err, done()) }()
	if _, err := io.Copy(out, body); err != nil {
		return fmt.Errorf("write transcript: %w", err)
	}
	return nil
}

// create opens a file for writing; "-" is standard output.
func create(path string, stdout io.Writer) (io.Writer, func() error, error) {
	if path == "-" {
		return stdout, func() error { return nil }, nil
	}
	f, err := os.Create(path)
	if err != nil {
		return nil, nil, badUsage("cannot write %s: %w", path, err)
	}
	return f, f.Close, nil
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
