#include "services/accordctl/program.h"

#include <fmt/format.h>

#include <cstdio>
#include <utility>

#include "common/base/status.h"
#include "common/base/version.h"
#include "services/accordctl/choices.h"
#include "services/accordctl/dry_run.h"
#include "services/accordctl/policy_verbs.h"
#include "services/accordctl/recover_verb.h"
#include "services/accordctl/self_verbs.h"
#include "services/accordctl/verbs.h"
#include "services/accordctl/witness_verbs.h"

namespace accord::accordctl {
namespace {

// A failed verb: told to a person on standard error, to a program on standard output.
int Fail(const absl::Status& status, bool json) {
  const std::string text = ErrorText(status);
  std::fflush(stdout);
  std::fwrite(text.data(), 1, text.size(), stderr);
  if (json) {
    const std::string document =
        nlohmann::json{{"error", ErrorJson(status)}}.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) +
        "\n";
    std::fwrite(document.data(), 1, document.size(), stdout);
  }
  return IsUsageError(status) ? kWrongUse : kFailed;
}

}  // namespace

Program::Program()
    : line("accordctl", "Pushes, reads and answers referrals, reads the record, administers (docs/accordctl.md).", kVersion) {
  line.AddOption("--config", settings.config, "Configuration file (services/accordctl/accordctl.toml.example)")
      .Path()
      .OrVariable("ACCORDCTL_CONFIG");
  line.AddOption("--as", settings.as, "The agency to speak as; `admin/NAME` for an administrator, `inspector/NAME` for an inspector");
  line.AddOption("--as-admin", settings.as_admin, "The administrator to speak as");
  line.AddFlag("--json", settings.json, "Machine-readable output on standard output");
  line.AddFlag("--dry-run", settings.dry_run, "Change nothing: check everything, and say what would be asked of whom");
  line.AddOption("--worker", settings.worker, "Pseudonym of the person who acts");
  line.AddOption("--role", settings.role, "In which role").Check(OneOf<type::v1::WorkerRole>());
  line.AddOption("--authentication", settings.authentication,
                 "How that person was authenticated").Check(OneOf<type::v1::Authentication>());
  line.AddOption("--request-id", settings.request_id, "Of an act: repeat it to make the same act again, once");
  AddReferralVerbs(line, verb);
  AddTodayVerbs(line, verb);
  AddWaitingVerbs(line, verb);
  AddImportVerb(line, verb);
  AddChecksVerbs(line, verb);
  AddForumVerbs(line, verb);
  AddInboxVerbs(line, verb);
  AddWorkerVerbs(line, verb);
  AddSharingVerbs(line, verb);
  AddTrailVerbs(line, verb);
  AddBundleVerbs(line, verb);
  Command& ledger = AddLedgerVerbs(line, verb);
  AddRecoverVerb(ledger, offline);
  AddWitnessVerbs(ledger, verb, offline);
  AddDeliveryVerbs(line, verb);
  AddCaseVerbs(line, verb);
  AddRecordsVerbs(line, verb);
  AddEraseVerbs(line, verb);
  AddHoldVerbs(line, verb);
  AddSupportVerbs(line, verb);
  AddTenantVerbs(line, verb);
  AddAuditVerbs(line, verb);
  AddQuestionVerbs(line, verb);
  AddAdminVerbs(line, verb);
  AddPolicyVerbs(line, verb, offline);
  AddWarrantVerbs(line, verb);
  AddDisclosureVerbs(line, verb);
  AddSelfVerbs(line, offline);
}

int RunAccordctl(int argc, const char* const* argv, Random& random, Connector connect) {
  Program program;
  switch (program.line.Parse(argc, argv)) {
    case CommandLine::Outcome::kAnswered: return kDone;
    case CommandLine::Outcome::kWrong: return kWrongUse;
    case CommandLine::Outcome::kUnderstood: break;
  }

  Settings& settings = program.settings;
  const bool json = settings.json;
  const Command* const given = program.line.GivenVerb();
  if (settings.dry_run && given != nullptr && !given->changes()) {
    return Fail(UsageError(fmt::format("{} changes nothing that others hold: --dry-run is for what does", given->name())), json);
  }
  if (program.offline) {
    const absl::StatusOr<int> done = program.offline(json);
    return done.ok() ? *done : Fail(done.status(), json);
  }
  const auto session = Session::Open(std::move(settings), random, std::move(connect));
  if (!session.ok()) return Fail(session.status(), json);
  const absl::StatusOr<int> done = program.verb(**session);
  if (const auto end = DryRunOf(done.status()); end.has_value()) {
    json ? (*session)->PrintJson(end->document) : (*session)->Print(end->text);
    return kDone;
  }
  if (!done.ok()) return Fail(done.status(), json);
  return *done;
}

}  // namespace accord::accordctl
