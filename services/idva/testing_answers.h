// Answers to the instruments that the project comes with, and what a draft says of earlier Maracs, for tests of this service.
#pragma once

#include <string>
#include <string_view>

#include "accord/type/v1/section_content.pb.h"
#include "common/agent/testing_mapping.h"
#include "common/referral/instruments.h"

namespace accord::idva::testing {

using RiskAnswers = google::protobuf::RepeatedPtrField<type::v1::RiskAnswer>;

// A document that every agency has. Null when it has none.
inline const referral::InstrumentDocument* DocumentOf(type::v1::Instrument value) {
  for (const auto& one : agent::testing::Context().instruments->all()) {
    if (one.value == value) return &one;
  }
  return nullptr;
}
// Answers to `value` with `yes` YES, `dont_know` DONT_KNOW, and NO for the rest.
inline RiskAnswers Answers(type::v1::Instrument value, size_t yes, size_t dont_know = 0) {
  RiskAnswers answers;
  for (const auto& question : DocumentOf(value)->questions) {
    const auto at = static_cast<size_t>(answers.size());
    type::v1::RiskAnswer& answer = *answers.Add();
    answer.set_question(question.code);
    answer.set_answer(at < yes ? "YES" : at < yes + dont_know ? "DONT_KNOW" : "NO");
  }
  return answers;
}
inline RiskAnswers Ric(size_t yes, size_t dont_know = 0) {
  return Answers(type::v1::INSTRUMENT_SAFELIVES_DASH_RIC, yes, dont_know);
}

// The text behind `label` of the case history that begins with it; empty when there is none.
inline std::string HistoryBehind(const agent::Draft& draft, std::string_view label) {
  for (const agent::DraftSection& section : draft.sections) {
    const std::string& text = section.content.text().text();
    if (section.category == type::v1::CATEGORY_CASE_HISTORY && text.starts_with(label)) return text.substr(label.size());
  }
  return "";
}

}  // namespace accord::idva::testing
