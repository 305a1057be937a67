#!/usr/bin/env bash
# What the containers of docker-compose.yml run; the image has it as `accord-container`.
# The whole demo lies in one volume, everybody's keys too: for development. In life each agency keeps its own.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: accord-container setup         make certificates, configuration and the broker's log, unless they are there
       accord-container serve NAME    run accord-NAME as soon as setup is done; NAME: broker, police, childrens, housing,
                                      health, idva
       accord-container push          push the sample cases as soon as all six serve
       accord-container check         exit 0 if every program is there and starts
       accord-container healthy       exit 0 if the program that this container is for serves
  ACCORD_DEMO_DIR                     the volume, /var/lib/accord unless named
TEXT
}

export ACCORD_DEMO_DIR=${ACCORD_DEMO_DIR:-/var/lib/accord} ACCORD_DEMO_PROGRAMS=${ACCORD_DEMO_PROGRAMS:-/usr/local/bin}
here=$(dirname "$(readlink -f "$0")")
source "$here/lib/common.sh"
source "$here/lib/demo.sh"
readonly setup_seconds_max=120 serving_seconds_max=120

is_name() { [[ " ${DEMO_NAMES[*]} " == *" $1 "* ]]; }

# within SECONDS WHAT COMMAND…: repeats the command until it succeeds. There is nothing to wait on across containers, and
# not every runner of compose files starts them in the order of what they need.
within() {
  local limit=$((SECONDS + $1)) what=$2
  shift 2
  until "$@"; do
    [ $SECONDS -lt $limit ] || fail "$what did not come about in time"
    sleep 0.5
  done
}

all_serve() { "$DEMO_PROGRAMS/accordctl" --config "$DEMO/accordctl.toml" status 2>/dev/null; }

# serves NAME: asks the program in this container over the standard gRPC health service, with stock curl: an empty
# HealthCheckRequest in its frame of five bytes; field 1 of the answer is the status, 1 is SERVING.
serves() {
  local answer
  answer=$(printf '\0\0\0\0\0' | curl --silent --http2 --max-time 5 --cacert "$DEMO/pki/tls-ca.crt" \
    --cert "$DEMO/pki/$1/tls.crt" --key "$DEMO/pki/$1/tls.key" -H 'content-type: application/grpc' -H 'te: trailers' \
    --data-binary @- "https://localhost:$(demo_port "$1")/grpc.health.v1.Health/Check" | od -An -tx1 | tr -d ' \n')
  [ "$answer" = 00000000020801 ] || fail "accord-$1 does not serve"
}

case "${1:-}:$#" in
  setup:1)
    # The verification key is put there last: with it, setup is done; without it, nothing has run on what there is.
    if [ ! -e "$DEMO/broker.vkey" ]; then
      rm -rf "$DEMO/broker"
      demo_make --containers
    fi
    echo "setup is done" ;;
  serve:2)
    is_name "$2" || { usage >&2; exit 2; }
    within $setup_seconds_max "setup" test -e "$DEMO/broker.vkey"
    exec "$DEMO_PROGRAMS/accord-$2" --config "$DEMO/$2.toml" ;;
  push:1)
    within $setup_seconds_max "setup" test -e "$DEMO/broker.vkey"
    within $serving_seconds_max "all serving" all_serve
    exec "$DEMO_PROGRAMS/accordctl" --config "$DEMO/accordctl.toml" referral submit "$here/samples" ;;
  check:1)
    for program in "${DEMO_NAMES[@]/#/accord-}" accordctl accord-verify; do
      "$DEMO_PROGRAMS/$program" --version >/dev/null || fail "$program does not start"
    done
    echo "every program starts" ;;
  healthy:1)
    # `serve` has become the program by then; until it has, and in a job, this is no name.
    name=$(tr '\0' '\n' </proc/1/cmdline | sed -n '1s/.*accord-//p')
    is_name "$name" || fail "no program serves here"
    serves "$name" ;;
  --help:1 | -h:1) usage ;;
  *) usage >&2; exit 2 ;;
esac
