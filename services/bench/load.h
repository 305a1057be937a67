// Pushes prepared requests at a server and times every answer.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>
#include <grpcpp/channel.h>
#include <grpcpp/support/byte_buffer.h>

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "services/bench/submissions.h"

namespace accord::bench {

inline constexpr char kSubmitMethod[] = "/accord.broker.v1.ReferralService/SubmitReferral";
inline constexpr char kStreamMethod[] = "/accord.broker.v1.ReferralService/SubmitReferrals";

// The field `tag` as it stands at the head of a message of the stream; empty when it does not. Thread-safe.
std::string TagField(const grpc::ByteBuffer& message);

struct Sent {
  absl::Duration elapsed;                 // From the first request to the last answer.
  std::vector<absl::Duration> latencies;  // In the order of the requests.
  std::vector<grpc::ByteBuffer> answers;  // Likewise; not looked at.
};

// Sends `count` requests, `submissions` over and over, with at most `outstanding` unanswered: as unary calls on one
// connection, or on one stream. Requests and answers stay bytes, so that the client costs little. Blocks; not on
// a gRPC reaction thread. The first error of a call ends it.
absl::StatusOr<Sent> Send(const std::shared_ptr<grpc::Channel>& channel, std::span<const Submission> submissions,
                          size_t count, size_t outstanding, Mode mode, const Clock& clock);

}  // namespace accord::bench
