package main

import (
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"souffleur/internal/embed"
	"souffleur/internal/meeting"
	"souffleur/internal/seal"
	"souffleur/storage"
	"souffleur/storage/archivetest"
	"souffleur/storage/search"
)

func TestIndexRebuild(t *testing.T) {
	data := t.TempDir()
	log := slog.New(slog.DiscardHandler)
	if _, complaint, status := souffleur(t, "index", "rebuild", "--data", data); status != exitUsage || !strings.Contains(complaint, "master key") {
		t.Errorf("without a master key: status %d, %s", status, complaint)
	}
	master, err := seal.LoadMaster(filepath.Join(data, masterKeyName), true)
	if err != nil {
		t.Fatal(err)
	}
	server, err := embed.StartS3(t.Context(), embed.S3Config{Dir: filepath.Join(data, "s3")}, log)
	if err != nil {
		t.Fatal(err)
	}
	config := storage.DefaultConfig()
	config.Endpoint, config.AccessKey, config.SecretKey = server.Endpoint(), server.AccessKey(), server.SecretKey()
	store, err := storage.Open(t.Context(), config, log)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	keys := storage.NewKeyring(store, master)
	archive := archivetest.Archive{T: t, Store: store, Keys: keys, Meetings: storage.NewMeetings(store, keys)}
	archive.End(archive.Meet(storage.Meeting{}).ID, archivetest.Segment("s", 0, "fr", "Le budget."))

	rebuild := []string{"index", "rebuild", "--data", data}
	elsewhere := append(slices.Clone(rebuild), "--s3-endpoint", config.Endpoint, "--s3-access-key", config.AccessKey, "--s3-secret-key", config.SecretKey)
	index, err := openIndex(t.Context(), data, store, keys, log)
	if err != nil {
		t.Fatal(err)
	}
	for name, args := range map[string][]string{"a server": rebuild, "a node": elsewhere} {
		if _, complaint, status := souffleur(t, args...); status != exitUsage || !strings.Contains(complaint, "stop it first") {
			t.Errorf("beside %s: status %d, %s", name, status, complaint)
		}
	}
	if err := index.Close(); err != nil {
		t.Fatal(err)
	}
	if out, complaint, status := souffleur(t, elsewhere...); status != 0 || !strings.Contains(out, "anew, meetings: 1") {
		t.Errorf("with a store elsewhere: status %d, %s%s", status, out, complaint)
	}
	if index, err = openIndex(t.Context(), data, store, keys, log); err != nil {
		t.Fatal(err)
	}
	found, err := index.Search(t.Context(), search.Request{Query: "budgets", May: func(meeting.RoomID) bool { return true }, Limit: 1})
	if err != nil || found.Total != 1 {
		t.Errorf("found %+v, %v", found, err)
	}
	if err := index.Close(); err != nil {
		t.Fatal(err)
	}
	if err := server.Close(); err != nil {
		t.Fatal(err)
	}
	if out, complaint, status := souffleur(t, rebuild...); status != 0 || !strings.Contains(out, "anew, meetings: 1") {
		t.Errorf("with the store of the folder: status %d, %s%s", status, out, complaint)
	}
}
