// What goes into a bundle beside the record: every policy text that is kept, and the directory as at two times.
//
// Thread-safe: all functions are pure but for what they read of the view.
#pragma once

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <map>
#include <string>
#include <string_view>

#include "services/broker/policy/policy_holder.h"
#include "services/broker/sequencer/read_view.h"

namespace accord::broker {

// The texts by their path in a bundle (ledger::PolicyPath): every version that is kept, so that of whatever was decided the terms are here.
// BUNDLE_TOO_LARGE over ledger::kBundleAttachedMax; POLICY_DOCUMENT_NOT_FOUND, DATA_LOSS as PolicyText.
absl::StatusOr<std::map<std::string, std::string>> PolicyTexts(const ReadView& view, const Policy& policy);

// The word of a kind in a path: "agreement", "emergency", "law", "clocks" or "cases".
std::string_view PathWord(PolicyKind kind);

// The agencies as they stood at `first`, the time of the first entry, and at `now`: what was approved, without what they publish. JSON,
// keys and certificates by their SHA-256. Errors of AgenciesAt.
absl::StatusOr<std::string> DirectoryJson(const ReadView& view, absl::Time first, absl::Time now);

}  // namespace accord::broker
