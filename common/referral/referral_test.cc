#include <gtest/gtest.h>

#include <algorithm>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/referral/decision.h"
#include "common/referral/header.h"
#include "common/referral/identifiers.h"
#include "common/referral/risk.h"
#include "common/referral/section.h"
#include "common/referral/states.h"
#include "common/referral/statement.h"
#include "common/referral/subject_token.h"
#include "common/referral/validate.h"

namespace accord::referral {
namespace {

using namespace type::v1;  // NOLINT

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);

std::string Id(char c) { return std::string(16, c); }

HeaderParts SampleParts() {
  HeaderParts parts;
  parts.core.set_request_id("request-1");
  parts.core.set_sender("police");
  parts.core.mutable_worker()->set_pseudonym("pc-1");
  parts.core.mutable_worker()->set_role(WORKER_ROLE_PRACTITIONER);
  parts.core.mutable_worker()->set_authentication(AUTHENTICATION_MULTI_FACTOR);
  parts.core.set_type(REFERRAL_TYPE_REFERRAL);
  parts.core.set_purpose(PURPOSE_SAFEGUARDING_ADULT);
  parts.core.set_signed_at_ms(1);
  for (const char* agency : {"idva", "housing"}) {
    RecipientPart& recipient = parts.recipients.emplace_back();
    recipient.set_agency(agency);
    recipient.set_capacity(RECIPIENT_CAPACITY_NAMED);
  }
  TagPart& tag = parts.tags.emplace_back();
  tag.set_tag_id(Id('t'));
  tag.set_victim_awareness(VICTIM_AWARENESS_INFORMED);
  tag.set_consent(CONFIDENTIALITY_CONSENT_GIVEN);
  tag.set_article6(ARTICLE6_BASIS_PUBLIC_TASK);
  tag.set_regime(REGIME_DPA_PART3);
  char id = 'a';
  for (const Category category : {CATEGORY_IDENTITY, CATEGORY_RISK, CATEGORY_HOUSING}) {
    SectionPart& section = parts.sections.emplace_back();
    section.set_section_id(Id(id));
    section.set_category(category);
    section.set_digest(std::string(32, id++));
    section.set_tag_id(Id('t'));
  }
  SubjectPart& victim = parts.subjects.emplace_back();
  victim.set_subject_id(Id('v'));
  victim.set_role(SUBJECT_ROLE_VICTIM);
  victim.set_age_band(AGE_BAND_ADULT);
  return parts;
}

PolicySnapshot SamplePolicy() {
  PolicySnapshot policy;
  Agreement agreement;
  agreement.version = "test-1";
  agreement.parties = {"police", "idva", "housing", "childrens", "health"};
  agreement.effective_from = kNow - absl::Hours(1);
  agreement.expires = kNow + absl::Hours(1);
  Route support;
  support.id = "to-idva";
  support.from_kinds = {AGENCY_KIND_POLICE};
  support.to_kinds = {AGENCY_KIND_IDVA};
  support.purposes = {PURPOSE_SAFEGUARDING_ADULT, PURPOSE_MARAC};
  support.categories = {CATEGORY_IDENTITY, CATEGORY_RISK, CATEGORY_HOUSING, CATEGORY_IMMIGRATION_STATUS};
  Route housing = support;
  housing.id = "to-housing";
  housing.to_kinds = {AGENCY_KIND_HOUSING};
  housing.categories = {CATEGORY_IDENTITY, CATEGORY_HOUSING};
  agreement.routes = {support, housing};
  policy.agreement = agreement;
  policy.agencies = {{"police", {AGENCY_KIND_POLICE, true, false}},     {"idva", {AGENCY_KIND_IDVA, true, true}},
                     {"housing", {AGENCY_KIND_HOUSING, true, false}},   {"childrens", {AGENCY_KIND_CHILDRENS_SERVICES, true, false}},
                     {"health", {AGENCY_KIND_HEALTH, true, false}},     {"closed", {AGENCY_KIND_IDVA, false, false}}};
  return policy;
}

// "idva:1=PERMIT agreement/test-1/to-idva" for each decision, in order.
std::string RuleOf(const Decisions& decisions, const std::string& recipient, Category category) {
  for (const auto& decision : decisions.decisions) {
    if (decision.recipient() == recipient && decision.category() == category) {
      return Verdict_Name(decision.verdict()).substr(8) + " " + decision.rule_id();
    }
  }
  return "none";
}

std::string RuleOf(const PolicySnapshot& policy, const HeaderParts& parts, const std::string& recipient, Category category) {
  EXPECT_TRUE(ValidateParts(parts, false).ok()) << ValidateParts(parts, false);
  return RuleOf(Decide(policy, parts, kNow), recipient, category);
}

// ---------------------------------------------------------------- header

TEST(HeaderTest, WhatWasSignedOpensAndCountsAMultipleOf16) {
  FakeRandom random(1);
  const auto key = crypto::SigningKey::Generate();
  const auto signed_header = SignHeader(SampleParts(), key, random);
  ASSERT_TRUE(signed_header.ok()) << signed_header.status();
  const auto view = ParseHeader(signed_header->header);
  ASSERT_TRUE(view.ok()) << view.status();
  EXPECT_EQ(view->commitments.size(), 16u);
  EXPECT_TRUE(VerifySignature(signed_header->header, key.public_key()).ok());
  const auto opened = OpenHeader(*view, signed_header->openings);
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_EQ(opened->sections.size(), 3u);
  EXPECT_EQ(opened->core.part.sender(), "police");
}

TEST(HeaderTest, EveryFlippedByteOfTheHeaderIsRefused) {
  FakeRandom random(2);
  const auto key = crypto::SigningKey::Generate();
  const auto signed_header = *SignHeader(SampleParts(), key, random);
  for (size_t at = 0; at < signed_header.header.payload().size(); ++at) {
    SignedPayload altered = signed_header.header;
    (*altered.mutable_payload())[at] ^= 1;
    EXPECT_FALSE(ParseHeader(altered).ok() && VerifySignature(altered, key.public_key()).ok()) << at;
  }
  for (size_t cut = 0; cut < signed_header.header.payload().size(); ++cut) {
    SignedPayload altered = signed_header.header;
    altered.mutable_payload()->resize(cut);
    EXPECT_TRUE(HasReason(ParseHeader(altered).status(), Reason::kHeaderMalformed)) << cut;
  }
}

TEST(HeaderTest, AnAlteredOpeningMatchesNothing) {
  FakeRandom random(3);
  const auto signed_header = *SignHeader(SampleParts(), crypto::SigningKey::Generate(), random);
  const HeaderView view = *ParseHeader(signed_header.header);
  for (size_t i = 0; i < signed_header.openings.size(); ++i) {
    for (auto field : {&Opening::mutable_salt, &Opening::mutable_content, &Opening::mutable_label}) {
      auto openings = signed_header.openings;
      ((openings[i].*field)())->back() ^= 1;
      EXPECT_TRUE(HasReason(OpenHeader(view, openings).status(), Reason::kOpeningMismatch)) << i;
    }
  }
  auto twice = signed_header.openings;
  twice.push_back(twice.front());
  EXPECT_TRUE(HasReason(OpenHeader(view, twice).status(), Reason::kOpeningMismatch));
}

TEST(HeaderTest, ARecipientOfSomeSectionsFindsNoTraceOfTheOthers) {
  FakeRandom random(4);
  HeaderParts parts = SampleParts();
  parts.tags.push_back(parts.tags[0]);
  parts.tags[1].set_tag_id(Id('u'));
  parts.sections[1].set_tag_id(Id('u'));
  const auto signed_header = *SignHeader(parts, crypto::SigningKey::Generate(), random);
  const OpenedHeader opened = *OpenHeader(*ParseHeader(signed_header.header), signed_header.openings);
  const auto openings = OpeningsForRecipient(opened, "housing", {Id('a')});
  ASSERT_EQ(openings.size(), 4u);  // Core, itself, one section, its tag.
  std::string wire = signed_header.header.SerializeAsString();
  for (const auto& opening : openings) wire += opening.SerializeAsString();
  for (const std::string& secret : {Id('b'), Id('c'), Id('u'), Id('v'), std::string(32, 'b'), std::string("idva")}) {
    EXPECT_EQ(wire.find(secret), std::string::npos) << secret;
  }
}

struct BadParts {
  const char* name;
  void (*spoil)(HeaderParts&);
  Reason reason;
};

TEST(HeaderTest, PartsThatCannotBeAReferralAreRefusedByName) {
  const BadParts table[] = {
      {"no request id", [](HeaderParts& p) { p.core.clear_request_id(); }, Reason::kFieldMissing},
      {"short request id", [](HeaderParts& p) { p.core.set_request_id("short"); }, Reason::kFieldInvalid},
      {"no worker", [](HeaderParts& p) { p.core.clear_worker(); }, Reason::kFieldMissing},
      {"unspecified role", [](HeaderParts& p) { p.core.mutable_worker()->clear_role(); }, Reason::kFieldMissing},
      {"unknown purpose", [](HeaderParts& p) { p.core.set_purpose(static_cast<Purpose>(99)); }, Reason::kEnumUnknown},
      {"bad UTF-8", [](HeaderParts& p) { p.core.set_forum("\xc0\xaf"); }, Reason::kTextNotUtf8},
      {"long text", [](HeaderParts& p) { p.core.set_forum(std::string(kShortTextBytesMax + 1, 'x')); }, Reason::kFieldInvalid},
      {"no recipient", [](HeaderParts& p) { p.recipients.clear(); }, Reason::kFieldMissing},
      {"recipient twice", [](HeaderParts& p) { p.recipients.push_back(p.recipients[0]); }, Reason::kFieldInvalid},
      {"recipient is sender", [](HeaderParts& p) { p.recipients[0].set_agency("police"); }, Reason::kFieldInvalid},
      {"too many recipients", [](HeaderParts& p) { p.recipients.resize(kRecipientsMax + 1, p.recipients[0]); }, Reason::kMessageTooLarge},
      {"no section", [](HeaderParts& p) { p.sections.clear(); }, Reason::kFieldMissing},
      {"section twice", [](HeaderParts& p) { p.sections.push_back(p.sections[0]); }, Reason::kFieldInvalid},
      {"too many sections", [](HeaderParts& p) { p.sections.resize(kSectionsMax + 1, p.sections[0]); }, Reason::kMessageTooLarge},
      {"dangling tag", [](HeaderParts& p) { p.sections[0].set_tag_id(Id('x')); }, Reason::kFieldInvalid},
      {"short digest", [](HeaderParts& p) { p.sections[0].set_digest("x"); }, Reason::kFieldInvalid},
      {"no consent state", [](HeaderParts& p) { p.tags[0].clear_consent(); }, Reason::kFieldMissing},
      {"too many tokens", [](HeaderParts& p) { for (size_t i = 0; i <= kTokensPerSubjectMax; ++i) { auto& t = *p.subjects[0].add_tokens(); t.set_domain("d"); t.set_token_key("k"); t.set_recipe(1); t.set_token(std::string(32, 'x')); } }, Reason::kFieldInvalid},
      {"exclusion of nobody", [](HeaderParts& p) { p.subjects[0].add_exclusions(); }, Reason::kFieldInvalid},
      {"range ends before it begins", [](HeaderParts& p) { p.core.mutable_happened()->set_earliest_ms(2); p.core.mutable_happened()->set_latest_ms(1); }, Reason::kFieldInvalid},
  };
  for (const BadParts& row : table) {
    HeaderParts parts = SampleParts();
    row.spoil(parts);
    const absl::Status status = ValidateParts(parts, true);
    EXPECT_TRUE(HasReason(status, row.reason)) << row.name << ": " << status;
  }
  HeaderParts full = SampleParts();
  full.core.set_forum(std::string(kShortTextBytesMax, 'x'));
  EXPECT_TRUE(ValidateParts(full, true).ok());
}

// ---------------------------------------------------------------- section

TEST(SectionTest, PaddingClassesAtAndPastEachLimit) {
  constexpr size_t kKiB = 1024;
  EXPECT_EQ(PaddedLength(0), kKiB);
  for (const auto& [limit, next] : std::vector<std::pair<size_t, size_t>>{
           {kKiB, 4 * kKiB}, {4 * kKiB, 16 * kKiB}, {16 * kKiB, 64 * kKiB}, {64 * kKiB, 128 * kKiB}, {128 * kKiB, 192 * kKiB}}) {
    EXPECT_EQ(PaddedLength(limit), limit);
    EXPECT_EQ(PaddedLength(limit + 1), next);
  }
  const SectionBinding binding{"police", "request-1", Id('a'), CATEGORY_RISK, "tag"};
  EXPECT_TRUE(MakePlaintext(binding, std::string(kSectionPlaintextBytesMax - 36, 'x')).ok());
  EXPECT_TRUE(HasReason(MakePlaintext(binding, std::string(kSectionPlaintextBytesMax - 35, 'x')).status(), Reason::kMessageTooLarge));
}

TEST(SectionTest, IsBoundToEveryFieldAndToItsPadding) {
  const SectionBinding binding{"police", "request-1", Id('a'), CATEGORY_RISK, "tag"};
  const std::string plaintext = *MakePlaintext(binding, "content");
  EXPECT_EQ(*ReadPlaintext(binding, plaintext), "content");
  for (const SectionBinding& other : std::vector<SectionBinding>{{"idva", "request-1", Id('a'), CATEGORY_RISK, "tag"},
                                                                 {"police", "request-2", Id('a'), CATEGORY_RISK, "tag"},
                                                                 {"police", "request-1", Id('b'), CATEGORY_RISK, "tag"},
                                                                 {"police", "request-1", Id('a'), CATEGORY_HEALTH, "tag"},
                                                                 {"police", "request-1", Id('a'), CATEGORY_RISK, "tab"}}) {
    EXPECT_TRUE(HasReason(ReadPlaintext(other, plaintext).status(), Reason::kSectionMalformed));
  }
  for (const size_t at : {size_t{0}, size_t{31}, size_t{35}, plaintext.size() - 1}) {
    std::string altered = plaintext;
    altered[at] ^= 1;
    EXPECT_FALSE(ReadPlaintext(binding, altered).ok()) << at;
  }
  EXPECT_FALSE(ReadPlaintext(binding, plaintext + '\0').ok());
  EXPECT_FALSE(ReadPlaintext(binding, plaintext.substr(0, 20)).ok());
}

// ---------------------------------------------------------------- statement

Statement SampleStatement() {
  Statement statement;
  statement.set_request_id("statement-1");
  statement.set_agency("idva");
  *statement.mutable_worker() = SampleParts().core.worker();
  statement.set_header_digest(std::string(32, 'h'));
  statement.set_kind(STATEMENT_KIND_OPENED);
  statement.set_acted_at_ms(1);
  return statement;
}

TEST(StatementTest, SignsAndReadsAndRefusesContradictions) {
  const auto key = crypto::SigningKey::Generate();
  const auto document = SignStatement(SampleStatement(), key);
  ASSERT_TRUE(document.ok()) << document.status();
  EXPECT_EQ(ParseStatement(*document)->agency(), "idva");
  EXPECT_TRUE(VerifySignature(*document, key.public_key()).ok());
  EXPECT_FALSE(VerifySignature(*document, crypto::SigningKey::Generate().public_key()).ok());

  Statement bad = SampleStatement();
  bad.set_decline_reason(DECLINE_REASON_NO_CAPACITY);
  EXPECT_TRUE(HasReason(SignStatement(bad, key).status(), Reason::kFieldMissing));
  bad = SampleStatement();
  bad.set_kind(STATEMENT_KIND_DECIDED);
  EXPECT_TRUE(HasReason(SignStatement(bad, key).status(), Reason::kFieldMissing));
  bad = SampleStatement();
  bad.set_kind(STATEMENT_KIND_OUTCOME);
  EXPECT_TRUE(HasReason(SignStatement(bad, key).status(), Reason::kFieldMissing));
  bad = SampleStatement();
  bad.set_header_digest("short");
  EXPECT_TRUE(HasReason(SignStatement(bad, key).status(), Reason::kStatementMalformed));
}

// ---------------------------------------------------------------- states

TEST(StatesTest, EveryPairIsInTheTableOrIllegal) {
  size_t legal = 0;
  for (int state = 0; state < ReferralState_ARRAYSIZE; ++state) {
    for (const Event event : kAllEvents) {
      const auto next = Next(static_cast<ReferralState>(state), event);
      const auto row = std::find_if(kArrows.begin(), kArrows.end(), [&](const Arrow& a) { return a.from == state && a.event == event; });
      EXPECT_EQ(next.has_value(), row != kArrows.end());
      if (next.has_value()) {
        ++legal;
        EXPECT_EQ(*next, row->to);
      }
    }
  }
  EXPECT_EQ(legal, kArrows.size()) << "a pair stands in the table twice";
  // What must not happen.
  EXPECT_FALSE(Next(REFERRAL_STATE_STORED, Event::kOpen).has_value());
  EXPECT_FALSE(Next(REFERRAL_STATE_DELIVERED, Event::kAccept).has_value()) << "nobody accepts what no person opened";
  EXPECT_FALSE(Next(REFERRAL_STATE_OPENED, Event::kOpen).has_value());
  EXPECT_FALSE(Next(REFERRAL_STATE_DECLINED, Event::kAccept).has_value());
  EXPECT_FALSE(Next(REFERRAL_STATE_DEAD_LETTER, Event::kRelease).has_value());
}

TEST(StatesTest, ImmediateRidesFirstAndAHighNoticeIsNotBulk) {
  EXPECT_EQ(LaneOf(REFERRAL_TYPE_NOTIFICATION, URGENCY_IMMEDIATE, RISK_GRADE_STANDARD), LANE_IMMEDIATE);
  EXPECT_EQ(LaneOf(REFERRAL_TYPE_REFERRAL, URGENCY_ROUTINE, RISK_GRADE_HIGH), LANE_HIGH);
  EXPECT_EQ(LaneOf(REFERRAL_TYPE_NOTIFICATION, URGENCY_ROUTINE, RISK_GRADE_HIGH), LANE_HIGH);
  EXPECT_EQ(LaneOf(REFERRAL_TYPE_NOTIFICATION, URGENCY_ROUTINE, RISK_GRADE_MEDIUM), LANE_NOTICES);
  EXPECT_EQ(LaneOf(REFERRAL_TYPE_REFERRAL, URGENCY_ROUTINE, RISK_GRADE_UNSPECIFIED), LANE_STANDARD);
}

// ---------------------------------------------------------------- decision

struct Case {
  const char* name;
  void (*change)(PolicySnapshot&, HeaderParts&);
  const char* recipient;
  Category category;
  const char* expected;
};

TEST(DecisionTest, Table) {
  const Case table[] = {
      {"route and consent", [](PolicySnapshot&, HeaderParts&) {}, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"no route for the category", [](PolicySnapshot&, HeaderParts&) {}, "housing", CATEGORY_RISK, "WITHHOLD default/no-route"},
      {"no agreement", [](PolicySnapshot& p, HeaderParts&) { p.agreement.reset(); }, "idva", CATEGORY_RISK, "WITHHOLD default/no-agreement"},
      {"agreement not yet in force", [](PolicySnapshot& p, HeaderParts&) { p.agreement->effective_from = kNow + absl::Seconds(1); }, "idva", CATEGORY_RISK, "WITHHOLD default/no-agreement"},
      {"agreement expired", [](PolicySnapshot& p, HeaderParts&) { p.agreement->expires = kNow; }, "idva", CATEGORY_RISK, "WITHHOLD default/no-agreement"},
      {"sender is no party", [](PolicySnapshot& p, HeaderParts&) { p.agreement->parties = {"idva", "housing"}; }, "idva", CATEGORY_RISK, "WITHHOLD default/no-route"},
      {"recipient is no party", [](PolicySnapshot& p, HeaderParts&) { p.agreement->parties = {"police", "housing"}; }, "idva", CATEGORY_RISK, "WITHHOLD default/no-route"},
      {"other purpose", [](PolicySnapshot&, HeaderParts& r) { r.core.set_purpose(PURPOSE_HEALTH_CARE); }, "idva", CATEGORY_RISK, "WITHHOLD default/no-route"},
      {"sender of another kind", [](PolicySnapshot& p, HeaderParts&) { p.agencies["police"].kind = AGENCY_KIND_HEALTH; }, "idva", CATEGORY_RISK, "WITHHOLD default/no-route"},
      {"sender inactive", [](PolicySnapshot& p, HeaderParts&) { p.agencies["police"].active = false; }, "idva", CATEGORY_RISK, "WITHHOLD default/no-route"},
      {"recipient inactive", [](PolicySnapshot&, HeaderParts& r) { r.recipients[0].set_agency("closed"); }, "closed", CATEGORY_RISK, "WITHHOLD always/recipient-unknown"},
      {"recipient unknown", [](PolicySnapshot&, HeaderParts& r) { r.recipients[0].set_agency("nobody"); }, "nobody", CATEGORY_RISK, "WITHHOLD always/recipient-unknown"},
      {"grade below the route's", [](PolicySnapshot& p, HeaderParts& r) { p.agreement->routes[0].min_grade = RISK_GRADE_HIGH; r.core.mutable_risk()->set_grade(RISK_GRADE_MEDIUM); }, "idva", CATEGORY_RISK, "WITHHOLD default/no-route"},
      {"grade at the route's", [](PolicySnapshot& p, HeaderParts& r) { p.agreement->routes[0].min_grade = RISK_GRADE_HIGH; r.core.mutable_risk()->set_grade(RISK_GRADE_HIGH); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"another forum", [](PolicySnapshot& p, HeaderParts& r) { p.agreement->routes[0].forum = "marac-a"; r.core.set_forum("marac-b"); }, "idva", CATEGORY_RISK, "WITHHOLD default/no-route"},
      {"the forum", [](PolicySnapshot& p, HeaderParts& r) { p.agreement->routes[0].forum = "marac-a"; r.core.set_forum("marac-a"); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"consent refused", [](PolicySnapshot&, HeaderParts& r) { r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_REFUSED); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/consent-or-basis"},
      {"refused, gateway alone", [](PolicySnapshot&, HeaderParts& r) { r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_REFUSED); r.tags[0].set_gateway(GATEWAY_CDA1998_S115); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/consent-or-basis"},
      {"refused, gateway and rationale", [](PolicySnapshot&, HeaderParts& r) { r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_REFUSED); r.tags[0].set_gateway(GATEWAY_CDA1998_S115); r.tags[0].set_rationale_present(true); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/consent-or-basis"},
      {"refused, gateway, rationale, approver", [](PolicySnapshot&, HeaderParts& r) { r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_REFUSED); r.tags[0].set_gateway(GATEWAY_CDA1998_S115); r.tags[0].set_rationale_present(true); r.tags[0].set_approver("sgt-1"); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"the route needs consent", [](PolicySnapshot& p, HeaderParts& r) { p.agreement->routes[0].needs_consent = true; r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_REFUSED); r.tags[0].set_gateway(GATEWAY_CDA1998_S115); r.tags[0].set_rationale_present(true); r.tags[0].set_approver("sgt-1"); }, "idva", CATEGORY_RISK, "NEEDS_BASIS agreement/test-1/to-idva"},
      {"withdrawn", [](PolicySnapshot&, HeaderParts& r) { r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_WITHDRAWN); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/consent-or-basis"},
      {"no lawful basis", [](PolicySnapshot&, HeaderParts& r) { r.tags[0].clear_article6(); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/lawful-basis"},
      {"limit: not this kind", [](PolicySnapshot&, HeaderParts& r) { r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_GIVEN_WITH_LIMITS); r.tags[0].add_consent_excludes_kinds(AGENCY_KIND_IDVA); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/consent-or-basis"},
      {"limit: another kind", [](PolicySnapshot&, HeaderParts& r) { r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_GIVEN_WITH_LIMITS); r.tags[0].add_consent_excludes_kinds(AGENCY_KIND_POLICE); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"limit: only other categories", [](PolicySnapshot&, HeaderParts& r) { r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_GIVEN_WITH_LIMITS); r.tags[0].add_consent_categories(CATEGORY_HOUSING); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/consent-or-basis"},
      {"limit: only other kinds", [](PolicySnapshot&, HeaderParts& r) { r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_GIVEN_WITH_LIMITS); r.tags[0].add_consent_kinds(AGENCY_KIND_HOUSING); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/consent-or-basis"},
      {"excluded agency", [](PolicySnapshot&, HeaderParts& r) { r.subjects[0].add_exclusions()->set_agency("idva"); }, "idva", CATEGORY_RISK, "WITHHOLD always/protective-list"},
      {"excluded kind", [](PolicySnapshot&, HeaderParts& r) { r.subjects[0].add_exclusions()->set_kind(AGENCY_KIND_IDVA); }, "idva", CATEGORY_RISK, "WITHHOLD always/protective-list"},
      {"excluded, and danger now", [](PolicySnapshot&, HeaderParts& r) { r.core.set_urgency(URGENCY_IMMEDIATE); r.subjects[0].add_exclusions()->set_agency("idva"); }, "idva", CATEGORY_RISK, "WITHHOLD always/protective-list"},
      {"worker with a conflict", [](PolicySnapshot& p, HeaderParts&) { p.conflicts["police"].insert("pc-1"); }, "idva", CATEGORY_RISK, "WITHHOLD always/protective-list"},
      {"another agency's conflict", [](PolicySnapshot& p, HeaderParts&) { p.conflicts["idva"].insert("pc-1"); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"works at the recipient", [](PolicySnapshot&, HeaderParts& r) { r.subjects[0].set_works_at("idva"); }, "idva", CATEGORY_RISK, "WITHHOLD always/works-at-agency"},
      {"works there, confidential desk", [](PolicySnapshot&, HeaderParts& r) { r.subjects[0].set_works_at("idva"); r.recipients[0].set_desk(DESK_CONFIDENTIAL); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"immigration enforcement", [](PolicySnapshot&, HeaderParts& r) { r.core.set_purpose(PURPOSE_IMMIGRATION_ENFORCEMENT); r.core.set_urgency(URGENCY_IMMEDIATE); }, "idva", CATEGORY_RISK, "WITHHOLD always/immigration-enforcement"},
      {"immigration status to police", [](PolicySnapshot& p, HeaderParts& r) { p.agencies["idva"].kind = AGENCY_KIND_POLICE; r.sections[1].set_category(CATEGORY_IMMIGRATION_STATUS); }, "idva", CATEGORY_IMMIGRATION_STATUS, "WITHHOLD always/immigration-status"},
      {"immigration status for support", [](PolicySnapshot&, HeaderParts& r) { r.sections[1].set_category(CATEGORY_IMMIGRATION_STATUS); }, "idva", CATEGORY_IMMIGRATION_STATUS, "PERMIT agreement/test-1/to-idva"},
      {"confidential address", [](PolicySnapshot&, HeaderParts& r) { r.sections[0].set_confidential_address(true); }, "idva", CATEGORY_IDENTITY, "WITHHOLD always/confidential-address"},
      {"confidential address, named route", [](PolicySnapshot& p, HeaderParts& r) { p.agreement->routes[0].confidential_address = true; r.sections[0].set_confidential_address(true); }, "idva", CATEGORY_IDENTITY, "PERMIT agreement/test-1/to-idva"},
      {"confidential address, danger now", [](PolicySnapshot& p, HeaderParts& r) { p.agreement.reset(); r.core.set_urgency(URGENCY_IMMEDIATE); r.sections[0].set_confidential_address(true); }, "idva", CATEGORY_IDENTITY, "WITHHOLD default/no-agreement"},
      {"danger now, no agreement", [](PolicySnapshot& p, HeaderParts& r) { p.agreement.reset(); r.core.set_urgency(URGENCY_IMMEDIATE); }, "idva", CATEGORY_RISK, "PERMIT emergency/emergency-1"},
      {"danger now, basis lacking", [](PolicySnapshot&, HeaderParts& r) { r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_NOT_SOUGHT_UNSAFE); r.core.set_urgency(URGENCY_IMMEDIATE); }, "idva", CATEGORY_RISK, "PERMIT emergency/emergency-1"},
      {"danger now, category not in the schedule", [](PolicySnapshot& p, HeaderParts& r) { p.agreement.reset(); r.core.set_urgency(URGENCY_IMMEDIATE); }, "idva", CATEGORY_HOUSING, "WITHHOLD default/no-agreement"},
      {"danger now, kind not in the schedule", [](PolicySnapshot& p, HeaderParts& r) { p.agreement.reset(); r.core.set_urgency(URGENCY_IMMEDIATE); }, "housing", CATEGORY_IDENTITY, "WITHHOLD default/no-agreement"},
      {"duty to refer from police", [](PolicySnapshot&, HeaderParts& r) { r.core.set_purpose(PURPOSE_HOUSING_DUTY_TO_REFER); }, "housing", CATEGORY_IDENTITY, "WITHHOLD always/duty-to-refer-sender"},
      {"duty to refer to an Idva", [](PolicySnapshot& p, HeaderParts& r) { p.agencies["police"].kind = AGENCY_KIND_HEALTH; r.core.set_purpose(PURPOSE_HOUSING_DUTY_TO_REFER); }, "idva", CATEGORY_IDENTITY, "WITHHOLD always/duty-to-refer-recipient"},
      {"duty to refer without consent", [](PolicySnapshot& p, HeaderParts& r) { p.agencies["police"].kind = AGENCY_KIND_HEALTH; r.core.set_purpose(PURPOSE_HOUSING_DUTY_TO_REFER); r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_NOT_SOUGHT_UNSAFE); }, "housing", CATEGORY_IDENTITY, "NEEDS_BASIS always/duty-to-refer-consent"},
      {"duty to refer with consent", [](PolicySnapshot& p, HeaderParts& r) { p.agencies["police"].kind = AGENCY_KIND_HEALTH; p.agreement->routes[1].from_kinds = {AGENCY_KIND_HEALTH}; p.agreement->routes[1].purposes = {PURPOSE_HOUSING_DUTY_TO_REFER}; r.core.set_purpose(PURPOSE_HOUSING_DUTY_TO_REFER); }, "housing", CATEGORY_IDENTITY, "PERMIT agreement/test-1/to-housing"},
  };
  for (const Case& row : table) {
    PolicySnapshot policy = SamplePolicy();
    HeaderParts parts = SampleParts();
    row.change(policy, parts);
    EXPECT_EQ(RuleOf(policy, parts, row.recipient, row.category), row.expected) << row.name;
  }
}

TEST(DecisionTest, EveryRefusalSaysWhyAndTheProtectiveOneSaysNoMore) {
  PolicySnapshot policy = SamplePolicy();
  HeaderParts parts = SampleParts();
  parts.subjects[0].add_exclusions()->set_agency("idva");
  policy.conflicts["police"].insert("somebody-else");
  std::set<std::string> protective;
  for (const auto& decision : Decide(policy, parts, kNow).decisions) {
    EXPECT_FALSE(decision.reason().empty());
    EXPECT_FALSE(decision.rule_id().empty());
    if (decision.rule_id() == "always/protective-list") {
      protective.insert(decision.reason());
      EXPECT_EQ(decision.what_would_change_it_size(), 0);
    }
  }
  EXPECT_EQ(protective.size(), 1u);
}

// Properties over generated referrals: adding a restriction never adds a permit; the order of parts means nothing.
TEST(DecisionTest, RestrictionsOnlyRestrictAndOrderMeansNothing) {
  FakeRandom random(11);
  for (int round = 0; round < 300; ++round) {
    PolicySnapshot policy = SamplePolicy();
    HeaderParts parts = SampleParts();
    parts.tags[0].set_consent(static_cast<ConfidentialityConsent>(1 + random.Below(6)));
    parts.core.set_urgency(static_cast<Urgency>(random.Below(3)));
    parts.core.set_purpose(static_cast<Purpose>(1 + random.Below(9)));
    if (random.Below(2) == 0) parts.tags[0].set_gateway(GATEWAY_CA2004_S11);
    if (random.Below(2) == 0) parts.tags[0].set_rationale_present(true);
    if (random.Below(2) == 0) parts.tags[0].set_approver("sgt-1");
    if (random.Below(4) == 0) policy.agreement.reset();
    const Decisions before = Decide(policy, parts, kNow);
    const std::string digest = DecisionDigest(policy, before);

    HeaderParts shuffled = parts;
    std::reverse(shuffled.recipients.begin(), shuffled.recipients.end());
    std::reverse(shuffled.sections.begin(), shuffled.sections.end());
    EXPECT_EQ(DecisionDigest(policy, Decide(policy, shuffled, kNow)), digest);
    if (policy.agreement.has_value()) {
      PolicySnapshot reversed = policy;
      std::reverse(reversed.agreement->routes.begin(), reversed.agreement->routes.end());
      EXPECT_EQ(DecisionDigest(reversed, Decide(reversed, parts, kNow)), digest);
    }

    switch (random.Below(5)) {
      case 0: parts.subjects[0].add_exclusions()->set_kind(static_cast<AgencyKind>(1 + random.Below(5))); break;
      case 1: policy.conflicts["police"].insert("pc-1"); break;
      case 2: parts.sections[random.Below(3)].set_confidential_address(true); break;
      case 3: parts.subjects[0].set_works_at(random.Below(2) == 0 ? "idva" : "housing"); break;
      default: policy.agencies["idva"].active = false; break;
    }
    const Decisions after = Decide(policy, parts, kNow);
    for (const char* agency : {"idva", "housing"}) {
      const auto had = PermittedSections(before, agency), has = PermittedSections(after, agency);
      EXPECT_TRUE(std::includes(had.begin(), had.end(), has.begin(), has.end())) << agency << " round " << round;
    }
  }
}

TEST(DecisionTest, AVictimUnder16IsWarnedOfNeverDropped) {
  HeaderParts parts = SampleParts();
  parts.subjects[0].set_age_band(AGE_BAND_UNDER_16);
  const Decisions decisions = Decide(SamplePolicy(), parts, kNow);
  ASSERT_EQ(decisions.warnings.size(), 1u);
  EXPECT_NE(decisions.warnings[0].find("children's services"), std::string::npos);
  EXPECT_EQ(RuleOf(decisions, "idva", CATEGORY_RISK), "PERMIT agreement/test-1/to-idva");
}

TEST(AgreementTest, ContradictionsAreNamed) {
  const auto expect = [](void (*spoil)(Agreement&), std::string_view words) {
    Agreement agreement = *SamplePolicy().agreement;
    spoil(agreement);
    const absl::Status status = ValidateAgreement(agreement);
    EXPECT_TRUE(HasReason(status, Reason::kAgreementMalformed)) << words;
    EXPECT_NE(std::string(status.message()).find(words), std::string::npos) << status;
  };
  EXPECT_TRUE(ValidateAgreement(*SamplePolicy().agreement).ok());
  expect([](Agreement& a) { a.version = "A B"; }, "version");
  expect([](Agreement& a) { a.expires = a.effective_from; }, "expires");
  expect([](Agreement& a) { a.parties = {"police"}; }, "two parties");
  expect([](Agreement& a) { a.routes.clear(); }, "no route");
  expect([](Agreement& a) { a.routes[1].id = a.routes[0].id; }, "twice");
  expect([](Agreement& a) { a.routes[0].categories.clear(); }, "no category");
  expect([](Agreement& a) { a.routes[0].to_agencies = {"stranger"}; }, "no party");
  expect([](Agreement& a) { a.routes[0].purposes = {PURPOSE_IMMIGRATION_ENFORCEMENT}; }, "never a purpose");
  expect([](Agreement& a) { a.routes[0].to_kinds = {AGENCY_KIND_POLICE}; }, "does not go to police");
}

// ---------------------------------------------------------------- risk, identifiers, tokens

google::protobuf::RepeatedPtrField<RiskAnswer> Ric(size_t yes, size_t dont_know = 0) {
  google::protobuf::RepeatedPtrField<RiskAnswer> answers;
  for (size_t i = 0; i < RicQuestions().size(); ++i) {
    RiskAnswer& answer = *answers.Add();
    answer.set_question(std::string(RicQuestions()[i].code));
    answer.set_answer(i < yes ? "YES" : i < yes + dont_know ? "DONT_KNOW" : "NO");
  }
  return answers;
}

TEST(RiskTest, BandsAtAndPastTheirLimits) {
  EXPECT_EQ(ScoreRic(Ric(9))->grade, RISK_GRADE_STANDARD);
  EXPECT_EQ(ScoreRic(Ric(10))->grade, RISK_GRADE_MEDIUM);
  EXPECT_EQ(ScoreRic(Ric(13))->grade, RISK_GRADE_MEDIUM);
  EXPECT_EQ(ScoreRic(Ric(14))->grade, RISK_GRADE_HIGH);
  EXPECT_EQ(ScoreRic(Ric(10), 10)->grade, RISK_GRADE_HIGH) << "the threshold is local";
  EXPECT_EQ(ScoreRic(Ric(5, 19))->yes, 5u);
  EXPECT_EQ(ScoreRic(Ric(5, 19))->dont_know, 19u);
  auto lacking = Ric(3);
  lacking.RemoveLast();
  EXPECT_FALSE(ScoreRic(lacking).ok());
  auto twice = Ric(3);
  *twice.Add() = twice.Get(0);
  EXPECT_FALSE(ScoreRic(twice).ok());
}

TEST(RiskTest, JudgementMayRaiseNeverLower) {
  const RicScore medium = *ScoreRic(Ric(11));
  EXPECT_TRUE(CheckJudgement(RISK_GRADE_HIGH, medium).ok());
  EXPECT_TRUE(CheckJudgement(RISK_GRADE_MEDIUM, medium).ok());
  EXPECT_TRUE(HasReason(CheckJudgement(RISK_GRADE_STANDARD, medium), Reason::kFieldInvalid));
}

TEST(IdentifiersTest, VectorsOfTheField) {
  EXPECT_TRUE(IsNhsNumber("9434765919"));
  EXPECT_TRUE(IsNhsNumber("943 476 5919"));
  EXPECT_TRUE(IsNhsNumber("4010232137"));
  EXPECT_FALSE(IsNhsNumber("9434765918"));
  EXPECT_FALSE(IsNhsNumber("943476591"));
  EXPECT_FALSE(IsNhsNumber("94347659l9"));
  EXPECT_TRUE(IsUpn("B801200005001"));
  EXPECT_FALSE(IsUpn("A801200005001"));
  EXPECT_TRUE(IsUpn("P207000016049")) << "two vendors print Q here; they are wrong";
  EXPECT_FALSE(IsUpn("Q207000016049"));
}

Person Somebody(const std::string& given, const std::string& family, const std::string& born) {
  Person person;
  person.set_given_names(given);
  person.set_family_name(family);
  person.add_dates_of_birth(born);
  return person;
}

TEST(SubjectTokenTest, SpellingsOfOneNameMakeOneToken) {
  EXPECT_EQ(NormaliseName("Zoë O'Brien-Smith"), NormaliseName("SMITH  obrien, zoe"));
  EXPECT_NE(NormaliseName("Zoe Smith"), NormaliseName("Zoe Smyth"));
  const auto one = MakeTokens(Somebody("Zoë", "O'Brien-Smith", "1990-01-02"), "area", "k1", "key");
  const auto two = MakeTokens(Somebody("zoe", "Smith OBrien", "1990-01-02"), "area", "k1", "key");
  ASSERT_EQ(one.size(), 2u);
  EXPECT_TRUE(one[0].strong());
  EXPECT_FALSE(one[1].strong());
  EXPECT_EQ(one[0].token(), two[0].token());
  EXPECT_NE(one[0].token(), MakeTokens(Somebody("zoe", "Smith OBrien", "1990-01-02"), "area", "k1", "other")[0].token());
}

TEST(SubjectTokenTest, GoldenVector) {
  const auto tokens = MakeTokens(Somebody("Miriam Joy", "Ashdown", "1991-04-17"), "northshire", "k1", std::string(32, 'k'));
  // HMAC-SHA-256 over the fields of formats.md §11, computed with Python's hmac.
  EXPECT_EQ(ToHex(tokens[0].token()), "96876e64dc709ced3ff8e14162216ac9288f5a556862c78e0dec221b6337afc4");
}

TEST(SubjectTokenTest, OnlyAVerifiedRightNhsNumberMakesAToken) {
  Person person;
  auto& identifier = *person.add_identifiers();
  identifier.set_scheme("nhs_number");
  identifier.set_value("943 476 5919");
  EXPECT_TRUE(MakeTokens(person, "d", "k", "key").empty());
  identifier.set_verified(true);
  EXPECT_EQ(MakeTokens(person, "d", "k", "key").size(), 1u);
  identifier.set_value("9434765918");
  EXPECT_TRUE(MakeTokens(person, "d", "k", "key").empty());
}

}  // namespace
}  // namespace accord::referral
