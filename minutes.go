package main

import (
	"context"
	"errors"
	"log/slog"
	"strings"

	"souffleur/internal/mail"
	"souffleur/storage"
	"souffleur/summarize"
	"souffleur/summarize/extract"
	"souffleur/summarize/minutes"
)

// minutesFlags are of the worker that writes minutes.
type minutesFlags struct {
	MinutesDetail string `help:"How much minutes say where nobody chose: brief, normal or full." env:"SOUFFLEUR_MINUTES_DETAIL" default:"normal" placeholder:"DETAIL"`

	SMTPServer   string `help:"Mail server: organizers are told when minutes are ready, without anything of the meeting." env:"SOUFFLEUR_SMTP" name:"smtp" placeholder:"HOST:PORT"`
	SMTPSecurity string `help:"How the way to the mail server is protected: starttls, tls, or none without a password." env:"SOUFFLEUR_SMTP_SECURITY" name:"smtp-security" default:"starttls" placeholder:"WORD"`
	SMTPUser     string `help:"User at the mail server." env:"SOUFFLEUR_SMTP_USER" name:"smtp-user" placeholder:"NAME"`
	SMTPPassword string `help:"Password at the mail server." env:"SOUFFLEUR_SMTP_PASSWORD" name:"smtp-password" placeholder:"SECRET" secret:""`
	SMTPFrom     string `help:"Sender of letters." env:"SOUFFLEUR_SMTP_FROM" name:"smtp-from" placeholder:"ADDRESS"`
	SMTPCAFile   string `help:"Certificates of the mail server to trust beside the system's." env:"SOUFFLEUR_SMTP_CA_FILE" name:"smtp-ca-file" type:"existingfile" placeholder:"FILE"`
}

// summarizer returns the worker that writes minutes. url is where people find the web pages; "" if it is not known.
func (f minutesFlags) summarizer(sys *system, url string, log *slog.Logger) (*summarize.Worker, error) {
	config := summarize.DefaultConfig()
	config.Detail = minutes.Detail(f.MinutesDetail)
	if err := config.Validate(); err != nil {
		return nil, badUsage("--minutes-detail: %w", err)
	}
	post, err := f.post(sys, url)
	if err != nil {
		return nil, err
	}
	meetings := storage.NewMeetings(sys.store, sys.keys)
	transcripts := storage.NewTranscripts(sys.store, sys.keys, meetings)
	return summarize.NewWorker(config, summarize.Deps{
		Bus: sys.bus, Keys: sys.keys, Meetings: meetings, Transcripts: transcripts, Minutes: storage.NewMinutes(sys.store, sys.keys, transcripts),
		Summarizers: storage.NewSummarizers(sys.store, sys.keys), Webhooks: storage.NewWebhooks(sys.store, sys.keys),
		Extractive: extract.New(), Post: post, Log: log,
	})
}

// post returns what writes to organizers; nil without a mail server.
func (f minutesFlags) post(sys *system, url string) (summarize.Post, error) {
	if f.SMTPServer == "" {
		return nil, nil
	}
	if url == "" {
		return nil, badUsage("--smtp: letters need links, so --public-url must be set")
	}
	sender, err := mail.New(mail.Config{
		Server: f.SMTPServer, Security: mail.Security(f.SMTPSecurity), User: f.SMTPUser, Password: f.SMTPPassword, From: f.SMTPFrom, CAFile: f.SMTPCAFile,
	})
	if err != nil {
		return nil, badUsage("--smtp: %w", err)
	}
	return summarize.Letters{
		Rooms: storage.NewRooms(sys.store, sys.keys), People: storage.NewPeople(sys.store, sys.keys), Sender: sender, URL: strings.TrimSuffix(url, "/"),
	}, nil
}

// summarizeCmd is the writing of minutes alone.
type summarizeCmd struct {
	busFlags
	storageFlags
	keyFlags
	minutesFlags
	PublicURL string `help:"Address of the web pages, for links in letters." env:"SOUFFLEUR_PUBLIC_URL" placeholder:"URL"`
}

// Run writes minutes until ctx ends.
func (c *summarizeCmd) Run(ctx context.Context, log *slog.Logger) error {
	source, err := c.source("")
	if err != nil {
		return err
	}
	sys, err := openSystem(ctx, c.busFlags, c.storageFlags, source, log)
	if err != nil {
		return err
	}
	worker, err := c.summarizer(sys, c.PublicURL, log)
	if err != nil {
		return errors.Join(err, sys.bus.Close())
	}
	return errors.Join(ignoreCancel(worker.Run(ctx)), sys.bus.Close())
}
