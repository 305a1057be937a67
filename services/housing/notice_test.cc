#include "services/housing/notice.h"

#include <gtest/gtest.h>

#include "common/agent/testing_mapping.h"
#include "common/referral/referral_name.h"

namespace accord::housing::notice_test {
namespace {

using namespace type::v1;  // NOLINT: as the file tested.

// A notice as it arrived: an entry of the inbox, and its sections once read.
struct Received {
  agent::InboxEntry entry;
  std::vector<agency::v1::OpenedSection> sections;

  HeaderCore& core() { return entry.header.core.part; }
  TagPart& tag() { return entry.header.tags[0].part; }
  SectionContent& Add(Category category) {
    SectionPart part;
    part.set_category(category);
    part.set_tag_id("tag-1");
    entry.header.sections.push_back({});
    entry.header.sections.back().part = part;
    sections.emplace_back().set_category(category);
    return *sections.back().mutable_content();
  }
  // Null when there is none.
  SectionContent* Find(Category category) {
    for (auto& section : sections) {
      if (section.category() == category) return section.mutable_content();
    }
    return nullptr;
  }
  v1::HousingNotice Notice(std::string_view agency = "housing") const { return NoticeOf(entry, sections, agency); }
};

Received Notified(Purpose purpose = PURPOSE_HOUSING_DUTY_TO_REFER, bool agreed = true) {
  Received received;
  received.entry.header_digest = std::string(32, 'h');
  received.entry.stored.set_received_at_ms(1'790'000'000'000);
  received.entry.stored.set_state(REFERRAL_STATE_DELIVERED);
  received.core().set_type(REFERRAL_TYPE_REFERRAL);
  received.core().set_sender("health");
  received.core().set_purpose(purpose);
  received.core().mutable_worker()->set_pseudonym("nurse-51");
  received.core().mutable_worker()->set_role(WORKER_ROLE_PRACTITIONER);
  received.entry.header.tags.push_back({});
  received.tag().set_tag_id("tag-1");
  received.tag().set_consent(CONFIDENTIALITY_CONSENT_GIVEN);
  received.tag().set_consent_at_ms(1'789'000'000'000);
  received.tag().set_consent_how(CONSENT_METHOD_IN_PERSON);
  received.tag().set_victim_awareness(VICTIM_AWARENESS_INFORMED);
  received.tag().set_gateway(GATEWAY_HA1996_S213B);
  auto& person = *received.Add(CATEGORY_IDENTITY).mutable_identity()->mutable_victim();
  person = agent::testing::Somebody();
  auto& housing = *received.Add(CATEGORY_HOUSING).mutable_housing();
  housing.set_chosen_council("Westmarch Borough Council");
  housing.set_contact_details_agreed(agreed);
  if (agreed) {
    person.set_address("14 Tenter Row");
    received.Add(CATEGORY_SAFE_CONTACT).mutable_safe_contact()->set_phone("07700 900177");
  }
  return received;
}
bool Warns(const v1::HousingNotice& notice, std::string_view words) {
  return std::any_of(notice.warnings().begin(), notice.warnings().end(),
                     [&](const std::string& warning) { return warning.find(words) != std::string::npos; });
}

TEST(HousingNoticeTest, SaysWhoNotifiedUnderWhichDutyWithWhatConsent) {
  const Received received = Notified();
  const auto summary = SummaryOf(received.entry);
  EXPECT_EQ(summary.notice(), referral::ReferralName(received.entry.header_digest));
  EXPECT_EQ(summary.notified_by(), "health");
  EXPECT_EQ(summary.kind(), v1::HOUSING_NOTICE_KIND_DUTY_TO_REFER);
  EXPECT_EQ(summary.worker(), "nurse-51");
  EXPECT_EQ(summary.worker_role(), WORKER_ROLE_PRACTITIONER);
  EXPECT_EQ(summary.consent(), CONFIDENTIALITY_CONSENT_GIVEN);
  EXPECT_EQ(summary.consent_at_ms(), 1'789'000'000'000);
  EXPECT_EQ(summary.consent_how(), CONSENT_METHOD_IN_PERSON);
  EXPECT_EQ(summary.gateway(), GATEWAY_HA1996_S213B);
  EXPECT_EQ(summary.received_at_ms(), 1'790'000'000'000);
  EXPECT_FALSE(summary.has_person() || summary.has_housing() || summary.has_safe_contact()) << "a list has no content";

  const auto notice = received.Notice();
  EXPECT_EQ(notice.chosen_council(), "Westmarch Borough Council");
  EXPECT_EQ(notice.person().family_name(), "Ashdown");
  EXPECT_TRUE(notice.warnings().empty());
  EXPECT_EQ(SummaryOf(Notified(PURPOSE_HOUSING_SUPPORT).entry).kind(), v1::HOUSING_NOTICE_KIND_VOLUNTARY);
  EXPECT_EQ(SummaryOf(Notified(PURPOSE_MARAC).entry).kind(), v1::HOUSING_NOTICE_KIND_MARAC);
  EXPECT_EQ(SummaryOf(Notified(PURPOSE_SAFEGUARDING_CHILD).entry).kind(), v1::HOUSING_NOTICE_KIND_SAFEGUARDING);
}

TEST(HousingNoticeTest, ThePersonIsReachedOnlyAsTheyAgreed) {
  const auto agreed = Notified().Notice();
  EXPECT_TRUE(agreed.contact_details_may_be_used());
  EXPECT_EQ(agreed.safe_contact().phone(), "07700 900177");
  EXPECT_EQ(agreed.person().address(), "14 Tenter Row");

  Received refused = Notified(PURPOSE_HOUSING_DUTY_TO_REFER, /*agreed=*/false);
  refused.Find(CATEGORY_IDENTITY)->mutable_identity()->mutable_victim()->set_address("14 Tenter Row");  // By another sender's mistake.
  refused.Add(CATEGORY_CHILDREN).mutable_children()->add_children()->mutable_person()->set_address("14 Tenter Row");
  const auto notice = refused.Notice();
  EXPECT_FALSE(notice.contact_details_may_be_used());
  EXPECT_EQ(notice.person().address(), "");
  EXPECT_EQ(notice.children(0).person().address(), "");
  EXPECT_EQ(notice.person().family_name(), "Ashdown") << "who they are is told";
  EXPECT_TRUE(Warns(notice, "through who notified"));

  Received before = Notified();  // Of a sender who told of the agreement by sending the safe contact alone.
  before.Find(CATEGORY_HOUSING)->mutable_housing()->clear_contact_details_agreed();
  EXPECT_TRUE(before.Notice().contact_details_may_be_used());

  Received voluntary = Notified(PURPOSE_HOUSING_SUPPORT, /*agreed=*/false);
  EXPECT_FALSE(voluntary.Notice().contact_details_may_be_used()) << "there are none";
  voluntary.Add(CATEGORY_SAFE_CONTACT).mutable_safe_contact()->set_phone("07700 900177");
  EXPECT_TRUE(voluntary.Notice().contact_details_may_be_used()) << "who refers voluntarily sends it for that";
}

TEST(HousingNoticeTest, WhatChangedSinceIsNotUsed) {
  const std::vector<void (*)(Received&)> changes = {
      [](Received& r) { r.entry.stored.set_consent_changed(true); }, [](Received& r) { r.entry.stored.set_do_not_use(true); },
      [](Received& r) { r.entry.stored.set_withdrawn(true); }, [](Received& r) { r.entry.corrected_by = std::string(32, 'c'); },
      [](Received& r) { r.entry.stored.set_recalled(true); }};
  for (size_t i = 0; i < changes.size(); ++i) {
    Received received = Notified();
    changes[i](received);
    const auto notice = received.Notice();
    EXPECT_TRUE(notice.changed_since()) << i;
    EXPECT_FALSE(notice.contact_details_may_be_used()) << i;
    EXPECT_FALSE(notice.has_safe_contact()) << i;
    EXPECT_EQ(notice.person().address(), "") << i;
    EXPECT_TRUE(Warns(notice, "changed")) << i;
  }
}

TEST(HousingNoticeTest, WarnsOfWhatWouldPutThePersonAtRisk) {
  Received received = Notified();
  auto& housing = *received.Find(CATEGORY_HOUSING)->mutable_housing();
  housing.add_areas_of_risk("Northfield");
  EXPECT_TRUE(Warns(received.Notice(), "not to be sent back"));
  EXPECT_FALSE(Warns(received.Notice(), "look for a home elsewhere"));
  EXPECT_TRUE(Warns(received.Notice("northfield-housing"), "look for a home elsewhere"));
  housing.add_areas_of_risk("Westmarch");
  EXPECT_TRUE(Warns(received.Notice(), "look for a home elsewhere"));
  housing.set_perpetrator_tenure("joint tenant");
  EXPECT_TRUE(Warns(received.Notice(), "a file that they can ask for"));

  received.tag().set_consent(CONFIDENTIALITY_CONSENT_WITHDRAWN);
  EXPECT_TRUE(Warns(received.Notice(), "needs the person's consent"));
  received.core().set_purpose(PURPOSE_HOUSING_SUPPORT);
  EXPECT_FALSE(Warns(received.Notice(), "needs the person's consent")) << "that is of the duty";
}

TEST(HousingNoticeTest, TheWordsAndChildrenComeWithIt) {
  Received received = Notified(PURPOSE_SAFEGUARDING_ADULT);
  received.Add(CATEGORY_NARRATIVE).mutable_text()->set_text("Door kicked in.");
  received.Add(CATEGORY_VOICE).mutable_text()->set_text("She wants new locks.");
  received.Add(CATEGORY_CHILDREN).mutable_children()->add_children()->mutable_person()->set_given_names("Ruby");
  const auto notice = received.Notice();
  EXPECT_EQ(notice.summary(), "Door kicked in.");
  EXPECT_EQ(notice.wishes(), "She wants new locks.");
  ASSERT_EQ(notice.children_size(), 1);
}

TEST(HousingNoticeTest, AChecksOrAnAnswerIsNone) {
  Received received = Notified();
  EXPECT_EQ(RequireNotice(received.entry), absl::OkStatus());
  received.core().set_checks(true);
  EXPECT_EQ(agent::testing::Told(absl::StatusOr<int>(RequireNotice(received.entry))), "FIELD_INVALID notice");
  received.core().set_checks(false);
  for (const auto type : {REFERRAL_TYPE_NOTIFICATION, REFERRAL_TYPE_CORRECTION}) {
    received.core().set_type(type);
    EXPECT_TRUE(IsNotice(received.entry)) << type;
  }
  for (const auto type : {REFERRAL_TYPE_RESPONSE, REFERRAL_TYPE_REQUEST_FOR_INFORMATION, REFERRAL_TYPE_EVENT_NOTICE}) {
    received.core().set_type(type);
    EXPECT_FALSE(IsNotice(received.entry)) << type;
  }
}

}  // namespace
}  // namespace accord::housing::notice_test
