#include "services/broker/directory/families.h"

#include <fmt/format.h>

#include "common/base/bytes.h"

namespace accord::broker {

std::string PrincipalChainKey(std::string_view principal) { return fmt::format("chain/{}", principal); }
std::string LeftKey(std::string_view agency) { return "left/" + std::string(agency); }
std::string RecoveryKey(uint64_t number) { return std::string(kMetaRecoveryPrefix) + KeyU64(number); }
std::string AgreementKey(std::string_view version) { return fmt::format("agreement/version/{}", version); }
std::string EmergencyKey(std::string_view version) { return fmt::format("emergency/version/{}", version); }
std::string LawKey(std::string_view version) { return fmt::format("law/version/{}", version); }
std::string ClocksKey(std::string_view version) { return fmt::format("clocks/version/{}", version); }
std::string CasesKey(std::string_view version) { return fmt::format("cases/version/{}", version); }
std::string ForumKey(std::string_view id) { return fmt::format("forum/{}", id); }
std::string ConflictListKey(std::string_view agency) { return fmt::format("conflicts/{}", agency); }

std::string RetentionVersionKey(uint64_t change) { return "retention/version/" + KeyU64(change); }

std::string OfficerKey(bool inspector, std::string_view id) {
  return fmt::format("{}/{}", inspector ? "inspector" : "admin", id);
}

std::string CosignatureKey(uint64_t size, std::string_view witness) {
  return ByteWriter().U64(size).Raw(witness).bytes();
}

std::string ScrubKey(std::string_view tile_key) { return "scrub/" + std::string(tile_key); }

std::string ForkKey(uint64_t size, std::string_view digest) { return ByteWriter().U64(size).Raw(digest).bytes(); }

std::string RequestKey(std::string_view principal, std::string_view request_id) {
  return ByteWriter().Lp8(principal).Raw(request_id).bytes();
}

std::string SectionKey(std::string_view header_digest, std::string_view section_id) {
  return ByteWriter().Raw(header_digest).Raw(section_id).bytes();
}

std::string UploadKey(std::string_view agency, std::string_view digest) {
  return ByteWriter().Raw(agency).U8(0).Raw(digest).bytes();
}
std::string UploadsOfAgencyKey(std::string_view agency) { return ByteWriter().U8(1).Raw(agency).bytes(); }
std::string UploadRowKey(std::string_view agency, std::string_view digest) {
  return ByteWriter().U8(2).Lp8(agency).Raw(digest).bytes();
}
std::string UploadSlotKey(std::string_view agency, std::string_view request_id) {
  return ByteWriter().U8(3).Lp8(agency).Raw(request_id).bytes();
}

std::string StatementKey(std::string_view header_digest, std::string_view statement_digest) {
  return ByteWriter().Raw(header_digest).Raw(statement_digest).bytes();
}

std::string PartyKey(std::string_view agency, uint64_t stored_index) {
  return ByteWriter().Lp8(agency).U64(stored_index).bytes();
}

std::string MailboxPrefix(std::string_view agency, accord::type::v1::Desk desk, accord::type::v1::Lane lane) {
  return ByteWriter().Lp8(agency).U8(static_cast<uint8_t>(desk)).U8(static_cast<uint8_t>(lane)).bytes();
}

std::string MailboxKey(std::string_view agency, accord::type::v1::Desk desk, accord::type::v1::Lane lane,
                       uint64_t sequence) {
  return MailboxPrefix(agency, desk, lane) + KeyU64(sequence);
}

namespace {

std::string DeskPrefix(std::string_view agency, accord::type::v1::Desk desk) {
  const bool confidential = desk == accord::type::v1::DESK_CONFIDENTIAL;  // Unspecified means main.
  return ByteWriter().Lp8(agency).U8(confidential ? accord::type::v1::DESK_CONFIDENTIAL : accord::type::v1::DESK_MAIN).bytes();
}

}  // namespace

std::string DeadLetterPrefix(std::string_view viewer, accord::type::v1::Desk desk) { return DeskPrefix(viewer, desk); }

std::string DeadLetterKey(std::string_view viewer, accord::type::v1::Desk desk, int64_t dead_at_ms, std::string_view delivery_id) {
  return DeskPrefix(viewer, desk) + KeyU64(~static_cast<uint64_t>(dead_at_ms)) + std::string(delivery_id);
}

std::string SettledPrefix(std::string_view agency, accord::type::v1::Desk desk) { return DeskPrefix(agency, desk); }

std::string SettledKey(std::string_view agency, accord::type::v1::Desk desk, uint64_t settled_index) {
  return DeskPrefix(agency, desk) + KeyU64(settled_index);
}

std::string ReplayKey(std::string_view agency, accord::type::v1::Desk desk) { return "replay/" + DeskPrefix(agency, desk); }

std::string HoldCoverKey(HoldTarget kind, std::string_view target) {
  return ByteWriter().U8(static_cast<uint8_t>(kind)).Raw(target).bytes();
}

std::string HoldPrefix(std::string_view hold) { return ByteWriter().Lp8(hold).bytes(); }

std::string HoldReferralKey(std::string_view hold, std::string_view header_digest) {
  return ByteWriter().Lp8(hold).Raw(header_digest).bytes();
}

std::string HoldHolderKey(std::string_view hold, std::string_view agency, accord::type::v1::Desk desk) {
  const bool confidential = desk == accord::type::v1::DESK_CONFIDENTIAL;  // Unspecified means main.
  return ByteWriter().Lp8(hold).Lp8(agency).U8(confidential ? accord::type::v1::DESK_CONFIDENTIAL : accord::type::v1::DESK_MAIN).bytes();
}

std::string CaseReferralKey(std::string_view pseudonym, uint64_t number) {
  return ByteWriter().Raw(pseudonym).U64(number).bytes();
}

std::string MatchTokenKey(accord::type::v1::SubjectRole role, std::string_view token) {
  return ByteWriter().U8(1).U8(static_cast<uint8_t>(role)).Raw(token).bytes();
}
std::string MatchCaseKey(std::string_view pseudonym) { return ByteWriter().U8(2).Raw(pseudonym).bytes(); }

std::string LinksOfCaseKey(std::string_view pseudonym) { return ByteWriter().U8(1).Raw(pseudonym).bytes(); }
std::string LinkPartyPrefix(std::string_view agency) { return ByteWriter().U8(2).Lp8(agency).bytes(); }
std::string LinkPartyKey(std::string_view agency, uint64_t number) {
  return ByteWriter().U8(2).Lp8(agency).U64(~number).bytes();
}
std::string LinkToldKey(uint64_t number) { return ByteWriter().U8(3).U64(number).bytes(); }

std::string ErasureKey(uint64_t index) { return ByteWriter().U8(1).U64(index).bytes(); }
std::string ErasingKey(uint64_t index) { return ByteWriter().U8(2).U64(index).bytes(); }
std::string ErasingPrefix() { return ByteWriter().U8(2).bytes(); }

std::string RetentionKey(accord::type::v1::ReferralType type, uint64_t last_index) {
  return ByteWriter().U32(static_cast<uint32_t>(type)).U64(last_index).bytes();
}

std::string RefusedKey(std::string_view signature_digest, uint64_t number) {
  return ByteWriter().Raw(signature_digest).U64(number).bytes();
}

std::string ChangeMark(uint64_t number) { return std::string(24, '\0') + KeyU64(number); }

std::string DueKey(uint64_t due_ms, DueKind kind, std::string_view header_digest, std::string_view agency, accord::type::v1::Desk desk) {
  return ByteWriter().U64(due_ms).U8(static_cast<uint8_t>(kind)).Raw(header_digest).Lp8(agency).U8(static_cast<uint8_t>(desk)).bytes();
}

std::string DueAtKey(DueKind kind, std::string_view header_digest, std::string_view agency, accord::type::v1::Desk desk) {
  return ByteWriter().Raw(header_digest).U8(static_cast<uint8_t>(kind)).Lp8(agency).U8(static_cast<uint8_t>(desk)).bytes();
}

std::string ReviewPrefix(ReviewKind what, std::string_view viewer) {
  return ByteWriter().U8(static_cast<uint8_t>(what)).Lp8(viewer).bytes();
}

std::string ReviewKey(ReviewKind what, std::string_view viewer, bool open, uint64_t due_ms, std::string_view header_digest) {
  return ByteWriter().Raw(ReviewPrefix(what, viewer)).U8(open ? 1 : 2).U64(due_ms).Raw(header_digest).bytes();
}

std::string SharingKey(std::string_view viewer, accord::type::v1::SharingClass sharing_class, uint64_t stored_ms, uint64_t stored_index,
                       std::string_view recipient) {
  return ByteWriter().Lp8(viewer).U8(static_cast<uint8_t>(sharing_class)).U64(stored_ms).U64(stored_index).Lp8(recipient).bytes();
}

std::string WarrantOrderPrefix(std::string_view body) { return ByteWriter().U8(1).Lp8(body).bytes(); }
std::string WarrantOrderKey(std::string_view body, uint64_t proposed_index) { return WarrantOrderPrefix(body) + KeyU64(proposed_index); }

std::string LookPrefix(std::string_view agency, accord::type::v1::Desk desk) {
  const bool confidential = desk == accord::type::v1::DESK_CONFIDENTIAL;  // Unspecified means main.
  return ByteWriter().U8(2).Lp8(agency).U8(confidential ? accord::type::v1::DESK_CONFIDENTIAL : accord::type::v1::DESK_MAIN).bytes();
}
std::string LookKey(std::string_view agency, accord::type::v1::Desk desk, int64_t visible_from_ms, uint64_t index) {
  return LookPrefix(agency, desk) + KeyU64(static_cast<uint64_t>(visible_from_ms)) + KeyU64(index);
}

std::string TrailIndexKey(std::string_view key, uint64_t index) { return ByteWriter().U8(1).Raw(key).U64(index).bytes(); }

std::string ChainEntryKey(std::string_view pseudonym, uint64_t sequence) {
  return ByteWriter().Raw(pseudonym).U64(sequence).bytes();
}

const std::vector<storage::FamilySpec>& BrokerFamilies() {
  static const auto* const families = new std::vector<storage::FamilySpec>([] {
    std::vector<storage::FamilySpec> all;
    for (std::string_view name :
         {kFamilyLeaf, kFamilyTile, kFamilyNode, kFamilyCheckpoint, kFamilyPublished, kFamilyCosignature, kFamilyWitness,
          kFamilyFork, kFamilyOpening, kFamilyChain, kFamilyChainEntry, kFamilyTrailIndex, kFamilyFact, kFamilyRequest, kFamilyReferral, kFamilySection, kFamilyUpload, kFamilyUploadIndex, kFamilyStatement, kFamilyParty,
          kFamilyDelivery, kFamilyMailbox, kFamilyDeadLetter, kFamilySettled, kFamilyCase, kFamilyCaseToken, kFamilyCaseReferral, kFamilyCaseEvent, kFamilyCaseMatch, kFamilyLink, kFamilyLinkIndex,
          kFamilyErasure, kFamilyErased,
          kFamilyRetention, kFamilyMapping, kFamilyRefused, kFamilyHold, kFamilyHoldCover,
          kFamilyHoldReferral, kFamilyHoldHolder, kFamilyDue, kFamilyDueAt, kFamilyGap, kFamilyBreach, kFamilyReview,
          kFamilySharing, kFamilyWarrant, kFamilyWarrantIndex, kFamilyDisclosure, kFamilyDisclosed, kFamilyAgency, kFamilySupport, kFamilyOfficer, kFamilyDeny, kFamilySuspension,
          kFamilyChange, kFamilyPolicy, kFamilyMeta}) {
      all.push_back({.name = std::string(name),
                     .sealed = name == kFamilySection || name == kFamilyUpload || name == kFamilyDisclosed,
                     .always_there = name == kFamilyLeaf || name == kFamilyOpening});  // By far the largest.
    }
    return all;
  }());
  return *families;
}

}  // namespace accord::broker
