#!/bin/bash
# usage: million_test.sh accord-make-log accord-verify
#
# Goal: a copy of a million entries verifies, by one thread and by all, and what befell it since is found and named: at its start,
# behind the ends of stretches, at its end. Some 430 MB in $TMPDIR while it runs.
set -eu -o pipefail
make_log=$1 verify=$2
entries=${ACCORD_TEST_ENTRIES:-1000000}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
copy=$work/copy

fail() { echo "million_test: $*" >&2; exit 1; }

source "$(dirname "$0")/../altered_copy.sh"

"$make_log" --entries "$entries" --out "$copy"
date +%s.%N >"$work/begin"
expect 0 "VERIFIES" "$verify" ledger "$copy"
echo "verified in $(echo "$(date +%s.%N) - $(cat "$work/begin")" | bc) s"
grep -F "$entries entries in" "$work/told" >/dev/null || fail "did not read all entries"
expect 0 "\"verifies\": true" "$verify" ledger "$copy" --json --threads 1
cp "$work/told" "$work/one"
expect 0 "\"verifies\": true" "$verify" ledger "$copy" --json --threads 5
cmp -s "$work/one" "$work/told" || fail "five threads tell something else than one"

# tile/entries/x001/024 begins at entry 262,144, where the fifth stretch does; the nonce is behind magic and origin.
for at in 000:0 x001/024:262144 x003/905:999680; do
  file=$copy/tile/entries/${at%:*}
  flip "$file" 40
  expect 1 "has another hash for entry ${at#*:} than that entry gives" "$verify" ledger "$copy"
  grep -qF "signs the root" "$work/told" || fail "the root is not found wrong"
  expect 1 "another hash for entry ${at#*:}" "$verify" range "$copy" --from "${at#*:}" --to $((${at#*:} + 1))
  expect 0 "VERIFIES" "$verify" range "$copy" --from $((${at#*:} + 1)) --to $((${at#*:} + 2))
  flip "$file" 40
done
flip "$copy/tile/1/010" 5000
expect 1 "tile/1/010: has another hash at 156 than the entries 695296 to 695551 give" "$verify" ledger "$copy"
flip "$copy/tile/1/010" 5000
expect 0 "VERIFIES" "$verify" compare "$copy" "$copy"
expect 0 "VERIFIES" "$verify" ledger "$copy"
echo "million_test: ok"
