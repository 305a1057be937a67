#!/usr/bin/env bash
# From nothing to a broker, its agencies and the sample cases among them, with the record verified.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: deploy/quickstart.sh [--keep | --stop]

  On a Debian 12 machine, as root or as a user with sudo: installs the packages of deploy/packages.txt that are missing,
  builds the release preset, makes development certificates, starts the broker and eight agencies on 127.0.0.1: the five, a
  substance misuse service, the coordinator of a Marac, and a second Idva service. Pushes the sample cases of deploy/samples,
  lets some recipients answer, hands a client over, puts a case on the Marac's agenda, shows one whole trail, verifies receipts
  and the exported ledger, and stops everything. The first build takes some minutes; later runs take seconds.

  --keep   leave all running; then `source build/demo/env.sh` puts the programs on the path
  --stop   end what --keep left running; its data stay until the next run
  --help   this text

  ACCORD_DEMO_DIR        where the demo lives instead of build/demo
  ACCORD_DEMO_BASE_PORT  the broker's port instead of 7400; agencies 11 to 15 and 20 to 22 above it, metrics 2000 above each
  ACCORD_DEMO_PROGRAMS   directory of programs that are built already: nothing is installed or built

  Exit status: 0 all of it succeeded, 1 something failed, 2 wrong use.
TEXT
}

action=run
case ${1:-} in
  '') ;;
  --keep) action=keep ;;
  --stop) action=stop ;;
  --help | -h) usage; exit 0 ;;
  *) usage >&2; exit 2 ;;
esac
[ $# -le 1 ] || { usage >&2; exit 2; }

here=$(cd "$(dirname "$0")" && pwd)
source "$here/lib/common.sh"
source "$here/lib/demo.sh"
demo_with_further

if [ $action = stop ]; then
  running=$(demo_running)
  [ -n "$running" ] || { echo "no demo runs in $DEMO"; exit 0; }
  step "stopping" $running
  demo_stop
  exit 0
fi

if [ -n "$(demo_running)" ]; then
  echo "A demo runs in $DEMO already:" $(demo_running)
  echo "Use it with \`source $DEMO/env.sh\`, or end it with \`deploy/quickstart.sh --stop\`. Nothing was changed."
  [ $action = keep ] && [ "$(demo_running | wc -l)" -eq ${#DEMO_NAMES[@]} ]
  exit
fi

# From here on, whatever happens, no process of ours outlives this script, unless all went well and it is to be kept.
keep=no
leave() {
  local status=$? child
  trap '' INT TERM HUP
  if [ $keep = no ]; then
    # Also one that was started a moment ago and has no pid file yet.
    for child in $(jobs -p); do kill -TERM "$child" 2>/dev/null || true; done
    if [ -n "$(demo_running)" ]; then
      step "stopping the programs"
      demo_stop
    fi
  fi
  if [ $status -eq 0 ]; then
    echo "all of it succeeded"
  else
    echo "quickstart failed (status $status)$([ ! -e "$DEMO/.accord-demo" ] || echo "; what the programs said is in $DEMO/log")" >&2
  fi
  exit $status
}
trap leave EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

if [ -z "${ACCORD_DEMO_PROGRAMS:-}" ]; then
  step "packages"
  install_packages
  step "build of the programs, release preset (log: build/release.log)"
  build_preset release $(for name in "${DEMO_NAMES[@]}"; do demo_program "$name"; done | sort -u) accordctl accord-verify
fi

step "ports, certificates, configuration"
demo_check_ports
demo_clear
demo_make

step "starting the broker and the agencies"
demo_start "${DEMO_NAMES[@]}"
demo_wait
cat >"$DEMO/env.sh" <<TEXT
# Source it: puts Accord's programs on the path, points accordctl at the demo in this directory, and lets the Tab key of bash complete its verbs.
export PATH="$DEMO_PROGRAMS:\$PATH"
export ACCORDCTL_CONFIG="$DEMO/accordctl.toml"
case \$-:\${BASH_VERSION-} in *i*:?*) eval "\$(accordctl completion bash)" ;; esac
TEXT
source "$DEMO/env.sh"
accordctl status
step "two administrators enrol two inspectors of one inspectorate"
demo_enrol
accordctl --as-admin alice admin officers

source "$here/lib/story.sh"
tell_story

step "what next"
if [ $action = keep ]; then
  keep=yes
  cat <<TEXT
The broker and the agencies keep running in $DEMO. To try it yourself:

  source $DEMO/env.sh
TEXT
else
  cat <<TEXT
To keep it all running and try it yourself:

  deploy/quickstart.sh --keep
  source $DEMO/env.sh
TEXT
fi
story_hints
