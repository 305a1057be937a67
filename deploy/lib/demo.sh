# A broker and its agencies on loopback, in one directory; sourced after common.sh by deploy/quickstart.sh. The five; and after
# demo_with_further three more, one accord-agency for two of them and a second accord-idva for the third.
#
#   DEMO/pki, *.toml, broker.vkey   made by demo_make
#   DEMO/broker, DEMO/AGENCY        the programs' own stores and keys
#   DEMO/log/NAME.log               what each program says
#   DEMO/run/NAME.pid               process id, and when that process started: an id alone may be another's by now
#   DEMO/.accord-demo               marks a directory that may be emptied

DEMO=${ACCORD_DEMO_DIR:-$ACCORD_ROOT/build/demo}
DEMO_BASE_PORT=${ACCORD_DEMO_BASE_PORT:-7400}
DEMO_PROGRAMS=${ACCORD_DEMO_PROGRAMS:-$ACCORD_ROOT/build/release/bin}
DEMO_AGENCIES=(police childrens housing health idva)
DEMO_FURTHER=()
DEMO_SERVICES=("${DEMO_AGENCIES[@]}")  # The agencies' programs that run, by their names here.
DEMO_NAMES=(broker "${DEMO_SERVICES[@]}")
DEMO_START_SECONDS_MAX=60
DEMO_STOP_SECONDS_MAX=40  # The broker gives its callers 20.
case $DEMO in /*) ;; *) DEMO=$PWD/$DEMO ;; esac

# demo_with_further: the demo has the three as well (demo-config.sh --further). Before anything else.
demo_with_further() {
  DEMO_FURTHER=(newleaf marac idva-westshire)
  DEMO_AGENCIES+=("${DEMO_FURTHER[@]}")
  DEMO_SERVICES+=(agency idva-westshire)
  DEMO_NAMES=(broker "${DEMO_SERVICES[@]}")
}

# demo_agencies NAME: the agencies of a program, one a line; of the broker none.
demo_agencies() {
  case $1 in
    broker) ;;
    agency) printf '%s\n' newleaf marac ;;
    *) echo "$1" ;;
  esac
}

# demo_program NAME
demo_program() {
  case $1 in
    idva-westshire) echo accord-idva ;;
    *) echo "accord-$1" ;;
  esac
}

# demo_ports NAME: where a program listens, one a line; the metrics of each are 2000 above.
demo_ports() {
  local agency
  [ "$1" != broker ] || echo "$DEMO_BASE_PORT"
  for agency in $(demo_agencies "$1"); do demo_port "$agency"; done
}

# demo_port AGENCY: the five from 11 above the broker's, the further ones from 20.
demo_port() {
  local offset=11 name
  for name in "${DEMO_AGENCIES[@]}"; do
    [ "$name" != newleaf ] || offset=20
    [ "$name" != "$1" ] || { echo $((DEMO_BASE_PORT + offset)); return; }
    offset=$((offset + 1))
  done
}

# When a process started, in ticks since boot; nothing when there is none. What follows the name in brackets, which may
# itself hold spaces, is field 3.
demo_started_at() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20; }

# demo_pid NAME: its process id, if the process that was started is still there and not merely waiting to be reaped.
demo_pid() {
  local pid started
  { read -r pid started <"$DEMO/run/$1.pid"; } 2>/dev/null || return 1
  [ -n "$started" ] && [ "$(demo_started_at "$pid")" = "$started" ] || return 1
  [ "$(sed 's/.*) //' "/proc/$pid/stat" 2>/dev/null | cut -c1)" != Z ] || return 1
  echo "$pid"
}

# demo_running: which of the programs run, one a line.
demo_running() {
  local name
  for name in "${DEMO_NAMES[@]}"; do
    if demo_pid "$name" >/dev/null; then echo "$name"; fi
  done
}

# demo_clear: empties the directory of a former demo, keeping its certificates; never a directory that is not one.
demo_clear() {
  if [ -d "$DEMO" ] && [ -n "$(ls -A "$DEMO")" ] && [ ! -e "$DEMO/.accord-demo" ]; then
    fail "$DEMO is not empty and not of a demo; nothing was touched. Name another with ACCORD_DEMO_DIR"
  fi
  mkdir -p "$DEMO"
  touch "$DEMO/.accord-demo"
  find "$DEMO" -mindepth 1 -maxdepth 1 ! -name pki ! -name .accord-demo -exec rm -rf {} +
  mkdir -p "$DEMO/log" "$DEMO/run"
}

# demo_make [OPTION]: certificates, configuration, and a broker that has its log, directory and agreement.
demo_make() {
  local agency certified=() configured=()
  for agency in ${DEMO_FURTHER[@]+"${DEMO_FURTHER[@]}"}; do
    certified+=(--agency "$agency")
    configured=(--further)
  done
  "$ACCORD_ROOT/deploy/dev-pki.sh" "$DEMO/pki" ${certified[@]+"${certified[@]}"}
  "$ACCORD_ROOT/deploy/demo-config.sh" "$DEMO" --base-port "$DEMO_BASE_PORT" ${configured[@]+"${configured[@]}"} "$@"
  "$DEMO_PROGRAMS/accord-broker" init --config "$DEMO/broker.toml"
  demo_policy
  cp "$DEMO/broker/keys/log.pem.vkey" "$DEMO/broker.vkey.new"  # In life: published by the operator.
  mv "$DEMO/broker.vkey.new" "$DEMO/broker.vkey"
}

# demo_policy: whose cosignatures the broker collects. Any three of the agencies make a quorum.
demo_policy() {
  local agency vkey
  {
    echo "log $(cat "$DEMO/broker/keys/log.pem.vkey")"
    for agency in "${DEMO_AGENCIES[@]}"; do
      vkey=$("$DEMO_PROGRAMS/accordctl" ledger witness-key --name "$agency.accord.example" --out "$DEMO/pki/$agency/witness.key" 2>/dev/null) ||
        fail "$DEMO/pki/$agency/witness.key is no witness key"
      echo "witness $agency $vkey"
    done
    echo "group any-three 3 ${DEMO_AGENCIES[*]}"
    echo "quorum any-three"
  } >"$DEMO/witnesses.policy.new"
  mv "$DEMO/witnesses.policy.new" "$DEMO/witnesses.policy"
}

# demo_check_ports: fails, naming the port, when another program listens where one of ours is to.
demo_check_ports() {
  local name port at
  for name in "${DEMO_NAMES[@]}"; do
    for port in $(demo_ports "$name"); do
      for at in "$port" $((port + 2000)); do
        if (exec 3<>"/dev/tcp/127.0.0.1/$at") 2>/dev/null; then
          fail "port $at of 127.0.0.1, which $(demo_program "$name") needs, is in use by another program; end that one first"
        fi
      done
    done
  done
}

# demo_start NAME…: starts programs, out of reach of this terminal's Ctrl-C and hang-up.
demo_start() {
  local name agency pid configs
  for name in "$@"; do
    configs=()
    for agency in $(demo_agencies "$name"); do configs+=(--config "$DEMO/$agency.toml"); done
    [ ${#configs[@]} -gt 0 ] || configs=(--config "$DEMO/$name.toml")
    setsid "$DEMO_PROGRAMS/$(demo_program "$name")" "${configs[@]}" >"$DEMO/log/$name.log" 2>&1 </dev/null &
    pid=$!
    echo "$pid $(demo_started_at $pid)" >"$DEMO/run/$name.pid"
  done
}

# demo_wait: until all serve, agree with the log and are connected to the broker; fails with the end of a program's log
# when that has ended or time is up.
demo_wait() {
  local name limit=$((SECONDS + DEMO_START_SECONDS_MAX))
  until "$DEMO_PROGRAMS/accordctl" --config "$DEMO/accordctl.toml" --json status >"$DEMO/log/status" 2>"$DEMO/log/status.err" &&
    [ "$(grep -c '"connected": true' "$DEMO/log/status")" -eq ${#DEMO_AGENCIES[@]} ]; do
    for name in "${DEMO_NAMES[@]}"; do
      if ! demo_pid "$name" >/dev/null; then
        tail -n 20 "$DEMO/log/$name.log" >&2
        fail "$(demo_program "$name") has ended; above is the end of $DEMO/log/$name.log"
      fi
    done
    if [ $SECONDS -ge $limit ]; then
      for name in "${DEMO_NAMES[@]}"; do
        tail -n 5 -v "$DEMO/log/$name.log" >&2
      done
      cat "$DEMO/log/status" "$DEMO/log/status.err" >&2
      fail "not all serve after $DEMO_START_SECONDS_MAX s; above is what \`accordctl status\` says, and the ends of the logs in $DEMO/log"
    fi
    sleep 0.2  # There is no way to be told before a server listens.
  done
}

# demo_enrol: two inspectors of one inspectorate, by two administrators, with the certificates that what is disclosed to them is sealed for.
demo_enrol() {
  local inspector change
  for inspector in ines omar; do
    change=$("$DEMO_PROGRAMS/accordctl" --config "$DEMO/accordctl.toml" --as-admin alice --json admin put-officer "inspector/$inspector" --body ofsted \
      --sealing-certificate "$DEMO/pki/inspector/$inspector-sealing.crt" 2>>"$DEMO/log/enrol.err" | sed -n 's/^ *"name": "\(.*\)",\{0,1\}$/\1/p')
    "$DEMO_PROGRAMS/accordctl" --config "$DEMO/accordctl.toml" --as-admin bob admin approve "$change" >"$DEMO/log/enrol" 2>>"$DEMO/log/enrol.err" ||
      { cat "$DEMO/log/enrol.err" >&2; fail "inspector/$inspector could not be enrolled"; }
  done
}

# demo_end NAME…: asks them to end, waits, and kills what has not ended in time.
demo_end() {
  local name pid limit=$((SECONDS + DEMO_STOP_SECONDS_MAX))
  for name in "$@"; do
    if pid=$(demo_pid "$name"); then kill -TERM "$pid" 2>/dev/null || true; fi
  done
  for name in "$@"; do
    while pid=$(demo_pid "$name"); do
      if [ $SECONDS -ge $limit ]; then
        echo "$(demo_program "$name") did not end within $DEMO_STOP_SECONDS_MAX s and is killed" >&2
        kill -KILL "$pid" 2>/dev/null || true
      fi
      sleep 0.1
    done
    rm -f "$DEMO/run/$name.pid"
  done
}

# demo_stop: all of them, the broker last, so that what the agencies still send arrives.
demo_stop() {
  demo_end "${DEMO_SERVICES[@]}"
  demo_end broker
}
