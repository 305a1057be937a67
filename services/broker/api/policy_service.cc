#include "services/broker/api/policy_service.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/base/status.h"
#include "services/broker/api/handle.h"
#include "services/broker/api/paging.h"
#include "services/broker/directory/families.h"
#include "services/broker/directory/history.h"

namespace accord::broker {
namespace {

constexpr std::string_view kListPolicyDocuments = "/accord.admin.v1.PolicyService/ListPolicyDocuments";
constexpr std::string_view kGetPolicyDocument = "/accord.admin.v1.PolicyService/GetPolicyDocument";
constexpr std::string_view kListForums = "/accord.admin.v1.PolicyService/ListForums";
constexpr int kDocumentsPageDefault = 50, kForumsPageDefault = 50;

admin::v1::PolicyDocumentKind ToWire(PolicyKind kind) {
  switch (kind) {
    case PolicyKind::kAgreement: return admin::v1::POLICY_DOCUMENT_KIND_AGREEMENT;
    case PolicyKind::kSchedule: return admin::v1::POLICY_DOCUMENT_KIND_EMERGENCY_SCHEDULE;
    case PolicyKind::kClocks: return admin::v1::POLICY_DOCUMENT_KIND_CLOCK_RULES;
    case PolicyKind::kCases: return admin::v1::POLICY_DOCUMENT_KIND_CASE_RULES;
    case PolicyKind::kRegister: break;
  }
  return admin::v1::POLICY_DOCUMENT_KIND_LEGAL_REGISTER;
}

// 0 for a time that never was or will be: the document has been in force ever, or does not expire by itself.
int64_t Millis(absl::Time time) {
  return time == absl::InfinitePast() || time == absl::InfiniteFuture() ? 0 : absl::ToUnixMillis(time);
}

admin::v1::PolicyDocument ToWire(const PolicyDocument& document, const referral::CompiledPolicy& compiled, absl::Time now) {
  admin::v1::PolicyDocument row;
  row.set_kind(ToWire(document.kind));
  row.set_id(document.id);
  row.set_version(document.version);
  row.set_effective_from_ms(Millis(document.effective_from));
  row.set_expires_ms(Millis(document.expires));
  row.set_approved_at_ms(document.approved_at_ms);
  row.set_live(IsLive(document, compiled, now));
  return row;
}

// Of each kind a version is one document, for ever.
std::string DocumentPosition(const PolicyDocument& document) {
  return fmt::format("{}/{}", static_cast<int>(ToWire(document.kind)), document.version);
}

absl::Status FillDocuments(const std::vector<PolicyDocument>& documents, const referral::CompiledPolicy& compiled, absl::Time at,
                           const admin::v1::ListPolicyDocumentsRequest& request, admin::v1::ListPolicyDocumentsResponse& response) {
  ACCORD_ASSIGN_OR_RETURN(const int size, PageSize(request.page_size(), kDocumentsPageDefault));
  const std::string query = request.as_at_ms() == 0 ? PageQuery(kListPolicyDocuments, {}) : PageQuery(kListPolicyDocuments, {fmt::to_string(request.as_at_ms())});
  ACCORD_ASSIGN_OR_RETURN(const std::optional<std::string> after, ReadPageToken(request.page_token(), query));
  auto row = documents.begin();
  if (after.has_value()) {
    row = std::find_if(row, documents.end(), [&](const PolicyDocument& document) { return DocumentPosition(document) == *after; });
    if (row == documents.end()) return PageTokenInvalid();
    ++row;
  }
  for (; row != documents.end(); ++row) {
    if (response.documents_size() == size) {
      response.set_next_page_token(MakePageToken(query, DocumentPosition(*std::prev(row))));
      break;
    }
    *response.add_documents() = ToWire(*row, compiled, at);
  }
  return absl::OkStatus();
}

// As they are, or as they were at a time.
absl::Status ListDocuments(const Sequencer& sequencer, const Policy& policy, absl::Time now, const admin::v1::ListPolicyDocumentsRequest& request,
                           admin::v1::ListPolicyDocumentsResponse& response) {
  if (request.as_at_ms() == 0) return FillDocuments(policy.documents, policy.compiled, now, request, response);
  if (request.as_at_ms() < 0) return Error(Reason::kFieldInvalid, "as_at_ms: negative", {{"field", "as_at_ms"}});
  ACCORD_ASSIGN_OR_RETURN(const auto view, sequencer.View());
  ACCORD_ASSIGN_OR_RETURN(PolicyDocuments kept, LoadPolicyDocuments(view->store()));
  const absl::Time at = absl::FromUnixMillis(request.as_at_ms());
  const DocumentsAt then = ApprovedBy(std::move(kept), at);
  return FillDocuments(then.all, then.compiled, at, request, response);
}

absl::Status GetDocument(const ReadView& view, const Policy& policy, absl::Time now, const admin::v1::GetPolicyDocumentRequest& request,
                 admin::v1::GetPolicyDocumentResponse& response) {
  if (request.kind() == admin::v1::POLICY_DOCUMENT_KIND_UNSPECIFIED || !admin::v1::PolicyDocumentKind_IsValid(request.kind())) {
    return Error(Reason::kEnumUnknown, "kind: not a kind of the published list", {{"field", "kind"}});
  }
  if (request.version().empty()) return Error(Reason::kFieldMissing, "version is needed", {{"field", "version"}});
  const auto row = std::find_if(policy.documents.begin(), policy.documents.end(), [&](const PolicyDocument& document) {
    return ToWire(document.kind) == request.kind() && document.version == request.version();
  });
  if (row == policy.documents.end()) return Error(Reason::kPolicyDocumentNotFound, "no such version is kept");
  *response.mutable_document() = ToWire(*row, policy.compiled, now);
  ACCORD_ASSIGN_OR_RETURN(*response.mutable_document()->mutable_text(), PolicyText(view.store(), row->kind, row->version));
  return absl::OkStatus();
}

// A page of forums that is being filled. It begins after an id, so that it goes on where it was although forums came meanwhile.
struct ForumsPage {
  // False when it was full already, and then the response says where the next one begins.
  bool Add(admin::v1::Forum forum) {
    if (response.forums_size() == size || bytes >= kPageBytesMax) {
      response.set_next_page_token(MakePageToken(query, response.forums(response.forums_size() - 1).id()));
      return false;
    }
    bytes += forum.ByteSizeLong();
    *response.add_forums() = std::move(forum);
    return true;
  }

