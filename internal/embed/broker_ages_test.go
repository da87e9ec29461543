package embed

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// history is what a partition does while the broker runs: it grows to end, then time passes.
type history struct {
	end  int64
	then time.Duration
}

// played returns what has expired at the end of the history of one partition.
func played(a *ages, kept time.Duration, past ...history) (expired int64) {
	for _, h := range past {
		a.observe("p", h.end, kept)
		for step := kept / 100; h.then > 0; h.then -= step {
			a.Ran += step
			expired, _ = a.observe("p", h.end, kept)
		}
	}
	return expired
}

func TestRecordsExpireWhenTheBrokerHasHadThemLongEnough(t *testing.T) {
	const kept = 10 * time.Minute
	for name, c := range map[string]struct {
		past []history
		want int64
	}{
		"nothing there":       {[]history{{0, time.Hour}}, 0},
		"young":               {[]history{{10, 9 * time.Minute}}, 0},
		"old":                 {[]history{{10, 10 * time.Minute}}, 10},
		"old and young":       {[]history{{10, 6 * time.Minute}, {20, 5 * time.Minute}}, 10},
		"old and old":         {[]history{{10, 6 * time.Minute}, {20, 11 * time.Minute}}, 20},
		"a log that is anew":  {[]history{{100, time.Hour}, {0, time.Minute}, {30, 9 * time.Minute}}, 0},
		"and anew and longer": {[]history{{100, time.Hour}, {0, time.Minute}, {30, 10 * time.Minute}}, 30},
	} {
		if got := played(newAges(), kept, c.past...); got != c.want {
			t.Errorf("%s: expired up to %d, want %d", name, got, c.want)
		}
	}
}

func TestAgesAreBoundedAndFine(t *testing.T) {
	a, kept := newAges(), 7*24*time.Hour
	for end := int64(1); a.Ran < 3*kept; end++ {
		a.Ran += time.Minute
		expired, _ := a.observe("p", end, kept)
		if n := len(a.Marks["p"]); n > marksPerRetention+2 {
			t.Fatalf("%d marks of one partition", n)
		}
		written := time.Duration(expired) * time.Minute // record n was written in minute n
		if expired > 0 && (a.Ran-written < kept || a.Ran-written > kept+kept/marksPerRetention*2) {
			t.Fatalf("records expire after %v, are to be kept for %v", a.Ran-written, kept)
		}
	}
}

func TestAgesOutliveARestartAndForeignFilesCountAsNone(t *testing.T) {
	path := filepath.Join(t.TempDir(), agesName)
	a := newAges()
	played(a, time.Hour, history{10, 50 * time.Minute}, history{20, 0})
	if err := a.save(path); err != nil {
		t.Fatal(err)
	}
	again, err := loadAges(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := played(again, time.Hour, history{30, 11 * time.Minute}); got != 10 {
		t.Errorf("after a restart %d have expired, want 10", got)
	}
	for _, text := range []string{"", "null", "[]", `{"v":2}`, `{"v":1,"ran_ns":-1,"marks":{}}`,
		`{"v":1,"ran_ns":5,"marks":{"p":[{"offset":9,"at_ns":6}]}}`, `{"v":1,"ran_ns":5,"marks":{"p":[{"offset":9,"at_ns":1},{"offset":3,"at_ns":1}]}}`} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := loadAges(path); err != nil || len(got.Marks) != 0 {
			t.Errorf("%q is read as %+v, %v", text, got, err)
		}
	}
}

func FuzzAges(f *testing.F) {
	f.Add([]byte(`{"v":1,"ran_ns":5000,"marks":{"p":[{"offset":9,"at_ns":1}]}}`), int64(20))
	f.Fuzz(func(t *testing.T, text []byte, end int64) {
		path := filepath.Join(t.TempDir(), agesName)
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		a, err := loadAges(path)
		if err != nil {
			t.Fatal(err)
		}
		end = max(end, 0)
		if expired, _ := a.observe("p", end, time.Hour); expired < 0 || expired > end {
			t.Errorf("of %d records %d have expired", end, expired)
		}
	})
}
