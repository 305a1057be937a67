// A command in a dry run: everything that would refuse it does, and nothing is written.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <memory>
#include <utility>

#include "services/broker/sequencer/command.h"

namespace accord::broker {

// Applies a command and has the sequencer take back what it wrote, as of one that was refused. Its Done has OK when it would have been carried out, with what it
// would have led to, and nothing committed; it is never Published. For commands whose Apply acts through its context alone.
class JudgedCommand : public Command {
 public:
  explicit JudgedCommand(std::unique_ptr<Command> command) : command_(std::move(command)) {}

  absl::Status Apply(CommitContext& context) override {
    const absl::Status judged = command_->Apply(context);
    stands_ = judged.ok();
    return stands_ ? absl::CancelledError("judged, and taken back") : judged;
  }
  bool MayBeRefusedForSpace() const override { return command_->MayBeRefusedForSpace(); }
  bool BeginsBatch() const override { return command_->BeginsBatch(); }
  void Done(const absl::StatusOr<Committed>& outcome) override {
    if (stands_) return command_->Done(Committed{});
    command_->Done(outcome);
  }

 private:
  const std::unique_ptr<Command> command_;
  bool stands_ = false;
};

// `command`; in a dry run, to be judged alone.
inline std::unique_ptr<Command> JudgedAlone(bool dry_run, std::unique_ptr<Command> command) {
  return dry_run ? std::make_unique<JudgedCommand>(std::move(command)) : std::move(command);
}

}  // namespace accord::broker
