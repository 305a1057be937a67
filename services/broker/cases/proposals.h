// Proposing to the agencies that hold both that two cases are one.
//
// A link is proposed once, whatever is answered. Its LINK_PROPOSED entry is on the chains of both cases, and names nobody. An agency is
// told by a notice once it holds referrals of both cases at its main desk (links.h), which may be later: with an entry of its own, on the
// chain of the referral that the notice names, which it holds. No other agency is told anything.
//
// Sequencer thread. `queued` gets what the mailboxes are to be told once the command is published.
#pragma once

#include <absl/status/status.h>

#include <string>
#include <string_view>
#include <vector>

#include "accord/storage/v1/broker.pb.h"
#include "services/broker/cases/links.h"
#include "services/broker/delivery/referral_store.h"
#include "services/broker/sequencer/command.h"

namespace accord::broker {

inline constexpr size_t kLinkToldMax = 64;  // Agencies told of one link.

// In the command that stores a referral, once it and its rows are put: proposes what it made known, and tells its sender of what was
// proposed before of its cases.
absl::Status NoteStoredInCases(CommitContext& context, std::string_view header_digest, const storage::v1::StoredReferral& stored,
                               const type::v1::HeaderCore& core, const std::vector<CaseMatch>& matches, NewDeliveries& queued);

// In the command that first releases a referral to a desk: tells it of what was proposed of the referral's cases, if it now holds both. Costs
// a point read for each case while nothing is proposed.
absl::Status NoteReleasedInCases(CommitContext& context, std::string_view header_digest, const storage::v1::StoredReferral& stored,
                                 std::string_view agency, type::v1::Desk desk, NewDeliveries& queued);

}  // namespace accord::broker
