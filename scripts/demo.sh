#!/usr/bin/env bash
# Sends two scripted speakers into a room of a running server, so that one person sees captions at once.
# DATA is the server's data folder (default: data), SPEECH a folder with Ogg Opus recordings (default: the repository's).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

data=${DATA:-data}
speech=${SPEECH:-testdata/speech}
first=${FIRST:-$speech/jfk-1.ogg}
second=${SECOND:-$speech/jfk-2.ogg}

if ! url=$(build/souffleur rooms create "Demo" --ai captions --lang "${DEMO_LANG:-en}" --data "$data" 2>/dev/null); then
  echo "No server answers. Start it first, in another terminal: make run" >&2
  exit 1
fi
echo
echo "  Open this room and read along:  $url"
echo "  Two speakers are talking in it. Ctrl-C ends the demo."
echo

trap 'kill $(jobs -p) 2>/dev/null || true' EXIT
build/souffleur join "$url" --name "Ada" --audio "$first" --repeat --start-after 2s 2>/dev/null &
build/souffleur join "$url" --name "Grace" --audio "$second" --repeat --start-after 8s 2>/dev/null &
wait
