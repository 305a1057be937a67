# Shared by tests that alter a copy of the log and look who notices; sourced by bash, not run. REQUIRES: $work, a folder of the test's own, and
# fail TEXT, which ends it.

# expect STATUS TEXT COMMAND...: the exit status, and TEXT in what it says, which is in $work/told.
expect() {
  local status=$1 text=$2 got=0
  shift 2
  "$@" >"$work/told" 2>&1 || got=$?
  [ $got = "$status" ] || { cat "$work/told" >&2; fail "exit $got, not $status: $*"; }
  grep -qF -- "$text" "$work/told" || { cat "$work/told" >&2; fail "does not say '$text': $*"; }
}

# flip FILE BYTE: one bit of it.
flip() {
  local byte
  byte=$(od -An -tu1 -j "$2" -N 1 "$1")
  printf "\\x$(printf %02x $((byte ^ 1)))" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}
