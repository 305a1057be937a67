// What senders say of what we hold: consent changed, corrected, recalled, withdrawn, regraded; and what we answer.
#include <algorithm>
#include <map>
#include <set>

#include "common/agent/inbox.h"
#include "common/base/bytes.h"
#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/crypto/commitment.h"
#include "common/referral/referral_name.h"
#include "common/referral/states.h"
#include "common/referral/statement.h"

namespace accord::agent {
namespace {

using broker::v1::Delivery;
using storage::v1::StoredErasedCopy;
using storage::v1::StoredReceived;
using type::v1::Statement;

absl::Status IllegalChange(std::string_view why, const std::string& state) {
  return Error(Reason::kTransitionIllegal, why, {{"state", state}});
}

// Each opening is of a tag that the statement commits to, and that we were given with `header`; null: that has not arrived.
absl::Status CheckTags(const referral::OpenedHeader* header, const Statement& statement, const Delivery& delivery) {
  for (const auto& opening : delivery.statement_openings()) {
    const std::string commitment = crypto::Commit(crypto::kHeaderPartDomain, {opening.label(), opening.salt(), opening.content()});
    type::v1::TagPart tag;
    const auto& commitments = statement.tag_commitments();
    const bool committed = std::find(commitments.begin(), commitments.end(), commitment) != commitments.end();
    const bool a_tag = opening.label() == "tag" && tag.ParseFromString(opening.content());
    if (!a_tag || !committed || (header != nullptr && header->FindTag(tag.tag_id()) == nullptr)) {
      return Error(Reason::kOpeningMismatch, "an opening is of no tag that the statement changes and this agency has",
                   {{"field", "statement_openings"}});
    }
  }
  return absl::OkStatus();
}

// What the sender says of it stands from now on, whatever else is said.
void Mark(StoredReceived& stored, const Statement& statement) {
  if (statement.kind() == type::v1::STATEMENT_KIND_CONSENT_CHANGE) stored.set_consent_changed(true);
  if (statement.kind() == type::v1::STATEMENT_KIND_RECALL) stored.set_recalled(true);
  if (statement.kind() == type::v1::STATEMENT_KIND_WITHDRAWN) stored.set_withdrawn(true);
  if (statement.kind() == type::v1::STATEMENT_KIND_REGRADED && statement.acted_at_ms() >= stored.regraded_at_ms()) {
    *stored.mutable_regraded() = statement.regraded();
    stored.set_regraded_at_ms(statement.acted_at_ms());
  }
  if (statement.kind() != type::v1::STATEMENT_KIND_CORRECTION) return;
  if (statement.safe_contact_change()) stored.set_do_not_use(true);
  stored.set_replaced_by(statement.replaced_by());
}

// The tags as they stand now: of each the newest.
void ReplaceTags(StoredReceived& stored, const Delivery& delivery) {
  std::map<std::string, type::v1::Opening> tags;
  for (const auto* openings : {&stored.changed_tags(), &delivery.statement_openings()}) {
    for (const auto& opening : *openings) {
      type::v1::TagPart tag;
      if (tag.ParseFromString(opening.content())) tags[tag.tag_id()] = opening;
    }
  }
  stored.clear_changed_tags();
  for (auto& [id, opening] : tags) *stored.add_changed_tags() = std::move(opening);
}

// Notes what the sender said; true when it is new and asks for an answer.
bool Apply(StoredReceived& stored, const Delivery& delivery, const Statement& statement) {
  Mark(stored, statement);
  const std::string digest = referral::DigestOf(delivery.statement());
  // One that names none before it, when one is known, is older and arrives late: what it says is marked, and the newer one stays
  // the one to be answered. Between two that we know there may be others, which are not for us.
  const bool older = !stored.sender_statement().empty() && statement.previous_statement().empty();
  if (digest == stored.sender_statement() || older) return false;
  ReplaceTags(stored, delivery);
  stored.set_sender_statement(digest);
  if (delivery.answer_due_ms() == 0) return false;
  *stored.mutable_change() = delivery.statement();
  stored.set_answer_due_ms(delivery.answer_due_ms());
  return true;
}

}  // namespace

absl::Status Inbox::MarkReplaced(const InboxEntry& correction) {
  const auto& core = correction.header.core.part;
  if (core.type() != type::v1::REFERRAL_TYPE_CORRECTION) return absl::OkStatus();
  auto older = Get(core.caused_by());
  if (absl::IsNotFound(older.status()) || HasReason(older.status(), Reason::kErased)) return absl::OkStatus();  // We never had it, or no more.
  ACCORD_RETURN_IF_ERROR(older);
  if (older->header.core.part.sender() != core.sender()) {
    return Error(Reason::kSenderMismatch, "a correction of what another agency sent", {{"sender", core.sender()}});
  }
  StoredReceived& stored = older->stored;
  if (stored.replaced_by().empty()) stored.set_replaced_by(correction.header_digest);
  if (core.safe_contact_change()) stored.set_do_not_use(true);
  return Save(*older);
}

absl::Status Inbox::ReceiveChange(const Delivery& delivery, const Statement& statement) {
  absl::MutexLock act(&act_mu_);  // Acts of workers write the same row.
  auto entry = Get(statement.header_digest());
  if (HasReason(entry.status(), Reason::kErased)) return AnswerForErased(delivery, statement);
  if (absl::IsNotFound(entry.status())) return KeepEarly(delivery, statement);
  ACCORD_RETURN_IF_ERROR(entry);
  if (statement.agency() != entry->header.core.part.sender()) {
    return Error(Reason::kSenderMismatch, "a change of what another agency sent", {{"sender", statement.agency()}});
  }
  ACCORD_RETURN_IF_ERROR(CheckTags(&entry->header, statement, delivery));
  const type::v1::RiskGrade before = GradeNow(*entry);
  Apply(entry->stored, delivery, statement);
  if (statement.kind() == type::v1::STATEMENT_KIND_REGRADED) ACCORD_RETURN_IF_ERROR(TakeNewTimes(before, *entry));
  accord::storage::Batch batch;
  store_.Put(batch, kFamilyInbox, entry->header_digest, entry->stored);
  Acknowledge(batch, delivery);
  ACCORD_RETURN_IF_ERROR(store_.Commit(batch));
  Track(entry->header_digest, entry->stored);
  return absl::OkStatus();
}

absl::Status Inbox::TakeNewTimes(type::v1::RiskGrade before, InboxEntry& entry) const {
  const auto& core = entry.header.core.part;
  StoredReceived& stored = entry.stored;
  // What rides in another lane than its grade's was put there for another reason.
  if (stored.lane() == referral::LaneOf(core.type(), core.urgency(), before)) {
    stored.set_lane(referral::LaneOf(core.type(), core.urgency(), GradeNow(entry)));
  }
  broker::v1::GetReferralRequest request;
  request.set_name(referral::ReferralName(entry.header_digest));
  const auto now = broker_.GetReferral(request);
  if (!now.ok()) return IsDefiniteRefusal(now.status()) ? absl::OkStatus() : now.status();
  for (const auto& row : now->referral().recipients()) {
    if (row.agency() != keys_.agency) continue;
    stored.set_pick_up_due_ms(row.pick_up_due_ms());
    stored.set_response_due_ms(row.response_due_ms());
  }
  return absl::OkStatus();
}

absl::StatusOr<type::v1::SignedPayload> Inbox::OwnAnswer(const type::v1::SignedPayload& change, const std::string& previous_statement,
                                                         type::v1::ChangeAnswer answer) const {
  ACCORD_ASSIGN_OR_RETURN(const Statement changed, referral::ParseStatement(change));
  const std::string digest = referral::DigestOf(change);
  Statement statement;
  statement.set_request_id("accord-change/" + ToHex(digest.substr(0, kIdBytes)));
  *statement.mutable_worker() = ServiceWorker();
  statement.set_kind(type::v1::STATEMENT_KIND_CHANGE_ANSWERED);
  statement.set_agency(keys_.agency);
  statement.set_header_digest(changed.header_digest());
  statement.set_previous_statement(previous_statement);
  statement.set_acted_at_ms(absl::ToUnixMillis(clock_.Now()));
  statement.set_answers(digest);
  // Whoever has nothing of it has stopped, where only that can be said.
  statement.set_change_answer(referral::MayAnswer(changed.kind(), answer) ? answer : type::v1::CHANGE_ANSWER_STOPPED);
  return referral::SignStatement(statement, keys_.signing_key);
}

absl::Status Inbox::AnswerForErased(const Delivery& delivery, const Statement& change) {
  ACCORD_ASSIGN_OR_RETURN(auto erased, store_.Get<StoredErasedCopy>(kFamilyErased, change.header_digest()));
  if (!erased.has_value()) return Error(Reason::kStoreCorrupt, "what is left of an erased referral is not there");
  accord::storage::Batch batch;
  const bool asked = delivery.answer_due_ms() != 0;
  if (asked) {
    ACCORD_ASSIGN_OR_RETURN(*erased->mutable_pending_statement(),
                            OwnAnswer(delivery.statement(), erased->last_statement(), type::v1::CHANGE_ANSWER_DESTROYED));
    store_.Put(batch, kFamilyErased, change.header_digest(), *erased);
  }
  Acknowledge(batch, delivery);
  ACCORD_RETURN_IF_ERROR(store_.Commit(batch));
  if (!asked) return absl::OkStatus();
  erased_pending_.insert(change.header_digest());
  absl::MutexLock lock(&mu_);
  NoteUnsent(change.header_digest(), true, erased->pending_statement());
  return absl::OkStatus();
}

absl::Status Inbox::KeepEarly(const Delivery& delivery, const Statement& change) {
  ACCORD_RETURN_IF_ERROR(CheckTags(nullptr, change, delivery));
  ACCORD_ASSIGN_OR_RETURN(const auto standing, store_.Get<StoredReceived>(kFamilyEarly, change.header_digest()));
  StoredReceived early = standing.value_or(StoredReceived());
  const bool asked = Apply(early, delivery, change);
  if (!early.has_change()) *early.mutable_change() = delivery.statement();  // Who said it is looked at when the referral arrives.
  if (asked) {
    ACCORD_ASSIGN_OR_RETURN(*early.mutable_pending_statement(),
                            OwnAnswer(delivery.statement(), early.last_statement(), type::v1::CHANGE_ANSWER_NOT_OPENED));
    // Nobody will open it: should the copy that was on its way arrive, it is not shown.
    if (change.kind() != type::v1::STATEMENT_KIND_CONSENT_CHANGE) *early.mutable_erase_by() = ServiceWorker();
  }
  accord::storage::Batch batch;
  store_.Put(batch, kFamilyEarly, change.header_digest(), early);
  Acknowledge(batch, delivery);
  ACCORD_RETURN_IF_ERROR(store_.Commit(batch));
  if (!asked) return absl::OkStatus();
  early_pending_.insert(change.header_digest());
  absl::MutexLock lock(&mu_);
  NoteUnsent(change.header_digest(), true, early.pending_statement());
  return absl::OkStatus();
}

absl::Status Inbox::TakeEarly(InboxEntry& entry, accord::storage::Batch& batch) {
  ACCORD_ASSIGN_OR_RETURN(auto early, store_.Get<StoredReceived>(kFamilyEarly, entry.header_digest));
  if (!early.has_value()) return absl::OkStatus();
  batch.Delete(kFamilyEarly, entry.header_digest);
  ACCORD_ASSIGN_OR_RETURN(const Statement statement, referral::ParseStatement(early->change()));
  if (statement.agency() != entry.header.core.part.sender()) return absl::OkStatus();  // Nobody but its sender may change it.
  early->clear_answer_due_ms();  // The service has answered, or is about to.
  early->MergeFrom(entry.stored);
  entry.stored = *std::move(early);
  return absl::OkStatus();
}

absl::StatusOr<InboxEntry> Inbox::AnswerChange(const std::string& request_id, std::string_view header_digest,
                                               const type::v1::Worker& worker, const ChangeAnswered& answer) {
  return Act(request_id, header_digest, worker, type::v1::STATEMENT_KIND_CHANGE_ANSWERED, [&](Statement& statement) {
    statement.set_change_answer(answer.answer);
    statement.set_kept_article6(answer.article6);
    statement.set_kept_gateway(answer.gateway);
  });
}

absl::Status Inbox::CheckAnswer(const InboxEntry& entry, const Statement& statement) const {
  if (!entry.stored.has_change()) return IllegalChange("its sender has not changed it", type::v1::ReferralState_Name(entry.stored.state()));
  ACCORD_ASSIGN_OR_RETURN(const Statement change, referral::ParseStatement(entry.stored.change()));
  if (!referral::MayAnswer(change.kind(), statement.change_answer())) {
    return IllegalChange("this does not answer what the sender said: see `accordctl inbox list`", type::v1::StatementKind_Name(change.kind()));
  }
  const bool opened = entry.stored.state() != type::v1::REFERRAL_STATE_DELIVERED;
  if (statement.change_answer() == type::v1::CHANGE_ANSWER_NOT_OPENED && opened) {
    return IllegalChange("a worker of this agency has opened it", type::v1::ReferralState_Name(entry.stored.state()));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<type::v1::Category>> Inbox::ChangedSince(const InboxEntry& entry) const {
  std::vector<type::v1::Category> changed;
  const auto& core = entry.header.core.part;
  if (core.type() != type::v1::REFERRAL_TYPE_CORRECTION) return changed;
  const auto older = Get(core.caused_by());
  if (absl::IsNotFound(older.status()) || HasReason(older.status(), Reason::kErased)) return changed;
  ACCORD_RETURN_IF_ERROR(older);
  if (older->header.core.part.sender() != core.sender() || older->stored.recalled() || older->stored.has_erase_by()) return changed;
  ACCORD_ASSIGN_OR_RETURN(ContentDigests before, DigestContent(*older));
  ACCORD_ASSIGN_OR_RETURN(ContentDigests now, DigestContent(entry));
  for (const auto& row : before) now[row.first];  // Also what is in the older one alone.
  for (const auto& [category, digests] : now) {
    if (digests != before[category]) changed.push_back(category);
  }
  return changed;
}

std::map<std::string, type::v1::Worker> Inbox::AnsweredAsGone() const {
  absl::MutexLock lock(&mu_);
  return gone_;
}

size_t Inbox::unanswered() const {
  absl::MutexLock lock(&mu_);
  return unanswered_.size();
}

template <typename Row, typename Take>
absl::Status Inbox::SendOwnAnswer(std::string_view family, const std::string& header_digest, Take take) {
  ACCORD_RETURN_IF_ERROR(alarm_.Check());
  ACCORD_ASSIGN_OR_RETURN(auto row, store_.Get<Row>(family, header_digest));
  if (!row.has_value() || !row->has_pending_statement()) return absl::OkStatus();
  ACCORD_ASSIGN_OR_RETURN(const Statement statement, referral::ParseStatement(row->pending_statement()));
  broker::v1::RespondToReferralRequest request;
  request.set_request_id(statement.request_id());
  *request.mutable_statement() = row->pending_statement();
  const auto response = broker_.Respond(request);
  NoteAnswer(response.status());
  // Signed with a key that the agency has since replaced: signed anew, as in SendPending.
  const bool retired_key = HasReason(response.status(), Reason::kSigningKeyUnknown) && statement.key_id() != keys_.signing_key.key_id();
  if (!response.ok() && !retired_key && !IsDefiniteRefusal(response.status())) return response.status();
  if (response.ok()) {
    ACCORD_RETURN_IF_ERROR(log_.Verify(response->receipt(), type::v1::EVENT_TYPE_STATEMENT, header_digest));
    row->set_last_statement(referral::DigestOf(row->pending_statement()));
    take(*row, response->receipt());
  }
  row->clear_pending_statement();
  if (retired_key) {
    ACCORD_ASSIGN_OR_RETURN(*row->mutable_pending_statement(), referral::SignStatement(statement, keys_.signing_key));
  }
  accord::storage::Batch batch;
  store_.Put(batch, family, header_digest, *row);
  ACCORD_RETURN_IF_ERROR(store_.Commit(batch));
  {
    absl::MutexLock lock(&mu_);
    NoteUnsent(header_digest, row->has_pending_statement(), row->pending_statement());
  }
  return retired_key ? response.status() : absl::OkStatus();
}

absl::Status Inbox::SendOwnAnswers() {
  absl::MutexLock lock(&act_mu_);
  while (!erased_pending_.empty()) {
    const std::string digest = *erased_pending_.begin();
    ACCORD_RETURN_IF_ERROR(SendOwnAnswer<StoredErasedCopy>(
        kFamilyErased, digest, [](StoredErasedCopy& row, const type::v1::Receipt& receipt) { *row.add_receipts() = receipt; }));
    erased_pending_.erase(digest);
  }
  while (!early_pending_.empty()) {
    const std::string digest = *early_pending_.begin();
    ACCORD_RETURN_IF_ERROR(SendOwnAnswer<StoredReceived>(kFamilyEarly, digest, [](StoredReceived& row, const type::v1::Receipt& receipt) {
      *row.add_statement_receipts() = receipt;
      row.clear_answer_due_ms();
    }));
    early_pending_.erase(digest);
  }
  return absl::OkStatus();
}

}  // namespace accord::agent
