# Shared by tests/run.sh and deploy/quickstart.sh; sourced by bash, not run.
# Steps with progress, packages installed where they lack, processes ended by the id they were started under.

ACCORD_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
ACCORD_STARTED=$SECONDS

# step TEXT: says what is being done, and how long the whole has taken so far.
step() { printf '\n[%3d s] %s\n' $((SECONDS - ACCORD_STARTED)) "$*"; }

fail() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

# install_packages: installs what deploy/packages.txt names and this machine lacks; as root, or with sudo.
install_packages() {
  local wanted missing=() package
  wanted=$(sed 's/#.*//' "$ACCORD_ROOT/deploy/packages.txt")
  for package in $wanted; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
  done
  if [ ${#missing[@]} -eq 0 ]; then
    echo "all packages of deploy/packages.txt are installed"
    return
  fi
  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || fail "these packages are missing and there is no sudo; install them as root: ${missing[*]}"
    as_root=(sudo)
  fi
  echo "installing ${#missing[@]} packages: ${missing[*]}"
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -qq || fail "apt-get update failed"
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null ||
    fail "these packages could not be installed: ${missing[*]}"
}

# build_preset PRESET [TARGET…]: configures and builds, quietly unless it fails; ccache makes a repeat quick.
build_preset() {
  local preset=$1 log
  shift
  log="$ACCORD_ROOT/build/$preset.log"
  mkdir -p "$ACCORD_ROOT/build"
  (cd "$ACCORD_ROOT" && cmake --preset "$preset") >"$log" 2>&1 || { tail -40 "$log"; fail "configuring $preset failed (whole log: $log)"; }
  local targets=()
  [ $# -eq 0 ] || targets=(--target "$@")
  # Each fiftieth line tells how far it is; the whole is in the log.
  if ! (set -o pipefail; cd "$ACCORD_ROOT" && cmake --build --preset "$preset" "${targets[@]}" 2>&1 | tee -a "$log" |
    awk '/^\[[0-9]+\/[0-9]+\]/ { if (++n % 50 == 0) print "  " $1; fflush() }'); then
    grep -E -A12 'error|FAILED' "$log" | tail -60 || true
    fail "building $preset failed (whole log: $log)"
  fi
}