  const int size;
  const std::string query;
  admin::v1::ListForumsResponse& response;
  size_t bytes = 0;
};

// The forums after `after` as they are.
absl::Status FillStanding(const ReadView& view, const std::optional<std::string>& after, ForumsPage& page) {
  storage::Range range = storage::Prefix(ForumKey(""));
  if (after.has_value()) range.lower = ForumKey(*after) + '\0';
  bool corrupt = false;
  ACCORD_RETURN_IF_ERROR(view.Scan(kFamilyPolicy, range, [&](std::string_view, std::string_view value) {
    admin::v1::Forum forum;
    corrupt = !forum.ParseFromArray(value.data(), static_cast<int>(value.size()));
    return !corrupt && page.Add(std::move(forum));
  }));
  return corrupt ? Error(Reason::kStoreCorrupt, "a forum does not parse") : absl::OkStatus();
}

// As they are, or as they were at a time.
absl::Status FillForums(const ReadView& view, const admin::v1::ListForumsRequest& request, admin::v1::ListForumsResponse& response) {
  if (request.as_at_ms() < 0) return Error(Reason::kFieldInvalid, "as_at_ms: negative", {{"field", "as_at_ms"}});
  ACCORD_ASSIGN_OR_RETURN(const int size, PageSize(request.page_size(), kForumsPageDefault));
  const std::string query = request.as_at_ms() == 0 ? PageQuery(kListForums, {}) : PageQuery(kListForums, {fmt::to_string(request.as_at_ms())});
  ACCORD_ASSIGN_OR_RETURN(const std::optional<std::string> after, ReadPageToken(request.page_token(), query));
  ForumsPage page{size, query, response};
  if (request.as_at_ms() == 0) return FillStanding(view, after, page);
  ACCORD_ASSIGN_OR_RETURN(auto forums, ForumsAt(view.store(), absl::FromUnixMillis(request.as_at_ms())));
  for (auto row = forums.upper_bound(after.value_or("")); row != forums.end(); ++row) {
    if (!page.Add(std::move(row->second))) break;
  }
  return absl::OkStatus();
}

}  // namespace

grpc::ServerUnaryReactor* PolicyService::ListPolicyDocuments(grpc::CallbackServerContext* context,
                                                             const admin::v1::ListPolicyDocumentsRequest* request,
                                                             admin::v1::ListPolicyDocumentsResponse* response) {
  return HandleRecorded(*context, shared_, refusals_, kListPolicyDocuments,
                        [this, request, response](const BrokerCall&, Answer answer) {
                          answer(ListDocuments(sequencer_, *policy_.Get(), clock_.Now(), *request, *response));
                        });
}

grpc::ServerUnaryReactor* PolicyService::GetPolicyDocument(grpc::CallbackServerContext* context,
                                                           const admin::v1::GetPolicyDocumentRequest* request,
                                                           admin::v1::GetPolicyDocumentResponse* response) {
  return HandleRecorded(*context, shared_, refusals_, kGetPolicyDocument,
                        [this, request, response](const BrokerCall&, Answer answer) {
                          const auto view = sequencer_.View();
                          answer(view.ok() ? GetDocument(**view, *policy_.Get(), clock_.Now(), *request, *response) : view.status());
                        });
}

grpc::ServerUnaryReactor* PolicyService::ListForums(grpc::CallbackServerContext* context, const admin::v1::ListForumsRequest* request,
                                                    admin::v1::ListForumsResponse* response) {
  return HandleRecorded(*context, shared_, refusals_, kListForums, [this, request, response](const BrokerCall&, Answer answer) {
    const auto view = sequencer_.View();
    answer(view.ok() ? FillForums(**view, *request, *response) : view.status());
  });
}

}  // namespace accord::broker
