#include "services/broker/api/mailbox_calls.h"

#include <absl/synchronization/mutex.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/referral/validate.h"
#include "services/broker/api/deliver.h"
#include "services/broker/api/handle.h"
#include "services/broker/api/paging.h"
#include "services/broker/api/receipt.h"
#include "services/broker/delivery/dead_letters.h"
#include "services/broker/delivery/replay.h"
#include "services/broker/directory/access.h"
#include "services/broker/directory/families.h"
#include "services/broker/sequencer/record_command.h"

namespace accord::broker {
namespace {

constexpr std::string_view kListDeadLetters = "/accord.broker.v1.MailboxService/ListDeadLetters";
constexpr int kDeadLetterPageDefault = 50;

MailboxId DeskOf(const Caller& caller) { return {caller.id, caller.desk}; }

absl::Status InvalidCall(const char* field, std::string_view why) { return Error(Reason::kFieldInvalid, why, {{"field", field}}); }

absl::Status CheckWorker(const type::v1::Worker& worker) {
  if (worker.pseudonym().size() <= referral::kPseudonymBytesMax) return absl::OkStatus();
  return InvalidCall("worker.pseudonym", "worker.pseudonym is too long");
}

// One call of CollectMessages: releases one delivery after the other, until there are enough. Each step ends on some worker, and begins
// the next.
class Poll : public std::enable_shared_from_this<Poll> {
 public:
  Poll(const MailboxWork& work, const BrokerCall& call, uint32_t credit, v1::CollectMessagesResponse& response, Answer answer)
      : work_(work), caller_(call.caller), deadline_(call.deadline), credit_(static_cast<int>(credit)), response_(response),
        answer_(std::move(answer)) {}

  void Next() {
    // What nobody waits for any more is not leased; nor is a mailbox looked through that holds nothing but what may not go.
    const absl::Time now = work_.clock.Now();
    const bool enough = response_.deliveries_size() >= credit_ || bytes_ >= kCollectBytesMax || now >= deadline_ || ++tries_ > 2 * credit_;
    auto delivery_id = enough ? std::nullopt : work_.mailboxes.Lease(DeskOf(caller_), kPollHolder, now);
    if (!delivery_id.has_value()) return End(now);
    const size_t room = response_.deliveries().empty() ? kAnySize : kCollectBytesMax - bytes_;
    Deliver(work_, *delivery_id, DeskOf(caller_), caller_, room,
            [self = shared_from_this(), id = *delivery_id](absl::StatusOr<std::optional<v1::Delivery>> made) { self->Take(id, std::move(made)); });
  }

 private:
  void Take(const std::string& delivery_id, absl::StatusOr<std::optional<v1::Delivery>> made) {
    if (!made.ok()) {
      GiveBackLeased(work_, delivery_id, kPollHolder, made.status());
      if (HasReason(made.status(), Reason::kMessageTooLarge)) return End(work_.clock.Now());
      const bool busy = made.status().code() == absl::StatusCode::kUnavailable || made.status().code() == absl::StatusCode::kResourceExhausted;
      if (busy) return response_.deliveries().empty() ? answer_(made.status()) : End(work_.clock.Now());  // The next would fare no better.
    } else if (made->has_value()) {
      bytes_ += (*made)->ByteSizeLong();
      *response_.add_deliveries() = **std::move(made);
    }
    Next();
  }

  void End(absl::Time now) {
    if (now >= deadline_) {  // It comes to nobody.
      for (const auto& delivery : response_.deliveries()) work_.mailboxes.Return(delivery.delivery_id(), kPollHolder, now);
    }
    answer_(absl::OkStatus());
  }

  const MailboxWork& work_;
  const Caller caller_;
  const absl::Time deadline_;
  const int credit_;
  v1::CollectMessagesResponse& response_;
  Answer answer_;
  size_t bytes_ = 0;
  int tries_ = 0;
};

// The settlements of one call, which end in any order; the last one answers.
class Settling : public std::enable_shared_from_this<Settling> {
 public:
  Settling(const MailboxWork& work, const Caller& caller, v1::SettleMessagesResponse& response, Answer answer)
      : work_(work), caller_(caller), response_(response), answer_(std::move(answer)) {}

  void Begin(std::vector<std::pair<std::string, Settlement>> settlements) {
    {
      absl::MutexLock lock(&mu_);
      left_ = settlements.size();
      settled_.resize(settlements.size());
    }
    for (size_t i = 0; i < settlements.size(); ++i) {
      auto& [delivery_id, settlement] = settlements[i];
      work_.sequencer.Submit(std::make_unique<SettleCommand>(
          delivery_id, DeskOf(caller_), kPollHolder, caller_, std::move(settlement), work_.mailboxes,
          [self = shared_from_this(), i, id = delivery_id](const absl::StatusOr<SettledOutcome>& outcome) { self->Take(i, id, outcome); }));
    }
  }

