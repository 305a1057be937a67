#include "services/accordctl/warrant_text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "accord/admin/v1/admin_service.pb.h"
#include "common/base/bytes.h"
#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/console/table.h"
#include "common/console/words.h"
#include "services/accordctl/choices.h"
#include "services/accordctl/session.h"

namespace accord::accordctl {
namespace {

using inspection::v1::Look;
using inspection::v1::Warrant;
using inspection::v1::WarrantScope;

// "all", or the words.
std::string ListedText(const std::vector<std::string>& words) { return words.empty() ? "all" : fmt::format("{}", fmt::join(words, ", ")); }

template <typename Listed>
std::string AllOrListed(const Listed& listed) {
  return ListedText({listed.begin(), listed.end()});
}

std::string EventsText(const WarrantScope& scope) {
  std::vector<std::string> words;
  for (const int event : scope.events()) words.push_back(console::EnumWords(*type::v1::EventType_descriptor(), event));
  return ListedText(words);
}

std::string CasesText(const Warrant& warrant) {
  const auto& scope = warrant.scope();
  if (scope.sample_cases_max() > 0) return fmt::format("those drawn as samples: {} of at most {}", warrant.sample_cases(), scope.sample_cases_max());
  std::vector<std::string> words;
  for (const std::string& pseudonym : scope.cases()) words.push_back(ToHex(pseudonym));
  return ListedText(words);
}

std::string WarrantNextStep(const Warrant& warrant) {
  switch (warrant.state()) {
    case inspection::v1::WARRANT_STATE_PROPOSED:
      return fmt::format("Another officer activates it: accordctl warrant activate {}", warrant.id());
    case inspection::v1::WARRANT_STATE_SUSPENDED:
      return fmt::format("Another administrator may end the suspension: accordctl warrant resume {}", warrant.id());
    default:
      return "";
  }
}

std::string LookWords(const Look& look) {
  if (look.event() == type::v1::EVENT_TYPE_QUESTION_ASKED) return fmt::format("question {} asked", look.question());
  return console::Words(look.event());
}

// The one of `option`, midnight of a day or a time; 0 when it is not given and need not be.
absl::StatusOr<int64_t> TypedTime(const std::string& option, const std::string& text, bool needed) {
  if (!text.empty()) return TimeMs(option, text);
  return needed ? absl::StatusOr<int64_t>(UsageError(option + " is needed")) : 0;
}

}  // namespace

std::string ShutOutText(const inspection::v1::OfficerShutOut& officer) {
  if (!officer.suspended()) {
    return fmt::format("officer {} of your body may call again since {} (entry {})", console::Printable(officer.officer()), console::TimeText(officer.time_ms()), officer.index());
  }
  if (officer.reason() == admin::v1::SuspensionReason_Name(admin::v1::SUSPENSION_REASON_UNSPECIFIED)) {
    return fmt::format("officer {} of your body was SHUT OUT at {} by a change that two administrators made: inactive, or of another body; a change has no reason (entry {})",
                       console::Printable(officer.officer()), console::TimeText(officer.time_ms()), officer.index());
  }
  const auto reason = console::EnumFromWords(*admin::v1::SuspensionReason_descriptor(), officer.reason());
  return fmt::format("officer {} of your body was SHUT OUT by an administrator at {}: {} (entry {})", console::Printable(officer.officer()), console::TimeText(officer.time_ms()),
                     reason.has_value() ? console::EnumWords(*admin::v1::SuspensionReason_descriptor(), *reason) : console::Printable(officer.reason()), officer.index());
}

std::string WarrantStateText(const Warrant& warrant, int64_t now_ms) {
  switch (warrant.state()) {
    case inspection::v1::WARRANT_STATE_PROPOSED: return "waits for a second officer";
    case inspection::v1::WARRANT_STATE_ACTIVE:
      return now_ms < warrant.starts_ms() ? "begins " + console::TimeText(warrant.starts_ms()) : "in force";
    case inspection::v1::WARRANT_STATE_SUSPENDED: return "suspended: " + console::Words(warrant.suspension());
    case inspection::v1::WARRANT_STATE_ENDED: return warrant.ended_at_ms() == 0 ? "ended" : "ended " + console::TimeText(warrant.ended_at_ms());
    default: return console::Words(warrant.state());
  }
}

std::string WarrantText(const Warrant& warrant, int64_t now_ms, size_t width) {
  const auto& scope = warrant.scope();
  auto facts = console::Table::Facts();
  facts.Add({"warrant", warrant.id()});
  facts.Add({"state", WarrantStateText(warrant, now_ms)});
  facts.Add({"kind", console::Words(warrant.kind())});
  facts.Add({"body", warrant.inspectorate()});
  facts.Add({"officers", AllOrListed(warrant.officers())});
  facts.Add({"purpose", warrant.purpose()});
  facts.Add({"legal power", warrant.legal_power()});
  facts.Add({"in force", fmt::format("{} to {}", console::TimeText(warrant.starts_ms()), console::TimeText(warrant.ends_ms()))});
  facts.Add({"agencies see it", warrant.embargo_until_ms() == 0 ? "at once" : "from " + console::TimeText(warrant.embargo_until_ms())});
  facts.Add({"covers agencies", AllOrListed(scope.agencies())});
  facts.Add({"areas", AllOrListed(scope.areas())});
  facts.Add({"entries", fmt::format("{} to {}", console::TimeText(scope.from_ms()), console::TimeText(scope.until_ms()))});
  facts.Add({"events", EventsText(scope)});
  facts.Add({"cases", CasesText(warrant)});
  if (!warrant.proposed_by().empty()) facts.Add({"proposed", "by " + warrant.proposed_by()});
  if (!warrant.activated_by().empty()) {
    facts.Add({"activated", fmt::format("by {}, {}", warrant.activated_by(), console::TimeText(warrant.activated_at_ms()))});
  }
  if (!warrant.suspended_by().empty()) {
    facts.Add({"suspended", fmt::format("by {}, {}: {}", warrant.suspended_by(), console::TimeText(warrant.suspended_at_ms()),
                                        console::Words(warrant.suspension()))});
  }
  const std::string next = WarrantNextStep(warrant);
  return facts.ToString(width) + (next.empty() ? "" : next + "\n");
}

std::string WarrantTable(const std::vector<Warrant>& warrants, int64_t now_ms, size_t width) {
  if (warrants.empty()) return "No warrants.\n";
  console::Table table({"warrant", "state", "kind", "body", "legal power", "purpose", "in force"});
  table.KeepWhole(0);
  for (const Warrant& warrant : warrants) {
    table.Add({warrant.id(), WarrantStateText(warrant, now_ms), console::Words(warrant.kind()), warrant.inspectorate(), warrant.legal_power(),
               warrant.purpose(), fmt::format("{} to {}", console::TimeText(warrant.starts_ms()), console::TimeText(warrant.ends_ms()))});
  }
  return table.ToString(width);
}

std::string LookTable(const std::vector<Look>& looks, size_t width) {
  if (looks.empty()) return console::Paragraph("No look of an inspector is to be seen: there was none that concerns this agency, or its embargo is not over.", width);
  console::Table table({"time", "who", "warrant", "legal power", "what", "referral", "entry"});
  for (const Look& look : looks) {
    table.Add({console::TimeText(look.time_ms()), look.inspectorate(), look.warrant(), look.legal_power(), LookWords(look),
               look.referral().empty() ? "-" : look.referral(), fmt::to_string(look.index())});
  }
  return table.ToString(width);
}

absl::StatusOr<Warrant> WarrantFrom(const WarrantOptions& options) {
  Warrant warrant;
  warrant.set_id(options.id);
  warrant.set_kind(Value<inspection::v1::WarrantKind>(options.kind));
  warrant.set_inspectorate(options.inspectorate);
  warrant.set_purpose(options.purpose);
  warrant.set_legal_power(options.power);
  for (const std::string& officer : options.officers) warrant.add_officers(officer);
  for (const auto& [option, text] : {std::pair<const char*, const std::string&>{"--id", options.id}, {"--kind", options.kind},
                                     {"--body", options.inspectorate}, {"--for", options.purpose}, {"--power", options.power}}) {
    if (text.empty()) return UsageError(fmt::format("{} is needed, or a FILE", option));
  }
  auto& scope = *warrant.mutable_scope();
  for (const std::string& agency : options.agencies) scope.add_agencies(agency);
  for (const std::string& area : options.areas) scope.add_areas(area);
  for (const std::string& event : options.events) scope.add_events(Value<type::v1::EventType>(event));
  for (const std::string& hex : options.cases) {
    const auto pseudonym = FromHex(hex);
    if (!pseudonym.has_value() || pseudonym->size() != kIdBytes) return UsageError("--case: the 32 hex digits of a pseudonym are needed");
    scope.add_cases(*pseudonym);
  }
  scope.set_sample_cases_max(static_cast<uint32_t>(options.sample));
  ACCORD_ASSIGN_OR_RETURN(const int64_t from, TypedTime("--from", options.from, true));
  ACCORD_ASSIGN_OR_RETURN(const int64_t until, TypedTime("--until", options.until, true));
  ACCORD_ASSIGN_OR_RETURN(const int64_t starts, TypedTime("--starts", options.starts, true));
  ACCORD_ASSIGN_OR_RETURN(const int64_t ends, TypedTime("--ends", options.ends, true));
  ACCORD_ASSIGN_OR_RETURN(const int64_t embargo, TypedTime("--embargo", options.embargo, false));
  scope.set_from_ms(from);
  scope.set_until_ms(until);
  warrant.set_starts_ms(starts);
  warrant.set_ends_ms(ends);
  warrant.set_embargo_until_ms(embargo);
  return warrant;
}

}  // namespace accord::accordctl
