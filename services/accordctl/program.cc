#include "services/accordctl/program.h"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

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

void PrintError(const nlohmann::json& error) {
  const std::string document = nlohmann::json{{"error", error}}.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  std::fwrite(document.data(), 1, document.size(), stdout);
}

// The option of `verb` that fills `field` of what it asks: --from for from_ms, --agency for agencies. Empty when it has none.
std::string OptionOf(const Command& verb, std::string field) {
  field = field.substr(field.rfind('.') + 1);
  std::replace(field.begin(), field.end(), '_', '-');
  std::vector<std::string> names = {field};
  const auto without = [&](std::string_view end, std::string_view instead) {
    if (field.ends_with(end)) names.push_back(field.substr(0, field.size() - end.size()) + std::string(instead));
  };
  for (const std::string_view end : {"-ms", "-pseudonym", "s"}) without(end, "");
  without("ies", "y");
  const auto find = [&](const OptionSet& set) -> std::string {
    for (const Option& option : set.options()) {
      if (!option.by_place() && std::find(names.begin(), names.end(), option.name().substr(2)) != names.end()) return option.name();
    }
    return "";
  };
  std::string found = find(verb);
  for (const Command::OneOf& one_of : verb.one_ofs()) found = found.empty() ? find(one_of.options) : found;
  return found;
}

// A failed verb: told to a person on standard error, to a program on standard output. `given`: the verb; null when it does not matter.
int Fail(const absl::Status& status, bool json, const Command* given = nullptr) {
  std::string text = ErrorText(status);
  nlohmann::json document = ErrorJson(status);
  const auto metadata = DetailOf(status).metadata;
  if (const auto field = metadata.find("field"); given != nullptr && field != metadata.end()) {
    const std::string option = OptionOf(*given, field->second);
    if (!option.empty()) {
      text += fmt::format("  on the command line: {}\n", option);
      document["option"] = option;
    }
  }
  std::fflush(stdout);
  std::fwrite(text.data(), 1, text.size(), stderr);
  if (json) PrintError(document);
  return IsUsageError(status) ? kWrongUse : kFailed;
}

// Of a command line that was not understood it is not known what is whose value: whoever wants JSON has said so anywhere.
int FailToParse(const CommandLine::Wrong& wrong, int argc, const char* const* argv) {
  if (std::find(argv + 1, argv + argc, std::string_view("--json")) == argv + argc) return kWrongUse;
  nlohmann::json error = ErrorJson(UsageError(wrong.what));
  error["nextStep"] = wrong.next;
  PrintError(error);
  return kWrongUse;
}

// An answer that did not get out was not given.
int Flushed(int status) {
  const bool lost = std::ferror(stdout) != 0;
  if (std::fflush(stdout) == 0 && !lost) return status;
  std::fputs("accordctl: standard output could not be written: the answer is lost, or a part of it\n"
             "  what to do: see whether the disk is full, and ask again; an act that was made is made once, also when it is asked for again\n"
             "  with the same --request-id.\n", stderr);
  return status == kDone ? kFailed : status;
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

namespace {

int RunProgram(int argc, const char* const* argv, Random& random, Connector connect) {
  Program program;
  switch (program.line.Parse(argc, argv)) {
    case CommandLine::Outcome::kAnswered: return kDone;
    case CommandLine::Outcome::kWrong: return FailToParse(program.line.wrong(), argc, argv);
    case CommandLine::Outcome::kUnderstood: break;
  }

  Settings& settings = program.settings;
  const bool json = settings.json;
  const Command* const given = program.line.GivenVerb();
  const bool changes = given != nullptr && given->changes();
  if (settings.dry_run && given != nullptr && !changes) {
    return Fail(UsageError(fmt::format("{} changes nothing that others hold: --dry-run is for what does", given->name())), json);
  }
  // Whoever reads the answer may have enough of it (`| head`). What only asks ends there; what changes something goes on to its end.
  // gRPC's sockets raise no signal.
  std::signal(SIGPIPE, changes ? SIG_IGN : SIG_DFL);
  if (program.offline) {
    const absl::StatusOr<int> done = program.offline(json);
    return done.ok() ? *done : Fail(done.status(), json, given);
  }
  const auto session = Session::Open(std::move(settings), random, std::move(connect));
  if (!session.ok()) return Fail(session.status(), json);
  const absl::StatusOr<int> done = program.verb(**session);
  if (const auto end = DryRunOf(done.status()); end.has_value()) {
    json ? (*session)->PrintJson(end->document) : (*session)->Print(end->text);
    return kDone;
  }
  if (!done.ok()) return Fail(done.status(), json, given);
  return *done;
}

}  // namespace

int RunAccordctl(int argc, const char* const* argv, Random& random, Connector connect) {
  return Flushed(RunProgram(argc, argv, random, std::move(connect)));
}

}  // namespace accord::accordctl
