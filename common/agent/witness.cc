#include "common/agent/witness.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "common/base/status.h"

namespace accord::agent {

absl::StatusOr<WitnessKey> LoadWitnessKey(const std::string& path, std::string name) {
  if (!ledger::IsKeyName(name)) {
    return Error(Reason::kFieldInvalid, "the witness's name has blanks, a plus sign or control characters", {{"field", "witness_name"}});
  }
  ACCORD_ASSIGN_OR_RETURN(auto signer, crypto::Ed25519Signer::FromPemFile(path));
  std::error_code error;
  const auto mode = std::filesystem::status(path, error).permissions();
  using enum std::filesystem::perms;
  if (error || (mode & (group_all | others_all)) != none) {
    return absl::FailedPreconditionError(fmt::format("{}: may be read by others than its owner; make its mode 0600", path));
  }
  return WitnessKey{std::move(name), std::move(signer)};
}

absl::Status Witness::Step() {
  moving_ = false;
  ACCORD_RETURN_IF_ERROR(alarm_.Check());
  const auto note = broker_.GetPublishedCheckpoint();
  if (HasReason(note.status(), Reason::kCheckpointNotFound)) return absl::OkStatus();
  ACCORD_RETURN_IF_ERROR(note.status());
  const absl::Time now = clock_.Now();
  auto parsed = ledger::ParseNote(*note);
  if (parsed.ok() && parsed->text == taken_text_ && now < taken_at_ + kRecosignInterval) return absl::OkStatus();

  ACCORD_ASSIGN_OR_RETURN(const auto time_s, log_.HoldToCosign(*note, now));
  if (!time_s.has_value()) return absl::OkStatus();
  ACCORD_RETURN_IF_ERROR(parsed.status());  // What was held parses.
  moving_ = parsed->text != taken_text_;
  // The log's line and ours: other witnesses' lines are theirs to hand in.
  const ledger::Vkey& log_key = log_.log_key();
  std::erase_if(parsed->signatures, [&](const ledger::NoteSignature& signature) {
    return signature.name != log_key.name() || signature.id != log_key.id();
  });
  const std::string cosigned =
      ledger::FormatNote(*parsed) + ledger::CosignatureLine(parsed->text, key_.name, *time_s, key_.signer);
  ACCORD_RETURN_IF_ERROR(broker_.Cosign(cosigned).status());
  ACCORD_ASSIGN_OR_RETURN(const ledger::Checkpoint checkpoint, ledger::ParseCheckpoint(parsed->text));
  taken_text_ = parsed->text;
  taken_at_ = now;
  cosigned_size_ = checkpoint.size;
  return absl::OkStatus();
}

absl::Duration Witness::NextDelay() {
  const absl::Duration interval = moving_ ? kWitnessIntervalMoving : kWitnessIntervalIdle;
  const double part = static_cast<double>(random_.Below(1000)) / 999;  // 0 to 1.
  return interval * (1 - kWitnessJitter + 2 * kWitnessJitter * part);
}

}  // namespace accord::agent
