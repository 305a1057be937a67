#include "services/broker/admission/uploads.h"

#include <fmt/format.h>

#include "accord/storage/v1/broker.pb.h"
#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/crypto/digest.h"
#include "services/broker/delivery/erased.h"
#include "services/broker/delivery/referral_store.h"
#include "services/broker/directory/families.h"

namespace accord::broker {
namespace {

absl::Status NotFound() {
  return Error(Reason::kUploadNotFound, "a section was not uploaded for this request, or waited too long; upload it, then submit again");
}
absl::Status Corrupt() { return Error(Reason::kStoreCorrupt, "a row of uploads does not parse"); }

// How many, and a number with them: bytes of an agency's, key slot of a referral's.
struct Counted {
  uint64_t first = 0, second = 0;
};
absl::StatusOr<std::optional<Counted>> ReadCounted(CommitContext& context, std::string_view key) {
  ACCORD_ASSIGN_OR_RETURN(const auto bytes, context.Get(kFamilyUploadIndex, key));
  if (!bytes.has_value()) return std::nullopt;
  ByteReader reader(*bytes);
  Counted counted;
  if (!reader.U64(counted.first) || !reader.U64(counted.second) || !reader.AtEnd()) return Corrupt();
  return counted;
}
void PutCounted(CommitContext& context, std::string_view key, const Counted& counted) {
  context.Put(kFamilyUploadIndex, key, ByteWriter().U64(counted.first).U64(counted.second).bytes());
}

// One that waits, as the index has it.
struct Row {
  uint64_t bytes = 0;
  std::string request_id;
};
absl::StatusOr<std::optional<Row>> ReadUploadRow(CommitContext& context, std::string_view agency, std::string_view digest) {
  ACCORD_ASSIGN_OR_RETURN(const auto bytes, context.Get(kFamilyUploadIndex, UploadRowKey(agency, digest)));
  if (!bytes.has_value()) return std::nullopt;
  ByteReader reader(*bytes);
  Row row;
  if (!reader.U64(row.bytes)) return Corrupt();
  row.request_id = reader.rest();
  return row;
}

// Takes out the upload and all that counts it.
absl::Status Remove(CommitContext& context, std::string_view agency, std::string_view digest, const Row& row) {
  context.Delete(kFamilyUpload, UploadKey(agency, digest));
  context.Delete(kFamilyUploadIndex, UploadRowKey(agency, digest));
  const std::string all_key = UploadsOfAgencyKey(agency), slot_key = UploadSlotKey(agency, row.request_id);
  ACCORD_ASSIGN_OR_RETURN(auto all, ReadCounted(context, all_key));
  ACCORD_ASSIGN_OR_RETURN(auto of_request, ReadCounted(context, slot_key));
  if (!all.has_value() || all->first == 0 || all->second < row.bytes) return Corrupt();
  if (--all->first == 0) {
    context.Delete(kFamilyUploadIndex, all_key);
  } else {
    all->second -= row.bytes;
    PutCounted(context, all_key, *all);
  }
  if (!of_request.has_value() || of_request->second == 0) return Corrupt();
  if (--of_request->second == 0) {
    context.Delete(kFamilyUploadIndex, slot_key);
  } else {
    PutCounted(context, slot_key, *of_request);
  }
  return ClearDue(context, DueKind::kUpload, digest, agency, type::v1::DESK_MAIN);
}

}  // namespace

absl::Status CheckOneForm(const type::v1::SealedSection& sealed) {
  if (sealed.cms().empty() && sealed.uploaded().empty()) {
    return Error(Reason::kFieldMissing, "a section has neither its sealed bytes nor the digest of what was uploaded", {{"field", "sections.cms"}});
  }
  if (!sealed.cms().empty() && !sealed.uploaded().empty()) {
    return Error(Reason::kFieldInvalid, "a section has both its sealed bytes and the digest of what was uploaded", {{"field", "sections.uploaded"}});
  }
  if (!sealed.uploaded().empty() && sealed.uploaded().size() != crypto::kDigestBytes) {
    return Error(Reason::kFieldInvalid, "a digest is 32 bytes", {{"field", "sections.uploaded"}});
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> ReadUpload(SealedReader read, std::string_view agency, std::string_view request_id, std::string_view digest) {
  ACCORD_ASSIGN_OR_RETURN(const auto bytes, read(kFamilyUpload, UploadKey(agency, digest)));
  if (!bytes.has_value()) return NotFound();
  storage::v1::StoredUpload stored;
  if (!stored.ParseFromString(*bytes)) return Corrupt();
  if (stored.request_id() != request_id) return NotFound();
  return std::move(*stored.mutable_cms());
}

absl::StatusOr<std::optional<uint64_t>> SlotOfUploads(CommitContext& context, std::string_view agency, std::string_view request_id) {
  ACCORD_ASSIGN_OR_RETURN(const auto of_request, ReadCounted(context, UploadSlotKey(agency, request_id)));
  if (!of_request.has_value()) return std::nullopt;
  return of_request->first;
}

absl::StatusOr<std::string> TakeUpload(CommitContext& context, std::string_view agency, std::string_view request_id, std::string_view digest) {
  const auto read = SealedReaderOf(context);
  ACCORD_ASSIGN_OR_RETURN(std::string cms, ReadUpload(read, agency, request_id, digest));
  ACCORD_ASSIGN_OR_RETURN(const auto row, ReadUploadRow(context, agency, digest));
  if (!row.has_value()) return Corrupt();
  ACCORD_RETURN_IF_ERROR(Remove(context, agency, digest, *row));
  return cms;
}

absl::Status SweepUpload(CommitContext& context, const Due& due, NewDeliveries&) {
  ACCORD_ASSIGN_OR_RETURN(const auto row, ReadUploadRow(context, due.agency, due.header_digest));
  if (!row.has_value()) return absl::OkStatus();
  return Remove(context, due.agency, due.header_digest, *row);
}

absl::StatusOr<uint64_t> UploadCommand::Slot(CommitContext& context) const {
  const std::string request_key = RequestKey(caller_.principal, request_id_);
  const auto read = PlainReaderOf(context);
  ACCORD_ASSIGN_OR_RETURN(const auto erased, FindErased(read, linker_.Blind(kErasedRequestDomain, request_key)));
  if (erased.has_value()) return ErasedAt(*erased);
  ACCORD_ASSIGN_OR_RETURN(const auto known, context.Get(kFamilyRequest, request_key));
  storage::v1::StoredRequest request;
  if (known.has_value() && !request.ParseFromString(*known)) return Corrupt();
  if (!request.header_digest().empty()) {
    ACCORD_ASSIGN_OR_RETURN(const auto stored, LoadReferral(context, request.header_digest()));
    if (stored.has_value()) return SlotOfChain(context, stored->chain());
  }
  ACCORD_ASSIGN_OR_RETURN(const auto waiting, SlotOfUploads(context, caller_.id, request_id_));
  if (waiting.has_value()) return *waiting;
  ACCORD_ASSIGN_OR_RETURN(const CommitContext::NewChain chain, context.OpenChain());
  return chain.slot;
}

absl::Status UploadCommand::Apply(CommitContext& context) {
  ACCORD_ASSIGN_OR_RETURN(const auto there, ReadUploadRow(context, caller_.id, digest_));
  if (there.has_value() && there->request_id == request_id_) return absl::OkStatus();
  if (there.has_value()) return Error(Reason::kRequestIdReused, "the same bytes wait for a referral of another request id");
  const std::string all_key = UploadsOfAgencyKey(caller_.id), slot_key = UploadSlotKey(caller_.id, request_id_);
  ACCORD_ASSIGN_OR_RETURN(const auto known, ReadCounted(context, all_key));
  Counted all = known.value_or(Counted());
  if (all.first + 1 > kUploadsWaitingMax || all.second + cms_.size() > kUploadBytesWaitingMax) {
    return Error(Reason::kQuotaExceeded, "too much that this agency uploaded waits for its referral",
                 {{"retry_after_ms", fmt::format("{}", absl::ToInt64Milliseconds(kUploadQuotaRetry))}});
  }
  ACCORD_ASSIGN_OR_RETURN(const uint64_t slot, Slot(context));
  ACCORD_ASSIGN_OR_RETURN(const auto counted, ReadCounted(context, slot_key));
  PutCounted(context, slot_key, {slot, counted.value_or(Counted()).second + 1});
  PutCounted(context, all_key, {all.first + 1, all.second + cms_.size()});
  context.Put(kFamilyUploadIndex, UploadRowKey(caller_.id, digest_), ByteWriter().U64(cms_.size()).Raw(request_id_).bytes());
  storage::v1::StoredUpload stored;
  stored.set_cms(std::move(cms_));
  stored.set_request_id(request_id_);
  stored.set_uploaded_at_ms(absl::ToUnixMillis(context.now()));
  ACCORD_RETURN_IF_ERROR(context.PutSealed(kFamilyUpload, UploadKey(caller_.id, digest_), slot, stored.SerializeAsString()));
  return PutDue(context, DueKind::kUpload, context.now() + kUploadKept, digest_, caller_.id, type::v1::DESK_MAIN);
}

}  // namespace accord::broker
