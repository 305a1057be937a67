#include "services/broker/api/mailbox_service.h"

#include <absl/container/flat_hash_map.h>
#include <fmt/format.h>

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/referral/validate.h"
#include "common/telemetry/log.h"
#include "services/broker/adapter/authorizer.h"
#include "services/broker/api/deliver.h"
#include "services/broker/api/handle.h"
#include "services/broker/api/mailbox_calls.h"
#include "services/broker/api/receipt.h"
#include "services/broker/api/section_calls.h"
#include "services/broker/clocks/alert_command.h"
#include "services/broker/delivery/settle.h"
#include "services/broker/directory/families.h"
#include "services/broker/holds/answer_hold.h"

namespace accord::broker {
namespace {

constexpr std::string_view kOpenMailbox = "/accord.broker.v1.MailboxService/OpenMailbox";
constexpr std::string_view kAnswerHold = "/accord.broker.v1.MailboxService/AnswerHold";
constexpr std::string_view kReportAlert = "/accord.broker.v1.MailboxService/ReportAlert";

// One open mailbox.
//
// Reactions run one at a time, but releases and settlements end on any worker, and wakes come from anywhere: what they share
// is under mu_, which is taken before the locks of Mailboxes and of the stream itself, never after.
//
//   wake or message → Pump: lease → (worker) plan → (sequencer) ReleaseCommand → (worker) Send → ack → SettleCommand → Pump
class MailboxStream final : public rpc::BidiStream<v1::OpenMailboxRequest, v1::OpenMailboxResponse> {
 public:
  MailboxStream(const MailboxWork& work, uint64_t holder) : work_(work), holder_(holder) {}

 private:
  std::shared_ptr<MailboxStream> Self() { return std::static_pointer_cast<MailboxStream>(shared_from_this()); }

  void OnOpen() override {
    caller_ = CallerOf(peer());
    ReadNext();
  }

  void OnMessage(v1::OpenMailboxRequest message) override {
    const absl::Status handled = Handle(message);
    if (!handled.ok()) return End(handled);
    bool read = false;
    {
      absl::MutexLock lock(&mu_);
      paused_ = settling_ >= kSettlingMax;
      read = !paused_;
    }
    if (read) ReadNext();
    Pump();
  }

  // The caller says no more: what it has not acknowledged is given again, on another stream.
  void OnHalfClose() override {
    LeaseNoMore();
    Close(absl::OkStatus());
  }

  void OnClosed() override {
    LeaseNoMore();
    work_.mailboxes.StopListening(holder_);
    work_.mailboxes.ReturnAllOf(holder_, work_.clock.Now());
  }

  void End(const absl::Status& status) {
    LeaseNoMore();
    RecordRefusal(work_.refusals, caller_, kOpenMailbox, status);
    Close(status);
  }

  // Before the peer hears of the end: what became ready between that and OnClosed would cost an attempt, and be given to nobody.
  void LeaseNoMore() {
    absl::MutexLock lock(&mu_);
    closed_ = true;
  }

  absl::Status Handle(const v1::OpenMailboxRequest& message) {
    ACCORD_RETURN_IF_ERROR(referral::ValidateMessage(message));
    if (message.say_case() == v1::OpenMailboxRequest::kOpen) return Open(message.open());
    if (!mailbox_.has_value()) return Error(Reason::kFieldMissing, "the first message opens the mailbox", {{"field", "open"}});
    switch (message.say_case()) {
      case v1::OpenMailboxRequest::kCredit: return Credit(message.credit().credit());
      case v1::OpenMailboxRequest::kAck: return Settle(message.ack());
      case v1::OpenMailboxRequest::kNack: return Settle(message.nack());
      case v1::OpenMailboxRequest::kReject: return Settle(message.reject());
      default: return Error(Reason::kFieldMissing, "the message says nothing", {{"field", "say"}});
    }
  }

