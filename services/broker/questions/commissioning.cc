// What commissioners of services ask, by area and month: 101 and 102. Counts alone.
#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "services/broker/questions/rows.h"
#include "services/broker/questions/themes.h"

namespace accord::broker {
namespace {

using inspection::v1::Table;
using enum inspection::v1::ColumnKind;

// Calls `visit` with each Idva service that a referral of the period asks, in the areas that were asked for.
template <typename Visit>
void EachIdvaAsked(const QuestionInput& input, const ReferralFacts& facts, Visit visit) {
  for (const std::string& agency : RecipientsOfKind(input, facts, type::v1::AGENCY_KIND_IDVA)) {
    const std::string area = input.AreaOf(agency);
    const bool wanted = input.areas.empty() || std::find(input.areas.begin(), input.areas.end(), area) != input.areas.end();
    if (wanted) visit(agency, area);
  }
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

void CountDemand(const ReferralFacts& facts, const std::string& agency, Demand& demand) {
  ++demand.demand;
  demand.entries.Add(facts.stored_index);
  const FactEvent* const accepted = facts.FirstStatement(type::v1::STATEMENT_KIND_ACCEPTED, agency);
  const FactEvent* const declined = facts.FirstStatement(type::v1::STATEMENT_KIND_DECLINED, agency);
  if (const FactEvent* const answer = accepted != nullptr ? accepted : declined; answer != nullptr) demand.entries.Add(answer->index);
  if (accepted != nullptr) {
    ++demand.accepted;
  } else if (declined == nullptr) {
    ++demand.waiting;
  } else if (declined->statement.has_value() && declined->statement->decline_reason() == type::v1::DECLINE_REASON_NO_CAPACITY) {
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
  DemandByMonth by_group;
  Demand all;
  for (const ReferralFacts* facts : input.referrals) {
    const auto type = CoreOf(*facts).type();
    if (type == type::v1::REFERRAL_TYPE_NOT_SHARED) {
      CountNotSharedDemand(input, *facts, by_group, all);
      continue;
    }
    if (type != type::v1::REFERRAL_TYPE_REFERRAL) continue;
    EachIdvaAsked(input, *facts, [&](const std::string& agency, const std::string& area) {
      CountDemand(*facts, agency, by_group[{area, LondonMonth(facts->stored_ms)}]);
      CountDemand(*facts, agency, all);
    });
  }
  for (const auto& [group, demand] : by_group) AddDemand(table, group.first, group.second, demand);
  if (!by_group.empty()) AddDemand(table, std::string(kTotalRow), "", all);
  table.add_notes("An area is the first of the Idva service, as the directory has it now; a month is London's. Each service that a referral asks counts once: that it is addressed to "
                  "and that was permitted something, and who stands in for another once it was handed over.");
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

void CountOutcome(const ReferralFacts& facts, const FactEvent& accepted, SupportOutcomes& row) {
  ++row.accepted;
  row.entries.Add(facts.stored_index);
  row.entries.Add(accepted.index);
  const FactEvent* const closed = facts.FirstStatement(type::v1::STATEMENT_KIND_CLOSED, accepted.agency);
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
  std::map<std::pair<std::string, std::string>, SupportOutcomes> by_group;
  SupportOutcomes all;
  for (const ReferralFacts* facts : input.referrals) {
    if (CoreOf(*facts).type() != type::v1::REFERRAL_TYPE_REFERRAL) continue;
    EachIdvaAsked(input, *facts, [&](const std::string& agency, const std::string& area) {
      const FactEvent* const accepted = facts->FirstStatement(type::v1::STATEMENT_KIND_ACCEPTED, agency);
      if (accepted == nullptr) return;
      CountOutcome(*facts, *accepted, by_group[{area, LondonMonth(facts->stored_ms)}]);
      CountOutcome(*facts, *accepted, all);
    });
  }
  for (const auto& [group, row] : by_group) AddOutcomes(table, group.first, group.second, row);
  if (!by_group.empty()) AddOutcomes(table, std::string(kTotalRow), "", all);
  table.add_notes("A month is that in which the referral was stored, not that in which it was closed. What came of the support itself is in sealed sections.");
}

}  // namespace

std::vector<Question> CommissioningQuestions() {
  return {
      {.number = 101,
       .title = "Demand for Idva support, and what was not met",
       .definition = "Referrals that ask an Idva service, by the service's area and the month: accepted, not answered, declined for want of capacity, declined otherwise; and decisions "
                     "recorded not to share with one, for want of room or otherwise.",
       .fields = {"REFERRAL_STORED time and decisions", "RELEASED", "NOT_SHARED_RECORDED", "STATEMENT ACCEPTED", "STATEMENT DECLINED", "core.type", "core.not_shared_reason", "recipients"},
       .counts = true,
       .sums = {{"demand", {"accepted", "not_answered", "declined_no_capacity", "declined_otherwise"}}},
       .answer = IdvaDemand},
      {.number = 102,
       .title = "What came of Idva support",
       .definition = "Referrals that an Idva service accepted, by the service's area and the month: still open, or closed and why.",
       .fields = {"REFERRAL_STORED time and decisions", "RELEASED", "STATEMENT ACCEPTED", "STATEMENT CLOSED", "core.type", "recipients"},
       .counts = true,
       .sums = {{"accepted", {"open", "completed", "not_engaged", "moved_away", "closed_otherwise"}}},
       .answer = IdvaOutcomes},
  };
}

}  // namespace accord::broker
