package backup

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

const (
	listName    = "backup.jsonl"
	listVersion = 1

	// maxEntries and maxLine bound a list that somebody else wrote. A meeting of an hour has some hundred objects.
	maxEntries = 20_000_000
	maxLine    = 4096
	// maxKey is the longest name of an object; S3 allows 1024 bytes, Souffleur writes less than 200.
	maxKey = 512
	// maxObject is the largest object that package storage takes into memory.
	maxObject = 64 << 20
)

// ErrList says that a folder holds no complete backup.
var ErrList = errors.New("no complete backup: its list is missing, cut off, or was changed")

// entry is one object of a backup.
type entry struct {
	Key  string `json:"key"`
	Size int64  `json:"size"`   // bytes
	Sum  string `json:"sha256"` // of the stored bytes, hexadecimal; the name of the file, too
	ETag string `json:"etag"`   // what the store called this content; lets the next backup skip it
}

// head is the first line of a list.
type head struct {
	V          int   `json:"souffleur_backup"`
	MadeUnixMS int64 `json:"made_unix_ms"`
}

// foot is the last line: a list without it was cut off.
type foot struct {
	Objects int    `json:"objects"`
	Sum     string `json:"list_sha256"` // of all lines before
}

// writeList writes a whole list.
func writeList(w io.Writer, h head, entries []entry) error {
	sum := sha256.New()
	out := bufio.NewWriter(io.MultiWriter(w, sum))
	lines := json.NewEncoder(out)
	err := lines.Encode(h)
	for i := 0; i < len(entries) && err == nil; i++ {
		err = lines.Encode(entries[i])
	}
	if err := errors.Join(err, out.Flush()); err != nil {
		return fmt.Errorf("write the list of the backup: %w", err)
	}
	if err := json.NewEncoder(w).Encode(foot{Objects: len(entries), Sum: hex.EncodeToString(sum.Sum(nil))}); err != nil {
		return fmt.Errorf("write the list of the backup: %w", err)
	}
	return nil
}

// readList reads what writeList wrote, and nothing else: the errors wrap ErrList.
func readList(r io.Reader) (head, []entry, error) {
	sum := sha256.New()
	var h head
	var entries []entry
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLine)
	for n := 0; lines.Scan(); n++ {
		line := lines.Bytes()
		if n == 0 {
			if err := strictly(line, &h); err != nil || h.V != listVersion {
				return head{}, nil, fmt.Errorf("%w: its first line is not one of version %d", ErrList, listVersion)
			}
		} else if bytes.HasPrefix(line, []byte(`{"objects":`)) {
			return h, entries, closeList(lines, line, hex.EncodeToString(sum.Sum(nil)), entries)
		} else {
			e, err := readEntry(line)
			if err != nil {
				return head{}, nil, fmt.Errorf("%w: line %d: %w", ErrList, n+1, err)
			}
			if len(entries) == maxEntries {
				return head{}, nil, fmt.Errorf("%w: more than %d objects", ErrList, maxEntries)
			}
			entries = append(entries, e)
		}
		sum.Write(line)
		sum.Write([]byte{'\n'})
	}
	if err := lines.Err(); err != nil {
		return head{}, nil, fmt.Errorf("%w: %w", ErrList, err)
	}
	return head{}, nil, fmt.Errorf("%w: it has no last line", ErrList)
}

// closeList checks the last line and that it is the last.
func closeList(lines *bufio.Scanner, line []byte, sum string, entries []entry) error {
	var f foot
	if err := strictly(line, &f); err != nil || f.Objects != len(entries) || f.Sum != sum {
		return fmt.Errorf("%w: its last line does not fit the others", ErrList)
	}
	if lines.Scan() {
		return fmt.Errorf("%w: something follows its last line", ErrList)
	}
	if !slices.IsSortedFunc(entries, func(a, b entry) int { return strings.Compare(a.Key, b.Key) }) {
		return fmt.Errorf("%w: it is not sorted", ErrList)
	}
	return nil
}

// strictly decodes JSON that has no field besides those of v, and nothing after it.
func strictly(line []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if d.More() {
		return errors.New("more than one value")
	}
	return nil
}

func readEntry(line []byte) (entry, error) {
	var e entry
	if err := strictly(line, &e); err != nil {
		return e, err
	}
	switch {
	case !validKey(e.Key):
		return e, fmt.Errorf("%.80q is no name of an object of Souffleur", e.Key)
	case e.Size < 0 || e.Size > maxObject:
		return e, fmt.Errorf("%s has %d bytes", e.Key, e.Size)
	case len(e.Sum) != sha256.Size*2 || strings.Trim(e.Sum, "0123456789abcdef") != "":
		return e, fmt.Errorf("%s has no checksum", e.Key)
	case len(e.ETag) > 200:
		return e, fmt.Errorf("%s has an ETag of %d bytes", e.Key, len(e.ETag))
	}
	return e, nil
}

// validKey says whether key may name an object of Souffleur: parts of a few ASCII characters, joined by slashes, none of
// them empty or made of dots only.
func validKey(key string) bool {
	if key == "" || len(key) > maxKey {
		return false
	}
	for part := range strings.SplitSeq(key, "/") {
		if strings.Trim(part, ".") == "" {
			return false
		}
		for _, c := range []byte(part) {
			switch {
			case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("-_.=+@,~", c) >= 0:
			default:
				return false
			}
		}
	}
	return true
}

// kept says whether an object belongs into a backup.
func kept(key string) bool {
	return !strings.HasPrefix(key, "sessions/") && !strings.HasPrefix(key, "links/") &&
		!(strings.HasPrefix(key, "meetings/") && strings.HasSuffix(key, "/live.json"))
}

const instanceKey = "instance-key.json"

// isKey says whether an object holds a wrapped key.
func isKey(key string) bool { return key == instanceKey || strings.HasSuffix(key, "/key.json") }
