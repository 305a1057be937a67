// That a mapping loses nothing: what children's services recorded is in the draft's sections and header, and makes the same record again.
#include <gtest/gtest.h>

#include "common/agent/testing_mapping.h"
#include "common/agent/testing_records.h"
#include "services/childrens/mapping.h"

namespace accord::childrens::records_test {
namespace {

using namespace type::v1;  // NOLINT: as the mapping.
using agent::testing::ExpectNothingIsLost;
using agent::testing::Find;
using agent::testing::LabelledIn;
using agent::testing::NotToIn;
using agent::testing::RecordMaker;
using agent::testing::RelationshipIn;
using agent::testing::TextIn;
using agent::testing::VictimAndReferenceIn;
using agent::testing::WorksAtIn;

v1::FamilyStatus StatusIn(const agent::Draft& draft) {
  const std::string words = LabelledIn(draft, CATEGORY_NARRATIVE, "Open as: ");
  if (words.empty()) return v1::FAMILY_STATUS_UNSPECIFIED;
  if (words == "a contact that is not decided yet") return v1::FAMILY_STATUS_CONTACT;
  if (words == "early help") return v1::FAMILY_STATUS_EARLY_HELP;
  if (words == "section 17 assessment") return v1::FAMILY_STATUS_SECTION_17;
  if (words == "section 47 enquiry") return v1::FAMILY_STATUS_SECTION_47;
  return words == "child protection plan" ? v1::FAMILY_STATUS_CHILD_PROTECTION_PLAN : v1::FAMILY_STATUS_LOOKED_AFTER;
}

// What all three calls say in the same fields.
template <typename Request>
void FamilyBack(const agent::Draft& draft, Request& request) {
  const auto [victim, reference] = VictimAndReferenceIn(draft);
  *request.mutable_victim() = victim;
  request.set_case_reference(reference);
  *request.mutable_children() = Find(draft, CATEGORY_CHILDREN)->children().children();
  if (const auto* section = Find(draft, CATEGORY_ALLEGED_PERPETRATOR)) {
    *request.mutable_alleged_perpetrators() = section->alleged_perpetrators().alleged_perpetrators();
  }
  request.set_relationship(RelationshipIn(draft));
  if (const auto* risk = Find(draft, CATEGORY_RISK)) request.set_risk_grade(risk->risk().risk().grade());
  request.set_works_at_agency(WorksAtIn(draft));
  NotToIn(draft, *request.mutable_do_not_disclose_to());
  if constexpr (requires { request.status(); }) request.set_status(StatusIn(draft));
  if constexpr (requires { request.consent_given_by(); }) request.set_consent_given_by(LabelledIn(draft, CATEGORY_NARRATIVE, "Consent given by: "));
}

// What the mappings ask of these records, and every status in turn.
template <typename Request>
void Tidy(Request& request) {
  if constexpr (requires { request.status(); }) {
    static int turn = 0;
    request.set_status(static_cast<v1::FamilyStatus>(1 + turn++ % (v1::FamilyStatus_ARRAYSIZE - 1)));
  }
  if (request.alleged_perpetrators().empty()) request.clear_relationship();
  if (!request.works_at_agency().empty()) request.set_works_at_agency(request.alleged_perpetrators().empty() ? "victim:health" : "perpetrator:housing");
  request.mutable_options()->mutable_basis()->set_consent_by(SUBJECT_ROLE_VICTIM);
}

TEST(ChildrensRecordsTest, NothingOfAFamilyIsLost) {
  RecordMaker maker(1);
  ExpectNothingIsLost<v1::ReferFamilyRequest>(maker, 300, MapFamily, Tidy<v1::ReferFamilyRequest>,
                                              [](const agent::Draft& draft, v1::ReferFamilyRequest& request) {
    FamilyBack(draft, request);
    request.set_concerns(TextIn(draft, CATEGORY_NARRATIVE));
    request.set_request(LabelledIn(draft, CATEGORY_NARRATIVE, "Asked: "));
    request.set_child_voice(TextIn(draft, CATEGORY_VOICE));
    request.set_safety_plan(TextIn(draft, CATEGORY_SAFETY_PLAN));
    if (const auto* section = Find(draft, CATEGORY_SAFE_CONTACT)) *request.mutable_safe_contact() = section->safe_contact();
    if (const auto* section = Find(draft, CATEGORY_ORDERS_AND_BAIL)) *request.mutable_orders() = section->orders_and_bail().orders();
  });
}

TEST(ChildrensRecordsTest, NothingOfAChecksRequestIsLost) {
  RecordMaker maker(2);
  ExpectNothingIsLost<v1::RequestPartnerChecksRequest>(maker, 300, MapPartnerChecks, Tidy<v1::RequestPartnerChecksRequest>,
                                                       [](const agent::Draft& draft, v1::RequestPartnerChecksRequest& request) {
    FamilyBack(draft, request);
    request.set_question(TextIn(draft, CATEGORY_NARRATIVE));
  });
}

TEST(ChildrensRecordsTest, NothingOfAStrategyDiscussionIsLost) {
  RecordMaker maker(3);
  maker.Text("meets_at", [](RecordMaker& m) { return m.Day(2026, 2030) + "T09:30:00Z"; });
  ExpectNothingIsLost<v1::CallStrategyDiscussionRequest>(maker, 300, MapStrategyDiscussion, Tidy<v1::CallStrategyDiscussionRequest>,
                                                         [](const agent::Draft& draft, v1::CallStrategyDiscussionRequest& request) {
    FamilyBack(draft, request);
    request.set_meets_at(TextIn(draft, CATEGORY_NARRATIVE).substr(std::string_view("Strategy discussion: ").size()));
    request.set_place(LabelledIn(draft, CATEGORY_NARRATIVE, "Place: "));
    request.set_grounds(LabelledIn(draft, CATEGORY_NARRATIVE, "Grounds: "));
    request.set_request(LabelledIn(draft, CATEGORY_NARRATIVE, "Asked: "));
    request.set_child_voice(TextIn(draft, CATEGORY_VOICE));
  });
}

}  // namespace
}  // namespace accord::childrens::records_test
