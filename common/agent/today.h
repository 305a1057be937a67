// What waits for an agency's people, in plain words: what to open, answer and see to, the most urgent first. Pure.
#pragma once

#include <absl/time/time.h>

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "accord/agency/v1/agency_service.pb.h"
#include "accord/storage/v1/agent.pb.h"
#include "common/agent/inbox.h"

namespace accord::agent {

// `received` and `sent` as Inbox::WaitingEntries and Outbox::Concerns give them; what does not wait among them is left out. First
// what is overdue, by lane and then by when it was due; then the rest in the same order, and what has no deadline after what has
// one. `links` as Notices::OpenLinks. `assigned`: who has what was received, by header digest. `further`: what waits beside that, such as at a
// forum; what it says of something that was sent, by `about`, is not said again. The words have no personal data: codes, agencies, pseudonyms of
// workers, teams and London times. Thread-safe.
std::vector<agency::v1::TodayItem> MakeToday(const std::vector<InboxEntry>& received,
                                             const std::vector<std::pair<std::string, storage::v1::StoredSubmission>>& sent,
                                             absl::Time now, const std::vector<storage::v1::StoredNotice>& links = {},
                                             const std::map<std::string, agency::v1::Assignment>& assigned = {},
                                             std::vector<agency::v1::TodayItem> further = {});

// "; due 27 Nov 14:02, overdue by 3 hours", "; due 27 Nov 14:02, in 20 minutes"; nothing without a deadline. Thread-safe.
std::string DueWords(int64_t due_ms, absl::Time now);
// "health", "health and housing", "health, housing and idva". Thread-safe.
std::string JoinedAgencies(const std::vector<std::string>& agencies);

}  // namespace accord::agent
