// A timeline for the terminal, and as JSON.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "common/console/table.h"
#include "services/accordctl/timeline.h"

namespace accord::accordctl {
namespace {

std::string ReferralText(const TimelineReferral& referral, size_t width) {
  std::string text = fmt::format("Referral {} from {}, {}{}\n", referral.digest.substr(0, 12), referral.sender.empty() ? "-" : referral.sender,
                                 referral.recorded_as.empty() ? "first entry shown" : referral.recorded_as, " " + TimelineTime(referral.time_ms));
  if (!referral.agreement.empty()) text += fmt::format("Agreements in force: {}\n", referral.agreement);
  console::Table table({"recipient", "got", "did not get, and why", "waits", "stands"});
  for (const TimelineParty& party : referral.parties) {
    std::vector<std::string> withheld, waits;
    for (const TimelineWithheld& one : party.withheld) withheld.push_back(fmt::format("{}: {}{}", one.section, one.verdict, one.reason.empty() ? "" : ", " + one.reason));
    for (const TimelineWait& wait : party.waits) waits.push_back(fmt::format("{}: {}", wait.what, WaitText(wait)));
    table.Add({party.agency, party.gets.empty() ? "-" : fmt::format("{}", fmt::join(party.gets, ", ")),
               withheld.empty() ? "-" : fmt::format("{}", fmt::join(withheld, "\n")), waits.empty() ? "-" : fmt::format("{}", fmt::join(waits, "\n")),
               party.stands.empty() ? "no statement" : party.stands});
  }
  return text + (table.empty() ? "" : table.ToString(width)) + "\n";
}

}  // namespace

std::string TimelineText(const Timeline& timeline, size_t width) {
  std::string text = timeline.about + "\n\n";
  for (const TimelineReferral& referral : timeline.referrals) text += ReferralText(referral, width);
  if (!timeline.flags.empty()) text += fmt::format("The case rules found: {}.\n\n", fmt::join(timeline.flags, "; "));
  console::Table events({"time (London)", "entry", "referral", "event", "who", "to", "detail"});
  for (const TimelineEvent& event : timeline.events) {
    if (event.silent_before_days > 0) events.Add({"", "", "", fmt::format("NO ENTRY FOR {} DAYS", event.silent_before_days), "", "", "no record in Accord"});
    const std::string mark(Word(event.mark));
    events.Add({TimelineTime(event.time_ms), std::to_string(event.entry), event.referral.empty() ? "-" : event.referral,
                mark.empty() ? event.what : fmt::format("{} [{}]", event.what, mark), event.who, event.to, event.detail});
  }
  text += (events.empty() ? "No record in Accord.\n" : events.ToString(width)) + "\n";
  for (const std::string& line : ProofText(timeline)) {
    for (const std::string& part : console::Wrap(line, width)) text += part + "\n";
  }
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
                         {"dueMs", wait.due_ms > 0 ? json(wait.due_ms) : json()},
                         {"overdue", wait.overdue()},
                         {"overdueEntries", wait.reminders},
                         {"clockVersion", wait.clock_version}});
      }
      parties.push_back({{"agency", party.agency}, {"gets", party.gets}, {"withheld", withheld}, {"waits", waits}, {"stands", party.stands}, {"noRecord", party.silent}});
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
          {"proof",
           {{"origin", proof.origin},
            {"completeness", proof.completeness},
            {"queryIndex", proof.query_index},
            {"everyEntryHere", proof.every_entry},
            {"checkpointSize", proof.checkpoint_size},
            {"root", proof.checkpoint_root}}}};
}

}  // namespace accord::accordctl
