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
#include "services/broker/api/comes_later.h"
#include "services/broker/api/handle.h"
#include "services/broker/delivery/release.h"
#include "services/broker/delivery/settle.h"
#include "services/broker/directory/families.h"
#include "services/broker/holds/answer_hold.h"
#include "services/broker/holds/hold_release.h"
#include "services/broker/trails/receipts.h"

namespace accord::broker {
namespace {

constexpr std::string_view kOpenMailbox = "/accord.broker.v1.MailboxService/OpenMailbox";
constexpr std::string_view kAnswerHold = "/accord.broker.v1.MailboxService/AnswerHold";
constexpr absl::Duration kRetryDelay = absl::Seconds(1);      // Of a release that may succeed later.
constexpr absl::Duration kCorruptDelay = absl::Minutes(1);    // Of one that needs a person.

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
  void OnHalfClose() override { Close(absl::OkStatus()); }

  void OnClosed() override {
    {
      absl::MutexLock lock(&mu_);
      closed_ = true;
    }
    work_.mailboxes.StopListening(holder_);
    work_.mailboxes.ReturnAllOf(holder_);
  }

  void End(const absl::Status& status) {
    RecordRefusal(work_.refusals, caller_, kOpenMailbox, status);
    Close(status);
  }

  absl::Status Handle(const v1::OpenMailboxRequest& message) {
    ACCORD_RETURN_IF_ERROR(referral::ValidateMessage(message));
    if (message.say_case() == v1::OpenMailboxRequest::kOpen) return Open(message.open());
    if (!mailbox_.has_value()) return Error(Reason::kFieldMissing, "the first message opens the mailbox", {{"field", "open"}});
    switch (message.say_case()) {
      case v1::OpenMailboxRequest::kCredit: return Credit(message.credit().credit());
      case v1::OpenMailboxRequest::kAck: return Settle(message.ack().delivery_id(), {.kind = Settlement::Kind::kAck});
      case v1::OpenMailboxRequest::kNack: {
        const absl::Duration delay = absl::Milliseconds(message.nack().delay_ms());
        if (delay > kNackDelayMax) return Error(Reason::kFieldInvalid, "delay_ms is over one hour", {{"field", "nack.delay_ms"}});
        return Settle(message.nack().delivery_id(), {.kind = Settlement::Kind::kNack, .delay = delay});
      }
      case v1::OpenMailboxRequest::kReject: {
        const std::string& reason = message.reject().reason();
        if (RowOf(ReasonFromName(reason)).name != reason) {
          return Error(Reason::kFieldInvalid, "the reason is none of docs/errors.md", {{"field", "reject.reason"}});
        }
        return Settle(message.reject().delivery_id(), {.kind = Settlement::Kind::kReject, .reason = reason});
      }
      default: return Error(Reason::kFieldMissing, "the message says nothing", {{"field", "say"}});
    }
  }

