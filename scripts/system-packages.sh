#!/usr/bin/env bash
# Makes sure that the system's packages are there: system-packages.sh build|test|sound|net|api …
# As root on Debian they are installed; elsewhere one message names all that are missing.
set -euo pipefail

# program:package, as Debian names it
build="cmake:cmake g++:g++ make:make git:git node:nodejs npm:npm python3:python3 pip3:python3-pip"
tests="chromium:chromium nft:nftables java:default-jre-headless mvn:maven"
sound="opusenc:opus-tools" # encodes the sounds without speech that recognisers are tried with
api="curl:curl python3:python3"
net="ip:iproute2 tc:iproute2" # network namespaces, and links with limits

wanted=""
for group in "$@"; do
  case $group in
    build) wanted+=" $build" ;;
    test) wanted+=" $tests" ;;
    sound) wanted+=" $sound" ;;
    net) wanted+=" $net" ;;
    api) wanted+=" $api" ;;
    *) echo "system-packages: unknown group $group" >&2; exit 2 ;;
  esac
done

missing=()
for pair in $wanted; do
  command -v "${pair%%:*}" >/dev/null || missing+=("${pair##*:}")
done
# Debian's package of venv has no program.
if [[ " $* " == *" api "* ]] && ! python3 -c 'import ensurepip' 2>/dev/null; then
  missing+=(python3-venv)
fi
if [[ ${#missing[@]} -eq 0 ]]; then
  exit 0
fi

if [[ $(id -u) -eq 0 ]] && command -v apt-get >/dev/null; then
  echo "installing system packages: ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
  exit 0
fi
echo "These packages are missing; please install them and run make again: ${missing[*]}" >&2
echo "On Debian or Ubuntu: sudo apt-get install ${missing[*]}" >&2
exit 1