 private:
  void Take(size_t place, const std::string& delivery_id, const absl::StatusOr<SettledOutcome>& outcome) {
    auto settled = [&]() -> absl::StatusOr<v1::Settled> {
      ACCORD_RETURN_IF_ERROR(outcome);
      v1::Settled one;
      one.set_delivery_id(delivery_id);
      one.set_already(outcome->already);
      ACCORD_ASSIGN_OR_RETURN(*one.mutable_receipt(), ReceiptOf(work_.sequencer, outcome->index, caller_));
      return one;
    }();
    absl::Status status;
    {
      absl::MutexLock lock(&mu_);
      if (settled.ok()) {
        settled_[place] = *std::move(settled);
      } else if (!HasReason(settled.status(), Reason::kDeliveryNotFound)) {
        status_ = settled.status();
      }
      if (--left_ > 0) return;
      for (auto& one : settled_) {
        if (one.has_value()) *response_.add_settled() = *std::move(one);
      }
      status = status_;
    }
    answer_(status);
  }

  const MailboxWork& work_;
  const Caller caller_;
  v1::SettleMessagesResponse& response_;
  Answer answer_;
  absl::Mutex mu_;
  size_t left_ ABSL_GUARDED_BY(mu_) = 0;
  std::vector<std::optional<v1::Settled>> settled_ ABSL_GUARDED_BY(mu_);
  absl::Status status_ ABSL_GUARDED_BY(mu_);
};

absl::StatusOr<std::vector<std::pair<std::string, Settlement>>> ReadSettlements(const v1::SettleMessagesRequest& request) {
  ACCORD_RETURN_IF_ERROR(referral::ValidateMessage(request));
  if (request.settlements_size() > kSettlementsMax) return InvalidCall("settlements", "at most 64 are settled in one call");
  std::vector<std::pair<std::string, Settlement>> settlements;
  for (const auto& said : request.settlements()) {
    const auto add = [&](const auto& one) -> absl::Status {
      ACCORD_ASSIGN_OR_RETURN(Settlement settlement, SettlementOf(one));
      settlements.emplace_back(one.delivery_id(), std::move(settlement));
      return absl::OkStatus();
    };
    switch (said.say_case()) {
      case v1::Settlement::kAck: ACCORD_RETURN_IF_ERROR(add(said.ack())); break;
      case v1::Settlement::kNack: ACCORD_RETURN_IF_ERROR(add(said.nack())); break;
      case v1::Settlement::kReject: ACCORD_RETURN_IF_ERROR(add(said.reject())); break;
      default: return Error(Reason::kFieldMissing, "a settlement says nothing", {{"field", "settlements.say"}});
    }
  }
  return settlements;
}

v1::DeadLetter ToDeadLetter(const std::string& delivery_id, const storage::v1::StoredDelivery& delivery) {
  v1::DeadLetter letter;
  letter.set_delivery_id(delivery_id);
  letter.set_recipient(delivery.agency());
  letter.set_header_digest(delivery.header_digest());
  letter.set_statement_digest(delivery.statement_digest());
  letter.set_lane(delivery.lane());
  letter.set_reason(delivery.dead_reason());
  letter.set_dead_at_ms(delivery.dead_at_ms());
  letter.set_attempts(delivery.attempt());
  for (const auto& attempt : delivery.attempts()) {
    auto& row = *letter.add_history();
    row.set_attempt(attempt.attempt());
    row.set_released_ms(attempt.released_ms());
    row.set_ended_ms(attempt.ended_ms());
    row.set_outcome(attempt.outcome());
  }
  return letter;
}

absl::Status ListLetters(const MailboxWork& work, const Caller& caller, const v1::ListDeadLettersRequest& request,
                         v1::ListDeadLettersResponse& response) {
  ACCORD_ASSIGN_OR_RETURN(const int size, PageSize(request.page_size(), kDeadLetterPageDefault));
  const std::string prefix = DeadLetterPrefix(caller.id, caller.desk);
  const std::string query = PageQuery(kListDeadLetters, {prefix});
  ACCORD_ASSIGN_OR_RETURN(const auto position, ReadPageToken(request.page_token(), query));
  accord::storage::Range range = accord::storage::Prefix(prefix);
  if (position.has_value()) {
    if (position->size() != sizeof(uint64_t) + kIdBytes) return PageTokenInvalid();
    range.lower = prefix + *position + '\0';
  }
  ACCORD_ASSIGN_OR_RETURN(const auto view, work.sequencer.View());
  std::vector<std::string> positions;  // One more than is asked for tells of a next page: every row may be seen.
  ACCORD_RETURN_IF_ERROR(view->Scan(kFamilyDeadLetter, range, [&](std::string_view key, std::string_view) {
    positions.emplace_back(key.substr(prefix.size()));
    return positions.size() <= static_cast<size_t>(size);
  }));
  if (positions.size() > static_cast<size_t>(size)) {
    positions.pop_back();
    response.set_next_page_token(MakePageToken(query, positions.back()));
  }
  for (const std::string& row : positions) {
    const std::string delivery_id = row.substr(sizeof(uint64_t));
    ACCORD_ASSIGN_OR_RETURN(const auto bytes, view->Get(kFamilyDelivery, delivery_id));
    storage::v1::StoredDelivery delivery;
    if (!bytes.has_value()) continue;  // Erased just now.
    if (!delivery.ParseFromString(*bytes)) return Error(Reason::kStoreCorrupt, "a stored delivery does not parse");
    if (delivery.state() != storage::v1::DELIVERY_STATE_DEAD) continue;  // Likewise requeued.
    *response.add_dead_letters() = ToDeadLetter(delivery_id, delivery);
  }
  return absl::OkStatus();
}

// Requeues or discards.
template <typename Request, typename Response>
grpc::ServerUnaryReactor* HandleLetter(grpc::CallbackServerContext& context, rpc::HandlerContext& shared, const MailboxWork& work,
                                       std::string_view method, const Request& request, Response& response, bool discards,
                                       type::v1::DiscardReason (*reason)(const Request&)) {
  return HandleRecorded(context, shared, work.refusals, method, [&work, &request, &response, discards, reason](const BrokerCall& call, Answer answer) {
    const type::v1::DiscardReason discard = reason(request);
    const absl::Status valid = [&]() -> absl::Status {
      ACCORD_RETURN_IF_ERROR(referral::ValidateMessage(request));
      ACCORD_RETURN_IF_ERROR(CheckWorker(request.worker()));
      if (request.delivery_id().size() != kIdBytes) return InvalidCall("delivery_id", "a delivery id is 16 bytes");
      if (discards && discard == type::v1::DISCARD_REASON_UNSPECIFIED) {
        return Error(Reason::kFieldMissing, "a reason is needed", {{"field", "reason"}});
      }
      return absl::OkStatus();
    }();
    if (!valid.ok()) return answer(valid);
    work.sequencer.Submit(std::make_unique<DeadLetterCommand>(
        call.caller, DeadLetterAct{request.request_id(), request.delivery_id(), request.worker(), discard}, work.directory, work.mailboxes,
        [&work, &response, caller = call.caller, answer = std::move(answer)](const absl::StatusOr<uint64_t>& index) mutable {
          answer([&]() -> absl::Status {
            ACCORD_RETURN_IF_ERROR(index);
            ACCORD_ASSIGN_OR_RETURN(*response.mutable_receipt(), ReceiptOf(work.sequencer, *index, caller));
            return absl::OkStatus();
          }());
        }));
  });
}

}  // namespace

grpc::ServerUnaryReactor* HandleCollectMessages(grpc::CallbackServerContext& context, rpc::HandlerContext& shared, const MailboxWork& work,
                                                const v1::CollectMessagesRequest& request, v1::CollectMessagesResponse& response) {
  return HandleRecorded(context, shared, work.refusals, "/accord.broker.v1.MailboxService/CollectMessages",
                        [&work, &request, &response](const BrokerCall& call, Answer answer) {
                          const absl::Status may = [&]() -> absl::Status {
                            ACCORD_RETURN_IF_ERROR(referral::ValidateMessage(request));
                            if (request.credit() > kCollectCreditMax) return InvalidCall("credit", "at most 64 are collected in one call");
                            return work.quotas.TakeCollect(DeskOf(call.caller));
                          }();
                          if (!may.ok()) return answer(may);
                          const uint32_t credit = request.credit() == 0 ? kCollectCreditDefault : request.credit();
                          std::make_shared<Poll>(work, call, credit, response, std::move(answer))->Next();
                        });
}

grpc::ServerUnaryReactor* HandleSettleMessages(grpc::CallbackServerContext& context, rpc::HandlerContext& shared, const MailboxWork& work,
                                               const v1::SettleMessagesRequest& request, v1::SettleMessagesResponse& response) {
  return HandleRecorded(context, shared, work.refusals, "/accord.broker.v1.MailboxService/SettleMessages",
                        [&work, &request, &response](const BrokerCall& call, Answer answer) {
                          auto settlements = ReadSettlements(request);
                          if (!settlements.ok()) return answer(settlements.status());
                          std::make_shared<Settling>(work, call.caller, response, std::move(answer))->Begin(*std::move(settlements));
                        });
}

grpc::ServerUnaryReactor* HandleReplayMailbox(grpc::CallbackServerContext& context, rpc::HandlerContext& shared, const MailboxWork& work,
                                              const v1::ReplayMailboxRequest& request, v1::ReplayMailboxResponse& response) {
  return HandleRecorded(
      context, shared, work.refusals, "/accord.broker.v1.MailboxService/ReplayMailbox",
      [&work, &request, &response](const BrokerCall& call, Answer answer) {
        ReplayAsked asked{request.request_id(), request.worker(), request.has_time_ms(), request.position()};
        auto plan = [&]() -> absl::StatusOr<ReplayPlan> {
          ACCORD_RETURN_IF_ERROR(referral::ValidateMessage(request));
          ACCORD_RETURN_IF_ERROR(CheckWorker(request.worker()));
          if (!request.has_position() && !request.has_time_ms()) {
            return Error(Reason::kFieldMissing, "from where: a position or a time", {{"field", "from"}});
          }
          if (request.time_ms() < 0) return InvalidCall("time_ms", "time_ms is before 1970");
          const MailboxId desk = DeskOf(call.caller);
          ACCORD_ASSIGN_OR_RETURN(const auto view, work.sequencer.View());
          uint64_t position = request.position();
          if (asked.by_time) {
            asked.from = static_cast<uint64_t>(request.time_ms());
            ACCORD_ASSIGN_OR_RETURN(position, FirstSettledSince(view->store(), desk, view->ledger().size(), absl::FromUnixMillis(request.time_ms())));
          }
          return PlanReplay(view->store(), desk, position);
        }();
        if (!plan.ok()) return answer(plan.status());
        work.sequencer.Submit(std::make_unique<ReplayCommand>(
            call.caller, std::move(asked), *std::move(plan), work.directory, work.mailboxes,
            [&work, &response, caller = call.caller, answer = std::move(answer)](const absl::StatusOr<Replayed>& replayed) mutable {
              answer([&]() -> absl::Status {
                ACCORD_RETURN_IF_ERROR(replayed);
                response.set_queued(replayed->queued);
                response.set_next_position(replayed->next_position);
                ACCORD_ASSIGN_OR_RETURN(*response.mutable_receipt(), ReceiptOf(work.sequencer, replayed->index, caller));
                return absl::OkStatus();
              }());
            }));
      });
}

grpc::ServerUnaryReactor* HandleListDeadLetters(grpc::CallbackServerContext& context, rpc::HandlerContext& shared, const MailboxWork& work,
                                                const v1::ListDeadLettersRequest& request, v1::ListDeadLettersResponse& response) {
  return HandleRecorded(context, shared, work.refusals, kListDeadLetters, [&work, &request, &response](const BrokerCall& call, Answer answer) {
    const absl::Status listed = ListLetters(work, call.caller, request, response);
    if (!listed.ok()) return answer(listed);
    EntryDraft entry;
    entry.event.set_type(type::v1::EVENT_TYPE_REFERRAL_READ);
    entry.event.set_method(std::string(kListDeadLetters));
    entry.actor = ActorOf(call.caller);
    work.sequencer.Submit(std::make_unique<RecordCommand>(
        call.caller.principal, std::move(entry),
        [answer = std::move(answer)](const absl::StatusOr<uint64_t>& index) mutable { answer(index.status()); }));
  });
}

grpc::ServerUnaryReactor* HandleRequeueDeadLetter(grpc::CallbackServerContext& context, rpc::HandlerContext& shared, const MailboxWork& work,
                                                  const v1::RequeueDeadLetterRequest& request, v1::RequeueDeadLetterResponse& response) {
  return HandleLetter(context, shared, work, "/accord.broker.v1.MailboxService/RequeueDeadLetter", request, response, /*discards=*/false,
                      +[](const v1::RequeueDeadLetterRequest&) { return type::v1::DISCARD_REASON_UNSPECIFIED; });
}

grpc::ServerUnaryReactor* HandleDiscardDeadLetter(grpc::CallbackServerContext& context, rpc::HandlerContext& shared, const MailboxWork& work,
                                                  const v1::DiscardDeadLetterRequest& request, v1::DiscardDeadLetterResponse& response) {
  return HandleLetter(context, shared, work, "/accord.broker.v1.MailboxService/DiscardDeadLetter", request, response, /*discards=*/true,
                      +[](const v1::DiscardDeadLetterRequest& one) { return one.reason(); });
}

}  // namespace accord::broker
