// It is better whole: what an erasure collects of a referral, and what it leaves on the record, go by the same rows.
#include "services/broker/erasure/erase.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "common/base/bytes.h"
#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/crypto/digest.h"
#include "common/referral/statement.h"
#include "services/broker/delivery/erased.h"
#include "services/broker/delivery/referral_store.h"
#include "services/broker/directory/access.h"
#include "services/broker/directory/families.h"
#include "services/broker/disclosures/disclosure_store.h"
#include "services/broker/holds/hold_index.h"
#include "services/broker/ledger/key_slots.h"
#include "services/broker/sequencer/chains.h"
#include "services/broker/sequencer/reader.h"
#include "services/broker/sharing/breach.h"
#include "services/broker/sharing/gap.h"
#include "services/broker/sharing/notices.h"
#include "services/broker/sharing/register.h"
#include "services/broker/trails/keys.h"

namespace accord::broker {
namespace {

using storage::v1::StoredReferral;

constexpr size_t kAuthorityCharsShown = 64;

absl::Status Invalid(std::string_view field, std::string_view why) {
  return Error(Reason::kFieldInvalid, fmt::format("{}: {}", field, why), {{"field", std::string(field)}});
}
absl::Status Corrupt(std::string_view what) { return Error(Reason::kStoreCorrupt, what); }
absl::Status TooMuch(std::string_view what) {
  return Error(Reason::kMessageTooLarge, fmt::format("{}; erase its referrals one by one", what));
}

// The openings of entry `index` if they are sealed under `slot`; nothing otherwise.
absl::StatusOr<std::optional<storage::v1::StoredOpenings>> OpeningsUnder(CommitContext& context, uint64_t slot, uint64_t index) {
  ACCORD_ASSIGN_OR_RETURN(const auto stored, context.Get(kFamilyOpening, KeyU64(index)));
  if (!stored.has_value()) return std::nullopt;
  ACCORD_ASSIGN_OR_RETURN(const uint64_t under, KeySlots::SlotOf(*stored));
  if (under != slot) return std::nullopt;
  ACCORD_ASSIGN_OR_RETURN(const auto bytes, context.GetSealed(kFamilyOpening, KeyU64(index)));
  if (!bytes.has_value()) return std::nullopt;
  storage::v1::StoredOpenings openings;
  if (!openings.ParseFromString(*bytes)) return Corrupt("openings of an entry do not parse");
  return openings;
}

template <typename Part>
Part PartOf(const storage::v1::StoredOpenings& openings, std::string_view label) {
  Part part;
  for (const auto& opening : openings.openings()) {
    if (opening.label() == label && !part.ParseFromString(opening.content())) part.Clear();
  }
  return part;
}

// The leaf index of each entry of `chain`, in order.
absl::StatusOr<std::vector<uint64_t>> EntriesOf(CommitContext& context, std::string_view chain, uint64_t entries_max) {
  ACCORD_ASSIGN_OR_RETURN(const auto bytes, context.Get(kFamilyChain, chain));
  storage::v1::StoredChain stored;
  if (!bytes.has_value() || !stored.ParseFromString(*bytes)) return Corrupt("a chain is not there");
  if (stored.next_sequence() > entries_max) return TooMuch("too many entries are about it");
  std::vector<uint64_t> indexes;
  for (uint64_t sequence = 0; sequence < stored.next_sequence(); ++sequence) {
    ACCORD_ASSIGN_OR_RETURN(const auto key, context.Get(kFamilyChainEntry, ChainEntryKey(chain, sequence)));
    const auto index = key.has_value() ? U64FromKey(*key) : std::nullopt;
    if (!index.has_value()) return Corrupt("an entry of a chain is not there");
    indexes.push_back(*index);
  }
  return indexes;
}

// One referral, and what the store has of it.
class Collected {
 public:
  Collected(std::string header_digest, StoredReferral referral, referral::OpenedHeader opened, uint64_t under)
      : digest(std::move(header_digest)), stored(std::move(referral)), header(std::move(opened)), slot(under), facts(HeaderFactsOf(stored)) {}

