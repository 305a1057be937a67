#!/usr/bin/env bash
# Certificates for development: what an area's authorities would issue in life, made with the stock openssl program.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: deploy/dev-pki.sh DIR [--agency AGENCY]…

  Makes in DIR the keys and certificates of one area, for development and the demo only: in life each agency makes its
  own keys, and the two authorities and the linkage key belong to people who are not the broker's operator.

    tls-ca.{crt,key}                 issues every TLS certificate
    area-authority.{crt,key}         issues signing and sealing certificates; agencies trust it, the broker does not run it
    broker/tls.{crt,key}             spiffe://accord.example/broker/area-1
    AGENCY/tls.{crt,key}             spiffe://accord.example/agency/AGENCY, for the service and for its callers
    AGENCY/signing.{crt,key}         …/AGENCY/signing, digital signature only
    AGENCY/sealing.{crt,key}         …/AGENCY/sealing, key agreement only
    AGENCY/witness.key               Ed25519; with it the agency cosigns the log
    admin/{alice,bob}.{crt,key}      spiffe://accord.example/admin/…
    inspector/{ines,omar}.{crt,key}  spiffe://accord.example/inspector/…
    inspector/{ines,omar}-sealing.{crt,key}   …/inspector/…/sealing, key agreement only, under the area authority: what agencies
                                     disclose to them is sealed for it
    linkage.key                      key of the linkage domain, 64 hex digits

  AGENCY is each of police, childrens, housing, health, idva, and of those named further. All other keys are P-256; key files have mode 0600. Servers are
  also named localhost, 127.0.0.1 and accord-broker or accord-AGENCY. docs/formats.md §4 has the forms.

  Run again, it makes what is missing and changes nothing else.

  Exit status: 0 all is there, 1 something could not be made or does not verify, 2 wrong use.
TEXT
}

case ${1:-} in
  --help | -h) usage; exit 0 ;;
  '' | -*) usage >&2; exit 2 ;;
esac
directory=$1 further=()
shift
while [ $# -gt 0 ]; do
  [ "$1" = --agency ] && [[ ${2:-} =~ ^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$ ]] || { usage >&2; exit 2; }
  further+=("$2")
  shift 2
done

readonly trust_domain=accord.example
readonly agencies=(police childrens housing health idva ${further[@]+"${further[@]}"})
readonly administrators=(alice bob)
readonly inspectors=(ines omar)
readonly authority_days=3650 certificate_days=825

fail() { printf 'dev-pki.sh: %s\n' "$*" >&2; exit 1; }

command -v openssl >/dev/null || fail "the openssl program is missing (package openssl)"
umask 077
mkdir -p "$directory"
cd "$directory"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
made=0

# make NAME SUBJECT DAYS EXTENSIONS [ISSUER]: NAME.key and NAME.crt, under ISSUER or by itself. Each file appears whole;
# the certificate last, so that a run cut short is made good by the next one.
make() {
  local name=$1 subject=$2 days=$3 extensions=$4 issuer=${5:-} issued_by=() log=$scratch/log
  if [ -e "$name.crt" ]; then
    [ -e "$name.key" ] || fail "$name.crt has no key beside it; remove it to have both made"
    openssl verify -CAfile "${issuer:-$name}.crt" "$name.crt" >"$log" 2>&1 ||
      fail "$name.crt does not verify; remove the directory to start afresh: $(tail -1 "$log")"
    return
  fi
  [ -z "$issuer" ] || issued_by=(-CA "$issuer.crt" -CAkey "$issuer.key")
  printf '[req]\ndistinguished_name = name\nprompt = no\n[name]\nCN = %s\n[extensions]\n%s\n' \
    "$subject" "$extensions" >"$scratch/config"
  mkdir -p "$(dirname "$name")"
  openssl req -x509 -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -sha256 -days "$days" \
    -config "$scratch/config" -extensions extensions ${issued_by[@]+"${issued_by[@]}"} \
    -keyout "$name.key.new" -out "$name.crt.new" >"$log" 2>&1 || fail "openssl could not make $name.crt: $(tail -3 "$log")"
  chmod 0600 "$name.key.new"
  chmod 0644 "$name.crt.new"
  mv "$name.key.new" "$name.key"
  mv "$name.crt.new" "$name.crt"
  made=$((made + 1))
}

make_authority() {
  make "$1" "$2" $authority_days "basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
subjectKeyIdentifier = hash"
}

# make_certificate NAME SUBJECT ISSUER USAGE SPIFFE-PATH [MORE-NAMES [EXTENDED-USAGE]]
make_certificate() {
  make "$1" "$2" $certificate_days "basicConstraints = critical, CA:FALSE
keyUsage = critical, $4
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = URI:spiffe://$trust_domain/$5${6:+, $6}${7:+
extendedKeyUsage = $7}" "$3"
}

# make_server NAME SPIFFE-PATH HOST: a server's TLS certificate, good for its own calls too.
make_server() {
  make_certificate "$1" "$3" tls-ca digitalSignature "$2" "DNS:localhost, DNS:$3, IP:127.0.0.1" "serverAuth, clientAuth"
}

make_authority tls-ca "Development TLS authority"
make_authority area-authority "Development area authority"
make_server broker/tls broker/area-1 accord-broker
for agency in "${agencies[@]}"; do
  make_server "$agency/tls" "agency/$agency" "accord-$agency"
  make_certificate "$agency/signing" "$agency signing" area-authority digitalSignature "agency/$agency/signing"
  make_certificate "$agency/sealing" "$agency sealing" area-authority keyAgreement "agency/$agency/sealing"
  if [ ! -e "$agency/witness.key" ]; then
    openssl genpkey -algorithm ed25519 -out "$agency/witness.key.new"
    mv "$agency/witness.key.new" "$agency/witness.key"
    made=$((made + 1))
  fi
done
for administrator in "${administrators[@]}"; do
  make_certificate "admin/$administrator" "$administrator" tls-ca digitalSignature "admin/$administrator" "" clientAuth
done
for inspector in "${inspectors[@]}"; do
  make_certificate "inspector/$inspector" "$inspector" tls-ca digitalSignature "inspector/$inspector" "" clientAuth
  make_certificate "inspector/$inspector-sealing" "$inspector sealing" area-authority keyAgreement "inspector/$inspector/sealing"
done
if [ ! -e linkage.key ]; then
  openssl rand -hex 32 >linkage.key.new
  mv linkage.key.new linkage.key
  made=$((made + 1))
fi
echo "$PWD: $made made, the rest was there"
