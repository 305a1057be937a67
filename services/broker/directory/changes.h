// Changes of directory, deny set, lists and policy texts: proposed by one administrator, approved by
// another, each act an entry on the administration chain (design.md §7).
//
// The commands are idempotent by request id, scoped to the administrator. They read the directory
// from its holder, which on the sequencer thread is that of the committed state; an approval ends
// its batch, so two never meet in one.
#pragma once

#include <absl/functional/any_invocable.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <span>
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

// What changes are judged by. Must outlive the commands. Thread-safe.
struct ChangeRules {
  std::string trust_domain;
  const DirectoryHolder& directory;
  PolicyInForce policy;
  // Those of the changes that the directory does not know of. Must outlive the commands.
  std::vector<const ChangeHandler*> handlers = {};
};

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

// OK when `change` may be proposed now; it is judged again when approved.
// FIELD_MISSING, FIELD_INVALID, ENUM_UNKNOWN, TEXT_NOT_UTF8, MESSAGE_TOO_LARGE, AGREEMENT_MALFORMED, SCHEDULE_MALFORMED,
// LEGAL_REGISTER_MALFORMED.
absl::Status ValidateChange(const admin::v1::Change& change, const ChangeRules& rules);

// Proposes a change. OK: durable, not in force.
//   errors of ValidateChange and CheckPolicyChange; REQUEST_ID_REUSED
class ProposeChangeCommand : public Command {
 public:
  ProposeChangeCommand(const ChangeRules& rules, Administrator administrator, std::string request_id,
                       admin::v1::Change change, ChangeDone done);
  absl::Status Apply(CommitContext& context) override;
  void Done(const absl::StatusOr<Committed>& outcome) override;

 private:
  const ChangeRules& rules_;
  const Administrator administrator_;
  const std::string request_id_;
  const admin::v1::Change change_;
  const std::string digest_;
  ChangeOutcome outcome_;
  ChangeDone done_;
};

// Approves a change of another administrator. OK: in force, and the epochs have moved.
//   CHANGE_NOT_FOUND, SELF_APPROVAL, TRANSITION_ILLEGAL (in force already), REQUEST_ID_REUSED;
//   errors of ValidateChange and CheckPolicyChange, as directory and policy stand now
class ApproveChangeCommand : public Command {
 public:
  ApproveChangeCommand(const ChangeRules& rules, Administrator administrator, std::string request_id,
                       uint64_t number, ChangeDone done);
  absl::Status Apply(CommitContext& context) override;
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

// OK when OpenLogCommand would take them: two different well-formed administrators, and agencies, forums and policy texts that
// stand in themselves and beside each other. Errors of ValidateChange.
absl::Status ValidateImport(std::span<const std::string> administrators, std::span<const admin::v1::Change> changes,
                            const ChangeRules& rules);

// Entry 0 and the first state of a new log: two administrators, then what the operator imports,
// each change an entry of principal `broker`. Used by `accord-broker init` alone.
//   FAILED_PRECONDITION  the log has entries
//   errors of ValidateImport
class OpenLogCommand : public Command {
 public:
  using OpenLogDone = absl::AnyInvocable<void(const absl::StatusOr<Committed>&) &&>;
  // `administrators`: two different ids. `vkey` is the log's.
  OpenLogCommand(const ChangeRules& rules, std::string origin, std::string vkey,
                 std::vector<std::string> administrators, std::vector<admin::v1::Change> changes, OpenLogDone done);
  absl::Status Apply(CommitContext& context) override;
  void Done(const absl::StatusOr<Committed>& outcome) override { std::move(done_)(outcome); }

 private:
  const ChangeRules& rules_;
  const std::string origin_, vkey_;
  const std::vector<std::string> administrators_;
  const std::vector<admin::v1::Change> changes_;
  OpenLogDone done_;
};

}  // namespace accord::broker
