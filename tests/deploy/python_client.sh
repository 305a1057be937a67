#!/bin/bash
# Goal: a client that is not ours, stock grpcio and the published protos alone, pushes to the police service and collects
# at the Idva service of a running system, and is refused what it may not do.
# usage: python_client.sh PKI POLICE_PORT IDVA_PORT
#   PKI: as deploy/dev-pki.sh makes it (tls-ca.crt, police/tls.{crt,key}, idva/tls.{crt,key})
# Exit status: 0 all of it is so, 1 something is not.
set -euo pipefail
source "$(dirname "$0")/lib.sh"
[ $# -eq 3 ] || { sed -n '4,6s/^# *//p' "$0" >&2; exit 2; }
client=("$root/deploy/clients/python/push_and_collect.py" --pki "$1" --police "localhost:$2" --idva "localhost:$3")

expect 0 "${client[@]}" --sample "$root/deploy/samples/02-police-high-risk-children-present.json"
says 'SUBMISSION_STATE_SETTLED'
for section in identity safe_contact risk incident children; do says "section $section"; done
# Consent refused and no basis: nothing is sent, and the client is told so rather than left waiting.
expect 1 "${client[@]}" --sample "$root/deploy/samples/05-police-consent-refused-no-basis.json"
says 'SUBMISSION_STATE_NEEDS_PERSON'
# The Idva's certificate opens nothing at the police service.
mkdir -p "$work/pki/police"
cp "$1/tls-ca.crt" "$work/pki/"
cp "$1/idva/tls.crt" "$1/idva/tls.key" "$work/pki/police/"
expect 1 "${client[0]}" --pki "$work/pki" --police "localhost:$2" --idva "localhost:$3" \
  --sample "$root/deploy/samples/02-police-high-risk-children-present.json"
says 'push refused: PERMISSION_DENIED'
expect 2 "${client[@]}" --sample "$root/deploy/samples/06-health-duty-to-refer-with-consent.json"
expect 2 "${client[@]}" --sample "$work/absent.json"
