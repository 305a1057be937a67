// A timeline for the terminal, and as JSON.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "common/console/table.h"
#include "common/console/words.h"
#include "services/accordctl/timeline.h"

namespace accord::accordctl {
namespace {

constexpr size_t kNarrowBelow = 110;

std::string SilenceText(const TimelineEvent& event) { return fmt::format("NO ENTRY FOR {} DAYS", event.silent_before_days); }

std::string MarkedText(const TimelineEvent& event) {
  const std::string_view mark = Word(event.mark);
  return mark.empty() ? event.what : fmt::format("{} [{}]", event.what, mark);
}

std::string TimelineParagraph(std::string_view words, size_t width) {
  return console::Paragraph(console::Printable(words), width);
}

// Seven columns have no room on a terminal of 80: fewer, with more lines each.
std::string NarrowEvents(const Timeline& timeline, size_t width) {
  console::Table events({"time (London)", "event", "who", "detail"});
  for (const TimelineEvent& event : timeline.events) {
    if (event.silent_before_days > 0) events.Add({"", SilenceText(event), "", "no record in Accord"});
    events.Add({fmt::format("{}\nentry {}{}", TimelineTime(event.time_ms), event.entry, event.referral.empty() ? "" : "\n" + event.referral), MarkedText(event),
                event.to == "-" ? event.who : fmt::format("{}\nto {}", event.who, event.to), event.detail});
  }
  return events.empty() ? "" : events.ToString(width);
}

std::string WideEvents(const Timeline& timeline, size_t width) {
  console::Table events({"time (London)", "entry", "referral", "event", "who", "to", "detail"});
  for (const TimelineEvent& event : timeline.events) {
    if (event.silent_before_days > 0) events.Add({"", "", "", SilenceText(event), "", "", "no record in Accord"});
    events.Add({TimelineTime(event.time_ms), std::to_string(event.entry), event.referral.empty() ? "-" : event.referral, MarkedText(event), event.who, event.to, event.detail});
  }
  return events.empty() ? "" : events.ToString(width);
}

std::string ReferralText(const TimelineReferral& referral, size_t width) {
  std::string text = TimelineParagraph(fmt::format("Referral {} from {}, {} {}", referral.digest.substr(0, 12), referral.sender.empty() ? "-" : referral.sender,
                                           referral.recorded_as.empty() ? "first entry shown" : referral.recorded_as, TimelineTime(referral.time_ms)),
                               width);
  if (!referral.agreement.empty()) text += TimelineParagraph("Agreements in force: " + referral.agreement, width);
  const bool narrow = width < kNarrowBelow;
  std::vector<std::string> headings = {"recipient", "got", "did not get, and why", "waits"};
  if (!narrow) headings.emplace_back("stands");
  console::Table table(std::move(headings));
  for (const TimelineParty& party : referral.parties) {
    std::vector<std::string> withheld, waits;
    for (const std::string& section : party.unsent) withheld.push_back(fmt::format("{}: {}", section, kUnsentWords));
    for (const TimelineWithheld& one : party.withheld) withheld.push_back(fmt::format("{}: {}{}", one.section, one.verdict, one.reason.empty() ? "" : ", " + one.reason));
    for (const TimelineWait& wait : party.waits) waits.push_back(fmt::format("{}: {}", wait.what, WaitText(wait)));
    const std::string stands = party.stands.empty() ? "no statement" : party.stands;
    std::vector<std::string> cells = {narrow ? fmt::format("{}\nstands: {}", party.agency, stands) : party.agency,
                                      party.gets.empty() ? "-" : fmt::format("{}", fmt::join(party.gets, ", ")),
                                      withheld.empty() ? "-" : fmt::format("{}", fmt::join(withheld, "\n")), waits.empty() ? "-" : fmt::format("{}", fmt::join(waits, "\n"))};
    if (!narrow) cells.push_back(stands);
    table.Add(std::move(cells));
  }
  return text + (table.empty() ? "" : table.ToString(width)) + "\n";
}

}  // namespace

std::string TimelineText(const Timeline& timeline, size_t width) {
  std::string text = TimelineParagraph(timeline.about, width) + "\n";
  for (const TimelineReferral& referral : timeline.referrals) text += ReferralText(referral, width);
  if (!timeline.flags.empty()) text += TimelineParagraph(fmt::format("The case rules found: {}.", fmt::join(timeline.flags, "; ")), width) + "\n";
  const std::string events = width < kNarrowBelow ? NarrowEvents(timeline, width) : WideEvents(timeline, width);
  text += (events.empty() ? "No record in Accord.\n" : events) + "\n";
  for (const std::string& line : ProofText(timeline)) text += TimelineParagraph(line, width);
  return text;
}

nlohmann::json TimelineJson(const Timeline& timeline) {
  using nlohmann::json;
  json referrals = json::array(), events = json::array();
  for (const TimelineReferral& referral : timeline.referrals) {
    json parties = json::array();
    for (const TimelineParty& party : referral.parties) {
      json withheld = json::array(), waits = json::array();
      for (const TimelineWithheld& one : party.withheld) withheld.push_back({{"section", one.section}, {"verdict", one.verdict}, {"reason", one.reason}});
      for (const TimelineWait& wait : party.waits) {
        waits.push_back({{"what", wait.what},
                         {"fromMs", wait.from_ms},
                         {"doneMs", wait.done_ms.has_value() ? json(*wait.done_ms) : json()},
                         {"openMs", wait.open_ms > 0 ? json(wait.open_ms) : json()},
                         {"dueMs", wait.due_ms > 0 ? json(wait.due_ms) : json()},
                         {"overdue", wait.overdue()},
                         {"overdueEntries", wait.reminders},
                         {"clockVersion", wait.clock_version}});
      }
      parties.push_back({{"agency", party.agency}, {"gets", party.gets}, {"permittedNotSent", party.unsent}, {"withheld", withheld}, {"waits", waits}, {"stands", party.stands}, {"noRecord", party.silent}});
    }
    referrals.push_back({{"referral", "referrals/" + referral.digest},
                         {"sender", referral.sender},
                         {"recordedAs", referral.recorded_as},
                         {"agreement", referral.agreement},
                         {"timeMs", referral.time_ms},
                         {"recipients", parties}});
  }
  for (const TimelineEvent& event : timeline.events) {
    events.push_back({{"entry", event.entry},
                      {"timeMs", event.time_ms},
                      {"what", event.what},
                      {"who", event.who},
                      {"to", event.to},
                      {"detail", event.detail},
                      {"referral", event.referral},
                      {"mark", Word(event.mark)},
                      {"silentDaysBefore", event.silent_before_days}});
  }
  const TimelineProof& proof = timeline.proof;
  return {{"about", timeline.about},
          {"referrals", referrals},
          {"events", events},
          {"flags", timeline.flags},
          {"erased", timeline.erased},
          {"notShown", timeline.closed},
          {"ofOtherReferrals", timeline.left_out},
          {"proof",
           {{"origin", proof.origin},
            {"completeness", proof.completeness},
            {"queryIndex", proof.query_index},
            {"everyEntryHere", proof.every_entry},
            {"checkpointSize", proof.checkpoint_size},
            {"root", proof.checkpoint_root}}}};
}

}  // namespace accord::accordctl
