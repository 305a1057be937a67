#include "services/accordctl/timeline_html.h"

#include <fmt/format.h>

#include "services/accordctl/case_pack_page.h"

namespace accord::accordctl {
namespace {

// The contrast of text is 7:1 at least in both schemes. Tables scroll by themselves on a narrow screen; print is black on white.
constexpr std::string_view kPageHead = R"(<!DOCTYPE html>
<html lang="en-GB"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'">
<meta name="referrer" content="no-referrer">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; --text: #111; --ground: #fff; --line: #767676; --soft: #f2f2f2; --bad: #8b0000; --note: #4a3b00 }}
@media (prefers-color-scheme: dark) {{ :root {{ --text: #f2f2f2; --ground: #121212; --line: #8c8c8c; --soft: #222; --bad: #ffb3b3; --note: #ffe08a }} }}
body {{ font: 1rem/1.45 sans-serif; margin: 2rem; color: var(--text); background: var(--ground) }}
h1 {{ font-size: 1.5rem; overflow-wrap: anywhere }} h2 {{ font-size: 1.25rem; margin-top: 2rem; break-after: avoid; overflow-wrap: anywhere }}
.wide {{ overflow-x: auto }}
table {{ border-collapse: collapse; width: 100% }} caption {{ text-align: left; font-weight: bold; padding: .4rem 0 }}
th, td {{ border: 1px solid var(--line); padding: .35rem .5rem; text-align: left; vertical-align: top }} thead th {{ background: var(--soft) }}
td.text {{ white-space: pre-line; overflow-wrap: anywhere }} tr {{ break-inside: avoid }}
ul {{ margin: 0; padding-left: 1.1rem }} .late {{ color: var(--bad); font-weight: bold }} .mark {{ color: var(--note); font-weight: bold }}
.silent td {{ background: var(--soft); font-style: italic }}
@media print {{ :root {{ --text: #000; --ground: #fff; --line: #000; --soft: #fff; --bad: #000; --note: #000 }} body {{ margin: 0 }} .wide {{ overflow: visible }} }}
</style></head><body>
)";

std::string Item(std::string_view text, bool late = false) {
  return late ? fmt::format("<li class=\"late\">{}</li>", Escaped(text)) : fmt::format("<li>{}</li>", Escaped(text));
}

std::string ListOf(const std::string& items, std::string_view otherwise) {
  return items.empty() ? Escaped(otherwise) : "<ul>" + items + "</ul>";
}

std::string PartyRow(const TimelineParty& party) {
  std::string gets, withheld, waits;
  for (const std::string& section : party.gets) gets += Item(section);
  for (const std::string& section : party.unsent) withheld += Item(section + ": " + std::string(kUnsentWords));
  for (const TimelineWithheld& one : party.withheld) {
    withheld += Item(fmt::format("{}: {}{}", one.section, one.verdict, one.reason.empty() ? "" : ", " + one.reason));
  }
  for (const TimelineWait& wait : party.waits) {
    const bool silent = !wait.done_ms.has_value() && !wait.over;
    waits += Item(fmt::format("{}: {}", wait.what, WaitText(wait)), wait.overdue() || silent);
  }
  return fmt::format("<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>\n", Escaped(party.agency), ListOf(gets, "nothing on the record"),
                     ListOf(withheld, "nothing withheld"), ListOf(waits, "-"), Escaped(party.stands.empty() ? "no statement" : party.stands));
}

std::string ReferralPart(const TimelineReferral& referral) {
  std::string text = fmt::format("<section><h2>Referral {}</h2>\n<p>From {}, {}, {}.{}</p>\n", Escaped(referral.digest.substr(0, 12)),
                                 Escaped(referral.sender.empty() ? "-" : referral.sender), Escaped(referral.recorded_as.empty() ? "first entry shown" : referral.recorded_as),
                                 TimelineTime(referral.time_ms), referral.agreement.empty() ? "" : " Agreements in force: " + Escaped(referral.agreement) + ".");
  if (referral.parties.empty()) return text + "<p>No recipient has a record in Accord here.</p></section>\n";
  text += "<div class=\"wide\"><table><caption>Who got what, why not, and how long each waited</caption>\n<thead><tr><th scope=\"col\">Recipient</th>"
          "<th scope=\"col\">Got</th><th scope=\"col\">Did not get, and why</th><th scope=\"col\">Waits and deadlines</th><th scope=\"col\">Stands</th></tr></thead>\n<tbody>\n";
  for (const TimelineParty& party : referral.parties) text += PartyRow(party);
  return text + "</tbody></table></div></section>\n";
}

std::string EventRow(const TimelineEvent& event) {
  std::string text;
  if (event.silent_before_days > 0) {
    text += fmt::format("<tr class=\"silent\"><td colspan=\"7\">No entry for {} days: no record in Accord.</td></tr>\n", event.silent_before_days);
  }
  const std::string_view mark = Word(event.mark);
  const bool late = event.mark == TimelineEvent::Mark::kOverdue;
  text += fmt::format(
      "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}{}</td><td class=\"text\">{}</td><td>{}</td><td class=\"text\">{}</td></tr>\n", TimelineTime(event.time_ms), event.entry,
      Escaped(event.referral.empty() ? "-" : event.referral), Escaped(event.what),
      mark.empty() ? "" : fmt::format(" <span class=\"{}\">[{}]</span>", late ? "late" : "mark", mark), Escaped(event.who), Escaped(event.to), Escaped(event.detail));
  return text;
}

}  // namespace

std::string TimelinePage(const Timeline& timeline) {
  std::string text = fmt::format(fmt::runtime(std::string(kPageHead)), fmt::arg("title", Escaped("Timeline: " + timeline.about)));
  text += fmt::format("<main>\n<h1>{}</h1>\n<p>From the record of Accord, across agencies. Times are London's.</p>\n", Escaped(timeline.about));
  if (!timeline.flags.empty()) {
    std::string flags;
    for (const std::string& flag : timeline.flags) flags += Item(flag);
    text += fmt::format("<section><h2>What the case rules found</h2>\n<ul>{}</ul></section>\n", flags);
  }
  for (const TimelineReferral& referral : timeline.referrals) text += ReferralPart(referral);
  text += "<section><h2>The course of events</h2>\n";
  if (timeline.events.empty()) {
    text += "<p>No record in Accord.</p>\n";
  } else {
    text += "<div class=\"wide\"><table><caption>Every entry, in the order of the log</caption>\n<thead><tr><th scope=\"col\">Time (London)</th><th scope=\"col\">Entry</th>"
            "<th scope=\"col\">Referral</th><th scope=\"col\">Event</th><th scope=\"col\">Who</th><th scope=\"col\">To</th><th scope=\"col\">Detail</th></tr></thead>\n<tbody>\n";
    for (const TimelineEvent& event : timeline.events) text += EventRow(event);
    text += "</tbody></table></div>\n";
  }
  text += "</section>\n<section><h2>How complete this is, and what proves it</h2>\n<ul>";
  for (const std::string& line : ProofText(timeline)) text += Item(line);
  return text + "</ul></section>\n</main>\n</body></html>\n";
}

}  // namespace accord::accordctl
