#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "accord/inspection/v1/trail_service.pb.h"
#include "common/base/bytes.h"
#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/console/table.h"
#include "common/console/words.h"
#include "common/ledger/checkpoint.h"
#include "services/accordctl/bundle_files.h"
#include "services/accordctl/log_client.h"
#include "services/accordctl/progress.h"
#include "services/accordctl/references.h"
#include "services/accordctl/trail_bundle_writer.h"
#include "services/accordctl/trail_find.h"
#include "services/accordctl/trail_query.h"
#include "services/accordctl/trail_rows.h"
#include "services/accordctl/verbs.h"

namespace accord::accordctl {
namespace {

using inspection::v1::QueryTrailRequest;

struct TrailArguments {
  std::string id, purpose, bundle, warrant;
  bool proofs = false, no_proofs = false;
};

std::string Completeness(const TrailAnswer& answer, const TrailCheck& check) {
  std::string text = fmt::format("Completeness: {}.", answer.completeness.empty() ? "no grade told" : answer.completeness);
  text += fmt::format(" The last row, entry {}, is the record of this very question: its leaf states how far the chain goes, so an entry of this trail that is not "
                      "above convicts the broker.",
                      answer.query_index);
  text += check.every_entry_shown
              ? fmt::format("\nEvery entry of the chain is here: numbers 0 to {} without a gap.", check.entries - 1)
              : std::string("\nNot every entry of the chain is here: only those that this caller may see.");
  const auto closed = [&](bool erased) {
    return std::count_if(answer.rows.begin(), answer.rows.end(), [&](const CheckedRow& row) { return !row.event.has_value() && row.erased == erased; });
  };
  if (const auto erased = closed(true); erased > 0) text += fmt::format(" What {} of them said was erased.", erased);
  if (const auto hidden = closed(false); hidden > 0) text += fmt::format(" What {} of them say is not for this caller.", hidden);
  return text;
}

// Writes the answer into the directory of --bundle. Returns what it holds.
absl::StatusOr<ledger::TrailManifest> WriteAnswer(const Endpoint& broker, const ledger::Vkey& log,
                                                  const QueryTrailRequest& request, const TrailAnswer& answer,
                                                  const AskedQuery& asked, const std::string& directory) {
  const bool of_case = request.about_case() == QueryTrailRequest::kCasePseudonym;
  ACCORD_ASSIGN_OR_RETURN(
      ledger::TrailManifest manifest,
      ManifestOf(answer.rows, answer.query_index,
                 of_case ? ledger::TrailManifest::About::kCase : ledger::TrailManifest::About::kReferral,
                 of_case ? request.case_pseudonym() : request.referral(), log.name()));
  // A published checkpoint stays and is cosigned; the newest one does when none covers the question yet.
  const auto published = PublishedCheckpoint(broker, log);
  if (!published.ok() && !HasReason(published.status(), Reason::kCheckpointNotFound)) return published.status();
  const bool covers = published.ok() && published->checkpoint.size > answer.query_index;
  Progress progress("receipts");
  uint64_t fetched = 0;
  const auto source = [&](uint64_t index, uint64_t size) -> absl::StatusOr<type::v1::Receipt> {
    progress.Tell(++fetched, answer.rows.size());
    ACCORD_ASSIGN_OR_RETURN(CheckedReceipt checked, ReceiptOf(broker, log, index, size));
    return std::move(checked.receipt);
  };
  ACCORD_ASSIGN_OR_RETURN(const BundleReceipts receipts,
                          FetchAtOneCheckpoint(answer.rows, covers ? published->checkpoint.size : 0, log, source));
  progress.End();
  manifest.checkpoint_size = receipts.size;
  ACCORD_ASSIGN_OR_RETURN(const ledger::VerifiedCheckpoint at, ledger::VerifyCheckpoint(receipts.checkpoint, log));
  ACCORD_RETURN_IF_ERROR(ProveOneLog(broker, asked.before, at.checkpoint));
  ACCORD_RETURN_IF_ERROR(WriteBundle(directory, manifest, log, receipts));
  return manifest;
}

absl::StatusOr<int> ShowTrail(Session& session, const Endpoint& broker, const QueryTrailRequest& request,
                         const TrailArguments& arguments) {
  ACCORD_ASSIGN_OR_RETURN(const ledger::Vkey log, session.LogKey());
  // A look on the record that brings nothing home is a cost: what would refuse it is looked at first, and again when it is written.
  if (!arguments.bundle.empty()) ACCORD_RETURN_IF_ERROR(CheckNewDirectory(arguments.bundle, kBundleDirectory));
  ACCORD_ASSIGN_OR_RETURN(const AskedQuery asked, BeforeAskingTrail(broker, log, request));
  ACCORD_ASSIGN_OR_RETURN(const TrailAnswer answer, QueryTrail(broker, request, log.name()));
  ACCORD_RETURN_IF_ERROR(CheckAnswer(answer, request, asked));
  const TrailCheck check = CheckOrder(answer.rows);
  if (!check.in_order) return Error(Reason::kReceiptInvalid, "the rows of the trail are not in the order of the log");
  if (!arguments.bundle.empty()) {
    ACCORD_ASSIGN_OR_RETURN(const auto manifest, WriteAnswer(broker, log, request, answer, asked, arguments.bundle));
    if (session.json()) {
      session.PrintJson({{"directory", arguments.bundle},
                         {"rows", manifest.rows.size()},
                         {"grade", ledger::Name(manifest.grade)},
                         {"queryIndex", manifest.query_index},
                         {"checkpointSize", manifest.checkpoint_size}});
      return kDone;
    }
    session.Print(fmt::format(
        "{} holds {} entries, grade {}, each with its receipt at the checkpoint of {} entries; the last one, entry {}, is the "
        "record of this very question.\nTo check it offline: accord-verify bundle {} --vkey {}\n",
        arguments.bundle, manifest.rows.size(), ledger::Name(manifest.grade), manifest.checkpoint_size,
        manifest.query_index, arguments.bundle, session.config().log_vkey));
    return kDone;
  }
  const bool prove = !arguments.no_proofs && (arguments.proofs || answer.rows.size() <= kProofsAtOnceMax);
  ACCORD_RETURN_IF_ERROR(ProveInOneLog(broker, log, ToProve(answer.rows, prove), asked.before).status());

  if (session.json()) {
    nlohmann::json cases = nlohmann::json::array();
    for (const std::string& pseudonym : answer.cases) cases.push_back(ToHex(pseudonym));
    session.PrintJson({{"rows", answer.json},
                       {"completeness", answer.completeness},
                       {"queryIndex", answer.query_index},
                       {"cases", cases},
                       {"everyEntryHere", check.every_entry_shown},
                       {"openingsVerified", true},
                       {"leavesProved", prove}});
    return kDone;
  }
  console::Table table({"entry", "time", "event", "who", "recipient", "detail"});
  for (const CheckedRow& row : answer.rows) {
    table.Add({std::to_string(row.index), console::TimeText(static_cast<int64_t>(row.leaf.time_ms)), EventText(row),
               ActorText(row), RecipientText(row), DetailText(row)});
  }
  std::string text = table.ToString(console::TerminalWidth()) + "\n";
  text += console::Paragraph(Completeness(answer, check), console::TerminalWidth());
  text += fmt::format("Verified before it was printed: what each row says opens commitments of its leaf{}.\n",
                      prove ? fmt::format(", and each leaf is in the log that {} signs", log.name())
                            : fmt::format("; {}", kQuestionAloneProved));
  for (const std::string& pseudonym : answer.cases) text += fmt::format("Case: accordctl trail case {}\n", ToHex(pseudonym));
  session.Print(text);
  return kDone;
}

absl::StatusOr<int> Referral(Session& session, const TrailArguments& arguments) {
  QueryTrailRequest request;
  request.set_purpose(arguments.purpose);
  request.set_warrant(arguments.warrant);
  ACCORD_ASSIGN_OR_RETURN(*request.mutable_referral(), FindHeaderDigest(session, arguments.id));
  ACCORD_ASSIGN_OR_RETURN(const Endpoint broker, session.Broker(Prefer::kAgency));
  return ShowTrail(session, broker, request, arguments);
}

absl::StatusOr<int> Case(Session& session, const TrailArguments& arguments) {
  const auto pseudonym = FromHex(arguments.id);
  if (!pseudonym.has_value() || pseudonym->size() != kIdBytes)
    return UsageError("a case is named by the 32 hex digits of its pseudonym");
  QueryTrailRequest request;
  request.set_purpose(arguments.purpose);
  request.set_warrant(arguments.warrant);
  request.set_case_pseudonym(*pseudonym);
  ACCORD_ASSIGN_OR_RETURN(const Endpoint broker, session.Broker(Prefer::kAdmin));
  return ShowTrail(session, broker, request, arguments);
}

absl::StatusOr<int> Agency(Session& session, const TrailArguments& arguments) {
  QueryTrailRequest request;
  request.set_purpose(arguments.purpose);
  request.set_warrant(arguments.warrant);
  request.set_agency(arguments.id);
  ACCORD_ASSIGN_OR_RETURN(const Endpoint broker, session.Broker(Prefer::kAdmin));
  return ShowTrail(session, broker, request, arguments);
}

}  // namespace

void AddTrailVerbs(Command& app, Verb& chosen) {
  Command& trail = app.AddGroup("trail", "What the record says; the question is itself recorded");
  auto arguments = std::make_shared<TrailArguments>();
  const auto add = [&](const char* name, const char* what, const char* id,
                       absl::StatusOr<int> (*verb)(Session&, const TrailArguments&), bool bundled, const char* example) {
    Command& command = trail.AddVerb(name, what);
    command.AddOption("ID", arguments->id, id).Required();
    command.AddOption("--purpose", arguments->purpose,
                      "Why it is asked: a code of at most 64 characters, kept in the record");
    command.AddOption("--warrant", arguments->warrant, "The warrant it is asked under (inspectors)");
    Option& no_proofs = command.AddFlag("--no-proofs", arguments->no_proofs, "Do not prove that each leaf is in the log, but only that of the question");
    command.AddFlag("--proofs", arguments->proofs, fmt::format("Prove it for more than {} entries too", kProofsAtOnceMax))
        .Excludes(no_proofs);
    if (bundled) {
      command.AddOption("--bundle", arguments->bundle, "Write it into this new directory, for `accord-verify bundle`").Path().Excludes(no_proofs);
    }
    command.Footer(example);
    command.WhenGiven([&chosen, arguments, verb] {
      chosen = [arguments, verb](Session& session) { return verb(session, *arguments); };
    });
  };
  add("referral", "What happened to a referral", "Request id, `referrals/…`, or the beginning of its digits", Referral, true,
      "Example: accordctl trail referral push-0001 --as police");
  add("case", "What happened on a case (administrators)", "Case pseudonym, 32 hex digits", Case, true,
      "Example: accordctl trail case 00112233445566778899aabbccddeeff --bundle case-1 --as-admin alice");
  add("agency", "What an agency did and was refused (administrators)", "Agency id", Agency, false,
      "Example: accordctl trail agency housing --as-admin alice");
  AddTrailFind(trail, chosen);
}

}  // namespace accord::accordctl
