#include "services/broker/sequencer/refusal_recorder.h"

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/telemetry/log.h"
#include "services/broker/directory/families.h"
#include "services/broker/sequencer/chains.h"

namespace accord::broker {
namespace {

// Finds entry `index` again by the digest that it names, should that be erased.
absl::Status PutRefused(CommitContext& context, const std::string& digest, uint64_t index) {
  ACCORD_ASSIGN_OR_RETURN(const auto counted, context.Get(kFamilyRefused, digest));
  const uint64_t number = counted.has_value() ? U64FromKey(*counted).value_or(0) : 0;
  context.Put(kFamilyRefused, RefusedKey(digest, number), KeyU64(index));
  context.Put(kFamilyRefused, digest, KeyU64(number + 1));
  return absl::OkStatus();
}

// Adds one entry to a principal's chain.
class RecordCommand : public Command {
 public:
  RecordCommand(std::string principal, EntryDraft draft) : principal_(std::move(principal)), draft_(std::move(draft)) {}

  absl::Status Apply(CommitContext& context) override {
    ACCORD_ASSIGN_OR_RETURN(std::string chain, PrincipalChain(context, principal_));
    draft_.chains.push_back(std::move(chain));
    ACCORD_ASSIGN_OR_RETURN(const uint64_t index, context.AddEntry(draft_));
    if (!draft_.referral.has_value()) return absl::OkStatus();
    return PutRefused(context, draft_.referral->signature_digest(), index);
  }
  // The refusal was answered long ago; that it is not on the record is for the operator.
  void Done(const absl::StatusOr<Committed>& outcome) override {
    if (outcome.ok()) return;
    telemetry::Log(telemetry::Level::kError, "refusals.not_recorded", {{"status", outcome.status()}});
  }

 private:
  const std::string principal_;
  EntryDraft draft_;
};

EntryDraft Draft(type::v1::EventType type, std::string_view reason, std::string_view method, std::string_view principal) {
  EntryDraft draft;
  draft.event.set_type(type);
  draft.event.set_reason(std::string(reason));
  draft.event.set_method(std::string(method));
  draft.actor.emplace();
  draft.actor->set_principal(std::string(principal));
  return draft;
}

}  // namespace

void RefusalRecorder::Record(const Refusal& refusal) {
  const std::string reason(RowOf(DetailOf(refusal.status).reason).name);
  const int64_t minute = absl::ToUnixSeconds(clock_.Now()) / 60;
  absl::MutexLock lock(&mu_);
  Key key(refusal.principal, reason);
  if (windows_.size() >= kRefusalWindowsMax && !windows_.contains(key)) key.first = std::string(kUnknownPrincipal);
  Window& window = windows_[key];
  if (window.minute != minute) {
    SummariseLocked(key, window);
    window = {.minute = minute};
  }
  ++window.count;
  window.method = refusal.method;
  if (window.count > kRefusalsPerMinuteMax) return;
  EntryDraft draft = Draft(type::v1::EVENT_TYPE_REFUSED, reason, refusal.method, refusal.principal);
  draft.actor->set_certificate(refusal.certificate);
  // Of what was erased nothing is written down anew.
  if (!refusal.signature_digest.empty() && !HasReason(refusal.status, Reason::kErased)) {
    draft.referral.emplace();
    draft.referral->set_signature_digest(refusal.signature_digest);
  }
  queue_.Submit(std::make_unique<RecordCommand>(key.first, std::move(draft)));
}

void RefusalRecorder::Flush(bool all) {
  const int64_t minute = absl::ToUnixSeconds(clock_.Now()) / 60;
  absl::MutexLock lock(&mu_);
  for (auto at = windows_.begin(); at != windows_.end();) {
    const auto window = at++;
    if (!all && window->second.minute == minute) continue;
    SummariseLocked(window->first, window->second);
    windows_.erase(window);
  }
}

void RefusalRecorder::SummariseLocked(const Key& key, const Window& window) {
  if (window.count <= kRefusalsPerMinuteMax) return;
  EntryDraft draft = Draft(type::v1::EVENT_TYPE_REFUSALS_SUMMARY, key.second, window.method, key.first);
  draft.event.set_count(window.count - kRefusalsPerMinuteMax);
  queue_.Submit(std::make_unique<RecordCommand>(key.first, std::move(draft)));
}

}  // namespace accord::broker
