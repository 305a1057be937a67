// TrailService: what happened to a referral, a case or at an agency, from the record.
#pragma once

#include "accord/inspection/v1/trail_service.grpc.pb.h"
#include "common/base/clock.h"
#include "common/rpc/handler.h"
#include "services/broker/sequencer/refusal_recorder.h"
#include "services/broker/sequencer/sequencer.h"

namespace accord::broker {

// Thread-safe.
class TrailService final : public inspection::v1::TrailService::CallbackService {
 public:
  // All must outlive the server.
  TrailService(Sequencer& sequencer, RefusalRecorder& refusals, rpc::HandlerContext& shared)
      : sequencer_(sequencer), refusals_(refusals), shared_(shared) {}

  grpc::ServerUnaryReactor* QueryTrail(grpc::CallbackServerContext* context,
                                       const inspection::v1::QueryTrailRequest* request,
                                       inspection::v1::QueryTrailResponse* response) override;
  grpc::ServerUnaryReactor* AskQuestion(grpc::CallbackServerContext* context,
                                        const inspection::v1::AskQuestionRequest* request,
                                        inspection::v1::AskQuestionResponse* response) override;
  grpc::ServerWriteReactor<inspection::v1::ExportBundleResponse>* ExportBundle(
      grpc::CallbackServerContext* context, const inspection::v1::ExportBundleRequest* request) override;
  grpc::ServerUnaryReactor* RequestDisclosure(grpc::CallbackServerContext* context,
                                              const inspection::v1::RequestDisclosureRequest* request,
                                              inspection::v1::RequestDisclosureResponse* response) override;

 private:
  Sequencer& sequencer_;
  RefusalRecorder& refusals_;
  rpc::HandlerContext& shared_;
};

}  // namespace accord::broker
