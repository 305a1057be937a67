#include "services/broker/questions/rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "common/base/bytes.h"
#include "common/base/working_days.h"
#include "common/referral/referral_name.h"

namespace accord::broker {
namespace {

// Anything of it, as it was stored.
bool IsPermittedTo(const ReferralFacts& facts, std::string_view recipient) {
  if (facts.events.empty() || !facts.events.front().decisions.has_value()) return false;
  const auto& decisions = facts.events.front().decisions->decisions();
  return std::any_of(decisions.begin(), decisions.end(), [&](const type::v1::SectionDecision& decision) {
    return decision.recipient() == recipient && decision.verdict() == type::v1::VERDICT_PERMIT;
  });
}

}  // namespace

void SetColumns(inspection::v1::Table& table, std::initializer_list<ColumnSpec> columns) {
  for (const ColumnSpec& spec : columns) {
    auto& column = *table.add_columns();
    column.set_name(std::string(spec.name));
    column.set_kind(spec.kind);
  }
}

void AddAnswerRow(inspection::v1::Table& table, std::vector<std::string> cells, const std::vector<uint64_t>& entries) {
  auto& row = *table.add_rows();
  for (std::string& cell : cells) row.add_cells(std::move(cell));
  for (const uint64_t entry : entries) {
    if (row.entries_size() >= kRowEntriesMax) break;
    row.add_entries(entry);
  }
}

void MarkLeftOut(inspection::v1::Table& table) { table.mutable_rows(table.rows_size() - 1)->set_suppressed(true); }

void RowEntries::Add(uint64_t index) {
  if (entries_.size() < kRowEntriesMax && std::find(entries_.begin(), entries_.end(), index) == entries_.end()) entries_.push_back(index);
}

std::string TimeCell(int64_t ms) { return ms == 0 ? "" : fmt::to_string(ms); }
std::string TimeCell(const FactEvent* event) { return event == nullptr ? "" : fmt::to_string(event->time_ms); }
std::string CountCell(uint64_t count) { return fmt::to_string(count); }
std::string DurationCell(int64_t ms) { return fmt::to_string(ms); }
std::string BoolCell(bool value) { return value ? "true" : "false"; }
std::string PercentCell(uint64_t part, uint64_t whole) {
  return whole == 0 ? "" : fmt::format("{:.1f}", 100.0 * static_cast<double>(part) / static_cast<double>(whole));
}
std::string CaseCell(const ReferralFacts& facts) { return facts.cases.empty() ? "" : ToHex(facts.cases.front()); }
std::string ReferralCell(const ReferralFacts& facts) { return referral::ReferralName(facts.digest); }

std::string CodeName(const google::protobuf::EnumDescriptor& type, int number) {
  const auto* const value = type.FindValueByNumber(number);
  if (number == 0) return "";
  if (value == nullptr) return fmt::format("VALUE_{}", number);
  std::string prefix;  // "DECLINE_REASON_" of DeclineReason.
  const std::string& name = type.name();
  for (size_t i = 0; i < name.size(); ++i) {
    const auto c = static_cast<unsigned char>(name[i]);
    if (i > 0 && std::isupper(c) != 0) prefix += '_';
    prefix += static_cast<char>(std::toupper(c));
  }
  prefix += '_';
  return value->name().starts_with(prefix) ? value->name().substr(prefix.size()) : value->name();
}

std::string JoinCells(const std::set<std::string>& texts) {
  std::string joined;
  for (const std::string& text : texts) joined += (joined.empty() ? "" : ", ") + text;
  return joined;
}

Spread SpreadOf(std::vector<int64_t> values) {
  std::sort(values.begin(), values.end());
  const size_t n = values.size();
  Spread spread;
  spread.median = n % 2 == 1 ? values[n / 2] : values[n / 2 - 1] + (values[n / 2] - values[n / 2 - 1]) / 2;
  spread.high = values[(n * 95 + 99) / 100 - 1];
  spread.most = values.back();
  return spread;
}

const type::v1::HeaderCore& CoreOf(const ReferralFacts& facts) { return facts.parts.core; }

bool ReportsEvent(const ReferralFacts& facts) {
  const auto& core = CoreOf(facts);
  const bool reports = core.type() == type::v1::REFERRAL_TYPE_REFERRAL || core.type() == type::v1::REFERRAL_TYPE_NOTIFICATION ||
                       core.type() == type::v1::REFERRAL_TYPE_EVENT_NOTICE;
  return reports && (core.happened().latest_ms() != 0 || core.has_report());
}

bool HasChild(const ReferralFacts& facts) {
  return std::any_of(facts.parts.subjects.begin(), facts.parts.subjects.end(), [](const type::v1::SubjectPart& subject) {
    return subject.role() == type::v1::SUBJECT_ROLE_CHILD || subject.role() == type::v1::SUBJECT_ROLE_UNBORN_CHILD;
  });
}

int64_t MadeMs(const ReferralFacts& facts) {
  return CoreOf(facts).type() == type::v1::REFERRAL_TYPE_SENT_OUTSIDE ? CoreOf(facts).happened().latest_ms() : facts.stored_ms;
}

std::set<std::string> AddressedTo(const ReferralFacts& facts) {
  std::set<std::string> agencies;
  for (const auto& recipient : facts.parts.recipients) {
    if (recipient.on_behalf_of().empty() && IsPermittedTo(facts, recipient.agency())) agencies.insert(recipient.agency());
  }
  for (const FactEvent& event : facts.events) {
    if (event.event.type() != type::v1::EVENT_TYPE_RELEASED) continue;
    if (facts.FirstOwn(type::v1::EVENT_TYPE_RELEASED, event.recipient) != nullptr) agencies.insert(event.recipient);
  }
  return agencies;
}

std::vector<std::string> RecipientsOfKind(const QuestionInput& input, const ReferralFacts& facts, type::v1::AgencyKind kind) {
  const auto type = CoreOf(facts).type();
  std::set<std::string> found = AddressedTo(facts);
  if (type == type::v1::REFERRAL_TYPE_NOT_SHARED || type == type::v1::REFERRAL_TYPE_SENT_OUTSIDE) {  // Nothing was decided or released.
    for (const auto& recipient : facts.parts.recipients) found.insert(recipient.agency());
  }
  std::erase_if(found, [&](const std::string& agency) { return input.KindOf(agency) != kind; });
  return {found.begin(), found.end()};
}

int64_t ReachedKindMs(const QuestionInput& input, const ReferralFacts& facts, type::v1::AgencyKind kind) {
  if (CoreOf(facts).type() == type::v1::REFERRAL_TYPE_SENT_OUTSIDE) {
    return RecipientsOfKind(input, facts, kind).empty() ? 0 : MadeMs(facts);
  }
  int64_t first = 0;
  for (const FactEvent& event : facts.events) {
    if (event.event.type() != type::v1::EVENT_TYPE_RELEASED || !event.decisions.has_value() || input.KindOf(event.recipient) != kind) continue;
    if (first == 0 || event.time_ms < first) first = event.time_ms;
  }
  return first;
}

bool IsTakenBack(const ReferralFacts& facts) {
  const std::string& sender = CoreOf(facts).sender();
  return facts.FirstStatement(type::v1::STATEMENT_KIND_RECALL, sender) != nullptr ||
         facts.FirstStatement(type::v1::STATEMENT_KIND_WITHDRAWN, sender) != nullptr;
}

bool ByPerson(const FactEvent& event) {
  return event.worker.role() != type::v1::WORKER_ROLE_SYSTEM && event.worker.authentication() != type::v1::AUTHENTICATION_AUTOMATIC;
}

std::string LondonMonth(int64_t ms) {
  const absl::CivilDay day = LondonDay(absl::FromUnixMillis(ms));
  return fmt::format("{:04}-{:02}", day.year(), day.month());
}

Versions::Versions(const QuestionInput& input) {
  for (const ReferralFacts* facts : input.all) {  // In the order of the log: what is corrected comes first.
    by_digest_.emplace(facts->digest, facts);
    if (const ReferralFacts* const older = Older(*facts); older != nullptr) newer_.emplace(older, facts);
  }
}

const ReferralFacts& Versions::First(const ReferralFacts& facts) const {
  const ReferralFacts* first = &facts;
  while (const ReferralFacts* const older = Older(*first)) first = older;
  return *first;
}

const ReferralFacts* Versions::Marac(const ReferralFacts& facts) const {
  if (CoreOf(facts).purpose() != type::v1::PURPOSE_MARAC || IsTakenBack(facts) || newer_.contains(&facts)) return nullptr;
  const ReferralFacts *referred = &facts, *first = &facts;
  while (const ReferralFacts* const older = Older(*first)) {
    first = older;
    if (CoreOf(*older).purpose() == type::v1::PURPOSE_MARAC) referred = older;
  }
  const auto type = CoreOf(*first).type();
  return type == type::v1::REFERRAL_TYPE_REFERRAL || type == type::v1::REFERRAL_TYPE_SENT_OUTSIDE ? referred : nullptr;
}

std::vector<const ReferralFacts*> Versions::From(const ReferralFacts& facts) const {
  std::vector<const ReferralFacts*> versions = {&facts};
  for (auto newer = newer_.find(&facts); newer != newer_.end(); newer = newer_.find(newer->second)) versions.push_back(newer->second);
  return versions;
}

const ReferralFacts* Versions::Older(const ReferralFacts& facts) const {
  if (CoreOf(facts).type() != type::v1::REFERRAL_TYPE_CORRECTION) return nullptr;
  const auto found = by_digest_.find(CoreOf(facts).caused_by());
  if (found == by_digest_.end()) return nullptr;
  const ReferralFacts& older = *found->second;
  // Nobody corrects what another sent. Always further back, so that following them ends.
  return CoreOf(older).sender() == CoreOf(facts).sender() && older.stored_index < facts.stored_index ? &older : nullptr;
}

const ReferralFacts& FirstFor(const VersionsOfOne& versions, const std::string& agency) {
  const auto found = std::find_if(versions.begin(), versions.end(), [&](const ReferralFacts* one) { return AddressedTo(*one).contains(agency); });
  return found == versions.end() ? *versions.front() : **found;
}

SaidOfVersion FirstByPerson(const VersionsOfOne& versions, type::v1::StatementKind kind, std::string_view agency) {
  SaidOfVersion first;
  for (const ReferralFacts* one : versions) {
    for (const FactEvent& event : one->events) {
      const bool said = event.event.type() == type::v1::EVENT_TYPE_STATEMENT && event.event.statement() == kind && event.agency == agency && ByPerson(event);
      if (said && (first.event == nullptr || event.index < first.event->index)) first = {one, &event};
    }
  }
  return first;
}

}  // namespace accord::broker
