// What is signed and sealed between an inspector and an agency: what it must have, its limits and one past them.
#include "common/referral/disclosure.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "common/base/status.h"
#include "common/referral/header.h"
#include "common/referral/section.h"

namespace accord::referral::disclosure_test {
namespace {

using namespace type::v1;  // NOLINT

DisclosureStatement Released() {
  DisclosureStatement statement;
  statement.set_request_id("release-0001");
  statement.set_disclosure(41);
  statement.set_agency("police");
  statement.set_warrant("jtai-north");
  statement.set_inspector("ines");
  statement.set_kind(DISCLOSURE_KIND_SECTIONS);
  statement.set_answer(DISCLOSURE_ANSWER_RELEASED);
  statement.add_parts(std::string(32, 'a'));
  statement.mutable_worker()->set_pseudonym("dpo-1");
  statement.mutable_worker()->set_role(WORKER_ROLE_AUTHORISING_OFFICER);
  statement.mutable_worker()->set_authentication(AUTHENTICATION_MULTI_FACTOR);
  statement.set_signed_at_ms(1'800'000'000'000);
  return statement;
}

DisclosureStatement Refused() {
  DisclosureStatement statement = Released();
  statement.clear_parts();
  statement.set_answer(DISCLOSURE_ANSWER_REFUSED);
  statement.set_ground(DISCLOSURE_GROUND_LEGAL_PRIVILEGE);
  return statement;
}

PersonsQuestion Question(int persons) {
  PersonsQuestion question;
  for (int i = 0; i < persons; ++i) {
    auto& asked = *question.add_persons();
    asked.set_mark(fmt::format("row-{}", i + 1));
    asked.mutable_person()->set_record_number(fmt::format("R-{}", i + 1));
  }
  return question;
}

// What each refuses: how it differs from one that is good, and the reason.
struct Wrong {
  std::string what;
  std::function<void(DisclosureStatement&)> change;
  Reason reason;
};

TEST(DisclosureStatementTest, SignsAndReadsWhatIsReleasedAndWhatIsRefused) {
  const crypto::SigningKey key = crypto::SigningKey::Generate();
  for (const DisclosureStatement& statement : {Released(), Refused()}) {
    const auto document = SignDisclosureStatement(statement, key);
    ASSERT_TRUE(document.ok()) << document.status();
    EXPECT_EQ(document->payload_type(), kDisclosurePayloadType);
    EXPECT_TRUE(VerifySignature(*document, key.public_key()).ok());
    const auto read = ParseDisclosureStatement(*document);
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_EQ(read->key_id(), key.key_id());
    EXPECT_EQ(read->ground(), statement.ground());
    SignedPayload forged = *document;
    forged.mutable_payload()->back() ^= 1;
    EXPECT_TRUE(HasReason(VerifySignature(forged, key.public_key()), Reason::kSignatureInvalid));
  }
}

TEST(DisclosureStatementTest, RefusesWhatContradictsItself) {
  const std::vector<Wrong> wrong = {
      {"a release with a ground", [](auto& s) { s.set_ground(DISCLOSURE_GROUND_NOT_HELD); }, Reason::kStatementMalformed},
      {"a release of nothing", [](auto& s) { s.clear_parts(); }, Reason::kStatementMalformed},
      {"a refusal without a ground", [](auto& s) { s = Refused(), s.clear_ground(); }, Reason::kStatementMalformed},
      {"a refusal with parts", [](auto& s) { s = Refused(), s.add_parts(std::string(32, 'a')); }, Reason::kStatementMalformed},
      {"no answer", [](auto& s) { s.clear_answer(); }, Reason::kFieldMissing},
      {"no kind", [](auto& s) { s.clear_kind(); }, Reason::kFieldMissing},
      {"no number", [](auto& s) { s.clear_disclosure(); }, Reason::kFieldMissing},
      {"no worker", [](auto& s) { s.clear_worker(); }, Reason::kFieldMissing},
      {"no time", [](auto& s) { s.clear_signed_at_ms(); }, Reason::kFieldMissing},
      {"a time before 1970", [](auto& s) { s.set_signed_at_ms(-1); }, Reason::kFieldInvalid},
      {"a request id that is none", [](auto& s) { s.set_request_id("short"); }, Reason::kFieldInvalid},
      {"an agency that is none", [](auto& s) { s.set_agency("Police"); }, Reason::kFieldInvalid},
      {"a warrant that is none", [](auto& s) { s.set_warrant("JTAI/1"); }, Reason::kFieldInvalid},
      {"an inspector that is none", [](auto& s) { s.set_inspector("ines jones"); }, Reason::kFieldInvalid},
      {"a long pseudonym", [](auto& s) { s.mutable_worker()->set_pseudonym(std::string(kPseudonymBytesMax + 1, 'w')); }, Reason::kFieldInvalid},
      {"a short digest", [](auto& s) { s.add_parts(std::string(31, 'b')); }, Reason::kFieldInvalid},
      {"a part twice", [](auto& s) { s.add_parts(s.parts(0)); }, Reason::kFieldInvalid},
      {"two parts of what is one", [](auto& s) { s.set_kind(DISCLOSURE_KIND_PERSONS), s.add_parts(std::string(32, 'b')); }, Reason::kFieldInvalid},
      {"an answer that is unknown", [](auto& s) { s.set_answer(static_cast<DisclosureAnswer>(99)); }, Reason::kEnumUnknown},
  };
  const crypto::SigningKey key = crypto::SigningKey::Generate();
  for (const Wrong& one : wrong) {
    DisclosureStatement statement = Released();
    one.change(statement);
    EXPECT_TRUE(HasReason(SignDisclosureStatement(statement, key).status(), one.reason)) << one.what;
  }
}

TEST(DisclosureStatementTest, HoldsItsLimits) {
  const crypto::SigningKey key = crypto::SigningKey::Generate();
  DisclosureStatement statement = Released();
  for (int i = 1; i < kDisclosurePartsMax; ++i) statement.add_parts(std::string(32, static_cast<char>('a' + i)));
  EXPECT_TRUE(SignDisclosureStatement(statement, key).ok());
  statement.add_parts(std::string(32, 'A'));
  EXPECT_TRUE(HasReason(SignDisclosureStatement(statement, key).status(), Reason::kFieldInvalid));

  SignedPayload document = *SignDisclosureStatement(Released(), key);
  SignedPayload other = document;
  other.set_payload_type("application/vnd.accord.statement.v1");
  EXPECT_TRUE(HasReason(ParseDisclosureStatement(other).status(), Reason::kStatementMalformed));
  other = document;
  other.set_key_id(std::string(32, 'k'));
  EXPECT_TRUE(HasReason(ParseDisclosureStatement(other).status(), Reason::kStatementMalformed));
  other = document;
  other.set_payload("\xff");
  EXPECT_TRUE(HasReason(ParseDisclosureStatement(other).status(), Reason::kStatementMalformed));
  other.set_payload(std::string(kDisclosureStatementBytesMax, 'x'));
  EXPECT_FALSE(HasReason(ParseDisclosureStatement(other).status(), Reason::kMessageTooLarge)) << "it is read, and is none";
  other.set_payload(std::string(kDisclosureStatementBytesMax + 1, 'x'));
  EXPECT_TRUE(HasReason(ParseDisclosureStatement(other).status(), Reason::kMessageTooLarge));
}

TEST(PersonsQuestionTest, TakesOneToAHundredPeople) {
  EXPECT_TRUE(HasReason(ValidatePersonsQuestion(Question(0)), Reason::kFieldMissing));
  EXPECT_TRUE(ValidatePersonsQuestion(Question(1)).ok());
  EXPECT_TRUE(ValidatePersonsQuestion(Question(kPersonsAskedMax)).ok());
  EXPECT_TRUE(HasReason(ValidatePersonsQuestion(Question(kPersonsAskedMax + 1)), Reason::kFieldInvalid));
}

TEST(PersonsQuestionTest, MarksAreCodesAndDiffer) {
  PersonsQuestion question = Question(2);
  question.mutable_persons(1)->set_mark("row-1");
  EXPECT_TRUE(HasReason(ValidatePersonsQuestion(question), Reason::kFieldInvalid));
  question.mutable_persons(1)->set_mark(std::string(kPersonMarkCharsMax, 'm'));
  EXPECT_TRUE(ValidatePersonsQuestion(question).ok());
  for (const std::string& mark : {std::string(kPersonMarkCharsMax + 1, 'm'), std::string("row 2"), std::string("r\xc3\xb6w")}) {
    question.mutable_persons(1)->set_mark(mark);
    EXPECT_TRUE(HasReason(ValidatePersonsQuestion(question), Reason::kFieldInvalid)) << mark;
  }
  question.mutable_persons(1)->clear_mark();
  EXPECT_TRUE(HasReason(ValidatePersonsQuestion(question), Reason::kFieldMissing));
}

TEST(PersonsQuestionTest, EachHasSomethingToBeFoundBy) {
  PersonsQuestion question = Question(1);
  Person& person = *question.mutable_persons(0)->mutable_person();
  person.clear_record_number();
  person.set_given_names("Anna");
  person.set_family_name("Example");  // Of a name alone no token is made: nobody would be found, as if they were not known.
  const absl::Status nothing = ValidatePersonsQuestion(question);
  EXPECT_TRUE(HasReason(nothing, Reason::kFieldInvalid));
  EXPECT_EQ(nothing.message().find("Anna"), absl::string_view::npos) << "no personal data in errors";
  person.add_dates_of_birth("1990");
  EXPECT_TRUE(ValidatePersonsQuestion(question).ok());
  person.Clear();
  person.add_identifiers()->set_scheme("crn");
  EXPECT_FALSE(ValidatePersonsQuestion(question).ok());
  person.mutable_identifiers(0)->set_value("X1");
  EXPECT_TRUE(ValidatePersonsQuestion(question).ok());
}

TEST(DisclosurePlaintextTest, IsBoundToWhoForWhomAndWhat) {
  const DisclosureBinding binding{.from = "ines", .to = "police", .request_id = "resolve-0001", .kind = DISCLOSURE_KIND_PERSONS};
  const std::string plaintext = *MakeDisclosurePlaintext(binding, "content");
  EXPECT_EQ(plaintext.size(), 1024u);
  EXPECT_EQ(*ReadDisclosurePlaintext(binding, plaintext), "content");
  const std::vector<DisclosureBinding> others = {
      {.from = "ivan", .to = "police", .request_id = "resolve-0001", .kind = DISCLOSURE_KIND_PERSONS},
      {.from = "ines", .to = "health", .request_id = "resolve-0001", .kind = DISCLOSURE_KIND_PERSONS},
      {.from = "police", .to = "ines", .request_id = "resolve-0001", .kind = DISCLOSURE_KIND_PERSONS},
      {.from = "ines", .to = "police", .request_id = "resolve-0002", .kind = DISCLOSURE_KIND_PERSONS},
      {.from = "ines", .to = "police", .request_id = "resolve-0001", .kind = DISCLOSURE_KIND_RECORDS}};
  for (const DisclosureBinding& other : others) {
    EXPECT_TRUE(HasReason(ReadDisclosurePlaintext(other, plaintext).status(), Reason::kSectionMalformed));
  }
  std::string wrong = plaintext;
  wrong.back() = 'x';  // Padding.
  EXPECT_TRUE(HasReason(ReadDisclosurePlaintext(binding, wrong).status(), Reason::kSectionMalformed));
  EXPECT_TRUE(HasReason(ReadDisclosurePlaintext(binding, plaintext + std::string(1024, '\0')).status(), Reason::kSectionMalformed));
  EXPECT_TRUE(HasReason(ReadDisclosurePlaintext(binding, plaintext.substr(0, 31)).status(), Reason::kSectionMalformed));
  EXPECT_TRUE(HasReason(ReadDisclosurePlaintext(binding, plaintext.substr(0, 40)).status(), Reason::kSectionMalformed));
}

TEST(DisclosurePlaintextTest, HoldsItsLimit) {
  const DisclosureBinding binding{.from = "police", .to = "ines", .request_id = "resolve-0001", .kind = DISCLOSURE_KIND_RECORDS};
  const std::string most(kDisclosureContentBytesMax, 'c');
  const auto plaintext = MakeDisclosurePlaintext(binding, most);
  ASSERT_TRUE(plaintext.ok()) << plaintext.status();
  EXPECT_EQ(plaintext->size(), kDisclosureContentBytesMax + (64u << 10));
  EXPECT_EQ(*ReadDisclosurePlaintext(binding, *plaintext), most);
  EXPECT_TRUE(HasReason(MakeDisclosurePlaintext(binding, most + "c").status(), Reason::kMessageTooLarge));
}

}  // namespace
}  // namespace accord::referral::disclosure_test
