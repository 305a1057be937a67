// A small made-up record for tests of questions: referrals and entries as the broker would have them, at times that the test chooses.
#pragma once

#include <absl/time/time.h>

#include <algorithm>
#include <list>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "services/broker/questions/engine.h"
#include "services/broker/questions/rows.h"

namespace accord::broker {

inline constexpr int64_t kMinuteMs = 60'000, kHourMs = 60 * kMinuteMs;
// Monday, 4 January 2027, 10:00 in London.
inline const int64_t kMondayMs = absl::ToUnixMillis(absl::FromCivil(absl::CivilSecond(2027, 1, 4, 10, 0, 0), absl::UTCTimeZone()));

// One referral as a test goes on with it. `police` is its sender unless said. Single-thread.
class RecordedReferral {
 public:
  RecordedReferral(ReferralFacts& facts, uint64_t& next_index) : facts_(facts), next_index_(next_index) {}

  type::v1::HeaderCore& core() { return facts_.parts.core; }
  ReferralFacts& facts() { return facts_; }
  const std::string& digest() const { return facts_.digest; }

  RecordedReferral& Happened(int64_t earliest_ms, int64_t latest_ms = 0) {
    core().mutable_happened()->set_earliest_ms(earliest_ms);
    core().mutable_happened()->set_latest_ms(latest_ms == 0 ? earliest_ms : latest_ms);
    facts_.recorded_later = facts_.stored_ms - core().happened().latest_ms() > kRecordedLaterMs;
    return *this;
  }
  RecordedReferral& Type(type::v1::ReferralType type) {
    core().set_type(type);
    facts_.events.front().event.set_type(referral::StoredEventOf(type));
    return *this;
  }
  RecordedReferral& Case(char letter) {
    facts_.cases.push_back(std::string(16, letter));
    return *this;
  }
  RecordedReferral& Grade(type::v1::RiskGrade grade) {
    core().mutable_risk()->set_grade(grade);
    return *this;
  }
  // A recipient with one section of `category` that it is permitted, or withheld from it by `rule`.
  RecordedReferral& To(const std::string& agency, type::v1::Category category = type::v1::CATEGORY_RISK, const std::string& withheld_by = {}) {
    facts_.parts.recipients.emplace_back().set_agency(agency);
    auto& section = facts_.parts.sections.emplace_back();
    section.set_section_id(std::string(15, 's') + static_cast<char>('0' + facts_.parts.sections.size()));
    section.set_category(category);
    section.set_tag_id(std::string(16, 't'));
    auto& decision = *facts_.events.front().decisions->add_decisions();
    decision.set_section_id(section.section_id());
    decision.set_recipient(agency);
    decision.set_category(category);
    decision.set_verdict(withheld_by.empty() ? type::v1::VERDICT_PERMIT : type::v1::VERDICT_WITHHOLD);
    decision.set_rule_id(withheld_by.empty() ? "agreement/1/all" : withheld_by);
    return *this;
  }
  RecordedReferral& Subject(type::v1::SubjectRole role, const std::string& token = {}, type::v1::AgeBand band = type::v1::AGE_BAND_UNSPECIFIED) {
    auto& subject = facts_.parts.subjects.emplace_back();
    subject.set_role(role);
    subject.set_age_band(band);
    if (token.empty()) return *this;
    auto& made = *subject.add_tokens();
    made.set_domain("area");
    made.set_strong(true);
    made.set_token(token);
    return *this;
  }

  FactEvent& Add(int64_t time_ms, type::v1::EventType type, const std::string& principal, const std::string& recipient = {}) {
    FactEvent& event = facts_.events.emplace_back();
    event.index = next_index_++;
    event.time_ms = time_ms;
    event.event.set_type(type);
    event.principal = principal;
    if (principal.starts_with("agency/")) event.agency = principal.substr(7);
    event.recipient = recipient;
    return event;
  }
  RecordedReferral& Released(int64_t time_ms, const std::string& agency) {
    FactEvent& event = Add(time_ms, type::v1::EVENT_TYPE_RELEASED, "agency/" + agency, agency);
    event.delivery_id = "delivery/" + agency;
    event.decisions = facts_.events.front().decisions;
    return *this;
  }
  RecordedReferral& Delivered(int64_t time_ms, const std::string& agency) {
    Add(time_ms, type::v1::EVENT_TYPE_DELIVERED, "agency/" + agency, agency).delivery_id = "delivery/" + agency;
    return *this;
  }
  // A statement; what else it says is the test's to fill in.
  FactEvent& Said(int64_t time_ms, const std::string& agency, type::v1::StatementKind kind) {
    FactEvent& event = Add(time_ms, type::v1::EVENT_TYPE_STATEMENT, "agency/" + agency);
    event.event.set_statement(kind);
    event.statement_digest = "statement/" + std::to_string(event.index);
    event.worker.set_pseudonym("w-1");
    event.worker.set_role(type::v1::WORKER_ROLE_PRACTITIONER);
    event.worker.set_authentication(type::v1::AUTHENTICATION_MULTI_FACTOR);
    event.statement.emplace().set_kind(kind);
    return event;
  }
  RecordedReferral& Flagged(int64_t time_ms, type::v1::CaseFlag flag) {
    Add(time_ms, type::v1::EVENT_TYPE_CASE_FLAGGED, "broker").event.add_case_flags(flag);
    return *this;
  }

