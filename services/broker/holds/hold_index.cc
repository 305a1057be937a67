#include "services/broker/holds/hold_index.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/base/bytes.h"
#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/crypto/digest.h"
#include "services/broker/delivery/referral_store.h"
#include "services/broker/sequencer/chains.h"
#include "services/broker/sequencer/reader.h"

namespace accord::broker {
namespace {

using admin::v1::SetHold;
using storage::v1::StoredHold;
using storage::v1::StoredHoldCover;
using storage::v1::StoredHolds;

constexpr size_t kTokenNameCharsMax = 64;   // Of SubjectToken.domain and token_key.
constexpr int kCasesPerEntryMax = 3;        // A leaf has four chains; one is the administration's.

absl::Status Missing(std::string_view field) {
  return Error(Reason::kFieldMissing, fmt::format("{} is needed", field), {{"field", std::string(field)}});
}
absl::Status Invalid(std::string_view field, std::string_view why) {
  return Error(Reason::kFieldInvalid, fmt::format("{}: {}", field, why), {{"field", std::string(field)}});
}

template <typename Message>
absl::StatusOr<std::optional<Message>> Read(HoldReader read, std::string_view family, std::string_view key) {
  ACCORD_ASSIGN_OR_RETURN(const auto bytes, read(family, key));
  if (!bytes.has_value()) return std::optional<Message>();
  Message message;
  if (!message.ParseFromString(*bytes)) {
    return Error(Reason::kStoreCorrupt, fmt::format("a row of family {} does not parse", family));
  }
  return std::optional<Message>(std::move(message));
}

// A context as a HoldReader. Lives no longer than the call it is made for.
bool IsHoldId(std::string_view id) {
  return !id.empty() && id.size() <= kHoldIdCharsMax && std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
}

bool IsCode(std::string_view code) {
  constexpr std::string_view kOthers = "._:/-";
  return std::all_of(code.begin(), code.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || kOthers.find(c) != kOthers.npos;
  });
}

absl::Status ValidateSubject(const type::v1::SubjectToken& subject) {
  const auto named = [](const std::string& name) { return !name.empty() && name.size() <= kTokenNameCharsMax && IsCode(name); };
  if (named(subject.domain()) && named(subject.token_key()) && subject.recipe() != 0 &&
      subject.token().size() == crypto::kDigestBytes) {
    return absl::OkStatus();
  }
  return Invalid("set_hold.subjects", "domain, token_key, recipe and a token of 32 bytes are needed");
}

// The ids of `key` that are in force.
absl::Status AddInForce(HoldReader read, HoldTarget kind, std::string_view target, std::vector<std::string>& found) {
  ACCORD_ASSIGN_OR_RETURN(const auto cover, Read<StoredHoldCover>(read, kFamilyHoldCover, HoldCoverKey(kind, target)));
  if (!cover.has_value()) return absl::OkStatus();
  for (const std::string& id : cover->holds()) {
    if (std::find(found.begin(), found.end(), id) != found.end()) continue;
    ACCORD_ASSIGN_OR_RETURN(const auto hold, LoadHold(read, id));
    if (!hold.has_value()) return Error(Reason::kStoreCorrupt, "the hold index names a hold that is not there");
    if (hold->lifted_at_ms() == 0) found.push_back(id);
  }
  return absl::OkStatus();
}

absl::Status AddAllInForce(HoldReader read, const HoldScope& scope, std::vector<std::string>& found) {
  if (!scope.header_digest.empty()) {
    ACCORD_RETURN_IF_ERROR(AddInForce(read, HoldTarget::kReferral, scope.header_digest, found));
  }
  for (const std::string& pseudonym : scope.cases) ACCORD_RETURN_IF_ERROR(AddInForce(read, HoldTarget::kCase, pseudonym, found));
  for (const std::string& subject : scope.subjects) ACCORD_RETURN_IF_ERROR(AddInForce(read, HoldTarget::kSubject, subject, found));
  return absl::OkStatus();
}

void StartWalk(StoredHolds& holds, const std::string& id) {
  if (std::find(holds.walking().begin(), holds.walking().end(), id) == holds.walking().end()) holds.add_walking(id);
}

}  // namespace

std::vector<std::string> SubjectsOf(const referral::OpenedHeader& header, const SubjectIndex& index) {
  std::vector<std::string> subjects;
  for (const auto& subject : header.subjects) {
    const auto role = subject.part.role();
    if (role != type::v1::SUBJECT_ROLE_VICTIM && role != type::v1::SUBJECT_ROLE_ALLEGED_PERPETRATOR) continue;
    for (const auto& token : subject.part.tokens()) subjects.push_back(index(token));
  }
  return subjects;
}

