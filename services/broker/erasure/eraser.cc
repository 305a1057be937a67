#include "services/broker/erasure/eraser.h"

#include <absl/synchronization/notification.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "common/base/bytes.h"
#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/crypto/digest.h"
#include "common/ledger/leaf.h"
#include "common/telemetry/log.h"
#include "services/broker/delivery/erased.h"
#include "services/broker/delivery/referral_store.h"
#include "services/broker/directory/families.h"

namespace accord::broker {
namespace {

using storage::v1::StoredErasing;
using storage::v1::StoredErasure;

constexpr size_t kFillPerCommand = 256;
constexpr size_t kAdoptedRowsPerCommand = 10'000;
constexpr int kDropAttemptsMax = 100;
constexpr absl::Duration kDropPause = absl::Milliseconds(100);

// The families of which an erasure deletes or overwrites something.
constexpr std::array kPurged = {
    kFamilyOpening, kFamilyReferral,     kFamilySection, kFamilyStatement, kFamilyRequest, kFamilyParty,  kFamilyDelivery,
    kFamilyMailbox, kFamilyCase,         kFamilyCaseToken, kFamilyCaseReferral, kFamilyErasure, kFamilyRetention, kFamilyMapping,
    kFamilyRefused, kFamilyChange,       kFamilyHoldCover, kFamilyHoldReferral,
};

absl::Status Stopping() { return Error(Reason::kShuttingDown, "the broker is stopping"); }
absl::Status Corrupt(std::string_view what) { return Error(Reason::kStoreCorrupt, what); }

template <typename Message, typename Source>
absl::StatusOr<Message> ReadRow(Source& source, std::string_view family, std::string_view key) {
  ACCORD_ASSIGN_OR_RETURN(const auto bytes, source.Get(family, key));
  Message message;
  if (!bytes.has_value() || !message.ParseFromString(*bytes)) return Corrupt(fmt::format("a row of family {} is not there", family));
  return message;
}

absl::Status SetStep(CommitContext& context, uint64_t index, admin::v1::ErasureStep step) {
  ACCORD_ASSIGN_OR_RETURN(auto erasure, ReadRow<StoredErasure>(context, kFamilyErasure, ErasureKey(index)));
  erasure.set_step(step);
  if (step == admin::v1::ERASURE_STEP_PURGED) erasure.set_purged_at_ms(absl::ToUnixMillis(context.now()));
  context.Put(kFamilyErasure, ErasureKey(index), erasure.SerializeAsString());
  return absl::OkStatus();
}

// Rows beyond those written down with the entry: families that are small, and looked through.
struct FoundRows {
  std::vector<std::pair<std::string_view, std::string>> deleted;
  std::vector<uint64_t> changes;  // Proposals to erase the same, never approved.
};

absl::StatusOr<FoundRows> FindRows(const ReadView& view, const StoredErasing& erasing) {
  FoundRows found;
  const std::set<std::string> digests(erasing.header_digests().begin(), erasing.header_digests().end());
  for (const std::string& digest : digests) found.deleted.emplace_back(kFamilyHoldCover, HoldCoverKey(HoldTarget::kReferral, digest));
  ACCORD_RETURN_IF_ERROR(view.Scan(kFamilyHoldReferral, {}, [&](std::string_view key, std::string_view) {
    if (key.size() >= crypto::kDigestBytes && digests.contains(std::string(key.substr(key.size() - crypto::kDigestBytes)))) {
      found.deleted.emplace_back(kFamilyHoldReferral, std::string(key));
    }
    return true;
  }));
  ACCORD_RETURN_IF_ERROR(view.Scan(kFamilyChange, {}, [&](std::string_view key, std::string_view value) {
    storage::v1::StoredChange change;
    const auto number = U64FromKey(key);
    if (number.has_value() && change.ParseFromArray(value.data(), static_cast<int>(value.size())) &&
        digests.contains(change.change().erase().header_digest())) {
      found.changes.push_back(*number);
    }
    return true;
  }));
  return found;
}

}  // namespace

// One step as a command.
class Eraser::RunCommand : public Command {
 public:
  RunCommand(std::function<absl::Status(CommitContext&)> apply, std::function<void()> published, absl::Status& status,
             absl::Notification& done)
      : apply_(std::move(apply)), published_(std::move(published)), status_(status), done_(done) {}
  absl::Status Apply(CommitContext& context) override { return apply_(context); }
  void Published() override {
    if (published_) published_();
  }
  void Done(const absl::StatusOr<Committed>& outcome) override {
    status_ = outcome.status();
    done_.Notify();
  }

