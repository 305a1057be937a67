// The beginning of a log: its first administrators, and what its operator imports. Used by `accord-broker init` alone.
#pragma once

#include <absl/functional/any_invocable.h>
#include <absl/status/status.h>

#include <span>
#include <string>
#include <vector>

#include "services/broker/directory/changes.h"
#include "services/broker/sequencer/command.h"

namespace accord::broker {

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