  absl::Status Open(const v1::OpenCommand& open) {
    if (mailbox_.has_value()) return Error(Reason::kFieldInvalid, "the mailbox is open already", {{"field", "open"}});
    if (open.credit() > kMailboxCreditMax) return CreditInvalid("open.credit");
    if (!IsDeskOf(caller_, open.desk())) {
      return Error(Reason::kNotPermitted, "a desk's mailbox is opened with the certificate of that desk only");
    }
    ACCORD_ASSIGN_OR_RETURN(place_, work_.quotas.TakeStream({caller_.id, caller_.desk}));
    {
      absl::MutexLock lock(&mu_);
      mailbox_ = {caller_.id, caller_.desk};
      credit_ = open.credit();
    }
    work_.mailboxes.Listen(*mailbox_, holder_, [weak = std::weak_ptr(Self()), &executor = work_.executor] {
      if (auto self = weak.lock()) self->PostPump(executor);
    });
    return absl::OkStatus();
  }

  absl::Status Credit(uint32_t more) {
    absl::MutexLock lock(&mu_);
    if (more > kMailboxCreditMax - credit_) return CreditInvalid("credit.credit");
    credit_ += more;
    return absl::OkStatus();
  }
  static absl::Status CreditInvalid(const char* field) {
    return Error(Reason::kFieldInvalid, fmt::format("the credit would be over {}", kMailboxCreditMax), {{"field", field}});
  }

  template <typename Said>
  absl::Status Settle(const Said& said) {
    ACCORD_ASSIGN_OR_RETURN(Settlement settlement, SettlementOf(said));
    const std::string& delivery_id = said.delivery_id();
    {
      absl::MutexLock lock(&mu_);
      ++settling_;
    }
    work_.sequencer.Submit(std::make_unique<SettleCommand>(
        delivery_id, *mailbox_, holder_, caller_, std::move(settlement), work_.mailboxes,
        [self = Self(), delivery_id](const absl::StatusOr<SettledOutcome>& outcome) { self->OnSettled(delivery_id, outcome); }));
    return absl::OkStatus();
  }

  void OnSettled(const std::string& delivery_id, const absl::StatusOr<SettledOutcome>& outcome) {
    v1::OpenMailboxResponse answer;
    const absl::Status status = [&]() -> absl::Status {
      ACCORD_RETURN_IF_ERROR(outcome);
      auto& settled = *answer.mutable_settled();
      settled.set_delivery_id(delivery_id);
      settled.set_already(outcome->already);
      ACCORD_ASSIGN_OR_RETURN(*settled.mutable_receipt(), ReceiptOf(work_.sequencer, outcome->index, caller_));
      return absl::OkStatus();
    }();
    if (!status.ok()) return End(status);
    bool read = false;
    {
      absl::MutexLock lock(&mu_);
      --settling_;
      ForgetLocked(delivery_id);
      ready_.push_back(std::move(answer));
      FlushLocked();
      read = std::exchange(paused_, false);
    }
    if (read) ReadNext();
    Pump();
  }

  // From wherever something became ready: one task at most is queued.
  void PostPump(Executor& executor) {
    if (pump_posted_.exchange(true)) return;
    const bool posted = executor.Run([self = Self()] {
      self->pump_posted_ = false;
      self->Pump();
    });
    if (!posted) pump_posted_ = false;  // The next tick of the mailboxes wakes again.
  }

  // Leases what credit and window allow, and starts its release.
  void Pump() {
    std::vector<std::string> leased;
    {
      absl::MutexLock lock(&mu_);
      if (!mailbox_.has_value() || closed_) return;
      const absl::Time now = work_.clock.Now();
      absl::erase_if(unacknowledged_, [&](const auto& row) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
        if (now - row.second.leased_at < kLeaseTime) return false;
        unacknowledged_bytes_ -= row.second.bytes;
        return true;
      });
      while (ready_.empty() && releasing_ < kReleasingMax && unacknowledged_.size() + releasing_ < credit_ &&
             unacknowledged_bytes_ < kMailboxWindowBytesMax) {
        auto delivery_id = work_.mailboxes.Lease(*mailbox_, holder_, now);
        if (!delivery_id.has_value()) break;
        ++releasing_;
        leased.push_back(*std::move(delivery_id));
      }
    }
    for (const std::string& delivery_id : leased) {
      if (!work_.executor.Run([self = Self(), delivery_id] { self->Release(delivery_id); })) {
        GiveBack(delivery_id, Error(Reason::kQueueFull, "the server has too much to do"));
      }
    }
  }

