// From general words to a draft, for an agency whose kind has no service of its own. What it may push is data. Pure. Thread-safe.
#pragma once

#include <absl/status/statusor.h>

#include <vector>

#include "accord/refer/v1/refer_service.pb.h"
#include "common/agent/draft_builder.h"
#include "common/agent/push_profile.h"

namespace accord::agency {

inline constexpr int kTextsMax = 16;               // Of one push.
inline constexpr int kFurtherAssessmentsMax = 8;   // The same.

// The draft of a push, as one of `profiles` allows. FIELD_MISSING, FIELD_INVALID, ENUM_UNKNOWN, TEXT_NOT_UTF8 with the field in metadata
// `field`; FIELD_INVALID of `profile` when there are none. What is wrong with an assessment's answers is a warning.
absl::StatusOr<agent::Draft> MapPerson(const refer::v1::ReferPersonRequest& request, const std::vector<agent::PushProfile>& profiles,
                                       const agent::MappingContext& context);

}  // namespace accord::agency
