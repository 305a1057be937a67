// The recorded half of an erasure: what the command that erases writes, on the sequencer thread, in one batch (ADR 0016).
//
//   EraseReferrals: entry ERASED, marks, `erasure` rows  → durable → key slots shut → listed, keys destroyed → rows deleted
//   → bytes purged (eraser.h)
//
// Nothing that could be read back later is decided here alone: what is to be deleted is written down with the entry, so that a
// crash at any point is finished at the next opening.
#pragma once

#include <absl/functional/any_invocable.h>
#include <absl/functional/function_ref.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "accord/storage/v1/broker.pb.h"
#include "accord/storage/v1/erasure.pb.h"
#include "services/broker/cases/case_linker.h"
#include "services/broker/directory/changes.h"
#include "services/broker/sequencer/command.h"

namespace accord::broker {

inline constexpr size_t kErasureReferralsMax = 1000;        // Of one erasure, and looked through of one case.
inline constexpr size_t kErasingBytesMax = 16u << 20;       // Of the rows that one erasure deletes, as written down.
inline constexpr uint64_t kCaseEntriesScannedMax = 20'000;  // Of the chain of a case whose referrals were not numbered.
inline constexpr uint64_t kRefusalsRewrittenMax = 10'000;   // REFUSED entries about one signed payload.
inline constexpr uint32_t kRetentionDaysMax = 36'500;

// What was erased, for what follows once it is durable.
struct ErasureOutcome {
  uint64_t index = 0;  // Of its first ERASED entry, which names the erasure from here on.
  std::vector<uint64_t> slots;
  std::vector<std::string> delivery_ids;
};

// Why and by whom.
struct ErasureOrder {
  type::v1::ErasureGround ground = type::v1::ERASURE_GROUND_UNSPECIFIED;
  type::v1::EntryActor actor;
  uint64_t change = 0;  // 0: by a rule.
};

// Erases `header_digests`, which are different. The command must end its batch (MoveEpochs) and, once it is published, shut the
// slots and take the deliveries out of the mailboxes. `linker` as everywhere.
//   REFERRAL_NOT_FOUND, ERASED  no such referral any more
//   ON_HOLD                     a legal hold covers one of them
//   MESSAGE_TOO_LARGE           too many, or too much was recorded about them: erase them one by one
absl::StatusOr<ErasureOutcome> EraseReferrals(CommitContext& context, const CaseLinker& linker,
                                              std::span<const std::string> header_digests, const ErasureOrder& order);

// The referrals of a case that are not erased. Empty when there is no such case. MESSAGE_TOO_LARGE beyond the bounds above.
absl::StatusOr<std::vector<std::string>> ReferralsOfCase(CommitContext& context, std::string_view case_pseudonym);

// Ends the mapping of a case without referrals: its row and `token_rows` (keys of family `case_token`), with an entry by
// `broker`. Nothing (index 0) when the case has a referral again, or `numbered` is not how many it had.
//   ON_HOLD  a legal hold covers it
absl::StatusOr<ErasureOutcome> EndMapping(CommitContext& context, std::string_view case_pseudonym, uint64_t numbered,
                                          std::span<const std::string> token_rows);

// The changes Erase and PutRetention. Thread-safe but for what takes a CommitContext, and Published.
class ErasureChanges : public ChangeHandler {
 public:
  // `recorded` is called on the sequencer thread once an erasure is published; it must not block.
  ErasureChanges(std::function<const CaseLinker&()> linker, std::function<void(const ErasureOutcome&)> recorded)
      : linker_(std::move(linker)), recorded_(std::move(recorded)) {}

  bool Handles(const admin::v1::Change& change) const override { return change.has_erase() || change.has_put_retention(); }
  absl::Status Validate(const admin::v1::Change& change) const override;
  absl::Status Check(const admin::v1::Change& change, CommitContext& context) const override;
  absl::Status Write(uint64_t number, storage::v1::StoredChange& stored, const type::v1::EntryActor& actor,
                     CommitContext& context) const override;
  void Published(uint64_t number, const storage::v1::StoredChange& stored) const override;

 private:
  const std::function<const CaseLinker&()> linker_;
  const std::function<void(const ErasureOutcome&)> recorded_;
  mutable ErasureOutcome written_;  // The sequencer thread's: of the last Write.
};

}  // namespace accord::broker
