package embed

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"
)

// agesName is the file in the broker's directory that says how old the records are.
const agesName = "ages.json"

// ages is how old the records of the log are, counted in the time that the broker has run. The broker itself would ask
// the clock of the machine and the stamp that the client gave each record: a clock that is set forward would make
// everything old at once, one that is set back would keep records for as long as it was wrong, and a machine that was
// off over the holidays would drop finals that nobody has archived. None of that can happen to a count of our own.
//
// It is owned by one goroutine.
type ages struct {
	V     int              `json:"v"`
	Ran   time.Duration    `json:"ran_ns"` // how long the broker has run on this log in all
	Marks map[string][]age `json:"marks"`  // by "topic/partition"; by rising offset
}

// age says that all records before Offset were there when the broker had run for At.
type age struct {
	Offset int64         `json:"offset"`
	At     time.Duration `json:"at_ns"`
}

const agesVersion = 1

// marksPerRetention is how finely ages are known: records live up to a twentieth longer than their retention. It bounds
// the marks of a partition, too.
const marksPerRetention = 20

func newAges() *ages { return &ages{V: agesVersion, Marks: map[string][]age{}} }

// loadAges reads the file at path. If there is none, or it is not ours, all records count as new: they stay a retention
// longer, which is better than to lose some.
func loadAges(path string) (*ages, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return newAges(), nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the ages of records: %w", err)
	}
	a := newAges()
	if err := json.Unmarshal(text, a); err != nil || a.V != agesVersion || a.Ran < 0 || a.Marks == nil {
		return newAges(), nil
	}
	for partition, marks := range a.Marks {
		sorted := slices.IsSortedFunc(marks, func(x, y age) int { return int(max(-1, min(1, x.Offset-y.Offset))) })
		if !sorted || slices.ContainsFunc(marks, func(m age) bool { return m.Offset < 0 || m.At < 0 || m.At > a.Ran }) {
			delete(a.Marks, partition)
		}
	}
	return a, nil
}

// save replaces the file in one step. It is not flushed: after a power failure old records may come back for a while.
func (a *ages) save(path string) error {
	text, err := json.Marshal(a)
	if err != nil {
		return fmt.Errorf("encode the ages of records: %w", err)
	}
	if err := os.WriteFile(path+".new", text, 0o600); err != nil {
		return errors.Join(fmt.Errorf("write the ages of records: %w", err), os.Remove(path+".new"))
	}
	if err := os.Rename(path+".new", path); err != nil {
		return fmt.Errorf("write the ages of records: %w", err)
	}
	return nil
}

// observe notes that partition now ends at end, and returns the offset before which its records have been there for kept.
// changed says whether there is something new to save.
func (a *ages) observe(partition string, end int64, kept time.Duration) (expired int64, changed bool) {
	marks := a.Marks[partition]
	// The log begins at 0 again when it was empty at a start; marks of the log before say nothing about this one.
	before := len(marks)
	marks = slices.DeleteFunc(marks, func(m age) bool { return m.Offset > end })
	changed = len(marks) != before

	var newest age
	if len(marks) > 0 {
		newest = marks[len(marks)-1]
	}
	if end > newest.Offset && (len(marks) == 0 || a.Ran-newest.At >= kept/marksPerRetention) {
		marks, changed = append(marks, age{Offset: end, At: a.Ran}), true
	}
	// The newest of the expired marks stays: after a crash the log must be cut there again.
	last := -1
	for i, m := range marks {
		if a.Ran-m.At >= kept {
			last = i
		}
	}
	if last > 0 {
		marks, changed = slices.Delete(marks, 0, last), true
	}
	if last >= 0 {
		expired = marks[0].Offset
	}
	a.Marks[partition] = marks
	if len(marks) == 0 {
		delete(a.Marks, partition)
	}
	return expired, changed
}

// keepOnly drops the marks of partitions that are gone.
func (a *ages) keepOnly(partitions map[string]bool) (changed bool) {
	for partition := range a.Marks {
		if !partitions[partition] {
			delete(a.Marks, partition)
			changed = true
		}
	}
	return changed
}
