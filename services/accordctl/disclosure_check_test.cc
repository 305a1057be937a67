// Goal: what an agency disclosed is believed only whole: each thing that is altered on the way is found, and nothing is written of it.
//
// Method: one answer of each kind is made as an agency makes it, checked, and spoilt in one place after the other.
#include "services/accordctl/disclosure_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "common/base/status.h"
#include "common/base/text.h"
#include "common/referral/disclosure.h"
#include "services/accordctl/disclosure_files.h"
#include "services/accordctl/disclosure_text.h"
#include "services/accordctl/testing_disclosure.h"

namespace accord::accordctl::disclosure_check_test {
namespace {

namespace fs = std::filesystem;
using crypto::testing::SpiffeId;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

class DisclosureCheckTest : public ::testing::Test, protected DisclosureMaker {
 protected:
  DisclosureCheckTest() {
    std::string name = (fs::temp_directory_path() / "accordctl-disclosed-XXXXXX").string();
    directory_ = ::mkdtemp(name.data());
  }
  ~DisclosureCheckTest() override { fs::remove_all(directory_); }

  absl::StatusOr<CheckedDisclosure> Check(const CollectedDisclosure& collected, const std::string& asked_as = "") const {
    return CheckDisclosure(collected, kNumber, asked_as, keys, kNow);
  }
  // The name of the reason for which it is not believed; "good" when it is.
  std::string Found(const CollectedDisclosure& collected, const std::string& asked_as = "") const {
    const auto checked = Check(collected, asked_as);
    return checked.ok() ? "good" : std::string(RowOf(DetailOf(checked.status()).reason).name);
  }

