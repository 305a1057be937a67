#include "services/accordctl/attachment_calls.h"

#include <fmt/format.h>

#include <filesystem>

#include "accord/agency/v1/attachments_service.grpc.pb.h"
#include "common/base/file.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/crypto/digest.h"
#include "common/referral/media_types.h"

namespace accord::accordctl {
namespace {

using agency::v1::AttachmentsService;

constexpr size_t kChunkBytes = 1u << 20;
constexpr int kMode = 0600;

}  // namespace

absl::StatusOr<std::string> UploadFile(const Endpoint& service, const std::string& path, const type::v1::Worker& worker) {
  const auto bytes = ReadFile(path, kFileBytesMax);
  if (!bytes.ok()) return UsageError(fmt::format("{}; nothing was sent", FromAbsl(bytes.status().message())));
  const std::string_view media_type = referral::MediaTypeOf(*bytes);
  if (media_type.empty()) return UsageError(fmt::format("{} is of no type that is taken (docs/attachments.md); nothing was sent", path));
  if (service.dry_run) return WouldDo(fmt::format("upload {} to {}", path, service.who));
  AttachmentsService::Stub stub(service.channel);
  grpc::ClientContext context;
  rpc::SetTimeout(context, kFileTimeout);
  agency::v1::UploadAttachmentResponse response;
  const auto stream = stub.UploadAttachment(&context, &response);
  agency::v1::UploadAttachmentRequest request;
  request.mutable_info()->set_file_name(std::filesystem::path(path).filename().string());
  request.mutable_info()->set_media_type(std::string(media_type));
  request.mutable_info()->set_bytes(bytes->size());
  request.mutable_info()->set_sha256(crypto::Sha256(*bytes));
  *request.mutable_worker() = worker;
  bool takes = stream->Write(request);
  for (size_t at = 0; takes && at < bytes->size(); at += kChunkBytes) {
    request.Clear();
    request.set_chunk(bytes->substr(at, kChunkBytes));
    takes = stream->Write(request);
  }
  stream->WritesDone();
  if (const absl::Status ended = rpc::FromGrpc(stream->Finish()); !ended.ok()) return Annotate(ended, service);
  return response.attachment();
}

absl::StatusOr<std::string> SaveFile(const Endpoint& service, const std::string& name, const std::string& section, const type::v1::Worker& worker,
                                     const std::string& request_id, const std::string& path) {
  if (std::filesystem::symlink_status(path).type() != std::filesystem::file_type::not_found) {
    return UsageError(fmt::format("{} is there already: nothing is written over", path));
  }
  if (service.dry_run) return WouldDo(fmt::format("write the file in section {} of {} to {}, and it would be recorded that it was read", section, name, path));
  AttachmentsService::Stub stub(service.channel);
  grpc::ClientContext context;
  rpc::SetTimeout(context, kFileTimeout);
  agency::v1::ReadAttachmentRequest request;
  request.set_request_id(request_id);
  request.set_referral(name);
  request.set_section(section);
  *request.mutable_worker() = worker;
  const auto stream = stub.ReadAttachment(&context, request);
  agency::v1::ReadAttachmentResponse response;
  agency::v1::AttachmentInfo info;
  std::string bytes;
  while (stream->Read(&response)) {
    if (response.has_info()) info = response.info();
    if (response.chunk().size() > 2 * kFileBytesMax - bytes.size()) {
      context.TryCancel();
      break;
    }
    bytes += response.chunk();
  }
  if (const absl::Status ended = rpc::FromGrpc(stream->Finish()); !ended.ok()) return Annotate(ended, service);
  if (bytes.size() != info.bytes() || crypto::Sha256(bytes) != info.sha256()) {
    return Annotate(Error(Reason::kSectionDigestMismatch, "the bytes are not those that the service told of; nothing was written"), service.who);
  }
  ACCORD_RETURN_IF_ERROR(WriteFileDurably(path, bytes, kMode));
  return fmt::format("{} ({}, {} bytes) is in {}", info.file_name(), info.media_type(), info.bytes(), path);
}

}  // namespace accord::accordctl
