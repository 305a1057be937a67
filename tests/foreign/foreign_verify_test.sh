#!/bin/bash
# usage: foreign_verify_test.sh accord-make-log GOLDEN_VECTORS
#
# Goal: a copy of the log and a receipt verify with tools that nobody in this project wrote, and not once they were altered.
# Method: foreign_verify.go, whose hashes, proofs and signatures are those of golang.org/x/mod (Debian's package).
set -eu -o pipefail
make_log=$1 vectors=$2
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "foreign_verify_test: $*" >&2; exit 1; }

GO111MODULE=off GOPATH=/usr/share/gocode GOCACHE=$work/cache GOFLAGS='' go build -o "$work/foreign_verify" "$here/foreign_verify.go"

source "$here/../altered_copy.sh"
foreign=$work/foreign_verify

# Sizes round the edges of tiles, and one with a tile of level 2.
for entries in 1 255 256 257 65537; do
  copy=$work/$entries
  "$make_log" --entries $entries --out "$copy"
  expect 0 "$entries entries verify" "$foreign" log "$copy"
done
copy=$work/65537
flip "$copy/tile/entries/017" 40
expect 1 "the entries give the root" "$foreign" log "$copy"
flip "$copy/tile/entries/017" 40
flip "$copy/tile/0/017" 40
expect 1 "tiles, entry" "$foreign" log "$copy"
flip "$copy/tile/0/017" 40
flip "$copy/tile/1/000" 40
expect 1 "tiles, entry" "$foreign" log "$copy"
flip "$copy/tile/1/000" 40
flip "$copy/checkpoint" 3
expect 1 "checkpoint:" "$foreign" log "$copy"
flip "$copy/checkpoint" 3
expect 0 "65537 entries verify" "$foreign" log "$copy"

# The golden receipt, and one whose leaf is another.
python3 - "$vectors" "$work" <<'PYTHON'
import json, sys
vectors, work = sys.argv[1:]
text = json.load(open(f"{vectors}/receipt.json"))["tlog_proof"]
open(f"{work}/receipt", "w").write(text)
open(f"{work}/vkey", "w").write(json.load(open(f"{vectors}/checkpoint.json"))["log_vkey"] + "\n")
head, extra, rest = text.partition("extra ")
open(f"{work}/altered", "w").write(head + extra + ("R" if rest[0] != "R" else "Q") + rest[1:])
PYTHON
expect 0 "entry 1 of" "$foreign" receipts "$work/vkey" "$work/receipt"
expect 1 "DOES NOT VERIFY" "$foreign" receipts "$work/vkey" "$work/altered"
echo "foreign_verify_test: ok"