  void Release(const std::string& delivery_id) {
    Deliver(work_, delivery_id, *mailbox_, caller_, kAnySize,
            [self = Self(), delivery_id](absl::StatusOr<std::optional<v1::Delivery>> made) {
              if (!made.ok()) return self->GiveBack(delivery_id, made.status());
              if (made->has_value()) return self->Hand(delivery_id, **std::move(made));
              {
                absl::MutexLock lock(&self->mu_);
                --self->releasing_;
              }
              self->Pump();
            });
  }

  // Its entry is durable: the first byte may leave.
  void Hand(const std::string& delivery_id, v1::Delivery delivery) {
    v1::OpenMailboxResponse message;
    *message.mutable_delivery() = std::move(delivery);
    const size_t bytes = message.ByteSizeLong();
    {
      absl::MutexLock lock(&mu_);
      --releasing_;
      if (closed_) return;  // Its lease went back with the others.
      ForgetLocked(delivery_id);
      unacknowledged_[delivery_id] = {work_.clock.Now(), bytes};
      unacknowledged_bytes_ += bytes;
      ready_.push_back(std::move(message));
      FlushLocked();
    }
    Pump();
  }

  // A release that did not come to its first byte.
  void GiveBack(const std::string& delivery_id, const absl::Status& status) {
    {
      absl::MutexLock lock(&mu_);
      --releasing_;
    }
    GiveBackLeased(work_, delivery_id, holder_, status);
  }

  void ForgetLocked(const std::string& delivery_id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    const auto found = unacknowledged_.find(delivery_id);
    if (found == unacknowledged_.end()) return;
    unacknowledged_bytes_ -= found->second.bytes;
    unacknowledged_.erase(found);
  }

  // What finds no room waits for the next answer of the peer: something it has not answered is on its way to it.
  void FlushLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    while (!ready_.empty() && Send(ready_.front())) ready_.pop_front();
  }

  struct Sent {
    absl::Time leased_at;
    size_t bytes = 0;
  };

  const MailboxWork work_;
  const uint64_t holder_;
  Caller caller_;                       // From OnOpen on.
  std::optional<MailboxId> mailbox_;    // Set once, by the reaction that opens it; before that nothing else reads it.
  Quotas::StreamPlace place_;           // From the same on; given back with the stream.
  std::atomic<bool> pump_posted_ = false;

  absl::Mutex mu_;
  uint32_t credit_ ABSL_GUARDED_BY(mu_) = 0;
  int releasing_ ABSL_GUARDED_BY(mu_) = 0, settling_ ABSL_GUARDED_BY(mu_) = 0;
  bool paused_ ABSL_GUARDED_BY(mu_) = false, closed_ ABSL_GUARDED_BY(mu_) = false;
  absl::flat_hash_map<std::string, Sent> unacknowledged_ ABSL_GUARDED_BY(mu_);
  size_t unacknowledged_bytes_ ABSL_GUARDED_BY(mu_) = 0;
  std::deque<v1::OpenMailboxResponse> ready_ ABSL_GUARDED_BY(mu_);
};

}  // namespace

grpc::ServerBidiReactor<v1::OpenMailboxRequest, v1::OpenMailboxResponse>* MailboxService::OpenMailbox(
    grpc::CallbackServerContext* context) {
  return rpc::OpenStream<MailboxStream>(*context, shared_, streams_, kOpenMailbox, work_, ++holders_);
}

grpc::ServerUnaryReactor* MailboxService::CollectMessages(grpc::CallbackServerContext* context, const v1::CollectMessagesRequest* request,
                                                          v1::CollectMessagesResponse* response) {
  return HandleCollectMessages(*context, shared_, work_, *request, *response);
}

