// What a forum pushes about a case that it received: research, and actions. Pure. Thread-safe.
#pragma once

#include <absl/status/statusor.h>

#include <string>
#include <vector>

#include "accord/agency/v1/agency_service.pb.h"
#include "accord/forum/v1/forum_service.pb.h"
#include "common/agent/draft_builder.h"
#include "common/agent/inbox.h"

namespace accord::agency {

inline constexpr size_t kActionWordsCharsMax = 4000;

// The check that asks `request.options.recipients`, or `members` but `agency` and those that must not be told, about the people of the case,
// under its grade, for the Marac.
agency::v1::RequestChecksRequest ResearchOf(const forum::v1::RequestResearchRequest& request, const agent::InboxEntry& one,
                                            const std::vector<agency::v1::OpenedSection>& sections, const std::vector<std::string>& members,
                                            const std::string& agency);

// The notification of an action to its owner: about the people of the case, following it, with what is to be done as safety plan.
// FIELD_MISSING and FIELD_INVALID of the request.
absl::StatusOr<agent::Draft> MapAction(const forum::v1::AddActionRequest& request, const agent::InboxEntry& one,
                                       const std::vector<agency::v1::OpenedSection>& sections, const agent::MappingContext& context);

}  // namespace accord::agency
