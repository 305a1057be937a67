#include "services/broker/holds/hold_walk.h"

#include <absl/container/flat_hash_set.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/crypto/digest.h"
#include "common/telemetry/log.h"
#include "services/broker/sequencer/reader.h"

namespace accord::broker {
namespace {

using storage::v1::HoldWalk;
using storage::v1::StoredHold;

// What one step found, made durable, in the state that the hold then is in.
class HoldWalkCommand : public Command {
 public:
  using WalkDone = absl::AnyInvocable<void(const absl::Status&) &&>;
  HoldWalkCommand(std::string hold, uint32_t round, HoldWalk stage, int pass, std::vector<std::string> keys,
                  std::vector<MailboxId> desks, bool last, Mailboxes& mailboxes, WalkDone done)
      : hold_(std::move(hold)), round_(round), stage_(stage), pass_(pass), keys_(std::move(keys)), desks_(std::move(desks)), last_(last),
        mailboxes_(mailboxes), done_(std::move(done)) {}

  absl::Status Apply(CommitContext& context) override {
    ACCORD_ASSIGN_OR_RETURN(auto hold, LoadHold(context, hold_));
    // Lifted meanwhile, or it came to cover more: what was found is looked for anew.
    if (!hold.has_value() || hold->walk() != stage_ || hold->round() != round_) return absl::OkStatus();
    switch (stage_) {
      case storage::v1::HOLD_WALK_FINDING:
        for (const std::string& pseudonym : keys_) {
          ACCORD_RETURN_IF_ERROR(AddCover(context, HoldTarget::kCase, pseudonym, hold_).status());
        }
        break;
      case storage::v1::HOLD_WALK_TELLING:
        ACCORD_RETURN_IF_ERROR(TellHolders(context, *hold, keys_, queued_));
        break;
      default:
        for (const MailboxId& desk : desks_) ACCORD_RETURN_IF_ERROR(TellLifted(context, hold_, desk, queued_));
        for (const std::string& key : keys_) {
          if (pass_ == 1) ACCORD_RETURN_IF_ERROR(RemoveCover(context, key, hold_));
          if (pass_ == 2) context.Delete(kFamilyHoldReferral, key);
        }
        break;
    }
    if (!last_) return absl::OkStatus();
    if (stage_ == storage::v1::HOLD_WALK_FINDING) {
      hold->set_walk(storage::v1::HOLD_WALK_TELLING);
    } else {
      if (hold->lifted_at_ms() != 0) ACCORD_RETURN_IF_ERROR(ForgetTargets(context, *hold));
      hold->clear_walk();
      ACCORD_ASSIGN_OR_RETURN(auto holds, LoadHolds(context));
      auto& walking = *holds.mutable_walking();
      walking.erase(std::remove(walking.begin(), walking.end(), hold_), walking.end());
      SaveHolds(context, holds);
    }
    SaveHold(context, *hold);
    return absl::OkStatus();
  }
  void Published() override {
    for (auto& [mailbox, waiting] : queued_) mailboxes_.Add(mailbox, std::move(waiting));
  }
  void Done(const absl::StatusOr<Committed>& outcome) override { std::move(done_)(outcome.status()); }