  absl::Status Open(const v1::OpenCommand& open) {
    if (mailbox_.has_value()) return Error(Reason::kFieldInvalid, "the mailbox is open already", {{"field", "open"}});
    if (open.credit() > kMailboxCreditMax) return CreditInvalid("open.credit");
    if (!IsDeskOf(caller_, open.desk())) {
      return Error(Reason::kNotPermitted, "a desk's mailbox is opened with the certificate of that desk only");
    }
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

  absl::Status Settle(const std::string& delivery_id, Settlement settlement) {
    if (delivery_id.size() != kIdBytes) return Error(Reason::kFieldInvalid, "a delivery id is 16 bytes", {{"field", "delivery_id"}});
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
      ACCORD_ASSIGN_OR_RETURN(const auto view, work_.sequencer.View());
      ACCORD_ASSIGN_OR_RETURN(*settled.mutable_receipt(), MakeReceipt(*view, outcome->index, caller_));
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
    bool hold = false;
    auto plan = [&]() -> absl::StatusOr<ReleasePlan> {
      ACCORD_ASSIGN_OR_RETURN(const auto view, work_.sequencer.View());
      ACCORD_ASSIGN_OR_RETURN(const auto bytes, view->Get(kFamilyDelivery, delivery_id));
      storage::v1::StoredDelivery delivery;
      if (!bytes.has_value()) return Error(Reason::kDeliveryNotFound, "the delivery is gone: its referral was erased");
      if (!delivery.ParseFromString(*bytes)) {
        return Error(Reason::kStoreCorrupt, "a delivery that waits does not parse");
      }
      hold = !delivery.hold().empty();
      if (hold) return ReleasePlan();  // Nothing is decided of it.
      return PlanRelease([&](std::string_view family, std::string_view key) { return view->GetSealed(family, key); },
                         [&](std::string_view family, std::string_view key) { return view->Get(family, key); },
                         *work_.policy.Get(), *work_.directory.Get(), delivery, work_.clock.Now());
    }();
    if (!plan.ok()) return GiveBack(delivery_id, plan.status());
    if (hold) {
      work_.sequencer.Submit(std::make_unique<ReleaseHoldCommand>(
          delivery_id, *mailbox_, caller_, [self = Self(), delivery_id](absl::StatusOr<ReleasedHold> released) {
            if (!released.ok()) return self->GiveBack(delivery_id, released.status());
            self->Hand(delivery_id, self->MakeHoldDelivery(delivery_id, *released));
          }));
      return;
    }
    work_.sequencer.Submit(std::make_unique<ReleaseCommand>(
        delivery_id, *mailbox_, caller_, *std::move(plan), work_.policy, work_.directory, work_.mailboxes,
        [self = Self(), delivery_id](absl::StatusOr<Released> released) { self->OnReleased(delivery_id, std::move(released)); }));
  }

  void OnReleased(const std::string& delivery_id, absl::StatusOr<Released> released) {
    if (!released.ok()) return GiveBack(delivery_id, released.status());
    if (released->withheld) {
      {
        absl::MutexLock lock(&mu_);
        --releasing_;
      }
      return Pump();
    }
    Hand(delivery_id, MakeDelivery(delivery_id, *std::move(released)));
  }

  // Its entry is durable: the first byte may leave.
  void Hand(const std::string& delivery_id, absl::StatusOr<v1::OpenMailboxResponse> message) {
    if (!message.ok()) return GiveBack(delivery_id, message.status());
    const size_t bytes = message->ByteSizeLong();
    {
      absl::MutexLock lock(&mu_);
      --releasing_;
      if (closed_) return;  // Its lease went back with the others.
      ForgetLocked(delivery_id);
      unacknowledged_[delivery_id] = {work_.clock.Now(), bytes};
      unacknowledged_bytes_ += bytes;
      ready_.push_back(*std::move(message));
      FlushLocked();
    }
    Pump();
  }

  // Of the sections that are handed over, and of no other that was decided.
  static void FillTerms(const ReleasePlan& plan, v1::DeliveredReferral& referral) {
    for (const auto& section : plan.sections) {
      const auto decision = std::find_if(plan.decisions.begin(), plan.decisions.end(),
                                         [&](const auto& row) { return row.section_id() == section.section_id(); });
      if (decision == plan.decisions.end()) continue;
      v1::SectionTerms& terms = *referral.add_terms();
      terms.set_section_id(section.section_id());
      *terms.mutable_obligations() = decision->obligations();
      terms.set_regime(decision->recipient_regime());
    }
  }

  static void FillDelivery(v1::Delivery& delivery, const std::string& delivery_id, const storage::v1::StoredDelivery& stored) {
    delivery.set_delivery_id(delivery_id);
    delivery.set_attempt(stored.attempt());
    delivery.set_first_released_ms(stored.first_released_ms());
    delivery.set_lane(stored.lane());
    delivery.set_key_sequence(stored.key_sequence());
  }

  absl::StatusOr<v1::OpenMailboxResponse> MakeHoldDelivery(const std::string& delivery_id, const ReleasedHold& released) const {
    v1::OpenMailboxResponse message;
    auto& delivery = *message.mutable_delivery();
    FillDelivery(delivery, delivery_id, released.delivery);
    auto& notice = *delivery.mutable_hold();
    notice.set_hold(released.hold.hold().id());
    notice.set_ground(released.hold.hold().ground());
    notice.set_authority(released.hold.hold().authority());
    notice.set_review_at_ms(released.hold.hold().review_at_ms());
    notice.set_set_at_ms(released.hold.set_at_ms());
    if (released.delivery.hold_lifted()) notice.set_lifted_at_ms(released.hold.lifted_at_ms());
    *notice.mutable_header_digests() = released.delivery.hold_referrals();
    ACCORD_ASSIGN_OR_RETURN(const auto view, work_.sequencer.View());
    ACCORD_ASSIGN_OR_RETURN(*delivery.mutable_released(), MakeReceipt(*view, released.index, caller_));
    return message;
  }

  absl::StatusOr<v1::OpenMailboxResponse> MakeDelivery(const std::string& delivery_id, Released released) const {
    v1::OpenMailboxResponse message;
    auto& delivery = *message.mutable_delivery();
    FillDelivery(delivery, delivery_id, released.delivery);
    if (released.delivery.notice() != type::v1::NOTICE_KIND_UNSPECIFIED) {
      auto& notice = *delivery.mutable_notice();
      notice.set_kind(released.delivery.notice());
      notice.set_header_digest(released.delivery.header_digest());
      notice.set_agency(released.delivery.notice_agency());
      notice.set_due_at_ms(released.delivery.notice_due_ms());
      notice.set_reminder(released.delivery.notice_reminder());
    } else if (!released.delivery.statement_digest().empty()) {
      *delivery.mutable_statement() = std::move(released.plan.statement);
      for (auto& opening : released.plan.statement_openings) *delivery.add_statement_openings() = std::move(opening);
      delivery.set_answer_due_ms(released.plan.answer_due_ms);
    } else {
      auto& referral = *delivery.mutable_referral();
      *referral.mutable_header() = std::move(released.plan.header);
      for (auto& opening : released.plan.openings) *referral.add_openings() = std::move(opening);
      FillTerms(released.plan, referral);
      for (auto& section : released.plan.sections) *referral.add_sections() = std::move(section);
      referral.set_sender_certificate(std::move(released.plan.sender_certificate));
    }
    ACCORD_ASSIGN_OR_RETURN(const auto view, work_.sequencer.View());
    ACCORD_ASSIGN_OR_RETURN(*delivery.mutable_released(), MakeReceipt(*view, released.index, caller_));
    return message;
  }

  // A release that did not come to its first byte.
  void GiveBack(const std::string& delivery_id, const absl::Status& status) {
    {
      absl::MutexLock lock(&mu_);
      --releasing_;
    }
    if (HasReason(status, Reason::kDeliveryNotFound) || HasReason(status, Reason::kReferralNotFound)) {
      return work_.mailboxes.Remove(delivery_id);  // Settled elsewhere, or erased.
    }
    const bool corrupt = status.code() == absl::StatusCode::kDataLoss;
    if (corrupt) telemetry::Log(telemetry::Level::kError, "delivery.corrupt", {{"status", status}});
    work_.mailboxes.Return(delivery_id, holder_, work_.clock.Now() + (corrupt ? kCorruptDelay : kRetryDelay));
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

grpc::ServerUnaryReactor* MailboxService::CollectMessages(grpc::CallbackServerContext* context, const v1::CollectMessagesRequest*,
                                                          v1::CollectMessagesResponse*) {
  return AnswerComesLater(*context, shared_, "/accord.broker.v1.MailboxService/CollectMessages");
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
            ACCORD_ASSIGN_OR_RETURN(const auto view, work_.sequencer.View());
            ACCORD_ASSIGN_OR_RETURN(*response->mutable_receipt(), MakeReceipt(*view, *index, caller));
            return absl::OkStatus();
          }());
        }));
  });
}

grpc::ServerUnaryReactor* MailboxService::ListDeadLetters(grpc::CallbackServerContext* context, const v1::ListDeadLettersRequest*,
                                                          v1::ListDeadLettersResponse*) {
  return AnswerComesLater(*context, shared_, "/accord.broker.v1.MailboxService/ListDeadLetters");
}

grpc::ServerUnaryReactor* MailboxService::RequeueDeadLetter(grpc::CallbackServerContext* context,
                                                            const v1::RequeueDeadLetterRequest*,
                                                            v1::RequeueDeadLetterResponse*) {
  return AnswerComesLater(*context, shared_, "/accord.broker.v1.MailboxService/RequeueDeadLetter");
}

}  // namespace accord::broker
