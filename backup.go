package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/alecthomas/kong"

	"souffleur/internal/dirlock"
	"souffleur/internal/embed"
	"souffleur/storage"
	"souffleur/storage/backup"
)

// backupCmd copies all that is stored into a folder.
type backupCmd struct {
	dataFlags
	storageFlags
	keyFlags
	Dir           string `arg:"" help:"Folder for the backup; an earlier backup in it is brought up to date." type:"path"`
	WithMasterKey bool   `help:"Put the master key into the backup, too: whoever has the folder can then read all of it."`
}

// Run makes the backup.
func (c *backupCmd) Run(ctx context.Context, kctx *kong.Context, log *slog.Logger) error {
	if same, err := within(c.Dir, c.Data); err != nil || same {
		return badUsage("the backup must not be inside the data folder %s", c.Data)
	}
	closers := &closeStack{}
	defer closers.close(log)
	store, err := openStore(ctx, c.Data, c.storageFlags, storeFound, closers, log)
	if err != nil {
		return err
	}
	saved, err := backup.Save(ctx, store, c.Dir, log)
	if err != nil {
		return err
	}
	fmt.Fprintf(kctx.Stdout, "%d objects, %d MiB, are in %s; %d of them are new or changed since the last backup there.\n",
		saved.Objects, saved.Bytes>>20, c.Dir, saved.Copied)
	if c.WithMasterKey {
		return c.addMasterKey(kctx)
	}
	fmt.Fprintln(kctx.Stdout, "The master key is not in it: without that key nothing of it can be read. Keep a copy elsewhere.")
	return nil
}

// addMasterKey copies the master key into the backup.
func (c *backupCmd) addMasterKey(kctx *kong.Context) error {
	if c.MasterKeyCommand != "" {
		return badUsage("--with-master-key: a command gives the master key; keep what it needs yourself")
	}
	text := []byte(c.MasterKey + "\n")
	if c.MasterKey == "" {
		var err error
		if text, err = os.ReadFile(c.masterPath(c.Data)); err != nil {
			return badUsage("read the master key: %w", err)
		}
	}
	path := filepath.Join(c.Dir, masterKeyName)
	if err := replaceFile(path, text); err != nil {
		return fmt.Errorf("put the master key into the backup: %w", err)
	}
	fmt.Fprintln(kctx.Stdout, "The master key is in it, too: whoever has the folder can read everything.")
	return nil
}

// restoreCmd writes a backup into an empty installation.
type restoreCmd struct {
	dataFlags
	storageFlags
	keyFlags
	Dir string `arg:"" help:"Folder of the backup." type:"existingdir"`
}

// Run restores.
func (c *restoreCmd) Run(ctx context.Context, kctx *kong.Context, log *slog.Logger) error {
	if err := c.bringMasterKey(kctx); err != nil {
		return err
	}
	master, err := c.present(ctx, c.Data)
	if err != nil {
		return badUsage("%w; a restore needs the master key that the server had: put it into %s, or name it with --master-key-file",
			err, c.masterPath(c.Data))
	}
	closers := &closeStack{}
	defer closers.close(log)
	store, err := openStore(ctx, c.Data, c.storageFlags, storeMade, closers, log)
	if err != nil {
		return err
	}
	done, err := backup.Restore(ctx, store, master, c.Dir, log)
	if err != nil {
		return err
	}
	fmt.Fprintf(kctx.Stdout, "The backup of %s is restored: %d objects written, %d were there. %d meetings open.\n",
		done.Made.Local().Format(time.DateTime), done.Written, done.Same, done.Meetings)
	if done.Ended > 0 {
		fmt.Fprintf(kctx.Stdout, "%d of them went on when the backup was made; they have ended with the last words in it.\n", done.Ended)
	}
	return nil
}

// bringMasterKey takes the master key out of the backup if it is there and the installation has none.
func (c *restoreCmd) bringMasterKey(kctx *kong.Context) error {
	if c.MasterKey != "" || c.MasterKeyFile != "" || c.MasterKeyCommand != "" {
		return nil
	}
	path := c.masterPath(c.Data)
	text, err := os.ReadFile(filepath.Join(c.Dir, masterKeyName))
	if err != nil || exists(path) {
		return nil // the one that is there decides
	}
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return badUsage("--data: %w", err)
	}
	if err := replaceFile(path, text); err != nil {
		return fmt.Errorf("take the master key out of the backup: %w", err)
	}
	fmt.Fprintf(kctx.Stdout, "The master key of the backup is now in %s.\n", path)
	return nil
}

// storeUse says what a command may do with the embedded store of a data folder.
type storeUse int

const (
	storeFound storeUse = iota // it must be there; a server may run on it
	storeMade                  // it may be new; no server may run on it
)

// openStore opens the bucket of an installation: the real one that the settings name, else that of the embedded store.
func openStore(ctx context.Context, data string, f storageFlags, use storeUse, closers *closeStack, log *slog.Logger) (*storage.Store, error) {
	if f.S3Endpoint == "" {
		if err := f.openEmbedded(ctx, filepath.Join(data, "s3"), use, closers); err != nil {
			return nil, err
		}
	}
	if err := f.config().Validate(); err != nil {
		return nil, usageError{err}
	}
	store, err := storage.Open(ctx, f.config(), log)
	if err != nil {
		return nil, err
	}
	closers.add("object store", func() error {
		store.Close()
		return nil
	})
	return store, nil
}

// openEmbedded points the settings at the embedded store in dir, which is started here unless a server runs it.
func (f *storageFlags) openEmbedded(ctx context.Context, dir string, use storeUse, closers *closeStack) error {
	if use == storeFound && !exists(dir) {
		return badUsage("there is no object store in %s: name the data folder with --data, or the S3 server with --s3-endpoint", dir)
	}
	f.S3TLS = false
	s3, err := embed.StartS3(ctx, embed.S3Config{Dir: dir}, slog.New(slog.DiscardHandler))
	switch {
	case err == nil:
		closers.add("embedded store", s3.Close)
		f.S3Endpoint, f.S3AccessKey, f.S3SecretKey = s3.Endpoint(), s3.AccessKey(), s3.SecretKey()
		return nil
	case !errors.Is(err, dirlock.ErrInUse):
		return err
	case use == storeMade:
		return fmt.Errorf("the server runs on this data folder, stop it first: %w", err)
	}
	f.S3Endpoint, f.S3AccessKey, f.S3SecretKey, err = embed.RunningS3(dir)
	return err
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

// within says whether path is below dir, or dir itself.
func within(path, dir string) (bool, error) {
	a, err := filepath.Abs(path)
	if err != nil {
		return false, err
	}
	b, err := filepath.Abs(dir)
	if err != nil {
		return false, err
	}
	rel, err := filepath.Rel(b, a)
	return err == nil && filepath.IsLocal(rel), nil
}

// replaceFile writes a file that only its owner reads, whole or not at all.
func replaceFile(path string, text []byte) error {
	fresh, err := os.CreateTemp(filepath.Dir(path), ".new-*") // mode 0600
	if err != nil {
		return err
	}
	_, err = fresh.Write(text)
	err = errors.Join(err, fresh.Sync(), fresh.Close())
	if err == nil {
		err = os.Rename(fresh.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(fresh.Name()))
	}
	return nil
}