 private:
  const std::function<absl::Status(CommitContext&)> apply_;
  const std::function<void()> published_;
  absl::Status& status_;
  absl::Notification& done_;
};

absl::Status Eraser::Commit(std::function<absl::Status(CommitContext&)> apply, std::function<void()> published) {
  absl::Status status;
  absl::Notification done;
  sequencer_.Submit(std::make_unique<RunCommand>(std::move(apply), std::move(published), status, done));
  done.WaitForNotification();
  return status;
}

void Eraser::Step(EraserStep step) const {
  if (on_step_) on_step_(step);
}

void Eraser::Recorded(const ErasureOutcome& outcome) {
  site_.current().slots->Shut(outcome.slots);
  for (const std::string& id : outcome.delivery_ids) mailboxes_.Remove(id);
}

absl::StatusOr<std::vector<uint64_t>> Eraser::Unfinished() const {
  ACCORD_ASSIGN_OR_RETURN(const auto view, sequencer_.View());
  std::vector<uint64_t> indexes;
  ACCORD_RETURN_IF_ERROR(view->Scan(kFamilyErasure, storage::Prefix(ErasingPrefix()), [&](std::string_view key, std::string_view) {
    indexes.push_back(U64FromKey(key.substr(ErasingPrefix().size())).value_or(0));
    return indexes.size() < kErasuresPerRound;
  }));
  return indexes;
}

absl::Status Eraser::AdoptListed() {
  // The store may have been put back to before an erasure that the list has, and completed from an export of the log: its keys
  // are gone, and nothing says which rows are.
  std::map<uint64_t, StoredErasure> missing;  // By leaf index.
  std::set<uint64_t> slots;
  std::vector<std::pair<std::string_view, std::string>> rows, last;  // Family, key.
  std::vector<std::string> marks;
  {
    ACCORD_ASSIGN_OR_RETURN(const auto view, sequencer_.View());
    for (const ListedErasure& listed : site_.current().list->records()) {
      ACCORD_ASSIGN_OR_RETURN(const auto known, view->Get(kFamilyErasure, ErasureKey(listed.index)));
      if (known.has_value()) continue;
      StoredErasure& erasure = missing[listed.index];
      erasure.set_step(admin::v1::ERASURE_STEP_ROWS_DELETED);
      erasure.set_erased_at_ms(listed.time_ms);
      erasure.add_slots(listed.slot);
      slots.insert(listed.slot);
    }
    if (missing.empty()) return absl::OkStatus();

    std::set<std::string> digests;
    // Those of family `referral` go last: the digest, by which a next start would find the others, is their key.
    const auto add = [&](std::string_view family, std::string_view key) {
      (family == kFamilyReferral ? last : rows).emplace_back(family, std::string(key));
    };
    absl::Status status;
    for (std::string_view family : {kFamilyReferral, kFamilySection, kFamilyStatement, kFamilyOpening}) {
      ACCORD_RETURN_IF_ERROR(view->Scan(family, {}, [&](std::string_view key, std::string_view value) {
        const auto slot = KeySlots::SlotOf(value);
        status = slot.status();
        if (!slot.ok() || !slots.contains(*slot)) return slot.ok();
        add(family, key);
        if (family != kFamilyOpening) digests.emplace(key.substr(0, crypto::kDigestBytes));
        return true;
      }));
      ACCORD_RETURN_IF_ERROR(status);
    }
    for (std::string_view family : {kFamilyParty, kFamilyCaseReferral, kFamilyRetention}) {
      ACCORD_RETURN_IF_ERROR(view->Scan(family, {}, [&](std::string_view key, std::string_view value) {
        if (digests.contains(std::string(value))) add(family, key);
        return true;
      }));
    }
    ACCORD_RETURN_IF_ERROR(view->Scan(kFamilyDelivery, {}, [&](std::string_view key, std::string_view value) {
      storage::v1::StoredDelivery delivery;
      if (!delivery.ParseFromArray(value.data(), static_cast<int>(value.size())) || !digests.contains(delivery.header_digest())) return true;
      add(kFamilyDelivery, key);
      add(kFamilyMailbox, MailboxKey(delivery.agency(), delivery.desk(), delivery.lane(), delivery.mailbox_sequence()));
      return true;
    }));
    ACCORD_RETURN_IF_ERROR(view->Scan(kFamilyRequest, {}, [&](std::string_view key, std::string_view value) {
      storage::v1::StoredRequest request;
      if (!request.ParseFromArray(value.data(), static_cast<int>(value.size())) || !digests.contains(request.header_digest())) return true;
      add(kFamilyRequest, key);
      if (request.digest() == request.header_digest()) marks.push_back(linker_.Blind(kErasedRequestDomain, key));
      return true;
    }));
    for (const std::string& digest : digests) marks.push_back(ErasedReferralMark(digest));
  }
  telemetry::Log(telemetry::Level::kWarn, "erasure.adopted", {{"erasures", missing.size()}, {"rows", rows.size() + last.size()}});
  rows.insert(rows.end(), last.begin(), last.end());
  // The marks first: nothing is stored anew meanwhile.
  ACCORD_RETURN_IF_ERROR(Commit([&](CommitContext& context) -> absl::Status {
    for (const std::string& mark : marks) context.Put(kFamilyErased, mark, KeyU64(missing.begin()->first));
    return absl::OkStatus();
  }));
  for (size_t begin = 0; begin < rows.size(); begin += kAdoptedRowsPerCommand) {
    if (stopping_) return Stopping();
    ACCORD_RETURN_IF_ERROR(Commit([&](CommitContext& context) -> absl::Status {
      for (size_t i = begin; i < std::min(rows.size(), begin + kAdoptedRowsPerCommand); ++i) context.Delete(rows[i].first, rows[i].second);
      return absl::OkStatus();
    }));
  }
  return Commit([&](CommitContext& context) -> absl::Status {
    for (const auto& [index, erasure] : missing) {
      context.Put(kFamilyErasure, ErasureKey(index), erasure.SerializeAsString());
      context.Put(kFamilyErasure, ErasingKey(index), StoredErasing().SerializeAsString());
    }
    return absl::OkStatus();
  });
}

absl::Status Eraser::Run() {
  if (!adopted_) {
    ACCORD_RETURN_IF_ERROR(AdoptListed());
    adopted_ = true;
  }
  absl::Status looked;
  if (clock_.Now() >= next_look_) {
    looked = [&]() -> absl::Status {
      ACCORD_ASSIGN_OR_RETURN(const auto rules, Rules());
      bool more = false;
      if (rules.has_value()) {
        ACCORD_ASSIGN_OR_RETURN(const bool filled, FillIndex());
        ACCORD_ASSIGN_OR_RETURN(more, EraseDue(*rules));
        more = more || !filled;
        ACCORD_RETURN_IF_ERROR(EndMappings(rules->mapping_days()));
      }
      next_look_ = more ? absl::InfinitePast() : clock_.Now() + kRetentionPeriod;
      return absl::OkStatus();
    }();
  }
  // What is recorded is finished whatever became of the look.
  ACCORD_ASSIGN_OR_RETURN(const auto indexes, Unfinished());
  std::vector<uint64_t> to_purge;
  for (const uint64_t index : indexes) {
    StoredErasure erasure;
    {
      ACCORD_ASSIGN_OR_RETURN(const auto view, sequencer_.View());
      ACCORD_ASSIGN_OR_RETURN(erasure, ReadRow<StoredErasure>(*view, kFamilyErasure, ErasureKey(index)));
    }
    if (erasure.step() == admin::v1::ERASURE_STEP_RECORDED) ACCORD_RETURN_IF_ERROR(DestroyKeys(index, erasure));
    if (erasure.step() <= admin::v1::ERASURE_STEP_KEYS_DESTROYED) ACCORD_RETURN_IF_ERROR(DeleteRows(index));
    to_purge.push_back(index);
    if (stopping_) return Stopping();
  }
  if (!to_purge.empty()) ACCORD_RETURN_IF_ERROR(Purge(to_purge));
  return looked;
}

absl::Status Eraser::DestroyKeys(uint64_t index, const StoredErasure& erasure) {
  Step(EraserStep::kBegun);
  uint64_t listed = 0;
  {
    ACCORD_ASSIGN_OR_RETURN(const auto view, sequencer_.View());
    const ErasureSite::Current site = site_.current();
    for (const uint64_t slot : erasure.slots()) {
      ACCORD_RETURN_IF_ERROR(site.list->Add({slot, index, erasure.erased_at_ms()}));
    }
    Step(EraserStep::kListed);
    for (const uint64_t slot : erasure.slots()) ACCORD_RETURN_IF_ERROR(site.slots->Destroy(slot));
    Step(EraserStep::kKeysDestroyed);
    listed = site.list->records().size();
  }
  ACCORD_RETURN_IF_ERROR(Commit([&](CommitContext& context) -> absl::Status {
    context.Put(kFamilyMeta, kMetaErasureListKey, KeyU64(listed));
    return SetStep(context, index, admin::v1::ERASURE_STEP_KEYS_DESTROYED);
  }));
  Step(EraserStep::kKeysRecorded);
  return absl::OkStatus();
}

absl::Status Eraser::DeleteRows(uint64_t index) {
  FoundRows found;
  {
    ACCORD_ASSIGN_OR_RETURN(const auto view, sequencer_.View());
    ACCORD_ASSIGN_OR_RETURN(const auto erasing, ReadRow<StoredErasing>(*view, kFamilyErasure, ErasingKey(index)));
    ACCORD_ASSIGN_OR_RETURN(found, FindRows(*view, erasing));
  }
  ACCORD_RETURN_IF_ERROR(Commit([&](CommitContext& context) -> absl::Status {
    ACCORD_ASSIGN_OR_RETURN(const auto erasing, ReadRow<StoredErasing>(context, kFamilyErasure, ErasingKey(index)));
    for (const auto& row : erasing.rows()) context.Delete(row.family(), row.key());
    for (const auto& [family, key] : found.deleted) context.Delete(family, key);
    for (const uint64_t number : found.changes) {
      ACCORD_ASSIGN_OR_RETURN(auto change, ReadRow<storage::v1::StoredChange>(context, kFamilyChange, KeyU64(number)));
      change.mutable_change()->mutable_erase()->clear_target();
      context.Put(kFamilyChange, KeyU64(number), change.SerializeAsString());
    }
    context.Put(kFamilyErasure, ErasingKey(index), StoredErasing().SerializeAsString());
    return SetStep(context, index, admin::v1::ERASURE_STEP_ROWS_DELETED);
  }));
  Step(EraserStep::kRowsDeleted);
  return absl::OkStatus();
}

absl::Status Eraser::Purge(const std::vector<uint64_t>& indexes) {
  const absl::Time begun = clock_.Now();
  {
    // While the view is held the store is not closed; if it fails meanwhile, each of these ends with an error.
    ACCORD_ASSIGN_OR_RETURN(const auto view, sequencer_.View());
    storage::RocksStore& store = *site_.current().store;
    for (std::string_view family : kPurged) {
      if (stopping_) return Stopping();
      ACCORD_RETURN_IF_ERROR(store.Purge(family, &stopping_));
    }
    for (const storage::FamilySpec& family : BrokerFamilies()) {
      const bool done = std::find(kPurged.begin(), kPurged.end(), std::string_view(family.name)) != kPurged.end();
      if (!done && family.name != kFamilyMeta) ACCORD_RETURN_IF_ERROR(store.Flush(family.name));
    }
  }
  // Family `meta` is flushed last, on the thread that reads back from the log, and with something to flush: then no log file of
  // before is needed, and the manifest that named the purged files is followed by one that does not.
  ACCORD_RETURN_IF_ERROR(Commit([&](CommitContext& context) -> absl::Status {
    ACCORD_ASSIGN_OR_RETURN(const auto listed, context.Get(kFamilyMeta, kMetaErasureListKey));
    context.Put(kFamilyMeta, kMetaErasureListKey, listed.value_or(KeyU64(0)));
    return absl::OkStatus();
  }));
  ACCORD_RETURN_IF_ERROR(Commit([&](CommitContext&) { return site_.current().store->Flush(kFamilyMeta); }));
  // A file goes with its last reader: somebody's scan may be on its way through one.
  for (int attempt = 1;; ++attempt) {
    absl::Status dropped;
    {
      ACCORD_ASSIGN_OR_RETURN(const auto view, sequencer_.View());
      dropped = site_.current().store->DropUnneededFiles();
    }
    if (dropped.ok()) break;
    if (attempt == kDropAttemptsMax) return dropped;
    if (stopping_) return Stopping();
    absl::Notification never;
    never.WaitForNotificationWithTimeout(kDropPause);
  }
  Step(EraserStep::kPurged);
  ACCORD_RETURN_IF_ERROR(Commit([&](CommitContext& context) -> absl::Status {
    for (const uint64_t index : indexes) {
      ACCORD_RETURN_IF_ERROR(SetStep(context, index, admin::v1::ERASURE_STEP_PURGED));
      context.Delete(kFamilyErasure, ErasingKey(index));
    }
    return absl::OkStatus();
  }));
  Step(EraserStep::kPurgeRecorded);
  telemetry::Log(telemetry::Level::kInfo, "erasure.purged",
                 {{"erasures", indexes.size()}, {"milliseconds", absl::ToInt64Milliseconds(clock_.Now() - begun)}});
  return absl::OkStatus();
}

absl::StatusOr<std::optional<admin::v1::PutRetention>> Eraser::Rules() const {
  ACCORD_ASSIGN_OR_RETURN(const auto view, sequencer_.View());
  ACCORD_ASSIGN_OR_RETURN(const auto bytes, view->Get(kFamilyPolicy, kRetentionCurrentKey));
  if (!bytes.has_value()) return std::nullopt;
  storage::v1::StoredRetention stored;
  if (!stored.ParseFromString(*bytes)) return Corrupt("the stored retention rules do not parse");
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
    const auto read = [&](std::string_view family, std::string_view key) { return view->GetSealed(family, key); };
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
      if (stopping_) return Stopping();
      if (looked >= kRetentionRowsPerRound || erased >= kRetentionErasuresPerRound) return true;
      // The next row that may be due, in the order of its newest known entry.
      uint64_t index = 0, newest = 0;
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
        if (!parsed.ok()) return Corrupt("a stored leaf does not parse");
        if (absl::FromUnixMillis(static_cast<int64_t>(parsed->time_ms)) > due_before) break;
        const auto read = [&](std::string_view family, std::string_view key) { return view->GetSealed(family, key); };
        ACCORD_ASSIGN_OR_RETURN(const auto stored, LoadReferral(read, digest));
        gone = !stored.has_value();
        if (!gone) {
          ACCORD_ASSIGN_OR_RETURN(const auto chain, ReadRow<storage::v1::StoredChain>(*view, kFamilyChain, stored->chain()));
          newest = chain.last_index();
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
            if (chain.last_index() != index) return absl::OkStatus();  // Just now: the next look sees to it.
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
      if (bytes.has_value() && !stored.ParseFromString(*bytes)) return Corrupt("a stored case does not parse");
      one.numbered = stored.referrals();
    }
    // All rows of the index: a person may have several tokens, and a case's row has but the first.
    ACCORD_RETURN_IF_ERROR(view->Scan(kFamilyCaseToken, {}, [&](std::string_view key, std::string_view pseudonym) {
      if (const auto found = by_case.find(std::string(pseudonym)); found != by_case.end()) found->second->tokens.emplace_back(key);
      return true;
    }));
  }
  for (const Due& one : due) {
    if (stopping_) return Stopping();
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
