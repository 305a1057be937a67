#include "common/ledger/tlog_proof.h"

#include <absl/strings/numbers.h>
#include <fmt/format.h>

#include <optional>
#include <utility>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/base/text.h"

namespace accord::ledger {
namespace {

constexpr std::string_view kFirstLine = "c2sp.org/tlog-proof@v1";
constexpr std::string_view kExtra = "extra ";
constexpr std::string_view kIndex = "index ";

absl::Status MalformedProof(std::string_view why) { return Error(Reason::kReceiptInvalid, why); }

std::optional<std::string_view> NextProofLine(std::string_view& text) {
  const size_t end = text.find('\n');
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end + 1);
  return line;
}

}  // namespace

std::string FormatTlogProof(const TlogProof& proof) {
  std::string text = fmt::format("{}\n", kFirstLine);
  if (!proof.extra.empty()) text += fmt::format("{}{}\n", kExtra, ToBase64(proof.extra));
  text += fmt::format("{}{}\n", kIndex, proof.index);
  for (const Hash& hash : proof.path) text += fmt::format("{}\n", ToBase64(View(hash)));
  return text + "\n" + proof.checkpoint;
}

absl::StatusOr<TlogProof> ParseTlogProof(std::string_view text) {
  if (text.size() > kReceiptBytesMax) return MalformedProof("the receipt is too large");
  std::string_view rest = text;
  if (NextProofLine(rest) != kFirstLine) return MalformedProof("the receipt does not begin with c2sp.org/tlog-proof@v1");
  TlogProof proof;
  auto line = NextProofLine(rest);
  if (line.has_value() && line->substr(0, kExtra.size()) == kExtra) {
    auto extra = FromBase64(line->substr(kExtra.size()));
    if (!extra.has_value() || extra->empty()) return MalformedProof("the receipt's extra line is not base64");
    proof.extra = *std::move(extra);
    line = NextProofLine(rest);
  }
  if (!line.has_value() || line->substr(0, kIndex.size()) != kIndex ||
      !absl::SimpleAtoi(ToAbsl(line->substr(kIndex.size())), &proof.index) ||
      fmt::format("{}{}", kIndex, proof.index) != *line) {
    return MalformedProof("the receipt has no plain index line");
  }
  for (;;) {
    line = NextProofLine(rest);
    if (!line.has_value()) return MalformedProof("the receipt ends before its checkpoint");
    if (line->empty()) break;
    const auto bytes = FromBase64(*line);
    const auto hash = bytes.has_value() ? ToHash(*bytes) : std::nullopt;
    if (!hash.has_value()) return MalformedProof("a line of the receipt's path is not base64 of 32 bytes");
    if (proof.path.size() == kPathHashesMax) return MalformedProof("the receipt's path is too long");
    proof.path.push_back(*hash);
  }
  proof.checkpoint = rest;
  return proof;
}

absl::StatusOr<VerifiedReceipt> VerifyReceipt(std::string_view text, const Vkey& log, std::span<const Vkey> witnesses) {
  ACCORD_ASSIGN_OR_RETURN(TlogProof proof, ParseTlogProof(text));
  if (proof.extra.empty()) return MalformedProof("the receipt carries no leaf");
  ACCORD_ASSIGN_OR_RETURN(VerifiedCheckpoint checkpoint, VerifyCheckpoint(proof.checkpoint, log, witnesses));
  ACCORD_RETURN_IF_ERROR(VerifyInclusion(proof.index, checkpoint.checkpoint.size, LeafHash(proof.extra), proof.path,
                                         checkpoint.checkpoint.root));
  ACCORD_ASSIGN_OR_RETURN(Leaf leaf, ParseLeaf(proof.extra));
  if (leaf.origin != checkpoint.checkpoint.origin) return MalformedProof("the leaf is of another log");
  return VerifiedReceipt{proof.index, std::move(proof.extra), std::move(leaf), std::move(checkpoint.checkpoint),
                         std::move(checkpoint.cosigners)};
}

}  // namespace accord::ledger
