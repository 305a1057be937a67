// How AdminService names and shows changes. All functions are pure and thread-safe.
#pragma once

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "accord/admin/v1/admin_service.pb.h"
#include "accord/storage/v1/broker.pb.h"

namespace accord::broker {

// FIELD_MISSING.
absl::Status FieldNeeded(std::string_view field);
// FIELD_MISSING or FIELD_INVALID.
absl::Status CheckRequestIdOf(std::string_view request_id);

// "changes/{number}"; empty for number 0, which no change has.
std::string ChangeNameOf(uint64_t number);
// FIELD_MISSING or FIELD_INVALID.
absl::StatusOr<uint64_t> ParseChangeName(std::string_view name);
// As it is shown at `now`.
admin::v1::ProposedChange ToProposed(uint64_t number, storage::v1::StoredChange stored, absl::Time now);

}  // namespace accord::broker
