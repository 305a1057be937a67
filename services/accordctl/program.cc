#include "services/accordctl/program.h"

#include <cstdio>

#include "common/base/status.h"
#include "common/base/version.h"
#include "services/accordctl/policy_verbs.h"
#include "services/accordctl/recover_verb.h"
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

int RunAccordctl(int argc, const char* const* argv, Random& random) {
  CommandLine app("accordctl", "Pushes, reads and answers referrals, reads the record, administers (docs/accordctl.md).", kVersion);
  Settings settings;
  app.AddOption("--config", settings.config, "Configuration file (services/accordctl/accordctl.toml.example)")
      .OrVariable("ACCORDCTL_CONFIG");
  app.AddOption("--as", settings.as, "The agency to speak as; `admin/NAME` for an administrator");
  app.AddOption("--as-admin", settings.as_admin, "The administrator to speak as");
  app.AddFlag("--json", settings.json, "Machine-readable output on standard output");
  app.AddOption("--worker", settings.worker, "Pseudonym of the person who acts");
  app.AddOption("--role", settings.role, "In which role: practitioner, supervisor, administrator, system");
  app.AddOption("--authentication", settings.authentication,
                "How that person was authenticated: multi-factor, single-factor, automatic");
  app.AddOption("--request-id", settings.request_id, "Of an act: repeat it to make the same act again, once");
  Verb verb;
  AddReferralVerbs(app, verb);
  AddTodayVerbs(app, verb);
  AddWaitingVerbs(app, verb);
  AddImportVerb(app, verb);
  AddChecksVerbs(app, verb);
  AddForumVerbs(app, verb);
  AddInboxVerbs(app, verb);
  AddWorkerVerbs(app, verb);
  AddSharingVerbs(app, verb);
  AddTrailVerbs(app, verb);
  Command& ledger = AddLedgerVerbs(app, verb);
  OfflineVerb offline;
  AddRecoverVerb(ledger, offline);
  AddWitnessVerbs(ledger, verb, offline);
  AddDeliveryVerbs(app, verb);
  AddCaseVerbs(app, verb);
  AddRecordsVerbs(app, verb);
  AddEraseVerbs(app, verb);
  AddHoldVerbs(app, verb);
  AddSupportVerbs(app, verb);
  AddTenantVerbs(app, verb);
  AddAdminVerbs(app, verb);
  AddPolicyVerbs(app, verb, offline);
  bool later = false;
  AddLaterVerbs(app, later);
  switch (app.Parse(argc, argv)) {
    case CommandLine::Outcome::kAnswered: return kDone;
    case CommandLine::Outcome::kWrong: return kWrongUse;
    case CommandLine::Outcome::kUnderstood: break;
  }

  const bool json = settings.json;
  if (later) {
    return Fail(Error(Reason::kComesLater,
                      "warrants are part of the published interface and come later: this version has none"),
                json);
  }
  if (offline) {
    const absl::StatusOr<int> done = offline(json);
    return done.ok() ? *done : Fail(done.status(), json);
  }
  const auto session = Session::Open(std::move(settings), random);
  if (!session.ok()) return Fail(session.status(), json);
  const absl::StatusOr<int> done = verb(**session);
  if (!done.ok()) return Fail(done.status(), json);
  return *done;
}

}  // namespace accord::accordctl
