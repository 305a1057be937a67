#include "common/ledger/checkpoint.h"

#include <absl/strings/numbers.h>
#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/base/text.h"

namespace accord::ledger {
namespace {

absl::Status Malformed(std::string_view why) { return Error(Reason::kReceiptInvalid, why); }

// The next line without its newline; nothing at the end.
std::optional<std::string_view> NextLine(std::string_view& text) {
  const size_t end = text.find('\n');
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end + 1);
  return line;
}

}  // namespace

std::string FormatCheckpoint(const Checkpoint& checkpoint) {
  return fmt::format("{}\n{}\n{}\n", checkpoint.origin, checkpoint.size, ToBase64(View(checkpoint.root)));
}

absl::StatusOr<Checkpoint> ParseCheckpoint(std::string_view text) {
  const auto origin = NextLine(text);
  const auto size = NextLine(text);
  const auto root = NextLine(text);
  if (!origin.has_value() || !size.has_value() || !root.has_value()) return Malformed("the checkpoint has fewer than three lines");
  Checkpoint checkpoint;
  if (origin->empty()) return Malformed("the checkpoint has no origin");
  checkpoint.origin = *origin;
  if (!absl::SimpleAtoi(ToAbsl(*size), &checkpoint.size) || fmt::format("{}", checkpoint.size) != *size) {
    return Malformed("the checkpoint's size is not a plain decimal number");
  }
  const auto bytes = FromBase64(*root);
  const auto hash = bytes.has_value() ? ToHash(*bytes) : std::nullopt;
  if (!hash.has_value()) return Malformed("the checkpoint's root is not base64 of 32 bytes");
  checkpoint.root = *hash;
  while (!text.empty()) {
    const auto extension = NextLine(text);
    if (!extension.has_value() || extension->empty()) return Malformed("the checkpoint has an empty extension line");
  }
  return checkpoint;
}

std::string SignCheckpoint(const Checkpoint& checkpoint, const crypto::Ed25519Signer& signer) {
  return SignNote(FormatCheckpoint(checkpoint), checkpoint.origin, signer);
}

absl::StatusOr<VerifiedCheckpoint> VerifyCheckpoint(std::string_view note, const Vkey& log,
                                                    std::span<const Vkey> witnesses) {
  ACCORD_ASSIGN_OR_RETURN(const Note parsed, ParseNote(note));
  std::vector<Vkey> keys = {log};
  keys.insert(keys.end(), witnesses.begin(), witnesses.end());
  ACCORD_ASSIGN_OR_RETURN(std::vector<std::string> signers, VerifyNote(parsed, keys));
  const auto own = std::find(signers.begin(), signers.end(), log.name());
  if (own == signers.end()) return Malformed("the checkpoint is not signed by the log");
  signers.erase(own);
  ACCORD_ASSIGN_OR_RETURN(Checkpoint checkpoint, ParseCheckpoint(parsed.text));
  if (checkpoint.origin != log.name()) return Malformed("the checkpoint is of another log");
  return VerifiedCheckpoint{std::move(checkpoint), std::move(signers)};
}

}  // namespace accord::ledger
