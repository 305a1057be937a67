#include <fmt/format.h>

#include <filesystem>
#include <memory>

#include "common/base/bytes.h"
#include "common/base/file.h"
#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/console/table.h"
#include "common/ledger/merkle.h"
#include "services/accordctl/receipt_files.h"
#include "services/accordctl/references.h"
#include "services/accordctl/timeline.h"
#include "services/accordctl/timeline_html.h"
#include "services/accordctl/trail_query.h"
#include "services/accordctl/verbs.h"

namespace accord::accordctl {
namespace {

struct TimelineOptions {
  std::string pseudonym, referral, warrant, purpose, html;
  bool no_proofs = false;
};

absl::StatusOr<inspection::v1::QueryTrailRequest> TimelineRequest(Session& session, const TimelineOptions& options, std::string& only) {
  inspection::v1::QueryTrailRequest request;
  request.set_purpose(options.purpose);
  request.set_warrant(options.warrant);
  if (!options.referral.empty()) {
    ACCORD_ASSIGN_OR_RETURN(only, FindHeaderDigest(session, options.referral));
    request.set_referral(only);
  }
  if (!options.pseudonym.empty()) {
    const auto pseudonym = FromHex(options.pseudonym);
    if (!pseudonym.has_value() || pseudonym->size() != kIdBytes) return UsageError("a case is named by the 32 hex digits of its pseudonym");
    request.set_case_pseudonym(*pseudonym);  // With a referral too: the case's trail, and of it that referral.
  }
  if (request.about_case() == inspection::v1::QueryTrailRequest::ABOUT_NOT_SET) return UsageError("a case's pseudonym or --referral is needed");
  return request;
}

absl::StatusOr<int> ShowTimeline(Session& session, const TimelineOptions& options) {
  std::string only;
  ACCORD_ASSIGN_OR_RETURN(const auto request, TimelineRequest(session, options, only));
  const bool of_case = request.about_case() == inspection::v1::QueryTrailRequest::kCasePseudonym;
  const Prefer prefer = !options.warrant.empty() ? Prefer::kInspector : of_case ? Prefer::kAdmin : Prefer::kAgency;
  if (!options.html.empty() && std::filesystem::symlink_status(options.html).type() != std::filesystem::file_type::not_found) {
    return UsageError(fmt::format("{} is there already: nothing is written over", options.html));
  }
  ACCORD_ASSIGN_OR_RETURN(const ledger::Vkey log, session.LogKey());
  ACCORD_ASSIGN_OR_RETURN(const Endpoint broker, session.Broker(prefer));
  ACCORD_ASSIGN_OR_RETURN(const AskedQuery asked, BeforeAskingTrail(broker, log, request));
  ACCORD_ASSIGN_OR_RETURN(const TrailAnswer answer, QueryTrail(broker, request, log.name()));
  ACCORD_RETURN_IF_ERROR(CheckAnswer(answer, request, asked));
  const TrailCheck check = CheckOrder(answer.rows);
  if (!check.in_order) return Error(Reason::kReceiptInvalid, "the rows of the trail are not in the order of the log");
  TimelineProof proof{.origin = log.name(), .completeness = answer.completeness, .query_index = answer.query_index, .every_entry = check.every_entry_shown};
  ACCORD_ASSIGN_OR_RETURN(const ledger::Checkpoint tree, ProveInOneLog(broker, log, ToProve(answer.rows, !options.no_proofs), asked.before));
  if (!options.no_proofs) {
    proof.checkpoint_size = tree.size;
    proof.checkpoint_root = ToHex(ledger::View(tree.root));
  }
  const Timeline timeline =
      MakeTimeline(answer.rows, of_case ? "Case " + ToHex(request.case_pseudonym()) : "Referral " + ToHex(only), std::move(proof), only);
  if (!options.html.empty()) {
    ACCORD_RETURN_IF_ERROR(WriteFileDurably(options.html, TimelinePage(timeline), kForOwner));
    if (!session.json()) {
      session.Print(fmt::format("{} has the timeline with {} entries: one page that loads nothing, for the owner alone.\n", options.html, timeline.events.size()));
      return kDone;
    }
  }
  if (session.json()) {
    session.PrintJson(TimelineJson(timeline));
  } else {
    session.Print(TimelineText(timeline, console::TerminalWidth()));
  }
  return kDone;
}

}  // namespace

void AddTimelineVerb(Command& cases, Verb& chosen) {
  auto options = std::make_shared<TimelineOptions>();
  Command& verb = cases.AddVerb("timeline", "What happened across agencies: who got what, how long it waited, where the record is silent");
  verb.AddOption("CASE", options->pseudonym, "Case pseudonym, 32 hex digits (administrators; inspectors under a warrant)");
  verb.AddOption("--referral", options->referral, "Of the case this one alone, without a case also for the agencies that are party to it: `referrals/…` or its digits; to an agency also 8 of them or more, or its own request id");
  verb.AddOption("--warrant", options->warrant, "The warrant it is asked under (inspectors)");
  verb.AddOption("--purpose", options->purpose, "Why it is asked: a code of at most 64 characters, kept in the record");
  verb.AddOption("--html", options->html, "Write it into this new file, one page to read and print").Path();
  verb.AddFlag("--no-proofs", options->no_proofs, "Do not prove that each leaf is in the log, but only that of the question");
  verb.Footer("Example:\n  accordctl case timeline 9f3c0000000000000000000000000000 --warrant jtai-2026-1 --html case.html --as inspector/j-ahmed");
  verb.WhenGiven([&chosen, options] { chosen = [options](Session& session) { return ShowTimeline(session, *options); }; });
}

}  // namespace accord::accordctl
