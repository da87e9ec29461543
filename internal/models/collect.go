package models

import (
	"archive/tar"
	"archive/zip"
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
)

// collector finds wanted files among what it is given, by size and then by hash, and puts them into the staging folder
// under the name of their hash. Names in archives decide nothing, except which piece of a cut file a piece is. What is not
// of a wanted size is never written to disk.
type collector struct {
	staging string
	wanted  map[int64][]string            // hashes by size
	found   map[string]string             // origin by hash
	pieces  map[string]map[int]stagedPart // by the name before ".partN", then by N
	misfits []error                       // files of a wanted size with another hash
}

// stagedPart is a piece of a file.
type stagedPart struct {
	path string
	size int64
}

func newCollector(staging string) *collector {
	return &collector{staging: staging, wanted: map[int64][]string{}, found: map[string]string{}, pieces: map[string]map[int]stagedPart{}}
}

// want adds a file to look for.
func (c *collector) want(size int64, hash string) {
	if hash != "" && !slices.Contains(c.wanted[size], hash) {
		c.wanted[size] = append(c.wanted[size], hash)
	}
}

// Bounds on what is read of an archive or folder.
const (
	maxEntries = 100_000
	maxPieces  = 64
	maxTarball = 32 << 30 // bytes, unpacked
)

// add looks through a file, an archive or a folder.
func (c *collector) add(ctx context.Context, path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if info.IsDir() {
		return c.addFolder(ctx, path)
	}
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	start := make([]byte, 4)
	n, _ := file.ReadAt(start, 0)
	start = start[:n]
	origin := filepath.Base(path)
	switch {
	case bytes.HasPrefix(start, []byte("PK\x03\x04")):
		err = c.addZip(ctx, origin, file, info.Size())
	case bytes.HasPrefix(start, []byte{0x1f, 0x8b}):
		err = c.addTarball(ctx, origin, file)
	default:
		err = c.offer(ctx, origin, origin, info.Size(), file)
	}
	if err != nil {
		return fmt.Errorf("look through %s: %w", path, err)
	}
	return nil
}

func (c *collector) addFolder(ctx context.Context, root string) error {
	seen := 0
	return filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		if seen++; seen > maxEntries {
			return fmt.Errorf("%s holds more than %d files", root, maxEntries)
		}
		return c.add(ctx, path)
	})
}

func (c *collector) addZip(ctx context.Context, origin string, file io.ReaderAt, size int64) error {
	archive, err := zip.NewReader(file, size)
	if err != nil {
		return err
	}
	if len(archive.File) > maxEntries {
		return fmt.Errorf("more than %d entries", maxEntries)
	}
	for _, entry := range archive.File {
		if !entry.Mode().IsRegular() || entry.UncompressedSize64 > maxModelSize {
			continue
		}
		if err := c.addEntry(ctx, origin, entry); err != nil {
			return fmt.Errorf("entry %q: %w", entry.Name, err)
		}
	}
	return nil
}

func (c *collector) addEntry(ctx context.Context, origin string, entry *zip.File) error {
	size := int64(entry.UncompressedSize64)
	if !c.interesting(entry.Name, size) {
		return nil
	}
	r, err := entry.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	return c.offer(ctx, origin, entry.Name, size, r)
}

func (c *collector) addTarball(ctx context.Context, origin string, file io.Reader) error {
	unzipped, err := gzip.NewReader(bufio.NewReader(file))
	if err != nil {
		return err
	}
	archive := tar.NewReader(io.LimitReader(unzipped, maxTarball))
	for range maxEntries {
		entry, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if entry.Typeflag != tar.TypeReg {
			continue
		}
		if err := c.offer(ctx, origin, entry.Name, entry.Size, archive); err != nil {
			return fmt.Errorf("entry %q: %w", entry.Name, err)
		}
	}
	return fmt.Errorf("more than %d entries", maxEntries)
}

