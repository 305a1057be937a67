#include "services/broker/api/trail_service.h"

namespace accord::broker {

grpc::ServerUnaryReactor* TrailService::QueryTrail(grpc::CallbackServerContext* context, const inspection::v1::QueryTrailRequest* request,
                                                   inspection::v1::QueryTrailResponse* response) {
  return trails_.Query(*context, shared_, *request, *response);
}

grpc::ServerWriteReactor<inspection::v1::StreamTrailResponse>* TrailService::StreamTrail(grpc::CallbackServerContext* context,
                                                                                       const inspection::v1::StreamTrailRequest* request) {
  return trails_.Stream(*context, shared_, streams_, *request);
}

grpc::ServerUnaryReactor* TrailService::ExplainTrail(grpc::CallbackServerContext* context, const inspection::v1::ExplainTrailRequest* request,
                                                     inspection::v1::ExplainTrailResponse* response) {
  return trails_.Explain(*context, shared_, *request, *response);
}

grpc::ServerUnaryReactor* TrailService::AskQuestion(grpc::CallbackServerContext* context,
                                                    const inspection::v1::AskQuestionRequest* request,
                                                    inspection::v1::AskQuestionResponse* response) {
  return questions_.Ask(*context, shared_, *request, *response);
}

grpc::ServerWriteReactor<inspection::v1::ExportBundleResponse>* TrailService::ExportBundle(
    grpc::CallbackServerContext* context, const inspection::v1::ExportBundleRequest* request) {
  return bundles_.Export(*context, shared_, streams_, *request);
}

grpc::ServerUnaryReactor* TrailService::RequestDisclosure(grpc::CallbackServerContext* context,
                                                          const inspection::v1::RequestDisclosureRequest* request,
                                                          inspection::v1::RequestDisclosureResponse* response) {
  return HandleRequestDisclosure(*context, shared_, disclosures_, *request, *response);
}

}  // namespace accord::broker
