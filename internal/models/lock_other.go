//go:build !unix

package models

import (
	"context"
	"fmt"
	"os"
)

// lock makes the folder. Here nothing keeps two programs apart; what they install is checked all the same.
func (s *Store) lock(context.Context) (unlock func(), err error) {
	if err := os.MkdirAll(s.staging(), 0o755); err != nil {
		return nil, fmt.Errorf("make the folder of models: %w", err)
	}
	return func() {}, nil
}
