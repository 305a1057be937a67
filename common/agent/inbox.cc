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
using storage::v1::StoredReceived;
using type::v1::Statement;

absl::Status NotFound() { return Error(Reason::kReferralNotFound, "no referral of this name was received"); }

// An answer that sending the same statement again cannot change.
bool IsDefinite(const absl::Status& status) {
  return status.code() == absl::StatusCode::kInvalidArgument || status.code() == absl::StatusCode::kFailedPrecondition ||
         status.code() == absl::StatusCode::kAlreadyExists || status.code() == absl::StatusCode::kNotFound ||
         HasReason(status, Reason::kNotPermitted);
}

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
  return crypto::Sha256(statement.SerializeAsString());
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
  }
  return absl::OkStatus();
}

absl::Status Inbox::Receive(const Delivery& delivery) {
  if (delivery.delivery_id().size() != kIdBytes) {
    return Error(Reason::kFieldInvalid, "a delivery without its id", {{"field", "delivery_id"}});
  }
  ACCORD_ASSIGN_OR_RETURN(const auto known, store_.raw().Get(kFamilyDelivery, delivery.delivery_id()));
  if (known.has_value()) return absl::OkStatus();
  return delivery.content_case() == Delivery::kReferral ? ReceiveReferral(delivery) : ReceiveStatement(delivery);
}

absl::Status Inbox::ReceiveReferral(const Delivery& delivery) {
  const auto& received = delivery.referral();
  StoredReceived stored;
  *stored.mutable_header() = received.header();
  *stored.mutable_openings() = received.openings();
  *stored.mutable_sections() = received.sections();
  stored.set_state(type::v1::REFERRAL_STATE_DELIVERED);
  stored.set_received_at_ms(absl::ToUnixMillis(clock_.Now()));
  stored.set_lane(delivery.lane());
  *stored.mutable_released() = delivery.released();

  const std::string digest = referral::DigestOf(received.header());
  ACCORD_ASSIGN_OR_RETURN(InboxEntry entry, Open(digest, std::move(stored)));
  ACCORD_ASSIGN_OR_RETURN(const auto certificate,
                          CheckAgencyCertificate(keys_, received.sender_certificate(), entry.header.core.part.sender(),
                                                 "signing", clock_.Now()));
  ACCORD_ASSIGN_OR_RETURN(const auto key, certificate.verify_key());
  ACCORD_RETURN_IF_ERROR(referral::VerifySignature(received.header(), key));
  ACCORD_RETURN_IF_ERROR(OpenSections(entry));
  ACCORD_RETURN_IF_ERROR(log_.Verify(delivery.released(), type::v1::EVENT_TYPE_RELEASED, digest));

  absl::MutexLock lock(&mu_);
  ACCORD_ASSIGN_OR_RETURN(const auto earlier, store_.Get<StoredReceived>(kFamilyInbox, digest));
  // Erased here: acknowledged, so that it does not come again, and not kept.
  ACCORD_ASSIGN_OR_RETURN(const auto erased, store_.raw().Get(kFamilyErased, digest));
  const bool keep = !earlier.has_value() && !erased.has_value();
  accord::storage::Batch batch;
  if (keep) {  // Requeued under another delivery id otherwise: what workers did stands.
    entry.stored.set_sequence(sequence_ + 1);
    store_.Put(batch, kFamilyInbox, digest, entry.stored);
    batch.Put(kFamilyInboxOrder, KeyU64(entry.stored.sequence()), digest);
  }
  batch.Put(kFamilyDelivery, delivery.delivery_id(), KeyU64(static_cast<uint64_t>(entry.stored.received_at_ms())));
  ACCORD_RETURN_IF_ERROR(store_.Commit(batch));
  if (keep) ++sequence_;
  return absl::OkStatus();
}

absl::Status Inbox::ReceiveStatement(const Delivery& delivery) {
  ACCORD_ASSIGN_OR_RETURN(const type::v1::Statement statement, referral::ParseStatement(delivery.statement()));
  // Whose key it is says the directory; that it may be theirs says our area authority.
  ACCORD_ASSIGN_OR_RETURN(const auto agencies, broker_.ListAgencies());
  absl::Status verified = Error(Reason::kSigningKeyUnknown, "the statement's key is not one of its agency's");
  for (const auto& agency : agencies) {
    if (agency.id() != statement.agency()) continue;
    for (const std::string& der : agency.signing_certificates()) {
      const auto certificate = CheckAgencyCertificate(keys_, der, agency.id(), "signing", clock_.Now());
      if (!certificate.ok() || certificate->public_key_id() != delivery.statement().key_id()) continue;
      ACCORD_ASSIGN_OR_RETURN(const auto key, certificate->verify_key());
      verified = referral::VerifySignature(delivery.statement(), key);
    }
  }
  ACCORD_RETURN_IF_ERROR(verified);
  ACCORD_RETURN_IF_ERROR(log_.Verify(delivery.released(), type::v1::EVENT_TYPE_RELEASED, statement.header_digest()));
  ACCORD_RETURN_IF_ERROR(outbox_.AddStatement(statement.header_digest(), statement));
  accord::storage::Batch batch;
  batch.Put(kFamilyDelivery, delivery.delivery_id(), KeyU64(static_cast<uint64_t>(absl::ToUnixMillis(clock_.Now()))));
  return store_.Commit(batch);
}

