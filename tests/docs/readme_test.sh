#!/usr/bin/env bash
# The commands of the README under “Push one of your own”, run line by line as they stand there, on a demo of its own.
# usage: readme_test.sh PROGRAMS
set -euo pipefail
source "$(cd "$(dirname "$0")/../deploy" && pwd)/lib.sh"

readonly request_id=README-1/1
commands=$(awk '/^## Push one of your own$/ { here = 1 } here && /^```$/ { if (++fences == 2) exit; next } here && fences' "$root/README.md")
[ "$(grep -c . <<<"$commands")" -ge 8 ] || fail "the README has no commands under “Push one of your own”"

# A place that looks like the repository to them, with programs that are built already.
mkdir "$work/here"
ln -s "$root/deploy" "$root/services" "$work/here"
cd "$work/here"
export ACCORD_DEMO_PROGRAMS=$1 ACCORD_DEMO_DIR=$work/here/build/demo ACCORD_DEMO_BASE_PORT
ACCORD_DEMO_BASE_PORT=$(free_base_port)
trap 'deploy/quickstart.sh --stop >/dev/null 2>&1 || true; rm -rf "$work"' EXIT

ran=0
while read -r line; do
  ran=$((ran + 1))
  # In this shell, for `source`. What its text calls ID is the request id.
  eval "${line/ ID/ $request_id}" >"$work/out" 2>&1 </dev/null || { tail -30 "$work/out" >&2; fail "does not succeed: $line"; }
  case $line in
    cp\ *) sed -i "s|\"requestId\": \"[^\"]*\"|\"requestId\": \"$request_id\"|" mine.json ;;  # “Edit it.”
    *"referral submit"*) grep -q "$request_id" "$work/out" || fail "the submit does not tell of $request_id" ;;
    *"trail referral"*) grep -qi stored "$work/out" || fail "the trail does not say that it was stored" ;;
    accord-verify*) grep -q VERIFIES "$work/out" || fail "does not say that it verifies: $line" ;;
  esac
done <<<"$commands"
# The same command says no to a receipt that was moved to another entry: it does look.
sed -i 's/^index .*/index 0/' receipt.txt
expect 1 accord-verify receipt receipt.txt --vkey build/demo/broker.vkey
says "DOES NOT VERIFY"
echo "$ran lines of the README ran"
