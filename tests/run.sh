#!/usr/bin/env bash
# Installs what is missing, builds release, runs the tests. Works as root and as a user with sudo, can be run again.
set -uo pipefail
source "$(cd "$(dirname "$0")/.." && pwd)/deploy/lib/common.sh"

usage() {
  cat <<'TEXT'
usage: tests/run.sh [--long] [--label LABEL]

  Installs the packages of deploy/packages.txt that are missing, builds the release preset and runs every test
  but those labelled `long`; prints the time each label took. Within 40 minutes on two cores from nothing.

  --long         also the tests labelled `long`, and everything under address, undefined and thread sanitizers
  --label LABEL  only the tests with this label: unit, lint, compat, integration, system
  --help         this text

  Exit status: 0 every test passed, 1 one failed or nothing could be built, 2 wrong use.
TEXT
}

long=no label=
while [ $# -gt 0 ]; do
  case $1 in
    --long) long=yes ;;
    --label) label=${2:-}; shift; [ -n "$label" ] || { usage >&2; exit 2; } ;;
    --help) usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
  esac
  shift
done

passed=0 failed=0

# run_tests PRESET CTEST-ARGS…: runs, shows each failure, adds to the counts.
run_tests() {
  local preset=$1 out
  shift
  out="$ACCORD_ROOT/build/$preset.tests.log"
  (cd "$ACCORD_ROOT" && ctest --preset "$preset" -j 2 --no-tests=error "$@") >"$out" 2>&1
  local status=$?
  grep -E '^ *[0-9]+/[0-9]+ Test|^Label Time Summary|^[a-z]+ +=' "$out"
  # ctest prints "97% tests passed, 1 tests failed out of 40".
  local all bad
  all=$(sed -n 's/.* tests failed out of \([0-9]*\).*/\1/p' "$out")
  bad=$(sed -n 's/.*passed, \([0-9]*\) tests failed.*/\1/p' "$out")
  if [ -z "$all" ]; then
    tail -20 "$out"
    failed=$((failed + 1))
    return
  fi
  passed=$((passed + all - bad)) failed=$((failed + bad))
  [ $status -eq 0 ] || { echo "--- what failed, from $out"; tail -150 "$out"; }
}

step "packages"
install_packages
step "build of the release preset"
build_preset release
step "tests"
arguments=()
[ $long = yes ] || arguments+=(-LE '^long$')
[ -z "$label" ] || arguments+=(-L "^$label\$")
run_tests release "${arguments[@]}"
if [ $long = yes ]; then
  for preset in asan-ubsan tsan; do
    step "build of the $preset preset"
    build_preset $preset
    step "tests under $preset"
    run_tests $preset -L '^(unit|integration)$'
  done
fi
step "done"
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
