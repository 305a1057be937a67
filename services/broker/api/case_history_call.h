// What the rules find about the cases of a referral, told to one agency: when it asks, and with what it is delivered.
#pragma once

#include <absl/status/statusor.h>

#include <string_view>

#include "accord/broker/v1/case_service.grpc.pb.h"
#include "common/rpc/handler.h"
#include "services/broker/cases/case_linker.h"
#include "services/broker/cases/history.h"
#include "services/broker/policy/policy_holder.h"
#include "services/broker/sequencer/refusal_recorder.h"
#include "services/broker/sequencer/sequencer.h"

namespace accord::broker {

// What it is asked with; all must outlive the server.
struct HistoryWork {
  Sequencer& sequencer;
  const CaseLinker& linker;
  const PolicyHolder& policy;
  RefusalRecorder& refusals;
  const Clock& clock;
};

// GetCaseHistory: the party check of GetReferral, and the entry CASE_HISTORY_READ before the answer.
//   FIELD_INVALID (field `as_at_ms`, which is before 1970), those of ParseReferralName and SeeReferral
grpc::ServerUnaryReactor* HandleGetCaseHistory(grpc::CallbackServerContext& context, rpc::HandlerContext& shared, const HistoryWork& work,
                                               const v1::GetCaseHistoryRequest& request, v1::GetCaseHistoryResponse& response);

// The history that goes with the delivery of a referral to a desk, under the policy in force. Blocks on reads. REFERRAL_NOT_FOUND when it
// was erased; errors of HistoryFor. Thread-safe.
absl::StatusOr<v1::CaseHistory> HistoryAtRelease(const ReadView& view, const CaseLinker& linker, const Policy& policy,
                                                 std::string_view header_digest, const HistoryQuestion& question, absl::Time now);

}  // namespace accord::broker
