#include "services/broker/api/ledger_service.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

#include "common/base/status.h"
#include "common/rpc/server_stream.h"
#include "services/broker/adapter/authorizer.h"
#include "services/broker/api/comes_later.h"
#include "services/broker/trails/receipts.h"

namespace accord::broker {
namespace {

absl::Status Beyond(std::string_view field, uint64_t size) {
  return Error(Reason::kFieldInvalid,
               fmt::format("{} is out of order, or beyond the newest checkpoint of {} entries", field, size),
               {{"field", std::string(field)}, {"size", fmt::format("{}", size)}});
}

absl::Status Prove(const ReadView& view, const v1::ProveConsistencyRequest& request,
                   v1::ProveConsistencyResponse& response) {
  const LedgerReader ledger = view.ledger();
  if (request.new_size() > ledger.size()) return Beyond("new_size", ledger.size());
  if (request.old_size() > request.new_size()) return Beyond("old_size", ledger.size());
  ACCORD_ASSIGN_OR_RETURN(const ledger::Path path, ledger.ConsistencyProof(request.old_size(), request.new_size()));
  for (const ledger::Hash& hash : path) response.add_path(std::string(ledger::View(hash)));
  return absl::OkStatus();
}

// The leaves of the tree as it was at the beginning; each message looks at the store anew, so that no view is held while
// the reader takes its time.
class EntriesStream final : public rpc::ServerStream<v1::StreamEntriesResponse> {
 public:
  EntriesStream(Sequencer& sequencer, const v1::StreamEntriesRequest& request)
      : sequencer_(sequencer), next_(request.first()), end_(request.end()) {}

 private:
  absl::Status OnOpen(const rpc::Peer&) override {
    ACCORD_ASSIGN_OR_RETURN(const auto view, sequencer_.View());
    const uint64_t size = view->ledger().size();
    if (end_ == 0) end_ = size;
    if (end_ > size) return Beyond("end", size);
    if (next_ > end_) return Beyond("first", size);
    return absl::OkStatus();
  }

  absl::StatusOr<bool> Next(v1::StreamEntriesResponse& message) override {
    if (next_ == end_) return false;
    ACCORD_ASSIGN_OR_RETURN(const auto view, sequencer_.View());
    message.set_first(next_);
    size_t bytes = 0;
    const uint64_t end = std::min(end_, next_ + kLeavesPerMessageMax);
    ACCORD_RETURN_IF_ERROR(view->ledger().Leaves(next_, end, [&](uint64_t, std::string_view leaf) {
      message.add_leaves(std::string(leaf));
      bytes += leaf.size();
      return bytes < kLeafBytesPerMessageMax;
    }));
    next_ += static_cast<uint64_t>(message.leaves_size());
    return true;
  }

  Sequencer& sequencer_;
  uint64_t next_;
  uint64_t end_;
};

}  // namespace

grpc::ServerUnaryReactor* LedgerService::GetCheckpoint(grpc::CallbackServerContext* context, const v1::GetCheckpointRequest*,
                                                       v1::GetCheckpointResponse* response) {
  return rpc::HandleUnary(*context, shared_, "/accord.broker.v1.LedgerService/GetCheckpoint",
                          [this, response](const rpc::Call&, rpc::Completion done) {
                            const auto view = sequencer_.View();
                            if (!view.ok()) return done(view.status());
                            response->set_checkpoint((*view)->checkpoint().checkpoint);
                            done(absl::OkStatus());
                          });
}

grpc::ServerUnaryReactor* LedgerService::GetReceipt(grpc::CallbackServerContext* context,
                                                    const v1::GetReceiptRequest* request,
                                                    v1::GetReceiptResponse* response) {
  return rpc::HandleUnary(*context, shared_, "/accord.broker.v1.LedgerService/GetReceipt",
                          [this, request, response](const rpc::Call& call, rpc::Completion done) {
                            const auto view = sequencer_.View();
                            if (!view.ok()) return done(view.status());
                            auto receipt = MakeReceipt(**view, request->index(), CallerOf(*call.peer));
                            if (!receipt.ok()) return done(receipt.status());
                            *response->mutable_receipt() = *std::move(receipt);
                            done(absl::OkStatus());
                          });
}

grpc::ServerUnaryReactor* LedgerService::ProveConsistency(grpc::CallbackServerContext* context,
                                                          const v1::ProveConsistencyRequest* request,
                                                          v1::ProveConsistencyResponse* response) {
  return rpc::HandleUnary(*context, shared_, "/accord.broker.v1.LedgerService/ProveConsistency",
                          [this, request, response](const rpc::Call&, rpc::Completion done) {
                            const auto view = sequencer_.View();
                            done(view.ok() ? Prove(**view, *request, *response) : view.status());
                          });
}

grpc::ServerWriteReactor<v1::StreamEntriesResponse>* LedgerService::StreamEntries(grpc::CallbackServerContext* context,
                                                                                  const v1::StreamEntriesRequest* request) {
  return rpc::OpenServerStream<EntriesStream>(*context, shared_, streams_, "/accord.broker.v1.LedgerService/StreamEntries",
                                              sequencer_, *request);
}

grpc::ServerUnaryReactor* LedgerService::Cosign(grpc::CallbackServerContext* context, const v1::CosignRequest*,
                                                v1::CosignResponse*) {
  return AnswerComesLater(*context, shared_, "/accord.broker.v1.LedgerService/Cosign");
}

}  // namespace accord::broker
