#include "services/broker/api/case_history_call.h"

#include <memory>
#include <string>
#include <utility>

#include "common/base/status.h"
#include "common/referral/referral_name.h"
#include "common/referral/validate.h"
#include "services/broker/api/handle.h"
#include "services/broker/api/sight.h"
#include "services/broker/directory/access.h"
#include "services/broker/sequencer/reader.h"
#include "services/broker/sequencer/record_command.h"

namespace accord::broker {
namespace {

constexpr std::string_view kGetCaseHistory = "/accord.broker.v1.CaseService/GetCaseHistory";

v1::CaseHistory ToMessage(const CaseHistory& history) {
  v1::CaseHistory message;
  for (const type::v1::CaseFlag flag : history.flags) message.add_flags(flag);
  message.set_events_at_least(history.count.at_least);
  message.set_events_at_most(history.count.at_most);
  message.set_reports(history.count.reports);
  message.set_reporting_agencies(history.count.agencies);
  message.set_last_marac_referral_ms(history.last_marac_referral_ms);
  message.set_last_marac_hearing_ms(history.last_marac_hearing_ms);
  message.set_other_victims(history.other_victims);
  message.set_rules_version(history.rules_version);
  return message;
}

absl::StatusOr<v1::CaseHistory> Ask(const ReadView& view, const CaseLinker& linker, const Policy& policy, const storage::v1::StoredReferral& stored,
                                    const referral::OpenedHeader& header, const HistoryQuestion& question, absl::Time now) {
  ACCORD_ASSIGN_OR_RETURN(const CaseHistory history,
                          HistoryFor(SealedReaderOf(view),
                                     PlainReaderOf(view), linker, policy,
                                     stored, header, question, now));
  return ToMessage(history);
}

EntryDraft EntryOf(const Seen& seen, const std::string& header_digest, const Caller& caller) {
  EntryDraft entry;
  entry.chains = ChainsOf(seen.stored);
  entry.event.set_type(type::v1::EVENT_TYPE_CASE_HISTORY_READ);
  entry.event.set_method(std::string(kGetCaseHistory));
  entry.actor = ActorOf(caller);
  auto& about = entry.referral.emplace();
  about.set_header_digest(header_digest);
  about.set_sender(seen.header.core.part.sender());
  about.set_request_id(seen.header.core.part.request_id());
  if (!seen.sender) {
    about.set_recipient(caller.id);
    about.set_desk(caller.desk);
  }
  return entry;
}

// Fills the answer, and returns the entry that has to stand before it is given.
absl::StatusOr<EntryDraft> ReadHistory(const HistoryWork& work, const Caller& caller, const v1::GetCaseHistoryRequest& request,
                                v1::GetCaseHistoryResponse& response) {
  ACCORD_RETURN_IF_ERROR(referral::ValidateMessage(request));
  ACCORD_ASSIGN_OR_RETURN(const std::string digest, referral::ParseReferralName(request.name(), "name"));
  if (request.as_at_ms() < 0) return Error(Reason::kFieldInvalid, "as_at_ms is before 1970", {{"field", "as_at_ms"}});
  ACCORD_ASSIGN_OR_RETURN(const auto view, work.sequencer.View());
  ACCORD_ASSIGN_OR_RETURN(const Seen seen, SeeReferral(*view, digest, caller));
  HistoryQuestion question{.agency = caller.id, .desk = caller.desk};
  if (request.time() != type::v1::CASE_TIME_UNSPECIFIED) question.time = request.time();
  if (request.as_at_ms() > 0) question.as_at = absl::FromUnixMillis(request.as_at_ms());
  ACCORD_ASSIGN_OR_RETURN(*response.mutable_history(),
                          Ask(*view, work.linker, *work.policy.Get(), seen.stored, seen.header, question, work.clock.Now()));
  return EntryOf(seen, digest, caller);
}

}  // namespace

grpc::ServerUnaryReactor* HandleGetCaseHistory(grpc::CallbackServerContext& context, rpc::HandlerContext& shared, const HistoryWork& work,
                                               const v1::GetCaseHistoryRequest& request, v1::GetCaseHistoryResponse& response) {
  return HandleRecorded(context, shared, work.refusals, kGetCaseHistory, [work, &request, &response](const BrokerCall& call, Answer answer) {
    auto entry = ReadHistory(work, call.caller, request, response);
    if (!entry.ok()) return answer(entry.status());
    work.sequencer.Submit(std::make_unique<RecordCommand>(
        call.caller.principal, *std::move(entry),
        [answer = std::move(answer)](const absl::StatusOr<uint64_t>& index) mutable { answer(index.status()); }));
  });
}

absl::StatusOr<v1::CaseHistory> HistoryAtRelease(const ReadView& view, const CaseLinker& linker, const Policy& policy,
                                                 std::string_view header_digest, const HistoryQuestion& question, absl::Time now) {
  ACCORD_ASSIGN_OR_RETURN(
      const auto stored, LoadReferral(SealedReaderOf(view), header_digest));
  if (!stored.has_value()) return Error(Reason::kReferralNotFound, "the referral was erased");
  ACCORD_ASSIGN_OR_RETURN(const referral::OpenedHeader header, OpenStored(*stored));
  return Ask(view, linker, policy, *stored, header, question, now);
}

}  // namespace accord::broker
