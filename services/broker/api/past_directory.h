// The directory as it was at a time, as far as it takes the log to say: who was shut out is kept while it lasts, and after that in the entries
// of the administration chain alone; the two administrators with whom the log was opened are in its first entry.
//
// Who was shut out is read from every entry of that chain up to the time, for each page anew: an area makes few a day. So it is read for
// administrators alone, who ask seldom, and once for a bundle.
// Thread-safe.
#pragma once

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <functional>
#include <map>
#include <string>

#include "accord/storage/v1/broker.pb.h"
#include "services/broker/directory/directory.h"
#include "services/broker/sequencer/read_view.h"

namespace accord::broker {

// Who was shut out at `at`, by principal. STORE_CORRUPT when an entry of the chain is not there or fails a check; errors of `view`.
using Suspensions = std::map<std::string, Suspension, std::less<>>;
absl::StatusOr<Suspensions> SuspensionsAt(const ReadView& view, absl::Time at);

// The administrators and inspectors by OfficerKey as they were enrolled at `at`, shut out or not. Errors as SuspensionsAt.
absl::StatusOr<std::map<std::string, storage::v1::StoredOfficer, std::less<>>> OfficersAt(const ReadView& view, absl::Time at);

}  // namespace accord::broker
