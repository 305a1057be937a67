#include "tests/simulation/sim_link.h"

#include "common/referral/header.h"
#include "common/referral/statement.h"
#include "common/referral/validate.h"
#include "services/broker/admission/consent_change.h"
#include "services/broker/admission/correction.h"
#include "services/broker/admission/recall.h"
#include "services/broker/admission/withdraw.h"
#include "services/broker/api/handle.h"
#include "services/broker/sequencer/record_command.h"
#include "services/broker/trails/receipts.h"

namespace accord::simulation {
namespace {

using accord::broker::Caller;

constexpr absl::Duration kCallTimeout = absl::Seconds(20);

// As services/broker/api does it.
absl::StatusOr<type::v1::Receipt> ReceiptOf(SimBroker& broker, uint64_t index, const Caller& caller) {
  ACCORD_ASSIGN_OR_RETURN(const auto view, broker.broker().sequencer().View());
  return accord::broker::MakeReceipt(*view, index, caller);
}

accord::broker::ActWork ActsOf(SimBroker& broker) {
  return {broker.broker().directory(), broker.broker().policy(), broker.broker().mailboxes()};
}

template <typename Request>
absl::StatusOr<accord::broker::VerifiedStatement> Verify(SimBroker& broker, const Caller& caller, const Request& request,
                                                         std::string_view request_id) {
  ACCORD_RETURN_IF_ERROR(referral::ValidateMessage(request));
  return accord::broker::VerifyStatement(*broker.broker().directory().Get(), caller, request_id, request.statement(), broker.clock().Now());
}

template <typename Response>
void FillMailbox(const accord::broker::Said& said, Response& response) {
  response.set_statement_digest(said.digest);
  response.set_index(said.index);
  for (const std::string& agency : said.stopped) response.add_stopped(agency);
}

}  // namespace

void Channel::Carry(std::function<void()> arrive) {
  const auto falls = [&](uint64_t once_in) { return once_in != 0 && world_.OneIn(once_in); };
  const int copies = cut_ || falls(weather_.drop) ? 0 : falls(weather_.twice) ? 2 : 1;
  for (int i = 0; i < copies; ++i) {
    const absl::Duration delay = falls(weather_.late) ? world_.Between(absl::Seconds(1), absl::Minutes(3))
                                                      : world_.Between(absl::Microseconds(200), absl::Milliseconds(20));
    world_.After(delay, kNobody, [this, arrive] {
      if (!cut_) arrive();
    });
  }
}

SimLink::SimLink(World& world, SimBroker& broker, Channel& channel, std::string_view agency, Actor actor)
    : world_(world), broker_(broker), channel_(channel), caller_(SimBroker::CallerOf(agency)), actor_(actor) {}

template <typename Response>
absl::StatusOr<Response> SimLink::Call(Handler<Response> handle) {
  if (!alive_) return Unreachable();
  const auto answered = std::make_shared<std::optional<absl::StatusOr<Response>>>();
  channel_.Carry([&broker = broker_, &channel = channel_, caller = caller_, handle = std::move(handle), answered] {
    const auto take = [answered](absl::StatusOr<Response> answer) {
      if (!answered->has_value()) *answered = std::move(answer);
    };
    if (!broker.up()) return channel.Carry([take] { take(Unreachable()); });
    const uint64_t incarnation = broker.incarnation();
    handle(broker, caller, [&broker, &channel, incarnation, take](absl::StatusOr<Response> answer) {
      if (!broker.up() || broker.incarnation() != incarnation) return;  // The process died before it could say so.
      channel.Carry([take, answer = std::move(answer)] { take(answer); });
    });
    broker.Kick();
  });
  world_.Await(actor_, world_.now() + kCallTimeout, [&] { return answered->has_value() || !alive_; });
  if (!alive_ || !answered->has_value()) return Unreachable();
  return **std::move(answered);
}

absl::StatusOr<broker::v1::PreviewReferralResponse> SimLink::Preview(const broker::v1::PreviewReferralRequest& request) {
  using Response = broker::v1::PreviewReferralResponse;
  return Call<Response>([request](SimBroker& broker, const Caller& caller, Answer<Response> answer) {
    auto previewed = [&]() -> absl::StatusOr<accord::broker::Previewed> {
      ACCORD_RETURN_IF_ERROR(referral::ValidateMessage(request));
      const referral::HeaderParts parts = {request.core(),
                                           {request.recipients().begin(), request.recipients().end()},
                                           {request.sections().begin(), request.sections().end()},
                                           {request.tags().begin(), request.tags().end()},
                                           {request.subjects().begin(), request.subjects().end()}};
      return broker.broker().admission().Preview(caller, parts);
    }();
    if (!previewed.ok()) return answer(previewed.status());
    Response response;
    for (const auto& decision : previewed->plan.decisions.decisions) *response.add_decisions() = decision;
    response.set_decision_digest(previewed->plan.decision_digest);
    for (const auto& recipient : previewed->recipients) {
      auto& row = *response.add_recipients();
      row.set_agency(recipient.agency);
      row.set_kind(recipient.kind);
      row.set_desk(recipient.desk);
      row.set_capacity(recipient.capacity);
      row.set_on_behalf_of(recipient.on_behalf_of);
      row.set_sealing_certificate(recipient.sealing_certificate);
    }
    accord::broker::EntryDraft entry;
    entry.event.set_type(type::v1::EVENT_TYPE_PREVIEWED);
    entry.actor.emplace().set_principal(caller.principal);
    broker.broker().sequencer().Submit(std::make_unique<accord::broker::RecordCommand>(
        caller.principal, std::move(entry), [answer, response](const absl::StatusOr<uint64_t>& index) {
          index.ok() ? answer(response) : answer(index.status());
        }));
  });
}

absl::StatusOr<broker::v1::SubmitReferralResponse> SimLink::Submit(const broker::v1::SubmitReferralRequest& request) {
  using Response = broker::v1::SubmitReferralResponse;
  return Call<Response>([request](SimBroker& broker, const Caller& caller, Answer<Response> answer) {
    // The work must outlive the answer, which comes in the process's life.
    const auto work = std::make_shared<accord::broker::ReferralWork>(broker.referral_work());
    accord::broker::Submit(*work, caller, request, [answer, work](absl::StatusOr<Response> made, std::string_view) { answer(std::move(made)); });
  });
}

template <typename Response, typename Request>
absl::StatusOr<Response> SimLink::Say(const Request& request) {
  return Call<Response>([request](SimBroker& broker, const Caller& caller, Answer<Response> answer) {
    auto verified = Verify(broker, caller, request, request.request_id());
    if (!verified.ok()) return answer(verified.status());
    broker.broker().sequencer().Submit(std::make_unique<accord::broker::StatementCommand>(
        *std::move(verified), broker.broker().directory(), broker.broker().policy(), broker.broker().mailboxes(),
        [&broker, caller, answer](const absl::StatusOr<accord::broker::Recorded>& recorded) {
          answer([&]() -> absl::StatusOr<Response> {
            ACCORD_RETURN_IF_ERROR(recorded);
            Response response;
            response.set_statement_digest(recorded->digest);
            response.set_index(recorded->index);
            response.set_state(recorded->state);
            ACCORD_ASSIGN_OR_RETURN(*response.mutable_receipt(), ReceiptOf(broker, recorded->index, caller));
            return response;
          }());
        }));
  });
}

absl::StatusOr<broker::v1::RespondToReferralResponse> SimLink::Respond(const broker::v1::RespondToReferralRequest& request) {
  return Say<broker::v1::RespondToReferralResponse>(request);
}
absl::StatusOr<broker::v1::RecordOutcomeResponse> SimLink::RecordOutcome(const broker::v1::RecordOutcomeRequest& request) {
  return Say<broker::v1::RecordOutcomeResponse>(request);
}

namespace {

// Answers an act of a sender.
template <typename Response>
accord::broker::SaidDone AnswerWith(SimBroker& broker, const Caller& caller, std::function<void(absl::StatusOr<Response>)> answer) {
  return [&broker, caller, answer](absl::StatusOr<accord::broker::Said> said) {
    answer([&]() -> absl::StatusOr<Response> {
      ACCORD_RETURN_IF_ERROR(said);
      Response response;
      FillMailbox(*said, response);
      ACCORD_ASSIGN_OR_RETURN(*response.mutable_receipt(), ReceiptOf(broker, said->index, caller));
      return response;
    }());
  };
}

}  // namespace

absl::StatusOr<broker::v1::ChangeConsentResponse> SimLink::ChangeConsent(const broker::v1::ChangeConsentRequest& request) {
  using Response = broker::v1::ChangeConsentResponse;
  return Call<Response>([request](SimBroker& broker, const Caller& caller, Answer<Response> answer) {
    auto verified = Verify(broker, caller, request, request.request_id());
    if (!verified.ok()) return answer(verified.status());
    const std::vector<type::v1::Opening> openings(request.openings().begin(), request.openings().end());
    auto tags = referral::OpenTags(verified->statement, openings);
    if (!tags.ok()) return answer(tags.status());
    broker.broker().sequencer().Submit(std::make_unique<accord::broker::ChangeConsentCommand>(
        *std::move(verified), *std::move(tags), ActsOf(broker), AnswerWith<Response>(broker, caller, answer)));
  });
}

absl::StatusOr<broker::v1::RecallReferralResponse> SimLink::Recall(const broker::v1::RecallReferralRequest& request) {
  using Response = broker::v1::RecallReferralResponse;
  return Call<Response>([request](SimBroker& broker, const Caller& caller, Answer<Response> answer) {
    auto verified = Verify(broker, caller, request, request.request_id());
    if (!verified.ok()) return answer(verified.status());
    broker.broker().sequencer().Submit(std::make_unique<accord::broker::RecallCommand>(
        *std::move(verified), broker.broker().linker(), ActsOf(broker), AnswerWith<Response>(broker, caller, answer)));
  });
}

absl::StatusOr<broker::v1::WithdrawReferralResponse> SimLink::Withdraw(const broker::v1::WithdrawReferralRequest& request) {
  using Response = broker::v1::WithdrawReferralResponse;
  return Call<Response>([request](SimBroker& broker, const Caller& caller, Answer<Response> answer) {
    auto verified = Verify(broker, caller, request, request.request_id());
    if (!verified.ok()) return answer(verified.status());
    broker.broker().sequencer().Submit(std::make_unique<accord::broker::WithdrawCommand>(*std::move(verified), ActsOf(broker),
                                                                                         AnswerWith<Response>(broker, caller, answer)));
  });
}

absl::StatusOr<broker::v1::CorrectReferralResponse> SimLink::Correct(const broker::v1::CorrectReferralRequest& request) {
  using Response = broker::v1::CorrectReferralResponse;
  return Call<Response>([request](SimBroker& broker, const Caller& caller, Answer<Response> answer) {
    absl::StatusOr<accord::broker::Admitted> admitted;
    auto verified = [&]() -> absl::StatusOr<accord::broker::VerifiedStatement> {
      ACCORD_ASSIGN_OR_RETURN(auto statement, Verify(broker, caller, request, request.request_id() + ".statement"));
      admitted = broker.broker().admission().Admit(caller, request.request_id(), request.submission(), "");
      ACCORD_RETURN_IF_ERROR(admitted);
      ACCORD_RETURN_IF_ERROR(accord::broker::CheckCorrection(statement.statement, *admitted));
      return statement;
    }();
    if (!verified.ok()) return answer(verified.status());
    const auto work = std::make_shared<accord::broker::ReferralWork>(broker.referral_work());
    broker.broker().sequencer().Submit(std::make_unique<accord::broker::CorrectCommand>(
        *std::move(verified), *std::move(admitted), work->admission, work->linker, ActsOf(broker),
        [work, caller, answer](absl::StatusOr<accord::broker::Corrected> corrected) {
          answer([&]() -> absl::StatusOr<Response> {
            ACCORD_RETURN_IF_ERROR(corrected);
            Response response;
            FillMailbox(corrected->said, response);
            ACCORD_ASSIGN_OR_RETURN(*response.mutable_stored(), accord::broker::SubmitResponse(*work, caller, std::move(corrected->stored)));
            return response;
          }());
        }));
  });
}

absl::StatusOr<type::v1::Receipt> SimLink::GetReceipt(uint64_t index) {
  return Call<type::v1::Receipt>([index](SimBroker& broker, const Caller& caller, Answer<type::v1::Receipt> answer) {
    answer(ReceiptOf(broker, index, caller));
  });
}

absl::StatusOr<std::string> SimLink::GetCheckpoint() {
  return Call<std::string>([](SimBroker& broker, const Caller&, Answer<std::string> answer) {
    const auto view = broker.broker().sequencer().View();
    if (!view.ok()) return answer(view.status());
    answer((*view)->checkpoint().checkpoint);
  });
}

absl::StatusOr<std::vector<std::string>> SimLink::ProveConsistency(uint64_t old_size, uint64_t new_size) {
  using Path = std::vector<std::string>;
  return Call<Path>([old_size, new_size](SimBroker& broker, const Caller&, Answer<Path> answer) {
    answer([&]() -> absl::StatusOr<Path> {
      ACCORD_ASSIGN_OR_RETURN(const auto view, broker.broker().sequencer().View());
      const auto ledger = view->ledger();
      if (old_size > new_size || new_size > ledger.size()) return Error(Reason::kEntryNotFound, "past the end of the log");
      ACCORD_ASSIGN_OR_RETURN(const auto hashes, ledger.ConsistencyProof(old_size, new_size));
      Path path;
      for (const auto& hash : hashes) path.emplace_back(ledger::View(hash));
      return path;
    }());
  });
}

absl::StatusOr<std::vector<admin::v1::Agency>> SimLink::ListAgencies() {
  using Rows = std::vector<admin::v1::Agency>;
  return Call<Rows>([](SimBroker& broker, const Caller&, Answer<Rows> answer) {
    Rows rows;
    for (const auto& [id, row] : broker.broker().directory().Get()->agencies()) rows.push_back(row.agency);
    answer(std::move(rows));
  });
}

}  // namespace accord::simulation
