#include "services/broker/directory/requests.h"

#include <string>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "services/broker/directory/change_parts.h"
#include "services/broker/directory/families.h"

namespace accord::broker {

using storage::v1::StoredRequest;

absl::StatusOr<std::optional<StoredRequest>> FirstRequest(CommitContext& context, std::string_view principal, std::string_view request_id,
                                                          std::string_view digest) {
  ACCORD_ASSIGN_OR_RETURN(auto request, ReadRow<StoredRequest>(context, kFamilyRequest, RequestKey(principal, request_id)));
  if (!request.has_value() || request->digest() == digest) return request;
  return Error(Reason::kRequestIdReused, "this request id was used for other content",
               {{"first_digest", ToHex(request->digest())}, {"first_index", std::to_string(request->index())}});
}

void KeepRequest(CommitContext& context, std::string_view principal, std::string_view request_id, const StoredRequest& request) {
  context.Put(kFamilyRequest, RequestKey(principal, request_id), request.SerializeAsString());
}

void KeepRequest(CommitContext& context, std::string_view principal, std::string_view request_id, std::string_view digest, uint64_t index) {
  StoredRequest request;
  request.set_digest(std::string(digest));
  request.set_index(index);
  KeepRequest(context, principal, request_id, request);
}

}  // namespace accord::broker
