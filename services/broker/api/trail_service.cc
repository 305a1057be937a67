#include "services/broker/api/trail_service.h"

#include <fmt/format.h>

#include <optional>
#include <string>
#include <utility>

#include "common/base/bytes.h"
#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/crypto/digest.h"
#include "services/broker/api/comes_later.h"
#include "services/broker/api/handle.h"
#include "services/broker/api/paging.h"
#include "services/broker/delivery/erased.h"
#include "services/broker/sequencer/reader.h"
#include "services/broker/sequencer/record_command.h"
#include "services/broker/trails/trail.h"

namespace accord::broker {
namespace {

using inspection::v1::QueryTrailRequest;
using inspection::v1::QueryTrailResponse;

constexpr std::string_view kQueryTrail = "/accord.inspection.v1.TrailService/QueryTrail";
constexpr int kTrailPageDefault = 100;
constexpr std::string_view kAttested = "attested";

absl::Status Invalid(std::string_view field, std::string_view what) {
  return Error(Reason::kFieldInvalid, fmt::format("{}: {}", field, what), {{"field", std::string(field)}});
}

absl::StatusOr<TrailAbout> ReadAbout(const QueryTrailRequest& request) {
  switch (request.about_case()) {
    case QueryTrailRequest::kReferral:
      if (request.referral().size() != crypto::kDigestBytes) return Invalid("referral", "32 bytes are needed");
      return TrailAbout{TrailAbout::What::kReferral, request.referral()};
    case QueryTrailRequest::kCasePseudonym:
      if (request.case_pseudonym().size() != kIdBytes) return Invalid("case_pseudonym", "16 bytes are needed");
      return TrailAbout{TrailAbout::What::kCase, request.case_pseudonym()};
    case QueryTrailRequest::kAgency:
      if (!IsAgencyId(request.agency())) return Invalid("agency", "it is no agency id");
      return TrailAbout{TrailAbout::What::kAgency, request.agency()};
    case QueryTrailRequest::ABOUT_NOT_SET:
      break;
  }
  return Error(Reason::kFieldMissing, "a referral, a case or an agency is needed", {{"field", "about"}});
}

// Where a page begins: the query it is of, and the sequence in its chain.
struct Position {
  uint64_t query_index = 0;
  uint64_t sequence = 0;
};

// One call, once it is understood.
struct Query {
  Caller caller;
  Trail trail;
  std::string page_query;
  int page_size = 0;
  std::optional<Position> from;  // Absent for the first page.
};

// ERASED to whoever knew of the referral; administrators may know of all.
absl::Status RefuseIfErased(const ReadView& view, const Caller& caller, const std::string& header_digest) {
  const auto read = PlainReaderOf(view);
  if (caller.kind == options::v1::CALLER_AGENCY) return broker::RefuseIfErased(read, header_digest, caller.id, caller.desk);
  if (caller.kind != options::v1::CALLER_ADMIN) return absl::OkStatus();
  ACCORD_ASSIGN_OR_RETURN(const auto index, FindErased(read, ErasedReferralMark(header_digest)));
  return index.has_value() ? ErasedAt(*index) : absl::OkStatus();
}

absl::StatusOr<Query> ReadQuery(const ReadView& view, const Caller& caller, const QueryTrailRequest& request) {
  Query query;
  query.caller = caller;
  ACCORD_ASSIGN_OR_RETURN(TrailAbout about, ReadAbout(request));
  ACCORD_ASSIGN_OR_RETURN(query.page_size, PageSize(request.page_size(), kTrailPageDefault));
  if (!IsPurpose(request.purpose())) {
    return Invalid("purpose", fmt::format("a code of at most {} characters is needed", kPurposeCharsMax));
  }
  query.page_query = PageQuery(kQueryTrail, {caller.principal, fmt::format("{}", static_cast<int>(about.what)), about.key});
  ACCORD_ASSIGN_OR_RETURN(const auto position, ReadPageToken(request.page_token(), query.page_query));
  if (position.has_value()) {
    ByteReader reader(*position);
    auto& from = query.from.emplace();
    if (!reader.U64(from.query_index) || !reader.U64(from.sequence) || !reader.AtEnd()) return PageTokenInvalid();
  }
  auto trail = OpenTrail(view, caller, about, kQueryTrail, request.purpose());
  if (about.what == TrailAbout::What::kReferral &&
      (HasReason(trail.status(), Reason::kNotPermitted) || HasReason(trail.status(), Reason::kReferralNotFound))) {
    ACCORD_RETURN_IF_ERROR(RefuseIfErased(view, caller, about.key));
  }
  ACCORD_ASSIGN_OR_RETURN(query.trail, std::move(trail));
  return query;
}

absl::Status AddRow(TrailEntry entry, QueryTrailResponse& response) {
  ACCORD_ASSIGN_OR_RETURN(EntryParts parts, ReadParts(entry.openings));
  auto& row = *response.add_rows();
  row.set_index(entry.index);
  row.set_time_ms(entry.time_ms);
  row.set_leaf(std::move(entry.leaf));
  row.set_erased(entry.erased);
  if (parts.event.has_value()) *row.mutable_event() = *std::move(parts.event);
  if (parts.actor.has_value()) *row.mutable_actor() = *std::move(parts.actor);
  if (parts.referral.has_value()) *row.mutable_referral() = *std::move(parts.referral);
  if (parts.decisions.has_value()) *row.mutable_decisions() = *std::move(parts.decisions);
  for (auto& opening : entry.openings) *row.add_openings() = std::move(opening);
  return absl::OkStatus();
}

absl::Status AnswerPage(const ReadView& view, const Query& query, Position from, absl::Time now,
                        QueryTrailResponse& response) {
  auto page = ReadTrail(view, query.caller, query.trail, from.query_index, from.sequence, query.page_size, now);
  // The position is what the caller sent: a query that is not its own, or is over, is a wrong token.
  if (query.from.has_value() && HasReason(page.status(), Reason::kEntryNotFound)) return PageTokenInvalid();
  ACCORD_RETURN_IF_ERROR(page);
  for (TrailEntry& entry : page->entries) ACCORD_RETURN_IF_ERROR(AddRow(std::move(entry), response));
  if (!page->last) {
    response.set_next_page_token(
        MakePageToken(query.page_query, ByteWriter().U64(from.query_index).U64(page->next_sequence).bytes()));
  }
  response.set_completeness(std::string(kAttested));
  response.set_query_index(from.query_index);
  for (const std::string& pseudonym : query.trail.cases) response.add_case_pseudonyms(pseudonym);
  return absl::OkStatus();
}

}  // namespace

grpc::ServerUnaryReactor* TrailService::QueryTrail(grpc::CallbackServerContext* context, const QueryTrailRequest* request,
                                                   QueryTrailResponse* response) {
  return HandleRecorded(
      *context, shared_, refusals_, kQueryTrail, [this, request, response](const BrokerCall& call, Answer answer) {
        absl::StatusOr<Query> query;
        {
          const auto view = sequencer_.View();
          if (!view.ok()) return answer(view.status());
          query = ReadQuery(**view, call.caller, *request);
          if (!query.ok()) return answer(query.status());
          if (query->from.has_value()) {
            return answer(AnswerPage(**view, *query, *query->from, shared_.clock.Now(), *response));
          }
        }
        EntryDraft draft = query->trail.query;
        std::string principal = query->trail.query_principal;
        sequencer_.Submit(std::make_unique<RecordCommand>(
            std::move(principal), std::move(draft),
            [this, query = *std::move(query), response,
             answer = std::move(answer)](const absl::StatusOr<uint64_t>& index) mutable {
              if (!index.ok()) return answer(index.status());
              const auto view = sequencer_.View();
              if (!view.ok()) return answer(view.status());
              answer(AnswerPage(**view, query, {.query_index = *index, .sequence = 0}, shared_.clock.Now(), *response));
            }));
      });
}

grpc::ServerUnaryReactor* TrailService::AskQuestion(grpc::CallbackServerContext* context,
                                                    const inspection::v1::AskQuestionRequest*,
                                                    inspection::v1::AskQuestionResponse*) {
  return AnswerComesLater(*context, shared_, "/accord.inspection.v1.TrailService/AskQuestion");
}

grpc::ServerWriteReactor<inspection::v1::ExportBundleResponse>* TrailService::ExportBundle(
    grpc::CallbackServerContext* context, const inspection::v1::ExportBundleRequest*) {
  return StreamComesLater<grpc::ServerWriteReactor<inspection::v1::ExportBundleResponse>>(
      *context, shared_, "/accord.inspection.v1.TrailService/ExportBundle");
}

grpc::ServerUnaryReactor* TrailService::RequestDisclosure(grpc::CallbackServerContext* context,
                                                          const inspection::v1::RequestDisclosureRequest*,
                                                          inspection::v1::RequestDisclosureResponse*) {
  return AnswerComesLater(*context, shared_, "/accord.inspection.v1.TrailService/RequestDisclosure");
}

}  // namespace accord::broker
