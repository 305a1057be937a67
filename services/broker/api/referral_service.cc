#include "services/broker/api/referral_service.h"

#include <fmt/format.h>

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/referral/referral_name.h"
#include "common/referral/states.h"
#include "common/referral/validate.h"
#include "common/rpc/error_mapping.h"
#include "services/broker/adapter/authorizer.h"
#include "services/broker/api/change_calls.h"
#include "services/broker/api/handle.h"
#include "services/broker/api/paging.h"
#include "services/broker/api/receipt.h"
#include "services/broker/api/recipient_status.h"
#include "services/broker/api/section_calls.h"
#include "services/broker/api/sight.h"
#include "services/broker/delivery/erased.h"
#include "services/broker/delivery/referral_store.h"
#include "services/broker/directory/access.h"
#include "services/broker/directory/families.h"
#include "services/broker/sequencer/record_command.h"

namespace accord::broker {
namespace {

constexpr std::string_view kSubmitReferrals = "/accord.broker.v1.ReferralService/SubmitReferrals";
constexpr std::string_view kGetReferral = "/accord.broker.v1.ReferralService/GetReferral";
constexpr std::string_view kListReferrals = "/accord.broker.v1.ReferralService/ListReferrals";
constexpr int kListPageDefault = 50;
constexpr size_t kListScannedMax = 2'000;  // Rows looked at for one page, far more than one has that may be seen.

EntryDraft ReadEntryDraft(type::v1::EventType type, std::string_view method, const Caller& caller) {
  EntryDraft entry;
  entry.event.set_type(type);
  entry.event.set_method(std::string(method));
  entry.actor = ActorOf(caller);
  return entry;
}

// One stream of bulk submission.
//
// Messages come one at a time; each is worked on by any thread of the executor, so up to kSubmitReadAheadMax are in flight.
class SubmitStream final : public rpc::BidiStream<v1::SubmitReferralsRequest, v1::SubmitReferralsResponse> {
 public:
  explicit SubmitStream(const ReferralWork& work) : work_(work) {}

 private:
  std::shared_ptr<SubmitStream> Self() { return std::static_pointer_cast<SubmitStream>(shared_from_this()); }

  void OnOpen() override {
    caller_ = CallerOf(peer());
    ReadNext();
  }

  void OnMessage(v1::SubmitReferralsRequest message) override {
    bool read = false;
    {
      absl::MutexLock lock(&mu_);
      paused_ = ++unanswered_ >= kSubmitReadAheadMax;
      read = !paused_;
    }
    const uint64_t tag = message.tag();
    const bool runs = work_.executor.Run([self = Self(), message = std::move(message)]() mutable {
      Submit(self->work_, self->caller_, std::move(*message.mutable_referral()),
             [self, tag = message.tag()](absl::StatusOr<v1::SubmitReferralResponse> response, std::string_view signature_digest) {
               self->Finish(tag, std::move(response), signature_digest);
             });
    });
    if (!runs) {
      Finish(tag, Error(Reason::kQueueFull, "the server has too much to do", {{std::string(rpc::kRetryAfterKey), "1000"}}), {});
    }
    if (read) ReadNext();
  }

  void OnHalfClose() override {
    bool all = false;
    {
      absl::MutexLock lock(&mu_);
      half_closed_ = true;
      all = unanswered_ == 0;
    }
    if (all) Close(absl::OkStatus());
  }

  void OnClosed() override {}  // What is in flight is carried out; its answers go nowhere.

  void Finish(uint64_t tag, absl::StatusOr<v1::SubmitReferralResponse> response, std::string_view signature_digest) {
    RecordRefusal(work_.refusals, caller_, kSubmitReferrals, response.status(), signature_digest);
    v1::SubmitReferralsResponse answer;
    answer.set_tag(tag);
    if (response.ok()) {
      *answer.mutable_stored() = *std::move(response);
    } else {
      const grpc::Status refused = rpc::ToGrpc(response.status());
      if (!answer.mutable_refused()->ParseFromString(refused.error_details())) {
        answer.mutable_refused()->set_code(refused.error_code());
        answer.mutable_refused()->set_message(refused.error_message());
      }
    }
    // As many answers can wait as requests are read ahead, and they are small: there is room.
    if (!Send(std::move(answer))) Close(Error(Reason::kQueueFull, "the answers are not read", {{std::string(rpc::kRetryAfterKey), "1000"}}));
    bool read = false, all = false;
    {
      absl::MutexLock lock(&mu_);
      --unanswered_;
      read = std::exchange(paused_, false);
      all = half_closed_ && unanswered_ == 0;
    }
    if (read) ReadNext();
    if (all) Close(absl::OkStatus());
  }

