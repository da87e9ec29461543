#!/usr/bin/env bash
# Builds whisper.cpp's own HTTP server, which asr/remote is tested against, from the sources of the speech engine:
# build/real/whisper-server. It is a process of its own in tests, never shipped. A second run does nothing.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/whisper-sources.sh
source "$root/scripts/whisper-sources.sh"

flags="$engine_flags -DWHISPER_BUILD_EXAMPLES=ON -DWHISPER_BUILD_SERVER=ON -DWHISPER_BUILD_TESTS=OFF ${WHISPER_CMAKE_FLAGS:-}"
target=$root/build/real/whisper-server
stamp="whisper.cpp $version $commit
$flags"

if [[ -x $target && -f $target.stamp && $(<"$target.stamp") == "$stamp" ]]; then
  exit 0
fi

require_tools
mkdir -p "$root/build/real"
work=$(mktemp -d "$root/build/real/.whisper.XXXXXX")
trap 'rm -rf "$work"' EXIT

fetch_sources "$work/source"
say "building with cmake (three to six minutes on two cores)"
cmake_build "$work/source" "$flags" whisper-server
mv "$work/cmake/bin/whisper-server" "$target"
printf '%s\n' "$stamp" >"$target.stamp"
say "whisper.cpp's server is ready: build/real/whisper-server"
