// Changes of directory, deny set, lists and policy texts: proposed by one administrator, approved by
// another, each act an entry on the administration chain (design.md §7).
//
// The commands are idempotent by request id, scoped to the administrator. They read the directory
// from its holder, which on the sequencer thread is that of the committed state; an approval ends
// its batch, so two never meet in one.
#pragma once

#include <absl/functional/any_invocable.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "accord/admin/v1/admin_service.pb.h"
#include "accord/storage/v1/broker.pb.h"
#include "services/broker/directory/directory.h"
#include "services/broker/directory/policy_changes.h"
#include "services/broker/sequencer/command.h"

namespace accord::broker {

// Changes of what is built on the directory: erasure and retention, legal hold. Thread-safe but for Write.
class ChangeHandler {
 public:
  virtual ~ChangeHandler() = default;
  // True for changes of this kind. Constant.
  virtual bool Handles(const admin::v1::Change& change) const = 0;
  // The form of a change that is stored, hashed and shown: what must not be kept as it came is replaced. REQUIRES, as the
  // others: Handles(change).
  virtual admin::v1::Change Kept(admin::v1::Change change) const { return change; }
  // OK when it may be proposed as the state stands. Write judges again.
  virtual absl::Status Check(const admin::v1::Change&, CommitContext&) const { return absl::OkStatus(); }
  // As ValidateChange.
  virtual absl::Status Validate(const admin::v1::Change& change) const = 0;
  // Puts an approved change into force, on the sequencer thread; its entries come before CHANGE_APPROVED. `stored` is kept
  // as it leaves it, under `number`. `actor` is who approved. An error refuses the approval.
  virtual absl::Status Write(uint64_t number, storage::v1::StoredChange& stored, const type::v1::EntryActor& actor,
                             CommitContext& context) const = 0;
  // As Command::Published, after Write.
  virtual void Published(uint64_t, const storage::v1::StoredChange&) const {}
};

// An inspector whom a change shut out of its body, or let in there again.
struct OfficerMoved {
  std::string officer, inspectorate;
  bool out = false;  // Inactive, or an officer of another body; otherwise active again.
  absl::Time time;
  uint64_t index = 0;  // Leaf index of the entry by which the change came into force.
};

// What changes are judged by. Must outlive the commands. Thread-safe.
struct ChangeRules {
  std::string trust_domain;
  const DirectoryHolder& directory;
  PolicyInForce policy;
  // Those of the changes that the directory does not know of. Must outlive the commands.
  std::vector<const ChangeHandler*> handlers = {};
  // Lets ActOnChange be called at `when`, in place of what was asked before; InfiniteFuture: not at all. Absent: nothing waits, as in a log
  // that is being opened.
  std::function<absl::Status(CommitContext& context, uint64_t number, absl::Time when)> schedule = nullptr;
  // LEAVING_INCOMPLETE while the agency has something open (administration/leaving.h). Absent: nothing is.
  std::function<absl::Status(const std::string& agency)> check_leaving = nullptr;
  // Told of each such inspector while the change is applied, on the sequencer thread: it is true once the directory says so. Absent: nobody is
  // told, as in a log that is being opened.
  std::function<void(const OfficerMoved& moved)> officer_moved = nullptr;
};

// Who does what nobody asked for, as entries and rows name it.
inline constexpr std::string_view kBrokerPrincipal = "broker";

// A proposal that nobody approves within this expires.
inline constexpr absl::Duration kChangeApprovalTime = absl::Hours(24 * 30);
// How far ahead a change may be put off.
inline constexpr absl::Duration kEffectiveFromMax = absl::Hours(24 * 366);
// How far after it comes into force the valid-from of a row may be: whoever types "now" has another clock.
inline constexpr absl::Duration kValidFromAheadMax = absl::Hours(1);

// Who administers, from the connection.
struct Administrator {
  std::string id;
  std::string certificate;  // SHA-256 of the DER, for the entry.
};

// A change as it stands after the command.
struct ChangeOutcome {
  uint64_t number = 0;
  storage::v1::StoredChange stored;
  uint64_t index = 0;     // Leaf index of the entry that the request led to.
  bool repeated = false;  // True when the request had been carried out before.
};
using ChangeDone = absl::AnyInvocable<void(absl::StatusOr<ChangeOutcome> outcome) &&>;

// "put_agency", "deny_key" …: what entries call a change. Empty for none.
std::string_view KindOf(const admin::v1::Change& change);

// Where a change stands at `now`. Pure. Thread-safe.
admin::v1::ChangeState StateOf(const storage::v1::StoredChange& stored, absl::Time now);

// OK when `change` may be proposed now; it is judged again when approved, and when it comes into force later.
// FIELD_MISSING, FIELD_INVALID, ENUM_UNKNOWN, TEXT_NOT_UTF8, MESSAGE_TOO_LARGE, AGREEMENT_MALFORMED, SCHEDULE_MALFORMED,
// LEGAL_REGISTER_MALFORMED, LAST_ADMINISTRATOR, PRINCIPAL_NOT_FOUND.
absl::Status ValidateChange(const admin::v1::Change& change, const ChangeRules& rules);

struct ProposeOptions {
  int64_t effective_from_ms = 0;  // 0: in force at approval.
  bool dry_run = false;           // All that would refuse it, and nothing is written; the outcome has number 0.
};

// Proposes a change. OK: durable, not in force; it expires by itself after kChangeApprovalTime.
//   errors of ValidateChange and CheckPolicyChange; REQUEST_ID_REUSED
//   FIELD_INVALID      effective_from_ms is past, more than kEffectiveFromMax ahead, or not for this kind of change; a valid_from_ms is more
//                      than kValidFromAheadMax after the change comes into force; or it has fields that this version does not know
//   ROLE_NOT_ALLOWED   CheckMayPropose
//   NOT_PERMITTED      CheckConflict
//   PRINCIPAL_UNKNOWN  the administrator has been suspended or removed meanwhile; so with the next two
class ProposeChangeCommand : public Command {
 public:
  ProposeChangeCommand(const ChangeRules& rules, Administrator administrator, std::string request_id,
                       admin::v1::Change change, ChangeDone done, ProposeOptions options = {});
  absl::Status Apply(CommitContext& context) override;
  void Done(const absl::StatusOr<Committed>& outcome) override;

