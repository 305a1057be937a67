#!/bin/bash
# Goal: what Accord seals and signs can be opened and verified by whoever has OpenSSL and docs/formats.md alone.
# Method: bash, coreutils and the openssl program, over the golden vectors and over what the product just made.
# usage: stock_openssl_test.sh MAKE_FRESH, a program that writes fresh documents into the folder it is given
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
header_type=application/vnd.accord.header.v1
statement_type=application/vnd.accord.statement.v1

fail() { echo "FAILED: $*" >&2; exit 1; }
same() { [ "$1" = "$2" ] || fail "$3: $1 is not $2"; }
# field VECTOR NAME [N]: the Nth field of that name.
field() { sed -n "s/^ *\"$2\": \"\{0,1\}\([^\"]*[^\",]\)\"\{0,1\},\{0,1\}$/\1/p" "$here/vectors/$1.json" | sed -n "${3:-1}p"; }
unhex() { local hex; read -r hex; printf '%b' "$(sed 's/../\\x&/g' <<<"$hex")"; }
unbase64() { openssl base64 -d -A; }
sha256() { openssl dgst -sha256 -r "$@" | cut -d' ' -f1; }
u16() { printf '%b' "$(printf '\\x%02x\\x%02x' $(($1 >> 8)) $(($1 & 255)))"; }
u32() { u16 $(($1 >> 16)); u16 $(($1 & 65535)); }
size() { stat -c %s "$1"; }
slice() { tail -c +$(($2 + 1)) "$1" | head -c "$3"; }
# Changes the last byte of a file.
alter() { cp "$1" "$1.altered"; truncate -s -1 "$1.altered"; tail -c 1 "$1" | tr '\000-\377' '\001-\377\000' >>"$1.altered"; }

# document TYPE SIGNER PAYLOAD SIGNATURE KEY_ID_OFFSET: §2 and §4 of formats.md.
document() {
  local type=$1 certificate=$here/keys/$2.cert.pem
  openssl verify -attime 1764000000 -CAfile "$here/keys/authority.cert.pem" "$certificate" >"$work/verify" || fail "chain of $2"
  openssl x509 -in "$certificate" -pubkey -noout >"$work/key.pem"
  same "$(openssl pkey -pubin -in "$work/key.pem" -outform DER | sha256)" "$(slice "$3" "$5" 32 | od -An -v -tx1 | tr -d ' \n')" "key id"
  alter "$3"
  local payload
  for payload in "$3" "$3.altered"; do
    { printf 'DSSEv1 %d %s %d ' "${#type}" "$type" "$(size "$payload")"; cat "$payload"; } >"$payload.pae"
  done
  openssl dgst -sha256 -verify "$work/key.pem" -signature "$4" "$3.pae" >"$work/dgst" || fail "signature of $3"
  ! openssl dgst -sha256 -verify "$work/key.pem" -signature "$4" "$3.altered.pae" >"$work/dgst" 2>&1 || fail "altered $3 verifies"
}

# decrypt SEALED NAME OUT
decrypt() {
  openssl cms -decrypt -binary -inform DER -in "$1" -recip "$here/keys/$2.cert.pem" -inkey "$here/keys/$2.key.pem" -out "$3" 2>"$work/cms"
}

# section SEALED NAME PLAINTEXT: opens for NAME, and not when altered.
section() {
  decrypt "$1" "$2" "$work/opened" || fail "$1 for $2: $(cat "$work/cms")"
  cmp "$work/opened" "$3" || fail "plaintext of $1 for $2"
  alter "$1"
  ! decrypt "$1.altered" "$2" "$work/opened" || fail "altered $1 opens for $2"
}

# The section digest of a CMS, by the offsets that asn1parse tells.
section_digest() {
  local content mac
  openssl asn1parse -inform DER -in "$1" | grep ':d=3 ' | sed 's/^ *\([0-9]*\):d=3 *hl= *\([0-9]*\) *l= *\([0-9]*\).*/\1 \2 \3/' >"$work/offsets"
  same "$(wc -l <"$work/offsets")" 4 "elements of AuthEnvelopedData"
  read -r -a content < <(sed -n 3p "$work/offsets")
  read -r -a mac < <(sed -n 4p "$work/offsets")
  {
    printf 'accord/section-digest/v1\0'
    u32 $((content[1] + content[2])); slice "$1" "${content[0]}" $((content[1] + content[2]))
    u16 "${mac[2]}"; slice "$1" $((mac[0] + mac[1])) "${mac[2]}"
  } | sha256
}

# The binding of section N of the vectors.
binding() {
  local hex
  {
    u16 17; printf 'accord/section/v1'
    for hex in "$(field section sender)" "$(field section request_id)"; do u16 ${#hex}; printf %s "$hex"; done
    u16 16; field section section_id "$1" | unhex
    hex=$(field section category "$1"); u16 ${#hex}; printf %s "$hex"
    u16 32; field section tag_content | unhex | openssl dgst -sha256 -binary
  } | sha256
}

# --- The golden vectors
police=northshire-police idva=northshire-idva
field header payload | unhex >"$work/header"
field header signature | unhex >"$work/header.sig"
document $header_type $police-signing "$work/header" "$work/header.sig" 8
same "$(sha256 "$work/header.pae")" "$(field header digest)" "header digest"

for n in 1 2; do
  field statement payload $n | unhex >"$work/statement"
  field statement signature $n | unhex >"$work/statement.sig"
  document $statement_type $idva-signing "$work/statement" "$work/statement.sig" 2
  same "$(sha256 "$work/statement.pae")" "$(field statement digest $n)" "statement digest"
done

for n in 1 2; do
  field section plaintext_base64 $n | unbase64 >"$work/plaintext$n"
  same "$(binding $n)" "$(head -c 32 "$work/plaintext$n" | od -An -v -tx1 | tr -d ' \n')" "binding of section $n"
done
# In sealed.json: section 1 whole, then for each of three recipients; section 2 whole, then for its one.
for n in 1 2 3 4 5 6; do field sealed sealed_base64 $n | unbase64 >"$work/sealed$n"; done
for n in 1 2 3 4; do same "$(section_digest "$work/sealed$n")" "$(field sealed digest 1)" "section digest"; done
for n in 5 6; do same "$(section_digest "$work/sealed$n")" "$(field sealed digest 2)" "section digest"; done
for n in 1 2 3; do
  name=$(field sealed name $n)
  section "$work/sealed1" "$name" "$work/plaintext1"
  section "$work/sealed$((n + 1))" "$name" "$work/plaintext1"
done
! decrypt "$work/sealed2" $idva-sealing "$work/opened" || fail "one recipient's form opens for another"
section "$work/sealed6" $idva-sealing "$work/plaintext2"

# --- What the product makes now
mkdir "$work/fresh"
(cd "$here/../.." && "$1" "$work/fresh")
cd "$work/fresh"
document $header_type $police-signing header header.sig 8
document $statement_type $idva-signing statement statement.sig 2
for name in $police $idva northshire-childrens; do
  section sealed $name-sealing plaintext
  section sealed.$name $name-sealing plaintext
  same "$(section_digest sealed.$name)" "$(section_digest sealed)" "section digest of the form for $name"
done
same "$(section_digest sealed)" "$(cat sealed.digest)" "section digest"
echo "stock OpenSSL opens and verifies all"
