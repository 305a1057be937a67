#include <gtest/gtest.h>

#include <fmt/format.h>

#include <algorithm>
#include <array>

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

// A header over openings of one's own making, as a hostile sender may sign one.
absl::Status OpenForged(const SignedHeader& honest, std::vector<Opening> openings) {
  HeaderView view = *ParseHeader(honest.header);
  for (const Opening& opening : openings) {
    view.commitments.push_back(crypto::Commit(crypto::kHeaderPartDomain, {opening.label(), opening.salt(), opening.content()}));
  }
  std::sort(view.commitments.begin(), view.commitments.end());
  for (const Opening& opening : honest.openings) openings.push_back(opening);
  return OpenHeader(view, openings).status();
}

TEST(HeaderTest, PartsThatWereSignedButCannotBeAreRefused) {
  FakeRandom random(6);
  const auto honest = *SignHeader(SampleParts(), crypto::SigningKey::Generate(), random);
  const auto opening = [&](const char* label, const std::string& content) {
    Opening made;
    made.set_label(label);
    made.set_salt(random.Bytes(32));
    made.set_content(content);
    return made;
  };
  EXPECT_EQ(OpenForged(honest, {}), absl::OkStatus());
  EXPECT_TRUE(HasReason(OpenForged(honest, {opening("core", honest.openings[0].content())}), Reason::kHeaderMalformed)) << "two cores";
  EXPECT_TRUE(HasReason(OpenForged(honest, {opening("secret", "")}), Reason::kHeaderMalformed)) << "unknown label";
  EXPECT_TRUE(HasReason(OpenForged(honest, {opening("section", "\xff")}), Reason::kHeaderMalformed)) << "does not parse";
  EXPECT_TRUE(HasReason(OpenForged(honest, {opening("section", "")}), Reason::kFieldMissing)) << "empty part";
  EXPECT_TRUE(HasReason(OpenForged(honest, {opening("subject", std::string(kPartBytesMax, '\0'))}), Reason::kHeaderMalformed));
  EXPECT_TRUE(HasReason(OpenForged(honest, {opening("subject", std::string(kPartBytesMax + 1, '\0'))}), Reason::kMessageTooLarge));
  const std::span<const Opening> all = honest.openings;
  EXPECT_TRUE(HasReason(OpenHeader(*ParseHeader(honest.header), all.subspan(1)).status(), Reason::kHeaderMalformed)) << "no core";
  SignedPayload other = honest.header;
  other.set_payload_type("application/vnd.accord.statement.v1");
  EXPECT_TRUE(HasReason(ParseHeader(other).status(), Reason::kHeaderMalformed));
  other = honest.header;
  other.set_key_id(std::string(32, 'k'));
  EXPECT_TRUE(HasReason(ParseHeader(other).status(), Reason::kHeaderMalformed));
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
      {"long pseudonym", [](HeaderParts& p) { p.core.mutable_worker()->set_pseudonym(std::string(kPseudonymBytesMax + 1, 'x')); }, Reason::kFieldInvalid},
      {"long screening version", [](HeaderParts& p) { p.core.set_screening_version(std::string(kVersionBytesMax + 1, 'x')); }, Reason::kFieldInvalid},
      {"long instrument version", [](HeaderParts& p) { p.core.mutable_risk()->set_instrument_version(std::string(kInstrumentVersionBytesMax + 1, 'x')); }, Reason::kFieldInvalid},
      {"too many criteria", [](HeaderParts& p) { for (size_t i = 0; i <= kCodesPerListMax; ++i) p.core.add_marac_criteria(MARAC_CRITERION_MARAC_REPEAT); }, Reason::kFieldInvalid},
      {"sender is no agency id", [](HeaderParts& p) { p.core.set_sender("Police!"); }, Reason::kFieldInvalid},
      {"short cause", [](HeaderParts& p) { p.core.set_caused_by("x"); }, Reason::kFieldInvalid},
      {"known range ends before it begins", [](HeaderParts& p) { p.core.mutable_known()->set_earliest_ms(1); }, Reason::kFieldInvalid},
      {"recipient is no agency id", [](HeaderParts& p) { p.recipients[0].set_agency("An Agency"); }, Reason::kFieldInvalid},
      {"deputy of nobody", [](HeaderParts& p) { p.recipients[0].set_capacity(RECIPIENT_CAPACITY_DEPUTY); }, Reason::kFieldInvalid},
      {"deputy of no agency id", [](HeaderParts& p) { p.recipients[0].set_capacity(RECIPIENT_CAPACITY_DUTY); p.recipients[0].set_on_behalf_of("An Agency"); }, Reason::kFieldInvalid},
      {"named on behalf of another", [](HeaderParts& p) { p.recipients[0].set_on_behalf_of("housing"); }, Reason::kFieldInvalid},
      {"no capacity", [](HeaderParts& p) { p.recipients[0].clear_capacity(); }, Reason::kFieldMissing},
      {"unknown desk", [](HeaderParts& p) { p.recipients[0].set_desk(static_cast<Desk>(9)); }, Reason::kEnumUnknown},
      {"too many tags", [](HeaderParts& p) { p.tags.resize(kSectionsMax + 1, p.tags[0]); }, Reason::kMessageTooLarge},
      {"tag twice", [](HeaderParts& p) { p.tags.push_back(p.tags[0]); }, Reason::kFieldInvalid},
      {"short tag id", [](HeaderParts& p) { p.tags[0].set_tag_id("t"); }, Reason::kFieldInvalid},
      {"long approver", [](HeaderParts& p) { p.tags[0].set_approver(std::string(kPseudonymBytesMax + 1, 'x')); }, Reason::kFieldInvalid},
      {"long decision-maker", [](HeaderParts& p) { p.tags[0].set_decision_maker(std::string(kPseudonymBytesMax + 1, 'x')); }, Reason::kFieldInvalid},
      {"too many kinds of a consent", [](HeaderParts& p) { for (size_t i = 0; i <= kCodesPerListMax; ++i) p.tags[0].add_consent_kinds(AGENCY_KIND_IDVA); }, Reason::kFieldInvalid},
      {"too many excluded kinds", [](HeaderParts& p) { for (size_t i = 0; i <= kCodesPerListMax; ++i) p.tags[0].add_consent_excludes_kinds(AGENCY_KIND_IDVA); }, Reason::kFieldInvalid},
      {"too many categories of a consent", [](HeaderParts& p) { for (size_t i = 0; i <= kCodesPerListMax; ++i) p.tags[0].add_consent_categories(CATEGORY_RISK); }, Reason::kFieldInvalid},
      {"unspecified kind in a consent", [](HeaderParts& p) { p.tags[0].add_consent_kinds(AGENCY_KIND_UNSPECIFIED); }, Reason::kEnumUnknown},
      {"too many subjects", [](HeaderParts& p) { p.subjects.resize(kSubjectsMax + 1, p.subjects[0]); }, Reason::kMessageTooLarge},
      {"subject twice", [](HeaderParts& p) { p.subjects.push_back(p.subjects[0]); }, Reason::kFieldInvalid},
      {"too many exclusions", [](HeaderParts& p) { for (size_t i = 0; i <= kExclusionsPerSubjectMax; ++i) p.subjects[0].add_exclusions()->set_agency("idva"); }, Reason::kFieldInvalid},
      {"exclusion of no agency id", [](HeaderParts& p) { p.subjects[0].add_exclusions()->set_agency("The Idva"); }, Reason::kFieldInvalid},
      {"exclusion of two", [](HeaderParts& p) { auto& e = *p.subjects[0].add_exclusions(); e.set_agency("idva"); e.set_kind(AGENCY_KIND_IDVA); }, Reason::kFieldInvalid},
      {"works at no agency id", [](HeaderParts& p) { p.subjects[0].set_works_at("the council"); }, Reason::kFieldInvalid},
      {"short token", [](HeaderParts& p) { auto& t = *p.subjects[0].add_tokens(); t.set_domain("d"); t.set_token_key("k"); t.set_recipe(1); t.set_token("x"); }, Reason::kFieldInvalid},
      {"long token domain", [](HeaderParts& p) { auto& t = *p.subjects[0].add_tokens(); t.set_domain(std::string(kVersionBytesMax + 1, 'd')); t.set_token_key("k"); t.set_recipe(1); t.set_token(std::string(32, 'x')); }, Reason::kFieldInvalid},
      {"long token key", [](HeaderParts& p) { auto& t = *p.subjects[0].add_tokens(); t.set_domain("d"); t.set_token_key(std::string(kVersionBytesMax + 1, 'd')); t.set_recipe(1); t.set_token(std::string(32, 'x')); }, Reason::kFieldInvalid},
  };
  for (const BadParts& row : table) {
    HeaderParts parts = SampleParts();
    row.spoil(parts);
    const absl::Status status = ValidateParts(parts, true);
    EXPECT_TRUE(HasReason(status, row.reason)) << row.name << ": " << status;
  }
  // All at their limits at once.
  HeaderParts full = SampleParts();
  full.core.set_forum(std::string(kShortTextBytesMax, 'x'));
  full.core.mutable_worker()->set_pseudonym(std::string(kPseudonymBytesMax, 'x'));
  full.core.set_screening_version(std::string(kVersionBytesMax, 'x'));
  full.core.mutable_risk()->set_instrument_version(std::string(kInstrumentVersionBytesMax, 'x'));
  full.recipients.resize(kRecipientsMax, full.recipients[0]);
  for (size_t i = 0; i < kRecipientsMax; ++i) full.recipients[i].set_agency(fmt::format("agency-{}", i));
  full.recipients[0].set_capacity(RECIPIENT_CAPACITY_DEPUTY);
  full.recipients[0].set_on_behalf_of("agency-1");
  const auto number = [](auto& rows, size_t count, auto set_id) {
    rows.resize(count, rows[0]);
    for (size_t i = 0; i < count; ++i) set_id(rows[i], fmt::format("{:016}", i));
  };
  number(full.tags, kSectionsMax, [](TagPart& part, const std::string& id) { part.set_tag_id(id); });
  number(full.sections, kSectionsMax, [](SectionPart& part, const std::string& id) { part.set_section_id(id); });
  for (auto& section : full.sections) section.set_tag_id(full.tags[7].tag_id());
  for (size_t i = 0; i < kCodesPerListMax; ++i) {
    full.core.add_marac_criteria(MARAC_CRITERION_MARAC_REPEAT);
    full.tags[0].add_consent_kinds(AGENCY_KIND_IDVA);
    full.tags[0].add_consent_excludes_kinds(AGENCY_KIND_IDVA);
    full.tags[0].add_consent_categories(CATEGORY_RISK);
  }
  full.tags[0].set_approver(std::string(kPseudonymBytesMax, 'x'));
  full.tags[0].set_decision_maker(std::string(kPseudonymBytesMax, 'x'));
  for (size_t i = 0; i < kExclusionsPerSubjectMax; ++i) full.subjects[0].add_exclusions()->set_agency("agency-1");
  for (size_t i = 0; i < kTokensPerSubjectMax; ++i) {
    auto& token = *full.subjects[0].add_tokens();
    token.set_domain(std::string(kVersionBytesMax, 'd'));
    token.set_token_key(std::string(kVersionBytesMax, 'k'));
    token.set_recipe(1);
    token.set_token(std::string(32, 'x'));
  }
  number(full.subjects, kSubjectsMax, [](SubjectPart& part, const std::string& id) { part.set_subject_id(id); });
  EXPECT_EQ(ValidateParts(full, true), absl::OkStatus());
  FakeRandom random(5);
  const auto signed_header = SignHeader(full, crypto::SigningKey::Generate(), random);
  ASSERT_EQ(signed_header.status(), absl::OkStatus());
  EXPECT_EQ(OpenHeader(*ParseHeader(signed_header->header), signed_header->openings)->recipients.size(), kRecipientsMax);
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

  struct Row {
    const char* name;
    void (*spoil)(Statement&);
    Reason reason;
  };
  const Row table[] = {
      {"reason without DECLINED", [](Statement& s) { s.set_decline_reason(DECLINE_REASON_NO_CAPACITY); }, Reason::kFieldInvalid},
      {"DECLINED without reason", [](Statement& s) { s.set_kind(STATEMENT_KIND_DECLINED); }, Reason::kFieldMissing},
      {"decision without DECIDED", [](Statement& s) { s.set_decision(CONTACT_DECISION_SECTION_47); }, Reason::kFieldInvalid},
      {"DECIDED without decision", [](Statement& s) { s.set_kind(STATEMENT_KIND_DECIDED); }, Reason::kFieldMissing},
      {"code without OUTCOME", [](Statement& s) { s.set_outcome_code("housed"); }, Reason::kFieldInvalid},
      {"OUTCOME without code", [](Statement& s) { s.set_kind(STATEMENT_KIND_OUTCOME); }, Reason::kFieldMissing},
      {"ACTION without code", [](Statement& s) { s.set_kind(STATEMENT_KIND_ACTION); }, Reason::kFieldMissing},
      {"CORRECTION by nothing", [](Statement& s) { s.set_kind(STATEMENT_KIND_CORRECTION); }, Reason::kFieldMissing},
      {"replaced without CORRECTION", [](Statement& s) { s.set_replaced_by(std::string(32, 'r')); }, Reason::kFieldInvalid},
      {"unknown decision", [](Statement& s) { s.set_decision(static_cast<ContactDecision>(99)); }, Reason::kEnumUnknown},
      {"no worker", [](Statement& s) { s.clear_worker(); }, Reason::kFieldMissing},
      {"no kind", [](Statement& s) { s.clear_kind(); }, Reason::kFieldMissing},
      {"bad request id", [](Statement& s) { s.set_request_id("short"); }, Reason::kStatementMalformed},
      {"no agency id", [](Statement& s) { s.set_agency("The Idva"); }, Reason::kStatementMalformed},
      {"long pseudonym", [](Statement& s) { s.mutable_worker()->set_pseudonym(std::string(kPseudonymBytesMax + 1, 'x')); }, Reason::kStatementMalformed},
      {"short header digest", [](Statement& s) { s.set_header_digest("short"); }, Reason::kStatementMalformed},
      {"short previous digest", [](Statement& s) { s.set_previous_statement("short"); }, Reason::kStatementMalformed},
      {"short replacement", [](Statement& s) { s.set_replaced_by("short"); }, Reason::kStatementMalformed},
      {"short section digest", [](Statement& s) { s.add_section_digests("short"); }, Reason::kStatementMalformed},
      {"too many sections", [](Statement& s) { for (size_t i = 0; i <= kStatementSectionsMax; ++i) s.add_section_digests(std::string(32, 's')); }, Reason::kStatementMalformed},
      {"long code", [](Statement& s) { s.set_kind(STATEMENT_KIND_OUTCOME); s.set_outcome_code(std::string(kOutcomeCodeBytesMax + 1, 'x')); }, Reason::kStatementMalformed},
  };
  for (const Row& row : table) {
    Statement bad = SampleStatement();
    row.spoil(bad);
    const absl::Status status = SignStatement(bad, key).status();
    EXPECT_TRUE(HasReason(status, row.reason)) << row.name << ": " << status;
  }
  Statement full = SampleStatement();
  full.mutable_worker()->set_pseudonym(std::string(kPseudonymBytesMax, 'x'));
  full.set_kind(STATEMENT_KIND_OUTCOME);
  full.set_outcome_code(std::string(kOutcomeCodeBytesMax, 'x'));
  full.set_previous_statement(std::string(32, 'p'));
  for (size_t i = 0; i < kStatementSectionsMax; ++i) full.add_section_digests(std::string(32, 's'));
  EXPECT_EQ(SignStatement(full, key).status(), absl::OkStatus());
  Statement correction = SampleStatement();
  correction.set_kind(STATEMENT_KIND_CORRECTION);
  correction.set_replaced_by(std::string(32, 'r'));
  EXPECT_EQ(SignStatement(correction, key).status(), absl::OkStatus());

  SignedPayload other = *document;
  other.set_payload_type(std::string(kHeaderPayloadType));
  EXPECT_TRUE(HasReason(ParseStatement(other).status(), Reason::kStatementMalformed));
  other = *document;
  other.set_key_id(std::string(32, 'k'));
  EXPECT_TRUE(HasReason(ParseStatement(other).status(), Reason::kStatementMalformed));
  other = *document;
  other.mutable_payload()->resize(kStatementBytesMax + 1);
  EXPECT_TRUE(HasReason(ParseStatement(other).status(), Reason::kMessageTooLarge));
  for (size_t at = 0; at < document->payload().size(); ++at) {
    other = *document;
    (*other.mutable_payload())[at] ^= 1;
    EXPECT_TRUE(HasReason(VerifySignature(other, key.public_key()), Reason::kSignatureInvalid)) << at;
  }
}

