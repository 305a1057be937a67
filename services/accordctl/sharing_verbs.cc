// What still has to be reviewed, assessed or answered, and how referrals were shared or not.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <memory>

#include "accord/agency/v1/agency_service.grpc.pb.h"
#include "accord/broker/v1/sharing_service.grpc.pb.h"
#include "common/base/status.h"
#include "common/console/table.h"
#include "common/console/words.h"
#include "common/referral/referral_name.h"
#include "services/accordctl/basis_options.h"
#include "services/accordctl/change_text.h"
#include "services/accordctl/choices.h"
#include "services/accordctl/paging.h"
#include "services/accordctl/references.h"
#include "services/accordctl/verbs.h"

namespace accord::accordctl {
namespace {

using agency::v1::OutboxService;
using broker::v1::SharingService;

constexpr char kReferralId[] = "Request id, `referrals/…`, or the beginning of its digits";

// Prints rows as a table, or as JSON under `name`.
void PrintRows(Session& session, const char* name, nlohmann::json rows, const console::Table& table, bool more) {
  if (session.json()) {
    session.PrintJson({{name, std::move(rows)}, {"more", more}});
    return;
  }
  session.Print(table.empty() ? "none\n" : table.ToString(console::TerminalWidth()));
  if (more) session.Print(fmt::format("… and more: --limit shows up to {}\n", kRowsMax));
}

std::string WorkersText(const google::protobuf::RepeatedPtrField<broker::v1::WorkerGaps>& workers) {
  console::Table table({"agency", "worker", "open", "overdue", "reviewed", "not justified"});
  for (const auto& row : workers) {
    table.Add({row.agency(), row.worker(), fmt::to_string(row.open()), fmt::to_string(row.overdue()), fmt::to_string(row.reviewed()),
               fmt::to_string(row.not_justified())});
  }
  return table.empty() ? "" : "\n" + table.ToString(console::TerminalWidth());
}

absl::StatusOr<int> ListGaps(Session& session, const broker::v1::ListGapsRequest& request, int rows_max) {
  ACCORD_ASSIGN_OR_RETURN(const Endpoint broker, session.Broker(Prefer::kAgency));
  nlohmann::json rows = nlohmann::json::array(), by_worker = nlohmann::json::array();
  console::Table table({"shared", "referral", "by", "worker", "with", "sections", "review due", "reminders", "review"});
  table.KeepWhole(1);
  google::protobuf::RepeatedPtrField<broker::v1::WorkerGaps> workers;
  ACCORD_ASSIGN_OR_RETURN(
      const bool more,
      EachRow(
          request, rows_max,
          [&](const auto& page) {
            auto answer = Ask(broker, &SharingService::Stub::ListGaps, page);
            if (answer.ok()) workers.MergeFrom(answer->workers());
            return answer;
          },
          [](const auto& page) -> const auto& { return page.gaps(); },
          [&](const broker::v1::Gap& gap) {
            rows.push_back(ToJson(gap));
            table.Add({console::TimeText(gap.shared_at_ms()), ShortName(gap.referral()), gap.sender(), gap.worker(),
                       fmt::format("{}", fmt::join(gap.recipients(), ", ")), fmt::to_string(gap.sections()), console::TimeText(gap.due_at_ms()),
                       fmt::to_string(gap.reminders()),
                       gap.reviewed_at_ms() == 0 ? "open" : fmt::format("{}, by {}", console::Words(gap.review()), gap.reviewer())});
          }));
  if (session.json()) {
    for (const auto& row : workers) by_worker.push_back(ToJson(row));
    session.PrintJson({{"gaps", rows}, {"workers", by_worker}, {"more", more}});
    return kDone;
  }
  PrintRows(session, "gaps", std::move(rows), table, more);
  session.Print(WorkersText(workers));
  return kDone;
}

absl::StatusOr<int> ListBreaches(Session& session, const broker::v1::ListBreachesRequest& request, int rows_max) {
  ACCORD_ASSIGN_OR_RETURN(const Endpoint broker, session.Broker(Prefer::kAgency));
  nlohmann::json rows = nlohmann::json::array();
  console::Table table({"known since", "referral", "of", "why", "72 hours end", "reminders", "assessment"});
  table.KeepWhole(1);
  ACCORD_ASSIGN_OR_RETURN(
      const bool more,
      EachRow(
          request, rows_max, [&](const auto& page) { return Ask(broker, &SharingService::Stub::ListBreaches, page); },
          [](const auto& page) -> const auto& { return page.breaches(); },
          [&](const broker::v1::Breach& breach) {
            rows.push_back(ToJson(breach));
            const bool reviewed = breach.reason() == type::v1::RECALL_REASON_UNSPECIFIED;
            table.Add({console::TimeText(breach.recorded_at_ms()), ShortName(breach.referral()), breach.agency(),
                       reviewed ? "a review found it" : console::Words(breach.reason()), console::TimeText(breach.due_at_ms()),
                       fmt::to_string(breach.reminders()), breach.assessed_at_ms() == 0 ? "open" : console::Words(breach.assessment())});
          }));
  PrintRows(session, "breaches", std::move(rows), table, more);
  return kDone;
}

absl::StatusOr<int> ListNotices(Session& session, int rows_max) {
  ACCORD_ASSIGN_OR_RETURN(const AgencyIdentity* agency, session.Agency());
  ACCORD_ASSIGN_OR_RETURN(const Endpoint service, session.Service(*agency));
  nlohmann::json rows = nlohmann::json::array();
  console::Table table({"received", "what", "referral", "to act", "was due", "reminder"});
  table.KeepWhole(2);
  ACCORD_ASSIGN_OR_RETURN(
      const bool more,
      EachRow(
          agency::v1::ListNoticesRequest(), rows_max,
          [&](const auto& page) { return Ask(service, &agency::v1::InboxService::Stub::ListNotices, page); },
          [](const auto& page) -> const auto& { return page.notices(); },
          [&](const agency::v1::AgencyNotice& row) {
            rows.push_back(ToJson(row));
            const auto& notice = row.notice();
            table.Add({console::TimeText(row.received_at_ms()), console::Words(notice.kind()),
                       ShortName(referral::ReferralName(notice.header_digest())), notice.agency(), console::TimeText(notice.due_at_ms()),
                       notice.kind() == type::v1::NOTICE_KIND_CHECKS_DUE
                           ? fmt::format("{} of {} answered", notice.answered(), notice.asked())
                       : notice.step() == type::v1::ESCALATION_STEP_UNSPECIFIED
                           ? fmt::to_string(notice.reminder())
                           : fmt::format("{}, {}", notice.reminder(), console::Words(notice.step()))});
          }));
  PrintRows(session, "notices", std::move(rows), table, more);
  return kDone;
}

absl::StatusOr<int> ListSharing(Session& session, const broker::v1::ListSharingRequest& request, int rows_max) {
  ACCORD_ASSIGN_OR_RETURN(const Endpoint broker, session.Broker(Prefer::kAgency));
  nlohmann::json rows = nlohmann::json::array();
  console::Table table({"when", "referral", "by", "worker", "with", "how", "entry"});
  table.KeepWhole(1);
  ACCORD_ASSIGN_OR_RETURN(
      const bool more,
      EachRow(
          request, rows_max, [&](const auto& page) { return Ask(broker, &SharingService::Stub::ListSharing, page); },
          [](const auto& page) -> const auto& { return page.sharing(); },
          [&](const broker::v1::Sharing& row) {
            rows.push_back(ToJson(row));
            const bool not_shared = row.sharing_class() == type::v1::SHARING_CLASS_NOT_SHARED;
            table.Add({console::TimeText(row.stored_at_ms()), ShortName(row.referral()), row.sender(), row.worker(), row.recipient(),
                       not_shared ? fmt::format("{}: {}", console::Words(row.sharing_class()), console::Words(row.not_shared_reason()))
                                  : console::Words(row.sharing_class()),
                       fmt::to_string(row.index())});
          }));
  PrintRows(session, "sharing", std::move(rows), table, more);
  return kDone;
}

absl::StatusOr<int> CountSharing(Session& session, broker::v1::ListSharingRequest request) {
  ACCORD_ASSIGN_OR_RETURN(const Endpoint broker, session.Broker(Prefer::kAgency));
  request.set_page_size(1);
  ACCORD_ASSIGN_OR_RETURN(const auto page, Ask(broker, &SharingService::Stub::ListSharing, request));
  nlohmann::json rows = nlohmann::json::array();
  console::Table table({"how", "referrals and recipients"});
  for (const auto& row : page.counts()) {
    rows.push_back(ToJson(row));
    table.Add({console::Words(row.sharing_class()), fmt::to_string(row.count())});
  }
  PrintRows(session, "counts", std::move(rows), table, false);
  return kDone;
}

std::shared_ptr<int> AddLimit(Command& verb) {
  auto limit = std::make_shared<int>(kRowsDefault);
  verb.AddOption("--limit", *limit, "Most rows").Range(1, kRowsMax).ShowDefault();
  return limit;
}

void AddGapVerbs(Command& app, Verb& chosen) {
  Command& gap = app.AddGroup("gap", "What was shared under the emergency schedule alone");
  Command& list = gap.AddVerb("list", "List what is to be reviewed, the longest due first, and how many each worker has");
  auto request = std::make_shared<broker::v1::ListGapsRequest>();
  auto sender = std::make_shared<std::string>(), worker = std::make_shared<std::string>();
  auto reviewed = std::make_shared<bool>(false);
  list.AddOption("--sender", *sender, "Only of this agency");
  list.AddOption("--by", *worker, "Only of the worker with this pseudonym");
  list.AddFlag("--reviewed", *reviewed, "Reviewed ones too");
  list.Footer("As an administrator (--as-admin) of all agencies. Example: accordctl gap list --as police");
  const auto limit = AddLimit(list);
  list.WhenGiven([&chosen, request, sender, worker, reviewed, limit] {
    request->set_sender(*sender);
    request->set_worker(*worker);
    request->set_with_reviewed(*reviewed);
    chosen = [request, limit](Session& session) { return ListGaps(session, *request, *limit); };
  });

  Command& review = gap.AddChange("review", "Record the review of what this agency shared; not by the worker who shared it");
  auto id = std::make_shared<std::string>(), found = std::make_shared<std::string>();
  review.AddOption("ID", *id, kReferralId).Required();
  review.AddOption("--review", *found, "What was found").Required().Check(OneOf<type::v1::GapReview>());
  auto basis = AddBasisOptions(review);
  review.Footer("Example: accordctl gap review push-0001 --as police --worker w-2 --review justified-as-it-stands\n"
                "With --review completed the options of consent and basis say how it stands now; not-justified records a breach.");
  review.WhenGiven([&chosen, id, found, basis] {
    chosen = [id, found, basis](Session& session) -> absl::StatusOr<int> {
      agency::v1::ReviewSubmissionGapRequest ask;
      ask.set_review(Value<type::v1::GapReview>(*found));
      const bool completed = ask.review() == type::v1::GAP_REVIEW_COMPLETED;
      if (!completed && basis->Any()) return UsageError("consent and basis belong to --review completed and to nothing else");
      if (completed) {
        ACCORD_ASSIGN_OR_RETURN(*ask.mutable_basis(), basis->Basis());
      }
      return SubmissionAct(session, *id, ask, &OutboxService::Stub::ReviewSubmissionGap);
    };
  });
}

void AddBreachVerbs(Command& app, Verb& chosen) {
  Command& breach = app.AddGroup("breach", "Personal data breaches, and their 72 hours");
  Command& list = breach.AddVerb("list", "List what is to be assessed, the longest due first");
  auto assessed = std::make_shared<bool>(false);
  list.AddFlag("--assessed", *assessed, "Assessed ones too");
  list.Footer("As an administrator (--as-admin) of all agencies. Example: accordctl breach list --as police");
  const auto limit = AddLimit(list);
  list.WhenGiven([&chosen, assessed, limit] {
    chosen = [assessed, limit](Session& session) {
      broker::v1::ListBreachesRequest request;
      request.set_with_assessed(*assessed);
      return ListBreaches(session, request, *limit);
    };
  });

  Command& assess = breach.AddChange("assess", "Record the assessment of a breach of this agency");
  auto id = std::make_shared<std::string>(), found = std::make_shared<std::string>();
  assess.AddOption("ID", *id, kReferralId).Required();
  assess.AddOption("--assessment", *found, "What was found and done").Required().Check(OneOf<type::v1::BreachAssessment>());
  assess.Footer("Example: accordctl breach assess push-0001 --as police --assessment commissioner-notified");
  assess.WhenGiven([&chosen, id, found] {
    chosen = [id, found](Session& session) {
      agency::v1::AssessSubmissionBreachRequest request;
      request.set_assessment(Value<type::v1::BreachAssessment>(*found));
      return SubmissionAct(session, *id, request, &OutboxService::Stub::AssessSubmissionBreach);
    };
  });
}

void AddRegisterVerbs(Command& app, Verb& chosen) {
  Command& sharing = app.AddGroup("sharing", "How referrals were shared, or not");
  for (const bool count : {false, true}) {
    Command& verb = count ? sharing.AddVerb("count", "Count how referrals were shared or not, by class")
                       : sharing.AddVerb("list", "List how referrals were shared or not, the newest first");
    auto how = std::make_shared<std::string>(), sender = std::make_shared<std::string>();
    auto from = std::make_shared<std::string>(), until = std::make_shared<std::string>();
    verb.AddOption("--class", *how, "Only this class").Check(OneOf<type::v1::SharingClass>());
    verb.AddOption("--sender", *sender, "Only of this agency");
    verb.AddOption("--from", *from, "From this day on, such as 2027-03-31");
    verb.AddOption("--until", *until, "Before this day");
    verb.Footer("As an administrator (--as-admin) of all agencies. Example: accordctl sharing " + std::string(count ? "count" : "list") +
                " --as police --class consent-refused-shared");
    const auto limit = count ? nullptr : AddLimit(verb);
    verb.WhenGiven([&chosen, how, sender, from, until, limit] {
      chosen = [how, sender, from, until, limit](Session& session) -> absl::StatusOr<int> {
        broker::v1::ListSharingRequest request;
        request.set_sharing_class(Value<type::v1::SharingClass>(*how));
        request.set_sender(*sender);
        if (!from->empty()) {
          ACCORD_ASSIGN_OR_RETURN(const int64_t from_ms, DayMs("--from", *from));
          request.set_from_ms(from_ms);
        }
        if (!until->empty()) {
          ACCORD_ASSIGN_OR_RETURN(const int64_t until_ms, DayMs("--until", *until));
          request.set_until_ms(until_ms);
        }
        return limit == nullptr ? CountSharing(session, request) : ListSharing(session, request, *limit);
      };
    });
  }
}

}  // namespace

void AddSharingVerbs(Command& app, Verb& chosen) {
  AddGapVerbs(app, chosen);
  AddBreachVerbs(app, chosen);
  AddRegisterVerbs(app, chosen);
  Command& notices = app.AddVerb("notices", "List the notices that something is overdue, the newest first");
  notices.Footer("Example: accordctl notices --as police");
  const auto limit = AddLimit(notices);
  notices.WhenGiven([&chosen, limit] { chosen = [limit](Session& session) { return ListNotices(session, *limit); }; });
}

}  // namespace accord::accordctl
