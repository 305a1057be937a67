// An agency service's own store: Protocol Buffers in families, encrypted under the agency's store key.
//
// Families and messages are in docs/storage.md and proto/accord/storage/v1/agent.proto. A value is
// `0x01 ‖ nonce[12] ‖ AES-256-GCM ciphertext ‖ tag[16]`, additional data lp8(family) ‖ lp16(key).
#pragma once

#include <absl/functional/function_ref.h>
#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <google/protobuf/message_lite.h>

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/random.h"
#include "common/base/status.h"
#include "common/crypto/secret.h"
#include "common/storage/batch.h"
#include "common/storage/store.h"

namespace accord::agent {

inline constexpr std::string_view kFamilyOutbox = "outbox";             // request id → StoredSubmission
inline constexpr std::string_view kFamilyOutboxOrder = "outbox_order";  // u64 sequence → request id
inline constexpr std::string_view kFamilyInbox = "inbox";               // header digest → StoredReceived
inline constexpr std::string_view kFamilyEarly = "early";               // header digest → StoredReceived
inline constexpr std::string_view kFamilyInboxOrder = "inbox_order";    // u64 sequence → header digest
inline constexpr std::string_view kFamilyDelivery = "delivery";         // delivery id → u64 time acknowledged
inline constexpr std::string_view kFamilyHold = "hold";                 // id → StoredAgencyHold
inline constexpr std::string_view kFamilyHeld = "held";                 // header digest[32] ‖ hold id → StoredHeld
inline constexpr std::string_view kFamilyDisclosure = "disclosure";     // u64 number → StoredDisclosureAnswer
inline constexpr std::string_view kFamilyErased = "erased";             // header digest → StoredErasedCopy
inline constexpr std::string_view kFamilyNotice = "notice";             // u64 order of arrival → StoredNotice
inline constexpr std::string_view kFamilyInboxPeople = "inbox_people";  // header digest → StoredInboxPeople
inline constexpr std::string_view kFamilyAssignment = "assignment";     // header digest → StoredAssignment
inline constexpr std::string_view kFamilyWorker = "worker";             // pseudonym → StoredWorker
inline constexpr std::string_view kFamilyJournal = "journal";           // u64 sequence → StoredJournalEntry
inline constexpr std::string_view kFamilyJournalAbout = "journal_about";  // digest[32] of what it is about ‖ u64 sequence → nothing
inline constexpr std::string_view kFamilyAttachment = "attachment";     // id[32] → StoredAttachment
inline constexpr std::string_view kFamilyAttachmentData = "attachment_data";  // id[32] → accord.type.v1.Attachment
inline constexpr std::string_view kFamilySealed = "sealed";             // SectionOwner (sealed_sections.h) ‖ SHA-256[32] → SealedSection
inline constexpr std::string_view kFamilyImport = "import";             // u64 order → StoredImport; ‖ u64 number → StoredImportedRecord
inline constexpr std::string_view kFamilyForumCase = "forum_case";      // header digest → StoredForumCase
inline constexpr std::string_view kFamilyForumAction = "forum_action";  // header digest[32] ‖ id → StoredForumAction
inline constexpr std::string_view kFamilyMeta = "meta";                 // see below
inline constexpr std::string_view kMetaCheckpoint = "checkpoint";       // → StoredCheckpoint
inline constexpr std::string_view kMetaCosigned = "cosigned";           // → StoredCosigned
inline constexpr std::string_view kMetaPurge = "purge";                 // → StoredPurge
inline constexpr std::string_view kMetaAlarm = "alarm";                 // → StoredAlarm
inline constexpr std::string_view kMetaOffers = "offers";               // → StoredOffers
inline constexpr std::string_view kMetaLinkPrefix = "link/";            // ‖ its name → u64 time in ms: a pair of cases that is answered

// Every family, to open the store with.
std::vector<std::string> AgencyFamilies();

// Thread-safe for reads; writes are serialised by the caller's own lock.
class AgencyStore {
 public:
  // `key`: 32 bytes. `store` and `random` must outlive this.
  AgencyStore(storage::Store& store, crypto::SecretBytes key, Random& random)
      : store_(store), key_(std::move(key)), random_(random) {}

  // The message, or nullopt when absent. STORE_CORRUPT when it does not decrypt or parse.
  template <typename Message>
  absl::StatusOr<std::optional<Message>> Get(std::string_view family, std::string_view key) const {
    ACCORD_ASSIGN_OR_RETURN(const auto stored, store_.Get(family, key));
    if (!stored.has_value()) return std::optional<Message>();
    Message message;
    ACCORD_RETURN_IF_ERROR(Open(family, key, *stored, message));
    return std::optional<Message>(std::move(message));
  }

  // Adds an encrypted put to `batch`.
  void Put(storage::Batch& batch, std::string_view family, std::string_view key,
           const google::protobuf::MessageLite& message) const;

  // Writes `batch` and fsyncs. OK: durable. UNAVAILABLE: unknown, nothing is written any more.
  absl::Status Commit(const storage::Batch& batch) {
    const absl::Status written = store_.Write(batch, /*sync=*/true);
    if (!written.ok()) refuses_ = true;
    return written;
  }
  // True once a write has failed: nothing is taken until the service is started again.
  bool refuses() const { return refuses_; }

  const storage::Store& raw() const { return store_; }

 private:
  absl::Status Open(std::string_view family, std::string_view key, std::string_view stored,
                    google::protobuf::MessageLite& message) const;

  storage::Store& store_;
  const crypto::SecretBytes key_;
  Random& random_;
  std::atomic<bool> refuses_ = false;
};

}  // namespace accord::agent
