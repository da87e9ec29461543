//go:build unix

package models

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// lock waits until nobody else changes the store. The kernel frees it with the process.
func (s *Store) lock(ctx context.Context) (unlock func(), err error) {
	if err := os.MkdirAll(s.staging(), 0o755); err != nil {
		return nil, fmt.Errorf("make the folder of models: %w", err)
	}
	file, err := os.OpenFile(filepath.Join(s.staging(), "lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("lock the folder of models: %w", err)
	}
	for {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { file.Close() }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			file.Close()
			return nil, fmt.Errorf("lock the folder of models: %w", err)
		}
		select {
		case <-ctx.Done():
			file.Close()
			return nil, fmt.Errorf("another program is changing the models in %s: %w", s.dir, ctx.Err())
		case <-time.After(200 * time.Millisecond):
		}
	}
}
