// Golden vectors of what agencies sign and seal: headers, sections, statements, and messages of receipts.
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "accord/type/v1/entry.pb.h"
#include "accord/type/v1/referral.pb.h"
#include "common/base/status.h"
#include "common/crypto/cms.h"
#include "common/crypto/digest.h"
#include "common/crypto/dsse.h"
#include "common/referral/decision.h"
#include "common/referral/disclosure.h"
#include "common/referral/header.h"
#include "common/referral/section.h"
#include "common/referral/statement.h"
#include "common/referral/sound_key.h"
#include "common/referral/subject_token.h"
#include "tests/golden/golden.h"

namespace accord::golden {
namespace {

type::v1::SignedPayload Document(const json& vector) {
  type::v1::SignedPayload document;
  EXPECT_TRUE(document.ParseFromString(Hex(vector["signed_payload"])));
  EXPECT_EQ(document.payload_type(), vector["payload_type"]);
  EXPECT_EQ(document.payload(), Hex(vector["payload"]));
  EXPECT_EQ(document.key_id(), Hex(vector["key_id"]));
  EXPECT_EQ(document.signature(), Hex(vector["signature"]));
  EXPECT_EQ(crypto::Pae(document.payload_type(), document.payload()), Hex(vector["pae"]));
  EXPECT_EQ(document.SerializeAsString(), Hex(vector["signed_payload"]));
  EXPECT_EQ(referral::DigestOf(document), Hex(vector["digest"]));

  const auto key = Certificate(vector["signer"]).verify_key().value();
  EXPECT_TRUE(referral::VerifySignature(document, key).ok());
  type::v1::SignedPayload altered = document;
  altered.set_payload(Altered(document.payload()));
  EXPECT_TRUE(HasReason(referral::VerifySignature(altered, key), Reason::kSignatureInvalid));
  return document;
}

TEST(GoldenReferralTest, SignedPayloads) {
  const json vectors = Vectors("signature", "signatures");
  for (const json& vector : vectors) Document(vector);
}

TEST(GoldenReferralTest, HeaderIsReadAndMadeAgain) {
  const json vector = Vector("header");
  const type::v1::SignedPayload document = Document(vector);
  const auto view = referral::ParseHeader(document);
  ASSERT_TRUE(view.ok()) << view.status();
  EXPECT_EQ(view->key_id, Hex(vector["key_id"]));
  ASSERT_EQ(view->commitments.size(), vector["count"]);
  for (size_t i = 0; i < view->commitments.size(); ++i)
    EXPECT_EQ(view->commitments[i], Hex(vector["commitments"][i]));

  PlaybackRandom random;
  std::vector<type::v1::Opening> openings;
  for (const json& opening : vector["openings"]) {
    openings.emplace_back();
    openings.back().set_label(opening["label"]);
    openings.back().set_salt(Hex(opening["salt"]));
    openings.back().set_content(Hex(opening["content"]));
    random.Next(openings.back().salt());
  }
  for (const json& padding : vector["padding"]) random.Next(Hex(padding));
  const auto opened = referral::OpenHeader(*view, openings);
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_EQ(opened->recipients.size(), 2u);
  EXPECT_EQ(opened->sections.size(), 2u);
  EXPECT_EQ(opened->tags.size(), 1u);
  EXPECT_EQ(opened->subjects.size(), 2u);

  // Parts are serialised alike and salts taken in the vector's order; the signature differs each time.
  const auto key = crypto::SigningKey::FromPem(KeyPem(vector["signer"])).value();
  const auto made = referral::SignHeader(opened->Parts(), key, random);
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_TRUE(random.played());
  EXPECT_EQ(made->header.payload(), document.payload());

  type::v1::Submission submission;
  ASSERT_TRUE(submission.ParseFromString(Base64(vector["submission_base64"])));
  EXPECT_EQ(submission.header().SerializeAsString(), document.SerializeAsString());
  ASSERT_EQ(submission.openings_size(), static_cast<int>(openings.size()));
  for (size_t i = 0; i < openings.size(); ++i) {
    EXPECT_EQ(submission.openings(static_cast<int>(i)).SerializeAsString(), openings[i].SerializeAsString());
  }
  const json sections = Vectors("sealed", "sections");
  ASSERT_EQ(submission.sections_size(), static_cast<int>(sections.size()));
  for (int i = 0; i < submission.sections_size(); ++i) {
    EXPECT_EQ(submission.sections(i).section_id(), Hex(sections[static_cast<size_t>(i)]["section_id"]));
    EXPECT_EQ(submission.sections(i).cms(), Base64(sections[static_cast<size_t>(i)]["sealed_base64"]));
  }
}

TEST(GoldenReferralTest, SectionPlaintext) {
  const json vectors = Vector("section");
  EXPECT_EQ(crypto::Sha256(Hex(vectors["tag_content"])), Hex(vectors["tag_digest"]));
  for (const json& vector : vectors["sections"]) {
    referral::SectionBinding binding{
        .sender = vectors["sender"],
        .request_id = vectors["request_id"],
        .section_id = Hex(vector["section_id"]),
        .category = static_cast<type::v1::Category>(vector["category"].get<int>()),
        .tag_content = Hex(vectors["tag_content"])};
    const std::string content = Hex(vector["content"]), plaintext = Base64(vector["plaintext_base64"]);
    EXPECT_EQ(referral::MakePlaintext(binding, content).value(), plaintext);
    EXPECT_EQ(referral::ReadPlaintext(binding, plaintext).value(), content);
    EXPECT_TRUE(plaintext.starts_with(Hex(vector["binding"])));
    EXPECT_FALSE(referral::ReadPlaintext(binding, Altered(plaintext)).ok());
    binding.sender += 'x';
    EXPECT_FALSE(referral::ReadPlaintext(binding, plaintext).ok());
  }
  const referral::SectionBinding any{.sender = "s",
                                     .request_id = "r",
                                     .section_id = std::string(16, 'i'),
                                     .category = type::v1::CATEGORY_RISK,
                                     .tag_content = "t"};
  for (const json& step : vectors["padding"]) {
    const auto made = referral::MakePlaintext(any, std::string(step["content_bytes"].get<size_t>(), 'c'));
    EXPECT_EQ(made.ok() ? made->size() : 0, step["plaintext_bytes"]) << step;
  }
}

TEST(GoldenReferralTest, Statements) {
  std::string previous;
  const json vectors = Vectors("statement", "statements");
  for (const json& vector : vectors) {
    const type::v1::SignedPayload document = Document(vector);
    const auto statement = referral::ParseStatement(document);
    ASSERT_TRUE(statement.ok()) << statement.status();
    EXPECT_EQ(statement->header_digest(), Hex(Vector("header")["digest"]));
    EXPECT_EQ(statement->previous_statement(), previous);
    const auto key = crypto::SigningKey::FromPem(KeyPem(vector["signer"])).value();
    EXPECT_EQ(referral::SignStatement(*statement, key).value().payload(), document.payload());
    previous = Hex(vector["digest"]);
  }
}

TEST(GoldenReferralTest, StatementsOfLaterKinds) {
  std::map<std::string, std::string> previous = {{"northshire-idva", Hex(Vectors("statement", "statements").back()["digest"])}};
  const json vectors = Vectors("statement", "later_kinds");
  for (const json& vector : vectors) {
    const type::v1::SignedPayload document = Document(vector);
    const auto statement = referral::ParseStatement(document);
    ASSERT_TRUE(statement.ok()) << vector["kind"] << statement.status();
    EXPECT_EQ(type::v1::StatementKind_Name(statement->kind()), "STATEMENT_KIND_" + vector["kind"].get<std::string>());
    EXPECT_EQ(statement->header_digest(), Hex(Vector("header")["digest"]));
    const auto key = crypto::SigningKey::FromPem(KeyPem(vector["signer"])).value();
    EXPECT_EQ(referral::SignStatement(*statement, key).value().payload(), document.payload());
    std::string& before = previous[statement->agency()];
    EXPECT_EQ(statement->previous_statement(), before);
    before = Hex(vector["digest"]);
  }
}

TEST(GoldenReferralTest, DisclosureStatements) {
  const json vectors = Vectors("disclosure", "statements");
  for (const json& vector : vectors) {
    const type::v1::SignedPayload document = Document(vector);
    const auto statement = referral::ParseDisclosureStatement(document);
    ASSERT_TRUE(statement.ok()) << statement.status();
    const auto key = crypto::SigningKey::FromPem(KeyPem(vector["signer"])).value();
    EXPECT_EQ(referral::SignDisclosureStatement(*statement, key).value().payload(), document.payload());
  }
}

TEST(GoldenReferralTest, SealedBetweenInspectorAndAgency) {
  const json vectors = Vectors("disclosure", "sealed");
  for (const json& vector : vectors) {
    const referral::DisclosureBinding binding{.from = vector["from"],
                                              .to = vector["to"],
                                              .request_id = vector["request_id"],
                                              .kind = static_cast<type::v1::DisclosureKind>(vector["kind"].get<int>())};
    const std::string content = Hex(vector["content"]), plaintext = Base64(vector["plaintext_base64"]);
    EXPECT_EQ(referral::MakeDisclosurePlaintext(binding, content).value(), plaintext);
    EXPECT_EQ(referral::ReadDisclosurePlaintext(binding, plaintext).value(), content);
    EXPECT_TRUE(plaintext.starts_with(Hex(vector["binding"])));
    EXPECT_FALSE(referral::ReadDisclosurePlaintext(binding, Altered(plaintext)).ok());
    const std::string name = vector["to"].get<std::string>() + "-sealing";
    const auto key = crypto::SealingKey::FromPem(KeyPem(name)).value();
    EXPECT_EQ(crypto::cms::Open(Base64(vector["sealed_base64"]), key, Certificate(name)).value(), plaintext) << vector["what"];
    if (vector["what"] != "question") continue;
    type::v1::PersonsQuestion question;
    ASSERT_TRUE(question.ParseFromString(content));
    EXPECT_TRUE(referral::ValidatePersonsQuestion(question).ok());
  }
}

TEST(GoldenReferralTest, ReceiptMessage) {
  const json vector = Vector("receipt");
  type::v1::Receipt receipt;
  ASSERT_TRUE(receipt.ParseFromString(Base64(vector["receipt_base64"])));
  EXPECT_EQ(receipt.tlog_proof(), vector["tlog_proof"]);
  ASSERT_EQ(receipt.openings_size(), static_cast<int>(vector["openings"].size()));
  for (int i = 0; i < receipt.openings_size(); ++i) {
    const crypto::Opening wanted = Opening(vector["openings"][static_cast<size_t>(i)]);
    const auto& opening = receipt.openings(i);
    EXPECT_EQ((crypto::Opening{opening.label(), opening.salt(), opening.content()}), wanted);
  }
}

TEST(GoldenReferralTest, DecisionDigest) {
  const json vector = Vector("decision");
  referral::Decisions decisions;
  decisions.emergency_version = vector["emergency_version"];
  decisions.law_version = vector["law_version"];
  decisions.agreement_version = vector["agreement_version"];
  for (const json& row : vector["rows"]) {
    type::v1::SectionDecision& decision = decisions.decisions.emplace_back();
    decision.set_section_id(Hex(row["section_id"]));
    decision.set_recipient(row["recipient"]);
    decision.set_verdict(static_cast<type::v1::Verdict>(row["verdict"].get<int>()));
    decision.set_rule_id(row["rule_id"]);
  }
  EXPECT_EQ(referral::DecisionDigest(decisions), Hex(vector["digest"]));
}

TEST(GoldenReferralTest, SubjectTokens) {
  const json vector = Vector("subject_token"), who = vector["person"];
  for (const json& name : vector["names"]) {
    EXPECT_EQ(referral::NormaliseName(name["name"].get<std::string>()), name["normalised"]) << name;
  }
  type::v1::Person person;
  person.set_given_names(who["given_names"]);
  person.set_family_name(who["family_name"]);
  for (const json& alias : who["aliases"]) person.add_aliases(alias);
  for (const json& date : who["dates_of_birth"]) person.add_dates_of_birth(date);
  auto* identifier = person.add_identifiers();
  identifier->set_scheme("nhs_number");
  identifier->set_value(who["nhs_number"]);
  identifier->set_verified(true);

  const auto tokens = referral::MakeTokens(person, "northshire", "2025", Hex(vector["key"]));
  ASSERT_EQ(tokens.size(), vector["tokens"].size() + vector["near"].size());
  for (size_t i = 0; i < tokens.size(); ++i) {
    const bool near = i >= vector["tokens"].size();
    const json& wanted = near ? vector["near"][i - vector["tokens"].size()] : vector["tokens"][i];
    EXPECT_EQ(tokens[i].token(), Hex(wanted["token"])) << wanted;
    EXPECT_EQ(tokens[i].strong(), !near && wanted["strong"]) << wanted;
    EXPECT_EQ(tokens[i].recipe(), referral::kTokenRecipe);
  }
  for (const json& row : vector["sounds"]) {
    const auto words = referral::RomanWords(row["name"].get<std::string>());
    EXPECT_EQ(json(words), row["words"]) << row;
    for (size_t i = 0; i < words.size(); ++i) EXPECT_EQ(referral::SoundOf(words[i]), row["sounds"][i]) << row;
  }
}

referral::LinkageDomain DomainOf(const json& row, std::vector<std::string>& keys) {
  referral::LinkageDomain domain{.name = row["name"], .keys = {}};
  for (const json& key : row["keys"]) {
    keys.push_back(key["id"]);
    const std::string_view id = keys.back();
    keys.push_back(Hex(key["key"]));
    domain.keys.push_back({.id = id, .key = keys.back(), .sent = key["sent"]});
  }
  return domain;
}

type::v1::Person PersonOf(const json& who) {
  type::v1::Person person;
  person.set_given_names(who["given_names"]);
  person.set_family_name(who["family_name"]);
  for (const json& name : who.value("former_names", json::array())) person.add_former_names(name);
  for (const json& date : who["dates_of_birth"]) person.add_dates_of_birth(date);
  for (const json& row : who.value("identifiers", json::array())) {
    auto& identifier = *person.add_identifiers();
    identifier.set_scheme(row["scheme"]);
    identifier.set_value(row["value"]);
    identifier.set_verified(row["verified"]);
    identifier.set_quarantined(row.value("quarantined", false));
  }
  return person;
}

TEST(GoldenReferralTest, TokensUnderSeveralKeysAndDomains) {
  const json vector = Vector("linkage");
  ASSERT_EQ(vector["cases"].size(), 6u);
  std::vector<std::string> keys;
  keys.reserve(64);  // Views into them are kept.
  for (const json& row : vector["cases"]) {
    std::vector<referral::LinkageDomain> domains;
    for (const json& domain : row["domains"]) domains.push_back(DomainOf(domain, keys));
    const auto tokens = referral::MakeTokens(PersonOf(row["person"]), domains);
    ASSERT_EQ(tokens.size(), row["tokens"].size()) << row["what"];
    for (size_t i = 0; i < tokens.size(); ++i) {
      const json& wanted = row["tokens"][i];
      EXPECT_EQ(tokens[i].token(), Hex(wanted["token"])) << row["what"] << wanted;
      EXPECT_EQ(tokens[i].strong(), wanted["strong"]) << row["what"] << wanted;
      EXPECT_EQ(tokens[i].domain(), wanted["domain"]);
      EXPECT_EQ(tokens[i].token_key(), wanted["token_key"]);
      EXPECT_EQ(tokens[i].recipe(), referral::kTokenRecipe);
    }
  }
  ASSERT_LT(keys.size(), 64u);
  const json& event = vector["event"];
  const auto event_of = [&](size_t of_case) {
    return referral::MakeEventToken(event["reference"].get<std::string>(), DomainOf(vector["cases"][of_case]["domains"][0], keys)).token();
  };
  EXPECT_EQ(event_of(3), Hex(event["in_transition"]));
  EXPECT_EQ(event_of(4), Hex(event["after"]));
}

}  // namespace
}  // namespace accord::golden