 private:
  ReferralFacts& facts_;
  uint64_t& next_index_;
};

// Single-thread.
class TestingRecord {
 public:
  TestingRecord() {
    Enrol("police", type::v1::AGENCY_KIND_POLICE);
    Enrol("childrens", type::v1::AGENCY_KIND_CHILDRENS_SERVICES);
    Enrol("idva", type::v1::AGENCY_KIND_IDVA);
    Enrol("school", type::v1::AGENCY_KIND_EDUCATION);
    Enrol("housing", type::v1::AGENCY_KIND_HOUSING);
  }
  void Enrol(const std::string& id, type::v1::AgencyKind kind, const std::string& area = "E08000012") {
    agencies[id] = {.kind = kind, .areas = {area}, .enrolled_ms = kMondayMs - 365 * kDayMs, .barred = {}};
  }
  // A referral of the police, of type REFERRAL, that is stored at `time_ms`.
  RecordedReferral Stored(int64_t time_ms, const std::string& sender = "police") {
    ReferralFacts& facts = facts_.emplace_back();
    facts.digest = std::string(31, 'd') + static_cast<char>('0' + facts_.size());
    facts.stored_index = next_index_++;
    facts.stored_ms = time_ms;
    facts.parts.core.set_sender(sender);
    facts.parts.core.set_type(type::v1::REFERRAL_TYPE_REFERRAL);
    FactEvent& event = facts.events.emplace_back();
    event.index = facts.stored_index;
    event.time_ms = time_ms;
    event.event.set_type(type::v1::EVENT_TYPE_REFERRAL_STORED);
    event.principal = "agency/" + sender;
    event.agency = sender;
    event.decisions.emplace();
    return RecordedReferral(facts, next_index_);
  }

  // What stands on the chain of the case of this letter and on no referral's.
  FactEvent& OfCase(char letter, int64_t time_ms, type::v1::EventType type, const std::string& principal) {
    FactEvent& event = of_cases_[std::string(16, letter)].emplace_back();
    event.index = next_index_++;
    event.time_ms = time_ms;
    event.event.set_type(type);
    event.principal = principal;
    if (principal.starts_with("agency/")) event.agency = principal.substr(7);
    return event;
  }

  // Agencies confirmed that the case of this letter is one with that of `first`.
  void SameCase(char letter, char first) {
    for (const char one : {letter, first}) groups_[std::string(16, one)] = std::string(16, first);
  }

  // Asks over everything, or over what the request says; the statutory scope unless said, over `covers`.
  inspection::v1::Table Ask(uint32_t number, int64_t now_ms) {
    inspection::v1::AskQuestionRequest request;
    return Ask(number, now_ms, request);
  }
  inspection::v1::Table Ask(uint32_t number, int64_t now_ms, inspection::v1::AskQuestionRequest request,
                            inspection::v1::WarrantKind kind = inspection::v1::WARRANT_KIND_STATUTORY) {
    const Question* const question = FindQuestion(number);
    request.set_question(number);
    if (!question->one) {
      request.set_from_ms(kMondayMs - 400 * kDayMs);
      request.set_until_ms(kMondayMs + 300 * kDayMs);
    }
    inspection::v1::Warrant warrant;
    warrant.set_id("jtai-1");
    warrant.set_kind(kind);
    *warrant.mutable_scope() = covers;
    JudgedFacts judged;
    judged.of_case = of_cases_[request.case_pseudonym()];
    judged.groups = groups_;
    judged.barred_administrators = barred_administrators;
    for (const ReferralFacts& facts : facts_) {
      if (request.as_at_ms() != 0 && facts.stored_ms > request.as_at_ms()) continue;
      const bool of_case = std::find(facts.cases.begin(), facts.cases.end(), request.case_pseudonym()) != facts.cases.end();
      if (!request.case_pseudonym().empty() && !of_case) continue;
      judged.asked.push_back(facts);
      std::erase_if(judged.asked.back().events, [&](const FactEvent& event) { return request.as_at_ms() != 0 && event.time_ms > request.as_at_ms(); });
    }
    return ComputeAnswer(judged, agencies, referral::DefaultClockRules(), Scope::Of(warrant, {}), *question, request, next_index_, now_ms);
  }

  std::map<std::string, AgencyFacts, std::less<>> agencies;
  std::set<std::string> barred_administrators;
  inspection::v1::WarrantScope covers;  // Of the warrant that is asked under; nothing is judged by it here.

 private:
  std::list<ReferralFacts> facts_;
  std::map<std::string, std::vector<FactEvent>> of_cases_;  // By pseudonym.
  std::map<std::string, std::string, std::less<>> groups_;
  uint64_t next_index_ = 1;
};

// A row of the answer as its cells by column; the first whose cell in `column` is `value`. Empty when there is none.
inline std::map<std::string, std::string> RowWhere(const inspection::v1::Table& table, const std::string& column, const std::string& value) {
  for (const auto& row : table.rows()) {
    std::map<std::string, std::string> cells;
    for (int i = 0; i < table.columns_size(); ++i) cells[table.columns(i).name()] = row.cells(i);
    if (cells[column] == value) return cells;
  }
  return {};
}

}  // namespace accord::broker
