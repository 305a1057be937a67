// An inspector asks an agency for content, or for what people or records are in Accord (docs/disclosures.md).
//
//   ACCORD_ASSIGN_OR_RETURN(DisclosureAsked asked, ReadAsked(request));  // Pure.
//   ACCORD_RETURN_IF_ERROR(ExpandCases(view, *directory, caller, request.request_id(), now, asked));  // Nothing but of RECORDS.
//   sequencer.Submit(std::make_unique<RequestDisclosureCommand>(work, caller, request.request_id(), kMethod, std::move(asked), done));
#pragma once

#include <absl/functional/any_invocable.h>
#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "accord/inspection/v1/disclosure_service.pb.h"
#include "accord/inspection/v1/trail_service.pb.h"
#include "services/broker/directory/access.h"
#include "services/broker/directory/directory.h"
#include "services/broker/disclosures/disclosure_store.h"
#include "services/broker/sequencer/command.h"
#include "services/broker/sequencer/read_view.h"
#include "services/broker/warrants/query_entry.h"
#include "services/broker/warrants/scope.h"

namespace accord::broker {

inline constexpr uint64_t kCaseReferralsExaminedMax = 5000;  // Of all cases of one request, whether the agency has them or not.

// What disclosures are judged by. Must outlive the commands. Thread-safe.
struct DisclosureWork {
  const DirectoryHolder& directory;
};

// What is asked. Of each kind only what belongs to it is set.
struct DisclosureAsked {
  type::v1::DisclosureKind kind = type::v1::DISCLOSURE_KIND_UNSPECIFIED;
  std::string agency;
  type::v1::Desk desk = type::v1::DESK_MAIN;  // Of SECTIONS it is the desk that has it, whatever this says.
  std::string warrant, purpose;
  uint32_t within_hours = 0;
  std::string referral;                             // SECTIONS
  std::vector<type::v1::Category> categories;       // SECTIONS; sorted, each once.
  std::string persons;                              // PERSONS
  std::vector<std::string> cases;                   // RECORDS; sorted, each once.
  std::vector<inspection::v1::CaseReferrals> held;  // RECORDS: what ExpandCases found, cases without any left out;
  std::set<LookedAt> others;                        // and who is told of the look at these, beside the desk that is asked.
  std::string digest;                               // Of the request as asked: sameness, and what the entry has.
};

// Reads a request. Pure. Thread-safe.
//   FIELD_MISSING, FIELD_INVALID  with `field`; request id, hours, purpose, lengths and numbers over their limits, none or both of the two kinds
//   ENUM_UNKNOWN                  a category or desk that is none
//   SECTION_MALFORMED             the question is not sealed as sections are
absl::StatusOr<DisclosureAsked> ReadAsked(const inspection::v1::RequestDisclosureRequest& request);
absl::StatusOr<DisclosureAsked> ReadAsked(const inspection::v1::RequestResolutionRequest& request);

// Of RECORDS: finds the referrals of the cases that the agency's desk has and that the warrant covers, and whom a look at these cases concerns. Reads up
// to kCaseReferralsExaminedMax referrals, on the caller's thread. OK and nothing done for other kinds, and for a request id that was used before: the command finds it.
// Thread-safe.
//   Errors of OpenScope; WARRANT_SCOPE `kind`, `case`
//   NOT_A_HOLDER      none
//   QUERY_TOO_COSTLY  more than kDisclosureReferralsMax, or more to be examined than it reads; with `limit`
absl::Status ExpandCases(const ReadView& view, const DirectorySnapshot& directory, const Caller& caller, std::string_view request_id, absl::Time now,
                         DisclosureAsked& asked);

// WARRANT_SCOPE: with `dimension` `kind` unless it is a warrant under which content may be asked for, and `case` unless it covers every case of
// `asked`. Pure. Thread-safe.
absl::Status CheckCasesCovered(const Scope& scope, const DisclosureAsked& asked);
// The error NOT_A_HOLDER.
absl::Status NotAHolder(std::string_view agency);

// What came of a command. The disclosure is as its caller may see it: with `sealing_certificate`, of an inspector with `cases`.
struct DisclosureOutcome {
  inspection::v1::Disclosure disclosure;
  uint64_t index = 0;     // Leaf index of the entry that the request led to.
  bool repeated = false;  // The request had been carried out before; the disclosure is as it stands now.
};
using DisclosureDone = absl::AnyInvocable<void(absl::StatusOr<DisclosureOutcome> outcome) &&>;

// Asks. OK: durable, with an entry DISCLOSURE_REQUESTED, and the agency's clock runs. The warrant is judged as it is applied. Idempotent by
// request id, scoped to the officer.
//   REQUEST_ID_REUSED
//   WARRANT_NOT_FOUND, WARRANT_NOT_ACTIVE  of OpenScope
//   NO_SEALING_CERTIFICATE  the officer has none, it is over, or it was denied
//   WARRANT_SCOPE           `kind`: neither statutory nor a death review; `agency`, `area`: of the agency that is asked, or of the referral;
//                           `period`, `event`, `case`: of the entry by which the referral was stored, or of a case
//   PRINCIPAL_NOT_FOUND     no such agency takes part
//   REFERRAL_NOT_FOUND, ERASED
//   NOT_A_HOLDER            it neither sent the referral, nor was any section that is asked for released to it
//   FIELD_INVALID           `desk`: the agency has no such desk
//   SEALING_KEY_UNKNOWN     of PERSONS: the question is not sealed for the desk's present certificate
//   SEALED_TOO_WIDELY       of PERSONS: it is sealed for others too
class RequestDisclosureCommand : public Command {
 public:
  // REQUIRES: `asked` is of ReadAsked and ExpandCases. `method`: of the call, for the entry.
  RequestDisclosureCommand(const DisclosureWork& work, Caller caller, std::string request_id, std::string_view method, DisclosureAsked asked,
                           DisclosureDone done)
      : work_(work), caller_(std::move(caller)), request_id_(std::move(request_id)), method_(method), asked_(std::move(asked)),
        done_(std::move(done)) {}
  absl::Status Apply(CommitContext& context) override;
  void Done(const absl::StatusOr<Committed>& outcome) override;
  bool MayBeRefusedForSpace() const override { return true; }

 private:
  // True when the request was carried out before; the outcome is set then.
  absl::StatusOr<bool> Repeated(CommitContext& context);
  absl::Status JudgeAgency(const Scope& scope, const DirectorySnapshot& directory) const;
  absl::Status JudgeSections(CommitContext& context, const Scope& scope, const DirectorySnapshot& directory);
  absl::Status JudgePersons(const DirectorySnapshot& directory) const;
  absl::Status JudgeRecords(const Scope& scope) const;
  absl::Status Record(CommitContext& context, const Scope& scope);

  const DisclosureWork work_;
  const Caller caller_;
  const std::string request_id_, method_;
  DisclosureAsked asked_;
  storage::v1::StoredDisclosure stored_;
  DisclosureOutcome outcome_;
  DisclosureDone done_;
};

}  // namespace accord::broker
