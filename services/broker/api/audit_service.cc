#include "services/broker/api/audit_service.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/crypto/digest.h"
#include "services/broker/api/handle.h"
#include "services/broker/api/paging.h"
#include "services/broker/audits/gather.h"
#include "services/broker/sequencer/record_command.h"
#include "services/broker/trails/receipts.h"
#include "services/broker/trails/trail.h"

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
  struct Position {
    uint64_t query_index = 0, row = 0;
  };
  std::optional<Position> from;  // Absent for the first page.
};

absl::StatusOr<AskedAudit> ReadAskedAudit(const Caller& caller, const AuditSharingRequest& request) {
  AskedAudit asked;
  asked.caller = caller;
  asked.request = request;
  ACCORD_ASSIGN_OR_RETURN(asked.audit, CheckAudit(request, caller));
  ACCORD_ASSIGN_OR_RETURN(asked.page_size, PageSize(request.page_size(), kAuditPageDefault));
  AuditSharingRequest whole = request;
  whole.clear_page_size();
  whole.clear_page_token();
  asked.digest = crypto::Sha256(whole.SerializeAsString());
  asked.page_query = PageQuery(kAuditSharing, {caller.principal, asked.digest});
  ACCORD_ASSIGN_OR_RETURN(const auto position, ReadPageToken(request.page_token(), asked.page_query));
  if (position.has_value()) {
    ByteReader reader(*position);
    auto& from = asked.from.emplace();
    if (!reader.U64(from.query_index) || !reader.U64(from.row) || !reader.AtEnd()) return PageTokenInvalid();
  }
  return asked;
}

// When it was asked, in milliseconds; PAGE_TOKEN_INVALID unless the entry is of this audit, of this caller, and no older than a query's life.
absl::StatusOr<int64_t> AuditedAtMs(const ReadView& view, const AskedAudit& asked, uint64_t query_index, absl::Time now) {
  const auto entry = ReadEntry(view, query_index);
  if (HasReason(entry.status(), Reason::kEntryNotFound)) return PageTokenInvalid();
  ACCORD_RETURN_IF_ERROR(entry);
  const std::vector<type::v1::Opening> openings(entry->openings.openings().begin(), entry->openings.openings().end());
  ACCORD_ASSIGN_OR_RETURN(const EntryParts parts, ReadParts(openings));
  const bool own = parts.event.has_value() && parts.event->type() == type::v1::EVENT_TYPE_SHARING_AUDITED && parts.event->query_digest() == asked.digest &&
                   parts.actor.has_value() && parts.actor->principal() == asked.caller.principal;
  const auto at_ms = static_cast<int64_t>(entry->parsed.time_ms);
  if (!own || absl::FromUnixMillis(at_ms) + kTrailQueryLife < now) return PageTokenInvalid();
  return at_ms;
}

absl::Status AnswerAskedAudit(const ReadView& view, const AuditWork& work, const AskedAudit& asked, AskedAudit::Position from, AuditSharingResponse& response) {
  ACCORD_ASSIGN_OR_RETURN(const int64_t asked_at_ms, AuditedAtMs(view, asked, from.query_index, work.clock.Now()));
  const auto directory = work.directory.Get();
  ACCORD_ASSIGN_OR_RETURN(inspection::v1::Table whole,
                          AnswerAudit(view, work.keys, *directory, asked.caller, *asked.audit, asked.request, from.query_index, asked_at_ms));
  whole.set_query_index(from.query_index);
  auto& table = *response.mutable_table();
  table = whole;
  table.clear_rows();
  size_t bytes = table.ByteSizeLong();
  auto row = static_cast<int>(std::min<uint64_t>(from.row, static_cast<uint64_t>(whole.rows_size())));
  for (; row < whole.rows_size() && table.rows_size() < asked.page_size && bytes < kPageBytesMax; ++row) {
    bytes += whole.rows(row).ByteSizeLong();
    *table.add_rows() = std::move(*whole.mutable_rows(row));
  }
  if (row < whole.rows_size()) {
    response.set_next_page_token(MakePageToken(asked.page_query, ByteWriter().U64(from.query_index).U64(static_cast<uint64_t>(row)).bytes()));
  }
  return absl::OkStatus();
}

EntryDraft AuditEntry(const AskedAudit& asked) {
  EntryDraft draft;
  draft.event.set_type(type::v1::EVENT_TYPE_SHARING_AUDITED);
  draft.event.set_method(std::string(kAuditSharing));
  draft.event.set_question(static_cast<uint32_t>(asked.request.audit()));
  draft.event.set_purpose(asked.request.purpose());
  draft.event.set_query_digest(asked.digest);
  auto& actor = draft.actor.emplace();
  actor.set_principal(asked.caller.principal);
  actor.set_certificate(asked.caller.certificate);
  return draft;
}

}  // namespace

grpc::ServerUnaryReactor* AuditService::AuditSharing(grpc::CallbackServerContext* context, const AuditSharingRequest* request, AuditSharingResponse* response) {
  return HandleRecorded(*context, shared_, work_.refusals, kAuditSharing, [this, request, response](const BrokerCall& call, Answer answer) {
    auto asked = ReadAskedAudit(call.caller, *request);
    if (!asked.ok()) return answer(asked.status());
    if (asked->from.has_value()) {
      const auto view = work_.sequencer.View();
      return answer(view.ok() ? AnswerAskedAudit(**view, work_, *asked, *asked->from, *response) : view.status());
    }
    EntryDraft draft = AuditEntry(*asked);
    std::string principal = asked->caller.principal;
    work_.sequencer.Submit(std::make_unique<RecordCommand>(
        std::move(principal), std::move(draft), [this, response, asked = *std::move(asked), answer = std::move(answer)](const absl::StatusOr<uint64_t>& index) mutable {
          if (!index.ok()) return answer(index.status());
          const auto view = work_.sequencer.View();
          if (!view.ok()) return answer(view.status());
          answer(AnswerAskedAudit(**view, work_, asked, {.query_index = *index, .row = 0}, *response));
        }));
  });
}

}  // namespace accord::broker
