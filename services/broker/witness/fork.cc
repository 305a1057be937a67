#include "services/broker/witness/fork.h"

#include <fmt/format.h>

#include <utility>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/crypto/digest.h"
#include "common/ledger/checkpoint.h"
#include "services/broker/directory/families.h"
#include "services/broker/sequencer/chains.h"

namespace accord::broker {

absl::StatusOr<ShownCheckpoint> JudgeShown(const ReadView& view, const ledger::Vkey& log, std::string_view note) {
  const auto shown = ledger::VerifyCheckpoint(note, log);
  if (!shown.ok()) {
    return Error(Reason::kFieldInvalid, fmt::format("not a checkpoint that this log signed: {}", FromAbsl(shown.status().message())),
                 {{"field", "checkpoint"}});
  }
  const ledger::Checkpoint& checkpoint = shown->checkpoint;
  const LedgerReader ours = view.ledger();
  if (checkpoint.size > ours.size()) return ShownCheckpoint{checkpoint.size, true};
  ACCORD_ASSIGN_OR_RETURN(const ledger::Hash root, ours.Root(checkpoint.size));
  return ShownCheckpoint{checkpoint.size, root != checkpoint.root};
}

absl::StatusOr<std::optional<uint64_t>> StandingFork(const ReadView& view) {
  ACCORD_ASSIGN_OR_RETURN(const auto bytes, view.Get(kFamilyMeta, kMetaForkKey));
  if (!bytes.has_value()) return std::nullopt;
  uint64_t index = 0;
  if (!ByteReader(*bytes).U64(index)) return Error(Reason::kStoreCorrupt, "the index of the fork's entry does not parse");
  return index;
}

absl::Status ForkCommand::Apply(CommitContext& context) {
  const std::string digest = crypto::Sha256(note_);
  EntryDraft entry;
  ACCORD_ASSIGN_OR_RETURN(std::string chain, AdministrationChain(context));
  entry.chains = {std::move(chain)};
  entry.event.set_type(type::v1::EVENT_TYPE_FORK_SHOWN);
  entry.event.set_tree_size(size_);
  entry.event.set_evidence_digest(digest);
  entry.actor = ActorOf(caller_);
  ACCORD_ASSIGN_OR_RETURN(index_, context.AddEntry(entry));
  context.Put(kFamilyFork, ForkKey(size_, digest), note_);
  context.Put(kFamilyMeta, kMetaForkKey, KeyU64(index_));
  return absl::OkStatus();
}

void ForkCommand::Done(const absl::StatusOr<Committed>& outcome) {
  if (!outcome.ok()) return std::move(done_)(outcome.status());
  std::move(done_)(index_);
}

}  // namespace accord::broker
