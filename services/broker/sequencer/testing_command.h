// Commands for tests: one made of a function, and one that waits.
#pragma once

#include <absl/synchronization/notification.h>

#include <functional>
#include <memory>
#include <utility>

#include "common/base/status.h"
#include "services/broker/sequencer/command.h"
#include "services/broker/sequencer/sequencer.h"

namespace accord::broker {

class FunctionCommand : public Command {
 public:
  // `outcome` and `done` outlive the command's Done.
  FunctionCommand(std::function<absl::Status(CommitContext&)> apply, absl::Status& outcome, absl::Notification& done)
      : apply_(std::move(apply)), outcome_(outcome), done_(done) {}
  absl::Status Apply(CommitContext& context) override { return apply_(context); }
  void Done(const absl::StatusOr<Committed>& outcome) override {
    outcome_ = outcome.status();
    done_.Notify();
  }

 private:
  const std::function<absl::Status(CommitContext&)> apply_;
  absl::Status& outcome_;
  absl::Notification& done_;
};

// Runs `apply` as one command; what came of it, once it is durable or refused.
inline absl::Status RunCommand(Sequencer& sequencer, std::function<absl::Status(CommitContext&)> apply) {
  absl::Status outcome;
  absl::Notification done;
  sequencer.Submit(std::make_unique<FunctionCommand>(std::move(apply), outcome, done));
  done.WaitForNotification();
  return outcome;
}

// Holds the sequencer up until it is told to go on: what is submitted meanwhile waits for its turn.
class HeldUp : public Command {
 public:
  explicit HeldUp(absl::Notification& go_on) : go_on_(go_on) {}
  absl::Status Apply(CommitContext&) override {
    go_on_.WaitForNotification();
    return absl::OkStatus();
  }
  void Done(const absl::StatusOr<Committed>&) override {}

 private:
  absl::Notification& go_on_;
};

}  // namespace accord::broker
