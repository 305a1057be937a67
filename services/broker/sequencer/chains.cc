#include "services/broker/sequencer/chains.h"

#include "common/base/ids.h"
#include "common/base/status.h"
#include "services/broker/directory/families.h"

namespace accord::broker {
namespace {

absl::StatusOr<std::string> NamedChain(CommitContext& context, std::string_view key) {
  ACCORD_ASSIGN_OR_RETURN(const auto pseudonym, context.Get(kFamilyMeta, key));
  if (pseudonym.has_value()) {
    if (pseudonym->size() != kIdBytes) return Error(Reason::kStoreCorrupt, "the name of a chain leads nowhere");
    return *pseudonym;
  }
  ACCORD_ASSIGN_OR_RETURN(const CommitContext::NewChain chain, context.OpenChain());
  context.Put(kFamilyMeta, key, chain.pseudonym);
  return chain.pseudonym;
}

}  // namespace

absl::StatusOr<std::string> AdministrationChain(CommitContext& context) {
  return NamedChain(context, kMetaAdministrationChain);
}

absl::StatusOr<std::string> PrincipalChain(CommitContext& context, std::string_view principal) {
  return NamedChain(context, PrincipalChainKey(principal));
}

}  // namespace accord::broker
