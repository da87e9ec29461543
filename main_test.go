package main

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"testing"

	"souffleur/internal/models"
)

// asProgram is the variable that makes the test binary be the program.
const asProgram = "SOUFFLEUR_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		os.Exit(run(os.Args[1:]))
	}
	if os.Getenv(asHour) != "" {
		most, err := hourOfARoom(os.Stdin)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Println(most)
		return
	}
	os.Exit(m.Run())
}

// souffleur runs the program and returns what it prints and its exit status.
func souffleur(t *testing.T, args ...string) (out, complaint string, status int) {
	t.Helper()
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), asProgram+"=1")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()
}

// needModel skips a test that needs a speech model where there is none, and with -short.
func needModel(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("recognising speech takes its time")
	}
	dir := os.Getenv("SOUFFLEUR_MODELS")
	if dir == "" {
		dir = defaultModelsDir()
	}
	store := models.NewStore(dir, slog.New(slog.DiscardHandler))
	for _, name := range []string{"whisper-base", vadModel} {
		if _, err := store.Path(name); err != nil {
			t.Skipf("fetch it with souffleur models pull %s: %v", name, err)
		}
	}
}