grpc::ServerUnaryReactor* MailboxService::SettleMessages(grpc::CallbackServerContext* context, const v1::SettleMessagesRequest* request,
                                                         v1::SettleMessagesResponse* response) {
  return HandleSettleMessages(*context, shared_, work_, *request, *response);
}

grpc::ServerUnaryReactor* MailboxService::ReplayMailbox(grpc::CallbackServerContext* context, const v1::ReplayMailboxRequest* request,
                                                        v1::ReplayMailboxResponse* response) {
  return HandleReplayMailbox(*context, shared_, work_, *request, *response);
}

grpc::ServerWriteReactor<v1::FetchSectionResponse>* MailboxService::FetchSection(grpc::CallbackServerContext* context,
                                                                                 const v1::FetchSectionRequest* request) {
  return HandleFetchSection(*context, shared_, streams_, work_, *request);
}

grpc::ServerUnaryReactor* MailboxService::AnswerHold(grpc::CallbackServerContext* context, const v1::AnswerHoldRequest* request,
                                                     v1::AnswerHoldResponse* response) {
  return HandleRecorded(*context, shared_, work_.refusals, kAnswerHold, [this, request, response](const BrokerCall& call, Answer answer) {
    if (const absl::Status valid = referral::ValidateMessage(*request); !valid.ok()) return answer(valid);
    if (request->worker().pseudonym().size() > referral::kPseudonymBytesMax) {
      return answer(Error(Reason::kFieldInvalid, "worker.pseudonym is too long", {{"field", "worker.pseudonym"}}));
    }
    work_.sequencer.Submit(std::make_unique<AnswerHoldCommand>(
        call.caller, request->request_id(),
        HoldAnswered{request->hold(), request->answer(), request->erased_at_ms(), request->worker()},
        [this, response, caller = call.caller, answer = std::move(answer)](const absl::StatusOr<uint64_t>& index) mutable {
          answer([&]() -> absl::Status {
            ACCORD_RETURN_IF_ERROR(index);
            ACCORD_ASSIGN_OR_RETURN(*response->mutable_receipt(), ReceiptOf(work_.sequencer, *index, caller));
            return absl::OkStatus();
          }());
        }));
  });
}

grpc::ServerUnaryReactor* MailboxService::ListDeadLetters(grpc::CallbackServerContext* context, const v1::ListDeadLettersRequest* request,
                                                          v1::ListDeadLettersResponse* response) {
  return HandleListDeadLetters(*context, shared_, work_, *request, *response);
}

grpc::ServerUnaryReactor* MailboxService::RequeueDeadLetter(grpc::CallbackServerContext* context,
                                                            const v1::RequeueDeadLetterRequest* request,
                                                            v1::RequeueDeadLetterResponse* response) {
  return HandleRequeueDeadLetter(*context, shared_, work_, *request, *response);
}

grpc::ServerUnaryReactor* MailboxService::DiscardDeadLetter(grpc::CallbackServerContext* context,
                                                            const v1::DiscardDeadLetterRequest* request,
                                                            v1::DiscardDeadLetterResponse* response) {
  return HandleDiscardDeadLetter(*context, shared_, work_, *request, *response);
}

grpc::ServerUnaryReactor* MailboxService::ReportAlert(grpc::CallbackServerContext* context, const v1::ReportAlertRequest* request,
                                                      v1::ReportAlertResponse*) {
  return HandleRecorded(*context, shared_, work_.refusals, kReportAlert, [this, request](const BrokerCall& call, Answer answer) {
    if (const absl::Status valid = referral::ValidateMessage(*request); !valid.ok()) return answer(valid);
    if (request->delivery_id().size() != kIdBytes) {
      return answer(Error(Reason::kFieldInvalid, "a delivery id is 16 bytes", {{"field", "delivery_id"}}));
    }
    work_.sequencer.Submit(std::make_unique<AlertCommand>(
        request->delivery_id(), call.caller, [answer = std::move(answer)](const absl::Status& status) mutable { answer(status); }));
  });
}

}  // namespace accord::broker
