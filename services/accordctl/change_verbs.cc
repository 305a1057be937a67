// What is said of a referral after it was sent: consent changed, corrected, recalled, withdrawn, regraded, answered; who holds it; and what is recorded alone.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <memory>

#include "accord/agency/v1/agency_service.grpc.pb.h"
#include "common/base/bytes.h"
#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/console/table.h"
#include "common/console/words.h"
#include "services/accordctl/basis_options.h"
#include "services/accordctl/change_text.h"
#include "services/accordctl/choices.h"
#include "services/accordctl/push_calls.h"
#include "services/accordctl/references.h"
#include "services/accordctl/submit_verb.h"
#include "services/accordctl/verbs.h"

namespace accord::accordctl {
namespace {

using agency::v1::InboxService;
using agency::v1::OutboxService;

constexpr char kId[] = "Request id, `referrals/…`, or the beginning of its digits";

absl::StatusOr<int> Holders(Session& session, const std::string& id) {
  ACCORD_ASSIGN_OR_RETURN(const AgencyIdentity* agency, session.Agency());
  ACCORD_ASSIGN_OR_RETURN(const Endpoint service, session.Service(*agency));
  ACCORD_ASSIGN_OR_RETURN(const auto submission, FindSubmission(service, id));
  agency::v1::GetSubmissionHoldersRequest request;
  request.set_submission(submission.request_id());
  ACCORD_ASSIGN_OR_RETURN(const auto response, Ask(service, &OutboxService::Stub::GetSubmissionHolders, request));
  if (session.json()) {
    session.PrintJson({{"referral", submission.referral()}, {"requestId", submission.request_id()}, {"holders", ToJson(response)["holders"]}});
    return kDone;
  }
  session.Print(fmt::format("{}\n\n{}", submission.referral(), HoldersText(response, console::TerminalWidth())));
  return kDone;
}

absl::StatusOr<int> AnswerChange(Session& session, const std::string& id, agency::v1::AnswerReferralChangeRequest request) {
  const bool kept = request.answer() == type::v1::CHANGE_ANSWER_KEPT_ON_BASIS;
  if (kept == (request.article6() == type::v1::ARTICLE6_BASIS_UNSPECIFIED)) {
    return UsageError("--article6, the basis of our own, belongs to kept-on-basis and to nothing else");
  }
  ACCORD_ASSIGN_OR_RETURN(const AgencyIdentity* agency, session.Agency());
  ACCORD_ASSIGN_OR_RETURN(*request.mutable_worker(), session.Worker(*agency));
  ACCORD_ASSIGN_OR_RETURN(const Endpoint service, session.Service(*agency));
  ACCORD_ASSIGN_OR_RETURN(*request.mutable_referral(), FindInInbox(service, id));
  request.set_request_id(session.RequestId());
  ACCORD_ASSIGN_OR_RETURN(const auto response, Ask(service, &InboxService::Stub::AnswerReferralChange, request, kEraseTimeout));
  if (session.json()) {
    session.PrintJson(ToJson(response.item()));
    return kDone;
  }
  const bool gone = request.answer() == type::v1::CHANGE_ANSWER_DESTROYED || request.answer() == type::v1::CHANGE_ANSWER_NOT_OPENED;
  session.Print(fmt::format("{} answered of {}: {}{}\n", agency->id, ShortName(request.referral()), console::Words(request.answer()),
                            gone ? "; its copy is erased" : ""));
  return kDone;
}

// Of what is recorded alone, and delivered to nobody.
struct RecordArguments {
  std::vector<std::string> recipients;
  std::string purpose, rationale;
  int wait_s = 10;
  std::shared_ptr<BasisOptions> basis;
};

void AddRecordOptions(Command& verb, RecordArguments& arguments) {
  verb.AddOption("--rationale", arguments.rationale, "Why, in words; this agency keeps them, nobody else receives them");
  verb.AddOption("--wait", arguments.wait_s, "Seconds to wait for the broker's answer").Range(0, kWaitSecondsMax).ShowDefault();
  arguments.basis = AddBasisOptions(verb);
}

// The arguments in the words of the request, all but the request id; returns whom to ask.
template <typename Request>
absl::StatusOr<Endpoint> FillRecord(Session& session, const RecordArguments& arguments, Request& request) {
  auto& options = *request.mutable_options();
  ACCORD_ASSIGN_OR_RETURN(*options.mutable_basis(), arguments.basis->Basis());
  options.mutable_basis()->set_rationale(arguments.rationale);
  options.mutable_recipients()->Assign(arguments.recipients.begin(), arguments.recipients.end());
  options.set_wait_ms(static_cast<uint32_t>(arguments.wait_s) * 1000);
  request.set_purpose(Value<type::v1::Purpose>(arguments.purpose));
  ACCORD_ASSIGN_OR_RETURN(const AgencyIdentity* agency, session.Agency());
  ACCORD_ASSIGN_OR_RETURN(*options.mutable_worker(), session.Worker(*agency));
  return session.Service(*agency);
}

int PrintRecord(Session& session, const agency::v1::PushResult& result, std::string_view words) {
  if (session.json()) {
    session.PrintJson(ToJson(result));
    return kDone;
  }
  session.Print(words);
  session.Print(PushResultText(result));
  return kDone;
}

struct NotSharedArguments : RecordArguments {
  std::string reason;
};

absl::StatusOr<int> NotShared(Session& session, const NotSharedArguments& arguments) {
  agency::v1::RecordNotSharedRequest request;
  request.set_reason(Value<type::v1::NotSharedReason>(arguments.reason));
  ACCORD_ASSIGN_OR_RETURN(const Endpoint service, FillRecord(session, arguments, request));
  request.mutable_options()->set_request_id(session.RequestId());
  ACCORD_ASSIGN_OR_RETURN(const auto response, Ask(service, &OutboxService::Stub::RecordNotShared, request,
                                                   absl::Seconds(arguments.wait_s) + kAnswerMargin));
  return PrintRecord(session, response.result(),
                     fmt::format("not shared with {}: {}\n", fmt::join(arguments.recipients, ", "), console::Words(request.reason())));
}

struct RegradeArguments {
  std::string id, grade, reason, supervisor, assessment, instrument, instrument_code;
  int score = -1;
};

absl::StatusOr<int> Regrade(Session& session, const RegradeArguments& arguments) {
  agency::v1::RegradeSubmissionRequest request;
  auto& risk = *request.mutable_risk();
  risk.set_grade(Value<type::v1::RiskGrade>(arguments.grade));
  risk.set_change_reason(Value<type::v1::RiskChangeReason>(arguments.reason));
  risk.set_instrument(Value<type::v1::Instrument>(arguments.instrument));
  risk.set_instrument_code(arguments.instrument_code);
  risk.set_supervisor(arguments.supervisor);
  if (arguments.score >= 0) risk.set_score(static_cast<uint32_t>(arguments.score));
  const auto assessment = FromHex(arguments.assessment);
  if (!assessment.has_value() || (!assessment->empty() && assessment->size() != kIdBytes)) {
    return UsageError("--assessment is 32 hexadecimal digits: the agency's own id of the assessment");
  }
  risk.set_assessment(*assessment);
  return SubmissionAct(session, arguments.id, request, &OutboxService::Stub::RegradeSubmission);
}

void AddRegrade(Command& referral, Verb& chosen) {
  Command& verb = referral.AddChange("regrade", "Change the grade of what was sent: who has not answered yet has the time of the new one");
  auto arguments = std::make_shared<RegradeArguments>();
  verb.AddOption("ID", arguments->id, kId).Required();
  verb.AddOption("--grade", arguments->grade, "As it is now").Required().Check(OneOf<type::v1::RiskGrade>());
  verb.AddOption("--reason", arguments->reason, "Why it is another").Required().Check(OneOf<type::v1::RiskChangeReason>());
  verb.AddOption("--supervisor", arguments->supervisor, "For a lower grade: pseudonym of the supervisor who agreed");
  verb.AddOption("--assessment", arguments->assessment, "Id of the assessment that it rests on, 32 hexadecimal digits");
  verb.AddOption("--instrument", arguments->instrument, "By which it was assessed").Check(OneOf<type::v1::Instrument>());
  verb.AddOption("--instrument-code", arguments->instrument_code, "For `other`: its code, as the agency's document of instruments has it");
  verb.AddOption("--score", arguments->score, "What that gave, where it gives a score").Range(0, 1000);
  verb.Footer("Refused is a grade below what the score of the same assessment gives: assess anew.\n"
              "Example: accordctl referral regrade push-0001 --as police --grade high --reason checks");
  verb.WhenGiven([&chosen, arguments] { chosen = [arguments](Session& session) { return Regrade(session, *arguments); }; });
}

struct ResealArguments {
  std::string id, agency;
};

void AddReseal(Command& referral, Verb& chosen) {
  Command& verb = referral.AddChange("reseal", "Approve that what was sent is sealed again for an agency that cannot open it");
  auto arguments = std::make_shared<ResealArguments>();
  verb.AddOption("ID", arguments->id, kId).Required();
  verb.AddOption("--for", arguments->agency, "A recipient whose key is another by now, or one that a recipient named as the right one").Required();
  verb.Footer("Ask them by telephone first whether the key that the directory has is theirs (docs/reseal.md).\n"
              "Example: accordctl referral reseal push-0001 --as police --for housing");
  verb.WhenGiven([&chosen, arguments] {
    chosen = [arguments](Session& session) {
      agency::v1::ResealSubmissionRequest request;
      request.set_agency(arguments->agency);
      return SubmissionAct(session, arguments->id, request, &OutboxService::Stub::ResealSubmission);
    };
  });
}

void AddNotShared(Command& referral, Verb& chosen) {
  Command& verb = referral.AddChange("not-shared", "Record a decision not to share; nothing is delivered to anybody");
  auto arguments = std::make_shared<NotSharedArguments>();
  verb.AddOption("--with", arguments->recipients, "With which agency not; may be repeated").Required();
  verb.AddOption("--purpose", arguments->purpose, "Why it was asked for").Required().Check(OneOf<type::v1::Purpose>());
  verb.AddOption("--reason", arguments->reason, "Why it is not shared").Required().Check(OneOf<type::v1::NotSharedReason>());
  AddRecordOptions(verb, *arguments);
  verb.Footer("To link it to a case: accordctl referral submit FILE with the call RecordNotShared, which names people.\n"
              "Example: accordctl referral not-shared --as idva --with police --purpose safeguarding-adult \\\n"
              "           --reason no-consent-no-basis --awareness informed --consent refused");
  verb.WhenGiven([&chosen, arguments] { chosen = [arguments](Session& session) { return NotShared(session, *arguments); }; });
}

struct SentOutsideArguments : RecordArguments {
  std::string channel, at, submission;
};

absl::StatusOr<int> SentOutside(Session& session, const SentOutsideArguments& arguments) {
  agency::v1::RecordSentOutsideRequest request;
  request.set_channel(Value<type::v1::OutsideChannel>(arguments.channel));
  ACCORD_ASSIGN_OR_RETURN(const int64_t told_at_ms, TimeMs("--at", arguments.at));
  request.set_told_at_ms(told_at_ms);
  ACCORD_ASSIGN_OR_RETURN(const Endpoint service, FillRecord(session, arguments, request));
  ACCORD_ASSIGN_OR_RETURN(const auto told_of, FindSubmission(service, arguments.submission));
  request.set_submission(told_of.request_id());
  request.mutable_options()->set_request_id(session.RequestId());
  ACCORD_ASSIGN_OR_RETURN(const auto response, Ask(service, &OutboxService::Stub::RecordSentOutside, request,
                                                   absl::Seconds(arguments.wait_s) + kAnswerMargin));
  return PrintRecord(session, response.result(),
                     fmt::format("told {} outside Accord, by {}, at {}; not delivered by it\n", fmt::join(arguments.recipients, ", "),
                                 console::Words(request.channel()), console::TimeText(told_at_ms)));
}

void AddSentOutside(Command& referral, Verb& chosen) {
  Command& verb = referral.AddChange("sent-outside", "Record what was told by telephone, secure mail, at a meeting …; nothing is delivered");
  auto arguments = std::make_shared<SentOutsideArguments>();
  verb.AddOption("--to", arguments->recipients, "Which agency was told; may be repeated").Required();
  verb.AddOption("--by", arguments->channel, "By what means").Required().Check(OneOf<type::v1::OutsideChannel>());
  verb.AddOption("--at", arguments->at, "When it was told, such as 2026-11-28T09:30:00Z").Required();
  verb.AddOption("--of", arguments->submission, "The referral of ours that was told of").Required();
  verb.AddOption("--purpose", arguments->purpose, "Why it was told").Required().Check(OneOf<type::v1::Purpose>());
  AddRecordOptions(verb, *arguments);
  verb.Footer("Of no referral of ours: accordctl referral submit FILE with the call RecordSentOutside, which names people.\n"
              "Example: accordctl referral sent-outside --as police --to childrens --by telephone --at 2026-11-28T02:10:00Z --of push-0001 \\\n"
              "           --purpose safeguarding-child --awareness informed --consent given --article6 public-task");
  verb.WhenGiven([&chosen, arguments] { chosen = [arguments](Session& session) { return SentOutside(session, *arguments); }; });
}

void AddAnswer(Command& referral, Verb& chosen) {
  Command& verb = referral.AddChange("answer", "Answer a change of consent, a correction or a recall of what was received");
  auto id = std::make_shared<std::string>(), answer = std::make_shared<std::string>();
  auto article6 = std::make_shared<std::string>(), gateway = std::make_shared<std::string>();
  verb.AddOption("ID", *id, "`referrals/…`, or the beginning of its digits").Required();
  verb.AddOption("ANSWER", *answer, "What was done").Required().Check(OneOf<type::v1::ChangeAnswer>());
  verb.AddOption("--article6", *article6, "For kept-on-basis: the Article 6 basis of our own").Check(OneOf<type::v1::Article6Basis>());
  verb.AddOption("--gateway", *gateway, "For kept-on-basis: our power or duty").Check(OneOf<type::v1::Gateway>());
  verb.Footer("To a change of consent: stopped, kept-on-basis, already-acted. To a correction: confirmed, stopped, already-acted, destroyed,\n"
              "not-opened. To a recall: destroyed, not-opened, kept-on-basis, already-acted. Destroyed and not-opened erase our copy.\n"
              "Example: accordctl referral answer 0123456789abcdef destroyed --as idva");
  verb.WhenGiven([&chosen, id, answer, article6, gateway] {
    chosen = [id, answer, article6, gateway](Session& session) {
      agency::v1::AnswerReferralChangeRequest request;
      request.set_answer(Value<type::v1::ChangeAnswer>(*answer));
      request.set_article6(Value<type::v1::Article6Basis>(*article6));
      request.set_gateway(Value<type::v1::Gateway>(*gateway));
      return AnswerChange(session, *id, request);
    };
  });
}

}  // namespace

void AddChangeVerbs(Command& referral, Verb& chosen) {
  auto id = std::make_shared<std::string>();
  Command& consent = referral.AddChange("consent", "Tell every holder that the consent changed: withdrawn, narrowed or widened");
  consent.AddOption("ID", *id, kId).Required();
  auto basis = AddBasisOptions(consent);
  consent.Footer("What is given replaces all that was recorded: name what still holds too.\n"
                 "Example: accordctl referral consent push-0001 --as police --awareness informed --consent withdrawn --article6 public-task");
  consent.WhenGiven([&chosen, id, basis] {
    chosen = [id, basis](Session& session) -> absl::StatusOr<int> {
      agency::v1::ChangeSubmissionConsentRequest request;
      ACCORD_ASSIGN_OR_RETURN(*request.mutable_basis(), basis->Basis());
      return SubmissionAct(session, *id, request, &OutboxService::Stub::ChangeSubmissionConsent);
    };
  });

  auto reason = std::make_shared<std::string>();
  Command& recall = referral.AddChange("recall", "Recall a misdirected referral: copies that have not left are erased, every holder answers");
  recall.AddOption("ID", *id, kId).Required();
  recall.AddOption("--reason", *reason, "Why").Required().Check(OneOf<type::v1::RecallReason>());
  recall.Footer("Example: accordctl referral recall push-0001 --as police --reason wrong-recipient");
  recall.WhenGiven([&chosen, id, reason] {
    chosen = [id, reason](Session& session) {
      agency::v1::RecallSubmissionRequest request;
      request.set_reason(Value<type::v1::RecallReason>(*reason));
      return SubmissionAct(session, *id, request, &OutboxService::Stub::RecallSubmission);
    };
  });

  Command& withdraw = referral.AddChange("withdraw", "Withdraw a referral: nothing more is expected of anybody. Recall what was misdirected");
  withdraw.AddOption("ID", *id, kId).Required();
  withdraw.AddOption("REASON", *reason, "Why").Required().Check(OneOf<type::v1::WithdrawReason>());
  withdraw.Footer("Example: accordctl referral withdraw push-0001 not-wanted --as police");
  withdraw.WhenGiven([&chosen, id, reason] {
    chosen = [id, reason](Session& session) {
      agency::v1::WithdrawSubmissionRequest request;
      request.set_reason(Value<type::v1::WithdrawReason>(*reason));
      return SubmissionAct(session, *id, request, &OutboxService::Stub::WithdrawSubmission);
    };
  });

  AddRegrade(referral, chosen);
  AddReseal(referral, chosen);

  auto correct = std::make_shared<SubmitArguments>();
  correct->paths.resize(1);
  Command& correction = referral.AddChange("correct", "Push a corrected version in place of one that was sent");
  correction.AddOption("ID", correct->corrects, kId).Required();
  correction.AddOption("FILE", correct->paths[0], "The corrected version, whole: as for `referral submit`, with a request id of its own").Path()
      .Required();
  correction.AddFlag("--safe-contact", correct->safe_contact_change,
                     "Safe contact, address or do-not-disclose changed: holders are told ahead of all else not to use the old value");
  correction.AddOption("--wait", correct->wait_s, "Seconds to wait for the broker's answer").Range(0, kWaitSecondsMax).ShowDefault();
  correction.Footer("Example: accordctl referral correct push-0001 corrected.json --as police --safe-contact");
  correction.WhenGiven([&chosen, correct] { chosen = [correct](Session& session) { return Submit(session, *correct); }; });

  Command& holders = referral.AddVerb("holders", "Show who holds which sections of a referral this agency sent, and what they answered");
  holders.AddOption("ID", *id, kId).Required();
  holders.Footer("Example: accordctl referral holders push-0001 --as police");
  holders.WhenGiven([&chosen, id] { chosen = [id](Session& session) { return Holders(session, *id); }; });

  AddAnswer(referral, chosen);
  AddNotShared(referral, chosen);
  AddSentOutside(referral, chosen);
}

}  // namespace accord::accordctl
