#include "services/accordctl/submit_verb.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <filesystem>

#include "accord/agency/v1/agency_service.grpc.pb.h"
#include "common/base/clock.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/console/table.h"
#include "common/console/words.h"
#include "services/accordctl/attachment_calls.h"
#include "services/accordctl/change_text.h"
#include "services/accordctl/choices.h"
#include "services/accordctl/decision_table.h"
#include "services/accordctl/duty_text.h"
#include "services/accordctl/push_calls.h"
#include "services/accordctl/references.h"
#include "services/accordctl/samples.h"

namespace accord::accordctl {
namespace {

using agency::v1::OutboxService;
using agency::v1::Submission;
using agency::v1::SubmissionState;

// A sample ready to be sent.
struct Prepared {
  Sample sample;
  const AgencyIdentity* agency = nullptr;
  Push push;
};

absl::StatusOr<std::vector<Prepared>> Prepare(const Session& session, const SubmitArguments& arguments) {
  auto samples = LoadSamples(arguments.paths);
  if (!samples.ok()) return UsageError(fmt::format("{}; nothing was sent", FromAbsl(samples.status().message())));
  std::vector<Prepared> all;
  for (Sample& sample : *samples) {
    ACCORD_ASSIGN_OR_RETURN(const AgencyIdentity* agency, session.AgencyOr(sample.agency));
    auto push = MakePush(sample.call, sample.request);
    if (!push.ok())
      return UsageError(fmt::format("{}: {}; nothing was sent", sample.file, FromAbsl(push.status().message())));
    push->options->set_preview_only(arguments.preview);
    if (!arguments.corrects.empty()) {
      if (samples->size() > 1) return UsageError("a correction is one file; nothing was sent");
      ACCORD_ASSIGN_OR_RETURN(const Endpoint service, session.Service(*agency));
      ACCORD_ASSIGN_OR_RETURN(const Submission corrected, FindSubmission(service, arguments.corrects));
      push->options->set_corrects(corrected.request_id());
      push->options->set_safe_contact_change(arguments.safe_contact_change);
    }
    if (!arguments.caused_by.empty()) {
      if (samples->size() > 1) return UsageError("what follows a received referral is one file; nothing was sent");
      ACCORD_ASSIGN_OR_RETURN(const Endpoint service, session.Service(*agency));
      ACCORD_ASSIGN_OR_RETURN(const std::string followed, FindInInbox(service, arguments.caused_by));
      push->options->set_caused_by(followed);
    }
    if (!arguments.originator.empty()) {
      if (samples->size() > 1) return UsageError("what came from another agency is one file; nothing was sent");
      push->options->set_originator(arguments.originator);
      push->options->set_originator_agreement(Value<type::v1::OriginatorAgreement>(arguments.originator_agreement));
    }
    if (!arguments.attach.empty() && samples->size() > 1) return UsageError("files go with one push; nothing was sent");
    push->options->set_wait_ms(static_cast<uint32_t>(arguments.wait_s) * 1000);
    if (!push->options->has_worker()) {
      ACCORD_ASSIGN_OR_RETURN(*push->options->mutable_worker(), session.Worker(*agency));
    }
    // Last: what else is wrong is told before anything is at the service.
    for (const std::string& path : arguments.attach) {
      if (session.dry_run()) {
        session.Tell(fmt::format("{} is not uploaded on a dry run: what is shown is without it\n", path));
        continue;
      }
      ACCORD_ASSIGN_OR_RETURN(const Endpoint service, session.Service(*agency));
      ACCORD_ASSIGN_OR_RETURN(*push->options->add_attachments(), UploadFile(service, path, push->options->worker()));
    }
    all.push_back({std::move(sample), agency, *std::move(push)});
  }
  return all;
}

// What a state means to who pushed.
std::string StateText(SubmissionState state, bool preview) {
  if (preview) return "preview: nothing was stored";
  switch (state) {
    case agency::v1::SUBMISSION_STATE_ACCEPTED: return "accepted: durable at the agency's service, which goes on by itself";
    case agency::v1::SUBMISSION_STATE_PREPARED: return "prepared: sealed and signed, which the service sends by itself";
    case agency::v1::SUBMISSION_STATE_SENT:
      return "sent: the broker's answer is not known yet; the service sends again by itself";
    case agency::v1::SUBMISSION_STATE_SETTLED: return "settled: stored by the broker, its receipt verified";
    case agency::v1::SUBMISSION_STATE_NEEDS_PERSON: return "needs a person: nothing was sent";
    case agency::v1::SUBMISSION_STATE_WITHDRAWN: return "withdrawn by a person: nothing is sent";
    default: return console::EnumWords(*agency::v1::SubmissionState_descriptor(), state);
  }
}

// The push's answer as a submission, and what it waits for when it does.
Submission ToSubmission(const Endpoint& service, const Prepared& prepared, const agency::v1::PushResult& result) {
  Submission submission;
  submission.set_request_id(result.request_id());
  submission.set_state(result.state());
  submission.set_method(prepared.sample.call);
  submission.set_referral(result.referral());
  *submission.mutable_decisions() = result.decisions();
  *submission.mutable_warnings() = result.warnings();
  const bool immediate = result.state() == agency::v1::SUBMISSION_STATE_SETTLED && prepared.push.options->immediate();
  if (result.state() == agency::v1::SUBMISSION_STATE_NEEDS_PERSON || immediate) {
    agency::v1::GetSubmissionRequest request;
    request.set_request_id(result.request_id());
    // Only to say more of it: the answer stands without.
    const auto stored = Ask(service, &OutboxService::Stub::GetSubmission, request);
    if (stored.ok()) {
      submission.set_waiting_for(stored->submission().waiting_for());
      *submission.mutable_recipients() = stored->submission().recipients();
    }
  }
  return submission;
}

// What it waits for stands among the warnings too.
void AddWarnings(const Submission& submission, console::Table& table) {
  for (const auto& warning : submission.warnings()) {
    if (warning != submission.waiting_for()) table.Add({"warning", warning});
  }
}

// How its recipients stand, after an empty line; empty when there is nothing to say.
std::string Recipients(const Submission& submission) {
  const std::string text = RecipientsText(submission, SystemClock().Now(), console::TerminalWidth(), console::ColourWanted());
  return text.empty() ? text : "\n" + text;
}

std::string ResultText(const Submission& submission, uint64_t stored_index, bool preview) {
  auto table = console::Table::Facts();
  table.Add({"request id", submission.request_id()});
  table.Add({"state", StateText(submission.state(), preview)});
  if (!submission.waiting_for().empty()) table.Add({"waits for", submission.waiting_for()});
  if (!submission.referral().empty()) table.Add({"referral", submission.referral()});
  if (submission.state() == agency::v1::SUBMISSION_STATE_SETTLED && !preview)
    table.Add({"entry", fmt::to_string(stored_index)});
  AddWarnings(submission, table);
  std::string text = table.ToString(console::TerminalWidth(), 2) + Recipients(submission);
  if (submission.state() == agency::v1::SUBMISSION_STATE_NEEDS_PERSON && !preview) {
    text += fmt::format("  To decide: accordctl referral resolve {} --send | --withdraw\n", submission.request_id());
  }
  return text;
}

// Sends one. The result: whether it failed.
bool SendOne(Session& session, const SubmitArguments& arguments, Prepared& prepared, nlohmann::json& rows) {
  nlohmann::json row = {{"file", prepared.sample.file}, {"title", prepared.sample.title}, {"agency", prepared.agency->id},
                        {"call", prepared.sample.call}};
  auto service = session.Service(*prepared.agency);
  if (service.ok()) service->dry_run = false;  // A dry run is a preview, of which nothing is stored.
  absl::StatusOr<agency::v1::PushResult> result =
      service.ok() ? prepared.push.send(*service, absl::Seconds(arguments.wait_s) + kAnswerMargin) : service.status();
  if (!result.ok()) {
    session.Tell(ErrorText(result.status()));
    row["error"] = ErrorJson(result.status());
    rows.push_back(std::move(row));
    return true;
  }
  const Submission submission = ToSubmission(*service, prepared, *result);
  if (session.json()) {
    row["result"] = ToJson(*result);
    row["waitingFor"] = submission.waiting_for();
    if (submission.recipients_size() > 0) row["recipients"] = ToJson(submission)["recipients"];
    rows.push_back(std::move(row));
  } else {
    session.Print(DecisionText(submission.decisions(), console::TerminalWidth(), console::ColourWanted()) + "\n" +
                  ResultText(submission, result->stored_index(), arguments.preview) + "\n");
  }
  return arguments.strict && !arguments.preview && result->state() != agency::v1::SUBMISSION_STATE_SETTLED;
}

}  // namespace

std::string PushResultText(const agency::v1::PushResult& result) {
  Submission submission;
  submission.set_request_id(result.request_id());
  submission.set_state(result.state());
  submission.set_referral(result.referral());
  *submission.mutable_warnings() = result.warnings();
  return ResultText(submission, result.stored_index(), false);
}

std::string SubmissionText(const Submission& submission) {
  std::string text = fmt::format("{}, accepted {}, sent {} times\n\n", submission.method(),
                                 console::TimeText(submission.accepted_at_ms()), submission.attempts());
  text += DecisionText(submission.decisions(), console::TerminalWidth(), console::ColourWanted()) + "\n";
  auto table = console::Table::Facts();
  table.Add({"request id", submission.request_id()});
  table.Add({"state", StateText(submission.state(), false)});
  if (!submission.waiting_for().empty()) table.Add({"waits for", submission.waiting_for()});
  if (!submission.referral().empty()) table.Add({"referral", submission.referral()});
  if (submission.pending_act() != type::v1::STATEMENT_KIND_UNSPECIFIED) {
    table.Add({"act that waits", console::Words(submission.pending_act())});
  }
  if (!submission.not_told().empty()) table.Add({"not told", fmt::format("{}", fmt::join(submission.not_told(), ", "))});
  AddWarnings(submission, table);
  text += table.ToString(console::TerminalWidth(), 2) + Recipients(submission);
  if (submission.statements().empty()) return text;
  console::Table statements({"acted at", "agency", "said", "more"});
  for (const auto& statement : submission.statements()) {
    statements.Add({console::TimeText(statement.acted_at_ms()), statement.agency(), console::Words(statement.kind()), StatementText(statement)});
  }
  return text + "\n" + statements.ToString(console::TerminalWidth(), 2);
}

absl::StatusOr<int> Submit(Session& session, const SubmitArguments& asked) {
  SubmitArguments arguments = asked;
  arguments.preview |= session.dry_run();
  ACCORD_ASSIGN_OR_RETURN(auto all, Prepare(session, arguments));
  nlohmann::json rows = nlohmann::json::array();
  size_t failed = 0;
  for (size_t i = 0; i < all.size(); ++i) {
    const Sample& sample = all[i].sample;
    const std::string heading = fmt::format("[{}/{}] {}: {}\n      {} calls {}\n", i + 1, all.size(),
                                            std::filesystem::path(sample.file).filename().string(), sample.title,
                                            all[i].agency->id, sample.call);
    session.json() ? session.Tell(console::Printable(heading)) : session.Print(console::Printable(heading));
    failed += SendOne(session, arguments, all[i], rows);
  }
  if (session.json()) session.PrintJson({{"submissions", rows}, {"failed", failed}});
  if (all.size() > 1) session.Tell(fmt::format("{} of {} done, {} failed\n", all.size() - failed, all.size(), failed));
  return failed == 0 ? kDone : kFailed;
}

}  // namespace accord::accordctl