absl::StatusOr<HoldScope> ScopeOf(std::string_view header_digest, const storage::v1::StoredReferral& stored,
                                  const SubjectIndex& index) {
  ACCORD_ASSIGN_OR_RETURN(const auto header, OpenStored(stored));
  return HoldScope{std::string(header_digest), {stored.cases().begin(), stored.cases().end()}, SubjectsOf(header, index)};
}

absl::StatusOr<HoldScope> ScopeOfCase(HoldReader read, std::string_view case_pseudonym) {
  HoldScope scope{.header_digest = {}, .cases = {std::string(case_pseudonym)}, .subjects = {}};
  ACCORD_ASSIGN_OR_RETURN(const auto stored, Read<storage::v1::StoredCase>(read, kFamilyCase, case_pseudonym));
  if (stored.has_value()) scope.subjects = {stored->victim(), stored->alleged_perpetrator()};
  return scope;
}

absl::StatusOr<std::optional<std::string>> HoldCovering(HoldReader read, const HoldScope& scope) {
  ACCORD_ASSIGN_OR_RETURN(const StoredHolds holds, LoadHolds(read));
  if (holds.in_force() == 0) return std::nullopt;
  for (const std::string& id : holds.walking()) {
    ACCORD_ASSIGN_OR_RETURN(const auto hold, LoadHold(read, id));
    if (hold.has_value() && hold->walk() == storage::v1::HOLD_WALK_FINDING) return id;
  }
  std::vector<std::string> found;
  ACCORD_RETURN_IF_ERROR(AddAllInForce(read, scope, found));
  if (found.empty()) return std::nullopt;
  return found.front();
}

absl::StatusOr<std::optional<std::string>> HoldCovering(CommitContext& context, const HoldScope& scope) {
  return HoldCovering(PlainReaderOf(context), scope);
}

absl::StatusOr<std::vector<std::string>> HoldsCovering(HoldReader read, const HoldScope& scope) {
  std::vector<std::string> found;
  ACCORD_ASSIGN_OR_RETURN(const StoredHolds holds, LoadHolds(read));
  if (holds.in_force() > 0) ACCORD_RETURN_IF_ERROR(AddAllInForce(read, scope, found));
  return found;
}

absl::Status OnHold(std::string_view hold) {
  return Error(Reason::kOnHold, "a legal hold covers it; nothing was erased", {{"hold", std::string(hold)}});
}

absl::StatusOr<std::optional<StoredHold>> LoadHold(HoldReader read, std::string_view id) {
  return Read<StoredHold>(read, kFamilyHold, id);
}

absl::StatusOr<std::optional<StoredHold>> LoadHold(CommitContext& context, std::string_view id) {
  return LoadHold(PlainReaderOf(context), id);
}

void SaveHold(CommitContext& context, const StoredHold& hold) {
  context.Put(kFamilyHold, hold.hold().id(), hold.SerializeAsString());
}

absl::Status WalkAgain(CommitContext& context, StoredHold& hold) {
  hold.set_round(hold.round() + 1);
  if (hold.walk() == storage::v1::HOLD_WALK_UNSPECIFIED) hold.set_walk(storage::v1::HOLD_WALK_TELLING);
  ACCORD_ASSIGN_OR_RETURN(StoredHolds holds, LoadHolds(context));
  StartWalk(holds, hold.hold().id());
  SaveHolds(context, holds);
  return absl::OkStatus();
}

absl::StatusOr<StoredHolds> LoadHolds(HoldReader read) {
  ACCORD_ASSIGN_OR_RETURN(auto holds, Read<StoredHolds>(read, kFamilyMeta, kMetaHoldsKey));
  return holds.has_value() ? *std::move(holds) : StoredHolds();
}

absl::StatusOr<StoredHolds> LoadHolds(CommitContext& context) { return LoadHolds(PlainReaderOf(context)); }

void SaveHolds(CommitContext& context, const StoredHolds& holds) {
  context.Put(kFamilyMeta, kMetaHoldsKey, holds.SerializeAsString());
}

absl::StatusOr<bool> AddCover(CommitContext& context, HoldTarget kind, std::string_view target, std::string_view hold) {
  std::vector<std::string> ids;
  ACCORD_RETURN_IF_ERROR(AddInForce(PlainReaderOf(context), kind, target, ids));
  if (std::find(ids.begin(), ids.end(), hold) != ids.end()) return false;
  StoredHoldCover cover;
  for (const std::string& id : ids) cover.add_holds(id);
  cover.add_holds(std::string(hold));
  context.Put(kFamilyHoldCover, HoldCoverKey(kind, target), cover.SerializeAsString());
  return true;
}

