// Legal holds: what they cover, and whether something is covered (ADR 0017).
//
// Whoever erases, a person or a rule, asks HoldCovering in the command that erases, before anything is written: a hold that was
// approved before that command stops it, one approved after it comes too late for it. The answer is a handful of point reads.
//
//   hold (id) ◀── hold_cover (referral | case | subject) ── what is asked about
//
// A subject is known only by the broker's own HMAC of a token. Any token counts, strong or weak: a hold errs on the side of
// keeping. A referral that names a held subject as victim or alleged perpetrator is covered, and so is every case that it is
// linked to. Which cases those are is looked for once a hold is approved (hold_walk.h); until they are all found the hold covers
// everything.
//
// All functions are thread-safe as far as what they read from is; those with a CommitContext are of the sequencer thread.
#pragma once

#include <absl/functional/function_ref.h>
#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "accord/admin/v1/admin_service.pb.h"
#include "accord/storage/v1/broker.pb.h"
#include "accord/storage/v1/hold.pb.h"
#include "common/referral/header.h"
#include "services/broker/directory/families.h"
#include "services/broker/sequencer/command.h"

namespace accord::broker {

inline constexpr size_t kHoldIdCharsMax = 63;
inline constexpr size_t kAuthorityCharsMax = 64;
inline constexpr int kHoldTargetsMax = 100;       // Cases, referrals and subjects of one hold.
inline constexpr uint32_t kHoldsInForceMax = 1000;

// The broker's own HMAC of a subject token: CaseLinker::Index. Thread-safe.
using SubjectIndex = std::function<std::string(const type::v1::SubjectToken& token)>;
// Reads a plain value: CommitContext::Get, or that of a ReadView.
using HoldReader =
    absl::FunctionRef<absl::StatusOr<std::optional<std::string>>(std::string_view family, std::string_view key)>;

// What is asked about; whatever is empty is not asked about.
struct HoldScope {
  std::string header_digest;          // 32 bytes.
  std::vector<std::string> cases;     // Pseudonyms, 16 bytes each.
  std::vector<std::string> subjects;  // HMACs of tokens, 32 bytes each.
};

// The HMACs of every token of the victims and alleged perpetrators of `header`.
std::vector<std::string> SubjectsOf(const referral::OpenedHeader& header, const SubjectIndex& index);
// Of a stored referral: itself, its cases, its subjects. DATA_LOSS when its header does not open.
absl::StatusOr<HoldScope> ScopeOf(std::string_view header_digest, const storage::v1::StoredReferral& stored,
                                  const SubjectIndex& index);
// Of a case, when it itself or its mapping is to go: itself, and the victim and alleged perpetrator of its row. Its referrals
// are asked about one by one. Errors of `read`; DATA_LOSS when the row does not parse.
absl::StatusOr<HoldScope> ScopeOfCase(HoldReader read, std::string_view case_pseudonym);

// The id of a hold in force that covers any of it; nothing when there is none. Errors of `read`; DATA_LOSS.
absl::StatusOr<std::optional<std::string>> HoldCovering(HoldReader read, const HoldScope& scope);
absl::StatusOr<std::optional<std::string>> HoldCovering(CommitContext& context, const HoldScope& scope);
// Every hold in force that does; unlike HoldCovering without those that are still looking for their cases.
absl::StatusOr<std::vector<std::string>> HoldsCovering(HoldReader read, const HoldScope& scope);
// The error ON_HOLD, with the hold in metadata.
absl::Status OnHold(std::string_view hold);

// The hold; nothing when there is none of that id. DATA_LOSS when it does not parse.
absl::StatusOr<std::optional<storage::v1::StoredHold>> LoadHold(HoldReader read, std::string_view id);
absl::StatusOr<std::optional<storage::v1::StoredHold>> LoadHold(CommitContext& context, std::string_view id);
// Takes `hold` out of a row of family `hold_cover`, named by its key; a row that names none goes. No effect if it is not in it.
absl::Status RemoveCover(CommitContext& context, std::string_view cover_key, std::string_view hold);
// A lifted hold names nothing any more, neither in its own row nor in that of its change: what it named may be erased one day.
// The hold is not saved.
absl::Status ForgetTargets(CommitContext& context, storage::v1::StoredHold& hold);
void SaveHold(CommitContext& context, const storage::v1::StoredHold& hold);
// Has what `hold` covers looked for from the beginning: it covers more than it did.
absl::Status WalkAgain(CommitContext& context, storage::v1::StoredHold& hold);
// The row `holds` of family `meta`.
absl::StatusOr<storage::v1::StoredHolds> LoadHolds(HoldReader read);
absl::StatusOr<storage::v1::StoredHolds> LoadHolds(CommitContext& context);
void SaveHolds(CommitContext& context, const storage::v1::StoredHolds& holds);
// Adds `hold` to the holds that cover `target`; lifted ones leave the row. True if it did not cover it before.
absl::StatusOr<bool> AddCover(CommitContext& context, HoldTarget kind, std::string_view target, std::string_view hold);

// What changes.h asks of holds.

// OK when it is well formed: FIELD_MISSING, FIELD_INVALID, ENUM_UNKNOWN.
absl::Status ValidateSetHold(const admin::v1::SetHold& hold);
absl::Status ValidateLiftHold(const admin::v1::LiftHold& lift);
// With the HMAC in place of every subject's token, which is the form that is stored, hashed and shown.
admin::v1::SetHold WithIndexedSubjects(admin::v1::SetHold hold, const SubjectIndex& index);

// OK when it may be set now.
//   FIELD_INVALID       the id was used before, the review date is past, no such case, or too many holds are in force
//   REFERRAL_NOT_FOUND  no such referral, or it was erased
absl::Status CheckSetHold(CommitContext& context, const admin::v1::SetHold& hold);
// OK when it may be lifted now. HOLD_NOT_FOUND; TRANSITION_ILLEGAL when it was lifted.
absl::Status CheckLiftHold(CommitContext& context, const admin::v1::LiftHold& lift);
// Puts the hold in force: from this commit on HoldCovering finds it. `change`: the number of its change.
absl::Status ApplySetHold(CommitContext& context, const admin::v1::SetHold& hold, uint64_t change);
// Ends it. REQUIRES: CheckLiftHold.
absl::Status ApplyLiftHold(CommitContext& context, const admin::v1::LiftHold& lift, uint64_t change);
// HOLD_SET or HOLD_LIFTED by `actor`, on the administration chain and those of up to three of its cases.
absl::Status AddHoldEntry(CommitContext& context, type::v1::EventType type, std::string_view hold,
                          const type::v1::EntryActor& actor);

}  // namespace accord::broker
