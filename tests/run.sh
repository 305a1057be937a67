#!/usr/bin/env bash
# Installs what is missing, builds release, runs the tests. Works as root and as a user with sudo, can be run again.
set -uo pipefail
source "$(cd "$(dirname "$0")/.." && pwd)/deploy/lib/common.sh"

usage() {
  cat <<'TEXT'
usage: tests/run.sh [--long] [--label LABEL]

  Installs the packages of deploy/packages.txt that are missing, builds the release preset and runs every test
  but those labelled `long`; prints the time each label took. From nothing that is to take 40 minutes on two
  cores, of which a slow machine took 34.

  --long         also the tests labelled `long`, and those that run in one process under the address, undefined
                 and thread sanitizers
  --label LABEL  only the tests with this label: unit, lint, conformance, integration, scenarios, simulation,
                 compat, system, long
  --help         this text

  Exit status: 0 every test passed and no process is left behind, 1 otherwise or nothing could be built, 2 wrong use.
TEXT
}

long=no label=
while [ $# -gt 0 ]; do
  case $1 in
    --long) long=yes ;;
    --label) label=${2:-}; [ -n "$label" ] || { usage >&2; exit 2; }; shift ;;
    --help) usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
  esac
  shift
done

passed=0 failed=0 session=

# end_session: ends what the running tests started: they have a session of their own.
end_session() {
  [ -n "$session" ] || return 0
  local left
  left=$(pgrep -s "$session") || return 0
  echo "still running and ended now:"
  # shellcheck disable=SC2086  # A word each.
  ps -o pid=,etime=,args= -p "$(echo $left | tr ' ' ',')"
  kill -KILL $left 2>/dev/null
  return 1
}
trap 'trap - INT TERM; echo "interrupted"; end_session; exit 1' INT TERM

# run_tests PRESET CTEST-ARGS…: runs, shows each result as it comes and each failure's output, adds to the counts.
# One test more than there are cores: those that run programs wait for them more than half of their time.
run_tests() {
  local preset=$1 out status all bad
  shift
  out="$ACCORD_ROOT/build/$preset.tests.log"
  : >"$out"
  (cd "$ACCORD_ROOT" && exec setsid ctest --preset "$preset" -j "$(($(nproc) + 1))" --no-tests=error "$@") >>"$out" 2>&1 &
  session=$!
  tail --pid="$session" -n +1 -f "$out" | grep --line-buffered -E '^ *[0-9]+/[0-9]+ Test' &
  wait "$session"
  status=$?
  wait
  sed -n '/^Label Time Summary/,/^$/p' "$out"
  # ctest prints "97% tests passed, 1 tests failed out of 40".
  all=$(sed -n 's/.* tests failed out of \([0-9]*\).*/\1/p' "$out")
  bad=$(sed -n 's/.*passed, \([0-9]*\) tests failed.*/\1/p' "$out")
  if [ -z "$all" ]; then
    tail -20 "$out"
    failed=$((failed + 1))
  else
    passed=$((passed + all - bad)) failed=$((failed + bad))
    if [ $status -ne 0 ]; then
      echo "--- what failed; whole log: $out"
      sed -n '/The following tests FAILED/,$p' "$out"
      grep -E -B2 -A25 '\*\*\*(Failed|Exception|Timeout|Not Run)|Failure$|FAILED' "$out" | tail -200
    fi
  fi
  end_session || failed=$((failed + 1))
  session=
}

step "packages"
install_packages
step "build of the release preset"
build_preset release
step "tests"
arguments=()
[ $long = yes ] || [ "$label" = long ] || arguments+=(-LE '^long$')
[ -z "$label" ] || arguments+=(-L "^$label\$")
run_tests release "${arguments[@]}"
if [ $long = yes ]; then
  for preset in asan-ubsan tsan; do
    step "build of the $preset preset"
    build_preset $preset
    step "tests under $preset"
    run_tests $preset -LE '^long$' -L '^(unit|conformance|integration|scenarios|simulation)$'
  done
fi
step "done"
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
