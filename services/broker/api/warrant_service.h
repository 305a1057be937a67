// WarrantService: inspectors' grants to read the record, and who looked (docs/warrants.md).
#pragma once

#include <absl/synchronization/mutex.h>
#include <absl/time/time.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "accord/inspection/v1/warrant_service.grpc.pb.h"
#include "common/base/clock.h"
#include "common/rpc/bidi.h"
#include "common/rpc/handler.h"
#include "services/broker/directory/suspension.h"
#include "services/broker/sequencer/refusal_recorder.h"
#include "services/broker/sequencer/sequencer.h"
#include "services/broker/warrants/warrants.h"

namespace accord::broker {

inline constexpr absl::Duration kEndedWarrantTold = absl::Hours(30 * 24);  // A stream of WatchWarrants begins with what a person ended no longer ago.

class WarrantStream;

// The streams of WatchWarrants, which are told of every change. Thread-safe.
class WarrantWatchers {
 public:
  void Add(std::weak_ptr<WarrantStream> stream);
  // Tells those that may see it. Does not block.
  void Changed(const inspection::v1::Warrant& warrant);
  // Tells those of `body` of one of its officers; not the officer's own, which end with the reason. Does not block.
  void ShutOut(std::string_view body, const inspection::v1::OfficerShutOut& officer);

 private:
  std::vector<std::shared_ptr<WarrantStream>> LiveLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  absl::Mutex mu_;  // Taken before any of a stream's, never after.
  std::vector<std::weak_ptr<WarrantStream>> streams_ ABSL_GUARDED_BY(mu_);
};

// Thread-safe.
class WarrantService final : public inspection::v1::WarrantService::CallbackService {
 public:
  // All must outlive the server. Officers of other than `statutory_bodies` neither propose nor activate a statutory warrant; none named: of no body
  // is that refused.
  WarrantService(Sequencer& sequencer, const DirectoryHolder& directory, RefusalRecorder& refusals, const std::vector<std::string>& statutory_bodies,
                 rpc::HandlerContext& shared, rpc::LiveStreams& streams);

  grpc::ServerUnaryReactor* ProposeWarrant(grpc::CallbackServerContext* context, const inspection::v1::ProposeWarrantRequest* request,
                                           inspection::v1::ProposeWarrantResponse* response) override;
  grpc::ServerUnaryReactor* ActivateWarrant(grpc::CallbackServerContext* context, const inspection::v1::ActivateWarrantRequest* request,
                                            inspection::v1::ActivateWarrantResponse* response) override;
  grpc::ServerUnaryReactor* ChangeWarrant(grpc::CallbackServerContext* context, const inspection::v1::ChangeWarrantRequest* request,
                                          inspection::v1::ChangeWarrantResponse* response) override;
  grpc::ServerUnaryReactor* ListWarrants(grpc::CallbackServerContext* context, const inspection::v1::ListWarrantsRequest* request,
                                         inspection::v1::ListWarrantsResponse* response) override;
  grpc::ServerWriteReactor<inspection::v1::WatchWarrantsResponse>* WatchWarrants(
      grpc::CallbackServerContext* context, const inspection::v1::WatchWarrantsRequest* request) override;
  grpc::ServerUnaryReactor* ListLooks(grpc::CallbackServerContext* context, const inspection::v1::ListLooksRequest* request,
                                      inspection::v1::ListLooksResponse* response) override;

  // Tells the inspectorate of whoever was shut out, or let in again, if it is an officer of one. Does not block.
  void TellSuspension(const SuspensionAct& act);
  // Tells the same of an officer whom a change by two administrators shut out or let in again. Does not block.
  void TellOfficerMoved(const OfficerMoved& moved);
  // Ends every stream of WatchWarrants with STORE_UNAVAILABLE, once the store was opened anew: of an act whose write failed midway nobody was told, and it
  // may stand. A new stream begins with how things stand. Does not block.
  void EndWatches();

 private:
  Sequencer& sequencer_;
  RefusalRecorder& refusals_;
  const std::vector<std::string>& statutory_bodies_;
  rpc::HandlerContext& shared_;
  rpc::LiveStreams& streams_;
  WarrantWatchers watchers_;
  const WarrantRules rules_;
};

}  // namespace accord::broker
