// The DisclosureService of every agency service: what inspectors ask of the agency, and its authorising officer's answers.
#pragma once

#include "accord/agency/v1/disclosure_service.grpc.pb.h"
#include "common/agent_rpc/agency_runtime.h"

namespace accord::agent_rpc {

// Thread-safe.
class DisclosureService final : public agency::v1::DisclosureService::CallbackService {
 public:
  explicit DisclosureService(AgencyRuntime& runtime) : runtime_(runtime) {}

  grpc::ServerUnaryReactor* ListDisclosures(grpc::CallbackServerContext*, const agency::v1::ListDisclosuresRequest*,
                                            agency::v1::ListDisclosuresResponse*) override;
  grpc::ServerUnaryReactor* ReadDisclosure(grpc::CallbackServerContext*, const agency::v1::ReadDisclosureRequest*,
                                           agency::v1::ReadDisclosureResponse*) override;
  grpc::ServerUnaryReactor* AnswerDisclosure(grpc::CallbackServerContext*, const agency::v1::AnswerDisclosureRequest*,
                                             agency::v1::AnswerDisclosureResponse*) override;

 private:
  AgencyRuntime& runtime_;
};

}  // namespace accord::agent_rpc
