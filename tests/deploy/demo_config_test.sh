#!/bin/bash
# Goal: what dev-pki.sh and demo-config.sh make is what the programs themselves take, and no looser than they ask.
# Method: `accord-broker init` judges certificates, directory and agreement; every agency service is started on
# it, without a broker, and stopped when it serves.
# usage: demo_config_test.sh BIN
set -euo pipefail
source "$(dirname "$0")/lib.sh"
bin=$(cd "$1" && pwd)
demo=$work/demo
readonly start_tenths_max=200

expect 0 "$root/deploy/demo-config.sh" --help
expect 2 "$root/deploy/demo-config.sh"
expect 2 "$root/deploy/demo-config.sh" "$demo" --base-port 70000
expect 2 "$root/deploy/demo-config.sh" "$demo" --unknown

base=$(free_base_port)
expect 0 "$root/deploy/dev-pki.sh" "$demo/pki"
expect 0 "$root/deploy/demo-config.sh" "$demo" --base-port "$base"
before=$(cat "$demo"/*.toml)
expect 0 "$root/deploy/demo-config.sh" "$demo" --base-port "$base"
same "$(cat "$demo"/*.toml)" "$before" "a second run"
# One heading and one port for each of the five in accordctl's file.
for number in 11 12 13 14 15; do
  same "$(grep -c "127.0.0.1:$((base + number))\"" "$demo/accordctl.toml")" 1 "port $number of accordctl"
done

for inspector in ines omar; do
  same "$(grep -c "^sealing_certificate = \"pki/inspector/$inspector-sealing.crt\"" "$demo/accordctl.toml")" 1 "the inspector $inspector of accordctl"
done

# With the further agencies, what is there of the five stays as it is, but for whom the Idva hands over to.
expect 0 "$root/deploy/demo-config.sh" "$work/further" --base-port "$base" --further
for number in 11 15 20 21 22; do
  same "$(grep -c "127.0.0.1:$((base + number))\"" "$work/further/accordctl.toml")" 1 "port $number of accordctl with the further agencies"
done
same "$(sed '/^command = /d' "$work/further/police.toml")" "$(sed '/^command = /d' "$demo/police.toml")" "the police with the further agencies"
same "$(diff "$demo/idva.toml" "$work/further/idva.toml" | grep -c '^> idva = ')" 1 "whom the Idva hands over to"

# The broker refuses a directory in which one agency's keys are not those of formats.md §4, before it makes a file.
cp "$demo/directory.toml" "$work/directory"
refused() {
  expect 1 "$bin/accord-broker" init --config "$demo/broker.toml"
  says "$1"
  [ ! -e "$demo/broker" ] || fail "init made files for a directory that it refused"
  cp "$work/directory" "$demo/directory.toml"
}
sed -i 's|sealing_certificate = "pki/police/sealing|sealing_certificate = "pki/police/signing|' "$demo/directory.toml"
refused 'agency.sealing_certificate'
sed -i 's|"pki/housing/signing|"pki/health/signing|' "$demo/directory.toml"
refused 'its URI SAN must be spiffe://accord.example/agency/housing/signing'
sed -i 's|"pki/idva/sealing|"pki/idva/tls|' "$demo/directory.toml"
refused 'agency.sealing_certificate'

expect 0 "$bin/accord-broker" init --config "$demo/broker.toml"
cp "$demo/broker/keys/log.pem.vkey" "$demo/broker.vkey"
[[ $(cat "$demo/broker.vkey") =~ ^accord\.example/broker\+[0-9a-f]{8}\+[A-Za-z0-9+/=]+$ ]] || fail "no verification key"
expect 1 "$bin/accord-broker" init --config "$demo/broker.toml"
says 'is there already; nothing was touched'

pids=()
trap 'kill "${pids[@]}" 2>/dev/null || true; wait; rm -rf "$work"' EXIT
for agency in police childrens housing health idva; do
  "$bin/accord-$agency" --config "$demo/$agency.toml" >"$work/$agency.log" 2>&1 </dev/null &
  pids+=($!)
done
for agency in police childrens housing health idva; do
  for ((tenths = 0; ; tenths++)); do
    if grep -q '"event":"agency.serves"' "$work/$agency.log"; then break; fi
    [ $tenths -lt $start_tenths_max ] || { cat "$work/$agency.log" >&2; fail "accord-$agency does not serve"; }
    sleep 0.1  # Its own line in the log is what is waited for.
  done
done
for pid in "${pids[@]}"; do
  kill "$pid"
  wait "$pid" || fail "a service did not end well"
done
pids=()

# Keys are not swapped in silence, and an unknown word in a file is an error, not a default.
cp "$demo/pki/police/sealing.key" "$demo/pki/idva/sealing.key"
expect 1 "$bin/accord-idva" --config "$demo/idva.toml"
says 'pki/idva/sealing.crt: is not of the sealing key'
echo 'polling = "5s"' >>"$demo/health.toml"
expect 2 "$bin/accord-health" --config "$demo/health.toml"
says 'polling'