  const ReferralWork work_;
  Caller caller_;  // From OnOpen on.

  absl::Mutex mu_;
  int unanswered_ ABSL_GUARDED_BY(mu_) = 0;
  bool paused_ ABSL_GUARDED_BY(mu_) = false;  // Nothing is being read until something is answered.
  bool half_closed_ ABSL_GUARDED_BY(mu_) = false;
};

v1::Referral ToReferral(const ReferralWork& work, std::string_view header_digest, const storage::v1::StoredReferral& stored,
                        const referral::OpenedHeader& header, const Sight& sight) {
  const auto directory = work.directory.Get();
  const auto policy = work.policy.Get();
  const StatusViewer viewer = {sight.sender, header.core.part.urgency() == type::v1::URGENCY_IMMEDIATE};
  const auto status = [&](const storage::v1::StoredRecipient& row) { return ToStatus(row, viewer, *directory, *policy, work.clock.Now()); };
  v1::Referral referral;
  referral.set_name(referral::ReferralName(header_digest));
  *referral.mutable_header() = stored.header();
  if (sight.sender) {
    for (const auto& row : stored.recipients()) *referral.add_recipients() = status(row);
  } else {
    *referral.add_recipients() = status(*sight.recipient);
  }
  referral.set_stored_index(stored.stored_index());
  referral.set_stored_at_ms(stored.stored_at_ms());
  return referral;
}

// The referral as `caller` may see it, and the entry of the reading.
struct Reading {
  v1::Referral referral;
  EntryDraft entry;
};
absl::StatusOr<Reading> Read(const ReferralWork& work, const ReadView& view, std::string_view header_digest, const Caller& caller) {
  ACCORD_ASSIGN_OR_RETURN(const Seen seen, SeeReferral(view, header_digest, caller));
  const auto& [stored, header, sender, delivery] = seen;
  Reading reading{ToReferral(work, header_digest, stored, header, seen.sight(caller)), ReadEntryDraft(type::v1::EVENT_TYPE_REFERRAL_READ, kGetReferral, caller)};
  if (sender) {
    *reading.referral.mutable_openings() = stored.openings();
  } else if (!stored.recalled()) {
    const std::set<std::string> released(delivery.released_sections().begin(), delivery.released_sections().end());
    for (auto& opening : OpeningsFor(header, *seen.sight(caller).recipient, released)) {
      *reading.referral.add_openings() = std::move(opening);
    }
  }
  reading.entry.chains = ChainsOf(stored);
  auto& about = reading.entry.referral.emplace();
  about.set_header_digest(std::string(header_digest));
  about.set_sender(header.core.part.sender());
  about.set_request_id(header.core.part.request_id());
  if (!sender) {
    about.set_recipient(caller.id);
    about.set_desk(caller.desk);
  }
  return reading;
}

// Handles a statement; `allowed` says which kinds the method takes.
template <typename Request, typename Response>
grpc::ServerUnaryReactor* HandleStatement(grpc::CallbackServerContext& context, rpc::HandlerContext& shared, const ReferralWork& work,
                                          std::string_view method, const Request& request, Response& response,
                                          bool (*allowed)(type::v1::StatementKind)) {
  return HandleRecorded(
      context, shared, work.refusals, method,
      [&work, &request, &response, allowed](const BrokerCall& call, Answer answer) {
        auto verified = [&]() -> absl::StatusOr<VerifiedStatement> {
          ACCORD_RETURN_IF_ERROR(referral::ValidateMessage(request));
          answer.SetSignatureDigest(referral::DigestOf(request.statement()));
          ACCORD_ASSIGN_OR_RETURN(auto statement, VerifyStatement(*work.directory.Get(), call.caller, request.request_id(),
                                                                  request.statement(), work.clock.Now()));
          if (!allowed(statement.statement.kind())) {
            return Error(Reason::kFieldInvalid, "this method does not take a statement of that kind", {{"field", "statement.kind"}});
          }
          return statement;
        }();
        if (!verified.ok()) return answer(verified.status());
        work.sequencer.Submit(std::make_unique<StatementCommand>(
            *std::move(verified), work.directory, work.policy, work.mailboxes,
            [&work, &response, caller = call.caller, answer = std::move(answer)](const absl::StatusOr<Recorded>& recorded) mutable {
              answer([&]() -> absl::Status {
                ACCORD_RETURN_IF_ERROR(recorded);
                response.set_statement_digest(recorded->digest);
                response.set_index(recorded->index);
                response.set_state(recorded->state);
                if constexpr (requires { response.set_feedback_due_ms(0); }) response.set_feedback_due_ms(recorded->feedback_due_ms);
                ACCORD_ASSIGN_OR_RETURN(*response.mutable_receipt(), ReceiptOf(work.sequencer, recorded->index, caller));
                return absl::OkStatus();
              }());
            }));
      });
}

// Whether a submission calls itself IMMEDIATE; nothing of it is verified yet.
bool SaysImmediate(const type::v1::Submission& submission) {
  const auto view = referral::ParseHeader(submission.header());
  if (!view.ok()) return false;
  const std::vector<type::v1::Opening> openings(submission.openings().begin(), submission.openings().end());
  const auto header = referral::OpenHeader(*view, openings);
  return header.ok() && header->core.part.urgency() == type::v1::URGENCY_IMMEDIATE;
}

}  // namespace

void Submit(const ReferralWork& work, const Caller& caller, v1::SubmitReferralRequest request, SubmitDone done) {
  if (const absl::Status valid = referral::ValidateMessage(request); !valid.ok()) return std::move(done)(valid, {});
  std::string header_digest = referral::DigestOf(request.submission().header());
  // Before the signature is verified: a flood costs little. Who says IMMEDIATE falsely is refused by Admit.
  const absl::Status taken = work.quotas.TakeSubmission(caller.id);
  if (!taken.ok() && !SaysImmediate(request.submission())) return std::move(done)(taken, header_digest);
  auto admitted = work.admission.Admit(caller, request.request_id(), std::move(*request.mutable_submission()), request.decision_digest());
  if (!admitted.ok()) return std::move(done)(admitted.status(), header_digest);
  // Previewed for this, and stored: no part of the worker's previews any more.
  std::string previewed_by = request.decision_digest().empty() ? "" : admitted->header.core.part.worker().pseudonym();
  work.sequencer.Submit(std::make_unique<SubmitCommand>(
      *std::move(admitted), work.admission, work.linker, work.mailboxes,
      [&work, caller, previewed_by = std::move(previewed_by), digest = std::move(header_digest),
       done = std::move(done)](absl::StatusOr<Stored> stored) mutable {
        const bool gives_back = stored.ok() && !stored->repeated && !previewed_by.empty();
        if (gives_back) work.previews.GiveBack(caller.id, previewed_by, stored->immediate);
        std::move(done)(
            [&]() -> absl::StatusOr<v1::SubmitReferralResponse> {
              ACCORD_RETURN_IF_ERROR(stored);
              return SubmitResponse(work, caller, *std::move(stored));
            }(),
            digest);
      }));
}

absl::StatusOr<v1::SubmitReferralResponse> SubmitResponse(const ReferralWork& work, const Caller& caller, Stored stored) {
  v1::SubmitReferralResponse response;
  response.set_header_digest(stored.header_digest);
  response.set_stored_index(stored.index);
  *response.mutable_decisions() = std::move(stored.decisions);
  response.set_decision_digest(stored.decision_digest);
  for (const std::string& warning : stored.warnings) response.add_warnings(warning);
  response.set_repeated_request(stored.repeated);
  const auto directory = work.directory.Get();
  const auto policy = work.policy.Get();
  for (const auto& recipient : stored.recipients) {
    *response.add_recipients() = ToStatus(recipient, {.sender = true, .immediate = stored.immediate}, *directory, *policy, work.clock.Now());
  }
  ACCORD_ASSIGN_OR_RETURN(*response.mutable_receipt(), ReceiptOf(work.sequencer, stored.index, caller));
  return response;
}

grpc::ServerUnaryReactor* ReferralService::PreviewReferral(grpc::CallbackServerContext* context,
                                                           const v1::PreviewReferralRequest* request,
                                                           v1::PreviewReferralResponse* response) {
  static constexpr std::string_view kMethod = "/accord.broker.v1.ReferralService/PreviewReferral";
  return HandleRecorded(
      *context, shared_, work_.refusals, kMethod, [this, request, response](const BrokerCall& call, Answer answer) {
        auto previewed = [&]() -> absl::StatusOr<Previewed> {
          ACCORD_RETURN_IF_ERROR(referral::ValidateMessage(*request));
          ACCORD_RETURN_IF_ERROR(work_.previews.Take(call.caller.id, request->core().worker().pseudonym(),
                                                     request->core().urgency() == type::v1::URGENCY_IMMEDIATE));
          const referral::HeaderParts parts = {request->core(),
                                               {request->recipients().begin(), request->recipients().end()},
                                               {request->sections().begin(), request->sections().end()},
                                               {request->tags().begin(), request->tags().end()},
                                               {request->subjects().begin(), request->subjects().end()}};
          return work_.admission.Preview(call.caller, parts, request->with_stand_ins());
        }();
        if (!previewed.ok()) return answer(previewed.status());
        const Plan& plan = previewed->plan;
        for (const auto& decision : plan.decisions.decisions) *response->add_decisions() = decision;
        for (const std::string& warning : plan.decisions.warnings) response->add_warnings(warning);
        response->set_decision_digest(plan.decision_digest);
        response->set_agreement_version(plan.decisions.agreement_version);
        for (const auto& recipient : previewed->recipients) {
          auto& row = *response->add_recipients();
          row.set_agency(recipient.agency);
          row.set_kind(recipient.kind);
          row.set_desk(recipient.desk);
          row.set_capacity(recipient.capacity);
          row.set_on_behalf_of(recipient.on_behalf_of);
          row.set_sealing_certificate(recipient.sealing_certificate);
        }
        EntryDraft entry = ReadEntryDraft(type::v1::EVENT_TYPE_PREVIEWED, kMethod, call.caller);
        NameVersions(plan.decisions, entry.event);
        *entry.actor->mutable_worker() = request->core().worker();
        *entry.decisions.emplace().mutable_decisions() = response->decisions();
        entry.decisions->set_decision_digest(plan.decision_digest);
        work_.sequencer.Submit(std::make_unique<RecordCommand>(
            call.caller.principal, std::move(entry),
            [answer = std::move(answer)](const absl::StatusOr<uint64_t>& index) mutable { answer(index.status()); }));
      });
}

grpc::ServerUnaryReactor* ReferralService::SubmitReferral(grpc::CallbackServerContext* context,
                                                          const v1::SubmitReferralRequest* request,
                                                          v1::SubmitReferralResponse* response) {
  return HandleRecorded(*context, shared_, work_.refusals, "/accord.broker.v1.ReferralService/SubmitReferral",
                        [this, request, response](const BrokerCall& call, Answer answer) {
                          Submit(work_, call.caller, *request,
                                 [response, answer = std::move(answer)](absl::StatusOr<v1::SubmitReferralResponse> made,
                                                                        std::string_view signature_digest) mutable {
                                   answer.SetSignatureDigest(signature_digest);
                                   if (made.ok()) *response = *std::move(made);
                                   answer(made.status());
                                 });
                        });
}

grpc::ServerBidiReactor<v1::SubmitReferralsRequest, v1::SubmitReferralsResponse>* ReferralService::SubmitReferrals(
    grpc::CallbackServerContext* context) {
  return rpc::OpenStream<SubmitStream>(*context, shared_, streams_, kSubmitReferrals, work_);
}

grpc::ServerUnaryReactor* ReferralService::GetReferral(grpc::CallbackServerContext* context, const v1::GetReferralRequest* request,
                                                       v1::GetReferralResponse* response) {
  return HandleRecorded(*context, shared_, work_.refusals, kGetReferral,
                        [this, request, response](const BrokerCall& call, Answer answer) {
                          auto reading = [&]() -> absl::StatusOr<Reading> {
                            ACCORD_RETURN_IF_ERROR(referral::ValidateMessage(*request));
                            ACCORD_ASSIGN_OR_RETURN(const std::string digest, referral::ParseReferralName(request->name(), "name"));
                            ACCORD_ASSIGN_OR_RETURN(const auto view, work_.sequencer.View());
                            return Read(work_, *view, digest, call.caller);
                          }();
                          if (!reading.ok()) return answer(reading.status());
                          *response->mutable_referral() = std::move(reading->referral);
                          work_.sequencer.Submit(std::make_unique<RecordCommand>(
                              call.caller.principal, std::move(reading->entry),
                              [answer = std::move(answer)](const absl::StatusOr<uint64_t>& index) mutable { answer(index.status()); }));
                        });
}

grpc::ServerUnaryReactor* ReferralService::ListReferrals(grpc::CallbackServerContext* context,
                                                         const v1::ListReferralsRequest* request,
                                                         v1::ListReferralsResponse* response) {
  return HandleRecorded(
      *context, shared_, work_.refusals, kListReferrals, [this, request, response](const BrokerCall& call, Answer answer) {
        const absl::Status listed = [&]() -> absl::Status {
          ACCORD_ASSIGN_OR_RETURN(const int size, PageSize(request->page_size(), kListPageDefault));
          const std::string query = PageQuery(kListReferrals, {call.caller.principal});
          ACCORD_ASSIGN_OR_RETURN(const auto position, ReadPageToken(request->page_token(), query));
          ACCORD_ASSIGN_OR_RETURN(const auto view, work_.sequencer.View());
          accord::storage::Range range = accord::storage::Prefix(PartyKey(call.caller.id, 0).substr(0, 1 + call.caller.id.size()));
          range.descending = true;
          if (position.has_value()) {
            const auto before = U64FromKey(*position);
            if (!before.has_value()) return PageTokenInvalid();
            range.upper = PartyKey(call.caller.id, *before);
          }
          std::vector<std::pair<std::string, std::string>> rows;  // Index, header digest: one more than are looked at tells of a next page.
          ACCORD_RETURN_IF_ERROR(view->Scan(kFamilyParty, range, [&](std::string_view key, std::string_view digest) {
            rows.emplace_back(std::string(key.substr(key.size() - sizeof(uint64_t))), std::string(digest));
            return rows.size() <= kListScannedMax;
          }));
          // What was not released to the caller shows in nothing: neither in a page with fewer rows than were asked for, nor in a token
          // that leads to no row. So a page is filled from whatever follows, and has a next one only if a row is left that may be seen.
          size_t bytes = 0;
          std::string last;
          for (size_t i = 0; i < rows.size(); ++i) {
            if (i == kListScannedMax) {
              response->set_next_page_token(MakePageToken(query, rows[i - 1].first));
              break;
            }
            auto reading = Read(work_, *view, rows[i].second, call.caller);
            if (HasReason(reading.status(), Reason::kNotPermitted)) continue;  // Not released to us.
            if (HasReason(reading.status(), Reason::kErased)) continue;        // Just now: its row goes soon.
            ACCORD_RETURN_IF_ERROR(reading);
            if (response->referrals_size() == size || bytes >= kPageBytesMax) {
              response->set_next_page_token(MakePageToken(query, last));
              break;
            }
            last = rows[i].first;
            reading->referral.clear_openings();
            bytes += reading->referral.ByteSizeLong();
            *response->add_referrals() = std::move(reading->referral);
          }
          return absl::OkStatus();
        }();
        if (!listed.ok()) return answer(listed);
        work_.sequencer.Submit(std::make_unique<RecordCommand>(
            call.caller.principal, ReadEntryDraft(type::v1::EVENT_TYPE_REFERRAL_READ, kListReferrals, call.caller),
            [answer = std::move(answer)](const absl::StatusOr<uint64_t>& index) mutable { answer(index.status()); }));
      });
}

grpc::ServerUnaryReactor* ReferralService::RespondToReferral(grpc::CallbackServerContext* context,
                                                             const v1::RespondToReferralRequest* request,
                                                             v1::RespondToReferralResponse* response) {
  return HandleStatement(*context, shared_, work_, "/accord.broker.v1.ReferralService/RespondToReferral", *request, *response,
                         +[](type::v1::StatementKind kind) {
                           return kind == type::v1::STATEMENT_KIND_OPENED || kind == type::v1::STATEMENT_KIND_ACCEPTED ||
                                  kind == type::v1::STATEMENT_KIND_DECLINED || kind == type::v1::STATEMENT_KIND_DECIDED ||
                                  kind == type::v1::STATEMENT_KIND_RETURNED || kind == type::v1::STATEMENT_KIND_REDIRECTED ||
                                  kind == type::v1::STATEMENT_KIND_CLOSED || kind == type::v1::STATEMENT_KIND_CHANGE_ANSWERED ||
                                  kind == type::v1::STATEMENT_KIND_CHECK_ANSWERED ||
                                  referral::IsForumStep(kind);
                         });
}

grpc::ServerUnaryReactor* ReferralService::RecordOutcome(grpc::CallbackServerContext* context,
                                                         const v1::RecordOutcomeRequest* request,
                                                         v1::RecordOutcomeResponse* response) {
  return HandleStatement(*context, shared_, work_, "/accord.broker.v1.ReferralService/RecordOutcome", *request, *response,
                         +[](type::v1::StatementKind kind) {
                           return kind == type::v1::STATEMENT_KIND_OUTCOME || kind == type::v1::STATEMENT_KIND_ACTION;
                         });
}

grpc::ServerUnaryReactor* ReferralService::ChangeConsent(grpc::CallbackServerContext* context, const v1::ChangeConsentRequest* request,
                                                         v1::ChangeConsentResponse* response) {
  return HandleChangeConsent(*context, shared_, work_, *request, *response);
}

grpc::ServerUnaryReactor* ReferralService::CorrectReferral(grpc::CallbackServerContext* context, const v1::CorrectReferralRequest* request,
                                                           v1::CorrectReferralResponse* response) {
  return HandleCorrectReferral(*context, shared_, work_, *request, *response);
}

grpc::ServerUnaryReactor* ReferralService::RecallReferral(grpc::CallbackServerContext* context, const v1::RecallReferralRequest* request,
                                                          v1::RecallReferralResponse* response) {
  return HandleRecallReferral(*context, shared_, work_, *request, *response);
}

grpc::ServerUnaryReactor* ReferralService::WithdrawReferral(grpc::CallbackServerContext* context,
                                                            const v1::WithdrawReferralRequest* request,
                                                            v1::WithdrawReferralResponse* response) {
  return HandleWithdrawReferral(*context, shared_, work_, *request, *response);
}

grpc::ServerUnaryReactor* ReferralService::RegradeReferral(grpc::CallbackServerContext* context, const v1::RegradeReferralRequest* request,
                                                           v1::RegradeReferralResponse* response) {
  return HandleRegradeReferral(*context, shared_, work_, *request, *response);
}

grpc::ServerUnaryReactor* ReferralService::ResealReferral(grpc::CallbackServerContext* context, const v1::ResealReferralRequest* request,
                                                          v1::ResealReferralResponse* response) {
  return HandleResealReferral(*context, shared_, work_, *request, *response);
}

grpc::ServerReadReactor<v1::UploadSectionRequest>* ReferralService::UploadSection(grpc::CallbackServerContext* context,
                                                                                  v1::UploadSectionResponse* response) {
  return HandleUploadSection(*context, shared_, streams_, work_, *response);
}

}  // namespace accord::broker
