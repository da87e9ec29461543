package onnx

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"souffleur/diarize/voices"
)

// named says whether err is a problem of a name, with something to do about it.
func named(t *testing.T, what string, err error, want Name) {
	t.Helper()
	var p *Problem
	switch {
	case !errors.As(err, &p):
		t.Errorf("%s: %v is no problem", what, err)
	case p.Name != want:
		t.Errorf("%s: %s (%v), want %s", what, p.Name, err, want)
	case !strings.HasSuffix(p.Remedy, "."):
		t.Errorf("%s: no sentence says what to do: %q", what, p.Remedy)
	}
}

func sampleThresholds() *voices.Thresholds {
	return &voices.Thresholds{Change: 0.5, Cut: 0.6, CutLong: 0.5, Join: 0.5, JoinLong: 0.6, Gate: 0.3, Sharp: 20, Within: 0.4, Between: 0.6, Fa: 0.3, Fb: 0.4, BornBelow: 0.3, BornAlike: 0.3, Update: 0.4}
}

func TestAFolderIsWhatItsDescriptionSays(t *testing.T) {
	mean := []byte("[0.5, -0.25]")
	dir := folder(t, loudest(), ups(0), func(d *Description) {
		d.Embedding.Mean, d.Thresholds = fileOf(mean), sampleThresholds()
	})
	write(t, filepath.Join(dir, MeanFile), mean)
	f, err := ReadFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(f.mean, []float32{0.5, -0.25}) || *f.Thresholds != *sampleThresholds() || *f.Embedding.Fbank != (FrontEnd{Povey, Unit}) {
		t.Errorf("%+v", f)
	}
	if !slices.Equal(f.embedding, loudest()) || !slices.Equal(f.segmentation, ups(0)) {
		t.Error("other files")
	}
}

func TestFilesThatAreNotAsDescribedAreNotUsed(t *testing.T) {
	whole := loudest()
	other := slices.Clone(whole)
	other[len(other)/2]++
	dir := folder(t, whole, ups(0), nil)
	for what, b := range map[string][]byte{"another file of that size": other, "a file cut short": whole[:len(whole)-1], "a longer file": append(slices.Clone(whole), 0), "an empty file": {}} {
		write(t, filepath.Join(dir, EmbeddingFile), b)
		_, err := ReadFolder(dir)
		named(t, what, err, WrongFile)
	}
	if err := os.Remove(filepath.Join(dir, EmbeddingFile)); err != nil {
		t.Fatal(err)
	}
	_, err := ReadFolder(dir)
	named(t, "no file", err, NoModels)
	if err := os.Mkdir(filepath.Join(dir, EmbeddingFile), 0o700); err != nil {
		t.Fatal(err)
	}
	_, err = ReadFolder(dir)
	named(t, "a folder in its place", err, NoModels)
	_, err = ReadFolder(filepath.Join(dir, "nowhere"))
	named(t, "no folder", err, NoModels)
}

func TestDescriptionsAreStrict(t *testing.T) {
	sum := strings.Repeat("0a", 32)
	file := `"sha256": "` + sum + `", "bytes": 10`
	for what, text := range map[string]string{
		"no JSON":                  `embedding`,
		"nothing":                  ``,
		"neither":                  `{}`,
		"an unknown field":         `{"segmentation": {` + file + `}, "window": "povey"}`,
		"more than one object":     `{"segmentation": {` + file + `}} {}`,
		"no hash":                  `{"segmentation": {"bytes": 10}}`,
		"a hash in upper case":     `{"segmentation": {"sha256": "` + strings.ToUpper(sum) + `", "bytes": 10}}`,
		"no size":                  `{"segmentation": {"sha256": "` + sum + `"}}`,
		"a negative size":          `{"segmentation": {"sha256": "` + sum + `", "bytes": -1}}`,
		"a size beyond all bounds": `{"segmentation": {"sha256": "` + sum + `", "bytes": 600000000}}`,
		"an unknown window":        `{"embedding": {` + file + `, "fbank": {"window": "hann", "scale": "unit"}}}`,
		"half a front end":         `{"embedding": {` + file + `, "fbank": {"window": "povey"}}}`,
		"a mean without hash":      `{"embedding": {` + file + `, "mean": {}}}`,
		"thresholds of nothing":    `{"segmentation": {` + file + `}, "thresholds": {"cut": 0.6}}`,
		"half the thresholds":      `{"embedding": {` + file + `}, "thresholds": {"cut": 0.6}}`,
		"far too much":             `{"segmentation": {` + file + `}` + strings.Repeat(" ", maxDescription) + `}`,
	} {
		dir := t.TempDir()
		write(t, filepath.Join(dir, DescriptionFile), []byte(text))
		_, err := ReadFolder(dir)
		if what == "far too much" {
			named(t, what, err, NoModels)
			continue
		}
		named(t, what, err, BadDescription)
	}
}

func TestMeansAreNumbers(t *testing.T) {
	for what, mean := range map[string]string{"none": `[]`, "words": `["a"]`, "an object": `{}`, "too many": "[" + strings.Repeat("0,", maxDim) + "0]", "too large": "[1e99]"} {
		dir := folder(t, loudest(), nil, func(d *Description) { d.Embedding.Mean = fileOf([]byte(mean)) })
		write(t, filepath.Join(dir, MeanFile), []byte(mean))
		_, err := ReadFolder(dir)
		named(t, what, err, BadDescription)
	}
}

func TestAnEmbedderOfUnknownFrontEndIsNotGuessed(t *testing.T) {
	_, err := ReadFolder(folder(t, loudest(), nil, func(d *Description) { d.Embedding.Fbank = nil }))
	named(t, "no front end", err, NoFrontEnd)
}

func TestKnownFilesBringTheirFrontEndAndThresholds(t *testing.T) {
	for sum, k := range known {
		f := &Folder{Description: Description{Embedding: &Embedding{File: File{SHA256: sum, Bytes: 1}}}}
		if k.centred {
			f.mean = []float32{1}
		}
		if err := f.fill(); err != nil || *f.Embedding.Fbank != k.front || *f.Thresholds != k.thresholds {
			t.Errorf("%s: %v, %+v", sum, err, f)
		}
		d := f.Description
		if err := d.validate(); err != nil {
			t.Errorf("%s: %v", sum, err)
		}
	}
}

func FuzzDescriptions(f *testing.F) {
	b, err := json.Marshal(Description{Embedding: &Embedding{File: *fileOf(nil), Fbank: &FrontEnd{Povey, Unit}, Mean: fileOf(nil)}, Thresholds: sampleThresholds()})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte(`{"segmentation": null}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		d := &Description{}
		if strict(b, d) != nil || d.validate() != nil {
			return
		}
		if d.Embedding == nil && d.Segmentation == nil || d.Thresholds != nil && d.Thresholds.Validate() != nil {
			t.Errorf("%s was taken", b)
		}
	})
}
