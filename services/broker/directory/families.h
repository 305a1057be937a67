// Where the broker keeps what: every family of its store and the layout of its keys
// (docs/storage.md). Persisted: a name or layout is never reused. Numbers are big-endian, so that
// keys sort by them. It is better whole: whoever looks for a new name or layout must see those that are taken.
//
// All functions are thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "accord/type/v1/vocabulary.pb.h"
#include "common/storage/commit_log.h"
#include "common/storage/rocks_store.h"
#include "services/broker/ledger/ledger_families.h"

namespace accord::broker {

// The ledger's, insert-only but for its head record; keys as in ledger_families.h.
inline constexpr std::string_view kFamilyLeaf = kLeafFamily;
inline constexpr std::string_view kFamilyTile = kTileFamily;
inline constexpr std::string_view kFamilyNode = kNodeFamily;
inline constexpr std::string_view kFamilyCheckpoint = kCheckpointFamily;
inline constexpr std::string_view kFamilyPublished = "published";    // u64 size → StoredPublished
inline constexpr std::string_view kFamilyCosignature = "cosignature"; // CosignatureKey → StoredCosignature
inline constexpr std::string_view kFamilyWitness = "witness";        // witness name → StoredWitness
inline constexpr std::string_view kFamilyFork = kForkFamily;         // ForkKey → a note of ours that this log contradicts
inline constexpr std::string_view kFamilyOpening = kOpeningFamily;   // u64 index → sealed StoredOpenings
inline constexpr std::string_view kFamilyChain = "chain";            // pseudonym[16] → StoredChain
inline constexpr std::string_view kFamilyChainEntry = "chain_entry"; // ChainEntryKey → u64 leaf index
inline constexpr std::string_view kFamilyTrailIndex = "trail_index"; // TrailIndexKey → nothing (trails/index.h)
inline constexpr std::string_view kFamilyFact = "fact";              // ChainEntryKey → sealed StoredFact (trails/fact.h)

// Referrals and their delivery.
inline constexpr std::string_view kFamilyRequest = "request";        // RequestKey → StoredRequest
inline constexpr std::string_view kFamilyReferral = "referral";      // header digest[32] → sealed StoredReferral
inline constexpr std::string_view kFamilySection = "section";        // SectionKey → sealed CMS
inline constexpr std::string_view kFamilyUpload = "upload";          // UploadKey → sealed StoredUpload
inline constexpr std::string_view kFamilyUploadIndex = "upload_index";  // UploadsOfAgencyKey, UploadRowKey, UploadSlotKey
inline constexpr std::string_view kFamilyStatement = "statement";    // StatementKey → sealed StoredStatement
inline constexpr std::string_view kFamilyParty = "party";            // PartyKey → header digest[32]
inline constexpr std::string_view kFamilyDelivery = "delivery";      // delivery id[16] → StoredDelivery
inline constexpr std::string_view kFamilyMailbox = "mailbox";        // MailboxKey → delivery id[16]
inline constexpr std::string_view kFamilyDeadLetter = "dead_letter";  // DeadLetterKey → nothing
inline constexpr std::string_view kFamilySettled = "settled";        // SettledKey → u64 time in ms ‖ delivery id[16]
inline constexpr std::string_view kFamilyCase = "case";              // pseudonym[16] → StoredCase
inline constexpr std::string_view kFamilyCaseToken = "case_token";   // victim[32] ‖ perpetrator[32] → pseudonym[16]

inline constexpr std::string_view kFamilyCaseReferral = "case_referral";  // CaseReferralKey → header digest[32]
inline constexpr std::string_view kFamilyCaseEvent = "case_event";        // CaseReferralKey → sealed StoredCaseEvent
inline constexpr std::string_view kFamilyCaseMatch = "case_match";   // MatchTokenKey → pseudonyms[16], or u64 how many; MatchCaseKey → tokens
inline constexpr std::string_view kFamilyLink = "link";              // u64 number → StoredLink
inline constexpr std::string_view kFamilyLinkIndex = "link_index";   // LinksOfCaseKey → u64 numbers; LinkPartyKey → nothing; LinkToldKey → lp8(agency)s

// Erasure and retention (services/broker/erasure).
inline constexpr std::string_view kFamilyErasure = "erasure";        // ErasureKey → StoredErasure, ErasingKey → StoredErasing
inline constexpr std::string_view kFamilyErased = "erased";          // mark[32] (delivery/erased.h) → u64 leaf index of its ERASED entry
inline constexpr std::string_view kFamilyRetention = "retention";    // RetentionKey → header digest[32]
inline constexpr std::string_view kFamilyMapping = "mapping";        // u64 time in ms ‖ case pseudonym[16] → nothing
inline constexpr std::string_view kFamilyRefused = "refused";        // RefusedKey → u64 leaf index of a REFUSED entry; digest[32] → u64 how many

// Legal holds (services/broker/holds).
inline constexpr std::string_view kFamilyHold = "hold";                    // id → StoredHold
inline constexpr std::string_view kFamilyHoldCover = "hold_cover";         // HoldCoverKey → StoredHoldCover
inline constexpr std::string_view kFamilyHoldReferral = "hold_referral";   // HoldReferralKey → StoredHoldReferral
inline constexpr std::string_view kFamilyHoldHolder = "hold_holder";       // HoldHolderKey → StoredHoldHolder

// Sharing: its clocks and registers (services/broker/sharing).
inline constexpr std::string_view kFamilyDue = "due";                // DueKey → nothing, or u64 ms (sharing/due.h)
inline constexpr std::string_view kFamilyDueAt = "due_at";           // DueAtKey → u64 time in ms at which its row of `due` stands
inline constexpr std::string_view kFamilyGap = "gap";                // header digest[32] → sealed StoredGap
inline constexpr std::string_view kFamilyBreach = "breach";          // header digest[32] → sealed StoredBreach
inline constexpr std::string_view kFamilyReview = "review";          // ReviewKey → nothing
inline constexpr std::string_view kFamilySharing = "sharing";        // SharingKey → sealed StoredSharing, or the sender's id

// Inspection (services/broker/warrants).
inline constexpr std::string_view kFamilyWarrant = "warrant";        // id → StoredWarrant
inline constexpr std::string_view kFamilyWarrantIndex = "warrant_index";  // WarrantOrderKey → id; LookKey → StoredLook
// Disclosures; their keys are in services/broker/disclosures/disclosure_store.h.
inline constexpr std::string_view kFamilyDisclosure = "disclosure";  // u64 number → sealed StoredDisclosure; DisclosureListKey → nothing
inline constexpr std::string_view kFamilyDisclosed = "disclosed";    // DisclosedKey → the sealed bytes of a part, sealed once more

// Administration.
inline constexpr std::string_view kFamilyAgency = "agency";          // id → admin.v1.Agency
inline constexpr std::string_view kFamilySupport = "support";        // agency → StoredSupport
inline constexpr std::string_view kFamilyOfficer = "officer";        // OfficerKey → StoredOfficer
inline constexpr std::string_view kFamilyDeny = "deny";              // digest[32] → u64 number of the change
inline constexpr std::string_view kFamilySuspension = "suspension";  // principal name → StoredSuspension
inline constexpr std::string_view kFamilyChange = "change";          // u64 number → StoredChange
inline constexpr std::string_view kFamilyPolicy = "policy";          // kAgreementCurrentKey …
inline constexpr std::string_view kFamilyMeta = storage::kMetaFamily;

// Keys of family `meta`, beside storage::kCommitKey and the ledger's own.
inline constexpr std::string_view kMetaEpochsKey = "epochs";         // → StoredEpochs
inline constexpr std::string_view kMetaChangeKey = "change";         // → u64 number of the last change
inline constexpr std::string_view kMetaTrailIndexKey = "trail_index";  // → u64 entries that family `trail_index` covers; absent: none
inline constexpr std::string_view kMetaFactKey = "fact";             // → u64 entries that family `fact` covers; absent: none
inline constexpr std::string_view kMetaWitnessedKey = "witnessed";   // → u64 size of the newest that met the quorum when cosigned
inline constexpr std::string_view kMetaForkKey = "fork";             // → u64 leaf index of the FORK_SHOWN entry that ended signing
inline constexpr std::string_view kMetaErasureListKey = "erasure_list";      // → u64 records that the erasure list has at least
inline constexpr std::string_view kMetaRetentionIndexKey = "retention_index"; // → header digest[32] up to which family `retention` was filled; empty: all
inline constexpr std::string_view kMetaHoldsKey = "holds";           // → StoredHolds
inline constexpr std::string_view kMetaMaintenanceKey = "maintenance";  // → StoredMaintenance, while the broker is under maintenance
inline constexpr std::string_view kMetaAdministrationChain = "chain/administration";  // → pseudonym[16]
// RecoveryKey → accord.type.v1.EntryEvent: how the store was mended while no broker had it open, until the first commit
// makes it an entry.
inline constexpr std::string_view kMetaRecoveryPrefix = "recovery/";

// Keys of family `policy`.
// → StoredAgreement: the one in force of a store from when there was but one; not written any more. Of the rows of that time
// (`effective_from_ms` 0) it alone counts.
inline constexpr std::string_view kAgreementCurrentKey = "agreement/current";
inline constexpr std::string_view kPolicyApprovedKey = "approved";  // → u64 time in ms of the newest policy text, which the next is after
inline constexpr std::string_view kRetentionCurrentKey = "retention/current";         // → StoredRetention

// "chain/" ‖ principal, in family `meta`. Principals contain a slash or are "broker" or
// "unknown", so none is "administration".
std::string PrincipalChainKey(std::string_view principal);
// "recovery/" ‖ u64 number from 0.
std::string RecoveryKey(uint64_t number);
// "left/" ‖ agency, in family `meta`: u64 number of the change by which it left.
std::string LeftKey(std::string_view agency);
// "retention/version/" ‖ u64 number of the change, in family `policy`.
std::string RetentionVersionKey(uint64_t change);
// In family `policy`: "agreement/version/", "emergency/version/", "law/version/", "clocks/version/" or "cases/version/" ‖ version →
// StoredAgreement, and for the others StoredPolicyText; "forum/" ‖ id → admin.v1.Forum; "conflicts/" ‖ agency.
std::string AgreementKey(std::string_view version);
std::string EmergencyKey(std::string_view version);
std::string LawKey(std::string_view version);
std::string ClocksKey(std::string_view version);
std::string CasesKey(std::string_view version);
std::string ForumKey(std::string_view id);
std::string ConflictListKey(std::string_view agency);
// "admin/" or "inspector/" ‖ id.
std::string OfficerKey(bool inspector, std::string_view id);

// u64 size ‖ witness name.
std::string CosignatureKey(uint64_t size, std::string_view witness);
// u64 size that the note names ‖ SHA-256 of the note[32].
std::string ForkKey(uint64_t size, std::string_view digest);
// "scrub/" ‖ key of a tile (EncodeTileKey), in family `meta`: u64 leaf index of the SCRUB_FAILED entry about it.
std::string ScrubKey(std::string_view tile_key);
// lp8(principal) ‖ request id. Scoped to the agency or officer, not to its workloads.
std::string RequestKey(std::string_view principal, std::string_view request_id);
// header digest[32] ‖ section id[16].
std::string SectionKey(std::string_view header_digest, std::string_view section_id);
// agency ‖ 0 ‖ SHA-256 of the sealed bytes[32].
std::string UploadKey(std::string_view agency, std::string_view digest);
// Of family `upload_index`: u8 1 ‖ agency: u64 how many of its uploads wait ‖ u64 their bytes; u8 2 ‖ lp8(agency) ‖ SHA-256[32]: u64 bytes of
// one ‖ its request id; u8 3 ‖ lp8(agency) ‖ request id: u64 key slot of those for one referral ‖ u64 how many wait.
std::string UploadsOfAgencyKey(std::string_view agency);
std::string UploadRowKey(std::string_view agency, std::string_view digest);
std::string UploadSlotKey(std::string_view agency, std::string_view request_id);
// header digest[32] ‖ statement digest[32].
std::string StatementKey(std::string_view header_digest, std::string_view statement_digest);
// lp8(agency) ‖ u64 leaf index of the `stored` entry: what ListReferrals walks backwards.
std::string PartyKey(std::string_view agency, uint64_t stored_index);
// lp8(agency) ‖ u8 desk ‖ u8 lane ‖ u64 sequence; the first three are its prefix.
std::string MailboxKey(std::string_view agency, accord::type::v1::Desk desk, accord::type::v1::Lane lane,
                       uint64_t sequence);
std::string MailboxPrefix(std::string_view agency, accord::type::v1::Desk desk, accord::type::v1::Lane lane);
// lp8(viewer) ‖ u8 desk ‖ u64 of all ones less its time in ms ‖ delivery id[16]: the dead letters that a desk may see, the newest first;
// the first two are its prefix. An unspecified desk is main.
std::string DeadLetterKey(std::string_view viewer, accord::type::v1::Desk desk, int64_t dead_at_ms, std::string_view delivery_id);
std::string DeadLetterPrefix(std::string_view viewer, accord::type::v1::Desk desk);
// lp8(agency) ‖ u8 desk ‖ u64 leaf index of the entry by which the delivery was acknowledged; the first two are its prefix.
std::string SettledKey(std::string_view agency, accord::type::v1::Desk desk, uint64_t settled_index);
std::string SettledPrefix(std::string_view agency, accord::type::v1::Desk desk);
// "replay/" ‖ lp8(agency) ‖ u8 desk, in family `meta`: u64 leaf index at which the replay under way goes on ‖ u64 that of its first entry.
std::string ReplayKey(std::string_view agency, accord::type::v1::Desk desk);
// pseudonym[16] ‖ u64 number in the case.
std::string CaseReferralKey(std::string_view pseudonym, uint64_t number);
// Of family `case_match`: u8 1 ‖ u8 role ‖ HMAC of a subject token[32], and u8 2 ‖ case pseudonym[16].
std::string MatchTokenKey(accord::type::v1::SubjectRole role, std::string_view token);
std::string MatchCaseKey(std::string_view pseudonym);
// Of family `link_index`: u8 1 ‖ case pseudonym[16]; u8 2 ‖ lp8(agency) ‖ u64 of all ones less the number, so that the newest come first,
// and the prefix of these; u8 3 ‖ u64 number.
std::string LinksOfCaseKey(std::string_view pseudonym);
std::string LinkPartyKey(std::string_view agency, uint64_t number);
std::string LinkPartyPrefix(std::string_view agency);
std::string LinkToldKey(uint64_t number);
// u8 1 ‖ u64 leaf index, and u8 2 ‖ u64 leaf index: an erasure, and what is left to do of it.
std::string ErasureKey(uint64_t index);
std::string ErasingKey(uint64_t index);
std::string ErasingPrefix();
// u32 type ‖ u64 leaf index of the newest entry that was known when the row was written.
std::string RetentionKey(accord::type::v1::ReferralType type, uint64_t last_index);
// digest[32] ‖ u64 number.
std::string RefusedKey(std::string_view signature_digest, uint64_t number);
// What a row of `hold_cover` is about. Persisted. Do not renumber.
enum class HoldTarget : uint8_t { kReferral = 1, kCase = 2, kSubject = 3 };
// u8 kind ‖ header digest[32], case pseudonym[16] or HMAC of a subject token[32].
std::string HoldCoverKey(HoldTarget kind, std::string_view target);
// lp8(hold) ‖ header digest[32], and lp8(hold) ‖ lp8(agency) ‖ u8 desk; lp8(hold) is the prefix of both.
std::string HoldReferralKey(std::string_view hold, std::string_view header_digest);
std::string HoldHolderKey(std::string_view hold, std::string_view agency, accord::type::v1::Desk desk);
std::string HoldPrefix(std::string_view hold);
// What falls due. Persisted. Do not renumber.
enum class DueKind : uint8_t {
  kGap = 1,     // The review of what was shared under the emergency schedule alone.
  kChange = 2,  // A holder's answer to a change of consent, a correction or a recall.
  kBreach = 3,  // The assessment of a personal data breach.
  kPickUp = 4,    // A person at a recipient opens a referral.
  kResponse = 5,  // A recipient answers it.
  kFeedback = 6,  // A recipient tells what came of it.
  kChecks = 7,    // The time of a check; the agency is its sender.
  kReseal = 8,    // The sender seals again for a recipient.
  kUpload = 9,    // A section that was uploaded and whose referral did not come; in place of the header digest that of its bytes.
  kChangeAct = 10,  // A change of the directory expires, or comes into force; in place of the header digest ChangeMark of its number.
  kDisclosure = 11,  // An agency's answer to an inspector, then the end of what was disclosed; in place of the header digest ChangeMark of its number.
};
// 24 bytes of 0 ‖ u64 number of a change.
std::string ChangeMark(uint64_t number);
// u64 time in ms ‖ u8 kind ‖ header digest[32] ‖ lp8(agency) ‖ u8 desk.
std::string DueKey(uint64_t due_ms, DueKind kind, std::string_view header_digest, std::string_view agency, accord::type::v1::Desk desk);
// header digest[32] ‖ u8 kind ‖ lp8(agency) ‖ u8 desk; the digest is the prefix of all about one referral.
std::string DueAtKey(DueKind kind, std::string_view header_digest, std::string_view agency, accord::type::v1::Desk desk);
// u8 what ‖ lp8(viewer) ‖ u8 open (1) or closed (2) ‖ u64 due in ms ‖ header digest[32]: what a viewer may list of gaps and breaches,
// the open first and of these the longest due. A viewer is an agency that is concerned, or empty: administrators.
enum class ReviewKind : uint8_t { kGap = 1, kBreach = 2 };  // Persisted. Do not renumber.
std::string ReviewKey(ReviewKind what, std::string_view viewer, bool open, uint64_t due_ms, std::string_view header_digest);
std::string ReviewPrefix(ReviewKind what, std::string_view viewer);
// lp8(viewer) ‖ u8 class ‖ u64 stored in ms ‖ u64 leaf index of the `stored` entry ‖ lp8(recipient). A viewer is the sender, whose row
// is the StoredSharing, or empty: administrators, whose row names the sender.
std::string SharingKey(std::string_view viewer, accord::type::v1::SharingClass sharing_class, uint64_t stored_ms, uint64_t stored_index,
                       std::string_view recipient);
// Of family `warrant_index`: u8 1 ‖ lp8(body, or empty: administrators') ‖ u64 leaf index of its WARRANT_PROPOSED entry; the first two are
// its prefix.
std::string WarrantOrderKey(std::string_view body, uint64_t proposed_index);
std::string WarrantOrderPrefix(std::string_view body);
// u8 2 ‖ lp8(agency, or empty: every agency) ‖ u8 desk ‖ u64 time in ms from which the agency may see it ‖ u64 leaf index of the query's
// entry; the first three are its prefix.
std::string LookKey(std::string_view agency, accord::type::v1::Desk desk, int64_t visible_from_ms, uint64_t index);
std::string LookPrefix(std::string_view agency, accord::type::v1::Desk desk);
// u8 1 ‖ key of what stands there (trails/keys.h)[16] ‖ u64 leaf index.
std::string TrailIndexKey(std::string_view key, uint64_t index);
// pseudonym[16] ‖ u64 sequence.
std::string ChainEntryKey(std::string_view pseudonym, uint64_t sequence);

// Every family, as the store is opened with.
const std::vector<storage::FamilySpec>& BrokerFamilies();

}  // namespace accord::broker
