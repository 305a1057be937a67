#include "services/accordctl/checks_text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <vector>

#include "common/base/london_time.h"
#include "common/console/table.h"
#include "common/console/words.h"
#include "services/accordctl/references.h"

namespace accord::accordctl {
namespace {

std::string DueWords(int64_t ms) { return ms == 0 ? "-" : LondonDueText(absl::FromUnixMillis(ms)); }

}  // namespace

std::string ChecksProgress(const agency::v1::GetChecksResponse& checks) {
  const int asked = checks.rows_size();
  if (checks.answered() == static_cast<uint32_t>(asked)) return fmt::format("all {} have answered", asked);
  const std::string so_far = fmt::format("{} of {} answered", checks.answered(), asked);
  if (checks.due_at_ms() == 0) return so_far;
  if (checks.due()) return fmt::format("{}, its time is over since {}: this is the partial picture", so_far, DueWords(checks.due_at_ms()));
  return fmt::format("{}, due {}", so_far, DueWords(checks.due_at_ms()));
}

std::string ChecksText(const agency::v1::GetChecksResponse& checks, size_t width) {
  console::Table table({"agency", "answer", "reason", "answered", "due", "state", "responses"});
  for (const auto& row : checks.rows()) {
    const bool answered = row.answer() != type::v1::CHECK_ANSWER_UNSPECIFIED;
    std::vector<std::string> responses;
    for (const std::string& name : row.responses()) responses.push_back(ShortName(name));
    table.Add({row.agency(), answered ? console::Words(row.answer()) : "none yet",
               row.withheld_reason() == type::v1::NOT_SHARED_REASON_UNSPECIFIED ? "-" : console::Words(row.withheld_reason()),
               row.answered_at_ms() == 0 ? "-" : LondonText(absl::FromUnixMillis(row.answered_at_ms())),
               DueWords(row.due_at_ms()), row.state() == type::v1::REFERRAL_STATE_UNSPECIFIED ? "-" : console::Words(row.state()),
               responses.empty() ? "-" : fmt::format("{}", fmt::join(responses, ", "))});
  }
  const std::string grade = checks.grade() == type::v1::RISK_GRADE_UNSPECIFIED ? "no grade" : "risk " + console::Words(checks.grade());
  return fmt::format("{}; {}\n\n{}", ChecksProgress(checks), grade, table.ToString(width));
}

}  // namespace accord::accordctl
