// ExportBundle: a bundle of the record as a stream of files (docs/formats.md §12).
#pragma once

#include <atomic>
#include <string>

#include "accord/inspection/v1/trail_service.grpc.pb.h"
#include "common/base/clock.h"
#include "common/rpc/bidi.h"
#include "common/rpc/handler.h"
#include "services/broker/bundles/export.h"
#include "services/broker/directory/directory.h"
#include "services/broker/policy/policy_holder.h"
#include "services/broker/sequencer/refusal_recorder.h"
#include "services/broker/sequencer/sequencer.h"
#include "services/broker/trails/published.h"

namespace accord::broker {

inline constexpr int kBundlesAtOnceMax = 4;  // Streams that run at a time, for their memory: at most some 60 MiB each, where a manifest has all its rows.
inline constexpr int kBundleCasesMax = 100, kBundleReferralsMax = 100;
inline constexpr size_t kBundleChunkBytesMax = 1u << 20;

// What the calls need. All that is named must outlive the server.
struct BundleWork {
  Sequencer& sequencer;
  const PolicyHolder& policy;
  const DirectoryHolder& directory;
  const Witnesses& witnesses;
  RefusalRecorder& refusals;
  const Clock& clock;
  std::string vkey;  // The log's.
  BundleLimits limits = {};
};

// Thread-safe.
class BundleCalls {
 public:
  explicit BundleCalls(BundleWork work) : work_(std::move(work)) {}

  // The entries are durable before the first byte; a stream that its reader ends early leaves them. One file and one chunk of it are held
  // while the reader is slow.
  //   FIELD_MISSING, FIELD_INVALID  nothing is asked for, twice, too much of it, or malformed
  //   QUEUE_FULL                    kBundlesAtOnceMax run
  //   ERASED                        a referral was
  //   those of PlanBundle, RecordBundleCommand and BundleFiles
  grpc::ServerWriteReactor<inspection::v1::ExportBundleResponse>* Export(grpc::CallbackServerContext& context, rpc::HandlerContext& shared,
                                                                         rpc::LiveStreams& streams,
                                                                         const inspection::v1::ExportBundleRequest& request);

 private:
  const BundleWork work_;
  std::atomic<int> running_ = 0;
};

}  // namespace accord::broker
