package search

import (
	"bufio"
	"context"
	"encoding/hex"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"

	"souffleur/internal/meeting"
	"souffleur/internal/seal"
	"souffleur/storage"
)

// childEnv names the variable that makes the test program index until it is killed: endpoint, keys and folder.
const childEnv = "SOUFFLEUR_TEST_INDEX"

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		fmt.Println(indexUntilKilled())
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}

// indexUntilKilled says "open" when the index is open, and returns only errors.
func indexUntilKilled() error {
	var config storage.Config
	var dir, raw string
	if _, err := fmt.Sscan(os.Getenv(childEnv), &config.Endpoint, &config.AccessKey, &config.SecretKey, &config.Bucket, &raw, &dir); err != nil {
		return err
	}
	config.Region = storage.DefaultConfig().Region
	key, err := hex.DecodeString(raw)
	if err != nil {
		return err
	}
	master, err := seal.NewMaster(key)
	if err != nil {
		return err
	}
	ctx, log := context.Background(), slog.New(slog.DiscardHandler)
	store, err := storage.Open(ctx, config, log)
	if err != nil {
		return err
	}
	keys := storage.NewKeyring(store, master)
	meetings := storage.NewMeetings(store, keys)
	deps := Deps{Keys: keys, Meetings: meetings, Transcripts: storage.NewTranscripts(store, keys, meetings), Log: log}
	x, err := Open(ctx, dir, testConfig(), deps)
	if err != nil {
		return err
	}
	fmt.Println("open")
	return x.Run(ctx)
}

// TestKilledWhileIndexing kills a process with -9 at random moments while it indexes, removes and compacts.
func TestKilledWhileIndexing(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	l := newLibrary(t)
	must(t, l.Index.Close())
	l.Index = nil
	var stays []meeting.ID
	for round := range 6 {
		kill := l.indexElsewhere()
		for i := range 6 {
			m := l.meet(fmt.Sprintf("budget %d", round), fmt.Sprintf("une réunion et le budget %d", i), "annulée")
			if i%3 == 2 {
				must(t, l.Meetings.Delete(t.Context(), m.ID))
				continue
			}
			stays = append(stays, m.ID)
		}
		time.Sleep(rand.N(100 * time.Millisecond)) // any moment will do
		kill()
	}
	l.reopen()
	l.catchUp()
	var want []string
	for _, id := range stays {
		want = append(want, segmentKey(id, "s0"), segmentKey(id, "s1"))
	}
	slices.Sort(want)
	l.expect("budget", want...)
	queries := []string{"budget", "réunions", `"le budget 3"`, "annulé", "1"}
	var before [][]string
	for _, q := range queries {
		before = append(before, l.segments(q))
	}
	must(t, l.reset())
	l.catchUp()
	for i, q := range queries {
		l.expect(q, before[i]...)
	}
}

// indexElsewhere starts a process that indexes, and returns when it has opened the index.
func (l *library) indexElsewhere() (kill func()) {
	l.t.Helper()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), fmt.Sprintf("%s=%s %s %s %s %s %s", childEnv,
		l.server.Endpoint, l.server.AccessKey, l.server.SecretKey, l.bucket, hex.EncodeToString(l.raw), l.dir))
	out, err := child.StdoutPipe()
	must(l.t, err)
	must(l.t, child.Start())
	lines := bufio.NewScanner(out)
	if !lines.Scan() || lines.Text() != "open" {
		_ = child.Process.Kill()
		l.t.Fatalf("the other process says %q", lines.Text())
	}
	return func() {
		_ = child.Process.Kill()
		_ = child.Wait()
	}
}
