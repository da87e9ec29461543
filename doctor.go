package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"time"

	"github.com/alecthomas/kong"

	"souffleur/asr"
	asrremote "souffleur/asr/remote"
	"souffleur/internal/bus"
	"souffleur/internal/disk"
	"souffleur/internal/models"
	"souffleur/storage"
)

// doctorCmd checks this machine and installation.
type doctorCmd struct {
	systemFlags
	Lang []string `help:"Languages spoken in the rooms, for the choice of a speech model; default: those that the rooms of the running server have set." placeholder:"LANG,…"`
}

// finding is the result of one check.
type finding struct {
	what   string
	err    error
	remedy string
	note   bool // err is no fault, or cannot be told apart from one here
}

// Run checks everything and fails if something needs mending.
func (c *doctorCmd) Run(ctx context.Context, kctx *kong.Context, log *slog.Logger) error {
	findings := []finding{c.dataDir(), c.diskSpace(), c.webPort()}
	findings = append(findings, c.network(ctx)...)
	findings = append(findings, c.signIn(ctx)...)
	findings = append(findings, c.models(log)...)
	if c.DiarizeModels != "" {
		findings = append(findings, c.ownVoiceModels(ctx, log))
	}
	if c.ASRURL != "" {
		findings = append(findings, c.speechService(ctx))
	}
	findings = append(findings, c.kafka(ctx), c.s3(ctx))
	langs := c.Lang
	if len(langs) == 0 {
		langs = spokenInRooms(ctx, c.Data)
	}
	machine := thisMachine(langs)
	fmt.Fprintln(kctx.Stdout, describe(machine))
	err := report(kctx.Stdout, findings)
	advice := models.Advise(machine)
	fmt.Fprintf(kctx.Stdout, "  model  recommended: %s for captions while people speak, %s for the lasting text. %s\n", advice.Partials, advice.Finals, advice.Why)
	return err
}

func report(w io.Writer, findings []finding) error {
	wrong := 0
	for _, f := range findings {
		if f.err == nil {
			fmt.Fprintf(w, "  ok     %s\n", f.what)
			continue
		}
		if f.note {
			fmt.Fprintf(w, "  note   %s: %v\n         %s\n", f.what, f.err, f.remedy)
			continue
		}
		wrong++
		fmt.Fprintf(w, "  wrong  %s: %v\n         %s\n", f.what, f.err, f.remedy)
	}
	if wrong > 0 {
		return fmt.Errorf("%d of %d checks need attention", wrong, len(findings))
	}
	return nil
}

func (c *doctorCmd) dataDir() finding {
	f := finding{what: "data folder " + c.Data, remedy: "Give a folder that this user may write to with --data."}
	if f.err = os.MkdirAll(c.Data, 0o700); f.err != nil {
		return f
	}
	probe, err := os.CreateTemp(c.Data, "doctor-*")
	if f.err = err; err == nil {
		probe.Close()
		f.err = os.Remove(probe.Name())
	}
	return f
}

// diskSpace warns well before the disk is full.
func (c *doctorCmd) diskSpace() finding {
	f := finding{what: "disk of the data folder", remedy: "Free some space, or move the data folder to a larger disk: docs/backup.md says how."}
	space, err := disk.Look(c.Data)
	if err != nil {
		f.err = err
		return f
	}
	switch f.what += ", " + space.String(); space.State() {
	case disk.Low:
		f.err = errors.New("nearly full; once it is full, captions pause and what is said is not kept")
	case disk.Full:
		f.err = errors.New("full; captions pause, what is said is not kept, and no new meeting can begin")
	}
	return f
}

func (c *doctorCmd) webPort() finding {
	f := finding{what: "web address " + c.Listen, remedy: "If this is not the running souffleur, choose another address with --listen."}
	l, err := net.Listen("tcp", c.Listen)
	if f.err = err; err == nil {
		l.Close()
	}
	return f
}

func (c *doctorCmd) models(log *slog.Logger) []finding {
	store := models.NewStore(c.Models, log)
	names := []string{c.Model, vadModel}
	if c.ASRURL != "" {
		names = names[1:] // the service has the other
	}
	var out []finding
	for _, name := range names {
		out = append(out, finding{
			what: "speech model " + name, err: store.Verify(name), remedy: "Fetch it with: souffleur models pull " + name,
		})
	}
	for _, name := range voiceModels() {
		out = append(out, finding{
			what: "model " + name + ", which tells voices at shared microphones apart", err: store.Verify(name), note: true,
			remedy: "Without it each participant is one speaker. Fetch it with: souffleur models pull " + name,
		})
	}
	return out
}

// speechService lets the transcription service hear a second of silence.
func (c *doctorCmd) speechService(ctx context.Context) finding {
	f := finding{what: "transcription service " + c.ASRURL, remedy: "Check SOUFFLEUR_ASR_URL, SOUFFLEUR_ASR_TOKEN and SOUFFLEUR_ASR_MODEL."}
	ctx, cancel := context.WithTimeout(ctx, doctorWait)
	defer cancel()
	s, err := asrremote.Open(c.service())
	if err != nil {
		f.err = err
		return f
	}
	rec := s.NewRecognizer()
	_, err = rec.Recognize(ctx, asr.Request{PCM: make([]float32, asr.SampleRate), Lang: "en", Partial: true})
	f.err = errors.Join(err, rec.Close(), s.Close())
	return f
}

// doctorWait bounds each question to a server.
const doctorWait = 10 * time.Second

func (c *doctorCmd) kafka(ctx context.Context) finding {
	if len(c.KafkaBrokers) == 0 {
		return finding{what: "Kafka: the embedded broker will be used"}
	}
	ctx, cancel := context.WithTimeout(ctx, doctorWait)
	defer cancel()
	f := finding{what: "Kafka", remedy: "Check KAFKA_BROKERS and the KAFKA_… settings."}
	b, err := bus.Open(ctx, c.busFlags.config(), slog.New(slog.DiscardHandler))
	if f.err = err; err == nil {
		f.err = b.Close()
	}
	return f
}

func (c *doctorCmd) s3(ctx context.Context) finding {
	if c.S3Endpoint == "" {
		return finding{what: "S3: the embedded store will be used"}
	}
	ctx, cancel := context.WithTimeout(ctx, doctorWait)
	defer cancel()
	f := finding{what: "S3", remedy: "Check S3_ENDPOINT and the S3_… settings."}
	s, err := storage.Open(ctx, c.storageFlags.config(), slog.New(slog.DiscardHandler))
	if f.err = err; err == nil {
		s.Close()
	}
	return f
}
