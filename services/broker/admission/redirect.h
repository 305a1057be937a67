// What follows when a recipient names another agency as the right one (docs/reseal.md).
#pragma once

#include <absl/status/status.h>

#include "accord/type/v1/referral.pb.h"
#include "common/referral/header.h"
#include "services/broker/delivery/referral_store.h"
#include "services/broker/directory/directory.h"
#include "services/broker/policy/policy_holder.h"
#include "services/broker/sequencer/command.h"

namespace accord::broker {

// After a REDIRECTED statement on `stored`, which the caller saves:
//   the header names the agency  it was sealed for it: it is queued, STAND_IN_QUEUED entry, and its clocks start now
//   another active agency        the sender is asked to seal again for it
// Nothing more than the statement happens when it is a recipient already, or the sender, or may have nothing of the referral. No effect for
// other statements. Errors of `context`. Sequencer thread.
absl::Status FollowRedirect(CommitContext& context, const Policy& policy, const DirectorySnapshot& directory, const type::v1::Statement& statement,
                            const referral::OpenedHeader& header, storage::v1::StoredReferral& stored, NewDeliveries& queued);

}  // namespace accord::broker
