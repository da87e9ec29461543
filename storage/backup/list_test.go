package backup

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
)

const someSum = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"

// written returns a whole list of these names.
func written(t testing.TB, keys ...string) []byte {
	t.Helper()
	var entries []entry
	for _, key := range keys {
		entries = append(entries, entry{Key: key, Size: 3, Sum: someSum, ETag: "e"})
	}
	var out bytes.Buffer
	must(t, writeList(&out, head{V: listVersion, MadeUnixMS: 5}, entries))
	return out.Bytes()
}

func TestAListComesBack(t *testing.T) {
	h, entries, err := readList(bytes.NewReader(written(t, "a/1", "b")))
	if err != nil || h.MadeUnixMS != 5 || len(entries) != 2 || entries[1].Key != "b" {
		t.Errorf("read %+v %+v, %v", h, entries, err)
	}
}

func TestForeignListsAreRefused(t *testing.T) {
	whole := string(written(t, "a/1", "b"))
	lines := strings.SplitAfter(whole, "\n")
	for name, text := range map[string]string{
		"nothing":              "",
		"something else":       "hello\n",
		"a newer version":      strings.Replace(whole, `"souffleur_backup":1`, `"souffleur_backup":2`, 1),
		"cut off":              strings.Join(lines[:3], ""),
		"a line removed":       lines[0] + lines[2] + lines[3],
		"a line changed":       strings.Replace(whole, `"size":3`, `"size":4`, 1),
		"something behind":     whole + "{}\n",
		"an unknown field":     strings.Replace(whole, `"size"`, `"mode":1,"size"`, 1),
		"not sorted":           string(written(t, "b", "a")),
		"out of the folder":    string(written(t, "../../etc/passwd")),
		"absolute":             string(written(t, "/etc/passwd")),
		"a dot":                string(written(t, "a/./b")),
		"an empty part":        string(written(t, "a//b")),
		"a backslash":          string(written(t, `a\b`)),
		"a line break":         string(written(t, "a\nb")),
		"a letter with accent": string(written(t, "réunion")),
		"a very long name":     string(written(t, strings.Repeat("a", maxKey+1))),
		"a checksum as a path": strings.Replace(whole, someSum, "../"+someSum[3:], 1),
		"a negative size":      strings.Replace(whole, `"size":3`, `"size":-3`, 1),
		"an object of a TB":    strings.Replace(whole, `"size":3`, `"size":1099511627776`, 1),
		"a line of a megabyte": strings.Replace(whole, `"etag":"e"`, `"etag":"`+strings.Repeat("e", 1<<20)+`"`, 1),
		"two values on one":    strings.Replace(whole, "\n", " {}\n", 1),
	} {
		if _, entries, err := readList(strings.NewReader(text)); !errors.Is(err, ErrList) {
			t.Errorf("%s: read %d entries, %v", name, len(entries), err)
		}
	}
}

// FuzzList checks that whatever is read names only objects and files that a backup may have, and is written back the same.
func FuzzList(f *testing.F) {
	f.Add(written(f, "meetings/01J/segments/0000000100-01J.jsonl", "rooms/bcd-fghj-kmnp.json"))
	f.Add([]byte(`{"souffleur_backup":1,"made_unix_ms":0}` + "\n" + `{"objects":0,"list_sha256":""}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		h, entries, err := readList(bytes.NewReader(text))
		if err != nil {
			if !errors.Is(err, ErrList) {
				t.Fatal(err)
			}
			return
		}
		for _, e := range entries {
			if !validKey(e.Key) || strings.Contains(e.Key, "..") && strings.Contains("/"+e.Key+"/", "/../") || strings.ContainsAny(e.Sum, "/.") {
				t.Fatalf("%+v", e)
			}
		}
		var again bytes.Buffer
		must(t, writeList(&again, h, entries))
		if _, same, err := readList(&again); err != nil || fmt.Sprint(same) != fmt.Sprint(entries) {
			t.Fatalf("%v is read back as %v, %v", entries, same, err)
		}
	})
}
