// What waits for an agency's people, in plain words: what to open, answer and see to, the most urgent first. Pure.
#pragma once

#include <absl/time/time.h>

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
// one. `links` as Notices::OpenLinks. `assigned`: who has what was received, by header digest. The words have no personal data: codes,
// agencies, pseudonyms of workers, teams and London times. Thread-safe.
std::vector<agency::v1::TodayItem> MakeToday(const std::vector<InboxEntry>& received,
                                             const std::vector<std::pair<std::string, storage::v1::StoredSubmission>>& sent,
                                             absl::Time now, const std::vector<storage::v1::StoredNotice>& links = {},
                                             const std::map<std::string, agency::v1::Assignment>& assigned = {});

}  // namespace accord::agent
