#include "services/accordctl/decision_table.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <tuple>

#include "common/console/table.h"
#include "common/console/words.h"

namespace accord::accordctl {
namespace {

constexpr size_t kIndent = 2;

// A section's id and how it is called.
struct Section {
  std::string id, label;
};

std::vector<Section> SectionsOf(const Decisions& decisions) {
  std::vector<Section> sections;
  std::map<int, int> of_category;
  for (const auto& decision : decisions) {
    if (std::any_of(sections.begin(), sections.end(), [&](const Section& s) { return s.id == decision.section_id(); }))
      continue;
    const int number = ++of_category[decision.category()];
    const std::string words = console::Words(decision.category());
    sections.push_back({decision.section_id(), number == 1 ? words : fmt::format("{} {}", words, number)});
  }
  return sections;
}

const std::string& LabelOf(const std::vector<Section>& sections, const std::string& id) {
  return std::find_if(sections.begin(), sections.end(), [&](const Section& s) { return s.id == id; })->label;
}

std::string VerdictWords(type::v1::Verdict verdict) {
  switch (verdict) {
    case type::v1::VERDICT_PERMIT: return "yes";
    case type::v1::VERDICT_WITHHOLD: return "no";
    default: return console::Words(verdict);
  }
}

std::string Matrix(const Decisions& decisions, size_t width) {
  const auto sections = SectionsOf(decisions);
  std::vector<std::string> headings = {"section"};
  std::map<std::pair<std::string, std::string>, std::string> verdicts;  // By section and recipient.
  for (const auto& decision : decisions) {
    if (std::find(headings.begin() + 1, headings.end(), decision.recipient()) == headings.end()) {
      headings.push_back(decision.recipient());
    }
    verdicts[{decision.section_id(), decision.recipient()}] = VerdictWords(decision.verdict());
  }
  console::Table table(headings);
  for (const Section& section : sections) {
    std::vector<std::string> cells = {section.label};
    for (size_t i = 1; i < headings.size(); ++i) {
      const auto found = verdicts.find({section.id, headings[i]});
      cells.push_back(found == verdicts.end() ? "-" : found->second);
    }
    table.Add(std::move(cells));
  }
  return table.ToString(width, kIndent);
}

std::string WhyNot(const Decisions& decisions, size_t width) {
  const auto sections = SectionsOf(decisions);
  struct Group {
    std::vector<std::string> labels;
    const type::v1::SectionDecision* decision;
  };
  std::vector<Group> groups;
  for (const auto& decision : decisions) {
    if (decision.verdict() == type::v1::VERDICT_PERMIT) continue;
    const auto same = std::find_if(groups.begin(), groups.end(), [&](const Group& group) {
      const auto& other = *group.decision;
      return std::tie(other.recipient(), other.rule_id(), other.reason()) ==
                 std::tie(decision.recipient(), decision.rule_id(), decision.reason()) &&
             other.verdict() == decision.verdict() &&
             std::equal(other.what_would_change_it().begin(), other.what_would_change_it().end(),
                        decision.what_would_change_it().begin(), decision.what_would_change_it().end());
    });
    Group& group = same == groups.end() ? groups.emplace_back(Group{{}, &decision}) : *same;
    group.labels.push_back(LabelOf(sections, decision.section_id()));
  }
  if (groups.empty()) return "  Nothing is withheld.\n";
  // Recipients of whom the same is said share a row.
  std::vector<std::vector<std::string>> rows;
  for (const Group& group : groups) {
    const auto& decision = *group.decision;
    const auto& changes = decision.what_would_change_it();
    std::vector<std::string> row = {decision.recipient(), fmt::format("{}", fmt::join(group.labels, ", ")),
                                    fmt::format("{} [{}]", decision.reason(), decision.rule_id()),
                                    changes.empty() ? "nothing" : fmt::format("{}", fmt::join(changes, "\nor: "))};
    const auto same = std::find_if(rows.begin(), rows.end(), [&](const auto& other) {
      return std::equal(row.begin() + 1, row.end(), other.begin() + 1, other.end());
    });
    same == rows.end() ? rows.push_back(std::move(row)) : void((*same)[0] += ", " + row[0]);
  }
  console::Table table({"recipient", "does not get", "why", "what would change it"});
  for (auto& row : rows) table.Add(std::move(row));
  return table.ToString(width, kIndent);
}

}  // namespace

std::vector<RecipientShare> SharesOf(const Decisions& decisions) {
  const auto sections = SectionsOf(decisions);
  std::vector<RecipientShare> shares;
  for (const auto& decision : decisions) {
    auto share =
        std::find_if(shares.begin(), shares.end(), [&](const auto& s) { return s.recipient == decision.recipient(); });
    if (share == shares.end()) share = shares.insert(shares.end(), {decision.recipient(), {}, {}});
    auto& list = decision.verdict() == type::v1::VERDICT_PERMIT ? share->gets : share->does_not_get;
    list.push_back(LabelOf(sections, decision.section_id()));
  }
  return shares;
}

std::string DecisionText(const Decisions& decisions, size_t width) {
  if (decisions.empty()) return "  Nothing is decided yet.\n";
  return Matrix(decisions, width) + "\n" + WhyNot(decisions, width);
}

}  // namespace accord::accordctl
