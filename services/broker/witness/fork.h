// A checkpoint of ours that does not fit our log, as somebody shows it: judged, put on the record, and the end of signing.
//
//   ReportFork ─▶ JudgeShown: our key signed it, our tree contradicts it
//              ─▶ ForkCommand: entry FORK_SHOWN, family `fork` keeps the note; its batch is committed and signed
//              ─▶ the sequencer ends there: LOG_FORKED to every command; reads of the log go on
//   next start ─▶ CheckpointSigner::Open meets the kept note and refuses
#pragma once

#include <absl/functional/any_invocable.h>
#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/ledger/note.h"
#include "services/broker/directory/access.h"
#include "services/broker/sequencer/command.h"
#include "services/broker/sequencer/read_view.h"

namespace accord::broker {

struct ShownCheckpoint {
  uint64_t size = 0;
  bool contradicts = false;  // Our signed tree is shorter, or has another root at that size.
};
// FIELD_INVALID when `note` is no checkpoint that `log`'s key signed: only our own signature convicts us. Errors of the store.
// Thread-safe.
absl::StatusOr<ShownCheckpoint> JudgeShown(const ReadView& view, const ledger::Vkey& log, std::string_view note);

// Leaf index of the newest FORK_SHOWN entry; nothing when there is none. Of a sequencer that refuses with LOG_FORKED, its last. Errors of the store. Thread-safe.
absl::StatusOr<std::optional<uint64_t>> StandingFork(const ReadView& view);

// Puts the fork on the record of the administration and keeps the note. What it writes makes the sequencer end after its batch.
class ForkCommand : public Command {
 public:
  using ForkDone = absl::AnyInvocable<void(const absl::StatusOr<uint64_t>& index) &&>;
  // REQUIRES: JudgeShown said that `note` contradicts our tree, which only grows, so that it is still so.
  ForkCommand(Caller caller, uint64_t size, std::string note, ForkDone done)
      : caller_(std::move(caller)), size_(size), note_(std::move(note)), done_(std::move(done)) {}

  absl::Status Apply(CommitContext& context) override;
  void Done(const absl::StatusOr<Committed>& outcome) override;

 private:
  const Caller caller_;
  const uint64_t size_;
  const std::string note_;
  uint64_t index_ = 0;
  ForkDone done_;
};

}  // namespace accord::broker
