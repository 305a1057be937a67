#include "services/broker/api/ledger_service.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/rpc/server_stream.h"
#include "services/broker/adapter/authorizer.h"
#include "services/broker/api/paging.h"
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

// A checkpoint that was asked for, with the cosignatures that are kept.
struct ChosenCheckpoint {
  uint64_t size = 0;
  std::string note;
};

absl::StatusOr<ChosenCheckpoint> Join(const ReadView& view, const PublishedCheckpoint& published) {
  ACCORD_ASSIGN_OR_RETURN(const auto cosignatures, Cosignatures(view, published.size));
  return ChosenCheckpoint{published.size, JoinNote(published, cosignatures)};
}

absl::StatusOr<ChosenCheckpoint> Choose(const ReadView& view, const Witnesses& witnesses, v1::CheckpointChoice choice,
                                        uint64_t size) {
  if (size != 0 && choice != v1::CHECKPOINT_CHOICE_PUBLISHED) {
    return Error(Reason::kFieldInvalid, "a size chooses among published checkpoints only", {{"field", "size"}});
  }
  std::optional<PublishedCheckpoint> found;
  switch (choice) {
    case v1::CHECKPOINT_CHOICE_UNSPECIFIED:
      return ChosenCheckpoint{view.ledger().size(), view.checkpoint().checkpoint};
    case v1::CHECKPOINT_CHOICE_PUBLISHED: {
      if (size == 0) {
        ACCORD_ASSIGN_OR_RETURN(found, NewestPublished(view));
      } else {
        ACCORD_ASSIGN_OR_RETURN(found, PublishedAt(view, size));
      }
      if (!found.has_value()) return Error(Reason::kCheckpointNotFound, "no checkpoint was published yet");
      return Join(view, *found);
    }
    case v1::CHECKPOINT_CHOICE_WITNESSED: {
      ACCORD_ASSIGN_OR_RETURN(found, NewestWitnessed(view, witnesses));
      if (!found.has_value()) return Error(Reason::kCheckpointNotFound, "no published checkpoint meets the quorum of the witness policy");
      return Join(view, *found);
    }
    default:
      return Error(Reason::kFieldInvalid, "no such choice of a checkpoint", {{"field", "choice"}});
  }
}

absl::StatusOr<type::v1::Receipt> ReceiptAt(const ReadView& view, const Witnesses& witnesses,
                                            const v1::GetReceiptRequest& request, const Caller& viewer) {
  ACCORD_ASSIGN_OR_RETURN(ChosenCheckpoint chosen, Choose(view, witnesses, request.choice(), request.size()));
  if (request.choice() == v1::CHECKPOINT_CHOICE_WITNESSED && request.index() >= chosen.size && request.index() < view.ledger().size()) {
    return Error(Reason::kCheckpointNotFound, "no published checkpoint that covers the entry meets the quorum yet",
                 {{"size", fmt::format("{}", chosen.size)}});
  }
  return MakeReceipt(view, request.index(), viewer, chosen.size, std::move(chosen.note));
}

absl::Status ListPublishedCheckpoints(const ReadView& view, const Witnesses& witnesses, const v1::ListCheckpointsRequest& request,
                  v1::ListCheckpointsResponse& response) {
  ACCORD_ASSIGN_OR_RETURN(const int limit, PageSize(request.page_size(), kCheckpointsPerPage));
  const std::string query = PageQuery("ListCheckpoints", {});
  ACCORD_ASSIGN_OR_RETURN(const auto position, ReadPageToken(request.page_token(), query));
  const auto before = position.has_value() ? U64FromKey(*position) : std::nullopt;
  if (position.has_value() && !before.has_value()) return PageTokenInvalid();
  // One more tells whether there is another page.
  ACCORD_ASSIGN_OR_RETURN(auto found, ListPublished(view, before, limit + 1));
  if (static_cast<int>(found.size()) > limit) {
    found.pop_back();
    response.set_next_page_token(MakePageToken(query, KeyU64(found.back().size)));
  }
  for (const PublishedCheckpoint& published : found) {
    ACCORD_ASSIGN_OR_RETURN(const auto cosignatures, Cosignatures(view, published.size));
    const std::vector<std::string> names = WitnessesOf(cosignatures);
    auto& row = *response.add_checkpoints();
    row.set_size(published.size);
    row.set_published_at_ms(published.published_at_ms);
    for (const std::string& name : names) row.add_witnesses(name);
    row.set_quorum(witnesses.Met(names));
  }
  return absl::OkStatus();
}