absl::StatusOr<InboxEntry> Inbox::Open(std::string header_digest, StoredReceived stored) const {
  ACCORD_ASSIGN_OR_RETURN(const auto view, referral::ParseHeader(stored.header()));
  const std::vector<type::v1::Opening> openings(stored.openings().begin(), stored.openings().end());
  ACCORD_ASSIGN_OR_RETURN(auto header, referral::OpenHeader(view, openings));
  return InboxEntry{std::move(header_digest), std::move(stored), std::move(header)};
}

absl::StatusOr<std::vector<agency::v1::OpenedSection>> Inbox::OpenSections(const InboxEntry& entry) const {
  const auto& header = entry.header;
  std::map<std::string, const type::v1::SealedSection*> sealed;
  for (const auto& section : entry.stored.sections()) sealed[section.section_id()] = &section;
  if (sealed.size() != header.sections.size() || sealed.size() != static_cast<size_t>(entry.stored.sections_size())) {
    return Error(Reason::kSectionMalformed, "the sealed sections are not those that the openings tell of");
  }
  std::vector<agency::v1::OpenedSection> opened;
  for (const auto& section : header.sections) {
    const auto& part = section.part;
    const auto found = sealed.find(part.section_id());
    if (found == sealed.end()) return Error(Reason::kSectionMalformed, "a section that the openings tell of is not there");
    ACCORD_ASSIGN_OR_RETURN(const auto shown, crypto::cms::Parse(found->second->cms()));
    if (shown.digest != part.digest()) return Error(Reason::kSectionDigestMismatch, "a sealed section is not the one that was signed");
    const auto tag = std::find_if(header.tags.begin(), header.tags.end(),
                                  [&](const auto& row) { return row.part.tag_id() == part.tag_id(); });
    ACCORD_ASSIGN_OR_RETURN(const std::string plaintext,
                            crypto::cms::Open(found->second->cms(), keys_.sealing_key, keys_.sealing_certificate));
    ACCORD_ASSIGN_OR_RETURN(const std::string content,
                            referral::ReadPlaintext({header.core.part.sender(), header.core.part.request_id(), part.section_id(),
                                                     part.category(), tag->opening.content()},
                                                    plaintext));
    auto& row = opened.emplace_back();
    row.set_category(part.category());
    if (!row.mutable_content()->ParseFromString(content)) return Error(Reason::kSectionMalformed, "a section's content does not parse");
    const auto told = referral::CategoryOf(row.content());
    if (told != type::v1::CATEGORY_UNSPECIFIED && told != part.category()) {
      return Error(Reason::kSectionMalformed, "a section's content is of another category than was signed");
    }
  }
  return opened;
}

absl::StatusOr<std::vector<InboxEntry>> Inbox::List(uint64_t before, int limit) const {
  std::vector<std::string> digests;
  accord::storage::Range range;
  range.descending = true;
  if (before != 0) range.upper = KeyU64(before);
  ACCORD_RETURN_IF_ERROR(store_.raw().Scan(kFamilyInboxOrder, range, [&](std::string_view, std::string_view digest) {
    digests.emplace_back(digest);
    return digests.size() < static_cast<size_t>(limit);
  }));
  std::vector<InboxEntry> entries;
  for (const std::string& digest : digests) {
    ACCORD_ASSIGN_OR_RETURN(InboxEntry entry, Get(digest));
    entries.push_back(std::move(entry));
  }
  return entries;
}

absl::StatusOr<InboxEntry> Inbox::Get(std::string_view header_digest) const {
  if (header_digest.empty()) return NotFound();
  ACCORD_ASSIGN_OR_RETURN(auto stored, store_.Get<StoredReceived>(kFamilyInbox, header_digest));
  if (!stored.has_value()) {
    ACCORD_ASSIGN_OR_RETURN(const auto erased, store_.raw().Get(kFamilyErased, header_digest));
    return erased.has_value() ? Error(Reason::kErased, "this agency's copy was erased") : NotFound();
  }
  return Open(std::string(header_digest), *std::move(stored));
}

