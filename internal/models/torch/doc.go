// Package torch reads two checkpoints of PyTorch and writes their numbers as plain files: the GE2E speaker encoder of
// Resemblyzer, in the format before version 1.6 ([FromGE2E]), and the segmentation network of pyannote.audio, in the format
// since ([FromPyanNet]).
//
// Both formats are built on Python's pickle, which is a program. This is no interpreter of such programs: it knows the two dozen
// instructions that describe a dictionary of tensors, refuses all others, and calls nothing. Counts are bounded before memory
// is taken for them. Errors about the content of a file wrap [ErrFormat].
package torch

import (
	"errors"
	"fmt"
)

// ErrFormat says that a file is not what it should be. It is wrapped with what is wrong.
var ErrFormat = errors.New("unexpected content")

func formatError(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrFormat, fmt.Sprintf(format, args...))
}
