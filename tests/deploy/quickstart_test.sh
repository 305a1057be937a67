#!/bin/bash
# Goal: the quickstart's story holds, can be repeated and kept, and leaves no process behind however it ends.
# Method: run whole, kept, again, stopped; with a port taken; cut off by SIGINT; with a program that dies. On ports and
# in a directory of its own, with the programs that are built already.
# usage: quickstart_test.sh BIN
set -euo pipefail
source "$(dirname "$0")/lib.sh"
bin=$(cd "$1" && pwd)
quickstart=$root/deploy/quickstart.sh
export ACCORD_DEMO_DIR=$work/demo ACCORD_DEMO_PROGRAMS=$bin
ACCORD_DEMO_BASE_PORT=$(free_base_port)
export ACCORD_DEMO_BASE_PORT
base=$ACCORD_DEMO_BASE_PORT
trap '"$quickstart" --stop >/dev/null 2>&1 || true; kill $(jobs -p) 2>/dev/null || true; rm -rf "$work"' EXIT

# Ids of the programs whose configuration lies in this test's directory.
left() {
  local process words
  for process in /proc/[0-9]*; do
    mapfile -d '' -t words 2>/dev/null <"$process/cmdline" || continue
    if [[ ${words[0]:-} == *accord-* && ${words[2]:-} == "$ACCORD_DEMO_DIR"/* ]]; then echo "${process#/proc/}"; fi
  done 2>/dev/null
}
nothing_left() { same "$(left)" "" "processes left after $1"; }

expect 0 "$quickstart" --help
says 'usage: deploy/quickstart.sh [--keep | --stop]'
expect 2 "$quickstart" --unknown
expect 2 "$quickstart" --keep --stop
expect 0 "$quickstart" --stop
says "no demo runs in"

# Somebody's directory is not emptied.
mkdir "$ACCORD_DEMO_DIR"
echo precious >"$ACCORD_DEMO_DIR/file"
expect 1 "$quickstart"
says 'is not empty and not of a demo'
same "$(cat "$ACCORD_DEMO_DIR/file")" precious "a file that was there"
rm -r "$ACCORD_DEMO_DIR"

# A port that is taken is named.
/usr/bin/python3 -c "
import signal, socket
s = socket.socket(); s.bind(('127.0.0.1', $((base + 13)))); s.listen()
print('taken', flush=True); signal.pause()" >"$work/taken" &
taker=$!
for ((i = 0; i < 100; i++)); do [ ! -s "$work/taken" ] || break; sleep 0.1; done
expect 1 "$quickstart"
says "port $((base + 13)) of 127.0.0.1, which accord-housing needs, is in use"
kill $taker
nothing_left "a port that was taken"

# Whole, and kept.
expect 0 "$quickstart" --keep
samples=("$root"/deploy/samples/*.json)
says "${#samples[@]} of ${#samples[@]} done, 0 failed"
says 'strategy discussion'
says 'Completeness: attested'
says 'VERIFIES: every entry and tile is what the log'
says 'export.altered DOES NOT VERIFY'
says 'all of it succeeded'
same "$(grep -c '^entry [0-9 ]*VERIFIES' "$work/out")" 19 "receipts of the trail verified"
says 'on no agenda yet'
says 'research requested'
same "$(left | wc -l)" 8 "programs kept running"
(
  source "$ACCORD_DEMO_DIR/env.sh"
  expect 0 accordctl status
  expect 0 accordctl --as idva inbox list
  expect 0 accordctl --as idva-westshire inbox list
  says accepted
)
expect 0 "$(dirname "$0")/python_client.sh" "$ACCORD_DEMO_DIR/pki" $((base + 11)) $((base + 15))

# A kept demo is not touched by another run.
expect 0 "$quickstart" --keep
says 'Nothing was changed.'
expect 1 "$quickstart"
says 'Nothing was changed.'
same "$(left | wc -l)" 8 "programs still running"
expect 0 "$quickstart" --stop
nothing_left "--stop"

# Cut off, as by Ctrl-C, once the programs run.
"$quickstart" >"$work/cut" 2>&1 </dev/null &
cut=$!
for ((i = 0; i < 300; i++)); do [ "$(left | wc -l)" -lt 8 ] || break; sleep 0.05; done
[ "$(left | wc -l)" -ge 8 ] || fail "the programs did not start: $(tail -5 "$work/cut")"
kill -TERM $cut
status=0
wait $cut || status=$?
same $status 143 "status of a run that was cut off"
nothing_left "a run that was cut off"

# A program that cannot start: its name and its words are said, the others are ended.
mkdir "$work/bin"
cp -s "$bin"/accord* "$work/bin/"
rm "$work/bin/accord-health"
printf '#!/bin/sh\necho "the disk has melted" >&2\nexit 1\n' >"$work/bin/accord-health"
chmod +x "$work/bin/accord-health"
ACCORD_DEMO_PROGRAMS=$work/bin expect 1 "$quickstart"
says 'the disk has melted'
says 'accord-health has ended'
nothing_left "a program that did not start"
