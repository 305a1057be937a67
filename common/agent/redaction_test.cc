#include "common/agent/redaction.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>

#include "accord/type/v1/section_content.pb.h"

namespace accord::agent::redaction_test {
namespace {

using namespace agency::v1;  // NOLINT: words.
using namespace type::v1;    // NOLINT

const google::protobuf::FieldDescriptor* Named(const google::protobuf::Descriptor* type, const char* field) { return type->FindFieldByName(field); }

std::set<std::string_view> RulesOf(const FieldFacts& facts) {
  std::set<std::string_view> ids;
  for (const RedactionRule& rule : RedactionRules()) {
    if (rule.applies(facts)) ids.insert(rule.id);
  }
  return ids;
}

// The words in which the page names a mark.
std::string_view MarkWords(RedactionMark mark) {
  switch (mark) {
    case REDACTION_MARK_THIRD_PARTY: return "third party";
    case REDACTION_MARK_SERIOUS_HARM: return "serious harm";
    case REDACTION_MARK_CRIME_PREJUDICE: return "crime prejudice";
    case REDACTION_MARK_SAFE_CONTACT: return "safe contact";
    case REDACTION_MARK_LEGAL_PRIVILEGE: return "legal privilege";
    default: return "";
  }
}

// Tests run in the project's root. Whoever redacts reads the page: it may not say another thing than the pack does.
TEST(RedactionTest, ThePageHasEveryRuleAsItIsAndNoOther) {
  std::ifstream file("docs/case-pack.md");
  ASSERT_TRUE(file.good());
  std::set<std::string> page, rules;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("| `")) page.insert(line);
  }
  for (const RedactionRule& rule : RedactionRules()) {
    const std::string row = fmt::format("| `{}` | {} | {} | {} | {} |", rule.id, MarkWords(rule.mark), rule.of, rule.law, rule.reason);
    EXPECT_TRUE(rules.insert(row).second);
    EXPECT_TRUE(page.contains(row)) << "docs/case-pack.md has not:\n" << row;
  }
  for (const std::string& row : page) EXPECT_TRUE(rules.contains(row)) << "docs/case-pack.md has besides:\n" << row;
}

TEST(RedactionTest, TheVictimsOwnNameIsTheirsAndEverythingElseIsLookedAt) {
  FieldFacts facts;
  facts.field = Named(Person::descriptor(), "family_name");
  facts.category = CATEGORY_IDENTITY;
  facts.role = SUBJECT_ROLE_VICTIM;
  facts.whose = Whose::kAsked;
  EXPECT_TRUE(RulesOf(facts).empty());
  facts.whose = Whose::kPerhaps;
  EXPECT_EQ(RulesOf(facts), (std::set<std::string_view>{"perhaps-another"}));
  facts.whose = Whose::kOthers;
  EXPECT_EQ(RulesOf(facts), (std::set<std::string_view>{"another-person"}));
  facts.whose = Whose::kAsked;
  facts.confidential_address = true;
  EXPECT_EQ(RulesOf(facts), (std::set<std::string_view>{"confidential-address"})) << "read by whoever opens their post";
}

TEST(RedactionTest, WhatIsMarkedOfEachSection) {
  const struct {
    Category category;
    const google::protobuf::FieldDescriptor* field;
    std::set<std::string_view> rules;
  } kTable[] = {
      {CATEGORY_SAFE_CONTACT, Named(SafeContact::descriptor(), "phone"), {"safe-contact"}},
      {CATEGORY_RISK, Named(RiskAnswer::descriptor(), "answer"), {"risk"}},
      {CATEGORY_RISK, Named(RiskAssessment::descriptor(), "assessor"), {"risk", "worker"}},
      {CATEGORY_INCIDENT, Named(Incident::descriptor(), "summary"), {"police", "free-text"}},
      {CATEGORY_HEALTH, Named(Health::descriptor(), "ods_code"), {"health"}},
      {CATEGORY_HEALTH, Named(Health::descriptor(), "injuries"), {"health", "free-text"}},
      {CATEGORY_HOUSING, Named(Housing::descriptor(), "tenure"), {"housing"}},
      {CATEGORY_ORDERS_AND_BAIL, Named(Order::descriptor(), "kind"), {"police"}},
      {CATEGORY_SAFETY_PLAN, Named(FreeText::descriptor(), "text"), {"social-work", "free-text"}},
      {CATEGORY_VOICE, Named(FreeText::descriptor(), "text"), {"social-work", "free-text"}},
      {CATEGORY_NARRATIVE, Named(FreeText::descriptor(), "text"), {"free-text"}},
      {CATEGORY_CHILDREN, Named(Child::descriptor(), "school"), {"social-work", "child-abuse", "education"}},
      {CATEGORY_CASE_HISTORY, Named(FreeText::descriptor(), "text"), {"risk", "free-text"}},
      {CATEGORY_ATTACHMENT, Named(Attachment::descriptor(), "file_name"), {"file"}},
  };
  for (const auto& row : kTable) {
    FieldFacts facts;
    facts.field = row.field;
    facts.category = row.category;
    facts.role = SUBJECT_ROLE_VICTIM;
    EXPECT_EQ(RulesOf(facts), row.rules) << Category_Name(row.category) << "." << row.field->name();
    facts.role = SUBJECT_ROLE_OTHER;
    const bool of_children = row.category == CATEGORY_CHILDREN;
    EXPECT_EQ(RulesOf(facts).contains("about-the-victim"), !of_children) << Category_Name(row.category);
  }
}

