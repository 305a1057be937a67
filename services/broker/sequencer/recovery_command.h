// Turns what a recovery left in family `meta` into entries, with the first commit after it.
#pragma once

#include <absl/status/status.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/base/status.h"
#include "common/telemetry/log.h"
#include "services/broker/directory/families.h"
#include "services/broker/sequencer/chains.h"
#include "services/broker/sequencer/command.h"

namespace accord::broker {

class RecoveryCommand : public Command {
 public:
  // `keys` are those of the rows, under kMetaRecoveryPrefix.
  explicit RecoveryCommand(std::vector<std::string> keys) : keys_(std::move(keys)) {}

  absl::Status Apply(CommitContext& context) override {
    for (const std::string& key : keys_) {
      ACCORD_ASSIGN_OR_RETURN(const std::optional<std::string> stored, context.Get(kFamilyMeta, key));
      if (!stored.has_value()) continue;
      EntryDraft draft;
      if (!draft.event.ParseFromString(*stored)) return Error(Reason::kStoreCorrupt, "a recovery's row does not parse");
      ACCORD_ASSIGN_OR_RETURN(std::string chain, AdministrationChain(context));
      draft.chains.push_back(std::move(chain));
      draft.actor.emplace().set_principal("broker");
      ACCORD_RETURN_IF_ERROR(context.AddEntry(draft).status());
      context.Delete(kFamilyMeta, key);
    }
    return absl::OkStatus();
  }
  // What was not committed is found again at the next opening.
  void Done(const absl::StatusOr<Committed>& outcome) override {
    if (!outcome.ok()) telemetry::Log(telemetry::Level::kError, "store.recovery_not_recorded", {{"status", outcome.status()}});
  }

 private:
  const std::vector<std::string> keys_;
};

}  // namespace accord::broker