// ---------------------------------------------------------------- states

// Every (state, event), written down apart from the table: the next state, or a dash where it is illegal.
TEST(StatesTest, EveryPairLeadsWhereItShouldOrNowhere) {
  constexpr std::string_view kDash = "-";
  const std::pair<ReferralState, std::array<std::string_view, 8>> matrix[] = {
      //                                 release     deliver      die            open      accept      decline     decide     outcome
      {REFERRAL_STATE_UNSPECIFIED,      {kDash,      kDash,       kDash,         kDash,    kDash,      kDash,      kDash,     kDash}},
      {REFERRAL_STATE_STORED,           {"RELEASED", kDash,       "DEAD_LETTER", kDash,    kDash,      kDash,      kDash,     kDash}},
      {REFERRAL_STATE_RELEASED,         {"RELEASED", "DELIVERED", "DEAD_LETTER", "OPENED", kDash,      kDash,      kDash,     kDash}},
      {REFERRAL_STATE_DELIVERED,        {kDash,      kDash,       kDash,         "OPENED", kDash,      kDash,      kDash,     kDash}},
      {REFERRAL_STATE_OPENED,           {kDash,      kDash,       kDash,         kDash,    "ACCEPTED", "DECLINED", "DECIDED", kDash}},
      {REFERRAL_STATE_ACCEPTED,         {kDash,      kDash,       kDash,         kDash,    kDash,      "DECLINED", "DECIDED", "OUTCOME_RECORDED"}},
      {REFERRAL_STATE_DECLINED,         {kDash,      kDash,       kDash,         kDash,    kDash,      kDash,      kDash,     kDash}},
      {REFERRAL_STATE_DECIDED,          {kDash,      kDash,       kDash,         kDash,    kDash,      kDash,      "DECIDED", "OUTCOME_RECORDED"}},
      {REFERRAL_STATE_OUTCOME_RECORDED, {kDash,      kDash,       kDash,         kDash,    kDash,      kDash,      kDash,     "OUTCOME_RECORDED"}},
      {REFERRAL_STATE_DEAD_LETTER,      {kDash,      kDash,       kDash,         kDash,    kDash,      kDash,      kDash,     kDash}},
  };
  ASSERT_EQ(std::size(matrix), static_cast<size_t>(ReferralState_ARRAYSIZE));
  size_t legal = 0;
  for (const auto& [state, row] : matrix) {
    for (size_t event = 0; event < kAllEvents.size(); ++event) {
      const auto next = Next(state, kAllEvents[event]);
      EXPECT_EQ(next.has_value() ? ReferralState_Name(*next).substr(15) : "-", row[event]) << ReferralState_Name(state) << " event " << event;
      if (next.has_value()) ++legal;
    }
  }
  EXPECT_EQ(legal, kArrows.size()) << "a pair stands in the table twice";
}

