// Whom agencies take and whether they have room, as people read it.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "accord/admin/v1/admin_service.pb.h"

namespace accord::accordctl {

// "closed", "no room", "3 places", or "takes new clients" when places are not counted. Pure. Thread-safe.
std::string RoomText(const admin::v1::SupportOffer& offer);

// Whom it takes, such as "age 16 to 17; female; high or medium; polish"; "anybody" without criteria. Areas are apart. Pure. Thread-safe.
std::string WhomText(const admin::v1::SupportOffer& offer);

// A row for each agency that has published something; words for none. Pure. Thread-safe.
std::string SupportTable(const std::vector<admin::v1::Agency>& agencies, size_t width);

}  // namespace accord::accordctl
