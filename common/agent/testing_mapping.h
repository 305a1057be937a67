// What the tests of the services' mappings share: a routing, what every push says, and the samples of deploy/samples. Records of any
// content: testing_records.h.
#pragma once

#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/agent/draft.h"
#include "common/agent/draft_builder.h"
#include "common/base/status.h"

namespace accord::agent::testing {

// Every kind is routed to: police, childrens, housing, health, idva, of which `agency` is the sender.
inline MappingContext Context(std::string_view agency = "") {
  return {[](type::v1::AgencyKind kind) -> std::vector<std::string> {
            switch (kind) {
              case type::v1::AGENCY_KIND_POLICE: return {"police"};
              case type::v1::AGENCY_KIND_CHILDRENS_SERVICES: return {"childrens"};
              case type::v1::AGENCY_KIND_HOUSING: return {"housing"};
              case type::v1::AGENCY_KIND_HEALTH: return {"health"};
              case type::v1::AGENCY_KIND_IDVA: return {"idva"};
              default: return {};
            }
          },
          absl::FromCivil(absl::CivilDay(2026, 4, 1), absl::UTCTimeZone()), std::string(agency)};
}
// Nobody is configured.
inline MappingContext NoRouting() {
  return {[](type::v1::AgencyKind) { return std::vector<std::string>(); }, Context().now, ""};
}

inline agency::v1::PushOptions Options(std::vector<std::string> recipients = {}) {
  agency::v1::PushOptions options;
  options.set_request_id("push-0001");
  options.mutable_worker()->set_pseudonym("w-1");
  options.mutable_worker()->set_role(type::v1::WORKER_ROLE_PRACTITIONER);
  options.mutable_worker()->set_authentication(type::v1::AUTHENTICATION_MULTI_FACTOR);
  options.mutable_basis()->set_victim_awareness(type::v1::VICTIM_AWARENESS_INFORMED);
  options.mutable_basis()->set_consent(type::v1::CONFIDENTIALITY_CONSENT_GIVEN);
  for (std::string& recipient : recipients) options.add_recipients(std::move(recipient));
  return options;
}

inline type::v1::Person Somebody(std::string_view born = "1990-05-17") {
  type::v1::Person person;
  person.set_family_name("Ashdown");
  person.set_given_names("Miriam");
  if (!born.empty()) person.add_dates_of_birth(std::string(born));
  return person;
}

// Null when the draft has no such section.
inline const type::v1::SectionContent* Find(const Draft& draft, type::v1::Category category) {
  for (const DraftSection& section : draft.sections) {
    if (section.category == category) return &section.content;
  }
  return nullptr;
}
inline std::vector<type::v1::Category> Categories(const Draft& draft) {
  std::vector<type::v1::Category> categories;
  for (const DraftSection& section : draft.sections) categories.push_back(section.category);
  std::sort(categories.begin(), categories.end());
  return categories;
}
inline bool Warns(const Draft& draft, std::string_view words) {
  return std::any_of(draft.warnings.begin(), draft.warnings.end(),
                     [&](const std::string& warning) { return warning.find(words) != std::string::npos; });
}

// `REASON field`, or OK.
template <typename T>
std::string Told(const absl::StatusOr<T>& result) {
  if (result.ok()) return "OK";
  const ErrorDetail detail = DetailOf(result.status());
  const auto field = detail.metadata.find("field");
  return std::string(RowOf(detail.reason).name) + " " + (field == detail.metadata.end() ? "-" : field->second);
}

// That a push which names nobody goes to an Idva service by where its `area` says that the victim lives, and takes the code nowhere.
template <typename Request, typename Map>
void ExpectRoutedByArea(Request request, std::string_view sender, Map map) {
  request.mutable_options()->clear_recipients();
  MappingContext context = Context(sender);
  context.published = [](std::string_view agency) {
    SupportService service;
    service.agency = std::string(agency);
    service.areas = {"E08000001"};
    return std::optional(service);
  };
  const auto told = [&](const std::string& area) {
    request.set_area(area);
    const absl::StatusOr<Draft> draft = map(request, context);
    EXPECT_EQ(Told(draft), "OK") << area;
    if (!draft.ok()) return false;
    for (const DraftSection& section : draft->sections) EXPECT_EQ(section.content.ShortDebugString().find("E0800000"), std::string::npos);
    const bool idva = std::count(draft->recipients.begin(), draft->recipients.end(), "idva") > 0;
    EXPECT_NE(idva, std::count(draft->not_eligible.begin(), draft->not_eligible.end(), "idva") > 0) << area;
    EXPECT_NE(idva, Warns(*draft, "No support service takes this client: idva (area)")) << area;
    return idva;
  };
  EXPECT_TRUE(told("E08000001"));
  EXPECT_FALSE(told("E08000002"));
  EXPECT_TRUE(told("")) << "what is not known excludes nobody";
  request.set_area("Northshire");
  EXPECT_EQ(Told(map(request, context)), "FIELD_INVALID area");
}

// One thing wrong with a request, and what is told of it.
template <typename Request>
struct Wrong {
  void (*spoil)(Request&);
  std::string_view told;
};
template <typename Request, typename Map>
void ExpectRefusals(const Request& good, Map map, const std::vector<Wrong<Request>>& table) {
  ASSERT_EQ(Told(map(good, Context())), "OK");
  for (const Wrong<Request>& row : table) {
    Request request = good;
    row.spoil(request);
    EXPECT_EQ(Told(map(request, Context())), row.told);
  }
}

// Maps every sample of `agency` and `call`, and returns the drafts by file name. Tests run in the project's root.
template <typename Request, typename Map>
std::map<std::string, Draft> MapSamples(std::string_view agency, std::string_view call, Map map) {
  std::map<std::string, Draft> drafts;
  for (const auto& entry : std::filesystem::directory_iterator("deploy/samples")) {
    if (entry.path().extension() != ".json") continue;
    std::ifstream file(entry.path());
    const auto sample = nlohmann::json::parse(file);
    if (sample.at("agency") != agency || sample.at("call") != call) continue;
    EXPECT_FALSE(sample.at("title").get<std::string>().empty()) << entry.path();
    Request request;
    const auto parsed = google::protobuf::util::JsonStringToMessage(sample.at("request").dump(), &request);
    EXPECT_TRUE(parsed.ok()) << entry.path() << ": " << parsed.ToString();
    auto draft = map(request, Context(agency));
    EXPECT_EQ(draft.status(), absl::OkStatus()) << entry.path();
    if (draft.ok()) drafts.emplace(entry.path().filename().string(), *std::move(draft));
  }
  return drafts;
}

// The victim as pushed, and the reference beside them, of a draft whose push had one.
inline std::pair<type::v1::Person, std::string> VictimAndReferenceIn(const Draft& draft) {
  type::v1::Person person = Find(draft, type::v1::CATEGORY_IDENTITY)->identity().victim();
  auto& identifiers = *person.mutable_identifiers();
  std::string reference;
  if (!identifiers.empty() && identifiers[identifiers.size() - 1].scheme() == kCaseReferenceScheme) {
    reference = identifiers[identifiers.size() - 1].value();
    identifiers.RemoveLast();
  } else {
    reference = person.record_number();
    person.clear_record_number();
  }
  return {person, reference};
}
// What `draft` says of the field relationship, and of the field works_at_agency.
inline type::v1::RelationshipClass RelationshipIn(const Draft& draft) {
  for (const DraftSubject& subject : draft.subjects) {
    if (subject.part.role() == type::v1::SUBJECT_ROLE_ALLEGED_PERPETRATOR) return subject.part.relationship();
  }
  return type::v1::RELATIONSHIP_CLASS_UNSPECIFIED;
}
inline std::string WorksAtIn(const Draft& draft) {
  for (const DraftSubject& subject : draft.subjects) {
    if (subject.part.works_at().empty()) continue;
    return (subject.part.role() == type::v1::SUBJECT_ROLE_VICTIM ? "victim:" : "perpetrator:") + subject.part.works_at();
  }
  return "";
}
// Of the field do_not_disclose_to, into `agencies`.
inline void NotToIn(const Draft& draft, google::protobuf::RepeatedPtrField<std::string>& agencies) {
  for (const DraftSubject& subject : draft.subjects) {
    for (const auto& exclusion : subject.part.exclusions()) agencies.Add(std::string(exclusion.agency()));
  }
}
// The text of the section of `category` that comes `nth` of its kind; empty when there is none.
inline std::string TextIn(const Draft& draft, type::v1::Category category, size_t nth = 0) {
  for (const DraftSection& section : draft.sections) {
    if (section.category == category && nth-- == 0) return section.content.text().text();
  }
  return "";
}
// The text behind `label` of the section of `category` that begins with it, from the second of its kind on; empty when there is none.
inline std::string LabelledIn(const Draft& draft, type::v1::Category category, std::string_view label) {
  for (size_t nth = 1;; ++nth) {
    const std::string text = TextIn(draft, category, nth);
    if (text.empty() || text.starts_with(label)) return text.substr(std::min(text.size(), label.size()));
  }
}

}  // namespace accord::agent::testing
