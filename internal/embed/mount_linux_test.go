package embed_test

import (
	"fmt"
	"syscall"
)

func mountTmpfs(dir string, mib int) error {
	return syscall.Mount("souffleur-test", dir, "tmpfs", 0, fmt.Sprintf("size=%dm", mib))
}

func unmount(dir string) error { return syscall.Unmount(dir, 2) } // MNT_DETACH: a child may still be closing
