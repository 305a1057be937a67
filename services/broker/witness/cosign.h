// Cosignatures as they come in: judged by the handler, kept by a command that rides in an ordinary batch.
#pragma once

#include <absl/functional/any_invocable.h>
#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "common/ledger/note.h"
#include "services/broker/sequencer/command.h"
#include "services/broker/sequencer/read_view.h"
#include "services/broker/witness/policy_witnesses.h"

namespace accord::broker {

// So far may a witness's clock be ahead of ours.
inline constexpr absl::Duration kCosignatureSkewMax = absl::Minutes(5);

// A cosignature of a published checkpoint that verifies under its witness's key.
struct JudgedCosignature {
  uint64_t size = 0;
  std::string witness;
  ledger::Cosignature cosignature;
};
// Takes out of `note` the one line that `agency`'s key made; whatever else the note carries is never kept. Thread-safe.
//   WITNESS_UNKNOWN       the policy has no such witness
//   COSIGNATURE_INVALID   not a note, no line of that key, one that does not verify, or a time beyond now and kCosignatureSkewMax
//   CHECKPOINT_NOT_FOUND  the text is not that of a published checkpoint
absl::StatusOr<JudgedCosignature> JudgeCosignature(const ReadView& view, const PolicyWitnesses& witnesses, std::string_view agency,
                                                   std::string_view note, absl::Time now);

// Keeps a judged cosignature, in place of one of the same witness and size if its time is later, without an entry. Idempotent.
class CosignCommand : public Command {
 public:
  // Whether the checkpoint now meets the quorum.
  using CosignDone = absl::AnyInvocable<void(const absl::StatusOr<bool>& quorum) &&>;
  // `witnesses` must outlive this.
  CosignCommand(const PolicyWitnesses& witnesses, JudgedCosignature judged, CosignDone done)
      : witnesses_(witnesses), judged_(std::move(judged)), done_(std::move(done)) {}

  absl::Status Apply(CommitContext& context) override;
  void Done(const absl::StatusOr<Committed>& outcome) override;

 private:
  const PolicyWitnesses& witnesses_;
  const JudgedCosignature judged_;
  bool quorum_ = false;
  CosignDone done_;
};

}  // namespace accord::broker