  absl::Status Collect(CommitContext& context, const TrailKeys& keys);

  const std::string digest;
  const StoredReferral stored;
  const referral::OpenedHeader header;
  const uint64_t slot;
  const HeaderFacts facts;
  std::vector<std::pair<std::string_view, std::string>> rows;  // Family, key.
  std::set<std::string> delivery_ids;
  std::set<std::string> unsettled;  // Of them: released, and not settled.
  std::vector<std::string> signed_digests;  // Of the payloads of which something may be on the record as refused.
  std::vector<uint64_t> disclosures;        // Numbers of those that its sections were asked for by.

 private:
  void Row(std::string_view family, std::string key) { rows.emplace_back(family, std::move(key)); }
  absl::Status CollectEntry(CommitContext& context, const TrailKeys& keys, uint64_t index);
  absl::Status CollectStatement(CommitContext& context, const std::string& principal, const std::string& statement, uint64_t index);
  // What waits in a mailbox of any party at position `index`: what an entry told of. Once settled it is on the record instead.
  absl::Status CollectWaiting(CommitContext& context, uint64_t index);
  // An inspector asked for its sections: what was asked and released is content of it.
  absl::Status CollectDisclosure(CommitContext& context, uint64_t number);
  absl::Status CollectSharing(CommitContext& context);
  absl::Status CollectDue(CommitContext& context, DueKind kind, const std::string& agency, type::v1::Desk desk);
  absl::Status CollectDelivery(CommitContext& context, const std::string& id);
};

absl::Status Collected::Collect(CommitContext& context, const TrailKeys& keys) {
  const auto& core = header.core.part;
  signed_digests.push_back(digest);
  Row(kFamilyReferral, digest);
  Row(kFamilyRequest, RequestKey(PrincipalName(options::v1::CALLER_AGENCY, core.sender()), core.request_id()));
  Row(kFamilyParty, PartyKey(core.sender(), stored.stored_index()));
  for (const std::string& id : stored.section_ids()) Row(kFamilySection, SectionKey(digest, id));
  for (const auto& recipient : stored.recipients()) {
    Row(kFamilyParty, PartyKey(recipient.agency(), stored.stored_index()));
    if (!recipient.delivery_id().empty()) delivery_ids.insert(recipient.delivery_id());
  }
  for (int i = 0; i < std::min(stored.cases_size(), stored.case_numbers_size()); ++i) {
    Row(kFamilyCaseReferral, CaseReferralKey(stored.cases(i), stored.case_numbers(i)));
    Row(kFamilyCaseEvent, CaseReferralKey(stored.cases(i), stored.case_numbers(i)));
  }
  ACCORD_ASSIGN_OR_RETURN(const auto indexes, EntriesOf(context, stored.chain(), UINT64_MAX));
  for (uint64_t sequence = 0; sequence < indexes.size(); ++sequence) {
    ACCORD_RETURN_IF_ERROR(CollectEntry(context, keys, indexes[sequence]));
    Row(kFamilyFact, ChainEntryKey(stored.chain(), sequence));  // Written yet or not, as those of the index.
  }
  ACCORD_RETURN_IF_ERROR(CollectSharing(context));
  for (const std::string& id : delivery_ids) ACCORD_RETURN_IF_ERROR(CollectDelivery(context, id));
  return absl::OkStatus();
}

absl::Status Collected::CollectEntry(CommitContext& context, const TrailKeys& keys, uint64_t index) {
  const std::string due = RetentionKey(header.core.part.type(), index);
  ACCORD_ASSIGN_OR_RETURN(const auto timed, context.Get(kFamilyRetention, due));
  if (timed.has_value()) Row(kFamilyRetention, due);
  ACCORD_ASSIGN_OR_RETURN(const auto openings, OpeningsUnder(context, slot, index));
  if (!openings.has_value()) return absl::OkStatus();
  Row(kFamilyOpening, KeyU64(index));
  // Written yet or not: until the rows here are deleted the index may still put them.
  ACCORD_ASSIGN_OR_RETURN(const EntryParts parts, ReadParts(*openings));
  const bool about_it = parts.referral.has_value() && parts.referral->header_digest() == digest;
  for (const std::string& key : KeysOf(keys, parts, about_it ? &facts : nullptr)) Row(kFamilyTrailIndex, TrailIndexKey(key, index));
  const auto about = PartOf<type::v1::EntryReferral>(*openings, "referral");
  if (!about.delivery_id().empty()) delivery_ids.insert(about.delivery_id());
  const auto type = PartOf<type::v1::EntryEvent>(*openings, "event").type();
  if (LeavesDeliveries(type)) return CollectWaiting(context, index);
  if (type == type::v1::EVENT_TYPE_DISCLOSURE_REQUESTED) return CollectDisclosure(context, index);
  if (type != type::v1::EVENT_TYPE_STATEMENT) return absl::OkStatus();
  return CollectStatement(context, PartOf<type::v1::EntryActor>(*openings, "actor").principal(), about.statement_digest(), index);
}

absl::Status Collected::CollectStatement(CommitContext& context, const std::string& principal, const std::string& statement,
                                         uint64_t index) {
  signed_digests.push_back(statement);
  Row(kFamilyStatement, StatementKey(digest, statement));
  ACCORD_ASSIGN_OR_RETURN(const auto bytes, context.GetSealed(kFamilyStatement, StatementKey(digest, statement)));
  storage::v1::StoredStatement kept;
  if (!bytes.has_value() || !kept.ParseFromString(*bytes)) return Corrupt("a statement on the record is not stored");
  const auto parsed = referral::ParseStatement(kept.statement());
  if (!parsed.ok()) return Corrupt("a stored statement does not parse");
  Row(kFamilyRequest, RequestKey(principal, parsed->request_id()));
  return CollectWaiting(context, index);
}

absl::Status Collected::CollectDisclosure(CommitContext& context, uint64_t number) {
  ACCORD_ASSIGN_OR_RETURN(ErasableDisclosure erasable, ErasableOf(context, number));
  for (DisclosureRow& row : erasable.rows) Row(row.family, std::move(row.key));
  if (!erasable.answer_digest.empty()) signed_digests.push_back(std::move(erasable.answer_digest));
  disclosures.push_back(number);
  return absl::OkStatus();
}

absl::Status Collected::CollectWaiting(CommitContext& context, uint64_t index) {
  std::vector<MailboxId> parties = {{header.core.part.sender(), type::v1::DESK_MAIN}};
  for (const auto& recipient : stored.recipients()) parties.push_back({recipient.agency(), recipient.desk()});
  for (const MailboxId& party : parties) {
    for (int lane = type::v1::Lane_MIN; lane <= type::v1::Lane_MAX; ++lane) {
      ACCORD_ASSIGN_OR_RETURN(const auto waiting,
                              context.Get(kFamilyMailbox, MailboxKey(party.agency, party.desk, static_cast<type::v1::Lane>(lane), index)));
      if (waiting.has_value()) delivery_ids.insert(*waiting);
    }
  }
  return absl::OkStatus();
}

absl::Status Collected::CollectSharing(CommitContext& context) {
  const std::string& sender = header.core.part.sender();
  ACCORD_ASSIGN_OR_RETURN(auto keys, SharingKeysOf(context, stored, header));
  for (std::string& key : keys) Row(kFamilySharing, std::move(key));
  const auto review = [&](ReviewKind what, std::vector<std::string> viewers, bool open, int64_t due_ms) {
    viewers.emplace_back();
    for (const std::string& viewer : viewers) Row(kFamilyReview, ReviewKey(what, viewer, open, static_cast<uint64_t>(due_ms), digest));
  };
  ACCORD_ASSIGN_OR_RETURN(const auto gap, LoadGap(context, digest));
  if (gap.has_value()) {
    Row(kFamilyGap, digest);
    std::vector<std::string> viewers(gap->recipients().begin(), gap->recipients().end());
    viewers.push_back(sender);
    review(ReviewKind::kGap, std::move(viewers), gap->review() == type::v1::GAP_REVIEW_UNSPECIFIED, gap->due_at_ms());
  }
  ACCORD_ASSIGN_OR_RETURN(const auto breach, LoadBreach(context, digest));
  if (breach.has_value()) {
    Row(kFamilyBreach, digest);
    review(ReviewKind::kBreach, {sender}, breach->assessment() == type::v1::BREACH_ASSESSMENT_UNSPECIFIED, breach->due_at_ms());
  }
  ACCORD_RETURN_IF_ERROR(CollectDue(context, DueKind::kGap, sender, type::v1::DESK_MAIN));
  ACCORD_RETURN_IF_ERROR(CollectDue(context, DueKind::kBreach, sender, type::v1::DESK_MAIN));
  ACCORD_RETURN_IF_ERROR(CollectDue(context, DueKind::kChecks, sender, type::v1::DESK_MAIN));
  for (const auto& recipient : stored.recipients()) {
    for (const DueKind kind : {DueKind::kChange, DueKind::kPickUp, DueKind::kResponse, DueKind::kFeedback, DueKind::kReseal}) {
      ACCORD_RETURN_IF_ERROR(CollectDue(context, kind, recipient.agency(), recipient.desk()));
    }
  }
  return absl::OkStatus();
}

absl::Status Collected::CollectDue(CommitContext& context, DueKind kind, const std::string& agency, type::v1::Desk desk) {
  const std::string at = DueAtKey(kind, digest, agency, desk);
  ACCORD_ASSIGN_OR_RETURN(const auto due, context.Get(kFamilyDueAt, at));
  const auto due_ms = due.has_value() ? U64FromKey(*due) : std::nullopt;
  if (!due_ms.has_value()) return absl::OkStatus();
  Row(kFamilyDueAt, at);
  Row(kFamilyDue, DueKey(*due_ms, kind, digest, agency, desk));
  return absl::OkStatus();
}

absl::Status Collected::CollectDelivery(CommitContext& context, const std::string& id) {
  ACCORD_ASSIGN_OR_RETURN(const auto delivery, LoadDelivery(context, id));
  // A hold's notice is in the same mailboxes, and is not the referral's.
  if (!delivery.has_value() || delivery->header_digest() != digest) return absl::OkStatus();
  Row(kFamilyDelivery, id);
  for (auto& [family, key] : PlacesOf(id, *delivery)) Row(family, std::move(key));
  if (delivery->state() == storage::v1::DELIVERY_STATE_QUEUED && delivery->attempt() > 0) unsettled.insert(id);
  return absl::OkStatus();
}

// Takes what names `digest` out of the openings of the REFUSED entries about it: they stand on a chain whose key stays.
absl::Status ForgetRefusals(CommitContext& context, const std::string& digest) {
  ACCORD_ASSIGN_OR_RETURN(const auto counted, context.Get(kFamilyRefused, digest));
  if (!counted.has_value()) return absl::OkStatus();
  const uint64_t count = U64FromKey(*counted).value_or(0);
  if (count > kRefusalsRewrittenMax) return TooMuch("it was refused too often");
  for (uint64_t number = 0; number < count; ++number) {
    const std::string key = RefusedKey(digest, number);
    ACCORD_ASSIGN_OR_RETURN(const auto place, context.Get(kFamilyRefused, key));
    if (!place.has_value()) return Corrupt("a row of family refused is not there");
    ACCORD_ASSIGN_OR_RETURN(const auto stored, context.Get(kFamilyOpening, *place));
    ACCORD_ASSIGN_OR_RETURN(const auto bytes, context.GetSealed(kFamilyOpening, *place));
    if (stored.has_value() && bytes.has_value()) {
      storage::v1::StoredOpenings openings, kept;
      if (!openings.ParseFromString(*bytes)) return Corrupt("openings of an entry do not parse");
      for (auto& opening : *openings.mutable_openings()) {
        if (opening.label() != "referral") *kept.add_openings() = std::move(opening);
      }
      ACCORD_ASSIGN_OR_RETURN(const uint64_t slot, KeySlots::SlotOf(*stored));
      ACCORD_RETURN_IF_ERROR(context.PutSealed(kFamilyOpening, *place, slot, kept.SerializeAsString()));
    }
    context.Delete(kFamilyRefused, key);
  }
  context.Delete(kFamilyRefused, digest);
  return absl::OkStatus();
}

// The entry, readable when the keys of `chains` are gone.
absl::StatusOr<uint64_t> AddErasedEntry(CommitContext& context, std::vector<std::string> chains, const ErasureOrder& order) {
  EntryDraft entry;
  entry.chains = std::move(chains);
  ACCORD_ASSIGN_OR_RETURN(entry.sealed_by, AdministrationChain(context));
  entry.event.set_type(type::v1::EVENT_TYPE_ERASED);
  entry.event.set_erasure_ground(order.ground);
  entry.actor = order.actor;
  return context.AddEntry(entry);
}

void PutMarks(CommitContext& context, const CaseLinker& linker, const Collected& one, uint64_t index) {
  const auto put = [&](std::string mark) { context.Put(kFamilyErased, mark, KeyU64(index)); };
  const auto& core = one.header.core.part;
  put(linker.Blind(kErasedRequestDomain,
                   RequestKey(PrincipalName(options::v1::CALLER_AGENCY, core.sender()), core.request_id())));
  put(ErasedReferralMark(one.digest));
  put(ErasedSenderMark(one.digest, core.sender()));
  for (const auto& recipient : one.stored.recipients()) {
    // As with reads: whoever was told nothing before is told nothing now.
    if (recipient.state() == type::v1::REFERRAL_STATE_STORED || recipient.state() == type::v1::REFERRAL_STATE_DEAD_LETTER ||
        recipient.state() == type::v1::REFERRAL_STATE_RECALLED ||
        (recipient.state() == type::v1::REFERRAL_STATE_WITHDRAWN && recipient.first_released_ms() == 0)) {
      continue;
    }
    put(ErasedRecipientMark(one.digest, recipient.agency(), recipient.desk()));
  }
  for (const std::string& id : one.unsettled) put(ErasedDeliveryMark(id));
  for (const uint64_t number : one.disclosures) put(ErasedDisclosureMark(number));
}

absl::StatusOr<Collected> Load(CommitContext& context, const std::string& digest) {
  ACCORD_ASSIGN_OR_RETURN(auto stored, LoadReferral(context, digest));
  if (!stored.has_value()) {
    const auto read = PlainReaderOf(context);
    ACCORD_ASSIGN_OR_RETURN(const auto erased, FindErased(read, ErasedReferralMark(digest)));
    if (erased.has_value()) return ErasedAt(*erased);
    return Error(Reason::kReferralNotFound, "no such referral");
  }
  ACCORD_ASSIGN_OR_RETURN(auto header, OpenStored(*stored));
  ACCORD_ASSIGN_OR_RETURN(const uint64_t slot, SlotOfChain(context, stored->chain()));
  return Collected(digest, *std::move(stored), std::move(header), slot);
}

// True for 1 to 64 of [A-Za-z0-9._:/-].
bool IsAuthority(std::string_view text) {
  constexpr std::string_view kOthers = "._:/-";
  return !text.empty() && text.size() <= kAuthorityCharsShown && std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || kOthers.find(c) != kOthers.npos;
  });
}

