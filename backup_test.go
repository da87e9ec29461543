package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// namesOfRooms asks a running server.
func namesOfRooms(t *testing.T, server *remote) string {
	t.Helper()
	var list struct {
		Rooms []struct {
			Name string `json:"name"`
		} `json:"rooms"`
	}
	if err := server.call(t.Context(), http.MethodGet, "/rooms", nil, &list); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, room := range list.Rooms {
		names = append(names, room.Name)
	}
	return strings.Join(names, ", ")
}

// refused runs the program and wants it to fail with that sentence.
func refused(t *testing.T, sentence string, args ...string) {
	t.Helper()
	if _, complaint, status := souffleur(t, args...); status == 0 || !strings.Contains(complaint, sentence) {
		t.Errorf("souffleur %s ends with %d and says %q", strings.Join(args, " "), status, complaint)
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	text, err := os.ReadFile(from)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(to), 0o700)
	}
	if err == nil {
		err = os.WriteFile(to, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// A server is backed up while it runs, and another one is made of the backup.
func TestBackupAndRestore(t *testing.T) {
	if testing.Short() {
		t.Skip("starts three servers")
	}
	home := t.TempDir()
	data, dir := filepath.Join(home, "data"), filepath.Join(home, "backup")
	refused(t, "no object store", "backup", dir, "--data", data)
	server, stop := serving(t, data, &said{})
	if err := server.call(t.Context(), http.MethodPost, "/rooms", map[string]string{"name": "Zauberberg"}, nil); err != nil {
		t.Fatal(err)
	}
	out, complaint, status := souffleur(t, "backup", dir, "--data", data)
	if status != 0 || !strings.Contains(out, "master key is not in it") {
		t.Fatalf("backup of a running server: %d, %s%s", status, out, complaint)
	}
	refused(t, "inside the data folder", "backup", filepath.Join(data, "backup"), "--data", data)
	refused(t, "stop it first", "restore", dir, "--data", data)
	stop()
	if out, complaint, status := souffleur(t, "backup", dir, "--data", data); status != 0 || !strings.Contains(out, "0 of them are new") {
		t.Errorf("backup of a server that is off: %d, %s%s", status, out, complaint)
	}

	fresh := filepath.Join(home, "fresh")
	refused(t, "needs the master key", "restore", dir, "--data", fresh)
	wrong := filepath.Join(home, "wrong.key")
	if err := os.WriteFile(wrong, []byte(strings.Repeat("ab", 32)), 0o600); err != nil {
		t.Fatal(err)
	}
	refused(t, "this master key does not open the backup", "restore", dir, "--data", fresh, "--master-key-file", wrong)
	copyFile(t, filepath.Join(data, masterKeyName), filepath.Join(fresh, masterKeyName))
	if _, complaint, status := souffleur(t, "restore", dir, "--data", fresh); status != 0 {
		t.Fatalf("restore: %d, %s", status, complaint)
	}
	again, stop := serving(t, fresh, &said{})
	if got := namesOfRooms(t, again); got != "Zauberberg" {
		t.Errorf("the restored server has the rooms %q", got)
	}
	stop()
	refused(t, "restore into an empty one", "restore", dir, "--data", startedOnce(t, filepath.Join(home, "used"), filepath.Join(data, masterKeyName)))
}

// startedOnce returns a data folder on which a server has run, with that master key.
func startedOnce(t *testing.T, data, master string) string {
	t.Helper()
	copyFile(t, master, filepath.Join(data, masterKeyName))
	_, stop := serving(t, data, &said{})
	stop()
	return data
}

func TestAMasterKeyInABackupIsAskedForAndUsed(t *testing.T) {
	home := t.TempDir()
	data, dir, fresh := filepath.Join(home, "data"), filepath.Join(home, "backup"), filepath.Join(home, "fresh")
	if err := os.MkdirAll(filepath.Join(data, "s3"), 0o700); err != nil {
		t.Fatal(err)
	}
	key := strings.Repeat("cd", 32) + "\n"
	if err := os.WriteFile(filepath.Join(data, masterKeyName), []byte(key), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, complaint, status := souffleur(t, "backup", dir, "--data", data); status != 0 || exists(filepath.Join(dir, masterKeyName)) {
		t.Fatalf("backup: %d, %s; the master key is in it: %v", status, complaint, exists(filepath.Join(dir, masterKeyName)))
	}
	if out, complaint, status := souffleur(t, "backup", dir, "--data", data, "--with-master-key"); status != 0 || !strings.Contains(out, "can read everything") {
		t.Fatalf("backup with the master key: %d, %s%s", status, out, complaint)
	}
	if out, complaint, status := souffleur(t, "restore", dir, "--data", fresh); status != 0 || !strings.Contains(out, "The master key of the backup") {
		t.Fatalf("restore: %d, %s%s", status, out, complaint)
	}
	path := filepath.Join(fresh, masterKeyName)
	if text, err := os.ReadFile(path); err != nil || string(text) != key {
		t.Errorf("the master key is %q, %v", text, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the master key's file is %v, %v", info, err)
	}
}
