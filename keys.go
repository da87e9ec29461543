package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/alecthomas/kong"

	"souffleur/internal/seal"
	"souffleur/storage"
)

// keysCmd shows and replaces the master key; docs/keys.md has the steps.
type keysCmd struct {
	Status keysStatusCmd `cmd:"" help:"Say how many keys each master key wraps."`
	New    keysNewCmd    `cmd:"" help:"Put a fresh master key in front of those in the master key file; - prints one."`
	Rotate keysRotateCmd `cmd:"" help:"Wrap all keys with the first master key, while servers run or not. It may be stopped and begun again."`
	Retire keysRetireCmd `cmd:"" help:"Take the former master keys out of the master key file, if nothing needs them any more."`
}

// keyStoreFlags say where the keys are and what opens them.
type keyStoreFlags struct {
	dataFlags
	storageFlags
	keyFlags
}

// keyStore is the keys of an installation, whether it runs or not.
type keyStore struct {
	keys    *storage.Keyring
	master  *seal.Master
	source  seal.Source
	closers closeStack
}

// open reads the master key and opens the object store, also that of a running server.
func (f keyStoreFlags) open(ctx context.Context, log *slog.Logger) (*keyStore, error) {
	source, err := f.source(f.Data)
	if err != nil {
		return nil, err
	}
	source.Create = false
	k := &keyStore{source: source}
	if k.master, err = source.Master(ctx); err != nil {
		return nil, usageError{err}
	}
	store, err := openStore(ctx, f.Data, f.storageFlags, storeFound, &k.closers, log)
	if err != nil {
		k.closers.close(log)
		return nil, err
	}
	k.keys = storage.NewKeyring(store, k.master)
	return k, nil
}

type keysStatusCmd struct{ keyStoreFlags }

// Run prints a line for each master key that is there, or that a key needs.
func (c *keysStatusCmd) Run(ctx context.Context, kctx *kong.Context, log *slog.Logger) error {
	k, err := c.open(ctx, log)
	if err != nil {
		return err
	}
	defer k.closers.close(log)
	use, err := k.keys.Use(ctx)
	if err != nil {
		return err
	}
	return k.report(kctx.Stdout, use)
}

// report fails if a key does not open.
func (k *keyStore) report(out io.Writer, use storage.KeyUse) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "MASTER KEY\tKEYS\tUSE")
	known := k.master.IDs()
	for i, id := range known {
		what := "wraps new keys"
		if i > 0 {
			what = "only opens"
		}
		fmt.Fprintf(w, "%s\t%d\t%s\n", id, use.ByMaster[id], what)
	}
	lost := 0
	for _, id := range sortedKeys(use.ByMaster) {
		if !slices.Contains(known, id) {
			lost += use.ByMaster[id]
			fmt.Fprintf(w, "%s\t%d\tis missing: what these keys sealed does not open\n", id, use.ByMaster[id])
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	printFaults(out, use.Faults)
	if n := lost + len(use.Faults); n > 0 {
		return fmt.Errorf("%d keys do not open", n)
	}
	return nil
}

func sortedKeys(m map[string]int) []string {
	ids := make([]string, 0, len(m))
	for id := range m {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

func printFaults(out io.Writer, faults []storage.KeyFault) {
	for _, f := range faults {
		fmt.Fprintf(out, "%s: %v\n", f.Object, f.Err)
	}
}

type keysNewCmd struct {
	dataFlags
	keyFlags
	File string `arg:"" optional:"" help:"Master key file; - prints a key instead. Default: that of the settings."`
}

// Run makes a key.
func (c *keysNewCmd) Run(kctx *kong.Context) error {
	if c.File == "-" {
		_, err := io.WriteString(kctx.Stdout, seal.NewMasterText())
		return err
	}
	if c.File == "" {
		source, err := c.source(c.Data)
		if err != nil {
			return err
		}
		if source.Text != "" || source.Command != "" {
			return badUsage("the master key does not stand in a file of ours: print a fresh one with souffleur keys new -, and put it in front of the present one where that is kept")
		}
		c.File = source.File
	}
	m, err := seal.AddMaster(c.File)
	if err != nil {
		return err
	}
	fmt.Fprintf(kctx.Stdout, "%s: the new master key %s wraps from now on. Back the file up.\n", c.File, m.ID())
	if len(m.IDs()) > 1 {
		fmt.Fprintln(kctx.Stdout, "Give the file to every process of the installation, then: souffleur keys rotate")
	}
	return nil
}

type keysRotateCmd struct{ keyStoreFlags }

// Run wraps all keys anew.
func (c *keysRotateCmd) Run(ctx context.Context, kctx *kong.Context, log *slog.Logger) error {
	k, err := c.open(ctx, log)
	if err != nil {
		return err
	}
	defer k.closers.close(log)
	done, err := k.keys.Rewrap(ctx)
	if err != nil {
		return fmt.Errorf("%d keys rewrapped, then: %w; what is done stays done, begin again", done.Done, err)
	}
	fmt.Fprintf(kctx.Stdout, "%d keys rewrapped, %d were wrapped by %s already\n", done.Done, done.Already, k.master.ID())
	printFaults(kctx.Stdout, done.Faults)
	if len(done.Faults) > 0 {
		return fmt.Errorf("%d keys do not open and stay as they are", len(done.Faults))
	}
	return nil
}

type keysRetireCmd struct{ keyStoreFlags }

// Run takes the old keys out of the file.
func (c *keysRetireCmd) Run(ctx context.Context, kctx *kong.Context, log *slog.Logger) error {
	k, err := c.open(ctx, log)
	if err != nil {
		return err
	}
	defer k.closers.close(log)
	ids := k.master.IDs()
	if len(ids) == 1 {
		_, err := fmt.Fprintln(kctx.Stdout, "there is only one master key")
		return err
	}
	if err := k.retirable(ctx); err != nil {
		return err
	}
	if k.source.Text != "" || k.source.Command != "" {
		_, err := fmt.Fprintf(kctx.Stdout, "nothing needs the master keys behind %s any more: take them out where they are kept\n", ids[0])
		return err
	}
	if _, err := seal.RetireMasters(k.source.File); err != nil {
		return err
	}
	_, err = fmt.Fprintf(kctx.Stdout, "%s: only %s is left\n", k.source.File, ids[0])
	return err
}

// retirable says what still needs a former master key.
func (k *keyStore) retirable(ctx context.Context) error {
	use, err := k.keys.Use(ctx)
	if err != nil {
		return err
	}
	for _, id := range k.master.IDs()[1:] {
		if n := use.ByMaster[id]; n > 0 {
			return fmt.Errorf("%d keys are wrapped by %s: souffleur keys rotate first", n, id)
		}
	}
	safe, err := k.keys.RotationSettled(ctx)
	if err != nil {
		return err
	}
	if wait := time.Until(safe); wait > 0 {
		return fmt.Errorf("running servers may use the former key for another %v: then souffleur keys rotate once more, and retire it", wait.Round(time.Second))
	}
	return nil
}
