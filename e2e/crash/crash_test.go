package crash

import (
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"text/tabwriter"
	"time"

	"go.uber.org/goleak"
)

var (
	runs     = flag.Int("runs", 0, "meetings to play, one after the other; 0: the test is skipped")
	seconds  = flag.Int("seconds", 60, "how long people speak in each, 30 at least")
	seed     = flag.Uint64("seed", 0, "seed of what is said and of the moments of the kills; 0: a random one")
	onReal   = flag.Bool("real", false, "on Apache Kafka and MinIO")
	accents  = flag.Bool("accents", false, "each recogniser hears with an accent of its own: what two of them publish differs")
	jsonFile = flag.String("json", "", "file for the figures")
)

// speakers is how many people speak, a track each.
const speakers = 20

func TestMain(m *testing.M) {
	if text := os.Getenv(roleVariable); text != "" {
		if err := play(text); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

func TestNothingIsLostOrDoubled(t *testing.T) {
	if *runs == 0 {
		t.Skip("make test-crash plays it")
	}
	if *seconds < 30 || *seconds > 3600 {
		t.Fatal("-seconds: 30 to 3600")
	}
	if *seed == 0 {
		*seed = uint64(rand.Uint32())
	}
	var rows []figures
	for n := range *runs {
		t.Run(fmt.Sprintf("seed %d", *seed+uint64(n)), func(t *testing.T) {
			f := run(t, *seed+uint64(n))
			rows = append(rows, f)
			f.judge(t)
		})
	}
	save(t, rows)
}

// run plays one meeting.
func run(t *testing.T, seed uint64) figures {
	began := time.Now()
	dir, err := os.MkdirTemp("", "souffleur-crash-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // after all processes have ended
		if t.Failed() {
			t.Logf("logs and data are in %s", dir)
			return
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	log := fileLog(t, filepath.Join(dir, "meeting.log"))
	site := newSite(t, dir, log)
	m := site.openMeeting(t, log)
	cast := site.start(t, m)
	deeds := plan(rand.New(rand.NewPCG(seed, 1)), time.Duration(*seconds)*time.Second)
	done := make(chan struct{})
	go func() { defer close(done); site.commit(t, cast, deeds, time.Now()) }()
	m.perform(t, seed, time.Duration(*seconds)*time.Second)
	<-done
	m.end(t)
	f := m.count(t)
	f.Restarts = cast.restarts() + site.broker.restarts()
	f.Seed, f.Seconds, f.Took = seed, *seconds, time.Since(began).Round(time.Second).String()
	for _, d := range deeds {
		f.Deeds = append(f.Deeds, d.String())
	}
	return f
}

// fileLog logs into a file. Its lines have no text, as all logs.
func fileLog(t *testing.T, name string) *slog.Logger {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return slog.New(slog.NewTextHandler(f, nil))
}

func save(t *testing.T, rows []figures) {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "seed\tsaid\tpublished\tunique\tdoubled\tmissing\tdiffering\twords wrong\trescored\tgaps\tstored\trestarts\ttook\t")
	for _, f := range rows {
		fmt.Fprintf(w, "%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d of %d\t%d\t%d\t%d\t%d\t%s\t\n", f.Seed, f.Said, f.Published, f.Unique, f.Doubled, f.Missing,
			f.Differing, f.WordsWrong, f.Words, f.Rescored, f.Gaps, f.Archived, f.Restarts, f.Took)
	}
	w.Flush()
	if *jsonFile == "" {
		return
	}
	b, err := json.MarshalIndent(rows, "", "  ")
	if err == nil {
		err = os.WriteFile(*jsonFile, b, 0o644)
	}
	if err != nil {
		t.Error(err)
	}
}
