#include "common/agent/holds.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "common/agent/agency_keys.h"
#include "common/base/bytes.h"
#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/crypto/digest.h"
#include "common/telemetry/log.h"

namespace accord::agent {
namespace {

using storage::v1::StoredAgencyHold;
using storage::v1::StoredErasedCopy;
using storage::v1::StoredHeld;

// Answers of the service itself. No push of the agency's own systems has such an id.
std::string OwnRequestId(std::string_view hold, uint64_t number) { return fmt::format("accord-hold/{}/{}", hold, number); }

absl::Status HoldNotFound() { return Error(Reason::kHoldNotFound, "no legal hold of this id was delivered to this agency"); }

std::string HeldKey(std::string_view header_digest, std::string_view hold) { return std::string(header_digest) + std::string(hold); }

absl::Status CheckNotice(const broker::v1::HoldNotice& notice) {
  if (notice.hold().empty() || notice.hold().size() > kHoldIdBytesMax) {
    return Error(Reason::kFieldInvalid, "a notice of a hold without its id", {{"field", "hold.hold"}});
  }
  const bool sized = std::all_of(notice.header_digests().begin(), notice.header_digests().end(),
                                 [](const std::string& digest) { return digest.size() == crypto::kDigestBytes; });
  if (sized && notice.header_digests_size() <= kNoticeReferralsMax) return absl::OkStatus();
  return Error(Reason::kFieldInvalid, "a notice of a hold names something else than up to 2000 header digests",
               {{"field", "hold.header_digests"}});
}

// An answer that sending the same again cannot change.
bool IsDefinite(const absl::Status& status) {
  return status.code() == absl::StatusCode::kInvalidArgument || status.code() == absl::StatusCode::kNotFound ||
         status.code() == absl::StatusCode::kAlreadyExists || status.code() == absl::StatusCode::kFailedPrecondition;
}

}  // namespace

absl::Status Holds::Load() {
  std::vector<std::string> ids;
  ACCORD_RETURN_IF_ERROR(store_.raw().Scan(kFamilyHold, {}, [&](std::string_view id, std::string_view) {
    ids.emplace_back(id);
    return true;
  }));
  absl::MutexLock lock(&mu_);
  for (const std::string& id : ids) {
    ACCORD_ASSIGN_OR_RETURN(const AgencyHold hold, Get(id));
    if (hold.stored.look() || hold.stored.has_pending()) to_do_.insert(id);
  }
  ACCORD_ASSIGN_OR_RETURN(const auto purge, store_.raw().Get(kFamilyMeta, kMetaPurge));
  purge_due_ = purge.has_value();
  return absl::OkStatus();
}

absl::StatusOr<AgencyHold> Holds::Get(std::string_view id) const {
  if (id.empty()) return HoldNotFound();
  ACCORD_ASSIGN_OR_RETURN(auto stored, store_.Get<StoredAgencyHold>(kFamilyHold, id));
  if (!stored.has_value()) return HoldNotFound();
  return AgencyHold{std::string(id), *std::move(stored)};
}

absl::Status Holds::Receive(const broker::v1::Delivery& delivery) {
  if (delivery.delivery_id().size() != kIdBytes) {
    return Error(Reason::kFieldInvalid, "a delivery without its id", {{"field", "delivery_id"}});
  }
  const auto& notice = delivery.hold();
  ACCORD_RETURN_IF_ERROR(CheckNotice(notice));
  ACCORD_ASSIGN_OR_RETURN(const VerifiedReceipt verified, log_.Verify(delivery.released(), type::v1::EVENT_TYPE_RELEASED, ""));
  if (verified.event.hold() != notice.hold()) {
    return alarm_.Raise(Error(Reason::kReceiptInvalid, "the receipt of a hold's notice is of another hold"),
                        {delivery.released().SerializeAsString()});
  }
  absl::MutexLock lock(&mu_);
  ACCORD_ASSIGN_OR_RETURN(const auto known, store_.raw().Get(kFamilyDelivery, delivery.delivery_id()));
  if (known.has_value()) return absl::OkStatus();
  ACCORD_ASSIGN_OR_RETURN(auto standing, store_.Get<StoredAgencyHold>(kFamilyHold, notice.hold()));
  const int64_t now_ms = absl::ToUnixMillis(clock_.Now());
  AgencyHold hold{notice.hold(), standing.value_or(StoredAgencyHold())};
  if (!standing.has_value()) hold.stored.set_received_at_ms(now_ms);
  hold.stored.set_ground(notice.ground());
  hold.stored.set_authority(notice.authority());
  hold.stored.set_review_at_ms(notice.review_at_ms());
  hold.stored.set_set_at_ms(notice.set_at_ms());
  if (notice.lifted_at_ms() != 0) hold.stored.set_lifted_at_ms(notice.lifted_at_ms());
  accord::storage::Batch batch;
  StoredHeld held;
  held.set_named_at_ms(now_ms);
  std::set<std::string> named;
  for (const std::string& digest : notice.header_digests()) {
    const std::string key = HeldKey(digest, hold.id);
    ACCORD_ASSIGN_OR_RETURN(const auto row, store_.raw().Get(kFamilyHeld, key));
    if (row.has_value() || !named.insert(key).second) continue;
    store_.Put(batch, kFamilyHeld, key, held);
    hold.stored.set_referrals(hold.stored.referrals() + 1);
  }
  if (notice.lifted_at_ms() == 0) hold.stored.set_look(true);
  store_.Put(batch, kFamilyHold, hold.id, hold.stored);
  batch.Put(kFamilyDelivery, delivery.delivery_id(), KeyU64(static_cast<uint64_t>(now_ms)));
  ACCORD_RETURN_IF_ERROR(store_.Commit(batch));
  if (hold.stored.look()) to_do_.insert(hold.id);
  return absl::OkStatus();
}

absl::Status Holds::Arrived(std::string_view header_digest) {
  std::vector<std::string> ids;
  absl::MutexLock lock(&mu_);
  ACCORD_RETURN_IF_ERROR(store_.raw().Scan(kFamilyHeld, accord::storage::Prefix(header_digest), [&](std::string_view key, std::string_view) {
    ids.emplace_back(key.substr(header_digest.size()));
    return true;
  }));
  for (const std::string& id : ids) {
    ACCORD_ASSIGN_OR_RETURN(AgencyHold hold, Get(id));
    if (hold.stored.lifted_at_ms() != 0 || hold.stored.look()) continue;
    hold.stored.set_look(true);
    ACCORD_RETURN_IF_ERROR(Save(hold));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> Holds::HoldOn(std::string_view header_digest) const {
  std::vector<std::string> ids;
  ACCORD_RETURN_IF_ERROR(store_.raw().Scan(kFamilyHeld, accord::storage::Prefix(header_digest), [&](std::string_view key, std::string_view) {
    ids.emplace_back(key.substr(header_digest.size()));
    return true;
  }));
  for (const std::string& id : ids) {
    ACCORD_ASSIGN_OR_RETURN(const AgencyHold hold, Get(id));
    if (hold.stored.lifted_at_ms() == 0) return id;
  }
  return std::string();
}

absl::StatusOr<Holds::Looked> Holds::Look(std::string_view id) const {
  std::vector<std::string> digests;
  ACCORD_RETURN_IF_ERROR(store_.raw().Scan(kFamilyHeld, {}, [&](std::string_view key, std::string_view) {
    if (key.size() > crypto::kDigestBytes && key.substr(crypto::kDigestBytes) == id) digests.emplace_back(key.substr(0, crypto::kDigestBytes));
    return true;
  }));
  Looked looked;
  for (const std::string& digest : digests) {
    ACCORD_ASSIGN_OR_RETURN(const bool received, inbox_.Has(digest));
    ACCORD_ASSIGN_OR_RETURN(const bool sent, outbox_.Has(digest));
    if (received || sent) return Looked{type::v1::HOLD_ANSWER_HELD, 0};
    ACCORD_ASSIGN_OR_RETURN(const auto erased, store_.Get<StoredErasedCopy>(kFamilyErased, digest));
    if (!erased.has_value()) continue;
    looked.answer = type::v1::HOLD_ANSWER_ALREADY_ERASED;
    looked.erased_at_ms = std::max(looked.erased_at_ms, erased->erased_at_ms());
  }
  return looked;
}

absl::Status Holds::Save(const AgencyHold& hold) {
  accord::storage::Batch batch;
  store_.Put(batch, kFamilyHold, hold.id, hold.stored);
  ACCORD_RETURN_IF_ERROR(store_.Commit(batch));
  if (hold.stored.look() || hold.stored.has_pending()) {
    to_do_.insert(hold.id);
  } else {
    to_do_.erase(hold.id);
  }
  return absl::OkStatus();
}

void Holds::Say(AgencyHold& hold, std::string request_id, type::v1::HoldAnswer answer, int64_t erased_at_ms,
                const type::v1::Worker& worker) {
  auto& pending = *hold.stored.mutable_pending();
  pending.Clear();
  pending.set_request_id(std::move(request_id));
  pending.set_hold(hold.id);
  pending.set_answer(answer);
  pending.set_erased_at_ms(erased_at_ms);
  *pending.mutable_worker() = worker;
  hold.stored.set_answer(answer);
  hold.stored.set_erased_at_ms(erased_at_ms);
  hold.stored.clear_answered_at_ms();
  hold.stored.clear_receipt();
}

absl::Status Holds::LookUp(const std::string& id) {
  absl::MutexLock lock(&mu_);
  ACCORD_ASSIGN_OR_RETURN(AgencyHold hold, Get(id));
  if (!hold.stored.look()) return absl::OkStatus();
  ACCORD_ASSIGN_OR_RETURN(const Looked looked, Look(id));
  hold.stored.set_look(false);
  const bool same = hold.stored.answer() == looked.answer && hold.stored.erased_at_ms() == looked.erased_at_ms;
  // A person speaks for all of the agency's systems; only what this store has goes beyond that.
  const bool stands = hold.stored.by_person() && looked.answer != type::v1::HOLD_ANSWER_HELD;
  if (!same && !stands) {
    hold.stored.set_answers(hold.stored.answers() + 1);
    hold.stored.set_by_person(false);
    Say(hold, OwnRequestId(id, hold.stored.answers()), looked.answer, looked.erased_at_ms, ServiceWorker());
  }
  return Save(hold);
}

absl::Status Holds::Send(const std::string& id) {
  ACCORD_RETURN_IF_ERROR(alarm_.Check());
  std::optional<broker::v1::AnswerHoldRequest> request;
  {
    absl::MutexLock lock(&mu_);
    ACCORD_ASSIGN_OR_RETURN(const AgencyHold hold, Get(id));
    if (hold.stored.has_pending()) request = hold.stored.pending();
  }
  if (!request.has_value()) return absl::OkStatus();
  const auto response = broker_.AnswerHold(*request);
  absl::Status answer = response.status();
  if (!answer.ok() && !IsDefinite(answer)) return answer;
  if (answer.ok()) {
    ACCORD_ASSIGN_OR_RETURN(const VerifiedReceipt verified, log_.Verify(response->receipt(), type::v1::EVENT_TYPE_HOLD_ANSWERED, ""));
    if (verified.event.hold() != id || verified.event.hold_answer() != request->answer()) {
      return alarm_.Raise(Error(Reason::kReceiptInvalid, "the receipt of an answer to a hold is of another answer"),
                          {response->receipt().SerializeAsString()});
    }
  }
  absl::MutexLock lock(&mu_);
  ACCORD_ASSIGN_OR_RETURN(AgencyHold hold, Get(id));
  if (!hold.stored.has_pending() || hold.stored.pending().request_id() != request->request_id()) {
    return answer;  // Replaced meanwhile by a newer answer, which is sent next.
  }
  const bool own = !hold.stored.by_person();
  hold.stored.clear_pending();
  if (answer.ok()) {
    hold.stored.set_answered_at_ms(absl::ToUnixMillis(clock_.Now()));
    *hold.stored.mutable_receipt() = response->receipt();
  } else if (own && HasReason(answer, Reason::kRequestIdReused)) {
    // This store was restored from before an answer that the broker has: the next number is free.
    hold.stored.set_answers(hold.stored.answers() + 1);
    Say(hold, OwnRequestId(id, hold.stored.answers()), hold.stored.answer(), hold.stored.erased_at_ms(), ServiceWorker());
  } else {
    // Refused for good: it was never given, and whoever gave it is told.
    hold.stored.clear_answer();
    hold.stored.clear_erased_at_ms();
    hold.stored.set_by_person(false);
  }
  ACCORD_RETURN_IF_ERROR(Save(hold));
  return answer;
}

absl::Status Holds::Step() {
  std::set<std::string> ids;
  {
    absl::MutexLock lock(&mu_);
    ids = to_do_;
  }
  absl::Status status;
  for (const std::string& id : ids) {
    ACCORD_RETURN_IF_ERROR(LookUp(id));
    absl::MutexLock send(&send_mu_);
    const absl::Status sent = Send(id);
    if (!sent.ok()) status = sent;
    if (!sent.ok() && !IsDefinite(sent)) break;  // The broker is away.
  }
  for (const auto& [digest, worker] : inbox_.AnsweredAsGone()) {
    const auto erased = Erase(digest, worker);
    // A hold that came after the answer stands; it is erased once that is lifted.
    if (!erased.ok() && !HasReason(erased.status(), Reason::kOnHold)) status = erased.status();
  }
  const absl::Status purged = PurgeErased();
  return status.ok() ? purged : status;
}

absl::StatusOr<std::vector<Wait>> Holds::Waits() const {
  std::vector<Wait> waits;
  absl::MutexLock lock(&mu_);
  for (const std::string& id : to_do_) {
    ACCORD_ASSIGN_OR_RETURN(const AgencyHold hold, Get(id));
    waits.push_back({agency::v1::WAITING_KIND_HOLD_ANSWER, id, hold.stored.received_at_ms(), 0, "", false});
  }
  ACCORD_ASSIGN_OR_RETURN(const auto purge, store_.Get<storage::v1::StoredPurge>(kFamilyMeta, kMetaPurge));
  if (purge.has_value()) waits.push_back({agency::v1::WAITING_KIND_PURGE, "", purge->since_ms(), 0, "", false});
  return waits;
}

absl::StatusOr<InboxEntry> Holds::AnswerChange(const std::string& request_id, std::string_view header_digest,
                                               const type::v1::Worker& worker, const ChangeAnswered& answer) {
  if (answer.IsGone()) {
    absl::MutexLock lock(&mu_);
    ACCORD_ASSIGN_OR_RETURN(const std::string hold, HoldOn(header_digest));
    if (!hold.empty()) return Error(Reason::kOnHold, "a legal hold names this referral: it cannot be destroyed", {{"hold", hold}});
  }
  ACCORD_ASSIGN_OR_RETURN(InboxEntry entry, inbox_.AnswerChange(request_id, header_digest, worker, answer));
  if (answer.IsGone()) {
    const auto erased = Erase(header_digest, worker);
    // The broker has the answer; what keeps the copy now is temporary, and Step goes on.
    if (!erased.ok()) telemetry::Log(telemetry::Level::kWarn, "change.not_erased_yet", {{"status", erased.status()}});
  }
  return entry;
}

absl::StatusOr<std::vector<AgencyHold>> Holds::List(std::string_view after, int limit) const {
  std::vector<std::string> ids;
  accord::storage::Range range;
  if (!after.empty()) range.lower = std::string(after) + '\0';
  ACCORD_RETURN_IF_ERROR(store_.raw().Scan(kFamilyHold, range, [&](std::string_view id, std::string_view) {
    ids.emplace_back(id);
    return ids.size() < static_cast<size_t>(limit);
  }));
  std::vector<AgencyHold> holds;
  for (const std::string& id : ids) {
    ACCORD_ASSIGN_OR_RETURN(AgencyHold hold, Get(id));
    holds.push_back(std::move(hold));
  }
  return holds;
}

absl::StatusOr<AgencyHold> Holds::Answer(const std::string& request_id, const std::string& hold_id, type::v1::HoldAnswer answer,
                                         int64_t erased_at_ms, const type::v1::Worker& worker) {
  if (!IsRequestId(request_id)) return Error(Reason::kFieldInvalid, "request_id is malformed", {{"field", "request_id"}});
  const bool erased = answer == type::v1::HOLD_ANSWER_ALREADY_ERASED;
  if (erased != (erased_at_ms != 0) || erased_at_ms < 0 || absl::FromUnixMillis(erased_at_ms) > clock_.Now()) {
    return Error(Reason::kFieldInvalid, "erased_at_ms belongs to ALREADY_ERASED alone, and is not in the future",
                 {{"field", "erased_at_ms"}});
  }
  absl::MutexLock send(&send_mu_);
  {
    absl::MutexLock lock(&mu_);
    ACCORD_ASSIGN_OR_RETURN(AgencyHold hold, Get(hold_id));
    const bool repeated = hold.stored.person_request_id() == request_id && hold.stored.by_person();
    if (repeated && (hold.stored.answer() != answer || hold.stored.erased_at_ms() != erased_at_ms)) {
      return Error(Reason::kRequestIdReused, "this request id was used for another answer; give each its own");
    }
    if (repeated && !hold.stored.has_pending()) return hold;
    if (!repeated) {
      ACCORD_ASSIGN_OR_RETURN(const Looked looked, Look(hold_id));
      if (looked.answer == type::v1::HOLD_ANSWER_HELD && answer != type::v1::HOLD_ANSWER_HELD) {
        return Error(Reason::kTransitionIllegal, "this service itself holds some of it: the answer is HELD", {{"state", "held"}});
      }
      hold.stored.set_look(false);
      hold.stored.set_by_person(true);
      hold.stored.set_person_request_id(request_id);
      Say(hold, request_id, answer, erased_at_ms, worker);
      ACCORD_RETURN_IF_ERROR(Save(hold));
    }
  }
  ACCORD_RETURN_IF_ERROR(Send(hold_id));
  return Get(hold_id);
}

absl::StatusOr<int64_t> Holds::Erase(std::string_view header_digest, const type::v1::Worker& worker) {
  int64_t erased_at_ms = 0;
  {
    absl::MutexLock lock(&mu_);
    ACCORD_ASSIGN_OR_RETURN(const std::string hold, HoldOn(header_digest));
    if (!hold.empty()) return Error(Reason::kOnHold, "a legal hold names this referral; nothing was erased", {{"hold", hold}});
    ACCORD_ASSIGN_OR_RETURN(const auto before, store_.Get<StoredErasedCopy>(kFamilyErased, header_digest));
    StoredErasedCopy left = before.value_or(StoredErasedCopy());
    if (!before.has_value()) left.set_erased_at_ms(absl::ToUnixMillis(clock_.Now()));
    *left.mutable_worker() = worker;
    storage::v1::StoredPurge purge;
    purge.set_since_ms(absl::ToUnixMillis(clock_.Now()));
    const auto leave = [&](accord::storage::Batch& batch) {
      store_.Put(batch, kFamilyErased, header_digest, left);
      store_.Put(batch, kFamilyMeta, kMetaPurge, purge);
    };
    ACCORD_ASSIGN_OR_RETURN(const bool received, inbox_.Erase(header_digest, [&](accord::storage::Batch& batch, const storage::v1::StoredReceived& erased) {
      *left.add_receipts() = erased.released();
      left.mutable_receipts()->MergeFrom(erased.statement_receipts());
      left.set_last_statement(erased.last_statement());
      leave(batch);
    }));
    ACCORD_ASSIGN_OR_RETURN(const bool sent, outbox_.Erase(header_digest, [&](accord::storage::Batch& batch, const storage::v1::StoredSubmission& erased) {
      *left.add_receipts() = erased.receipt();
      left.mutable_receipts()->MergeFrom(erased.act_receipts());
      leave(batch);
    }));
    if (!received && !sent && !before.has_value()) {
      return Error(Reason::kReferralNotFound, "this agency has no copy of such a referral");
    }
    if (received || sent) purge_due_ = true;
    erased_at_ms = left.erased_at_ms();
  }
  ACCORD_RETURN_IF_ERROR(PurgeErased());
  return erased_at_ms;
}

absl::Status Holds::PurgeErased() {
  {
    absl::MutexLock lock(&mu_);
    if (!purge_due_) return absl::OkStatus();
    purge_due_ = false;  // An erasure from here on sets it again.
  }
  absl::Status purged = purge_();
  absl::MutexLock lock(&mu_);
  if (purged.ok() && !purge_due_) {
    accord::storage::Batch batch;
    batch.Delete(kFamilyMeta, kMetaPurge);
    purged = store_.Commit(batch);
  }
  if (!purged.ok()) purge_due_ = true;
  return purged;
}

}  // namespace accord::agent
