#include "services/accordctl/waiting_text.h"

#include <fmt/format.h>

#include "common/base/london_time.h"
#include "common/console/table.h"
#include "common/console/words.h"

namespace accord::accordctl {

std::string WaitingText(const agency::v1::GetServiceStatusResponse& status, const std::vector<agency::v1::WaitingItem>& items, absl::Time now,
                        size_t width) {
  std::string text;
  const auto say = [&](const std::string& sentence) { text += console::Paragraph(sentence, width); };
  if (!status.waiting_for().empty()) say("Why: " + console::Printable(status.waiting_for()));
  if (status.away_since_ms() != 0) {
    const absl::Time since = absl::FromUnixMillis(status.away_since_ms());
    say(fmt::format("The broker has not answered for {}, since {}.", AboutText(now - since), console::TimeText(status.away_since_ms())));
  }
  if (status.certificate_until_ms() != 0) {
    const absl::Time until = absl::FromUnixMillis(status.certificate_until_ms());
    if (until <= now) {
      say(fmt::format("The certificate for calls to the broker ended {}: put a new one in its place (runbooks/outbox.md).",
                      console::TimeText(status.certificate_until_ms())));
    } else if (until - now <= kCertificateSoon) {
      say(fmt::format("The certificate for calls to the broker ends {}, in {}.", console::TimeText(status.certificate_until_ms()), AboutText(until - now)));
    }
  }
  if (items.empty()) return text + "Nothing waits.\n";
  console::Table table({"since", "what", "about", "tries", "reason", "what to do"});
  table.KeepWhole(2);
  for (const auto& item : items) {
    table.Add({console::TimeText(item.since_ms()), console::Words(item.kind()), item.about(), item.attempts() == 0 ? "-" : fmt::to_string(item.attempts()),
               item.reason().empty() ? "-" : item.reason(), fmt::format("{}{}", item.needs_person() ? "A PERSON: " : "", item.words())});
  }
  return text + table.ToString(width);
}

}  // namespace accord::accordctl