// Whatever the alleged perpetrator asks for: every field of every record says so, also one that is in no section.
TEST(RedactionTest, NothingGoesToTheAllegedPerpetratorUnmarked) {
  for (const auto* type : {HeaderCore::descriptor(), Person::descriptor(), SafeContact::descriptor(), Incident::descriptor(), JournalEntry::descriptor()}) {
    for (int i = 0; i < type->field_count(); ++i) {
      FieldFacts facts;
      facts.field = type->field(i);
      facts.role = SUBJECT_ROLE_ALLEGED_PERPETRATOR;
      facts.whose = Whose::kAsked;
      EXPECT_TRUE(RulesOf(facts).contains("alleged-perpetrator")) << type->field(i)->full_name();
    }
  }
  FieldFacts unknown;
  unknown.field = Named(HeaderCore::descriptor(), "sender");
  EXPECT_TRUE(RulesOf(unknown).contains("role-not-known")) << "they may be";
  FieldFacts where;
  where.field = Named(Person::descriptor(), "address");
  where.role = SUBJECT_ROLE_ALLEGED_PERPETRATOR;
  where.category = CATEGORY_IDENTITY;
  EXPECT_TRUE(RulesOf(where).contains("where-somebody-is"));
  EXPECT_TRUE(RulesOf(where).contains("alleged-perpetrator-harm"));
}

TEST(RedactionTest, WhatIsOfTheWholeRecord) {
  const auto with = [](auto set) {
    FieldFacts facts;
    facts.field = Named(FreeText::descriptor(), "text");
    facts.category = CATEGORY_RATIONALE;
    facts.role = SUBJECT_ROLE_VICTIM;
    set(facts);
    std::set<std::string_view> rules = RulesOf(facts);
    rules.erase("free-text");
    return rules;
  };
  using Ids = std::set<std::string_view>;
  EXPECT_EQ(with([](FieldFacts&) {}), Ids{});
  EXPECT_EQ(with([](FieldFacts& facts) { facts.received = true; }), Ids{"another-agency"});
  EXPECT_EQ(with([](FieldFacts& facts) { facts.follows = true; }), Ids{"follows"});
  EXPECT_EQ(with([](FieldFacts& facts) { facts.third_party_material = true; }), Ids{"third-party-material"});
  EXPECT_EQ(with([](FieldFacts& facts) { facts.purpose = PURPOSE_VICTIM_INFORMATION_REQUEST; }), Ids{"police-request"});
  EXPECT_EQ(with([](FieldFacts& facts) { facts.purpose = PURPOSE_MARAC; }), Ids{"marac"});
  EXPECT_EQ(with([](FieldFacts& facts) { facts.forum = true; }), Ids{"marac"});
  EXPECT_EQ(with([](FieldFacts& facts) { facts.disclosure_scheme = true; }), Ids{"disclosure-scheme"});
  EXPECT_EQ(with([](FieldFacts& facts) { facts.not_told = true; }), Ids{"not-told"});
  EXPECT_EQ(with([](FieldFacts& facts) { facts.legal_advice = true; }), Ids{"legal-advice"});
  EXPECT_EQ(with([](FieldFacts& facts) { facts.role = SUBJECT_ROLE_CHILD; }), Ids{"child-abuse"});
  EXPECT_EQ(with([](FieldFacts& facts) { facts.not_told = true, facts.category = CATEGORY_IDENTITY; }), Ids{}) << "what is not of the reasons";
}

TEST(RedactionTest, EachMarkHasItsReasonWithItsLaw) {
  FieldFacts facts;
  facts.field = Named(Health::descriptor(), "injuries");
  facts.category = CATEGORY_HEALTH;
  facts.role = SUBJECT_ROLE_VICTIM;
  PackField field;
  MarkField(facts, field);
  ASSERT_EQ(field.marks_size(), 2);
  ASSERT_EQ(field.reasons_size(), 2);
  EXPECT_EQ(field.marks(1), REDACTION_MARK_SERIOUS_HARM);
  EXPECT_EQ(field.reasons(1), "Health data: not given where that is likely to cause serious harm; ask the health professional first. (DPA 2018 schedule 3 paragraphs 5 and 6)");
}

}  // namespace
}  // namespace accord::agent::redaction_test