// partName is the name of a piece.
var partName = regexp.MustCompile(`^(.+)\.part([0-9]{1,3})$`)

// interesting says whether a file may be wanted, or be a piece of a wanted one.
func (c *collector) interesting(name string, size int64) bool {
	return len(c.wanted[size]) > 0 || (partName.MatchString(filepath.Base(name)) && c.smallerThanWanted(size))
}

func (c *collector) smallerThanWanted(size int64) bool {
	for wanted := range c.wanted {
		if size > 0 && size < wanted {
			return true
		}
	}
	return false
}

// offer takes a file of size bytes if it is wanted, or keeps it if it may be a piece.
func (c *collector) offer(ctx context.Context, origin, name string, size int64, r io.Reader) error {
	if !c.interesting(name, size) {
		return nil
	}
	path, hash, err := c.stage(ctx, size, r)
	if err != nil {
		return err
	}
	if slices.Contains(c.wanted[size], hash) {
		return c.keep(path, hash, origin)
	}
	if piece := partName.FindStringSubmatch(filepath.Base(name)); piece != nil {
		if kept := c.keepPiece(piece[1], piece[2], stagedPart{path, size}); kept {
			return nil
		}
	}
	if wanted := c.wanted[size]; len(wanted) == 1 {
		c.misfits = append(c.misfits, &ChecksumError{File: origin + ": " + name, Want: wanted[0], Got: hash})
	}
	return os.Remove(path)
}

// stage writes exactly size bytes of r to a temporary file.
func (c *collector) stage(ctx context.Context, size int64, r io.Reader) (path, hash string, err error) {
	file, err := os.CreateTemp(c.staging, "file-")
	if err != nil {
		return "", "", err
	}
	h := sha256.New()
	n, err := io.Copy(io.MultiWriter(file, h), &contextReader{ctx, io.LimitReader(r, size+1)})
	if err == nil && n != size {
		err = fmt.Errorf("%d bytes, announced as %d", n, size)
	}
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		os.Remove(file.Name())
		return "", "", err
	}
	return file.Name(), hex.EncodeToString(h.Sum(nil)), nil
}

func (c *collector) keep(path, hash, origin string) error {
	if err := os.Rename(path, filepath.Join(c.staging, hash)); err != nil {
		return err
	}
	c.found[hash] = origin
	return nil
}

// keepPiece remembers a piece; false if it cannot be one.
func (c *collector) keepPiece(stem, number string, p stagedPart) bool {
	n, err := strconv.Atoi(number)
	if err != nil || n < 1 || n > maxPieces {
		return false
	}
	if c.pieces[stem] == nil {
		c.pieces[stem] = map[int]stagedPart{}
	}
	if _, double := c.pieces[stem][n]; double {
		return false
	}
	c.pieces[stem][n] = p
	return true
}

// finish joins the pieces that make up wanted files, and removes the others.
func (c *collector) finish(ctx context.Context) error {
	var errs []error
	for stem, pieces := range c.pieces {
		errs = append(errs, c.join(ctx, stem, pieces))
		for _, p := range pieces {
			errs = append(errs, discard(p.path))
		}
	}
	c.pieces = nil
	return errors.Join(errs...)
}

func (c *collector) join(ctx context.Context, stem string, pieces map[int]stagedPart) error {
	size, readers := int64(0), make([]io.Reader, 0, len(pieces))
	for n := 1; n <= len(pieces); n++ {
		p, ok := pieces[n]
		if !ok {
			return nil // a piece is missing; what remains wanted is named later
		}
		file, err := os.Open(p.path)
		if err != nil {
			return err
		}
		defer file.Close()
		size += p.size
		readers = append(readers, file)
	}
	if len(c.wanted[size]) == 0 {
		return nil
	}
	return c.offer(ctx, "pieces", stem, size, io.MultiReader(readers...))
}

// contextReader stops reading when its context ends.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (r *contextReader) Read(b []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(b)
}
