// What waits in an agency's service, as operators read it. Pure. Thread-safe.
#pragma once

#include <absl/time/time.h>

#include <string>
#include <vector>

#include "accord/agency/v1/agency_service.pb.h"

namespace accord::accordctl {

inline constexpr absl::Duration kCertificateSoon = absl::Hours(24 * 14);  // Told of from then on.

// How the service stands, then a table, the oldest first, whose last column says what to do; "Nothing waits." when nothing does.
std::string WaitingText(const agency::v1::GetServiceStatusResponse& status, const std::vector<agency::v1::WaitingItem>& items, absl::Time now,
                        size_t width);

}  // namespace accord::accordctl
