#include "services/broker/api/sharing_service.h"

#include <fmt/format.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/referral/referral_name.h"
#include "common/referral/statement.h"
#include "common/referral/validate.h"
#include "services/broker/admission/review_command.h"
#include "services/broker/api/handle.h"
#include "services/broker/api/paging.h"
#include "services/broker/api/receipt.h"
#include "services/broker/directory/access.h"
#include "services/broker/directory/families.h"
#include "services/broker/sequencer/reader.h"
#include "services/broker/sequencer/record_command.h"
#include "services/broker/sharing/holders.h"
#include "services/broker/sharing/register.h"
#include "services/broker/sharing/review_list.h"

namespace accord::broker {
namespace {

using storage::v1::StoredBreach;
using storage::v1::StoredGap;

constexpr std::string_view kGetHolders = "/accord.broker.v1.SharingService/GetHolders";
constexpr std::string_view kListGaps = "/accord.broker.v1.SharingService/ListGaps";
constexpr std::string_view kListBreaches = "/accord.broker.v1.SharingService/ListBreaches";
constexpr std::string_view kListSharing = "/accord.broker.v1.SharingService/ListSharing";
constexpr std::string_view kRecordReview = "/accord.broker.v1.SharingService/RecordReview";
constexpr int kSharingPageDefault = 50;
constexpr size_t kWorkersMax = 500;  // Rows of counts by worker.

bool IsAdministrator(const Caller& caller) { return caller.kind == options::v1::CALLER_ADMIN; }

// Answers with `read`, once that it is read is on the record: an entry of the caller's, to which `read` adds what it is about.
template <typename Request>
grpc::ServerUnaryReactor* HandleRead(grpc::CallbackServerContext& context, rpc::HandlerContext& shared, const SharingWork& work,
                                     std::string_view method, const Request& request,
                                     std::function<absl::Status(const ReadView&, const Caller&, EntryDraft&)> read) {
  return HandleRecorded(
      context, shared, work.refusals, method,
      [&work, &request, method, read = std::move(read)](const BrokerCall& call, Answer answer) {
        EntryDraft entry;
        entry.event.set_type(type::v1::EVENT_TYPE_REFERRAL_READ);
        entry.event.set_method(std::string(method));
        entry.actor = ActorOf(call.caller);
        const absl::Status status = [&]() -> absl::Status {
          ACCORD_RETURN_IF_ERROR(referral::ValidateMessage(request));
          ACCORD_ASSIGN_OR_RETURN(const auto view, work.sequencer.View());
          return read(*view, call.caller, entry);
        }();
        if (!status.ok()) return answer(status);
        work.sequencer.Submit(std::make_unique<RecordCommand>(
            call.caller.principal, std::move(entry),
            [answer = std::move(answer)](const absl::StatusOr<uint64_t>& index) mutable { answer(index.status()); }));
      });
}

// What the caller sees a gap as: its sender and administrators all of it, a recipient neither worker nor anybody else's part. Nothing
// when it may not know of it.
absl::StatusOr<std::optional<v1::Gap>> ShowGap(const ReadView& view, const Caller& caller, std::string_view header_digest,
                                               const StoredGap& stored) {
  v1::Gap gap;
  gap.set_referral(referral::ReferralName(header_digest));
  gap.set_sender(stored.sender());
  gap.set_shared_at_ms(stored.shared_at_ms());
  gap.set_due_at_ms(stored.due_at_ms());
  gap.set_reminders(stored.reminders());
  gap.set_review(stored.review());
  gap.set_reviewed_at_ms(stored.reviewed_at_ms());
  if (IsAdministrator(caller) || stored.sender() == caller.id) {
    gap.set_worker(stored.worker());
    *gap.mutable_recipients() = stored.recipients();
    gap.set_sections(stored.sections());
    gap.set_reviewer(stored.reviewer());
    return std::optional<v1::Gap>(std::move(gap));
  }
  ACCORD_ASSIGN_OR_RETURN(const bool released, WasReleasedTo(view, header_digest, caller));
  if (!released) return std::optional<v1::Gap>();
  gap.add_recipients(caller.id);
  return std::optional<v1::Gap>(std::move(gap));
}

// Counts by agency and worker.
absl::Status CountGaps(const ReadView& view, const Caller& caller, const ReviewQuery& query,
                       const std::function<bool(const StoredGap&)>& asked, v1::ListGapsResponse& response) {
  std::map<std::pair<std::string, std::string>, v1::WorkerGaps> workers;
  ReviewQuery all = query;
  all.with_closed = true;
  all.after.clear();
  // Nothing is kept: only counted.
  const auto count = [&](std::string_view digest, const StoredGap& stored) -> absl::StatusOr<bool> {
    if (!asked(stored)) return false;
    ACCORD_ASSIGN_OR_RETURN(const auto gap, ShowGap(view, caller, digest, stored));
    if (!gap.has_value()) return false;
    const std::pair key(gap->sender(), gap->worker());
    if (workers.size() >= kWorkersMax && !workers.contains(key)) return false;
    auto& row = workers[key];
    if (gap->review() == type::v1::GAP_REVIEW_UNSPECIFIED) {
      row.set_open(row.open() + 1);
      if (gap->reminders() > 0) row.set_overdue(row.overdue() + 1);
    } else {
      row.set_reviewed(row.reviewed() + 1);
      if (gap->review() == type::v1::GAP_REVIEW_NOT_JUSTIFIED) row.set_not_justified(row.not_justified() + 1);
    }
    return false;
  };
  ACCORD_RETURN_IF_ERROR(ReadReviews<StoredGap>(view, all, kReviewsCountedMax, kReviewsCountedMax, count).status());
  for (auto& [key, row] : workers) {
    row.set_agency(key.first);
    row.set_worker(key.second);
    *response.add_workers() = std::move(row);
  }
  return absl::OkStatus();
}

absl::Status ReadGaps(const ReadView& view, const Caller& caller, const v1::ListGapsRequest& request, v1::ListGapsResponse& response) {
  ACCORD_ASSIGN_OR_RETURN(const int size, PageSize(request.page_size(), kSharingPageDefault));
  if (!request.sender().empty() && !IsAgencyId(request.sender())) {
    return Error(Reason::kFieldInvalid, "sender: it is no agency id", {{"field", "sender"}});
  }
  if (IsAdministrator(caller) && !request.worker().empty() && request.sender().empty()) {
    return Error(Reason::kFieldMissing, "a worker is one of an agency: name it as sender", {{"field", "sender"}});
  }
  ReviewQuery query{.what = ReviewKind::kGap, .family = kFamilyGap, .viewer = IsAdministrator(caller) ? request.sender() : caller.id,
                    .with_closed = request.with_reviewed(), .after = {}};
  const std::string page_query = PageQuery(
      kListGaps, {caller.principal, request.sender(), request.worker(), request.with_reviewed() ? "reviewed" : "open"});
  ACCORD_ASSIGN_OR_RETURN(const auto position, ReadPageToken(request.page_token(), page_query));
  query.after = position.value_or("");
  // Another agency's workers are not the caller's to ask about.
  const bool by_worker = !request.worker().empty();
  const std::function<bool(const StoredGap&)> asked = [&](const StoredGap& gap) {
    if (!request.sender().empty() && gap.sender() != request.sender()) return false;
    if (by_worker && !IsAdministrator(caller) && gap.sender() != caller.id) return false;
    return !by_worker || gap.worker() == request.worker();
  };
  const auto keep = [&](std::string_view digest, const StoredGap& stored) -> absl::StatusOr<bool> {
    if (!asked(stored)) return false;
    ACCORD_ASSIGN_OR_RETURN(auto gap, ShowGap(view, caller, digest, stored));
    if (!gap.has_value()) return false;
    *response.add_gaps() = *std::move(gap);
    return true;
  };
  ACCORD_ASSIGN_OR_RETURN(const auto page, (ReadReviews<StoredGap>(view, query, static_cast<size_t>(size), kReviewsScannedMax, keep)));
  if (response.gaps_size() > static_cast<int>(page.rows.size())) response.mutable_gaps()->RemoveLast();  // Of the next page.
  if (!page.next.empty()) response.set_next_page_token(MakePageToken(page_query, page.next));
  return position.has_value() ? absl::OkStatus() : CountGaps(view, caller, query, asked, response);
}

absl::Status ReadHolders(const ReadView& view, const Caller& caller, const std::string& header_digest, v1::GetHoldersResponse& response,
                         EntryDraft& entry) {
  ACCORD_ASSIGN_OR_RETURN(const HoldersOfReferral found,
                          FindHolders(SealedReaderOf(view),
                                      PlainReaderOf(view), header_digest,
                                      caller.id, caller.desk));
  for (const Holder& one : found.holders) {
    auto& holder = *response.add_holders();
    holder.set_agency(one.recipient.agency());
    holder.set_desk(one.recipient.desk());
    holder.set_referral(referral::ReferralName(one.header_digest));
    holder.set_since_ms(one.since_ms);
    for (const HeldSection& held : one.sections) {
      auto& section = *holder.add_sections();
      section.set_section_id(held.id);
      section.set_category(held.category);
      section.set_rule_id(held.rule_id);
      section.set_article6(held.article6);
      section.set_consent(held.consent);
      section.set_gateway(held.gateway);
    }
    holder.set_state(one.recipient.state());
    holder.set_change(one.recipient.change());
    holder.set_due_at_ms(one.recipient.change_due_ms());
    holder.set_answer(one.recipient.change_answer());
    holder.set_kept_article6(one.recipient.kept_article6());
    holder.set_not_told(one.recipient.not_told());
  }
  // On the record of the referral, as any reading of it.
  entry.chains = ChainsOf(found.asked);
  auto& about = entry.referral.emplace();
  about.set_header_digest(header_digest);
  about.set_sender(found.core.sender());
  about.set_request_id(found.core.request_id());
  return absl::OkStatus();
}

absl::Status ReadBreaches(const ReadView& view, const Caller& caller, const v1::ListBreachesRequest& request,
                          v1::ListBreachesResponse& response) {
  ACCORD_ASSIGN_OR_RETURN(const int size, PageSize(request.page_size(), kSharingPageDefault));
  const std::string page_query = PageQuery(kListBreaches, {caller.principal, request.with_assessed() ? "assessed" : "open"});
  ACCORD_ASSIGN_OR_RETURN(const auto position, ReadPageToken(request.page_token(), page_query));
  const ReviewQuery query{.what = ReviewKind::kBreach, .family = kFamilyBreach, .viewer = IsAdministrator(caller) ? "" : caller.id,
                          .with_closed = request.with_assessed(), .after = position.value_or("")};
  const auto keep = [](std::string_view, const StoredBreach&) -> absl::StatusOr<bool> { return true; };
  ACCORD_ASSIGN_OR_RETURN(const auto page, (ReadReviews<StoredBreach>(view, query, static_cast<size_t>(size), kReviewsScannedMax, keep)));
  for (const auto& [digest, stored] : page.rows) {
    auto& breach = *response.add_breaches();
    breach.set_referral(referral::ReferralName(digest));
    breach.set_agency(stored.agency());
    breach.set_reason(stored.reason());
    breach.set_recorded_at_ms(stored.recorded_at_ms());
    breach.set_due_at_ms(stored.due_at_ms());
    breach.set_reminders(stored.reminders());
    breach.set_assessment(stored.assessment());
    breach.set_assessed_at_ms(stored.assessed_at_ms());
  }
  if (!page.next.empty()) response.set_next_page_token(MakePageToken(page_query, page.next));
  return absl::OkStatus();
}

absl::Status ReadSharingPage(const ReadView& view, const Caller& caller, const v1::ListSharingRequest& request,
                             v1::ListSharingResponse& response) {
  ACCORD_ASSIGN_OR_RETURN(const int size, PageSize(request.page_size(), kSharingPageDefault));
  if (!request.sender().empty() && !IsAgencyId(request.sender())) {
    return Error(Reason::kFieldInvalid, "sender: it is no agency id", {{"field", "sender"}});
  }
  if (request.from_ms() < 0 || request.until_ms() < 0) {
    return Error(Reason::kFieldInvalid, "from_ms, until_ms: not before 1970", {{"field", request.from_ms() < 0 ? "from_ms" : "until_ms"}});
  }
  if (!IsAdministrator(caller) && !request.sender().empty() && request.sender() != caller.id) {
    return Error(Reason::kNotPermitted, "an agency lists what it shared itself");
  }
  const SharingQuery query{.viewer = IsAdministrator(caller) ? request.sender() : caller.id, .sharing_class = request.sharing_class(),
                           .from_ms = request.from_ms(), .until_ms = request.until_ms()};
  const std::string page_query =
      PageQuery(kListSharing, {caller.principal, query.viewer, fmt::format("{}", static_cast<int>(query.sharing_class)),
                               fmt::format("{}", query.from_ms), fmt::format("{}", query.until_ms)});
  ACCORD_ASSIGN_OR_RETURN(const auto position, ReadPageToken(request.page_token(), page_query));
  ACCORD_ASSIGN_OR_RETURN(const SharingPage page, ReadSharing(view, query, position.value_or(""), static_cast<size_t>(size)));
  if (!page.next.empty()) response.set_next_page_token(MakePageToken(page_query, page.next));
  for (const SharingRow& row : page.rows) {
    auto& sharing = *response.add_sharing();
    sharing.set_referral(referral::ReferralName(row.stored.header_digest()));
    sharing.set_sender(row.sender);
    sharing.set_worker(row.stored.worker());
    sharing.set_recipient(row.stored.recipient());
    sharing.set_sharing_class(row.stored.sharing_class());
    sharing.set_not_shared_reason(row.stored.not_shared_reason());
    sharing.set_stored_at_ms(row.stored.stored_at_ms());
    sharing.set_index(row.index);
  }
  if (position.has_value()) return absl::OkStatus();
  ACCORD_ASSIGN_OR_RETURN(const auto counts, CountSharing(view, query));
  for (const auto& [sharing_class, count] : counts) {
    auto& row = *response.add_counts();
    row.set_sharing_class(sharing_class);
    row.set_count(count);
  }
  return absl::OkStatus();
}

}  // namespace

grpc::ServerUnaryReactor* SharingService::GetHolders(grpc::CallbackServerContext* context, const v1::GetHoldersRequest* request,
                                                      v1::GetHoldersResponse* response) {
  return HandleRead(*context, shared_, work_, kGetHolders, *request,
                    [request, response](const ReadView& view, const Caller& caller, EntryDraft& entry) -> absl::Status {
                      ACCORD_ASSIGN_OR_RETURN(const std::string digest, referral::ParseReferralName(request->referral(), "referral"));
                      return ReadHolders(view, caller, digest, *response, entry);
                    });
}

grpc::ServerUnaryReactor* SharingService::ListGaps(grpc::CallbackServerContext* context, const v1::ListGapsRequest* request,
                                                   v1::ListGapsResponse* response) {
  return HandleRead(*context, shared_, work_, kListGaps, *request, [request, response](const ReadView& view, const Caller& caller, EntryDraft&) {
    return ReadGaps(view, caller, *request, *response);
  });
}

grpc::ServerUnaryReactor* SharingService::ListBreaches(grpc::CallbackServerContext* context, const v1::ListBreachesRequest* request,
                                                       v1::ListBreachesResponse* response) {
  return HandleRead(*context, shared_, work_, kListBreaches, *request, [request, response](const ReadView& view, const Caller& caller, EntryDraft&) {
    return ReadBreaches(view, caller, *request, *response);
  });
}

grpc::ServerUnaryReactor* SharingService::ListSharing(grpc::CallbackServerContext* context, const v1::ListSharingRequest* request,
                                                      v1::ListSharingResponse* response) {
  return HandleRead(*context, shared_, work_, kListSharing, *request, [request, response](const ReadView& view, const Caller& caller, EntryDraft&) {
    return ReadSharingPage(view, caller, *request, *response);
  });
}

grpc::ServerUnaryReactor* SharingService::RecordReview(grpc::CallbackServerContext* context, const v1::RecordReviewRequest* request,
                                                       v1::RecordReviewResponse* response) {
  return HandleRecorded(*context, shared_, work_.refusals, kRecordReview, [this, request, response](const BrokerCall& call, Answer answer) {
    std::vector<referral::Opened<type::v1::TagPart>> tags;
    auto verified = [&]() -> absl::StatusOr<VerifiedStatement> {
      ACCORD_RETURN_IF_ERROR(referral::ValidateMessage(*request));
      answer.SetSignatureDigest(referral::DigestOf(request->statement()));
      ACCORD_ASSIGN_OR_RETURN(auto statement, VerifyStatement(*work_.directory.Get(), call.caller, request->request_id(),
                                                              request->statement(), work_.clock.Now()));
      const auto kind = statement.statement.kind();
      if (kind != type::v1::STATEMENT_KIND_GAP_REVIEWED && kind != type::v1::STATEMENT_KIND_BREACH_ASSESSED) {
        return Error(Reason::kFieldInvalid, "this method does not take a statement of that kind", {{"field", "statement.kind"}});
      }
      const std::vector<type::v1::Opening> openings(request->openings().begin(), request->openings().end());
      ACCORD_ASSIGN_OR_RETURN(tags, referral::OpenTags(statement.statement, openings));
      return statement;
    }();
    if (!verified.ok()) return answer(verified.status());
    work_.sequencer.Submit(std::make_unique<ReviewCommand>(
        *std::move(verified), std::move(tags), ActWork{work_.directory, work_.policy, work_.mailboxes},
        [this, response, caller = call.caller, answer = std::move(answer)](absl::StatusOr<Said> said) mutable {
          answer([&]() -> absl::Status {
            ACCORD_RETURN_IF_ERROR(said);
            response->set_statement_digest(said->digest);
            response->set_index(said->index);
            ACCORD_ASSIGN_OR_RETURN(*response->mutable_receipt(), ReceiptOf(work_.sequencer, said->index, caller));
            return absl::OkStatus();
          }());
        }));
  });
}

}  // namespace accord::broker
