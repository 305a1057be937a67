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

// Since when agencies are enrolled, by id, in milliseconds since 1970, UTC: when the change came into force that put it into the directory as active; of one
// that left and was put back the last such change, and of one that is not active now the one before it left. Errors as AgenciesAt.
absl::StatusOr<std::map<std::string, int64_t, std::less<>>> EnrolledSince(const storage::Store& store);

// What a change makes different, and from what.
struct ChangeDifferences {
  std::vector<admin::v1::FieldDifference> fields;
  std::vector<uint64_t> planned;    // Numbers of the approved changes that come into force before it and replace the same, in that order.
  std::vector<uint64_t> withdrawn;  // And of those due after it that CheckNotReplaced will refuse for it, if it comes into force.
};

// What change `number`, which is `stored`, makes different: once it is in force from what stood before it; until then from what will stand when it comes
// into force, which is what stands now unless others are planned. Errors as AgenciesAt.
absl::StatusOr<ChangeDifferences> DifferencesOfChange(const storage::Store& store, uint64_t number, const storage::v1::StoredChange& stored, absl::Time now);

}  // namespace accord::broker
