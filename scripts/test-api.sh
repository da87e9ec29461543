#!/usr/bin/env bash
# Sends what openapi.json allows, and what it does not, to a server of its own, as a stranger, an organizer and an admin, and checks
# that each answer is one that openapi.json describes. About two minutes; SECONDS_EACH is the budget of each role. Each run tries other
# things, unless SEED says which.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

seconds=${SECONDS_EACH:-30}
seed=(${SEED:+--seed "$SEED"})
venv=build/api/venv
mkdir -p build/api
if ! cmp -s scripts/api/requirements.txt build/api/requirements.txt; then
  echo "installing schemathesis"
  rm -rf "$venv"
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check --no-deps -r scripts/api/requirements.txt
  cp scripts/api/requirements.txt build/api/requirements.txt
fi

data=$(mktemp -d)
server=
finish() {
  [[ -z $server ]] || { kill "$server" 2>/dev/null && wait "$server" || true; }
  rm -rf "$data"
}
trap finish EXIT

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
url=http://127.0.0.1:$port/api/v1
# Behind a proxy that says who calls, so that rate limits do not end the run.
SOUFFLEUR_TCP_PORT=0 SOUFFLEUR_TURN_PORT=0 build/souffleur serve --data "$data" --listen "127.0.0.1:$port" --udp-port 0 \
  --trusted-proxies 127.0.0.1/32 >build/api/server.log 2>&1 &
server=$!
for _ in $(seq 300); do
  curl -fs "$url/health" >/dev/null && break
  kill -0 "$server" 2>/dev/null || { echo "the server ended by itself; see build/api/server.log" >&2; exit 1; }
  sleep 0.2
done

# Somebody with rooms, and with a meeting in the first of them.
field() { python3 -c 'import json, sys; v = json.load(sys.stdin)
for name in sys.argv[1:]: v = v[name]
print(v)' "$@"; }
rooms=()
for name in Weekly Hall Salon; do
  rooms+=("$(curl -fs -b "$data/cookies" -c "$data/cookies" -H 'Content-Type: application/json' -d "{\"name\":\"$name\"}" "$url/rooms" | field room id)")
done
meeting=$(curl -fs -b "$data/cookies" -H 'Content-Type: application/json' -d @scripts/api/meeting.json "$url/rooms/${rooms[0]}/meetings" | field id)
cookie=$(awk '/souffleur/ { print $6 "=" $7 }' "$data/cookies")
token=$(<"$data/api-token")

{
  echo "hooks = \"$PWD/scripts/api/hooks.py\""
  printf '[dictionaries.rooms]\nvalues = ["%s", "%s", "%s"]\n' "${rooms[@]}"
  printf '[dictionaries.meetings]\nvalues = ["%s"]\n' "$meeting"
  printf '[dictionaries.participants]\nvalues = ["p1", "p2"]\n'
  cat scripts/api/schemathesis.toml
} >build/api/schemathesis.toml

status=0
try() { # ROLE SECONDS OPTIONS…: what is sent in a role
  local role=$1 budget=$2
  shift 2
  echo "== as $role"
  # It keeps notes where it runs.
  (cd build/api && venv/bin/st --config-file schemathesis.toml run "$url/openapi.json" --max-time "$budget" "${seed[@]}" "$@") || status=1
}
undone=(--exclude-operation-id delete-room --exclude-operation-id delete-meeting --exclude-operation-id sign-out --exclude-operation-id redeem-link)
try stranger "$seconds"
try organizer "$seconds" -H "Cookie: $cookie" "${undone[@]}"
# No webhooks: the server would send to the addresses that are made up.
try admin "$seconds" -H "Authorization: Bearer $token" "${undone[@]}" --exclude-operation-id create-webhook --exclude-operation-id change-webhook
try "organizer who deletes" 10 -H "Cookie: $cookie" --include-method DELETE --exclude-operation-id sign-out
kill -0 "$server" 2>/dev/null || { echo "the server ended by itself; see build/api/server.log" >&2; exit 1; }
if grep -F 'handler panicked' build/api/server.log; then status=1; fi
exit $status
