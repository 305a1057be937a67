// Warrants as they are proposed, activated, suspended, resumed and ended (docs/warrants.md). Each act is an entry on the warrant's own
// chain, which nobody but its own entries and what is asked under it stand on.
//
// The commands are idempotent by request id, scoped to the officer.
#pragma once

#include <absl/functional/any_invocable.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "accord/inspection/v1/warrant_service.pb.h"
#include "accord/storage/v1/inspection.pb.h"
#include "services/broker/directory/access.h"
#include "services/broker/directory/directory.h"
#include "services/broker/sequencer/command.h"
#include "services/broker/warrants/proposal.h"
#include "services/broker/warrants/warrant_states.h"

namespace accord::broker {

// What warrants are judged by, and who is told. Must outlive the commands. Thread-safe.
struct WarrantRules {
  const DirectoryHolder& directory;
  // Called once a change of the warrant is durable and shown to readers, on the sequencer thread; must not block.
  std::function<void(const inspection::v1::Warrant& warrant)> changed = [](const inspection::v1::Warrant&) {};
};

// A warrant as it stands after the command.
struct WarrantOutcome {
  storage::v1::StoredWarrant stored;
  uint64_t index = 0;     // Leaf index of the entry that the request led to.
  bool repeated = false;  // True when the request had been carried out before.
  absl::Time now;         // Of the batch.
};
using WarrantDone = absl::AnyInvocable<void(absl::StatusOr<WarrantOutcome> outcome) &&>;

// Proposes a warrant. OK: durable, not in force. Errors of CheckProposal; REQUEST_ID_REUSED.
class ProposeWarrantCommand : public Command {
 public:
  ProposeWarrantCommand(const WarrantRules& rules, Caller caller, std::string request_id, inspection::v1::Warrant warrant, WarrantDone done);
  absl::Status Apply(CommitContext& context) override;
  void Published() override;
  void Done(const absl::StatusOr<Committed>& outcome) override;

 private:
  const WarrantRules& rules_;
  const Caller caller_;
  const std::string request_id_;
  const inspection::v1::Warrant warrant_;  // Without what is the broker's to set.
  const std::string digest_;
  WarrantOutcome outcome_;
  WarrantDone done_;
};

// What is done to a proposed warrant. `suspension` is for kSuspend.
struct WarrantAct {
  std::string id;
  WarrantEvent event = WarrantEvent::kEnd;
  inspection::v1::WarrantSuspension suspension = inspection::v1::WARRANT_SUSPENSION_UNSPECIFIED;
};

// Activates, suspends, resumes or ends a warrant. OK: durable.
//   WARRANT_NOT_FOUND
//   ROLE_NOT_ALLOWED    an administrator who may not: an approver may do nothing but resume
//   NOT_PERMITTED       not the caller's to do: a statutory warrant is activated and ended by officers of its inspectorate, others by
//                       administrators; suspended and resumed by administrators. Or who proposed it is not enrolled any more, or has a conflict of interest by now
//   SELF_APPROVAL       activated by who proposed it, or resumed by who suspended it
//   TRANSITION_ILLEGAL  with `state`
//   REQUEST_ID_REUSED
class ChangeWarrantCommand : public Command {
 public:
  ChangeWarrantCommand(const WarrantRules& rules, Caller caller, std::string request_id, WarrantAct act, WarrantDone done);
  absl::Status Apply(CommitContext& context) override;
  void Published() override;
  void Done(const absl::StatusOr<Committed>& outcome) override;

 private:
  const WarrantRules& rules_;
  const Caller caller_;
  const std::string request_id_;
  const WarrantAct act_;
  const std::string digest_;
  WarrantOutcome outcome_;
  WarrantDone done_;
};

}  // namespace accord::broker
