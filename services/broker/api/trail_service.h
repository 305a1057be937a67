// TrailService: what happened to a referral, a case or at an agency, from the record; and what an agency is asked of it.
#pragma once

#include <utility>

#include "accord/inspection/v1/trail_service.grpc.pb.h"
#include "common/rpc/bidi.h"
#include "common/rpc/handler.h"
#include "services/broker/api/bundle_calls.h"
#include "services/broker/api/disclosure_service.h"
#include "services/broker/api/question_calls.h"
#include "services/broker/api/trail_calls.h"

namespace accord::broker {

// Thread-safe.
class TrailService final : public inspection::v1::TrailService::CallbackService {
 public:
  // All must outlive the server.
  TrailService(TrailWork trails, BundleWork bundles, QuestionWork questions, DisclosureApi disclosures, rpc::HandlerContext& shared,
               rpc::LiveStreams& streams)
      : trails_(trails), bundles_(std::move(bundles)), questions_(questions), disclosures_(disclosures), shared_(shared), streams_(streams) {}

  grpc::ServerUnaryReactor* QueryTrail(grpc::CallbackServerContext* context,
                                       const inspection::v1::QueryTrailRequest* request,
                                       inspection::v1::QueryTrailResponse* response) override;
  grpc::ServerWriteReactor<inspection::v1::StreamTrailResponse>* StreamTrail(grpc::CallbackServerContext* context,
                                                                            const inspection::v1::StreamTrailRequest* request) override;
  grpc::ServerUnaryReactor* ExplainTrail(grpc::CallbackServerContext* context, const inspection::v1::ExplainTrailRequest* request,
                                         inspection::v1::ExplainTrailResponse* response) override;
  grpc::ServerUnaryReactor* ListQuestions(grpc::CallbackServerContext* context, const inspection::v1::ListQuestionsRequest* request,
                                          inspection::v1::ListQuestionsResponse* response) override {
    return questions_.List(*context, shared_, *request, *response);
  }
  grpc::ServerUnaryReactor* DrawSample(grpc::CallbackServerContext* context, const inspection::v1::DrawSampleRequest* request,
                                       inspection::v1::DrawSampleResponse* response) override {
    return questions_.Draw(*context, shared_, *request, *response);
  }
  grpc::ServerUnaryReactor* AskQuestion(grpc::CallbackServerContext* context,
                                        const inspection::v1::AskQuestionRequest* request,
                                        inspection::v1::AskQuestionResponse* response) override;
  grpc::ServerWriteReactor<inspection::v1::ExportBundleResponse>* ExportBundle(
      grpc::CallbackServerContext* context, const inspection::v1::ExportBundleRequest* request) override;
  grpc::ServerUnaryReactor* RequestDisclosure(grpc::CallbackServerContext* context,
                                              const inspection::v1::RequestDisclosureRequest* request,
                                              inspection::v1::RequestDisclosureResponse* response) override;

 private:
  TrailCalls trails_;
  BundleCalls bundles_;
  QuestionCalls questions_;
  const DisclosureApi disclosures_;
  rpc::HandlerContext& shared_;
  rpc::LiveStreams& streams_;
};

}  // namespace accord::broker
