#include "services/accordctl/witness_verbs.h"

#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "accord/broker/v1/ledger_service.grpc.pb.h"
#include "common/base/file.h"
#include "common/base/status.h"
#include "common/crypto/ed25519.h"
#include "common/ledger/policy.h"
#include "common/rpc/client.h"

namespace accord::accordctl {
namespace {

void Print(const nlohmann::json& document) {
  const std::string text = document.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  std::fwrite(text.data(), 1, text.size(), stdout);
}

// A key that is there is kept: replacing it would leave the policy of everybody else with a witness that never cosigns again.
absl::StatusOr<int> WitnessKey(const std::string& name, const std::string& out, bool json) {
  if (!ledger::IsKeyName(name)) return UsageError("--name: a key's name has no blanks, plus signs or control characters");
  const bool made = !std::filesystem::exists(out);
  auto key = crypto::Ed25519Signer::Generate();
  if (made) {
    ACCORD_RETURN_IF_ERROR(WriteFileDurably(out, key.ToPem().view(), 0600));
  } else {
    ACCORD_ASSIGN_OR_RETURN(key, crypto::Ed25519Signer::FromPemFile(out));
  }
  const std::string vkey = ledger::Vkey::Make(name, ledger::kTypeCosignatureV1, key.verifier()).ToString();
  if (json) {
    Print({{"name", name}, {"vkey", vkey}, {"file", out}, {"made", made}});
    return kDone;
  }
  std::printf("%s\n", vkey.c_str());
  std::fprintf(stderr, "%s %s. Give this line to whoever keeps the witness policy: witness AGENCY %s\n", out.c_str(),
               made ? "was made" : "was there and is unchanged", vkey.c_str());
  return kDone;
}

absl::StatusOr<int> CheckPolicy(const std::string& file, bool json) {
  ACCORD_ASSIGN_OR_RETURN(const std::string text, ReadFile(file, ledger::kPolicyBytesMax));
  ACCORD_ASSIGN_OR_RETURN(const ledger::WitnessPolicy policy, ledger::WitnessPolicy::Parse(text));
  if (!json) {
    std::printf("%s", policy.ToString().c_str());
    std::fprintf(stderr, "%s is a tlog-policy of %zu logs, %zu witnesses and %zu groups; the quorum is %s\n", file.c_str(),
                 policy.logs().size(), policy.witnesses().size(), policy.groups().size(), policy.quorum().c_str());
    return kDone;
  }
  nlohmann::json document = {{"logs", nlohmann::json::array()}, {"witnesses", nlohmann::json::array()},
                             {"groups", nlohmann::json::array()}, {"quorum", policy.quorum()}};
  for (const ledger::PolicyLog& log : policy.logs()) document["logs"].push_back({{"vkey", log.key.ToString()}, {"url", log.url}});
  for (const ledger::PolicyWitness& witness : policy.witnesses()) {
    document["witnesses"].push_back({{"name", witness.name}, {"vkey", witness.key.ToString()}, {"url", witness.url}});
  }
  for (const ledger::PolicyGroup& group : policy.groups()) {
    document["groups"].push_back({{"name", group.name}, {"threshold", group.threshold}, {"members", group.members}});
  }
  Print(document);
  return kDone;
}

absl::StatusOr<int> ReportFork(Session& session, const std::string& file) {
  ACCORD_ASSIGN_OR_RETURN(const std::string note, ReadFile(file, ledger::kNoteBytesMax));
  ACCORD_ASSIGN_OR_RETURN(const ledger::Vkey key, session.LogKey());
  ACCORD_ASSIGN_OR_RETURN(const auto shown, ledger::VerifyCheckpoint(note, key));
  ACCORD_ASSIGN_OR_RETURN(const Endpoint broker, session.Broker(Prefer::kAdmin));
  broker::v1::ReportForkRequest request;
  request.set_request_id(session.RequestId());
  request.set_checkpoint(note);
  ACCORD_ASSIGN_OR_RETURN(const auto response, Ask(broker, &broker::v1::LedgerService::Stub::ReportFork, request));
  if (session.json()) {
    nlohmann::json document = {{"forked", response.forked()}, {"size", shown.checkpoint.size}};
    if (response.forked()) document["index"] = response.index();
    session.PrintJson(document);
  } else if (response.forked()) {
    session.Print(fmt::format("FORKED: the broker's log contradicts this checkpoint of {} entries. Entry {} says so, and nothing is signed "
                              "after it.\nKeep the file, and export the log before the broker is stopped: docs/runbooks/fork.md\n",
                              shown.checkpoint.size, response.index()));
  } else {
    session.Print(fmt::format("The broker's log has this checkpoint of {} entries: it is no fork.\n", shown.checkpoint.size));
  }
  return response.forked() ? kDone : kFailed;
}

}  // namespace

void AddWitnessVerbs(Command& ledger, Verb& chosen, OfflineVerb& offline) {
  auto name = std::make_shared<std::string>(), file = std::make_shared<std::string>();
  Command& key = ledger.AddVerb("witness-key", "Make the key an agency cosigns the log with, and print its verification key");
  key.AddOption("--name", *name, "Name of the key in notes: AGENCY.TRUST-DOMAIN").Required();
  key.AddOption("--out", *file, "The key file, of mode 0600; one that is there is kept").Path().Required();
  key.Footer("Example: accordctl ledger witness-key --name idva.accord.example --out witness.key");
  key.WhenGiven([&offline, name, file] { offline = [name, file](bool json) { return WitnessKey(*name, *file, json); }; });

  Command& policy = ledger.AddVerb("policy", "Check a witness policy (c2sp.org/tlog-policy) and print it");
  policy.AddOption("FILE", *file, "The policy").ExistingFile().Required();
  policy.Footer("Example: accordctl ledger policy witnesses.policy");
  policy.WhenGiven([&offline, file] { offline = [file](bool json) { return CheckPolicy(*file, json); }; });

  Command& report = ledger.AddChange("report-fork", "Show the broker a checkpoint of its own that its log contradicts; that ends its signing");
  report.AddOption("FILE", *file, "The checkpoint, a signed note").ExistingFile().Required();
  report.Footer("Example: accordctl ledger report-fork shown.checkpoint --as-admin alice");
  report.WhenGiven([&chosen, file] { chosen = [file](Session& session) { return ReportFork(session, *file); }; });
}

}  // namespace accord::accordctl
