#include "services/accordctl/support_text.h"

#include <absl/strings/str_join.h>
#include <fmt/format.h>

#include "common/console/table.h"
#include "common/console/words.h"

namespace accord::accordctl {
namespace {

std::string AgeText(const admin::v1::SupportOffer& offer) {
  if (offer.age_to() != 0) return fmt::format("age {} to {}", offer.age_from(), offer.age_to());
  return offer.age_from() == 0 ? "" : fmt::format("from age {}", offer.age_from());
}

std::string OrDash(std::string text) { return text.empty() ? "-" : text; }

}  // namespace

std::string RoomText(const admin::v1::SupportOffer& offer) {
  if (offer.closed()) return "closed";
  if (offer.places_not_counted()) return "takes new clients";
  if (offer.places() == 0) return "no room";
  return fmt::format("{} place{}", offer.places(), offer.places() == 1 ? "" : "s");
}

std::string WhomText(const admin::v1::SupportOffer& offer) {
  std::vector<std::string> grades, parts;
  for (const int grade : offer.grades()) grades.push_back(console::Words(static_cast<type::v1::RiskGrade>(grade)));
  for (std::string part : {AgeText(offer), absl::StrJoin(offer.genders(), " or "), absl::StrJoin(grades, " or "), absl::StrJoin(offer.languages(), " or ")}) {
    if (!part.empty()) parts.push_back(std::move(part));
  }
  return parts.empty() ? "anybody" : absl::StrJoin(parts, "; ");
}

std::string SupportTable(const std::vector<admin::v1::Agency>& agencies, size_t width) {
  console::Table table({"agency", "areas", "takes", "room", "published", "until"});
  for (const admin::v1::Agency& agency : agencies) {
    if (!agency.has_support()) continue;
    const admin::v1::SupportOffer& offer = agency.support();
    table.Add({agency.id(), offer.areas().empty() ? "any" : absl::StrJoin(offer.areas(), ", "), WhomText(offer), RoomText(offer),
               OrDash(console::TimeText(offer.published_at_ms())), offer.valid_until_ms() == 0 ? "-" : console::TimeText(offer.valid_until_ms())});
  }
  return table.empty() ? "No agency has published whom it takes.\n" : table.ToString(width);
}

}  // namespace accord::accordctl