absl::Status ValidateErase(const admin::v1::Erase& erase) {
  switch (erase.target_case()) {
    case admin::v1::Erase::kHeaderDigest:
      if (erase.header_digest().size() != crypto::kDigestBytes) return Invalid("erase.header_digest", "32 bytes are needed");
      break;
    case admin::v1::Erase::kCasePseudonym:
      if (erase.case_pseudonym().size() != kIdBytes) return Invalid("erase.case_pseudonym", "16 bytes are needed");
      break;
    case admin::v1::Erase::TARGET_NOT_SET:
      return Error(Reason::kFieldMissing, "a referral or a case is needed", {{"field", "erase.target"}});
  }
  if (erase.ground() == type::v1::ERASURE_GROUND_UNSPECIFIED) {
    return Error(Reason::kFieldMissing, "a legal ground is needed", {{"field", "erase.ground"}});
  }
  if (!type::v1::ErasureGround_IsValid(erase.ground())) {
    return Error(Reason::kEnumUnknown, "erase.ground: not a ground of the published list", {{"field", "erase.ground"}});
  }
  if (erase.ground() == type::v1::ERASURE_GROUND_RETENTION_ENDED) {
    return Invalid("erase.ground", "that a retention rule has run out is the broker's own to say");
  }
  if (!IsAuthority(erase.authority())) return Invalid("erase.authority", "1 to 64 of [A-Za-z0-9._:/-] are needed");
  return absl::OkStatus();
}

