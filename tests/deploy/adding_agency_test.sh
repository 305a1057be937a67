#!/bin/bash
# Goal: docs/adding-an-agency.md adds an agency, as it stands.
# Method: a demo area with the broker and the one agency that receives; then the page's own commands, in their order, by a shell.
# usage: adding_agency_test.sh BIN
set -euo pipefail
source "$(dirname "$0")/lib.sh"
bin=$(cd "$1" && pwd)
export ACCORD_DEMO_DIR=$work/demo ACCORD_DEMO_PROGRAMS=$bin
ACCORD_DEMO_BASE_PORT=$(free_base_port)
export ACCORD_DEMO_BASE_PORT
source "$root/deploy/lib/common.sh"
source "$root/deploy/lib/demo.sh"
stop_all() {
  local child
  for child in $(jobs -p); do kill "$child" 2>/dev/null || true; done
  [ ! -e "$work/recovery.pid" ] || kill "$(cat "$work/recovery.pid")" 2>/dev/null || true
  demo_end idva broker
  wait
  rm -rf "$work"
}
trap stop_all EXIT

demo_clear >/dev/null
demo_make >/dev/null
demo_start broker idva
cat >"$DEMO/env.sh" <<TEXT
export PATH="$bin:\$PATH"
export ACCORDCTL_CONFIG="$DEMO/accordctl.toml"
TEXT
export PATH="$bin:$PATH" ACCORDCTL_CONFIG="$DEMO/accordctl.toml"
for ((tenths = 0; ; tenths++)); do
  if accordctl --as idva inbox list >/dev/null 2>&1 && accordctl --as-admin alice admin agencies >/dev/null 2>&1; then break; fi
  [ $tenths -lt 300 ] || fail "the demo area does not serve"
  sleep 0.1  # There is no way to be told before a server listens.
done

# What the page shows in its sh fences, with this demo's directory for the usual one; nothing of it is changed otherwise.
page=$root/docs/adding-an-agency.md
commands=$(awk '/^```sh$/ { on = 1; next } /^```$/ { on = 0 } on' "$page" | sed "s|build/demo|$DEMO|g")
[ "$(grep -c . <<<"$commands")" -ge 40 ] || fail "docs/adding-an-agency.md has lost its commands"
sed "s|^setsid accord-agency .*&\$|&\necho \$! >$work/recovery.pid|" <<<"set -euo pipefail
$commands" >"$work/page.sh"
(cd "$root" && timeout $command_seconds_max bash "$work/page.sh" >"$work/page.out" 2>&1) || { cat "$work/page.out" "$DEMO/log/recovery.log" >&2; fail "a command of docs/adding-an-agency.md fails"; }

for ((tenths = 0; ; tenths++)); do
  if accordctl --as idva inbox list | grep -q 'recovery'; then break; fi
  [ $tenths -lt 100 ] || { cat "$work/page.out" >&2; fail "the Idva has no referral of the new agency"; }
  sleep 0.1  # Delivery is the broker's to begin.
done
grep -q 'settled' "$work/page.out" || { cat "$work/page.out" >&2; fail "the referral was not settled"; }
# And the five refuse to be what they are not.
expect 2 "$bin/accord-idva" --config "$DEMO/recovery.toml"
says "is another than this program's"
