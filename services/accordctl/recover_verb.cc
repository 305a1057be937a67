#include "services/accordctl/recover_verb.h"

#include <fmt/format.h>

#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>

#include "common/base/bytes.h"
#include "common/base/file.h"
#include "common/base/status.h"
#include "common/console/words.h"
#include "common/ledger/note.h"
#include "services/accordctl/progress.h"
#include "services/accordctl/session.h"
#include "services/broker/recovery/ledger_recovery.h"

namespace accord::accordctl {
namespace {

using broker::LostChain;
using broker::LostChainKind;
using broker::RecoveryReport;

constexpr size_t kRecoverVkeyBytesMax = 4096;
constexpr size_t kChainsShown = 50;

constexpr char kFooter[] =
    "Run it while no broker runs on the store (docs/runbooks/ledger.md says when, and what to do with what it reports).\n"
    "The damaged store is only read: a copy of it is opened, up to the damage, and completed from an export of the log that an\n"
    "agency or inspector holds, after every entry of that was hashed to the root that the log's key signed. It is refused when\n"
    "the two contradict each other, and when the guard tells of more signed entries than both have.\n"
    "Without --store the ledger alone is made: it verifies, and nothing else of the broker's state is there.\n"
    "Exit status: 0 done, 1 refused or failed (nothing was made), 2 wrong use.\n"
    "Example: accordctl ledger recover --store state/store --guard guard/guard --from mirror/ --vkey log.vkey --out state/recovered\n";

std::string_view Word(LostChainKind kind) {
  switch (kind) {
    case LostChainKind::kAdministration: return "administration";
    case LostChainKind::kPrincipal: return "principal";
    case LostChainKind::kReferral: return "referral";
    case LostChainKind::kCase: return "case";
    case LostChainKind::kOther: break;
  }
  return "other";
}

std::string What(const LostChain& chain) {
  switch (chain.kind) {
    case LostChainKind::kAdministration: return "administration: directory, agreement, approvals";
    case LostChainKind::kPrincipal: return chain.principal + ": reads, previews, refusals";
    case LostChainKind::kReferral: break;
    case LostChainKind::kCase: return "case " + ToHex(chain.pseudonym);
    case LostChainKind::kOther: return "chain " + ToHex(chain.pseudonym);
  }
  std::string text = "referral " + ToHex(chain.header_digest) + ", party:";
  for (const std::string& agency : chain.parties) text += " " + agency;
  return text;
}

nlohmann::json RecoveryJson(const RecoveryReport& report, const std::string& out) {
  nlohmann::json chains = nlohmann::json::array();
  for (const LostChain& chain : report.chains) {
    nlohmann::json row = {{"kind", Word(chain.kind)}, {"chain", ToHex(chain.pseudonym)}, {"entries", chain.entries}};
    if (!chain.principal.empty()) row["principal"] = chain.principal;
    if (!chain.header_digest.empty()) row["referral"] = ToHex(chain.header_digest);
    if (!chain.parties.empty()) row["parties"] = chain.parties;
    chains.push_back(std::move(row));
  }
  return {{"directory", out},
          {"origin", report.origin},
          {"size", report.size},
          {"ledgerOnly", report.ledger_only},
          {"storeSize", report.store_size},
          {"storeTimeMs", report.store_time_ms},
          {"exportSize", report.export_size},
          {"guardSize", report.guard_size},
          {"repaired", report.repaired},
          {"batchesLost", report.batches_lost},
          {"lost",
           {{"from", report.first_lost},
            {"to", report.end_lost},
            {"firstTimeMs", report.first_lost_ms},
            {"lastTimeMs", report.last_lost_ms},
            {"chains", chains},
            {"newChains", report.new_chains},
            {"newChainEntries", report.new_chain_entries},
            {"agencies", report.agencies}}}};
}

std::string RecoveryText(const RecoveryReport& report, const std::string& out) {
  const auto time = [](uint64_t ms) { return console::TimeText(static_cast<int64_t>(ms)); };
  std::string text = fmt::format("{} holds the log of {} with {} entries; their root is the signed one.\n", out, report.origin, report.size);
  if (report.ledger_only) {
    text +=
        "LEDGER ONLY. No store was given: referrals, mailboxes, the directory, agreements and openings are lost, and a broker does\n"
        "not start on this. It proves what was recorded. If there is any backup of the store, however old, give it with --store;\n"
        "otherwise begin a new log (docs/runbooks/ledger.md).\n";
  } else {
    text += fmt::format("The store had {} entries, its last batch is of {}; {} came from the export.\n", report.store_size,
                        time(report.store_time_ms), report.size - report.store_size);
  }
  if (report.repaired > 0) {
    text += fmt::format("ALTERED: {} stored leaves, tiles or nodes were not the signed ones and were replaced. Keep the damaged store:\n"
                        "this is a failing disk, or tampering.\n", report.repaired);
  }
  if (report.end_lost == 0) {
    text += report.batches_lost > 0
                ? fmt::format("LOST: {} answered batches without entries (leases, retries); agencies repeat what they have no answer to.\n",
                              report.batches_lost)
                : std::string("No entry was lost.\n");
    return text;
  }
  text += fmt::format(
      "LOST: of the entries {} to {} ({} to {}) the leaves are left alone. What they say is gone, and so is every change they\n"
      "record: referrals, deliveries, statements, directory.\n",
      report.first_lost, report.end_lost - 1, time(report.first_lost_ms), time(report.last_lost_ms));
  if (report.ledger_only) return text;
  if (!report.chains.empty()) text += "As far as the store knows they concern:\n";
  for (size_t i = 0; i < report.chains.size() && i < kChainsShown; ++i) {
    text += fmt::format("  {:>8}  {}\n", report.chains[i].entries, What(report.chains[i]));
  }
  if (report.chains.size() > kChainsShown) text += fmt::format("  and {} chains more (--json has all)\n", report.chains.size() - kChainsShown);
  if (report.new_chains > 0) {
    text += fmt::format("{} entries are of {} chains that began after the loss: which referrals, only the agencies' outboxes tell.\n",
                        report.new_chain_entries, report.new_chains);
  }
  text += "Agencies concerned:";
  for (const std::string& agency : report.agencies) text += " " + agency;
  if (report.agencies.empty()) text += " none that the store knows";
  return text + fmt::format("\nNext: put {} in the place of the store, start the broker (it records LEDGER_RECOVERED), repeat what\n"
                            "administrators changed since, and follow docs/runbooks/ledger.md with the agencies.\n", out);
}

struct Options {
  std::string store, guard, from, vkey, out;
  uint64_t at_least = 0;
};

absl::StatusOr<int> Recover(const Options& options, bool json) {
  const auto text = ReadFile(options.vkey, kRecoverVkeyBytesMax);
  if (!text.ok()) return UsageError(fmt::format("--vkey {}: {}", options.vkey, text.status().ToString()));
  auto key = ledger::Vkey::Parse(std::string_view(*text).substr(0, text->find('\n')));
  if (!key.ok() || key->type() != ledger::kTypeEd25519) return UsageError(fmt::format("--vkey {} is no log's verification key", options.vkey));

  Progress line("entries");
  const auto progress = [&](std::string_view phase, uint64_t done, uint64_t total) { line.Tell(done, total, phase); };
  ACCORD_ASSIGN_OR_RETURN(const RecoveryReport report,
                          broker::RecoverLedger({.store = options.store,
                                                 .guard = options.guard,
                                                 .export_directory = options.from,
                                                 .out = options.out,
                                                 .log = *std::move(key),
                                                 .at_least = options.at_least,
                                                 .progress = progress}));
  line.End();
  const std::string output = json ? RecoveryJson(report, options.out).dump(2) + "\n" : RecoveryText(report, options.out);
  std::fwrite(output.data(), 1, output.size(), stdout);
  return kDone;
}

}  // namespace

void AddRecoverVerb(Command& ledger, OfflineVerb& chosen) {
  auto options = std::make_shared<Options>();
  Command& recover = ledger.AddVerb(
      "recover", "Rebuild a store that lost signed entries from an export of the log; offline, says what was lost");
  recover.AddOption("--store", options->store, "The damaged store's directory, or a backup of it").ExistingDirectory();
  recover.AddOption("--guard", options->guard, "The guard's file; it is not changed").Required().ExistingFile();
  recover.AddOption("--from", options->from, "The export: a tlog-tiles directory").Required().ExistingDirectory();
  recover.AddOption("--vkey", options->vkey, "File with the log's verification key").Required().ExistingFile();
  recover.AddOption("--out", options->out, "Where the store is made; must not be there").Path().Required();
  recover.AddOption("--at-least", options->at_least, "Entries of the largest checkpoint that any agency holds");
  recover.Footer(kFooter);
  recover.WhenGiven([&chosen, options] { chosen = [options](bool json) { return Recover(*options, json); }; });
}

}  // namespace accord::accordctl
