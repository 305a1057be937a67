#!/bin/bash
# Goal: what the containers run sets up a demo once, makes good a setup that was cut short, and waits within bounds;
# and the image is told to copy only what there is.
# Method: the container's own script without a container. That it comes up for real needs an engine: podman-compose up.
# usage: container_test.sh BIN
set -euo pipefail
source "$(dirname "$0")/lib.sh"
container=$root/deploy/container.sh
export ACCORD_DEMO_DIR=$work/volume ACCORD_DEMO_PROGRAMS=$1
mkdir "$ACCORD_DEMO_DIR"

expect 0 "$container" --help
says 'usage: accord-container setup'
for wrong in "" "serve" "serve nobody" "push now" "unknown"; do
  # shellcheck disable=SC2086
  expect 2 "$container" $wrong
done

expect 0 "$container" setup
says 'setup is done'
grep -q '^address = "0.0.0.0"' "$ACCORD_DEMO_DIR/police.toml" || fail "police would listen inside its container only"
grep -q '^address = "accord-broker:7400"' "$ACCORD_DEMO_DIR/police.toml" || fail "police would look for the broker elsewhere"
key=$(cat "$ACCORD_DEMO_DIR/broker.vkey")
expect 0 "$container" setup
same "$(cat "$ACCORD_DEMO_DIR/broker.vkey")" "$key" "the log's key after a second setup"

# Cut short after the broker's files were begun: nothing has run on them, so they are made anew.
rm "$ACCORD_DEMO_DIR/broker.vkey"
expect 0 "$container" setup
[ "$(cat "$ACCORD_DEMO_DIR/broker.vkey")" != "$key" ] || fail "the log's key was kept from a setup that was cut short"
same "$(cat "$ACCORD_DEMO_DIR/broker.vkey")" "$(cat "$ACCORD_DEMO_DIR/broker/keys/log.pem.vkey")" "the log's key as published"

# A program that does not start is named.
expect 0 "$container" check
mkdir "$work/bin"
expect 1 env ACCORD_DEMO_PROGRAMS="$work/bin" "$container" check
says 'accord-broker does not start'

# No program serves here.
expect 1 "$container" healthy
says 'no program serves here'

# Every path that the image copies is there.
sources=$(sed ':a; /\\$/ { N; s/\\\n//; ba }' "$root/deploy/Dockerfile" | sed -n 's/^COPY \([^-].*\) [^ ]*$/\1/p' | tr -s ' ' '\n')
same "$(grep -c . <<<"$sources")" 21 "number of paths that the image copies"
for path in $sources; do
  [ -e "$root/$path" ] || [ "$path" = build/release/bin ] || fail "deploy/Dockerfile copies $path, which is not there"
done
