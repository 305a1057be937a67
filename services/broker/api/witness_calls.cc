#include "services/broker/api/witness_calls.h"

#include <memory>
#include <utility>

#include "common/base/status.h"
#include "services/broker/witness/cosign.h"
#include "services/broker/witness/fork.h"

namespace accord::broker {

void WitnessCalls::Cosign(const Caller& caller, const v1::CosignRequest& request, v1::CosignResponse& response,
                          rpc::Completion done) {
  const auto view = sequencer_.View();
  if (!view.ok()) return done(view.status());
  auto judged = JudgeCosignature(**view, witnesses_, caller.id, request.checkpoint(), clock_.Now());
  if (!judged.ok()) {
    // A witness that holds another history than ours would cosign that one.
    const auto shown = JudgeShown(**view, witnesses_.log(), request.checkpoint());
    if (HasReason(judged.status(), Reason::kWitnessUnknown) || !shown.ok() || !shown->contradicts) return done(judged.status());
    return Record(caller, shown->size, request.checkpoint(),
                  [done = std::move(done)](const absl::StatusOr<uint64_t>& index) mutable {
                    done(index.ok() ? Error(Reason::kLogForked, "the log contradicts this checkpoint, which its own key signed")
                                    : index.status());
                  });
  }
  sequencer_.Submit(std::make_unique<CosignCommand>(
      witnesses_, *std::move(judged), [&response, done = std::move(done)](const absl::StatusOr<bool>& quorum) mutable {
        if (quorum.ok()) response.set_quorum(*quorum);
        done(quorum.status());
      }));
}

void WitnessCalls::ReportFork(const Caller& caller, const v1::ReportForkRequest& request, v1::ReportForkResponse& response,
                              rpc::Completion done) {
  const auto view = sequencer_.View();
  if (!view.ok()) return done(view.status());
  const auto shown = JudgeShown(**view, witnesses_.log(), request.checkpoint());
  if (!shown.ok()) return done(shown.status());
  if (!shown->contradicts) return done(absl::OkStatus());
  Record(caller, shown->size, request.checkpoint(),
         [&response, done = std::move(done)](const absl::StatusOr<uint64_t>& index) mutable {
           response.set_forked(index.ok());
           if (index.ok()) response.set_index(*index);
           done(index.status());
         });
}

void WitnessCalls::Record(const Caller& caller, uint64_t size, const std::string& note,
                          absl::AnyInvocable<void(const absl::StatusOr<uint64_t>& index) &&> then) {
  sequencer_.Submit(std::make_unique<ForkCommand>(
      caller, size, note, [this, then = std::move(then)](const absl::StatusOr<uint64_t>& index) mutable {
        if (!HasReason(index.status(), Reason::kLogForked)) return std::move(then)(index);
        // The log has ended with a fork already: whoever shows it again is told of that entry.
        const auto view = sequencer_.View();
        if (!view.ok()) return std::move(then)(view.status());
        const auto standing = StandingFork(**view);
        if (!standing.ok()) return std::move(then)(standing.status());
        if (!standing->has_value()) return std::move(then)(index);
        std::move(then)(**standing);
      }));
}

}  // namespace accord::broker
