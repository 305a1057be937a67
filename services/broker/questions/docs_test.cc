// docs/questions.md says what the table of questions says, and its worked examples are what the questions answer.
//
// With ACCORD_WRITE_QUESTIONS=1 in its environment the test writes the part of the page below its marker anew. Tests run in the root of the project.
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "common/base/file.h"
#include "common/base/status.h"
#include "services/broker/questions/testing_record.h"

namespace accord::broker::docs_test {
namespace {

using namespace accord::type::v1;
using inspection::v1::AskQuestionRequest;
using inspection::v1::Table;

constexpr char kPage[] = "docs/questions.md";
constexpr std::string_view kMarker = "<!-- below: made from the table of questions by services/broker/questions/docs_test.cc -->\n";
const int64_t kAskedMs = kMondayMs + 60 * kDayMs;

// Two cases of a made-up area in January 2027: a repeat at HIGH that reached a Marac late and a MEDIUM one with a child that nobody was told of.
class ExampleRecord : public TestingRecord {
 public:
  ExampleRecord() {
    Enrol("idva-north", AGENCY_KIND_IDVA, "E08000003");
    agencies["idva"].barred = {"w-1"};
    auto earlier = Stored(kMondayMs - 90 * kDayMs).Case('\x0a').Grade(RISK_GRADE_HIGH).Happened(kMondayMs - 90 * kDayMs - 2 * kHourMs);
    earlier.core().mutable_risk()->set_assessed_at_ms(kMondayMs - 90 * kDayMs - kHourMs);
    People(earlier, "anna", "paul").core().set_purpose(PURPOSE_MARAC);
    auto repeat = Stored(kMondayMs).Case('\x0a').Grade(RISK_GRADE_HIGH).Happened(kMondayMs - 3 * kHourMs);
    repeat.core().mutable_risk()->set_assessed_at_ms(kMondayMs - 30 * kMinuteMs);
    People(repeat, "anna", "paul").To("idva", CATEGORY_VOICE).To("childrens").To("housing", CATEGORY_RISK, "always/protective-list");
    Tag(repeat, CONFIDENTIALITY_CONSENT_REFUSED);
    repeat.Flagged(kMondayMs, CASE_FLAG_MARAC_REPEAT).Released(kMondayMs + kHourMs, "childrens").Delivered(kMondayMs + kHourMs, "childrens");
    repeat.Said(kMondayMs + 50 * kHourMs, "childrens", STATEMENT_KIND_DECIDED).statement->set_decision(CONTACT_DECISION_SECTION_17);
    repeat.Released(kMondayMs + 6 * kDayMs, "idva").Delivered(kMondayMs + 6 * kDayMs, "idva");
    repeat.Said(kMondayMs + 6 * kDayMs + kHourMs, "idva", STATEMENT_KIND_OPENED);
    repeat.Said(kMondayMs + 7 * kDayMs, "idva", STATEMENT_KIND_DECLINED).statement->set_decline_reason(DECLINE_REASON_NO_CAPACITY);
    auto marac = Stored(kMondayMs + 20 * kDayMs).Case('\x0a').Grade(RISK_GRADE_MEDIUM);
    marac.core().set_purpose(PURPOSE_MARAC);
    marac.core().set_forum("marac-south");
    marac.core().mutable_risk()->set_supervisor("s-7");
    marac.core().mutable_risk()->set_change_reason(RISK_CHANGE_REASON_NEW_ASSESSMENT);
    marac.Said(kMondayMs + 21 * kDayMs, "idva", STATEMENT_KIND_ACTION).statement->set_outcome_code("SAFETY_PLAN");
    marac.Said(kMondayMs + 21 * kDayMs, "police", STATEMENT_KIND_LISTED).statement->set_meeting_at_ms(kMondayMs + 28 * kDayMs);
    marac.Said(kMondayMs + 30 * kDayMs, "police", STATEMENT_KIND_TRANSFERRED_OUT).statement->set_other_forum("marac-north");
    AddOtherCase();
    OfCase('\x0a', kMondayMs + 40 * kDayMs, EVENT_TYPE_TRAIL_QUERIED, "inspector/ines").event.set_warrant("jtai-2027");
  }

