// Risk instruments as data: what a form asks, which answers it takes, who grades by it (docs/instruments.md). Pure.
//
// Answers stay with the version that they were given under: a document of another version neither checks nor counts them. What is
// found of answers never refuses or closes anything by itself; a mapping decides which instruments it wants whole. The text form is
// read by common/policy.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "accord/type/v1/section_content.pb.h"
#include "accord/type/v1/vocabulary.pb.h"

namespace accord::referral {

inline constexpr size_t kInstrumentsMax = 64;              // Of one agency, all versions.
inline constexpr size_t kInstrumentCodeCharsMax = 32;      // As Risk.instrument_code says,
inline constexpr size_t kInstrumentVersionCharsMax = 32;   // and Risk.instrument_version.
inline constexpr size_t kInstrumentQuestionsMax = 200;
inline constexpr size_t kInstrumentScaleMax = 16;          // Answers to choose from.
inline constexpr size_t kInstrumentWordsCharsMax = 200;    // Of a title, a publisher, a topic: bytes of UTF-8.
inline constexpr size_t kQuestionCodeCharsMax = 64;
inline constexpr size_t kAnswerCharsMax = 32;
inline constexpr uint32_t kInstrumentAgeMax = 120;

// 1 to 32 of [a-z0-9-].
bool IsInstrumentCode(std::string_view code);

// One version of one instrument.
struct InstrumentDocument {
  enum class GradedBy {
    kScore,     // A count suggests a grade, which judgement may raise.
    kAssessor,  // Whoever assesses grades, and says why; nothing is counted.
    kNobody,    // It goes with another and gives no grade.
  };
  // A question: its code, and our own paraphrase of what it asks (the forms' texts are their authors').
  struct Question {
    std::string code;
    std::string topic;
    std::vector<std::string> answers;
    bool required = true;
    bool high_risk = false;                     // Marked so by its authors: for people, nothing is decided by it.
    std::string follow_on;                      // Code of the instrument that a certain answer calls for; empty: none.
    std::vector<std::string> follow_on_when;    // Those answers.
  };
  struct Band {
    uint32_t at_least = 0;
    type::v1::RiskGrade grade = type::v1::RISK_GRADE_UNSPECIFIED;
  };

  std::string code, version, title, publisher;
  type::v1::Instrument value = type::v1::INSTRUMENT_UNSPECIFIED;  // Of the published list; OTHER for what only documents define.
  uint32_t age_from = 0, age_to = kInstrumentAgeMax;              // Of the person assessed as at risk; both included.
  absl::Time from = absl::InfinitePast(), until = absl::InfiniteFuture();  // Assessments in [from, until).
  GradedBy graded_by = GradedBy::kAssessor;
  std::string counts;           // By score: the answer that counts.
  std::string not_known;        // The answer that says that it is not known; empty: none.
  uint32_t not_known_many = 0;  // From so many of those the pusher is told; 0: never.
  std::vector<Band> bands;      // By score: rising, the first from 0.
  std::vector<Question> questions;

  // Null when it has no such question.
  const Question* Find(std::string_view code) const;
};

// FIELD_INVALID with the cause, unless it is complete, within the bounds above, and does not contradict itself.
absl::Status ValidateInstrument(const InstrumentDocument& instrument);

// The instruments of an agency. Thread-safe, as all below.
class Instruments {
 public:
  Instruments() = default;
  // FIELD_INVALID unless each is valid, no version is there twice, a code and a value of the published list always go together, and
  // every follow-on is there.
  static absl::StatusOr<Instruments> Make(std::vector<InstrumentDocument> all);

  // What `risk` says it was made by, in that very version. Null when there is no document of it.
  const InstrumentDocument* Find(const type::v1::Risk& risk) const;
  // Versions that there are of the instrument of `risk`, with commas: for people.
  std::string VersionsOf(const type::v1::Risk& risk) const;
  const std::vector<InstrumentDocument>& all() const { return all_; }

 private:
  std::vector<InstrumentDocument> all_;
};

// What is found of the answers of an assessment.
struct AnswerFinding {
  enum class About {
    kVersion,  // No document of it: nothing was checked or counted.
    kAnswers,  // Not whole, or not answers of this instrument.
    kAdvice,   // Worth knowing, and never a reason to refuse.
  };
  About about = About::kAdvice;
  std::string question;  // Its code, where one of the document's is concerned; empty otherwise.
  std::string words;     // What follows the name of the field; names questions and nobody's answers.
};
// Every finding of `assessment` and of what it has in `further`, of a person of age band `who`. Nothing for professional judgement
// alone, and for a grade that comes without answers, except that the instrument is not for such a person.
std::vector<AnswerFinding> CheckAnswers(const Instruments& instruments, const type::v1::RiskAssessment& assessment,
                                        type::v1::AgeBand who = type::v1::AGE_BAND_UNSPECIFIED);

// A count of answers.
struct InstrumentScore {
  uint32_t counted = 0;
  uint32_t not_known = 0;                                        // Counts for nothing, and is kept: many are a warning in themselves.
  type::v1::RiskGrade grade = type::v1::RISK_GRADE_UNSPECIFIED;  // What the count alone gives.
};
// FIELD_INVALID, naming `field` and in metadata `question`, unless every question that `instrument` requires is answered once, all
// answers are on its scale, and it has no others. Of an instrument that is not graded by score the grade is unspecified.
absl::StatusOr<InstrumentScore> ScoreAnswers(const InstrumentDocument& instrument,
                                             const google::protobuf::RepeatedPtrField<type::v1::RiskAnswer>& answers,
                                             std::string_view field);

}  // namespace accord::referral
