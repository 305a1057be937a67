// How answers are written: columns, cells and the reading of facts that several questions share.
//
// Thread-safe: all functions are pure.
#pragma once

#include <google/protobuf/generated_enum_reflection.h>

#include <cstdint>
#include <initializer_list>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "accord/inspection/v1/table.pb.h"
#include "services/broker/questions/facts.h"
#include "services/broker/questions/question.h"

namespace accord::broker {

inline constexpr int kRowEntriesMax = 32;
inline constexpr std::string_view kTotalRow = "all";  // First cell of the row that is the sum of the others.

struct ColumnSpec {
  std::string_view name;
  inspection::v1::ColumnKind kind = inspection::v1::COLUMN_KIND_TEXT;
};
void SetColumns(inspection::v1::Table& table, std::initializer_list<ColumnSpec> columns);

// REQUIRES: as many cells as columns. At most kRowEntriesMax of `entries`.
void AddAnswerRow(inspection::v1::Table& table, std::vector<std::string> cells, const std::vector<uint64_t>& entries = {});

// Says of the row that was added last that something of it is left out for who may not have it, which is no absence.
void MarkLeftOut(inspection::v1::Table& table);

// The entries that a row of counts rests on, each once: the first kRowEntriesMax, so that a large group costs no more than a small one.
class RowEntries {
 public:
  void Add(uint64_t index);
  const std::vector<uint64_t>& all() const { return entries_; }

 private:
  std::vector<uint64_t> entries_;
};

// Cells. A time or event that there is none of is empty.
std::string TimeCell(int64_t ms);
std::string TimeCell(const FactEvent* event);
std::string CountCell(uint64_t count);
std::string DurationCell(int64_t ms);
std::string BoolCell(bool value);
std::string PercentCell(uint64_t part, uint64_t whole);  // Empty of nothing.
std::string CaseCell(const ReferralFacts& facts);        // The oldest; empty when it has none.
std::string ReferralCell(const ReferralFacts& facts);
// An enum's value without its prefix, such as NO_CAPACITY; empty for the zero value.
std::string CodeName(const google::protobuf::EnumDescriptor& type, int number);
template <typename Enum>
std::string Code(Enum value) {
  return CodeName(*google::protobuf::GetEnumDescriptor<Enum>(), static_cast<int>(value));
}
std::string JoinCells(const std::set<std::string>& texts);  // With ", " between.

// Median, the nearest-rank 95th percentile and the greatest.
struct Spread {
  int64_t median = 0, high = 0, most = 0;
};
// REQUIRES: not empty.
Spread SpreadOf(std::vector<int64_t> values);

// Reading facts.
const type::v1::HeaderCore& CoreOf(const ReferralFacts& facts);
// Reports an event: a referral, notification or event notice that says when it happened or which event it is.
bool ReportsEvent(const ReferralFacts& facts);
bool HasChild(const ReferralFacts& facts);
// When it was made: of what was told outside Accord when it was told, else when it was stored.
int64_t MadeMs(const ReferralFacts& facts);
// Whom it was meant for as it was stored, by id, and to whom it was released besides. Who stands in for another is in the header, too, and has
// nothing to collect or answer before it is handed over; nor has who was permitted nothing of it. Nobody of what is not delivered.
std::set<std::string> AddressedTo(const ReferralFacts& facts);
// Those of `kind`, by id; of what is not delivered, who was told outside Accord or not to be told.
std::vector<std::string> RecipientsOfKind(const QuestionInput& input, const ReferralFacts& facts, type::v1::AgencyKind kind);
// When an agency of `kind` could first have it: released to one, or told outside Accord; 0 when there is no record.
int64_t ReachedKindMs(const QuestionInput& input, const ReferralFacts& facts, type::v1::AgencyKind kind);
// True when its sender recalled or withdrew it.
bool IsTakenBack(const ReferralFacts& facts);
// A person made it: no program acting by rule.
bool ByPerson(const FactEvent& event);
// London's month of `ms`, such as 2026-11.
std::string LondonMonth(int64_t ms);

// The versions of referrals: a sender's correction is a newer version of what it corrects, and of its type. Made once for an answer, of all that it
// looks at, which must outlive it. Thread-safe.
class Versions {
 public:
  explicit Versions(const QuestionInput& input);

  // The oldest version that is there.
  const ReferralFacts& First(const ReferralFacts& facts) const;
  // Of a Marac referral in its newest version the oldest that was for a Marac: that is when it was referred. Null when `facts` is none: its purpose is
  // another, it is neither referred nor told outside Accord, it was taken back, or a newer version counts in its place. As the case rules have it
  // (common/referral/case_rules.h).
  const ReferralFacts* Marac(const ReferralFacts& facts) const;
  // `facts` and the versions that replaced it one after the other, the newest last: what is said of any of them answers all. Never empty.
  std::vector<const ReferralFacts*> From(const ReferralFacts& facts) const;

 private:
  const ReferralFacts* Older(const ReferralFacts& facts) const;  // What it corrects; null when it is the first, or that is not there.

  std::map<std::string_view, const ReferralFacts*> by_digest_;
  std::map<const ReferralFacts*, const ReferralFacts*> newer_;  // By what it replaced.
};

// Versions of one referral, the newest last: for whom that is, something is expected of; and nothing of it once that was taken back.
using VersionsOfOne = std::vector<const ReferralFacts*>;
// The first of them that was addressed to the agency (AddressedTo); the first of all when none was. REQUIRES: not empty.
const ReferralFacts& FirstFor(const VersionsOfOne& versions, const std::string& agency);
// The first STATEMENT of `kind` that a person at the agency made on any of them, with the version that it is on; null: none. What software alone says
// stops no clock (docs/clocks.md).
struct SaidOfVersion {
  const ReferralFacts* facts = nullptr;
  const FactEvent* event = nullptr;
};
SaidOfVersion FirstByPerson(const VersionsOfOne& versions, type::v1::StatementKind kind, std::string_view agency);

}  // namespace accord::broker
