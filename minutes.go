package main

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"time"

	"souffleur/internal/mail"
	"souffleur/storage"
	"souffleur/summarize"
	"souffleur/summarize/endpoint"
	"souffleur/summarize/extract"
	"souffleur/summarize/minutes"
)

// minutesFlags are of the worker that writes minutes.
type minutesFlags struct {
	MinutesDetail string `help:"How much minutes say where nobody chose: brief, normal or full." env:"SOUFFLEUR_MINUTES_DETAIL" default:"normal" placeholder:"DETAIL"`

	MinutesURL       string        `help:"OpenAI-compatible server whose language model writes minutes, up to and with /v1. Transcripts go there: use https beyond your own network. Without it rules choose excerpts, and nothing leaves the machine." env:"SOUFFLEUR_MINUTES_URL" name:"minutes-url" placeholder:"URL"`
	MinutesKey       string        `help:"API key of that server." env:"SOUFFLEUR_MINUTES_KEY" placeholder:"SECRET" secret:""`
	MinutesModel     string        `help:"Name of the language model there." env:"SOUFFLEUR_MINUTES_MODEL" placeholder:"NAME"`
	MinutesContext   int           `help:"Tokens that the server takes at once, prompt and answer together." env:"SOUFFLEUR_MINUTES_CONTEXT" default:"8192"`
	MinutesMaxOutput int           `help:"Longest answer, in tokens; 0: a quarter of the context, at most 2000." env:"SOUFFLEUR_MINUTES_MAX_OUTPUT" default:"0"`
	MinutesTimeout   time.Duration `help:"Longest wait for one answer." env:"SOUFFLEUR_MINUTES_TIMEOUT" default:"10m"`
	MinutesParallel  int           `help:"Requests at once, 1 or 2." env:"SOUFFLEUR_MINUTES_PARALLEL" default:"1"`
	MinutesExtra     string        `help:"JSON object whose fields are added to each request." env:"SOUFFLEUR_MINUTES_EXTRA" placeholder:"JSON"`
	MinutesCAFile    string        `help:"Certificates of that server to trust beside the system's." env:"SOUFFLEUR_MINUTES_CA_FILE" name:"minutes-ca-file" type:"existingfile" placeholder:"FILE"`

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
	model, err := f.languageModel()
	if err != nil {
		return nil, err
	}
	meetings := storage.NewMeetings(sys.store, sys.keys)
	transcripts := storage.NewTranscripts(sys.store, sys.keys, meetings)
	return summarize.NewWorker(config, summarize.Deps{
		Bus: sys.bus, Keys: sys.keys, Meetings: meetings, Transcripts: transcripts, Minutes: storage.NewMinutes(sys.store, sys.keys, transcripts),
		Summarizers: storage.NewSummarizers(sys.store, sys.keys), Webhooks: storage.NewWebhooks(sys.store, sys.keys),
		Extractive: extract.New(), Endpoint: model, Post: post, Log: log,
	})
}

// languageModel returns the endpoint that writes minutes; nil without one.
func (f minutesFlags) languageModel() (summarize.Endpoint, error) {
	if f.MinutesURL == "" {
		return nil, nil
	}
	config := endpoint.Config{
		BaseURL: f.MinutesURL, APIKey: f.MinutesKey, Model: f.MinutesModel, ContextTokens: f.MinutesContext, MaxOutput: f.MinutesMaxOutput,
		Timeout: f.MinutesTimeout, Parallel: f.MinutesParallel, Extra: json.RawMessage(f.MinutesExtra), CAFile: f.MinutesCAFile,
	}
	writer, err := endpoint.New(config)
	if err != nil {
		return nil, badUsage("--minutes-url, --minutes-model, …: %w", err)
	}
	return languageModel{config, writer}, nil
}

// languageModel is a language model behind an OpenAI-compatible API.
type languageModel struct {
	config endpoint.Config
	writer *endpoint.Writer
}

// Writer implements [summarize.Endpoint].
func (m languageModel) Writer(kept summarize.Kept) (minutes.Writer, error) {
	return m.writer.Keeping(kept), nil
}

// About implements [summarize.Endpoint].
func (m languageModel) About() minutes.Engine { return m.writer.About() }

// Check implements [summarize.Endpoint].
func (m languageModel) Check(ctx context.Context) minutes.Warning {
	if _, err := endpoint.Check(ctx, m.config); err != nil {
		return endpoint.Code(err)
	}
	return ""
}

// Failure implements [summarize.Endpoint].
func (languageModel) Failure(err error) minutes.Warning { return endpoint.Code(err) }

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
	roleFlags
	minutesFlags
	PublicURL string `help:"Address of the web pages, for links in letters." env:"SOUFFLEUR_PUBLIC_URL" placeholder:"URL"`
}

// Run writes minutes until ctx ends.
func (c *summarizeCmd) Run(ctx context.Context, log *slog.Logger) error {
	sys, err := c.join(ctx, log)
	if err != nil {
		return err
	}
	worker, err := c.summarizer(sys, c.PublicURL, log)
	if err != nil {
		return errors.Join(err, sys.bus.Close())
	}
	return errors.Join(ignoreCancel(worker.Run(ctx)), sys.bus.Close())
}
