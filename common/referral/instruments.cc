#include "common/referral/instruments.h"

#include <absl/strings/ascii.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>

#include "common/base/status.h"
#include "common/base/text.h"

namespace accord::referral {
namespace {

using namespace type::v1;  // NOLINT: rules in the field's own words.
using About = AnswerFinding::About;
using Answers = google::protobuf::RepeatedPtrField<RiskAnswer>;

constexpr size_t kQuestionsNamedMax = 5;  // In one finding.

absl::Status MalformedInstrument(std::string_view why) { return Error(Reason::kFieldInvalid, why, {{"field", "instrument"}}); }

bool Contains(const std::vector<std::string>& list, std::string_view value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

template <typename Allowed>
bool IsInstrumentCode(std::string_view text, size_t chars_max, Allowed allowed) {
  return !text.empty() && text.size() <= chars_max && std::all_of(text.begin(), text.end(), allowed);
}
bool IsLower(char c) { return absl::ascii_islower(static_cast<unsigned char>(c)) || absl::ascii_isdigit(static_cast<unsigned char>(c)); }
bool IsVersion(std::string_view text) {
  return IsInstrumentCode(text, kInstrumentVersionCharsMax, [](char c) { return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '-'; });
}
bool IsQuestionCode(std::string_view text) {
  return IsInstrumentCode(text, kQuestionCodeCharsMax, [](char c) { return IsLower(c) || c == '.' || c == '_' || c == '-'; });
}
bool IsAnswer(std::string_view text) {
  return IsInstrumentCode(text, kAnswerCharsMax, [](char c) { return absl::ascii_isupper(static_cast<unsigned char>(c)) || absl::ascii_isdigit(static_cast<unsigned char>(c)) || c == '_'; });
}
bool IsWords(std::string_view text) { return !text.empty() && text.size() <= kInstrumentWordsCharsMax && IsUtf8(text); }

absl::Status CheckScale(const std::string& where, const std::vector<std::string>& answers) {
  if (answers.empty() || answers.size() > kInstrumentScaleMax) return MalformedInstrument(fmt::format("{}: has no answers, or over {}", where, kInstrumentScaleMax));
  std::set<std::string_view> seen;
  for (const std::string& answer : answers) {
    if (!IsAnswer(answer)) return MalformedInstrument(fmt::format("{}: an answer is 1 to {} of [A-Z0-9_]", where, kAnswerCharsMax));
    if (!seen.insert(answer).second) return MalformedInstrument(fmt::format("{}: the answer {} is there twice", where, answer));
  }
  return absl::OkStatus();
}

absl::Status CheckQuestion(const InstrumentDocument::Question& question) {
  if (!IsQuestionCode(question.code)) return MalformedInstrument(fmt::format("question: a code is 1 to {} of [a-z0-9._-]", kQuestionCodeCharsMax));
  const std::string where = fmt::format("question {}", question.code);
  if (!IsWords(question.topic)) return MalformedInstrument(fmt::format("{}: topic is 1 to {} bytes", where, kInstrumentWordsCharsMax));
  ACCORD_RETURN_IF_ERROR(CheckScale(where, question.answers));
  if (question.follow_on.empty() != question.follow_on_when.empty()) return MalformedInstrument(fmt::format("{}: follow_on and follow_on_when go together", where));
  for (const std::string& answer : question.follow_on_when) {
    if (!Contains(question.answers, answer)) return MalformedInstrument(fmt::format("{}: follow_on_when {} is no answer of it", where, answer));
  }
  return absl::OkStatus();
}

absl::Status CheckScore(const InstrumentDocument& instrument) {
  if (instrument.graded_by != InstrumentDocument::GradedBy::kScore) {
    const bool scored = !instrument.counts.empty() || !instrument.bands.empty();
    return scored ? MalformedInstrument("score and band: are of instruments that are graded by score") : absl::OkStatus();
  }
  const bool counted = std::any_of(instrument.questions.begin(), instrument.questions.end(),
                                   [&](const auto& question) { return Contains(question.answers, instrument.counts); });
  if (!counted) return MalformedInstrument("score: what counts is no answer of any question");
  if (instrument.counts == instrument.not_known) return MalformedInstrument("score: counts and not_known are the same answer");
  if (instrument.bands.empty() || instrument.bands[0].at_least != 0) return MalformedInstrument("band: the first is from 0");
  for (size_t i = 0; i < instrument.bands.size(); ++i) {
    const InstrumentDocument::Band& band = instrument.bands[i];
    if (band.grade == RISK_GRADE_UNSPECIFIED) return MalformedInstrument("band: has no grade");
    if (band.at_least > instrument.questions.size()) return MalformedInstrument("band: is past the number of questions");
    if (i > 0 && (band.at_least <= instrument.bands[i - 1].at_least || band.grade <= instrument.bands[i - 1].grade)) {
      return MalformedInstrument("band: each is from more than the one before, and a higher grade");
    }
  }
  return absl::OkStatus();
}

// The ages of a band, both included; everybody's when it is not known.
std::pair<uint32_t, uint32_t> AgesOf(AgeBand band) {
  switch (band) {
    case AGE_BAND_UNBORN: return {0, 0};
    case AGE_BAND_UNDER_16: return {0, 15};
    case AGE_BAND_16_17: return {16, 17};
    case AGE_BAND_ADULT: return {18, kInstrumentAgeMax};
    default: return {0, kInstrumentAgeMax};
  }
}

std::string Named(const InstrumentDocument& instrument) { return fmt::format("{} {}", instrument.code, instrument.version); }

// "a, b, c and 4 more".
std::string Listed(const std::vector<std::string>& codes) {
  std::string text;
  for (size_t i = 0; i < std::min(codes.size(), kQuestionsNamedMax); ++i) text += (i == 0 ? "" : ", ") + codes[i];
  if (codes.size() > kQuestionsNamedMax) text += fmt::format(" and {} more", codes.size() - kQuestionsNamedMax);
  return text;
}

// What the answers are that are no answers of `instrument`, and which it lacks. An unknown question is called by where it stands: its
// text is the caller's, and may be anything.
void FindFaults(const InstrumentDocument& instrument, const Answers& answers, std::vector<AnswerFinding>& findings) {
  std::set<std::string_view> answered;
  std::vector<std::string> lacking;
  for (int i = 0; i < answers.size(); ++i) {
    const InstrumentDocument::Question* question = instrument.Find(answers[i].question());
    if (question == nullptr) {
      findings.push_back({About::kAnswers, "", fmt::format("[{}] answers no question of {}", i, Named(instrument))});
    } else if (!answered.insert(question->code).second) {
      findings.push_back({About::kAnswers, question->code, fmt::format("answers {} twice", question->code)});
    } else if (!Contains(question->answers, answers[i].answer())) {
      findings.push_back({About::kAnswers, question->code, fmt::format("has an answer to {} that is not one of {}", question->code, fmt::join(question->answers, ", "))});
    }
  }
  for (const InstrumentDocument::Question& question : instrument.questions) {
    if (question.required && !answered.contains(question.code)) lacking.push_back(question.code);
  }
  if (lacking.empty()) return;
  const bool may_say_so = !instrument.not_known.empty();
  findings.push_back({About::kAnswers, lacking[0],
                      fmt::format("lacks an answer to {}{}", Listed(lacking), may_say_so ? fmt::format("; {} is an answer", instrument.not_known) : "")});
}

void FindFollowOns(const InstrumentDocument& instrument, const Instruments& instruments, const RiskAssessment& assessment,
                   std::vector<AnswerFinding>& findings) {
  std::set<std::string> further;
  for (const RiskAssessment& one : assessment.further()) {
    for (const InstrumentDocument& known : instruments.all()) {
      const bool same = known.value == one.risk().instrument() && (known.value != INSTRUMENT_OTHER || known.code == one.risk().instrument_code());
      if (same) further.insert(known.code);
    }
  }
  for (const RiskAnswer& answer : assessment.answers()) {
    const InstrumentDocument::Question* question = instrument.Find(answer.question());
    if (question == nullptr || question->follow_on.empty() || further.contains(question->follow_on)) continue;
    if (!Contains(question->follow_on_when, answer.answer())) continue;
    findings.push_back({About::kAdvice, question->code, fmt::format("has an answer to {} that calls for {}, which is not among the further assessments", question->code, question->follow_on)});
  }
}

void FindAdvice(const InstrumentDocument& instrument, const RiskAssessment& assessment, AgeBand who, std::vector<AnswerFinding>& findings) {
  const auto [youngest, oldest] = AgesOf(who);
  if (oldest < instrument.age_from || youngest > instrument.age_to) {
    findings.push_back({About::kAdvice, "", fmt::format("is by {}, which is for ages {} to {}", Named(instrument), instrument.age_from, instrument.age_to)});
  }
  const absl::Time assessed = absl::FromUnixMillis(assessment.assessed_at_ms());
  if (assessment.assessed_at_ms() != 0 && (assessed < instrument.from || assessed >= instrument.until)) {
    findings.push_back({About::kAdvice, "", fmt::format("is by {}, which was not in use when it was assessed", Named(instrument))});
  }
  const auto not_known = std::count_if(assessment.answers().begin(), assessment.answers().end(),
                                       [&](const RiskAnswer& answer) { return answer.answer() == instrument.not_known; });
  if (instrument.not_known_many > 0 && not_known >= instrument.not_known_many) {
    findings.push_back({About::kAdvice, "", fmt::format("says {} to {} of {} questions: much is not known, which is a risk in itself", instrument.not_known,
                                                        not_known, instrument.questions.size())});
  }
}

}  // namespace

bool IsInstrumentCode(std::string_view code) {
  return IsInstrumentCode(code, kInstrumentCodeCharsMax, [](char c) { return IsLower(c) || c == '-'; });
}

const InstrumentDocument::Question* InstrumentDocument::Find(std::string_view wanted) const {
  const auto found = std::find_if(questions.begin(), questions.end(), [&](const Question& one) { return one.code == wanted; });
  return found == questions.end() ? nullptr : &*found;
}

absl::Status ValidateInstrument(const InstrumentDocument& instrument) {
  if (!IsInstrumentCode(instrument.code)) return MalformedInstrument(fmt::format("code is 1 to {} of [a-z0-9-]", kInstrumentCodeCharsMax));
  if (!IsVersion(instrument.version)) return MalformedInstrument(fmt::format("version is 1 to {} of [A-Za-z0-9.-]", kInstrumentVersionCharsMax));
  if (!IsWords(instrument.title) || !IsWords(instrument.publisher)) return MalformedInstrument(fmt::format("title and publisher are 1 to {} bytes each", kInstrumentWordsCharsMax));
  if (instrument.value == INSTRUMENT_UNSPECIFIED) return MalformedInstrument("instrument: is one of the published list, or other");
  if (instrument.value == INSTRUMENT_PROFESSIONAL_JUDGEMENT) return MalformedInstrument("instrument: professional_judgement asks no questions");
  if (instrument.age_from > instrument.age_to || instrument.age_to > kInstrumentAgeMax) return MalformedInstrument(fmt::format("age_from and age_to come in this order, at most {}", kInstrumentAgeMax));
  if (instrument.from >= instrument.until) return MalformedInstrument("until: is not after from");
  if (instrument.questions.empty() || instrument.questions.size() > kInstrumentQuestionsMax) return MalformedInstrument(fmt::format("question: there are none, or over {}", kInstrumentQuestionsMax));
  std::set<std::string_view> codes;
  bool not_known = instrument.not_known.empty();
  for (const InstrumentDocument::Question& question : instrument.questions) {
    ACCORD_RETURN_IF_ERROR(CheckQuestion(question));
    if (!codes.insert(question.code).second) return MalformedInstrument(fmt::format("question {}: is there twice", question.code));
    not_known = not_known || Contains(question.answers, instrument.not_known);
  }
  if (!not_known) return MalformedInstrument("score: not_known is no answer of any question");
  if (instrument.not_known.empty() && instrument.not_known_many > 0) return MalformedInstrument("score: not_known_many is of not_known, and there is none");
  return CheckScore(instrument);
}

absl::StatusOr<Instruments> Instruments::Make(std::vector<InstrumentDocument> all) {
  if (all.size() > kInstrumentsMax) return MalformedInstrument(fmt::format("over {} documents of instruments", kInstrumentsMax));
  std::set<std::pair<std::string_view, std::string_view>> versions;
  std::map<std::string_view, type::v1::Instrument> by_code;
  std::map<type::v1::Instrument, std::string_view> by_value;
  for (const InstrumentDocument& one : all) {
    if (const absl::Status valid = ValidateInstrument(one); !valid.ok()) return MalformedInstrument(fmt::format("{}: {}", Named(one), FromAbsl(valid.message())));
    if (!versions.emplace(one.code, one.version).second) return MalformedInstrument(fmt::format("{}: there are two documents of it", Named(one)));
    if (by_code.emplace(one.code, one.value).first->second != one.value) return MalformedInstrument(fmt::format("{}: its versions name different values of `instrument`", one.code));
    if (one.value == INSTRUMENT_OTHER) continue;
    const auto owner = by_value.emplace(one.value, one.code).first;
    if (owner->second != one.code) return MalformedInstrument(fmt::format("{} and {}: name the same value of `instrument`", owner->second, one.code));
  }
  for (const InstrumentDocument& one : all) {
    for (const InstrumentDocument::Question& question : one.questions) {
      if (question.follow_on.empty() || by_code.contains(question.follow_on)) continue;
      return MalformedInstrument(fmt::format("{}: question {}: follow_on {} is the code of no document", Named(one), question.code, question.follow_on));
    }
  }
  Instruments made;
  made.all_ = std::move(all);
  return made;
}

const InstrumentDocument* Instruments::Find(const Risk& risk) const {
  const auto found = std::find_if(all_.begin(), all_.end(), [&](const InstrumentDocument& one) {
    const bool same = one.value == risk.instrument() && (one.value != INSTRUMENT_OTHER || one.code == risk.instrument_code());
    return same && one.version == risk.instrument_version();
  });
  return found == all_.end() ? nullptr : &*found;
}

std::string Instruments::VersionsOf(const Risk& risk) const {
  std::string versions;
  for (const InstrumentDocument& one : all_) {
    const bool same = one.value == risk.instrument() && (one.value != INSTRUMENT_OTHER || one.code == risk.instrument_code());
    if (same) versions += (versions.empty() ? "" : ", ") + one.version;
  }
  return versions.empty() ? "none" : versions;
}

std::vector<AnswerFinding> CheckAnswers(const Instruments& instruments, const RiskAssessment& assessment, AgeBand who) {
  std::vector<AnswerFinding> findings;
  const InstrumentDocument* instrument = instruments.Find(assessment.risk());
  const bool answered = !assessment.answers().empty();
  if (instrument != nullptr) {
    if (answered) FindFaults(*instrument, assessment.answers(), findings);
    FindFollowOns(*instrument, instruments, assessment, findings);
    FindAdvice(*instrument, assessment, who, findings);
  } else if (answered) {
    findings.push_back({About::kVersion, "", fmt::format("is of no document that this agency has (of this instrument it has: {}): the answers go on as they are, unchecked and uncounted",
                                                         instruments.VersionsOf(assessment.risk()))});
  }
  for (const RiskAssessment& further : assessment.further()) {
    auto more = CheckAnswers(instruments, further, who);
    findings.insert(findings.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
  }
  return findings;
}

absl::StatusOr<InstrumentScore> ScoreAnswers(const InstrumentDocument& instrument, const Answers& answers, std::string_view field) {
  std::vector<AnswerFinding> faults;
  FindFaults(instrument, answers, faults);
  if (!faults.empty()) {
    const AnswerFinding& fault = faults[0];
    return Error(Reason::kFieldInvalid, fmt::format("{}{}{}", field, fault.words.starts_with('[') ? "" : " ", fault.words),
                 {{"field", std::string(field)}, {"question", fault.question}});
  }
  InstrumentScore score;
  for (const RiskAnswer& answer : answers) {
    score.counted += instrument.graded_by == InstrumentDocument::GradedBy::kScore && answer.answer() == instrument.counts;
    score.not_known += !instrument.not_known.empty() && answer.answer() == instrument.not_known;
  }
  for (const InstrumentDocument::Band& band : instrument.bands) {
    if (score.counted >= band.at_least) score.grade = band.grade;
  }
  return score;
}

}  // namespace accord::referral