absl::Status Status(const ReadView& view, const Witnesses& witnesses, const ScrubProgress& scrub,
                    v1::GetLedgerStatusResponse& response) {
  response.set_signed_size(view.ledger().size());
  response.set_epoch(view.epoch());
  ACCORD_ASSIGN_OR_RETURN(const auto published, NewestPublished(view));
  if (published.has_value()) {
    response.set_published_size(published->size);
    response.set_published_at_ms(published->published_at_ms);
  }
  ACCORD_ASSIGN_OR_RETURN(const auto witnessed, NewestWitnessed(view, witnesses));
  if (witnessed.has_value()) response.set_witnessed_size(witnessed->size);
  ACCORD_ASSIGN_OR_RETURN(const auto standings, witnesses.Standings(view));
  for (const WitnessStanding& standing : standings) {
    auto& row = *response.add_witnesses();
    row.set_name(standing.name);
    row.set_cosigned_size(standing.cosigned_size);
    row.set_cosigned_at_ms(standing.cosigned_at_ms);
    row.set_checkpoints_behind(standing.checkpoints_behind);
    row.set_behind(standing.behind);
  }
  auto& scrubbing = *response.mutable_scrub();
  scrubbing.set_rounds(scrub.rounds);
  scrubbing.set_next_index(scrub.next_index);
  scrubbing.set_size(scrub.size);
  scrubbing.set_last_round_at_ms(scrub.last_round_at_ms);
  scrubbing.set_failures(scrub.failures);
  scrubbing.set_first_failure(scrub.first_failure);
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

grpc::ServerUnaryReactor* LedgerService::GetCheckpoint(grpc::CallbackServerContext* context,
                                                       const v1::GetCheckpointRequest* request,
                                                       v1::GetCheckpointResponse* response) {
  return rpc::HandleUnary(*context, shared_, "/accord.broker.v1.LedgerService/GetCheckpoint",
                          [this, request, response](const rpc::Call&, rpc::Completion done) {
                            const auto view = sequencer_.View();
                            if (!view.ok()) return done(view.status());
                            auto chosen = Choose(**view, witnesses_, request->choice(), request->size());
                            if (!chosen.ok()) return done(chosen.status());
                            response->set_checkpoint(std::move(chosen->note));
                            done(absl::OkStatus());
                          });
}

grpc::ServerUnaryReactor* LedgerService::ListCheckpoints(grpc::CallbackServerContext* context,
                                                         const v1::ListCheckpointsRequest* request,
                                                         v1::ListCheckpointsResponse* response) {
  return rpc::HandleUnary(*context, shared_, "/accord.broker.v1.LedgerService/ListCheckpoints",
                          [this, request, response](const rpc::Call&, rpc::Completion done) {
                            const auto view = sequencer_.View();
                            done(view.ok() ? ListPublishedCheckpoints(**view, witnesses_, *request, *response) : view.status());
                          });
}

grpc::ServerUnaryReactor* LedgerService::GetReceipt(grpc::CallbackServerContext* context,
                                                    const v1::GetReceiptRequest* request,
                                                    v1::GetReceiptResponse* response) {
  return rpc::HandleUnary(*context, shared_, "/accord.broker.v1.LedgerService/GetReceipt",
                          [this, request, response](const rpc::Call& call, rpc::Completion done) {
                            const auto view = sequencer_.View();
                            if (!view.ok()) return done(view.status());
                            auto receipt = ReceiptAt(**view, witnesses_, *request, CallerOf(*call.peer));
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

grpc::ServerUnaryReactor* LedgerService::GetLedgerStatus(grpc::CallbackServerContext* context,
                                                         const v1::GetLedgerStatusRequest*,
                                                         v1::GetLedgerStatusResponse* response) {
  return rpc::HandleUnary(*context, shared_, "/accord.broker.v1.LedgerService/GetLedgerStatus",
                          [this, response](const rpc::Call&, rpc::Completion done) {
                            const auto view = sequencer_.View();
                            done(view.ok() ? Status(**view, witnesses_, scrubber_.progress(), *response) : view.status());
                          });
}

grpc::ServerWriteReactor<v1::StreamEntriesResponse>* LedgerService::StreamEntries(grpc::CallbackServerContext* context,
                                                                                  const v1::StreamEntriesRequest* request) {
  return rpc::OpenServerStream<EntriesStream>(*context, shared_, streams_, "/accord.broker.v1.LedgerService/StreamEntries",
                                              sequencer_, *request);
}

grpc::ServerUnaryReactor* LedgerService::Cosign(grpc::CallbackServerContext* context, const v1::CosignRequest* request,
                                                v1::CosignResponse* response) {
  return rpc::HandleUnary(*context, shared_, "/accord.broker.v1.LedgerService/Cosign",
                          [this, request, response](const rpc::Call& call, rpc::Completion done) {
                            calls_.Cosign(CallerOf(*call.peer), *request, *response, std::move(done));
                          });
}

grpc::ServerUnaryReactor* LedgerService::ReportFork(grpc::CallbackServerContext* context, const v1::ReportForkRequest* request,
                                                    v1::ReportForkResponse* response) {
  return rpc::HandleUnary(*context, shared_, "/accord.broker.v1.LedgerService/ReportFork",
                          [this, request, response](const rpc::Call& call, rpc::Completion done) {
                            calls_.ReportFork(CallerOf(*call.peer), *request, *response, std::move(done));
                          });
}

}  // namespace accord::broker
