// Agreements, schedules, registers, clock rules, case rules, tables of cases and risk instruments as people write them: what decides who
// may be told what, and what is found of answers.
#include "common/base/status.h"
#include "common/policy/cases.h"
#include "common/policy/case_text.h"
#include "common/policy/clock_text.h"
#include "common/policy/difference.h"
#include "common/policy/instrument_text.h"
#include "common/policy/policy_text.h"
#include "common/referral/agreement.h"
#include "common/referral/instruments.h"
#include "tests/fuzz/target.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace accord;  // NOLINT: one function.
  const std::string_view input = fuzz::Text(data, size);
  const auto cases = policy::ParseCases(input);
  if (!cases.ok()) ACCORD_CHECK(HasReason(cases.status(), Reason::kFieldInvalid));
  const auto instrument = policy::ParseInstrument(input);
  if (!instrument.ok()) {
    ACCORD_CHECK(HasReason(instrument.status(), Reason::kFieldInvalid));
  } else {
    ACCORD_CHECK(referral::ValidateInstrument(*instrument).ok());
    // Every answer that it allows is one that it finds nothing wrong with, and the score is within its questions.
    google::protobuf::RepeatedPtrField<type::v1::RiskAnswer> answers;
    for (const auto& question : instrument->questions) {
      answers.Add()->set_question(question.code);
      answers.rbegin()->set_answer(question.answers[0]);
    }
    const auto score = referral::ScoreAnswers(*instrument, answers, "answers");
    ACCORD_CHECK(score.ok() && score->counted <= instrument->questions.size());
  }
  const auto schedule = policy::ParseSchedule(input);
  if (!schedule.ok()) {
    ACCORD_CHECK(HasReason(schedule.status(), Reason::kScheduleMalformed));
  } else {
    // What was read can be written, and says the same.
    const auto again = policy::ParseSchedule(policy::ScheduleText(*schedule));
    ACCORD_CHECK(again.ok() && policy::DiffSchedules(*schedule, *again).empty());
  }
  const auto law = policy::ParseRegister(input);
  if (!law.ok()) {
    ACCORD_CHECK(HasReason(law.status(), Reason::kLegalRegisterMalformed));
  } else {
    const auto again = policy::ParseRegister(policy::RegisterText(*law));
    ACCORD_CHECK(again.ok() && policy::DiffRegisters(*law, *again).empty());
  }
  const auto clocks = policy::ParseClockRules(input);
  if (!clocks.ok()) {
    ACCORD_CHECK(HasReason(clocks.status(), Reason::kFieldInvalid));
  } else {
    ACCORD_CHECK(referral::ValidateClockRules(*clocks).ok());
    const auto again = policy::ParseClockRules(policy::ClockRulesText(*clocks));
    ACCORD_CHECK(again.ok() && policy::DiffClockRules(*clocks, *again).empty());
  }
  const auto case_rules = policy::ParseCaseRules(input);
  if (!case_rules.ok()) {
    ACCORD_CHECK(HasReason(case_rules.status(), Reason::kFieldInvalid));
  } else {
    ACCORD_CHECK(referral::ValidateCaseRules(*case_rules).ok());
    const auto again = policy::ParseCaseRules(policy::CaseRulesText(*case_rules));
    ACCORD_CHECK(again.ok() && policy::DiffCaseRules(*case_rules, *again).empty());
  }
  const auto agreement = policy::ParseAgreement(input);
  if (!agreement.ok()) {
    ACCORD_CHECK(HasReason(agreement.status(), Reason::kAgreementMalformed));
    ACCORD_CHECK(!agreement.status().message().empty());
    return 0;
  }
  ACCORD_CHECK(referral::ValidateAgreement(*agreement).ok());
  ACCORD_CHECK(agreement->effective_from < agreement->expires);
  ACCORD_CHECK(!agreement->version.empty() && agreement->version.size() <= 63);
  for (const referral::Route& route : agreement->routes) {
    // A word that nobody knows permits nothing; it never becomes a value of its own.
    for (const auto kind : route.from_kinds) ACCORD_CHECK(type::v1::AgencyKind_IsValid(kind) && kind != 0);
    for (const auto kind : route.to_kinds) ACCORD_CHECK(type::v1::AgencyKind_IsValid(kind) && kind != 0);
    for (const auto purpose : route.purposes) ACCORD_CHECK(type::v1::Purpose_IsValid(purpose) && purpose != 0);
    for (const auto category : route.categories) ACCORD_CHECK(type::v1::Category_IsValid(category) && category != 0);
    for (const auto gateway : route.gateways) ACCORD_CHECK(type::v1::Gateway_IsValid(gateway) && gateway != 0);
  }
  return 0;
}
