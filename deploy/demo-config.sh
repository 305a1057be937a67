#!/usr/bin/env bash
# Configuration of the demo, made from the examples that come with the programs, so that those are tried by every run.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

usage() {
  cat <<'TEXT'
usage: deploy/demo-config.sh DIR [--base-port PORT] [--containers] [--further]

  Writes into DIR the configuration of one broker, five agencies and accordctl: broker.toml, directory.toml,
  agreement.toml, police.toml … idva.toml, accordctl.toml. They are the examples (deploy/broker.toml.example,
  deploy/agency.toml.example, accordctl.toml.example) with names, ports and this year put in; keys are looked for in
  DIR/pki (deploy/dev-pki.sh), stores in DIR/broker and DIR/AGENCY, the log's verification key in DIR/broker.vkey, the
  witness policy, which names that key, in DIR/witnesses.policy. Whom the agencies would call in earnest is a line in
  DIR/alerts.txt.

  --base-port PORT  broker on PORT, agencies on PORT + 11 to PORT + 15, metrics 2000 above; default 7400
  --containers      listen on every address, find each other as accord-broker, accord-police, …
  --further         three agencies more, on PORT + 20 to PORT + 22: newleaf, a substance misuse service, and marac, which coordinates
                    the Marac, for one accord-agency; and idva-westshire, the Idva service of the next area. They are in directory and
                    agreement, and certificates are looked for as of the five (deploy/dev-pki.sh --agency)

  Two inspectors, ines and omar, are in accordctl.toml; the directory has them once administrators have enrolled them
  (accordctl admin put-officer).

  Run again, it writes the same files again.
TEXT
}

dir='' base_port=7400 containers=no further=()
while [ $# -gt 0 ]; do
  case $1 in
    --help | -h) usage; exit 0 ;;
    --base-port)
      [[ ${2:-} =~ ^[1-9][0-9]{3,4}$ ]] && [ "$2" -le 63000 ] || { echo "demo-config.sh: --base-port takes 1000 to 63000" >&2; exit 2; }
      base_port=$2
      shift ;;
    --containers) containers=yes ;;
    --further) further=(newleaf marac idva-westshire) ;;
    -*) usage >&2; exit 2 ;;
    *)
      [ -z "$dir" ] || { usage >&2; exit 2; }
      dir=$1 ;;
  esac
  shift
done
[ -n "$dir" ] || { usage >&2; exit 2; }

readonly agencies=(police childrens housing health idva ${further[@]+"${further[@]}"})
readonly administrators=(alice bob)
readonly inspectors=(ines omar)
readonly accordctl_example=$here/../services/accordctl/accordctl.toml.example

fail() { printf 'demo-config.sh: %s\n' "$*" >&2; exit 1; }

