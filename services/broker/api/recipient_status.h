// How a recipient of a referral stands, as its sender and it itself are told.
#pragma once

#include <absl/time/time.h>

#include "accord/broker/v1/referral_service.pb.h"
#include "accord/storage/v1/broker.pb.h"
#include "services/broker/directory/directory.h"
#include "services/broker/policy/policy_holder.h"

namespace accord::broker {

// For whom.
struct StatusViewer {
  bool sender = false;     // Else the recipient itself, which is not told how its own duty worker stands.
  bool immediate = false;  // The referral is IMMEDIATE.
};

// REQUIRES: the viewer may know of the referral. Thread-safe.
v1::RecipientStatus ToStatus(const storage::v1::StoredRecipient& stored, const StatusViewer& viewer, const DirectorySnapshot& directory,
                             const Policy& policy, absl::Time now);

}  // namespace accord::broker
