// Handing a referral on to who stands in for a recipient: on a missed clock, and when the recipient redirects it there (docs/clocks.md, docs/reseal.md).
//
// Sequencer thread.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <set>
#include <string>

#include "accord/storage/v1/broker.pb.h"
#include "common/referral/decision.h"
#include "common/referral/header.h"
#include "services/broker/delivery/referral_store.h"
#include "services/broker/policy/policy_holder.h"
#include "services/broker/sequencer/command.h"

namespace accord::broker {

// What is decided now of a referral, with a recipient of its header or one beside it.
struct PermittedNow {
  referral::HeaderParts parts;  // With that recipient.
  referral::Decisions decisions;
  std::set<std::string> sections;  // What it may have.
};
// Decides for `part`. Errors of `context`.
absl::StatusOr<PermittedNow> PermittedTo(CommitContext& context, const Policy& policy, const storage::v1::StoredReferral& stored,
                                         const referral::OpenedHeader& header, const type::v1::RecipientPart& part);

// Makes `part` a recipient of `stored` that is to be delivered what `permitted` says, in the lane and order of the delivery `like`: a row, its
// delivery, which waits at the position of entry `index`, and the register. The row, which the caller saves with `stored`; no clock runs yet.
// Errors of `context`.
absl::StatusOr<storage::v1::StoredRecipient*> AddRecipient(CommitContext& context, const Policy& policy, const std::string& header_digest,
                                                           const type::v1::HeaderCore& core, const type::v1::RecipientPart& part,
                                                           const PermittedNow& permitted, const std::string& like, uint64_t index,
                                                           storage::v1::StoredReferral& stored, NewDeliveries& queued);

// Queues the referral for those who stand in for `named`, by the header and by the decision as it is now; once for both clocks.
// `index`: of the entry, at whose position it waits. Errors of `context`.
absl::Status QueueForStandIns(CommitContext& context, const Policy& policy, const std::string& header_digest,
                              const referral::OpenedHeader& header, const storage::v1::StoredRecipient& named, uint64_t index,
                              storage::v1::StoredReferral& stored, NewDeliveries& queued);

}  // namespace accord::broker
