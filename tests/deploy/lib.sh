# Shared by the tests of deploy/; sourced. A scratch directory, and what a test says when it fails.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() { echo "FAILED: $*" >&2; exit 1; }
same() { [ "$1" = "$2" ] || fail "$3: \`$1\` is not \`$2\`"; }

# A bound on what hangs, not on how slow a machine may be: the quickstart takes 10 s on one that is free and has taken 76 s beside a build.
readonly command_seconds_max=240

# expect STATUS COMMAND…: runs it, what it says in $work/out; fails unless it ends with that status, and in time.
expect() {
  local wanted=$1 status=0
  shift
  timeout $command_seconds_max "$@" >"$work/out" 2>&1 </dev/null || status=$?
  [ $status -eq "$wanted" ] || { tail -30 "$work/out" >&2; fail "$* ended with $status, not $wanted"; }
}

# says TEXT: the last command of `expect` said it.
says() { grep -qF -- "$1" "$work/out" || { tail -30 "$work/out" >&2; fail "nothing was said of: $1"; }; }

# free_base_port: a base for demo-config.sh, all of whose eighteen ports are free now. Below 15000, where the system tests begin
# (tests/system/process.cc): a port that is free here and taken there a moment later has failed one. Among themselves the tests
# that call this are kept apart by ctest (RESOURCE_LOCK demo_ports).
free_base_port() {
  /usr/bin/python3 - <<'PY'
import contextlib, random, socket
for _ in range(200):
    base = random.randrange(10000, 12900, 25)
    ports = [base + i for i in (0, 11, 12, 13, 14, 15, 20, 21, 22)]
    with contextlib.ExitStack() as stack:
        try:
            for port in ports + [p + 2000 for p in ports]:
                stack.enter_context(socket.socket()).bind(("127.0.0.1", port))
        except OSError:
            continue
    print(base)
    break
else:
    raise SystemExit("no free ports")
PY
}