 private:
  const std::string hold_;
  const uint32_t round_;
  const HoldWalk stage_;
  const int pass_;
  const std::vector<std::string> keys_;
  const std::vector<MailboxId> desks_;
  const bool last_;
  Mailboxes& mailboxes_;
  NewDeliveries queued_;
  WalkDone done_;
};

absl::flat_hash_set<std::string> SubjectsOfHold(const StoredHold& hold) {
  absl::flat_hash_set<std::string> subjects;
  for (const auto& subject : hold.hold().subjects()) subjects.insert(subject.token());
  return subjects;
}

// The key after `key`.
std::string After(std::string_view key) { return std::string(key) + '\0'; }

}  // namespace

void HoldWalker::Tick() {
  if (walking_.exchange(true)) return;
  Go();
}

void HoldWalker::Go() {
  if (!executor_.Run([this] { Step(); })) walking_ = false;  // The next tick goes on.
}

void HoldWalker::Step() {
  auto view = sequencer_.View();
  auto holds = view.ok() ? LoadHolds(PlainReaderOf(**view))
                         : absl::StatusOr<storage::v1::StoredHolds>(view.status());
  if (!holds.ok() || holds->walking().empty()) {
    walking_ = false;
    return;
  }
  const std::string id = holds->walking(0);
  const auto stop = [&](const absl::Status& status) {
    telemetry::Log(telemetry::Level::kError, "hold.walk_failed", {{"hold", id}, {"status", status}});
    place_ = Place();
    walking_ = false;
  };
  const auto hold = LoadHold(PlainReaderOf(**view), id);
  if (!hold.ok() || !hold->has_value()) return stop(hold.ok() ? Error(Reason::kStoreCorrupt, "a hold is not there") : hold.status());
  if (place_.hold != id || place_.round != (*hold)->round() || place_.stage != (*hold)->walk()) {
    place_ = {id, (*hold)->round(), (*hold)->walk(), 0, ""};
  }
  const int pass = place_.pass;
  auto found = Look(**view, **hold);
  view = absl::StatusOr<std::shared_ptr<const ReadView>>(nullptr);  // Not held across the command.
  if (!found.ok()) return stop(found.status());
  if (found->keys.empty() && found->desks.empty() && !found->last) return Go();
  sequencer_.Submit(std::make_unique<HoldWalkCommand>(
      id, place_.round, place_.stage, pass, std::move(found->keys), std::move(found->desks), found->last, mailboxes_,
      [this](const absl::Status& status) {
        if (status.ok()) return Go();
        place_ = Place();  // From the beginning, at the next tick.
        walking_ = false;
      }));
}

absl::StatusOr<HoldWalker::Found> HoldWalker::Look(const ReadView& view, const StoredHold& hold) {
  Found found;
  absl::Status looked;
  if (place_.stage == storage::v1::HOLD_WALK_LIFTING) {
    looked = place_.pass == 0   ? LookAtHolders(view, hold, found)
             : place_.pass == 1 ? LookAtCovers(view, hold, found)
                                : LookAtMembers(view, hold, found);
  } else if (place_.stage == storage::v1::HOLD_WALK_FINDING && place_.pass == 0) {
    looked = LookAtPairs(view, hold, found);
  } else {
    looked = LookAtReferrals(view, hold, found);
  }
  ACCORD_RETURN_IF_ERROR(looked);
  return found;
}

absl::Status HoldWalker::LookAtPairs(const ReadView& view, const StoredHold& hold, Found& found) {
  const auto subjects = SubjectsOfHold(hold);
  size_t rows = 0;
  bool ended = true;
  ACCORD_RETURN_IF_ERROR(view.Scan(kFamilyCaseToken, {.lower = place_.from, .upper = ""}, [&](std::string_view key, std::string_view pseudonym) {
    if (++rows > kHoldWalkRowsMax || found.keys.size() >= kHoldNoticeReferralsMax) {
      ended = false;
      place_.from = key;
      return false;
    }
    if (subjects.contains(std::string(key.substr(0, crypto::kDigestBytes))) ||
        subjects.contains(std::string(key.substr(std::min(key.size(), crypto::kDigestBytes))))) {
      found.keys.emplace_back(pseudonym);
    }
    return true;
  }));
  if (!ended) return absl::OkStatus();
  place_.pass = 1;
  place_.from.clear();
  return absl::OkStatus();
}

absl::Status HoldWalker::LookAtReferrals(const ReadView& view, const StoredHold& hold, Found& found) {
  const bool finding = place_.stage == storage::v1::HOLD_WALK_FINDING;
  const auto subjects = SubjectsOfHold(hold);
  const absl::flat_hash_set<std::string> digests(hold.hold().header_digests().begin(), hold.hold().header_digests().end());
  absl::flat_hash_set<std::string> cases;
  size_t rows = 0;
  bool ended = true;
  absl::Status failed;
  const auto names_subject = [&](const storage::v1::StoredReferral& stored) -> absl::StatusOr<bool> {
    if (subjects.empty()) return false;
    ACCORD_ASSIGN_OR_RETURN(const auto header, OpenStored(stored));
    const auto named = SubjectsOf(header, index_);
    return std::any_of(named.begin(), named.end(), [&](const std::string& subject) { return subjects.contains(subject); });
  };
  const auto in_case = [&](const storage::v1::StoredReferral& stored) -> absl::StatusOr<bool> {
    for (const std::string& pseudonym : stored.cases()) {
      ACCORD_ASSIGN_OR_RETURN(const auto bytes, view.Get(kFamilyHoldCover, HoldCoverKey(HoldTarget::kCase, pseudonym)));
      if (!bytes.has_value()) continue;
      storage::v1::StoredHoldCover cover;
      if (!cover.ParseFromString(*bytes)) return Error(Reason::kStoreCorrupt, "a row of the hold index does not parse");
      if (std::find(cover.holds().begin(), cover.holds().end(), hold.hold().id()) != cover.holds().end()) return true;
    }
    return false;
  };
  const auto look = [&](std::string_view digest, std::string_view value) -> absl::Status {
    ACCORD_ASSIGN_OR_RETURN(const auto bytes, view.Unseal(kFamilyReferral, digest, value));
    if (!bytes.has_value()) return absl::OkStatus();  // Erased.
    storage::v1::StoredReferral stored;
    if (!stored.ParseFromString(*bytes)) return Error(Reason::kStoreCorrupt, "a stored referral does not parse");
    ACCORD_ASSIGN_OR_RETURN(bool covered, names_subject(stored));
    if (finding) {
      if (covered) cases.insert(stored.cases().begin(), stored.cases().end());
      return absl::OkStatus();
    }
    if (!covered) covered = digests.contains(std::string(digest));
    if (!covered) {
      ACCORD_ASSIGN_OR_RETURN(covered, in_case(stored));
    }
    if (covered) found.keys.emplace_back(digest);
    return absl::OkStatus();
  };
  ACCORD_RETURN_IF_ERROR(view.Scan(kFamilyReferral, {.lower = place_.from, .upper = ""}, [&](std::string_view digest, std::string_view value) {
    if (++rows > kHoldWalkRowsMax || found.keys.size() >= kHoldNoticeReferralsMax || cases.size() >= kHoldNoticeReferralsMax) {
      ended = false;
      place_.from = digest;
      return false;
    }
    failed = look(digest, value);
    if (failed.code() == absl::StatusCode::kDataLoss) {
      // One damaged row must not keep the others from being told of; the scrubber and this line call for a person.
      telemetry::Log(telemetry::Level::kError, "hold.referral_corrupt", {{"status", failed}});
      failed = absl::OkStatus();
    }
    return failed.ok();
  }));
  ACCORD_RETURN_IF_ERROR(failed);
  if (finding) found.keys.assign(cases.begin(), cases.end());
  found.last = ended;
  return absl::OkStatus();
}

absl::Status HoldWalker::LookAtHolders(const ReadView& view, const StoredHold& hold, Found& found) {
  const std::string prefix = HoldPrefix(hold.hold().id());
  storage::Range range = storage::Prefix(prefix);
  if (!place_.from.empty()) range.lower = place_.from;
  bool ended = true, corrupt = false;
  ACCORD_RETURN_IF_ERROR(view.Scan(kFamilyHoldHolder, range, [&](std::string_view key, std::string_view) {
    if (found.desks.size() >= kHoldNoticeReferralsMax) {
      ended = false;
      return false;
    }
    ByteReader reader(key.substr(prefix.size()));
    std::string_view agency;
    uint8_t desk = 0;
    corrupt = !reader.Lp8(agency) || !reader.U8(desk) || !reader.AtEnd();
    if (corrupt) return false;
    found.desks.push_back({std::string(agency), static_cast<type::v1::Desk>(desk)});
    place_.from = After(key);
    return true;
  }));
  if (corrupt) return Error(Reason::kStoreCorrupt, "the key of a holder does not decode");
  if (!ended) return absl::OkStatus();
  place_.pass = 1;
  place_.from.clear();
  return absl::OkStatus();
}

absl::Status HoldWalker::LookAtCovers(const ReadView& view, const StoredHold& hold, Found& found) {
  size_t rows = 0;
  bool ended = true, corrupt = false;
  ACCORD_RETURN_IF_ERROR(view.Scan(kFamilyHoldCover, {.lower = place_.from, .upper = ""}, [&](std::string_view key, std::string_view value) {
    if (++rows > kHoldWalkRowsMax || found.keys.size() >= kHoldNoticeReferralsMax) {
      ended = false;
      place_.from = key;
      return false;
    }
    storage::v1::StoredHoldCover cover;
    corrupt = !cover.ParseFromArray(value.data(), static_cast<int>(value.size()));
    if (corrupt) return false;
    if (std::find(cover.holds().begin(), cover.holds().end(), hold.hold().id()) != cover.holds().end()) found.keys.emplace_back(key);
    return true;
  }));
  if (corrupt) return Error(Reason::kStoreCorrupt, "a row of the hold index does not parse");
  if (!ended) return absl::OkStatus();
  place_.pass = 2;
  place_.from.clear();
  return absl::OkStatus();
}

absl::Status HoldWalker::LookAtMembers(const ReadView& view, const StoredHold& hold, Found& found) {
  storage::Range range = storage::Prefix(HoldPrefix(hold.hold().id()));
  if (!place_.from.empty()) range.lower = place_.from;
  bool ended = true;
  ACCORD_RETURN_IF_ERROR(view.Scan(kFamilyHoldReferral, range, [&](std::string_view key, std::string_view) {
    if (found.keys.size() >= kHoldNoticeReferralsMax) {
      ended = false;
      return false;
    }
    found.keys.emplace_back(key);
    place_.from = After(key);
    return true;
  }));
  found.last = ended;
  return absl::OkStatus();
}

}  // namespace accord::broker
