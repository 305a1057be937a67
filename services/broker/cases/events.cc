#include "services/broker/cases/events.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "common/base/status.h"
#include "services/broker/directory/families.h"
#include "services/broker/sequencer/reader.h"

namespace accord::broker {
namespace {

using referral::CaseReport;
using storage::v1::StoredCaseEvent;

absl::StatusOr<uint64_t> ReferralsIn(PlainReader read_plain, std::string_view pseudonym) {
  ACCORD_ASSIGN_OR_RETURN(const auto bytes, read_plain(kFamilyCase, pseudonym));
  if (!bytes.has_value()) return 0;  // Its mapping has ended.
  storage::v1::StoredCase stored;
  if (!stored.ParseFromString(*bytes)) return Error(Reason::kStoreCorrupt, "a stored case does not parse");
  return stored.referrals();
}

absl::StatusOr<std::optional<StoredCaseEvent>> ReadEvent(SealedReader read, std::string_view pseudonym, uint64_t number) {
  ACCORD_ASSIGN_OR_RETURN(const auto bytes, read(kFamilyCaseEvent, CaseReferralKey(pseudonym, number)));
  if (!bytes.has_value()) return std::optional<StoredCaseEvent>();
  StoredCaseEvent event;
  if (!event.ParseFromString(*bytes)) return Error(Reason::kStoreCorrupt, "what a referral says of its case does not parse");
  return std::optional(std::move(event));
}

int CasesOf(const storage::v1::StoredReferral& stored) { return std::min(stored.cases_size(), stored.case_numbers_size()); }

}  // namespace

StoredCaseEvent EventOf(const CaseLinker& linker, std::string_view header_digest, const type::v1::HeaderCore& core,
                        type::v1::ReferralType type, int64_t stored_at_ms) {
  StoredCaseEvent event;
  event.set_header_digest(std::string(header_digest));
  event.set_sender(core.sender());
  event.set_type(type);
  event.set_purpose(core.purpose());
  if (core.has_happened()) *event.mutable_happened() = core.happened();
  if (core.has_known()) *event.mutable_known() = core.known();
  event.set_stored_at_ms(stored_at_ms);
  if (core.report().has_event()) event.set_event(linker.Index(core.report().event()));
  if (core.has_risk()) *event.mutable_risk() = core.risk();
  event.set_credibility(core.report().credibility());
  return event;
}

CaseReport ReportOf(const StoredCaseEvent& event) {
  CaseReport report;
  report.digest = event.header_digest();
  report.sender = event.sender();
  report.type = event.type();
  report.purpose = event.purpose();
  report.happened_earliest_ms = event.happened().earliest_ms();
  report.happened_latest_ms = event.happened().latest_ms();
  report.known_earliest_ms = event.known().earliest_ms();
  report.known_latest_ms = event.known().latest_ms();
  report.stored_ms = event.stored_at_ms();
  report.event = event.event();
  report.risk = event.risk();
  report.credibility = event.credibility();
  report.replaced_by = event.replaced_by();
  report.heard_ms = event.heard_at_ms();
  report.recalled = event.recalled();
  return report;
}

absl::StatusOr<std::vector<CaseReport>> LoadReports(SealedReader read, PlainReader read_plain, std::span<const std::string> cases,
                                                    size_t most) {
  std::vector<CaseReport> reports;
  std::set<std::string> seen;
  for (const std::string& pseudonym : cases) {
    ACCORD_ASSIGN_OR_RETURN(const uint64_t count, ReferralsIn(read_plain, pseudonym));
    const uint64_t oldest = count > most ? count - most : 0;
    for (uint64_t number = oldest; number < count; ++number) {
      ACCORD_ASSIGN_OR_RETURN(const auto event, ReadEvent(read, pseudonym, number));
      if (event.has_value() && seen.insert(event->header_digest()).second) reports.push_back(ReportOf(*event));
    }
  }
  std::stable_sort(reports.begin(), reports.end(), [](const CaseReport& a, const CaseReport& b) { return a.stored_ms < b.stored_ms; });
  if (reports.size() > most) reports.erase(reports.begin(), reports.end() - static_cast<ptrdiff_t>(most));
  return reports;
}

absl::Status PutEvent(CommitContext& context, const storage::v1::StoredReferral& stored, const StoredCaseEvent& event) {
  if (CasesOf(stored) == 0) return absl::OkStatus();
  ACCORD_ASSIGN_OR_RETURN(const uint64_t slot, SlotOfChain(context, stored.chain()));
  const std::string bytes = event.SerializeAsString();
  for (int i = 0; i < CasesOf(stored); ++i) {
    ACCORD_RETURN_IF_ERROR(context.PutSealed(kFamilyCaseEvent, CaseReferralKey(stored.cases(i), stored.case_numbers(i)), slot, bytes));
  }
  return absl::OkStatus();
}

absl::Status ChangeEvent(CommitContext& context, const storage::v1::StoredReferral& stored,
                         absl::FunctionRef<void(StoredCaseEvent&)> change) {
  const auto read = SealedReaderOf(context);
  // The rows are alike: each case has one of its own only because it is read by its case.
  if (CasesOf(stored) == 0) return absl::OkStatus();
  ACCORD_ASSIGN_OR_RETURN(auto event, ReadEvent(read, stored.cases(0), stored.case_numbers(0)));
  if (!event.has_value()) return absl::OkStatus();
  change(*event);
  return PutEvent(context, stored, *event);
}

}  // namespace accord::broker
