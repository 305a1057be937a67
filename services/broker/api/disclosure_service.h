// DisclosureService, and TrailService.RequestDisclosure: what inspectors ask agencies for, and what these answer (docs/disclosures.md).
#pragma once

#include <atomic>
#include <cstddef>

#include "accord/inspection/v1/disclosure_service.grpc.pb.h"
#include "accord/inspection/v1/trail_service.pb.h"
#include "common/base/clock.h"
#include "common/rpc/bidi.h"
#include "common/rpc/handler.h"
#include "services/broker/directory/directory.h"
#include "services/broker/disclosures/request.h"
#include "services/broker/sequencer/refusal_recorder.h"
#include "services/broker/sequencer/sequencer.h"

namespace accord::broker {

inline constexpr int kCollectionsAtOnceMax = 8;               // Streams that run at a time, for their memory: a part of at most some 8 MiB each.
inline constexpr size_t kDisclosedChunkBytesMax = 1u << 20;

// What the calls need. All that is named must outlive the server.
struct DisclosureApi {
  Sequencer& sequencer;
  const DirectoryHolder& directory;
  RefusalRecorder& refusals;
  const Clock& clock;

  DisclosureWork work() const { return {directory}; }
};

// TrailService.RequestDisclosure. `api` and `shared` must outlive the server. Errors of ReadAsked and RequestDisclosureCommand. Thread-safe.
grpc::ServerUnaryReactor* HandleRequestDisclosure(grpc::CallbackServerContext& context, rpc::HandlerContext& shared, const DisclosureApi& api,
                                                  const inspection::v1::RequestDisclosureRequest& request,
                                                  inspection::v1::RequestDisclosureResponse& response);

// Thread-safe.
class DisclosureService final : public inspection::v1::DisclosureService::CallbackService {
 public:
  // All must outlive the server.
  DisclosureService(DisclosureApi api, rpc::HandlerContext& shared, rpc::LiveStreams& streams) : api_(api), shared_(shared), streams_(streams) {}

  // Errors of ReadAsked, ExpandCases and RequestDisclosureCommand.
  grpc::ServerUnaryReactor* RequestResolution(grpc::CallbackServerContext* context, const inspection::v1::RequestResolutionRequest* request,
                                              inspection::v1::RequestResolutionResponse* response) override;
  grpc::ServerUnaryReactor* ListDisclosures(grpc::CallbackServerContext* context, const inspection::v1::ListDisclosuresRequest* request,
                                            inspection::v1::ListDisclosuresResponse* response) override;
  grpc::ServerUnaryReactor* GetDisclosure(grpc::CallbackServerContext* context, const inspection::v1::GetDisclosureRequest* request,
                                          inspection::v1::GetDisclosureResponse* response) override;
  // The statement is read and its signature verified before the command waits its turn, which judges who signed; errors of
  // ParseDisclosureStatement, VerifySignature, ReadDisclosedParts and AnswerDisclosureCommand, and
  //   SIGNING_KEY_UNKNOWN  it is signed with no key that the caller's agency has in the directory now
  //   FIELD_INVALID        the request id is not the one that was signed
  grpc::ServerUnaryReactor* AnswerDisclosure(grpc::CallbackServerContext* context, const inspection::v1::AnswerDisclosureRequest* request,
                                             inspection::v1::AnswerDisclosureResponse* response) override;
  // The entry is durable before the first byte; a stream that its reader ends early leaves it. One part and one piece of it are held while the
  // reader is slow. The warrant is judged again before every piece, so that its suspension ends the stream.
  //   QUEUE_FULL  kCollectionsAtOnceMax run
  //   those of ReadDisclosureCommand, CollectionOf, ReadDisclosedPart
  grpc::ServerWriteReactor<inspection::v1::CollectDisclosureResponse>* CollectDisclosure(
      grpc::CallbackServerContext* context, const inspection::v1::CollectDisclosureRequest* request) override;

 private:
  const DisclosureApi api_;
  rpc::HandlerContext& shared_;
  rpc::LiveStreams& streams_;
  std::atomic<int> collecting_ = 0;
};

}  // namespace accord::broker
