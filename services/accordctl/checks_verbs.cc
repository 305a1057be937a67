// Asking what others know of a family, reading what they answered, and answering.
#include <fmt/format.h>

#include <memory>

#include "accord/agency/v1/agency_service.grpc.pb.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/console/table.h"
#include "common/console/words.h"
#include "services/accordctl/checks_text.h"
#include "services/accordctl/choices.h"
#include "services/accordctl/references.h"
#include "services/accordctl/samples.h"
#include "services/accordctl/submit_verb.h"
#include "services/accordctl/verbs.h"

namespace accord::accordctl {
namespace {

constexpr char kCall[] = "RequestChecks";

absl::StatusOr<int> Request(Session& session, const SubmitArguments& arguments) {
  const auto samples = LoadSamples(arguments.paths);
  if (!samples.ok()) return UsageError(fmt::format("{}; nothing was sent", FromAbsl(samples.status().message())));
  for (const Sample& sample : *samples) {
    if (sample.call != kCall) return UsageError(fmt::format("{}: calls {}, not {}; nothing was sent", sample.file, sample.call, kCall));
  }
  return Submit(session, arguments);
}

absl::StatusOr<int> ShowChecks(Session& session, const std::string& id) {
  ACCORD_ASSIGN_OR_RETURN(const AgencyIdentity* agency, session.Agency());
  ACCORD_ASSIGN_OR_RETURN(const Endpoint service, session.Service(*agency));
  ACCORD_ASSIGN_OR_RETURN(const auto submission, FindSubmission(service, id));
  agency::v1::GetChecksRequest request;
  request.set_request_id(submission.request_id());
  ACCORD_ASSIGN_OR_RETURN(const auto checks, Ask(service, &agency::v1::ChecksService::Stub::GetChecks, request));
  if (session.json()) {
    session.PrintJson({{"referral", submission.referral()}, {"requestId", submission.request_id()}, {"checks", ToJson(checks)}});
    return kDone;
  }
  const std::string name = submission.referral().empty() ? submission.request_id() : submission.referral();
  session.Print(fmt::format("{}\n{}", name, ChecksText(checks, console::TerminalWidth())));
  return kDone;
}

absl::StatusOr<int> AnswerCheck(Session& session, const std::string& id, agency::v1::AnswerCheckRequest request) {
  const bool withheld = request.answer() == type::v1::CHECK_ANSWER_KNOWN_WITHHELD;
  if (withheld == (request.withheld_reason() == type::v1::NOT_SHARED_REASON_UNSPECIFIED)) {
    return UsageError("--reason, why it is not told, belongs to withheld and to nothing else");
  }
  ACCORD_ASSIGN_OR_RETURN(const AgencyIdentity* agency, session.Agency());
  ACCORD_ASSIGN_OR_RETURN(*request.mutable_worker(), session.Worker(*agency));
  ACCORD_ASSIGN_OR_RETURN(const Endpoint service, session.Service(*agency));
  ACCORD_ASSIGN_OR_RETURN(*request.mutable_referral(), FindInInbox(service, id));
  request.set_request_id(session.RequestId());
  ACCORD_ASSIGN_OR_RETURN(const auto response, Ask(service, &agency::v1::InboxService::Stub::AnswerCheck, request));
  if (session.json()) {
    session.PrintJson(ToJson(response.item()));
    return kDone;
  }
  session.Print(fmt::format("{} answered {}: {}{}\n", agency->id, ShortName(request.referral()), console::Words(request.answer()),
                            withheld ? ", " + console::Words(request.withheld_reason()) : ""));
  return kDone;
}

// As the value of OneOf, and `withheld` for what is known and withheld.
type::v1::CheckAnswer AnswerValue(const std::string& words) {
  return words == "withheld" ? type::v1::CHECK_ANSWER_KNOWN_WITHHELD : Value<type::v1::CheckAnswer>(words);
}

Choices IsAnswer() {
  return {"known, not-known, withheld", [](const std::string& words) { return AnswerValue(words) != type::v1::CHECK_ANSWER_UNSPECIFIED; }};
}

}  // namespace

void AddChecksVerbs(Command& app, Verb& chosen) {
  Command& checks = app.AddGroup("checks", "What several agencies know of one family: ask, read what they answered, answer");

  auto asked = std::make_shared<SubmitArguments>();
  Command& request = checks.AddChange("request", "Ask agencies what they know, as a file says it: each answers known, not known, or withheld");
  request.AddOption("FILE", asked->paths, "As for `referral submit`, with the call RequestChecks; may be repeated").Path().Required();
  request.AddOption("--wait", asked->wait_s, "Seconds to wait for the broker's answer").Range(0, kWaitSecondsMax).ShowDefault();
  request.Footer("By when they answer follows from the grade (docs/clocks.md). People are named in the file, not on the command line.\n"
                 "Example: accordctl checks request deploy/samples/17-childrens-checks.json --as childrens");
  request.WhenGiven([&chosen, asked] { chosen = [asked](Session& session) { return Request(session, *asked); }; });

  auto id = std::make_shared<std::string>(), answer = std::make_shared<std::string>(), reason = std::make_shared<std::string>();
  Command& show = checks.AddVerb("show", "Show who has answered what, who has not, and by when");
  show.AddOption("ID", *id, "Request id, `referrals/…`, or the beginning of its digits").Required();
  show.Footer("Example: accordctl checks show LL-55120/checks-1 --as childrens");
  show.WhenGiven([&chosen, id] { chosen = [id](Session& session) { return ShowChecks(session, *id); }; });

  Command& say = checks.AddChange("answer", "Answer a check that was received. What is told of it is a referral of its own");
  say.AddOption("REFERRAL", *id, "`referrals/…`, or the beginning of its digits").Required();
  say.AddOption("ANSWER", *answer, "What is known of the family").Required().Check(IsAnswer());
  say.AddOption("--reason", *reason, "For withheld: why it is not told").Check(OneOf<type::v1::NotSharedReason>());
  say.Footer("Read it first (`inbox read`). Not known is an answer. What is known may change: answer again.\n"
             "Example: accordctl checks answer 0123456789abcdef withheld --reason not-proportionate --as health");
  say.WhenGiven([&chosen, id, answer, reason] {
    chosen = [id, answer, reason](Session& session) {
      agency::v1::AnswerCheckRequest ask;
      ask.set_answer(AnswerValue(*answer));
      ask.set_withheld_reason(Value<type::v1::NotSharedReason>(*reason));
      return AnswerCheck(session, *id, ask);
    };
  });
}

}  // namespace accord::accordctl
