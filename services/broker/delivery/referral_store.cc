#include "services/broker/delivery/referral_store.h"

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

absl::Status SaveReferral(CommitContext& context, std::string_view header_digest, const StoredReferral& stored) {
  ACCORD_ASSIGN_OR_RETURN(const uint64_t slot, SlotOfChain(context, stored.chain()));
  return context.PutSealed(kFamilyReferral, header_digest, slot, stored.SerializeAsString());
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

absl::Status PutDelivery(CommitContext& context, std::string_view delivery_id, StoredDelivery delivery,
                         uint64_t mailbox_sequence, NewDeliveries& queued) {
  const std::string counter = KeySequenceKey(delivery.agency(), delivery.ordering_key());
  ACCORD_ASSIGN_OR_RETURN(const auto last, context.Get(kFamilyMeta, counter));
  const uint64_t key_sequence = (last.has_value() ? U64FromKey(*last).value_or(0) : 0) + 1;
  context.Put(kFamilyMeta, counter, KeyU64(key_sequence));
  delivery.set_key_sequence(key_sequence);
  delivery.set_mailbox_sequence(mailbox_sequence);
  delivery.set_state(storage::v1::DELIVERY_STATE_QUEUED);
  context.Put(kFamilyDelivery, delivery_id, delivery.SerializeAsString());
  context.Put(kFamilyMailbox, MailboxKey(delivery.agency(), delivery.desk(), delivery.lane(), mailbox_sequence),
              std::string(delivery_id));
  queued.push_back({{delivery.agency(), delivery.desk()},
                    {std::string(delivery_id), delivery.lane(), mailbox_sequence, delivery.ordering_key()}});
  return absl::OkStatus();
}

}  // namespace accord::broker
