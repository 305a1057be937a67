// What a housing authority sees of a notice or referral that it received: what its system opens an application from. Pure. Thread-safe.
#pragma once

#include <absl/status/status.h>

#include <vector>

#include "accord/housing/v1/housing_service.pb.h"
#include "common/agent/inbox.h"

namespace accord::housing {

// Is it one, and no check, answer, or notice of an event?
bool IsNotice(const agent::InboxEntry& entry);
// OK, or FIELD_INVALID `notice`.
absl::Status RequireNotice(const agent::InboxEntry& entry);

// Without its content.
v1::HousingNotice SummaryOf(const agent::InboxEntry& entry);

// With it: `sections` as they were opened, `agency` being ourselves. How to reach the person is there only when it may be used: they agreed
// that it is passed on (under the duty to refer; another sender gives it for that), and nothing changed since. What a sender of before that
// agreement was told of sent as safe contact was agreed to, because it sent none otherwise.
v1::HousingNotice NoticeOf(const agent::InboxEntry& entry, const std::vector<agency::v1::OpenedSection>& sections, std::string_view agency);

}  // namespace accord::housing
