//go:build cgo

package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"souffleur/diarize/ge2e"
	"souffleur/diarize/onnx"
	"souffleur/internal/models"
)

// ownFolder writes an operator's folder whose embedder is some text.
func ownFolder(t *testing.T, text, described string) string {
	t.Helper()
	dir := t.TempDir()
	sum := sha256.Sum256([]byte(described))
	description := fmt.Sprintf(`{"embedding": {"sha256": %q, "bytes": %d, "fbank": {"window": "povey", "scale": "unit"}}}`, hex.EncodeToString(sum[:]), len(described))
	for name, content := range map[string]string{onnx.EmbeddingFile: text, onnx.DescriptionFile: description} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// crashing is a library that ends its process when it is opened; without a C compiler the test is skipped.
func crashing(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	source, out := filepath.Join(dir, "lib.c"), filepath.Join(dir, "lib.so")
	code := "#include <stdlib.h>\n__attribute__((constructor)) static void end(void) { abort(); }\nvoid *OrtGetApiBase(void) { return 0; }\n"
	if err := os.WriteFile(source, []byte(code), 0o600); err != nil {
		t.Fatal(err)
	}
	if b, err := exec.Command("cc", "-shared", "-fPIC", "-o", out, source).CombinedOutput(); err != nil {
		t.Skipf("cc: %v: %s", err, b)
	}
	return out
}

func TestOwnModelsThatAreWrongLeaveTheBuiltInOnes(t *testing.T) {
	t.Setenv(asProgram, "1") // the trial is this program in another process
	right := ownFolder(t, "a network", "a network")
	for what, c := range map[string]struct {
		flags ownVoiceFlags
		want  onnx.Name
	}{
		"no folder":                       {ownVoiceFlags{DiarizeModels: filepath.Join(right, "nowhere")}, onnx.NoModels},
		"another checksum":                {ownVoiceFlags{DiarizeModels: ownFolder(t, "a network", "another!!")}, onnx.WrongFile},
		"no library named":                {ownVoiceFlags{DiarizeModels: right}, onnx.NoLibrary},
		"no library there":                {ownVoiceFlags{DiarizeModels: right, ONNXRuntime: filepath.Join(right, "none.so")}, onnx.NoLibrary},
		"no library":                      {ownVoiceFlags{DiarizeModels: right, ONNXRuntime: filepath.Join(right, onnx.DescriptionFile)}, onnx.BadLibrary},
		"a library that ends the process": {ownVoiceFlags{DiarizeModels: right, ONNXRuntime: crashing(t)}, onnx.Crashed},
	} {
		var out bytes.Buffer
		if m := c.flags.open(t.Context(), slog.New(slog.NewTextHandler(&out, nil))); m != nil {
			t.Errorf("%s: models", what)
		}
		if !strings.Contains(out.String(), "warning="+string(c.want)+" ") || !strings.Contains(out.String(), "remedy=") {
			t.Errorf("%s, want %s: %s", what, c.want, out.String())
		}
		f := (&doctorCmd{systemFlags: systemFlags{ownVoiceFlags: c.flags}}).ownVoiceModels(t.Context(), slog.New(slog.DiscardHandler))
		if f.err == nil || f.note || !strings.HasSuffix(f.remedy, "Until then the built-in model tells them apart.") {
			t.Errorf("%s: doctor says %+v", what, f)
		}
	}
}

func TestWithoutOwnModelsNothingIsTried(t *testing.T) {
	var out bytes.Buffer
	if m := (ownVoiceFlags{ONNXRuntime: "/nowhere.so"}).open(t.Context(), slog.New(slog.NewTextHandler(&out, nil))); m != nil || out.Len() > 0 {
		t.Error(out.String())
	}
	if got := (ownVoiceFlags{}).bring(); len(got) > 0 {
		t.Errorf("%v of nobody", got)
	}
}

func TestVoicesGoOnWithTheBuiltInModel(t *testing.T) {
	t.Setenv(asProgram, "1")
	log := slog.New(slog.DiscardHandler)
	store := models.NewStore(defaultModelsDir(), log)
	for _, name := range voiceModels() {
		if _, err := store.Path(name); err != nil {
			t.Skipf("fetch it with souffleur models pull %s: %v", name, err)
		}
	}
	own := ownVoiceFlags{DiarizeModels: ownFolder(t, "a network", "another!!"), ONNXRuntime: "/nowhere.so"}
	made, err := modelFlags{Models: defaultModelsDir()}.trackers(t.Context(), own, log)
	if err != nil || made.embedder.Model() != ge2e.ModelID || made.thresholds != nil {
		t.Errorf("%+v, %v", made, err)
	}
}

func TestRecordingsAreHeardByOwnModels(t *testing.T) {
	const models, library = "build/real/onnx/models", "build/real/onnx/libonnxruntime.so"
	if _, err := os.Stat(library); err != nil {
		t.Skip("no ONNX Runtime: run scripts/real-onnx.sh")
	}
	needModel(t)
	hear := func(dir string) (rttm, said string) {
		rttm, said, status := souffleur(t, "transcribe", "--voices", "auto", "--format", "rttm", "--diarize-models", dir, "--onnx-runtime", library, "testdata/speech/jfk.ogg")
		if status != 0 || !strings.Contains(rttm, "SPEAKER jfk 1 ") || strings.Contains(rttm, "voice-2") {
			t.Errorf("status %d: %s%s", status, rttm, said)
		}
		return rttm, said
	}
	if _, said := hear(models); !strings.Contains(said, "your own models tell voices apart") || strings.Contains(said, "warning=") {
		t.Error(said)
	}
	if _, said := hear(uncertain(t, models)); !strings.Contains(said, "warning="+string(onnx.NoThresholds)) {
		t.Error(said)
	}
	if _, said := hear(ownFolder(t, "a network", "a network")); !strings.Contains(said, "warning="+string(onnx.BadModel)) {
		t.Error(said)
	}
	f := (&doctorCmd{systemFlags: systemFlags{ownVoiceFlags: ownVoiceFlags{DiarizeModels: models, ONNXRuntime: library}}})
	t.Setenv(asProgram, "1")
	if found := f.ownVoiceModels(t.Context(), slog.New(slog.DiscardHandler)); found.err != nil {
		t.Errorf("doctor says %+v", found)
	}
}

// uncertain is a folder with the embedder of another and a mean that does nothing: nobody measured vectors with that mean.
func uncertain(t *testing.T, models string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(models, onnx.DescriptionFile))
	if err != nil {
		t.Fatal(err)
	}
	var d onnx.Description
	if err := json.Unmarshal(b, &d); err != nil {
		t.Fatal(err)
	}
	mean := []byte("[0" + strings.Repeat(",0", 191) + "]")
	sum := sha256.Sum256(mean)
	d.Segmentation, d.Embedding.Mean = nil, &onnx.File{SHA256: hex.EncodeToString(sum[:]), Bytes: int64(len(mean))}
	if b, err = json.Marshal(d); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	embedder, err := filepath.Abs(filepath.Join(models, onnx.EmbeddingFile))
	if err := errors.Join(err, os.Symlink(embedder, filepath.Join(dir, onnx.EmbeddingFile)), os.WriteFile(filepath.Join(dir, onnx.DescriptionFile), b, 0o600),
		os.WriteFile(filepath.Join(dir, onnx.MeanFile), mean, 0o600)); err != nil {
		t.Fatal(err)
	}
	return dir
}