absl::Status RemoveCover(CommitContext& context, std::string_view cover_key, std::string_view hold) {
  ACCORD_ASSIGN_OR_RETURN(auto cover, Read<StoredHoldCover>(PlainReaderOf(context), kFamilyHoldCover, cover_key));
  if (!cover.has_value()) return absl::OkStatus();
  auto& ids = *cover->mutable_holds();
  ids.erase(std::remove(ids.begin(), ids.end(), hold), ids.end());
  if (ids.empty()) {
    context.Delete(kFamilyHoldCover, cover_key);
  } else {
    context.Put(kFamilyHoldCover, cover_key, cover->SerializeAsString());
  }
  return absl::OkStatus();
}

absl::Status ForgetTargets(CommitContext& context, StoredHold& hold) {
  const auto forget = [](SetHold& set) {
    set.clear_case_pseudonyms();
    set.clear_header_digests();
    set.clear_subjects();
  };
  forget(*hold.mutable_hold());
  ACCORD_ASSIGN_OR_RETURN(auto change, Read<storage::v1::StoredChange>(PlainReaderOf(context), kFamilyChange, KeyU64(hold.change())));
  if (!change.has_value()) return Error(Reason::kStoreCorrupt, "the change that set a hold is not there");
  forget(*change->mutable_change()->mutable_set_hold());
  context.Put(kFamilyChange, KeyU64(hold.change()), change->SerializeAsString());
  return absl::OkStatus();
}

absl::Status ValidateSetHold(const SetHold& hold) {
  if (hold.id().empty()) return Missing("set_hold.id");
  if (!IsHoldId(hold.id())) return Invalid("set_hold.id", fmt::format("1 to {} of [a-z0-9-] are needed", kHoldIdCharsMax));
  const int targets = hold.case_pseudonyms_size() + hold.header_digests_size() + hold.subjects_size();
  if (targets == 0) return Missing("set_hold.case_pseudonyms");
  if (targets > kHoldTargetsMax) {
    return Invalid("set_hold.case_pseudonyms", fmt::format("at most {} cases, referrals and subjects in all", kHoldTargetsMax));
  }
  for (const std::string& pseudonym : hold.case_pseudonyms()) {
    if (pseudonym.size() != kIdBytes) return Invalid("set_hold.case_pseudonyms", "16 bytes each are needed");
  }
  for (const std::string& digest : hold.header_digests()) {
    if (digest.size() != crypto::kDigestBytes) return Invalid("set_hold.header_digests", "32 bytes each are needed");
  }
  for (const auto& subject : hold.subjects()) ACCORD_RETURN_IF_ERROR(ValidateSubject(subject));
  if (!type::v1::HoldGround_IsValid(hold.ground()) || hold.ground() == type::v1::HOLD_GROUND_UNSPECIFIED) {
    return Error(Reason::kEnumUnknown, "set_hold.ground is needed", {{"field", "set_hold.ground"}});
  }
  if (hold.authority().empty()) return Missing("set_hold.authority");
  if (hold.authority().size() > kAuthorityCharsMax || !IsCode(hold.authority())) {
    return Invalid("set_hold.authority", fmt::format("1 to {} of [A-Za-z0-9._:/-] are needed", kAuthorityCharsMax));
  }
  if (hold.review_at_ms() <= 0) return Missing("set_hold.review_at_ms");
  return absl::OkStatus();
}

absl::Status ValidateLiftHold(const admin::v1::LiftHold& lift) {
  if (lift.id().empty()) return Missing("lift_hold.id");
  return IsHoldId(lift.id()) ? absl::OkStatus() : Invalid("lift_hold.id", "no hold has such an id");
}

SetHold WithIndexedSubjects(SetHold hold, const SubjectIndex& index) {
  for (auto& subject : *hold.mutable_subjects()) {
    // What is malformed stays as it is and is refused: an HMAC would make it look well formed.
    if (subject.token().size() == crypto::kDigestBytes) subject.set_token(index(subject));
  }
  return hold;
}

absl::Status CheckSetHold(CommitContext& context, const SetHold& hold) {
  ACCORD_ASSIGN_OR_RETURN(const auto known, LoadHold(context, hold.id()));
  if (known.has_value()) return Invalid("set_hold.id", "this id was used before; give each hold its own");
  if (absl::FromUnixMillis(hold.review_at_ms()) <= context.now()) return Invalid("set_hold.review_at_ms", "a date in the future is needed");
  ACCORD_ASSIGN_OR_RETURN(const StoredHolds holds, LoadHolds(context));
  if (holds.in_force() >= kHoldsInForceMax) {
    return Invalid("set_hold.id", fmt::format("{} holds are in force, which is the most; lift one that is over", kHoldsInForceMax));
  }
  // A hold that covers nothing because of a slip would be found out when it is too late.
  for (const std::string& pseudonym : hold.case_pseudonyms()) {
    ACCORD_ASSIGN_OR_RETURN(const auto row, context.Get(kFamilyCase, pseudonym));
    if (!row.has_value()) return Invalid("set_hold.case_pseudonyms", "there is no such case");
  }
  for (const std::string& digest : hold.header_digests()) {
    ACCORD_ASSIGN_OR_RETURN(const auto stored, LoadReferral(context, digest));
    if (!stored.has_value()) {
      return Error(Reason::kReferralNotFound, "no such referral, or it was erased", {{"field", "set_hold.header_digests"}});
    }
  }
  return absl::OkStatus();
}

