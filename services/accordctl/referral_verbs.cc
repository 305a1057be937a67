#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "accord/agency/v1/agency_service.grpc.pb.h"
#include "common/base/status.h"
#include "common/console/table.h"
#include "common/console/words.h"
#include "services/accordctl/choices.h"
#include "services/accordctl/references.h"
#include "services/accordctl/submit_verb.h"
#include "services/accordctl/verbs.h"

namespace accord::accordctl {
namespace {

using agency::v1::OutboxService;

absl::StatusOr<agency::v1::Submission> OwnSubmission(Session& session, const std::string& id) {
  ACCORD_ASSIGN_OR_RETURN(const AgencyIdentity* agency, session.Agency());
  ACCORD_ASSIGN_OR_RETURN(const Endpoint service, session.Service(*agency));
  return FindSubmission(service, id);
}

absl::StatusOr<int> Show(Session& session, const std::string& id) {
  ACCORD_ASSIGN_OR_RETURN(const auto submission, OwnSubmission(session, id));
  session.json() ? session.PrintJson(ToJson(submission)) : session.Print(SubmissionText(submission));
  return kDone;
}

absl::StatusOr<int> ListReferrals(Session& session, int rows_max) {
  ACCORD_ASSIGN_OR_RETURN(const AgencyIdentity* agency, session.Agency());
  ACCORD_ASSIGN_OR_RETURN(const Endpoint service, session.Service(*agency));
  nlohmann::json rows = nlohmann::json::array();
  console::Table table({"accepted", "call", "request id", "referral", "state"});
  table.KeepWhole(3);
  std::string token;
  int left = rows_max;
  do {
    agency::v1::ListSubmissionsRequest request;
    request.set_page_size(std::min(left, kPageRowsMax));
    request.set_page_token(token);
    ACCORD_ASSIGN_OR_RETURN(const auto page, Ask(service, &OutboxService::Stub::ListSubmissions, request));
    for (const auto& submission : page.submissions()) {
      rows.push_back(ToJson(submission));
      table.Add({console::TimeText(submission.accepted_at_ms()), submission.method(), submission.request_id(),
                 submission.referral().empty() ? "-" : ShortName(submission.referral()),
                 console::Words(submission.state())});
    }
    left -= page.submissions_size();
    token = page.next_page_token();
  } while (!token.empty() && left > 0);
  if (session.json()) {
    session.PrintJson({{"submissions", rows}, {"more", !token.empty()}});
    return kDone;
  }
  session.Print(table.ToString(console::TerminalWidth()));
  if (!token.empty()) session.Print(fmt::format("… and more: --limit shows up to {}\n", kRowsMax));
  return kDone;
}

absl::StatusOr<int> Resolve(Session& session, const std::string& id, bool send) {
  ACCORD_ASSIGN_OR_RETURN(const AgencyIdentity* agency, session.Agency());
  ACCORD_ASSIGN_OR_RETURN(const Endpoint service, session.Service(*agency));
  agency::v1::ResolveSubmissionRequest request;
  request.set_request_id(id);
  request.set_send(send);
  ACCORD_ASSIGN_OR_RETURN(*request.mutable_worker(), session.Worker(*agency));
  ACCORD_ASSIGN_OR_RETURN(const auto response, Ask(service, &OutboxService::Stub::ResolveSubmission, request));
  session.json() ? session.PrintJson(ToJson(response.submission())) : session.Print(SubmissionText(response.submission()));
  return kDone;
}

}  // namespace

void AddReferralVerbs(Command& app, Verb& chosen) {
  Command& referral = app.AddGroup("referral", "What this agency pushes");
  for (const bool preview : {false, true}) {
    auto arguments = std::make_shared<SubmitArguments>();
    arguments->preview = preview;
    Command& verb =
        preview ? referral.AddVerb("preview", "Show who would receive which sections and why not the others; nothing is stored")
                : referral.AddChange("submit", "Push, and show who receives which sections and why not the others");
    verb.AddOption("FILE", arguments->paths,
                   "Files {title, agency, call, request}, or directories of them (deploy/samples/)").Path()
        .Required();
    verb.AddOption("--caused-by", arguments->caused_by,
                   "Of one file: the received referral that it follows, as `inbox read` takes it; its sender's terms bind what goes further");
    verb.AddOption("--originator", arguments->originator, "Of one file: the agency that its material came from, which is asked before it goes further");
    verb.AddOption("--originator-agreement", arguments->originator_agreement, "What that agency answered").Check(OneOf<type::v1::OriginatorAgreement>());
    if (!preview) {
      verb.AddOption("--attach", arguments->attach, "Of one file: a file that goes with it, at most 5 MB; for each anew, at most eight times (docs/attachments.md)").Path().Values(1, 1);
      verb.AddOption("--wait", arguments->wait_s, "Seconds to wait for the broker's answer; 0: until it is durable at the service")
          .Range(0, kWaitSecondsMax)
          .ShowDefault();
      verb.AddFlag("--strict", arguments->strict, "What is not stored by the broker in that time counts as failed");
    }
    verb.Footer(preview ? "Example: accordctl referral preview deploy/samples/02-police-high-risk-children-present.json"
                        : "Example: accordctl referral submit deploy/samples/02-police-high-risk-children-present.json --wait 20 --strict");
    verb.WhenGiven([&chosen, arguments] { chosen = [arguments](Session& session) { return Submit(session, *arguments); }; });
  }
  auto id = std::make_shared<std::string>();
  constexpr char kId[] = "Request id, `referrals/…`, or the beginning of its digits";
  Command& show = referral.AddVerb("show", "Show one submission: where it stands, decisions, statements");
  show.AddOption("ID", *id, kId).Required();
  show.Footer("Example: accordctl referral show push-0001 --as police");
  show.WhenGiven([&chosen, id] { chosen = [id](Session& session) { return Show(session, *id); }; });

  auto limit = std::make_shared<int>(kRowsDefault);
  Command& list = referral.AddVerb("list", "List submissions, the newest first");
  list.AddOption("--limit", *limit, "Most rows").Range(1, kRowsMax).ShowDefault();
  list.Footer("Example: accordctl referral list --as police");
  list.WhenGiven([&chosen, limit] { chosen = [limit](Session& session) { return ListReferrals(session, *limit); }; });

  auto send = std::make_shared<bool>(false), withdraw = std::make_shared<bool>(false);
  Command& resolve = referral.AddChange("resolve", "Decide on a submission that waits for a person");
  resolve.AddOption("ID", *id, "Request id").Required();
  OptionSet& which = resolve.AddOneOf("decision");
  which.AddFlag("--send", *send, "Send it under what is permitted now");
  which.AddFlag("--withdraw", *withdraw, "Do not send it");
  resolve.Footer("Example: accordctl referral resolve push-0001 --send --as police");
  resolve.WhenGiven([&chosen, id, send] { chosen = [id, send](Session& session) { return Resolve(session, *id, *send); }; });
  AddChangeVerbs(referral, chosen);
}

}  // namespace accord::accordctl
