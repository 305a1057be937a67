#include "common/policy/instrument_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <utility>
#include <vector>

#include "common/base/file.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/config/config.h"
#include "common/policy/reading.h"

namespace accord::policy {
namespace {

using referral::InstrumentDocument;
using referral::Instruments;

absl::Status Malformed(std::string_view why) { return Error(Reason::kFieldInvalid, why, {{"field", "instrument"}}); }

InstrumentDocument::GradedBy ReadGradedBy(config::Table& root) {
  const std::string word = root.RequiredString("graded_by");
  if (word == "score") return InstrumentDocument::GradedBy::kScore;
  if (word == "nobody") return InstrumentDocument::GradedBy::kNobody;
  if (word != "assessor" && !word.empty()) root.Reject("graded_by", fmt::format("`{}` is none of `score`, `assessor` and `nobody`", word));
  return InstrumentDocument::GradedBy::kAssessor;
}

void ReadQuestions(config::Table& root, InstrumentDocument& instrument) {
  const std::vector<std::string> scale = root.Strings("answers");
  for (config::Table& table : root.Tables("question")) {
    InstrumentDocument::Question& question = instrument.questions.emplace_back();
    question.code = table.RequiredString("code");
    question.topic = table.RequiredString("topic");
    question.answers = table.Has("answers") ? table.Strings("answers") : scale;
    question.required = table.OptionalBool("required", true);
    question.high_risk = table.OptionalBool("high_risk", false);
    question.follow_on = table.OptionalString("follow_on");
    question.follow_on_when = table.Strings("follow_on_when");
  }
}

}  // namespace

absl::StatusOr<InstrumentDocument> ParseInstrument(std::string_view text, const std::string& name) {
  if (!IsUtf8(text)) return Malformed(fmt::format("{}: the text is not UTF-8", name));
  if (text.size() > kInstrumentTextBytesMax) return Malformed(fmt::format("{}: the text is over {} bytes", name, kInstrumentTextBytesMax));
  auto root = config::Table::Parse(text, name);
  if (!root.ok()) return Malformed(FromAbsl(root.status().message()));
  InstrumentDocument instrument;
  instrument.code = root->RequiredString("code");
  instrument.version = root->RequiredString("version");
  instrument.title = root->RequiredString("title");
  instrument.publisher = root->RequiredString("publisher");
  instrument.value = RequiredWord<type::v1::Instrument>(*root, "instrument");
  instrument.age_from = static_cast<uint32_t>(root->OptionalInt("age_from", 0, 0, referral::kInstrumentAgeMax));
  instrument.age_to = static_cast<uint32_t>(root->OptionalInt("age_to", referral::kInstrumentAgeMax, 0, referral::kInstrumentAgeMax));
  instrument.from = OptionalTime(*root, "from", absl::InfinitePast());
  instrument.until = OptionalTime(*root, "until", absl::InfiniteFuture());
  instrument.graded_by = ReadGradedBy(*root);
  config::Table score = root->Section("score");
  instrument.counts = score.OptionalString("counts");
  instrument.not_known = score.OptionalString("not_known");
  instrument.not_known_many = static_cast<uint32_t>(score.OptionalInt("not_known_many", 0, 0, referral::kInstrumentQuestionsMax));
  for (config::Table& band : root->Tables("band")) {
    const auto at_least = static_cast<uint32_t>(band.RequiredInt("at_least", 0, referral::kInstrumentQuestionsMax));
    instrument.bands.push_back({at_least, RequiredWord<type::v1::RiskGrade>(band, "grade")});
  }
  ReadQuestions(*root, instrument);
  if (const absl::Status finished = root->Finish(); !finished.ok()) return Malformed(FromAbsl(finished.message()));
  if (const absl::Status valid = referral::ValidateInstrument(instrument); !valid.ok()) {
    return Malformed(fmt::format("{}: {}", name, FromAbsl(valid.message())));
  }
  return instrument;
}

absl::StatusOr<Instruments> LoadInstruments(const std::string& directory) {
  std::error_code error;
  std::vector<std::string> paths;
  for (std::filesystem::directory_iterator entry(directory, error), end; !error && entry != end; entry.increment(error)) {
    if (entry->path().extension() == ".toml") paths.push_back(entry->path().string());
  }
  if (error) return absl::NotFoundError(fmt::format("{}: is no directory that can be read", directory));
  if (paths.empty()) return absl::InvalidArgumentError(fmt::format("{}: has no documents of instruments (*.toml)", directory));
  std::sort(paths.begin(), paths.end());
  std::vector<InstrumentDocument> all;
  std::string wrong;
  for (const std::string& path : paths) {
    const auto text = ReadFile(path, kInstrumentTextBytesMax + 1);
    const auto instrument = text.ok() ? ParseInstrument(*text, path) : absl::StatusOr<InstrumentDocument>(text.status());
    if (instrument.ok()) {
      all.push_back(*instrument);
    } else {
      wrong += fmt::format("{}{}", wrong.empty() ? "" : "\n", FromAbsl(instrument.status().message()));
    }
  }
  if (!wrong.empty()) return absl::InvalidArgumentError(wrong);
  auto instruments = Instruments::Make(std::move(all));
  if (!instruments.ok()) return absl::InvalidArgumentError(fmt::format("{}: {}", directory, FromAbsl(instruments.status().message())));
  return instruments;
}

const Instruments& DefaultInstruments() {
  static const Instruments* const instruments = [] {
    std::vector<InstrumentDocument> all;
    for (const BuiltInInstrument& document : BuiltInInstruments()) {
      auto instrument = ParseInstrument(document.text, std::string(document.name));
      ACCORD_CHECK(instrument.ok());
      all.push_back(*std::move(instrument));
    }
    auto made = Instruments::Make(std::move(all));
    ACCORD_CHECK(made.ok());
    return new Instruments(*std::move(made));
  }();
  return *instruments;
}

}  // namespace accord::policy
