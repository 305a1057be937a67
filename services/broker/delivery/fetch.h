// Sections that were too large for the message that they were delivered with, fetched beside it.
#pragma once

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <string>
#include <string_view>

#include "accord/storage/v1/broker.pb.h"
#include "common/referral/header.h"
#include "services/broker/directory/directory.h"
#include "services/broker/policy/policy_holder.h"
#include "services/broker/sequencer/reader.h"

namespace accord::broker {

// The section as PlanRelease would give it to `delivery` now: released in it, permitted still, and cut for the key that the desk has. So what
// a change of consent, policy or key has closed since is closed here too.
//   REFERRAL_NOT_FOUND  anything else: no such section, not released, recalled, erased, not permitted any more; one answer to all
//   DATA_LOSS           what is stored does not parse
// Holds the section twice while it is cut, once afterwards. Thread-safe if `read` is.
absl::StatusOr<std::string> SectionFor(SealedReader read, const Policy& policy, const DirectorySnapshot& directory,
                                       const storage::v1::StoredReferral& stored, const referral::OpenedHeader& header,
                                       const storage::v1::StoredDelivery& delivery, std::string_view section_id, absl::Time now);

// The one answer.
absl::Status SectionNotFound();

}  // namespace accord::broker
