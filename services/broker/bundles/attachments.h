// What goes into a bundle beside the record: every policy text that is kept, and the directory as at two times.
//
// Thread-safe: all functions are pure but for what they read of the view.
#pragma once

#include <absl/functional/function_ref.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <map>
#include <set>
#include <string>
#include <string_view>

#include "services/broker/directory/directory.h"
#include "services/broker/policy/policy_holder.h"
#include "services/broker/sequencer/read_view.h"

namespace accord::broker {

// A version whose text is kept.
struct KeptText {
  PolicyKind kind = PolicyKind::kAgreement;
  std::string version;
};

// Of every version that is kept, so that of whatever was decided the terms are here, by the text's path in a bundle (ledger::PolicyPath).
// BUNDLE_TOO_LARGE over ledger::kBundleAttachedMax, which are more than can be approved.
absl::StatusOr<std::map<std::string, KeptText>> KeptTexts(const Policy& policy);

// The word of a kind in a path: "agreement", "emergency", "law", "clocks" or "cases".
std::string_view PathWord(PolicyKind kind);

// The principals that were shut out at `at` (SuspendPrincipal).
using SuspendedPrincipals = std::set<std::string, std::less<>>;
using SuspendedAt = absl::FunctionRef<absl::StatusOr<SuspendedPrincipals>(absl::Time at)>;

// The agencies as they stood at `first`, the time of the first entry, and at `now`, when `directory` was read: what was approved and who was shut out,
// without what they publish. JSON, keys and certificates by their SHA-256. Errors of AgenciesAt and of `suspended_at`, which is asked for `first`.
absl::StatusOr<std::string> DirectoryJson(const ReadView& view, const DirectorySnapshot& directory, SuspendedAt suspended_at, absl::Time first,
                                          absl::Time now);

}  // namespace accord::broker
