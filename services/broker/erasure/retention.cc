// The half of the eraser that looks for what rules say is due.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/ledger/leaf.h"
#include "common/telemetry/log.h"
#include "services/broker/delivery/referral_store.h"
#include "services/broker/directory/families.h"
#include "services/broker/erasure/eraser.h"
#include "services/broker/erasure/rows.h"
#include "services/broker/sequencer/reader.h"

namespace accord::broker {
namespace {

constexpr size_t kFillPerCommand = 256;

absl::Status StoppingRetention() { return Error(Reason::kShuttingDown, "the broker is stopping"); }
absl::Status CorruptRetention(std::string_view what) { return Error(Reason::kStoreCorrupt, what); }

// What the broker says again and again while somebody does not act: it is not something done about a referral, which would otherwise
// never grow old.
bool IsChase(type::v1::EventType type) {
  return type == type::v1::EVENT_TYPE_PICK_UP_OVERDUE || type == type::v1::EVENT_TYPE_RESPONSE_OVERDUE ||
         type == type::v1::EVENT_TYPE_FEEDBACK_OVERDUE || type == type::v1::EVENT_TYPE_CHANGE_OVERDUE ||
         type == type::v1::EVENT_TYPE_GAP_OVERDUE || type == type::v1::EVENT_TYPE_BREACH_OVERDUE;
}

// The newest entry of `chain` that is no chase, from `newest` back to `known`, which is none.
absl::StatusOr<uint64_t> NewestAct(const ReadView& view, std::string_view chain, uint64_t newest, uint64_t known) {
  for (uint64_t index = newest; index > known && index < view.ledger().size();) {
    ACCORD_ASSIGN_OR_RETURN(const auto sealed, view.GetSealed(kFamilyOpening, KeyU64(index)));
    storage::v1::StoredOpenings openings;
    if (!sealed.has_value() || !openings.ParseFromString(*sealed)) return CorruptRetention("openings of an entry do not parse");
    type::v1::EntryEvent event;
    for (const auto& opening : openings.openings()) {
      if (opening.label() == "event" && !event.ParseFromString(opening.content())) return CorruptRetention("an entry's event does not parse");
    }
    if (!IsChase(event.type())) return index;
    ACCORD_ASSIGN_OR_RETURN(const std::string leaf, view.ledger().Leaf(index));
    const auto parsed = ledger::ParseLeaf(leaf);
    if (!parsed.ok()) return CorruptRetention("a stored leaf does not parse");
    const auto link = std::find_if(parsed->chains.begin(), parsed->chains.end(), [&](const auto& one) { return one.pseudonym == chain; });
    if (link == parsed->chains.end() || link->previous_index >= index) return CorruptRetention("an entry of a chain does not lead to the one before it");
    if (link->previous_index <= known) return known;
    index = link->previous_index;
  }
  return newest;  // It is newer than the tree that this reads by, or the known one.
}

}  // namespace

absl::StatusOr<std::optional<admin::v1::PutRetention>> Eraser::Rules() const {
  ACCORD_ASSIGN_OR_RETURN(const auto view, sequencer_.View());
  ACCORD_ASSIGN_OR_RETURN(const auto bytes, view->Get(kFamilyPolicy, kRetentionCurrentKey));
  if (!bytes.has_value()) return std::nullopt;
  storage::v1::StoredRetention stored;
  if (!stored.ParseFromString(*bytes)) return CorruptRetention("the stored retention rules do not parse");
  return stored.rules();
}

absl::StatusOr<bool> Eraser::FillIndex() {
  std::vector<std::pair<std::string, std::string>> rows;  // Key, header digest.
  std::string last;
  {
    ACCORD_ASSIGN_OR_RETURN(const auto view, sequencer_.View());
    ACCORD_ASSIGN_OR_RETURN(const auto filled, view->Get(kFamilyMeta, kMetaRetentionIndexKey));
    if (filled.has_value() && filled->empty()) return true;
    std::vector<std::string> digests;
    // The first key after that of which all are there.
    ACCORD_RETURN_IF_ERROR(view->Scan(kFamilyReferral, {.lower = filled.has_value() ? *filled + '\0' : ""},
                                      [&](std::string_view key, std::string_view) {
                                        digests.emplace_back(key);
                                        return digests.size() < kFillPerCommand;
                                      }));
    const auto read = SealedReaderOf(*view);
    for (const std::string& digest : digests) {
      ACCORD_ASSIGN_OR_RETURN(const auto stored, LoadReferral(read, digest));
      if (!stored.has_value()) continue;
      ACCORD_ASSIGN_OR_RETURN(const auto header, OpenStored(*stored));
      rows.emplace_back(RetentionKey(header.core.part.type(), stored->stored_index()), digest);
    }
    if (digests.size() == kFillPerCommand) last = digests.back();
  }
  ACCORD_RETURN_IF_ERROR(Commit([&](CommitContext& context) -> absl::Status {
    for (const auto& [key, digest] : rows) {
      // Erased meanwhile: its rows are written down already.
      ACCORD_ASSIGN_OR_RETURN(const auto stored, LoadReferral(context, digest));
      if (stored.has_value()) context.Put(kFamilyRetention, key, digest);
    }
    context.Put(kFamilyMeta, kMetaRetentionIndexKey, last);
    return absl::OkStatus();
  }));
  return last.empty();
}

absl::StatusOr<bool> Eraser::EraseDue(const admin::v1::PutRetention& rules) {
  size_t looked = 0, erased = 0;
  for (const auto& rule : rules.rules()) {
    const absl::Time due_before = clock_.Now() - absl::Hours(24) * rule.days();
    for (;;) {
      if (stopping_) return StoppingRetention();
      if (looked >= kRetentionRowsPerRound || erased >= kRetentionErasuresPerRound) return true;
      // The next row that may be due, in the order of its newest known entry.
      uint64_t index = 0, newest = 0, last = 0;  // Of the row; of what was done since; of the chain.
      std::string digest;
      bool found = false, gone = false;
      {
        ACCORD_ASSIGN_OR_RETURN(const auto view, sequencer_.View());
        const storage::Range range = {.lower = RetentionKey(rule.type(), looked_to_[rule.type()]),
                                      .upper = RetentionKey(static_cast<type::v1::ReferralType>(rule.type() + 1), 0)};
        ACCORD_RETURN_IF_ERROR(view->Scan(kFamilyRetention, range, [&](std::string_view key, std::string_view value) {
          index = U64FromKey(key.substr(key.size() - sizeof(uint64_t))).value_or(0);
          digest = value;
          found = true;
          return false;
        }));
        if (!found || index >= view->ledger().size()) break;
        ACCORD_ASSIGN_OR_RETURN(const std::string leaf, view->ledger().Leaf(index));
        const auto parsed = ledger::ParseLeaf(leaf);
        if (!parsed.ok()) return CorruptRetention("a stored leaf does not parse");
        if (absl::FromUnixMillis(static_cast<int64_t>(parsed->time_ms)) > due_before) break;
        const auto read = SealedReaderOf(*view);
        ACCORD_ASSIGN_OR_RETURN(const auto stored, LoadReferral(read, digest));
        gone = !stored.has_value();
        if (!gone) {
          ACCORD_ASSIGN_OR_RETURN(const auto chain, ReadRow<storage::v1::StoredChain>(*view, kFamilyChain, stored->chain()));
          last = chain.last_index();
          ACCORD_ASSIGN_OR_RETURN(newest, NewestAct(*view, stored->chain(), last, index));
        }
      }
      ++looked;
      const std::string row = RetentionKey(rule.type(), index);
      if (gone || newest > index) {
        // Something was recorded since: it is due later, and found there.
        ACCORD_RETURN_IF_ERROR(Commit([&](CommitContext& context) -> absl::Status {
          ACCORD_ASSIGN_OR_RETURN(const auto there, context.Get(kFamilyRetention, row));
          ACCORD_ASSIGN_OR_RETURN(const auto stored, LoadReferral(context, digest));
          if (!there.has_value() || !stored.has_value()) return absl::OkStatus();  // Being erased, with all its rows.
          context.Delete(kFamilyRetention, row);
          context.Put(kFamilyRetention, RetentionKey(rule.type(), newest), digest);
          return absl::OkStatus();
        }));
        looked_to_[rule.type()] = index + 1;
        continue;
      }
      ErasureOutcome outcome;
      const absl::Status status = Commit(
          [&](CommitContext& context) -> absl::Status {
            ACCORD_ASSIGN_OR_RETURN(const auto stored, LoadReferral(context, digest));
            if (!stored.has_value()) return absl::OkStatus();
            ACCORD_ASSIGN_OR_RETURN(const auto chain, ReadRow<storage::v1::StoredChain>(context, kFamilyChain, stored->chain()));
            if (chain.last_index() != last) return absl::OkStatus();  // Just now: the next look sees to it.
            ErasureOrder order{.ground = type::v1::ERASURE_GROUND_RETENTION_ENDED};
            order.actor.set_principal("broker");
            ACCORD_ASSIGN_OR_RETURN(outcome, EraseReferrals(context, linker_, std::span(&digest, 1), order));
            context.MoveEpochs(context.epochs());  // Nothing more of it in this batch.
            return absl::OkStatus();
          },
          [&] {
            if (outcome.index != 0) Recorded(outcome);
          });
      if (status.ok() && outcome.index != 0) ++erased;
      if (!status.ok() && !HasReason(status, Reason::kOnHold) && !HasReason(status, Reason::kMessageTooLarge)) return status;
      if (HasReason(status, Reason::kMessageTooLarge)) {
        telemetry::Log(telemetry::Level::kError, "erasure.retention_refused", {{"status", status}, {"index", index}});
      }
      looked_to_[rule.type()] = index + 1;
    }
  }
  looked_to_.clear();
  return false;
}

absl::Status Eraser::EndMappings(uint32_t mapping_days) {
  struct Due {
    std::string row, pseudonym;
    uint64_t numbered = 0;
    std::vector<std::string> tokens;
  };
  std::vector<Due> due;
  {
    ACCORD_ASSIGN_OR_RETURN(const auto view, sequencer_.View());
    const int64_t before = absl::ToUnixMillis(clock_.Now() - absl::Hours(24) * mapping_days);
    if (before < 0) return absl::OkStatus();
    ACCORD_RETURN_IF_ERROR(view->Scan(kFamilyMapping, {.upper = KeyU64(static_cast<uint64_t>(before) + 1)},
                                      [&](std::string_view key, std::string_view) {
                                        due.push_back({std::string(key), std::string(key.substr(sizeof(uint64_t)))});
                                        return due.size() < kMappingsPerRound;
                                      }));
    if (due.empty()) return absl::OkStatus();
    std::map<std::string, Due*> by_case;
    for (Due& one : due) {
      by_case[one.pseudonym] = &one;
      ACCORD_ASSIGN_OR_RETURN(const auto bytes, view->Get(kFamilyCase, one.pseudonym));
      storage::v1::StoredCase stored;
      if (bytes.has_value() && !stored.ParseFromString(*bytes)) return CorruptRetention("a stored case does not parse");
      one.numbered = stored.referrals();
    }
    // All rows of the index: a person may have several tokens, and a case's row has but the first.
    ACCORD_RETURN_IF_ERROR(view->Scan(kFamilyCaseToken, {}, [&](std::string_view key, std::string_view pseudonym) {
      if (const auto found = by_case.find(std::string(pseudonym)); found != by_case.end()) found->second->tokens.emplace_back(key);
      return true;
    }));
  }
  for (const Due& one : due) {
    if (stopping_) return StoppingRetention();
    const absl::Status status = Commit([&](CommitContext& context) -> absl::Status {
      ACCORD_ASSIGN_OR_RETURN(const auto outcome, EndMapping(context, one.pseudonym, one.numbered, one.tokens));
      ACCORD_ASSIGN_OR_RETURN(const auto left, context.Get(kFamilyCase, one.pseudonym));
      ACCORD_ASSIGN_OR_RETURN(const auto referrals, ReferralsOfCase(context, one.pseudonym));
      // Ended, now or before; or begun again by a new referral, whose erasure will count anew.
      if (!left.has_value() || !referrals.empty()) context.Delete(kFamilyMapping, one.row);
      return absl::OkStatus();
    });
    if (!status.ok() && !HasReason(status, Reason::kOnHold)) return status;
  }
  return absl::OkStatus();
}

}  // namespace accord::broker
