# What the quickstart shows on a running demo, with accordctl and accord-verify as anyone would use them; sourced after
# common.sh and demo.sh.

STORY_SECONDS_MAX=30
# Stored, then released and delivered to two; opened twice, accepted and decided, each released and delivered to the sender.
STORY_ENTRIES_MIN=17

# told COMMAND…: says what is run, and runs it.
told() {
  printf '\n$ %s\n' "$*"
  "$@"
}

# referral_of AGENCY REQUEST-ID: the referral that this push became, in full.
referral_of() { accordctl --as "$1" referral show "$2" | awk '$1 == "referral" { sub("referrals/", "", $2); print $2 }'; }

# arrived AGENCY REFERRAL: waits until it is in that agency's inbox. The push was answered when the broker had stored it;
# the mailbox brings it in its own time. All of the list is read: a reader that stops at what it looked for would fail what writes.
arrived() {
  local limit=$((SECONDS + STORY_SECONDS_MAX))
  until accordctl --as "$1" inbox list --limit 500 | grep "${2:0:16}" >/dev/null; do
    [ $SECONDS -lt $limit ] || fail "referral ${2:0:16} is not in the inbox of $1 after $STORY_SECONDS_MAX s"
    sleep 0.2
  done
}

# sample_as NAME SED-SCRIPT FILE: that sample as another file of the demo, with other names in it.
sample_as() { sed "$2" "$ACCORD_ROOT/deploy/samples/$3" >"$DEMO/$1.json"; }

# A client moves to the next area.
tell_handover() {
  local handover
  step "the Idva service of the next area says whom it takes, and a client is handed over to it"
  told accordctl --as idva-westshire support publish --places 4 --age-from 16 --grade high --grade medium
  sample_as handover 's/"title": .*/"title": "A client moves to the next area: handed over to the Idva service there",/
    s/idva-southshire/idva-westshire/; s|OAS-20311/handover-1|OAS-20311/handover-2|' 65-idva-handover-service-not-here.json
  told accordctl --as idva referral submit "$DEMO/handover.json" --wait 15
  handover=$(referral_of idva OAS-20311/handover-2)
  arrived idva-westshire "$handover"
  told accordctl --as idva-westshire inbox read "${handover:0:16}" >"$DEMO/log/handover.read"
  told accordctl --as idva-westshire inbox accept "${handover:0:16}"
}

# A case comes before the Marac, which is a tenant of accord-agency by configuration alone.
tell_marac() {
  local case
  step "a substance misuse service refers to the Marac, and its coordinator puts the case on the agenda"
  sample_as to-the-marac 's/"agency": "recovery"/"agency": "newleaf"/; s|REC-4601|NL-4601|' other/74-recovery-to-the-marac.json
  told accordctl --as newleaf referral submit "$DEMO/to-the-marac.json" --wait 15
  case=$(referral_of newleaf NL-4601/1)
  arrived marac "$case"
  told accordctl --as marac inbox read "${case:0:16}" >"$DEMO/log/marac.read"
  told accordctl --as marac inbox accept "${case:0:16}"
  told accordctl --as marac today
  told accordctl --as marac forum list "${case:0:16}" --meeting 2100-01-05T10:00:00Z
  sample_as research 's/"recovery"/"newleaf"/' forum/research.json
  told accordctl --as marac forum research "${case:0:16}" "$DEMO/research.json" --wait 15
  told accordctl --as marac forum agenda
}

