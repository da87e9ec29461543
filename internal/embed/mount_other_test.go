//go:build !linux

package embed_test

import "errors"

func mountTmpfs(string, int) error { return errors.New("only on Linux") }

func unmount(string) error { return nil }
