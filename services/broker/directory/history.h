// The directory and the forums as they were at a time, and what a change makes different, read from the changes that were approved.
//
// Every function reads family `change` once from end to end: administrators ask seldom, and an area makes few changes a day. Thread-safe.
#pragma once

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "accord/admin/v1/admin_service.pb.h"
#include "accord/storage/v1/broker.pb.h"
#include "common/storage/store.h"

namespace accord::broker {

// The agencies by id as they stood at `at`, without what they publish themselves. DATA_LOSS when a row does not parse; errors of `store`.
absl::StatusOr<std::map<std::string, admin::v1::Agency>> AgenciesAt(const storage::Store& store, absl::Time at);

// The officers by OfficerKey as the changes that were in force at `at` had put them: without the two with whom the log was opened, unless they were
// put anew. Errors as AgenciesAt.
absl::StatusOr<std::map<std::string, storage::v1::StoredOfficer, std::less<>>> OfficersPutBy(const storage::Store& store, absl::Time at);

// The forums by id as they stood at `at`, those too that did not sit then. Errors as AgenciesAt.
absl::StatusOr<std::map<std::string, admin::v1::Forum>> ForumsAt(const storage::Store& store, absl::Time at);

// What is different in `after` from `before`, two messages of one type, field by field in the order of their declaration; a field's path has
// the names of the messages around it. Certificates and texts are named by their
// SHA-256, and so are lists of what leads to people. Pure.
std::vector<admin::v1::FieldDifference> DifferencesOf(const google::protobuf::Message& before, const google::protobuf::Message& after);

// What change `number`, which is `stored`, makes different: from what stands as long as it is not in force, and from what stood before it once it
// is. Errors as AgenciesAt.
absl::StatusOr<std::vector<admin::v1::FieldDifference>> DifferencesOfChange(const storage::Store& store, uint64_t number,
                                                                            const storage::v1::StoredChange& stored, absl::Time now);

}  // namespace accord::broker
