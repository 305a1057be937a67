// What of the inbox waits for a person.
#include <algorithm>

#include "common/agent/inbox.h"
#include "common/base/status.h"
#include "common/referral/referral_name.h"
#include "common/referral/statement.h"

namespace accord::agent {
namespace {

using storage::v1::StoredReceived;

// Nothing more is expected of whoever holds it, but perhaps an answer to that.
bool IsEnded(const StoredReceived& stored) { return stored.recalled() || stored.withdrawn() || stored.has_erase_by(); }

bool MayBeUnanswered(const StoredReceived& stored) {
  return !IsEnded(stored) &&
         (stored.state() == type::v1::REFERRAL_STATE_DELIVERED || stored.state() == type::v1::REFERRAL_STATE_OPENED);
}

absl::Time DueTime(int64_t ms) { return ms == 0 ? absl::InfiniteFuture() : absl::FromUnixMillis(ms); }

}  // namespace

type::v1::RiskGrade GradeNow(const InboxEntry& entry) {
  return entry.stored.has_regraded() ? entry.stored.regraded().grade() : entry.header.core.part.risk().grade();
}

bool IsUnopened(const StoredReceived& stored) {
  if (IsEnded(stored)) return false;
  if (stored.opened_by_software()) return true;
  if (stored.state() != type::v1::REFERRAL_STATE_DELIVERED) return false;
  if (!stored.has_pending_statement()) return true;
  const auto pending = referral::ParseStatement(stored.pending_statement());
  return !pending.ok() || pending->kind() != type::v1::STATEMENT_KIND_OPENED;
}

bool IsUnanswered(const StoredReceived& stored, type::v1::ReferralType type) {
  if (!MayBeUnanswered(stored)) return false;
  const bool asks = type == type::v1::REFERRAL_TYPE_REFERRAL || type == type::v1::REFERRAL_TYPE_REQUEST_FOR_INFORMATION ||
                    type == type::v1::REFERRAL_TYPE_CORRECTION;
  return asks || stored.response_due_ms() != 0;
}

bool OwesFeedback(const StoredReceived& stored) { return !IsEnded(stored) && stored.feedback_due_ms() != 0; }

void Inbox::TrackWaiting(const std::string& header_digest, const StoredReceived& stored) {
  NoteUnsent(header_digest, stored.has_pending_statement(), stored.pending_statement());
  const bool unopened = IsUnopened(stored);
  // Notices that were opened ask for nothing; of the others the header tells, which WaitingEntries opens.
  const bool unanswered = MayBeUnanswered(stored) && (stored.lane() != type::v1::LANE_NOTICES || stored.response_due_ms() != 0);
  if (!unopened && !unanswered && stored.answer_due_ms() == 0 && !OwesFeedback(stored)) {
    waiting_.erase(header_digest);
    return;
  }
  waiting_[header_digest] = {header_digest, stored.delivery_id(), stored.lane(), unopened, absl::FromUnixMillis(stored.received_at_ms()),
                             DueTime(stored.pick_up_due_ms()), stored.replaced_by()};
}

void Inbox::NoteUnsent(const std::string& header_digest, bool waits, const type::v1::SignedPayload& pending) {
  if (!waits) {
    unsent_.erase(header_digest);
    return;
  }
  const auto statement = referral::ParseStatement(pending);
  unsent_[header_digest] = statement.ok() ? statement->acted_at_ms() : 0;
}

void Inbox::NoteAnswer(const absl::Status& answer) {
  absl::MutexLock lock(&mu_);
  unsent_for_ = answer.ok() ? "" : ReasonOfWords(WaitingWords(answer));
}

std::vector<Wait> Inbox::Unsent() const {
  std::vector<Wait> waits;
  absl::MutexLock lock(&mu_);
  for (const auto& [digest, said_at_ms] : unsent_) {
    Wait& wait = waits.emplace_back();
    wait.kind = agency::v1::WAITING_KIND_STATEMENT;
    wait.about = referral::ReferralName(digest);
    wait.since_ms = said_at_ms;
    wait.reason = unsent_for_;
  }
  return waits;
}

std::vector<Waiting> Inbox::UnopenedImmediate() const {
  std::vector<Waiting> rows;
  {
    absl::MutexLock lock(&mu_);
    for (const auto& [digest, row] : waiting_) {
      if (row.unopened && row.lane == type::v1::LANE_IMMEDIATE) rows.push_back(row);
    }
  }
  // The version in its place is what is to be opened, once it is here.
  std::erase_if(rows, [this](const Waiting& row) { return !row.replaced_by.empty() && Has(row.replaced_by).value_or(false); });
  std::stable_sort(rows.begin(), rows.end(), [](const Waiting& a, const Waiting& b) { return a.received < b.received; });
  return rows;
}

absl::StatusOr<std::vector<InboxEntry>> Inbox::WaitingEntries() const {
  std::vector<std::string> digests;
  {
    absl::MutexLock lock(&mu_);
    for (const auto& [digest, row] : waiting_) digests.push_back(digest);
  }
  std::vector<InboxEntry> entries;
  for (const std::string& digest : digests) {
    auto entry = Get(digest);
    if (absl::IsNotFound(entry.status()) || HasReason(entry.status(), Reason::kErased)) continue;  // Erased meanwhile.
    ACCORD_RETURN_IF_ERROR(entry);
    entries.push_back(*std::move(entry));
  }
  std::stable_sort(entries.begin(), entries.end(),
                   [](const InboxEntry& a, const InboxEntry& b) { return a.stored.sequence() < b.stored.sequence(); });
  return entries;
}

}  // namespace accord::agent
