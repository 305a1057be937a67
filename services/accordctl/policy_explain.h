// Why something was shared or withheld, from the record: which entry decided it last, by which rule, under which versions. Pure.
// Thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "services/accordctl/trail_rows.h"

namespace accord::accordctl {

// A decision as an entry has it.
struct Explained {
  uint64_t index = 0;
  int64_t time_ms = 0;
  type::v1::EventType event = type::v1::EVENT_TYPE_UNSPECIFIED;
  std::string agreement_version;  // Of all that were in force, with commas; empty when none was.
  std::string emergency_version, law_version;  // Empty in entries from before they were kept.
  type::v1::SectionDecision decision;
};

// What is asked about; unset: all.
struct ExplainAbout {
  std::string recipient;
  std::optional<type::v1::Category> category;
  std::optional<int64_t> at_ms;  // As it stood then.
};

// Of each section and recipient the last decision that `rows`, a referral's trail, have; in the order in which they first came.
std::vector<Explained> LastDecisions(const std::vector<CheckedRow>& rows, const ExplainAbout& about);

// `2026-03-03`, to the end of that day, or a time as policy::ParseTime takes it.
std::optional<int64_t> ExplainTime(const std::string& text);

// Version and route of an agreement's rule id; nothing for other rules.
std::optional<std::pair<std::string, std::string>> RouteOfRule(const std::string& rule_id);
// The version of the emergency schedule's rule id; likewise.
std::optional<std::string> ScheduleOfRule(const std::string& rule_id);

// What whoever receives a section must keep to, a line each.
std::vector<std::string> ObligationLines(const type::v1::Obligations& obligations, type::v1::Regime regime);

// A table, decisions alike in one row, then what else each says: obligations, and what would change it.
std::string ExplainText(const std::vector<Explained>& decisions, size_t width);

}  // namespace accord::accordctl
