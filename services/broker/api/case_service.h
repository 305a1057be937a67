// CaseService of the broker: pairs of cases that may be one, and the history of cases (case_history_call.h).
#pragma once

#include "accord/broker/v1/case_service.grpc.pb.h"
#include "common/rpc/handler.h"
#include "services/broker/cases/case_linker.h"
#include "services/broker/directory/directory.h"
#include "services/broker/policy/policy_holder.h"
#include "services/broker/sequencer/refusal_recorder.h"
#include "services/broker/sequencer/sequencer.h"

namespace accord::broker {

// What cases are handled with; all must outlive the server.
struct CaseWork {
  Sequencer& sequencer;
  const PolicyHolder& policy;
  const DirectoryHolder& directory;
  RefusalRecorder& refusals;
  const Clock& clock;
  const CaseLinker& linker;
};

// Thread-safe.
class CaseService final : public broker::v1::CaseService::CallbackService {
 public:
  CaseService(const CaseWork& work, rpc::HandlerContext& shared) : work_(work), shared_(shared) {}

  grpc::ServerUnaryReactor* GetCaseHistory(grpc::CallbackServerContext* context, const v1::GetCaseHistoryRequest* request,
                                           v1::GetCaseHistoryResponse* response) override;
  grpc::ServerUnaryReactor* ListLinkProposals(grpc::CallbackServerContext* context, const v1::ListLinkProposalsRequest* request,
                                              v1::ListLinkProposalsResponse* response) override;
  grpc::ServerUnaryReactor* AnswerLinkProposal(grpc::CallbackServerContext* context, const v1::AnswerLinkProposalRequest* request,
                                               v1::AnswerLinkProposalResponse* response) override;

 private:
  const CaseWork work_;
  rpc::HandlerContext& shared_;
};

}  // namespace accord::broker
