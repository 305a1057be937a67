// Audits of sharing: how information is shared, for who answers for it (docs/audits.md).
//
// An audit is a row of one table with a function that is pure: it sees no store, no clock and no caller, only what was gathered for it
// (gather.h). Each says in words what it counts, and what counts as unusual.
//
// Thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "accord/admin/v1/audit_service.pb.h"
#include "accord/inspection/v1/table.pb.h"
#include "services/broker/questions/facts.h"
#include "services/broker/questions/question.h"

namespace accord::broker {

inline constexpr int64_t kWeekMs = 7 * kDayMs;
inline constexpr int kWeeksBefore = 8;             // A week is compared with so many before it
inline constexpr int kWeeksBeforeMin = 4;          // and is judged if so many of them are on the record.
inline constexpr uint64_t kUnusualFactor = 3;      // Unusual: more than so many times the median of those,
inline constexpr uint64_t kUnusualMin = 10;        // and at least so many.
inline constexpr int64_t kEndsSoonMs = 90 * kDayMs;  // Of an agreement.
inline constexpr int64_t kPreviewMatchMs = kDayMs;   // A referral within this belongs to a preview with its decisions.
inline constexpr int kDayBeginsHour = 7, kDayEndsHour = 19;  // Working hours, of London's working days.

// One act of an agency's worker that stands on the agency's own chain: a preview, a refusal, a reading.
struct AuditedAct {
  uint64_t index = 0;
  int64_t time_ms = 0;
  type::v1::EventType event = type::v1::EVENT_TYPE_UNSPECIFIED;
  std::string agency, worker;  // The worker is empty where none was asserted.
  uint64_t count = 1;          // Of a summary of refusals.
  std::string decision_digest;  // Of a preview.
};

// A version of the data-sharing agreement. Times are milliseconds since 1970, UTC; 0: none.
struct AuditedAgreement {
  std::string id, version;
  int64_t effective_from_ms = 0, expires_ms = 0;
  bool live = false, replaced = false;  // In force when it was asked; approved anew since.
};

// The header digest of what was asked, and the agency that answered it with a referral of type RESPONSE.
using AnsweredBy = std::pair<std::string, std::string>;

// What an audit is computed from.
struct AuditInput {
  std::vector<const ReferralFacts*> referrals;  // Stored in the period, in the order of the log.
  std::vector<const ReferralFacts*> before;     // Stored in the kWeeksBefore weeks before its first, for an audit that looks back.
  std::vector<const ReferralFacts*> after;      // Stored within kPreviewMatchMs after its end, for an audit of acts: what its last previews were for.
  std::vector<AuditedAct> acts;                 // In the period, in the order of the log.
  // By leaf index of an entry RELEASED: digests of the sections that left by it. Of entries that SectionsLeaving needs; absent where it says so no more.
  std::map<uint64_t, std::set<std::string, std::less<>>> left;
  std::map<AnsweredBy, uint64_t> responses;     // Leaf indices of the first of each, for an audit of recipients.
  std::vector<AuditedAgreement> agreements;
  std::map<std::string, AgencyFacts, std::less<>> agencies;
  std::set<std::string> asked_agencies;      // None: all that the caller may see.
  std::set<type::v1::Category> categories;   // None: all.
  int64_t from_ms = 0, until_ms = 0, now_ms = 0;
  int64_t log_begins_ms = 0;  // Time of the first entry.

  bool Has(type::v1::Category category) const { return categories.empty() || categories.contains(category); }
};

struct Audit {
  admin::v1::SharingAudit id = admin::v1::SHARING_AUDIT_UNSPECIFIED;
  std::string_view title, definition;
  bool categories = false;  // Takes them.
  bool looks_back = false;  // Compares with the weeks before.
  bool acts = false;        // Looks at the agencies' own chains.
  bool recipients = false;  // `agencies` are recipients, not senders.
  bool leaving = false;     // Follows sections until they leave.
  bool agreements = false;  // And the period may be left out.
  void (*answer)(const AuditInput& input, inspection::v1::Table& table) = nullptr;
};

enum class Leaving { kLeft, kStayed, kUnknown };

// Which sections of a referral left. A release decides anew of all of them, but what is not sealed for the recipient stays (delivery/release.cc), and what was
// kept from it as the referral was stored was not sealed for it. So a decision at release is taken for the leaving of that alone which was permitted to
// the recipient as it was stored, too; of the rest, and of all for who stands in for another, the digests in the entry of the release say it. Pure.
//
// Thread-safe. `facts` must outlive it.
class SectionsLeaving {
 public:
  explicit SectionsLeaving(const ReferralFacts& facts);

  // Whether `decision`, of an entry RELEASED, does not say it without the entry's digests.
  bool IsSaidByDigestsAlone(const type::v1::SectionDecision& decision) const;
  // Of `decision`, one of those of the entry `released`. kUnknown: it needs the entry's digests, and `input` has none.
  Leaving Of(const AuditInput& input, const FactEvent& released, const type::v1::SectionDecision& decision) const;

 private:
  std::map<std::string_view, std::string_view> digests_;                    // By section, of those of the header.
  std::set<std::pair<std::string_view, std::string_view>> permitted_;  // Recipient and section, as stored.
};

// A note that of so many sections it is not known whether they left; none of 0.
void AddUnknownLeaving(uint64_t sections, inspection::v1::Table& table);

// In the order of the enum.
std::span<const Audit> Audits();
// Null when there is none.
const Audit* FindAudit(admin::v1::SharingAudit id);

// Title with the parameters, definition, columns, rows, notes. Pure.
inspection::v1::Table ComputeAudit(const Audit& audit, const AuditInput& input);

// The version of the agreement whose route permitted it: of the rule `agreement/<version>/<route>`. Empty where none did, as under the emergency
// schedule or of what was not permitted. The entry's own `agreement_version` is no answer: it names every agreement that was in force. Pure.
std::string PermittedUnder(const type::v1::SectionDecision& decision);

// Where an audit that looks back from `from_ms` begins to count: the Monday kWeeksBefore weeks before that of its week. Pure.
int64_t LooksBackToMs(int64_t from_ms);

// The audits (flows.cc, urgency.cc, conduct.cc).
void AuditFlows(const AuditInput& input, inspection::v1::Table& table);
void AuditWithheld(const AuditInput& input, inspection::v1::Table& table);
void AuditWithoutConsent(const AuditInput& input, inspection::v1::Table& table);
void AuditMissingRationales(const AuditInput& input, inspection::v1::Table& table);
void AuditImmediate(const AuditInput& input, inspection::v1::Table& table);
void AuditUnusualVolumes(const AuditInput& input, inspection::v1::Table& table);
void AuditProbing(const AuditInput& input, inspection::v1::Table& table);
void AuditStaleAgreements(const AuditInput& input, inspection::v1::Table& table);
void AuditNeverAnswer(const AuditInput& input, inspection::v1::Table& table);

}  // namespace accord::broker
