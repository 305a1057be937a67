#!/bin/bash
# Goal: deploy/dev-pki.sh makes what docs/formats.md §4 asks for, and nothing looser; a second run changes nothing.
# Method: the stock openssl program reads every certificate; the product's own check is demo_config_test.sh.
set -euo pipefail
source "$(dirname "$0")/lib.sh"
pki=$work/pki

expect 0 "$root/deploy/dev-pki.sh" --help
says 'usage: deploy/dev-pki.sh DIR'
expect 2 "$root/deploy/dev-pki.sh"
expect 2 "$root/deploy/dev-pki.sh" --unknown
expect 2 "$root/deploy/dev-pki.sh" one two
expect 0 "$root/deploy/dev-pki.sh" "$pki"

extension() { openssl x509 -in "$pki/$1.crt" -noout -ext "$2" 2>/dev/null | sed 1d | sed 's/^ *//'; }

# check NAME AUTHORITY PURPOSE USAGE SAN
check() {
  openssl verify -x509_strict -purpose "$3" -CAfile "$pki/$2.crt" "$pki/$1.crt" >"$work/out" 2>&1 || fail "$1: $(cat "$work/out")"
  same "$(extension "$1" keyUsage)" "$4" "key usage of $1"
  same "$(extension "$1" subjectAltName)" "$5" "names of $1"
  same "$(extension "$1" basicConstraints)" "CA:FALSE" "basic constraints of $1"
  [ -n "$(extension "$1" subjectKeyIdentifier)" ] || fail "$1 has no subject key identifier"
  openssl x509 -in "$pki/$1.crt" -noout -text >"$work/text"
  grep -q 'NIST CURVE: P-256' "$work/text" || fail "$1 is not on P-256"
  same "$(openssl x509 -in "$pki/$1.crt" -noout -pubkey)" "$(openssl pkey -in "$pki/$1.key" -pubout)" "key of $1"
}
server() { echo "URI:spiffe://accord.example/$1, DNS:localhost, DNS:$2, IP Address:127.0.0.1"; }

check broker/tls tls-ca sslserver "Digital Signature" "$(server broker/area-1 accord-broker)"
for agency in police childrens housing health idva; do
  for purpose in sslserver sslclient; do
    check $agency/tls tls-ca $purpose "Digital Signature" "$(server agency/$agency accord-$agency)"
  done
  check $agency/signing area-authority any "Digital Signature" "URI:spiffe://accord.example/agency/$agency/signing"
  check $agency/sealing area-authority any "Key Agreement" "URI:spiffe://accord.example/agency/$agency/sealing"
  # Who may speak TLS in an agency's name is not who may seal or sign in it.
  ! openssl verify -CAfile "$pki/tls-ca.crt" "$pki/$agency/sealing.crt" >"$work/out" 2>&1 || fail "the TLS authority vouches for sealing"
  ! openssl verify -CAfile "$pki/area-authority.crt" "$pki/$agency/tls.crt" >"$work/out" 2>&1 || fail "the area authority vouches for TLS"
done
for administrator in alice bob; do
  check admin/$administrator tls-ca sslclient "Digital Signature" "URI:spiffe://accord.example/admin/$administrator"
  ! openssl verify -purpose sslserver -CAfile "$pki/tls-ca.crt" "$pki/admin/$administrator.crt" >"$work/out" 2>&1 ||
    fail "an administrator may pose as a server"
done

for inspector in ines omar; do
  check inspector/$inspector tls-ca sslclient "Digital Signature" "URI:spiffe://accord.example/inspector/$inspector"
  check inspector/$inspector-sealing area-authority any "Key Agreement" "URI:spiffe://accord.example/inspector/$inspector/sealing"
  ! openssl verify -CAfile "$pki/tls-ca.crt" "$pki/inspector/$inspector-sealing.crt" >"$work/out" 2>&1 || fail "the TLS authority vouches for an inspector's sealing"
done

find "$pki" -name '*.key' ! -perm 600 >"$work/loose"
same "$(cat "$work/loose")" "" "keys that others may read"
same "$(find "$pki" -name '*.key' | wc -l)" 30 "number of keys"
for agency in police childrens housing health idva; do
  openssl pkey -in "$pki/$agency/witness.key" -noout -text | grep -q ED25519 || fail "the witness key of $agency is not Ed25519"
done
[[ $(cat "$pki/linkage.key") =~ ^[0-9a-f]{64}$ ]] || fail "linkage.key is not 64 hex digits"
same "$(find "$pki" -name '*.new')" "" "files left half made"

# Again: not a byte and not a date changes. What is missing is made, under the same authority.
state() { (cd "$pki" && find . -type f -printf '%p %m %T@\n' | sort && find . -type f -print0 | sort -z | xargs -0 sha256sum); }
before=$(state)
expect 0 "$root/deploy/dev-pki.sh" "$pki"
same "$(state)" "$before" "a second run"
rm "$pki/idva/sealing.crt"
expect 0 "$root/deploy/dev-pki.sh" "$pki"
check idva/sealing area-authority any "Key Agreement" "URI:spiffe://accord.example/agency/idva/sealing"

# A certificate of another authority is not taken for ours.
expect 0 "$root/deploy/dev-pki.sh" "$work/other"
cp "$work/other/police/tls.crt" "$pki/police/tls.crt"
expect 1 "$root/deploy/dev-pki.sh" "$pki"
says 'police/tls.crt does not verify'
rm "$pki/police/tls.key"
expect 1 "$root/deploy/dev-pki.sh" "$pki"
says 'police/tls.crt has no key beside it'
