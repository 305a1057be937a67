#include "services/broker/delivery/referral_store.h"

#include <algorithm>
#include <utility>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "services/broker/directory/families.h"
#include "services/broker/sequencer/reader.h"

namespace accord::broker {

using storage::v1::StoredDelivery;
using storage::v1::StoredRecipient;
using storage::v1::StoredReferral;

absl::StatusOr<std::optional<StoredReferral>> LoadReferral(SealedReader read, std::string_view header_digest) {
  ACCORD_ASSIGN_OR_RETURN(const auto bytes, read(kFamilyReferral, header_digest));
  if (!bytes.has_value()) return std::nullopt;
  StoredReferral stored;
  if (!stored.ParseFromString(*bytes)) return Error(Reason::kStoreCorrupt, "a stored referral does not parse");
  return stored;
}

absl::StatusOr<std::optional<StoredReferral>> LoadReferral(CommitContext& context, std::string_view header_digest) {
  return LoadReferral(SealedReaderOf(context),
                      header_digest);
}

absl::StatusOr<referral::OpenedHeader> OpenStored(const StoredReferral& stored) {
  const auto open = [&]() -> absl::StatusOr<referral::OpenedHeader> {
    ACCORD_ASSIGN_OR_RETURN(const auto view, referral::ParseHeader(stored.header()));
    const std::vector<type::v1::Opening> openings(stored.openings().begin(), stored.openings().end());
    return referral::OpenHeader(view, openings);
  };
  auto opened = open();
  if (!opened.ok()) return Error(Reason::kStoreCorrupt, "the header of a stored referral does not open");
  return opened;
}

absl::Status OverlayTags(const StoredReferral& stored, referral::HeaderParts& parts) {
  for (const type::v1::Opening& opening : stored.changed_tags()) {
    type::v1::TagPart changed;
    if (!changed.ParseFromString(opening.content())) return Error(Reason::kStoreCorrupt, "a changed tag does not parse");
    const auto tag = std::find_if(parts.tags.begin(), parts.tags.end(),
                                  [&](const type::v1::TagPart& known) { return known.tag_id() == changed.tag_id(); });
    if (tag == parts.tags.end()) return Error(Reason::kStoreCorrupt, "a changed tag is none of the referral's");
    *tag = std::move(changed);
  }
  return absl::OkStatus();
}

absl::StatusOr<referral::HeaderParts> PartsNow(const StoredReferral& stored, const referral::OpenedHeader& header) {
  referral::HeaderParts parts = header.Parts();
  ACCORD_RETURN_IF_ERROR(OverlayTags(stored, parts));
  if (stored.has_regraded()) *parts.core.mutable_risk() = stored.regraded();
  return parts;
}

const type::v1::Risk& RiskNow(const StoredReferral& stored, const type::v1::HeaderCore& core) {
  return stored.has_regraded() ? stored.regraded() : core.risk();
}

bool StandsIn(const referral::OpenedHeader& header, const StoredRecipient& recipient) {
  return !recipient.on_behalf_of().empty() ||
         std::any_of(header.recipients.begin(), header.recipients.end(), [&](const auto& row) {
           return row.part.agency() == recipient.agency() && !row.part.on_behalf_of().empty();
         });
}

absl::Status ChangeTags(StoredReferral& stored, const referral::OpenedHeader& header,
                        const std::vector<referral::Opened<type::v1::TagPart>>& tags) {
  StoredReferral changed;
  *changed.mutable_changed_tags() = stored.changed_tags();
  for (const auto& tag : tags) {
    if (header.FindTag(tag.part.tag_id()) == nullptr) {
      return Error(Reason::kFieldInvalid, "a tag's id is none of the referral's", {{"field", "openings.tag_id"}});
    }
    auto& known = *changed.mutable_changed_tags();
    known.erase(std::remove_if(known.begin(), known.end(),
                               [&](const type::v1::Opening& opening) {
                                 type::v1::TagPart older;
                                 return older.ParseFromString(opening.content()) && older.tag_id() == tag.part.tag_id();
                               }),
                known.end());
    *known.Add() = tag.opening;
  }
  ACCORD_ASSIGN_OR_RETURN(const referral::HeaderParts parts, PartsNow(changed, header));
  ACCORD_RETURN_IF_ERROR(referral::ValidateParts(parts, /*digests_required=*/true));
  stored.mutable_changed_tags()->Swap(changed.mutable_changed_tags());
  return absl::OkStatus();
}

namespace {

// What waits, or died before anything left, is unknown to its recipient: a decision must not depend on it.
bool IsToldOf(const StoredRecipient* recipient) {
  if (recipient == nullptr) return false;
  if (recipient->first_released_ms() > 0) return true;
  return recipient->state() != type::v1::REFERRAL_STATE_STORED && recipient->state() != type::v1::REFERRAL_STATE_DEAD_LETTER &&
         recipient->state() != type::v1::REFERRAL_STATE_RECALLED &&  // From before the first release was kept,
         recipient->state() != type::v1::REFERRAL_STATE_WITHDRAWN;   // but for this, which keeps it.
}

}  // namespace

absl::StatusOr<std::optional<type::v1::HeaderCore>> CausedBy(SealedReader read, const type::v1::HeaderCore& core) {
  if (core.caused_by().empty()) return std::nullopt;
  ACCORD_ASSIGN_OR_RETURN(const auto stored, LoadReferral(read, core.caused_by()));
  if (!stored.has_value()) return std::nullopt;
  ACCORD_ASSIGN_OR_RETURN(referral::OpenedHeader header, OpenStored(*stored));
  if (header.core.part.sender() != core.sender() && !IsToldOf(FindRecipient(*stored, core.sender()))) return std::nullopt;
  return std::move(header.core.part);
}

namespace {

// The onward-sharing rule under which a section was permitted to `agency` when the referral was stored. Unspecified, which asks, for what was
// permitted later.
type::v1::OnwardSharing OnwardOf(const StoredReferral& stored, std::string_view section_id, std::string_view agency) {
  for (const auto& decision : stored.decisions()) {
    const bool permits = decision.section_id() == section_id && decision.recipient() == agency && decision.verdict() == type::v1::VERDICT_PERMIT;
    if (permits) return decision.obligations().onward();
  }
  return type::v1::ONWARD_SHARING_UNSPECIFIED;
}

}  // namespace

absl::StatusOr<Cause> CauseOf(SealedReader read, const type::v1::HeaderCore& core) {
  Cause cause;
  ACCORD_ASSIGN_OR_RETURN(auto caused_by, CausedBy(read, core));
  if (!caused_by.has_value()) return cause;
  cause.known = true;
  cause.core = *std::move(caused_by);
  // A correction follows what the versions before it follow.
  type::v1::HeaderCore version = core;
  for (size_t versions = 0; version.type() == type::v1::REFERRAL_TYPE_CORRECTION && versions < kVersionsFollowedMax; ++versions) {
    ACCORD_ASSIGN_OR_RETURN(auto older, CausedBy(read, version));
    if (!older.has_value() || older->sender() != core.sender()) break;
    version = *std::move(older);
  }
  if (version.caused_by().empty()) return cause;
  ACCORD_ASSIGN_OR_RETURN(const auto stored, LoadReferral(read, version.caused_by()));
  if (!stored.has_value()) return cause;
  const StoredRecipient* const recipient = FindRecipient(*stored, core.sender());
  if (!IsToldOf(recipient)) return cause;
  ACCORD_ASSIGN_OR_RETURN(const referral::OpenedHeader header, OpenStored(*stored));
  cause.received.originator = header.core.part.sender();
  const auto& released = recipient->released_sections();
  for (const auto& section : header.sections) {
    const std::string& id = section.part.section_id();
    // What was released before that was kept: as far as it may have been.
    if (!released.empty() && std::find(released.begin(), released.end(), id) == released.end()) continue;
    cause.received.Add(section.part.category(), OnwardOf(*stored, id, core.sender()));
  }
  return cause;
}

absl::Status SaveReferral(CommitContext& context, std::string_view header_digest, const StoredReferral& stored) {
  ACCORD_ASSIGN_OR_RETURN(const uint64_t slot, SlotOfChain(context, stored.chain()));
  return context.PutSealed(kFamilyReferral, header_digest, slot, stored.SerializeAsString());
}

bool IsWithdrawn(const StoredReferral& stored) {
  return std::any_of(stored.recipients().begin(), stored.recipients().end(),
                     [](const StoredRecipient& recipient) { return recipient.state() == type::v1::REFERRAL_STATE_WITHDRAWN; });
}

StoredRecipient* FindRecipient(StoredReferral& stored, std::string_view agency) {
  for (auto& row : *stored.mutable_recipients()) {
    if (row.agency() == agency) return &row;
  }
  return nullptr;
}

const StoredRecipient* FindRecipient(const StoredReferral& stored, std::string_view agency) {
  for (const auto& row : stored.recipients()) {
    if (row.agency() == agency) return &row;
  }
  return nullptr;
}

std::vector<type::v1::Opening> OpeningsFor(const referral::OpenedHeader& header, const StoredRecipient& recipient,
                                           const std::set<std::string>& released) {
  std::vector<type::v1::Opening> openings = referral::OpeningsForRecipient(header, recipient.agency(), released);
  if (recipient.on_behalf_of().empty()) return openings;
  for (const auto& named_by : header.recipients) {
    if (named_by.part.agency() == recipient.on_behalf_of()) openings.push_back(named_by.opening);
  }
  return openings;
}

absl::StatusOr<uint64_t> SlotOfChain(CommitContext& context, std::string_view chain) {
  ACCORD_ASSIGN_OR_RETURN(const auto bytes, context.Get(kFamilyChain, chain));
  storage::v1::StoredChain stored;
  if (!bytes.has_value() || !stored.ParseFromString(*bytes)) return Error(Reason::kStoreCorrupt, "a referral's chain is not there");
  return stored.slot();
}

std::vector<std::string> ChainsOf(const StoredReferral& stored) {
  std::vector<std::string> chains = {stored.chain()};
  const int cases = std::min(stored.cases_size(), static_cast<int>(kCasesOfEntryMax));
  chains.insert(chains.end(), stored.cases().begin(), stored.cases().begin() + cases);
  return chains;
}

const std::string& OrderingKeyOf(const StoredReferral& stored) {
  return stored.cases_size() > 0 ? stored.cases(0) : stored.chain();
}

absl::StatusOr<std::optional<StoredDelivery>> LoadDelivery(CommitContext& context, std::string_view delivery_id) {
  ACCORD_ASSIGN_OR_RETURN(const auto bytes, context.Get(kFamilyDelivery, delivery_id));
  if (!bytes.has_value()) return std::nullopt;
  StoredDelivery stored;
  if (!stored.ParseFromString(*bytes)) return Error(Reason::kStoreCorrupt, "a stored delivery does not parse");
  return stored;
}

std::vector<std::pair<std::string_view, std::string>> PlacesOf(std::string_view delivery_id, const StoredDelivery& delivery) {
  switch (delivery.state()) {
    case storage::v1::DELIVERY_STATE_QUEUED:
      return {{kFamilyMailbox, MailboxKey(delivery.agency(), delivery.desk(), delivery.lane(), delivery.mailbox_sequence())}};
    case storage::v1::DELIVERY_STATE_DELIVERED:
      return {{kFamilySettled, SettledKey(delivery.agency(), delivery.desk(), delivery.settled_index())}};
    case storage::v1::DELIVERY_STATE_DEAD:
      return {{kFamilyDeadLetter, DeadLetterKey(delivery.agency(), delivery.desk(), delivery.dead_at_ms(), delivery_id)},
              {kFamilyDeadLetter, DeadLetterKey(delivery.sender(), type::v1::DESK_MAIN, delivery.dead_at_ms(), delivery_id)}};
    default: return {};
  }
}

bool CarriesReferral(const StoredDelivery& delivery) {
  return delivery.statement_digest().empty() && delivery.notice() == type::v1::NOTICE_KIND_UNSPECIFIED && delivery.hold().empty();
}

absl::Status PutDelivery(CommitContext& context, std::string_view delivery_id, StoredDelivery delivery,
                         uint64_t mailbox_sequence, NewDeliveries& queued) {
  // Greater for what was queued later, and never consecutive by design: a number that is missing must not tell a recipient that
  // something was stopped.
  delivery.set_key_sequence(mailbox_sequence + 1);
  delivery.set_mailbox_sequence(mailbox_sequence);
  delivery.set_state(storage::v1::DELIVERY_STATE_QUEUED);
  delivery.set_queued_at_ms(absl::ToUnixMillis(context.now()));
  context.Put(kFamilyDelivery, delivery_id, delivery.SerializeAsString());
  context.Put(kFamilyMailbox, MailboxKey(delivery.agency(), delivery.desk(), delivery.lane(), mailbox_sequence),
              std::string(delivery_id));
  queued.push_back({{delivery.agency(), delivery.desk()}, WaitingOf(delivery_id, delivery)});
  return absl::OkStatus();
}

}  // namespace accord::broker
