package score

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// Segment is a stretch in which somebody speaks. Times are seconds from the beginning of the recording.
type Segment struct {
	Start, End float64
	Speaker    string
}

// Recording is the segments of one recording, in the order of the file.
type Recording struct {
	Name     string // "file" of RTTM, without white space
	Segments []Segment
}

// ErrFormat says that a file is not RTTM or STM. It is wrapped with the line.
var ErrFormat = errors.New("unexpected content")

// Bounds of a file.
const (
	maxLine     = 16 << 10  // bytes
	maxSegments = 1_000_000 // of all recordings
	maxSeconds  = 1e6
)

// ReadRTTM reads the SPEAKER lines of an RTTM file (NIST RT-09 evaluation plan, appendix A): type, file, channel, start,
// duration, two fields, speaker. Other types, comments (;;) and empty lines are passed over. Recordings are in the order in
// which they first appear.
func ReadRTTM(r io.Reader) ([]Recording, error) {
	var out []Recording
	index, count := map[string]int{}, 0
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLine)
	for n := 1; lines.Scan(); n++ {
		f := strings.Fields(lines.Text())
		if len(f) == 0 || strings.HasPrefix(f[0], ";") || f[0] != "SPEAKER" {
			continue
		}
		if len(f) < 8 {
			return nil, fmt.Errorf("%w: line %d has %d fields, a SPEAKER line of RTTM has at least 8", ErrFormat, n, len(f))
		}
		start, err := seconds(f[3])
		length, err2 := seconds(f[4])
		if err := errors.Join(err, err2); err != nil {
			return nil, fmt.Errorf("%w: line %d: %w", ErrFormat, n, err)
		}
		if count++; count > maxSegments {
			return nil, fmt.Errorf("%w: more than %d segments", ErrFormat, maxSegments)
		}
		i, known := index[f[1]]
		if !known {
			i = len(out)
			index[f[1]] = i
			out = append(out, Recording{Name: f[1]})
		}
		out[i].Segments = append(out[i].Segments, Segment{start, start + length, f[7]})
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read RTTM: %w", err)
	}
	return out, nil
}

func seconds(s string) (float64, error) {
	v, err := strconv.ParseFloat(s, 64)
	if err != nil || !(v >= 0 && v <= maxSeconds) {
		return 0, fmt.Errorf("%q is no time in seconds", s)
	}
	return v, nil
}

// WriteRTTM writes recordings as SPEAKER lines, times in milliseconds. White space in names becomes "_"; an empty name is "-".
func WriteRTTM(w io.Writer, recordings ...Recording) error {
	out := bufio.NewWriter(w)
	for _, r := range recordings {
		for _, s := range r.Segments {
			start := math.Round(s.Start*1000) / 1000
			length := math.Round(s.End*1000)/1000 - start
			fmt.Fprintf(out, "SPEAKER %s 1 %.3f %.3f <NA> <NA> %s <NA> <NA>\n", field(r.Name), start, length, field(s.Speaker))
		}
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write RTTM: %w", err)
	}
	return nil
}

// field makes one field of a name.
func field(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || unicode.IsControl(r) || r == unicode.ReplacementChar {
			return '_'
		}
		return r
	}, s)
	if s == "" {
		return "-"
	}
	return s
}

// Speakers are the names in a recording, sorted.
func (r Recording) Speakers() []string {
	var out []string
	for _, s := range r.Segments {
		out = append(out, s.Speaker)
	}
	slices.Sort(out)
	return slices.Compact(out)
}
