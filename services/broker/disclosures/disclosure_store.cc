#include "services/broker/disclosures/disclosure_store.h"

#include <utility>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/crypto/digest.h"
#include "common/referral/disclosure.h"
#include "common/referral/header.h"
#include "services/broker/directory/access.h"
#include "services/broker/directory/families.h"
#include "services/broker/warrants/warrant_states.h"

namespace accord::broker {
namespace {

using inspection::v1::Disclosure;
using storage::v1::StoredDisclosure;
using storage::v1::StoredWarrant;

type::v1::Desk ListedDesk(type::v1::Desk desk) { return desk == type::v1::DESK_CONFIDENTIAL ? desk : type::v1::DESK_MAIN; }

absl::Status DisclosureCorrupt(std::string_view what) { return Error(Reason::kStoreCorrupt, what); }

}  // namespace

std::string DisclosureListPrefix(DisclosureList list, const DisclosureViewer& viewer) {
  return ByteWriter()
      .U8(static_cast<uint8_t>(list))
      .U8(static_cast<uint8_t>(viewer.kind))
      .Lp8(viewer.id)
      .U8(static_cast<uint8_t>(ListedDesk(viewer.desk)))
      .bytes();
}

std::string DisclosureListKey(DisclosureList list, const DisclosureViewer& viewer, uint64_t number) {
  return DisclosureListPrefix(list, viewer) + KeyU64(number);
}

std::string DisclosedKey(uint64_t number, uint32_t part) { return ByteWriter().U64(number).U32(part).bytes(); }

std::string ErasedDisclosureMark(uint64_t number) {
  return crypto::Sha256(ByteWriter().Lp16("accord/erased-disclosure/v1").U64(number).bytes());
}

std::vector<DisclosureViewer> ViewersOf(const Disclosure& disclosure) {
  return {{DisclosureViewerKind::kAgency, disclosure.agency(), ListedDesk(disclosure.desk())},
          {DisclosureViewerKind::kInspectorate, disclosure.inspectorate()},
          {DisclosureViewerKind::kAdministrators, ""}};
}

absl::StatusOr<std::optional<StoredDisclosure>> LoadDisclosure(SealedReader read, uint64_t number) {
  ACCORD_ASSIGN_OR_RETURN(const auto bytes, read(kFamilyDisclosure, KeyU64(number)));
  if (!bytes.has_value()) return std::nullopt;
  StoredDisclosure stored;
  if (!stored.ParseFromString(*bytes)) return DisclosureCorrupt("a stored disclosure does not parse");
  return stored;
}

absl::StatusOr<StoredWarrant> WarrantOfDisclosure(PlainReader read, const Disclosure& disclosure) {
  ACCORD_ASSIGN_OR_RETURN(const auto bytes, read(kFamilyWarrant, disclosure.warrant()));
  StoredWarrant stored;
  if (!bytes.has_value() || !stored.ParseFromString(*bytes)) return DisclosureCorrupt("the warrant of a disclosure is not there");
  return stored;
}

bool IsWarrantOver(const StoredWarrant& warrant, absl::Time now) {
  const auto state = WarrantStateAt(warrant, now);
  return state == inspection::v1::WARRANT_STATE_ENDED || state == inspection::v1::WARRANT_STATE_EXPIRED;
}

absl::StatusOr<uint64_t> SlotOfDisclosure(CommitContext& context, const Disclosure& disclosure) {
  if (disclosure.kind() == type::v1::DISCLOSURE_KIND_SECTIONS) {
    ACCORD_ASSIGN_OR_RETURN(const auto referral, LoadReferral(context, disclosure.referral()));
    if (!referral.has_value()) return DisclosureCorrupt("the referral of a disclosure is not there");
    return SlotOfChain(context, referral->chain());
  }
  const auto read = PlainReaderOf(context);
  ACCORD_ASSIGN_OR_RETURN(const StoredWarrant warrant, WarrantOfDisclosure(read, disclosure));
  return SlotOfChain(context, warrant.chain());
}

absl::Status SaveDisclosure(CommitContext& context, const StoredDisclosure& stored) {
  ACCORD_ASSIGN_OR_RETURN(const uint64_t slot, SlotOfDisclosure(context, stored.disclosure()));
  return context.PutSealed(kFamilyDisclosure, KeyU64(stored.disclosure().number()), slot, stored.SerializeAsString());
}

void ListDisclosure(CommitContext& context, const Disclosure& disclosure) {
  for (const DisclosureViewer& viewer : ViewersOf(disclosure)) {
    context.Put(kFamilyDisclosure, DisclosureListKey(DisclosureList::kAll, viewer, disclosure.number()), "");
    context.Put(kFamilyDisclosure, DisclosureListKey(DisclosureList::kOpen, viewer, disclosure.number()), "");
  }
}

void CloseDisclosure(CommitContext& context, const Disclosure& disclosure) {
  for (const DisclosureViewer& viewer : ViewersOf(disclosure)) {
    context.Delete(kFamilyDisclosure, DisclosureListKey(DisclosureList::kOpen, viewer, disclosure.number()));
  }
}

absl::StatusOr<uint64_t> CountOpenDisclosures(const storage::Store& store, SealedReader sealed, std::string_view agency, absl::Time now) {
  std::vector<uint64_t> numbers;
  for (const auto desk : {type::v1::DESK_MAIN, type::v1::DESK_CONFIDENTIAL}) {
    const std::string prefix = DisclosureListPrefix(DisclosureList::kOpen, {DisclosureViewerKind::kAgency, std::string(agency), desk});
    ACCORD_RETURN_IF_ERROR(store.Scan(kFamilyDisclosure, storage::Prefix(prefix), [&](std::string_view key, std::string_view) {
      numbers.push_back(U64FromKey(key.substr(prefix.size())).value_or(0));
      return true;
    }));
  }
  const auto read = PlainReaderOf(store);
  uint64_t open = 0;
  for (const uint64_t number : numbers) {
    ACCORD_ASSIGN_OR_RETURN(const auto stored, LoadDisclosure(sealed, number));
    if (!stored.has_value()) continue;
    ACCORD_ASSIGN_OR_RETURN(const StoredWarrant warrant, WarrantOfDisclosure(read, stored->disclosure()));
    open += !IsWarrantOver(warrant, now);
  }
  return open;
}

absl::StatusOr<ErasableDisclosure> ErasableOf(CommitContext& context, uint64_t number) {
  ErasableDisclosure erasable;
  std::vector<DisclosureRow>& rows = erasable.rows;
  const auto read = SealedReaderOf(context);
  ACCORD_ASSIGN_OR_RETURN(const auto stored, LoadDisclosure(read, number));
  if (!stored.has_value()) return DisclosureCorrupt("a disclosure on the record is not stored");
  const Disclosure& disclosure = stored->disclosure();
  rows.push_back({kFamilyDisclosure, KeyU64(number)});
  for (const DisclosureViewer& viewer : ViewersOf(disclosure)) {
    rows.push_back({kFamilyDisclosure, DisclosureListKey(DisclosureList::kOpen, viewer, number)});
  }
  for (int part = 0; part < stored->section_ids_size(); ++part) rows.push_back({kFamilyDisclosed, DisclosedKey(number, static_cast<uint32_t>(part))});
  rows.push_back({kFamilyRequest, RequestKey(PrincipalName(options::v1::CALLER_INSPECTOR, disclosure.inspector()), stored->asked_request_id())});
  if (stored->has_statement()) {
    const auto statement = referral::ParseDisclosureStatement(stored->statement());
    erasable.answer_digest = referral::DigestOf(stored->statement());
    if (!statement.ok()) return DisclosureCorrupt("the stored answer to a disclosure does not parse");
    rows.push_back({kFamilyRequest, RequestKey(PrincipalName(options::v1::CALLER_AGENCY, disclosure.agency()), statement->request_id())});
  }
  const std::string mark = ChangeMark(number), at = DueAtKey(DueKind::kDisclosure, mark, disclosure.agency(), disclosure.desk());
  ACCORD_ASSIGN_OR_RETURN(const auto due, context.Get(kFamilyDueAt, at));
  if (const auto due_ms = due.has_value() ? U64FromKey(*due) : std::nullopt; due_ms.has_value()) {
    rows.push_back({kFamilyDueAt, at});
    rows.push_back({kFamilyDue, DueKey(*due_ms, DueKind::kDisclosure, mark, disclosure.agency(), disclosure.desk())});
  }
  return erasable;
}

}  // namespace accord::broker
