#include <absl/strings/numbers.h>
#include <fmt/format.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/file.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/console/table.h"
#include "common/console/words.h"
#include "common/ledger/trail_bundle.h"
#include "services/accordctl/held_receipt.h"
#include "services/accordctl/log_client.h"
#include "services/accordctl/log_export.h"
#include "services/accordctl/progress.h"
#include "services/accordctl/published_verbs.h"
#include "services/accordctl/receipt_export.h"
#include "services/accordctl/receipt_files.h"
#include "services/accordctl/references.h"
#include "services/accordctl/verbs.h"

namespace accord::accordctl {
namespace {

struct Log {
  Endpoint broker;
  ledger::Vkey key;
};

absl::StatusOr<Log> OpenLog(Session& session) {
  ACCORD_ASSIGN_OR_RETURN(ledger::Vkey key, session.LogKey());
  ACCORD_ASSIGN_OR_RETURN(Endpoint broker, session.Broker(Prefer::kAgency));
  return Log{std::move(broker), std::move(key)};
}

nlohmann::json CheckpointJson(const SignedCheckpoint& held) {
  return {{"origin", held.checkpoint.origin},
          {"size", held.checkpoint.size},
          {"root", ToHex(ledger::View(held.checkpoint.root))},
          {"checkpoint", held.note}};
}

// The checkpoint of this log that is at `path` and may make room for another; none when nothing is there. Whatever else is there stays.
absl::StatusOr<std::optional<ledger::Checkpoint>> CheckpointAt(const std::string& path, const ledger::Vkey& key) {
  const auto there = ReadFile(path, ledger::kNoteBytesMax);
  if (path.empty() || absl::IsNotFound(there.status())) return std::optional<ledger::Checkpoint>();
  const auto held = ledger::VerifyCheckpoint(there.ok() ? *there : std::string(), key);
  if (!held.ok()) return UsageError(fmt::format("{} is there already and is no checkpoint of this log: nothing is written over", path));
  return std::optional<ledger::Checkpoint>(held->checkpoint);
}

absl::StatusOr<int> Checkpoint(Session& session, const std::string& out, const CheckpointOptions& at) {
  ACCORD_ASSIGN_OR_RETURN(const Log log, OpenLog(session));
  ACCORD_ASSIGN_OR_RETURN(const auto held, CheckpointAt(out, log.key));
  ACCORD_ASSIGN_OR_RETURN(const SignedCheckpoint newest, ChosenCheckpoint(log.broker, log.key, at));
  if (held.has_value()) ACCORD_RETURN_IF_ERROR(CheckOneLog(log.broker, out, *held, newest.checkpoint));
  if (!out.empty()) ACCORD_RETURN_IF_ERROR(WriteFileDurably(out, newest.note, kForEveryone));
  if (session.json()) {
    session.PrintJson(CheckpointJson(newest));
    return kDone;
  }
  session.Print(newest.note);
  session.Tell(fmt::format("{} entries; signed by {}\n", newest.checkpoint.size, log.key.ToString()));
  return kDone;
}

absl::StatusOr<int> ExportTo(Session& session, const std::string& directory) {
  ACCORD_ASSIGN_OR_RETURN(const Log log, OpenLog(session));
  ACCORD_ASSIGN_OR_RETURN(const SignedCheckpoint newest, NewestCheckpoint(log.broker, log.key));
  ExportDirectory files(directory);
  Progress progress("entries");
  const auto source = [&](uint64_t first, uint64_t end, LeafSink sink) {
    uint64_t done = first;
    return StreamLeaves(log.broker, first, end, [&](std::string_view leaf) {
      ACCORD_RETURN_IF_ERROR(sink(leaf));
      progress.Tell(++done, end);
      return absl::OkStatus();
    });
  };
  ACCORD_ASSIGN_OR_RETURN(const ExportSummary summary, ExportLog(newest.note, log.key, source, files));
  progress.End();
  if (session.json()) {
    session.PrintJson({{"directory", directory},
                       {"origin", summary.origin},
                       {"size", summary.size},
                       {"fetched", summary.fetched},
                       {"filesWritten", summary.files_written},
                       {"previousSize", summary.previous_size}});
    return kDone;
  }
  session.Print(fmt::format(
      "{} holds {} entries of {}: {} fetched, {} bundles and tiles written.\nThe root of the entries is the "
      "signed one. To check it offline: accord-verify ledger {} --vkey {}\n",
      directory, summary.size, summary.origin, summary.fetched, summary.files_written, directory,
      session.config().log_vkey));
  return kDone;
}

// One end of a consistency proof: a checkpoint that was kept, the newest one, or a size alone.
struct End {
  uint64_t size = 0;
  std::optional<ledger::Hash> root;
};

absl::StatusOr<End> ParseEnd(const std::string& argument, const Log& log, const SignedCheckpoint& newest) {
  End end;
  if (argument == "newest") return End{newest.checkpoint.size, newest.checkpoint.root};
  if (absl::SimpleAtoi(argument, &end.size)) {
    if (end.size == newest.checkpoint.size) end.root = newest.checkpoint.root;
    if (end.size == 0) end.root = ledger::EmptyRoot();
    return end;
  }
  const auto note = ReadFile(argument, ledger::kNoteBytesMax);
  if (!note.ok()) return UsageError(fmt::format("{}: neither a size, nor `newest`, nor a file with a checkpoint", argument));
  ACCORD_ASSIGN_OR_RETURN(const auto verified, ledger::VerifyCheckpoint(*note, log.key));
  return End{verified.checkpoint.size, verified.checkpoint.root};
}

absl::StatusOr<int> Prove(Session& session, const std::string& old_end, const std::string& new_end) {
  ACCORD_ASSIGN_OR_RETURN(const Log log, OpenLog(session));
  ACCORD_ASSIGN_OR_RETURN(const SignedCheckpoint newest, NewestCheckpoint(log.broker, log.key));
  ACCORD_ASSIGN_OR_RETURN(const End from, ParseEnd(old_end, log, newest));
  ACCORD_ASSIGN_OR_RETURN(const End to, ParseEnd(new_end, log, newest));
  if (from.size > to.size) return UsageError(fmt::format("OLD has {} entries, more than the {} of NEW", from.size, to.size));
  ACCORD_ASSIGN_OR_RETURN(const ledger::Path path, ConsistencyPath(log.broker, from.size, to.size));
  const bool verified = from.root.has_value() && to.root.has_value();
  if (verified) ACCORD_RETURN_IF_ERROR(ledger::VerifyConsistency(from.size, to.size, *from.root, *to.root, path));
  nlohmann::json hashes = nlohmann::json::array();
  std::string lines;
  for (const ledger::Hash& hash : path) {
    hashes.push_back(ToBase64(ledger::View(hash)));
    lines += ToBase64(ledger::View(hash)) + "\n";
  }
  if (session.json()) {
    session.PrintJson({{"oldSize", from.size}, {"newSize", to.size}, {"verified", verified}, {"path", hashes}});
    return verified ? kDone : kFailed;
  }
  session.Print(lines);
  session.Tell(
      verified
          ? fmt::format("PROVED: the log of {} entries extends that of {}\n", to.size, from.size)
          : std::string("This is the path; it proves nothing without both roots: give files with signed checkpoints "
                        "(`accordctl ledger checkpoint --out FILE`), or `newest`.\n"));
  return verified ? kDone : kFailed;
}

// By leaf index from the broker; by request id or referral from this agency's own outbox.
absl::StatusOr<CheckedReceipt> FindReceipt(Session& session, const std::string& id, const ledger::Vkey& key) {
  uint64_t index = 0;
  if (absl::SimpleAtoi(id, &index) && std::to_string(index) == id) {
    ACCORD_ASSIGN_OR_RETURN(const Endpoint broker, session.Broker(Prefer::kAgency));
    return ReceiptOf(broker, key, index);
  }
  ACCORD_ASSIGN_OR_RETURN(const AgencyIdentity* agency, session.Agency());
  ACCORD_ASSIGN_OR_RETURN(const Endpoint service, session.Service(*agency));
  ACCORD_ASSIGN_OR_RETURN(auto submission, FindSubmission(service, id));
  if (!submission.has_receipt()) {
    return Error(Reason::kEntryNotFound,
                 fmt::format("it has no receipt yet: its submission is {}", console::Words(submission.state())));
  }
  return CheckReceipt(std::move(*submission.mutable_receipt()), key);
}

absl::StatusOr<int> GetReceipt(Session& session, const std::string& id, const std::string& out, const CheckpointOptions& at) {
  ACCORD_ASSIGN_OR_RETURN(const ledger::Vkey key, session.LogKey());
  ACCORD_ASSIGN_OR_RETURN(const HeldReceipt held, ReceiptAt(out, key));
  ACCORD_ASSIGN_OR_RETURN(CheckedReceipt checked, FindReceipt(session, id, key));
  if (!at.newest_signed()) {
    ACCORD_ASSIGN_OR_RETURN(const Endpoint broker, session.Broker(Prefer::kAgency));
    ACCORD_ASSIGN_OR_RETURN(checked, ChosenReceipt(broker, key, checked.verified.index, at));
  }
  ACCORD_RETURN_IF_ERROR(CheckOpeningsMakeRoom(held, out, checked.verified.leaf));
  if (held.receipt.has_value()) {
    ACCORD_ASSIGN_OR_RETURN(const Endpoint broker, session.Broker(Prefer::kAgency));
    ACCORD_RETURN_IF_ERROR(CheckOneLog(broker, out, held.receipt->checkpoint, checked.verified.checkpoint));
  }
  ACCORD_RETURN_IF_ERROR(WriteReceipt(out, checked.receipt));
  const std::string openings_file = out + ledger::kOpeningsSuffix;
  const auto& verified = checked.verified;
  if (session.json()) {
    session.PrintJson({{"index", verified.index},
                       {"timeMs", verified.leaf.time_ms},
                       {"checkpointSize", verified.checkpoint.size},
                       {"openings", checked.receipt.openings_size()},
                       {"file", out},
                       {"openingsFile", openings_file}});
    return kDone;
  }
  session.Print(fmt::format(
      "{}: entry {} of {}, recorded {}; it verifies.\n{}: {} openings, each of them what the entry commits to.\n"
      "To check it offline: accord-verify receipt {} --vkey {}\n",
      out, verified.index, verified.checkpoint.size, console::TimeText(static_cast<int64_t>(verified.leaf.time_ms)),
      openings_file, checked.receipt.openings_size(), out, session.config().log_vkey));
  return kDone;
}

}  // namespace

Command& AddLedgerVerbs(Command& app, Verb& chosen) {
  Command& ledger = app.AddGroup("ledger", "The transparency log");
  auto out = std::make_shared<std::string>();
  Command& checkpoint =
      ledger.AddVerb("checkpoint", "Show the newest signed checkpoint, or a published one, verified by the configured key");
  checkpoint.AddOption("--out", *out, "Keep it in this file too; one of the same log that is there makes room").Path();
  auto which = AddCheckpointOptions(checkpoint, /*with_published=*/true);
  checkpoint.Footer("Example: accordctl ledger checkpoint --out today.checkpoint --as police");
  checkpoint.WhenGiven([&chosen, out, which] {
    chosen = [out, which](Session& session) { return Checkpoint(session, *out, *which); };
  });

  Command& export_to = ledger.AddVerb("export", "Copy the log, or what is new of it, into a tlog-tiles directory");
  export_to.AddOption("--out", *out, "The directory").Path().Required();
  export_to.Footer("Example: accordctl ledger export --out copy --as police");
  export_to.WhenGiven([&chosen, out] { chosen = [out](Session& session) { return ExportTo(session, *out); }; });

  auto old_end = std::make_shared<std::string>(), new_end = std::make_shared<std::string>("newest");
  Command& prove = ledger.AddVerb("prove", "Prove that the log only grew between two checkpoints");
  prove.AddOption("OLD", *old_end, "File with a checkpoint, or a size").Path().Required();
  prove.AddOption("NEW", *new_end, "File with a checkpoint, a size, or `newest`").Path().ShowDefault();
  prove.Footer("Example: accordctl ledger prove last-week.checkpoint today.checkpoint --as police");
  prove.WhenGiven([&chosen, old_end, new_end] {
    chosen = [old_end, new_end](Session& session) { return Prove(session, *old_end, *new_end); };
  });

  Command& receipt = app.AddGroup("receipt", "Receipts");
  auto id = std::make_shared<std::string>();
  Command& get = receipt.AddVerb("get", "Keep a receipt and its openings in files that accord-verify checks offline");
  get.AddOption("ID", *id, "Request id or referral of this agency's own submission, or the number of an entry").Required();
  get.AddOption("--out", *out, "The file; the openings go into FILE.openings.json; a receipt of the same log that is there makes room").Path().Required();
  auto at = AddCheckpointOptions(get, /*with_published=*/true);
  get.Footer("Example: accordctl receipt get push-0001 --out receipt.txt --as police");
  get.WhenGiven([&chosen, id, out, at] {
    chosen = [id, out, at](Session& session) { return GetReceipt(session, *id, *out, *at); };
  });
  AddPublishedVerbs(ledger, receipt, chosen);
  AddReceiptExport(receipt, chosen);
  return ledger;
}

}  // namespace accord::accordctl
