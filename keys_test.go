package main

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"souffleur/internal/embed"
	"souffleur/internal/meeting"
	"souffleur/internal/seal"
	"souffleur/storage"
)

// vault is a data folder with the embedded store and a master key in it.
type vault struct {
	t   *testing.T
	dir string
}

// use runs the embedded store of the folder while f works on it.
func (v vault) use(f func(*storage.Store)) {
	v.t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	s3, err := embed.StartS3(v.t.Context(), embed.S3Config{Dir: filepath.Join(v.dir, "s3")}, quiet)
	if err != nil {
		v.t.Fatal(err)
	}
	defer s3.Close()
	config := storage.DefaultConfig()
	config.Endpoint, config.AccessKey, config.SecretKey = s3.Endpoint(), s3.AccessKey(), s3.SecretKey()
	store, err := storage.Open(v.t.Context(), config, quiet)
	if err != nil {
		v.t.Fatal(err)
	}
	defer store.Close()
	f(store)
}

// run calls souffleur keys and returns what it prints.
func (v vault) run(wantStatus int, args ...string) string {
	v.t.Helper()
	out, complaint, status := souffleur(v.t, append(append([]string{"keys"}, args...), "--data", v.dir)...)
	if status != wantStatus {
		v.t.Fatalf("keys %v: status %d\n%s%s", args, status, out, complaint)
	}
	return out + complaint
}

func TestTheMasterKeyIsReplacedFromTheCommandLine(t *testing.T) {
	v := vault{t, t.TempDir()}
	path := filepath.Join(v.dir, masterKeyName)
	old, err := seal.LoadMaster(path, true)
	if err != nil {
		t.Fatal(err)
	}
	var ids []meeting.ID
	v.use(func(store *storage.Store) {
		keys := storage.NewKeyring(store, old)
		for range 3 {
			ids = append(ids, meeting.NewID())
			if err := keys.Create(t.Context(), ids[len(ids)-1]); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := keys.Instance(t.Context()); err != nil {
			t.Fatal(err)
		}
		if out := v.run(0, "status"); !strings.Contains(out, old.ID()+"  7     wraps new keys") { // beside a running store
			t.Errorf("status is\n%s", out)
		}
	})
	v.run(0, "new")
	both, err := seal.LoadMaster(path, false)
	if err != nil {
		t.Fatal(err)
	}
	if out := v.run(0, "status"); !strings.Contains(out, both.ID()+"  0     wraps new keys") || !strings.Contains(out, old.ID()+"  7     only opens") {
		t.Errorf("status after keys new is\n%s", out)
	}
	if out := v.run(1, "retire"); !strings.Contains(out, "7 keys are wrapped by "+old.ID()) {
		t.Errorf("retiring a key in use answered %s", out)
	}
	if out := v.run(0, "rotate"); !strings.Contains(out, "7 keys rewrapped, 0 were") {
		t.Errorf("rotate answered %s", out)
	}
	// A server that runs now may still wrap with the old key, until it has read the instance key again.
	if out := v.run(1, "retire"); !strings.Contains(out, "running servers may use the former key") {
		t.Errorf("retiring at once answered %s", out)
	}
	if _, err := seal.RetireMasters(path); err != nil {
		t.Fatal(err)
	}
	v.use(func(store *storage.Store) {
		alone, err := seal.LoadMaster(path, false)
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range ids {
			if _, err := storage.NewKeyring(store, alone).Live(t.Context(), id); err != nil {
				t.Error(err)
			}
		}
	})
	if err := os.WriteFile(path, []byte(seal.NewMasterText()), 0o600); err != nil {
		t.Fatal(err)
	}
	if out := v.run(1, "status"); !strings.Contains(out, "is missing") || !strings.Contains(out, "7 keys do not open") {
		t.Errorf("with a foreign master key status is\n%s", out)
	}
}

func TestMasterKeyCommandsThatCannotWorkSaySo(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("SOUFFLEUR_MASTER_KEY_COMMAND", "")
	for _, c := range []struct {
		want string
		args []string
	}{
		{"64 hexadecimal digits", []string{"status", "--master-key", "x"}},
		{"given twice", []string{"status", "--master-key", "x", "--master-key-command", "true"}},
		{"/nonexistent/kms", []string{"rotate", "--master-key-command", "/nonexistent/kms"}},
		{"there is no object store", []string{"status", "--master-key", strings.Repeat("ab", 32)}},
		{"does not stand in a file of ours", []string{"new", "--master-key-command", "cat"}},
	} {
		out, complaint, status := souffleur(t, append(append([]string{"keys"}, c.args...), "--data", dir)...)
		if status != exitUsage || !strings.Contains(complaint, c.want) {
			t.Errorf("%v: status %d, %s%s", c.args, status, out, complaint)
		}
	}
	out, _, status := souffleur(t, "keys", "new", "-")
	if _, err := seal.ParseMaster(out); err != nil || status != 0 {
		t.Errorf("keys new -: status %d, %v", status, err)
	}
}
