#include "common/agent/inbox.h"

#include <algorithm>
#include <map>

#include "common/base/bytes.h"
#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/crypto/digest.h"
#include "common/referral/section.h"
#include "common/referral/states.h"
#include "common/referral/statement.h"

namespace accord::agent {
namespace {

using broker::v1::Delivery;
using storage::v1::StoredErasedCopy;
using storage::v1::StoredReceived;
using type::v1::Statement;

// An act as a worker asks for it.
Statement AskedFor(const std::string& request_id, const type::v1::Worker& worker, type::v1::StatementKind kind) {
  Statement statement;
  statement.set_request_id(request_id);
  *statement.mutable_worker() = worker;
  statement.set_kind(kind);
  return statement;
}

// What makes two acts on a referral the same: what was asked for, without what the inbox adds when it signs.
std::string ActDigest(Statement statement) {
  statement.clear_key_id();
  statement.clear_agency();
  statement.clear_header_digest();
  statement.clear_previous_statement();
  statement.clear_acted_at_ms();
  statement.clear_answers();
  return crypto::Sha256(statement.SerializeAsString());
}

absl::Status Illegal(std::string_view why, std::string state) {
  return Error(Reason::kTransitionIllegal, why, {{"state", std::move(state)}});
}

// Whether one of a recipient's statements leads to `state`.
bool IsOfAnAct(type::v1::ReferralState state) {
  return std::any_of(referral::kStatements.begin(), referral::kStatements.end(), [&](const referral::StatementRow& row) {
    return row.by == referral::Party::kRecipient && row.event.has_value() &&
           std::any_of(referral::kArrows.begin(), referral::kArrows.end(),
                       [&](const referral::Arrow& arrow) { return arrow.event == *row.event && arrow.to == state; });
  });
}

// This store was put back to before something that the agency said: what the broker says of that is taken up, so that its workers can go
// on from there. Nobody else gains by a broker that lies here: the next statement names one that the agency never made.
void TakeUp(StoredReceived& stored, const absl::Status& refusal) {
  if (!HasReason(refusal, Reason::kTransitionIllegal)) return;
  const auto metadata = DetailOf(refusal).metadata;
  const auto state_row = metadata.find("state"), statement_row = metadata.find("last_statement");
  type::v1::ReferralState state;
  if (state_row != metadata.end() && type::v1::ReferralState_Parse(state_row->second, &state) && IsOfAnAct(state)) stored.set_state(state);
  const auto said = statement_row == metadata.end() ? std::nullopt : FromHex(statement_row->second);
  if (said.has_value() && said->size() == crypto::kDigestBytes) stored.set_last_statement(*said);
}

std::string StateName(const InboxEntry& entry) { return type::v1::ReferralState_Name(entry.stored.state()); }

// Software alone has opened it: that a person does is still to be said, for the pick-up clock waits for it.
bool OpensAfterSoftware(const StoredReceived& stored) {
  return stored.opened_by_software() && stored.state() == type::v1::REFERRAL_STATE_OPENED;
}

}  // namespace

absl::Status Inbox::Load() {
  std::vector<std::string> digests;
  absl::MutexLock act(&act_mu_);
  absl::MutexLock lock(&mu_);
  ACCORD_RETURN_IF_ERROR(store_.raw().Scan(kFamilyInboxOrder, {}, [&](std::string_view key, std::string_view digest) {
    mu_.AssertHeld();
    sequence_ = std::max(sequence_, U64FromKey(key).value_or(0));
    digests.emplace_back(digest);
    return true;
  }));
  for (const std::string& digest : digests) {
    ACCORD_ASSIGN_OR_RETURN(const auto stored, store_.Get<StoredReceived>(kFamilyInbox, digest));
    if (!stored.has_value()) return Error(Reason::kStoreCorrupt, "the inbox order names a referral that is not there");
    if (stored->has_pending_statement()) pending_.insert(digest);
    if (stored->answer_due_ms() != 0) unanswered_.insert(digest);
    if (stored->has_erase_by()) gone_[digest] = stored->erase_by();
    TrackWaiting(digest, *stored);
  }
  for (const std::string_view family : {kFamilyErased, kFamilyEarly}) {
    digests.clear();
    ACCORD_RETURN_IF_ERROR(store_.raw().Scan(family, {}, [&](std::string_view digest, std::string_view) {
      digests.emplace_back(digest);
      return true;
    }));
    for (const std::string& digest : digests) {
      if (family == kFamilyErased) {
        ACCORD_ASSIGN_OR_RETURN(const auto erased, store_.Get<StoredErasedCopy>(family, digest));
        if (erased.has_value() && erased->has_pending_statement()) erased_pending_.insert(digest);
        if (erased.has_value()) NoteUnsent(digest, erased->has_pending_statement(), erased->pending_statement());
      } else {
        ACCORD_ASSIGN_OR_RETURN(const auto early, store_.Get<StoredReceived>(family, digest));
        if (early.has_value() && early->has_pending_statement()) early_pending_.insert(digest);
        if (early.has_value()) NoteUnsent(digest, early->has_pending_statement(), early->pending_statement());
      }
    }
  }
  return absl::OkStatus();
}

absl::Status Inbox::Receive(const Delivery& delivery) {
  if (delivery.delivery_id().size() != kIdBytes) {
    return Error(Reason::kFieldInvalid, "a delivery without its id", {{"field", "delivery_id"}});
  }
  ACCORD_ASSIGN_OR_RETURN(const auto known, store_.raw().Get(kFamilyDelivery, delivery.delivery_id()));
  if (known.has_value()) return absl::OkStatus();
  switch (delivery.content_case()) {
    case Delivery::kReferral: return ReceiveReferral(delivery);
    case Delivery::kStatement: return ReceiveStatement(delivery);
    default: return Error(Reason::kFieldInvalid, "a delivery of nothing that this service knows", {{"field", "content"}});
  }
}

void Inbox::Acknowledge(accord::storage::Batch& batch, const Delivery& delivery) const {
  batch.Put(kFamilyDelivery, delivery.delivery_id(), KeyU64(static_cast<uint64_t>(absl::ToUnixMillis(clock_.Now()))));
}

absl::Status Inbox::ReceiveReferral(const Delivery& delivery) {
  const auto& received = delivery.referral();
  StoredReceived stored;
  *stored.mutable_header() = received.header();
  *stored.mutable_openings() = received.openings();
  *stored.mutable_sections() = received.sections();
  *stored.mutable_terms() = received.terms();
  stored.set_state(type::v1::REFERRAL_STATE_DELIVERED);
  stored.set_received_at_ms(absl::ToUnixMillis(clock_.Now()));
  stored.set_lane(delivery.lane());
  *stored.mutable_released() = delivery.released();
  stored.set_delivery_id(delivery.delivery_id());
  stored.set_pick_up_due_ms(received.pick_up_due_ms());
  stored.set_response_due_ms(received.response_due_ms());
  if (received.has_case_history()) *stored.mutable_case_history() = received.case_history();
  if (received.has_supplement()) *stored.mutable_supplement() = received.supplement();

  const std::string digest = referral::DigestOf(received.header());
  ACCORD_ASSIGN_OR_RETURN(InboxEntry entry, Open(digest, std::move(stored)));
  ACCORD_ASSIGN_OR_RETURN(const auto certificate,
                          CheckAgencyCertificate(keys_, received.sender_certificate(), entry.header.core.part.sender(),
                                                 "signing", clock_.Now()));
  ACCORD_ASSIGN_OR_RETURN(const auto key, certificate.verify_key());
  ACCORD_RETURN_IF_ERROR(referral::VerifySignature(received.header(), key));
  ACCORD_RETURN_IF_ERROR(CheckSupplement(entry));
  ACCORD_RETURN_IF_ERROR(log_.Verify(delivery.released(), type::v1::EVENT_TYPE_RELEASED, digest));
  // Of what was erased here nothing is written again, not even for a moment.
  ACCORD_ASSIGN_OR_RETURN(const auto gone, store_.raw().Get(kFamilyErased, digest));
  std::vector<agency::v1::OpenedSection> sections;
  if (!gone.has_value()) {
    ACCORD_RETURN_IF_ERROR(FetchSections(digest, entry.stored));
    auto opened = OpenSections(entry);
    if (!opened.ok()) return GiveUp(digest, opened.status());
    sections = *std::move(opened);
  }

  absl::MutexLock act(&act_mu_);  // Acts of workers write what this marks.
  ACCORD_RETURN_IF_ERROR(MarkReplaced(entry));
  ACCORD_RETURN_IF_ERROR(outbox_.AddResponse(entry.header.core.part.caused_by(), digest));
  absl::MutexLock lock(&mu_);
  ACCORD_ASSIGN_OR_RETURN(const auto earlier, store_.Get<StoredReceived>(kFamilyInbox, digest));
  // Erased here: acknowledged, so that it does not come again, and not kept.
  ACCORD_ASSIGN_OR_RETURN(const auto erased, store_.raw().Get(kFamilyErased, digest));
  const bool keep = !earlier.has_value() && !erased.has_value();
  accord::storage::Batch batch;
  if (keep) {  // Requeued under another delivery id otherwise: what workers did stands.
    entry.stored.set_sequence(sequence_ + 1);
    ACCORD_RETURN_IF_ERROR(TakeEarly(entry, batch));
    store_.Put(batch, kFamilyInbox, digest, entry.stored);
    batch.Put(kFamilyInboxOrder, KeyU64(entry.stored.sequence()), digest);
    store_.Put(batch, kFamilyInboxPeople, digest, PeopleIn(keys_, sections));
  }
  StoredReceived left = earlier.value_or(StoredReceived());
  if (earlier.has_value() && entry.stored.has_supplement()) {
    left = SealedAgain(*earlier, entry.stored);
    store_.Put(batch, kFamilyInbox, digest, left);
  }
  // What was fetched and is not kept goes, and what a new one took the place of.
  ACCORD_RETURN_IF_ERROR(DropSections(batch, digest, keep ? entry.stored.sections() : left.sections()));
  Acknowledge(batch, delivery);
  ACCORD_RETURN_IF_ERROR(store_.Commit(batch));
  if (!keep) return absl::OkStatus();
  ++sequence_;
  early_pending_.erase(digest);
  if (entry.stored.has_pending_statement()) pending_.insert(digest);
  if (entry.stored.has_erase_by()) gone_[digest] = entry.stored.erase_by();
  TrackWaiting(digest, entry.stored);
  return absl::OkStatus();
}

absl::Status Inbox::ReceiveStatement(const Delivery& delivery) {
  ACCORD_ASSIGN_OR_RETURN(const type::v1::Statement statement, referral::ParseStatement(delivery.statement()));
  ACCORD_RETURN_IF_ERROR(VerifyOf(statement.agency(), delivery.statement()));
  ACCORD_RETURN_IF_ERROR(log_.Verify(delivery.released(), type::v1::EVENT_TYPE_RELEASED, statement.header_digest()));
  const auto* row = referral::FindStatement(statement.kind());
  if (row != nullptr && row->by == referral::Party::kSender) return ReceiveChange(delivery, statement);
  ACCORD_RETURN_IF_ERROR(outbox_.AddStatement(statement.header_digest(), statement));
  accord::storage::Batch batch;
  Acknowledge(batch, delivery);
  return store_.Commit(batch);
}

absl::StatusOr<InboxEntry> Inbox::Open(std::string header_digest, StoredReceived stored) const {
  ACCORD_ASSIGN_OR_RETURN(const auto view, referral::ParseHeader(stored.header()));
  const std::vector<type::v1::Opening> openings(stored.openings().begin(), stored.openings().end());
  ACCORD_ASSIGN_OR_RETURN(auto header, referral::OpenHeader(view, openings));
  std::string corrected_by;
  if (!stored.replaced_by().empty()) {
    ACCORD_ASSIGN_OR_RETURN(const bool arrived, Has(stored.replaced_by()));
    if (arrived) corrected_by = stored.replaced_by();
  }
  return InboxEntry{std::move(header_digest), std::move(stored), std::move(header), std::move(corrected_by)};
}

absl::Status Inbox::Save(const InboxEntry& entry, const Statement* said) {
  accord::storage::Batch batch;
  store_.Put(batch, kFamilyInbox, entry.header_digest, entry.stored);
  if (said != nullptr) Note(batch, entry.header_digest, *said);
  ACCORD_RETURN_IF_ERROR(store_.Commit(batch));
  Track(entry.header_digest, entry.stored);
  return absl::OkStatus();
}

void Inbox::Track(std::string_view header_digest, const StoredReceived& stored) {
  const std::string digest(header_digest);
  stored.has_pending_statement() ? void(pending_.insert(digest)) : void(pending_.erase(digest));
  absl::MutexLock lock(&mu_);
  stored.answer_due_ms() != 0 ? void(unanswered_.insert(digest)) : void(unanswered_.erase(digest));
  stored.has_erase_by() ? void(gone_[digest] = stored.erase_by()) : void(gone_.erase(digest));
  TrackWaiting(digest, stored);
}

absl::StatusOr<std::vector<agency::v1::OpenedSection>> Inbox::Read(const std::string& request_id,
                                                                   std::string_view header_digest,
                                                                   const type::v1::Worker& worker) {
  absl::MutexLock lock(&act_mu_);
  ACCORD_ASSIGN_OR_RETURN(InboxEntry entry, Get(header_digest));
  ACCORD_RETURN_IF_ERROR(MayRead(entry));
  ACCORD_ASSIGN_OR_RETURN(auto sections, OpenSections(entry));
  ACCORD_RETURN_IF_ERROR(SayOpened(request_id, entry, worker));
  ACCORD_RETURN_IF_ERROR(NoteRead(header_digest, worker));
  return sections;
}

absl::Status Inbox::MayRead(const InboxEntry& entry) {
  if (entry.stored.recalled()) return Illegal("its sender recalled it: what it says is not shown; answer the recall", "recalled");
  if (entry.stored.has_erase_by()) return Illegal("this agency answered that its copy is gone: what it says is not shown", "gone");
  return absl::OkStatus();
}

absl::Status Inbox::SayOpened(const std::string& request_id, InboxEntry& entry, const type::v1::Worker& worker) {
  const bool first_person = entry.stored.opened_by_software() && IsPerson(worker);
  const bool first = entry.stored.state() == type::v1::REFERRAL_STATE_DELIVERED || first_person;
  const bool may = !entry.stored.has_pending_statement() &&
                   (OpensAfterSoftware(entry.stored) || referral::Next(entry.stored.state(), referral::Event::kOpen).has_value());
  if (first && may) {
    const absl::Status said = Say(entry, AskedFor(request_id, worker, type::v1::STATEMENT_KIND_OPENED));
    // Not signed and durable: then nobody opened it, and the worker is told why.
    const bool lost = !first_person && entry.stored.state() != type::v1::REFERRAL_STATE_DELIVERED && !entry.stored.recalled() &&
                      !entry.stored.withdrawn();  // It was opened, and this store had forgotten.
    // Nor is it asked of a person after software when no clock waits for it: the broker knows that it was opened.
    const bool known = first_person && IsDefiniteRefusal(said);
    if (!said.ok() && !entry.stored.has_pending_statement() && !lost && !known) return said;
  } else if (first_person) {  // It was said before, for software; what is known here is that nobody need be called any more.
    entry.stored.clear_opened_by_software();
    ACCORD_RETURN_IF_ERROR(Save(entry));
  }
  return absl::OkStatus();
}

absl::StatusOr<InboxEntry> Inbox::Act(const std::string& request_id, std::string_view header_digest,
                                      const type::v1::Worker& worker, type::v1::StatementKind kind,
                                      absl::FunctionRef<void(type::v1::Statement&)> fill) {
  absl::MutexLock lock(&act_mu_);
  ACCORD_ASSIGN_OR_RETURN(InboxEntry entry, Get(header_digest));
  Statement asked = AskedFor(request_id, worker, kind);
  fill(asked);
  const absl::Status reused = Error(Reason::kRequestIdReused, "this request id was used for another act; give each its own");
  if (entry.stored.has_pending_statement()) {
    ACCORD_ASSIGN_OR_RETURN(const Statement pending, referral::ParseStatement(entry.stored.pending_statement()));
    const bool same_id = pending.request_id() == request_id;
    if (same_id && ActDigest(pending) != ActDigest(asked)) return reused;
    const absl::Status sent = SendPending(entry);
    if (!sent.ok() && (same_id || !IsDefiniteRefusal(sent))) return sent;
    if (same_id) return entry;  // The same act, asked for again.
  }
  if (!request_id.empty() && entry.stored.last_request_id() == request_id) {
    if (entry.stored.last_act() != ActDigest(asked)) return reused;
    return entry;
  }
  ACCORD_RETURN_IF_ERROR(Say(entry, std::move(asked)));
  return entry;
}

absl::Status Inbox::Say(InboxEntry& entry, Statement statement) {
  const auto event = referral::EventOf(statement.kind());
  if (!referral::MaySay(referral::Party::kRecipient, keys_.kind, statement.kind())) {
    return Illegal("this agency does not say so as a recipient: children's services decide on a contact, and only they do; "
                   "others accept or decline", StateName(entry));
  }
  const bool check = entry.header.core.part.checks();
  if (!referral::MaySayOfCheck(check, statement.kind())) {
    return Illegal(check ? "a check is answered: known, not known, or known and withheld" : "only a check is answered so", StateName(entry));
  }
  if (entry.stored.recalled() && !referral::MaySayOfRecalled(statement.kind())) {
    return Illegal("its sender recalled it: only that is left to be answered", "recalled");
  }
  // Not OPENED either: what nobody had opened is not read any more, for nothing is read that is not recorded.
  if (entry.stored.withdrawn() && event.has_value()) {
    return Illegal("its sender withdrew it: nothing more is expected", "withdrawn");
  }
  const bool opens = event == referral::Event::kOpen && IsPerson(statement.worker()) && OpensAfterSoftware(entry.stored);
  if (event.has_value() && !opens && !referral::Next(entry.stored.state(), *event).has_value()) {
    return Illegal("the referral is not in a state that allows this: read it first, and see what was done with it", StateName(entry));
  }
  if (statement.kind() == type::v1::STATEMENT_KIND_CHANGE_ANSWERED) {
    ACCORD_RETURN_IF_ERROR(CheckAnswer(entry, statement));
    statement.set_answers(referral::DigestOf(entry.stored.change()));
  }
  if (IsPerson(statement.worker())) {
    entry.stored.clear_opened_by_software();
  } else if (statement.kind() == type::v1::STATEMENT_KIND_OPENED) {
    entry.stored.set_opened_by_software(true);
  }
  statement.set_agency(keys_.agency);
  statement.set_header_digest(entry.header_digest);
  statement.set_previous_statement(entry.stored.last_statement());
  statement.set_acted_at_ms(absl::ToUnixMillis(clock_.Now()));
  ACCORD_ASSIGN_OR_RETURN(*entry.stored.mutable_pending_statement(), referral::SignStatement(statement, keys_.signing_key));
  if (const absl::Status saved = Save(entry, &statement); !saved.ok()) {
    entry.stored.clear_pending_statement();
    return saved;
  }
  return SendPending(entry);
}

absl::Status Inbox::SendPending(InboxEntry& entry) {
  ACCORD_RETURN_IF_ERROR(alarm_.Check());
  const type::v1::SignedPayload document = entry.stored.pending_statement();
  ACCORD_ASSIGN_OR_RETURN(const auto statement, referral::ParseStatement(document));
  const bool outcome = statement.kind() == type::v1::STATEMENT_KIND_OUTCOME || statement.kind() == type::v1::STATEMENT_KIND_ACTION;
  const auto send = [&](auto request, auto method) {
    request.set_request_id(statement.request_id());
    *request.mutable_statement() = document;
    return (broker_.*method)(request);
  };
  type::v1::Receipt receipt;
  type::v1::ReferralState state = entry.stored.state();
  absl::Status answer;
  const auto take = [&](const auto& response) {
    answer = response.status();
    if (!response.ok()) return;
    receipt = response->receipt();
    state = response->state();
    // By when what comes of it is to be told says the broker; an outcome tells it.
    if constexpr (requires { response->feedback_due_ms(); }) {
      entry.stored.set_feedback_due_ms(response->feedback_due_ms());
    } else if (statement.kind() == type::v1::STATEMENT_KIND_OUTCOME && IsPerson(statement.worker())) {
      entry.stored.clear_feedback_due_ms();
    }
  };
  if (outcome) {
    take(send(broker::v1::RecordOutcomeRequest(), &BrokerLink::RecordOutcome));
  } else {
    take(send(broker::v1::RespondToReferralRequest(), &BrokerLink::Respond));
  }
  NoteAnswer(answer);
  if (!answer.ok()) {
    // What was signed with a key that the agency has since replaced is signed anew; a key not enrolled yet is waited for.
    if (HasReason(answer, Reason::kSigningKeyUnknown) && document.key_id() != keys_.signing_key.key_id()) {
      ACCORD_ASSIGN_OR_RETURN(*entry.stored.mutable_pending_statement(), referral::SignStatement(statement, keys_.signing_key));
      ACCORD_RETURN_IF_ERROR(Save(entry));
      return answer;
    }
    if (!IsDefiniteRefusal(answer)) return answer;
    TakeUp(entry.stored, answer);
    // A recall or withdrawal that overtook the word that somebody had opened it: nobody may say afterwards that it was not.
    const bool opened = (entry.stored.recalled() || entry.stored.withdrawn()) && statement.kind() == type::v1::STATEMENT_KIND_OPENED;
    if (opened) entry.stored.set_state(type::v1::REFERRAL_STATE_OPENED);
    entry.stored.clear_pending_statement();
    ACCORD_RETURN_IF_ERROR(Save(entry));
    return answer;
  }
  ACCORD_RETURN_IF_ERROR(log_.Verify(receipt, type::v1::EVENT_TYPE_STATEMENT, entry.header_digest));
  if (statement.kind() != type::v1::STATEMENT_KIND_CHANGE_ANSWERED) {
    entry.stored.set_state(state);
  } else {
    // A newer change may have come meanwhile, which this does not answer.
    if (referral::DigestOf(entry.stored.change()) == statement.answers()) entry.stored.clear_answer_due_ms();
    if (ChangeAnswered{.answer = statement.change_answer()}.IsGone()) *entry.stored.mutable_erase_by() = statement.worker();
  }
  entry.stored.set_last_statement(referral::DigestOf(document));
  entry.stored.set_last_request_id(statement.request_id());
  entry.stored.set_last_act(ActDigest(statement));
  auto& receipts = *entry.stored.mutable_statement_receipts();
  if (receipts.size() == kStatementReceiptsMax) receipts.DeleteSubrange(0, 1);
  *receipts.Add() = receipt;
  entry.stored.clear_pending_statement();
  return Save(entry);
}

void Inbox::ResendPending() {
  if (const absl::Status sent = SendOwnAnswers(); !sent.ok() && !IsDefiniteRefusal(sent)) return;
  std::set<std::string> digests;
  {
    absl::MutexLock lock(&act_mu_);
    digests = pending_;
  }
  for (const std::string& digest : digests) {
    absl::MutexLock lock(&act_mu_);  // For one at a time: workers act between them.
    auto entry = Get(digest);
    if (!entry.ok() || !entry->stored.has_pending_statement()) continue;
    if (const absl::Status sent = SendPending(*entry); !sent.ok() && !IsDefiniteRefusal(sent)) return;  // The broker is away.
  }
}

}  // namespace accord::agent
