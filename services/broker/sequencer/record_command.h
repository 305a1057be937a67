// Puts one entry on the record before what it records is answered: reads, previews, trail queries.
#pragma once

#include <absl/functional/any_invocable.h>
#include <absl/status/statusor.h>

#include <functional>
#include <string>
#include <utility>

#include "common/base/status.h"
#include "services/broker/sequencer/chains.h"
#include "services/broker/sequencer/command.h"

namespace accord::broker {

// The entry stands on the chains of `draft`, or, when it names none, on that of `principal`.
class RecordCommand : public Command {
 public:
  using RecordDone = absl::AnyInvocable<void(const absl::StatusOr<uint64_t>& index) &&>;
  RecordCommand(std::string principal, EntryDraft draft, RecordDone done)
      : principal_(std::move(principal)), draft_(std::move(draft)), done_(std::move(done)) {}

  absl::Status Apply(CommitContext& context) override {
    if (draft_.chains.empty()) {
      ACCORD_ASSIGN_OR_RETURN(std::string chain, PrincipalChain(context, principal_));
      draft_.chains.push_back(std::move(chain));
    }
    ACCORD_ASSIGN_OR_RETURN(index_, context.AddEntry(draft_));
    return absl::OkStatus();
  }
  void Done(const absl::StatusOr<Committed>& outcome) override {
    if (!outcome.ok()) return std::move(done_)(outcome.status());
    std::move(done_)(index_);
  }

 private:
  const std::string principal_;
  EntryDraft draft_;
  uint64_t index_ = 0;
  RecordDone done_;
};

}  // namespace accord::broker
