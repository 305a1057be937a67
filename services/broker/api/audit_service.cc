#include "services/broker/api/audit_service.h"

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "common/base/status.h"
#include "services/broker/api/handle.h"
#include "services/broker/api/paging.h"
#include "services/broker/api/running_place.h"
#include "services/broker/api/table_pages.h"
#include "services/broker/audits/gather.h"
#include "services/broker/sequencer/record_command.h"

namespace accord::broker {
namespace {

using admin::v1::AuditSharingRequest;
using admin::v1::AuditSharingResponse;

constexpr std::string_view kAuditSharing = "/accord.admin.v1.AuditService/AuditSharing";

// One call, once it is understood.
struct AskedAudit {
  Caller caller;
  const Audit* audit = nullptr;
  AuditSharingRequest request;
  std::string digest;  // Of the request without its page.
  std::string page_query;
  int page_size = 0;
  std::optional<TablePosition> from;  // Absent for the first page.
};

absl::StatusOr<AskedAudit> ReadAskedAudit(const Caller& caller, const AuditSharingRequest& request) {
  AskedAudit asked;
  asked.caller = caller;
  asked.request = request;
  ACCORD_ASSIGN_OR_RETURN(asked.audit, CheckAudit(request, caller));
  ACCORD_ASSIGN_OR_RETURN(asked.page_size, PageSize(request.page_size(), kAuditPageDefault));
  asked.digest = DigestWithoutPage(request);
  asked.page_query = PageQuery(kAuditSharing, {caller.principal, asked.digest});
  ACCORD_ASSIGN_OR_RETURN(asked.from, ReadTablePosition(request.page_token(), asked.page_query));
  return asked;
}

absl::StatusOr<std::unique_ptr<RunningPlace>> TakeAuditPlace(std::atomic<int>& running) {
  return RunningPlace::Take(running, kAuditsAtOnceMax, "audit is being answered");
}

// The page that begins at `from`, of the answer that is kept or of one computed now, for which `place` is taken if it was not.
absl::Status AnswerAskedAudit(const ReadView& view, const AuditWork& work, WholeTables& tables, std::atomic<int>& running, std::unique_ptr<RunningPlace> place,
                              const AskedAudit& asked, TablePosition from, AuditSharingResponse& response) {
  ACCORD_ASSIGN_OR_RETURN(const int64_t asked_at_ms,
                          QueryAskedAtMs(view, asked.caller, type::v1::EVENT_TYPE_SHARING_AUDITED, asked.digest, from.query_index, work.clock.Now()));
  const auto directory = work.directory.Get();
  ACCORD_ASSIGN_OR_RETURN(const TableGround ground,
                          TableGroundOf(view, asked.caller, asked.page_query, from.query_index, inspection::v1::Warrant(), directory->epoch()));
  const auto compute = [&]() -> absl::StatusOr<inspection::v1::Table> {
    if (place == nullptr) {
      ACCORD_ASSIGN_OR_RETURN(place, TakeAuditPlace(running));
    }
    return AnswerAudit(view, work.keys, *directory, asked.caller, *asked.audit, asked.request, from.query_index, asked_at_ms);
  };
  ACCORD_ASSIGN_OR_RETURN(*response.mutable_next_page_token(), AnswerTablePage(tables, ground, from.row, asked.page_size, compute, *response.mutable_table()));
  return absl::OkStatus();
}

EntryDraft AuditEntry(const AskedAudit& asked) {
  EntryDraft draft;
  draft.event.set_type(type::v1::EVENT_TYPE_SHARING_AUDITED);
  draft.event.set_method(std::string(kAuditSharing));
  draft.event.set_question(static_cast<uint32_t>(asked.request.audit()));
  draft.event.set_purpose(asked.request.purpose());
  draft.event.set_query_digest(asked.digest);
  draft.actor = ActorOf(asked.caller);
  return draft;
}

}  // namespace

std::atomic<int>& AuditService::RunningOf(const Caller& caller) { return caller.kind == options::v1::CALLER_AGENCY ? of_agencies_ : of_administrators_; }

grpc::ServerUnaryReactor* AuditService::AuditSharing(grpc::CallbackServerContext* context, const AuditSharingRequest* request, AuditSharingResponse* response) {
  return HandleRecorded(*context, shared_, work_.refusals, kAuditSharing, [this, request, response](const BrokerCall& call, Answer answer) {
    auto asked = ReadAskedAudit(call.caller, *request);
    if (!asked.ok()) return answer(asked.status());
    std::atomic<int>& running = RunningOf(call.caller);
    if (asked->from.has_value()) {
      const auto view = work_.sequencer.View();
      if (!view.ok()) return answer(view.status());
      const absl::Status answered = AnswerAskedAudit(**view, work_, tables_, running, nullptr, *asked, *asked->from, *response);
      return answer(answered);  // A statement of its own: the place was given back before the caller can ask for the next page.
    }
    auto place = TakeAuditPlace(running);
    if (!place.ok()) return answer(place.status());
    EntryDraft draft = AuditEntry(*asked);
    std::string principal = asked->caller.principal;
    work_.sequencer.Submit(std::make_unique<RecordCommand>(
        std::move(principal), std::move(draft),
        [this, response, &running, asked = *std::move(asked), place = *std::move(place), answer = std::move(answer)](const absl::StatusOr<uint64_t>& index) mutable {
          if (!index.ok()) return answer(index.status());
          const auto view = work_.sequencer.View();
          if (!view.ok()) return answer(view.status());
          const absl::Status answered =
              AnswerAskedAudit(**view, work_, tables_, running, std::move(place), asked, {.query_index = *index, .row = 0}, *response);
          answer(answered);
        }));
  });
}

}  // namespace accord::broker
