#include "services/broker/api/section_calls.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/crypto/digest.h"
#include "common/referral/referral_name.h"
#include "common/referral/section.h"
#include "common/referral/validate.h"
#include "common/rpc/read_stream.h"
#include "common/rpc/server_stream.h"
#include "services/broker/adapter/authorizer.h"
#include "services/broker/admission/uploads.h"
#include "services/broker/api/handle.h"
#include "services/broker/api/sight.h"
#include "services/broker/delivery/fetch.h"
#include "services/broker/sequencer/reader.h"

namespace accord::broker {
namespace {

constexpr std::string_view kUploadSection = "/accord.broker.v1.ReferralService/UploadSection";
constexpr std::string_view kFetchSection = "/accord.broker.v1.MailboxService/FetchSection";

absl::Status InvalidSection(const char* field, std::string_view why) { return Error(Reason::kFieldInvalid, why, {{"field", field}}); }

// One section that comes.
class Upload final : public rpc::ReadStream<v1::UploadSectionRequest, v1::UploadSectionResponse> {
 public:
  explicit Upload(const ReferralWork& work) : work_(work) {}

 private:
  std::shared_ptr<Upload> Self() { return std::static_pointer_cast<Upload>(shared_from_this()); }

  absl::Status OnOpen(const rpc::Peer& peer) override {
    caller_ = CallerOf(peer);
    ACCORD_ASSIGN_OR_RETURN(place_, work_.quotas.TakeTransfer(caller_.id));
    return absl::OkStatus();
  }

  absl::Status OnMessage(v1::UploadSectionRequest message) override {
    const absl::Status taken = Take(std::move(message));
    RecordRefusal(work_.refusals, caller_, kUploadSection, taken);
    return taken;
  }

  absl::Status Take(v1::UploadSectionRequest message) {
    const bool first = request_id_.empty();
    if (first) {
      ACCORD_RETURN_IF_ERROR(referral::ValidateMessage(message));
      if (!IsRequestId(message.request_id())) return InvalidSection("request_id", "request_id is malformed");
      if (message.digest().size() != crypto::kDigestBytes) return InvalidSection("digest", "a digest is 32 bytes");
      request_id_ = message.request_id();
      digest_ = message.digest();
    } else if (!message.digest().empty() || (!message.request_id().empty() && message.request_id() != request_id_)) {
      return InvalidSection("request_id", "what a section is for is said once, in the first message");
    }
    if (message.chunk().size() > referral::kSectionChunkBytesMax || message.chunk().size() > referral::kSealedSectionBytesMax - cms_.size()) {
      return Error(Reason::kMessageTooLarge, "a section, or a piece of one, is too large",
                   {{"limit_bytes", std::to_string(referral::kSealedSectionBytesMax)}});
    }
    cms_ += message.chunk();
    return absl::OkStatus();
  }

  void OnEnd() override {
    const absl::Status whole = [&]() -> absl::Status {
      if (cms_.empty()) return Error(Reason::kFieldMissing, "nothing was uploaded", {{"field", "chunk"}});
      if (crypto::Sha256(cms_) != digest_) return Error(Reason::kSectionDigestMismatch, "the bytes are not those that the digest says");
      return absl::OkStatus();
    }();
    RecordRefusal(work_.refusals, caller_, kUploadSection, whole);
    if (!whole.ok()) return Answer(whole);
    const uint64_t bytes = cms_.size();
    work_.sequencer.Submit(std::make_unique<UploadCommand>(
        caller_, request_id_, digest_, std::move(cms_), work_.linker, [self = Self(), bytes](const absl::Status& kept) {
          RecordRefusal(self->work_.refusals, self->caller_, kUploadSection, kept);
          if (!kept.ok()) return self->Answer(kept);
          v1::UploadSectionResponse response;
          response.set_digest(self->digest_);
          response.set_bytes(bytes);
          self->Answer(std::move(response));
        }));
  }

  const ReferralWork work_;
  Caller caller_;  // From OnOpen on, as is the place.
  Quotas::TransferPlace place_;
  std::string request_id_, digest_;  // From the first message on.
  std::string cms_;
};

// One section that goes.
class Fetch final : public rpc::ServerStream<v1::FetchSectionResponse> {
 public:
  Fetch(const MailboxWork& work, v1::FetchSectionRequest request) : work_(work), request_(std::move(request)) {}

 private:
  absl::Status OnOpen(const rpc::Peer& peer) override {
    const Caller caller = CallerOf(peer);
    const absl::Status read = [&]() -> absl::Status {
      ACCORD_RETURN_IF_ERROR(referral::ValidateMessage(request_));
      ACCORD_ASSIGN_OR_RETURN(const std::string header_digest, referral::ParseReferralName(request_.name(), "name"));
      if (request_.section_id().size() != kIdBytes) return InvalidSection("section_id", "a section id is 16 bytes");
      ACCORD_ASSIGN_OR_RETURN(place_, work_.quotas.TakeTransfer(caller.id));
      ACCORD_ASSIGN_OR_RETURN(const auto view, work_.sequencer.View());
      const auto seen = SeeReferral(*view, header_digest, caller);
      if (HasReason(seen.status(), Reason::kNotPermitted) || HasReason(seen.status(), Reason::kErased)) return SectionNotFound();
      ACCORD_RETURN_IF_ERROR(seen);
      if (seen->sender) return SectionNotFound();
      const auto sealed = SealedReaderOf(*view);
      ACCORD_ASSIGN_OR_RETURN(cms_, SectionFor(sealed, *work_.policy.Get(), *work_.directory.Get(), seen->stored, seen->header, seen->delivery,
                                               request_.section_id(), work_.clock.Now()));
      return absl::OkStatus();
    }();
    RecordRefusal(work_.refusals, caller, kFetchSection, read);
    return read;
  }

  absl::StatusOr<bool> Next(v1::FetchSectionResponse& message) override {
    if (given_ == cms_.size()) return false;
    const size_t bytes = std::min(referral::kSectionChunkBytesMax, cms_.size() - given_);
    message.set_chunk(cms_.substr(given_, bytes));
    given_ += bytes;
    return true;
  }

  const MailboxWork work_;
  const v1::FetchSectionRequest request_;
  Quotas::TransferPlace place_;  // From OnOpen on.
  std::string cms_;
  size_t given_ = 0;
};

}  // namespace

grpc::ServerReadReactor<v1::UploadSectionRequest>* HandleUploadSection(grpc::CallbackServerContext& context, rpc::HandlerContext& shared,
                                                                       rpc::LiveStreams& streams, const ReferralWork& work,
                                                                       v1::UploadSectionResponse& response) {
  return rpc::OpenReadStream<Upload>(context, response, shared, streams, kUploadSection, work);
}

grpc::ServerWriteReactor<v1::FetchSectionResponse>* HandleFetchSection(grpc::CallbackServerContext& context, rpc::HandlerContext& shared,
                                                                       rpc::LiveStreams& streams, const MailboxWork& work,
                                                                       const v1::FetchSectionRequest& request) {
  return rpc::OpenServerStream<Fetch>(context, shared, streams, kFetchSection, work, request);
}

}  // namespace accord::broker