absl::Status ValidateRetention(const admin::v1::PutRetention& retention) {
  std::set<int> types;
  for (const auto& rule : retention.rules()) {
    if (rule.type() == type::v1::REFERRAL_TYPE_UNSPECIFIED || !type::v1::ReferralType_IsValid(rule.type())) {
      return Error(Reason::kEnumUnknown, "put_retention.rules.type: not a type of the published list",
                   {{"field", "put_retention.rules.type"}});
    }
    if (!types.insert(rule.type()).second) return Invalid("put_retention.rules.type", "a type has one rule");
    if (rule.days() < 1 || rule.days() > kRetentionDaysMax) return Invalid("put_retention.rules.days", "1 to 36500 are needed");
  }
  if (retention.mapping_days() > kRetentionDaysMax) return Invalid("put_retention.mapping_days", "0 to 36500 are needed");
  return absl::OkStatus();
}

// What `erase` is about, as the state stands.
absl::StatusOr<std::vector<std::string>> TargetsOf(const admin::v1::Erase& erase, CommitContext& context) {
  if (erase.has_header_digest()) return std::vector<std::string>{erase.header_digest()};
  ACCORD_ASSIGN_OR_RETURN(auto digests, ReferralsOfCase(context, erase.case_pseudonym()));
  if (digests.empty()) return Error(Reason::kReferralNotFound, "no such case, or nothing of it is left to erase");
  return digests;
}

}  // namespace

