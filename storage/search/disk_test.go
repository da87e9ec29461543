package search

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	bleve "github.com/blevesearch/bleve_index_api"

	"souffleur/internal/meeting"
	"souffleur/internal/words"
	"souffleur/storage"
)

const secretText = "Le budget confidentiel de Mathilde"

// TestNothingReadableIsOnTheDisk looks into the raw files; on files that are not sealed the same look finds the IDs, and on
// an index without blind words the same list of terms has the words.
func TestNothingReadableIsOnTheDisk(t *testing.T) {
	l := newLibrary(t)
	m := l.meet(secretText)
	private := []string{"budget", "confidentiel", "Mathilde", "mathild", "Anna", "Weekly", string(m.ID), string(m.Room)}
	l.catchUp()
	if found := scan(t, l.dir, private...); len(found) > 0 {
		t.Errorf("the files show %q", found)
	}
	for _, term := range l.terms() {
		if len(term) != blindSize {
			t.Errorf("the index has the term %q", term)
		}
	}

	unsealed(t)
	dir := t.TempDir()
	e, err := openEngine(dir, nil)
	must(t, err)
	c := newChange()
	must(t, c.putState(m.ID, state{Room: m.Room}))
	c.put(m.ID, "s0", secretText, words.Analyzer("fr"))
	must(t, e.apply(c))
	if terms := strings.Join(termsOf(t, e), " "); !strings.Contains(terms, "budget") {
		t.Errorf("an index without blind words has the terms %q", terms)
	}
	must(t, e.close())
	if found := scan(t, dir, private...); len(found) == 0 {
		t.Error("the look into the files finds nothing in any")
	}
}

// TestRemovedEntriesLeaveTheDisk looks for the blind words of a removed meeting in the dictionaries of the files, which keep the
// words of removed entries until files are merged.
func TestRemovedEntriesLeaveTheDisk(t *testing.T) {
	l := newLibrary(t)
	gone, stays := l.meet(secretText, "Le budget"), l.meet("Le budget")
	l.catchUp()
	archive, err := l.Keys.Archive(t.Context(), gone.ID)
	must(t, err)
	budget, mathilde := string(newBlinder(archive).of("fr", "budget")), string(newBlinder(archive).of("fr", "mathild"))
	has := func(word string) bool {
		return strings.Contains("\n"+strings.Join(l.terms(), "\n")+"\n", "\n"+word+"\n")
	}
	if !has(budget) || !has(mathilde) {
		t.Fatal("the words are not in the dictionary to begin with")
	}
	l.End(gone.ID, french("", "Le budget")...)
	must(t, l.RemoveSegments(t.Context(), gone.ID, []meeting.SegmentID{"s0"}))
	if !has(mathilde) {
		t.Fatal("the dictionary does not show what waits to be compacted")
	}
	stop := l.follow()
	eventually(t, "the words of the removed segment to leave", func() bool { return !has(mathilde) })
	if !has(budget) {
		t.Error("a word of another segment has left, too")
	}
	stop()
	before := files(t, l.path())
	must(t, l.Meetings.Delete(t.Context(), gone.ID))
	must(t, l.Remove(t.Context(), gone.ID))
	l.reopen() // the process ends before it has compacted
	if !has(budget) {
		t.Fatal("there is nothing to compact after the restart")
	}
	stop = l.follow()
	eventually(t, "the words of the removed meeting to leave", func() bool { return !has(budget) })
	eventually(t, "the old files to go", func() bool {
		for name := range files(t, l.path()) {
			if before[name] {
				return false
			}
		}
		return true
	})
	stop()
	l.expect("budget", string(stays.ID)+"/s0")
}

// files are the segment files in a folder.
func files(t *testing.T, dir string) map[string]bool {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.zap"))
	must(t, err)
	all := map[string]bool{}
	for _, name := range names {
		all[name] = true
	}
	return all
}

func TestRemovedEntriesWaitForMore(t *testing.T) {
	l := newLibrary(t)
	now := time.Unix(1_000_000, 0)
	l.Index.now = func() time.Time { return now }
	l.Index.config.CompactAfter = time.Minute
	m := l.meet("budget")
	l.catchUp()
	must(t, l.Remove(t.Context(), m.ID))
	compactions := func() uint64 { return l.engine.scorch.StatsMap()["TotFileMergeForceOpsCompleted"].(uint64) }
	now = now.Add(time.Minute - 1)
	l.compactIfDue(t.Context())
	if n := compactions(); n != 0 {
		t.Errorf("compacted %d times before the time", n)
	}
	now = now.Add(1)
	l.compactIfDue(t.Context())
	l.compactIfDue(t.Context())
	if n := compactions(); n != 1 {
		t.Errorf("compacted %d times", n)
	}
}

func TestAnotherInstanceKeyMakesTheIndexAnew(t *testing.T) {
	l := newLibrary(t)
	m := l.meet("budget")
	l.catchUp()
	must(t, l.Index.Close())
	must(t, l.Store.Delete(t.Context(), "instance-key.json"))
	l.deps.Keys = storage.NewKeyring(l.Store, l.master)
	l.Index = nil
	l.reopen()
	l.expect("budget")
	l.catchUp()
	l.expect("budget", string(m.ID)+"/s0")
}

// scan returns which of the texts are in some file below dir.
func scan(t *testing.T, dir string, texts ...string) []string {
	t.Helper()
	found := map[string]bool{}
	read := 0
	must(t, filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		body, err := os.ReadFile(path)
		read += len(body)
		for _, text := range texts {
			if bytes.Contains(bytes.ToLower(body), []byte(strings.ToLower(text))) {
				found[text] = true
			}
		}
		return err
	}))
	if read == 0 {
		t.Fatal("there are no files")
	}
	var list []string
	for text := range found {
		list = append(list, text)
	}
	return list
}

func (l *library) terms() []string { return termsOf(l.t, l.engine) }

// termsOf are the words in the dictionaries of all files, those of removed entries too.
func termsOf(t testing.TB, e *engine) []string {
	t.Helper()
	v, err := e.view()
	must(t, err)
	defer v.Close()
	dict, err := v.FieldDict(wordField)
	must(t, err)
	defer dict.Close()
	var all []string
	for {
		entry, err := dict.Next()
		must(t, err)
		if entry == nil {
			return all
		}
		all = append(all, entry.Term)
	}
}

// unsealed switches the sealing of files off until the end of the test.
func unsealed(t *testing.T) {
	hookOnce()
	writer, reader := bleve.WriterHook, bleve.ReaderHook
	bleve.WriterHook, bleve.ReaderHook = nil, nil
	t.Cleanup(func() { bleve.WriterHook, bleve.ReaderHook = writer, reader })
}

func TestContextEndsCatchingUp(t *testing.T) {
	l := newLibrary(t)
	l.meet("budget")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.Catch(ctx); err == nil {
		t.Error("caught up without time")
	}
}
