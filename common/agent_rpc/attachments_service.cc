#include "common/agent_rpc/attachments_service.h"

#include <algorithm>
#include <string>
#include <utility>

#include "common/agent/attachments.h"
#include "common/agent_rpc/work.h"
#include "common/base/status.h"
#include "common/crypto/digest.h"
#include "common/referral/referral_name.h"
#include "common/referral/validate.h"
#include "common/rpc/read_stream.h"
#include "common/rpc/server_stream.h"

namespace accord::agent_rpc {
namespace {

constexpr std::string_view kUpload = "/accord.agency.v1.AttachmentsService/UploadAttachment";
constexpr std::string_view kRead = "/accord.agency.v1.AttachmentsService/ReadAttachment";
constexpr size_t kChunkBytesMax = 1u << 20;

absl::Status InvalidFile(const char* field, std::string_view why) { return Error(Reason::kFieldInvalid, why, {{"field", field}}); }

// The place of one file on its way.
class Place {
 public:
  explicit Place(std::atomic<int>& files) : files_(files) {}
  ~Place() {
    if (taken_) --files_;
  }
  absl::Status Take() {
    taken_ = true;
    if (++files_ <= kFilesAtOnceMax) return absl::OkStatus();
    return Error(Reason::kQuotaExceeded, "too many files are on their way; wait for one", {{"retry_after_ms", "1000"}});
  }

 private:
  std::atomic<int>& files_;
  bool taken_ = false;
};

class Upload final : public rpc::ReadStream<agency::v1::UploadAttachmentRequest, agency::v1::UploadAttachmentResponse> {
 public:
  Upload(AgencyRuntime& runtime, std::atomic<int>& files) : runtime_(runtime), place_(files) {}

 private:
  absl::Status OnOpen(const rpc::Peer&) override { return place_.Take(); }

  absl::Status OnMessage(agency::v1::UploadAttachmentRequest message) override {
    if (!begun_) return Begin(std::move(message));
    if (message.has_info() || message.has_worker()) return InvalidFile("info", "what a file is is said once, in the first request");
    std::string& data = *file_.mutable_data();
    if (message.chunk().size() > kChunkBytesMax) return InvalidFile("chunk", "a piece is over 1 MiB");
    if (message.chunk().size() > info_.bytes() - data.size()) return InvalidFile("info.bytes", "more bytes came than were said");
    data += message.chunk();
    return absl::OkStatus();
  }

  absl::Status Begin(agency::v1::UploadAttachmentRequest message) {
    ACCORD_RETURN_IF_ERROR(agent_rpc::Admit(runtime_, kUpload, message, Journalled::kByCall));
    ACCORD_RETURN_IF_ERROR(referral::ValidateMessage(message));
    if (!message.has_info()) return Error(Reason::kFieldMissing, "the first request says what the file is", {{"field", "info"}});
    if (!message.chunk().empty()) return InvalidFile("chunk", "the first request says what the file is, and has nothing of it");
    info_ = std::move(*message.mutable_info());
    ACCORD_RETURN_IF_ERROR(agent::CheckFile(info_.file_name(), info_.bytes()));
    if (!info_.sha256().empty() && info_.sha256().size() != crypto::kDigestBytes) return InvalidFile("info.sha256", "a digest is 32 bytes");
    file_.set_file_name(info_.file_name());
    file_.set_media_type(info_.media_type());
    begun_ = true;
    return absl::OkStatus();
  }

  void OnEnd() override { Answer(Keep()); }

  absl::StatusOr<agency::v1::UploadAttachmentResponse> Keep() {
    if (!begun_) return Error(Reason::kFieldMissing, "nothing was uploaded", {{"field", "info"}});
    if (file_.data().size() != info_.bytes()) return InvalidFile("info.bytes", "fewer bytes came than were said");
    if (!info_.sha256().empty() && crypto::Sha256(file_.data()) != info_.sha256()) return InvalidFile("info.sha256", "the bytes are others than were said");
    agency::v1::UploadAttachmentResponse response;
    ACCORD_ASSIGN_OR_RETURN(*response.mutable_attachment(), runtime_.attachments().Keep(std::move(file_)));
    response.set_kept_until_ms(absl::ToUnixMillis(runtime_.clock().Now() + agent::kAttachmentKept));
    return response;
  }

  AgencyRuntime& runtime_;
  Place place_;
  bool begun_ = false;
  agency::v1::AttachmentInfo info_;
  type::v1::Attachment file_;
};

class Reading final : public rpc::ServerStream<agency::v1::ReadAttachmentResponse> {
 public:
  Reading(AgencyRuntime& runtime, std::atomic<int>& files, agency::v1::ReadAttachmentRequest request)
      : runtime_(runtime), place_(files), request_(std::move(request)) {}

 private:
  absl::Status OnOpen(const rpc::Peer&) override {
    ACCORD_RETURN_IF_ERROR(place_.Take());
    ACCORD_RETURN_IF_ERROR(agent_rpc::Admit(runtime_, kRead, request_, Journalled::kByAct));
    ACCORD_RETURN_IF_ERROR(referral::ValidateMessage(request_));
    ACCORD_ASSIGN_OR_RETURN(const std::string digest, referral::ParseReferralName(request_.referral()));
    ACCORD_ASSIGN_OR_RETURN(file_, runtime_.inbox().ReadFile(request_.request_id(), digest, request_.section(), request_.worker()));
    return absl::OkStatus();
  }

  absl::StatusOr<bool> Next(agency::v1::ReadAttachmentResponse& message) override {
    const std::string& data = file_.data();
    if (!told_) {
      told_ = true;
      auto& info = *message.mutable_info();
      info.set_file_name(file_.file_name());
      info.set_media_type(file_.media_type());
      info.set_bytes(data.size());
      info.set_sha256(crypto::Sha256(data));
      return true;
    }
    if (given_ == data.size()) return false;
    message.set_chunk(data.substr(given_, kChunkBytesMax));
    given_ += message.chunk().size();
    return true;
  }

  AgencyRuntime& runtime_;
  Place place_;
  const agency::v1::ReadAttachmentRequest request_;
  type::v1::Attachment file_;
  bool told_ = false;
  size_t given_ = 0;
};

}  // namespace

grpc::ServerReadReactor<agency::v1::UploadAttachmentRequest>* AttachmentsService::UploadAttachment(
    grpc::CallbackServerContext* context, agency::v1::UploadAttachmentResponse* response) {
  return rpc::OpenReadStream<Upload>(*context, *response, runtime_.handlers(), streams_, kUpload, runtime_, files_);
}

grpc::ServerWriteReactor<agency::v1::ReadAttachmentResponse>* AttachmentsService::ReadAttachment(
    grpc::CallbackServerContext* context, const agency::v1::ReadAttachmentRequest* request) {
  return rpc::OpenServerStream<Reading>(*context, runtime_.handlers(), streams_, kRead, runtime_, files_, *request);
}

}  // namespace accord::agent_rpc