absl::StatusOr<std::vector<std::string>> ReferralsOfCase(CommitContext& context, std::string_view case_pseudonym) {
  std::vector<std::string> digests;
  ACCORD_ASSIGN_OR_RETURN(const auto bytes, context.Get(kFamilyCase, case_pseudonym));
  if (!bytes.has_value()) return digests;
  storage::v1::StoredCase stored;
  if (!stored.ParseFromString(*bytes)) return Corrupt("a stored case does not parse");
  std::vector<std::string> candidates;
  for (uint64_t number = 0; number < stored.referrals(); ++number) {
    ACCORD_ASSIGN_OR_RETURN(const auto digest, context.Get(kFamilyCaseReferral, CaseReferralKey(case_pseudonym, number)));
    if (digest.has_value()) candidates.push_back(*digest);
  }
  if (!stored.indexed()) {
    // Of before referrals were numbered: the case's chain has the entry of each.
    ACCORD_ASSIGN_OR_RETURN(const auto indexes, EntriesOf(context, case_pseudonym, kCaseEntriesScannedMax));
    for (const uint64_t index : indexes) {
      ACCORD_ASSIGN_OR_RETURN(const auto sealed, context.GetSealed(kFamilyOpening, KeyU64(index)));
      storage::v1::StoredOpenings openings;
      if (!sealed.has_value()) continue;
      if (!openings.ParseFromString(*sealed)) return Corrupt("openings of an entry do not parse");
      if (PartOf<type::v1::EntryEvent>(openings, "event").type() != type::v1::EVENT_TYPE_REFERRAL_STORED) continue;
      candidates.push_back(PartOf<type::v1::EntryReferral>(openings, "referral").header_digest());
    }
  }
  std::set<std::string> seen;
  for (std::string& digest : candidates) {
    if (!seen.insert(digest).second) continue;
    ACCORD_ASSIGN_OR_RETURN(const auto referral, context.GetSealed(kFamilyReferral, digest));
    if (!referral.has_value()) continue;
    if (digests.size() == kErasureReferralsMax) return TooMuch("the case has too many referrals");
    digests.push_back(std::move(digest));
  }
  return digests;
}

