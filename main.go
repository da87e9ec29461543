// Command souffleur is a self-hosted meeting system with live captions. `souffleur serve` is the whole system on one
// machine; other commands run one of its parts elsewhere, manage rooms and models, or take part in a meeting as a
// script. Start reading at cli, then serve.go, which wires the parts together.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

// version is set by the linker.
var version = "dev"

// cli is the command line. Every flag can also stand in the environment (the name is in its help) or in the file given
// with --config; the command line wins, then the environment, then the file.
type cli struct {
	Config  kong.ConfigFlag  `help:"Read settings from a JSON file: flag names without dashes in front, as keys." env:"SOUFFLEUR_CONFIG" placeholder:"FILE"`
	Verbose bool             `help:"Log more." short:"v" env:"SOUFFLEUR_VERBOSE"`
	Version kong.VersionFlag `help:"Print the version and exit."`

	Serve serveCmd `cmd:"" help:"Run everything on this machine."`

	Node      nodeCmd      `cmd:"" group:"roles" help:"Run rooms, web pages and bots only; needs Kafka, S3 and recognisers elsewhere."`
	ASR       asrCmd       `cmd:"" name:"asr" group:"roles" help:"Run speech recognition only."`
	Archive   archiveCmd   `cmd:"" group:"roles" help:"Run the archiver only: transcripts to S3."`
	Diarize   diarizeCmd   `cmd:"" group:"roles" help:"Tell voices at shared microphones apart; run that only."`
	Summarize summarizeCmd `cmd:"" group:"roles" help:"Run the minutes writer only."`

	Rooms      roomsCmd      `cmd:"" group:"manage" help:"Create, list and set rooms of a running server."`
	Meetings   meetingsCmd   `cmd:"" group:"manage" help:"List meetings and export transcripts of a running server."`
	Index      indexCmd      `cmd:"" group:"manage" help:"Make the search index anew."`
	Forget     forgetCmd     `cmd:"" group:"manage" help:"Delete a meeting, or what one person said in it, on a running server."`
	Keys       keysCmd       `cmd:"" group:"manage" help:"Show and replace the master key."`
	Join       joinCmd       `cmd:"" group:"manage" help:"Take part in a meeting as a script: send a recording, write down captions."`
	Transcribe transcribeCmd `cmd:"" group:"manage" help:"Transcribe recordings; no server needed."`
	Models     modelsCmd     `cmd:"" group:"manage" help:"List, fetch, verify and import speech models."`
	Doctor     doctorCmd     `cmd:"" group:"manage" help:"Check this machine and installation, and say what is wrong."`
	Backup     backupCmd     `cmd:"" group:"manage" help:"Copy all that is stored into a folder, also while the server runs."`
	Restore    restoreCmd    `cmd:"" group:"manage" help:"Write a backup into an empty installation, and check that every meeting opens."`
	Settings   configCmd     `cmd:"" name:"config" group:"manage" help:"Show the effective settings."`
}

// usageError is a mistake in flags, variables or files: exit status 2.
type usageError struct{ err error }

func (e usageError) Error() string { return e.err.Error() }
func (e usageError) Unwrap() error { return e.err }

// badUsage reports a mistake of the caller.
func badUsage(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// exitStatus is an error that only carries the status a process should end with.
type exitStatus struct {
	error
	status int
}

// Exit statuses beside 0 and 1.
const (
	exitUsage        = 2 // a wrong flag, variable or file
	exitNoModel      = 3 // a recogniser without a model; serve shows it in the rooms
	exitBadRecording = 4 // transcribe, supervised: the recording cannot be read
)

func main() { os.Exit(run(os.Args[1:])) }

func run(args []string) int {
	var c cli
	parser, err := kong.New(&c,
		kong.Name("souffleur"),
		kong.Description("A self-hosted meeting system with live captions. Nothing that is said leaves your machines."),
		kong.Vars{"version": version, "models": defaultModelsDir()},
		kong.Configuration(loadSettings),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.ExplicitGroups([]kong.Group{
			{Key: "roles", Title: "One role on this machine:"}, {Key: "manage", Title: "Rooms, recordings, models:"},
		}),
	)
	if err != nil {
		fmt.Fprintln(os.Stderr, "souffleur:", err)
		return 1
	}
	parsed, err := parser.Parse(args)
	if err != nil {
		fmt.Fprintln(os.Stderr, "souffleur:", err)
		return exitUsage
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	parsed.BindTo(ctx, (*context.Context)(nil))
	parsed.Bind(newLog(os.Stderr, c.Verbose), &c)
	return status(parsed.Run())
}

// status prints an error and returns the exit status it means.
func status(err error) int {
	var usage usageError
	var exit exitStatus
	switch {
	case err == nil || errors.Is(err, context.Canceled):
		return 0
	case errors.As(err, &usage):
		fmt.Fprintln(os.Stderr, "souffleur:", err)
		return exitUsage
	case errors.As(err, &exit):
		fmt.Fprintln(os.Stderr, "souffleur:", err)
		return exit.status
	}
	fmt.Fprintln(os.Stderr, "souffleur:", err)
	return 1
}

func newLog(w io.Writer, verbose bool) *slog.Logger {
	level := slog.LevelInfo
	if verbose {
		level = slog.LevelDebug
	}
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: level}))
}
