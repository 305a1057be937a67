// Goal: an inspector asks for what the warrant covers and the agency has, and for nothing else; what is asked is on the record with its clock, and
// stands once however often it is asked.
#include "services/broker/disclosures/request.h"

#include <gmock/gmock.h>

#include <functional>

#include "services/broker/disclosures/testing_disclosure.h"
#include "services/broker/trails/looks.h"

namespace accord::broker {
namespace {

using inspection::v1::RequestResolutionRequest;
using storage::v1::StoredReferral;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class DisclosureRequestTest : public DisclosureFixture {
 protected:
  // The desks that may see the entry at `index` once the embargo is over.
  std::vector<std::string> Looks(uint64_t index) {
    std::vector<std::string> desks;
    for (const char* agency : {"police", "idva", "childrens", "housing", "health"}) {
      for (const auto desk : {type::v1::DESK_MAIN, type::v1::DESK_CONFIDENTIAL}) {
        const auto view = log_.View();
        const auto page = ListLooks(view, Desk(agency, desk), "", 10, absl::FromUnixMillis((*warrant).embargo_until_ms()));
        EXPECT_EQ(page.status(), absl::OkStatus());
        for (const auto& look : page->looks) {
          if (look.index() == index) desks.push_back(agency + std::string(desk == type::v1::DESK_CONFIDENTIAL ? "*" : ""));
        }
      }
    }
    return desks;
  }
};

TEST_F(DisclosureRequestTest, SectionsAreAskedForWithAnEntryAndAClock) {
  auto request = ForSections("idva");
  request.add_categories(type::v1::CATEGORY_RISK);
  request.set_within_hours(720);
  const auto asked = Ask(request);
  ASSERT_EQ(asked.status(), absl::OkStatus());
  const auto& disclosure = asked->disclosure;
  EXPECT_EQ(disclosure.number(), asked->index);
  EXPECT_EQ(disclosure.agency(), "idva");
  EXPECT_EQ(disclosure.desk(), type::v1::DESK_MAIN);
  EXPECT_EQ(disclosure.inspectorate(), "ofsted");
  EXPECT_EQ(disclosure.legal_power(), "CA2004_S20");
  EXPECT_EQ(disclosure.inspector(), "ines");
  EXPECT_EQ(disclosure.referral(), digest);
  EXPECT_EQ(disclosure.sealing_certificate(), sealing.at("ines").certificate.der());
  EXPECT_EQ(disclosure.due_at_ms() - disclosure.asked_at_ms(), 720 * 3'600'000LL);

  const EntryParts entry = Entry(asked->index);
  EXPECT_EQ(entry.event->type(), type::v1::EVENT_TYPE_DISCLOSURE_REQUESTED);
  EXPECT_EQ(entry.event->warrant(), "jtai-1");
  EXPECT_EQ(entry.event->concerns(), "agency/idva");
  EXPECT_EQ(entry.event->disclosure_kind(), type::v1::DISCLOSURE_KIND_SECTIONS);
  EXPECT_EQ(entry.event->due_at_ms(), disclosure.due_at_ms());
  EXPECT_EQ(entry.event->purpose(), "JTAI/2026/7");
  EXPECT_EQ(entry.event->query_digest(), crypto::Sha256(request.SerializeAsString()));
  EXPECT_EQ(entry.actor->principal(), "inspector/ines");
  EXPECT_EQ(entry.referral->header_digest(), digest);
  EXPECT_THAT(ChainsAt(asked->index), ::testing::UnorderedElementsAre(Stored().chain(), case_id, warrant.stored.chain()));
  EXPECT_THAT(Looks(asked->index), ElementsAre("police", "childrens*")) << "who is asked knows at once";
  EXPECT_TRUE((*log_.store().Get(kFamilyDue, DueKey(static_cast<uint64_t>(disclosure.due_at_ms()), DueKind::kDisclosure, ChangeMark(asked->index), "idva", type::v1::DESK_MAIN))).has_value());
}

TEST_F(DisclosureRequestTest, WhoIsAskedHasItOrIsNotAsked) {
  EXPECT_EQ(TellAsk(ForSections("police")), "OK");
  const auto confidential = [&] {
    auto request = ForSections("childrens");
    request.set_request_id("asks-sections-2");
    return Ask(request);
  }();
  ASSERT_EQ(confidential.status(), absl::OkStatus());
  EXPECT_EQ(confidential->disclosure.desk(), type::v1::DESK_CONFIDENTIAL) << "the desk that it was released to";
  EXPECT_THAT(Listed(Desk("childrens", type::v1::DESK_CONFIDENTIAL)), ElementsAre(confidential->index));
  EXPECT_THAT(Listed(Desk("childrens")), IsEmpty());
  for (const char* agency : {"housing", "health"}) {
    auto request = ForSections(agency);
    request.set_request_id("asks-sections-3");
    EXPECT_EQ(TellAsk(request), "NOT_A_HOLDER") << agency;
  }
  auto category = ForSections("idva");
  category.set_request_id("asks-sections-4");
  category.add_categories(type::v1::CATEGORY_HOUSING);
  EXPECT_EQ(TellAsk(category), "NOT_A_HOLDER") << "of that category nothing was released to it";
  auto unknown = ForSections("idva");
  unknown.set_request_id("asks-sections-5");
  unknown.set_referral(std::string(32, 'x'));
  EXPECT_EQ(TellAsk(unknown), "REFERRAL_NOT_FOUND");
  auto nobody = ForSections("coastguard");
  nobody.set_request_id("asks-sections-6");
  EXPECT_EQ(TellAsk(nobody), "PRINCIPAL_NOT_FOUND");
}

TEST_F(DisclosureRequestTest, OneStepOutsideOfEachDimensionIsOutside) {
  const std::vector<std::pair<std::string, std::function<void(inspection::v1::Warrant&)>>> steps = {
      {"WARRANT_SCOPE kind", [](auto& one) { one.set_kind(inspection::v1::WARRANT_KIND_SCRUTINY_PANEL); }},
      {"WARRANT_SCOPE kind", [](auto& one) { one.set_kind(inspection::v1::WARRANT_KIND_COMMISSIONER); }},
      {"WARRANT_SCOPE agency", [](auto& one) { one.mutable_scope()->add_agencies("police"); }},
      {"WARRANT_SCOPE area", [](auto& one) { one.mutable_scope()->add_areas("E08000013"); }},
      {"WARRANT_SCOPE period", [&](auto& one) { one.mutable_scope()->set_until_ms(absl::ToUnixMillis(now)); }},
      {"WARRANT_SCOPE period", [&](auto& one) { one.mutable_scope()->set_from_ms(absl::ToUnixMillis(now) + 1); }},
      {"WARRANT_SCOPE event", [](auto& one) { one.mutable_scope()->add_events(type::v1::EVENT_TYPE_RELEASED); }},
      {"WARRANT_SCOPE case", [](auto& one) { one.mutable_scope()->add_cases(std::string(16, 'z')); }},
      {"WARRANT_SCOPE case", [](auto& one) { one.mutable_scope()->set_sample_cases_max(10); }},
      {"WARRANT_NOT_ACTIVE WARRANT_STATE_SUSPENDED", [](auto& one) { one.set_state(inspection::v1::WARRANT_STATE_SUSPENDED); }},
      {"WARRANT_NOT_ACTIVE WARRANT_STATE_EXPIRED", [&](auto& one) { one.set_ends_ms(absl::ToUnixMillis(now)); }},
      {"WARRANT_NOT_FOUND", [](auto& one) { one.add_officers("olga"); }},
      {"OK", [](auto& one) { one.set_kind(inspection::v1::WARRANT_KIND_DEATH_REVIEW); }},
      {"OK", [&](auto& one) {
         auto& scope = *one.mutable_scope();
         scope.add_agencies("idva");
         scope.add_areas("E08000012");
         scope.set_from_ms(absl::ToUnixMillis(now));
         scope.set_until_ms(absl::ToUnixMillis(now) + 1);
         scope.add_events(type::v1::EVENT_TYPE_REFERRAL_STORED);
         scope.add_cases(case_id);
       }},
  };
  const storage::v1::StoredWarrant whole = warrant.stored;
  int number = 0;
  for (const auto& [told, step] : steps) {
    warrant.stored = whole;
    step(*warrant);
    PutWarrant();
    auto request = ForSections("idva");
    request.set_request_id(fmt::format("asks-step-{}", number++));
    EXPECT_EQ(TellAsk(request), told) << number;
  }
  // One of a sample covers those that were drawn.
  warrant.stored = whole;
  (*warrant).mutable_scope()->set_sample_cases_max(10);
  warrant.stored.add_sampled(case_id);
  PutWarrant();
  auto sampled = ForSections("idva");
  sampled.set_request_id("asks-sampled");
  EXPECT_EQ(TellAsk(sampled), "OK");
  EXPECT_EQ(TellAsk(ForSections("idva"), "carl"), "WARRANT_NOT_FOUND") << "of another body";
}

TEST_F(DisclosureRequestTest, NothingIsAskedForThatCouldNotBeSealed) {
  EXPECT_EQ(TellAsk(ForSections("idva"), "olga"), "NO_SEALING_CERTIFICATE");
  const auto over = authority.Issue({.key_usage = crypto::kKeyAgreement, .not_after = now});
  PutOfficer("ines", "ofsted", over.certificate.der());
  EXPECT_EQ(TellAsk(ForSections("idva")), "NO_SEALING_CERTIFICATE") << "over";
  PutOfficer("ines", "ofsted", sealing.at("ines").certificate.der());
  log_.store().Put(kFamilyDeny, sealing.at("ines").certificate.fingerprint(), KeyU64(1));
  Reload();
  EXPECT_EQ(TellAsk(ForSections("idva")), "NO_SEALING_CERTIFICATE") << "denied";
}

TEST_F(DisclosureRequestTest, AQuestionAboutPeopleIsSealedForTheDeskAlone) {
  const auto asked = Ask(ForPersons("idva"));
  ASSERT_EQ(asked.status(), absl::OkStatus());
  const EntryParts entry = Entry(asked->index);
  EXPECT_EQ(entry.event->disclosure_kind(), type::v1::DISCLOSURE_KIND_PERSONS);
  EXPECT_TRUE(entry.referral->header_digest().empty());
  const auto view = log_.View();
  EXPECT_THAT(ChainsAt(asked->index), ElementsAre(warrant.stored.chain()));
  const auto given = GetDisclosure(view, Desk("idva"), asked->index);
  ASSERT_EQ(given.status(), absl::OkStatus());
  EXPECT_EQ(given->asked_request_id(), "asks-persons-1");
  EXPECT_EQ(*crypto::cms::Open(given->persons(), sealing.at("idva").sealing_key(), sealing.at("idva").certificate), "who");
  EXPECT_EQ(ToldOf(GetDisclosure(view, Desk("idva", type::v1::DESK_CONFIDENTIAL), asked->index).status()), "DISCLOSURE_NOT_FOUND");
  EXPECT_EQ(ToldOf(GetDisclosure(view, Desk("police"), asked->index).status()), "DISCLOSURE_NOT_FOUND");

  auto request = ForPersons("idva");
  request.set_request_id("asks-persons-2");
  request.set_desk(type::v1::DESK_CONFIDENTIAL);
  EXPECT_EQ(TellAsk(request), "FIELD_INVALID desk") << "it has none";
  request.set_desk(type::v1::DESK_MAIN);
  request.set_persons(ForPersons("police").persons());
  EXPECT_EQ(TellAsk(request), "SEALING_KEY_UNKNOWN");
  request.set_persons(*crypto::cms::Seal("who", std::vector{sealing.at("idva").certificate, sealing.at("police").certificate}));
  EXPECT_EQ(TellAsk(request), "SEALED_TOO_WIDELY");
  sealing.insert_or_assign("idva", authority.IssueSealing("idva"));
  PutAgency("idva", "E08000012");
  request.set_persons(given->persons());
  EXPECT_EQ(TellAsk(request), "SEALING_KEY_UNKNOWN") << "no more the present one";
  (*warrant).mutable_scope()->add_agencies("police");
  PutWarrant();
  EXPECT_EQ(TellAsk(request), "WARRANT_SCOPE agency");
}

TEST_F(DisclosureRequestTest, CasesBecomeTheReferralsThatTheDeskHas) {
  // A second case has the same referral, and one that the police did not send to idva.
  const std::string other_case(16, 'm'), other(32, '\x01');
  StoredReferral second = Stored();
  second.mutable_recipients()->DeleteSubrange(0, 1);
  SaveStored(other, second);
  log_.store().Put(kFamilyCaseReferral, CaseReferralKey(other_case, 0), digest);
  log_.store().Put(kFamilyCaseReferral, CaseReferralKey(other_case, 7), other);
  log_.store().Put(kFamilyCaseReferral, CaseReferralKey(other_case, 8), std::string(32, 'e'));  // Erased.
  auto request = ForRecords("police");
  request.add_case_pseudonyms(other_case);
  const auto of_sender = Ask(request);
  ASSERT_EQ(of_sender.status(), absl::OkStatus());
  const std::string first = std::min(digest, other), last = std::max(digest, other);
  EXPECT_THAT(of_sender->disclosure.referrals(), ElementsAre(first, last)) << "each once, and in order";
  ASSERT_THAT(of_sender->disclosure.cases(), SizeIs(2));
  EXPECT_EQ(of_sender->disclosure.cases(0).case_pseudonym(), case_id);
  EXPECT_THAT(of_sender->disclosure.cases(0).referrals(), ElementsAre(digest));
  EXPECT_THAT(of_sender->disclosure.cases(1).referrals(), ElementsAre(first, last));
  EXPECT_EQ(Entry(of_sender->index).event->count(), 2u);
  const auto view = log_.View();
  EXPECT_THAT(GetDisclosure(view, Desk("police"), of_sender->index)->disclosure().cases(), IsEmpty()) << "the agency is not told which are of one case";

  request.set_agency("idva");
  request.set_request_id("asks-records-2");
  EXPECT_THAT(Ask(request)->disclosure.referrals(), ElementsAre(digest));
  request.set_agency("housing");
  request.set_request_id("asks-records-3");
  EXPECT_EQ(TellAsk(request), "NOT_A_HOLDER");
  request.set_agency("childrens");
  EXPECT_EQ(TellAsk(request), "NOT_A_HOLDER") << "its main desk has none";
  request.set_desk(type::v1::DESK_CONFIDENTIAL);
  EXPECT_EQ(TellAsk(request), "OK");

  (*warrant).mutable_scope()->add_cases(case_id);
  PutWarrant();
  request.set_request_id("asks-records-4");
  EXPECT_EQ(TellAsk(request), "WARRANT_SCOPE case") << "one of the two";
  request.clear_case_pseudonyms();
  request.add_case_pseudonyms(case_id);
  EXPECT_EQ(TellAsk(request), "OK");
  (*warrant).mutable_scope()->set_until_ms(absl::ToUnixMillis(now));
  PutWarrant();
  request.set_request_id("asks-records-5");
  EXPECT_EQ(TellAsk(request), "NOT_A_HOLDER") << "stored after the period";
}

TEST_F(DisclosureRequestTest, AThousandReferralsOfAHundredCasesAreTheMost) {
  const StoredReferral stored = Stored();
  ASSERT_EQ(log_.Commit([&](CommitContext& context) -> absl::Status {
    for (uint64_t number = 1; number <= 1000; ++number) {
      const std::string one = crypto::Sha256(KeyU64(number));
      ACCORD_RETURN_IF_ERROR(SaveReferral(context, one, stored));
      context.Put(kFamilyCaseReferral, CaseReferralKey(number < 1000 ? case_id : std::string(16, 'm'), number), one);
    }
    return absl::OkStatus();
  }), absl::OkStatus());
  auto request = ForRecords("police");
  const auto asked = Ask(request);
  ASSERT_EQ(asked.status(), absl::OkStatus());
  EXPECT_THAT(asked->disclosure.referrals(), SizeIs(1000));
  request.set_request_id("asks-records-2");
  request.add_case_pseudonyms(std::string(16, 'm'));
  EXPECT_EQ(TellAsk(request), "QUERY_TOO_COSTLY 1000");
  request.clear_case_pseudonyms();
  for (int i = 0; i < 100; ++i) request.add_case_pseudonyms(fmt::format("{:016}", i));
  EXPECT_EQ(ReadAsked(request).status(), absl::OkStatus());
  request.add_case_pseudonyms(case_id);
  EXPECT_EQ(ToldOf(ReadAsked(request).status()), "FIELD_INVALID case_pseudonyms");
}

TEST_F(DisclosureRequestTest, AMalformedRequestIsToldWhatIsWrong) {
  const auto tell = [&](const std::function<void(inspection::v1::RequestDisclosureRequest&)>& alter) {
    auto request = ForSections("idva");
    alter(request);
    return ToldOf(ReadAsked(request).status());
  };
  EXPECT_EQ(tell([](auto& one) { one.set_within_hours(720); }), "OK");
  EXPECT_EQ(tell([](auto& one) { one.set_within_hours(721); }), "FIELD_INVALID within_hours");
  EXPECT_EQ(tell([](auto& one) { one.set_referral("short"); }), "FIELD_INVALID referral");
  EXPECT_EQ(tell([](auto& one) { one.clear_agency(); }), "FIELD_MISSING agency");
  EXPECT_EQ(tell([](auto& one) { one.set_agency("No Agency"); }), "FIELD_INVALID agency");
  EXPECT_EQ(tell([](auto& one) { one.clear_warrant(); }), "FIELD_MISSING warrant");
  EXPECT_EQ(tell([](auto& one) { one.set_purpose("why not"); }), "FIELD_INVALID purpose");
  EXPECT_EQ(tell([](auto& one) { one.clear_request_id(); }), "FIELD_MISSING request_id");
  EXPECT_EQ(tell([](auto& one) { one.set_request_id("?"); }), "FIELD_INVALID request_id");
  EXPECT_EQ(tell([](auto& one) { one.add_categories(type::v1::CATEGORY_UNSPECIFIED); }), "ENUM_UNKNOWN categories");
  EXPECT_EQ(ReadAsked(ForSections("idva"))->within_hours, 120u);

  const auto resolve = [&](const std::function<void(RequestResolutionRequest&)>& alter) {
    auto request = ForPersons("idva");
    alter(request);
    return ToldOf(ReadAsked(request).status());
  };
  EXPECT_EQ(resolve([](auto& one) { one.clear_persons(); }), "FIELD_MISSING persons");
  EXPECT_EQ(resolve([](auto& one) { one.add_case_pseudonyms(std::string(16, 'c')); }), "FIELD_INVALID case_pseudonyms");
  EXPECT_EQ(resolve([](auto& one) { one.set_persons("not sealed"); }), "SECTION_MALFORMED");
  EXPECT_EQ(resolve([](auto& one) { one.set_persons(std::string((256u << 10) + 1, 'x')); }), "FIELD_INVALID persons");
  EXPECT_EQ(resolve([](auto& one) { one.set_desk(static_cast<type::v1::Desk>(9)); }), "ENUM_UNKNOWN desk");
}

TEST_F(DisclosureRequestTest, ItIsDueWhenItsHoursAreOverOrItsWarrantIs) {
  const int64_t now_ms = absl::ToUnixMillis(log_.now), hour_ms = 3'600'000;
  auto request = ForSections("police");
  request.set_within_hours(2);
  for (const auto& [ends, due] : std::vector<std::pair<int64_t, int64_t>>{{3, 2}, {2, 2}, {1, 1}}) {
    (*warrant).set_ends_ms(now_ms + ends * hour_ms);
    PutWarrant();
    request.set_request_id(fmt::format("asks-sections-{}", ends + 1));
    const auto asked = Ask(request);
    ASSERT_EQ(asked.status(), absl::OkStatus());
    EXPECT_EQ(asked->disclosure.due_at_ms(), now_ms + due * hour_ms) << ends;
    EXPECT_EQ(Entry(asked->index).event->due_at_ms(), asked->disclosure.due_at_ms());
  }
}

TEST_F(DisclosureRequestTest, ARequestStandsOnceHoweverOftenItIsMade) {
  const auto first = Ask(ForRecords("police"));
  ASSERT_EQ(first.status(), absl::OkStatus());
  const uint64_t size = Size();
  log_.store().Delete(kFamilyCaseReferral, CaseReferralKey(case_id, 0));  // It would not be found again.
  const auto again = Ask(ForRecords("police"));
  ASSERT_EQ(again.status(), absl::OkStatus());
  EXPECT_TRUE(again->repeated);
  EXPECT_EQ(again->disclosure.SerializeAsString(), first->disclosure.SerializeAsString());
  EXPECT_EQ(Size(), size);
  auto other = ForSections("police");
  other.set_request_id("asks-records-1");
  EXPECT_EQ(TellAsk(other), "REQUEST_ID_REUSED");
  PutOfficer("olga", "ofsted", sealing.at("ines").certificate.der());
  EXPECT_EQ(TellAsk(other, "olga"), "OK") << "ids are each officer's own";
}

}  // namespace
}  // namespace accord::broker