# put OLD NEW: replaces OLD in $text wherever it stands; an example without it has changed and this script has not.
put() {
  [[ $text == *"$1"* ]] || fail "the example no longer has \`$1\`"
  text=${text//"$1"/"$2"}
}

# port_of AGENCY: the five from 11 above the base, the further ones from 20.
port_of() {
  local at offset=11
  for at in "${agencies[@]}"; do
    [ "$at" != newleaf ] || offset=20
    [ "$at" != "$1" ] || { echo $((base_port + offset)); return; }
    offset=$((offset + 1))
  done
}

# directory_row AGENCY KIND NAME: of a further agency.
directory_row() {
  printf '[[agency]]\nid = "%s"\nkind = "%s"\ndisplay_name = "%s"\n' "$1" "$2" "$3"
  printf 'signing_certificate = "pki/%s/signing.crt"\nsealing_certificate = "pki/%s/sealing.crt"\n\n' "$1" "$1"
}

# further_routes: what the area agreed with the further agencies.
further_routes() {
  cat <<'TOML'

# Beside the five: a substance misuse service and the coordinator of the Marac.
[[route]]
id = "newleaf-support"
from_kinds = ["substance_misuse"]
to_kinds = ["idva"]
purposes = ["support"]
categories = ["identity", "safe_contact", "risk", "voice", "narrative", "rationale"]
needs_consent = true

[[route]]
id = "marac-of-newleaf"
from_kinds = ["substance_misuse"]
to_kinds = ["adult_social_care", "police"]
purposes = ["marac"]
categories = ["identity", "risk", "alleged_perpetrator", "narrative", "rationale"]

[[route]]
id = "marac-to-its-coordinator"
from_kinds = ["police"]
to_kinds = ["adult_social_care"]
purposes = ["marac"]
categories = ["identity", "risk", "alleged_perpetrator", "narrative", "rationale", "response", "outcome"]

[[route]]
id = "marac-from-its-coordinator"
from_kinds = ["adult_social_care"]
to_kinds = ["police"]
purposes = ["marac"]
categories = ["identity", "risk", "alleged_perpetrator", "safety_plan", "narrative", "rationale"]
TOML
}

# host AGENCY: by which name others reach it.
host() { if [ $containers = yes ]; then echo "accord-$1"; else echo 127.0.0.1; fi; }

# write NAME: $text into DIR/NAME, whole or not at all.
write() {
  printf '%s\n' "$text" >"$dir/$1.new"
  mv "$dir/$1.new" "$dir/$1"
}

mkdir -p "$dir"
listen=127.0.0.1
[ $containers = no ] || listen=0.0.0.0
broker_address="$(host broker):$base_port"

text=$(<"$here/broker.toml.example")
put 'address = "127.0.0.1"' "address = \"$listen\""
put 'port = 7400 ' "port = $base_port "
put 'metrics_port = 9400 ' "metrics_port = $((base_port + 2000)) "
put 'policy = ""' 'policy = "witnesses.policy"'
write broker.toml
text=$(<"$here/directory.toml")
if [ ${#further[@]} -gt 0 ]; then
  put '"health", "idva"]' '"health", "idva", "newleaf", "marac"]'
  put 'coordinator = "idva"' 'coordinator = "marac"'
  put '[[forum]]
id' "$(directory_row newleaf substance_misuse 'Newleaf Recovery'; directory_row marac adult_social_care 'Northshire Marac Coordination'
    directory_row idva-westshire idva 'Westshire Idva Service')
"$'\n''[[forum]]
id'
fi
write directory.toml
# In force whenever the demo is run: from the beginning of this year to the end of the next.
text=$(<"$here/agreement.toml")
put "$(grep '^effective_from = ' <<<"$text")" "effective_from = \"$(date -u +%Y)-01-01\""
put "$(grep '^expires = ' <<<"$text")" "expires = \"$(($(date -u +%Y) + 1))-12-31\""
if [ ${#further[@]} -gt 0 ]; then
  put '"idva-southshire", ' '"idva-southshire", "newleaf", "marac", "idva-westshire", '
  text+=$'\n'$(further_routes)
fi
write agreement.toml

# The demo's pager: a line in alerts.txt for each call.
alert='echo "$ACCORD_AGENCY: $ACCORD_WAITING $ACCORD_ALERT since $ACCORD_SINCE" >>"$0"'
for agency in "${agencies[@]}"; do
  text=$(<"$here/agency.toml.example")
  put 'agency = "police"' "agency = \"$agency\""
  put 'accord.example/agency/police' "accord.example/agency/$agency"
  put '"pki/police/' "\"pki/$agency/"
  put '"police/' "\"$agency/"
  put '# address = "127.0.0.1:7400"' "address = \"$broker_address\""
  put '# address = "127.0.0.1"' "address = \"$listen\""
  put '# port = 7411' "port = $(port_of "$agency")"
  put '# metrics_port = 9411' "metrics_port = $((2000 + $(port_of "$agency")))"
  put '# command = ["/usr/local/bin/duty-pager"]' "command = [\"/bin/sh\", \"-c\", '$alert', \"$(cd "$dir" && pwd)/alerts.txt\"]"
  case $agency in
    newleaf) put '# kind = "police"' 'kind = "substance_misuse"'; text+=$'\n\n'$(<"$here/push.toml.example") ;;
    marac)
      put '# kind = "police"' 'kind = "adult_social_care"'
      text+=$'\n\n[forum]\nid = "marac-northshire"\nmembers = ["police", "childrens", "housing", "health", "idva", "newleaf", "marac"]' ;;
    idva) [ ${#further[@]} -eq 0 ] || put 'idva = ["idva"]' 'idva = ["idva", "idva-westshire"]' ;;
  esac
  write "$agency.toml"
done

# block HEADING: that block of accordctl's example, up to the next blank line.
block() { awk -v heading="$1" 'index($0, heading) == 1 { on = 1 } on && NF == 0 { exit } on' "$accordctl_example"; }

text=$(awk 'index($0, "[[") == 1 { exit } { print }' "$accordctl_example")
put '# address = "127.0.0.1:7400"' "address = \"$broker_address\""
whole=$text
for agency in "${agencies[@]}"; do
  text=$(block '[[agency]]')
  put 'id = "police"' "id = \"$agency\""
  put 'address = "127.0.0.1:7411"' "address = \"$(host "$agency"):$(port_of "$agency")\""
  put 'accord.example/agency/police' "accord.example/agency/$agency"
  put 'pki/police/' "pki/$agency/"
  put '# worker = ""' "worker = \"$agency-demo\""
  whole+=$'\n\n'$text
done
for administrator in "${administrators[@]}"; do
  text=$(block '[[admin]]')
  put alice "$administrator"
  whole+=$'\n\n'$text
done
for inspector in "${inspectors[@]}"; do
  text=$(block '# [[inspector]]' | sed 's/^# //')  # Nobody's machine has one unless it is an inspector's.
  put ines "$inspector"
  whole+=$'\n\n'$text
done
text=$whole
write accordctl.toml