 private:
  static RecordedReferral& People(RecordedReferral& one, const std::string& victim, const std::string& perpetrator) {
    return one.Subject(SUBJECT_ROLE_VICTIM, victim).Subject(SUBJECT_ROLE_ALLEGED_PERPETRATOR, perpetrator);
  }
  static void Tag(RecordedReferral& one, ConfidentialityConsent consent) {
    auto& tag = one.facts().parts.tags.emplace_back();
    tag.set_tag_id(std::string(16, 't'));
    tag.set_consent(consent);
    tag.set_regime(REGIME_UK_GDPR);
    tag.set_article6(ARTICLE6_BASIS_PUBLIC_TASK);
  }
  void AddOtherCase() {
    for (const int day : {1, 8, 15}) {
      auto one = Stored(kMondayMs + day * kDayMs).Case('\x0b').Grade(RISK_GRADE_MEDIUM).Happened(kMondayMs + day * kDayMs - kHourMs).To("idva");
      if (day != 15) one.core().mutable_risk()->set_assessed_at_ms(kMondayMs + day * kDayMs - 20 * kMinuteMs);
      People(one, "beth", "paul").Subject(SUBJECT_ROLE_CHILD);
      Tag(one, CONFIDENTIALITY_CONSENT_GIVEN);
      if (day == 15) continue;
      one.Released(kMondayMs + day * kDayMs + 1, "idva").Delivered(kMondayMs + day * kDayMs + kHourMs, "idva");
      one.Said(kMondayMs + day * kDayMs + 2 * kHourMs, "idva", STATEMENT_KIND_ACCEPTED);
    }
    auto check = Stored(kMondayMs + 16 * kDayMs).Type(REFERRAL_TYPE_REQUEST_FOR_INFORMATION).Case('\x0b').To("housing").To("childrens");
    check.core().set_checks(true);
    check.Said(kMondayMs + 17 * kDayMs, "housing", STATEMENT_KIND_CHECK_ANSWERED).statement->set_check_answer(CHECK_ANSWER_NOT_KNOWN);
  }
};

// What the example asks beside the period; as a person types it to accordctl.
struct ExampleQuestion {
  AskQuestionRequest request;
  std::string typed;
};
ExampleQuestion ExampleOf(const Question& question) {
  ExampleQuestion example;
  const std::string pseudonym(16, '\x0a');
  if (!question.one) {
    example.typed = " --area E08000012 --from 2026-10-01 --until 2027-03-01";
    return example;
  }
  example.request.set_case_pseudonym(pseudonym);
  example.typed = " --case " + std::string(32, '0');
  for (size_t i = 1; i < 32; i += 2) example.typed[8 + i] = 'a';
  if (question.number == 20) {
    example.request.add_agencies("idva");
    example.request.set_as_at_ms(kMondayMs + 6 * kDayMs + kMinuteMs);
    example.typed += " --agency idva --as-at 2027-01-10T10:01:00Z";
  }
  return example;
}

std::string TimeWords(int64_t ms) { return absl::FormatTime("%Y-%m-%d %H:%M", absl::FromUnixMillis(ms), absl::UTCTimeZone()); }

std::string CellWords(const inspection::v1::Column& column, const std::string& cell) {
  if (cell.empty()) return "–";
  switch (column.kind()) {
    case inspection::v1::COLUMN_KIND_TIME: return TimeWords(std::stoll(cell));
    case inspection::v1::COLUMN_KIND_DURATION: return absl::FormatDuration(absl::Milliseconds(std::stoll(cell)));
    case inspection::v1::COLUMN_KIND_PERCENT: return cell + " %";
    case inspection::v1::COLUMN_KIND_CASE: return cell.substr(0, 4) + "…";
    case inspection::v1::COLUMN_KIND_REFERRAL: return "…" + cell.substr(cell.size() - 2);
    default: return cell;
  }
}

std::string TableWords(const Table& table) {
  std::string text = "|", rule = "|";
  for (const auto& column : table.columns()) {
    text += " " + column.name() + " |";
    rule += "---|";
  }
  text += "\n" + rule + "\n";
  for (const auto& row : table.rows()) {
    text += "|";
    for (int i = 0; i < table.columns_size(); ++i) text += " " + CellWords(table.columns(i), row.cells(i)) + " |";
    text += "\n";
  }
  return text;
}

std::string QuestionWords(ExampleRecord& record, const Question& question) {
  const ExampleQuestion example = ExampleOf(question);
  const Table table = record.Ask(question.number, kAskedMs, example.request);
  std::string text = "\n## " + std::to_string(question.number) + ". " + std::string(question.title) + "\n" + std::string(question.definition) + "\n\n";
  std::string parameters, fields;
  for (const std::string& one : ParametersOf(question)) parameters += (parameters.empty() ? "`" : ", `") + one + "`";
  for (const std::string_view one : question.fields) fields += (fields.empty() ? "`" : ", `") + std::string(one) + "`";
  text += "Parameters: " + parameters + ".";
  if (question.days != 0) text += " Without `days`: " + std::to_string(question.days) + ".";
  if (question.count != 0) text += " Without `count`: " + std::to_string(question.count) + ".";
  text += "\n\nComputed from: " + fields + ".\n\n";
  text += "```\naccordctl question ask " + std::to_string(question.number) + example.typed + " --warrant jtai-2027\n```\n" + TableWords(table);
  for (const std::string& note : table.notes()) text += "\n- " + note;
  return text + "\n";
}

TEST(QuestionsDocTest, ThePageSaysWhatTheQuestionsAnswer) {
  std::string made(kMarker);
  ExampleRecord record;
  for (const Question& question : Questions()) {
    // Every question finds something in the example, so that each shows what an answer looks like.
    const Table table = record.Ask(question.number, kAskedMs, ExampleOf(question).request);
    EXPECT_GT(table.rows_size(), 0) << question.number;
    made += QuestionWords(record, question);
  }
  const auto page = ReadFile(kPage, 1u << 20);
  ASSERT_EQ(page.status(), absl::OkStatus());
  const size_t marker = page->find(kMarker);
  ASSERT_NE(marker, std::string::npos) << kPage << " lacks its marker";
  if (const char* write = std::getenv("ACCORD_WRITE_QUESTIONS"); write != nullptr && *write == '1') {
    ASSERT_EQ(WriteFileDurably(kPage, page->substr(0, marker) + made, 0644), absl::OkStatus());
    return;
  }
  EXPECT_EQ(page->substr(marker), made) << "run this test with ACCORD_WRITE_QUESTIONS=1";
}

}  // namespace
}  // namespace accord::broker::docs_test
