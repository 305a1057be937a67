// The two check-lists of an agency's life in Accord: what it lacks before it can send and receive, and what it has open before it can leave
// (docs/administrators.md).
//
// Leaving reads every referral that the agency sent or received: some ten microseconds each. Administrators ask for it seldom; once, when the
// departure comes into force, it is read on the sequencer thread, so that nothing is stored between the look and the change.
//
// All functions are thread-safe if what they read from is.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <string>
#include <string_view>
#include <vector>

#include "accord/admin/v1/admin_service.pb.h"
#include "common/storage/store.h"
#include "services/broker/directory/directory.h"
#include "services/broker/policy/policy_holder.h"
#include "services/broker/sequencer/reader.h"

namespace accord::broker {

// How soon a certificate ends for that to be told.
inline constexpr absl::Duration kCertificateWarning = absl::Hours(24 * 30);

// What the check-lists are made from, as of one moment.
struct CheckListSources {
  const storage::Store& store;
  SealedReader sealed;  // Of the same store.
  const DirectorySnapshot& directory;
  const Policy& policy;
  absl::Time now;
};

// What the broker has seen of the agency since it started; see ConnectionRegister.
struct SeenOfAgency {
  bool called = false;
  bool alerted = false;  // Its service reported that it ran the duty alert.
};

// What `agency` lacks, in the order in which it is done. PRINCIPAL_NOT_FOUND; errors of what is read.
absl::StatusOr<std::vector<admin::v1::CheckListItem>> OnboardingOf(const CheckListSources& sources, std::string_view agency, SeenOfAgency seen);

// What `agency` has open. PRINCIPAL_NOT_FOUND; errors of what is read.
absl::StatusOr<std::vector<admin::v1::CheckListItem>> LeavingOf(const CheckListSources& sources, std::string_view agency);

// OK when nothing needed is left of `items`. LEAVING_INCOMPLETE, with metadata `open`: the codes of what is.
absl::Status CheckComplete(const std::vector<admin::v1::CheckListItem>& items);

}  // namespace accord::broker
