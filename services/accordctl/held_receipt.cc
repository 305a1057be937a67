#include "services/accordctl/held_receipt.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/base/file.h"
#include "common/base/status.h"
#include "common/ledger/export_bundle.h"
#include "common/ledger/trail_bundle.h"
#include "services/accordctl/log_client.h"

namespace accord::accordctl {

absl::StatusOr<HeldReceipt> ReceiptAt(const std::string& path, const ledger::Vkey& key) {
  HeldReceipt held;
  const auto there = ReadFile(path, ledger::kReceiptBytesMax);
  if (!absl::IsNotFound(there.status())) {
    auto verified = ledger::VerifyReceipt(there.ok() ? *there : std::string(), key);
    if (!verified.ok()) return UsageError(fmt::format("{} is there already and is no receipt of this log: nothing is written over", path));
    held.receipt = *std::move(verified);
  }
  const auto beside = ReadFile(path + ledger::kOpeningsSuffix, ledger::kBundleFileBytesMax);
  if (absl::IsNotFound(beside.status())) return held;
  auto openings = ledger::ParseOpenings(beside.ok() ? *beside : std::string());
  if (!openings.ok()) return UsageError(fmt::format("{}{} is there already and has no openings: nothing is written over", path, ledger::kOpeningsSuffix));
  held.openings = *std::move(openings);
  return held;
}

absl::Status CheckOpeningsMakeRoom(const HeldReceipt& held, const std::string& path, const ledger::Leaf& next) {
  const auto all_open = [&](const ledger::Leaf& leaf) {
    return std::all_of(held.openings.begin(), held.openings.end(), [&](const crypto::Opening& opening) { return ledger::LeafOpens(leaf, opening); });
  };
  if (all_open(next) || (held.receipt.has_value() && all_open(held.receipt->leaf))) return absl::OkStatus();
  return UsageError(fmt::format("{}{} is there already and is of another entry: nothing is written over", path, ledger::kOpeningsSuffix));
}

absl::Status CheckOneLog(const Endpoint& broker, const std::string& path, const ledger::Checkpoint& held, const ledger::Checkpoint& next) {
  const absl::Status one = ProveOneLog(broker, held, next);
  return one.ok() ? one : Annotate(one, path + " is not written over");
}

}  // namespace accord::accordctl