absl::StatusOr<ErasureOutcome> EraseReferrals(CommitContext& context, const CaseLinker& linker,
                                              std::span<const std::string> header_digests, const ErasureOrder& order) {
  if (header_digests.size() > kErasureReferralsMax) return TooMuch("too many referrals");
  const SubjectIndex index_of = [&](const type::v1::SubjectToken& token) { return linker.Index(token); };
  const TrailKeys keys(linker.Blind(kTrailKeyDomain, ""));
  std::vector<Collected> all;
  for (const std::string& digest : header_digests) {
    ACCORD_ASSIGN_OR_RETURN(Collected one, Load(context, digest));
    ACCORD_ASSIGN_OR_RETURN(const HoldScope scope, ScopeOf(digest, one.stored, index_of));
    ACCORD_ASSIGN_OR_RETURN(const auto hold, HoldCovering(context, scope));
    if (hold.has_value()) return OnHold(*hold);
    ACCORD_RETURN_IF_ERROR(one.Collect(context, keys));
    all.push_back(std::move(one));
  }

  ErasureOutcome outcome;
  storage::v1::StoredErasure erasure;
  storage::v1::StoredErasing erasing;
  size_t bytes = 0;
  std::set<std::string> cases;
  for (const Collected& one : all) {
    ACCORD_ASSIGN_OR_RETURN(const uint64_t index, AddErasedEntry(context, ChainsOf(one.stored), order));
    if (erasure.slots().empty()) outcome.index = index;
    PutMarks(context, linker, one, index);
    for (const std::string& digest : one.signed_digests) ACCORD_RETURN_IF_ERROR(ForgetRefusals(context, digest));
    for (const auto& [family, key] : one.rows) {
      auto& row = *erasing.add_rows();
      row.set_family(std::string(family));
      row.set_key(key);
      bytes += family.size() + key.size();
    }
    if (bytes > kErasingBytesMax) return TooMuch("too much was recorded about it");
    erasing.add_header_digests(one.digest);
    erasure.add_slots(one.slot);
    erasure.add_chains(one.stored.chain());
    outcome.slots.push_back(one.slot);
    outcome.delivery_ids.insert(outcome.delivery_ids.end(), one.delivery_ids.begin(), one.delivery_ids.end());
    cases.insert(one.stored.cases().begin(), one.stored.cases().end());
  }
  // The mapping of a case begins to run out with its last referral.
  const std::set<std::string> erased(header_digests.begin(), header_digests.end());
  for (const std::string& pseudonym : cases) {
    ACCORD_ASSIGN_OR_RETURN(const auto left, ReferralsOfCase(context, pseudonym));
    if (std::any_of(left.begin(), left.end(), [&](const std::string& digest) { return !erased.contains(digest); })) continue;
    context.Put(kFamilyMapping, KeyU64(static_cast<uint64_t>(absl::ToUnixMillis(context.now()))) + pseudonym, "");
  }
  erasure.set_step(admin::v1::ERASURE_STEP_RECORDED);
  erasure.set_change(order.change);
  erasure.set_ground(order.ground);
  erasure.set_erased_at_ms(absl::ToUnixMillis(context.now()));
  context.Put(kFamilyErasure, ErasureKey(outcome.index), erasure.SerializeAsString());
  context.Put(kFamilyErasure, ErasingKey(outcome.index), erasing.SerializeAsString());
  return outcome;
}

