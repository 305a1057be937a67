// Goal: a support service is told of those whom it takes alone; that nobody takes a client is on the record, survives a crash, and is
// never mistaken for a referral that went.
#include "common/agent/eligibility.h"

#include <gtest/gtest.h>

#include <functional>

#include "common/agent/testing_service.h"
#include "common/base/ids.h"
#include "common/referral/identifiers.h"

namespace accord::agent::eligibility_test {
namespace {

using namespace type::v1;  // NOLINT: the tests read best in the field's own words.
using Names = std::vector<std::string>;

SupportService Described() {
  SupportService service;
  service.agency = "idva";
  service.age_from = 16;
  service.age_to = 17;
  service.genders = {"female", "non-binary"};
  service.areas = {"E08000001"};
  service.grades = {RISK_GRADE_HIGH};
  service.languages = {"english", "polish"};
  return service;
}
ClientFacts Fitting() { return {AGE_BAND_16_17, RISK_GRADE_HIGH, "Female", "E08000001", "Polish, interpreter needed"}; }

TEST(EligibilityTest, EachFactThatIsKnownCountsAndNoneThatIsNot) {
  const std::vector<SupportService> services = {Described()};
  EXPECT_EQ(WhyNotEligible(&services, "idva", Fitting()).words, "");
  EXPECT_EQ(WhyNotEligible(&services, "idva", {}).words, "") << "nothing is known";
  EXPECT_EQ(WhyNotEligible(&services, "another", {AGE_BAND_ADULT}).words, "") << "what is not described takes anybody";
  EXPECT_EQ(WhyNotEligible(nullptr, "idva", {AGE_BAND_ADULT}).words, "");
  const std::vector<std::pair<std::function<void(ClientFacts&)>, std::string>> table = {
      {[](ClientFacts& c) { c.age = AGE_BAND_ADULT; }, "age"},
      {[](ClientFacts& c) { c.age = AGE_BAND_UNDER_16; }, "age"},
      {[](ClientFacts& c) { c.gender = "male"; }, "gender"},
      {[](ClientFacts& c) { c.area = "E08000002"; }, "area"},
      {[](ClientFacts& c) { c.grade = RISK_GRADE_MEDIUM; }, "grade"},
      {[](ClientFacts& c) { c.language = "Punjabi"; }, "language"},
      {[](ClientFacts& c) { c.age = AGE_BAND_ADULT, c.grade = RISK_GRADE_STANDARD; }, "age, grade"},
      {[](ClientFacts& c) { c.gender = "NON-BINARY"; }, ""},
  };
  for (const auto& [change, why] : table) {
    ClientFacts client = Fitting();
    change(client);
    EXPECT_EQ(WhyNotEligible(&services, "idva", client).words, why);
    EXPECT_FALSE(WhyNotEligible(&services, "idva", client).no_room_only);
  }
}

TEST(EligibilityTest, RoomIsToldApartFromWhomAServiceTakes) {
  std::vector<SupportService> full = {Described()};
  const auto why = [&](const ClientFacts& client, const PublishedOf& published = nullptr) { return WhyNotEligible(&full, "idva", client, published); };
  EXPECT_FALSE(why(Fitting()).no_room_only) << "it takes her";
  full[0].has_room = false;
  EXPECT_EQ(why(Fitting()).words, "no room");
  EXPECT_TRUE(why(Fitting()).no_room_only);
  full[0].takes_new = false;
  EXPECT_EQ(why(Fitting()).words, "takes nobody new");
  EXPECT_TRUE(why(Fitting()).no_room_only);
  EXPECT_TRUE(why({}).no_room_only) << "nothing is known";
  ClientFacts adult = Fitting();
  adult.age = AGE_BAND_ADULT;
  EXPECT_EQ(why(adult).words, "takes nobody new, age");
  EXPECT_FALSE(why(adult).no_room_only) << "nor would it with room";
  // The row has no room, and what it published does not take her.
  SupportService offered;
  offered.genders = {"male"};
  EXPECT_FALSE(why(Fitting(), [&](std::string_view) { return std::optional(offered); }).no_room_only);
}

TEST(EligibilityTest, AgesAreMetByAnyAgeOfTheBand) {
  const auto takes = [](uint32_t from, uint32_t to, AgeBand age) {
    std::vector<SupportService> services(1);
    services[0].agency = "idva";
    services[0].age_from = from;
    services[0].age_to = to;
    return WhyNotEligible(&services, "idva", {age}).words.empty();
  };
  EXPECT_TRUE(takes(18, 120, AGE_BAND_ADULT));
  EXPECT_FALSE(takes(18, 120, AGE_BAND_16_17));
  EXPECT_TRUE(takes(17, 120, AGE_BAND_16_17));
  EXPECT_FALSE(takes(0, 17, AGE_BAND_ADULT));
  EXPECT_TRUE(takes(0, 18, AGE_BAND_ADULT));
  EXPECT_FALSE(takes(16, 120, AGE_BAND_UNDER_16));
  EXPECT_TRUE(takes(15, 120, AGE_BAND_UNDER_16));
  EXPECT_FALSE(takes(0, 15, AGE_BAND_16_17));
  EXPECT_FALSE(takes(1, 120, AGE_BAND_UNBORN));
}

TEST(EligibilityTest, AnAreaIsAGssCode) {
  EXPECT_TRUE(referral::IsGssCode("E08000001"));
  EXPECT_TRUE(referral::IsGssCode("W06000015"));
  for (const char* wrong : {"", "E0800001", "E080000011", "X08000001", "e08000001", "E0800000a"}) EXPECT_FALSE(referral::IsGssCode(wrong)) << wrong;
}

// A draft for health that no support service takes.
Draft Unserved(const std::string& request_id = "request-1") {
  Draft draft = SomeDraft(request_id);
  draft.recipients = {"health"};
  draft.not_eligible = {"idva"};
  draft.options.set_event_reference("20/CR/118822/26");
  return draft;
}

TEST(EligibilityTest, TheRecordSaysWhyAndWhomAndNothingOfTheContent) {
  Draft draft = Unserved();
  const Draft record = NotEligibleRecord(draft);
  EXPECT_EQ(record.options.request_id(), "request-1/not-eligible");
  EXPECT_EQ(record.core.type(), REFERRAL_TYPE_NOT_SHARED);
  EXPECT_EQ(record.core.not_shared_reason(), NOT_SHARED_REASON_CRITERIA_NOT_MET);
  EXPECT_EQ(record.core.purpose(), PURPOSE_SUPPORT);
  EXPECT_EQ(record.recipients, Names{"idva"});
  EXPECT_TRUE(record.sections.empty());
  EXPECT_EQ(record.options.event_reference(), "") << "no report of the event";
  draft.options.set_request_id(std::string(128 - 13, 'r'));
  EXPECT_EQ(NotEligibleRecord(draft).options.request_id().size(), 128u);
  draft.options.set_request_id(std::string(128 - 12, 'r'));
  EXPECT_TRUE(IsRequestId(NotEligibleRecord(draft).options.request_id()));
  EXPECT_EQ(NotEligibleRecord(draft).options.request_id(), NotEligibleRecord(draft).options.request_id());
}

TEST(EligibilityTest, WhatWouldHaveGoneButForRoomIsRecordedOnceAndWithThoseThatLackIt) {
  Draft draft = Unserved();
  draft.not_eligible = {"idva-men", "idva", "idva-south"};
  EXPECT_EQ(NotEligibleRecord(draft).recipients, draft.not_eligible);
  draft.no_room = {"idva", "idva-south"};
  const Draft record = NotEligibleRecord(draft);
  EXPECT_EQ(record.core.not_shared_reason(), NOT_SHARED_REASON_NO_CAPACITY);
  EXPECT_EQ(record.recipients, (Names{"idva", "idva-south"})) << "the other would not have been told with room";
  EXPECT_EQ(Names(record.options.recipients().begin(), record.options.recipients().end()), record.recipients);
  EXPECT_EQ(record.options.request_id(), "request-1/not-eligible") << "one record of one push, whatever is published as it is repeated";
}

class PushWithRecordTest : public AgentTest {
 protected:
  // How many wait or are settled; 0 when there is none of the id.
  bool Has(const std::string& id) { return police.outbox->Get(id).ok(); }
};

TEST_F(PushWithRecordTest, BothAreDurableAndARepeatMakesNoMore) {
  ASSERT_EQ(PushWithRecord(*police.outbox, Unserved()).status(), absl::OkStatus());
  police.Restart();
  EXPECT_TRUE(Has("request-1") && Has("request-1/not-eligible"));
  ASSERT_EQ(PushWithRecord(*police.outbox, Unserved()).status(), absl::OkStatus());
  EXPECT_EQ(police.outbox->waiting(), 2u);
  Draft later = Unserved();  // The configuration has changed since: what was recorded stands.
  later.not_eligible = {"idva", "idva-south"};
  EXPECT_EQ(PushWithRecord(*police.outbox, later).status(), absl::OkStatus());
  EXPECT_EQ(police.outbox->waiting(), 2u);
}

TEST_F(PushWithRecordTest, BothSettle) {
  Draft draft = Unserved();
  draft.recipients = {"idva"};
  draft.not_eligible = {"idva-south"};
  ASSERT_EQ(PushWithRecord(*police.outbox, draft).status(), absl::OkStatus());
  police.Settle();
  EXPECT_EQ(police.State("request-1"), agency::v1::SUBMISSION_STATE_SETTLED);
  EXPECT_EQ(police.State("request-1/not-eligible"), agency::v1::SUBMISSION_STATE_SETTLED);
}

TEST_F(PushWithRecordTest, NobodyIsLeftSoItIsRecordedAndRefused) {
  Draft draft = Unserved();
  draft.recipients.clear();
  const auto refused = PushWithRecord(*police.outbox, draft);
  EXPECT_TRUE(HasReason(refused.status(), Reason::kFieldMissing));
  EXPECT_EQ(DetailOf(refused.status()).metadata["field"], "options.recipients");
  EXPECT_EQ(DetailOf(refused.status()).metadata["not_eligible"], "idva");
  EXPECT_FALSE(Has("request-1")) << "the id is free for the push that names somebody";
  EXPECT_TRUE(Has("request-1/not-eligible"));
  EXPECT_EQ(police.outbox->Get("request-1/not-eligible")->draft().core().not_shared_reason(), NOT_SHARED_REASON_CRITERIA_NOT_MET);
  draft.options.add_recipients("idva");
  draft.recipients = {"idva"};
  draft.not_eligible.clear();
  EXPECT_EQ(PushWithRecord(*police.outbox, draft).status(), absl::OkStatus());
}

TEST_F(PushWithRecordTest, NobodyHasRoomAndTheRecordAndTheRefusalSaySo) {
  Draft draft = Unserved();
  draft.recipients.clear();
  draft.not_eligible = {"idva-men", "idva"};
  draft.no_room = {"idva"};
  const auto refused = PushWithRecord(*police.outbox, draft);
  EXPECT_TRUE(HasReason(refused.status(), Reason::kFieldMissing));
  EXPECT_NE(refused.status().message().find("takes this client and has room (idva-men, idva)"), std::string::npos) << refused.status();
  police.Settle();
  const auto record = police.outbox->Get("request-1/not-eligible");
  ASSERT_EQ(record.status(), absl::OkStatus());
  EXPECT_EQ(record->state(), agency::v1::SUBMISSION_STATE_SETTLED);
  EXPECT_EQ(record->draft().core().not_shared_reason(), NOT_SHARED_REASON_NO_CAPACITY);
  // Asked again once another lacks room: what was recorded at first stands.
  draft.no_room = {"idva-men", "idva"};
  EXPECT_TRUE(HasReason(PushWithRecord(*police.outbox, draft).status(), Reason::kFieldMissing));
  EXPECT_EQ(police.outbox->Get("request-1/not-eligible")->draft().core().not_shared_reason(), NOT_SHARED_REASON_NO_CAPACITY);
}

TEST_F(PushWithRecordTest, WhatIsNotTakenIsNotRecorded) {
  Draft draft = Unserved("short");  // No request id.
  EXPECT_FALSE(PushWithRecord(*police.outbox, draft).ok());
  EXPECT_EQ(police.outbox->waiting(), 0u);
  draft = SomeDraft();
  EXPECT_EQ(PushWithRecord(*police.outbox, draft).status(), absl::OkStatus());
  EXPECT_EQ(police.outbox->waiting(), 1u);
}

TEST_F(PushWithRecordTest, WhomItToldAtFirstCountsWhateverIsPublishedSince) {
  Draft first = SomeDraft("request-1");
  first.recipients = {"idva"};
  first.request_digest = std::string(32, 'r');
  ASSERT_EQ(PushWithRecord(*police.outbox, first).status(), absl::OkStatus());
  Draft again = first;  // The service has closed: the same request maps to nobody.
  again.recipients.clear();
  again.not_eligible = {"idva"};
  EXPECT_EQ(PushWithRecord(*police.outbox, again).status(), absl::OkStatus());
  EXPECT_FALSE(Has("request-1/not-eligible")) << "it was shared";
  again.request_digest = std::string(32, 's');
  EXPECT_FALSE(PushWithRecord(*police.outbox, again).ok()) << "another request";
}

}  // namespace
}  // namespace accord::agent::eligibility_test
