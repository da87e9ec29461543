//go:build !whisper || !cgo

package whispercpp

import "log/slog"

// Open returns [ErrNotBuilt].
func Open() error { return ErrNotBuilt }

// DrainLog does nothing: there is no library.
func DrainLog(*slog.Logger) {}
