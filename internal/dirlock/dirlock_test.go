package dirlock

import (
	"errors"
	"strings"
	"testing"
)

func TestASecondServerOnOneDirectoryIsRefusedInASentence(t *testing.T) {
	dir := t.TempDir()
	first, err := Take(dir)
	if err != nil {
		t.Fatal(err)
	}
	_, err = Take(dir)
	if !errors.Is(err, ErrInUse) {
		t.Fatalf("second lock: %v, want ErrInUse", err)
	}
	for _, part := range []string{dir, "process ", "stop that one"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not say %q", err, part)
		}
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := Take(dir)
	if err != nil {
		t.Fatalf("after the first one stopped: %v", err)
	}
	again.Close()
}
