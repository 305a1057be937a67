#include "services/broker/sharing/due.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/crypto/digest.h"
#include "common/telemetry/log.h"

namespace accord::broker {
namespace {

uint64_t MillisOf(absl::Time when) { return static_cast<uint64_t>(std::max<int64_t>(absl::ToUnixMillis(when), 0)); }

std::string KeyOf(const Due& due) { return DueKey(MillisOf(due.when), due.kind, due.header_digest, due.agency, due.desk); }

std::optional<Due> ParseKey(std::string_view key) {
  ByteReader reader(key);
  uint64_t due_ms = 0;
  uint8_t kind = 0, desk = 0;
  std::string_view digest, agency;
  if (!reader.U64(due_ms) || !reader.U8(kind) || !reader.Raw(crypto::kDigestBytes, digest) || !reader.Lp8(agency) || !reader.U8(desk) ||
      !reader.AtEnd()) {
    return std::nullopt;
  }
  return Due{static_cast<DueKind>(kind), absl::FromUnixMillis(static_cast<int64_t>(due_ms)), std::string(digest), std::string(agency),
             static_cast<type::v1::Desk>(desk)};
}

}  // namespace

absl::Status PutDue(CommitContext& context, DueKind kind, absl::Time when, std::string_view header_digest, std::string_view agency,
                    type::v1::Desk desk, absl::Time overdue_since) {
  ACCORD_RETURN_IF_ERROR(ClearDue(context, kind, header_digest, agency, desk));
  const uint64_t due_ms = MillisOf(when);
  context.Put(kFamilyDue, DueKey(due_ms, kind, header_digest, agency, desk),
              overdue_since == absl::InfiniteFuture() ? "" : KeyU64(MillisOf(overdue_since)));
  context.Put(kFamilyDueAt, DueAtKey(kind, header_digest, agency, desk), KeyU64(due_ms));
  return absl::OkStatus();
}

absl::Status ClearDue(CommitContext& context, DueKind kind, std::string_view header_digest, std::string_view agency,
                      type::v1::Desk desk) {
  const std::string at = DueAtKey(kind, header_digest, agency, desk);
  ACCORD_ASSIGN_OR_RETURN(const auto known, context.Get(kFamilyDueAt, at));
  if (!known.has_value()) return absl::OkStatus();
  const auto due_ms = U64FromKey(*known);
  if (!due_ms.has_value()) return Error(Reason::kStoreCorrupt, "a row of family due_at does not parse");
  context.Delete(kFamilyDue, DueKey(*due_ms, kind, header_digest, agency, desk));
  context.Delete(kFamilyDueAt, at);
  return absl::OkStatus();
}

// Acts on one row, or puts it off.
class DueClock::Command : public broker::Command {
 public:
  Command(DueClock& clock, Due due, bool put_off) : clock_(clock), due_(std::move(due)), put_off_(put_off) {}

  absl::Status Apply(CommitContext& context) override {
    // Cleared or moved since it was read, such as by an answer or an erasure.
    ACCORD_ASSIGN_OR_RETURN(const auto there, context.Get(kFamilyDue, KeyOf(due_)));
    if (!there.has_value()) return absl::OkStatus();
    if (put_off_) {
      const auto since = U64FromKey(*there);
      return PutDue(context, due_.kind, std::max(context.now(), due_.when) + kDueRetry, due_.header_digest, due_.agency, due_.desk,
                    since.has_value() ? absl::FromUnixMillis(static_cast<int64_t>(*since)) : absl::InfiniteFuture());
    }
    ACCORD_RETURN_IF_ERROR(ClearDue(context, due_.kind, due_.header_digest, due_.agency, due_.desk));
    const auto handler = clock_.handlers_.find(due_.kind);
    const absl::Status acted = handler == clock_.handlers_.end()
                                   ? Error(Reason::kStoreCorrupt, "something is due of a kind that this broker does not know")
                                   : handler->second(context, due_, queued_);
    failed_ = !acted.ok();
    return acted;
  }

  // As ApproveChangeCommand, for a change whose time has come.
  bool BeginsBatch() const override { return due_.kind == DueKind::kChangeAct; }

  void Published() override {
    for (auto& [mailbox, waiting] : queued_) clock_.mailboxes_.Add(mailbox, std::move(waiting));
  }

  void Done(const absl::StatusOr<Committed>& outcome) override {
    if (!outcome.ok()) telemetry::Log(telemetry::Level::kError, "sharing.due_not_done", {{"status", outcome.status()}});
    if (failed_) {
      ++clock_.left_;
      clock_.Act(due_, /*put_off=*/true);
    }
    clock_.ActDone(outcome.ok() || failed_);
  }

 private:
  DueClock& clock_;
  const Due due_;
  const bool put_off_;
  bool failed_ = false;  // The handler: another try at once would fail like it, and stand in the way of what is due later.
  NewDeliveries queued_;
};

DueClock::DueClock(Sequencer& sequencer, Mailboxes& mailboxes, const Clock& clock, DueHandlers handlers)
    : sequencer_(sequencer), mailboxes_(mailboxes), clock_(clock), handlers_(std::move(handlers)) {}

void DueClock::Tick() {
  if (busy_.exchange(true)) return;
  rounds_ = 0;
  Round();
}

void DueClock::Round() {
  std::vector<Due> all;
  if (const auto view = sequencer_.View(); view.ok()) {  // Otherwise the store is being opened anew: what is due stays so.
    bool corrupt = false;
    const absl::Status scanned = (*view)->Scan(
        kFamilyDue, {.upper = KeyU64(MillisOf(clock_.Now()) + 1)}, [&](std::string_view key, std::string_view) {
          auto due = ParseKey(key);
          corrupt = corrupt || !due.has_value();
          if (due.has_value()) all.push_back(*std::move(due));
          return all.size() < kDueAtOnceMax;
        });
    if (!scanned.ok() || corrupt) telemetry::Log(telemetry::Level::kError, "sharing.due_not_read", {{"status", scanned}});
  }
  ++rounds_;
  last_ = all.size() < kDueAtOnceMax || rounds_ >= kDueRoundsMax;
  if (all.empty()) {
    busy_ = false;
    return;
  }
  left_ = all.size();  // Before the first is submitted: it may be done before the second is.
  for (const Due& due : all) Act(due, /*put_off=*/false);
}

void DueClock::ActDone(bool committed) {
  if (!committed) last_ = true;  // What is due stays so: not again at once.
  if (--left_ > 0) return;
  if (last_) {
    busy_ = false;
  } else {
    Round();
  }
}

void DueClock::Act(const Due& due, bool put_off) {
  sequencer_.Submit(std::make_unique<Command>(*this, due, put_off));
}

}  // namespace accord::broker
