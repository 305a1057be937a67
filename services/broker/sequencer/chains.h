// The chains that no referral owns: the administration's and one for each principal (ADR 0004).
#pragma once

#include <absl/status/statusor.h>

#include <string>
#include <string_view>

#include "services/broker/sequencer/command.h"

namespace accord::broker {

// The principal of refusals whose caller is not enrolled: one chain for all of them, so that
// strangers cannot grow the store.
inline constexpr std::string_view kUnknownPrincipal = "unknown";

// The chain's pseudonym; opened, and its name written with the command's batch, when there is
// none yet. REQUIRES: the command adds an entry to it, which makes the chain exist.
// Errors of `context`; DATA_LOSS when the name leads to something else.
absl::StatusOr<std::string> AdministrationChain(CommitContext& context);
// `principal` is "agency/<id>", "admin/<id>", "inspector/<id>", "broker" or kUnknownPrincipal.
absl::StatusOr<std::string> PrincipalChain(CommitContext& context, std::string_view principal);

}  // namespace accord::broker