absl::Status CheckLiftHold(CommitContext& context, const admin::v1::LiftHold& lift) {
  ACCORD_ASSIGN_OR_RETURN(const auto hold, LoadHold(context, lift.id()));
  if (!hold.has_value()) return Error(Reason::kHoldNotFound, "no such legal hold");
  if (hold->lifted_at_ms() == 0) return absl::OkStatus();
  return Error(Reason::kTransitionIllegal, "the hold was lifted already", {{"state", "lifted"}});
}

absl::Status ApplySetHold(CommitContext& context, const SetHold& hold, uint64_t change) {
  StoredHold stored;
  *stored.mutable_hold() = hold;
  stored.set_change(change);
  stored.set_set_at_ms(absl::ToUnixMillis(context.now()));
  stored.set_walk(hold.subjects().empty() ? storage::v1::HOLD_WALK_TELLING : storage::v1::HOLD_WALK_FINDING);
  SaveHold(context, stored);
  for (const std::string& pseudonym : hold.case_pseudonyms()) {
    ACCORD_RETURN_IF_ERROR(AddCover(context, HoldTarget::kCase, pseudonym, hold.id()).status());
  }
  for (const std::string& digest : hold.header_digests()) {
    ACCORD_RETURN_IF_ERROR(AddCover(context, HoldTarget::kReferral, digest, hold.id()).status());
  }
  for (const auto& subject : hold.subjects()) {
    ACCORD_RETURN_IF_ERROR(AddCover(context, HoldTarget::kSubject, subject.token(), hold.id()).status());
  }
  ACCORD_ASSIGN_OR_RETURN(StoredHolds holds, LoadHolds(context));
  holds.set_in_force(holds.in_force() + 1);
  StartWalk(holds, hold.id());
  SaveHolds(context, holds);
  return absl::OkStatus();
}

absl::Status ApplyLiftHold(CommitContext& context, const admin::v1::LiftHold& lift, uint64_t change) {
  ACCORD_ASSIGN_OR_RETURN(auto hold, LoadHold(context, lift.id()));
  ACCORD_ASSIGN_OR_RETURN(StoredHolds holds, LoadHolds(context));
  if (!hold.has_value() || holds.in_force() == 0) return Error(Reason::kStoreCorrupt, "the hold that is lifted is not there");
  hold->set_lifted_at_ms(absl::ToUnixMillis(context.now()));
  hold->set_lift_change(change);
  hold->set_walk(storage::v1::HOLD_WALK_LIFTING);
  SaveHold(context, *hold);
  holds.set_in_force(holds.in_force() - 1);
  StartWalk(holds, lift.id());
  SaveHolds(context, holds);
  return absl::OkStatus();
}

absl::Status AddHoldEntry(CommitContext& context, type::v1::EventType type, std::string_view hold,
                          const type::v1::EntryActor& actor) {
  ACCORD_ASSIGN_OR_RETURN(const auto stored, LoadHold(context, hold));
  if (!stored.has_value()) return Error(Reason::kStoreCorrupt, "the hold of an entry is not there");
  EntryDraft draft;
  ACCORD_ASSIGN_OR_RETURN(std::string chain, AdministrationChain(context));
  draft.chains.push_back(std::move(chain));
  for (const std::string& pseudonym : stored->hold().case_pseudonyms()) {
    if (draft.chains.size() > kCasesPerEntryMax) break;
    if (std::find(draft.chains.begin(), draft.chains.end(), pseudonym) == draft.chains.end()) draft.chains.push_back(pseudonym);
  }
  draft.event.set_type(type);
  draft.event.set_hold(std::string(hold));
  if (type == type::v1::EVENT_TYPE_HOLD_SET) {
    draft.event.set_hold_ground(stored->hold().ground());
    draft.event.set_authority(stored->hold().authority());
    draft.event.set_review_at_ms(stored->hold().review_at_ms());
  }
  draft.actor = actor;
  return context.AddEntry(draft).status();
}

}  // namespace accord::broker
