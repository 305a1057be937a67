// Disclosures over the wire: a whole broker with TLS, a real store and a real log, inspectors and agencies.
//
// Goal: what an agency releases comes to the officer who asked and to nobody else, and is checked and opened there with what came along; whoever
// may not ask, answer or collect is refused with a reason; a warrant ends all of it at once.
// Method: raw answers. The agencies' service and accordctl have their own tests; here the test seals and signs as they do.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "common/crypto/commitment.h"
#include "common/referral/section.h"
#include "services/broker/api/testing_disclosure.h"

namespace accord::broker::disclosed::disclosure_api_test {
namespace {

using namespace type::v1;  // NOLINT
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr Category kBoth[] = {CATEGORY_IDENTITY, CATEGORY_RISK};

class DisclosureApiTest : public DisclosureTest {};

TEST_F(DisclosureApiTest, WhatAnAgencyReleasesIsCheckedAndOpenedByTheOfficerWhoAskedAlone) {
  const std::string digest = Store({.request_id = "incident-1", .recipients = {"idva", "housing"}});
  Activated("jtai-1", [&](Warrant& w) { w.set_embargo_until_ms(w.ends_ms()); });
  RequestDisclosureRequest asking = Asking(digest, "idva");
  for (const Category category : {CATEGORY_RISK, CATEGORY_IDENTITY, CATEGORY_RISK}) asking.add_categories(category);
  asking.set_purpose("serious-incident");
  const Disclosure asked = Asked(asking);
  EXPECT_GT(asked.number(), 0u);
  EXPECT_EQ(asked.kind(), DISCLOSURE_KIND_SECTIONS);
  EXPECT_EQ(asked.desk(), DESK_MAIN);
  EXPECT_EQ(asked.referral(), digest);
  EXPECT_EQ(asked.inspector(), "ines");
  EXPECT_EQ(asked.inspectorate() + " " + asked.legal_power() + " " + asked.purpose(), "ofsted CA2004_S20 serious-incident");
  EXPECT_EQ(asked.due_at_ms() - asked.asked_at_ms(), 120 * 3'600'000LL);
  EXPECT_EQ(asked.sealing_certificate(), sealing_.at("ines").certificate.der());
  EXPECT_EQ(asked.answer(), DISCLOSURE_ANSWER_UNSPECIFIED);
  EXPECT_EQ(Asked(asking).number(), asked.number()) << "asked once";
  RequestDisclosureRequest other = asking;
  other.set_agency("housing");
  EXPECT_EQ(Refused(Ask(other)), "REQUEST_ID_REUSED");

  // The body's officers, the desk that was asked and administrators see that it is there; nobody else.
  for (const char* principal : {"inspector/ines", "inspector/omar", "agency/idva", "admin/alice"}) {
    EXPECT_THAT(Listed(principal), ElementsAre(asked.number())) << principal;
    EXPECT_THAT(Listed(principal, /*open_only=*/true), ElementsAre(asked.number())) << principal;
  }
  for (const char* principal : {"inspector/carl", "agency/police", "agency/housing", "agency/childrens"}) EXPECT_THAT(Listed(principal), IsEmpty()) << principal;
  const auto got = Only<inspection::v1::GetDisclosureResponse>(Get("agency/idva", asked.number()));
  EXPECT_EQ(got.disclosure().sealing_certificate(), asked.sealing_certificate());
  EXPECT_EQ(got.persons(), "");
  EXPECT_EQ(got.asked_request_id(), asking.request_id());
  EXPECT_EQ(Refused(Get("agency/housing", asked.number())), "DISCLOSURE_NOT_FOUND");
  EXPECT_EQ(Refused(Collect("inspector/ines", asked.number())), "TRANSITION_ILLEGAL DISCLOSURE_ANSWER_UNSPECIFIED");

  const AnswerDisclosureRequest answering = Answering(asked, Resealed(digest, "idva", kBoth));
  EXPECT_EQ(Refused(Answer("agency/housing", answering)), "SIGNING_KEY_UNKNOWN");
  const auto answered = Only<AnswerDisclosureResponse>(Answer("agency/idva", answering));
  EXPECT_EQ(answered.disclosure().answer(), DISCLOSURE_ANSWER_RELEASED);
  EXPECT_EQ(answered.disclosure().parts(), 2u);
  EXPECT_FALSE(answered.receipt().tlog_proof().empty());
  ASSERT_FALSE(answered.receipt().openings().empty());
  EXPECT_EQ(Parse<EntryEvent>(answered.receipt().openings(0).content()).type(), EVENT_TYPE_DISCLOSURE_ANSWERED);
  EXPECT_EQ(Only<AnswerDisclosureResponse>(Answer("agency/idva", answering)).disclosure().answered_index(), answered.disclosure().answered_index());
  EXPECT_EQ(Refused(Answer("agency/idva", Answering(asked, {}))), "TRANSITION_ILLEGAL DISCLOSURE_ANSWER_RELEASED") << "answered once";
  EXPECT_THAT(Listed("agency/idva", /*open_only=*/true), IsEmpty());
  EXPECT_THAT(Listed("inspector/omar", /*open_only=*/true), IsEmpty());

  for (const char* principal : {"inspector/omar", "inspector/carl"}) EXPECT_EQ(Refused(Collect(principal, asked.number())), "DISCLOSURE_NOT_FOUND") << principal;
  EXPECT_EQ(Refused(Collect("inspector/ines", asked.number() + 1)), "DISCLOSURE_NOT_FOUND");
  EXPECT_EQ(Refused(Collect("inspector/ines", 0)), "FIELD_MISSING number");
  const CollectedDisclosure collected = Read(Collect("inspector/ines", asked.number()));
  EXPECT_EQ(collected.first.disclosure().collected_at_ms(), absl::ToUnixMillis(clock_.Now()));
  const auto certificate = crypto::Certificate::FromDer(collected.first.signing_certificate());
  ASSERT_EQ(certificate.status(), absl::OkStatus());
  EXPECT_EQ(certificate->der(), world_.signing("idva").certificate.der());
  const auto statement = referral::ParseDisclosureStatement(collected.first.statement());
  ASSERT_EQ(statement.status(), absl::OkStatus());
  EXPECT_EQ(referral::VerifySignature(collected.first.statement(), *certificate->verify_key()), absl::OkStatus());
  EXPECT_EQ(referral::DigestOf(collected.first.header()), digest);
  // Of the header what its sections are checked by: of what was not released not even that it is there, nor whom else it went to.
  const auto view = referral::ParseHeader(collected.first.header());
  ASSERT_EQ(view.status(), absl::OkStatus());
  std::vector<std::string> labels;
  std::map<std::string, SectionPart> sections;
  std::map<std::string, std::string> tags;  // What was committed to, by id.
  for (const Opening& opening : collected.first.openings()) {
    const std::string commitment = crypto::Commit(crypto::kHeaderPartDomain, {opening.label(), opening.salt(), opening.content()});
    EXPECT_TRUE(std::binary_search(view->commitments.begin(), view->commitments.end(), commitment)) << opening.label();
    labels.push_back(opening.label());
    if (opening.label() == "section") sections[Parse<SectionPart>(opening.content()).section_id()] = Parse<SectionPart>(opening.content());
    if (opening.label() == "tag") tags[Parse<TagPart>(opening.content()).tag_id()] = opening.content();
  }
  EXPECT_THAT(labels, ::testing::UnorderedElementsAre("core", "section", "section", "tag"));
  const auto& ines = sealing_.at("ines");
  ASSERT_EQ(collected.parts.size(), 2u);
  for (uint32_t i = 0; i < 2; ++i) {
    const std::string& cms = collected.parts.at(i);
    EXPECT_EQ(crypto::Sha256(cms), statement->parts(static_cast<int>(i)));
    const std::string& id = collected.first.section_ids(static_cast<int>(i));
    ASSERT_TRUE(sections.contains(id));
    const SectionPart& section = sections.at(id);
    EXPECT_EQ(section.digest(), crypto::cms::Parse(cms)->digest);
    const auto plaintext = crypto::cms::Open(cms, ines.sealing_key(), ines.certificate);
    ASSERT_EQ(plaintext.status(), absl::OkStatus());
    const auto content = referral::ReadPlaintext({"police", "incident-1", id, section.category(), tags[section.tag_id()]}, *plaintext);
    ASSERT_EQ(content.status(), absl::OkStatus());
    EXPECT_EQ(*content, fmt::format("content {}", static_cast<int>(section.category())));
  }
  clock_.Advance(absl::Hours(1));
  EXPECT_EQ(Read(Collect("inspector/ines", asked.number())).first.disclosure().collected_at_ms(), collected.first.disclosure().collected_at_ms())
      << "when it was collected first";

  // In the trail it is open to the desk that was asked, whatever the embargo; to the other parties that there is an entry is all.
  EXPECT_EQ(TrailOf("admin/alice", digest), "DISCLOSURE_ANSWERED DISCLOSURE_READ DISCLOSURE_REQUESTED");
  EXPECT_THAT(TrailOf("agency/idva", digest), ::testing::HasSubstr("DISCLOSURE_ANSWERED"));
  for (const char* principal : {"agency/police", "agency/housing"}) {
    EXPECT_THAT(TrailOf(principal, digest), ::testing::Not(::testing::HasSubstr("DISCLOSURE"))) << principal;
  }
  // And whoever may not call does not.
  EXPECT_EQ(Refused(Ask(asking, "agency/idva")), "ROLE_NOT_ALLOWED");
  EXPECT_EQ(Refused(Ask(asking, "admin/alice")), "ROLE_NOT_ALLOWED");
  EXPECT_EQ(Refused(Collect("admin/alice", asked.number())), "ROLE_NOT_ALLOWED");
  EXPECT_EQ(Refused(Get("inspector/ines", asked.number())), "ROLE_NOT_ALLOWED");
  EXPECT_EQ(Refused(Answer("inspector/ines", answering)), "ROLE_NOT_ALLOWED");
}

TEST_F(DisclosureApiTest, OneStepOutsideAnyDimensionOfTheWarrantNothingIsAsked) {
  const std::string digest = Store({.request_id = "incident-1", .recipients = {"idva"}});
  const std::string own_case = CaseOf(digest);
  const int64_t now = absl::ToUnixMillis(clock_.Now());
  struct Line {
    std::string id;
    std::function<void(Warrant&)> change;
    std::string refused;           // Of a referral's sections.
    std::string records, persons;  // What is told when its case, or people, are resolved.
  };
  const auto of_all = [](const std::string& id, std::function<void(Warrant&)> change, const std::string& told) {
    return Line{id, std::move(change), told, told, told};
  };
  // Whom an inspector names, and of which referrals that will be, nobody knows but the agency.
  const std::string no_agency = "WARRANT_SCOPE agency", no_area = "WARRANT_SCOPE area", no_period = "WARRANT_SCOPE period", no_event = "WARRANT_SCOPE event",
                    no_case = "WARRANT_SCOPE case", nothing_covered = "NOT_A_HOLDER";
  const std::vector<Line> table = {
      of_all("whole", nullptr, ""),
      of_all("agency", [](Warrant& w) { w.mutable_scope()->add_agencies("police"); }, ""),
      of_all("agency-beyond", [](Warrant& w) { w.mutable_scope()->add_agencies("idva"); }, no_agency),
      of_all("area", [](Warrant& w) { w.mutable_scope()->add_areas(std::string(kArea)); }, ""),
      {"area-beyond", [](Warrant& w) { w.mutable_scope()->add_areas(std::string(kOtherArea)); }, no_area, nothing_covered, no_area},
      of_all("from", [&](Warrant& w) { w.mutable_scope()->set_from_ms(now); }, ""),
      {"from-beyond", [&](Warrant& w) { w.mutable_scope()->set_from_ms(now + 1); }, no_period, nothing_covered, ""},
      of_all("until", [&](Warrant& w) { w.mutable_scope()->set_until_ms(now + 1); }, ""),
      {"until-beyond", [&](Warrant& w) { w.mutable_scope()->set_until_ms(now); }, no_period, nothing_covered, ""},
      of_all("event", [](Warrant& w) { w.mutable_scope()->add_events(EVENT_TYPE_REFERRAL_STORED); }, ""),
      {"event-beyond", [](Warrant& w) { w.mutable_scope()->add_events(EVENT_TYPE_RELEASED); }, no_event, nothing_covered, ""},
      of_all("case", [&](Warrant& w) { w.mutable_scope()->add_cases(own_case); }, ""),
      {"case-beyond", [](Warrant& w) { w.mutable_scope()->add_cases(std::string(16, 'c')); }, no_case, no_case, ""},
      {"sample-beyond", [](Warrant& w) { w.mutable_scope()->set_sample_cases_max(5); }, no_case, no_case, ""},
      of_all("officer", [](Warrant& w) { w.add_officers("ines"); }, ""),
      of_all("officer-beyond", [](Warrant& w) { w.add_officers("omar"); }, "WARRANT_NOT_FOUND"),
      of_all("start-beyond", [&](Warrant& w) { w.set_starts_ms(now + 1); }, "WARRANT_NOT_ACTIVE WARRANT_STATE_ACTIVE"),
      of_all("panel", [](Warrant& w) { w.set_kind(inspection::v1::WARRANT_KIND_SCRUTINY_PANEL); }, "WARRANT_SCOPE kind"),
      of_all("commissioner", [](Warrant& w) { w.set_kind(inspection::v1::WARRANT_KIND_COMMISSIONER); }, "WARRANT_SCOPE kind"),
      of_all("death-review", [](Warrant& w) { w.set_kind(inspection::v1::WARRANT_KIND_DEATH_REVIEW); }, ""),
  };
  const auto records_of = [&](const std::string& warrant) {
    RequestResolutionRequest request = AskingOf("police");
    request.set_warrant(warrant);
    request.add_case_pseudonyms(own_case);
    return Refused(Resolve(request));
  };
  const auto persons_of = [&](const std::string& warrant) {
    RequestResolutionRequest request = AskingOf("police");
    request.set_warrant(warrant);
    request.set_persons(*crypto::cms::Seal("who", std::vector{world_.sealing("police").certificate}));
    return Refused(Resolve(request));
  };
  for (const Line& line : table) {
    Activated(line.id, line.change);
    EXPECT_EQ(Refused(Ask(Asking(digest, "police", line.id))), line.refused) << line.id;
    EXPECT_EQ(records_of(line.id), line.records) << line.id;
    EXPECT_EQ(persons_of(line.id), line.persons) << line.id;
  }
  EXPECT_EQ(Refused(Ask(Asking(digest, "police", "whole"), "inspector/carl")), "WARRANT_NOT_FOUND") << "of another body";
  EXPECT_EQ(Refused(Ask(Asking(digest, "police", "none"))), "WARRANT_NOT_FOUND");
  EXPECT_EQ(Refused(Ask(Asking(digest, "police", "whole"), "inspector/nell")), "NO_SEALING_CERTIFICATE");
  EXPECT_EQ(Refused(Ask(Asking(digest, "nobody", "whole"))), "PRINCIPAL_NOT_FOUND");
  EXPECT_EQ(Refused(Ask(Asking(digest, "childrens", "whole"))), "NOT_A_HOLDER");
  EXPECT_EQ(Refused(Ask(Asking(std::string(32, 'x'), "police", "whole"))), "REFERRAL_NOT_FOUND");
  const std::string waits = Store({.request_id = "incident-2", .recipients = {"idva"}}, /*collected=*/false);
  EXPECT_EQ(Refused(Ask(Asking(waits, "idva", "whole"))), "NOT_A_HOLDER") << "nothing has left";
  EXPECT_EQ(Refused(Ask(Asking(waits, "police", "whole"))), "");

  const auto with = [&](const std::function<void(RequestDisclosureRequest&)>& change) {
    RequestDisclosureRequest request = Asking(digest, "police", "whole");
    change(request);
    return Refused(Ask(request));
  };
  EXPECT_EQ(with([](auto& r) { r.clear_request_id(); }), "FIELD_MISSING request_id");
  EXPECT_EQ(with([](auto& r) { r.set_request_id("short"); }), "FIELD_INVALID request_id");
  EXPECT_EQ(with([](auto& r) { r.clear_referral(); }), "FIELD_MISSING referral");
  EXPECT_EQ(with([](auto& r) { r.set_referral(std::string(31, 'x')); }), "FIELD_INVALID referral");
  EXPECT_EQ(with([](auto& r) { r.clear_agency(); }), "FIELD_MISSING agency");
  EXPECT_EQ(with([](auto& r) { r.set_agency("Police!"); }), "FIELD_INVALID agency");
  EXPECT_EQ(with([](auto& r) { r.clear_warrant(); }), "FIELD_MISSING warrant");
  EXPECT_EQ(with([](auto& r) { r.set_purpose(std::string(64, 'p')); }), "");
  EXPECT_EQ(with([](auto& r) { r.set_purpose(std::string(65, 'p')); }), "FIELD_INVALID purpose");
  EXPECT_EQ(with([](auto& r) { r.set_within_hours(720); }), "");
  EXPECT_EQ(with([](auto& r) { r.set_within_hours(721); }), "FIELD_INVALID within_hours");
  EXPECT_THAT(with([](auto& r) { r.add_categories(static_cast<Category>(9999)); }), ::testing::StartsWith("ENUM_UNKNOWN categories"));

  inspection::v1::ListDisclosuresRequest list;
  const auto listing = [&](const std::string& principal) { return Refused(Call(principal, kDisclosures + "ListDisclosures", list)); };
  list.set_page_size(501);
  EXPECT_EQ(listing("inspector/ines"), "FIELD_INVALID page_size");
  list.set_page_size(1);
  list.set_page_token(
      Only<inspection::v1::ListDisclosuresResponse>(Call("inspector/ines", kDisclosures + "ListDisclosures", list)).next_page_token());
  EXPECT_EQ(listing("inspector/ines"), "");
  EXPECT_EQ(listing("inspector/omar"), "PAGE_TOKEN_INVALID page_token");
  list.set_open_only(true);
  EXPECT_EQ(listing("inspector/ines"), "PAGE_TOKEN_INVALID page_token") << "of another list";

  clock_.Advance(absl::Hours(24 * 10) - absl::Milliseconds(1));
  for (const std::string& last : {Refused(Ask(Asking(digest, "police", "whole"))), records_of("whole"), persons_of("whole")}) EXPECT_EQ(last, "");
  clock_.Advance(absl::Milliseconds(1));
  for (const std::string& over : {Refused(Ask(Asking(digest, "police", "whole"))), records_of("whole"), persons_of("whole")}) {
    EXPECT_EQ(over, "WARRANT_NOT_ACTIVE WARRANT_STATE_EXPIRED");
  }
}

TEST_F(DisclosureApiTest, AnAnswerIsSignedByTheAgencyOfWhatItHasForTheOfficerAloneOrItIsNone) {
  const std::string digest = Store({.request_id = "incident-1", .recipients = {"idva", "housing"}});
  Activated("jtai-1");
  RequestDisclosureRequest asking = Asking(digest, "idva");
  for (const Category category : kBoth) asking.add_categories(category);
  asking.set_within_hours(1);
  const Disclosure asked = Asked(asking);
  const auto parts = Resealed(digest, "idva", kBoth);
  const auto said = [&](const std::vector<SealedSection>& brought, const std::function<void(DisclosureStatement&)>& change = nullptr,
                        const std::function<void(AnswerDisclosureRequest&)>& then = nullptr) {
    AnswerDisclosureRequest request = Answering(asked, brought, change);
    if (then) then(request);
    return Refused(Answer("agency/idva", request));
  };
  EXPECT_EQ(said(parts, [](auto& s) { s.set_disclosure(s.disclosure() + 1); }), "DISCLOSURE_NOT_FOUND");
  EXPECT_EQ(said(parts, [](auto& s) { s.set_agency("housing"); }), "SENDER_MISMATCH");
  EXPECT_EQ(said(parts, [](auto& s) { s.mutable_worker()->set_role(WORKER_ROLE_SUPERVISOR); }), "ROLE_NOT_ALLOWED");
  EXPECT_THAT(said(parts, [](auto& s) { s.set_warrant("jtai-2"); }), ::testing::StartsWith("FIELD_INVALID"));
  EXPECT_THAT(said(parts, [](auto& s) { s.set_inspector("omar"); }), ::testing::StartsWith("FIELD_INVALID"));
  EXPECT_THAT(said({parts[0]}, [](auto& s) { s.set_kind(DISCLOSURE_KIND_PERSONS); }), ::testing::StartsWith("FIELD_INVALID"));
  EXPECT_EQ(said(parts, nullptr, [](auto& r) { r.set_request_id("another-id"); }), "FIELD_INVALID request_id");
  EXPECT_EQ(said(parts, nullptr, [](auto& r) { r.set_request_id("short"); }), "FIELD_INVALID request_id");
  EXPECT_THAT(said(parts, nullptr, [](auto& r) { r.clear_statement(); }), ::testing::StartsWith("FIELD_MISSING statement"));
  EXPECT_EQ(said(parts, nullptr, [](auto& r) { r.mutable_statement()->mutable_signature()->back() ^= 1; }), "SIGNATURE_INVALID");
  EXPECT_EQ(said(parts, nullptr, [](auto& r) { r.mutable_statement()->set_payload_type("application/vnd.accord.statement.v1"); }), "STATEMENT_MALFORMED");
  EXPECT_EQ(Refused(Answer("agency/idva", Answering(asked, parts, nullptr, "housing"))), "SIGNING_KEY_UNKNOWN");
  EXPECT_THAT(said(parts, nullptr, [](auto& r) { r.mutable_parts()->RemoveLast(); }), ::testing::StartsWith("FIELD_INVALID"));
  EXPECT_THAT(said(parts, nullptr, [](auto& r) { r.mutable_parts(0)->clear_cms(); }), ::testing::StartsWith("FIELD_MISSING"));
  EXPECT_EQ(said(parts, nullptr, [](auto& r) { r.mutable_parts(0)->mutable_cms()->back() ^= 1; }), "SECTION_DIGEST_MISMATCH");
  EXPECT_EQ(said(parts, nullptr,
                 [](auto& r) {
                   r.mutable_parts(0)->set_uploaded(crypto::Sha256(r.parts(0).cms()));
                   r.mutable_parts(0)->clear_cms();
                 }),
            "UPLOAD_NOT_FOUND");
  EXPECT_EQ(said({Resealed(digest, "idva", kBoth, "omar")[0]}), "SEALING_KEY_UNKNOWN");
  auto widely = parts[0];
  widely.set_cms(*crypto::cms::AddRecipient(widely.cms(), sealing_.at("ines").sealing_key(), sealing_.at("ines").certificate, sealing_.at("omar").certificate));
  EXPECT_EQ(said({widely}), "SEALED_TOO_WIDELY");
  auto moved = parts[0];
  moved.set_section_id(parts[1].section_id());
  EXPECT_EQ(said({moved}), "SECTION_DIGEST_MISMATCH") << "it is the other's content";
  constexpr Category kNotAsked[] = {CATEGORY_NARRATIVE};
  EXPECT_EQ(said(Resealed(digest, "idva", kNotAsked)), "FIELD_INVALID parts") << "it was not asked for";
  admin::v1::Change bar;
  bar.mutable_put_conflict_list()->set_agency("idva");
  bar.mutable_put_conflict_list()->add_workers("cousin");
  ASSERT_EQ(world_.Change(bar), absl::OkStatus());
  EXPECT_EQ(said(parts, [](auto& s) { s.mutable_worker()->set_pseudonym("cousin"); }), "NOT_PERMITTED");
  // Housing was given the identity alone: what it gets elsewhere is not its to release.
  const Disclosure of_housing = Asked(Asking(digest, "housing"));
  EXPECT_EQ(Refused(Answer("agency/housing", Answering(of_housing, Resealed(digest, "idva", kBoth)))), "NOT_A_HOLDER");

  // None of it took anything: the answer is open still, and may come late.
  clock_.Advance(absl::Hours(1) + absl::Milliseconds(1));
  const AnswerDisclosureRequest answering = Answering(asked, parts);
  const auto late = Only<AnswerDisclosureResponse>(Answer("agency/idva", answering)).disclosure();
  EXPECT_TRUE(late.overdue());
  EXPECT_TRUE(Row("inspector/omar", asked.number()).overdue());
  EXPECT_EQ(late.answered_at_ms(), absl::ToUnixMillis(clock_.Now()));
  EXPECT_EQ(Read(Collect("inspector/ines", asked.number())).parts.size(), 2u);

  const auto refused = Only<AnswerDisclosureResponse>(Answer("agency/housing", Answering(of_housing, {}))).disclosure();
  EXPECT_EQ(refused.answer(), DISCLOSURE_ANSWER_REFUSED);
  EXPECT_EQ(refused.ground(), DISCLOSURE_GROUND_LEGAL_PRIVILEGE);
  EXPECT_FALSE(refused.overdue());
  EXPECT_EQ(Row("inspector/omar", of_housing.number()).ground(), DISCLOSURE_GROUND_LEGAL_PRIVILEGE);
  EXPECT_EQ(Refused(Collect("inspector/ines", of_housing.number())), "TRANSITION_ILLEGAL DISCLOSURE_ANSWER_REFUSED");
  // Whoever is barred since answers nothing more, and what they answered before is told again.
  bar.mutable_put_conflict_list()->add_workers("dpo-1");
  ASSERT_EQ(world_.Change(bar), absl::OkStatus());
  EXPECT_EQ(Only<AnswerDisclosureResponse>(Answer("agency/idva", answering)).disclosure().answered_index(), late.answered_index());
  EXPECT_EQ(said(parts), "NOT_PERMITTED");
}

TEST_F(DisclosureApiTest, PeopleAndRecordNumbersPassUnreadBothWays) {
  const std::string digest = Store({.request_id = "incident-1", .recipients = {"idva"}});
  Activated("jtai-1");
  PersonsQuestion question;
  question.add_persons()->set_mark("row-1");
  question.mutable_persons(0)->mutable_person()->set_family_name("Doe");
  RequestResolutionRequest persons = AskingOf("police");
  const referral::DisclosureBinding asks{.from = "ines", .to = "police", .request_id = persons.request_id(), .kind = DISCLOSURE_KIND_PERSONS};
  const auto sealed_for = [&](const std::vector<crypto::Certificate>& certificates) {
    return *crypto::cms::Seal(*referral::MakeDisclosurePlaintext(asks, question.SerializeAsString()), certificates);
  };
  const auto& police = world_.sealing("police");
  persons.set_persons(sealed_for({police.certificate}));
  const Disclosure asked = Resolving(persons);
  EXPECT_EQ(asked.kind(), DISCLOSURE_KIND_PERSONS);
  EXPECT_EQ(Resolving(persons).number(), asked.number());
  const auto got = Only<inspection::v1::GetDisclosureResponse>(Get("agency/police", asked.number()));
  EXPECT_EQ(got.persons(), persons.persons());
  EXPECT_EQ(got.asked_request_id(), persons.request_id());
  const auto read = referral::ReadDisclosurePlaintext(asks, *crypto::cms::Open(got.persons(), police.sealing_key(), police.certificate));
  ASSERT_EQ(read.status(), absl::OkStatus());
  EXPECT_EQ(*read, question.SerializeAsString());
  EXPECT_EQ(Refused(Get("agency/idva", asked.number())), "DISCLOSURE_NOT_FOUND");

  PersonsAnswer found;
  found.add_persons()->set_mark("row-1");
  found.mutable_persons(0)->add_referrals()->set_referral(digest);
  const SealedSection part = Sealed(asked, got.asked_request_id(), found);
  auto named = part;
  named.set_section_id(std::string(kIdBytes, 's'));
  EXPECT_THAT(Refused(Answer("agency/police", Answering(asked, {named}))), ::testing::StartsWith("FIELD_INVALID"));
  EXPECT_EQ(Only<AnswerDisclosureResponse>(Answer("agency/police", Answering(asked, {part}))).disclosure().parts(), 1u);
  const CollectedDisclosure collected = Read(Collect("inspector/ines", asked.number()));
  EXPECT_FALSE(collected.first.has_header());
  EXPECT_THAT(collected.first.openings(), IsEmpty());
  EXPECT_EQ(collected.first.asked_request_id(), persons.request_id());
  ASSERT_EQ(collected.parts.size(), 1u);
  const auto& ines = sealing_.at("ines");
  const auto answer = referral::ReadDisclosurePlaintext(
      {.from = "police", .to = "ines", .request_id = collected.first.asked_request_id(), .kind = DISCLOSURE_KIND_PERSONS},
      *crypto::cms::Open(collected.parts.at(0), ines.sealing_key(), ines.certificate));
  ASSERT_EQ(answer.status(), absl::OkStatus());
  EXPECT_EQ(*answer, found.SerializeAsString());

  RequestResolutionRequest records = AskingOf("idva");
  records.add_case_pseudonyms(CaseOf(digest));
  const Disclosure of_records = Resolving(records);
  EXPECT_EQ(of_records.kind(), DISCLOSURE_KIND_RECORDS);
  EXPECT_THAT(of_records.referrals(), ElementsAre(digest));
  ASSERT_EQ(of_records.cases_size(), 1);
  EXPECT_EQ(of_records.cases(0).case_pseudonym(), CaseOf(digest));
  EXPECT_THAT(of_records.cases(0).referrals(), ElementsAre(digest));
  const auto shown = Only<inspection::v1::GetDisclosureResponse>(Get("agency/idva", of_records.number())).disclosure();
  EXPECT_THAT(shown.referrals(), ElementsAre(digest));
  EXPECT_THAT(shown.cases(), IsEmpty()) << "which of them are of one case is the broker's to find";
  RecordsAnswer numbers;
  numbers.add_referrals()->set_referral(digest);
  numbers.mutable_referrals(0)->add_record_numbers("R-17");
  Only<AnswerDisclosureResponse>(Answer("agency/idva", Answering(of_records, {Sealed(of_records, records.request_id(), numbers)})));
  EXPECT_EQ(Read(Collect("inspector/ines", of_records.number())).first.disclosure().cases_size(), 1);

  const auto with = [&](const std::function<void(RequestResolutionRequest&)>& change) {
    RequestResolutionRequest request = AskingOf("police");
    change(request);
    return Refused(Resolve(request));
  };
  const auto& childrens = world_.sealing("childrens").certificate;
  EXPECT_THAT(with([](auto&) {}), ::testing::StartsWith("FIELD_"));
  EXPECT_THAT(with([&](auto& r) {
                r.set_persons(persons.persons());
                r.add_case_pseudonyms(CaseOf(digest));
              }),
              ::testing::StartsWith("FIELD_INVALID"));
  EXPECT_EQ(with([](auto& r) { r.set_persons("no CMS"); }), "SECTION_MALFORMED");
  EXPECT_EQ(with([](auto& r) { r.set_persons(std::string((256u << 10) + 1, 'x')); }), "FIELD_INVALID persons");
  EXPECT_EQ(with([&](auto& r) { r.set_persons(sealed_for({childrens})); }), "SEALING_KEY_UNKNOWN");
  EXPECT_EQ(with([&](auto& r) { r.set_persons(sealed_for({police.certificate, childrens})); }), "SEALED_TOO_WIDELY");
  EXPECT_EQ(with([&](auto& r) {
              r.set_persons(persons.persons());
              r.set_desk(DESK_CONFIDENTIAL);
            }),
            "FIELD_INVALID desk");
  EXPECT_EQ(with([](auto& r) { r.add_case_pseudonyms(std::string(15, 'c')); }), "FIELD_INVALID case_pseudonyms");
  EXPECT_EQ(with([](auto& r) { r.add_case_pseudonyms(std::string(16, 'c')); }), "NOT_A_HOLDER");
  EXPECT_EQ(with([&](auto& r) {
              r.set_agency("childrens");
              r.add_case_pseudonyms(CaseOf(digest));
            }),
            "NOT_A_HOLDER");
  EXPECT_EQ(with([](auto& r) {
              for (int i = 0; i <= 100; ++i) r.add_case_pseudonyms(fmt::format("{:016}", i));
            }),
            "FIELD_INVALID case_pseudonyms");
}

TEST_F(DisclosureApiTest, ASuspendedWarrantStopsWhatIsUnderWay) {
  const std::string digest = Store({.request_id = "incident-1", .recipients = {"idva"}}, /*collected=*/false);
  const std::string large = StoreLarge("incident-2");
  Activated("jtai-1");
  const Disclosure asked = Asked(Asking(large, "police"));
  const Disclosure other = Asked(Asking(digest, "police"));
  const AnswerDisclosureRequest answering = AnsweringLarge(asked);
  EXPECT_EQ(Only<AnswerDisclosureResponse>(Answer("agency/police", answering)).disclosure().parts(), 3u);
  const CollectedDisclosure collected = Read(Collect("inspector/ines", asked.number()));
  ASSERT_EQ(collected.parts.size(), 3u);
  for (uint32_t i = 0; i < 3; ++i) EXPECT_EQ(crypto::Sha256(collected.parts.at(i)), answering.parts(static_cast<int>(i)).uploaded());

  // How much the connection takes ahead of its reader is not ours to say, and now and then it is all; that the end is a refusal is.
  std::string stopped;
  for (int i = 0; i < 20 && stopped.empty(); ++i) {
    if (i > 0) ChangeWarrant("admin/bob", "jtai-1", inspection::v1::WARRANT_ACT_RESUME);
    WireCall under_way(world_.Channel("inspector/ines"), kDisclosures + "CollectDisclosure");
    inspection::v1::CollectDisclosureRequest collect;
    collect.set_number(asked.number());
    under_way.Write(collect);
    under_way.WritesDone();
    ASSERT_TRUE(under_way.Read().has_value());
    ChangeWarrant("admin/alice", "jtai-1", inspection::v1::WARRANT_ACT_SUSPEND);
    stopped = Refused(under_way.Finish());
  }
  const std::string suspended = "WARRANT_NOT_ACTIVE WARRANT_STATE_SUSPENDED";
  EXPECT_EQ(stopped, suspended);
  EXPECT_EQ(Refused(Collect("inspector/ines", asked.number())), suspended);
  EXPECT_EQ(Refused(Ask(Asking(digest, "police"))), suspended);
  EXPECT_EQ(Refused(Answer("agency/police", Answering(other, {}))), suspended);
  EXPECT_EQ(Get("agency/police", other.number()).code, grpc::StatusCode::OK) << "who was asked may see it";

  ChangeWarrant("admin/bob", "jtai-1", inspection::v1::WARRANT_ACT_RESUME);
  EXPECT_EQ(Read(Collect("inspector/ines", asked.number())).parts.size(), 3u);
  ChangeWarrant("inspector/ines", "jtai-1", inspection::v1::WARRANT_ACT_END);
  EXPECT_THAT(Refused(Collect("inspector/ines", asked.number())), ::testing::StartsWith("WARRANT_NOT_ACTIVE"));
  EXPECT_THAT(Refused(Answer("agency/police", Answering(other, {}))), ::testing::StartsWith("TRANSITION_ILLEGAL"));
  EXPECT_THAT(Listed("agency/police", /*open_only=*/true), IsEmpty());
}

TEST_F(DisclosureApiTest, TheConfidentialDeskIsAskedByItselfAndTheMainDeskHearsNothing) {
  const auto key = world_.authority().IssueSealing("idva");
  ChangeAgency("idva", [&](admin::v1::Agency& agency) { agency.set_confidential_sealing_certificate(key.certificate.der()); });
  const std::string digest = Store({.request_id = "incident-1",
                                    .recipients = {"idva"},
                                    .certificates = {{"idva", key.certificate}},
                                    .alter = [](referral::HeaderParts& parts) {
                                      parts.recipients[0].set_desk(DESK_CONFIDENTIAL);
                                      parts.subjects[1].set_works_at("idva");
                                    }},
                                   /*collected=*/false);
  const std::string desk = "agency/idva/confidential", main = "agency/idva";
  {
    Collector collector(world_, desk, 1, DESK_CONFIDENTIAL);
    collector.Ack(collector.NextDelivery());
  }
  Activated("jtai-1");
  const Disclosure asked = Asked(Asking(digest, "idva"));
  EXPECT_EQ(asked.desk(), DESK_CONFIDENTIAL) << "the desk that has it, though nobody named it";
  EXPECT_THAT(Listed(desk), ElementsAre(asked.number()));
  EXPECT_THAT(Listed(main), IsEmpty());
  EXPECT_EQ(Refused(Get(main, asked.number())), "DISCLOSURE_NOT_FOUND");
  const AnswerDisclosureRequest answering = Answering(asked, Resealed(digest, key, kBoth));
  EXPECT_EQ(Refused(Answer(main, answering)), "DISCLOSURE_NOT_FOUND");
  EXPECT_EQ(Refused(Answer(desk, answering)), "");
  EXPECT_EQ(Read(Collect("inspector/ines", asked.number())).parts.size(), 2u);

  // Of people each desk is asked by its own certificate.
  RequestResolutionRequest request = AskingOf("idva");
  request.set_desk(DESK_CONFIDENTIAL);
  request.set_persons(*crypto::cms::Seal("sealed", std::vector{world_.sealing("idva").certificate}));
  EXPECT_EQ(Refused(Resolve(request)), "SEALING_KEY_UNKNOWN");
  request.set_persons(*crypto::cms::Seal("sealed", std::vector{key.certificate}));
  const Disclosure of_persons = Resolving(request);
  EXPECT_EQ(of_persons.desk(), DESK_CONFIDENTIAL);
  EXPECT_THAT(Listed(desk), ElementsAre(of_persons.number(), asked.number())) << "the newest first";
  EXPECT_THAT(Listed(main), IsEmpty());
  EXPECT_EQ(Refused(Get(main, of_persons.number())), "DISCLOSURE_NOT_FOUND");
}

}  // namespace
}  // namespace accord::broker::disclosed::disclosure_api_test
