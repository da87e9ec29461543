#!/usr/bin/env bash
# Builds the speech engine, whisper.cpp, as static libraries: build/whisper/{include,lib} under the repository.
# whisper-sources.sh says where the sources come from.
#
# WHISPER_CMAKE_FLAGS adds flags for cmake, for example -DGGML_NATIVE=OFF to run on an older CPU than this one.
# A second run with the same flags does nothing.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/whisper-sources.sh
source "$root/scripts/whisper-sources.sh"

flags="$engine_flags
-DWHISPER_BUILD_EXAMPLES=OFF -DWHISPER_BUILD_TESTS=OFF -DWHISPER_BUILD_SERVER=OFF ${WHISPER_CMAKE_FLAGS:-}"
target=$root/build/whisper
stamp="whisper.cpp $version $commit
$flags"

if [[ -f $target/stamp && $(<"$target/stamp") == "$stamp" ]]; then
  exit 0
fi

# collect SOURCES RESULT: what the Go build needs, and the two speech samples that tests read.
collect() {
  mkdir -p "$2/include" "$2/lib" "$2/samples"
  cp "$1"/include/*.h "$1"/ggml/include/*.h "$2/include/"
  find "$work/cmake" -name 'lib*.a' -exec cp {} "$2/lib/" \;
  cp "$1/LICENSE" "$2/"
  cp "$1/samples/jfk.mp3" "$1/bindings/go/samples/jfk.wav" "$2/samples/"
  local name
  for name in whisper parakeet ggml ggml-base ggml-cpu; do
    [[ -f $2/lib/lib$name.a ]] || { say "cmake made no lib$name.a"; exit 1; }
  done
  printf '%s\n' "$stamp" >"$2/stamp"
}

require_tools
mkdir -p "$root/build"
# Everything happens in a directory of our own beside the target, then one rename: two runs at once cannot mix.
work=$(mktemp -d "$root/build/.whisper.XXXXXX")
trap 'rm -rf "$work"' EXIT

fetch_sources "$work/source"
say "building with cmake (two to five minutes on two cores)"
cmake_build "$work/source" "$flags" whisper parakeet
collect "$work/source" "$work/result"
rm -rf "$target"
mv "$work/result" "$target"
say "whisper.cpp $version is ready in build/whisper"
