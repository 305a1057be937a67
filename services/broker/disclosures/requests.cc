#include "services/broker/disclosures/requests.h"

#include <algorithm>

#include "accord/storage/v1/broker.pb.h"
#include "common/base/bytes.h"
#include "common/base/status.h"
#include "services/broker/directory/families.h"

namespace accord::broker {

absl::StatusOr<std::optional<uint64_t>> FirstDisclosureAnswer(CommitContext& context, const Caller& caller, std::string_view request_id,
                                                              std::string_view digest) {
  ACCORD_ASSIGN_OR_RETURN(const auto known, context.Get(kFamilyRequest, RequestKey(caller.principal, request_id)));
  if (!known.has_value()) return std::nullopt;
  storage::v1::StoredRequest request;
  if (!request.ParseFromString(*known)) return Error(Reason::kStoreCorrupt, "a stored request does not parse");
  if (request.digest() == digest) return request.index();
  return Error(Reason::kRequestIdReused, "this request id was used for other content", {{"first_digest", ToHex(request.digest())}});
}

void PutDisclosureRequest(CommitContext& context, const Caller& caller, std::string_view request_id, const std::string& digest, uint64_t index) {
  storage::v1::StoredRequest request;
  request.set_digest(digest);
  request.set_index(index);
  context.Put(kFamilyRequest, RequestKey(caller.principal, request_id), request.SerializeAsString());
}

type::v1::EntryActor ActorOfDisclosure(const Caller& caller) {
  type::v1::EntryActor actor;
  actor.set_principal(caller.principal);
  actor.set_certificate(caller.certificate);
  return actor;
}

bool IsCertificateDenied(const DirectorySnapshot& directory, const crypto::Certificate& certificate) {
  return directory.IsDenied(certificate.fingerprint()) || directory.IsDenied(certificate.public_key_id());
}

absl::Status CheckSealedForAlone(const crypto::cms::Parsed& shown, std::string_view key, std::string_view why) {
  const auto& recipients = shown.recipients;
  const bool sealed = std::any_of(recipients.begin(), recipients.end(), [&](const auto& recipient) { return recipient.subject_key_id == key; });
  if (!sealed) return Error(Reason::kSealingKeyUnknown, why);
  if (recipients.size() == 1) return absl::OkStatus();
  return Error(Reason::kSealedTooWidely, "it is sealed for others beside whom it is for");
}

}  // namespace accord::broker