TEST(StatesTest, EachPartySaysItsOwnStatementsOnly) {
  for (int number = 0; number < StatementKind_ARRAYSIZE; ++number) {
    const auto kind = static_cast<StatementKind>(number);
    const bool senders = kind == STATEMENT_KIND_CONSENT_CHANGE || kind == STATEMENT_KIND_CORRECTION || kind == STATEMENT_KIND_RECALL;
    const bool known = kind != STATEMENT_KIND_UNSPECIFIED;
    for (const AgencyKind agency : {AGENCY_KIND_POLICE, AGENCY_KIND_CHILDRENS_SERVICES}) {
      const bool childrens = agency == AGENCY_KIND_CHILDRENS_SERVICES;
      const bool fits = (kind != STATEMENT_KIND_DECIDED || childrens) && (kind != STATEMENT_KIND_DECLINED || !childrens);
      EXPECT_EQ(MaySay(Party::kSender, agency, kind), known && senders) << number;
      EXPECT_EQ(MaySay(Party::kRecipient, agency, kind), known && !senders && fits) << number;
      EXPECT_FALSE(MaySay(Party::kBroker, agency, kind)) << number;
    }
    EXPECT_EQ(EventOf(kind).has_value(), known && !senders) << number;
  }
  EXPECT_EQ(EventOf(STATEMENT_KIND_ACTION), Event::kOutcome);
  EXPECT_FALSE(MaySay(Party::kRecipient, AGENCY_KIND_IDVA, static_cast<StatementKind>(99)));
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

// The sealed rationale under the first tag, and the flag that says it is there.
void AddRationale(HeaderParts& parts) {
  parts.tags[0].set_rationale_present(true);
  SectionPart& section = parts.sections.emplace_back();
  section.set_section_id(std::string(16, 'R'));
  section.set_category(CATEGORY_RATIONALE);
  section.set_tag_id(parts.tags[0].tag_id());
}

// A police request for counselling records that lacks nothing. The narrative that states it is its last section.
void MakeVictimInformationRequest(PolicySnapshot& policy, HeaderParts& parts) {
  policy.agreement->routes[0].purposes.push_back(PURPOSE_VICTIM_INFORMATION_REQUEST);
  parts.core.set_type(REFERRAL_TYPE_REQUEST_FOR_INFORMATION);
  parts.core.set_purpose(PURPOSE_VICTIM_INFORMATION_REQUEST);
  SectionPart& section = parts.sections.emplace_back();
  section.set_section_id(std::string(16, 'V'));
  section.set_category(CATEGORY_NARRATIVE);
  section.set_tag_id(parts.tags[0].tag_id());
  VictimInformationRequest& request = *parts.core.mutable_victim_information_request();
  request.add_sought(VICTIM_MATERIAL_COUNSELLING);
  request.set_statement_section(section.section_id());
  request.set_reasonable_line_of_enquiry(true);
  request.set_necessary_and_proportionate(true);
  request.set_notice(VICTIM_NOTICE_GIVEN);
  request.set_presumption_rebutted(true);
}

TEST(DecisionTest, Table) {
  const Case table[] = {
      {"route and consent", [](PolicySnapshot&, HeaderParts&) {}, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"no route for the category", [](PolicySnapshot&, HeaderParts&) {}, "housing", CATEGORY_RISK, "WITHHOLD default/no-route"},
      {"limits: no limit stated", [](PolicySnapshot& p, HeaderParts& r) { static_cast<void>(p); r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_GIVEN_WITH_LIMITS);  }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"limits: agency in scope", [](PolicySnapshot& p, HeaderParts& r) { static_cast<void>(p); r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_GIVEN_WITH_LIMITS); r.tags[0].add_consent_agencies("idva"); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"limits: agency out of scope", [](PolicySnapshot& p, HeaderParts& r) { static_cast<void>(p); r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_GIVEN_WITH_LIMITS); r.tags[0].add_consent_agencies("health"); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/consent-or-basis"},
      {"limits: agency in scope beside other kinds", [](PolicySnapshot& p, HeaderParts& r) { static_cast<void>(p); r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_GIVEN_WITH_LIMITS); r.tags[0].add_consent_agencies("idva"); r.tags[0].add_consent_kinds(AGENCY_KIND_HEALTH); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"limits: agency excluded", [](PolicySnapshot& p, HeaderParts& r) { static_cast<void>(p); r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_GIVEN_WITH_LIMITS); r.tags[0].add_consent_excludes_agencies("idva"); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/consent-or-basis"},
      {"limits: another agency excluded", [](PolicySnapshot& p, HeaderParts& r) { static_cast<void>(p); r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_GIVEN_WITH_LIMITS); r.tags[0].add_consent_excludes_agencies("health"); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"limits: excluded though in scope", [](PolicySnapshot& p, HeaderParts& r) { static_cast<void>(p); r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_GIVEN_WITH_LIMITS); r.tags[0].add_consent_agencies("idva"); r.tags[0].add_consent_excludes_agencies("idva"); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/consent-or-basis"},
      {"limits: category excluded", [](PolicySnapshot& p, HeaderParts& r) { static_cast<void>(p); r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_GIVEN_WITH_LIMITS); r.tags[0].add_consent_excludes_categories(CATEGORY_RISK); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/consent-or-basis"},
      {"limits: another category excluded", [](PolicySnapshot& p, HeaderParts& r) { static_cast<void>(p); r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_GIVEN_WITH_LIMITS); r.tags[0].add_consent_excludes_categories(CATEGORY_HOUSING); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"limits: purpose in scope", [](PolicySnapshot& p, HeaderParts& r) { static_cast<void>(p); r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_GIVEN_WITH_LIMITS); r.tags[0].add_consent_purposes(r.core.purpose()); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"limits: purpose out of scope", [](PolicySnapshot& p, HeaderParts& r) { static_cast<void>(p); r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_GIVEN_WITH_LIMITS); r.tags[0].add_consent_purposes(PURPOSE_HEALTH_CARE); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/consent-or-basis"},
      {"rationale claimed and absent", [](PolicySnapshot& p, HeaderParts& r) { static_cast<void>(p); r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_REFUSED); r.tags[0].set_approver("sgt-1"); r.tags[0].set_gateway(GATEWAY_CDA1998_S115); r.tags[0].set_rationale_present(true); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/consent-or-basis"},
      {"rationale under another tag", [](PolicySnapshot& p, HeaderParts& r) { static_cast<void>(p); r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_REFUSED); r.tags[0].set_approver("sgt-1"); r.tags[0].set_gateway(GATEWAY_CDA1998_S115); AddRationale(r); r.tags.push_back(r.tags[0]); r.tags[1].set_tag_id(std::string(16, 'T')); r.sections.back().set_tag_id(r.tags[1].tag_id()); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/consent-or-basis"},
      {"CDA1998_S115 in ENGLAND", [](PolicySnapshot& p, HeaderParts& r) { static_cast<void>(p); r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_REFUSED); r.tags[0].set_approver("sgt-1"); AddRationale(r); r.tags[0].set_gateway(GATEWAY_CDA1998_S115); r.core.set_jurisdiction(JURISDICTION_ENGLAND); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"CDA1998_S115 in WALES", [](PolicySnapshot& p, HeaderParts& r) { static_cast<void>(p); r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_REFUSED); r.tags[0].set_approver("sgt-1"); AddRationale(r); r.tags[0].set_gateway(GATEWAY_CDA1998_S115); r.core.set_jurisdiction(JURISDICTION_WALES); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"CDA1998_S115 in SCOTLAND", [](PolicySnapshot& p, HeaderParts& r) { static_cast<void>(p); r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_REFUSED); r.tags[0].set_approver("sgt-1"); AddRationale(r); r.tags[0].set_gateway(GATEWAY_CDA1998_S115); r.core.set_jurisdiction(JURISDICTION_SCOTLAND); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/consent-or-basis"},
      {"CDA1998_S115 in NORTHERN_IRELAND", [](PolicySnapshot& p, HeaderParts& r) { static_cast<void>(p); r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_REFUSED); r.tags[0].set_approver("sgt-1"); AddRationale(r); r.tags[0].set_gateway(GATEWAY_CDA1998_S115); r.core.set_jurisdiction(JURISDICTION_NORTHERN_IRELAND); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/consent-or-basis"},
      {"CA1989_S47 in ENGLAND", [](PolicySnapshot& p, HeaderParts& r) { static_cast<void>(p); r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_REFUSED); r.tags[0].set_approver("sgt-1"); AddRationale(r); r.tags[0].set_gateway(GATEWAY_CA1989_S47); r.core.set_jurisdiction(JURISDICTION_ENGLAND); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"CA1989_S47 in WALES", [](PolicySnapshot& p, HeaderParts& r) { static_cast<void>(p); r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_REFUSED); r.tags[0].set_approver("sgt-1"); AddRationale(r); r.tags[0].set_gateway(GATEWAY_CA1989_S47); r.core.set_jurisdiction(JURISDICTION_WALES); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"CA1989_S47 in SCOTLAND", [](PolicySnapshot& p, HeaderParts& r) { static_cast<void>(p); r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_REFUSED); r.tags[0].set_approver("sgt-1"); AddRationale(r); r.tags[0].set_gateway(GATEWAY_CA1989_S47); r.core.set_jurisdiction(JURISDICTION_SCOTLAND); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/consent-or-basis"},
      {"CA1989_S47 in NORTHERN_IRELAND", [](PolicySnapshot& p, HeaderParts& r) { static_cast<void>(p); r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_REFUSED); r.tags[0].set_approver("sgt-1"); AddRationale(r); r.tags[0].set_gateway(GATEWAY_CA1989_S47); r.core.set_jurisdiction(JURISDICTION_NORTHERN_IRELAND); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/consent-or-basis"},
      {"DVDS in ENGLAND", [](PolicySnapshot& p, HeaderParts& r) { static_cast<void>(p); r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_REFUSED); r.tags[0].set_approver("sgt-1"); AddRationale(r); r.tags[0].set_gateway(GATEWAY_DVDS); r.core.set_jurisdiction(JURISDICTION_ENGLAND); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"DVDS in WALES", [](PolicySnapshot& p, HeaderParts& r) { static_cast<void>(p); r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_REFUSED); r.tags[0].set_approver("sgt-1"); AddRationale(r); r.tags[0].set_gateway(GATEWAY_DVDS); r.core.set_jurisdiction(JURISDICTION_WALES); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"DVDS in SCOTLAND", [](PolicySnapshot& p, HeaderParts& r) { static_cast<void>(p); r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_REFUSED); r.tags[0].set_approver("sgt-1"); AddRationale(r); r.tags[0].set_gateway(GATEWAY_DVDS); r.core.set_jurisdiction(JURISDICTION_SCOTLAND); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/consent-or-basis"},
      {"DVDS in NORTHERN_IRELAND", [](PolicySnapshot& p, HeaderParts& r) { static_cast<void>(p); r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_REFUSED); r.tags[0].set_approver("sgt-1"); AddRationale(r); r.tags[0].set_gateway(GATEWAY_DVDS); r.core.set_jurisdiction(JURISDICTION_NORTHERN_IRELAND); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/consent-or-basis"},
      {"PCSCA2022_S44A in ENGLAND", [](PolicySnapshot& p, HeaderParts& r) { static_cast<void>(p); r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_REFUSED); r.tags[0].set_approver("sgt-1"); AddRationale(r); r.tags[0].set_gateway(GATEWAY_PCSCA2022_S44A); r.core.set_jurisdiction(JURISDICTION_ENGLAND); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"PCSCA2022_S44A in WALES", [](PolicySnapshot& p, HeaderParts& r) { static_cast<void>(p); r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_REFUSED); r.tags[0].set_approver("sgt-1"); AddRationale(r); r.tags[0].set_gateway(GATEWAY_PCSCA2022_S44A); r.core.set_jurisdiction(JURISDICTION_WALES); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"PCSCA2022_S44A in SCOTLAND", [](PolicySnapshot& p, HeaderParts& r) { static_cast<void>(p); r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_REFUSED); r.tags[0].set_approver("sgt-1"); AddRationale(r); r.tags[0].set_gateway(GATEWAY_PCSCA2022_S44A); r.core.set_jurisdiction(JURISDICTION_SCOTLAND); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/consent-or-basis"},
      {"PCSCA2022_S44A in NORTHERN_IRELAND", [](PolicySnapshot& p, HeaderParts& r) { static_cast<void>(p); r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_REFUSED); r.tags[0].set_approver("sgt-1"); AddRationale(r); r.tags[0].set_gateway(GATEWAY_PCSCA2022_S44A); r.core.set_jurisdiction(JURISDICTION_NORTHERN_IRELAND); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/consent-or-basis"},
      {"CA2004_S11 in ENGLAND", [](PolicySnapshot& p, HeaderParts& r) { static_cast<void>(p); r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_REFUSED); r.tags[0].set_approver("sgt-1"); AddRationale(r); r.tags[0].set_gateway(GATEWAY_CA2004_S11); r.core.set_jurisdiction(JURISDICTION_ENGLAND); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"CA2004_S11 in WALES", [](PolicySnapshot& p, HeaderParts& r) { static_cast<void>(p); r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_REFUSED); r.tags[0].set_approver("sgt-1"); AddRationale(r); r.tags[0].set_gateway(GATEWAY_CA2004_S11); r.core.set_jurisdiction(JURISDICTION_WALES); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/consent-or-basis"},
      {"CA2004_S11 in SCOTLAND", [](PolicySnapshot& p, HeaderParts& r) { static_cast<void>(p); r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_REFUSED); r.tags[0].set_approver("sgt-1"); AddRationale(r); r.tags[0].set_gateway(GATEWAY_CA2004_S11); r.core.set_jurisdiction(JURISDICTION_SCOTLAND); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/consent-or-basis"},
      {"CA2004_S11 in NORTHERN_IRELAND", [](PolicySnapshot& p, HeaderParts& r) { static_cast<void>(p); r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_REFUSED); r.tags[0].set_approver("sgt-1"); AddRationale(r); r.tags[0].set_gateway(GATEWAY_CA2004_S11); r.core.set_jurisdiction(JURISDICTION_NORTHERN_IRELAND); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/consent-or-basis"},
      {"CARE_ACT_S42_45 in ENGLAND", [](PolicySnapshot& p, HeaderParts& r) { static_cast<void>(p); r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_REFUSED); r.tags[0].set_approver("sgt-1"); AddRationale(r); r.tags[0].set_gateway(GATEWAY_CARE_ACT_S42_45); r.core.set_jurisdiction(JURISDICTION_ENGLAND); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"CARE_ACT_S42_45 in WALES", [](PolicySnapshot& p, HeaderParts& r) { static_cast<void>(p); r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_REFUSED); r.tags[0].set_approver("sgt-1"); AddRationale(r); r.tags[0].set_gateway(GATEWAY_CARE_ACT_S42_45); r.core.set_jurisdiction(JURISDICTION_WALES); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/consent-or-basis"},
      {"CARE_ACT_S42_45 in SCOTLAND", [](PolicySnapshot& p, HeaderParts& r) { static_cast<void>(p); r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_REFUSED); r.tags[0].set_approver("sgt-1"); AddRationale(r); r.tags[0].set_gateway(GATEWAY_CARE_ACT_S42_45); r.core.set_jurisdiction(JURISDICTION_SCOTLAND); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/consent-or-basis"},
      {"CARE_ACT_S42_45 in NORTHERN_IRELAND", [](PolicySnapshot& p, HeaderParts& r) { static_cast<void>(p); r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_REFUSED); r.tags[0].set_approver("sgt-1"); AddRationale(r); r.tags[0].set_gateway(GATEWAY_CARE_ACT_S42_45); r.core.set_jurisdiction(JURISDICTION_NORTHERN_IRELAND); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/consent-or-basis"},
      {"SSWBA2014_S128_130 in ENGLAND", [](PolicySnapshot& p, HeaderParts& r) { static_cast<void>(p); r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_REFUSED); r.tags[0].set_approver("sgt-1"); AddRationale(r); r.tags[0].set_gateway(GATEWAY_SSWBA2014_S128_130); r.core.set_jurisdiction(JURISDICTION_ENGLAND); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/consent-or-basis"},
      {"SSWBA2014_S128_130 in WALES", [](PolicySnapshot& p, HeaderParts& r) { static_cast<void>(p); r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_REFUSED); r.tags[0].set_approver("sgt-1"); AddRationale(r); r.tags[0].set_gateway(GATEWAY_SSWBA2014_S128_130); r.core.set_jurisdiction(JURISDICTION_WALES); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"SSWBA2014_S128_130 in SCOTLAND", [](PolicySnapshot& p, HeaderParts& r) { static_cast<void>(p); r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_REFUSED); r.tags[0].set_approver("sgt-1"); AddRationale(r); r.tags[0].set_gateway(GATEWAY_SSWBA2014_S128_130); r.core.set_jurisdiction(JURISDICTION_SCOTLAND); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/consent-or-basis"},
      {"SSWBA2014_S128_130 in NORTHERN_IRELAND", [](PolicySnapshot& p, HeaderParts& r) { static_cast<void>(p); r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_REFUSED); r.tags[0].set_approver("sgt-1"); AddRationale(r); r.tags[0].set_gateway(GATEWAY_SSWBA2014_S128_130); r.core.set_jurisdiction(JURISDICTION_NORTHERN_IRELAND); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/consent-or-basis"},
      {"CHSA2011_S60 in ENGLAND", [](PolicySnapshot& p, HeaderParts& r) { static_cast<void>(p); r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_REFUSED); r.tags[0].set_approver("sgt-1"); AddRationale(r); r.tags[0].set_gateway(GATEWAY_CHSA2011_S60); r.core.set_jurisdiction(JURISDICTION_ENGLAND); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/consent-or-basis"},
      {"CHSA2011_S60 in WALES", [](PolicySnapshot& p, HeaderParts& r) { static_cast<void>(p); r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_REFUSED); r.tags[0].set_approver("sgt-1"); AddRationale(r); r.tags[0].set_gateway(GATEWAY_CHSA2011_S60); r.core.set_jurisdiction(JURISDICTION_WALES); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/consent-or-basis"},
      {"CHSA2011_S60 in SCOTLAND", [](PolicySnapshot& p, HeaderParts& r) { static_cast<void>(p); r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_REFUSED); r.tags[0].set_approver("sgt-1"); AddRationale(r); r.tags[0].set_gateway(GATEWAY_CHSA2011_S60); r.core.set_jurisdiction(JURISDICTION_SCOTLAND); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"CHSA2011_S60 in NORTHERN_IRELAND", [](PolicySnapshot& p, HeaderParts& r) { static_cast<void>(p); r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_REFUSED); r.tags[0].set_approver("sgt-1"); AddRationale(r); r.tags[0].set_gateway(GATEWAY_CHSA2011_S60); r.core.set_jurisdiction(JURISDICTION_NORTHERN_IRELAND); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/consent-or-basis"},
      {"ASPA2007_S5 in ENGLAND", [](PolicySnapshot& p, HeaderParts& r) { static_cast<void>(p); r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_REFUSED); r.tags[0].set_approver("sgt-1"); AddRationale(r); r.tags[0].set_gateway(GATEWAY_ASPA2007_S5); r.core.set_jurisdiction(JURISDICTION_ENGLAND); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/consent-or-basis"},
      {"ASPA2007_S5 in WALES", [](PolicySnapshot& p, HeaderParts& r) { static_cast<void>(p); r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_REFUSED); r.tags[0].set_approver("sgt-1"); AddRationale(r); r.tags[0].set_gateway(GATEWAY_ASPA2007_S5); r.core.set_jurisdiction(JURISDICTION_WALES); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/consent-or-basis"},
      {"ASPA2007_S5 in SCOTLAND", [](PolicySnapshot& p, HeaderParts& r) { static_cast<void>(p); r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_REFUSED); r.tags[0].set_approver("sgt-1"); AddRationale(r); r.tags[0].set_gateway(GATEWAY_ASPA2007_S5); r.core.set_jurisdiction(JURISDICTION_SCOTLAND); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"ASPA2007_S5 in NORTHERN_IRELAND", [](PolicySnapshot& p, HeaderParts& r) { static_cast<void>(p); r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_REFUSED); r.tags[0].set_approver("sgt-1"); AddRationale(r); r.tags[0].set_gateway(GATEWAY_ASPA2007_S5); r.core.set_jurisdiction(JURISDICTION_NORTHERN_IRELAND); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/consent-or-basis"},
      {"CNIO1995_ART66 in ENGLAND", [](PolicySnapshot& p, HeaderParts& r) { static_cast<void>(p); r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_REFUSED); r.tags[0].set_approver("sgt-1"); AddRationale(r); r.tags[0].set_gateway(GATEWAY_CNIO1995_ART66); r.core.set_jurisdiction(JURISDICTION_ENGLAND); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/consent-or-basis"},
      {"CNIO1995_ART66 in WALES", [](PolicySnapshot& p, HeaderParts& r) { static_cast<void>(p); r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_REFUSED); r.tags[0].set_approver("sgt-1"); AddRationale(r); r.tags[0].set_gateway(GATEWAY_CNIO1995_ART66); r.core.set_jurisdiction(JURISDICTION_WALES); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/consent-or-basis"},
      {"CNIO1995_ART66 in SCOTLAND", [](PolicySnapshot& p, HeaderParts& r) { static_cast<void>(p); r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_REFUSED); r.tags[0].set_approver("sgt-1"); AddRationale(r); r.tags[0].set_gateway(GATEWAY_CNIO1995_ART66); r.core.set_jurisdiction(JURISDICTION_SCOTLAND); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/consent-or-basis"},
      {"CNIO1995_ART66 in NORTHERN_IRELAND", [](PolicySnapshot& p, HeaderParts& r) { static_cast<void>(p); r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_REFUSED); r.tags[0].set_approver("sgt-1"); AddRationale(r); r.tags[0].set_gateway(GATEWAY_CNIO1995_ART66); r.core.set_jurisdiction(JURISDICTION_NORTHERN_IRELAND); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"COMMON_LAW_PUBLIC_INTEREST in ENGLAND", [](PolicySnapshot& p, HeaderParts& r) { static_cast<void>(p); r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_REFUSED); r.tags[0].set_approver("sgt-1"); AddRationale(r); r.tags[0].set_gateway(GATEWAY_COMMON_LAW_PUBLIC_INTEREST); r.core.set_jurisdiction(JURISDICTION_ENGLAND); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"COMMON_LAW_PUBLIC_INTEREST in WALES", [](PolicySnapshot& p, HeaderParts& r) { static_cast<void>(p); r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_REFUSED); r.tags[0].set_approver("sgt-1"); AddRationale(r); r.tags[0].set_gateway(GATEWAY_COMMON_LAW_PUBLIC_INTEREST); r.core.set_jurisdiction(JURISDICTION_WALES); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"COMMON_LAW_PUBLIC_INTEREST in SCOTLAND", [](PolicySnapshot& p, HeaderParts& r) { static_cast<void>(p); r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_REFUSED); r.tags[0].set_approver("sgt-1"); AddRationale(r); r.tags[0].set_gateway(GATEWAY_COMMON_LAW_PUBLIC_INTEREST); r.core.set_jurisdiction(JURISDICTION_SCOTLAND); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"COMMON_LAW_PUBLIC_INTEREST in NORTHERN_IRELAND", [](PolicySnapshot& p, HeaderParts& r) { static_cast<void>(p); r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_REFUSED); r.tags[0].set_approver("sgt-1"); AddRationale(r); r.tags[0].set_gateway(GATEWAY_COMMON_LAW_PUBLIC_INTEREST); r.core.set_jurisdiction(JURISDICTION_NORTHERN_IRELAND); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"COURT_ORDER in ENGLAND", [](PolicySnapshot& p, HeaderParts& r) { static_cast<void>(p); r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_REFUSED); r.tags[0].set_approver("sgt-1"); AddRationale(r); r.tags[0].set_gateway(GATEWAY_COURT_ORDER); r.core.set_jurisdiction(JURISDICTION_ENGLAND); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"COURT_ORDER in WALES", [](PolicySnapshot& p, HeaderParts& r) { static_cast<void>(p); r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_REFUSED); r.tags[0].set_approver("sgt-1"); AddRationale(r); r.tags[0].set_gateway(GATEWAY_COURT_ORDER); r.core.set_jurisdiction(JURISDICTION_WALES); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"COURT_ORDER in SCOTLAND", [](PolicySnapshot& p, HeaderParts& r) { static_cast<void>(p); r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_REFUSED); r.tags[0].set_approver("sgt-1"); AddRationale(r); r.tags[0].set_gateway(GATEWAY_COURT_ORDER); r.core.set_jurisdiction(JURISDICTION_SCOTLAND); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"COURT_ORDER in NORTHERN_IRELAND", [](PolicySnapshot& p, HeaderParts& r) { static_cast<void>(p); r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_REFUSED); r.tags[0].set_approver("sgt-1"); AddRationale(r); r.tags[0].set_gateway(GATEWAY_COURT_ORDER); r.core.set_jurisdiction(JURISDICTION_NORTHERN_IRELAND); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"third party: not asked", [](PolicySnapshot& p, HeaderParts& r) { static_cast<void>(p); r.sections[1].set_third_party_material(true); r.sections[1].set_originator("health");  }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/ask-originator"},
      {"third party: asked", [](PolicySnapshot& p, HeaderParts& r) { static_cast<void>(p); r.sections[1].set_third_party_material(true); r.sections[1].set_originator("health"); r.sections[1].set_originator_agreement(ORIGINATOR_AGREEMENT_ASKED); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/ask-originator"},
      {"third party: agreed", [](PolicySnapshot& p, HeaderParts& r) { static_cast<void>(p); r.sections[1].set_third_party_material(true); r.sections[1].set_originator("health"); r.sections[1].set_originator_agreement(ORIGINATOR_AGREEMENT_GIVEN); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"third party: refused", [](PolicySnapshot& p, HeaderParts& r) { static_cast<void>(p); r.sections[1].set_third_party_material(true); r.sections[1].set_originator("health"); r.sections[1].set_originator_agreement(ORIGINATOR_AGREEMENT_REFUSED); }, "idva", CATEGORY_RISK, "WITHHOLD always/originator-refused"},
      {"third party: refused, danger now", [](PolicySnapshot& p, HeaderParts& r) { static_cast<void>(p); r.sections[1].set_third_party_material(true); r.sections[1].set_originator("health"); r.core.set_urgency(URGENCY_IMMEDIATE); r.sections[1].set_originator_agreement(ORIGINATOR_AGREEMENT_REFUSED); }, "idva", CATEGORY_RISK, "WITHHOLD always/originator-refused"},
      {"third party: danger now", [](PolicySnapshot& p, HeaderParts& r) { static_cast<void>(p); r.sections[1].set_third_party_material(true); r.sections[1].set_originator("health"); r.core.set_urgency(URGENCY_IMMEDIATE); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"third party: goes back to it", [](PolicySnapshot& p, HeaderParts& r) { static_cast<void>(p); r.sections[1].set_third_party_material(true); r.sections[1].set_originator("health"); r.sections[1].set_originator("idva"); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"third party: is the sender", [](PolicySnapshot& p, HeaderParts& r) { static_cast<void>(p); r.sections[1].set_third_party_material(true); r.sections[1].set_originator("health"); r.sections[1].set_originator("police"); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"victim information: whole", [](PolicySnapshot& p, HeaderParts& r) { static_cast<void>(p); MakeVictimInformationRequest(p, r); auto& request = *r.core.mutable_victim_information_request(); static_cast<void>(request);  }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"victim information: no line of enquiry", [](PolicySnapshot& p, HeaderParts& r) { static_cast<void>(p); MakeVictimInformationRequest(p, r); auto& request = *r.core.mutable_victim_information_request(); static_cast<void>(request); request.set_reasonable_line_of_enquiry(false); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/victim-information-incomplete"},
      {"victim information: not necessary", [](PolicySnapshot& p, HeaderParts& r) { static_cast<void>(p); MakeVictimInformationRequest(p, r); auto& request = *r.core.mutable_victim_information_request(); static_cast<void>(request); request.set_necessary_and_proportionate(false); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/victim-information-incomplete"},
      {"victim information: notice would harm", [](PolicySnapshot& p, HeaderParts& r) { static_cast<void>(p); MakeVictimInformationRequest(p, r); auto& request = *r.core.mutable_victim_information_request(); static_cast<void>(request); request.set_notice(VICTIM_NOTICE_RISK_OF_HARM); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"victim information: counselling not rebutted", [](PolicySnapshot& p, HeaderParts& r) { static_cast<void>(p); MakeVictimInformationRequest(p, r); auto& request = *r.core.mutable_victim_information_request(); static_cast<void>(request); request.set_presumption_rebutted(false); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/victim-information-incomplete"},
      {"victim information: medical needs no rebuttal", [](PolicySnapshot& p, HeaderParts& r) { static_cast<void>(p); MakeVictimInformationRequest(p, r); auto& request = *r.core.mutable_victim_information_request(); static_cast<void>(request); request.set_sought(0, VICTIM_MATERIAL_MEDICAL); request.set_presumption_rebutted(false); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"victim information: no narrative", [](PolicySnapshot& p, HeaderParts& r) { static_cast<void>(p); MakeVictimInformationRequest(p, r); auto& request = *r.core.mutable_victim_information_request(); static_cast<void>(request); r.sections.pop_back(); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/victim-information-incomplete"},
      {"victim information: narrative is another", [](PolicySnapshot& p, HeaderParts& r) { static_cast<void>(p); MakeVictimInformationRequest(p, r); auto& request = *r.core.mutable_victim_information_request(); static_cast<void>(request); request.set_statement_section(std::string(16, 'W')); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/victim-information-incomplete"},
      {"victim information: stated by another category", [](PolicySnapshot& p, HeaderParts& r) { static_cast<void>(p); MakeVictimInformationRequest(p, r); auto& request = *r.core.mutable_victim_information_request(); static_cast<void>(request); r.sections.back().set_category(CATEGORY_HOUSING); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/victim-information-incomplete"},
      {"victim information: not asked by police", [](PolicySnapshot& p, HeaderParts& r) { static_cast<void>(p); MakeVictimInformationRequest(p, r); auto& request = *r.core.mutable_victim_information_request(); static_cast<void>(request); p.agencies["police"].kind = AGENCY_KIND_HEALTH; }, "idva", CATEGORY_RISK, "REFUSE always/victim-information-sender"},
      {"victim information: not a request", [](PolicySnapshot& p, HeaderParts& r) { static_cast<void>(p); MakeVictimInformationRequest(p, r); auto& request = *r.core.mutable_victim_information_request(); static_cast<void>(request); r.core.set_type(REFERRAL_TYPE_REFERRAL); }, "idva", CATEGORY_RISK, "REFUSE always/victim-information-sender"},
      {"victim information: turned into crime prevention", [](PolicySnapshot& p, HeaderParts& r) { static_cast<void>(p); MakeVictimInformationRequest(p, r); auto& request = *r.core.mutable_victim_information_request(); static_cast<void>(request); r.core.set_purpose(PURPOSE_CRIME_PREVENTION); }, "idva", CATEGORY_RISK, "REFUSE always/victim-information-request"},
      {"victim information: danger now waives none of it", [](PolicySnapshot& p, HeaderParts& r) { MakeVictimInformationRequest(p, r); r.core.set_urgency(URGENCY_IMMEDIATE); r.core.mutable_victim_information_request()->set_reasonable_line_of_enquiry(false); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/victim-information-incomplete"},
      {"victim information: absent", [](PolicySnapshot& p, HeaderParts& r) { MakeVictimInformationRequest(p, r); r.core.clear_victim_information_request(); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/victim-information-incomplete"},
      {"excluded: agency, this category", [](PolicySnapshot& p, HeaderParts& r) { static_cast<void>(p); auto& x = *r.subjects[0].add_exclusions(); x.set_agency("idva"); x.add_categories(CATEGORY_RISK); }, "idva", CATEGORY_RISK, "WITHHOLD always/protective-list"},
      {"excluded: agency, another category", [](PolicySnapshot& p, HeaderParts& r) { static_cast<void>(p); auto& x = *r.subjects[0].add_exclusions(); x.set_agency("idva"); x.add_categories(CATEGORY_IDENTITY); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"excluded: kind, this category", [](PolicySnapshot& p, HeaderParts& r) { static_cast<void>(p); auto& x = *r.subjects[0].add_exclusions(); x.set_kind(AGENCY_KIND_IDVA); x.add_categories(CATEGORY_IDENTITY); x.add_categories(CATEGORY_RISK); }, "idva", CATEGORY_RISK, "WITHHOLD always/protective-list"},
      {"excluded: another agency, this category", [](PolicySnapshot& p, HeaderParts& r) { static_cast<void>(p); auto& x = *r.subjects[0].add_exclusions(); x.set_agency("health"); x.add_categories(CATEGORY_RISK); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"excluded: this category, danger now", [](PolicySnapshot& p, HeaderParts& r) { static_cast<void>(p); auto& x = *r.subjects[0].add_exclusions(); r.core.set_urgency(URGENCY_IMMEDIATE); x.set_agency("idva"); x.add_categories(CATEGORY_RISK); }, "idva", CATEGORY_RISK, "WITHHOLD always/protective-list"},
      {"sender's areas: not known is England", [](PolicySnapshot& p, HeaderParts& r) { r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_REFUSED); r.tags[0].set_approver("sgt-1"); AddRationale(r); r.tags[0].set_gateway(GATEWAY_SSWBA2014_S128_130); auto& in = p.agencies["police"].jurisdictions; static_cast<void>(in); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/consent-or-basis"},
      {"sender's areas: Wales", [](PolicySnapshot& p, HeaderParts& r) { r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_REFUSED); r.tags[0].set_approver("sgt-1"); AddRationale(r); r.tags[0].set_gateway(GATEWAY_SSWBA2014_S128_130); auto& in = p.agencies["police"].jurisdictions; in = {JURISDICTION_WALES}; }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"sender's areas: on both sides of the border", [](PolicySnapshot& p, HeaderParts& r) { r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_REFUSED); r.tags[0].set_approver("sgt-1"); AddRationale(r); r.tags[0].set_gateway(GATEWAY_SSWBA2014_S128_130); auto& in = p.agencies["police"].jurisdictions; in = {JURISDICTION_ENGLAND, JURISDICTION_WALES}; }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"sender's areas: Scotland", [](PolicySnapshot& p, HeaderParts& r) { r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_REFUSED); r.tags[0].set_approver("sgt-1"); AddRationale(r); r.tags[0].set_gateway(GATEWAY_SSWBA2014_S128_130); auto& in = p.agencies["police"].jurisdictions; in = {JURISDICTION_SCOTLAND}; }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/consent-or-basis"},
      {"sender's areas: what the referral says wins", [](PolicySnapshot& p, HeaderParts& r) { r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_REFUSED); r.tags[0].set_approver("sgt-1"); AddRationale(r); r.tags[0].set_gateway(GATEWAY_SSWBA2014_S128_130); auto& in = p.agencies["police"].jurisdictions; in = {JURISDICTION_WALES}; r.core.set_jurisdiction(JURISDICTION_ENGLAND); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/consent-or-basis"},
      {"no agreement", [](PolicySnapshot& p, HeaderParts&) { p.agreement.reset(); }, "idva", CATEGORY_RISK, "WITHHOLD default/no-agreement"},
      {"agreement not yet in force", [](PolicySnapshot& p, HeaderParts&) { p.agreement->effective_from = kNow + absl::Seconds(1); }, "idva", CATEGORY_RISK, "WITHHOLD default/no-agreement"},
      {"agreement expired", [](PolicySnapshot& p, HeaderParts&) { p.agreement->expires = kNow; }, "idva", CATEGORY_RISK, "WITHHOLD default/no-agreement"},
      {"sender is no party", [](PolicySnapshot& p, HeaderParts&) { p.agreement->parties = {"idva", "housing"}; }, "idva", CATEGORY_RISK, "WITHHOLD default/no-route"},
      {"recipient is no party", [](PolicySnapshot& p, HeaderParts&) { p.agreement->parties = {"police", "housing"}; }, "idva", CATEGORY_RISK, "WITHHOLD default/no-route"},
      {"other purpose", [](PolicySnapshot&, HeaderParts& r) { r.core.set_purpose(PURPOSE_HEALTH_CARE); }, "idva", CATEGORY_RISK, "WITHHOLD default/no-route"},
      {"sender of another kind", [](PolicySnapshot& p, HeaderParts&) { p.agencies["police"].kind = AGENCY_KIND_HEALTH; }, "idva", CATEGORY_RISK, "WITHHOLD default/no-route"},
      {"sender inactive", [](PolicySnapshot& p, HeaderParts&) { p.agencies["police"].active = false; }, "idva", CATEGORY_RISK, "WITHHOLD always/sender-unknown"},
      {"recipient inactive", [](PolicySnapshot&, HeaderParts& r) { r.recipients[0].set_agency("closed"); }, "closed", CATEGORY_RISK, "WITHHOLD always/recipient-unknown"},
      {"recipient unknown", [](PolicySnapshot&, HeaderParts& r) { r.recipients[0].set_agency("nobody"); }, "nobody", CATEGORY_RISK, "WITHHOLD always/recipient-unknown"},
      {"grade below the route's", [](PolicySnapshot& p, HeaderParts& r) { p.agreement->routes[0].min_grade = RISK_GRADE_HIGH; r.core.mutable_risk()->set_grade(RISK_GRADE_MEDIUM); }, "idva", CATEGORY_RISK, "WITHHOLD default/no-route"},
      {"grade at the route's", [](PolicySnapshot& p, HeaderParts& r) { p.agreement->routes[0].min_grade = RISK_GRADE_HIGH; r.core.mutable_risk()->set_grade(RISK_GRADE_HIGH); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"another forum", [](PolicySnapshot& p, HeaderParts& r) { p.agreement->routes[0].forum = "marac-a"; r.core.set_forum("marac-b"); }, "idva", CATEGORY_RISK, "WITHHOLD default/no-route"},
      {"the forum", [](PolicySnapshot& p, HeaderParts& r) { p.agreement->routes[0].forum = "marac-a"; r.core.set_forum("marac-a"); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"consent refused", [](PolicySnapshot&, HeaderParts& r) { r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_REFUSED); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/consent-or-basis"},
      {"refused, gateway alone", [](PolicySnapshot&, HeaderParts& r) { r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_REFUSED); r.tags[0].set_gateway(GATEWAY_CDA1998_S115); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/consent-or-basis"},
      {"refused, gateway and rationale", [](PolicySnapshot&, HeaderParts& r) { r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_REFUSED); r.tags[0].set_gateway(GATEWAY_CDA1998_S115); AddRationale(r); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/consent-or-basis"},
      {"refused, gateway, rationale, approver", [](PolicySnapshot&, HeaderParts& r) { r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_REFUSED); r.tags[0].set_gateway(GATEWAY_CDA1998_S115); AddRationale(r); r.tags[0].set_approver("sgt-1"); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"the route needs consent", [](PolicySnapshot& p, HeaderParts& r) { p.agreement->routes[0].needs_consent = true; r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_REFUSED); r.tags[0].set_gateway(GATEWAY_CDA1998_S115); AddRationale(r); r.tags[0].set_approver("sgt-1"); }, "idva", CATEGORY_RISK, "NEEDS_BASIS agreement/test-1/to-idva"},
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
      {"immigration enforcement", [](PolicySnapshot&, HeaderParts& r) { r.core.set_purpose(PURPOSE_IMMIGRATION_ENFORCEMENT); r.core.set_urgency(URGENCY_IMMEDIATE); }, "idva", CATEGORY_RISK, "REFUSE always/immigration-enforcement"},
      {"immigration status to police", [](PolicySnapshot& p, HeaderParts& r) { p.agencies["idva"].kind = AGENCY_KIND_POLICE; r.sections[1].set_category(CATEGORY_IMMIGRATION_STATUS); }, "idva", CATEGORY_IMMIGRATION_STATUS, "WITHHOLD always/immigration-status"},
      {"immigration status for support", [](PolicySnapshot&, HeaderParts& r) { r.sections[1].set_category(CATEGORY_IMMIGRATION_STATUS); }, "idva", CATEGORY_IMMIGRATION_STATUS, "PERMIT agreement/test-1/to-idva"},
      {"confidential address", [](PolicySnapshot&, HeaderParts& r) { r.sections[0].set_confidential_address(true); }, "idva", CATEGORY_IDENTITY, "WITHHOLD always/confidential-address"},
      {"confidential address, named route", [](PolicySnapshot& p, HeaderParts& r) { p.agreement->routes[0].confidential_address = true; r.sections[0].set_confidential_address(true); }, "idva", CATEGORY_IDENTITY, "PERMIT agreement/test-1/to-idva"},
      {"confidential address, danger now", [](PolicySnapshot& p, HeaderParts& r) { p.agreement.reset(); r.core.set_urgency(URGENCY_IMMEDIATE); r.sections[0].set_confidential_address(true); }, "idva", CATEGORY_IDENTITY, "WITHHOLD always/confidential-address"},
      {"danger now, no agreement", [](PolicySnapshot& p, HeaderParts& r) { p.agreement.reset(); r.core.set_urgency(URGENCY_IMMEDIATE); }, "idva", CATEGORY_RISK, "PERMIT emergency/emergency-1"},
      {"danger now, basis lacking", [](PolicySnapshot&, HeaderParts& r) { r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_NOT_SOUGHT_UNSAFE); r.core.set_urgency(URGENCY_IMMEDIATE); }, "idva", CATEGORY_RISK, "PERMIT emergency/emergency-1"},
      {"danger now, category not in the schedule", [](PolicySnapshot& p, HeaderParts& r) { p.agreement.reset(); r.core.set_urgency(URGENCY_IMMEDIATE); }, "idva", CATEGORY_HOUSING, "WITHHOLD default/no-agreement"},
      {"danger now, kind not in the schedule", [](PolicySnapshot& p, HeaderParts& r) { p.agreement.reset(); r.core.set_urgency(URGENCY_IMMEDIATE); }, "housing", CATEGORY_IDENTITY, "WITHHOLD default/no-agreement"},
      {"duty to refer from police", [](PolicySnapshot&, HeaderParts& r) { r.core.set_purpose(PURPOSE_HOUSING_DUTY_TO_REFER); }, "housing", CATEGORY_IDENTITY, "WITHHOLD always/duty-to-refer-sender"},
      {"duty to refer to an Idva", [](PolicySnapshot& p, HeaderParts& r) { p.agencies["police"].kind = AGENCY_KIND_HEALTH; r.core.set_purpose(PURPOSE_HOUSING_DUTY_TO_REFER); }, "idva", CATEGORY_IDENTITY, "WITHHOLD always/duty-to-refer-recipient"},
      {"duty to refer without consent", [](PolicySnapshot& p, HeaderParts& r) { p.agencies["police"].kind = AGENCY_KIND_HEALTH; r.core.set_purpose(PURPOSE_HOUSING_DUTY_TO_REFER); r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_NOT_SOUGHT_UNSAFE); }, "housing", CATEGORY_IDENTITY, "NEEDS_BASIS always/duty-to-refer-consent"},
      {"duty to refer with consent", [](PolicySnapshot& p, HeaderParts& r) { p.agencies["police"].kind = AGENCY_KIND_HEALTH; p.agreement->routes[1].from_kinds = {AGENCY_KIND_HEALTH}; p.agreement->routes[1].purposes = {PURPOSE_HOUSING_DUTY_TO_REFER}; r.core.set_purpose(PURPOSE_HOUSING_DUTY_TO_REFER); }, "housing", CATEGORY_IDENTITY, "PERMIT agreement/test-1/to-housing"},
      {"sender inactive, danger now", [](PolicySnapshot& p, HeaderParts& r) { static_cast<void>(p); static_cast<void>(r); p.agencies["police"].active = false; r.core.set_urgency(URGENCY_IMMEDIATE); }, "idva", CATEGORY_RISK, "WITHHOLD always/sender-unknown"},
      {"sender inactive, named by the route", [](PolicySnapshot& p, HeaderParts& r) { static_cast<void>(p); static_cast<void>(r); p.agencies["police"].active = false; p.agreement->routes[0].from_agencies = {"police"}; }, "idva", CATEGORY_RISK, "WITHHOLD always/sender-unknown"},
      {"confidential desk that is not there", [](PolicySnapshot& p, HeaderParts& r) { static_cast<void>(p); static_cast<void>(r); r.recipients[1].set_desk(DESK_CONFIDENTIAL); }, "housing", CATEGORY_HOUSING, "WITHHOLD always/no-such-desk"},
      {"works there, no confidential desk", [](PolicySnapshot& p, HeaderParts& r) { static_cast<void>(p); static_cast<void>(r); r.subjects[0].set_works_at("housing"); r.recipients[1].set_desk(DESK_CONFIDENTIAL); }, "housing", CATEGORY_HOUSING, "WITHHOLD always/no-such-desk"},
      {"consent by the alleged perpetrator", [](PolicySnapshot& p, HeaderParts& r) { static_cast<void>(p); static_cast<void>(r); r.tags[0].set_consent_by(SUBJECT_ROLE_ALLEGED_PERPETRATOR); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/consent-or-basis"},
      {"approver and rationale without gateway", [](PolicySnapshot& p, HeaderParts& r) { static_cast<void>(p); static_cast<void>(r); r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_REFUSED); AddRationale(r); r.tags[0].set_approver("sgt-1");  }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/consent-or-basis"},
      {"gateway that rests on consent", [](PolicySnapshot& p, HeaderParts& r) { static_cast<void>(p); static_cast<void>(r); r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_REFUSED); AddRationale(r); r.tags[0].set_approver("sgt-1"); r.tags[0].set_gateway(GATEWAY_HA1996_S213B); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/consent-or-basis"},
      {"gateway not commenced", [](PolicySnapshot& p, HeaderParts& r) { static_cast<void>(p); static_cast<void>(r); r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_REFUSED); AddRationale(r); r.tags[0].set_approver("sgt-1"); r.tags[0].set_gateway(GATEWAY_CA2004_S16LA); }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/consent-or-basis"},
      {"gateway that the route names", [](PolicySnapshot& p, HeaderParts& r) { static_cast<void>(p); static_cast<void>(r); r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_REFUSED); AddRationale(r); r.tags[0].set_approver("sgt-1"); r.tags[0].set_gateway(GATEWAY_CA2004_S16LA); p.agreement->routes[0].gateways = {GATEWAY_CA2004_S16LA}; }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"gateway that the route does not name", [](PolicySnapshot& p, HeaderParts& r) { static_cast<void>(p); static_cast<void>(r); r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_REFUSED); AddRationale(r); r.tags[0].set_approver("sgt-1"); r.tags[0].set_gateway(GATEWAY_CDA1998_S115); p.agreement->routes[0].gateways = {GATEWAY_CA2004_S11}; }, "idva", CATEGORY_RISK, "NEEDS_BASIS always/consent-or-basis"},
      {"basis overrides a limit", [](PolicySnapshot& p, HeaderParts& r) { static_cast<void>(p); static_cast<void>(r); r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_GIVEN_WITH_LIMITS); r.tags[0].add_consent_excludes_kinds(AGENCY_KIND_IDVA); r.tags[0].set_gateway(GATEWAY_CDA1998_S115); AddRationale(r); r.tags[0].set_approver("sgt-1"); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"another route permits what one does not", [](PolicySnapshot& p, HeaderParts& r) { static_cast<void>(p); static_cast<void>(r); r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_REFUSED); AddRationale(r); r.tags[0].set_approver("sgt-1"); r.tags[0].set_gateway(GATEWAY_CDA1998_S115); Route strict = p.agreement->routes[0]; strict.id = "a-strict"; strict.needs_consent = true; strict.confidential_address = true; p.agreement->routes.push_back(strict); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"confidential address on the consent route alone, refused", [](PolicySnapshot& p, HeaderParts& r) { static_cast<void>(p); static_cast<void>(r); r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_REFUSED); AddRationale(r); r.tags[0].set_approver("sgt-1"); r.tags[0].set_gateway(GATEWAY_CDA1998_S115); r.sections[1].set_confidential_address(true); Route strict = p.agreement->routes[0]; strict.id = "z-strict"; strict.needs_consent = true; strict.confidential_address = true; p.agreement->routes.push_back(strict); }, "idva", CATEGORY_RISK, "NEEDS_BASIS agreement/test-1/z-strict"},
      {"confidential address, danger now, the route does not name it", [](PolicySnapshot& p, HeaderParts& r) { static_cast<void>(p); static_cast<void>(r); r.core.set_urgency(URGENCY_IMMEDIATE); r.sections[0].set_confidential_address(true); }, "idva", CATEGORY_IDENTITY, "WITHHOLD always/confidential-address"},
      {"danger now, all in order", [](PolicySnapshot& p, HeaderParts& r) { static_cast<void>(p); static_cast<void>(r); r.core.set_urgency(URGENCY_IMMEDIATE); }, "idva", CATEGORY_RISK, "PERMIT agreement/test-1/to-idva"},
      {"danger now, immigration status to police", [](PolicySnapshot& p, HeaderParts& r) { static_cast<void>(p); static_cast<void>(r); p.agencies["idva"].kind = AGENCY_KIND_POLICE; p.emergency.categories.push_back(CATEGORY_IMMIGRATION_STATUS); r.core.set_urgency(URGENCY_IMMEDIATE); r.sections[1].set_category(CATEGORY_IMMIGRATION_STATUS); }, "idva", CATEGORY_IMMIGRATION_STATUS, "WITHHOLD always/immigration-status"},
      {"danger now, works there", [](PolicySnapshot& p, HeaderParts& r) { static_cast<void>(p); static_cast<void>(r); r.subjects[0].set_works_at("idva"); r.core.set_urgency(URGENCY_IMMEDIATE); }, "idva", CATEGORY_RISK, "WITHHOLD always/works-at-agency"},
      {"danger now, duty to refer without consent", [](PolicySnapshot& p, HeaderParts& r) { static_cast<void>(p); static_cast<void>(r); p.agencies["police"].kind = AGENCY_KIND_HEALTH; p.emergency.to_kinds.push_back(AGENCY_KIND_HOUSING); r.core.set_urgency(URGENCY_IMMEDIATE); r.core.set_purpose(PURPOSE_HOUSING_DUTY_TO_REFER); r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_REFUSED); }, "housing", CATEGORY_IDENTITY, "NEEDS_BASIS always/duty-to-refer-consent"},
      {"duty to refer, consent not to housing", [](PolicySnapshot& p, HeaderParts& r) { static_cast<void>(p); static_cast<void>(r); p.agencies["police"].kind = AGENCY_KIND_HEALTH; r.core.set_purpose(PURPOSE_HOUSING_DUTY_TO_REFER); r.tags[0].set_consent(CONFIDENTIALITY_CONSENT_GIVEN_WITH_LIMITS); r.tags[0].add_consent_excludes_kinds(AGENCY_KIND_HOUSING); }, "housing", CATEGORY_IDENTITY, "NEEDS_BASIS always/duty-to-refer-consent"},
      {"a deputy is decided for itself", [](PolicySnapshot& p, HeaderParts& r) { static_cast<void>(p); static_cast<void>(r); p.agencies["deputy"] = {AGENCY_KIND_IDVA, true, false}; p.agreement->parties.push_back("deputy"); r.recipients.push_back(r.recipients[0]); r.recipients[2].set_agency("deputy"); r.recipients[2].set_capacity(RECIPIENT_CAPACITY_DEPUTY); r.recipients[2].set_on_behalf_of("idva"); r.subjects[0].add_exclusions()->set_agency("deputy"); }, "deputy", CATEGORY_RISK, "WITHHOLD always/protective-list"},
  };
  for (const Case& row : table) {
    PolicySnapshot policy = SamplePolicy();
    HeaderParts parts = SampleParts();
    row.change(policy, parts);
    EXPECT_EQ(RuleOf(policy, parts, row.recipient, row.category), row.expected) << row.name;
  }
}

TEST(DecisionTest, APermitSaysTheRegimeTheObligationsAndTheGap) {
  PolicySnapshot policy = SamplePolicy();
  HeaderParts parts = SampleParts();
  for (const bool danger : {false, true}) {
    if (danger) {
      policy.agreement.reset();
      parts.core.set_urgency(URGENCY_IMMEDIATE);
    }
    int permits = 0;
    for (const SectionDecision& decision : Decide(policy, parts, kNow).decisions) {
      const bool permit = decision.verdict() == VERDICT_PERMIT;
      permits += permit;
      EXPECT_EQ(decision.recipient_regime(), permit ? REGIME_UK_GDPR : REGIME_UNSPECIFIED);
      EXPECT_EQ(decision.obligations().not_to_alleged_perpetrator(), permit);
      EXPECT_EQ(decision.obligations().onward(), permit ? ONWARD_SHARING_ASK_ORIGINATOR : ONWARD_SHARING_UNSPECIFIED);
      EXPECT_EQ(decision.emergency_gap(), permit && danger);
    }
    EXPECT_GT(permits, 0);
  }
}

TEST(DecisionTest, ChangesSayInCodesWhatTheirWordsSay) {
  HeaderParts parts = SampleParts();
  parts.tags[0].set_consent(CONFIDENTIALITY_CONSENT_REFUSED);
  const Decisions decisions = Decide(SamplePolicy(), parts, kNow);
  ASSERT_EQ(decisions.decisions[0].verdict(), VERDICT_NEEDS_BASIS);
  ASSERT_EQ(decisions.decisions[0].changes_size(), 1);
  const auto& changes = decisions.decisions[0].changes(0).changes();
  EXPECT_EQ(std::vector<int>(changes.begin(), changes.end()),
            (std::vector<int>{CHANGE_CODE_RECORD_GATEWAY, CHANGE_CODE_ADD_RATIONALE, CHANGE_CODE_RECORD_APPROVER}));
  EXPECT_EQ(decisions.decisions[0].what_would_change_it_size(), 3);
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

TEST(DecisionTest, NothingIsPermittedThatNoRuleNames) {
  FakeRandom random(12);
  for (int round = 0; round < 300; ++round) {
    PolicySnapshot policy = SamplePolicy();
    HeaderParts parts = SampleParts();
    for (SectionPart& section : parts.sections) section.set_category(static_cast<Category>(1 + random.Below(18)));
    for (RecipientPart& recipient : parts.recipients) recipient.set_desk(static_cast<Desk>(random.Below(3)));
    parts.core.set_purpose(static_cast<Purpose>(1 + random.Below(10)));
    parts.core.set_urgency(static_cast<Urgency>(random.Below(3)));
    if (random.Below(3) == 0) policy.agreement.reset();
    const auto has = [](const auto& list, auto value) { return std::find(list.begin(), list.end(), value) != list.end(); };
    for (const auto& decision : Decide(policy, parts, kNow).decisions) {
      if (decision.verdict() != VERDICT_PERMIT) continue;
      const AgencyKind kind = policy.agencies.at(decision.recipient()).kind;
      EXPECT_NE(parts.core.purpose(), PURPOSE_IMMIGRATION_ENFORCEMENT);
      if (decision.rule_id() == "emergency/emergency-1") {
        EXPECT_EQ(parts.core.urgency(), URGENCY_IMMEDIATE);
        EXPECT_TRUE(has(policy.emergency.to_kinds, kind) && has(policy.emergency.categories, decision.category()));
        continue;
      }
      ASSERT_TRUE(policy.agreement.has_value()) << decision.rule_id();
      const auto& routes = policy.agreement->routes;
      EXPECT_TRUE(std::any_of(routes.begin(), routes.end(), [&](const Route& route) {
        return decision.rule_id() == "agreement/test-1/" + route.id && has(route.to_kinds, kind) &&
               has(route.categories, decision.category()) && has(route.purposes, parts.core.purpose());
      })) << decision.rule_id();
    }
  }
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

    // A further route takes nothing away.
    if (policy.agreement.has_value()) {
      PolicySnapshot wider = policy;
      Route& route = wider.agreement->routes.emplace_back(wider.agreement->routes[random.Below(2)]);
      route.id = random.Below(2) == 0 ? "a-further" : "z-further";
      route.needs_consent = random.Below(2) == 0;
      route.confidential_address = random.Below(2) == 0;
      const Decisions widened = Decide(wider, parts, kNow);
      for (const char* agency : {"idva", "housing"}) {
        const auto had = PermittedSections(before, agency), has = PermittedSections(widened, agency);
        EXPECT_TRUE(std::includes(has.begin(), has.end(), had.begin(), had.end())) << agency << " round " << round;
      }
    }

    switch (random.Below(7)) {
      case 0: parts.subjects[0].add_exclusions()->set_kind(static_cast<AgencyKind>(1 + random.Below(5))); break;
      case 1: policy.conflicts["police"].insert("pc-1"); break;
      case 2: parts.sections[random.Below(3)].set_confidential_address(true); break;
      case 3: parts.subjects[0].set_works_at(random.Below(2) == 0 ? "idva" : "housing"); break;
      case 4: parts.tags[0].clear_gateway(); break;
      case 5: policy.agencies[random.Below(2) == 0 ? "idva" : "police"].active = false; break;
      default: parts.recipients[random.Below(2)].set_desk(DESK_CONFIDENTIAL); break;
    }
    const Decisions after = Decide(policy, parts, kNow);
    for (const char* agency : {"idva", "housing"}) {
      const auto had = PermittedSections(before, agency), has = PermittedSections(after, agency);
      EXPECT_TRUE(std::includes(had.begin(), had.end(), has.begin(), has.end())) << agency << " round " << round;
    }
  }
}

// "victim" for a warning of its age, "child" for one of another child, "review", "emergency": in their order.
std::string WarningsOf(const PolicySnapshot& policy, const HeaderParts& parts) {
  std::string kinds;
  for (const std::string& warning : Decide(policy, parts, kNow).warnings) {
    for (const auto& [words, kind] : {std::pair("The victim is ", "victim "), std::pair("A child", "child "), std::pair("reviewed", "review "),
                                      std::pair("emergency", "emergency ")}) {
      if (warning.find(words) != std::string::npos) kinds += kind;
    }
  }
  return kinds;
}

TEST(DecisionTest, WarningsStopNothingAndNameWhatIsForgotten) {
  PolicySnapshot policy = SamplePolicy();
  HeaderParts parts = SampleParts();
  const std::string digest = DecisionDigest(policy, Decide(policy, parts, kNow));
  EXPECT_EQ(WarningsOf(policy, parts), "");

  parts.subjects[0].set_age_band(AGE_BAND_UNDER_16);
  const Decisions under_16 = Decide(policy, parts, kNow);
  ASSERT_EQ(under_16.warnings.size(), 1u);
  EXPECT_NE(under_16.warnings[0].find("Send it to children's services too, now."), std::string::npos);
  EXPECT_EQ(DecisionDigest(policy, under_16), digest) << "warned of, never dropped";
  parts.subjects[0].set_age_band(AGE_BAND_16_17);
  EXPECT_EQ(WarningsOf(policy, parts), "victim ");

  SubjectPart child = parts.subjects[0];
  child.set_subject_id(Id('w'));
  child.set_role(SUBJECT_ROLE_UNBORN_CHILD);
  child.set_age_band(AGE_BAND_UNBORN);
  parts.subjects.push_back(child);
  parts.tags[0].set_consent_review_ms(absl::ToUnixMillis(kNow));
  EXPECT_EQ(WarningsOf(policy, parts), "victim child review ");
  parts.tags[0].set_consent_review_ms(absl::ToUnixMillis(kNow) + 1);
  EXPECT_EQ(WarningsOf(policy, parts), "victim child ");

  // Addressed to children's services, but nothing may reach them: the warning stands.
  RecipientPart childrens = parts.recipients[0];
  childrens.set_agency("childrens");
  parts.recipients.push_back(childrens);
  EXPECT_EQ(WarningsOf(policy, parts), "victim child ");
  policy.agreement->routes[0].to_kinds.push_back(AGENCY_KIND_CHILDRENS_SERVICES);
  EXPECT_EQ(WarningsOf(policy, parts), "");
  parts.subjects[0].set_age_band(AGE_BAND_UNDER_16);
  EXPECT_EQ(WarningsOf(policy, parts), "victim ") << "that they lead is told all the same";

  parts.recipients.pop_back();
  parts.core.set_urgency(URGENCY_IMMEDIATE);
  policy.agreement.reset();
  EXPECT_EQ(WarningsOf(policy, parts), "victim child emergency ");
  policy.agencies["police"].kind = AGENCY_KIND_CHILDRENS_SERVICES;
  EXPECT_EQ(WarningsOf(policy, parts), "victim emergency ") << "children's services are the sender";
  EXPECT_EQ(Decide(policy, parts, kNow).gaps_waived, 2u) << "identity and risk, to the Idva alone";
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
  expect([](Agreement& a) { a.routes[0].gateways = {GATEWAY_HA1996_S213B}; }, "rests on consent");
  expect([](Agreement& a) { a.routes[0].needs_consent = true; a.routes[0].gateways = {GATEWAY_CA2004_S11}; }, "no gateway can replace it");
  expect([](Agreement& a) { a.routes[0].from_kinds.clear(); }, "from nobody");
  expect([](Agreement& a) { a.routes[0].to_kinds.clear(); }, "to nobody");
  expect([](Agreement& a) { a.routes[0].purposes.clear(); }, "no purpose");
  expect([](Agreement& a) { a.routes[0].id = "No Id"; }, "route's id");
  expect([](Agreement& a) { a.parties.push_back("No Id"); }, "no agency id");
  expect([](Agreement& a) { a.parties.push_back("police"); }, "each once");
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
  EXPECT_FALSE(IsNhsNumber("0000000000")) << "a placeholder with a right check digit";
  EXPECT_FALSE(IsNhsNumber("222 222 2222"));
  EXPECT_FALSE(IsNhsNumber(""));
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

TEST(SubjectTokenTest, HalfANameOrAHalfKnownDateIsNeverStrong) {
  const auto strong = [](const Person& person) {
    const auto tokens = MakeTokens(person, "d", "k", "key");
    return std::count_if(tokens.begin(), tokens.end(), [](const SubjectToken& token) { return token.strong(); });
  };
  Person nickname = Somebody("", "", "1990-01-02");
  nickname.add_aliases("Baz");
  EXPECT_EQ(strong(nickname), 0);
  EXPECT_EQ(MakeTokens(nickname, "d", "k", "key").size(), 1u) << "weak, by year";
  nickname.add_aliases("Barry Smith");
  EXPECT_EQ(strong(nickname), 1);
  EXPECT_EQ(MakeTokens(Somebody("Zoe", "", "1990-01-02"), "d", "k", "key").size(), 0u);
  EXPECT_EQ(strong(Somebody("-", "Smith", "1990-01-02")), 0);
  for (const char* date : {"1990", "1990-01", "1990-02-31", "1990-1-002", "02/01/1990", " 990-01-02", "199x-01-02", "", "1990-01-02T", "abcd-ef-gh"}) {
    EXPECT_EQ(strong(Somebody("Zoe", "Smith", date)), 0) << date;
  }
  for (const char* date : {"02/01/1990", "19/1", "", "199", "abcd-01"}) {
    EXPECT_TRUE(MakeTokens(Somebody("Zoe", "Smith", date), "d", "k", "key").empty()) << date;
  }
}

TEST(SubjectTokenTest, NeverMoreThanTheLimitAndStrongOnesFirst) {
  Person person = Somebody("Zoe", "Smith", "1990-01-02");
  for (int i = 0; i < 20; ++i) person.add_aliases(fmt::format("Zoe Smith{}", i));
  const auto tokens = MakeTokens(person, "d", "k", "key");
  EXPECT_EQ(tokens.size(), kTokensPerSubjectMax);
  EXPECT_TRUE(std::all_of(tokens.begin(), tokens.end(), [](const SubjectToken& token) { return token.strong(); }));
}

TEST(SubjectTokenTest, OnlyAVerifiedRightNhsNumberMakesAToken) {
  Person person;
  auto& identifier = *person.add_identifiers();
  identifier.set_scheme("nhs_number");
  identifier.set_value("943 476 5919");
  EXPECT_TRUE(MakeTokens(person, "d", "k", "key").empty());
  identifier.set_verified(true);
  EXPECT_EQ(MakeTokens(person, "d", "k", "key").size(), 1u);
  identifier.set_quarantined(true);
  EXPECT_TRUE(MakeTokens(person, "d", "k", "key").empty());
  identifier.set_quarantined(false);
  identifier.set_scheme("local");
  EXPECT_TRUE(MakeTokens(person, "d", "k", "key").empty());
  identifier.set_scheme("nhs_number");
  identifier.set_value("9434765918");
  EXPECT_TRUE(MakeTokens(person, "d", "k", "key").empty());
}

}  // namespace
}  // namespace accord::referral
