// PolicyService: the rules that decisions are made by, for whoever is decided about, decides or inspects.
#pragma once

#include "accord/admin/v1/admin_service.grpc.pb.h"
#include "common/base/clock.h"
#include "common/rpc/handler.h"
#include "services/broker/policy/policy_holder.h"
#include "services/broker/sequencer/refusal_recorder.h"
#include "services/broker/sequencer/sequencer.h"

namespace accord::broker {

// Thread-safe.
class PolicyService final : public admin::v1::PolicyService::CallbackService {
 public:
  // All must outlive the server.
  PolicyService(Sequencer& sequencer, const PolicyHolder& policy, RefusalRecorder& refusals, const Clock& clock,
                rpc::HandlerContext& shared)
      : sequencer_(sequencer), policy_(policy), refusals_(refusals), clock_(clock), shared_(shared) {}

  grpc::ServerUnaryReactor* ListPolicyDocuments(grpc::CallbackServerContext* context,
                                                const admin::v1::ListPolicyDocumentsRequest* request,
                                                admin::v1::ListPolicyDocumentsResponse* response) override;
  grpc::ServerUnaryReactor* GetPolicyDocument(grpc::CallbackServerContext* context,
                                              const admin::v1::GetPolicyDocumentRequest* request,
                                              admin::v1::GetPolicyDocumentResponse* response) override;
  grpc::ServerUnaryReactor* ListForums(grpc::CallbackServerContext* context, const admin::v1::ListForumsRequest* request,
                                       admin::v1::ListForumsResponse* response) override;

 private:
  Sequencer& sequencer_;
  const PolicyHolder& policy_;
  RefusalRecorder& refusals_;
  const Clock& clock_;
  rpc::HandlerContext& shared_;
};

}  // namespace accord::broker
