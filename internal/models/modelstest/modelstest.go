// Package modelstest finds installed models for tests that need a real one.
package modelstest

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"souffleur/internal/models"
)

// Path returns the file of an installed model and skips the test where there is none. SOUFFLEUR_MODELS names the folder of models;
// without it that is the user's cache.
func Path(t testing.TB, name string) string {
	t.Helper()
	dir := os.Getenv("SOUFFLEUR_MODELS")
	if dir == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			t.Skip("no folder of models")
		}
		dir = filepath.Join(cache, "souffleur", "models")
	}
	path, err := models.NewStore(dir, slog.New(slog.DiscardHandler)).Path(name)
	if err != nil {
		t.Skipf("fetch it with souffleur models pull %s: %v", name, err)
	}
	return path
}
