#include <gtest/gtest.h>

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/referral/header.h"
#include "common/referral/identifiers.h"
#include "common/referral/risk.h"
#include "common/referral/section.h"
#include "common/referral/states.h"
#include "common/referral/statement.h"
#include "common/referral/subject_token.h"
#include "common/referral/testing_parts.h"
#include "common/referral/validate.h"

namespace accord::referral::referral_test {
namespace {

using namespace type::v1;  // NOLINT
using testing::Id;
using testing::SampleParts;

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
      {"other instrument without its name", [](HeaderParts& p) { p.core.mutable_risk()->set_instrument(INSTRUMENT_OTHER); }, Reason::kFieldInvalid},
      {"other instrument with a bad name", [](HeaderParts& p) { p.core.mutable_risk()->set_instrument(INSTRUMENT_OTHER); p.core.mutable_risk()->set_instrument_code("No Name"); }, Reason::kFieldInvalid},
      {"name of an instrument that has its own value", [](HeaderParts& p) { p.core.mutable_risk()->set_instrument_code("dara"); }, Reason::kFieldInvalid},
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

// ---------------------------------------------------------------- lanes

TEST(LanesTest, ImmediateRidesFirstAndAHighNoticeIsNotBulk) {
  EXPECT_EQ(LaneOf(REFERRAL_TYPE_NOTIFICATION, URGENCY_IMMEDIATE, RISK_GRADE_STANDARD), LANE_IMMEDIATE);
  EXPECT_EQ(LaneOf(REFERRAL_TYPE_REFERRAL, URGENCY_ROUTINE, RISK_GRADE_HIGH), LANE_HIGH);
  EXPECT_EQ(LaneOf(REFERRAL_TYPE_NOTIFICATION, URGENCY_ROUTINE, RISK_GRADE_HIGH), LANE_HIGH);
  EXPECT_EQ(LaneOf(REFERRAL_TYPE_NOTIFICATION, URGENCY_ROUTINE, RISK_GRADE_MEDIUM), LANE_NOTICES);
  EXPECT_EQ(LaneOf(REFERRAL_TYPE_REFERRAL, URGENCY_ROUTINE, RISK_GRADE_UNSPECIFIED), LANE_STANDARD);
}

// ---------------------------------------------------------------- risk, identifiers, tokens

TEST(RiskTest, JudgementMayRaiseNeverLower) {
  const InstrumentScore medium{11, 0, RISK_GRADE_MEDIUM};
  EXPECT_TRUE(CheckJudgement(RISK_GRADE_HIGH, medium).ok());
  EXPECT_TRUE(CheckJudgement(RISK_GRADE_MEDIUM, medium).ok());
  EXPECT_TRUE(HasReason(CheckJudgement(RISK_GRADE_STANDARD, medium), Reason::kFieldInvalid));
}

Risk RiskOf(RiskGrade grade, std::optional<uint32_t> score = std::nullopt, Instrument instrument = INSTRUMENT_SAFELIVES_DASH_RIC) {
  Risk risk;
  risk.set_grade(grade);
  risk.set_instrument(instrument);
  if (score.has_value()) risk.set_score(*score);
  return risk;
}

TEST(RiskTest, AScoreIsAFloorForItsOwnGradeAlone) {
  const auto lowered = [](const Risk& risk, const RicBands& bands = {}) { return HasReason(CheckScore(risk, bands), Reason::kRiskLowered); };
  EXPECT_TRUE(lowered(RiskOf(RISK_GRADE_MEDIUM, 14)));
  EXPECT_FALSE(lowered(RiskOf(RISK_GRADE_MEDIUM, 13)));
  EXPECT_TRUE(lowered(RiskOf(RISK_GRADE_STANDARD, 10)));
  EXPECT_FALSE(lowered(RiskOf(RISK_GRADE_STANDARD, 9)));
  EXPECT_FALSE(lowered(RiskOf(RISK_GRADE_HIGH, 3))) << "judgement may raise";
  EXPECT_FALSE(lowered(RiskOf(RISK_GRADE_STANDARD, 20, INSTRUMENT_DARA))) << "no other instrument is counted";
  EXPECT_FALSE(lowered(RiskOf(RISK_GRADE_STANDARD)));
  EXPECT_FALSE(lowered(RiskOf(RISK_GRADE_UNSPECIFIED, 20)));
  EXPECT_FALSE(lowered(RiskOf(RISK_GRADE_MEDIUM, 15), {10, 16})) << "an area's own bands";
}

TEST(RiskTest, ALowerGradeNeedsANewAssessmentReasonAndSupervisor) {
  const auto lowered = [](const Risk& before, const Risk& now) { return HasReason(CheckLowered(before, now, {}), Reason::kRiskLowered); };
  const Risk high = RiskOf(RISK_GRADE_HIGH);
  Risk now = RiskOf(RISK_GRADE_MEDIUM);
  EXPECT_TRUE(lowered(high, now));
  now.set_change_reason(RISK_CHANGE_REASON_NEW_ASSESSMENT);
  EXPECT_TRUE(lowered(high, now)) << "nobody agreed";
  now.set_supervisor("sergeant-1");
  EXPECT_FALSE(lowered(high, now));
  now.clear_change_reason();
  EXPECT_TRUE(lowered(high, now)) << "it does not say why";
  EXPECT_FALSE(lowered(RiskOf(RISK_GRADE_STANDARD), RiskOf(RISK_GRADE_HIGH))) << "higher needs nothing";
  EXPECT_FALSE(lowered(high, RiskOf(RISK_GRADE_HIGH)));
  EXPECT_FALSE(lowered(high, RiskOf(RISK_GRADE_UNSPECIFIED)));
}

TEST(RiskTest, TheSameAssessmentStaysTheSame) {
  const auto lowered = [](const Risk& before, const Risk& now) { return HasReason(CheckLowered(before, now, {}), Reason::kRiskLowered); };
  Risk before = RiskOf(RISK_GRADE_HIGH, 14), now = RiskOf(RISK_GRADE_MEDIUM);
  before.set_assessment(std::string(16, 'a'));
  now.set_assessment(std::string(16, 'a'));
  now.set_supervisor("sergeant-1");
  now.set_change_reason(RISK_CHANGE_REASON_NEW_ASSESSMENT);
  EXPECT_TRUE(lowered(before, now)) << "it is not new";
  now.set_change_reason(RISK_CHANGE_REASON_SUPERVISION);
  EXPECT_TRUE(lowered(before, now)) << "its score gives more, said or not";
  now.set_change_reason(RISK_CHANGE_REASON_RECORDED_WRONGLY);
  EXPECT_FALSE(lowered(before, now));
  now.set_change_reason(RISK_CHANGE_REASON_SUPERVISION);
  before.set_score(11);
  EXPECT_FALSE(lowered(before, now)) << "judgement had raised it above its score";
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
  ASSERT_GE(one.size(), 2u);
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
  EXPECT_EQ(MakeTokens(nickname, "d", "k", "key").size(), 2u) << "weak, by year and by day";
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

TEST(SubjectTokenTest, ADefaultDateIsNeverStrongAndMeetsByTheWholeNameAlone) {
  for (const char* date : {"1990-01-01", "1900-01-01"}) {
    const auto tokens = MakeTokens(Somebody("Zoe", "Smith", date), "d", "k", "key");
    EXPECT_EQ(tokens.size(), 3u) << "name and date, name and year, sound and date";
    EXPECT_TRUE(std::none_of(tokens.begin(), tokens.end(), [](const SubjectToken& token) { return token.strong(); })) << date;
  }
  EXPECT_TRUE(MakeTokens(Somebody("Zoe", "Smith", "1990-01-02"), "d", "k", "key")[0].strong());
  EXPECT_TRUE(MakeTokens(Somebody("Zoe", "Smith", "1990-10-01"), "d", "k", "key")[0].strong());
}

TEST(SubjectTokenTest, OneErrorLeavesAWeakTokenInCommon) {
  const auto meet = [](const Person& a, const Person& b) {
    const auto one = MakeTokens(a, "d", "k", "key"), other = MakeTokens(b, "d", "k", "key");
    return std::any_of(one.begin(), one.end(), [&](const SubjectToken& token) {
      return std::any_of(other.begin(), other.end(), [&](const SubjectToken& known) { return known.token() == token.token(); });
    });
  };
  const Person right = Somebody("Miriam Joy", "Ashdown", "1991-04-17");
  for (const Person& wrong : {Somebody("Miriam Joy", "Ashdwon", "1991-04-17"), Somebody("Miram Joy", "Ashdown", "1991-04-17"),
                              Somebody("Ashdown", "Miriam Joy", "1991-04-17"), Somebody("Miriam Joy", "Ashdown", "1991-04-11"),
                              Somebody("Miriam Joy", "Ashdown", "1981-04-17"), Somebody("Miriam Joy", "Ashdown", "1991-07-14"),
                              Somebody("Miriam Joy", "Ashdown", "1991"), Somebody("Miriam", "Ashdown", "1991-04-17"),
                              Somebody("Miriam Joy", "Ashdown-Smith", "1991-04-17"), Somebody("Miriam Joy", "Khan", "1991-04-17")}) {
    EXPECT_TRUE(meet(right, wrong)) << wrong.given_names() << " " << wrong.family_name() << " " << wrong.dates_of_birth(0);
  }
  EXPECT_TRUE(meet(Somebody("Анна", "Шевченко", "1991-04-17"), Somebody("Anna", "Shevchenko", "1991-04-17"))) << "both names from another script";
  for (const Person& other : {Somebody("Miriam Joy", "Ashdown", "1972-11-03"), Somebody("Thomas", "Khan", "1991-04-17"), Somebody("Miriam", "Ashdown", "1991")}) {
    EXPECT_FALSE(meet(right, other)) << other.given_names() << " " << other.family_name();
  }
}

TEST(EventTokenTest, OneReferenceHoweverItIsTypedAndNoOther) {
  const auto token = [](std::string_view reference) { return MakeEventToken(reference, "area", "k1", std::string(32, 'k')); };
  const auto typed = token("20/CR/118822/26");
  EXPECT_EQ(ToHex(typed.token()), "d5cb5f90a9347c8a2f50b4dfc16603604724cf7e6f8095e78d82b10f5f212eb4");
  EXPECT_TRUE(typed.strong());
  for (const char* other : {"20/cr/118822/26", " 20 CR 118822-26 ", "20//CR/118822/26."}) EXPECT_EQ(token(other).token(), typed.token()) << other;
  for (const char* other : {"20/CR/118822/27", "20CR/118822/26", "21/CR/118822/26"}) EXPECT_NE(token(other).token(), typed.token()) << other;
  EXPECT_NE(MakeEventToken("20/CR/118822/26", "area", "k1", std::string(32, 'l')).token(), typed.token());
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
}  // namespace accord::referral::referral_test