absl::Status Inbox::Save(const InboxEntry& entry) {
  accord::storage::Batch batch;
  store_.Put(batch, kFamilyInbox, entry.header_digest, entry.stored);
  ACCORD_RETURN_IF_ERROR(store_.Commit(batch));
  if (entry.stored.has_pending_statement()) {
    pending_.insert(entry.header_digest);
  } else {
    pending_.erase(entry.header_digest);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<agency::v1::OpenedSection>> Inbox::Read(const std::string& request_id,
                                                                   std::string_view header_digest,
                                                                   const type::v1::Worker& worker) {
  absl::MutexLock lock(&act_mu_);
  ACCORD_ASSIGN_OR_RETURN(InboxEntry entry, Get(header_digest));
  ACCORD_ASSIGN_OR_RETURN(auto sections, OpenSections(entry));
  if (entry.stored.state() == type::v1::REFERRAL_STATE_DELIVERED && !entry.stored.has_pending_statement()) {
    const absl::Status said = Say(entry, AskedFor(request_id, worker, type::v1::STATEMENT_KIND_OPENED));
    // Not signed and durable: then nobody opened it, and the worker is told why.
    if (!said.ok() && !entry.stored.has_pending_statement()) return said;
  }
  return sections;
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
    if (!sent.ok() && (same_id || !IsDefinite(sent))) return sent;
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
  const bool ours = referral::MaySay(referral::Party::kRecipient, keys_.kind, statement.kind());
  if (!ours || !event.has_value() || !referral::Next(entry.stored.state(), *event).has_value()) {
    return Error(Reason::kTransitionIllegal,
                 !ours ? "this agency does not say so as a recipient: children's services decide on a contact, and only they do; "
                         "others accept or decline"
                       : "the referral is not in a state that allows this: read it first, and see what was done with it",
                 {{"state", type::v1::ReferralState_Name(entry.stored.state())}});
  }
  statement.set_agency(keys_.agency);
  statement.set_header_digest(entry.header_digest);
  statement.set_previous_statement(entry.stored.last_statement());
  statement.set_acted_at_ms(absl::ToUnixMillis(clock_.Now()));
  ACCORD_ASSIGN_OR_RETURN(*entry.stored.mutable_pending_statement(), referral::SignStatement(statement, keys_.signing_key));
  if (const absl::Status saved = Save(entry); !saved.ok()) {
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
  };
  if (outcome) {
    take(send(broker::v1::RecordOutcomeRequest(), &BrokerLink::RecordOutcome));
  } else {
    take(send(broker::v1::RespondToReferralRequest(), &BrokerLink::Respond));
  }
  if (!answer.ok()) {
    if (!IsDefinite(answer)) return answer;
    entry.stored.clear_pending_statement();
    ACCORD_RETURN_IF_ERROR(Save(entry));
    return answer;
  }
  ACCORD_RETURN_IF_ERROR(log_.Verify(receipt, type::v1::EVENT_TYPE_STATEMENT, entry.header_digest));
  entry.stored.set_state(state);
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
  std::set<std::string> digests;
  {
    absl::MutexLock lock(&act_mu_);
    digests = pending_;
  }
  for (const std::string& digest : digests) {
    absl::MutexLock lock(&act_mu_);  // For one at a time: workers act between them.
    auto entry = Get(digest);
    if (!entry.ok() || !entry->stored.has_pending_statement()) continue;
    if (const absl::Status sent = SendPending(*entry); !sent.ok() && !IsDefinite(sent)) return;  // The broker is away.
  }
}

absl::StatusOr<bool> Inbox::Has(std::string_view header_digest) const {
  ACCORD_ASSIGN_OR_RETURN(const auto stored, store_.raw().Get(kFamilyInbox, header_digest));
  return stored.has_value();
}

absl::StatusOr<bool> Inbox::Erase(std::string_view header_digest,
                                  absl::FunctionRef<void(accord::storage::Batch& batch, const StoredReceived& erased)> fill) {
  absl::MutexLock act(&act_mu_);  // No act is under way that would write the referral back.
  absl::MutexLock lock(&mu_);
  ACCORD_ASSIGN_OR_RETURN(const auto stored, store_.Get<StoredReceived>(kFamilyInbox, header_digest));
  if (!stored.has_value()) return false;
  if (stored->has_pending_statement()) {
    return Error(Reason::kTransitionIllegal, "an act on this referral waits for the broker; erase it once that is answered",
                 {{"state", type::v1::ReferralState_Name(stored->state())}});
  }
  accord::storage::Batch batch;
  batch.Delete(kFamilyInbox, header_digest);
  batch.Delete(kFamilyInboxOrder, KeyU64(stored->sequence()));
  fill(batch, *stored);
  ACCORD_RETURN_IF_ERROR(store_.Commit(batch));
  return true;
}

}  // namespace accord::agent
