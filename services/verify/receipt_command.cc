#include <fmt/format.h>

#include <memory>
#include <optional>
#include <sstream>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/file.h"
#include "common/base/status.h"
#include "common/console/table.h"
#include "common/console/words.h"
#include "services/verify/command.h"
#include "services/verify/receipt_verifier.h"

namespace accord::verify {
namespace {

struct ReceiptOptions {
  std::string path, openings, policy;
};

// --vkey or --config, else the one log of the policy, else the key beside the receipt. INVALID_ARGUMENT, for the user to read, also
// when the policy names logs and this is none of them.
absl::StatusOr<Key> LogKey(const ReceiptOptions& options, const SharedOptions& shared, const std::optional<ledger::WitnessPolicy>& policy) {
  if (policy.has_value() && policy->logs().size() == 1 && shared.vkey.empty() && shared.config.empty()) {
    return Key{policy->logs()[0].key, options.policy, /*beside=*/false};
  }
  ACCORD_ASSIGN_OR_RETURN(Key key, ReadKey(shared, std::filesystem::path(options.path).parent_path()));
  if (!policy.has_value() || policy->logs().empty()) return key;
  for (const ledger::PolicyLog& log : policy->logs()) {
    if (log.key.ToString() == key.vkey.ToString()) return key;
  }
  return absl::InvalidArgumentError(fmt::format("the key in {} is of no log of the policy {}", key.path, options.policy));
}

int Receipt(const ReceiptOptions& options, const SharedOptions& shared, Output& output) {
  std::optional<ledger::WitnessPolicy> policy;
  if (!options.policy.empty()) {
    const auto written = ReadFile(options.policy, ledger::kPolicyBytesMax);
    if (!written.ok()) return WrongUse(output, Message(written.status()));
    auto parsed = ledger::WitnessPolicy::Parse(*written);
    if (!parsed.ok()) return WrongUse(output, fmt::format("{}: {}", options.policy, Message(parsed.status())));
    policy = *std::move(parsed);
  }
  const auto key = LogKey(options, shared, policy);
  if (!key.ok()) return WrongUse(output, Message(key.status()));
  const auto text = ReadFile(options.path, ledger::kReceiptBytesMax);
  if (!text.ok()) return WrongUse(output, Message(text.status()));

  const bool named = !options.openings.empty();
  const std::string openings_path = named ? options.openings : options.path + ".openings.json";
  std::vector<crypto::Opening> openings;
  WitnessReport witnessed;
  const auto report = [&]() -> absl::StatusOr<ReceiptReport> {
    if (named || std::filesystem::exists(openings_path)) {
      ACCORD_ASSIGN_OR_RETURN(const std::string json, ReadFile(openings_path, kOpeningsBytesMax));
      ACCORD_ASSIGN_OR_RETURN(openings, ParseOpenings(json));
    }
    ACCORD_ASSIGN_OR_RETURN(ReceiptReport verified, VerifyReceiptFile(*text, openings, key->vkey));
    if (policy.has_value()) {
      ACCORD_ASSIGN_OR_RETURN(witnessed, JudgeWitnesses(*text, *policy));
      if (!witnessed.quorum) {
        return Error(Reason::kReceiptInvalid,
                     fmt::format("its checkpoint does not meet the quorum {} of the witness policy: cosigned by {}", policy->quorum(),
                                 witnessed.witnesses.empty() ? "nobody of it" : fmt::format("{}", fmt::join(witnessed.witnesses, ", "))));
      }
    }
    return verified;
  }();

  if (!report.ok()) {
    const std::string why = console::Printable(Message(report.status()));
    if (shared.json)
      output.out += Dump({{"verifies", false}, {"file", options.path}, {"error", why}, {"key", KeyJson(*key)}});
    return DoesNotVerify(output, options.path, why);
  }
  const auto& receipt = report->receipt;
  const auto time_ms = static_cast<int64_t>(receipt.leaf.time_ms);
  if (shared.json) {
    nlohmann::json parts = nlohmann::json::array();
    for (const auto& opening : report->openings) {
      parts.push_back({{"label", opening.label}, {"content", nlohmann::json::parse(opening.json, nullptr, false)}});
      if (opening.json.empty()) parts.back()["content"] = nullptr;
    }
    nlohmann::json document = {{"verifies", true},
                        {"file", options.path},
                        {"origin", receipt.checkpoint.origin},
                        {"index", receipt.index},
                        {"timeMs", time_ms},
                        {"checkpointSize", receipt.checkpoint.size},
                        {"root", ToHex(ledger::View(receipt.checkpoint.root))},
                        {"openings", parts},
                        {"key", KeyJson(*key)}};
    if (policy.has_value()) {
      document["policy"] = {{"file", options.policy}, {"quorum", policy->quorum()}, {"witnesses", witnessed.witnesses}};
    }
    output.out += Dump(document);
    return kVerifies;
  }
  auto table = console::Table::Facts();
  table.Add({"receipt", options.path});
  table.Add({"log", receipt.checkpoint.origin});
  table.Add({"entry", fmt::format("{} of {}", receipt.index, receipt.checkpoint.size)});
  table.Add({"recorded at", console::TimeText(time_ms)});
  table.Add({"root", ToHex(ledger::View(receipt.checkpoint.root))});
  table.Add({"key", KeyText(*key)});
  if (policy.has_value()) {
    table.Add({"witnessed by", console::Printable(fmt::format("{}: meets the quorum {} of {}", fmt::join(witnessed.witnesses, ", "),
                                                              policy->quorum(), options.policy))});
  }
  output.out += table.ToString(console::TerminalWidth());
  if (report->openings.empty())
    output.out += "\nNo openings beside it: that the entry is in the log is shown, not what it says.\n";
  for (const auto& opening : report->openings) {
    output.out += fmt::format("\n{} (is what the entry commits to)\n", console::Printable(opening.label));
    std::istringstream lines(opening.text);
    for (std::string line; std::getline(lines, line);) output.out += fmt::format("  {}\n", line);
  }
  output.out += policy.has_value() ? "\nVERIFIES: the log's key signed a checkpoint that holds this entry, and its witnesses cosigned it.\n"
                                   : "\nVERIFIES: the log's key signed a checkpoint that holds this entry.\n";
  return kVerifies;
}

}  // namespace

Subcommand AddReceiptCommand(CLI::App& app) {
  const auto options = std::make_shared<ReceiptOptions>();
  auto* command = app.add_subcommand("receipt", "Verify one receipt, and show what its openings say");
  command->add_option("FILE", options->path, "The receipt (tlog-proof)")->required()->check(CLI::ExistingFile);
  command->add_option("--openings", options->openings, "Its openings; FILE.openings.json when that is there")
      ->check(CLI::ExistingFile);
  command->add_option("--policy", options->policy, "A witness policy (tlog-policy) that the checkpoint must meet")->check(CLI::ExistingFile);
  return {command, [options](const SharedOptions& shared, Output& output) { return Receipt(*options, shared, output); }};
}

}  // namespace accord::verify
