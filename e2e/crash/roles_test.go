package crash

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"souffleur/asr"
	"souffleur/asr/asrtest"
	"souffleur/internal/bus"
	"souffleur/internal/embed"
	"souffleur/internal/seal"
	"souffleur/storage"
)

// roleVariable makes the test binary a process of the installation instead of running tests.
const roleVariable = "SOUFFLEUR_TEST_CRASH_ROLE"

// role is what a process does and what it needs to know.
type role struct {
	Name    string // "servers", "recogniser" or "archiver"
	Dir     string
	Bus     bus.Config
	Storage storage.Config
	Master  []byte
	Accents bool
}

// play does what a role says until standard input ends, which it does when the test process ends.
func play(text string) error {
	var r role
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	go func() {
		io.Copy(io.Discard, os.Stdin)
		stop()
	}()
	log := slog.New(slog.NewTextHandler(os.Stderr, nil)) // a file, see process
	if r.Name == "servers" {
		return r.serve(ctx, log)
	}
	b, err := bus.Open(ctx, r.Bus, log)
	if err != nil {
		return err
	}
	store, err := storage.Open(ctx, r.Storage, log)
	if err != nil {
		return err
	}
	master, err := seal.NewMaster(r.Master)
	if err != nil {
		return err
	}
	keys := storage.NewKeyring(store, master)
	if r.Name == "archiver" {
		a, err := storage.NewArchiver(b, store, keys, storage.DefaultArchiverConfig(), log)
		if err != nil {
			return err
		}
		return errors.Join(a.Run(ctx), b.Close())
	}
	w, err := asr.NewWorker(asr.WorkerConfig{
		Bus: b, Keys: keys, KeyGone: func(err error) bool { return errors.Is(err, storage.ErrNoKey) },
		Engines:     []asr.Engine{{Name: "drum", New: func() (asr.Recognizer, error) { return r.listener(), nil }}},
		NewDetector: func() (asr.VoiceDetector, error) { return &asrtest.Loudness{}, nil },
		Workers:     recognisers, Log: log,
	})
	if err != nil {
		return err
	}
	err = w.Run(ctx)
	log.Info("recognition ended", "counts", w.Counts())
	return errors.Join(err, b.Close())
}

// addresses is what the embedded servers tell of themselves.
type addresses struct{ Kafka, S3, AccessKey, SecretKey string }

// serve runs the embedded broker and the embedded store, as `souffleur serve` does.
func (r role) serve(ctx context.Context, log *slog.Logger) error {
	broker, err := embed.StartBroker(ctx, embed.BrokerConfig{Dir: filepath.Join(r.Dir, "kafka")}, log)
	if err != nil {
		return err
	}
	s3, err := embed.StartS3(ctx, embed.S3Config{Dir: filepath.Join(r.Dir, "s3")}, log)
	if err != nil {
		return errors.Join(err, broker.Close())
	}
	if err := json.NewEncoder(os.Stdout).Encode(addresses{broker.Addr(), s3.Endpoint(), s3.AccessKey(), s3.SecretKey()}); err != nil {
		return err
	}
	<-ctx.Done()
	return errors.Join(s3.Close(), broker.Close())
}

// recognisers is how many utterances a process hears at once. They wait more than they work, so it is far more than cores: one
// process alone must keep up with everybody.
const recognisers = 10

// listener recognises drummed speech. With an accent, what two processes recognise becomes two texts, as it may with a real engine.
type listener struct{ accent string }

func (r role) listener() *listener {
	if !r.Accents {
		return &listener{}
	}
	return &listener{accent: fmt.Sprintf("-%d", os.Getpid())}
}

// Recognize implements asr.Recognizer.
func (l *listener) Recognize(ctx context.Context, req asr.Request) (asr.Result, error) {
	select {
	case <-time.After(asrtest.BaseCosts.Of(len(req.PCM), req.Partial)):
	case <-ctx.Done():
		return asr.Result{}, ctx.Err()
	}
	r := asr.Result{Lang: "en", LogProb: -0.2}
	for _, w := range asrtest.Hear(req.PCM) {
		r.Words = append(r.Words, asr.RecognizedWord{Text: w.Text + l.accent, Start: w.From, End: w.To, P: 0.9})
	}
	return r, nil
}

// Name implements asr.Recognizer.
func (*listener) Name() string { return "drum" }

// Close implements asr.Recognizer.
func (*listener) Close() error { return nil }
