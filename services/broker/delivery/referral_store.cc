#include "services/broker/delivery/referral_store.h"

#include <algorithm>
#include <utility>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "services/broker/directory/families.h"

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
  return LoadReferral([&](std::string_view family, std::string_view key) { return context.GetSealed(family, key); },
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
  return parts;
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

absl::StatusOr<uint64_t> SlotOfChain(CommitContext& context, std::string_view chain) {
  ACCORD_ASSIGN_OR_RETURN(const auto bytes, context.Get(kFamilyChain, chain));
  storage::v1::StoredChain stored;
  if (!bytes.has_value() || !stored.ParseFromString(*bytes)) return Error(Reason::kStoreCorrupt, "a referral's chain is not there");
  return stored.slot();
}

std::vector<std::string> ChainsOf(const StoredReferral& stored) {
  std::vector<std::string> chains = {stored.chain()};
  chains.insert(chains.end(), stored.cases().begin(), stored.cases().end());
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