  fs::path directory_;
};

TEST_F(DisclosureCheckTest, WhatVerifiesIsOpened) {
  const auto sections = Check(Sections());
  ASSERT_TRUE(sections.ok()) << sections.status();
  ASSERT_EQ(sections->sections.size(), 2u);
  EXPECT_EQ(sections->sections[0].part.category(), type::v1::CATEGORY_NARRATIVE);
  EXPECT_EQ(sections->sections[0].content.text().text(), "She said that he has a knife.");
  EXPECT_EQ(sections->sender, "police");
  EXPECT_EQ(sections->statement.worker().pseudonym(), "dpo-1");
  const auto persons = Check(Persons(), kAskedAs);
  ASSERT_TRUE(persons.ok()) << persons.status();
  EXPECT_EQ(persons->persons.persons(0).referrals(0).record_numbers(0), "NSP-7");
  const auto records = Check(Records());
  ASSERT_TRUE(records.ok()) << records.status();
  EXPECT_EQ(records->records.referrals_size(), 2);
}

TEST_F(DisclosureCheckTest, TheSignatureIsTheAgencysUnderTheInspectorsOwnAuthority) {
  const auto with = [&](const Issued& issued) {
    CollectedDisclosure collected = Persons();
    const auto document = referral::SignDisclosureStatement(StatementOf(collected), issued.signing_key());
    *collected.first.mutable_statement() = *document;
    collected.first.set_signing_certificate(issued.certificate.der());
    return Found(collected);
  };
  EXPECT_EQ(with(signing), "good");
  EXPECT_EQ(with(stranger.IssueSigning("police")), "SEALING_KEY_UNTRUSTED") << "a broker that answers in the agency's place";
  EXPECT_EQ(with(authority.IssueSigning("idva")), "SEALING_KEY_UNTRUSTED");
  EXPECT_EQ(with(authority.IssueSealing("police")), "SEALING_KEY_UNTRUSTED");
  CollectedDisclosure collected = Persons();
  collected.first.set_signing_certificate(authority.IssueSigning("police").certificate.der());
  EXPECT_EQ(Found(collected), "SIGNATURE_INVALID") << "a key of the agency's, and not that one";
  collected = Persons();
  collected.first.mutable_statement()->mutable_signature()->back() ^= 1;
  EXPECT_EQ(Found(collected), "SIGNATURE_INVALID");
  collected = Persons();
  collected.first.mutable_statement()->mutable_payload()->back() ^= 1;
  EXPECT_EQ(Found(collected), "SIGNATURE_INVALID");
}

TEST_F(DisclosureCheckTest, TheCertificateIsJudgedAtTheTimeOfTheAnswer) {
  const auto at = [](int64_t ms) { return absl::FromUnixMillis(ms); };
  const Issued old = authority.Issue({.common_name = "x", .uris = {SpiffeId("agency/police/signing")}, .key_usage = crypto::kDigitalSignature,
                                       .not_before = at(kAnsweredMs - 86'400'000), .not_after = at(kAnsweredMs + 5000)});
  CollectedDisclosure collected = Persons();
  *collected.first.mutable_statement() = *referral::SignDisclosureStatement(StatementOf(collected), old.signing_key());
  collected.first.set_signing_certificate(old.certificate.der());
  const absl::Time later = kNow + absl::Hours(24);
  EXPECT_TRUE(CheckDisclosure(collected, kNumber, "", keys, later).ok()) << "it has run out since";
  collected.first.mutable_disclosure()->set_answered_at_ms(kAnsweredMs + 10'000);
  EXPECT_FALSE(CheckDisclosure(collected, kNumber, "", keys, later).ok()) << "it had run out then";
}

TEST_F(DisclosureCheckTest, EachFieldOfTheStatementIsHeldAgainstWhatWasAsked) {
  using Spoil = std::function<void(type::v1::DisclosureStatement&)>;
  const std::vector<std::pair<std::string, Spoil>> spoilt = {
      {"disclosure", [](auto& statement) { statement.set_disclosure(kNumber + 1); }},
      {"inspector", [](auto& statement) { statement.set_inspector("omar"); }},
      {"agency", [](auto& statement) { statement.set_agency("idva"); }},
      {"warrant", [](auto& statement) { statement.set_warrant("jtai-2"); }},
      {"kind", [](auto& statement) { statement.set_kind(type::v1::DISCLOSURE_KIND_RECORDS); }},
      {"refused", [](auto& statement) {
         statement.set_answer(type::v1::DISCLOSURE_ANSWER_REFUSED);
         statement.set_ground(type::v1::DISCLOSURE_GROUND_LEGAL_PRIVILEGE);
         statement.clear_parts();
       }},
      {"role", [](auto& statement) { statement.mutable_worker()->set_role(type::v1::WORKER_ROLE_PRACTITIONER); }},
  };
  for (const auto& [what, spoil] : spoilt) {
    CollectedDisclosure collected = Persons();
    auto statement = StatementOf(collected);
    spoil(statement);
    Sign(collected, statement);
    EXPECT_EQ(Found(collected), "STATEMENT_MALFORMED") << what;
  }
  CollectedDisclosure collected = Persons();
  EXPECT_FALSE(CheckDisclosure(collected, kNumber + 1, "", keys, kNow).ok()) << "another than was asked for";
  collected.first.mutable_disclosure()->set_number(kNumber + 1);
  EXPECT_EQ(Found(collected), "STATEMENT_MALFORMED");
}

TEST_F(DisclosureCheckTest, PartsAreThoseThatWereSigned) {
  CollectedDisclosure collected = Sections();
  std::swap(collected.parts[0], collected.parts[1]);
  EXPECT_EQ(Found(collected), "SECTION_DIGEST_MISMATCH");
  collected = Sections();
  collected.parts.pop_back();
  EXPECT_EQ(Found(collected), "STATEMENT_MALFORMED");
  collected = Sections();
  collected.parts[1].back() ^= 1;
  EXPECT_EQ(Found(collected), "SECTION_DIGEST_MISMATCH");
  EXPECT_THAT(std::string(FromAbsl(Check(collected).status().message())), HasSubstr("part 2"));
}

TEST_F(DisclosureCheckTest, SectionsAreThoseOfTheHeader) {
  // The agency signs something else than the referral's sender sealed.
  CollectedDisclosure collected = Sections();
  collected.parts[0] = Persons().parts[0];
  Sign(collected);
  EXPECT_EQ(Found(collected), "SECTION_DIGEST_MISMATCH");
  // Ids changed about: content and category would not belong together.
  collected = Sections();
  collected.first.mutable_section_ids()->SwapElements(0, 1);
  EXPECT_EQ(Found(collected), "SECTION_DIGEST_MISMATCH");
  collected = Sections();
  collected.first.set_section_ids(1, collected.first.section_ids(0));
  EXPECT_EQ(Found(collected), "SECTION_MALFORMED");
  collected = Sections();
  collected.first.set_section_ids(0, std::string(16, 'x'));
  EXPECT_EQ(Found(collected), "SECTION_MALFORMED");
  // Another referral's header.
  collected = Sections();
  collected.first.mutable_disclosure()->set_referral(std::string(32, 'q'));
  EXPECT_EQ(Found(collected), "HEADER_MALFORMED");
  // Every opening is needed, and none may be altered.
  const CollectedDisclosure good = Sections();
  for (int i = 0; i < good.first.openings_size(); ++i) {
    collected = good;
    collected.first.mutable_openings(i)->mutable_salt()->back() ^= 1;
    EXPECT_EQ(Found(collected), "OPENING_MISMATCH") << i;
    collected = good;
    collected.first.mutable_openings()->DeleteSubrange(i, 1);
    EXPECT_NE(Found(collected), "good") << i;
  }
  // A category that nobody asked for.
  collected = Sections();
  collected.first.mutable_disclosure()->add_categories(type::v1::CATEGORY_NARRATIVE);
  EXPECT_EQ(Found(collected), "SECTION_MALFORMED");
  collected.first.mutable_disclosure()->add_categories(type::v1::CATEGORY_VOICE);
  EXPECT_EQ(Found(collected), "good");
}

TEST_F(DisclosureCheckTest, SealedForTheInspectorAlone) {
  const std::string plaintext = *referral::MakeDisclosurePlaintext({"police", "ines", kAskedAs, type::v1::DISCLOSURE_KIND_PERSONS}, "");
  CollectedDisclosure collected = Persons();
  collected.parts = {Seal(plaintext, {omar})};
  Sign(collected);
  EXPECT_EQ(Found(collected), "SEALED_TOO_WIDELY");
  collected.parts = {*crypto::cms::Seal(plaintext, {&omar.certificate, 1})};
  Sign(collected);
  EXPECT_EQ(Found(collected), "SEALING_KEY_UNKNOWN");
}

TEST_F(DisclosureCheckTest, AnswersAreBoundToTheirQuestion) {
  EXPECT_EQ(Found(Persons(), "accordctl/another"), "STATEMENT_MALFORMED") << "as the inspector knows it";
  EXPECT_EQ(Found(Sections(), "accordctl/another"), "STATEMENT_MALFORMED") << "of sections as the broker says it";
  EXPECT_EQ(Found(Sections(), kAskedAs), "good");
  const auto bound = [&](const std::string& part) {
    CollectedDisclosure collected = Persons();
    collected.parts = {part};
    Sign(collected);
    return Found(collected);
  };
  const auto kind = type::v1::DISCLOSURE_KIND_PERSONS;
  EXPECT_EQ(bound(SealedAnswer("", kind)), "good");
  EXPECT_EQ(bound(SealedAnswer("", kind, "accordctl/another")), "SECTION_MALFORMED");
  EXPECT_EQ(bound(SealedAnswer("", kind, kAskedAs, "idva")), "SECTION_MALFORMED");
  EXPECT_EQ(bound(SealedAnswer("", kind, kAskedAs, "police", "omar")), "SECTION_MALFORMED");
  EXPECT_EQ(bound(SealedAnswer("", type::v1::DISCLOSURE_KIND_RECORDS)), "SECTION_MALFORMED");
  EXPECT_EQ(bound(SealedAnswer("\x0f", kind)), "SECTION_MALFORMED") << "no message";

  CollectedDisclosure collected = Records();
  collected.first.mutable_disclosure()->mutable_referrals()->SwapElements(0, 1);
  EXPECT_EQ(Found(collected), "SECTION_MALFORMED");
  collected = Records();
  collected.first.mutable_disclosure()->mutable_referrals()->RemoveLast();
  EXPECT_EQ(Found(collected), "SECTION_MALFORMED");
}

TEST_F(DisclosureCheckTest, PiecesComeInTheirOrder) {
  const CollectedDisclosure good = Sections();
  const auto piece = [](uint32_t part, std::string chunk) {
    inspection::v1::CollectDisclosureResponse response;
    response.set_part(part);
    response.set_chunk(std::move(chunk));
    return response;
  };
  CollectedDisclosure taken;
  EXPECT_FALSE(TakePiece(taken, piece(0, "x")).ok()) << "before what it belongs to";
  auto first = good.first;
  ASSERT_TRUE(TakePiece(taken, std::move(first)).ok());
  for (uint32_t i = 0; i < 2; ++i) {
    ASSERT_TRUE(TakePiece(taken, piece(i, good.parts[i].substr(0, 100))).ok());
    ASSERT_TRUE(TakePiece(taken, piece(i, good.parts[i].substr(100))).ok());
  }
  EXPECT_EQ(taken.parts, good.parts);
  EXPECT_EQ(Found(taken), "good");
  EXPECT_FALSE(TakePiece(taken, piece(0, "x")).ok()) << "back again";
  EXPECT_FALSE(TakePiece(taken, piece(3, "x")).ok()) << "one left out";
  first = good.first;
  EXPECT_FALSE(TakePiece(taken, std::move(first)).ok()) << "begun twice";
  EXPECT_FALSE(TakePiece(taken, piece(1, std::string(referral::kSealedSectionBytesMax, 'x'))).ok());
  for (uint32_t i = 2; i < 64; ++i) ASSERT_TRUE(TakePiece(taken, piece(i, "x")).ok());
  EXPECT_FALSE(TakePiece(taken, piece(64, "x")).ok()) << "one of too many";
}

std::set<std::string> NamesIn(const fs::path& directory) {
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(directory)) names.insert(entry.path().filename().string());
  return names;
}

nlohmann::json JsonIn(const fs::path& path) {
  std::ifstream stream(path);
  std::stringstream text;
  text << stream.rdbuf();
  return nlohmann::json::parse(text.str(), nullptr, false);
}

TEST_F(DisclosureCheckTest, IsWrittenWholeForItsOwnerAndNeverOver) {
  const CollectedDisclosure collected = Sections();
  const auto checked = Check(collected);
  ASSERT_TRUE(checked.ok()) << checked.status();
  const fs::path out = directory_ / "out";
  ASSERT_TRUE(WriteDisclosed(out.string() + "/", collected, *checked).ok());
  EXPECT_THAT(NamesIn(out), UnorderedElementsAre("answer.json", "header.json", "statement.json", "01-narrative.json", "01-narrative.cms", "02-voice.json", "02-voice.cms"));
  EXPECT_THAT(NamesIn(directory_), ElementsAre("out"));
  for (const std::string& name : NamesIn(out)) {
    struct stat facts {};
    ASSERT_EQ(::stat((out / name).c_str(), &facts), 0);
    EXPECT_EQ(facts.st_mode & 0777, 0600u) << name;
  }
  EXPECT_EQ(JsonIn(out / "01-narrative.json")["text"]["text"], "She said that he has a knife.");
  EXPECT_EQ(JsonIn(out / "answer.json")["sections"][1]["file"], "02-voice.json");
  EXPECT_EQ(JsonIn(out / "statement.json")["says"]["agency"], "police");
  EXPECT_FALSE(WriteDisclosed(out.string(), collected, *checked).ok()) << "there already";
  EXPECT_FALSE(CheckNewDirectory(out.string(), kDisclosedDirectory).ok());
  EXPECT_FALSE(CheckNewDirectory((out / "answer.json").string(), kDisclosedDirectory).ok());
  fs::create_directory(directory_ / "empty");
  EXPECT_TRUE(CheckNewDirectory((directory_ / "empty").string(), kDisclosedDirectory).ok());

  const auto persons = Check(Persons());
  ASSERT_TRUE(persons.ok());
  ASSERT_TRUE(WriteDisclosed((directory_ / "empty").string(), Persons(), *persons).ok());
  EXPECT_THAT(NamesIn(directory_ / "empty"), UnorderedElementsAre("answer.json", "answer.cms", "statement.json"));
}

TEST_F(DisclosureCheckTest, OnlyWhatAnInterruptedRunLeftIsRemoved) {
  const CollectedDisclosure collected = Sections();
  const auto checked = Check(collected);
  ASSERT_TRUE(checked.ok()) << checked.status();
  const fs::path staging = directory_ / "out.incoming";
  const auto written_over = [&](const char* name) {
    fs::remove_all(directory_ / "out");
    fs::create_directories((staging / name).parent_path());
    std::ofstream(staging / "01-narrative.cms") << "x";
    std::ofstream(staging / name) << "x";
    const bool may_be_asked = CheckNewDirectory((directory_ / "out").string(), kDisclosedDirectory).ok();
    const absl::Status status = WriteDisclosed((directory_ / "out").string(), collected, *checked);
    EXPECT_EQ(status.ok(), may_be_asked) << name;
    EXPECT_EQ(status.ok(), !fs::exists(staging / name)) << name;
    EXPECT_EQ(status.ok(), fs::exists(directory_ / "out")) << name;
    fs::remove_all(staging);
    return status.ok();
  };
  for (const char* ours : {"answer.json", "statement.json", "header.json", "answer.cms", "02-voice.json", "12-criminal-record.cms", "answer.json.0123456789ab.tmp"}) {
    EXPECT_TRUE(written_over(ours)) << ours;
  }
  for (const char* foreign : {"notes.txt", "narrative.json", "1-narrative.json", "01.json", "01-narrative.json.bak", "notes.txt.0123456789ab.tmp", ".tmp", "of/answer.json"}) {
    EXPECT_FALSE(written_over(foreign)) << foreign;
  }
}

TEST_F(DisclosureCheckTest, WhatWasDisclosedIsToldToPeopleAndPrograms) {
  const CollectedDisclosure persons = Persons();
  const auto checked = Check(persons);
  ASSERT_TRUE(checked.ok());
  const std::string referral(32, 'r'), pseudonym(16, '\xaa');
  CasesOfReferrals cases = {{referral, {{pseudonym}, false}}};
  std::string text = DisclosedText(persons, *checked, cases, "out", 200);
  EXPECT_THAT(text, HasSubstr("row-1  1          aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
  EXPECT_THAT(text, HasSubstr("row-2  0          not known there"));
  EXPECT_THAT(text, HasSubstr("Signed by dpo-1, an authorising officer of police"));
  auto json = DisclosedJson(persons, *checked, &cases);
  EXPECT_EQ(json["persons"][0]["cases"][0], "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
  EXPECT_EQ(json["persons"][0]["referrals"][0]["outsideWarrant"], false);
  EXPECT_EQ(json["persons"][0]["referrals"][0]["strength"], "MATCH_STRENGTH_STRONG");
  EXPECT_EQ(json["persons"][1]["cases"], nlohmann::json::array());
  cases[referral] = {{}, true};
  EXPECT_THAT(DisclosedText(persons, *checked, cases, "out", 200), HasSubstr("1 outside the warrant"));
  cases[referral] = {};
  EXPECT_THAT(DisclosedText(persons, *checked, cases, "out", 200), HasSubstr("1 of no case"));
  json = DisclosedJson(persons, *checked, nullptr);
  EXPECT_FALSE(json["persons"][0].contains("cases"));
  EXPECT_THAT(DisclosedText(persons, *checked, {}, "out", 200), HasSubstr("not asked for"));

  const CollectedDisclosure records = Records();
  const auto of_cases = Check(records);
  ASSERT_TRUE(of_cases.ok());
  EXPECT_THAT(DisclosedText(records, *of_cases, {}, "out", 200), HasSubstr("NSP-s"));
  json = DisclosedJson(records, *of_cases, nullptr);
  EXPECT_EQ(json["cases"][0]["case"], "11111111111111111111111111111111");
  EXPECT_EQ(json["cases"][0]["referrals"][1]["recordNumbers"][0], "NSP-s");
}

}  // namespace
}  // namespace accord::accordctl::disclosure_check_test
