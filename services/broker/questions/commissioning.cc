// What commissioners of services ask, by area and month: 101 and 102. Counts alone.
#include <algorithm>
#include <initializer_list>
#include <map>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "services/broker/questions/rows.h"
#include "services/broker/questions/themes.h"

namespace accord::broker {
namespace {

using inspection::v1::Table;
using enum inspection::v1::ColumnKind;

constexpr std::string_view kVersionsCountOnce =
    "What was corrected counts once, in the month in which its first version was stored, for each service that its newest version asks; what a service says of any version counts.";

// Calls `visit` with each Idva service that `facts` asks, in the areas that were asked for.
template <typename Visit>
void EachIdvaAsked(const QuestionInput& input, const ReferralFacts& facts, Visit visit) {
  for (const std::string& agency : RecipientsOfKind(input, facts, type::v1::AGENCY_KIND_IDVA)) {
    const std::string area = input.AreaOf(agency);
    const bool wanted = input.areas.empty() || std::find(input.areas.begin(), input.areas.end(), area) != input.areas.end();
    if (wanted) visit(agency, area);
  }
}

// The statements of `agency` of any of `kinds` on any version, in the order of the log: an older one can be answered after a newer one was.
std::vector<const FactEvent*> SaidBy(const VersionsOfOne& versions, const std::string& agency, std::initializer_list<type::v1::StatementKind> kinds) {
  std::vector<const FactEvent*> said;
  for (const ReferralFacts* facts : versions) {
    for (const FactEvent& event : facts->events) {
      const bool wanted = std::find(kinds.begin(), kinds.end(), event.event.statement()) != kinds.end();
      if (event.event.type() == type::v1::EVENT_TYPE_STATEMENT && wanted && event.agency == agency) said.push_back(&event);
    }
  }
  std::sort(said.begin(), said.end(), [](const FactEvent* a, const FactEvent* b) { return a->index < b->index; });
  return said;
}

// The last word of `agency` on whether it takes the referral on: it may decline what it had accepted. Null: none.
const FactEvent* LastTaken(const VersionsOfOne& versions, const std::string& agency) {
  const auto said = SaidBy(versions, agency, {type::v1::STATEMENT_KIND_ACCEPTED, type::v1::STATEMENT_KIND_DECLINED});
  return said.empty() ? nullptr : said.back();
}

struct Demand {
  uint64_t demand = 0, accepted = 0, waiting = 0, no_capacity = 0, declined_otherwise = 0, not_shared_no_room = 0, not_shared_otherwise = 0;
  RowEntries entries;
};

void AddDemand(Table& table, const std::string& area, const std::string& month, const Demand& demand) {
  AddAnswerRow(table, {area, month, CountCell(demand.demand), CountCell(demand.accepted), CountCell(demand.waiting), CountCell(demand.no_capacity),
                       CountCell(demand.declined_otherwise), PercentCell(demand.no_capacity, demand.demand), CountCell(demand.not_shared_no_room),
                       CountCell(demand.not_shared_otherwise)},
               demand.entries.all());
}

void CountDemand(const VersionsOfOne& versions, const std::string& agency, Demand& demand) {
  ++demand.demand;
  demand.entries.Add(versions.front()->stored_index);
  const FactEvent* const answer = LastTaken(versions, agency);
  if (answer != nullptr) demand.entries.Add(answer->index);
  if (answer == nullptr) {
    ++demand.waiting;
  } else if (answer->event.statement() == type::v1::STATEMENT_KIND_ACCEPTED) {
    ++demand.accepted;
  } else if (answer->statement.has_value() && answer->statement->decline_reason() == type::v1::DECLINE_REASON_NO_CAPACITY) {
    ++demand.no_capacity;
  } else {
    ++demand.declined_otherwise;
  }
}

using DemandByMonth = std::map<std::pair<std::string, std::string>, Demand>;  // By area and month.

// A decision not to share counts once in its area, however many services of it lacked room; in all as often as it counts in an area.
void CountNotSharedDemand(const QuestionInput& input, const ReferralFacts& facts, DemandByMonth& by_group, Demand& all) {
  std::set<std::string> areas;
  EachIdvaAsked(input, facts, [&](const std::string&, const std::string& area) { areas.insert(area); });
  for (const std::string& area : areas) {
    for (Demand* demand : {&by_group[{area, LondonMonth(facts.stored_ms)}], &all}) {
      const bool no_room = CoreOf(facts).not_shared_reason() == type::v1::NOT_SHARED_REASON_NO_CAPACITY;
      ++(no_room ? demand->not_shared_no_room : demand->not_shared_otherwise);
      demand->entries.Add(facts.stored_index);
    }
  }
}

void IdvaDemand(const QuestionInput& input, Table& table) {
  SetColumns(table, {{"area"}, {"month"}, {"demand", COLUMN_KIND_COUNT}, {"accepted", COLUMN_KIND_COUNT}, {"not_answered", COLUMN_KIND_COUNT},
                     {"declined_no_capacity", COLUMN_KIND_COUNT}, {"declined_otherwise", COLUMN_KIND_COUNT}, {"unmet_share", COLUMN_KIND_PERCENT},
                     {"not_shared_no_room", COLUMN_KIND_COUNT}, {"not_shared_otherwise", COLUMN_KIND_COUNT}});
  const Versions versions_of(input);
  DemandByMonth by_group;
  Demand all;
  for (const ReferralFacts* facts : input.referrals) {
    const auto type = CoreOf(*facts).type();
    if (type == type::v1::REFERRAL_TYPE_NOT_SHARED) {
      CountNotSharedDemand(input, *facts, by_group, all);
      continue;
    }
    if (type != type::v1::REFERRAL_TYPE_REFERRAL) continue;
    const VersionsOfOne versions = versions_of.From(*facts);
    EachIdvaAsked(input, *versions.back(), [&](const std::string& agency, const std::string& area) {
      CountDemand(versions, agency, by_group[{area, LondonMonth(facts->stored_ms)}]);
      CountDemand(versions, agency, all);
    });
  }
  for (const auto& [group, demand] : by_group) AddDemand(table, group.first, group.second, demand);
  if (!by_group.empty()) AddDemand(table, std::string(kTotalRow), "", all);
  table.add_notes("An area is the first of the Idva service, as the directory has it now; a month is London's. Each service that a referral asks counts once: that it is addressed to "
                  "and that was permitted something, and who stands in for another once it was handed over.");
  table.add_notes(std::string(kVersionsCountOnce));
  table.add_notes("A service's last word counts: it may decline what it had accepted. `not_answered` is what it neither accepted nor declined, also if it returned it, sent it on, or its sender "
                  "took it back.");
  table.add_notes("Unmet demand is what a service declined for want of capacity, and `not_shared_no_room`: what was not sent because every service that takes such a client had said "
                  "that it had no room, as the sender recorded it. What was neither sent nor recorded has no record in Accord.");
}

struct SupportOutcomes {
  uint64_t accepted = 0, open = 0, completed = 0, not_engaged = 0, moved = 0, otherwise = 0;
  RowEntries entries;
};

void AddOutcomes(Table& table, const std::string& area, const std::string& month, const SupportOutcomes& row) {
  AddAnswerRow(table, {area, month, CountCell(row.accepted), CountCell(row.open), CountCell(row.completed), CountCell(row.not_engaged), CountCell(row.moved),
                       CountCell(row.otherwise)},
               row.entries.all());
}

// Without a closing: with what the service declined after all what it had accepted, or the sender withdrew it. Null: neither.
const FactEvent* GivenUp(const VersionsOfOne& versions, const std::string& agency) {
  const FactEvent* const last = LastTaken(versions, agency);
  if (last != nullptr && last->event.statement() == type::v1::STATEMENT_KIND_DECLINED) return last;
  const auto withdrawn = SaidBy(versions, CoreOf(*versions.front()).sender(), {type::v1::STATEMENT_KIND_WITHDRAWN});
  return withdrawn.empty() ? nullptr : withdrawn.front();
}

// The last closing by `agency` after which it did not accept a newer version. Null: none.
const FactEvent* ClosedBy(const VersionsOfOne& versions, const std::string& agency) {
  const auto said = SaidBy(versions, agency, {type::v1::STATEMENT_KIND_ACCEPTED, type::v1::STATEMENT_KIND_CLOSED});
  return said.empty() || said.back()->event.statement() == type::v1::STATEMENT_KIND_ACCEPTED ? nullptr : said.back();
}

void CountOutcome(const VersionsOfOne& versions, const FactEvent& accepted, SupportOutcomes& row) {
  ++row.accepted;
  row.entries.Add(versions.front()->stored_index);
  row.entries.Add(accepted.index);
  const FactEvent* closed = ClosedBy(versions, accepted.agency);
  if (closed == nullptr) closed = GivenUp(versions, accepted.agency);
  if (closed != nullptr) row.entries.Add(closed->index);
  const auto reason = closed != nullptr && closed->statement.has_value() ? closed->statement->close_reason() : type::v1::CLOSE_REASON_UNSPECIFIED;
  if (closed == nullptr) {
    ++row.open;
  } else if (reason == type::v1::CLOSE_REASON_COMPLETED) {
    ++row.completed;
  } else if (reason == type::v1::CLOSE_REASON_NOT_ENGAGED) {
    ++row.not_engaged;
  } else if (reason == type::v1::CLOSE_REASON_MOVED_AWAY) {
    ++row.moved;
  } else {
    ++row.otherwise;
  }
}

void IdvaOutcomes(const QuestionInput& input, Table& table) {
  SetColumns(table, {{"area"}, {"month"}, {"accepted", COLUMN_KIND_COUNT}, {"open", COLUMN_KIND_COUNT}, {"completed", COLUMN_KIND_COUNT},
                     {"not_engaged", COLUMN_KIND_COUNT}, {"moved_away", COLUMN_KIND_COUNT}, {"closed_otherwise", COLUMN_KIND_COUNT}});
  const Versions versions_of(input);
  std::map<std::pair<std::string, std::string>, SupportOutcomes> by_group;
  SupportOutcomes all;
  for (const ReferralFacts* facts : input.referrals) {
    if (CoreOf(*facts).type() != type::v1::REFERRAL_TYPE_REFERRAL) continue;
    const VersionsOfOne versions = versions_of.From(*facts);
    EachIdvaAsked(input, *versions.back(), [&](const std::string& agency, const std::string& area) {
      const auto accepted = SaidBy(versions, agency, {type::v1::STATEMENT_KIND_ACCEPTED});
      if (accepted.empty()) return;
      CountOutcome(versions, *accepted.front(), by_group[{area, LondonMonth(facts->stored_ms)}]);
      CountOutcome(versions, *accepted.front(), all);
    });
  }
  for (const auto& [group, row] : by_group) AddOutcomes(table, group.first, group.second, row);
  if (!by_group.empty()) AddOutcomes(table, std::string(kTotalRow), "", all);
  table.add_notes(std::string(kVersionsCountOnce));
  table.add_notes("`closed_otherwise` has what the service declined after it had accepted it and what its sender withdrew, too.");
  table.add_notes("A month is that in which the referral was stored, not that in which it was closed. What came of the support itself is in sealed sections.");
}

}  // namespace

std::vector<Question> CommissioningQuestions() {
  return {
      {.number = 101,
       .title = "Demand for Idva support, and what was not met",
       .definition = "Referrals that ask an Idva service, by the service's area and the month: accepted, not answered, declined for want of capacity, declined otherwise; and decisions "
                     "recorded not to share with one, for want of room or otherwise.",
       .fields = {"REFERRAL_STORED time and decisions", "RELEASED", "NOT_SHARED_RECORDED", "STATEMENT ACCEPTED", "STATEMENT DECLINED", "STATEMENT CORRECTION",
                  "core.type", "core.caused_by", "core.not_shared_reason", "recipients"},
       .counts = true,
       .sums = {{"demand", {"accepted", "not_answered", "declined_no_capacity", "declined_otherwise"}}},
       .answer = IdvaDemand},
      {.number = 102,
       .title = "What came of Idva support",
       .definition = "Referrals that an Idva service accepted, by the service's area and the month: still open, or closed and why.",
       .fields = {"REFERRAL_STORED time and decisions", "RELEASED", "STATEMENT ACCEPTED", "STATEMENT CLOSED", "STATEMENT DECLINED", "STATEMENT WITHDRAWN", "STATEMENT CORRECTION",
                  "core.type", "core.caused_by", "recipients"},
       .counts = true,
       .sums = {{"accepted", {"open", "completed", "not_engaged", "moved_away", "closed_otherwise"}}},
       .answer = IdvaOutcomes},
  };
}

}  // namespace accord::broker
