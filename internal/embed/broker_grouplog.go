package embed

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
)

// mendGroupLog takes broken entries out of the file in which the broker keeps the positions of consumer groups. A full
// disk leaves half an entry in the middle, a power failure one at the end. The broker reads up to the first broken
// entry, ignores what follows and goes on appending there: from then on no position would outlive a crash.
func mendGroupLog(path string, log *slog.Logger) error {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the positions of consumer groups: %w", err)
	}
	whole := wholeEntries(text)
	if len(whole) == len(text) {
		return nil
	}
	fresh := path + ".mended"
	if err := removeFile(fresh); err != nil {
		return err
	}
	if _, err := writeDurable(fresh, bytes.NewReader(whole)); err != nil {
		return fmt.Errorf("mend the positions of consumer groups: %w", errors.Join(err, removeFile(fresh)))
	}
	if err := errors.Join(os.Rename(fresh, path), syncDir(filepath.Dir(path))); err != nil {
		return fmt.Errorf("mend the positions of consumer groups: %w", err)
	}
	log.Warn("embedded broker: removed broken entries from the positions of consumer groups", "bytes", len(text)-len(whole))
	return nil
}

// An entry of the group log is: length of what follows the sum, CRC-32C of that, version, JSON. All little-endian.
const (
	entryHead = 8       // length and sum
	entryMin  = 2       // the version
	entryMax  = 1 << 20 // a commit has at most a few KB of metadata
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// wholeEntries returns the entries of text that are whole, without what stands between them.
func wholeEntries(text []byte) []byte {
	whole := make([]byte, 0, len(text))
	for len(text) > 0 {
		if n := entryAt(text); n > 0 {
			whole, text = append(whole, text[:n]...), text[n:]
			continue
		}
		text = text[1:] // the next whole entry may begin anywhere
	}
	return whole
}

// entryAt returns the length of the whole entry that text begins with, or 0.
func entryAt(text []byte) int {
	if len(text) < entryHead+entryMin {
		return 0
	}
	length := binary.LittleEndian.Uint32(text)
	if length < entryMin || length > entryMax || int(length) > len(text)-entryHead {
		return 0
	}
	body := text[entryHead : entryHead+int(length)]
	if crc32.Checksum(body, castagnoli) != binary.LittleEndian.Uint32(text[4:]) {
		return 0
	}
	return entryHead + int(length)
}
