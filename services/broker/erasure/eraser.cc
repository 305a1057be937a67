#include "services/broker/erasure/eraser.h"

#include <absl/synchronization/notification.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>
#include <set>
#include <utility>

#include "common/base/bytes.h"
#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/crypto/digest.h"
#include "common/telemetry/log.h"
#include "services/broker/delivery/erased.h"
#include "services/broker/delivery/referral_store.h"
#include "services/broker/directory/families.h"
#include "services/broker/erasure/rows.h"
#include "services/broker/sharing/register.h"

namespace accord::broker {
namespace {

using storage::v1::StoredErasing;
using storage::v1::StoredErasure;

constexpr size_t kAdoptedRowsPerCommand = 10'000;
constexpr int kDropAttemptsMax = 100;
constexpr absl::Duration kDropPause = absl::Milliseconds(100);

// The families of which an erasure deletes or overwrites something.
constexpr std::array kPurged = {
    kFamilyOpening, kFamilyTrailIndex, kFamilyFact, kFamilyReferral,     kFamilySection, kFamilyUpload, kFamilyUploadIndex, kFamilyStatement, kFamilyRequest, kFamilyParty,  kFamilyDelivery,
    kFamilyMailbox, kFamilyDeadLetter,   kFamilySettled, kFamilyCase,         kFamilyCaseToken, kFamilyCaseReferral, kFamilyCaseEvent, kFamilyCaseMatch, kFamilyLink, kFamilyLinkIndex, kFamilyErasure, kFamilyRetention, kFamilyMapping,
    kFamilyRefused, kFamilyChange,       kFamilyHold,    kFamilyHoldCover, kFamilyHoldReferral, kFamilyDue, kFamilyDueAt,
    kFamilyGap,     kFamilyBreach,       kFamilyReview,  kFamilySharing,
};

absl::Status Stopping() { return Error(Reason::kShuttingDown, "the broker is stopping"); }

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
    for (std::string_view family : {kFamilyReferral, kFamilySection, kFamilyStatement, kFamilyOpening, kFamilyFact, kFamilyGap, kFamilyBreach, kFamilyCaseEvent}) {
      ACCORD_RETURN_IF_ERROR(view->Scan(family, {}, [&](std::string_view key, std::string_view value) {
        const auto slot = KeySlots::SlotOf(value);
        status = slot.status();
        if (!slot.ok() || !slots.contains(*slot)) return slot.ok();
        add(family, key);
        if (family != kFamilyOpening && family != kFamilyFact && family != kFamilyCaseEvent) digests.emplace(key.substr(0, crypto::kDigestBytes));
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
    ACCORD_RETURN_IF_ERROR(view->Scan(kFamilySharing, {}, [&](std::string_view key, std::string_view value) {
      const auto twin = AdministratorsSharingKey(key);
      if (!twin.has_value()) return true;  // An administrators' row, which goes with its sender's.
      const auto slot = KeySlots::SlotOf(value);
      status = slot.status();
      if (!slot.ok() || !slots.contains(*slot)) return slot.ok();
      add(kFamilySharing, key);
      add(kFamilySharing, *twin);
      return true;
    }));
    ACCORD_RETURN_IF_ERROR(status);
    // Of these the digest is at the end, at the beginning, and after time and kind.
    const auto add_keyed = [&](std::string_view family, std::function<std::string_view(std::string_view)> digest_of) {
      return view->Scan(family, {}, [&](std::string_view key, std::string_view) {
        if (key.size() >= crypto::kDigestBytes && digests.contains(std::string(digest_of(key)))) add(family, key);
        return true;
      });
    };
    ACCORD_RETURN_IF_ERROR(add_keyed(kFamilyReview, [](std::string_view key) { return key.substr(key.size() - crypto::kDigestBytes); }));
    ACCORD_RETURN_IF_ERROR(add_keyed(kFamilyDueAt, [](std::string_view key) { return key.substr(0, crypto::kDigestBytes); }));
    // The index's keys cannot be made again without what is gone: its rows end in the index of their entry.
    std::set<std::string> entries;
    for (const auto& [family, key] : rows) {
      if (family == kFamilyOpening) entries.insert(key);
    }
    ACCORD_RETURN_IF_ERROR(view->Scan(kFamilyTrailIndex, {}, [&](std::string_view key, std::string_view) {
      if (key.size() > sizeof(uint64_t) && entries.contains(std::string(key.substr(key.size() - sizeof(uint64_t))))) add(kFamilyTrailIndex, key);
      return true;
    }));
    ACCORD_RETURN_IF_ERROR(add_keyed(kFamilyDue, [](std::string_view key) { return key.substr(sizeof(uint64_t) + 1, crypto::kDigestBytes); }));
    ACCORD_RETURN_IF_ERROR(view->Scan(kFamilyDelivery, {}, [&](std::string_view key, std::string_view value) {
      storage::v1::StoredDelivery delivery;
      if (!delivery.ParseFromArray(value.data(), static_cast<int>(value.size())) || !digests.contains(delivery.header_digest())) return true;
      add(kFamilyDelivery, key);
      for (const auto& [place, place_key] : PlacesOf(key, delivery)) add(place, place_key);
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

}  // namespace accord::broker
