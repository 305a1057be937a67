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

// A verdict that this program does not know is no "yes" and looks like none.
console::Cell Words(const type::v1::SectionDecision& decision) {
  switch (decision.verdict()) {
    case type::v1::VERDICT_PERMIT:
      if (decision.emergency_gap()) return {"yes, emergency", console::Colour::kYellow};
      return {"yes", console::Colour::kGreen};
    case type::v1::VERDICT_NEEDS_BASIS: return {"needs basis", console::Colour::kYellow};
    case type::v1::VERDICT_REFUSE: return {"refused", console::Colour::kBoldRed};
    case type::v1::VERDICT_WITHHOLD: return {"no", console::Colour::kRed};
    default: return {console::Words(decision.verdict()), console::Colour::kRed};
  }
}

// What would permit it: one alternative a line, each of all its changes. The words follow the changes of the sets, one by one; where
// a broker gives no sets, or not as many words, nothing is said of what belongs together.
std::string DecisionChangeText(const type::v1::SectionDecision& decision) {
  const auto& words = decision.what_would_change_it();
  if (words.empty()) return "nothing";
  int in_sets = 0;
  for (const auto& set : decision.changes()) in_sets += set.changes_size();
  if (in_sets != words.size()) return fmt::format("{}", fmt::join(words, "\n"));
  std::vector<std::string> alternatives;
  auto next = words.begin();
  for (const auto& set : decision.changes()) {
    alternatives.push_back(fmt::format("{}", fmt::join(next, next + set.changes_size(), "\nand: ")));
    next += set.changes_size();
  }
  return fmt::format("{}", fmt::join(alternatives, "\nor: "));
}

bool HasReason(const type::v1::SectionDecision& decision) {
  return decision.verdict() != type::v1::VERDICT_PERMIT || decision.emergency_gap();
}

// One reason: what it is given of, and of whom.
struct Row {
  console::Cell verdict;
  std::vector<std::string> recipients;
  std::string sections, why, change;
};

// The reasons, numbered from 1 by their place, and which of them each section and recipient has.
struct Reasons {
  std::vector<Row> rows;
  std::map<std::pair<std::string, std::string>, size_t> number;  // By section id and recipient.
};

Reasons ReasonsOf(const Decisions& decisions) {
  const auto sections = SectionsOf(decisions);
  struct Group {
    std::vector<std::string> labels, ids;
    const type::v1::SectionDecision* decision;
  };
  std::vector<Group> groups;  // Of one recipient and reason each.
  for (const auto& decision : decisions) {
    if (!HasReason(decision)) continue;
    const auto same = std::find_if(groups.begin(), groups.end(), [&](const Group& group) {
      const auto& other = *group.decision;
      return std::tie(other.recipient(), other.rule_id(), other.reason()) ==
                 std::tie(decision.recipient(), decision.rule_id(), decision.reason()) &&
             other.verdict() == decision.verdict() &&
             DecisionChangeText(other) == DecisionChangeText(decision);
    });
    Group& group = same == groups.end() ? groups.emplace_back(Group{{}, {}, &decision}) : *same;
    group.labels.push_back(LabelOf(sections, decision.section_id()));
    group.ids.push_back(decision.section_id());
  }
  Reasons reasons;
  for (const Group& group : groups) {
    const auto& decision = *group.decision;
    const bool permitted = decision.verdict() == type::v1::VERDICT_PERMIT;
    Row row{Words(decision), {decision.recipient()}, fmt::format("{}", fmt::join(group.labels, ", ")),
            fmt::format("{} [{}]", decision.reason(), decision.rule_id()),
            permitted ? "-" : DecisionChangeText(decision)};
    // Recipients of whom the same is said share a row.
    auto same = std::find_if(reasons.rows.begin(), reasons.rows.end(), [&](const Row& other) {
      return std::tie(other.verdict.text, other.sections, other.why, other.change) ==
             std::tie(row.verdict.text, row.sections, row.why, row.change);
    });
    if (same == reasons.rows.end()) {
      same = reasons.rows.insert(reasons.rows.end(), std::move(row));
    } else {
      same->recipients.push_back(decision.recipient());
    }
    for (const std::string& id : group.ids) {
      reasons.number[{id, decision.recipient()}] = static_cast<size_t>(same - reasons.rows.begin()) + 1;
    }
  }
  return reasons;
}

std::string Matrix(const Decisions& decisions, const Reasons& reasons, size_t width, bool colour) {
  std::vector<std::string> headings = {"section"};
  std::map<std::pair<std::string, std::string>, console::Cell> cells;  // By section and recipient.
  for (const auto& decision : decisions) {
    if (std::find(headings.begin() + 1, headings.end(), decision.recipient()) == headings.end()) {
      headings.push_back(decision.recipient());
    }
    const std::pair key(decision.section_id(), decision.recipient());
    console::Cell& cell = cells[key] = Words(decision);
    const auto number = reasons.number.find(key);
    if (number != reasons.number.end()) cell.text += fmt::format(" ({})", number->second);
    if (!colour) cell.colour = console::Colour::kPlain;
  }
  console::Table table(headings);
  for (const Section& section : SectionsOf(decisions)) {
    std::vector<console::Cell> row = {{section.label}};
    for (size_t i = 1; i < headings.size(); ++i) {
      const auto found = cells.find({section.id, headings[i]});
      row.push_back(found == cells.end() ? console::Cell{"-"} : found->second);
    }
    table.AddColoured(std::move(row));
  }
  return table.ToString(width, kIndent);
}

std::string ReasonsText(const Reasons& reasons, size_t width, bool colour) {
  if (reasons.rows.empty()) return "  Nothing is withheld.\n";
  console::Table table({"", "recipient", "verdict", "sections", "why", "what would change it"});
  for (size_t i = 0; i < reasons.rows.size(); ++i) {
    const Row& row = reasons.rows[i];
    table.AddColoured({{fmt::format("({})", i + 1)},
                       {fmt::format("{}", fmt::join(row.recipients, ", "))},
                       {row.verdict.text, colour ? row.verdict.colour : console::Colour::kPlain},
                       {row.sections},
                       {row.why},
                       {row.change}});
  }
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

std::string DecisionText(const Decisions& decisions, size_t width, bool colour) {
  if (decisions.empty()) return "  Nothing is decided yet.\n";
  const Reasons reasons = ReasonsOf(decisions);
  return Matrix(decisions, reasons, width, colour) + "\n" + ReasonsText(reasons, width, colour);
}

}  // namespace accord::accordctl
