#include "services/broker/witness/cosign.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "accord/storage/v1/broker.pb.h"
#include "accord/storage/v1/witness.pb.h"
#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/ledger/checkpoint.h"
#include "services/broker/directory/families.h"

namespace accord::broker {
namespace {

absl::Status Invalid(std::string_view why) { return Error(Reason::kCosignatureInvalid, why); }

absl::Status Corrupt(std::string_view family) {
  return Error(Reason::kStoreCorrupt, fmt::format("a row of family {} does not parse", family));
}

// The time in a cosignature line that was verified when it was kept.
absl::StatusOr<uint64_t> TimeOf(std::string_view line) {
  const auto note = ledger::ParseNote(fmt::format("-\n\n{}", line));
  uint64_t time_s = 0;
  if (!note.ok() || note->signatures.size() != 1 || !ByteReader(note->signatures[0].bytes).U64(time_s)) {
    return Corrupt(kFamilyCosignature);
  }
  return time_s;
}

}  // namespace

absl::StatusOr<JudgedCosignature> JudgeCosignature(const ReadView& view, const PolicyWitnesses& witnesses, std::string_view agency,
                                                   std::string_view note, absl::Time now) {
  const auto key = witnesses.KeyOf(agency);
  if (!key.has_value()) return Error(Reason::kWitnessUnknown, "the witness policy names no key of this agency");
  const auto parsed = ledger::ParseNote(note);
  if (!parsed.ok()) return Invalid(FromAbsl(parsed.status().message()));
  const auto checkpoint = ledger::ParseCheckpoint(parsed->text);
  if (!checkpoint.ok()) return Invalid(FromAbsl(checkpoint.status().message()));
  ACCORD_ASSIGN_OR_RETURN(const PublishedCheckpoint published, PublishedAt(view, checkpoint->size));
  ACCORD_ASSIGN_OR_RETURN(const ledger::Note ours, ledger::ParseNote(published.note));
  if (ours.text != parsed->text) {
    return Error(Reason::kCheckpointNotFound, "the checkpoint of this size that was published has another text",
                 {{"size", fmt::format("{}", checkpoint->size)}});
  }
  auto found = ledger::FindCosignature(*parsed, *key);
  if (!found.ok()) return Invalid(FromAbsl(found.status().message()));
  // Below 2^63, but perhaps beyond what absl::Time can say.
  const int64_t latest = absl::ToUnixSeconds(now + kCosignatureSkewMax);
  if (found->time_s > static_cast<uint64_t>(std::max<int64_t>(0, latest))) {
    return Invalid("the cosignature's time is in the future: set the witness's clock");
  }
  return JudgedCosignature{checkpoint->size, std::string(agency), *std::move(found)};
}

absl::Status CosignCommand::Apply(CommitContext& context) {
  ACCORD_ASSIGN_OR_RETURN(const auto kept, context.Get(kFamilyCosignature, CosignatureKey(judged_.size, judged_.witness)));
  bool newer = true;
  if (kept.has_value()) {
    storage::v1::StoredCosignature stored;
    if (!stored.ParseFromString(*kept)) return Corrupt(kFamilyCosignature);
    ACCORD_ASSIGN_OR_RETURN(const uint64_t time_s, TimeOf(stored.line()));
    newer = judged_.cosignature.time_s > time_s;
  }
  if (newer) {
    KeepCosignature(context, judged_.size, judged_.witness, judged_.cosignature.line);
    ACCORD_ASSIGN_OR_RETURN(const auto row, context.Get(kFamilyWitness, judged_.witness));
    storage::v1::StoredWitness standing;
    if (row.has_value() && !standing.ParseFromString(*row)) return Corrupt(kFamilyWitness);
    if (judged_.size >= standing.cosigned_size()) {
      standing.set_cosigned_size(judged_.size);
      standing.set_received_at_ms(absl::ToUnixMillis(context.now()));
      context.Put(kFamilyWitness, judged_.witness, standing.SerializeAsString());
    }
  }
  std::vector<std::string> cosigned;
  for (const std::string& name : witnesses_.names()) {
    ACCORD_ASSIGN_OR_RETURN(const auto line, context.Get(kFamilyCosignature, CosignatureKey(judged_.size, name)));
    if (line.has_value()) cosigned.push_back(name);
  }
  quorum_ = witnesses_.Met(cosigned);
  if (newer && quorum_) ACCORD_RETURN_IF_ERROR(NoteWitnessed(context, judged_.size));
  return absl::OkStatus();
}

void CosignCommand::Done(const absl::StatusOr<Committed>& outcome) {
  if (!outcome.ok()) return std::move(done_)(outcome.status());
  std::move(done_)(quorum_);
}

}  // namespace accord::broker
