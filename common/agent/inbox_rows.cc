// Rows of the inbox: found, listed, erased; whom they are about; what is noted of them in the journal.
#include "common/agent/inbox.h"

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/referral/referral_name.h"
#include "common/referral/states.h"

namespace accord::agent {
namespace {

using storage::v1::StoredInboxPeople;
using storage::v1::StoredReceived;

}  // namespace

type::v1::ReferralState StateNow(const StoredReceived& stored) {
  const auto withdrawn = referral::Next(stored.state(), referral::Event::kWithdraw);
  return stored.withdrawn() && withdrawn.has_value() ? *withdrawn : stored.state();
}

absl::Status ReferralNotReceived() { return Error(Reason::kReferralNotFound, "no referral of this name was received"); }

absl::StatusOr<std::vector<std::pair<uint64_t, std::string>>> Inbox::Arrivals(uint64_t before, size_t limit) const {
  std::vector<std::pair<uint64_t, std::string>> arrivals;
  accord::storage::Range range;
  range.descending = true;
  if (before != 0) range.upper = KeyU64(before);
  ACCORD_RETURN_IF_ERROR(store_.raw().Scan(kFamilyInboxOrder, range, [&](std::string_view key, std::string_view digest) {
    arrivals.emplace_back(U64FromKey(key).value_or(0), digest);
    return arrivals.size() < limit;
  }));
  return arrivals;
}

absl::StatusOr<std::vector<InboxEntry>> Inbox::List(uint64_t before, int limit) const {
  ACCORD_ASSIGN_OR_RETURN(const auto arrivals, Arrivals(before, static_cast<size_t>(limit)));
  std::vector<InboxEntry> entries;
  for (const auto& [sequence, digest] : arrivals) {
    ACCORD_ASSIGN_OR_RETURN(InboxEntry entry, Get(digest));
    entries.push_back(std::move(entry));
  }
  return entries;
}

absl::StatusOr<InboxEntry> Inbox::Get(std::string_view header_digest) const {
  if (header_digest.empty()) return ReferralNotReceived();
  ACCORD_ASSIGN_OR_RETURN(auto stored, store_.Get<StoredReceived>(kFamilyInbox, header_digest));
  if (!stored.has_value()) {
    ACCORD_ASSIGN_OR_RETURN(const auto erased, store_.raw().Get(kFamilyErased, header_digest));
    return erased.has_value() ? Error(Reason::kErased, "this agency's copy was erased") : ReferralNotReceived();
  }
  return Open(std::string(header_digest), *std::move(stored));
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
  if (stored->answer_due_ms() != 0) {
    return Error(Reason::kTransitionIllegal, "its sender waits for an answer to a change; answer it first",
                 {{"state", type::v1::ReferralState_Name(stored->state())}});
  }
  accord::storage::Batch batch;
  batch.Delete(kFamilyInbox, header_digest);
  batch.Delete(kFamilyInboxOrder, KeyU64(stored->sequence()));
  batch.Delete(kFamilyInboxPeople, header_digest);
  ACCORD_RETURN_IF_ERROR(DropSections(batch, header_digest, {}));
  batch.Delete(kFamilyForumCase, header_digest);
  ACCORD_RETURN_IF_ERROR(store_.raw().Scan(kFamilyForumAction, accord::storage::Prefix(header_digest), [&](std::string_view key, std::string_view) {
    batch.Delete(kFamilyForumAction, key);
    return true;
  }));
  if (workers_ != nullptr) workers_->Release(batch, header_digest);
  fill(batch, *stored);
  ACCORD_RETURN_IF_ERROR(store_.Commit(batch));
  gone_.erase(std::string(header_digest));
  waiting_.erase(std::string(header_digest));
  return true;
}

absl::StatusOr<StoredInboxPeople> Inbox::People(std::string_view header_digest) const {
  ACCORD_ASSIGN_OR_RETURN(auto kept, store_.Get<StoredInboxPeople>(kFamilyInboxPeople, header_digest));
  if (kept.has_value() && AreCurrent(keys_, *kept)) return *std::move(kept);
  ACCORD_ASSIGN_OR_RETURN(const InboxEntry entry, Get(header_digest));
  const auto sections = OpenSections(entry);
  StoredInboxPeople people;
  if (!sections.ok()) {
    people.set_cut(true);
    return people;
  }
  people = PeopleIn(keys_, *sections);
  absl::MutexLock lock(&mu_);  // What is erased meanwhile leaves nothing behind.
  ACCORD_ASSIGN_OR_RETURN(const bool there, Has(header_digest));
  if (!there) return ReferralNotReceived();
  accord::storage::Batch batch;
  store_.Put(batch, kFamilyInboxPeople, header_digest, people);
  ACCORD_RETURN_IF_ERROR(store_.Commit(batch));
  return people;
}

bool Inbox::IsOpenWork(std::string_view header_digest) const {
  const auto stored = store_.Get<StoredReceived>(kFamilyInbox, header_digest);
  if (!stored.ok()) return true;  // Unknown: somebody had better look.
  if (!stored->has_value()) return false;
  switch ((*stored)->state()) {
    case type::v1::REFERRAL_STATE_DECLINED:
    case type::v1::REFERRAL_STATE_REDIRECTED:
    case type::v1::REFERRAL_STATE_TRANSFERRED_OUT:
    case type::v1::REFERRAL_STATE_CLOSED: return (*stored)->answer_due_ms() != 0;  // A change of it may still have to be answered.
    default: return true;
  }
}

void Inbox::Note(accord::storage::Batch& batch, std::string_view header_digest, const type::v1::Statement& said) {
  if (journal_ == nullptr) return;
  agency::v1::JournalEntry entry;
  entry.set_act(agency::v1::JOURNAL_ACT_STATEMENT);
  *entry.mutable_worker() = said.worker();
  entry.set_about(referral::ReferralName(header_digest));
  entry.set_statement(said.kind());
  journal_->Append(batch, std::move(entry));
}

absl::Status Inbox::NoteRead(std::string_view header_digest, const type::v1::Worker& worker) {
  if (journal_ == nullptr) return absl::OkStatus();
  agency::v1::JournalEntry entry;
  entry.set_act(agency::v1::JOURNAL_ACT_READ);
  *entry.mutable_worker() = worker;
  entry.set_about(referral::ReferralName(header_digest));
  return journal_->Record(std::move(entry));
}

}  // namespace accord::agent
