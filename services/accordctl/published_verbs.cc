#include "services/accordctl/published_verbs.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "accord/broker/v1/ledger_service.grpc.pb.h"
#include "common/base/bytes.h"
#include "common/base/file.h"
#include "common/base/status.h"
#include "common/console/table.h"
#include "common/console/words.h"
#include "common/ledger/policy.h"
#include "services/accordctl/held_receipt.h"
#include "services/accordctl/receipt_files.h"

namespace accord::accordctl {
namespace {

using broker::v1::LedgerService;

constexpr int kCheckpointRowsDefault = 50, kCheckpointPageRowsMax = 500;

absl::Status InvalidChoice(std::string_view why) { return Error(Reason::kReceiptInvalid, why); }

broker::v1::CheckpointChoice ChoiceOf(const CheckpointOptions& chosen) {
  if (chosen.witnessed) return broker::v1::CHECKPOINT_CHOICE_WITNESSED;
  if (chosen.published || chosen.size > 0) return broker::v1::CHECKPOINT_CHOICE_PUBLISHED;
  return broker::v1::CHECKPOINT_CHOICE_UNSPECIFIED;
}

std::string Join(const google::protobuf::RepeatedPtrField<std::string>& names) {
  std::string joined;
  for (const std::string& name : names) joined += (joined.empty() ? "" : ", ") + name;
  return joined.empty() ? "-" : joined;
}

absl::StatusOr<int> ListCheckpoints(Session& session, int rows) {
  ACCORD_ASSIGN_OR_RETURN(const Endpoint broker, session.Broker(Prefer::kAgency));
  broker::v1::ListCheckpointsRequest request;
  broker::v1::ListCheckpointsResponse all;
  while (all.checkpoints_size() < rows) {
    request.set_page_size(std::min(rows - all.checkpoints_size(), kCheckpointPageRowsMax));
    ACCORD_ASSIGN_OR_RETURN(const auto page, Ask(broker, &LedgerService::Stub::ListCheckpoints, request));
    all.mutable_checkpoints()->MergeFrom(page.checkpoints());
    request.set_page_token(page.next_page_token());
    if (page.next_page_token().empty()) break;
  }
  if (session.json()) {
    nlohmann::json list = nlohmann::json::array();
    for (const auto& row : all.checkpoints()) {
      list.push_back({{"size", row.size()},
                      {"publishedAtMs", row.published_at_ms()},
                      {"witnesses", std::vector<std::string>(row.witnesses().begin(), row.witnesses().end())},
                      {"quorum", row.quorum()}});
    }
    session.PrintJson({{"checkpoints", list}, {"more", !request.page_token().empty()}});
    return kDone;
  }
  console::Table table({"ENTRIES", "PUBLISHED", "COSIGNED BY", "QUORUM"});
  for (const auto& row : all.checkpoints()) {
    table.Add({fmt::format("{}", row.size()), console::TimeText(row.published_at_ms()), Join(row.witnesses()),
               row.quorum() ? "yes" : "no"});
  }
  session.Print(table.empty() ? "No checkpoint was published yet.\n" : table.ToString(console::TerminalWidth()));
  if (!request.page_token().empty()) session.Tell("There are older ones: --limit N shows more.\n");
  return kDone;
}

std::string ScrubText(const broker::v1::ScrubStatus& scrub) {
  if (scrub.failures() > 0) {
    return fmt::format("ALARM: {} tiles are not what was signed, the first from entry {} on (runbooks/ledger.md)",
                       scrub.failures(), scrub.first_failure());
  }
  const std::string last = scrub.rounds() == 0 ? std::string("none ended since the start")
                                               : fmt::format("{} ended, the last {}", scrub.rounds(),
                                                             console::TimeText(scrub.last_round_at_ms()));
  if (scrub.next_index() == scrub.size()) return fmt::format("nothing found; rounds: {}", last);
  return fmt::format("nothing found; at entry {} of {}; rounds: {}", scrub.next_index(), scrub.size(), last);
}

absl::StatusOr<int> ShowStatus(Session& session) {
  ACCORD_ASSIGN_OR_RETURN(const Endpoint broker, session.Broker(Prefer::kAgency));
  ACCORD_ASSIGN_OR_RETURN(const auto status,
                          Ask(broker, &LedgerService::Stub::GetLedgerStatus, broker::v1::GetLedgerStatusRequest()));
  const bool alarm = status.scrub().failures() > 0;
  if (session.json()) {
    nlohmann::json witnesses = nlohmann::json::array();
    for (const auto& row : status.witnesses()) {
      witnesses.push_back({{"name", row.name()},
                           {"cosignedSize", row.cosigned_size()},
                           {"cosignedAtMs", row.cosigned_at_ms()},
                           {"checkpointsBehind", row.checkpoints_behind()},
                           {"behind", row.behind()}});
    }
    const auto& scrub = status.scrub();
    session.PrintJson({{"signedSize", status.signed_size()},
                       {"publishedSize", status.published_size()},
                       {"publishedAtMs", status.published_at_ms()},
                       {"witnessedSize", status.witnessed_size()},
                       {"witnesses", witnesses},
                       {"epoch", status.epoch()},
                       {"scrub",
                        {{"rounds", scrub.rounds()},
                         {"nextIndex", scrub.next_index()},
                         {"size", scrub.size()},
                         {"lastRoundAtMs", scrub.last_round_at_ms()},
                         {"failures", scrub.failures()},
                         {"firstFailure", scrub.first_failure()}}}});
    return alarm ? kFailed : kDone;
  }
  console::Table facts = console::Table::Facts();
  facts.Add({"signed", fmt::format("{} entries", status.signed_size())});
  facts.Add({"published", status.published_size() == 0 ? std::string("nothing yet")
                                                       : fmt::format("{} entries, {}", status.published_size(),
                                                                     console::TimeText(status.published_at_ms()))});
  facts.Add({"witnessed", status.witnessed_size() == 0 ? std::string("nothing yet")
                                                       : fmt::format("{} entries", status.witnessed_size())});
  facts.Add({"epoch", fmt::format("{}", status.epoch())});
  facts.Add({"scrubbing", ScrubText(status.scrub())});
  session.Print(facts.ToString(console::TerminalWidth()));
  if (status.witnesses().empty()) {
    session.Print("The broker has no witness policy: nobody's cosignatures are waited for.\n");
    return alarm ? kFailed : kDone;
  }
  console::Table table({"WITNESS", "COSIGNED", "WHEN", "CHECKPOINTS BEHIND", "STANDS"});
  for (const auto& row : status.witnesses()) {
    table.Add({row.name(), row.cosigned_size() == 0 ? std::string("-") : fmt::format("{} entries", row.cosigned_size()),
               console::TimeText(row.cosigned_at_ms()), fmt::format("{}", row.checkpoints_behind()),
               row.behind() ? "BEHIND" : "in step"});
  }
  session.Print("\n" + table.ToString(console::TerminalWidth()));
  return alarm ? kFailed : kDone;
}

struct UpgradeOptions {
  std::string file, out, policy;
};

absl::StatusOr<int> Upgrade(Session& session, const UpgradeOptions& options, const CheckpointOptions& chosen) {
  ACCORD_ASSIGN_OR_RETURN(const ledger::Vkey key, session.LogKey());
  ACCORD_ASSIGN_OR_RETURN(const std::string text, ReadFile(options.file, ledger::kReceiptBytesMax));
  ACCORD_ASSIGN_OR_RETURN(const ledger::VerifiedReceipt held, ledger::VerifyReceipt(text, key));
  ACCORD_ASSIGN_OR_RETURN(const HeldReceipt there, ReceiptAt(options.out, key));
  std::optional<ledger::WitnessPolicy> policy;
  if (!options.policy.empty()) {
    ACCORD_ASSIGN_OR_RETURN(const std::string rules, ReadFile(options.policy, ledger::kPolicyBytesMax));
    ACCORD_ASSIGN_OR_RETURN(policy, ledger::WitnessPolicy::Parse(rules));
  }

  ACCORD_ASSIGN_OR_RETURN(const Endpoint broker, session.Broker(Prefer::kAgency));
  CheckpointOptions at = chosen;
  if (at.newest_signed()) at.witnessed = true;
  ACCORD_ASSIGN_OR_RETURN(const CheckedReceipt upgraded, ChosenReceipt(broker, key, held.index, at));
  if (upgraded.verified.leaf_bytes != held.leaf_bytes) {
    return InvalidChoice(fmt::format("the broker's entry {} is another than the one in {}: keep both files, this convicts the broker "
                               "(runbooks/fork.md)", held.index, options.file));
  }
  const absl::Status one = ProveOneLog(broker, held.checkpoint, upgraded.verified.checkpoint);
  if (HasReason(one, Reason::kReceiptInvalid)) {
    return InvalidChoice(fmt::format("the broker cannot show that its log of {} entries and that of {} in {} are one: keep both files "
                               "(runbooks/fork.md)", upgraded.verified.checkpoint.size, held.checkpoint.size, options.file));
  }
  ACCORD_RETURN_IF_ERROR(one);
  std::vector<std::string> witnesses;
  if (policy.has_value()) {
    ACCORD_ASSIGN_OR_RETURN(const ledger::TlogProof proof, ledger::ParseTlogProof(upgraded.receipt.tlog_proof()));
    ACCORD_ASSIGN_OR_RETURN(const auto judged, ledger::VerifyWitnessed(proof.checkpoint, *policy));
    if (!judged.quorum) return InvalidChoice("the checkpoint's cosignatures do not meet the quorum of the policy");
    witnesses = judged.witnesses;
  }

  ACCORD_RETURN_IF_ERROR(CheckOpeningsMakeRoom(there, options.out, upgraded.verified.leaf));
  if (there.receipt.has_value()) ACCORD_RETURN_IF_ERROR(CheckOneLog(broker, options.out, there.receipt->checkpoint, upgraded.verified.checkpoint));
  ACCORD_RETURN_IF_ERROR(WriteReceipt(options.out, upgraded.receipt));
  if (session.json()) {
    session.PrintJson({{"index", held.index},
                       {"checkpointSize", upgraded.verified.checkpoint.size},
                       {"heldCheckpointSize", held.checkpoint.size},
                       {"policyMet", policy.has_value()},
                       {"witnesses", witnesses},
                       {"file", options.out},
                       {"openingsFile", options.out + ".openings.json"}});
    return kDone;
  }
  std::string by;
  for (const std::string& name : witnesses) by += (by.empty() ? "" : ", ") + name;
  session.Print(fmt::format(
      "{}: the same entry {}, at the checkpoint of {} entries; the log of {} in {} is proved to be the same one.\n{}\n", options.out,
      held.index, upgraded.verified.checkpoint.size, held.checkpoint.size, options.file,
      policy.has_value() ? fmt::format("The quorum of {} is met: {}.", options.policy, by)
                         : std::string("Whether its cosignatures suffice is for your own policy to say: --policy FILE.")));
  return kDone;
}

}  // namespace

std::shared_ptr<CheckpointOptions> AddCheckpointOptions(Command& verb, bool with_published) {
  auto options = std::make_shared<CheckpointOptions>();
  Option& witnessed = verb.AddFlag("--witnessed", options->witnessed, "The newest whose cosignatures meet the broker's witness policy");
  Option& size = verb.AddOption("--size", options->size, "The published one of exactly so many entries").PositiveNumber().Excludes(witnessed);
  if (with_published) {
    verb.AddFlag("--published", options->published, "The newest published one").Excludes(witnessed).Excludes(size);
  }
  return options;
}

absl::StatusOr<SignedCheckpoint> ChosenCheckpoint(const Endpoint& broker, const ledger::Vkey& log, const CheckpointOptions& chosen) {
  broker::v1::GetCheckpointRequest request;
  request.set_choice(ChoiceOf(chosen));
  request.set_size(chosen.size);
  ACCORD_ASSIGN_OR_RETURN(auto response, Ask(broker, &LedgerService::Stub::GetCheckpoint, request));
  ACCORD_ASSIGN_OR_RETURN(const auto verified, ledger::VerifyCheckpoint(response.checkpoint(), log));
  if (chosen.size > 0 && verified.checkpoint.size != chosen.size) {
    return InvalidChoice(fmt::format("the checkpoint is of {} entries, not {}", verified.checkpoint.size, chosen.size));
  }
  return SignedCheckpoint{std::move(*response.mutable_checkpoint()), verified.checkpoint};
}

absl::StatusOr<CheckedReceipt> ChosenReceipt(const Endpoint& broker, const ledger::Vkey& log, uint64_t index,
                                             const CheckpointOptions& chosen) {
  broker::v1::GetReceiptRequest request;
  request.set_index(index);
  request.set_choice(ChoiceOf(chosen));
  request.set_size(chosen.size);
  ACCORD_ASSIGN_OR_RETURN(auto response, Ask(broker, &LedgerService::Stub::GetReceipt, request));
  ACCORD_ASSIGN_OR_RETURN(CheckedReceipt checked, CheckReceipt(std::move(*response.mutable_receipt()), log));
  if (checked.verified.index != index) {
    return InvalidChoice(fmt::format("the receipt is of entry {}, not {}", checked.verified.index, index));
  }
  if (chosen.size > 0 && checked.verified.checkpoint.size != chosen.size) {
    return InvalidChoice(fmt::format("the receipt is at {} entries, not {}", checked.verified.checkpoint.size, chosen.size));
  }
  return checked;
}

void AddPublishedVerbs(Command& ledger, Command& receipt, Verb& chosen) {
  auto rows = std::make_shared<int>(kCheckpointRowsDefault);
  Command& list = ledger.AddVerb("checkpoints", "List the published checkpoints, the newest first, and who cosigned them");
  list.AddOption("--limit", *rows, "At most so many").ShowDefault().Range(1, 100'000).Formerly("--rows");
  list.Footer("Example: accordctl ledger checkpoints --limit 10 --as police");
  list.WhenGiven([&chosen, rows] { chosen = [rows](Session& session) { return ListCheckpoints(session, *rows); }; });

  Command& status = ledger.AddVerb("status", "Show how the log stands: sizes, who of the witnesses is behind, scrubbing, epoch");
  status.Footer("Exit status 1 when scrubbing found that the store is not what was signed.\nExample: accordctl ledger status --as police");
  status.WhenGiven([&chosen] { chosen = [](Session& session) { return ShowStatus(session); }; });

  auto options = std::make_shared<UpgradeOptions>();
  Command& upgrade = receipt.AddVerb(
      "upgrade", "Get the receipt of the same entry at a cosigned checkpoint, and prove that both are of one log");
  upgrade.AddOption("FILE", options->file, "The receipt that is held").Path().Required();
  upgrade.AddOption("--out", options->out, "The new file (default: FILE.witnessed); the openings go into its .openings.json; a receipt of the same log that is there makes room").Path();
  upgrade.AddOption("--policy", options->policy, "A tlog-policy whose quorum the cosignatures must meet").Path();
  auto at = AddCheckpointOptions(upgrade, /*with_published=*/false);
  upgrade.Footer("Example: accordctl receipt upgrade receipt.txt --policy witnesses.policy --as police");
  upgrade.WhenGiven([&chosen, options, at] {
    if (options->out.empty()) options->out = options->file + ".witnessed";
    chosen = [options, at](Session& session) { return Upgrade(session, *options, *at); };
  });
}

}  // namespace accord::accordctl
