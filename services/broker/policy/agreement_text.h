// Agreements as people write them (docs/agreements.md), and as decisions use them.
//
// All functions are pure and thread-safe.
#pragma once

#include <absl/status/statusor.h>

#include <optional>
#include <string_view>

#include "accord/type/v1/vocabulary.pb.h"
#include "common/referral/agreement.h"

namespace accord::broker {

// The coded words of the text are the names of the published lists without their prefix, in lower
// case: AGENCY_KIND_CHILDRENS_SERVICES is `childrens_services`. Nothing for any other word, and for
// `unspecified`.
std::optional<type::v1::AgencyKind> ParseAgencyKind(std::string_view word);

// AGREEMENT_MALFORMED, saying all that is wrong, each with line and key.
absl::StatusOr<referral::Agreement> ParseAgreement(std::string_view text);

}  // namespace accord::broker