tell_story() {
  local incident duty number verified=0 bundle middle byte limit
  local export=$DEMO/export receipts=$DEMO/receipts
  step "pushing the sample cases: for each, who receives which sections, and why not the others"
  told accordctl referral submit "$ACCORD_ROOT/deploy/samples"

  step "what has arrived"
  incident=$(referral_of police NSP-2026-118822/1)
  duty=$(referral_of health EPR-771203/1)
  arrived idva "$incident"
  arrived childrens "$incident"
  arrived housing "$duty"
  told accordctl --as housing inbox list

  step "the recipients answer"
  echo "The Idva service opens the police's report of a high-risk assault (sample 02), and accepts."
  told accordctl --as idva inbox read "${incident:0:16}"
  told accordctl --as idva inbox accept "${incident:0:16}"
  printf "\nChildren's services open it and decide: a strategy discussion.\n"
  told accordctl --as childrens inbox read "${incident:0:16}" >"$DEMO/log/childrens.read"
  told accordctl --as childrens inbox decide "${incident:0:16}" --decision strategy-discussion
  printf '\nHousing opens the hospital'"'"'s duty to refer (sample 06), accepts, and records what came of it.\n'
  told accordctl --as housing inbox read "${duty:0:16}"
  told accordctl --as housing inbox accept "${duty:0:16}"
  told accordctl --as housing inbox outcome "${duty:0:16}" --code interim-accommodation

  tell_handover
  tell_marac

  step "what the police see of it: signed statements of those who received it"
  limit=$((SECONDS + STORY_SECONDS_MAX))
  until accordctl --as police referral show NSP-2026-118822/1 >"$DEMO/log/show" && grep -q 'strategy discussion' "$DEMO/log/show"; do
    [ $SECONDS -lt $limit ] || fail "the decision of children's services has not reached the police after $STORY_SECONDS_MAX s"
    sleep 0.2
  done
  told accordctl --as police referral show NSP-2026-118822/1

  step "the whole trail of that referral, as the broker recorded it"
  told accordctl --as police trail referral NSP-2026-118822/1 | tee "$DEMO/log/trail"

  step "every entry of that trail has a receipt; each is fetched, then verified without the broker"
  rm -rf "$receipts" "$export" "$export.altered"
  mkdir -p "$receipts"
  told accordctl --as police receipt get NSP-2026-118822/1 --out "$receipts/stored"
  echo
  for number in $(awk '$1 ~ /^[0-9]+$/ && $2 ~ /^20[0-9][0-9]-/ { print $1 }' "$DEMO/log/trail"); do
    accordctl --as police receipt get "$number" --out "$receipts/$number" >"$DEMO/log/receipt"
    accord-verify --vkey "$DEMO/broker.vkey" receipt "$receipts/$number" >"$DEMO/log/receipt" ||
      { cat "$DEMO/log/receipt"; fail "the receipt of entry $number does not verify"; }
    printf 'entry %-4s %s\n' "$number" "$(tail -n 1 "$DEMO/log/receipt")"
    verified=$((verified + 1))
  done
  [ $verified -ge $STORY_ENTRIES_MIN ] || fail "the trail shows $verified entries, and at least $STORY_ENTRIES_MIN were made"

  step "the whole log is exported and verified; then one byte of a copy is changed"
  told accordctl --as police ledger export --out "$export"
  told accord-verify --vkey "$DEMO/broker.vkey" ledger "$export"
  cp -r "$export" "$export.altered"
  bundle=$(find "$export.altered/tile/entries" -type f | sort | sed -n 1p)
  middle=$(($(stat -c %s "$bundle") / 2))
  byte=$(od -An -tu1 -j $middle -N 1 "$bundle")
  printf "\\x$(printf %02x $(((byte + 1) % 256)))" | dd of="$bundle" bs=1 seek=$middle conv=notrunc status=none
  if told accord-verify --vkey "$DEMO/broker.vkey" ledger "$export.altered"; then
    fail "an altered copy of the log verifies"
  fi
  echo "The altered copy does not verify, as it must not."
}

story_hints() {
  cat <<TEXT

  accordctl status                                            how the services and the log stand
  accordctl referral preview deploy/samples/02-*.json         who would receive what; nothing is stored
  cp deploy/samples/02-*.json my-case.json                    your own: edit it, give it a new requestId, and
  accordctl referral submit my-case.json
  accordctl --as idva inbox list
  accordctl --as idva support list                            which Idva services take whom, and have room
  accordctl --as marac forum agenda                           the Marac: cases, research, decisions, actions
  accordctl --as marac today                                  what waits for its coordinator
  accordctl --as police trail referral REQUEST-ID
  accordctl --as inspector/ines warrant propose --help        two inspectors, ines and omar, and what they may ask: docs/inspectors.md
  accordctl --help

Another program's view, with stock Python and gRPC: deploy/clients/python/README.md
TEXT
}
