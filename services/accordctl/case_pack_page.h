// A case pack as files for whoever redacts it (docs/case-pack.md). Pure. Thread-safe.
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "accord/agency/v1/records_service.pb.h"

namespace accord::accordctl {

// What stands on the first page.
struct PackHeading {
  std::string agency, person, ground, authority, made_by;
  int64_t made_at_ms = 0;
};

// "Family, Given, YYYY-MM-DD"; the date, or names, may be left out between the commas. A usage error otherwise.
absl::StatusOr<type::v1::Person> PersonOf(const std::string& text);
// "nhs_number=943 476 5919": scheme and value, which the person who types it has checked. A usage error otherwise.
absl::StatusOr<type::v1::Identifier> IdentifierOf(const std::string& text);

// The answers as they came, those of one long record as one.
std::vector<agency::v1::BuildCasePackResponse> WholeRecords(std::vector<agency::v1::BuildCasePackResponse> answers);

// pack.json: heading and records, every field with its marks and reasons.
nlohmann::json PackJson(const PackHeading& heading, const std::vector<agency::v1::BuildCasePackResponse>& records);
// pack.html: the same to read and print, in one page that loads nothing and runs nothing. All text in it is escaped.
std::string PackPage(const PackHeading& heading, const std::vector<agency::v1::BuildCasePackResponse>& records);
// index.txt: a line for each record, and how many fields of it are marked as what.
std::string PackIndex(const PackHeading& heading, const std::vector<agency::v1::BuildCasePackResponse>& records);

// `text` for a page: markup and control characters do nothing in it.
std::string Escaped(std::string_view text);

}  // namespace accord::accordctl
