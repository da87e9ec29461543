package onnx

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"

	"souffleur/diarize/voices"
)

// The files of a folder.
const (
	DescriptionFile  = "models.json"
	EmbeddingFile    = "embedding.onnx"
	SegmentationFile = "segmentation.onnx"
	MeanFile         = "mean.json"
)

// Bounds of files.
const (
	maxDescription = 64 << 10
	maxMean        = 256 << 10
	maxModel       = 512 << 20 // the largest speaker embedders in use have 100 MB
	maxDim         = 4096      // numbers of a vector
)

// Description is what models.json says: one object, no field that is not here.
type Description struct {
	Embedding    *Embedding         `json:"embedding,omitempty"`
	Segmentation *File              `json:"segmentation,omitempty"`
	Thresholds   *voices.Thresholds `json:"thresholds,omitempty"` // of the embedder's cosines; absent: those of a known file
}

// File is what a file must be.
type File struct {
	SHA256 string `json:"sha256"` // 64 hexadecimal digits
	Bytes  int64  `json:"bytes"`
}

// Embedding describes embedding.onnx.
type Embedding struct {
	File
	// Fbank is the front end that it was trained with; absent: that of a known file.
	Fbank *FrontEnd `json:"fbank,omitempty"`
	// Mean describes mean.json, a JSON array of as many numbers as a vector has. It is taken off each vector at length one, and should
	// come from many other people: never from those who are to be told apart. Absent: nothing is.
	Mean *File `json:"mean,omitempty"`
}

// FrontEnd is what of Kaldi's fbank differs between embedders: all have 80 bands, 25 ms every 10 ms, no dither, the mean taken off.
type FrontEnd struct {
	Window Window `json:"window"`
	Scale  Scale  `json:"scale"`
}

// Folder is an operator's folder whose files are what models.json says.
type Folder struct {
	Description
	embedding, segmentation []byte
	mean                    []float32 // nil: none
}

// ReadFolder reads a folder and checks size and SHA-256 of all that its description names. It needs no library. The error is a
// [*Problem].
func ReadFolder(dir string) (*Folder, error) {
	d, err := readDescription(filepath.Join(dir, DescriptionFile))
	if err != nil {
		return nil, err
	}
	f := &Folder{Description: *d}
	if d.Segmentation != nil {
		if f.segmentation, err = readChecked(filepath.Join(dir, SegmentationFile), *d.Segmentation, maxModel); err != nil {
			return nil, err
		}
	}
	if d.Embedding == nil {
		return f, nil
	}
	if f.embedding, err = readChecked(filepath.Join(dir, EmbeddingFile), d.Embedding.File, maxModel); err != nil {
		return nil, err
	}
	if d.Embedding.Mean != nil {
		if f.mean, err = readMean(filepath.Join(dir, MeanFile), *d.Embedding.Mean); err != nil {
			return nil, err
		}
	}
	return f, f.fill()
}

// fill takes from the known files what the description does not say of the embedder.
func (f *Folder) fill() error {
	k, ok := known[f.Embedding.SHA256]
	if f.Embedding.Fbank == nil {
		if !ok {
			return &Problem{
				NoFrontEnd, fmt.Errorf("%s has no \"fbank\", and the embedder %s… is not one that we know", DescriptionFile, f.Embedding.SHA256[:12]),
				"Say in models.json which window and scale the embedder was trained with: docs/diarization-models.md has those of common ones.",
			}
		}
		f.Embedding.Fbank = &k.front
	}
	if f.Thresholds == nil && ok && (f.mean != nil) == k.centred {
		f.Thresholds = &k.thresholds
	}
	return nil
}

func readDescription(path string) (*Description, error) {
	b, err := readBounded(path, maxDescription)
	if err != nil {
		return nil, err
	}
	d := &Description{}
	if err := strict(b, d); err != nil {
		return nil, badDescription(path, err)
	}
	if err := d.validate(); err != nil {
		return nil, badDescription(path, err)
	}
	return d, nil
}

func badDescription(path string, err error) *Problem {
	return &Problem{BadDescription, fmt.Errorf("read %s: %w", path, err), "Correct it after the example in docs/diarization-models.md."}
}