 private:
  const ChangeRules& rules_;
  const Administrator administrator_;
  const std::string request_id_;
  const admin::v1::Change change_;
  const ProposeOptions options_;
  const std::string digest_;  // Of the change.
  const std::string asked_;   // Of all that the request asks.
  ChangeOutcome outcome_;
  ChangeDone done_;
};

// Approves a change of another administrator. OK: in force, and the epochs have moved; or, when it is to be in force later, kept for then.
//   CHANGE_NOT_FOUND, SELF_APPROVAL, CHANGE_EXPIRED, REQUEST_ID_REUSED;
//   TRANSITION_ILLEGAL  approved or withdrawn already; who proposed it is suspended; of an agency that has left; or another change of the same
//                       agency, officer, list, forum or of retention came into force since it was proposed, which it would undo
//   ROLE_NOT_ALLOWED    CheckMayApprove
//   NOT_PERMITTED       CheckConflict, also of who proposed it
//   LEAVING_INCOMPLETE  an agency that is to leave has something open
//   errors of ValidateChange and CheckPolicyChange, as directory and policy stand now
class ApproveChangeCommand : public Command {
 public:
  ApproveChangeCommand(const ChangeRules& rules, Administrator administrator, std::string request_id,
                       uint64_t number, ChangeDone done);
  absl::Status Apply(CommitContext& context) override;
  bool BeginsBatch() const override { return true; }  // What an agency still has open (LeaveAgency) is counted in a view.
  void Published() override;
  void Done(const absl::StatusOr<Committed>& outcome) override;

 private:
  const ChangeRules& rules_;
  const Administrator administrator_;
  const std::string request_id_;
  const uint64_t number_;
  const std::string digest_;
  ChangeOutcome outcome_;
  ChangeDone done_;
};

// Takes back a change that the administrator proposed, or rejects another's: it never comes into force. OK: durable, with an entry.
//   CHANGE_NOT_FOUND, REQUEST_ID_REUSED
//   TRANSITION_ILLEGAL  in force, withdrawn or expired already
//   ROLE_NOT_ALLOWED    another's, and CheckMayApprove
//   NOT_PERMITTED       another's, and CheckConflict
class WithdrawChangeCommand : public Command {
 public:
  WithdrawChangeCommand(const ChangeRules& rules, Administrator administrator, std::string request_id, uint64_t number, ChangeDone done);
  absl::Status Apply(CommitContext& context) override;
  void Done(const absl::StatusOr<Committed>& outcome) override;

 private:
  const ChangeRules& rules_;
  const Administrator administrator_;
  const std::string request_id_;
  const uint64_t number_;
  const std::string digest_;
  ChangeOutcome outcome_;
  ChangeDone done_;
};

// What is due about a change, by the broker itself, as ChangeRules::schedule asked. One that nobody approved in time expires, with an entry
// CHANGE_WITHDRAWN. One that was approved for now is judged again and comes into force, with a second entry CHANGE_APPROVED; if it does not
// stand any more, for what would refuse its approval now or because who approved it is suspended, it is withdrawn, with an entry
// CHANGE_WITHDRAWN. Nothing happens when it is settled already. Errors of `context`. Sequencer thread.
absl::Status ActOnChange(CommitContext& context, const ChangeRules& rules, uint64_t number);

}  // namespace accord::broker
