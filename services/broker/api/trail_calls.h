// The calls of TrailService about trails: one page, all of them as a stream, and how they would be read.
#pragma once

#include <atomic>
#include <string_view>

#include "accord/inspection/v1/trail_service.grpc.pb.h"
#include "common/rpc/bidi.h"
#include "common/rpc/handler.h"
#include "services/broker/api/trail_query.h"

namespace accord::broker {

inline constexpr int kTrailRowsAMessage = 100;  // Of StreamTrail.

// Thread-safe.
class TrailCalls {
 public:
  explicit TrailCalls(TrailWork work) : work_(work) {}

  // The query's entry is durable before the first row. Errors of ReadTrailQuery, NameOnRecord and AnswerTrailPage.
  grpc::ServerUnaryReactor* Query(grpc::CallbackServerContext& context, rpc::HandlerContext& shared, const inspection::v1::QueryTrailRequest& request,
                                  inspection::v1::QueryTrailResponse& response);
  // Likewise; a reader that is slow holds one message of rows and nothing else, and a message may have none.
  grpc::ServerWriteReactor<inspection::v1::StreamTrailResponse>* Stream(grpc::CallbackServerContext& context, rpc::HandlerContext& shared,
                                                                        rpc::LiveStreams& streams, const inspection::v1::StreamTrailRequest& request);
  // Nothing is recorded but a refusal.
  grpc::ServerUnaryReactor* Explain(grpc::CallbackServerContext& context, rpc::HandlerContext& shared, const inspection::v1::ExplainTrailRequest& request,
                                    inspection::v1::ExplainTrailResponse& response);

 private:
  const TrailWork work_;
  std::atomic<int> searches_ = 0;  // For cases of subjects: kSubjectSearchesAtOnceMax.
};

}  // namespace accord::broker
