#include <fmt/format.h>

#include <memory>

#include "accord/agency/v1/agency_service.grpc.pb.h"
#include "common/base/bytes.h"
#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/console/table.h"
#include "common/console/words.h"
#include "common/referral/referral_name.h"
#include "services/accordctl/choices.h"
#include "services/accordctl/paging.h"
#include "services/accordctl/verbs.h"

namespace accord::accordctl {
namespace {

using agency::v1::DeliveryService;

constexpr absl::Duration kReplayTimeout = absl::Minutes(10);  // Of a call that is many at the broker.

absl::StatusOr<std::string> DeliveryId(const std::string& hex) {
  const auto id = FromHex(hex);
  if (!id.has_value() || id->size() != kIdBytes) return UsageError("a dead letter is named by the 32 hex digits of its delivery id");
  return *id;
}

// A block and not a row: an id is to be copied whole.
std::string LetterText(const broker::v1::DeadLetter& letter) {
  auto facts = console::Table::Facts();
  facts.Add({"dead letter", ToHex(letter.delivery_id())});
  facts.Add({"since", console::TimeText(letter.dead_at_ms())});
  facts.Add({"to", letter.recipient()});
  facts.Add({letter.statement_digest().empty() ? "referral" : "statement on", referral::ReferralName(letter.header_digest())});
  facts.Add({"lane", console::Words(letter.lane())});
  facts.Add({"attempts", fmt::to_string(letter.attempts())});
  facts.Add({"reason", letter.reason()});
  return facts.ToString(console::TerminalWidth());
}

absl::StatusOr<int> ListDeadLetters(Session& session, int rows_max) {
  ACCORD_ASSIGN_OR_RETURN(const AgencyIdentity* agency, session.Agency());
  ACCORD_ASSIGN_OR_RETURN(const Endpoint service, session.Service(*agency));
  nlohmann::json rows = nlohmann::json::array();
  std::string text;
  ACCORD_ASSIGN_OR_RETURN(
      const bool more,
      EachRow(agency::v1::ListAgencyDeadLettersRequest(), rows_max,
              [&](const auto& request) { return Ask(service, &DeliveryService::Stub::ListAgencyDeadLetters, request); },
              [](const auto& page) -> const auto& { return page.dead_letters(); },
              [&](const broker::v1::DeadLetter& letter) {
                rows.push_back(ToJson(letter));
                text += (text.empty() ? "" : "\n") + LetterText(letter);
              }));
  if (session.json()) {
    session.PrintJson({{"dead_letters", rows}, {"more", more}});
    return kDone;
  }
  session.Print(text.empty() ? "There is none.\n" : text);
  if (more) session.Print(fmt::format("… and more: --limit shows up to {}\n", kRowsMax));
  return kDone;
}

// Asks with what every act has.
template <typename Response, typename Request>
absl::StatusOr<Response> ActOnDeadLetter(Session& session, grpc::Status (DeliveryService::Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                             Request request, absl::Duration timeout = kCallTimeout) {
  ACCORD_ASSIGN_OR_RETURN(const AgencyIdentity* agency, session.Agency());
  ACCORD_ASSIGN_OR_RETURN(*request.mutable_worker(), session.Worker(*agency));
  ACCORD_ASSIGN_OR_RETURN(const Endpoint service, session.Service(*agency));
  request.set_request_id(session.RequestId());
  return Ask(service, method, request, timeout);
}

absl::StatusOr<int> Requeue(Session& session, const std::string& hex) {
  agency::v1::RequeueAgencyDeadLetterRequest request;
  ACCORD_ASSIGN_OR_RETURN(*request.mutable_delivery_id(), DeliveryId(hex));
  ACCORD_ASSIGN_OR_RETURN(const auto response, ActOnDeadLetter(session, &DeliveryService::Stub::RequeueAgencyDeadLetter, request));
  session.json() ? session.PrintJson(ToJson(response)) : session.Print(fmt::format("{} waits in its mailbox again\n", hex));
  return kDone;
}

absl::StatusOr<int> Discard(Session& session, const std::string& hex, const std::string& reason) {
  agency::v1::DiscardAgencyDeadLetterRequest request;
  ACCORD_ASSIGN_OR_RETURN(*request.mutable_delivery_id(), DeliveryId(hex));
  request.set_reason(Value<type::v1::DiscardReason>(reason));
  ACCORD_ASSIGN_OR_RETURN(const auto response, ActOnDeadLetter(session, &DeliveryService::Stub::DiscardAgencyDeadLetter, request));
  session.json() ? session.PrintJson(ToJson(response)) : session.Print(fmt::format("{} is given up\n", hex));
  return kDone;
}

absl::StatusOr<int> Replay(Session& session, const std::string& since) {
  agency::v1::ReplayDeliveriesRequest request;
  ACCORD_ASSIGN_OR_RETURN(const int64_t since_ms, TimeMs("--since", since));
  request.set_since_ms(since_ms);
  ACCORD_ASSIGN_OR_RETURN(const auto response, ActOnDeadLetter(session, &DeliveryService::Stub::ReplayDeliveries, request, kReplayTimeout));
  session.json() ? session.PrintJson(ToJson(response))
                 : session.Print(fmt::format("{} deliveries are given again, and arrive from now on\n", response.queued()));
  return kDone;
}

}  // namespace

void AddDeliveryVerbs(Command& app, Verb& chosen) {
  Command& letters = app.AddGroup("deadletter", "What could not be delivered to an agency, and of what it sent");
  auto limit = std::make_shared<int>(kRowsDefault);
  Command& list = letters.AddVerb("list", "List it, the newest first");
  list.AddOption("--limit", *limit, "Most rows").Range(1, kRowsMax).ShowDefault();
  list.Footer("Example:\n  accordctl deadletter list --as idva");
  list.WhenGiven([&chosen, limit] { chosen = [limit](Session& session) { return ListDeadLetters(session, *limit); }; });

  auto id = std::make_shared<std::string>(), reason = std::make_shared<std::string>();
  Command& requeue = letters.AddChange("requeue", "Put one back into its mailbox, once what was wrong is put right");
  requeue.AddOption("ID", *id, "Its id, as `deadletter list` shows it").Required();
  requeue.Footer("Example:\n  accordctl deadletter requeue 6f1d0c2a9be84f7709a35be1c4d27a10 --as idva --worker s.okafor");
  requeue.WhenGiven([&chosen, id] { chosen = [id](Session& session) { return Requeue(session, *id); }; });

  Command& discard = letters.AddChange("discard", "Give one up for good");
  discard.AddOption("ID", *id, "Its id, as `deadletter list` shows it").Required();
  discard.AddOption("REASON", *reason, "Why").Required().Check(OneOf<type::v1::DiscardReason>());
  discard.Footer("Example:\n  accordctl deadletter discard 6f1d0c2a9be84f7709a35be1c4d27a10 told-otherwise --as police --worker pc-1881");
  discard.WhenGiven([&chosen, id, reason] {
    chosen = [id, reason](Session& session) { return Discard(session, *id, *reason); };
  });

  auto since = std::make_shared<std::string>();
  Command& mailbox = app.AddGroup("mailbox", "What the broker holds for an agency");
  Command& replay = mailbox.AddChange("replay", "Have all delivered again that was acknowledged since a time: after a store was lost or put back");
  replay.AddOption("--since", *since, "From when on, such as 2026-11-01T00:00:00Z; some hours before the copy was made").Required();
  replay.Footer("Example:\n  accordctl mailbox replay --since 2026-11-01T00:00:00Z --as idva --worker s.okafor\n"
                "What is there already stays as it is. If it is interrupted, repeat it with --request-id.");
  replay.WhenGiven([&chosen, since] { chosen = [since](Session& session) { return Replay(session, *since); }; });
}

}  // namespace accord::accordctl