absl::StatusOr<ErasureOutcome> EndMapping(CommitContext& context, std::string_view case_pseudonym, uint64_t numbered,
                                          std::span<const std::string> token_rows) {
  ErasureOutcome outcome;
  ACCORD_ASSIGN_OR_RETURN(const auto bytes, context.Get(kFamilyCase, case_pseudonym));
  if (!bytes.has_value()) return outcome;
  storage::v1::StoredCase stored;
  if (!stored.ParseFromString(*bytes)) return Corrupt("a stored case does not parse");
  // A referral that came meanwhile may have made tokens known that `token_rows` lacks.
  if (stored.referrals() != numbered) return outcome;
  ACCORD_ASSIGN_OR_RETURN(const auto left, ReferralsOfCase(context, case_pseudonym));
  if (!left.empty()) return outcome;
  const auto read = PlainReaderOf(context);
  ACCORD_ASSIGN_OR_RETURN(const HoldScope scope, ScopeOfCase(read, case_pseudonym));
  ACCORD_ASSIGN_OR_RETURN(const auto hold, HoldCovering(context, scope));
  if (hold.has_value()) return OnHold(*hold);

  ErasureOrder order{.ground = type::v1::ERASURE_GROUND_RETENTION_ENDED};
  order.actor.set_principal("broker");
  ACCORD_ASSIGN_OR_RETURN(outcome.index, AddErasedEntry(context, {std::string(case_pseudonym)}, order));
  context.Delete(kFamilyCase, case_pseudonym);
  for (const std::string& key : token_rows) context.Delete(kFamilyCaseToken, key);
  ACCORD_RETURN_IF_ERROR(ForgetCase(context, case_pseudonym));
  // Only the purge is left.
  storage::v1::StoredErasure erasure;
  erasure.set_step(admin::v1::ERASURE_STEP_ROWS_DELETED);
  erasure.set_ground(order.ground);
  erasure.set_erased_at_ms(absl::ToUnixMillis(context.now()));
  context.Put(kFamilyErasure, ErasureKey(outcome.index), erasure.SerializeAsString());
  context.Put(kFamilyErasure, ErasingKey(outcome.index), storage::v1::StoredErasing().SerializeAsString());
  return outcome;
}