// strict decodes one JSON value with no unknown field and nothing behind it.
func strict(b []byte, into any) error {
	in := json.NewDecoder(bytes.NewReader(b))
	in.DisallowUnknownFields()
	if err := in.Decode(into); err != nil {
		return err
	}
	if _, err := in.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something stands behind the JSON object")
	}
	return nil
}

func (d *Description) validate() error {
	if d.Embedding == nil && d.Segmentation == nil {
		return errors.New("it describes neither \"embedding\" nor \"segmentation\"")
	}
	if d.Thresholds != nil {
		if d.Embedding == nil {
			return errors.New("\"thresholds\" are of an embedder, and there is none")
		}
		if err := d.Thresholds.Validate(); err != nil {
			return fmt.Errorf("thresholds: %w", err)
		}
	}
	if d.Segmentation != nil {
		if err := d.Segmentation.validate(); err != nil {
			return fmt.Errorf("segmentation: %w", err)
		}
	}
	if e := d.Embedding; e != nil {
		if err := e.validate(); err != nil {
			return fmt.Errorf("embedding: %w", err)
		}
	}
	return nil
}

func (e *Embedding) validate() error {
	if err := e.File.validate(); err != nil {
		return err
	}
	if e.Mean != nil {
		if err := e.Mean.validate(); err != nil {
			return fmt.Errorf("mean: %w", err)
		}
	}
	if f := e.Fbank; f != nil && (f.Window != Hamming && f.Window != Povey || f.Scale != Int16 && f.Scale != Unit) {
		return fmt.Errorf("fbank: window is %q or %q, scale %q or %q", Hamming, Povey, Int16, Unit)
	}
	return nil
}

var hash = regexp.MustCompile(`^[0-9a-f]{64}$`)

func (f File) validate() error {
	if !hash.MatchString(f.SHA256) {
		return errors.New("\"sha256\" is not 64 hexadecimal digits in lower case")
	}
	if f.Bytes < 1 || f.Bytes > maxModel {
		return fmt.Errorf("\"bytes\" is %d, not 1 to %d", f.Bytes, maxModel)
	}
	return nil
}

// readBounded reads a regular file that is not larger than most.
func readBounded(path string, most int64) ([]byte, error) {
	b, err := func() ([]byte, error) {
		info, err := os.Stat(path)
		if err != nil {
			return nil, err
		}
		if !info.Mode().IsRegular() || info.Size() > most {
			return nil, fmt.Errorf("%s is no file of at most %d bytes", path, most)
		}
		file, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer file.Close()
		return io.ReadAll(io.LimitReader(file, most))
	}()
	if err != nil {
		return nil, &Problem{
			NoModels, err,
			"Put the file there and let this user read it, or name another folder with --diarize-models: docs/diarization-models.md says what belongs into it.",
		}
	}
	return b, nil
}

// readChecked reads a file and compares it with what it must be.
func readChecked(path string, want File, most int64) ([]byte, error) {
	b, err := readBounded(path, most)
	if err != nil {
		return nil, err
	}
	wrong := func(err error) error {
		return &Problem{WrongFile, fmt.Errorf("%s: %w", path, err), "Get the file again from where it was published, and compare its SHA-256 with the one that stands there; only then correct models.json."}
	}
	if int64(len(b)) != want.Bytes {
		return nil, wrong(fmt.Errorf("it has %d bytes, not %d", len(b), want.Bytes))
	}
	sum := sha256.Sum256(b)
	if got := hex.EncodeToString(sum[:]); got != want.SHA256 {
		return nil, wrong(fmt.Errorf("its SHA-256 is %s, not %s", got, want.SHA256))
	}
	return b, nil
}

func readMean(path string, want File) ([]float32, error) {
	b, err := readChecked(path, want, maxMean)
	if err != nil {
		return nil, err
	}
	var mean []float32
	if err := strict(b, &mean); err != nil {
		return nil, badDescription(path, err)
	}
	if len(mean) == 0 || len(mean) > maxDim || !finite(mean) {
		return nil, badDescription(path, fmt.Errorf("it has %d numbers, not as many as a vector", len(mean)))
	}
	return mean, nil
}

func finite(v []float32) bool {
	for _, x := range v {
		if x-x != 0 {
			return false
		}
	}
	return true
}
