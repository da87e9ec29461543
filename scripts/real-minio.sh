#!/bin/sh
# Builds the MinIO server that the storage tests run against with SOUFFLEUR_TEST_REAL=1.
#
#   scripts/real-minio.sh [DIR]      DIR defaults to build/real/bin
#
# MinIO is AGPLv3 and archived: it is a separate process for tests, never linked, shipped or exposed. The version is
# pinned; the binary is kept under its version, so a second run returns at once. A cold build takes minutes of CPU.
set -eu

version=v0.0.0-20260212201848-7aac2a2c5b7c
dir=${1:-$(dirname "$0")/../build/real/bin}

mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
if [ -x "$dir/minio" ] && [ "$(cat "$dir/minio.version" 2>/dev/null)" = "$version" ]; then
	echo "$dir/minio"
	exit 0
fi

# GOFLAGS is emptied: flags meant for this module must not reach the build of another one.
(cd / && GOBIN="$dir" GOFLAGS= CGO_ENABLED=0 nice -n 19 go install "github.com/minio/minio@$version")
echo "$version" >"$dir/minio.version"
echo "$dir/minio"