absl::Status ErasureChanges::Validate(const admin::v1::Change& change) const {
  return change.has_erase() ? ValidateErase(change.erase()) : ValidateRetention(change.put_retention());
}

absl::Status ErasureChanges::Check(const admin::v1::Change& change, CommitContext& context) const {
  if (!change.has_erase()) return absl::OkStatus();
  ACCORD_ASSIGN_OR_RETURN(const auto digests, TargetsOf(change.erase(), context));
  for (const std::string& digest : digests) ACCORD_RETURN_IF_ERROR(Load(context, digest));
  return absl::OkStatus();
}

absl::Status ErasureChanges::Write(uint64_t number, storage::v1::StoredChange& stored, const type::v1::EntryActor& actor,
                                   CommitContext& context) const {
  written_ = {};
  if (stored.change().has_put_retention()) {
    storage::v1::StoredRetention retention;
    *retention.mutable_rules() = stored.change().put_retention();
    retention.set_change(number);
    retention.set_in_force_ms(absl::ToUnixMillis(context.now()));
    context.Put(kFamilyPolicy, RetentionVersionKey(number), retention.SerializeAsString());
    context.Put(kFamilyPolicy, kRetentionCurrentKey, retention.SerializeAsString());
    return absl::OkStatus();
  }
  auto& erase = *stored.mutable_change()->mutable_erase();
  ACCORD_ASSIGN_OR_RETURN(const auto digests, TargetsOf(erase, context));
  ACCORD_ASSIGN_OR_RETURN(written_, EraseReferrals(context, linker_(), digests, {erase.ground(), actor, number}));
  stored.set_erasure(written_.index);
  if (erase.has_header_digest()) erase.clear_target();  // Its digest stays, of the change as it was proposed.
  return absl::OkStatus();
}

void ErasureChanges::Published(uint64_t, const storage::v1::StoredChange& stored) const {
  if (stored.erasure() != 0 && stored.erasure() == written_.index) recorded_(written_);
}

}  // namespace accord::broker
